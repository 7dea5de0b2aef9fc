//! Package, imports and rules of OPA's v0 grammar (`ast/parser.go`).

use super::CompileError;
use super::parser::{Parsed, Parser};
use super::syntax::{Branch, Expr, Head, Import, Kind, Module, Rule, Term};
use super::value::Value;
use crate::limits::MAX_POLICY_TERMS;

const FUTURE: &[&str] = &["contains", "every", "if", "in"];

impl Parser<'_> {
    pub(super) fn module(&mut self) -> Parsed<Module> {
        if self.is_end() {
            return self.error("empty module");
        }
        if !self.take_word("package") {
            return self.error("package expected");
        }
        let package = self.package()?;
        let mut imports = Vec::new();
        let mut rules: Vec<Rule> = Vec::new();
        while !self.is_end() {
            if self.is_word("import") {
                if !rules.is_empty() {
                    return self.unsupported("an import after a rule");
                }
                self.step();
                imports.extend(self.import()?);
            } else {
                self.rule(&mut rules)?;
                if rules.len() > MAX_POLICY_TERMS {
                    return Err(CompileError::Limit { what: "rules", limit: MAX_POLICY_TERMS });
                }
            }
        }
        Ok(Module { package, imports, rules })
    }

    fn package(&mut self) -> Parsed<Vec<String>> {
        if self.token().new_line {
            return self.unexpected("expected identifier");
        }
        let mut package = vec![self.name("expected identifier")?.to_owned()];
        loop {
            if self.token().spaced || !(self.is_sign(".") || self.is_sign("[")) {
                return Ok(package);
            }
            let bracket = self.is_sign("[");
            self.step();
            if bracket {
                package.push(self.string()?);
                if !self.take("]") {
                    return self.unexpected("expected ]");
                }
            } else {
                package.push(self.field_name()?.to_owned());
            }
        }
    }

    fn import(&mut self) -> Parsed<Option<Import>> {
        let line = self.line();
        let path = self.package()?;
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let alias = if self.take_word("as") { Some(self.name("expected var")?.to_owned()) } else { None };
        match words.as_slice() {
            ["rego", "v1"] if alias.is_none() => {
                self.version_one = true;
                self.keywords.extend(FUTURE);
                Ok(None)
            }
            ["future", "keywords"] if alias.is_none() => {
                self.keywords.extend(FUTURE);
                Ok(None)
            }
            ["future", "keywords", word] if alias.is_none() => {
                let Some(word) = FUTURE.iter().find(|known| *known == word) else {
                    return self.error(format!("unexpected keyword, must be one of {FUTURE:?}"));
                };
                self.keywords.insert(word);
                if *word == "every" {
                    self.keywords.insert("in");
                }
                Ok(None)
            }
            [root @ ("data" | "input"), rest @ ..] => {
                let alias = alias.or_else(|| path.last().cloned()).unwrap_or_default();
                let path = Term::Ref(Box::new(Term::var(root)), rest.iter().map(|p| Term::text(p)).collect());
                Ok(Some(Import { path, alias, line }))
            }
            _ => self.error("unexpected import path, must begin with one of: {data, future, input, rego}"),
        }
    }

    /// One rule, which makes several where bodies are chained.
    fn rule(&mut self, rules: &mut Vec<Rule>) -> Parsed<()> {
        let line = self.line();
        if self.take_word("default") {
            return self.default_rule(line, rules);
        }
        let name = self.name("")?.to_owned();
        let contains = self.keywords.contains("contains");
        let mut args = None;
        let mut key = None;
        // `f (x) = 1` is a head where a body follows, and no statement.
        let apart = self.token().spaced && (self.is_sign("(") || self.is_sign("["));
        if self.is_sign("(") {
            self.step();
            args = Some(self.list(")")?);
        } else if self.is_sign("[") {
            self.step();
            key = Some(self.term_with_key()?);
            if !self.take("]") {
                return self.unexpected("expected ]");
            }
        } else if self.is_sign(".") {
            return self.unsupported("a rule whose name has a point");
        }
        if self.is_sign(".") || self.is_sign("[") || self.is_sign("(") {
            return self.unsupported("a rule whose name has several parts");
        }
        let mut multi = false;
        let mut value = None;
        if contains && self.is_word("contains") {
            if key.is_some() || args.is_some() {
                return self.unsupported("`contains` behind a key or arguments");
            }
            self.step();
            key = Some(self.term_with_key()?);
            multi = true;
        } else if self.is_sign("=") || self.is_sign(":=") {
            self.step();
            value = Some(self.term_with_key()?);
        }
        let conditional = self.is_word("if");
        if conditional && !multi && key.is_some() && value.is_none() {
            value = Some(Term::Const(Value::Bool(true)));
        }
        let has_value = value.is_some();
        let head = match (args, key, value) {
            (Some(args), None, value) => Head::Function(args, value.unwrap_or(Term::Const(Value::Bool(true)))),
            (_, Some(Term::Const(_)), Some(_)) => return self.unsupported("a rule with a constant key and a value"),
            (_, Some(key), Some(value)) => Head::Object(key, value),
            (_, Some(_), None) if self.version_one && !multi => {
                return self.error("`contains` keyword is required for partial set rules");
            }
            (_, Some(key), None) => Head::Set(key),
            (None, None, value) => Head::Complete(value.unwrap_or(Term::Const(Value::Bool(true)))),
        };
        if apart && !conditional && !self.is_sign("{") {
            return self.error("var cannot be used for rule name");
        }
        self.bodies(Rule { name, head, body: Vec::new(), branches: Vec::new(), line }, conditional, has_value, rules)
    }

    fn bodies(&mut self, mut rule: Rule, conditional: bool, has_value: bool, rules: &mut Vec<Rule>) -> Parsed<()> {
        let line = rule.line;
        if conditional {
            self.step();
            rule.body = self.conditional_body()?;
        } else if self.is_sign("{") && !self.version_one {
            self.step();
            rule.body = self.body("}")?;
        } else {
            // A fact. OPA reads it as a statement, which ends with its line.
            if !self.is_end() && !self.token().new_line {
                return self.unexpected("");
            }
            let implied = !has_value && matches!(rule.head, Head::Complete(_));
            if implied {
                return self.error("var cannot be used for rule name");
            }
            if self.version_one && !has_value && !matches!(rule.head, Head::Set(_)) {
                return self.error("`if` keyword is required before rule body");
            }
            rule.body = vec![holds(line)];
            rules.push(rule);
            return Ok(());
        }
        let partial = matches!(rule.head, Head::Set(_) | Head::Object(..));
        while self.is_word("else") {
            if partial {
                return self.error("else keyword cannot be used on multi-value rules");
            }
            let (branch, has_body) = self.branch()?;
            rule.branches.push(branch);
            if !has_body && self.is_word("else") {
                return self.unexpected("");
            }
        }
        let chained = Rule { body: Vec::new(), branches: Vec::new(), ..rule.clone() };
        let has_branches = !rule.branches.is_empty();
        rules.push(rule);
        while self.is_sign("{") {
            if has_branches {
                return self.error("expected else keyword");
            }
            let line = self.line();
            self.step();
            rules.push(Rule { body: self.body("}")?, line, ..chained.clone() });
        }
        Ok(())
    }

    /// After `if`: one statement, or statements in braces.
    fn conditional_body(&mut self) -> Parsed<Vec<Expr>> {
        if !self.is_sign("{") {
            return Ok(vec![self.literal()?]);
        }
        // Braces could begin a term too, as in `if {x | …} == y`; such rules do not exist in the wild.
        self.step();
        let body = self.body("}")?;
        let next = self.token();
        if !self.is_end() && !next.new_line && !self.is_word("else") && !self.is_sign("{") {
            return self.unsupported("`if` with a term in braces");
        }
        Ok(body)
    }

    /// A branch, and whether it has a body: one without is the last.
    fn branch(&mut self) -> Parsed<(Branch, bool)> {
        let line = self.line();
        self.step();
        let mut value = Term::Const(Value::Bool(true));
        let has_value = self.is_sign("=") || self.is_sign(":=");
        if has_value {
            self.step();
            value = self.term_with_key()?;
        }
        let mut has_body = true;
        let body = if self.take_word("if") {
            self.conditional_body()?
        } else if self.is_sign("{") && !self.version_one {
            self.step();
            self.body("}")?
        } else if has_value {
            has_body = false;
            vec![holds(line)]
        } else {
            return self.unexpected("expected else value term or rule body");
        };
        Ok((Branch { value, body, line }, has_body))
    }

    fn default_rule(&mut self, line: usize, rules: &mut Vec<Rule>) -> Parsed<()> {
        let name = self.name("")?.to_owned();
        let mut args = None;
        if self.take("(") {
            args = Some(self.list(")")?);
        }
        if !self.take("=") && !self.take(":=") {
            return self.unexpected("expected default rule value term");
        }
        let value = self.term_with_key()?;
        if !self.is_end() && !self.token().new_line {
            return self.unexpected("expected default rule value term");
        }
        if let Some(args) = &args {
            let mut seen = std::collections::HashSet::new();
            for arg in args {
                match arg {
                    Term::Var(name) if name.starts_with('$') || seen.insert(name.clone()) => {}
                    Term::Var(_) => return self.error("invalid default rule: arguments cannot be repeated"),
                    _ => return self.error("invalid default rule: arguments cannot contain a value"),
                }
            }
        }
        rules.push(Rule {
            name,
            head: Head::Default { args, value },
            body: vec![holds(line)],
            branches: Vec::new(),
            line,
        });
        Ok(())
    }
}

fn holds(line: usize) -> Expr {
    Expr { line, negated: false, kind: Kind::Term(Term::Const(Value::Bool(true))) }
}
