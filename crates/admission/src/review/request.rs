//! Reading an `AdmissionReview`. What cannot even be answered (no uid to echo) is an error of the whole request; what can
//! be answered and not be read is a denial.

use serde::Deserialize;
use serde_json::Value;
use sigward_policy::object::read_strictly;

/// The versions of the review API (`admissionReviewVersions`). Their fields are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewVersion {
    /// `admission.k8s.io/v1`.
    V1,
    /// `admission.k8s.io/v1beta1`.
    V1Beta1,
}

impl ReviewVersion {
    /// The version as `apiVersion` says it.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "admission.k8s.io/v1",
            Self::V1Beta1 => "admission.k8s.io/v1beta1",
        }
    }
}

/// A review that can be answered.
#[derive(Debug)]
pub struct Review {
    /// The version it was asked in, and is answered in.
    pub version: ReviewVersion,
    /// What the answer must repeat.
    pub uid: String,
    /// The request, or why it cannot be read.
    pub request: Result<Request, BadReview>,
}

/// Why a body is no review, or why its request cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}, found {found}")]
pub struct BadReview {
    /// The field.
    pub field: String,
    /// What should be there.
    pub expected: &'static str,
    /// What is there.
    pub found: String,
}

/// The names of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Deserialize)]
pub struct GroupVersionKind {
    /// The API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// The version.
    #[serde(default)]
    pub version: String,
    /// The kind.
    #[serde(default)]
    pub kind: String,
}

impl std::fmt::Display for GroupVersionKind {
    /// As Go prints it (`k8s.io/apimachinery/pkg/runtime/schema`).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}, Kind={}", self.group, self.version, self.kind)
    }
}

/// What is done to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It goes away.
    Delete,
    /// Something else is done through it (`exec`, `attach`).
    Connect,
}

impl Operation {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// What the API server wants to know.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The kind as this webhook sees it.
    pub kind: GroupVersionKind,
    /// The part of the object that is changed, such as `status`; empty for the object itself.
    #[serde(default, deserialize_with = "or_default")]
    pub sub_resource: String,
    /// The object's name; empty where the API server is to make one.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// The object's namespace; empty for objects without one.
    #[serde(default, deserialize_with = "or_default")]
    pub namespace: String,
    /// What is done.
    pub operation: Operation,
    /// The object as it will be; null for a deletion.
    #[serde(default)]
    pub object: Value,
    /// The object as it is; null for a creation.
    #[serde(default)]
    pub old_object: Value,
    /// Whether nothing will be stored.
    #[serde(default, deserialize_with = "or_default")]
    pub dry_run: bool,
}

/// Null is absent, as in Go.
fn or_default<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl Review {
    /// Reads a body.
    ///
    /// # Errors
    /// [`BadReview`] if there is nothing that could be answered.
    pub fn parse(body: &[u8]) -> Result<Self, BadReview> {
        let whole = read_strictly(body).map_err(|error| BadReview {
            field: "the body".into(),
            expected: "an AdmissionReview in JSON, no name twice",
            found: error.to_string(),
        })?;
        let Value::Object(mut fields) = whole else {
            return Err(bad("the body", "an AdmissionReview", &whole));
        };
        let version = match fields.get("apiVersion").and_then(Value::as_str) {
            Some("admission.k8s.io/v1") => ReviewVersion::V1,
            Some("admission.k8s.io/v1beta1") => ReviewVersion::V1Beta1,
            _ => {
                let found = fields.get("apiVersion").unwrap_or(&Value::Null);
                return Err(bad("apiVersion", "admission.k8s.io/v1 or admission.k8s.io/v1beta1", found));
            }
        };
        if fields.get("kind").and_then(Value::as_str) != Some("AdmissionReview") {
            return Err(bad("kind", "AdmissionReview", fields.get("kind").unwrap_or(&Value::Null)));
        }
        let request = fields.remove("request").unwrap_or(Value::Null);
        if !request.is_object() {
            return Err(bad("request", "an object", &request));
        }
        let uid = request.get("uid").unwrap_or(&Value::Null);
        let Some(uid) = uid.as_str().filter(|uid| !uid.is_empty()).map(str::to_owned) else {
            return Err(bad("request.uid", "a text", uid));
        };
        let request = serde_json::from_value(request).map_err(|error| BadReview {
            field: "request".into(),
            expected: "the fields of an admission request",
            found: error.to_string(),
        });
        Ok(Self { version, uid, request })
    }
}

fn bad(field: &str, expected: &'static str, found: &Value) -> BadReview {
    BadReview { field: field.to_owned(), expected, found: describe(found) }
}

/// A value as messages may show it: its kind, and short texts as they are.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(value) => format!("{value}"),
        Value::Number(_) => "a number".into(),
        Value::String(text) if text.len() <= 80 => format!("{text:?}"),
        Value::String(_) => "a long text".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_review_is_an_error_that_says_what_is_missing() {
        for (body, text) in [
            ("null", "the body: expected an AdmissionReview, found nothing"),
            ("{}", "apiVersion: expected admission.k8s.io/v1 or admission.k8s.io/v1beta1, found nothing"),
            ("[]", "the body: expected an AdmissionReview, found a list"),
            (r#"{"apiVersion":"admission.k8s.io/v2","kind":"AdmissionReview"}"#, "found \"admission.k8s.io/v2\""),
            (r#"{"apiVersion":"admission.k8s.io/v1","kind":"Pod"}"#, "kind: expected AdmissionReview, found \"Pod\""),
            (
                r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#,
                "request: expected an object, found nothing",
            ),
            (
                r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}"#,
                "request.uid: expected a text, found nothing",
            ),
        ] {
            let error = Review::parse(body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(text), "{body}: {error}");
        }
        for body in ["", "{", "\u{feff}{}", "{\"a\":", &"[".repeat(100_000)] {
            assert_eq!(Review::parse(body.as_bytes()).unwrap_err().field, "the body");
        }
        assert!(Review::parse(&[0xff, 0xfe]).is_err());
    }

    /// Another reader could take the other one.
    #[test]
    fn attack_a_name_that_stands_twice() {
        let review = |request: &str| {
            let request = format!(r#"{{"uid":"u","kind":{{"version":"v1","kind":"Pod"}},{request}}}"#);
            format!(r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{request}}}"#)
        };
        let once = review(r#""operation":"CREATE","object":{"spec":{"containers":[{"image":"a"}]}}"#);
        assert!(Review::parse(once.as_bytes()).unwrap().request.is_ok());
        for twice in [
            review(r#""operation":"CREATE","operation":"DELETE","object":{}"#),
            review(r#""operation":"CREATE","object":{"spec":{}},"object":{}"#),
            review(r#""operation":"CREATE","object":{"spec":{"containers":[{"image":"evil","image":"a"}]}}"#),
            once.replace(r#""request":{"#, r#""request":{},"request":{"#),
        ] {
            let error = Review::parse(twice.as_bytes()).unwrap_err();
            assert_eq!(error.field, "the body", "{twice}");
            assert!(error.found.contains("stands twice"), "{error}");
        }
    }

    fn with_request(request: &str) -> Review {
        let body =
            format!(r#"{{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{request}}}"#);
        Review::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn what_has_a_uid_can_be_answered() {
        for request in [
            r#"{"uid":"u"}"#,
            r#"{"uid":"u","kind":{"kind":"Pod"},"operation":"EAT"}"#,
            r#"{"uid":"u","kind":7,"operation":"CREATE"}"#,
            r#"{"uid":"u","kind":{"kind":"Pod"},"operation":"CREATE","dryRun":"yes"}"#,
        ] {
            let review = with_request(request);
            assert_eq!((review.uid.as_str(), review.version), ("u", ReviewVersion::V1Beta1));
            assert!(review.request.is_err(), "{request}");
        }
    }

    #[test]
    fn null_is_absent() {
        let request = r#"{"uid":"u","kind":{"group":"","version":"v1","kind":"Pod"},"operation":"UPDATE",
            "subResource":null,"namespace":null,"dryRun":null,"oldObject":null,"more":1}"#;
        let request = with_request(request).request.unwrap();
        assert_eq!((request.sub_resource.as_str(), request.namespace.as_str(), request.dry_run), ("", "", false));
        assert_eq!((request.operation, request.object), (Operation::Update, Value::Null));
        assert_eq!(request.kind.to_string(), "/v1, Kind=Pod");
    }
}
