#!/usr/bin/env bash
# The admission controller beside policy-controller, on one machine in one run: the same policy, the same images in
# Debian's registry on loopback, signed with a key. Then the admission controller alone under load. Prints tables in
# Markdown and decides nothing.
#
#   bench/admission.sh [SIGWARD_ADMISSION]      default: it is built
#
# IMAGES (default 2000) counts the images of the cold figures, REVIEWS (default 200000) the reviews of the memory figures.
# WORK names a folder in which images and signatures stay for the next run.
#
# `.ci/parts` brings registry and control plane. policy-controller is built from its Go module into the parts as it is,
# and once more without the limit of its own Kubernetes client; SIGWARD_POLICY_CONTROLLER names a folder that has them, as
# `webhook` and `webhook-unlimited`, with its manifests in `config`. Without it, or without a control plane, its columns
# are left out, and it says so. It listens on port 8443, which must be free.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$here/../target}
[ $# -gt 0 ] || (cd "$here/.." && cargo build --quiet --release --locked --package sigward-admission)
sigward=$(realpath "${1:-$CARGO_TARGET_DIR/release/sigward-admission}")
parts=$(realpath "${SIGWARD_PARTS:-$here/../target/parts}")
(cd "$here/.." && cargo build --quiet --release --locked --package sigward-admission --example admission-load)
(cd "$here/.." && cargo build --quiet --release --locked --package sigward --example plain-client)

# As it is, and again with the one line changed that limits what it asks the API server.
build_policy_controller() (
    command -v go >/dev/null || exit
    module=github.com/sigstore/policy-controller@v0.15.1
    rm -rf "${1:?}" && mkdir -p "$1" && cd "$1" || exit
    downloaded=$(go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
    cp -r --no-preserve=mode "$downloaded" source && ln -s source/config config && cd source || exit
    served_keychains || exit
    go build -mod=mod -trimpath -o ../webhook ./cmd/webhook || exit
    cp -r --no-preserve=mode "$(go list -m -f '{{.Dir}}' knative.dev/pkg)" ../knative || exit
    sed -i 's/cfg.QPS = float32.*/cfg.QPS, cfg.Burst = 1e6, 1e6/' ../knative/injection/sharedmain/main.go
    go mod edit -replace knative.dev/pkg=../knative || exit
    go build -mod=mod -trimpath -o ../webhook-unlimited ./cmd/webhook
)

# Not every module proxy serves the commit of go-containerregistry's pull secret modules that its go.mod names; then the
# one of six weeks before.
served_keychains() {
    local authn=github.com/google/go-containerregistry/pkg/authn before=v0.0.0-20260205022027-93aa2732266a name
    ! go mod download $authn/k8schain $authn/kubernetes || return 0
    for name in k8schain kubernetes; do
        go mod edit -replace $authn/$name=$authn/$name@$before || return
    done
}

other=${SIGWARD_POLICY_CONTROLLER:-$parts/policy-controller}
if [ -z "${SIGWARD_POLICY_CONTROLLER:-}" ] && [ ! -x "$other/webhook-unlimited" ]; then
    build_policy_controller "$other" || echo "policy-controller cannot be built here" >&2
fi
exec python3 "$here/admission.py" --sigward "$sigward" --programs "$CARGO_TARGET_DIR/release/examples" --parts "$parts" \
    --policy-controller "$other" --images "${IMAGES:-2000}" --reviews "${REVIEWS:-200000}" ${WORK:+--work "$WORK"}
