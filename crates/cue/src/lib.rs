//! CUE for policies: a policy is compiled, unified with a JSON document, and validated, as CUE v0.15.4 does it. Pure: no
//! file, socket, clock or environment is reachable from here, and what an evaluation may cost is counted.
//!
//! There are three outcomes. What is not supported, or exceeds a limit, is never guessed: it has no verdict, and denies.
//!
//! ```
//! use sigward_cue::{Mode, Outcome, Policy};
//!
//! let policy = Policy::compile(r#"kind: "Pod", spec: replicas?: <5"#)?;
//! assert_eq!(policy.check(r#"{"kind": "Pod"}"#, Mode::Default), Outcome::Accept);
//! assert!(matches!(policy.check(r#"{"kind": "Job"}"#, Mode::Default), Outcome::Reject { .. }));
//! # Ok::<(), sigward_cue::CompileError>(())
//! ```

pub mod builtins;
mod compile;
mod eval;
mod expr;
pub mod inspect;
mod json;
pub mod kind;
mod label;
pub mod limits;
pub mod lint;
mod loops;
pub mod number;
mod policy;
mod references;
pub mod strict;
mod syntax;
pub mod tree;

pub use policy::{CompileError, Mode, Outcome, Policy, compile};
pub use strict::Strictness;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
