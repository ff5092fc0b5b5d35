#!/usr/bin/env bash
# What the tests of training/ need, without a GPU and small: Debian's PyTorch, which is built for the
# processor alone, and a few packages in the Python environment .venv-training. Safe to repeat. Whoever
# trains takes training/requirements.txt instead, with a PyTorch of today.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'lazarillo setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

scripts/install_packages.sh scripts/packages-training.txt

stamp=.venv-training/installed
if [ ! -e "$stamp" ] || [ training/requirements.txt -nt "$stamp" ] || [ "$0" -nt "$stamp" ]; then
  say "installing the Python environment .venv-training"
  # Debian's own Python: another one does not find, or cannot load, what Debian packages.
  [ -x .venv-training/bin/python ] || /usr/bin/python3 -m venv --system-site-packages .venv-training ||
    fail "/usr/bin/python3 -m venv failed: remove .venv-training and try again"
  # The versions of requirements.txt; numpy stays the one Debian's PyTorch was built with.
  grep -E '^(onnx|openvino|pillow)==' training/requirements.txt > .venv-training/wanted.txt
  grep -E '^ncnn==' training/requirements.txt > .venv-training/wanted-alone.txt
  echo 'numpy<2' > .venv-training/constraints.txt
  pip=(.venv-training/bin/python -m pip install -q --disable-pip-version-check)
  { "${pip[@]}" -c .venv-training/constraints.txt -r .venv-training/wanted.txt &&
    "${pip[@]}" --no-deps -r .venv-training/wanted-alone.txt; } ||
    fail "pip could not install what .venv-training needs: is the network up?"
  touch "$stamp"
fi
