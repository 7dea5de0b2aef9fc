//! What OPA accepts though the author of a policy surely meant otherwise.

use std::fmt;

use jiff::Timestamp;

use super::parser;
use super::syntax::{Expr, Head, Kind, Module, Rule, Term};
use super::value::Value;
use super::{CompileError, RegoOutcome, RegoPolicy, RegoQuery};

/// Something about a policy that its author should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What kind of thing.
    pub code: LintCode,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// It is safe, and might be better.
    Note,
    /// The policy accepts what its author surely does not want, or rejects what it should accept.
    Warning,
    /// There is no verdict, or never an accepting one: whatever the policy is asked about is denied.
    Error,
}

/// Kinds of findings.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LintCode {
    /// OPA refuses the policy.
    DoesNotCompile,
    /// The policy needs what is not supported, or goes over a limit.
    Unsupported,
    /// The policy is in another package than the one that is asked.
    WrongPackage,
    /// Nothing makes the value that is asked for.
    NoRule,
    /// The policy accepts a document that has nothing in it.
    AcceptsEmpty,
    /// One result that is true wins over all others.
    OneTrueWins,
    /// A statement that holds if any element does.
    AnyElement,
    /// A result with a warning, which policy-controller takes for a failure.
    WarningFails,
    /// There is no default.
    NoDefault,
}

impl LintCode {
    /// Its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DoesNotCompile => "does-not-compile",
            Self::Unsupported => "unsupported",
            Self::WrongPackage => "wrong-package",
            Self::NoRule => "no-rule",
            Self::AcceptsEmpty => "accepts-empty",
            Self::OneTrueWins => "one-true-wins",
            Self::AnyElement => "any-element",
            Self::WarningFails => "warning-fails",
            Self::NoDefault => "no-default",
        }
    }

    /// How grave it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::DoesNotCompile | Self::Unsupported | Self::WrongPackage | Self::NoRule => Severity::Error,
            Self::AcceptsEmpty | Self::OneTrueWins | Self::AnyElement | Self::WarningFails => Severity::Warning,
            Self::NoDefault => Severity::Note,
        }
    }
}

impl fmt::Display for LintCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Looks over a policy for [`RegoQuery::IsCompliant`]. `now` is what `time.now_ns()` says in a trial.
#[must_use]
pub fn lint(source: &str, now: Timestamp) -> Vec<Finding> {
    let policy = match RegoPolicy::compile(source, RegoQuery::IsCompliant) {
        Ok(policy) => policy,
        Err(error) => return vec![compile_finding(&error)],
    };
    let Ok(module) = parser::parse(source) else { return Vec::new() };
    if module.package != ["sigstore"] {
        let message = format!(
            "package {} is never asked: the query is data.sigstore.isCompliant, and everything is rejected",
            module.package.join(".")
        );
        return vec![finding(LintCode::WrongPackage, Some(1), message)];
    }
    let rules: Vec<&Rule> = module.rules.iter().filter(|rule| rule.name == "isCompliant").collect();
    if rules.is_empty() {
        return vec![finding(LintCode::NoRule, None, no_rule(&module))];
    }
    let mut findings = Vec::new();
    if let RegoOutcome::Accept { .. } = policy.evaluate("{}", now) {
        findings.push(finding(LintCode::AcceptsEmpty, None, "the policy accepts {}".to_owned()));
    }
    about_results(&rules, &mut findings);
    about_truth(&rules, &mut findings);
    findings
}

fn no_rule(module: &Module) -> String {
    let near = module.rules.iter().find(|rule| rule.name.eq_ignore_ascii_case("isCompliant"));
    match near {
        Some(rule) => format!("no rule isCompliant, and everything is rejected; {} is another name", rule.name),
        None => "no rule isCompliant, and everything is rejected".to_owned(),
    }
}

fn compile_finding(error: &CompileError) -> Finding {
    let code = if error.is_unsupported() { LintCode::Unsupported } else { LintCode::DoesNotCompile };
    let line = match error {
        CompileError::Parse { line, .. }
        | CompileError::Compile { line, .. }
        | CompileError::Type { line, .. }
        | CompileError::Unsafe { line, .. }
        | CompileError::Recursion { line, .. }
        | CompileError::Unsupported { line, .. } => Some(*line),
        CompileError::Limit { .. } => None,
    };
    finding(code, line, error.to_string())
}

fn finding(code: LintCode, line: Option<usize>, message: String) -> Finding {
    Finding { code, line, message }
}

/// `isCompliant[response] { … }`: the first object with a true result decides.
fn about_results(rules: &[&Rule], out: &mut Vec<Finding>) {
    let mut open = Vec::new();
    for rule in rules {
        let Head::Set(term) = &rule.head else { continue };
        let Some(object) = object_of(term, &rule.body) else { continue };
        let result = member(object, "result").map(|term| constant(term, &rule.body));
        let never = matches!(result, Some(Some(Value::Bool(false))) | None);
        if let Some(text) = member(object, "warning") {
            let empty = matches!(constant(text, &rule.body), Some(Value::String(text)) if text.is_empty());
            if !empty && !never {
                let message = "a result with a warning is a failure for policy-controller".to_owned();
                out.push(finding(LintCode::WarningFails, Some(rule.line), message));
            }
        }
        if matches!(result, Some(None)) {
            open.push(rule.line);
            if rule.body.iter().any(iterates) {
                let message = "one result for each element, and one that is true is enough: the others do not count";
                out.push(finding(LintCode::OneTrueWins, Some(rule.line), message.to_owned()));
            }
        }
    }
    if let [_, second, ..] = open.as_slice() {
        let message = "several results, and one that is true is enough: the others do not count".to_owned();
        out.push(finding(LintCode::OneTrueWins, Some(*second), message));
    }
}

/// `isCompliant { … }`: all statements must hold for some choice of elements.
fn about_truth(rules: &[&Rule], out: &mut Vec<Finding>) {
    let complete = |rule: &&&Rule| matches!(rule.head, Head::Complete(_));
    let mut first = None;
    for rule in rules.iter().filter(complete) {
        first = first.or(Some(rule.line));
        if let Some(statement) = rule.body.iter().find(|statement| iterates(statement)) {
            let message =
                "this holds if any element makes it hold; where all must, say which none may be: count([x | …]) == 0";
            out.push(finding(LintCode::AnyElement, Some(statement.line), message.to_owned()));
        }
    }
    let has_default = rules.iter().any(|rule| matches!(rule.head, Head::Default { .. }));
    if let (Some(line), false) = (first, has_default) {
        let message =
            "no default: where no body holds there is no value, which rejects; write default isCompliant = false";
        out.push(finding(LintCode::NoDefault, Some(line), message.to_owned()));
    }
}

/// The object that a variable stands for.
fn object_of<'a>(term: &'a Term, body: &'a [Expr]) -> Option<&'a [(Term, Term)]> {
    match resolve(term, body) {
        Term::Object(members) => Some(members),
        _ => None,
    }
}

fn member<'a>(object: &'a [(Term, Term)], name: &str) -> Option<&'a Term> {
    let named = |key: &Term| matches!(key, Term::Const(Value::String(text)) if &**text == name);
    object.iter().find(|(key, _)| named(key)).map(|(_, value)| value)
}

/// The value of a term that is written out, directly or by way of a variable.
fn constant<'a>(term: &'a Term, body: &'a [Expr]) -> Option<&'a Value> {
    match resolve(term, body) {
        Term::Const(value) => Some(value),
        _ => None,
    }
}

/// What a variable is set to, once.
fn resolve<'a>(term: &'a Term, body: &'a [Expr]) -> &'a Term {
    let Term::Var(name) = term else { return term };
    let mut found = body.iter().filter_map(|statement| match &statement.kind {
        Kind::Assign(Term::Var(left), right) | Kind::Unify(Term::Var(left), right) if left == name => Some(right),
        _ => None,
    });
    match (found.next(), found.next()) {
        (Some(only), None) => only,
        _ => term,
    }
}

/// Whether a statement goes over elements: `input.items[_]`, `some x in …`. A comprehension does so within itself.
fn iterates(statement: &Expr) -> bool {
    if statement.negated {
        return false;
    }
    match &statement.kind {
        Kind::Term(term) => goes_over(term),
        Kind::Unify(left, right) | Kind::Assign(left, right) => goes_over(left) || goes_over(right),
        Kind::Call(call) => call.args.iter().any(goes_over),
        Kind::SomeIn { .. } => true,
        Kind::Some(_) | Kind::Every { .. } => false,
    }
}

fn goes_over(term: &Term) -> bool {
    match term {
        Term::Ref(head, path) => {
            let wildcard = |step: &Term| matches!(step, Term::Var(name) if name.starts_with('$'));
            path.iter().any(|step| wildcard(step) || goes_over(step)) || goes_over(head)
        }
        Term::Call(call) => call.args.iter().any(goes_over),
        Term::Array(items) | Term::Set(items) => items.iter().any(goes_over),
        Term::Object(members) => members.iter().any(|(key, value)| goes_over(key) || goes_over(value)),
        Term::Const(_) | Term::Var(_) | Term::Comprehension(_) => false,
    }
}
