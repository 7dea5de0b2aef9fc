//! How long verdicts take: `cargo run --release -p sigward-cue --example speed -- FIXTURES`.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "an example that measures, run by hand"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sigward_cue::{Mode, Policy};

const ROUNDS: u32 = 20;

fn main() {
    let folder = std::env::args().nth(1).expect("the folder of the fixtures");
    let file = Path::new(&folder).join("policies/cases_catalog.json");
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).expect("fixture")).expect("fixture");
    let mut times: Vec<(Duration, Duration)> = Vec::new();
    for case in cases.iter().filter(|c| c["type"] != "rego") {
        let (source, input) = (case["policy"].as_str().unwrap(), case["input"].to_string());
        let compile = timed(|| drop(Policy::compile(source)));
        let Ok(policy) = Policy::compile(source) else { continue };
        times.push((compile, timed(|| drop(policy.check(&input, Mode::Default)))));
    }
    let median = |mut all: Vec<Duration>| {
        all.sort_unstable();
        all[all.len() / 2]
    };
    println!(
        "catalogue: compile {:?}, check {:?}, both {:?} (medians)",
        median(times.iter().map(|t| t.0).collect()),
        median(times.iter().map(|t| t.1).collect()),
        median(times.iter().map(|t| t.0 + t.1).collect())
    );
    let only = std::env::args().nth(2).unwrap_or_default();
    let report = report();
    for source in [
        "predicateType: string",
        "predicate: scanner: result: Results: [...{Severity: \"LOW\" | \"MEDIUM\" | \"HIGH\", PkgName: string}]",
        "predicate: scanner: result: Results: [...{Severity: !=\"CRITICAL\"}]",
        "predicate: scanner: result: Results: [...{VulnerabilityID: =~\"^(CVE|GHSA)-[0-9A-Za-z-]+$\"}]",
        "import \"list\"\nlet known = [\"log4j-api\", \"log4j-core\"]\n\
         predicate: scanner: result: Results: [...{\n\
            PkgName: PkgName\n if list.Contains(known, PkgName) {err: \"vulnerable\", PkgName: err}\n}]",
        "predicate: scanner: result: Results: [...]\n\
         critical: [for f in predicate.scanner.result.Results if f.Severity == \"CRITICAL\" {f.VulnerabilityID}]\n\
         critical: []",
    ] {
        if !source.contains(&only) {
            continue;
        }
        let policy = Policy::compile(source).expect("a policy");
        let outcome = policy.check(&report, Mode::Default);
        println!(
            "report of {} bytes: {:?}, {outcome:?}: {source}",
            report.len(),
            timed(|| drop(policy.check(&report, Mode::Default)))
        );
    }
}

fn timed(mut run: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        run();
    }
    start.elapsed() / ROUNDS
}

/// A vulnerability report of ten thousand findings.
fn report() -> String {
    let severities = ["LOW", "MEDIUM", "HIGH"];
    let finding = |n: usize| {
        json!({
            "VulnerabilityID": format!("CVE-2024-{n}"), "PkgName": format!("package-{}", n % 300),
            "InstalledVersion": "1.2.3", "FixedVersion": "1.2.4", "Severity": severities[n % 3],
            "Title": "a title of about eighty characters, which is what these reports have in them, so",
            "PrimaryURL": format!("https://example.com/{n}"),
        })
    };
    let results: Vec<Value> = (0..10_000).map(finding).collect();
    json!({"predicateType": "https://cosign.sigstore.dev/attestation/vuln/v1",
        "predicate": {"scanner": {"result": {"Results": results}}}})
    .to_string()
}
