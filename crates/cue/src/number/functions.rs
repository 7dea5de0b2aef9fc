//! Roots, powers and logarithms as apd computes them: by the same series and iterations, to the same number of digits,
//! so that the last digit is the same too.

use std::cmp::Ordering;

use num_bigint::BigUint;

use super::decimal::{BASE, Context, Decimal, Rounding, power_of_ten};
use super::{Number, NumberFault};

type Result<T> = std::result::Result<T, NumberFault>;

/// ln 10, and its inverse, to 64 digits (OEIS A002392, A002285).
const LN_10: &str = "2.302585092994045684017991454684364207601101488628772976033327901";
const INVERSE_LN_10: &str = "0.4342944819032518276511289189166050822943970058036665661144537832";

impl Number {
    /// e^`self`.
    pub(crate) fn exp(&self) -> Result<Self> {
        BASE.exp(&self.decimal)?.detected()
    }

    /// `self`^`other`.
    pub(crate) fn pow(&self, other: &Self) -> Result<Self> {
        BASE.pow(&self.decimal, &other.decimal)?.detected()
    }

    /// The natural logarithm.
    pub(crate) fn ln(&self) -> Result<Self> {
        BASE.ln(&self.decimal)?.detected()
    }

    /// The logarithm to the base 2.
    pub(crate) fn log2(&self) -> Result<Self> {
        let two = BASE.ln(&Decimal::small(2, 0))?;
        BASE.quo(&BASE.ln(&self.decimal)?, &two)?.reduced().detected()
    }

    /// The logarithm to the base 10.
    pub(crate) fn log10(&self) -> Result<Self> {
        if let Some(special) = logarithm_of_special(&self.decimal)? {
            return special.detected();
        }
        let context = Context { rounding: Rounding::HalfEven, ..BASE };
        let ln = Context { precision: BASE.precision.saturating_add(2), ..context }.ln(&self.decimal)?;
        context.mul(&ln, &constant(INVERSE_LN_10)?)?.detected()
    }

    /// The cube root.
    pub(crate) fn cbrt(&self) -> Result<Self> {
        BASE.cbrt(&self.decimal)?.detected()
    }

    /// The absolute value, rounded.
    pub(crate) fn abs(&self) -> Result<Self> {
        BASE.round(self.decimal.abs())?.detected()
    }

    /// Whether `self` / `other` is whole, as far as 34 digits tell.
    pub(crate) fn is_multiple_of(&self, other: &Self) -> Result<bool> {
        let (_, rest) = BASE.quo(&self.decimal, &other.decimal)?.split()?;
        Ok(rest.is_zero())
    }

    /// Whether the integer has more digits than results may have.
    pub(crate) fn is_over_precision(&self) -> bool {
        self.decimal.digits().saturating_add_signed(self.decimal.exponent) > BASE.precision
    }
}

impl Decimal {
    fn detected(self) -> Result<Number> {
        Number::of_float(self).detected()
    }

    /// The nearest number of 64 bits.
    fn to_f64(&self) -> Result<f64> {
        self.to_string().parse().map_err(|_| NumberFault::TooLarge)
    }
}

fn constant(digits: &str) -> Result<Decimal> {
    Ok(Number::parse_decimal(digits)?.decimal)
}

/// The logarithm where it is known, or is none.
fn logarithm_of_special(x: &Decimal) -> Result<Option<Decimal>> {
    if x.is_zero() {
        // Minus infinity.
        return Err(NumberFault::TooLarge);
    }
    if x.negative {
        return Err(NumberFault::InvalidOperation);
    }
    Ok((x.compare(&Decimal::small(1, 0)) == Ordering::Equal).then(Decimal::default))
}

impl Context {
    /// T. E. Hull, A. Abrham: Variable Precision Exponential Function, ACM TOMS 12 (1986) 79-91.
    fn exp(self, x: &Decimal) -> Result<Decimal> {
        let one = Decimal::small(1, 0);
        if x.is_zero() {
            return Ok(one);
        }
        let magnitude = x.abs();
        let mut digits = self.precision;
        let wanted = magnitude.to_f64()? / 23.0;
        // Large arguments need more digits; very large ones overflow.
        while digits < 1_000 && small(digits)?.to_f64()? < wanted {
            digits = digits.saturating_add(1);
        }
        if magnitude.compare(&small(digits.saturating_mul(23))?) == Ordering::Greater {
            return Err(NumberFault::TooLarge);
        }
        let least = Decimal::small(9, -i64::try_from(digits).map_err(|_| NumberFault::TooLarge)? - 1);
        if magnitude.compare(&least) != Ordering::Greater {
            return Ok(one);
        }
        let scale = x.exponent.saturating_add_unsigned(x.digits()).max(0).unsigned_abs();
        let scale_exponent = i64::try_from(scale).map_err(|_| NumberFault::TooLarge)?;
        let even = Context { precision: digits, rounding: Rounding::HalfEven };
        let r = even.quo(x, &Decimal::small(1, scale_exponent))?;
        let inner = Context { precision: digits.saturating_add(scale).saturating_add(2), ..even };
        let mut sum = one.clone();
        for i in (1..terms(inner.precision, r.abs().to_f64()?)?).rev() {
            let term = inner.quo(&r, &Decimal::small(i, 0))?;
            sum = inner.add(&inner.mul(&term, &sum)?, &one)?;
        }
        let power = inner.integer_power(&sum, &power_of_ten(scale)?, false)?;
        Context { precision: self.precision, ..even }.round(power)
    }

    /// By squaring.
    fn integer_power(self, x: &Decimal, exponent: &BigUint, negative: bool) -> Result<Decimal> {
        let one = Decimal::small(1, 0);
        let mut power = one.clone();
        let mut square = x.clone();
        for bit in 0..exponent.bits() {
            if exponent.bit(bit) {
                power = self.mul(&power, &square)?;
            }
            if bit + 1 < exponent.bits() {
                square = self.mul(&square, &square)?;
            }
        }
        if negative { self.quo(&one, &power) } else { Ok(power) }
    }

    /// Halley's iteration, or near 1 a series: J. F. Epperson, American Mathematical Monthly 96 (1989) 831-835.
    fn ln(self, x: &Decimal) -> Result<Decimal> {
        if let Some(special) = logarithm_of_special(x)? {
            return Ok(special);
        }
        let inner = Context { precision: self.precision.saturating_add(2), rounding: Rounding::HalfEven };
        let one = Decimal::small(1, 0);
        let is_near_one = |z: &Decimal| -> Result<Option<Decimal>> {
            let distance = inner.sub(z, &one)?;
            let near = distance.abs().compare(&Decimal::small(1, -1)) != Ordering::Greater;
            Ok(near.then_some(distance))
        };
        let (ln, adjustment) = match is_near_one(x)? {
            Some(distance) => (inner.ln_series(&distance)?, Decimal::default()),
            None => {
                // Into [0.1, 1).
                let shift = x.exponent.saturating_add_unsigned(x.digits());
                let z = Decimal { exponent: x.exponent.saturating_sub(shift), ..x.clone() };
                let adjustment = inner.mul(&Decimal::small(shift, 0), &constant(LN_10)?)?;
                let ln = match is_near_one(&z)? {
                    Some(distance) => inner.ln_series(&distance)?,
                    None => inner.ln_iteration(&z, self.precision.saturating_add(1))?,
                };
                (ln, adjustment)
            }
        };
        self.round(inner.add(&ln, &adjustment)?)
    }

    /// ln(1 + x) = 2 Σ (x / (x + 2))^(2n+1) / (2n+1).
    fn ln_series(self, x: &Decimal) -> Result<Decimal> {
        let base = self.quo(x, &self.add(x, &Decimal::small(2, 0))?)?;
        let mut power = self.add(&base, &base)?;
        let mut sum = power.clone();
        let least = Decimal::small(1, -i64::try_from(self.precision).map_err(|_| NumberFault::TooLarge)?);
        for n in 1_i64.. {
            power = self.mul(&self.mul(&power, &base)?, &base)?;
            let term = self.quo(&power, &Decimal::small(n.saturating_mul(2).saturating_add(1), 0))?;
            sum = self.add(&sum, &term)?;
            if term.abs().compare(&least) != Ordering::Greater {
                break;
            }
        }
        Ok(sum)
    }

    fn ln_iteration(self, z: &Decimal, precision: u64) -> Result<Decimal> {
        let mut estimate = constant(&format!("{:e}", z.to_f64()?.ln()))?;
        let mut end = Convergence::new(self, precision);
        loop {
            let power = self.exp(&estimate)?;
            let difference = self.sub(&power, z)?;
            let step = self.quo(&self.add(&difference, &difference)?, &self.add(&power, z)?)?;
            estimate = self.sub(&estimate, &step)?;
            if end.is_reached(&estimate)? {
                return Ok(estimate);
            }
        }
    }

    fn pow(self, x: &Decimal, y: &Decimal) -> Result<Decimal> {
        let (whole, fraction) = y.split()?;
        let negative = !y.is_zero() && y.negative;
        if x.is_zero() {
            return match (y.is_zero(), negative) {
                (true, _) => Err(NumberFault::InvalidOperation),
                // Infinity.
                (_, true) => Err(NumberFault::TooLarge),
                _ => Ok(Decimal {
                    negative: x.negative && fraction.is_zero() && whole.coefficient.bit(0),
                    ..Decimal::default()
                }),
            };
        }
        if y.is_zero() {
            return Ok(Decimal::small(1, 0));
        }
        if x.negative && !fraction.is_zero() {
            return Err(NumberFault::InvalidOperation);
        }
        let inner = Context { precision: self.precision.max(x.digits()).saturating_add(10), ..BASE };
        let power = inner.integer_power(x, &whole.coefficient, negative)?;
        if fraction.is_zero() {
            return self.round(power);
        }
        let exponent = inner.mul(&inner.ln(&inner.round(x.abs())?)?, &fraction)?;
        self.round(inner.mul(&power, &inner.exp(&exponent)?)?)
    }

    /// Newton's iteration, from a polynomial of K. Turkowski: Computing the Cube Root (1998).
    fn cbrt(self, x: &Decimal) -> Result<Decimal> {
        if x.is_zero() {
            return Ok(Decimal { exponent: x.exponent / 3, ..x.clone() });
        }
        let inner = Context { precision: self.precision.saturating_mul(2).saturating_add(2), ..BASE };
        let (eight, eighth) = (Decimal::small(8, 0), Decimal::small(125, -3));
        let magnitude = x.abs();
        let mut z = magnitude.clone();
        let mut eights = 0_i64;
        while z.compare(&eighth) == Ordering::Less {
            z = inner.mul(&z, &eight)?;
            eights -= 1;
        }
        while z.compare(&Decimal::small(1, 0)) == Ordering::Greater {
            z = inner.mul(&z, &eighth)?;
            eights += 1;
        }
        let slope = inner.add(&inner.mul(&z, &constant("-0.46946116")?)?, &constant("1.072302")?)?;
        let mut root = inner.add(&inner.mul(&slope, &z)?, &constant("0.3812513")?)?;
        let step = if eights < 0 { Decimal::small(5, -1) } else { Decimal::small(2, 0) };
        for _ in 0..eights.unsigned_abs() {
            root = inner.mul(&root, &step)?;
        }
        let mut end = Convergence::new(inner, self.precision.saturating_add(1));
        loop {
            let quotient = inner.quo(&magnitude, &inner.mul(&root, &root)?)?;
            let sum = inner.add(&inner.add(&quotient, &root)?, &root)?;
            root = inner.quo(&sum, &Decimal::small(3, 0))?;
            if end.is_reached(&root)? {
                break;
            }
        }
        self.round(Decimal { negative: x.negative, ..root })
    }
}

fn small(value: u64) -> Result<Decimal> {
    i64::try_from(value).map(|value| Decimal::small(value, 0)).map_err(|_| NumberFault::TooLarge)
}

/// How many terms the series of exp needs for so many digits (Hull and Abrham, stage 3).
fn terms(digits: u64, r: f64) -> Result<i64> {
    let digits = small(digits)?.to_f64()?;
    let count = ((1.435 * digits - 1.182) / (digits / r).log10()).ceil();
    // Go gives up beyond a thousand.
    (1..=1_000).find(|n: &i32| f64::from(*n) >= count).map(i64::from).ok_or(NumberFault::TooLarge)
}

/// Whether an iteration has come to an end.
struct Convergence {
    context: Context,
    precision: i64,
    previous: Decimal,
    left: u64,
}

impl Convergence {
    fn new(context: Context, precision: u64) -> Self {
        Self {
            context,
            precision: i64::try_from(precision).unwrap_or(i64::MAX),
            previous: Decimal::default(),
            left: precision.saturating_add(10),
        }
    }

    fn is_reached(&mut self, z: &Decimal) -> Result<bool> {
        let delta = self.context.sub(&self.previous, z)?;
        let exponent = z.exponent.saturating_add_unsigned(z.digits()).saturating_sub(self.precision);
        if delta.is_zero() || delta.abs().compare(&Decimal::small(1, exponent)) != Ordering::Greater {
            return Ok(true);
        }
        self.left = self.left.checked_sub(1).ok_or(NumberFault::TooLarge)?;
        self.previous = z.clone();
        Ok(false)
    }
}
