//! TrustRoot, `policy.sigstore.dev/v1alpha1` (specs/policy-controller.md §1.3).

mod archive;
mod content;
mod defaults;
mod keys;
mod legacy;
mod types;
mod validation;

pub use archive::ArchiveFault;
pub use content::{TrustRootContent, TrustRootError, TrustRootInquiry, TrustRootPlan, plan, read_published};
pub use defaults::{defaulting_patch, set_defaults};
pub use types::*;
pub use validation::validate;
