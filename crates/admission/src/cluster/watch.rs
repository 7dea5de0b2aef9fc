//! Watches that never end: a list, then what changes, again from the start when the API server says so.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::Value;
use sigward_policy::object::ObjectKind;
use tokio::task::JoinSet;

use super::client::ApiKind;
use super::config::{ClusterConfig, PullSecrets};
use super::error::reason_of_watch;
use super::failures::Failures;
use super::feed::{Feed, Source};
use crate::logs::Log;
use crate::objects::{ObjectKey, ObjectStore};

/// The types of Secrets that can hold credentials of registries.
const PULL_SECRET_TYPES: [&str; 2] = ["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"];

/// A watch is asked for anew after this time, so that a connection that died without a word is noticed.
pub(crate) const WATCH_SECONDS: u32 = 120;

/// Fills the store, as long as it is polled.
pub(crate) async fn feed(client: Client, config: &ClusterConfig, store: Arc<ObjectStore>, log: &Log) {
    let feed = Arc::new(Feed::new(Arc::clone(&store), log.clone()));
    let mut tasks = JoinSet::new();
    let mut accounts = BTreeSet::new();
    if config.pull_secrets == PullSecrets::Watch {
        accounts.insert(Source::All(ObjectKind::ServiceAccount));
    }
    for kind in [ObjectKind::ClusterImagePolicy, ObjectKind::TrustRoot, ObjectKind::ConfigMap] {
        feed.expect(kind, &BTreeSet::from([Source::All(kind)]));
        tasks.spawn(follow(client.clone(), config.namespace.clone(), Source::All(kind), Arc::clone(&feed)));
    }
    feed.expect(ObjectKind::ServiceAccount, &accounts);
    for source in accounts {
        tasks.spawn(follow(client.clone(), config.namespace.clone(), source, Arc::clone(&feed)));
    }
    follow_secrets(&client, config, &store, &feed).await;
}

/// Watches Secrets; which ones depends on the policies.
async fn follow_secrets(client: &Client, config: &ClusterConfig, store: &ObjectStore, feed: &Arc<Feed>) {
    let mut tasks = BTreeMap::new();
    let mut changes = store.changes();
    loop {
        changes.mark_unchanged();
        // Before the policies are known, nobody knows which Secrets count.
        if store.is_synced(ObjectKind::ClusterImagePolicy) {
            let wanted = secret_sources(config, store);
            tasks.retain(|source, _| wanted.contains(source));
            feed.expect(ObjectKind::Secret, &wanted);
            for source in wanted {
                tasks.entry(source).or_insert_with_key(|source| {
                    let mut task = JoinSet::new();
                    task.spawn(follow(client.clone(), config.namespace.clone(), source.clone(), Arc::clone(feed)));
                    task
                });
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// The watches of Secrets that are needed now.
fn secret_sources(config: &ClusterConfig, store: &ObjectStore) -> BTreeSet<Source> {
    let mut sources = BTreeSet::new();
    if config.pull_secrets == PullSecrets::Watch {
        sources.extend(PULL_SECRET_TYPES.map(Source::PullSecrets));
    }
    for (_, policy) in store.list(ObjectKind::ClusterImagePolicy) {
        for name in named_secrets(&policy) {
            // Whatever namespace a policy says: only the controller's own counts (policy-controller.md §1.10).
            sources.insert(Source::NamedSecret(ObjectKey::namespaced(ObjectKind::Secret, &config.namespace, name)));
        }
    }
    sources
}

/// The Secrets that a policy takes keys from.
fn named_secrets(policy: &Value) -> impl Iterator<Item = &str> {
    let authorities = policy.pointer("/spec/authorities").and_then(Value::as_array).into_iter().flatten();
    let named = authorities.flat_map(|authority| {
        ["/key/secretRef/name", "/keyless/ca-cert/secretRef/name"].map(|path| authority.pointer(path))
    });
    named.flatten().filter_map(Value::as_str).filter(|name| is_object_name(name))
}

/// RFC 1123, as names of objects are: anything else in a field selector would be a part of it, and there is no such Secret.
fn is_object_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    !name.is_empty() && name.len() <= 253 && name.chars().all(is_allowed)
}

async fn follow(client: Client, namespace: String, source: Source, feed: Arc<Feed>) {
    let (kind, api, config) = request(&client, &namespace, &source);
    let mut events = pin!(watcher(api, config).backoff(Pause::default()));
    let mut listed = Vec::new();
    let log = feed.log().clone();
    let mut failures = Failures::of(&log, "watch", source.to_string());
    while let Some(event) = events.next().await {
        let told = match event {
            Ok(Event::Init) => {
                listed.clear();
                Ok(())
            }
            Ok(Event::InitApply(object)) => kind.value(object).map(|object| listed.push(slim(kind, object))),
            Ok(Event::InitDone) => {
                failures.clear();
                feed.listed(&source, std::mem::take(&mut listed));
                Ok(())
            }
            Ok(Event::Apply(object)) => kind.value(object).map(|object| feed.applied(&source, slim(kind, object))),
            Ok(Event::Delete(object)) => kind.value(object).map(|object| feed.deleted(&source, &object)),
            Err(error) => {
                let reason = reason_of_watch(&error);
                if is_refusal(&error) {
                    feed.refused(&source, &reason);
                }
                failures.tell(reason);
                Ok(())
            }
        };
        if let Err(error) = told {
            failures.tell(error.to_string());
        }
    }
}

/// What a watch asks for.
fn request(client: &Client, namespace: &str, source: &Source) -> (ApiKind, Api<DynamicObject>, watcher::Config) {
    let config = watcher::Config::default().timeout(WATCH_SECONDS);
    match source {
        Source::All(ObjectKind::ClusterImagePolicy) => {
            (ApiKind::ClusterImagePolicy, ApiKind::ClusterImagePolicy.everywhere(client), config)
        }
        Source::All(ObjectKind::TrustRoot) => (ApiKind::TrustRoot, ApiKind::TrustRoot.everywhere(client), config),
        Source::All(ObjectKind::ServiceAccount) => {
            (ApiKind::ServiceAccount, ApiKind::ServiceAccount.everywhere(client), config)
        }
        Source::All(ObjectKind::Secret) => (ApiKind::Secret, ApiKind::Secret.everywhere(client), config),
        Source::All(ObjectKind::ConfigMap) => {
            (ApiKind::ConfigMap, ApiKind::ConfigMap.within(client, namespace), config)
        }
        Source::NamedSecret(key) => {
            let config = config.fields(&format!("metadata.name={}", key.name));
            (ApiKind::Secret, ApiKind::Secret.within(client, &key.namespace), config)
        }
        Source::PullSecrets(secret_type) => {
            (ApiKind::Secret, ApiKind::Secret.everywhere(client), config.fields(&format!("type={secret_type}")))
        }
    }
}

/// Of ServiceAccounts, of which there are many, only what is asked for is kept.
fn slim(kind: ApiKind, mut object: Value) -> Value {
    if kind != ApiKind::ServiceAccount {
        return object;
    }
    let mut kept = serde_json::json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {}});
    for pointer in ["/metadata/name", "/metadata/namespace", "/imagePullSecrets"] {
        let (Some(value), Some((parent, field))) =
            (object.pointer_mut(pointer).map(Value::take), pointer.rsplit_once('/'))
        else {
            continue;
        };
        if let Some(Value::Object(map)) = kept.pointer_mut(parent) {
            map.insert(field.to_owned(), value);
        }
    }
    kept
}

/// Whether the API server said that this may not be read.
fn is_refusal(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => matches!(status.code, 401 | 403),
        _ => false,
    }
}

/// From half a second to 8 s: a policy that was changed while the API server was away should not wait half a minute.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pause {
    failures: u32,
}

impl Iterator for Pause {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = Duration::from_millis(500) * (1 << self.failures.min(4));
        self.failures = self.failures.saturating_add(1);
        Some(pause)
    }
}

impl Backoff for Pause {
    fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_that_policies_name_are_watched_in_the_own_namespace() {
        let store = ObjectStore::default();
        let policy = json!({"metadata": {"name": "p"}, "spec": {"authorities": [
            {"key": {"secretRef": {"name": "a", "namespace": "elsewhere"}}},
            {"keyless": {"ca-cert": {"secretRef": {"name": "b"}}}},
            {"key": {"data": "…"}}, {"key": {"secretRef": {"name": ""}}}, {"key": {"secretRef": 1}}, null,
            // Would be a selector of its own.
            {"key": {"secretRef": {"name": "c,type!=Opaque"}}}, {"key": {"secretRef": {"name": "A"}}},
        ]}});
        for policy in [policy, json!({"metadata": {"name": "q"}, "spec": 1})] {
            store.upsert(ObjectKind::ClusterImagePolicy, policy).unwrap();
        }
        let mut config = ClusterConfig::new("own", "pod");
        let named = |name| Source::NamedSecret(ObjectKey::namespaced(ObjectKind::Secret, "own", name));
        assert_eq!(secret_sources(&config, &store), BTreeSet::from([named("a"), named("b")]));
        config.pull_secrets = PullSecrets::Watch;
        assert_eq!(secret_sources(&config, &store).len(), 4);
    }

    #[test]
    fn a_service_account_keeps_its_pull_secrets_only() {
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "secrets": [{"name": "token"}],
            "metadata": {"name": "a", "namespace": "n", "annotations": {"x": "y"}},
            "imagePullSecrets": [{"name": "registry"}],
        });
        let expected = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": "n"},
            "imagePullSecrets": [{"name": "registry"}],
        });
        assert_eq!(slim(ApiKind::ServiceAccount, account.clone()), expected);
        assert_eq!(slim(ApiKind::Secret, account.clone()), account);
    }

    #[test]
    fn pauses_grow_to_eight_seconds() {
        let mut pause = Pause::default();
        let first: Vec<_> = pause.by_ref().take(6).map(|it| it.as_millis()).collect();
        assert_eq!(first, [500, 1000, 2000, 4000, 8000, 8000]);
        pause.reset();
        assert_eq!(pause.next(), Some(Duration::from_millis(500)));
    }
}
