//! Unification of terms with each other and with values.

use super::frame::{Fault, Frame};
use super::{Eval, Evaluation};
use crate::rego::plan::Node;
use crate::rego::value::Value;

impl Evaluation<'_> {
    /// Parts are unified as soon as one side is bound: `[x, 1] = [y, y]` binds `y` first.
    pub(super) fn unify(&mut self, frame: &mut Frame, a: &Node, b: &Node) -> Eval<bool> {
        let mut waiting = vec![(a, b)];
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut rest = Vec::new();
            let mut progress = false;
            for (a, b) in waiting {
                let (known, open) = if frame.is_bound(a) { (a, b) } else { (b, a) };
                if frame.is_bound(known) {
                    let Some(value) = self.value(frame, known)? else { return Ok(false) };
                    if !self.unify_value(frame, open, &value)? {
                        return Ok(false);
                    }
                    progress = true;
                    continue;
                }
                match (a, b) {
                    (Node::Array(xs), Node::Array(ys)) if xs.len() == ys.len() => {
                        rest.extend(xs.iter().zip(ys));
                        progress = true;
                    }
                    (Node::Object(xs), Node::Object(ys)) if xs.len() == ys.len() => {
                        for (key, x) in xs {
                            let Some(y) = self.member(frame, key, ys)? else { return Ok(false) };
                            rest.push((x, y));
                        }
                        progress = true;
                    }
                    (Node::Slot(_), _) | (_, Node::Slot(_)) => rest.push((a, b)),
                    _ => return Ok(false),
                }
            }
            if !progress && rest.len() == before {
                return Err(Fault::Unsupported { line: self.line, what: "two variables that nothing binds" });
            }
            waiting = rest;
        }
        Ok(true)
    }

    fn member<'n>(&mut self, frame: &mut Frame, key: &Node, of: &'n [(Node, Node)]) -> Eval<Option<&'n Node>> {
        let key = self.value(frame, key)?;
        let mut found = None;
        for (other, value) in of {
            if key.is_some() && self.value(frame, other)? == key {
                found = Some(value);
            }
        }
        Ok(found)
    }

    pub(super) fn unify_value(&mut self, frame: &mut Frame, node: &Node, value: &Value) -> Eval<bool> {
        match node {
            Node::Slot(slot) => match frame.get(*slot) {
                Some(known) => {
                    let (same, cost) = (known == value, known.weight().min(value.weight()));
                    self.step(cost)?;
                    Ok(same)
                }
                None => {
                    frame.bind(*slot, value.clone());
                    Ok(true)
                }
            },
            Node::Const(known) => {
                self.step(known.weight().min(value.weight()))?;
                Ok(known == value)
            }
            Node::Array(items) => {
                let Some(found) = value.as_array() else { return Ok(false) };
                if found.len() != items.len() {
                    return Ok(false);
                }
                for (item, value) in items.iter().zip(found) {
                    if !self.unify_value(frame, item, value)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Node::Object(pairs) => {
                let Some(found) = value.as_object() else { return Ok(false) };
                if found.len() != pairs.len() {
                    return Ok(false);
                }
                for (key, item) in pairs {
                    let Some(key) = self.value(frame, key)? else { return Ok(false) };
                    match found.get(&key) {
                        Some(value) if self.unify_value(frame, item, value)? => {}
                        _ => return Ok(false),
                    }
                }
                Ok(true)
            }
            Node::Set(_) | Node::Ref(..) | Node::Comprehension(_) => {
                let Some(known) = self.value(frame, node)? else { return Ok(false) };
                self.step(known.weight().min(value.weight()))?;
                Ok(known == *value)
            }
        }
    }
}
