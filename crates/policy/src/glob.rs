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

    /// Whether an image's full name matches: `registry/repository@digest`, or `:tag` where no digest is given. A name
    /// that was typed without a registry may match as it was typed, too. So may any other spelling of the same registry.
    pub fn matches(&self, image: &ImageReference) -> bool {
        let name = image.name();
        self.matches_text(&name)
            || (name != image.typed() && self.matches_text(&fold_host(image.typed())))
            || other_spellings(image, &name).iter().any(|name| self.matches_text(name))
    }

    /// Keeps the set of places in the pattern that the text so far can have led to, so time is the product of the
    /// lengths at most.
    fn matches_text(&self, text: &str) -> bool {
        let end = self.parts.len();
        let mut here = vec![false; end + 1];
        if let Some(start) = here.first_mut() {
            *start = true;
        }
        skip_stars(&self.parts, &mut here);
        let mut next = vec![false; end + 1];
        for byte in text.bytes() {
            next.fill(false);
            for (at, part) in self.parts.iter().enumerate() {
                if !here.get(at).copied().unwrap_or_default() {
                    continue;
                }
                let to = match part {
                    Part::Byte(wanted) if *wanted == byte => at + 1,
                    Part::Segment if byte != b'/' && byte != b'\n' => at,
                    Part::Anything if byte != b'\n' => at,
                    _ => continue,
                };
                if let Some(place) = next.get_mut(to) {
                    *place = true;
                }
            }
            skip_stars(&self.parts, &mut next);
            std::mem::swap(&mut here, &mut next);
        }
        here.last().copied().unwrap_or_default()
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

/// A star may stand for nothing.
fn skip_stars(parts: &[Part], places: &mut [bool]) {
    for (at, part) in parts.iter().enumerate() {
        if matches!(part, Part::Segment | Part::Anything)
            && places.get(at).copied().unwrap_or_default()
            && let Some(after) = places.get_mut(at + 1)
        {
            *after = true;
        }
    }
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
        Glob::compile(glob).unwrap().matches(&ImageReference::parse(image).unwrap())
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
}
