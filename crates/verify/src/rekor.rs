//! Looking up a log entry, as an inquiry: the entry is computed here, the log is asked by its hash, and what comes back
//! must be that entry and must be proved.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::json;

use crate::digest::{Artifact, Digest, HashAlgorithm, hex, unhex};
use crate::encoding::{base64_std, pem_encode, to_base64};
use crate::entity::Content;
use crate::error::LogFault;
use crate::evidence::{Answer, Inquiry, Need, Response, Service, Step, Unreachable};
use crate::limits;
use crate::material::TransparencyLog;
use crate::tlog::body::{self, Verifier};
use crate::tlog::{InclusionProof, LogEntry, LogProofs, merkle};
use crate::verifier::SelfConsistent;
use crate::wire::{Object, object};

/// Why no entry was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The log answered with something that cannot be read.
    #[error("{url}: the log's answer is malformed: {reason}")]
    Malformed {
        /// The URL asked.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The log has no such entry.
    #[error("signature not found in transparency log")]
    NotFound,
    /// Entries came back, and none of them holds.
    #[error("no valid tlog entries found: {}", .faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    NoneValid {
        /// Why each does not.
        faults: Vec<LogFault>,
    },
    /// The log answered with an error.
    #[error("{url}: the log answered HTTP {status}: {body}")]
    Status {
        /// The URL asked.
        url: String,
        /// HTTP status.
        status: u16,
        /// Start of the answer.
        body: String,
    },
    /// This log answers no look-ups by hash.
    #[error("{url}: this log has no look-up by hash; Rekor v2 logs have none")]
    Unsupported {
        /// The URL asked.
        url: String,
    },
    /// The log could not be asked.
    #[error("{0}")]
    Unreachable(Unreachable),
}

impl LookupError {
    /// Stable reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "log-answer-malformed",
            Self::NotFound => "log-entry-not-found",
            Self::NoneValid { faults } => faults.first().map_or("log-entry-not-found", LogFault::code),
            Self::Status { .. } => "log-answer-error",
            Self::Unsupported { .. } => "log-lookup-unsupported",
            Self::Unreachable(_) => "log-unreachable",
        }
    }

    /// Every code of this enum that is not also one of [`crate::Error`].
    pub const CODES: &'static [&'static str] = &[
        "log-answer-error",
        "log-answer-malformed",
        "log-entry-not-found",
        "log-lookup-unsupported",
        "log-unreachable",
    ];
}

/// What is asked: everything about the entry is known before the log is.
#[derive(Debug, Clone)]
pub struct LookupRequest {
    body: Vec<u8>,
    search: Vec<u8>,
}

impl LookupRequest {
    /// The entry of what was proved to be signed; `None` if what it is computed from is not at hand: the artifact's
    /// SHA-256, an attestation's JSON.
    pub fn new(proof: &SelfConsistent<'_>, artifact: &Artifact) -> Option<Self> {
        match proof.entity().content() {
            Content::Message { .. } => Some(Self::for_message(proof, artifact.digest(HashAlgorithm::Sha256)?)),
            Content::Envelope { json, .. } => Some(Self::for_envelope(proof, json.as_deref()?)),
        }
    }

    /// The entry of a signature over an artifact. `sha256` is the artifact's digest: Rekor v1 is asked by SHA-256
    /// whatever the signature's hash is (specs/cosign.md §2.3).
    pub fn for_message(proof: &SelfConsistent<'_>, sha256: &Digest) -> Self {
        let signer = proof.entry_verifier();
        let signature = proof.signature();
        let pem = match signer {
            Verifier::Certificate(der) => pem_encode("CERTIFICATE", der),
            Verifier::Key(der) => pem_encode("PUBLIC KEY", der),
        };
        let search = json!({ "entries": [{ "apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
            "data": { "hash": { "algorithm": HashAlgorithm::Sha256.name(), "value": sha256.hex() } },
            "signature": { "content": to_base64(signature), "publicKey": { "content": to_base64(pem.as_bytes()) } },
        } }] });
        Self { body: body::canonical_hashedrekord(sha256, signature, signer), search: search.to_string().into_bytes() }
    }

    /// The entry of an attestation in a file of its own: dsse or intoto, which the log must search for.
    pub fn for_envelope(proof: &SelfConsistent<'_>, envelope_json: &[u8]) -> Self {
        let pem = match proof.entry_verifier() {
            Verifier::Certificate(der) => pem_encode("CERTIFICATE", der),
            Verifier::Key(der) => pem_encode("PUBLIC KEY", der),
        };
        let envelope = String::from_utf8_lossy(envelope_json);
        let key = to_base64(pem.as_bytes());
        let search = json!({ "entries": [
            { "apiVersion": "0.0.1", "kind": "dsse",
              "spec": { "proposedContent": { "envelope": envelope, "verifiers": [key] } } },
            { "apiVersion": "0.0.1", "kind": "intoto",
              "spec": { "content": { "envelope": envelope }, "publicKey": key } },
        ] });
        Self { body: Vec::new(), search: search.to_string().into_bytes() }
    }

    /// Hash of the computed entry, by which the log and a cache are asked; `None` if it cannot be computed.
    pub fn leaf_hash(&self) -> Option<[u8; 32]> {
        (!self.body.is_empty()).then(|| merkle::leaf_hash(&self.body))
    }
}

/// Searches a log for what may be the entries of one signature. Nothing is borrowed, so that an owner can hold it beside
/// the entity; what it finds counts nothing before [`EntrySearch::choose`].
#[derive(Debug)]
pub struct EntrySearch {
    request: LookupRequest,
    base_url: String,
    /// The same for messages: without user name and password.
    shown: String,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    UnknownHash,
    AskedByHash,
    Searched { hash_was_unknown: bool },
}

impl EntrySearch {
    /// Asks the log at `base_url`.
    pub fn new(request: LookupRequest, base_url: &str) -> Self {
        let base_url = base_url.trim_end_matches('/');
        Self { request, base_url: base_url.to_owned(), shown: without_credentials(base_url), state: State::Start }
    }

    /// Lets the log search at once: it is known not to find the hash.
    pub fn of_unknown_hash(request: LookupRequest, base_url: &str) -> Self {
        Self { state: State::UnknownHash, ..Self::new(request, base_url) }
    }

    /// Of the entries that a log answered, the one that counts: it is about `proof`, and one of `logs` proves it, by
    /// promise and inclusion both. Of several the earliest (specs/cosign.md §2.3).
    ///
    /// # Errors
    /// [`LookupError::NotFound`] if there are none, [`LookupError::NoneValid`] if none holds.
    pub fn choose(
        proof: &SelfConsistent<'_>,
        digests: &[Digest],
        entries: Vec<LogEntry>,
        logs: &[TransparencyLog],
    ) -> Result<LogEntry, LookupError> {
        if entries.is_empty() {
            return Err(LookupError::NotFound);
        }
        let mut faults = Vec::new();
        let mut best: Option<LogEntry> = None;
        for entry in entries.into_iter().take(limits::LOG_ENTRIES) {
            let checked = proof.bind(&entry, digests).and_then(|()| entry.prove(logs, LogProofs::Both).map(|_| entry));
            match checked {
                Ok(entry) if best.as_ref().is_none_or(|b| entry.integrated_time < b.integrated_time) => {
                    best = Some(entry);
                }
                Ok(_) => {}
                Err(fault) => faults.push(fault),
            }
        }
        best.ok_or(LookupError::NoneValid { faults })
    }

    /// Reads entries that were looked up earlier, in the words of [`LogEntry::to_answer`]; `None` if they cannot be read.
    /// They count no more than what a log answers.
    pub fn read_cached(json: &[u8]) -> Option<Vec<LogEntry>> {
        parse_object(json, "").ok()
    }

    fn search(&mut self, hash_was_unknown: bool) -> Step<Vec<LogEntry>, LookupError> {
        self.state = State::Searched { hash_was_unknown };
        let url = format!("{}/api/v1/log/entries/retrieve", self.base_url);
        let body = self.request.search.clone();
        Step::Need(vec![Need::post_json(Service::Rekor, url, body, limits::LOG_ANSWER_BYTES)])
    }
}

impl Inquiry for EntrySearch {
    type Out = Vec<LogEntry>;
    type Error = LookupError;

    fn step(&mut self, answers: Vec<Answer>) -> Step<Vec<LogEntry>, LookupError> {
        let answer = answers.into_iter().next();
        match self.state {
            State::Start => match self.request.leaf_hash() {
                Some(hash) => {
                    self.state = State::AskedByHash;
                    let url = format!("{}/api/v1/log/entries/{}", self.base_url, hex(&hash));
                    Step::Need(vec![Need::get(Service::Rekor, url, limits::LOG_ANSWER_BYTES)])
                }
                None => self.search(false),
            },
            State::UnknownHash => self.search(true),
            State::AskedByHash => match response(answer, &self.shown) {
                Ok(response) if response.status == 200 => done(parse_object(&response.body, &self.shown)),
                // Older entries may have other bytes than those computed here: let the log search.
                Ok(response) if (400..500).contains(&response.status) && response.status != 429 => {
                    self.search(response.status == 404)
                }
                Ok(response) => Step::Failed(status_error(&self.shown, &response)),
                Err(error) => Step::Failed(error),
            },
            State::Searched { hash_was_unknown } => match response(answer, &self.shown) {
                Ok(response) if response.status == 200 => done(parse_array(&response.body, &self.shown)),
                Ok(response) if matches!(response.status, 404 | 405 | 501) && hash_was_unknown => {
                    Step::Failed(LookupError::Unsupported { url: self.shown.clone() })
                }
                Ok(response) => Step::Failed(status_error(&self.shown, &response)),
                Err(error) => Step::Failed(error),
            },
        }
    }
}

fn done<T>(result: Result<T, LookupError>) -> Step<T, LookupError> {
    match result {
        Ok(out) => Step::Done(out),
        Err(error) => Step::Failed(error),
    }
}

/// Looks up the entry of one signature: a search, and the choice among what it finds.
#[derive(Debug)]
pub struct EntryLookup<'p, 'e> {
    proof: &'p SelfConsistent<'e>,
    digests: Vec<Digest>,
    logs: Vec<TransparencyLog>,
    search: EntrySearch,
}

impl<'p, 'e> EntryLookup<'p, 'e> {
    /// Asks the log at `base_url`; an entry counts only if one of `logs` proves it and it is about `proof`.
    pub fn new(
        proof: &'p SelfConsistent<'e>,
        digests: &[Digest],
        request: LookupRequest,
        base_url: &str,
        logs: &[TransparencyLog],
    ) -> Self {
        let search = EntrySearch::new(request, base_url);
        Self { proof, digests: digests.to_vec(), logs: logs.to_vec(), search }
    }
}

impl Inquiry for EntryLookup<'_, '_> {
    type Out = LogEntry;
    type Error = LookupError;

    fn step(&mut self, answers: Vec<Answer>) -> Step<LogEntry, LookupError> {
        match self.search.step(answers) {
            Step::Need(needs) => Step::Need(needs),
            Step::Done(entries) => done(EntrySearch::choose(self.proof, &self.digests, entries, &self.logs)),
            Step::Failed(error) => Step::Failed(error),
        }
    }
}

pub(crate) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let after = rest.get(..authority).and_then(|authority| authority.rfind('@')).map_or(0, |at| at + 1);
    format!("{scheme}://{}", rest.get(after..).unwrap_or_default())
}

pub(crate) fn response(answer: Option<Answer>, url: &str) -> Result<Response, LookupError> {
    match answer {
        Some(Answer { outcome: Ok(response), .. }) => Ok(response),
        Some(Answer { outcome: Err(unreachable), .. }) => Err(LookupError::Unreachable(unreachable)),
        None => Err(LookupError::Malformed { url: url.to_owned(), reason: "no answer was given".into() }),
    }
}

pub(crate) fn status_error(url: &str, response: &Response) -> LookupError {
    let text: String = String::from_utf8_lossy(&response.body).chars().filter(|c| !c.is_control()).take(300).collect();
    LookupError::Status { url: url.to_owned(), status: response.status, body: text }
}

/// One entry as Rekor's API tells it (openapi.yaml, `LogEntry`).
#[derive(Deserialize)]
struct ApiEntry {
    body: String,
    #[serde(rename = "integratedTime")]
    integrated_time: i64,
    #[serde(rename = "logID")]
    log_id: String,
    #[serde(rename = "logIndex")]
    log_index: i64,
    #[serde(default, deserialize_with = "object")]
    verification: Option<ApiVerification>,
}

#[derive(Deserialize)]
struct ApiVerification {
    #[serde(default, rename = "inclusionProof", deserialize_with = "object")]
    inclusion_proof: Option<ApiProof>,
    #[serde(rename = "signedEntryTimestamp")]
    signed_entry_timestamp: Option<String>,
}

#[derive(Deserialize)]
struct ApiProof {
    checkpoint: String,
    hashes: Vec<String>,
    #[serde(rename = "logIndex")]
    log_index: i64,
    #[serde(rename = "rootHash")]
    root_hash: String,
    #[serde(rename = "treeSize")]
    tree_size: i64,
}

impl LogEntry {
    /// The entry as a log would answer it (JSON), for a cache of evidence.
    pub fn to_answer(&self) -> String {
        let proof = self.proof.as_ref().map(|proof| {
            json!({
                "checkpoint": proof.checkpoint,
                "hashes": proof.hashes.iter().map(|h| hex(h)).collect::<Vec<_>>(),
                "logIndex": proof.log_index,
                "rootHash": hex(&proof.root_hash),
                "treeSize": proof.tree_size,
            })
        });
        let entry = json!({
            "body": to_base64(&self.body),
            "integratedTime": self.integrated_time,
            "logID": hex(&self.log_id),
            "logIndex": self.log_index,
            "verification": {
                "inclusionProof": proof,
                "signedEntryTimestamp": self.promise.as_ref().map(|p| to_base64(p)),
            },
        });
        json!({ hex(&self.leaf_hash()): entry }).to_string()
    }
}

/// `{uuid: entry, …}` in order, with a limit; a JSON map type would merge what stands twice.
struct ApiEntries(Vec<(String, ApiEntry)>);

impl<'de> Deserialize<'de> for ApiEntries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = ApiEntries;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of log entries")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ApiEntries, A::Error> {
                let mut entries = Vec::new();
                while let Some((uuid, Object(entry))) = map.next_entry()? {
                    if entries.len() >= limits::LOG_ENTRIES {
                        return Err(de::Error::custom("too many entries"));
                    }
                    entries.push((uuid, entry));
                }
                Ok(ApiEntries(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

fn parse_object(json: &[u8], url: &str) -> Result<Vec<LogEntry>, LookupError> {
    let entries: ApiEntries = serde_json::from_slice(json).map_err(|e| malformed(url, e.to_string()))?;
    convert(entries, url)
}

pub(crate) fn parse_array(json: &[u8], url: &str) -> Result<Vec<LogEntry>, LookupError> {
    let all: Vec<ApiEntries> = serde_json::from_slice(json).map_err(|e| malformed(url, e.to_string()))?;
    let mut entries = Vec::new();
    for object in all.into_iter().take(limits::LOG_ENTRIES) {
        entries.extend(convert(object, url)?);
    }
    Ok(entries)
}

/// Entries whose UUID is not the hash of their body are left out, as in cosign.
fn convert(entries: ApiEntries, url: &str) -> Result<Vec<LogEntry>, LookupError> {
    let mut found = Vec::new();
    for (uuid, api) in entries.0 {
        let bad = |what: &str| malformed(url, format!("entry {uuid}: {what}"));
        let body = base64_std(api.body.as_bytes()).ok_or_else(|| bad("body is no base64"))?;
        let leaf = hex(&merkle::leaf_hash(&body));
        if !matches!(uuid.len(), 64 | 80) || !uuid.to_ascii_lowercase().ends_with(&leaf) {
            continue;
        }
        let verification = api.verification.ok_or_else(|| bad("no verification"))?;
        let promise = verification.signed_entry_timestamp.as_deref().map(|text| base64_std(text.as_bytes()));
        let proof = verification.inclusion_proof.map(|proof| {
            Some(InclusionProof {
                log_index: proof.log_index,
                root_hash: unhex(&proof.root_hash)?,
                tree_size: proof.tree_size,
                hashes: proof.hashes.iter().map(|h| unhex(h)).collect::<Option<_>>()?,
                checkpoint: proof.checkpoint,
            })
        });
        found.push(LogEntry {
            log_id: unhex(&api.log_id).ok_or_else(|| bad("logID is no hexadecimal"))?,
            log_index: api.log_index,
            kind_version: None,
            integrated_time: api.integrated_time,
            promise: promise.map(|p| p.ok_or_else(|| bad("signedEntryTimestamp is no base64"))).transpose()?,
            proof: proof.map(|p| p.ok_or_else(|| bad("inclusionProof is malformed"))).transpose()?,
            body,
        });
    }
    Ok(found)
}

fn malformed(url: &str, reason: String) -> LookupError {
    LookupError::Malformed { url: url.to_owned(), reason }
}
