//! Rekor entries on disk, as they came. They are evidence and verified again by whoever reads them: a forged entry
//! in the cache does no more than a forged answer of the log.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::http::Origin;
use crate::{Error, files, limits};

/// The cache: `<base>/rekor/<log host>/<leaf hash>.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryCache {
    base: PathBuf,
    most: usize,
}

impl EntryCache {
    /// `$SIGWARD_CACHE`, or `sigward` in `$XDG_CACHE_HOME` or in `.cache` of the home folder. Nothing without any.
    pub fn base_from_env() -> Option<PathBuf> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // The XDG specification: a path that is not absolute is to be ignored.
        let xdg = || set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let home = || set("HOME").or_else(|| set("USERPROFILE")).map(|home| home.join(".cache"));
        set("SIGWARD_CACHE").or_else(|| Some(xdg().or_else(home)?.join("sigward")))
    }

    /// A cache in a folder, which need not be there yet.
    pub fn new(base: PathBuf) -> Self {
        Self { base, most: limits::ENTRIES }
    }

    /// A cache that keeps at most `most` entries of each log.
    pub fn with_most(base: PathBuf, most: usize) -> Self {
        Self { base, most }
    }

    /// The entry of a log with this leaf hash. What cannot be read counts as absent.
    pub fn get(&self, log_url: &str, leaf_hash: &[u8; 32]) -> Option<Vec<u8>> {
        let host = host_name(log_url)?;
        let kind = self.base.join("rekor");
        let folder = kind.join(&host);
        files::check_folder(&kind).and_then(|()| files::check_folder(&folder)).ok()?;
        files::read(&folder.join(file_name(leaf_hash)), limits::ENTRY).ok().flatten()
    }

    /// Keeps an entry. An entry that is larger than worth keeping is not kept, which is no error.
    pub fn put(&self, log_url: &str, leaf_hash: &[u8; 32], entry: &[u8]) -> Result<(), Error> {
        let Some(host) = host_name(log_url).filter(|_| entry.len() <= limits::ENTRY) else { return Ok(()) };
        let cache = |source| Error::Cache { path: self.base.clone(), source };
        let folder = files::make_folders(&self.base, &["rekor", &host]).map_err(cache)?;
        files::write(&folder, &file_name(leaf_hash), entry).map_err(cache)?;
        self.evict(&folder).map_err(cache)
    }

    /// Removes the oldest entries when there are too many, some more than needed so that it is seldom done.
    fn evict(&self, folder: &Path) -> io::Result<()> {
        let mut entries: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == "json") {
                let modified = entry.metadata().and_then(|metadata| metadata.modified());
                entries.push((modified.unwrap_or(SystemTime::UNIX_EPOCH), entry.path()));
            }
        }
        if entries.len() <= self.most {
            return Ok(());
        }
        entries.sort();
        let surplus = entries.len() - self.most + self.most / 16;
        for (_, path) in entries.into_iter().take(surplus) {
            match fs::remove_file(path) {
                // Another process may have been first.
                Err(error) if !files::is_absent(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The log's host, and its port where it is not the usual one, as a folder name.
fn host_name(log_url: &str) -> Option<String> {
    let origin = Origin::of(&log_url.parse().ok()?)?;
    let name = origin.to_string().replace(':', "-");
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '[' | ']'));
    (plain && !name.starts_with('.') && name.len() <= limits::NAME).then_some(name)
}

fn file_name(leaf_hash: &[u8; 32]) -> String {
    format!("{}.json", sigward_verify::hex(leaf_hash))
}
