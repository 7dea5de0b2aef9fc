//! OPA's type checker (`ast/check.go`): a policy that compares a number with a text, or asks for a member that an object
//! of the policy cannot have, is refused when it is loaded. Without it `not count(x) == "a"` would hold.

use std::collections::{BTreeMap, HashMap};

use super::CompileError;
use super::builtins::table;
use super::flatten::{each_term_closure, terms};
use super::order::rule_of;
use super::resolve::{Clause, GroupKind, Program};
use super::syntax::{Call, Collection, Comprehension, Expr, Kind, Name, Term};
use super::types::{ANY, Type, is_unknown, or, unifies};
use super::value::Value;
use crate::limits::{MAX_TYPE_CHECKS, MAX_TYPE_SIZE};

/// Checks all rules, given in an order in which each comes after those that it needs.
pub(crate) fn check(program: &Program, sorted: &[String]) -> Result<(), CompileError> {
    let mut checker = Checker {
        program,
        rules: HashMap::new(),
        functions: HashMap::new(),
        known: HashMap::new(),
        steps: 0,
        copied: 0,
    };
    for name in sorted {
        let Some(group) = program.groups.get(name) else { continue };
        for clause in group.chains.iter().flatten() {
            checker.clause(name, group.kind, clause)?;
        }
        if let Some(value) = &group.default {
            match group.kind {
                GroupKind::Function { arity } => {
                    checker.add_function(name, vec![Some(ANY); arity], Some(Type::of(value)));
                }
                _ => checker.add_rule(name, Some(Type::of(value))),
            }
        }
    }
    Ok(())
}

type Checked = Result<(), CompileError>;
type Env = BTreeMap<Name, Type>;

struct Checker<'a> {
    program: &'a Program,
    rules: HashMap<String, Type>,
    functions: HashMap<String, (Vec<Option<Type>>, Option<Type>)>,
    /// Types of comprehensions by address: they are asked for often, and the tree does not move.
    known: HashMap<usize, Option<Type>>,
    /// Statements looked at; comprehensions within comprehensions are looked at again and again.
    steps: usize,
    /// What was copied of types: `b := [a, a]` doubles one with each rule.
    copied: usize,
}

impl Checker<'_> {
    fn add_rule(&mut self, name: &str, of: Option<Type>) {
        let known = self.rules.remove(name);
        if let Some(all) = or(known, of) {
            self.rules.insert(name.to_owned(), all);
        }
    }

    fn add_function(&mut self, name: &str, args: Vec<Option<Type>>, result: Option<Type>) {
        let (args, result) = match self.functions.remove(name) {
            None => (args, result),
            Some((known, before)) => (known.into_iter().zip(args).map(|(a, b)| or(a, b)).collect(), or(before, result)),
        };
        self.functions.insert(name.to_owned(), (args, result));
    }

    fn clause(&mut self, name: &str, kind: GroupKind, clause: &Clause) -> Checked {
        let mut env = Env::new();
        self.body(&mut env, &clause.body)?;
        self.head(&mut env, name, kind, clause);
        if self.copied > MAX_TYPE_SIZE {
            return Err(CompileError::Limit { what: "parts of types", limit: MAX_TYPE_SIZE });
        }
        Ok(())
    }

    /// Notes what a rule makes.
    fn head(&mut self, env: &mut Env, name: &str, kind: GroupKind, clause: &Clause) {
        let value =
            |checker: &mut Self, env: &Env, term: &Option<Term>| term.as_ref().and_then(|t| checker.get(env, t));
        match kind {
            GroupKind::Function { .. } => {
                for arg in &clause.args {
                    each_var(arg, &mut |name| {
                        env.entry(name.clone()).or_insert(ANY);
                    });
                }
                let args: Vec<_> = clause.args.iter().map(|a| self.get(env, a)).collect();
                let result = value(self, env, &clause.value);
                self.add_function(name, args, result);
            }
            GroupKind::Complete => {
                let of = value(self, env, &clause.value);
                self.add_rule(name, of);
            }
            GroupKind::Set => {
                let of = value(self, env, &clause.key);
                self.add_rule(name, of.map(Type::set));
            }
            GroupKind::Object => {
                let key = value(self, env, &clause.key);
                let of = value(self, env, &clause.value);
                self.add_rule(name, key.zip(of).map(|(k, v)| Type::map(k, v)));
            }
        }
    }

    fn body(&mut self, env: &mut Env, body: &[Expr]) -> Checked {
        for expr in body {
            self.steps = self.steps.saturating_add(1);
            if self.steps > MAX_TYPE_CHECKS {
                return Err(CompileError::Limit { what: "statements to check types of", limit: MAX_TYPE_CHECKS });
            }
            self.closures(env, expr)?;
            self.refs(env, expr)?;
            if self.copied > MAX_TYPE_SIZE {
                return Err(CompileError::Limit { what: "parts of types", limit: MAX_TYPE_SIZE });
            }
            match &expr.kind {
                Kind::Unify(a, b) => {
                    let (ta, tb) = (self.get(env, a), self.get(env, b));
                    if !self.unify_terms(env, a, ta, b, tb) {
                        return error(expr.line, "match error");
                    }
                }
                Kind::Call(call) => self.call(env, call, expr.line)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn closures(&mut self, env: &Env, expr: &Expr) -> Checked {
        for term in terms(&expr.kind) {
            self.closures_in(env, term)?;
        }
        if let Kind::Every { body, .. } = &expr.kind {
            body.iter().try_for_each(|e| self.closures(env, e))?;
        }
        Ok(())
    }

    /// A comprehension, and those within it once more: OPA's walk (`checkClosures`) checks these with what is known
    /// outside, and refuses policies for it.
    fn closures_in(&mut self, env: &Env, term: &Term) -> Checked {
        let mut found = Vec::new();
        each_term_closure(term, &mut |parts| found.push(parts));
        for parts in found {
            self.comprehension(env, parts)?;
            let known = std::mem::take(&mut self.known);
            let again = (|| {
                parts.key.iter().chain([&parts.term]).try_for_each(|t| self.closures_in(env, t))?;
                parts.body.iter().try_for_each(|e| self.closures(env, e))
            })();
            self.known = known;
            again?;
        }
        Ok(())
    }

    fn comprehension(&mut self, env: &Env, parts: &Comprehension) -> Result<Option<Type>, CompileError> {
        let address = std::ptr::from_ref(parts).addr();
        if let Some(known) = self.known.get(&address) {
            return Ok(known.clone());
        }
        let mut inner = env.clone();
        self.copied = self.copied.saturating_add(inner.len());
        self.body(&mut inner, &parts.body)?;
        let term = self.get(&inner, &parts.term);
        let of = match parts.kind {
            Collection::Array => Some(Type::Array { fixed: Vec::new(), rest: term.map(Box::new) }),
            Collection::Set => Some(Type::Set(term.map(Box::new))),
            Collection::Object => {
                let key = parts.key.as_ref().and_then(|k| self.get(&inner, k));
                Some(Type::Object { fixed: BTreeMap::new(), rest: Some(Box::new((key, term))) })
            }
        };
        self.known.insert(address, of.clone());
        Ok(of)
    }

    /// The type of a term; nothing where it is unknown.
    fn get(&mut self, env: &Env, term: &Term) -> Option<Type> {
        if self.copied > MAX_TYPE_SIZE {
            // The body is refused for it.
            return None;
        }
        let of = self.get_within(env, term);
        if !matches!(term, Term::Const(_)) {
            self.copied = self.copied.saturating_add(of.as_ref().map_or(1, Type::size));
        }
        of
    }

    fn get_within(&mut self, env: &Env, term: &Term) -> Option<Type> {
        match term {
            Term::Const(value) => Some(Type::of(value)),
            Term::Var(name) => env.get(name).cloned(),
            Term::Array(items) if items.is_empty() => Some(Type::list(ANY)),
            Term::Array(items) => {
                let fixed = items.iter().map(|t| self.get(env, t)).collect();
                Some(Type::Array { fixed, rest: None })
            }
            Term::Set(items) => {
                let of = items.iter().fold(None, |all, t| or(all, self.get(env, t)));
                Some(Type::set(of.unwrap_or(ANY)))
            }
            Term::Object(pairs) => {
                let mut fixed = BTreeMap::new();
                let mut rest = None;
                for (key, value) in pairs {
                    let value = self.get(env, value);
                    match key {
                        Term::Const(key) => {
                            fixed.insert(key.clone(), value);
                        }
                        key => {
                            rest = Some(Box::new((self.get(env, key), value)));
                        }
                    }
                }
                if fixed.is_empty() && rest.is_none() {
                    return Some(Type::map(ANY, ANY));
                }
                Some(Type::Object { fixed, rest })
            }
            Term::Comprehension(parts) => self.comprehension(env, parts).ok().flatten(),
            Term::Ref(head, path) => {
                let (start, rest) = match &**head {
                    Term::Var(name) if &**name == "input" => return Some(ANY),
                    Term::Var(name) if &**name == "data" => match rule_of(self.program, term) {
                        Some((rule, rest)) => (self.rules.get(rule).cloned().unwrap_or(ANY), rest),
                        None => return Some(ANY),
                    },
                    head => (self.get(env, head)?, path.as_slice()),
                };
                rest.iter().try_fold(start, |of, part| match part {
                    Term::Const(key) => of.select(key),
                    _ => of.values(),
                })
            }
            Term::Call(_) => None,
        }
    }

    fn call(&mut self, env: &mut Env, call: &Call, line: usize) -> Checked {
        let name = call.operator.join(".");
        let (mut wanted, result) = match call.operator.as_slice() {
            [single] => match table::find(single) {
                Some(builtin) => (builtin.arg_types(), Some(builtin.result_type())),
                None => return Ok(()),
            },
            path => match path.last().and_then(|n| self.functions.get(n)) {
                Some((args, result)) => (args.clone(), result.clone()),
                None => return Ok(()),
            },
        };
        wanted.extend(result.map(Some));
        for (arg, wanted) in call.args.iter().zip(wanted) {
            if !self.unify_with(env, arg, wanted.as_ref(), false) {
                return error(line, &format!("{name}: invalid argument(s)"));
            }
        }
        Ok(())
    }

    /// `unify2`
    fn unify_terms(&mut self, env: &mut Env, a: &Term, ta: Option<Type>, b: &Term, tb: Option<Type>) -> bool {
        match (is_unknown(&ta), is_unknown(&tb)) {
            (true, false) => return self.unify_with(env, a, tb.as_ref(), false),
            (false, true) => return self.unify_with(env, b, ta.as_ref(), false),
            (false, false) => return unifies(ta.as_ref(), tb.as_ref()),
            (true, true) => {}
        }
        match (a, b) {
            (Term::Array(xs), Term::Array(ys)) => {
                xs.len() == ys.len()
                    && xs.iter().zip(ys).all(|(x, y)| {
                        let (tx, ty) = (self.get(env, x), self.get(env, y));
                        self.unify_terms(env, x, tx, y, ty)
                    })
            }
            (Term::Object(xs), Term::Object(ys)) => {
                xs.len() == ys.len()
                    && xs.iter().all(|(key, x)| {
                        let Some((_, y)) = ys.iter().find(|(other, _)| same_key(key, other)) else { return false };
                        let (tx, ty) = (self.get(env, x), self.get(env, y));
                        self.unify_terms(env, x, tx, y, ty)
                    })
            }
            (Term::Var(_), Term::Var(_)) | (Term::Array(_) | Term::Object(_), Term::Var(_)) => {
                self.unify_with(env, a, Some(&ANY), false) && {
                    let ta = self.get(env, a);
                    self.unify_with(env, b, ta.as_ref(), false)
                }
            }
            (Term::Var(_), Term::Array(_) | Term::Object(_)) => {
                self.unify_with(env, b, Some(&ANY), false) && {
                    let tb = self.get(env, b);
                    self.unify_with(env, a, tb.as_ref(), false)
                }
            }
            _ => false,
        }
    }

    /// `unify1`
    fn unify_with(&mut self, env: &mut Env, term: &Term, of: Option<&Type>, union: bool) -> bool {
        let composite = matches!(term, Term::Array(_) | Term::Object(_) | Term::Set(_));
        if composite && let Some(Type::Union(all)) = of {
            if all.is_empty() {
                let parts: Vec<&Term> = match term {
                    Term::Array(items) | Term::Set(items) => items.iter().collect(),
                    Term::Object(pairs) => pairs.iter().flat_map(|(k, v)| [k, v]).collect(),
                    _ => Vec::new(),
                };
                for part in parts {
                    self.unify_with(env, part, Some(&ANY), true);
                }
                return true;
            }
            // All are tried, for each may say something of a variable.
            return all.iter().filter(|t| self.unify_with(env, term, Some(t), true)).count() > 0;
        }
        match (term, of) {
            (Term::Array(items), Some(Type::Array { fixed, rest })) => {
                if items.len() != fixed.len() && rest.is_none() {
                    return false;
                }
                items.iter().enumerate().all(|(n, item)| {
                    let of = fixed.get(n).map_or(rest.as_deref(), Option::as_ref);
                    self.unify_with(env, item, of, union)
                })
            }
            (Term::Object(pairs), Some(of @ Type::Object { fixed, rest })) => {
                if pairs.len() != fixed.len() && rest.is_none() {
                    return false;
                }
                pairs.iter().all(|(key, value)| match key {
                    Term::Const(key) => match of.select(key) {
                        Some(child) => self.unify_with(env, value, Some(&child), union),
                        None => false,
                    },
                    _ => {
                        self.unify_with(env, value, Some(&ANY), union);
                        true
                    }
                })
            }
            (Term::Set(items), Some(Type::Set(of))) => {
                items.iter().all(|item| self.unify_with(env, item, of.as_deref(), union))
            }
            (Term::Array(_) | Term::Object(_) | Term::Set(_), _) => false,
            (Term::Var(name), of) => {
                let known = env.get(name).cloned();
                if union {
                    if let Some(all) = or(known, of.cloned()) {
                        env.insert(name.clone(), all);
                    }
                    return true;
                }
                match (known, of) {
                    (Some(known), of) => unifies(Some(&known), of),
                    (None, Some(of)) => {
                        env.insert(name.clone(), of.clone());
                        true
                    }
                    (None, None) => true,
                }
            }
            (term, of) => {
                let found = self.get(env, term);
                unifies(found.as_ref(), of)
            }
        }
    }

    fn refs(&mut self, env: &mut Env, expr: &Expr) -> Checked {
        for term in terms(&expr.kind) {
            self.refs_in(env, term, expr.line)?;
        }
        if let Kind::Every { body, .. } = &expr.kind {
            body.iter().try_for_each(|e| self.refs(env, e))?;
        }
        Ok(())
    }

    fn refs_in(&mut self, env: &mut Env, term: &Term, line: usize) -> Checked {
        match term {
            Term::Const(_) | Term::Var(_) | Term::Comprehension(_) | Term::Call(_) => Ok(()),
            Term::Array(items) | Term::Set(items) => items.iter().try_for_each(|t| self.refs_in(env, t, line)),
            Term::Object(pairs) => pairs.iter().try_for_each(|(k, v)| {
                self.refs_in(env, k, line)?;
                self.refs_in(env, v, line)
            }),
            Term::Ref(head, path) => {
                path.iter().try_for_each(|t| self.refs_in(env, t, line))?;
                let (start, rest) = match &**head {
                    Term::Var(name) if &**name == "input" => (ANY, path.as_slice()),
                    Term::Var(name) if &**name == "data" => match rule_of(self.program, term) {
                        Some((rule, rest)) => {
                            let kind = self.program.groups.get(rule).map(|g| g.kind);
                            if matches!(kind, Some(GroupKind::Function { .. })) {
                                return error(line, &format!("data.{rule} undefined"));
                            }
                            (self.rules.get(rule).cloned().unwrap_or(ANY), rest)
                        }
                        None => (ANY, path.as_slice()),
                    },
                    Term::Var(name) => (env.entry(name.clone()).or_insert(ANY).clone(), path.as_slice()),
                    _ => (ANY, path.as_slice()),
                };
                self.path(env, start, rest, line)
            }
        }
    }

    /// `checkRefLeaf`
    fn path(&mut self, env: &mut Env, start: Type, path: &[Term], line: usize) -> Checked {
        let mut of = Some(start);
        for part in path {
            let undefined = || error(line, "undefined ref");
            let Some(own) = of.as_ref() else { return undefined() };
            let Some(keys) = own.keys() else { return undefined() };
            of = match part {
                Term::Const(key) => {
                    let child = own.select(key);
                    if child.is_none() {
                        return undefined();
                    }
                    child
                }
                Term::Var(name) => {
                    match env.get(name) {
                        Some(known) if !unifies(Some(known), Some(&keys)) => return undefined(),
                        Some(_) => {}
                        None => {
                            env.insert(name.clone(), keys);
                        }
                    }
                    own.values()
                }
                composite => {
                    let own = own.values();
                    if !self.unify_with(env, composite, Some(&keys), false) {
                        return undefined();
                    }
                    own
                }
            };
        }
        Ok(())
    }
}

fn error<T>(line: usize, message: &str) -> Result<T, CompileError> {
    Err(CompileError::Type { line, message: message.to_owned() })
}

fn each_var(term: &Term, visit: &mut dyn FnMut(&Name)) {
    match term {
        Term::Var(name) => visit(name),
        Term::Array(items) | Term::Set(items) => items.iter().for_each(|t| each_var(t, visit)),
        Term::Object(pairs) => pairs.iter().for_each(|(k, v)| {
            each_var(k, visit);
            each_var(v, visit);
        }),
        _ => {}
    }
}

fn same_key(a: &Term, b: &Term) -> bool {
    let scalar = |t: &Term| match t {
        Term::Const(value) => Some(value.clone()),
        _ => None,
    };
    let known: Option<(Value, Value)> = scalar(a).zip(scalar(b));
    known.is_some_and(|(a, b)| a == b)
}
