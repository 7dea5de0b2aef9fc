//! Judges the recorded policies in this process: `cargo run --example policies -- FIXTURES [TEXT]`.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "an example that measures, run by hand"
)]

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;
use sigward_cue::{CompileError, Mode, Outcome, Policy};

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args.next().expect("the folder of the fixtures");
    let only = args.next().unwrap_or_default();
    let folder = Path::new(&folder).join("policies");
    let mut policies: HashMap<String, Result<Policy, CompileError>> = HashMap::new();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let (mut same, mut refusals) = (0, 0);
    for file in ["cases_catalog.json", "cue_verdicts.json"] {
        let text = std::fs::read_to_string(folder.join(file)).expect("fixture");
        let cases: Vec<Value> = serde_json::from_str(&text).expect("fixture");
        for case in cases {
            let name = case["name"].as_str().unwrap();
            if case["type"] == "rego" || !name.contains(&only) {
                continue;
            }
            let mut source = case["policy"].as_str().unwrap().to_owned();
            if source.ends_with(".cue") && !source.contains('\n') {
                source = std::fs::read_to_string(folder.join("cue").join(&source)).expect("policy");
            }
            let input = case["input"].to_string();
            let policy = policies.entry(source.clone()).or_insert_with(|| Policy::compile(&source));
            if std::env::var("TRACE").is_ok() {
                println!("{name}");
            }
            let outcome = match policy {
                Ok(policy) => policy.check(&input, Mode::Default),
                Err(error) if error.is_unsupported() => Outcome::Unsupported { message: error.to_string() },
                Err(error) => Outcome::Reject { message: error.to_string() },
            };
            let ok = case["verdict"]["ok"] == true;
            let expected = case["verdict"]["error"].as_str().unwrap_or_default();
            let (result, message) = match outcome {
                Outcome::Accept if ok => ("passed", String::new()),
                Outcome::Accept => ("wrong accept", String::new()),
                Outcome::Reject { message } if ok => ("wrong reject", message),
                Outcome::Reject { message } => {
                    refusals += 1;
                    if message.contains(expected) {
                        same += 1;
                        ("passed", message)
                    } else {
                        ("text", message)
                    }
                }
                Outcome::Unsupported { message } => ("unsupported", message),
            };
            *counts.entry(result).or_default() += 1;
            if result != "passed" {
                println!("{result:12} {name}: reference {expected:.300?}; said {message:.300?}");
            }
        }
    }
    println!("{counts:?}; text {same} of {refusals}");
}
