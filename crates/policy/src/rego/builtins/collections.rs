//! Comparison, arrays, sets, objects and types (`topdown/comparison.go`, `aggregates.go`, `array.go`, `sets.go`,
//! `object.go`, `type.go`).

use std::collections::{BTreeMap, BTreeSet};

use super::super::value::Value;
use super::table::{Args, Stop};

type Result = std::result::Result<Value, Stop>;

macro_rules! comparisons {
    ($($name:ident $sign:tt),*) => {
        $(pub(super) fn $name(args: &Args<'_>) -> Result {
            Ok(Value::Bool(args.get(0)? $sign args.get(1)?))
        })*
    };
}

comparisons!(equal ==, neq !=, lt <, gt >, lte <=, gte >=);

macro_rules! kinds {
    ($($name:ident $kind:literal),*) => {
        $(pub(super) fn $name(args: &Args<'_>) -> Result {
            Ok(Value::Bool(args.get(0)?.kind() == $kind))
        })*
    };
}

kinds!(
    is_number "number", is_string "string", is_boolean "boolean", is_array "array", is_set "set", is_object "object",
    is_null "null"
);

pub(super) fn type_name(args: &Args<'_>) -> Result {
    Ok(Value::text(args.get(0)?.kind()))
}

pub(super) fn count(args: &Args<'_>) -> Result {
    Ok(Value::count(match args.get(0)? {
        Value::Array(node) => node.items.len(),
        Value::Object(node) => node.items.len(),
        Value::Set(node) => node.items.len(),
        Value::String(text) => text.chars().count(),
        _ => return Err(Stop::Undefined),
    }))
}

/// The last of equal ones, as OPA has it.
pub(super) fn max(args: &Args<'_>) -> Result {
    args.elements(0)?.into_iter().max().cloned().ok_or(Stop::Undefined)
}

/// The last of equal ones; null counts in a set only where nothing else is.
pub(super) fn min(args: &Args<'_>) -> Result {
    let is_set = matches!(args.get(0)?, Value::Set(_));
    let mut items = args.elements(0)?;
    if is_set && items.len() > 1 {
        items.retain(|v| **v != Value::Null);
    }
    items.into_iter().rev().min().cloned().ok_or(Stop::Undefined)
}

pub(super) fn sort(args: &Args<'_>) -> Result {
    let mut items: Vec<Value> = args.elements(0)?.into_iter().cloned().collect();
    items.sort();
    Ok(Value::array(items)?)
}

pub(super) fn any(args: &Args<'_>) -> Result {
    Ok(Value::Bool(args.elements(0)?.contains(&&Value::Bool(true))))
}

pub(super) fn all(args: &Args<'_>) -> Result {
    Ok(Value::Bool(args.elements(0)?.iter().all(|v| **v == Value::Bool(true))))
}

fn array<'a>(args: &'a Args<'_>, n: usize) -> std::result::Result<&'a [Value], Stop> {
    args.get(n)?.as_array().ok_or(Stop::Undefined)
}

pub(super) fn array_concat(args: &Args<'_>) -> Result {
    Ok(Value::array([array(args, 0)?, array(args, 1)?].concat())?)
}

pub(super) fn array_slice(args: &Args<'_>) -> Result {
    let items = array(args, 0)?;
    let clamp = |at: i64| usize::try_from(at.max(0)).unwrap_or(usize::MAX).min(items.len());
    let (start, stop) = (clamp(args.int(1)?), clamp(args.int(2)?));
    Ok(Value::array(items.get(start.min(stop)..stop).unwrap_or_default().to_vec())?)
}

pub(super) fn array_reverse(args: &Args<'_>) -> Result {
    Ok(Value::array(array(args, 0)?.iter().rev().cloned().collect())?)
}

fn set<'a>(args: &'a Args<'_>, n: usize) -> std::result::Result<&'a BTreeSet<Value>, Stop> {
    args.get(n)?.as_set().ok_or(Stop::Undefined)
}

/// Of equal elements, those of the smaller set are kept: `1` and `1.0` are equal and print differently.
fn common(a: &BTreeSet<Value>, b: &BTreeSet<Value>) -> BTreeSet<Value> {
    let (small, large) = if b.len() < a.len() { (b, a) } else { (a, b) };
    small.iter().filter(|v| large.contains(v)).cloned().collect()
}

pub(super) fn and(args: &Args<'_>) -> Result {
    Ok(Value::set(common(set(args, 0)?, set(args, 1)?))?)
}

pub(super) fn or(args: &Args<'_>) -> Result {
    Ok(Value::set(set(args, 0)?.union(set(args, 1)?).cloned().collect())?)
}

pub(super) fn intersection(args: &Args<'_>) -> Result {
    let mut all: Option<BTreeSet<Value>> = None;
    for item in set(args, 0)? {
        let item = item.as_set().ok_or(Stop::Undefined)?;
        all = Some(match all {
            None => item.clone(),
            Some(all) => common(&all, item),
        });
    }
    Ok(Value::set(all.unwrap_or_default())?)
}

pub(super) fn union(args: &Args<'_>) -> Result {
    let mut all = BTreeSet::new();
    for item in set(args, 0)? {
        all.extend(item.as_set().ok_or(Stop::Undefined)?.iter().cloned());
    }
    Ok(Value::set(all)?)
}

fn object<'a>(args: &'a Args<'_>, n: usize) -> std::result::Result<&'a BTreeMap<Value, Value>, Stop> {
    args.get(n)?.as_object().ok_or(Stop::Undefined)
}

/// An array as a key is a path.
pub(super) fn object_get(args: &Args<'_>) -> Result {
    let members = object(args, 0)?;
    let key = args.get(1)?;
    let found = match key {
        Value::Array(path) => path.items.iter().try_fold(args.get(0)?, |at, part| at.get(part)),
        key => members.get(key),
    };
    Ok(found.unwrap_or(args.get(2)?).clone())
}

/// Names in an array, a set, or the names of an object.
fn names(args: &Args<'_>) -> std::result::Result<BTreeSet<Value>, Stop> {
    match args.get(1)? {
        Value::Object(node) => Ok(node.items.keys().cloned().collect()),
        _ => Ok(args.elements(1)?.into_iter().cloned().collect()),
    }
}

pub(super) fn object_remove(args: &Args<'_>) -> Result {
    let names = names(args)?;
    let left = object(args, 0)?.iter().filter(|(k, _)| !names.contains(k));
    Ok(Value::object(left.map(|(k, v)| (k.clone(), v.clone())).collect())?)
}

pub(super) fn object_filter(args: &Args<'_>) -> Result {
    let names = names(args)?;
    let left = object(args, 0)?.iter().filter(|(k, _)| names.contains(k));
    Ok(Value::object(left.map(|(k, v)| (k.clone(), v.clone())).collect())?)
}

pub(super) fn object_keys(args: &Args<'_>) -> Result {
    Ok(Value::set(object(args, 0)?.keys().cloned().collect())?)
}

/// Objects are merged member by member; of anything else the second counts.
fn merged(a: &Value, b: &Value) -> Result {
    let (Value::Object(first), Value::Object(second)) = (a, b) else { return Ok(b.clone()) };
    let mut all = first.items.clone();
    for (key, value) in &second.items {
        let value = match first.items.get(key) {
            Some(known) => merged(known, value)?,
            None => value.clone(),
        };
        all.insert(key.clone(), value);
    }
    Ok(Value::object(all)?)
}

pub(super) fn object_union(args: &Args<'_>) -> Result {
    object(args, 0)?;
    object(args, 1)?;
    merged(args.get(0)?, args.get(1)?)
}

pub(super) fn object_union_n(args: &Args<'_>) -> Result {
    let mut all = Value::object(BTreeMap::new())?;
    for item in array(args, 0)? {
        item.as_object().ok_or(Stop::Undefined)?;
        all = merged(&all, item)?;
    }
    Ok(all)
}

/// `x in xs`
pub(super) fn member_2(args: &Args<'_>) -> Result {
    let wanted = args.get(0)?;
    Ok(Value::Bool(match args.get(1)? {
        Value::Array(node) => node.items.contains(wanted),
        Value::Set(node) => node.items.contains(wanted),
        Value::Object(node) => node.items.values().any(|v| v == wanted),
        _ => false,
    }))
}

/// `k, x in xs`
pub(super) fn member_3(args: &Args<'_>) -> Result {
    let (key, wanted, of) = (args.get(0)?, args.get(1)?, args.get(2)?);
    Ok(Value::Bool(of.get(key).is_some_and(|found| found == wanted)))
}
