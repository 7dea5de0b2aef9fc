//! DSSE envelopes and in-toto statements.

use std::borrow::Cow;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::digest::{Artifact, Digest, HashAlgorithm};
use crate::encoding::{base64_any, base64_std};
use crate::error::{Error, Input};
use crate::limits;
use crate::wire::{from_json, objects};

/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A DSSE envelope. Nothing of it is trusted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Type of the payload; it is signed together with it.
    pub payload_type: String,
    /// The decoded payload.
    pub payload: Vec<u8>,
    /// The decoded signatures. Key ids are hints and are not kept.
    pub signatures: Vec<Vec<u8>>,
}

#[derive(Deserialize)]
struct WireEnvelope {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    #[serde(deserialize_with = "objects::<_, _, { limits::ENVELOPE_SIGNATURES }>")]
    signatures: Vec<WireSignature>,
}

#[derive(Deserialize)]
struct WireSignature {
    sig: String,
}

impl Envelope {
    /// Reads an envelope in plain JSON: cosign's `.att` files and layers.
    ///
    /// # Errors
    /// [`Error::Json`] or [`Error::Base64`] if it is malformed, [`Error::TooMany`] past the limit of signatures.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let wire: WireEnvelope =
            from_json(json).map_err(|e| Error::Json { input: Input::Envelope, reason: e.to_string() })?;
        // Either alphabet (DSSE, envelope.md).
        let decode = |field: &'static str, text: &str| {
            let found = base64_std(text.as_bytes()).or_else(|| base64_any(text));
            found.ok_or(Error::Base64 { input: Input::Envelope, field })
        };
        let found = wire.signatures.len();
        if found > limits::ENVELOPE_SIGNATURES {
            return Err(Error::TooMany { what: "DSSE signatures", limit: limits::ENVELOPE_SIGNATURES, found });
        }
        Ok(Self {
            payload: decode("payload", &wire.payload)?,
            signatures: wire.signatures.iter().map(|s| decode("sig", &s.sig)).collect::<Result<_, _>>()?,
            payload_type: wire.payload_type,
        })
    }

    /// The bytes that are signed: DSSE's pre-authentication encoding (protocol.md, v1).
    pub fn pae(&self) -> Vec<u8> {
        let head = format!("DSSEv1 {} {} {} ", self.payload_type.len(), self.payload_type, self.payload.len());
        [head.as_bytes(), &self.payload].concat()
    }
}

/// What an in-toto statement says of its subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// URI of the predicate's type.
    pub predicate_type: String,
    /// The subjects.
    pub subjects: Vec<Subject>,
}

/// One subject of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Name as the signer wrote it.
    pub name: String,
    /// Digests of algorithms that are known here; others are skipped.
    pub digests: Vec<Digest>,
}

#[derive(Deserialize)]
struct WireStatement<'a> {
    #[serde(rename = "_type", default)]
    kind: String,
    #[serde(rename = "predicateType", default)]
    predicate_type: String,
    #[serde(borrow, default, deserialize_with = "objects::<_, _, { limits::SUBJECTS }>")]
    subject: Vec<WireSubject<'a>>,
}

#[derive(Deserialize)]
struct WireSubject<'a> {
    #[serde(default)]
    name: Option<String>,
    #[serde(borrow, default)]
    digest: Option<WireDigests<'a>>,
}

/// The digests of a subject: as many as may count and one more, so that memory is bounded before anything is verified;
/// a name that stands twice is an error. Values are read later, those of unknown algorithms never.
#[derive(Default)]
struct WireDigests<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for WireDigests<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = WireDigests<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of digests")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut kept: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    if kept.iter().any(|(known, _)| *known == name) {
                        return Err(de::Error::custom(format_args!("duplicate field {name:?}")));
                    }
                    let value = map.next_value()?;
                    if kept.len() <= limits::SUBJECT_DIGESTS {
                        kept.push((name, value));
                    }
                }
                Ok(WireDigests(kept))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

/// A key of a map; borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl Statement {
    /// Reads the statement in a verified envelope.
    ///
    /// # Errors
    /// [`Error::PayloadType`] if the payload is something else, [`Error::Json`] if it is malformed (CVE-2026-39395:
    /// never a success), [`Error::TooMany`] past the limits of subjects and digests.
    pub fn parse(envelope: &Envelope) -> Result<Self, Error> {
        if envelope.payload_type != IN_TOTO {
            return Err(Error::PayloadType { expected: IN_TOTO, found: envelope.payload_type.clone() });
        }
        let malformed = |reason: String| Error::Json { input: Input::Statement, reason };
        let wire: WireStatement<'_> = from_json(&envelope.payload).map_err(|e| malformed(e.to_string()))?;
        if !wire.kind.starts_with("https://in-toto.io/Statement/") {
            return Err(Error::StatementType { found: wire.kind });
        }
        let subjects = wire.subject;
        if subjects.len() > limits::SUBJECTS {
            return Err(Error::TooMany { what: "subjects", limit: limits::SUBJECTS, found: subjects.len() });
        }
        Ok(Self {
            predicate_type: wire.predicate_type,
            subjects: subjects.into_iter().map(subject).collect::<Result<_, _>>()?,
        })
    }

    /// The hash algorithms that subjects use, so that a blob is hashed with them.
    pub(crate) fn algorithms(&self) -> Vec<HashAlgorithm> {
        let mut found: Vec<_> = self.subjects.iter().flat_map(|s| &s.digests).map(Digest::algorithm).collect();
        found.sort();
        found.dedup();
        found
    }

    /// Checks that some subject is the artifact.
    ///
    /// # Errors
    /// [`Error::SubjectMismatch`] if none is.
    pub(crate) fn check_subject(&self, artifact: &Artifact) -> Result<Digest, Error> {
        let named = self.subjects.iter().flat_map(|s| &s.digests);
        named.into_iter().find(|d| artifact.digests().contains(d)).copied().ok_or_else(|| Error::SubjectMismatch {
            expected: artifact.digests().to_vec(),
            found: self.subjects.iter().flat_map(|s| s.digests.iter().copied()).take(4).collect(),
        })
    }
}

fn subject(wire: WireSubject<'_>) -> Result<Subject, Error> {
    let WireDigests(digests) = wire.digest.unwrap_or_default();
    if digests.len() > limits::SUBJECT_DIGESTS {
        return Err(Error::TooMany {
            what: "digests of one subject",
            limit: limits::SUBJECT_DIGESTS,
            found: digests.len(),
        });
    }
    let digests = digests.into_iter().filter_map(|(name, value)| {
        let algorithm = HashAlgorithm::from_name(&name).filter(|a| *a != HashAlgorithm::Sha224)?;
        let hex: String = serde_json::from_str(value.get()).ok()?;
        Digest::new(algorithm, &crate::digest::unhex(&hex)?)
    });
    Ok(Subject { name: wire.name.unwrap_or_default(), digests: digests.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(digests: &str) -> Result<Statement, Error> {
        let payload = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","predicateType":"p","subject":[{{"digest":{{{digests}}}}}]}}"#
        );
        let payload_type = IN_TOTO.to_owned();
        Statement::parse(&Envelope { payload_type, payload: payload.into_bytes(), signatures: Vec::new() })
    }

    #[test]
    fn a_digest_that_stands_twice_is_refused() {
        assert!(matches!(
            statement(r#""sha256":"00","sha256":"11""#),
            Err(Error::Json { input: Input::Statement, .. })
        ));
    }

    #[test]
    fn more_digests_than_may_count_are_refused() {
        let many: Vec<_> = (0..=limits::SUBJECT_DIGESTS).map(|n| format!(r#""x{n}":"00""#)).collect();
        assert!(statement(&many[1..].join(",")).is_ok());
        assert!(matches!(statement(&many.join(",")), Err(Error::TooMany { .. })));
    }
}
