//! CUE compared with CUE itself, on generated pairs of policy and document.
//!
//! `SIGWARD_CUE_ORACLE` names a program that answers `stream`: one JSON case a line in, one verdict of CUE v0.15.4 a line
//! out. `SIGWARD_CUE_COUNT` says how many pairs (10,000), `SIGWARD_CUE_SEED` which ones, `SIGWARD_CUE_KIND` of what kind:
//! `statements` and `shapes` are policies as people write them, `rare` those with what only few write; otherwise the whole
//! grammar and mutants. `SIGWARD_CUE_ALL` prints every difference, and not only wrong accepts.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read files and run the oracle, and a panic is a failed test"
)]

#[path = "differential/calls.rs"]
mod calls;
#[path = "differential/expressions.rs"]
mod expressions;
#[path = "differential/generator.rs"]
mod generator;
#[path = "differential/mutant.rs"]
mod mutant;
#[path = "differential/people.rs"]
mod people;
#[path = "differential/random.rs"]
mod random;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};

use generator::Pair;
use random::Random;
use serde_json::{Value, json, value::RawValue};
use sigward_cue::{Mode, Outcome, Policy};

/// What CUE said: nothing where its process ended, or took too long.
struct Verdict {
    accepts: bool,
    accepts_final: bool,
    stage: String,
    text: String,
}

impl Verdict {
    fn new(answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        let accepts_final = answer["final_ok"] == true;
        Self { accepts: answer["ok"] == true, accepts_final, stage: text("stage"), text: text("error") }
    }
}

fn judge(pair: &Pair) -> [Outcome; 2] {
    match Policy::compile(&pair.policy) {
        Ok(policy) => [policy.check(&pair.input, Mode::Default), policy.check(&pair.input, Mode::Final)],
        Err(error) if error.is_unsupported() => {
            let outcome = Outcome::Unsupported { message: format!("policy: {error}") };
            [outcome.clone(), outcome]
        }
        Err(error) => {
            let outcome = Outcome::Reject { message: format!("policy: {error}") };
            [outcome.clone(), outcome]
        }
    }
}

/// How ours differs, if it does.
fn difference(pair: &Pair, verdict: &Verdict) -> Option<(&'static str, String)> {
    let [ours, ours_final] = judge(pair);
    Some(match (ours, verdict.accepts) {
        (Outcome::Accept, false) => ("wrong accept", verdict.text.clone()),
        (Outcome::Reject { message }, true) => ("wrong reject", message),
        (Outcome::Unsupported { message }, true) => ("unsupported, CUE accepts", message),
        (Outcome::Unsupported { message }, false) => ("unsupported, CUE rejects", message),
        _ => match (ours_final, verdict.accepts_final) {
            (Outcome::Accept, false) if verdict.stage != "policy" => ("wrong accept with Final", verdict.text.clone()),
            (Outcome::Reject { message }, true) => ("wrong reject with Final", message),
            (Outcome::Unsupported { message }, _) => ("unsupported with Final", message),
            _ => return None,
        },
    })
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// CUE's process. It is started again where a case ended it, or does not end in it.
struct Oracle {
    program: String,
    running: Option<(Child, ChildStdin, BufReader<ChildStdout>)>,
}

impl Oracle {
    fn ask(&mut self, pair: &Pair) -> Option<Verdict> {
        let program = &self.program;
        let (_, stdin, stdout) = self.running.get_or_insert_with(|| {
            let mut child = Command::new(program)
                .arg("stream")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("the oracle");
            let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            (child, stdin, BufReader::new(stdout))
        });
        let sent = stdin.write_all(case(pair).as_bytes());
        let mut line = String::new();
        if sent.is_err() || stdout.read_line(&mut line).is_err() || line.is_empty() {
            self.stop();
            return None;
        }
        let verdict = Verdict::new(&serde_json::from_str(&line).unwrap());
        if verdict.stage == "timeout" || verdict.stage == "panic" {
            self.stop();
            return None;
        }
        Some(verdict)
    }

    fn stop(&mut self) {
        if let Some((mut child, ..)) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.stop();
    }
}

fn case(pair: &Pair) -> String {
    let input = RawValue::from_string(pair.input.clone()).unwrap();
    let policy = json!(pair.policy);
    format!("{{\"type\":\"cue\",\"policy\":{policy},\"input\":{input}}}\n")
}

#[derive(Default)]
struct Tally {
    counts: BTreeMap<&'static str, usize>,
    wrong: usize,
}

fn compare(pairs: &Mutex<Receiver<Pair>>, tally: &Mutex<Tally>, program: &str) {
    let all = std::env::var("SIGWARD_CUE_ALL").is_ok();
    let mut oracle = Oracle { program: program.to_owned(), running: None };
    loop {
        let next = pairs.lock().unwrap().recv();
        let Ok(pair) = next else { return };
        let verdict = oracle.ask(&pair);
        let found = verdict.as_ref().map(|verdict| difference(&pair, verdict));
        if found.is_none() {
            // It must end here all the same.
            judge(&pair);
        }
        let mut tally = tally.lock().unwrap();
        let Some(verdict) = verdict else {
            *tally.counts.entry("CUE's process ends, or does not end").or_default() += 1;
            continue;
        };
        *tally.counts.entry(if verdict.accepts { "CUE accepts" } else { "CUE rejects" }).or_default() += 1;
        if verdict.stage == "policy" {
            *tally.counts.entry("CUE rejects the policy alone").or_default() += 1;
        }
        let Some((what, text)) = found.flatten() else { continue };
        *tally.counts.entry(what).or_default() += 1;
        let wrong = what.starts_with("wrong accept");
        tally.wrong += usize::from(wrong);
        if all || (wrong && tally.wrong <= 40) {
            let printed = json!({"what": what, "text": text, "policy": pair.policy, "input": pair.input});
            println!("{printed}");
        }
    }
}

/// Pairs that once were judged in another way than CUE judges them.
#[test]
fn recorded_pairs_have_cues_verdicts() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/pairs.jsonl")).unwrap();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let [policy, input] = ["policy", "input"].map(|name| case[name].as_str().unwrap().to_owned());
        let pair = Pair { policy, input };
        for (ours, expected) in judge(&pair).into_iter().zip([&case["accepts"], &case["accepts_final"]]) {
            let same = match ours {
                Outcome::Accept => expected == true,
                Outcome::Reject { .. } => expected == false,
                // Denies too. Where CUE accepts, that is more than had to be denied, and known.
                Outcome::Unsupported { .. } => case["unsure"] == true,
            };
            assert!(same, "{}: {ours:?}, CUE: {}\n{}\n{}", case["class"], case["error"], pair.policy, pair.input);
        }
    }
    assert!(text.lines().count() > 20);
}

#[test]
fn nothing_is_accepted_that_cue_rejects() {
    let Ok(program) = std::env::var("SIGWARD_CUE_ORACLE") else {
        println!("skipped: SIGWARD_CUE_ORACLE names no oracle");
        return;
    };
    let count = number("SIGWARD_CUE_COUNT", 10_000);
    let mut random = Random::new(number("SIGWARD_CUE_SEED", 1));
    let kind = std::env::var("SIGWARD_CUE_KIND").unwrap_or_default();
    let corpus = mutant::corpus();
    let (send, receive) = sync_channel(64);
    let (receive, tally) = (Mutex::new(receive), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..number("SIGWARD_CUE_JOBS", 2) {
            std::thread::Builder::new()
                .stack_size(64 << 20)
                .spawn_scoped(scope, || compare(&receive, &tally, &program))
                .unwrap();
        }
        for _ in 0..count {
            let pair = match (&*kind, random.below(5)) {
                ("statements", _) => people::statement(&mut random),
                ("shapes", _) => people::shape(&mut random),
                ("rare", _) => generator::rare(&mut random),
                (_, 0) if !corpus.is_empty() => mutant::mutant(&mut random, &corpus),
                _ => generator::pair(&mut random),
            };
            send.send(pair).unwrap();
        }
        drop(send);
    });
    let tally = tally.into_inner().unwrap();
    println!("{:?}", tally.counts);
    assert_eq!(tally.wrong, 0, "accepted here, rejected by CUE");
}
