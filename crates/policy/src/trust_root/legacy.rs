//! Forms from before: TUF repositories whose targets are keys, and logs as policy-controller publishes them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use sigward_verify::{PublicKey, base64_std, to_base64, unhex};

use super::TrustRootError;
use super::keys::{self, ChainKind};
use crate::limits::MAX_LEGACY_TARGETS;

/// A target that holds keys, by its custom metadata.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct LegacyTarget {
    pub(super) name: String,
    usage: Usage,
    uri: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Usage {
    Fulcio,
    Rekor,
    Ctfe,
}

#[derive(Deserialize)]
struct Metadata {
    signed: Signed,
}

#[derive(Deserialize)]
struct Signed {
    targets: BTreeMap<String, Target>,
}

#[derive(Deserialize)]
struct Target {
    #[serde(default)]
    custom: Option<Value>,
}

#[derive(Deserialize)]
struct Custom {
    sigstore: Sigstore,
}

#[derive(Deserialize)]
struct Sigstore {
    #[serde(default)]
    usage: String,
    #[serde(default)]
    uri: String,
}

/// The keys that the top-level targets metadata names. The metadata was verified; what is unknown in it is left aside, as
/// policy-controller does. The status is not looked at: an old key still verifies what it signed.
pub(super) fn targets(metadata: &[u8]) -> Result<Vec<LegacyTarget>, TrustRootError> {
    let Ok(metadata) = serde_json::from_slice::<Metadata>(metadata) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (name, target) in metadata.signed.targets {
        let Some(Custom { sigstore }) = target.custom.and_then(|custom| serde_json::from_value(custom).ok()) else {
            continue;
        };
        let usage = match sigstore.usage.as_str() {
            "Fulcio" => Usage::Fulcio,
            "Rekor" => Usage::Rekor,
            "CTFE" => Usage::Ctfe,
            _ => continue,
        };
        if found.len() >= MAX_LEGACY_TARGETS {
            let reason = format!("more than {MAX_LEGACY_TARGETS} targets with keys");
            return Err(TrustRootError::Keys { place: "targets.json".into(), reason });
        }
        found.push(LegacyTarget { name, usage, uri: sigstore.uri });
    }
    Ok(found)
}

/// A trusted root of these targets. Certificates of one authority may be spread over several.
pub(super) fn trusted_root(
    listed: &[LegacyTarget],
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Value, TrustRootError> {
    let content = |target: &LegacyTarget| files.get(&target.name).cloned().unwrap_or_default();
    let of = |usage: Usage| listed.iter().filter(move |target| target.usage == usage);
    let logs = |usage: Usage| {
        let log = |target: &LegacyTarget| {
            keys::log_entry(&target.uri, "SHA2_256", &content(target)).map_err(|fault| fault.of_target(&target.name))
        };
        of(usage).map(log).collect::<Result<Vec<_>, _>>()
    };
    let texts: Vec<Vec<u8>> = of(Usage::Fulcio).map(content).collect();
    if texts.is_empty() {
        return Err(TrustRootError::NoAuthorities);
    }
    let uri = of(Usage::Fulcio).map(|target| target.uri.as_str()).find(|uri| !uri.is_empty()).unwrap_or_default();
    let issuers = keys::authority_entries(uri, None, &keys::join_pem(&texts), ChainKind::Issuers)
        .map_err(|fault| fault.of_target("with usage Fulcio"))?;
    Ok(keys::root(logs(Usage::Rekor)?, issuers, logs(Usage::Ctfe)?, Vec::new()))
}

/// Sets right what policy-controller writes about a log: an id in hex, and a key whose kind is not said, or is said to be for
/// RSA-PSS, which no log uses.
pub(super) fn repair_log(log: &mut Value) {
    if let Some(id) = log.pointer_mut("/logId/keyId")
        && let Some(raw) = id.as_str().and_then(hex_in_base64)
    {
        *id = Value::String(to_base64(&raw));
    }
    let Some(key) = log.get_mut("publicKey").and_then(Value::as_object_mut) else { return };
    let details = key.get("keyDetails").and_then(Value::as_str).unwrap_or_default();
    let is_told = !matches!(details, "" | "PUBLIC_KEY_DETAILS_UNSPECIFIED") && !details.contains("_PSS_");
    let der = key.get("rawBytes").and_then(Value::as_str).and_then(|raw| base64_std(raw.as_bytes()));
    let parsed = der.and_then(|der| PublicKey::from_spki(&der).or_else(|_| PublicKey::from_pkcs1(&der)).ok());
    if let Some(details) = parsed.filter(|_| !is_told).and_then(|parsed| keys::key_details(parsed.kind())) {
        key.insert("keyDetails".into(), details.into());
    }
}

/// The 32 bytes of an id whose 64 hex digits stand in base64.
fn hex_in_base64(id: &str) -> Option<Vec<u8>> {
    let digits = String::from_utf8(base64_std(id.as_bytes())?).ok().filter(|digits| digits.len() == 64)?;
    unhex(&digits)
}
