//! Arithmetic (`topdown/arithmetic.go`, `numbers.go`, `casts.go`, `aggregates.go`).

use super::super::number::{Float, Number};
use super::super::value::Value;
use super::table::{Args, Stop};
use crate::limits::MAX_VALUE_WEIGHT;

type Result = std::result::Result<Value, Stop>;

const RANGE: Stop = Stop::Unsupported("arithmetic with a number of that size");

fn float(number: &Number) -> std::result::Result<Float, Stop> {
    Float::new(number).ok_or(RANGE)
}

fn made(float: Option<Float>) -> Result {
    float.and_then(|f| f.to_number()).map(Value::Number).ok_or(RANGE)
}

pub(super) fn plus(args: &Args<'_>) -> Result {
    let (a, b) = (args.number(0)?, args.number(1)?);
    if let (Number::Int(a), Number::Int(b)) = (a, b)
        && let Some(sum) = a.checked_add(*b)
    {
        return Ok(Value::int(sum));
    }
    made(float(a)?.add(&float(b)?))
}

/// Of numbers, or of sets.
pub(super) fn minus(args: &Args<'_>) -> Result {
    match (args.get(0)?, args.get(1)?) {
        (Value::Number(a), Value::Number(b)) => {
            if let (Number::Int(a), Number::Int(b)) = (a, b)
                && let Some(difference) = a.checked_sub(*b)
            {
                return Ok(Value::int(difference));
            }
            made(float(a)?.add(&float(b)?.negate()))
        }
        (Value::Set(a), Value::Set(b)) => Ok(Value::set(a.items.difference(&b.items).cloned().collect())?),
        _ => Err(Stop::Undefined),
    }
}

pub(super) fn mul(args: &Args<'_>) -> Result {
    made(float(args.number(0)?)?.mul(&float(args.number(1)?)?))
}

pub(super) fn div(args: &Args<'_>) -> Result {
    let (a, b) = (float(args.number(0)?)?, float(args.number(1)?)?);
    if b.is_zero() {
        return Err(Stop::Undefined);
    }
    made(a.div(&b))
}

pub(super) fn rem(args: &Args<'_>) -> Result {
    let (a, b) = (args.number(0)?, args.number(1)?);
    if !a.is_whole() || !b.is_whole() {
        return Err(Stop::Undefined);
    }
    let exact = |n: &Number| n.integer_value().filter(|v| v.unsigned_abs() <= u128::from(u64::MAX)).ok_or(RANGE);
    let rest = exact(a)?.checked_rem(exact(b)?).ok_or(Stop::Undefined)?;
    Number::parse(&rest.to_string()).map(Value::Number).map_err(|_| RANGE)
}

pub(super) fn abs(args: &Args<'_>) -> Result {
    made(Some(float(args.number(0)?)?.abs()))
}

/// Half away from zero.
pub(super) fn round(args: &Args<'_>) -> Result {
    let number = float(args.number(0)?)?;
    let half = float(&Number::parse("0.5").map_err(|_| RANGE)?)?;
    let half = if number.is_negative() { half.negate() } else { half };
    made(number.add(&half).and_then(|f| f.truncate()).map(|(f, _)| f))
}

/// As OPA has it, which goes wrong between -1 and 0: `ceil(-0.5)` is 1.
pub(super) fn ceil(args: &Args<'_>) -> Result {
    let (whole, exact) = float(args.number(0)?)?.truncate().ok_or(RANGE)?;
    if exact || whole.is_negative() {
        return made(Some(whole));
    }
    made(whole.add(&float(&Number::Int(1))?))
}

/// As OPA has it, which goes wrong between -1 and 0: `floor(-0.5)` is 0.
pub(super) fn floor(args: &Args<'_>) -> Result {
    let (whole, exact) = float(args.number(0)?)?.truncate().ok_or(RANGE)?;
    if exact || !whole.is_negative() {
        return made(Some(whole));
    }
    made(whole.add(&float(&Number::Int(-1))?))
}

pub(super) fn numbers_range(args: &Args<'_>) -> Result {
    let end = |n: usize| {
        let number = args.number(n)?;
        if !number.is_whole() {
            return Err(Stop::Undefined);
        }
        number.integer_value().and_then(|v| i64::try_from(v).ok()).ok_or(RANGE)
    };
    let (from, to) = (end(0)?, end(1)?);
    if usize::try_from(from.abs_diff(to)).map_or(true, |n| n >= MAX_VALUE_WEIGHT) {
        return Err(Stop::TooLarge);
    }
    let items: Vec<Value> =
        if from <= to { (from..=to).map(Value::int).collect() } else { (to..=from).rev().map(Value::int).collect() };
    Ok(Value::array(items)?)
}

pub(super) fn to_number(args: &Args<'_>) -> Result {
    match args.get(0)? {
        Value::Null | Value::Bool(false) => Ok(Value::int(0)),
        Value::Bool(true) => Ok(Value::int(1)),
        number @ Value::Number(_) => Ok(number.clone()),
        Value::String(text) => {
            if !text.starts_with('.')
                && !text.starts_with("-.")
                && let Ok(number) = Number::parse(text)
            {
                // Go must find a double for it.
                let range = text.parse::<f64>().is_ok_and(f64::is_finite);
                return if range { Ok(Value::Number(number)) } else { Err(Stop::Undefined) };
            }
            // Go reads more: hexadecimal, underscores, a plus sign, leading zeros.
            let number_like = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
                && text
                    .chars()
                    .all(|c| c.is_ascii_hexdigit() || matches!(c, '+' | '-' | '.' | '_' | 'x' | 'X' | 'p' | 'P'));
            Err(if number_like { Stop::Unsupported("a number in that notation") } else { Stop::Undefined })
        }
        _ => Err(Stop::Undefined),
    }
}

pub(super) fn format_int(args: &Args<'_>) -> Result {
    let base = args.number(1)?.as_int().ok_or(Stop::Undefined)?;
    let number = float(args.number(0)?)?;
    let radix = match base {
        2 | 8 | 10 | 16 => u32::try_from(base).map_err(|_| Stop::Undefined)?,
        _ => return Err(Stop::Undefined),
    };
    Ok(Value::text(&number.whole_digits(radix).ok_or(RANGE)?))
}

fn fold(args: &Args<'_>, start: i64, combine: fn(&Float, &Float) -> Option<Float>) -> Result {
    let mut all = float(&Number::Int(start))?;
    for item in args.elements(0)? {
        let item = float(item.as_number().ok_or(Stop::Undefined)?)?;
        all = combine(&all, &item).ok_or(RANGE)?;
    }
    made(Some(all))
}

pub(super) fn sum(args: &Args<'_>) -> Result {
    let items = args.elements(0)?;
    let ints: Option<Vec<i64>> = items.iter().map(|v| v.as_number().and_then(Number::as_int)).collect();
    match ints {
        Some(ints) => {
            let sum = ints.into_iter().try_fold(0_i64, i64::checked_add);
            // OPA's sum of integers wraps around there.
            sum.map(Value::int).ok_or(RANGE)
        }
        None => fold(args, 0, Float::add),
    }
}

pub(super) fn product(args: &Args<'_>) -> Result {
    fold(args, 1, Float::mul)
}
