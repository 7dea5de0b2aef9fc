//! What 16 threads with one kept connection each need for the requests of `sigward verify`, and nothing else: the `.sig`
//! manifest of every image, then the payload that it names. Bodies are read and dropped.
//!
//!     plain-client FILE        one HOST:PORT/REPOSITORY@sha256:HEX a line

#![expect(clippy::print_stdout, reason = "a program for benches")]

use std::io::{self, BufRead as _, BufReader, Error, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

const CONNECTIONS: usize = 16;
const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json";

fn main() -> io::Result<()> {
    let file = std::env::args().nth(1).ok_or_else(|| Error::other("expected a file of references"))?;
    let text = std::fs::read_to_string(file)?;
    let references: Vec<_> = text.lines().collect();
    let next = AtomicUsize::new(0);
    let bytes: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| fetch(&references, &next))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| Error::other("a thread panicked"))?)
            .sum::<io::Result<_>>()
    })?;
    println!("{} images, {bytes} bytes", references.len());
    Ok(())
}

/// Takes images until there are no more.
fn fetch(references: &[&str], next: &AtomicUsize) -> io::Result<usize> {
    let mut connection: Option<BufReader<TcpStream>> = None;
    let mut bytes = 0;
    while let Some(reference) = references.get(next.fetch_add(1, Ordering::Relaxed)) {
        let unreadable = || Error::other(format!("expected HOST/REPOSITORY@sha256:HEX, found {reference}"));
        let (name, hex) = reference.split_once("@sha256:").ok_or_else(unreadable)?;
        let (host, repository) = name.split_once('/').ok_or_else(unreadable)?;
        let stream = match &mut connection {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(host)?;
                stream.set_nodelay(true)?;
                none.insert(BufReader::new(stream))
            }
        };
        let manifest = get(stream, host, &format!("/v2/{repository}/manifests/sha256-{hex}.sig"))?;
        let text = String::from_utf8_lossy(&manifest);
        let layers = text.split_once("\"layers\"").map_or("", |(_, layers)| layers);
        let payload = layers.split("sha256:").nth(1).and_then(|rest| rest.get(..64));
        let payload = payload.ok_or_else(|| Error::other(format!("no layer in {text}")))?;
        bytes += manifest.len() + get(stream, host, &format!("/v2/{repository}/blobs/sha256:{payload}"))?.len();
    }
    Ok(bytes)
}

fn get(stream: &mut BufReader<TcpStream>, host: &str, path: &str) -> io::Result<Vec<u8>> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {ACCEPT}\r\n\r\n");
    stream.get_mut().write_all(request.as_bytes())?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200 ") {
        return Err(Error::other(format!("{path}: {line}")));
    }
    let mut length = None;
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line)?;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
    let mut body = vec![0; length.ok_or_else(|| Error::other(format!("{path}: no length")))?];
    stream.read_exact(&mut body)?;
    Ok(body)
}
