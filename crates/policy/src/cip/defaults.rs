//! What is filled in where a policy says nothing (specs/policy-controller.md §1.4).

use serde_json::{Map, Value};

use super::types::ClusterImagePolicy;
use crate::object::{DecodeError, PatchOperation, Url, from_value, json_patch};

/// Where certificates come from if nobody says otherwise.
const PUBLIC_FULCIO: &str = "https://fulcio.sigstore.dev";

/// Fills in mode, names of authorities, and the public certificate authority.
pub fn set_defaults(policy: &mut ClusterImagePolicy) {
    let spec = &mut policy.spec;
    if spec.mode.is_empty() {
        spec.mode = "enforce".into();
    }
    for (at, authority) in spec.authorities.iter_mut().enumerate() {
        if authority.name.is_empty() {
            authority.name = format!("authority-{at}");
        }
        let is_keyless = authority.key.is_none() && authority.static_action.is_none();
        if let Some(keyless) = authority.keyless.as_mut().filter(|_| is_keyless)
            && keyless.url.is_none()
            && keyless.ca_cert.is_none()
        {
            keyless.url = Url::parse(PUBLIC_FULCIO).ok();
        }
    }
}

/// The patch that fills in a policy as it was submitted.
///
/// A missing `identities` becomes `null`, as policy-controller makes it: the API server then refuses the policy and names
/// the field, before any other text does.
///
/// # Errors
/// [`DecodeError`] if the object is no policy.
pub fn defaulting_patch(submitted: &Value) -> Result<Vec<PatchOperation>, DecodeError> {
    from_value::<ClusterImagePolicy>(submitted.clone())?;
    let mut filled = submitted.clone();
    fill(&mut filled, Identities::NullWhereMissing);
    Ok(json_patch(submitted, &filled))
}

/// What a missing `identities` becomes.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Identities {
    /// It stays missing.
    AsTheyAre,
    /// `null`.
    NullWhereMissing,
}

/// [`set_defaults`] on the JSON itself, so that everything else stays as it was written.
pub(super) fn fill(policy: &mut Value, identities: Identities) {
    let Some(policy) = policy.as_object_mut() else { return };
    let Some(spec) = object_at(policy, "spec") else { return };
    if is_empty(spec.get("mode")) {
        spec.insert("mode".into(), "enforce".into());
    }
    let Some(Value::Array(authorities)) = spec.get_mut("authorities") else { return };
    for (at, authority) in authorities.iter_mut().enumerate() {
        if authority.is_null() {
            *authority = Value::Object(Map::new());
        }
        let Value::Object(authority) = authority else { continue };
        if is_empty(authority.get("name")) {
            authority.insert("name".into(), format!("authority-{at}").into());
        }
        let is_keyless = is_null(authority.get("key")) && is_null(authority.get("static"));
        let Some(Value::Object(keyless)) = authority.get_mut("keyless") else { continue };
        if is_keyless && is_null(keyless.get("url")) && is_null(keyless.get("ca-cert")) {
            keyless.insert("url".into(), PUBLIC_FULCIO.into());
        }
        if identities == Identities::NullWhereMissing && !keyless.contains_key("identities") {
            keyless.insert("identities".into(), Value::Null);
        }
    }
}

/// The object in a field, made if nothing is there.
fn object_at<'a>(object: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Map<String, Value>> {
    if is_null(object.get(name)) {
        object.insert(name.to_owned(), Value::Object(Map::new()));
    }
    object.get_mut(name)?.as_object_mut()
}

fn is_null(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_null)
}

fn is_empty(value: Option<&Value>) -> bool {
    is_null(value) || value.and_then(Value::as_str).is_some_and(str::is_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(spec: Value) -> Value {
        let policy = json!({"apiVersion": "policy.sigstore.dev/v1beta1", "metadata": {"name": "x"}, "spec": spec});
        serde_json::to_value(defaulting_patch(&policy).unwrap()).unwrap()
    }

    #[test]
    fn what_is_not_said_is_filled_in() {
        assert_eq!(
            patched(json!({"images": [], "authorities": [
                {"keyless": {"identities": []}}, {"name": "b", "key": {}}, {"static": {"action": "pass"}},
            ]})),
            json!([
                {"op": "add", "path": "/spec/authorities/0/keyless/url", "value": "https://fulcio.sigstore.dev"},
                {"op": "add", "path": "/spec/authorities/0/name", "value": "authority-0"},
                {"op": "add", "path": "/spec/authorities/2/name", "value": "authority-2"},
                {"op": "add", "path": "/spec/mode", "value": "enforce"},
            ])
        );
        assert_eq!(patched(json!({"mode": "warn", "images": []})), json!([]));
        assert_eq!(patched(Value::Null), json!([{"op": "replace", "path": "/spec", "value": {"mode": "enforce"}}]));
    }

    #[test]
    fn missing_identities_become_null_so_that_the_api_server_names_them() {
        assert_eq!(
            patched(json!({"mode": "warn", "authorities": [{"name": "a", "keyless": {"url": "https://f.example"}}]})),
            json!([{"op": "add", "path": "/spec/authorities/0/keyless/identities", "value": null}])
        );
    }

    #[test]
    fn a_private_authority_is_not_replaced_by_the_public_one() {
        for keyless in [json!({"url": "", "identities": []}), json!({"ca-cert": {"data": "x"}, "identities": []})] {
            let spec = json!({"mode": "warn", "authorities": [{"name": "a", "keyless": keyless}]});
            assert_eq!(patched(spec), json!([]));
        }
        let beside_a_key = json!({"name": "a", "key": {"data": "x"}, "keyless": {"identities": []}});
        assert_eq!(patched(json!({"mode": "warn", "authorities": [beside_a_key]})), json!([]));
    }

    #[test]
    fn values_and_json_are_filled_in_alike() {
        let spec = json!({"images": [{"glob": "**"}], "authorities": [
            {"keyless": {"identities": [{"issuer": "i", "subject": "s"}]}}, {"key": {"data": "k"}},
            {"keyless": {"ca-cert": {"data": "c"}, "identities": []}}, null,
        ]});
        let mut json = json!({"metadata": {"name": "x"}, "spec": spec});
        let mut typed: ClusterImagePolicy = from_value(json.clone()).unwrap();
        set_defaults(&mut typed);
        fill(&mut json, Identities::AsTheyAre);
        assert_eq!(from_value::<ClusterImagePolicy>(json).unwrap(), typed);
    }

    #[test]
    fn what_is_no_policy_is_refused_in_gos_words() {
        let unknown = defaulting_patch(&json!({"spec": {"imagess": []}})).unwrap_err();
        assert_eq!(unknown.to_string(), "json: unknown field \"imagess\"");
        let other = defaulting_patch(&json!({"spec": {"mode": 1}})).unwrap_err();
        assert_eq!(
            other.to_string(),
            "json: cannot unmarshal number into Go struct field ClusterImagePolicySpec.spec.mode of type string"
        );
    }
}
