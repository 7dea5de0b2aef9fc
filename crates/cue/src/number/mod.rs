//! Numbers as CUE has them: decimals of any length, of which integers are a kind of their own; results are rounded to 34
//! digits (`internal.BaseContext` of CUE v0.15.4, cockroachdb/apd).

use std::cmp::Ordering;
use std::fmt;

use num_bigint::{BigInt, BigUint, Sign};

use crate::kind::Kind;
use crate::limits::{MAX_NUMBER_DIGITS, MAX_NUMBER_EXPONENT};

/// Digits of a result.
const PRECISION: u64 = 34;

/// `coefficient` × 10^`exponent`. `1.0` and `1` compare equal and are of different kinds.
#[derive(Clone, Debug)]
pub struct Number {
    kind: Kind,
    coefficient: BigInt,
    exponent: i64,
}

/// Why there is no number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NumberFault {
    /// It is not written as a number.
    Syntax,
    /// It has too many digits, or too large an exponent.
    TooLarge,
    /// Division by zero.
    DivisionByZero,
}

impl Number {
    /// An integer.
    #[must_use]
    pub fn int(value: impl Into<BigInt>) -> Self {
        Self { kind: Kind::INT, coefficient: value.into(), exponent: 0 }
    }

    /// A decimal fraction of kind `float`.
    #[must_use]
    pub fn float(coefficient: BigInt, exponent: i64) -> Self {
        Self { kind: Kind::FLOAT, coefficient, exponent }
    }

    /// Reads digits with optional sign, point and exponent, as JSON and CUE have them in common. What has a point or an
    /// exponent is a float.
    ///
    /// # Errors
    /// [`NumberFault::Syntax`], [`NumberFault::TooLarge`].
    pub fn parse_decimal(text: &str) -> Result<Self, NumberFault> {
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, Some(power)),
            None => (text, None),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_float = power.is_some() || mantissa.contains('.');
        let digits = whole.trim_start_matches(['-', '+']);
        if digits.len() + fraction.len() > MAX_NUMBER_DIGITS {
            return Err(NumberFault::TooLarge);
        }
        if digits.len() + fraction.len() == 0
            || whole.len() > digits.len() + 1
            || !digits.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
        {
            return Err(NumberFault::Syntax);
        }
        let mut exponent = match power {
            None => 0,
            Some(power) => {
                let digits = power.trim_start_matches(['-', '+']);
                if digits.is_empty() || power.len() > digits.len() + 1 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(NumberFault::Syntax);
                }
                power.parse::<i64>().map_err(|_| NumberFault::TooLarge)?
            }
        };
        if exponent.unsigned_abs() > MAX_NUMBER_EXPONENT {
            return Err(NumberFault::TooLarge);
        }
        exponent = exponent.saturating_sub(i64::try_from(fraction.len()).map_err(|_| NumberFault::TooLarge)?);
        let magnitude =
            BigUint::parse_bytes(format!("{digits}{fraction}").as_bytes(), 10).ok_or(NumberFault::Syntax)?;
        let sign = if whole.starts_with('-') { Sign::Minus } else { Sign::Plus };
        let coefficient = BigInt::from_biguint(sign, magnitude);
        Ok(if is_float { Self::float(coefficient, exponent) } else { Self::int(coefficient) })
    }

    /// `int` or `float`.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The same number as a float.
    #[must_use]
    pub fn into_float(self) -> Self {
        Self { kind: Kind::FLOAT, ..self }
    }

    /// The integer, if it is a whole number.
    #[must_use]
    pub fn to_bigint(&self) -> Option<BigInt> {
        if self.exponent >= 0 {
            return Some(&self.coefficient * power_of_ten(self.exponent.unsigned_abs())?);
        }
        let divisor = BigInt::from(power_of_ten(self.exponent.unsigned_abs())?);
        let quotient = &self.coefficient / &divisor;
        (&quotient * divisor == self.coefficient).then_some(quotient)
    }

    /// The integer, if it is whole and fits.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        i64::try_from(self.to_bigint()?).ok()
    }

    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.coefficient.sign() == Sign::Minus
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.coefficient.sign() == Sign::NoSign
    }

    /// `-self`.
    #[must_use]
    pub fn negate(&self) -> Self {
        Self { kind: self.kind, coefficient: -&self.coefficient, exponent: self.exponent }
    }

    /// `self + other`.
    ///
    /// # Errors
    /// [`NumberFault::TooLarge`].
    pub fn add(&self, other: &Self) -> Result<Self, NumberFault> {
        let (a, b, exponent) = self.aligned(other)?;
        self.result(other, a + b, exponent)
    }

    /// `self - other`.
    ///
    /// # Errors
    /// [`NumberFault::TooLarge`].
    pub fn sub(&self, other: &Self) -> Result<Self, NumberFault> {
        self.add(&other.negate())
    }

    /// `self * other`.
    ///
    /// # Errors
    /// [`NumberFault::TooLarge`].
    pub fn mul(&self, other: &Self) -> Result<Self, NumberFault> {
        let exponent = self.exponent.saturating_add(other.exponent);
        self.result(other, &self.coefficient * &other.coefficient, exponent)
    }

    /// `self / other`, always a float.
    ///
    /// # Errors
    /// [`NumberFault::DivisionByZero`], [`NumberFault::TooLarge`].
    pub fn quo(&self, other: &Self) -> Result<Self, NumberFault> {
        if other.is_zero() {
            return Err(NumberFault::DivisionByZero);
        }
        let shift = PRECISION
            .saturating_add(digits(&other.coefficient))
            .saturating_add(2)
            .saturating_sub(digits(&self.coefficient));
        let scaled = &self.coefficient * power_of_ten(shift).ok_or(NumberFault::TooLarge)?;
        let mut quotient = &scaled / &other.coefficient;
        let exponent = self.exponent.saturating_sub(other.exponent).saturating_sub(to_i64(shift)?);
        let mut exponent = exponent;
        if &quotient * &other.coefficient != scaled {
            // What is cut off counts when rounding.
            quotient = quotient * 10 + if self.is_negative() == other.is_negative() { 1 } else { -1 };
            exponent = exponent.saturating_sub(1);
        }
        let mut result = Self::float(quotient, exponent).rounded()?;
        // An exact quotient has no zeros at its end.
        while result.exponent < 0 && !result.is_zero() && (&result.coefficient % 10) == BigInt::ZERO {
            result.coefficient /= 10;
            result.exponent = result.exponent.saturating_add(1);
        }
        Ok(result)
    }

    /// Rounded towards minus infinity, to an integer.
    ///
    /// # Errors
    /// [`NumberFault::TooLarge`].
    pub fn floor(&self) -> Result<Self, NumberFault> {
        if let Some(whole) = self.to_bigint() {
            return Ok(Self::int(whole));
        }
        let divisor = BigInt::from(power_of_ten(self.exponent.unsigned_abs()).ok_or(NumberFault::TooLarge)?);
        let quotient = &self.coefficient / divisor;
        Ok(Self::int(if self.is_negative() { quotient - 1 } else { quotient }))
    }

    /// Rounded towards plus infinity, to an integer.
    ///
    /// # Errors
    /// [`NumberFault::TooLarge`].
    pub fn ceil(&self) -> Result<Self, NumberFault> {
        Ok(self.negate().floor()?.negate())
    }

    /// Of kind `int` if it is whole: what functions compute has no kind of its own (`convert.GoValueToValue` of CUE).
    #[must_use]
    pub fn detected(&self) -> Self {
        match self.to_bigint() {
            Some(whole) => Self::int(whole),
            None => self.clone().into_float(),
        }
    }

    fn result(&self, other: &Self, coefficient: BigInt, exponent: i64) -> Result<Self, NumberFault> {
        let kind = if self.kind == other.kind { self.kind } else { Kind::FLOAT };
        Self { kind, coefficient, exponent }.rounded()
    }

    /// To [`PRECISION`] digits, half away from zero.
    fn rounded(self) -> Result<Self, NumberFault> {
        let length = digits(&self.coefficient);
        if length <= PRECISION {
            return self.in_range();
        }
        let cut = length.saturating_sub(PRECISION);
        let divisor = BigInt::from(power_of_ten(cut).ok_or(NumberFault::TooLarge)?);
        let mut quotient = &self.coefficient / &divisor;
        let rest = &self.coefficient - &quotient * &divisor;
        if rest.magnitude() * 2_u8 >= *divisor.magnitude() {
            quotient += if self.is_negative() { -1 } else { 1 };
        }
        let exponent = self.exponent.saturating_add(to_i64(cut)?);
        Self { coefficient: quotient, exponent, ..self }.in_range()
    }

    fn in_range(self) -> Result<Self, NumberFault> {
        if self.exponent.unsigned_abs() > MAX_NUMBER_EXPONENT.saturating_mul(2) {
            return Err(NumberFault::TooLarge);
        }
        Ok(self)
    }

    fn aligned(&self, other: &Self) -> Result<(BigInt, BigInt, i64), NumberFault> {
        let exponent = self.exponent.min(other.exponent);
        let scale = |number: &Self| -> Result<BigInt, NumberFault> {
            let shift = number.exponent.saturating_sub(exponent).unsigned_abs();
            Ok(&number.coefficient * power_of_ten(shift).ok_or(NumberFault::TooLarge)?)
        };
        Ok((scale(self)?, scale(other)?, exponent))
    }
}

impl fmt::Display for NumberFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not a number",
            Self::TooLarge => "a number is too large",
            Self::DivisionByZero => "division by zero",
        })
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let (sa, sb) = (self.coefficient.sign(), other.coefficient.sign());
        if sa != sb || sa == Sign::NoSign {
            return sa.cmp(&sb);
        }
        if self.exponent == other.exponent {
            return self.coefficient.cmp(&other.coefficient);
        }
        // Of unlike size: no need to write them out.
        let top = |n: &Self| n.exponent.saturating_add(i64::try_from(digits(&n.coefficient)).unwrap_or(i64::MAX));
        let size = top(self).cmp(&top(other));
        let size = if sa == Sign::Minus { size.reverse() } else { size };
        size.then_with(|| match self.aligned(other) {
            Ok((a, b, _)) => a.cmp(&b),
            Err(_) => Ordering::Equal,
        })
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

/// apd's `to-scientific-string`: `1.0`, `1E+3`, `1E-7`.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negative() {
            f.write_str("-")?;
        }
        let digits = self.coefficient.magnitude().to_string();
        let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        let padded = if self.is_zero() && self.exponent < 0 { length.saturating_sub(self.exponent) } else { length };
        if self.exponent <= 0 && self.exponent.saturating_add(padded).saturating_sub(1) >= -6 {
            let point = length.saturating_add(self.exponent);
            return match usize::try_from(point) {
                Ok(point) if point > 0 => match digits.split_at_checked(point) {
                    Some((whole, "")) => f.write_str(whole),
                    Some((whole, fraction)) => write!(f, "{whole}.{fraction}"),
                    None => f.write_str(&digits),
                },
                _ => {
                    let zeros = usize::try_from(point.unsigned_abs()).unwrap_or_default();
                    write!(f, "0.{}{digits}", "0".repeat(zeros))
                }
            };
        }
        let adjusted = self.exponent.saturating_add(length).saturating_sub(1);
        let (first, rest) = digits.split_at_checked(1).unwrap_or((&digits, ""));
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if adjusted < 0 { '-' } else { '+' };
        write!(f, "{first}{point}{rest}E{sign}{}", adjusted.unsigned_abs())
    }
}

fn to_i64(value: u64) -> Result<i64, NumberFault> {
    i64::try_from(value).map_err(|_| NumberFault::TooLarge)
}

fn digits(value: &BigInt) -> u64 {
    u64::try_from(value.magnitude().to_string().len()).unwrap_or(u64::MAX)
}

fn power_of_ten(exponent: u64) -> Option<BigInt> {
    if exponent > MAX_NUMBER_EXPONENT.saturating_mul(4) {
        return None;
    }
    Some(BigInt::from(10_u8).pow(u32::try_from(exponent).ok()?))
}
