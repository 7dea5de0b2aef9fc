//! Going away without being missed: probes say so first, and only when nobody has asked for a while the door closes
//! (as knative's `network/handlers/drain.go`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Whether this process is going away, and when it was asked last. Clones share it.
#[derive(Debug, Clone)]
pub struct Drain {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    quiet: Duration,
    longest: Duration,
    is_draining: AtomicBool,
    last: Mutex<Instant>,
}

impl Drain {
    /// Waits for a silence of `quiet`, and at most `longest`, once it drains.
    pub fn new(quiet: Duration, longest: Duration) -> Self {
        let (is_draining, last) = (AtomicBool::new(false), Mutex::new(Instant::now()));
        Self { shared: Arc::new(Shared { quiet, longest, is_draining, last }) }
    }

    /// Whether it is going away.
    pub fn is_draining(&self) -> bool {
        self.shared.is_draining.load(Ordering::Acquire)
    }

    /// A request came that is no probe.
    pub fn touch(&self) {
        *self.shared.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// From now on probes are refused. Returns when the door may close.
    pub async fn drain(&self) {
        self.touch();
        self.shared.is_draining.store(true, Ordering::Release);
        let begin = Instant::now();
        loop {
            let last = *self.shared.last.lock().unwrap_or_else(PoisonError::into_inner);
            let quiet = self.shared.quiet.saturating_sub(last.elapsed());
            let wait = quiet.min(self.shared.longest.saturating_sub(begin.elapsed()));
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn drains_until_it_is_quiet() {
        let drain = Drain::new(Duration::from_millis(1), Duration::from_secs(60));
        assert!(!drain.is_draining());
        drain.drain().await;
        assert!(drain.is_draining());
    }

    #[tokio::test]
    async fn drains_no_longer_than_allowed() {
        Drain::new(Duration::from_secs(3_600), Duration::from_millis(1)).drain().await;
    }
}
