//! Attacks, each named after what it does. Every one changes a single thing of evidence that would otherwise be
//! accepted, and would pass if its check were missing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{BLOB, detached, jane, keyless, managed, signed, verify, verify_blob, verify_entity};
use sigward_testkit::ca::{Ca, CaSpec};
use sigward_testkit::ct::{SctLog, SctSpec};
use sigward_testkit::note::Checkpoint;
use sigward_testkit::tsa::{Bag, Stamp, Tsa, TsaLeaf};
use sigward_testkit::x509::{Ext, eku, key_usage};
use sigward_testkit::{Bundle, How, Key, KeyKind, Leaf, Rekor, San, Sigstore, Statement};
use sigward_verify::{
    BundleFault, ChainFault, Claims, Error, LogFault, LogUse, Matcher, Requirements, SctFault, SctUse, TimeUse,
    TimestampFault, Verified,
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

#[path = "attacks/certificates.rs"]
mod certificates;

fn strict() -> Requirements {
    Requirements::new(jane())
}

fn with_timestamps() -> Requirements {
    Requirements { time: TimeUse::Signed { threshold: 1 }, ..strict() }
}

/// Verifies the default bundle after `change`.
fn changed(change: impl FnOnce(&Sigstore, &mut Bundle)) -> Result<Verified, Error> {
    let sigstore = Sigstore::new();
    let mut bundle = signed(&sigstore).bundle_v03();
    change(&sigstore, &mut bundle);
    verify(&sigstore.trusted_root(), &bundle.to_json(), &strict())
}

/// Verifies a bundle whose leaf is changed.
fn with_leaf(leaf: Leaf) -> Result<Verified, Error> {
    let sigstore = Sigstore::new();
    let bundle = sigstore.sign_blob(BLOB, leaf).bundle_v03();
    verify(&sigstore.trusted_root(), &bundle.to_json(), &strict())
}

#[test]
fn what_is_unchanged_passes() {
    let sigstore = Sigstore::new();
    let (signed, root) = (signed(&sigstore), sigstore.trusted_root());
    for bundle in [signed.bundle_v01(), signed.bundle_v02(), signed.bundle_v03(), signed.bundle_v03_old()] {
        let verified = verify(&root, &bundle.to_json(), &strict()).unwrap();
        assert!(verified.waivers().is_empty());
        assert_eq!(verified.entries().len(), 1);
    }
    verify(&root, &signed.bundle_v03_rekor2().to_json(), &strict()).unwrap();
    verify(&root, &signed.bundle_v03_tsa().to_json(), &with_timestamps()).unwrap();
    verify(&root, &signed.legacy_bundle().to_json(), &strict()).unwrap();
    verify_entity(&root, &detached(&signed), &strict(), BLOB).unwrap();
}

// Binding: entry, signature, key, artifact.

#[test]
fn cve_2022_36056_entry_of_another_signature() {
    let other = |sigstore: &Sigstore| signed(sigstore).entry;
    refused!(changed(|s, b| b.entries = vec![other(s)]), Error::Log(LogFault::SignatureMismatch));
    let sigstore = Sigstore::new();
    let mut legacy = signed(&sigstore).legacy_bundle();
    legacy.entry = Some(other(&sigstore));
    refused!(verify(&sigstore.trusted_root(), &legacy.to_json(), &strict()), Error::Log(LogFault::SignatureMismatch));
}

#[test]
fn cve_2026_22703_entry_of_another_artifact() {
    refused!(
        changed(|s, b| b.entries = vec![s.sign_blob(b"other", Leaf::default()).entry]),
        Error::Log(LogFault::DigestMismatch { .. })
    );
}

#[test]
fn cve_2022_23649_entry_of_another_key() {
    // Both certificates hold the same key, so that the signature is the same too.
    let key = Key::new(KeyKind::P256);
    let sigstore = Sigstore::new();
    let leaf = || Leaf { use_key: Some(key.clone()), ..Leaf::default() };
    let one = sigstore.sign_blob(BLOB, leaf());
    let how = How { signature: Some(one.signature.clone()), ..How::default() };
    let two = sigstore.sign_blob_as(BLOB, &leaf(), &how);
    let mut bundle = one.bundle_v03();
    bundle.entries = vec![two.entry];
    refused!(verify(&sigstore.trusted_root(), &bundle.to_json(), &strict()), Error::Log(LogFault::SignerMismatch));
}

#[test]
fn ghsa_fx35_raw_key_in_a_legacy_bundle() {
    let sigstore = Sigstore::new();
    let key = Key::new(KeyKind::P256);
    let json = sigstore.sign_blob_with_key(BLOB, &key).legacy_bundle().to_json();
    let root = sigstore.trusted_root();
    refused!(verify(&root, &json, &strict()), Error::RawKeyInEvidence);
    let other = Key::new(KeyKind::P256);
    refused!(verify(&root, &json, &Requirements::new(managed(&other))), Error::KeyMismatch { .. });
    verify(&root, &json, &Requirements::new(managed(&key))).unwrap();
}

#[test]
fn kind_beside_the_body_is_another() {
    refused!(changed(|_, b| b.entries[0].kind = "rekord".into()), Error::Log(LogFault::KindMismatch { .. }));
    refused!(changed(|_, b| b.entries[0].version = "0.0.2".into()), Error::Log(LogFault::KindMismatch { .. }));
}

#[test]
fn another_file() {
    let sigstore = Sigstore::new();
    let (signed, root) = (signed(&sigstore), sigstore.trusted_root());
    refused!(verify_blob(&root, &signed.bundle_v03().to_json(), &strict(), b"other"), Error::MessageDigest { .. });
    refused!(verify_blob(&root, &signed.legacy_bundle().to_json(), &strict(), b"other"), Error::Signature { .. });
}

// The log.

#[test]
fn no_entry_at_all() {
    refused!(changed(|_, b| b.entries.clear()), Error::LogThreshold { needed: 1, found: 0, .. });
}

#[test]
fn cve_2026_49834_one_log_counted_twice() {
    let sigstore = Sigstore::new();
    let signed = signed(&sigstore);
    let mut bundle = signed.bundle_v03();
    let body = signed.entry.body.clone();
    bundle.entries.push(sigstore.rekor.append("hashedrekord", "0.0.1", &body, signed.time));
    let two = Requirements { log: LogUse::Required { threshold: 2 }, ..strict() };
    refused!(
        verify(&sigstore.trusted_root(), &bundle.to_json(), &two),
        Error::LogThreshold { needed: 2, found: 1, .. }
    );
}

#[test]
fn the_same_entry_twice() {
    refused!(
        changed(|_, b| b.entries = vec![b.entries[0].clone(), b.entries[0].clone()]),
        Error::Log(LogFault::Duplicate { .. })
    );
}

#[test]
fn cve_2024_45395_more_entries_than_anyone_needs() {
    refused!(
        changed(|_, b| b.entries = vec![b.entries[0].clone(); 33]),
        Error::TooMany { what: "transparency log entries", limit: 32, found: 33 }
    );
}

#[test]
fn entry_of_an_unknown_log() {
    let stranger = Sigstore::new();
    let sigstore = Sigstore::new();
    let mine = signed(&sigstore);
    let mut bundle = mine.bundle_v03();
    bundle.entries = vec![stranger.rekor.append("hashedrekord", "0.0.1", &mine.entry.body, mine.time)];
    match verify(&sigstore.trusted_root(), &bundle.to_json(), &strict()) {
        Err(Error::LogThreshold { faults, .. }) => assert!(matches!(faults[0], LogFault::UnknownLog { .. })),
        other => panic!("{other:?}"),
    }
}

#[test]
fn promise_of_another_key_or_over_another_time() {
    let stranger = Rekor::v1("https://rekor.sigstore.test");
    for change in [0, 1] {
        let result = changed(|_, b| {
            if change == 0 {
                stranger.sign_set(&mut b.entries[0]);
            } else {
                b.entries[0].integrated_time += 1;
            }
        });
        match result {
            Err(Error::LogThreshold { faults, .. }) => assert!(matches!(faults[0], LogFault::PromiseInvalid { .. })),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn promise_removed_from_v01() {
    let sigstore = Sigstore::new();
    let mut bundle = signed(&sigstore).bundle_v01();
    bundle.entries[0].set = None;
    refused!(
        verify(&sigstore.trusted_root(), &bundle.to_json(), &strict()),
        Error::Bundle(BundleFault::PromiseMissing)
    );
}

#[test]
fn cve_2026_48816_time_without_a_promise() {
    refused!(changed(|_, b| b.entries[0].set = None), Error::TimeMissing);
}

#[test]
fn proof_removed_from_v03() {
    refused!(changed(|_, b| b.entries[0].proof = None), Error::Bundle(BundleFault::InclusionProofMissing));
}

#[test]
fn proof_of_another_place() {
    refused!(
        changed(|_, b| b.entries[0].proof.as_mut().unwrap().log_index ^= 1),
        Error::Log(LogFault::InclusionInvalid { .. } | LogFault::ProofMalformed | LogFault::IndexOutsideTree { .. })
    );
}

#[test]
fn cve_2024_54140_checkpoint_not_signed_by_the_log() {
    let resigned = |key: &Key, b: &mut Bundle, s: &Sigstore| {
        let proof = b.entries[0].proof.as_mut().unwrap();
        let note = Checkpoint::new(&s.rekor.origin, proof.tree_size, &proof.root_hash);
        proof.checkpoint = Some(note.sign(&s.rekor.name, key, &s.rekor.key.id()[..4]).to_note());
    };
    let stranger = Key::new(KeyKind::P256);
    refused!(changed(|s, b| resigned(&stranger, b, s)), Error::Log(LogFault::CheckpointSignature { .. }));
    refused!(
        changed(|s, b| {
            let proof = b.entries[0].proof.as_mut().unwrap();
            let note = Checkpoint::new(&s.rekor.origin, proof.tree_size, &proof.root_hash);
            let hint = stranger.id();
            proof.checkpoint = Some(note.sign(&s.rekor.name, &stranger, &hint[..4]).to_note());
        }),
        Error::Log(LogFault::CheckpointUnsigned { .. })
    );
}

#[test]
fn checkpoint_of_another_log_or_tree() {
    let note = |b: &mut Bundle, s: &Sigstore, origin: &str, name: &str, more: u64, flip: u8| {
        let proof = b.entries[0].proof.as_mut().unwrap();
        let mut root = proof.root_hash.clone();
        root[0] ^= flip;
        let note = Checkpoint::new(origin, proof.tree_size + more, &root);
        proof.checkpoint = Some(note.sign(name, &s.rekor.key, &s.rekor.key.id()[..4]).to_note());
    };
    refused!(
        changed(|s, b| note(b, s, "other.example - 1", "other.example", 0, 0)),
        Error::Log(LogFault::Origin { .. })
    );
    refused!(
        changed(|s, b| note(b, s, &s.rekor.origin, "other.example", 0, 0)),
        Error::Log(LogFault::CheckpointUnsigned { .. })
    );
    refused!(changed(|s, b| note(b, s, &s.rekor.origin, &s.rekor.name, 1, 0)), Error::Log(LogFault::TreeSize { .. }));
    refused!(changed(|s, b| note(b, s, &s.rekor.origin, &s.rekor.name, 0, 1)), Error::Log(LogFault::RootHash { .. }));
}

#[test]
fn cve_2026_54787_log_key_outside_its_window() {
    let sigstore = Sigstore::new();
    let signed = signed(&sigstore);
    let mut root = sigstore.trusted_root();
    root.tlogs[0].valid_for = Some((Some(0), Some(signed.time - 1)));
    let outside = |result: Result<Verified, Error>| match result {
        Err(Error::LogThreshold { faults, .. }) => assert!(matches!(faults[0], LogFault::OutsideLogValidity { .. })),
        other => panic!("{other:?}"),
    };
    outside(verify(&root, &signed.bundle_v03().to_json(), &strict()));
    outside(verify(&root, &signed.legacy_bundle().to_json(), &strict()));
    // Rekor v2: held against the timestamp's time.
    root.tlogs[1].valid_for = Some((Some(0), Some(signed.time - 1)));
    refused!(
        verify(&root, &signed.bundle_v03_rekor2().to_json(), &strict()),
        Error::Log(LogFault::OutsideLogValidity { .. })
    );
}

#[test]
fn rekor_v2_entry_without_a_timestamp() {
    let sigstore = Sigstore::new();
    let mut bundle = signed(&sigstore).bundle_v03_rekor2();
    bundle.timestamps.clear();
    refused!(
        verify(&sigstore.trusted_root(), &bundle.to_json(), &strict()),
        Error::TimestampThreshold { needed: 1, found: 0, .. }
    );
}

#[test]
fn offline_a_detached_signature_needs_an_entry() {
    let sigstore = Sigstore::new();
    let signed = signed(&sigstore);
    let mut legacy = signed.legacy_bundle();
    legacy.entry = None;
    refused!(
        verify(&sigstore.trusted_root(), &legacy.to_json(), &strict()),
        Error::LogThreshold { needed: 1, found: 0, .. }
    );
}

// Identity.

#[test]
fn another_identity_or_issuer() {
    let sigstore = Sigstore::new();
    let json = signed(&sigstore).bundle_v03().to_json();
    let root = sigstore.trusted_root();
    let run = |subject: Matcher, issuer: Matcher| verify(&root, &json, &Requirements::new(keyless(subject, issuer)));
    let (jane, google) = (|| Matcher::exact("jane@example.com"), || Matcher::exact("https://accounts.google.com"));
    run(jane(), google()).unwrap();
    for subject in ["jane@example.co", "jane@example.com ", "JANE@example.com", "", "ane@example.com"] {
        match run(Matcher::exact(subject), google()) {
            Err(Error::Identity(fault)) => assert!(fault.subject_differs, "{subject:?}"),
            other => panic!("{subject:?}: {other:?}"),
        }
    }
    match run(jane(), Matcher::exact("https://accounts.google.com/")) {
        Err(Error::Identity(fault)) => assert!(!fault.subject_differs),
        other => panic!("{other:?}"),
    }
    // An empty matcher accepts no one (CVE-2022-36056: identity flags unchecked).
    refused!(run(Matcher::default(), google()), Error::Identity(_));
    refused!(run(jane(), Matcher::default()), Error::Identity(_));
    refused!(run(Matcher::pattern("^ane@").unwrap(), google()), Error::Identity(_));
    run(Matcher::pattern("ane@").unwrap(), google()).unwrap();
}

#[test]
fn certificate_without_any_name() {
    refused!(with_leaf(Leaf { sans: vec![], ..Leaf::default() }), Error::Identity(_));
}

#[test]
fn nobody_is_wanted() {
    let sigstore = Sigstore::new();
    let nobody = Requirements::new(sigward_verify::Signer::Keyless(vec![]));
    assert!(verify(&sigstore.trusted_root(), &signed(&sigstore).bundle_v03().to_json(), &nobody).is_err());
}

// Attestations.

#[test]
fn cve_2022_35929_another_predicate_type() {
    let sigstore = Sigstore::new();
    let json = sigstore.attest(BLOB, &Statement::slsa("blob", BLOB), Leaf::default()).bundle_v03().to_json();
    let typed = |kind: &str| Requirements { predicate_type: Some(kind.into()), ..strict() };
    verify(&sigstore.trusted_root(), &json, &typed("https://slsa.dev/provenance/v1")).unwrap();
    refused!(verify(&sigstore.trusted_root(), &json, &typed("https://spdx.dev/Document")), Error::PredicateType { .. });
}

#[test]
fn cve_2026_31830_statement_about_another_artifact() {
    let sigstore = Sigstore::new();
    let root = sigstore.trusted_root();
    let json = sigstore.attest(BLOB, &Statement::slsa("blob", b"other"), Leaf::default()).bundle_v03().to_json();
    refused!(verify(&root, &json, &strict()), Error::SubjectMismatch { .. });
    let unchecked = Requirements { claims: Claims::SkippedUnsafe, ..strict() };
    assert!(!verify(&root, &json, &unchecked).unwrap().waivers().is_empty());
    let mut nobody = Statement::slsa("blob", BLOB);
    nobody.subjects.clear();
    let json = sigstore.attest(BLOB, &nobody, Leaf::default()).bundle_v03().to_json();
    refused!(verify(&root, &json, &strict()), Error::SubjectMismatch { .. });
}

#[test]
fn cve_2026_39395_payload_that_is_no_statement() {
    let sigstore = Sigstore::new();
    for payload in [&b"not json"[..], b"null", b"[]", b"{}"] {
        let signed = sigstore.attest_as(BLOB, payload, &Leaf::default(), &How::default());
        let json = signed.bundle_v03().to_json();
        refused!(verify(&sigstore.trusted_root(), &json, &strict()), Error::Json { .. } | Error::StatementType { .. });
    }
}

// Keys.

#[test]
fn key_and_certificate_are_not_mixed_up() {
    let sigstore = Sigstore::new();
    let (root, key) = (sigstore.trusted_root(), Key::new(KeyKind::P256));
    let by_key = sigstore.sign_blob_with_key(BLOB, &key).bundle_v03().to_json();
    verify(&root, &by_key, &Requirements::new(managed(&key))).unwrap();
    refused!(verify(&root, &by_key, &strict()), Error::KeyNeeded);
    refused!(verify(&root, &by_key, &Requirements::new(managed(&Key::new(KeyKind::P256)))), Error::Signature { .. });
    let by_leaf = signed(&sigstore).bundle_v03().to_json();
    refused!(verify(&root, &by_leaf, &Requirements::new(managed(&key))), Error::KeyNotExpected);
}

#[test]
fn every_kind_of_key_signs_in_every_format() {
    let sigstore = Sigstore::new();
    let root = sigstore.trusted_root();
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa2048, KeyKind::Ed25519] {
        let key = Key::new(kind);
        let wanted = Requirements::new(managed(&key));
        let signed = sigstore.sign_blob_with_key(BLOB, &key);
        verify(&root, &signed.bundle_v03().to_json(), &wanted).unwrap_or_else(|e| panic!("{kind:?}: {e}"));
        verify(&root, &signed.bundle_v03_rekor2().to_json(), &wanted).unwrap_or_else(|e| panic!("{kind:?} v2: {e}"));
    }
}
