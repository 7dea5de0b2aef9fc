//! The public instances as they were published in August 2026, where the shared fixtures are there.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "reads fixtures, says when there are none")]

mod mint;

use std::path::PathBuf;

use jiff::Timestamp;
use sigward_trust::embedded::{EmbeddedRoot, PRODUCTION, STAGING};
use sigward_trust::limits::Limits;
use sigward_trust::tuf::{CachedFiles, Refreshed, Start, TRUSTED_ROOT, load_cached};

fn published(instance: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/fixtures/trust-roots")
        .join(instance)
        .join("tuf-published");
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

fn refresh(folder: &std::path::Path, root: Vec<u8>, name: &str, now: &str) -> Refreshed {
    let start = Start {
        root,
        cached: CachedFiles::default(),
        mirror: mint::MIRROR.to_owned(),
        targets_url: None,
        names: vec![name.to_owned()],
        now: now.parse().unwrap(),
        limits: Limits::default(),
    };
    let serve = |path: &str| match std::fs::read(folder.join(path)) {
        Ok(bytes) => (200, bytes),
        Err(_) => (404, Vec::new()),
    };
    mint::walk_with(start, serve).0.unwrap()
}

fn check(instance: &str, embedded: EmbeddedRoot, newest_root: u64) {
    let Some(folder) = published(instance) else { return };
    let now = "2026-08-22T00:00:00Z";

    // From the very first root that has the present format on, over roots that have all expired.
    let first = std::fs::read(folder.join("5.root.json")).unwrap();
    let found = refresh(&folder, first.clone(), TRUSTED_ROOT, now);
    assert_eq!(found.root.version, newest_root);
    assert_eq!(found.target_files[TRUSTED_ROOT].bytes, embedded.trusted_root, "the embedded one was current then");

    // What was found is a cache that verifies offline.
    let cached = CachedFiles {
        roots: found.new_roots.iter().map(|(_, bytes)| bytes.clone()).collect(),
        timestamp: Some(found.timestamp.bytes.clone()),
        snapshot: Some(found.snapshot.bytes.clone()),
        targets: Some(found.targets.bytes.clone()),
        target_files: [(TRUSTED_ROOT.to_owned(), embedded.trusted_root.to_vec())].into(),
        ..CachedFiles::default()
    };
    let later: Timestamp = "2026-11-25T00:00:00Z".parse().unwrap();
    let trust = load_cached(&first, &cached, TRUSTED_ROOT, later).unwrap();
    assert_eq!(trust.root_version, newest_root);
    assert!(trust.expired.iter().any(|(role, _)| *role == "timestamp"));

    // The embedded root is newer than what was published then; its keys still signed it.
    let found = refresh(&folder, embedded.tuf_root.to_vec(), TRUSTED_ROOT, now);
    assert!(found.new_roots.is_empty());

    // npm's keys are behind the only delegation.
    let found = refresh(&folder, first, "registry.npmjs.org/keys.json", now);
    assert!(found.delegated.contains_key("registry.npmjs.org"));
}

#[test]
fn production() {
    check("prod", PRODUCTION, 15);
}

#[test]
fn staging() {
    check("staging", STAGING, 14);
}
