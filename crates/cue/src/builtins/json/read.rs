//! Tokens to values. CUE reads JSON with its own parser, so that what that parser refuses is refused here too.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::args::failure;
use super::super::{BuiltinError, CallContext, Value};
use super::scan::Token;
use crate::number::{Number, NumberFault};

type Result<T> = std::result::Result<T, BuiltinError>;

/// The value of a whole text.
pub(super) fn value(context: &mut CallContext<'_>, tokens: &[Token<'_>]) -> Result<Value> {
    let mut reader = Reader { context, tokens };
    reader.value()
}

struct Reader<'t, 'a, 'c, 'h> {
    context: &'c mut CallContext<'h>,
    tokens: &'t [Token<'a>],
}

impl<'a> Reader<'_, 'a, '_, '_> {
    fn next(&mut self) -> Result<&Token<'a>> {
        let (first, rest) = self.tokens.split_first().ok_or_else(|| failure("json: invalid JSON"))?;
        self.tokens = rest;
        Ok(first)
    }

    fn peek(&self) -> &'a [u8] {
        self.tokens.first().map_or(b"", |token| token.text)
    }

    /// As deep as the scanner let it be.
    fn value(&mut self) -> Result<Value> {
        self.context.host.spend(1)?;
        let text = self.next()?.text;
        match text.first() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => Ok(Value::String(string(text)?.into())),
            Some(b't') => Ok(Value::Bool(true)),
            Some(b'f') => Ok(Value::Bool(false)),
            Some(b'n') => Ok(Value::Null),
            _ => number(text),
        }
    }

    fn array(&mut self) -> Result<Value> {
        let mut items = Vec::new();
        while self.peek() != b"]" {
            items.push(self.value()?);
            self.separator()?;
        }
        self.next()?;
        Ok(Value::list(items))
    }

    fn object(&mut self) -> Result<Value> {
        let mut fields: Vec<(Arc<str>, Value)> = Vec::new();
        let mut names = HashSet::new();
        while self.peek() != b"}" {
            let name: Arc<str> = string(self.next()?.text)?.into();
            // The colon.
            self.next()?;
            if !names.insert(Arc::clone(&name)) {
                return Err(BuiltinError::Unsupported(format!("JSON has the name {name:?} twice in one object")));
            }
            fields.push((name, self.value()?));
            self.separator()?;
        }
        self.next()?;
        Ok(Value::Struct { fields, closed: false, spare: None })
    }

    fn separator(&mut self) -> Result<()> {
        if self.peek() == b"," {
            self.next()?;
        }
        Ok(())
    }
}

fn unparsable(why: &str) -> BuiltinError {
    failure(format!("json: could not parse JSON: {why}"))
}

fn number(text: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(text).map_err(|_| unparsable("illegal UTF-8 encoding"))?;
    // A sign is an operator in CUE, which takes it from zero.
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let number = Number::parse_decimal(digits).map_err(|fault| match fault {
        NumberFault::TooLarge => BuiltinError::Unsupported(format!(
            "JSON has the number {}…, which is too large",
            digits.get(..20).unwrap_or(digits)
        )),
        other => unparsable(&other.to_string()),
    })?;
    Ok(Value::Number(if negative { number.negate() } else { number }))
}

/// The text of a string token, which the scanner has checked.
fn string(token: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(token).map_err(|_| unparsable("illegal UTF-8 encoding"))?;
    let mut rest = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
    let mut out = String::with_capacity(rest.len());
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = escape.chars();
        match chars.next() {
            Some('b') => out.push('\x08'),
            Some('f') => out.push('\x0c'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let (c, after) = unit(escape)?;
                rest = after;
                out.push(match char::from_u32(c) {
                    Some(c) => c,
                    None => {
                        let (low, after) = rest.strip_prefix('\\').map_or_else(|| Err(surrogate()), unit)?;
                        rest = after;
                        pair(c, low).ok_or_else(surrogate)?
                    }
                });
                continue;
            }
            Some(c) => out.push(c),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    // The parser of CUE does not take this mark.
    if out.contains('\u{feff}') && text.contains('\u{feff}') {
        return Err(unparsable("illegal byte order mark"));
    }
    Ok(out)
}

fn surrogate() -> BuiltinError {
    BuiltinError::Eval("invalid string: unmatched surrogate pair".into())
}

/// `uXXXX`
fn unit(text: &str) -> Result<(u32, &str)> {
    let (digits, rest) = text.strip_prefix('u').and_then(|text| text.split_at_checked(4)).ok_or_else(surrogate)?;
    Ok((u32::from_str_radix(digits, 16).map_err(|_| surrogate())?, rest))
}

fn pair(high: u32, low: u32) -> Option<char> {
    let (high, low) = (high.checked_sub(0xd800)?, low.checked_sub(0xdc00)?);
    if high >= 0x400 || low >= 0x400 {
        return None;
    }
    char::from_u32(0x1_0000 + (high << 10) + low)
}
