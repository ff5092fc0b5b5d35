#!/usr/bin/env bash
# clang-tidy over our sources; fails on any finding.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang-tidy >/dev/null || { echo "lazarillo: install clang-tidy first" >&2; exit 1; }
git ls-files 'src/*.cpp' 'apps/*.cpp' | xargs -P"$(nproc)" -n4 clang-tidy -p "$1" --quiet
