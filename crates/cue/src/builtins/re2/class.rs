//! Classes and escapes.

use super::Fault;
use super::parse::{invalid, unsupported};

type Read<'p, T> = Result<(T, &'p str), Fault>;

/// A class in brackets. Inside, Go knows ranges, escapes and `[:name:]` alone; the regex crate has nested classes and set
/// operations too, and reads a `-` at the end of a range in another way. So each end is written as a number.
pub(super) fn bracketed(text: &str) -> Read<'_, String> {
    let mut rest = text.strip_prefix('[').unwrap_or_default();
    let mut out = String::from("[");
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    loop {
        if let Some(after) = rest.strip_prefix(']').filter(|_| !first) {
            out.push(']');
            return Ok((out, after));
        }
        first = false;
        if let Some((name, after)) = posix(rest)? {
            out.push_str(name);
            rest = after;
            continue;
        }
        if let Some((class, after)) = set(rest)? {
            out.push_str(&class);
            rest = after;
            continue;
        }
        let range = rest;
        let (low, after) = character(rest, text)?;
        rest = after;
        let mut high = low;
        // `[a-]` is a letter and a dash.
        if let Some(after) = rest.strip_prefix('-').filter(|after| !after.is_empty() && !after.starts_with(']')) {
            (high, rest) = character(after, text)?;
            if high < low {
                let shown = range.get(..range.len().saturating_sub(rest.len())).unwrap_or_default();
                return Err(invalid("invalid character class range", shown));
            }
        }
        out.push_str(&format!("\\x{{{:x}}}-\\x{{{:x}}}", u32::from(low), u32::from(high)));
    }
}

fn character<'p>(text: &'p str, class: &str) -> Read<'p, char> {
    match text.chars().next() {
        None => Err(invalid("missing closing ]", class)),
        Some('\\') => escaped(text),
        Some(c) => Ok((c, text.get(c.len_utf8()..).unwrap_or_default())),
    }
}

/// `[:name:]`
fn posix(text: &str) -> Result<Option<(&str, &str)>, Fault> {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
        "word", "xdigit",
    ];
    let Some((inner, after)) = text.strip_prefix("[:").and_then(|inner| inner.split_once(":]")) else {
        return Ok(None);
    };
    let whole = text.get(..text.len().saturating_sub(after.len())).unwrap_or_default();
    if !NAMES.contains(&inner.strip_prefix('^').unwrap_or(inner)) {
        return Err(invalid("invalid character class range", whole));
    }
    Ok(Some((whole, after)))
}

/// `\d`, `\pL` and their like: sets, inside a class and outside.
pub(super) fn set(text: &str) -> Result<Option<(String, &str)>, Fault> {
    let Some(tail) = text.strip_prefix('\\') else { return Ok(None) };
    let Some(c) = tail.chars().next() else { return Ok(None) };
    let after = tail.get(c.len_utf8()..).unwrap_or_default();
    // Go's classes are ASCII, those of the regex crate are Unicode.
    let class = match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => "[\\t\\n\\f\\r ]",
        'S' => "[^\\t\\n\\f\\r ]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        'p' | 'P' => return unicode(text, after, c == 'P').map(Some),
        _ => return Ok(None),
    };
    Ok(Some((class.to_owned(), after)))
}

/// `\pL`, `\p{Greek}`, `\p{^L}`. Only what Go and the regex crate surely call by the same name.
fn unicode<'p>(text: &'p str, tail: &'p str, negative: bool) -> Read<'p, String> {
    const NAMES: &[&str] = &[
        "L",
        "Lu",
        "Ll",
        "Lt",
        "Lm",
        "Lo",
        "M",
        "Mn",
        "Mc",
        "Me",
        "N",
        "Nd",
        "Nl",
        "No",
        "P",
        "Pc",
        "Pd",
        "Ps",
        "Pe",
        "Pi",
        "Pf",
        "Po",
        "S",
        "Sm",
        "Sc",
        "Sk",
        "So",
        "Z",
        "Zs",
        "Zl",
        "Zp",
        "Cc",
        "Cf",
        "Arabic",
        "Armenian",
        "Cyrillic",
        "Devanagari",
        "Georgian",
        "Greek",
        "Han",
        "Hangul",
        "Hebrew",
        "Hiragana",
        "Katakana",
        "Latin",
        "Thai",
    ];
    let (name, after) = match tail.chars().next() {
        None => return Err(invalid("invalid character class range", text)),
        Some('{') => match tail.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some(cut) => cut,
            None => return Err(invalid("invalid character class range", text)),
        },
        Some(letter) => tail.split_at_checked(letter.len_utf8()).unwrap_or((tail, "")),
    };
    let (name, negative) = name.strip_prefix('^').map_or((name, negative), |name| (name, !negative));
    if !NAMES.contains(&name) {
        return Err(unsupported(&format!("the Unicode class {name}")));
    }
    Ok((format!("\\{}{{{name}}}", if negative { 'P' } else { 'p' }), after))
}

/// A backslash and what stands for one character.
pub(super) fn escaped(text: &str) -> Read<'_, char> {
    let tail = text.strip_prefix('\\').unwrap_or(text);
    let Some(c) = tail.chars().next() else {
        return Err(invalid("trailing backslash at end of expression", ""));
    };
    let after = tail.get(c.len_utf8()..).unwrap_or_default();
    let wrong = |rest: &str| {
        invalid("invalid escape sequence", text.get(..text.len().saturating_sub(rest.len())).unwrap_or_default())
    };
    match c {
        // Octal: \0 and \123. One digit would be a back-reference.
        '0'..='7' => {
            let length = tail.bytes().take(3).take_while(|digit| (b'0'..=b'7').contains(digit)).count();
            if c != '0' && length < 2 {
                return Err(wrong(after));
            }
            let (digits, rest) = tail.split_at_checked(length).unwrap_or((tail, ""));
            code(digits, 8, rest)
        }
        'x' => hexadecimal(after).unwrap_or_else(|rest| Err(wrong(rest))),
        'a' => Ok(('\x07', after)),
        'f' => Ok(('\x0c', after)),
        'n' => Ok(('\n', after)),
        'r' => Ok(('\r', after)),
        't' => Ok(('\t', after)),
        'v' => Ok(('\x0b', after)),
        // Punctuation stands for itself, letters and everything beyond ASCII must not be escaped.
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok((c, after)),
        _ => Err(wrong(after)),
    }
}

/// `41` or `{41}` behind `\x`; else what Go has not read yet.
fn hexadecimal(text: &str) -> Result<Read<'_, char>, &str> {
    if let Some(inner) = text.strip_prefix('{') {
        let mut value = 0_u32;
        for (at, c) in inner.char_indices() {
            let after = inner.get(at + c.len_utf8()..).unwrap_or_default();
            match c.to_digit(16) {
                Some(digit) => value = value.saturating_mul(16).saturating_add(digit),
                None if c == '}' && at > 0 => return Ok(code(inner.get(..at).unwrap_or_default(), 16, after)),
                None => return Err(after),
            }
            if value > u32::from(char::MAX) {
                return Err(after);
            }
        }
        return Err("");
    }
    let mut chars = text.chars();
    let (Some(high), Some(low)) = (chars.next(), chars.next()) else { return Err("") };
    let rest = chars.as_str();
    match (high.to_digit(16), low.to_digit(16)) {
        (Some(high), Some(low)) => Ok(match char::from_u32(high * 16 + low) {
            Some(c) => Ok((c, rest)),
            None => Err(unsupported("a code that is no character")),
        }),
        _ => Err(rest),
    }
}

fn code<'p>(digits: &str, radix: u32, rest: &'p str) -> Read<'p, char> {
    u32::from_str_radix(digits.trim_start_matches('0'), radix)
        .or(if digits.bytes().all(|digit| digit == b'0') { Ok(0) } else { Err(()) })
        .ok()
        .and_then(char::from_u32)
        .map(|c| (c, rest))
        .ok_or_else(|| unsupported("a code that is no character"))
}
