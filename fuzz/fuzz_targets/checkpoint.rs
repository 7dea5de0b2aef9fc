//! A checkpoint, in bundles of both logs that are valid but for it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigward_fuzz::{REKOR1, TIMESTAMPED, strict, verify};

const PLACE: &str = "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope";

fuzz_target!(|text: &str| {
    for base in [&*REKOR1, &*TIMESTAMPED] {
        if let Some(entity) = base.with(PLACE, text.into()) {
            verify(&entity, &base.material, &strict(&entity));
        }
    }
});
