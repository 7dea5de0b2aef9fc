#!/usr/bin/env bash
# The admission controller beside policy-controller, on one machine in one run: the same policy, the same images in Debian's
# registry on loopback, signed with a key by real cosign. Then the admission controller alone under load. Prints tables in
# Markdown and decides nothing.
#
#   bench/admission.sh [SIGWARD_ADMISSION]      default: target/release/sigward-admission
#
# IMAGES (default 2000) counts the images of the cold figures, REVIEWS (default 200000) the reviews of the memory figures.
# WORK names a folder in which images and signatures stay for the next run.
#
# `.ci/parts` brings registry, cosign and control plane. policy-controller is built from its Go module into the parts as
# it is, and once more without the limit of its own Kubernetes client; SIGWARD_POLICY_CONTROLLER names a folder that
# has them. Without it, or without a control plane, its columns are left out. It listens on port 8443, which must be free.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$here/../target}
sigward=$(realpath "${1:-$CARGO_TARGET_DIR/release/sigward-admission}")
parts=$(realpath "${SIGWARD_PARTS:-$here/../target/parts}")
(cd "$here/.." && cargo build --quiet --release --locked --package sigward-admission --example admission-load)
(cd "$here/.." && cargo build --quiet --release --locked --package sigward --example plain-client)

# Its port cannot be chosen, and its client's limit neither: the second program is the same with one line changed.
build_policy_controller() {
    local module=github.com/sigstore/policy-controller@v0.15.1 source limit
    command -v go >/dev/null || { echo "no Go here" >&2; return 1; }
    mkdir -p "$1"
    source=$(cd "$1" && go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
    [ -d "$source" ] || { echo "$module cannot be had" >&2; return 1; }
    ln -sfn "$source/config" "$1/config"
    (cd "$source" && go build -mod=readonly -trimpath -o "$1/webhook" ./cmd/webhook) || return 1
    limit=$(cd "$source" && go list -mod=readonly -f '{{.Dir}}' knative.dev/pkg/injection/sharedmain)/main.go
    sed 's/cfg.QPS = float32.*/cfg.QPS, cfg.Burst = 1e6, 1e6/' "$limit" >"$1/unlimited.go"
    echo "{\"Replace\": {\"$limit\": \"$1/unlimited.go\"}}" >"$1/overlay.json"
    (cd "$source" && go build -mod=readonly -trimpath -overlay "$1/overlay.json" -o "$1/webhook-unlimited" ./cmd/webhook)
}

other=${SIGWARD_POLICY_CONTROLLER:-$parts/policy-controller}
if [ ! -x "$other/webhook-unlimited" ]; then
    build_policy_controller "$other" || echo "policy-controller cannot be built here; its columns are left out" >&2
fi
exec python3 "$here/admission.py" --sigward "$sigward" --programs "$CARGO_TARGET_DIR/release/examples" --parts "$parts" \
    --policy-controller "$other" --images "${IMAGES:-2000}" --reviews "${REVIEWS:-200000}" ${WORK:+--work "$WORK"}
