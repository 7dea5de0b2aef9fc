//! Values for the policies of `generator.rs`.

use crate::generator::{Kind, Maker, NAMES};

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "5",
    "1.5",
    "1.0",
    "-1",
    "0x10",
    "1_000",
    "1K",
    "int",
    "int",
    "number",
    "float",
    "uint8",
    "int32",
    ">0",
    ">=1",
    "<3",
    "<=2",
    "!=1",
    ">0 & <5",
    ">=1 & <=1",
    "1e2",
    "float64",
    ">1.5",
];

const STRINGS: &[&str] = &[
    "\"a\"",
    "\"b\"",
    "\"c\"",
    "\"abc\"",
    "\"\"",
    "string",
    "string",
    "=~\"^a\"",
    "!~\"b\"",
    "=~\"[0-9]$\"",
    "!=\"a\"",
    ">\"a\"",
    "<=\"c\"",
    "#\"a\\b\"#",
    "\"\\u00e9\"",
    "'a'",
    "bytes",
    "\"\"\"\n\ta\n\t\"\"\"",
];

const BOOLS: &[&str] = &["true", "false", "bool", "true", "null"];

const STRUCTS: &[&str] = &["{}", "{...}", "{a: 1}", "{b?: string}", "{[string]: int}", "close({a?: int})"];

const LISTS: &[&str] =
    &["[]", "[...]", "[1, 2]", "[...int]", "[...string]", "[\"a\", ...]", "[_, _]", "[1, ...int]", "[{}]"];

const ANYTHING: &[&str] = &[
    "_",
    "1",
    "\"a\"",
    "int",
    "string",
    "null",
    "true",
    "{}",
    "[]",
    "!=1",
    "bool",
    "{a: int}",
    "number | string",
    "int | *1",
    "*\"a\" | string",
    "_|_",
];

impl Maker<'_> {
    pub(crate) fn expr(&mut self, kind: Kind, depth: usize) -> String {
        if !self.spend() || depth > 5 {
            return self.atom(kind);
        }
        if self.rare && self.random.chance(15) {
            return self.rarity(kind, depth);
        }
        match self.random.below(100) {
            0..=29 => self.atom(kind),
            30..=54 => match self.reference(kind) {
                Some(reference) => reference,
                None => self.composite(kind, depth),
            },
            55..=60 => format!("{} & {}", self.operand(kind, depth), self.operand(kind, depth)),
            61..=70 => self.disjunction(kind, depth),
            71..=72 => format!("({})", self.expr(kind, depth + 1)),
            73 => self.random.pick(&["_", "_|_", "error(\"no\")", "null", "!=null"]).to_owned(),
            74 => self.validator(depth),
            75 => format!("[{}][{}]", self.items(kind, depth), self.random.pick(&["0", "1", "2"])),
            76 => {
                let name = NAMES[self.random.below(NAMES.len())];
                format!("{}.{name}", self.block(depth + 1))
            }
            _ => self.composite(kind, depth),
        }
    }

    fn rarity(&mut self, kind: Kind, depth: usize) -> String {
        let number = |maker: &mut Self| match maker.random.below(3) {
            0 => maker.expr(Kind::Number, depth + 2),
            _ => maker.reference(Kind::Number).unwrap_or_else(|| "1".to_owned()),
        };
        match self.random.below(10) {
            0..=3 => {
                let (whole, low, high) = (self.operand(Kind::List, depth), number(self), number(self));
                let whole = if self.random.chance(10) { "'abc'".to_owned() } else { format!("({whole})") };
                let part = match self.random.below(3) {
                    0 => format!("{whole}[{low}:{high}]"),
                    1 => format!("{whole}[{low}:]"),
                    _ => format!("{whole}[:{high}]"),
                };
                if self.random.chance(50) { format!("{part}[0]") } else { part }
            }
            4..=5 => format!("error({})", self.expr(Kind::String, depth + 1)),
            6 => format!("{} | error({})", self.operand(kind, depth), self.expr(Kind::String, depth + 1)),
            7 => {
                let (whole, index) = (self.operand(Kind::List, depth), number(self));
                format!("({whole})[{index}]")
            }
            8 => format!("({} * {})", number(self), self.operand(Kind::String, depth)),
            _ => format!("+{}", self.operand(Kind::Number, depth)),
        }
    }

    fn operand(&mut self, kind: Kind, depth: usize) -> String {
        let text = self.expr(kind, depth + 1);
        if text.contains(" | ") { format!("({text})") } else { text }
    }

    fn disjunction(&mut self, kind: Kind, depth: usize) -> String {
        let count = 2 + usize::from(self.random.chance(25));
        let marked = self.random.chance(45);
        let which = self.random.below(count);
        let parts: Vec<String> = (0..count)
            .map(|n| {
                let kind = if self.random.chance(15) { Kind::Any } else { kind };
                let text = self.operand(kind, depth);
                let mark = if marked && (n == which || self.random.chance(10)) { "*" } else { "" };
                if text.contains(" & ") { format!("{mark}({text})") } else { format!("{mark}{text}") }
            })
            .collect();
        parts.join(" | ")
    }

    /// A name in scope, perhaps with a field of it.
    pub(crate) fn reference(&mut self, kind: Kind) -> Option<String> {
        let cyclic = self.random.chance(15);
        let mut known: Vec<(String, Kind)> = self.scopes.iter().flatten().cloned().collect();
        known.retain(|(name, _)| cyclic || !self.within.contains(name));
        if known.is_empty() {
            return None;
        }
        let fits: Vec<&(String, Kind)> = known.iter().filter(|(_, k)| *k == kind).collect();
        let any = fits.is_empty() || self.random.chance(25);
        let (name, of) = if any {
            let (name, kind) = &known[self.random.below(known.len())];
            (name.clone(), *kind)
        } else {
            let (name, kind) = fits[self.random.below(fits.len())];
            (name.clone(), *kind)
        };
        Some(match (of, self.random.below(10)) {
            (Kind::Struct, 0..=4) if kind != Kind::Struct => {
                format!("{name}.{}", NAMES[self.random.below(NAMES.len())])
            }
            (Kind::Struct, 0) => format!("{name}[\"{}\"]", NAMES[self.random.below(NAMES.len())]),
            (Kind::Struct, 1) => match self.reference(Kind::String) {
                Some(index) => format!("{name}[{index}]"),
                None => name,
            },
            (Kind::List, 0..=5) if kind != Kind::List => format!("{name}[{}]", self.random.below(3)),
            (Kind::List, 0) => format!("{name}[{}:]", self.random.below(2)),
            (Kind::Any, 0..=2) => format!("{name}.{}", NAMES[self.random.below(NAMES.len())]),
            _ => name,
        })
    }

    fn atom(&mut self, kind: Kind) -> String {
        let atoms = match kind {
            Kind::Number => NUMBERS,
            Kind::String => STRINGS,
            Kind::Bool => BOOLS,
            Kind::Struct => STRUCTS,
            Kind::List => LISTS,
            Kind::Any => ANYTHING,
        };
        self.random.pick(atoms).to_owned()
    }

    fn items(&mut self, kind: Kind, depth: usize) -> String {
        let count = 1 + self.random.below(3);
        let items: Vec<String> = (0..count).map(|_| self.expr(kind, depth + 1)).collect();
        items.join(", ")
    }

    fn composite(&mut self, kind: Kind, depth: usize) -> String {
        match kind {
            Kind::Number => self.number(depth),
            Kind::String => self.string(depth),
            Kind::Bool => self.condition(depth),
            Kind::Struct => self.structure(depth),
            Kind::List => self.list(depth),
            Kind::Any => {
                let kind = [Kind::Number, Kind::String, Kind::Bool, Kind::Struct, Kind::List][self.random.below(5)];
                self.expr(kind, depth + 1)
            }
        }
    }

    fn number(&mut self, depth: usize) -> String {
        match self.random.below(14) {
            0..=3 => {
                let op = self.random.pick(&["+", "-", "*", "/", "+", "-"]);
                format!("({} {op} {})", self.expr(Kind::Number, depth + 1), self.expr(Kind::Number, depth + 1))
            }
            4..=5 => {
                let kind = [Kind::String, Kind::Struct, Kind::List][self.random.below(3)];
                format!("len({})", self.expr(kind, depth + 1))
            }
            6 => {
                let function = self.random.pick(&["div", "mod", "quo", "rem"]);
                format!("{function}({}, {})", self.expr(Kind::Number, depth + 1), self.expr(Kind::Number, depth + 1))
            }
            7 => format!("-{}", self.operand(Kind::Number, depth)),
            8..=9 => {
                let op = self.random.pick(&[">", ">=", "<", "<=", "!="]);
                format!("{op}({})", self.expr(Kind::Number, depth + 1))
            }
            10 => self.list_number(depth),
            11 => self.conditional(Kind::Number, depth),
            _ => self.number_call(depth),
        }
    }

    /// `[if c {x}, y][0]`
    fn conditional(&mut self, kind: Kind, depth: usize) -> String {
        let condition = self.condition(depth + 1);
        format!("[if {condition} {{{}}}, {}][0]", self.expr(kind, depth + 1), self.expr(kind, depth + 1))
    }

    fn string(&mut self, depth: usize) -> String {
        match self.random.below(12) {
            0..=3 => {
                let kind = if self.random.chance(50) { Kind::String } else { Kind::Number };
                format!("\"{}\\({})\"", self.random.pick(&["", "a", "x"]), self.expr(kind, depth + 1))
            }
            4..=5 => format!("({} + {})", self.expr(Kind::String, depth + 1), self.expr(Kind::String, depth + 1)),
            6 => format!("({} * {})", self.expr(Kind::String, depth + 1), self.random.pick(&["0", "1", "2"])),
            7 => {
                let op = self.random.pick(&[">", "<=", "!=", "=~", "!~"]);
                format!("{op}({})", self.expr(Kind::String, depth + 1))
            }
            8 => self.conditional(Kind::String, depth),
            _ => self.string_call(depth),
        }
    }

    /// Something that is true or false.
    pub(crate) fn condition(&mut self, depth: usize) -> String {
        if depth > 5 {
            return self.random.pick(&["true", "false"]).to_owned();
        }
        match self.random.below(16) {
            0..=4 => {
                let kind = [Kind::Number, Kind::String, Kind::Number, Kind::Bool, Kind::Any][self.random.below(5)];
                let op = match kind {
                    Kind::Number | Kind::String => self.random.pick(&["==", "!=", "<", ">=", "=="]),
                    _ => self.random.pick(&["==", "!="]),
                };
                format!("({} {op} {})", self.expr(kind, depth + 1), self.expr(kind, depth + 1))
            }
            5..=7 => {
                let kind = [Kind::Number, Kind::String, Kind::Struct, Kind::List][self.random.below(4)];
                let op = self.random.pick(&["!=", "!=", "=="]);
                match self.reference(kind) {
                    Some(reference) => format!("({reference} {op} _|_)"),
                    None => "true".to_owned(),
                }
            }
            8 => format!("!{}", self.operand(Kind::Bool, depth)),
            9..=10 => {
                let op = self.random.pick(&["&&", "||"]);
                format!("({} {op} {})", self.condition(depth + 1), self.condition(depth + 1))
            }
            11 => {
                let op = self.random.pick(&["=~", "!~"]);
                format!(
                    "({} {op} {})",
                    self.expr(Kind::String, depth + 1),
                    self.random.pick(&["\"^a\"", "\"b\"", "\"\\\\d\""])
                )
            }
            12 => match self.reference(Kind::Bool) {
                Some(reference) => reference,
                None => "true".to_owned(),
            },
            13 => {
                let kind = [Kind::Struct, Kind::List][self.random.below(2)];
                format!("({} == {})", self.expr(kind, depth + 1), self.expr(kind, depth + 1))
            }
            _ => self.bool_call(depth),
        }
    }

    fn structure(&mut self, depth: usize) -> String {
        match self.random.below(12) {
            0 => format!("close({})", self.block(depth + 1)),
            1 => self.embedded_scalar(depth),
            _ => self.block(depth),
        }
    }

    fn embedded_scalar(&mut self, depth: usize) -> String {
        let kind = [Kind::Number, Kind::String, Kind::List][self.random.below(3)];
        let value = self.operand(kind, depth + 1);
        format!("{{{value}, #A: {}}}", self.expr(Kind::Any, depth + 1))
    }

    fn list(&mut self, depth: usize) -> String {
        let kind = [Kind::Number, Kind::String, Kind::Struct, Kind::Any][self.random.below(4)];
        match self.random.below(12) {
            0..=4 => {
                let rest = match self.random.below(4) {
                    0 => ", ...".to_owned(),
                    1 => format!(", ...{}", self.operand(kind, depth + 1)),
                    _ => String::new(),
                };
                format!("[{}{rest}]", self.items(kind, depth))
            }
            5..=6 => format!("[...{}]", self.operand(kind, depth + 1)),
            7..=9 => {
                let from = if self.random.chance(60) { Kind::List } else { Kind::Struct };
                let source = self.expr(from, depth + 1);
                let (key, value) = (self.fresh("k"), self.fresh("v"));
                self.scopes.push(vec![(value.clone(), kind), (key.clone(), Kind::Number)]);
                let condition =
                    if self.random.chance(40) { format!(" if {}", self.condition(depth + 1)) } else { String::new() };
                let body = self.expr(kind, depth + 1);
                self.scopes.pop();
                format!("[for {key}, {value} in {source}{condition} {{{body}}}]")
            }
            _ => self.list_call(depth),
        }
    }
}
