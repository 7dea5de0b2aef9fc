//! Times (`topdown/time.go`). The clock is the caller's: `time.now_ns()` is the `now` of the evaluation.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::super::number::Float;
use super::super::value::Value;
use super::table::{Args, Stop};

type Result = std::result::Result<Value, Stop>;

/// Nanoseconds since 1970 must fit 64 bits: the years 1677 to 2262.
fn nanoseconds(time: Timestamp) -> Result {
    i64::try_from(time.as_nanosecond()).map(Value::int).map_err(|_| Stop::Undefined)
}

pub(super) fn now_ns(args: &Args<'_>) -> Result {
    nanoseconds(args.now).map_err(|_| Stop::Unsupported("a time beyond the year 2262"))
}

pub(super) fn parse_rfc3339_ns(args: &Args<'_>) -> Result {
    let text = args.text(0)?;
    match rfc3339(text) {
        Some(time) => nanoseconds(time),
        None if is_lenient(text) => Err(Stop::Unsupported("a time in that notation")),
        None => Err(Stop::Undefined),
    }
}

/// RFC 3339 as Go's `time.Parse` takes it: `T` and `Z` large, seconds below 60, digits beyond nanoseconds dropped.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let date = Date::new(digits(date, 0, 4)?, digits(date, 5, 2)?, digits(date, 8, 2)?)
        .ok()
        .filter(|_| date.as_bytes().get(4) == Some(&b'-') && date.as_bytes().get(7) == Some(&b'-'))?;
    let (clock, rest) = rest.split_at_checked(9)?;
    let signs = [(0, b'T'), (3, b':'), (6, b':')];
    if !signs.iter().all(|(at, sign)| clock.as_bytes().get(*at) == Some(sign)) {
        return None;
    }
    let (hour, minute, second): (i8, i8, i8) = (digits(clock, 1, 2)?, digits(clock, 4, 2)?, digits(clock, 7, 2)?);
    if second > 59 {
        return None;
    }
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (fraction, zone) = rest.split_at(end);
            if fraction.is_empty() {
                return None;
            }
            let nine: String = fraction.chars().chain("000000000".chars()).take(9).collect();
            (nine.parse().ok()?, zone)
        }
        None => (0, rest),
    };
    let time = Time::new(hour, minute, second, fraction).ok()?;
    let offset = if zone == "Z" {
        0
    } else {
        let sign: i64 = match zone.as_bytes() {
            [b'+', _, _, b':', _, _] => 1,
            [b'-', _, _, b':', _, _] => -1,
            _ => return None,
        };
        let (hours, minutes): (i64, i64) = (digits(zone, 1, 2)?, digits(zone, 4, 2)?);
        if hours > 23 || minutes > 59 {
            return None;
        }
        sign * (hours * 3600 + minutes * 60)
    };
    let local = DateTime::from_parts(date, time).to_zoned(TimeZone::UTC).ok()?.timestamp();
    local.checked_sub(offset.seconds()).ok()
}

fn digits<T: std::str::FromStr>(text: &str, start: usize, length: usize) -> Option<T> {
    let part = text.get(start..start.checked_add(length)?)?;
    part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten()
}

/// What Go takes beside RFC 3339: one digit of an hour, a comma, offsets of 24 hours or 60 minutes.
fn is_lenient(text: &str) -> bool {
    let one_digit = text.as_bytes().get(10) == Some(&b'T') && text.as_bytes().get(12) == Some(&b':');
    let comma = text.as_bytes().get(19) == Some(&b',');
    let offset = text.len().checked_sub(6).and_then(|at| text.get(at..)).unwrap_or_default();
    let wide = offset.starts_with(['+', '-']) && (offset.get(1..3) == Some("24") || offset.ends_with(":60"));
    one_digit || comma || wide
}

/// Go's durations: `1h30m`, `-1.5s`.
pub(super) fn parse_duration_ns(args: &Args<'_>) -> Result {
    let text = args.text(0)?;
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Value::int(0));
    }
    if rest.is_empty() {
        return Err(Stop::Undefined);
    }
    let mut all: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (whole, after) = rest.split_at(end);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len())),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(Stop::Undefined);
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(Stop::Undefined),
        };
        let number = |digits: &str| if digits.is_empty() { Some(0_i128) } else { digits.parse().ok() };
        let whole = number(whole).and_then(|n| n.checked_mul(unit)).ok_or(Stop::Undefined)?;
        let part = fraction_of(fraction, unit)?;
        all = all.checked_add(whole).and_then(|n| n.checked_add(part)).ok_or(Stop::Undefined)?;
        if all > i128::from(i64::MAX).saturating_add(1) {
            return Err(Stop::Undefined);
        }
        rest = after;
    }
    let all = if negative { all.saturating_neg() } else { all };
    i64::try_from(all).map(Value::int).map_err(|_| Stop::Undefined)
}

/// Go computes this with doubles; where the result is no whole number it may differ by one.
fn fraction_of(digits: &str, unit: i128) -> std::result::Result<i128, Stop> {
    const INEXACT: Stop = Stop::Unsupported("a duration with a part of a nanosecond");
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        return Ok(0);
    }
    if digits.len() > 15 {
        return Err(INEXACT);
    }
    let scale = 10_i128.checked_pow(u32::try_from(digits.len()).map_err(|_| INEXACT)?).ok_or(INEXACT)?;
    let product = digits.parse::<i128>().ok().and_then(|n| n.checked_mul(unit)).ok_or(INEXACT)?;
    if product % scale == 0 { product.checked_div(scale).ok_or(INEXACT) } else { Err(INEXACT) }
}

/// Nanoseconds, or an array of them and a zone; only UTC is known.
fn instant(args: &Args<'_>) -> std::result::Result<Timestamp, Stop> {
    let number = match args.get(0)? {
        Value::Number(number) => number,
        Value::Array(node) => {
            match node.items.get(1) {
                None => {}
                Some(zone) => match zone.as_str() {
                    Some("" | "UTC") => {}
                    Some(_) => return Err(Stop::Unsupported("a time zone other than UTC")),
                    None => return Err(Stop::Undefined),
                },
            }
            if node.items.get(2).is_some_and(|layout| layout.as_str().is_none()) {
                return Err(Stop::Undefined);
            }
            node.items.first().and_then(Value::as_number).ok_or(Stop::Undefined)?
        }
        _ => return Err(Stop::Undefined),
    };
    // OPA rounds to 64 bits first.
    let rounded = Float::new(number).and_then(|f| f.to_number()).ok_or(Stop::Undefined)?;
    let value = rounded.integer_value().and_then(|v| i64::try_from(v).ok()).ok_or(Stop::Undefined)?;
    Timestamp::from_nanosecond(i128::from(value)).map_err(|_| Stop::Undefined)
}

fn civil(args: &Args<'_>) -> std::result::Result<DateTime, Stop> {
    Ok(instant(args)?.to_zoned(TimeZone::UTC).datetime())
}

fn numbers(of: [i64; 3]) -> Result {
    Ok(Value::array(of.into_iter().map(Value::int).collect())?)
}

pub(super) fn date(args: &Args<'_>) -> Result {
    let at = civil(args)?;
    numbers([at.year().into(), at.month().into(), at.day().into()])
}

pub(super) fn clock(args: &Args<'_>) -> Result {
    let at = civil(args)?;
    numbers([at.hour().into(), at.minute().into(), at.second().into()])
}

pub(super) fn weekday(args: &Args<'_>) -> Result {
    Ok(Value::text(match civil(args)?.weekday() {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }))
}

/// Days beyond the month's end run into the next, as Go's `AddDate`.
pub(super) fn add_date(args: &Args<'_>) -> Result {
    let at = civil(args)?;
    let (years, months, days) = (args.int(1)?, args.int(2)?, args.int(3)?);
    // Go wraps around where these are large.
    if [years, months, days].iter().any(|n| n.abs() > 100_000) {
        return Err(Stop::Unsupported("a date that far away"));
    }
    let month = i64::from(at.month()) - 1 + months;
    let year = i64::from(at.year()) + years + month.div_euclid(12);
    let month = i8::try_from(month.rem_euclid(12) + 1).map_err(|_| Stop::Undefined)?;
    let first = i16::try_from(year).ok().and_then(|y| Date::new(y, month, 1).ok()).ok_or(Stop::Undefined)?;
    let date = first.checked_add((i64::from(at.day()) - 1 + days).days()).map_err(|_| Stop::Undefined)?;
    let moved = DateTime::from_parts(date, at.time()).to_zoned(TimeZone::UTC).map_err(|_| Stop::Undefined)?;
    nanoseconds(moved.timestamp())
}
