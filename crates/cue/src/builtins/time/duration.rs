//! Go's `time.Duration`: nanoseconds, written as `1h2m3.5s`.

use super::parse::quote;

/// Reads a duration.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text.as_bytes()));
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (whole, tail) = rest.split_at_checked(digits).ok_or_else(invalid)?;
        let (fraction, tail) = match tail.strip_prefix('.') {
            Some(tail) => {
                let digits = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                tail.split_at_checked(digits).ok_or_else(invalid)?
            }
            None => ("", tail),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let value = if whole.is_empty() { 0 } else { whole.parse::<u64>().map_err(|_| invalid())? };
        if value > 1 << 63 {
            return Err(invalid());
        }
        let unit_length = tail.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(tail.len());
        let (name, tail) = tail.split_at_checked(unit_length).ok_or_else(invalid)?;
        if name.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text.as_bytes())));
        }
        let unit = unit(name).ok_or_else(|| {
            format!("time: unknown unit {} in duration {}", quote(name.as_bytes()), quote(text.as_bytes()))
        })?;
        total = value
            .checked_mul(unit)
            .and_then(|value| value.checked_add(part(fraction, unit)))
            .and_then(|value| total.checked_add(value))
            .filter(|total| *total <= 1 << 63)
            .ok_or_else(invalid)?;
        rest = tail;
    }
    if negative {
        return Ok(0_i64.saturating_sub_unsigned(total));
    }
    i64::try_from(total).map_err(|_| invalid())
}

fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// The nanoseconds of a fraction of a unit, rounded as Go's arithmetic in floating point rounds them.
#[allow(clippy::as_conversions, reason = "Go's conversions between integers and floats; the result is below 2^42")]
fn part(digits: &str, unit: u64) -> u64 {
    let mut value = 0_u64;
    let mut scale = 1.0_f64;
    for digit in digits.bytes() {
        let next = value.checked_mul(10).and_then(|value| value.checked_add(u64::from(digit.saturating_sub(b'0'))));
        match next {
            // Digits beyond 63 bits are left out.
            Some(next) if value <= (i64::MAX as u64) / 10 && next <= 1 << 63 => value = next,
            _ => break,
        }
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

/// Writes a duration.
pub(super) fn format(duration: i64) -> String {
    let nanoseconds = duration.unsigned_abs();
    let sign = if duration < 0 { "-" } else { "" };
    let text = match nanoseconds {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanoseconds}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(nanoseconds, 3)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(nanoseconds, 6)),
        _ => {
            let seconds = decimal(nanoseconds % 60_000_000_000, 9);
            let minutes = nanoseconds / 60_000_000_000;
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    format!("{sign}{text}")
}

/// `value` / 10^`places`, without zeros at its end.
fn decimal(value: u64, places: u32) -> String {
    let unit = 10_u64.saturating_pow(places);
    let (whole, fraction) = (value.checked_div(unit).unwrap_or(value), value.checked_rem(unit).unwrap_or_default());
    if fraction == 0 {
        return whole.to_string();
    }
    let width = usize::try_from(places).unwrap_or_default();
    let digits = format!("{fraction:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}
