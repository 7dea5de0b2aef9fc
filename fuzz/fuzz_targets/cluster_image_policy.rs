//! A ClusterImagePolicy as the webhook gets it: read, filled in, validated, written. No panic, and what is written is read
//! again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigward_policy::cip::{self, ClusterImagePolicy, ValidationContext};
use sigward_policy::config::EmptyAuthorities;
use sigward_policy::matching::{Matcher, ObjectIdentity};
use sigward_policy::object::decode;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut policy) = decode::<ClusterImagePolicy>(bytes) else { return };
    let written = serde_json::to_vec(&policy).expect("a policy can be written");
    assert_eq!(decode::<ClusterImagePolicy>(&written).as_ref(), Ok(&policy));
    cip::set_defaults(&mut policy);
    let context = ValidationContext { system_namespace: "cosign-system", empty_authorities: EmptyAuthorities::Refused };
    let errors = cip::validate(&policy, context);
    let _ = (errors.denial(), errors.warnings());
    let _ = Matcher::compile(&policy.spec.match_resources).matches(&ObjectIdentity::default());
});
