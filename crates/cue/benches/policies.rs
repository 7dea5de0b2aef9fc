//! Compilation and verdicts: `cargo bench -p sigward-cue`. `bench/cue.py` times them beside CUE itself.
#![allow(missing_docs, clippy::expect_used, reason = "a benchmark; criterion's macros make a function")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sigward_cue::lint::lint;
use sigward_cue::{Mode, Policy, Strictness};

/// What a policy about Pods looks like: definitions, defaults, conditions, a function.
const PODS: &str = r#"
import "list"

#SecurityContext: {
	allowPrivilegeEscalation: bool | *true
	capabilities: {
		drop: [...string] | *[]
		add?: [..."NET_BIND_SERVICE"]
	}
	...
}
spec: containers: [...{
	securityContext: #SecurityContext
	if !list.Contains(securityContext.capabilities.drop, "ALL") {
		name: "container does not drop ALL capabilities"
	}
}]
"#;

const POD: &str = r#"{"spec": {"containers": [
	{"name": "a", "image": "r/a", "securityContext": {"capabilities": {"drop": ["ALL"]}}},
	{"name": "b", "image": "r/b", "securityContext": {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}}
]}}"#;

/// What a policy about attestations looks like.
const ATTESTATION: &str = r#"
import "time"

before: time.Parse(time.RFC3339, "2049-10-09T17:10:27Z")
predicateType: "https://cosign.sigstore.dev/attestation/v1"
predicate: {
	Data: "foobar e2e test"
	Timestamp: <before
}
"#;

const STATEMENT: &str = r#"{"_type": "https://in-toto.io/Statement/v0.1",
	"predicateType": "https://cosign.sigstore.dev/attestation/v1", "subject": [{"name": "r/a", "digest": {"sha256": "0"}}],
	"predicate": {"Data": "foobar e2e test", "Timestamp": "2024-01-01T00:00:00Z"}}"#;

/// A vulnerability report of ten thousand findings, 2.5 MB.
fn report() -> String {
    let mut findings = String::new();
    for n in 0..10_000_u32 {
        let severity = match n % 3 {
            0 => "LOW",
            1 => "MEDIUM",
            _ => "HIGH",
        };
        let comma = if n == 0 { "" } else { "," };
        write!(
            findings,
            r#"{comma}{{"VulnerabilityID":"CVE-2024-{n}","PkgName":"package-{}","InstalledVersion":"1.2.3",
            "FixedVersion":"1.2.4","Severity":"{severity}","PrimaryURL":"https://example.com/{n}",
            "Title":"a title of about eighty characters, which is what these reports have in them, so"}}"#,
            n % 300
        )
        .expect("a string");
    }
    format!(r#"{{"predicate":{{"scanner":{{"result":{{"Results":[{findings}]}}}}}}}}"#)
}

fn policies(criterion: &mut Criterion) {
    for (name, source, document) in [("pods", PODS, POD), ("attestation", ATTESTATION, STATEMENT)] {
        criterion.bench_function(&format!("{name}/compile"), |b| b.iter(|| Policy::compile(black_box(source))));
        let policy = Policy::compile(source).expect("a policy");
        criterion.bench_function(&format!("{name}/check"), |b| {
            b.iter(|| policy.check(black_box(document), Mode::Default));
        });
        criterion.bench_function(&format!("{name}/strict"), |b| {
            b.iter(|| policy.check_with(black_box(document), Mode::Default, Strictness::RequireFields));
        });
        criterion.bench_function(&format!("{name}/lint"), |b| b.iter(|| lint(black_box(source), &[])));
    }
    let report = report();
    let mut group = criterion.benchmark_group("report");
    group.sample_size(20);
    for (name, source) in [
        ("unconstrained", "predicateType: string"),
        ("alternatives", "predicate: scanner: result: Results: [...{Severity: \"LOW\" | \"MEDIUM\" | \"HIGH\"}]"),
        ("bound", "predicate: scanner: result: Results: [...{Severity: !=\"CRITICAL\"}]"),
    ] {
        let policy = Policy::compile(source).expect("a policy");
        group.bench_function(name, |b| b.iter(|| policy.check(black_box(&report), Mode::Default)));
    }
    group.finish();
}

criterion_group!(benches, policies);
criterion_main!(benches);
