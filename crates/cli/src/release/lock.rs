//! `sigward.lock`: which bytes were verified, whose they are, and where the log has them. It narrows what is accepted and
//! waives nothing: everything is verified again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Its usual name.
pub const FILE_NAME: &str = "sigward.lock";
/// Largest lockfile, in bytes. An artifact takes about 500.
pub const LIMIT: usize = 16 * 1024 * 1024;

/// Why a lockfile refuses an artifact, or cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LockFault {
    /// It cannot be read.
    #[error("{file}: {reason}")]
    Unusable {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// It does not name the artifact, and `--locked` accepts nothing else.
    #[error("--locked, and {file} does not name it")]
    Absent {
        /// The file.
        file: String,
    },
    /// It names another one.
    #[error("{file} locks {what} {expected}, found {found}")]
    Differs {
        /// The file.
        file: String,
        /// What differs.
        what: &'static str,
        /// What is locked.
        expected: String,
        /// What was verified.
        found: String,
    },
}

impl LockFault {
    /// Stable reason code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unusable { .. } => "read-failed",
            Self::Absent { .. } => "lock-missing",
            Self::Differs { .. } => "lock-mismatch",
        }
    }
}

/// A lockfile.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Lock {
    artifacts: BTreeMap<String, Locked>,
}

/// An artifact that was verified.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Locked {
    /// Its path on the server, or an image's name.
    pub path: String,
    /// `sha256:…`
    pub digest: String,
    /// Who signed.
    pub identity: String,
    /// Who vouched for that.
    pub issuer: String,
    /// Where the log has the signature. An image's may have several entries; the first is named.
    pub log_entry: Option<LockedEntry>,
}

/// An entry of a log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LockedEntry {
    /// SHA-256 of the log's key, in hexadecimal.
    #[serde(rename = "logID")]
    pub log_id: String,
    /// The entry's number.
    pub log_index: u64,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    artifacts: Vec<Locked>,
}

/// What is written, and the only version that is read.
const VERSION: u32 = 1;

impl Lock {
    /// Reads a lockfile; `file` is its name for messages.
    ///
    /// # Errors
    /// [`LockFault::Unusable`].
    pub fn parse(json: &[u8], file: &str) -> Result<Self, LockFault> {
        let unusable = |reason: String| LockFault::Unusable { file: file.to_owned(), reason };
        let read: File = serde_json::from_slice(json).map_err(|error| unusable(error.to_string()))?;
        if read.version != VERSION {
            return Err(unusable(format!("expected version {VERSION}, found {}", read.version)));
        }
        let mut lock = Self::default();
        for artifact in read.artifacts {
            let path = artifact.path.clone();
            if lock.artifacts.insert(path.clone(), artifact).is_some() {
                return Err(unusable(format!("{path} stands twice")));
            }
        }
        Ok(lock)
    }

    /// The artifact of this path.
    pub fn get(&self, path: &str) -> Option<&Locked> {
        self.artifacts.get(path)
    }

    /// The paths that begin so.
    pub fn paths<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.artifacts.keys().map(String::as_str).filter(move |path| path.starts_with(prefix))
    }

    /// Whether what was verified is what is locked. What is not locked passes.
    ///
    /// # Errors
    /// [`LockFault::Differs`].
    pub fn check(&self, found: &Locked, file: &str) -> Result<(), LockFault> {
        let Some(locked) = self.artifacts.get(&found.path) else { return Ok(()) };
        let pairs = [
            ("digest", &locked.digest, &found.digest),
            ("identity", &locked.identity, &found.identity),
            ("issuer", &locked.issuer, &found.issuer),
        ];
        for (what, expected, found) in pairs {
            if expected != found {
                let (file, expected, found) = (file.to_owned(), expected.clone(), found.clone());
                return Err(LockFault::Differs { file, what, expected, found });
            }
        }
        Ok(())
    }

    /// Adds an artifact, or what is new about one that is locked.
    pub fn insert(&mut self, artifact: Locked) {
        self.artifacts.insert(artifact.path.clone(), artifact);
    }

    /// The file: sorted, one field a line, so that a review sees what changed.
    pub fn to_json(&self) -> String {
        let file = File { version: VERSION, artifacts: self.artifacts.values().cloned().collect() };
        // Strings and numbers can always be written.
        let json = serde_json::to_string_pretty(&file).unwrap_or_default();
        format!("{json}\n")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn artifact(path: &str, digest: &str) -> Locked {
        let log_entry = Some(LockedEntry { log_id: "00".into(), log_index: 7 });
        let (identity, issuer) = ("krel@example.com".into(), "https://accounts.example.com".into());
        Locked { path: path.into(), digest: digest.into(), identity, issuer, log_entry }
    }

    #[test]
    fn written_and_read() {
        let mut lock = Lock::default();
        lock.insert(artifact("b", "sha256:02"));
        lock.insert(artifact("a", "sha256:01"));
        let json = lock.to_json();
        assert!(json.find("\"a\"") < json.find("\"b\""));
        assert_eq!(Lock::parse(json.as_bytes(), "f").unwrap(), lock);
    }

    #[test]
    fn other_bytes_under_a_locked_name() {
        let mut lock = Lock::default();
        lock.insert(artifact("a", "sha256:01"));
        assert_eq!(lock.check(&artifact("a", "sha256:01"), "f"), Ok(()));
        assert_eq!(lock.check(&artifact("b", "sha256:01"), "f"), Ok(()));
        assert_eq!(lock.check(&artifact("a", "sha256:02"), "f").unwrap_err().code(), "lock-mismatch");
    }

    #[test]
    fn what_is_no_lockfile() {
        let twice =
            "{\"version\":1,\"artifacts\":[X,X]}".replace('X', &serde_json::to_string(&artifact("a", "")).unwrap());
        for bad in ["", "[]", "{\"version\":2,\"artifacts\":[]}", "{\"version\":1,\"artifacts\":[],\"x\":1}", &twice] {
            assert!(matches!(Lock::parse(bad.as_bytes(), "f"), Err(LockFault::Unusable { .. })), "{bad}");
        }
    }
}
