//! Whether an update changes anything that is judged. If not, nobody is asked: a registry that is down must not stand in
//! the way of a label, nor of a controller that takes its finalizer away.
//!
//! Upstream judges every update, and lets everything pass that also takes replicas away
//! (`pkg/apis/duck/v1beta1/podscalable_types.go`): with the image changed in the same request, too. Here taking replicas
//! away is no excuse for anything else, and adding some is a change: more Pods are to run.

use serde_json::{Map, Value};

use super::Workload;

/// What of an object the policies in force look at, besides its images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Some `match` has a selector.
    pub labels: bool,
    /// Some policy has `includeObjectMeta`.
    pub metadata: bool,
    /// Some policy has `includeSpec`.
    pub spec: bool,
}

/// What the API server writes by itself, and what no policy may rest on.
const SERVER_FIELDS: [&str; 3] = ["managedFields", "resourceVersion", "generation"];

/// What changes while an object is being deleted.
const DELETION_FIELDS: [&str; 3] = ["deletionTimestamp", "deletionGracePeriodSeconds", "finalizers"];

/// Whether `new` would be judged as `old` was: all images and everything in `inputs` is equal, and nothing more is to run.
pub fn is_unchanged(old: &Workload<'_>, new: &Workload<'_>, inputs: Inputs) -> bool {
    old.kind == new.kind
        && old.api_version == new.api_version
        && old.namespace == new.namespace
        && old.images == new.images
        && !runs_more(old, new)
        && (!inputs.labels || labels(old) == labels(new))
        && (!inputs.metadata || metadata(old, new) == metadata(new, old))
        && (!inputs.spec || old.object.get("spec") == new.object.get("spec"))
}

fn runs_more(old: &Workload<'_>, new: &Workload<'_>) -> bool {
    match (old.replicas(), new.replicas()) {
        (Some(old), Some(new)) => new > old,
        // The API server always writes a number.
        (None, Some(_)) => true,
        (_, None) => new.kind.scales() && field(new.object, "spec", "replicas").is_some_and(|it| !it.is_null()),
    }
}

fn labels<'a>(workload: &'a Workload<'_>) -> Vec<(&'a str, &'a str)> {
    let mut labels: Vec<_> = workload.labels().collect();
    labels.sort_unstable();
    labels
}

/// The metadata that policies see, to be compared with that of `other`.
fn metadata<'a>(of: &'a Workload<'_>, other: &Workload<'_>) -> Vec<(&'a String, &'a Value)> {
    let is_deletion = of.is_terminating() && other.is_terminating();
    let is_left_out = |name: &str| SERVER_FIELDS.contains(&name) || (is_deletion && DELETION_FIELDS.contains(&name));
    fields(of.object, "metadata").filter(|(name, _)| !is_left_out(name)).collect()
}

fn fields<'a>(object: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    object.get(name).and_then(Value::as_object).into_iter().flatten()
}

fn field<'a>(object: &'a Map<String, Value>, name: &str, inner: &str) -> Option<&'a Value> {
    object.get(name)?.get(inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::review::{GroupVersionKind, Operation, Request};
    use crate::workload::kind_of;

    const ALL: Inputs = Inputs { labels: true, metadata: true, spec: true };
    const NONE: Inputs = Inputs { labels: false, metadata: false, spec: false };

    fn deployment() -> Value {
        json!({"kind": "Deployment", "apiVersion": "apps/v1",
            "metadata": {"name": "d", "namespace": "n", "labels": {"a": "b"}, "resourceVersion": "1", "finalizers": ["f"]},
            "spec": {"replicas": 2, "paused": false,
                "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}})
    }

    fn same(kind: (&str, &str, &str), old: &Value, new: &Value, inputs: Inputs) -> bool {
        let kind = GroupVersionKind { group: kind.0.into(), version: kind.1.into(), kind: kind.2.into() };
        let request = Request {
            kind: kind.clone(),
            sub_resource: String::new(),
            name: String::new(),
            namespace: "n".into(),
            operation: Operation::Update,
            object: Value::Null,
            old_object: Value::Null,
            dry_run: false,
        };
        let read = |object| Workload::read(kind_of(&kind).unwrap(), &request, object).unwrap();
        is_unchanged(&read(old), &read(new), inputs)
    }

    fn changed(change: impl FnOnce(&mut Value), inputs: Inputs) -> bool {
        let (old, mut new) = (deployment(), deployment());
        change(&mut new);
        !same(("apps", "v1", "Deployment"), &old, &new, inputs)
    }

    #[test]
    fn what_nobody_looks_at_may_change() {
        assert!(!changed(|_| {}, ALL));
        assert!(!changed(|it| it["metadata"]["labels"]["a"] = "c".into(), NONE));
        assert!(!changed(|it| it["metadata"]["annotations"] = json!({"a": "b"}), NONE));
        assert!(!changed(|it| it["spec"]["paused"] = true.into(), NONE));
        assert!(!changed(|it| it["metadata"]["resourceVersion"] = "2".into(), ALL));
        assert!(!changed(|it| it["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["x"]), NONE));
    }

    #[test]
    fn what_policies_look_at_is_judged() {
        assert!(changed(|it| it["spec"]["template"]["spec"]["containers"][0]["image"] = "j".into(), NONE));
        assert!(changed(|it| it["spec"]["template"]["spec"]["initContainers"] = json!([{"image": "i"}]), NONE));
        assert!(changed(|it| it["spec"]["template"]["spec"]["volumes"] = json!([{"image": {"reference": "i"}}]), NONE));
        assert!(changed(|it| it["metadata"]["labels"]["a"] = "c".into(), Inputs { labels: true, ..NONE }));
        assert!(changed(|it| it["metadata"]["annotations"] = json!({"a": "b"}), Inputs { metadata: true, ..NONE }));
        assert!(changed(|it| it["spec"]["paused"] = true.into(), Inputs { spec: true, ..NONE }));
    }

    /// Upstream takes fewer replicas for an excuse.
    #[test]
    fn image_changed_while_scaling_down() {
        assert!(!changed(|it| it["spec"]["replicas"] = 1.into(), NONE));
        assert!(changed(
            |it| {
                it["spec"]["replicas"] = 1.into();
                it["spec"]["template"]["spec"]["containers"][0]["image"] = "evil".into();
            },
            NONE
        ));
    }

    /// A policy may ask for two at least.
    #[test]
    fn attack_scaling_down_below_what_a_policy_wants() {
        assert!(changed(|it| it["spec"]["replicas"] = 1.into(), Inputs { spec: true, ..NONE }));
    }

    #[test]
    fn more_replicas_run_more() {
        assert!(changed(|it| it["spec"]["replicas"] = 3.into(), NONE));
        let (mut old, new) = (deployment(), deployment());
        old["spec"].as_object_mut().unwrap().remove("replicas");
        assert!(!same(("apps", "v1", "Deployment"), &old, &new, NONE));
        assert!(changed(|it| it["spec"]["replicas"] = "many".into(), NONE));
    }

    #[test]
    fn finalizers_go_while_an_object_is_deleted() {
        let mut old = deployment();
        old["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        let mut new = old.clone();
        new["metadata"]["finalizers"] = json!([]);
        assert!(same(("apps", "v1", "Deployment"), &old, &new, ALL));
        // The mark alone, which an attacker may set, is no excuse for another image.
        new["spec"]["template"]["spec"]["containers"][0]["image"] = "evil".into();
        assert!(!same(("apps", "v1", "Deployment"), &old, &new, NONE));
        assert!(changed(|it| it["metadata"]["finalizers"] = json!([]), ALL));
    }
}
