//! JSON cut into tokens, with the errors of Go's `encoding/json`.

use super::super::args::length;
use super::super::{BuiltinError, CallContext};
use crate::limits::MAX_INPUT_DEPTH;

/// Punctuation, a string, a number or a word.
pub(super) struct Token<'a> {
    pub(super) text: &'a [u8],
}

/// What is wrong, in Go's words.
pub(super) struct Fault(pub(super) String);

/// The tokens of one value.
pub(super) fn tokens<'a>(
    context: &mut CallContext<'_>,
    text: &'a [u8],
) -> Result<Result<Vec<Token<'a>>, Fault>, BuiltinError> {
    // A token takes some 24 bytes.
    context.host.spend(length(text.len()) / 2)?;
    let mut scanner = Scanner { text, at: 0, tokens: Vec::new() };
    match scanner.document() {
        Ok(()) => Ok(Ok(scanner.tokens)),
        Err(Stop::Fault(fault)) => Ok(Err(fault)),
        Err(Stop::Depth) => Err(BuiltinError::Unsupported(format!("JSON nests deeper than {MAX_INPUT_DEPTH} levels"))),
    }
}

pub(super) fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\r' | b'\n')
}

enum Stop {
    Fault(Fault),
    Depth,
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    tokens: Vec<Token<'a>>,
}

impl<'a> Scanner<'a> {
    fn document(&mut self) -> Result<(), Stop> {
        self.value(0)?;
        self.skip_space();
        if self.at < self.text.len() { Err(self.unexpected("after top-level value")) } else { Ok(()) }
    }

    fn value(&mut self, depth: usize) -> Result<(), Stop> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), Stop> {
        deeper(depth)?;
        self.punctuation();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.punctuation();
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.punctuation();
            self.value(depth + 1)?;
            self.skip_space();
            match self.peek() {
                Some(b',') => self.punctuation(),
                Some(b'}') => {
                    self.punctuation();
                    return Ok(());
                }
                _ => return Err(self.unexpected("after object key:value pair")),
            }
            self.skip_space();
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), Stop> {
        deeper(depth)?;
        self.punctuation();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.punctuation();
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            self.skip_space();
            match self.peek() {
                Some(b',') => self.punctuation(),
                Some(b']') => {
                    self.punctuation();
                    return Ok(());
                }
                _ => return Err(self.unexpected("after array element")),
            }
        }
    }

    fn string(&mut self) -> Result<(), Stop> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    self.push(start);
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                None | Some(..=0x1f) => return Err(self.unexpected("in string literal")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), Stop> {
        match self.peek() {
            Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|c| c.is_ascii_hexdigit()) {
                        return Err(self.unexpected_within("in \\u hexadecimal character escape"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.unexpected_within("in string escape code")),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Stop> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.unexpected_within("in numeric literal")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits("in exponent of numeric literal")?;
        }
        self.push(start);
        Ok(())
    }

    fn some_digits(&mut self, place: &str) -> Result<(), Stop> {
        if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return Err(self.unexpected_within(place));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Stop> {
        let start = self.at;
        for letter in word.bytes() {
            if self.peek() != Some(letter) {
                return Err(self.unexpected_within(&format!("in literal {word} (expecting '{}')", char::from(letter))));
            }
            self.at += 1;
        }
        self.push(start);
        Ok(())
    }

    fn punctuation(&mut self) {
        let start = self.at;
        self.at += 1;
        self.push(start);
    }

    fn push(&mut self, start: usize) {
        self.tokens.push(Token { text: self.text.get(start..self.at).unwrap_or_default() });
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    fn unexpected(&self, place: &str) -> Stop {
        match self.peek() {
            Some(c) => Self::found(c, place),
            None => Stop::Fault(Fault("unexpected end of JSON input".into())),
        }
    }

    /// Within a number, a word or an escape: Go puts a space behind the text, and finds that.
    fn unexpected_within(&self, place: &str) -> Stop {
        Self::found(self.peek().unwrap_or(b' '), place)
    }

    fn found(c: u8, place: &str) -> Stop {
        let shown = match c {
            b'\'' => "\\'".to_owned(),
            b'"' => "\"".to_owned(),
            // Go takes the byte for a letter of Latin-1.
            c => super::super::quote::go_quoted(char::from(c)),
        };
        Stop::Fault(Fault(format!("invalid character '{shown}' {place}")))
    }
}

fn deeper(depth: usize) -> Result<(), Stop> {
    if depth < MAX_INPUT_DEPTH { Ok(()) } else { Err(Stop::Depth) }
}
