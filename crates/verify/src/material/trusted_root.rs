//! `trusted_root.json` as protojson.

use jiff::Timestamp;
use serde::Deserialize;

use super::{CertificateAuthority, MaterialWarning, TransparencyLog, TrustMaterial};
use crate::certificate::Certificate;
use crate::digest::HashAlgorithm;
use crate::error::{Error, Input};
use crate::key::PublicKey;
use crate::limits;
use crate::time::Window;
use crate::wire::{Bytes, Object, nullable, object, objects};

const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

#[derive(Deserialize)]
struct Root {
    #[serde(default, alias = "media_type", rename = "mediaType", deserialize_with = "nullable")]
    media_type: String,
    #[serde(default, deserialize_with = "objects::<_, _, { limits::TRUSTED_INSTANCES }>")]
    tlogs: Vec<Log>,
    #[serde(
        default,
        alias = "certificate_authorities",
        rename = "certificateAuthorities",
        deserialize_with = "objects::<_, _, { limits::TRUSTED_INSTANCES }>"
    )]
    certificate_authorities: Vec<Authority>,
    #[serde(default, deserialize_with = "objects::<_, _, { limits::TRUSTED_INSTANCES }>")]
    ctlogs: Vec<Log>,
    #[serde(
        default,
        alias = "timestamp_authorities",
        rename = "timestampAuthorities",
        deserialize_with = "objects::<_, _, { limits::TRUSTED_INSTANCES }>"
    )]
    timestamp_authorities: Vec<Authority>,
}

#[derive(Deserialize)]
struct Log {
    #[serde(default, alias = "base_url", rename = "baseUrl", deserialize_with = "nullable")]
    base_url: String,
    #[serde(default, alias = "hash_algorithm", rename = "hashAlgorithm")]
    hash_algorithm: Option<serde_json::Value>,
    #[serde(default, alias = "public_key", rename = "publicKey", deserialize_with = "object")]
    public_key: Option<Key>,
    #[serde(default, alias = "log_id", rename = "logId", deserialize_with = "object")]
    log_id: Option<LogId>,
    #[serde(default, alias = "checkpoint_key_id", rename = "checkpointKeyId", deserialize_with = "object")]
    checkpoint_key_id: Option<LogId>,
    /// New in the second version of the message; who runs the log decides nothing here.
    #[serde(default, rename = "operator")]
    _operator: Option<String>,
}

#[derive(Deserialize)]
struct LogId {
    #[serde(default, alias = "key_id", rename = "keyId", deserialize_with = "nullable")]
    key_id: Bytes,
}

#[derive(Deserialize)]
struct Key {
    #[serde(default, alias = "raw_bytes", rename = "rawBytes")]
    raw_bytes: Option<Bytes>,
    #[serde(default, alias = "key_details", rename = "keyDetails")]
    key_details: Option<serde_json::Value>,
    #[serde(default, alias = "valid_for", rename = "validFor", deserialize_with = "object")]
    valid_for: Option<Range>,
}

#[derive(Deserialize)]
struct Range {
    start: Option<String>,
    end: Option<String>,
}

#[derive(Deserialize)]
struct Authority {
    #[serde(default, rename = "subject", deserialize_with = "object")]
    _subject: Option<DistinguishedName>,
    #[serde(default, deserialize_with = "nullable")]
    uri: String,
    #[serde(default, alias = "cert_chain", rename = "certChain", deserialize_with = "object")]
    cert_chain: Option<Chain>,
    #[serde(default, alias = "valid_for", rename = "validFor", deserialize_with = "object")]
    valid_for: Option<Range>,
    #[serde(default, rename = "operator")]
    _operator: Option<String>,
}

#[derive(Deserialize)]
struct DistinguishedName {
    #[serde(default, rename = "organization")]
    _organization: Option<String>,
    #[serde(default, rename = "commonName", alias = "common_name")]
    _common_name: Option<String>,
}

#[derive(Deserialize)]
struct Chain {
    #[serde(default, deserialize_with = "objects::<_, _, { limits::CHAIN_CERTIFICATES }>")]
    certificates: Vec<ChainCertificate>,
}

#[derive(Deserialize)]
struct ChainCertificate {
    #[serde(default, alias = "raw_bytes", rename = "rawBytes", deserialize_with = "nullable")]
    raw_bytes: Bytes,
}

pub(super) fn parse(json: &[u8]) -> Result<TrustMaterial, Error> {
    if json.len() > limits::TRUSTED_ROOT_BYTES {
        return Err(Error::TooLarge { input: Input::TrustedRoot, limit: limits::TRUSTED_ROOT_BYTES });
    }
    let mut material = TrustMaterial::default();
    let mut unknown = |path: serde_ignored::Path<'_>| {
        material.warnings.push(MaterialWarning { place: path.to_string(), reason: "unknown field".into() });
    };
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let malformed = |e: serde_json::Error| Error::Json { input: Input::TrustedRoot, reason: e.to_string() };
    let Object(root): Object<Root> = serde_ignored::deserialize(&mut deserializer, &mut unknown).map_err(malformed)?;
    deserializer.end().map_err(malformed)?;
    if !MEDIA_TYPES.contains(&root.media_type.as_str()) {
        return Err(Error::MediaType { input: Input::TrustedRoot, found: root.media_type });
    }
    for (kind, count) in [
        ("tlogs", root.tlogs.len()),
        ("ctlogs", root.ctlogs.len()),
        ("certificateAuthorities", root.certificate_authorities.len()),
        ("timestampAuthorities", root.timestamp_authorities.len()),
    ] {
        if count > limits::TRUSTED_INSTANCES {
            return Err(Error::TooMany { what: kind, limit: limits::TRUSTED_INSTANCES, found: count });
        }
    }
    let warnings = &mut material.warnings;
    material.logs = logs("tlogs", root.tlogs, warnings)?;
    material.ct_logs = logs("ctlogs", root.ctlogs, warnings)?;
    material.certificate_authorities = authorities("certificateAuthorities", root.certificate_authorities, warnings)?;
    material.timestamp_authorities = authorities("timestampAuthorities", root.timestamp_authorities, warnings)?;
    Ok(material)
}

fn logs(kind: &str, wire: Vec<Log>, warnings: &mut Vec<MaterialWarning>) -> Result<Vec<TransparencyLog>, Error> {
    let mut logs = Vec::new();
    for (at, log) in wire.into_iter().enumerate() {
        let place = format!("{kind}[{at}]");
        let missing = |field: &str| Error::TrustedRoot { place: place.clone(), reason: format!("{field} is missing") };
        let key = log.public_key.ok_or_else(|| missing("publicKey"))?;
        let valid_for = match window(&place, key.valid_for)? {
            Ok(window) => window,
            Err(reason) => {
                warnings.push(MaterialWarning { place: describe(&place, &log.base_url), reason });
                continue;
            }
        };
        let raw = key.raw_bytes.ok_or_else(|| missing("publicKey.rawBytes"))?.0;
        let details = text_of(key.key_details.as_ref());
        // A key of a kind that is unknown here may be of use to others: it does not count, and that is all.
        let parsed = PublicKey::from_spki(&raw).or_else(|e| PublicKey::from_pkcs1(&raw).map_err(|_| e));
        let (key, hash) = match (parsed, hash_of_details(&details)) {
            (Ok(key), Some(hash)) => (key, hash),
            (Err(Error::Key { reason }), _) => {
                warnings.push(MaterialWarning { place: describe(&place, &log.base_url), reason });
                continue;
            }
            (Err(error), _) => return Err(error),
            (Ok(_), None) => {
                let reason = format!("unknown key type {details}");
                warnings.push(MaterialWarning { place: describe(&place, &log.base_url), reason });
                continue;
            }
        };
        let id = log.log_id.or(log.checkpoint_key_id).map(|id| id.key_id.0).filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| key.fingerprint().to_vec());
        // Tree hashes are SHA-256 in every log there is; another would need another tree.
        match text_of(log.hash_algorithm.as_ref()).as_str() {
            "" | "SHA2_256" | "1" | "HASH_ALGORITHM_UNSPECIFIED" | "0" => {}
            other => {
                let reason = format!("unknown tree hash {other}");
                warnings.push(MaterialWarning { place: describe(&place, &log.base_url), reason });
                continue;
            }
        }
        logs.push(TransparencyLog { base_url: log.base_url, id, key, hash, valid_for });
    }
    Ok(logs)
}

fn authorities(
    kind: &str,
    wire: Vec<Authority>,
    warnings: &mut Vec<MaterialWarning>,
) -> Result<Vec<CertificateAuthority>, Error> {
    let mut authorities = Vec::new();
    for (at, authority) in wire.into_iter().enumerate() {
        let place = format!("{kind}[{at}]");
        let unusable = |reason: &str| Error::TrustedRoot { place: place.clone(), reason: reason.to_owned() };
        let valid_for = match window(&place, authority.valid_for)? {
            Ok(window) => window,
            Err(reason) => {
                warnings.push(MaterialWarning { place: describe(&place, &authority.uri), reason });
                continue;
            }
        };
        let certificates = authority.cert_chain.map(|c| c.certificates).unwrap_or_default();
        if certificates.is_empty() {
            return Err(unusable("certChain is empty"));
        }
        let found = certificates.len();
        if found > limits::CHAIN_CERTIFICATES {
            return Err(Error::TooMany { what: "certificates", limit: limits::CHAIN_CERTIFICATES, found });
        }
        let chain = certificates.iter().map(|c| Certificate::from_der(&c.raw_bytes.0));
        let chain = chain.collect::<Result<_, _>>().map_err(|e| unusable(&e.to_string()))?;
        authorities.push(CertificateAuthority { uri: authority.uri, chain, valid_for });
    }
    Ok(authorities)
}

/// A window without a start is malformed, never unbounded (sigstore-conformance,
/// `trust-root-tlog-missing-validity-start_fail`). A bound that is no time (there was one in a published root) takes its
/// key out of the root: the inner error.
fn window(place: &str, range: Option<Range>) -> Result<Result<Window, String>, Error> {
    let bad = |reason: &str| Error::TrustedRoot { place: place.to_owned(), reason: reason.to_owned() };
    let range = range.ok_or_else(|| bad("validFor is missing"))?;
    let start = range.start.ok_or_else(|| bad("validFor.start is missing"))?;
    let parse = |name: &str, text: &str| -> Result<Timestamp, String> {
        crate::time::rfc3339(text).ok_or_else(|| format!("validFor.{name} is no RFC 3339 time: {text}"))
    };
    Ok(parse("start", &start).and_then(|start| {
        let end = range.end.as_deref().map(|text| parse("end", text)).transpose()?;
        Ok(Window { start, end })
    }))
}

/// Enumerations are names in protojson, but numbers are legal too.
fn text_of(value: Option<&serde_json::Value>) -> String {
    match value {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(serde_json::Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// The hash that a `PublicKeyDetails` names (protobuf-specs, sigstore_common.proto).
fn hash_of_details(details: &str) -> Option<HashAlgorithm> {
    match details {
        "PKIX_ECDSA_P384_SHA_384" | "12" => Some(HashAlgorithm::Sha384),
        "PKIX_ECDSA_P521_SHA_512" | "13" => Some(HashAlgorithm::Sha512),
        "PKCS1_RSA_PKCS1V5"
        | "1"
        | "PKIX_RSA_PKCS1V5"
        | "3"
        | "PKIX_ECDSA_P256_SHA_256"
        | "5"
        | "PKIX_ECDSA_P256_HMAC_SHA_256"
        | "6"
        | "PKIX_ED25519"
        | "7"
        | "PKIX_RSA_PKCS1V15_2048_SHA256"
        | "9"
        | "PKIX_RSA_PKCS1V15_3072_SHA256"
        | "10"
        | "PKIX_RSA_PKCS1V15_4096_SHA256"
        | "11"
        | "PKIX_ECDSA_P384_SHA_256"
        | "19"
        | "PKIX_ECDSA_P521_SHA_256"
        | "20"
        | "ML_DSA_65"
        | "21"
        | "ML_DSA_87"
        | "22" => Some(HashAlgorithm::Sha256),
        _ => None,
    }
}

fn describe(place: &str, url: &str) -> String {
    if url.is_empty() { place.to_owned() } else { format!("{place} ({url})") }
}
