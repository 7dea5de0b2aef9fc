//! The policies in CUE and Rego that ClusterImagePolicies hold, with their places in the file.

use serde_json::Value as Object;
use sigward_policy::cip::{ClusterImagePolicy, ClusterImagePolicySpec, GROUP, KIND, Policy, PolicyType, VERSIONS};
use sigward_policy::object;

use crate::args::request::PolicyLanguage;
use crate::manifest::error::ManifestError;
use crate::manifest::tree::{Style, Tree, Value};
use crate::manifest::yaml;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Documents {
    /// Policies, in order.
    pub policies: Vec<Embedded>,
    /// What is to be said of the places where policies stand.
    pub problems: Vec<Problem>,
}

/// A policy within a ClusterImagePolicy.
#[derive(Debug)]
pub struct Embedded {
    /// The ClusterImagePolicy, and the path to the policy.
    pub name: String,
    /// Its language.
    pub language: PolicyLanguage,
    /// The policy.
    pub text: String,
    /// What it is asked about.
    pub judged: Judged,
    place: Place,
}

/// What a policy is asked about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Judged {
    /// An attestation.
    Attestation,
    /// What is known of an image: authorities that match, and what the policy lets itself be given.
    Image(Given),
}

/// What a policy over an image lets itself be given.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Given {
    config: bool,
    spec: bool,
    metadata: bool,
    typemeta: bool,
}

impl Given {
    fn of(policy: &Policy) -> Self {
        let is_set = |flag: Option<bool>| flag == Some(true);
        Self {
            config: is_set(policy.fetch_config_file),
            spec: is_set(policy.include_spec),
            metadata: is_set(policy.include_object_meta),
            typemeta: is_set(policy.include_type_meta),
        }
    }

    /// The field that lets the policy be given what is at the path, if it is not set.
    #[must_use]
    pub fn lacks(self, path: &str) -> Option<&'static str> {
        let root = path.split(['.', '[']).next().unwrap_or(path);
        let (is_given, field) = match root {
            "config" => (self.config, "fetchConfigFile"),
            "spec" => (self.spec, "includeSpec"),
            "metadata" => (self.metadata, "includeObjectMeta"),
            "typemeta" => (self.typemeta, "includeTypeMeta"),
            _ => return None,
        };
        (!is_given).then_some(field)
    }
}

impl Judged {
    /// Fields that are in every document that the policy is asked about.
    #[must_use]
    pub fn given(self) -> &'static [&'static str] {
        match self {
            // `pkg/policy/attestation.go` of cosign.
            Self::Attestation => &["\"_type\"", "predicate", "predicateType", "subject"],
            Self::Image(Given { typemeta: true, .. }) => &["authorityMatches", "typemeta.apiVersion", "typemeta.kind"],
            Self::Image(_) => &["authorityMatches"],
        }
    }
}

/// Where a policy's text stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Line by line, from this line on.
    Lines(usize),
    /// Written so that its lines are not those of the file.
    Value(usize),
}

/// What is to be said of the place of a policy.
#[derive(Debug)]
pub struct Problem {
    /// The ClusterImagePolicy, and the path.
    pub policy: String,
    /// The line, from 1.
    pub line: usize,
    /// A code for reports.
    pub code: &'static str,
    /// What is expected and found.
    pub message: String,
    /// Whether everything that the policy is asked about is denied.
    pub denies: bool,
}

impl Problem {
    /// A policy that the file only names.
    fn elsewhere(policy: String, line: usize, message: String) -> Self {
        Self { policy, line, code: "not-looked-at", message, denies: false }
    }
}

impl Embedded {
    /// The line of the file that a line of the policy is.
    #[must_use]
    pub fn line_of(&self, line: Option<usize>) -> usize {
        match (self.place, line) {
            (Place::Lines(first), Some(line)) => first.saturating_add(line).saturating_sub(1),
            (Place::Lines(first), None) => first.saturating_sub(1),
            (Place::Value(line), _) => line,
        }
    }
}

/// Reads the documents of a file; `file` is for messages. Other kinds of objects are passed over. What a policy is, the
/// types say that the admission controller reads; where it stands, the tree.
///
/// # Errors
/// [`ManifestError`] if it is no YAML, or YAML that readers understand differently.
pub fn read(file: &str, text: &str) -> Result<Documents, ManifestError> {
    let tree = yaml::parse(file, text)?;
    let mut reader = Reader { text, tree: &tree, found: Documents::default() };
    let mut places = Vec::new();
    tree.documents().for_each(|document| add_places(document, &mut places));
    let mut objects = Vec::new();
    let options = serde_saphyr::options! { with_snippet: false };
    match serde_saphyr::from_multiple_with_options::<Object>(text, options) {
        Ok(documents) => documents.into_iter().for_each(|document| add_objects(document, &mut objects)),
        Err(error) => reader.problem(String::new(), 1, "unreadable", error.to_string()),
    }
    if places.is_empty() && objects.is_empty() && reader.found.problems.is_empty() {
        let message = format!("no {KIND} of {GROUP} in this file");
        reader.problem(String::new(), 1, "no-policy", message);
    } else if places.len() != objects.len() && reader.found.problems.is_empty() {
        let message = format!("{} documents are a {KIND} to one reader, {} to another", places.len(), objects.len());
        reader.problem(String::new(), 1, "unreadable", message);
    } else {
        places.into_iter().zip(objects).for_each(|(place, object)| reader.object(place, &object));
    }
    Ok(reader.found)
}

fn is_policy(api_version: Option<&str>, kind: Option<&str>) -> bool {
    let group = api_version.and_then(|version| version.split_once('/')).map(|(group, _)| group);
    kind == Some(KIND) && group == Some(GROUP)
}

/// The ClusterImagePolicies of a document; a list has several.
fn add_places<'t>(document: Value<'t>, out: &mut Vec<Value<'t>>) {
    let text = |name: &str| document.get(name).and_then(|value| value.text());
    if is_policy(text("apiVersion"), text("kind")) {
        out.push(document);
    } else if text("kind").is_some_and(|kind| kind.ends_with("List")) {
        let items = document.get("items").and_then(|items| items.items()).unwrap_or_default();
        items.into_iter().for_each(|item| add_places(item, out));
    }
}

fn add_objects(document: Object, out: &mut Vec<Object>) {
    let text = |name: &str| document.get(name).and_then(Object::as_str);
    if is_policy(text("apiVersion"), text("kind")) {
        out.push(document);
    } else if text("kind").is_some_and(|kind| kind.ends_with("List")) {
        let items = document.get("items").and_then(Object::as_array).cloned().unwrap_or_default();
        items.into_iter().for_each(|item| add_objects(item, out));
    }
}

struct Reader<'t> {
    text: &'t str,
    tree: &'t Tree,
    found: Documents,
}

impl Reader<'_> {
    fn object(&mut self, place: Value<'_>, object: &Object) {
        let name = object.pointer("/metadata/name").and_then(Object::as_str).unwrap_or("without a name").to_owned();
        let read: Result<ClusterImagePolicy, _> = object::decode(object.to_string().as_bytes());
        match read {
            Err(error) => self.problem(name, place.line(), "unreadable", error.to_string()),
            Ok(policy) if !is_known_version(&policy) => {
                let message =
                    format!("apiVersion is {:?}, expected v1alpha1 or v1beta1 of {GROUP}", policy.api_version);
                self.problem(name, place.line(), "unreadable", message);
            }
            Ok(policy) => self.policies(&name, place, &policy.spec),
        }
    }

    fn policies(&mut self, name: &str, place: Value<'_>, spec: &ClusterImagePolicySpec) {
        let at = place.get("spec");
        if let Some(policy) = &spec.policy {
            let place = at.and_then(|spec| spec.get("policy")).unwrap_or(place);
            self.policy(format!("{name}: spec.policy"), policy, place, Judged::Image(Given::of(policy)));
        }
        for (n, authority) in spec.authorities.iter().enumerate() {
            let at = at.and_then(|spec| element(spec, "authorities", n));
            for (m, attestation) in authority.attestations.iter().enumerate() {
                let Some(policy) = &attestation.policy else { continue };
                let at = at.and_then(|authority| element(authority, "attestations", m));
                let place = at.and_then(|attestation| attestation.get("policy")).unwrap_or(place);
                let name = format!("{name}: spec.authorities[{n}].attestations[{m}].policy");
                self.policy(name, policy, place, Judged::Attestation);
            }
        }
    }

    fn policy(&mut self, name: String, policy: &Policy, place: Value<'_>, judged: Judged) {
        let language = match policy.language() {
            Some(PolicyType::Cue) => PolicyLanguage::Cue,
            Some(PolicyType::Rego) => PolicyLanguage::Rego,
            None => {
                let message = format!("type is {:?}, expected cue or rego", policy.policy_type);
                return self.problem(name, place.line(), "unreadable", message);
            }
        };
        let line = |field: &str| place.get(field).map_or(place.line(), |value| value.line());
        if let Some(map) = &policy.config_map_ref {
            let message = format!("not looked at: it is in the ConfigMap {:?}, at {:?}", map.name, map.key);
            self.found.problems.push(Problem::elsewhere(name.clone(), line("configMapRef"), message));
        }
        if let Some(remote) = &policy.remote {
            let message = format!("not looked at: it is at {}", remote.url);
            self.found.problems.push(Problem::elsewhere(name.clone(), line("remote"), message));
        }
        let is_elsewhere = policy.config_map_ref.is_some() || policy.remote.is_some();
        if policy.data.is_empty() && !is_elsewhere {
            let message = "there is no policy: expected data, configMapRef or remote".to_owned();
            self.problem(name, place.line(), "unreadable", message);
        } else if !policy.data.is_empty() {
            let place = place.get("data").map_or(Place::Value(place.line()), |data| self.place(data));
            self.found.policies.push(Embedded { name, language, text: policy.data.clone(), judged, place });
        }
    }

    fn problem(&mut self, policy: String, line: usize, code: &'static str, message: String) {
        self.found.problems.push(Problem { policy, line, code, message, denies: true });
    }

    fn place(&self, data: Value<'_>) -> Place {
        let span = self.tree.span(data.id());
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = |text: &str| text.matches('\n').count().saturating_add(1);
        if data.scalar().map(|scalar| scalar.style) != Some(Style::Block) {
            return Place::Value(line(before));
        }
        // The span is that of the text, or begins with the sign; the text begins on the line after the sign.
        let signed = self.text.get(span.start..).is_some_and(|rest| rest.starts_with(['|', '>']));
        let header = if signed { self.text.get(..=span.start).unwrap_or(before) } else { before.trim_end() };
        let sign = header.lines().last().unwrap_or_default().split(" #").next().unwrap_or_default().trim_end();
        let is_literal = sign.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+')).ends_with('|');
        if is_literal { Place::Lines(line(header).saturating_add(1)) } else { Place::Value(line(header)) }
    }
}

fn is_known_version(policy: &ClusterImagePolicy) -> bool {
    policy.api_version.split_once('/').is_some_and(|(_, version)| VERSIONS.contains(&version))
}

fn element<'t>(value: Value<'t>, list: &str, index: usize) -> Option<Value<'t>> {
    value.get(list)?.items()?.get(index).copied()
}
