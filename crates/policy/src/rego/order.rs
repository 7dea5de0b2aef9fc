//! Puts statements in an order in which each variable is bound before it is needed, and refuses bodies that have none:
//! OPA's safety check (`reorderBodyForSafety`, `ast/unify.go`). Then references move out of calls (`rewriteDynamics`).

use std::collections::{BTreeMap, BTreeSet};

use super::CompileError;
use super::flatten::{Generator, arity, each_closure, each_term_closure, terms};
use super::resolve::Program;
use super::syntax::{Call, Comprehension, Expr, Kind, Name, Term};
use crate::limits::MAX_STATEMENTS;

type Names = BTreeSet<Name>;

/// Which parts of a term are looked at.
#[derive(Clone, Copy)]
struct Parts {
    closures: bool,
    sets_and_keys: bool,
    ref_heads: bool,
}

const ALL: Parts = Parts { closures: true, sets_and_keys: true, ref_heads: true };
/// What the path of a reference binds: not the heads of references within it.
const PATH: Parts = Parts { closures: true, sets_and_keys: true, ref_heads: false };
/// `SafetyCheckVisitorParams`
const OPEN: Parts = Parts { closures: false, sets_and_keys: true, ref_heads: true };
/// What unification can bind.
const BINDABLE: Parts = Parts { closures: false, sets_and_keys: false, ref_heads: false };

fn term_vars(term: &Term, parts: Parts, names: &mut Names) {
    match term {
        Term::Const(_) => {}
        Term::Var(name) => {
            names.insert(name.clone());
        }
        Term::Ref(head, path) => {
            match &**head {
                Term::Var(name) if matches!(&**name, "input" | "data") => {}
                Term::Var(_) if !parts.ref_heads => {}
                head => term_vars(head, parts, names),
            }
            path.iter().for_each(|t| term_vars(t, parts, names));
        }
        Term::Array(items) => items.iter().for_each(|t| term_vars(t, parts, names)),
        Term::Set(items) if parts.sets_and_keys => items.iter().for_each(|t| term_vars(t, parts, names)),
        Term::Set(_) => {}
        Term::Object(pairs) => pairs.iter().for_each(|(k, v)| {
            if parts.sets_and_keys {
                term_vars(k, parts, names);
            }
            term_vars(v, parts, names);
        }),
        Term::Call(call) => call.args.iter().for_each(|t| term_vars(t, parts, names)),
        Term::Comprehension(inner) if parts.closures => {
            inner.key.iter().chain([&inner.term]).for_each(|t| term_vars(t, parts, names));
            inner.body.iter().for_each(|e| expr_vars(e, parts, names));
        }
        Term::Comprehension(_) => {}
    }
}

fn expr_vars(expr: &Expr, parts: Parts, names: &mut Names) {
    terms(&expr.kind).into_iter().for_each(|t| term_vars(t, parts, names));
    if let Kind::Every { key, value, body, .. } = &expr.kind
        && parts.closures
    {
        names.extend(key.iter().chain([value]).cloned());
        body.iter().for_each(|e| expr_vars(e, parts, names));
    }
}

fn vars_of<'a>(terms: impl IntoIterator<Item = &'a Term>, parts: Parts) -> Names {
    let mut names = Names::new();
    terms.into_iter().for_each(|t| term_vars(t, parts, &mut names));
    names
}

/// Variables within the closures of a statement.
fn closure_vars(expr: &Expr) -> Names {
    let mut names = Names::new();
    if let Kind::Every { body, .. } = &expr.kind {
        body.iter().for_each(|e| expr_vars(e, ALL, &mut names));
    }
    for term in terms(&expr.kind) {
        each_term_closure(term, &mut |inner| {
            inner.key.iter().chain([&inner.term]).for_each(|t| term_vars(t, ALL, &mut names));
            inner.body.iter().for_each(|e| expr_vars(e, ALL, &mut names));
        });
    }
    names
}

/// Orders all bodies of a policy and makes their references plain.
pub(crate) fn order(program: &mut Program, generator: &mut Generator) -> Result<(), CompileError> {
    let mut ordered: BTreeMap<(String, usize, usize), Vec<Expr>> = BTreeMap::new();
    for (name, group) in &program.groups {
        for (c, chain) in group.chains.iter().enumerate() {
            for (b, clause) in chain.iter().enumerate() {
                let args = vars_of(&clause.args, ALL);
                let (body, bound) = reorder(program, clause.body.clone(), &args)?;
                let mut head = vars_of(clause.key.iter().chain(&clause.value), ALL);
                head.retain(|v| !bound.contains(v));
                if let Some(name) = head.first() {
                    return Err(unsafe_var(clause.line, name));
                }
                ordered.insert((name.clone(), c, b), hoist_body(body, generator));
            }
        }
    }
    for (name, group) in &mut program.groups {
        for (c, chain) in group.chains.iter_mut().enumerate() {
            for (b, clause) in chain.iter_mut().enumerate() {
                clause.body = ordered.remove(&(name.clone(), c, b)).unwrap_or_default();
            }
        }
    }
    Ok(())
}

fn unsafe_var(line: usize, name: &Name) -> CompileError {
    let shown = match name.chars().next() {
        Some('$') => "_",
        _ => name.split('#').next().unwrap_or_default(),
    };
    CompileError::Unsafe { line, name: shown.to_owned() }
}

/// The statements in order, and all names that are bound after them.
fn reorder(program: &Program, body: Vec<Expr>, globals: &Names) -> Result<(Vec<Expr>, Names), CompileError> {
    if body.len() > MAX_STATEMENTS {
        return Err(CompileError::Limit { what: "statements in a body", limit: MAX_STATEMENTS });
    }
    let mut body_vars = Names::new();
    body.iter().for_each(|e| expr_vars(e, OPEN, &mut body_vars));
    let mut waiting: Vec<(Expr, Names)> = body
        .into_iter()
        .map(|expr| {
            let mut needs = Names::new();
            expr_vars(&expr, OPEN, &mut needs);
            needs.extend(closure_vars(&expr).into_iter().filter(|v| body_vars.contains(v)));
            (expr, needs)
        })
        .collect();
    let mut safe = globals.clone();
    let mut placed: Vec<Expr> = Vec::with_capacity(waiting.len());
    loop {
        let before = waiting.len();
        let mut rest = Vec::new();
        for (expr, needs) in waiting {
            let bound = outputs(program, &expr, &safe);
            let closed: Names =
                closure_vars(&expr).into_iter().filter(|v| body_vars.contains(v) && !globals.contains(v)).collect();
            // A closure that would bind what it closes over.
            let selfish = !closed.is_empty() && closed == bound;
            if selfish || needs.iter().any(|v| !safe.contains(v) && !bound.contains(v)) {
                rest.push((expr, needs));
                continue;
            }
            placed.push(expr);
            safe.extend(bound);
        }
        waiting = rest;
        if waiting.is_empty() || waiting.len() == before {
            break;
        }
    }
    if let Some((expr, needs)) = waiting.first() {
        let name = needs.iter().find(|v| !safe.contains(*v)).or(needs.first());
        return Err(unsafe_var(expr.line, name.unwrap_or(&"_".into())));
    }
    let mut known = globals.clone();
    let mut ordered = Vec::with_capacity(placed.len());
    for expr in placed {
        let Expr { line, negated, kind } = expr;
        let mut vars = Names::new();
        let expr = Expr { line, negated, kind: closures(program, kind, line, &known)? };
        expr_vars(&expr, OPEN, &mut vars);
        known.extend(vars);
        ordered.push(expr);
    }
    Ok((ordered, safe))
}

/// Orders the bodies within a statement.
fn closures(program: &Program, kind: Kind, line: usize, globals: &Names) -> Result<Kind, CompileError> {
    let term = |t: Term| closures_in_term(program, t, line, globals);
    Ok(match kind {
        Kind::Term(t) => Kind::Term(term(t)?),
        Kind::Unify(a, b) => Kind::Unify(term(a)?, term(b)?),
        Kind::Call(Call { operator, args }) => {
            Kind::Call(Call { operator, args: args.into_iter().map(term).collect::<Result<_, _>>()? })
        }
        Kind::Every { key, value, domain, body } => {
            let mut inner = globals.clone();
            inner.extend(key.iter().chain([&value]).cloned());
            term_vars(&domain, OPEN, &mut inner);
            Kind::Every { key, value, domain: term(domain)?, body: reorder(program, body, &inner)?.0 }
        }
        kind => kind,
    })
}

fn closures_in_term(program: &Program, t: Term, line: usize, globals: &Names) -> Result<Term, CompileError> {
    let all = |items: Vec<Term>| -> Result<Vec<Term>, CompileError> {
        items.into_iter().map(|t| closures_in_term(program, t, line, globals)).collect()
    };
    Ok(match t {
        Term::Const(_) | Term::Var(_) | Term::Call(_) => t,
        Term::Ref(head, path) => Term::Ref(Box::new(closures_in_term(program, *head, line, globals)?), all(path)?),
        Term::Array(items) => Term::Array(all(items)?),
        Term::Set(items) => Term::Set(all(items)?),
        Term::Object(pairs) => {
            let (keys, values): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            Term::Object(all(keys)?.into_iter().zip(all(values)?).collect())
        }
        Term::Comprehension(parts) => {
            let Comprehension { kind, key, term, body } = *parts;
            let (body, bound) = reorder(program, body, globals)?;
            let mut head = vars_of(key.iter().chain([&term]), OPEN);
            head.retain(|v| !bound.contains(v));
            if let Some(name) = head.first() {
                return Err(unsafe_var(line, name));
            }
            Term::Comprehension(Box::new(Comprehension { kind, key, term, body }))
        }
    })
}

/// What a statement binds when `safe` is bound.
fn outputs(program: &Program, expr: &Expr, safe: &Names) -> Names {
    if expr.negated {
        return Names::new();
    }
    let mut out = Names::new();
    for term in terms(&expr.kind) {
        ref_outputs(term, safe, &mut out);
    }
    match &expr.kind {
        Kind::Unify(a, b) => {
            let mut unifier = Unifier { safe, found: &out, unified: Names::new(), unknown: BTreeMap::new() };
            unifier.unify(a, b);
            let unified = unifier.unified;
            out.extend(unified);
            out.retain(|v| !safe.contains(v));
        }
        Kind::Call(Call { operator, args }) => {
            let Some(arity) = arity(program, operator) else { return Names::new() };
            if let Some((inputs, result)) = args.split_at_checked(arity)
                && !result.is_empty()
            {
                if vars_of(inputs, BINDABLE).iter().any(|v| !safe.contains(v) && !out.contains(v)) {
                    return Names::new();
                }
                out.extend(vars_of(result, BINDABLE));
            }
        }
        _ => {}
    }
    out
}

/// Variables in the path of a reference whose head is bound.
fn ref_outputs(term: &Term, safe: &Names, out: &mut Names) {
    match term {
        Term::Const(_) | Term::Var(_) | Term::Comprehension(_) => {}
        Term::Ref(_, path) => {
            if !is_ref_safe(term, &|name| safe.contains(name)) {
                return;
            }
            out.extend(vars_of(path, PATH));
            path.iter().for_each(|t| ref_outputs(t, safe, out));
        }
        Term::Array(items) | Term::Set(items) => items.iter().for_each(|t| ref_outputs(t, safe, out)),
        Term::Object(pairs) => pairs.iter().for_each(|(k, v)| {
            ref_outputs(k, safe, out);
            ref_outputs(v, safe, out);
        }),
        Term::Call(call) => call.args.iter().for_each(|t| ref_outputs(t, safe, out)),
    }
}

fn is_ref_safe(term: &Term, safe: &dyn Fn(&Name) -> bool) -> bool {
    match term {
        Term::Ref(head, _) => match &**head {
            Term::Var(name) => matches!(&**name, "input" | "data") || safe(name),
            head => vars_of([head], OPEN).iter().all(safe),
        },
        _ => false,
    }
}

/// Which variables a unification binds: OPA's `unifier`.
struct Unifier<'a> {
    safe: &'a Names,
    /// Bound by references of the same statement.
    found: &'a Names,
    unified: Names,
    unknown: BTreeMap<Name, Names>,
}

impl Unifier<'_> {
    fn is_safe(&self, name: &Name) -> bool {
        self.is_known(name) || self.unified.contains(name)
    }

    fn is_known(&self, name: &Name) -> bool {
        self.safe.contains(name) || self.found.contains(name)
    }

    fn is_ref_safe(&self, term: &Term) -> bool {
        is_ref_safe(term, &|name| self.is_known(name))
    }

    fn unify(&mut self, a: &Term, b: &Term) {
        match (a, b) {
            (Term::Var(x), Term::Var(y)) => {
                if self.is_safe(y) {
                    self.mark(x);
                } else if self.is_safe(x) {
                    self.mark(y);
                } else {
                    self.unknown.entry(x.clone()).or_default().insert(y.clone());
                    self.unknown.entry(y.clone()).or_default().insert(x.clone());
                }
            }
            (Term::Var(x), Term::Array(_) | Term::Object(_)) => self.unify_all(x, b),
            (Term::Array(_) | Term::Object(_), Term::Var(y)) => self.unify_all(y, a),
            (Term::Var(_), Term::Ref(..)) => self.mark_behind(b, a),
            (Term::Ref(..), Term::Var(_)) => self.mark_behind(a, b),
            (Term::Var(x), _) => self.mark(x),
            (_, Term::Var(y)) => self.mark(y),
            (Term::Ref(..), Term::Array(_) | Term::Object(_)) => self.mark_behind(a, b),
            (Term::Array(_) | Term::Object(_), Term::Ref(..)) => self.mark_behind(b, a),
            (Term::Comprehension(_), Term::Array(_) | Term::Object(_)) => self.mark_all(b),
            (Term::Array(_), Term::Comprehension(_)) => self.mark_all(a),
            (Term::Array(xs), Term::Array(ys)) if xs.len() == ys.len() => {
                xs.iter().zip(ys).for_each(|(x, y)| self.unify(x, y));
            }
            (Term::Object(xs), Term::Object(ys)) if xs.len() == ys.len() => {
                for (key, x) in xs {
                    let same = |other: &&(Term, Term)| match (key, &other.0) {
                        (Term::Const(a), Term::Const(b)) => a == b,
                        (Term::Var(a), Term::Var(b)) => a == b,
                        _ => false,
                    };
                    if let Some((_, y)) = ys.iter().find(same) {
                        self.unify(x, y);
                    }
                }
            }
            _ => {}
        }
    }

    /// What a reference is compared with is bound if the reference can be evaluated.
    fn mark_behind(&mut self, reference: &Term, term: &Term) {
        if self.is_ref_safe(reference) {
            self.mark_all(term);
        }
    }

    fn mark_all(&mut self, term: &Term) {
        for name in vars_of([term], BINDABLE) {
            self.mark(&name);
        }
    }

    fn mark(&mut self, name: &Name) {
        let mut pending = vec![name.clone()];
        while let Some(name) = pending.pop() {
            self.unified.insert(name.clone());
            pending.extend(self.unknown.remove(&name).unwrap_or_default());
            let mut ready = Vec::new();
            for (dependant, needs) in &mut self.unknown {
                if needs.remove(&name) && needs.is_empty() {
                    ready.push(dependant.clone());
                }
            }
            for dependant in ready {
                self.unknown.remove(&dependant);
                pending.push(dependant);
            }
        }
    }

    fn unify_all(&mut self, name: &Name, term: &Term) {
        if self.is_safe(name) {
            self.mark_all(term);
            return;
        }
        let open: Names = vars_of([term], BINDABLE).into_iter().filter(|v| !self.is_safe(v)).collect();
        if open.is_empty() {
            self.mark(name);
        } else {
            self.unknown.entry(name.clone()).or_default().extend(open);
        }
    }
}

/// `==` becomes unification; references and comprehensions within calls and composites get names of their own.
fn hoist_body(body: Vec<Expr>, generator: &mut Generator) -> Vec<Expr> {
    let mut out = Vec::with_capacity(body.len());
    for Expr { line, negated, kind } in body {
        let kind = match kind {
            Kind::Call(Call { operator, args }) if args.len() == 2 && operator == ["equal"] => {
                let mut args = args.into_iter();
                match (args.next(), args.next()) {
                    (Some(a), Some(b)) => Kind::Unify(a, b),
                    _ => continue,
                }
            }
            kind => kind,
        };
        let kind = match kind {
            Kind::Unify(a, b) => {
                let a = hoist_within(a, line, &mut out, generator);
                Kind::Unify(a, hoist_within(b, line, &mut out, generator))
            }
            Kind::Term(term) => Kind::Term(hoist_within(term, line, &mut out, generator)),
            Kind::Call(Call { operator, args }) => {
                let args = args.into_iter().map(|t| hoist(t, line, &mut out, generator)).collect();
                Kind::Call(Call { operator, args })
            }
            Kind::Every { key, value, domain, body } => {
                let domain = hoist(domain, line, &mut out, generator);
                Kind::Every { key, value, domain, body: hoist_body(body, generator) }
            }
            kind => kind,
        };
        out.push(Expr { line, negated, kind });
    }
    out
}

/// A term that may itself be a reference or comprehension.
fn hoist_within(term: Term, line: usize, out: &mut Vec<Expr>, generator: &mut Generator) -> Term {
    match term {
        Term::Ref(head, path) => Term::Ref(head, path.into_iter().map(|t| hoist(t, line, out, generator)).collect()),
        Term::Comprehension(parts) => Term::Comprehension(Box::new(hoist_comprehension(*parts, generator))),
        term => hoist(term, line, out, generator),
    }
}

fn hoist_comprehension(parts: Comprehension, generator: &mut Generator) -> Comprehension {
    Comprehension { body: hoist_body(parts.body, generator), ..parts }
}

fn hoist(term: Term, line: usize, out: &mut Vec<Expr>, generator: &mut Generator) -> Term {
    let name = |value: Term, out: &mut Vec<Expr>, generator: &mut Generator| {
        let name = Term::Var(generator.name());
        out.push(Expr { line, negated: false, kind: Kind::Unify(name.clone(), value) });
        name
    };
    match term {
        Term::Const(_) | Term::Var(_) | Term::Call(_) => term,
        Term::Ref(head, path) => {
            let path = path.into_iter().map(|t| hoist(t, line, out, generator)).collect();
            name(Term::Ref(head, path), out, generator)
        }
        Term::Comprehension(parts) => {
            let parts = hoist_comprehension(*parts, generator);
            name(Term::Comprehension(Box::new(parts)), out, generator)
        }
        Term::Array(items) => Term::Array(items.into_iter().map(|t| hoist(t, line, out, generator)).collect()),
        Term::Set(items) => Term::Set(items.into_iter().map(|t| hoist(t, line, out, generator)).collect()),
        Term::Object(pairs) => {
            let pairs = pairs.into_iter().map(|(k, v)| {
                let k = hoist(k, line, out, generator);
                (k, hoist(v, line, out, generator))
            });
            Term::Object(pairs.collect())
        }
    }
}

/// The rules that each rule needs, and an order in which each comes after those. Recursion is refused.
pub(crate) fn sort_rules(program: &Program) -> Result<Vec<String>, CompileError> {
    let mut sorted = Vec::new();
    let mut state: BTreeMap<&str, bool> = BTreeMap::new();
    for name in program.groups.keys() {
        // An explicit stack: a chain of rules may be long.
        let mut stack = vec![(name.as_str(), false)];
        while let Some((name, done)) = stack.pop() {
            if done {
                state.insert(name, true);
                sorted.push(name.to_owned());
                continue;
            }
            match state.get(name) {
                Some(true) => continue,
                Some(false) => {
                    let line = program.groups.get(name).map_or(0, |g| g.line);
                    return Err(CompileError::Recursion { line, name: name.to_owned() });
                }
                None => {}
            }
            state.insert(name, false);
            stack.push((name, true));
            let mut needs = BTreeSet::new();
            if let Some(group) = program.groups.get(name) {
                for clause in group.chains.iter().flatten() {
                    clause.key.iter().chain(&clause.value).for_each(|t| needed(program, t, &mut needs));
                    clause.body.iter().for_each(|e| needed_by_expr(program, e, &mut needs));
                }
            }
            for need in needs {
                match state.get(need) {
                    Some(true) => {}
                    _ => stack.push((need, false)),
                }
            }
        }
    }
    Ok(sorted)
}

fn needed_by_expr<'a>(program: &'a Program, expr: &Expr, needs: &mut BTreeSet<&'a str>) {
    terms(&expr.kind).into_iter().for_each(|t| needed(program, t, needs));
    if let Kind::Call(call) = &expr.kind
        && call.operator.len() > 1
        && let Some(known) = call.operator.last().and_then(|n| program.groups.get_key_value(n))
    {
        needs.insert(known.0);
    }
    each_closure(&expr.kind, &mut |body| body.iter().for_each(|e| needed_by_expr(program, e, needs)));
}

fn needed<'a>(program: &'a Program, term: &Term, needs: &mut BTreeSet<&'a str>) {
    match term {
        Term::Const(_) | Term::Var(_) | Term::Call(_) => {}
        Term::Comprehension(inner) => inner.key.iter().chain([&inner.term]).for_each(|t| needed(program, t, needs)),
        Term::Ref(_, path) => {
            if let Some((name, _)) = rule_of(program, term) {
                needs.insert(name);
            }
            path.iter().for_each(|t| needed(program, t, needs));
        }
        Term::Array(items) | Term::Set(items) => items.iter().for_each(|t| needed(program, t, needs)),
        Term::Object(pairs) => pairs.iter().for_each(|(k, v)| {
            needed(program, k, needs);
            needed(program, v, needs);
        }),
    }
}

/// The rule that a reference names, and the rest of its path.
pub(crate) fn rule_of<'a, 'b>(program: &'a Program, term: &'b Term) -> Option<(&'a str, &'b [Term])> {
    let Term::Ref(head, path) = term else { return None };
    if !matches!(&**head, Term::Var(name) if &**name == "data") {
        return None;
    }
    let mut rest = path.as_slice();
    for part in &program.package {
        rest = rest.split_first().filter(|(t, _)| is_text(t, part))?.1;
    }
    let (Term::Const(name), rest) = rest.split_first()? else { return None };
    let (known, _) = program.groups.get_key_value(name.as_str()?)?;
    Some((known, rest))
}

fn is_text(term: &Term, text: &str) -> bool {
    matches!(term, Term::Const(value) if value.as_str() == Some(text))
}
