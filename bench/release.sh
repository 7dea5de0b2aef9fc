#!/usr/bin/env bash
# A whole Kubernetes release of the test kit over loopback: `sigward release fetch` and `release verify` beside what the
# Kubernetes page tells to do, three times curl and one cosign a file. Prints times, ratios, memory and how often the
# transparency log was asked, and decides nothing. Memory is measured with GNU time, where it is installed. `.ci/parts`
# brings cosign; without it only sigward is measured.
#
#   bench/release.sh [SIGWARD]      default: target/release/sigward
#
# ROUNDS (default 5) counts the runs of each.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sigward=$(realpath "${1:-$here/../target/release/sigward}")
parts=$(realpath -m "${SIGWARD_PARTS:-$here/../target/parts}")
cosign=$parts/cosign-3/usr/bin/cosign
rounds=${ROUNDS:-5}
(cd "$here/.." && cargo build --quiet --locked --package sigward-testkit)
kit=${CARGO_TARGET_DIR:-$here/../target}/debug/sigward-testkit
work=$(mktemp -d)
trap 'kill ${serve:-} ${counter:-} 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
"$kit" world world >/dev/null
: >serve
# The server ends by itself, whatever becomes of this script.
"$kit" serve world --for 1800 >serve &
serve=$!
until grep -q REGISTRY= serve; do
    kill -0 "$serve"
    sleep 0.1
done
. ./serve
# Between us and the log: counts.
python3 "$here/release.py" "$REKOR" asked >counted &
counter=$!
until [ -s counted ]; do
    kill -0 "$counter"
    sleep 0.1
done
rekor=$(cat counted)
asked() {
    local before
    before=$(stat -c %s asked)
    "$@" >/dev/null
    echo $(($(stat -c %s asked) - before))
}

export HOME=$work NO_COLOR=1
# No verifier may reach the network, or use what a former run left.
export HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
export SIGSTORE_ROOT_FILE=$work/world/keys/fulcio.pem SIGSTORE_REKOR_PUBLIC_KEY=$work/world/keys/rekor.pub
export SIGSTORE_CT_LOG_PUBLIC_KEY_FILE=$work/world/keys/ct.pub SIGSTORE_TSA_CERTIFICATE_FILE=$work/world/keys/tsa.pem

root=world/dl/release/v1.30.0
(cd "$root" && find . -name '*.sig' ! -path './extra/*' | sed 's/\.sig$//; s/^\.\///' | sort) >files
count=$(wc -l <files)
bytes=$(cd "$root" && xargs stat -c %s <"$work/files" | awk '{ sum += $1 } END { print sum }')
from="--base-url $RELEASE --rekor-url $rekor --no-cache"

cat >fetch <<END
exec "$sigward" release fetch v1.30.0 $from --dest "\$(mktemp -d -p "$work")"
END
cat >verify <<END
exec "$sigward" release verify v1.30.0 $from
END
cat >loop <<END
set -e
cd "\$(mktemp -d -p "$work")"
while read -r file; do
    for ending in '' .sig .cert; do
        curl -sSfL --retry 3 --retry-delay 3 "$RELEASE/release/v1.30.0/\$file\$ending" -o "file\$ending"
    done
    "$cosign" verify-blob file --signature file.sig --certificate file.cert --rekor-url "$rekor" \
        --certificate-identity krel-staging@k8s-releng-prod.iam.gserviceaccount.com \
        --certificate-oidc-issuer https://accounts.google.com
done <"$work/files" 2>&1
END

echo "== $count files, $bytes bytes ($rounds rounds)"
commands=("release fetch=bash fetch" "release verify=bash verify")
if [ -x "$cosign" ]; then
    commands+=("curl + cosign=bash loop")
else
    echo "skipped: no cosign in $parts; .ci/parts brings it"
fi
python3 "$here/time_pairs.py" "$rounds" "${commands[@]}"

echo
echo "== processor time of one run, in seconds: what counts where other programs want the processor, too"
TIMEFORMAT='%U %S'
for command in "${commands[@]}"; do
    words=${command#*=}
    printf '%-16s %s\n' "${command%%=*}" \
        "$({ time $words >/dev/null 2>&1; } 2>&1 | awk '{ printf "%.2f", $1 + $2 }')"
done

echo
echo "== requests to the log for $count files"
echo "release fetch    $(asked bash fetch 2>/dev/null)"
echo "release verify   $(asked bash verify 2>/dev/null)"
[ ! -x "$cosign" ] || echo "curl + cosign    $(asked bash loop)"
