//! The webhooks for ClusterImagePolicy and TrustRoot themselves: defaults, validation, conversion
//! (specs/policy-controller.md §1.4 to §1.7).

use jiff::Timestamp;
use serde_json::{Value, json};
use sigward_policy::cip::{self, ClusterImagePolicy};
use sigward_policy::config::{EmptyAuthorities, Oci11};
use sigward_policy::field_error::FieldErrors;
use sigward_policy::object::{DecodeError, ObjectKind, PatchOperation, Recognized};
use sigward_policy::resolve::{ContentSource, ResolvedPolicy};
use sigward_policy::trust_root::{self, TrustRoot};

use crate::limits;
use crate::review::{Answer, Denial, Operation, Patch, Request, describe};

/// The kinds that these webhooks are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Policy,
    TrustRoot,
}

/// What validation depends on, beside the object.
#[derive(Clone, Copy)]
pub struct ValidationScene<'a> {
    /// Where the controller runs.
    pub namespace: &'a str,
    /// Whether a policy may be without authorities.
    pub empty_authorities: EmptyAuthorities,
    /// What policies refer to.
    pub contents: &'a dyn ContentSource,
}

impl std::fmt::Debug for ValidationScene<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ValidationScene").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// `/defaulting`.
pub fn defaulting(request: &Request) -> Answer {
    let Some(resource) = resource(request) else { return unhandled("mutation failed", request) };
    if !is_looked_at(request) {
        return Answer::allowed(None, Vec::new());
    }
    let patch = match resource {
        Resource::Policy => cip::defaulting_patch(&request.object),
        Resource::TrustRoot => trust_root::defaulting_patch(&request.object),
    };
    match patch.map(operations) {
        Ok(operations) => Answer::allowed(Patch::of(operations), Vec::new()),
        Err(error) => undecoded("mutation failed", &error),
    }
}

/// `/validating`.
pub fn validating(request: &Request, scene: ValidationScene<'_>) -> Answer {
    const BEGIN: &str = "decoding request failed";
    let Some(resource) = resource(request) else { return unhandled(BEGIN, request) };
    if !is_looked_at(request) {
        return Answer::allowed(None, Vec::new());
    }
    let json = request.object.to_string();
    let (errors, faults) = match resource {
        Resource::Policy => match sigward_policy::object::decode::<ClusterImagePolicy>(json.as_bytes()) {
            Ok(policy) => {
                let context = cip::ValidationContext {
                    system_namespace: scene.namespace,
                    empty_authorities: scene.empty_authorities,
                };
                // What denies every image in the end is said in the beginning, and does not refuse the policy: what it
                // refers to may come later.
                let faults = ResolvedPolicy::new(&policy, scene.contents, Oci11::Off).faults();
                (cip::validate(&policy, context), faults)
            }
            Err(error) => return undecoded(BEGIN, &error),
        },
        Resource::TrustRoot => match sigward_policy::object::decode::<TrustRoot>(json.as_bytes()) {
            Ok(root) => (trust_root::validate(&root, Timestamp::now()), Vec::new()),
            Err(error) => return undecoded(BEGIN, &error),
        },
    };
    answer(&errors, faults)
}

fn answer(errors: &FieldErrors, faults: Vec<String>) -> Answer {
    let mut warnings = errors.warnings();
    match errors.denial() {
        Some(denial) => {
            let denial = Denial::new("resource-invalid", format!("validation failed: {denial}"));
            Answer::denied(denial, warnings)
        }
        None => {
            let faults = faults.into_iter().map(|fault| format!("images that this policy is for are denied: {fault}"));
            warnings.extend(faults);
            Answer::allowed(None, warnings)
        }
    }
}

fn resource(request: &Request) -> Option<Resource> {
    let kind = &request.kind;
    match ObjectKind::recognize(&format!("{}/{}", kind.group, kind.version), &kind.kind) {
        Recognized::Kept(ObjectKind::ClusterImagePolicy) => Some(Resource::Policy),
        Recognized::Kept(ObjectKind::TrustRoot) => Some(Resource::TrustRoot),
        _ => None,
    }
}

/// Deletions and changes of the status alone say nothing new.
fn is_looked_at(request: &Request) -> bool {
    matches!(request.operation, Operation::Create | Operation::Update) && request.sub_resource.is_empty()
}

fn unhandled(begin: &str, request: &Request) -> Answer {
    Answer::denied(Denial::new("unhandled-kind", format!("{begin}: unhandled kind: {}", request.kind)), Vec::new())
}

fn undecoded(begin: &str, error: &DecodeError) -> Answer {
    let message = format!("{begin}: cannot decode incoming new object: {error}");
    Answer::denied(Denial::new("resource-malformed", message), Vec::new())
}

fn operations(operations: Vec<PatchOperation>) -> Vec<Value> {
    operations.iter().filter_map(|operation| serde_json::to_value(operation).ok()).collect()
}

/// `/resource-conversion`: takes a `ConversionReview` and gives one. All objects are converted, or none.
///
/// # Errors
/// What is missing without which it cannot be answered.
pub fn convert(mut review: Value) -> Result<Value, String> {
    let api_version = match review.get("apiVersion").and_then(Value::as_str) {
        Some(version @ ("apiextensions.k8s.io/v1" | "apiextensions.k8s.io/v1beta1")) => version.to_owned(),
        _ => {
            let found = describe(review.get("apiVersion").unwrap_or(&Value::Null));
            return Err(format!("apiVersion: expected apiextensions.k8s.io/v1, found {found}"));
        }
    };
    let mut request = review.get_mut("request").map(Value::take).unwrap_or_default();
    let text = |field: &str| match request.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        other => Err(format!("request.{field}: expected a text, found {}", describe(other.unwrap_or(&Value::Null)))),
    };
    let (uid, wanted) = (text("uid")?, text("desiredAPIVersion")?);
    let objects = match request.get_mut("objects").map(Value::take) {
        Some(Value::Array(objects)) => objects,
        other => {
            return Err(format!("request.objects: expected a list, found {}", describe(&other.unwrap_or_default())));
        }
    };
    let converted: Result<Vec<_>, _> = objects.into_iter().map(|object| cip::convert(object, &wanted)).collect();
    let response = match converted {
        Ok(objects) => json!({"uid": uid, "convertedObjects": objects, "result": {"status": "Success"}}),
        Err(error) => {
            let message: String = error.to_string().chars().take(limits::WARNING_BYTES).collect();
            json!({"uid": uid, "convertedObjects": [], "result": {"status": "Failure", "message": message}})
        }
    };
    Ok(json!({"apiVersion": api_version, "kind": "ConversionReview", "response": response}))
}
