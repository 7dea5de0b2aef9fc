//! Faults of past releases that upstream knows of, with sources (specs/cosign.md §4.3). The table explains a failure; it
//! never turns one into a success by itself.

use std::fmt;

use serde::Deserialize;

use super::fault::{Fault, State};
use super::glob::Pattern;
use super::markers::Version;

const TABLE: &str = include_str!("known_faults.json");

/// A fault that upstream knows of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownFault {
    kind: Kind,
    /// Who signed instead, if that is what is wrong.
    pub identity: Option<String>,
    /// What is wrong, in words.
    pub text: String,
    /// Why the sources are taken to mean this version or artifact, where they do not name it.
    pub inferred: Option<String>,
    /// Where that is told.
    pub sources: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// There were no signatures at that time.
    NotYetSigned,
    /// Images signed by somebody else.
    OtherIdentity,
    /// Images whose signatures are of other images.
    OtherSignature,
    /// A file whose signature is of another file.
    SignatureMismatch,
    /// Images without signatures.
    Unsigned,
}

/// What speaks for an artifact beside its signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SecondWitness {
    /// The signed SBOM names exactly these bytes, or the signer that is known has signed the image.
    Names,
    /// Nothing does.
    Silent,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(default)]
    versions: Vec<String>,
    before: Option<String>,
    artifacts: Vec<String>,
    fault: Kind,
    identity: Option<String>,
    text: String,
    /// Stands where the sources do not name the versions or artifacts of the row themselves.
    inferred: Option<String>,
    sources: Vec<String>,
}

/// The known fault of an artifact that failed so; `artifact` is a path within the release, or the name of an image.
pub fn lookup(version: &Version, artifact: &str, fault: &Fault) -> Option<KnownFault> {
    let rows: Vec<Row> = serde_json::from_str(TABLE).unwrap_or_default();
    let row = rows.into_iter().find(|row| row.is_about(version, artifact) && explains(row, fault))?;
    let Row { fault: kind, identity, text, inferred, sources, .. } = row;
    Some(KnownFault { kind, identity, text, inferred, sources })
}

impl Row {
    fn is_about(&self, version: &Version, artifact: &str) -> bool {
        let listed = self.versions.iter().any(|text| Version::parse(text).as_ref() == Some(version));
        let before = self.before.as_deref().and_then(Version::parse).is_some_and(|end| *version < end);
        let matches = |text: &String| Pattern::parse(text).is_some_and(|pattern| pattern.matches(artifact));
        (listed || before) && self.artifacts.iter().any(matches)
    }
}

/// Whether the row tells of this failure and not of another one.
fn explains(row: &Row, fault: &Fault) -> bool {
    const UNMATCHED: [&str; 3] = ["image-no-matching-signature", "image-no-matching-attestation", "image-demand-unmet"];
    match row.fault {
        Kind::NotYetSigned => fault.state() == State::Unsigned,
        // A signature that was cut short leaves images without one, or with that of the staging registry alone.
        Kind::Unsigned => fault.code() == "image-unsigned" || UNMATCHED.contains(&fault.code()),
        Kind::SignatureMismatch => fault.code() == "signature-invalid",
        Kind::OtherIdentity | Kind::OtherSignature => UNMATCHED.contains(&fault.code()),
    }
}

impl fmt::Display for KnownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "known upstream fault: {}, see {}", self.text, self.sources.join(" "))?;
        match &self.inferred {
            Some(why) => write!(f, " (inferred: {why})"),
            None => Ok(()),
        }
    }
}

impl KnownFault {
    /// Whether `--accept-known-faults` may accept it. A file whose signature is of no use must be vouched for by the signed
    /// SBOM, and an image with another signer's by that signer's signature, or the flag would accept anything under their
    /// names. What was never signed cannot be accepted as if it were.
    pub fn may_be_accepted(&self, witness: SecondWitness) -> bool {
        match self.kind {
            Kind::NotYetSigned => false,
            Kind::OtherIdentity | Kind::SignatureMismatch => witness == SecondWitness::Names,
            Kind::OtherSignature | Kind::Unsigned => true,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::failure::Failure;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn the_table_is_well_formed() {
        let rows: Vec<Row> = serde_json::from_str(TABLE).unwrap();
        for row in rows {
            assert!(!row.sources.is_empty() && !row.text.is_empty());
            assert!(row.sources.iter().all(|source| source.starts_with("https://")));
            assert!(row.versions.iter().chain(&row.before).all(|text| Version::parse(text).is_some()));
            assert!(row.versions.is_empty() == row.before.is_some());
            assert!(row.artifacts.iter().all(|text| Pattern::parse(text).is_some()));
            assert_eq!(row.identity.is_some(), row.fault == Kind::OtherIdentity);
            assert!(row.inferred.is_none_or(|why| !why.is_empty()));
        }
    }

    #[test]
    fn what_is_inferred_says_so() {
        let unsigned = Fault::Other(Failure::from(sigward_verify::image::ImageError::NoSignatures));
        let told = |text: &str| lookup(&version(text), "registry.k8s.io/kube-proxy:x", &unsigned).unwrap().to_string();
        assert!(told("v1.26.2").contains("(inferred: the source says February"));
        assert!(!told("v1.32.0").contains("inferred"));
    }

    #[test]
    fn only_the_failure_that_is_known_is_explained() {
        let unsigned = Fault::NoSignature { tried: "x".into() };
        let found = lookup(&version("v1.25.3"), "bin/linux/amd64/kubectl", &unsigned).unwrap();
        assert!(!found.may_be_accepted(SecondWitness::Names));
        assert_eq!(lookup(&version("v1.26.0"), "bin/linux/amd64/kubectl", &unsigned), None);
        let other = Fault::Sbom { expected: "a".into(), found: "b".into(), elsewhere: None };
        assert_eq!(lookup(&version("v1.35.0"), "bin/linux/amd64/kubectl", &other), None);
        let network = Fault::Other(Failure::Network { what: "x".into(), reason: "y".into() });
        assert_eq!(lookup(&version("v1.25.3"), "bin/linux/amd64/kubectl", &network), None);
    }

    #[test]
    fn a_signature_that_is_of_no_use_needs_the_sbom() {
        let known = KnownFault {
            kind: Kind::SignatureMismatch,
            identity: None,
            text: String::new(),
            inferred: None,
            sources: Vec::new(),
        };
        assert!(known.may_be_accepted(SecondWitness::Names));
        assert!(!known.may_be_accepted(SecondWitness::Silent));
    }
}
