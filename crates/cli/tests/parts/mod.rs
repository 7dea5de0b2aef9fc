//! Programs from outside that Sigward is compared with: a registry and two cosigns. `.ci/parts` brings them; where one is
//! not there, its tests say so and are skipped.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests; not every one uses everything"
)]

pub mod judge;
pub mod registry;

use std::path::{Path, PathBuf};

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Debian's docker-registry 2.8: no referrers API.
    pub registry: PathBuf,
    /// Debian's cosign 2.5.
    pub cosign_2: PathBuf,
    /// Debian's cosign 3.1.
    pub cosign_3: PathBuf,
}

impl Parts {
    /// All of them, or a line that says what is missing.
    pub fn find() -> Option<Self> {
        let program = |part: &str, program: &str| {
            let folder = folder().join(part);
            // Written last: a part without it is not whole.
            if folder.join("version").is_file() {
                return Some(folder.join("usr/bin").join(program));
            }
            println!("skipped: {} is not there; .ci/parts brings it", folder.display());
            None
        };
        Some(Self {
            registry: program("docker-registry", "docker-registry")?,
            cosign_2: program("cosign-2", "cosign")?,
            cosign_3: program("cosign-3", "cosign")?,
        })
    }
}

fn folder() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let named = std::env::var_os("SIGWARD_PARTS").map_or_else(|| PathBuf::from("target/parts"), PathBuf::from);
    // A test runs in its crate's folder, whoever sets the variable in the workspace's.
    workspace.join(named)
}
