//! What needs evaluation before it is a conjunct (`tasks.go`). A task that lacks information is tried again later; when
//! nothing goes on any more, it is forced, and what it lacks then is its error.

use std::rc::Rc;

use super::cycle::Step;
use super::doubt::Weight;
use super::error::{Code, R, Stop};
use super::members::steps_of;
use super::reference::Resolved;
use super::types::{Base, Bound, CloseInfo, Conjunct, Elem, EnvId, NO_ENV, NO_VERTEX, Status, Value, VertexId};
use super::{Eval, address};
use crate::expr::{ArcType, Comprehension, Decl, Element, Expr, ListLit, Op};
use crate::kind::Kind;
use crate::label::Label;
use crate::number::Number;

#[derive(Clone, Debug)]
pub(crate) enum TaskKind<'p> {
    Resolve(&'p Expr),
    Expr(&'p Expr),
    Dynamic(&'p Decl),
    Pattern(&'p Decl),
    List(&'p ListLit),
    ListVertex(VertexId),
    Comprehension(&'p Comprehension),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Ready,
    Running,
    Done,
}

#[derive(Clone, Debug)]
pub(crate) struct Task<'p> {
    pub(super) kind: TaskKind<'p>,
    pub(super) env: EnvId,
    pub(super) close: CloseInfo,
    pub(super) state: State,
}

impl<'p> Task<'p> {
    pub(super) fn new(kind: TaskKind<'p>, env: EnvId, close: CloseInfo) -> Self {
        Self { kind, env, close, state: State::Ready }
    }

    /// Whether the task may add to the field.
    pub(super) fn may_add(&self, label: Option<Label>) -> bool {
        let TaskKind::Comprehension(comprehension) = &self.kind else { return true };
        comprehension.value.decls.iter().any(|decl| match decl {
            Decl::Field { label: field, .. } => Some(*field) == label,
            Decl::Let { .. } | Decl::Ellipsis => false,
            _ => true,
        })
    }
}

impl<'p> Eval<'p> {
    /// Runs what can be run. Does nothing where that is already under way.
    pub(super) fn run_tasks(&mut self, v: VertexId) -> R<'p, ()> {
        if self.vertices[v].status != Status::Evaluating || self.vertices[v].node.running > 0 {
            return Ok(());
        }
        self.busy(v, |e| e.run_loop(v, false))
    }

    /// The tasks of a vertex, to be looked through, which counts.
    pub(super) fn tasks_of(&self, v: VertexId) -> &[Task<'p>] {
        let tasks = &self.vertices[v].node.tasks;
        self.count(steps_of(tasks.len()));
        tasks
    }

    /// Marks a vertex as being worked on.
    pub(super) fn busy<T>(&mut self, v: VertexId, run: impl FnOnce(&mut Self) -> R<'p, T>) -> R<'p, T> {
        let depth = self.arc_depth;
        let node = &mut self.vertices[v].node;
        node.running = node.running.saturating_add(1);
        let saved = std::mem::replace(&mut node.eval_depth, depth);
        let result = run(self);
        let node = &mut self.vertices[v].node;
        node.running = node.running.saturating_sub(1);
        node.eval_depth = saved;
        result
    }

    pub(super) fn run_loop(&mut self, v: VertexId, force: bool) -> R<'p, ()> {
        loop {
            self.spend(steps_of(self.vertices[v].node.tasks.len()))?;
            let mut progress = false;
            let mut n = 0;
            while n < self.vertices[v].node.tasks.len() {
                progress |= self.run_task(v, n, false)?;
                n = n.saturating_add(1);
            }
            if progress {
                continue;
            }
            let ready = self.tasks_of(v).iter().position(|t| t.state == State::Ready);
            match ready {
                Some(n) if force && self.vertices[v].node.choices.is_empty() => {
                    self.run_task(v, n, true)?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// True if the task is done with.
    pub(super) fn run_task(&mut self, v: VertexId, n: usize, force: bool) -> R<'p, bool> {
        let Some(task) = self.vertices[v].node.tasks.get_mut(n) else { return Ok(false) };
        if task.state != State::Ready {
            return Ok(false);
        }
        task.state = State::Running;
        let task = task.clone();
        let saved = (self.force, self.close);
        self.force = force || self.force;
        self.close = task.close;
        let forced = self.force;
        let root = self.root_task || self.vertices[v].parent == NO_VERTEX;
        let outer = std::mem::replace(&mut self.root_task, root);
        // A field or a `let` clause is no part of the expression that asks.
        let asks = self.vertices[v].is_dynamic && !self.vertices[v].is_let;
        let question = if asks { self.question } else { None };
        let question = std::mem::replace(&mut self.question, question);
        let elsewhere = self.making_elsewhere();
        let making = std::mem::replace(&mut self.making, elsewhere);
        let result = self.located(v, |e| e.nested(|e| e.perform(v, &task)));
        self.making = making;
        self.question = question;
        self.root_task = outer;
        (self.force, self.close) = saved;
        let done = match Self::caught(result)? {
            Ok(()) => true,
            Err(error) if error.is_incomplete() && !forced => false,
            Err(error) => {
                self.doubt_unknown_call(v, &task, &error);
                self.add_error(v, error);
                true
            }
        };
        if let Some(task) = self.vertices[v].node.tasks.get_mut(n) {
            task.state = if done { State::Done } else { State::Ready };
        }
        Ok(done)
    }

    fn perform(&mut self, v: VertexId, task: &Task<'p>) -> R<'p, ()> {
        self.spend(1)?;
        let (env, close) = (task.env, task.close);
        match &task.kind {
            TaskKind::Resolve(expr) => self.perform_resolve(v, env, expr, close),
            TaskKind::Expr(expr) => {
                let value = self.evaluate(expr, env)?;
                self.insert_value(v, value, close)
            }
            TaskKind::Dynamic(decl) => self.perform_dynamic(v, env, decl, close),
            TaskKind::Pattern(decl) => {
                let Decl::Pattern { filter, value } = decl else { return Ok(()) };
                let pattern = self.evaluate(filter, env);
                if matches!(&pattern, Err(Stop::Error(error)) if error.is_incomplete()) && self.force {
                    self.doubt(Weight::Always, v, "the names of a pattern are not known");
                }
                let pattern = self.as_validator(pattern?);
                self.insert_pattern(v, pattern, Conjunct { env, elem: Elem::Expr(value), close })
            }
            TaskKind::List(lit) => self.perform_list(v, env, lit, close),
            TaskKind::ListVertex(list) => self.perform_list_vertex(v, *list, close),
            TaskKind::Comprehension(comprehension) => self.perform_comprehension(v, env, comprehension, close),
        }
    }

    fn perform_resolve(&mut self, v: VertexId, env: EnvId, expr: &'p Expr, close: CloseInfo) -> R<'p, ()> {
        let resolved = self.resolve(expr, env)?;
        let required = self.required.take();
        if let Some(error) = required.clone() {
            self.vertices[v].node.lacks_required = true;
            self.add_error(v, error);
        }
        let arc = match resolved {
            Resolved::Vertex(arc) => arc,
            Resolved::Value(value) => {
                self.unshare(v)?;
                return self.insert_value(v, value, close);
            }
        };
        self.note_own_read(arc);
        let node = &self.vertices[arc].node;
        if self.vertices[v].is_dynamic && node.has_disjunction && node.running > 0 {
            self.doubt(Weight::Always, arc, "alternatives are used to make themselves");
        }
        if self.vertices[arc].parent == v {
            self.own_embeddings.push((v, arc));
        }
        if self.vertices[arc].is_let
            && let Some(error) = self.hard_error(arc)
        {
            return Err(Stop::Error(error));
        }
        if self.vertices[v].is_let {
            self.named_by_lets.push(arc);
        }
        self.doubt_itself(v, arc);
        let arc = self.deref_shared(arc);
        let target = self.deref_disjunct(arc);
        let conjunct = Conjunct { env, elem: Elem::Expr(expr), close };
        let close = match self.detect_cycle(v, target, &conjunct, address(expr)) {
            Step::Go(close) => close,
            Step::Skip => return self.unshare(v),
            Step::Known => {
                self.doubt_self_choice(v);
                if self.refers_to_definition(expr) {
                    self.doubt(Weight::Always, v, "a definition is itself");
                }
                return self.unshare(v);
            }
        };
        if let Base::Value(Value::Bottom(bottom)) = &self.vertices[target].base
            && bottom.code == Code::StructuralCycle
        {
            return Err(Stop::Error(Rc::clone(bottom)));
        }
        if required.is_some() {
            self.doubt_complex_required(arc);
        }
        self.doubt_question(arc);
        let pending = required.is_some() || self.required_pending;
        let saved = std::mem::replace(&mut self.required_pending, pending);
        let result = self.schedule_vertex(v, &Conjunct { close, ..conjunct }, arc, close);
        self.required_pending = saved;
        result
    }

    fn perform_dynamic(&mut self, v: VertexId, env: EnvId, decl: &'p Decl, close: CloseInfo) -> R<'p, ()> {
        let Decl::Dynamic { key, arc, value } = decl else { return Ok(()) };
        if self.vertices[v].parent == NO_VERTEX && has_conjunction(key) {
            // CUE may take the name before the conjunction has left one.
            self.doubt(Weight::Always, v, "a name is made of a conjunction");
        }
        let name = self.plain_value(key, env);
        self.doubt_name_of_own_field(v, key, env)?;
        let name = name?;
        if self.vertices[v].parent == NO_VERTEX {
            self.doubt_chosen_name(key, env)?;
        }
        let label = match &name {
            Value::String(text) => self.names.regular(text),
            Value::Number(_) => return self.fail(Code::Eval, "integer fields not supported", vec![]),
            name if !name.is_concrete() => {
                let template = "key value of dynamic field must be concrete, found {}";
                return self.fail(Code::Incomplete, template, vec![name.clone().into()]);
            }
            name => {
                let kind = self.kind_of(name).to_string();
                let key = Elem::Expr(key);
                return self.fail(Code::Eval, "invalid index {} (invalid type {})", vec![key.into(), kind.into()]);
            }
        };
        let field = self.insert_arc(v, label, *arc, Conjunct { env, elem: Elem::Expr(value), close })?;
        if names_sibling(key) {
            self.named_by_sibling.insert(field);
        }
        Ok(())
    }

    fn perform_list(&mut self, v: VertexId, env: EnvId, lit: &'p ListLit, close: CloseInfo) -> R<'p, ()> {
        self.update_cyclic_status(v, close)?;
        let sub = Self::sub_field(close);
        let mut elements: Vec<(EnvId, Elem<'p>)> = Vec::with_capacity(lit.elements.len());
        let mut has_comprehension = false;
        let mut failed = None;
        for element in &lit.elements {
            match element {
                Element::Value(expr) => elements.push((env, Elem::Expr(expr))),
                Element::Comprehension(comprehension) => {
                    has_comprehension = true;
                    let envs = match self.yields(comprehension, env) {
                        // What stands before counts.
                        Err(Stop::Error(error)) if self.force || !error.is_incomplete() => {
                            failed = Some(error);
                            break;
                        }
                        envs => envs?,
                    };
                    elements.extend(envs.into_iter().map(|env| (env, Elem::Struct(&comprehension.value))));
                }
            }
        }
        let length = elements.len();
        self.vertices[v].arcs.reserve(length);
        for (n, (env, elem)) in elements.into_iter().enumerate() {
            let max = self.vertices[v].node.list_len;
            if self.vertices[v].node.list_closed && n >= max {
                let node = self.vertices[v].node.list_node.clone();
                // The ellipsis counts, too.
                let written = lit.elements.len().saturating_add(usize::from(lit.ellipsis.is_some()));
                return self.list_lengths(max, written, node);
            }
            self.insert_arc(v, Label::index(n), ArcType::Member, Conjunct { env, elem, close: sub })?;
        }
        if let Some(error) = failed {
            return Err(Stop::Error(error));
        }
        if let Some(rest) = &lit.ellipsis {
            let elem = match rest {
                Some(expr) => Elem::Expr(expr),
                None => Elem::Value(Value::Top),
            };
            let from = Value::Number(Rc::new(Number::int(u64::try_from(length).unwrap_or(u64::MAX))));
            let pattern = Value::Bound(Rc::new(Bound { op: Op::GreaterEqual, value: from }));
            self.insert_pattern(v, pattern, Conjunct { env, elem, close: sub.optional() })?;
        }
        let is_closed = lit.ellipsis.is_none();
        let node = &mut self.vertices[v].node;
        let max = node.list_len;
        if length < max {
            if is_closed {
                return self.list_lengths(length, max, None);
            }
        } else if length > max
            || (is_closed && !node.list_closed)
            || (is_closed == node.list_closed && !has_comprehension)
        {
            node.list_len = length;
            node.list_node = Some(Elem::List(lit));
            node.list_closed = is_closed;
        }
        self.update_list(v, Elem::List(lit), close, is_closed);
        Ok(())
    }

    fn list_lengths<T>(&mut self, a: usize, b: usize, _node: Option<Elem<'p>>) -> R<'p, T> {
        let numbers = vec![a.to_string().into(), b.to_string().into()];
        self.fail(Code::Eval, "incompatible list lengths ({} and {})", numbers)
    }

    fn perform_list_vertex(&mut self, v: VertexId, list: VertexId, close: CloseInfo) -> R<'p, ()> {
        let elements = self.elements(list);
        let is_closed = !matches!(self.vertices[list].base, Base::List { open: true });
        let elem = Elem::Value(Value::Vertex(list));
        let node = &mut self.vertices[v].node;
        let max = node.list_len;
        if elements.len() < max && is_closed {
            return self.list_lengths(elements.len(), max, None);
        }
        if elements.len() > max {
            if node.list_closed {
                return self.list_lengths(max, elements.len(), None);
            }
            node.list_closed = is_closed;
            node.list_len = elements.len();
            node.list_node = Some(elem.clone());
        } else if elements.len() == max && is_closed {
            node.list_closed = true;
            node.list_node = Some(elem.clone());
        }
        for (n, element) in elements.into_iter().enumerate() {
            let label = Label::index(n);
            if self.vertices[element].conjuncts.is_empty() {
                let elem = Elem::Value(Value::Vertex(element));
                self.insert_arc(
                    v,
                    label,
                    ArcType::Member,
                    Conjunct { env: NO_ENV, elem, close: Self::sub_field(close) },
                )?;
                continue;
            }
            for conjunct in self.vertices[element].conjuncts.clone() {
                self.insert_arc(v, label, ArcType::Member, Conjunct { close, ..conjunct })?;
            }
        }
        self.update_list(v, elem, close, is_closed);
        Ok(())
    }

    fn update_list(&mut self, v: VertexId, elem: Elem<'p>, close: CloseInfo, is_closed: bool) {
        let node = &mut self.vertices[v].node;
        if node.kind.is_bottom() {
            return;
        }
        node.list_open = Some(node.list_open.unwrap_or(true) && !is_closed);
        if node.kind != Kind::LIST {
            self.update_kind(v, Kind::LIST, elem, close);
        }
    }

    /// The elements of a list that is known.
    pub(super) fn elements(&self, list: VertexId) -> Vec<VertexId> {
        let mut elements: Vec<VertexId> = self.unsorted_elements(list).collect();
        elements.sort_by_key(|a| self.vertices[*a].label.and_then(Label::as_index));
        elements
    }

    pub(super) fn unsorted_elements(&self, list: VertexId) -> impl Iterator<Item = VertexId> {
        let arcs = &self.vertices[list].arcs;
        self.count(steps_of(arcs.len()));
        arcs.made()
            .filter(|a| self.vertices[*a].label.is_some_and(|l| l.as_index().is_some()))
            .filter(|a| self.vertices[*a].arc == ArcType::Member)
    }

    /// Runs what ancestors have left, from the top.
    pub(super) fn complete_ancestors(&mut self, v: VertexId) -> R<'p, ()> {
        let mut chain = Vec::new();
        let mut at = self.vertices[v].parent;
        while at != NO_VERTEX && self.vertices[at].status < Status::Known && chain.len() < 1_000 {
            chain.push(at);
            at = self.vertices[at].parent;
        }
        for ancestor in chain.into_iter().rev() {
            self.init(ancestor)?;
            self.run_tasks(ancestor)?;
        }
        Ok(())
    }

    /// Whether no conjunct can come from above any more.
    pub(super) fn is_settled(&self, v: VertexId) -> bool {
        let mut child = v;
        for _ in 0..1_000 {
            let vertex = &self.vertices[child];
            if vertex.is_let || vertex.parent == NO_VERTEX {
                return true;
            }
            let parent = &self.vertices[vertex.parent];
            if parent.status >= Status::Known {
                return true;
            }
            if parent.status == Status::New || !parent.node.choices.is_empty() {
                return false;
            }
            let tasks = self.tasks_of(vertex.parent);
            let waits = tasks.iter().any(|t| t.state == State::Ready && t.may_add(vertex.label));
            if waits {
                return false;
            }
            child = vertex.parent;
        }
        false
    }
}

/// Whether a name is the value of a field beside it, or of what is in that.
fn names_sibling(key: &Expr) -> bool {
    match key {
        Expr::Field { up: 0, .. } => true,
        Expr::Selector(subject, _) | Expr::Index(subject, _) => names_sibling(subject),
        _ => false,
    }
}

/// Whether a conjunction is among the operands of an expression.
fn has_conjunction(expr: &Expr) -> bool {
    match expr {
        Expr::And(..) => true,
        Expr::Interpolation { parts, .. } => parts.iter().any(has_conjunction),
        Expr::Unary(_, operand) | Expr::Selector(operand, _) => has_conjunction(operand),
        Expr::Binary(_, left, right) | Expr::Index(left, right) => has_conjunction(left) || has_conjunction(right),
        Expr::Or { values, .. } => values.iter().any(|(value, _)| has_conjunction(value)),
        Expr::Call(_, arguments) => arguments.iter().any(has_conjunction),
        _ => false,
    }
}
