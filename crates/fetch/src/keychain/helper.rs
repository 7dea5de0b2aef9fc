//! Credential helpers: programs that know secrets (`docker-credential-NAME get`, github.com/docker/docker-credential-helpers).

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::json::Object;
use super::{KeychainSources, RegistryCredential, RegistrySecret};
use crate::text::brief;
use crate::{Error, limits};

/// What a helper says of a server that it has nothing for.
const NOT_FOUND: &str = "credentials not found in native keychain";
/// The user name beside an identity token.
const TOKEN_USER: &str = "<token>";

type Found = Result<Option<RegistryCredential>, Arc<Error>>;

/// What a helper said and when; whoever holds it may ask.
type Slot = Arc<Mutex<Option<(Instant, Found)>>>;

/// Runs helpers, and remembers what they said: each is asked once for a server, however many repositories need it.
pub(super) struct Helpers {
    path: Option<OsString>,
    patience: Duration,
    /// By helper and server.
    said: Mutex<HashMap<(String, String), Slot>>,
}

impl Helpers {
    pub(super) fn new(sources: &KeychainSources) -> Self {
        Self { path: sources.path.clone(), patience: sources.helper_patience, said: Mutex::default() }
    }

    /// What the helper has for a server. `file` names it in errors.
    pub(super) fn get(&self, helper: &str, server: &str, file: &str) -> Found {
        let slot = {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(said.entry((helper.to_owned(), server.to_owned())).or_default())
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.as_ref() {
            Some((at, found)) if at.elapsed() < limits::HELPER_AGE => found.clone(),
            _ => {
                let found = self.ask(helper, server, file).map_err(Arc::new);
                *slot = Some((Instant::now(), found.clone()));
                found
            }
        }
    }

    fn ask(&self, helper: &str, server: &str, file: &str) -> Result<Option<RegistryCredential>, Error> {
        let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !helper.starts_with(|c: char| c.is_ascii_alphanumeric()) || !helper.chars().all(safe) {
            let reason =
                format!("expected letters, digits, '-', '_' and '.' as the name of a helper, found {helper:?}");
            return Err(Error::CredentialFile { file: file.to_owned(), reason });
        }
        let name = format!("docker-credential-{helper}");
        let error = |reason: String| Error::CredentialHelper { helper: name.clone(), reason };
        let program = self.program(&name).ok_or_else(|| error(format!("not found in PATH ({file} names it)")))?;
        let (status, output) = run(&program, server, self.patience).map_err(error)?;
        if !status.success() {
            if output.trim_ascii() == NOT_FOUND.as_bytes() {
                return Ok(None);
            }
            return Err(error(format!("{status}: {}", brief(&output))));
        }
        let Object(said): Object<Said> = serde_json::from_slice(&output)
            .map_err(|_| error("its answer is no JSON object with Username and Secret".to_owned()))?;
        Ok(said.secret().map(|secret| RegistryCredential::new(&name, secret)))
    }

    /// The program's path. Folders of `PATH` that are relative are left out, as Go does: they would be whatever the
    /// current folder has.
    fn program(&self, name: &str) -> Option<PathBuf> {
        let folders = std::env::split_paths(self.path.as_ref()?).filter(|folder| folder.is_absolute());
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        folders.map(|folder| folder.join(&file)).find(|program| is_executable(program))
    }
}

#[derive(Deserialize)]
struct Said {
    #[serde(rename = "Username", default)]
    user: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

impl Said {
    fn secret(self) -> Option<RegistrySecret> {
        match (self.user.as_str(), self.secret.is_empty()) {
            (_, true) => None,
            (TOKEN_USER, _) => Some(RegistrySecret::IdentityToken(self.secret)),
            _ => Some(RegistrySecret::Basic { user: self.user, password: self.secret }),
        }
    }
}

/// Runs a helper to its end, or kills it: what it prints and how long it takes are bounded.
fn run(program: &PathBuf, server: &str, patience: Duration) -> Result<(ExitStatus, Vec<u8>), String> {
    let deadline = Instant::now() + patience;
    let mut command = Command::new(program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    own_group(&mut command);
    let child = command.spawn().map_err(|error| format!("cannot be started: {error}"))?;
    let mut running = Running { child, ended: false };
    if let Some(mut input) = running.child.stdin.take() {
        // A helper that ends without reading is judged by what it says.
        let _ = input.write_all(server.as_bytes());
    }
    let Some(output) = running.child.stdout.take() else { return Err("has no output".to_owned()) };
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = output.take(limits::HELPER_OUTPUT.saturating_add(1)).read_to_end(&mut bytes);
        // Nobody listens any more: the helper was given up.
        let _ = sender.send(read.map(|_| bytes));
    });
    let late = || format!("no answer within {} s", patience.as_secs_f32());
    let bytes = receiver.recv_timeout(patience).map_err(|_| late())?.map_err(|error| error.to_string())?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limits::HELPER_OUTPUT) {
        return Err(format!("printed more than {} bytes", limits::HELPER_OUTPUT));
    }
    loop {
        match running.child.try_wait() {
            Ok(Some(status)) => {
                running.ended = true;
                return Ok((status, bytes));
            }
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
            Ok(None) => return Err(late()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// A process that does not outlive its user, with whatever it started.
struct Running {
    child: Child,
    ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // Before it is waited for: until then nobody else can have its number.
        kill(&mut self.child);
        let _ = self.child.wait();
    }
}

/// A group of its own, so that what a helper starts ends with it.
#[cfg(unix)]
fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) {}

#[cfg(unix)]
fn kill(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    // What cannot be killed is gone.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

#[cfg(not(unix))]
fn kill(child: &mut Child) {
    let _ = child.kill();
}

#[cfg(unix)]
fn is_executable(program: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    program.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(program: &std::path::Path) -> bool {
    program.is_file()
}
