//! The TUF client workflow (specification 1.0.34, section 5) as an inquiry over `sigstore-tuf`'s rules.
//!
//! `sigstore_tuf::TrustedMetadataSet` decides whether a file is acceptable: signatures, thresholds, versions,
//! expiry, pins. Here is what that leaves open: which file comes next, how large it may be, what a missing one
//! means, how long a chain may get, and what a cache is worth.

mod local;
mod names;
mod refresh;
mod search;

pub use local::{CachedTrust, load_cached};
pub use names::encoded;
pub use refresh::{Refresh, Start};

use std::collections::BTreeMap;

use jiff::Timestamp;

/// The target that every sigstore instance publishes its trust root as.
pub const TRUSTED_ROOT: &str = "trusted_root.json";

/// What a cache has. Nothing in it is believed: all of it is verified from the starting root on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CachedFiles {
    /// Roots, oldest first. Those that continue the chain of the starting root are used.
    pub roots: Vec<Vec<u8>>,
    /// `timestamp.json`.
    pub timestamp: Option<Vec<u8>>,
    /// `snapshot.json`.
    pub snapshot: Option<Vec<u8>>,
    /// `targets.json`.
    pub targets: Option<Vec<u8>>,
    /// Delegated targets metadata by role name.
    pub delegated: BTreeMap<String, Vec<u8>>,
    /// Target files by name.
    pub target_files: BTreeMap<String, Vec<u8>>,
}

/// A verified metadata file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataFile {
    /// As signed.
    pub bytes: Vec<u8>,
    /// Its version.
    pub version: u64,
    /// Until when it is signed.
    pub expires: Timestamp,
    /// Whether it differs from what was cached.
    pub changed: bool,
}

/// A verified target file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetBytes {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Whether it differs from what was cached.
    pub changed: bool,
}

/// The result of a refresh: everything that is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// Roots that the cache did not have, oldest first, with their versions.
    pub new_roots: Vec<(u64, Vec<u8>)>,
    /// The newest root.
    pub root: MetadataFile,
    /// The timestamp.
    pub timestamp: MetadataFile,
    /// The snapshot.
    pub snapshot: MetadataFile,
    /// The top-level targets metadata.
    pub targets: MetadataFile,
    /// Delegated targets metadata that was visited, by role name.
    pub delegated: BTreeMap<String, Vec<u8>>,
    /// The target files that were asked for.
    pub target_files: BTreeMap<String, TargetBytes>,
}

impl Refreshed {
    /// The earliest moment at which one of the four signatures ends.
    pub fn signed_until(&self) -> Timestamp {
        let others = [&self.timestamp, &self.snapshot, &self.targets];
        others.into_iter().map(|file| file.expires).fold(self.root.expires, Timestamp::min)
    }
}

/// What was accepted so far, also where a refresh failed later. Roots may be stored in any case; the rest belongs
/// together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Roots that the cache did not have, oldest first, with their versions.
    pub new_roots: Vec<(u64, Vec<u8>)>,
    /// The newest root.
    pub root: Vec<u8>,
    /// The newest timestamp.
    pub timestamp: Option<Vec<u8>>,
    /// The newest snapshot.
    pub snapshot: Option<Vec<u8>>,
    /// The newest top-level targets metadata.
    pub targets: Option<Vec<u8>>,
    /// Delegated targets metadata by role name.
    pub delegated: BTreeMap<String, Vec<u8>>,
}
