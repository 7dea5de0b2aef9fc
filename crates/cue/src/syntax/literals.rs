//! String literals and interpolations.

use super::ast::Ast;
use super::lexer::Token;
use super::parser::{Parsed, Parser};
use super::quote::Quotes;

impl Parser<'_> {
    pub(super) fn string(&self, literal: &str) -> Parsed<Ast> {
        let value = Quotes::new(literal, literal).and_then(|quotes| {
            let text = literal.get(quotes.opening..).unwrap_or_default();
            Ok((quotes.bytes, quotes.unquote(text, true)?))
        });
        match value {
            Ok((true, bytes)) => Ok(Ast::Bytes(bytes)),
            Ok((false, text)) => match String::from_utf8(text) {
                Ok(text) => Ok(Ast::String(text)),
                Err(_) => self.error("invalid string: invalid syntax"),
            },
            Err(message) if message.starts_with("invalid string") => self.error(message),
            Err(message) => self.error(format!("invalid string: {message}")),
        }
    }

    pub(super) fn interpolation(&mut self) -> Parsed<Ast> {
        let mut pieces = vec![self.lexeme.text];
        let mut parts = Vec::new();
        self.step()?;
        loop {
            self.expect("(")?;
            parts.push(self.expression()?);
            if !self.is(")") {
                return self.error("expected ')' for string interpolation");
            }
            let piece = self.lexer.resume(self.lexeme.at)?;
            pieces.push(piece.text);
            self.lexeme = piece;
            self.step()?;
            if piece.token == Token::String {
                break;
            }
        }
        let (first, last) = (pieces.first().copied().unwrap_or_default(), pieces.last().copied().unwrap_or_default());
        let unquoted = Quotes::new(first, last).and_then(|quotes| {
            let count = pieces.len();
            let texts = pieces.iter().enumerate().map(|(n, piece)| {
                let skip = if n == 0 { quotes.opening } else { 1 };
                quotes.unquote(piece.get(skip..).unwrap_or_default(), n.saturating_add(1) == count)
            });
            Ok((quotes.bytes, texts.collect::<Result<Vec<_>, _>>()?))
        });
        match unquoted {
            Ok((bytes, texts)) => Ok(Ast::Interpolation { bytes, texts, parts }),
            Err(message) => self.error(format!("invalid interpolation: {message}")),
        }
    }
}
