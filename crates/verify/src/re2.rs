//! Go's regular expressions on the `regex` crate. Both are of RE2's family and match in linear time; the few spellings
//! that only Go knows are translated, and what cannot be translated is an error, never a guess.

use crate::error::Error;
use crate::limits;

/// A compiled pattern with Go's meaning: `MatchString`, thus unanchored.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    compiled: regex::Regex,
    anchored: bool,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// Compiles a pattern of Go's `regexp/syntax`.
    ///
    /// # Errors
    /// [`Error::Regexp`] if the pattern is invalid, too large, or uses what cannot be translated.
    pub fn new(source: &str) -> Result<Self, Error> {
        let bad = |reason: String| Error::Regexp { pattern: source.to_owned(), reason };
        if source.len() > limits::REGEXP_BYTES {
            return Err(bad(format!("longer than {} bytes", limits::REGEXP_BYTES)));
        }
        let translated = translate(source).map_err(bad)?;
        let compiled = regex::RegexBuilder::new(&translated)
            .size_limit(limits::REGEXP_PROGRAM_BYTES)
            .build()
            .map_err(|e| bad(e.to_string()))?;
        Ok(Self { source: source.to_owned(), compiled, anchored: is_anchored(source) })
    }

    /// Whether the pattern matches anywhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }

    /// The pattern as given.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether the pattern, though it matches `text`, would also match a longer name around it: then somebody who may
    /// choose a name can choose one that is accepted.
    pub fn matches_longer_than(&self, text: &str) -> bool {
        !self.anchored
            && self.is_match(text)
            && (self.is_match(&format!("{text}.evil.example"))
                || self.is_match(&format!("https://evil.example/{text}")))
    }
}

fn is_anchored(source: &str) -> bool {
    let ends = source.ends_with('$') || source.ends_with("\\z");
    (source.starts_with('^') || source.starts_with("\\A")) && ends && !source.contains('|')
}

/// Go's syntax in the `regex` crate's words.
fn translate(source: &str) -> Result<String, String> {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    let mut repeatable = false;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        let repetition = matches!(c, '*' | '+' | '?') || (c == '{' && is_repetition(tail)?);
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

/// How often Go lets something be repeated (`regexp/syntax`, `maxRepeat`).
const MAX_REPEAT: u32 = 1_000;

/// Whether braces are a repetition: `{2}`, `{2,}`, `{2,3}`. Counts without a leading zero make one; a count that is too
/// large is then an error, where other braces stand for themselves.
fn is_repetition(tail: &str) -> Result<bool, String> {
    let Some((inside, _)) = tail.split_once('}') else { return Ok(false) };
    let (low, high) = inside.split_once(',').map_or((inside, None), |(low, high)| (low, Some(high)));
    let is_count = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'))
    };
    let high = high.filter(|high| !high.is_empty());
    if !is_count(low) || high.is_some_and(|high| !is_count(high)) {
        return Ok(false);
    }
    let value = |text: &str| text.parse::<u32>().ok().filter(|count| *count <= MAX_REPEAT);
    let valid = match (value(low), high.map(value)) {
        (Some(_), None) => true,
        (Some(low), Some(Some(high))) => low <= high,
        _ => false,
    };
    if valid { Ok(true) } else { Err(format!("invalid repeat count: {{{inside}}}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).unwrap().is_match(text)
    }

    #[test]
    fn matches_as_go_does() {
        for (pattern, text, expected) in [
            ("foo", "xfoox", true),
            ("^foo$", "foo\n", false),
            (r"\Qa.b\E$", "xa.b", true),
            (r"\Qa.b\E$", "xacb", false),
            (r"^[[:alpha:]]+$", "abc", true),
            (r"^\d$", "٣", false),
            (r"^\w+$", "é", false),
            (r"^[]a]$", "]", true),
            (r"^[a[]$", "[", true),
            (r"^[a&&b]$", "&", true),
            (r"^a{,2}$", "a{,2}", true),
            (r"^a{2}$", "aa", true),
            (r"^a{1000}$", "aa", false),
            // A leading zero, a sign or a space: braces like any other text.
            (r"^a{02}$", "a{02}", true),
            (r"^a{02}$", "aa", false),
            (r"^a{1,02}$", "a{1,02}", true),
            (r"^a{-1}$", "a{-1}", true),
            (r"(?i)FOO\z", "foo", true),
            (r"^\x41\0101$", "AA", false),
            (r"^\101$", "A", true),
            (r"(?s)^a.b$", "a\nb", true),
            // A flag counts as it was set last.
            (r"(?i-i)^foo$", "FOO", false),
            (r"(?i-i)^foo$", "foo", true),
            (r"(?ii)^foo$", "FOO", true),
            (r"(?ims-si:^foo$)", "x\nfoo", true),
            (r"(?)^foo$", "foo", true),
            (r"^a.b$", "a\nb", false),
            (r"^\pL$", "é", true),
            (r"^\p{L}\x{6a}$", "éj", true),
            (r"^\p{Greek}$", "α", true),
            // In the regex crate these are word boundaries, in Go two literals.
            (r"\<jane", "jane", false),
            (r"\<jane\>", "<jane>", true),
            // A range up to a dash, not a dash and a range.
            (r"^[ --z]ane$", "jane", false),
            (r"^[ --z]ane$", "zane", true),
            (r"^[ --]$", "+", true),
            (r"^[a-]$", "-", true),
            (r"^[-a]$", "-", true),
            (r"^[\d\-x]+$", "1-x", true),
            (r"^[a-c-z]+$", "b-z", true),
            (r"^[a-c-z]+$", "d", false),
            (r"^\_$", "_", true),
            (r"^a+?b??c{1,2}?$", "abc", true),
            (r"^a.*\|b$", "ax|b", true),
            (r"https://github\.com/org/.*", "https://github.com/org/x", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses_or_what_cannot_be_translated() {
        for pattern in [
            "(?=a)",
            "(?<!a)",
            r"\8",
            r"\C",
            "(",
            "[a",
            r"\y",
            "(?x)a",
            "(?-)a",
            "(?i-)a",
            "(?i-i-i)a",
            "(?i",
            r"a\",
            "[[:foo:]]",
            "a**",
            "a+?*",
            "(*a)",
            "[z-a]",
            r"a\E",
            r"\é",
            r"\p{",
            // Go's limit is 1,000; the regex crate has none, and literal braces would match what nobody meant.
            "a{1001}",
            "a{12345}",
            "a{1,1001}",
            "a{99999999999}",
            "a{3,2}",
        ] {
            assert!(matches!(Pattern::new(pattern), Err(Error::Regexp { .. })), "{pattern}");
        }
    }

    #[test]
    fn an_unanchored_pattern_is_noticed() {
        let name = "https://github.com/org/repo";
        assert!(Pattern::new("https://github.com/org").unwrap().matches_longer_than(name));
        assert!(!Pattern::new("^https://github.com/org/repo$").unwrap().matches_longer_than(name));
    }
}
