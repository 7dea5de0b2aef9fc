//! The objects that decide: policies, trust roots, and what they refer to. Fed by files or by watches; read by whoever
//! builds a [`Snapshot`](crate::state::Snapshot), and by reviews that need pull secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use serde_json::Value;
use sigward_policy::object::ObjectKind;
use tokio::sync::watch;

use crate::review::describe;

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its namespace; empty for kinds without one.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// An object in a namespace.
    pub fn namespaced(kind: ObjectKind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The key of an object by its metadata.
    ///
    /// # Errors
    /// [`BadObject`] if it has no name.
    pub fn of(kind: ObjectKind, object: &Value) -> Result<Self, BadObject> {
        let metadata = object.get("metadata").unwrap_or(&Value::Null);
        let text = |field: &str| match metadata.get(field) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => Err(BadObject::new(kind, &format!("metadata.{field}"), "a text", other)),
        };
        let name = text("name")?;
        if name.is_empty() {
            return Err(BadObject::new(kind, "metadata.name", "a name", metadata.get("name").unwrap_or(&Value::Null)));
        }
        let namespace = match text("namespace")? {
            _ if !kind.is_namespaced() => String::new(),
            // Where `kubectl apply` puts it.
            namespace if namespace.is_empty() => "default".to_owned(),
            namespace => namespace,
        };
        Ok(Self { kind, namespace, name })
    }
}

impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{} {}", self.kind.name(), self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind.name(), self.name),
        }
    }
}

/// An object that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {field}: expected {expected}, found {found}")]
pub struct BadObject {
    kind: &'static str,
    field: String,
    expected: &'static str,
    found: String,
}

impl BadObject {
    fn new(kind: ObjectKind, field: &str, expected: &'static str, found: &Value) -> Self {
        Self { kind: kind.name(), field: field.to_owned(), expected, found: describe(found) }
    }
}

/// What is known of an object.
#[derive(Debug, Clone)]
pub enum Known {
    /// It is there.
    Found(Arc<Value>),
    /// It is not there.
    Absent,
    /// It could not be read, for this reason.
    Unavailable(String),
}

/// The objects as they are at present.
#[derive(Debug)]
pub struct ObjectStore {
    content: RwLock<Content>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Content {
    objects: BTreeMap<ObjectKey, Result<Arc<Value>, String>>,
    /// Where nothing could be read, by its name, and why: any policy could be there.
    unreadable: BTreeMap<String, String>,
    synced: BTreeSet<ObjectKind>,
}

impl Default for ObjectStore {
    fn default() -> Self {
        Self { content: RwLock::default(), changes: watch::Sender::new(0) }
    }
}

impl ObjectStore {
    /// These are all objects of all kinds, and what could not be read.
    pub fn replace_all(&self, objects: BTreeMap<ObjectKey, Arc<Value>>, unreadable: BTreeMap<String, String>) {
        self.change(|content| {
            let objects: BTreeMap<_, _> = objects.into_iter().map(|(key, object)| (key, Ok(object))).collect();
            let is_first = content.synced.len() < ObjectKind::ALL.len();
            content.synced.extend(ObjectKind::ALL);
            let is_same = content.objects == objects && content.unreadable == unreadable;
            (content.objects, content.unreadable) = (objects, unreadable);
            is_first || !is_same
        });
    }

    /// An object is new or changed.
    ///
    /// # Errors
    /// [`BadObject`] if it has no name; nothing changes then.
    pub fn upsert(&self, kind: ObjectKind, object: Value) -> Result<(), BadObject> {
        let key = ObjectKey::of(kind, &object)?;
        self.change(|content| {
            let object = Ok(Arc::new(object));
            let is_same = content.objects.get(&key) == Some(&object);
            content.objects.insert(key, object);
            !is_same
        });
        Ok(())
    }

    /// An object is gone.
    pub fn remove(&self, key: &ObjectKey) {
        self.change(|content| content.objects.remove(key).is_some());
    }

    /// An object may not be read. What was known of it is kept: a failed refresh is no reason to forget.
    pub fn forbidden(&self, key: ObjectKey, reason: String) {
        self.change(|content| match content.objects.get(&key) {
            Some(Ok(_)) => false,
            Some(Err(old)) if *old == reason => false,
            _ => {
                content.objects.insert(key, Err(reason));
                true
            }
        });
    }

    /// All objects of a kind have been seen once, one by one.
    pub fn mark_synced(&self, kind: ObjectKind) {
        self.change(|content| content.synced.insert(kind));
    }

    /// What is known of an object.
    pub fn get(&self, key: &ObjectKey) -> Known {
        match self.read().objects.get(key) {
            Some(Ok(object)) => Known::Found(Arc::clone(object)),
            Some(Err(reason)) => Known::Unavailable(reason.clone()),
            None => Known::Absent,
        }
    }

    /// All objects of a kind, by name.
    pub fn list(&self, kind: ObjectKind) -> Vec<(ObjectKey, Arc<Value>)> {
        let content = self.read();
        let readable =
            content.of_kind(kind).filter_map(|(key, known)| Some((key.clone(), known.as_ref().ok()?.clone())));
        readable.collect()
    }

    /// What could not be read at all, and why.
    pub fn unreadable(&self) -> BTreeMap<String, String> {
        self.read().unreadable.clone()
    }

    /// Whether all objects of a kind have been seen once.
    pub fn is_synced(&self, kind: ObjectKind) -> bool {
        self.read().synced.contains(&kind)
    }

    /// A number that grows with each change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn read(&self) -> RwLockReadGuard<'_, Content> {
        self.content.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the content; tells who waits if `change` says that something is different.
    fn change(&self, change: impl FnOnce(&mut Content) -> bool) {
        let is_different = change(&mut self.content.write().unwrap_or_else(PoisonError::into_inner));
        if is_different {
            self.changes.send_modify(|number| *number = number.wrapping_add(1));
        }
    }
}

impl Content {
    fn of_kind(&self, kind: ObjectKind) -> impl Iterator<Item = (&ObjectKey, &Result<Arc<Value>, String>)> {
        self.objects.iter().filter(move |(key, _)| key.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(name: &str, value: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "n"}, "data": {"a": value}})
    }

    fn key(name: &str) -> ObjectKey {
        ObjectKey::namespaced(ObjectKind::Secret, "n", name)
    }

    #[test]
    fn changes_are_told_once() {
        let store = ObjectStore::default();
        let mut changes = store.changes();
        let mut told = || {
            let is_told = changes.has_changed().unwrap();
            changes.mark_unchanged();
            is_told
        };
        assert!(!store.is_synced(ObjectKind::Secret));
        store.mark_synced(ObjectKind::Secret);
        assert!(told() && store.is_synced(ObjectKind::Secret) && !store.is_synced(ObjectKind::ConfigMap));
        store.mark_synced(ObjectKind::Secret);
        assert!(!told());
        store.upsert(ObjectKind::Secret, secret("a", "x")).unwrap();
        assert!(told());
        store.upsert(ObjectKind::Secret, secret("a", "x")).unwrap();
        assert!(!told());
        store.remove(&key("a"));
        assert!(told() && matches!(store.get(&key("a")), Known::Absent));
        store.remove(&key("a"));
        assert!(!told());
    }

    /// Invariant 9.
    #[test]
    fn what_may_not_be_read_any_more_is_kept() {
        let store = ObjectStore::default();
        store.forbidden(key("b"), "no".into());
        assert!(matches!(store.get(&key("b")), Known::Unavailable(reason) if reason == "no"));
        store.upsert(ObjectKind::Secret, secret("a", "x")).unwrap();
        store.forbidden(key("a"), "no".into());
        assert!(matches!(store.get(&key("a")), Known::Found(_)));
    }

    #[test]
    fn namespaces_and_names() {
        let named =
            |kind, metadata: Value| ObjectKey::of(kind, &json!({"metadata": metadata})).map(|it| it.to_string());
        assert_eq!(named(ObjectKind::Secret, json!({"name": "a"})).unwrap(), "Secret default/a");
        let policy = named(ObjectKind::ClusterImagePolicy, json!({"name": "a", "namespace": "x"}));
        assert_eq!(policy.unwrap(), "ClusterImagePolicy a");
        for metadata in [json!({}), json!({"name": ""}), json!({"name": 1}), json!(null)] {
            assert!(named(ObjectKind::TrustRoot, metadata).is_err());
        }
        let store = ObjectStore::default();
        let error = store.upsert(ObjectKind::TrustRoot, json!({})).unwrap_err();
        assert_eq!(error, ObjectKey::of(ObjectKind::TrustRoot, &json!({})).unwrap_err());
        assert!(store.list(ObjectKind::TrustRoot).is_empty());
    }
}
