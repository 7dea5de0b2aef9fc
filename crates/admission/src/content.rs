//! The content of what policies refer to, as the object store has it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sigward_policy::resolve::{ContentSource, Missing};
use sigward_verify::sha256;

use crate::objects::{Known, ObjectKey, ObjectKind, ObjectStore};
use crate::remote::Remotes;

/// The entries of a Secret: `data`, and `stringData` over it, as the API server would merge them.
///
/// # Errors
/// The entry that is no base64 or no text.
pub fn secret_entries(secret: &Value) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut entries = BTreeMap::new();
    for (name, value) in texts(secret, "data")? {
        let bytes = STANDARD.decode(value).map_err(|_| format!("data.{name}: expected base64"))?;
        entries.insert(name.to_owned(), bytes);
    }
    for (name, value) in texts(secret, "stringData")? {
        entries.insert(name.to_owned(), value.as_bytes().to_vec());
    }
    Ok(entries)
}

fn texts<'a>(object: &'a Value, field: &str) -> Result<Vec<(&'a str, &'a str)>, String> {
    let entries = match object.get(field) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(entries)) => entries,
        Some(_) => return Err(format!("{field}: expected an object")),
    };
    let text = |(name, value): (&'a String, &'a Value)| {
        let text = value.as_str().ok_or_else(|| format!("{field}.{name}: expected a text"))?;
        Ok((name.as_str(), text))
    };
    entries.iter().map(text).collect()
}

/// What was looked up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lookup {
    Secret(String),
    ConfigMap(String),
    Remote(String),
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
            Lookup::Remote(url) => format!("{:?}", self.remote(url)),
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
        let entries = texts(&map, "data").map_err(|reason| Missing::new(format!("configmap {name:?}: {reason}")))?;
        Ok(entries.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect())
    }

    fn remote(&self, url: &str) -> Result<Vec<u8>, Missing> {
        self.remotes.get(url).map_err(Missing::new)
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

    fn remote(&self, url: &str) -> Result<Vec<u8>, Missing> {
        self.note(Lookup::Remote(url.to_owned()));
        self.contents.remote(url)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_as_the_api_server_merges_them() {
        let secret = json!({"data": {"a": "YQ==", "b": "Yg=="}, "stringData": {"b": "text"}});
        let entries = secret_entries(&secret).unwrap();
        assert_eq!(entries, BTreeMap::from([("a".into(), b"a".to_vec()), ("b".into(), b"text".to_vec())]));
        for bad in
            [json!({"data": {"a": "%"}}), json!({"data": {"a": 1}}), json!({"data": []}), json!({"stringData": 1})]
        {
            assert!(secret_entries(&bad).is_err(), "{bad}");
        }
        assert_eq!(secret_entries(&json!({"data": null})).unwrap().len(), 0);
    }
}
