//! Invariant 4: every byte of evidence is bound (changing it fails), or it stands in a list with its reason, and then
//! changing it alters nothing of what is proved.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions, reason = "tests")]

mod common;

use common::{BLOB, jane, managed};
use serde_json::Value;
use sigward_testkit::{Key, KeyKind, Leaf, Sigstore, Statement, TrustedRoot};
use sigward_verify::{Artifact, ChainPolicy, Requirements, Signer, TrustMaterial, Verified, Verifier, bundle};

/// What may change unseen, as a JSON pointer, and why.
const UNBOUND: &[(&str, &str)] = &[
    ("/dsseEnvelope/signatures/0/keyid", "a hint (DSSE protocol: never for security decisions)"),
    ("/verificationMaterial/publicKey/hint", "a hint; the key is the caller's"),
    ("/verificationMaterial/tlogEntries/0/integratedTime", "a v2 log has no time, and a managed key no window"),
    ("/verificationMaterial/x509CertificateChain/certificates/1/rawBytes", "intermediates come from the trusted root"),
    ("/cert", "white space and words around the PEM block; the certificate inside is the same"),
    ("/base64Signature", "base64 white space; the signature is the same"),
    (
        "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp",
        "CMS fields that no signature covers: versions, the set of digest algorithms, status text, the certificate bag",
    ),
    ("", "names in a legacy bundle are of either case, as Go reads them"),
    ("/rekorBundle", "the same"),
    ("/rekorBundle/Payload", "the same"),
    ("/mediaType", "another spelling of the same version"),
    ("/rekorBundle/Payload/logID", "hexadecimal of either case"),
];

struct Case {
    name: &'static str,
    json: String,
    root: TrustedRoot,
    requirements: Requirements,
}

fn cases() -> Vec<Case> {
    let sigstore = Sigstore::new();
    let root = sigstore.trusted_root();
    let signed = sigstore.sign_blob(BLOB, Leaf::default());
    let attested = sigstore.attest(BLOB, &Statement::slsa("blob", BLOB), Leaf::default());
    let key = Key::new(KeyKind::P256);
    let by_key = sigstore.sign_blob_with_key(BLOB, &key);
    let case = |name, json: String, signer: Signer| Case {
        name,
        json,
        root: root.clone(),
        requirements: Requirements::new(signer),
    };
    vec![
        case("v0.1", signed.bundle_v01().to_json(), jane()),
        case("v0.3", signed.bundle_v03().to_json(), jane()),
        case("v0.3 rekor v2", signed.bundle_v03_rekor2().to_json(), jane()),
        case("v0.3 attestation", attested.bundle_v03().to_json(), jane()),
        case("v0.3 by key", by_key.bundle_v03().to_json(), managed(&key)),
        case("legacy", signed.legacy_bundle().to_json(), jane()),
    ]
}

/// What was proved, without the words of the report.
fn facts(verified: &Verified) -> String {
    let entries: Vec<_> = verified.entries().iter().map(|e| (&e.log, e.log_index, e.integrated_time)).collect();
    let times: Vec<_> = verified.timestamps().iter().map(|t| t.time).collect();
    format!("{:?} {:?} {entries:?} {times:?} {:?}", verified.digest(), verified.signer(), verified.statement())
}

fn verify(json: &[u8], material: &TrustMaterial, requirements: &Requirements) -> Option<Verified> {
    let entity = bundle::parse(json, ChainPolicy::Reject).ok()?;
    let key = match &requirements.signer {
        Signer::Key(key) => Some(key.as_ref()),
        Signer::Keyless(_) => None,
    };
    let artifact = Artifact::from_bytes(BLOB, &entity.needs(key, None).ok()?).ok()?;
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    Verifier::new(material, requirements).verify(&entity, &artifact, now).ok()
}

/// Pointer of the first leaf in which two documents differ; `None` if they are the same (white space, escapes).
fn difference(a: &Value, b: &Value, at: &str) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().find_map(|(k, v)| difference(v, &b[k], &format!("{at}/{k}")))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(n, (a, b))| difference(a, b, &format!("{at}/{n}")))
        }
        (a, b) if a == b => None,
        _ => Some(at.to_owned()),
    }
}

#[test]
fn every_byte_is_bound_or_listed() {
    let mut unlisted = Vec::new();
    for case in cases() {
        let material = common::material(&case.root);
        let original: Value = serde_json::from_str(&case.json).unwrap();
        let proved = facts(&verify(case.json.as_bytes(), &material, &case.requirements).expect(case.name));
        for at in 0..case.json.len() {
            // One bit, chosen by the place, so that over the whole file all bits are tried.
            let mut changed = case.json.clone().into_bytes();
            changed[at] ^= 1 << (at % 7);
            let Some(verified) = verify(&changed, &material, &case.requirements) else { continue };
            assert_eq!(facts(&verified), proved, "{}: byte {at} changes what is proved", case.name);
            let Some(pointer) = difference(&original, &serde_json::from_slice(&changed).unwrap(), "") else { continue };
            if !UNBOUND.iter().any(|(listed, _)| *listed == pointer) {
                unlisted.push(format!("{}: {pointer}", case.name));
            }
        }
    }
    unlisted.dedup();
    assert!(unlisted.is_empty(), "{}", unlisted.join("\n"));
}
