//! A policy and an input: `POLICY\0INPUT`. No panic, no overflow of the stack, and an end within the steps.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use sigward_policy::rego::{RegoPolicy, RegoQuery};

fuzz_target!(|text: &str| {
    let (policy, input) = text.split_once('\0').unwrap_or((text, r#"{"a":[1,"b",{"c":null}]}"#));
    match RegoPolicy::compile(policy, RegoQuery::IsCompliant) {
        Ok(policy) => {
            let first = policy.evaluate(input, Timestamp::UNIX_EPOCH);
            // A policy is used for many inputs: nothing of one may be left for the next.
            assert_eq!(first, policy.evaluate(input, Timestamp::UNIX_EPOCH));
        }
        Err(error) => {
            let _ = error.to_string();
        }
    }
});
