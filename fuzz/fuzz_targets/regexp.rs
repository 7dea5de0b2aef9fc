//! A pattern from a policy, and a name to match: `PATTERN\nNAME`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigward_verify::Pattern;

fuzz_target!(|text: &str| {
    let (pattern, name) = text.split_once('\n').unwrap_or((text, "https://github.com/o/r/.github/workflows/w.yml@x"));
    if let Ok(pattern) = Pattern::new(pattern) {
        let matched = pattern.is_match(name);
        assert!(matched || !pattern.matches_longer_than(name));
    }
});
