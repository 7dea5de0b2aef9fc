//! A minted world and the shortest way to verify something of it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "shared by test binaries that each use a part"
)]

use std::collections::BTreeMap;

use sigward_testkit::{IDENTITY, ISSUER, Key, Leaf, Signed, Sigstore, TrustedRoot};
use sigward_verify::{
    Artifact, ChainPolicy, Error, Identity, Matcher, PublicKey, Requirements, SignedEntity, Signer, SignerMaterial,
    TrustMaterial, Verified, Verifier, Workflow, bundle, parse_certificate_file, parse_signature,
};

/// What is signed.
pub const BLOB: &[u8] = b"hello, world";

/// The default leaf's identity.
pub fn jane() -> Signer {
    keyless(Matcher::exact(IDENTITY), Matcher::exact(ISSUER))
}

pub fn keyless(subject: Matcher, issuer: Matcher) -> Signer {
    Signer::Keyless(vec![Identity { subject, issuer, workflow: Workflow::default() }])
}

pub fn managed(key: &Key) -> Signer {
    Signer::Key(Box::new(PublicKey::from_pem(key.public_pem().as_bytes()).unwrap()))
}

pub fn material(root: &TrustedRoot) -> TrustMaterial {
    TrustMaterial::from_trusted_root(root.to_json().as_bytes()).unwrap()
}

/// Signs [`BLOB`] with the default leaf.
pub fn signed(sigstore: &Sigstore) -> Signed {
    sigstore.sign_blob(BLOB, Leaf::default())
}

/// Parses and verifies a bundle over [`BLOB`].
pub fn verify(root: &TrustedRoot, json: &str, requirements: &Requirements) -> Result<Verified, Error> {
    verify_blob(root, json, requirements, BLOB)
}

pub fn verify_blob(
    root: &TrustedRoot,
    json: &str,
    requirements: &Requirements,
    blob: &[u8],
) -> Result<Verified, Error> {
    let entity = bundle::parse(json.as_bytes(), ChainPolicy::Reject)?;
    verify_entity(root, &entity, requirements, blob)
}

pub fn verify_entity(
    root: &TrustedRoot,
    entity: &SignedEntity,
    requirements: &Requirements,
    blob: &[u8],
) -> Result<Verified, Error> {
    let material = TrustMaterial::from_trusted_root(root.to_json().as_bytes())?;
    let key = match &requirements.signer {
        Signer::Key(key) => Some(key.as_ref()),
        Signer::Keyless(_) => None,
    };
    let artifact = Artifact::from_bytes(blob, &entity.needs(key, requirements.signature_hash)?)?;
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    Verifier::new(&material, requirements).verify(entity, &artifact, now).map_err(|failure| failure.error)
}

/// `.sig` and `.cert` with a log entry as an online look-up gives it.
pub fn detached(signed: &Signed) -> SignedEntity {
    let leaf = parse_certificate_file(signed.cert_b64().as_bytes()).unwrap();
    let signer = SignerMaterial::Certificate { leaf: Box::new(leaf), chain: Vec::new() };
    let mut entity = SignedEntity::detached(parse_signature(signed.sig().as_bytes()), signer);
    let bundle = bundle::parse(signed.bundle_v03().to_json().as_bytes(), ChainPolicy::Reject).unwrap();
    entity.add_log_entry(bundle.log_entries()[0].clone());
    entity
}

/// The annotations of a signature's layer, as cosign writes them.
pub fn annotations(signed: &Signed) -> BTreeMap<String, String> {
    let signature = if signed.envelope.is_some() { String::new() } else { signed.sig() };
    let mut all = vec![
        ("dev.cosignproject.cosign/signature", signature),
        ("dev.sigstore.cosign/bundle", signed.entry.to_legacy().to_string()),
        ("dev.sigstore.cosign/rfc3161timestamp", signed.rfc3161_json()),
    ];
    if signed.cert.is_some() {
        all.push(("dev.sigstore.cosign/certificate", signed.cert_pem()));
        all.push(("dev.sigstore.cosign/chain", signed.chain_pem()));
    }
    all.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}
