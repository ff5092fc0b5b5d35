#!/usr/bin/env bash
# What `make bench` compares with: the peer's Python environment .venv-bench (about 6 GB) and the pair
# of networks with random weights in .cache/models. Safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'lazarillo setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

stamp=.venv-bench/installed
if [ ! -e "$stamp" ] || [ bench/requirements.txt -nt "$stamp" ] || [ tools/export/requirements.txt -nt "$stamp" ]; then
  say "installing the Python environment .venv-bench (PyTorch and more, about 6 GB; once)"
  [ -x .venv-bench/bin/python ] || python3 -m venv .venv-bench ||
    fail "python3 -m venv failed: remove .venv-bench and try again"
  .venv-bench/bin/python -m pip install -q --disable-pip-version-check -r bench/requirements.txt ||
    fail "pip could not install bench/requirements.txt: is the network up?"
  touch "$stamp"
fi

models=.cache/models
export_network() { .venv-bench/bin/python tools/export/export.py "$1" --random --seed 1 --out "$models" >&2; }
if [ ! -e $models/yolo12n-random.onnx ] || [ ! -e $models/yolo12n-random.pt ]; then
  say "exporting YOLO12n with random weights into $models"
  export_network yolo12n
fi
if [ ! -e $models/depth_anything_v2_small-random.onnx ] || [ ! -e $models/yolo12n-dav2s-random.toml ]; then
  say "exporting Depth Anything V2 small with random weights into $models"
  export_network dav2s
fi
