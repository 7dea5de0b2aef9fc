//! What a ClusterImagePolicy must fulfil (specs/policy-controller.md §1.5), in the words of policy-controller: scripts look
//! for them.
//!
//! Kept as upstream has it, though it looks odd: paths of `spec.policy` are without `policy.`, and those of attestations
//! without an index. Changed: each pull secret without a name is named by its own path.

mod keys;
mod policies;

use super::types::{Authority, ClusterImagePolicy, ClusterImagePolicySpec, ImagePattern, MatchResource, StaticRef};
use crate::config::EmptyAuthorities;
use crate::field_error::{FieldError, FieldErrors, Level};
use crate::glob::Glob;
use crate::go::is_bad_path_pattern;
use crate::limits::MAX_POLICY_ENTRIES;
use policies::PolicyPlace;
pub(crate) use policies::{NOT_HTTPS, inputs_of_object};

/// What validation needs to know beside the policy.
#[derive(Clone, Copy, Debug)]
pub struct ValidationContext<'a> {
    /// The namespace that the controller runs in: Secrets come from there alone.
    pub system_namespace: &'a str,
    /// Whether a policy may be without authorities.
    pub empty_authorities: EmptyAuthorities,
}

/// The group of a resource that a policy may be for.
fn group_of(resource: &str) -> Option<&'static str> {
    match resource {
        "pods" => Some(""),
        "replicasets" | "deployments" | "statefulsets" | "daemonsets" => Some("apps"),
        "cronjobs" | "jobs" => Some("batch"),
        _ => None,
    }
}

/// Everything that is wrong with a policy. Changes of its status alone are not validated; that is for the caller to know.
pub fn validate(policy: &ClusterImagePolicy, context: ValidationContext<'_>) -> FieldErrors {
    validate_spec(&policy.spec, context).via_field("spec")
}

fn validate_spec(spec: &ClusterImagePolicySpec, context: ValidationContext<'_>) -> FieldErrors {
    let mut errors = FieldErrors::none();
    let entries = entries(spec);
    if entries > MAX_POLICY_ENTRIES {
        let text = format!("a policy has at most {MAX_POLICY_ENTRIES} entries in all its lists, found {entries}");
        return FieldError::new(text, &[""]).into();
    }
    if spec.images.is_empty() {
        errors.push(FieldError::missing(&["images"]));
    }
    for (at, image) in spec.images.iter().enumerate() {
        errors.also(validate_image(image).via_index("images", at));
    }
    if spec.authorities.is_empty() && context.empty_authorities == EmptyAuthorities::Refused {
        errors.push(FieldError::missing(&["authorities"]));
    }
    for (at, authority) in spec.authorities.iter().enumerate() {
        errors.also(validate_authority(authority, context).via_index("authorities", at));
    }
    if spec.mode().is_none() {
        errors.push(FieldError::invalid(&spec.mode, "mode").with_details("unsupported mode"));
    }
    errors.also(validate_matches(&spec.match_resources));
    if let Some(policy) = &spec.policy {
        errors.also(policies::validate_policy(policy, PolicyPlace::Spec));
    }
    errors
}

/// The entries of all lists: each of them may cost a regular expression or a key.
fn entries(spec: &ClusterImagePolicySpec) -> usize {
    let of_authority = |authority: &Authority| {
        let identities = authority.keyless.as_ref().map_or(0, |keyless| keyless.identities.len());
        let secrets: usize = authority.sources.iter().map(|source| 1 + source.signature_pull_secrets.len()).sum();
        1 + identities + secrets + authority.attestations.len()
    };
    spec.images.len() + spec.match_resources.len() + spec.authorities.iter().map(of_authority).sum::<usize>()
}

fn validate_image(image: &ImagePattern) -> FieldErrors {
    if image.glob.is_empty() {
        return FieldError::missing(&["glob"]).into();
    }
    let invalid = |details: String| FieldError::invalid(&image.glob, "glob").with_details(details).into();
    if is_bad_path_pattern(&image.glob) {
        return invalid("glob is invalid: syntax error in pattern".into());
    }
    match Glob::compile(&image.glob) {
        Ok(_) => FieldErrors::none(),
        Err(fault) => invalid(format!("glob is invalid: {fault}")),
    }
}

fn validate_authority(authority: &Authority, context: ValidationContext<'_>) -> FieldErrors {
    const KINDS: [&str; 3] = ["key", "keyless", "static"];
    let kinds = [authority.key.is_some(), authority.keyless.is_some(), authority.static_action.is_some()];
    match kinds.iter().filter(|given| **given).count() {
        0 => return FieldError::missing_one_of(&KINDS).into(),
        1 => {}
        _ => return FieldError::multiple_one_of(&KINDS).into(),
    }
    let mut errors = FieldErrors::none();
    if let Some(key) = &authority.key {
        errors.also(keys::validate_key(key, context).via_field("key"));
    }
    if let Some(keyless) = &authority.keyless {
        errors.also(keys::validate_keyless(keyless, context).via_field("keyless"));
    }
    if let Some(fixed) = &authority.static_action {
        errors.also(validate_static(fixed).via_field("static"));
        errors.also(beside_static(authority));
    }
    if authority.sources.len() > 1 {
        errors.push(FieldError::invalid("source", "source").with_details("only single source is supported"));
    } else {
        for (at, source) in authority.sources.iter().enumerate() {
            errors.also(keys::validate_source(source).via_index("source", at));
        }
    }
    for attestation in &authority.attestations {
        errors.also(policies::validate_attestation(attestation).via_field("attestations"));
    }
    errors
}

fn validate_static(fixed: &StaticRef) -> FieldErrors {
    match (fixed.action.as_str(), fixed.action()) {
        ("", _) => FieldError::missing(&["action"]).into(),
        (word, None) => FieldError::invalid(word, "action").with_details("unsupported action").into(),
        (_, Some(_)) => FieldErrors::none(),
    }
}

/// A fixed answer looks at no evidence, so nothing may be said about evidence.
pub(crate) fn beside_static(authority: &Authority) -> FieldErrors {
    let others = [
        ("attestations", !authority.attestations.is_empty()),
        ("source", !authority.sources.is_empty()),
        ("ctlog", authority.ctlog.is_some()),
        ("rfc3161timestamp", authority.rfc3161_timestamp.is_some()),
    ];
    let both = |(name, _)| FieldError::multiple_one_of(&["static", name]);
    others.into_iter().filter(|(_, given)| *given).map(both).collect()
}

/// Entries that are for no resource there is.
pub(crate) fn validate_matches(entries: &[MatchResource]) -> FieldErrors {
    let mut errors = FieldErrors::none();
    for (at, entry) in entries.iter().enumerate() {
        errors.also(validate_match(entry).via_index("match", at));
    }
    errors
}

fn validate_match(found: &MatchResource) -> FieldErrors {
    let mut errors = FieldErrors::none();
    let group = group_of(&found.resource);
    if !found.resource.is_empty() && group.is_none() {
        errors.push(FieldError::invalid(&found.resource, "resource").with_details("unsupported resource name"));
    }
    let names_nothing = found.resource.is_empty() && found.version.is_empty() && found.group.is_empty();
    if found.selector.is_some() && names_nothing {
        let details = "selector requires a resource type to match the labels";
        errors.push(FieldError::invalid(&found.resource, "selector").with_details(details));
    }
    // policy-controller takes it without a word, and nothing left out is a wildcard.
    if errors.is_empty() && (group != Some(found.group.as_str()) || found.version.is_empty()) {
        let details = "expected a resource with its group, and a version or *";
        errors.push(FieldError::new("this is for no object", &[""]).with_details(details).at(Level::Warning));
    }
    errors
}
