//! What is asked about one image.

use super::{ImageReference, Repository};
use crate::certificate::Certificate;
use crate::entity::ChainPolicy;
use crate::verifier::Requirements;

/// What is asked about one image.
#[derive(Debug, Clone)]
pub struct ImageQuestion {
    /// The image.
    pub reference: ImageReference,
    /// The repository that holds its evidence, where it is not the image's own (`COSIGN_REPOSITORY`).
    pub evidence_at: Option<Repository>,
    /// What stands before the tags of the tag scheme (`--attachment-tag-prefix`).
    pub tag_prefix: String,
    /// What is looked for.
    pub wanted: Wanted,
    /// Which forms of evidence are looked for.
    pub forms: Forms,
    /// The signer's certificate, where it was given apart. It must be that of the evidence.
    pub certificate: Option<GivenCertificate>,
    /// Whether a bundle of version 0.3 may carry a chain.
    pub chains: ChainPolicy,
    /// What must hold for each piece of evidence.
    pub requirements: Requirements,
    /// What to do about signatures without a log entry.
    pub lookup: LookupRule,
    /// Largest payload, envelope or bundle in bytes (`COSIGN_MAX_ATTACHMENT_SIZE`).
    pub attachment_limit: u64,
}

/// A certificate that was given apart (`--certificate`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenCertificate {
    /// The certificate.
    pub leaf: Certificate,
    /// Its signed certificate timestamp, JSON (`--sct`), where it does not hold one itself.
    pub sct: Option<Vec<u8>>,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What `cosign verify` takes for a signature: an image signature, or any attestation about the image in a bundle.
    Signature {
        /// Claims that the signer must have made.
        annotations: Vec<(String, String)>,
        /// What the evidence must be. Empty: as cosign.
        demands: Vec<Demand>,
    },
    /// Attestations of this predicate type.
    Attestation {
        /// The predicate type.
        predicate_type: String,
    },
    /// Every image signature that holds: for policies that count them.
    EverySignature,
    /// Every attestation that holds, of whatever type.
    EveryAttestation,
}

/// What evidence must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// A signature over the image, and not just a statement about it (`--require-signature`).
    ImageSignature,
    /// An attestation of this predicate type (`--require-attestation`).
    Attestation(String),
}

impl std::fmt::Display for Demand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ImageSignature => f.write_str("an image signature"),
            Self::Attestation(predicate_type) => write!(f, "an attestation of type {predicate_type}"),
        }
    }
}

/// Which forms of evidence are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forms {
    /// The tag scheme and referrers.
    All,
    /// The tag scheme alone (`--new-bundle-format=false`).
    TagsOnly,
    /// Bundles among referrers alone (`signatureFormat: bundle` of a ClusterImagePolicy). What cosign 2 attached as a
    /// referrer in the older form is none.
    BundlesOnly,
    /// The tag scheme, and what cosign 2 attached as a referrer in the older form (`enable-oci11` beside
    /// `signatureFormat: legacy` of a ClusterImagePolicy). Bundles are none.
    NoBundles,
}

/// What to do about signatures without a log entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupRule {
    /// Ask the log at this URL.
    Ask(String),
    /// Never ask (`--offline`).
    Forbidden,
    /// There is no log to ask (`--rekor-url=`).
    NoLog,
}
