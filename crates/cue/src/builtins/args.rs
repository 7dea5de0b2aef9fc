//! Arguments as functions want them. The evaluator has checked kinds already; what it could not check is told in CUE's
//! words (`CallCtxt` of CUE v0.15.4).

use num_bigint::{BigInt, Sign};

use super::{BuiltinError, CallContext, Value};
use crate::kind::Kind;
use crate::limits::{MAX_LIST_VALUES, MAX_TEXT_BYTES};
use crate::number::Number;

/// The arguments of one call.
pub(super) struct Args<'a> {
    /// `strings.Join`
    pub(super) function: &'static str,
    /// The values.
    pub(super) values: &'a [Value],
}

/// Declares a function: `builtin!("strings", "Join", [Kind::LIST, Kind::STRING] => Kind::STRING, join)`, with
/// `fn join(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value, BuiltinError>`.
macro_rules! builtin {
    ($package:literal, $name:literal, [$($kind:expr),*] => $result:expr, $call:expr) => {
        $crate::builtins::Builtin {
            package: $package,
            name: $name,
            parameters: &[$($crate::builtins::Parameter { kind: $kind, default: None, schema: false }),*],
            result: $result,
            non_concrete: false,
            call: |context, values| {
                $crate::builtins::args::charge(context, values)?;
                $call(context, &$crate::builtins::args::Args { function: concat!($package, ".", $name), values })
            },
        }
    };
}
pub(super) use builtin;

/// What a function says of its arguments: the evaluator puts `error in call to F` before it.
pub(super) fn failure(message: impl Into<String>) -> BuiltinError {
    BuiltinError::Call(message.into())
}

/// Counts what a function reads.
pub(super) fn charge(context: &mut CallContext<'_>, values: &[Value]) -> Result<(), BuiltinError> {
    let mut steps = 1_u64;
    for value in values {
        steps = steps.saturating_add(match value {
            Value::String(text) => length(text.len()) / 64,
            Value::Bytes(bytes) => length(bytes.len()) / 64,
            Value::List { items, .. } => length(items.len()),
            Value::Struct { fields, .. } => length(fields.len()),
            _ => 1,
        });
    }
    context.host.spend(steps)
}

/// Asks leave to make a text of so many bytes.
pub(super) fn text_budget(context: &mut CallContext<'_>, bytes: usize) -> Result<(), BuiltinError> {
    if bytes > MAX_TEXT_BYTES {
        return Err(BuiltinError::Unsupported(format!(
            "a text of {bytes} bytes is longer than the limit of {MAX_TEXT_BYTES}"
        )));
    }
    context.host.spend(length(bytes) / 64)
}

/// Asks leave to make a list of so many values, those within them included.
pub(super) fn list_budget(context: &mut CallContext<'_>, values: u64) -> Result<(), BuiltinError> {
    if values > MAX_LIST_VALUES {
        return Err(BuiltinError::Unsupported(format!(
            "a list of {values} values is longer than the limit of {MAX_LIST_VALUES}"
        )));
    }
    context.host.spend(values)
}

/// The values in a value, itself included.
pub(super) fn weight(value: &Value) -> u64 {
    match value {
        Value::List { items, .. } => items.iter().map(weight).fold(1, u64::saturating_add),
        Value::Struct { fields, .. } => fields.iter().map(|(_, value)| weight(value)).fold(1, u64::saturating_add),
        _ => 1,
    }
}

pub(super) fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Bytes as CUE takes them into a string: each byte that is not UTF-8 becomes U+FFFD.
pub(super) fn lossy(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(std::iter::repeat_n(char::REPLACEMENT_CHARACTER, chunk.invalid().len()));
    }
    out
}

/// An integer as a value. Lengths fit.
pub(super) fn integer(value: usize) -> Value {
    Value::Number(Number::int(value))
}

/// A list of strings.
pub(super) fn strings<'t>(
    context: &mut CallContext<'_>,
    texts: impl ExactSizeIterator<Item = &'t str>,
) -> Result<Value, BuiltinError> {
    list_budget(context, length(texts.len()))?;
    Ok(Value::list(texts.map(Value::string).collect()))
}

impl<'a> Args<'a> {
    pub(super) fn value(&self, index: usize) -> Result<&'a Value, BuiltinError> {
        self.values.get(index).ok_or_else(|| {
            BuiltinError::Eval(format!("not enough arguments in call to {} (have {index})", self.function))
        })
    }

    pub(super) fn string(&self, index: usize) -> Result<&'a str, BuiltinError> {
        match self.value(index)? {
            Value::String(text) => Ok(text),
            other => Err(self.unsuitable(index, other, "string")),
        }
    }

    /// Bytes; strings are taken as their UTF-8.
    pub(super) fn bytes(&self, index: usize) -> Result<&'a [u8], BuiltinError> {
        match self.value(index)? {
            Value::String(text) => Ok(text.as_bytes()),
            Value::Bytes(bytes) => Ok(bytes),
            other => Err(self.unsuitable(index, other, "bytes")),
        }
    }

    pub(super) fn bool(&self, index: usize) -> Result<bool, BuiltinError> {
        match self.value(index)? {
            Value::Bool(value) => Ok(*value),
            other => Err(self.unsuitable(index, other, "bool")),
        }
    }

    pub(super) fn number(&self, index: usize) -> Result<&'a Number, BuiltinError> {
        match self.value(index)? {
            Value::Number(number) => Ok(number),
            other => Err(self.unsuitable(index, other, "Decimal")),
        }
    }

    /// Go's `float64`, the nearest.
    pub(super) fn float64(&self, index: usize) -> Result<f64, BuiltinError> {
        let number = self.number(index).map_err(|_| self.unsuitable_at(index, "float64"))?;
        if number.is_zero() {
            return Ok(0.0);
        }
        let wrong = |why: &str| {
            BuiltinError::Eval(format!(
                "cannot use {number} (type {}) as float64 in argument {index} to {}: value was rounded {why}",
                number.kind(),
                self.function
            ))
        };
        let negative = number.is_negative();
        match number.to_string().parse::<f64>() {
            Ok(value) if value.is_finite() && value != 0.0 => Ok(value),
            Ok(0.0) => Err(wrong(if negative { "up" } else { "down" })),
            _ => Err(wrong(if negative { "down" } else { "up" })),
        }
    }

    fn unsuitable_at(&self, index: usize, name: &str) -> BuiltinError {
        match self.value(index) {
            Ok(value) => self.unsuitable(index, value, name),
            Err(error) => error,
        }
    }

    pub(super) fn big_int(&self, index: usize) -> Result<BigInt, BuiltinError> {
        self.integral(index, "int")
    }

    /// Go's `int` and `int64`.
    pub(super) fn int(&self, index: usize) -> Result<i64, BuiltinError> {
        let value = self.limited(index, 64, "int64")?;
        // CUE asks for 64 bits without the sign, then takes the nearest that fits.
        let nearest = if value.sign() == Sign::Minus { i64::MIN } else { i64::MAX };
        Ok(i64::try_from(value).unwrap_or(nearest))
    }

    /// Go's `rune`. 32 bits without the sign pass, and wrap.
    pub(super) fn rune(&self, index: usize) -> Result<i32, BuiltinError> {
        self.wrapped_i32(index, "rune")
    }

    /// Go's `int32`.
    pub(super) fn int32(&self, index: usize) -> Result<i32, BuiltinError> {
        self.wrapped_i32(index, "int32")
    }

    pub(super) fn byte(&self, index: usize) -> Result<u8, BuiltinError> {
        let value = self.integral(index, "byte")?;
        if value.sign() == Sign::Minus {
            return Err(self.unsuitable(index, self.value(index)?, "byte"));
        }
        u8::try_from(&value).map_err(|_| self.overflow(index, &value, "byte"))
    }

    pub(super) fn list(&self, index: usize) -> Result<&'a [Value], BuiltinError> {
        match self.value(index)? {
            Value::List { items, .. } => Ok(items),
            other => Err(self.unsuitable(index, other, "list")),
        }
    }

    /// A list of strings.
    pub(super) fn strings(&self, index: usize) -> Result<Vec<&'a str>, BuiltinError> {
        self.elements(index, Kind::STRING, "string", |value| match value {
            Value::String(text) => Some(&**text),
            _ => None,
        })
    }

    /// A list of numbers.
    pub(super) fn numbers(&self, index: usize) -> Result<Vec<&'a Number>, BuiltinError> {
        self.elements(index, Kind::NUMBER, "number", |value| match value {
            Value::Number(number) => Some(number),
            _ => None,
        })
    }

    fn elements<T>(
        &self,
        index: usize,
        kind: Kind,
        name: &str,
        take: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Vec<T>, BuiltinError> {
        let mut taken = Vec::new();
        for (position, value) in self.list(index)?.iter().enumerate() {
            match take(value) {
                Some(value) => taken.push(value),
                None if value.kind().meets(kind) => {
                    return Err(BuiltinError::Incomplete(format!(
                        "non-concrete value {value} for element {position} of {name} list argument {index}"
                    )));
                }
                None => {
                    return Err(BuiltinError::Eval(format!(
                        "invalid list element {position} in argument {index} to call: cannot use value {value} ({}) as \
                         {name}",
                        value.kind()
                    )));
                }
            }
        }
        Ok(taken)
    }

    fn integral(&self, index: usize, name: &str) -> Result<BigInt, BuiltinError> {
        match self.value(index)? {
            // An integer that arithmetic has rounded to 34 digits: CUE panics, and recovers.
            Value::Number(number) if number.kind() == Kind::INT && number.is_scaled() => {
                Err(failure("cue: exponent should always be nil for integer types"))
            }
            Value::Number(number) if number.kind() == Kind::INT => {
                number.to_bigint().ok_or_else(|| BuiltinError::Unsupported("a number is too large".into()))
            }
            other => Err(self.unsuitable(index, other, name)),
        }
    }

    fn limited(&self, index: usize, bits: u64, name: &str) -> Result<BigInt, BuiltinError> {
        let value = self.integral(index, name)?;
        if value.bits() > bits { Err(self.overflow(index, &value, name)) } else { Ok(value) }
    }

    fn wrapped_i32(&self, index: usize, name: &str) -> Result<i32, BuiltinError> {
        let value = self.limited(index, 32, name)?;
        let low = (value & BigInt::from(u32::MAX)).to_u32_digits().1.first().copied().unwrap_or_default();
        Ok(low.cast_signed())
    }

    fn overflow(&self, index: usize, value: &BigInt, name: &str) -> BuiltinError {
        BuiltinError::Eval(format!("int {value} overflows {name} in argument {index} in call to {}", self.function))
    }

    fn unsuitable(&self, index: usize, value: &Value, name: &str) -> BuiltinError {
        if let Value::Incomplete { .. } = value {
            return BuiltinError::Incomplete(format!("non-concrete argument {index}"));
        }
        BuiltinError::Eval(format!(
            "cannot use {value} (type {}) as {name} in argument {index} to {}",
            value.kind(),
            self.function
        ))
    }
}
