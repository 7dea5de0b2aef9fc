//! Package `time`: times are strings, as Go's `time` reads and writes them. The zone of the machine is taken to be UTC,
//! so that a policy means the same everywhere.

mod civil;
mod duration;
mod format;
mod layout;
mod parse;

use std::sync::Arc;

use super::args::{Args, builtin, failure, text_budget};
use super::text::quoted;
use super::{Builtin, BuiltinError, CallContext, Member, Value};
use crate::kind::Kind;
use crate::number::Number;
use civil::Instant;

type Result<T> = std::result::Result<T, BuiltinError>;

/// Go's `time.RFC3339Nano`.
const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

/// The functions.
pub(super) static FUNCTIONS: &[Builtin] = &[
    builtin!("time", "Duration", [Kind::STRING] => Kind::BOOL, |_, args: &Args<'_>| {
        duration::parse(args.string(0)?).map(|_| Value::Bool(true)).map_err(failure)
    }),
    builtin!("time", "FormatDuration", [Kind::INT] => Kind::STRING, |_, args: &Args<'_>| {
        Ok(Value::string(&duration::format(args.int(0)?)))
    }),
    builtin!("time", "ParseDuration", [Kind::STRING] => Kind::INT, |_, args: &Args<'_>| {
        duration::parse(args.string(0)?).map(|d| Value::Number(Number::int(d))).map_err(failure)
    }),
    builtin!("time", "Time", [Kind::STRING] => Kind::BOOL, |_, args: &Args<'_>| {
        check(args.string(0)?, RFC3339_NANO)
    }),
    builtin!("time", "Format", [Kind::STRING, Kind::STRING] => Kind::BOOL, |_, args: &Args<'_>| {
        check(args.string(0)?, args.string(1)?)
    }),
    builtin!("time", "FormatString", [Kind::STRING, Kind::STRING] => Kind::STRING, |context, args: &Args<'_>| {
        let time = read(RFC3339_NANO, args.string(1)?)?;
        write(context, args.string(0)?, &time)
    }),
    builtin!("time", "Parse", [Kind::STRING, Kind::STRING] => Kind::STRING, |context, args: &Args<'_>| {
        let time = read(args.string(0)?, args.string(1)?)?;
        write(context, RFC3339_NANO, &time.in_utc())
    }),
    builtin!("time", "Unix", [Kind::INT, Kind::INT] => Kind::STRING, |context, args: &Args<'_>| {
        let time = Instant::from_unix(args.int(0)?, args.int(1)?)
            .ok_or_else(|| BuiltinError::Unsupported("time.Unix: too far from our time".into()))?;
        write(context, RFC3339_NANO, &time)
    }),
    builtin!("time", "Split", [Kind::STRING] => Kind::STRUCT, split),
];

/// The constants.
pub(super) fn constant(name: &str) -> Option<Member> {
    let layout = match name {
        "ANSIC" => "Mon Jan _2 15:04:05 2006",
        "UnixDate" => "Mon Jan _2 15:04:05 MST 2006",
        "RubyDate" => "Mon Jan 02 15:04:05 -0700 2006",
        "RFC822" => "02 Jan 06 15:04 MST",
        "RFC822Z" => "02 Jan 06 15:04 -0700",
        "RFC850" => "Monday, 02-Jan-06 15:04:05 MST",
        "RFC1123" => "Mon, 02 Jan 2006 15:04:05 MST",
        "RFC1123Z" => "Mon, 02 Jan 2006 15:04:05 -0700",
        "RFC3339" => "2006-01-02T15:04:05Z07:00",
        "RFC3339Nano" => RFC3339_NANO,
        "RFC3339Date" => "2006-01-02",
        "Kitchen" => "3:04PM",
        "Kitchen24" => "15:04",
        _ => return number(name).map(|number| Member::Constant(Value::Number(Number::int(number)))),
    };
    Some(Member::Constant(Value::string(layout)))
}

fn number(name: &str) -> Option<i64> {
    let ordinal = |names: &[&str]| names.iter().position(|known| *known == name).and_then(|at| i64::try_from(at).ok());
    match name {
        "Nanosecond" => Some(1),
        "Microsecond" => Some(1_000),
        "Millisecond" => Some(1_000_000),
        "Second" => Some(1_000_000_000),
        "Minute" => Some(60_000_000_000),
        "Hour" => Some(3_600_000_000_000),
        _ => ordinal(&civil::DAYS).or_else(|| Some(ordinal(&civil::MONTHS)?.saturating_add(1))),
    }
}

fn read(layout: &str, value: &str) -> Result<Instant> {
    parse::parse(layout, value).map_err(failure)
}

fn check(value: &str, layout: &str) -> Result<Value> {
    match parse::parse(layout, value) {
        Ok(_) => Ok(Value::Bool(true)),
        Err(_) => Err(failure(format!("invalid time {}", quoted(value)))),
    }
}

fn write(context: &mut CallContext<'_>, layout: &str, time: &Instant) -> Result<Value> {
    // The longest item is a fraction, which is written with at most 9 digits, and the shortest layout of one is `1`.
    text_budget(context, layout.len().saturating_mul(9))?;
    Ok(Value::string(&format::format(layout, time)))
}

fn split(_: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let time = read(RFC3339_NANO, args.string(0)?)?;
    let (date, clock) = (time.date(), time.clock());
    let fields = [
        ("year", date.year),
        ("month", date.month),
        ("day", date.day),
        ("hour", clock.hour),
        ("minute", clock.minute),
        ("second", clock.second),
        ("nanosecond", i64::from(time.nanosecond)),
    ];
    Ok(Value::Struct {
        fields: fields.map(|(name, value)| (Arc::from(name), Value::Number(Number::int(value)))).to_vec(),
        closed: false,
        spare: None,
    })
}
