//! The controller as a process.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::control_plane::eventually;

/// A running replica. Dropping it kills it.
#[derive(Debug)]
pub struct Replica {
    pub port: u16,
    pub name: String,
    child: Child,
    log: Arc<Mutex<String>>,
    folder: tempfile::TempDir,
}

impl Replica {
    /// Starts it as in a Pod, but for the kubeconfig and the port, and allows what only tests do: registries on loopback,
    /// and without TLS. Servers of policies are believed if `authority` (PEM) vouches for them.
    pub fn start(kubeconfig: &Path, name: &str, authority: &str, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authorities = folder.path().join("authority.pem");
        std::fs::write(&authorities, authority).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sigward-admission"))
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .arg(format!("--cache-dir={}", folder.path().display()))
            .args(["--listen=127.0.0.1:0", "--allow-network=127.0.0.0/8", "--allow-http-registry"])
            // Scenarios sign what was just denied.
            .args(["--drain-quiet-period=1s", "--refusal-ttl=0s"])
            .args(flags)
            .env_clear()
            .env("SYSTEM_NAMESPACE", super::SYSTEM)
            .env("WEBHOOK_NAME", "webhook")
            .env("POD_NAME", name)
            .env("SIGWARD_PULL_SECRETS", "watch")
            .env("HOME", folder.path())
            .env("SSL_CERT_FILE", authorities)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(folder.path().join("log")).unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (shared, stderr) = (Arc::clone(&log), child.stderr.take().unwrap());
        // Who does not read its log blocks it.
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = shared.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let port = eventually("the controller to listen", || {
            let log = log.lock().unwrap();
            let told = log.split("listening on ").nth(1).and_then(|rest| rest.split([' ', '\n', '"']).next());
            told.and_then(|address| address.rsplit(':').next()?.parse().ok()).ok_or_else(|| log.clone())
        });
        Self { port, name: name.to_owned(), child, log, folder }
    }

    /// Waits until it takes reviews.
    pub fn wait_until_ready(&self) {
        eventually("the controller to be ready", || match self.get("/readyz") {
            Ok(200) => Ok(()),
            other => Err(format!("{other:?}\n{}", self.log())),
        });
    }

    /// What it told: where it listens, and its log.
    pub fn log(&self) -> String {
        let told = self.log.lock().unwrap().clone();
        told + &std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// As the kubelet asks: whatever the certificate is.
    pub fn get(&self, path: &str) -> Result<u16, String> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).map_err(|error| error.to_string())?;
        super::probe::get(stream, path)
    }

    /// SIGTERM.
    pub fn terminate(&mut self) {
        let status = Command::new("/bin/kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end; whether it ended well.
    pub fn ended(&mut self) -> bool {
        eventually("the controller to end", || match self.child.try_wait().unwrap() {
            Some(status) => Ok(status.success()),
            None => Err(self.log()),
        })
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            println!("log of {}:\n{}", self.name, self.log());
        }
    }
}
