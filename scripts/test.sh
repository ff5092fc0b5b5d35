#!/usr/bin/env bash
# Runs every test: C++ (ctest), then the program as a whole (pytest). Closes with "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
log=$build/test-logs
mkdir -p "$log"
passed=0 failed=0 skipped=0

ctest --test-dir "$build" --output-on-failure --no-tests=error -j"$(nproc)" \
  --output-junit "$PWD/$log/ctest.xml" > "$log/ctest.log" 2>&1
ctest_status=$?
sed -n '/tests passed/,$p' "$log/ctest.log"
[ "$ctest_status" -eq 0 ] || cat "$log/ctest.log"

.venv/bin/python -m pytest -q -rs tests/system --junitxml "$log/pytest.xml"
pytest_status=$?

read -r passed failed skipped < <(.venv/bin/python scripts/count_tests.py "$log/ctest.xml" "$log/pytest.xml")
# A runner that died before it wrote its results counts as a failure.
if [ "$failed" -eq 0 ] && { [ "$ctest_status" -ne 0 ] || [ "$pytest_status" -ne 0 ]; }; then failed=1; fi
echo
[ "$skipped" -eq 0 ] || echo "$skipped skipped: they need material that is not here (named above)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
