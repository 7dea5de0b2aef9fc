//! The first step: signature, artifact and key agree. It needs neither trust nor network.

use super::{Requirements, Signer};
use crate::digest::{Artifact, Digest, HashAlgorithm, hex};
use crate::dsse::{Envelope, Statement};
use crate::entity::{Content, SignedEntity, SignerMaterial, ed25519_need};
use crate::error::{Error, LogFault};
use crate::key::{KeyKind, PublicKey, RsaPadding, SignatureFault};
use crate::profile::{Ed25519Rule, StampRule};
use crate::tlog::LogEntry;
use crate::tlog::body::{self, Claim, Verifier as EntryVerifier};

/// Signature, artifact and key agree. The key itself is not trusted yet.
#[derive(Debug, Clone)]
pub struct SelfConsistent<'e> {
    entity: &'e SignedEntity,
    /// The signature that was checked: of several in an envelope the one that holds.
    signature: &'e [u8],
    /// The key that the signature was checked with.
    key: PublicKey,
    /// Digest that was signed; `None` if the key signs the message itself.
    signed: Option<Digest>,
    statement: Option<Statement>,
}

pub(super) fn self_consistent<'e>(
    entity: &'e SignedEntity,
    artifact: &Artifact,
    wanted: &Requirements,
) -> Result<SelfConsistent<'e>, Error> {
    let key = signing_key(entity, wanted)?;
    match &entity.content {
        Content::Message { named_digest } => {
            if let Some(named) = named_digest {
                check_named_digest(named, artifact)?;
            }
            let signed = verify_message(entity, &key, artifact, wanted)?;
            Ok(SelfConsistent { entity, signature: &entity.signature, key, signed, statement: None })
        }
        Content::Envelope { envelope, .. } => {
            let signature = find_valid(entity, envelope, &key, wanted)
                .ok_or_else(|| not_signed_by(&key, "the attestation".into()))?;
            let statement = Some(Statement::parse(envelope)?);
            Ok(SelfConsistent { entity, signature, key, signed: None, statement })
        }
    }
}

/// The first signature of an envelope that the key made (§2.8: any one of several; bundles have exactly one).
fn find_valid<'e>(
    entity: &SignedEntity,
    envelope: &'e Envelope,
    key: &PublicKey,
    wanted: &Requirements,
) -> Option<&'e [u8]> {
    let pae = envelope.pae();
    let hashes = entity.signature_hashes(key, wanted.named_hash());
    let valid = |signature: &[u8]| hashes.iter().any(|hash| key.verify(*hash, &pae, signature).is_ok());
    envelope.signatures.iter().map(Vec::as_slice).find(|signature| valid(signature))
}

impl<'e> SelfConsistent<'e> {
    /// The digest that was signed; `None` if the key signs the message itself.
    pub fn signed_digest(&self) -> Option<&Digest> {
        self.signed.as_ref()
    }

    /// The signature that was checked.
    pub fn signature(&self) -> &'e [u8] {
        self.signature
    }

    /// The entity that the proof is about.
    pub fn entity(&self) -> &'e SignedEntity {
        self.entity
    }

    /// The signer in the words of a log entry. A certificate is logged as such, even where its key was given.
    pub(crate) fn entry_verifier(&self) -> EntryVerifier<'_> {
        match self.entity.certificate() {
            Some(leaf) => EntryVerifier::Certificate(leaf.der()),
            None => EntryVerifier::Key(self.key.spki()),
        }
    }

    /// Checks that an entry is about this signature, this key and this artifact.
    pub(crate) fn bind(&self, entry: &LogEntry, digests: &[Digest]) -> Result<(), LogFault> {
        if let Some((kind, version)) = &entry.kind_version {
            let found = body::kind_version(&entry.body)?;
            if (kind, version) != (&found.0, &found.1) {
                return Err(LogFault::KindMismatch {
                    expected: format!("{kind} {version}"),
                    found: format!("{} {}", found.0, found.1),
                });
            }
        }
        let pae;
        let claim = match &self.entity.content {
            Content::Message { .. } => Claim::Message { digests, signed: self.signed.as_ref() },
            Content::Envelope { envelope, json } => {
                pae = envelope.pae();
                Claim::Envelope { payload: &envelope.payload, pae: &pae, json: json.as_deref() }
            }
        };
        body::bind(&entry.body, claim, self.signature, self.entry_verifier())
    }

    /// What a timestamp about this signature is over.
    pub(super) fn stamped(&self) -> &'e [u8] {
        match (&self.entity.content, self.entity.profile.rules().stamp) {
            (Content::Envelope { json: Some(json), .. }, StampRule::EnvelopeJson) => json,
            _ => self.signature,
        }
    }

    pub(super) fn key(&self) -> &PublicKey {
        &self.key
    }

    pub(super) fn statement(&self) -> Option<&Statement> {
        self.statement.as_ref()
    }
}

/// The key that must have signed: the managed one, or the certificate's.
pub(super) fn signing_key(entity: &SignedEntity, wanted: &Requirements) -> Result<PublicKey, Error> {
    match (&wanted.signer, &entity.signer) {
        (Signer::Key(_), SignerMaterial::Certificate { .. }) if entity.profile.is_sigstore_bundle() => {
            Err(Error::KeyNotExpected)
        }
        (Signer::Key(key), SignerMaterial::Certificate { leaf, .. }) => same_key(key, leaf.public_key()?),
        // GHSA-fx35-mq7g-6g98: a bare key in a bundle must never stand in for the one that was given.
        (Signer::Key(key), SignerMaterial::RawKey(found)) => same_key(key, found),
        (Signer::Key(key), SignerMaterial::KeyHint(_) | SignerMaterial::Unnamed) => Ok(key.as_ref().clone()),
        (Signer::Keyless(_), SignerMaterial::Certificate { leaf, .. }) => leaf.public_key().cloned(),
        (Signer::Keyless(_), SignerMaterial::RawKey(_)) => Err(Error::RawKeyInEvidence),
        (Signer::Keyless(_), SignerMaterial::KeyHint(_) | SignerMaterial::Unnamed) => Err(Error::KeyNeeded),
    }
}

fn same_key(given: &PublicKey, found: &PublicKey) -> Result<PublicKey, Error> {
    if given == found {
        return Ok(given.clone());
    }
    Err(Error::KeyMismatch { expected: hex(&given.fingerprint()), found: hex(&found.fingerprint()) })
}

fn check_named_digest(named: &Digest, artifact: &Artifact) -> Result<(), Error> {
    match artifact.digest(named.algorithm()) {
        Some(found) if found == named => Ok(()),
        Some(found) => Err(Error::MessageDigest { expected: named.to_string(), found: found.to_string() }),
        None => Err(Error::DigestNeeded { needed: named.algorithm().name(), found: artifact.digests().to_vec() }),
    }
}

/// Checks the signature over the artifact; returns the digest that was signed.
fn verify_message(
    entity: &SignedEntity,
    key: &PublicKey,
    artifact: &Artifact,
    wanted: &Requirements,
) -> Result<Option<Digest>, Error> {
    let invalid = || not_signed_by(key, describe_artifact(artifact));
    match key.kind() {
        KeyKind::Ed25519 => verify_ed25519(entity, key, artifact).and_then(|valid| valid.ok_or_else(invalid)),
        kind @ (KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87) => {
            let message = artifact.whole.as_ref().ok_or_else(|| Error::MessageNeeded { kind: kind.to_string() })?;
            key.verify(HashAlgorithm::Sha256, message, &entity.signature).map_err(|_| invalid())?;
            Ok(None)
        }
        kind => {
            let hashes = entity.signature_hashes(key, wanted.named_hash());
            let mut first_fault = None;
            for hash in hashes {
                let Some(digest) = artifact.digest(hash) else {
                    let missing = Error::DigestNeeded { needed: hash.name(), found: artifact.digests().to_vec() };
                    first_fault.get_or_insert(missing);
                    continue;
                };
                match verify_digest(key, digest, &entity.signature, matches!(wanted.signer, Signer::Key(_))) {
                    Ok(()) => return Ok(Some(*digest)),
                    Err(SignatureFault::Invalid) => first_fault = Some(invalid()),
                    Err(SignatureFault::Unsupported) => {
                        let (kind, hash) = (kind.to_string(), hash.name().to_owned());
                        first_fault.get_or_insert(Error::SignatureAlgorithm { kind, hash });
                    }
                }
            }
            Err(first_fault.unwrap_or_else(invalid))
        }
    }
}

/// PKCS#1 v1.5 for all; a managed RSA key may also sign with PSS, which nothing in the key or the format tells apart.
fn verify_digest(key: &PublicKey, digest: &Digest, signature: &[u8], managed: bool) -> Result<(), SignatureFault> {
    let outcome = key.verify_digest(digest, signature);
    if managed && matches!(key.kind(), KeyKind::Rsa { .. }) && outcome == Err(SignatureFault::Invalid) {
        return key.verify_padded(RsaPadding::Pss, digest, signature);
    }
    outcome
}

fn verify_ed25519(
    entity: &SignedEntity,
    key: &PublicKey,
    artifact: &Artifact,
) -> Result<Option<Option<Digest>>, Error> {
    let prehashed = entity.profile.rules().ed25519 == Ed25519Rule::PureOrPrehashed;
    if prehashed
        && let Some(digest) = artifact.digest(HashAlgorithm::Sha512)
        && key.verify_ed25519ph(digest, &entity.signature).is_ok()
    {
        return Ok(Some(Some(*digest)));
    }
    let need = ed25519_need(key, &entity.signature);
    match (&artifact.ed25519, need) {
        (_, None) => Ok(None),
        (Some((checked, valid)), Some(need)) if *checked == need => Ok(valid.then_some(None)),
        _ => Err(Error::MessageNeeded { kind: KeyKind::Ed25519.to_string() }),
    }
}

pub(super) fn describe_artifact(artifact: &Artifact) -> String {
    artifact.digests().first().map_or_else(|| "the artifact".to_owned(), ToString::to_string)
}

fn not_signed_by(key: &PublicKey, what: String) -> Error {
    let cosign = match key.kind() {
        KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 => {
            "invalid signature when validating ASN.1 encoded signature"
        }
        KeyKind::Rsa { .. } => "crypto/rsa: verification error",
        _ => "invalid signature",
    };
    Error::Signature { cosign, what, key: format!("the {} key {}", key.kind(), hex(&key.fingerprint())) }
}
