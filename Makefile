# make help lists the targets.
PRESET ?= release
JOBS ?= $(shell nproc)
build = build$(if $(filter release,$(PRESET)),,-$(PRESET))

.PHONY: help setup setup-test build test demo bench bench-setup engines training-setup ladder scaling asan tsan sanitize tidy format clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:
	@scripts/setup.sh

setup-test:
	@scripts/setup.sh requirements-test.txt

build: setup  ## install what is missing and build build/lazarillo
	@cmake --preset $(PRESET) > /dev/null
	@cmake --build $(build) -j$(JOBS)

test: setup-test build  ## install, build and run every test
	@scripts/fetch_video.sh || true
	@scripts/test.sh $(build)

demo: setup  ## install, build and guide through a real street video; results in out/demo
	@cmake --preset release > /dev/null
	@cmake --build build -j$(JOBS) --target lazarillo
	@scripts/demo.sh

bench-setup:  ## install the Python peer (6 GB) and export the networks that `make bench` compares
	@scripts/setup_bench.sh

engines: CAPABILITY ?= 7.5
engines:  ## compile the networks for an RTX 2060 that need not be here (CAPABILITY=8.6: another); results in out/engines
	@scripts/setup_engines.sh
	@scripts/fetch_video.sh
	@.venv-engines/bin/python tools/export/engines.py --compute-capability $(CAPABILITY)

training-setup:  ## install what the tests of training/ need (a PyTorch without CUDA)
	@scripts/setup_training.sh

bench: build bench-setup  ## how fast, beside the Python peer; results in out/bench
	@scripts/fetch_video.sh
	@python3 bench/compare.py

ladder: build  ## the plan's steps one after the other on one video; results in out/ladder
	@scripts/fetch_video.sh
	@python3 bench/ladder.py

scaling: build  ## cost against resolution, objects and cameras; results in out/scaling
	@scripts/fetch_video.sh
	@cmake --build $(build) -j$(JOBS) --target tracker_bench cameras_bench
	@python3 bench/scaling.py

asan:  ## the C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory sanitize PRESET=asan

tsan:  ## the C++ tests under ThreadSanitizer
	@$(MAKE) --no-print-directory sanitize PRESET=tsan

sanitize: setup-test build
	@scripts/sanitize.sh $(build)

tidy: build  ## clang-tidy over our sources
	@scripts/tidy.sh $(build)

format:  ## clang-format over our sources
	@git ls-files '*.cpp' '*.h' | xargs clang-format -i

clean:  ## remove what was built (not .venv, not out/)
	@rm -rf build build-*/
