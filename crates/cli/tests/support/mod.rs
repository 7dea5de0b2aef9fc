//! Runs the built program in a place of its own: a home, a working folder, an environment that holds nothing else.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests; not every one uses everything"
)]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sigward_testkit::{IDENTITY, ISSUER, Signed, Sigstore};
use tempfile::TempDir;

/// The built program.
pub const SIGWARD: &str = env!("CARGO_BIN_EXE_sigward");
/// After this a run hangs, and is ended.
const HANGS: Duration = Duration::from_secs(90);
/// What a run with [`Place::run_bounded`] may take: addresses, of which resident memory is a part.
const MEMORY_KIB: u64 = 512 * 1024;

/// The signer of the test kit's default certificate.
pub fn who() -> String {
    format!("--certificate-identity {IDENTITY} --certificate-oidc-issuer {ISSUER}")
}

/// A folder for one test.
pub struct Place {
    folder: TempDir,
    environment: BTreeMap<String, OsString>,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "work", "trust"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let mut place = Self { folder, environment: BTreeMap::new() };
        place.set("HOME", place.path("home"));
        place
    }

    /// A path in the test's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as text.
    pub fn text(&self, name: &str) -> String {
        self.path(name).into_os_string().into_string().unwrap()
    }

    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.environment.insert(name.to_owned(), value.as_ref().to_owned());
    }

    pub fn unset(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// Writes a file into the working folder.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path("work").join(name), bytes).unwrap();
    }

    /// Trust in this instance as files: `trust/trusted_root.json` and the four that the environment names.
    pub fn trust(&self, sigstore: &Sigstore) {
        let put = |name: &str, text: String| std::fs::write(self.path("trust").join(name), text).unwrap();
        put("trusted_root.json", sigstore.trusted_root().to_json());
        put("fulcio.pem", sigstore.root_pem());
        put("rekor.pub", sigstore.rekor_pem());
        put("ct.pub", sigstore.ct_pem());
        put("tsa.pem", sigstore.tsa_pem());
    }

    /// Names the PEM files of [`Place::trust`] in the environment.
    pub fn trust_by_environment(&mut self) {
        self.set("SIGSTORE_ROOT_FILE", self.path("trust/fulcio.pem"));
        self.set("SIGSTORE_REKOR_PUBLIC_KEY", self.path("trust/rekor.pub"));
        self.set("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", self.path("trust/ct.pub"));
    }

    /// Names of all files and folders in the working folder.
    pub fn files(&self) -> Vec<String> {
        names(&self.path("work"))
    }

    /// All files below a folder of the test, by path.
    pub fn tree(&self, name: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.path(name)];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            for entry in entries {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        found.sort();
        found
    }

    /// Runs the program in the working folder; words are separated by spaces.
    pub fn run(&self, words: &str) -> Run {
        self.run_all(&words.split_whitespace().collect::<Vec<_>>())
    }

    /// The same with arguments as they are.
    pub fn run_all(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(SIGWARD);
        command.args(arguments);
        self.finish(command, b"")
    }

    /// The same with bytes on standard input.
    pub fn run_with_input(&self, words: &str, input: &[u8]) -> Run {
        let mut command = Command::new(SIGWARD);
        command.args(words.split_whitespace());
        self.finish(command, input)
    }

    /// The same, called by another path or name.
    pub fn run_as(&self, program: &Path, words: &str) -> Run {
        let mut command = Command::new(program);
        command.args(words.split_whitespace());
        self.finish(command, b"")
    }

    /// The same with little memory: who reads all of a large file fails.
    pub fn run_bounded(&self, words: &str) -> Run {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\""), SIGWARD]);
        command.args(words.split_whitespace());
        self.finish(command, b"")
    }

    /// The command in this place, for what the others cannot do.
    pub fn prepared(&self, mut command: Command) -> Command {
        command.env_clear().envs(&self.environment).current_dir(self.path("work"));
        command
    }

    fn finish(&self, command: Command, input: &[u8]) -> Run {
        let mut command = self.prepared(command);
        let before = self.files();
        let started = Instant::now();
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        let (mut stdin, out, err) =
            (child.stdin.take().unwrap(), child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (out, err) = (reader(out), reader(err));
        // Who reads no input closes it, which is no failure here.
        let _ = stdin.write_all(input);
        drop(stdin);
        let code = wait(&mut child);
        let run = Run {
            code,
            out: out.join().unwrap(),
            err: err.join().unwrap(),
            took: started.elapsed(),
            new_files: self.files().into_iter().filter(|name| !before.contains(name)).collect(),
        };
        assert!(!run.err.contains("panicked") && !run.err.contains("RUST_BACKTRACE"), "{run:?}");
        run
    }
}

/// Waits for a run; one that hangs is ended, and the test fails.
fn wait(child: &mut Child) -> i32 {
    let until = Instant::now() + HANGS;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the program hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn reader(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).expect("the program writes UTF-8")
    })
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// How a run ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
    pub took: Duration,
    /// What is new in the working folder.
    pub new_files: Vec<String>,
}

impl Run {
    /// It verified one thing, said so, and printed nothing else.
    #[track_caller]
    pub fn verified(self) -> Self {
        assert_eq!((self.code, self.out.as_str()), (0, ""), "{self:?}");
        assert!(self.err.ends_with("Verified OK\n"), "{self:?}");
        self
    }

    /// It succeeded.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// It failed, said this, printed no result and left nothing behind.
    #[track_caller]
    pub fn failed(self, text: &str) -> Self {
        assert_eq!((self.code, self.out.as_str()), (1, ""), "{self:?}");
        assert!(self.err.contains("Error: ") && self.err.contains("\nerror during command execution: "), "{self:?}");
        assert!(self.err.contains(text), "{text:?} is not in {self:?}");
        assert!(!self.err.contains("Verified OK"), "{self:?}");
        assert_eq!(self.new_files, Vec::<String>::new(), "{self:?}");
        self
    }

    /// It failed with this reason code, in JSON.
    #[track_caller]
    pub fn failed_with_code(self, code: &str) -> Self {
        assert_eq!(self.code, 1, "{self:?}");
        let document = self.json();
        assert_eq!(document["verified"], false, "{self:?}");
        assert_eq!(document["blobs"][0]["error"]["code"], code, "{self:?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub fn said(self, text: &str) -> Self {
        assert!(self.err.contains(text), "{text:?} is not in {self:?}");
        self
    }

    #[track_caller]
    pub fn did_not_say(self, text: &str) -> Self {
        assert!(!self.err.contains(text), "{text:?} is in {self:?}");
        self
    }

    #[track_caller]
    pub fn within(self, seconds: u64) -> Self {
        assert!(self.took < Duration::from_secs(seconds), "{self:?}");
        self
    }
}

/// Writes `NAME`, `NAME.sig` and, for keyless signatures, `NAME.cert`.
pub fn put_signed(place: &Place, name: &str, signed: &Signed) {
    place.put(name, &signed.artifact);
    place.put(&format!("{name}.sig"), signed.sig());
    if signed.cert.is_some() {
        place.put(&format!("{name}.cert"), signed.cert_b64());
    }
}
