#!/usr/bin/env bash
# The main job on a real street; the results go to out/demo. Arguments go to `lazarillo run`.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/fetch_video.sh
build/lazarillo run .cache/vtest.avi --out out/demo --fast --config profiles/vtest.toml "$@"
