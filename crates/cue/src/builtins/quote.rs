//! Go's quotes: `strconv.Quote` and its like.

use std::fmt::Write as _;

use super::printable::{is_graphic, is_printable};

/// Which characters are written as they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Plain {
    /// Those that Go prints.
    Printable,
    /// Those that Go prints and that are ASCII.
    Ascii,
    /// Those that Go prints, and spaces.
    Graphic,
}

/// `strconv.Quote`
pub(super) fn quote(text: &str, plain: Plain) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push(&mut out, c, '"', plain);
    }
    out.push('"');
    out
}

/// `strconv.Quote` of what may not be UTF-8.
pub(super) fn quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push(&mut out, c, '"', Plain::Printable);
        }
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// `strconv.QuoteRune`; what is no character is U+FFFD.
pub(super) fn quote_rune(rune: i32, plain: Plain) -> String {
    let c = u32::try_from(rune).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    let mut out = String::from("'");
    push(&mut out, c, '\'', plain);
    out.push('\'');
    out
}

/// A character as `strconv.Quote` writes it, without the quotes.
pub(super) fn go_quoted(c: char) -> String {
    let mut out = String::new();
    push(&mut out, c, '"', Plain::Printable);
    out
}

/// Go's `%#U` of a byte: `U+0067 'g'`.
pub(super) fn go_rune(byte: u8) -> String {
    let c = char::from(byte);
    let shown = if is_printable(u32::from(c)) { format!(" '{c}'") } else { String::new() };
    format!("U+{:04X}{shown}", byte)
}

fn push(out: &mut String, c: char, quote: char, plain: Plain) {
    let code = u32::from(c);
    let is_plain = match plain {
        Plain::Printable => is_printable(code),
        Plain::Ascii => c.is_ascii() && is_printable(code),
        Plain::Graphic => is_graphic(code),
    };
    match c {
        c if c == quote || c == '\\' => {
            out.push('\\');
            out.push(c);
        }
        c if is_plain => out.push(c),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        // Writing to a string does not fail.
        _ => {
            let _ = match code {
                0..0x20 | 0x7f => write!(out, "\\x{code:02x}"),
                0x20..=0xffff => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
        }
    }
}
