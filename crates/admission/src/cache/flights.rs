//! Work that is under way: whoever wants the same waits for it. Nothing is kept once it has landed.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

type UnderWay<K, V> = Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>;

/// Work under way, by what it is for. Clones share it.
#[derive(Debug)]
pub struct Flights<K, V> {
    under_way: UnderWay<K, V>,
}

impl<K, V> Clone for Flights<K, V> {
    fn clone(&self) -> Self {
        Self { under_way: Arc::clone(&self.under_way) }
    }
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self { under_way: Arc::default() }
    }
}

/// How one gets what one wants.
#[derive(Debug)]
pub enum Boarding<K: Hash + Eq, V> {
    /// Somebody is at it.
    Join(Passenger<V>),
    /// Nobody is: whoever has the ticket must do it.
    Fly(Ticket<K, V>, Passenger<V>),
}

/// Waits for a result.
#[derive(Debug, Clone)]
pub struct Passenger<V> {
    result: watch::Receiver<Option<V>>,
}

/// Must bring a result. Dropped without one, everybody who waits is told that there is none.
#[derive(Debug)]
pub struct Ticket<K: Hash + Eq, V> {
    key: K,
    /// Nowhere once it has landed.
    under_way: Option<UnderWay<K, V>>,
    result: watch::Sender<Option<V>>,
}

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The deadline passed first. The work goes on.
    Deadline,
    /// The work ended without a result: it panicked.
    Crashed,
}

impl<K: Hash + Eq + Clone, V: Clone> Flights<K, V> {
    /// Joins the work for `key`, or begins it.
    pub fn board(&self, key: &K) -> Boarding<K, V> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(result) = under_way.get(key) {
            return Boarding::Join(Passenger { result: result.clone() });
        }
        let (sender, result) = watch::channel(None);
        under_way.insert(key.clone(), result.clone());
        let ticket = Ticket { key: key.clone(), under_way: Some(Arc::clone(&self.under_way)), result: sender };
        Boarding::Fly(ticket, Passenger { result })
    }

    /// How much is under way.
    pub fn count(&self) -> usize {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl<K: Hash + Eq, V> Ticket<K, V> {
    /// What it is for.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The work is done. Whatever is to be kept of it must be kept before.
    pub fn land(mut self, value: V) {
        // First it is over, then it is told: whoever has seen the result and asks again wants a new one.
        self.end();
        self.result.send_replace(Some(value));
    }

    fn end(&mut self) {
        if let Some(under_way) = self.under_way.take() {
            under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        }
    }
}

impl<K: Hash + Eq, V> Drop for Ticket<K, V> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<V: Clone> Passenger<V> {
    /// The result, unless `deadline` comes first.
    ///
    /// # Errors
    /// [`Lost`].
    pub async fn arrive(mut self, deadline: Instant) -> Result<V, Lost> {
        let waiting = self.result.wait_for(Option::is_some);
        match tokio::time::timeout_at(deadline.into(), waiting).await {
            Err(_) => Err(Lost::Deadline),
            Ok(Err(_)) => Err(Lost::Crashed),
            Ok(Ok(value)) => value.clone().ok_or(Lost::Crashed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn fly(flights: &Flights<u8, u32>) -> (Ticket<u8, u32>, Passenger<u32>) {
        match flights.board(&1) {
            Boarding::Fly(ticket, passenger) => (ticket, passenger),
            Boarding::Join(_) => panic!("somebody is at it"),
        }
    }

    fn join(flights: &Flights<u8, u32>) -> Passenger<u32> {
        match flights.board(&1) {
            Boarding::Join(passenger) => passenger,
            Boarding::Fly(..) => panic!("nobody is at it"),
        }
    }

    #[tokio::test]
    async fn one_does_it_and_all_have_it() {
        let flights = Flights::default();
        let (ticket, first) = fly(&flights);
        let others: Vec<_> = (0..9).map(|_| join(&flights)).collect();
        assert_eq!(flights.count(), 1);
        ticket.land(7);
        assert_eq!(first.arrive(soon()).await, Ok(7));
        for other in others {
            assert_eq!(other.arrive(soon()).await, Ok(7));
        }
        // Nothing is kept.
        assert_eq!(flights.count(), 0);
        let _ = fly(&flights);
    }

    #[tokio::test]
    async fn crash_is_told_and_the_next_one_tries_again() {
        let flights = Flights::default();
        let (ticket, first) = fly(&flights);
        drop(ticket);
        assert_eq!(first.arrive(soon()).await, Err(Lost::Crashed));
        let (ticket, _) = fly(&flights);
        ticket.land(1);
    }

    #[tokio::test]
    async fn deadline_ends_the_waiting_and_not_the_work() {
        let flights = Flights::default();
        let (ticket, first) = fly(&flights);
        assert_eq!(first.arrive(Instant::now()).await, Err(Lost::Deadline));
        let later = join(&flights);
        ticket.land(2);
        assert_eq!(later.arrive(soon()).await, Ok(2));
    }

    /// Whoever has a result and asks again begins anew: a failure of before is no answer to what is asked after it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn landed_is_landed_for_whoever_has_seen_it() {
        let flights = Flights::default();
        for round in 0..5_000 {
            let (ticket, first) = fly(&flights);
            let landing = tokio::spawn(async move { ticket.land(round) });
            assert_eq!(first.arrive(soon()).await, Ok(round));
            let (ticket, _) = fly(&flights);
            landing.await.unwrap();
            // Nor does the end of the old one end the new one.
            assert_eq!(flights.count(), 1);
            ticket.land(round);
        }
    }
}
