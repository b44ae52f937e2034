# The same commands that .ci/run runs.

# The tests, as in README.
test:
    cargo test --workspace

# Format, lints, light set.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    cargo clippy -p workspace-template --all-targets -- -D warnings
    .ci/light-set

# Everything that CI runs.
ci:
    .ci/run

# A workspace, a daemon, a finished thread: in a temporary folder, offline.
demo:
    cargo run --release -- demo

# Kill the daemon at random moments and look whether every promise was kept.
kills:
    cargo test --release -p nerve-cli --test kill -- --nocapture

# Half an hour of random faults; NERVE_SEED repeats a run.
torture:
    NERVE_TORTURE=30m cargo test --release -p nerve-cli --test torture -- --nocapture

# Every promise of speed and size, measured beside the machine's limits; `just bench --quick` is a look. See docs/performance.
bench *ARGS:
    cargo build --release
    cargo run --release -p nerve-bench -- all {{ARGS}}

# The same beside LangGraph, DBOS, Restate and a bare Node worker, kept as a report.
bench-peers:
    cargo build --release
    benches/peers/run --into target/peers > target/peers.jsonl
    cargo run --release -p nerve-bench -- all --peers target/peers.jsonl --out docs/performance

# Instructions of the hot paths, each under its limit; installs valgrind and the runner where they lack.
instructions:
    .ci/instructions

# How long they take.
hot-paths:
    cargo bench -p nerve-hot-paths --bench time

# Accept changed snapshots after reading them.
snapshots:
    INSTA_UPDATE=always cargo test --workspace
