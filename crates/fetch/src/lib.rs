//! Every outgoing socket of Sigward, and the caches that save requests.
//!
//! | what | where |
//! |---|---|
//! | the HTTP client | [`Client`], [`Options`] |
//! | the only loop that performs needs | [`drive`], [`drive_all`] |
//! | a runtime on demand | [`run_blocking`] |
//!
//! Nothing here knows what an answer means.

mod drive;
mod error;
mod http;
pub mod limits;
mod runtime;

pub use drive::{DriveError, drive, drive_all};
pub use error::Error;
pub use http::{Budget, Client, Credential, Options, Origin, ProxySettings, RetryPolicy, Streaming, TlsRoots};
pub use hyper::body::Bytes;
pub use runtime::run_blocking;
