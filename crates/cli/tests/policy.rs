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

#[test]
fn strict_evaluation_rejects_a_missing_field() {
    let policy = "predicate: approved: true\npredicate: note?: string";
    let missing = eval(&["--type=cue", "--strict", "--output=json"], policy, "{\"predicate\": {}}");
    let answer: Value = serde_json::from_slice(&missing.stdout).unwrap();
    assert_eq!((missing.status.code(), &answer["verdict"]), (Some(1), &"reject".into()));
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("predicate.approved: the policy constrains this field"), "{message}");
    let there = eval(&["--type=cue", "--strict"], policy, "{\"predicate\": {\"approved\": true}}");
    assert_eq!((there.status.code(), there.stdout.as_slice()), (Some(0), b"accept\n".as_slice()));
    // Without it, as CUE.
    assert_eq!(eval(&["--type=cue"], policy, "{}").status.code(), Some(0));
    let rego = eval(&["--type=rego", "--strict"], "package sigstore", "{}");
    assert_eq!(rego.status.code(), Some(1));
    assert!(rego.stdout.is_empty(), "Rego says itself what a missing field means");
}

/// Lints files, each with its text.
fn lint(arguments: &[&str], files: &[(&str, &str)]) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_sigward"))
        .args(["policy", "lint", "--output=json"])
        .args(arguments)
        .args(files.iter().map(|(name, _)| name))
        .current_dir(folder.path())
        .output()
        .unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// File, line, severity, code and path of each finding.
fn places(report: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|f| ["file", "line", "severity", "code", "path"].map(|key| text(&f[key])).join(" ")).collect()
}

/// A message about a field named `a` begins with that word, and with no path.
#[test]
fn a_field_with_a_short_name_is_named_in_the_text() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.cue"), "a: int\nan: int\nb: 1 & 2\n").unwrap();
    fs::write(folder.path().join("q.cue"), "a: int\nan: int\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sigward"))
        .args(["policy", "lint", "p.cue", "q.cue"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let begins: Vec<_> = text.lines().map(|line| line.split(": ").take(3).collect::<Vec<_>>().join(": ")).collect();
    assert_eq!(
        begins,
        [
            "p.cue:3: error[does-not-compile]: b",
            "q.cue: warning[accepts-empty]: the policy accepts {}",
            "q.cue:1: warning[missing-field]: a",
            "q.cue:2: warning[missing-field]: an",
        ],
        "{text}"
    );
    assert_eq!(text.matches("b: conflicting").count(), 1, "{text}");
}

#[test]
fn a_policy_is_linted_with_exit_codes_for_scripts() {
    let traps = ("a.cue", "predicate: {\n  approved: true\n}\n");
    let (code, report) = lint(&[], &[traps]);
    assert_eq!(code, Some(0), "warnings alone do not fail");
    assert_eq!(
        places(&report),
        ["a.cue null warning accepts-empty ", "a.cue 2 warning missing-field predicate.approved"]
    );
    assert_eq!((&report["errors"], &report["warnings"]), (&0.into(), &2.into()));
    assert_eq!(lint(&["--strict"], &[traps]).0, Some(1));
    let good = ("b.cue", "predicate?: approved?: true\n");
    assert_eq!(lint(&["--strict"], &[good]).0, Some(0));
    let (code, report) = lint(&[], &[("c.cue", "a: 1\nb: nosuch\n"), ("d.rego", "package sigstore\nisCompliant {")]);
    assert_eq!(code, Some(1));
    assert_eq!(places(&report), ["c.cue 2 error does-not-compile b", "d.rego 2 error does-not-compile "]);
    // A note is no warning.
    assert_eq!(lint(&["--strict"], &[("e.rego", "package sigstore\nisCompliant { input.a }")]).0, Some(0));
    assert_eq!(lint(&[], &[("f.txt", "")]).0, Some(1));
}

/// As `policy test` reads a folder: what is below it, too, in the order of the names; other files are none of its business.
#[test]
fn folder_of_policies_is_linted() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let lint = || {
        let output = Command::new(env!("CARGO_BIN_EXE_sigward"))
            .args(["policy", "lint", "--output=json", "."])
            .current_dir(folder.path())
            .output()
            .unwrap();
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default())
    };
    put("README.txt", "a: nosuch");
    assert_eq!(lint(), (Some(1), Value::Null), "nothing was looked at");
    put("more/b.cue", "a: nosuch\n");
    put("more/c.yaml", CLUSTER_IMAGE_POLICY);
    put("a.rego", "package sigstore\nisCompliant {");
    let (code, report) = lint();
    assert_eq!(code, Some(1));
    let places = places(&report);
    for (place, begin) in places.iter().zip(["./a.rego 2 error", "./more/b.cue 1 error", "./more/c.yaml "]) {
        assert!(place.starts_with(begin), "{begin:?} in {places:?}");
    }
}

const CLUSTER_IMAGE_POLICY: &str = r#"apiVersion: v1
kind: Secret
metadata:
  name: other
---
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: vuln
spec:
  images:
  - glob: "**"
  authorities:
  - name: a
    keyless: {}
    attestations:
    - name: scan
      predicateType: vuln
      policy:
        type: cue
        data: |
          predicateType: "https://cosign.sigstore.dev/attestation/vuln/v1"
          predicate: {
            approved: true
          }
    - name: remote
      predicateType: vuln
      policy:
        type: cue
        configMapRef: {name: x, key: policy}
  policy:
    type: rego
    data: |
      package sigstore
      default isCompliant = false
      isCompliant {
        input.spec.containers[_].name == "good"
      }
"#;

#[test]
fn policies_in_a_cluster_image_policy_are_linted_at_their_lines() {
    let (code, report) = lint(&[], &[("p.yaml", CLUSTER_IMAGE_POLICY)]);
    assert_eq!(code, Some(0));
    assert_eq!(
        places(&report),
        [
            "p.yaml 30 note not-looked-at ",
            "p.yaml 37 warning any-element ",
            "p.yaml 21 warning accepts-empty ",
            "p.yaml 24 warning missing-field predicate.approved",
        ]
    );
    assert_eq!(report["findings"][0]["policy"], "vuln: spec.authorities[0].attestations[1].policy");
    assert_eq!(report["findings"][1]["policy"], "vuln: spec.policy");
    assert_eq!(report["findings"][2]["policy"], "vuln: spec.authorities[0].attestations[0].policy");
    // Folded lines are not those of the policy.
    let folded = CLUSTER_IMAGE_POLICY.replace("        data: |\n", "        data: >-\n\n");
    let (_, report) = lint(&[], &[("p.yaml", &folded)]);
    let lines: Vec<_> = report["findings"].as_array().unwrap().iter().map(|f| f["line"].clone()).collect();
    assert_eq!(lines[2..], [Value::from(21)], "{report}");
    let quoted = "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: a}\nspec:\n  \
                  policy: {type: cue, data: \"a: 1\\nb: \"}\n";
    let (code, report) = lint(&[], &[("q.yaml", quoted)]);
    assert_eq!((code, places(&report)), (Some(1), vec!["q.yaml 5 error does-not-compile ".to_owned()]));
}

const POLICY_OVER_AN_IMAGE: &str = r#"apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: pods
spec:
  images: [{glob: "**"}]
  policy:
    type: cue
    includeTypeMeta: true
    data: |
      typemeta: kind: "Pod"
      spec: {
        hostNetwork: false
        serviceAccount: "a"
        containers: [...{image: =~"^good/"}]
      }
"#;

#[test]
fn what_a_policy_over_an_image_is_never_given_is_told_once() {
    let (code, report) = lint(&[], &[("p.yaml", POLICY_OVER_AN_IMAGE)]);
    assert_eq!(code, Some(0));
    let told = ["p.yaml 10 warning accepts-empty ", "p.yaml 13 warning never-given spec.hostNetwork"];
    assert_eq!(places(&report), told);
    let given = POLICY_OVER_AN_IMAGE.replace("    includeTypeMeta: true\n", "    includeSpec: true\n");
    let (_, report) = lint(&[], &[("p.yaml", &given)]);
    assert_eq!(
        places(&report),
        [
            "p.yaml 10 warning accepts-empty ",
            "p.yaml 11 warning never-given typemeta.kind",
            "p.yaml 13 note missing-false spec.hostNetwork",
            "p.yaml 14 warning missing-field spec.serviceAccount",
            "p.yaml 15 warning missing-field spec.containers[].image",
            "p.yaml 15 note missing-list spec.containers",
        ]
    );
    // An error is not taken for that.
    let wrong = POLICY_OVER_AN_IMAGE.replace("hostNetwork: false", "hostNetwork: nosuch");
    assert_eq!(places(&lint(&[], &[("p.yaml", &wrong)]).1), ["p.yaml 13 error does-not-compile spec.hostNetwork"]);
}

#[test]
fn a_policy_that_asks_for_what_every_attestation_has_is_no_finding() {
    let only = CLUSTER_IMAGE_POLICY.replace("          predicate: {\n            approved: true\n          }\n", "");
    let (_, report) = lint(&[], &[("p.yaml", &only)]);
    assert_eq!(places(&report), ["p.yaml 27 note not-looked-at ", "p.yaml 34 warning any-element "]);
    // A file alone may be asked about anything.
    let (_, report) = lint(&[], &[("a.cue", "predicateType: \"a\"\npredicate: approved: true\n")]);
    assert_eq!(
        places(&report),
        ["a.cue null warning accepts-empty ", "a.cue 2 warning missing-field predicate.approved"]
    );
}

#[test]
fn a_cluster_image_policy_is_what_the_controller_reads() {
    let misspelled = CLUSTER_IMAGE_POLICY
        .replace("        data: |\n          predicateType", "        date: |\n          predicateType");
    let (code, report) = lint(&[], &[("p.yaml", &misspelled)]);
    assert_eq!((code, places(&report)), (Some(1), vec!["p.yaml 6 error unreadable ".to_owned()]));
    let version = CLUSTER_IMAGE_POLICY.replace("policy.sigstore.dev/v1beta1", "policy.sigstore.dev/v1");
    assert_eq!(places(&lint(&[], &[("p.yaml", &version)]).1), ["p.yaml 6 error unreadable "]);
    let nothing = CLUSTER_IMAGE_POLICY.replace("configMapRef: {name: x, key: policy}", "includeSpec: false");
    assert_eq!(lint(&[], &[("p.yaml", &nothing)]).1["findings"][0]["code"], "unreadable");
    let indented = CLUSTER_IMAGE_POLICY.replace("---\n", "\u{1}");
    let (first, second) = indented.split_once('\u{1}').unwrap();
    let items: Vec<String> = [first, second].map(|text| format!("- {}", text.trim_end().replace('\n', "\n  "))).into();
    let list = format!("apiVersion: v1\nkind: List\nitems:\n{}\n", items.join("\n"));
    let (_, report) = lint(&[], &[("p.yaml", &list)]);
    assert_eq!(
        places(&report),
        [
            "p.yaml 32 note not-looked-at ",
            "p.yaml 39 warning any-element ",
            "p.yaml 23 warning accepts-empty ",
            "p.yaml 26 warning missing-field predicate.approved",
        ]
    );
}

#[test]
fn yaml_that_is_not_understood_is_an_error() {
    for (text, code) in [
        ("a: [", "unreadable"),
        ("a: 1\n", "no-policy"),
        ("a: 1\na: 2\n", "unreadable"),
        (
            "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nspec: {policy: {type: cel, data: \"a\"}}",
            "unreadable",
        ),
    ] {
        let (exit, report) = lint(&[], &[("p.yml", text)]);
        assert_eq!((exit, &report["findings"][0]["code"]), (Some(1), &code.into()), "{text}: {report}");
    }
}
