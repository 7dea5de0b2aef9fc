//! The TUF cache on disk, laid out as cosign's (sigstore-go `pkg/tuf`), so that both use the same one.
//!
//! ```text
//! $TUF_ROOT or ~/.sigstore/root
//! ├── remote.json                     {"mirror": URL}, written by `initialize`
//! └── tuf-repo-cdn.sigstore.dev       the mirror's URL as a name
//!     ├── root.json timestamp.json snapshot.json targets.json
//!     ├── targets/trusted_root.json
//!     ├── root_history/15.root.json   ours: the chain from the embedded root on
//!     └── sigward.json                ours: when a refresh last succeeded and failed
//! ```
//!
//! Nothing in it is believed: [`sigward_trust::tuf::load_cached`] verifies it each time.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sigward_trust::state::{AtHand, Cached};
use sigward_trust::tuf::{self, Accepted, CachedFiles, CachedTrust, Refreshed, TRUSTED_ROOT};

use crate::files::{self, Lock, LockMode};
use crate::{Error, limits};

const TIMES: &str = "sigward.json";
const HISTORY: &str = "root_history";
const TARGETS: &str = "targets";
const REMOTE: &str = "remote.json";

/// How far another run's refresh may lie after this run's start.
const OTHER_RUN: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// The cache of one mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TufStore {
    base: PathBuf,
    mirror: String,
    name: String,
}

/// When refreshes ended, in seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Times {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refreshed: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct Remote {
    mirror: String,
}

impl TufStore {
    /// The folder of all mirrors: `$TUF_ROOT`, or `.sigstore/root` in the home folder. Nothing without either.
    pub fn base_from_env() -> Option<PathBuf> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        set("TUF_ROOT").or_else(|| Some(set("HOME").or_else(|| set("USERPROFILE"))?.join(".sigstore").join("root")))
    }

    /// The mirror that `initialize` set for this folder, if it was run.
    pub fn initialized_mirror(base: &Path) -> Result<Option<String>, Error> {
        let path = base.join(REMOTE);
        let found = files::read(&path, limits::REMOTE).map_err(|source| Error::Cache { path: path.clone(), source })?;
        let Some(bytes) = found else { return Ok(None) };
        let remote: Remote = serde_json::from_slice(&bytes).map_err(|source| Error::RemoteJson { path, source })?;
        Ok(Some(remote.mirror))
    }

    /// The cache of a mirror. Nothing is read or made yet.
    pub fn new(base: PathBuf, mirror: &str) -> Result<Self, Error> {
        let name = folder_name(mirror);
        // A URL such as "https://.." must not become a way out of the folder.
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) || name.len() > limits::NAME {
            return Err(Error::BadUrl { url: mirror.to_owned(), reason: "cannot be the name of a cache folder" });
        }
        Ok(Self { base, mirror: mirror.to_owned(), name })
    }

    /// The folder of this mirror.
    pub fn folder(&self) -> PathBuf {
        self.base.join(&self.name)
    }

    /// The mirror's URL.
    pub fn mirror(&self) -> &str {
        &self.mirror
    }

    /// Everything that is cached. What cannot be read counts as absent.
    pub fn load(&self) -> CachedFiles {
        let folder = self.folder();
        if files::check_folder(&folder).is_err() {
            return CachedFiles::default();
        }
        let _lock = Lock::take(&folder, LockMode::Shared);
        let read = |name: &str| files::read(&folder.join(name), limits::CACHE_FILE).ok().flatten();
        let mut roots = self.history();
        roots.extend(self.root());
        let target = files::check_folder(&folder.join(TARGETS)).is_ok().then(|| read("targets/trusted_root.json"));
        CachedFiles {
            roots,
            timestamp: read("timestamp.json"),
            snapshot: read("snapshot.json"),
            targets: read("targets.json"),
            delegated: Default::default(),
            target_files: target.flatten().map(|bytes| (TRUSTED_ROOT.to_owned(), bytes)).into_iter().collect(),
        }
    }

    /// The cached `root.json`: where a refresh starts from when the mirror is not a public one and the user gives no
    /// root. Whoever can write the cache then decides what is trusted, as with cosign after `initialize`.
    pub fn root(&self) -> Option<Vec<u8>> {
        files::check_folder(&self.folder()).ok()?;
        files::read(&self.folder().join("root.json"), limits::CACHE_FILE).ok().flatten()
    }

    /// The state for [`sigward_trust::state::plan`], and the cached trusted root where the cache verifies from
    /// `start_root` on.
    pub fn at_hand(
        &self,
        start_root: &[u8],
        embedded: Option<Timestamp>,
        now: Timestamp,
    ) -> (AtHand, Option<CachedTrust>) {
        let files = self.load();
        // After the files: a refresh by another run that ends between the two must not look like files without a time.
        let times = self.times();
        // That run may also have started after this one; its time is not in the future in any way that matters.
        let seconds = |at: Option<i64>| {
            let at = at.and_then(|at| Timestamp::from_second(at).ok())?;
            let ahead = at.duration_since(now);
            Some(if ahead.is_positive() && ahead <= OTHER_RUN { now } else { at })
        };
        let trust = tuf::load_cached(start_root, &files, TRUSTED_ROOT, now).ok();
        let cached = trust
            .as_ref()
            .map(|trust| Cached { refreshed: seconds(times.refreshed), timestamp_expires: trust.timestamp_expires });
        (AtHand { cached, embedded, failed: seconds(times.failed) }, trust)
    }

    /// Stores a finished refresh, and that it succeeded now.
    pub fn save(&self, refreshed: &Refreshed, now: Timestamp) -> Result<(), Error> {
        self.saving(|folder| {
            self.write_roots(folder, &refreshed.new_roots)?;
            let targets = files::make_folders(folder, &[TARGETS])?;
            for (name, target) in &refreshed.target_files {
                files::write(&targets, &tuf::encoded(name), &target.bytes)?;
            }
            // The timestamp last: until it is there, the old one pins the old snapshot, and the set does not verify.
            for (name, file) in [
                ("root.json", &refreshed.root),
                ("targets.json", &refreshed.targets),
                ("snapshot.json", &refreshed.snapshot),
                ("timestamp.json", &refreshed.timestamp),
            ] {
                files::write(folder, name, &file.bytes)?;
            }
            self.write_times(folder, Times { refreshed: Some(now.as_second()), failed: None })
        })
    }

    /// Stores what a refresh that failed now had accepted: the roots. The rest would not belong together.
    pub fn save_failed(&self, accepted: &Accepted, now: Timestamp) -> Result<(), Error> {
        self.saving(|folder| {
            self.write_roots(folder, &accepted.new_roots)?;
            let times = Times { failed: Some(now.as_second()), ..self.times() };
            self.write_times(folder, times)
        })
    }

    /// What `initialize` does after its first refresh: makes this mirror the one that is used without a setting.
    pub fn save_as_default(&self) -> Result<(), Error> {
        let cache = |source| Error::Cache { path: self.base.join(REMOTE), source };
        let remote = serde_json::to_vec(&Remote { mirror: self.mirror.clone() });
        let remote = remote.map_err(io::Error::other).map_err(cache)?;
        files::make_folders(&self.base, &[]).map_err(cache)?;
        let base = self.base.canonicalize().map_err(cache)?;
        files::write(&base, REMOTE, &remote).map_err(cache)
    }

    fn saving(&self, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), Error> {
        let folder = self.folder();
        files::make_folders(&self.base, &[&self.name])
            .and_then(|folder| {
                let _lock = Lock::take(&folder, LockMode::Exclusive);
                write(&folder)
            })
            .map_err(|source| Error::Cache { path: folder, source })
    }

    fn write_roots(&self, folder: &Path, roots: &[(u64, Vec<u8>)]) -> io::Result<()> {
        if roots.is_empty() {
            return Ok(());
        }
        let history = files::make_folders(folder, &[HISTORY])?;
        for (version, bytes) in roots {
            files::write(&history, &format!("{version}.root.json"), bytes)?;
        }
        Ok(())
    }

    fn write_times(&self, folder: &Path, times: Times) -> io::Result<()> {
        files::write(folder, TIMES, &serde_json::to_vec(&times)?)
    }

    fn times(&self) -> Times {
        if files::check_folder(&self.folder()).is_err() {
            return Times::default();
        }
        let bytes = files::read(&self.folder().join(TIMES), limits::REMOTE).ok().flatten();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// The cached chain of roots, oldest first, at most the newest of them.
    fn history(&self) -> Vec<Vec<u8>> {
        let folder = self.folder().join(HISTORY);
        if files::check_folder(&folder).is_err() {
            return Vec::new();
        }
        let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
        let mut versions: Vec<u64> = entries
            .take(limits::HISTORY * 2)
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".root.json")?.parse().ok())
            .collect();
        versions.sort_unstable();
        let skipped = versions.len().saturating_sub(limits::HISTORY);
        let path = |version: &u64| folder.join(format!("{version}.root.json"));
        let read = |version: &u64| files::read(&path(version), limits::CACHE_FILE).ok().flatten();
        versions.iter().skip(skipped).filter_map(read).collect()
    }
}

/// sigstore-go `URLToPath`.
fn folder_name(mirror: &str) -> String {
    let name = mirror.strip_prefix("https://").unwrap_or(mirror);
    let name = name.strip_prefix("http://").unwrap_or(name);
    name.replace(['/', ':'], "-").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_are_those_of_cosign() {
        for (mirror, name) in [
            ("https://tuf-repo-cdn.sigstore.dev", "tuf-repo-cdn.sigstore.dev"),
            ("https://github.github.com/prod-tuf-root", "github.github.com-prod-tuf-root"),
            ("http://Localhost:8080/x", "localhost-8080-x"),
        ] {
            let store = TufStore::new("/base".into(), mirror).unwrap();
            assert_eq!(store.folder(), Path::new("/base").join(name));
        }
    }

    #[test]
    fn path_traversal_in_mirror_names() {
        for mirror in ["https://..", "", "https://", ".", "https://..\\x", "https://.hidden"] {
            assert!(matches!(TufStore::new("/base".into(), mirror), Err(Error::BadUrl { .. })), "{mirror}");
        }
        let store = TufStore::new("/base".into(), "https://../../etc").unwrap_err();
        assert!(matches!(store, Error::BadUrl { .. }));
    }
}
