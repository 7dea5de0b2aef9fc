//! Go's regular expressions on the `regex` crate. Both are of RE2's family and match in linear time; the few spellings
//! that only Go knows are translated, and what cannot be translated has no verdict.

use std::rc::Rc;

use super::Eval;
use super::error::{R, Stop};

/// Bytes of a pattern, and of what it is compiled to.
const MAX_PATTERN: usize = 4 << 10;
const MAX_PROGRAM: usize = 4 << 20;

/// Compiles a pattern of Go's `regexp/syntax`.
pub(crate) fn compile(source: &str) -> Result<regex::Regex, String> {
    if source.len() > MAX_PATTERN {
        return Err(format!("a regular expression longer than {MAX_PATTERN} bytes"));
    }
    let translated = translate(source).map_err(|e| format!("regular expression {source:?}: {e}"))?;
    let compiled = regex::RegexBuilder::new(&translated).size_limit(MAX_PROGRAM).build();
    compiled.map_err(|e| format!("regular expression {source:?}: {e}"))
}

impl<'p> Eval<'p> {
    /// A pattern, compiled once. One that is invalid here may be valid for CUE: there is no verdict then.
    pub(super) fn regexp(&mut self, source: &str) -> R<'p, Rc<regex::Regex>> {
        if let Some(known) = self.regexps.get(source) {
            return Ok(Rc::clone(known));
        }
        self.spend(100)?;
        let compiled = Rc::new(compile(source).map_err(Stop::Unsupported)?);
        self.regexps.insert(source.into(), Rc::clone(&compiled));
        Ok(compiled)
    }
}

/// Go's syntax in the `regex` crate's words.
fn translate(source: &str) -> Result<String, String> {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    let mut repeatable = false;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        let repetition = matches!(c, '*' | '+' | '?') || (c == '{' && is_repetition(tail));
        if repetition && !repeatable {
            return Err(format!("nothing to repeat, or repeated twice, at {rest}"));
        }
        repeatable = !repetition && !matches!(c, '|');
        match c {
            '\\' => rest = escape(tail, &mut out)?,
            '[' => rest = class(tail, &mut out)?,
            '(' if tail.starts_with('?') => {
                // The question mark is part of the group's name, not a repetition.
                rest = group(tail.get(1..).unwrap_or_default(), &mut out)?;
                repeatable = false;
            }
            '(' => {
                out.push(c);
                rest = tail;
                repeatable = false;
            }
            '{' if !repetition => {
                // Go takes a brace that is no repetition literally.
                out.push_str("\\{");
                rest = tail;
            }
            _ if repetition => rest = repeat(c, tail, &mut out),
            _ => {
                out.push(c);
                rest = tail;
            }
        }
    }
    Ok(out)
}

/// `*`, `+`, `?` or `{n,m}` with the `?` that makes it lazy: a further one would be a repetition of a repetition, which
/// Go refuses and the regex crate does not.
fn repeat<'a>(c: char, tail: &'a str, out: &mut String) -> &'a str {
    let mut rest = tail;
    out.push(c);
    if c == '{' {
        let end = tail.find('}').map_or(tail.len(), |at| at + 1);
        out.push_str(tail.get(..end).unwrap_or_default());
        rest = tail.get(end..).unwrap_or_default();
    }
    if let Some(after) = rest.strip_prefix('?') {
        out.push('?');
        rest = after;
    }
    rest
}

/// A class up to its `]`. Inside, Go knows ranges, escapes and `[:name:]` alone; the regex crate has nested classes and
/// set operations too, and reads a `-` at the end of a range in another way. So each end is written as a number.
fn class<'a>(tail: &'a str, out: &mut String) -> Result<&'a str, String> {
    let mut rest = tail;
    out.push('[');
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    loop {
        if let Some(after) = rest.strip_prefix(']').filter(|_| !first) {
            out.push(']');
            return Ok(after);
        }
        first = false;
        if let Some((name, after)) = posix_class(rest)? {
            out.push_str(name);
            rest = after;
            continue;
        }
        if let Some(after) = class_escape(rest, out)? {
            rest = after;
            continue;
        }
        let (low, after) = class_char(rest)?;
        rest = after;
        let mut high = low;
        if let Some(after) = rest.strip_prefix('-').filter(|after| !after.starts_with(']')) {
            (high, rest) = class_char(after)?;
            if high < low {
                return Err(format!("invalid character class range: {low:?} to {high:?}"));
            }
        }
        out.push_str(&format!("\\x{{{:x}}}-\\x{{{:x}}}", u32::from(low), u32::from(high)));
    }
}

/// `\d`, `\pL` and their like inside a class: sets, which cannot end a range.
fn class_escape<'a>(rest: &'a str, out: &mut String) -> Result<Option<&'a str>, String> {
    let Some(tail) = rest.strip_prefix('\\') else { return Ok(None) };
    match tail.chars().next() {
        Some('d' | 'D' | 's' | 'S' | 'w' | 'W' | 'p' | 'P') => escape(tail, out).map(Some),
        _ => Ok(None),
    }
}

/// One character of a class, which may be written as an escape.
fn class_char(rest: &str) -> Result<(char, &str), String> {
    let Some(c) = rest.chars().next() else { return Err("missing closing ]".into()) };
    let tail = rest.get(c.len_utf8()..).unwrap_or_default();
    if c == '\\' { escaped_char(tail) } else { Ok((c, tail)) }
}

/// What follows a backslash, where it stands for one character.
fn escaped_char(tail: &str) -> Result<(char, &str), String> {
    let Some(c) = tail.chars().next() else { return Err("trailing backslash".into()) };
    let after = tail.get(c.len_utf8()..).unwrap_or_default();
    let invalid = || format!("invalid escape sequence \\{c}");
    let from_digits =
        |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).ok_or_else(invalid);
    match c {
        // Octal: \0 and \123. The regex crate would read a back-reference.
        '0'..='7' => {
            let digits: String = tail.chars().take(3).take_while(|d| ('0'..='7').contains(d)).collect();
            if c != '0' && digits.len() < 2 {
                return Err(invalid());
            }
            Ok((from_digits(&digits, 8)?, tail.get(digits.len()..).unwrap_or_default()))
        }
        'x' => {
            let (digits, rest) = match after.strip_prefix('{') {
                Some(braced) => braced.split_once('}').ok_or_else(invalid)?,
                None => after.split_at_checked(2).ok_or_else(invalid)?,
            };
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(invalid());
            }
            Ok((from_digits(digits, 16)?, rest))
        }
        'a' => Ok(('\x07', after)),
        'f' => Ok(('\x0c', after)),
        'n' => Ok(('\n', after)),
        'r' => Ok(('\r', after)),
        't' => Ok(('\t', after)),
        'v' => Ok(('\x0b', after)),
        // Go: punctuation stands for itself, letters and everything beyond ASCII must not be escaped.
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok((c, after)),
        _ => Err(invalid()),
    }
}

/// `[:name:]`. The regex crate would take an unknown name for a class in a class.
fn posix_class(rest: &str) -> Result<Option<(&str, &str)>, String> {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
        "word", "xdigit",
    ];
    let Some((inner, after)) = rest.strip_prefix("[:").and_then(|inner| inner.split_once(":]")) else {
        return Ok(None);
    };
    if !NAMES.contains(&inner.strip_prefix('^').unwrap_or(inner)) {
        return Err(format!("invalid character class range: [:{inner}:]"));
    }
    let name = rest.get(..inner.len() + 4).unwrap_or_default();
    Ok(Some((name, after)))
}

/// What follows a backslash outside a class, or a set inside one.
fn escape<'a>(tail: &'a str, out: &mut String) -> Result<&'a str, String> {
    let Some(c) = tail.chars().next() else { return Err("trailing backslash".into()) };
    let after = tail.get(c.len_utf8()..).unwrap_or_default();
    match c {
        'Q' => {
            let (literal, rest) = match after.find("\\E") {
                Some(end) => (after.get(..end).unwrap_or_default(), after.get(end + 2..).unwrap_or_default()),
                None => (after, ""),
            };
            out.push_str(&regex::escape(literal));
            Ok(rest)
        }
        'C' => Err("\\C (one byte) is not supported".into()),
        // Go's classes are ASCII, those of the regex crate are Unicode.
        'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
            out.push_str(ascii_class(c));
            Ok(after)
        }
        'b' => {
            out.push_str("(?-u:\\b)");
            Ok(after)
        }
        'B' => Err("\\B is not supported".into()),
        'z' | 'A' => {
            out.push('\\');
            out.push(c);
            Ok(after)
        }
        // A Unicode class, of one letter or in braces.
        'p' | 'P' => {
            let length = match after.chars().next() {
                Some('{') => after.find('}').map(|at| at + 1),
                Some(letter) => Some(letter.len_utf8()),
                None => None,
            };
            let (name, rest) = length
                .and_then(|length| after.split_at_checked(length))
                .ok_or_else(|| format!("invalid character class range: \\{c}"))?;
            out.push('\\');
            out.push(c);
            out.push_str(name);
            Ok(rest)
        }
        _ => {
            let (literal, rest) = escaped_char(tail)?;
            out.push_str(&format!("\\x{{{:x}}}", u32::from(literal)));
            Ok(rest)
        }
    }
}

fn ascii_class(c: char) -> &'static str {
    match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => "[\\t\\n\\f\\r ]",
        'S' => "[^\\t\\n\\f\\r ]",
        'w' => "[0-9A-Za-z_]",
        _ => "[^0-9A-Za-z_]",
    }
}

/// What follows `(?`: `P<n>`, `<n>`, `:`, or flags such as `ims-U:`. Look-around and `x`, `u`, `R` are not Go's. Go takes
/// a flag several times, and the last one counts; the regex crate does not, so each flag is written once.
fn group<'a>(inner: &'a str, out: &mut String) -> Result<&'a str, String> {
    out.push_str("(?");
    if inner.starts_with("P<") || (inner.starts_with('<') && !inner.starts_with("<=") && !inner.starts_with("<!")) {
        return Ok(inner);
    }
    let end = inner.find([':', ')']).unwrap_or(inner.len());
    let (flags, rest) = inner.split_at_checked(end).unwrap_or_default();
    let unsupported = || format!("invalid or unsupported Perl syntax: (?{flags}");
    let (on, off) = flags.split_once('-').map_or((flags, None), |(on, off)| (on, Some(off)));
    let known = |flags: &str| flags.chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'U'));
    if !known(on) || off.is_some_and(|off| off.is_empty() || !known(off)) {
        return Err(unsupported());
    }
    let off = off.unwrap_or_default();
    let once = |set: &str, flag: &char| set.contains(*flag);
    let kept: String = ['i', 'm', 's', 'U'].iter().filter(|f| once(on, f) && !once(off, f)).collect();
    let cleared: String = ['i', 'm', 's', 'U'].iter().filter(|f| once(off, f)).collect();
    out.push_str(&kept);
    if !cleared.is_empty() {
        out.push('-');
        out.push_str(&cleared);
    } else if kept.is_empty() && rest.starts_with(')') {
        // `(?)` sets nothing.
        out.push(':');
    }
    Ok(rest)
}

fn is_repetition(tail: &str) -> bool {
    let Some((inside, _)) = tail.split_once('}') else { return false };
    let (low, high) = inside.split_once(',').unwrap_or((inside, ""));
    !low.is_empty() && low.len() <= 4 && [low, high].iter().all(|n| n.bytes().all(|b| b.is_ascii_digit()))
}
