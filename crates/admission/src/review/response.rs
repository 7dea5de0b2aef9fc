//! What the API server is told. An answer that allows is made in one place; everything else denies.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use super::ReviewVersion;
use crate::limits;

/// What came of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    outcome: Outcome,
    warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Allowed(Option<Patch>),
    Denied(Denial),
}

/// Why something is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What the user reads.
    pub message: String,
    /// Stable reason codes, for logs and metrics; not empty.
    pub codes: Vec<&'static str>,
}

impl Denial {
    /// A denial.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self::with_codes(vec![code], message)
    }

    /// A denial for several reasons.
    pub fn with_codes(codes: Vec<&'static str>, message: impl Into<String>) -> Self {
        let message: String = message.into();
        // Here, and not where it is shown: logs and Events have it too.
        Self { codes, message: bounded(&message, limits::MESSAGE_BYTES) }
    }
}

/// JSON patch (RFC 6902) of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    operations: Vec<Value>,
}

/// Puts a value in the place of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplaceOperation {
    op: &'static str,
    path: String,
    value: String,
}

impl ReplaceOperation {
    /// At `path` (RFC 6901) stands `value` now.
    pub fn new(path: String, value: String) -> Self {
        Self { op: "replace", path, value }
    }
}

impl Patch {
    /// A patch that replaces texts. `None` if nothing changes: the API server takes no patch for an answer.
    pub fn replacing(operations: Vec<ReplaceOperation>) -> Option<Self> {
        let operations: Vec<_> =
            operations.into_iter().map(|it| json!({"op": it.op, "path": it.path, "value": it.value})).collect();
        Self::of(operations)
    }

    /// A patch of these operations. `None` if there are none.
    pub fn of(operations: Vec<Value>) -> Option<Self> {
        (!operations.is_empty()).then_some(Self { operations })
    }

    /// The patch as JSON.
    pub fn to_json(&self) -> Value {
        Value::Array(self.operations.clone())
    }
}

impl Answer {
    /// Nothing to say against it. The only way to allow.
    pub fn allowed(patch: Option<Patch>, warnings: Vec<String>) -> Self {
        Self { outcome: Outcome::Allowed(patch), warnings }
    }

    /// No.
    pub fn denied(denial: Denial, warnings: Vec<String>) -> Self {
        Self { outcome: Outcome::Denied(denial), warnings }
    }

    /// Whether it allows.
    pub fn is_allowed(&self) -> bool {
        matches!(self.outcome, Outcome::Allowed(_))
    }

    /// Why it does not allow.
    pub fn denial(&self) -> Option<&Denial> {
        match &self.outcome {
            Outcome::Allowed(_) => None,
            Outcome::Denied(denial) => Some(denial),
        }
    }

    /// How the object is changed.
    pub fn patch(&self) -> Option<&Patch> {
        match &self.outcome {
            Outcome::Allowed(patch) => patch.as_ref(),
            Outcome::Denied(_) => None,
        }
    }

    /// Warnings, one entry each; an entry may have several lines.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The review to send back.
    pub fn to_json(&self, version: ReviewVersion, uid: &str) -> Value {
        let mut response = json!({"uid": uid, "allowed": self.is_allowed()});
        if let Value::Object(fields) = &mut response {
            match &self.outcome {
                Outcome::Allowed(None) => {}
                Outcome::Allowed(Some(patch)) => {
                    fields.insert("patchType".into(), "JSONPatch".into());
                    fields.insert("patch".into(), STANDARD.encode(patch.to_json().to_string()).into());
                }
                Outcome::Denied(denial) => {
                    fields.insert("status".into(), status(&denial.message));
                }
            }
            let warnings = self.warning_lines();
            if !warnings.is_empty() {
                fields.insert("warnings".into(), warnings.into());
            }
        }
        json!({"kind": "AdmissionReview", "apiVersion": version.api_version(), "response": response})
    }

    /// One warning a line: the API server takes no line breaks (knative `webhook/admission.go` splits too).
    pub(crate) fn warning_lines(&self) -> Vec<String> {
        let lines = self.warnings.iter().flat_map(|warning| warning.split('\n')).filter(|line| !line.is_empty());
        lines.take(limits::WARNINGS).map(|line| bounded(line, limits::WARNING_BYTES)).collect()
    }
}

/// knative's `MakeErrorStatus`: a bad request, so that `kubectl` prints the message as it is.
fn status(message: &str) -> Value {
    json!({
        "metadata": {},
        "status": "Failure",
        "reason": "BadRequest",
        "code": 400,
        "message": message,
    })
}

fn bounded(text: &str, limit: usize) -> String {
    const MORE: &str = " …";
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit.saturating_sub(MORE.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    format!("{}{MORE}", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denial_is_a_bad_request_as_upstream() {
        let answer = Answer::denied(Denial::new("x", "validation failed: no"), vec!["a\nb".into()]);
        assert_eq!(
            answer.to_json(ReviewVersion::V1, "u"),
            json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": {
                "uid": "u", "allowed": false, "warnings": ["a", "b"],
                "status": {"metadata": {}, "status": "Failure", "reason": "BadRequest", "code": 400,
                    "message": "validation failed: no"}}})
        );
    }

    #[test]
    fn nothing_to_change_is_no_patch() {
        assert_eq!(Patch::replacing(Vec::new()), None);
        let answer = Answer::allowed(None, Vec::new()).to_json(ReviewVersion::V1Beta1, "u");
        assert_eq!(
            answer,
            json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1beta1",
                "response": {"uid": "u", "allowed": true}})
        );
    }

    #[test]
    fn patch_is_base64_of_json() {
        let operation = ReplaceOperation::new("/spec/containers/0/image".into(), "a@sha256:b".into());
        let answer = Answer::allowed(Patch::replacing(vec![operation]), Vec::new()).to_json(ReviewVersion::V1, "u");
        let patch = STANDARD.decode(answer["response"]["patch"].as_str().unwrap()).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&patch).unwrap(),
            json!([{"op": "replace", "path": "/spec/containers/0/image", "value": "a@sha256:b"}])
        );
        assert_eq!(answer["response"]["patchType"], "JSONPatch");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let answer = Answer::denied(Denial::new("x", "é".repeat(limits::MESSAGE_BYTES)), vec!["ä".repeat(1_000)]);
        let json = answer.to_json(ReviewVersion::V1, "u");
        let message = json["response"]["status"]["message"].as_str().unwrap();
        assert!(message.len() <= limits::MESSAGE_BYTES && message.ends_with('…'));
        assert!(json["response"]["warnings"][0].as_str().unwrap().len() <= limits::WARNING_BYTES);
    }
}
