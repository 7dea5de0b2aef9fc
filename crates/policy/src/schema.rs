//! The custom resource definitions, made from the tables of fields in [`crate::cip`] and [`crate::trust_root`].
//!
//! As upstream's they say only which fields there are and of which types: what is required is told by the webhook, whose
//! texts say more than a schema's.

use serde_json::{Map, Value, json};

use crate::cip::{self, ClusterImagePolicy};
use crate::object::{Field, Property, Schema};
use crate::trust_root::{self, TrustRoot};

/// Where the API server finds the conversion webhook.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WebhookService<'a> {
    /// The Service's name.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
}

/// The path of the conversion webhook.
pub const CONVERSION_PATH: &str = "/resource-conversion";

/// The CustomResourceDefinition of ClusterImagePolicy. The authority of the webhook's certificate is added in the cluster.
pub fn cluster_image_policy(service: WebhookService<'_>) -> Value {
    let client = json!({"service": {"name": service.name, "namespace": service.namespace, "path": CONVERSION_PATH}});
    let conversion = json!({
        "strategy": "Webhook",
        "webhook": {"conversionReviewVersions": ["v1", "v1beta1"], "clientConfig": client},
    });
    let names = json!({
        "kind": cip::KIND, "listKind": "ClusterImagePolicyList", "plural": "clusterimagepolicies",
        "singular": "clusterimagepolicy", "categories": CATEGORIES, "shortNames": ["cip"],
    });
    let versions = cip::VERSIONS.iter().enumerate().map(|(at, name)| version::<ClusterImagePolicy>(name, at == 0));
    definition("clusterimagepolicies.policy.sigstore.dev", &names, &conversion, versions.collect())
}

/// The CustomResourceDefinition of TrustRoot.
pub fn trust_root() -> Value {
    let names = json!({
        "kind": trust_root::KIND, "listKind": "TrustRootList", "plural": "trustroots", "singular": "trustroot",
        "categories": CATEGORIES,
    });
    let versions = vec![version::<TrustRoot>("v1alpha1", true)];
    definition("trustroots.policy.sigstore.dev", &names, &json!({"strategy": "None"}), versions)
}

const CATEGORIES: [&str; 2] = ["all", "sigstore"];

fn definition(name: &str, names: &Value, conversion: &Value, versions: Vec<Value>) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {
            "group": cip::GROUP, "scope": "Cluster", "names": names, "conversion": conversion, "versions": versions,
        },
    })
}

/// One version. `apiVersion`, `kind` and `metadata` are the API server's own.
fn version<T: Field>(name: &str, is_stored: bool) -> Value {
    let Schema::Object(fields) = T::schema() else { return Value::Null };
    let own = fields.into_iter().filter(|field| matches!(field.name, "spec" | "status")).collect();
    json!({
        "name": name, "served": true, "storage": is_stored, "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema(&Schema::Object(own))},
    })
}

fn schema(of: &Schema) -> Value {
    match of {
        Schema::Text => json!({"type": "string"}),
        Schema::Boolean => json!({"type": "boolean"}),
        Schema::Integer => json!({"type": "integer", "format": "int64"}),
        Schema::List(items) => json!({"type": "array", "items": schema(items)}),
        Schema::Free => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        Schema::Object(fields) => object(fields),
    }
}

fn object(fields: &[Property]) -> Value {
    let property = |field: &Property| {
        let mut found = schema(&field.schema);
        if let Some(found) = found.as_object_mut() {
            found.insert("description".into(), field.description.into());
        }
        (field.name.to_owned(), found)
    };
    let properties: Map<String, Value> = fields.iter().map(property).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut object = json!({"type": "object", "properties": properties});
    if let Some(object) = object.as_object_mut().filter(|_| !required.is_empty()) {
        object.insert("required".into(), required.into());
    }
    object
}
