//! Values: JSON and sets, in OPA's order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::number::Number;
use crate::limits::{MAX_VALUE_DEPTH, MAX_VALUE_WEIGHT};

/// A value. The order of the variants is OPA's (`ast.Compare`), and so is the order within each: it decides which
/// element of a set comes first.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    Array(Arc<Node<Vec<Value>>>),
    Object(Arc<Node<BTreeMap<Value, Value>>>),
    Set(Arc<Node<BTreeSet<Value>>>),
}

/// A composite with what it costs to look at all of it.
#[derive(Debug)]
pub(crate) struct Node<T> {
    pub(crate) items: T,
    /// Shared parts count each time, as they do for whoever walks or prints the value.
    weight: usize,
    depth: usize,
}

impl<T: Ord> Ord for Node<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.items.cmp(&other.items)
    }
}

impl<T: Ord> PartialOrd for Node<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: PartialEq> PartialEq for Node<T> {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items
    }
}

impl<T: Eq> Eq for Node<T> {}

/// A value that would be beyond [`MAX_VALUE_WEIGHT`] or [`MAX_VALUE_DEPTH`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TooLarge;

impl Value {
    pub(crate) fn text(text: &str) -> Self {
        Self::String(text.into())
    }

    pub(crate) fn int(int: i64) -> Self {
        Self::Number(Number::Int(int))
    }

    pub(crate) fn count(n: usize) -> Self {
        Self::Number(Number::from_usize(n))
    }

    pub(crate) fn array(items: Vec<Self>) -> Result<Self, TooLarge> {
        let (weight, depth) = measure(items.iter())?;
        Ok(Self::Array(Arc::new(Node { items, weight, depth })))
    }

    pub(crate) fn object(items: BTreeMap<Self, Self>) -> Result<Self, TooLarge> {
        let (weight, depth) = measure(items.iter().flat_map(|(k, v)| [k, v]))?;
        Ok(Self::Object(Arc::new(Node { items, weight, depth })))
    }

    pub(crate) fn set(items: BTreeSet<Self>) -> Result<Self, TooLarge> {
        let (weight, depth) = measure(items.iter())?;
        Ok(Self::Set(Arc::new(Node { items, weight, depth })))
    }

    /// What it costs to compare, copy or print it.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 1,
            Self::Number(number) => match number {
                Number::Int(_) => 1,
                Number::Decimal(_) => 4,
            },
            Self::String(text) => (text.len() / 16).saturating_add(1),
            Self::Array(node) => node.weight,
            Self::Object(node) => node.weight,
            Self::Set(node) => node.weight,
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::Array(node) => node.depth,
            Self::Object(node) => node.depth,
            Self::Set(node) => node.depth,
            _ => 0,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(node) => Some(&node.items),
            _ => None,
        }
    }

    pub(crate) fn as_object(&self) -> Option<&BTreeMap<Self, Self>> {
        match self {
            Self::Object(node) => Some(&node.items),
            _ => None,
        }
    }

    pub(crate) fn as_set(&self) -> Option<&BTreeSet<Self>> {
        match self {
            Self::Set(node) => Some(&node.items),
            _ => None,
        }
    }

    /// The member of that name; a set is indexed by its elements, an array by integers, of which `1.0`
    /// is none.
    pub(crate) fn get(&self, key: &Self) -> Option<&Self> {
        match self {
            Self::Array(node) => node.items.get(usize::try_from(key.as_number()?.as_int()?).ok()?),
            Self::Object(node) => node.items.get(key),
            Self::Set(node) => node.items.get(key),
            _ => None,
        }
    }

    /// The text of a type, as `type_name` says it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Set(_) => "set",
        }
    }
}

fn measure<'a>(items: impl Iterator<Item = &'a Value>) -> Result<(usize, usize), TooLarge> {
    let (mut weight, mut depth) = (1_usize, 0_usize);
    for item in items {
        weight = weight.saturating_add(item.weight());
        depth = depth.max(item.depth());
    }
    let depth = depth.saturating_add(1);
    if weight > MAX_VALUE_WEIGHT || depth > MAX_VALUE_DEPTH {
        return Err(TooLarge);
    }
    Ok((weight, depth))
}
