#!/usr/bin/env bash
# Runs the C++ tests of a sanitizer build. Leaks and races inside GStreamer, OpenVINO and GLib are not
# ours: sanitizers/*.supp names them.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export LSAN_OPTIONS=suppressions=$PWD/scripts/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# GLib then takes its memory from malloc, which the sanitizers can see.
export G_SLICE=always-malloc
export TSAN_OPTIONS=suppressions=$PWD/scripts/tsan.supp:halt_on_error=1:history_size=7:detect_deadlocks=0:ignore_noninstrumented_modules=1
# OpenVINO's TBB refuses to start under a sanitizer without this.
export TBB_ENABLE_SANITIZERS=1
# Its own TBB comes first: the one Debian has for OpenCV is opened in a way that ASan refuses.
libs=$(echo .venv/lib/python3*/site-packages/openvino/libs)
[ ! -d "$libs" ] || export LD_LIBRARY_PATH=$PWD/$libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
ctest --test-dir "$build" --output-on-failure --no-tests=error -j"$(nproc)"
