//! What is known without a request: a chain of verified metadata, and what a cache adds to it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sigstore_tuf::{TargetFile, TrustedMetadataSet};
use sigward_verify::{HashAlgorithm, hex};

use super::names::TargetName;
use super::{Accepted, CachedFiles};
use crate::Error;

/// A moment at which nothing has expired yet. Cached files are fed in as of then: expired ones authorize nothing,
/// but they still say which versions must not come again (specification, section 5.4.3; the crate's own
/// `load_cached_timestamp` does the same and is private).
const LONG_AGO: Timestamp = Timestamp::MIN;

/// The trust root of a cache whose chain was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedTrust {
    /// The target file.
    pub target: Vec<u8>,
    /// Version of the newest root that the cache leads to.
    pub root_version: u64,
    /// Version of the timestamp.
    pub timestamp_version: u64,
    /// Until when the timestamp is signed.
    pub timestamp_expires: Timestamp,
    /// Roles whose signature had ended at `now`, and when it did. Old, but not forged.
    pub expired: Vec<(&'static str, Timestamp)>,
}

/// Loads a target from a cache whose whole chain verifies from `start_root` on.
///
/// Expiry is reported, not enforced: whether old trust is good enough is for [`crate::state`] to say. Everything
/// else is enforced, so whoever can write the cache can at most bring back what once was signed.
pub fn load_cached(
    start_root: &[u8],
    cached: &CachedFiles,
    target: &str,
    now: Timestamp,
) -> Result<CachedTrust, Error> {
    let name = TargetName::new(target)?;
    let missing = |file: &str| Error::NotCached { file: file.to_owned() };
    let refused = |file: &str, source| Error::Refused { file: file.to_owned(), source };
    // Before anything is verified: where nothing is cached, the start root's signatures decide nothing.
    let timestamp = cached.timestamp.as_ref().ok_or_else(|| missing("timestamp.json"))?;
    let snapshot = cached.snapshot.as_ref().ok_or_else(|| missing("snapshot.json"))?;
    let targets = cached.targets.as_ref().ok_or_else(|| missing("targets.json"))?;
    let mut trusted = Trusted::start(start_root)?;
    trusted.walk_cached_roots(&cached.roots);
    let set = &mut trusted.set;
    set.update_timestamp(timestamp, LONG_AGO).map_err(|source| refused("timestamp.json", source))?;
    set.update_snapshot(snapshot, LONG_AGO).map_err(|source| refused("snapshot.json", source))?;
    set.update_targets(targets, LONG_AGO).map_err(|source| refused("targets.json", source))?;

    let listed = set.targets_role("targets").and_then(|role| role.target(name.as_str()));
    let listed = listed.ok_or_else(|| Error::TargetNotFound { name: target.to_owned() })?;
    let bytes = cached.target_files.get(target).ok_or_else(|| missing(target))?;
    check_target(bytes, listed, target)?;

    let ends = [
        ("root", Some(set.root().expires)),
        ("timestamp", set.timestamp().map(|role| role.expires)),
        ("snapshot", set.snapshot().map(|role| role.expires)),
        ("targets", set.targets_role("targets").map(|role| role.expires)),
    ];
    let ends = ends.into_iter().filter_map(|(role, end)| Some((role, end?)));
    let timestamp = set.timestamp().ok_or_else(|| missing("timestamp.json"))?;
    Ok(CachedTrust {
        target: bytes.clone(),
        root_version: set.root().version,
        timestamp_version: timestamp.version,
        timestamp_expires: timestamp.expires,
        expired: ends.filter(|(_, end)| *end < now).collect(),
    })
}

/// The verified chain with the bytes that made it.
#[derive(Debug, Clone)]
pub(super) struct Trusted {
    pub(super) set: TrustedMetadataSet,
    pub(super) new_roots: Vec<(u64, Vec<u8>)>,
    pub(super) timestamp: Option<Vec<u8>>,
    pub(super) snapshot: Option<Vec<u8>>,
    pub(super) targets: Option<Vec<u8>>,
    pub(super) delegated: BTreeMap<String, Vec<u8>>,
}

impl Trusted {
    pub(super) fn start(root: &[u8]) -> Result<Self, Error> {
        let set = TrustedMetadataSet::from_root(root).map_err(|source| Error::BadStart { source })?;
        Ok(Self {
            set,
            new_roots: Vec::new(),
            timestamp: None,
            snapshot: None,
            targets: None,
            delegated: BTreeMap::new(),
        })
    }

    /// Adopts cached roots as long as each continues the chain. Others are older, foreign or damaged.
    pub(super) fn walk_cached_roots(&mut self, roots: &[Vec<u8>]) {
        for root in roots {
            let _ = self.set.update_root(root);
        }
    }

    /// Adopts cached metadata as floor for versions. What does not verify is as good as absent: its keys may have
    /// been rotated away, which is how a repository recovers from a fast-forward attack (section 5.3.11).
    pub(super) fn seed(&mut self, cached: &CachedFiles) {
        let set = &mut self.set;
        self.timestamp = cached.timestamp.clone().filter(|bytes| set.update_timestamp(bytes, LONG_AGO).is_ok());
        self.snapshot = cached.snapshot.clone().filter(|bytes| set.update_snapshot(bytes, LONG_AGO).is_ok());
        self.targets = cached.targets.clone().filter(|bytes| set.update_targets(bytes, LONG_AGO).is_ok());
    }

    pub(super) fn accepted(&self) -> Accepted {
        Accepted {
            new_roots: self.new_roots.clone(),
            root: self.set.root_bytes().to_vec(),
            timestamp: self.timestamp.clone(),
            snapshot: self.snapshot.clone(),
            targets: self.targets.clone(),
            delegated: self.delegated.clone(),
        }
    }
}

/// Compares a target with its metadata: the length, and every digest that we can compute, at least one.
pub(super) fn check_target(bytes: &[u8], listed: &TargetFile, name: &str) -> Result<(), Error> {
    let mismatch = |property, expected: String, found: String| Error::TargetMismatch {
        name: name.to_owned(),
        property,
        expected,
        found,
    };
    if u64::try_from(bytes.len()).ok() != Some(listed.length) {
        return Err(mismatch("length", listed.length.to_string(), bytes.len().to_string()));
    }
    let mut compared = false;
    for (property, algorithm) in [("sha256", HashAlgorithm::Sha256), ("sha512", HashAlgorithm::Sha512)] {
        let Some(expected) = listed.hashes.get(property) else { continue };
        let found = hex(algorithm.digest(bytes).as_bytes());
        if !found.eq_ignore_ascii_case(expected) {
            return Err(mismatch(property, expected.clone(), found));
        }
        compared = true;
    }
    if compared { Ok(()) } else { Err(Error::NoDigest { name: name.to_owned() }) }
}
