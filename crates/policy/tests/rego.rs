//! What policies must not be able to do, and what verdicts mean. Each attack has a test of its name.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is a failed test")]

use jiff::Timestamp;
use sigward_policy::limits::{MAX_POLICY_BYTES, MAX_STEPS};
use sigward_policy::rego::{CompileError, RegoOutcome, RegoPolicy, RegoQuery};

fn compile(source: &str) -> Result<RegoPolicy, CompileError> {
    RegoPolicy::compile(source, RegoQuery::IsCompliant)
}

/// The verdict of a body over an input.
fn body(body: &str, input: &str) -> RegoOutcome {
    evaluate(&format!("package sigstore\nf(x) {{ x == 1 }}\nisCompliant {{\n{body}\n}}"), input)
}

fn evaluate(source: &str, input: &str) -> RegoOutcome {
    compile(source).unwrap().evaluate(input, Timestamp::UNIX_EPOCH)
}

fn accepts(outcome: &RegoOutcome) -> bool {
    matches!(outcome, RegoOutcome::Accept { .. })
}

fn rejects(outcome: &RegoOutcome) -> bool {
    matches!(outcome, RegoOutcome::Reject { .. })
}

fn is_unsupported(outcome: &RegoOutcome) -> bool {
    matches!(outcome, RegoOutcome::Unsupported { .. })
}

/// OPA evaluates references before the negation (open-policy-agent/opa#1877, #4743): where one is undefined, so is all.
#[test]
fn a_negation_over_something_undefined_does_not_hold() {
    for negation in [
        "not startswith(input.x, \"a\")",
        "not f(input.x)",
        "not count(input.x) > 0",
        "not input.x[input.y] ",
        "not input.a[input.y]",
        "not input.x + 1 == 2",
        "not upper(lower(input.x)) == \"A\"",
        "not {input.x} == {1}",
        "not [input.x] == [1]",
        "not any([input.x, true])",
        "not f(input.a[count(input.x)])",
        "not object.get(input.x, \"a\", true)",
    ] {
        assert!(rejects(&body(negation, r#"{"a":[1]}"#)), "{negation}");
    }
    // What is negated may be undefined itself.
    for negation in
        ["not input.x", "not input.x == 1", "not f(2)", "not input.a[7]", "not startswith(input.a[0], \"a\")"]
    {
        assert!(accepts(&body(negation, r#"{"a":[1]}"#)), "{negation}");
    }
}

#[test]
fn a_policy_that_opa_refuses_to_load_is_refused() {
    let of =
        |body: &str| compile(&format!("package sigstore\nf(x) {{ x == 1 }}\nisCompliant {{\n{body}\n}}")).unwrap_err();
    for types in [
        "not startswith(1, \"a\")",
        "not count(input.x) == \"a\"",
        "x := {\"a\": 1}; not x.b",
        "count(input.x, 1, 2)",
        "f()",
        "f(1, 2, 3)",
        "nope(input.x)",
        "not f",
        // Within a comprehension within a call.
        "not count([x | x := 1; regex.match(\"a\")]) > 0",
        "input.w[x] = startswith(input.s,)",
    ] {
        assert!(matches!(of(types), CompileError::Type { .. }), "{types}: {:?}", of(types));
    }
    for unbound in
        ["not input.a[_] == 1", "x == 1", "not x", "x + 1 == 2", "[y | y == 1]", "f(y)", "input.a[typo.n] == 1"]
    {
        assert!(matches!(of(unbound), CompileError::Unsafe { .. }), "{unbound}: {:?}", of(unbound));
    }
    for compile in ["x := 1; x := 2", "y = 1; y := 1", "some z; true", "not x := 1", "1 := 1"] {
        assert!(matches!(of(compile), CompileError::Compile { .. }), "{compile}: {:?}", of(compile));
    }
    for syntax in
        ["", "x = ", "1 +", "input.a.", "input .a .b", "\"a", "`a", "[1", "{1", "a b", "x := 01", "1e999999999"]
    {
        assert!(matches!(of(syntax), CompileError::Parse { .. }), "{syntax}: {:?}", of(syntax));
    }
    for module in ["", "isCompliant { true }", "package sigstore\nisCompliant", "package sigstore\nimport nowhere.x"] {
        assert!(matches!(compile(module), Err(CompileError::Parse { .. })), "{module}: {:?}", compile(module));
    }
}

/// Found by damaging policies that both accept: each of these loaded here and not in OPA.
#[test]
fn what_opas_parser_refuses_does_not_load() {
    for rules in [
        "isCompliant { false } else = {true} else = true",
        "isCompliant { not.3 < 1 }",
        "isCompliant { not 1 in[2] }",
        "f (1) = 1\nisCompliant { f(1) }",
        "isCompliant { count([,]) == 0 }",
        "isCompliant = true\nsort([1])",
    ] {
        let found = compile(&format!("package sigstore\nimport future.keywords.in\n{rules}"));
        assert!(matches!(found, Err(CompileError::Parse { .. })), "{rules}: {found:?}");
    }
    let found = compile("package sigstore\nimport input.as\nisCompliant = true");
    assert!(matches!(found, Err(CompileError::Parse { .. })), "{found:?}");
    let found = compile("package sigstore\nisCompliant { product = input.a }");
    assert!(matches!(found, Err(CompileError::Unsupported { .. })), "{found:?}");
}

#[test]
fn a_rule_that_needs_itself_is_refused() {
    for rules in [
        "isCompliant { isCompliant }",
        "isCompliant { a }\na { not b }\nb { a }",
        "f(x) = f(x) { x }\nisCompliant { f(1) }",
    ] {
        let found = compile(&format!("package sigstore\n{rules}"));
        assert!(matches!(found, Err(CompileError::Recursion { .. })), "{rules}: {found:?}");
    }
}

/// CVE-2022-36085 and others: a policy that is evaluated in an admission controller must not reach the network.
#[test]
fn a_policy_does_not_reach_the_network_a_clock_or_chance() {
    for call in [
        "http.send({\"method\": \"GET\", \"url\": \"http://169.254.169.254/\"})",
        "net.lookup_ip_addr(\"example.com\")",
        "opa.runtime()",
        "rand.intn(\"a\", 2)",
        "uuid.rfc4122(\"a\")",
    ] {
        let found = compile(&format!("package sigstore\nisCompliant {{ not {call} }}"));
        assert!(matches!(found, Err(CompileError::Unsupported { .. })), "{call}: {found:?}");
    }
    let policy = compile("package sigstore\nisCompliant { time.now_ns() == 1700000000123456789 }").unwrap();
    let at = |ns: i128| policy.evaluate("{}", Timestamp::from_nanosecond(ns).unwrap());
    assert!(accepts(&at(1_700_000_000_123_456_789)));
    assert!(rejects(&at(1_700_000_000_123_456_790)));
}

#[test]
fn a_with_modifier_does_not_replace_the_input() {
    let found = compile("package sigstore\nok { input.a }\nisCompliant { ok with input.a as true }");
    assert!(matches!(found, Err(CompileError::Unsupported { .. })), "{found:?}");
}

#[test]
fn a_loop_without_end_runs_out_of_steps() {
    let input = format!("{{\"a\":[{}0]}}", "0,".repeat(400));
    let outcome = body("some i, j, k, l\ninput.a[i]; input.a[j]; input.a[k]; input.a[l]; i + j + k + l == -1", &input);
    let expected = format!("evaluation takes more than {MAX_STEPS} steps");
    assert_eq!(outcome, RegoOutcome::Unsupported { message: expected });
}

#[test]
fn a_function_that_calls_the_last_one_twice_runs_out_of_steps() {
    let chain: String = (1..60).map(|i| format!("f{i}(x) = f{0}(x) + f{0}(x)\n", i - 1)).collect();
    assert!(is_unsupported(&evaluate(
        &format!("package sigstore\nf0(x) = x\n{chain}isCompliant {{ f59(1) == 1 }}"),
        "{}"
    )));
}

#[test]
fn a_value_that_doubles_with_each_rule_is_too_large() {
    let texts: String = (1..60).map(|i| format!("s{i} := concat(\"\", [s{0}, s{0}])\n", i - 1)).collect();
    let policy = format!("package sigstore\ns0 := \"xxxxxxxx\"\n{texts}isCompliant {{ s59 != \"\" }}");
    assert!(is_unsupported(&evaluate(&policy, "{}")));
    // Shared parts are small in memory, and endless to whoever prints or compares them. `object.get` hides the type.
    let step = |i: usize| format!("a{i} := object.get({{}}, \"\", [a{0}, a{0}])\n", i - 1);
    let hidden: String = (1..60).map(step).collect();
    let policy = format!("package sigstore\na0 := input.x\n{hidden}isCompliant {{ json.marshal(a59) != \"\" }}");
    assert!(is_unsupported(&evaluate(&policy, r#"{"x":1}"#)));
    // The same with types, which the checker would copy.
    let arrays: String = (1..60).map(|i| format!("a{i} := [a{0}, a{0}]\n", i - 1)).collect();
    let policy = format!("package sigstore\na0 := 1\n{arrays}isCompliant {{ a59 != 1 }}");
    assert!(matches!(compile(&policy), Err(CompileError::Limit { .. })));
}

#[test]
fn rules_in_a_long_chain_do_not_overflow_the_stack() {
    let chain = |n: usize| -> String {
        let step = |i: usize| format!("r{i}(x) = y {{ some j; input.a[j]; y := [z | z := r{}(x)][0] }}\n", i - 1);
        (1..n).map(step).collect()
    };
    // As far as it goes on the stack of a test, 2 MiB, without optimisation.
    for (n, holds) in [(25, true), (5_000, false)] {
        let policy = format!("package sigstore\nr0(x) = 1 {{ x }}\n{}isCompliant {{ r{}(1) }}", chain(n), n - 1);
        let outcome = evaluate(&policy, r#"{"a":[1]}"#);
        assert_eq!((accepts(&outcome), is_unsupported(&outcome)), (holds, !holds), "{n}: {outcome:?}");
    }
}

#[test]
fn brackets_without_end_do_not_overflow_the_stack() {
    for (open, close) in
        [("[", "]"), ("{", "}"), ("(", ")"), ("[x | x := ", "]"), ("f(", ")"), ("input[", "]"), ("{\"a\": ", "}")]
    {
        let policy =
            format!("package sigstore\nisCompliant {{ y := {}1{} }}", open.repeat(10_000), close.repeat(10_000));
        assert!(matches!(compile(&policy), Err(CompileError::Limit { .. })), "{open}: {:?}", compile(&policy));
    }
    let sum = "1 + ".repeat(10_000);
    assert!(matches!(
        compile(&format!("package sigstore\nisCompliant {{ {sum}1 > 0 }}")),
        Err(CompileError::Limit { .. })
    ));
    let fields = ".a".repeat(10_000);
    assert!(matches!(
        compile(&format!("package sigstore\nisCompliant {{ input{fields} }}")),
        Err(CompileError::Limit { .. })
    ));
    // Twelve levels are read in no time: going back over brackets costs nothing.
    let deep = format!("package sigstore\nisCompliant {{ {}1{} }}", "[".repeat(12), "]".repeat(12));
    assert!(accepts(&evaluate(&deep, "{}")));
}

#[test]
fn a_policy_of_many_megabytes_is_not_parsed() {
    let policy = format!("package sigstore\n{}", " ".repeat(MAX_POLICY_BYTES));
    assert_eq!(compile(&policy).unwrap_err(), CompileError::Limit { what: "bytes", limit: MAX_POLICY_BYTES });
    let statements = "input.a\n".repeat(20_000);
    assert!(matches!(
        compile(&format!("package sigstore\nisCompliant {{\n{statements}}}")),
        Err(CompileError::Limit { .. })
    ));
}

#[test]
fn sizes_in_arguments_do_not_allocate() {
    for call in [
        "numbers.range(1, 100000000000)",
        "sprintf(\"%1000000000d\", [1])",
        "sprintf(\"%.1000000000f\", [1.5])",
        "replace(sprintf(\"%1000s\", [\"\"]), \"\", sprintf(\"%1000s\", [replace(sprintf(\"%1000s\", [\"\"]), \" \", sprintf(\"%1000s\", [\"\"]))]))",
        "1e300 * 1e300 * 1e300 * 1e300 * 1e300 * 1e300 > 0",
    ] {
        assert!(is_unsupported(&body(call, "{}")), "{call}: {:?}", body(call, "{}"));
    }
}

#[test]
fn an_input_that_is_no_plain_json_is_refused() {
    for bad in ["", "{", "{\"a\":1,\"a\":2}", "[1,]", "NaN"] {
        assert!(rejects(&body("true", bad)), "{bad}");
    }
    for large in [&"[".repeat(100_000), "{\"a\":1e999999999}"] {
        assert!(is_unsupported(&body("true", large)));
    }
}

/// Decimal fractions and integers beyond 2^53 are what they are, not the nearest double.
#[test]
fn numbers_are_not_doubles() {
    let input = r#"{"a":9007199254740993,"b":9007199254740992,"c":0.1,"d":0.12345678901234567891,"e":0.12345678901234567892,"f":7.0}"#;
    for holds in [
        "input.a != input.b",
        "input.c + 0.2 == 0.3",
        "input.d != input.e",
        "input.f == 7",
        "json.marshal(input.f) == \"7.0\"",
    ] {
        assert!(accepts(&body(holds, input)), "{holds}");
    }
    for fails in ["input.a == input.b", "input.c + 0.2 != 0.3", "input.d == input.e", "json.marshal(input.f) == \"7\""]
    {
        assert!(rejects(&body(fails, input)), "{fails}");
    }
}

#[test]
fn two_values_of_one_rule_are_an_error() {
    for rules in [
        "isCompliant = true { input.a }\nisCompliant = false { input.a }",
        "isCompliant { p.x }\np[x] = y { x := \"x\"; y := [1, 2][_] }",
        "isCompliant { f(1) }\nf(x) = 1 { x }\nf(x) = 2 { x }",
        "isCompliant { {\"x\": y | y := [1, 2][_]} }",
    ] {
        let RegoOutcome::Reject { message } = evaluate(&format!("package sigstore\n{rules}"), r#"{"a":1}"#) else {
            panic!("{rules}");
        };
        assert!(message.contains("eval_conflict_error"), "{message}");
    }
}

const QUERY: &str = "policy is not compliant for query 'isCompliant = data.sigstore.isCompliant'";

fn reject(message: &str) -> RegoOutcome {
    RegoOutcome::Reject { message: message.to_owned() }
}

#[test]
fn only_true_is_compliant() {
    for value in ["false", "1", "\"true\"", "null", "{\"result\": true}"] {
        assert_eq!(evaluate(&format!("package sigstore\nisCompliant = {value}"), "{}"), reject(QUERY), "{value}");
    }
    assert_eq!(evaluate("package sigstore\nisCompliant = true", "{}"), RegoOutcome::Accept { warning: None });
    // Another package, another rule, another case of letters.
    for policy in [
        "package other\nisCompliant = true",
        "package sigstore\niscompliant = true",
        "package sigstore.x\nisCompliant = true",
    ] {
        assert_eq!(evaluate(policy, "{}"), reject(QUERY), "{policy}");
    }
}

#[test]
fn a_list_of_results_is_read_as_cosign_reads_it() {
    let of = |items: &str| evaluate(&format!("package sigstore\nisCompliant = [{items}]"), "{}");
    let accept = |warning: &str| RegoOutcome::Accept { warning: Some(warning.to_owned()) };
    assert_eq!(of("{\"result\": true}"), RegoOutcome::Accept { warning: None });
    assert_eq!(
        of("{\"result\": false, \"error\": \"a\"}, {\"result\": true, \"warning\": \"w\"}"),
        accept("warning: w")
    );
    assert_eq!(of("{\"error\": \"a\"}, {\"error\": \"b\"}"), reject(&format!("{QUERY} with errors: b")));
    assert_eq!(of(""), reject("policy is not compliant for query \"isCompliant = data.sigstore.isCompliant\""));
    // A text is not true, and neither is a member of another name.
    for item in ["{\"result\": \"true\"}, {\"result\": true}", "\"true\"", "true", "{\"Result\": true}"] {
        assert!(rejects(&of(item)), "{item}");
    }
    // Of a set the first in order counts: `false` comes before `true`.
    let set = "package sigstore\nisCompliant[r] { r := {\"result\": true, \"warning\": \"z\"} }\nisCompliant[r] { r := {\"result\": true, \"warning\": \"a\"} }";
    assert_eq!(evaluate(set, "{}"), accept("warning: a"));
}

#[test]
fn verify_attestation_asks_for_allow_in_package_signature() {
    let of = |source: &str| {
        RegoPolicy::compile(source, RegoQuery::SignatureAllow).unwrap().evaluate("{\"a\":1}", Timestamp::UNIX_EPOCH)
    };
    assert_eq!(of("package signature\nallow { input.a == 1 }"), RegoOutcome::Accept { warning: None });
    assert_eq!(
        of("package signature\nallow { input.a == 2 }"),
        reject("result is undefined for query 'data.signature.allow'")
    );
    assert_eq!(of("package signature\ndefault allow = false"), reject("expression value, false, is not true"));
    assert_eq!(of("package signature\nallow = \"true\""), reject("expression value, \"true\", is not true"));
    assert!(rejects(&of("package sigstore\nallow = true")));
    assert!(rejects(&of("package signature\nisCompliant = true")));
}

/// Each line of `import future.keywords` may come after another that implies it.
#[test]
fn keywords_are_imported_in_any_order() {
    for imports in
        ["every\nimport future.keywords.in", "in\nimport future.keywords.every", "if\nimport future.keywords.contains"]
    {
        let source = format!("package sigstore\nimport future.keywords.{imports}\nisCompliant = true");
        assert!(accepts(&evaluate(&source, "{}")), "{imports}");
    }
    let modern = "package sigstore\nimport rego.v1\ndefault isCompliant := false\nisCompliant if {\n  every x in input.a { x > 0 }\n  \"b\" in names\n}\nnames contains name if some name in input.n\n";
    assert!(accepts(&evaluate(modern, r#"{"a":[1,2],"n":["b"]}"#)));
    assert!(rejects(&evaluate(modern, r#"{"a":[1,0],"n":["b"]}"#)));
    assert!(matches!(
        compile("package sigstore\nimport rego.v1\nisCompliant { true }"),
        Err(CompileError::Parse { .. })
    ));
}

/// A verdict that depends on the time holds for no later moment, wherever the clock is asked.
#[test]
fn whether_the_clock_is_asked_is_known() {
    for (source, asked) in [
        ("isCompliant { input.x }", false),
        ("isCompliant { time.parse_rfc3339_ns(input.t) > 5 }", false),
        ("isCompliant { input.t > time.now_ns() }", true),
        ("isCompliant { not late }\nlate { time.now_ns() > input.t }", true),
        ("isCompliant { count([t | t := time.now_ns()]) == 1 }", true),
        ("f(x) = y { y := time.now_ns() - x }\nisCompliant { f(1) > 5 }", true),
    ] {
        let policy = compile(&format!("package sigstore\n{source}")).unwrap();
        assert_eq!(policy.uses_clock(), asked, "{source}");
    }
}
