//! The folder that files are fetched into. Below the folder that the user named, no link is followed, and a file appears
//! under its name only when it is verified: until then it is a partial file, private and locked.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::fault::Fault;
use crate::failure::{Failure, go_text};

/// What partial files are named: hidden, so that no pattern of a shell takes one for a release's file.
const PARTIAL: (&str, &str) = (".", ".sigward-partial");

/// A folder that is open.
#[derive(Clone, Debug)]
pub struct Folder {
    descriptor: Arc<OwnedFd>,
    shown: PathBuf,
}

impl Folder {
    /// Opens the folder that the user named, which may be a link.
    ///
    /// # Errors
    /// [`Fault::Other`] if it is not there and may not be made.
    pub fn root(path: &Path, missing: Missing) -> Result<Self, Fault> {
        if missing == Missing::Made {
            std::fs::create_dir_all(path).map_err(|error| write_failed(path, &error))?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = fs::open(path, flags, Mode::empty())
            .map_err(|error| Failure::open(path, &error.into()))
            .map_err(Fault::Other)?;
        Ok(Self { descriptor: Arc::new(descriptor), shown: path.to_owned() })
    }

    /// A folder below this one: `path` is checked, relative and without `..`.
    ///
    /// # Errors
    /// [`Fault::Unsafe`] if a part of it is a link, [`Fault::Absent`] if it is not there.
    pub fn below(&self, path: &str, missing: Missing) -> Result<Self, Fault> {
        let mut folder = self.clone();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            folder = folder.step(part, missing)?;
        }
        Ok(folder)
    }

    fn step(&self, part: &str, missing: Missing) -> Result<Self, Fault> {
        let shown = self.shown.join(part);
        if missing == Missing::Made {
            match fs::mkdirat(&*self.descriptor, part, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(write_failed(&shown, &error.into())),
            }
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match fs::openat(&*self.descriptor, part, flags, Mode::empty()) {
            Ok(descriptor) => Ok(Self { descriptor: Arc::new(descriptor), shown }),
            Err(Errno::LOOP | Errno::NOTDIR) => Err(refused(&shown, "it is a link or no folder, and is not followed")),
            Err(Errno::NOENT) => Err(Fault::Absent { path: shown.display().to_string() }),
            Err(error) => Err(Failure::open(&shown, &error.into()).into()),
        }
    }

    /// Names in this folder, with what they are; links are told as such.
    ///
    /// # Errors
    /// [`Fault::Other`] if it cannot be read.
    pub fn list(&self) -> Result<Vec<(String, FileType)>, Fault> {
        let failed = |error: Errno| Fault::Other(Failure::open(&self.shown, &error.into()));
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&*self.descriptor).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => {
                    let stat = fs::statat(&*self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                kind => kind,
            };
            names.push((name.to_owned(), kind));
        }
        names.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(names)
    }

    /// Opens a regular file; nothing if there is none.
    ///
    /// # Errors
    /// [`Fault::Unsafe`] if it is a link or no regular file.
    pub fn open(&self, name: &str) -> Result<Option<File>, Fault> {
        let path = self.shown.join(name);
        // A pipe must not keep us waiting.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match fs::openat(&*self.descriptor, name, flags, Mode::empty()) {
            Ok(descriptor) => File::from(descriptor),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(refused(&path, LINK)),
            Err(error) => return Err(Failure::open(&path, &error.into()).into()),
        };
        let regular = file.metadata().map_err(|error| Failure::open(&path, &error))?.is_file();
        if regular { Ok(Some(file)) } else { Err(refused(&path, "it is no regular file")) }
    }

    /// Reads a small file; nothing if there is none.
    ///
    /// # Errors
    /// As [`Self::open`]; also if it has more than `limit` bytes.
    pub fn read(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, Fault> {
        let Some(file) = self.open(name)? else { return Ok(None) };
        let path = self.shown.join(name);
        let most = u64::try_from(limit).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::Read { what: format!("read {}", path.display()), reason: go_text(&error) })?;
        if bytes.len() > limit {
            let reason = format!("the file is larger than {limit} bytes");
            return Err(Failure::Read { what: format!("read {}", path.display()), reason }.into());
        }
        Ok(Some(bytes))
    }

    /// Writes a small file that others may read: whole or not at all. A link of that name is replaced, not followed.
    ///
    /// # Errors
    /// [`Fault::Other`] if it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        let mut partial = self.partial(name)?;
        partial.restart()?;
        partial.append(bytes)?;
        partial.rename()
    }

    /// The partial file of a name: a new one, or what an earlier run has left.
    ///
    /// # Errors
    /// [`Fault::Unsafe`] if what is there is a link, is another user's, is known by another name too, or is in use.
    pub fn partial(&self, name: &str) -> Result<Partial, Fault> {
        let partial = format!("{}{name}{}", PARTIAL.0, PARTIAL.1);
        let path = self.shown.join(&partial);
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let private = Mode::from_raw_mode(0o600);
        let created = fs::openat(&*self.descriptor, &*partial, flags | OFlags::CREATE | OFlags::EXCL, private);
        let descriptor = match created {
            Ok(descriptor) => descriptor,
            Err(Errno::EXIST) => match fs::openat(&*self.descriptor, &*partial, flags, Mode::empty()) {
                Ok(descriptor) => descriptor,
                Err(Errno::LOOP) => return Err(refused(&path, LINK)),
                Err(error) => return Err(write_failed(&path, &error.into())),
            },
            Err(error) => return Err(write_failed(&path, &error.into())),
        };
        let stat = fs::fstat(&descriptor).map_err(|error| write_failed(&path, &error.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(refused(&path, "it is no regular file"));
        }
        if stat.st_uid != rustix::process::geteuid().as_raw() || stat.st_nlink != 1 || stat.st_mode & 0o077 != 0 {
            return Err(refused(&path, "it is not ours alone: remove it, and run again"));
        }
        let file = File::from(descriptor);
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(refused(&path, "another process is fetching it")),
            // A file system without locks: the name is ours alone all the same.
            Err(std::fs::TryLockError::Error(_)) => {}
        }
        let length = u64::try_from(stat.st_size).unwrap_or_default();
        Ok(Partial { folder: self.clone(), file, partial, name: name.to_owned(), length })
    }
}

/// Whether folders that are not there are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// They are an error.
    Error,
    /// They are made.
    Made,
}

const LINK: &str = "it is a link, and is not followed";

/// A file that is not verified yet.
#[derive(Debug)]
pub struct Partial {
    folder: Folder,
    file: File,
    partial: String,
    name: String,
    length: u64,
}

impl Partial {
    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Reads what is there, through the descriptor that is renamed in the end; the next bytes are added after it.
    ///
    /// # Errors
    /// [`Fault::Other`] if it cannot be read, or what `take` says.
    pub fn replay(&mut self, take: &mut dyn FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
        let failed = |error: io::Error| Failure::Read { what: "read a partial file".into(), reason: go_text(&error) };
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut piece = vec![0; 256 * 1024];
        let mut length = 0;
        loop {
            match self.file.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => {
                    length += u64::try_from(count).unwrap_or_default();
                    take(piece.get(..count).unwrap_or_default())?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error).into()),
            }
        }
        self.length = length;
        Ok(())
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// [`Fault::Other`] if they cannot be written, as on a full disk.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.file.write_all(bytes).map_err(|error| write_failed(&self.path(), &error))?;
        self.length += u64::try_from(bytes.len()).unwrap_or_default();
        Ok(())
    }

    /// Forgets what is there.
    ///
    /// # Errors
    /// [`Fault::Other`].
    pub fn restart(&mut self) -> Result<(), Fault> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(|error| write_failed(&self.path(), &error))?;
        self.length = 0;
        Ok(())
    }

    /// Waits until the disk has it. A crash after [`Self::publish`] must not leave a name without its bytes; a call of its
    /// own, so that many files wait side by side.
    ///
    /// # Errors
    /// [`Fault::Other`].
    pub fn sync(&self) -> Result<(), Fault> {
        self.file.sync_data().map_err(|error| write_failed(&self.path(), &error))
    }

    /// Gives it its name: it is verified, and on the disk. What is renamed is the file that was hashed.
    ///
    /// # Errors
    /// [`Fault::Unsafe`] if the partial file was exchanged meanwhile, [`Fault::Other`] if it cannot be renamed.
    pub fn publish(self) -> Result<(), Fault> {
        self.rename()
    }

    fn rename(self) -> Result<(), Fault> {
        let failed = |error: io::Error| write_failed(&self.path(), &error);
        fs::fchmod(&self.file, Mode::from_raw_mode(0o644)).map_err(|error| failed(error.into()))?;
        let folder = &*self.folder.descriptor;
        self.check_is(&self.partial)?;
        fs::renameat(folder, &*self.partial, folder, &*self.name).map_err(|error| failed(error.into()))?;
        self.check_is(&self.name)
    }

    /// Whether a name in the folder is this file.
    fn check_is(&self, name: &str) -> Result<(), Fault> {
        let ours = fs::fstat(&self.file).map_err(|error| write_failed(&self.path(), &error.into()))?;
        let named = fs::statat(&*self.folder.descriptor, name, AtFlags::SYMLINK_NOFOLLOW);
        match named {
            Ok(named) if named.st_dev == ours.st_dev && named.st_ino == ours.st_ino => Ok(()),
            _ => Err(refused(&self.folder.shown.join(name), "it was exchanged while it was fetched")),
        }
    }

    /// Removes it: it is not what it should be.
    pub fn discard(self) {
        // What cannot be removed is still no verified file.
        if self.check_is(&self.partial).is_ok() {
            let _ = fs::unlinkat(&*self.folder.descriptor, &*self.partial, AtFlags::empty());
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.shown.join(&self.partial)
    }
}

/// Whether a name is that of a partial file.
pub fn is_partial(name: &str) -> bool {
    name.starts_with(PARTIAL.0) && name.ends_with(PARTIAL.1)
}

fn refused(path: &Path, reason: &'static str) -> Fault {
    Fault::Unsafe { path: path.display().to_string(), reason }
}

fn write_failed(path: &Path, error: &io::Error) -> Fault {
    Failure::Write { path: path.display().to_string(), reason: go_text(error) }.into()
}

/// Writes a file beside others in a folder of the user's, such as a lockfile.
///
/// # Errors
/// [`Fault::Other`].
pub fn write_beside(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Folder::root(parent, Missing::Made)?.write(name, bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    fn place() -> (tempfile::TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::root(place.path(), Missing::Error).unwrap();
        (place, folder)
    }

    #[test]
    fn a_partial_is_private_and_gets_its_name_at_the_end() {
        let (place, folder) = place();
        let mut partial = folder.partial("kubectl").unwrap();
        partial.append(b"one").unwrap();
        let path = place.path().join(".kubectl.sigward-partial");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(matches!(folder.partial("kubectl"), Err(Fault::Unsafe { .. })), "it is in use");
        drop(partial);
        let mut partial = folder.partial("kubectl").unwrap();
        let mut seen = Vec::new();
        partial
            .replay(&mut |bytes| {
                seen.extend_from_slice(bytes);
                Ok(())
            })
            .unwrap();
        partial.append(b"two").unwrap();
        partial.publish().unwrap();
        assert_eq!((seen.as_slice(), partial_count(&place)), (b"one".as_slice(), 0));
        assert_eq!(std::fs::read(place.path().join("kubectl")).unwrap(), b"onetwo");
    }

    fn partial_count(place: &tempfile::TempDir) -> usize {
        let names = std::fs::read_dir(place.path()).unwrap();
        names.filter(|name| is_partial(name.as_ref().unwrap().file_name().to_str().unwrap())).count()
    }

    #[test]
    fn symlink_as_partial_or_folder_or_file() {
        let (place, folder) = place();
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        symlink(&victim, place.path().join(".kubectl.sigward-partial")).unwrap();
        assert!(matches!(folder.partial("kubectl"), Err(Fault::Unsafe { .. })));
        symlink(outside.path(), place.path().join("bin")).unwrap();
        assert!(matches!(folder.below("bin/linux", Missing::Made), Err(Fault::Unsafe { .. })));
        symlink(&victim, place.path().join("kubelet")).unwrap();
        assert!(matches!(folder.open("kubelet"), Err(Fault::Unsafe { .. })));
        // A link under the final name is replaced, not followed.
        folder.write("kubelet", b"new").unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
        assert!(std::fs::symlink_metadata(place.path().join("kubelet")).unwrap().is_file());
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_partial_that_others_know_is_not_used() {
        let (place, folder) = place();
        let partial = place.path().join(".kubectl.sigward-partial");
        std::fs::write(&partial, "x").unwrap();
        std::fs::set_permissions(&partial, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        assert!(matches!(folder.partial("kubectl"), Err(Fault::Unsafe { .. })));
        std::fs::set_permissions(&partial, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::hard_link(&partial, place.path().join("other")).unwrap();
        assert!(matches!(folder.partial("kubectl"), Err(Fault::Unsafe { .. })));
    }

    #[test]
    fn a_partial_that_was_exchanged_is_not_published() {
        let (place, folder) = place();
        let mut partial = folder.partial("kubectl").unwrap();
        partial.append(b"good").unwrap();
        let path = place.path().join(".kubectl.sigward-partial");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "bad").unwrap();
        assert!(matches!(partial.publish(), Err(Fault::Unsafe { .. })));
        assert!(!place.path().join("kubectl").exists());
    }
}
