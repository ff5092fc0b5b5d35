#!/usr/bin/env bash
# Installs those Debian packages of a list that are missing (with sudo when not root). Safe to repeat.
# Usage: scripts/install_packages.sh LIST
set -euo pipefail
list=$1

say() { printf 'lazarillo setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "not root and no sudo: ask your administrator to run: $*"
  fi
}

command -v apt-get >/dev/null || fail "needs Debian or a relative of it (apt-get); elsewhere install what $list names"

missing=()
while read -r package; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done < <(sed 's/#.*//' "$list" | grep -v '^[[:space:]]*$')
[ ${#missing[@]} -gt 0 ] || exit 0
say "installing ${#missing[@]} Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
as_root apt-get -qq update || fail "apt-get update failed: is the network up?"
as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${missing[@]}" >/dev/null ||
  fail "apt-get could not install: ${missing[*]}"
