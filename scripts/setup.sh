#!/usr/bin/env bash
# Installs what is missing: Debian packages (with sudo when not root) and the project's own Python
# environment in .venv. Safe to repeat. Usage: scripts/setup.sh [requirements.txt]
set -euo pipefail
cd "$(dirname "$0")/.."
requirements=${1:-requirements.txt}

say() { printf 'lazarillo setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "not root and no sudo: ask your administrator to run: $*"
  fi
}

command -v apt-get >/dev/null || fail "needs Debian or a relative of it (apt-get); elsewhere install what scripts/packages.txt names"

missing=()
while read -r package; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done < <(sed 's/#.*//' scripts/packages.txt | grep -v '^[[:space:]]*$')
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get -qq update || fail "apt-get update failed: is the network up?"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install: ${missing[*]}"
fi

stamp=.venv/installed-$(basename "$requirements" .txt)
if [ ! -e "$stamp" ] || [ "$requirements" -nt "$stamp" ] || [ requirements.txt -nt "$stamp" ]; then
  say "installing the Python environment .venv ($requirements)"
  [ -x .venv/bin/python ] || python3 -m venv .venv || fail "python3 -m venv failed: remove .venv and try again"
  .venv/bin/python -m pip install -q --disable-pip-version-check -r "$requirements" ||
    fail "pip could not install $requirements: is the network up?"
  touch "$stamp"
fi
