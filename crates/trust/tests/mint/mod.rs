//! A TUF repository in memory, whose every part can be made wrong, and a driver without a network.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "each test file uses a part"
)]

use std::collections::BTreeMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use sigstore_tuf::canonical_json::to_canonical_bytes;
use sigward_trust::Error;
use sigward_trust::limits::Limits;
use sigward_trust::tuf::{CachedFiles, Refresh, Refreshed, Start, TRUSTED_ROOT};
use sigward_verify::evidence::{Answer, Inquiry, Response, Step};
use sigward_verify::{hex, sha256};

pub const MIRROR: &str = "http://tuf.test";
pub const NOW: &str = "2026-11-25T12:00:00Z";
pub const FUTURE: &str = "2027-01-01T00:00:00Z";
pub const PAST: &str = "2026-11-01T00:00:00Z";

/// A key of the repository. Ed25519, from one byte, so the same each time.
pub struct Signer {
    pub id: String,
    pub public: String,
    pair: Ed25519KeyPair,
}

impl Signer {
    pub fn new(seed: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = hex(pair.public_key().as_ref());
        Self { id: format!("key{seed}"), public, pair }
    }

    pub fn signature(&self, signed: &Value) -> Value {
        let bytes = to_canonical_bytes(signed).unwrap();
        json!({"keyid": self.id, "sig": hex(self.pair.sign(&bytes).as_ref())})
    }

    pub fn key(&self) -> Value {
        json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": self.public}})
    }
}

pub fn envelope(signed: &Value, signers: &[&Signer]) -> Vec<u8> {
    let signatures: Vec<Value> = signers.iter().map(|signer| signer.signature(signed)).collect();
    serde_json::to_vec(&json!({"signed": signed, "signatures": signatures})).unwrap()
}

/// A repository; `files` is what its server has.
pub struct Repo {
    pub root: Value,
    pub timestamp: Value,
    pub snapshot: Value,
    pub targets: Value,
    pub signers: BTreeMap<&'static str, Vec<u8>>,
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Repo {
    /// Version 1 of everything: two of two keys for roots, one key for each other role, one target.
    pub fn new() -> Self {
        let role = |kind: &str| json!({"_type": kind, "spec_version": "1.0.31", "version": 1, "expires": FUTURE});
        let mut root = role("root");
        root["consistent_snapshot"] = json!(true);
        let signers =
            BTreeMap::from([("root", vec![1, 2]), ("timestamp", vec![3]), ("snapshot", vec![4]), ("targets", vec![5])]);
        let mut timestamp = role("timestamp");
        timestamp["meta"] = json!({});
        let mut snapshot = role("snapshot");
        snapshot["meta"] = json!({});
        let mut targets = role("targets");
        targets["targets"] = json!({});
        let mut repo = Self { root, timestamp, snapshot, targets, signers, files: BTreeMap::new() };
        repo.list_keys();
        repo.add_target(TRUSTED_ROOT, b"{\"first\":true}");
        repo.publish_root();
        repo.publish();
        repo
    }

    /// Writes the signers into the root.
    pub fn list_keys(&mut self) {
        let (mut keys, mut roles) = (json!({}), json!({}));
        for (role, seeds) in &self.signers {
            let ids: Vec<String> = seeds.iter().map(|seed| format!("key{seed}")).collect();
            roles[*role] = json!({"keyids": ids, "threshold": seeds.len()});
            for seed in seeds {
                keys[format!("key{seed}")] = Signer::new(*seed).key();
            }
        }
        self.root["keys"] = keys;
        self.root["roles"] = roles;
    }

    pub fn add_target(&mut self, name: &str, bytes: &[u8]) {
        self.targets["targets"][name] = listed(bytes);
        self.files.insert(format!("targets/{}", hashed(name, bytes)), bytes.to_vec());
    }

    /// Signs the root with the keys of its role.
    pub fn publish_root(&mut self) {
        self.publish_root_signed_by(&self.signers["root"].clone());
    }

    pub fn publish_root_signed_by(&mut self, seeds: &[u8]) {
        let bytes = signed_by(&self.root, seeds);
        self.files.insert(format!("{}.root.json", self.root["version"]), bytes);
    }

    /// The next root version, signed by the present root keys.
    pub fn next_root(&mut self) {
        self.root["version"] = json!(self.root["version"].as_u64().unwrap() + 1);
        self.publish_root();
    }

    /// Signs targets, snapshot and timestamp with their versions as they are, each pinning the one before.
    pub fn publish(&mut self) {
        let targets = signed_by(&self.targets, &self.signers["targets"]);
        self.snapshot["meta"]["targets.json"] = pin(&self.targets, &targets);
        self.files.insert(format!("{}.targets.json", self.targets["version"]), targets);
        self.publish_snapshot();
    }

    pub fn publish_snapshot(&mut self) {
        let snapshot = signed_by(&self.snapshot, &self.signers["snapshot"]);
        self.timestamp["meta"]["snapshot.json"] = pin(&self.snapshot, &snapshot);
        self.files.insert(format!("{}.snapshot.json", self.snapshot["version"]), snapshot);
        self.publish_timestamp();
    }

    pub fn publish_timestamp(&mut self) {
        let timestamp = signed_by(&self.timestamp, &self.signers["timestamp"]);
        self.files.insert("timestamp.json".to_owned(), timestamp);
    }

    /// The next version of targets, snapshot and timestamp.
    pub fn next(&mut self) {
        for role in [&mut self.targets, &mut self.snapshot, &mut self.timestamp] {
            role["version"] = json!(role["version"].as_u64().unwrap() + 1);
        }
        self.publish();
    }

    /// A role that the top level delegates paths to, or that another delegated role does.
    pub fn delegate(&mut self, parent: Option<&str>, role: &str, paths: &[&str], terminating: bool, seed: u8) {
        let delegation = json!({
            "name": role, "keyids": [format!("key{seed}")], "threshold": 1, "paths": paths, "terminating": terminating,
        });
        let parent = match parent {
            None => &mut self.targets,
            Some(_) => unreachable!("write it by hand"),
        };
        if parent["delegations"].is_null() {
            parent["delegations"] = json!({"keys": {}, "roles": []});
        }
        parent["delegations"]["keys"][format!("key{seed}")] = Signer::new(seed).key();
        parent["delegations"]["roles"].as_array_mut().unwrap().push(delegation);
    }

    /// Publishes a delegated role; `publish` must follow.
    pub fn publish_delegated(&mut self, role: &str, signed: &Value, seed: u8) {
        let bytes = signed_by(signed, &[seed]);
        self.snapshot["meta"][format!("{role}.json")] = pin(signed, &bytes);
        let file = sigward_trust::tuf::encoded(role);
        self.files.insert(format!("{}.{file}.json", signed["version"]), bytes);
    }

    pub fn first_root(&self) -> Vec<u8> {
        self.files["1.root.json"].clone()
    }

    /// What a client has cached that refreshed now.
    pub fn cached(&self) -> CachedFiles {
        let file = |role: &Value, name: &str| self.files.get(&format!("{}.{name}.json", role["version"])).cloned();
        let last = self.root["version"].as_u64().unwrap();
        let name = TRUSTED_ROOT;
        CachedFiles {
            roots: (2..=last).map(|version| self.files[&format!("{version}.root.json")].clone()).collect(),
            timestamp: self.files.get("timestamp.json").cloned(),
            snapshot: file(&self.snapshot, "snapshot"),
            targets: file(&self.targets, "targets"),
            delegated: BTreeMap::new(),
            target_files: BTreeMap::from([(name.to_owned(), self.target(name))]),
        }
    }

    pub fn target(&self, name: &str) -> Vec<u8> {
        let digest = self.targets["targets"][name]["hashes"]["sha256"].as_str().unwrap();
        self.files[&format!("targets/{digest}.{name}")].clone()
    }
}

pub fn delegated(targets: &Value) -> Value {
    json!({"_type": "targets", "spec_version": "1.0.31", "version": 1, "expires": FUTURE, "targets": targets})
}

pub fn listed(bytes: &[u8]) -> Value {
    json!({"length": bytes.len(), "hashes": {"sha256": hex(&sha256(bytes))}})
}

pub fn hashed(name: &str, bytes: &[u8]) -> String {
    let digest = hex(&sha256(bytes));
    match name.rsplit_once('/') {
        Some((folder, file)) => format!("{folder}/{digest}.{file}"),
        None => format!("{digest}.{name}"),
    }
}

fn pin(signed: &Value, bytes: &[u8]) -> Value {
    json!({"version": signed["version"], "length": bytes.len(), "hashes": {"sha256": hex(&sha256(bytes))}})
}

pub fn signed_by(signed: &Value, seeds: &[u8]) -> Vec<u8> {
    let signers: Vec<Signer> = seeds.iter().map(|seed| Signer::new(*seed)).collect();
    envelope(signed, &signers.iter().collect::<Vec<_>>())
}

pub fn start(root: Vec<u8>, cached: CachedFiles) -> Start {
    Start {
        root,
        cached,
        mirror: MIRROR.to_owned(),
        targets_url: None,
        names: vec![TRUSTED_ROOT.to_owned()],
        now: NOW.parse().unwrap(),
        limits: Limits::default(),
    }
}

/// Drives a refresh over files; gives the paths asked for, too.
pub fn walk(start: Start, files: &BTreeMap<String, Vec<u8>>) -> (Result<Refreshed, Error>, Vec<String>) {
    walk_with(start, |path| files.get(path).map_or((404, Vec::new()), |bytes| (200, bytes.clone())))
}

pub fn walk_with(start: Start, serve: impl Fn(&str) -> (u16, Vec<u8>)) -> (Result<Refreshed, Error>, Vec<String>) {
    let mut paths = Vec::new();
    let mut refresh = match Refresh::new(start) {
        Ok(refresh) => refresh,
        Err(error) => return (Err(error), paths),
    };
    let mut answers = Vec::new();
    loop {
        let needs = match refresh.step(std::mem::take(&mut answers)) {
            Step::Done(refreshed) => return (Ok(refreshed), paths),
            Step::Failed(error) => return (Err(error), paths),
            Step::Need(needs) => needs,
        };
        for need in needs {
            let path = need.url.strip_prefix(MIRROR).unwrap().trim_start_matches('/').to_owned();
            let (status, body) = serve(&path);
            paths.push(path);
            let url = need.url.clone();
            let outcome = if body.len() > need.limit {
                Err(sigward_verify::evidence::Unreachable::TooLarge { url, limit: need.limit })
            } else {
                Ok(Response { status, content_type: None, body, content_digest: None, link: None })
            };
            answers.push(Answer { outcome, host: "tuf.test".to_owned(), url: String::new(), credential: None });
        }
    }
}
