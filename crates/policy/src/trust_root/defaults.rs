//! What is filled in where a TrustRoot says nothing (specs/policy-controller.md §1.4).

use serde_json::Value;

use super::types::TrustRoot;
use crate::object::{DecodeError, PatchOperation, from_value, json_patch};

/// The folder of the targets.
const TARGETS: &str = "targets";

/// Fills in the folder of the targets.
pub fn set_defaults(trust_root: &mut TrustRoot) {
    let spec = &mut trust_root.spec;
    let remote = spec.remote.as_mut().map(|remote| &mut remote.targets);
    let repository = spec.repository.as_mut().map(|repository| &mut repository.targets);
    for targets in [remote, repository].into_iter().flatten().filter(|targets| targets.is_empty()) {
        *targets = TARGETS.to_owned();
    }
}

/// The patch that fills in a TrustRoot as it was submitted.
///
/// # Errors
/// [`DecodeError`] if the object is no TrustRoot.
pub fn defaulting_patch(submitted: &Value) -> Result<Vec<PatchOperation>, DecodeError> {
    from_value::<TrustRoot>(submitted.clone())?;
    let mut filled = submitted.clone();
    for path in ["/spec/remote", "/spec/repository"] {
        if let Some(source) = filled.pointer_mut(path).and_then(Value::as_object_mut)
            && source.get(TARGETS).is_none_or(|targets| targets.is_null() || targets == "")
        {
            source.insert(TARGETS.to_owned(), TARGETS.into());
        }
    }
    Ok(json_patch(submitted, &filled))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_folder_of_the_targets_is_filled_in() {
        for (spec, expected) in [
            (json!({"remote": {}}), json!([{"op": "add", "path": "/spec/remote/targets", "value": "targets"}])),
            (
                json!({"repository": {"targets": ""}}),
                json!([{"op": "replace", "path": "/spec/repository/targets", "value": "targets"}]),
            ),
            (json!({"remote": {"targets": "x"}}), json!([])),
            (json!({"sigstoreKeys": {}}), json!([])),
        ] {
            let object = json!({"spec": spec});
            let patch = serde_json::to_value(defaulting_patch(&object).unwrap()).unwrap();
            assert_eq!(patch, expected);
            let mut typed: TrustRoot = from_value(object).unwrap();
            set_defaults(&mut typed);
            let spec = &typed.spec;
            let filled = spec.remote.as_ref().map(|r| &r.targets).or(spec.repository.as_ref().map(|r| &r.targets));
            assert!(filled.is_none_or(|targets| targets == "targets" || targets == "x"));
        }
        assert_eq!(
            defaulting_patch(&json!({"spec": {"remot": {}}})),
            Err(DecodeError::UnknownField { name: "remot".into() })
        );
    }
}
