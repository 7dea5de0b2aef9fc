//! The log entries of files: from the cache, or from the log, ten at a time.

use sigward_fetch::DriveError;
use sigward_verify::{
    Artifact, BatchLookup, EntrySearch, LogEntry, LookupError, LookupRequest, Requirements, TrustMaterial, Verifier,
};

use super::desk::Ready;
use super::fault::Fault;
use super::rules::Rules;
use super::server::Server;
use crate::args::request::{EntryCache, LogLookup};
use crate::failure::Failure;

/// The log, and whether it has failed.
#[derive(Debug)]
pub struct Log<'a> {
    rules: &'a Rules<'a>,
    down: Option<LogFailure>,
}

/// Why no entry of a batch was had; it is that of each file in it.
#[derive(Clone, Debug)]
pub enum LogFailure {
    /// No log may be asked.
    Forbidden,
    /// It gave no answer that can be used.
    Lookup(LookupError),
    /// It could not be asked.
    Stopped(String),
    /// What it says could not be judged.
    Trust(String),
}

impl<'a> Log<'a> {
    /// A log that was not asked yet.
    pub fn new(rules: &'a Rules<'a>) -> Self {
        Self { rules, down: None }
    }

    /// Adds an entry of the cache, if there is one that holds: it is evidence like any other.
    pub fn complete_from_cache(&self, ready: &mut Ready, material: &TrustMaterial) -> bool {
        let (LogLookup::Allowed { rekor_url, cache: EntryCache::Used }
        | LogLookup::Forbidden { rekor_url, cache: EntryCache::Used }) = self.rules.lookup
        else {
            return false;
        };
        let requirements = &self.rules.requirements;
        let hash = request_of(ready, requirements).and_then(|request| request.leaf_hash());
        let cached = hash.and_then(|hash| self.rules.network.cached_entry(rekor_url, Some(hash)));
        let entries = cached.and_then(|json| EntrySearch::read_cached(&json));
        match entries.map(|entries| choose(ready, requirements, entries, material)) {
            Some(Ok(entry)) => {
                ready.evidence.entity.add_log_entry(entry);
                true
            }
            Some(Err(_)) | None => false,
        }
    }

    /// The entries of files that wait, ten of them at most.
    ///
    /// # Errors
    /// [`LogFailure`] if the log cannot be asked at all.
    pub fn ask(
        &mut self,
        batch: &[Ready],
        server: &Server<'_>,
        url: &str,
        material: &TrustMaterial,
    ) -> Result<Vec<Result<LogEntry, Fault>>, LogFailure> {
        // Whoever waited once for a log that does not answer need not wait again.
        if let Some(failure) = &self.down {
            return Err(failure.clone());
        }
        let requests: Vec<Option<LookupRequest>> =
            batch.iter().map(|ready| request_of(ready, &self.rules.requirements)).collect();
        let hashes: Vec<[u8; 32]> = requests.iter().flatten().filter_map(LookupRequest::leaf_hash).collect();
        self.rules.network.log("asking the log at", url);
        let mut lookup = BatchLookup::new(&hashes, url);
        let mut found = match server.drive(&mut lookup) {
            Ok(found) => Some(found.into_iter()),
            Err(DriveError::Failed(error)) if asks_singly(&error) => None,
            Err(error) => {
                let failure = LogFailure::from(error);
                self.down = Some(failure.clone());
                return Err(failure);
            }
        };
        let mut entries = Vec::new();
        for (ready, request) in batch.iter().zip(requests) {
            let known = request.as_ref().and_then(LookupRequest::leaf_hash).is_some();
            let of_batch = found.as_mut().filter(|_| known).and_then(Iterator::next);
            entries.push(self.entry_of(ready, request, of_batch, server, url, material));
        }
        Ok(entries)
    }

    /// The entry of one file: of the batch, or of a search where the batch does not know it.
    fn entry_of(
        &self,
        ready: &Ready,
        request: Option<LookupRequest>,
        of_batch: Option<Vec<LogEntry>>,
        server: &Server<'_>,
        url: &str,
        material: &TrustMaterial,
    ) -> Result<LogEntry, Fault> {
        let requirements = &self.rules.requirements;
        let hash = request.as_ref().and_then(LookupRequest::leaf_hash);
        let entry = match of_batch {
            Some(entries) if !entries.is_empty() => choose(ready, requirements, entries, material)?,
            of_batch => {
                let request = request.ok_or(Failure::Lookup(LookupError::NotFound))?;
                let mut search = match of_batch {
                    Some(_) => EntrySearch::of_unknown_hash(request, url),
                    None => EntrySearch::new(request, url),
                };
                let entries = server.drive(&mut search).map_err(LogFailure::from)?;
                choose(ready, requirements, entries, material)?
            }
        };
        if let (LogLookup::Allowed { cache: EntryCache::Used, .. }, Some(hash)) = (self.rules.lookup, hash) {
            self.rules.network.store_entry(url, hash, &entry);
        }
        Ok(entry)
    }
}

/// A log that cannot do batches, or stumbles over one of its entries, is asked for each by itself.
fn asks_singly(error: &LookupError) -> bool {
    match error {
        LookupError::Malformed { .. } => true,
        LookupError::Status { status, .. } => (400..500).contains(status) && *status != 429 || *status == 501,
        _ => false,
    }
}

impl From<DriveError<LookupError>> for LogFailure {
    fn from(error: DriveError<LookupError>) -> Self {
        match error {
            DriveError::Failed(error) => Self::Lookup(error),
            DriveError::Stopped(error) => Self::Stopped(error.to_string()),
        }
    }
}

impl From<LogFailure> for Fault {
    fn from(failure: LogFailure) -> Self {
        Self::Other(match failure {
            LogFailure::Forbidden => Failure::Offline,
            LogFailure::Lookup(error) => Failure::Lookup(error),
            LogFailure::Stopped(reason) => Failure::Network { what: "transparency log".into(), reason },
            LogFailure::Trust(reason) => Failure::Read { what: "trust material".into(), reason },
        })
    }
}

fn request_of(ready: &Ready, requirements: &Requirements) -> Option<LookupRequest> {
    let nothing = TrustMaterial::default();
    let artifact: &Artifact = &ready.taken.artifact;
    let proof = Verifier::new(&nothing, requirements).check_locally(&ready.evidence.entity, artifact).ok()?;
    LookupRequest::new(&proof, artifact)
}

fn choose(
    ready: &Ready,
    requirements: &Requirements,
    entries: Vec<LogEntry>,
    material: &TrustMaterial,
) -> Result<LogEntry, Fault> {
    let artifact = &ready.taken.artifact;
    let proof = Verifier::new(material, requirements).check_locally(&ready.evidence.entity, artifact)?;
    EntrySearch::choose(&proof, artifact.digests(), entries, &material.logs)
        .map_err(|error| Failure::Lookup(error).into())
}
