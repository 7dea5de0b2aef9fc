//! Where a release has what (specs/cosign.md §4.1, §4.2): paths, platforms, what is signed, and which files are wanted.

use std::fmt;

use super::glob::Pattern;
use super::markers::Version;

/// The SBOM of what is released: the second witness.
pub const RELEASE_SBOM: &str = "kubernetes-release.spdx";
/// The SBOM of the source code.
pub const SOURCE_SBOM: &str = "kubernetes-source.spdx";
/// The list of files. Nobody signs it.
pub const SUMS: &str = "SHA256SUMS";
/// What lies in a release and is never signed (`krel sign blobs` leaves it out, or it comes afterwards).
pub const UNSIGNED: [&str; 3] = [SUMS, "SHA512SUMS", "provenance.json"];
/// Endings of what speaks for a file, and of what is never signed.
const BESIDE: [&str; 9] =
    [".sig", ".cert", ".pem", ".sha256", ".sha512", ".docker_tag", ".sigstore.json", ".sigstore", ".asc"];
/// Longest path. Kubernetes' longest has about 60 characters.
const LONGEST: usize = 512;

/// A path within a release: checked, so that it can be a part of a URL and of a file name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ArtifactPath(String);

/// A path that is not used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{path} is no path within a release: {reason}")]
pub struct BadPath {
    /// The path, escaped.
    pub path: String,
    /// What is wrong.
    pub reason: &'static str,
}

impl ArtifactPath {
    /// Checks a path from an index, an SBOM or a lockfile.
    ///
    /// # Errors
    /// [`BadPath`] if it is absolute, leaves the release's folder, is hidden, or holds unusual characters.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        let bad = |reason| {
            let path: String = text.chars().take(120).flat_map(char::escape_debug).collect();
            Err(BadPath { path, reason })
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+' | b'/');
        if text.is_empty() || text.len() > LONGEST {
            return bad("it must have 1 to 512 characters");
        }
        if text.starts_with('/') {
            return bad("it is absolute");
        }
        for part in text.split('/') {
            match part {
                "" => return bad("it has an empty part"),
                "." | ".." => return bad("it has a part . or .."),
                _ if part.starts_with('.') => return bad("it has a hidden part"),
                _ => {}
            }
        }
        if !text.bytes().all(plain) {
            return bad("allowed are a-z, A-Z, 0-9, and . _ - + /");
        }
        Ok(Self(text.to_owned()))
    }

    /// Checks a path that may begin as SPDX wants it (`./`), with the release's folder or its URL, or with the platform of a
    /// binary.
    ///
    /// # Errors
    /// [`BadPath`], as [`Self::parse`].
    pub fn parse_listed(text: &str, version: &Version) -> Result<Self, BadPath> {
        let text = match text.split_once("://") {
            Some((_, rest)) => rest.split_once(&format!("/release/{version}/")).map_or(text, |(_, inner)| inner),
            None => text,
        };
        let text = text.strip_prefix("./").unwrap_or(text);
        let text = text.strip_prefix("release/").unwrap_or(text);
        let text = text.strip_prefix(&format!("{version}/")).unwrap_or(text);
        match text.split('/').collect::<Vec<_>>().as_slice() {
            ["darwin" | "linux" | "windows", _, _] => Self::parse(&format!("bin/{text}")),
            _ => Self::parse(text),
        }
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last part.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Its path below the server's root.
    pub fn in_release(&self, version: &Version) -> String {
        format!("release/{version}/{self}")
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        let name = self.name();
        if UNSIGNED.contains(&self.0.as_str()) {
            return Kind::Unsigned;
        }
        if BESIDE.iter().any(|ending| name.ends_with(ending)) {
            return Kind::Beside;
        }
        match self.0.split('/').collect::<Vec<_>>().as_slice() {
            [RELEASE_SBOM | SOURCE_SBOM] => Kind::Sbom,
            [_] if name.ends_with(".tar.gz") => Kind::Tarball,
            // Others, such as `bin/bash`, are files of images that an SBOM looks into.
            ["bin", os, architecture, _] if Platform::new(os, architecture).is_some() => match name.ends_with(".tar") {
                true => Kind::ImageArchive,
                false => Kind::Binary,
            },
            _ => Kind::Other,
        }
    }

    /// The platform that it is for; `None` if it is for all.
    pub fn platform(&self) -> Option<Platform> {
        let mut parts = self.0.split('/');
        if parts.next() == Some("bin") {
            return Platform::new(parts.next()?, parts.next()?);
        }
        let stem = self.0.strip_prefix("kubernetes-")?.strip_suffix(".tar.gz")?;
        let rest = ["client-", "node-", "server-", "test-"].iter().find_map(|part| stem.strip_prefix(part))?;
        let (os, architecture) = rest.split_once('-')?;
        Platform::new(os, architecture)
    }
}

impl fmt::Display for ArtifactPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a file of a release is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// What speaks for another file.
    Beside,
    /// `bin/OS/ARCH/NAME`.
    Binary,
    /// `bin/OS/ARCH/NAME.tar`: a container image.
    ImageArchive,
    /// Anything else, such as `extra/gce/configure.sh`.
    Other,
    /// One of the two SBOMs.
    Sbom,
    /// `kubernetes-….tar.gz`.
    Tarball,
    /// Never signed.
    Unsigned,
}

/// An operating system and a processor, as in `linux/amd64`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Platform {
    os: String,
    architecture: String,
}

impl Platform {
    fn new(os: &str, architecture: &str) -> Option<Self> {
        let plain = |part: &str| {
            !part.is_empty()
                && part.len() <= 32
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        (plain(os) && plain(architecture)).then(|| Self { os: os.to_owned(), architecture: architecture.to_owned() })
    }

    /// Reads `OS/ARCH`.
    pub fn parse(text: &str) -> Option<Self> {
        let (os, architecture) = text.split_once('/')?;
        Self::new(os, architecture)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// Which files are wanted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Selection {
    /// Platforms; none means all.
    pub platforms: Vec<Platform>,
    /// Names or patterns; none means everything that the release signs and its SBOM names: binaries, tarballs, SBOMs.
    pub only: Vec<Pattern>,
    /// Files of no kind that a release has, where none is asked for by name.
    pub others: Others,
}

/// Whether files of an unknown kind are wanted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Others {
    /// They are passed over: a server has more than a release.
    #[default]
    Left,
    /// They are judged like all others: who runs what lies in a folder must know of each file.
    Wanted,
}

impl Selection {
    /// Whether a file is wanted.
    pub fn wants(&self, path: &ArtifactPath) -> bool {
        if !self.only.is_empty() {
            let of_platform = path.platform().is_none_or(|platform| self.has(&platform));
            return path.kind() != Kind::Beside && of_platform && self.asks_for(path);
        }
        match path.kind() {
            Kind::Sbom => true,
            Kind::Beside | Kind::Unsigned => false,
            Kind::Other if self.others == Others::Left => false,
            Kind::Binary | Kind::ImageArchive | Kind::Other | Kind::Tarball => match path.platform() {
                Some(platform) => self.has(&platform),
                None => self.platforms.is_empty(),
            },
        }
    }

    /// Whether a file is asked for by name or pattern.
    pub fn asks_for(&self, path: &ArtifactPath) -> bool {
        self.only.iter().any(|pattern| pattern.matches(path.as_str()))
    }

    /// Where the files would be that are asked for by name, if no list names them.
    pub fn guesses(&self, pattern: &Pattern) -> Vec<ArtifactPath> {
        let Some(name) = pattern.literal() else { return Vec::new() };
        let top_level = name.contains('/') || name.ends_with(".tar.gz") || UNSIGNED.contains(&name);
        let paths: Vec<String> = if top_level {
            vec![name.to_owned()]
        } else {
            let suffix = |platform: &Platform| if platform.os == "windows" { ".exe" } else { "" };
            self.platforms.iter().map(|platform| format!("bin/{platform}/{name}{}", suffix(platform))).collect()
        };
        paths.iter().filter_map(|path| ArtifactPath::parse(path).ok()).collect()
    }

    fn has(&self, platform: &Platform) -> bool {
        self.platforms.is_empty() || self.platforms.contains(platform)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn path(text: &str) -> ArtifactPath {
        ArtifactPath::parse(text).unwrap()
    }

    fn selection(platforms: &[&str], only: &[&str]) -> Selection {
        Selection {
            platforms: platforms.iter().map(|text| Platform::parse(text).unwrap()).collect(),
            only: only.iter().map(|text| Pattern::parse(text).unwrap()).collect(),
            others: Others::Left,
        }
    }

    #[test]
    fn paths_that_leave_the_release_are_refused() {
        let bad = [
            "",
            "/etc/passwd",
            "../x",
            "bin/../../x",
            "bin/..",
            "./x",
            "bin//x",
            "bin/",
            ".hidden",
            "bin/.x",
            "a b",
            "a\\b",
            "a\0b",
            "a%2e%2e/b",
            "a?b",
            "a#b",
            "ä",
            "a\nb",
        ];
        for bad in bad {
            assert!(ArtifactPath::parse(bad).is_err(), "{bad:?}");
        }
        assert!(ArtifactPath::parse(&"a".repeat(513)).is_err());
        let version = Version::parse("v1.30.0").unwrap();
        for listed in ["./bin/linux/amd64/kubectl", "release/v1.30.0/bin/linux/amd64/kubectl"] {
            assert_eq!(ArtifactPath::parse_listed(listed, &version).unwrap().as_str(), "bin/linux/amd64/kubectl");
        }
        for listed in ["linux/amd64/kubectl", "https://dl.k8s.io/release/v1.30.0/bin/linux/amd64/kubectl"] {
            assert_eq!(ArtifactPath::parse_listed(listed, &version).unwrap().as_str(), "bin/linux/amd64/kubectl");
        }
        let elsewhere = "https://dl.k8s.io/release/v1.29.0/bin/linux/amd64/kubectl";
        for bad in ["./../x", elsewhere, "https://x/release/v1.30.0/../x", "linux/../x", "gs://x", "v1.30.0//x"] {
            assert!(ArtifactPath::parse_listed(bad, &version).is_err(), "{bad}");
        }
    }

    #[test]
    fn kinds_and_platforms() {
        let cases = [
            ("bin/linux/amd64/kubectl", Kind::Binary, Some("linux/amd64")),
            ("bin/windows/amd64/kubectl.exe", Kind::Binary, Some("windows/amd64")),
            ("bin/linux/arm64/kube-proxy.tar", Kind::ImageArchive, Some("linux/arm64")),
            ("bin/linux/arm64/kube-proxy.docker_tag", Kind::Beside, Some("linux/arm64")),
            ("kubernetes-server-linux-s390x.tar.gz", Kind::Tarball, Some("linux/s390x")),
            ("kubernetes-test-portable.tar.gz", Kind::Tarball, None),
            ("kubernetes.tar.gz", Kind::Tarball, None),
            ("kubernetes-release.spdx", Kind::Sbom, None),
            ("extra/gce/configure.sh", Kind::Other, None),
            ("bin/bash", Kind::Other, None),
            ("bin/linux/amd64/x/y", Kind::Other, Some("linux/amd64")),
            ("provenance.json", Kind::Unsigned, None),
            ("SHA256SUMS", Kind::Unsigned, None),
            ("bin/linux/amd64/kubectl.sig", Kind::Beside, Some("linux/amd64")),
        ];
        for (text, kind, platform) in cases {
            assert_eq!(path(text).kind(), kind, "{text}");
            assert_eq!(path(text).platform().map(|p| p.to_string()).as_deref(), platform, "{text}");
        }
    }

    #[test]
    fn what_is_wanted() {
        let all = selection(&[], &[]);
        assert!(all.wants(&path("bin/linux/amd64/kubectl")) && all.wants(&path("kubernetes-src.tar.gz")));
        assert!(!all.wants(&path("provenance.json")) && !all.wants(&path("extra/gce/configure.sh")));
        let linux = selection(&["linux/amd64"], &[]);
        assert!(linux.wants(&path("kubernetes-node-linux-amd64.tar.gz")));
        assert!(!linux.wants(&path("bin/linux/arm64/kubectl")) && !linux.wants(&path("kubernetes.tar.gz")));
        let kubectl = selection(&["linux/amd64", "windows/amd64"], &["kubectl", "*.tar.gz"]);
        assert!(kubectl.wants(&path("bin/linux/amd64/kubectl")));
        assert!(kubectl.wants(&path("bin/windows/amd64/kubectl.exe")));
        assert!(kubectl.wants(&path("kubernetes.tar.gz")));
        assert!(!kubectl.wants(&path("bin/linux/amd64/kubectl-convert")));
        assert!(!kubectl.wants(&path("bin/darwin/arm64/kubectl")));
        assert!(!kubectl.wants(&path("kubernetes-client-darwin-arm64.tar.gz")));
    }

    #[test]
    fn guesses_are_made_of_names_alone() {
        let selection = selection(&["linux/amd64", "windows/amd64"], &["kubectl", "kube*"]);
        let guesses = |pattern| selection.guesses(pattern).iter().map(ToString::to_string).collect::<Vec<_>>();
        let [name, glob] = selection.only.as_slice() else { panic!() };
        assert_eq!(guesses(name), ["bin/linux/amd64/kubectl", "bin/windows/amd64/kubectl.exe"]);
        assert_eq!(guesses(glob), Vec::<String>::new());
    }
}
