//! Status conditions of policies and trust roots, as upstream has them (policy-controller.md §1.2, §1.3).

use jiff::Timestamp;
use serde_json::{Value, json};

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Keys and certificates: found and readable.
    pub(crate) keys: Result<(), String>,
    /// Policies in CUE and Rego: found. A trust root has none.
    pub(crate) policies: Option<Result<(), String>>,
    /// Written to the ConfigMap that others read.
    pub(crate) published: Result<(), String>,
}

/// A merge patch for the `status` sub-resource; none if the object says so already. A condition keeps its time while its
/// status stays.
pub(crate) fn change_of_status(object: &Value, outcome: &Outcome, now: Timestamp) -> Option<Value> {
    let old = object.pointer("/status/conditions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut parts = vec![("KeysInlined", "InliningKeysFailed", &outcome.keys)];
    parts.extend(outcome.policies.as_ref().map(|it| ("PoliciesInlined", "InliningPoliciesFailed", it)));
    parts.push(("ConfigMapUpdated", "UpdatingConfigMap", &outcome.published));
    let failed = parts.iter().find_map(|(_, reason, result)| Some((*reason, result.as_ref().err()?)));

    let mut conditions: Vec<_> = parts
        .iter()
        .map(|(name, reason, result)| {
            condition(name, result.as_ref().err().map(|message| (*reason, message)), old, now)
        })
        .collect();
    conditions.push(condition("Ready", failed, old, now));
    conditions.sort_by(|a, b| a["type"].as_str().cmp(&b["type"].as_str()));

    let generation = object.pointer("/metadata/generation").cloned().unwrap_or(Value::Null);
    let is_same = old == conditions && object.pointer("/status/observedGeneration") == Some(&generation);
    (!is_same).then(|| json!({"status": {"observedGeneration": generation, "conditions": conditions}}))
}

fn condition(name: &str, failure: Option<(&str, &String)>, old: &[Value], now: Timestamp) -> Value {
    let status = if failure.is_some() { "False" } else { "True" };
    let before = old.iter().find(|it| it["type"] == name && it["status"] == status);
    let since = before.and_then(|it| it.get("lastTransitionTime")?.as_str()).map(str::to_owned);
    let mut condition = json!({
        "type": name,
        "status": status,
        "lastTransitionTime": since.unwrap_or_else(|| format!("{now:.0}")),
    });
    if let (Some((reason, message)), Value::Object(fields)) = (failure, &mut condition) {
        fields.insert("reason".to_owned(), json!(reason));
        fields.insert("message".to_owned(), json!(message));
    }
    condition
}

/// A merge patch that takes policy-controller's finalizer away; none if the object has none of it. Nobody else would: a
/// deletion would then wait for ever. This controller needs no finalizers, since it keeps nothing that must be cleaned up.
pub(crate) fn change_of_finalizers(object: &Value) -> Option<Value> {
    let finalizers = object.pointer("/metadata/finalizers")?.as_array()?;
    let is_upstreams =
        |it: &Value| it == "clusterimagepolicies.policy.sigstore.dev" || it == "trustroots.policy.sigstore.dev";
    let kept: Vec<_> = finalizers.iter().filter(|it| !is_upstreams(it)).collect();
    let version = object.pointer("/metadata/resourceVersion");
    (kept.len() < finalizers.len()).then(|| json!({"metadata": {"finalizers": kept, "resourceVersion": version}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn good() -> Outcome {
        Outcome { keys: Ok(()), policies: Some(Ok(())), published: Ok(()) }
    }

    fn with_status(patch: &Value) -> Value {
        json!({"metadata": {"generation": 3}, "status": patch["status"]})
    }

    #[test]
    fn a_good_policy_is_ready() {
        let patch = change_of_status(&json!({"metadata": {"generation": 3}}), &good(), time(0)).unwrap();
        let types: Vec<_> = patch["status"]["conditions"].as_array().unwrap().iter().map(|it| &it["type"]).collect();
        assert_eq!(types, ["ConfigMapUpdated", "KeysInlined", "PoliciesInlined", "Ready"]);
        assert_eq!(patch["status"]["observedGeneration"], 3);
        assert_eq!(patch["status"]["conditions"][3]["status"], "True");
        assert_eq!(patch["status"]["conditions"][3]["lastTransitionTime"], "1970-01-01T00:00:00Z");
        // Nothing new: nothing is written, or each write would call for the next.
        assert_eq!(change_of_status(&with_status(&patch), &good(), time(60)), None);
    }

    #[test]
    fn a_failure_is_told_with_its_reason_and_makes_it_not_ready() {
        let first = change_of_status(&json!({"metadata": {"generation": 3}}), &good(), time(0)).unwrap();
        let bad = Outcome { policies: Some(Err("no such key".into())), ..good() };
        let patch = change_of_status(&with_status(&first), &bad, time(60)).unwrap();
        let conditions = &patch["status"]["conditions"];
        assert_eq!(conditions[2]["reason"], "InliningPoliciesFailed");
        assert_eq!(conditions[3]["status"], "False");
        assert_eq!(conditions[3]["message"], "no such key");
        // Only what changed has a new time.
        assert_eq!(conditions[1]["lastTransitionTime"], "1970-01-01T00:00:00Z");
        assert_eq!(conditions[3]["lastTransitionTime"], "1970-01-01T00:01:00Z");
    }

    #[test]
    fn a_new_generation_is_observed() {
        let mut object =
            with_status(&change_of_status(&json!({"metadata": {"generation": 3}}), &good(), time(0)).unwrap());
        object["metadata"]["generation"] = json!(4);
        assert_eq!(change_of_status(&object, &good(), time(9)).unwrap()["status"]["observedGeneration"], 4);
    }

    #[test]
    fn a_trust_root_has_no_policies() {
        let outcome = Outcome { policies: None, ..good() };
        let patch = change_of_status(&json!({}), &outcome, time(0)).unwrap();
        assert_eq!(patch["status"]["conditions"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn only_upstreams_finalizers_go() {
        let object = |finalizers: Value| json!({"metadata": {"finalizers": finalizers, "resourceVersion": "5"}});
        let upstreams = "clusterimagepolicies.policy.sigstore.dev";
        let patch = change_of_finalizers(&object(json!(["mine", upstreams]))).unwrap();
        assert_eq!(patch, json!({"metadata": {"finalizers": ["mine"], "resourceVersion": "5"}}));
        assert_eq!(change_of_finalizers(&object(json!(["mine"]))), None);
        assert_eq!(change_of_finalizers(&json!({})), None);
    }
}
