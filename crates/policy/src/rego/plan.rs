//! What is left of a policy for evaluation: variables are numbers, functions are found, statements are in order.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use super::CompileError;
use super::builtins::table::{self, Builtin};
use super::order::rule_of;
use super::resolve::{Clause, GroupKind, Program};
use super::syntax::{Collection, Expr, Kind, Name, Term};
use super::value::Value;

/// A policy that can be evaluated.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) package: Vec<String>,
    pub(crate) rules: Vec<RulePlan>,
    pub(crate) by_name: BTreeMap<String, usize>,
    /// Whether anything asks for the time.
    pub(crate) uses_clock: bool,
}

/// All rules of one name.
#[derive(Debug)]
pub(crate) struct RulePlan {
    pub(crate) kind: GroupKind,
    pub(crate) chains: Vec<Vec<ClausePlan>>,
    pub(crate) default: Option<Value>,
}

/// One body with its head.
#[derive(Debug)]
pub(crate) struct ClausePlan {
    pub(crate) slots: usize,
    pub(crate) args: Vec<Node>,
    pub(crate) key: Option<Node>,
    pub(crate) value: Option<Node>,
    pub(crate) body: Vec<Stmt>,
    pub(crate) line: usize,
}

/// A term.
#[derive(Debug)]
pub(crate) enum Node {
    Const(Value),
    Slot(usize),
    Array(Vec<Node>),
    Set(Vec<Node>),
    Object(Vec<(Node, Node)>),
    Ref(Root, Vec<Node>),
    Comprehension(Box<ComprehensionPlan>),
}

/// Where a reference begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Root {
    Input,
    Slot(usize),
    Rule(usize),
    /// A document that is never there: policies have no data.
    Absent,
}

/// A comprehension; its variables are slots of the body around it.
#[derive(Debug)]
pub(crate) struct ComprehensionPlan {
    pub(crate) kind: Collection,
    pub(crate) key: Option<Node>,
    pub(crate) term: Node,
    pub(crate) body: Vec<Stmt>,
}

/// A statement.
#[derive(Debug)]
pub(crate) struct Stmt {
    pub(crate) line: usize,
    pub(crate) negated: bool,
    pub(crate) kind: StmtKind,
}

/// What it says.
#[derive(Debug)]
pub(crate) enum StmtKind {
    Term(Node),
    Unify(Node, Node),
    Call { function: Function, args: Vec<Node>, result: Option<Node> },
    Every { key: Option<usize>, value: usize, domain: Node, body: Vec<Stmt> },
}

/// What is called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Function {
    Builtin(&'static Builtin),
    Rule(usize),
}

/// Numbers everything.
pub(crate) fn plan(program: &Program) -> Result<Plan, CompileError> {
    let by_name: BTreeMap<String, usize> =
        program.groups.keys().enumerate().map(|(n, name)| (name.clone(), n)).collect();
    let mut rules = Vec::with_capacity(by_name.len());
    let uses_clock = Cell::new(false);
    for group in program.groups.values() {
        let mut chains = Vec::with_capacity(group.chains.len());
        for chain in &group.chains {
            let chain = chain.iter().map(|clause| plan_clause(program, &by_name, &uses_clock, clause));
            chains.push(chain.collect::<Result<Vec<_>, _>>()?);
        }
        rules.push(RulePlan { kind: group.kind, chains, default: group.default.clone() });
    }
    Ok(Plan { package: program.package.clone(), rules, by_name, uses_clock: uses_clock.get() })
}

fn plan_clause(
    program: &Program,
    by_name: &BTreeMap<String, usize>,
    uses_clock: &Cell<bool>,
    clause: &Clause,
) -> Result<ClausePlan, CompileError> {
    let mut planner = Planner { program, by_name, uses_clock, slots: HashMap::new(), line: clause.line };
    let args = planner.nodes(&clause.args)?;
    if args.iter().any(|a| matches!(a, Node::Ref(..) | Node::Comprehension(_))) {
        return planner.unsupported("an argument of that kind in a head");
    }
    let body = planner.body(&clause.body)?;
    planner.line = clause.line;
    let key = clause.key.as_ref().map(|k| planner.node(k)).transpose()?;
    let value = clause.value.as_ref().map(|v| planner.node(v)).transpose()?;
    Ok(ClausePlan { slots: planner.slots.len(), args, key, value, body, line: clause.line })
}

struct Planner<'a> {
    program: &'a Program,
    by_name: &'a BTreeMap<String, usize>,
    uses_clock: &'a Cell<bool>,
    slots: HashMap<Name, usize>,
    line: usize,
}

impl Planner<'_> {
    fn unsupported<T>(&self, what: &str) -> Result<T, CompileError> {
        Err(CompileError::Unsupported { line: self.line, what: what.to_owned() })
    }

    fn slot(&mut self, name: &Name) -> usize {
        let next = self.slots.len();
        *self.slots.entry(name.clone()).or_insert(next)
    }

    fn body(&mut self, body: &[Expr]) -> Result<Vec<Stmt>, CompileError> {
        body.iter().map(|expr| self.stmt(expr)).collect()
    }

    fn stmt(&mut self, expr: &Expr) -> Result<Stmt, CompileError> {
        self.line = expr.line;
        let kind = match &expr.kind {
            Kind::Term(term) => StmtKind::Term(self.node(term)?),
            Kind::Unify(a, b) => StmtKind::Unify(self.node(a)?, self.node(b)?),
            Kind::Call(call) => {
                let (function, arity) = match call.operator.as_slice() {
                    [name] => match table::find(name) {
                        Some(builtin) => {
                            self.uses_clock.set(self.uses_clock.get() || builtin.reads_clock());
                            (Function::Builtin(builtin), builtin.args.len())
                        }
                        None => return self.unsupported(&format!("the built-in function {name}")),
                    },
                    path => {
                        let name = path.last().map(String::as_str).unwrap_or_default();
                        match (self.by_name.get(name), self.program.groups.get(name).map(|g| g.kind)) {
                            (Some(n), Some(GroupKind::Function { arity })) => (Function::Rule(*n), arity),
                            _ => return self.unsupported(&format!("a call of {name}")),
                        }
                    }
                };
                let (args, result) = call.args.split_at_checked(arity).unwrap_or((&call.args, &[]));
                let args = self.nodes(args)?;
                StmtKind::Call { function, args, result: result.first().map(|r| self.node(r)).transpose()? }
            }
            Kind::Every { key, value, domain, body } => {
                let domain = self.node(domain)?;
                let key = key.as_ref().map(|k| self.slot(k));
                let value = self.slot(value);
                StmtKind::Every { key, value, domain, body: self.body(body)? }
            }
            Kind::Assign(..) | Kind::Some(_) | Kind::SomeIn { .. } => {
                return self.unsupported("a statement of that kind");
            }
        };
        Ok(Stmt { line: expr.line, negated: expr.negated, kind })
    }

    fn nodes(&mut self, terms: &[Term]) -> Result<Vec<Node>, CompileError> {
        terms.iter().map(|t| self.node(t)).collect()
    }

    fn node(&mut self, term: &Term) -> Result<Node, CompileError> {
        Ok(match term {
            Term::Const(value) => Node::Const(value.clone()),
            Term::Var(name) => Node::Slot(self.slot(name)),
            Term::Array(items) => Node::Array(self.nodes(items)?),
            Term::Set(items) => Node::Set(self.nodes(items)?),
            Term::Object(pairs) => {
                let pairs = pairs.iter().map(|(k, v)| Ok((self.node(k)?, self.node(v)?)));
                Node::Object(pairs.collect::<Result<_, CompileError>>()?)
            }
            Term::Ref(head, path) => self.reference(term, head, path)?,
            Term::Call(_) => return self.unsupported("a call within a term"),
            Term::Comprehension(parts) => {
                let body = self.body(&parts.body)?;
                let key = parts.key.as_ref().map(|k| self.node(k)).transpose()?;
                let term = self.node(&parts.term)?;
                Node::Comprehension(Box::new(ComprehensionPlan { kind: parts.kind, key, term, body }))
            }
        })
    }

    fn reference(&mut self, term: &Term, head: &Term, path: &[Term]) -> Result<Node, CompileError> {
        let Term::Var(name) = head else { return self.unsupported("a reference into a term") };
        match &**name {
            "input" => Ok(Node::Ref(Root::Input, self.nodes(path)?)),
            "data" => {
                if let Some((rule, rest)) = rule_of(self.program, term) {
                    let Some(n) = self.by_name.get(rule).copied() else { return self.unsupported("this rule") };
                    return Ok(Node::Ref(Root::Rule(n), self.nodes(rest)?));
                }
                // A reference to the package as a document, or to what might be one.
                let mut parts = path.iter();
                for own in &self.program.package {
                    match parts.next() {
                        Some(Term::Const(value)) if value.as_str() == Some(own) => {}
                        Some(Term::Const(_)) => return Ok(Node::Ref(Root::Absent, Vec::new())),
                        _ => return self.unsupported("a reference to a whole package"),
                    }
                }
                match parts.next() {
                    Some(Term::Const(_)) => Ok(Node::Ref(Root::Absent, Vec::new())),
                    _ => self.unsupported("a reference to a whole package"),
                }
            }
            _ => Ok(Node::Ref(Root::Slot(self.slot(name)), self.nodes(path)?)),
        }
    }
}
