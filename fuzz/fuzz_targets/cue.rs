//! A CUE policy and a document: `POLICY\0DOCUMENT`. No panic, no overflow of the stack, and an end within the steps.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigward_cue::{Mode, Outcome, Policy, Strictness};

fuzz_target!(|text: &str| {
    let (policy, document) = text.split_once('\0').unwrap_or((text, r#"{"a":[1,"b",{"c":null}],"b":{"x":"y"}}"#));
    let policy = match Policy::compile(policy) {
        Ok(policy) => policy,
        Err(error) => {
            let _ = error.to_string();
            return;
        }
    };
    for mode in [Mode::Default, Mode::Final, Mode::Concrete] {
        let first = policy.check(document, mode);
        // A policy is used for many documents: nothing of one may be left for the next.
        assert_eq!(first, policy.check(document, mode));
        // Strict evaluation accepts nothing that CUE does not.
        let strict = policy.check_with(document, mode, Strictness::RequireFields);
        assert!(strict != Outcome::Accept || first == Outcome::Accept, "{first:?}");
    }
});
