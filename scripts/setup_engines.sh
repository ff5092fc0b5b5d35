#!/usr/bin/env bash
# What `make engines` compiles with: the Python environment .venv-engines (0.65 GB; no GPU, no PyTorch).
# Where the bench's environment is, the pair of networks with random weights and an open batch, too, in
# .cache/models/dynamic. Safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'lazarillo setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

stamp=.venv-engines/installed
requirements=tools/export/requirements-engines.txt
if [ ! -e "$stamp" ] || [ "$requirements" -nt "$stamp" ]; then
  say "installing the Python environment .venv-engines (210 MB to fetch, once)"
  [ -x .venv-engines/bin/python ] || python3 -m venv .venv-engines ||
    fail "python3 -m venv failed: remove .venv-engines and try again"
  .venv-engines/bin/python -m pip install -q --disable-pip-version-check -r "$requirements" ||
    fail "pip could not install $requirements: is the network up?"
  touch "$stamp"
fi

pair=.cache/models/dynamic
if [ -e .venv-bench/installed ] && [ ! -e $pair/yolo12n-dav2s-random.toml ]; then
  say "exporting YOLO12n and Depth Anything V2 small with random weights into $pair"
  for network in yolo12n dav2s; do
    .venv-bench/bin/python tools/export/export.py $network --random --seed 1 --batch dynamic --out $pair >&2
  done
fi
