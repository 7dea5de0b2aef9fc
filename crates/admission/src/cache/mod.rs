//! What authorities proved, for as long as it may be used; and work that is under way, for everybody who waits for it.
//!
//! A key holds everything that an outcome depends on: the authority with its keys, flags and policies, the trust material,
//! the image's digest, and where the evidence was read ([`ProofKey`]). A proof counts for everybody. A refusal also depends
//! on who asked, and is only kept for those who have the same credentials. What failed is never kept.

mod flights;

pub use flights::{Boarding, Flights, Lost, Passenger, Ticket};

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use sigward_policy::decide::AuthorityOutcome;
use sigward_policy::plan::{AuthorityProof, AuthorityRefusal, Firmness, ProofKey};

/// Whose credentials were shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialId {
    /// Nobody's in particular: no pull secret was at hand.
    Anybody,
    /// A digest over the secrets.
    Secrets([u8; 32]),
}

/// Bounds of the cache.
#[derive(Debug, Clone, Copy)]
pub struct CacheSettings {
    /// Bytes that entries may take, about.
    pub bytes: u64,
    /// How long a proof is used.
    pub proof_ttl: Duration,
    /// How long a refusal is used.
    pub refusal_ttl: Duration,
}

/// The outcomes of authorities.
#[derive(Debug, Clone)]
pub struct OutcomeCache {
    proofs: Cache<ProofKey, Arc<AuthorityProof>>,
    refusals: Cache<(ProofKey, CredentialId), Arc<AuthorityRefusal>>,
}

/// Bytes of an entry beside its value: the key twice, and what the cache itself keeps.
const ENTRY: usize = 600;

impl OutcomeCache {
    /// An empty cache. A quarter of the room is for refusals: images that nobody signed must not push out those that
    /// somebody did.
    pub fn new(settings: CacheSettings) -> Self {
        let weight = |bytes: usize| u32::try_from(bytes.saturating_add(ENTRY)).unwrap_or(u32::MAX);
        let proofs = Cache::builder()
            .max_capacity(settings.bytes / 4 * 3)
            .weigher(move |_, proof: &Arc<AuthorityProof>| weight(proof.weight()))
            .time_to_live(settings.proof_ttl)
            .build();
        let refusals = Cache::builder()
            .max_capacity(settings.bytes / 4)
            .weigher(move |_, refusal: &Arc<AuthorityRefusal>| weight(refusal.text().len()))
            .time_to_live(settings.refusal_ttl)
            .build();
        Self { proofs, refusals }
    }

    /// A proof, whoever asked for it.
    pub fn proof(&self, key: &ProofKey) -> Option<Arc<AuthorityProof>> {
        self.proofs.get(key)
    }

    /// A refusal that was given to somebody with the same credentials.
    pub fn refusal(&self, key: &ProofKey, credential: CredentialId) -> Option<Arc<AuthorityRefusal>> {
        self.refusals.get(&(key.clone(), credential))
    }

    /// Keeps what may be kept.
    pub fn keep(&self, key: &ProofKey, credential: CredentialId, outcome: &AuthorityOutcome) {
        match outcome {
            AuthorityOutcome::Proved(proof) => self.proofs.insert(key.clone(), Arc::clone(proof)),
            AuthorityOutcome::Refused(refusal) if is_kept(refusal.firmness(), credential) => {
                self.refusals.insert((key.clone(), credential), Arc::clone(refusal));
            }
            AuthorityOutcome::Refused(_) | AuthorityOutcome::NotGathered(_) => {}
        }
    }

    /// Entries and their bytes, about.
    pub fn size(&self) -> (u64, u64) {
        self.proofs.run_pending_tasks();
        self.refusals.run_pending_tasks();
        let entries = self.proofs.entry_count().saturating_add(self.refusals.entry_count());
        (entries, self.proofs.weighted_size().saturating_add(self.refusals.weighted_size()))
    }
}

/// What nobody in particular was told is no more than that: a registry may say 404 of what it hides.
fn is_kept(firmness: Firmness, credential: CredentialId) -> bool {
    match firmness {
        Firmness::Settled => true,
        Firmness::CredentialDependent => credential != CredentialId::Anybody,
        Firmness::Transient => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_and_what_nobody_was_told_are_not_kept() {
        let somebody = CredentialId::Secrets([1; 32]);
        for (firmness, by_anybody, by_somebody) in [
            (Firmness::Settled, true, true),
            (Firmness::CredentialDependent, false, true),
            (Firmness::Transient, false, false),
        ] {
            assert_eq!(is_kept(firmness, CredentialId::Anybody), by_anybody, "{firmness:?}");
            assert_eq!(is_kept(firmness, somebody), by_somebody, "{firmness:?}");
        }
    }
}
