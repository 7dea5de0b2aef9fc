//! A certificate: as a leaf, with its names; beside a valid leaf, as an issuer in its path; and as a bare key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigward_fuzz::{REKOR1, lenient, verify};
use sigward_verify::{Certificate, PublicKey, SignerMaterial};

fuzz_target!(|der: &[u8]| {
    let _ = PublicKey::from_spki(der);
    let _ = PublicKey::from_pkcs1(der);
    let Ok(certificate) = Certificate::from_der(der) else { return };
    let _ = format!("{:?} {:?}", certificate.subject_names(), certificate.workflow());
    let _ = certificate.public_key().map(PublicKey::to_pem);
    assert_eq!(certificate.der(), der, "the view keeps every byte");

    let mut entity = REKOR1.entity();
    let Some(leaf) = entity.certificate().cloned().map(Box::new) else { return };
    entity.set_signer(SignerMaterial::Certificate { leaf: leaf.clone(), chain: vec![certificate.clone(), *leaf] });
    verify(&entity, &REKOR1.material, &lenient(&entity));
    entity.set_signer(SignerMaterial::Certificate { leaf: Box::new(certificate), chain: Vec::new() });
    verify(&entity, &REKOR1.material, &lenient(&entity));
});
