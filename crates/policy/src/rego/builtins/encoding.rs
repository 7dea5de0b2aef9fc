//! Encodings (`topdown/encoding.go`).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::super::json::{self, InputFault, Style};
use super::super::value::Value;
use super::strings::check_length;
use super::table::{Args, Stop};

type Result = std::result::Result<Value, Stop>;

/// Go's encodings want padding and do not look at the bits behind the last byte.
const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
const URL_PLAIN: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG.with_encode_padding(false));

fn encode(args: &Args<'_>, engine: &GeneralPurpose) -> Result {
    let text = args.text(0)?;
    check_length(text.len().saturating_mul(2))?;
    Ok(Value::text(&engine.encode(text)))
}

/// Line ends are skipped, as Go does.
fn decode(text: &str, engine: &GeneralPurpose) -> std::result::Result<Vec<u8>, Stop> {
    engine.decode(text.replace(['\r', '\n'], "")).map_err(|_| Stop::Undefined)
}

fn as_text(bytes: Vec<u8>) -> Result {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Value::text(&text)),
        Err(_) => Err(Stop::Unsupported("bytes that are no text")),
    }
}

pub(super) fn base64_encode(args: &Args<'_>) -> Result {
    encode(args, &STANDARD)
}

pub(super) fn base64_decode(args: &Args<'_>) -> Result {
    as_text(decode(args.text(0)?, &STANDARD)?)
}

pub(super) fn base64_is_valid(args: &Args<'_>) -> Result {
    Ok(Value::Bool(args.get(0)?.as_str().is_some_and(|text| decode(text, &STANDARD).is_ok())))
}

pub(super) fn base64url_encode(args: &Args<'_>) -> Result {
    encode(args, &URL)
}

pub(super) fn base64url_encode_no_pad(args: &Args<'_>) -> Result {
    encode(args, &URL_PLAIN)
}

/// Missing padding is added (RFC 7515, appendix C).
pub(super) fn base64url_decode(args: &Args<'_>) -> Result {
    let mut text = args.text(0)?.to_owned();
    if !text.ends_with('=') {
        match text.len() % 4 {
            0 => {}
            2 => text.push_str("=="),
            3 => text.push('='),
            _ => return Err(Stop::Undefined),
        }
    }
    as_text(decode(&text, &URL)?)
}

pub(super) fn hex_encode(args: &Args<'_>) -> Result {
    let text = args.text(0)?;
    check_length(text.len().saturating_mul(2))?;
    Ok(Value::text(&sigward_verify::hex(text.as_bytes())))
}

pub(super) fn hex_decode(args: &Args<'_>) -> Result {
    let text = args.text(0)?;
    if text.len() % 2 != 0 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Stop::Undefined);
    }
    let pairs = text.as_bytes().chunks(2).map(|pair| {
        std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or(Stop::Undefined)
    });
    as_text(pairs.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn json_marshal(args: &Args<'_>) -> Result {
    let value = args.get(0)?;
    if !has_plain_names(value) {
        return Err(Stop::Unsupported("JSON of an object whose names are no texts"));
    }
    let mut out = String::new();
    json::print(value, Style::Json, &mut out);
    check_length(out.len())?;
    Ok(Value::text(&out))
}

fn has_plain_names(value: &Value) -> bool {
    match value {
        Value::Array(node) => node.items.iter().all(has_plain_names),
        Value::Set(node) => node.items.iter().all(has_plain_names),
        Value::Object(node) => node.items.iter().all(|(k, v)| k.as_str().is_some() && has_plain_names(v)),
        _ => true,
    }
}

pub(super) fn json_unmarshal(args: &Args<'_>) -> Result {
    json::parse(args.text(0)?).map_err(|fault| match fault {
        InputFault::Syntax { .. } => Stop::Undefined,
        _ => Stop::Unsupported("this JSON"),
    })
}

pub(super) fn json_is_valid(args: &Args<'_>) -> Result {
    let Some(text) = args.get(0)?.as_str() else { return Ok(Value::Bool(false)) };
    match json::parse(text) {
        Ok(_) => Ok(Value::Bool(true)),
        Err(InputFault::Syntax { .. }) => Ok(Value::Bool(false)),
        Err(_) => Err(Stop::Unsupported("this JSON")),
    }
}
