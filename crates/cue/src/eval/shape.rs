//! What a finished vertex looks like from outside (`cue.Value`).

use super::Eval;
use super::error::R;
use super::types::{Base, Value, VertexId};
use super::validate::Validation;
use crate::builtins;
use crate::expr::ArcType;
use crate::kind::Kind;

/// A vertex, seen from outside.
#[derive(Debug)]
pub(crate) enum Shape {
    Error,
    Incomplete,
    Kind(Kind),
    Value(builtins::Value),
    Default(builtins::Value),
    /// Fields, with `?` and `!` where they are constraints only.
    Struct(Vec<(String, VertexId)>),
    List(Vec<VertexId>),
}

impl<'p> Eval<'p> {
    pub(crate) fn shape(&mut self, v: VertexId) -> R<'p, Shape> {
        self.finalize(v)?;
        let mut w = self.deref(v);
        let kind = self.vertex_kind(v);
        if let Some(bottom) = self.own_error(v) {
            let hard = self.validate(v, Validation::default())?.is_some();
            if hard && kind.is_bottom() {
                return Ok(Shape::Error);
            }
            if !hard {
                return Ok(Shape::Incomplete);
            }
            if bottom.is_incomplete() {
                return Ok(Shape::Incomplete);
            }
        }
        if kind == Kind::STRUCT {
            if let Base::Value(value) = self.vertices[w].base.clone()
                && let Ok(Value::Vertex(default)) = Self::caught(self.default_of(value))?
            {
                self.finalize(default)?;
                w = self.deref(default);
            }
            return Ok(Shape::Struct(self.shape_fields(w)));
        }
        match self.value_of(w) {
            Value::Vertex(list) if matches!(self.vertices[list].base, Base::List { .. }) => {
                Ok(Shape::List(self.elements(list)))
            }
            value if value.is_concrete() => Ok(match self.plain_of(&value)? {
                builtins::Value::Incomplete { kind, .. } => Shape::Kind(kind),
                value => Shape::Value(value),
            }),
            value => {
                if let Ok(default) = Self::caught(self.default_of(value))?
                    && default.is_concrete()
                {
                    let plain = self.plain_of(&default)?;
                    if is_concrete(&plain) {
                        return Ok(Shape::Default(plain));
                    }
                }
                Ok(Shape::Kind(kind))
            }
        }
    }

    fn shape_fields(&mut self, w: VertexId) -> Vec<(String, VertexId)> {
        let fields = self.arcs_of(w).into_iter();
        fields
            .filter(|a| self.vertices[*a].arc <= ArcType::Optional && !self.vertices[*a].is_let)
            .filter_map(|a| {
                let label = self.vertices[a].label?;
                Some((format!("{}{}", self.names.selector(label), self.vertices[a].arc.suffix()), a))
            })
            .collect()
    }
}

fn is_concrete(value: &builtins::Value) -> bool {
    match value {
        builtins::Value::Incomplete { .. } | builtins::Value::Schema(_) => false,
        builtins::Value::List { items, .. } => items.iter().all(is_concrete),
        builtins::Value::Struct { fields, .. } => fields.iter().all(|(_, value)| is_concrete(value)),
        _ => true,
    }
}
