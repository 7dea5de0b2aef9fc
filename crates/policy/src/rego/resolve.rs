//! What names mean: rules, imports, built-ins and local variables, as OPA's compiler resolves them (`resolveAllRefs`,
//! `rewriteLocalVars`). Afterwards each local variable has a name of its own.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::CompileError;
use super::builtins::table;
use super::syntax::{Branch, Call, Comprehension, Expr, Head, Kind, Module, Name, Rule, Term};
use super::value::Value;

/// A policy's rules by name.
#[derive(Debug)]
pub(crate) struct Program {
    /// Before each rule's name in a reference; without `data`.
    pub(crate) package: Vec<String>,
    pub(crate) groups: BTreeMap<String, Group>,
}

/// All rules of one name.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) kind: GroupKind,
    pub(crate) line: usize,
    /// Each a chain: a clause and its `else` branches.
    pub(crate) chains: Vec<Vec<Clause>>,
    pub(crate) default: Option<Value>,
}

/// What a group makes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum GroupKind {
    Complete,
    Set,
    Object,
    Function { arity: usize },
}

/// One body with its head.
#[derive(Debug)]
pub(crate) struct Clause {
    pub(crate) args: Vec<Term>,
    pub(crate) key: Option<Term>,
    pub(crate) value: Option<Term>,
    pub(crate) body: Vec<Expr>,
    pub(crate) line: usize,
}

type Resolved<T> = Result<T, CompileError>;

/// Resolves all names of a module.
pub(crate) fn resolve(module: Module) -> Resolved<Program> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for rule in &module.rules {
        declare(&mut groups, rule)?;
    }
    let mut imports = HashMap::new();
    for import in module.imports {
        if imports.insert(import.alias.clone(), import.path).is_some() {
            // The later one counts in OPA's v0; two of one name are more likely a mistake.
            return Err(CompileError::Unsupported {
                line: import.line,
                what: format!("two imports of the name {}", import.alias),
            });
        }
        if groups.contains_key(&import.alias) {
            return Err(CompileError::Unsupported {
                line: import.line,
                what: format!("an import and a rule of the name {}", import.alias),
            });
        }
    }
    let mut resolver = Resolver {
        package: module.package,
        rules: groups.iter().map(|(name, group)| (name.clone(), group.kind)).collect(),
        imports,
        scopes: Vec::new(),
        next: 0,
        line: 0,
    };
    for rule in module.rules {
        let Some(group) = groups.get_mut(&rule.name) else { continue };
        resolver.line = rule.line;
        if let Head::Default { value, .. } = &rule.head {
            if group.default.is_some() {
                return resolver.compile_error(format!("multiple default rules data.{} found", rule.name));
            }
            group.default = Some(resolver.constant(value)?);
            continue;
        }
        group.chains.push(resolver.chain(rule)?);
    }
    Ok(Program { package: resolver.package, groups })
}

/// Notes the kind of a rule and compares it with those of its name.
fn declare(groups: &mut BTreeMap<String, Group>, rule: &Rule) -> Resolved<()> {
    let kind = match &rule.head {
        Head::Default { args: None, .. } | Head::Complete(_) => GroupKind::Complete,
        Head::Set(_) => GroupKind::Set,
        Head::Object(..) => GroupKind::Object,
        Head::Default { args: Some(args), .. } | Head::Function(args, _) => {
            if args.is_empty() {
                return Err(CompileError::Unsupported {
                    line: rule.line,
                    what: "a function without arguments".to_owned(),
                });
            }
            GroupKind::Function { arity: args.len() }
        }
    };
    if matches!(rule.name.as_str(), "input" | "data") || rule.name == "_" {
        return Err(CompileError::Compile {
            line: rule.line,
            message: format!("rules must not shadow {} (use a different rule name)", rule.name),
        });
    }
    match groups.get(&rule.name) {
        Some(group) if group.kind != kind => {
            Err(CompileError::Type { line: rule.line, message: format!("conflicting rules data.{} found", rule.name) })
        }
        Some(_) => Ok(()),
        None => {
            let group = Group { kind, line: rule.line, chains: Vec::new(), default: None };
            groups.insert(rule.name.clone(), group);
            Ok(())
        }
    }
}

/// Names of one body.
#[derive(Default)]
struct Scope {
    declared: HashMap<String, Name>,
    /// Used without being declared: they must not be declared later.
    seen: HashSet<String>,
    /// Declared by `some` or `every`, and not used so far: an error at the end.
    unused: BTreeMap<Name, usize>,
}

impl Scope {
    fn check_unused(&self) -> Resolved<()> {
        let Some((name, line)) = self.unused.first_key_value() else { return Ok(()) };
        let name = name.split('#').next().unwrap_or_default();
        Err(CompileError::Compile { line: *line, message: format!("declared var {name} unused") })
    }
}

struct Resolver {
    package: Vec<String>,
    rules: HashMap<String, GroupKind>,
    imports: HashMap<String, Term>,
    scopes: Vec<Scope>,
    next: usize,
    line: usize,
}

impl Resolver {
    fn compile_error<T>(&self, message: String) -> Resolved<T> {
        Err(CompileError::Compile { line: self.line, message })
    }

    fn unsupported<T>(&self, what: &str) -> Resolved<T> {
        Err(CompileError::Unsupported { line: self.line, what: what.to_owned() })
    }

    /// A default's value. OPA allows comprehensions there, which nobody writes.
    fn constant(&self, term: &Term) -> Resolved<Value> {
        let all = |items: &[Term]| items.iter().map(|t| self.constant(t)).collect::<Resolved<Vec<Value>>>();
        let made = match term {
            Term::Const(value) => Ok(value.clone()),
            Term::Array(items) => Value::array(all(items)?),
            Term::Set(items) => Value::set(all(items)?.into_iter().collect()),
            Term::Object(pairs) => {
                let pairs = pairs.iter().map(|(k, v)| Ok((self.constant(k)?, self.constant(v)?)));
                Value::object(pairs.collect::<Resolved<BTreeMap<_, _>>>()?)
            }
            Term::Comprehension(_) => return self.unsupported("a comprehension as a default"),
            _ => return self.compile_error("default rule values must not contain variables or calls".to_owned()),
        };
        made.or_else(|_| self.unsupported("a value of that size"))
    }

    /// A rule and its branches, each with a scope of its own.
    fn chain(&mut self, rule: Rule) -> Resolved<Vec<Clause>> {
        let (args, key, value) = match rule.head {
            Head::Default { .. } => return Ok(Vec::new()),
            Head::Complete(value) => (Vec::new(), None, Some(value)),
            Head::Set(key) => (Vec::new(), Some(key), None),
            Head::Object(key, value) => (Vec::new(), Some(key), Some(value)),
            Head::Function(args, value) => (args, None, Some(value)),
        };
        let mut chain = vec![self.clause(&args, key, value, rule.body, rule.line)?];
        for Branch { value, body, line } in rule.branches {
            chain.push(self.clause(&args, None, Some(value), body, line)?);
        }
        Ok(chain)
    }

    fn clause(
        &mut self,
        args: &[Term],
        key: Option<Term>,
        value: Option<Term>,
        body: Vec<Expr>,
        line: usize,
    ) -> Resolved<Clause> {
        self.line = line;
        self.scopes.push(Scope::default());
        for arg in args {
            self.declare_pattern(arg, Redeclared::Allowed)?;
        }
        let args = args.iter().map(|a| self.term(a.clone())).collect::<Resolved<Vec<_>>>()?;
        let body = self.body(body)?;
        self.line = line;
        let key = key.map(|k| self.term(k)).transpose()?;
        let value = value.map(|v| self.term(v)).transpose()?;
        self.scopes.pop().unwrap_or_default().check_unused()?;
        Ok(Clause { args, key, value, body, line })
    }

    fn body(&mut self, body: Vec<Expr>) -> Resolved<Vec<Expr>> {
        let mut resolved = Vec::with_capacity(body.len());
        for expr in body {
            self.line = expr.line;
            if let Some(expr) = self.expr(expr)? {
                resolved.push(expr);
            }
        }
        Ok(resolved)
    }

    fn scoped<T>(&mut self, resolve: impl FnOnce(&mut Self) -> Resolved<T>) -> Resolved<T> {
        self.scopes.push(Scope::default());
        let result = resolve(self);
        let inner = self.scopes.pop().unwrap_or_default();
        inner.check_unused()?;
        if let Some(outer) = self.scopes.last_mut() {
            // What a closure uses undeclared, its surroundings must not declare afterwards.
            outer.seen.extend(inner.seen);
        }
        result
    }

    fn expr(&mut self, expr: Expr) -> Resolved<Option<Expr>> {
        let Expr { line, negated, kind } = expr;
        let kind = match kind {
            Kind::Term(term) => Kind::Term(self.term(term)?),
            Kind::Unify(a, b) => Kind::Unify(self.term(a)?, self.term(b)?),
            Kind::Assign(target, value) => {
                if negated {
                    return self.compile_error("cannot assign vars inside negated expression".to_owned());
                }
                let value = self.term(value)?;
                self.check_target(&target, false)?;
                self.declare_pattern(&target, Redeclared::Refused)?;
                Kind::Unify(self.term(target)?, value)
            }
            // Erased, as OPA does where printing is off.
            Kind::Call(call) if call.operator == ["print"] && !self.rules.contains_key("print") => {
                for arg in call.args {
                    self.term(arg)?;
                }
                Kind::Term(Term::Const(Value::Bool(true)))
            }
            Kind::Call(call) => match self.call(call, Place::Statement)? {
                Term::Call(call) => Kind::Call(call),
                term => Kind::Term(term),
            },
            Kind::Some(names) => {
                for name in names {
                    self.declare_used(&name)?;
                }
                return Ok(None);
            }
            Kind::SomeIn { key, value, domain } => {
                // A variable of the domain is not declared by the pattern.
                let mut known = HashSet::new();
                names_in(&domain, &mut known);
                let domain = self.term(domain)?;
                for pattern in key.iter().chain([&value]) {
                    self.declare_unknown(pattern, &known)?;
                }
                let key = match key {
                    Some(key) => self.term(key)?,
                    None => self.fresh_wildcard(),
                };
                let value = self.term(value)?;
                let element = match domain {
                    Term::Ref(head, mut path) => {
                        path.push(key);
                        Term::Ref(head, path)
                    }
                    head => Term::Ref(Box::new(head), vec![key]),
                };
                Kind::Unify(value, element)
            }
            Kind::Every { key, value, domain, body } => {
                let domain = self.term(domain)?;
                self.scoped(|r| {
                    let key = key.map(|name| r.declare_used(&name)).transpose()?;
                    let value = r.declare_used(&value)?;
                    let body = r.body(body)?;
                    Ok(Kind::Every { key, value, domain, body })
                })?
            }
        };
        Ok(Some(Expr { line, negated, kind }))
    }

    /// What may stand before `:=`.
    fn check_target(&self, target: &Term, inside: bool) -> Resolved<()> {
        match target {
            Term::Var(_) => Ok(()),
            Term::Array(items) => items.iter().try_for_each(|t| self.check_target(t, true)),
            Term::Object(pairs) => pairs.iter().try_for_each(|(k, v)| match k {
                Term::Const(_) => self.check_target(v, true),
                _ => self.unsupported("a computed key before `:=`"),
            }),
            Term::Const(_) if inside => self.unsupported("a constant before `:=`"),
            _ => self.compile_error("cannot assign to what is no variable".to_owned()),
        }
    }

    /// Declares the variables of a pattern: arguments, what stands before `:=` or after `some`.
    fn declare_pattern(&mut self, term: &Term, again: Redeclared) -> Resolved<()> {
        match term {
            Term::Var(name) if name.starts_with('$') => Ok(()),
            Term::Var(name) => self.declare_local(name, again).map(drop),
            Term::Array(items) => items.iter().try_for_each(|t| self.declare_pattern(t, again)),
            Term::Object(pairs) => pairs.iter().try_for_each(|(_, v)| self.declare_pattern(v, again)),
            Term::Const(_) => Ok(()),
            _ => self.unsupported("a pattern of that kind"),
        }
    }

    fn declare_unknown(&mut self, pattern: &Term, known: &HashSet<Name>) -> Resolved<()> {
        let mut names = HashSet::new();
        names_in(pattern, &mut names);
        if names.is_disjoint(known) {
            return self.declare_pattern(pattern, Redeclared::Refused);
        }
        match pattern {
            Term::Var(_) => Ok(()),
            _ => self.unsupported("a pattern with a variable of what it is compared with"),
        }
    }

    fn declare_local(&mut self, name: &str, again: Redeclared) -> Resolved<Name> {
        if name == "_" || name.starts_with('$') {
            let Term::Var(name) = self.fresh_wildcard() else { return self.unsupported("this wildcard") };
            return Ok(name);
        }
        if matches!(name, "input" | "data") {
            return self.unsupported("a variable named input or data");
        }
        let line = self.line;
        let number = self.next;
        let Some(scope) = self.scopes.last_mut() else { return self.unsupported("a declaration outside of a rule") };
        let error = |message: String| Err(CompileError::Compile { line, message });
        if let Some(known) = scope.declared.get(name) {
            return match again {
                Redeclared::Allowed => Ok(known.clone()),
                Redeclared::Refused => error(format!("var {name} assigned above")),
            };
        }
        if scope.seen.contains(name) {
            return error(format!("var {name} referenced above"));
        }
        self.next = self.next.saturating_add(1);
        let unique: Name = format!("{name}#{number}").into();
        scope.declared.insert(name.to_owned(), unique.clone());
        Ok(unique)
    }

    /// Declares a variable that must be used.
    fn declare_used(&mut self, name: &str) -> Resolved<Name> {
        let line = self.line;
        let unique = self.declare_local(name, Redeclared::Refused)?;
        if let Some(scope) = self.scopes.last_mut()
            && !unique.starts_with('$')
        {
            scope.unused.insert(unique.clone(), line);
        }
        Ok(unique)
    }

    fn fresh_wildcard(&mut self) -> Term {
        self.next = self.next.saturating_add(1);
        Term::var(&format!("$r{}", self.next))
    }

    fn rule_ref(&self, name: &str) -> Term {
        let mut path: Vec<Term> = self.package.iter().map(|p| Term::text(p)).collect();
        path.push(Term::text(name));
        Term::Ref(Box::new(Term::var("data")), path)
    }

    fn var(&mut self, name: &Name) -> Resolved<Term> {
        if name.starts_with('$') {
            return Ok(Term::Var(name.clone()));
        }
        for scope in self.scopes.iter_mut().rev() {
            if let Some(local) = scope.declared.get(&**name) {
                scope.unused.remove(local);
                return Ok(Term::Var(local.clone()));
            }
        }
        self.saw(name);
        if self.rules.contains_key(&**name) {
            return Ok(self.rule_ref(name));
        }
        match self.imports.get(&**name) {
            Some(path) => Ok(path.clone()),
            // To OPA it is the function, whose type fits nothing.
            None if table::is_known(name) => self.unsupported("a variable with the name of a built-in function"),
            None => Ok(Term::Var(name.clone())),
        }
    }

    fn saw(&mut self, name: &str) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.seen.insert(name.to_owned());
        }
    }

    fn terms(&mut self, terms: Vec<Term>) -> Resolved<Vec<Term>> {
        terms.into_iter().map(|t| self.term(t)).collect()
    }

    fn term(&mut self, term: Term) -> Resolved<Term> {
        Ok(match term {
            Term::Const(_) => term,
            Term::Var(name) => self.var(&name)?,
            Term::Ref(head, path) => {
                let head = match *head {
                    Term::Var(name) if matches!(&*name, "input" | "data") => Term::Var(name),
                    head => self.term(head)?,
                };
                let mut path = self.terms(path)?;
                match head {
                    Term::Ref(inner, mut start) => {
                        start.append(&mut path);
                        Term::Ref(inner, start)
                    }
                    head if path.is_empty() && !matches!(head, Term::Var(_)) => head,
                    Term::Const(_) => return self.compile_error("illegal ref (head cannot be a scalar)".to_owned()),
                    head => Term::Ref(Box::new(head), path),
                }
            }
            Term::Array(items) => Term::Array(self.terms(items)?),
            Term::Set(items) => Term::Set(self.terms(items)?),
            Term::Object(pairs) => {
                let pairs = pairs.into_iter().map(|(k, v)| Ok((self.term(k)?, self.term(v)?)));
                Term::Object(pairs.collect::<Resolved<Vec<_>>>()?)
            }
            Term::Call(call) => self.call(call, Place::Term)?,
            Term::Comprehension(parts) => {
                let Comprehension { kind, key, term, body } = *parts;
                self.scoped(|r| {
                    let body = r.body(body)?;
                    let key = key.map(|k| r.term(k)).transpose()?;
                    let term = r.term(term)?;
                    Ok(Term::Comprehension(Box::new(Comprehension { kind, key, term, body })))
                })?
            }
        })
    }

    fn call(&mut self, call: Call, place: Place) -> Resolved<Term> {
        let args = self.terms(call.args)?;
        let name = call.operator.join(".");
        let mut operator = call.operator;
        if let [single] = operator.as_slice()
            && self.rules.contains_key(single)
        {
            let mut path = vec!["data".to_owned()];
            path.extend(self.package.iter().cloned());
            path.push(single.clone());
            operator = path;
        }
        if let Some(root) = operator.first().cloned() {
            self.saw(&root);
        }
        let Some(root) = operator.first() else { return self.unsupported("a call without a name") };
        if self.scopes.iter().any(|s| s.declared.contains_key(root)) || self.imports.contains_key(root) {
            return self.unsupported("a call of a variable or an import");
        }
        let own = operator.strip_prefix(["data".to_owned()].as_slice());
        if let Some([rule]) = own.and_then(|path| path.strip_prefix(self.package.as_slice()))
            && let Some(kind) = self.rules.get(rule)
        {
            let GroupKind::Function { arity } = kind else {
                return self.type_error(format!("undefined function {name}"));
            };
            self.check_arity(&name, *arity, args.len(), place)?;
            return Ok(Term::Call(Call { operator, args }));
        }
        if let Some(builtin) = table::find(&name) {
            self.check_arity(&name, builtin.args.len(), args.len(), place)?;
            return Ok(Term::Call(Call { operator: vec![name], args }));
        }
        if table::UNSUPPORTED.contains(&name.as_str()) {
            return self.unsupported(&format!("the built-in function {name}"));
        }
        self.type_error(format!("undefined function {name}"))
    }

    fn type_error<T>(&self, message: String) -> Resolved<T> {
        Err(CompileError::Type { line: self.line, message })
    }

    /// A statement may name the result as one more argument.
    fn check_arity(&self, name: &str, arity: usize, found: usize, place: Place) -> Resolved<()> {
        let most = if place == Place::Statement { arity.saturating_add(1) } else { arity };
        match found {
            found if found < arity => self.type_error(format!("{name}: too few arguments")),
            found if found > most => self.type_error(format!("{name}: too many arguments")),
            _ => Ok(()),
        }
    }
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Statement,
    Term,
}

/// All names in a term that is not resolved.
fn names_in(term: &Term, names: &mut HashSet<Name>) {
    match term {
        Term::Const(_) => {}
        Term::Var(name) => {
            names.insert(name.clone());
        }
        Term::Ref(head, path) => {
            names_in(head, names);
            path.iter().for_each(|t| names_in(t, names));
        }
        Term::Array(items) | Term::Set(items) => items.iter().for_each(|t| names_in(t, names)),
        Term::Object(pairs) => pairs.iter().for_each(|(k, v)| {
            names_in(k, names);
            names_in(v, names);
        }),
        Term::Call(call) => call.args.iter().for_each(|t| names_in(t, names)),
        Term::Comprehension(inner) => {
            inner.key.iter().chain([&inner.term]).for_each(|t| names_in(t, names));
            let terms = inner.body.iter().flat_map(|e| super::flatten::terms(&e.kind));
            terms.for_each(|t| names_in(t, names));
        }
    }
}

/// Whether a name may be declared that is declared already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Redeclared {
    /// `f(x, x)`: both are the same variable.
    Allowed,
    Refused,
}
