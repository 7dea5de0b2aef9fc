//! Compares the evaluator with what CUE v0.15.4 made of its own test data, and with the assertions that the data carries
//! inline: `cargo run --release -p sigward-cue --example testdata -- DIR [TEXT]`. The last line counts the paths.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "an example that measures, run by hand"
)]

mod assertions;
mod scan;

use std::path::Path;

use serde_json::Value as Json;
use sigward_cue::builtins::Value;
use sigward_cue::inspect::{InspectError, Inspected, Inspection, inspect};

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args.next().expect("the folder of the test data");
    let only = args.next().unwrap_or_default();
    let folder = Path::new(&folder);
    let text = std::fs::read_to_string(folder.join("verdicts.json")).expect("verdicts.json");
    let verdicts: Vec<Json> = serde_json::from_str(&text).expect("verdicts.json");
    let (mut passed, mut failed, mut files, mut wrong, mut unsupported) = (0, 0, 0, 0, 0);
    for verdict in &verdicts {
        let name = verdict["file"].as_str().unwrap();
        let compile = verdict["compile_errors"].to_string();
        if compile.contains("SKIP") || !name.contains(&only) {
            continue;
        }
        files += 1;
        let source = source(&std::fs::read_to_string(folder.join(name)).expect("a file"));
        let rejects = verdict["validate_errors"].as_array().is_some_and(|e| !e.is_empty());
        match inspect(&source) {
            Err(InspectError::Unsupported(message)) => {
                unsupported += 1;
                failed += verdict["paths"].as_object().map_or(0, serde_json::Map::len);
                println!("UNSUPPORTED {name}: {message}");
            }
            Err(InspectError::Compile(errors)) => {
                failed += verdict["paths"].as_object().map_or(0, serde_json::Map::len);
                if !rejects {
                    wrong += 1;
                }
                println!("COMPILE {name}: {errors:?}");
            }
            Ok(found) => {
                if found.validate.is_empty() == rejects {
                    wrong += 1;
                    println!("VALIDATE {name}: {:?}; found {:?}", verdict["validate_errors"], found.validate);
                }
                let last = verdict["final_errors"].as_array().is_some_and(|e| !e.is_empty());
                if found.validate_final.is_empty() == last {
                    println!("FINAL {name}: {:?}; found {:?}", verdict["final_errors"], found.validate_final);
                }
                let (p, f) = compare(name, verdict, &found);
                passed += p;
                failed += f;
            }
        }
    }
    let tally = assertions::check_all(folder, &only);
    let broken: usize = tally.failed.values().sum();
    println!("inline assertions: {} hold, {broken} do not: {:?}", tally.passed, tally.failed);
    println!("{files} files: {wrong} with another answer of Validate(), {unsupported} unsupported");
    println!("{passed} passed, {failed} failed");
}

/// The one CUE file of an archive.
fn source(archive: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for line in archive.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("-- ").and_then(|l| l.trim_end().strip_suffix(" --")) {
            inside = name.ends_with(".cue") && !name.starts_with("out/");
        } else if inside {
            out.push_str(line);
        }
    }
    out
}

fn compare(name: &str, verdict: &Json, found: &Inspection) -> (usize, usize) {
    let (mut passed, mut failed) = (0, 0);
    let Some(paths) = verdict["paths"].as_object() else { return (0, 0) };
    for (path, expected) in paths {
        let expected = expected.as_str().unwrap();
        let is = found.paths.get(path);
        if is.is_some_and(|is| same(expected, is)) {
            passed += 1;
        } else {
            failed += 1;
            println!("PATH {name} {path}: {expected}; found {is:?}");
        }
    }
    for path in found.paths.keys().filter(|p| !paths.contains_key(*p)) {
        println!("MORE {name} {path}: {:?}", found.paths[path]);
    }
    (passed, failed)
}

fn same(expected: &str, found: &Inspected) -> bool {
    match found {
        Inspected::Value(value) => expected.strip_prefix("json ").is_some_and(|text| same_json(text, value)),
        Inspected::Default(value) => expected.strip_prefix("default ").is_some_and(|text| same_json(text, value)),
        Inspected::Kind(kind) => expected == format!("kind {kind}"),
        Inspected::Incomplete => expected == "incomplete",
        Inspected::Error => expected == "error",
        Inspected::EmptyStruct => expected == "{}",
        Inspected::EmptyList => expected == "[]",
    }
}

fn same_json(text: &str, value: &Value) -> bool {
    match value {
        Value::Number(number) => text == number.to_string(),
        Value::List { .. } | Value::Struct { .. } => {
            let Ok(expected) = serde_json::from_str::<Json>(text) else { return false };
            expected == json(value)
        }
        value => serde_json::from_str::<Json>(text).is_ok_and(|expected| expected == json(value)),
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => serde_json::from_str(&number.to_string()).unwrap_or(Json::Null),
        Value::String(text) => text.to_string().into(),
        Value::Bytes(bytes) => base64(bytes).into(),
        Value::List { items, .. } => items.iter().map(json).collect::<Vec<_>>().into(),
        Value::Struct { fields, .. } => {
            Json::Object(fields.iter().map(|(name, value)| (name.to_string(), json(value))).collect())
        }
        _ => "not concrete".into(),
    }
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, b| (bits << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let sign = SIGNS[usize::try_from((bits >> (18 - 6 * n)) & 63).unwrap()];
            out.push(if n > chunk.len() { '=' } else { char::from(sign) });
        }
    }
    out
}
