//! Whether a connection is of use: one that asks for nothing takes the place of one that would.
//!
//! hyper bounds the head of a request (HTTP/1) and asks whether a peer lives (HTTP/2). Neither ends a connection that says
//! nothing before it is known which of them it speaks, one that lives and asks nothing, nor one whose answers nobody takes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::Bounds;

/// The requests of a connection.
#[derive(Debug)]
pub struct Pulse {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    under_way: usize,
    /// When the last one ended.
    last: Instant,
    has_asked: bool,
}

/// A request, until it is dropped.
#[derive(Debug)]
pub struct Beat {
    pulse: Arc<Pulse>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { state: Mutex::new(State { under_way: 0, last: Instant::now(), has_asked: false }) }
    }
}

impl Pulse {
    /// A request begins.
    pub fn beat(self: &Arc<Self>) -> Beat {
        self.change(|state| {
            state.under_way = state.under_way.saturating_add(1);
            state.has_asked = true;
        });
        Beat { pulse: Arc::clone(self) }
    }

    /// Waits until nothing has been asked for longer than is allowed: a short time before the first request, and where
    /// there is no `room` for other connections; a longer one else.
    pub async fn stopped(&self, bounds: &Bounds, room: &Semaphore) {
        loop {
            let allowed = match self.change(|state| state.has_asked) && room.available_permits() > 0 {
                true => bounds.idle,
                false => bounds.head,
            };
            let Some(left) = self.left(allowed) else { return };
            // Room may run out meanwhile.
            tokio::time::sleep(left.min(bounds.head)).await;
        }
    }

    /// Waits until nothing has been asked for so long from now on.
    pub async fn silence(&self, allowed: Duration) {
        self.change(|state| state.last = Instant::now());
        while let Some(left) = self.left(allowed) {
            tokio::time::sleep(left).await;
        }
    }

    fn left(&self, allowed: Duration) -> Option<Duration> {
        let silent = self.change(|state| if state.under_way > 0 { Duration::ZERO } else { state.last.elapsed() });
        allowed.checked_sub(silent).filter(|left| !left.is_zero())
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.pulse.change(|state| {
            state.under_way = state.under_way.saturating_sub(1);
            state.last = Instant::now();
        });
    }
}
