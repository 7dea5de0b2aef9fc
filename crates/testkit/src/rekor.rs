//! Rekor v1 and v2: logs that hand out entries with proofs, checkpoints and signed entry timestamps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::keys::{Hash, Key, KeyKind};
use crate::merkle;
use crate::note::{Checkpoint, rekor2_log_id};
use crate::text::{b64, hex, jcs};

/// An entry as the log gave it, all parts open. Alter them before a bundle or server shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Kind as the bundle names it.
    pub kind: String,
    /// Version as the bundle names it.
    pub version: String,
    /// Canonical body.
    pub body: Vec<u8>,
    /// Unix seconds; 0 in Rekor v2.
    pub integrated_time: i64,
    /// Log id.
    pub log_id: Vec<u8>,
    /// Index over all shards (v1), or in the log (v2).
    pub log_index: u64,
    /// Signed entry timestamp; v2 has none.
    pub set: Option<Vec<u8>>,
    /// Inclusion proof.
    pub proof: Option<Proof>,
    /// Tree id, the first 16 digits of a long UUID.
    pub tree_id: u64,
}

/// An inclusion proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Index in this tree.
    pub log_index: u64,
    /// Size of the tree.
    pub tree_size: u64,
    /// Root hash.
    pub root_hash: Vec<u8>,
    /// Path.
    pub hashes: Vec<Vec<u8>>,
    /// Signed note; left out when `None`.
    pub checkpoint: Option<String>,
}

/// A log of either version.
#[derive(Debug, Clone)]
pub struct Rekor {
    /// Its key.
    pub key: Key,
    /// Base URL in the trusted root.
    pub url: String,
    /// Name on checkpoint signature lines: the URL's host.
    pub name: String,
    /// First line of checkpoints.
    pub origin: String,
    /// Log id.
    pub log_id: Vec<u8>,
    /// Which version.
    pub version: LogVersion,
    /// Tree id (v1).
    pub tree_id: u64,
    /// How many entries older shards have (v1): global index = offset + index in the tree.
    pub offset: u64,
    state: Arc<Mutex<State>>,
}

/// Version of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogVersion {
    /// Signed entry timestamps and integrated times.
    V1,
    /// Proofs only.
    V2,
}

#[derive(Debug, Default)]
struct State {
    leaves: Vec<Vec<u8>>,
    entries: Vec<Entry>,
}

impl Rekor {
    /// Rekor v1 with a P-256 key.
    pub fn v1(url: &str) -> Self {
        Self::v1_with_key(url, Key::new(KeyKind::P256))
    }

    /// Rekor v1 with a given key.
    pub fn v1_with_key(url: &str, key: Key) -> Self {
        let tree_id = 3_904_496_407_287_907_110;
        let name = host(url);
        Self {
            log_id: key.id(),
            origin: format!("{name} - {tree_id}"),
            url: url.to_owned(),
            name,
            version: LogVersion::V1,
            tree_id,
            offset: 4_163_431,
            key,
            state: seeded(),
        }
    }

    /// Rekor v2 with an Ed25519 key.
    pub fn v2(url: &str) -> Self {
        Self::v2_with_key(url, Key::new(KeyKind::Ed25519))
    }

    /// Rekor v2 with a given key (Ed25519, or P-256).
    pub fn v2_with_key(url: &str, key: Key) -> Self {
        let name = host(url);
        Self {
            log_id: rekor2_log_id(&name, &key),
            origin: name.clone(),
            url: url.to_owned(),
            name,
            version: LogVersion::V2,
            tree_id: 0,
            offset: 0,
            key,
            state: seeded(),
        }
    }

    /// Appends a body. `time` is the integrated time (v1). Other people's entries come before and after it, so that
    /// proofs have something to prove.
    pub fn append(&self, kind: &str, version: &str, body: &[u8], time: i64) -> Entry {
        let mut state = self.lock();
        let index = state.leaves.len();
        state.leaves.push(merkle::leaf_hash(body));
        let later = state.leaves.len();
        state.leaves.extend([filler(later), filler(later + 1)]);
        let entry = self.entry_at(&state.leaves, index, (kind, version), body, time);
        state.entries.push(entry.clone());
        entry
    }

    /// All entries appended, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// A signed checkpoint over any size and root.
    pub fn checkpoint(&self, size: u64, root: &[u8]) -> Checkpoint {
        Checkpoint::new(&self.origin, size, root).sign(&self.name, &self.key, &self.log_id[..4])
    }

    /// Signs an entry's timestamp again after a change.
    pub fn sign_set(&self, entry: &mut Entry) {
        let signature = self.key.sign_with(Hash::Sha256, jcs(&entry.set_payload()));
        entry.set = Some(signature);
    }

    /// Proof and checkpoint in a tree of the given leaves, for entries that a log never had.
    pub fn prove(&self, leaves: &[Vec<u8>], index: usize) -> Proof {
        let root = merkle::root(leaves);
        let size = leaves.len() as u64;
        Proof {
            log_index: index as u64,
            tree_size: size,
            hashes: merkle::inclusion_proof(leaves, index),
            checkpoint: Some(self.checkpoint(size, &root).to_note()),
            root_hash: root,
        }
    }

    fn entry_at(&self, leaves: &[Vec<u8>], index: usize, kind: (&str, &str), body: &[u8], time: i64) -> Entry {
        let mut entry = Entry {
            kind: kind.0.to_owned(),
            version: kind.1.to_owned(),
            body: body.to_vec(),
            integrated_time: 0,
            log_id: self.log_id.clone(),
            log_index: self.offset + index as u64,
            set: None,
            proof: Some(self.prove(leaves, index)),
            tree_id: self.tree_id,
        };
        if self.version == LogVersion::V1 {
            entry.integrated_time = time;
            self.sign_set(&mut entry);
        }
        entry
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// What the signed entry timestamp is over; also the legacy bundle's `Payload`.
    pub fn set_payload(&self) -> Value {
        json!({
            "body": b64(&self.body),
            "integratedTime": self.integrated_time,
            "logID": hex(&self.log_id),
            "logIndex": self.log_index,
        })
    }

    /// The leaf hash in hex: the short UUID.
    pub fn leaf_id(&self) -> String {
        hex(merkle::leaf_hash(&self.body))
    }

    /// Tree id and leaf hash: the long UUID.
    pub fn uuid(&self) -> String {
        format!("{:016x}{}", self.tree_id, self.leaf_id())
    }

    /// A `tlogEntries` item of a bundle.
    pub fn to_bundle(&self) -> Value {
        let mut out = json!({
            "logIndex": self.log_index.to_string(),
            "logId": {"keyId": b64(&self.log_id)},
            "kindVersion": {"kind": self.kind, "version": self.version},
            "canonicalizedBody": b64(&self.body),
        });
        if self.integrated_time != 0 {
            out["integratedTime"] = Value::from(self.integrated_time.to_string());
        }
        if let Some(set) = &self.set {
            out["inclusionPromise"] = json!({"signedEntryTimestamp": b64(set)});
        }
        if let Some(proof) = &self.proof {
            out["inclusionProof"] = proof.to_bundle();
        }
        out
    }

    /// The object that Rekor v1's API gives for the UUID.
    pub fn to_api(&self) -> Value {
        let mut verification = json!({});
        if let Some(proof) = &self.proof {
            verification["inclusionProof"] = proof.to_api();
        }
        if let Some(set) = &self.set {
            verification["signedEntryTimestamp"] = Value::from(b64(set));
        }
        let mut out = self.set_payload();
        out["verification"] = verification;
        out
    }

    /// The API's object with its UUID as key.
    pub fn to_api_map(&self) -> Value {
        json!({self.uuid(): self.to_api()})
    }

    /// The legacy `rekorBundle`, also the image annotation `dev.sigstore.cosign/bundle`.
    pub fn to_legacy(&self) -> Value {
        json!({
            "SignedEntryTimestamp": b64(self.set.as_deref().unwrap_or_default()),
            "Payload": self.set_payload(),
        })
    }
}

impl Proof {
    fn to_bundle(&self) -> Value {
        let hashes: Vec<_> = self.hashes.iter().map(b64).collect();
        let mut out = json!({
            "logIndex": self.log_index.to_string(),
            "rootHash": b64(&self.root_hash),
            "treeSize": self.tree_size.to_string(),
            "hashes": hashes,
        });
        if let Some(note) = &self.checkpoint {
            out["checkpoint"] = json!({"envelope": note});
        }
        out
    }

    fn to_api(&self) -> Value {
        let hashes: Vec<_> = self.hashes.iter().map(hex).collect();
        let mut out = json!({
            "logIndex": self.log_index,
            "rootHash": hex(&self.root_hash),
            "treeSize": self.tree_size,
            "hashes": hashes,
        });
        if let Some(note) = &self.checkpoint {
            out["checkpoint"] = Value::from(note.as_str());
        }
        out
    }
}

fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

fn seeded() -> Arc<Mutex<State>> {
    Arc::new(Mutex::new(State { leaves: (0..5).map(filler).collect(), entries: Vec::new() }))
}

fn filler(at: usize) -> Vec<u8> {
    merkle::leaf_hash(format!("someone else's entry {at}").as_bytes())
}
