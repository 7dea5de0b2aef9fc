//! Policies at URLs (`remote: {url, sha256sum}`). Fetched when they are first referred to, kept for good once the digest is
//! the expected one, and asked for again after a while where it is not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sigward_fetch::Client;
use sigward_policy::limits::MAX_POLICY_BYTES;
use sigward_verify::{hex, sha256};

/// How long one document may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// When a document that was not had, or was not the expected one, is asked for again.
const AGAIN: Duration = Duration::from_secs(60);

/// Documents by URL.
#[derive(Debug, Default)]
pub struct Remotes {
    documents: Mutex<BTreeMap<String, Document>>,
}

#[derive(Debug)]
struct Document {
    /// The last content that was had.
    content: Result<Vec<u8>, String>,
    asked: Instant,
}

impl Remotes {
    /// The document at a URL.
    ///
    /// # Errors
    /// Why it was never had.
    pub fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        match self.lock().get(url) {
            Some(document) => document.content.clone(),
            None => Err(format!("the policy at {url} has not been fetched yet")),
        }
    }

    /// Fetches what is wanted and not had. `wanted` are URLs with the expected SHA-256 in hex. Says whether anything is
    /// different now.
    pub async fn refresh(&self, wanted: &BTreeSet<(String, String)>, client: &Client) -> bool {
        self.lock().retain(|url, _| wanted.iter().any(|(wanted, _)| wanted == url));
        let mut is_different = false;
        for (url, digest) in wanted {
            if !self.is_due(url, digest) {
                continue;
            }
            let content = match client.get(url, MAX_POLICY_BYTES, Instant::now() + PATIENCE).await {
                Ok(response) => Ok(response.body),
                Err(error) => Err(format!("failed to fetch content from policy url: {error}")),
            };
            let mut documents = self.lock();
            let before = documents.get(url).map(|document| document.content.clone());
            // What was had stays where it cannot be had again.
            let content = match (content, before.clone()) {
                (Err(_), Some(Ok(old))) => Ok(old),
                (new, _) => new,
            };
            is_different |= before.as_ref() != Some(&content);
            documents.insert(url.clone(), Document { content, asked: Instant::now() });
        }
        is_different
    }

    /// Whether a document must be asked for.
    fn is_due(&self, url: &str, digest: &str) -> bool {
        match self.lock().get(url) {
            None => true,
            Some(Document { content: Ok(content), .. }) if hex(&sha256(content)).eq_ignore_ascii_case(digest) => false,
            Some(Document { asked, .. }) => asked.elapsed() >= AGAIN,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Document>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
