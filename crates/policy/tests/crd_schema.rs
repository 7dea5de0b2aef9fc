//! The custom resource definitions: which fields there are, and of which types.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read files, and a panic is a failed test"
)]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sigward_policy::schema::{self, WebhookService};
use support::{policy_controller, yaml};

const SERVICE: WebhookService<'static> = WebhookService { name: "webhook", namespace: "cosign-system" };

/// The fields of a schema, one a line: the path, the type, and what else is said but descriptions.
fn facts(schema: &Value) -> BTreeSet<String> {
    fn walk(schema: &Value, path: &str, facts: &mut BTreeSet<String>) {
        let mut fact = format!("{path} {}", schema["type"].as_str().unwrap());
        for (name, value) in schema.as_object().unwrap() {
            if !matches!(name.as_str(), "type" | "description" | "properties" | "items") {
                let mut value = value.clone();
                if let Some(list) = value.as_array_mut() {
                    list.sort_by_key(Value::to_string);
                }
                fact.push_str(&format!(" {name}={value}"));
            }
        }
        facts.insert(fact);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            walk(property, &format!("{path}.{name}"), facts);
        }
        if let Some(items) = schema.get("items") {
            walk(items, &format!("{path}[]"), facts);
        }
    }
    let mut facts = BTreeSet::new();
    walk(schema, "", &mut facts);
    facts
}

fn schemas(definition: &Value) -> Vec<(String, BTreeSet<String>)> {
    let versions = definition["spec"]["versions"].as_array().unwrap();
    let one =
        |version: &Value| (version["name"].as_str().unwrap().to_owned(), facts(&version["schema"]["openAPIV3Schema"]));
    versions.iter().map(one).collect()
}

/// The definition without schemas, and without what is ours: the names of lists, the webhook's path, and the versions of
/// conversion reviews. Upstream names versions of its own kind there, of which the API server knows but one by chance.
fn envelope(definition: &Value) -> Value {
    let mut envelope = definition.clone();
    for version in envelope["spec"]["versions"].as_array_mut().unwrap() {
        version.as_object_mut().unwrap().remove("schema");
    }
    envelope["spec"]["names"].as_object_mut().unwrap().remove("listKind");
    if let Some(webhook) = envelope["spec"]["conversion"].get_mut("webhook") {
        webhook.as_object_mut().unwrap().remove("conversionReviewVersions");
        webhook["clientConfig"]["service"].as_object_mut().unwrap().remove("path");
    }
    envelope
}

#[test]
fn the_definitions_are_upstreams() {
    let Some(sources) = policy_controller() else { return };
    for (file, ours) in [
        ("300-clusterimagepolicy.yaml", schema::cluster_image_policy(SERVICE)),
        ("300-trustroot.yaml", schema::trust_root()),
    ] {
        let upstream = yaml(&std::fs::read_to_string(sources.join("config").join(file)).unwrap()).remove(0);
        assert_eq!(envelope(&ours), envelope(&upstream), "{file}");
        assert_eq!(schemas(&ours), schemas(&upstream), "{file}");
    }
}

/// A part of the same, which holds without upstream's files.
#[test]
fn the_fields_are_those_of_the_specification() {
    let policy = schema::cluster_image_policy(SERVICE);
    let versions = schemas(&policy);
    assert_eq!(versions.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["v1alpha1", "v1beta1"]);
    assert_eq!(versions[0].1, versions[1].1);
    let facts = &versions[0].1;
    assert_eq!(facts.len(), 105);
    for fact in [
        ".spec object",
        ".spec.images[].glob string",
        ".spec.match[].selector.matchLabels object x-kubernetes-preserve-unknown-fields=true",
        ".spec.match[].selector.matchExpressions[].values[] string",
        ".spec.authorities[].keyless.ca-cert.secretRef.namespace string",
        ".spec.authorities[].keyless.insecureIgnoreSCT boolean",
        ".spec.authorities[].rfc3161timestamp.trustRootRef string",
        ".spec.authorities[].source[].signaturePullSecrets[].name string",
        ".spec.authorities[].attestations[].policy.remote.sha256sum string",
        ".spec.policy.includeObjectMeta boolean",
        ".status.observedGeneration integer format=\"int64\"",
        ".status.conditions[] object required=[\"status\",\"type\"]",
    ] {
        assert!(facts.contains(fact), "{fact}");
    }
    let storage: Vec<_> = policy["spec"]["versions"].as_array().unwrap().iter().map(|v| v["storage"].clone()).collect();
    assert_eq!(storage, [json!(true), json!(false)]);
    let trust = schemas(&schema::trust_root()).remove(0).1;
    for fact in [
        ".spec.repository.mirrorFS string",
        ".spec.sigstoreKeys.certificateAuthorities[].subject.commonName string",
        ".spec.sigstoreKeys.ctLogs[].publicKey string",
    ] {
        assert!(trust.contains(fact), "{fact}");
    }
}

#[test]
fn each_field_says_what_it_means() {
    fn check(schema: &Value, path: &str) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            let description = property["description"].as_str().unwrap();
            assert!(description.len() > 5 && !description.starts_with(' '), "{path}: {description:?}");
            check(property, &path);
            if let Some(items) = property.get("items") {
                check(items, &path);
            }
        }
    }
    for definition in [schema::cluster_image_policy(SERVICE), schema::trust_root()] {
        check(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"], "");
    }
}
