//! The words of a policy: OPA's scanner (`ast/internal/scanner`).

use super::CompileError;

/// A word and what stands before it.
#[derive(Clone, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind,
    pub(crate) text: &'a str,
    pub(crate) line: usize,
    /// White space or a comment stands before it.
    pub(crate) spaced: bool,
    /// A line ends before it.
    pub(crate) new_line: bool,
}

/// The kinds of words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TokenKind {
    Ident,
    Number,
    String,
    RawString,
    Sign,
    End,
}

/// All words of a policy, the end last.
pub(crate) fn tokens(source: &str) -> Result<Vec<Token<'_>>, CompileError> {
    let mut lexer = Lexer { source, at: 0, line: 1 };
    let mut tokens = Vec::new();
    loop {
        let before = (lexer.at, lexer.line);
        lexer.space();
        let (spaced, new_line, line) = (lexer.at > before.0, lexer.line > before.1, lexer.line);
        let start = lexer.at;
        let kind = lexer.token()?;
        let text = source.get(start..lexer.at).unwrap_or_default();
        tokens.push(Token { kind, text, line, spaced, new_line });
        if kind == TokenKind::End {
            return Ok(tokens);
        }
    }
}

const SIGNS: &[&str] = &[
    ":=", "==", "!=", "<=", ">=", "[", "]", "{", "}", "(", ")", ",", ":", "+", "-", "*", "/", "%", "&", "|", "=", ">",
    "<", ";", ".",
];

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    line: usize,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) {
        if self.peek() == Some(b'\n') {
            self.line = self.line.saturating_add(1);
        }
        self.at = self.at.saturating_add(1);
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.next();
        }
    }

    fn space(&mut self) {
        loop {
            self.skip(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
            if self.peek() != Some(b'#') {
                return;
            }
            self.skip(|b| b != b'\n');
        }
    }

    fn error(&self, message: &str) -> CompileError {
        CompileError::Parse { line: self.line, message: message.to_owned() }
    }

    fn token(&mut self) -> Result<TokenKind, CompileError> {
        match self.peek() {
            None => Ok(TokenKind::End),
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => {
                self.skip(|b| b.is_ascii_alphanumeric() || b == b'_');
                Ok(TokenKind::Ident)
            }
            Some(b'0'..=b'9') => self.number(),
            Some(b'"') => self.string(),
            Some(b'`') => {
                self.next();
                self.skip(|b| b != b'`');
                if self.peek().is_none() {
                    return Err(self.error("non-terminated string"));
                }
                self.next();
                Ok(TokenKind::RawString)
            }
            Some(_) => {
                let rest = self.source.get(self.at..).unwrap_or_default();
                match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                    Some(sign) => {
                        self.at = self.at.saturating_add(sign.len());
                        Ok(TokenKind::Sign)
                    }
                    None => Err(self.error("illegal token")),
                }
            }
        }
    }

    fn number(&mut self) -> Result<TokenKind, CompileError> {
        let digit = |b: u8| b.is_ascii_digit();
        self.skip(digit);
        if self.peek() == Some(b'.') {
            self.next();
            if !self.peek().is_some_and(digit) {
                return Err(self.error("expected fraction"));
            }
            self.skip(digit);
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.next();
            if let Some(b'+' | b'-') = self.peek() {
                self.next();
            }
            if !self.peek().is_some_and(digit) {
                return Err(self.error("expected exponent"));
            }
            self.skip(digit);
        }
        if self.peek().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') {
            return Err(self.error("illegal number format"));
        }
        Ok(TokenKind::Number)
    }

    fn string(&mut self) -> Result<TokenKind, CompileError> {
        self.next();
        loop {
            match self.peek() {
                None | Some(b'\n') => return Err(self.error("non-terminated string")),
                Some(b'"') => {
                    self.next();
                    return Ok(TokenKind::String);
                }
                Some(b'\\') => {
                    self.next();
                    if self.peek() != Some(b'\n') {
                        self.next();
                    }
                }
                Some(_) => self.next(),
            }
        }
    }
}
