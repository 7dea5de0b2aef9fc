//! What the author of a Rego policy is warned of.

use jiff::Timestamp;
use sigward_policy::rego::lint::{LintCode, Severity, lint};

fn found(source: &str) -> Vec<(LintCode, Option<usize>)> {
    lint(source, Timestamp::UNIX_EPOCH).into_iter().map(|f| (f.code, f.line)).collect()
}

const DEFAULT: &str = "package sigstore\ndefault isCompliant = false\n";

#[test]
fn no_false_alarm() {
    for body in [
        "isCompliant {\n  input.predicateType == \"a\"\n}",
        "isCompliant {\n  input.spec\n  bad := [c | c := input.spec.containers[_]; c.privileged]\n  count(bad) == 0\n}",
        "unsafe { input.items[_].bad }\nisCompliant { input.items; not unsafe }",
    ] {
        assert_eq!(found(&format!("{DEFAULT}{body}")), [], "{body}");
    }
    let one = "package sigstore\nisCompliant[r] {\n  ok = input.a == 1\n  w = \"\"\n  \
               r := {\"result\": ok, \"error\": \"no\", \"warning\": w}\n}";
    assert_eq!(found(one), []);
    let refusals = "package sigstore\nisCompliant[r] { not input.a; r := {\"result\": false, \"error\": \"a\"} }\n\
                    isCompliant[r] { not input.b; r := {\"result\": false, \"error\": \"b\"} }\n\
                    isCompliant[r] { input.a; input.b; r := {\"result\": true} }";
    assert_eq!(found(refusals), []);
}

#[test]
fn a_policy_that_denies_everything_is_an_error() {
    let cases = [
        ("package sigstore\nisCompliant {", LintCode::DoesNotCompile, Some(2)),
        ("package sigstore\nisCompliant { http.send({\"url\": \"x\"}).status == 200 }", LintCode::Unsupported, Some(2)),
        ("package signature\nisCompliant { input.a }", LintCode::WrongPackage, Some(1)),
        ("package sigstore\nallow { input.a }", LintCode::NoRule, None),
        ("package sigstore\niscompliant { input.a }", LintCode::NoRule, None),
    ];
    for (source, code, line) in cases {
        assert_eq!(found(source), [(code, line)], "{source}");
        assert_eq!(code.severity(), Severity::Error);
    }
    let near = lint("package sigstore\niscompliant { input.a }", Timestamp::UNIX_EPOCH);
    assert!(near.first().is_some_and(|f| f.message.contains("iscompliant")), "{near:?}");
}

#[test]
fn attack_an_empty_document_is_accepted() {
    for body in
        ["isCompliant { true }", "isCompliant { not input.bad }", "isCompliant { count([1 | input.a[_]]) == 0 }"]
    {
        assert_eq!(found(&format!("{DEFAULT}{body}")), [(LintCode::AcceptsEmpty, None)], "{body}");
    }
}

#[test]
fn attack_one_good_element_is_enough() {
    let any = format!("{DEFAULT}isCompliant {{\n  input.spec.containers[_].name == \"good\"\n}}");
    assert_eq!(found(&any), [(LintCode::AnyElement, Some(4))]);
    let each = "package sigstore\nisCompliant[r] {\n  c := input.spec.containers[_]\n  \
                r := {\"result\": c.name == \"good\", \"error\": \"bad\"}\n}";
    assert_eq!(found(each), [(LintCode::OneTrueWins, Some(2))]);
    let several = "package sigstore\nisCompliant[r] { r := {\"result\": input.a == 1} }\n\
                   isCompliant[r] { r := {\"result\": input.b == 1} }";
    assert_eq!(found(several), [(LintCode::OneTrueWins, Some(3))]);
}

#[test]
fn a_warning_is_a_failure() {
    let source =
        "package sigstore\nisCompliant[r] {\n  w := \"old\"\n  r := {\"result\": input.a == 1, \"warning\": w}\n}";
    assert_eq!(found(source), [(LintCode::WarningFails, Some(2))]);
}

#[test]
fn a_missing_default_is_a_note() {
    assert_eq!(found("package sigstore\nisCompliant { input.a }"), [(LintCode::NoDefault, Some(2))]);
    assert_eq!(LintCode::NoDefault.severity(), Severity::Note);
}
