# The two commands that a newcomer needs are `make demo` and `make test`; both install what is missing.

export CARGO_TERM_COLOR ?= auto

.PHONY: demo test lint bench bench-qr hostile conformance release setup

# Without the resident's screen, which takes a while to build and has nothing to show here.
demo: setup
	cargo build --quiet -p issuer -p kiosk --no-default-features --features kiosk/demo
	$${CARGO_TARGET_DIR:-target}/debug/kiosk demo

test: lint
	@deploy/setup.sh tests
	cargo test --workspace --all-features --no-fail-fast

lint: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings

# Verification against the best published Claim 169 reader, and the face models in tract against onnxruntime.
bench: setup
	cargo bench -p tests --bench verify
	cargo bench -p tests --bench faces

# How many symbols our reader reads, and how fast, beside the best free ones; pictures and tables in target/bench-qr.
bench-qr: setup
	cargo bench -p tests --bench qr

# A million pictures made to upset that reader: does anything panic, or not stop in time? About half an hour.
hostile: setup
	cargo bench -p tests --bench hostile -- 1000000

# The official test suite for TUF clients against ours: SUITE is a checkout of theupdateframework/tuf-conformance whose
# Python packages are installed (`make dev` there, or PYTHON=); it needs `faketime`, too.
PYTHON ?= $(SUITE)/env/bin/python
conformance: setup
	@test -d "$(SUITE)/tuf_conformance" || { echo "usage: make conformance SUITE=DIR" >&2; exit 2; }
	cargo build -p tests --all-features --example tuf_client
	cd $(SUITE) && $(PYTHON) -m pytest -q -p no:cacheprovider tuf_conformance --entrypoint $(CURDIR)/target/debug/examples/tuf_client

# What goes on a terminal and on an agency's machine.
release: setup
	cargo build --profile ship --workspace

setup:
	@deploy/setup.sh
