//! Between `v1alpha1` and `v1beta1`. Both have the same fields, so nothing but the version changes: policy-controller drops
//! `ctlog` without a URL and `rfc3161timestamp` without a name, and with them what a policy asks for.

use serde_json::Value;

use super::defaults::{Identities, fill};
use super::types::{GROUP, KIND, VERSIONS};

/// Why an object cannot be converted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConversionError {
    /// It is no ClusterImagePolicy.
    #[error("cannot convert {api_version:?}, kind {kind:?}: only {KIND} of {GROUP} is converted")]
    Kind {
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
    },
    /// Nobody knows the version that is wanted.
    #[error("cannot convert to {wanted:?}: {GROUP}/v1alpha1 or {GROUP}/v1beta1 is expected")]
    Version {
        /// What is wanted.
        wanted: String,
    },
}

/// An object in another version, with the defaults filled in. All its fields are kept, known or not.
///
/// # Errors
/// [`ConversionError`].
pub fn convert(mut object: Value, wanted: &str) -> Result<Value, ConversionError> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if !is_known(&api_version) || kind != KIND {
        return Err(ConversionError::Kind { api_version, kind });
    }
    if !is_known(wanted) {
        return Err(ConversionError::Version { wanted: wanted.to_owned() });
    }
    if let Some(version) = object.get_mut("apiVersion") {
        *version = Value::String(wanted.to_owned());
    }
    fill(&mut object, Identities::AsTheyAre);
    Ok(object)
}

fn is_known(api_version: &str) -> bool {
    api_version.split_once('/').is_some_and(|(group, version)| group == GROUP && VERSIONS.contains(&version))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALPHA: &str = "policy.sigstore.dev/v1alpha1";
    const BETA: &str = "policy.sigstore.dev/v1beta1";

    #[test]
    fn what_a_policy_asks_for_survives_both_ways() {
        let object = json!({
            "apiVersion": ALPHA, "kind": "ClusterImagePolicy",
            "metadata": {"name": "x", "managedFields": [{"manager": "kubectl"}]},
            "spec": {"mode": "warn", "images": [{"glob": "**"}], "authorities": [
                {"name": "a", "key": {"data": "k"}, "ctlog": {}},
                {"name": "b", "key": {"data": "k"}, "ctlog": {"trustRootRef": "t"}, "rfc3161timestamp": {}},
                {"name": "c", "key": {"data": "k"}, "rfc3161timestamp": {"trustRootRef": ""}, "newField": 1},
            ]},
            "status": {"observedGeneration": 3},
        });
        let beta = convert(object.clone(), BETA).unwrap();
        assert_eq!(beta["apiVersion"], BETA);
        assert_eq!(beta["spec"], object["spec"]);
        assert_eq!(convert(beta, ALPHA).unwrap(), object);
    }

    #[test]
    fn defaults_are_filled_in() {
        let object = json!({"apiVersion": BETA, "kind": "ClusterImagePolicy", "spec": {"authorities": [{"key": {}}]}});
        let spec = json!({"mode": "enforce", "authorities": [{"name": "authority-0", "key": {}}]});
        assert_eq!(convert(object, ALPHA).unwrap()["spec"], spec);
    }

    #[test]
    fn other_kinds_and_versions_are_refused() {
        let object = |version: &str, kind: &str| json!({"apiVersion": version, "kind": kind});
        for (version, kind) in [("v1", "ClusterImagePolicy"), (ALPHA, "TrustRoot"), ("other.dev/v1alpha1", KIND)] {
            let refused = convert(object(version, kind), BETA);
            assert!(matches!(refused, Err(ConversionError::Kind { .. })), "{version} {kind}");
        }
        assert!(matches!(convert(json!([]), BETA), Err(ConversionError::Kind { .. })));
        for wanted in ["", "v1beta1", "policy.sigstore.dev/v1", "policy.sigstore.dev/v1beta1/x"] {
            let refused = convert(object(ALPHA, KIND), wanted);
            assert_eq!(refused, Err(ConversionError::Version { wanted: wanted.to_owned() }));
        }
    }
}
