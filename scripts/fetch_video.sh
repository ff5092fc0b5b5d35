#!/usr/bin/env bash
# Fetches the street video once into .cache/vtest.avi: one file out of the Debian package opencv-doc,
# which is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."
video=.cache/vtest.avi
digest=45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf

fail() { printf 'lazarillo: %s\n' "$*" >&2; exit 1; }
whole() { [ -f "$video" ] && echo "$digest  $video" | sha256sum --status -c; }

whole && exit 0
printf 'lazarillo: fetching the street video (Debian package opencv-doc, 96 MB, once)\n' >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
fetch() { (cd "$folder" && apt-get -qq download opencv-doc 2>/dev/null); }
if ! fetch; then
  if [ "$(id -u)" -eq 0 ]; then apt-get -qq update; else sudo apt-get -qq update; fi
  fetch || fail "cannot fetch the Debian package opencv-doc: is the network up?"
fi
mkdir -p .cache
dpkg-deb --fsys-tarfile "$folder"/opencv-doc_*.deb |
  tar -xO ./usr/share/doc/opencv-doc/examples/data/vtest.avi > "$video.part" ||
  fail "the package opencv-doc no longer holds vtest.avi"
mv "$video.part" "$video"
whole || fail "$video is not the video expected (SHA-256 differs)"
