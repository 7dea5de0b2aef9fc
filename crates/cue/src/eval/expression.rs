//! Expressions that are no references (`expr.go`).

use std::rc::Rc;

use super::doubt::{Seen, Weight};
use super::error::{Bottom, Code, R, Stop, combine};
use super::reference::{Resolved, is_reference};
use super::types::{Base, Bound, CloseInfo, Conjunct, Elem, EnvId, Status, Value, Vertex, VertexId};
use super::value::literal;
use super::{Eval, address};
use crate::compile::may_be_concrete;
use crate::expr::{ArcType, Expr, Op};
use crate::kind::Kind;
use crate::label::Label;
use crate::limits::MAX_TEXT_BYTES;

impl<'p> Eval<'p> {
    /// Evaluates an expression; alternatives stay what they are.
    pub(super) fn evaluate(&mut self, expr: &'p Expr, env: EnvId) -> R<'p, Value<'p>> {
        self.spend(1)?;
        if let Some(value) = literal(expr) {
            return self.unwrap(value);
        }
        self.nested(|e| match expr {
            Expr::Bound(op, operand) => e.bound(*op, operand, env),
            Expr::Interpolation { bytes, parts } => e.interpolation(*bytes, parts, env),
            Expr::Unary(op, operand) => e.unary(expr, *op, operand, env),
            Expr::Binary(op, left, right) => e.binary(*op, left, right, env),
            Expr::Call(function, arguments) => e.call(function, arguments, env),
            Expr::Slice(subject, low, high) => e.slice(subject, low.as_deref(), high.as_deref(), env),
            Expr::LabelName { up, .. } => Ok(e.label_value(env, *up)),
            Expr::And(..) | Expr::Or { .. } | Expr::Struct(_) | Expr::List(_) => e.inline_value(expr, env),
            expr if is_reference(expr) => {
                let resolved = e.resolve(expr, env)?;
                if let (Some(_), Resolved::Vertex(v)) = (&e.required, &resolved) {
                    e.doubt_known_required(*v)?;
                }
                e.check_required()?;
                match resolved {
                    Resolved::Vertex(v) => e.reference_value(v, expr),
                    Resolved::Value(value) => e.unwrap(value),
                }
            }
            _ => Ok(Value::Top),
        })
    }

    /// The same, defaults taken, and scalars out of their vertices.
    pub(super) fn plain_value(&mut self, expr: &'p Expr, env: EnvId) -> R<'p, Value<'p>> {
        let value = self.evaluate(expr, env)?;
        let value = self.default_of(value)?;
        self.unwrap(value)
    }

    /// The same, for an operator.
    fn operand(&mut self, expr: &'p Expr, env: EnvId) -> R<'p, Value<'p>> {
        let value = self.evaluate(expr, env);
        if let Err(Stop::Error(error)) = &value {
            self.doubt_unknown_operand(expr, env, error)?;
        }
        let value = self.doubt_list_operand(expr, None, value)?;
        self.doubt_shared(expr, &value);
        let value = self.default_of(value)?;
        self.unwrap(value)
    }

    fn label_value(&self, env: EnvId, up: usize) -> Value<'p> {
        match self.env(self.env_up(env, up)).label {
            None => Value::Basic(Kind::STRING),
            Some(label) => match label.as_index() {
                Some(index) => Value::Number(Rc::new(crate::number::Number::int(index))),
                None => Value::String(self.names.text(label)),
            },
        }
    }

    /// A struct, list, conjunction or disjunction in an expression: a vertex outside of the tree.
    fn inline_value(&mut self, expr: &'p Expr, env: EnvId) -> R<'p, Value<'p>> {
        let v = self.inline_vertex(expr, env)?;
        Ok(self.value_of(v))
    }

    /// The vertex of it; it has no error.
    pub(super) fn inline_vertex(&mut self, expr: &'p Expr, env: EnvId) -> R<'p, VertexId> {
        let close = match expr {
            Expr::And(..) => CloseInfo { refs: self.close.refs, ..CloseInfo::default() },
            _ => self.close,
        };
        let v = self.inline(vec![Conjunct { env, elem: Elem::Expr(expr), close }])?;
        // Messages name the field that the expression stands in.
        self.vertices[v].parent = super::types::NO_VERTEX;
        if matches!(expr, Expr::Or { .. }) {
            self.finalize(v)?;
        } else {
            self.know(v, true)?;
            self.doubt_unchecked(v)?;
            self.doubt_error_beside(expr, v)?;
        }
        for source in self.vertices[v].node.sources.clone() {
            self.doubt_own_range(source);
        }
        let w = self.deref(v);
        if let Some(error) = self.vertices[w].node.errors.clone() {
            let partial = matches!(expr, Expr::And(..)) || self.has_regular_field(w);
            if error.is_incomplete() && (self.vertices[w].node.has_disjunction || partial) {
                // CUE goes on with what is known in some of these cases.
                self.doubt(Weight::Always, self.at, "a conjunction within an expression is not known");
            }
            return Err(Stop::Error(error));
        }
        if matches!(expr, Expr::And(..)) && self.vertices[v].node.has_disjunction {
            self.doubt_choice_of_structs(w);
        }
        match self.value_of(w) {
            Value::Bottom(bottom) => Err(Stop::Error(bottom)),
            value => {
                self.doubt_inline_alternatives(&value);
                if matches!(expr, Expr::Struct(lit) if lit.has_embedding) {
                    self.inlines.push(v);
                }
                Ok(w)
            }
        }
    }

    fn bound(&mut self, op: Op, operand: &'p Expr, env: EnvId) -> R<'p, Value<'p>> {
        let value = self.operand(operand, env)?;
        let kind = self.kind_of(&value);
        let named = || Elem::Expr(operand);
        let scalar = [Kind::INT, Kind::FLOAT, Kind::NUMBER, Kind::STRING, Kind::BYTES].contains(&kind);
        let other = [Kind::NULL, Kind::STRUCT, Kind::LIST].contains(&kind);
        if other && op != Op::NotEqual && op != Op::Equal {
            let nodes = vec![kind.to_string().into(), op.sign().into()];
            return self.fail(Code::Eval, "cannot use {} for bound {}", nodes);
        }
        if !scalar && !other {
            let mut mask = Kind::NUMBER | Kind::STRING | Kind::BYTES;
            if op == Op::NotEqual || op == Op::Equal {
                mask = mask | Kind::NULL | Kind::STRUCT | Kind::LIST;
            }
            if kind.meets(mask) {
                let nodes = vec![named().into(), op.sign().into()];
                return self.fail(Code::Incomplete, "non-concrete value {} for bound {}", nodes);
            }
            let nodes = vec![value.into(), kind.to_string().into(), op.sign().into()];
            return self.fail(Code::Eval, "invalid value {} (type {}) for bound {}", nodes);
        }
        // A vertex that is under way may come to hold this very bound.
        let concrete = value.is_concrete() && (other || !matches!(value, Value::Vertex(_)));
        if literal(operand).is_some() && !concrete {
            return self.fail(Code::Eval, "bound has fixed non-concrete value", vec![]);
        }
        if !concrete {
            let nodes = vec![named().into(), op.sign().into()];
            return self.fail(Code::Incomplete, "non-concrete value {} for bound {}", nodes);
        }
        Ok(Value::Bound(Rc::new(Bound { op, value })))
    }

    fn interpolation(&mut self, bytes: bool, parts: &'p [Expr], env: EnvId) -> R<'p, Value<'p>> {
        let mut out: Vec<u8> = Vec::new();
        let mut failed: Option<Rc<Bottom<'p>>> = None;
        for part in parts {
            let value = self.operand(part, env).and_then(|value| self.text_of(&value, bytes));
            match Self::caught(value)? {
                Ok(text) => out.extend_from_slice(&text),
                Err(error) => failed = combine(failed, Some(error)),
            }
            if out.len() > MAX_TEXT_BYTES {
                return Err(Stop::Unsupported(format!("a text longer than {MAX_TEXT_BYTES} bytes")));
            }
        }
        if let Some(error) = failed {
            self.doubt_cyclic_text(&error);
            return Err(Stop::Error(self.wrap_each(&error, "invalid interpolation")));
        }
        self.spend(u64::try_from(out.len()).unwrap_or(u64::MAX) / 64)?;
        Ok(if bytes { Value::Bytes(out.into()) } else { Value::String(String::from_utf8_lossy(&out).as_ref().into()) })
    }

    pub(super) fn text_of(&mut self, value: &Value<'p>, bytes: bool) -> R<'p, Vec<u8>> {
        Ok(match value {
            Value::String(text) => text.as_bytes().to_vec(),
            Value::Bytes(raw) if bytes => raw.to_vec(),
            Value::Bytes(raw) => String::from_utf8_lossy(raw).into_owned().into_bytes(),
            Value::Number(number) => number.to_string().into_bytes(),
            Value::Bool(value) => value.to_string().into_bytes(),
            value => {
                let wanted = Kind::STRING | Kind::NUMBER | Kind::BYTES | Kind::BOOL;
                let kind = self.kind_of(value);
                if kind.meets(wanted) && !matches!(value, Value::Vertex(_)) {
                    let template = "non-concrete value {} (type {})";
                    let nodes = vec![value.clone().into(), kind.to_string().into()];
                    return self.fail(Code::Incomplete, template, nodes);
                }
                return self.type_error(value, wanted, None);
            }
        })
    }

    fn possible(&mut self, op: Op, operand: &'p Expr) -> R<'p, ()> {
        if may_be_concrete(operand) {
            return Ok(());
        }
        let nodes = vec![Elem::Expr(operand).into(), op.sign().into()];
        self.fail(Code::Eval, "invalid operand {} ('{}' requires concrete value)", nodes)
    }

    fn unary(&mut self, whole: &'p Expr, op: Op, operand: &'p Expr, env: EnvId) -> R<'p, Value<'p>> {
        self.possible(op, operand)?;
        let value = self.operand(operand, env)?;
        let expected = match (op, &value) {
            (Op::Sub, Value::Number(number)) => return Ok(Value::Number(Rc::new(number.negate()))),
            (Op::Add, Value::Number(_)) => return Ok(value),
            (Op::Not, Value::Bool(value)) => return Ok(Value::Bool(!value)),
            (Op::Not, _) => Kind::BOOL,
            _ => Kind::NUMBER,
        };
        let kind = self.kind_of(&value);
        if kind.meets(expected) {
            let nodes = vec![Elem::Expr(operand).into(), op.sign().into(), kind.to_string().into()];
            return self.fail(Code::Incomplete, "operand {} of '{}' not concrete (was {})", nodes);
        }
        let nodes = vec![Elem::Expr(whole).into(), op.sign().into(), kind.to_string().into()];
        self.fail(Code::Eval, "invalid operation {} ({} {})", nodes)
    }

    fn binary(&mut self, op: Op, left: &'p Expr, right: &'p Expr, env: EnvId) -> R<'p, Value<'p>> {
        self.possible(op, left)?;
        self.possible(op, right)?;
        if op == Op::Equal || op == Op::NotEqual {
            if matches!(left, Expr::Bottom) {
                return self.compare_to_bottom(op, right, env);
            }
            if matches!(right, Expr::Bottom) {
                return self.compare_to_bottom(op, left, env);
            }
        }
        let left = self.concrete(left, env, op);
        let left = Self::caught(left)?;
        let right = self.concrete(right, env, op);
        let right = Self::caught(right)?;
        match (left, right) {
            (Ok(left), Ok(right)) => self.operate(op, &left, &right),
            (left, right) => match combine(left.err(), right.err()) {
                Some(error) => Err(Stop::Error(error)),
                None => Ok(Value::Top),
            },
        }
    }

    fn concrete(&mut self, expr: &'p Expr, env: EnvId, op: Op) -> R<'p, Value<'p>> {
        self.doubt_struct_operand(expr);
        let whole = self.evaluate(expr, env);
        if let Err(Stop::Error(error)) = &whole
            && !matches!(op, Op::Equal | Op::NotEqual | Op::Add | Op::Mul)
        {
            self.doubt_unknown_operand(expr, env, error)?;
        }
        let whole = self.doubt_list_operand(expr, Some(op), whole)?;
        self.doubt_shared(expr, &whole);
        let value = self.default_of(whole.clone())?;
        let value = self.unwrap(value)?;
        let validates = matches!(value, Value::Function(function) if self.is_bare_validator(function));
        if value.is_concrete() && !validates {
            return Ok(value);
        }
        let nodes = vec![whole.into(), op.sign().into()];
        self.fail(Code::Incomplete, "non-concrete value {} in operand to {}", nodes)
    }

    /// `x == _|_`, `x != _|_`: whether there is a value at all.
    fn compare_to_bottom(&mut self, op: Op, operand: &'p Expr, env: EnvId) -> R<'p, Value<'p>> {
        self.has_asked = true;
        let outer = self.question.replace(address(operand));
        let found = self.has_value(op, operand, env);
        self.question = outer;
        Ok(Value::Bool(found? == (op == Op::NotEqual)))
    }

    fn has_value(&mut self, op: Op, operand: &'p Expr, env: EnvId) -> R<'p, bool> {
        let inline = self.asks_inline || !is_path(operand);
        let saved = std::mem::replace(&mut self.asks_inline, inline);
        let known = self.inlines.len();
        let value = self.settle(operand, env).and_then(|()| self.evaluate(operand, env));
        self.asks_inline = saved;
        if matches!(operand, Expr::Struct(_)) {
            // Whether it has an error is the question.
            self.inlines.truncate(known);
        }
        let value = self.doubt_cycle(value);
        self.doubt_own_name(self.at);
        self.doubt_made_if_missing(op, operand);
        if self.vertices[self.at].arc == ArcType::Optional {
            self.doubt(Weight::Always, self.at, "an optional field asks for a value");
        }
        self.doubt_asked_within(operand);
        Ok(match Self::caught(value)? {
            // More may come: then it is told later.
            Err(error) if error.code == Code::Cycle || (error.is_incomplete() && !self.force) => {
                return Err(Stop::Error(error));
            }
            Err(_) => {
                self.doubt_missing_elsewhere();
                if self.open_comprehension
                    || matches!(operand, Expr::Let { .. })
                    || self.indexes_no_struct(operand, env)?
                {
                    self.doubt(Weight::Always, self.at, "a comprehension that may add any field asks for one");
                }
                false
            }
            Ok(value) => match Self::caught(self.default_of(value))? {
                // Alternatives of which none is the default are a value.
                Err(_) => true,
                Ok(Value::Vertex(v)) => self.exists(v)?,
                Ok(Value::Bottom(_)) => false,
                Ok(Value::Validator(_) | Value::Function(_)) if !is_path(operand) => {
                    self.doubt(Weight::Always, self.at, "whether there is a function is asked");
                    false
                }
                Ok(value) if value.is_concrete() => true,
                // What may be a struct or a list is one.
                Ok(value) if self.kind_of(&value).meets(Kind::STRUCT | Kind::LIST) => true,
                Ok(_) => {
                    self.doubt_unknown_beside_condition(operand, env)?;
                    false
                }
            },
        })
    }

    /// Whether there is a value is asked when all is known, and not when the first conjunct is.
    fn settle(&mut self, operand: &'p Expr, env: EnvId) -> R<'p, ()> {
        if !is_reference(operand) {
            return Ok(());
        }
        let Resolved::Vertex(v) = self.resolve(operand, env)? else { return Ok(()) };
        if self.required.is_some() && self.vertices[v].node.running > 0 {
            self.doubt(Weight::Always, v, "a value is asked for while it is made");
        }
        self.check_required()?;
        self.know(v, false)?;
        self.finish_earlier(v)?;
        let w = self.deref(v);
        self.doubt_asked_by_maker(v, w);
        self.doubt_asked_of_inline(w);
        self.doubt_asked_beside_name(v);
        if self.vertices[w].status >= Status::Known {
            let node = &self.vertices[w].node;
            let incomplete = node.errors.as_ref().is_some_and(|error| error.is_incomplete()) && !node.is_unfulfilled;
            if incomplete && (node.has_structs || node.list_open.is_some()) {
                self.doubt(Weight::Always, w, "a value is known, and incomplete too");
            }
            return Ok(());
        }
        if self.vertices[w].node.running > 0 {
            self.doubt(Weight::Always, w, "a value is asked for while it is made");
            return Ok(());
        }
        if self.force {
            return self.finalize(v);
        }
        self.fail(Code::Incomplete, "{} is not known yet", vec![Elem::Expr(operand).into()])
    }

    fn exists(&mut self, v: VertexId) -> R<'p, bool> {
        if self.has_depth_cycle(v) {
            self.doubt(Weight::Always, v, "a value is asked for while it is made");
            return Ok(false);
        }
        self.finalize(v)?;
        self.mark_seen(v, Seen::Itself);
        let w = self.deref(v);
        if self.vertices[w].status != Status::Final {
            self.doubt(Weight::Always, v, "a value is asked for while it is made");
        }
        if self.vertices[w].child_errors.as_ref().is_some_and(|error| error.code == Code::Cycle) {
            self.doubt(Weight::Always, v, "a value is asked for while it is made");
        }
        if self.vertices[v].arc != ArcType::Member {
            return Ok(false);
        }
        Ok(match &self.vertices[w].base {
            Base::Value(Value::Bottom(bottom)) => bottom.is_incomplete(),
            _ => true,
        })
    }

    fn slice(
        &mut self,
        subject: &'p Expr,
        low: Option<&'p Expr>,
        high: Option<&'p Expr>,
        env: EnvId,
    ) -> R<'p, Value<'p>> {
        let value = self.plain_value(subject, env);
        let value = self.doubt_slice(subject, value);
        let value = self.doubt_cycle(value)?;
        let (length, elements) = match &value {
            Value::Bytes(bytes) => (bytes.len(), Vec::new()),
            Value::Vertex(v) if self.vertex_kind(*v) == Kind::LIST => {
                self.know(*v, false)?;
                let elements = self.elements(self.deref(*v));
                (elements.len(), elements)
            }
            value => {
                let kind = self.kind_of(value).to_string();
                return self.fail(Code::Eval, "cannot slice {} (type {})", vec![value.clone().into(), kind.into()]);
            }
        };
        let from = match low {
            Some(expr) => self.slice_index(expr, env)?,
            None => 0,
        };
        let mut failed = None;
        let to = match high {
            None => length,
            Some(expr) => match Self::caught(self.slice_index(expr, env))? {
                Ok(index) => index,
                Err(error) if error.is_incomplete() && !self.force => return Err(Stop::Error(error)),
                // To CUE one that has no value is 0, and compared with the other all the same.
                Err(error) => {
                    failed = Some(error);
                    0
                }
            },
        };
        let wrong = if to > length {
            Some(self.error(Code::Eval, "index {} out of range", vec![to.to_string().into()]))
        } else if from > to {
            let nodes = vec![from.to_string().into(), to.to_string().into()];
            Some(self.error(Code::Eval, "invalid slice index: {} > {}", nodes))
        } else {
            None
        };
        if let Some(error) = combine(failed, wrong) {
            return Err(Stop::Error(error));
        }
        if let Value::Bytes(bytes) = &value {
            return Ok(Value::Bytes(bytes.get(from..to).unwrap_or_default().into()));
        }
        let list = Vertex {
            status: Status::Final,
            is_dynamic: true,
            detached_checks: true,
            base: Base::List { open: false },
            ..Vertex::default()
        };
        let list = self.add_vertex(list)?;
        for (n, element) in elements.get(from..to).unwrap_or_default().iter().enumerate() {
            let (arc, _) = self.get_arc(list, Label::index(n), ArcType::Member)?;
            self.vertices[arc].base = Base::Link(*element);
            self.vertices[arc].status = Status::Known;
        }
        Ok(Value::Vertex(list))
    }

    fn slice_index(&mut self, expr: &'p Expr, env: EnvId) -> R<'p, usize> {
        let value = self.plain_value(expr, env);
        let value = self.doubt_cycle(value);
        let unknown = match &value {
            Err(Stop::Error(error)) => error.is_incomplete(),
            Ok(value) => !value.is_concrete(),
            Err(_) => false,
        };
        if unknown && self.force {
            // CUE looks at the other index and the whole all the same, and finds errors there.
            self.doubt(Weight::Always, self.at, "a part is cut at what is not known");
        }
        let value = value?;
        let Value::Number(number) = &value else { return self.type_error(&value, Kind::INT, Some("slice index")) };
        if number.kind() != Kind::INT {
            // CUE takes the digits of `2.0` for 20.
            self.doubt(Weight::Always, self.at, "a part is cut at what is no whole number");
        }
        if number.is_negative() {
            return self.fail(Code::Eval, "cannot convert negative number to uint64", vec![]);
        }
        match number.to_i64().map(usize::try_from) {
            Some(Ok(index)) => Ok(index),
            _ => self.fail(Code::Eval, "cannot convert number {} to uint64", vec![value.clone().into()]),
        }
    }
}

/// `a.b.c`
fn is_path(expr: &Expr) -> bool {
    match expr {
        Expr::Selector(subject, _) => is_path(subject),
        expr => matches!(expr, Expr::Field { .. } | Expr::Let { .. } | Expr::Value { .. }),
    }
}
