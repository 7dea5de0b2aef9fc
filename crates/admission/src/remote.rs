//! Policies at URLs (`remote: {url, sha256sum}`). Fetched when they are first referred to, kept for good once the digest is
//! the expected one, and asked for again after a while where it is not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sigward_fetch::{Client, shown};
use sigward_policy::limits::MAX_POLICY_BYTES;
use sigward_verify::{hex, sha256};

/// How long one document may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// When a document that was not had, or was not the expected one, is asked for again.
const AGAIN: Duration = Duration::from_secs(60);

/// How many documents are fetched at the same time: each may take [`MAX_POLICY_BYTES`], and the patience of slow servers.
pub const AT_ONCE: usize = 8;

/// Documents by URL and expected SHA-256 in hex: while the document at a URL changes, policies want its old and its new
/// content.
#[derive(Debug, Default)]
pub struct Remotes {
    documents: Mutex<BTreeMap<Reference, Document>>,
}

/// A URL with the expected SHA-256.
type Reference = (String, String);

#[derive(Debug)]
struct Document {
    /// The last content that was had.
    content: Result<Vec<u8>, String>,
    /// When it was asked for last.
    asked: Instant,
}

impl Remotes {
    /// The document at a URL.
    ///
    /// # Errors
    /// Why it was never had.
    pub fn get(&self, url: &str, digest: &str) -> Result<Vec<u8>, String> {
        match self.lock().get(&(url.to_owned(), digest.to_owned())) {
            Some(document) => document.content.clone(),
            None => Err(not_yet(url)),
        }
    }

    /// What of this is to be fetched now, `most` at the most. It counts as asked for.
    pub fn due(&self, wanted: &BTreeSet<Reference>, most: usize) -> Vec<Reference> {
        let mut documents = self.lock();
        documents.retain(|reference, _| wanted.contains(reference));
        let is_due = |it: &&Reference| documents.get(*it).is_none_or(|found| found.is_due(it));
        let due: Vec<_> = wanted.iter().filter(is_due).take(most).collect();
        for reference in &due {
            let new = || Document { content: Err(not_yet(&reference.0)), asked: Instant::now() };
            documents.entry((*reference).clone()).or_insert_with(new).asked = Instant::now();
        }
        due.into_iter().cloned().collect()
    }

    /// Fetches a document. What was had stays where it cannot be had again.
    pub async fn fetch(&self, reference: Reference, client: &Client) {
        let found = client.get(&reference.0, MAX_POLICY_BYTES, Instant::now() + PATIENCE).await;
        // Nobody may want it any more.
        if let Some(document) = self.lock().get_mut(&reference) {
            match (found, &document.content) {
                (Ok(response), _) => document.content = Ok(response.body),
                (Err(_), Ok(_)) => {}
                (Err(error), Err(_)) => {
                    document.content = Err(format!("failed to fetch content from policy url: {error}"));
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Reference, Document>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Document {
    /// Whether it must be asked for (again).
    fn is_due(&self, (_, digest): &Reference) -> bool {
        let is_had = |content: &Vec<u8>| hex(&sha256(content)).eq_ignore_ascii_case(digest);
        !self.content.as_ref().is_ok_and(is_had) && self.asked.elapsed() >= AGAIN
    }
}

fn not_yet(url: &str) -> String {
    format!("the policy at {} has not been fetched yet", shown(url))
}
