//! Looking up many log entries with one request. A log answers up to ten hashes at once (specs/cosign.md §2.3); what it
//! answers is matched by hash, and counts no more than any other answer: see [`EntrySearch::choose`].
//!
//! [`EntrySearch::choose`]: crate::EntrySearch::choose

use serde_json::json;

use crate::digest::hex;
use crate::evidence::{Answer, Inquiry, Need, Service, Step};
use crate::limits;
use crate::rekor::{LookupError, parse_array, response, status_error, without_credentials};
use crate::tlog::LogEntry;

/// Asks a log for the entries with these leaf hashes.
#[derive(Debug)]
pub struct BatchLookup {
    hashes: Vec<[u8; 32]>,
    base_url: String,
    shown: String,
    asked: bool,
}

impl BatchLookup {
    /// Asks the log at `base_url`. Hashes beyond [`limits::LOG_BATCH`] are not asked for.
    pub fn new(hashes: &[[u8; 32]], base_url: &str) -> Self {
        let base_url = base_url.trim_end_matches('/');
        Self {
            hashes: hashes.iter().take(limits::LOG_BATCH).copied().collect(),
            base_url: base_url.to_owned(),
            shown: without_credentials(base_url),
            asked: false,
        }
    }

    /// Entries in the order of the hashes. An entry that nobody asked for is left out.
    fn sort(&self, entries: Vec<LogEntry>) -> Vec<Vec<LogEntry>> {
        let mut sorted = vec![Vec::new(); self.hashes.len()];
        for entry in entries {
            let hash = entry.leaf_hash();
            for (_, found) in self.hashes.iter().zip(&mut sorted).filter(|(wanted, _)| **wanted == hash) {
                found.push(entry.clone());
            }
        }
        sorted
    }
}

impl Inquiry for BatchLookup {
    /// What was found for each hash; nothing for those that the log does not know.
    type Out = Vec<Vec<LogEntry>>;
    type Error = LookupError;

    fn step(&mut self, answers: Vec<Answer>) -> Step<Self::Out, LookupError> {
        if self.hashes.is_empty() {
            return Step::Done(Vec::new());
        }
        if !std::mem::replace(&mut self.asked, true) {
            let url = format!("{}/api/v1/log/entries/retrieve", self.base_url);
            let uuids: Vec<String> = self.hashes.iter().map(|hash| hex(hash)).collect();
            let body = json!({ "entryUUIDs": uuids }).to_string().into_bytes();
            return Step::Need(vec![Need::post_json(Service::Rekor, url, body, limits::LOG_ANSWER_BYTES)]);
        }
        let entries = match response(answers.into_iter().next(), &self.shown) {
            Ok(response) if response.status == 200 => parse_array(&response.body, &self.shown),
            Ok(response) => Err(status_error(&self.shown, &response)),
            Err(error) => Err(error),
        };
        match entries {
            Ok(entries) => Step::Done(self.sort(entries)),
            Err(error) => Step::Failed(error),
        }
    }
}
