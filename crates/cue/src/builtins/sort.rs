//! `list.Sort` and its like: a comparer is a struct with `x`, `y` and `less`.

use std::sync::Arc;

use super::args::{Args, charge, failure, strings, weight};
use super::list::copy_budget;
use super::{Builtin, BuiltinError, CallContext, Parameter, Schema, Value};
use crate::kind::Kind;

type Result<T> = std::result::Result<T, BuiltinError>;

type Call = fn(&mut CallContext<'_>, &[Value]) -> Result<Value>;

/// A function of a list and a comparer.
pub(super) const fn builtin(name: &'static str, result: Kind, call: Call) -> Builtin {
    const PARAMETERS: &[Parameter] = &[
        Parameter { kind: Kind::LIST, default: None, schema: false },
        Parameter { kind: Kind::TOP, default: None, schema: true },
    ];
    Builtin { package: "list", name, parameters: PARAMETERS, result, non_concrete: false, call }
}

/// `list.Sort`: stable.
pub(super) fn sort(context: &mut CallContext<'_>, values: &[Value]) -> Result<Value> {
    let (items, comparer) = operands(context, values, "list.Sort")?;
    copy_budget(context, items)?;
    // CUE looks the comparison up before there is anything to compare.
    let nothing = Value::Struct { fields: Vec::new(), closed: false, spare: None };
    const MISSING: &str = "field not found: less";
    match context.host.unify(comparer, &nothing)? {
        Some(Value::Struct { fields, .. }) if fields.iter().any(|(name, _)| &**name == "less") => {}
        Some(Value::Struct { closed: false, .. }) => return Err(BuiltinError::Incomplete(MISSING.into())),
        _ => return Err(failure(MISSING)),
    }
    let sorted = merge_sort(context, comparer, items.iter().collect())?;
    Ok(Value::list(sorted.into_iter().cloned().collect()))
}

/// `list.IsSorted`
pub(super) fn is_sorted(context: &mut CallContext<'_>, values: &[Value]) -> Result<Value> {
    let (items, comparer) = operands(context, values, "list.IsSorted")?;
    for pair in items.windows(2).rev() {
        if let [a, b] = pair
            && less(context, comparer, b, a)?
        {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

/// `list.SortStrings`
pub(super) fn sort_strings(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let mut texts = args.strings(0)?;
    texts.sort_unstable();
    strings(context, texts.into_iter())
}

fn operands<'a>(
    context: &mut CallContext<'_>,
    values: &'a [Value],
    function: &'static str,
) -> Result<(&'a [Value], Schema)> {
    charge(context, values)?;
    let args = Args { function, values };
    match args.value(1)? {
        Value::Schema(comparer) => Ok((args.list(0)?, *comparer)),
        _ => Err(BuiltinError::Unsupported(format!("{function} with a comparer that is no struct"))),
    }
}

/// In runs of 20 by insertion, as Go begins (so that the first comparison that fails is the same one), then by merging.
fn merge_sort<'v>(
    context: &mut CallContext<'_>,
    comparer: Schema,
    mut items: Vec<&'v Value>,
) -> Result<Vec<&'v Value>> {
    for run in items.chunks_mut(20) {
        for end in 1..run.len() {
            for at in (1..=end).rev() {
                let Some([a, b]) = run.get_mut(at - 1..=at) else { break };
                if !less(context, comparer, b, a)? {
                    break;
                }
                std::mem::swap(a, b);
            }
        }
    }
    let mut width = 20;
    while width < items.len() {
        let mut merged = Vec::with_capacity(items.len());
        for pair in items.chunks(width.saturating_mul(2)) {
            let (left, right) = pair.split_at_checked(width).unwrap_or((pair, &[]));
            merge(context, comparer, left, right, &mut merged)?;
        }
        items = merged;
        width = width.saturating_mul(2);
    }
    Ok(items)
}

fn merge<'v>(
    context: &mut CallContext<'_>,
    comparer: Schema,
    mut left: &[&'v Value],
    mut right: &[&'v Value],
    merged: &mut Vec<&'v Value>,
) -> Result<()> {
    while let ([a, left_rest @ ..], [b, right_rest @ ..]) = (left, right) {
        if less(context, comparer, b, a)? {
            merged.push(b);
            right = right_rest;
        } else {
            merged.push(a);
            left = left_rest;
        }
    }
    merged.extend(left);
    merged.extend(right);
    Ok(())
}

fn less(context: &mut CallContext<'_>, comparer: Schema, x: &Value, y: &Value) -> Result<bool> {
    context.host.spend(weight(x).saturating_add(weight(y)))?;
    let fields = vec![(Arc::from("x"), x.clone()), (Arc::from("y"), y.clone())];
    let pair = Value::Struct { fields, closed: false, spare: None };
    let compared = context.host.unify(comparer, &pair)?;
    let Some(Value::Struct { fields, .. }) = compared else {
        return Err(BuiltinError::Unsupported("list.Sort: the comparer does not take the elements".into()));
    };
    match fields.iter().find(|(name, _)| &**name == "less") {
        Some((_, Value::Bool(less))) => Ok(*less),
        _ => Err(BuiltinError::Unsupported("list.Sort: the comparer's less is no boolean".into())),
    }
}
