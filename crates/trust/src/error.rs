//! What can go wrong here.

use jiff::{SignedDuration, Timestamp};
use sigward_verify::evidence::Unreachable;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A root cannot be the start of a TUF refresh.
    #[error("the TUF root to start from is not acceptable: {source}")]
    BadStart {
        /// Which rule it breaks.
        source: sigstore_tuf::Error,
    },
    /// A target name that could leave its folder, or is no name at all.
    #[error("not acceptable as the name of a TUF target: {name:?}")]
    BadTargetName {
        /// The name.
        name: String,
    },
    /// The targets metadata names no usable hash of a target.
    #[error("TUF target {name}: no SHA-256 or SHA-512 digest in its metadata")]
    NoDigest {
        /// The target.
        name: String,
    },
    /// Nothing to verify with: no embedded root for this mirror, and no usable cache.
    #[error("no trust root for this TUF mirror is at hand, and it may not be refreshed ({forbidden_by})")]
    NothingAtHand {
        /// Which setting forbids the refresh.
        forbidden_by: &'static str,
    },
    /// The cache has not everything.
    #[error("the TUF cache has no {file}")]
    NotCached {
        /// The file.
        file: String,
    },
    /// A refresh is demanded, and all requests are forbidden.
    #[error("the trust root must be refreshed in each run, and requests are forbidden")]
    OfflineButAlways,
    /// A metadata file is refused.
    #[error("TUF {file}: {source}{}", causes(.source))]
    Refused {
        /// The file, as named by the repository.
        file: String,
        /// Which rule it breaks.
        source: sigstore_tuf::Error,
    },
    /// The repository has another root and another one, without end.
    #[error("TUF: more than {limit} newer roots than version {start}")]
    RootChain {
        /// The version which the walk started at.
        start: u64,
        /// The limit of steps.
        limit: u32,
    },
    /// The repository answered neither with the file nor with "there is none".
    #[error("TUF {file}: {url} answers with HTTP status {status}")]
    Status {
        /// The file.
        file: String,
        /// The URL that answered, after redirects: the mirror's own may hold a password.
        url: String,
        /// The status.
        status: u16,
    },
    /// The target does not match its metadata.
    #[error("TUF target {name}: its {property} is {found}, but {expected} is signed")]
    TargetMismatch {
        /// The target.
        name: String,
        /// `length`, `sha256` or `sha512`.
        property: &'static str,
        /// What the metadata says.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// No role lists the target.
    #[error("TUF target {name}: not listed by any trusted role")]
    TargetNotFound {
        /// The target.
        name: String,
    },
    /// The target is longer than we take.
    #[error("TUF target {name}: {length} bytes are more than the limit of {limit}")]
    TargetTooLarge {
        /// The target.
        name: String,
        /// Its length in the metadata.
        length: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// The trust at hand is older than allowed, and could not be refreshed.
    #[error(
        "the trust root was last known to be the newest at {as_of}, {} days ago, more than the {} days allowed",
        days(.age), days(.max_age)
    )]
    TooOld {
        /// When it was known to be the newest.
        as_of: Timestamp,
        /// How long ago that is.
        age: SignedDuration,
        /// How long ago it may be.
        max_age: SignedDuration,
    },
    /// More roles than we visit delegate the target.
    #[error("TUF target {name}: more than {limit} delegations")]
    TooManyDelegations {
        /// The target.
        name: String,
        /// The limit.
        limit: u32,
    },
    /// The repository cannot be reached.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The inquiry was stepped with answers to other needs than its own.
    #[error("expected {expected} answers, found {found}")]
    WrongAnswers {
        /// How many needs there were.
        expected: usize,
        /// How many answers came.
        found: usize,
    },
}

fn days(duration: &SignedDuration) -> i64 {
    duration.as_hours() / 24
}

/// sigstore-tuf keeps the causes of an error out of its text.
fn causes(error: &sigstore_tuf::Error) -> String {
    let mut text = String::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
