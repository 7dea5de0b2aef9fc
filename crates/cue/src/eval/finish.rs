//! A vertex comes to its end: what is left is forced, validators are applied, fields are evaluated (`unify.go`).

use std::rc::Rc;

use super::Eval;
use super::doubt::Weight;
use super::error::{Bottom, Code, R, combine};
use super::types::{Base, Bound, NO_VERTEX, Status, Value, VertexId};
use crate::expr::ArcType;
use crate::kind::Kind;

impl<'p> Eval<'p> {
    /// Works out the value of the vertex itself.
    pub(super) fn finish_node(&mut self, v: VertexId) -> R<'p, ()> {
        if self.vertices[v].status >= Status::Known || self.vertices[v].node.running > 0 {
            return Ok(());
        }
        self.busy(v, |e| {
            e.run_loop(v, true)?;
            if !e.vertices[v].node.choices.is_empty() {
                let hopeless = e.hard_error(v).is_some();
                if hopeless {
                    e.vertices[v].node.choices.clear();
                } else if !e.located(v, |e| e.choose_literal(v))? {
                    e.located(v, |e| e.expand(v, true))?;
                }
            }
            e.located(v, |e| e.set_base(v))
        })
    }

    fn set_base(&mut self, v: VertexId) -> R<'p, ()> {
        if let Some((by, close)) = self.vertices[v].node.a_struct.clone() {
            self.update_kind(v, Kind::STRUCT, by, close);
        }
        if let Some((arc, _)) = self.vertices[v].node.shared.clone() {
            return self.set_shared(v, arc);
        }
        if let Base::Link(target) = self.vertices[v].base {
            let closed = self.vertices[target].closed_recursive;
            self.vertices[v].closed_recursive = closed;
            self.vertices[v].status = Status::Known;
            return Ok(());
        }
        if self.vertices[v].node.disjuncts.is_empty() {
            self.set_own_base(v)?;
        } else {
            self.finish_disjunction(v);
        }
        let node = &self.vertices[v].node;
        if node.is_def && (!node.has_top || node.has_struct) && !node.has_open_validator {
            self.vertices[v].closed_recursive = true;
        }
        self.vertices[v].status = Status::Known;
        Ok(())
    }

    fn set_shared(&mut self, v: VertexId, arc: VertexId) -> R<'p, ()> {
        let cyclic = self.is_shared_in_cycle(v);
        if !cyclic && self.has_depth_cycle(arc) && !self.is_beside_tree(v, arc) {
            self.vertices[v].base = Base::None;
            self.vertices[v].is_shared = false;
            self.report_cycle(v);
            self.vertices[v].status = Status::Known;
            return Ok(());
        }
        let vertex = &mut self.vertices[v];
        vertex.base = Base::Link(arc);
        vertex.is_shared = true;
        vertex.status = Status::Known;
        let kind = vertex.node.kind;
        for close in std::mem::take(&mut self.vertices[v].node.shared_ids) {
            self.update_info(v, kind, close, super::closed::NO_FLAGS);
        }
        if cyclic { Ok(()) } else { self.know(arc, true) }
    }

    fn set_own_base(&mut self, v: VertexId) -> R<'p, ()> {
        let node = &self.vertices[v].node;
        let known = node.scalar.is_some() || node.a_struct.is_some();
        if known && !node.cyclic.is_empty() && self.vertices[v].arc == ArcType::Member {
            self.doubt(Weight::Always, v, "a cycle was left out");
        }
        if matches!(self.vertices[v].base, Base::Value(Value::Bottom(_))) {
            return Ok(());
        }
        let node = &self.vertices[v].node;
        if let Some(scalar) = node.scalar.clone() {
            self.vertices[v].base = Base::Value(scalar.clone());
            let bounds = [self.vertices[v].node.lower.clone(), self.vertices[v].node.upper.clone()];
            for bound in bounds.into_iter().flatten() {
                if let Some(error) = self.validate_bound(&bound, &scalar)? {
                    self.add_error(v, error);
                }
            }
            return Ok(());
        }
        if let Some(open) = node.list_open {
            self.vertices[v].base = Base::List { open };
            return Ok(());
        }
        let marked = node.a_struct.is_some()
            || (node.has_structs && ((node.kind.meets(Kind::STRUCT) && !node.has_top) || self.has_regular_field(v)));
        let errors = node.errors.clone();
        self.vertices[v].base = match errors {
            _ if marked => Base::Struct,
            // Not enough is known to tell what it is.
            Some(error) if node.kind == Kind::TOP => Base::Value(Value::Bottom(error)),
            _ => Base::Value(self.validators(v)?),
        };
        Ok(())
    }

    pub(super) fn has_regular_field(&self, v: VertexId) -> bool {
        let vertex = &self.vertices[v];
        let unmade = vertex.arcs.unmade() > 0;
        unmade
            || vertex.arcs.made().any(|arc| {
                let field = &self.vertices[arc];
                // Also one that a comprehension has not made, if it will not.
                let counts = field.arc < ArcType::Pending || vertex.node.errors.is_none();
                field.arc != ArcType::Optional && counts && field.label.is_some_and(|l| self.names.is_regular(l))
            })
    }

    /// The value of a vertex that is not concrete: what constrains it.
    pub(super) fn validators(&mut self, v: VertexId) -> R<'p, Value<'p>> {
        let node = &self.vertices[v].node;
        let (lower, upper, checks) = (node.lower.clone(), node.upper.clone(), node.checks.clone());
        let kind = node.kind;
        let mut values: Vec<Value<'p>> = Vec::new();
        values.extend(lower.clone().map(Value::Bound));
        values.extend(upper.clone().map(Value::Bound));
        for check in checks {
            if let Value::Bound(bound) = &check.value
                && bound.op == crate::expr::Op::NotEqual
            {
                let mut moot = false;
                for other in [&upper, &lower].into_iter().flatten() {
                    moot |= self.simplify_bounds(kind, other, bound)?.is_some();
                }
                if moot {
                    continue;
                }
            }
            values.push(check.value);
        }
        let all = values.iter().fold(Kind::TOP, |all, value| all & self.kind_of(value));
        if !all.without(kind).is_bottom() && !values.is_empty() {
            values.push(Value::Basic(kind));
        }
        let only = if values.len() == 1 { values.pop() } else { None };
        Ok(match only {
            Some(value) => value,
            None if values.is_empty() => Value::Basic(kind),
            None => Value::Conjunction(Rc::new(values)),
        })
    }

    pub(super) fn validate_bound(&mut self, bound: &Rc<Bound<'p>>, value: &Value<'p>) -> R<'p, Option<Rc<Bottom<'p>>>> {
        match Self::caught(self.operate(bound.op, value, &bound.value))? {
            Ok(Value::Bool(true)) => Ok(None),
            Ok(_) => {
                let nodes = vec![value.clone().into(), Value::Bound(Rc::clone(bound)).into()];
                Ok(Some(self.error(Code::Eval, "invalid value {} (out of bound {})", nodes)))
            }
            Err(error) => Ok(Some(error)),
        }
    }

    /// Evaluates a vertex and all that is in it.
    pub(crate) fn finalize(&mut self, v: VertexId) -> R<'p, ()> {
        if self.vertices[v].status == Status::Final {
            return Ok(());
        }
        self.nested(|e| {
            if e.vertices[v].status < Status::Known {
                e.init(v)?;
                e.complete_ancestors(v)?;
                e.vertices[v].node.is_finalizing = true;
                e.finish_node(v)?;
            }
            if e.vertices[v].status != Status::Known {
                return Ok(());
            }
            let w = e.deref(v);
            if w != v {
                return e.finalize_link(v, w);
            }
            e.finalize_fields(v)
        })
    }

    /// Data that nothing else was unified with cannot be wrong.
    pub(super) fn is_plain_data(&self, v: VertexId) -> bool {
        let vertex = &self.vertices[v];
        match &*vertex.conjuncts {
            [only] => vertex.status == Status::New && only.close.data && vertex.arc == ArcType::Member,
            _ => false,
        }
    }

    fn finalize_link(&mut self, v: VertexId, w: VertexId) -> R<'p, ()> {
        if self.vertices[v].is_shared && self.has_ancestor(v, w) {
            // A `let` may name what it stands in, whose fields are looked at there.
            if !self.is_beside_tree(v, w) {
                self.report_cycle(v);
            }
            self.vertices[v].status = Status::Final;
            return Ok(());
        }
        self.vertices[v].status = Status::Arcs;
        let depth = self.arc_depth;
        let saved = std::mem::replace(&mut self.vertices[v].node.eval_depth, depth);
        let result = self.finalize(w);
        self.vertices[v].node.eval_depth = saved;
        result?;
        if self.vertices[v].status != Status::Arcs {
            return self.finalize(v);
        }
        let errors = self.vertices[w].child_errors.clone();
        let vertex = &mut self.vertices[v];
        vertex.child_errors = combine(vertex.child_errors.take(), errors);
        vertex.status = Status::Final;
        if let Some(error) = self.vertices[v].node.errors.clone() {
            // The alternative, or what is shared, does not help what failed beside it.
            self.vertices[v].base = Base::Value(Value::Bottom(error));
        }
        Ok(())
    }

    fn finalize_fields(&mut self, v: VertexId) -> R<'p, ()> {
        self.vertices[v].status = Status::Arcs;
        let depth = self.arc_depth;
        let saved = std::mem::replace(&mut self.vertices[v].node.eval_depth, depth);
        let result = if self.only_cyclic(v) {
            self.report_cycle(v);
            Ok(())
        } else if self.vertices[v].node.kind.is_bottom() {
            Ok(())
        } else {
            self.arc_depth = depth.saturating_add(1);
            let result = self.complete_fields(v);
            self.arc_depth = depth;
            result
        };
        self.vertices[v].node.eval_depth = saved;
        result?;
        if self.vertices[v].status != Status::Arcs {
            // More came in on the way.
            return self.finalize(v);
        }
        // Validators look at the whole value.
        self.vertices[v].status = Status::Final;
        self.doubt_left_out(v);
        self.doubt_closed_operator(v);
        self.located(v, |e| e.apply_checks(v))?;
        if let Some(error) = self.vertices[v].node.errors.take() {
            let known = match &self.vertices[v].base {
                Base::Value(Value::Bottom(bottom)) => Some(Rc::clone(bottom)),
                _ => None,
            };
            let recursive = known.as_ref().is_some_and(|k| k.has_recursive);
            if let Some(error) = combine(known, Some(Rc::clone(&error))) {
                let error = if recursive { Rc::new(Bottom { has_recursive: true, ..(*error).clone() }) } else { error };
                self.vertices[v].base = Base::Value(Value::Bottom(error));
            }
            self.vertices[v].node.errors = Some(error);
        }
        if !self.vertices[v].node.has_disjunction || self.vertices[v].is_disjunct {
            self.check_typos(v)?;
        }
        self.vertices[v].status = Status::Final;
        Ok(())
    }

    fn complete_fields(&mut self, v: VertexId) -> R<'p, ()> {
        if !self.vertices[v].node.kind.meets(Kind::STRUCT) {
            self.make_members(v);
        }
        // A member that is not made is plain data.
        let mut n = 0;
        while let Some(arc) = self.vertices[v].arcs.get(n) {
            n = n.saturating_add(1);
            if arc == NO_VERTEX {
                continue;
            }
            if self.vertices[arc].arc == ArcType::Pending {
                self.vertices[arc].arc = ArcType::NotPresent;
            }
            if self.vertices[arc].arc == ArcType::NotPresent {
                continue;
            }
            if !self.is_plain_data(arc) {
                self.finalize(arc)?;
            }
            self.check_field_kind(v, arc);
        }
        let mut n = 0;
        while let Some(arc) = self.vertices[v].arcs.get(n) {
            n = n.saturating_add(1);
            if arc == NO_VERTEX {
                continue;
            }
            let field = &self.vertices[arc];
            if field.is_let || field.arc > ArcType::Required {
                continue;
            }
            let w = self.deref(arc);
            if let Base::Value(Value::Bottom(bottom)) = &self.vertices[w].base {
                let bottom = Rc::clone(bottom);
                self.add_child_error(v, &bottom);
            }
        }
        Ok(())
    }

    /// A regular field in what is no struct.
    fn check_field_kind(&mut self, v: VertexId, arc: VertexId) {
        let field = &self.vertices[arc];
        let Some(label) = field.label else { return };
        let counts = field.arc <= ArcType::Required && label.as_index().is_none() && self.names.is_regular(label);
        if !counts || self.vertices[v].node.kind.meets(Kind::STRUCT) {
            return;
        }
        let bad = |base: &Base<'p>| matches!(base, Base::Value(Value::Bottom(_)));
        if bad(&self.vertices[v].base) || bad(&self.vertices[self.deref(arc)].base) {
            return;
        }
        let value = self.value_of(v);
        let name = format!("{:?}", self.names.selector(label).to_string());
        let template = "cannot combine regular field {} with {}";
        let error = self.located_error(v, template, vec![name.into(), value.into()]);
        self.add_error(v, error);
    }

    /// Applies validators to a value that is concrete.
    fn apply_checks(&mut self, v: VertexId) -> R<'p, ()> {
        let value = match &self.vertices[v].base {
            Base::Struct | Base::List { .. } => Value::Vertex(v),
            Base::Value(value) if value.is_concrete() => value.clone(),
            _ => return Ok(()),
        };
        let is_plain = !matches!(value, Value::Vertex(_));
        let known = self.vertices[v].node.errors.clone();
        let out_of_bounds = known.filter(|error| is_plain && error.is_out_of_bound());
        for check in std::mem::take(&mut self.vertices[v].node.checks) {
            let error = match &check.value {
                Value::Bound(bound) => self.validate_bound(bound, &value)?,
                // To a function, what is out of bounds is an error already, and its own.
                Value::Validator(_) if out_of_bounds.is_some() => out_of_bounds.as_ref().map(|error| error.again()),
                Value::Validator(validator) => self.validate_with(validator, value.clone())?,
                _ => None,
            };
            if let Some(error) = error {
                let node = &mut self.vertices[v].node;
                node.is_unfulfilled |= error.is_incomplete() && node.errors.is_none();
                self.add_error(v, error);
            }
        }
        Ok(())
    }
}
