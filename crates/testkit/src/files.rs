//! Files on loopback: a TUF mirror, a release server.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::server::{Request, Response, Server, lock};

/// Files by path, without a leading slash.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A server of files, with `Range` and `HEAD`. What it has may change while it runs.
#[derive(Debug)]
pub struct FileServer {
    files: Arc<Mutex<Files>>,
    server: Server,
}

impl FileServer {
    /// Serves these.
    pub fn start(files: Files) -> Self {
        let files = Arc::new(Mutex::new(files));
        let shared = Arc::clone(&files);
        let server = Server::start(move |request| answer(&lock(&shared), request));
        Self { files, server }
    }

    /// Replaces all files.
    pub fn set(&self, files: Files) {
        *lock(&self.files) = files;
    }

    /// Adds or replaces one.
    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        lock(&self.files).insert(path.to_owned(), bytes.into());
    }

    /// Removes one.
    pub fn remove(&self, path: &str) {
        lock(&self.files).remove(path);
    }
}

impl Deref for FileServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// Reads a folder with all that is below it.
///
/// # Errors
/// What the file system says.
pub fn read_tree(folder: &Path) -> std::io::Result<Files> {
    let mut files = Files::new();
    read_into(folder, "", &mut files)?;
    Ok(files)
}

/// Writes files below a folder.
///
/// # Errors
/// What the file system says.
pub fn write_tree(folder: &Path, files: &Files) -> std::io::Result<()> {
    for (path, bytes) in files {
        let target = folder.join(path);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(target, bytes)?;
    }
    Ok(())
}

fn read_into(folder: &Path, prefix: &str, files: &mut Files) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read_into(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.insert(path, std::fs::read(entry.path())?);
        }
    }
    Ok(())
}

fn answer(files: &Files, request: &Request) -> Response {
    let path = request.path.split('?').next().unwrap_or_default();
    let Some(bytes) = files.get(path.trim_start_matches('/')) else {
        return Response::not_found();
    };
    let kind = match path.rsplit_once('.') {
        Some((_, "json")) => "application/json",
        Some((_, "txt")) => "text/plain",
        _ => "application/octet-stream",
    };
    match request.header("range").and_then(|text| text.strip_prefix("bytes=")) {
        None => Response::ok(kind, bytes.clone()).with("Accept-Ranges", "bytes"),
        Some(range) => partial(bytes, range, kind),
    }
}

fn partial(bytes: &[u8], range: &str, kind: &str) -> Response {
    let len = bytes.len();
    let bounds = range.split_once('-').and_then(|(first, last)| {
        let (first, last) = match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(first), Ok(last)) => (first, last.min(len.checked_sub(1)?)),
            (Ok(first), Err(_)) => (first, len.checked_sub(1)?),
            (Err(_), Ok(count)) => (len.checked_sub(count)?, len.checked_sub(1)?),
            _ => return None,
        };
        (first <= last).then_some((first, last))
    });
    match bounds {
        Some((first, last)) => {
            Response::new(206, kind, &bytes[first..=last]).with("Content-Range", &format!("bytes {first}-{last}/{len}"))
        }
        None => Response::new(416, "text/plain", "").with("Content-Range", &format!("bytes */{len}")),
    }
}
