//! Whether a verdict depends on the order in which things are looked at.
//!
//! An expression may read a value that is still being worked out: its own, or one that it adds to. CUE's answer then
//! depends on what its scheduler does first, and it refuses some of these policies for that reason alone. Here such a
//! read is a doubt, and an evaluation with doubts accepts nothing.

use std::rc::Rc;

use super::error::{Bottom, Code, R, Stop};
use super::reference::is_reference;
use super::tasks::{State, Task, TaskKind};
use super::types::{Base, Conjunct, Disjunction, Elem, NO_VERTEX, Status, Value, VertexId};
use super::{Eval, address};
use crate::builtins::{self, Builtin};
use crate::expr::{Clause, Comprehension, Decl, Expr};
use crate::kind::Kind;
use crate::label::Label;

/// What an expression has seen of a vertex.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Seen {
    #[default]
    Nothing,
    /// That it is a plain value, before all of it was known.
    Scalar,
    /// Its own value, or which fields it has.
    Itself,
    /// All that is in it.
    Whole,
}

/// When a doubt counts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Weight {
    /// Where cycles are errors: `Validate(Final)`.
    Last,
    Always,
}

/// A reason for which there is no verdict.
#[derive(Clone, Debug)]
pub(crate) struct Doubt {
    pub(super) weight: Weight,
    at: VertexId,
    what: &'static str,
}

impl<'p> Eval<'p> {
    pub(super) fn doubt(&mut self, weight: Weight, at: VertexId, what: &'static str) {
        if self.doubt.as_ref().is_none_or(|known| known.weight < weight) {
            self.doubt = Some(Doubt { weight, at, what });
        }
    }

    /// Why there is no verdict although no error was found.
    pub(crate) fn doubts(&self, least: Weight) -> Option<String> {
        let doubt = self.doubt.as_ref().filter(|doubt| doubt.weight >= least)?;
        let path = self.path(doubt.at);
        let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
        Some(format!("{path}{}, which makes the verdict depend on the order of evaluation", doubt.what))
    }

    /// Looks into what was ranged over and is no part of the result: an error in it is one of the comprehension for CUE.
    pub(crate) fn doubt_ranged(&mut self) -> R<'p, ()> {
        self.doubt_odd()?;
        self.doubt_own_embeddings()?;
        self.doubt_read_early()?;
        self.doubt_unmade();
        self.doubt_early_parts()?;
        self.doubt_patterned()?;
        self.doubt_conjunctions()?;
        self.doubt_lets();
        self.doubt_conditional_subjects();
        for v in std::mem::take(&mut self.lets_of_clauses) {
            let used = self.vertices[v].status >= Status::Known;
            let plain = self.vertices[self.deref(v)].node.scalar.is_some();
            if used && !plain {
                // CUE finds cycles in some of these that are none.
                self.doubt(Weight::Always, v, "a let clause of a comprehension names what is no plain value");
            }
        }
        for v in std::mem::take(&mut self.inlines) {
            if self.has_error_within(v)? {
                // CUE looks into some of these, however little of it is used.
                self.doubt(Weight::Always, v, "a value within an expression has an error");
            }
        }
        for v in std::mem::take(&mut self.ranged) {
            self.finalize(v)?;
            if self.own_error(v).is_some_and(|error| !error.is_incomplete()) {
                self.doubt(Weight::Always, v, "a comprehension ranges over what has an error");
            }
        }
        Ok(())
    }

    /// Whether what is no part of the result has an error. What is doubtful in it has not been used.
    pub(super) fn has_error_within(&mut self, v: VertexId) -> R<'p, bool> {
        let known = self.doubt.clone();
        self.finalize(v)?;
        self.doubt = known;
        Ok(self.own_error(v).is_some_and(|error| !error.is_incomplete()))
    }

    /// An expression has used a vertex.
    pub(super) fn mark_seen(&mut self, v: VertexId, seen: Seen) {
        for v in [v, self.deref(v)] {
            if self.vertices[v].seen < seen {
                self.vertices[v].seen = seen;
            }
        }
    }

    /// A vertex gets more, after all.
    pub(super) fn doubt_if_seen(&mut self, v: VertexId) {
        if self.vertices[v].seen > Seen::Scalar || self.is_within_seen(v) {
            self.doubt(Weight::Always, v, "a value was used, and then changed");
        }
    }

    /// A plain value that was used already turns out to be incomplete.
    pub(super) fn doubt_late_error(&mut self, v: VertexId, error: &Bottom<'p>) {
        if self.vertices[v].seen == Seen::Scalar && error.is_incomplete() {
            self.doubt(Weight::Always, v, "a value was used, and then found to be incomplete");
        }
    }

    fn is_within_seen(&self, v: VertexId) -> bool {
        let mut at = self.vertices[v].parent;
        while at != NO_VERTEX {
            if self.vertices[at].seen == Seen::Whole {
                return true;
            }
            at = self.vertices[at].parent;
        }
        false
    }

    /// A field was missed for good.
    pub(super) fn mark_missed(&mut self, v: VertexId, label: Label) {
        self.note_own_read_of(v, vec![label]);
        if !self.force {
            return;
        }
        self.missed.insert((v, label));
        let adds = |task: &Task<'p>| {
            let comprehension = matches!(task.kind, TaskKind::Comprehension(_));
            comprehension && task.state == State::Running && task.may_add(Some(label))
        };
        if self.tasks_of(v).iter().any(adds) {
            self.doubt(Weight::Always, v, "a comprehension misses a field that it may add");
        }
    }

    /// A field was missed where more than the struct itself decides what that means.
    pub(super) fn doubt_if_unfinished(&mut self, v: VertexId, label: Label) {
        let vertex = &self.vertices[v];
        let simple = !vertex.closed_once
            && !vertex.closed_recursive
            && !vertex.node.has_disjunction
            && vertex.node.a_struct.is_some()
            && label.as_index().is_none()
            && !self.tasks_of(v).iter().any(|task| {
                task.state == State::Running && matches!(task.kind, TaskKind::Resolve(_) | TaskKind::Expr(_))
            });
        if vertex.node.list_open == Some(false) && vertex.status < Status::Known && self.force {
            self.doubt(Weight::Always, v, "an element is missed in a list that is being made");
            return;
        }
        if vertex.node.running == 0 {
            return;
        }
        if !simple {
            self.met_unfinished = self.met_unfinished.saturating_add(1);
        }
        if !vertex.node.has_structs {
            self.doubt(Weight::Last, v, "a field is missed in a value that is being made");
        }
        if !self.force {
            return;
        }
        if !simple {
            self.doubt(Weight::Always, v, "a field is missed in a value that is being made");
        }
    }

    /// CUE fails to compare what comes from a required field that is missing.
    pub(super) fn doubt_required(&mut self, v: VertexId) {
        if self.required_pending {
            self.doubt(Weight::Always, v, "a required field that is missing is compared");
        }
    }

    /// CUE looks into a required field that is missing, and what it finds there may be an error.
    pub(super) fn doubt_complex_required(&mut self, v: VertexId) {
        let plain = |conjunct: &Conjunct<'p>| match &conjunct.elem {
            Elem::Expr(Expr::Struct(lit)) => !lit.has_embedding,
            Elem::Expr(Expr::Basic(_) | Expr::Bound(..) | Expr::Top | Expr::List(_)) => true,
            Elem::Expr(expr) => self.clauses_within == NO_VERTEX && self.refers_to_definition(expr),
            _ => false,
        };
        if !self.vertices[v].conjuncts.iter().all(plain) {
            self.doubt(Weight::Always, v, "a required field that is missing is looked into");
        }
    }

    /// A reference to a required field that is missing, or a struct that takes one in, has an error and fields too: CUE uses
    /// the one or the others, by what it has looked at before.
    pub(super) fn doubtful_error(&mut self, v: VertexId, w: VertexId) -> Option<Rc<Bottom<'p>>> {
        let mut at = v;
        while !self.vertices[at].node.lacks_required {
            match self.vertices[at].base {
                Base::Link(target) if at != w => at = target,
                _ => return None,
            }
        }
        let node = &self.vertices[w].node;
        let plain = node.scalar.is_some() || !node.kind.meets(Kind::STRUCT);
        if at != w || plain || node.a_struct.is_some() || node.list_open.is_some() {
            self.doubt(Weight::Always, v, "a value is known, and incomplete too");
        }
        self.vertices[at].node.errors.clone()
    }

    /// A comprehension uses a field beside it that has no value: a cycle, or only incomplete.
    pub(super) fn doubt_failed_beside(&mut self, v: VertexId) {
        let parent = self.vertices[v].parent;
        let conditional =
            |task: &Task<'p>| task.state == State::Running && matches!(task.kind, TaskKind::Comprehension(_));
        if self.tasks_of(parent).iter().any(conditional) {
            self.doubt(Weight::Last, v, "a comprehension uses a field that has no value");
        }
    }

    /// CUE uses the value of a required field that is missing, and tells both errors.
    pub(super) fn doubt_known_required(&mut self, v: VertexId) -> R<'p, ()> {
        let required = self.required.take();
        self.know(v, false)?;
        self.required = required;
        if self.vertices[self.deref(v)].node.scalar.is_some() {
            self.doubt(Weight::Always, v, "the value of a required field that is missing is used");
        }
        Ok(())
    }

    /// The fields of a value are counted while a name is computed that may be one of them.
    pub(super) fn doubt_own_name(&mut self, v: VertexId) {
        let mut at = self.vertices[v].parent;
        while at != NO_VERTEX {
            let naming = |task: &Task<'p>| task.state == State::Running && matches!(task.kind, TaskKind::Dynamic(_));
            if self.tasks_of(at).iter().any(naming) {
                self.doubt(Weight::Always, v, "the name of a field depends on which fields there are");
                return;
            }
            at = self.vertices[at].parent;
        }
    }

    /// The name of a field is the value of one beside it whose name is that of a third: CUE may leave the first one out.
    pub(super) fn doubt_chained_name(&mut self, v: VertexId, arc: VertexId) {
        let naming = |task: &Task<'p>| task.state == State::Running && matches!(task.kind, TaskKind::Dynamic(_));
        if self.named_by_sibling.contains(&arc) && self.tasks_of(v).iter().any(naming) {
            self.doubt(Weight::Always, arc, "the name of a field depends on another one's");
        }
    }

    /// What a comprehension ranges over is what a comprehension within it adds to: CUE counts that even if it adds nothing.
    pub(super) fn doubt_own_range(&mut self, v: VertexId) {
        let mut at = v;
        while at != NO_VERTEX {
            let (parent, label) = (self.vertices[at].parent, self.vertices[at].label);
            let adds = |task: &Task<'p>| match (&task.kind, label) {
                (TaskKind::Comprehension(comprehension), Some(label)) => {
                    task.state == State::Running && adds_within(comprehension, label)
                }
                _ => false,
            };
            if self.tasks_of(parent).iter().any(adds) {
                self.doubt(Weight::Always, v, "a comprehension ranges over what it may add to");
                return;
            }
            at = parent;
        }
    }

    /// The same for what the clauses use as a whole.
    pub(super) fn doubt_seen_within(&mut self, v: VertexId, comprehension: &Comprehension) {
        let seen = |e: &Self, v: VertexId| e.vertices[v].seen >= Seen::Itself;
        let used = self.vertices[v].arcs.made().find(|arc| {
            let adds = self.vertices[*arc].label.is_some_and(|label| adds_within(comprehension, label));
            adds && (seen(self, *arc) || self.vertices[*arc].arcs.made().any(|field| seen(self, field)))
        });
        if let Some(arc) = used {
            self.doubt(Weight::Always, arc, "a comprehension uses what it may add to");
        }
    }

    /// CUE loses alternatives within an expression that are references to structs.
    pub(super) fn doubt_inline_alternatives(&mut self, value: &Value<'p>) {
        if let Value::Disjunction(disjunction) = value
            && disjunction.values.iter().any(|value| self.kind_of(value).meets(Kind::STRUCT | Kind::LIST))
        {
            self.doubt(Weight::Always, self.at, "alternatives within an expression are structs or lists");
        }
    }

    /// CUE may hold alternatives apart that are the same struct.
    pub(super) fn doubt_choice_of_structs(&mut self, w: VertexId) {
        if matches!(self.vertices[w].base, Base::Struct) {
            self.doubt(Weight::Always, self.at, "alternatives of a conjunction within an expression may be the same");
        }
    }

    /// Whether there is a value is asked of what a comprehension makes, under another name.
    pub(super) fn doubt_asked_by_maker(&mut self, v: VertexId, w: VertexId) {
        let (parent, label) = (self.vertices[w].parent, self.vertices[w].label);
        let makes = |task: &Task<'p>| {
            let comprehension = matches!(task.kind, TaskKind::Comprehension(_));
            comprehension && task.state == State::Running && task.may_add(label)
        };
        if v != w && self.tasks_of(parent).iter().any(makes) {
            self.doubt(Weight::Always, v, "a comprehension asks for what it may add to");
        }
    }

    /// A struct takes in a field of its own that has that field again.
    fn doubt_own_embeddings(&mut self) -> R<'p, ()> {
        for (v, arc) in std::mem::take(&mut self.own_embeddings) {
            self.doubt_own_element(v, arc);
            let w = self.deref(arc);
            if self.own_error(w).is_some_and(|error| error.is_incomplete()) {
                self.doubt(Weight::Always, arc, "a struct takes in a field of its own that is not known");
            }
            for field in [arc, w] {
                let vertex = &self.vertices[field];
                let Some(label) = vertex.label.filter(|_| vertex.parent == v) else { continue };
                let mut again = self.find_arc(w, label).is_some();
                for pattern in self.vertices[w].patterns.clone() {
                    again |= self.matches_pattern(&pattern.pattern, label)?;
                }
                if again {
                    self.doubt(Weight::Always, arc, "a struct takes in a field of its own that has the field again");
                }
            }
        }
        Ok(())
    }

    /// CUE does not always apply the validators of a conjunction within an expression.
    pub(super) fn doubt_unchecked(&mut self, v: VertexId) -> R<'p, ()> {
        let value = match self.value_of(v) {
            value if value.is_concrete() => value,
            _ => return Ok(()),
        };
        for check in self.vertices[self.deref(v)].node.checks.clone() {
            let failed = match &check.value {
                Value::Bound(bound) => self.validate_bound(bound, &value)?.is_some(),
                Value::Validator(validator) => self.validate_with(validator, value.clone())?.is_some(),
                _ => false,
            };
            if failed {
                self.doubt(Weight::Always, self.at, "a value within an expression is not valid");
            }
        }
        Ok(())
    }

    /// Asked whether a part of a conjunction has a value, CUE counts an error in any part of it.
    pub(super) fn doubt_error_beside(&mut self, expr: &Expr, v: VertexId) -> R<'p, ()> {
        let is_part = self.question.is_some_and(|whole| whole != address(expr));
        if !matches!(expr, Expr::And(..)) {
            return Ok(());
        }
        if !is_part {
            self.conjunctions.push(v);
            return Ok(());
        }
        self.doubt_error_within(v)
    }

    /// Where anything is asked whether it has a value, an error in a part of a conjunction may be the answer.
    fn doubt_conjunctions(&mut self) -> R<'p, ()> {
        for v in std::mem::take(&mut self.conjunctions) {
            if self.has_asked {
                self.doubt_error_within(v)?;
            }
        }
        Ok(())
    }

    fn doubt_error_within(&mut self, v: VertexId) -> R<'p, ()> {
        self.finalize(v)?;
        if self.own_error(v).is_some_and(|error| error.child_error && !error.is_incomplete()) {
            self.doubt(Weight::Always, self.at, "a part is asked for of a conjunction that has an error");
        }
        Ok(())
    }

    /// A `let` clause that asks whether there is a value, as a value of its own: it may ask for where it stands.
    pub(super) fn doubt_question(&mut self, arc: VertexId) {
        let asks = |conjunct: &Conjunct<'p>| match &conjunct.elem {
            Elem::Expr(Expr::Binary(_, left, right)) => {
                matches!(**left, Expr::Bottom) || matches!(**right, Expr::Bottom)
            }
            _ => false,
        };
        if self.vertices[arc].is_let && self.vertices[arc].conjuncts.iter().any(asks) {
            self.doubt(Weight::Always, arc, "a let clause asks for a value");
        }
    }

    /// CUE has no value yet for what is only a reference to a struct, or to a type, where an operator uses it.
    pub(super) fn doubt_shared(&mut self, expr: &Expr, value: &Value<'p>) {
        let v = self.referred;
        let conjuncts = &self.vertices[v].conjuncts;
        if !is_reference(expr) || conjuncts.is_empty() || conjuncts.iter().any(|conjunct| gives_value(&conjunct.elem)) {
            return;
        }
        let weight = match value {
            Value::Vertex(w) if self.vertex_kind(*w) == Kind::STRUCT => Weight::Always,
            Value::Vertex(_) | Value::Basic(_) | Value::Bound(_) | Value::Conjunction(_) => Weight::Last,
            _ => return,
        };
        self.doubt(weight, v, "an operator uses what is only a reference");
    }

    /// A value is done, and something that adds to it has not been looked at.
    pub(super) fn doubt_left_out(&mut self, v: VertexId) {
        let node = &self.vertices[v].node;
        let hopeless = node.errors.as_ref().is_some_and(|error| !error.is_incomplete());
        if !hopeless && !node.has_disjunction && node.tasks.iter().any(|task| task.state != State::Done) {
            self.doubt(Weight::Always, v, "a value is done before all that adds to it");
        }
    }

    /// CUE waits for what is missing until it has looked at the whole policy, which waits for the answer.
    pub(super) fn doubt_missing_elsewhere(&mut self) {
        let v = self.at;
        if self.root_task && !self.is_conditional(v) {
            self.doubt(Weight::Always, v, "the policy depends on a field that asks for what is missing");
        }
    }

    /// Whether a comprehension of the value is under way.
    pub(super) fn is_conditional(&self, v: VertexId) -> bool {
        let runs = |task: &Task<'p>| task.state == State::Running && matches!(task.kind, TaskKind::Comprehension(_));
        self.tasks_of(v).iter().any(runs)
    }

    /// CUE may take the closed alternative for the open one, or the other way round.
    pub(super) fn doubt_similar_alternative(&mut self, a: VertexId, b: VertexId) -> R<'p, ()> {
        let (x, y) = (self.deref(a), self.deref(b));
        self.doubt_patterned_alternative(x, y)?;
        let structs = [x, y].iter().all(|v| {
            let vertex = &self.vertices[*v];
            vertex.status == Status::Final && matches!(vertex.base, Base::Struct)
        });
        let closed = |v: VertexId| self.vertices[v].closed_recursive || self.vertices[v].closed_once;
        let differ = self.vertices[x].has_ellipsis != self.vertices[y].has_ellipsis;
        if structs && differ && (closed(x) || closed(y)) && self.equal_data(&Value::Vertex(x), &Value::Vertex(y))? {
            self.doubt(Weight::Always, a, "a closed and an open alternative are the same");
        }
        Ok(())
    }

    /// Alternatives that differ in what they admit only may be one for CUE.
    pub(super) fn doubt_same_alternatives(&mut self, disjunction: &Disjunction<'p>) -> R<'p, ()> {
        for (n, a) in disjunction.values.iter().enumerate() {
            for b in disjunction.values.iter().skip(n.saturating_add(1)).take(16) {
                if matches!((a, b), (Value::Vertex(_), Value::Vertex(_))) && self.equal_data(a, b)? {
                    self.doubt(Weight::Always, self.at, "alternatives may be the same");
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// CUE does not let a comparer add to some of the structs that it sorts.
    pub(super) fn doubt_closed_items(&mut self, builtin: &Builtin, args: &[builtins::Value]) {
        let sorts = builtin.package == "list" && builtin.name.contains("Sort");
        let unsure = |item: &builtins::Value| {
            matches!(item, builtins::Value::Struct { closed: true, .. } | builtins::Value::Incomplete { .. })
        };
        if let (true, Some(builtins::Value::List { items, .. })) = (sorts, args.first())
            && items.iter().any(unsure)
        {
            self.doubt(Weight::Always, self.at, "closed structs or constraints are sorted");
        }
    }

    /// A value within an expression takes over one that is under way.
    pub(super) fn doubt_unfinished_part(&mut self, v: VertexId, arc: VertexId) {
        let (vertex, other) = (&self.vertices[v], &self.vertices[arc].node);
        if other.running == 0 || other.scalar.is_some() {
            return;
        }
        if vertex.is_dynamic || vertex.is_disjunct || self.vertices[arc].is_let {
            self.doubt(Weight::Always, arc, "a value is used to make itself");
        }
        self.met_unfinished = self.met_unfinished.saturating_add(1);
    }

    /// A field comes to be.
    pub(super) fn doubt_if_missed(&mut self, v: VertexId, label: Label) {
        if self.vertices[v].seen > Seen::Scalar || self.missed.contains(&(v, label)) {
            self.doubt(Weight::Always, v, "a field was missed, and then made");
        }
    }

    /// What CUE makes of a cycle here depends on how far it has come.
    pub(super) fn doubt_cycle<T>(&mut self, result: R<'p, T>) -> R<'p, T> {
        if let Err(Stop::Error(error)) = &result
            && error.code == Code::Cycle
        {
            self.doubt(Weight::Always, self.at, "a value is used to make itself");
        }
        result
    }
}

/// Whether a comprehension within another may add the field.
fn adds_within(comprehension: &Comprehension, label: Label) -> bool {
    comprehension.value.decls.iter().any(|decl| match decl {
        Decl::Comprehension(inner) => {
            let adds = |decl: &Decl| match decl {
                Decl::Field { label: field, .. } => *field == label,
                Decl::Dynamic { .. } | Decl::Pattern { .. } => true,
                _ => false,
            };
            inner.value.decls.iter().any(adds) || adds_within(inner, label)
        }
        _ => false,
    })
}

/// Whether a conjunct says by itself what the value is.
fn gives_value(elem: &Elem<'_>) -> bool {
    let given = |expr: &Expr| match expr {
        Expr::Top | Expr::Call(..) => false,
        expr => !is_reference(expr),
    };
    match elem {
        Elem::Expr(Expr::And(left, right)) => [left, right].iter().any(|side| gives_value(&Elem::Expr(side))),
        Elem::Expr(expr) => given(expr),
        Elem::Value(Value::Top) => false,
        _ => true,
    }
}

pub(super) fn has_let(comprehension: &Comprehension) -> bool {
    comprehension.clauses.iter().any(|clause| matches!(clause, Clause::Let { .. }))
}
