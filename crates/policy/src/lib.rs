//! Policies over verified evidence. Pure: a policy, a document and `now` go in, a verdict comes out. No file, socket, clock
//! or environment is reachable from here, and what a policy may cost is counted in steps.
//!
//! [`cip`] and [`trust_root`] are the resources that people write. [`rego`] evaluates Rego as policy-controller and cosign
//! do with OPA.
//!
//! A review has three beats: [`resolve`] makes policies of resources once, [`plan`] says what is to be asked about an image,
//! somebody else gathers the evidence, and [`decide`] makes a verdict of it.

pub mod cip;
pub mod config;
pub mod decide;
pub mod field_error;
pub mod glob;
mod go;
pub mod limits;
pub mod matching;
pub mod object;
pub mod plan;
mod predicate;
pub mod publish;
mod reason;
pub mod rego;
pub mod resolve;
pub mod schema;
pub mod trust_root;

pub use predicate::predicate_uri;
pub use reason::Reason;
