//! Documents: JSON as RFC 8259 has it, without duplicate names. They never see the parser of CUE.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use crate::expr::{ArcType, Decl, Element, Excerpt, Expr, ListLit, StructLit};
use crate::label::{Interner, Label};
use crate::limits::{MAX_INPUT_BYTES, MAX_INPUT_DEPTH, MAX_INPUT_VALUES};
use crate::number::{Number, NumberFault};

/// What is wrong with a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InputFault {
    #[error("it has {found} bytes, and at most {MAX_INPUT_BYTES} are read")]
    TooLong { found: usize },
    #[error("byte {at}: values nest deeper than {MAX_INPUT_DEPTH} levels")]
    TooDeep { at: usize },
    #[error("byte {at}: there are more than {MAX_INPUT_VALUES} values and names")]
    TooMany { at: usize },
    #[error("byte {at}: a number is out of range")]
    Number { at: usize },
    /// Which one counts would be a matter of the reader.
    #[error("byte {at}: two members of one name")]
    Duplicate { at: usize },
    #[error("byte {at}: {expected} expected")]
    Syntax { at: usize, expected: &'static str },
}

impl InputFault {
    /// Whether a limit was hit, while the document may be valid.
    pub(crate) fn is_limit(self) -> bool {
        matches!(self, Self::TooLong { .. } | Self::TooDeep { .. } | Self::TooMany { .. } | Self::Number { .. })
    }
}

/// Reads a document as an expression.
pub(crate) fn parse(text: &str, names: &mut Interner<'_>) -> Result<Expr, InputFault> {
    if text.len() > MAX_INPUT_BYTES {
        return Err(InputFault::TooLong { found: text.len() });
    }
    let mut reader = Reader { text, document: text.into(), at: 0, names, shapes: Vec::new(), values: 0 };
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() { Err(reader.expected("the end")) } else { Ok(value) }
}

/// Members from which on a set finds duplicates.
const MANY: usize = 16;

struct Reader<'a, 'n, 'p> {
    text: &'a str,
    /// The same, for texts to refer to.
    document: Arc<str>,
    at: usize,
    names: &'n mut Interner<'p>,
    /// For each depth, the names in the last object there: the next one mostly has the same.
    shapes: Vec<Vec<Label>>,
    /// How many there are so far.
    values: usize,
}

/// What a new name counts as, in values.
const NEW_NAME: usize = 3;

impl<'a> Reader<'a, '_, '_> {
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

    fn value(&mut self, depth: usize) -> Result<Expr, InputFault> {
        self.space();
        self.values = self.values.saturating_add(1);
        match self.peek() {
            _ if self.values.saturating_add(self.names.added().saturating_mul(NEW_NAME)) > MAX_INPUT_VALUES => {
                Err(InputFault::TooMany { at: self.at })
            }
            Some(b'{' | b'[') if depth >= MAX_INPUT_DEPTH => Err(InputFault::TooDeep { at: self.at }),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.text_value(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let words = [("null", Expr::Null), ("true", Expr::Bool(true)), ("false", Expr::Bool(false))];
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

    fn array(&mut self, depth: usize) -> Result<Expr, InputFault> {
        self.advance(1);
        let mut elements = Vec::new();
        if !self.take(b']') {
            loop {
                elements.push(Element::Value(self.value(depth.saturating_add(1))?));
                if self.take(b']') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.expected("',' or ']'"));
                }
            }
        }
        Ok(Expr::List(ListLit { elements, ellipsis: None }))
    }

    fn object(&mut self, depth: usize) -> Result<Expr, InputFault> {
        self.advance(1);
        if self.take(b'}') {
            return Ok(object(Vec::new()));
        }
        if self.shapes.len() <= depth {
            self.shapes.resize_with(depth.saturating_add(1), Vec::new);
        }
        let mut members =
            Members { shape: self.shapes.get_mut(depth).map(std::mem::take).unwrap_or_default(), ..Members::default() };
        members.decls.reserve(members.shape.len().min(MANY));
        loop {
            self.space();
            let at = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.expected("a member's name"));
            }
            let label = match self.expected_name(&members) {
                Some(label) => label,
                None => {
                    let name = self.string()?;
                    members.label(&name, self.names).ok_or(InputFault::Duplicate { at })?
                }
            };
            if !self.take(b':') {
                return Err(self.expected("':'"));
            }
            let value = self.value(depth.saturating_add(1))?;
            members.decls.push(Decl::Field { label, arc: ArcType::Member, value });
            if self.take(b'}') {
                if let Some(shape) = self.shapes.get_mut(depth) {
                    *shape = members.finished_shape(self.names);
                }
                return Ok(object(members.decls));
            }
            if !self.take(b',') {
                return Err(self.expected("',' or '}'"));
            }
        }
    }

    /// Steps over the name that the last object had here, if this one has it too.
    fn expected_name(&mut self, members: &Members) -> Option<Label> {
        let label = members.expected()?;
        let name = self.names.name(label)?;
        let rest = self.text.as_bytes().get(self.at.saturating_add(1)..)?.strip_prefix(name.as_bytes())?;
        if rest.first() != Some(&b'"') {
            return None;
        }
        self.advance(name.len().saturating_add(2));
        Some(label)
    }

    fn number(&mut self) -> Result<Expr, InputFault> {
        let start = self.at;
        while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek() {
            self.advance(1);
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let syntax = InputFault::Syntax { at: start, expected: "a number" };
        let digits = text.strip_prefix('-').unwrap_or(text);
        let whole = digits.split(['.', 'e', 'E']).next().unwrap_or_default();
        let fraction = digits.split_once('.').map(|(_, rest)| rest);
        let bad = whole.is_empty()
            || (whole.len() > 1 && whole.starts_with('0'))
            || fraction.is_some_and(|f| !f.starts_with(|c: char| c.is_ascii_digit()));
        if bad || !whole.bytes().all(|b| b.is_ascii_digit()) {
            return Err(syntax);
        }
        match Number::parse_decimal(text) {
            Ok(number) => Ok(Expr::Number(number)),
            Err(NumberFault::Syntax) => Err(syntax),
            Err(_) => Err(InputFault::Number { at: start }),
        }
    }

    fn text_value(&mut self) -> Result<Expr, InputFault> {
        let start = self.at.saturating_add(1);
        Ok(match self.string()? {
            Cow::Borrowed(text) => match Excerpt::new(&self.document, start..start.saturating_add(text.len())) {
                Some(excerpt) => Expr::Excerpt(excerpt),
                None => Expr::String(text.into()),
            },
            Cow::Owned(text) => Expr::String(text.into()),
        })
    }

    /// Steps over what stands for itself in a text.
    fn plain(&mut self) -> &'a str {
        let text = self.text;
        let start = self.at;
        self.advance(plain_length(text.as_bytes().get(start..).unwrap_or_default()));
        text.get(start..self.at).unwrap_or_default()
    }

    /// A text; one without escapes is where it stands.
    fn string(&mut self) -> Result<Cow<'a, str>, InputFault> {
        self.advance(1);
        let plain = self.plain();
        if self.peek() == Some(b'"') {
            self.advance(1);
            return Ok(Cow::Borrowed(plain));
        }
        let mut out = plain.to_owned();
        loop {
            out.push_str(self.plain());
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(Cow::Owned(out));
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
            Some(b'u') => self.unicode()?,
            _ => return Err(self.expected("an escape sequence")),
        })
    }

    /// A lone surrogate is no character: CUE refuses it.
    fn unicode(&mut self) -> Result<char, InputFault> {
        let first = self.hex()?;
        let mut code = first;
        if (0xd800..0xdc00).contains(&first) {
            if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with("\\u")) {
                return Err(self.expected("the second half of a surrogate pair"));
            }
            self.advance(2);
            let second = self.hex()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.expected("the second half of a surrogate pair"));
            }
            code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        }
        char::from_u32(code).ok_or_else(|| self.expected("a Unicode character"))
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

/// Bytes up to a quote, a backslash or a control character, eight at a time: in a word minus a small number in each byte,
/// the lowest high bit that is set, and was not before, is that of the first byte that is smaller.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let mut length = 0_usize;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        let found = (below(word, 0x20) | equal(b'"') | equal(b'\\')) & HIGH;
        if found != 0 {
            return length.saturating_add(usize::try_from(found.trailing_zeros() / 8).unwrap_or(0));
        }
        length = length.saturating_add(8);
    }
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    length.saturating_add(rest.iter().position(special).unwrap_or(rest.len()))
}

fn object(decls: Vec<Decl>) -> Expr {
    Expr::Struct(StructLit { decls, is_file: false, has_embedding: false })
}

/// An object that is read.
#[derive(Default)]
struct Members {
    decls: Vec<Decl>,
    /// The names of an object that has been read: no two are the same, and none is written with escapes.
    shape: Vec<Label>,
    /// The names are no longer those of the shape.
    deviates: bool,
    /// All names, where there are many.
    seen: HashSet<Label>,
}

impl Members {
    /// The next name if it is that of the last object.
    fn expected(&self) -> Option<Label> {
        if self.deviates { None } else { self.shape.get(self.decls.len()).copied() }
    }

    /// The label of the next member; nothing if there is one of the name already.
    fn label(&mut self, name: &str, names: &mut Interner<'_>) -> Option<Label> {
        match self.expected() {
            Some(label) if names.name(label) == Some(name) => return Some(label),
            _ => self.deviates = true,
        }
        let label = names.regular(name);
        let known = if self.decls.len() < MANY {
            self.decls.iter().any(|d| label_of(d) == Some(label))
        } else {
            if self.seen.is_empty() {
                self.seen.extend(self.decls.iter().filter_map(label_of));
            }
            !self.seen.insert(label)
        };
        if known { None } else { Some(label) }
    }

    fn finished_shape(&mut self, names: &Interner<'_>) -> Vec<Label> {
        let mut shape = std::mem::take(&mut self.shape);
        if self.deviates {
            shape.clear();
            let plain = |label: &Label| names.name(*label).is_some_and(|n| plain_length(n.as_bytes()) == n.len());
            shape.extend(self.decls.iter().filter_map(label_of).take_while(plain));
        }
        shape.truncate(self.decls.len());
        shape
    }
}

fn label_of(decl: &Decl) -> Option<Label> {
    match decl {
        Decl::Field { label, .. } => Some(*label),
        _ => None,
    }
}
