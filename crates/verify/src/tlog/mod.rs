//! Transparency log entries: what they say, and whether a trusted log stands behind them.

pub(crate) mod body;
pub(crate) mod checkpoint;
pub(crate) mod merkle;

use jiff::Timestamp;

use crate::digest::hex;
use crate::encoding::to_base64;
use crate::error::{Error, LogFault};
use crate::material::TransparencyLog;
use crate::time::Window;
use body::Generation;

/// A log entry as evidence carries it. Nothing of it is trusted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Id of the log: SHA-256 of its key (v1), or of its name and key (v2).
    pub log_id: Vec<u8>,
    /// Index over all shards of the log.
    pub log_index: i64,
    /// Kind and version as told beside the body; must be the body's own. Absent in cosign's older formats.
    pub kind_version: Option<(String, String)>,
    /// Seconds since 1970 at which the log says it took the entry; zero in Rekor v2. Means nothing without a promise.
    pub integrated_time: i64,
    /// The signed entry timestamp: the log's promise over body, time, id and index.
    pub promise: Option<Vec<u8>>,
    /// Proof that the entry is in the log's tree.
    pub proof: Option<InclusionProof>,
    /// The entry itself, canonical JSON.
    pub body: Vec<u8>,
}

/// Proof that a leaf is in a tree (RFC 6962 §2.1.1), and the log's signature under the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// Index in the shard.
    pub log_index: i64,
    /// Root hash of the tree.
    pub root_hash: Vec<u8>,
    /// Number of leaves.
    pub tree_size: i64,
    /// The hashes of the path.
    pub hashes: Vec<Vec<u8>>,
    /// The signed tree head, a signed note.
    pub checkpoint: String,
}

/// Which proofs of a log the format must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogProofs {
    /// The promise; an inclusion proof that is there must hold too.
    Promise,
    /// The inclusion proof with its checkpoint; a promise that is there must hold too.
    Inclusion,
    /// Both: what an online look-up returns.
    Both,
}

/// What a log proved about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedEntry {
    /// Name of the log (its URL), or its id if it has none.
    pub log: String,
    /// Id of the log.
    pub log_id: Vec<u8>,
    /// Global index of the entry.
    pub log_index: i64,
    /// The time that the log signed; `None` without a promise.
    pub integrated_time: Option<Timestamp>,
    /// Whether inclusion in the tree was proved.
    pub inclusion: bool,
    /// The signed entry timestamp, where it was there and holds.
    pub promise: Option<Vec<u8>>,
    /// The entry itself, canonical JSON.
    pub body: Vec<u8>,
    /// The windows of the log's key, to be held against times proved elsewhere.
    windows: Vec<Window>,
}

impl ProvedEntry {
    /// Checks that the log's key counted at a time that was proved elsewhere.
    pub(crate) fn check_key_at(&self, time: Timestamp) -> Result<(), LogFault> {
        match self.windows.as_slice() {
            windows if windows.iter().any(|window| window.contains(time)) => Ok(()),
            windows => {
                let window = windows.last().copied().unwrap_or(Window::ALWAYS);
                Err(LogFault::OutsideLogValidity { log: self.log.clone(), time, window })
            }
        }
    }
}

impl LogEntry {
    /// RFC 6962 leaf hash of the body: the last 64 hexadecimal digits of Rekor's UUID.
    pub fn leaf_hash(&self) -> [u8; 32] {
        merkle::leaf_hash(&self.body)
    }

    /// Checks everything that the log signed. The entry must already be bound to the signature.
    ///
    /// # Errors
    /// [`LogFault::UnknownLog`] if no trusted log has this id; otherwise the check that failed.
    pub(crate) fn prove(&self, logs: &[TransparencyLog], needed: LogProofs) -> Result<ProvedEntry, LogFault> {
        let log = self.find_log(logs)?;
        let integrated_time = match &self.promise {
            Some(promise) => Some(self.check_promise(log, promise)?),
            None if matches!(needed, LogProofs::Promise | LogProofs::Both) => return Err(LogFault::PromiseMissing),
            None => None,
        };
        match &self.proof {
            Some(proof) => self.check_inclusion(log, proof)?,
            None if matches!(needed, LogProofs::Inclusion | LogProofs::Both) => return Err(LogFault::ProofMissing),
            None => {}
        }
        // Only the promise is over the global index; without it the index in the tree is what was proved.
        let log_index = match (&self.promise, &self.proof) {
            (None, Some(proof)) => proof.log_index,
            _ => self.log_index,
        };
        Ok(ProvedEntry {
            log: log.name(),
            log_id: self.log_id.clone(),
            log_index,
            integrated_time,
            inclusion: self.proof.is_some(),
            promise: self.promise.clone(),
            body: self.body.clone(),
            // A trusted root may list one key twice, with two windows.
            windows: logs.iter().filter(|l| l.id == log.id && l.key == log.key).map(|l| l.valid_for).collect(),
        })
    }

    /// The log that the entry names. Of several windows of one key, the one that holds the entry's time.
    pub(crate) fn find_log<'a>(&self, logs: &'a [TransparencyLog]) -> Result<&'a TransparencyLog, LogFault> {
        let claimed = Timestamp::from_second(self.integrated_time).ok();
        let named = || logs.iter().filter(|log| log.id == self.log_id);
        named()
            .find(|log| claimed.is_some_and(|t| log.valid_for.contains(t)))
            .or_else(|| named().next())
            .ok_or_else(|| LogFault::UnknownLog { log_id: hex(&self.log_id) })
    }

    /// The promise is a signature over canonical JSON of body, time, id and index.
    fn check_promise(&self, log: &TransparencyLog, promise: &[u8]) -> Result<Timestamp, LogFault> {
        let time = Timestamp::from_second(self.integrated_time)
            .map_err(|_| LogFault::TimeOutOfRange { seconds: self.integrated_time })?;
        // JCS (RFC 8785): keys sorted, integers plain; base64 and hexadecimal need no escapes.
        let message = format!(
            r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
            to_base64(&self.body),
            self.integrated_time,
            hex(&self.log_id),
            self.log_index
        );
        log.key
            .verify(log.hash, message.as_bytes(), promise)
            .map_err(|_| LogFault::PromiseInvalid { log: log.name() })?;
        // CVE-2026-54787: a key counts only inside its window.
        if !log.valid_for.contains(time) {
            return Err(LogFault::OutsideLogValidity { log: log.name(), time, window: log.valid_for });
        }
        Ok(time)
    }

    fn check_inclusion(&self, log: &TransparencyLog, proof: &InclusionProof) -> Result<(), LogFault> {
        let index = u64::try_from(proof.log_index).map_err(|_| LogFault::NegativeIndex { index: proof.log_index })?;
        let size = u64::try_from(proof.tree_size).map_err(|_| LogFault::ProofMalformed)?;
        let root = merkle::root_from_proof(self.leaf_hash(), index, size, &proof.hashes)?;
        if root.as_slice() != proof.root_hash.as_slice() {
            return Err(LogFault::InclusionInvalid { expected: hex(&proof.root_hash), found: hex(&root) });
        }
        let generation = body::generation(&self.body).unwrap_or(Generation::V1);
        // A v2 log is one tree: both indices are the same.
        if generation == Generation::V2 && self.log_index != proof.log_index {
            let (expected, found) = (proof.log_index, self.log_index);
            return Err(LogFault::IndexMismatch { expected, found });
        }
        let head = checkpoint::verify(&proof.checkpoint, log, generation)?;
        if head.root_hash != proof.root_hash {
            return Err(LogFault::RootHash { expected: hex(&head.root_hash), found: hex(&proof.root_hash) });
        }
        if head.size != size {
            return Err(LogFault::TreeSize { expected: head.size.to_string(), found: size.to_string() });
        }
        Ok(())
    }
}

/// Refuses entries that say the same thing twice, and more than anyone needs (CVE-2024-45395).
pub(crate) fn check_count(entries: &[LogEntry]) -> Result<(), Error> {
    let limit = crate::limits::LOG_ENTRIES;
    if entries.len() > limit {
        return Err(Error::TooMany { what: "transparency log entries", limit, found: entries.len() });
    }
    for (at, entry) in entries.iter().enumerate() {
        let earlier = entries.iter().take(at);
        if earlier.into_iter().any(|e| e.log_id == entry.log_id && e.log_index == entry.log_index) {
            return Err(Error::Log(LogFault::Duplicate { log_id: hex(&entry.log_id), index: entry.log_index }));
        }
    }
    Ok(())
}
