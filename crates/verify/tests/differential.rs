//! Mutants of real and minted bundles, judged by this crate and by the official Rust verifier (`sigstore-verify`).
//!
//! Where the two differ the ledger says why. Accepting what the oracle rejects, without an entry in the ledger, fails.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::Bundle;
use sigward_testkit::{IDENTITY, ISSUER, Leaf, Sigstore, Statement};
use sigward_verify::{Artifact, ChainPolicy, Error, Matcher, Requirements, TimeUse, TrustMaterial, Verifier, bundle};

/// Where we accept and the oracle rejects: part of the mutated place, and the reason that a reviewer would sign.
const WE_ACCEPT: &[(&str, &str)] = &[
    // protojson (and so cosign) takes a missing, empty or null hint, and any other; nothing is decided by it.
    ("keyid", "a DSSE key id is a hint; protojson allows it to be absent"),
    ("x509CertificateChain/certificates/1", "intermediates in a bundle are not used: the trusted root has them"),
    ("x509CertificateChain/certificates/2", "the same"),
    ("inclusionProof/hashes null", "null is protojson for an unset field, here of a tree with one leaf"),
    ("inclusionProof/logIndex null", "the same, for index zero"),
    ("rfc3161Timestamps null", "the same; where a timestamp is needed its absence is found later"),
    (
        "inclusionPromise",
        "an absent promise (proto3 knows no other empty one): inclusion and a timestamp prove the rest",
    ),
];

/// Where we reject and the oracle accepts: our reason code, and why we do.
const WE_REJECT: &[(&str, &str)] = &[
    ("json-invalid", "strict protojson: unknown or duplicate fields and malformed base64, as Go"),
    ("log-entry-kind-mismatch", "kindVersion must be the body's (specs/cosign.md §8)"),
    ("bundle-field-missing", "fields that protobuf-specs calls required"),
    ("log-entry-duplicate", "the same entry twice, as sigstore-go"),
    ("bundle-root-in-chain", "roots come from the trusted root alone"),
    ("inclusion-proof-invalid", "a v2 entry's index must be that of its proof"),
    ("log-promise-invalid", "a promise that is there must hold, as in sigstore-go"),
    ("time-missing", "an integrated time counts only with a promise (CVE-2026-48816)"),
    ("log-threshold", "an entry of an unknown log counts nothing"),
    ("log-unknown", "an entry of an unknown log counts nothing"),
    ("log-time-outside-certificate", "a claimed time outside the certificate is refused, as in sigstore-go"),
    ("bundle-promise-missing", "v0.1 needs the promise"),
    ("checkpoint-malformed", "a checkpoint has one spelling"),
    ("media-type-unsupported", "a bundle must say what it is"),
    ("certificate-malformed", "a certificate that is there must be one, even where it is not used"),
    ("checkpoint-unsigned", "the name on the signature line is the log's"),
    ("log-tree-size-mismatch", "the proof's tree is the checkpoint's"),
    ("message-digest-mismatch", "the named digest must be the artifact's"),
];

struct Case {
    name: String,
    json: Value,
    root: String,
    identity: String,
    issuer: String,
    artifact: Vec<u8>,
}

fn minted() -> Vec<Case> {
    let sigstore = Sigstore::new();
    let signed = sigstore.sign_blob(common::BLOB, Leaf::default());
    let attested = sigstore.attest(common::BLOB, &Statement::slsa("blob", common::BLOB), Leaf::default());
    let root = sigstore.trusted_root().to_json();
    let bundles = [
        ("minted v0.1", signed.bundle_v01()),
        ("minted v0.2", signed.bundle_v02()),
        ("minted v0.3", signed.bundle_v03()),
        ("minted rekor v2", signed.bundle_v03_rekor2()),
        ("minted attestation", attested.bundle_v03()),
    ];
    let case = |(name, bundle): (&str, sigward_testkit::Bundle)| Case {
        name: name.into(),
        json: bundle.to_value(),
        root: root.clone(),
        identity: IDENTITY.into(),
        issuer: ISSUER.into(),
        artifact: common::BLOB.to_vec(),
    };
    bundles.into_iter().map(case).collect()
}

fn conformance() -> Vec<Case> {
    let base: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let Ok(folder) = std::fs::read_dir(base.join("conformance")) else {
        println!("skipped: {} is not here", base.display());
        return Vec::new();
    };
    let mut cases = Vec::new();
    for entry in folder {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Ok(json) = std::fs::read(path.join("bundle.sigstore.json")) else { continue };
        if path.join("key.pub").exists() {
            continue;
        }
        let Ok(json) = serde_json::from_slice(&json) else { continue };
        let root = std::fs::read_to_string(path.join("trusted_root.json")).unwrap_or_else(|_| {
            std::fs::read_to_string(base.join("trust-roots/prod/targets/trusted_root.json")).unwrap()
        });
        let text = |file: &str, default: &str| {
            std::fs::read_to_string(path.join(file)).map_or_else(|_| default.to_owned(), |t| t.trim().to_owned())
        };
        let artifact = path.join("artifact");
        let artifact = if artifact.exists() { artifact } else { base.join("conformance/a.txt") };
        cases.push(Case {
            json,
            root,
            identity: text(
                "identity",
                "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
            ),
            issuer: text("issuer", "https://token.actions.githubusercontent.com"),
            artifact: std::fs::read(artifact).unwrap(),
            name,
        });
    }
    cases
}

fn ours(case: &Case, json: &str) -> Result<(), Error> {
    let material = TrustMaterial::from_trusted_root(case.root.as_bytes())?;
    let signer = common::keyless(Matcher::exact(&case.identity), Matcher::exact(&case.issuer));
    let entity = bundle::parse(json.as_bytes(), ChainPolicy::Reject)?;
    let mut requirements = Requirements::new(signer);
    if entity.has_timestamps() {
        requirements.time = TimeUse::Signed { threshold: 1 };
    }
    let artifact = Artifact::from_bytes(&case.artifact, &entity.needs(None, None)?)?;
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    Verifier::new(&material, &requirements).verify(&entity, &artifact, now).map(|_| ()).map_err(|f| f.error)
}

fn oracle(case: &Case, json: &str) -> Result<(), String> {
    let root = TrustedRoot::from_json(&case.root).map_err(|e| e.to_string())?;
    let bundle = Bundle::from_json(json).map_err(|e| e.to_string())?;
    let policy = sigstore_verify::VerificationPolicy::new(case.identity.as_str(), case.issuer.as_str());
    sigstore_verify::verify(&case.artifact[..], &bundle, &policy, &root).map(|_| ()).map_err(|e| e.to_string())
}

/// All single changes of a document: where, what, and the result.
fn mutants(original: &Value) -> Vec<(String, &'static str, Value)> {
    let mut pointers = Vec::new();
    collect(original, String::new(), &mut pointers);
    let mut out = Vec::new();
    for pointer in &pointers {
        let mut push = |what, change: &dyn Fn(&mut Value)| {
            let mut copy = original.clone();
            change(copy.pointer_mut(pointer).unwrap());
            if copy != *original {
                out.push((pointer.clone(), what, copy));
            }
        };
        push("null", &|v| *v = Value::Null);
        push("flip first", &|v| flip(v, 0));
        push("flip middle", &|v| flip(v, 1));
        push("flip last", &|v| flip(v, 2));
        push("empty", &|v| match v {
            Value::String(s) => s.clear(),
            Value::Array(a) => a.clear(),
            Value::Object(o) => o.clear(),
            _ => {}
        });
        push("next number", &|v| {
            let next = v.as_str().and_then(|s| s.parse::<i64>().ok()).map(|n| (n + 1).to_string());
            if let Some(next) = next {
                *v = next.into();
            }
        });
        push("twice", &|v| {
            if let Value::Array(a) = v {
                a.extend(a.clone());
            }
        });
        if let Some((parent, key)) = pointer.rsplit_once('/') {
            let mut copy = original.clone();
            if let Some(Value::Object(object)) = copy.pointer_mut(parent) {
                object.remove(key);
                out.push((pointer.clone(), "removed", copy));
            }
        }
    }
    out
}

fn collect(value: &Value, at: String, out: &mut Vec<String>) {
    if !at.is_empty() {
        out.push(at.clone());
    }
    match value {
        Value::Object(object) => object.iter().for_each(|(k, v)| collect(v, format!("{at}/{k}"), out)),
        Value::Array(array) => array.iter().enumerate().for_each(|(n, v)| collect(v, format!("{at}/{n}"), out)),
        _ => {}
    }
}

/// Changes one character of a text, at its start, middle or end, to another of base64.
fn flip(value: &mut Value, place: usize) {
    if let Value::String(text) = value {
        let mut chars: Vec<char> = text.chars().collect();
        if let Some(c) = chars.len().checked_sub(1).and_then(|last| chars.get_mut(last * place / 2)) {
            *c = if *c == 'A' { 'B' } else { 'A' };
        }
        *text = chars.into_iter().collect();
    }
}

fn is_listed(pointer: &str, what: &str) -> bool {
    let change = format!("{pointer} {what}");
    WE_ACCEPT.iter().any(|(place, _)| change.contains(place))
}

#[test]
fn verdicts_are_those_of_the_official_verifier_or_explained() {
    let (mut count, mut bad) = (0, Vec::new());
    let mut stricter: BTreeMap<&'static str, usize> = BTreeMap::new();
    for case in minted().into_iter().chain(conformance()) {
        let mut all = mutants(&case.json);
        all.push((String::new(), "unchanged", case.json.clone()));
        for (pointer, what, mutant) in all {
            count += 1;
            let json = mutant.to_string();
            match (ours(&case, &json), oracle(&case, &json)) {
                (Ok(()), Err(reason)) if !is_listed(&pointer, what) => {
                    bad.push(format!("we accept, the oracle does not: {} {pointer} {what}: {reason}", case.name));
                }
                (Err(error), Ok(())) => {
                    *stricter.entry(error.code()).or_default() += 1;
                    if !WE_REJECT.iter().any(|(code, _)| *code == error.code()) {
                        bad.push(format!("we reject without a reason: {} {pointer} {what}: {error}", case.name));
                    }
                }
                _ => {}
            }
        }
    }
    println!("{count} mutants; stricter than the oracle: {stricter:?}");
    assert!(bad.is_empty(), "{} of {count}:\n{}", bad.len(), bad.join("\n"));
    assert!(count > 500, "{count}");
}
