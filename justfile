# All checks, as CI runs them; or some: `just ci clippy test`.
ci *sections:
    .ci/run {{sections}}

# Verification in this process beside sigstore-verify and the bare signature checks.
bench:
    cargo bench --package sigward-verify --bench verify

# Whole processes beside cosign and sigstore-go, if SIGWARD_COSIGN and SIGWARD_SIGSTORE_GO name them.
bench-process:
    cargo build --release --locked --package sigward
    bench/whole-process.sh

# The admission controller beside policy-controller and under load, on a machine that does nothing else.
bench-admission:
    .ci/parts
    bench/admission.sh

# Ten minutes of one fuzz target, from seeds of real evidence. Needs cargo-fuzz and a nightly compiler.
fuzz target:
    fuzz/seeds.py
    cargo +nightly fuzz run --fuzz-dir fuzz {{target}} -- -max_total_time=600 -rss_limit_mb=2048
