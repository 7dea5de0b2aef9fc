//! Files of caches: never torn, never through a symbolic link, never larger than expected.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reads a file of a cache folder; nothing if there is none.
///
/// A symbolic link is not followed: a cache in a place that others may write to could name any file of ours, and
/// its content would be shown in an error message.
pub(crate) fn read(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let named = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !named.is_file() {
        return Err(io::Error::other("not an ordinary file"));
    }
    let file = File::open(path)?;
    if !is_same(&named, &file.metadata()?) {
        return Err(io::Error::other("the file was exchanged while it was opened"));
    }
    let limit_u64 = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(limit_u64.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::other(format!("larger than {limit} bytes")));
    }
    Ok(Some(bytes))
}

/// Replaces a file in one step: readers see the old or the new one. A symbolic link of that name is replaced, not
/// followed.
pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    check_folder(folder)?;
    let mut temporary = tempfile::Builder::new().prefix(".sigward-").tempfile_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.persist(folder.join(name)).map_err(|error| error.error)?;
    Ok(())
}

/// Makes `parts` below `base`, each for the user alone. Neither of them may be a symbolic link; `base` may.
pub(crate) fn make_folders(base: &Path, parts: &[&str]) -> io::Result<PathBuf> {
    private_builder().recursive(true).create(base)?;
    let mut folder = base.to_owned();
    for part in parts {
        folder.push(part);
        match private_builder().create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => check_folder(&folder)?,
        }
    }
    Ok(folder)
}

/// Whether the path itself, not what it may link to, is a folder.
pub(crate) fn check_folder(folder: &Path) -> io::Result<()> {
    if fs::symlink_metadata(folder)?.is_dir() { Ok(()) } else { Err(io::Error::other("not an ordinary folder")) }
}

/// Holds a lock among processes of this program; other programs do not know of it.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockMode {
    Shared,
    Exclusive,
}

impl Lock {
    /// Takes the lock of a folder. Nobody waits long for it, and a folder that cannot be locked (read-only, or a file
    /// system without locks) is used without: every file is replaced in one step, and a set of files that do not
    /// belong together does not verify.
    pub(crate) fn take(folder: &Path, mode: LockMode) -> Option<Self> {
        let path = folder.join(".sigward.lock");
        if fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
            return None;
        }
        let file = File::options().create(true).truncate(false).write(true).open(path).ok()?;
        for _ in 0..50 {
            let taken = match mode {
                LockMode::Shared => file.try_lock_shared(),
                LockMode::Exclusive => file.try_lock(),
            };
            match taken {
                Ok(()) => return Some(Self { _file: file }),
                Err(fs::TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
                Err(fs::TryLockError::Error(_)) => return None,
            }
        }
        None
    }
}

pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(unix)]
fn private_builder() -> fs::DirBuilder {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(not(unix))]
fn private_builder() -> fs::DirBuilder {
    fs::DirBuilder::new()
}

#[cfg(unix)]
fn is_same(named: &fs::Metadata, opened: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    named.dev() == opened.dev() && named.ino() == opened.ino()
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, opened: &fs::Metadata) -> bool {
    opened.is_file()
}
