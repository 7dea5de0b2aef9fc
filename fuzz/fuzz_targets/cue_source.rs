//! A file of CUE, as a stranger writes it: parsed, looked over, and evaluated by itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigward_cue::lint::{LintCode, Severity, lint};
use sigward_cue::{Policy, inspect, tree};

fuzz_target!(|source: &str| {
    let findings = lint(source, &[]);
    let broken = findings.iter().any(|finding| finding.code.severity() == Severity::Error);
    match Policy::compile(source) {
        Ok(_) => assert!(findings.iter().all(|finding| finding.code != LintCode::DoesNotCompile), "{findings:?}"),
        Err(error) => assert!(broken, "{error}"),
    }
    for finding in &findings {
        assert!(finding.line.is_none_or(|line| line <= source.lines().count() + 1), "{finding:?}");
    }
    let _ = inspect::inspect(source);
    let _ = tree::tree(source);
});
