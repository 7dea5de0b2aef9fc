//! Numbers as they are written: JSON's, and CUE's own.

use num_bigint::{BigInt, BigUint};

use super::decimal::{BASE, Decimal};
use super::{Number, NumberFault};
use crate::limits::{MAX_NUMBER_DIGITS, MAX_NUMBER_EXPONENT};

impl Number {
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
        let (negative, mantissa) = sign(mantissa);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_float = power.is_some() || mantissa.contains('.');
        let digits = whole.len() + fraction.len();
        if digits > MAX_NUMBER_DIGITS {
            return Err(NumberFault::TooLarge);
        }
        if digits == 0 || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(NumberFault::Syntax);
        }
        let exponent = power.map_or(Ok(0), exponent)?;
        let exponent = exponent.saturating_sub(i64::try_from(fraction.len()).map_err(|_| NumberFault::TooLarge)?);
        let coefficient = match (whole.parse::<u64>(), fraction) {
            (Ok(small), "") => BigUint::from(small),
            _ => BigUint::parse_bytes(format!("{whole}{fraction}").as_bytes(), 10).ok_or(NumberFault::Syntax)?,
        };
        let decimal = Decimal { negative, coefficient, exponent };
        Ok(if is_float { Self::of_float(decimal) } else { Self::of_int(decimal) })
    }

    /// Reads a number literal of CUE: as [`Number::parse_decimal`], or with `_` between digits, with a multiplier (`1.5Ki`
    /// is 1536), or to the base 2 (`0b`), 8 (`0o`) or 16 (`0x`).
    ///
    /// # Errors
    /// [`NumberFault::Syntax`], [`NumberFault::TooLarge`], and [`NumberFault::NotWhole`] for `0.1Ki`.
    pub fn parse_literal(text: &str) -> Result<Self, NumberFault> {
        // Zero begins a fraction, or stands alone.
        let octal = text
            .strip_prefix('0')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || "_KMGTP".contains(c)));
        if text.ends_with('_') || text.contains("__") || (octal && !text.contains(['.', 'e', 'E'])) {
            return Err(NumberFault::Syntax);
        }
        let plain: String = text.chars().filter(|c| *c != '_').collect();
        for (prefix, base) in [("0x", 16), ("0X", 16), ("0o", 8), ("0b", 2)] {
            if let Some(digits) = plain.strip_prefix(prefix) {
                return based(digits, base);
            }
        }
        let (decimal, base) = match plain.strip_suffix('i') {
            Some(decimal) => (decimal, 1024_u64),
            None => (plain.as_str(), 1000),
        };
        let Some((power, digits)) = ["K", "M", "G", "T", "P"]
            .iter()
            .zip(1_u32..)
            .find_map(|(letter, power)| Some((power, decimal.strip_suffix(letter)?)))
        else {
            return Self::parse_decimal(&plain);
        };
        if digits.contains(['e', 'E']) {
            return Err(NumberFault::Syntax);
        }
        let factor = Decimal::new(BigInt::from(base.saturating_pow(power)), 0);
        let product = BASE.mul(&Self::parse_decimal(digits)?.decimal, &factor)?;
        match BASE.to_integral(&product)? {
            (whole, true) => Ok(Self::of_int(whole)),
            (_, false) => Err(NumberFault::NotWhole),
        }
    }
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn exponent(text: &str) -> Result<i64, NumberFault> {
    let (negative, digits) = sign(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberFault::Syntax);
    }
    let digits = digits.trim_start_matches('0');
    let value = if digits.is_empty() { 0 } else { digits.parse::<u64>().map_err(|_| NumberFault::TooLarge)? };
    if value > MAX_NUMBER_EXPONENT {
        return Err(NumberFault::TooLarge);
    }
    let value = i64::try_from(value).map_err(|_| NumberFault::TooLarge)?;
    Ok(if negative { -value } else { value })
}

fn based(digits: &str, base: u32) -> Result<Number, NumberFault> {
    // A digit has at most four bits, so that this is no more than the limit of decimal digits.
    if digits.len() > MAX_NUMBER_DIGITS {
        return Err(NumberFault::TooLarge);
    }
    if digits.starts_with(['-', '+']) {
        return Err(NumberFault::Syntax);
    }
    BigUint::parse_bytes(digits.as_bytes(), base).map(Number::int).ok_or(NumberFault::Syntax)
}
