//! An RFC 3161 timestamp response, in a bundle that is valid but for it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigward_fuzz::{TIMESTAMPED, strict, verify};
use sigward_verify::to_base64;

const PLACE: &str = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";

fuzz_target!(|der: &[u8]| {
    if let Some(entity) = TIMESTAMPED.with(PLACE, to_base64(der).into()) {
        verify(&entity, &TIMESTAMPED.material, &strict(&entity));
    }
});
