//! Terms and statements of OPA's v0 grammar (`ast/parser.go`). What OPA's parser refuses is refused; a few forms that it
//! takes are named as unsupported.

mod collections;

use std::collections::{HashMap, HashSet};

use super::CompileError;
use super::json::string_literal;
use super::lexer::{Token, TokenKind, tokens};
use super::number::{Number, NumberFault};
use super::syntax::{Call, Expr, Kind, Module, Term};
use super::value::Value;
use crate::limits::{MAX_POLICY_BYTES, MAX_POLICY_DEPTH, MAX_POLICY_TERMS};

pub(super) type Parsed<T> = Result<T, CompileError>;

/// Words that are no names. The four of `future.keywords` join them when imported.
const KEYWORDS: &[&str] =
    &["as", "default", "else", "false", "import", "not", "null", "package", "some", "true", "with"];

/// Names of the infix operators, by binding strength, the weakest first.
const OPERATORS: &[&[(&str, &str)]] = &[
    &[("==", "equal"), ("!=", "neq"), ("<=", "lte"), (">=", "gte"), ("<", "lt"), (">", "gt")],
    &[("|", "or")],
    &[("&", "and")],
    &[("+", "plus"), ("-", "minus")],
    &[("*", "mul"), ("/", "div"), ("%", "rem")],
];

/// Reads a policy.
pub(crate) fn parse(source: &str) -> Parsed<Module> {
    if source.len() > MAX_POLICY_BYTES {
        return Err(CompileError::Limit { what: "bytes", limit: MAX_POLICY_BYTES });
    }
    let mut parser = Parser {
        tokens: tokens(source)?,
        at: 0,
        depth: 0,
        terms: 0,
        wildcards: 0,
        keywords: HashSet::new(),
        version_one: false,
        known: HashMap::new(),
    };
    parser.module()
}

pub(super) struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    depth: usize,
    terms: usize,
    wildcards: usize,
    /// Imported ones.
    pub(super) keywords: HashSet<&'static str>,
    /// `import rego.v1`
    pub(super) version_one: bool,
    /// Terms by the place where they begin, and where they end: going back costs nothing.
    known: HashMap<usize, (Term, usize)>,
}

const END: Token<'static> = Token { kind: TokenKind::End, text: "", line: 0, spaced: false, new_line: false };

impl<'a> Parser<'a> {
    pub(super) fn token(&self) -> &Token<'a> {
        self.tokens.get(self.at).or(self.tokens.last()).unwrap_or(&END)
    }

    pub(super) fn step(&mut self) {
        self.at = self.at.saturating_add(1).min(self.tokens.len().saturating_sub(1));
    }

    pub(super) fn line(&self) -> usize {
        self.token().line
    }

    pub(super) fn error<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(CompileError::Parse { line: self.line(), message: message.into() })
    }

    pub(super) fn unsupported<T>(&self, what: &str) -> Parsed<T> {
        Err(CompileError::Unsupported { line: self.line(), what: what.to_owned() })
    }

    /// What OPA says of a word that does not belong there.
    pub(super) fn unexpected<T>(&self, expected: &str) -> Parsed<T> {
        let token = self.token();
        let found = match token.kind {
            TokenKind::End => "eof token".to_owned(),
            TokenKind::Ident if self.is_keyword(token.text) => format!("{} keyword", token.text),
            TokenKind::Ident => "identifier token".to_owned(),
            TokenKind::Number => "number token".to_owned(),
            TokenKind::String | TokenKind::RawString => "string token".to_owned(),
            TokenKind::Sign => format!("{} token", token.text),
        };
        let colon = if expected.is_empty() { "" } else { ": " };
        self.error(format!("unexpected {found}{colon}{expected}"))
    }

    pub(super) fn is_end(&self) -> bool {
        self.token().kind == TokenKind::End
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        let token = self.token();
        token.kind == TokenKind::Sign && token.text == sign
    }

    pub(super) fn take(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.step();
        }
        found
    }

    pub(super) fn is_keyword(&self, word: &str) -> bool {
        KEYWORDS.contains(&word) || self.keywords.contains(word)
    }

    /// A keyword. Where `.` or `[` follows without a space, OPA reads a name.
    pub(super) fn is_word(&self, word: &str) -> bool {
        let token = self.token();
        let is_name = self
            .tokens
            .get(self.at.saturating_add(1))
            .is_some_and(|next| !next.spaced && next.kind == TokenKind::Sign && matches!(next.text, "." | "["));
        token.kind == TokenKind::Ident && token.text == word && self.is_keyword(word) && !is_name
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.step();
        }
        found
    }

    /// A name that is no keyword.
    pub(super) fn name(&mut self, expected: &str) -> Parsed<&'a str> {
        let token = self.token();
        let text = token.text;
        if token.kind != TokenKind::Ident || self.is_keyword(text) {
            return self.unexpected(expected);
        }
        self.step();
        Ok(text)
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_POLICY_DEPTH {
            return Err(CompileError::Limit { what: "levels of brackets and expressions", limit: MAX_POLICY_DEPTH });
        }
        self.depth = self.depth.saturating_add(1);
        let result = read(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    /// Statements up to `end`, at least one.
    pub(super) fn body(&mut self, end: &str) -> Parsed<Vec<Expr>> {
        if self.is_sign(end) {
            return self.error("found empty body");
        }
        let mut body = Vec::new();
        loop {
            body.push(self.literal()?);
            if self.take(";") {
                continue;
            }
            if self.take(end) {
                return Ok(body);
            }
            if !self.token().new_line {
                return self.unexpected(&format!("expected \\n or ; or {end}"));
            }
        }
    }

    pub(super) fn literal(&mut self) -> Parsed<Expr> {
        let line = self.line();
        let negated = self.take_word("not");
        let kind = if self.is_word("some") || self.is_word("every") {
            if negated {
                return self.unexpected("illegal negation");
            }
            if self.is_word("some") { self.some()? } else { self.every()? }
        } else {
            self.expression()?
        };
        if self.is_word("with") {
            return self.unsupported("the modifier `with`");
        }
        Ok(Expr { line, negated, kind })
    }

    fn expression(&mut self) -> Parsed<Kind> {
        let left = self.term_with_key()?;
        if self.take("=") {
            return Ok(Kind::Unify(left, self.term_with_key()?));
        }
        if self.take(":=") {
            return Ok(Kind::Assign(left, self.term_with_key()?));
        }
        Ok(match left {
            Term::Call(call) => Kind::Call(call),
            term => Kind::Term(term),
        })
    }

    fn some(&mut self) -> Parsed<Kind> {
        self.step();
        let start = self.at;
        if self.keywords.contains("in")
            && let Ok(Term::Call(call)) = self.term_with_key()
        {
            let mut args = call.args.into_iter();
            match (call.operator.join(".").as_str(), args.next(), args.next(), args.next()) {
                ("internal.member_2", Some(value), Some(domain), None) => {
                    return Ok(Kind::SomeIn { key: None, value, domain });
                }
                ("internal.member_3", Some(key), Some(value), Some(domain)) => {
                    return Ok(Kind::SomeIn { key: Some(key), value, domain });
                }
                _ => return self.error("expected `x in xs` or `x, y in xs` expression"),
            }
        }
        self.at = start;
        let mut names = vec![self.name("expected var")?.to_owned()];
        while self.take(",") {
            names.push(self.name("expected var")?.to_owned());
        }
        Ok(Kind::Some(names))
    }

    fn every(&mut self) -> Parsed<Kind> {
        self.step();
        let term = self.term_with_key()?;
        let Term::Call(call) = term else {
            return self.unexpected("expected `x[, y] in xs { ... }` expression");
        };
        let mut args = call.args.into_iter();
        let (key, value, domain) = match (call.operator.join(".").as_str(), args.next(), args.next(), args.next()) {
            ("internal.member_2", Some(value), Some(domain), None) => (None, value, domain),
            ("internal.member_3", Some(key), Some(value), Some(domain)) => (Some(key), value, domain),
            _ => return self.unexpected("expected `x[, y] in xs { ... }` expression"),
        };
        let key = match key {
            None => None,
            Some(Term::Var(name)) => Some(name),
            Some(_) => return self.unexpected("expected key to be a variable"),
        };
        let Term::Var(value) = value else {
            return self.unexpected("expected value to be a variable");
        };
        if !self.take("{") {
            return self.unexpected("missing body");
        }
        let body = self.nested(|p| p.body("}"))?;
        Ok(Kind::Every { key, value, domain, body })
    }

    /// A term in which `k, v in xs` may stand.
    pub(super) fn term_with_key(&mut self) -> Parsed<Term> {
        self.nested(|p| p.membership(true))
    }

    fn listed_term(&mut self) -> Parsed<Term> {
        self.nested(|p| p.membership(false))
    }

    fn membership(&mut self, with_key: bool) -> Parsed<Term> {
        let mut left = self.infix(0)?;
        if with_key && self.is_sign(",") && self.keywords.contains("in") {
            let start = self.at;
            self.step();
            match self.infix(0) {
                Ok(second) if self.take_word("in") => {
                    let domain = self.infix(0)?;
                    left = member("internal.member_3", vec![left, second, domain]);
                }
                _ => self.at = start,
            }
        }
        while self.take_word("in") {
            let domain = self.infix(0)?;
            left = member("internal.member_2", vec![left, domain]);
        }
        Ok(left)
    }

    fn infix(&mut self, level: usize) -> Parsed<Term> {
        let Some(operators) = OPERATORS.get(level) else { return self.term() };
        let next = level.saturating_add(1);
        let mut left = self.infix(next)?;
        let mut chain = 0_usize;
        while let Some((_, name)) = operators.iter().find(|(sign, _)| self.is_sign(sign)) {
            // Each link nests the term by one.
            chain = chain.saturating_add(1);
            if chain > MAX_POLICY_DEPTH {
                return Err(CompileError::Limit { what: "operators in a row", limit: MAX_POLICY_DEPTH });
            }
            self.step();
            let right = self.infix(next)?;
            left = Term::Call(Call { operator: vec![(*name).to_owned()], args: vec![left, right] });
        }
        Ok(left)
    }

    fn term(&mut self) -> Parsed<Term> {
        let start = self.at;
        if let Some((term, end)) = self.known.get(&start) {
            self.at = *end;
            return Ok(term.clone());
        }
        let term = self.nested(Self::new_term)?;
        self.terms = self.terms.saturating_add(1);
        if self.terms > MAX_POLICY_TERMS {
            return Err(CompileError::Limit { what: "terms", limit: MAX_POLICY_TERMS });
        }
        self.known.insert(start, (term.clone(), self.at));
        Ok(term)
    }

    fn new_term(&mut self) -> Parsed<Term> {
        let token = self.token().clone();
        let head = match (token.kind, token.text) {
            (TokenKind::Ident, "null" | "true" | "false") => {
                self.step();
                let value = match token.text {
                    "null" => Value::Null,
                    word => Value::Bool(word == "true"),
                };
                return self.no_ref(Term::Const(value));
            }
            (TokenKind::Ident, "contains") => {
                self.step();
                Term::var("contains")
            }
            (TokenKind::Ident, _) => {
                let name = self.name("")?;
                if name == "_" { self.wildcard() } else { Term::var(name) }
            }
            (TokenKind::Number, _) | (TokenKind::Sign, "-" | ".") => {
                let number = self.number()?;
                return self.no_ref(number);
            }
            (TokenKind::String | TokenKind::RawString, _) => {
                let text = self.string()?;
                return self.no_ref(Term::text(&text));
            }
            (TokenKind::Sign, "[") => self.array()?,
            (TokenKind::Sign, "{") => self.set_or_object()?,
            (TokenKind::Sign, "(") => {
                self.step();
                let inner = self.term_with_key()?;
                if !self.take(")") {
                    return self.error("non-terminated expression");
                }
                inner
            }
            _ => return self.unexpected(""),
        };
        self.path(head)
    }

    fn wildcard(&mut self) -> Term {
        self.wildcards = self.wildcards.saturating_add(1);
        Term::var(&format!("${}", self.wildcards))
    }

    /// A scalar, which has no path.
    fn no_ref(&self, term: Term) -> Parsed<Term> {
        let token = self.token();
        if !token.spaced && token.kind == TokenKind::Sign && matches!(token.text, "." | "[" | "(") {
            return self.error("illegal ref (head cannot be a scalar)");
        }
        Ok(term)
    }

    /// What follows a term without a space: `.name`, `[term]`, `(args)`.
    fn path(&mut self, mut head: Term) -> Parsed<Term> {
        let mut path = Vec::new();
        loop {
            if path.len() > MAX_POLICY_DEPTH {
                return Err(CompileError::Limit { what: "parts of a reference", limit: MAX_POLICY_DEPTH });
            }
            let token = self.token();
            if token.spaced || token.kind != TokenKind::Sign {
                break;
            }
            match token.text {
                "." => {
                    self.step();
                    path.push(self.field()?);
                }
                "[" => {
                    self.step();
                    path.push(self.term_with_key()?);
                    if !self.take("]") {
                        return self.unexpected("expected ]");
                    }
                }
                "(" => {
                    let operator = self.operator(&head, &path)?;
                    path.clear();
                    self.step();
                    let args = self.list(")")?;
                    head = match (operator.as_slice(), args.is_empty()) {
                        ([name], true) if name == "set" => return self.after_call(Term::Set(Vec::new())),
                        _ => Term::Call(Call { operator, args }),
                    };
                }
                _ => break,
            }
        }
        let root = matches!(&head, Term::Var(name) if matches!(&**name, "input" | "data"));
        if path.is_empty() && !root {
            return Ok(head);
        }
        Ok(match head {
            Term::Ref(inner, mut start) => {
                start.append(&mut path);
                Term::Ref(inner, start)
            }
            head => Term::Ref(Box::new(head), path),
        })
    }

    fn after_call(&mut self, term: Term) -> Parsed<Term> {
        self.path(term)
    }

    fn field(&mut self) -> Parsed<Term> {
        Ok(Term::text(self.field_name()?))
    }

    /// What follows a point; keywords may.
    pub(super) fn field_name(&mut self) -> Parsed<&'a str> {
        let token = self.token();
        let text = token.text;
        if token.kind != TokenKind::Ident || token.spaced {
            return self.unexpected("expected identifier");
        }
        self.step();
        Ok(text)
    }

    /// The name of a function: words with points between them.
    fn operator(&self, head: &Term, path: &[Term]) -> Parsed<Vec<String>> {
        let Term::Var(name) = head else { return self.unsupported("a call of what is no name") };
        let mut operator = vec![name.to_string()];
        for part in path {
            match part {
                Term::Const(Value::String(text)) => operator.push(text.to_string()),
                _ => return self.unsupported("a call of a computed name"),
            }
        }
        Ok(operator)
    }

    /// Terms with commas between them, up to `end`.
    pub(super) fn list(&mut self, end: &str) -> Parsed<Vec<Term>> {
        let mut terms = Vec::new();
        loop {
            if self.take(end) {
                return Ok(terms);
            }
            terms.push(self.listed_term()?);
            if !self.take(",") && !self.is_sign(end) {
                return self.unexpected(&format!("expected \",\" or \"{end}\""));
            }
        }
    }

    fn number(&mut self) -> Parsed<Term> {
        let mut text = String::new();
        for sign in ["-", "."] {
            if self.take(sign) {
                text.push_str(sign);
            }
        }
        let token = self.token();
        if token.kind != TokenKind::Number {
            return self.unexpected("expected number");
        }
        text.push_str(token.text);
        let number = match Number::parse(&text) {
            Ok(number) => number,
            Err(NumberFault::Syntax) => return self.unexpected("expected number without leading zero"),
            Err(NumberFault::TooLong | NumberFault::Exponent) => return self.error("number too big"),
        };
        self.step();
        Ok(Term::Const(Value::Number(number)))
    }

    pub(super) fn string(&mut self) -> Parsed<String> {
        let token = self.token();
        let text = if token.kind == TokenKind::RawString {
            token.text.trim_matches('`').to_owned()
        } else {
            match string_literal(token.text) {
                Some(text) => text,
                None => return self.error(format!("illegal string literal: {}", token.text)),
            }
        };
        self.step();
        Ok(text)
    }
}

fn member(name: &str, args: Vec<Term>) -> Term {
    Term::Call(Call { operator: name.split('.').map(str::to_owned).collect(), args })
}
