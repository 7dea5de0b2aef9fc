//! Two bounds as one (`simplify.go`).

use std::rc::Rc;

use super::Eval;
use super::error::{Code, R, Stop};
use super::types::{Bound, CloseInfo, Elem, Value, VertexId};
use crate::expr::Op;
use crate::kind::Kind;
use crate::number::Number;

/// Which side of a value the bound leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Side {
    Above,
    Below,
    Other(Op),
}

fn side(op: Op) -> Side {
    match op {
        Op::Greater | Op::GreaterEqual => Side::Above,
        Op::Less | Op::LessEqual => Side::Below,
        op => Side::Other(op),
    }
}

impl<'p> Eval<'p> {
    /// Constraints of one kind, as `uint8` is made of: a conflict names all of them.
    pub(super) fn name_conjunction(&mut self, v: VertexId, values: &Rc<Vec<Value<'p>>>, close: CloseInfo) {
        let plain = values.iter().all(|value| matches!(value, Value::Basic(_) | Value::Bound(_)));
        let kind = values.iter().fold(Kind::TOP, |kind, value| kind & self.kind_of(value));
        if plain && !kind.is_bottom() {
            self.update_kind(v, kind, Elem::Value(Value::Conjunction(Rc::clone(values))), close);
        }
    }

    fn test(&mut self, op: Op, a: &Value<'p>, b: &Value<'p>) -> R<'p, bool> {
        Ok(matches!(Self::caught(self.operate(op, a, b))?, Ok(Value::Bool(true))))
    }

    /// One value for both bounds, an error if they exclude each other, or nothing if both are needed.
    pub(super) fn simplify_bounds(
        &mut self,
        kind: Kind,
        x: &Rc<Bound<'p>>,
        y: &Rc<Bound<'p>>,
    ) -> R<'p, Option<Value<'p>>> {
        let keep = |bound: &Rc<Bound<'p>>| Some(Value::Bound(Rc::clone(bound)));
        match (side(x.op), side(y.op)) {
            (Side::Other(a), Side::Other(b)) if a == b => {
                Ok(if self.test(Op::Equal, &x.value, &y.value)? { keep(x) } else { None })
            }
            (a, b) if a == b => {
                let tighter = match x.op {
                    Op::Greater => Op::GreaterEqual,
                    Op::GreaterEqual => Op::Greater,
                    Op::Less => Op::LessEqual,
                    _ => Op::Less,
                };
                Ok(if self.test(tighter, &x.value, &y.value)? { keep(x) } else { keep(y) })
            }
            (Side::Above, Side::Below) => self.simplify_opposite(kind, x, y),
            (Side::Below, Side::Above) => self.simplify_opposite(kind, y, x),
            (Side::Other(Op::NotEqual), _) => Ok(if self.test(y.op, &x.value, &y.value)? { None } else { keep(y) }),
            (_, Side::Other(Op::NotEqual)) => Ok(if self.test(x.op, &y.value, &x.value)? { None } else { keep(x) }),
            _ => Ok(None),
        }
    }

    fn simplify_opposite(&mut self, kind: Kind, low: &Rc<Bound<'p>>, high: &Rc<Bound<'p>>) -> R<'p, Option<Value<'p>>> {
        let closed = low.op == Op::GreaterEqual && high.op == Op::LessEqual;
        let compared = match (&low.value, &high.value) {
            (Value::String(a), Value::String(b)) if kind == Kind::STRING => ("string", a.as_bytes().cmp(b.as_bytes())),
            (Value::Bytes(a), Value::Bytes(b)) if kind == Kind::BYTES => ("bytes", a.cmp(b)),
            (Value::Number(a), Value::Number(b)) => return self.simplify_numbers(kind, low, high, a, b),
            _ => return Ok(None),
        };
        match compared {
            (_, std::cmp::Ordering::Less) => Ok(None),
            // One value is left; but CUE keeps the bounds, and takes it for no value.
            (_, std::cmp::Ordering::Equal) if closed => Ok(None),
            (name, _) => self.incompatible(name, high, low),
        }
    }

    fn incompatible<T>(&mut self, name: &str, a: &Rc<Bound<'p>>, b: &Rc<Bound<'p>>) -> R<'p, T> {
        let nodes = vec![Value::Bound(Rc::clone(a)).into(), Value::Bound(Rc::clone(b)).into()];
        self.fail(Code::Eval, &format!("incompatible {name} bounds {{}} and {{}}"), nodes)
    }

    fn simplify_numbers(
        &mut self,
        kind: Kind,
        x: &Rc<Bound<'p>>,
        y: &Rc<Bound<'p>>,
        a: &Number,
        b: &Number,
    ) -> R<'p, Option<Value<'p>>> {
        let whole = !kind.meets(Kind::FLOAT);
        let out_of_range = |_| Stop::Unsupported("a number out of range".to_owned());
        let (mut low, mut high) = (a.clone(), b.clone());
        if whole {
            low = if x.op == Op::GreaterEqual { a.ceil() } else { a.floor() }.map_err(out_of_range)?;
            high = if y.op == Op::LessEqual { b.floor() } else { b.ceil() }.map_err(out_of_range)?;
        }
        let name = if kind == Kind::INT { "integer" } else { "number" };
        let Ok(distance) = high.sub(&low) else { return Ok(None) };
        if distance.is_negative() {
            return self.incompatible(name, y, x);
        }
        match (distance.to_i64(), x.op, y.op) {
            (Some(0), Op::GreaterEqual, Op::LessEqual) => Ok(None),
            (Some(0), ..) => self.incompatible(name, y, x),
            (Some(1), Op::Greater, Op::Less) if whole => self.incompatible("integer", x, y),
            _ => Ok(None),
        }
    }
}
