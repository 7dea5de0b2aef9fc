//! Whose turn it is: whoever may name images must not take all connections and all memory, nor keep others waiting.
//!
//! A piece of work waits for a turn of its namespace at the host, then of its namespace, then of the host, then of all, always
//! in this order, so that nobody waits in a circle. Whoever waits for a host keeps its own namespace from other hosts by no
//! more than [`limits::GATHERS_OF_NAMESPACE_AT_HOST`] turns; whoever waits for all keeps nobody, as nobody passes without.
//! What comes back finds its place in the namespace's share of the room for answers.

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
    of_namespace_at_host: Shares,
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
    _permits: [Option<OwnedSemaphorePermit>; 4],
    _in_use: Arc<()>,
    /// Where answers find their place.
    pub room: AnswerRoom,
}

impl Turns {
    /// With room for so many bytes of answers, of which a namespace has a third at most.
    pub fn new(bytes: u64) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits::GATHERS)),
            of_namespace_at_host: Shares::new(limits::GATHERS_OF_NAMESPACE_AT_HOST),
            of_namespace: Shares::new(limits::GATHERS_OF_NAMESPACE),
            at_host: Shares::new(limits::GATHERS_AT_HOST),
            room: AnswerRoom::new(bytes),
            rooms: Mutex::default(),
            room_of_namespace: bytes / 3,
        }
    }

    /// Waits for a turn, until `deadline`.
    pub async fn take(&self, namespace: &str, host: &str, deadline: Instant) -> Option<Turn> {
        // The port that is asked where none is given: no second share for another spelling.
        let host = host.strip_suffix(":443").unwrap_or(host);
        let (room, in_use) = self.room_of(namespace);
        let permits = async {
            // None of them is ever closed. No host has a slash.
            let own_there = self.of_namespace_at_host.of(&format!("{host}/{namespace}")).acquire_owned().await.ok();
            let own = self.of_namespace.of(namespace).acquire_owned().await.ok();
            let there = self.at_host.of(host).acquire_owned().await.ok();
            [own_there, own, there, Arc::clone(&self.all).acquire_owned().await.ok()]
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn turns() -> Turns {
        Turns::new(1 << 20)
    }

    /// Whether there is a turn without waiting.
    async fn has_turn(turns: &Turns, namespace: &str, host: &str) -> bool {
        turns.take(namespace, host, Instant::now()).await.is_some()
    }

    /// Work for the namespace at the host that has its turn, and as much again that waits.
    async fn crowd(turns: &Arc<Turns>, namespace: &'static str, host: &'static str) -> (Vec<Turn>, Vec<Waiter>) {
        let mut running = Vec::new();
        while let Some(turn) = turns.take(namespace, host, Instant::now()).await {
            running.push(turn);
        }
        let end = Instant::now() + Duration::from_secs(3_600);
        let wait = |_| {
            let turns = Arc::clone(turns);
            tokio::spawn(async move { turns.take(namespace, host, end).await })
        };
        let waiting = (0..64).map(wait).collect();
        // They run as far as they come: this runtime has one thread.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        (running, waiting)
    }

    type Waiter = tokio::task::JoinHandle<Option<Turn>>;

    #[tokio::test]
    async fn dead_host_leaves_turns_to_other_hosts_of_its_namespace() {
        let turns = Arc::new(turns());
        let (running, waiting) = crowd(&turns, "apps", "dead.test").await;
        assert!(!has_turn(&turns, "apps", "dead.test").await);
        assert!(has_turn(&turns, "apps", "well.test").await);
        // And to other namespaces at the same host.
        assert!(has_turn(&turns, "other", "dead.test").await);
        assert_eq!(running.len(), limits::GATHERS_OF_NAMESPACE_AT_HOST);
        waiting.iter().for_each(Waiter::abort);
    }

    #[tokio::test]
    async fn attack_host_with_the_port_spelled_out_for_more_turns() {
        let turns = Arc::new(turns());
        let (_running, waiting) = crowd(&turns, "apps", "dead.test").await;
        assert!(!has_turn(&turns, "apps", "dead.test:443").await);
        assert!(has_turn(&turns, "apps", "dead.test:444").await);
        waiting.iter().for_each(Waiter::abort);
    }

    /// Whose waiters for a host that others keep busy hold turns of their namespace.
    #[tokio::test]
    async fn host_that_others_keep_busy_leaves_turns_to_other_hosts() {
        let turns = Arc::new(turns());
        let (one, of_one) = crowd(&turns, "one", "busy.test").await;
        let (two, of_two) = crowd(&turns, "two", "busy.test").await;
        assert_eq!(one.len() + two.len(), limits::GATHERS_AT_HOST);
        let (mine, waiting) = crowd(&turns, "apps", "busy.test").await;
        assert!(mine.is_empty());
        assert!(has_turn(&turns, "apps", "well.test").await);
        of_one.iter().chain(&of_two).chain(&waiting).for_each(Waiter::abort);
    }

    #[tokio::test]
    async fn turn_of_whoever_goes_away_is_given_back() {
        let turns = Arc::new(turns());
        for _ in 0..3 {
            let (running, waiting) = crowd(&turns, "apps", "dead.test").await;
            assert_eq!(running.len(), limits::GATHERS_OF_NAMESPACE_AT_HOST);
            for waiter in waiting {
                waiter.abort();
                assert!(waiter.await.is_err_and(|error| error.is_cancelled()));
            }
            drop(running);
        }
        // A turn that was given to somebody who was gone before it was looked at.
        let (mut running, waiting) = crowd(&turns, "apps", "dead.test").await;
        running.pop();
        waiting.iter().for_each(Waiter::abort);
        for waiter in waiting {
            let _ = waiter.await;
        }
        assert!(has_turn(&turns, "apps", "dead.test").await);
        drop(running);
        assert_eq!(turns.all.available_permits(), limits::GATHERS);
        assert_eq!(turns.of_namespace.of("apps").available_permits(), limits::GATHERS_OF_NAMESPACE);
        assert_eq!(turns.at_host.of("dead.test").available_permits(), limits::GATHERS_AT_HOST);
    }

    /// Everybody wants everything, in all orders: in the end everybody had a turn, and none is missing.
    #[tokio::test]
    async fn nobody_waits_in_a_circle() {
        let turns = Arc::new(turns());
        let end = Instant::now() + Duration::from_secs(60);
        let work = (0..2_000_u32).map(|n| {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move {
                let (namespace, host) = (format!("n{}", n % 7), format!("h{}.test", n % 11));
                let turn = turns.take(&namespace, &host, end).await;
                tokio::task::yield_now().await;
                turn.is_some()
            })
        });
        for one in work.collect::<Vec<_>>() {
            assert!(one.await.unwrap());
        }
        assert_eq!(turns.all.available_permits(), limits::GATHERS);
    }
}
