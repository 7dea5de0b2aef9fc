//! Bundles: the protobuf JSON of v0.1 to v0.3, and cosign's legacy JSON.

use serde_json::{Value, json};

use crate::dsse::Envelope;
use crate::keys::Hash;
use crate::rekor::Entry;
use crate::text::b64;

/// Media types of bundles.
pub mod media_type {
    /// v0.1.
    pub const V01: &str = "application/vnd.dev.sigstore.bundle+json;version=0.1";
    /// v0.2.
    pub const V02: &str = "application/vnd.dev.sigstore.bundle+json;version=0.2";
    /// v0.3 in the old spelling.
    pub const V03_OLD: &str = "application/vnd.dev.sigstore.bundle+json;version=0.3";
    /// v0.3.
    pub const V03: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
}

/// A bundle, all parts open.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// Media type.
    pub media_type: String,
    /// Who signed.
    pub material: Material,
    /// Log entries.
    pub entries: Vec<Entry>,
    /// RFC 3161 responses.
    pub timestamps: Vec<Vec<u8>>,
    /// What was signed.
    pub content: Content,
}

/// Verification material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// `certificate`.
    Certificate(Vec<u8>),
    /// `x509CertificateChain`.
    Chain(Vec<Vec<u8>>),
    /// `publicKey` with its hint.
    PublicKey(String),
    /// Nothing.
    None,
}

/// Content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// `messageSignature`.
    Message {
        /// Algorithm of the digest.
        hash: Hash,
        /// Digest of the message.
        digest: Vec<u8>,
        /// The signature.
        signature: Vec<u8>,
    },
    /// `dsseEnvelope`.
    Dsse(Envelope),
}

impl Bundle {
    /// The JSON object.
    pub fn to_value(&self) -> Value {
        let mut material = json!({});
        match &self.material {
            Material::Certificate(der) => {
                material["certificate"] = json!({"rawBytes": b64(der)});
            }
            Material::Chain(ders) => {
                let certs: Vec<_> = ders.iter().map(|der| json!({"rawBytes": b64(der)})).collect();
                material["x509CertificateChain"] = json!({"certificates": certs});
            }
            Material::PublicKey(hint) => material["publicKey"] = json!({"hint": hint}),
            Material::None => {}
        }
        if !self.entries.is_empty() {
            material["tlogEntries"] = self.entries.iter().map(Entry::to_bundle).collect();
        }
        if !self.timestamps.is_empty() {
            let stamps: Vec<_> = self.timestamps.iter().map(|stamp| json!({"signedTimestamp": b64(stamp)})).collect();
            material["timestampVerificationData"] = json!({"rfc3161Timestamps": stamps});
        }
        let mut out = json!({"mediaType": self.media_type, "verificationMaterial": material});
        match &self.content {
            Content::Message { hash, digest, signature } => {
                out["messageSignature"] = json!({
                    "messageDigest": {"algorithm": hash.proto(), "digest": b64(digest)},
                    "signature": b64(signature),
                });
            }
            Content::Dsse(envelope) => out["dsseEnvelope"] = envelope.to_value(),
        }
        out
    }

    /// The file.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }
}

/// cosign's bundle of before v3, all parts open.
#[derive(Debug, Clone, PartialEq)]
pub struct LegacyBundle {
    /// `base64Signature`.
    pub base64_signature: String,
    /// `cert`: base64 of PEM (certificate or public key); left out when `None`.
    pub cert: Option<String>,
    /// `rekorBundle`; left out when `None`.
    pub entry: Option<Entry>,
}

impl LegacyBundle {
    /// The JSON object.
    pub fn to_value(&self) -> Value {
        let mut out = json!({"base64Signature": self.base64_signature});
        if let Some(cert) = &self.cert {
            out["cert"] = Value::from(cert.as_str());
        }
        if let Some(entry) = &self.entry {
            out["rekorBundle"] = entry.to_legacy();
        }
        out
    }

    /// The file.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }
}
