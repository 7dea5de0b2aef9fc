//! Judges one JSON case a line (`policy`, `input`), and writes one verdict a line, as the reference does: for
//! differential tests.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "an example"
)]

use std::io::{BufRead, Write};

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use sigward_cue::{Mode, Outcome, Policy};

/// The document stays as it is: the order of its fields and all digits of its numbers are part of messages.
#[derive(Deserialize)]
struct Case<'a> {
    policy: String,
    #[serde(borrow)]
    input: &'a RawValue,
}

fn main() {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let case: Case = serde_json::from_str(&line).expect("a case");
        let verdict = match Policy::compile(&case.policy) {
            Err(error) if error.is_unsupported() => json!({"unsupported": error.to_string()}),
            Err(error) => json!({"ok": false, "stage": "policy", "error": error.to_string()}),
            Ok(policy) => {
                let input = case.input.get();
                let last = policy.check(input, Mode::Final);
                let final_ok = last == Outcome::Accept;
                match policy.check(input, Mode::Default) {
                    Outcome::Accept if final_ok => json!({"ok": true, "final_ok": true}),
                    Outcome::Accept => json!({"ok": true, "final_ok": false, "final": format!("{last:?}")}),
                    Outcome::Reject { message } => {
                        json!({"ok": false, "stage": "evaluate", "error": message, "final_ok": final_ok})
                    }
                    Outcome::Unsupported { message } => json!({"unsupported": message}),
                }
            }
        };
        writeln!(out, "{verdict}").expect("standard output");
        out.flush().expect("standard output");
    }
}
