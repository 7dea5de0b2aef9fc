//! Fields come into a vertex, with the patterns that match them (`fields.go`, `constraints.go`).

use std::rc::Rc;

use super::Eval;
use super::doubt::Weight;
use super::error::R;
use super::few::Few;
use super::members::steps_of;
use super::types::{Base, CloseInfo, Conjunct, Elem, EnvId, Pattern, Status, Value, Vertex, VertexId};
use crate::expr::{ArcType, Decl, Op, StructLit};
use crate::kind::Kind;
use crate::label::{Label, LabelKind};

/// From here on, fields are looked up in a table.
const INDEX_FROM: usize = 12;

impl<'p> Eval<'p> {
    /// A field, if it is there in any form.
    pub(super) fn find_arc(&mut self, v: VertexId, label: Label) -> Option<VertexId> {
        if let Some(arc) = self.element_in_place(v, label).or_else(|| self.member(v, label)) {
            return Some(arc);
        }
        let arcs = &self.vertices[v].arcs;
        if arcs.len() < INDEX_FROM {
            return arcs.made().find(|a| self.vertices[*a].label == Some(label));
        }
        self.index.get(&(v, label)).copied()
    }

    /// An element that stands where its number says: there fields are only ever added.
    fn element_in_place(&self, v: VertexId, label: Label) -> Option<VertexId> {
        let place = usize::try_from(label.as_index()?).ok()?;
        let arc = self.vertices[v].arcs.get(place)?;
        (self.vertices[arc].label == Some(label)).then_some(arc)
    }

    pub(super) fn get_arc(&mut self, v: VertexId, label: Label, mode: ArcType) -> R<'p, (VertexId, bool)> {
        if let Some(arc) = self.find_arc(v, label) {
            self.raise_arc(v, arc, label, mode);
            return Ok((arc, false));
        }
        Ok((self.new_arc(v, label, mode, Few::None)?, true))
    }

    fn raise_arc(&mut self, v: VertexId, arc: VertexId, label: Label, mode: ArcType) {
        let known = &mut self.vertices[arc].arc;
        if mode < *known && *known != ArcType::NotPresent {
            *known = mode;
            if mode == ArcType::Member {
                self.doubt_if_missed(v, label);
            }
        }
    }

    /// A field that is not there in any form.
    fn new_arc(&mut self, v: VertexId, label: Label, mode: ArcType, conjuncts: Few<Conjunct<'p>>) -> R<'p, VertexId> {
        if mode == ArcType::Member {
            self.doubt_if_missed(v, label);
        }
        let is_let = self.names.kind(label) == LabelKind::Let;
        let is_dynamic = self.vertices[v].is_dynamic;
        let arc = self.add_vertex(Vertex {
            parent: v,
            label: Some(label),
            arc: mode,
            is_let,
            is_dynamic,
            conjuncts,
            ..Vertex::default()
        })?;
        self.push_arc(v, label, arc);
        Ok(arc)
    }

    /// Adds a field that is not there yet.
    pub(super) fn push_arc(&mut self, v: VertexId, label: Label, arc: VertexId) {
        self.vertices[v].arcs.push(arc);
        let count = self.vertices[v].arcs.len();
        if count == INDEX_FROM {
            self.index_arcs(v);
        } else if count > INDEX_FROM && self.element_in_place(v, label).is_none() {
            self.index.insert((v, label), arc);
        }
    }

    /// Puts the fields into the table, where there are many.
    pub(super) fn index_arcs(&mut self, v: VertexId) {
        if self.vertices[v].arcs.len() < INDEX_FROM {
            return;
        }
        for known in self.vertices[v].arcs.made().collect::<Vec<_>>() {
            if let Some(label) = self.vertices[known].label {
                self.index.insert((v, label), known);
            }
        }
    }

    /// Adds a conjunct to a field, which comes to be if it is not there.
    pub(super) fn insert_arc(
        &mut self,
        v: VertexId,
        label: Label,
        mode: ArcType,
        conjunct: Conjunct<'p>,
    ) -> R<'p, VertexId> {
        let known = self.find_arc(v, label);
        self.insert_found(v, label, mode, conjunct, known)
    }

    /// The same, of a field that is there as `known`, or not there.
    fn insert_found(
        &mut self,
        v: VertexId,
        label: Label,
        mode: ArcType,
        conjunct: Conjunct<'p>,
        known: Option<VertexId>,
    ) -> R<'p, VertexId> {
        self.spend(1)?;
        let Some(arc) = known else {
            let written = conjunct.elem.clone();
            let arc = self.new_arc(v, label, mode, Few::One(conjunct))?;
            if let (ArcType::Optional, Elem::Expr(expr)) = (mode, written) {
                self.note_optional(arc, expr);
            }
            self.match_patterns(v, arc, label, mode)?;
            return Ok(arc);
        };
        let pending = self.vertices[arc].arc == ArcType::Pending;
        self.raise_arc(v, arc, label, mode);
        // What a comprehension may make was not matched when its place was made.
        if self.insert_conjunct(arc, conjunct)? && pending {
            self.match_patterns(v, arc, label, mode)?;
        }
        Ok(arc)
    }

    /// Adds the members of an object of the document. No two have one name, so they are looked for only among the fields
    /// that are there before.
    pub(super) fn insert_members(
        &mut self,
        v: VertexId,
        env: EnvId,
        lit: &'p StructLit,
        close: CloseInfo,
    ) -> R<'p, ()> {
        if self.postpone(v, env, lit, close) {
            return self.spend(u64::try_from(lit.decls.len()).unwrap_or(u64::MAX));
        }
        self.make_members(v);
        let before = self.vertices[v].arcs.len();
        let mut expected = before;
        for decl in &lit.decls {
            let Decl::Field { label, arc: mode, value } = decl else { continue };
            let arcs = &self.vertices[v].arcs;
            let known = if before < INDEX_FROM && arcs.len() == expected {
                arcs.made().take(before).find(|arc| self.vertices[*arc].label == Some(*label))
            } else {
                self.find_arc(v, *label)
            };
            expected = expected.saturating_add(usize::from(known.is_none()));
            let conjunct = Conjunct { env, elem: Elem::Expr(value), close };
            self.insert_found(v, *label, *mode, conjunct, known)?;
        }
        Ok(())
    }

    pub(super) fn match_patterns(&mut self, v: VertexId, arc: VertexId, label: Label, mode: ArcType) -> R<'p, ()> {
        for n in 0..self.vertices[v].patterns.len() {
            let Some(Pattern { pattern, conjuncts }) = self.vertices[v].patterns.get(n).cloned() else { continue };
            if self.matches_pattern(&pattern, label)? {
                for conjunct in conjuncts.iter() {
                    self.add_constraint(v, arc, label, mode, conjunct.clone())?;
                }
            }
        }
        Ok(())
    }

    fn add_constraint(
        &mut self,
        v: VertexId,
        arc: VertexId,
        label: Label,
        mode: ArcType,
        conjunct: Conjunct<'p>,
    ) -> R<'p, ()> {
        let env = self.env(conjunct.env);
        let env = self.add_env(env.up, env.vertex, Some(label));
        let _ = self.get_arc(v, label, mode)?;
        self.insert_conjunct(arc, Conjunct { env, ..conjunct })?;
        Ok(())
    }

    /// Adds a conjunct to a vertex, at whatever stage that is. False if it was there already.
    fn insert_conjunct(&mut self, arc: VertexId, conjunct: Conjunct<'p>) -> R<'p, bool> {
        if self.vertices[arc].status != Status::New {
            self.mark_non_cyclic(arc, conjunct.close);
        }
        // A comprehension may add very many to one field.
        self.spend(steps_of(self.vertices[arc].conjuncts.len()))?;
        let same = self.vertices[arc].conjuncts.iter().find(|known| self.same_conjunct(known, &conjunct));
        if let Some(known) = same.map(|k| k.close.def) {
            if known != 0 {
                self.add_replacement(arc, conjunct.close.def, known);
            }
            return Ok(false);
        }
        if !self.vertices[arc].conjuncts.is_empty() {
            self.doubt_required(arc);
        }
        self.vertices[arc].conjuncts.push(conjunct.clone());
        match self.vertices[arc].status {
            Status::New => {}
            Status::Evaluating => self.located(arc, |e| e.schedule(arc, &conjunct))?,
            Status::Known | Status::Arcs | Status::Final => self.reopen(arc)?,
        }
        for (receiver, close) in self.vertices[arc].node.notify.clone() {
            match self.vertices[receiver].status {
                Status::New => {}
                Status::Evaluating => {
                    let conjunct = Conjunct { close, ..conjunct.clone() };
                    self.located(receiver, |e| e.schedule(receiver, &conjunct))?;
                }
                Status::Known | Status::Arcs | Status::Final => self.reopen(receiver)?,
            }
        }
        Ok(true)
    }

    fn same_conjunct(&self, a: &Conjunct<'p>, b: &Conjunct<'p>) -> bool {
        let same = match (&a.elem, &b.elem) {
            (Elem::Expr(a), Elem::Expr(b)) => std::ptr::eq(*a, *b),
            (Elem::Struct(a), Elem::Struct(b)) => std::ptr::eq(*a, *b),
            (Elem::Value(Value::Vertex(a)), Elem::Value(Value::Vertex(b))) => a == b,
            _ => false,
        };
        if !same {
            return false;
        }
        let (a, b) = (self.env(a.env), self.env(b.env));
        a.up == b.up && a.vertex == b.vertex
    }

    /// A vertex was evaluated, and there is more to it: all of it is evaluated again.
    pub(super) fn reopen(&mut self, v: VertexId) -> R<'p, ()> {
        self.spend(1)?;
        let vertex = &mut self.vertices[v];
        if vertex.status == Status::New || vertex.status == Status::Evaluating {
            return Ok(());
        }
        vertex.status = Status::New;
        vertex.base = Base::None;
        vertex.child_errors = None;
        vertex.patterns.clear();
        vertex.is_shared = false;
        self.doubt(Weight::Always, v, "a value gets more after it was finished");
        let vertex = &mut self.vertices[v];
        let node = std::mem::take(&mut vertex.node);
        vertex.node.notify.clone_from(&node.notify);
        vertex.node.replace.clone_from(&node.replace);
        for arc in self.arcs_of(v) {
            self.reopen_field(arc)?;
        }
        Ok(())
    }

    fn reopen_field(&mut self, v: VertexId) -> R<'p, ()> {
        self.nested(|e| {
            e.spend(1)?;
            e.doubt_if_seen(v);
            let vertex = &mut e.vertices[v];
            vertex.status = Status::New;
            vertex.arc = ArcType::Pending;
            vertex.base = Base::None;
            vertex.child_errors = None;
            vertex.conjuncts.clear();
            vertex.patterns.clear();
            vertex.is_shared = false;
            let notify = std::mem::take(&mut vertex.node.notify);
            *vertex.node = super::types::Node::default();
            vertex.node.notify = notify;
            for arc in e.arcs_of(v) {
                e.reopen_field(arc)?;
            }
            Ok(())
        })
    }

    /// Adds `[pattern]: conjunct`.
    pub(super) fn insert_pattern(&mut self, v: VertexId, pattern: Value<'p>, conjunct: Conjunct<'p>) -> R<'p, ()> {
        let mut place = None;
        for n in 0..self.vertices[v].patterns.len() {
            let Some(known) = self.vertices[v].patterns.get(n).map(|p| p.pattern.clone()) else { continue };
            if self.equal_values(&known, &pattern)? {
                place = Some(n);
                break;
            }
        }
        let conjuncts = match place {
            Some(n) => {
                let known = self.vertices[v].patterns.get(n).map(|p| p.conjuncts.clone()).unwrap_or_default();
                if let Some(same) = known.iter().find(|k| self.same_conjunct(k, &conjunct)) {
                    let src = same.close.def;
                    self.add_replacement(v, conjunct.close.def, src);
                    return Ok(());
                }
                self.vertices[v].patterns.get_mut(n).map(|p| &mut p.conjuncts)
            }
            None => {
                self.vertices[v].patterns.push(Pattern { pattern: pattern.clone(), conjuncts: Rc::default() });
                self.vertices[v].patterns.last_mut().map(|p| &mut p.conjuncts)
            }
        };
        if let Some(conjuncts) = conjuncts {
            Rc::make_mut(conjuncts).push(conjunct.clone());
        }
        for arc in self.arcs_of(v) {
            let Some(label) = self.vertices[arc].label else { continue };
            if self.matches_pattern(&pattern, label)? {
                let mode = self.vertices[arc].arc;
                self.add_constraint(v, arc, label, mode, conjunct.clone())?;
            }
        }
        Ok(())
    }

    /// Whether a label is among those that a pattern describes.
    pub(super) fn matches_pattern(&mut self, pattern: &Value<'p>, label: Label) -> R<'p, bool> {
        if !self.names.is_regular(label) {
            return Ok(false);
        }
        if let (Value::Bound(bound), Some(_)) = (pattern, label.as_index())
            && let (Op::GreaterEqual, Value::Number(from)) = (bound.op, &bound.value)
            && from.is_zero()
        {
            // What `...` stands for in `[...T]`.
            self.spend(2)?;
            return Ok(true);
        }
        let value = match label.as_index() {
            Some(index) => Value::Number(Rc::new(crate::number::Number::int(index))),
            None => Value::String(self.names.text(label)),
        };
        self.matches_value(pattern, &value)
    }

    fn matches_value(&mut self, pattern: &Value<'p>, label: &Value<'p>) -> R<'p, bool> {
        self.spend(1)?;
        let pattern = match pattern {
            Value::Vertex(v) => {
                self.know(*v, true)?;
                self.value_of(*v)
            }
            other => other.clone(),
        };
        let kind = self.kind_of(label);
        if let Value::Bottom(bottom) = &pattern {
            return Err(super::error::Stop::Error(Rc::clone(bottom)));
        }
        if !self.kind_of(&pattern).meets(kind) {
            return Ok(false);
        }
        Ok(match &pattern {
            Value::Top => true,
            Value::Basic(k) => k.meets(kind),
            Value::Bound(bound) => {
                if let (Op::Match | Op::NotMatch, Value::String(source)) = (bound.op, &bound.value) {
                    // A pattern that is no regular expression is an error, and not one that matches nothing.
                    self.regexp(source)?;
                }
                matches!(Self::caught(self.operate(bound.op, label, &bound.value))?, Ok(Value::Bool(true)))
            }
            Value::Conjunction(values) => {
                for value in values.iter() {
                    if !self.matches_value(value, label)? {
                        return Ok(false);
                    }
                }
                true
            }
            Value::Disjunction(disjunction) => {
                for value in &disjunction.values {
                    if self.matches_value(value, label)? {
                        return Ok(true);
                    }
                }
                false
            }
            _ => {
                let conjunct = |value: Value<'p>| Conjunct {
                    env: super::types::NO_ENV,
                    elem: Elem::Value(value),
                    close: CloseInfo::default(),
                };
                let v = self.inline(vec![conjunct(pattern.clone()), conjunct(label.clone())])?;
                self.finalize(v)?;
                !matches!(self.value_of(v), Value::Bottom(_))
            }
        })
    }

    /// The kind that a vertex has, as far as it is known.
    pub(super) fn vertex_kind(&self, v: VertexId) -> Kind {
        let w = self.deref(v);
        let vertex = &self.vertices[w];
        if vertex.node.kind.is_bottom() {
            return Kind::BOTTOM;
        }
        match &vertex.base {
            Base::Struct => Kind::STRUCT,
            Base::List { .. } => Kind::LIST,
            Base::Value(value) => self.kind_of(value),
            Base::Link(_) | Base::None => match &vertex.node.scalar {
                Some(scalar) => self.kind_of(scalar),
                None if vertex.node.a_struct.is_some() => Kind::STRUCT,
                None => vertex.node.kind,
            },
        }
    }
}
