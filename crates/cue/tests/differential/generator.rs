//! Pairs of policy and document, made from a seed: declarations. `expressions.rs` makes the values.
//!
//! Few names, few values, many references: so that what is generated meets itself.

use std::collections::BTreeSet;

use super::random::Random;

/// A policy and a document.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) policy: String,
    pub(crate) input: String,
}

/// What a value is likely to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Number,
    String,
    Bool,
    Struct,
    List,
    Any,
}

const KINDS: [Kind; 5] = [Kind::Number, Kind::String, Kind::Bool, Kind::Struct, Kind::List];
pub(crate) const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// Names of one struct, and what they hold.
pub(crate) type Scope = Vec<(String, Kind)>;

/// One policy on the way.
pub(crate) struct Maker<'r> {
    pub(crate) random: &'r mut Random,
    /// What each of [`NAMES`] mostly is, wherever it stands.
    pub(crate) kinds: [Kind; NAMES.len()],
    pub(crate) scopes: Vec<Scope>,
    pub(crate) imports: BTreeSet<&'static str>,
    /// Names of aliases are used once in a file.
    pub(crate) next: usize,
    /// Nodes that may still be made.
    pub(crate) budget: usize,
    /// The fields that the value stands in, which it mostly does not refer to.
    pub(crate) within: Vec<String>,
    /// With what only few write: parts of lists, errors with computed texts, computed indices, bytes.
    pub(crate) rare: bool,
}

pub(crate) fn pair(random: &mut Random) -> Pair {
    made(random, false)
}

/// With what only few write.
pub(crate) fn rare(random: &mut Random) -> Pair {
    made(random, true)
}

fn made(random: &mut Random, rare: bool) -> Pair {
    let mut kinds = [Kind::Any; NAMES.len()];
    for kind in &mut kinds {
        *kind = KINDS[random.below(KINDS.len())];
    }
    let budget = 8 + random.below(50);
    let mut maker = Maker {
        random,
        kinds,
        scopes: Vec::new(),
        imports: BTreeSet::new(),
        next: 0,
        budget,
        within: Vec::new(),
        rare,
    };
    let policy = maker.file();
    let input = if maker.random.chance(3) {
        maker.random.pick(&["1", "\"a\"", "[]", "[1]", "null", "true", "{}"]).to_owned()
    } else {
        maker.document(0)
    };
    Pair { policy, input }
}

impl Maker<'_> {
    pub(crate) fn kind_of(&mut self, name: &str) -> Kind {
        let n = NAMES.iter().position(|known| *known == name).unwrap_or(0);
        if self.random.chance(8) { Kind::Any } else { self.kinds[n] }
    }

    pub(crate) fn spend(&mut self) -> bool {
        self.budget = self.budget.saturating_sub(1);
        self.budget > 0
    }

    fn file(&mut self) -> String {
        let body = if self.random.chance(3) {
            let kind = KINDS[self.random.below(KINDS.len())];
            self.scopes.push(Vec::new());
            let body = self.expr(kind, 1);
            self.scopes.pop();
            body
        } else {
            let count = 1 + self.random.below(5);
            self.declarations(count, 0).join("\n")
        };
        let mut head = String::new();
        if self.random.chance(10) {
            head.push_str("package p\n");
        }
        if self.random.chance(3) {
            head.insert_str(0, "// A comment.\n");
        }
        for path in &self.imports {
            head.push_str(&format!("import \"{path}\"\n"));
        }
        if self.random.chance(1) {
            head.push_str("import \"strings\"\n");
        }
        format!("{head}{body}\n")
    }

    /// A struct's declarations, in braces.
    pub(crate) fn block(&mut self, depth: usize) -> String {
        let count = self.random.below(if depth > 2 { 3 } else { 4 });
        format!("{{{}}}", self.declarations(count, depth).join(", "))
    }

    /// The same, with names that stand around it: of an alias or a clause.
    pub(crate) fn block_with(&mut self, names: Scope, depth: usize) -> String {
        self.scopes.push(names);
        let out = self.block(depth);
        self.scopes.pop();
        out
    }

    pub(crate) fn declarations(&mut self, count: usize, depth: usize) -> Vec<String> {
        let mut names: Scope = Vec::new();
        let mut forms = Vec::new();
        for _ in 0..count {
            let name = self.field_name();
            let kind = if name.starts_with('#') || name.starts_with('_') {
                if self.random.chance(65) { Kind::Struct } else { KINDS[self.random.below(KINDS.len())] }
            } else {
                self.kind_of(&name)
            };
            let form = self.random.below(100);
            if form < 66 {
                // A field: known to what stands beside it.
                if !names.iter().any(|(known, _)| *known == name) {
                    names.push((name.clone(), kind));
                }
            }
            forms.push((form, name, kind));
        }
        self.scopes.push(names);
        let mut out: Vec<String> =
            forms.into_iter().map(|(form, name, kind)| self.declaration(form, &name, kind, depth)).collect();
        self.scopes.pop();
        if self.random.chance(6) && depth > 0 {
            out.push("...".to_owned());
        }
        if self.random.chance(1) {
            out.push("@attr(x, y=1)".to_owned());
        }
        out
    }

    pub(crate) fn field_name(&mut self) -> String {
        match self.random.below(100) {
            0..=75 => NAMES[self.random.below(NAMES.len())].to_owned(),
            76..=90 => self.random.pick(&["#A", "#B", "#C"]).to_owned(),
            91..=96 => self.random.pick(&["_h", "_g"]).to_owned(),
            _ => self.random.pick(&["_#H", "#D"]).to_owned(),
        }
    }

    pub(crate) fn fresh(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}{}", self.next)
    }

    fn declaration(&mut self, form: usize, name: &str, kind: Kind, depth: usize) -> String {
        self.within.push(name.to_owned());
        let text = self.declaration_of(form, name, kind, depth + 1);
        self.within.pop();
        text
    }

    fn declaration_of(&mut self, form: usize, name: &str, kind: Kind, depth: usize) -> String {
        match form {
            0..=47 => self.field(name, kind, depth),
            48..=53 => format!("{name}?: {}", self.expr(kind, depth)),
            54..=57 => format!("{name}!: {}", self.expr(kind, depth)),
            58..=60 => self.aliased_field(name, kind, depth),
            61..=62 => {
                let inner = NAMES[self.random.below(NAMES.len())];
                let kind = self.kind_of(inner);
                let mark = self.random.pick(&["", "", "?", "!"]);
                format!("{name}: {inner}{mark}: {}", self.expr(kind, depth))
            }
            63..=65 => {
                let first = self.expr(kind, depth);
                format!("{name}: {first}, {name}: {}", self.expr(kind, depth))
            }
            66..=72 => self.pattern(depth),
            73..=75 => self.dynamic_field(depth),
            76..=77 => "...".to_owned(),
            78..=83 => self.embedding(depth),
            84..=94 => self.comprehension(depth),
            _ => self.let_clause(depth),
        }
    }

    fn field(&mut self, name: &str, kind: Kind, depth: usize) -> String {
        let value = if self.random.chance(4) {
            // An alias of the value.
            let alias = self.fresh("V");
            let value = self.block_with(vec![(alias.clone(), kind)], depth);
            return if value.contains(&alias) {
                format!("{name}: {alias}={value}")
            } else {
                format!("{name}: {value}")
            };
        } else {
            self.expr(kind, depth)
        };
        let quoted = self.random.chance(4) && !name.starts_with(['#', '_']);
        let attribute = if self.random.chance(2) { " @x(1)" } else { "" };
        if quoted { format!("\"{name}\": {value}{attribute}") } else { format!("{name}: {value}{attribute}") }
    }

    fn aliased_field(&mut self, name: &str, kind: Kind, depth: usize) -> String {
        let alias = self.fresh("F");
        if let Some(scope) = self.scopes.last_mut() {
            scope.push((alias.clone(), kind));
        }
        let value = self.expr(kind, depth);
        if value.contains(&alias) {
            return format!("{alias}={name}: {value}");
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.retain(|(known, _)| *known != alias);
        }
        // Used beside the field.
        let user = NAMES[self.random.below(NAMES.len())];
        format!("{alias}={name}: {value}, {user}: {alias}")
    }

    fn pattern(&mut self, depth: usize) -> String {
        let filter = match self.random.below(12) {
            0..=5 => "string".to_owned(),
            6 => "=~\"^[a-c]\"".to_owned(),
            7 => "!=\"a\"".to_owned(),
            8 => "\"a\" | \"b\"".to_owned(),
            9 => ">\"b\" & <\"e\"".to_owned(),
            10 => "_".to_owned(),
            _ => self.expr(Kind::String, depth + 1),
        };
        let kind = KINDS[self.random.below(KINDS.len())];
        if self.random.chance(20) {
            let alias = self.fresh("K");
            self.scopes.push(vec![(alias.clone(), Kind::String)]);
            let value = self.expr(kind, depth);
            self.scopes.pop();
            return if value.contains(&alias) {
                format!("[{alias}={filter}]: {value}")
            } else {
                format!("[{filter}]: {value}")
            };
        }
        format!("[{filter}]: {}", self.expr(kind, depth))
    }

    fn dynamic_field(&mut self, depth: usize) -> String {
        let kind = KINDS[self.random.below(KINDS.len())];
        let mark = self.random.pick(&["", "", "", "?", "!"]);
        let key = match self.random.below(4) {
            0 => format!("\"\\({})\"", self.expr(Kind::String, depth + 1)),
            1 => format!("({})", self.expr(Kind::String, depth + 1)),
            2 => format!("(\"{}\")", NAMES[self.random.below(NAMES.len())]),
            _ => format!("\"{}\\({})\"", NAMES[self.random.below(NAMES.len())], self.expr(Kind::Number, depth + 1)),
        };
        format!("{key}{mark}: {}", self.expr(kind, depth))
    }

    fn embedding(&mut self, depth: usize) -> String {
        match self.random.below(10) {
            0..=5 => match self.reference(Kind::Struct) {
                Some(reference) => reference,
                None => self.block(depth),
            },
            6..=7 => self.block(depth),
            8 => self.expr(Kind::Struct, depth),
            _ => {
                let kind = KINDS[self.random.below(KINDS.len())];
                self.expr(kind, depth)
            }
        }
    }

    /// `if`, `for` and `let` before a struct.
    pub(crate) fn comprehension(&mut self, depth: usize) -> String {
        let mut clauses = Vec::new();
        let mut names: Scope = Vec::new();
        let count = 1 + usize::from(self.random.chance(20));
        for n in 0..count {
            self.scopes.push(names.clone());
            let clause = match self.random.below(10) {
                0..=4 => format!("if {}", self.condition(depth + 1)),
                5..=8 => {
                    let kind = if self.random.chance(50) { Kind::Struct } else { Kind::List };
                    let source = self.expr(kind, depth + 1);
                    let (key, value) = (self.fresh("k"), self.fresh("v"));
                    let of_key = if kind == Kind::Struct { Kind::String } else { Kind::Number };
                    let kind = KINDS[self.random.below(KINDS.len())];
                    if self.random.chance(50) {
                        names.push((value.clone(), kind));
                        format!("for {value} in {source}")
                    } else {
                        names.push((key.clone(), of_key));
                        names.push((value.clone(), kind));
                        format!("for {key}, {value} in {source}")
                    }
                }
                _ if n == 0 => {
                    let name = self.fresh("L");
                    let kind = KINDS[self.random.below(KINDS.len())];
                    let value = self.expr(kind, depth + 1);
                    names.push((name.clone(), kind));
                    format!("if true let {name} = {value}")
                }
                _ => format!("if {}", self.condition(depth + 1)),
            };
            self.scopes.pop();
            clauses.push(clause);
        }
        let body = self.block_with(names.clone(), depth);
        // A `let` clause that nothing uses is an error.
        let mut text = clauses.join(" ");
        for (name, _) in names.iter().filter(|(name, _)| name.starts_with('L')) {
            if !body.contains(name.as_str()) && !text.contains(&format!("{name}.")) {
                text.push_str(&format!(" if {name} != _|_"));
            }
        }
        format!("{text} {body}")
    }

    fn let_clause(&mut self, depth: usize) -> String {
        let name = self.fresh("L");
        let kind = KINDS[self.random.below(KINDS.len())];
        let value = self.expr(kind, depth);
        if let Some(scope) = self.scopes.last_mut() {
            scope.push((name.clone(), kind));
        }
        // Later declarations of this struct may use it too; one at least does.
        let user = NAMES[self.random.below(NAMES.len())];
        match self.random.below(3) {
            0 => format!("let {name} = {value}, {user}: {name}"),
            1 => format!("let {name} = {value}, {user}?: {name}"),
            _ => format!("let {name} = {value}, {user}: {name} & {}", self.expr(kind, depth)),
        }
    }

    /// A JSON document over the same names.
    fn document(&mut self, depth: usize) -> String {
        let count = self.random.below(5);
        let mut members: Vec<String> = Vec::new();
        let mut used = BTreeSet::new();
        for _ in 0..count {
            let name = match self.random.below(40) {
                0 => "x",
                1 => "#A",
                _ => NAMES[self.random.below(NAMES.len())],
            };
            if used.insert(name) {
                let kind = self.kind_of(name);
                members.push(format!("\"{name}\":{}", self.datum(kind, depth + 1)));
            }
        }
        format!("{{{}}}", members.join(","))
    }

    fn datum(&mut self, kind: Kind, depth: usize) -> String {
        let kind = if kind == Kind::Any { KINDS[self.random.below(KINDS.len())] } else { kind };
        match kind {
            Kind::Number => {
                self.random.pick(&["0", "1", "2", "3", "1.0", "1.5", "-1", "5", "10", "1e2", "12345678901234567890"])
            }
            Kind::String => {
                self.random.pick(&["\"\"", "\"a\"", "\"b\"", "\"c\"", "\"abc\"", "\"a1\"", "\"1\"", "\"é\"", "\"x y\""])
            }
            Kind::Bool => self.random.pick(&["true", "false", "true", "null"]),
            Kind::List => {
                let count = self.random.below(4);
                let kind = KINDS[self.random.below(if depth > 2 { 3 } else { KINDS.len() })];
                let items: Vec<String> = (0..count).map(|_| self.datum(kind, depth + 1)).collect();
                return format!("[{}]", items.join(","));
            }
            _ if depth > 3 => "{}",
            _ => return self.document(depth),
        }
        .to_owned()
    }
}
