//! The files of a run: as named, from folders, from standard input.

use std::collections::BTreeSet;
use std::fs::{self, Metadata, Permissions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::args::request::ManifestInput;
use crate::failure::{Failure, go_text};

use super::error::{At, ManifestError};
use super::limits;

/// A file that was read.
#[derive(Debug)]
pub struct Source {
    /// As it was named, or `-`.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// What it holds.
    pub text: Result<String, Failure>,
}

/// Where a file came from.
#[derive(Debug)]
pub enum Origin {
    /// A file, every link followed.
    File {
        /// Its path without links.
        target: PathBuf,
        /// Its mode.
        permissions: Permissions,
    },
    /// Standard input.
    Stdin,
    /// A pipe, a device, or what could not be opened: nothing to write to.
    Stream,
}

/// What was read, and what was passed by.
#[derive(Debug, Default)]
pub struct Sources {
    /// Files in the order of the command line; within folders by name.
    pub files: Vec<Source>,
    /// Links that were not followed.
    pub passed: Vec<String>,
}

/// Reads everything that was named, each file once.
///
/// # Errors
/// [`ManifestError::Limit`] for too many files or bytes.
pub fn read(inputs: &[ManifestInput]) -> Result<Sources, Failure> {
    read_where(inputs, is_manifest)
}

/// The same with other files of folders.
///
/// # Errors
/// As [`read`].
pub fn read_where(inputs: &[ManifestInput], is_wanted: fn(&Path) -> bool) -> Result<Sources, Failure> {
    let mut reading = Reading { out: Sources::default(), known: BTreeSet::new(), bytes: 0, entries: 0, is_wanted };
    for input in inputs {
        match input {
            ManifestInput::Stdin => {
                let text = bounded(io::stdin().lock()).map_err(|error| failed("-", error));
                reading.add(Source { name: "-".into(), origin: Origin::Stdin, text })?;
            }
            ManifestInput::Path(path) => reading.named(path)?,
        }
    }
    Ok(reading.out)
}

/// Reads the bytes of a file again.
///
/// # Errors
/// The error of the system, or that of a file that is too large.
pub fn read_again(target: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(target)?.take(limits::FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

struct Reading {
    out: Sources,
    known: BTreeSet<PathBuf>,
    bytes: u64,
    entries: usize,
    /// Which files of folders are read.
    is_wanted: fn(&Path) -> bool,
}

enum ReadError {
    Io(io::Error),
    TooLarge,
    NotUtf8,
}

impl Reading {
    fn named(&mut self, path: &Path) -> Result<(), Failure> {
        let name = path.display().to_string();
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return self.file(name, Err(Failure::open(path, &error))),
        };
        if !metadata.is_dir() && !metadata.is_file() {
            // As of a shell's <(kustomize build): it has no path of its own.
            let text = fs::File::open(path).map_err(ReadError::Io).and_then(bounded);
            let text = text.map_err(|error| failed(&name, error));
            return self.add(Source { name, origin: Origin::Stream, text });
        }
        match path.canonicalize() {
            Ok(target) if metadata.is_dir() => self.folder(path, &target, &target, 0),
            Ok(target) => self.file(name, Ok((target, metadata))),
            Err(error) => self.file(name, Err(Failure::open(path, &error))),
        }
    }

    /// `shown` is how the user would call `folder`, which is in `root`.
    fn folder(&mut self, shown: &Path, folder: &Path, root: &Path, depth: usize) -> Result<(), Failure> {
        let at = || At { file: shown.display().to_string(), line: None };
        self.within(depth < limits::FOLDER_DEPTH, at(), "folders within folders", limits::FOLDER_DEPTH)?;
        let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.file(shown.display().to_string(), Err(Failure::open(shown, &error))),
        };
        self.entries += entries.len();
        self.within(self.entries <= limits::FOLDER_ENTRIES, at(), "entries of folders", limits::FOLDER_ENTRIES)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, shown) = (entry.path(), shown.join(entry.file_name()));
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.folder(&shown, &path, root, depth + 1)?,
                Ok(kind) if kind.is_symlink() => self.link(&shown, &path, root)?,
                Ok(kind) if kind.is_file() && (self.is_wanted)(&path) => {
                    let found = fs::metadata(&path).map(|metadata| (path, metadata));
                    self.file(shown.display().to_string(), found.map_err(|error| Failure::open(&shown, &error)))?;
                }
                Ok(_) => {}
                Err(error) => self.file(shown.display().to_string(), Err(Failure::open(&shown, &error)))?,
            }
        }
        Ok(())
    }

    /// What a link in a folder leads to is read only if it is a file of the same folder. Folders of it are seen anyway.
    fn link(&mut self, shown: &Path, path: &Path, root: &Path) -> Result<(), Failure> {
        let target = match path.canonicalize().and_then(|target| Ok((fs::metadata(&target)?, target))) {
            Ok((metadata, target)) => Ok((target, metadata)),
            Err(error) if (self.is_wanted)(path) => Err(Failure::open(shown, &error)),
            Err(_) => return Ok(()),
        };
        match target {
            Ok((target, metadata)) if !target.starts_with(root) => {
                if (self.is_wanted)(path) || metadata.is_dir() {
                    self.out.passed.push(format!("{}: a link out of the folder, not followed", shown.display()));
                }
                Ok(())
            }
            Ok((_, metadata)) if metadata.is_dir() || !(self.is_wanted)(path) => Ok(()),
            other => self.file(shown.display().to_string(), other),
        }
    }

    fn file(&mut self, name: String, found: Result<(PathBuf, Metadata), Failure>) -> Result<(), Failure> {
        let (target, metadata) = match found {
            Ok(found) => found,
            Err(failure) => return self.add(Source { name, origin: Origin::Stream, text: Err(failure) }),
        };
        if !self.known.insert(target.clone()) {
            return Ok(());
        }
        let text = fs::File::open(&target).map_err(ReadError::Io).and_then(bounded);
        let text = text.map_err(|error| failed(&name, error));
        self.add(Source { name, origin: Origin::File { target, permissions: metadata.permissions() }, text })
    }

    fn add(&mut self, source: Source) -> Result<(), Failure> {
        let at = || At { file: source.name.clone(), line: None };
        let length = source.text.as_ref().map_or(0, String::len);
        self.bytes = self.bytes.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        let bytes = usize::try_from(limits::ALL_BYTES).unwrap_or(usize::MAX);
        self.within(self.bytes <= limits::ALL_BYTES, at(), "bytes in all files", bytes)?;
        self.within(self.out.files.len() < limits::FILES, at(), "files", limits::FILES)?;
        self.out.files.push(source);
        Ok(())
    }

    fn within(&self, holds: bool, at: At, what: &'static str, limit: usize) -> Result<(), Failure> {
        if holds {
            return Ok(());
        }
        Err(ManifestError::Limit { at, what, limit: u64::try_from(limit).unwrap_or(u64::MAX) }.into())
    }
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn bounded(from: impl Read) -> Result<String, ReadError> {
    let mut bytes = Vec::new();
    from.take(limits::FILE_BYTES + 1).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limits::FILE_BYTES) {
        return Err(ReadError::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| ReadError::NotUtf8)
}

fn failed(name: &str, error: ReadError) -> Failure {
    let at = At { file: name.to_owned(), line: None };
    match error {
        ReadError::Io(error) => Failure::Read { what: format!("read {name}"), reason: go_text(&error) },
        ReadError::TooLarge => ManifestError::Limit { at, what: "bytes in one file", limit: limits::FILE_BYTES }.into(),
        ReadError::NotUtf8 => ManifestError::Syntax { at, reason: "it is not valid UTF-8".into() }.into(),
    }
}
