//! A TUF repository as a map of paths to bytes.
//!
//! [`TufRepo::publish`] writes all metadata of the roles as they stand; tests change a [`Role`] (keys, signers, version,
//! expiry, threshold) and publish again, or sign and put any file themselves.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::keys::{Hash, Key, KeyKind, sha256};
use crate::text::{hex, olpc};
use crate::time::{DAY, SIGNING_TIME, rfc3339};

/// One role, all parts open.
#[derive(Debug, Clone)]
pub struct Role {
    /// Keys that root names for it.
    pub keys: Vec<Key>,
    /// Keys that sign in place of these: others, or too few.
    pub signers: Option<Vec<Key>>,
    /// Threshold that root names.
    pub threshold: u64,
    /// Version of the role's file.
    pub version: u64,
    /// Expiry of the role's file.
    pub expires: i64,
}

/// A repository.
#[derive(Debug, Clone)]
pub struct TufRepo {
    /// What the mirror has.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Root.
    pub root: Role,
    /// Targets.
    pub targets: Role,
    /// Snapshot.
    pub snapshot: Role,
    /// Timestamp.
    pub timestamp: Role,
    /// Target files by name.
    pub target_files: BTreeMap<String, Vec<u8>>,
    /// `consistent_snapshot`, and the version and hash in file names.
    pub consistent: bool,
    /// Write length and hashes of snapshot and targets metadata too (the public repository does not).
    pub pin_metadata: bool,
    /// Keys of the root version before this one: they sign a rotated root as well.
    previous_root: Option<Role>,
}

impl Role {
    /// Fresh P-256 keys.
    pub fn new(keys: usize, threshold: u64, days: i64) -> Self {
        Self {
            keys: (0..keys).map(|_| Key::new(KeyKind::P256)).collect(),
            signers: None,
            threshold,
            version: 1,
            expires: SIGNING_TIME + days * DAY,
        }
    }

    fn signers(&self) -> &[Key] {
        self.signers.as_ref().unwrap_or(&self.keys)
    }

    fn to_value(&self) -> Value {
        let ids: Vec<_> = self.keys.iter().map(key_id).collect();
        json!({"keyids": ids, "threshold": self.threshold})
    }
}

impl TufRepo {
    /// A published repository with one target, `trusted_root.json`: root and targets 3 of 5, the rest one online key.
    pub fn new(trusted_root: &str) -> Self {
        let root = Role::new(5, 3, 200);
        let online = Role::new(1, 1, 60);
        let mut repo = Self {
            files: BTreeMap::new(),
            targets: Role { expires: SIGNING_TIME + 3650 * DAY, ..root.clone() },
            root,
            snapshot: Role { expires: SIGNING_TIME + 3650 * DAY, ..online.clone() },
            timestamp: online,
            target_files: BTreeMap::new(),
            consistent: true,
            pin_metadata: false,
            previous_root: None,
        };
        repo.target_files.insert("trusted_root.json".to_owned(), trusted_root.as_bytes().to_vec());
        repo.publish_root();
        repo.publish();
        repo
    }

    /// The same, for clients that look at the clock: it runs out in 2100.
    pub fn lasting(trusted_root: &str) -> Self {
        const YEAR_2100: i64 = 4_102_444_800;
        let mut repo = Self::new(trusted_root);
        for role in [&mut repo.root, &mut repo.targets, &mut repo.snapshot, &mut repo.timestamp] {
            role.expires = YEAR_2100;
        }
        repo.publish_root();
        repo.publish();
        repo
    }

    /// The first root: what a client starts from.
    pub fn initial_root(&self) -> Vec<u8> {
        self.files["1.root.json"].clone()
    }

    /// Writes `N.root.json` for the root as it stands, signed by its keys and those of the version before.
    pub fn publish_root(&mut self) {
        let signed = self.root_value();
        let mut signers = self.root.signers().to_vec();
        if let Some(previous) = &self.previous_root {
            let known: Vec<_> = signers.iter().map(key_id).collect();
            let mut older = previous.keys.clone();
            older.retain(|key| !known.contains(&key_id(key)));
            // Signers that a test chose stand alone.
            if self.root.signers.is_none() {
                signers.extend(older);
            }
        }
        let bytes = sign(&signed, &signers);
        self.files.insert(format!("{}.root.json", self.root.version), bytes.clone());
        self.files.insert("root.json".to_owned(), bytes);
    }

    /// A new root version with new root keys.
    pub fn rotate_root(&mut self) {
        self.previous_root = Some(self.root.clone());
        self.root.version += 1;
        self.root.keys = (0..self.root.keys.len()).map(|_| Key::default()).collect();
        self.publish_root();
    }

    /// A new root version with new keys for timestamp and snapshot; everything is signed again.
    pub fn rotate_online(&mut self) {
        self.previous_root = Some(self.root.clone());
        self.root.version += 1;
        let key = Key::default();
        self.timestamp.keys = vec![key.clone()];
        self.snapshot.keys = vec![key];
        self.publish_root();
        self.bump();
    }

    /// Publishes the next version of targets, snapshot and timestamp.
    pub fn bump(&mut self) {
        self.targets.version += 1;
        self.snapshot.version += 1;
        self.timestamp.version += 1;
        self.publish();
    }

    /// Replaces a target and publishes.
    pub fn set_target(&mut self, name: &str, bytes: &[u8]) {
        self.target_files.insert(name.to_owned(), bytes.to_vec());
        self.bump();
    }

    /// Writes targets, snapshot, timestamp and target files for the roles as they stand.
    pub fn publish(&mut self) {
        for (name, bytes) in &self.target_files {
            let path = match (self.consistent, name.rsplit_once('/')) {
                (false, _) => format!("targets/{name}"),
                (true, None) => format!("targets/{}.{name}", hex(sha256(bytes))),
                (true, Some((folder, file))) => {
                    format!("targets/{folder}/{}.{file}", hex(sha256(bytes)))
                }
            };
            self.files.insert(path, bytes.clone());
        }
        let targets = sign(&self.targets_value(), self.targets.signers());
        let meta = self.meta("targets.json", &self.targets, &targets);
        let snapshot = sign(&self.snapshot_value(meta), self.snapshot.signers());
        let meta = self.meta("snapshot.json", &self.snapshot, &snapshot);
        let timestamp = sign(&self.timestamp_value(meta), self.timestamp.signers());
        self.put_versioned(self.targets.version, "targets.json", targets);
        self.put_versioned(self.snapshot.version, "snapshot.json", snapshot);
        self.files.insert("timestamp.json".to_owned(), timestamp);
    }

    /// Puts `signed` under `path`, signed by these keys.
    pub fn put_signed(&mut self, path: &str, signed: &Value, keys: &[Key]) {
        self.files.insert(path.to_owned(), sign(signed, keys));
    }

    /// The `signed` part of root as it stands.
    pub fn root_value(&self) -> Value {
        let roles = [
            ("root", &self.root),
            ("targets", &self.targets),
            ("snapshot", &self.snapshot),
            ("timestamp", &self.timestamp),
        ];
        let mut keys = Map::new();
        let mut named = Map::new();
        for (name, role) in roles {
            named.insert(name.to_owned(), role.to_value());
            keys.extend(role.keys.iter().map(|key| (key_id(key), key_value(key))));
        }
        json!({
            "_type": "root",
            "spec_version": "1.0",
            "version": self.root.version,
            "expires": rfc3339(self.root.expires),
            "consistent_snapshot": self.consistent,
            "keys": keys,
            "roles": named,
        })
    }

    /// The `signed` part of targets as it stands.
    pub fn targets_value(&self) -> Value {
        let targets: Map<_, _> = self
            .target_files
            .iter()
            .map(|(name, bytes)| {
                let hashes = json!({"sha256": hex(sha256(bytes))});
                (name.clone(), json!({"length": bytes.len(), "hashes": hashes}))
            })
            .collect();
        signed_part("targets", &self.targets, ("targets", Value::Object(targets)))
    }

    /// The `signed` part of snapshot as it stands.
    pub fn snapshot_value(&self, meta: Value) -> Value {
        signed_part("snapshot", &self.snapshot, ("meta", meta))
    }

    /// The `signed` part of timestamp as it stands.
    pub fn timestamp_value(&self, meta: Value) -> Value {
        signed_part("timestamp", &self.timestamp, ("meta", meta))
    }

    fn meta(&self, name: &str, role: &Role, bytes: &[u8]) -> Value {
        let mut entry = json!({"version": role.version});
        if self.pin_metadata {
            entry["length"] = Value::from(bytes.len());
            entry["hashes"] = json!({"sha256": hex(sha256(bytes))});
        }
        json!({name: entry})
    }

    fn put_versioned(&mut self, version: u64, name: &str, bytes: Vec<u8>) {
        let path = if self.consistent { format!("{version}.{name}") } else { name.to_owned() };
        self.files.insert(path, bytes);
    }
}

/// `{"signatures": …, "signed": …}`, signed over OLPC canonical JSON.
pub fn sign(signed: &Value, keys: &[Key]) -> Vec<u8> {
    let message = olpc(signed);
    let signatures: Vec<_> = keys
        .iter()
        .map(|key| json!({"keyid": key_id(key), "sig": hex(key.sign_with(Hash::Sha256, &message))}))
        .collect();
    json!({"signatures": signatures, "signed": signed}).to_string().into_bytes()
}

/// Key id: SHA-256 of the key's canonical JSON.
pub fn key_id(key: &Key) -> String {
    hex(sha256(olpc(&key_value(key))))
}

/// The key object: ECDSA in PEM, Ed25519 in hex.
pub fn key_value(key: &Key) -> Value {
    match key.kind {
        KeyKind::Ed25519 => json!({
            "keytype": "ed25519",
            "scheme": "ed25519",
            "keyval": {"public": hex(key.raw_public())},
        }),
        _ => json!({
            "keytype": "ecdsa",
            "scheme": "ecdsa-sha2-nistp256",
            "keyval": {"public": key.public_pem()},
        }),
    }
}

fn signed_part(role_type: &str, role: &Role, content: (&str, Value)) -> Value {
    json!({
        "_type": role_type,
        "spec_version": "1.0",
        "version": role.version,
        "expires": rfc3339(role.expires),
        content.0: content.1,
    })
}
