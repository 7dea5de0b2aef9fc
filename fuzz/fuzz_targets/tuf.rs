//! TUF metadata of every role, as an update meets it: a root after the pinned one, then what follows it.
#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use sigstore_tuf::TrustedMetadataSet;

/// The root that the client is born with.
static PINNED: LazyLock<TrustedMetadataSet> =
    LazyLock::new(|| TrustedMetadataSet::from_root(include_bytes!("../base/tuf_root.json")).expect("a valid root"));

fuzz_target!(|bytes: &[u8]| {
    let now = Timestamp::UNIX_EPOCH;
    if let Ok(mut set) = TrustedMetadataSet::from_root(bytes) {
        let _ = set.update_timestamp(bytes, now);
    }
    let mut set = PINNED.clone();
    let _ = set.update_root(bytes);
    let _ = set.update_timestamp(bytes, now);
    let _ = set.update_snapshot(bytes, now);
    let _ = set.update_targets(bytes, now);
});
