//! The policies in CUE and Rego that ClusterImagePolicies hold, with their places in the file.

use crate::args::request::PolicyLanguage;
use crate::manifest::error::ManifestError;
use crate::manifest::tree::{Style, Tree, Value};
use crate::manifest::yaml;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Documents {
    /// Policies, in order.
    pub policies: Vec<Embedded>,
    /// What is wrong with the places where policies stand.
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
    /// What is known of an image: authorities that match, its configuration, the object that names it.
    Image,
}

/// Where a policy's text stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Line by line, from this line on.
    Lines(usize),
    /// Written so that its lines are not those of the file.
    Value(usize),
}

/// What is wrong with a policy's place.
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

/// Reads the documents of a file; `file` is for messages. Other kinds of objects are passed over.
///
/// # Errors
/// [`ManifestError`] if it is no YAML, or YAML that readers understand differently.
pub fn read(file: &str, text: &str) -> Result<Documents, ManifestError> {
    let tree = yaml::parse(file, text)?;
    let mut reader = Reader { text, tree: &tree, found: Documents::default() };
    let mut known = false;
    for document in tree.documents() {
        let kind = document.get("kind").and_then(|kind| kind.text());
        let group = document.get("apiVersion").and_then(|version| version.text()).unwrap_or_default();
        if kind == Some("ClusterImagePolicy") && group.starts_with("policy.sigstore.dev/") {
            known = true;
            reader.policy(document);
        }
    }
    if !known {
        let message = "no ClusterImagePolicy of policy.sigstore.dev in this file".to_owned();
        reader.found.problems.push(Problem { policy: String::new(), line: 1, code: "no-policy", message });
    }
    Ok(reader.found)
}

struct Reader<'t> {
    text: &'t str,
    tree: &'t Tree,
    found: Documents,
}

impl Reader<'_> {
    fn policy(&mut self, document: Value<'_>) {
        let named = document.get("metadata").and_then(|metadata| metadata.get("name")).and_then(|name| name.text());
        let name = named.unwrap_or("without a name");
        let Some(spec) = document.get("spec") else { return };
        if let Some(policy) = spec.get("policy") {
            self.embedded(format!("{name}: spec.policy"), policy, Judged::Image);
        }
        let authorities = spec.get("authorities").and_then(|list| list.items()).unwrap_or_default();
        for (n, authority) in authorities.into_iter().enumerate() {
            let attestations = authority.get("attestations").and_then(|list| list.items()).unwrap_or_default();
            for (m, attestation) in attestations.into_iter().enumerate() {
                if let Some(policy) = attestation.get("policy") {
                    let name = format!("{name}: spec.authorities[{n}].attestations[{m}].policy");
                    self.embedded(name, policy, Judged::Attestation);
                }
            }
        }
    }

    /// A policy that stands elsewhere (`configMapRef`, `remote`) is passed over.
    fn embedded(&mut self, name: String, policy: Value<'_>, judged: Judged) {
        let Some(data) = policy.get("data") else { return };
        let Some(text) = data.text() else {
            return self.problem(name, data, format!("data is {}, expected a text", data.kind()));
        };
        let language = match policy.get("type").and_then(|kind| kind.text()) {
            Some("cue") => PolicyLanguage::Cue,
            Some("rego") => PolicyLanguage::Rego,
            Some(other) => return self.problem(name, policy, format!("type is {other:?}, expected cue or rego")),
            None => return self.problem(name, policy, "type is missing, expected cue or rego".to_owned()),
        };
        let place = self.place(data);
        self.found.policies.push(Embedded { name, language, text: text.to_owned(), judged, place });
    }

    fn problem(&mut self, policy: String, at: Value<'_>, message: String) {
        self.found.problems.push(Problem { policy, line: at.line(), code: "unreadable", message });
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
