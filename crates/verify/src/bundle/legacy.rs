//! cosign's bundle of `sign-blob --bundle` before v3: `{"base64Signature","cert","rekorBundle"}`.

use std::collections::BTreeMap;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::digest::unhex;
use crate::encoding::base64_std;
use crate::entity::{Content, SignedEntity, SignerMaterial, parse_legacy_signer};
use crate::error::{BundleFault, Error, Input};
use crate::limits;
use crate::profile::Profile;
use crate::tlog::LogEntry;

/// An object as Go's encoding/json reads it: names in any case, unknown ones skipped. Unlike there, a name that stands
/// twice is an error: which of the two counts is not for an attacker to choose.
struct Fields(BTreeMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if fields.len() >= limits::LEGACY_FIELDS {
                        return Err(de::Error::custom("too many fields"));
                    }
                    let name = name.to_lowercase();
                    if fields.contains_key(&name) {
                        return Err(de::Error::custom(format!("duplicate field `{name}`")));
                    }
                    fields.insert(name, value);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Fields {
    /// The field's value; `None` if absent or null.
    fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        match self.0.get(&name.to_lowercase()) {
            None => Ok(None),
            Some(raw) => serde_json::from_str(raw.get()).map_err(|e| malformed(&e)),
        }
    }
}

fn malformed(error: &serde_json::Error) -> Error {
    Error::Json { input: Input::Bundle, reason: error.to_string() }
}

/// Whether the file belongs to this family: an object that names no media type.
pub(super) fn looks_legacy(json: &[u8]) -> Result<bool, Error> {
    let fields: Fields = serde_json::from_slice(json).map_err(|e| malformed(&e))?;
    let sigstore = ["mediatype", "media_type", "verificationmaterial", "verification_material"];
    Ok(!sigstore.iter().any(|name| fields.0.contains_key(*name)))
}

pub(super) fn parse(json: &[u8]) -> Result<SignedEntity, Error> {
    let fields: Fields = serde_json::from_slice(json).map_err(|e| malformed(&e))?;
    let signature: String = fields.get("base64Signature")?.unwrap_or_default();
    if signature.is_empty() {
        return Err(BundleFault::FieldMissing { field: "base64Signature" }.into());
    }
    let signature =
        base64_std(signature.as_bytes()).ok_or(Error::Base64 { input: Input::Bundle, field: "base64Signature" })?;
    let signer = match fields.get::<String>("cert")?.filter(|c| !c.is_empty()) {
        Some(cert) => parse_legacy_signer(&cert)?,
        None => SignerMaterial::Unnamed,
    };
    let entry = fields.get::<Fields>("rekorBundle")?.map(|bundle| parse_rekor_bundle(&bundle)).transpose()?;
    Ok(SignedEntity {
        // Without an entry inside, one must be looked up as for a detached signature.
        profile: if entry.is_some() { Profile::LegacyBundle } else { Profile::Detached },
        content: Content::Message { named_digest: None },
        signature,
        signer,
        log_entries: entry.into_iter().collect(),
        timestamps: Vec::new(),
        detached_sct: None,
    })
}

/// The annotation `dev.sigstore.cosign/bundle` of a signature layer: a `rekorBundle` object by itself.
pub(crate) fn parse_entry(json: &[u8]) -> Result<LogEntry, Error> {
    let fields: Fields = serde_json::from_slice(json).map_err(|e| malformed(&e))?;
    parse_rekor_bundle(&fields)
}

/// cosign's JSON around an RFC 3161 timestamp: `{"SignedRFC3161Timestamp":base64}`.
pub(crate) fn parse_timestamp(json: &[u8]) -> Result<Vec<u8>, Error> {
    const FIELD: &str = "SignedRFC3161Timestamp";
    let malformed = |e: serde_json::Error| Error::Json { input: Input::Timestamp, reason: e.to_string() };
    let fields: Fields = serde_json::from_slice(json).map_err(malformed)?;
    let text: String = fields.get(FIELD)?.ok_or(BundleFault::FieldMissing { field: FIELD })?;
    base64_std(text.as_bytes()).ok_or(Error::Base64 { input: Input::Timestamp, field: FIELD })
}

fn parse_rekor_bundle(bundle: &Fields) -> Result<LogEntry, Error> {
    let missing = |field| Error::Bundle(BundleFault::FieldMissing { field });
    let promise: String = bundle.get("SignedEntryTimestamp")?.ok_or(missing("SignedEntryTimestamp"))?;
    let payload: Fields = bundle.get("Payload")?.ok_or(missing("Payload"))?;
    let body: String = payload.get("body")?.ok_or(missing("Payload.body"))?;
    let log_id: String = payload.get("logID")?.ok_or(missing("Payload.logID"))?;
    let decode = |field, text: &str| base64_std(text.as_bytes()).ok_or(Error::Base64 { input: Input::Bundle, field });
    Ok(LogEntry {
        log_id: unhex(&log_id).ok_or(missing("Payload.logID"))?,
        log_index: payload.get("logIndex")?.ok_or(missing("Payload.logIndex"))?,
        kind_version: None,
        integrated_time: payload.get("integratedTime")?.ok_or(missing("Payload.integratedTime"))?,
        promise: Some(decode("SignedEntryTimestamp", &promise)?),
        proof: None,
        body: decode("Payload.body", &body)?,
    })
}
