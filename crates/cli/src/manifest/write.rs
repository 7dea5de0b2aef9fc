//! Puts edited manifests in place: each whole or not at all, and none that was changed meanwhile.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, go_text};

use super::error::{At, ManifestError};
use super::source::{Origin, read_again};
use super::survey::Manifest;

/// A file under its temporary name.
#[derive(Debug)]
pub struct Staged {
    name: String,
    target: PathBuf,
    old: Vec<u8>,
    file: tempfile::NamedTempFile,
}

/// Writes the new text beside the file. Nothing has changed until [`Staged::commit`].
///
/// # Errors
/// [`ManifestError::ReadOnly`], [`Failure::Write`].
pub fn stage(manifest: &Manifest, text: &str) -> Result<Staged, Failure> {
    let at = || At { file: manifest.name.clone(), line: None };
    let failed = |error: &std::io::Error| Failure::Write { path: manifest.name.clone(), reason: go_text(error) };
    let Origin::File { target, permissions } = &manifest.origin else {
        return Err(Failure::Write { path: manifest.name.clone(), reason: "it is no file".into() });
    };
    // A rename would replace it all the same.
    if permissions.readonly() {
        return Err(ManifestError::ReadOnly { at: at() }.into());
    }
    let folder = target.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().prefix(".sigward-").tempfile_in(folder).map_err(|e| failed(&e))?;
    file.write_all(text.as_bytes()).map_err(|e| failed(&e))?;
    file.as_file().set_permissions(permissions.clone()).map_err(|e| failed(&e))?;
    file.as_file().sync_all().map_err(|e| failed(&e))?;
    let staged =
        Staged { name: manifest.name.clone(), target: target.clone(), old: manifest.text.clone().into_bytes(), file };
    staged.check()?;
    Ok(staged)
}

impl Staged {
    /// The file is what was verified.
    fn check(&self) -> Result<(), Failure> {
        match read_again(&self.target) {
            Ok(bytes) if bytes == self.old => Ok(()),
            _ => Err(ManifestError::Changed { at: At { file: self.name.clone(), line: None } }.into()),
        }
    }

    /// Puts it in place.
    ///
    /// # Errors
    /// [`ManifestError::Changed`], [`Failure::Write`].
    pub fn commit(self) -> Result<(), Failure> {
        self.check()?;
        let Self { name, target, file, .. } = self;
        let failed = |error: tempfile::PersistError| Failure::Write { path: name, reason: go_text(&error.error) };
        file.persist(&target).map(|_| ()).map_err(failed)
    }
}
