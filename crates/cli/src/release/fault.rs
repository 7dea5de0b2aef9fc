//! What became of one file or image, and why.

use sigward_verify::LookupError;
use sigward_verify::image::ImageError;
use sigward_verify::{self as verify};

use super::layout::BadPath;
use super::lock::LockFault;
use super::witness::SbomFault;
use crate::failure::Failure;

/// What became of a file or image.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum State {
    /// It is what it should be.
    Verified,
    /// Its signature holds, and no signed SBOM names it.
    Unnamed,
    /// It is not what it should be.
    Refused,
    /// It has no signature.
    Unsigned,
    /// It is not there.
    Missing,
    /// It could not be judged.
    Error,
}

impl State {
    /// As reports spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unnamed => "unnamed",
            Self::Refused => "refused",
            Self::Unsigned => "unsigned",
            Self::Missing => "missing",
            Self::Error => "error",
        }
    }
}

/// Why a file or image is not verified.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The server has no such file.
    #[error("{url}: HTTP status 404")]
    Missing {
        /// Where it was asked for.
        url: String,
    },
    /// A folder has no such file.
    #[error("{path}: no such file")]
    Absent {
        /// Where it was looked for.
        path: String,
    },
    /// There is no signature.
    #[error("no signature: {tried} are missing")]
    NoSignature {
        /// What was looked for.
        tried: String,
    },
    /// Nobody signs it.
    #[error("Kubernetes does not sign this file")]
    NeverSigned,
    /// The bytes are not those of the sum beside them.
    #[error("{sum} says {expected}, found {found}")]
    Checksum {
        /// The file with the sum.
        sum: String,
        /// What it says.
        expected: String,
        /// What the bytes have.
        found: String,
    },
    /// The SBOM says otherwise.
    #[error("the signed SBOM says otherwise: expected {expected}, found {found}{}", is_elsewhere(.elsewhere.as_deref()))]
    Sbom {
        /// The digest expected.
        expected: String,
        /// The digest found.
        found: String,
        /// Which file the bytes are.
        elsewhere: Option<String>,
    },
    /// No signed SBOM names it.
    #[error("the signature holds, but {why}")]
    Unnamed {
        /// Why there is no second witness.
        why: String,
    },
    /// The SBOM itself is not the right one.
    #[error(transparent)]
    WrongSbom(#[from] SbomFault),
    /// A name that is no path.
    #[error(transparent)]
    Path(#[from] BadPath),
    /// The lockfile says otherwise.
    #[error(transparent)]
    Lock(#[from] LockFault),
    /// A check was waived that nothing here waives.
    #[error("the evidence would need {setting}, which a release does not allow")]
    Waived {
        /// The setting.
        setting: &'static str,
    },
    /// An image is another one than the SBOM says.
    #[error("the signed SBOM says {expected}, the registry has {found}")]
    ImageDigest {
        /// The digest expected.
        expected: String,
        /// The digest found.
        found: String,
    },
    /// Images were asked for, and nothing says which.
    #[error("images were asked for, and {why}")]
    NoImages {
        /// Why.
        why: &'static str,
    },
    /// A file in the way that is not used: a link, or another user's.
    #[error("{path}: {reason}")]
    Unsafe {
        /// The path.
        path: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Failure),
}

fn is_elsewhere(other: Option<&str>) -> String {
    other.map(|other| format!(" (this is {other})")).unwrap_or_default()
}

impl From<verify::Error> for Fault {
    fn from(error: verify::Error) -> Self {
        Self::Other(Failure::Evidence { what: String::new(), error })
    }
}

impl Fault {
    /// Stable reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } | Self::Absent { .. } => "file-missing",
            Self::NoSignature { .. } => "signature-missing",
            Self::NeverSigned => "never-signed",
            Self::Checksum { .. } => "checksum-mismatch",
            Self::Sbom { .. } => "sbom-mismatch",
            Self::Unnamed { .. } => "sbom-unnamed",
            Self::WrongSbom(SbomFault::Unusable(_) | SbomFault::Contradiction { .. }) => "sbom-unusable",
            Self::WrongSbom(SbomFault::Version { .. }) => "sbom-other-version",
            Self::WrongSbom(SbomFault::Subject { .. }) => "sbom-other-subject",
            Self::Path(_) => "path-unsafe",
            Self::Lock(fault) => fault.code(),
            Self::Waived { .. } => "waiver-unstated",
            Self::ImageDigest { .. } => "image-digest-mismatch",
            Self::NoImages { .. } => "sbom-no-images",
            Self::Unsafe { .. } => "file-unsafe",
            Self::Other(failure) => failure.code(),
        }
    }

    /// Every code of this enum that [`Failure`] does not have.
    pub const CODES: &'static [&'static str] = &[
        "checksum-mismatch",
        "file-missing",
        "file-unsafe",
        "image-digest-mismatch",
        "lock-mismatch",
        "lock-missing",
        "never-signed",
        "path-unsafe",
        "sbom-mismatch",
        "sbom-no-images",
        "sbom-other-subject",
        "sbom-other-version",
        "sbom-unnamed",
        "sbom-unusable",
        "signature-missing",
    ];

    /// Which state a file or image with this fault is in.
    pub fn state(&self) -> State {
        match self {
            Self::Missing { .. } | Self::Absent { .. } => State::Missing,
            Self::NoSignature { .. } | Self::NeverSigned => State::Unsigned,
            Self::Unnamed { .. } => State::Unnamed,
            Self::Checksum { .. }
            | Self::Sbom { .. }
            | Self::WrongSbom(_)
            | Self::Path(_)
            | Self::Lock(_)
            | Self::Waived { .. }
            | Self::ImageDigest { .. } => State::Refused,
            Self::NoImages { .. } | Self::Unsafe { .. } => State::Error,
            Self::Other(failure) => state_of(failure),
        }
    }

    /// Advice.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Other(failure) => failure.hint(),
            Self::Unnamed { .. } => Some("--allow-unnamed accepts the signature alone".into()),
            _ => None,
        }
    }
}

/// What speaks against the evidence is a refusal; what kept us from judging is an error.
fn state_of(failure: &Failure) -> State {
    match failure {
        Failure::Evidence { .. } | Failure::Verification(_) => State::Refused,
        Failure::Lookup(LookupError::NotFound | LookupError::NoneValid { .. }) => State::Refused,
        Failure::Image(error) => match error.as_ref() {
            ImageError::NotFound { .. } => State::Missing,
            ImageError::NoSignatures => State::Unsigned,
            ImageError::NoMatchingSignatures { .. }
            | ImageError::NoMatchingAttestations { .. }
            | ImageError::Demand { .. } => State::Refused,
            _ => State::Error,
        },
        Failure::ImageReference(_) => State::Refused,
        _ => State::Error,
    }
}
