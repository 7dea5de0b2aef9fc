//! Requests about Kubernetes releases.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::{RegistryRequest, TextRule, Verification};
use crate::release::layout::Selection;
use crate::release::markers::Choice;

/// `release list|fetch|verify`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReleaseCommand {
    /// What is in a release, or which versions there are.
    List(ReleaseListRequest),
    /// Fetch and verify.
    Fetch(Box<ReleaseRequest>),
    /// Verify.
    Verify(Box<ReleaseRequest>),
}

/// `release list`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReleaseListRequest {
    /// The version; `None` lists versions.
    pub choice: Option<Choice>,
    /// The server's root.
    pub base_url: String,
    /// Repetitions.
    pub retry: Retry,
    /// Which files.
    pub selection: Selection,
    /// How the result is written.
    pub output: ReportFormat,
}

/// `release fetch` and `release verify`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReleaseRequest {
    /// The version.
    pub choice: Choice,
    /// Where the files come from and go to.
    pub place: ReleasePlace,
    /// Which files.
    pub selection: Selection,
    /// Who must have signed files, and what else is demanded of every signature.
    pub verification: Verification,
    /// What is asked of images, if they are verified too.
    pub images: Option<ReleaseImages>,
    /// What becomes of files that no signed SBOM names.
    pub unnamed: Unnamed,
    /// What becomes of faults that upstream knows of.
    pub known_faults: KnownFaults,
    /// `--lock`: the lockfile, where it is not the usual one.
    pub lock: Option<PathBuf>,
    /// What it is used for.
    pub lock_use: LockUse,
    /// Files at a time.
    pub jobs: Option<NonZeroUsize>,
    /// Repetitions.
    pub retry: Retry,
    /// How the result is written.
    pub output: ReportFormat,
}

/// Where the files of a release come from and go to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReleasePlace {
    /// From a server into a folder.
    Fetch {
        /// The server's root.
        base_url: String,
        /// The folder.
        folder: PathBuf,
        /// Whether the folder becomes a kit.
        kit: Kit,
    },
    /// `--dir`: they lie in a folder.
    Folder(PathBuf),
    /// From a server, and nowhere.
    Server {
        /// The server's root.
        base_url: String,
    },
}

/// Whether a folder gets all that is needed to verify it without a network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kit {
    /// Files and what speaks for them; the trust root is that of the machine.
    FilesOnly,
    /// `--kit`: the trust root too.
    WithTrustRoot,
}

/// What is asked of images.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReleaseImages {
    /// Who must have signed them.
    pub identity: TextRule,
    /// How the registry is asked.
    pub registry: RegistryRequest,
    /// `--image-registry`: what stands for registry.k8s.io.
    pub mirror: Option<String>,
}

/// What becomes of files that no signed SBOM names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unnamed {
    /// `--allow-unnamed`: their signature is enough, whatever version, platform or component they are.
    AcceptedUnsafe,
    /// They fail.
    Refused,
}

/// What becomes of faults that upstream knows of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KnownFaults {
    /// `--accept-known-faults`: they are told, and the run does not fail for them.
    AcceptedUnsafe,
    /// They fail.
    Refused,
}

/// What a lockfile is used for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LockUse {
    /// What it has must agree, and what is new is added where there is one to be kept.
    Kept,
    /// `--locked`: nothing but what it has is accepted, and it is not changed.
    Required,
}

/// Repetitions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retry {
    /// How many after the first attempt.
    pub count: u32,
    /// First pause; `None` is a short one.
    pub delay: Option<Duration>,
}

/// `--output` of `release`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReportFormat {
    /// One JSON document.
    Json,
    /// JUnit's XML.
    Junit,
    /// SARIF 2.1.0.
    Sarif,
    /// For people.
    Table,
}
