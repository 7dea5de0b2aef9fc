//! The content of what policies refer to, as the object store has it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;
use sigward_policy::cip::RemotePolicy;
use sigward_policy::object::{ObjectKind, config_map_entries, secret_entries};
use sigward_policy::resolve::{ContentSource, Missing};
use sigward_verify::sha256;

use crate::objects::{Known, ObjectKey, ObjectStore};
use crate::remote::Remotes;

/// What was looked up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lookup {
    Secret(String),
    ConfigMap(String),
    /// A URL, and the expected digest.
    Remote(String, String),
}

/// The content of references in one namespace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contents<'a> {
    pub(crate) store: &'a ObjectStore,
    pub(crate) remotes: &'a Remotes,
    pub(crate) namespace: &'a str,
}

impl Contents<'_> {
    fn object(&self, kind: ObjectKind, word: &str, name: &str) -> Result<std::sync::Arc<Value>, Missing> {
        match self.store.get(&ObjectKey::namespaced(kind, self.namespace, name)) {
            Known::Found(object) => Ok(object),
            Known::Absent => Err(Missing::new(format!("{word} {name:?} not found"))),
            Known::Unavailable(reason) => Err(Missing::new(format!("{word} {name:?}: {reason}"))),
        }
    }

    /// A digest over what a look-up gives now.
    pub(crate) fn digest(&self, lookup: &Lookup) -> [u8; 32] {
        let text = match lookup {
            Lookup::Secret(name) => format!("{:?}", self.secret(name)),
            Lookup::ConfigMap(name) => format!("{:?}", self.config_map(name)),
            Lookup::Remote(url, digest) => format!("{:?}", self.remotes.get(url, digest)),
        };
        sha256(text.as_bytes())
    }
}

impl ContentSource for Contents<'_> {
    fn secret(&self, name: &str) -> Result<BTreeMap<String, Vec<u8>>, Missing> {
        let secret = self.object(ObjectKind::Secret, "secret", name)?;
        secret_entries(&secret).map_err(|reason| Missing::new(format!("secret {name:?}: {reason}")))
    }

    fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>, Missing> {
        let map = self.object(ObjectKind::ConfigMap, "configmap", name)?;
        config_map_entries(&map).map_err(|reason| Missing::new(format!("configmap {name:?}: {reason}")))
    }

    fn remote(&self, remote: &RemotePolicy) -> Result<Vec<u8>, Missing> {
        self.remotes.get(remote.url.as_str(), &remote.sha256sum).map_err(Missing::new)
    }
}

/// Remembers what was looked up and what came of it, so that it need not be resolved again while that is the same.
#[derive(Debug)]
pub(crate) struct Recorder<'a> {
    contents: Contents<'a>,
    seen: RefCell<BTreeMap<Lookup, [u8; 32]>>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(contents: Contents<'a>) -> Self {
        Self { contents, seen: RefCell::default() }
    }

    pub(crate) fn into_seen(self) -> BTreeMap<Lookup, [u8; 32]> {
        self.seen.into_inner()
    }

    fn note(&self, lookup: Lookup) {
        let digest = self.contents.digest(&lookup);
        self.seen.borrow_mut().insert(lookup, digest);
    }
}

impl ContentSource for Recorder<'_> {
    fn secret(&self, name: &str) -> Result<BTreeMap<String, Vec<u8>>, Missing> {
        self.note(Lookup::Secret(name.to_owned()));
        self.contents.secret(name)
    }

    fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>, Missing> {
        self.note(Lookup::ConfigMap(name.to_owned()));
        self.contents.config_map(name)
    }

    fn remote(&self, remote: &RemotePolicy) -> Result<Vec<u8>, Missing> {
        self.note(Lookup::Remote(remote.url.to_string(), remote.sha256sum.clone()));
        self.contents.remote(remote)
    }
}
