//! Takes nested calls apart, as OPA's compiler does (`rewriteExprTerms`, `rewriteRefsInHead`,
//! `rewriteComprehensionTerms`): `not count(f(x)) > 1` becomes `a = f(x); b = count(a); not b > 1`. An undefined part thus
//! makes the body undefined, not the negation true.

use super::CompileError;
use super::builtins::table;
use super::resolve::{Clause, GroupKind, Program};
use super::syntax::{Call, Comprehension, Expr, Kind, Name, Term};

/// Numbers the generated variables of a policy.
#[derive(Debug, Default)]
pub(crate) struct Generator(usize);

impl Generator {
    pub(crate) fn name(&mut self) -> Name {
        self.0 = self.0.saturating_add(1);
        format!("@{}", self.0).into()
    }
}

/// Takes all rules apart. Afterwards calls stand alone in statements, the result as a last argument, and heads hold
/// no references.
pub(crate) fn flatten(program: &mut Program, generator: &mut Generator) {
    for group in program.groups.values_mut() {
        for clause in group.chains.iter_mut().flatten() {
            flatten_clause(clause, generator);
        }
    }
}

fn flatten_clause(clause: &mut Clause, generator: &mut Generator) {
    let mut body = flatten_body(std::mem::take(&mut clause.body), generator);
    for term in clause.key.iter_mut().chain(clause.value.iter_mut()) {
        *term = head_term(term.clone(), clause.line, &mut body, generator);
    }
    clause.body = body;
}

/// A head's term: calls and what must be evaluated move into the body.
fn head_term(term: Term, line: usize, body: &mut Vec<Expr>, generator: &mut Generator) -> Term {
    let term = expand(term, line, body, generator);
    if !must_be_evaluated(&term) {
        return term;
    }
    let name = Term::Var(generator.name());
    body.push(Expr { line, negated: false, kind: Kind::Unify(name.clone(), term) });
    name
}

fn must_be_evaluated(term: &Term) -> bool {
    match term {
        Term::Const(_) | Term::Var(_) => false,
        Term::Ref(..) | Term::Call(_) | Term::Comprehension(_) => true,
        Term::Array(items) | Term::Set(items) => items.iter().any(must_be_evaluated),
        Term::Object(pairs) => pairs.iter().any(|(k, v)| must_be_evaluated(k) || must_be_evaluated(v)),
    }
}

fn flatten_body(body: Vec<Expr>, generator: &mut Generator) -> Vec<Expr> {
    let mut out = Vec::with_capacity(body.len());
    for Expr { line, negated, kind } in body {
        let kind = match kind {
            Kind::Term(term) => Kind::Term(expand(term, line, &mut out, generator)),
            Kind::Unify(a, b) | Kind::Assign(a, b) => {
                let a = expand(a, line, &mut out, generator);
                Kind::Unify(a, expand(b, line, &mut out, generator))
            }
            Kind::Call(Call { operator, args }) => {
                let args = args.into_iter().map(|arg| expand(arg, line, &mut out, generator)).collect();
                Kind::Call(Call { operator, args })
            }
            Kind::Every { key, value, domain, body } => {
                let name = Term::Var(generator.name());
                let domain = expand(domain, line, &mut out, generator);
                out.push(Expr { line, negated: false, kind: Kind::Unify(name.clone(), domain) });
                Kind::Every { key, value, domain: name, body: flatten_body(body, generator) }
            }
            // Resolving leaves none.
            kind @ (Kind::Some(_) | Kind::SomeIn { .. }) => kind,
        };
        out.push(Expr { line, negated, kind });
    }
    out
}

/// A term without calls; what they need stands in `out`.
fn expand(term: Term, line: usize, out: &mut Vec<Expr>, generator: &mut Generator) -> Term {
    match term {
        Term::Const(_) | Term::Var(_) => term,
        Term::Call(Call { operator, args }) => {
            let mut args: Vec<Term> = args.into_iter().map(|arg| expand(arg, line, out, generator)).collect();
            let name = Term::Var(generator.name());
            args.push(name.clone());
            out.push(Expr { line, negated: false, kind: Kind::Call(Call { operator, args }) });
            name
        }
        Term::Ref(head, path) => {
            let head = expand(*head, line, out, generator);
            let path = path.into_iter().map(|part| expand(part, line, out, generator)).collect();
            let head = match head {
                Term::Var(_) => head,
                composite => {
                    let name = Term::Var(generator.name());
                    out.push(Expr { line, negated: false, kind: Kind::Unify(name.clone(), composite) });
                    name
                }
            };
            Term::Ref(Box::new(head), path)
        }
        Term::Array(items) => Term::Array(items.into_iter().map(|t| expand(t, line, out, generator)).collect()),
        Term::Set(items) => Term::Set(items.into_iter().map(|t| expand(t, line, out, generator)).collect()),
        Term::Object(pairs) => {
            let pairs = pairs.into_iter().map(|(k, v)| {
                let k = expand(k, line, out, generator);
                (k, expand(v, line, out, generator))
            });
            Term::Object(pairs.collect())
        }
        Term::Comprehension(parts) => {
            let Comprehension { kind, key, term, body } = *parts;
            let mut body = flatten_body(body, generator);
            let key = key.map(|k| head_term(k, line, &mut body, generator));
            let term = head_term(term, line, &mut body, generator);
            Term::Comprehension(Box::new(Comprehension { kind, key, term, body }))
        }
    }
}

/// How many arguments a function takes.
pub(crate) fn arity(program: &Program, operator: &[String]) -> Option<usize> {
    if let [name] = operator {
        return table::find(name).map(|b| b.args.len());
    }
    match program.groups.get(operator.last()?)?.kind {
        GroupKind::Function { arity } => Some(arity),
        _ => None,
    }
}

/// Refuses calls of what is no function, and wrong numbers of arguments.
pub(crate) fn check_calls(program: &Program) -> Result<(), CompileError> {
    for clause in program.groups.values().flat_map(|g| g.chains.iter().flatten()) {
        check_body(program, &clause.body)?;
    }
    Ok(())
}

fn check_body(program: &Program, body: &[Expr]) -> Result<(), CompileError> {
    for expr in body {
        if let Kind::Call(Call { operator, args }) = &expr.kind {
            let name = operator.join(".");
            let Some(arity) = arity(program, operator) else {
                return Err(CompileError::Type { line: expr.line, message: format!("undefined function {name}") });
            };
            let wrong = match args.len() {
                found if found < arity => Some("too few arguments"),
                found if found > arity.saturating_add(1) => Some("too many arguments"),
                _ => None,
            };
            if let Some(wrong) = wrong {
                return Err(CompileError::Type { line: expr.line, message: format!("{name}: {wrong}") });
            }
        }
        let mut inner = Ok(());
        each_closure(&expr.kind, &mut |body| {
            if inner.is_ok() {
                inner = check_body(program, body);
            }
        });
        inner?;
    }
    Ok(())
}

/// The bodies within a statement.
pub(crate) fn each_closure<'a>(kind: &'a Kind, visit: &mut dyn FnMut(&'a [Expr])) {
    if let Kind::Every { body, .. } = kind {
        visit(body);
    }
    for term in terms(kind) {
        each_term_closure(term, &mut |parts| visit(&parts.body));
    }
}

/// The terms of a statement.
pub(crate) fn terms(kind: &Kind) -> Vec<&Term> {
    match kind {
        Kind::Term(term) => vec![term],
        Kind::Unify(a, b) | Kind::Assign(a, b) => vec![a, b],
        Kind::Call(call) => call.args.iter().collect(),
        Kind::Some(_) => Vec::new(),
        Kind::SomeIn { key, value, domain } => key.iter().chain([value, domain]).collect(),
        Kind::Every { domain, .. } => vec![domain],
    }
}

/// The comprehensions within a term, outermost only.
pub(crate) fn each_term_closure<'a>(term: &'a Term, visit: &mut dyn FnMut(&'a Comprehension)) {
    match term {
        Term::Const(_) | Term::Var(_) => {}
        Term::Comprehension(parts) => visit(parts),
        Term::Ref(head, path) => {
            each_term_closure(head, visit);
            path.iter().for_each(|t| each_term_closure(t, visit));
        }
        Term::Array(items) | Term::Set(items) => items.iter().for_each(|t| each_term_closure(t, visit)),
        Term::Object(pairs) => pairs.iter().for_each(|(k, v)| {
            each_term_closure(k, visit);
            each_term_closure(v, visit);
        }),
        Term::Call(call) => call.args.iter().for_each(|t| each_term_closure(t, visit)),
    }
}
