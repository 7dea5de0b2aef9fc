//! Small facts about values.

use std::rc::Rc;
use std::sync::Arc;

use super::Eval;
use super::error::{Bottom, Code, R, Stop};
use super::types::{Base, Bound, Function, NO_VERTEX, Status, Validator, Value, Vertex, VertexId};
use crate::builtins;
use crate::compile::RANGES;
use crate::expr::{ArcType, Core, Expr, Op};
use crate::kind::Kind;
use crate::label::Label;
use crate::number::Number;

/// The value of a literal.
pub(super) fn literal<'p>(expr: &Expr) -> Option<Value<'p>> {
    Some(match expr {
        Expr::Null => Value::Null,
        Expr::Bool(value) => Value::Bool(*value),
        Expr::Number(number) => Value::Number(Rc::new(number.clone())),
        Expr::String(text) => Value::String(Arc::clone(text)),
        Expr::Excerpt(excerpt) => Value::String(excerpt.text().into()),
        Expr::Bytes(bytes) => Value::Bytes(Arc::clone(bytes)),
        Expr::Top => Value::Top,
        Expr::Basic(kind) => Value::Basic(*kind),
        Expr::Range(name) => range(name),
        Expr::Core(core) => Value::Function(Function::Core(*core)),
        Expr::Import(path) => Value::Package(Arc::clone(path)),
        Expr::Bottom => {
            let text = "explicit error (_|_ literal) in source";
            Value::Bottom(Bottom::new(Code::LegacyUser, NO_VERTEX, vec![text.into()]))
        }
        _ => return None,
    })
}

/// `int8` and its like.
pub(super) fn range<'p>(name: &str) -> Value<'p> {
    let Some((_, low, high)) = RANGES.iter().find(|(known, ..)| *known == name) else { return Value::Top };
    let bound = |op: Op, text: &str| {
        let number = Number::parse_decimal(text).unwrap_or_else(|_| Number::int(0));
        Value::Bound(Rc::new(Bound { op, value: Value::Number(Rc::new(number)) }))
    };
    let mut values = Vec::new();
    if !name.starts_with("float") {
        values.push(Value::Basic(Kind::INT));
    }
    values.extend(low.map(|text| bound(Op::GreaterEqual, text)));
    values.extend(high.map(|text| bound(Op::LessEqual, text)));
    Value::Conjunction(Rc::new(values))
}

impl<'p> Eval<'p> {
    /// A function that is named without a call checks a value, if it can.
    pub(super) fn as_validator(&self, value: Value<'p>) -> Value<'p> {
        match value {
            Value::Function(function) if self.is_bare_validator(function) => {
                Value::Validator(Rc::new(Validator { function, args: Vec::new(), called: false }))
            }
            value => value,
        }
    }

    pub(super) fn kind_of(&self, value: &Value<'p>) -> Kind {
        match value {
            Value::Null => Kind::NULL,
            Value::Bool(_) => Kind::BOOL,
            Value::Number(number) => number.kind(),
            Value::String(_) => Kind::STRING,
            Value::Bytes(_) => Kind::BYTES,
            Value::Top => Kind::TOP,
            Value::Basic(kind) => *kind,
            Value::Bound(bound) => {
                let kind = self.kind_of(&bound.value);
                if kind.meets(Kind::NUMBER) && kind.without(Kind::NUMBER).is_bottom() {
                    Kind::NUMBER
                } else if kind == Kind::NULL && bound.op == Op::NotEqual {
                    Kind::TOP.without(Kind::NULL)
                } else {
                    kind
                }
            }
            Value::Validator(validator) => self.parameter_kind(validator.function),
            Value::Function(_) => Kind::FUNC,
            Value::Conjunction(values) => values.iter().fold(Kind::TOP, |kind, value| kind & self.kind_of(value)),
            Value::Disjunction(disjunction) => {
                disjunction.values.iter().fold(Kind::BOTTOM, |kind, value| kind | self.kind_of(value))
            }
            Value::Bottom(_) => Kind::BOTTOM,
            Value::Vertex(v) => self.vertex_kind(*v),
            Value::Package(_) => Kind::STRUCT,
        }
    }

    /// The kind of the first parameter: what a validator is for.
    fn parameter_kind(&self, function: Function) -> Kind {
        match function {
            Function::Core(Core::MatchN | Core::MatchIf) => Kind::TOP,
            Function::Core(_) => Kind::BOTTOM,
            Function::Package(builtin) => builtin.parameters.first().map_or(Kind::TOP, |p| p.kind),
        }
    }

    pub(super) fn is_non_concrete(&self, function: Function) -> bool {
        match function {
            Function::Core(core) => matches!(core, Core::MatchN | Core::MatchIf),
            Function::Package(builtin) => builtin.non_concrete,
        }
    }

    /// The default of alternatives. Without exactly one, there is no value yet.
    pub(super) fn default_of(&mut self, value: Value<'p>) -> R<'p, Value<'p>> {
        Ok(match self.default_vertex(value)? {
            Value::Vertex(v) => match self.value_of(v) {
                Value::Vertex(_) => Value::Vertex(v),
                plain => plain,
            },
            value => value,
        })
    }

    /// The same, but where that is a vertex with a plain value, the vertex.
    pub(super) fn default_vertex(&mut self, value: Value<'p>) -> R<'p, Value<'p>> {
        let mut value = value;
        for _ in 0..100 {
            let disjunction = match &value {
                Value::Disjunction(disjunction) => Rc::clone(disjunction),
                Value::Vertex(v) => match self.value_of(*v) {
                    Value::Disjunction(disjunction) => disjunction,
                    _ => return Ok(value),
                },
                _ => return Ok(value),
            };
            match (disjunction.defaults, disjunction.values.first()) {
                (1, Some(default)) => value = default.clone(),
                _ => {
                    self.doubt_same_alternatives(&disjunction)?;
                    let whole = Value::Disjunction(disjunction);
                    let kind = self.kind_of(&whole).to_string();
                    let nodes = vec![whole.into(), kind.into()];
                    return self.fail(Code::Incomplete, "unresolved disjunction {} (type {})", nodes);
                }
            }
        }
        Ok(value)
    }

    /// A vertex's value, or the value itself; an error stops.
    pub(super) fn unwrap(&self, value: Value<'p>) -> R<'p, Value<'p>> {
        let value = match value {
            Value::Vertex(v) => self.value_of(v),
            value => value,
        };
        match value {
            Value::Bottom(bottom) => Err(Stop::Error(bottom)),
            value => Ok(value),
        }
    }

    /// The error that a value is not of the kind that is needed.
    pub(super) fn type_error<T>(&mut self, value: &Value<'p>, kind: Kind, context: Option<&str>) -> R<'p, T> {
        let suffix = context.map_or_else(String::new, |c| format!(" in {c}"));
        let found = self.kind_of(value);
        if !value.is_concrete() && found.meets(kind) {
            let template = format!("incomplete {kind}{suffix}: {{}}");
            return self.fail(Code::Incomplete, &template, vec![value.clone().into()]);
        }
        let template = format!("cannot use {{}} (type {{}}) as type {kind}{suffix}");
        self.fail(Code::Eval, &template, vec![value.clone().into(), found.to_string().into()])
    }

    /// Whether two plain values that are no structs are the same.
    pub(super) fn scalar_equal(&self, a: &Value<'p>, b: &Value<'p>) -> bool {
        match (a, b) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::Package(a), Value::Package(b)) => a == b,
            _ => false,
        }
    }

    /// A plain value of a function's as one of the evaluator's.
    pub(super) fn import_plain(&mut self, value: &builtins::Value) -> R<'p, Value<'p>> {
        self.spend(1)?;
        Ok(match value {
            builtins::Value::Null => Value::Null,
            builtins::Value::Bool(value) => Value::Bool(*value),
            builtins::Value::Number(number) => Value::Number(Rc::new(number.clone())),
            builtins::Value::String(text) => Value::String(Arc::clone(text)),
            builtins::Value::Bytes(bytes) => Value::Bytes(Arc::clone(bytes)),
            builtins::Value::List { items, open } => {
                let v = self.finished(Base::List { open: *open })?;
                for (n, item) in items.iter().enumerate() {
                    self.add_finished_field(v, Label::index(n), item)?;
                }
                Value::Vertex(v)
            }
            builtins::Value::Struct { fields, closed, .. } => {
                let v = self.finished(Base::Struct)?;
                self.vertices[v].closed_once = *closed;
                for (name, item) in fields {
                    let label = self.names.regular(name);
                    self.add_finished_field(v, label, item)?;
                }
                Value::Vertex(v)
            }
            builtins::Value::Incomplete { kind, origin: None, .. } => Value::Basic(*kind),
            builtins::Value::Schema(schema) | builtins::Value::Incomplete { origin: Some(schema), .. } => {
                match self.schemas.get(schema.0) {
                    Some(value) => value.clone(),
                    None => Value::Top,
                }
            }
        })
    }

    fn finished(&mut self, base: Base<'p>) -> R<'p, VertexId> {
        self.add_vertex(Vertex {
            status: Status::Final,
            is_dynamic: true,
            detached_checks: true,
            base,
            ..Vertex::default()
        })
    }

    fn add_finished_field(&mut self, v: VertexId, label: Label, item: &builtins::Value) -> R<'p, ()> {
        let value = self.nested(|e| e.import_plain(item))?;
        let (arc, _) = self.get_arc(v, label, ArcType::Member)?;
        let vertex = &mut self.vertices[arc];
        vertex.status = Status::Final;
        vertex.base = match value {
            Value::Vertex(w) => Base::Link(w),
            value => Base::Value(value),
        };
        Ok(())
    }

    /// A value of the evaluator's as functions take it. Inside of structs and lists, what is not concrete is told so.
    pub(super) fn plain_of(&mut self, value: &Value<'p>) -> R<'p, builtins::Value> {
        self.spend(1)?;
        Ok(match value {
            Value::Null => builtins::Value::Null,
            Value::Bool(value) => builtins::Value::Bool(*value),
            Value::Number(number) => builtins::Value::Number((**number).clone()),
            Value::String(text) => builtins::Value::String(Arc::clone(text)),
            Value::Bytes(bytes) => builtins::Value::Bytes(Arc::clone(bytes)),
            Value::Vertex(v) => return self.nested(|e| e.vertex_plain(*v)),
            Value::Disjunction(disjunction) if disjunction.defaults == 1 => match disjunction.values.first().cloned() {
                Some(default) => return self.nested(|e| e.plain_of(&default)),
                None => self.incomplete_plain(value),
            },
            value => self.incomplete_plain(value),
        })
    }

    fn incomplete_plain(&mut self, value: &Value<'p>) -> builtins::Value {
        builtins::Value::Incomplete { kind: self.kind_of(value), text: self.print(value).into(), origin: None }
    }

    fn vertex_plain(&mut self, v: VertexId) -> R<'p, builtins::Value> {
        self.finalize_operand(v)?;
        let w = self.deref(v);
        let plain = self.finished_plain(w)?;
        Ok(match plain {
            builtins::Value::Incomplete { kind, text, origin: None } if self.keeps_origins => {
                let origin = Some(builtins::Schema(self.schemas.len()));
                self.schemas.push(Value::Vertex(w));
                builtins::Value::Incomplete { kind, text, origin }
            }
            plain => plain,
        })
    }

    fn finished_plain(&mut self, w: VertexId) -> R<'p, builtins::Value> {
        match self.vertices[w].base.clone() {
            Base::List { open } => {
                let mut items = Vec::new();
                for arc in self.elements(w) {
                    items.push(self.plain_of(&Value::Vertex(arc))?);
                }
                Ok(builtins::Value::List { items, open })
            }
            Base::Struct => {
                let mut fields = Vec::new();
                let mut named = 0_usize;
                self.lossy |= !self.vertices[w].patterns.is_empty();
                for arc in self.arcs_of(w) {
                    let Some(label) = self.vertices[arc].label else { continue };
                    let regular = self.names.is_regular(label);
                    let arc_type = self.vertices[arc].arc;
                    self.lossy |= arc_type != ArcType::NotPresent && (!regular || arc_type != ArcType::Member);
                    if regular && arc_type == ArcType::Member {
                        let name = self.names.text(label);
                        fields.push((name, self.plain_of(&Value::Vertex(arc))?));
                    } else if regular && arc_type <= ArcType::Optional {
                        named = named.saturating_add(1);
                    }
                }
                let vertex = &self.vertices[w];
                let closed = vertex.closed_once || vertex.closed_recursive;
                let known = closed && !vertex.has_ellipsis && vertex.patterns.is_empty();
                Ok(builtins::Value::Struct { fields, closed, spare: known.then_some(named) })
            }
            Base::Value(Value::Bottom(bottom)) => {
                if bottom.is_incomplete() {
                    let text = self.print(&Value::Bottom(bottom));
                    return Ok(builtins::Value::Incomplete { kind: Kind::TOP, text: text.into(), origin: None });
                }
                Err(Stop::Error(bottom))
            }
            Base::Value(value) => self.plain_of(&value),
            Base::None | Base::Link(_) => match self.value_of(w) {
                Value::Vertex(_) => Ok(self.incomplete_plain(&Value::Vertex(w))),
                value => self.plain_of(&value),
            },
        }
    }
}
