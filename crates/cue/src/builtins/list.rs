//! Package `list`.

use super::args::{Args, builtin, failure, length, list_budget, weight};
use super::{Builtin, BuiltinError, CallContext, Member, Parameter, Validation, Value, sort};
use crate::kind::Kind;
use crate::limits::MAX_LIST_VALUES;
use crate::number::{Number, NumberFault};

type Result<T> = std::result::Result<T, BuiltinError>;

/// The functions.
pub(super) static FUNCTIONS: &[Builtin] = &[
    builtin!("list", "Drop", [Kind::LIST, Kind::INT] => Kind::LIST, drop_first),
    builtin!("list", "FlattenN", [Kind::TOP, Kind::INT] => Kind::LIST, flatten),
    builtin!("list", "Repeat", [Kind::LIST, Kind::INT] => Kind::LIST, repeat),
    builtin!("list", "Concat", [Kind::LIST] => Kind::LIST, concat),
    builtin!("list", "Take", [Kind::LIST, Kind::INT] => Kind::LIST, take),
    builtin!("list", "Slice", [Kind::LIST, Kind::INT, Kind::INT] => Kind::LIST, slice),
    builtin!("list", "Reverse", [Kind::LIST] => Kind::LIST, |context, args: &Args<'_>| {
        let items = args.list(0)?;
        copy_budget(context, items)?;
        Ok(Value::list(items.iter().rev().cloned().collect()))
    }),
    builtin!("list", "MinItems", [Kind::LIST, Kind::INT] => Kind::BOOL, min_items),
    builtin!("list", "MaxItems", [Kind::LIST, Kind::INT] => Kind::BOOL, max_items),
    builtin!("list", "UniqueItems", [Kind::LIST] => Kind::BOOL, unique_items),
    builtin!("list", "Contains", [Kind::LIST, Kind::TOP] => Kind::BOOL, contains),
    Builtin {
        package: "list",
        name: "MatchN",
        parameters: &[
            Parameter { kind: Kind::LIST, default: None, schema: false },
            Parameter { kind: Kind::TOP, default: None, schema: true },
            Parameter { kind: Kind::TOP, default: None, schema: true },
        ],
        result: Kind::BOOL,
        non_concrete: true,
        call: |context, values| match_n(context, &Args { function: "list.MatchN", values }),
    },
    builtin!("list", "Avg", [Kind::LIST] => Kind::NUMBER, average),
    builtin!("list", "Max", [Kind::LIST] => Kind::NUMBER, |_, args: &Args<'_>| {
        extreme(args, |best, next| best < next)
    }),
    builtin!("list", "Min", [Kind::LIST] => Kind::NUMBER, |_, args: &Args<'_>| {
        extreme(args, |best, next| best > next)
    }),
    builtin!("list", "Product", [Kind::LIST] => Kind::NUMBER, |_, args: &Args<'_>| {
        let one = Number::int(1);
        let product = args.numbers(0)?.into_iter().try_fold(one, |product, x| product.mul(x)).map_err(fault)?;
        detected(&product)
    }),
    builtin!("list", "Range", [Kind::NUMBER, Kind::NUMBER, Kind::NUMBER] => Kind::LIST, range),
    builtin!("list", "Sum", [Kind::LIST] => Kind::NUMBER, |_, args: &Args<'_>| {
        detected(&sum(args)?)
    }),
    sort::builtin("Sort", Kind::LIST, sort::sort),
    sort::builtin("SortStable", Kind::LIST, sort::sort),
    builtin!("list", "SortStrings", [Kind::LIST] => Kind::LIST, |context, args| sort::sort_strings(context, args)),
    sort::builtin("IsSorted", Kind::BOOL, sort::is_sorted),
    builtin!("list", "IsSortedStrings", [Kind::LIST] => Kind::BOOL, |_, args: &Args<'_>| {
        Ok(Value::Bool(args.strings(0)?.is_sorted()))
    }),
];

/// What the package defines in CUE: comparers for `Sort`.
pub(super) fn comparer(name: &str) -> Option<Member> {
    Some(Member::Source(match name {
        "Comparer" => "{T: _, x: T, y: T, less: bool}",
        "Ascending" => "{{T: _, x: T, y: T, less: bool}, T: number | string, x: T, y: T, less: x < y}",
        "Descending" => "{{T: _, x: T, y: T, less: bool}, T: number | string, x: T, y: T, less: x > y}",
        _ => return None,
    }))
}

/// A number that was computed.
pub(super) fn detected(number: &Number) -> Result<Value> {
    number.detected().map(Value::Number).map_err(fault)
}

/// Arithmetic that went wrong, in CUE's words; what is too large for us has no verdict.
pub(super) fn fault(fault: NumberFault) -> BuiltinError {
    match fault {
        NumberFault::TooLarge => BuiltinError::Unsupported("a number is too large".into()),
        other => failure(other.to_string()),
    }
}

/// Whether two values are equal, as CUE compares what is in lists: `1` and `1.0` are not. Nothing if it depends on what
/// is not concrete.
fn equal(context: &mut CallContext<'_>, a: &Value, b: &Value) -> Result<bool> {
    context.host.spend(1)?;
    Ok(match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.kind() == b.kind() && a == b,
        (Value::List { items: a, .. }, Value::List { items: b, .. }) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b) {
                if !equal(context, a, b)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Struct { fields: a, .. }, Value::Struct { fields: b, .. }) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            context.host.spend(length(a.len()).saturating_mul(length(b.len())) / 16)?;
            for (name, a) in a {
                match b.iter().find(|(other, _)| other == name) {
                    Some((_, b)) if equal(context, a, b)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Value::Incomplete { .. } | Value::Schema(_), Value::Incomplete { .. } | Value::Schema(_)) => {
            if !a.kind().meets(b.kind()) {
                return Ok(false);
            }
            return Err(BuiltinError::Unsupported("values that are not concrete are compared".into()));
        }
        // A constraint is no value, whatever it allows.
        _ => a == b,
    })
}

/// Asks leave to copy elements. A constraint among them is known by its kind alone: it would be lost.
pub(super) fn copy_budget(context: &mut CallContext<'_>, items: &[Value]) -> Result<()> {
    list_budget(context, items.iter().map(weight).fold(0, u64::saturating_add))?;
    if items.iter().any(is_constrained) {
        return Err(BuiltinError::Unsupported("a list function over constraints that are not concrete".into()));
    }
    Ok(())
}

fn is_constrained(value: &Value) -> bool {
    match value {
        Value::List { items, .. } => items.iter().any(is_constrained),
        Value::Struct { fields, .. } => fields.iter().any(|(_, value)| is_constrained(value)),
        Value::Incomplete { kind, text, origin } => origin.is_none() && **text != *kind.to_string(),
        _ => false,
    }
}

fn copied(context: &mut CallContext<'_>, items: &[Value]) -> Result<Value> {
    copy_budget(context, items)?;
    Ok(Value::list(items.to_vec()))
}

/// Go's `int` as an index that is not negative.
fn index(args: &Args<'_>, at: usize, negative: &str) -> Result<usize> {
    let value = args.int(at)?;
    if value < 0 {
        return Err(failure(negative));
    }
    Ok(usize::try_from(value).unwrap_or(usize::MAX))
}

fn drop_first(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let n = index(args, 1, "negative index")?;
    copied(context, args.list(0)?.get(n..).unwrap_or_default())
}

fn take(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let n = index(args, 1, "negative index")?;
    let items = args.list(0)?;
    copied(context, items.get(..n).unwrap_or(items))
}

fn slice(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let from = index(args, 1, "negative index")?;
    let to = args.int(2)?;
    let to = usize::try_from(to)
        .ok()
        .filter(|to| from <= *to)
        .ok_or_else(|| failure(format!("invalid index: {from} > {to}")))?;
    let part = args.list(0)?.get(from..to).ok_or_else(|| failure("slice bounds out of range"))?;
    copied(context, part)
}

fn repeat(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let items = args.list(0)?;
    let count = index(args, 1, "negative count")?;
    let count = if items.is_empty() { 0 } else { count };
    copy_budget(context, items)?;
    let once = items.iter().map(weight).fold(0, u64::saturating_add);
    list_budget(context, once.saturating_mul(length(count)))?;
    Ok(Value::list(items.iter().cycle().take(items.len().saturating_mul(count)).cloned().collect()))
}

fn concat(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let lists = args.list(0)?;
    copy_budget(context, lists)?;
    let mut all = Vec::new();
    for list in lists {
        match list {
            Value::List { items, .. } => all.extend(items.iter().cloned()),
            other => return Err(not_a_list(other)),
        }
    }
    Ok(Value::list(all))
}

pub(super) fn not_a_list(value: &Value) -> BuiltinError {
    match value {
        Value::Incomplete { kind, .. } if kind.meets(Kind::LIST) => {
            BuiltinError::Incomplete(format!("cannot use value {value} (type {}) as list", value.kind()))
        }
        _ => failure(format!("cannot use value {value} (type {}) as list", value.kind())),
    }
}

fn flatten(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let list = args.value(0)?;
    let depth = args.int(1)?;
    let Value::List { items, .. } = list else { return Err(not_a_list(list)) };
    copy_budget(context, items)?;
    let mut flat = Vec::new();
    flatten_into(items, depth, &mut flat);
    Ok(Value::list(flat))
}

/// Values are no deeper than the evaluator made them.
fn flatten_into(items: &[Value], depth: i64, flat: &mut Vec<Value>) {
    for item in items {
        match item {
            Value::List { items, .. } if depth != 0 => flatten_into(items, depth.saturating_sub(1), flat),
            other => flat.push(other.clone()),
        }
    }
}

fn min_items(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let count = args.list(0)?.len();
    let min = args.int(1)?;
    if i64::try_from(count).is_ok_and(|count| count >= min) {
        return Ok(Value::Bool(true));
    }
    let why = format!("len(list) < MinItems({min}) ({count} < {min})");
    // An open list may still grow: not an error yet.
    let open = matches!(args.value(0)?, Value::List { open: true, .. });
    if context.is_validator && open { Err(BuiltinError::Incomplete(why)) } else { Err(BuiltinError::Invalid(why)) }
}

fn max_items(_: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let count = args.list(0)?.len();
    let max = args.int(1)?;
    if i64::try_from(count).is_ok_and(|count| count <= max) {
        return Ok(Value::Bool(true));
    }
    Err(BuiltinError::Invalid(format!("len(list) > MaxItems({max}) ({count} > {max})")))
}

/// CUE reports the first pair whose later value cannot change any more, else the last pair that is equal so far.
fn unique_items(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let items = args.list(0)?;
    let mut pair = None;
    'all: for (first, a) in items.iter().enumerate() {
        for (second, b) in items.iter().enumerate().skip(first + 1) {
            if equal(context, a, b)? {
                pair = Some((first, second, a, is_final(b)));
                if is_final(b) {
                    break 'all;
                }
            }
        }
    }
    let Some((first, second, value, is_final)) = pair else { return Ok(Value::Bool(true)) };
    let why = match value {
        Value::List { .. } | Value::Struct { .. } => format!("equal values at position {first} and {second}"),
        scalar => format!("equal value ({scalar}) at position {first} and {second}"),
    };
    if context.is_validator && !is_final {
        return Err(BuiltinError::Incomplete(why));
    }
    Err(BuiltinError::Invalid(why))
}

/// Whether nothing can be added to a value.
fn is_final(value: &Value) -> bool {
    match value {
        Value::List { .. } => false,
        Value::Struct { fields, closed, .. } => *closed && fields.iter().all(|(_, value)| is_final(value)),
        Value::Incomplete { .. } | Value::Schema(_) => false,
        _ => true,
    }
}

fn contains(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let wanted = args.value(1)?;
    for item in args.list(0)? {
        if equal(context, item, wanted)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn match_n(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let (Value::Schema(count), Value::Schema(wanted)) = (args.value(1)?, args.value(2)?) else {
        return Err(BuiltinError::Unsupported("list.MatchN over plain values".into()));
    };
    let mut matched = 0_u64;
    for item in args.list(0)? {
        context.host.spend(1)?;
        if context.host.satisfies(*wanted, item, Validation::Final)? {
            matched = matched.saturating_add(1);
        }
    }
    if context.host.satisfies(*count, &Value::Number(Number::int(matched)), Validation::Own)? {
        return Ok(Value::Bool(true));
    }
    let count = context.host.describe(*count);
    Err(BuiltinError::Invalid(format!("number of matched elements is {matched}: does not satisfy {count}")))
}

fn sum(args: &Args<'_>) -> Result<Number> {
    args.numbers(0)?.into_iter().try_fold(Number::int(0), |sum, x| sum.add(x)).map_err(fault)
}

fn average(_: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let count = args.list(0)?.len();
    let sum = sum(args)?;
    if count == 0 {
        return Err(failure("empty list"));
    }
    detected(&sum.quo(&Number::int(count)).map_err(fault)?)
}

fn extreme(args: &Args<'_>, better: fn(&Number, &Number) -> bool) -> Result<Value> {
    let best = args.numbers(0)?.into_iter().reduce(|best, next| if better(best, next) { next } else { best });
    detected(best.ok_or_else(|| failure("empty list"))?)
}

fn range(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let (start, limit, step) = (args.number(0)?, args.number(1)?, args.number(2)?);
    if step.is_zero() {
        return Err(failure("step must be non zero"));
    }
    let down = step.is_negative();
    if !down && start > limit {
        return Err(failure("end must be greater than start when step is positive"));
    }
    if down && start < limit {
        return Err(failure("end must be less than start when step is negative"));
    }
    let endless = || {
        BuiltinError::Unsupported(format!("list.Range makes a list that is longer than the limit of {MAX_LIST_VALUES}"))
    };
    let count = limit.sub(start).and_then(|distance| distance.quo(step)).map_err(fault)?;
    if count > Number::int(MAX_LIST_VALUES) {
        return Err(endless());
    }
    let mut numbers = Vec::new();
    let mut next = start.clone();
    while if down { next > *limit } else { next < *limit } {
        // An addition takes some ten steps.
        context.host.spend(10)?;
        let following = next.add(step).map_err(fault)?;
        // A step that is rounded away leads nowhere.
        if following == next {
            return Err(endless());
        }
        numbers.push(detected(&next)?);
        next = following;
    }
    Ok(Value::list(numbers))
}
