//! What is in force: all policies with everything that they refer to, and trust material, as one value. A review takes it
//! once and judges by nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use sigward_policy::cip::ClusterImagePolicy;
use sigward_policy::config::{CONFIG_MAP, ControllerConfig, Oci11};
use sigward_policy::object::ObjectKind;
use sigward_policy::plan::{TrustSource, Trusted};
use sigward_policy::resolve::{
    ContentSource as _, Missing, PolicySet, References, ResolvedPolicy, SetInputs, TrustRef,
};
use tokio::sync::watch;

use crate::content::{Contents, Lookup, Recorder};
use crate::objects::{ObjectKey, ObjectStore};
use crate::remote::Remotes;
use crate::trust::TrustMap;

/// What is in force.
#[derive(Debug)]
pub struct Snapshot {
    /// The policies; broken ones are among them.
    pub policies: PolicySet,
    /// What of objects any of them looks at.
    pub inputs: SetInputs,
    /// The settings for all of them.
    pub config: ControllerConfig,
    /// What the settings lack, if they cannot be read; then the last good ones count.
    pub config_fault: Option<String>,
    /// Keys and certificates.
    pub trust: TrustMap,
    /// What policies refer to, by name.
    pub references: References,
    /// Grows with each one.
    pub number: u64,
}

impl TrustSource for Snapshot {
    fn trust(&self, which: &TrustRef) -> Result<Trusted, Missing> {
        self.trust.trust(which)
    }
}

/// Makes snapshots of what the store holds.
#[derive(Debug)]
pub struct Builder {
    store: Arc<ObjectStore>,
    remotes: Arc<Remotes>,
    /// Where Secrets and ConfigMaps of policies are.
    namespace: String,
    known: BTreeMap<String, Resolved>,
    config: ControllerConfig,
    number: u64,
}

/// A policy that was resolved, and from what.
#[derive(Debug)]
struct Resolved {
    object: Arc<Value>,
    seen: BTreeMap<Lookup, [u8; 32]>,
    policy: Arc<ResolvedPolicy>,
    references: References,
    oci11: Oci11,
}

impl Builder {
    /// A builder that knows nothing yet.
    pub fn new(store: Arc<ObjectStore>, remotes: Arc<Remotes>, namespace: &str) -> Self {
        let (namespace, config) = (namespace.to_owned(), ControllerConfig::default());
        Self { store, remotes, namespace, known: BTreeMap::new(), config, number: 0 }
    }

    /// What is in force now, with this trust material. Policies whose content is the same are not resolved again.
    pub fn build(&mut self, trust: TrustMap) -> Snapshot {
        let config_fault = self.read_config().err();
        let objects = self.store.list(ObjectKind::ClusterImagePolicy);
        let names: BTreeSet<_> = objects.iter().map(|(key, _)| key.name.clone()).collect();
        self.known.retain(|name, _| names.contains(name));
        let mut policies = Vec::new();
        let mut references = References::default();
        for (key, object) in objects {
            let resolved = self.resolve(key, object);
            policies.push(Arc::clone(&resolved.policy));
            add(&mut references, &resolved.references);
        }
        let unreadable = self.store.unreadable();
        policies.extend(unreadable.iter().map(|(name, why)| Arc::new(ResolvedPolicy::unreadable(name, why))));
        let policies = PolicySet::new(policies, self.config.no_match);
        let inputs = policies.inputs();
        self.number = self.number.wrapping_add(1);
        let (config, number) = (self.config, self.number);
        Snapshot { policies, inputs, config, config_fault, trust, references, number }
    }

    /// From now on every policy is resolved anew.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    fn resolve(&mut self, key: ObjectKey, object: Arc<Value>) -> &Resolved {
        let contents = Contents { store: &self.store, remotes: &self.remotes, namespace: &self.namespace };
        let is_same = |known: &Resolved| {
            known.oci11 == self.config.oci11
                && is_same_policy(&known.object, &object)
                && known.seen.iter().all(|(lookup, digest)| contents.digest(lookup) == *digest)
        };
        match self.known.remove(&key.name) {
            Some(known) if is_same(&known) => self.known.entry(key.name).or_insert(known),
            _ => {
                let recorder = Recorder::new(contents);
                let policy = Arc::new(ResolvedPolicy::load(&object, &recorder, self.config.oci11));
                let parsed = serde_json::from_value::<ClusterImagePolicy>(Value::clone(&object));
                let references = parsed.map(|policy| References::of(&policy.spec)).unwrap_or_default();
                let seen = recorder.into_seen();
                self.known.entry(key.name).or_insert(Resolved {
                    object,
                    seen,
                    policy,
                    references,
                    oci11: self.config.oci11,
                })
            }
        }
    }

    /// Settings that cannot be read change nothing: the last good ones count, and the strictest in the beginning.
    fn read_config(&mut self) -> Result<(), String> {
        let contents = Contents { store: &self.store, remotes: &self.remotes, namespace: &self.namespace };
        match self.store.get(&ObjectKey::namespaced(ObjectKind::ConfigMap, &self.namespace, CONFIG_MAP)) {
            crate::objects::Known::Absent => {
                self.config = ControllerConfig::default();
                Ok(())
            }
            _ => {
                let data = contents.config_map(CONFIG_MAP).map_err(|missing| missing.reason)?;
                self.config = ControllerConfig::from_data(&data).map_err(|error| error.to_string())?;
                Ok(())
            }
        }
    }
}

/// Whether two versions of an object are the same policy: what the API server and controllers write beside it is none.
fn is_same_policy(old: &Value, new: &Value) -> bool {
    let same = |path: &str| old.pointer(path) == new.pointer(path);
    same("/apiVersion") && same("/spec") && same("/metadata/name") && same("/metadata/annotations")
}

fn add(all: &mut References, more: &References) {
    all.secrets.extend(more.secrets.iter().cloned());
    all.config_maps.extend(more.config_maps.iter().cloned());
    all.remotes.extend(more.remotes.iter().cloned());
    all.trust_roots.extend(more.trust_roots.iter().cloned());
}

/// The snapshot in force, for everybody who needs one.
#[derive(Debug)]
pub struct State {
    current: watch::Sender<Option<Arc<Snapshot>>>,
    reflected: watch::Sender<u64>,
}

impl Default for State {
    fn default() -> Self {
        Self { current: watch::Sender::new(None), reflected: watch::Sender::new(0) }
    }
}

impl State {
    /// What is in force; nothing before everything has been loaded once.
    pub fn current(&self) -> Option<Arc<Snapshot>> {
        self.current.borrow().clone()
    }

    /// From now on this is in force.
    pub fn put(&self, snapshot: Arc<Snapshot>) {
        self.current.send_replace(Some(snapshot));
    }

    /// What is in force is made of the store as it was after so many changes ([`ObjectStore::changes`]).
    pub fn reflect(&self, changes: u64) {
        self.reflected.send_replace(changes);
    }

    /// Tells of each change of the store that counts from now on.
    pub fn reflected(&self) -> watch::Receiver<u64> {
        self.reflected.subscribe()
    }

    /// Tells of each new one.
    pub fn snapshots(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.current.subscribe()
    }
}
