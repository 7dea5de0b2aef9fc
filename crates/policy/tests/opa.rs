//! Rego compared with OPA itself.
//!
//! `tests/data/opa_pairs.jsonl` holds pairs that `opa/generator.rs` made, with the verdicts of OPA v1.12.3 in v0 mode. With
//! `SIGWARD_OPA` naming a program that answers `stream` (one JSON case a line in, one verdict a line out), 10,000 pairs
//! are compared; `SIGWARD_OPA_SEED` changes them, `SIGWARD_OPA_MUTANTS` says how many damaged policies are tried, and
//! `SIGWARD_OPA_RECORD=FILE` writes a sample.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read files and run the oracle, and a panic is a failed test"
)]

#[path = "opa/generator.rs"]
mod generator;
#[path = "opa/mutant.rs"]
mod mutant;
#[path = "../../cue/tests/differential/random.rs"]
mod random;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use generator::{Pair, pair};
use jiff::Timestamp;
use mutant::mutant;
use random::Random;
use serde_json::{Value, json, value::RawValue};
use sigward_policy::rego::{RegoOutcome, RegoPolicy, RegoQuery};

/// What OPA said.
struct Verdict {
    accepts: bool,
    /// Its error, the result, or the warning.
    text: String,
    stage: String,
}

impl Verdict {
    fn new(answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Self { accepts: answer["ok"].as_bool().unwrap(), text: text("error"), stage: text("stage") }
    }

    /// What cosign makes of the result.
    fn message(&self) -> Option<String> {
        if self.accepts || self.stage != "result" {
            return None;
        }
        let results: Value = serde_json::from_str(&self.text).unwrap();
        let value = &results[0]["bindings"]["isCompliant"];
        let query = "isCompliant = data.sigstore.isCompliant";
        Some(match value.as_array() {
            // cosign refuses these when it reads them, whatever else is there.
            Some(items) if items.iter().any(|i| !matches!(i["result"], Value::Bool(_) | Value::Null)) => return None,
            Some(items) => match items.last() {
                None => format!("policy is not compliant for query \"{query}\""),
                Some(last) => {
                    let error = last["error"].as_str()?;
                    format!("policy is not compliant for query '{query}' with errors: {error}")
                }
            },
            None => format!("policy is not compliant for query '{query}'"),
        })
    }
}

fn evaluate(pair: &Pair) -> RegoOutcome {
    match RegoPolicy::compile(&pair.policy, RegoQuery::IsCompliant) {
        Ok(policy) => policy.evaluate(&pair.input, Timestamp::UNIX_EPOCH),
        Err(error) if error.is_unsupported() => RegoOutcome::Unsupported { message: error.to_string() },
        Err(error) => RegoOutcome::Reject { message: error.to_string() },
    }
}

/// How ours differs, if it does.
fn difference(pair: &Pair, verdict: &Verdict) -> Option<(&'static str, String)> {
    let outcome = evaluate(pair);
    Some(match (&outcome, verdict.accepts) {
        (RegoOutcome::Accept { warning }, true) => {
            let warning = warning.as_deref().unwrap_or_default().trim_start_matches("warning: ");
            if warning == verdict.text {
                return None;
            }
            ("warning", format!("{outcome:?} {}", verdict.text))
        }
        (RegoOutcome::Accept { .. }, false) => ("wrong accept", verdict.text.clone()),
        // OPA stops at the first value that makes a negation or a loop certain; here all are looked at.
        (RegoOutcome::Reject { message }, _)
            if message.contains("eval_conflict_error") && !verdict.text.contains("eval_conflict_error") =>
        {
            ("conflict that OPA does not reach", message.clone())
        }
        // OPA forgets what is unsafe in a statement that closes over something (`unsafe.Set` in `reorderBodyForSafety`).
        (RegoOutcome::Reject { message }, _)
            if message.contains("rego_unsafe_var_error") && !verdict.text.contains("rego_unsafe_var_error") =>
        {
            ("unsafe variable that OPA overlooks", message.clone())
        }
        (RegoOutcome::Reject { message }, true) => ("wrong reject", message.clone()),
        (RegoOutcome::Reject { message }, false) => match verdict.message() {
            Some(expected) if *message != expected => ("message", format!("ours {message:?} OPA {expected:?}")),
            // OPA fails and so do we; where it says how, the kind is compared.
            None if kind(&verdict.text) != kind(message) => {
                ("kind of error", format!("ours {message:?} OPA {:?}", verdict.text))
            }
            _ => return None,
        },
        (RegoOutcome::Unsupported { message }, true) => ("unsupported, OPA accepts", message.clone()),
        (RegoOutcome::Unsupported { message }, false) => ("unsupported, OPA rejects", message.clone()),
    })
}

fn kind(text: &str) -> Option<&str> {
    text.split(&[' ', ':'][..]).find(|word| word.ends_with("_error"))
}

#[test]
fn recorded_pairs_have_opas_verdicts() {
    let recorded = recorded();
    for (pair, verdict) in &recorded {
        if let Some((what, text)) = difference(pair, verdict) {
            panic!("{what}: {text}\n{}\n{}", pair.policy, pair.input);
        }
    }
    assert!(recorded.len() >= 300, "{}", recorded.len());
}

fn recorded() -> Vec<(Pair, Verdict)> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/opa_pairs.jsonl")).unwrap();
    let pair = |line: &str| {
        let case: Value = serde_json::from_str(line).unwrap();
        let [policy, input] = ["policy", "input"].map(|name| case[name].as_str().unwrap().to_owned());
        (Pair { policy, input }, Verdict::new(&case["verdict"]))
    };
    text.lines().map(pair).collect()
}

/// Damaged policies mostly do not load, here or there; one that does here must not accept where OPA does not.
#[test]
fn mutants_are_not_accepted_where_opa_rejects() {
    let recorded: Vec<Pair> = recorded().into_iter().map(|(pair, _)| pair).collect();
    let (seed, count) = (number("SIGWARD_OPA_SEED", 1), number("SIGWARD_OPA_MUTANTS", 2_000));
    let mut random = Random::new(seed);
    let mutants = (0..count).map(|_| mutant(&mut random, &recorded));
    // Without an oracle this still shows that none of them panics.
    let accepted: Vec<Pair> = mutants.filter(|m| matches!(evaluate(m), RegoOutcome::Accept { .. })).collect();
    let Ok(program) = std::env::var("SIGWARD_OPA") else {
        println!("skipped: SIGWARD_OPA names no oracle");
        return;
    };
    println!("{count} mutants, {} accepted", accepted.len());
    let verdicts = ask(&program, &accepted);
    for (pair, verdict) in accepted.iter().zip(&verdicts) {
        let Some(verdict) = verdict.as_ref().map(Verdict::new) else { continue };
        assert!(verdict.accepts, "{}\n{}\n{}", verdict.text, pair.policy, pair.input);
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Differences that are known, each with its reason in docs/policies.md. None is a wrong accept.
const KNOWN: &[&str] = &[
    "conflict that OPA does not reach",
    "unsafe variable that OPA overlooks",
    "unsupported, OPA accepts",
    "unsupported, OPA rejects",
];

#[test]
fn generated_pairs_have_opas_verdicts() {
    let Ok(program) = std::env::var("SIGWARD_OPA") else {
        println!("skipped: SIGWARD_OPA names no oracle");
        return;
    };
    let count = number("SIGWARD_OPA_COUNT", 10_000);
    let mut random = Random::new(number("SIGWARD_OPA_SEED", 1));
    let pairs: Vec<Pair> = (0..count).map(|_| pair(&mut random)).collect();
    let verdicts = ask(&program, &pairs);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut recorded = Vec::new();
    let mut bad = 0;
    for (pair, answer) in pairs.iter().zip(&verdicts) {
        let Some(answer) = answer else {
            *counts.entry("OPA's process ends").or_default() += 1;
            let ours = evaluate(pair);
            println!("OPA's process ends, ours: {ours:?}\n{}\n{}", pair.policy, pair.input);
            continue;
        };
        let verdict = Verdict::new(answer);
        *counts.entry(if verdict.accepts { "OPA accepts" } else { "OPA rejects" }).or_default() += 1;
        if verdict.stage == "policy" {
            *counts.entry("OPA does not load the policy").or_default() += 1;
        }
        match difference(pair, &verdict) {
            None => recorded.push((pair, answer)),
            Some((what, text)) => {
                *counts.entry(what).or_default() += 1;
                if !KNOWN.contains(&what) {
                    bad += 1;
                }
                if !KNOWN.contains(&what) && bad <= 40 || std::env::var("SIGWARD_OPA_ALL").is_ok() {
                    println!("---- {what}: {text}\n{}\n{}", pair.policy, pair.input);
                }
            }
        }
    }
    println!("{counts:?}");
    if let Ok(path) = std::env::var("SIGWARD_OPA_RECORD") {
        record(&path, &recorded);
    }
    assert_eq!(bad, 0, "differences from OPA");
}

/// OPA's verdicts. OPA overflows its stack on some policies: its process ends, and that pair has no verdict.
fn ask(program: &str, pairs: &[Pair]) -> Vec<Option<Value>> {
    let mut answers = Vec::new();
    while answers.len() < pairs.len() {
        let rest: Vec<String> = pairs[answers.len()..].iter().map(case).collect();
        let mut oracle = Command::new(program)
            .arg("stream")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the oracle");
        let mut stdin = oracle.stdin.take().unwrap();
        let writer = std::thread::spawn(move || rest.iter().all(|line| stdin.write_all(line.as_bytes()).is_ok()));
        let lines = BufReader::new(oracle.stdout.take().unwrap()).lines();
        answers.extend(lines.map(|line| Some(serde_json::from_str(&line.unwrap()).unwrap())));
        writer.join().unwrap();
        if !oracle.wait().unwrap().success() {
            answers.push(None);
        }
    }
    answers
}

fn case(pair: &Pair) -> String {
    let input = RawValue::from_string(pair.input.clone()).unwrap();
    let policy = json!(pair.policy);
    format!("{{\"type\":\"rego\",\"policy\":{policy},\"input\":{input}}}\n")
}

/// A sample: every accepted kind, and of each kind of refusal some.
fn record(path: &str, pairs: &[(&Pair, &Value)]) {
    let mut out = String::new();
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    for (pair, answer) in pairs {
        let verdict = Verdict::new(answer);
        let class = match (verdict.accepts, verdict.stage.as_str()) {
            (true, _) => "accept".to_owned(),
            (false, "result") => "result".to_owned(),
            (false, stage) => format!("{stage} {:?}", kind(&verdict.text)),
        };
        let most = if class == "accept" || class == "result" { 150 } else { 25 };
        let seen = left.entry(class).or_default();
        *seen += 1;
        if *seen <= most && pair.policy.len() < 1_500 {
            let verdict = json!({"ok": verdict.accepts, "stage": verdict.stage, "error": verdict.text});
            let case = json!({"policy": pair.policy, "input": pair.input, "verdict": verdict});
            out.push_str(&format!("{case}\n"));
        }
    }
    std::fs::write(path, out).unwrap();
}
