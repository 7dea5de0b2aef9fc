//! Whose turn it is: whoever may name images must not take all connections and all memory, nor keep others waiting.
//!
//! A piece of work waits for a turn of its namespace, then of the host, then of all; whoever waits holds nothing that others
//! need. What comes back finds its place in the namespace's share of the room for answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use sigward_fetch::AnswerRoom;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits;

/// Turns of everybody.
#[derive(Debug)]
pub struct Turns {
    all: Arc<Semaphore>,
    of_namespace: Shares,
    at_host: Shares,
    room: AnswerRoom,
    /// The shares of namespaces whose work goes on.
    rooms: Mutex<HashMap<String, (AnswerRoom, Arc<()>)>>,
    room_of_namespace: u64,
}

/// A turn; it is over when this is dropped.
#[derive(Debug)]
pub struct Turn {
    _permits: [Option<OwnedSemaphorePermit>; 3],
    _in_use: Arc<()>,
    /// Where answers find their place.
    pub room: AnswerRoom,
}

impl Turns {
    /// With room for so many bytes of answers, of which a namespace has a third at most.
    pub fn new(bytes: u64) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits::GATHERS)),
            of_namespace: Shares::new(limits::GATHERS_OF_NAMESPACE),
            at_host: Shares::new(limits::GATHERS_AT_HOST),
            room: AnswerRoom::new(bytes),
            rooms: Mutex::default(),
            room_of_namespace: bytes / 3,
        }
    }

    /// Waits for a turn, until `deadline`.
    pub async fn take(&self, namespace: &str, host: &str, deadline: Instant) -> Option<Turn> {
        let (room, in_use) = self.room_of(namespace);
        let permits = async {
            // None of them is ever closed.
            let own = self.of_namespace.of(namespace).acquire_owned().await.ok();
            let there = self.at_host.of(host).acquire_owned().await.ok();
            [own, there, Arc::clone(&self.all).acquire_owned().await.ok()]
        };
        let permits = tokio::time::timeout_at(deadline.into(), permits).await.ok()?;
        Some(Turn { _permits: permits, _in_use: in_use, room })
    }

    fn room_of(&self, namespace: &str) -> (AnswerRoom, Arc<()>) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if !rooms.contains_key(namespace) {
            rooms.retain(|_, (_, in_use)| Arc::strong_count(in_use) > 1);
        }
        let new = || (self.room.share(self.room_of_namespace), Arc::new(()));
        rooms.entry(namespace.to_owned()).or_insert_with(new).clone()
    }
}

/// Semaphores by name; those that nobody uses are forgotten.
#[derive(Debug, Clone)]
pub(crate) struct Shares {
    each: usize,
    named: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

impl Shares {
    pub(crate) fn new(each: usize) -> Self {
        Self { each, named: Arc::default() }
    }

    pub(crate) fn of(&self, name: &str) -> Arc<Semaphore> {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if !named.contains_key(name) {
            named.retain(|_, share| Arc::strong_count(share) > 1);
        }
        Arc::clone(named.entry(name.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.each))))
    }
}
