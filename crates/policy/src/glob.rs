//! Patterns for names of images (specs/policy-controller.md §2.6): `*` is anything but `/`, `**` is anything.

use sigward_verify::image::ImageReference;

use crate::limits::MAX_GLOB_BYTES;

/// A text that is no pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadGlob {
    /// It has a character that names of images do not have, or none at all.
    #[error("invalid glob {glob:?}")]
    Characters {
        /// The text.
        glob: String,
    },
    /// It is longer than [`MAX_GLOB_BYTES`].
    #[error("invalid glob: it has {found} bytes, at most {MAX_GLOB_BYTES} are allowed")]
    TooLong {
        /// Its length.
        found: usize,
    },
}

/// A pattern, ready to match.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Glob {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Byte(u8),
    /// `*`.
    Segment,
    /// `**`.
    Anything,
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`BadGlob`].
    pub fn compile(source: &str) -> Result<Self, BadGlob> {
        if source.len() > MAX_GLOB_BYTES {
            return Err(BadGlob::TooLong { found: source.len() });
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_:/*.@".contains(&b);
        if source.is_empty() || !source.bytes().all(allowed) {
            return Err(BadGlob::Characters { glob: source.to_owned() });
        }
        // Two old spellings of Docker Hub that policy-controller keeps.
        let full = match source {
            "*" => "index.docker.io/library/*",
            "*/*" => "index.docker.io/*/*",
            other => other,
        };
        Ok(Self { source: source.to_owned(), parts: parts(&fold_host(full)) })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether one of an image's names matches.
    pub fn matches(&self, names: &Names) -> bool {
        names.0.iter().any(|name| self.matches_text(name))
    }

    /// Goes back to the last `*`, and where that can take no more to the last `**`: what an earlier star could take, the
    /// later one of its kind takes as well, as all ways to the same `*` from one `**` pass as many slashes. For the same
    /// reason a `**` before a `*` that failed need not be tried again before the next slash. So nothing is allocated, and
    /// time is at most about the product of the lengths, or the square of the name's.
    fn matches_text(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let (mut at, mut seen) = (0, 0);
        let mut segment: Option<Star> = None;
        let mut anything: Option<Star> = None;
        loop {
            match (self.parts.get(at), text.get(seen)) {
                (None, None) => return true,
                (Some(Part::Anything), _) => {
                    at += 1;
                    (anything, segment) = (Some(Star { after: at, taken: seen }), None);
                }
                (Some(Part::Segment), _) => {
                    at += 1;
                    segment = Some(Star { after: at, taken: seen });
                }
                (Some(Part::Byte(wanted)), Some(byte)) if wanted == byte => (at, seen) = (at + 1, seen + 1),
                _ => {
                    let star = match (&mut segment, &mut anything) {
                        (Some(star), _) if text.get(star.taken).is_some_and(|byte| *byte != b'/') => star,
                        (failed, Some(star)) => {
                            if failed.take().is_some() {
                                let rest = text.get(star.taken..).unwrap_or_default();
                                star.taken += rest.iter().take_while(|byte| !matches!(**byte, b'/' | b'\n')).count();
                            }
                            star
                        }
                        _ => return false,
                    };
                    // What is behind the end, or no line's, is nobody's.
                    if text.get(star.taken).is_none_or(|byte| *byte == b'\n') {
                        return false;
                    }
                    star.taken += 1;
                    (at, seen) = (star.after, star.taken);
                }
            }
        }
    }
}

/// A star to go back to.
struct Star {
    /// Behind it in the pattern.
    after: usize,
    /// Up to where in the text it has taken.
    taken: usize,
}

/// The names of an image that a pattern may match.
#[derive(Clone, Debug)]
pub struct Names(Vec<String>);

impl Names {
    /// The full name: `registry/repository@digest`, or `:tag` where no digest is given. A name that was typed without a
    /// registry as it was typed, too; and any other spelling of the same registry.
    pub fn of(image: &ImageReference) -> Self {
        let name = image.name();
        let mut names = other_spellings(image, &name);
        if name != image.typed() {
            names.push(fold_host(image.typed()));
        }
        names.push(name);
        Self(names)
    }
}

/// Names under which a kubelet pulls the same: port 443 is the one that is asked where none is given, and Docker Hub
/// answers to several hosts. Without them `ghcr.io:443/x` would slip past a pattern for `ghcr.io/**`.
fn other_spellings(image: &ImageReference, name: &str) -> Vec<String> {
    const HUB: &str = "index.docker.io";
    const HUB_TOO: [&str; 3] = ["docker.io", "registry-1.docker.io", "registry.hub.docker.com"];
    let host = image.repository().registry().host();
    // An image in a folder has a name of its own, and no registry.
    let Some(rest) = name.strip_prefix(host).filter(|rest| rest.starts_with('/')) else { return Vec::new() };
    let (bare, spelled_out) = match host.strip_suffix(":443") {
        Some(bare) => (bare, None),
        None if has_port(host) => return Vec::new(),
        None => (host, Some(format!("{host}:443"))),
    };
    let hub = HUB_TOO.contains(&bare).then_some(HUB);
    let hosts = [Some(bare), spelled_out.as_deref(), hub];
    hosts.into_iter().flatten().map(|host| format!("{host}{rest}")).collect()
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'))
}

/// Upstream replaces `**` first, from the left, so that `***` is `**` and `*`.
fn parts(glob: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut bytes = glob.bytes().peekable();
    while let Some(byte) = bytes.next() {
        parts.push(match byte {
            b'*' if bytes.next_if_eq(&b'*').is_some() => Part::Anything,
            b'*' => Part::Segment,
            byte => Part::Byte(byte),
        });
    }
    parts
}

/// Hosts are compared without case: `GHCR.io/x` must not slip past a pattern for `ghcr.io/**`. What stands before the
/// first `/` is a host if it has a dot or a colon, as in names of images; an upper-case letter can stand nowhere else in a
/// repository's name.
fn fold_host(text: &str) -> String {
    match text.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) => format!("{}/{rest}", host.to_ascii_lowercase()),
        Some((host, rest)) if host.contains('*') => format!("{}/{rest}", host.to_ascii_lowercase()),
        None if text.contains("**") => fold_before_stars(text),
        _ => text.to_owned(),
    }
}

/// `INDEX.docker.**` has no `/`, and its beginning is a host's all the same.
fn fold_before_stars(text: &str) -> String {
    match text.split_once("**") {
        Some((host, rest)) => format!("{}**{rest}", host.to_ascii_lowercase()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, image: &str) -> bool {
        Glob::compile(glob).unwrap().matches(&Names::of(&ImageReference::parse(image).unwrap()))
    }

    /// specs/policy-controller.md §2.6, whole.
    #[test]
    fn upstreams_truth_table() {
        let hub = |rest: &str| format!("index.docker.io/{rest}");
        for glob in [
            &*hub("library/foo:latest"),
            &hub("library/foo:*"),
            &hub("library/*"),
            &hub("library/*:latest"),
            &hub("*/*"),
            &hub("**"),
            "index.docker.**",
            "inde**",
            "**",
            "foo",
            "foo*",
            "foo**",
            "*",
        ] {
            assert!(matches(glob, "foo"), "{glob} on foo");
        }
        for glob in [
            &*hub("myuser/myapp:latest"),
            &hub("myuser/myapp:*"),
            &hub("myuser/*"),
            &hub("myuser/*:latest"),
            &hub("*/*"),
            &hub("**"),
            "index.docker.**",
            "inde**",
            "**",
            "myuser/myapp",
            "myuser/myapp*",
            "myuser/myapp**",
            "myuser/*",
            "*/*",
        ] {
            assert!(matches(glob, "myuser/myapp"), "{glob} on myuser/myapp");
        }
        for (glob, image, expected) in [
            ("*/*", "foo", true),
            ("*", "myuser/myapp", false),
            ("ghcr.io/*/*", "ghcr.io/foo/bar", true),
            ("ghcr.io/**", "ghcr.io/foo/bar", true),
            ("ghcr.io/*/*", "ghcr.io/foo", false),
            ("ghcr.io/**", "ghcr.io/foo", true),
            ("ghc**", "ghcr.io/foo", true),
            ("**", "ghcr.io/foo", true),
            ("*/**", "ghcr.io/foo", true),
            ("ghcr.io/foo*", "ghcr.io/foo", true),
            ("ghcr.io/foo**", "ghcr.io/foo", true),
            ("ghcr.io/foo", "prefix-ghcr.io/foo", false),
            ("ghcr.io/foo", "ghcr.io/foo-suffix", false),
            ("ghcr.io/**", "ghcrxio/foo", false),
        ] {
            assert_eq!(matches(glob, image), expected, "{glob} on {image}");
        }
    }

    #[test]
    fn at_admission_a_pattern_without_a_registry_matches_nothing() {
        let image = format!("index.docker.io/library/nginx@sha256:{}", "0".repeat(64));
        for (glob, expected) in [
            ("nginx*", false),
            ("library/nginx*", false),
            ("index.docker.io/library/nginx:latest", false),
            ("index.docker.io/library/nginx@*", true),
            (&*image, true),
        ] {
            assert_eq!(matches(glob, &image), expected, "{glob}");
        }
    }

    #[test]
    fn a_host_in_upper_case_slips_past_no_pattern() {
        for (glob, image) in [
            ("ghcr.io/**", "GHCR.io/org/app"),
            ("GHCR.IO/**", "ghcr.io/org/app"),
            ("GHC**", "ghcr.io/org/app"),
            ("*.IO/org/app*", "ghcr.io/org/app"),
            ("ghcr.io/org/app", "ghcr.IO/org/app"),
        ] {
            assert!(matches(glob, image), "{glob} on {image}");
        }
        // Tags have a case.
        assert!(!matches("ghcr.io/org/app:V1", "ghcr.io/org/app:v1"));
        assert!(matches("ghcr.io/org/app:V1", "ghcr.io/org/app:V1"));
    }

    /// The kubelet pulls the same from both.
    #[test]
    fn another_spelling_of_a_registry_slips_past_no_pattern() {
        for (glob, image) in [
            ("ghcr.io/prod/**", "ghcr.io:443/prod/app"),
            ("ghcr.io:443/prod/**", "ghcr.io/prod/app"),
            ("ghcr.io:443/prod/**", "GHCR.io:443/prod/app"),
            ("index.docker.io/library/*", "index.docker.io:443/library/nginx"),
            ("index.docker.io/library/*", "docker.io:443/library/nginx"),
            ("index.docker.io/**", "registry-1.docker.io/library/nginx"),
            ("index.docker.io/**", "registry-1.docker.io:443/library/nginx"),
            ("index.docker.io/**", "registry.hub.docker.com/library/nginx"),
        ] {
            assert!(matches(glob, image), "{glob} on {image}");
        }
        for (glob, image) in [
            ("ghcr.io/prod/**", "ghcr.io:5000/prod/app"),
            ("ghcr.io:5000/prod/**", "ghcr.io/prod/app"),
            ("ghcr.io/prod/**", "ghcr.io.example:443/prod/app"),
            ("index.docker.io/**", "docker.io.example/library/nginx"),
        ] {
            assert!(!matches(glob, image), "{glob} on {image}");
        }
    }

    #[test]
    fn a_dot_is_a_dot_and_nothing_is_a_regular_expression() {
        assert!(!matches("ghcr.io/org/a.p*", "ghcr.io/org/app"));
        for glob in [".+", "[a-z]*", "$FOO*", "a?", "a{1}", "a|b", "a b", "ä", "a#", "a\\b", ""] {
            assert_eq!(Glob::compile(glob), Err(BadGlob::Characters { glob: glob.to_owned() }), "{glob}");
        }
        assert_eq!(Glob::compile("$FOO*").unwrap_err().to_string(), "invalid glob \"$FOO*\"");
    }

    #[test]
    fn a_pattern_of_stars_costs_no_more_than_its_length_times_the_names() {
        let glob = format!("{}x", "**a*".repeat(MAX_GLOB_BYTES / 8));
        let image = format!("ghcr.io/{}", "a".repeat(250));
        assert!(!matches(&glob, &image));
        let long = "a".repeat(MAX_GLOB_BYTES + 1);
        assert_eq!(Glob::compile(&long), Err(BadGlob::TooLong { found: MAX_GLOB_BYTES + 1 }));
    }

    /// The same by the definition: what a part takes, and what is left of both.
    fn by_definition(parts: &[Part], text: &[u8]) -> bool {
        let Some((part, after)) = parts.split_first() else { return text.is_empty() };
        let star = |takes: fn(u8) -> bool| {
            let most = text.iter().take_while(|byte| takes(**byte)).count();
            (0..=most).any(|taken| by_definition(after, &text[taken..]))
        };
        match part {
            Part::Byte(wanted) => text.first() == Some(wanted) && by_definition(after, &text[1..]),
            Part::Segment => star(|byte| byte != b'/' && byte != b'\n'),
            Part::Anything => star(|byte| byte != b'\n'),
        }
    }

    /// All texts over an alphabet, up to a length.
    fn texts(alphabet: &str, longest: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..longest {
            last = last.iter().flat_map(|text| alphabet.chars().map(move |c| format!("{text}{c}"))).collect();
            all.extend_from_slice(&last);
        }
        all
    }

    #[test]
    fn all_short_patterns_on_all_short_texts() {
        for (patterns, names) in [
            (texts("a/*", 7), texts("a/", 6)),
            (texts("ab/*", 5), texts("ab/", 5)),
            (texts("ab*", 5), texts("ab\n", 5)),
            (texts("a/*", 5), texts("a/\n", 5)),
        ] {
            for glob in patterns.iter().filter(|glob| !glob.is_empty()) {
                let glob = Glob { source: glob.clone(), parts: parts(glob) };
                for name in &names {
                    let expected = by_definition(&glob.parts, name.as_bytes());
                    assert_eq!(glob.matches_text(name), expected, "{} on {name:?}", glob.source);
                }
            }
        }
    }

    /// Places beyond the first word.
    #[test]
    fn the_longest_patterns() {
        for (middle, name_middle) in [("a".repeat(1_000), "a".repeat(1_000)), ("*".repeat(1_000), "a/b".repeat(50))] {
            let glob = Glob::compile(&format!("x/{middle}/y")).unwrap();
            assert!(glob.matches_text(&format!("x/{name_middle}/y")));
            assert!(!glob.matches_text(&format!("x/{name_middle}/z")));
        }
        let longest = Glob::compile(&"*".repeat(MAX_GLOB_BYTES)).unwrap();
        assert!(longest.matches_text("") && longest.matches_text("a/b"));
        let literal = "a".repeat(MAX_GLOB_BYTES);
        assert!(Glob::compile(&literal).unwrap().matches_text(&literal));
    }
}
