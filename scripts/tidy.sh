#!/usr/bin/env bash
# clang-tidy over our sources; fails on any finding.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang-tidy >/dev/null || { echo "lazarillo: install clang-tidy first" >&2; exit 1; }
# Those that this build compiles: what needs a library which is not here cannot be read.
git ls-files 'src/*.cpp' 'apps/*.cpp' | while read -r file; do
  if grep -qF "\"file\": \"$PWD/$file\"" "$1/compile_commands.json"; then echo "$file"; fi
done | xargs -P"$(nproc)" -n4 clang-tidy -p "$1" --quiet
