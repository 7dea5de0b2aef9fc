//! Several watches, one store: a Secret may come from the watch of one name and from the watch of all pull secrets, and is
//! gone when neither has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use sigward_policy::object::ObjectKind;

use crate::logs::Log;
use crate::objects::{BadObject, ObjectKey, ObjectStore};

/// One watch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// All objects of a kind that concern the controller.
    All(ObjectKind),
    /// A Secret that a policy names.
    NamedSecret(ObjectKey),
    /// Secrets of a type that can be pull secrets, in all namespaces.
    PullSecrets(&'static str),
}

impl Source {
    /// Of which kind its objects are.
    pub(crate) fn kind(&self) -> ObjectKind {
        match self {
            Self::All(kind) => *kind,
            Self::NamedSecret(_) | Self::PullSecrets(_) => ObjectKind::Secret,
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All(kind) => write!(f, "{}", kind.name()),
            Self::NamedSecret(key) => write!(f, "{key}"),
            Self::PullSecrets(secret_type) => write!(f, "Secret of type {secret_type}"),
        }
    }
}

/// What watches have told.
#[derive(Debug)]
pub(crate) struct Feed {
    store: Arc<ObjectStore>,
    log: Log,
    sources: Mutex<BTreeMap<Source, Told>>,
}

#[derive(Debug, Default)]
struct Told {
    /// Whether it has said once what there is, or that it may not say.
    answered: bool,
    keys: BTreeSet<ObjectKey>,
}

impl Feed {
    pub(crate) fn new(store: Arc<ObjectStore>, log: Log) -> Self {
        Self { store, log, sources: Mutex::default() }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// These watches exist from now on, and no other of their kind: what only an ended one had is forgotten.
    pub(crate) fn expect(&self, kind: ObjectKind, sources: &BTreeSet<Source>) {
        self.change(kind, |store, told| {
            let ended: Vec<_> = told.keys().filter(|it| it.kind() == kind && !sources.contains(it)).cloned().collect();
            for source in ended {
                let keys = told.remove(&source).map(|it| it.keys).unwrap_or_default();
                forget(store, told, keys);
            }
            for source in sources {
                told.entry(source.clone()).or_default();
            }
        });
    }

    /// These are all objects of a watch.
    pub(crate) fn listed(&self, source: &Source, objects: Vec<Value>) {
        self.change(source.kind(), |store, told| {
            let Some(entry) = told.get_mut(source) else { return };
            entry.answered = true;
            let mut keys = BTreeSet::new();
            for object in objects {
                keys.extend(keep(store, &self.log, source.kind(), object));
            }
            let gone = std::mem::replace(&mut entry.keys, keys.clone()).into_iter().filter(|it| !keys.contains(it));
            forget(store, told, gone.collect());
            if let Source::NamedSecret(key) = source {
                // A mark of an earlier refusal goes when the answer is that there is none.
                if keys.is_empty() {
                    forget(store, told, BTreeSet::from([key.clone()]));
                }
            }
        });
    }

    /// An object is new or changed.
    pub(crate) fn applied(&self, source: &Source, object: Value) {
        self.change(source.kind(), |store, told| {
            let Some(entry) = told.get_mut(source) else { return };
            entry.keys.extend(keep(store, &self.log, source.kind(), object));
        });
    }

    /// An object is gone.
    pub(crate) fn deleted(&self, source: &Source, object: &Value) {
        self.change(source.kind(), |store, told| {
            let Ok(key) = ObjectKey::of(source.kind(), object) else { return };
            let Some(entry) = told.get_mut(source) else { return };
            entry.keys.remove(&key);
            forget(store, told, BTreeSet::from([key]));
        });
    }

    /// The API server refuses. A policy that names the Secret is broken then, with this reason; what is known of it already
    /// is kept. For all other watches nothing is known, and the controller is not ready.
    pub(crate) fn refused(&self, source: &Source, reason: &str) {
        let Source::NamedSecret(key) = source else { return };
        self.change(ObjectKind::Secret, |store, told| {
            let Some(entry) = told.get_mut(source) else { return };
            entry.answered = true;
            store.forbidden(key.clone(), reason.to_owned());
        });
    }

    fn change(&self, kind: ObjectKind, change: impl FnOnce(&ObjectStore, &mut BTreeMap<Source, Told>)) {
        let mut told = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        change(&self.store, &mut told);
        if !self.store.is_synced(kind) && told.iter().filter(|(it, _)| it.kind() == kind).all(|(_, it)| it.answered) {
            self.store.mark_synced(kind);
        }
    }
}

/// Stores an object. One without a name cannot come from an API server; if it does, nobody can ask for it by name either.
fn keep(store: &ObjectStore, log: &Log, kind: ObjectKind, object: Value) -> Option<ObjectKey> {
    let key = ObjectKey::of(kind, &object);
    let kept = key.and_then(|key| store.upsert(kind, object).map(|()| key));
    kept.map_err(|error: BadObject| log.error("object", json!({"reason": error.to_string()}))).ok()
}

/// Removes what no watch has any more.
fn forget(store: &ObjectStore, told: &BTreeMap<Source, Told>, keys: BTreeSet<ObjectKey>) {
    for key in keys {
        if !told.values().any(|it| it.keys.contains(&key)) {
            store.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::{LogFormat, LogLevel};
    use crate::objects::Known;

    const DOCKER: Source = Source::PullSecrets("kubernetes.io/dockerconfigjson");

    fn key(name: &str) -> ObjectKey {
        ObjectKey::namespaced(ObjectKind::Secret, "n", name)
    }

    fn secret(name: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "n"}})
    }

    fn feed(sources: &[Source]) -> Feed {
        let feed = Feed::new(Arc::default(), Log::start(LogFormat::Text, LogLevel::Error));
        feed.expect(ObjectKind::Secret, &sources.iter().cloned().collect());
        feed
    }

    #[test]
    fn a_kind_is_known_when_every_watch_has_answered() {
        let feed = feed(&[DOCKER, Source::NamedSecret(key("a"))]);
        let is_synced = || feed.store.is_synced(ObjectKind::Secret);
        feed.listed(&DOCKER, vec![]);
        assert!(!is_synced());
        feed.refused(&Source::NamedSecret(key("a")), "no right");
        assert!(is_synced());
        assert!(matches!(feed.store.get(&key("a")), Known::Unavailable(reason) if reason == "no right"));
        // A right that is given later: the Secret is not there.
        feed.listed(&Source::NamedSecret(key("a")), vec![]);
        assert!(matches!(feed.store.get(&key("a")), Known::Absent));
    }

    #[test]
    fn a_refusal_of_all_pull_secrets_leaves_the_kind_unknown() {
        let feed = feed(&[DOCKER]);
        feed.refused(&DOCKER, "no right");
        assert!(!feed.store.is_synced(ObjectKind::Secret));
    }

    #[test]
    fn no_watch_at_all_is_an_answer() {
        let feed = Feed::new(Arc::default(), Log::start(LogFormat::Text, LogLevel::Error));
        feed.expect(ObjectKind::ServiceAccount, &BTreeSet::new());
        assert!(feed.store.is_synced(ObjectKind::ServiceAccount));
    }

    #[test]
    fn a_secret_is_gone_when_no_watch_has_it() {
        let named = Source::NamedSecret(key("a"));
        let feed = feed(&[DOCKER, named.clone()]);
        feed.listed(&DOCKER, vec![secret("a"), secret("b")]);
        feed.listed(&named, vec![secret("a")]);
        let is_there = |name| matches!(feed.store.get(&key(name)), Known::Found(_));
        // A relist without b.
        feed.listed(&DOCKER, vec![secret("a")]);
        assert!(is_there("a") && !is_there("b"));
        // Its type changed: only the watch by name still has it.
        feed.deleted(&DOCKER, &secret("a"));
        assert!(is_there("a"));
        // No policy names it any more.
        feed.expect(ObjectKind::Secret, &BTreeSet::from([DOCKER]));
        assert!(!is_there("a"));
        // What an ended watch still tells is not believed.
        feed.applied(&named, secret("a"));
        assert!(!is_there("a"));
    }

    /// Invariant 9.
    #[test]
    fn a_later_refusal_keeps_what_was_known() {
        let named = Source::NamedSecret(key("a"));
        let feed = feed(std::slice::from_ref(&named));
        feed.listed(&named, vec![secret("a")]);
        feed.refused(&named, "no right");
        assert!(matches!(feed.store.get(&key("a")), Known::Found(_)));
    }
}
