//! Input documents: JSON as RFC 8259 has it, without duplicate names, with numbers as they are written.

use std::collections::BTreeMap;

use super::number::{Number, NumberFault};
use super::value::{TooLarge, Value};
use crate::limits::{MAX_INPUT_BYTES, MAX_INPUT_DEPTH};

/// What is wrong with a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InputFault {
    /// It is longer than [`MAX_INPUT_BYTES`].
    #[error("it has more than {MAX_INPUT_BYTES} bytes")]
    TooLong,
    /// Its values nest deeper than [`MAX_INPUT_DEPTH`].
    #[error("byte {at}: values nest deeper than {MAX_INPUT_DEPTH} levels")]
    TooDeep {
        /// Where.
        at: usize,
    },
    /// It has more elements than an evaluation may look at.
    #[error("it has too many elements")]
    TooLarge,
    /// A number is longer, or its exponent larger, than what is computed with.
    #[error("byte {at}: a number is out of range")]
    Number {
        /// Where.
        at: usize,
    },
    /// An object has two members of one name: which one counts would be a matter of the reader.
    #[error("byte {at}: two members of one name")]
    Duplicate {
        /// Where the second one stands.
        at: usize,
    },
    /// It is not JSON.
    #[error("byte {at}: {expected} expected")]
    Syntax {
        /// Where.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
}

impl InputFault {
    /// Whether a limit was hit, while the document may be valid.
    pub(crate) fn is_limit(self) -> bool {
        !matches!(self, Self::Duplicate { .. } | Self::Syntax { .. })
    }
}

impl From<TooLarge> for InputFault {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

/// Reads a document.
pub(crate) fn parse(text: &str) -> Result<Value, InputFault> {
    if text.len() > MAX_INPUT_BYTES {
        return Err(InputFault::TooLong);
    }
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() { Err(reader.expected("the end")) } else { Ok(value) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.advance(1);
        }
    }

    fn expected(&self, expected: &'static str) -> InputFault {
        InputFault::Syntax { at: self.at, expected }
    }

    /// Steps over white space and `byte`, if it is there.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.advance(usize::from(found));
        found
    }

    fn value(&mut self, depth: usize) -> Result<Value, InputFault> {
        self.space();
        match self.peek() {
            Some(b'{' | b'[') if depth >= MAX_INPUT_DEPTH => Err(InputFault::TooDeep { at: self.at }),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::String(self.string()?.into())),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let words = [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
                for (word, value) in words {
                    if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
                        self.advance(word.len());
                        return Ok(value);
                    }
                }
                Err(self.expected("a value"))
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, InputFault> {
        self.advance(1);
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::array(items)?);
        }
        loop {
            items.push(self.value(depth.saturating_add(1))?);
            if self.take(b']') {
                return Ok(Value::array(items)?);
            }
            if !self.take(b',') {
                return Err(self.expected("',' or ']'"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, InputFault> {
        self.advance(1);
        let mut items = BTreeMap::new();
        if self.take(b'}') {
            return Ok(Value::object(items)?);
        }
        loop {
            self.space();
            let at = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.expected("a member's name"));
            }
            let name = Value::String(self.string()?.into());
            if !self.take(b':') {
                return Err(self.expected("':'"));
            }
            let value = self.value(depth.saturating_add(1))?;
            if items.insert(name, value).is_some() {
                return Err(InputFault::Duplicate { at });
            }
            if self.take(b'}') {
                return Ok(Value::object(items)?);
            }
            if !self.take(b',') {
                return Err(self.expected("',' or '}'"));
            }
        }
    }

    fn number(&mut self) -> Result<Value, InputFault> {
        let start = self.at;
        while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek() {
            self.advance(1);
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        // JSON wants a digit before the point; policies do not.
        let syntax = InputFault::Syntax { at: start, expected: "a number" };
        if text.trim_start_matches('-').starts_with('.') {
            return Err(syntax);
        }
        match Number::parse(text) {
            Ok(number) => Ok(Value::Number(number)),
            Err(NumberFault::Syntax) => Err(syntax),
            Err(NumberFault::TooLong | NumberFault::Exponent) => Err(InputFault::Number { at: start }),
        }
    }

    fn string(&mut self) -> Result<String, InputFault> {
        self.advance(1);
        let mut out = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|b| b >= 0x20 && b != b'"' && b != b'\\') {
                self.advance(1);
            }
            out.push_str(self.text.get(start..self.at).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.advance(1);
                    out.push(self.escape()?);
                }
                _ => return Err(self.expected("the end of a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, InputFault> {
        let sign = self.peek();
        self.advance(1);
        Ok(match sign {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex()?;
                if !(0xd800..0xdc00).contains(&first) {
                    // A lone surrogate is what Go's reader makes of it.
                    return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                let here = self.at;
                if self.text.get(self.at..).is_some_and(|rest| rest.starts_with("\\u")) {
                    self.advance(2);
                    let second = self.hex()?;
                    if (0xdc00..0xe000).contains(&second) {
                        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                }
                self.at = here;
                char::REPLACEMENT_CHARACTER
            }
            _ => return Err(self.expected("an escape sequence")),
        })
    }

    fn hex(&mut self) -> Result<u32, InputFault> {
        let digits = self.text.get(self.at..self.at.saturating_add(4)).unwrap_or_default();
        if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(self.expected("four hexadecimal digits"));
        }
        self.advance(4);
        u32::from_str_radix(digits, 16).map_err(|_| self.expected("four hexadecimal digits"))
    }
}

/// The text inside a policy's quotes, escapes included.
pub(crate) fn string_literal(quoted: &str) -> Option<String> {
    let mut reader = Reader { text: quoted, at: 0 };
    let text = reader.string().ok()?;
    (reader.at == quoted.len()).then_some(text)
}

/// How a value is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// Go's `encoding/json`: no spaces, `<`, `>`, `&` escaped, sets as arrays.
    Json,
    /// OPA's own notation in `sprintf("%v")`: a space after separators, sets in braces.
    Rego,
}

/// Prints a value.
pub(crate) fn print(value: &Value, style: Style, out: &mut String) {
    let (comma, colon) = if style == Style::Json { (",", ":") } else { (", ", ": ") };
    let list = |out: &mut String, open: &str, close: &str, items: &mut dyn Iterator<Item = &Value>| {
        out.push_str(open);
        for (n, item) in items.enumerate() {
            if n > 0 {
                out.push_str(comma);
            }
            print(item, style, out);
        }
        out.push_str(close);
    };
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.text()),
        Value::String(text) => quote(text, style, out),
        Value::Array(node) => list(out, "[", "]", &mut node.items.iter()),
        Value::Set(node) if style == Style::Json => list(out, "[", "]", &mut node.items.iter()),
        Value::Set(node) if node.items.is_empty() => out.push_str("set()"),
        Value::Set(node) => list(out, "{", "}", &mut node.items.iter()),
        Value::Object(node) => {
            out.push('{');
            for (n, (key, item)) in node.items.iter().enumerate() {
                if n > 0 {
                    out.push_str(comma);
                }
                match key {
                    Value::String(_) => print(key, style, out),
                    _ if style == Style::Rego => print(key, style, out),
                    // A name that is no text is written as the text of its JSON.
                    _ => {
                        let mut name = String::new();
                        print(key, style, &mut name);
                        quote(&name, style, out);
                    }
                }
                out.push_str(colon);
                print(item, style, out);
            }
            out.push('}');
        }
    }
}

fn quote(text: &str, style: Style, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' if style == Style::Json => out.push_str("\\b"),
            '\u{c}' if style == Style::Json => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if style == Style::Json => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c if u32::from(c) < 0x20 && style == Style::Json => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_members_of_one_name_are_refused() {
        assert_eq!(parse(r#"{"a":1,"b":{"c":1,"c":1}}"#), Err(InputFault::Duplicate { at: 18 }));
        // The same name by an escape.
        assert!(matches!(parse("{\"a\":1,\"\\u0061\":2}"), Err(InputFault::Duplicate { .. })));
    }

    #[test]
    fn depth_bomb_is_refused() {
        let bomb = "[".repeat(1_000_000);
        assert!(matches!(parse(&bomb), Err(InputFault::TooDeep { .. })));
        let deep = format!("{}{}", "[".repeat(MAX_INPUT_DEPTH), "]".repeat(MAX_INPUT_DEPTH));
        assert!(parse(&deep).is_ok());
    }

    #[test]
    fn a_number_of_a_billion_digits_is_refused() {
        assert!(matches!(parse("1e999999999"), Err(InputFault::Number { .. })));
        assert!(matches!(parse("[-1E-99999999999999999999]"), Err(InputFault::Number { .. })));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for bad in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "'a'",
            "nul",
            "01",
            "+1",
            ".5",
            "-.5",
            "1.",
            "1e",
            "NaN",
            "\"\n\"",
            "\"\\x\"",
            "\"\\u12\"",
            "[1] 2",
            "\u{feff}1",
            "// c\n1",
        ] {
            assert!(matches!(parse(bad), Err(InputFault::Syntax { .. })), "{bad:?}");
        }
    }

    #[test]
    fn values_keep_their_texts() {
        let text = r#"{"a":[1,1.0,1e3,-0,9007199254740993],"b":"\u00e9\ud83d\ude00\n","c":null}"#;
        let mut out = String::new();
        print(&parse(text).unwrap(), Style::Json, &mut out);
        assert_eq!(out, r#"{"a":[1,1.0,1e3,-0,9007199254740993],"b":"é😀\n","c":null}"#);
    }
}
