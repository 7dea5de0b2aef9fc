//! What formats and trust roots allow beside the usual, and where that ends: each case is one that a reader of cosign's
//! behaviour found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{BLOB, annotations, detached, jane, managed, signed, verify, verify_entity};
use serde_json::{Value, json};
use sigward_testkit::ca::CaSpec;
use sigward_testkit::trust::LogTrust;
use sigward_testkit::tsa::{Stamp, Tsa, TsaLeaf};
use sigward_testkit::{Hash, How, Key, KeyKind, Leaf, Sigstore, Statement, TrustedRoot};
use sigward_verify::{
    Artifact, Certificate, ChainPolicy, Digest, Error, HashAlgorithm, Input, LogFault, Requirements, SignedEntity,
    TimeUse, TimestampFault, TrustMaterial, Verified, Verifier, bundle, limits,
};

/// The error must be this variant.
macro_rules! refused {
    ($result:expr, $variant:pat) => {
        match $result {
            Err($variant) => {}
            other => panic!("expected {}, got {other:?}", stringify!($variant)),
        }
    };
}

fn strict() -> Requirements {
    Requirements::new(jane())
}

/// Verifies the default bundle after a change of its JSON.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Verified, Error> {
    let sigstore = Sigstore::new();
    let mut json = signed(&sigstore).bundle_v03().to_value();
    change(&mut json);
    verify(&sigstore.trusted_root(), &json.to_string(), &strict())
}

// Logs.

#[test]
fn closed_log_key_and_managed_key_without_a_time() {
    // As cosign: nothing proves a time at which the log's key could be judged. A timestamp does.
    let sigstore = Sigstore::new();
    let key = Key::new(KeyKind::P256);
    let by_key = sigstore.sign_blob_with_key(BLOB, &key);
    let mut root = sigstore.trusted_root();
    root.tlogs[1].valid_for = Some((Some(0), Some(by_key.time - 1)));
    let wanted = Requirements::new(managed(&key));
    let json = by_key.bundle_v03_rekor2().to_json();
    verify(&root, &json, &wanted).unwrap();
    let with_time = Requirements { time: TimeUse::Signed { threshold: 1 }, ..wanted };
    refused!(verify(&root, &json, &with_time), Error::Log(LogFault::OutsideLogValidity { .. }));
}

#[test]
fn one_log_key_with_two_windows() {
    let sigstore = Sigstore::new();
    let signed = signed(&sigstore);
    let mut root = sigstore.trusted_root();
    let closed = Some((Some(0), Some(signed.time - 1)));
    let old: Vec<_> = root.tlogs.iter().map(|log| LogTrust { valid_for: closed, ..log.clone() }).collect();
    root.tlogs = [old, root.tlogs].concat();
    let both = [signed.bundle_v03().to_json(), signed.bundle_v03_rekor2().to_json()];
    for json in &both {
        verify(&root, json, &strict()).unwrap();
    }
    // Neither window is open.
    for log in &mut root.tlogs {
        log.valid_for = closed;
    }
    for json in &both {
        assert_eq!(verify(&root, json, &strict()).unwrap_err().code(), "log-outside-validity");
    }
}

#[test]
fn entry_of_an_unknown_log_counts_neither_for_nor_against() {
    let (sigstore, stranger) = (Sigstore::new(), Sigstore::new());
    let mine = signed(&sigstore);
    let root = sigstore.trusted_root();
    let mut bundle = mine.bundle_v03();
    // About something else, at another time.
    let other = stranger.sign_blob(b"other", Leaf::default()).entry;
    bundle.entries.push(stranger.rekor.append("hashedrekord", "0.0.1", &other.body, mine.time + 7200));
    assert_eq!(verify(&root, &bundle.to_json(), &strict()).unwrap().entries().len(), 1);
    bundle.entries.remove(0);
    let error = verify(&root, &bundle.to_json(), &strict()).unwrap_err();
    assert_eq!((error.code(), error.codes()), ("log-unknown", vec!["log-unknown"]));
}

#[test]
fn code_of_several_faults_is_that_of_the_one_that_got_furthest() {
    let (sigstore, stranger) = (Sigstore::new(), Sigstore::new());
    let mine = signed(&sigstore);
    let mut bundle = mine.bundle_v03();
    bundle.entries[0].integrated_time += 1;
    bundle.entries.insert(0, stranger.rekor.append("hashedrekord", "0.0.1", &mine.entry.body, mine.time));
    let error = verify(&sigstore.trusted_root(), &bundle.to_json(), &strict()).unwrap_err();
    assert_eq!(error.code(), "log-promise-invalid");
    assert_eq!(error.codes(), ["log-unknown", "log-promise-invalid"]);
}

// Timestamps.

fn stamped_by(leaf: KeyKind, stamp: impl FnOnce(&mut Stamp)) -> Result<Verified, Error> {
    let tsa = Tsa::new(&CaSpec::tsa_root(), &[], &TsaLeaf { key: leaf, ..TsaLeaf::default() });
    let sigstore = Sigstore { tsa, ..Sigstore::new() };
    let signed = signed(&sigstore);
    let mut how = Stamp::at(signed.time);
    stamp(&mut how);
    let mut bundle = signed.bundle_v03_tsa();
    bundle.timestamps = vec![sigstore.tsa.response(&signed.signature, &how)];
    let wanted = Requirements { time: TimeUse::Signed { threshold: 1 }, ..strict() };
    verify(&sigstore.trusted_root(), &bundle.to_json(), &wanted)
}

#[test]
fn timestamp_authorities_with_any_key_and_hash() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa2048, KeyKind::Ed25519] {
        for (content, signature) in [(Hash::Sha256, Hash::Sha512), (Hash::Sha512, Hash::Sha256)] {
            stamped_by(kind, |s| (s.digest, s.signature_hash) = (content, signature))
                .unwrap_or_else(|e| panic!("{kind:?} {content:?} {signature:?}: {e}"));
        }
    }
    let forged = stamped_by(KeyKind::Ed25519, |s| s.signer = Some(Key::new(KeyKind::Ed25519)));
    match forged {
        Err(Error::TimestampThreshold { faults, .. }) => assert_eq!(faults, [TimestampFault::SignatureInvalid]),
        other => panic!("{other:?}"),
    }
    // The algorithm that is named must be the key's.
    let mixed = stamped_by(KeyKind::P256, |s| s.signer = Some(Key::new(KeyKind::Ed25519)));
    match mixed {
        Err(Error::TimestampThreshold { faults, .. }) => {
            assert!(matches!(faults[0], TimestampFault::Algorithm { .. }), "{faults:?}");
        }
        other => panic!("{other:?}"),
    }
}

// protojson.

#[test]
fn numbers_are_spelled_as_protojson_allows() {
    let entry = "/verificationMaterial/tlogEntries/0";
    let spelled = |name: &str, spell: &dyn Fn(&str) -> Value| {
        changed(|json| {
            let field = json.pointer_mut(&format!("{entry}/{name}")).unwrap();
            *field = spell(&field.as_str().map_or_else(|| field.to_string(), str::to_owned));
        })
    };
    for name in ["integratedTime", "logIndex", "inclusionProof/treeSize"] {
        spelled(name, &|n| json!(format!("{n}.0"))).unwrap_or_else(|e| panic!("{name}: {e}"));
        spelled(name, &|n| json!(format!("{n}0e-1"))).unwrap_or_else(|e| panic!("{name}: {e}"));
        spelled(name, &|n| json!(n.parse::<f64>().unwrap())).unwrap_or_else(|e| panic!("{name}: {e}"));
        for wrong in ["+{}", "0{}", "{}.5", " {}", "{}e"] {
            refused!(spelled(name, &|n| json!(wrong.replace("{}", n))), Error::Json { input: Input::Bundle, .. });
        }
    }
}

#[test]
fn hash_of_the_message_by_number() {
    let spelled = |algorithm: Value| changed(|json| json["messageSignature"]["messageDigest"]["algorithm"] = algorithm);
    spelled(json!(1)).unwrap();
    // SHA-384 has another length; the others are no algorithm here, or no name of one.
    for wrong in [json!(2), json!(4), json!(0), json!("sha256"), json!("1"), json!("SHA2_257"), Value::Null] {
        refused!(spelled(wrong), Error::Bundle(_));
    }
    refused!(spelled(json!([1])), Error::Json { .. });
}

#[test]
fn list_in_place_of_a_message() {
    // A derived reader takes the values for the fields in their order.
    let values = |object: &Value| Value::Array(object.as_object().unwrap().values().cloned().collect());
    for place in [
        "",
        "/verificationMaterial",
        "/verificationMaterial/certificate",
        "/verificationMaterial/tlogEntries/0",
        "/verificationMaterial/tlogEntries/0/logId",
        "/verificationMaterial/tlogEntries/0/kindVersion",
        "/verificationMaterial/tlogEntries/0/inclusionPromise",
        "/verificationMaterial/tlogEntries/0/inclusionProof",
        "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint",
        "/messageSignature",
        "/messageSignature/messageDigest",
    ] {
        let listed = changed(|json| {
            let field = json.pointer_mut(place).unwrap();
            *field = values(field);
        });
        refused!(listed, Error::Json { input: Input::Bundle, .. });
    }
    let root: Value = serde_json::from_str(&Sigstore::new().trusted_root().to_json()).unwrap();
    for place in [
        "",
        "/tlogs/0",
        "/tlogs/0/publicKey",
        "/tlogs/0/publicKey/validFor",
        "/tlogs/0/logId",
        "/certificateAuthorities/0",
        "/certificateAuthorities/0/certChain",
        "/certificateAuthorities/0/certChain/certificates/0",
    ] {
        let mut root = root.clone();
        let field = root.pointer_mut(place).unwrap();
        *field = values(field);
        refused!(
            TrustMaterial::from_trusted_root(root.to_string().as_bytes()),
            Error::Json { input: Input::TrustedRoot, .. }
        );
    }
    let about = Sigstore::new().attest(BLOB, &Statement::slsa("blob", BLOB), Leaf::default());
    let envelope: Value = serde_json::from_slice(&about.att()).unwrap();
    for place in ["", "/signatures/0"] {
        let mut envelope = envelope.clone();
        let field = envelope.pointer_mut(place).unwrap();
        *field = values(field);
        let read = SignedEntity::from_attestation_layer(&annotations(&about), envelope.to_string().as_bytes());
        refused!(read, Error::Json { input: Input::Envelope, .. });
    }
    for place in ["", "/subject/0"] {
        let mut statement = Statement::slsa("blob", BLOB).to_value();
        let field = statement.pointer_mut(place).unwrap();
        *field = values(field);
        let sigstore = Sigstore::new();
        let payload = statement.to_string();
        let forged = sigstore.attest_as(BLOB, payload.as_bytes(), &Leaf::default(), &How::default());
        refused!(
            verify(&sigstore.trusted_root(), &forged.bundle_v03().to_json(), &strict()),
            Error::Json { input: Input::Statement, .. }
        );
    }
}

#[test]
fn digests_are_written_in_lower_case() {
    let hex = "0f".repeat(32);
    assert!(Digest::parse(&format!("sha256:{hex}")).is_some());
    for text in [format!("SHA256:{hex}"), format!("sha256:{}", hex.to_uppercase()), format!("sha2_256:{hex}")] {
        assert_eq!(Digest::parse(&text), None, "{text}");
    }
    // So are the names of algorithms in a statement.
    let sigstore = Sigstore::new();
    let mut statement = Statement::slsa("blob", BLOB);
    statement.subjects[0].1[0].0 = "SHA256".to_owned();
    let json = sigstore.attest(BLOB, &statement, Leaf::default()).bundle_v03().to_json();
    refused!(verify(&sigstore.trusted_root(), &json, &strict()), Error::SubjectMismatch { .. });
}

// Certificates and keys.

#[test]
fn certificates_by_openssl_s_other_labels() {
    let sigstore = Sigstore::new();
    let pem = signed(&sigstore).cert_pem();
    for label in ["TRUSTED CERTIFICATE", "X509 CERTIFICATE"] {
        let other = pem.replace("CERTIFICATE", label);
        Certificate::many_from_pem(other.as_bytes(), Input::Certificate).unwrap();
    }
    let key = pem.replace("CERTIFICATE", "PRIVATE KEY");
    refused!(Certificate::many_from_pem(key.as_bytes(), Input::Certificate), Error::Pem { .. });
}

#[test]
fn more_roots_than_a_chain_has_certificates() {
    let pem = Sigstore::new().root_pem();
    let root = pem.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap();
    let many = root.repeat(limits::ROOT_CERTIFICATES);
    let read = |pem: &str| Certificate::roots_from_pem(pem.as_bytes(), Input::CertificateChain);
    assert_eq!(read(&many).unwrap().len(), limits::ROOT_CERTIFICATES);
    refused!(read(&(many + root)), Error::TooMany { what: "certificates", .. });
}

#[test]
fn named_hash_is_for_managed_keys() {
    let sigstore = Sigstore::new();
    let root = sigstore.trusted_root();
    let named = |wanted: Requirements| Requirements { signature_hash: Some(HashAlgorithm::Sha512), ..wanted };
    verify_entity(&root, &detached(&signed(&sigstore)), &named(strict()), BLOB).unwrap();
    let how = How { hash: Some(Hash::Sha512), ..How::default() };
    let over_sha512 = detached(&sigstore.sign_blob_as(BLOB, &Leaf::default(), &how));
    refused!(verify_entity(&root, &over_sha512, &named(strict()), BLOB), Error::Signature { .. });
}

// Export.

fn export(root: &TrustedRoot, entity: &SignedEntity, wanted: &Requirements) -> Result<String, Error> {
    let material = common::material(root);
    let key = match &wanted.signer {
        sigward_verify::Signer::Key(key) => Some(key.as_ref()),
        sigward_verify::Signer::Keyless(_) => None,
    };
    let artifact = Artifact::from_bytes(BLOB, &entity.needs(key, wanted.signature_hash)?)?;
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    Verifier::new(&material, wanted).export(entity, &artifact, now)
}

#[test]
fn exported_bundle_verifies_or_is_refused() {
    let sigstore = Sigstore::new();
    let root = sigstore.trusted_root();
    let json = export(&root, &detached(&signed(&sigstore)), &strict()).unwrap();
    verify(&root, &json, &strict()).unwrap();
    // A bundle knows P-256 with SHA-256 alone.
    let key = Key::new(KeyKind::P256);
    let how = How { hash: Some(Hash::Sha512), ..How::default() };
    let by_key = sigstore.sign_blob_with_key_as(BLOB, &key, &how);
    let wanted = Requirements { signature_hash: Some(HashAlgorithm::Sha512), ..Requirements::new(managed(&key)) };
    let mut entity = SignedEntity::detached(by_key.signature.clone(), sigward_verify::SignerMaterial::Unnamed);
    let entry = bundle::parse(by_key.bundle_v03().to_json().as_bytes(), ChainPolicy::Reject).unwrap();
    entity.add_log_entry(entry.log_entries()[0].clone());
    verify_entity(&root, &entity, &wanted, BLOB).unwrap();
    match export(&root, &entity, &wanted) {
        Err(Error::NotExportable { reason }) => assert!(matches!(*reason, Error::Signature { .. })),
        other => panic!("{other:?}"),
    }
    // What a layer carries is the promise alone, and a bundle v0.3 needs the proof.
    let layer = SignedEntity::from_signature_layer(&annotations(&signed(&sigstore))).unwrap();
    refused!(export(&root, &layer, &strict()), Error::Bundle(_));
}
