//! What can go wrong here.

use std::path::PathBuf;

use sigward_verify::evidence::Unreachable;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL cannot be asked at all.
    #[error("{url}: {reason}")]
    BadUrl {
        /// The URL, without user name and password.
        url: String,
        /// Why not.
        reason: &'static str,
    },
    /// The value of a flag cannot be used.
    #[error("{flag}: {reason}")]
    BadFlag {
        /// The flag.
        flag: &'static str,
        /// What was expected and found.
        reason: String,
    },
    /// A file with credentials of registries cannot be used.
    #[error("{file}: {reason}")]
    CredentialFile {
        /// The file, the variable or the pull secret.
        file: String,
        /// What was expected and found, without any of its content.
        reason: String,
    },
    /// A program that knows credentials of registries failed.
    #[error("{helper}: {reason}")]
    CredentialHelper {
        /// The program.
        helper: String,
        /// What it said, or what it did.
        reason: String,
    },
    /// A cached file is not what this program writes.
    #[error("{}: {source}", .path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The cache's `remote.json` cannot be read.
    #[error("{}: not a JSON object with a mirror: {source}", .path.display())]
    RemoteJson {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        source: serde_json::Error,
    },
    /// An inquiry asked for nothing and did not finish either.
    #[error("an inquiry stopped without a request and without a result")]
    NothingAsked,
    /// Blocking was asked for inside of an asynchronous runtime, which would never end.
    #[error("a blocking call was made inside of an asynchronous runtime")]
    NestedRuntime,
    /// The runtime for network access could not be made.
    #[error("cannot start network access: {source}")]
    Runtime {
        /// What the system says.
        source: std::io::Error,
    },
    /// The server answered, but not with a success.
    #[error("{url}: HTTP status {status}")]
    Status {
        /// The URL asked.
        url: String,
        /// The status of the final response.
        status: u16,
    },
    /// The inquiry would transfer more than its budget.
    #[error("more than {limit} bytes would be transferred")]
    TooManyBytes {
        /// The budget.
        limit: u64,
    },
    /// The inquiry would cost more requests than its budget.
    #[error("more than {limit} requests would be needed")]
    TooManyRequests {
        /// The budget.
        limit: u32,
    },
    /// The TUF metadata or the trust state is not acceptable.
    #[error(transparent)]
    Trust(#[from] sigward_trust::Error),
    /// No complete response.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
}
