//! Strict evaluation: a field that the policy constrains and the document lacks rejects.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use sigward_cue::{Mode, Outcome, Policy, Strictness};

/// Policy, document, and for a document that strict evaluation rejects what the message must have.
type Case = (&'static str, &'static str, Option<&'static str>);

fn judge(policy: &str, document: &str, strictness: Strictness) -> Outcome {
    Policy::compile(policy).unwrap().check_with(document, Mode::Default, strictness)
}

fn assert_cases(cases: &[Case]) {
    for (policy, document, rejected) in cases {
        assert_eq!(judge(policy, document, Strictness::AsCue), Outcome::Accept, "as CUE: {policy} / {document}");
        match (judge(policy, document, Strictness::RequireFields), rejected) {
            (Outcome::Accept, None) => {}
            (Outcome::Reject { message }, Some(text)) if message.contains(text) => {}
            (outcome, _) => panic!("{policy} / {document}: expected {rejected:?}, found {outcome:?}"),
        }
    }
}

const LACKS: &str = "the policy constrains this field, and the document does not have it";

#[test]
fn what_is_constrained_and_missing_rejects() {
    assert_cases(&[
        (r#"predicateType: "a""#, "{}", Some("predicateType: the policy constrains this field")),
        ("predicate: approved: true", r#"{"predicate": {}}"#, Some("predicate.approved: the policy")),
        ("predicate: approved: true", "{}", Some("predicate.approved: the policy")),
        ("predicate: count: <5", r#"{"predicate": {}}"#, Some("predicate.count")),
        ("predicate: name: string", r#"{"predicate": {}}"#, Some("predicate.name")),
        (r#"predicate: kind: "a" | "b""#, r#"{"predicate": {}}"#, Some("predicate.kind")),
        ("predicate: any: _", r#"{"predicate": {}}"#, Some("predicate.any")),
        ("predicate: {}", "{}", Some(LACKS)),
        ("items: [...string]", "{}", Some("items")),
        ("items: []", "{}", Some("items")),
        ("a!: string", "{}", None),
    ]);
}

#[test]
fn what_is_there_is_judged_as_cue_does() {
    assert_cases(&[
        (r#"predicateType: "a""#, r#"{"predicateType": "a", "more": 1}"#, None),
        ("predicate: {approved: true, count: <5}", r#"{"predicate": {"approved": true, "count": 4}}"#, None),
        ("items: [...{name: string}]", r#"{"items": [{"name": "a"}, {"name": "b"}]}"#, None),
        ("items: [...string]", r#"{"items": []}"#, None),
        ("predicate: any: _", r#"{"predicate": {"any": null}}"#, None),
    ]);
    let outcome = judge("a: 1", r#"{"a": 2}"#, Strictness::RequireFields);
    assert!(matches!(outcome, Outcome::Reject { message } if message.contains("conflicting values")));
}

#[test]
fn each_element_of_a_list_is_asked() {
    let policy = "spec: containers: [...{securityContext: privileged: false}]";
    assert_cases(&[
        (policy, r#"{"spec": {"containers": [{"securityContext": {"privileged": false}}]}}"#, None),
        (
            policy,
            r#"{"spec": {"containers": [{"securityContext": {"privileged": false}}, {"name": "evil"}]}}"#,
            Some("spec.containers.1.securityContext.privileged: the policy"),
        ),
    ]);
}

#[test]
fn fields_that_a_pattern_matches_are_asked() {
    let policy = "attestations: [string]: {subject: string}";
    assert_cases(&[
        (policy, r#"{"attestations": {"a": {"subject": "me"}}}"#, None),
        (policy, r#"{"attestations": {}}"#, None),
        (policy, r#"{"attestations": {"a": {}}}"#, Some("attestations.a.subject")),
        // Nothing that is declared is required.
        (policy, "{}", None),
    ]);
}

#[test]
fn optional_fields_and_definitions_may_be_missing() {
    assert_cases(&[
        ("a?: 1, predicate: b?: string", "{}", None),
        ("#A: {name: string}", "{}", None),
        ("#A: {name: string}, a: #A", "{}", Some("a.name")),
        ("#A: {name?: string, ...}, a: #A", "{}", None),
        ("#A: {name: string}, a?: #A", "{}", None),
        ("_a: 1, b: _a", r#"{"b": 1}"#, None),
        ("let a = 1, b: a", r#"{"b": 1}"#, None),
        ("let a = 1, b: a", "{}", Some("b: the policy")),
    ]);
}

#[test]
fn a_default_says_what_is_meant() {
    assert_cases(&[
        (r#"a: *"x" | string"#, "{}", None),
        (r#"a: *"x" | string"#, r#"{"a": "y"}"#, None),
        ("spec: drop: [...string] | *[]", "{}", None),
        ("a: 1 | 2", "{}", Some("a: the policy")),
    ]);
}

#[test]
fn values_of_the_policy_itself_are_not_asked_for() {
    assert_cases(&[
        (
            r#"import "time"
            before: time.Parse(time.RFC3339, "2049-10-09T17:10:27Z")
            predicate: Timestamp: <before"#,
            r#"{"predicate": {"Timestamp": "2022-01-01T00:00:00Z"}}"#,
            None,
        ),
        (
            r#"import "time"
            before: time.Parse(time.RFC3339, "2049-10-09T17:10:27Z")
            predicate: Timestamp: <before"#,
            r#"{"predicate": {}}"#,
            Some("predicate.Timestamp: the policy"),
        ),
        // Computed, but nothing refers to it: a demand.
        (r#"let r = "reg", predicate: image: "\(r)/app""#, r#"{"predicate": {}}"#, Some("predicate.image")),
        // Written out: a demand, though something refers to it.
        (r#"kind: "Pod", other: kind"#, r#"{"other": "Pod"}"#, Some("kind: the policy")),
        (
            "metadata: {...}, ns: metadata.namespace, spec: x: ns",
            r#"{"metadata": {"namespace": "a"}, "spec": {"x": "a"}}"#,
            None,
        ),
    ]);
}

#[test]
fn conditions_over_what_is_missing_reject() {
    let asserting = r#"import "strings"
        ok: true & strings.HasPrefix(predicate.image, "reg/")
        predicate: {...}"#;
    let hidden = r#"import "strings"
        _ok: true & strings.HasPrefix(predicate.image, "reg/")
        predicate: {...}"#;
    let guarded = r#"predicate: {...}
        checks: { if predicate.level < 3 { rejected: "level" & "too low" } }"#;
    assert_cases(&[
        (asserting, r#"{"predicate": {"image": "reg/a"}}"#, None),
        (asserting, r#"{"predicate": {}}"#, Some("ok: undefined field: image")),
        (hidden, r#"{"predicate": {"image": "reg/a"}}"#, None),
        (hidden, r#"{"predicate": {}}"#, Some("_ok: undefined field: image")),
        (guarded, r#"{"predicate": {"level": 3}}"#, None),
        (guarded, r#"{"predicate": {}}"#, Some("level")),
    ]);
}

#[test]
fn attack_a_document_cannot_stand_in_for_fields_by_being_something_else() {
    for document in ["[]", "null", "\"a\"", "1"] {
        let outcome = judge(r#"predicateType: "a""#, document, Strictness::RequireFields);
        assert!(matches!(outcome, Outcome::Reject { .. }), "{document}: {outcome:?}");
    }
}

#[test]
fn attack_an_empty_container_does_not_hide_missing_fields() {
    assert_cases(&[
        ("a: b: c: 1", r#"{"a": {}}"#, Some("a.b.c")),
        ("a: b: c: 1", r#"{"a": {"b": {}}}"#, Some("a.b.c")),
        ("#B: {c: 1, ...}, a: #B, d: #B", r#"{"a": {"c": 1}, "d": {}}"#, Some("d.c")),
        ("#B: {c: 1, ...}, a: #B, d: #B", r#"{"a": {"c": 1}}"#, Some("d.c")),
        ("#B: {c: 1, ...}, a: #B, d: #B", r#"{"a": {}, "d": {"c": 1}}"#, Some("a.c")),
    ]);
}

#[test]
fn what_cue_rejects_is_rejected() {
    let cases = [("a: 1", r#"{"a": 2}"#), ("a?: int", r#"{"a": "x"}"#), ("#A: {b: 1}, a: #A", r#"{"a": {"c": 1}}"#)];
    for (policy, document) in cases {
        for mode in [Mode::Default, Mode::Final, Mode::Concrete] {
            let policy = Policy::compile(policy).unwrap();
            let outcome = policy.check_with(document, mode, Strictness::RequireFields);
            assert!(matches!(outcome, Outcome::Reject { .. }), "{document}: {outcome:?}");
        }
    }
}
