//! Every outgoing socket of Sigward, and the caches that save requests.
//!
//! | what | where |
//! |---|---|
//! | the HTTP client | [`Client`], [`Options`] |
//! | the only loop that performs needs | [`drive`], [`drive_all`] |
//! | a runtime on demand | [`run_blocking`], [`Runner`] |
//! | the TUF cache, and its refresh | [`TufStore`], [`refresh_trust`] |
//! | Rekor entries on disk | [`EntryCache`] |
//!
//! Nothing here knows what an answer means.

mod drive;
mod entry_cache;
mod error;
mod files;
mod http;
pub mod limits;
mod refresh;
mod runtime;
mod tuf_store;

pub use drive::{DriveError, drive, drive_all};
pub use entry_cache::EntryCache;
pub use error::Error;
pub use http::{Budget, Client, Credential, Options, Origin, ProxySettings, RetryPolicy, Streaming, TlsRoots};
pub use hyper::body::Bytes;
pub use refresh::{RefreshedTrust, refresh_trust};
pub use runtime::{Runner, run_blocking};
pub use tuf_store::TufStore;
