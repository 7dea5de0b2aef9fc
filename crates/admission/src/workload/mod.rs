//! Objects that run images: Pods, and everything that has a template of one.
//!
//! | what | where |
//! |---|---|
//! | the kinds, and where each has its Pod | `kind` |
//! | the images of a Pod, with the paths that messages name | `images` |
//! | whether an update changes anything that is judged | `unchanged` |

mod images;
mod kind;
mod unchanged;

pub use images::{ImageField, images};
pub use kind::{Kind, kind_of};
pub use unchanged::{Inputs, is_unchanged};

use serde_json::{Map, Value};

use crate::review::{BadReview, GroupVersionKind, Request, describe};

/// An object that runs images, as far as it is judged.
#[derive(Debug)]
pub struct Workload<'a> {
    /// What it is.
    pub kind: Kind,
    /// `apiVersion`, as policies see it.
    pub api_version: String,
    /// The whole object.
    pub object: &'a Map<String, Value>,
    /// Its namespace.
    pub namespace: String,
    /// Its name; empty where the API server is to make one.
    pub name: String,
    /// The Pod that it runs.
    pub pod: &'a Map<String, Value>,
    /// The images of that Pod.
    pub images: Vec<ImageField>,
}

impl<'a> Workload<'a> {
    /// Reads `object`, which `request` is about.
    ///
    /// # Errors
    /// [`BadReview`] for what is not of the form that its kind has: what cannot be read cannot be judged.
    pub fn read(kind: Kind, request: &Request, object: &'a Value) -> Result<Self, BadReview> {
        let fields = as_object(object, "the object")?;
        check_type(&request.kind, fields)?;
        let metadata = optional_object(fields, "metadata", "metadata")?;
        let namespace =
            same_namespace(optional_text(metadata, "namespace", "metadata.namespace")?, &request.namespace)?;
        let name = optional_text(metadata, "name", "metadata.name")?.unwrap_or(&request.name).to_owned();
        let pod = kind.pod_of(fields)?;
        let images = images(kind, pod)?;
        let api_version = api_version(&request.kind);
        Ok(Self { kind, api_version, object: fields, namespace, name, pod, images })
    }

    /// The object's own labels (not those of its template). What is no text is left out: the API server takes none.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.object.get("metadata").and_then(|metadata| metadata.get("labels")).and_then(Value::as_object);
        labels.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// The names of the Pod's own pull secrets, as far as they are texts.
    pub fn pull_secrets(&self) -> Vec<String> {
        let named = self.pod.get("imagePullSecrets").and_then(Value::as_array);
        let names = named.into_iter().flatten().filter_map(|secret| secret.get("name").and_then(Value::as_str));
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// The ServiceAccount that the Pod runs as: `default` where none is named. The older field counts where the newer is
    /// not set, as in the API server's conversion.
    pub fn service_account(&self) -> &str {
        let named = |field: &str| self.pod.get(field).and_then(Value::as_str).filter(|name| !name.is_empty());
        named("serviceAccountName").or_else(|| named("serviceAccount")).unwrap_or("default")
    }

    /// Whether the API server has begun to delete it.
    pub fn is_terminating(&self) -> bool {
        let metadata = self.object.get("metadata");
        metadata.and_then(|metadata| metadata.get("deletionTimestamp")).is_some_and(|time| !time.is_null())
    }

    /// `spec.replicas`, where the kind scales and it is a number.
    pub fn replicas(&self) -> Option<i64> {
        self.kind.scales().then(|| self.object.get("spec")?.get("replicas")?.as_i64()).flatten()
    }
}

/// `group/version`, or `version` for the core group.
fn api_version(kind: &GroupVersionKind) -> String {
    if kind.group.is_empty() { kind.version.clone() } else { format!("{}/{}", kind.group, kind.version) }
}

/// The object says itself what it is; two opinions would be two policies.
fn check_type(kind: &GroupVersionKind, object: &Map<String, Value>) -> Result<(), BadReview> {
    for (field, expected) in [("kind", kind.kind.clone()), ("apiVersion", api_version(kind))] {
        match object.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::String(found)) if *found == expected => {}
            Some(other) => {
                return Err(bad(field, "what request.kind says", other));
            }
        }
    }
    Ok(())
}

/// An object has no namespace before the API server gives it the request's.
fn same_namespace(object: Option<&str>, request: &str) -> Result<String, BadReview> {
    match object.filter(|namespace| !namespace.is_empty()) {
        None => Ok(request.to_owned()),
        Some(own) if request.is_empty() || own == request => Ok(own.to_owned()),
        Some(own) => Err(BadReview {
            field: "metadata.namespace".into(),
            expected: "the namespace of the request",
            found: format!("{own:?}"),
        }),
    }
}

fn as_object<'a>(value: &'a Value, path: &str) -> Result<&'a Map<String, Value>, BadReview> {
    value.as_object().ok_or_else(|| bad(path, "an object", value))
}

/// Null is absent, as in Go.
fn optional_object<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<Option<&'a Map<String, Value>>, BadReview> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => as_object(value, path).map(Some),
    }
}

fn optional_text<'a>(
    fields: Option<&'a Map<String, Value>>,
    name: &str,
    path: &str,
) -> Result<Option<&'a str>, BadReview> {
    match fields.and_then(|fields| fields.get(name)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(bad(path, "a text", other)),
    }
}

fn optional_list<'a>(fields: &'a Map<String, Value>, name: &str, path: &str) -> Result<&'a [Value], BadReview> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(bad(path, "a list", other)),
    }
}

fn bad(path: &str, expected: &'static str, found: &Value) -> BadReview {
    BadReview { field: path.to_owned(), expected, found: describe(found) }
}
