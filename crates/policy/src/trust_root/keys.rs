//! Keys and certificates as a `TrustedRoot` of sigstore's protobuf-specs, in protojson: the one form that everything else
//! reads, and that `config-sigstore-keys` holds.

use serde_json::{Map, Value, json};
use sigward_verify::{Certificate, Input, KeyKind, PublicKey, pem_all, to_base64};

use super::TrustRootError;
use super::types::{CertificateAuthority, DistinguishedName, SigstoreKeys, TransparencyLogInstance};

/// The form that all clients read.
pub(super) const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";

/// Nothing is said about when keys are valid: always.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// Keys that were given as such.
pub(super) fn trusted_root(keys: &SigstoreKeys) -> Result<Value, TrustRootError> {
    let logs = |name: &'static str, logs: &[TransparencyLogInstance]| {
        let log = |(at, log): (usize, &TransparencyLogInstance)| {
            let hash = hash_name(&log.hash_algorithm);
            log_entry(log.base_url.as_str(), hash, &log.public_key.0).map_err(|fault| fault.at(name, at))
        };
        logs.iter().enumerate().map(log).collect::<Result<Vec<_>, _>>()
    };
    let authorities = |name: &'static str, authorities: &[CertificateAuthority], kind: ChainKind| {
        let mut all = Vec::new();
        for (at, authority) in authorities.iter().enumerate() {
            let chain = &authority.cert_chain.0;
            let entries = authority_entries(authority.uri.as_str(), Some(&authority.subject), chain, kind);
            all.extend(entries.map_err(|fault| fault.at(name, at))?);
        }
        Ok::<_, TrustRootError>(all)
    };
    Ok(root(
        logs("tLogs", &keys.t_logs)?,
        authorities("certificateAuthorities", &keys.certificate_authorities, ChainKind::Issuers)?,
        logs("ctLogs", &keys.ct_logs)?,
        authorities("timestampAuthorities", &keys.timestamp_authorities, ChainKind::Timestamps)?,
    ))
}

/// A root of these parts.
pub(super) fn root(tlogs: Vec<Value>, issuers: Vec<Value>, ctlogs: Vec<Value>, timestamps: Vec<Value>) -> Value {
    json!({
        "mediaType": MEDIA_TYPE,
        "tlogs": tlogs,
        "certificateAuthorities": issuers,
        "ctlogs": ctlogs,
        "timestampAuthorities": timestamps,
    })
}

/// What a chain is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ChainKind {
    /// It issues certificates to signers: authorities only.
    Issuers,
    /// It signs timestamps: one certificate that does so may stand before its issuers.
    Timestamps,
}

/// Why a part cannot be used; its place is known to the caller.
#[derive(Debug)]
pub(super) struct KeyFault {
    field: &'static str,
    reason: String,
}

impl KeyFault {
    /// The error with the place.
    pub(super) fn at(self, list: &str, index: usize) -> TrustRootError {
        TrustRootError::Keys { place: format!("{list}[{index}].{}", self.field), reason: self.reason }
    }

    /// The error of a target.
    pub(super) fn of_target(self, name: &str) -> TrustRootError {
        TrustRootError::Keys { place: format!("target {name}"), reason: self.reason }
    }
}

/// One log. Its id is the SHA-256 of its key as 32 bytes; policy-controller writes the hex digits, which no verifier of
/// bundles finds again.
pub(super) fn log_entry(url: &str, hash: &str, pem: &[u8]) -> Result<Value, KeyFault> {
    let fault = |reason: String| KeyFault { field: "publicKey", reason };
    let key = PublicKey::from_pem(pem).map_err(|error| fault(error.to_string()))?;
    let details =
        key_details(key.kind()).ok_or_else(|| fault(format!("{} keys of logs are not supported", key.kind())))?;
    Ok(json!({
        "baseUrl": url,
        "hashAlgorithm": hash,
        "publicKey": {"rawBytes": to_base64(key.spki()), "keyDetails": details, "validFor": {"start": EPOCH}},
        "logId": {"keyId": to_base64(&key.fingerprint())},
    }))
}

/// One authority for each root among the certificates, the root last: policy-controller, too, takes every certificate whose
/// subject is its issuer as a root, wherever it stands.
pub(super) fn authority_entries(
    uri: &str,
    subject: Option<&DistinguishedName>,
    pem: &[u8],
    kind: ChainKind,
) -> Result<Vec<Value>, KeyFault> {
    let fault = |reason: String| KeyFault { field: "certChain", reason };
    let certificates = Certificate::many_from_pem(pem, Input::CertificateChain).map_err(|e| fault(e.to_string()))?;
    let leaves = certificates.iter().filter(|certificate| !certificate.is_authority()).count();
    match kind {
        ChainKind::Issuers if leaves > 0 => {
            return Err(fault("a certificate in it is not that of an authority".into()));
        }
        ChainKind::Timestamps if leaves > 1 => {
            return Err(fault("certificate chain must contain at most one TSA certificate".into()));
        }
        _ => {}
    }
    let (roots, others): (Vec<_>, Vec<_>) = certificates.into_iter().partition(Certificate::is_self_issued);
    if roots.is_empty() {
        return Err(fault("no root in it: one certificate must be issued by itself".into()));
    }
    let entry = |root: &Certificate| {
        let chain: Vec<Value> = others.iter().chain([root]).map(|c| json!({"rawBytes": to_base64(c.der())})).collect();
        let mut entry = Map::new();
        if let Some(subject) = subject {
            let names = json!({"organization": subject.organization, "commonName": subject.common_name});
            entry.insert("subject".into(), names);
        }
        entry.insert("uri".into(), uri.into());
        entry.insert("certChain".into(), json!({"certificates": chain}));
        entry.insert("validFor".into(), json!({"start": EPOCH}));
        Value::Object(entry)
    };
    Ok(roots.iter().map(entry).collect())
}

/// The certificates of several texts as one, for repositories that have a target for each.
pub(super) fn join_pem(texts: &[Vec<u8>]) -> Vec<u8> {
    let blocks = texts.iter().flat_map(|text| pem_all(text).0);
    blocks.map(|block| sigward_verify::pem_encode(&block.label, &block.der)).collect::<String>().into_bytes()
}

/// As policy-controller reads it.
fn hash_name(hash: &str) -> &'static str {
    match hash {
        "sha-256" | "sha256" => "SHA2_256",
        "sha-384" | "sha384" => "SHA2_384",
        "sha-512" | "sha512" => "SHA2_512",
        _ => "HASH_ALGORITHM_UNSPECIFIED",
    }
}

/// `PublicKeyDetails` of a key.
pub(super) fn key_details(kind: KeyKind) -> Option<&'static str> {
    match kind {
        KeyKind::EcdsaP256 => Some("PKIX_ECDSA_P256_SHA_256"),
        KeyKind::EcdsaP384 => Some("PKIX_ECDSA_P384_SHA_384"),
        KeyKind::EcdsaP521 => Some("PKIX_ECDSA_P521_SHA_512"),
        KeyKind::Rsa { bits: 2048 } => Some("PKIX_RSA_PKCS1V15_2048_SHA256"),
        KeyKind::Rsa { bits: 3072 } => Some("PKIX_RSA_PKCS1V15_3072_SHA256"),
        KeyKind::Rsa { bits: 4096 } => Some("PKIX_RSA_PKCS1V15_4096_SHA256"),
        KeyKind::Rsa { .. } => Some("PKIX_RSA_PKCS1V5"),
        KeyKind::Ed25519 => Some("PKIX_ED25519"),
        KeyKind::MlDsa65 => Some("ML_DSA_65"),
        KeyKind::MlDsa87 => Some("ML_DSA_87"),
        KeyKind::MlDsa44 => None,
    }
}
