//! A trusted root, and evidence judged by what it says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigward_fuzz::{REKOR1, strict, verify};
use sigward_verify::{CertificateAuthority, Input, TrustMaterial};

fuzz_target!(|json: &[u8]| {
    let _ = CertificateAuthority::from_pem(json, Input::Certificate);
    if let Ok(material) = TrustMaterial::from_trusted_root(json) {
        let entity = REKOR1.entity();
        verify(&entity, &material, &strict(&entity));
    }
});
