//! Package `strconv`.

use num_bigint::{BigInt, BigUint, Sign};

use super::args::{Args, builtin, failure, lossy, text_budget};
use super::float;
use super::printable::{is_graphic, is_printable};
use super::quote::{Plain, quote, quote_rune};
use super::{Builtin, BuiltinError, CallContext, Member, Value};
use crate::kind::Kind;
use crate::limits::MAX_NUMBER_DIGITS;
use crate::number::Number;

type Result<T> = std::result::Result<T, BuiltinError>;

/// The functions.
pub(super) static FUNCTIONS: &[Builtin] = &[
    builtin!("strconv", "Unquote", [Kind::STRING] => Kind::STRING, |_, args: &Args<'_>| unquote(args.string(0)?)),
    builtin!("strconv", "ParseBool", [Kind::STRING] => Kind::BOOL, |_, args: &Args<'_>| match args.string(0)? {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
        other => Err(wrong("ParseBool", other, Wrong::Syntax)),
    }),
    builtin!("strconv", "FormatBool", [Kind::BOOL] => Kind::STRING, |_, args: &Args<'_>| {
        Ok(Value::string(if args.bool(0)? { "true" } else { "false" }))
    }),
    builtin!("strconv", "ParseFloat", [Kind::STRING, Kind::INT] => Kind::NUMBER, |_, args: &Args<'_>| {
        let (text, bits) = (args.string(0)?, args.int(1)?);
        float::parse(text, bits).map_err(|fault| match fault {
            float::Fault::Syntax => wrong("ParseFloat", text, Wrong::Syntax),
            float::Fault::Range => wrong("ParseFloat", text, Wrong::Range),
            float::Fault::Unsupported => {
                BuiltinError::Unsupported(format!("strconv.ParseFloat of {text} is not supported"))
            }
        })
    }),
    builtin!("strconv", "ParseUint", [Kind::STRING, Kind::INT, Kind::INT] => Kind::INT, |_, args: &Args<'_>| {
        parse_uint(args)
    }),
    builtin!("strconv", "ParseInt", [Kind::STRING, Kind::INT, Kind::INT] => Kind::INT, |_, args: &Args<'_>| {
        parse_int(args)
    }),
    builtin!("strconv", "Atoi", [Kind::STRING] => Kind::INT, |_, args: &Args<'_>| {
        Ok(Value::Number(Number::int(integer("Atoi", args.string(0)?, 10)?)))
    }),
    builtin!("strconv", "FormatFloat", [Kind::NUMBER, Kind::INT, Kind::INT, Kind::INT] => Kind::STRING, format_float),
    builtin!("strconv", "FormatUint", [Kind::INT, Kind::INT] => Kind::STRING, format_int),
    builtin!("strconv", "FormatInt", [Kind::INT, Kind::INT] => Kind::STRING, format_int),
    builtin!("strconv", "Quote", [Kind::STRING] => Kind::STRING, |context, args| quoted(context, args, Plain::Printable)),
    builtin!("strconv", "QuoteToASCII", [Kind::STRING] => Kind::STRING, |context, args| {
        quoted(context, args, Plain::Ascii)
    }),
    builtin!("strconv", "QuoteToGraphic", [Kind::STRING] => Kind::STRING, |context, args| {
        quoted(context, args, Plain::Graphic)
    }),
    builtin!("strconv", "QuoteRune", [Kind::INT] => Kind::STRING, |_, args: &Args<'_>| {
        Ok(Value::string(&quote_rune(args.rune(0)?, Plain::Printable)))
    }),
    builtin!("strconv", "QuoteRuneToASCII", [Kind::INT] => Kind::STRING, |_, args: &Args<'_>| {
        Ok(Value::string(&quote_rune(args.rune(0)?, Plain::Ascii)))
    }),
    builtin!("strconv", "QuoteRuneToGraphic", [Kind::INT] => Kind::STRING, |_, args: &Args<'_>| {
        Ok(Value::string(&quote_rune(args.rune(0)?, Plain::Graphic)))
    }),
    builtin!("strconv", "IsPrint", [Kind::INT] => Kind::BOOL, |_, args: &Args<'_>| {
        Ok(Value::Bool(u32::try_from(args.rune(0)?).is_ok_and(is_printable)))
    }),
    builtin!("strconv", "IsGraphic", [Kind::INT] => Kind::BOOL, |_, args: &Args<'_>| {
        Ok(Value::Bool(u32::try_from(args.rune(0)?).is_ok_and(is_graphic)))
    }),
];

/// The constant.
pub(super) fn constant(name: &str) -> Option<Member> {
    (name == "IntSize").then(|| Member::Constant(Value::Number(Number::int(64))))
}

enum Wrong {
    Syntax,
    Range,
}

/// Go's `strconv.NumError`.
fn wrong(function: &str, text: &str, wrong: Wrong) -> BuiltinError {
    let why = match wrong {
        Wrong::Syntax => "invalid syntax",
        Wrong::Range => "value out of range",
    };
    failure(format!("strconv.{function}: parsing {}: {why}", quote(text, Plain::Printable)))
}

fn parse_int(args: &Args<'_>) -> Result<Value> {
    let (text, base, bits) = (args.string(0)?, args.int(1)?, args.int(2)?);
    let out_of_range = || wrong("ParseInt", text, Wrong::Range);
    let bits = u64::try_from(bits).map_err(|_| out_of_range())?;
    let value = integer("ParseInt", text, base)?;
    // The lowest value has one bit more than the highest.
    let magnitude = if value.sign() == Sign::Minus { &value + 1 } else { value.clone() };
    if bits != 0 && magnitude.bits() > bits.saturating_sub(1) {
        return Err(out_of_range());
    }
    Ok(Value::Number(Number::int(value)))
}

fn parse_uint(args: &Args<'_>) -> Result<Value> {
    let (text, base, bits) = (args.string(0)?, args.int(1)?, args.int(2)?);
    let out_of_range = || wrong("ParseUint", text, Wrong::Range);
    let bits = u64::try_from(bits).map_err(|_| out_of_range())?;
    let value = integer("ParseUint", text, base)?;
    if value.sign() == Sign::Minus || (bits != 0 && value.bits() > bits) {
        return Err(out_of_range());
    }
    Ok(Value::Number(Number::int(value)))
}

/// `big.Int.SetString` of Go.
fn integer(function: &str, text: &str, base: i64) -> Result<BigInt> {
    let syntax = || wrong(function, text, Wrong::Syntax);
    if !text.is_empty() && base != 0 && !(2..=62).contains(&base) {
        // Go panics, and CUE recovers.
        return Err(failure(format!("invalid number base {base}")));
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut base = u32::try_from(base).unwrap_or_default();
    let mut plain = digits.to_owned();
    if base == 0 {
        let prefixes = [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2), ("0o", 8), ("0O", 8)];
        let prefixed = prefixes.iter().find_map(|(prefix, base)| Some((digits.strip_prefix(prefix)?, *base)));
        let (rest, found) = match prefixed {
            Some(prefixed) => prefixed,
            None if digits.len() > 1 && digits.starts_with('0') => (digits.get(1..).unwrap_or_default(), 8),
            None => (digits, 10),
        };
        // Underscores separate digits, of which a prefix is one.
        let prefix = digits.len() > rest.len();
        if rest.ends_with('_') || rest.contains("__") || (!prefix && rest.starts_with('_')) {
            return Err(syntax());
        }
        base = found;
        plain = rest.replace('_', "");
    }
    if plain.len() > MAX_NUMBER_DIGITS {
        return Err(BuiltinError::Unsupported(format!("a number of {} digits is too large", plain.len())));
    }
    let values = plain.bytes().map(|c| digit(c, base)).collect::<Option<Vec<u8>>>().ok_or_else(syntax)?;
    if values.is_empty() {
        return Err(syntax());
    }
    let magnitude = BigUint::from_radix_be(&values, base).ok_or_else(syntax)?;
    Ok(BigInt::from_biguint(if negative { Sign::Minus } else { Sign::Plus }, magnitude))
}

/// The value of a digit. Up to base 36 the case of letters does not matter.
fn digit(c: u8, base: u32) -> Option<u8> {
    let value = match c {
        b'0'..=b'9' => c - b'0',
        b'a'..=b'z' => c - b'a' + 10,
        b'A'..=b'Z' if base <= 36 => c - b'A' + 10,
        b'A'..=b'Z' => c - b'A' + 36,
        _ => return None,
    };
    (u32::from(value) < base).then_some(value)
}

fn format_int(_: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let (value, base) = (args.big_int(0)?, args.int(1)?);
    let base = u32::try_from(base)
        .ok()
        .filter(|base| (2..=62).contains(base))
        // Go panics, and CUE recovers.
        .ok_or_else(|| failure("invalid base"))?;
    let (sign, digits) = value.to_radix_be(base);
    let digits = digits.iter().filter_map(|digit| DIGITS.get(usize::from(*digit))).map(|digit| char::from(*digit));
    let sign = (sign == Sign::Minus).then_some('-');
    Ok(Value::string(&sign.into_iter().chain(digits).collect::<String>()))
}

fn format_float(_: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let (value, form, precision, bits) = (args.float64(0)?, args.byte(1)?, args.int(2)?, args.int(3)?);
    if bits != 32 && bits != 64 {
        // Go panics, and CUE recovers.
        return Err(failure("strconv: illegal AppendFloat/FormatFloat bitSize"));
    }
    let text = float::format(value, form, precision, bits == 32);
    text.map(|text| Value::string(&text)).ok_or_else(|| {
        BuiltinError::Unsupported(format!(
            "strconv.FormatFloat with the format {:?} is not supported",
            char::from(form)
        ))
    })
}

fn quoted(context: &mut CallContext<'_>, args: &Args<'_>, plain: Plain) -> Result<Value> {
    let text = args.string(0)?;
    // The longest escape of one byte has four, that of two bytes six.
    text_budget(context, text.len().saturating_mul(4))?;
    Ok(Value::string(&quote(text, plain)))
}

/// A string or bytes literal of CUE on one line.
fn unquote(text: &str) -> Result<Value> {
    let syntax = || failure("invalid syntax");
    let Some(quote) = text.chars().next() else {
        return Err(failure("runtime error: index out of range [0] with length 0"));
    };
    if quote == '#' || text.starts_with("\"\"\"") || text.starts_with("'''") {
        return Err(BuiltinError::Unsupported("strconv.Unquote of raw and multi-line strings is not supported".into()));
    }
    if !matches!(quote, '"' | '\'') {
        return Err(syntax());
    }
    let unmatched = || failure("invalid string: unmatched quote");
    if !text.ends_with(quote) {
        return Err(unmatched());
    }
    let mut rest = text.get(1..).unwrap_or_default();
    if rest.contains(['\n', '\r']) {
        return Err(syntax());
    }
    let mut out = Vec::with_capacity(rest.len());
    loop {
        let at = rest.find(['\\', quote]).ok_or_else(unmatched)?;
        let (plain, tail) = rest.split_at_checked(at).ok_or_else(unmatched)?;
        out.extend_from_slice(plain.as_bytes());
        rest = match tail.strip_prefix('\\') {
            Some(escape) => unescaped(escape, quote, &mut out)?,
            None if tail.len() == 1 => return Ok(Value::string(&lossy(&out))),
            None => return Err(syntax()),
        };
    }
}

/// Reads what follows a backslash.
fn unescaped<'t>(text: &'t str, quote: char, out: &mut Vec<u8>) -> Result<&'t str> {
    let syntax = || failure("invalid syntax");
    let mut chars = text.chars();
    let plain = match chars.next() {
        Some('a') => b'\x07',
        Some('b') => b'\x08',
        Some('f') => b'\x0c',
        Some('n') => b'\n',
        Some('r') => b'\r',
        Some('t') => b'\t',
        Some('v') => b'\x0b',
        Some('/') => b'/',
        Some('\\') => b'\\',
        Some('"') if quote == '"' => b'"',
        Some('\'') if quote == '\'' => b'\'',
        Some('u' | 'U') => {
            let (code, rest) = code(text)?;
            let surrogate = || failure("unmatched surrogate pair");
            let (c, rest) = match code {
                0xd800..=0xdbff => {
                    let (low, rest) =
                        rest.strip_prefix('\\').and_then(|low| self::code(low).ok()).ok_or_else(surrogate)?;
                    if !(0xdc00..=0xdfff).contains(&low) {
                        return Err(surrogate());
                    }
                    (char::from_u32(0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00)), rest)
                }
                0xdc00..=0xdfff => return Err(surrogate()),
                code => (char::from_u32(code), rest),
            };
            let c = c.ok_or_else(syntax)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(rest);
        }
        Some('x') if quote == '\'' => return byte(chars.as_str(), 2, 16, out),
        Some('0'..='7') if quote == '\'' => return byte(text, 3, 8, out),
        _ => return Err(syntax()),
    };
    out.push(plain);
    Ok(chars.as_str())
}

/// `uXXXX` or `UXXXXXXXX`
fn code(text: &str) -> Result<(u32, &str)> {
    let length = if text.starts_with('u') { 4 } else { 8 };
    let digits = text.strip_prefix(['u', 'U']).and_then(|text| text.split_at_checked(length));
    digits
        .filter(|(digits, _)| digits.bytes().all(|c| c.is_ascii_hexdigit()))
        .and_then(|(digits, rest)| Some((u32::from_str_radix(digits, 16).ok()?, rest)))
        .ok_or_else(|| failure("invalid syntax"))
}

fn byte<'t>(text: &'t str, length: usize, radix: u32, out: &mut Vec<u8>) -> Result<&'t str> {
    let (digits, rest) = text.split_at_checked(length).ok_or_else(|| failure("invalid syntax"))?;
    let valid = digits.chars().all(|c| c.is_digit(radix));
    let value = u8::from_str_radix(digits, radix).ok().filter(|_| valid).ok_or_else(|| failure("invalid syntax"))?;
    out.push(value);
    Ok(rest)
}
