//! CUE v0.15.4 for policies.

pub mod builtins;
pub mod kind;
pub mod limits;
pub mod number;
