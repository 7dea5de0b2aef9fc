//! What the API server must know to call the controller: whom to trust (`caBundle`), and, where an installation left them
//! out, for which objects to call. Whatever else somebody wrote into a webhook configuration stays: narrowed rules too.

use serde_json::{Map, Value, json};

use super::client::ApiKind;
use super::config::ClusterConfig;

/// A webhook configuration that is looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Webhook {
    /// Tags become digests.
    Mutations,
    /// Policies.
    Validations,
    /// Defaults of policies and trust roots.
    Defaulting,
    /// Checks of policies and trust roots.
    Validating,
}

impl Webhook {
    pub(crate) const ALL: [Self; 4] = [Self::Mutations, Self::Validations, Self::Defaulting, Self::Validating];

    pub(crate) fn kind(self) -> ApiKind {
        match self {
            Self::Mutations | Self::Defaulting => ApiKind::MutatingWebhookConfiguration,
            Self::Validations | Self::Validating => ApiKind::ValidatingWebhookConfiguration,
        }
    }

    /// The name of its configuration.
    pub(crate) fn configuration(self, config: &ClusterConfig) -> &str {
        match self {
            Self::Mutations | Self::Validations => &config.webhooks.workloads,
            Self::Defaulting => &config.webhooks.defaulting,
            Self::Validating => &config.webhooks.validating,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Mutations => "/mutations",
            Self::Validations => "/validations",
            Self::Defaulting => "/defaulting",
            Self::Validating => "/validating",
        }
    }

    /// The rules of a webhook that has none.
    fn rules(self) -> Value {
        match self {
            Self::Mutations | Self::Validations => json!([
                rule("", &["v1"], &["pods", "pods/ephemeralcontainers"], "Namespaced"),
                rule("apps", &["v1"], &["daemonsets", "deployments", "replicasets", "statefulsets"], "Namespaced"),
                rule("batch", &["v1"], &["cronjobs", "jobs"], "Namespaced"),
            ]),
            Self::Defaulting | Self::Validating => json!([
                rule("policy.sigstore.dev", &["v1alpha1", "v1beta1"], &["clusterimagepolicies"], "Cluster"),
                rule("policy.sigstore.dev", &["v1alpha1"], &["trustroots"], "Cluster"),
            ]),
        }
    }

    /// Whether these rules are the ones that policy-controller writes by itself for workloads (policy-controller.md §1.8).
    /// They ask about the status of workloads, which names no images, and do not ask about ephemeral containers when tags
    /// become digests; nobody chose them.
    fn are_upstreams(self, rules: &[Value]) -> bool {
        let Self::Mutations = self else { return false };
        let mut resources: Vec<&str> = Vec::new();
        for rule in rules {
            let named = rule.get("resources").and_then(Value::as_array).into_iter().flatten();
            resources.extend(named.filter_map(Value::as_str));
        }
        resources.sort_unstable();
        resources.dedup();
        resources == UPSTREAM_MUTATED
    }
}

/// Sorted.
const UPSTREAM_MUTATED: [&str; 14] = [
    "cronjobs",
    "cronjobs/status",
    "daemonsets",
    "daemonsets/status",
    "deployments",
    "deployments/status",
    "jobs",
    "jobs/status",
    "pods",
    "pods/status",
    "replicasets",
    "replicasets/status",
    "statefulsets",
    "statefulsets/status",
];

fn rule(group: &str, versions: &[&str], resources: &[&str], scope: &str) -> Value {
    json!({
        "apiGroups": [group],
        "apiVersions": versions,
        "operations": ["CREATE", "UPDATE"],
        "resources": resources,
        "scope": scope,
    })
}

/// The Service in front of the replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServiceName<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

impl ServiceName<'_> {
    /// Whether a `clientConfig` leads here.
    fn is_called_by(self, client_config: &Value) -> bool {
        let text = |path: &str| client_config.pointer(path).and_then(Value::as_str);
        text("/service/namespace") == Some(self.namespace) && text("/service/name") == Some(self.name)
    }
}

/// A strategic merge patch (webhooks are merged by name) that makes a configuration right; none if it is.
pub(crate) fn change_of_configuration(
    webhook: Webhook,
    configuration: &Value,
    service: ServiceName<'_>,
    authorities: &str,
) -> Option<Value> {
    let webhooks = configuration.get("webhooks").and_then(Value::as_array).into_iter().flatten();
    let changed: Vec<_> = webhooks.filter_map(|entry| change_of_entry(webhook, entry, service, authorities)).collect();
    (!changed.is_empty()).then(|| json!({"webhooks": changed}))
}

fn change_of_entry(webhook: Webhook, entry: &Value, service: ServiceName<'_>, authorities: &str) -> Option<Value> {
    let client_config = entry.get("clientConfig").filter(|it| service.is_called_by(it))?;
    let mut change = Map::new();
    if !trusts(client_config, authorities) {
        change.insert("clientConfig".to_owned(), json!({"caBundle": encoded(authorities)}));
    }
    if client_config.pointer("/service/path").and_then(Value::as_str).is_none_or(|path| path == "/") {
        let config = change.entry("clientConfig").or_insert_with(|| json!({}));
        merge(
            config,
            json!({"service": {"namespace": service.namespace, "name": service.name, "path": webhook.path()}}),
        );
    }
    let rules = entry.get("rules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if rules.is_empty() || webhook.are_upstreams(rules) {
        change.insert("rules".to_owned(), webhook.rules());
    }
    if change.is_empty() {
        return None;
    }
    change.insert("name".to_owned(), entry.get("name")?.clone());
    Some(Value::Object(change))
}

/// A JSON merge patch for a CustomResourceDefinition whose conversion this controller does; none if it is right, or
/// somebody else's.
pub(crate) fn change_of_definition(definition: &Value, service: ServiceName<'_>, authorities: &str) -> Option<Value> {
    let conversion = definition.pointer("/spec/conversion")?;
    if conversion.get("strategy").and_then(Value::as_str) != Some("Webhook") {
        return None;
    }
    let client_config = conversion.pointer("/webhook/clientConfig").filter(|it| service.is_called_by(it))?;
    let mut change = Map::new();
    if !trusts(client_config, authorities) {
        change.insert("caBundle".to_owned(), json!(encoded(authorities)));
    }
    if client_config.pointer("/service/path").and_then(Value::as_str) != Some("/resource-conversion") {
        change.insert("service".to_owned(), json!({"path": "/resource-conversion"}));
    }
    (!change.is_empty()).then(|| json!({"spec": {"conversion": {"webhook": {"clientConfig": change}}}}))
}

fn trusts(client_config: &Value, authorities: &str) -> bool {
    client_config.get("caBundle").and_then(Value::as_str) == Some(&encoded(authorities))
}

fn encoded(authorities: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(authorities)
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: ServiceName<'static> = ServiceName { namespace: "cosign-system", name: "webhook" };

    fn entry(rules: Value, ca_bundle: Option<&str>) -> Value {
        json!({
            "name": "policy.sigstore.dev",
            "clientConfig": {
                "service": {"namespace": "cosign-system", "name": "webhook", "path": "/mutations"},
                "caBundle": ca_bundle,
            },
            "rules": rules,
        })
    }

    fn changed(webhook: Webhook, entries: &[Value]) -> Option<Value> {
        change_of_configuration(webhook, &json!({"webhooks": entries}), SERVICE, "PEM")
    }

    fn pods_only() -> Value {
        json!([rule("", &["v1"], &["pods"], "Namespaced")])
    }

    #[test]
    fn only_the_bundle_changes_where_rules_were_narrowed() {
        let change = changed(Webhook::Mutations, &[entry(pods_only(), Some("b2xk"))]).unwrap();
        let expected = json!({"name": "policy.sigstore.dev", "clientConfig": {"caBundle": "UEVN"}});
        assert_eq!(change, json!({"webhooks": [expected]}));
        assert_eq!(changed(Webhook::Mutations, &[entry(pods_only(), Some("UEVN"))]), None);
    }

    #[test]
    fn a_webhook_without_rules_gets_them() {
        for webhook in Webhook::ALL {
            let change = changed(webhook, &[entry(json!([]), Some("UEVN"))]).unwrap();
            assert_eq!(change["webhooks"][0]["rules"], webhook.rules());
            assert!(!webhook.rules().to_string().contains("status"));
        }
        assert!(Webhook::Mutations.rules().to_string().contains("pods/ephemeralcontainers"));
    }

    #[test]
    fn rules_that_policy_controller_wrote_are_replaced() {
        let rules = json!([
            rule("apps", &["v1"], &UPSTREAM_MUTATED, "*"),
            rule("batch", &["v1beta1"], &["cronjobs", "cronjobs/status"], "*"),
        ]);
        let change = changed(Webhook::Mutations, &[entry(rules.clone(), Some("UEVN"))]).unwrap();
        assert_eq!(change["webhooks"][0]["rules"], Webhook::Mutations.rules());
        assert_eq!(changed(Webhook::Validations, &[entry(rules, Some("UEVN"))]), None);
    }

    #[test]
    fn a_webhook_of_somebody_else_is_left_alone() {
        let mut other = entry(json!([]), None);
        other["clientConfig"]["service"]["name"] = json!("other");
        assert_eq!(changed(Webhook::Mutations, &[other, json!({"clientConfig": {"url": "https://x"}})]), None);
        assert_eq!(changed(Webhook::Mutations, &[json!(null), json!({"clientConfig": 1})]), None);
    }

    #[test]
    fn a_missing_path_is_filled_in() {
        let mut without = entry(pods_only(), Some("UEVN"));
        without["clientConfig"]["service"]["path"] = Value::Null;
        let change = changed(Webhook::Validations, &[without]).unwrap();
        assert_eq!(change["webhooks"][0]["clientConfig"]["service"]["path"], "/validations");
    }

    #[test]
    fn the_definition_gets_the_bundle_only_when_conversion_leads_here() {
        let definition = |strategy, name| {
            json!({"spec": {"conversion": {"strategy": strategy, "webhook": {"clientConfig": {
                "service": {"namespace": "cosign-system", "name": name, "path": "/resource-conversion"},
            }}}}})
        };
        let change = change_of_definition(&definition("Webhook", "webhook"), SERVICE, "PEM").unwrap();
        assert_eq!(change, json!({"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": "UEVN"}}}}}));
        assert_eq!(change_of_definition(&definition("None", "webhook"), SERVICE, "PEM"), None);
        assert_eq!(change_of_definition(&definition("Webhook", "other"), SERVICE, "PEM"), None);
        assert_eq!(change_of_definition(&json!({"spec": {}}), SERVICE, "PEM"), None);
    }
}
