//! Why a command failed, with a stable code, and advice apart from it.

use std::io;
use std::path::Path;

use sigward_verify as verify;
use sigward_verify::LookupError;
use sigward_verify::evidence::Unreachable;
use sigward_verify::image::{BadReference, EvidenceFault, ImageError};

use crate::manifest::ManifestError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A legacy attestation or signature asks for the log, and the log may not be asked.
    #[error("offline verification failed: no log entry came along, and --offline forbids to look one up")]
    Offline,
    /// `--rekor-url=`: there is no log to ask.
    #[error("rekor client not provided for online verification")]
    NoLog,
    /// The log look-up failed.
    #[error("searching log query: {0}")]
    Lookup(LookupError),
    /// A key reference of a kind that is not supported.
    #[error("loading public key: {reference}: references of this kind are not supported")]
    KeyReference {
        /// The reference.
        reference: String,
    },
    /// Something could not be read.
    #[error("{what}: {reason}")]
    Read {
        /// What was read, in cosign's words where it has any.
        what: String,
        /// Why it failed.
        reason: String,
    },
    /// Something could not be written.
    #[error("writing {path}: {reason}")]
    Write {
        /// The path.
        path: String,
        /// Why it failed.
        reason: String,
    },
    /// Standard input was named twice.
    #[error("standard input (-) can be read only once")]
    StdinTwice,
    /// A bundle flag rule of cosign.
    #[error("unsupported: {what} when using --new-bundle-format")]
    UnsupportedWithBundle {
        /// The flag, in cosign's words.
        what: &'static str,
    },
    /// Nothing beside a blob speaks for it.
    #[error("{blob}: no signature found beside it (tried {tried})")]
    NothingBeside {
        /// The blob.
        blob: String,
        /// File names tried.
        tried: String,
    },
    /// A piece of evidence could not be used before anything was verified.
    #[error("{what}{error}")]
    Evidence {
        /// A prefix that names the piece, in cosign's words.
        what: String,
        /// What is wrong with it.
        error: verify::Error,
    },
    /// The verification failed.
    #[error("{}", .0.error)]
    Verification(Box<verify::verifier::Failure>),
    /// Several blobs, and some failed; each was reported before.
    #[error("{failed} of {all} blobs failed verification")]
    Several {
        /// How many failed.
        failed: usize,
        /// How many there were.
        all: usize,
    },
    /// Trust material could not be had.
    #[error("{0}")]
    Trust(crate::trust_source::TrustFailure),
    /// The network.
    #[error("{what}: {reason}")]
    Network {
        /// What was asked for.
        what: String,
        /// What went wrong.
        reason: String,
    },
    /// What is known of an image does not suffice.
    #[error(transparent)]
    Image(Box<ImageError>),
    /// A name that is no image's.
    #[error(transparent)]
    ImageReference(#[from] BadReference),
    /// Several images, and some failed; each was reported before.
    #[error("{failed} of {all} images failed verification")]
    SeveralImages {
        /// How many failed.
        failed: usize,
        /// How many there were.
        all: usize,
    },
    /// One of several images failed.
    #[error("{image}: {failure}")]
    OfImage {
        /// The image.
        image: String,
        /// Why.
        failure: Box<Failure>,
    },
    /// A manifest, or what it says of images.
    #[error(transparent)]
    Manifest(Box<ManifestError>),
    /// Nothing is attached to an image.
    #[error("{what}")]
    NothingAttached {
        /// What was looked for, in cosign's words.
        what: String,
    },
    /// Something that is understood and not done.
    #[error("{what}")]
    Unsupported {
        /// What it is, and what to do instead.
        what: String,
    },
    /// A policy refuses an attestation, or cannot be evaluated.
    #[error("{reason}")]
    Policy {
        /// Why.
        reason: String,
    },
    /// A release, or a part of it, is not what it should be.
    #[error("{reason}")]
    Release {
        /// Stable reason code.
        code: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// An attestation was asked for, and the evidence is a plain signature.
    #[error("the bundle holds a signature over the blob, not an attestation (DSSE envelope)")]
    NotAnAttestation,
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        Self::Image(Box::new(error))
    }
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(Box::new(error))
    }
}

impl Failure {
    /// A failure to read `path`, in Go's words.
    pub fn open(path: &Path, error: &io::Error) -> Self {
        Self::Read { what: format!("open {}", path.display()), reason: go_text(error) }
    }

    /// A stable reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Offline => "log-lookup-forbidden",
            Self::NoLog => "log-missing",
            Self::Lookup(error) => error.code(),
            Self::KeyReference { .. } => "key-reference-unsupported",
            Self::Read { .. } => "read-failed",
            Self::Write { .. } => "write-failed",
            Self::StdinTwice | Self::UnsupportedWithBundle { .. } => "usage",
            Self::NothingBeside { .. } => "evidence-missing",
            Self::Evidence { error, .. } => error.code(),
            Self::Verification(failure) => failure.error.code(),
            Self::Several { .. } => "several-failed",
            Self::Trust(error) => error.code(),
            Self::Network { .. } => "network",
            Self::NotAnAttestation | Self::NothingAttached { .. } => "attestation-missing",
            Self::Image(error) => error.code(),
            Self::ImageReference(_) => "image-reference-invalid",
            Self::SeveralImages { .. } => "several-failed",
            Self::OfImage { failure, .. } => failure.code(),
            Self::Manifest(error) => error.code(),
            Self::Unsupported { .. } => "unsupported",
            Self::Policy { .. } => "policy-refused",
            Self::Release { code, .. } => code,
        }
    }

    /// Every code that this program adds to those of `sigward-verify`.
    pub const CODES: &'static [&'static str] = &[
        "attestation-missing",
        "evidence-missing",
        "image-not-editable",
        "image-place-invalid",
        "image-reference-differs",
        "image-reference-invalid",
        "image-unnamed",
        "image-unpinned",
        "key-reference-unsupported",
        "log-lookup-forbidden",
        "log-missing",
        "manifest-ambiguous",
        "manifest-changed",
        "manifest-limit",
        "manifest-malformed",
        "manifest-missing",
        "manifest-template",
        "network",
        "policy-refused",
        "read-failed",
        "several-failed",
        "trust-network",
        "trust-root-unusable",
        "trust-too-old",
        "trust-update-failed",
        "unsupported",
        "usage",
        "waiver-unstated",
        "write-failed",
    ];

    /// Advice, apart from the error.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Offline | Self::Lookup(LookupError::Unreachable(_)) => {
                "a log entry can be looked up once, with --export-bundle FILE; verification with --bundle FILE then \
                 needs no network"
                    .into()
            }
            Self::Lookup(LookupError::Unsupported { .. }) => {
                "ask the signer for a sigstore bundle: it carries the log entry".into()
            }
            Self::Lookup(LookupError::NotFound) => {
                "the signature is good, but no public log knows it; was it uploaded to another log (--rekor-url)?"
                    .into()
            }
            Self::NothingBeside { .. } => {
                "name the evidence with --bundle, or with --signature and --certificate".into()
            }
            Self::Verification(failure) => return hint_of(&failure.error),
            Self::Evidence { error, .. } => return hint_of(error),
            Self::Trust(error) => return error.hint(),
            Self::Image(error) => return hint_of_image(error),
            Self::OfImage { failure, .. } => return failure.hint(),
            Self::Manifest(error) => return error.hint(),
            _ => return None,
        })
    }
}

fn hint_of_image(error: &ImageError) -> Option<String> {
    Some(match error {
        ImageError::NoSignatures => {
            "`sigward tree IMAGE` lists what is attached; COSIGN_REPOSITORY names another repository for signatures"
                .into()
        }
        ImageError::Demand { .. } | ImageError::PredicateType { .. } => {
            "`sigward tree IMAGE` lists what is attached".into()
        }
        ImageError::Unreachable { reason: Unreachable::Transport { .. }, .. } => {
            "a registry that speaks only http needs --allow-http-registry, one with a certificate of its own \
             --registry-cacert"
                .into()
        }
        _ => {
            return error.rejected().iter().find_map(|rejected| match &rejected.fault {
                EvidenceFault::Verification(failure) => hint_of(&failure.error),
                EvidenceFault::Unusable(error) => hint_of(error),
                _ => None,
            });
        }
    })
}

fn hint_of(error: &verify::Error) -> Option<String> {
    use verify::{ChainFault, Error, LogFault};
    Some(match error {
        Error::Signature { .. } | Error::MessageDigest { .. } => {
            "the file was changed after it was signed, or the signature belongs to another file: download both again"
                .into()
        }
        Error::Identity(fault) if fault.subject_differs => match fault.found_subjects.first() {
            Some(found) => format!("if {found} is the signer you expect, pass --certificate-identity {found}"),
            None => "the certificate names no signer".into(),
        },
        Error::Identity(fault) => {
            let found = fault.found_issuer.as_deref()?;
            format!("if {found} is the issuer you expect, pass --certificate-oidc-issuer {found}")
        }
        Error::LogThreshold { faults, .. } if faults.iter().any(|f| matches!(f, LogFault::UnknownLog { .. })) => {
            "the evidence comes from a log that the trust root does not know: another sigstore instance needs its own \
             --trusted-root; an older root is refreshed by `sigward trust update`"
                .into()
        }
        Error::Chain(ChainFault::UnknownIssuer) => {
            "the certificate comes from another sigstore instance: pass its --trusted-root".into()
        }
        Error::TimeMissing => "if the bundle carries a signed timestamp, pass --use-signed-timestamps".into(),
        Error::KeyNeeded => "the bundle was signed with a key: pass it with --key".into(),
        Error::KeyNotExpected => {
            "the bundle was signed with a certificate: pass --certificate-identity and --certificate-oidc-issuer \
             instead of --key"
                .into()
        }
        Error::SignatureAlgorithm { .. } | Error::DigestNeeded { .. } => {
            "another digest can be named with --signature-digest-algorithm".into()
        }
        _ => return None,
    })
}

/// An I/O error as Go words it: lower case, without the number.
pub fn go_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::IsADirectory => "is a directory".into(),
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            let mut chars = text.chars();
            chars.next().map(|c| c.to_lowercase().collect::<String>() + chars.as_str()).unwrap_or_default()
        }
    }
}
