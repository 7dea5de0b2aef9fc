//! The built program with a folder of policies, a registry on loopback, and somebody who asks.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "shared by test binaries that each use a part"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sigward_testkit::registry::Settings;
use sigward_testkit::{Artifact, EvidenceLayer, Key, OciRegistry, Sigstore};

/// How long anything may take. Nothing is decided by it but that a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running program.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
    pub metrics: Option<SocketAddr>,
    lines: Arc<Mutex<Vec<Value>>>,
}

impl Program {
    /// Starts it on any port.
    pub fn start(folder: &std::path::Path, flags: &[&str]) -> Self {
        Self::of(command(folder).args(flags))
    }

    pub fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        collect(child.stdout.take().unwrap(), Arc::clone(&lines));
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let (mut text, mut metrics) = (String::new(), None);
        let address = loop {
            let mut line = String::new();
            if errors.read_line(&mut line).unwrap() == 0 {
                panic!("the program ended: {text}");
            }
            if let Some(address) = line.trim().strip_prefix("metrics on ") {
                metrics = Some(address.parse().unwrap());
            }
            if let Some(address) = line.trim().strip_prefix("listening on ") {
                break address.parse().unwrap();
            }
            text.push_str(&line);
        };
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        Self { child, address, metrics, lines }
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        ask(self.address, method, path, headers, body)
    }

    pub fn post(&self, path: &str, body: &Value) -> Value {
        let reply = self.ask("POST", path, JSON, body.to_string().as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }

    pub fn validate(&self, request: Value) -> Judged {
        Judged::of(self.post("/validations?timeout=10s", &review(request)))
    }

    pub fn mutate(&self, request: Value) -> Judged {
        Judged::of(self.post("/mutations?timeout=10s", &review(request)))
    }

    /// Waits until the log has an event for which `is_it` holds.
    pub fn wait_for(&self, event: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.events(event).into_iter().find(|line| is_it(line));
            match found {
                Some(line) => return line,
                None if Instant::now() > end => panic!("no {event}: {:#?}", self.lines.lock().unwrap()),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    pub fn events(&self, event: &str) -> Vec<Value> {
        self.lines.lock().unwrap().iter().filter(|line| line["event"] == event).cloned().collect()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn command(folder: &std::path::Path) -> Command {
    let mut command = command_with_tuf(folder);
    command.arg("--disable-tuf");
    command
}

/// The same, asking the TUF repository that further flags name.
pub fn command_with_tuf(folder: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sigward-admission"));
    command.args(["--listen", "127.0.0.1:0", "--policies"]).arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Nothing of whoever runs the tests.
    for name in
        ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "DOCKER_CONFIG", "SYSTEM_NAMESPACE"]
    {
        command.env_remove(name);
    }
    command.env("HOME", folder).env_remove("XDG_RUNTIME_DIR").env_remove("XDG_CONFIG_HOME");
    command
}

fn collect(out: ChildStdout, lines: Arc<Mutex<Vec<Value>>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(serde_json::from_str(&line).unwrap_or(Value::String(line)));
        }
    });
}

pub const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

/// An HTTP answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

/// One request on a connection of its own.
pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    // A server may refuse before it has read everything.
    let _ = stream.write_all(body);
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{text:?}"));
    Reply { status, body: body.to_owned() }
}

/// A POST whose body is framed by its own headers.
pub fn ask_raw(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    let _ = stream.write_all(body);
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{text:?}"));
    Reply { status, body: text }
}

/// An answered review.
#[derive(Debug)]
pub struct Judged {
    pub review: Value,
    pub allowed: bool,
    pub message: String,
    pub warnings: Vec<String>,
    /// The patch, if there is one.
    pub patch: Value,
}

impl Judged {
    pub fn of(review: Value) -> Self {
        use base64::Engine as _;
        let response = &review["response"];
        let texts = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap_or_default() };
        let patch = response["patch"].as_str().map(|patch| {
            let bytes = base64::engine::general_purpose::STANDARD.decode(patch).unwrap();
            serde_json::from_slice(&bytes).unwrap()
        });
        Self {
            allowed: response["allowed"].as_bool().expect("an answer"),
            message: response["status"]["message"].as_str().unwrap_or_default().to_owned(),
            warnings: texts(&response["warnings"]),
            patch: patch.unwrap_or(Value::Null),
            review,
        }
    }

    #[track_caller]
    pub fn assert_allowed(&self) -> &Self {
        assert!(self.allowed, "denied: {}", self.message);
        self
    }

    #[track_caller]
    pub fn assert_denied(&self, part: &str) -> &Self {
        assert!(!self.allowed, "allowed: {}", self.review);
        assert!(self.message.contains(part), "expected {part:?} in {:?}", self.message);
        self
    }
}

/// A review of a request.
pub fn review(request: Value) -> Value {
    json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request})
}

/// A request to make this object.
pub fn create(object: Value) -> Value {
    let (kind, api_version) = (object["kind"].as_str().unwrap(), object["apiVersion"].as_str().unwrap());
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    json!({"uid": "0b5f", "kind": {"group": group, "version": version, "kind": kind}, "operation": "CREATE",
        "namespace": "apps", "object": object, "oldObject": null})
}

/// A request to change it.
pub fn update(old: Value, new: Value) -> Value {
    let mut request = create(new);
    request["operation"] = "UPDATE".into();
    request["oldObject"] = old;
    request
}

/// A Pod with these images.
pub fn pod(images: &[&str]) -> Value {
    let containers: Vec<_> =
        images.iter().enumerate().map(|(n, image)| json!({"name": format!("c{n}"), "image": image})).collect();
    json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "namespace": "apps"},
        "spec": {"containers": containers}})
}

/// A folder of policies, a registry, and a key.
pub struct Scene {
    pub folder: tempfile::TempDir,
    pub registry: OciRegistry,
    pub sigstore: Sigstore,
    pub key: Key,
}

/// The flags with which loopback registries are asked.
pub const LOOPBACK: &[&str] = &["--allow-network", "127.0.0.0/8"];

impl Scene {
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, registry: OciRegistry::with(settings), sigstore: Sigstore::new(), key: Key::default() }
    }

    /// Writes an object.
    pub fn put(&self, name: &str, object: &Value) {
        self.write(&format!("{name}.json"), &object.to_string());
    }

    /// Writes a file at once.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(format!(".{name}"));
        std::fs::write(&path, text).unwrap();
        std::fs::rename(path, self.folder.path().join(name)).unwrap();
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder.path().join(format!("{name}.json"))).unwrap();
    }

    /// A policy for `app/**` of the registry: signed by the key.
    pub fn key_policy(&self) -> Value {
        policy("signed", &[&format!("{}/app/**", self.registry.host())], json!([self.key_authority()]))
    }

    pub fn key_authority(&self) -> Value {
        json!({"name": "k", "key": {"data": self.key.public_pem()}})
    }

    /// An image of the registry, signed by the key; its name by digest.
    pub fn signed(&self, name: &str) -> String {
        let image = Artifact::image(name);
        let by_digest = self.registry.push(name, "v1", &image);
        let signed = self.sigstore.sign_image_with_key(&format!("registry.test/{name}"), &image, &self.key);
        self.registry.sign(name, &image, &[EvidenceLayer::unlogged(&signed)]);
        by_digest
    }

    /// An image that nobody signed.
    pub fn unsigned(&self, name: &str) -> String {
        self.registry.push(name, "v1", &Artifact::image(name))
    }

    pub fn by_tag(&self, name: &str) -> String {
        format!("{}:v1", self.registry.name(name))
    }

    /// The program, allowed to ask the registry.
    pub fn start(&self) -> Program {
        self.start_with(&[])
    }

    pub fn start_with(&self, flags: &[&str]) -> Program {
        Program::start(self.folder.path(), &[LOOPBACK, flags].concat())
    }

    /// The program that believes this authority (PEM) and no other, and may ask 127.0.0.1 alone.
    pub fn start_trusting(&self, authority: &str) -> Program {
        let file = self.folder.path().join("authority.txt");
        std::fs::write(&file, authority).unwrap();
        let mut command = command(self.folder.path());
        Program::of(
            command.args(["--allow-network", "127.0.0.1"]).env("SSL_CERT_FILE", file).env_remove("SSL_CERT_DIR"),
        )
    }
}

/// A policy.
pub fn policy(name: &str, globs: &[&str], authorities: Value) -> Value {
    let images: Vec<_> = globs.iter().map(|glob| json!({"glob": glob})).collect();
    json!({"apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy", "metadata": {"name": name},
        "spec": {"images": images, "authorities": authorities}})
}

/// A ConfigMap of the controller.
pub fn config(no_match: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"no-match-policy": no_match},
        "metadata": {"name": "config-policy-controller", "namespace": "cosign-system"}})
}
