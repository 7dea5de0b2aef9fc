//! `policy eval` as scripts see it.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read files and run the program, and a panic is a failed test"
)]

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

/// Evaluates a policy of one body over an input.
fn eval(arguments: &[&str], policy: &str, input: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("policy"), policy).unwrap();
    fs::write(path("input"), input).unwrap();
    Command::new(env!("CARGO_BIN_EXE_sigward"))
        .args(["policy", "eval", "--policy", "policy", "--input", "input"])
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap()
}

fn rego(body: &str, input: &str) -> (Option<i32>, Value) {
    let output = eval(&["--type=rego", "--output=json"], &format!("package sigstore\nisCompliant {{ {body} }}"), input);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn verdicts_have_their_exit_codes() {
    let accept = rego("input.a == 1", r#"{"a":1}"#);
    assert_eq!(accept, (Some(0), serde_json::json!({"verdict": "accept", "message": ""})));
    let (code, reject) = rego("input.a == 1", r#"{"a":2}"#);
    assert_eq!((code, &reject["verdict"]), (Some(1), &"reject".into()));
    assert_eq!(reject["message"], "policy is not compliant for query 'isCompliant = data.sigstore.isCompliant'");
    let (code, refused) = rego("input.a ==", "{}");
    assert_eq!((code, &refused["verdict"]), (Some(1), &"reject".into()));
    assert!(refused["message"].as_str().unwrap().starts_with("1 error occurred: sigstore.rego:2: rego_parse_error: "));
    for (body, input) in [("http.send({}).x", "{}"), ("true", "{\"a\":1e999999999}")] {
        let (code, unsupported) = rego(body, input);
        assert_eq!((code, &unsupported["verdict"]), (Some(3), &"unsupported".into()), "{body}");
    }
}

#[test]
fn a_warning_accepts_and_is_shown() {
    let policy = "package sigstore\nisCompliant[r] { r := {\"result\": true, \"warning\": \"old\"} }";
    let output = eval(&["--type=rego"], policy, "{}");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"accept: warning: old\n".as_slice()));
}

#[test]
fn cue_has_the_same_verdicts_and_exit_codes() {
    for (policy, input, code, verdict) in [
        ("a: 1", "{\"a\": 1}", 0, "accept"),
        ("a: 1", "{\"a\": 2}", 1, "reject"),
        ("a: ", "{}", 1, "reject"),
        ("a: 1", "{\"a\": 1e999999999}", 3, "unsupported"),
    ] {
        let output = eval(&["--type=cue", "--output=json"], policy, input);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &answer["verdict"]), (Some(code), &verdict.into()), "{policy} {input}");
    }
}

#[test]
fn what_cannot_be_read_has_no_verdict() {
    let output = eval(&["--type=rego", "--input=missing"], "package sigstore", "{}");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("open missing: no such file or directory"));
}

/// A policy larger than what is read is a limit, not an error of reading, and so is an input.
#[test]
fn files_beyond_the_limit_are_unsupported() {
    let large = format!("package sigstore\n#{}", "ä".repeat(1 << 20));
    assert_eq!(eval(&["--type=rego"], &large, "{}").status.code(), Some(3));
}

/// What the outside check asks, from inside: 40 policies of policy-controller's tests, documents and catalogue.
#[test]
fn recorded_policies_have_opas_verdicts() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/policies/cases_rego.json");
    let Ok(text) = fs::read_to_string(path) else {
        println!("skipped: no {path}");
        return;
    };
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    for case in &cases {
        let policy = case["policy"].as_str().unwrap();
        let output = eval(&["--type=rego", "--output=json"], policy, &case["input"].to_string());
        let expected = if case["verdict"]["ok"] == true { 0 } else { 1 };
        assert_eq!(output.status.code(), Some(expected), "{}", case["name"]);
        for part in case["subs"].as_array().into_iter().flatten() {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(said.contains(part.as_str().unwrap()), "{}: {said}", case["name"]);
        }
    }
    assert!(cases.len() >= 40);
}
