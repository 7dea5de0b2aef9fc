//! What became of policies and trust roots, for those who look at the cluster and not into the controller.

use std::collections::BTreeMap;

use super::status::Outcome;

/// What the leader writes down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// By the name of the ClusterImagePolicy.
    pub(crate) policies: BTreeMap<String, Told>,
    /// By the name of the TrustRoot.
    pub(crate) trust_roots: BTreeMap<String, Told>,
}

/// What became of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Whether its keys and certificates could be had.
    pub(crate) keys: Result<(), String>,
    /// Whether its policies could be had; a trust root has none.
    pub(crate) policies: Option<Result<(), String>>,
    /// Its entry in the ConfigMap that others read; none while it is broken and never was whole.
    pub(crate) entry: Option<String>,
}

impl Told {
    pub(crate) fn outcome(&self, published: &Result<(), String>) -> Outcome {
        Outcome { keys: self.keys.clone(), policies: self.policies.clone(), published: published.clone() }
    }
}
