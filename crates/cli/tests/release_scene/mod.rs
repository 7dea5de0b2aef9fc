//! A minted release, served on loopback with its log, and the program in a place of its own.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "tests; not every one uses everything")]

use serde_json::Value;
use sigward_testkit::{FileServer, Leaf, RekorServer, Release, ReleaseSpec, Sigstore};

use crate::support::{Place, Run};

pub const KUBECTL: &str = "bin/linux/amd64/kubectl";
pub const RELEASE_SBOM: &str = "kubernetes-release.spdx";
/// Everything that belongs to one file.
pub const ALL: [&str; 5] = ["", ".sig", ".cert", ".sha256", ".sha512"];

/// A release on a server.
pub struct Scene {
    pub place: Place,
    pub sigstore: Sigstore,
    pub release: Release,
    pub server: FileServer,
    pub log: RekorServer,
}

impl Scene {
    /// A whole release.
    pub fn new() -> Self {
        Self::with(&ReleaseSpec::default())
    }

    /// A release of one platform with few files.
    pub fn small() -> Self {
        Self::with(&Self::small_spec())
    }

    pub fn small_spec() -> ReleaseSpec {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        ReleaseSpec {
            platforms: list(&["linux/amd64"]),
            client_binaries: list(&["kubectl"]),
            node_binaries: list(&["kubelet"]),
            images: list(&["kube-proxy"]),
            ..ReleaseSpec::default()
        }
    }

    pub fn with(spec: &ReleaseSpec) -> Self {
        let sigstore = Sigstore::new();
        let release = Release::new(&sigstore, spec);
        let place = Place::new();
        place.trust(&sigstore);
        let log = RekorServer::start(&sigstore.rekor);
        let server = FileServer::start(release.files.clone());
        Self { place, sigstore, release, server, log }
    }

    /// Serves the release as it is now, with all log entries that there are now.
    pub fn serve(&self) {
        self.server.set(self.release.files.clone());
        for entry in self.sigstore.rekor.entries() {
            self.log.add(&entry);
        }
    }

    /// A change to the release, served.
    pub fn change(mut self, change: impl FnOnce(&mut Release, &Sigstore)) -> Self {
        change(&mut self.release, &self.sigstore);
        self.serve();
        self
    }

    pub fn flags(&self) -> String {
        let trust = self.place.text("trust/trusted_root.json");
        let (base, rekor) = (self.server.url(), self.log.url());
        format!("--base-url {base} --rekor-url {rekor} --trusted-root {trust} --retry-delay 0")
    }

    pub fn verify(&self, words: &str) -> Report {
        self.run(&format!("release verify v1.30.0 {} -o json {words}", self.flags()))
    }

    pub fn fetch(&self, words: &str) -> Report {
        self.run(&format!("release fetch v1.30.0 {} --dest got -o json {words}", self.flags()))
    }

    pub fn verify_folder(&self, words: &str) -> Report {
        let trust = self.place.text("trust/trusted_root.json");
        self.run(&format!("release verify v1.30.0 --dir got --trusted-root {trust} -o json {words}"))
    }

    pub fn run(&self, words: &str) -> Report {
        Report(self.place.run(words))
    }

    /// Names below the fetched folder, without the release's own part.
    pub fn fetched(&self) -> Vec<String> {
        let root = self.place.path("work/got");
        let names = self.place.tree("work/got").into_iter();
        let names = names.map(|path| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned());
        names.map(|name| name.replace("release/v1.30.0/", "")).collect()
    }

    /// The bytes of a fetched file.
    pub fn got(&self, inner: &str) -> Option<Vec<u8>> {
        std::fs::read(self.place.path("work/got/release/v1.30.0").join(inner)).ok()
    }

    /// Another release by the same signers: an older version's good files.
    pub fn other_version(&self) -> Release {
        Release::new(&self.sigstore, &ReleaseSpec { version: "v1.29.0".into(), ..self.release.spec.clone() })
    }
}

/// Somebody else whom the same authority has certified.
pub fn stranger() -> Leaf {
    Leaf::email("eve@example.com")
}

/// How a run ended, by its JSON.
#[derive(Debug)]
pub struct Report(pub Run);

impl Report {
    #[track_caller]
    pub fn document(&self) -> Value {
        self.0.json()
    }

    /// State and reason code of a file of the release, or of an image.
    #[track_caller]
    pub fn of(&self, inner: &str) -> (String, Option<String>) {
        let document = self.document();
        let artifacts = document["artifacts"].as_array().unwrap();
        let mut found = artifacts.iter().filter(|a| {
            let path = a["path"].as_str().unwrap();
            path == inner || path.strip_prefix("release/v1.30.0/") == Some(inner)
        });
        let artifact = found.next().unwrap_or_else(|| panic!("{inner} is not in {:?}", self.0));
        (artifact["state"].as_str().unwrap().to_owned(), artifact["code"].as_str().map(str::to_owned))
    }

    /// It failed for this file, and for this reason.
    #[track_caller]
    pub fn fails(self, inner: &str, state: &str, code: &str) -> Self {
        assert_eq!(self.of(inner), (state.to_owned(), Some(code.to_owned())), "{:?}", self.0);
        self.failed()
    }

    #[track_caller]
    pub fn failed(self) -> Self {
        assert_eq!((self.0.code, &self.document()["verified"]), (1, &Value::Bool(false)), "{:?}", self.0);
        self
    }

    /// All that was asked for is verified.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!((self.0.code, &self.document()["verified"]), (0, &Value::Bool(true)), "{:?}", self.0);
        self
    }

    /// Names of what is in this state.
    pub fn in_state(&self, state: &str) -> Vec<String> {
        let document = self.document();
        let artifacts = document["artifacts"].as_array().unwrap().iter();
        let named = artifacts.filter(|a| a["state"] == state).map(|a| a["path"].as_str().unwrap());
        named.map(|path| path.trim_start_matches("release/v1.30.0/").to_owned()).collect()
    }
}
