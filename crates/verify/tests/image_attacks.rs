//! Attacks on signatures and attestations of images, whose evidence stands in the annotations of a layer. Every one
//! changes a single thing that would otherwise be accepted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::BTreeMap;

use common::{BLOB, annotations, jane, managed, signed, verify_entity};
use sigward_testkit::body;
use sigward_testkit::dsse::Envelope;
use sigward_testkit::rekor::Entry;
use sigward_testkit::tsa::Stamp;
use sigward_testkit::{Hash, How, IDENTITY, ISSUER, Key, KeyKind, Leaf, Rekor, Signed, Sigstore, Statement};
use sigward_verify::verifier::{EvidenceIntermediates, ProvedSigner};
use sigward_verify::{
    Artifact, ChainFault, EntrySearch, Error, Input, LogFault, LogUse, LookupError, Profile, Requirements,
    SignedEntity, Signer, TimeUse, TimestampFault, TrustMaterial, Verified, Verifier, to_base64,
};

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// The error must be this variant.
macro_rules! refused {
    ($result:expr, $variant:pat) => {
        match $result {
            Err($variant) => {}
            other => panic!("expected {}, got {other:?}", stringify!($variant)),
        }
    };
}

type Annotations = BTreeMap<String, String>;

fn strict() -> Requirements {
    Requirements::new(jane())
}

fn with_timestamps() -> Requirements {
    Requirements { time: TimeUse::Signed { threshold: 1 }, ..strict() }
}

fn attested(sigstore: &Sigstore) -> Signed {
    sigstore.attest(BLOB, &Statement::slsa("image", BLOB), Leaf::default())
}

/// Verifies a signature layer.
fn signature(sigstore: &Sigstore, annotations: &Annotations, wanted: &Requirements) -> Result<Verified, Error> {
    let entity = SignedEntity::from_signature_layer(annotations)?;
    verify_entity(&sigstore.trusted_root(), &entity, wanted, BLOB)
}

/// Verifies an attestation layer.
fn attestation(
    sigstore: &Sigstore,
    annotations: &Annotations,
    envelope: &[u8],
    wanted: &Requirements,
) -> Result<Verified, Error> {
    let entity = SignedEntity::from_attestation_layer(annotations, envelope)?;
    verify_entity(&sigstore.trusted_root(), &entity, wanted, BLOB)
}

#[test]
fn what_is_unchanged_passes() {
    let sigstore = Sigstore::new();
    let by_leaf = signed(&sigstore);
    let verified = signature(&sigstore, &annotations(&by_leaf), &strict()).unwrap();
    assert_eq!(verified.profile(), Profile::ImageSignature);
    assert_eq!(verified.entries()[0].body, by_leaf.entry.body);
    assert_eq!(verified.entries()[0].promise, by_leaf.entry.set);
    match verified.signer() {
        ProvedSigner::Identity(identity) => {
            let names: Vec<_> = identity.names.iter().map(|name| name.text.as_str()).collect();
            assert_eq!((names.as_slice(), identity.issuer.as_str()), (&[IDENTITY][..], ISSUER));
        }
        other => panic!("{other:?}"),
    }
    let key = Key::new(KeyKind::P256);
    let by_key = sigstore.sign_blob_with_key(BLOB, &key);
    signature(&sigstore, &annotations(&by_key), &Requirements::new(managed(&key))).unwrap();
    let about = attested(&sigstore);
    let verified = attestation(&sigstore, &annotations(&about), &about.att(), &strict()).unwrap();
    assert_eq!(verified.profile(), Profile::ImageAttestation);
    let verified = signature(&sigstore, &annotations(&by_leaf), &with_timestamps()).unwrap();
    assert_eq!(verified.timestamps()[0].der, by_leaf.timestamp);
}

#[test]
fn layer_without_a_signature() {
    let sigstore = Sigstore::new();
    let mut without = annotations(&signed(&sigstore));
    without.insert(SIGNATURE.into(), String::new());
    refused!(signature(&sigstore, &without, &strict()), Error::LayerSignatureMissing);
    without.remove(SIGNATURE);
    refused!(signature(&sigstore, &without, &strict()), Error::LayerSignatureMissing);
}

// Binding: entry, signature, certificate, payload.

#[test]
fn cve_2022_36056_entry_of_another_signature() {
    let sigstore = Sigstore::new();
    let mut swapped = annotations(&signed(&sigstore));
    swapped.insert(BUNDLE.into(), signed(&sigstore).entry.to_legacy().to_string());
    refused!(signature(&sigstore, &swapped, &strict()), Error::Log(LogFault::SignatureMismatch));
    let about = attested(&sigstore);
    let mut swapped = annotations(&about);
    swapped.insert(BUNDLE.into(), attested(&sigstore).entry.to_legacy().to_string());
    refused!(
        attestation(&sigstore, &swapped, &about.att(), &strict()),
        Error::Log(LogFault::SignatureMismatch | LogFault::DigestMismatch { .. })
    );
}

#[test]
fn cve_2022_23649_bundle_of_another_key() {
    // Both certificates hold the same key, so that the signature is the same too.
    let key = Key::new(KeyKind::P256);
    let sigstore = Sigstore::new();
    let leaf = || Leaf { use_key: Some(key.clone()), ..Leaf::default() };
    let one = sigstore.sign_blob(BLOB, leaf());
    let how = How { signature: Some(one.signature.clone()), ..How::default() };
    let two = sigstore.sign_blob_as(BLOB, &leaf(), &how);
    let mut swapped = annotations(&one);
    swapped.insert(BUNDLE.into(), two.entry.to_legacy().to_string());
    refused!(signature(&sigstore, &swapped, &strict()), Error::Log(LogFault::SignerMismatch));
    // The other way: the certificate is swapped under the entry.
    let mut swapped = annotations(&one);
    swapped.insert(CERTIFICATE.into(), two.cert_pem());
    refused!(signature(&sigstore, &swapped, &strict()), Error::Log(LogFault::SignerMismatch));
    // The forged claim of the advisory: a managed key, and an entry that the attacker's key has in the log.
    let managed_key = Key::new(KeyKind::P256);
    let mut forged = annotations(&sigstore.sign_blob_with_key(BLOB, &managed_key));
    forged.insert(BUNDLE.into(), sigstore.sign_blob_with_key(BLOB, &key).entry.to_legacy().to_string());
    refused!(
        signature(&sigstore, &forged, &Requirements::new(managed(&managed_key))),
        Error::Log(LogFault::SignatureMismatch)
    );
}

#[test]
fn payload_swapped() {
    let sigstore = Sigstore::new();
    let entity = SignedEntity::from_signature_layer(&annotations(&signed(&sigstore))).unwrap();
    let result = verify_entity(&sigstore.trusted_root(), &entity, &strict(), b"another payload");
    refused!(result, Error::Signature { .. });
    // An entry about another payload, under the right signature.
    let mine = signed(&sigstore);
    let how = How { signature: Some(mine.signature.clone()), ..How::default() };
    let leaf = Leaf { use_key: Some(mine.key.clone()), ..Leaf::default() };
    let other = sigstore.sign_blob_as(b"another payload", &leaf, &how);
    let mut swapped = annotations(&mine);
    swapped.insert(BUNDLE.into(), other.entry.to_legacy().to_string());
    refused!(signature(&sigstore, &swapped, &strict()), Error::Log(LogFault::DigestMismatch { .. }));
}

#[test]
fn certificate_swapped() {
    let sigstore = Sigstore::new();
    // Somebody signs, and shows the certificate of the one who is wanted.
    let eve = sigstore.sign_blob(BLOB, Leaf::email("eve@example.com"));
    refused!(signature(&sigstore, &annotations(&eve), &strict()), Error::Identity(_));
    let mut swapped = annotations(&eve);
    swapped.insert(CERTIFICATE.into(), signed(&sigstore).cert_pem());
    refused!(signature(&sigstore, &swapped, &strict()), Error::Signature { .. });
    // The first certificate signs, whatever stands after it.
    let mut both = annotations(&eve);
    both.insert(CERTIFICATE.into(), eve.cert_pem() + &signed(&sigstore).cert_pem());
    refused!(signature(&sigstore, &both, &strict()), Error::Identity(_));
}

#[test]
fn chain_annotation_with_a_root_of_its_own() {
    let (sigstore, stranger) = (Sigstore::new(), Sigstore::new());
    let mine = Sigstore { ca: stranger.ca.clone(), ..sigstore.clone() };
    let forged = annotations(&signed(&mine));
    assert!(forged[CHAIN].contains("BEGIN CERTIFICATE"));
    let tried = Requirements { evidence_intermediates: EvidenceIntermediates::Tried, ..strict() };
    for wanted in [strict(), tried.clone()] {
        refused!(
            signature(&sigstore, &forged, &wanted),
            Error::Chain(ChainFault::UnknownIssuer | ChainFault::SignatureInvalid)
        );
    }
    // Intermediates from the evidence do serve where the caller trusts the root alone and says so.
    let annotations = annotations(&signed(&sigstore));
    let mut root = sigstore.trusted_root();
    let anchor = root.cas[0].certs.pop().unwrap();
    root.cas[0].certs = vec![anchor];
    let entity = SignedEntity::from_signature_layer(&annotations).unwrap();
    refused!(verify_entity(&root, &entity, &strict(), BLOB), Error::Chain(ChainFault::UnknownIssuer));
    verify_entity(&root, &entity, &tried, BLOB).unwrap();
}

#[test]
fn ghsa_fx35_bare_key_in_the_certificate_annotation() {
    let sigstore = Sigstore::new();
    let key = Key::new(KeyKind::P256);
    let by_key = sigstore.sign_blob_with_key(BLOB, &key);
    let mut forged = annotations(&by_key);
    forged.insert(CERTIFICATE.into(), key.public_pem());
    let other = Key::new(KeyKind::P256);
    for wanted in [jane(), managed(&key), managed(&other)] {
        refused!(signature(&sigstore, &forged, &Requirements::new(wanted)), Error::RawKeyInEvidence);
    }
    refused!(signature(&sigstore, &annotations(&by_key), &strict()), Error::KeyNeeded);
    // A certificate beside a managed key must be that key's.
    let wanted = Requirements::new(managed(&key));
    refused!(signature(&sigstore, &annotations(&signed(&sigstore)), &wanted), Error::KeyMismatch { .. });
}

// The log.

#[test]
fn promise_of_another_key_or_over_another_time() {
    let sigstore = Sigstore::new();
    let mine = signed(&sigstore);
    let stranger = Rekor::v1("https://rekor.sigstore.test");
    for change in [0, 1] {
        let mut entry = mine.entry.clone();
        if change == 0 {
            stranger.sign_set(&mut entry);
        } else {
            entry.integrated_time += 1;
        }
        let mut forged = annotations(&mine);
        forged.insert(BUNDLE.into(), entry.to_legacy().to_string());
        match signature(&sigstore, &forged, &strict()) {
            Err(Error::LogThreshold { faults, .. }) => assert!(matches!(faults[0], LogFault::PromiseInvalid { .. })),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn layer_without_an_entry_takes_only_its_own() {
    let sigstore = Sigstore::new();
    let root = sigstore.trusted_root();
    let material = common::material(&root);
    let mine = signed(&sigstore);
    let mut without = annotations(&mine);
    without.remove(BUNDLE);
    refused!(signature(&sigstore, &without, &strict()), Error::LogThreshold { needed: 1, found: 0, .. });
    let mut entity = SignedEntity::from_signature_layer(&without).unwrap();
    assert!(entity.lacks_log_entry());
    let artifact = Artifact::from_bytes(BLOB, &entity.needs(None, None).unwrap()).unwrap();
    let found = {
        let wanted = strict();
        let proof = Verifier::new(&material, &wanted).check_locally(&entity, &artifact).unwrap();
        let choose = |entry: &Entry| {
            let entries = EntrySearch::read_cached(entry.to_api_map().to_string().as_bytes()).unwrap();
            EntrySearch::choose(&proof, artifact.digests(), entries, &material.logs)
        };
        refused!(choose(&signed(&sigstore).entry), LookupError::NoneValid { .. });
        match choose(&Entry { set: None, ..mine.entry.clone() }) {
            Err(LookupError::NoneValid { faults }) => assert_eq!(faults, [LogFault::PromiseMissing]),
            other => panic!("{other:?}"),
        }
        match choose(&Entry { proof: None, ..mine.entry.clone() }) {
            Err(LookupError::NoneValid { faults }) => assert_eq!(faults, [LogFault::ProofMissing]),
            other => panic!("{other:?}"),
        }
        choose(&mine.entry).unwrap()
    };
    entity.add_log_entry(found);
    assert!(!entity.lacks_log_entry());
    let verified = verify_entity(&root, &entity, &strict(), BLOB).unwrap();
    assert!(verified.entries()[0].inclusion);
}

// Timestamps.

fn first_fault(result: Result<Verified, Error>) -> TimestampFault {
    match result {
        Err(Error::TimestampThreshold { faults, .. }) => faults.into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn stamp(sigstore: &Sigstore, message: &[u8], time: i64) -> String {
    let stamp = sigstore.tsa.response(message, &Stamp::at(time));
    format!(r#"{{"SignedRFC3161Timestamp":"{}"}}"#, to_base64(&stamp))
}

#[test]
fn timestamp_of_another_signature() {
    let sigstore = Sigstore::new();
    let mut swapped = annotations(&signed(&sigstore));
    swapped.insert(TIMESTAMP.into(), signed(&sigstore).rfc3161_json());
    assert!(matches!(first_fault(signature(&sigstore, &swapped, &with_timestamps())), TimestampFault::Imprint { .. }));
}

#[test]
fn timestamp_over_the_wrong_bytes() {
    let sigstore = Sigstore::new();
    let mine = signed(&sigstore);
    // Over the payload, or over the text of the signature.
    for message in [BLOB, mine.sig().as_bytes()] {
        let mut forged = annotations(&mine);
        forged.insert(TIMESTAMP.into(), stamp(&sigstore, message, mine.time));
        assert!(matches!(
            first_fault(signature(&sigstore, &forged, &with_timestamps())),
            TimestampFault::Imprint { .. }
        ));
    }
    // Of an attestation the whole envelope is stamped, not one of its signatures.
    let about = attested(&sigstore);
    let mut layer = annotations(&about);
    assert!(matches!(
        first_fault(attestation(&sigstore, &layer, &about.att(), &with_timestamps())),
        TimestampFault::Imprint { .. }
    ));
    layer.insert(TIMESTAMP.into(), stamp(&sigstore, &about.att(), about.time));
    let verified = attestation(&sigstore, &layer, &about.att(), &with_timestamps()).unwrap();
    assert_eq!(verified.timestamps().len(), 1);
    // So it is where the envelope is a file of its own.
    let signer = SignedEntity::from_attestation_layer(&layer, &about.att()).unwrap().signer().clone();
    let mut detached = SignedEntity::detached_envelope(&about.att(), signer).unwrap();
    let wanted = Requirements { log: LogUse::SkippedUnsafe, ..with_timestamps() };
    detached.add_timestamp(about.timestamp.clone());
    let over_signature = verify_entity(&sigstore.trusted_root(), &detached, &wanted, BLOB);
    assert!(matches!(first_fault(over_signature), TimestampFault::Imprint { .. }));
    detached.add_timestamp(sigstore.tsa.response(&about.att(), &Stamp::at(about.time)));
    verify_entity(&sigstore.trusted_root(), &detached, &wanted, BLOB).unwrap();
}

// Envelopes.

fn without_log(key: &Key) -> Requirements {
    Requirements { log: LogUse::SkippedUnsafe, ..Requirements::new(managed(key)) }
}

#[test]
fn payload_type_that_is_no_statement() {
    let sigstore = Sigstore::new();
    let key = Key::new(KeyKind::P256);
    let payload = Statement::slsa("image", BLOB).to_json();
    for kind in ["text/plain", "application/vnd.in-toto+json ", ""] {
        let mut envelope = Envelope { payload_type: kind.to_owned(), payload: payload.clone(), signatures: vec![] };
        envelope.add_signature(&key, Hash::Sha256);
        refused!(
            attestation(&sigstore, &Annotations::new(), &envelope.to_json(), &without_log(&key)),
            Error::PayloadType { .. }
        );
        // The type is signed: another one cannot be written over it.
        envelope.payload_type = "application/vnd.in-toto+json".to_owned();
        refused!(
            attestation(&sigstore, &Annotations::new(), &envelope.to_json(), &without_log(&key)),
            Error::Signature { .. }
        );
    }
}

#[test]
fn of_several_signatures_one_must_be_by_the_key() {
    let sigstore = Sigstore::new();
    let (key, stranger) = (Key::new(KeyKind::P256), Key::new(KeyKind::P256));
    let payload = Statement::slsa("image", BLOB).to_json();
    let mut envelope = Envelope::sign(&payload, &stranger, Hash::Sha256);
    let read = |envelope: &Envelope, wanted: &Requirements| {
        attestation(&sigstore, &Annotations::new(), &envelope.to_json(), wanted)
    };
    refused!(read(&envelope, &without_log(&key)), Error::Signature { .. });
    envelope.add_signature(&key, Hash::Sha256);
    read(&envelope, &without_log(&key)).unwrap();
    // What is logged is about the signature that counts, not about the first.
    let time = sigward_testkit::time::SIGNING_TIME;
    let logged = |key: &Key| {
        let body = body::intoto_v001(&envelope, &body::Verifier::public_key(key));
        let entry = sigstore.rekor.append("intoto", "0.0.1", &body, time);
        Annotations::from([(BUNDLE.to_owned(), entry.to_legacy().to_string())])
    };
    let wanted = Requirements::new(managed(&key));
    attestation(&sigstore, &logged(&key), &envelope.to_json(), &wanted).unwrap();
    refused!(
        attestation(&sigstore, &logged(&stranger), &envelope.to_json(), &wanted),
        Error::Log(LogFault::SignerMismatch)
    );
    // No signature at all, and more than anyone needs.
    envelope.signatures.clear();
    refused!(read(&envelope, &without_log(&key)), Error::EnvelopeSignatures { found: 0 });
    (0..17).for_each(|_| envelope.add_signature(&key, Hash::Sha256));
    refused!(read(&envelope, &without_log(&key)), Error::TooMany { what: "DSSE signatures", .. });
}

// Limits and malformed annotations.

#[test]
fn cve_2024_29902_annotation_larger_than_anyone_needs() {
    let sigstore = Sigstore::new();
    for name in [SIGNATURE, CERTIFICATE, CHAIN, BUNDLE, TIMESTAMP] {
        let mut large = annotations(&signed(&sigstore));
        large.get_mut(name).unwrap().push_str(&" ".repeat(1024 * 1024));
        refused!(signature(&sigstore, &large, &strict()), Error::TooLarge { input: Input::Layer, .. });
    }
    let chain = signed(&sigstore).chain_pem().repeat(9);
    let mut long = annotations(&signed(&sigstore));
    long.insert(CHAIN.into(), chain);
    refused!(signature(&sigstore, &long, &strict()), Error::TooMany { what: "certificates", limit: 16, .. });
}

#[test]
fn annotations_that_cannot_be_read() {
    let sigstore = Sigstore::new();
    for (name, text) in [
        (SIGNATURE, "!"),
        (CERTIFICATE, "no certificate"),
        (CHAIN, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        (BUNDLE, "null"),
        (BUNDLE, "[]"),
        (
            BUNDLE,
            r#"{"SignedEntryTimestamp":"AA==","Payload":{"body":{},"integratedTime":1,"logIndex":1,"logID":"00"}}"#,
        ),
        (BUNDLE, r#"{"SignedEntryTimestamp":"AA=="}"#),
        (TIMESTAMP, "null"),
        (TIMESTAMP, "{}"),
        (TIMESTAMP, r#"["AA=="]"#),
        (TIMESTAMP, r#"{"SignedRFC3161Timestamp":1}"#),
    ] {
        let mut broken = annotations(&signed(&sigstore));
        broken.insert(name.into(), text.into());
        assert!(SignedEntity::from_signature_layer(&broken).is_err(), "{name}: {text}");
    }
}

// What only saves requests.

#[test]
fn could_match_tells_apart_and_proves_nothing() {
    let sigstore = Sigstore::new();
    let material = TrustMaterial::default();
    let (key, other) = (Key::new(KeyKind::P256), Key::new(KeyKind::P256));
    let could = |annotations: &Annotations, signer: Signer| {
        let entity = SignedEntity::from_signature_layer(annotations).unwrap();
        Verifier::new(&material, &Requirements::new(signer)).could_match(&entity)
    };
    let by_leaf = annotations(&signed(&sigstore));
    let eve = annotations(&sigstore.sign_blob(BLOB, Leaf::email("eve@example.com")));
    let by_key = annotations(&sigstore.sign_blob_with_key(BLOB, &key));
    could(&by_leaf, jane()).unwrap();
    refused!(could(&eve, jane()), Error::Identity(_));
    refused!(could(&by_key, jane()), Error::KeyNeeded);
    refused!(could(&by_leaf, managed(&key)), Error::KeyMismatch { .. });
    could(&by_key, managed(&key)).unwrap();
    // Nothing names the key, so any could be it; the signature tells.
    could(&by_key, managed(&other)).unwrap();
    refused!(signature(&sigstore, &by_key, &Requirements::new(managed(&other))), Error::Signature { .. });
    // A certificate of a stranger's authority could match, and does not verify.
    let forged = annotations(&signed(&Sigstore::new()));
    could(&forged, jane()).unwrap();
    assert!(signature(&sigstore, &forged, &strict()).is_err());
}
