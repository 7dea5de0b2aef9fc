//! Attacks on signatures and attestations of images, whose evidence stands in the annotations of a layer. Every one
//! changes a single thing that would otherwise be accepted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::BTreeMap;

use common::{BLOB, annotations, jane, managed, signed, verify_entity};
use sigward_testkit::{Key, KeyKind, Leaf, Signed, Sigstore, Statement};
use sigward_verify::{Error, Profile, Requirements, SignedEntity, TimeUse, Verified};

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
    without.insert("dev.cosignproject.cosign/signature".into(), String::new());
    refused!(signature(&sigstore, &without, &strict()), Error::LayerSignatureMissing);
    without.remove("dev.cosignproject.cosign/signature");
    refused!(signature(&sigstore, &without, &strict()), Error::LayerSignatureMissing);
}
