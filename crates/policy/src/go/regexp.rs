//! `regexp/syntax`: why a text is no regular expression.

/// What Go says about a pattern that it does not take; `None` if nothing is found that Go refuses. The first fault from the
/// left counts, as in Go's parser. What is accepted is decided by `sigward_verify::Pattern` alone.
pub(crate) fn regexp_fault(pattern: &str) -> Option<String> {
    let fault = Parser { whole: pattern, rest: pattern, groups: 0, repeatable: false, repetition: None }.run().err()?;
    Some(format!("error parsing regexp: {fault}"))
}

struct Parser<'a> {
    whole: &'a str,
    rest: &'a str,
    groups: usize,
    /// Whether something is there that can be repeated.
    repeatable: bool,
    /// The text from the last repetition on, if nothing else came since.
    repetition: Option<&'a str>,
}

impl<'a> Parser<'a> {
    fn run(mut self) -> Result<(), String> {
        while let Some(c) = self.rest.chars().next() {
            let before = self.rest;
            let last = self.repetition.take();
            match c {
                '(' => self.group()?,
                ')' if self.groups == 0 => return Err(quoted("unexpected )", self.whole)),
                ')' => {
                    self.groups -= 1;
                    self.plain(1);
                }
                '|' => {
                    self.plain(1);
                    self.repeatable = false;
                }
                '[' => self.class()?,
                '\\' => self.escape()?,
                '*' | '+' | '?' => self.repeat(1, before, last)?,
                '{' => match repetition(before) {
                    Some(length) => self.repeat(length, before, last)?,
                    None => self.plain(1),
                },
                c => self.plain(c.len_utf8()),
            }
        }
        if self.groups > 0 { Err(quoted("missing closing )", self.whole)) } else { Ok(()) }
    }

    fn plain(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
        self.repeatable = true;
    }

    fn repeat(&mut self, length: usize, before: &'a str, last: Option<&'a str>) -> Result<(), String> {
        let counts = before.get(1..length.saturating_sub(1)).filter(|_| length > 1).unwrap_or_default();
        let (low, high) = counts.split_once(',').unwrap_or((counts, counts));
        let number = |text: &str| text.parse::<u32>().ok();
        let too_many = |text: &str| !text.is_empty() && number(text).is_none_or(|n| n > 1000);
        if too_many(low) || too_many(high) || number(high).is_some_and(|high| number(low) > Some(high)) {
            return Err(quoted("invalid repeat count", before.get(..length).unwrap_or_default()));
        }
        let mut after = before.get(length..).unwrap_or_default();
        after = after.strip_prefix('?').unwrap_or(after);
        if let Some(last) = last {
            return Err(quoted("invalid nested repetition operator", between(last, after)));
        }
        if !self.repeatable {
            return Err(quoted("missing argument to repetition operator", between(before, after)));
        }
        self.rest = after;
        self.repetition = Some(before);
        Ok(())
    }

    fn group(&mut self) -> Result<(), String> {
        let before = self.rest;
        let Some(inner) = before.strip_prefix("(?") else {
            self.rest = before.get(1..).unwrap_or_default();
            self.groups += 1;
            self.repeatable = false;
            return Ok(());
        };
        if let Some(named) = inner.strip_prefix("P<").or_else(|| inner.strip_prefix('<')) {
            let Some(end) = named.find('>') else { return Err(quoted("invalid named capture", before)) };
            let (name, after) = (named.get(..end).unwrap_or_default(), named.get(end + 1..).unwrap_or_default());
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err(quoted("invalid named capture", between(before, after)));
            }
            self.rest = after;
            self.groups += 1;
            self.repeatable = false;
            return Ok(());
        }
        self.flags(before, inner)
    }

    fn flags(&mut self, before: &'a str, inner: &'a str) -> Result<(), String> {
        let (mut negated, mut any) = (false, false);
        for (at, c) in inner.char_indices() {
            let after = inner.get(at + c.len_utf8()..).unwrap_or_default();
            match c {
                'i' | 'm' | 's' | 'U' => any = true,
                '-' if !negated => (negated, any) = (true, false),
                ':' | ')' if !negated || any => {
                    self.rest = after;
                    if c == ':' {
                        self.groups += 1;
                        self.repeatable = false;
                    }
                    return Ok(());
                }
                _ => return Err(quoted("invalid or unsupported Perl syntax", between(before, after))),
            }
        }
        Err(quoted("invalid or unsupported Perl syntax", before))
    }

    fn class(&mut self) -> Result<(), String> {
        let before = self.rest;
        let mut rest = before.get(1..).unwrap_or_default();
        rest = rest.strip_prefix('^').unwrap_or(rest);
        let mut first = true;
        loop {
            if let Some(after) = rest.strip_prefix(']').filter(|_| !first) {
                self.rest = after;
                self.repeatable = true;
                return Ok(());
            }
            first = false;
            if rest.is_empty() {
                return Err(quoted("missing closing ]", before));
            }
            if let Some((name, after)) = rest.strip_prefix("[:").and_then(|inner| inner.split_once(":]")) {
                if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
                    return Err(quoted("invalid character class range", between(rest, after)));
                }
                rest = after;
                continue;
            }
            if let Some(after) = set_escape(rest)? {
                rest = after;
                continue;
            }
            let range = rest;
            let (low, after) = class_char(before, rest)?;
            rest = after;
            if let Some(after) = rest.strip_prefix('-').filter(|after| !after.starts_with(']')) {
                let (high, after) = class_char(before, after)?;
                rest = after;
                if high < low {
                    return Err(quoted("invalid character class range", between(range, after)));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        let inner = self.rest.get(1..).unwrap_or_default();
        if let Some(literal) = inner.strip_prefix('Q') {
            self.rest = literal.split_once("\\E").map_or("", |(_, after)| after);
        } else if let Some(after) = inner.strip_prefix(['A', 'b', 'B', 'z']) {
            self.rest = after;
        } else if let Some(after) = set_escape(self.rest)? {
            self.rest = after;
        } else {
            self.rest = one_char(self.rest)?.1;
        }
        self.repeatable = true;
        Ok(())
    }
}

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// The length of `{n}`, `{n,}` or `{n,m}` at the start of a text.
fn repetition(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    let inside = text.get(1..end)?;
    let (low, high) = inside.split_once(',').map_or((inside, ""), |(low, high)| (low, high));
    let number = |n: &str| n.bytes().all(|b| b.is_ascii_digit()) && (n.len() < 2 || !n.starts_with('0'));
    (!low.is_empty() && number(low) && number(high)).then_some(end + 1)
}

/// `\d` and its like, and `\p{Greek}`.
fn set_escape(text: &str) -> Result<Option<&str>, String> {
    let Some(inner) = text.strip_prefix('\\') else { return Ok(None) };
    if let Some(after) = inner.strip_prefix(['d', 'D', 's', 'S', 'w', 'W']) {
        return Ok(Some(after));
    }
    let Some(name) = inner.strip_prefix(['p', 'P']) else { return Ok(None) };
    let length = match name.chars().next() {
        Some('{') => match name.find('}') {
            Some(end) => end + 1,
            None => return Err(quoted("invalid character class range", text)),
        },
        Some(letter) => letter.len_utf8(),
        None => return Err(quoted("invalid character class range", text)),
    };
    let after = name.get(length..).unwrap_or_default();
    // The tables of Unicode are the `regex` crate's: a name that it does not know is one that Go does not know.
    match regex::Regex::new(between(text, after)) {
        Ok(_) => Ok(Some(after)),
        Err(_) => Err(quoted("invalid character class range", between(text, after))),
    }
}

/// A character of a class, which may be escaped.
fn class_char<'a>(class: &str, text: &'a str) -> Result<(char, &'a str), String> {
    match text.chars().next() {
        None => Err(quoted("missing closing ]", class)),
        Some('\\') => one_char(text),
        Some(c) => Ok((c, text.get(c.len_utf8()..).unwrap_or_default())),
    }
}

/// An escape that stands for one character.
fn one_char(text: &str) -> Result<(char, &str), String> {
    let inner = text.get(1..).unwrap_or_default();
    let Some(c) = inner.chars().next() else {
        return Err(quoted("trailing backslash at end of expression", ""));
    };
    let after = inner.get(c.len_utf8()..).unwrap_or_default();
    let invalid = |after: &str| Err(quoted("invalid escape sequence", between(text, after)));
    let value = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    match c {
        '1'..='7' if !after.starts_with(|d| ('0'..='7').contains(&d)) => invalid(after),
        '0'..='7' => {
            let digits: String = inner.chars().take(3).take_while(|d| ('0'..='7').contains(d)).collect();
            Ok((value(&digits, 8).unwrap_or(c), inner.get(digits.len()..).unwrap_or_default()))
        }
        'x' => hex_escape(text, after),
        'a' => Ok(('\x07', after)),
        'f' => Ok(('\x0c', after)),
        'n' => Ok(('\n', after)),
        'r' => Ok(('\r', after)),
        't' => Ok(('\t', after)),
        'v' => Ok(('\x0b', after)),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok((c, after)),
        _ => invalid(after),
    }
}

fn hex_escape<'a>(text: &str, after: &'a str) -> Result<(char, &'a str), String> {
    let invalid = |after: &str| Err(quoted("invalid escape sequence", between(text, after)));
    let Some(braced) = after.strip_prefix('{') else {
        let mut rest = after;
        let mut number = 0;
        for _ in 0..2 {
            let Some(c) = rest.chars().next() else { return invalid(rest) };
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            let Some(digit) = c.to_digit(16) else { return invalid(rest) };
            number = number * 16 + digit;
        }
        return Ok((char::from_u32(number).unwrap_or_default(), rest));
    };
    let mut number = 0;
    for (at, c) in braced.char_indices() {
        let rest = braced.get(at + c.len_utf8()..).unwrap_or_default();
        match c.to_digit(16) {
            Some(digit) if number * 16 + digit <= u32::from(char::MAX) => number = number * 16 + digit,
            None if c == '}' && at > 0 => return Ok((char::from_u32(number).unwrap_or_default(), rest)),
            _ => return invalid(rest),
        }
    }
    invalid("")
}

/// What of `from` stands before `to`, which is its end.
fn between<'a>(from: &'a str, to: &str) -> &'a str {
    from.get(..from.len().saturating_sub(to.len())).unwrap_or_default()
}

fn quoted(what: &str, text: &str) -> String {
    format!("{what}: `{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go 1.26 answers.
    #[test]
    fn faults_are_said_in_gos_words() {
        for (pattern, fault) in [
            ("****", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a+?*", "invalid nested repetition operator: `+?*`"),
            ("(*a)", "missing argument to repetition operator: `*`"),
            ("+a", "missing argument to repetition operator: `+`"),
            ("|*", "missing argument to repetition operator: `*`"),
            ("a|*", "missing argument to repetition operator: `*`"),
            ("(|*)", "missing argument to repetition operator: `*`"),
            ("(?i)*", "missing argument to repetition operator: `*`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{2,1}", "invalid repeat count: `{2,1}`"),
            ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
            ("((a))*+", "invalid nested repetition operator: `*+`"),
            ("(", "missing closing ): `(`"),
            ("a(b", "missing closing ): `a(b`"),
            ("(?:", "missing closing ): `(?:`"),
            ("a)", "unexpected ): `a)`"),
            ("[a", "missing closing ]: `[a`"),
            ("x[]", "missing closing ]: `[]`"),
            ("[^]", "missing closing ]: `[^]`"),
            ("[a-", "missing closing ]: `[a-`"),
            ("[-a", "missing closing ]: `[-a`"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            (r"[a-\d]", r"invalid escape sequence: `\d`"),
            (r"\y", r"invalid escape sequence: `\y`"),
            (r"\8", r"invalid escape sequence: `\8`"),
            (r"[\y]", r"invalid escape sequence: `\y`"),
            (r"\é", r"invalid escape sequence: `\é`"),
            (r"\C", r"invalid escape sequence: `\C`"),
            (r"\xg", r"invalid escape sequence: `\xg`"),
            (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
            (r"a\", "trailing backslash at end of expression: ``"),
            (r"(a\", "trailing backslash at end of expression: ``"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?P=n)", "invalid or unsupported Perl syntax: `(?P`"),
            ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
            ("(?i", "invalid or unsupported Perl syntax: `(?i`"),
            ("(?-)a", "invalid or unsupported Perl syntax: `(?-)`"),
            ("(?i-i-i)a", "invalid or unsupported Perl syntax: `(?i-i-`"),
            ("(?<!a)", "invalid named capture: `(?<!a)`"),
            ("(?P<n", "invalid named capture: `(?P<n`"),
            ("(?P<>a)", "invalid named capture: `(?P<>`"),
            (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
            (r"\p{", r"invalid character class range: `\p{`"),
            (r"\pQ", r"invalid character class range: `\pQ`"),
        ] {
            assert_eq!(regexp_fault(pattern), Some(format!("error parsing regexp: {fault}")), "{pattern}");
        }
    }

    #[test]
    fn no_fault_is_found_where_go_finds_none() {
        for pattern in [
            "",
            "^*",
            "a{,2}{",
            "x{2}{",
            r"\Qa*",
            r"\Qab\E*",
            "(?P<1a>x)",
            "[a]b]",
            "a{2}?",
            r"\p{Greek}",
            r"\pL+",
            r"^https://github\.com/org/.*$",
            "[^]]",
            r"\x{6a}",
            r"\101",
            "(?i-m:x)",
            "(?i)x",
        ] {
            assert_eq!(regexp_fault(pattern), None, "{pattern}");
        }
    }
}
