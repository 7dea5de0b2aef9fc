//! Reads what the command line names: small files with a limit, blobs as a stream.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc;

use sigward_verify::{Artifact, ArtifactNeeds, ArtifactReader};

use crate::args::request::Location;
use crate::failure::{Failure, go_text};
use crate::network::Network;

/// Size of one piece of a blob. Two are in flight, so memory stays small whatever the blob's size.
const PIECE: usize = 256 * 1024;
/// Blobs below this size are not worth a second thread.
const OVERLAP_FROM: u64 = 4 * 1024 * 1024;

/// Reads a small piece of evidence, at most `limit` bytes.
///
/// # Errors
/// [`Failure::Read`] if it is missing, a directory or too large; [`Failure::Network`] for a URL.
pub fn small(location: &Location, limit: usize, network: &Network) -> Result<Vec<u8>, Failure> {
    match location {
        Location::File(path) => small_file(path, limit),
        Location::Environment(name) => environment(name),
        Location::Url(url) => network.get(url, limit),
    }
}

/// Reads a small file, at most `limit` bytes: not its size is trusted but what comes out of it.
///
/// # Errors
/// [`Failure::Read`] if it is missing, a directory or too large.
pub fn small_file(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let file = File::open(path).map_err(|e| Failure::open(path, &e))?;
    let too_large = || Failure::Read {
        what: format!("read {}", path.display()),
        reason: format!("the file is larger than {limit} bytes"),
    };
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    // A size that is told saves reading; one that is not (a pipe, a device) is found while reading.
    if file.metadata().is_ok_and(|m| m.is_file() && m.len() > most) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| read_error(path, &e))?;
    if bytes.len() > limit { Err(too_large()) } else { Ok(bytes) }
}

fn read_error(path: &Path, error: &io::Error) -> Failure {
    Failure::Read { what: format!("read {}", path.display()), reason: go_text(error) }
}

/// The value of an environment variable, in cosign's words if it is missing.
///
/// # Errors
/// [`Failure::Read`] if it is not set.
pub fn environment(name: &str) -> Result<Vec<u8>, Failure> {
    use std::os::unix::ffi::OsStringExt;
    std::env::var_os(name)
        .map(OsStringExt::into_vec)
        .ok_or_else(|| Failure::Read { what: "loading URL".into(), reason: format!("env var ${name} not found") })
}

/// Streams a blob through `needs`.
///
/// # Errors
/// [`Failure::Read`] or [`Failure::Network`] if it cannot be read, [`Failure::Evidence`] if it must be held in memory and
/// is too large for that.
pub fn blob(location: &Location, needs: &ArtifactNeeds, network: &Network) -> Result<Artifact, Failure> {
    let mut reader = ArtifactReader::new(needs);
    match location {
        Location::File(path) => {
            let file = File::open(path).map_err(|e| Failure::open(path, &e))?;
            let length = file.metadata().map_or(0, |m| m.len());
            stream(file, length, &mut reader).map_err(|e| e.into_failure(|e| read_error(path, &e)))?;
        }
        Location::Environment(name) => update(&mut reader, &environment(name)?)?,
        Location::Url(url) => network.stream(url, &mut |piece| update(&mut reader, piece))?,
    }
    Ok(reader.finish())
}

/// Streams standard input through `needs`.
///
/// # Errors
/// As [`blob`].
pub fn stdin_blob(needs: &ArtifactNeeds) -> Result<Artifact, Failure> {
    let mut reader = ArtifactReader::new(needs);
    stream(io::stdin(), 0, &mut reader)
        .map_err(|e| e.into_failure(|e| Failure::Read { what: "read -".into(), reason: go_text(&e) }))?;
    Ok(reader.finish())
}

fn update(reader: &mut ArtifactReader, piece: &[u8]) -> Result<(), Failure> {
    reader.update(piece).map_err(|error| Failure::Evidence { what: String::new(), error })
}

/// What can go wrong while a blob streams by.
enum StreamError {
    Io(io::Error),
    Other(Failure),
}

impl StreamError {
    fn into_failure(self, io: impl FnOnce(io::Error) -> Failure) -> Failure {
        match self {
            Self::Io(error) => io(error),
            Self::Other(failure) => failure,
        }
    }
}

fn stream(mut source: impl Read + Send, length: u64, reader: &mut ArtifactReader) -> Result<(), StreamError> {
    if length >= OVERLAP_FROM {
        return stream_overlapped(source, reader);
    }
    let mut piece = vec![0; PIECE.min(usize::try_from(length).unwrap_or(PIECE).max(16 * 1024))];
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                update(reader, piece.get(..count).unwrap_or_default()).map_err(StreamError::Other)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(StreamError::Io(error)),
        }
    }
}

/// Reads in one thread and hashes in another: two pieces go back and forth between them.
fn stream_overlapped(mut source: impl Read + Send, reader: &mut ArtifactReader) -> Result<(), StreamError> {
    let (full_sender, full) = mpsc::sync_channel::<io::Result<(Vec<u8>, usize)>>(2);
    let (empty_sender, empty) = mpsc::sync_channel::<Vec<u8>>(2);
    for _ in 0..2 {
        // The receiver lives in this function, so a send into an empty channel cannot fail.
        let _ = empty_sender.send(vec![0; PIECE]);
    }
    std::thread::scope(|scope| {
        // Owned here, so that both close, and the reading thread ends, when this closure returns early.
        let (full, empty_sender) = (full, empty_sender);
        scope.spawn(move || {
            // Either channel closes when the other side is done or gives up.
            while let Ok(mut piece) = empty.recv() {
                let outcome = match source.read(&mut piece) {
                    Ok(0) => return,
                    Ok(count) => Ok((piece, count)),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok((piece, 0)),
                    Err(error) => Err(error),
                };
                if full_sender.send(outcome).is_err() {
                    return;
                }
            }
        });
        while let Ok(outcome) = full.recv() {
            let (piece, count) = outcome.map_err(StreamError::Io)?;
            update(reader, piece.get(..count).unwrap_or_default()).map_err(StreamError::Other)?;
            let _ = empty_sender.send(piece);
        }
        Ok(())
    })
}
