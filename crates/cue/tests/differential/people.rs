//! Policies as people write them: conditions, ranges, `let` and definitions over a statement, and shapes of data.
//! Each is put together from templates; what stands in `<>` is filled with another.

use serde_json::{Map, Value, json};

use crate::generator::Pair;
use crate::random::Random;

/// Deepest nesting of templates.
const DEPTH: usize = 4;

const PATHS: &[&str] = &[
    "predicate.n",
    "P.n",
    "predicate.o.k",
    "P.o.k",
    "O.k",
    "predicate.m",
    "P.m",
    "predicate.a",
    "P.a",
    "predicate.o.z.y",
    "P.l[0]",
    "predicate.s[0].v",
    "P.s[0].name",
    "_n",
    "#N",
    "predicate.o.q",
];
const LISTS: &[&str] = &[
    "predicate.l",
    "P.l",
    "predicate.s",
    "P.s",
    "predicate.o.t",
    "O.t",
    "[for x in P.s {x.v}]",
    "[for x in predicate.s if x.v > 1 {x.name}]",
    "strings.Split(P.a, \"-\")",
    "predicate.missing",
    "[P.n, P.o.k]",
];
const CONDITIONS: &[&str] = &[
    "<p> == 2",
    "<p> > 1",
    "<p> != _|_",
    "<p> == _|_",
    "<l> != _|_",
    "len(<l>) > 1",
    "list.Contains(<l>, \"a\")",
    "list.Contains(<l>, <p>)",
    "strings.HasPrefix(P.a, \"x\")",
    "<p> =~ \"^x\"",
    "<p> != \"x-y\"",
    "!list.Contains(<l>, 2)",
    "P.a == \"x-y\"",
    "<p> == <p>",
    "<p> == 2 && <c>",
    "<p> > 1 || <c>",
];
const BODIES: &[&str] = &[
    "predicate: n: <3",
    "predicate: a: \"x-y\"",
    "err: \"bad \\(P.a)\"\npredicate: a: err",
    "bad: true & false",
    "fail: <p> & 2",
    "predicate: o: k: 2",
    "ok: true",
    "_ok: <p>",
    "predicate: o: close({k: int})",
    "ok: <p> & >1",
    "\"m_\\(<p>)\": 1",
    "predicate: m!: int",
    "result: _|_",
    "predicate: l: [...=~\"a\"]",
];
const STATEMENTS: &[&str] = &[
    "if <c> {<b>}",
    "if <c> {<b>}",
    "for x in <l> {if x.v > 2 {bad: 1 & 2}}",
    "for x in <l> {if x == \"a\" {bad: 1 & 2}}",
    "for x in <l> {\"i_\\(x.name)\": x.v & <3}",
    "for x in <l> {if x != _|_ {\"y\\(x)\": true}}",
    "for i, x in <l> if <c> {<b>}",
    "predicate: {n: >1, a: =~\"^x\"}",
    "predicate: #D",
    "predicate: o: {k: n, n: <3}",
    "predicate: l: list.MinItems(1)",
    "predicate: s: [...{v: <3, ...}]",
    "predicate: s: [...#S]",
    "predicate: n: P.o.k",
    "predicate: o: k: predicate.n",
    "predicate: o: k: P.n",
    "predicate: #D & {n: <5}",
    "predicate: o?: {k: <3, ...}",
    "predicate: {n: int, {if n > 2 {a: \"x-y\"}}}",
    "predicate: {n: *2 | int, o: k: n}",
    "predicate: o: [=~\"^k\"]: <3",
    "predicate: l: list.UniqueItems()",
    "predicate: a: strings.MaxRunes(3)",
    "predicate: n: or([1, 2, P.o.k])",
    "predicate: {a: string, o: {if a == \"x-y\" {k: 2}}}",
    "predicate: o: k: len(P.l)",
    "predicate: a: \"x-\\(P.n)\"",
    "check: <c>",
    "_c: <c>\n_c: true",
    "v: <l> & [_, ...]",
    "num: len(<l>) & >0",
    "c: [for x in <l> {x}] & [...string]",
    "r: [if <c> {ok: true}, {ok: false}][0].ok & true",
    "d: <p> & <p>",
    "tot: list.Sum([for x in P.s {x.v}]) & <5",
    "e: <p> | *3",
    "names: [for x in P.s {x.name}]\nnames: list.MaxItems(1)",
    "s: \"\\(<p>)-\\(<p>)\"",
    "req: <p>\nreq: string",
    "x: <l>[0] & \"a\"",
    "matchN(1, [{predicate: n: 2}, {predicate: n: 3}])",
    "<b>",
    "<b>",
];
/// A name that a policy uses, and what it may stand for.
const MEANINGS: &[(&str, &[&str])] = &[
    ("O.", &["let O = predicate.o", "let O = P.o", "O: predicate.o"]),
    ("P.", &["let P = predicate", "let P = predicate", "P: predicate", "_x: predicate\nlet P = _x"]),
    ("_n", &["_n: predicate.n", "_n: int", "_n: predicate.o.k | 3"]),
    ("#N", &["#N: predicate.n", "#N: 2"]),
    ("#D", &["#D: {n: int, a: string, ...}", "#D: {a: string, n?: <4, o: k: n, ...}", "#D: {n: int, a: string}"]),
    ("#S", &["#S: {name: string, v: int}"]),
    ("#T", &["#T: {a: int}", "#T: {a?: int, b: string}", "#T: {a: int, ...}"]),
    ("#U", &["#U: \"a\" | \"b\"", "#U: {c: >1}", "#U: [...int]"]),
    ("#V", &["#V: {[string]: int}", "#V: {n: >1}", "#V: close({a!: int})"]),
];
const HEADS: &[&str] = &["", "", "predicate: {...}\n", "predicate: {n: int, a: string, ...}\n", "predicate: _\n"];

const VALUES: &[&str] = &[
    "int",
    "string",
    "bool",
    "\"a\"",
    "1",
    ">1",
    "<5",
    "=~\"^a\"",
    "!=\"b\"",
    "\"a\" | \"b\"",
    "*\"a\" | string",
    "*1 | int",
    "int | string",
    "null | int",
    "number",
    "strings.MinRunes(2)",
    ">=1 & <=3",
    "1 | 2 | 3",
    "!=2",
    "_",
    "[...]",
    "{...}",
    "#T",
    "#U",
    "#V",
    "or([\"a\", \"b\"])",
    "matchN(1, [int, string])",
    "matchN(0, [string])",
    "string & !~\"b\"",
    "float",
    "net.IPv4()",
    "{<f>}",
    "{<f>, <f>}",
    "{<f>, <f>, <f>}",
    "close({<f>, <f>})",
    "{<f>} & {<f>, <f>}",
    "[...<v>]",
    "[<v>, ...]",
    "[<v>, <v>]",
    "[...<v>] & [_, ...]",
    "list.MaxItems(1) & [...<v>]",
    "[...<v>] | null",
    "(<v>) | (<v>)",
    "list.Contains(<v>)",
];
const FIELDS: &[&str] = &[
    "<i>: <v>",
    "<i>: <v>",
    "<i>: <v>",
    "<i>?: <v>",
    "<i>?: <v>",
    "<i>!: <v>",
    "[string]: <v>",
    "[=~\"^[ab]\"]: <v>",
    "...",
    "#T",
    "#V",
    "<i>: <i>: <v>",
];
const NAMES: &[&str] = &["a", "b", "c", "d", "n", "id"];
const SHAPES: &[&str] = &[
    "predicate: {<f>, <f>}",
    "predicate: {<f>, <f>}\npredicate: {<f>}",
    "#P: {<f>, <f>}\npredicate: #P",
    "#P: {<f>, <f>}\npredicate: #P & {<f>}",
    "<f>\n<f>",
    "#P: {<f>, <f>}\n#P",
    "#P: {<f>}\npredicate: close(#P)",
    "#P: {<f>}\npredicate: [string]: #P",
    "#P: {<f>, <f>}\npredicate: l: [...#P]",
    "predicate: #P | #Q\n#P: {<f>, <f>}\n#Q: {<f>}",
    "predicate: *#P | {<f>}\n#P: {<f>, <f>}",
    "#P: {<f>}\npredicate: {#P, id: string}",
];

/// A policy over a statement, and a statement.
pub(crate) fn statement(random: &mut Random) -> Pair {
    let lines: Vec<String> = (0..=random.below(3)).map(|_| fill(random, STATEMENTS, DEPTH)).collect();
    let policy = format!("{}{}", random.pick(HEADS), lines.join("\n"));
    let mut predicate = Map::new();
    let choices = [
        ("n", vec![json!(1), json!(2), json!(3)]),
        ("a", vec![json!("x-y"), json!("x-2"), json!("q")]),
        ("l", vec![json!(["a", "b"]), json!(["a"]), json!([]), json!(["b", 2])]),
        (
            "s",
            vec![
                json!([{"name": "a", "v": 1}]),
                json!([{"name": "a", "v": 3}, {"name": "b", "v": 2}]),
                json!([{"v": 2}]),
            ],
        ),
        ("o", vec![json!({"k": 2}), json!({"k": 3, "t": ["a"]}), json!({}), json!({"k": 1, "z": {"y": 1}})]),
    ];
    for (name, values) in choices {
        if random.chance(82) {
            predicate.insert(name.to_owned(), values[random.below(values.len())].clone());
        }
    }
    let input = if random.chance(15) { json!({}) } else { json!({"predicate": predicate}) };
    Pair { policy: complete(random, policy), input: input.to_string() }
}

/// A policy that says which shape data has, and data.
pub(crate) fn shape(random: &mut Random) -> Pair {
    let policy = fill(random, SHAPES, DEPTH);
    let inner = data(random, 2);
    let input = match random.below(6) {
        0 => json!({}),
        1 => Value::Object(inner),
        2 => json!({"predicate": {"l": [inner]}}),
        3 => json!({"predicate": {"a": inner}}),
        _ => json!({"predicate": inner}),
    };
    Pair { policy: complete(random, policy), input: input.to_string() }
}

/// One of the templates with its blanks filled.
fn fill(random: &mut Random, templates: &[&str], depth: usize) -> String {
    let mut rest = random.pick(templates);
    // What holds others comes last, so that the first ones end it.
    while depth == 0 && rest.contains('<') && templates.iter().any(|one| !has_blank(one)) && has_blank(rest) {
        rest = random.pick(templates);
    }
    let mut out = String::new();
    while let Some(at) = (0..rest.len()).find(|at| rest.is_char_boundary(*at) && blank(&rest[*at..]).is_some()) {
        out.push_str(&rest[..at]);
        let templates = blank(&rest[at..]).unwrap();
        out.push_str(&fill(random, templates, depth.saturating_sub(1)));
        rest = &rest[at + 3..];
    }
    out + rest
}

fn has_blank(template: &str) -> bool {
    (0..template.len()).any(|at| template.is_char_boundary(at) && blank(&template[at..]).is_some())
}

fn blank(text: &str) -> Option<&'static [&'static str]> {
    Some(match text.get(..3)? {
        "<p>" => PATHS,
        "<l>" => LISTS,
        "<c>" => CONDITIONS,
        "<b>" => BODIES,
        "<v>" => VALUES,
        "<f>" => FIELDS,
        "<i>" => NAMES,
        _ => return None,
    })
}

/// With what its names stand for, and the packages that it uses.
fn complete(random: &mut Random, mut policy: String) -> String {
    for (name, meanings) in MEANINGS {
        if policy.contains(name) && !policy.contains(&format!("{name}:")) {
            let meaning = random.pick(meanings);
            policy = if random.chance(50) { format!("{meaning}\n{policy}") } else { format!("{policy}\n{meaning}") };
        }
    }
    if policy.contains("predicate.") && !policy.contains("predicate:") {
        policy = format!("predicate: _\n{policy}");
    }
    let imports: String = ["list", "net", "strings"]
        .iter()
        .filter(|package| policy.contains(&format!("{package}.")))
        .map(|package| format!("import \"{package}\"\n"))
        .collect();
    imports + &policy
}

fn data(random: &mut Random, depth: usize) -> Map<String, Value> {
    (0..random.below(4)).map(|_| (random.pick(NAMES).to_owned(), datum(random, depth))).collect()
}

fn datum(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 9 } else { 14 }) {
        0 => json!(1),
        1 => json!(2),
        2 => json!(5),
        3 => json!(1.5),
        4 => json!("a"),
        5 => json!("ab"),
        6 => json!("10.0.0.1"),
        7 => json!(true),
        8 => Value::Null,
        9..=11 => Value::Object(data(random, depth - 1)),
        _ => Value::Array((0..random.below(3)).map(|_| datum(random, depth - 1)).collect()),
    }
}
