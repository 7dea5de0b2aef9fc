//! The members of a document's objects are not made before something asks for them: nothing may get past a policy that way.

use sigward_cue::{Mode, Outcome, Policy, Strictness};

fn judge(policy: &str, document: &str, strictness: Strictness) -> Outcome {
    let policy = Policy::compile(policy).unwrap_or_else(|e| panic!("{policy}: {e}"));
    policy.check_with(document, Mode::Default, strictness)
}

fn rejects(policy: &str, document: &str, message: &str) {
    let expected = Outcome::Reject { message: message.to_owned() };
    assert_eq!(judge(policy, document, Strictness::AsCue), expected, "{policy} with {document}");
}

fn accepts(policy: &str, document: &str) {
    assert_eq!(judge(policy, document, Strictness::AsCue), Outcome::Accept, "{policy} with {document}");
}

#[test]
fn a_member_that_nothing_named_is_still_not_allowed() {
    rejects("#D: {a?: int}\nr: [...#D]", r#"{"r":[{"a":1},{"b":1}]}"#, "r.1.b: field not allowed");
    rejects("r: [...close({a: int})]", r#"{"r":[{"a":1,"b":1}]}"#, "r.0.b: field not allowed");
    rejects("#D: {a?: int}\no: _\nv: o & #D", r#"{"o":{"c":1}}"#, "v.c: field not allowed");
}

#[test]
fn a_pattern_that_comes_later_holds_for_all_members() {
    let late = "r: [...{if true {[string]: int}}]";
    accepts(late, r#"{"r":[{"a":1,"b":2}]}"#);
    assert!(matches!(judge(late, r#"{"r":[{"a":1,"b":"x"}]}"#, Strictness::AsCue), Outcome::Reject { .. }));
    let message = "o.b: conflicting values \"x\" and int (mismatched types string and int)";
    rejects("o: [=~\"^b\"]: int", r#"{"o":{"a":"x","b":"x"}}"#, message);
}

#[test]
fn a_member_has_its_value_wherever_it_is_used() {
    let document = r#"{"o":{"a":1,"b":{"c":[2]}},"p":{"b":{"c":[2]},"a":1}}"#;
    for (good, bad) in [
        ("o: _\nv: [for k, x in o {k}]\nv: [\"a\", \"b\"]", "o: _\nv: [for k, x in o {k}]\nv: [\"b\", \"a\"]"),
        ("o: _\np: _\nv: o == p\nv: true", "o: _\np: _\nv: o == p\nv: false"),
        ("o: _\nv: o.b.c[0]\nv: 2", "o: _\nv: o.b.c[0]\nv: 3"),
        ("o: _\nv: o\nv: b: c: [2]", "o: _\nv: o\nv: b: c: [3]"),
        ("o: {a: 1, ...} | {z: 1}", "o: {a: 2, ...} | {a: 3}"),
        (
            "import \"encoding/json\"\no: _\nv: json.Marshal(o)\nv: \"{\\\"a\\\":1,\\\"b\\\":{\\\"c\\\":[2]}}\"",
            "import \"encoding/json\"\no: _\nv: json.Marshal(o)\nv: \"{}\"",
        ),
        ("import \"struct\"\no: struct.MaxFields(2)", "import \"struct\"\no: struct.MaxFields(1)"),
    ] {
        accepts(good, document);
        assert!(matches!(judge(bad, document, Strictness::AsCue), Outcome::Reject { .. }), "{bad}");
    }
    let message = "o: conflicting values 1 and {a:1,b:{c:[2]}} (mismatched types int and struct)";
    rejects("o: 1", document, message);
}

#[test]
fn what_stands_for_a_part_of_the_document_is_missing_as_a_whole() {
    let policy = "predicate: _\nP: predicate";
    let Outcome::Reject { message } = judge(policy, r#"{"predicate":{"a":1,"b":2}}"#, Strictness::RequireFields) else {
        panic!("accepted");
    };
    let expected =
        "P.a: the policy constrains this field, and the document does not have it (and 1 more errors)".to_owned();
    assert_eq!(message, expected);
}

/// The next object mostly has the names of the last one, and is compared with them byte by byte.
#[test]
fn a_name_with_quotes_in_it_hides_no_member() {
    let policy = "r: [...{a?: string, ...}]";
    let message = "r.1.a: conflicting values 1 and string (mismatched types int and string)";
    rejects(policy, r#"{"r":[{"a\":1,\"b":2},{"a":1,"b":2}]}"#, message);
    rejects(policy, r#"{"r":[{"a":"x","c":2},{"\u0061":1,"c":2}]}"#, message);
    rejects(policy, r#"{"r":[{"ab":"x"},{"a":1}]}"#, message);
    let twice = Outcome::Reject { message: "reading the document: byte 26: two members of one name".to_owned() };
    assert_eq!(judge(policy, r#"{"r":[{"a":"x"},{"a":"x", "a":1}]}"#, Strictness::AsCue), twice);
}

#[test]
fn every_finding_that_is_wrong_is_counted() {
    let findings: Vec<String> = (0..500).map(|n| format!("{{\"a\":\"x{n}\",\"b\":{n}}}")).collect();
    let document = format!("{{\"r\":[{}]}}", findings.join(","));
    let first = "r.0.a: conflicting values \"x0\" and int (mismatched types string and int)";
    rejects("r: [...{a: int}]", &document, &format!("{first} (and 499 more errors)"));
}
