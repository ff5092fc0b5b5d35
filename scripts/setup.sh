#!/usr/bin/env bash
# Installs what is missing: Debian packages (with sudo when not root) and the project's own Python
# environment in .venv. Safe to repeat. Usage: scripts/setup.sh [requirements.txt]
set -euo pipefail
cd "$(dirname "$0")/.."
requirements=${1:-requirements.txt}

say() { printf 'lazarillo setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

scripts/install_packages.sh scripts/packages.txt

stamp=.venv/installed-$(basename "$requirements" .txt)
if [ ! -e "$stamp" ] || [ "$requirements" -nt "$stamp" ] || [ requirements.txt -nt "$stamp" ]; then
  say "installing the Python environment .venv ($requirements)"
  [ -x .venv/bin/python ] || python3 -m venv .venv || fail "python3 -m venv failed: remove .venv and try again"
  .venv/bin/python -m pip install -q --disable-pip-version-check -r "$requirements" ||
    fail "pip could not install $requirements: is the network up?"
  touch "$stamp"
fi
