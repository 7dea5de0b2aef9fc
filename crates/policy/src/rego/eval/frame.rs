//! Variables during an evaluation, and how it ends without a value.

use crate::rego::plan::Node;
use crate::rego::value::{TooLarge, Value};

/// Why an evaluation has no value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Fault {
    /// OPA fails here too.
    #[error("sigstore.rego:{line}: eval_conflict_error: {message}")]
    Conflict { line: usize, message: &'static str },
    /// A budget is used up.
    #[error("evaluation takes more than {limit} {what}")]
    Limit { what: &'static str, limit: u64 },
    /// A value would be too large or too deep.
    #[error("evaluation makes a value that is too large")]
    TooLarge,
    /// A built-in function was asked for something that it does not do.
    #[error("sigstore.rego:{line}: not supported: {what}")]
    Unsupported { line: usize, what: &'static str },
}

impl From<TooLarge> for Fault {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

/// The variables of a body.
pub(super) struct Frame {
    slots: Vec<Option<Value>>,
    /// Slots in the order in which they were bound.
    trail: Vec<usize>,
}

impl Frame {
    pub(super) fn new(slots: usize) -> Self {
        Self { slots: vec![None; slots], trail: Vec::new() }
    }

    pub(super) fn get(&self, slot: usize) -> Option<&Value> {
        self.slots.get(slot).and_then(Option::as_ref)
    }

    pub(super) fn bind(&mut self, slot: usize, value: Value) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(value);
            self.trail.push(slot);
        }
    }

    /// How much is bound, for [`Frame::undo`].
    pub(super) fn mark(&self) -> usize {
        self.trail.len()
    }

    pub(super) fn undo(&mut self, mark: usize) {
        while self.trail.len() > mark {
            if let Some(place) = self.trail.pop().and_then(|slot| self.slots.get_mut(slot)) {
                *place = None;
            }
        }
    }

    pub(super) fn is_bound(&self, node: &Node) -> bool {
        match node {
            Node::Const(_) | Node::Comprehension(_) => true,
            Node::Slot(slot) => self.get(*slot).is_some(),
            Node::Array(items) | Node::Set(items) => items.iter().all(|n| self.is_bound(n)),
            Node::Object(pairs) => pairs.iter().all(|(k, v)| self.is_bound(k) && self.is_bound(v)),
            Node::Ref(_, path) => path.iter().all(|n| self.is_bound(n)),
        }
    }

    /// Whether evaluating it goes through elements.
    pub(super) fn iterates(&self, node: &Node) -> bool {
        matches!(node, Node::Ref(_, path) if path.iter().any(|n| !self.is_bound(n)))
    }
}
