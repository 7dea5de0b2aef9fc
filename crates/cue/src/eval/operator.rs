//! Operators on plain values (`binop.go`).

use std::rc::Rc;
use std::sync::Arc;

use super::Eval;
use super::doubt::{Seen, Weight};
use super::error::{Code, R, Stop};
use super::types::{Base, NO_VERTEX, Status, Value, VertexId};
use crate::expr::Op;
use crate::kind::Kind;
use crate::limits::MAX_TEXT_BYTES;
use crate::number::{Number, NumberFault};

impl<'p> Eval<'p> {
    /// Applies an operator to two concrete values.
    pub(super) fn operate(&mut self, op: Op, left: &Value<'p>, right: &Value<'p>) -> R<'p, Value<'p>> {
        self.spend(1)?;
        for (value, side) in [(left, "left"), (right, "right")] {
            if let Value::Vertex(v) = value {
                self.check_concrete(*v, op, side, self.kind_of(left))?;
            }
        }
        let value = match op {
            Op::Equal => self.compare(left, right)?.map(Value::Bool),
            Op::NotEqual => self.compare(left, right)?.map(|equal| Value::Bool(!equal)),
            Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => order(op, left, right).map(Value::Bool),
            Op::BoolAnd => Some(Value::Bool(self.bool(left, op)? && self.bool(right, op)?)),
            Op::BoolOr => Some(Value::Bool(self.bool(left, op)? || self.bool(right, op)?)),
            Op::Match => Some(Value::Bool(self.matches(left, right, op)?)),
            Op::NotMatch => Some(Value::Bool(!self.matches(left, right, op)?)),
            Op::Add => self.add(left, right)?,
            Op::Sub => {
                let (a, b) = (self.number(left, op)?, self.number(right, op)?);
                Some(self.arithmetic(a.sub(&b))?)
            }
            Op::Mul => self.multiply(left, right)?,
            Op::Quo => match (left, right) {
                (Value::Number(a), Value::Number(b)) => Some(self.arithmetic(a.quo(b))?),
                _ => None,
            },
            Op::IntQuo | Op::IntRem | Op::IntDiv | Op::IntMod => match (left, right) {
                (Value::Number(a), Value::Number(b)) if a.kind() == Kind::INT && b.kind() == Kind::INT => {
                    Some(self.divide(op, a, b)?)
                }
                _ => None,
            },
            Op::Not => None,
        };
        match value {
            Some(value) => Ok(value),
            None => {
                let (k1, k2) = (self.kind_of(left).to_string(), self.kind_of(right).to_string());
                let nodes = vec![left.clone().into(), right.clone().into(), op.sign().into(), k1.into(), k2.into()];
                self.fail(Code::Eval, "invalid operands {} and {} to '{}' (type {} and {})", nodes)
            }
        }
    }

    /// Evaluates what is needed whole. Where that is under way further up, it contains itself.
    pub(super) fn finalize_operand(&mut self, v: VertexId) -> R<'p, ()> {
        if self.nested_comprehension || self.open_comprehension {
            self.doubt(Weight::Always, v, "a comprehension compares what it may add to");
        }
        self.finalize(v)?;
        self.mark_seen(v, Seen::Whole);
        let w = self.deref(v);
        if self.vertices[w].status != Status::Final {
            self.doubt(Weight::Always, v, "a value is compared within itself");
            return self.fail(Code::StructuralCycle, "structural cycle", vec![]);
        }
        Ok(())
    }

    /// A struct or list takes part only if it is concrete all through.
    fn check_concrete(&mut self, v: VertexId, op: Op, side: &str, kind: Kind) -> R<'p, ()> {
        self.finalize_operand(v)?;
        let Some(error) = self.first_incomplete(v, 0)? else { return Ok(()) };
        if error.is_incomplete() && self.vertices[v].parent == NO_VERTEX && self.is_conditional(self.at) {
            self.doubt(Weight::Always, self.at, "a comprehension compares a value that is not known");
        }
        let template = format!("invalid {side}-hand value to '{}' (type {kind})", op.sign());
        let pieces = vec![template.into()];
        let wrapped = error.messages.to_vec();
        Err(Stop::Error(super::error::Bottom::wrapping(error.code, self.at, pieces, wrapped)))
    }

    /// Equality, or nothing where the kinds do not fit.
    fn compare(&mut self, left: &Value<'p>, right: &Value<'p>) -> R<'p, Option<bool>> {
        let (k1, k2) = (self.kind_of(left), self.kind_of(right));
        Ok(match (left, right) {
            (Value::Number(a), Value::Number(b)) => Some(a == b),
            _ if k1 != k2 => Some(false),
            (Value::Vertex(_), Value::Vertex(_)) => Some(self.equal_data(left, right)?),
            (Value::Vertex(_), _) | (_, Value::Vertex(_)) => None,
            _ => Some(self.scalar_equal(left, right)),
        })
    }

    fn bool(&mut self, value: &Value<'p>, op: Op) -> R<'p, bool> {
        match value {
            Value::Bool(value) => Ok(*value),
            value => self.type_error(value, Kind::BOOL, Some(op.sign())),
        }
    }

    pub(super) fn number(&mut self, value: &Value<'p>, op: Op) -> R<'p, Rc<Number>> {
        match value {
            Value::Number(number) => Ok(Rc::clone(number)),
            value => self.type_error(value, Kind::NUMBER, Some(op.sign())),
        }
    }

    fn matches(&mut self, left: &Value<'p>, right: &Value<'p>, op: Op) -> R<'p, bool> {
        let source = match right {
            Value::String(text) => Arc::clone(text),
            Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.into(),
                Err(_) => return Err(Stop::Unsupported("a regular expression that is not UTF-8".to_owned())),
            },
            value => return self.type_error(value, Kind::STRING | Kind::BYTES, None),
        };
        let text: Arc<str> = match left {
            Value::String(text) => Arc::clone(text),
            value => return self.type_error(value, Kind::STRING, Some(op.sign())),
        };
        let regexp = self.regexp(&source)?;
        self.spend(regexp.cost(&text))?;
        Ok(regexp.is_match(&text))
    }

    pub(super) fn arithmetic(&mut self, result: Result<Number, NumberFault>) -> R<'p, Value<'p>> {
        match result {
            Ok(number) => Ok(Value::Number(Rc::new(number))),
            Err(NumberFault::TooLarge) => Err(Stop::Unsupported("a number out of range".to_owned())),
            Err(fault) => self.fail(Code::Eval, "failed arithmetic: {}", vec![fault.to_string().into()]),
        }
    }

    /// Division of integers.
    pub(super) fn divide(&mut self, op: Op, a: &Number, b: &Number) -> R<'p, Value<'p>> {
        let result = match op {
            Op::IntDiv => a.int_div(b),
            Op::IntMod => a.int_mod(b),
            Op::IntQuo => a.int_quo(b),
            _ => a.int_rem(b),
        };
        match result {
            Err(NumberFault::DivisionByZero) => self.fail(Code::Eval, "division by zero", vec![]),
            result => self.arithmetic(result),
        }
    }

    fn add(&mut self, left: &Value<'p>, right: &Value<'p>) -> R<'p, Option<Value<'p>>> {
        Ok(match (left, right) {
            (Value::Number(a), Value::Number(b)) => Some(self.arithmetic(a.add(b))?),
            (Value::String(a), Value::String(b)) => {
                self.check_size(a.len().saturating_add(b.len()))?;
                Some(Value::String(format!("{a}{b}").into()))
            }
            (Value::Bytes(a), Value::Bytes(b)) => {
                self.check_size(a.len().saturating_add(b.len()))?;
                Some(Value::Bytes([&**a, &**b].concat().into()))
            }
            _ if self.is_list(left) && self.is_list(right) => {
                let text =
                    "Addition of lists is superseded by list.Concat; see https://cuelang.org/e/v0.11-list-arithmetic";
                return self.fail(Code::Eval, text, vec![]);
            }
            _ => None,
        })
    }

    fn multiply(&mut self, left: &Value<'p>, right: &Value<'p>) -> R<'p, Option<Value<'p>>> {
        let (value, times) = match (left, right) {
            (Value::Number(a), Value::Number(b)) => return Ok(Some(self.arithmetic(a.mul(b))?)),
            (value, Value::Number(times)) | (Value::Number(times), value) => (value, times),
            _ => return Ok(None),
        };
        if times.kind() != Kind::INT {
            return Ok(None);
        }
        if self.is_list(value) {
            let text =
                "Multiplication of lists is superseded by list.Repeat; see https://cuelang.org/e/v0.11-list-arithmetic";
            return self.fail(Code::Eval, text, vec![]);
        }
        if !matches!(value, Value::String(_) | Value::Bytes(_)) {
            return Ok(None);
        }
        if times.is_negative() {
            return self.fail(Code::Eval, "cannot convert negative number to uint64", vec![]);
        }
        let Some(Ok(times)) = times.to_i64().map(usize::try_from) else {
            return Err(Stop::Unsupported("a text repeated too often".to_owned()));
        };
        Ok(match value {
            Value::String(text) => {
                self.check_size(text.len().saturating_mul(times))?;
                Some(Value::String(text.repeat(times).into()))
            }
            Value::Bytes(bytes) => {
                self.check_size(bytes.len().saturating_mul(times))?;
                Some(Value::Bytes(bytes.repeat(times).into()))
            }
            _ => None,
        })
    }

    fn check_size(&mut self, bytes: usize) -> R<'p, ()> {
        if bytes > MAX_TEXT_BYTES {
            return Err(Stop::Unsupported(format!("a text longer than {MAX_TEXT_BYTES} bytes")));
        }
        self.spend(u64::try_from(bytes).unwrap_or(u64::MAX) / 64)
    }

    fn is_list(&self, value: &Value<'p>) -> bool {
        matches!(value, Value::Vertex(v) if matches!(self.vertices[self.deref(*v)].base, Base::List { .. }))
    }
}

fn order(op: Op, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
    let ordering = match (left, right) {
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        _ => return None,
    };
    Some(match op {
        Op::Less => ordering.is_lt(),
        Op::LessEqual => ordering.is_le(),
        Op::Greater => ordering.is_gt(),
        _ => ordering.is_ge(),
    })
}
