//! Tokens, with CUE's rules of where a new line ends a declaration (`cue/scanner`).

use super::SyntaxError;

/// What a token is. Text is taken from the source.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Token {
    Eof,
    Ident,
    Int,
    Float,
    String,
    /// The beginning of a string, up to and with `\(`.
    Interpolation,
    Attribute,
    Bottom,
    /// `,`, or a new line that stands for it.
    Comma,
    Sign(&'static str),
    Keyword(&'static str),
}

const KEYWORDS: &[&str] = &["for", "if", "in", "let", "func", "true", "false", "null"];

/// Longer signs stand before what they begin with.
const SIGNS: &[&str] = &[
    "...", "<-", "<=", ">=", "==", "=~", "!~", "!=", "&&", "||", "(", ")", "[", "]", "{", "}", "+", "-", "*", "/", "<",
    ">", "=", "!", "&", "|", ":", ";", "?", "~", ".",
];

#[derive(Clone, Copy, Debug)]
struct Quote {
    char: u8,
    count: usize,
    hashes: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexeme<'s> {
    pub(crate) token: Token,
    pub(crate) text: &'s str,
    pub(crate) at: usize,
}

#[derive(Debug)]
pub(crate) struct Lexer<'s> {
    source: &'s str,
    at: usize,
    /// A new line here ends the declaration.
    ends: bool,
    quotes: Vec<Quote>,
}

type Lexed<T> = Result<T, SyntaxError>;

impl<'s> Lexer<'s> {
    pub(crate) fn new(source: &'s str) -> Self {
        let at = if source.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { source, at, ends: false, quotes: Vec::new() }
    }

    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn byte(&self) -> u8 {
        self.source.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.source.len());
    }

    fn step(&mut self) {
        self.advance(self.peek().map_or(0, char::len_utf8));
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.advance(text.len());
        }
        found
    }

    fn error<T>(&self, at: usize, message: impl Into<String>) -> Lexed<T> {
        Err(SyntaxError { at, message: message.into() })
    }

    fn lexeme(&self, token: Token, start: usize) -> Lexeme<'s> {
        Lexeme { token, text: self.source.get(start..self.at).unwrap_or_default(), at: start }
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Lexed<Lexeme<'s>> {
        loop {
            while let b' ' | b'\t' | b'\r' | b'\n' = self.byte() {
                if self.byte() == b'\n' && self.ends {
                    if let Some(newline) = self.newline() {
                        return Ok(newline);
                    }
                    continue;
                }
                self.advance(1);
            }
            if !self.rest().starts_with("//") {
                break;
            }
            if self.ends {
                self.ends = false;
                return Ok(Lexeme { token: Token::Comma, text: "\n", at: self.at });
            }
            let line = self.rest().find('\n').unwrap_or(self.rest().len());
            self.advance(line);
        }
        let start = self.at;
        let ended = self.ends;
        self.ends = false;
        let Some(char) = self.peek() else {
            let token = if ended { Token::Comma } else { Token::Eof };
            return Ok(Lexeme { token, text: "\n", at: start });
        };
        let token = self.token(char, start, ended)?;
        Ok(self.lexeme(token, start))
    }

    /// A new line is no comma before `,` and `:`, for the sake of JSON.
    fn newline(&mut self) -> Option<Lexeme<'s>> {
        self.ends = false;
        let at = self.at;
        let trimmed = self.rest().trim_start_matches([' ', '\t', '\r', '\n']);
        self.at = self.source.len().saturating_sub(trimmed.len());
        if trimmed.starts_with([',', ':']) {
            return None;
        }
        Some(Lexeme { token: Token::Comma, text: "\n", at })
    }

    fn token(&mut self, char: char, start: usize, ended: bool) -> Lexed<Token> {
        match char {
            '0'..='9' => self.number(false),
            '.' if self.rest().as_bytes().get(1).is_some_and(u8::is_ascii_digit) => {
                self.advance(1);
                self.number(true)
            }
            '"' | '\'' => self.quoted(start, 0),
            '#' => {
                let hashes = self.rest().len().saturating_sub(self.rest().trim_start_matches('#').len());
                if self.rest().get(hashes..).is_some_and(|r| r.starts_with(['"', '\''])) {
                    self.advance(hashes);
                    return self.quoted(start, hashes);
                }
                self.identifier(start)
            }
            '_' if self.rest().starts_with("_|") => {
                if !self.take("_|_") {
                    return self.error(start, "illegal token '_|'; expected '_'");
                }
                self.ends = true;
                Ok(Token::Bottom)
            }
            '_' | '$' => self.identifier(start),
            c if c.is_alphabetic() => self.identifier(start),
            '@' => self.attribute(ended),
            ',' => {
                self.advance(1);
                Ok(Token::Comma)
            }
            c => {
                if self.rest().starts_with("..") && !self.rest().starts_with("...") {
                    return self.error(start, "illegal token '..'; expected '.'");
                }
                for sign in SIGNS {
                    if self.take(sign) {
                        self.ends = matches!(*sign, ")" | "]" | "}" | ";" | "?" | "...");
                        return Ok(Token::Sign(sign));
                    }
                }
                self.ends = ended;
                self.error(start, format!("illegal character U+{:04X} '{c}'", u32::from(c)))
            }
        }
    }

    fn identifier(&mut self, start: usize) -> Lexed<Token> {
        self.ends = true;
        self.take("_");
        if self.take("#") && self.byte().is_ascii_digit() {
            return Ok(Token::Ident);
        }
        while self.peek().is_some_and(|c| c == '_' || c == '$' || c.is_alphabetic() || c.is_numeric()) {
            self.step();
        }
        let text = self.source.get(start..self.at).unwrap_or_default();
        Ok(match KEYWORDS.iter().find(|k| **k == text) {
            Some(keyword) => {
                self.ends = true;
                Token::Keyword(keyword)
            }
            None => Token::Ident,
        })
    }

    fn digits(&mut self, base: u32) -> Lexed<usize> {
        let start = self.at;
        let mut last = 0;
        loop {
            let byte = self.byte();
            let is_digit = byte == b'_' || char::from(byte).is_digit(base);
            if !is_digit {
                break;
            }
            if byte == b'_' && last == b'_' {
                return self.error(self.at, "illegal '_' in number");
            }
            last = byte;
            self.advance(1);
        }
        if last == b'_' {
            return self.error(self.at, "illegal '_' in number");
        }
        Ok(self.at.saturating_sub(start))
    }

    fn number(&mut self, after_point: bool) -> Lexed<Token> {
        let start = self.at;
        self.ends = true;
        let mut token = Token::Int;
        if after_point {
            token = Token::Float;
            self.digits(10)?;
        } else {
            for (prefix, base, name) in
                [("0x", 16, "hexadecimal"), ("0X", 16, "hexadecimal"), ("0b", 2, "binary"), ("0o", 8, "octal")]
            {
                if self.take(prefix) {
                    if self.digits(base)? == 0 {
                        return self.error(start, format!("illegal {name} number"));
                    }
                    return Ok(Token::Int);
                }
            }
            let zero = self.byte() == b'0';
            let length = self.digits(10)?;
            let fraction = matches!(self.byte(), b'.' | b'e' | b'E') && !self.rest().starts_with("..");
            if zero && !fraction {
                if length > 1 {
                    return self.error(start, "illegal integer number");
                }
                return Ok(Token::Int);
            }
            if self.byte() == b'.' && fraction {
                token = Token::Float;
                self.advance(1);
                self.digits(10)?;
            }
        }
        match self.byte() {
            b'K' | b'M' | b'G' | b'T' | b'P' => {
                self.advance(1);
                self.take("i");
                return Ok(Token::Int);
            }
            b'e' | b'E' => {
                token = Token::Float;
                self.advance(1);
                if matches!(self.byte(), b'+' | b'-') {
                    self.advance(1);
                }
                self.digits(10)?;
            }
            _ => {}
        }
        Ok(token)
    }

    fn quoted(&mut self, start: usize, hashes: usize) -> Lexed<Token> {
        self.ends = true;
        let char = self.byte();
        let repeated = self.rest().bytes().take(3).take_while(|b| *b == char).count();
        let mut quote = Quote { char, count: 1, hashes };
        if repeated == 3 {
            self.advance(3);
            if !self.take("\n") && !self.take("\r\n") {
                let found = self.source.get(start..self.at).unwrap_or_default();
                let message = format!("expected newline after multiline quote {found}");
                return self.error(start, message);
            }
            quote.count = 3;
            return self.string(start, quote);
        }
        self.advance(1);
        if repeated == 2 {
            // The empty string; within hashes a second quote may belong to the text.
            let rest = self.rest().get(1..).unwrap_or_default();
            if rest.bytes().take(hashes).filter(|b| *b == b'#').count() == hashes {
                self.advance(hashes.saturating_add(1));
                return Ok(Token::String);
            }
        }
        self.string(start, quote)
    }

    /// Goes on to the end of a string, or to its next `\(`.
    fn string(&mut self, start: usize, quote: Quote) -> Lexed<Token> {
        let closing = format!("{}{}", char::from(quote.char).to_string().repeat(quote.count), "#".repeat(quote.hashes));
        let escape = format!("\\{}", "#".repeat(quote.hashes));
        loop {
            match self.peek() {
                None => return self.error(start, "string literal not terminated"),
                Some('\n') if quote.count == 1 => return self.error(start, "string literal not terminated"),
                Some(char) if char == char::from(quote.char) => {
                    // What is there of the end belongs to the text, and to no other end.
                    let found = self.rest().bytes().zip(closing.bytes()).take_while(|(a, b)| a == b).count();
                    self.advance(found);
                    if found == closing.len() {
                        return Ok(Token::String);
                    }
                }
                Some('\\') => {
                    if !self.take(&escape) {
                        self.advance(1);
                        continue;
                    }
                    if self.byte() == b'(' {
                        self.quotes.push(quote);
                        return Ok(Token::Interpolation);
                    }
                    self.escape(quote)?;
                }
                Some(_) => self.step(),
            }
        }
    }

    fn escape(&mut self, quote: Quote) -> Lexed<()> {
        let start = self.at;
        let byte = self.byte();
        let (mut digits, base) = match byte {
            b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'\\' | b'/' | b'\n' | b'\r' => (0, 0),
            b if b == quote.char => (0, 0),
            b'0'..=b'7' => (3, 8),
            b'x' => (2, 16),
            b'u' => (4, 16),
            b'U' => (8, 16),
            _ if self.peek().is_none() => return self.error(start, "escape sequence not terminated"),
            _ => return self.error(start, "unknown escape sequence"),
        };
        if byte == b'\n' || byte == b'\r' {
            // Only a string of many lines may have it; the scanner of CUE calls it unknown.
            return self.error(start, "unknown escape sequence");
        }
        if base != 8 {
            self.advance(1);
        }
        let mut value: u32 = 0;
        while digits > 0 {
            let Some(char) = self.peek() else { return self.error(self.at, "escape sequence not terminated") };
            let Some(digit) = char.to_digit(base) else {
                let message = format!("illegal character U+{:04X} '{char}' in escape sequence", u32::from(char));
                return self.error(self.at, message);
            };
            value = value.saturating_mul(base).saturating_add(digit);
            self.advance(1);
            digits -= 1;
        }
        let max = if base == 8 || byte == b'x' { 255 } else { 0x0010_ffff };
        if value > max {
            return self.error(start, "escape sequence is invalid Unicode code point");
        }
        Ok(())
    }

    /// Goes on with a string after the `)` of an interpolation, which has just been read.
    pub(crate) fn resume(&mut self, close_at: usize) -> Lexed<Lexeme<'s>> {
        let Some(quote) = self.quotes.pop() else { return self.error(close_at, "invalid interpolation") };
        self.at = close_at.saturating_add(1);
        let token = self.string(close_at, quote)?;
        self.ends = token == Token::String;
        Ok(self.lexeme(token, close_at))
    }

    /// An attribute after a token that may end a declaration, or not.
    fn attribute(&mut self, ended: bool) -> Lexed<Token> {
        self.advance(1);
        // As in CUE: until the parenthesis, a new line still counts for the token before.
        self.ends = ended;
        while self.peek().is_some_and(|c| c == '_' || c == '$' || c.is_alphanumeric()) {
            self.step();
        }
        let is_comment = self.rest().trim_start_matches([' ', '\t', '\r', '\n']).starts_with("//");
        if is_comment || self.next()?.token != Token::Sign("(") {
            return self.error(self.at, "invalid attribute: expected '('");
        }
        let mut open = vec![")"];
        while let Some(close) = open.last().copied() {
            let lexeme = self.next()?;
            match lexeme.token {
                Token::Eof => return self.error(self.at, format!("attribute missing '{close}'")),
                Token::Comma if self.peek().is_none() && lexeme.text == "\n" => {
                    return self.error(self.at, format!("attribute missing '{close}'"));
                }
                Token::Interpolation => return self.error(self.at, "interpolation not allowed in attribute"),
                Token::Sign(sign) if sign == close => {
                    open.pop();
                }
                Token::Sign("(") => open.push(")"),
                Token::Sign("{") => open.push("}"),
                Token::Sign("[") => open.push("]"),
                Token::Sign(sign @ (")" | "]" | "}")) => return self.error(self.at, format!("unexpected '{sign}'")),
                _ => {}
            }
        }
        self.ends = true;
        Ok(Token::Attribute)
    }
}
