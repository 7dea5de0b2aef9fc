//! One entity for every wire format: a signature, who should have made it, over what, and the evidence around it.

use crate::bundle::legacy;
use crate::certificate::Certificate;
use crate::digest::{ArtifactNeeds, Digest, Ed25519Need, HashAlgorithm};
use crate::dsse::{Envelope, Statement};
use crate::encoding::{base64_std, pem_all};
use crate::error::{Error, Input};
use crate::key::{KeyKind, PublicKey};
use crate::profile::{Ed25519Rule, EntrySource, HashRule, Profile};
use crate::tlog::{LogEntry, body};

/// A signature with its evidence, as parsed. Nothing of it is trusted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedEntity {
    pub(crate) profile: Profile,
    pub(crate) content: Content,
    pub(crate) signature: Vec<u8>,
    pub(crate) signer: SignerMaterial,
    pub(crate) log_entries: Vec<LogEntry>,
    /// RFC 3161 timestamps, DER.
    pub(crate) timestamps: Vec<Vec<u8>>,
    /// A detached SCT, JSON.
    pub(crate) detached_sct: Option<Vec<u8>>,
}

/// What was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The artifact itself.
    Message {
        /// The digest that the bundle names; a consistency check, never a proof.
        named_digest: Option<Digest>,
    },
    /// An attestation about the artifact.
    Envelope {
        /// The envelope.
        envelope: Envelope,
        /// Its JSON, where it came as a file of its own.
        json: Option<Vec<u8>>,
    },
}

/// Who signed, as the evidence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignerMaterial {
    /// A certificate, and intermediates beside it (used only where the caller's trust allows it).
    Certificate {
        /// The signer's certificate.
        leaf: Box<Certificate>,
        /// Further certificates.
        chain: Vec<Certificate>,
    },
    /// A key that the evidence only hints at.
    KeyHint(String),
    /// A bare key in a legacy bundle: it must be the managed key, and proves nothing by itself.
    RawKey(Box<PublicKey>),
    /// The evidence does not say.
    Unnamed,
}

/// Whether certificates beside the leaf are tolerated where the format forbids them (`--allow-certificate-chain`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ChainPolicy {
    /// A chain in a v0.3 bundle is an error.
    #[default]
    Reject,
    /// A chain is allowed; only the leaf is used.
    Allow,
}

impl SignedEntity {
    /// A signature over a message, from files of its own.
    pub fn detached(signature: Vec<u8>, signer: SignerMaterial) -> Self {
        Self {
            profile: Profile::Detached,
            content: Content::Message { named_digest: None },
            signature,
            signer,
            log_entries: Vec::new(),
            timestamps: Vec::new(),
            detached_sct: None,
        }
    }

    /// An attestation in a file of its own: a DSSE envelope in JSON.
    ///
    /// # Errors
    /// [`Error::Json`] and others if the envelope is malformed, [`Error::EnvelopeSignatures`] if it has none.
    pub fn detached_envelope(json: &[u8], signer: SignerMaterial) -> Result<Self, Error> {
        let envelope = Envelope::from_json(json)?;
        let signature = envelope.signatures.first().cloned().ok_or(Error::EnvelopeSignatures { found: 0 })?;
        let content = Content::Envelope { envelope, json: Some(json.to_vec()) };
        Ok(Self { content, ..Self::detached(signature, signer) })
    }

    /// The format.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// What was signed.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Who signed, as the evidence says.
    pub fn signer(&self) -> &SignerMaterial {
        &self.signer
    }

    /// The certificate, if there is one.
    pub fn certificate(&self) -> Option<&Certificate> {
        match &self.signer {
            SignerMaterial::Certificate { leaf, .. } => Some(leaf),
            _ => None,
        }
    }

    /// The signature's bytes; of several in an envelope the first, of which nothing says that it is the right one.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The log entries.
    pub fn log_entries(&self) -> &[LogEntry] {
        &self.log_entries
    }

    /// Whether a log entry must be looked up: the evidence holds none, and the format allows that.
    pub fn lacks_log_entry(&self) -> bool {
        self.log_entries.is_empty() && self.profile.rules().entry == EntrySource::EvidenceOrLookUp
    }

    /// Whether any RFC 3161 timestamp is there.
    pub fn has_timestamps(&self) -> bool {
        !self.timestamps.is_empty()
    }

    /// Replaces the signer, where a key or certificate was given apart.
    pub fn set_signer(&mut self, signer: SignerMaterial) {
        self.signer = signer;
    }

    /// Replaces the signature, where one was given apart.
    pub fn set_signature(&mut self, signature: Vec<u8>) {
        self.signature = signature;
    }

    /// Adds a log entry that was looked up.
    pub fn add_log_entry(&mut self, entry: LogEntry) {
        self.log_entries.push(entry);
    }

    /// Adds an RFC 3161 timestamp (DER).
    pub fn add_timestamp(&mut self, der: Vec<u8>) {
        self.timestamps.push(der);
    }

    /// Adds a detached SCT (JSON, RFC 6962 §4.1).
    pub fn set_detached_sct(&mut self, json: Vec<u8>) {
        self.detached_sct = Some(json);
    }

    /// What must be taken from the artifact while it is read, so that every check can be made afterwards.
    ///
    /// `key` is the managed key, if one was given; `hash` the digest algorithm named by the caller for its signatures.
    ///
    /// # Errors
    /// [`Error::Key`] if the certificate's key is unusable, or an error of the statement inside.
    pub fn needs(&self, key: Option<&PublicKey>, hash: Option<HashAlgorithm>) -> Result<ArtifactNeeds, Error> {
        let hash = hash.filter(|_| key.is_some());
        let mut needs = ArtifactNeeds::default();
        match &self.content {
            Content::Envelope { envelope, .. } => {
                needs.hashes = Statement::parse(envelope)?.algorithms();
                if needs.hashes.is_empty() {
                    needs.hashes.push(HashAlgorithm::Sha256);
                }
            }
            Content::Message { named_digest } => {
                let key = match (key, self.certificate()) {
                    (Some(key), _) => Some(key),
                    (None, Some(leaf)) => Some(leaf.public_key()?),
                    (None, None) => None,
                };
                needs.hashes.extend(named_digest.map(|d| d.algorithm()));
                needs.hashes.extend(self.log_entries.iter().filter_map(|e| body::named_hash(&e.body)));
                if let Some(key) = key {
                    self.signature_needs(key, hash, &mut needs);
                }
                if needs.hashes.is_empty() || self.profile.rules().entry == EntrySource::EvidenceOrLookUp {
                    // What a log is asked by (§2.3: always SHA-256).
                    needs.hashes.push(HashAlgorithm::Sha256);
                }
            }
        }
        Ok(needs)
    }

    fn signature_needs(&self, key: &PublicKey, hash: Option<HashAlgorithm>, needs: &mut ArtifactNeeds) {
        match key.kind() {
            KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87 => needs.whole_message = true,
            KeyKind::Ed25519 => {
                needs.ed25519 = ed25519_need(key, &self.signature);
                if self.profile.rules().ed25519 == Ed25519Rule::PureOrPrehashed {
                    needs.hashes.push(HashAlgorithm::Sha512);
                }
            }
            _ => needs.hashes.extend(self.signature_hashes(key, hash)),
        }
    }

    /// The hashes that the signature may be over, the likeliest first.
    pub(crate) fn signature_hashes(&self, key: &PublicKey, named: Option<HashAlgorithm>) -> Vec<HashAlgorithm> {
        if self.profile.rules().hash == HashRule::Sha256OrNamed {
            return vec![named.unwrap_or(HashAlgorithm::Sha256)];
        }
        let default = key.kind().default_hash();
        if default == HashAlgorithm::Sha256 {
            return vec![default];
        }
        match self.log_entries.iter().find_map(|e| body::named_hash(&e.body)) {
            Some(HashAlgorithm::Sha256) => vec![HashAlgorithm::Sha256, default],
            _ => vec![default, HashAlgorithm::Sha256],
        }
    }
}

pub(crate) fn ed25519_need(key: &PublicKey, signature: &[u8]) -> Option<Ed25519Need> {
    Some(Ed25519Need { key: key.raw().try_into().ok()?, signature: signature.try_into().ok()? })
}

/// Reads a certificate file as cosign does, and more: base64 of PEM (as Kubernetes serves it), PEM, DER, base64 of DER.
/// Of several PEM certificates the first is the signer's.
///
/// # Errors
/// [`Error::Pem`] or [`Error::Certificate`] if it is none of these.
pub fn parse_certificate_file(bytes: &[u8]) -> Result<Certificate, Error> {
    let decoded = base64_std(bytes.trim_ascii());
    let bytes = decoded.as_deref().unwrap_or(bytes);
    // A DER certificate is a SEQUENCE of at least 128 bytes: long length form.
    if bytes.first() == Some(&0x30) && bytes.get(1).is_some_and(|b| b & 0x80 != 0) {
        return Certificate::from_der(bytes);
    }
    let mut all = Certificate::many_from_pem(bytes, Input::Certificate)?;
    Ok(all.swap_remove(0))
}

/// Reads a signature as cosign does: base64 text, or else the raw bytes.
pub fn parse_signature(bytes: &[u8]) -> Vec<u8> {
    match base64_std(bytes.trim_ascii()) {
        Some(decoded) if !decoded.is_empty() => decoded,
        _ => bytes.to_vec(),
    }
}

/// Reads an RFC 3161 timestamp as cosign writes it to a file, `{"SignedRFC3161Timestamp":base64}`; or DER by itself.
///
/// # Errors
/// [`Error::Json`] and others if it is neither.
pub fn parse_timestamp_file(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    if bytes.first() == Some(&0x30) { Ok(bytes.to_vec()) } else { legacy::parse_timestamp(bytes) }
}

/// The `cert` field of a legacy bundle, and what cosign stores in annotations: PEM, or base64 of it; a certificate or a
/// key.
pub(crate) fn parse_legacy_signer(text: &str) -> Result<SignerMaterial, Error> {
    let decoded = base64_std(text.as_bytes());
    let pem = decoded.as_deref().unwrap_or(text.as_bytes());
    let (blocks, _) = pem_all(pem);
    match blocks.first().map(|b| b.label.as_str()) {
        Some("CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE") => {
            let mut chain = Certificate::many_from_pem(pem, Input::Certificate)?;
            let leaf = Box::new(chain.remove(0));
            Ok(SignerMaterial::Certificate { leaf, chain })
        }
        Some("PUBLIC KEY" | "RSA PUBLIC KEY") => Ok(SignerMaterial::RawKey(Box::new(PublicKey::from_pem(pem)?))),
        Some(label) => Err(Error::Pem { input: Input::Certificate, found: format!("a PEM block of type {label}") }),
        None => Err(Error::Pem { input: Input::Certificate, found: "no PEM block".into() }),
    }
}
