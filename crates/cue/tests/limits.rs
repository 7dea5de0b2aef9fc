//! What an evaluation may cost: every input ends, on the stack of a worker thread (2 MiB, as test threads have).

#![allow(clippy::disallowed_methods, reason = "a test takes its own time")]

use sigward_cue::{CompileError, Mode, Outcome, Policy};

fn compiled(source: &str) -> Policy {
    Policy::compile(source).unwrap_or_else(|e| panic!("{source}: {e}"))
}

fn is_unsupported(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unsupported { .. })
}

#[test]
fn a_depth_bomb_in_the_document_is_refused() {
    let policy = compiled("a: _");
    let bomb = format!("{{\"a\":{}", "[".repeat(1_000_000));
    assert!(is_unsupported(&policy.check(&bomb, Mode::Default)));
}

/// Each of two bytes took the memory of fifty.
#[test]
#[cfg_attr(debug_assertions, ignore = "takes ten seconds without optimisation")]
fn attack_a_document_of_very_many_values_is_refused() {
    let policy = compiled("a: _");
    for value in ["0", "[]", "{}"] {
        let document = |count: usize| format!("{{\"a\":[{}{value}]}}", format!("{value},").repeat(count));
        assert!(is_unsupported(&policy.check(&document(6_000_000), Mode::Default)), "{value}");
    }
    let names = |count: usize| (0..count).map(|n| format!("\"n{n}\":0")).collect::<Vec<_>>().join(",");
    assert!(is_unsupported(&policy.check(&format!("{{\"b\":{{{}}}}}", names(1_600_000)), Mode::Default)));
    assert_eq!(policy.check(&format!("{{\"b\":{{{}}}}}", names(900_000)), Mode::Default), Outcome::Accept);
}

#[test]
fn the_deepest_document_meets_a_recursive_policy() {
    let policy = compiled("#L: {n?: #L, v?: int}, a: #L");
    let document =
        |depth: usize, v: &str| format!("{{\"a\":{}{{\"v\":{v}}}{}}}", "{\"n\":".repeat(depth), "}".repeat(depth));
    assert_eq!(policy.check(&document(20, "1"), Mode::Default), Outcome::Accept);
    assert!(matches!(policy.check(&document(20, "\"x\""), Mode::Default), Outcome::Reject { .. }));
    assert_ne!(policy.check(&document(120, "\"x\""), Mode::Default), Outcome::Accept);
}

#[test]
fn nested_brackets_in_a_policy_are_bounded() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("(", ")"), ("!", ""), ("a: ", ""), ("\"\\(", ")\"")] {
        for depth in [10, 60, 100, 100_000] {
            let source = format!("x: {}1{}", open.repeat(depth), close.repeat(depth));
            if let Ok(policy) = Policy::compile(&source) {
                let _ = policy.check(r#"{"x":[1]}"#, Mode::Default);
                assert!(depth < 100_000, "{open}");
            }
        }
    }
}

#[test]
fn long_chains_of_operators_end() {
    for operator in ["&", "|", "+", "&&", ".a"] {
        let operand = if operator == ".a" { "" } else { " 1 " };
        let source = format!("a: b{}, b: 1", format!("{operator}{operand}").repeat(5_000));
        let _ = Policy::compile(&source).map(|policy| policy.check("{}", Mode::Default));
    }
}

#[test]
fn disjunctions_that_double_end() {
    let many: String = (0..40).map(|n| format!("x: {{a{n}: 1}} | {{b{n}: 1}}\n")).collect();
    match Policy::compile(&many) {
        Err(error) => assert!(error.is_unsupported(), "{error}"),
        Ok(policy) => assert_ne!(policy.check(r#"{"x":{"zz":1}}"#, Mode::Default), Outcome::Accept),
    }
}

#[test]
fn an_endless_evaluation_ends() {
    for source in [
        "f: {n: int, out: (f & {n: 1}).out}, x: (f & {n: 2}).out",
        "a: {b: close(a)}",
        "x: \"aaaaaaaaaaaaaaaa\", y: x+x, z: y*100000000",
        "#A: {x: #B}, #B: {y: #A}, a: #A",
        "a: [for x in a {x}, 1]",
        "a: {for k, v in a {\"\\(k)x\": v}, b: 1}",
    ] {
        let _ = Policy::compile(source).map(|policy| policy.check("{}", Mode::Default));
    }
}

/// Each is compared with all before it.
#[test]
#[cfg_attr(debug_assertions, ignore = "takes a minute without optimisation")]
fn very_many_parts_of_one_field_are_refused() {
    let policy = compiled("r: [...], for e in r {x: (e.a): e.b}");
    let document = |count: usize| {
        let elements: Vec<String> = (0..count).map(|n| format!("{{\"a\":\"k{n}\",\"b\":{n}}}")).collect();
        format!("{{\"r\":[{}]}}", elements.join(","))
    };
    assert_eq!(policy.check(&document(1_000), Mode::Default), Outcome::Accept);
    assert!(is_unsupported(&policy.check(&document(25_000), Mode::Default)));
}

#[test]
fn a_number_of_a_billion_digits_is_refused() {
    let policy = compiled("a: <10");
    assert!(is_unsupported(&policy.check(r#"{"a":1e999999999}"#, Mode::Default)));
    assert!(is_unsupported(&policy.check(r#"{"a":-1E-99999999999999999999}"#, Mode::Default)));
}

#[test]
fn a_policy_that_is_too_long_is_refused() {
    let long = format!("// {}\na: 1", "x".repeat(2 << 20));
    assert!(matches!(Policy::compile(&long), Err(CompileError::Unsupported { .. })));
}

/// Each clause saw a copy of all scopes around it.
#[test]
fn attack_very_many_clauses_in_a_row_are_refused() {
    for clause in ["for a in x ", "if true ", "let a = 1 "] {
        let source = format!("x: [1], y: [if true {}{{1}}]", clause.repeat(30_000));
        assert!(matches!(Policy::compile(&source), Err(CompileError::Syntax { .. })), "{clause}");
        let source = format!("x: [1], y: [if true {}{{1}}]", clause.repeat(60));
        compiled(&source);
    }
}

/// Each was compiled twice for each time that the one around it was.
#[test]
fn attack_let_clauses_within_each_other_are_refused() {
    let nested = |depth: usize| (0..depth).fold("1".to_owned(), |value, n| format!("{{let x{n} = {value}, b: x{n}}}"));
    compiled(&format!("a: {}", nested(8)));
    let result = Policy::compile(&format!("a: {}", nested(30)));
    assert!(matches!(result, Err(CompileError::Unsupported { .. })));
}

/// A name was looked up by looking through all conditions beside it, which did not count.
#[test]
#[cfg_attr(debug_assertions, ignore = "takes ten seconds without optimisation")]
fn attack_very_many_conditions_in_a_row_are_refused() {
    let fields: String = (0..20_000).map(|n| format!("f{n}: int\n")).collect();
    let conditions: String = (0..20_000).map(|n| format!("if a.f{n} > 1 {{b{n}: 1}}\n")).collect();
    let started = std::time::Instant::now();
    let result = Policy::compile(&format!("a: {{{fields}}}\n{conditions}"));
    assert!(matches!(result, Err(CompileError::Unsupported { .. })));
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}
