//! Debian's `docker-registry`, as the tests of the command line start it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "shared with another crate's tests, which use more of it; a panic is a failed test"
)]

#[path = "../../../cli/tests/parts/registry.rs"]
pub mod registry;

use std::path::PathBuf;

/// What the registry's own module asks for.
#[derive(Debug)]
pub struct Parts {
    pub registry: PathBuf,
}
