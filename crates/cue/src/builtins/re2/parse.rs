//! The syntax of Go's `regexp/syntax` (1.26), with its errors.

use super::Fault;
use super::class;

/// A pattern in the words of the regex crate.
pub(super) struct Translated {
    pub(super) pattern: String,
    /// About how many states it takes.
    pub(super) size: u64,
}

/// `error parsing regexp: CODE: `EXPRESSION``
pub(super) fn invalid(code: &str, expression: &str) -> Fault {
    Fault::Invalid(format!("error parsing regexp: {code}: `{expression}`"))
}

pub(super) fn unsupported(what: &str) -> Fault {
    Fault::Unsupported(format!("{what} in a regular expression is not supported"))
}

/// What precedes a repetition: its states, and how often they are repeated within.
#[derive(Clone, Copy, Default)]
struct Piece {
    size: u64,
    repeats: u64,
    captures: bool,
}

/// An open group, the whole pattern being the outermost.
#[derive(Default)]
struct Group {
    size: u64,
    repeats: u64,
    /// Whether a group in it, or itself, captures.
    captures: bool,
    last: Option<Piece>,
}

struct Parser<'p> {
    source: &'p str,
    rest: &'p str,
    out: String,
    groups: Vec<Group>,
    /// Where the repetition began that ends here.
    repeated: Option<&'p str>,
}

/// Reads a pattern and writes it anew.
pub(super) fn translate(source: &str) -> Result<Translated, Fault> {
    let mut parser =
        Parser { source, rest: source, out: String::new(), groups: vec![Group::default()], repeated: None };
    while let Some(c) = parser.rest.chars().next() {
        parser.step(c)?;
    }
    match parser.groups.as_slice() {
        [whole] => Ok(Translated { pattern: parser.out, size: whole.size.max(1) }),
        _ => Err(invalid("missing closing )", source)),
    }
}

impl<'p> Parser<'p> {
    fn step(&mut self, c: char) -> Result<(), Fault> {
        let before = self.rest;
        let repeated = self.repeated.take();
        match c {
            '(' => self.open(),
            ')' => self.close(),
            '|' => {
                self.advance(1);
                self.out.push('|');
                if let Some(group) = self.groups.last_mut() {
                    group.last = None;
                }
                Ok(())
            }
            '^' | '$' | '.' => {
                self.advance(1);
                self.out.push(c);
                self.piece(1);
                Ok(())
            }
            '[' => {
                let (class, after) = class::bracketed(self.rest)?;
                self.rest = after;
                self.out.push_str(&class);
                self.piece(8);
                Ok(())
            }
            '*' | '+' | '?' => {
                self.advance(1);
                self.repeat(before, repeated, &c.to_string(), None)
            }
            '{' => match counts(self.rest) {
                Some((low, high, after)) => {
                    self.rest = after;
                    self.counted(before, repeated, low, high)
                }
                None => self.literal(c, 1),
            },
            '\\' => self.escape(),
            c => self.literal(c, c.len_utf8()),
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn literal(&mut self, c: char, bytes: usize) -> Result<(), Fault> {
        self.advance(bytes);
        self.push_literal(c);
        Ok(())
    }

    fn push_literal(&mut self, c: char) {
        self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
        self.piece(1);
    }

    fn piece(&mut self, size: u64) {
        if let Some(group) = self.groups.last_mut() {
            group.size = group.size.saturating_add(size);
            group.last = Some(Piece { size, repeats: 1, captures: false });
            group.repeats = group.repeats.max(1);
        }
    }

    fn open(&mut self) -> Result<(), Fault> {
        let Some(inner) = self.rest.strip_prefix("(?") else {
            self.advance(1);
            self.out.push('(');
            self.groups.push(Group { captures: true, ..Group::default() });
            return Ok(());
        };
        // A name needs at least one character behind it.
        let named = inner
            .strip_prefix("P<")
            .filter(|_| self.rest.len() > 4)
            .or_else(|| inner.strip_prefix('<').filter(|_| self.rest.len() > 3));
        match named {
            Some(name) => self.named(name),
            None => self.flags(inner),
        }
    }

    fn named(&mut self, inner: &'p str) -> Result<(), Fault> {
        let Some((name, after)) = inner.split_once('>') else {
            return Err(invalid("invalid named capture", self.rest));
        };
        let whole = self.rest.get(..self.rest.len().saturating_sub(after.len())).unwrap_or_default();
        if name.is_empty() || !name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
            return Err(invalid("invalid named capture", whole));
        }
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(unsupported("a name that begins with a digit"));
        }
        self.out.push_str(&format!("(?P<{name}>"));
        self.rest = after;
        self.groups.push(Group { captures: true, ..Group::default() });
        Ok(())
    }

    /// `(?i-s)` and `(?i-s:`. A flag may be given several times, and counts as it was set last.
    fn flags(&mut self, inner: &'p str) -> Result<(), Fault> {
        let (mut on, mut off) = (String::new(), String::new());
        let (mut negative, mut seen) = (false, false);
        for (at, c) in inner.char_indices() {
            let after = inner.get(at + c.len_utf8()..).unwrap_or_default();
            match c {
                'i' | 'm' | 's' | 'U' => {
                    seen = true;
                    let (set, other) = if negative { (&mut off, &mut on) } else { (&mut on, &mut off) };
                    other.retain(|flag| flag != c);
                    if !set.contains(c) {
                        set.push(c);
                    }
                    continue;
                }
                '-' if !negative => {
                    (negative, seen) = (true, false);
                    continue;
                }
                ':' | ')' if !negative || seen => {
                    self.rest = after;
                    self.write_flags(&on, &off, c);
                    return Ok(());
                }
                _ => {}
            }
            return Err(self.perl(after));
        }
        Err(self.perl(""))
    }

    fn write_flags(&mut self, on: &str, off: &str, end: char) {
        let off = if off.is_empty() { String::new() } else { format!("-{off}") };
        if end == ':' {
            self.groups.push(Group::default());
        } else if on.is_empty() && off.is_empty() {
            // `(?)` sets nothing.
            return;
        }
        self.out.push_str(&format!("(?{on}{off}{end}"));
    }

    fn perl(&self, after: &str) -> Fault {
        let seen = self.rest.get(..self.rest.len().saturating_sub(after.len())).unwrap_or_default();
        invalid("invalid or unsupported Perl syntax", seen)
    }

    fn close(&mut self) -> Result<(), Fault> {
        let closed = self.groups.pop().unwrap_or_default();
        let Some(outer) = self.groups.last_mut() else { return Err(invalid("unexpected )", self.source)) };
        let size = closed.size.saturating_add(2);
        outer.size = outer.size.saturating_add(size);
        outer.repeats = outer.repeats.max(closed.repeats);
        outer.captures |= closed.captures;
        outer.last = Some(Piece { size, repeats: closed.repeats.max(1), captures: closed.captures });
        self.advance(1);
        self.out.push(')');
        Ok(())
    }

    fn counted(
        &mut self,
        before: &'p str,
        repeated: Option<&'p str>,
        low: Option<u32>,
        high: Option<Option<u32>>,
    ) -> Result<(), Fault> {
        let text = before.get(..before.len().saturating_sub(self.rest.len())).unwrap_or_default();
        let valid = low.is_some_and(|low| low <= 1_000)
            && match high {
                None => true,
                Some(high) => high.is_some_and(|high| high <= 1_000 && low.is_some_and(|low| low <= high)),
            };
        if !valid {
            return Err(invalid("invalid repeat count", text));
        }
        let times = high.flatten().or(low).unwrap_or_default();
        self.repeat(before, repeated, text, Some(u64::from(times)))
    }

    fn repeat(
        &mut self,
        before: &'p str,
        repeated: Option<&'p str>,
        operator: &str,
        times: Option<u64>,
    ) -> Result<(), Fault> {
        let lazy = self.rest.starts_with('?');
        if lazy {
            self.advance(1);
        }
        let until_here = |from: &'p str| from.get(..from.len().saturating_sub(self.rest.len())).unwrap_or_default();
        if let Some(first) = repeated {
            return Err(invalid("invalid nested repetition operator", until_here(first)));
        }
        let text = until_here(before);
        let missing = || invalid("missing argument to repetition operator", text);
        let group = self.groups.last_mut().ok_or_else(missing)?;
        let piece = group.last.ok_or_else(missing)?;
        let factor = times.unwrap_or(1);
        let repeats = piece.repeats.saturating_mul(factor);
        if factor >= 2 && repeats > 1_000 {
            return Err(invalid("invalid repeat count", text));
        }
        if factor == 0 && piece.captures {
            // The crate forgets such a group, Go counts it.
            return Err(unsupported("a group that is repeated no times"));
        }
        let size = piece.size.saturating_mul(factor.max(1)).saturating_add(1);
        group.size = group.size.saturating_add(size).saturating_sub(piece.size);
        group.repeats = group.repeats.max(repeats);
        group.last = Some(Piece { size, repeats, captures: piece.captures });
        self.out.push_str(operator);
        if lazy {
            self.out.push('?');
        }
        self.repeated = Some(before);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Fault> {
        let tail = self.rest.get(1..).unwrap_or_default();
        match tail.chars().next() {
            Some(c @ ('A' | 'z')) => {
                self.advance(2);
                self.out.push('\\');
                self.out.push(c);
                self.piece(1);
                Ok(())
            }
            Some('b') => {
                self.advance(2);
                self.out.push_str("(?-u:\\b)");
                self.piece(1);
                Ok(())
            }
            Some('B') => Err(unsupported("\\B")),
            Some('C') => Err(invalid("invalid escape sequence", "\\C")),
            Some('Q') => {
                self.advance(2);
                let (literal, after) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                for c in literal.chars() {
                    self.push_literal(c);
                }
                self.rest = after;
                Ok(())
            }
            _ => {
                if let Some((set, after)) = class::set(self.rest)? {
                    self.rest = after;
                    self.out.push_str(&set);
                    self.piece(8);
                    return Ok(());
                }
                let (c, after) = class::escaped(self.rest)?;
                self.rest = after;
                self.push_literal(c);
                Ok(())
            }
        }
    }
}

/// `{2}`, `{2,}`, `{2,3}`: the lower count, the upper one if there is, and what follows. A number that is too large is
/// nothing. Other braces are literals.
#[allow(clippy::type_complexity, reason = "read at one place")]
fn counts(text: &str) -> Option<(Option<u32>, Option<Option<u32>>, &str)> {
    let (low, rest) = count(text.strip_prefix('{')?)?;
    if let Some(after) = rest.strip_prefix('}') {
        return Some((low, None, after));
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(after) = rest.strip_prefix('}') {
        return Some((low, None, after));
    }
    let (high, rest) = count(rest)?;
    Some((low, Some(high), rest.strip_prefix('}')?))
}

fn count(text: &str) -> Option<(Option<u32>, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(length)?;
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().ok(), rest))
}
