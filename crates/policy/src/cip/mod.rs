//! ClusterImagePolicy, `policy.sigstore.dev/v1alpha1` and `v1beta1` (specs/policy-controller.md §1.2).

mod conversion;
mod defaults;
mod types;
mod validation;

pub use conversion::{ConversionError, convert};
pub use defaults::{defaulting_patch, set_defaults};
pub use types::*;
pub(crate) use validation::{NOT_HTTPS, beside_static, inputs_of_object, validate_matches};
pub use validation::{ValidationContext, validate};
