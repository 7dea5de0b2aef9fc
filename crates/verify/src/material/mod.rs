//! Which keys count: logs, certificate authorities and timestamp authorities, from a trusted root or from PEM files.

mod trusted_root;

use crate::certificate::Certificate;
use crate::digest::{HashAlgorithm, hex};
use crate::error::{Error, Input};
use crate::key::PublicKey;
use crate::time::Window;

/// A transparency or certificate transparency log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransparencyLog {
    /// URL of the log; empty if the log is known by its key alone.
    pub base_url: String,
    /// Id that evidence names the log by.
    pub id: Vec<u8>,
    /// The log's key.
    pub key: PublicKey,
    /// Hash that the log signs with.
    pub hash: HashAlgorithm,
    /// When the key counts.
    pub valid_for: Window,
}

impl TransparencyLog {
    /// A log that is known by its key alone, without a window (cosign's `SIGSTORE_REKOR_PUBLIC_KEY` and
    /// `SIGSTORE_CT_LOG_PUBLIC_KEY_FILE`). Its id is the hash of the key (RFC 6962 §3.2).
    pub fn from_key(key: PublicKey) -> Self {
        let (id, hash) = (key.fingerprint().to_vec(), key.kind().default_hash());
        Self { base_url: String::new(), id, key, hash, valid_for: Window::ALWAYS }
    }

    /// The host in the URL, without and with its port.
    pub(crate) fn host(&self) -> Option<(&str, &str)> {
        let rest = self.base_url.split_once("://").map_or(self.base_url.as_str(), |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        // A port is no part of a log's name (sigstore-go compares url.Hostname()).
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority,
        };
        (!host.is_empty()).then_some((host, authority))
    }

    /// What reports call the log.
    pub fn name(&self) -> String {
        if self.base_url.is_empty() { hex(&self.id) } else { self.base_url.clone() }
    }
}

/// An authority that issues certificates or timestamps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateAuthority {
    /// URI of the service; may be empty.
    pub uri: String,
    /// Its certificates, leaf-most first; the last one is the anchor.
    pub chain: Vec<Certificate>,
    /// When the authority counts.
    pub valid_for: Window,
}

impl CertificateAuthority {
    /// An authority given as PEM certificates without a window; the last one is the anchor, as in cosign.
    ///
    /// # Errors
    /// [`Error::Pem`] or [`Error::Certificate`] if the text is not one or more certificates.
    pub fn from_pem(text: &[u8], input: Input) -> Result<Self, Error> {
        let chain = Certificate::many_from_pem(text, input)?;
        Ok(Self { uri: String::new(), chain, valid_for: Window::ALWAYS })
    }

    /// What reports call the authority.
    pub fn name(&self) -> String {
        if !self.uri.is_empty() {
            return self.uri.clone();
        }
        let anchor = self.chain.last().map(|c| hex(&crate::digest::sha256(c.der()))).unwrap_or_default();
        format!("authority with anchor {anchor}")
    }
}

/// Something in a trusted root that is left aside, with the reason. It never fails the whole root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaterialWarning {
    /// Where: `tlogs[1]`, a URL.
    pub place: String,
    /// Why it does not count.
    pub reason: String,
}

/// All keys that count. An empty list means that nothing of the kind is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustMaterial {
    /// Transparency logs (Rekor).
    pub logs: Vec<TransparencyLog>,
    /// Certificate transparency logs.
    pub ct_logs: Vec<TransparencyLog>,
    /// Authorities for code signing certificates (Fulcio).
    pub certificate_authorities: Vec<CertificateAuthority>,
    /// Timestamp authorities.
    pub timestamp_authorities: Vec<CertificateAuthority>,
    /// What was left aside.
    pub warnings: Vec<MaterialWarning>,
}

impl TrustMaterial {
    /// Reads a `trusted_root.json` (protobuf-specs `TrustedRoot`, media types 0.1 and v0.2).
    ///
    /// Keys of unknown types and unknown fields become warnings.
    ///
    /// # Errors
    /// [`Error::Json`] if it is malformed, [`Error::TrustedRoot`] if a required part is missing or unusable,
    /// [`Error::TooLarge`] past the size limit.
    pub fn from_trusted_root(json: &[u8]) -> Result<Self, Error> {
        trusted_root::parse(json)
    }
}
