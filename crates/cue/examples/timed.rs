//! Times verdicts for `bench/cue.py`: one JSON case a line in, one answer a line out.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "an example that measures, run by a script"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::time::Instant;

use serde_json::{json, value::RawValue};
use sigward_cue::{Mode, Outcome, Policy};

fn main() {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let asked: BTreeMap<&str, &RawValue> = serde_json::from_str(&line).expect("a case");
        let source: String = serde_json::from_str(asked["policy"].get()).expect("a policy");
        let times: u32 = serde_json::from_str(asked["times"].get()).expect("a number");
        let (mut accepts, mut nanoseconds) = (false, Vec::new());
        for _ in 0..times {
            let start = Instant::now();
            accepts = judge(&source, asked["input"].get());
            nanoseconds.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
        writeln!(out, "{}", json!({"ok": accepts, "nanoseconds": nanoseconds})).expect("standard output");
        out.flush().expect("standard output");
    }
}

fn judge(source: &str, input: &str) -> bool {
    Policy::compile(source).is_ok_and(|policy| policy.check(input, Mode::Default) == Outcome::Accept)
}
