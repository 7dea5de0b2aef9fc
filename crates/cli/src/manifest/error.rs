//! What is wrong with manifests.

use std::fmt;

/// A place in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct At {
    /// The file as it was named, or `-`.
    pub file: String,
    /// The line, from 1; `None` if the whole file is meant.
    pub line: Option<usize>,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// What is wrong with a manifest, or with the images that it names.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ManifestError {
    /// Programs that read it would not agree on what it says.
    #[error("{at}: {what}: readers of YAML do not agree on its meaning")]
    Ambiguous {
        /// Where.
        at: At,
        /// What is.
        what: String,
    },
    /// The file is no longer what was verified.
    #[error("{at}: the file was changed while its images were verified")]
    Changed {
        /// The file.
        at: At,
    },
    /// An image's place holds something else.
    #[error("{at}: {path} is {found}, expected {expected}")]
    Shape {
        /// Where.
        at: At,
        /// The path in the document.
        path: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A text that names no image.
    #[error("{at}: {path}: {text:?} names no image: {reason}")]
    ImageName {
        /// Where.
        at: At,
        /// The path in the document.
        path: String,
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Too much of something.
    #[error("{at}: more than {limit} {what}")]
    Limit {
        /// Where.
        at: At,
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// An image that cannot be pinned where it stands.
    #[error("{at}: {path}: {image} cannot be pinned here: {reason}")]
    NotEditable {
        /// Where.
        at: At,
        /// The path in the document.
        path: String,
        /// The image.
        image: String,
        /// Why not.
        reason: String,
    },
    /// There is nothing that could be verified.
    #[error("no Kubernetes object found in {0}")]
    NothingFound(String),
    /// A file that may not be replaced.
    #[error("{at}: the file is read-only")]
    ReadOnly {
        /// The file.
        at: At,
    },
    /// It is no YAML.
    #[error("{at}: {reason}")]
    Syntax {
        /// Where.
        at: At,
        /// What the reader says.
        reason: String,
    },
    /// It is a template that YAML is made from.
    #[error("{at}: this is a template ({{{{ ... }}}}), not YAML: render first (helm template)")]
    Template {
        /// Where.
        at: At,
    },
    /// A field that looks like an image, in a resource that nobody knows.
    #[error("{at}: {path} ({text:?}) looks like an image, and nothing says whether it is one")]
    Unnamed {
        /// Where.
        at: At,
        /// The path in the document.
        path: String,
        /// The text.
        text: String,
        /// The path as `--image-path` takes it.
        expression: String,
    },
    /// Images without a digest (`pin --check`).
    #[error("{unpinned} of {all} images are not pinned to a digest")]
    Unpinned {
        /// How many.
        unpinned: usize,
        /// Of how many.
        all: usize,
    },
    /// Evidence that names another repository (`--require-reference`).
    #[error("no signature names the repository {expected}; found {found}")]
    Reference {
        /// Its repository.
        expected: String,
        /// What the signatures name.
        found: String,
    },
    /// A check was left out that nobody asked to leave out.
    #[error("a check was waived that the command line did not waive: {setting}")]
    Waiver {
        /// The setting that would waive it.
        setting: &'static str,
    },
    /// Several things are wrong; each was told before.
    #[error("{0} problems were found")]
    Several(usize),
}

impl ManifestError {
    /// A stable reason code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ambiguous { .. } => "manifest-ambiguous",
            Self::Changed { .. } => "manifest-changed",
            Self::ImageName { .. } => "image-reference-invalid",
            Self::Limit { .. } => "manifest-limit",
            Self::NotEditable { .. } => "image-not-editable",
            Self::NothingFound(_) => "manifest-missing",
            Self::ReadOnly { .. } => "write-failed",
            Self::Reference { .. } => "image-reference-differs",
            Self::Several(_) => "several-failed",
            Self::Shape { .. } => "image-place-invalid",
            Self::Syntax { .. } => "manifest-malformed",
            Self::Template { .. } => "manifest-template",
            Self::Unnamed { .. } => "image-unnamed",
            Self::Unpinned { .. } => "image-unpinned",
            Self::Waiver { .. } => "waiver-unstated",
        }
    }

    /// Advice, apart from the error.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unnamed { expression, .. } => {
                format!("--image-path '{expression}' if it is an image, --image-path '!{expression}' if it is none")
            }
            Self::Unpinned { .. } => "sigward manifest pin writes the verified digests".into(),
            Self::NotEditable { .. } => "write the digest by hand, or write the image without alias and block".into(),
            _ => return None,
        })
    }
}
