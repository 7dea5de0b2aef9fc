//! Debian's `docker-registry` on a free port of 127.0.0.1, with a folder that goes with it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use sigward_testkit::Artifact;
use sigward_testkit::image::{digest, media_type};
use tempfile::TempDir;

use super::Parts;

/// After this a request hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// Ends the registry when its standard input is closed, so also when the test's process ends in any way.
const GUARD: &str = r#""$0" serve "$1" 2>&1 & read -r _; kill $!; wait"#;

/// A running registry. Dropping it ends it.
#[derive(Debug)]
pub struct Registry {
    /// `127.0.0.1:PORT`.
    pub host: String,
    program: PathBuf,
    guard: Child,
    lifeline: Option<ChildStdin>,
    folder: TempDir,
}

impl Registry {
    pub fn start(parts: &Parts) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (guard, lifeline, host) = launch(&parts.registry, &folder, "127.0.0.1:0");
        Self { host, program: parts.registry.clone(), guard, lifeline, folder }
    }

    /// Ends it; what it has stays.
    pub fn stop(&mut self) {
        drop(self.lifeline.take());
        drop(self.guard.wait());
    }

    /// Starts it again after [`Self::stop`], at the same address.
    pub fn restart(&mut self) {
        (self.guard, self.lifeline, self.host) = launch(&self.program, &self.folder, &self.host);
    }

    /// `127.0.0.1:PORT/NAME`.
    pub fn name(&self, repository: &str) -> String {
        format!("{}/{repository}", self.host)
    }

    /// Pushes an image with all that it consists of; gives the reference by digest.
    pub fn push(&self, repository: &str, tag: &str, image: &Artifact) -> String {
        for blob in &image.blobs {
            self.put_blob(repository, blob);
        }
        for platform in &image.platforms {
            self.push(repository, &platform.digest(), platform);
        }
        self.put_manifest(repository, tag, image.manifest.served_as(), &image.manifest.to_json());
        format!("{}@{}", self.name(repository), image.digest())
    }

    /// What a tag or digest names: media type, manifest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<(String, Vec<u8>)> {
        let answer = self.ask("GET", &format!("/v2/{repository}/manifests/{reference}"), &accept(), b"");
        (answer.status == 200).then(|| (answer.header("content-type").unwrap().to_owned(), answer.body))
    }

    pub fn put_manifest(&self, repository: &str, reference: &str, media_type: &str, manifest: &[u8]) {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let answer = self.ask("PUT", &path, &format!("Content-Type: {media_type}\r\n"), manifest);
        assert_eq!(answer.status, 201, "{path}: {answer:?}");
    }

    pub fn put_blob(&self, repository: &str, blob: &[u8]) {
        let opened = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"), "", b"");
        assert_eq!(opened.status, 202, "{opened:?}");
        let location = opened.header("location").unwrap();
        let path = location.strip_prefix(&format!("http://{}", self.host)).unwrap_or(location);
        let path = format!("{path}&digest={}", digest(blob));
        let answer = self.ask("PUT", &path, "Content-Type: application/octet-stream\r\n", blob);
        assert_eq!(answer.status, 201, "{path}: {answer:?}");
    }

    /// HTTP/1.0: one request, whose answer ends with the connection.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Answer::parse(&bytes)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

fn launch(program: &Path, folder: &TempDir, address: &str) -> (Child, Option<ChildStdin>, String) {
    let config = folder.path().join("config.yml");
    // The registry tells the port that it was given in a line of its log.
    let text = format!(
        "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\n\
         storage: {{filesystem: {{rootdirectory: {}}}, maintenance: {{uploadpurging: {{enabled: false}}}}}}\n\
         http: {{addr: '{address}', secret: none}}\n",
        folder.path().join("data").display()
    );
    std::fs::write(&config, text).unwrap();
    let mut guard = Command::new("/bin/sh")
        .args(["-c", GUARD])
        .args([program, &config])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lifeline = guard.stdin.take();
    let mut lines = BufReader::new(guard.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut seen = String::new();
    let host = loop {
        let line = lines.next().unwrap_or_else(|| panic!("the registry ended: {seen}"));
        if let Some((_, rest)) = line.split_once("listening on ") {
            break rest.split('"').next().unwrap().to_owned();
        }
        seen.push_str(&line);
    };
    // Who does not read its log blocks it.
    std::thread::spawn(move || lines.for_each(drop));
    (guard, lifeline, host)
}

/// All types of manifests: the registry converts what is not accepted.
fn accept() -> String {
    use media_type::{DOCKER_LIST, DOCKER_MANIFEST, INDEX, MANIFEST};
    format!("Accept: {MANIFEST}, {INDEX}, {DOCKER_MANIFEST}, {DOCKER_LIST}\r\n")
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of the head");
        let mut lines = std::str::from_utf8(&bytes[..end]).unwrap().lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()));
        Self { status: status.expect("a status"), headers: headers.collect(), body: bytes[end + 4..].to_vec() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}
