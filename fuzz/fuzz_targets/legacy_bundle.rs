//! cosign's older bundle, and what it stores in files: signatures, certificates, envelopes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigward_fuzz::{REKOR1, verify_all};
use sigward_verify::{SignedEntity, SignerMaterial, bundle, parse_certificate_file, parse_signature};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entity) = bundle::parse_legacy(bytes) {
        verify_all(&entity, &REKOR1.material);
    }
    if let Ok(entity) = SignedEntity::detached_envelope(bytes, REKOR1.entity().signer().clone()) {
        verify_all(&entity, &REKOR1.material);
    }
    if let Ok(leaf) = parse_certificate_file(bytes) {
        let signer = SignerMaterial::Certificate { leaf: Box::new(leaf), chain: Vec::new() };
        verify_all(&SignedEntity::detached(parse_signature(bytes), signer), &REKOR1.material);
    }
});
