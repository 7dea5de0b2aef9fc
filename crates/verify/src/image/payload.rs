//! The simple signing payload: what an image signature is over (specs/cosign.md §2.7).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::EvidenceFault;
use crate::digest::Digest;
use crate::dsse::Envelope;
use crate::limits;
use crate::wire::{Named, from_json, object};

/// A simple signing payload. That its signature was verified is for its owner to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleSigning {
    /// What the signer called the image. Not checked: mirrors keep signatures and change names.
    pub docker_reference: String,
    /// Digest of the image's manifest, as text.
    pub manifest_digest: String,
    /// What the signer calls this kind of claim.
    pub kind: String,
    /// Further claims of the signer.
    pub optional: BTreeMap<String, Value>,
}

/// What a signer added.
type Annotations = Named<Value, { limits::CLAIMS }>;

#[derive(Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "object")]
    critical: Option<Critical>,
    #[serde(default)]
    optional: Option<Annotations>,
}

#[derive(Deserialize, Default)]
struct Critical {
    #[serde(default, deserialize_with = "object")]
    identity: Option<Identity>,
    #[serde(default, deserialize_with = "object")]
    image: Option<Image>,
    #[serde(rename = "type", default)]
    kind: Option<String>,
}

#[derive(Deserialize, Default)]
struct Identity {
    #[serde(rename = "docker-reference", default)]
    docker_reference: Option<String>,
}

#[derive(Deserialize, Default)]
struct Image {
    #[serde(rename = "docker-manifest-digest", default)]
    digest: Option<String>,
}

impl SimpleSigning {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`EvidenceFault::Payload`] if it is no simple signing payload.
    pub fn parse(json: &[u8]) -> Result<Self, EvidenceFault> {
        let wire: Wire = from_json(json).map_err(|error| EvidenceFault::Payload { reason: error.to_string() })?;
        let critical = wire.critical.unwrap_or_default();
        Ok(Self {
            docker_reference: critical.identity.and_then(|i| i.docker_reference).unwrap_or_default(),
            manifest_digest: critical.image.and_then(|i| i.digest).unwrap_or_default(),
            kind: critical.kind.unwrap_or_default(),
            optional: wire.optional.unwrap_or_default().0,
        })
    }

    /// The signer means this image.
    ///
    /// # Errors
    /// [`EvidenceFault::OtherImage`].
    pub(super) fn check_digest(&self, image: &Digest) -> Result<(), EvidenceFault> {
        if self.manifest_digest == image.to_string() {
            return Ok(());
        }
        Err(EvidenceFault::OtherImage { expected: image.to_string(), found: self.manifest_digest.clone() })
    }

    /// The wanted annotations are among the signer's claims.
    ///
    /// # Errors
    /// [`EvidenceFault::Annotation`].
    pub(super) fn check_annotations(&self, wanted: &[(String, String)]) -> Result<(), EvidenceFault> {
        check_annotations(wanted, |name| self.optional.get(name).cloned())
    }
}

/// The wanted annotations are those of the statement's subject that is this image.
///
/// # Errors
/// [`EvidenceFault::Annotation`].
pub(super) fn check_subject_annotations(
    envelope: &Envelope,
    image: &Digest,
    wanted: &[(String, String)],
) -> Result<(), EvidenceFault> {
    if wanted.is_empty() {
        return Ok(());
    }
    let annotations = subject_annotations(envelope, image);
    check_annotations(wanted, |name| annotations.get(name).cloned())
}

/// Annotations of the first subject that has this digest; empty if there are none.
pub fn subject_annotations(envelope: &Envelope, image: &Digest) -> BTreeMap<String, Value> {
    #[derive(Deserialize)]
    struct Statement {
        #[serde(default)]
        subject: Vec<Subject>,
    }
    #[derive(Deserialize)]
    struct Subject {
        #[serde(default)]
        digest: BTreeMap<String, Value>,
        #[serde(default)]
        annotations: Option<Annotations>,
    }
    let statement: Option<Statement> = serde_json::from_slice(&envelope.payload).ok();
    let hex = Value::from(image.hex());
    let mut subjects = statement.map(|s| s.subject).unwrap_or_default().into_iter();
    let subject = subjects.find(|s| s.digest.get(image.algorithm().name()) == Some(&hex));
    subject.and_then(|s| s.annotations).unwrap_or_default().0
}

fn check_annotations(wanted: &[(String, String)], found: impl Fn(&str) -> Option<Value>) -> Result<(), EvidenceFault> {
    for (name, expected) in wanted {
        let found = found(name);
        if found.as_ref().and_then(Value::as_str) != Some(expected) {
            let (name, expected) = (name.clone(), expected.clone());
            return Err(EvidenceFault::Annotation { name, expected, found: found.map(|v| v.to_string()) });
        }
    }
    Ok(())
}
