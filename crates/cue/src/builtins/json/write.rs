//! Values to JSON, as CUE v0.15.4 does it: no escapes for HTML, numbers as apd prints them, bytes in base64.

use std::fmt::Write as _;

use super::super::args::text_budget;
use super::super::base64;
use super::super::{BuiltinError, CallContext, Value};
use crate::limits::MAX_TEXT_BYTES;

type Result<T> = std::result::Result<T, BuiltinError>;

/// The JSON of a value.
pub(super) fn written(context: &mut CallContext<'_>, value: &Value) -> Result<String> {
    let mut out = String::new();
    write(&mut out, value)?;
    text_budget(context, out.len())?;
    Ok(out)
}

/// Values are no deeper than the evaluator made them.
fn write(out: &mut String, value: &Value) -> Result<()> {
    if out.len() > MAX_TEXT_BYTES {
        return Err(BuiltinError::Unsupported(format!("JSON is longer than the limit of {MAX_TEXT_BYTES} bytes")));
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => write_string(out, text),
        Value::Bytes(bytes) => {
            out.push('"');
            out.push_str(&base64::encoded(bytes));
            out.push('"');
        }
        Value::List { items, .. } => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(out, item)?;
            }
            out.push(']');
        }
        Value::Struct { fields, .. } => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(out, name);
                out.push(':');
                write(out, value)?;
            }
            out.push('}');
        }
        Value::Incomplete { text, .. } => {
            return Err(BuiltinError::Incomplete(format!("cannot convert incomplete value \"{text}\" to JSON")));
        }
        Value::Schema(_) => return Err(BuiltinError::Incomplete("cannot convert incomplete value to JSON".into())),
    }
    Ok(())
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // JavaScript ends a line at the last two.
            '\0'..='\x1f' | '\u{2028}' | '\u{2029}' => escape(out, c),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn escape(out: &mut String, c: char) {
    // Writing to a string does not fail.
    let _ = write!(out, "\\u{:04x}", u32::from(c));
}

/// Go's `json.HTMLEscape`.
pub(super) fn html_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => escape(&mut out, c),
            c => out.push(c),
        }
    }
    out
}
