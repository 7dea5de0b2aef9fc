//! Policies over verified evidence. Pure: a policy, a document and `now` go in, a verdict comes out. No file, socket, clock
//! or environment is reachable from here, and what a policy may cost is counted in steps.
//!
//! [`cip`] and [`trust_root`] are the resources that people write. [`rego`] evaluates Rego as policy-controller and cosign
//! do with OPA.

pub mod cip;
pub mod config;
pub mod field_error;
pub mod glob;
mod go;
pub mod limits;
pub mod matching;
pub mod object;
pub mod publish;
pub mod rego;
pub mod schema;
pub mod trust_root;
