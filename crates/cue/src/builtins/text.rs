//! Values as CUE prints them in its errors: on one line, without spaces.

use std::fmt;

use super::Value;
use super::printable::is_printable;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::String(text) => f.write_str(&quoted(text)),
            Self::Bytes(bytes) => f.write_str(&quoted_bytes(bytes)),
            Self::List { items, .. } => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Struct { fields, .. } => {
                f.write_str("{")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{}:{value}", if index > 0 { "," } else { "" }, label(name))?;
                }
                f.write_str("}")
            }
            Self::Incomplete { text, .. } => f.write_str(text),
            Self::Schema(_) => f.write_str("_"),
        }
    }
}

/// A label, in quotes where it is no identifier.
fn label(name: &str) -> String {
    let mut chars = name.chars();
    let plain = chars.next().is_some_and(|c| c.is_alphabetic() || c == '$')
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
    if plain { name.to_owned() } else { quoted(name) }
}

/// A string in CUE's double quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push_escaped(&mut out, c, '"');
    }
    out.push('"');
    out
}

/// Bytes in CUE's single quotes.
fn quoted_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('\'');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_escaped(&mut out, c, '\'');
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.push('\'');
    out
}

fn push_escaped(out: &mut String, c: char, quote: char) {
    match c {
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        '\\' => out.push_str("\\\\"),
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        c if is_printable(u32::from(c)) => out.push(c),
        c if u32::from(c) > 0xffff => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
    }
}

/// As CUE's formatter writes a value: structs over several lines.
pub(super) fn multiline(value: &Value) -> String {
    let mut out = String::new();
    write_multiline(&mut out, value, 0);
    out
}

/// Values are no deeper than the evaluator made them.
fn write_multiline(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::List { items, .. } => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_multiline(out, item, depth);
            }
            out.push(']');
        }
        Value::Struct { fields, .. } if fields.is_empty() => out.push_str("{}"),
        Value::Struct { fields, .. } => {
            out.push('{');
            for (name, value) in fields {
                out.push('\n');
                out.push_str(&"\t".repeat(depth + 1));
                out.push_str(&label(name));
                out.push_str(": ");
                write_multiline(out, value, depth + 1);
            }
            out.push('\n');
            out.push_str(&"\t".repeat(depth));
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}
