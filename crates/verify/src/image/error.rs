//! Why an image has no proof: one error for the image, and one fault for each piece of evidence that did not count.

use super::manifest::Descriptor;
use crate::digest::Digest;
use crate::error::Error;
use crate::evidence::Unreachable;
use crate::rekor::LookupError;

/// Why nothing was proved about an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The image does not exist.
    #[error("image tag not found: {reason}")]
    NotFound {
        /// The request and the registry's answer.
        reason: String,
    },
    /// Nothing is attached that could be a signature.
    #[error("no signatures found")]
    NoSignatures,
    /// Signatures are there, and none is the wanted one. The first is that of the tag scheme.
    #[error("no matching signatures: {}", reasons(.rejected))]
    NoMatchingSignatures {
        /// Each piece of evidence, with what is wrong with it.
        rejected: Vec<Rejected>,
    },
    /// Attestations (or none at all) are there, and none is a wanted one.
    #[error("no matching attestations: {}", reasons(.rejected))]
    NoMatchingAttestations {
        /// Each piece of evidence, with what is wrong with it.
        rejected: Vec<Rejected>,
    },
    /// Verified attestations are there, of other types.
    #[error("none of the attestations matched the predicate type: {expected}, found: {}", .found.join(","))]
    PredicateType {
        /// The type wanted.
        expected: String,
        /// The types found.
        found: Vec<String>,
    },
    /// Something was verified, and not what was demanded.
    #[error("{demand} is required, and what was verified is {found}")]
    Demand {
        /// What was demanded.
        demand: String,
        /// What was verified.
        found: String,
    },
    /// The registry answered with an error, so that evidence may be missing.
    #[error("{}{reason}", before(.rejected))]
    Registry {
        /// The request and the registry's answer.
        reason: String,
        /// What had been rejected before.
        rejected: Vec<Rejected>,
    },
    /// The registry could not be asked.
    #[error("{}{reason}", before(.rejected))]
    Unreachable {
        /// Why not.
        reason: Unreachable,
        /// What had been rejected before.
        rejected: Vec<Rejected>,
    },
    /// Content is not what its digest says.
    #[error("{what}: the content's digest is {found}, expected {expected}")]
    DigestMismatch {
        /// What was asked for.
        what: String,
        /// The digest asked for, or named by the registry.
        expected: String,
        /// The digest of what came.
        found: String,
    },
    /// A manifest or a list is not one.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// What was read.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More than any signer makes.
    #[error("number of {what} ({found}) exceeded the limit ({limit})")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many were found, or how many at least.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
}

impl ImageError {
    /// Stable reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "image-not-found",
            Self::NoSignatures => "image-unsigned",
            Self::NoMatchingSignatures { .. } => "image-no-matching-signature",
            Self::NoMatchingAttestations { .. } => "image-no-matching-attestation",
            Self::PredicateType { .. } => "predicate-type-mismatch",
            Self::Demand { .. } => "image-demand-unmet",
            Self::Registry { .. } => "registry-answer",
            Self::Unreachable { .. } => "registry-unreachable",
            Self::DigestMismatch { .. } => "registry-digest-mismatch",
            Self::Malformed { .. } => "registry-content-malformed",
            Self::TooMany { .. } => "too-many",
        }
    }

    /// Every code of this enum and of [`EvidenceFault`] that is not also one of [`Error`].
    pub const CODES: &'static [&'static str] = &[
        "attachment-missing",
        "attachment-too-large",
        "image-annotation-mismatch",
        "image-claim-malformed",
        "image-claim-other-image",
        "image-demand-unmet",
        "image-no-matching-attestation",
        "image-no-matching-signature",
        "image-not-found",
        "image-unsigned",
        "log-lookup-forbidden",
        "log-missing",
        "log-not-looked-up",
        "not-an-attestation",
        "registry-answer",
        "registry-content-malformed",
        "registry-digest-mismatch",
        "registry-unreachable",
    ];

    /// What was rejected, piece by piece.
    pub fn rejected(&self) -> &[Rejected] {
        match self {
            Self::NoMatchingSignatures { rejected }
            | Self::NoMatchingAttestations { rejected }
            | Self::Registry { rejected, .. }
            | Self::Unreachable { rejected, .. } => rejected,
            _ => &[],
        }
    }
}

/// A piece of evidence that did not count, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Where it came from.
    pub origin: Origin,
    /// What is wrong with it.
    pub fault: EvidenceFault,
}

/// Where a piece of evidence came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A layer of the manifest that the tag scheme names.
    Layer {
        /// What the manifest holds.
        role: LayerRole,
        /// Number of the layer, from 0.
        index: usize,
        /// Digest of the layer.
        digest: String,
    },
    /// A manifest that refers to the image.
    Referrer {
        /// Number in the list of referrers, from 0.
        index: usize,
        /// Digest of the manifest.
        digest: String,
    },
}

/// What the layers of a manifest of the tag scheme are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerRole {
    /// Signatures over the image: `.sig`.
    Signatures,
    /// Attestations about the image: `.att`.
    Attestations,
}

impl LayerRole {
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Signatures => "sig",
            Self::Attestations => "att",
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Layer { role, index, digest } => {
                write!(f, "layer {} of .{} ({digest})", index.saturating_add(1), role.suffix())
            }
            Self::Referrer { digest, .. } => write!(f, "referrer {digest}"),
        }
    }
}

/// Why a piece of evidence does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceFault {
    /// The evidence itself does not hold.
    #[error("{}", .0.error)]
    Verification(Box<crate::verifier::Failure>),
    /// The evidence could not be read.
    #[error(transparent)]
    Unusable(Box<Error>),
    /// The signature is about another image.
    #[error("invalid or missing digest in claim: {found}: the image is {expected}")]
    OtherImage {
        /// The image's digest.
        expected: String,
        /// The digest that was signed.
        found: String,
    },
    /// A wanted annotation is not what the signer said.
    #[error("missing or incorrect annotation {name}: expected {expected:?}, found {}", .found.as_deref().unwrap_or("nothing"))]
    Annotation {
        /// The annotation.
        name: String,
        /// The value wanted.
        expected: String,
        /// The value signed, as JSON.
        found: Option<String>,
    },
    /// What was signed is no claim about an image.
    #[error("the signed payload is no simple signing claim: {reason}")]
    Payload {
        /// What is wrong with it.
        reason: String,
    },
    /// A bundle over the manifest itself instead of a statement about it.
    #[error("bundle does not contain a DSSE envelope")]
    NotAnAttestation,
    /// No log entry came along, and none may be looked up.
    #[error("offline verification failed: no log entry came along, and --offline forbids to look one up")]
    Offline,
    /// No log entry came along, and there is no log to ask.
    #[error("rekor client not provided for online verification")]
    NoLog,
    /// No log entry came along, and other evidence was enough.
    #[error("no log entry came along, and none was looked up: other evidence is enough")]
    NotLookedUp,
    /// The log look-up failed.
    #[error("searching log query: {0}")]
    Lookup(Box<LookupError>),
    /// Content that a manifest names is not there.
    #[error("{reason}")]
    Missing {
        /// The request and the registry's answer.
        reason: String,
    },
    /// Content is larger than allowed, or than its manifest says.
    #[error("{what} has {size} bytes, at most {limit} are allowed (COSIGN_MAX_ATTACHMENT_SIZE)")]
    TooLarge {
        /// What it is.
        what: String,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// Content is not what its digest or its manifest says.
    #[error("{0}")]
    Content(Box<ImageError>),
}

impl EvidenceFault {
    /// Stable reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Verification(failure) => failure.error.code(),
            Self::Unusable(error) => error.code(),
            Self::OtherImage { .. } => "image-claim-other-image",
            Self::Annotation { .. } => "image-annotation-mismatch",
            Self::Payload { .. } => "image-claim-malformed",
            Self::NotAnAttestation => "not-an-attestation",
            Self::Offline => "log-lookup-forbidden",
            Self::NotLookedUp => "log-not-looked-up",
            Self::NoLog => "log-missing",
            Self::Lookup(error) => error.code(),
            Self::Missing { .. } => "attachment-missing",
            Self::TooLarge { .. } => "attachment-too-large",
            Self::Content(error) => error.code(),
        }
    }
}

impl From<Error> for EvidenceFault {
    fn from(error: Error) -> Self {
        Self::Unusable(Box::new(error))
    }
}

impl From<ImageError> for EvidenceFault {
    fn from(error: ImageError) -> Self {
        Self::Content(Box::new(error))
    }
}

/// cosign joins the texts of all signatures with a line break and a space.
fn reasons(rejected: &[Rejected]) -> String {
    rejected.iter().map(|r| r.fault.to_string()).collect::<Vec<_>>().join("\n ")
}

fn before(rejected: &[Rejected]) -> String {
    if rejected.is_empty() { String::new() } else { format!("no matching signatures: {}\n ", reasons(rejected)) }
}

/// Digest and size of what came must be those that its descriptor tells.
pub(super) fn check_content(what: &str, descriptor: &Descriptor, body: &[u8]) -> Result<(), ImageError> {
    let found = u64::try_from(body.len()).unwrap_or(u64::MAX);
    if found != descriptor.size {
        let reason = format!("it has {found} bytes, its descriptor says {}", descriptor.size);
        return Err(ImageError::Malformed { what: what.to_owned(), reason });
    }
    check_digest(what, &descriptor.digest, body)
}

/// More came than the descriptor tells; the rest was not read.
pub(super) fn longer_than_told(what: String, size: u64) -> ImageError {
    ImageError::Malformed { what, reason: format!("it has more bytes than its descriptor says, {size}") }
}

/// The digest of what came must be the one asked for.
pub(super) fn check_digest(what: &str, expected: &Digest, body: &[u8]) -> Result<(), ImageError> {
    let found = expected.algorithm().digest(body);
    if found == *expected {
        return Ok(());
    }
    Err(ImageError::DigestMismatch { what: what.to_owned(), expected: expected.to_string(), found: found.to_string() })
}
