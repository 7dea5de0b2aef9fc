//! A whole bundle, of any version, against the public trust root.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigward_fuzz::{REKOR1, verify_all};
use sigward_verify::{ChainPolicy, bundle};

fuzz_target!(|json: &[u8]| {
    if let Ok(entity) = bundle::parse(json, ChainPolicy::Allow) {
        verify_all(&entity, &REKOR1.material);
    }
});
