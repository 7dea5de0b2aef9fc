//! What the leader writes into the cluster about policies and trust roots: their status, and the two ConfigMaps that
//! others read.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use serde_json::Value;
use sigward_policy::object::ObjectKind;
use tokio::sync::watch;

use super::client::{ApiKind, Merge, patch};
use super::error::ClusterError;
use super::failures::Failures;
use super::lease::Role;
use super::publish::change_of_entries;
use super::report::{Report, Told};
use super::status::{change_of_finalizers, change_of_status};
use crate::content::Contents;
use crate::logs::Log;
use crate::objects::{Known, ObjectKey};
use crate::state::State;

/// Changes come in groups (`kubectl apply -f DIR`); one round writes what all of them came to.
const SETTLE: Duration = Duration::from_millis(200);
/// After a failure.
const RETRY: Duration = Duration::from_secs(5);
/// Without any change; others may have overwritten what was written.
const LOOK_AGAIN: Duration = Duration::from_secs(10 * 60);

/// Who writes what, and where.
pub(crate) struct Writer<'a> {
    pub(crate) client: &'a Client,
    pub(crate) contents: Contents<'a>,
    pub(crate) state: &'a State,
    pub(crate) log: &'a Log,
}

impl Writer<'_> {
    /// Writes while this replica is the leader.
    pub(crate) async fn run(&self, mut role: watch::Receiver<Role>) {
        let mut failures = Failures::of(self.log, "status", "writing status and ConfigMaps");
        let (mut changes, mut reflected) = (self.contents.store.changes(), self.state.reflected());
        loop {
            let mut pause = LOOK_AGAIN;
            let seen = *changes.borrow_and_update();
            // A status is about what is in force: what has just come must wait until it is.
            let is_reflected = *reflected.borrow_and_update() >= seen;
            let snapshot = self.state.current().filter(|_| is_reflected);
            if *role.borrow_and_update() == Role::Leader {
                let report = snapshot.map(|snapshot| Report::of(&snapshot, &self.contents));
                match self.round(report.as_ref()).await {
                    Ok(()) => failures.clear(),
                    // Somebody wrote first; the watch will tell.
                    Err(error) if error.is_conflict() => pause = RETRY,
                    Err(error) => {
                        pause = RETRY;
                        failures.tell(error.to_string());
                    }
                }
            }
            tokio::select! {
                done = role.changed() => if done.is_err() { return },
                done = reflected.changed() => if done.is_err() { return },
                done = changes.changed() => if done.is_err() { return },
                () = tokio::time::sleep(pause) => {}
            }
            tokio::time::sleep(SETTLE).await;
        }
    }

    /// Everything is tried; the first failure is told.
    async fn round(&self, report: Option<&Report>) -> Result<(), ClusterError> {
        let mut first = self.take_finalizers_away(ApiKind::ClusterImagePolicy).await;
        first = first.and(self.take_finalizers_away(ApiKind::TrustRoot).await);
        let Some(report) = report else { return first };
        let published = self.publish("config-image-policies", &report.policies).await;
        let policies = self.statuses(ApiKind::ClusterImagePolicy, &report.policies, &published).await;
        let keys_published = self.publish("config-sigstore-keys", &report.trust_roots).await;
        let trust_roots = self.statuses(ApiKind::TrustRoot, &report.trust_roots, &keys_published).await;
        first.and(published.map(|_| ())).and(policies).and(keys_published.map(|_| ())).and(trust_roots)
    }

    async fn take_finalizers_away(&self, kind: ApiKind) -> Result<(), ClusterError> {
        let api = kind.everywhere(self.client);
        for (key, object) in self.contents.store.list(kept(kind)) {
            if let Some(change) = change_of_finalizers(&object) {
                patch(&api, kind, &key.name, Merge::Json, &change).await?;
            }
        }
        Ok(())
    }

    /// Writes the entries of one ConfigMap; says why others cannot read them, if so.
    async fn publish(&self, name: &str, told: &BTreeMap<String, Told>) -> Result<Result<(), String>, ClusterError> {
        let key = ObjectKey::namespaced(ObjectKind::ConfigMap, self.contents.namespace, name);
        let Known::Found(map) = self.contents.store.get(&key) else {
            return Ok(Err(format!("there is no ConfigMap {name} in namespace {}", self.contents.namespace)));
        };
        let entries = told.iter().filter_map(|(name, told)| Some((name.clone(), told.entry.clone()?))).collect();
        match change_of_entries(&map, &entries) {
            Ok(None) => Ok(Ok(())),
            Err(reason) => Ok(Err(reason)),
            Ok(Some(change)) => {
                let api = ApiKind::ConfigMap.within(self.client, self.contents.namespace);
                patch(&api, ApiKind::ConfigMap, name, Merge::Json, &change).await.map(|()| Ok(()))
            }
        }
    }

    async fn statuses(
        &self,
        kind: ApiKind,
        told: &BTreeMap<String, Told>,
        published: &Result<Result<(), String>, ClusterError>,
    ) -> Result<(), ClusterError> {
        let published = published.as_ref().map_err(ToString::to_string).and_then(Clone::clone);
        let mut first = Ok(());
        for (name, told) in told {
            let key = ObjectKey { kind: kept(kind), namespace: String::new(), name: name.clone() };
            let Known::Found(object) = self.contents.store.get(&key) else { continue };
            let done = self.write_status(kind, name, &object, told, &published).await;
            first = first.and(done.or_else(|error| if error.is_not_found() { Ok(()) } else { Err(error) }));
        }
        first
    }

    async fn write_status(
        &self,
        kind: ApiKind,
        name: &str,
        object: &Value,
        told: &Told,
        published: &Result<(), String>,
    ) -> Result<(), ClusterError> {
        let api = kind.everywhere(self.client);
        match change_of_status(object, &told.outcome(published), Timestamp::now()) {
            None => Ok(()),
            Some(change) => super::client::patch_status(&api, kind, name, &change).await,
        }
    }
}

/// Under which kind the store has it.
fn kept(kind: ApiKind) -> ObjectKind {
    if kind == ApiKind::TrustRoot { ObjectKind::TrustRoot } else { ObjectKind::ClusterImagePolicy }
}
