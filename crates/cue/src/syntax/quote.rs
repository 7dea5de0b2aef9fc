//! The value of string and bytes literals (`cue/literal`).

/// The kind of quotes around a text.
#[derive(Clone, Debug)]
pub(crate) struct Quotes {
    pub(crate) bytes: bool,
    hashes: usize,
    multiline: bool,
    /// White space that every line of a multi-line text begins with.
    indent: String,
    /// Bytes of the opening quotes.
    pub(crate) opening: usize,
    closing: usize,
}

impl Quotes {
    /// Looks at the first and the last piece of a literal.
    pub(crate) fn new(first: &str, last: &str) -> Result<Self, &'static str> {
        let hashes = first.len().saturating_sub(first.trim_start_matches('#').len());
        let text = first.get(hashes..).unwrap_or_default();
        let bytes = text.starts_with('\'');
        let triple = if bytes { "'''" } else { "\"\"\"" };
        let multiline = text.len() > 3 && text.starts_with(triple);
        let count = if multiline { 3 } else { 1 };
        let mut quotes = Self {
            bytes,
            hashes,
            multiline,
            indent: String::new(),
            opening: hashes.saturating_add(count),
            closing: hashes.saturating_add(count),
        };
        if multiline {
            let newline = if text.get(3..4) == Some("\r") { 2 } else { 1 };
            quotes.opening = quotes.opening.saturating_add(newline);
            let body = last.len().saturating_sub(quotes.closing);
            let before = last.get(..body).unwrap_or_default();
            let trimmed = before.trim_end_matches(|c: char| c.is_whitespace() && c != '\n');
            quotes.indent = before.get(trimmed.len()..).unwrap_or_default().to_owned();
            let start = first.get(quotes.opening..).unwrap_or_default();
            if !start.starts_with('\n') && !start.is_empty() {
                if !start.starts_with(&quotes.indent) {
                    return Err("invalid string: invalid whitespace");
                }
                quotes.opening = quotes.opening.saturating_add(quotes.indent.len());
            }
        }
        Ok(quotes)
    }

    /// The value of one piece, which ends in the closing quotes or in `\(`; its beginning is cut off.
    pub(crate) fn unquote(&self, piece: &str, last: bool) -> Result<Vec<u8>, &'static str> {
        let end = if last { self.closing } else { self.hashes.saturating_add(1) };
        let mut rest = piece.get(..piece.len().saturating_sub(end.min(piece.len()))).unwrap_or_default();
        let escape = format!("\\{}", "#".repeat(self.hashes));
        let mut out = Vec::with_capacity(rest.len());
        let mut ends_in_newline = false;
        while let Some(char) = rest.chars().next() {
            if char == '\r' && self.multiline {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            if char == '\n' {
                rest = self.line(rest.get(1..).unwrap_or_default())?;
                out.push(b'\n');
                ends_in_newline = true;
                continue;
            }
            ends_in_newline = false;
            if let Some(escaped) = rest.strip_prefix(escape.as_str()) {
                rest = self.escape(escaped, &mut out)?;
                continue;
            }
            let length = char.len_utf8();
            out.extend_from_slice(rest.as_bytes().get(..length).unwrap_or_default());
            rest = rest.get(length..).unwrap_or_default();
        }
        if last && self.multiline && ends_in_newline {
            out.pop();
        }
        Ok(out)
    }

    fn line<'s>(&self, rest: &'s str) -> Result<&'s str, &'static str> {
        if !self.multiline {
            return Err("invalid syntax");
        }
        match rest.strip_prefix(self.indent.as_str()) {
            Some(rest) => Ok(rest),
            None if rest.starts_with('\n') || rest.starts_with("\r\n") => Ok(rest),
            None => Err("invalid string: invalid whitespace"),
        }
    }

    fn escape<'s>(&self, text: &'s str, out: &mut Vec<u8>) -> Result<&'s str, &'static str> {
        const SYNTAX: &str = "invalid syntax";
        let code = text.bytes().next().ok_or(SYNTAX)?;
        let rest = text.get(1..).ok_or(SYNTAX)?;
        let digits = |text: &str, from: usize, count: usize, base: u32| -> Result<u32, &'static str> {
            let part = text.get(from..from.saturating_add(count)).ok_or(SYNTAX)?;
            if !part.chars().all(|c| c.is_digit(base)) {
                return Err(SYNTAX);
            }
            u32::from_str_radix(part, base).map_err(|_| SYNTAX)
        };
        let plain = match code {
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'/' => b'/',
            b'\\' => b'\\',
            b'"' if !self.bytes => b'"',
            b'\'' if self.bytes => b'\'',
            b'x' if self.bytes => {
                out.push(u8::try_from(digits(rest, 0, 2, 16)?).map_err(|_| SYNTAX)?);
                return rest.get(2..).ok_or(SYNTAX);
            }
            b'0'..=b'7' if self.bytes => {
                out.push(u8::try_from(digits(text, 0, 3, 8)?).map_err(|_| SYNTAX)?);
                return text.get(3..).ok_or(SYNTAX);
            }
            b'u' | b'U' => {
                let count = if code == b'u' { 4 } else { 8 };
                let value = digits(rest, 0, count, 16)?;
                let mut rest = rest.get(count..).ok_or(SYNTAX)?;
                let mut code = value;
                if (0xd800..0xe000).contains(&value) {
                    let tail = rest.strip_prefix("\\u").ok_or("unmatched surrogate pair")?;
                    let low = digits(tail, 0, 4, 16)?;
                    if value >= 0xdc00 || !(0xdc00..0xe000).contains(&low) {
                        return Err("unmatched surrogate pair");
                    }
                    code = 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
                    rest = tail.get(4..).ok_or(SYNTAX)?;
                }
                let char = char::from_u32(code).ok_or(SYNTAX)?;
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(rest);
            }
            _ => return Err(SYNTAX),
        };
        out.push(plain);
        Ok(rest)
    }
}
