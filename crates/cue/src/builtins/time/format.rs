//! Times to text by a layout.

use super::civil::{DAYS, Instant, MONTHS};
use super::layout::{Item, Pad, Parts, cut};

/// Writes a time.
pub(super) fn format(layout: &str, time: &Instant) -> String {
    let mut out = Vec::new();
    let mut rest = layout.as_bytes();
    loop {
        let next = cut(rest);
        out.extend_from_slice(next.prefix);
        let Some((item, _)) = next.item else { break };
        out.extend_from_slice(written(item, time).as_bytes());
        rest = next.suffix;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn written(item: Item, time: &Instant) -> String {
    let date = time.date();
    let clock = time.clock();
    let hour12 = if clock.hour % 12 == 0 { 12 } else { clock.hour % 12 };
    let noon = if clock.hour >= 12 { "PM" } else { "AM" };
    match item {
        Item::LongMonth => name(&MONTHS, date.month - 1).to_owned(),
        Item::Month => short(name(&MONTHS, date.month - 1)),
        Item::NumericMonth(pad) => padded(date.month, pad, 2),
        Item::LongWeekDay => name(&DAYS, date.week_day).to_owned(),
        Item::WeekDay => short(name(&DAYS, date.week_day)),
        Item::Day(pad) => padded(date.day, pad, 2),
        Item::YearDay(pad) => padded(date.year_day, pad, 3),
        Item::Hour => padded(clock.hour, Pad::Zero, 2),
        Item::Hour12(pad) => padded(hour12, pad, 2),
        Item::Minute(pad) => padded(clock.minute, pad, 2),
        Item::Second(pad) => padded(clock.second, pad, 2),
        Item::LongYear => {
            let sign = if date.year < 0 { "-" } else { "" };
            format!("{sign}{:04}", date.year.unsigned_abs())
        }
        Item::Year => format!("{:02}", date.year.unsigned_abs() % 100),
        Item::UpperNoon => noon.to_owned(),
        Item::LowerNoon => noon.to_ascii_lowercase(),
        Item::ZoneName if time.offset == 0 => "UTC".to_owned(),
        Item::ZoneName => zone(time.offset, Parts::Minutes),
        Item::Zone { z: true, .. } if time.offset == 0 => "Z".to_owned(),
        Item::Zone { parts, .. } => zone(time.offset, parts),
        Item::Fraction { digits, trim, separator } => fraction(time.nanosecond, digits, trim, char::from(separator)),
    }
}

fn name(names: &[&'static str], at: i64) -> &'static str {
    usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default()
}

fn short(name: &str) -> String {
    name.chars().take(3).collect()
}

fn padded(value: i64, pad: Pad, width: usize) -> String {
    match pad {
        Pad::None => value.to_string(),
        Pad::Space => format!("{value:width$}"),
        Pad::Zero => format!("{value:0width$}"),
    }
}

fn zone(offset: i64, parts: Parts) -> String {
    // Go takes the sign of the minutes: less than a minute west is written as east.
    let minutes = offset / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let second = if minutes < 0 { -offset % 60 } else { offset % 60 };
    let (hour, minute) = (minutes.abs() / 60, minutes.abs() % 60);
    let two = |value: i64| if value < 0 { format!("-{:02}", value.abs()) } else { format!("{value:02}") };
    let (hour, minute, second) = (two(hour), two(minute), two(second));
    match parts {
        Parts::Hours => format!("{sign}{hour}"),
        Parts::Minutes => format!("{sign}{hour}{minute}"),
        Parts::ColonMinutes => format!("{sign}{hour}:{minute}"),
        Parts::Seconds => format!("{sign}{hour}{minute}{second}"),
        Parts::ColonSeconds => format!("{sign}{hour}:{minute}:{second}"),
    }
}

fn fraction(nanosecond: u32, digits: usize, trim: bool, separator: char) -> String {
    if trim && nanosecond == 0 {
        return String::new();
    }
    let all = format!("{nanosecond:09}");
    let shown = all.get(..digits.min(9)).unwrap_or(&all);
    let shown = if trim { shown.trim_end_matches('0') } else { shown };
    if shown.is_empty() { String::new() } else { format!("{separator}{shown}") }
}
