//! What a command is asked to do, in types: the result of the `validate` steps.
//!
//! Nothing here is a bare `bool`: a setting that weakens a verification is named for its danger.

mod images;
mod manifest;
mod policy;
mod release;

use std::ffi::{OsStr, OsString};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

pub use images::{
    AttachmentKind, ClaimUse, DownloadAttestationRequest, DownloadSignatureRequest, ImageQuestionKind, ImageSource,
    Platform, PolicyFile, PolicyLanguage, ReferrerUse, RegistryCredential, RegistryRequest, RegistryTransport, Secret,
    SignatureDemand, TreeRequest, TriangulateRequest, VerifyImagesRequest,
};

pub use manifest::{ImageDemands, ManifestInput, ManifestRequest, ManifestTask, PinMode, ReferenceDemand};
pub use policy::{LintFailing, PolicyEvalRequest, PolicyLintRequest};
pub use release::{
    Kit, KnownFaults, LockUse, ReleaseCommand, ReleaseImages, ReleaseListRequest, ReleasePlace, ReleaseRequest,
    ReportFormat, Retry, Unnamed,
};

/// `verify-blob`: is each of these blobs signed by this signer?
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifyBlobRequest {
    /// The blobs with the material that was named for each; at least one.
    pub items: Vec<BlobItem>,
    /// What is demanded of every one of them.
    pub verification: Verification,
    /// How many blobs are worked on at once; `None` leaves it to the program.
    pub jobs: Option<NonZeroUsize>,
}

/// One blob and what the command line names for it (`{}` in a flag is already replaced by the blob's name).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BlobItem {
    /// The blob.
    pub blob: BlobRef,
    /// Where its signature material is.
    pub material: BlobMaterial,
    /// Where to write a bundle that holds everything which was needed (`--export-bundle`).
    pub export_bundle: Option<PathBuf>,
}

/// The files that speak for one blob or one attestation.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BlobMaterial {
    /// `--bundle`: a sigstore bundle or a legacy one; which one it is only its content tells.
    pub bundle: Option<PathBuf>,
    /// `--signature`. For `verify-blob` a file, URL or `env://`, or, if no such file exists, the signature itself.
    /// For `verify-blob-attestation` always the path of a DSSE envelope.
    pub signature: Option<Location>,
    /// `--certificate`.
    pub certificate: Option<Location>,
    /// `--rfc3161-timestamp`.
    pub rfc3161_timestamp: Option<PathBuf>,
    /// `--sct`: a detached signed certificate timestamp.
    pub sct: Option<PathBuf>,
}

/// `verify-blob-attestation`: does this attestation hold, and is it about this subject?
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifyBlobAttestationRequest {
    /// What the statement must be about.
    pub subject: AttestationSubject,
    /// Where the attestation is.
    pub material: BlobMaterial,
    /// The predicate type that the statement must have.
    pub predicate: PredicateType,
    /// What is demanded of the attestation.
    pub verification: Verification,
    /// Where to write a bundle that holds everything which was needed (`--export-bundle`).
    pub export_bundle: Option<PathBuf>,
}

/// What an attestation must be about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AttestationSubject {
    /// The digest of this blob, by this algorithm if the command line names one.
    Blob(PathBuf, Option<SubjectDigestAlgorithm>),
    /// This digest.
    Digest(SubjectDigestAlgorithm, Vec<u8>),
    /// `--check-claims=false`: only the signature is checked, the statement may be about anything.
    UncheckedUnsafe,
}

/// An algorithm of `--digestAlg`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SubjectDigestAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// A predicate type as it was typed, and the URI that it stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PredicateType {
    /// The value of `--type`.
    pub typed: String,
    /// The `predicateType` of a matching statement.
    pub uri: String,
}

/// What every verification has in common.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verification {
    /// Who must have signed.
    pub signer: Signer,
    /// Which formats `--bundle` may have.
    pub format: FormatChoice,
    /// The digest under a signature by a key, where the format does not say it itself.
    pub signature_digest: SignatureDigest,
    /// Which keys count.
    pub trust: TrustRequest,
    /// What is demanded of the transparency log.
    pub tlog: TlogUse,
    /// Whether a log entry that did not come along may be looked up.
    pub lookup: LogLookup,
    /// What is demanded of timestamp authorities.
    pub timestamps: TimestampUse,
    /// What is demanded of certificate transparency.
    pub sct: SctUse,
    /// Whether a bundle of version 0.3 may carry a certificate chain.
    pub bundle_chain: BundleChain,
    /// How the result is written.
    pub output: OutputFormat,
    /// Whether every check is listed.
    pub explain: Explain,
}

/// Who must have signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Signer {
    /// The holder of this key.
    ManagedKey(KeyRef),
    /// Someone to whom a trusted authority gave a certificate with this identity.
    Keyless(IdentityRule),
}

/// Where a managed public key is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyRef {
    /// A file, URL or environment variable.
    At(Location),
    /// `k8s://NAMESPACE/SECRET`, the field `cosign.pub`.
    KubernetesSecret {
        /// The namespace.
        namespace: String,
        /// The name of the Secret.
        name: String,
    },
}

/// What a certificate must say about its holder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdentityRule {
    /// The subject alternative name.
    pub subject: TextRule,
    /// The OIDC issuer.
    pub issuer: TextRule,
    /// The GitHub workflow; empty unless asked for.
    pub workflow: WorkflowRule,
}

/// A demand on a text. How `Both` is read depends on the format: see the profile of each format.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TextRule {
    /// Both were given.
    Both {
        /// The text itself.
        exact: String,
        /// The expression.
        regexp: String,
    },
    /// Equal to this text.
    Exact(String),
    /// Contains a match of this RE2 expression (cosign does not anchor it).
    Regexp(String),
}

/// Demands on the GitHub workflow claims of a certificate, each exact.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct WorkflowRule {
    /// The event that started the workflow.
    pub trigger: Option<String>,
    /// The commit.
    pub sha: Option<String>,
    /// The name of the workflow.
    pub name: Option<String>,
    /// The repository.
    pub repository: Option<String>,
    /// The git reference.
    pub reference: Option<String>,
}

/// Which formats `--bundle` may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FormatChoice {
    /// A sigstore bundle if it parses as one, else a legacy one.
    Detect,
    /// `--new-bundle-format=false`: always a legacy one.
    LegacyOnly,
}

/// `--signature-digest-algorithm`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SignatureDigest {
    /// SHA-224.
    Sha224,
    /// SHA-256, the default whatever the curve of the key.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// Which keys count.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustRequest {
    /// Where the trust root comes from.
    pub source: TrustSource,
    /// Certificate authorities of the signer that replace those of the trust root.
    pub authorities: Option<AuthorityFiles>,
    /// `--timestamp-certificate-chain`.
    pub timestamp_chain: Option<PathBuf>,
}

/// Where the trust root comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TrustSource {
    /// `--trusted-root FILE`: nothing is fetched.
    File(PathBuf),
    /// The TUF repository, its copy on this machine, or the root within the program.
    Tuf {
        /// When the repository is asked.
        refresh: TufRefresh,
        /// How old the copy may be.
        max_age: Duration,
    },
}

/// `--tuf`: when the TUF repository is asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TufRefresh {
    /// In each run, as cosign does.
    Always,
    /// When the copy on this machine is due.
    #[default]
    Auto,
    /// Never.
    Never,
}

/// Files with certificate authorities.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AuthorityFiles {
    /// `--certificate-chain`: intermediates, then the root.
    Chain(PathBuf),
    /// `--ca-roots`, with or without `--ca-intermediates`.
    Roots {
        /// The roots.
        roots: PathBuf,
        /// The intermediates.
        intermediates: Option<PathBuf>,
    },
}

/// What is demanded of the transparency log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TlogUse {
    /// Entries in at least this many distinct logs.
    Required {
        /// How many logs.
        threshold: NonZeroU32,
    },
    /// `--insecure-ignore-tlog` or `--private-infrastructure`: no entry is needed.
    SkippedUnsafe,
}

/// Whether a log entry that did not come along may be looked up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LogLookup {
    /// At this address.
    Allowed {
        /// The address of the log.
        rekor_url: String,
        /// Whether entries found earlier count and found ones are kept.
        cache: EntryCache,
    },
    /// `--offline`: only a cached entry may serve.
    Forbidden {
        /// The log whose cached entries may serve.
        rekor_url: String,
        /// Whether entries found earlier count.
        cache: EntryCache,
    },
    /// `--rekor-url=`: there is no log to ask.
    NoLog,
}

/// Whether log entries are kept on this machine. They are evidence, verified again each time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EntryCache {
    /// They are.
    Used,
    /// `--no-cache`.
    Unused,
}

/// What is demanded of timestamp authorities.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TimestampUse {
    /// Nothing, unless the format needs one.
    IfNeeded,
    /// Timestamps of at least this many distinct authorities.
    Required {
        /// How many authorities.
        threshold: NonZeroU32,
    },
}

/// What is demanded of certificate transparency.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SctUse {
    /// A signed certificate timestamp of a trusted log.
    Required,
    /// `--insecure-ignore-sct`: none is needed.
    SkippedUnsafe,
}

/// Whether a bundle of version 0.3 may carry a certificate chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BundleChain {
    /// `--allow-certificate-chain`.
    Allowed,
    /// It may not.
    Refused,
}

/// `--output`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OutputFormat {
    /// One JSON document on standard output.
    Json,
    /// For people.
    #[default]
    Text,
}

/// `--explain`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Explain {
    /// Every check with what it saw.
    EveryCheck,
    /// Only the result.
    #[default]
    ResultOnly,
}

/// `trust show`, `trust update`, `trust export`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TrustCommand {
    /// Writes the trust material for use elsewhere.
    Export {
        /// From where.
        source: TrustSource,
        /// To where.
        target: ExportTarget,
    },
    /// Lists the keys and authorities that count.
    Show {
        /// From where.
        source: TrustSource,
        /// How.
        output: OutputFormat,
    },
    /// Brings the copy on this machine up to date.
    Update {
        /// When the repository is asked; `always` unless said otherwise, for that is what the verb is for.
        refresh: TufRefresh,
        /// How.
        output: OutputFormat,
    },
}

/// Where `trust export` writes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ExportTarget {
    /// Standard output: only `trusted_root.json`.
    Stdout,
    /// A file, or an existing directory; which one it is only the file system tells.
    Path(PathBuf),
}

/// A blob as it was named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BlobRef {
    /// A file, URL or environment variable. If a file cannot be read, [`digest_reference`] tells
    /// whether the name is a digest instead.
    At(Location),
    /// `-`.
    Stdin,
}

/// Where cosign's loader finds bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Location {
    /// `env://NAME`: the value of an environment variable.
    Environment(String),
    /// A path.
    File(PathBuf),
    /// `http://` or `https://`.
    Url(String),
}

impl Location {
    /// Reads a reference as cosign does. `Err` holds the unknown scheme with its `://`.
    ///
    /// # Errors
    /// The reference has a scheme that nobody knows.
    pub fn parse(reference: &OsStr) -> Result<Self, String> {
        let Some(text) = reference.to_str() else {
            return Ok(Self::File(PathBuf::from(reference)));
        };
        match text.split_once("://") {
            None => Ok(Self::File(PathBuf::from(text))),
            Some(("http" | "https", _)) => Ok(Self::Url(text.to_owned())),
            Some(("env", name)) => Ok(Self::Environment(name.to_owned())),
            Some((scheme, _)) => Err(format!("{scheme}://")),
        }
    }

    /// The reference as it was typed.
    #[must_use]
    pub fn typed(&self) -> OsString {
        match self {
            Self::Environment(name) => format!("env://{name}").into(),
            Self::File(path) => path.clone().into_os_string(),
            Self::Url(url) => url.into(),
        }
    }
}

/// Reads `sha256:HEX` and its relatives: cosign takes a blob that it cannot read for a digest of this form.
#[must_use]
pub fn digest_reference(typed: &OsStr) -> Option<(SubjectDigestAlgorithm, Vec<u8>)> {
    let (algorithm, hex) = typed.to_str()?.split_once(':')?;
    let algorithm = SubjectDigestAlgorithm::from_name(algorithm)?;
    let digest = crate::args::go::decode_hex(hex).ok()?;
    (digest.len() == algorithm.length()).then_some((algorithm, digest))
}

impl SubjectDigestAlgorithm {
    /// The algorithm of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "sha256" => Some(Self::Sha256),
            "sha384" => Some(Self::Sha384),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The name of this algorithm, as statements spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The number of bytes of a digest.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}
