#!/usr/bin/env python3
"""Fills fuzz/corpus with seeds: real evidence from FIXTURES, taken apart. Nothing of it is committed.

    seeds.py [FIXTURES]        default: ../../shared/fixtures beside this file
"""
import base64, hashlib, json, sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent.parent / "shared/fixtures"
# A seed that is larger than this slows every run down.
LARGEST = 40_000


def seed(target, data):
    if not 0 < len(data) <= LARGEST:
        return
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def strings(value):
    """Every (name, string) of a JSON document."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from ((name, s) if n is None else (n, s) for n, s in strings(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield None, value


def unbase64(text):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def take_apart(document):
    for name, text in strings(document):
        if name == "envelope":
            seed("checkpoint", text.encode())
        elif name == "signedTimestamp":
            seed("timestamp", unbase64(text))
        elif name == "rawBytes":
            seed("certificate", unbase64(text))
        elif name in ("cert", "certificate"):
            pem = text if "BEGIN" in text else unbase64(text).decode(errors="replace")
            body = pem.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0]
            seed("certificate", unbase64("".join(body.split())))


def document(path, data):
    try:
        value = json.loads(data)
    except ValueError:
        # Malformed files are good seeds of the reader that they belong to.
        if "bundle" in path.name:
            seed("bundle", data)
        return
    if not isinstance(value, dict):
        return
    media = str(value.get("mediaType", ""))
    if "trustedroot" in media:
        seed("trusted_root", data)
    elif "sigstore.bundle" in media:
        seed("bundle", data)
    elif "base64Signature" in value or "payloadType" in value:
        seed("legacy_bundle", data)
    elif "signed" in value and "signatures" in value:
        seed("tuf", data)
    take_apart(value)


def repositories():
    """What a repository answers to a refresh: no newer root, then each role; and with a root before."""
    for metadata in FIXTURES.glob("trust-roots/*/metadata"):
        target = metadata.parent / "targets/trusted_root.json"
        files = [metadata / f"{role}.json" for role in ("timestamp", "snapshot", "targets")] + [target]
        parts = [f.read_bytes() if f.exists() else b"" for f in files]
        for root in (b"", (metadata / "root.json").read_bytes()):
            seed("tuf", b"%%".join([root, *parts]))
            seed("tuf", b"%%".join([root, b"", *parts]))


def log_answers():
    """Entries of bundles in the words of a log."""
    for path in [HERE / "base/rekor1.sigstore.json", *FIXTURES.glob("conformance/*/bundle.sigstore.json")]:
        try:
            entry = json.loads(path.read_bytes())["verificationMaterial"]["tlogEntries"][0]
            proof = entry["inclusionProof"]
            answer = {"body": entry["canonicalizedBody"], "integratedTime": int(entry["integratedTime"]),
                      "logID": base64.b64decode(entry["logId"]["keyId"]).hex(), "logIndex": int(entry["logIndex"]),
                      "verification": {
                          "signedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
                          "inclusionProof": {
                              "checkpoint": proof["checkpoint"]["envelope"], "logIndex": int(proof["logIndex"]),
                              "treeSize": int(proof["treeSize"]),
                              "rootHash": base64.b64decode(proof["rootHash"]).hex(),
                              "hashes": [base64.b64decode(h).hex() for h in proof["hashes"]]}}}
        except (KeyError, ValueError, IndexError, TypeError):
            continue
        text = json.dumps({"24296fb24b8ad77a" + "0" * 64: answer})
        seed("log_answer", text.encode())
        seed("log_answer", f"[{text}]".encode())


def policies():
    """Policies and inputs that were compared with OPA."""
    pairs = HERE.parent / "crates/policy/tests/data/opa_pairs.jsonl"
    for pair in map(json.loads, pairs.read_text().splitlines()):
        seed("rego", f"{pair['policy']}\0{pair['input']}".encode())


def cue():
    """Policies with documents, and CUE's own test data."""
    for policy in sorted(FIXTURES.glob("policies/cue/*.cue")):
        seed("cue_source", policy.read_bytes())
    cases = FIXTURES / "policies/cases_catalog.json"
    for case in json.loads(cases.read_text()) if cases.exists() else []:
        if case["type"] == "cue":
            seed("cue", f"{case['policy']}\0{json.dumps(case['input'])}".encode())
    for archive in sorted(FIXTURES.glob("cue-testdata/*/*.txtar")):
        for part in ("\n" + archive.read_text()).split("\n-- ")[1:]:
            name, _, text = part.partition(" --\n")
            if name.endswith(".cue"):
                seed("cue_source", text.encode())
                seed("cue", text.encode())


def sboms():
    """A release in both forms of SPDX 2."""
    version, digest = "v1.30.0", hashlib.sha256(b"").hexdigest()
    name, namespace = f"Kubernetes Release {version}", f"https://sbom.k8s.io/{version}/release"
    image = f"registry.k8s.io-kube-proxy-amd64-{version}"
    purl = f"pkg:oci/kube-proxy@sha256%3A{digest}?arch=amd64&repository_url=registry.k8s.io&tag={version}"
    seed("spdx", f"""SPDXVersion: SPDX-2.3
DocumentName: {name}
DocumentNamespace: {namespace}
ExternalDocumentRef:DocumentRef-x https://sbom.k8s.io/{version}/source SHA1: 00

FileName: bin/linux/amd64/kubectl
SPDXID: SPDXRef-1
FileChecksum: SHA256: {digest}
LicenseComments: <text>two
lines</text>

PackageName: kube-proxy.tar
SPDXID: SPDXRef-Package-{image}
PackageVersion: {version}
PackageFileName: bin/linux/amd64/kube-proxy.tar
PrimaryPackagePurpose: CONTAINER
PackageChecksum: SHA256: {digest}
ExternalRef: PACKAGE-MANAGER purl {purl}
""".encode())
    sums = [{"algorithm": "SHA256", "checksumValue": digest}]
    seed("spdx", json.dumps({
        "spdxVersion": "SPDX-2.3", "name": name, "documentNamespace": namespace,
        "externalDocumentRefs": [{"spdxDocument": f"https://sbom.k8s.io/{version}/source"}],
        "files": [{"fileName": "./bin/linux/amd64/kubectl", "checksums": sums}],
        "packages": [{
            "name": f"registry.k8s.io/kube-proxy:{version}", "SPDXID": f"SPDXRef-Package-{image}", "checksums": sums,
            "versionInfo": version, "packageFileName": "kube-proxy.tar", "primaryPackagePurpose": "CONTAINER",
            "externalRefs": [{"referenceType": "purl", "referenceLocator": purl}]}]}).encode())


def reviews():
    """What an API server really sent."""
    for request in sorted(FIXTURES.glob("admission/*.request.json")):
        seed("admission_review", request.read_bytes())


def main():
    if not FIXTURES.is_dir():
        sys.exit(f"no fixtures at {FIXTURES}: the targets run without seeds as well")
    for path in sorted(p for p in FIXTURES.rglob("*") if p.is_file()):
        if path.suffix == ".jsonl":
            lines = path.read_bytes().splitlines()
            for line in lines[:: max(1, len(lines) // 40)]:
                case = json.loads(line)
                if isinstance(case, dict) and "bundle" in case:
                    document(path, json.dumps(case["bundle"]).encode())
                elif isinstance(case, dict) and "rekorBundle" in case:
                    cert = base64.b64encode(case["certificate"].encode()).decode()
                    legacy = {"base64Signature": case["signature"], "cert": cert, "rekorBundle": case["rekorBundle"]}
                    document(path, json.dumps(legacy).encode())
        elif path.suffix in (".json", ".sigstore", ".bundle") or "bundle" in path.name:
            document(path, path.read_bytes())
        elif path.suffix in (".pem", ".crt", ".cert", ".pub", ".sig"):
            seed("legacy_bundle", path.read_bytes())
            seed("trusted_root", path.read_bytes())
    repositories()
    log_answers()
    policies()
    seed("cluster_image_policy", (HERE.parent / "crates/policy/tests/data/cluster_image_policy.json").read_bytes())
    cue()
    sboms()
    reviews()
    for pattern in [r"^https://github\.com/o/r/\.github/workflows/[^/@]+\.ya?ml@refs/tags/v[0-9]+(\.[0-9]+){0,2}$",
                    r"(?i:\QA.b\E)|[[:alpha:]&&-~[]]{1,3}", r"\A(?P<n>x*?)\z", r"[^]a]\pL\x{1F600}\123",
                    r"(a|b|[c-d])*{}{1,}", r"(?s-m).+", r"((x{50}){50}){10}"]:
        seed("regexp", f"{pattern}\nhttps://github.com/o/r/.github/workflows/w.yml@refs/tags/v1".encode())
    for folder in sorted((HERE / "corpus").iterdir()):
        print(f"{folder.name}: {len(list(folder.iterdir()))} seeds")


if __name__ == "__main__":
    main()
