//! What an inquiry may still cost.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::AnswerRoom;
use crate::Error;

/// How much one inquiry may cost.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Requests, with repetitions and redirects.
    pub requests: u32,
    /// Bytes of bodies.
    pub bytes: u64,
    /// Requests at the same time.
    pub concurrency: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { requests: crate::limits::REQUESTS, bytes: crate::limits::BYTES, concurrency: crate::limits::CONCURRENCY }
    }
}

impl Budget {
    /// What finding the signatures of one image may cost.
    pub fn image() -> Self {
        use crate::limits::{IMAGE_BYTES, IMAGE_CONCURRENCY, IMAGE_REQUESTS};
        Self { requests: IMAGE_REQUESTS, bytes: IMAGE_BYTES, concurrency: IMAGE_CONCURRENCY }
    }

    /// The budget of several inquiries together.
    pub(crate) fn times(self, inquiries: usize) -> Self {
        let count = u32::try_from(inquiries).unwrap_or(u32::MAX);
        Self {
            requests: self.requests.saturating_mul(count),
            bytes: self.bytes.saturating_mul(u64::from(count)),
            concurrency: self.concurrency,
        }
    }
}

/// Counts what is spent, for all requests of an inquiry together.
#[derive(Debug)]
pub(crate) struct Meter {
    budget: Budget,
    requests: AtomicU32,
    bytes: AtomicU64,
    room: AnswerRoom,
}

impl Meter {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, requests: AtomicU32::new(0), bytes: AtomicU64::new(0), room: AnswerRoom::default() }
    }

    /// The same within a room, which has its bytes again when this is dropped.
    pub(crate) fn within(budget: Budget, room: AnswerRoom) -> Self {
        Self { budget, requests: AtomicU32::new(0), bytes: AtomicU64::new(0), room }
    }

    /// No bound in all; each request still has its own.
    pub(crate) fn unlimited() -> Self {
        Self::new(Budget { requests: u32::MAX, bytes: u64::MAX, concurrency: crate::limits::CONCURRENCY })
    }

    pub(crate) fn concurrency(&self) -> usize {
        self.budget.concurrency.max(1)
    }

    pub(crate) fn request(&self) -> Result<(), Error> {
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        if before >= self.budget.requests {
            self.requests.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::TooManyRequests { limit: self.budget.requests });
        }
        Ok(())
    }

    pub(crate) fn body(&self, more: usize) -> Result<(), Error> {
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        let spent = self.bytes.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        self.room.take(more).map_err(|limit| Error::TooManyBytes { limit })?;
        if spent > self.budget.bytes {
            return Err(Error::TooManyBytes { limit: self.budget.bytes });
        }
        Ok(())
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.room.release(*self.bytes.get_mut());
    }
}
