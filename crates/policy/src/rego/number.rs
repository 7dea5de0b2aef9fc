//! Numbers as OPA has them: the text is kept, comparison is exact, and arithmetic rounds to 64 bits of mantissa.
//!
//! Source: OPA v1.12.3, `ast.NumberCompare` (exact rationals) and `topdown/arithmetic.go` (`big.Float` of precision 64,
//! printed as its shortest decimal). A policy must not hold where OPA's does not, so binary doubles will not do:
//! `0.1 + 0.2 != 0.3` is false there.

use std::cmp::Ordering;
use std::sync::Arc;

use num_bigint::BigUint;

use crate::limits::{MAX_NUMBER_EXPONENT, MAX_NUMBER_TEXT};

/// A number.
#[derive(Clone, Debug)]
pub(crate) enum Number {
    /// An integer in its plain decimal form.
    Int(i64),
    /// Everything else.
    Decimal(Arc<Decimal>),
}

/// `digits` × 10^`exponent`, and how it was written.
#[derive(Debug)]
pub(crate) struct Decimal {
    text: String,
    negative: bool,
    /// Without leading and trailing zeros; empty for zero.
    digits: Vec<u8>,
    exponent: i64,
}

/// Why a text is no usable number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NumberFault {
    Syntax,
    TooLong,
    Exponent,
}

impl Number {
    /// Reads a number of JSON; policies may also leave out the digits before the point.
    pub(crate) fn parse(text: &str) -> Result<Self, NumberFault> {
        if text.len() > MAX_NUMBER_TEXT {
            return Err(NumberFault::TooLong);
        }
        if let Ok(int) = text.parse::<i64>()
            && int.to_string() == text
        {
            return Ok(Self::Int(int));
        }
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |r| (true, r));
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => {
                let (mantissa, exponent) = rest.split_at(at);
                let exponent = exponent.get(1..).unwrap_or_default();
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(NumberFault::Syntax);
                }
                let exponent: i64 =
                    exponent.strip_prefix('+').unwrap_or(exponent).parse().map_err(|_| NumberFault::Exponent)?;
                (mantissa, exponent)
            }
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !plain(whole) || !plain(fraction) || mantissa.ends_with('.') {
            return Err(NumberFault::Syntax);
        }
        if whole.len() > 1 && whole.starts_with('0') {
            return Err(NumberFault::Syntax);
        }
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b.wrapping_sub(b'0')).collect();
        let mut exponent = exponent.saturating_sub(i64::try_from(fraction.len()).unwrap_or(i64::MAX));
        while digits.last() == Some(&0) {
            digits.pop();
            exponent = exponent.saturating_add(1);
        }
        let zeros = digits.iter().take_while(|d| **d == 0).count();
        digits.drain(..zeros);
        if exponent.unsigned_abs() > MAX_NUMBER_EXPONENT && !digits.is_empty() {
            return Err(NumberFault::Exponent);
        }
        Ok(Self::Decimal(Arc::new(Decimal { text: text.to_owned(), negative, digits, exponent })))
    }

    /// A count.
    pub(crate) fn from_usize(n: usize) -> Self {
        i64::try_from(n).map_or_else(|_| Self::Int(i64::MAX), Self::Int)
    }

    /// As it was written.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Int(int) => int.to_string(),
            Self::Decimal(decimal) => decimal.text.clone(),
        }
    }

    /// What Go's `strconv.Atoi` reads: an integer without point or exponent.
    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            Self::Decimal(decimal) => decimal.text.parse().ok(),
        }
    }

    /// The integer that it equals.
    pub(crate) fn integer_value(&self) -> Option<i128> {
        match self {
            Self::Int(int) => Some(i128::from(*int)),
            Self::Decimal(d) => {
                let zeros = usize::try_from(d.exponent).ok()?;
                if d.digits.len().checked_add(zeros)? > 38 {
                    return None;
                }
                let mut value: i128 = 0;
                for digit in d.digits.iter().copied().chain(std::iter::repeat_n(0, zeros)) {
                    value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
                }
                Some(if d.negative { value.checked_neg()? } else { value })
            }
        }
    }

    /// Whether it is a whole number.
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Decimal(d) => d.digits.is_empty() || d.exponent >= 0,
        }
    }

    fn parts(&self) -> (bool, Vec<u8>, i64) {
        match self {
            Self::Int(int) => {
                let mut digits: Vec<u8> =
                    int.unsigned_abs().to_string().bytes().map(|b| b.wrapping_sub(b'0')).collect();
                let mut exponent = 0_i64;
                while digits.last() == Some(&0) {
                    digits.pop();
                    exponent = exponent.saturating_add(1);
                }
                (*int < 0, digits, exponent)
            }
            Self::Decimal(d) => (d.negative, d.digits.clone(), d.exponent),
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Self::Int(a), Self::Int(b)) = (self, other) {
            return a.cmp(b);
        }
        let ((an, ad, ae), (bn, bd, be)) = (self.parts(), other.parts());
        let sign = |negative: bool, digits: &[u8]| match (digits.is_empty(), negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let (sa, sb) = (sign(an, &ad), sign(bn, &bd));
        if sa != sb || sa == 0 {
            return sa.cmp(&sb);
        }
        let top =
            |digits: &[u8], exponent: i64| exponent.saturating_add(i64::try_from(digits.len()).unwrap_or(i64::MAX));
        let size = top(&ad, ae).cmp(&top(&bd, be)).then_with(|| ad.cmp(&bd));
        if sa < 0 { size.reverse() } else { size }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

/// `mantissa` × 2^`exponent` with 64 bits of mantissa: Go's `big.Float` as OPA uses it.
#[derive(Clone, Debug)]
pub(crate) struct Float {
    negative: bool,
    /// The highest bit is set, or all is zero.
    mantissa: u64,
    exponent: i64,
}

/// The exponent beyond which arithmetic is refused, so that a power of ten is never large.
const MAX_ARITHMETIC_EXPONENT: i64 = 1_200;

impl Float {
    /// The nearest float, or nothing where the exponent is beyond what is computed with.
    pub(crate) fn new(number: &Number) -> Option<Self> {
        let (negative, digits, exponent) = number.parts();
        if digits.is_empty() {
            return Some(Self { negative, mantissa: 0, exponent: 0 });
        }
        if exponent.abs() > MAX_ARITHMETIC_EXPONENT {
            return None;
        }
        let value = BigUint::from_radix_be(&digits, 10)?;
        let power = BigUint::from(10_u8).pow(u32::try_from(exponent.unsigned_abs()).ok()?);
        if exponent >= 0 {
            return Self::round(negative, &(value * power), 0, false);
        }
        Self::quotient(negative, &value, &power, 0)
    }

    /// `a` / `b` × 2^`exponent`.
    fn quotient(negative: bool, a: &BigUint, b: &BigUint, exponent: i64) -> Option<Self> {
        let shift = b.bits().saturating_add(70).saturating_sub(a.bits().min(b.bits().saturating_add(70)));
        let shifted = a << shift;
        let quotient = &shifted / b;
        let inexact = &quotient * b != shifted;
        Self::round(negative, &quotient, exponent.checked_sub(i64::try_from(shift).ok()?)?, inexact)
    }

    /// To nearest, ties to even. `sticky`: there is something below the last bit.
    fn round(negative: bool, value: &BigUint, exponent: i64, sticky: bool) -> Option<Self> {
        let bits = value.bits();
        if bits == 0 {
            return Some(Self { negative, mantissa: 0, exponent: 0 });
        }
        if bits <= 64 {
            let mantissa = u64::try_from(value).ok()?;
            let zeros = mantissa.leading_zeros();
            let exponent = exponent.checked_sub(i64::from(zeros))?;
            return Some(Self { negative, mantissa: mantissa << zeros, exponent });
        }
        let drop = bits.checked_sub(64)?;
        let top = value >> drop;
        let rest = value - (&top << drop);
        let half = BigUint::from(1_u8) << drop.checked_sub(1)?;
        let mut mantissa = u64::try_from(&top).ok()?;
        let mut exponent = exponent.checked_add(i64::try_from(drop).ok()?)?;
        let up = match rest.cmp(&half) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => sticky || mantissa & 1 == 1,
        };
        if up {
            mantissa = match mantissa.checked_add(1) {
                Some(next) => next,
                None => {
                    exponent = exponent.checked_add(1)?;
                    1 << 63
                }
            };
        }
        Some(Self { negative, mantissa, exponent })
    }

    fn aligned(&self, exponent: i64) -> Option<BigUint> {
        Some(BigUint::from(self.mantissa) << u64::try_from(self.exponent.checked_sub(exponent)?).ok()?)
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.mantissa == 0
    }

    pub(crate) fn negate(&self) -> Self {
        Self { negative: !self.negative, ..self.clone() }
    }

    pub(crate) fn abs(&self) -> Self {
        Self { negative: false, ..self.clone() }
    }

    pub(crate) fn add(&self, other: &Self) -> Option<Self> {
        if self.is_zero() {
            return Some(other.clone());
        }
        if other.is_zero() {
            return Some(self.clone());
        }
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.aligned(exponent)?, other.aligned(exponent)?);
        if self.negative == other.negative {
            return Self::round(self.negative, &(a + b), exponent, false);
        }
        match a.cmp(&b) {
            Ordering::Equal => Some(Self { negative: false, mantissa: 0, exponent: 0 }),
            Ordering::Greater => Self::round(self.negative, &(a - b), exponent, false),
            Ordering::Less => Self::round(other.negative, &(b - a), exponent, false),
        }
    }

    pub(crate) fn mul(&self, other: &Self) -> Option<Self> {
        let product = BigUint::from(self.mantissa) * BigUint::from(other.mantissa);
        Self::round(self.negative != other.negative, &product, self.exponent.checked_add(other.exponent)?, false)
    }

    /// The divisor is not zero.
    pub(crate) fn div(&self, other: &Self) -> Option<Self> {
        let negative = self.negative != other.negative;
        if self.is_zero() {
            return Some(Self { negative, mantissa: 0, exponent: 0 });
        }
        let exponent = self.exponent.checked_sub(other.exponent)?;
        Self::quotient(negative, &BigUint::from(self.mantissa), &BigUint::from(other.mantissa), exponent)
    }

    /// Towards zero, and whether that was exact.
    pub(crate) fn truncate(&self) -> Option<(Self, bool)> {
        if self.exponent >= 0 || self.is_zero() {
            return Some((self.clone(), true));
        }
        let drop = self.exponent.unsigned_abs();
        let whole = if drop >= 64 { 0 } else { self.mantissa.checked_shr(u32::try_from(drop).ok()?)? };
        let exact = drop < 64 && (whole << drop) == self.mantissa;
        Some((Self::round(self.negative && whole != 0, &BigUint::from(whole), 0, false)?, exact))
    }

    /// The digits of what is before the point.
    pub(crate) fn whole_digits(&self, radix: u32) -> Option<String> {
        let (whole, _) = self.truncate()?;
        let value = if whole.exponent >= 0 {
            BigUint::from(whole.mantissa) << u64::try_from(whole.exponent).ok()?
        } else {
            BigUint::from(whole.mantissa) >> whole.exponent.unsigned_abs()
        };
        Some(format!("{}{}", if whole.is_negative() { "-" } else { "" }, value.to_str_radix(radix)))
    }

    pub(crate) fn is_negative(&self) -> bool {
        self.negative && !self.is_zero()
    }

    /// As `big.Float.Text` prints it: `f` for whole numbers, `g` for others, shortest digits.
    pub(crate) fn to_number(&self) -> Option<Number> {
        let sign = if self.negative { "-" } else { "" };
        if self.is_zero() {
            return Number::parse(&format!("{sign}0")).ok();
        }
        let whole = self.truncate()?.1;
        let (digits, point) = self.shortest()?;
        let text = if whole || (-4..6).contains(&(point.checked_sub(1)?)) {
            plain_notation(&digits, point)?
        } else {
            let exponent = point.checked_sub(1)?;
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            let mark = if exponent < 0 { '-' } else { '+' };
            format!("{first}{dot}{rest}e{mark}{:02}", exponent.unsigned_abs())
        };
        Number::parse(&format!("{sign}{text}")).ok()
    }

    /// The shortest digits that name this float among its neighbours, and the place of the point: Go's `roundShortest`.
    fn shortest(&self) -> Option<(String, i64)> {
        let double = BigUint::from(self.mantissa) << 1_u8;
        let exponent = self.exponent.checked_sub(1)?;
        let (mut digits, mut point) = exact(&double, exponent)?;
        let (lower, _) = exact(&(&double - 1_u8), exponent)?;
        let (upper, _) = exact(&(&double + 1_u8), exponent)?;
        let inclusive = self.mantissa & 1 == 0;
        for place in 0..digits.len() {
            let digit = *digits.get(place)?;
            let low = lower.get(place).copied().unwrap_or(b'0');
            let high = upper.get(place).copied().unwrap_or(b'0');
            let next = place.checked_add(1)?;
            let down = low != digit || inclusive && next == lower.len();
            let up = digit != high && (inclusive || digit.checked_add(1)? < high || next < upper.len());
            let upwards = match (down, up) {
                (false, false) => continue,
                (true, true) => rounds_up(&digits, next),
                (_, up) => up,
            };
            digits.truncate(next);
            if upwards {
                while let Some(last) = digits.pop() {
                    if last < b'9' {
                        digits.push(last.checked_add(1)?);
                        break;
                    }
                }
                if digits.is_empty() {
                    digits.push(b'1');
                    point = point.checked_add(1)?;
                }
            }
            break;
        }
        while digits.len() > 1 && digits.last() == Some(&b'0') {
            digits.pop();
        }
        Some((String::from_utf8(digits).ok()?, point))
    }
}

/// Go's `shouldRoundUp`: half to even.
fn rounds_up(digits: &[u8], place: usize) -> bool {
    match digits.get(place) {
        Some(b'5') if place.checked_add(1) == Some(digits.len()) => {
            place.checked_sub(1).and_then(|p| digits.get(p)).is_some_and(|d| (d - b'0') % 2 == 1)
        }
        Some(digit) => *digit >= b'5',
        None => false,
    }
}

/// All digits of `value` × 2^`exponent`, without trailing zeros, and the place of the point.
fn exact(value: &BigUint, exponent: i64) -> Option<(Vec<u8>, i64)> {
    let (mut text, point) = if exponent >= 0 {
        let text = (value << u64::try_from(exponent).ok()?).to_string().into_bytes();
        let point = i64::try_from(text.len()).ok()?;
        (text, point)
    } else {
        let power = BigUint::from(5_u8).pow(u32::try_from(exponent.unsigned_abs()).ok()?);
        let text = (value * power).to_string().into_bytes();
        let point = i64::try_from(text.len()).ok()?.checked_add(exponent)?;
        (text, point)
    };
    while text.len() > 1 && text.last() == Some(&b'0') {
        text.pop();
    }
    Some((text, point))
}

fn plain_notation(digits: &str, point: i64) -> Option<String> {
    let Ok(whole) = usize::try_from(point) else {
        return Some(format!("0.{}{digits}", "0".repeat(usize::try_from(point.unsigned_abs()).ok()?)));
    };
    if whole == 0 {
        return Some(format!("0.{digits}"));
    }
    Some(match digits.split_at_checked(whole) {
        Some((all, "")) => all.to_owned(),
        Some((before, after)) => format!("{before}.{after}"),
        None => format!("{digits}{}", "0".repeat(whole.checked_sub(digits.len())?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    fn float(text: &str) -> Float {
        Float::new(&number(text)).unwrap()
    }

    fn text(float: Option<Float>) -> String {
        float.unwrap().to_number().unwrap().text()
    }

    #[test]
    fn comparison_is_exact() {
        for (a, b, expected) in [
            ("1", "1.0", Ordering::Equal),
            ("1e3", "1000", Ordering::Equal),
            ("-0", "0", Ordering::Equal),
            ("0.12345678901234567891", "0.12345678901234567892", Ordering::Less),
            ("9223372036854775808", "9223372036854775807", Ordering::Greater),
            ("-2", "-10", Ordering::Greater),
            ("0.1", "0.01", Ordering::Greater),
        ] {
            assert_eq!(number(a).cmp(&number(b)), expected, "{a} {b}");
        }
    }

    #[test]
    fn arithmetic_is_that_of_a_64_bit_mantissa() {
        assert_eq!(text(float("0.1").add(&float("0.2"))), "0.3");
        assert_eq!(text(float("1").div(&float("3"))), "0.33333333333333333334");
        assert_eq!(text(float("10").div(&float("4"))), "2.5");
        assert_eq!(text(float("18446744073709551615").add(&float("1"))), "18446744073709551616");
        assert_eq!(text(float("18446744073709551616").add(&float("1"))), "18446744073709551616");
        assert_eq!(text(float("1e-7").mul(&float("1"))), "1e-07");
        assert_eq!(text(float("1234567.5").mul(&float("1"))), "1.2345675e+06");
        assert_eq!(text(float("1e30").mul(&float("1"))), "1000000000000000000000000000000");
        assert_eq!(text(float("5").add(&float("-5"))), "0");
    }

    #[test]
    fn texts_that_are_no_numbers() {
        for bad in ["", "-", "1.", "01", "1e", "0x1", "1_0", "+1", "--1", " 1", "1.2.3"] {
            assert!(matches!(Number::parse(bad), Err(NumberFault::Syntax)), "{bad}");
        }
        assert!(matches!(Number::parse("1e999999999"), Err(NumberFault::Exponent)));
        assert!(matches!(Number::parse("1e99999999999999999999"), Err(NumberFault::Exponent)));
        assert!(matches!(Number::parse(&"1".repeat(5_000)), Err(NumberFault::TooLong)));
    }
}
