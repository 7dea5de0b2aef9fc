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
    let mut class_depth = 0_usize;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '\\' => rest = escape(tail, class_depth > 0, &mut out)?,
            '[' if class_depth == 0 => rest = open_class(tail, &mut out, &mut class_depth),
            // Inside a class Go knows `[:name:]` alone; any other `[`, `&`, `~`, `-` there is a literal, while the
            // regex crate has nested classes and set operations.
            '[' => match posix_class(rest) {
                Some((name, after)) => {
                    out.push_str(name);
                    rest = after;
                }
                None => {
                    out.push_str("\\[");
                    rest = tail;
                }
            },
            ']' if class_depth > 0 => {
                class_depth = 0;
                out.push(']');
                rest = tail;
            }
            '&' | '~' if class_depth > 0 => {
                out.push('\\');
                out.push(c);
                rest = tail;
            }
            '-' if class_depth > 0 && tail.starts_with('-') => {
                out.push_str("\\-");
                rest = tail;
            }
            '(' if class_depth == 0 && tail.starts_with('?') => {
                check_group(tail)?;
                out.push('(');
                rest = tail;
            }
            '{' if class_depth == 0 && !is_repetition(tail) => {
                // Go takes a brace that is no repetition literally.
                out.push_str("\\{");
                rest = tail;
            }
            _ => {
                out.push(c);
                rest = tail;
            }
        }
    }
    Ok(out)
}

/// `[`, an optional `^`, and a `]` that stands first and is thus a literal.
fn open_class<'a>(tail: &'a str, out: &mut String, depth: &mut usize) -> &'a str {
    *depth = 1;
    out.push('[');
    let mut rest = tail;
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    if let Some(after) = rest.strip_prefix(']') {
        out.push_str("\\]");
        rest = after;
    }
    rest
}

fn posix_class(rest: &str) -> Option<(&str, &str)> {
    let end = rest.find(":]")?;
    let (name, after) = rest.split_at_checked(end + 2)?;
    let inner = name.strip_prefix("[:")?.strip_suffix(":]")?;
    let inner = inner.strip_prefix('^').unwrap_or(inner);
    (!inner.is_empty() && inner.bytes().all(|b| b.is_ascii_lowercase())).then_some((name, after))
}

/// What follows a backslash.
fn escape<'a>(tail: &'a str, in_class: bool, out: &mut String) -> Result<&'a str, String> {
    let Some(c) = tail.chars().next() else { return Err("trailing backslash".into()) };
    let after = tail.get(c.len_utf8()..).unwrap_or_default();
    match c {
        'Q' if !in_class => {
            let (literal, rest) = match after.find("\\E") {
                Some(end) => (after.get(..end).unwrap_or_default(), after.get(end + 2..).unwrap_or_default()),
                None => (after, ""),
            };
            out.push_str(&regex::escape(literal));
            Ok(rest)
        }
        'E' if !in_class => Ok(after),
        'C' => Err("\\C (one byte) is not supported".into()),
        // Octal: \0 and \123. The regex crate would read a back-reference.
        '0'..='7' => {
            let digits: String = tail.chars().take(3).take_while(|d| ('0'..='7').contains(d)).collect();
            if c != '0' && digits.len() < 2 {
                return Err(format!("invalid escape sequence \\{c}"));
            }
            let value = u32::from_str_radix(&digits, 8).map_err(|e| e.to_string())?;
            out.push_str(&format!("\\x{{{value:x}}}"));
            Ok(tail.get(digits.len()..).unwrap_or_default())
        }
        // Go's classes are ASCII, those of the regex crate are Unicode.
        'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
            out.push_str(ascii_class(c, in_class));
            Ok(after)
        }
        'b' if !in_class => {
            out.push_str("(?-u:\\b)");
            Ok(after)
        }
        'B' if !in_class => Err("\\B is not supported".into()),
        'z' | 'A' | 'p' | 'P' | 'x' | 'a' | 'f' | 'n' | 'r' | 't' | 'v' => {
            out.push('\\');
            out.push(c);
            Ok(after)
        }
        c if c.is_ascii_alphanumeric() => Err(format!("invalid escape sequence \\{c}")),
        c => {
            if c.is_ascii() {
                out.push('\\');
            }
            out.push(c);
            Ok(after)
        }
    }
}

fn ascii_class(c: char, in_class: bool) -> &'static str {
    match (c, in_class) {
        ('d', _) => "[0-9]",
        ('D', _) => "[^0-9]",
        ('s', _) => "[\\t\\n\\f\\r ]",
        ('S', _) => "[^\\t\\n\\f\\r ]",
        ('w', _) => "[0-9A-Za-z_]",
        (_, _) => "[^0-9A-Za-z_]",
    }
}

/// Flags and groups that Go has: `(?:`, `(?P<n>`, `(?<n>`, `(?ims-U:`. Look-around and `x`, `u`, `R` are not Go's.
fn check_group(tail: &str) -> Result<(), String> {
    let inner = tail.get(1..).unwrap_or_default();
    if inner.starts_with("P<") || (inner.starts_with('<') && !inner.starts_with("<=") && !inner.starts_with("<!")) {
        return Ok(());
    }
    let flags: String = inner.chars().take_while(|c| !matches!(c, ':' | ')')).collect();
    if flags.chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'U' | '-')) {
        Ok(())
    } else {
        Err(format!("invalid or unsupported Perl syntax: (?{flags}"))
    }
}

fn is_repetition(tail: &str) -> bool {
    let Some((inside, _)) = tail.split_once('}') else { return false };
    let (low, high) = inside.split_once(',').unwrap_or((inside, ""));
    !low.is_empty() && low.len() <= 4 && [low, high].iter().all(|n| n.bytes().all(|b| b.is_ascii_digit()))
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
            (r"(?i)FOO\z", "foo", true),
            (r"^\x41\0101$", "AA", false),
            (r"^\101$", "A", true),
            (r"(?s)^a.b$", "a\nb", true),
            (r"^a.b$", "a\nb", false),
            (r"^\pL$", "é", true),
            (r"https://github\.com/org/.*", "https://github.com/org/x", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses_or_what_cannot_be_translated() {
        for pattern in ["(?=a)", "(?<!a)", r"\8", r"\C", "(", "[a", r"\y", "(?x)a", r"a\"] {
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
