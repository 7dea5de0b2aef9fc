//! Decimal arithmetic as cockroachdb/apd v3 does it after the General Decimal Arithmetic specification: exact
//! coefficients, results rounded to a number of digits.

use std::cmp::Ordering;
use std::fmt;

use num_bigint::{BigInt, BigUint, Sign};

use super::NumberFault;
use crate::limits::MAX_NUMBER_EXPONENT;

type Result<T> = std::result::Result<T, NumberFault>;

/// (-1)^`negative` × `coefficient` × 10^`exponent`. Zero has a sign.
#[derive(Clone, Debug, Default)]
pub(super) struct Decimal {
    pub(super) negative: bool,
    pub(super) coefficient: BigUint,
    pub(super) exponent: i64,
}

/// What becomes of digits that are cut off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rounding {
    /// Half and more away from zero.
    HalfUp,
    /// Half to the even neighbour.
    HalfEven,
    /// All towards zero.
    Down,
}

/// How results are rounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) precision: u64,
    pub(super) rounding: Rounding,
}

/// CUE's own (`internal.BaseContext` of v0.15.4).
pub(super) const BASE: Context = Context { precision: 34, rounding: Rounding::HalfUp };

impl Context {
    pub(super) fn add(self, a: &Decimal, b: &Decimal) -> Result<Decimal> {
        let (x, y, exponent) = aligned(a, b)?;
        let (negative, coefficient) = if a.negative == b.negative {
            (a.negative, x + y)
        } else {
            match x.cmp(&y) {
                Ordering::Greater => (a.negative, x - y),
                Ordering::Less => (b.negative, y - x),
                Ordering::Equal => (false, BigUint::ZERO),
            }
        };
        self.round(Decimal { negative, coefficient, exponent })
    }

    pub(super) fn sub(self, a: &Decimal, b: &Decimal) -> Result<Decimal> {
        self.add(a, &Decimal { negative: !b.negative, ..b.clone() })
    }

    pub(super) fn mul(self, a: &Decimal, b: &Decimal) -> Result<Decimal> {
        self.round(Decimal {
            negative: a.negative != b.negative,
            coefficient: &a.coefficient * &b.coefficient,
            exponent: a.exponent.saturating_add(b.exponent),
        })
    }

    /// `a / b`, to the full precision: an exact quotient has zeros at its end.
    pub(super) fn quo(self, a: &Decimal, b: &Decimal) -> Result<Decimal> {
        if b.is_zero() {
            return Err(if a.is_zero() { NumberFault::DivisionUndefined } else { NumberFault::DivisionByZero });
        }
        let negative = a.negative != b.negative;
        let shift = a.exponent.saturating_sub(b.exponent);
        if a.is_zero() {
            return in_range(Decimal { negative, coefficient: BigUint::ZERO, exponent: shift });
        }
        // The dividend is brought to at least the divisor and to less than ten times of it.
        let difference = signed(a.digits())?.saturating_sub(signed(b.digits())?);
        let mut dividend = a.coefficient.clone();
        let mut divisor = b.coefficient.clone();
        if difference < 0 {
            dividend *= power_of_ten(difference.unsigned_abs())?;
        } else {
            divisor *= power_of_ten(difference.unsigned_abs())?;
        }
        let mut adjusted = -difference;
        if dividend < divisor {
            dividend *= 10_u8;
            adjusted += 1;
        }
        let more = self.precision.saturating_sub(1);
        dividend *= power_of_ten(more)?;
        let mut coefficient = &dividend / &divisor;
        let rest = dividend - &coefficient * &divisor;
        if rest != BigUint::ZERO && self.rounds_up(&coefficient, (rest * 2_u8).cmp(&divisor)) {
            coefficient += 1_u8;
        }
        in_range(Decimal {
            negative,
            coefficient,
            exponent: shift.saturating_sub(adjusted).saturating_sub(signed(more)?),
        })
    }

    /// To the precision.
    pub(super) fn round(self, value: Decimal) -> Result<Decimal> {
        let digits = value.digits();
        if digits <= self.precision {
            return in_range(value);
        }
        let cut = digits.saturating_sub(self.precision);
        let (coefficient, _) = self.cut(&value.coefficient, cut)?;
        let mut rounded = Decimal { coefficient, exponent: value.exponent.saturating_add(signed(cut)?), ..value };
        // 99.9 became 100: one digit too many.
        if rounded.digits() > self.precision {
            rounded.coefficient /= 10_u8;
            rounded.exponent = rounded.exponent.saturating_add(1);
        }
        in_range(rounded)
    }

    /// The integer nearest to a value, and whether it is the value.
    pub(super) fn to_integral(self, value: &Decimal) -> Result<(Decimal, bool)> {
        let negative = value.negative;
        if value.exponent >= 0 {
            let coefficient = &value.coefficient * power_of_ten(value.exponent.unsigned_abs())?;
            return Ok((Decimal { negative, coefficient, exponent: 0 }, true));
        }
        let cut = value.exponent.unsigned_abs();
        if cut > value.digits() {
            return Ok((Decimal { negative, ..Decimal::default() }, value.is_zero()));
        }
        let (coefficient, exact) = self.cut(&value.coefficient, cut)?;
        Ok((Decimal { negative, coefficient, exponent: 0 }, exact))
    }

    /// Cuts digits off, and says whether they were zeros.
    fn cut(self, coefficient: &BigUint, digits: u64) -> Result<(BigUint, bool)> {
        let divisor = power_of_ten(digits)?;
        let mut quotient = coefficient / &divisor;
        let rest = coefficient - &quotient * &divisor;
        let exact = rest == BigUint::ZERO;
        if !exact && self.rounds_up(&quotient, (rest * 2_u8).cmp(&divisor)) {
            quotient += 1_u8;
        }
        Ok((quotient, exact))
    }

    fn rounds_up(self, quotient: &BigUint, half: Ordering) -> bool {
        match self.rounding {
            Rounding::Down => false,
            Rounding::HalfUp => half != Ordering::Less,
            Rounding::HalfEven => half == Ordering::Greater || (half == Ordering::Equal && quotient.bit(0)),
        }
    }
}

impl Decimal {
    pub(super) fn new(coefficient: BigInt, exponent: i64) -> Self {
        let (sign, coefficient) = coefficient.into_parts();
        Self { negative: sign == Sign::Minus, coefficient, exponent }
    }

    pub(super) fn small(coefficient: i64, exponent: i64) -> Self {
        Self::new(BigInt::from(coefficient), exponent)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.coefficient == BigUint::ZERO
    }

    pub(super) fn abs(&self) -> Self {
        Self { negative: false, ..self.clone() }
    }

    /// Digits of the coefficient; zero has one.
    pub(super) fn digits(&self) -> u64 {
        digits(&self.coefficient)
    }

    /// The integer, if it is whole.
    pub(super) fn to_bigint(&self) -> Result<Option<BigInt>> {
        let (whole, exact) = Context { rounding: Rounding::Down, ..BASE }.to_integral(self)?;
        Ok(exact.then(|| whole.signed_coefficient()))
    }

    pub(super) fn signed_coefficient(self) -> BigInt {
        BigInt::from_biguint(if self.negative { Sign::Minus } else { Sign::Plus }, self.coefficient)
    }

    /// The whole part and the rest, both with the sign of the value.
    pub(super) fn split(&self) -> Result<(Self, Self)> {
        let (whole, _) = Context { rounding: Rounding::Down, ..BASE }.to_integral(self)?;
        if self.exponent >= 0 {
            return Ok((whole, Self { negative: self.negative, ..Self::default() }));
        }
        let unit = power_of_ten(self.exponent.unsigned_abs())?;
        let rest = &self.coefficient - &whole.coefficient * unit;
        Ok((whole, Self { negative: self.negative, coefficient: rest, exponent: self.exponent }))
    }

    /// Without zeros at its end, but for one behind the point of what had a point: CUE's
    /// `reduceKeepingFloats`.
    pub(super) fn reduced(mut self) -> Self {
        if self.is_zero() {
            return Self { exponent: if self.exponent < 0 { -1 } else { 0 }, ..Self::default() };
        }
        let had_point = self.exponent < 0;
        loop {
            let quotient = &self.coefficient / 10_u8;
            if &quotient * 10_u8 != self.coefficient {
                break;
            }
            self.coefficient = quotient;
            self.exponent = self.exponent.saturating_add(1);
        }
        if had_point && self.exponent >= 0 {
            self.coefficient *= 10_u8;
            self.exponent = self.exponent.saturating_sub(1);
        }
        self
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return if other.negative { Ordering::Greater } else { Ordering::Less },
            (false, true) => return if self.negative { Ordering::Less } else { Ordering::Greater },
            (false, false) if self.negative != other.negative => {
                return if self.negative { Ordering::Less } else { Ordering::Greater };
            }
            (false, false) => {}
        }
        let order = self.compare_magnitudes(other);
        if self.negative { order.reverse() } else { order }
    }

    fn compare_magnitudes(&self, other: &Self) -> Ordering {
        if self.exponent == other.exponent {
            return self.coefficient.cmp(&other.coefficient);
        }
        // Of unlike size: no need to write them out.
        let top = |d: &Self| d.exponent.saturating_add(i64::try_from(d.digits()).unwrap_or(i64::MAX));
        top(self).cmp(&top(other)).then_with(|| match aligned(self, other) {
            Ok((a, b, _)) => a.cmp(&b),
            // Of the same size, the exponents are as far apart as one of them has digits.
            Err(_) => Ordering::Equal,
        })
    }
}

/// apd's `to-scientific-string`: `1.0`, `1E+3`, `1E-7`.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        let digits = self.coefficient.to_string();
        let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        // Zero is written with all its places, unless they are very many.
        let places = self.is_zero() && (-2_000..0).contains(&self.exponent);
        let padded = if places { length.saturating_sub(self.exponent) } else { length };
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

fn in_range(value: Decimal) -> Result<Decimal> {
    if value.exponent.unsigned_abs() > MAX_NUMBER_EXPONENT.saturating_mul(2) {
        return Err(NumberFault::TooLarge);
    }
    Ok(value)
}

/// Both coefficients at the lower exponent.
fn aligned(a: &Decimal, b: &Decimal) -> Result<(BigUint, BigUint, i64)> {
    let exponent = a.exponent.min(b.exponent);
    let scale = |d: &Decimal| -> Result<BigUint> {
        match d.exponent.saturating_sub(exponent).unsigned_abs() {
            0 => Ok(d.coefficient.clone()),
            shift => Ok(&d.coefficient * power_of_ten(shift)?),
        }
    };
    Ok((scale(a)?, scale(b)?, exponent))
}

fn signed(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| NumberFault::TooLarge)
}

fn digits(value: &BigUint) -> u64 {
    if let Ok(small) = u128::try_from(value) {
        return u64::from(small.checked_ilog10().unwrap_or_default()) + 1;
    }
    // 2^bits has bits × 0.30103 digits; this is the number or one below it.
    let estimate = value.bits().saturating_sub(1).saturating_mul(30_102) / 100_000;
    let mut digits = estimate;
    while power_of_ten(digits).is_ok_and(|power| *value >= power) {
        digits = digits.saturating_add(1);
    }
    digits
}

/// 10^`exponent`, within what alignment and division need.
pub(super) fn power_of_ten(exponent: u64) -> Result<BigUint> {
    match u32::try_from(exponent) {
        Ok(power) if exponent <= MAX_NUMBER_EXPONENT.saturating_mul(6) => Ok(match 10_u64.checked_pow(power) {
            Some(small) => BigUint::from(small),
            None => BigUint::from(10_u8).pow(power),
        }),
        _ => Err(NumberFault::TooLarge),
    }
}
