//! Pairs of policy and input, made from a seed: what decides verdicts in Rego, and where implementations differ.

#[path = "terms.rs"]
mod terms;

use super::random::Random;

/// A policy and an input.
pub(crate) struct Pair {
    pub(crate) policy: String,
    pub(crate) input: String,
}

pub(crate) fn pair(random: &mut Random) -> Pair {
    let input = input(random);
    let policy =
        Policy { random, locals: Vec::new(), next: 0, helpers: String::new(), helper_names: Vec::new() }.module();
    Pair { policy, input }
}

fn input(r: &mut Random) -> String {
    let mut members = Vec::new();
    let mut member = |r: &mut Random, name: &str, values: &[&str]| {
        if r.chance(85) {
            members.push(format!("\"{name}\":{}", r.pick(values)));
        }
    };
    member(r, "n", &["0", "1", "2", "3", "10", "-1", "1.0", "2.5", "9007199254740993", "\"1\"", "null", "1e2"]);
    member(
        r,
        "f",
        &["0.1", "0.2", "7.0", "7.5", "-0.5", "1e3", "1.23456789012345678901", "100", "0.30000000000000004"],
    );
    member(
        r,
        "s",
        &["\"\"", "\"a\"", "\"abc\"", "\"a/b\"", "\"sha256:00ff\"", "\"Ünïcode\"", "\"  x \"", "1", "\"x%y\""],
    );
    member(
        r,
        "t",
        &[
            "\"2024-02-29T12:30:00Z\"",
            "\"2023-01-31T00:00:00+02:00\"",
            "\"2024-13-01T00:00:00Z\"",
            "\"1969-12-31T23:59:59.5Z\"",
            "\"\"",
            "17",
        ],
    );
    member(r, "b", &["true", "false", "\"true\"", "null"]);
    member(r, "a", &["[]", "[1,2,3]", "[3,1,2,1]", "[1,\"a\",null]", "[[1,2],[3]]", "{}", "[0]", "[true,false]"]);
    member(r, "w", &["[]", "[\"a\",\"b\"]", "[\"a\",\"a\"]", "[\"abc\",\"b\",\"\"]", "\"a\"", "[\"b\",1]"]);
    member(
        r,
        "l",
        &[
            "[]",
            "[{\"x\":1,\"y\":\"a\"},{\"x\":2,\"y\":\"b\"}]",
            "[{\"x\":1},{\"y\":\"b\"}]",
            "[{\"x\":false,\"y\":null},{\"x\":2}]",
            "[{\"x\":{\"z\":1},\"y\":[1]}]",
        ],
    );
    member(
        r,
        "o",
        &[
            "{}",
            "{\"a\":1,\"b\":2}",
            "{\"a\":{\"b\":{\"c\":true}}}",
            "{\"a\":\"x\",\"k\":false}",
            "[1]",
            "{\"a\":null}",
        ],
    );
    member(r, "p", &["[1,\"a\"]", "[1]", "[\"a\",1]", "[1,[2,3]]", "{\"k\":1,\"v\":2}", "{\"k\":1}"]);
    format!("{{{}}}", members.join(","))
}

/// What an expression is for.
#[derive(Clone, Copy, PartialEq)]
enum Want {
    Any,
    Number,
    Text,
    Array,
    Set,
    Object,
    Bool,
}

struct Policy<'r> {
    random: &'r mut Random,
    locals: Vec<(String, Want)>,
    next: usize,
    helpers: String,
    helper_names: Vec<String>,
}

impl Policy<'_> {
    fn chance(&mut self, percent: usize) -> bool {
        self.random.chance(percent)
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        self.random.pick(of)
    }

    fn fresh(&mut self) -> String {
        self.next += 1;
        format!("v{}", self.next)
    }

    fn module(mut self) -> String {
        for _ in 0..self.random.below(4) {
            self.helper();
        }
        self.locals.clear();
        let rule = match self.random.below(10) {
            0..=2 => {
                let body = self.body(3);
                let default = if self.chance(60) { "default isCompliant = false\n" } else { "" };
                format!("{default}isCompliant {{\n{body}}}\n")
            }
            3 if self.chance(50) => {
                // The syntax of v1, which policies of v0 can import.
                let body = self.body(3);
                let head = self.pick(&[
                    "isCompliant if",
                    "isCompliant := true if",
                    "isCompliant contains {\"result\": true} if",
                ]);
                format!("import future.keywords.if\nimport future.keywords.contains\n{head} {{\n{body}}}\n")
            }
            3 => {
                let (a, b) = (self.body(2), self.other_body(2));
                let value = self.pick(&["true", "false", "1"]);
                format!("isCompliant {{\n{a}}} else = {value} {{\n{b}}}\n")
            }
            4 => {
                let (a, b) = (self.body(2), self.other_body(2));
                format!("isCompliant {{\n{a}}}\nisCompliant = {} {{\n{b}}}\n", self.pick(&["true", "true", "false"]))
            }
            5 => {
                let (a, b) = (self.body(2), self.other_body(2));
                format!("isCompliant {{\n{a}}} {{\n{b}}}\n")
            }
            6 => {
                let body = self.body(2);
                let text = self.term(Want::Any, 1);
                let result = self.pick(&["true", "false", "count(input.a) == 0", "input.b"]);
                format!(
                    "isCompliant[response] {{\n{body}  result := {result}\n  response := {{\"result\": result, \"error\": sprintf(\"%v\", [{text}]), \"warning\": \"w\"}}\n}}\n"
                )
            }
            // The value itself is compared, by its text.
            _ => {
                let body = if self.chance(50) { self.body(1) } else { String::new() };
                let value = self.term(Want::Any, 3);
                let format = self.pick(&["%v", "%v", "%v", "%v", "%v", "%s", "%d", "%-5s|", "%v %v"]);
                format!(
                    "isCompliant[response] {{\n{body}  value := {value}\n  response := {{\"result\": false, \"error\": sprintf(\"{format}\", [value])}}\n}}\n"
                )
            }
        };
        let (imports, rule) = match rule.rfind("import future.keywords.contains\n") {
            Some(at) => rule.split_at(at + "import future.keywords.contains\n".len()),
            None => ("", rule.as_str()),
        };
        let alias = if self.chance(5) { "import input.a as v1\n" } else { "" };
        format!(
            "package sigstore\nimport future.keywords.in\nimport future.keywords.every\n{imports}{alias}{}{rule}",
            self.helpers
        )
    }

    fn other_body(&mut self, statements: usize) -> String {
        self.locals.clear();
        self.body(statements)
    }

    fn helper(&mut self) {
        self.locals.clear();
        let n = self.helper_names.len();
        let (text, name) = match self.random.below(11) {
            9 => {
                self.locals.push(("x".into(), Want::Any));
                let (a, b) = (self.body(1), self.body(1));
                let value = self.term(Want::Any, 1);
                (
                    format!("default f{n}(_) = 0\nf{n}(x) = {value} {{\n{a}}} else = x {{\n{b}}} else = null\n"),
                    format!("f{n}(_)"),
                )
            }
            10 => {
                let (a, b, c) = (self.body(1), self.other_body(1), self.other_body(1));
                (format!("r{n} = 1 {{\n{a}}} else = 2 {{\n{b}}} else = 3 {{\n{c}}}\n"), format!("r{n}"))
            }
            0 => {
                let body = self.body(2);
                (format!("r{n} {{\n{body}}}\n"), format!("r{n}"))
            }
            1 => {
                let body = self.body(2);
                let value = self.term(Want::Any, 1);
                (format!("r{n} = {value} {{\n{body}}}\n"), format!("r{n}"))
            }
            2 => {
                let key = self.term(Want::Any, 1);
                let body = self.body(2);
                (format!("r{n}[k] {{\n{body}  k := {key}\n}}\n"), format!("r{n}"))
            }
            3 => {
                let element = self.pick(&["input.o[k]", "input.a[k]", "input.l[k].x", "input.l[k]"]);
                (format!("r{n}[k] = v {{\n  v := {element}\n}}\n"), format!("r{n}"))
            }
            4 => {
                let value = self.term(Want::Any, 2);
                (format!("r{n} = {value}\n"), format!("r{n}"))
            }
            5 => {
                let body = self.body(2);
                let default = self.pick(&["false", "0", "[]", "{\"a\": 1}"]);
                (format!("default r{n} = {default}\nr{n} = x {{\n{body}  x := input.n\n}}\n"), format!("r{n}"))
            }
            6 => {
                self.locals.push(("x".into(), Want::Any));
                let body = self.body(2);
                (format!("f{n}(x) {{\n{body}}}\n"), format!("f{n}(_)"))
            }
            7 => {
                self.locals.push(("x".into(), Want::Any));
                let value = self.term(Want::Any, 1);
                let body = self.body(1);
                (format!("f{n}(x) = y {{\n{body}  y := {value}\n}}\n"), format!("f{n}(_)"))
            }
            _ => {
                let (a, b) =
                    (self.pick(&["1", "\"a\"", "[y]", "[y, _]", "{\"x\": y}"]), self.pick(&["2", "\"b\"", "x"]));
                (format!("f{n}({a}) = 1\nf{n}({b}) = 2\n"), format!("f{n}(_)"))
            }
        };
        self.locals.clear();
        self.helpers.push_str(&text);
        self.helper_names.push(name);
    }

    fn body(&mut self, most: usize) -> String {
        let mut statements = Vec::new();
        for _ in 0..=self.random.below(most) {
            statements.push(self.statement(2));
        }
        // OPA finds an order by itself, but for what is declared.
        if self.chance(25) && !statements.iter().any(|s| s.contains(":=") || s.contains("some ")) {
            statements.reverse();
        }
        statements.iter().map(|s| format!("  {s}\n")).collect()
    }

    fn statement(&mut self, depth: usize) -> String {
        match self.random.below(24) {
            0..=2 => {
                let kinds = [Want::Any, Want::Number, Want::Text, Want::Array, Want::Set, Want::Object, Want::Bool];
                let want = kinds[self.random.below(7)];
                let value = self.term(want, depth);
                let name = self.fresh();
                self.locals.push((name.clone(), want));
                format!("{name} {} {value}", self.pick(&[":=", ":=", "="]))
            }
            3..=5 => {
                // Terms of one type mostly, or OPA would not load the policy.
                let want =
                    [Want::Number, Want::Text, Want::Array, Want::Set, Want::Object, Want::Bool][self.random.below(6)];
                let a = if self.chance(40) { self.reference() } else { self.term(want, depth) };
                let b = if self.chance(10) { self.term(Want::Any, 1) } else { self.term(want, 1) };
                format!("{a} {} {b}", self.pick(&["==", "==", "!=", "="]))
            }
            6..=7 => {
                let (a, b) = (self.term(Want::Number, depth), self.term(Want::Number, 1));
                format!("{a} {} {b}", self.pick(&["<", "<=", ">", ">=", "==", "!="]))
            }
            8..=11 => {
                let inner = match self.random.below(6) {
                    0 => self.term(Want::Bool, depth),
                    1 => self.term(Want::Any, depth),
                    2 => format!("{} == {}", self.reference(), self.term(Want::Any, 1)),
                    3 => format!("{} < {}", self.term(Want::Number, depth), self.term(Want::Number, 1)),
                    4 => format!("{} in {}", self.term(Want::Any, 1), self.term(Want::Array, 1)),
                    _ => self.call_helper(depth),
                };
                format!("not {inner}")
            }
            12 => self.call_helper(depth),
            13 => self.term(Want::Bool, depth),
            14..=17 => self.loops(),
            18..=21 => self.patterns(),
            _ => format!("{} in {}", self.term(Want::Any, 1), self.collection(1)),
        }
    }

    /// `some` and `every`.
    fn loops(&mut self) -> String {
        match self.random.below(4) {
            0 => {
                let name = self.fresh();
                let (at, value) = (self.pick(&["input.a", "input.w", "input.o", "input.l"]), self.term(Want::Any, 1));
                let text = format!("some {name}; {at}[{name}] {} {value}", self.pick(&["==", "!=", "="]));
                self.locals.push((name, Want::Any));
                text
            }
            1 => {
                let of = self.collection(1);
                let name = self.fresh();
                self.locals.push((name.clone(), Want::Any));
                if self.chance(40) {
                    let key = self.fresh();
                    self.locals.push((key.clone(), Want::Any));
                    return format!("some {key}, {name} in {of}");
                }
                format!("some {name} in {of}")
            }
            2 => {
                let of = self.collection(1);
                let name = self.fresh();
                let known = self.locals.len();
                self.locals.push((name.clone(), Want::Any));
                let inner = self.statement(1);
                self.locals.truncate(known);
                let inner = if inner.contains(&name) {
                    inner
                } else {
                    format!("{name} != {inner_text}; {inner}", inner_text = self.leaf(Want::Number))
                };
                format!("every {name} in {of} {{ {inner} }}")
            }
            _ => {
                let of = self.collection(1);
                let (key, value) = (self.fresh(), self.fresh());
                let known = self.locals.len();
                self.locals.push((key.clone(), Want::Any));
                self.locals.push((value.clone(), Want::Any));
                let inner = self.statement(1);
                self.locals.truncate(known);
                format!("every {key}, {value} in {of} {{ {key} != {value}; {inner} }}")
            }
        }
    }

    /// What binds several variables.
    fn patterns(&mut self) -> String {
        match self.random.below(4) {
            0 => {
                let (x, y) = (self.fresh(), self.fresh());
                let pattern = match self.random.below(3) {
                    0 => format!("[{x}, {y}]"),
                    1 => format!("{{\"k\": {x}, \"v\": {y}}}"),
                    _ => format!("[{x}, [{y}, _]]"),
                };
                self.locals.push((x, Want::Any));
                self.locals.push((y, Want::Any));
                let of = self.pick(&[
                    "input.p",
                    "[1, [2, 3]]",
                    "{\"k\": 1, \"v\": input.n}",
                    "input.a[_]",
                    "[input.s, input.n]",
                ]);
                format!("{pattern} = {of}")
            }
            1 => {
                let name = self.fresh();
                let (a, b) =
                    (self.pick(&["input.a", "input.w", "input.p"]), self.pick(&["input.a", "input.w", "input.l"]));
                self.locals.push((name.clone(), Want::Any));
                match self.random.below(4) {
                    0 => format!("{a}[{name}] = {b}[{name}]"),
                    1 => format!("{a}[_] = {b}[{name}]"),
                    2 => format!("{a}[_][{name}] = {}", self.term(Want::Any, 1)),
                    _ => format!("{a}[{name}]; {b}[_] != {name}"),
                }
            }
            2 => {
                // Every member of a rule.
                let (key, value) = (self.fresh(), self.fresh());
                let rules: Vec<String> = self.helper_names.iter().filter(|n| !n.ends_with(')')).cloned().collect();
                let of =
                    if rules.is_empty() { "input.o".to_owned() } else { rules[self.random.below(rules.len())].clone() };
                self.locals.push((key.clone(), Want::Any));
                self.locals.push((value.clone(), Want::Any));
                format!("{value} = {of}[{key}]")
            }
            _ => {
                let (a, b) = (self.fresh(), self.fresh());
                let left = self.term(Want::Any, 1);
                self.locals.push((a.clone(), Want::Any));
                self.locals.push((b.clone(), Want::Any));
                format!("[{a}, {left}] = [{}, {b}]", self.term(Want::Any, 1))
            }
        }
    }

    fn call_helper(&mut self, depth: usize) -> String {
        if self.helper_names.is_empty() {
            return self.term(Want::Bool, depth);
        }
        let at = self.random.below(self.helper_names.len());
        let name = self.helper_names[at].clone();
        match name.strip_suffix("(_)") {
            Some(function) => {
                let arg = self.term(Want::Any, depth.saturating_sub(1));
                format!("{function}({arg})")
            }
            None if self.chance(30) => {
                let key = self.term(Want::Any, 0);
                format!("{name}[{key}]")
            }
            None => name,
        }
    }

    fn collection(&mut self, depth: usize) -> String {
        let want = [Want::Array, Want::Set, Want::Object][self.random.below(3)];
        self.term(want, depth)
    }
}
