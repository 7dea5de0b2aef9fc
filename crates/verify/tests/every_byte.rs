//! Invariant 4: every byte of evidence is bound (changing it fails), or it stands in a list with its reason, and then
//! changing it alters nothing of what is proved.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions, reason = "tests")]

mod common;

use std::collections::BTreeMap;

use common::{BLOB, annotations, jane, managed};
use serde_json::{Value, json};
use sigward_testkit::tsa::Stamp;
use sigward_testkit::{Key, KeyKind, Leaf, Sigstore, Statement, TrustedRoot};
use sigward_verify::{
    Artifact, ChainPolicy, Requirements, SignedEntity, Signer, TimeUse, TrustMaterial, Verified, Verifier, bundle,
    to_base64,
};

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
    ("/annotations", "names of annotations that are not needed: the chain, an attestation's signature"),
    ("/annotations/dev.sigstore.cosign/certificate", "as /cert"),
    ("/annotations/dev.sigstore.cosign/chain", "intermediates come from the trusted root"),
    ("/annotations/dev.sigstore.cosign/bundle", "as /rekorBundle"),
    ("/annotations/dev.sigstore.cosign/bundle/Payload", "the same"),
    ("/annotations/dev.sigstore.cosign/bundle/Payload/logID", "the same"),
    ("/annotations/dev.sigstore.cosign/rfc3161timestamp", "the name in it is of either case, as Go reads it"),
    ("/annotations/dev.sigstore.cosign/rfc3161timestamp/SignedRFC3161Timestamp", "as signedTimestamp"),
    (
        "/annotations/dev.cosignproject.cosign/signature",
        "not looked at in an attestation, which carries its signatures",
    ),
];

/// How a case is read.
type Read = fn(&[u8]) -> Option<SignedEntity>;

struct Case {
    name: &'static str,
    json: String,
    read: Read,
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
        read: read_bundle,
        root: root.clone(),
        requirements: Requirements::new(signer),
    };
    let layer = |name, annotations: BTreeMap<String, String>, blob: &[u8], read: Read| {
        let json = json!({ "annotations": annotations, "blob": String::from_utf8_lossy(blob) }).to_string();
        let requirements = Requirements { time: TimeUse::Signed { threshold: 1 }, ..Requirements::new(jane()) };
        Case { name, json, read, root: root.clone(), requirements }
    };
    let mut stamped = annotations(&attested);
    let stamp = to_base64(&sigstore.tsa.response(&attested.att(), &Stamp::at(attested.time)));
    let stamp = json!({ "SignedRFC3161Timestamp": stamp }).to_string();
    stamped.insert("dev.sigstore.cosign/rfc3161timestamp".to_owned(), stamp);
    vec![
        layer("image signature", annotations(&signed), b"", read_signature),
        layer("image attestation", stamped, &attested.att(), read_attestation),
        case("v0.1", signed.bundle_v01().to_json(), jane()),
        case("v0.3", signed.bundle_v03().to_json(), jane()),
        case("v0.3 rekor v2", signed.bundle_v03_rekor2().to_json(), jane()),
        case("v0.3 attestation", attested.bundle_v03().to_json(), jane()),
        case("v0.3 by key", by_key.bundle_v03().to_json(), managed(&key)),
        case("legacy", signed.legacy_bundle().to_json(), jane()),
    ]
}

fn read_bundle(json: &[u8]) -> Option<SignedEntity> {
    bundle::parse(json, ChainPolicy::Reject).ok()
}

fn read_signature(json: &[u8]) -> Option<SignedEntity> {
    let (annotations, _) = layer_of(json)?;
    SignedEntity::from_signature_layer(&annotations).ok()
}

fn read_attestation(json: &[u8]) -> Option<SignedEntity> {
    let (annotations, blob) = layer_of(json)?;
    SignedEntity::from_attestation_layer(&annotations, blob.as_bytes()).ok()
}

fn layer_of(json: &[u8]) -> Option<(BTreeMap<String, String>, String)> {
    let layer: Value = serde_json::from_slice(json).ok()?;
    let annotations = serde_json::from_value(layer.get("annotations")?.clone()).ok()?;
    Some((annotations, layer.get("blob")?.as_str()?.to_owned()))
}

/// What was proved, without the words of the report.
fn facts(verified: &Verified) -> String {
    let entries: Vec<_> = verified.entries().iter().map(|e| (&e.log, e.log_index, e.integrated_time)).collect();
    let times: Vec<_> = verified.timestamps().iter().map(|t| t.time).collect();
    format!("{:?} {:?} {entries:?} {times:?} {:?}", verified.digest(), verified.signer(), verified.statement())
}

fn verify(read: Read, json: &[u8], material: &TrustMaterial, requirements: &Requirements) -> Option<Verified> {
    let entity = read(json)?;
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
        // Annotations hold JSON as text.
        (Value::String(a), Value::String(b)) if a != b => match (serde_json::from_str(a), serde_json::from_str(b)) {
            (Ok(a @ Value::Object(_)), Ok(b @ Value::Object(_))) => difference(&a, &b, at),
            _ => Some(at.to_owned()),
        },
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
        let proved = facts(&verify(case.read, case.json.as_bytes(), &material, &case.requirements).expect(case.name));
        for at in 0..case.json.len() {
            // One bit, chosen by the place, so that over the whole file all bits are tried.
            let mut changed = case.json.clone().into_bytes();
            changed[at] ^= 1 << (at % 7);
            let Some(verified) = verify(case.read, &changed, &material, &case.requirements) else { continue };
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
