//! Policies over verified evidence. Pure: a policy, a document and `now` go in, a verdict comes out. No file, socket, clock
//! or environment is reachable from here, and what a policy may cost is counted in steps.
//!
//! [`rego`] evaluates Rego as policy-controller and cosign do with OPA.

pub mod limits;
pub mod rego;
