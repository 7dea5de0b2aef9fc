//! Numbers as CUE has them: decimals of any length, of which integers are a kind of their own; results are rounded to 34
//! digits (`internal.BaseContext` of CUE v0.15.4, cockroachdb/apd).

mod decimal;
mod functions;
mod literal;

use std::cmp::Ordering;
use std::fmt;

use num_bigint::{BigInt, Sign};

use crate::kind::Kind;
use decimal::{BASE, Context, Decimal, Rounding};

/// A decimal number. `1.0` and `1` compare equal and are of different kinds.
#[derive(Clone, Debug)]
pub struct Number {
    kind: Kind,
    decimal: Decimal,
}

/// Why there is no number. The texts are apd's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NumberFault {
    /// It is not written as a number.
    Syntax,
    /// It has too many digits, or too large an exponent, or is infinite: over a limit of ours, where CUE has a result.
    TooLarge,
    /// A multiplier does not make it whole.
    NotWhole,
    /// Division by zero.
    DivisionByZero,
    /// Zero divided by zero.
    DivisionUndefined,
    /// The function has no value there.
    InvalidOperation,
}

impl Number {
    /// An integer.
    #[must_use]
    pub fn int(value: impl Into<BigInt>) -> Self {
        Self::of_int(Decimal::new(value.into(), 0))
    }

    /// A decimal fraction of kind `float`.
    #[must_use]
    pub fn float(coefficient: BigInt, exponent: i64) -> Self {
        Self::of_float(Decimal::new(coefficient, exponent))
    }

    fn of_int(decimal: Decimal) -> Self {
        Self { kind: Kind::INT, decimal }
    }

    fn of_float(decimal: Decimal) -> Self {
        Self { kind: Kind::FLOAT, decimal }
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
        self.decimal.to_bigint().ok()?
    }

    /// The integer, if it is whole and fits.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        i64::try_from(self.to_bigint()?).ok()
    }

    /// Whether it is an integer that arithmetic has rounded: CUE fails where it needs its digits.
    pub(crate) fn is_scaled(&self) -> bool {
        self.decimal.exponent != 0
    }

    /// Whether it has a minus sign and is not zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.has_sign() && !self.is_zero()
    }

    /// Whether it has a minus sign: zero may have one too.
    pub(crate) fn has_sign(&self) -> bool {
        self.decimal.negative
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.decimal.is_zero()
    }

    /// `-self`. Zero loses its sign.
    #[must_use]
    pub fn negate(&self) -> Self {
        self.with_sign(!self.is_zero() && !self.has_sign())
    }

    pub(crate) fn with_sign(&self, negative: bool) -> Self {
        Self { kind: self.kind, decimal: Decimal { negative, ..self.decimal.clone() } }
    }

    /// `self + other`.
    ///
    /// # Errors
    /// [`NumberFault::TooLarge`].
    pub fn add(&self, other: &Self) -> Result<Self, NumberFault> {
        Ok(self.result(other, BASE.add(&self.decimal, &other.decimal)?))
    }

    /// `self - other`.
    ///
    /// # Errors
    /// [`NumberFault::TooLarge`].
    pub fn sub(&self, other: &Self) -> Result<Self, NumberFault> {
        Ok(self.result(other, BASE.sub(&self.decimal, &other.decimal)?))
    }

    /// `self * other`.
    ///
    /// # Errors
    /// [`NumberFault::TooLarge`].
    pub fn mul(&self, other: &Self) -> Result<Self, NumberFault> {
        Ok(self.result(other, BASE.mul(&self.decimal, &other.decimal)?))
    }

    /// `self / other`, always a float.
    ///
    /// # Errors
    /// [`NumberFault::DivisionByZero`], [`NumberFault::DivisionUndefined`], [`NumberFault::TooLarge`].
    pub fn quo(&self, other: &Self) -> Result<Self, NumberFault> {
        Ok(Self::of_float(BASE.quo(&self.decimal, &other.decimal)?.reduced()))
    }

    /// `div(self, other)` of integers: rounded so that the remainder is not negative.
    ///
    /// # Errors
    /// [`NumberFault::DivisionByZero`], [`NumberFault::TooLarge`].
    pub fn int_div(&self, other: &Self) -> Result<Self, NumberFault> {
        let (a, b) = self.integers(other)?;
        let (quotient, rest) = (&a / &b, &a % &b);
        Ok(Self::int(match (rest.sign(), b.sign()) {
            (Sign::Minus, Sign::Minus) => quotient + 1,
            (Sign::Minus, _) => quotient - 1,
            _ => quotient,
        }))
    }

    /// `mod(self, other)` of integers: never negative.
    ///
    /// # Errors
    /// [`NumberFault::DivisionByZero`], [`NumberFault::TooLarge`].
    pub fn int_mod(&self, other: &Self) -> Result<Self, NumberFault> {
        let (a, b) = self.integers(other)?;
        let rest = a % &b;
        Ok(Self::int(if rest.sign() == Sign::Minus { rest + BigInt::from(b.into_parts().1) } else { rest }))
    }

    /// `quo(self, other)` of integers: rounded towards zero.
    ///
    /// # Errors
    /// [`NumberFault::DivisionByZero`], [`NumberFault::TooLarge`].
    pub fn int_quo(&self, other: &Self) -> Result<Self, NumberFault> {
        let (a, b) = self.integers(other)?;
        let negative = (a.sign() == Sign::Minus) != (b.sign() == Sign::Minus);
        Ok(Self::signed_zero(a.bits().max(b.bits()), negative, a / b))
    }

    /// `rem(self, other)` of integers: with the sign of `self`.
    ///
    /// # Errors
    /// [`NumberFault::DivisionByZero`], [`NumberFault::TooLarge`].
    pub fn int_rem(&self, other: &Self) -> Result<Self, NumberFault> {
        let (a, b) = self.integers(other)?;
        let negative = a.sign() == Sign::Minus;
        Ok(Self::signed_zero(a.bits().max(b.bits()), negative, a % b))
    }

    /// A zero from operands of at most 64 bits keeps its sign in apd, and is printed with it.
    fn signed_zero(bits: u64, negative: bool, result: BigInt) -> Self {
        let zero = result.sign() == Sign::NoSign && bits <= 64;
        if zero { Self::int(result).with_sign(negative) } else { Self::int(result) }
    }

    fn integers(&self, other: &Self) -> Result<(BigInt, BigInt), NumberFault> {
        if other.is_zero() {
            return Err(NumberFault::DivisionByZero);
        }
        let whole = |n: &Self| BASE.to_integral(&n.decimal).map(|(whole, _)| whole.signed_coefficient());
        Ok((whole(self)?, whole(other)?))
    }

    /// Rounded towards minus infinity, to an integer.
    ///
    /// # Errors
    /// [`NumberFault::TooLarge`].
    pub fn floor(&self) -> Result<Self, NumberFault> {
        let (whole, rest) = self.decimal.split()?;
        let whole = Self::of_int(whole);
        if rest.negative && !rest.is_zero() { whole.sub(&Self::int(1)) } else { Ok(whole) }
    }

    /// Rounded towards plus infinity, to an integer.
    ///
    /// # Errors
    /// [`NumberFault::TooLarge`].
    pub fn ceil(&self) -> Result<Self, NumberFault> {
        let (whole, rest) = self.decimal.split()?;
        let whole = Self::of_int(whole);
        if !rest.negative && !rest.is_zero() { whole.add(&Self::int(1)) } else { Ok(whole) }
    }

    /// Rounded towards zero, to an integer.
    pub(crate) fn trunc(&self) -> Result<Self, NumberFault> {
        self.integral(Rounding::Down)
    }

    /// Rounded to the nearest integer, half away from zero.
    pub(crate) fn round(&self) -> Result<Self, NumberFault> {
        self.integral(Rounding::HalfUp)
    }

    /// Rounded to the nearest integer, half to the even one.
    pub(crate) fn round_to_even(&self) -> Result<Self, NumberFault> {
        self.integral(Rounding::HalfEven)
    }

    fn integral(&self, rounding: Rounding) -> Result<Self, NumberFault> {
        let (whole, _) = Context { rounding, ..BASE }.to_integral(&self.decimal)?;
        Ok(Self::of_int(whole))
    }

    /// Of kind `int` if it is whole: what functions compute has no kind of its own (`convert.GoValueToValue` of CUE).
    ///
    /// # Errors
    /// [`NumberFault::TooLarge`].
    pub fn detected(&self) -> Result<Self, NumberFault> {
        Ok(match BASE.to_integral(&self.decimal)? {
            (whole, true) => Self::of_int(whole),
            (_, false) => self.clone().into_float(),
        })
    }

    fn result(&self, other: &Self, decimal: Decimal) -> Self {
        Self { kind: if self.kind == other.kind { self.kind } else { Kind::FLOAT }, decimal }
    }
}

impl fmt::Display for NumberFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not a number",
            Self::TooLarge => "a number is too large",
            Self::NotWhole => "number cannot be represented as int",
            Self::DivisionByZero => "division by zero",
            Self::DivisionUndefined => "division undefined",
            Self::InvalidOperation => "invalid operation",
        })
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.decimal.compare(&other.decimal)
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

/// As CUE prints it: `1.0`, `1E+3`, `1E-7`.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decimal.fmt(f)
    }
}
