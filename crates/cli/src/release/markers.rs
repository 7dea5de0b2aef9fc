//! Versions, and the marker files (`stable.txt`) that name one (specs/cosign.md §4.2). Nobody signs a marker.

use std::fmt;

/// A version of Kubernetes, as in `v1.30.0` or `v1.31.0-rc.1`; nothing else becomes a part of a URL or path.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
    /// Release candidates come before their release.
    stage: Stage,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Stage {
    Alpha(u32),
    Beta(u32),
    Candidate(u32),
    Release,
}

impl Version {
    /// Reads a version with its `v`, and nothing around it.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v')?;
        let (numbers, stage) = match text.split_once('-') {
            None => (text, Stage::Release),
            Some((numbers, stage)) => {
                let (name, count) = stage.split_once('.')?;
                let count = number(count)?;
                let stage = match name {
                    "alpha" => Stage::Alpha(count),
                    "beta" => Stage::Beta(count),
                    "rc" => Stage::Candidate(count),
                    _ => return None,
                };
                (numbers, stage)
            }
        };
        let mut parts = numbers.split('.').map(number);
        let (major, minor, patch) = (parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(Self { major, minor, patch, stage })
    }

    /// Major and minor number.
    pub fn minor(&self) -> (u32, u32) {
        (self.major, self.minor)
    }

    fn is_release(&self) -> bool {
        self.stage == Stage::Release
    }

    /// Every version that a text names, with or without its `v`. Versions of tools (`bom-v0.6.0`) are none of Kubernetes.
    /// A pre-release that is not understood (`v1.30.0-rc1`, `v1.30.0+5f3a`) is no mention of the release.
    pub fn mentioned(text: &str) -> Vec<Self> {
        let mut found = Vec::new();
        let mut before = None;
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            // Digits after a letter, a digit or a dot are a part of something else, but for the `v` of a version.
            let starts = c.is_ascii_digit() && before != Some(true);
            if starts && let Some(version) = Self::at_start(rest) {
                found.extend(Some(version).filter(|version| version.major > 0));
            }
            before = match (before, c) {
                (None | Some(false), 'v') => Some(false),
                (_, c) => Some(c.is_ascii_alphanumeric() || c == '.'),
            };
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        found
    }

    /// The version that a text begins with.
    fn at_start(text: &str) -> Option<Self> {
        let length = |text: &str, end: &dyn Fn(char) -> bool| text.find(|c: char| !end(c)).unwrap_or(text.len());
        let (numbers, rest) = text.split_at(length(text, &|c| c.is_ascii_digit() || c == '.'));
        // A sentence may end with a version.
        let numbers = numbers.strip_suffix('.').unwrap_or(numbers);
        let release = Self::parse(&format!("v{numbers}"))?;
        let Some(suffix) = rest.strip_prefix('-') else {
            let more = rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '+');
            return (!more).then_some(release);
        };
        let word = suffix.get(..length(suffix, &|c| c.is_ascii_alphanumeric() || c == '.')).unwrap_or_default();
        if !["alpha", "beta", "rc"].iter().any(|stage| word.starts_with(stage)) {
            return Some(release);
        }
        Self::parse(&format!("{release}-{}", word.trim_end_matches('.')))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}.{}", self.major, self.minor, self.patch)?;
        match self.stage {
            Stage::Alpha(count) => write!(f, "-alpha.{count}"),
            Stage::Beta(count) => write!(f, "-beta.{count}"),
            Stage::Candidate(count) => write!(f, "-rc.{count}"),
            Stage::Release => Ok(()),
        }
    }
}

/// A number as versions have them: no sign, no leading zero, at most five digits.
fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    if plain && canonical { text.parse().ok() } else { None }
}

/// Which version is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Choice {
    /// This one.
    Exact(Version),
    /// The one that a marker file names.
    Marker(Marker),
}

impl Choice {
    /// Reads what was typed: `v1.30.0`, `1.30.0`, `stable`, `latest`, `1.30`, `stable-1.30`.
    pub fn parse(typed: &str) -> Option<Self> {
        let with_v = if typed.starts_with('v') { typed.to_owned() } else { format!("v{typed}") };
        if let Some(version) = Version::parse(&with_v) {
            return Some(Self::Exact(version));
        }
        Marker::parse(typed).map(Self::Marker)
    }
}

/// A marker file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Marker {
    channel: Channel,
    of: Of,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Channel {
    Latest,
    Stable,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Of {
    All,
    Major(u32),
    Minor(u32, u32),
}

/// What is wrong with the content of a marker file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MarkerFault {
    /// It is no version.
    #[error("expected a version such as v1.30.0, found {found}")]
    NoVersion {
        /// Its first bytes, escaped.
        found: String,
    },
    /// It is a version that this marker cannot name.
    #[error("expected a version of {expected}, found {found}")]
    OtherVersion {
        /// What the marker is for.
        expected: String,
        /// What it names.
        found: String,
    },
}

impl Marker {
    /// Largest marker file, in bytes. The longest version has 23.
    pub const LIMIT: usize = 64;

    /// `stable.txt` without its ending.
    pub fn parse(typed: &str) -> Option<Self> {
        let (channel, rest) = match typed {
            "stable" => (Channel::Stable, None),
            "latest" => (Channel::Latest, None),
            _ => match (typed.strip_prefix("stable-"), typed.strip_prefix("latest-")) {
                (Some(rest), _) => (Channel::Stable, Some(rest)),
                (_, Some(rest)) => (Channel::Latest, Some(rest)),
                (None, None) => {
                    let typed = typed.strip_prefix('v').unwrap_or(typed);
                    (Channel::Stable, Some(typed).filter(|t| t.contains('.')))
                }
            },
        };
        let of = match rest {
            None if matches!(typed, "stable" | "latest") => Of::All,
            None => return None,
            Some(rest) => match rest.split_once('.') {
                None => Of::Major(number(rest)?),
                Some((major, minor)) => Of::Minor(number(major)?, number(minor)?),
            },
        };
        Some(Self { channel, of })
    }

    /// The marker of the newest stable version of a minor version.
    pub fn stable_of(major: u32, minor: u32) -> Self {
        Self { channel: Channel::Stable, of: Of::Minor(major, minor) }
    }

    /// The version that the file names.
    ///
    /// # Errors
    /// [`MarkerFault`] if it is none, or none that this marker may name.
    pub fn read(&self, bytes: &[u8]) -> Result<Version, MarkerFault> {
        let text = std::str::from_utf8(bytes).ok().map(|text| text.trim_ascii_end());
        let version = text.and_then(Version::parse).ok_or_else(|| {
            let start: String = String::from_utf8_lossy(bytes).chars().take(32).collect();
            MarkerFault::NoVersion { found: format!("{start:?}") }
        })?;
        let (fits, expected) = match self.of {
            Of::All => (true, "Kubernetes".to_owned()),
            Of::Major(major) => (version.major == major, major.to_string()),
            Of::Minor(major, minor) => (version.minor() == (major, minor), format!("{major}.{minor}")),
        };
        let other = |expected: String| MarkerFault::OtherVersion { expected, found: version.to_string() };
        match (fits, self.channel) {
            (false, _) => Err(other(expected)),
            (true, Channel::Stable) if !version.is_release() => Err(other(format!("{expected} that is released"))),
            (true, _) => Ok(version),
        }
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.channel {
            Channel::Latest => "latest",
            Channel::Stable => "stable",
        })?;
        match self.of {
            Of::All => Ok(()),
            Of::Major(major) => write!(f, "-{major}"),
            Of::Minor(major, minor) => write!(f, "-{major}.{minor}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn versions_are_strict() {
        for good in ["v1.30.0", "v1.31.0-rc.1", "v1.0.12", "v2.10.3-alpha.11"] {
            assert_eq!(Version::parse(good).unwrap().to_string(), good);
        }
        let bad = [
            "",
            "v",
            "1.30.0",
            "v1.30",
            "v1.30.0.1",
            "v1.30.0-",
            "v1.30.0-rc",
            "v1.30.0-rc.1.2",
            "v01.30.0",
            "v1.30.+0",
            "v1.30.0/..",
            "../v1.30.0",
            "v1.30.0 ",
            "v1.30.0\n",
            "v1.30.123456",
            "v1.30.0-foo.1",
            "v-1.3.0",
        ];
        for bad in bad {
            assert_eq!(Version::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_typed() {
        let marker = |text: &str| match Choice::parse(text) {
            Some(Choice::Marker(marker)) => marker.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(Choice::parse("1.30.2"), Choice::parse("v1.30.2"));
        assert_eq!(marker("stable"), "stable");
        assert_eq!(marker("latest-1"), "latest-1");
        assert_eq!(marker("1.30"), "stable-1.30");
        assert_eq!(marker("v1.30"), "stable-1.30");
        for bad in ["", "1", "unstable", "stable-", "stable-x", "stable/../x", "1.30.x", "..", "stable-1.30.0"] {
            assert_eq!(Choice::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_marker_names_only_what_it_is_for() {
        let read = |marker: &str, content: &str| Marker::parse(marker).unwrap().read(content.as_bytes());
        assert_eq!(read("stable", "v1.30.0\n").unwrap().to_string(), "v1.30.0");
        assert_eq!(read("latest", "v1.31.0-alpha.1").unwrap().to_string(), "v1.31.0-alpha.1");
        assert!(matches!(read("stable", "v1.31.0-alpha.1"), Err(MarkerFault::OtherVersion { .. })));
        assert!(matches!(read("1.30", "v1.29.0"), Err(MarkerFault::OtherVersion { .. })));
        assert!(matches!(read("stable-1", "v2.0.0"), Err(MarkerFault::OtherVersion { .. })));
        for nonsense in ["", "../x", "v1.30.0/../../x", "<html>", "v1.30.0\nv1.31.0", "v1.30.0\0", "\u{1b}[2J"] {
            assert!(matches!(read("stable", nonsense), Err(MarkerFault::NoVersion { .. })), "{nonsense:?}");
        }
        assert!(matches!(Marker::parse("stable").unwrap().read(&[0xff]), Err(MarkerFault::NoVersion { .. })));
    }

    #[test]
    fn versions_in_texts() {
        let found = |text: &str| Version::mentioned(text).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found("Kubernetes Release v1.30.0"), ["v1.30.0"]);
        assert_eq!(found("https://sbom.k8s.io/v1.30.0-rc.1/release"), ["v1.30.0-rc.1"]);
        assert_eq!(found("kubernetes-v1.30.0"), ["v1.30.0"]);
        assert_eq!(found("kubernetes-release-v1.30.0-6a0e9b1c"), ["v1.30.0"]);
        assert_eq!(found("Kubernetes 1.30.0, by bom-v0.6.0."), ["v1.30.0"]);
        assert_eq!(found("v1.29.1 and v1.30.0-alpha.1."), ["v1.29.1", "v1.30.0-alpha.1"]);
        for none in
            ["a document", "v1.30.0-rc1", "v1.30.0+5f3a", "SPDX-2.3", "10.0.0.1", "v1.30.0.1", "1.30.0a", "x1.30.0"]
        {
            assert_eq!(found(none), Vec::<String>::new(), "{none}");
        }
    }

    #[test]
    fn candidates_come_before_their_release() {
        let version = |text| Version::parse(text).unwrap();
        assert!(version("v1.30.0-rc.1") < version("v1.30.0"));
        assert!(version("v1.9.0") < version("v1.30.0"));
    }
}
