//! A real API server for one test, on loopback, and kubectl to speak with it. `.ci/parts` brings the programs; where they
//! are not there, a test says so and is skipped.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests; not every one uses everything, and a panic is a failed test"
)]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Ends the control plane when its standard input is closed, so also when the test's process ends in any way.
const GUARD: &str = r#""$0" up "$1" "$2" && { read -r _; "$0" down "$2"; }"#;

/// After this, what was to happen does not happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running control plane. Dropping it ends it.
#[derive(Debug)]
pub struct ControlPlane {
    programs: PathBuf,
    state: TempDir,
    guard: Child,
    lifeline: Option<ChildStdin>,
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Ended {
    pub ok: bool,
    pub out: String,
    pub err: String,
}

impl ControlPlane {
    /// None, and a line that says so, if the programs are not there.
    pub fn start() -> Option<Self> {
        let programs = part("control-plane", ".version")?;
        if Command::new("openssl").arg("version").output().is_err() {
            println!("skipped: there is no openssl to make the control plane's certificates with");
            return None;
        }
        let state = tempfile::tempdir().unwrap();
        let mut guard = Command::new("/bin/bash")
            .args(["-c", GUARD])
            .args([&script(), &programs, state.path()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lifeline = guard.stdin.take();
        let mut line = String::new();
        BufReader::new(guard.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.trim_end().ends_with("/kubeconfig"), "the control plane did not start: {line:?}");
        Some(Self { programs, state, guard, lifeline })
    }

    /// An administrator's.
    pub fn kubeconfig(&self) -> PathBuf {
        self.state.path().join("kubeconfig")
    }

    /// A kubeconfig for who has this token.
    pub fn kubeconfig_with_token(&self, token: &str) -> PathBuf {
        let path = self.state.path().join("token.kubeconfig");
        let text = std::fs::read_to_string(self.kubeconfig()).unwrap();
        let (clusters, _) = text.split_once("users:").unwrap();
        std::fs::write(&path, format!("{clusters}users: [{{name: admin, user: {{token: {token}}}}}]\n")).unwrap();
        path
    }

    /// The API server only; port and objects stay.
    pub fn restart_api_server(&self) {
        let mut command = Command::new("/bin/bash");
        command.arg(script()).arg("restart").args([&self.programs, self.state.path()]).stdin(Stdio::null());
        assert!(command.status().unwrap().success());
    }

    /// Runs kubectl with words as a shell would split them, and a manifest as standard input (`-f -`).
    pub fn kubectl_with(&self, line: &str, input: &str) -> Ended {
        let mut child = Command::new(self.programs.join("kubectl"))
            .arg("--kubeconfig")
            .arg(self.kubeconfig())
            .args(line.split_whitespace())
            .env_clear()
            .env("HOME", self.state.path())
            .current_dir(workspace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // kubectl may end before it has read all.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { ok: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
    }

    pub fn kubectl(&self, line: &str) -> Ended {
        self.kubectl_with(line, "")
    }

    /// Runs kubectl, which must succeed; gives its standard output.
    pub fn must(&self, line: &str) -> String {
        self.kubectl(line).must(line)
    }

    /// Applies manifests, which must succeed.
    pub fn apply(&self, manifests: &str) {
        self.kubectl_with("apply -f -", manifests).must("apply -f -");
    }

    /// An object as JSON.
    pub fn object(&self, which: &str) -> Value {
        serde_json::from_str(&self.must(&format!("get {which} -o json"))).unwrap()
    }

    /// Looks again until it is so. A time limit is for what never comes.
    pub fn until(&self, which: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || {
            let found = self.kubectl(&format!("get {which} -o json"));
            let object: Value = serde_json::from_str(&found.out).unwrap_or_default();
            if is_so(&object) { Ok(object) } else { Err(format!("{}{}", found.err, found.out)) }
        })
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        drop(self.guard.wait());
    }
}

impl Ended {
    /// Standard output of what must succeed.
    pub fn must(self, line: &str) -> String {
        assert!(self.ok, "kubectl {line}: {}{}", self.err, self.out);
        self.out
    }
}

/// Tries again until it succeeds.
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(found) => return found,
            Err(reason) if Instant::now() > deadline => panic!("expected {what}; last: {reason}"),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// The folder of a part, or a line that says that it is not there.
pub fn part(name: &str, version: &str) -> Option<PathBuf> {
    let named = std::env::var_os("SIGWARD_PARTS").map_or_else(|| PathBuf::from("target/parts"), PathBuf::from);
    // A test runs in its crate's folder, whoever sets the variable in the workspace's.
    let folder = workspace().join(named).join(name);
    // Written last: a part without it is not whole.
    if folder.join(version).is_file() {
        return Some(folder);
    }
    println!("skipped: {} is not there; .ci/parts brings it", folder.display());
    None
}

pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn script() -> PathBuf {
    workspace().join("tests/control-plane/control-plane.sh")
}

/// Indents a text that goes into YAML as a block.
pub fn indented(text: &str, by: usize) -> String {
    let mut out = String::new();
    for line in text.lines() {
        writeln!(out, "{:by$}{line}", "").unwrap();
    }
    out
}
