#!/usr/bin/env bash
# Many images in Debian's registry on loopback, signed with a key by real cosign: one process over all of them and a loop
# over each, beside cosign and beside a plain client that makes the same requests. Prints figures and decides nothing.
# Memory is measured with GNU time, where it is installed. `.ci/parts` brings registry and cosign.
#
#   bench/images.sh [SIGWARD]      default: target/release/sigward
#
# IMAGES (default 100) counts the images, ROUNDS (default 20) the runs over all; loops run a tenth as often.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sigward=$(realpath "${1:-$here/../target/release/sigward}")
parts=$(realpath "${SIGWARD_PARTS:-$here/../target/parts}")
cosign=$parts/cosign-3/usr/bin/cosign
rounds=${ROUNDS:-20}
(cd "$here/.." && cargo build --quiet --release --locked --package sigward --example plain-client)
plain=${CARGO_TARGET_DIR:-$here/../target}/release/examples/plain-client
work=$(mktemp -d)
trap '[ -z "${registry:-}" ] || kill "$registry"; rm -rf "$work"' EXIT
export HOME=$work NO_COLOR=1 COSIGN_PASSWORD=bench COSIGN_YES=true
# No verifier may reach the network, or use what a former run left.
export HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 NO_PROXY=127.0.0.1

cat >"$work/registry.yml" <<END
version: 0.1
log: {level: info, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: '127.0.0.1:0', secret: bench}
END
"$parts/docker-registry/usr/bin/docker-registry" serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
registry=$!
host=
while [ -z "$host" ]; do
    kill -0 "$registry" || { cat "$work/registry.log"; exit 1; }
    sleep 0.1
    host=$(sed -n 's/.*listening on \([0-9.:]*\).*/\1/p' "$work/registry.log")
done

cd "$work"
python3 "$here/images.py" "$host" "${IMAGES:-100}" >references
"$cosign" generate-key-pair 2>log
# cosign opens the key, which is slow by design, once a run.
xargs -n 50 "$cosign" sign --key cosign.key --tlog-upload=false --use-signing-config=false --new-bundle-format=false \
    <references >>log 2>&1 || { cat log; exit 1; }

flags="verify --key cosign.pub --insecure-ignore-tlog"
all=$(tr '\n' ' ' <references)
echo "== $(wc -l <references) images, one process ($rounds rounds)"
python3 "$here/time_pairs.py" "$rounds" \
    "plain client=$plain references" "sigward=$sigward $flags $all" "cosign=$cosign $flags $all"

echo
loops=$(((rounds + 9) / 10))
echo "== a process for each, one after the other ($loops rounds)"
loop() { echo "bash -c 'while read -r image; do $1 $flags \$image; done <references'"; }
python3 "$here/time_pairs.py" "$loops" "sigward=$(loop "$sigward")" "cosign=$(loop "$cosign")"
