//! Package `struct`.

use super::args::{Args, builtin, length};
use super::{Builtin, BuiltinError, CallContext, Value};
use crate::kind::Kind;

/// The functions.
pub(super) static FUNCTIONS: &[Builtin] = &[
    builtin!("struct", "MinFields", [Kind::STRUCT, Kind::INT] => Kind::BOOL, min_fields),
    builtin!("struct", "MaxFields", [Kind::STRUCT, Kind::INT] => Kind::BOOL, max_fields),
];

fn min_fields(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value, BuiltinError> {
    let (count, spare) = fields(args)?;
    let min = args.int(1)?;
    let enough = |count: u64| i64::try_from(count).is_ok_and(|count| count >= min);
    if enough(count) {
        return Ok(Value::Bool(true));
    }
    let hopeless = spare.is_some_and(|spare| !enough(count.saturating_add(spare)));
    let why = format!("len(fields) < MinFields({min}) ({count} < {min})");
    // A struct that may still grow: not an error yet.
    if context.is_validator && !hopeless { Err(BuiltinError::Incomplete(why)) } else { Err(BuiltinError::Invalid(why)) }
}

fn max_fields(_: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value, BuiltinError> {
    let (count, _) = fields(args)?;
    let max = args.int(1)?;
    if i64::try_from(count).is_ok_and(|count| count <= max) {
        return Ok(Value::Bool(true));
    }
    Err(BuiltinError::Invalid(format!("len(fields) > MaxFields({max}) ({count} > {max})")))
}

fn fields(args: &Args<'_>) -> Result<(u64, Option<u64>), BuiltinError> {
    match args.value(0)? {
        Value::Struct { fields, spare, .. } => Ok((length(fields.len()), spare.map(length))),
        other => Err(BuiltinError::Eval(format!(
            "cannot use {other} (type {}) as struct in argument 0 to {}",
            other.kind(),
            args.function
        ))),
    }
}
