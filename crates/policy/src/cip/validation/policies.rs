//! Attestations, and policies in CUE and Rego.

use crate::cip::types::{Attestation, ConfigMapReference, Policy, PolicyType, RemotePolicy};
use crate::field_error::{FieldError, FieldErrors, Level};
use crate::go::is_request_uri;
use crate::rego::{RegoPolicy, RegoQuery};

/// Short names that policy-controller still takes; `slsaprovenance02` and the like are none of them.
const SHORT_PREDICATE_TYPES: [&str; 7] = ["custom", "slsaprovenance", "spdx", "spdxjson", "cyclonedx", "link", "vuln"];

/// What is said of a policy that is elsewhere than at an https URL.
pub(crate) const NOT_HTTPS: &str = "url valid is invalid. host and https scheme are expected";

/// Where a policy stands: what it may see depends on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PolicyPlace {
    /// `spec.policy`, over what the authorities found.
    Spec,
    /// The policy of an attestation, over its statement alone.
    Attestation,
}

pub(super) fn validate_attestation(attestation: &Attestation) -> FieldErrors {
    let mut errors = FieldErrors::none();
    if attestation.name.is_empty() {
        errors.push(FieldError::missing(&["name"]));
    }
    let wanted = attestation.predicate_type.as_str();
    if wanted.is_empty() {
        errors.push(FieldError::missing(&["predicateType"]));
    } else if SHORT_PREDICATE_TYPES.contains(&wanted) || !is_request_uri(wanted) {
        let details = "deprecated value, please use RFC 3986 conformant values";
        errors.push(FieldError::invalid(wanted, "predicateType").with_details(details).at(Level::Warning));
    }
    if let Some(policy) = &attestation.policy {
        errors.also(validate_policy(policy, PolicyPlace::Attestation).via_field("policy"));
    }
    errors
}

pub(super) fn validate_policy(policy: &Policy, place: PolicyPlace) -> FieldErrors {
    const SOURCES: [&str; 3] = ["data", "configMapRef", "remote"];
    let mut errors = FieldErrors::none();
    if policy.language().is_none() {
        let details = "only [cue,rego] are supported at the moment";
        errors.push(FieldError::invalid(&policy.policy_type, "type").with_details(details));
    }
    let given = [!policy.data.is_empty(), policy.config_map_ref.is_some(), policy.remote.is_some()];
    match given.iter().filter(|given| **given).count() {
        0 => errors.push(FieldError::missing(&SOURCES)),
        1 => {}
        _ => errors.push(FieldError::multiple_one_of(&SOURCES)),
    }
    if let Some(remote) = &policy.remote {
        errors.also(validate_remote(remote).via_field("remote"));
    }
    if let Some(reference) = &policy.config_map_ref {
        errors.also(validate_config_map(reference).via_field("configMapRef"));
    }
    if place == PolicyPlace::Attestation {
        errors.also(inputs_of_object(policy));
    }
    errors.also(compiled(policy));
    errors
}

/// What the policy of an attestation never sees: it is over its statement alone.
pub(crate) fn inputs_of_object(policy: &Policy) -> FieldErrors {
    let inputs = [
        ("fetchConfigFile", policy.fetch_config_file),
        ("includeSpec", policy.include_spec),
        ("includeObjectMeta", policy.include_object_meta),
        ("includeTypeMeta", policy.include_type_meta),
    ];
    let given = inputs.iter().filter(|(_, given)| given.is_some());
    given.map(|(name, _)| FieldError::disallowed(&[name])).collect()
}

/// A policy that does not compile denies all images later. policy-controller takes it without a word; a warning keeps
/// whoever relies on that working.
fn compiled(policy: &Policy) -> FieldErrors {
    if policy.data.is_empty() {
        return FieldErrors::none();
    }
    let fault = match policy.language() {
        Some(PolicyType::Cue) => sigward_cue::Policy::compile(&policy.data).err().map(|fault| fault.to_string()),
        Some(PolicyType::Rego) => {
            RegoPolicy::compile(&policy.data, RegoQuery::IsCompliant).err().map(|fault| fault.to_string())
        }
        None => None,
    };
    let warning = |fault: String| {
        FieldError::new("the policy cannot be loaded, and denies every image", &["data"])
            .with_details(fault)
            .at(Level::Warning)
    };
    fault.map(warning).into_iter().collect()
}

fn validate_remote(remote: &RemotePolicy) -> FieldErrors {
    let mut errors = FieldErrors::none();
    if !remote.is_https() {
        errors.push(FieldError::invalid(&remote.url, "url").with_details(NOT_HTTPS));
    }
    if remote.sha256sum.is_empty() {
        errors.push(FieldError::missing(&["sha256sum"]));
    }
    errors
}

fn validate_config_map(reference: &ConfigMapReference) -> FieldErrors {
    let fields = [("name", &reference.name), ("key", &reference.key)];
    fields.iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| FieldError::missing(&[name])).collect()
}
