//! Package `encoding/base64`: the standard alphabet, with padding.

use super::args::{Args, builtin, failure, text_budget};
use super::{Builtin, BuiltinError, CallContext, Value};
use crate::kind::Kind;
use crate::number::Number;

type Result<T> = std::result::Result<T, BuiltinError>;

const TEXT: Kind = Kind::BYTES.or(Kind::STRING);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The functions.
pub(super) static FUNCTIONS: &[Builtin] = &[
    builtin!("encoding/base64", "EncodedLen", [Kind::TOP, Kind::INT] => Kind::INT, |_, args: &Args<'_>| {
        standard(args)?;
        // Go's arithmetic wraps.
        Ok(Value::Number(Number::int(args.int(1)?.wrapping_add(2).wrapping_div(3).wrapping_mul(4))))
    }),
    builtin!("encoding/base64", "DecodedLen", [Kind::TOP, Kind::INT] => Kind::INT, |_, args: &Args<'_>| {
        standard(args)?;
        Ok(Value::Number(Number::int(args.int(1)?.wrapping_div(4).wrapping_mul(3))))
    }),
    builtin!("encoding/base64", "Encode", [Kind::TOP, TEXT] => Kind::STRING, |context, args: &Args<'_>| {
        encode(context, args)
    }),
    builtin!("encoding/base64", "Decode", [Kind::TOP, Kind::STRING] => TEXT, |_, args: &Args<'_>| {
        standard(args)?;
        Ok(Value::Bytes(decoded(args.string(1)?)?.into()))
    }),
];

/// Only the encoding `null` is known to CUE.
fn standard(args: &Args<'_>) -> Result<()> {
    match args.value(0)? {
        Value::Null => Ok(()),
        other => Err(failure(format!(
            "base64: unsupported encoding: cannot use value {other} (type {}) as null",
            other.kind()
        ))),
    }
}

fn encode(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    standard(args)?;
    let bytes = args.bytes(1)?;
    text_budget(context, bytes.len().saturating_mul(4) / 3)?;
    Ok(Value::string(&encoded(bytes)))
}

/// Bytes in base64.
pub(super) fn encoded(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for at in 0..4_usize {
            let shift = [18, 12, 6, 0].get(at).copied().unwrap_or_default();
            let letter = usize::try_from((bits >> shift) & 63).ok().and_then(|index| ALPHABET.get(index));
            out.push(letter.filter(|_| at <= chunk.len()).map_or('=', |letter| char::from(*letter)));
        }
    }
    out
}

/// Reads base64 as Go does: line ends anywhere, padding where it must be, bits that are left over ignored.
fn decoded(text: &str) -> Result<Vec<u8>> {
    let corrupt = |at: usize| failure(format!("illegal base64 data at input byte {at}"));
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut letters = text.bytes().enumerate().filter(|(_, c)| !matches!(c, b'\r' | b'\n')).peekable();
    while letters.peek().is_some() {
        let mut bits = 0_u32;
        let mut count = 0_usize;
        while count < 4 {
            let Some((at, letter)) = letters.next() else {
                // Go points at the beginning of what is incomplete.
                return Err(corrupt(text.len().saturating_sub(count)));
            };
            let Some(value) = ALPHABET.iter().position(|known| *known == letter) else {
                if letter != b'=' || count < 2 {
                    return Err(corrupt(at));
                }
                if count == 2 {
                    match letters.next() {
                        Some((_, b'=')) => {}
                        Some((at, _)) => return Err(corrupt(at.saturating_sub(1))),
                        None => return Err(corrupt(text.len())),
                    }
                }
                if let Some((at, _)) = letters.next() {
                    return Err(corrupt(at));
                }
                break;
            };
            bits = (bits << 6) | u32::try_from(value).unwrap_or_default();
            count += 1;
        }
        bits <<= 6_usize.saturating_mul(4_usize.saturating_sub(count));
        out.extend(bits.to_be_bytes().into_iter().skip(1).take(count.saturating_sub(1)));
    }
    Ok(out)
}
