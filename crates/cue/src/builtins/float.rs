//! Numbers of 64 and 32 bits, as Go's `strconv` reads and writes them.

use super::Value;
use super::args::lossy;
use crate::number::Number;

/// Digits that are written behind the point.
const MAX_PRECISION: usize = 1_000;

/// Why a text is no number.
pub(super) enum Fault {
    Syntax,
    Range,
    /// Hexadecimal, infinite, or no number.
    Unsupported,
}

/// Reads a number in decimal digits.
pub(super) fn parse(text: &str, bits: i64) -> Result<Value, Fault> {
    if !is_decimal(text) {
        let word = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
        let special = matches!(word.as_str(), "inf" | "infinity" | "nan") || word.starts_with("0x");
        return Err(if special { Fault::Unsupported } else { Fault::Syntax });
    }
    let text = text.replace('_', "");
    let value = match bits {
        32 => text.parse::<f32>().map(f64::from),
        _ => text.parse::<f64>(),
    };
    match value {
        Ok(value) if value.is_finite() => number(value).map(Value::Number).ok_or(Fault::Unsupported),
        Ok(_) => Err(Fault::Range),
        Err(_) => Err(Fault::Syntax),
    }
}

/// A sign, digits with a point among them, and an exponent. Underscores may stand between digits.
fn is_decimal(text: &str) -> bool {
    let is_digit = |c: Option<&str>, last: bool| {
        let c = c.and_then(|text| if last { text.chars().next_back() } else { text.chars().next() });
        c.is_some_and(|c| c.is_ascii_digit())
    };
    let separates = |(at, _): (usize, &str)| is_digit(text.get(..at), true) && is_digit(text.get(at + 1..), false);
    if !text.match_indices('_').all(separates) {
        return false;
    }
    let text = text.replace('_', "");
    let unsigned = |text: &str| text.strip_prefix(['+', '-']).unwrap_or(text).to_owned();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(unsigned(exponent))),
        None => (text.as_str(), None),
    };
    let digits = unsigned(mantissa).replacen('.', "", 1);
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    all_digits(&digits) && exponent.is_none_or(|exponent| all_digits(&exponent))
}

/// The decimal of the fewest digits that is nearest to this number and no other. Nothing if it is not finite.
pub(super) fn number(value: f64) -> Option<Number> {
    let digits = value.is_finite().then(|| Width::Double(value).scientific(None))?;
    Number::parse_decimal(&digits).ok().map(Number::into_float)
}

/// Go's `strconv.FormatFloat`. Nothing for its formats `b`, `x` and `X`, and where very many digits are asked for.
pub(super) fn format(value: f64, form: u8, precision: i64, single: bool) -> Option<String> {
    let precision = usize::try_from(precision).ok();
    if precision.is_some_and(|precision| precision > MAX_PRECISION) {
        return None;
    }
    let value = if single { Width::Single(narrowed(value)) } else { Width::Double(value) };
    if let Width::Single(single) = value
        && single.is_infinite()
        && b"eEfgG".contains(&form)
    {
        return Some(if single > 0.0 { "+Inf".into() } else { "-Inf".into() });
    }
    Some(match form {
        b'e' | b'E' => cased(go_exponent(&value.scientific(precision)), form),
        b'f' => value.plain(precision),
        b'g' | b'G' => cased(general(&value, precision), form),
        b'b' | b'x' | b'X' => return None,
        other => lossy(&[b'%', other]),
    })
}

#[allow(clippy::as_conversions, clippy::cast_possible_truncation, reason = "rounds to the nearest, as Go's conversion")]
fn narrowed(value: f64) -> f32 {
    value as f32
}

enum Width {
    Single(f32),
    Double(f64),
}

impl Width {
    /// `1.5e3`; with the fewest digits if no precision is asked for.
    fn scientific(&self, precision: Option<usize>) -> String {
        match (self, precision) {
            (Self::Single(value), None) => to_even(&format!("{value:e}"), &format!("{value:.200e}")),
            (Self::Double(value), None) => to_even(&format!("{value:e}"), &format!("{value:.800e}")),
            (Self::Single(value), Some(precision)) => format!("{value:.precision$e}"),
            (Self::Double(value), Some(precision)) => format!("{value:.precision$e}"),
        }
    }

    fn plain(&self, precision: Option<usize>) -> String {
        match (self, precision) {
            (_, None) => {
                let scientific = self.scientific(None);
                let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
                spelled(mantissa, exponent.parse().unwrap_or_default())
            }
            (Self::Single(value), Some(precision)) => format!("{value:.precision$}"),
            (Self::Double(value), Some(precision)) => format!("{value:.precision$}"),
        }
    }
}

/// Where two decimals of the fewest digits are equally near, Go takes the even one, and Rust the greater one. `exact` has
/// all digits of the number: one digit more, a five, if it is in the middle.
fn to_even(shortest: &str, exact: &str) -> String {
    let (Some((digits, exponent)), Some((exact, exact_exponent))) = (shortest.split_once('e'), exact.split_once('e'))
    else {
        return shortest.to_owned();
    };
    let exact = exact.trim_end_matches('0');
    let point = usize::from(!digits.contains('.'));
    let lower = exact.strip_suffix('5').filter(|lower| lower.len() == digits.len() + point);
    match lower.map(|lower| lower.trim_end_matches('.')) {
        Some(lower) if lower.ends_with(['0', '2', '4', '6', '8']) && exponent == exact_exponent => {
            format!("{lower}e{exponent}")
        }
        _ => shortest.to_owned(),
    }
}

fn cased(text: String, form: u8) -> String {
    if form.is_ascii_uppercase() { text.to_ascii_uppercase() } else { text }
}

/// Go writes at least two digits of an exponent, and its sign.
fn go_exponent(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text.to_owned() };
    match exponent.strip_prefix('-') {
        Some(exponent) => format!("{mantissa}e-{exponent:0>2}"),
        None => format!("{mantissa}e+{exponent:0>2}"),
    }
}

/// `%g`: with an exponent where that is small or large, without zeros at the end.
fn general(value: &Width, precision: Option<usize>) -> String {
    let digits = precision.map(|precision| precision.max(1));
    let scientific = value.scientific(digits.map(|digits| digits.saturating_sub(1)));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    let exponent: i64 = exponent.parse().unwrap_or_default();
    let shown = mantissa.bytes().filter(u8::is_ascii_digit).count();
    // Where the fewest digits are asked for, numbers below a million are written out.
    let most = match digits {
        Some(digits)
            if digits > shown && i64::try_from(shown).is_ok_and(|shown| shown >= exponent.saturating_add(1)) =>
        {
            shown
        }
        Some(digits) => digits,
        None => 6,
    };
    if exponent < -4 || i64::try_from(most).is_ok_and(|most| exponent >= most) {
        return go_exponent(&format!("{mantissa}e{exponent}"));
    }
    spelled(mantissa, exponent)
}

/// A mantissa with one digit before its point, written out.
fn spelled(mantissa: &str, exponent: i64) -> String {
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let Ok(whole) = usize::try_from(exponent.saturating_add(1)) else {
        let zeros = usize::try_from(exponent.saturating_add(1).unsigned_abs()).unwrap_or_default();
        return format!("{sign}0.{}{digits}", "0".repeat(zeros));
    };
    match digits.split_at_checked(whole) {
        Some(("", fraction)) => format!("{sign}0.{fraction}"),
        Some((whole, "")) => format!("{sign}{whole}"),
        Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
        None => format!("{sign}{digits:0<whole$}"),
    }
}
