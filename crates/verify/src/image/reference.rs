//! Names of images, read as go-containerregistry reads them (specs/policy-controller.md §2.3, `pkg/name`, weak mode).

use std::fmt;

use crate::digest::{Digest, HashAlgorithm};

/// Docker Hub, as go-containerregistry spells it. Outputs and policies use this spelling.
const DOCKER_HUB: &str = "index.docker.io";
/// The namespace of Docker Hub's own images.
const DOCKER_HUB_LIBRARY: &str = "library/";
const DEFAULT_TAG: &str = "latest";
/// Source: go-containerregistry `name/tag.go`, and the distribution specification.
const TAG_LENGTH: usize = 128;
/// Source: go-containerregistry `name/repository.go`.
const REPOSITORY_LENGTHS: std::ops::RangeInclusive<usize> = 2..=255;

/// A host of images: a name or address, and perhaps a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Registry {
    host: String,
}

/// Over which scheme a registry may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemeRule {
    /// https.
    HttpsOnly,
    /// https first, and http if nobody speaks TLS there: the host is this machine or a private network.
    HttpsThenHttp,
}

impl Registry {
    /// Host and port, as in `localhost:5000`; Docker Hub is `index.docker.io`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Over which scheme it may be asked, by its name alone (specs/cosign.md §2.10).
    pub fn scheme_rule(&self) -> SchemeRule {
        if is_private(&self.host) { SchemeRule::HttpsThenHttp } else { SchemeRule::HttpsOnly }
    }

    fn is_docker_hub(&self) -> bool {
        self.host == DOCKER_HUB
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    registry: Registry,
    path: String,
}

impl Repository {
    /// Reads `registry.example/some/repository`, without tag and digest.
    ///
    /// # Errors
    /// [`BadReference`] if it is none.
    pub fn parse(text: &str) -> Result<Self, BadReference> {
        let bad = |reason| BadReference { text: text.to_owned(), reason };
        let (registry, path) = match text.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) => (first, rest),
            _ => ("", text),
        };
        if !REPOSITORY_LENGTHS.contains(&path.len()) {
            return Err(bad("a repository has 2 to 255 characters"));
        }
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.' | b'/');
        if !path.bytes().all(allowed) {
            return Err(bad("a repository consists of a-z, 0-9, _, -, . and /"));
        }
        // Go takes these; a server or proxy that resolves them would serve another repository.
        if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(bad("a repository has no empty, . or .. parts"));
        }
        let registry = parse_registry(registry).ok_or_else(|| bad("the registry is no host name"))?;
        let path = if registry.is_docker_hub() && !path.contains('/') {
            format!("{DOCKER_HUB_LIBRARY}{path}")
        } else {
            path.to_owned()
        };
        Ok(Self { registry, path })
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The path within the registry, as in `library/nginx`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `https://HOST/v2/PATH`. The room that asks may fall back to http where [`Registry::scheme_rule`] allows it.
    pub fn base_url(&self) -> String {
        format!("https://{}/v2/{}", self.registry, self.path)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

/// The name of an image, as it was typed and as it was understood.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageReference {
    typed: String,
    repository: Repository,
    tag: Option<String>,
    target: Target,
    /// The name to show, where it is not made of repository and target.
    shown: Option<String>,
}

/// What a reference points at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// Whatever the tag means at present.
    Tag(String),
    /// This content, `sha256:…`. A tag beside it is not asked for.
    Digest(String),
}

impl ImageReference {
    /// Reads `[REGISTRY/]REPOSITORY[:TAG][@sha256:HEX]`.
    ///
    /// # Errors
    /// [`BadReference`] if it is none.
    pub fn parse(text: &str) -> Result<Self, BadReference> {
        let bad = |reason| BadReference { text: text.to_owned(), reason };
        let (base, digest) = match text.split_once('@') {
            None => (text, None),
            Some((base, digest)) => {
                let hex = digest.strip_prefix("sha256:").ok_or_else(|| bad("a digest is sha256:HEX"))?;
                let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                if hex.len() != 64 || !hex.bytes().all(lower) {
                    return Err(bad("a sha256 digest has 64 digits 0-9 and a-f"));
                }
                (base, Some(digest.to_owned()))
            }
        };
        let (repository, tag) = match base.rsplit_once(':') {
            // After a port comes a slash.
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (base, None),
        };
        let tag = tag.filter(|t| !t.is_empty());
        if let Some(tag) = tag {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
            if tag.len() > TAG_LENGTH || !tag.bytes().all(allowed) {
                return Err(bad("a tag has at most 128 characters A-Z, a-z, 0-9, _, - and ."));
            }
        }
        let repository = Repository::parse(repository).map_err(|error| bad(error.reason))?;
        let target = match digest {
            Some(digest) => Target::Digest(digest),
            None => Target::Tag(tag.unwrap_or(DEFAULT_TAG).to_owned()),
        };
        let (typed, tag) = (text.to_owned(), tag.map(str::to_owned));
        Ok(Self { typed, repository, tag, target, shown: None })
    }

    /// An image that is no registry's: in the folder `name`, with this digest. `None` if it is no digest.
    pub fn in_layout(name: &str, digest: &str) -> Option<Self> {
        // A host that cannot exist (RFC 6761): whoever asked for it would ask nobody.
        let repository = Repository { registry: Registry { host: "layout.invalid".into() }, path: "image".into() };
        let target = Target::Digest(super::manifest::content_digest(digest)?.to_string());
        Some(Self { typed: name.to_owned(), repository, tag: None, target, shown: Some(name.to_owned()) })
    }

    /// The text as it was typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag as typed, also where a digest is beside it.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// What it points at.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The digest, if the reference has one.
    pub fn digest(&self) -> Option<Digest> {
        match &self.target {
            Target::Digest(text) => Digest::parse(text).filter(|d| d.algorithm() == HashAlgorithm::Sha256),
            Target::Tag(_) => None,
        }
    }

    /// The full name, as go-containerregistry's `Name()`: `registry/repository:tag` or `registry/repository@digest`.
    pub fn name(&self) -> String {
        match (&self.shown, &self.target) {
            (Some(shown), _) => shown.clone(),
            (None, Target::Tag(tag)) => format!("{}:{tag}", self.repository),
            (None, Target::Digest(digest)) => format!("{}@{digest}", self.repository),
        }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// A text that names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not parse reference: {text}: {reason}")]
pub struct BadReference {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Docker Hub for an empty name; host names compare without case, so they are kept in lower case.
fn parse_registry(text: &str) -> Option<Registry> {
    let host = match text {
        "" | "docker.io" => DOCKER_HUB.to_owned(),
        other => other.to_ascii_lowercase(),
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host.as_str(), None),
    };
    // One text for one port and one host: `0443` and `ghcr.io.` are asked at the same places as `443` and `ghcr.io`, and
    // would slip past a policy for those.
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let port_is_good = port.is_none_or(|port| is_port(port) && !port.starts_with('0'));
    let name_is_good = match name.strip_prefix('[').and_then(|n| n.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None if ends_in_a_number(name) => name.parse::<std::net::Ipv4Addr>().is_ok(),
        None => !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')),
    };
    (port_is_good && name_is_good && !name.starts_with(['.', '-']) && !name.ends_with('.')).then_some(Registry { host })
}

/// Whether it is an address: no name of a host ends so (WHATWG URL, "ends in a number"). System libraries read `10.5`,
/// `0x0a000005` and `012.0.0.5` as one too, which would be further names for one place.
fn ends_in_a_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_hex = |hex: &str| hex.bytes().all(|b| b.is_ascii_hexdigit());
    !last.is_empty() && (last.bytes().all(|b| b.is_ascii_digit()) || last.strip_prefix("0x").is_some_and(is_hex))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

/// go-containerregistry's rule for http: this machine, private addresses (RFC 1918), `.local` and `.localhost`. Theirs
/// looks for `127.0.0.1` anywhere in the name; ours reads addresses as such.
fn is_private(host: &str) -> bool {
    let name = without_port(host);
    if let Ok(address) = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>() {
        return match address {
            std::net::IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
            std::net::IpAddr::V6(v6) => v6.is_loopback(),
        };
    }
    name == "localhost" || name.ends_with(".local") || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_go_containerregistry_reads_them() {
        let hex = "0".repeat(64);
        for (typed, name) in [
            ("nginx", "index.docker.io/library/nginx:latest".to_owned()),
            ("nginx:", "index.docker.io/library/nginx:latest".to_owned()),
            ("nginx:1.27", "index.docker.io/library/nginx:1.27".to_owned()),
            ("docker.io/nginx", "index.docker.io/library/nginx:latest".to_owned()),
            ("index.docker.io/user/app:v1", "index.docker.io/user/app:v1".to_owned()),
            ("user/app", "index.docker.io/user/app:latest".to_owned()),
            ("localhost/app", "index.docker.io/localhost/app:latest".to_owned()),
            ("localhost:5000/app", "localhost:5000/app:latest".to_owned()),
            ("GHCR.io/org/app:V1", "ghcr.io/org/app:V1".to_owned()),
            ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10".to_owned()),
            ("[::1]:5000/app", "[::1]:5000/app:latest".to_owned()),
            ("10.0.0.5:5000/app", "10.0.0.5:5000/app:latest".to_owned()),
            ("reg.x5/app", "reg.x5/app:latest".to_owned()),
            (&*format!("a.b/c:tag@sha256:{hex}"), format!("a.b/c@sha256:{hex}")),
            (&*format!("a.b/cc@sha256:{hex}"), format!("a.b/cc@sha256:{hex}")),
        ] {
            match ImageReference::parse(typed) {
                Ok(reference) => assert_eq!(reference.name(), name, "{typed}"),
                // A repository of one character is invalid, as upstream.
                Err(_) => assert!(typed.starts_with("a.b/c:"), "{typed}"),
            }
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let hex = "0".repeat(64);
        for typed in [
            "",
            "a",
            "UPPER/case",
            "nginx:ta/g!",
            "nginx@sha256:00",
            "nginx@sha512:00",
            "a b/c",
            "reg.io/../admin/x",
            "reg.io/a//b",
            "reg.io:99999/app",
            "reg.io:/app",
            "reg.io:0443/app",
            "reg.io:+443/app",
            "reg.io:0/app",
            "10.5:5000/app",
            "010.0.0.5/app",
            "10.0.0.0x5/app",
            "0x0a000005:5000/app",
            "167772165:5000/app",
            "10.0.0.256/app",
            "reg.io./app",
            "reg.io.:443/app",
            "user:password@reg.io/app",
            ".io/app",
            &format!("nginx@sha256:{}", "A".repeat(64)),
            &format!("nginx@sha256:{hex}@sha256:{hex}"),
            &format!("nginx:{}", "t".repeat(129)),
        ] {
            assert!(ImageReference::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn http_is_for_this_machine_and_private_networks() {
        let rule = |text: &str| Repository::parse(text).unwrap().registry().scheme_rule();
        for text in [
            "localhost:5000/app",
            "127.0.0.1:5000/app",
            "10.1.2.3/app",
            "192.168.0.1:80/app",
            "reg.local/app",
            "a.localhost:1/app",
            "[::1]:5000/app",
        ] {
            assert_eq!(rule(text), SchemeRule::HttpsThenHttp, "{text}");
        }
        for text in ["ghcr.io/app", "127.0.0.1.evil.com/app", "8.8.8.8/app", "local.io/app", "nginx"] {
            assert_eq!(rule(text), SchemeRule::HttpsOnly, "{text}");
        }
    }
}
