//! Kubernetes manifests: which images they name, and how digests are written into them.
//!
//! [`survey`] reads files ([`source`], [`yaml`]) and looks for images ([`object`]); [`judge`] asks whether they are signed;
//! [`edit`] decides what a file would become, and [`write`](mod@write) puts it there. Nothing is written before all is
//! decided.

pub mod diff;
pub mod edit;
pub mod error;
pub mod judge;
pub mod limits;
pub mod object;
pub mod path;
pub mod report;
pub mod source;
pub mod survey;
pub mod tree;
pub mod write;
pub mod yaml;

pub use error::ManifestError;
