//! Which fields beside it a comprehension finds finished, their validators applied.
//!
//! CUE gives a comprehension to the fields that it may make, and works the fields of a struct out one after the other:
//! what stands before the first of them is finished when the clauses are looked at, and what stands behind is not. A list
//! that has too few items is incomplete once it is finished, and a list before that.

use super::doubt::{Weight, has_let};
use super::error::R;
use super::reference::is_reference;
use super::types::{Base, Conjunct, Elem, EnvId, NO_VERTEX, Status, Value, VertexId};
use super::{Eval, address};
use crate::expr::{ArcType, Comprehension, Decl, Expr};
use crate::label::Label;

/// A comprehension whose clauses are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Making {
    /// The struct that it stands in.
    within: VertexId,
    /// The place of the first field that it may make.
    first: usize,
    /// CUE may look at the clauses sooner: something else asks for a field that it may make, or for what its clauses use.
    unsure: bool,
}

impl<'p> Eval<'p> {
    pub(super) fn making(&self, v: VertexId, comprehension: &Comprehension) -> Making {
        let mut labels = Vec::new();
        if !made_by(comprehension, &mut labels) {
            // It belongs to the struct itself, which is looked at first.
            return Making { within: v, first: 0, unsure: false };
        }
        let arcs = &self.vertices[v].arcs;
        let place = |arc: VertexId| self.vertices[arc].label.is_some_and(|label| labels.contains(&label));
        let first = arcs.position(place).unwrap_or(0);
        let within = self.vertices[v].label;
        let referred = labels.iter().any(|label| self.names.is_referred(within, *label));
        let unsure = referred || !self.vertices[v].node.is_finalizing;
        Making { within: v, first, unsure }
    }

    /// Something else is worked out on the way: where CUE has done that is not known.
    pub(super) fn making_elsewhere(&self) -> Option<Making> {
        self.making.map(|making| Making { unsure: true, ..making })
    }

    /// Works out what stands before a comprehension, in order, where a validator may find something missing.
    pub(super) fn finish_before(&mut self, making: Making) -> R<'p, ()> {
        let demanding = ["MinItems", "MinFields", "MatchN"].iter().any(|name| self.names.refers_to(name));
        if making.unsure || !demanding {
            return Ok(());
        }
        for place in 0..making.first {
            let Some(arc) = self.vertices[making.within].arcs.get(place).filter(|arc| *arc != NO_VERTEX) else {
                continue;
            };
            let vertex = &self.vertices[arc];
            if vertex.arc != ArcType::Member || vertex.is_let || vertex.node.running > 0 {
                continue;
            }
            self.know(arc, false)?;
            if self.is_to_be_validated(self.deref(arc)) {
                self.finalize(arc)?;
            }
        }
        Ok(())
    }

    /// Whether validators look at a list or struct once it is finished.
    fn is_to_be_validated(&self, w: VertexId) -> bool {
        let node = &self.vertices[w].node;
        let composite = node.list_open.is_some() || node.a_struct.is_some() || node.has_structs;
        self.vertices[w].status == Status::Known && !node.checks.is_empty() && composite
    }

    /// The clauses of a comprehension use a list or struct that has validators.
    pub(super) fn finish_earlier(&mut self, v: VertexId) -> R<'p, ()> {
        let Some(making) = self.making else { return Ok(()) };
        let w = self.deref(v);
        if !self.is_to_be_validated(w) {
            return Ok(());
        }
        let mut at = v;
        while self.vertices[at].parent != making.within {
            at = self.vertices[at].parent;
            if at == NO_VERTEX {
                return Ok(());
            }
        }
        let place = self.vertices[making.within].arcs.position(|arc| arc == at);
        if place.is_none_or(|place| place >= making.first) {
            return Ok(());
        }
        if making.unsure {
            self.read_early.push(w);
            return Ok(());
        }
        self.finalize(w)
    }

    /// Whether a list or struct is wanted here, as a whole: while it is incomplete, so is what uses it. An operator may
    /// find that it is no plain value, whatever is in it.
    pub(super) fn is_taken_whole(&self, w: VertexId, expr: &Expr) -> bool {
        self.taken_whole == Some(address(expr)) && !self.is_around(w)
    }

    /// Whether what is looked at stands in this value.
    pub(super) fn is_around(&self, w: VertexId) -> bool {
        let mut at = self.at;
        while at != NO_VERTEX && at != w {
            at = self.vertices[at].parent;
        }
        at == w
    }

    /// A comprehension ranges over what it stands in, and a `let` clause of it names a part of that: a cycle for CUE where
    /// cycles count.
    pub(super) fn doubt_range_around(&mut self, comprehension: &Comprehension, w: VertexId) {
        if has_let(comprehension) && self.is_around(w) {
            self.doubt(Weight::Last, w, "a comprehension with a let clause ranges over what it stands in");
        }
    }

    /// `for v in [int] {a: v != _|_}`: CUE asks once more when all is done, and finds no value then where the element is
    /// neither written out nor a reference. In a condition it asks once.
    pub(super) fn doubt_asked_of_inline(&mut self, w: VertexId) {
        let mut root = w;
        while self.vertices[root].parent != NO_VERTEX {
            root = self.vertices[root].parent;
        }
        if self.in_clause
            || root == w
            || !self.vertices[root].is_dynamic
            || matches!(self.vertices[w].base, Base::Struct | Base::List { .. })
        {
            return;
        }
        let is_plain = |conjunct: &Conjunct<'p>| match conjunct.elem {
            Elem::Expr(expr) => is_reference(expr) || is_written_out(expr),
            // It holds a value, as the base tells.
            Elem::Struct(_) | Elem::List(_) => false,
            _ => true,
        };
        if !self.vertices[w].conjuncts.iter().all(is_plain) {
            self.doubt(Weight::Always, w, "whether there is an element is asked where it is used");
        }
    }

    /// Whether an element is asked for of what is no struct that is known.
    pub(super) fn indexes_no_struct(&mut self, operand: &'p Expr, env: EnvId) -> R<'p, bool> {
        let Expr::Index(subject, _) = operand else { return Ok(false) };
        let value = Self::caught(self.evaluate(subject, env))?;
        let Ok(Value::Vertex(v)) = value else { return Ok(true) };
        let w = self.deref(v);
        let is_struct = self.vertices[w].status >= Status::Known && matches!(self.vertices[w].base, Base::Struct);
        Ok(!is_struct || self.vertices[w].node.has_disjunction)
    }

    /// What was read before its validators were applied turns out to be incomplete.
    pub(super) fn doubt_read_early(&mut self) -> R<'p, ()> {
        while let Some(v) = self.read_early.pop() {
            self.finalize(v)?;
            if self.vertices[v].node.is_unfulfilled {
                self.doubt(Weight::Always, v, "a comprehension uses what is not valid yet");
            }
        }
        Ok(())
    }
}

/// Collects the fields that a comprehension may make. False if it may make others.
fn made_by(comprehension: &Comprehension, labels: &mut Vec<Label>) -> bool {
    let decls = &comprehension.value.decls;
    let named = decls.iter().all(|decl| match decl {
        Decl::Field { label, .. } => {
            labels.push(*label);
            true
        }
        Decl::Comprehension(inner) => made_by(inner, labels),
        Decl::Let { .. } => true,
        _ => false,
    });
    named && !decls.is_empty()
}

/// Whether an expression gives a value that is there already, or a new list: nothing is unified for it.
pub(super) fn names_plainly(expr: &Expr) -> bool {
    match expr {
        Expr::Field { .. } | Expr::Let { .. } | Expr::Value { .. } => true,
        Expr::Selector(subject, _) | Expr::Index(subject, _) => names_plainly(subject),
        Expr::List(_) | Expr::Call(..) => true,
        _ => false,
    }
}

fn is_written_out(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Null
            | Expr::Bool(_)
            | Expr::Number(_)
            | Expr::String(_)
            | Expr::Excerpt(_)
            | Expr::Bytes(_)
            | Expr::Top
            | Expr::Or { .. }
    )
}
