//! TrustRoot, `policy.sigstore.dev/v1alpha1` (specs/policy-controller.md §1.3).

mod types;

pub use types::*;
