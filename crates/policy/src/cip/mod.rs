//! ClusterImagePolicy, `policy.sigstore.dev/v1alpha1` and `v1beta1` (specs/policy-controller.md §1.2).

mod types;

pub use types::*;
