//! Evaluates a plan: statements are tried in order, references and unification bind variables, and whatever binds them in
//! several ways is gone through (`topdown/eval.go`). Steps, depth and sizes are counted; nothing depends on a clock.

mod frame;
mod unify;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::builtins::table::{Args, Stop};
use super::plan::{ClausePlan, ComprehensionPlan, Function, Node, Plan, Root, RulePlan, Stmt, StmtKind};
use super::resolve::GroupKind;
use super::syntax::Collection;
use super::value::Value;

use crate::limits::{MAX_EVALUATION_DEPTH, MAX_STEPS};
pub(crate) use frame::Fault;
use frame::Frame;

type Eval<T> = Result<T, Fault>;
/// What is done with each solution.
type Then<'t> = &'t mut dyn FnMut(&mut Evaluation<'_>, &mut Frame) -> Eval<()>;

/// One evaluation of a plan over one input.
pub(crate) struct Evaluation<'p> {
    plan: &'p Plan,
    input: &'p Value,
    now: Timestamp,
    values: Vec<Option<Option<Value>>>,
    steps: u64,
    depth: usize,
    /// Of the statement that is evaluated.
    line: usize,
}

/// What a statement comes to without going through elements.
enum Attempt {
    Holds,
    Fails,
    Iterates,
}

impl<'p> Evaluation<'p> {
    pub(crate) fn new(plan: &'p Plan, input: &'p Value, now: Timestamp) -> Self {
        Self { plan, input, now, values: vec![None; plan.rules.len()], steps: 0, depth: 0, line: 0 }
    }

    fn step(&mut self, cost: usize) -> Eval<()> {
        self.steps = self.steps.saturating_add(u64::try_from(cost).unwrap_or(u64::MAX));
        if self.steps > MAX_STEPS {
            return Err(Fault::Limit { what: "steps", limit: MAX_STEPS });
        }
        Ok(())
    }

    fn nested<T>(&mut self, evaluate: impl FnOnce(&mut Self) -> Eval<T>) -> Eval<T> {
        if self.depth >= MAX_EVALUATION_DEPTH {
            let limit = u64::try_from(MAX_EVALUATION_DEPTH).unwrap_or(u64::MAX);
            return Err(Fault::Limit { what: "levels of rules and loops", limit });
        }
        self.depth = self.depth.saturating_add(1);
        let result = evaluate(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    /// The value of a rule without arguments; nothing if it is undefined.
    pub(crate) fn rule(&mut self, n: usize) -> Eval<Option<Value>> {
        if let Some(Some(known)) = self.values.get(n) {
            return Ok(known.clone());
        }
        let plan = self.plan;
        let Some(rule) = plan.rules.get(n) else { return Ok(None) };
        let value = self.nested(|e| match rule.kind {
            GroupKind::Complete => e.single(rule, &[], "complete rules must not produce multiple outputs"),
            GroupKind::Set => e.set_rule(rule).map(Some),
            GroupKind::Object => e.object_rule(rule).map(Some),
            // Not a document.
            GroupKind::Function { .. } => Ok(None),
        })?;
        if let Some(place) = self.values.get_mut(n) {
            *place = Some(value.clone());
        }
        Ok(value)
    }

    /// A complete rule or a function: one value, however it is reached.
    fn single(&mut self, rule: &RulePlan, args: &[Value], conflict: &'static str) -> Eval<Option<Value>> {
        let mut found: Option<Value> = None;
        for chain in &rule.chains {
            for clause in chain {
                let mut reached = false;
                self.clause(clause, args, &mut |e, frame| {
                    reached = true;
                    let Some(value) = clause.value.as_ref() else { return Ok(()) };
                    let Some(value) = e.value(frame, value)? else { return Ok(()) };
                    match &found {
                        Some(known) if *known != value => Err(Fault::Conflict { line: clause.line, message: conflict }),
                        _ => {
                            // OPA stops here in some cases, and in others goes on and finds a conflict.
                            found = Some(value);
                            Ok(())
                        }
                    }
                })?;
                if reached {
                    break;
                }
            }
        }
        Ok(found.or_else(|| rule.default.clone()))
    }

    fn set_rule(&mut self, rule: &RulePlan) -> Eval<Value> {
        let mut all = BTreeSet::new();
        for clause in rule.chains.iter().flatten() {
            self.clause(clause, &[], &mut |e, frame| {
                if let Some(key) = clause.key.as_ref()
                    && let Some(key) = e.value(frame, key)?
                {
                    e.step(key.weight())?;
                    all.insert(key);
                }
                Ok(())
            })?;
        }
        Ok(Value::set(all)?)
    }

    fn object_rule(&mut self, rule: &RulePlan) -> Eval<Value> {
        let mut all = BTreeMap::new();
        for clause in rule.chains.iter().flatten() {
            self.clause(clause, &[], &mut |e, frame| {
                let (Some(key), Some(value)) = (clause.key.as_ref(), clause.value.as_ref()) else {
                    return Ok(());
                };
                if let (Some(key), Some(value)) = (e.value(frame, key)?, e.value(frame, value)?) {
                    e.insert(&mut all, key, value)?;
                }
                Ok(())
            })?;
        }
        Ok(Value::object(all)?)
    }

    fn insert(&mut self, all: &mut BTreeMap<Value, Value>, key: Value, value: Value) -> Eval<()> {
        self.step(key.weight().saturating_add(value.weight()))?;
        match all.get(&key) {
            Some(known) if *known != value => {
                Err(Fault::Conflict { line: self.line, message: "object keys must be unique" })
            }
            Some(_) => Ok(()),
            None => {
                all.insert(key, value);
                Ok(())
            }
        }
    }

    fn clause(&mut self, clause: &ClausePlan, args: &[Value], then: Then<'_>) -> Eval<()> {
        self.step(clause.slots.saturating_add(1))?;
        let mut frame = Frame::new(clause.slots);
        for (pattern, value) in clause.args.iter().zip(args) {
            if !self.unify_value(&mut frame, pattern, value)? {
                return Ok(());
            }
        }
        self.run(&mut frame, &clause.body, then)
    }

    fn run(&mut self, frame: &mut Frame, body: &[Stmt], then: Then<'_>) -> Eval<()> {
        let mark = frame.mark();
        let mut rest = body;
        let done = loop {
            let Some((stmt, tail)) = rest.split_first() else { break then(self, frame) };
            self.step(1)?;
            self.line = stmt.line;
            match self.attempt(frame, stmt)? {
                Attempt::Holds => rest = tail,
                Attempt::Fails => break Ok(()),
                Attempt::Iterates => {
                    break self.nested(|e| e.each(frame, stmt, &mut |e, frame| e.run(frame, tail, &mut *then)));
                }
            }
        };
        frame.undo(mark);
        done
    }

    fn attempt(&mut self, frame: &mut Frame, stmt: &Stmt) -> Eval<Attempt> {
        let mark = frame.mark();
        let holds = match &stmt.kind {
            StmtKind::Term(node) if frame.iterates(node) => return Ok(Attempt::Iterates),
            StmtKind::Unify(a, b) if frame.iterates(a) || frame.iterates(b) => return Ok(Attempt::Iterates),
            StmtKind::Term(node) => self.value(frame, node)?.is_some_and(|v| v != Value::Bool(false)),
            StmtKind::Unify(a, b) => self.unify(frame, a, b)?,
            StmtKind::Call { function, args, result } => match (self.call(frame, *function, args)?, result) {
                (None, _) => false,
                (Some(value), None) => value != Value::Bool(false),
                (Some(value), Some(result)) => self.unify_value(frame, result, &value)?,
            },
            StmtKind::Every { key, value, domain, body } => {
                let domain = self.value(frame, domain)?;
                match domain {
                    Some(domain @ (Value::Array(_) | Value::Object(_) | Value::Set(_))) => {
                        self.nested(|e| e.every(frame, *key, *value, &domain, body))?
                    }
                    _ => false,
                }
            }
        };
        if stmt.negated {
            // Nothing that was bound inside is known outside.
            frame.undo(mark);
        }
        Ok(if holds == stmt.negated { Attempt::Fails } else { Attempt::Holds })
    }

    fn every(
        &mut self,
        frame: &mut Frame,
        key: Option<usize>,
        value: usize,
        domain: &Value,
        body: &[Stmt],
    ) -> Eval<bool> {
        let mut all = true;
        self.elements(domain, &mut |e, k, v| {
            let mark = frame.mark();
            if let Some(slot) = key {
                frame.bind(slot, k.clone());
            }
            frame.bind(value, v.clone());
            let mut holds = false;
            e.run(frame, body, &mut |_, _| {
                holds = true;
                Ok(())
            })?;
            frame.undo(mark);
            all &= holds;
            Ok(())
        })?;
        Ok(all)
    }

    fn elements(&mut self, of: &Value, then: &mut dyn FnMut(&mut Self, &Value, &Value) -> Eval<()>) -> Eval<()> {
        match of {
            Value::Array(node) => {
                for (n, item) in node.items.iter().enumerate() {
                    self.step(1)?;
                    then(self, &Value::count(n), item)?;
                }
            }
            Value::Object(node) => {
                for (key, item) in &node.items {
                    self.step(1)?;
                    then(self, key, item)?;
                }
            }
            Value::Set(node) => {
                for item in &node.items {
                    self.step(1)?;
                    then(self, item, item)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Every way in which a statement holds.
    fn each(&mut self, frame: &mut Frame, stmt: &Stmt, then: Then<'_>) -> Eval<()> {
        match &stmt.kind {
            StmtKind::Term(node) => self.each_value(frame, node, &mut |e, frame, value| {
                if *value == Value::Bool(false) { Ok(()) } else { then(e, frame) }
            }),
            StmtKind::Unify(a, b) if frame.iterates(a) => self.each_value(frame, a, &mut |e, frame, value| {
                if frame.iterates(b) {
                    return e.each_value(frame, b, &mut |e, frame, other| {
                        e.step(other.weight())?;
                        if value == other { then(e, frame) } else { Ok(()) }
                    });
                }
                e.with_value(frame, b, value, &mut *then)
            }),
            StmtKind::Unify(a, b) => {
                // OPA evaluates the left side first, and an error there is one even if the right side has no element.
                if frame.is_bound(a) && self.value(frame, a)?.is_none() {
                    return Ok(());
                }
                self.each_value(frame, b, &mut |e, frame, value| e.with_value(frame, a, value, &mut *then))
            }
            _ => Ok(()),
        }
    }

    fn with_value(&mut self, frame: &mut Frame, node: &Node, value: &Value, then: Then<'_>) -> Eval<()> {
        let mark = frame.mark();
        let done = if self.unify_value(frame, node, value)? { then(self, frame) } else { Ok(()) };
        frame.undo(mark);
        done
    }

    /// Every value of a reference.
    fn each_value(
        &mut self,
        frame: &mut Frame,
        node: &Node,
        then: &mut dyn FnMut(&mut Evaluation<'_>, &mut Frame, &Value) -> Eval<()>,
    ) -> Eval<()> {
        let Node::Ref(root, path) = node else { return Ok(()) };
        self.check_key(frame, *root, path)?;
        match self.root(frame, *root)? {
            Some(start) => self.walk(frame, &start, path, then),
            None => Ok(()),
        }
    }

    /// OPA evaluates a partial rule with the key that is asked for, so that `1.0` may find nothing where `1` does.
    fn check_key(&mut self, frame: &mut Frame, root: Root, path: &[Node]) -> Eval<()> {
        if let (Root::Rule(_), Some(part)) = (root, path.first())
            && frame.is_bound(part)
            && let Some(Value::Number(number)) = self.value(frame, part)?
            && number.is_whole()
            && number.as_int().is_none()
        {
            return Err(Fault::Unsupported { line: self.line, what: "a rule's member whose key is written like 1.0" });
        }
        Ok(())
    }

    fn root(&mut self, frame: &Frame, root: Root) -> Eval<Option<Value>> {
        match root {
            Root::Input => Ok(Some(self.input.clone())),
            Root::Slot(slot) => Ok(frame.get(slot).cloned()),
            Root::Rule(n) => self.rule(n),
            Root::Absent => Ok(None),
        }
    }

    fn walk(
        &mut self,
        frame: &mut Frame,
        at: &Value,
        path: &[Node],
        then: &mut dyn FnMut(&mut Evaluation<'_>, &mut Frame, &Value) -> Eval<()>,
    ) -> Eval<()> {
        let Some((part, rest)) = path.split_first() else { return then(self, frame, at) };
        if frame.is_bound(part) {
            let Some(key) = self.value(frame, part)? else { return Ok(()) };
            self.step(key.weight())?;
            return match at.get(&key) {
                Some(next) => self.walk(frame, next, rest, then),
                None => Ok(()),
            };
        }
        self.elements(at, &mut |e, key, value| {
            let mark = frame.mark();
            let done = if e.unify_value(frame, part, key)? { e.walk(frame, value, rest, &mut *then) } else { Ok(()) };
            frame.undo(mark);
            done
        })
    }

    /// The value of a term whose variables are bound; nothing if it is undefined.
    fn value(&mut self, frame: &mut Frame, node: &Node) -> Eval<Option<Value>> {
        match node {
            Node::Const(value) => Ok(Some(value.clone())),
            Node::Slot(slot) => Ok(frame.get(*slot).cloned()),
            Node::Array(items) => {
                let Some(items) = self.all(frame, items)? else { return Ok(None) };
                Ok(Some(Value::array(items)?))
            }
            Node::Set(items) => {
                let Some(items) = self.all(frame, items)? else { return Ok(None) };
                let mut all = BTreeSet::new();
                for item in items {
                    if let Some(same) = all.get(&item)
                        && !same_text(same, &item)
                    {
                        let what = "a set of numbers that are equal and written in two ways";
                        return Err(Fault::Unsupported { line: self.line, what });
                    }
                    all.insert(item);
                }
                Ok(Some(Value::set(all)?))
            }
            Node::Object(pairs) => {
                let mut all = BTreeMap::new();
                for (key, value) in pairs {
                    let (Some(key), Some(value)) = (self.value(frame, key)?, self.value(frame, value)?) else {
                        return Ok(None);
                    };
                    self.step(key.weight())?;
                    if all.insert(key, value).is_some() {
                        // OPA keeps one or the other, and goes through both.
                        let what = "an object that gives one name twice";
                        return Err(Fault::Unsupported { line: self.line, what });
                    }
                }
                Ok(Some(Value::object(all)?))
            }
            Node::Ref(root, path) => {
                self.check_key(frame, *root, path)?;
                let Some(start) = self.root(frame, *root)? else { return Ok(None) };
                let mut at = &start;
                for part in path {
                    let Some(key) = self.value(frame, part)? else { return Ok(None) };
                    self.step(key.weight())?;
                    match at.get(&key) {
                        Some(next) => at = next,
                        None => return Ok(None),
                    }
                }
                Ok(Some(at.clone()))
            }
            Node::Comprehension(parts) => self.nested(|e| e.comprehension(frame, parts)).map(Some),
        }
    }

    fn all(&mut self, frame: &mut Frame, nodes: &[Node]) -> Eval<Option<Vec<Value>>> {
        let mut all = Vec::with_capacity(nodes.len());
        for node in nodes {
            let Some(value) = self.value(frame, node)? else { return Ok(None) };
            self.step(1)?;
            all.push(value);
        }
        Ok(Some(all))
    }

    fn comprehension(&mut self, frame: &mut Frame, parts: &ComprehensionPlan) -> Eval<Value> {
        let mut list = Vec::new();
        let mut pairs = BTreeMap::new();
        let mut weight = 0_usize;
        self.run(frame, &parts.body, &mut |e, frame| {
            let Some(term) = e.value(frame, &parts.term)? else { return Ok(()) };
            weight = weight.saturating_add(term.weight());
            e.step(term.weight())?;
            match &parts.key {
                None => list.push(term),
                Some(key) => {
                    if let Some(key) = e.value(frame, key)? {
                        e.insert(&mut pairs, key, term)?;
                    }
                }
            }
            if weight > crate::limits::MAX_VALUE_WEIGHT { Err(Fault::TooLarge) } else { Ok(()) }
        })?;
        Ok(match parts.kind {
            Collection::Array => Value::array(list)?,
            Collection::Set => Value::set(list.into_iter().collect())?,
            Collection::Object => Value::object(pairs)?,
        })
    }

    fn call(&mut self, frame: &mut Frame, function: Function, args: &[Node]) -> Eval<Option<Value>> {
        let Some(args) = self.all(frame, args)? else { return Ok(None) };
        match function {
            Function::Rule(n) => {
                let plan = self.plan;
                let Some(rule) = plan.rules.get(n) else { return Ok(None) };
                let conflict = "functions must not produce multiple outputs for same inputs";
                self.nested(|e| e.single(rule, &args, conflict))
            }
            Function::Builtin(builtin) => {
                let cost = args.iter().fold(1_usize, |all, v| all.saturating_add(v.weight()));
                self.step(cost)?;
                match (builtin.run)(&Args { args: &args, now: self.now }) {
                    Ok(value) => {
                        self.step(value.weight())?;
                        Ok(Some(value))
                    }
                    Err(Stop::Undefined) => Ok(None),
                    Err(Stop::TooLarge) => Err(Fault::TooLarge),
                    Err(Stop::Unsupported(what)) => Err(Fault::Unsupported { line: self.line, what }),
                }
            }
        }
    }
}

/// Whether two equal values print alike: `1` and `1.0` do not.
fn same_text(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.text() == b.text(),
        _ => true,
    }
}
