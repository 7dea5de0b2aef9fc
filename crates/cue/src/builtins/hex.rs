//! Package `encoding/hex`.

use std::fmt::Write as _;

use super::args::{Args, builtin, failure, text_budget};
use super::quote::go_rune;
use super::{Builtin, BuiltinError, CallContext, Value};
use crate::kind::Kind;
use crate::number::Number;

type Result<T> = std::result::Result<T, BuiltinError>;

const TEXT: Kind = Kind::BYTES.or(Kind::STRING);

/// The functions.
pub(super) static FUNCTIONS: &[Builtin] = &[
    builtin!("encoding/hex", "EncodedLen", [Kind::INT] => Kind::INT, |_, args: &Args<'_>| {
        // Go's arithmetic wraps.
        Ok(Value::Number(Number::int(args.int(0)?.wrapping_mul(2))))
    }),
    builtin!("encoding/hex", "DecodedLen", [Kind::INT] => Kind::INT, |_, args: &Args<'_>| {
        Ok(Value::Number(Number::int(args.int(0)?.wrapping_div(2))))
    }),
    builtin!("encoding/hex", "Decode", [Kind::STRING] => TEXT, |_, args: &Args<'_>| {
        Ok(Value::Bytes(decoded(args.string(0)?)?.into()))
    }),
    builtin!("encoding/hex", "Dump", [TEXT] => Kind::STRING, dump),
    builtin!("encoding/hex", "Encode", [TEXT] => Kind::STRING, |context, args: &Args<'_>| {
        let bytes = args.bytes(0)?;
        text_budget(context, bytes.len().saturating_mul(2))?;
        Ok(Value::string(&encoded(bytes)))
    }),
];

fn encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut out, byte| {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn decoded(text: &str) -> Result<Vec<u8>> {
    let digit = |c: u8| {
        char::from(c)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
            .ok_or_else(|| failure(format!("encoding/hex: invalid byte: {}", go_rune(c))))
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = Vec::with_capacity(pairs.len());
    for [high, low] in pairs {
        bytes.push(digit(*high)? << 4 | digit(*low)?);
    }
    match rest {
        [] => Ok(bytes),
        [last, ..] => {
            digit(*last)?;
            Err(failure("encoding/hex: odd length hex string"))
        }
    }
}

/// As `hexdump -C` prints, without the last line.
fn dump(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let bytes = args.bytes(0)?;
    text_budget(context, bytes.len().saturating_mul(5).saturating_add(80))?;
    let mut out = String::new();
    for (line, chunk) in bytes.chunks(16).enumerate() {
        let _ = write!(out, "{:08x} ", line.saturating_mul(16));
        for at in 0..16_usize {
            if at == 8 {
                out.push(' ');
            }
            match chunk.get(at) {
                Some(byte) => {
                    let _ = write!(out, " {byte:02x}");
                }
                None => out.push_str("   "),
            }
        }
        let shown = |byte: &u8| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' };
        let _ = writeln!(out, "  |{}|", chunk.iter().map(shown).collect::<String>());
    }
    Ok(Value::string(&out))
}
