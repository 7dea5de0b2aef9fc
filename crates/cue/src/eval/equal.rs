//! Whether values are the same (`equality.go`).

use std::rc::Rc;

use super::Eval;
use super::error::{Bottom, Code, R};
use super::types::{Base, Function, Status, Validator, Value, VertexId};
use crate::expr::ArcType;

/// What is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Compare {
    /// Regular fields, defaults taken: data.
    Data,
    /// Everything, closedness too.
    Structure,
}

impl<'p> Eval<'p> {
    pub(super) fn equal_data(&mut self, a: &Value<'p>, b: &Value<'p>) -> R<'p, bool> {
        self.equal(a, b, Compare::Data)
    }

    pub(super) fn equal_structure(&mut self, a: &Value<'p>, b: &Value<'p>) -> R<'p, bool> {
        self.equal(a, b, Compare::Structure)
    }

    pub(super) fn equal_values(&mut self, a: &Value<'p>, b: &Value<'p>) -> R<'p, bool> {
        self.equal(a, b, Compare::Structure)
    }

    fn equal(&mut self, a: &Value<'p>, b: &Value<'p>, compare: Compare) -> R<'p, bool> {
        self.spend(1)?;
        for value in [a, b] {
            // Plain data is looked into only where it counts.
            if let Value::Vertex(v) = value
                && self.vertices[*v].status == Status::New
            {
                self.nested(|e| e.finalize(*v))?;
            }
        }
        if let (Value::Vertex(a), Value::Vertex(b), Compare::Structure) = (a, b, compare) {
            // Definitions beside a scalar count too.
            let (a, b) = (self.deref(*a), self.deref(*b));
            if !self.nested(|e| e.equal_fields(a, b, compare))? {
                return Ok(false);
            }
        }
        let (a, b) = (self.compared(a, compare)?, self.compared(b, compare)?);
        match (&a, &b) {
            (Value::Vertex(a), Value::Vertex(b)) => self.nested(|e| e.equal_vertices(*a, *b, compare)),
            (Value::Bottom(_), Value::Bottom(_)) | (Value::Top, Value::Top) => Ok(true),
            (Value::Bound(a), Value::Bound(b)) => Ok(a.op == b.op && self.equal(&a.value, &b.value, compare)?),
            (Value::Basic(a), Value::Basic(b)) => Ok(a == b),
            (Value::Conjunction(a), Value::Conjunction(b)) => self.equal_lists(a, b, compare),
            (Value::Disjunction(a), Value::Disjunction(b)) => self.equal_lists(&a.values, &b.values, compare),
            (Value::Validator(a), Value::Validator(b)) => Ok(Rc::ptr_eq(a, b)),
            (a, b) => Ok(self.scalar_equal(a, b)),
        }
    }

    fn compared(&mut self, value: &Value<'p>, compare: Compare) -> R<'p, Value<'p>> {
        let value = match value {
            Value::Vertex(v) => self.value_of(*v),
            value => value.clone(),
        };
        match &value {
            Value::Disjunction(d) if compare == Compare::Data && d.defaults == 1 => match d.values.first().cloned() {
                Some(default) => self.compared(&default, compare),
                None => Ok(value),
            },
            _ => Ok(value),
        }
    }

    fn equal_lists(&mut self, a: &[Value<'p>], b: &[Value<'p>], compare: Compare) -> R<'p, bool> {
        if a.len() != b.len() {
            return Ok(false);
        }
        for (a, b) in a.iter().zip(b) {
            if !self.equal(a, b, compare)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn equal_vertices(&mut self, a: VertexId, b: VertexId, compare: Compare) -> R<'p, bool> {
        let (a, b) = (self.deref(a), self.deref(b));
        if a == b {
            return Ok(true);
        }
        let same_base = match (&self.vertices[a].base, &self.vertices[b].base) {
            (Base::Struct, Base::Struct) => true,
            (Base::List { open: x }, Base::List { open: y }) => compare == Compare::Data || x == y,
            _ => false,
        };
        if !same_base {
            return Ok(false);
        }
        if compare == Compare::Structure {
            let closed = |v: VertexId| {
                (self.vertices[v].closed_recursive || self.vertices[v].closed_once) && !self.vertices[v].has_ellipsis
            };
            if closed(a) != closed(b) {
                return Ok(false);
            }
        }
        if compare == Compare::Data && !self.equal_fields(a, b, compare)? {
            return Ok(false);
        }
        if compare == Compare::Structure {
            return self.equal_patterns(a, b);
        }
        Ok(true)
    }

    fn equal_fields(&mut self, a: VertexId, b: VertexId, compare: Compare) -> R<'p, bool> {
        let (fields, others) = (self.compared_fields(a, compare), self.compared_fields(b, compare));
        if fields.len() != others.len() {
            return Ok(false);
        }
        for field in fields {
            let Some(label) = self.vertices[field].label else { return Ok(false) };
            let Some(other) = self.find_arc(b, label) else { return Ok(false) };
            if self.vertices[field].arc != self.vertices[other].arc {
                return Ok(false);
            }
            if !self.equal(&Value::Vertex(field), &Value::Vertex(other), compare)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Alternatives that admit other fields are other alternatives.
    fn equal_patterns(&mut self, a: VertexId, b: VertexId) -> R<'p, bool> {
        let (x, y) = (self.vertices[a].patterns.clone(), self.vertices[b].patterns.clone());
        if x.len() != y.len() {
            return Ok(false);
        }
        for (x, y) in x.iter().zip(&y) {
            if x.conjuncts.len() != y.conjuncts.len() || !self.equal(&x.pattern, &y.pattern, Compare::Structure)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn compared_fields(&mut self, v: VertexId, compare: Compare) -> Vec<VertexId> {
        let max = if compare == Compare::Structure { ArcType::Optional } else { ArcType::Required };
        let fields = self.arcs_of(v).into_iter();
        fields
            .filter(|a| self.vertices[*a].arc <= max && !self.vertices[*a].is_let)
            .filter(|a| {
                compare == Compare::Structure || self.vertices[*a].label.is_some_and(|l| self.names.is_regular(l))
            })
            .collect()
    }

    pub(super) fn same_validator(&mut self, a: &Rc<Validator<'p>>, b: &Rc<Validator<'p>>) -> R<'p, bool> {
        if Rc::ptr_eq(a, b) {
            return Ok(true);
        }
        let same = match (a.function, b.function) {
            (Function::Core(a), Function::Core(b)) => a == b,
            (Function::Package(a), Function::Package(b)) => std::ptr::eq(a, b),
            _ => false,
        };
        Ok(same && self.equal_lists(&a.args, &b.args, Compare::Structure)?)
    }

    /// The first thing in a finished value that is not concrete, or wrong.
    pub(super) fn first_incomplete(&mut self, v: VertexId, depth: usize) -> R<'p, Option<Rc<Bottom<'p>>>> {
        self.spend(1)?;
        let w = self.deref(v);
        match self.vertices[w].base.clone() {
            Base::Value(Value::Bottom(bottom)) => return Ok(Some(bottom)),
            Base::Value(value) => {
                let value = match Self::caught(self.default_of(value))? {
                    Ok(value) => value,
                    Err(error) => return Ok(Some(error)),
                };
                if let Value::Vertex(v) = value {
                    return self.nested(|e| e.first_incomplete(v, depth.saturating_add(1)));
                }
                if !value.is_concrete() {
                    let pieces = super::error::pieces("incomplete value {}", vec![value.into()]);
                    return Ok(Some(Bottom::new(Code::Incomplete, v, pieces)));
                }
            }
            Base::Struct | Base::List { .. } | Base::None | Base::Link(_) => {}
        }
        for arc in self.arcs_of(w) {
            let regular = self.vertices[arc].label.is_some_and(|l| self.names.is_regular(l));
            if self.vertices[arc].arc == ArcType::Required {
                let pieces = vec!["field is required but not present".into()];
                return Ok(Some(Bottom::new(Code::Incomplete, arc, pieces)));
            }
            if regular && self.vertices[arc].arc == ArcType::Member {
                self.finalize(arc)?;
                if let Some(error) = self.nested(|e| e.first_incomplete(arc, depth.saturating_add(1)))? {
                    return Ok(Some(error));
                }
            }
        }
        Ok(None)
    }
}
