//! Which objects a policy is for (specs/policy-controller.md §2.5).

use std::collections::BTreeMap;

use crate::cip::{LabelSelector, LabelSelectorRequirement, MatchResource};

/// What is known about the object that names an image.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ObjectIdentity {
    /// Its API group; empty for the core group.
    pub group: String,
    /// Its API version, without the group.
    pub version: String,
    /// Its resource in the plural, such as `pods`.
    pub resource: String,
    /// Its own labels.
    pub labels: BTreeMap<String, String>,
}

impl ObjectIdentity {
    /// An object by its `apiVersion` and `kind`. `None` if the `apiVersion` has more than one `/`.
    pub fn of_kind(api_version: &str, kind: &str, labels: BTreeMap<String, String>) -> Option<Self> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        if version.contains('/') {
            return None;
        }
        let (group, version) = (group.to_owned(), version.to_owned());
        Some(Self { group, version, resource: resource_of_kind(kind), labels })
    }
}

/// The plural of a kind, as apimachinery's `UnsafeGuessKindToResource` makes it. All kinds that run images follow it.
pub fn resource_of_kind(kind: &str) -> String {
    let singular = kind.to_lowercase();
    if singular.is_empty() || singular.ends_with("endpoints") {
        return singular;
    }
    match singular.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if singular.ends_with('s') => format!("{singular}es"),
        None => format!("{singular}s"),
    }
}

/// Whether a policy is for an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Match {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It cannot be said: an entry for this resource has a selector that is none. This denies.
    Broken {
        /// What is wrong with it.
        reason: String,
    },
}

/// The `match` part of a policy, ready to match.
#[derive(Clone, Debug)]
pub struct Matcher {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    group: String,
    version: String,
    resource: String,
    selector: Option<Result<Selector, String>>,
}

impl Matcher {
    /// Reads the `match` part. A selector that is none is kept as broken.
    pub fn compile(resources: &[MatchResource]) -> Self {
        let entry = |resource: &MatchResource| Entry {
            group: resource.group.clone(),
            version: resource.version.clone(),
            resource: resource.resource.clone(),
            selector: resource.selector.as_ref().map(Selector::compile),
        };
        Self { entries: resources.iter().map(entry).collect() }
    }

    /// Whether labels decide.
    pub fn reads_labels(&self) -> bool {
        self.entries.iter().any(|entry| entry.selector.is_some())
    }

    /// Whether the policy is for an object: no entries at all, or one that fits. Upstream's order decides between an
    /// entry that fits and a broken one: the first.
    pub fn matches(&self, object: &ObjectIdentity) -> Match {
        if self.entries.is_empty() {
            return Match::Yes;
        }
        for entry in &self.entries {
            let fits = entry.resource == object.resource
                && (entry.version == object.version || entry.version == "*")
                && entry.group == object.group;
            match &entry.selector {
                _ if !fits => {}
                None => return Match::Yes,
                Some(Ok(selector)) if selector.matches(&object.labels) => return Match::Yes,
                Some(Ok(_)) => {}
                Some(Err(reason)) => {
                    return Match::Broken { reason: format!("policy with wrong match label selector: {reason}") };
                }
            }
        }
        Match::No
    }
}

/// A label selector, ready to match. One that asks for nothing matches everything.
#[derive(Clone, Debug)]
struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

impl Selector {
    fn compile(selector: &LabelSelector) -> Result<Self, String> {
        let label = |(key, value): (&String, &String)| Requirement::new(key, Operator::In(vec![value.clone()]));
        let labels = selector.match_labels.iter().map(label);
        let expressions = selector.match_expressions.iter().map(Requirement::compile);
        Ok(Self { requirements: labels.chain(expressions).collect::<Result<_, _>>()? })
    }

    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(labels.get(&requirement.key)))
    }
}

impl Requirement {
    fn compile(expression: &LabelSelectorRequirement) -> Result<Self, String> {
        let values = expression.values.clone();
        let operator = match expression.operator.as_str() {
            "In" | "NotIn" if values.is_empty() => {
                return Err("for 'in', 'notin' operators, values set can't be empty".into());
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                return Err("values set must be empty for exists and does not exist".into());
            }
            "In" => Operator::In(values),
            "NotIn" => Operator::NotIn(values),
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            other => return Err(format!("{other:?} is not a valid label selector operator")),
        };
        Self::new(&expression.key, operator)
    }

    fn new(key: &str, operator: Operator) -> Result<Self, String> {
        if !is_label_key(key) {
            return Err(format!("{key:?} is not the name of a label"));
        }
        if let Operator::In(values) | Operator::NotIn(values) = &operator
            && let Some(value) = values.iter().find(|value| !is_label_value(value))
        {
            return Err(format!("{value:?} is not the value of a label"));
        }
        Ok(Self { key: key.to_owned(), operator })
    }

    fn matches(&self, found: Option<&String>) -> bool {
        match &self.operator {
            Operator::In(values) => found.is_some_and(|value| values.contains(value)),
            Operator::NotIn(values) => found.is_none_or(|value| !values.contains(value)),
            Operator::Exists => found.is_some(),
            Operator::DoesNotExist => found.is_none(),
        }
    }
}

/// A qualified name: `[DNS subdomain/]name` (Kubernetes "Labels and Selectors", syntax).
fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_subdomain) && !name.is_empty() && is_label_value(name)
}

fn is_label_value(value: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let edge = |b: Option<u8>| b.is_none_or(|b| b.is_ascii_alphanumeric());
    value.len() <= 63 && value.bytes().all(inner) && edge(value.bytes().next()) && edge(value.bytes().last())
}

/// RFC 1123, lower case.
fn is_subdomain(text: &str) -> bool {
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |part: &str| {
        part.bytes().all(|b| lower(b) || b == b'-')
            && part.bytes().next().is_some_and(lower)
            && part.bytes().last().is_some_and(lower)
    };
    text.len() <= 253 && text.split('.').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn object(api_version: &str, kind: &str, list: &[(&str, &str)]) -> ObjectIdentity {
        ObjectIdentity::of_kind(api_version, kind, labels(list)).unwrap()
    }

    fn entry(group: &str, version: &str, resource: &str, selector: Option<LabelSelector>) -> MatchResource {
        MatchResource { group: group.into(), version: version.into(), resource: resource.into(), selector }
    }

    fn expression(key: &str, operator: &str, values: &[&str]) -> LabelSelector {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        let one = LabelSelectorRequirement { key: key.into(), operator: operator.into(), values };
        LabelSelector { match_expressions: vec![one], ..LabelSelector::default() }
    }

    #[test]
    fn kinds_are_guessed_as_apimachinery_guesses_them() {
        for (kind, resource) in [
            ("Pod", "pods"),
            ("CronJob", "cronjobs"),
            ("ReplicaSet", "replicasets"),
            ("NetworkPolicy", "networkpolicies"),
            ("Ingress", "ingresses"),
            ("Endpoints", "endpoints"),
            ("", ""),
        ] {
            assert_eq!(resource_of_kind(kind), resource, "{kind}");
        }
    }

    #[test]
    fn an_entry_must_name_group_version_and_resource() {
        let pod = object("v1", "Pod", &[]);
        let deployment = object("apps/v1", "Deployment", &[]);
        for (found, object, expected) in [
            (entry("", "v1", "pods", None), &pod, Match::Yes),
            (entry("", "*", "pods", None), &pod, Match::Yes),
            (entry("", "v2", "pods", None), &pod, Match::No),
            // Nothing is no wildcard, except for the version's star.
            (entry("", "", "pods", None), &pod, Match::No),
            (entry("", "v1", "", None), &pod, Match::No),
            (entry("*", "v1", "pods", None), &pod, Match::No),
            (entry("", "v1", "*", None), &pod, Match::No),
            (entry("apps", "v1", "deployments", None), &deployment, Match::Yes),
            (entry("", "v1", "deployments", None), &deployment, Match::No),
            (entry("apps", "v1", "pods", None), &deployment, Match::No),
        ] {
            assert_eq!(Matcher::compile(std::slice::from_ref(&found)).matches(object), expected, "{found:?}");
        }
        assert_eq!(Matcher::compile(&[]).matches(&pod), Match::Yes);
        assert_eq!(ObjectIdentity::of_kind("a/b/c", "Pod", BTreeMap::new()), None);
    }

    #[test]
    fn labels_decide_as_kubernetes_says() {
        let pod = object("v1", "Pod", &[("env", "prod"), ("a.example/b", "")]);
        let both = LabelSelector { match_labels: labels(&[("env", "prod")]), ..expression("team", "Exists", &[]) };
        for (selector, expected) in [
            (LabelSelector::default(), true),
            (LabelSelector { match_labels: labels(&[("env", "prod")]), ..LabelSelector::default() }, true),
            (LabelSelector { match_labels: labels(&[("env", "test")]), ..LabelSelector::default() }, false),
            (LabelSelector { match_labels: labels(&[("a.example/b", "")]), ..LabelSelector::default() }, true),
            (LabelSelector { match_labels: labels(&[("none", "")]), ..LabelSelector::default() }, false),
            (expression("env", "In", &["test", "prod"]), true),
            (expression("env", "In", &["test"]), false),
            (expression("none", "In", &["x"]), false),
            (expression("env", "NotIn", &["test"]), true),
            (expression("env", "NotIn", &["prod"]), false),
            (expression("none", "NotIn", &["x"]), true),
            (expression("env", "Exists", &[]), true),
            (expression("none", "Exists", &[]), false),
            (expression("env", "DoesNotExist", &[]), false),
            (expression("none", "DoesNotExist", &[]), true),
            // All that is said must hold.
            (both, false),
        ] {
            let found = Matcher::compile(&[entry("", "v1", "pods", Some(selector.clone()))]).matches(&pod);
            assert_eq!(found == Match::Yes, expected, "{selector:?}");
        }
    }

    #[test]
    fn a_selector_that_is_none_never_means_that_the_policy_is_for_others() {
        let pod = object("v1", "Pod", &[]);
        for selector in [
            expression("env", "in", &["x"]),
            expression("env", "In", &[]),
            expression("env", "NotIn", &[]),
            expression("env", "Exists", &["x"]),
            expression("env", "DoesNotExist", &["x"]),
            expression("", "Exists", &[]),
            expression("a/b/c", "Exists", &[]),
            expression("-a", "Exists", &[]),
            expression("UPPER.example/x", "Exists", &[]),
            expression("env", "In", &["no spaces"]),
            expression(&"a".repeat(64), "Exists", &[]),
        ] {
            let broken = Matcher::compile(&[entry("", "v1", "pods", Some(selector.clone()))]);
            assert!(matches!(broken.matches(&pod), Match::Broken { .. }), "{selector:?}");
            // It is not asked where the resource is another one.
            assert_eq!(broken.matches(&object("v1", "Service", &[])), Match::No);
        }
    }
}
