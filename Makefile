# Everything a developer or CI runs. Each target works by hand the same way.

CARGO ?= cargo

.DEFAULT_GOAL := help
.PHONY: help setup check deny test test-first test-second lab bench demo try clean

help: ## Say what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## Look for Rust and the Debian packages; install the packages when root
	@scripts/setup

check: setup deny ## Formatting, lints, documentation, licences of dependencies
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked -q

deny:
	@scripts/deny

# Most tests wait most of the time: for an engine, for a session, for arrays that come back.
export RUST_TEST_THREADS ?= 3

# Two lanes of about the same length. Whatever is not named here is in the second; the lab is by itself.
FIRST := soak weather either_array engine failover groups rollback clones snapshots
SECOND := $(filter-out rig pair lab $(FIRST),$(basename $(notdir $(wildcard tests/* simulator/tests/*))))

test: setup ## All tests; what needs root or a tool says `skipped: why` (REQUIRE_ALL=1 makes that a failure)
	$(CARGO) test --workspace --locked --no-run
	@$(MAKE) --no-print-directory --jobs=2 test-first test-second

test-first test-second: export TMPDIR := $(shell scripts/scratch)

test-first:
	$(CARGO) test --workspace --locked --no-fail-fast $(FIRST:%=--test %)

test-second:
	$(CARGO) test --workspace --locked --no-fail-fast --lib --bins $(SECOND:%=--test %)
	$(CARGO) test --workspace --locked --doc

lab: ## The tests in a virtual machine, where iSCSI sessions and multipath maps are real (docs/lab.md)
	@scripts/setup lab
	$(CARGO) build --workspace --locked
	@scripts/lab image
	$(CARGO) test --locked --test lab -- --test-threads=1 $(ONLY)

bench: setup ## What creates cost a group, against other ways; written into docs/performance.md
	$(CARGO) bench --locked --bench creates

demo: setup ## Two simulated arrays, the plugin, a Docker engine: the main job, step by step
	$(CARGO) build --workspace --locked
	@scripts/demo

try: setup ## The demo's arrays, plugin and Docker engine, and a shell to try things in
	$(CARGO) build --workspace --locked
	@scripts/try

clean: ## Remove what was built
	$(CARGO) clean
