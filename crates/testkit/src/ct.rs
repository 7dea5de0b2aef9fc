//! A certificate transparency log: signed certificate timestamps, embedded and detached.

use serde_json::{Value, json};

use crate::der;
use crate::keys::{Hash, Key, KeyKind, sha256};
use crate::text::b64;
use crate::x509::{Cert, Ext, SCT_LIST};

/// A CT log.
#[derive(Debug, Clone)]
pub struct CtLog {
    /// Its key: P-256 as a rule; RSA and Ed25519 work too.
    pub key: Key,
    /// Base URL in the trusted root.
    pub url: String,
}

/// Which log signs an SCT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SctLog {
    /// The instance's n-th log.
    Known(usize),
    /// A log that nobody trusts.
    Unknown,
}

/// One SCT to be minted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SctSpec {
    /// Which log.
    pub log: SctLog,
    /// Milliseconds since 1970; the certificate's NotBefore when `None`.
    pub timestamp_ms: Option<u64>,
    /// CtExtensions: empty in RFC 6962, a leaf index in static CT.
    pub extensions: Vec<u8>,
    /// Sign something else.
    pub bad_signature: bool,
}

impl Default for SctSpec {
    fn default() -> Self {
        Self { log: SctLog::Known(0), timestamp_ms: None, extensions: Vec::new(), bad_signature: false }
    }
}

impl SctSpec {
    /// The extension of a static CT log: type 0, length 5, 40-bit leaf index.
    pub fn static_ct(leaf_index: u64) -> Self {
        let mut extensions = vec![0, 0, 5];
        extensions.extend_from_slice(&leaf_index.to_be_bytes()[3..]);
        Self { extensions, ..Self::default() }
    }
}

/// A minted SCT, all parts open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sct {
    /// 0 is v1.
    pub version: u8,
    /// SHA-256 of the log's SPKI.
    pub log_id: Vec<u8>,
    /// Milliseconds since 1970.
    pub timestamp_ms: u64,
    /// CtExtensions.
    pub extensions: Vec<u8>,
    /// TLS hash and signature algorithm: 4, 3 is SHA-256 with ECDSA.
    pub algorithm: [u8; 2],
    /// The signature.
    pub signature: Vec<u8>,
}

impl CtLog {
    /// A log with a fresh P-256 key.
    pub fn new(url: &str) -> Self {
        Self::with_kind(url, KeyKind::P256)
    }

    /// A log with a fresh key of any kind.
    pub fn with_kind(url: &str, kind: KeyKind) -> Self {
        Self { key: Key::new(kind), url: url.to_owned() }
    }

    /// An SCT over a precertificate: the TBS without the SCT extension, bound to the issuer's key.
    pub fn precert_sct(&self, spec: &SctSpec, time: i64, tbs: &[u8], issuer_spki: &[u8]) -> Sct {
        let mut entry = vec![0, 1];
        entry.extend(sha256(issuer_spki));
        entry.extend(vec24(tbs));
        self.sct(spec, time, &entry)
    }

    /// An SCT over a final certificate, to be delivered beside it.
    pub fn x509_sct(&self, spec: &SctSpec, time: i64, cert: &[u8]) -> Sct {
        let mut entry = vec![0, 0];
        entry.extend(vec24(cert));
        self.sct(spec, time, &entry)
    }

    fn sct(&self, spec: &SctSpec, time: i64, entry: &[u8]) -> Sct {
        let timestamp_ms = spec.timestamp_ms.unwrap_or(time as u64 * 1000);
        let mut signed = vec![0, 0];
        signed.extend(timestamp_ms.to_be_bytes());
        signed.extend_from_slice(entry);
        signed.extend(vec16(&spec.extensions));
        if spec.bad_signature {
            signed.push(0);
        }
        Sct {
            version: 0,
            log_id: self.key.id(),
            timestamp_ms,
            extensions: spec.extensions.clone(),
            algorithm: match self.key.kind {
                KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => [4, 3],
                KeyKind::Ed25519 => [8, 7],
                _ => [4, 1],
            },
            signature: self.key.sign_with(Hash::Sha256, &signed),
        }
    }
}

impl Sct {
    /// The TLS form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![self.version];
        out.extend_from_slice(&self.log_id);
        out.extend(self.timestamp_ms.to_be_bytes());
        out.extend(vec16(&self.extensions));
        out.extend(self.digitally_signed());
        out
    }

    /// The JSON form that `--sct` reads (RFC 6962 add-chain response).
    pub fn to_json(&self) -> Value {
        json!({
            "sct_version": self.version,
            "id": b64(&self.log_id),
            "timestamp": self.timestamp_ms,
            "extensions": b64(&self.extensions),
            "signature": b64(self.digitally_signed()),
        })
    }

    fn digitally_signed(&self) -> Vec<u8> {
        let mut out = self.algorithm.to_vec();
        out.extend(vec16(&self.signature));
        out
    }
}

/// The extension that holds a list of SCTs.
pub fn sct_extension(scts: &[Sct]) -> Ext {
    let list: Vec<u8> = scts.iter().flat_map(|sct| vec16(&sct.to_bytes())).collect();
    Ext::new(SCT_LIST, false, der::octets(&vec16(&list)))
}

/// Adds SCTs to a certificate that has none, as a CA does between precertificate and certificate.
pub fn embed(cert: &mut Cert, issuer: &Key, hash: Hash, logs: &[CtLog], specs: &[SctSpec]) -> Vec<Sct> {
    let tbs = cert.tbs(issuer, hash);
    let scts: Vec<Sct> = specs
        .iter()
        .map(|spec| {
            let stranger;
            let log = match spec.log {
                SctLog::Known(at) => &logs[at],
                SctLog::Unknown => {
                    stranger = CtLog::new("https://unknown.example/ct");
                    &stranger
                }
            };
            log.precert_sct(spec, cert.not_before, &tbs, &issuer.spki())
        })
        .collect();
    if !scts.is_empty() {
        cert.extensions.push(sct_extension(&scts));
    }
    scts
}

fn vec16(bytes: &[u8]) -> Vec<u8> {
    let mut out = (bytes.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

fn vec24(bytes: &[u8]) -> Vec<u8> {
    let mut out = (bytes.len() as u32).to_be_bytes()[1..].to_vec();
    out.extend_from_slice(bytes);
    out
}
