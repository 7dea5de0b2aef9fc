//! Package `math`: exact decimals. Functions that Go computes in floating point with an algorithm of its own are not
//! supported, but for those whose result is exact.

use num_bigint::{BigInt, Sign};

use super::args::{Args, builtin, failure};
use super::float;
use super::list::{detected, fault};
use super::{Builtin, BuiltinError, CallContext, Member, Value};
use crate::kind::Kind;
use crate::limits::MAX_NUMBER_EXPONENT;
use crate::number::{Number, NumberFault};

type Result<T> = std::result::Result<T, BuiltinError>;

const N: Kind = Kind::NUMBER;

/// A function that is not supported.
macro_rules! unsupported {
    ($name:literal, [$($kind:expr),*] => $result:expr) => {
        builtin!("math", $name, [$($kind),*] => $result, |_, args: &Args<'_>| {
            Err(BuiltinError::Unsupported(format!("{} is not supported", args.function)))
        })
    };
}

/// The functions.
pub(super) static FUNCTIONS: &[Builtin] = &[
    builtin!("math", "Jacobi", [Kind::INT, Kind::INT] => Kind::INT, |_, args: &Args<'_>| {
        jacobi(args.big_int(0)?, args.big_int(1)?)
    }),
    builtin!("math", "Floor", [N] => Kind::INT, |_, args: &Args<'_>| quantized(args.number(0)?.floor())),
    builtin!("math", "Ceil", [N] => Kind::INT, |_, args: &Args<'_>| quantized(args.number(0)?.ceil())),
    builtin!("math", "Trunc", [N] => Kind::INT, |_, args: &Args<'_>| computed(args.number(0)?.trunc())),
    builtin!("math", "Round", [N] => Kind::INT, |_, args: &Args<'_>| computed(args.number(0)?.round())),
    builtin!("math", "RoundToEven", [N] => Kind::INT, |_, args: &Args<'_>| computed(args.number(0)?.round_to_even())),
    builtin!("math", "MultipleOf", [N, N] => Kind::BOOL, |_, args: &Args<'_>| {
        args.number(0)?.is_multiple_of(args.number(1)?).map(Value::Bool).map_err(fault)
    }),
    builtin!("math", "Abs", [N] => N, |_, args: &Args<'_>| computed(args.number(0)?.abs())),
    builtin!("math", "Cbrt", [N] => N, |context, args: &Args<'_>| {
        slow(context, args)?;
        computed(args.number(0)?.cbrt())
    }),
    builtin!("math", "Copysign", [N, N] => N, |_, args: &Args<'_>| {
        detected(&args.number(0)?.with_sign(args.number(1)?.has_sign()))
    }),
    builtin!("math", "Dim", [N, N] => N, |_, args: &Args<'_>| {
        let difference = args.number(0)?.sub(args.number(1)?).map_err(fault)?;
        if difference.has_sign() { Ok(Value::Number(Number::int(0))) } else { detected(&difference) }
    }),
    builtin!("math", "Exp", [N] => N, |context, args: &Args<'_>| {
        slow(context, args)?;
        computed(args.number(0)?.exp())
    }),
    builtin!("math", "Exp2", [N] => N, |context, args: &Args<'_>| {
        slow(context, args)?;
        computed(Number::int(2).pow(args.number(0)?))
    }),
    builtin!("math", "Log", [N] => N, |context, args: &Args<'_>| {
        slow(context, args)?;
        computed(args.number(0)?.ln())
    }),
    builtin!("math", "Log10", [N] => N, |context, args: &Args<'_>| {
        slow(context, args)?;
        computed(args.number(0)?.log10())
    }),
    builtin!("math", "Log2", [N] => N, |context, args: &Args<'_>| {
        slow(context, args)?;
        computed(args.number(0)?.log2())
    }),
    builtin!("math", "Pow", [N, N] => N, |context, args: &Args<'_>| {
        slow(context, args)?;
        computed(args.number(0)?.pow(args.number(1)?))
    }),
    builtin!("math", "Pow10", [Kind::INT] => N, |_, args: &Args<'_>| {
        let power = i64::from(args.int32(0)?);
        if power.unsigned_abs() > MAX_NUMBER_EXPONENT {
            return Err(BuiltinError::Unsupported(format!("10^{power} is too large")));
        }
        detected(&Number::float(BigInt::from(1), power))
    }),
    builtin!("math", "Signbit", [N] => Kind::BOOL, |_, args: &Args<'_>| Ok(Value::Bool(args.number(0)?.has_sign()))),
    builtin!("math", "Sqrt", [N] => N, |_, args: &Args<'_>| floating(args.float64(0)?.sqrt())),
    builtin!("math", "Mod", [N, N] => N, |_, args: &Args<'_>| floating(args.float64(0)? % args.float64(1)?)),
    unsupported!("Acosh", [N] => N),
    unsupported!("Asin", [N] => N),
    unsupported!("Acos", [N] => N),
    unsupported!("Asinh", [N] => N),
    unsupported!("Atan", [N] => N),
    unsupported!("Atan2", [N, N] => N),
    unsupported!("Atanh", [N] => N),
    unsupported!("Erf", [N] => N),
    unsupported!("Erfc", [N] => N),
    unsupported!("Erfinv", [N] => N),
    unsupported!("Erfcinv", [N] => N),
    unsupported!("Expm1", [N] => N),
    unsupported!("Gamma", [N] => N),
    unsupported!("Hypot", [N, N] => N),
    unsupported!("J0", [N] => N),
    unsupported!("Y0", [N] => N),
    unsupported!("J1", [N] => N),
    unsupported!("Y1", [N] => N),
    unsupported!("Jn", [Kind::INT, N] => N),
    unsupported!("Yn", [Kind::INT, N] => N),
    unsupported!("Ldexp", [N, Kind::INT] => N),
    unsupported!("Log1p", [N] => N),
    unsupported!("Logb", [N] => N),
    unsupported!("Ilogb", [N] => Kind::INT),
    unsupported!("Remainder", [N, N] => N),
    unsupported!("Cos", [N] => N),
    unsupported!("Sin", [N] => N),
    unsupported!("Sinh", [N] => N),
    unsupported!("Cosh", [N] => N),
    unsupported!("Tan", [N] => N),
    unsupported!("Tanh", [N] => N),
];

/// The constants, with CUE's digits.
pub(super) fn constant(name: &str) -> Option<Member> {
    let digits = match name {
        "MaxExp" => "2147483647",
        "MinExp" => "-2147483648",
        "MaxPrec" => "4294967295",
        "ToNearestEven" | "Exact" => "0",
        "ToNearestAway" | "Above" => "1",
        "ToZero" => "2",
        "AwayFromZero" => "3",
        "ToNegativeInf" => "4",
        "ToPositiveInf" => "5",
        "Below" => "-1",
        "MaxBase" => "62",
        "E" => "2.71828182845904523536028747135266249775724709369995957496696763",
        "Pi" => "3.14159265358979323846264338327950288419716939937510582097494459",
        "Phi" => "1.61803398874989484820458683436563811772030917980576286213544861",
        "Sqrt2" => "1.41421356237309504880168872420969807856967187537694807317667974",
        "SqrtE" => "1.64872127070012814684865078781416357165377610071014801157507931",
        "SqrtPi" => "1.77245385090551602729816748334114518279754945612238712821380779",
        "SqrtPhi" => "1.27201964951406896425242246173749149171560804184009624861664038",
        "Ln2" => "0.693147180559945309417232121458176568075500134360255254120680009",
        "Log2E" => "1.442695040888963407359924681001892137426645954152985934135449408",
        "Ln10" => "2.3025850929940456840179914546843642076011014886287729760333278",
        "Log10E" => "0.43429448190325182765112891891660508229439700580366656611445378",
        _ => return None,
    };
    Number::parse_decimal(digits).ok().map(|number| Member::Constant(Value::Number(number)))
}

/// Series to some forty digits take a tenth of a millisecond; large arguments take more.
fn slow(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<()> {
    context.host.spend(u64::try_from(args.values.len()).unwrap_or(1).saturating_mul(10_000))
}

fn computed(number: std::result::Result<Number, NumberFault>) -> Result<Value> {
    number.map(Value::Number).map_err(fault)
}

/// CUE quantizes to 34 digits; what has more is no number, of which it takes the digits: none.
fn quantized(number: std::result::Result<Number, NumberFault>) -> Result<Value> {
    let number = number.map_err(fault)?;
    Ok(Value::Number(if number.is_over_precision() { Number::int(0) } else { number }))
}

fn floating(value: f64) -> Result<Value> {
    let number = float::number(value);
    number.map(Value::Number).ok_or_else(|| BuiltinError::Unsupported(format!("{value} is no number")))
}

/// The Jacobi symbol (x/y).
fn jacobi(x: BigInt, y: BigInt) -> Result<Value> {
    if !y.bit(0) {
        // Go panics, and CUE recovers.
        return Err(failure(format!("big: invalid 2nd argument to Int.Jacobi: need odd integer but got {y}")));
    }
    let negative = x.sign() == Sign::Minus && y.sign() == Sign::Minus;
    let mut result = if negative { -1 } else { 1 };
    let mut b = BigInt::from(y.into_parts().1);
    let mut a = ((x % &b) + &b) % &b;
    while a != BigInt::ZERO {
        let twos = a.trailing_zeros().unwrap_or_default();
        a >>= twos;
        let eighth = u8::try_from(&b % 8_u8).unwrap_or_default();
        if twos % 2 == 1 && matches!(eighth, 3 | 5) {
            result = -result;
        }
        if &a % 4_u8 == BigInt::from(3) && &b % 4_u8 == BigInt::from(3) {
            result = -result;
        }
        (a, b) = (b % &a, a);
    }
    Ok(Value::Number(Number::int(if b == BigInt::from(1) { result } else { 0 })))
}
