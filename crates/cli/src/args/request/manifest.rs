//! Requests about manifests.

use std::fmt;
use std::path::PathBuf;

use super::{OutputFormat, VerifyImagesRequest};
use crate::manifest::path::ImagePath;

/// `manifest images`, `manifest verify`, `manifest pin`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ManifestRequest {
    /// Files, folders and standard input; at least one, standard input at most once.
    pub inputs: Vec<ManifestInput>,
    /// `--image-path`.
    pub image_paths: Vec<ImagePath>,
    /// How the result is written.
    pub output: OutputFormat,
    /// What is done.
    pub task: ManifestTask,
}

/// Where manifests are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ManifestInput {
    /// A file, or a folder with everything in it.
    Path(PathBuf),
    /// `-`.
    Stdin,
}

impl fmt::Display for ManifestInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// What is done with the images of manifests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ManifestTask {
    /// They are listed.
    List,
    /// They are verified, and the digests written.
    Pin(Box<ImageDemands>, PinMode),
    /// They are verified.
    Verify(Box<ImageDemands>),
}

/// What is demanded of the images of manifests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImageDemands {
    /// As `verify` has it; `images` is empty.
    pub verify: VerifyImagesRequest,
    /// What is demanded of the repository that signatures name.
    pub reference: ReferenceDemand,
}

/// What is demanded of the repository that signatures name (`docker-reference`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReferenceDemand {
    /// `--require-reference`: one of them names that of the image.
    Required,
    /// That they name another one is told.
    Warned,
}

/// What `manifest pin` does with what it would write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PinMode {
    /// `--check`: nothing is written, and anything left to write is a failure.
    Check,
    /// `--check --diff`: the same, with the diff.
    CheckAndDiff,
    /// `--diff`: it is shown as a diff.
    Diff,
    /// It is written.
    Write,
}
