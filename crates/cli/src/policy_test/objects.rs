//! The objects that decide, from files as one would apply them.
//!
//! An object whose file names no namespace is taken to be in the one that is asked for: `kubectl apply -n` would put it
//! there, and nobody can tell which one that will be.

use std::collections::BTreeMap;

use serde_json::Value;
use sigward_fetch::{PullSecretForm, PullSecrets, shown};
use sigward_policy::cip::RemotePolicy;
use sigward_policy::object::{ObjectKind, Recognized, config_map_entries, secret_entries};
use sigward_policy::resolve::{ContentSource, Missing};

use crate::args::request::{ManifestInput, TestPolicy};
use crate::failure::Failure;
use crate::manifest::limits::FILE_BYTES;
use crate::manifest::source;
use crate::network::Network;

/// Which object. Without a namespace: any, or none.
type Key = (ObjectKind, Option<String>, String);

/// The objects of all files.
#[derive(Debug, Default)]
pub struct Objects {
    kept: BTreeMap<Key, Kept>,
    /// What is of no kind that is kept, with its place.
    pub others: Vec<(String, Value)>,
}

/// An object, and the document that it is from.
#[derive(Debug)]
pub struct Kept {
    /// File and document, for messages.
    pub place: String,
    /// As it was written.
    pub object: Value,
}

impl Objects {
    /// Reads policies and all that lies beside them.
    ///
    /// # Errors
    /// [`Failure::Read`] with the file, the document, and what is wrong there.
    pub fn read(&mut self, places: &[TestPolicy], network: &Network) -> Result<(), Failure> {
        let inputs: Vec<ManifestInput> = places
            .iter()
            .filter_map(|place| match place {
                TestPolicy::Input(input) => Some(input.clone()),
                TestPolicy::Url(_) => None,
            })
            .collect();
        self.read_inputs(&inputs)?;
        for place in places {
            let TestPolicy::Url(url) = place else { continue };
            let body = network.get(url, usize::try_from(FILE_BYTES).unwrap_or(usize::MAX))?;
            // Without the password that it may hold.
            let name = shown(url);
            let text = String::from_utf8(body).map_err(|_| bad(&name, "not UTF-8"))?;
            self.add_text(&name, &text)?;
        }
        Ok(())
    }

    /// Reads files, folders and standard input.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_inputs(&mut self, inputs: &[ManifestInput]) -> Result<(), Failure> {
        for file in source::read(inputs)?.files {
            let text = file.text?;
            self.add_text(&file.name, &text)?;
        }
        Ok(())
    }

    fn add_text(&mut self, file: &str, text: &str) -> Result<(), Failure> {
        let options = serde_saphyr::options! { with_snippet: false };
        let documents: Vec<Value> =
            serde_saphyr::from_multiple_with_options(text, options).map_err(|error| bad(file, error))?;
        for (index, document) in documents.into_iter().enumerate() {
            self.add(&format!("{file}, document {}", index.saturating_add(1)), document)?;
        }
        Ok(())
    }

    fn add(&mut self, place: &str, object: Value) -> Result<(), Failure> {
        if object.is_null() {
            return Ok(());
        }
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        if let Some(items) = object.get("items").and_then(Value::as_array).filter(|_| kind.ends_with("List")) {
            return items.iter().try_for_each(|item| self.add(place, item.clone()));
        }
        if api_version.is_empty() || kind.is_empty() {
            let field = if api_version.is_empty() { "apiVersion" } else { "kind" };
            return Err(bad(place, format!("missing field(s): {field}")));
        }
        let kind = match ObjectKind::recognize(&api_version, &kind) {
            Recognized::Kept(kind) => kind,
            Recognized::Other => {
                self.others.push((place.to_owned(), object));
                return Ok(());
            }
            Recognized::UnknownPolicy => {
                let reason = format!(
                    "unknown type: {api_version}, Kind={kind} (expected ClusterImagePolicy of v1alpha1 or v1beta1, or \
                     TrustRoot of v1alpha1)"
                );
                return Err(bad(place, reason));
            }
        };
        let name = text("/metadata/name");
        if name.is_empty() {
            return Err(bad(place, "missing field(s): metadata.name"));
        }
        let namespace = Some(text("/metadata/namespace")).filter(|it| kind.is_namespaced() && !it.is_empty());
        let key = (kind, namespace, name);
        // Two opinions on one object: neither counts alone. A file that is named twice is one opinion.
        if let Some(first) = self.kept.get(&key) {
            if first.object == object {
                return Ok(());
            }
            let what = format!("{} {:?} is also in {}", kind.name(), key.2, first.place);
            return Err(bad(place, what));
        }
        self.kept.insert(key, Kept { place: place.to_owned(), object });
        Ok(())
    }

    /// All objects of a kind, with their names.
    pub fn all(&self, kind: ObjectKind) -> impl Iterator<Item = (&str, &Kept)> {
        self.kept.iter().filter(move |((known, ..), _)| *known == kind).map(|((.., name), kept)| (name.as_str(), kept))
    }

    /// An object in a namespace.
    pub fn get(&self, kind: ObjectKind, namespace: &str, name: &str) -> Option<&Value> {
        let get = |namespace: Option<&str>| self.kept.get(&(kind, namespace.map(str::to_owned), name.to_owned()));
        get(Some(namespace)).or_else(|| get(None)).map(|kept| &kept.object)
    }

    /// The credentials in pull secrets. One that is not there is as good as none, as for the kubelet.
    ///
    /// # Errors
    /// The secret that cannot be read.
    pub fn pull_secrets(&self, namespace: &str, names: &[String]) -> Result<Option<PullSecrets>, String> {
        let mut found = None;
        for name in names {
            let Some(secret) = self.get(ObjectKind::Secret, namespace, name) else { continue };
            let form = secret.get("type").and_then(Value::as_str).and_then(PullSecretForm::of_type);
            let Some(form) = form else { continue };
            let mut entries = secret_entries(secret).map_err(|it| format!("secret {name:?}: {it}"))?;
            let Some(bytes) = entries.remove(form.entry()) else { continue };
            let secrets = found.get_or_insert_with(PullSecrets::default);
            secrets.add(form, name, &bytes).map_err(|error| error.to_string())?;
        }
        Ok(found)
    }
}

fn bad(place: &str, reason: impl ToString) -> Failure {
    Failure::Read { what: place.to_owned(), reason: reason.to_string() }
}

/// The content of what policies refer to.
#[derive(Clone, Copy, Debug)]
pub struct Contents<'o> {
    /// The objects.
    pub objects: &'o Objects,
    /// The namespace of Secrets and ConfigMaps.
    pub namespace: &'o str,
    /// Documents by their URL, or why they could not be had.
    pub remotes: &'o BTreeMap<String, Result<Vec<u8>, String>>,
}

impl Contents<'_> {
    fn object(&self, kind: ObjectKind, word: &str, name: &str) -> Result<&Value, Missing> {
        let namespace = self.namespace;
        let missing =
            || Missing::new(format!("{word} {name:?} not found in namespace {namespace:?} of the given files"));
        self.objects.get(kind, namespace, name).ok_or_else(missing)
    }
}

impl ContentSource for Contents<'_> {
    fn secret(&self, name: &str) -> Result<BTreeMap<String, Vec<u8>>, Missing> {
        let secret = self.object(ObjectKind::Secret, "secret", name)?;
        secret_entries(secret).map_err(|reason| Missing::new(format!("secret {name:?}: {reason}")))
    }

    fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>, Missing> {
        let map = self.object(ObjectKind::ConfigMap, "configmap", name)?;
        config_map_entries(map).map_err(|reason| Missing::new(format!("configmap {name:?}: {reason}")))
    }

    fn remote(&self, remote: &RemotePolicy) -> Result<Vec<u8>, Missing> {
        match self.remotes.get(remote.url.as_str()) {
            Some(found) => found.clone().map_err(Missing::new),
            None => Err(Missing::new("the policy at its URL was not fetched")),
        }
    }
}
