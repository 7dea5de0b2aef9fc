//! The object that names images: what policies see of it, and where its images stand (specs/policy-controller.md §2.1).

use serde_json::{Map, Value};
use sigward_policy::matching::ObjectIdentity;
use sigward_policy::object::ObjectKind;

use super::objects::Objects;
use crate::failure::Failure;

/// Containers of a Pod, in the order in which they are judged.
const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// An object that names images.
#[derive(Debug)]
pub struct Resource {
    /// Its kind.
    pub kind: String,
    /// Its `apiVersion`.
    pub api_version: String,
    /// Its name; may be empty.
    pub name: String,
    /// Its namespace, `default` where it names none.
    pub namespace: String,
    /// Its `spec` as JSON.
    pub spec: String,
    /// Its `metadata` as JSON.
    pub metadata: String,
    /// As policies match it.
    pub identity: ObjectIdentity,
    /// The images of its Pod.
    pub images: Vec<Field>,
    /// The names of its Pod's pull secrets, and of those of the ServiceAccount that it runs as.
    pub pull_secrets: Vec<String>,
}

/// An image, and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Field {
    /// As in `spec.containers[0].image`.
    pub path: String,
    /// The text.
    pub image: String,
}

impl Resource {
    /// Reads an object as policy-tester does: it must have all four parts that policies may look at.
    ///
    /// # Errors
    /// [`Failure::Read`] for an object that lacks one, or whose Pod cannot be read.
    pub fn read(place: &str, object: &Value, objects: &Objects) -> Result<Self, Failure> {
        let bad = |reason: String| Failure::Read { what: place.to_owned(), reason };
        for part in ["metadata", "spec", "kind", "apiVersion"] {
            if object.get(part).is_none_or(Value::is_null) {
                return Err(bad(format!("kubernetes resource is missing {part} key")));
            }
        }
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, api_version) = (text("/kind"), text("/apiVersion"));
        let labels = object.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
        let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
        let identity = ObjectIdentity::of_kind(&api_version, &kind, labels)
            .ok_or_else(|| bad(format!("apiVersion: expected group/version, found {api_version:?}")))?;
        let namespace = Some(text("/metadata/namespace")).filter(|it| !it.is_empty()).unwrap_or("default".to_owned());
        let (mut images, mut pull_secrets) = (Vec::new(), Vec::new());
        if let Some(path) = pod_path(&api_version, &kind) {
            let pod = pod_of(object, path).map_err(bad)?;
            images = images_of(pod, path).map_err(bad)?;
            pull_secrets = named(pod.get("imagePullSecrets"));
            let account = |field: &str| pod.get(field).and_then(Value::as_str).filter(|name| !name.is_empty());
            let account = account("serviceAccountName").or_else(|| account("serviceAccount")).unwrap_or("default");
            let account = objects.get(ObjectKind::ServiceAccount, &namespace, account);
            pull_secrets.extend(named(account.and_then(|account| account.get("imagePullSecrets"))));
        }
        let part = |name: &str| object.get(name).unwrap_or(&Value::Null).to_string();
        let (spec, metadata) = (part("spec"), part("metadata"));
        let name = text("/metadata/name");
        Ok(Self { kind, api_version, name, namespace, spec, metadata, identity, images, pull_secrets })
    }
}

impl Resource {
    /// Kind and name, for people.
    pub fn title(&self) -> String {
        format!("{} {}", self.kind, self.name).trim_end().to_owned()
    }
}

/// Whether an object is of a kind that runs images.
pub fn runs_images(object: &Value) -> bool {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    pod_path(text("apiVersion"), text("kind")).is_some()
}

/// The fields that lead to the spec of an object's Pod; `None` for kinds that run no images.
fn pod_path(api_version: &str, kind: &str) -> Option<&'static [&'static str]> {
    Some(match (api_version, kind) {
        ("v1", "Pod") => &["spec"],
        ("v1", "ReplicationController")
        | ("apps/v1", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("batch/v1", "Job") => &["spec", "template", "spec"],
        ("batch/v1" | "batch/v1beta1", "CronJob") => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => return None,
    })
}

fn pod_of<'o>(object: &'o Value, path: &[&str]) -> Result<&'o Map<String, Value>, String> {
    let mut value = object;
    for name in path {
        value = value.get(*name).unwrap_or(&Value::Null);
    }
    value.as_object().ok_or_else(|| format!("{}: expected an object", path.join(".")))
}

/// All images of a Pod. What cannot be read cannot be judged, so it is an error and no empty list.
fn images_of(pod: &Map<String, Value>, path: &[&str]) -> Result<Vec<Field>, String> {
    let prefix = path.join(".");
    let mut found = Vec::new();
    for list in CONTAINERS {
        for (index, container) in entries(pod, list, &prefix)?.iter().enumerate() {
            let path = format!("{prefix}.{list}[{index}].image");
            let container = container.as_object().ok_or_else(|| format!("{path}: its container is no object"))?;
            let image = text(container.get("image"), &path)?.unwrap_or_default();
            found.push(Field { path, image });
        }
    }
    for (index, volume) in entries(pod, "volumes", &prefix)?.iter().enumerate() {
        let path = format!("{prefix}.volumes[{index}].image");
        let source = match volume.get("image") {
            None | Some(Value::Null) => continue,
            Some(source) => source.as_object().ok_or_else(|| format!("{path}: expected an object"))?,
        };
        let image = text(source.get("reference"), &format!("{path}.reference"))?.filter(|image| !image.is_empty());
        found.extend(image.map(|image| Field { path, image }));
    }
    Ok(found)
}

fn entries<'p>(pod: &'p Map<String, Value>, list: &str, prefix: &str) -> Result<&'p [Value], String> {
    match pod.get(list) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(entries)) => Ok(entries),
        Some(_) => Err(format!("{prefix}.{list}: expected a list")),
    }
}

fn text(value: Option<&Value>, path: &str) -> Result<Option<String>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{path}: expected a text")),
    }
}

/// The names in a list of references.
fn named(list: Option<&Value>) -> Vec<String> {
    let names = list.and_then(Value::as_array).into_iter().flatten();
    names.filter_map(|it| it.get("name").and_then(Value::as_str)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(object: &Value) -> Result<Vec<(String, String)>, String> {
        let resource = Resource::read("x", object, &Objects::default()).map_err(|error| error.to_string())?;
        Ok(resource.images.into_iter().map(|field| (field.path, field.image)).collect())
    }

    #[test]
    fn what_cannot_be_read_is_no_empty_list() {
        let pod = |spec: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": spec});
        for (spec, text) in [
            (json!([]), "spec: expected an object"),
            (json!({"containers": {}}), "spec.containers: expected a list"),
            (json!({"containers": [1]}), "spec.containers[0].image: its container is no object"),
            (json!({"initContainers": [{"image": 1}]}), "spec.initContainers[0].image: expected a text"),
            (json!({"volumes": [{"image": "x"}]}), "spec.volumes[0].image: expected an object"),
        ] {
            assert_eq!(read(&pod(spec)), Err(format!("x: {text}")));
        }
        for part in ["metadata", "spec", "kind", "apiVersion"] {
            let mut object = pod(json!({}));
            object.as_object_mut().unwrap().remove(part);
            assert_eq!(read(&object), Err(format!("x: kubernetes resource is missing {part} key")));
        }
        let template = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {}});
        assert_eq!(read(&template), Err("x: spec.template.spec: expected an object".into()));
    }

    #[test]
    fn every_place_that_runs_an_image() {
        let pod = json!({
            "initContainers": [{"image": "i"}], "containers": [{"image": "c"}, {}],
            "ephemeralContainers": [{"image": "e"}],
            "volumes": [{"emptyDir": {}}, {"image": {"reference": "v"}}, {"image": {}}],
        });
        let job = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {},
            "spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}});
        let at = "spec.jobTemplate.spec.template.spec";
        let expected = [
            ("initContainers[0].image", "i"),
            ("containers[0].image", "c"),
            ("containers[1].image", ""),
            ("ephemeralContainers[0].image", "e"),
            ("volumes[1].image", "v"),
        ];
        let expected: Vec<_> = expected.map(|(path, image)| (format!("{at}.{path}"), image.to_owned())).into();
        assert_eq!(read(&job), Ok(expected));
    }
}
