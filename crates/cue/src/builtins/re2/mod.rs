//! Go's regular expressions on the `regex` crate. Both are of RE2's family and match in linear time. A pattern is read as
//! Go 1.26 reads it, and written anew for the crate; what Go refuses is told in its words, what the crate cannot do as
//! Go does is unsupported, never a guess. (`crates/verify/src/re2.rs` does the same for identities; this crate stands
//! alone, and its policies need Go's errors and captures too.)

mod class;
mod parse;

use crate::limits::{MAX_POLICY_BYTES, MAX_REGEXP_PROGRAM_BYTES};

/// A compiled pattern with Go's meaning: it matches anywhere in a text.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    compiled: regex::Regex,
    size: u64,
}

/// Why there is no pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// Go refuses it: `error parsing regexp: …`.
    Invalid(String),
    /// Go takes it, we do not.
    Unsupported(String),
}

impl Pattern {
    /// Compiles a pattern.
    pub(crate) fn new(source: &str) -> Result<Self, Fault> {
        if source.len() > MAX_POLICY_BYTES / 16 {
            return Err(Fault::Unsupported(format!("a regular expression of {} bytes is too long", source.len())));
        }
        let translated = parse::translate(source)?;
        let compiled = regex::RegexBuilder::new(&translated.pattern)
            .size_limit(MAX_REGEXP_PROGRAM_BYTES)
            .build()
            .map_err(|why| Fault::Unsupported(format!("the regular expression {source} is not supported: {why}")))?;
        Ok(Self { compiled, size: translated.size })
    }

    /// Whether it matches anywhere.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }

    /// Steps that matching a text may take.
    pub(crate) fn cost(&self, text: &str) -> u64 {
        u64::try_from(text.len()).unwrap_or(u64::MAX).saturating_add(16).saturating_mul(self.size.saturating_add(4))
            / 16
    }

    /// The first match at or after a place.
    pub(super) fn captures_at<'t>(&self, text: &'t str, at: usize) -> Option<regex::Captures<'t>> {
        self.compiled.captures_at(text, at)
    }

    /// Names of groups; the first is the whole match and has none.
    pub(super) fn names(&self) -> impl Iterator<Item = Option<&str>> {
        self.compiled.capture_names()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(Pattern::new(pattern).unwrap().is_match(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_pattern_of_many_repetitions_is_refused() {
        assert!(matches!(Pattern::new("(a{100}){11}"), Err(Fault::Invalid(_))));
        assert!(matches!(Pattern::new("a{1001}"), Err(Fault::Invalid(_))));
        assert!(matches!(Pattern::new(&"(".repeat(2_000)), Err(Fault::Invalid(_) | Fault::Unsupported(_))));
        let deep = format!("{}{}", "(".repeat(2_000), ")".repeat(2_000));
        assert!(matches!(Pattern::new(&deep), Err(Fault::Unsupported(_))));
        assert!(matches!(Pattern::new(&r"\pL{1000}".repeat(100)), Err(Fault::Unsupported(_))));
    }

    #[test]
    fn what_go_reads_in_another_way_is_unsupported() {
        for pattern in [r"a\Bb", r"\p{Script=Greek}", r"\x{D800}", "(?P<n>a)(?P<n>b)", "a(?i)*"] {
            assert!(matches!(Pattern::new(pattern), Err(Fault::Unsupported(_))), "{pattern}");
        }
    }
}
