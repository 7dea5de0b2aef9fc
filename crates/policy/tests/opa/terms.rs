//! The terms of a generated policy.

use super::{Policy, Want};

impl Policy<'_> {
    pub(super) fn reference(&mut self) -> String {
        let plain = [
            "input.n",
            "input.f",
            "input.s",
            "input.t",
            "input.b",
            "input.a",
            "input.w",
            "input.l",
            "input.o",
            "input.p",
            "input.missing",
            "input.missing.deep",
            "input.a[0]",
            "input.a[_]",
            "input.w[_]",
            "input.l[_].x",
            "input.l[_].y",
            "input.l[0].x",
            "input.o.a",
            "input.o.a.b",
            "input.o[_]",
            "input.o.missing",
            "input.a[input.n]",
            "input.o[input.s]",
            "input.l[1]",
            "input.p[0]",
            "input[\"n\"]",
            "input.w[count(input.a)]",
        ];
        self.pick(&plain).to_owned()
    }

    pub(super) fn term(&mut self, want: Want, depth: usize) -> String {
        let fits: Vec<String> = self
            .locals
            .iter()
            .filter(|l| l.1 == want || l.1 == Want::Any || want == Want::Any)
            .map(|l| l.0.clone())
            .collect();
        if !fits.is_empty() && self.chance(25) {
            return fits[self.random.below(fits.len())].clone();
        }
        if depth == 0 {
            return self.leaf(want);
        }
        if self.chance(if want == Want::Any { 15 } else { 3 }) {
            return self.call_helper(depth - 1);
        }
        match want {
            Want::Any => {
                let want =
                    [Want::Number, Want::Text, Want::Array, Want::Set, Want::Object, Want::Bool][self.random.below(6)];
                if self.chance(35) { self.reference() } else { self.term(want, depth) }
            }
            Want::Number => self.number(depth - 1),
            Want::Text => self.text(depth - 1),
            Want::Array => self.array(depth - 1),
            Want::Set => self.set(depth - 1),
            Want::Object => self.object(depth - 1),
            Want::Bool => self.bool(depth - 1),
        }
    }

    pub(super) fn leaf(&mut self, want: Want) -> String {
        match want {
            Want::Any => {
                if self.chance(60) {
                    return self.reference();
                }
                self.pick(&[
                    "1", "2", "\"a\"", "\"b\"", "null", "true", "false", "0.1", "\"\"", "[]", "{}", "\"k\"", "1.0",
                ])
                .to_owned()
            }
            Want::Number => self
                .pick(&[
                    "0",
                    "1",
                    "2",
                    "3",
                    "10",
                    "-1",
                    "0.1",
                    "0.2",
                    "2.5",
                    "1.0",
                    "input.n",
                    "input.f",
                    "input.a[0]",
                    "1e2",
                    "9007199254740993",
                ])
                .to_owned(),
            Want::Text => self
                .pick(&[
                    "\"\"",
                    "\"a\"",
                    "\"abc\"",
                    "\"/\"",
                    "\"b\"",
                    "input.s",
                    "input.t",
                    "input.w[_]",
                    "input.w[0]",
                    "`a`",
                ])
                .to_owned(),
            Want::Array => self
                .pick(&["[]", "[1, 2]", "[\"a\", \"b\"]", "input.a", "input.w", "input.l", "[3, 1, 2]", "[[1], [2]]"])
                .to_owned(),
            Want::Set => self.pick(&["set()", "{1, 2}", "{\"a\", \"b\"}", "{input.n}", "{3, 1}"]).to_owned(),
            Want::Object => self
                .pick(&["{}", "{\"a\": 1}", "{\"a\": 1, \"b\": 2}", "input.o", "{\"k\": input.n}", "input.l[0]"])
                .to_owned(),
            Want::Bool => self.pick(&["true", "false", "input.b", "input.o.k"]).to_owned(),
        }
    }

    fn number(&mut self, d: usize) -> String {
        let mut n = || self.term(Want::Number, d);
        match n().len() % 2 + self.random.below(14) {
            0..=3 => {
                let (a, b) = (self.term(Want::Number, d), self.term(Want::Number, d));
                format!("({a} {} {b})", self.pick(&["+", "-", "*", "/", "%"]))
            }
            4 => format!("count({})", self.collection(d)),
            5 => format!("{}({})", self.pick(&["round", "ceil", "floor", "abs"]), self.term(Want::Number, d)),
            6 => format!("{}({})", self.pick(&["sum", "product", "max", "min"]), self.term(Want::Array, d)),
            7 => format!(
                "to_number({})",
                self.pick(&["\"12\"", "\"1.5\"", "\"x\"", "\"\"", "null", "true", "input.s", "\"-3e2\""])
            ),
            8 => format!(
                "time.parse_rfc3339_ns({})",
                self.pick(&["input.t", "\"2024-01-01T00:00:00Z\"", "\"2024-01-01T00:00:00.123456789+01:30\"", "\"x\""])
            ),
            9 => format!(
                "time.parse_duration_ns({})",
                self.pick(&["\"1h30m\"", "\"-1.5s\"", "\"24h\"", "\"1d\"", "input.s", "\"100us\"", "\"1.25h\""])
            ),
            10 => format!("indexof({}, {})", self.term(Want::Text, d), self.term(Want::Text, d)),
            11 => format!(
                "time.add_date({}, {}, {}, {})",
                self.pick(&["1706659200000000000", "0", "input.n"]),
                self.pick(&["0", "1", "-1"]),
                self.pick(&["1", "13", "-2"]),
                self.pick(&["0", "31", "-40"])
            ),
            12 => format!("strings.count({}, {})", self.term(Want::Text, d), self.term(Want::Text, d)),
            _ => self.leaf(Want::Number),
        }
    }

    fn text(&mut self, d: usize) -> String {
        match self.random.below(18) {
            0 => format!(
                "sprintf({}, [{}])",
                self.pick(&["\"%v\"", "\"%d\"", "\"%s\"", "\"%.1f\"", "\"%v-%v\"", "\"100%%\"", "\"%03d\""]),
                self.term(Want::Any, d)
            ),
            1 => format!(
                "concat({}, {})",
                self.term(Want::Text, d),
                self.pick(&["input.w", "[\"a\", \"b\"]", "{\"z\", \"y\"}", "[input.s]"])
            ),
            2 => format!(
                "{}({})",
                self.pick(&[
                    "lower",
                    "upper",
                    "trim_space",
                    "strings.reverse",
                    "base64.encode",
                    "base64url.encode",
                    "hex.encode",
                    "base64url.encode_no_pad"
                ]),
                self.term(Want::Text, d)
            ),
            3 => format!(
                "replace({}, {}, {})",
                self.term(Want::Text, d),
                self.term(Want::Text, 0),
                self.term(Want::Text, 0)
            ),
            4 => format!(
                "substring({}, {}, {})",
                self.term(Want::Text, d),
                self.pick(&["0", "1", "2", "-1", "input.n"]),
                self.pick(&["0", "1", "2", "-1"])
            ),
            5 => format!(
                "{}({}, {})",
                self.pick(&["trim", "trim_left", "trim_right", "trim_prefix", "trim_suffix"]),
                self.term(Want::Text, d),
                self.term(Want::Text, 0)
            ),
            6 => format!("format_int({}, {})", self.term(Want::Number, d), self.pick(&["2", "8", "10", "16", "3"])),
            7 => format!("json.marshal({})", self.term(Want::Any, d)),
            8 => format!("type_name({})", self.term(Want::Any, d)),
            9 => format!(
                "{}({})",
                self.pick(&["base64.decode", "base64url.decode", "hex.decode"]),
                self.pick(&["\"YQ==\"", "\"YQ\"", "\"61\"", "\"x\"", "input.s", "\"/w==\""])
            ),
            10 => format!(
                "time.weekday({})",
                self.pick(&["1706659200000000000", "input.n", "[0, \"UTC\"]", "time.parse_rfc3339_ns(input.t)"])
            ),
            11 => format!(
                "split({}, {})[{}]",
                self.term(Want::Text, d),
                self.term(Want::Text, 0),
                self.pick(&["0", "1", "_"])
            ),
            12 => format!("strings.replace_n({{\"a\": \"x\", \"b\": \"y\"}}, {})", self.term(Want::Text, d)),
            _ => self.leaf(Want::Text),
        }
    }

    fn comprehension(&mut self) -> (String, String) {
        let known = self.locals.len();
        let name = self.fresh();
        let of = self.pick(&[
            "input.a[_]",
            "input.w[_]",
            "input.l[_].x",
            "input.l[_]",
            "input.o[_]",
            "[1, 2, 3][_]",
            "{1, 2}[_]",
        ]);
        self.locals.push((name.clone(), Want::Any));
        let mut body = format!("{name} := {of}");
        if self.chance(60) {
            let inner = self.statement(1);
            body.push_str(&format!("; {inner}"));
        }
        let term = if self.chance(70) { name } else { self.term(Want::Any, 1) };
        self.locals.truncate(known);
        (term, body)
    }

    fn array(&mut self, d: usize) -> String {
        match self.random.below(14) {
            0..=3 => {
                let (term, body) = self.comprehension();
                format!("[{term} | {body}]")
            }
            4 => format!("array.concat({}, {})", self.term(Want::Array, d), self.term(Want::Array, d)),
            5 => format!(
                "array.slice({}, {}, {})",
                self.term(Want::Array, d),
                self.pick(&["0", "1", "-1"]),
                self.pick(&["1", "2", "5", "-1"])
            ),
            6 => format!("sort({})", self.collection(d)),
            7 => format!("array.reverse({})", self.term(Want::Array, d)),
            8 => format!("numbers.range({}, {})", self.pick(&["0", "1", "3", "input.n"]), self.pick(&["2", "-1", "5"])),
            9 => format!("split({}, {})", self.term(Want::Text, d), self.term(Want::Text, 0)),
            10 => format!("[{}, {}]", self.term(Want::Any, d), self.term(Want::Any, d)),
            11 => format!("indexof_n({}, {})", self.term(Want::Text, d), self.term(Want::Text, 0)),
            12 => format!(
                "time.{}({})",
                self.pick(&["date", "clock"]),
                self.pick(&["1706659200000000000", "-1", "input.n", "time.parse_rfc3339_ns(input.t)"])
            ),
            _ => self.leaf(Want::Array),
        }
    }

    fn set(&mut self, d: usize) -> String {
        match self.random.below(10) {
            0..=2 => {
                let (term, body) = self.comprehension();
                format!("{{{term} | {body}}}")
            }
            3..=4 => {
                format!("({} {} {})", self.term(Want::Set, d), self.pick(&["|", "&", "-"]), self.term(Want::Set, d))
            }
            5 => format!("{{{}, {}}}", self.term(Want::Any, d), self.term(Want::Any, d)),
            6 => format!("union({{{}, {}}})", self.term(Want::Set, d), self.term(Want::Set, 0)),
            7 => format!("intersection({{{}, {}}})", self.term(Want::Set, d), self.term(Want::Set, 0)),
            8 => format!("object.keys({})", self.term(Want::Object, d)),
            _ => self.leaf(Want::Set),
        }
    }

    fn object(&mut self, d: usize) -> String {
        match self.random.below(10) {
            0..=2 => {
                let known = self.locals.len();
                let name = self.fresh();
                self.locals.push((name.clone(), Want::Any));
                let of = self.pick(&["input.o", "input.a", "input.l", "[\"x\", \"y\"]"]);
                let value = if self.chance(50) { format!("{of}[{name}]") } else { self.term(Want::Any, 1) };
                self.locals.truncate(known);
                format!("{{{name}: w | {of}[{name}]; w := {value}}}")
            }
            3 => format!("object.union({}, {})", self.term(Want::Object, d), self.term(Want::Object, d)),
            4 => format!(
                "object.{}({}, {})",
                self.pick(&["remove", "filter"]),
                self.term(Want::Object, d),
                self.pick(&["[\"a\"]", "{\"a\", \"b\"}", "{\"b\": 1}", "input.w"])
            ),
            5 => format!("{{\"a\": {}, {}: 2}}", self.term(Want::Any, d), self.term(Want::Text, 0)),
            6 => format!("json.unmarshal({})", self.pick(&["\"{\\\"a\\\": 1}\"", "\"[1,\"", "input.s", "\"{}\""])),
            _ => self.leaf(Want::Object),
        }
    }

    fn bool(&mut self, d: usize) -> String {
        match self.random.below(14) {
            0..=2 => format!(
                "{}({}, {})",
                self.pick(&["startswith", "endswith", "contains"]),
                self.term(Want::Text, d),
                self.term(Want::Text, 0)
            ),
            3 => format!(
                "{}({})",
                self.pick(&["is_number", "is_string", "is_boolean", "is_array", "is_set", "is_object", "is_null"]),
                self.term(Want::Any, d)
            ),
            4 => format!(
                "regex.match({}, {})",
                self.pick(&["`^a`", "`[a-c]+$`", "\"\"", "`^sha256:[0-9a-f]+$`"]),
                self.term(Want::Text, d)
            ),
            5 => format!(
                "{}({})",
                self.pick(&["any", "all"]),
                self.pick(&["[true, input.b]", "input.a", "{true}", "[]", "[x | x := input.l[_].x]"])
            ),
            6 => format!("({} == {})", self.term(Want::Any, d), self.term(Want::Any, 0)),
            7 => format!(
                "object.get({}, {}, {})",
                self.term(Want::Object, d),
                self.pick(&["\"a\"", "[\"a\", \"b\"]", "\"k\"", "input.s", "[]"]),
                self.term(Want::Any, 0)
            ),
            8 => format!(
                "strings.any_prefix_match({}, {})",
                self.pick(&["input.s", "input.w", "[\"ab\", \"c\"]"]),
                self.pick(&["\"a\"", "[\"b\", \"a\"]"])
            ),
            9 => format!(
                "{}({})",
                self.pick(&["base64.is_valid", "json.is_valid", "regex.is_valid"]),
                self.term(Want::Text, d)
            ),
            10 => {
                format!("({} {} {})", self.term(Want::Any, d), self.pick(&["<", ">=", "!="]), self.term(Want::Any, 0))
            }
            _ => self.leaf(Want::Bool),
        }
    }
}
