//! Where the real cosign is.

use std::path::{Path, PathBuf};

/// cosign 3.1: `SIGWARD_COSIGN`, or what `.ci/parts` brought.
pub(crate) fn cosign_3() -> Option<PathBuf> {
    std::env::var_os("SIGWARD_COSIGN").map(PathBuf::from).or_else(|| part("cosign-3"))
}

/// What `.ci/parts` brought, or a line that says that it is not there.
pub(crate) fn part(name: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let parts = std::env::var_os("SIGWARD_PARTS").map_or_else(|| PathBuf::from("target/parts"), PathBuf::from);
    let folder = workspace.join(parts).join(name);
    // Written last: a part without it is not whole.
    if folder.join("version").is_file() {
        return Some(folder.join("usr/bin/cosign"));
    }
    println!("skipped: {} is not there; .ci/parts brings it", folder.display());
    None
}
