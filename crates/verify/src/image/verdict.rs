//! What was proved about an image. One place makes it.

use super::payload::{self, SimpleSigning};
use super::{EvidenceFault, Origin, Rejected};
use crate::digest::{Artifact, Digest};
use crate::entity::{Content, SignedEntity};
use crate::material::TrustMaterial;
use crate::verifier::{Claims, Requirements, Verified, Verifier, Waiver};
use jiff::Timestamp;

/// cosign 3 signs an image by a statement of this type (specs/cosign.md §2.7).
pub const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// What was proved about one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageVerdict {
    /// The image.
    pub digest: Digest,
    /// Evidence that holds and is wanted, in the order of its origin; not empty.
    pub proved: Vec<ProvedEvidence>,
    /// Evidence that does not count.
    pub rejected: Vec<Rejected>,
}

/// A piece of evidence about an image that was verified. Only `Judge::conclude` makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedEvidence {
    origin: Origin,
    verified: Verified,
    entity: SignedEntity,
    claim: Claim,
    blob: Vec<u8>,
    waivers: Vec<Waiver>,
}

/// What the signer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// A simple signing payload: "I signed this image". `None` if claims were not to be looked at and it has none.
    Simple(Option<SimpleSigning>),
    /// A statement about the image.
    Statement,
}

/// What kind of evidence it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvidenceKind {
    /// A signature over the image.
    ImageSignature,
    /// A statement of this predicate type about the image.
    Attestation(String),
}

impl std::fmt::Display for EvidenceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ImageSignature => f.write_str("image signature"),
            Self::Attestation(predicate_type) => write!(f, "attestation of type {}", OneLine(predicate_type)),
        }
    }
}

/// A signer's text, which must not look like a line of ours.
struct OneLine<'a>(&'a str);

impl std::fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        Ok(())
    }
}

impl ProvedEvidence {
    /// Where it came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What the engine proved.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// The evidence itself.
    pub fn entity(&self) -> &SignedEntity {
        &self.entity
    }

    /// What the signer said.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// What was signed: the payload; or the JSON of the envelope or bundle that holds the statement.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The checks that were waived.
    pub fn waivers(&self) -> &[Waiver] {
        &self.waivers
    }

    /// The predicate type of the statement, if it is one.
    pub fn predicate_type(&self) -> Option<&str> {
        self.verified.statement().map(|statement| statement.predicate_type.as_str())
    }

    /// What kind of evidence it is. A promotion record or any other attestation is no image signature.
    pub fn kind(&self) -> EvidenceKind {
        match self.predicate_type() {
            None | Some(COSIGN_SIGN) => EvidenceKind::ImageSignature,
            Some(other) => EvidenceKind::Attestation(other.to_owned()),
        }
    }
}

/// Evidence that was read and is to be judged.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) origin: Origin,
    pub(super) entity: SignedEntity,
    pub(super) artifact: Artifact,
    pub(super) blob: Vec<u8>,
}

/// Judges pieces of evidence about one image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) image: &'a Digest,
    pub(super) material: &'a TrustMaterial,
    pub(super) requirements: &'a Requirements,
    pub(super) annotations: &'a [(String, String)],
    pub(super) now: Timestamp,
}

impl Judge<'_> {
    pub(super) fn verifier(&self) -> Verifier<'_> {
        Verifier::new(self.material, self.requirements)
    }

    /// The one place where a [`ProvedEvidence`] is made.
    pub(super) fn conclude(&self, evidence: Evidence) -> Result<ProvedEvidence, Rejected> {
        let origin = evidence.origin.clone();
        self.check(evidence).map_err(|fault| Rejected { origin, fault })
    }

    fn check(&self, evidence: Evidence) -> Result<ProvedEvidence, EvidenceFault> {
        let Evidence { origin, entity, artifact, blob } = evidence;
        let verified = self.verifier().verify(&entity, &artifact, self.now).map_err(EvidenceFault::Verification)?;
        let claim = self.read_claim(&entity, &blob)?;
        let mut waivers = verified.waivers().to_vec();
        // Of statements the engine says it.
        if matches!(claim, Claim::Simple(_)) && self.requirements.claims == Claims::SkippedUnsafe {
            waivers.push(Waiver::ClaimsIgnored);
        }
        Ok(ProvedEvidence { origin, verified, entity, claim, blob, waivers })
    }

    /// What the signer said of this image, as far as it is not the engine's to look at. Proves nothing: the signature is
    /// not looked at. Annotations that were asked for count even where claims are not checked.
    pub(super) fn read_claim(&self, entity: &SignedEntity, blob: &[u8]) -> Result<Claim, EvidenceFault> {
        if let Content::Envelope { envelope, .. } = entity.content() {
            payload::check_subject_annotations(envelope, self.image, self.annotations)?;
            return Ok(Claim::Statement);
        }
        let claim = match (SimpleSigning::parse(blob), self.requirements.claims) {
            (Err(_), Claims::SkippedUnsafe) if self.annotations.is_empty() => return Ok(Claim::Simple(None)),
            (claim, _) => claim?,
        };
        if self.requirements.claims == Claims::Checked {
            claim.check_digest(self.image)?;
        }
        claim.check_annotations(self.annotations)?;
        Ok(Claim::Simple(Some(claim)))
    }
}
