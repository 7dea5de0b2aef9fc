//! What is told of a denial, for whoever writes Kubernetes Events.

use serde_json::Value;

use crate::review::Request;
use crate::workload::Workload;

/// A denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenialEvent {
    /// The object's namespace.
    pub namespace: String,
    /// The object's kind.
    pub kind: &'static str,
    /// The object's API version.
    pub api_version: String,
    /// The object's name; empty where the API server is to make one.
    pub name: String,
    /// What a made name begins with.
    pub generate_name: String,
    /// The object's uid; empty where it has none yet.
    pub uid: String,
    /// What owns the object, as it says.
    pub owner_references: Value,
    /// The policies that deny.
    pub policies: Vec<String>,
    /// The reason codes.
    pub codes: Vec<&'static str>,
    /// What the user reads.
    pub message: String,
    /// Whether nothing would have been stored: then nothing is to be written either.
    pub dry_run: bool,
}

impl DenialEvent {
    /// The denial of an object.
    pub fn of(
        workload: &Workload<'_>,
        request: &Request,
        policies: Vec<String>,
        codes: &[&'static str],
        message: &str,
    ) -> Self {
        let metadata = workload.object.get("metadata").unwrap_or(&Value::Null);
        let text = |field: &str| metadata.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            namespace: workload.namespace.clone(),
            kind: workload.kind.name(),
            api_version: workload.api_version.clone(),
            name: workload.name.clone(),
            generate_name: text("generateName"),
            uid: text("uid"),
            owner_references: metadata.get("ownerReferences").cloned().unwrap_or(Value::Null),
            policies,
            codes: codes.to_vec(),
            message: message.to_owned(),
            dry_run: request.dry_run,
        }
    }
}
