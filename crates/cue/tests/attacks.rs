//! Each way of getting past a policy, and that it is shut.

use sigward_cue::{CompileError, Mode, Outcome, Policy};

fn check(policy: &str, document: &str) -> Outcome {
    Policy::compile(policy).unwrap_or_else(|e| panic!("{policy}: {e}")).check(document, Mode::Default)
}

fn rejects(policy: &str, document: &str, message: &str) {
    match check(policy, document) {
        Outcome::Reject { message: found } => assert_eq!(found, message, "{policy} with {document}"),
        other => panic!("{policy} with {document}: {other:?}"),
    }
}

fn accepts(policy: &str, document: &str) {
    assert_eq!(check(policy, document), Outcome::Accept, "{policy} with {document}");
}

#[test]
fn a_member_given_twice_is_refused() {
    assert!(matches!(check("a: 1", r#"{"a":1,"a":1}"#), Outcome::Reject { .. }));
    assert!(matches!(check("a: 1", "{\"a\":1,\"\\u0061\":2}"), Outcome::Reject { .. }));
}

#[test]
fn a_document_in_cue_is_no_document() {
    for document in ["a: 1", "{a: 1}", "{\"a\": 1,}", "{\"a\": 1} // x", "{\"a\": 0x1}", "{\"a\": int}", "{\"a\": 01}"]
    {
        assert!(matches!(check("a: int", document), Outcome::Reject { .. }), "{document}");
    }
}

#[test]
fn a_field_beyond_a_closed_definition_is_refused() {
    let policy = "#V: {name: string, config?: {...}, [=~\"^x\"]: int}, v: [...#V]";
    accepts(policy, r#"{"v":[{"name":"a","config":{"q":1},"x1":2}]}"#);
    rejects(policy, r#"{"v":[{"name":"a","hostPath":{}}]}"#, "v.0.hostPath: field not allowed");
    rejects(
        policy,
        r#"{"v":[{"name":"a","x1":"s"}]}"#,
        "v.0.x1: conflicting values \"s\" and int (mismatched types string and int)",
    );
    rejects("a: close({b: 1})", r#"{"a":{"c":1}}"#, "a.c: field not allowed");
    // Embedding opens nothing: what is embedded closes what is around it.
    rejects("#A: {x: 1}, a: {#A, y: 2}", r#"{"a":{"z":1}}"#, "a.z: field not allowed");
    // Two closed structs admit what both admit, not the union.
    rejects("#A: {x?: 1}, #B: {y?: 1}, a: #A & #B", r#"{"a":{"x":1}}"#, "a.x: field not allowed");
    // What is not known yet is closed all the same.
    let itself = Policy::compile("#x: \"v\\(#x)\", a: #x");
    assert!(matches!(itself, Err(CompileError::Unsupported { .. })), "{itself:?}");
    // Closed all the way down.
    rejects("#A: {x: y: 1}, a: #A", r#"{"a":{"x":{"z":1}}}"#, "a.x.z: field not allowed");
}

#[test]
fn a_value_of_another_type_is_refused() {
    rejects("a: string", r#"{"a":null}"#, "a: conflicting values string and null (mismatched types string and null)");
    rejects("a: <5", r#"{"a":"4"}"#, "a: conflicting values \"4\" and <5 (mismatched types string and number)");
    rejects("a: 1", r#"{"a":[1]}"#, "a: conflicting values 1 and [1] (mismatched types int and list)");
    rejects("a: b: 1", r#"{"a":[]}"#, "a: conflicting values [] and {b:1} (mismatched types list and struct)");
    // 1.0 is no int.
    assert!(matches!(check("a: int", r#"{"a":1.0}"#), Outcome::Reject { .. }));
}

#[test]
fn an_unknown_name_is_no_constraint() {
    for (policy, message) in [
        ("a: b", "a: reference \"b\" not found"),
        ("import \"time\"\na: 1", "imported and not used: \"time\""),
        ("import \"strings\"\na: strings.Foo(\"x\")", "a: cannot call non-function strings.Foo (type _|_)"),
        ("let x = 1\na: 2", "unreferenced alias or let clause x"),
        ("a: \"abc", "string literal not terminated"),
        ("a: 1 b: 2", "missing ',' in struct literal"),
    ] {
        match Policy::compile(policy) {
            Err(error) => assert_eq!(error.to_string(), message),
            Ok(_) => panic!("{policy} compiles"),
        }
    }
}

#[test]
fn a_policy_that_contradicts_itself_is_refused() {
    let Err(CompileError::Evaluate { message }) = Policy::compile("a: 1, a: 2") else { panic!("it compiles") };
    assert_eq!(message, "a: conflicting values 2 and 1");
}

#[test]
fn all_alternatives_failing_is_no_default() {
    rejects("a: *\"x\" | \"y\"", r#"{"a":"z"}"#, "a: 2 errors in empty disjunction: (and 2 more errors)");
    accepts("a: *\"x\" | \"y\"", r#"{"a":"y"}"#);
    rejects(
        "a: {k: 1, v: int} | {k: 2, v: string}",
        r#"{"a":{"k":2,"v":3}}"#,
        "a: 2 errors in empty disjunction: (and 2 more errors)",
    );
}

#[test]
fn a_guard_sees_data_and_not_only_defaults() {
    let policy = "c: {priv: bool | *false, if priv {name: \"must not be privileged\"}, name: string}";
    accepts(policy, r#"{"c":{"name":"x"}}"#);
    assert!(matches!(check(policy, r#"{"c":{"name":"x","priv":true}}"#), Outcome::Reject { .. }));
}

#[test]
fn elements_of_a_list_are_all_constrained() {
    rejects("a: [...{n: <3}]", r#"{"a":[{"n":1},{"n":5}]}"#, "a.1.n: invalid value 5 (out of bound <3)");
    rejects("a: [1, 2]", r#"{"a":[1]}"#, "a: incompatible list lengths (1 and 2)");
}

#[test]
fn required_fields_count_where_final_is_asked() {
    let policy = Policy::compile("a!: int").unwrap();
    assert_eq!(policy.check("{}", Mode::Default), Outcome::Accept);
    let Outcome::Reject { message } = policy.check("{}", Mode::Final) else { panic!("accepted") };
    assert_eq!(message, "a: field is required but not present");
    assert!(matches!(Policy::compile("a: int").unwrap().check("{}", Mode::Concrete), Outcome::Reject { .. }));
}

#[test]
fn a_bad_regular_expression_never_matches_silently() {
    assert!(matches!(check("a: =~\"x\"", r#"{"a":"y"}"#), Outcome::Reject { .. }));
    assert!(!matches!(
        Policy::compile("a: =~\"(\"").map(|p| p.check(r#"{"a":"y"}"#, Mode::Default)),
        Ok(Outcome::Accept)
    ));
    assert!(!matches!(
        Policy::compile("a: !~\"(\"").map(|p| p.check(r#"{"a":"y"}"#, Mode::Default)),
        Ok(Outcome::Accept)
    ));
}

/// A bound that holds itself has no end where its type is looked for.
#[test]
fn a_bound_of_itself_ends() {
    for policy in ["c: [int][0]\nc?: [if true {e}][0]\ne: >=(c)\n", "c: int\nc?: [e][0]\ne: >=(c)\nx: (c >= e)\n"] {
        let outcome = Policy::compile(policy).map(|policy| policy.check(r#"{"c":10}"#, Mode::Default));
        let denied = match &outcome {
            Err(error) => error.is_unsupported(),
            Ok(outcome) => *outcome != Outcome::Accept,
        };
        assert!(denied, "{policy}: {outcome:?}");
    }
}

/// What stands before a condition is finished when the condition is looked at, and what stands behind is not.
#[test]
fn a_list_that_is_too_short_is_incomplete_to_a_condition_behind_it() {
    let policy = "import \"list\"\np: {r: list.MinItems(2) & [...], if r == _|_ {f: 1 & 2}}\n";
    assert!(matches!(Policy::compile(policy), Err(CompileError::Evaluate { .. })));
    let policy = "import \"list\"\np: {if r == _|_ {f: 1 & 2}, r: list.MinItems(2) & [...]}\n";
    accepts(policy, "{}");
    let policy = "import \"list\"\np: {r: list.MinItems(1) & [...], if len(r) == 0 {f: error(\"none\")}}\n";
    accepts(policy, "{}");
}

/// CUE may read such a file in another way.
#[test]
fn a_file_that_asks_for_experiments_has_no_verdict() {
    for head in ["@experiment(x)", "@experiment(structcmp)\npackage a", "package a\n@experiment(x)", "@extern(embed)"] {
        let policy = format!("{head}\na: 1\n");
        assert!(matches!(Policy::compile(&policy), Err(CompileError::Unsupported { .. })), "{head}");
    }
    accepts("a: 1\n@experiment(x)\n", "{}");
    accepts("@if(x)\na: 1\n", "{}");
}

#[test]
fn texts_name_what_cue_names() {
    rejects("p: {let s = {a: x & 2}, x: _, b: s.a}", r#"{"p": {"x": 3}}"#, "p.s.a: conflicting values 3 and 2");
    let text = "p: conflicting values 5 and {a:1,if (a == 1) {y:2}} (mismatched types int and struct)";
    rejects("p: {a: 1, if a == 1 {y: 2}}", r#"{"p": 5}"#, text);
    let text = "p: conflicting values int & >=0 & <=255 and \"a\" (mismatched types int and string)";
    rejects("p: uint8", r#"{"p": "a"}"#, text);
    let text = "p: invalid value 1 (does not satisfy matchN): 0 matched, expected 1 (and 2 more errors)";
    rejects("p: matchN(1, [{a!: _}, {b!: _}])", r#"{"p": 1}"#, text);
    let alias = Policy::compile("p: q: X=int\n").map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(alias, Err("p: unreferenced alias or let clause X".to_owned()));
}

#[test]
fn a_field_that_takes_in_what_it_stands_in_is_refused() {
    let refused = |policy: &str| matches!(Policy::compile(policy), Err(CompileError::Evaluate { .. }));
    assert!(refused("predicate: n: P\nP: predicate"));
    assert!(refused("P: predicate.o\npredicate: o: {r: _P}\n_P: predicate"));
    // What only uses a part of it does not.
    for policy in ["P: predicate\npredicate: n: P.o.k", "predicate: n: P.o.k\nP: predicate"] {
        accepts(policy, r#"{"predicate":{"o":{"k":2}}}"#);
        assert!(matches!(check(policy, r#"{"predicate":{"n":3,"o":{"k":2}}}"#), Outcome::Reject { .. }), "{policy}");
    }
}

#[test]
fn a_let_of_a_reference_hides_nothing() {
    let policy = "let P = _x\n_x: predicate\npredicate: n: int\nif P.n > 3 {predicate: o: k: 2}";
    assert!(matches!(Policy::compile(policy), Err(CompileError::Evaluate { .. })));
    let policy = "let P = _x\n_x: predicate\npredicate: n: int\nsmall: P.n & <3";
    accepts(policy, r#"{"predicate":{"n":2}}"#);
    assert!(matches!(check(policy, r#"{"predicate":{"n":4}}"#), Outcome::Reject { .. }));
    // CUE refuses these: how far the list is, and whether the field is there, it finds out too early.
    for policy in [
        "for x in P.s {\"y\\(x.v)\": 1}\npredicate: s: [...{v: <3, ...}]\n_x: predicate\nlet P = _x",
        "predicate: {n: int, a: string, ...}\ncheck: P.a == _|_\n_x: predicate\nlet P = _x",
    ] {
        assert!(matches!(Policy::compile(policy), Err(CompileError::Unsupported { .. })), "{policy}");
    }
}

/// CUE asks again when all is done, and finds another answer.
#[test]
fn an_element_of_a_literal_that_is_asked_for_has_no_verdict() {
    for source in ["[int]", "[>=1, >=1]", "{b: 1 + 1}", "[[string]][0]", "[for w in [1] {string}]"] {
        let policy = format!("for v in {source} {{a: v != _|_}}");
        assert!(matches!(Policy::compile(&policy), Err(CompileError::Unsupported { .. })), "{policy}");
    }
    let policy = "for v in [{z: int}] {a: v.z != _|_}";
    assert!(matches!(Policy::compile(policy), Err(CompileError::Unsupported { .. })));
    for source in ["[1, \"b\"]", "[{b: 1}]", "[predicate.x]"] {
        accepts(&format!("predicate: x: int\nfor v in {source} {{a: v != _|_}}"), r#"{"predicate":{"x":1}}"#);
    }
    accepts("for v in [int] if v != _|_ {a: 1}", "{}");
}

/// CUE asks again when all is done. Something else that names what is missing had the condition decided before.
#[test]
fn what_is_asked_for_beside_a_condition_without_an_answer_has_no_verdict() {
    for named in ["", "_c: len(predicate.l)\n", "_c: predicate.l + \"x\"\n"] {
        let policy = format!("{named}check: predicate.n == _|_\npredicate: {{n: int, if n > 2 {{a: \"x\"}}}}");
        assert!(matches!(Policy::compile(&policy), Err(CompileError::Unsupported { .. })), "{policy}");
    }
    let policy = "\"m_\\(predicate.k)\": 1\npredicate: {n: *2 | int, k: n}\n\
                  predicate: {a: string, if a == \"x\" {k: 2}}";
    assert!(matches!(Policy::compile(policy), Err(CompileError::Unsupported { .. })));
}

/// A required field that can have no value is no error while it is missing, but took the checks of all fields beside it away.
#[test]
fn a_field_that_is_not_allowed_is_refused_beside_a_required_one_that_can_have_no_value() {
    let policy = "#P: {id?: {b!: string, b!: bool}}\npredicate: #P";
    rejects(policy, r#"{"predicate":{"x":{"y":1},"id":{}}}"#, "predicate.x.y: field not allowed");
    accepts(policy, r#"{"predicate":{"id":{}}}"#);
    let policy = "#P: {id?: int}\npredicate: #P";
    let text = "predicate.x.y: field not allowed (and 1 more errors)";
    rejects(policy, r#"{"predicate":{"x":{"y":1},"id":"a"}}"#, text);
}

/// What is missing in one alternative is not known, whatever another one says; what is there and fits no other is an error.
#[test]
fn an_alternative_that_is_missing_is_not_known_beside_an_error_of_the_policy() {
    let policy = "predicate: {...}\nr: predicate.x | error(\"no\")\nr: int";
    accepts(policy, "{}");
    rejects(policy, r#"{"predicate":{"x":"b"}}"#, "r: no");
    let source = "predicate: {...}\nif (predicate.x | error(\"no\")) == 1 {a: 1}";
    assert!(matches!(Policy::compile(source), Err(CompileError::Evaluate { .. })));
}

/// CUE finds none of its packages by such a path.
#[test]
fn a_package_with_a_name_behind_it_is_unknown() {
    for path in ["strings:strings", "encoding/json:json", "strings:other"] {
        let Err(error) = Policy::compile(&format!("import x {path:?}\na: x.Valid")) else { panic!("{path}") };
        assert!(matches!(error, CompileError::Resolve { .. }), "{error:?}");
        assert_eq!(error.to_string(), format!("builtin package {path:?} undefined (and 1 more errors)"));
    }
}

/// What the second one stands for did not see the first.
#[test]
fn let_clauses_that_lead_to_each_other_are_refused() {
    for (policy, message) in [
        ("let x = y, let y = x, a: 1", "let[]: cyclic references in let clause or alias"),
        ("let x = y, let y = z, let z = x, a: x", "let[]: cyclic references in let clause or alias"),
        ("let x = y.z, let y = {z: 1, w: x}, a: x", "let[]: cyclic references in let clause or alias"),
        ("let x = {p: y}, let y = {q: x}, a: x.p", "let[].p: cyclic references in let clause or alias"),
        ("a: {let x = y + 1, let y = x - 1, b: x}", "a.let[]: cyclic references in let clause or alias"),
    ] {
        let error = Policy::compile(policy).map(|_| ()).unwrap_err();
        assert_eq!(error, CompileError::Resolve { message: message.to_owned() }, "{policy}");
    }
    accepts("let x = 1, let y = {z: x}, a: y, b: y.z", r#"{"a":{"z":1},"b":1}"#);
}

/// A computed name is there for what stands behind it.
#[test]
fn a_computed_name_that_is_made_of_a_later_one_is_refused() {
    for (policy, message) in [
        (r#"a: {X=("\(Y)"): 1, Y=("q"): "z", b: X}"#, "a: cyclic reference in field alias"),
        (r#"a: {X=("\(X)"): 1, b: 2}"#, "a: cyclic reference in field alias"),
        (r#"a: {let y = Y, X=("\(y)"): 1, Y=("q"): "z", b: X}"#, "a.let[]: cyclic reference in field alias"),
    ] {
        let error = Policy::compile(policy).map(|_| ()).unwrap_err();
        assert_eq!(error, CompileError::Resolve { message: message.to_owned() }, "{policy}");
    }
    accepts(r#"a: {Y=("q"): "z", X=("\(Y)"): 1, b: X}"#, r#"{"a":{"b":1}}"#);
}

/// What an error says may not be known: it is one all the same.
#[test]
fn an_error_without_a_text_is_an_error() {
    let policy = "predicate: {x: string, y: string}\n\
                  ok: [if predicate.x == \"q\" {true}, error(\"bad \" + predicate.y)][0]\n";
    accepts(policy, r#"{"predicate":{"x":"q"}}"#);
    rejects(policy, r#"{"predicate":{"x":"z"}}"#, "ok: ");
    rejects(policy, r#"{"predicate":{"x":"z","y":"w"}}"#, "ok: bad w");
    let policy = "a: int | error(b), b: string";
    rejects(policy, r#"{"a":"s"}"#, "a: ");
    for source in ["a: error(b), b: string", "a: error(b), b?: string", "a: {if error(b) {x: 1}}, b: string"] {
        assert!(matches!(Policy::compile(source), Err(CompileError::Evaluate { .. })), "{source}");
    }
}

/// A part up to what is not known ends at 0.
#[test]
fn a_part_that_ends_before_it_begins_is_an_error() {
    let message = "a: invalid slice index: 1 > 0".to_owned();
    let error = Policy::compile("predicate: l: [...string], a: predicate.l[1:predicate.n]").map(|_| ());
    assert_eq!(error, Err(CompileError::Evaluate { message }));
    // CUE looks at the other index, and at what is in the list, all the same.
    for policy in
        ["a: [1,2,3][b:c], b: int, c: int", "a: 1 * [_, _][1:]", "a: [1,2,3][1.0:]", "a: [1][b:error(\"x\")], b: int"]
    {
        assert!(matches!(Policy::compile(policy), Err(CompileError::Unsupported { .. })), "{policy}");
    }
    accepts("a: p[n:], p: [1,2,3], n: 1", r#"{"a":[2,3]}"#);
    rejects("a: p[n:], p: [1,2,3], n: 1", r#"{"a":[2,4]}"#, "a.1: conflicting values 3 and 4");
}

#[test]
fn what_no_string_or_comment_may_hold_is_refused() {
    for policy in [
        "a: \"x\0\"",
        "a: \"x\u{feff}\"",
        "// \u{feff}\na: 1",
        "a: \"\"\"\n  x\0\n  \"\"\"",
        "a: #\"\"\"\n  x\n\"\"\"\"#",
        "a: {@x//c\n(y)\nb: 1}",
        "X=#\"a\"#: 1, b: X",
    ] {
        assert!(matches!(Policy::compile(policy), Err(CompileError::Syntax { .. })), "{policy:?}");
    }
    accepts("\u{feff}a: 1", "{}");
}

/// A hidden field belongs to a package, which CUE tells where it prints a value, but not where it shows the source.
#[test]
fn texts_name_the_package_of_hidden_fields() {
    let text = "x: conflicting values 1 and {_h(:p):string,_#e(:p)?:1,y:_h(:p)} (mismatched types int and struct)";
    rejects("package p\nx: {_h: string, _#e?: 1, y: _h}", r#"{"x": 1}"#, text);
    let text = "x: conflicting values 1 and {_h:string} (mismatched types int and struct)";
    rejects("package _\nx: {_h: string}", r#"{"x": 1}"#, text);
    rejects("x: {_h: string}", r#"{"x": 1}"#, text);
    rejects("package p\n_a: {b: 1}\nx: _a", r#"{"x": {"b": 2}}"#, "x.b: conflicting values 1 and 2");
    for (source, message) in [
        ("x: _a._b.c", "x: invalid operand _a._b (found int, want list or struct)"),
        ("x: {for v in _a._b {\"\\(v)\": 1}}", "x: cannot range over _a._b (found int, want list or struct)"),
    ] {
        let policy = format!("package p\n_a: {{_b: 1}}\n{source}");
        let Err(CompileError::Evaluate { message: found }) = Policy::compile(&policy) else { panic!("it compiles") };
        assert_eq!(found, message);
    }
}

/// A package whose path is no identifier is quoted in a value, but not where a check by it is named.
#[test]
fn texts_quote_the_package_of_a_function() {
    let policy = "import \"encoding/json\"\nx: json.Validate({a: int})";
    let text =
        "x: conflicting values 1 and \"encoding/json\".Validate({a:int}) (mismatched types int and (string|bytes))";
    rejects(policy, r#"{"x": 1}"#, text);
    let policy = "import \"encoding/json\"\nx: json.Valid";
    rejects(policy, r#"{"x": "{"}"#, "x: invalid value \"{\" (does not satisfy encoding/json.Valid)");
}

/// An interpolation of what fails fails once for each of its errors, at their paths.
#[test]
fn texts_tell_each_error_of_an_interpolation() {
    let text = "env: 2 errors in empty disjunction: (and 5 more errors)";
    rejects("env: string | *\"dev\"\nhost: \"\\(env).example\"", r#"{"env": null}"#, text);
    let text = "env: invalid interpolation: conflicting values int and null (mismatched types int and null) (and 1 more errors)";
    rejects("a: b: \"\\(env)\"\nenv: int", r#"{"env": null}"#, text);
}

/// A check that is named without a call says which fields a pattern is for, as one that is called does.
#[test]
fn a_check_as_a_pattern_is_for_the_fields_that_it_passes() {
    for (check, name) in [
        ("net.URL", "https://example.com"),
        ("net.FQDN", "example.com"),
        ("net.IPv4", "10.0.0.1"),
        ("net.IPCIDR", "10.0.0.0/8"),
        ("time.Duration", "1s"),
        ("time.Time", "2026-01-01T00:00:00Z"),
        ("regexp.Valid", "a+"),
    ] {
        let package = check.split('.').next().unwrap();
        let policy = format!("import \"{package}\"\nm: [{check}]: int");
        let text = format!("m.{name:?}: conflicting values \"q\" and int (mismatched types string and int)");
        rejects(&policy, &format!(r#"{{"m": {{"{name}": "q"}}}}"#), &text);
        accepts(
            &format!("import \"{package}\"\nm: close({{[{check}]: int}})"),
            &format!(r#"{{"m": {{"{name}": 1}}}}"#),
        );
    }
    rejects("import \"net\"\nm: close({[net.IPv4]: int})", r#"{"m": {"b": 1}}"#, "m.b: field not allowed");
}

/// CUE takes a struct within a text or a condition for an empty text, or for what does not hold, while it is not known.
#[test]
fn a_struct_that_is_not_known_has_no_verdict_in_a_text_or_a_condition() {
    for policy in [
        r#"r: "a-\({if predicate.b {"z"}, if !predicate.b {"y"}})" & "q""#,
        r#"r: [if {predicate.b} {true}, error("bad")][0]"#,
        r#"r: [if ({if predicate.b {true}}) {true}, error("bad")][0]"#,
        r#"r: true & "\({predicate.b})" == "x""#,
    ] {
        let policy = format!("predicate: _\n{policy}");
        assert!(matches!(Policy::compile(&policy), Err(CompileError::Unsupported { .. })), "{policy}");
    }
}

/// CUE waits for a later argument of a name that it computes in the struct that has the argument, and then loses it.
#[test]
fn a_name_computed_of_a_later_argument_beside_it_has_no_verdict() {
    for policy in [
        "predicate: (div(predicate.n, predicate.k)): 5",
        "import \"net\"\npredicate: _\npredicate: (net.JoinHostPort(predicate.x, predicate.n)): 5",
    ] {
        assert!(matches!(Policy::compile(policy), Err(CompileError::Unsupported { .. })), "{policy}");
    }
}
