//! Where Kubernetes objects hold images (specs/policy-controller.md §2.1, §2.2, and the API reference of Kubernetes 1.34).

use std::collections::BTreeSet;

use super::error::{At, ManifestError};
use super::path::{ImagePath, Path, Says};
use super::tree::{NodeId, Value};

/// Fields of a pod's specification that list containers.
const CONTAINER_LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// API groups of Kubernetes itself, whose kinds are all known: only workloads hold images.
const KUBERNETES_GROUPS: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// An image in an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Image {
    /// The object.
    pub object: Object,
    /// Where in the document.
    pub path: Path,
    /// Line of its use.
    pub line: usize,
    /// The scalar that holds it.
    pub node: NodeId,
    /// The text.
    pub text: String,
}

/// A Kubernetes object, for people.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Object {
    /// As in `Deployment`; empty for a document without one.
    pub kind: String,
    /// `metadata.name`, if it has one.
    pub name: Option<String>,
    /// `metadata.namespace`, if it has one.
    pub namespace: Option<String>,
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.kind.is_empty() { "-" } else { &self.kind };
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => write!(f, "{kind}/{namespace}/{name}"),
            (None, Some(name)) => write!(f, "{kind}/{name}"),
            (_, None) => f.write_str(kind),
        }
    }
}

/// What was found in one document.
#[derive(Debug, Default)]
pub struct Finds {
    /// Images.
    pub images: Vec<Image>,
    /// Kubernetes objects.
    pub objects: usize,
    /// Lines and reasons of what is no Kubernetes object.
    pub strangers: Vec<(usize, String)>,
    /// What is wrong: each a reason to trust nothing of the file.
    pub errors: Vec<ManifestError>,
    /// What looks like an image in a custom resource, and may be none.
    pub unnamed: Vec<ManifestError>,
    /// Expressions of `--image-path` that meant something, by their number.
    pub used: Vec<usize>,
}

/// Looks for images in one document of a file.
#[must_use]
pub fn search(file: &str, document: Value<'_>, expressions: &[ImagePath]) -> Finds {
    let mut search = Search { file, expressions, seen: BTreeSet::new(), finds: Finds::default() };
    if !document.is_null() {
        search.object(document, &Path::default(), None);
    }
    search.finds.images.sort_by_key(|image| (image.line, image.node));
    search.finds
}

struct Search<'a> {
    file: &'a str,
    expressions: &'a [ImagePath],
    /// Paths of images that were found.
    seen: BTreeSet<Path>,
    finds: Finds,
}

/// An object that is looked through, and where it is in its document.
struct Place<'a> {
    object: Object,
    at: &'a Path,
}

impl Search<'_> {
    /// `item_of`: version and kind of an item of a typed list; such items name none themselves.
    fn object(&mut self, value: Value<'_>, at: &Path, item_of: Option<(&str, &str)>) {
        for key in ["apiVersion", "kind"] {
            if let Some(other) = value.get(key).filter(|field| field.text().is_none() && !field.is_null()) {
                return self.shape(other, &at.key(key).to_string(), "a text");
            }
        }
        let text = |key| value.get(key).and_then(|v| v.text().map(str::to_owned)).filter(|text| !text.is_empty());
        let (version, kind) = match (text("apiVersion"), text("kind"), item_of) {
            (Some(version), Some(kind), _) => (version, kind),
            (None, None, Some((version, kind))) if value.entries().is_some() => (version.to_owned(), kind.to_owned()),
            // kubectl's reader wants no version, and others may fill one in.
            (None, Some(kind), _) => (String::new(), kind),
            (version, ..) => return self.stranger(value, at, version.is_some()),
        };
        let before = (self.finds.images.len(), self.finds.unnamed.len(), self.finds.errors.len());
        self.look_into(value, at, &version, &kind);
        if version.is_empty() && before == (self.finds.images.len(), self.finds.unnamed.len(), self.finds.errors.len())
        {
            return self.finds.strangers.push((value.line(), "it has no apiVersion".into()));
        }
        self.finds.objects += 1;
    }

    fn look_into(&mut self, value: Value<'_>, at: &Path, version: &str, kind: &str) {
        let metadata = value.get("metadata");
        let named = |key| metadata.and_then(|m| m.get(key)).and_then(|v| v.text().map(str::to_owned));
        let object = Object { kind: kind.to_owned(), name: named("name"), namespace: named("namespace") };
        // Whatever has items is a list to kubectl (`UnstructuredJSONScheme`), which makes each of them and nothing else.
        if let Some(items) = value.get("items") {
            let item = kind.strip_suffix("List").unwrap_or(kind);
            self.list(items, &at.key("items"), Some((version, item)).filter(|(_, item)| !item.is_empty()));
            if kind.ends_with("List") {
                return;
            }
        }
        let place = Place { object, at };
        self.workload(value, &place);
        self.expressions(value, &place);
        let group = version.rsplit_once('/').map_or("", |(group, _)| group);
        // A revision has the template of its workload, in whatever form that workload has it.
        if version.is_empty() || !KUBERNETES_GROUPS.contains(&group) || kind == "ControllerRevision" {
            self.custom(value, &Path::default(), &place);
        }
    }

    fn list(&mut self, items: Value<'_>, at: &Path, item_of: Option<(&str, &str)>) {
        match items.items() {
            Some(items) => {
                for (index, item) in items.into_iter().enumerate() {
                    self.object(item, &at.index(index), item_of);
                }
            }
            None if items.is_null() => {}
            None => self.shape(items, &at.to_string(), "a list"),
        }
    }

    fn stranger(&mut self, value: Value<'_>, at: &Path, version: bool) {
        let place = Place { object: Object::default(), at };
        let before = (self.finds.images.len(), self.finds.unnamed.len(), self.finds.errors.len());
        let strangers = self.finds.strangers.len();
        self.expressions(value, &place);
        // Within a list, kubectl takes even this for a list.
        if let Some(items) = value.get("items").filter(|items| items.items().is_some()) {
            self.list(items, &at.key("items"), None);
        }
        if before != (self.finds.images.len(), self.finds.unnamed.len(), self.finds.errors.len()) {
            return;
        }
        self.finds.strangers.truncate(strangers);
        let reason = match (value.entries().is_some(), version) {
            (false, _) => format!("it is {}", value.kind()),
            (true, true) => "it has no kind".into(),
            (true, false) => "it has neither apiVersion nor kind".into(),
        };
        self.finds.strangers.push((value.line(), reason));
    }

    /// The kinds of Kubernetes that hold pods, whatever group they claim to be of.
    fn workload(&mut self, value: Value<'_>, place: &Place<'_>) {
        let way: &[&str] = match place.object.kind.as_str() {
            "Pod" => &["spec"],
            "PodTemplate" => &["template", "spec"],
            "DaemonSet" | "Deployment" | "Job" | "ReplicaSet" | "ReplicationController" | "StatefulSet" => {
                &["spec", "template", "spec"]
            }
            "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
            _ => return,
        };
        let (mut value, mut path) = (value, Path::default());
        for key in way {
            path = path.key(key);
            match value.get(key) {
                Some(next) => value = next,
                None if value.is_null() || value.entries().is_some() => return,
                None => return self.shape(value, &path.to_string(), "a mapping"),
            }
        }
        self.pod_spec(value, &path, place);
    }

    fn pod_spec(&mut self, spec: Value<'_>, path: &Path, place: &Place<'_>) {
        for list in CONTAINER_LISTS {
            self.elements(spec, list, path, &mut |search, element, at| {
                search.image(element.get("image"), &at.key("image"), place);
            });
        }
        self.elements(spec, "volumes", path, &mut |search, volume, at| {
            if let Some(image) = volume.get("image") {
                search.image(image.get("reference"), &at.key("image").key("reference"), place);
            }
        });
    }

    fn elements(
        &mut self,
        value: Value<'_>,
        key: &str,
        path: &Path,
        each: &mut dyn FnMut(&mut Self, Value<'_>, &Path),
    ) {
        let Some(list) = value.get(key) else { return };
        let path = path.key(key);
        match list.items() {
            Some(items) => {
                for (index, item) in items.into_iter().enumerate() {
                    each(self, item, &path.index(index));
                }
            }
            None if list.is_null() => {}
            None => self.shape(list, &path.to_string(), "a list"),
        }
    }

    /// A place that holds an image, if it holds anything.
    fn image(&mut self, value: Option<Value<'_>>, path: &Path, place: &Place<'_>) {
        let Some(value) = value.filter(|value| !value.is_null()) else { return };
        let full = place.at.join(path);
        let Some(text) = value.text() else {
            return self.shape(value, &full.to_string(), "an image");
        };
        if !self.seen.insert(full.clone()) {
            return;
        }
        let object = place.object.clone();
        let text = text.to_owned();
        self.finds.images.push(Image { object, path: full, line: value.line(), node: value.id(), text });
    }

    fn shape(&mut self, value: Value<'_>, path: &str, expected: &'static str) {
        let at = At { file: self.file.to_owned(), line: Some(value.line()) };
        self.finds.errors.push(ManifestError::Shape { at, path: path.to_owned(), expected, found: value.kind() });
    }

    /// What `--image-path` names.
    fn expressions(&mut self, value: Value<'_>, place: &Place<'_>) {
        let kind = Some(place.object.kind.as_str()).filter(|kind| !kind.is_empty());
        let wanted: Vec<_> = self.expressions.iter().enumerate().filter(|(_, e)| e.is_about(kind)).collect();
        for (number, expression) in wanted {
            if expression.says() == Says::Image {
                self.follow(value, &Path::default(), number, expression, place);
            }
        }
    }

    fn follow(&mut self, value: Value<'_>, path: &Path, number: usize, expression: &ImagePath, place: &Place<'_>) {
        if expression.matches(path) {
            self.finds.used.push(number);
            return self.image(Some(value), path, place);
        }
        for (next, child) in children(value, path) {
            if expression.leads_through(&next) {
                self.follow(child, &next, number, expression, place);
            }
        }
    }

    /// A custom resource: lists of containers are taken for what they are called; whatever else looks like an image must
    /// be named, or it would pass unseen.
    fn custom(&mut self, value: Value<'_>, path: &Path, place: &Place<'_>) {
        let Some(entries) = value.entries() else {
            for (next, child) in children(value, path) {
                self.custom(child, &next, place);
            }
            return;
        };
        for (key, child) in entries {
            let next = path.key(key);
            if CONTAINER_LISTS.contains(&key) {
                for (index, container) in child.items().unwrap_or_default().into_iter().enumerate() {
                    let at = next.index(index).key("image");
                    let image = container.get("image").filter(|image| image.text().is_some());
                    if image.is_some() && !self.is_denied(&at, place) {
                        self.image(image, &at, place);
                    }
                }
            }
            if key == "image" {
                self.custom_image(child, path, &next, place);
            }
            self.custom(child, &next, place);
        }
    }

    /// A field `image` of something unknown, at `path` in `holder`.
    fn custom_image(&mut self, value: Value<'_>, holder: &Path, path: &Path, place: &Place<'_>) {
        let part = |key| value.get(key).and_then(|part| part.text());
        if holder.is_element_of("volumes") && part("reference").is_some() {
            let at = path.key("reference");
            if !self.is_denied(&at, place) {
                self.image(value.get("reference"), &at, place);
            }
            return;
        }
        // Charts and operators split images into their parts.
        let Some(text) = value.text().or_else(|| part("repository")).or_else(|| part("tag")) else { return };
        let full = place.at.join(path);
        // What lies below a path comes right after it.
        let found = self.seen.range(&full..).next().is_some_and(|seen| seen.starts_with(&full));
        if found || self.is_denied(path, place) {
            return;
        }
        self.finds.unnamed.push(ManifestError::Unnamed {
            at: At { file: self.file.to_owned(), line: Some(value.line()) },
            path: full.to_string(),
            text: text.to_owned(),
            expression: format!("{}.{}", place.object.kind, path.expression()),
        });
    }

    /// Whether `--image-path '!…'` says that there is no image.
    fn is_denied(&mut self, path: &Path, place: &Place<'_>) -> bool {
        let kind = Some(place.object.kind.as_str());
        let denies = |e: &&ImagePath| e.says() == Says::NoImage && e.is_about(kind) && e.matches(path);
        let number = self.expressions.iter().position(|e| denies(&e));
        self.finds.used.extend(number);
        number.is_some()
    }
}

fn children<'t>(value: Value<'t>, path: &Path) -> Vec<(Path, Value<'t>)> {
    if let Some(entries) = value.entries() {
        return entries.into_iter().map(|(key, child)| (path.key(key), child)).collect();
    }
    let items = value.items().unwrap_or_default();
    items.into_iter().enumerate().map(|(index, child)| (path.index(index), child)).collect()
}
