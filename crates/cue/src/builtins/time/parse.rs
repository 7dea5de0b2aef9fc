//! Text to times by a layout, with Go's leniencies and its errors (`time/format.go` of Go 1.26).

use super::civil::{DAYS, Instant, MONTHS, days_before, days_in, days_since_epoch, is_leap};
use super::layout::{Item, Pad, Parts, cut};

/// Why an item was not read.
enum Bad {
    /// It does not look like one.
    Form,
    /// It is no such hour, month, …
    Range(&'static str),
}

type Read<T> = Result<T, Bad>;

/// What was read so far.
#[derive(Default)]
struct Parsed {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: u32,
    /// `AM` or `PM`
    afternoon: Option<bool>,
    utc: bool,
    offset: Option<i64>,
}

/// Reads a time.
pub(super) fn parse(layout: &str, text: &str) -> Result<Instant, String> {
    let mut parsed = Parsed::default();
    let mut rest = layout.as_bytes();
    let mut value = text.as_bytes();
    let bad = |value: &[u8], expected: &[u8]| {
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quote(text.as_bytes()),
            quote(layout.as_bytes()),
            quote(value),
            quote(expected)
        )
    };
    let wrong = |why: &str| format!("parsing time {}: {why}", quote(text.as_bytes()));
    loop {
        let next = cut(rest);
        value = skip(value, next.prefix).map_err(|at| bad(at, next.prefix))?;
        let Some((item, expected)) = next.item else { break };
        rest = next.suffix;
        value = parsed.read(item, value, rest).map_err(|why| match why {
            Bad::Form => bad(value, expected),
            Bad::Range(what) => wrong(&format!("{what} out of range")),
        })?;
    }
    if !value.is_empty() {
        return Err(wrong(&format!("extra text: {}", quote(value))));
    }
    parsed.finish().map_err(wrong)
}

impl Parsed {
    /// Reads one item, and gives back what is left.
    fn read<'a>(&mut self, item: Item, value: &'a [u8], layout: &[u8]) -> Read<&'a [u8]> {
        match item {
            Item::Year => {
                let (digits, rest) = take(value, 2)?;
                let year = signed(digits)?;
                // Unix time begins in 1969 in some zones.
                self.year = if year >= 69 { year + 1_900 } else { year + 2_000 };
                Ok(rest)
            }
            Item::LongYear => {
                let (digits, rest) = take(value, 4)?;
                if !is_digit(value, 0) {
                    return Err(Bad::Form);
                }
                self.year = signed(digits)?;
                Ok(rest)
            }
            Item::Month | Item::LongMonth => {
                let (at, rest) = named(value, &MONTHS, item == Item::Month)?;
                self.month = Some(at + 1);
                Ok(rest)
            }
            Item::NumericMonth(pad) => {
                let (month, rest) = two_digits(value, pad)?;
                self.month = Some(month);
                if (1..=12).contains(&month) { Ok(rest) } else { Err(Bad::Range("month")) }
            }
            Item::WeekDay | Item::LongWeekDay => Ok(named(value, &DAYS, item == Item::WeekDay)?.1),
            Item::Day(pad) => {
                let (day, rest) = two_digits(without_space(value, pad), pad)?;
                self.day = Some(day);
                Ok(rest)
            }
            Item::YearDay(pad) => {
                let value = without_space(without_space(value, pad), pad);
                let count = value.iter().take(3).take_while(|digit| digit.is_ascii_digit()).count();
                if count == 0 || (pad == Pad::Zero && count != 3) {
                    return Err(Bad::Form);
                }
                let (digits, rest) = take(value, count)?;
                self.year_day = Some(signed(digits)?);
                Ok(rest)
            }
            Item::Hour => self.hour(value, Pad::None, 23),
            Item::Hour12(pad) => self.hour(value, pad, 12),
            Item::Minute(pad) => {
                let (minute, rest) = two_digits(value, pad)?;
                self.minute = minute;
                if minute < 60 { Ok(rest) } else { Err(Bad::Range("minute")) }
            }
            Item::Second(pad) => self.second(value, pad, layout),
            Item::UpperNoon => self.noon(value, b"AM", b"PM"),
            Item::LowerNoon => self.noon(value, b"am", b"pm"),
            Item::Zone { z: true, .. } if value.first() == Some(&b'Z') => {
                self.utc = true;
                Ok(value.get(1..).unwrap_or_default())
            }
            Item::Zone { parts, .. } => self.zone_offset(value, parts),
            Item::ZoneName => self.zone_name(value),
            Item::Fraction { digits, trim: false, .. } => self.fraction(value, digits),
            Item::Fraction { .. } => match fraction_length(value) {
                Some(digits) => self.fraction(value, digits),
                None => Ok(value),
            },
        }
    }

    fn hour<'a>(&mut self, value: &'a [u8], pad: Pad, last: i64) -> Read<&'a [u8]> {
        let (hour, rest) = two_digits(value, pad)?;
        self.hour = hour;
        if hour <= last { Ok(rest) } else { Err(Bad::Range("hour")) }
    }

    fn second<'a>(&mut self, value: &'a [u8], pad: Pad, layout: &[u8]) -> Read<&'a [u8]> {
        let (second, rest) = two_digits(value, pad)?;
        if second >= 60 {
            return Err(Bad::Range("second"));
        }
        self.second = second;
        // A fraction is read even if the layout has none.
        match fraction_length(rest) {
            Some(digits) if !matches!(cut(layout).item, Some((Item::Fraction { .. }, _))) => {
                self.fraction(rest, digits)
            }
            _ => Ok(rest),
        }
    }

    fn noon<'a>(&mut self, value: &'a [u8], before: &[u8], after: &[u8]) -> Read<&'a [u8]> {
        let (text, rest) = take(value, 2)?;
        self.afternoon = match text {
            _ if text == after => Some(true),
            // Go keeps both flags, and asks for the afternoon first.
            _ if text == before => Some(self.afternoon == Some(true)),
            _ => return Err(Bad::Form),
        };
        Ok(rest)
    }

    fn zone_offset<'a>(&mut self, value: &'a [u8], parts: Parts) -> Read<&'a [u8]> {
        // Where minutes and seconds stand, where colons, and the length.
        let (minute, second, colons, length): (Option<usize>, Option<usize>, &[usize], usize) = match parts {
            Parts::Hours => (None, None, &[], 3),
            Parts::Minutes => (Some(3), None, &[], 5),
            Parts::ColonMinutes => (Some(4), None, &[3], 6),
            Parts::Seconds => (Some(3), Some(5), &[], 7),
            Parts::ColonSeconds => (Some(4), Some(7), &[3, 6], 9),
        };
        let (text, rest) = take(value, length)?;
        if colons.iter().any(|at| text.get(*at) != Some(&b':')) {
            return Err(Bad::Form);
        }
        let field = |at: Option<usize>| match at {
            Some(at) => two_digits(text.get(at..at + 2).unwrap_or_default(), Pad::Zero).map(|(value, _)| value),
            None => Ok(0),
        };
        let hour = field(Some(1));
        let minute = if hour.is_ok() { field(minute) } else { Ok(0) };
        let second = if hour.is_ok() && minute.is_ok() { field(second) } else { Ok(0) };
        // Ranges are told before forms, and the last one of them.
        for (value, most, what) in [
            (&second, 60, "time zone offset second"),
            (&minute, 60, "time zone offset minute"),
            (&hour, 24, "time zone offset hour"),
        ] {
            if matches!(value, Ok(value) if *value > most) {
                return Err(Bad::Range(what));
            }
        }
        let offset = (hour? * 60 + minute?) * 60 + second?;
        self.offset = Some(match text.first() {
            Some(b'+') => offset,
            Some(b'-') => -offset,
            _ => return Err(Bad::Form),
        });
        Ok(rest)
    }

    fn zone_name<'a>(&mut self, value: &'a [u8]) -> Read<&'a [u8]> {
        if let Some(rest) = value.strip_prefix(b"UTC") {
            self.utc = true;
            return Ok(rest);
        }
        Ok(take(value, zone_name_length(value).ok_or(Bad::Form)?)?.1)
    }

    /// A separator and so many digits; nine of them count.
    fn fraction<'a>(&mut self, value: &'a [u8], digits: usize) -> Read<&'a [u8]> {
        let (text, rest) = take(value, digits + 1)?;
        let (b'.' | b',', digits) = text.split_first().map(|(first, rest)| (*first, rest)).ok_or(Bad::Form)? else {
            return Err(Bad::Form);
        };
        let digits = digits.get(..9).unwrap_or(digits);
        let value = signed(digits)?;
        if value < 0 {
            return Err(Bad::Range("fractional second"));
        }
        let missing = u32::try_from(9_usize.saturating_sub(digits.len())).unwrap_or_default();
        self.nanosecond = u32::try_from(value.saturating_mul(10_i64.saturating_pow(missing))).unwrap_or_default();
        Ok(rest)
    }

    fn finish(mut self) -> Result<Instant, &'static str> {
        match self.afternoon {
            Some(true) if self.hour < 12 => self.hour += 12,
            Some(false) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        let (month, day) = self.month_and_day()?;
        if day < 1 || day > days_in(month, self.year) {
            return Err("day out of range");
        }
        let days = days_since_epoch(self.year, month, day);
        // Go marks "no offset" with -1, which is thus an offset that cannot be told. The name of a zone says nothing.
        let offset = self.offset.filter(|offset| *offset != -1 && !self.utc).unwrap_or_default();
        Ok(Instant {
            seconds: days * 86_400 + self.hour * 3_600 + self.minute * 60 + self.second - offset,
            nanosecond: self.nanosecond,
            offset,
        })
    }

    fn month_and_day(&self) -> Result<(i64, i64), &'static str> {
        let Some(mut year_day) = self.year_day else { return Ok((self.month.unwrap_or(1), self.day.unwrap_or(1))) };
        let mut found = None;
        if is_leap(self.year) {
            if year_day == 60 {
                found = Some((2, 29));
            } else if year_day > 60 {
                year_day -= 1;
            }
        }
        if !(1..=365).contains(&year_day) {
            return Err("day-of-year out of range");
        }
        let (month, day) = found.unwrap_or_else(|| {
            let month = (1..=12).rev().find(|month| days_before(*month) < year_day).unwrap_or(1);
            (month, year_day - days_before(month))
        });
        if self.month.is_some_and(|other| other != month) {
            return Err("day-of-year does not match month");
        }
        if self.day.is_some_and(|other| other != day) {
            return Err("day-of-year does not match day");
        }
        Ok((month, day))
    }
}

/// Passes what is between items. A space stands for any number of spaces, and for the end.
fn skip<'a>(mut value: &'a [u8], mut prefix: &[u8]) -> Result<&'a [u8], &'a [u8]> {
    while let Some((first, rest)) = prefix.split_first() {
        if *first == b' ' {
            if value.first().is_some_and(|next| *next != b' ') {
                return Err(value);
            }
            prefix = trim_spaces(prefix);
            value = trim_spaces(value);
            continue;
        }
        value = match value.split_first() {
            Some((next, tail)) if next == first => tail,
            _ => return Err(value),
        };
        prefix = rest;
    }
    Ok(value)
}

fn trim_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|c| **c == b' ').count();
    text.get(spaces..).unwrap_or_default()
}

fn take(value: &[u8], length: usize) -> Read<(&[u8], &[u8])> {
    value.split_at_checked(length).ok_or(Bad::Form)
}

fn is_digit(value: &[u8], at: usize) -> bool {
    value.get(at).is_some_and(u8::is_ascii_digit)
}

fn without_space(value: &[u8], pad: Pad) -> &[u8] {
    match value.split_first() {
        Some((b' ', rest)) if pad == Pad::Space => rest,
        _ => value,
    }
}

/// A number of one or two digits; of two if it is filled with zeros.
fn two_digits(value: &[u8], pad: Pad) -> Read<(i64, &[u8])> {
    let count = if is_digit(value, 1) { 2 } else { 1 };
    if !is_digit(value, 0) || (count == 1 && pad == Pad::Zero) {
        return Err(Bad::Form);
    }
    let (digits, rest) = take(value, count)?;
    Ok((signed(digits)?, rest))
}

/// Go's `atoi`: a sign, and digits or none.
fn signed(text: &[u8]) -> Read<i64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Bad::Form);
    }
    let value = digits.iter().fold(0_i64, |value, digit| value * 10 + i64::from(digit.saturating_sub(b'0')));
    Ok(if negative { -value } else { value })
}

/// The name that begins the text, whatever its case.
fn named<'a>(value: &'a [u8], names: &[&str], short: bool) -> Read<(i64, &'a [u8])> {
    for (at, name) in (0_i64..).zip(names) {
        let name = if short { name.get(..3).unwrap_or(name) } else { name };
        if let Ok((text, rest)) = take(value, name.len())
            && text.eq_ignore_ascii_case(name.as_bytes())
        {
            return Ok((at, rest));
        }
    }
    Err(Bad::Form)
}

/// The digits after a point or comma, if there are any.
fn fraction_length(value: &[u8]) -> Option<usize> {
    let (b'.' | b',', digits) = value.split_first().map(|(first, rest)| (*first, rest))? else { return None };
    Some(digits.iter().take_while(|digit| digit.is_ascii_digit()).count()).filter(|count| *count > 0)
}

/// The length of what looks like the name of a zone.
fn zone_name_length(value: &[u8]) -> Option<usize> {
    if value.len() < 3 {
        return None;
    }
    if value.starts_with(b"ChST") || value.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = value.strip_prefix(b"GMT") {
        return Some(3 + offset_length(rest));
    }
    if matches!(value.first(), Some(b'+' | b'-')) {
        return Some(offset_length(value)).filter(|length| *length > 0);
    }
    let letters = value.iter().take(6).take_while(|c| c.is_ascii_uppercase()).count();
    let ends_in_t = |at: usize| value.get(at) == Some(&b'T');
    match letters {
        3 => Some(3),
        4 if ends_in_t(3) || value.starts_with(b"WITA") => Some(4),
        5 if ends_in_t(4) => Some(5),
        _ => None,
    }
}

/// The length of a sign and hours below 24, or nothing.
fn offset_length(value: &[u8]) -> usize {
    let Some((b'+' | b'-', rest)) = value.split_first() else { return 0 };
    let digits = rest.iter().take_while(|digit| digit.is_ascii_digit()).count();
    let hours = rest
        .get(..digits)
        .unwrap_or_default()
        .iter()
        .fold(0_u64, |hours, digit| hours.saturating_mul(10).saturating_add(u64::from(digit.saturating_sub(b'0'))));
    if digits == 0 || hours > 23 { 0 } else { digits + 1 }
}

/// A text in the quotes of Go's errors about times: what is not ASCII is written byte by byte.
pub(super) fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in text {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b' '..=0x7f => out.push(char::from(*byte)),
            other => out.push_str(&format!("\\x{other:02x}")),
        }
    }
    out.push('"');
    out
}
