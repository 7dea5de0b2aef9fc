//! Keeps the snapshot up to date: takes changes of the store over at once, and lets nothing that must be fetched stand in
//! their way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use sigward_fetch::Client;
use sigward_policy::object::ObjectKind;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::logs::Log;
use crate::metrics::Metrics;
use crate::objects::ObjectStore;
use crate::remote::{self, Remotes};
use crate::roots::{Landed, Roots};
use crate::state::{Builder, Snapshot, State};

/// What keeps the snapshot.
#[derive(Debug)]
pub struct Keeper {
    /// The objects.
    pub store: Arc<ObjectStore>,
    /// Policies at URLs.
    pub remotes: Arc<Remotes>,
    /// Where the snapshot goes.
    pub state: Arc<State>,
    /// Asks for what is not in the cluster.
    pub client: Client,
    /// Where it is told.
    pub log: Log,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// Trust material.
    pub roots: Roots,
    /// Makes the snapshots.
    pub builder: Builder,
    /// How often everything is resolved anew.
    pub period: Duration,
}

/// How long changes are collected before they are put together.
const SETTLE: Duration = Duration::from_millis(20);

/// How long the first snapshot waits for what must be fetched. Then it is in force without: what lacks something denies.
const FIRST: Duration = Duration::from_secs(5);

/// What is being fetched.
#[derive(Debug, Default)]
struct UnderWay {
    roots: JoinSet<Landed>,
    remotes: JoinSet<()>,
}

impl Keeper {
    /// Makes the first snapshot, with what can be fetched in a short time; goes on in the background.
    pub async fn start(mut self) {
        let mut changes = self.store.changes();
        let mut under_way = UnderWay::default();
        self.turn(&mut changes, &mut under_way);
        // Not for the public instance's material where something of it is at hand.
        let patience = if self.waits() || self.roots.awaits_public() { FIRST } else { Duration::ZERO };
        let fetched = async {
            while !(under_way.roots.is_empty() && under_way.remotes.is_empty()) {
                tokio::select! {
                    Some(landed) = under_way.roots.join_next() => self.land(landed),
                    Some(_) = under_way.remotes.join_next() => self.fetch_documents(&mut under_way),
                }
            }
        };
        let _ = tokio::time::timeout(patience, fetched).await;
        self.put();
        tokio::spawn(self.keep(changes, under_way));
    }

    /// The same once the cluster has told everything there is.
    pub async fn start_when_synced(self) {
        let mut changes = self.store.changes();
        while !ObjectKind::ALL.iter().all(|kind| self.store.is_synced(*kind)) {
            if changes.changed().await.is_err() {
                return;
            }
        }
        self.start().await;
    }

    async fn keep(mut self, mut changes: watch::Receiver<u64>, mut under_way: UnderWay) {
        let mut resolved = Instant::now();
        loop {
            let pause = self.pause(resolved);
            tokio::select! {
                _ = changes.changed() => tokio::time::sleep(SETTLE).await,
                Some(landed) = under_way.roots.join_next() => self.land(landed),
                Some(_) = under_way.remotes.join_next() => {}
                () = tokio::time::sleep(pause) => {}
            }
            if resolved.elapsed() >= self.period {
                resolved = Instant::now();
                self.builder.forget();
            }
            self.turn(&mut changes, &mut under_way);
        }
    }

    /// Puts in force what is known, and begins to fetch what is not.
    fn turn(&mut self, changes: &mut watch::Receiver<u64>, under_way: &mut UnderWay) {
        let seen = *changes.borrow_and_update();
        self.roots.take_over();
        self.put();
        self.state.reflect(seen);
        for errand in self.roots.errands() {
            under_way.roots.spawn(errand);
        }
        self.fetch_documents(under_way);
    }

    /// Begins to fetch documents that are due, as far as there is room.
    fn fetch_documents(&self, under_way: &mut UnderWay) {
        let Some(snapshot) = self.state.current() else { return };
        let room = remote::AT_ONCE.saturating_sub(under_way.remotes.len());
        for reference in self.remotes.due(&snapshot.references.remotes, room) {
            let (remotes, client) = (Arc::clone(&self.remotes), self.client.clone());
            under_way.remotes.spawn(async move { remotes.fetch(reference, &client).await });
        }
    }

    /// Whether a policy refers to something that has not been fetched yet.
    fn waits(&self) -> bool {
        let Some(snapshot) = self.state.current() else { return false };
        !snapshot.references.remotes.is_empty() || !snapshot.references.trust_roots.is_empty()
    }

    fn land(&mut self, landed: Result<Landed, tokio::task::JoinError>) {
        match landed {
            Ok(landed) => self.roots.land(landed),
            Err(error) => self.log.error("trust-refresh-failed", json!({"reason": error.to_string()})),
        }
    }

    /// Until something is due.
    fn pause(&self, resolved: Instant) -> Duration {
        let roots = self.roots.next().map(|due| due.saturating_duration_since(Instant::now()));
        let resolved = self.period.saturating_sub(resolved.elapsed());
        roots.unwrap_or(resolved).min(resolved).clamp(Duration::from_millis(500), Duration::from_secs(30))
    }

    /// Puts a new snapshot in force, if anything is different.
    fn put(&mut self) {
        let snapshot = self.builder.build(self.roots.map());
        if self.state.current().is_some_and(|current| is_same(&current, &snapshot)) {
            return;
        }
        let snapshot = Arc::new(snapshot);
        // In force first: who reads of it may rely on it.
        self.state.put(Arc::clone(&snapshot));
        let mut broken = 0_usize;
        for policy in snapshot.policies.iter() {
            let faults = policy.faults();
            if !faults.is_empty() {
                broken = broken.saturating_add(1);
                self.log.error("policy-broken", json!({"policy": policy.name(), "faults": faults}));
            }
        }
        if let Some(fault) = &snapshot.config_fault {
            self.log.error("settings-unreadable", json!({"reason": fault}));
        }
        let names = snapshot.policies.iter().map(|policy| policy.name()).collect();
        self.metrics.keep_policies(&names, broken);
        self.log.info("policies-in-force", json!({"count": names.len(), "broken": broken, "number": snapshot.number}));
    }
}

/// Whether two snapshots judge alike. Policies that were not resolved again are the same.
fn is_same(old: &Snapshot, new: &Snapshot) -> bool {
    old.config == new.config
        && old.config_fault == new.config_fault
        && old.references == new.references
        && old.trust.is_same(&new.trust)
        && old.policies.iter().count() == new.policies.iter().count()
        && old.policies.iter().zip(new.policies.iter()).all(|(old, new)| Arc::ptr_eq(old, new))
}
