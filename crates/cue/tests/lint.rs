//! What a policy's author is warned of.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a test reads policies where they are")]

use sigward_cue::lint::{Finding, LintCode, Severity, lint};
use sigward_cue::{Mode, Outcome, Policy};

fn found(source: &str) -> Vec<(LintCode, String, Option<usize>)> {
    lint(source, &[]).into_iter().map(|f| (f.code, f.path, f.line)).collect()
}

/// Findings about fields, as `code path:line`.
fn about_fields(source: &str) -> Vec<String> {
    let findings = lint(source, &[]).into_iter().filter(|f| !f.path.is_empty());
    findings.map(|f| format!("{} {}:{}", f.code, f.path, f.line.unwrap_or(0))).collect()
}

fn codes(source: &str) -> Vec<LintCode> {
    lint(source, &[]).into_iter().map(|f| f.code).collect()
}

#[test]
fn fields_that_may_be_missing_are_named_with_their_line() {
    let source = "predicateType: \"a\"\npredicate: {\n  Data: =~\"^x\"\n  size: <5 & >1\n  kind: \"a\" | \"b\"\n}\n";
    assert_eq!(
        about_fields(source),
        [
            "missing-field predicateType:1",
            "missing-field predicate.Data:3",
            "missing-field predicate.size:4",
            "missing-field predicate.kind:5",
        ]
    );
    assert_eq!(found(source).first(), Some(&(LintCode::AcceptsEmpty, String::new(), None)));
}

#[test]
fn short_forms_and_quoted_names_have_paths() {
    assert_eq!(
        about_fields("config: \"linux/amd64\": config: User: \"65532\"\nmetadata:\n  labels:\n    foo: \"bar\"\n"),
        ["missing-field config.\"linux/amd64\".config.User:1", "missing-field metadata.labels.foo:4"]
    );
}

#[test]
fn elements_of_lists_and_applied_definitions_are_looked_into() {
    let source =
        "#C: {\n  privileged: false\n  user?: >0\n  ...\n}\nspec: containers: [...{\n  securityContext: #C\n}]\n";
    assert_eq!(
        about_fields(source),
        ["missing-false spec.containers[].securityContext.privileged:2", "missing-list spec.containers:6"]
    );
}

#[test]
fn what_may_well_be_meant_is_a_note() {
    let source = "spec: {\n  hostNetwork: false\n  volumes: [...{name: string}]\n  allowPrivilegeEscalation: false\n}\npredicate: {\n  bad: false\n  two: [_, ...]\n}\n";
    assert_eq!(
        about_fields(source),
        [
            "missing-false spec.hostNetwork:2",
            "missing-field spec.volumes[].name:3",
            "missing-list spec.volumes:3",
            // Kubernetes takes a missing one for true.
            "missing-field spec.allowPrivilegeEscalation:4",
            // Elsewhere, what is missing is not false, and a list that has elements is not empty.
            "missing-field predicate.bad:7",
            "missing-field predicate.two:8",
        ]
    );
    for code in [LintCode::MissingFalse, LintCode::MissingList] {
        assert_eq!(code.severity(), Severity::Note);
    }
    // That it accepts {} is a warning all the same.
    assert_eq!(codes("spec: hostPID: false").first(), Some(&LintCode::AcceptsEmpty));
    assert_eq!(codes("predicate: list: [...{a?: 1}]").first(), Some(&LintCode::AcceptsEmpty));
}

/// A validator is named without a call, and something refers to the field.
#[test]
fn a_field_that_only_has_to_be_a_time_may_be_missing() {
    let policy = "import \"time\"\npredicate: metadata: {\n  from: time.Time\n  to: >from\n}\n";
    assert_eq!(
        about_fields(policy),
        ["missing-field predicate.metadata.from:3", "missing-field predicate.metadata.to:4"]
    );
    let policy = "import \"time\"\nlayout: time.RFC3339\npredicate: date: time.Format(layout)\n";
    assert_eq!(about_fields(policy), ["missing-field predicate.date:3"]);
}

#[test]
fn no_false_alarm() {
    for source in [
        // Optional, and what is in an optional field and optional itself.
        "a?: string, predicate?: {b?: \"x\", ...}",
        // A default says what is meant.
        "a: *\"x\" | string, drop: [...string] | *[]",
        // A definition with nothing but optional fields.
        "#S: {type?: \"a\" | \"b\", ...}\nspec: securityContext: #S",
        // The policy's own values.
        "import \"time\"\nbefore: time.Parse(time.RFC3339, \"2049-10-09T17:10:27Z\")\npredicate?: date?: <before",
        "let x = 1\n_y: x\nb?: _y",
        "#A: \"x\" | \"y\"\na?: #A",
        "#A: \"x\" | \"y\"\nlist?: [...#A]",
        // What any value satisfies.
        "a: _\npredicate: {...}\nb?: 1",
        // A condition that must hold.
        "import \"list\"\na?: [...string]\nok: true & list.Contains([\"x\"], \"x\")",
    ] {
        assert_eq!(lint(source, &[]), Vec::<Finding>::new(), "{source}");
    }
}

#[test]
fn what_every_document_has_is_not_reported() {
    let source = "predicateType: \"a\"\npredicate: approved: true\n";
    let findings = lint(source, &["predicateType", "predicate"]);
    let paths: Vec<&str> = findings.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(paths, ["", "predicate.approved"]);
    // Nothing else is asked for, and the predicate is what it may be.
    assert_eq!(lint("predicateType: \"a\"\n", &["predicateType"]), Vec::<Finding>::new());
}

#[test]
fn policies_that_constrain_nothing() {
    for source in ["", "// nothing\n", "package sigstore", "...", "#A: {b: 1}", "_x: 1\ny: _x", "{...}"] {
        let codes = codes(source);
        let expected = if source.contains("y:") { LintCode::AcceptsEmpty } else { LintCode::AcceptsAnything };
        assert!(codes.contains(&expected), "{source}: {codes:?}");
    }
}

#[test]
fn a_condition_that_is_skipped() {
    let source = "predicate: {\n  level: int\n  if level < 3 {\n    err: \"a\" & \"b\"\n  }\n}\n";
    assert!(
        about_fields(source).contains(&"skipped-condition predicate.level:1".to_owned()),
        "{:?}",
        about_fields(source)
    );
    // A default is known.
    let source = "c: {\n  p: bool | *true\n  if p {\n    name: \"no\"\n  }\n}\n";
    assert_eq!(about_fields(source), Vec::<String>::new());
    // It asks whether the field is there.
    let source = "predicate: {\n  level?: int\n  if level == _|_ {\n    err: \"a\" & \"b\"\n  }\n}\n";
    assert_eq!(about_fields(source), Vec::<String>::new());
}

#[test]
fn a_field_whose_absence_is_tested() {
    let source = "predicate: {\n  level: int\n  if level == _|_ {\n    err: \"a\" & \"b\"\n  }\n}\n";
    assert_eq!(about_fields(source), Vec::<String>::new());
}

#[test]
fn a_condition_that_may_be_false() {
    let source = "import \"strings\"\nimage: string\nok: strings.HasPrefix(image, \"reg/\")\nalso: image != \"x\"\n";
    let found = about_fields(source);
    assert!(found.contains(&"condition-not-enforced ok:3".to_owned()), "{found:?}");
    assert!(found.contains(&"condition-not-enforced also:4".to_owned()), "{found:?}");
    let enforced = "import \"strings\"\nimage?: string\nok: true\nok: strings.HasPrefix(\"reg/a\", \"reg/\")\n";
    assert_eq!(about_fields(enforced), Vec::<String>::new());
    // Without its first argument it is a constraint.
    let validator = "import \"strings\"\nname: strings.MinRunes(3)\n";
    assert_eq!(about_fields(validator), ["missing-field name:2"]);
    let used = "import \"struct\"\na: list: struct.MaxFields(1) & struct.MinFields(1)\nb?: a.list\n";
    assert_eq!(about_fields(used), ["missing-field a.list:2"]);
}

#[test]
fn names_that_hide_or_do_nothing() {
    assert_eq!(
        about_fields("_type: \"https://in-toto.io/Statement/v0.1\"\n#Unused: {a: 1}\nb?: 1\n"),
        ["hidden-field _type:1", "unused-definition #Unused:2"]
    );
    assert_eq!(about_fields("predicate: approved!: true\n"), ["required-not-enforced predicate.approved:1"]);
}

#[test]
fn what_does_not_compile_is_an_error_with_its_line() {
    let cases = [
        ("a: 1\nb: [\n", 3, ""),
        ("a: 1\nb: c: d\n", 2, "b.c"),
        ("import \"nosuch\"\na: nosuch.x\n", 1, ""),
        ("import (\n  \"strings\"\n)\na: 1\n", 2, ""),
        ("a: 1\na: 2\n", 1, "a"),
    ];
    for (source, line, path) in cases {
        let findings = lint(source, &[]);
        let [only] = findings.as_slice() else { panic!("{source}: {findings:?}") };
        assert_eq!(
            (only.code, only.line, only.path.as_str()),
            (LintCode::DoesNotCompile, Some(line), path),
            "{source}"
        );
        assert_eq!(only.code.severity(), Severity::Error);
    }
    let unsupported = lint("import \"uuid\"\na: uuid.Valid\n", &[]);
    assert_eq!(unsupported.first().map(|f| (f.code, f.line)), Some((LintCode::Unsupported, Some(1))));
}

#[test]
fn attack_a_policy_that_refers_to_itself_ends() {
    for source in
        ["#A: {b: #A}\nx: #A", "#A: [...#A]\nx: #A", "a: b\nb: a", "#A: #B\n#B: #A\nx: #A", "#A: {b?: #A}\nx: #A.b.b"]
    {
        let _ = lint(source, &[]);
    }
}

/// What is told of fields is true: the policy accepts `{}`, which has none of them.
#[test]
fn what_is_told_of_real_policies_is_true() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/policies/cue");
    let Ok(entries) = std::fs::read_dir(folder) else {
        println!("skipped: no {folder}");
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        let findings = lint(&source, &[]);
        let Ok(policy) = Policy::compile(&source) else {
            assert_eq!(findings.first().map(|f| f.code.severity()), Some(Severity::Error), "{}", path.display());
            continue;
        };
        let misses = findings.iter().any(|f| {
            let code = [LintCode::MissingField, LintCode::MissingList, LintCode::MissingFalse].contains(&f.code);
            code && !f.path.contains('[')
        });
        let accepts = policy.check("{}", Mode::Default) == Outcome::Accept;
        assert!(!misses || accepts, "{}: {findings:?}", path.display());
        for finding in findings.iter().filter(|f| !f.path.is_empty()) {
            assert!(finding.line.is_some(), "{}: {finding:?}", path.display());
        }
    }
}

/// What a value takes from itself was followed without end, or twice at each step.
#[test]
fn a_value_that_refers_to_itself_ends() {
    for policy in
        ["a: {b: c: 2} & a.b", "a: {b: 1} & a.b & a.c & a.d & a.e", "a: {b: a.b & a.c, c: a.c & a.b} & a.b.c & a.c.b"]
    {
        found(policy);
    }
}

/// Each field was followed into the definition again, without a budget.
#[test]
fn attack_a_definition_that_has_itself_many_times_ends() {
    let fields: Vec<String> = (0..10).map(|n| format!("f{n}?: #A")).collect();
    assert_eq!(codes(&format!("#A: {{{}}}\nx: #A\n", fields.join(", "))), []);
}

/// Each name was looked up by looking through all fields.
#[test]
fn attack_very_many_fields_are_looked_at_in_time() {
    let started = std::time::Instant::now();
    for value in ["true", "int", "f1 == 1"] {
        let source: String = (0..20_000).map(|n| format!("f{n}: {value}\n")).collect();
        assert!(lint(&source, &[]).len() >= 1_000, "{value}");
    }
    let source: String = (0..10_000).map(|n| format!("if p.f{n} == _|_ {{x: 1}}\np: f{n}: int\n")).collect();
    let _ = lint(&source, &[]);
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}
