//! Every outgoing socket of Sigward, and the caches that save requests.
//!
//! | what | where |
//! |---|---|
//! | the HTTP client | [`Client`], [`Options`] |
//! | registries of images | [`RegistryOptions`] |
//! | their credentials | [`Keychain`] |
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
mod keychain;
pub mod limits;
mod refresh;
mod registry;
mod runtime;
mod sharing;
mod text;
mod tuf_store;

pub use drive::{DriveError, drive, drive_all, drive_all_within, drive_within};
pub use entry_cache::EntryCache;
pub use error::Error;
pub use http::{
    AnswerRoom, BadNetwork, Budget, Client, Credential, Network, NetworkRules, Options, Origin, ProxySettings,
    RetryPolicy, Streaming, TlsRoots, shown,
};
pub use hyper::body::Bytes;
pub use keychain::{Keychain, KeychainSources, PullSecretForm, PullSecrets, RegistryCredential, RegistrySecret};
pub use refresh::{RefreshedTrust, refresh_trust};
pub use registry::{RegistryOptions, RegistryTls, RegistryTransport, RestRule};
pub use runtime::{Runner, run_blocking};
pub use tuf_store::TufStore;
