#!/usr/bin/env bash
# Whole processes, from start to exit, beside other verifiers on the same input. Prints figures and decides nothing.
# Memory is measured with GNU time, where it is installed.
#
#   bench/whole-process.sh [SIGWARD]      default: target/release/sigward
#
# SIGWARD_COSIGN and SIGWARD_SIGSTORE_GO name cosign and sigstore-go-verification; without them they are left out.
# ROUNDS (default 40) counts runs over a small file, BIG_MIB (default 1024) the size of the large
# one; 0 leaves it out.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sigward=$(realpath "${1:-$here/../target/release/sigward}")
rounds=${ROUNDS:-40}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# No verifier may use what a former run left, or reach the network.
export HOME=$work HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 NO_COLOR=1

blob=$here/../fuzz/base/a.txt
bundle=$here/../fuzz/base/rekor1.sigstore.json
identity=https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main
issuer=https://token.actions.githubusercontent.com
root=$work/trusted_root.json
"$sigward" trust export - >"$root"
flags="--certificate-identity $identity --certificate-oidc-issuer $issuer"

echo "program: $(stat -c %s "$sigward") bytes"
echo
echo "== a small file with a bundle, offline ($rounds rounds)"
commands=("sigward=$sigward verify-blob --bundle $bundle $flags $blob")
commands+=("sigward, root from file=$sigward verify-blob --bundle $bundle $flags --trusted-root $root $blob")
if [ -n "${SIGWARD_SIGSTORE_GO:-}" ]; then
    commands+=("sigstore-go=$SIGWARD_SIGSTORE_GO -artifact $blob -expectedSAN $identity -expectedIssuer $issuer -trustedrootJSONpath $root $bundle")
fi
if [ -n "${SIGWARD_COSIGN:-}" ]; then
    commands+=("cosign=$SIGWARD_COSIGN verify-blob --bundle $bundle $flags --trusted-root $root $blob")
fi
# What starting a process costs here, of this program and of any.
commands+=("sigward version=$sigward version" "true=/bin/true")
python3 "$here/time_pairs.py" "$rounds" "${commands[@]}"

[ "${BIG_MIB:-1024}" != 0 ] || exit 0
echo
echo "== a file of ${BIG_MIB:-1024} MiB with a key"
openssl ecparam -name prime256v1 -genkey -noout -out "$work/key.pem"
openssl ec -in "$work/key.pem" -pubout -out "$work/key.pub" 2>/dev/null
head -c "${BIG_MIB:-1024}M" /dev/urandom >"$work/big"
openssl dgst -sha256 -sign "$work/key.pem" -out "$work/big.der" "$work/big"
base64 -w0 "$work/big.der" >"$work/big.sig"
commands=("openssl dgst=openssl dgst -sha256 $work/big")
commands+=("sigward=$sigward verify-blob --key $work/key.pub --signature $work/big.sig --insecure-ignore-tlog $work/big")
if [ -n "${SIGWARD_COSIGN:-}" ]; then
    commands+=("cosign=$SIGWARD_COSIGN verify-blob --key $work/key.pub --signature $work/big.sig --insecure-ignore-tlog $work/big")
fi
python3 "$here/time_pairs.py" 5 "${commands[@]}"
