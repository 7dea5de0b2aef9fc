//! Pull secrets of Kubernetes, with kubelet's rules for which image each entry is (specs/policy-controller.md §2.17,
//! Kubernetes `pkg/credentialprovider/keyring.go`).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use sigward_verify::image::Repository;

use super::docker_config::{Entry, parse, place};
use super::json::Object;
use super::{RegistryCredential, RegistrySecret};
use crate::{Error, limits};

/// Credentials out of pull secrets.
#[derive(Clone, Default)]
pub struct PullSecrets {
    entries: Vec<Scoped>,
}

#[derive(Clone)]
struct Scoped {
    /// The secret's name, for messages.
    secret: String,
    key: String,
    /// Host and port, where each label may be a pattern.
    host: String,
    path: String,
    entry: Entry,
}

#[derive(Deserialize)]
struct DockerConfigJson {
    #[serde(default)]
    auths: Option<BTreeMap<String, Object<Entry>>>,
}

/// How a Secret holds credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullSecretForm {
    /// `kubernetes.io/dockerconfigjson`
    DockerConfigJson,
    /// `kubernetes.io/dockercfg`
    DockerCfg,
}

impl PullSecretForm {
    /// The form by the `type` of a Secret; `None` for Secrets of other types.
    pub fn of_type(secret_type: &str) -> Option<Self> {
        match secret_type {
            "kubernetes.io/dockerconfigjson" => Some(Self::DockerConfigJson),
            "kubernetes.io/dockercfg" => Some(Self::DockerCfg),
            _ => None,
        }
    }

    /// The entry of the Secret that holds them.
    pub fn entry(self) -> &'static str {
        match self {
            Self::DockerConfigJson => ".dockerconfigjson",
            Self::DockerCfg => ".dockercfg",
        }
    }
}

impl PullSecrets {
    /// Adds the entry of the secret `name`.
    ///
    /// # Errors
    /// [`Error::CredentialFile`] if it is not of this form.
    pub fn add(&mut self, form: PullSecretForm, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let bytes = bounded(name, bytes)?;
        let auths = match form {
            PullSecretForm::DockerConfigJson => {
                let Object(config): Object<DockerConfigJson> = parse(name, bytes)?;
                config.auths.unwrap_or_default()
            }
            PullSecretForm::DockerCfg => parse(name, bytes)?,
        };
        self.add_all(name, auths);
        Ok(())
    }

    fn add_all(&mut self, name: &str, auths: BTreeMap<String, Object<Entry>>) {
        self.entries.extend(auths.into_iter().map(|(key, Object(entry))| {
            let (host, path) = place(&key);
            Scoped { secret: name.to_owned(), host, path: path.to_owned(), key, entry }
        }));
        // The longest path first, then hosts without patterns, then kubelet's order; what was added first stays first.
        self.entries.sort_by_cached_key(|scoped| {
            let length = scoped.path.split_terminator('/').count();
            (
                Reverse(length),
                scoped.host.contains(['*', '?', '[']),
                Reverse((scoped.host.clone(), scoped.path.clone())),
            )
        });
    }

    /// The first credential that matches.
    pub(super) fn find(&self, repository: &Repository) -> Result<Option<RegistryCredential>, Error> {
        for scoped in self.entries.iter().filter(|scoped| scoped.is_for(repository)) {
            if let Some(secret) = scoped.secret()? {
                return Ok(Some(RegistryCredential::new(&format!("pull secret {}", scoped.secret), secret)));
            }
        }
        Ok(None)
    }
}

impl fmt::Debug for PullSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|scoped| (&scoped.secret, &scoped.key))).finish()
    }
}

impl Scoped {
    fn is_for(&self, repository: &Repository) -> bool {
        host_matches(&self.host, repository.registry().host()) && is_within(repository.path(), &self.path)
    }

    fn secret(&self) -> Result<Option<RegistrySecret>, Error> {
        self.entry.secret(&self.secret, &self.key)
    }
}

fn bounded<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
    let limit = limits::CREDENTIAL_FILE;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        return Ok(bytes);
    }
    Err(Error::CredentialFile { file: name.to_owned(), reason: format!("larger than {limit} bytes") })
}

/// kubelet compares texts, so that `quay.io/org` is for `quay.io/organisation` too; here whole parts count.
fn is_within(path: &str, above: &str) -> bool {
    above.is_empty() || path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The same port, as many labels, and each one matches.
fn host_matches(pattern: &str, host: &str) -> bool {
    if pattern == host {
        return true;
    }
    let ((pattern, pattern_port), (host, port)) = (split_port(pattern), split_port(host));
    let (patterns, labels): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), host.split('.').collect());
    pattern_port == port
        && patterns.len() == labels.len()
        && patterns.iter().zip(labels).all(|(pattern, label)| label_matches(pattern.as_bytes(), label.as_bytes()))
}

fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    }
}

/// Go's `filepath.Match` for one label; a pattern that is not well formed matches nothing.
fn label_matches(pattern: &[u8], label: &[u8]) -> bool {
    // Where the last star stood and how much it has taken: enough to go back to, so that the time is bounded.
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < label.len() {
        match step(pattern.get(at..).unwrap_or_default(), label.get(seen).copied()) {
            Step::Star => {
                star = Some((at + 1, seen));
                at += 1;
            }
            Step::Taken(length) => (at, seen) = (at + length, seen + 1),
            Step::Malformed => return false,
            Step::Other => match star {
                Some((after, taken)) => {
                    star = Some((after, taken + 1));
                    (at, seen) = (after, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
}

/// What the beginning of a pattern does with one byte.
enum Step {
    Star,
    /// It takes the byte, and is so long.
    Taken(usize),
    Other,
    Malformed,
}

fn step(pattern: &[u8], byte: Option<u8>) -> Step {
    match (pattern, byte) {
        ([b'*', ..], _) => Step::Star,
        ([b'?', ..], Some(_)) => Step::Taken(1),
        ([b'[', class @ ..], Some(byte)) => class_step(class, byte),
        ([b'\\', escaped, ..], Some(byte)) if *escaped == byte => Step::Taken(2),
        ([b'\\'], _) => Step::Malformed,
        ([first, ..], Some(byte)) if *first == byte && byte != b'\\' => Step::Taken(1),
        _ => Step::Other,
    }
}

/// `[a-z]`, `[^a-z]`.
fn class_step(class: &[u8], byte: u8) -> Step {
    let Some(end) = class.iter().position(|&byte| byte == b']').filter(|&end| end > 0) else { return Step::Malformed };
    let (inner, negated) = match class.get(..end).unwrap_or_default() {
        [b'^', rest @ ..] => (rest, true),
        inner => (inner, false),
    };
    let (mut rest, mut found) = (inner, false);
    while let [low, after @ ..] = rest {
        let high = match after {
            [b'-', high, after @ ..] => {
                rest = after;
                high
            }
            _ => {
                rest = after;
                low
            }
        };
        found |= (*low..=*high).contains(&byte);
    }
    if inner.is_empty() {
        return Step::Malformed;
    }
    // The opening bracket, the class, the closing one.
    if found != negated { Step::Taken(end + 2) } else { Step::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The truth table of Kubernetes' `TestURLsMatch`, and more.
    #[test]
    fn globs_of_kubelet() {
        for (pattern, host, expected) in [
            ("kubernetes.io", "kubernetes.io", true),
            ("*.kubernetes.io", "prefix.kubernetes.io", true),
            ("prefix.*.io", "prefix.kubernetes.io", true),
            ("prefix.kubernetes.*", "prefix.kubernetes.io", true),
            ("*-good.kubernetes.io", "prefix-good.kubernetes.io", true),
            ("kubernetes.io:5000", "kubernetes.io:5000", true),
            ("*.kubernetes.io:5000", "a.kubernetes.io:5000", true),
            ("kubernetes.io", "registry.io", false),
            ("*.kubernetes.io", "kubernetes.io", false),
            ("*.kubernetes.io", "deep.prefix.kubernetes.io", false),
            ("kubernetes.io:5000", "kubernetes.io", false),
            ("kubernetes.io", "kubernetes.io:5000", false),
            ("*", "kubernetes.io", false),
            ("*.*", "kubernetes.io", true),
            ("reg[0-9].io", "reg7.io", true),
            ("reg[^0-9].io", "reg7.io", false),
            ("reg?.io", "reg.io", false),
            ("reg[.io", "reg[.io", true),
            ("*[.io", "xx.io", false),
            ("a*b*c.io", "axbyc.io", true),
            ("a*b*c.io", "axby.io", false),
            ("*.evil.com", "good.com", false),
            ("[::1]:5000", "[::1]:5000", true),
        ] {
            assert_eq!(host_matches(pattern, host), expected, "{pattern} {host}");
        }
    }

    #[test]
    fn hostile_pattern_costs_little() {
        let pattern = "*a".repeat(2_000);
        let started = std::time::Instant::now();
        assert!(!label_matches(pattern.as_bytes(), "a".repeat(1_999).as_bytes()));
        assert!(started.elapsed() < std::time::Duration::from_secs(1));
    }

    fn found(json: &str, image: &str) -> Option<String> {
        let mut secrets = PullSecrets::default();
        secrets.add(PullSecretForm::DockerConfigJson, "s", json.as_bytes()).unwrap();
        let credential = secrets.find(&Repository::parse(image).unwrap()).unwrap()?;
        match credential.secret() {
            RegistrySecret::Basic { user, .. } => Some(user.clone()),
            other => panic!("{other:?}"),
        }
    }

    fn entry(key: &str, user: &str) -> String {
        format!(r#""{key}":{{"username":"{user}","password":"p"}}"#)
    }

    #[test]
    fn longest_path_wins_and_whole_parts_count() {
        let json = format!(
            r#"{{"auths":{{{},{},{},{}}}}}"#,
            entry("quay.io", "host"),
            entry("https://quay.io/v2/org", "org"),
            entry("quay.io/org/team", "team"),
            entry("*.io/other", "glob")
        );
        for (image, user) in [
            ("quay.io/x/y", "host"),
            ("quay.io/org/app", "org"),
            ("quay.io/org", "org"),
            ("quay.io/organisation/app", "host"),
            ("quay.io/org/team/app", "team"),
            ("quay.io/other/app", "glob"),
        ] {
            assert_eq!(found(&json, image).as_deref(), Some(user), "{image}");
        }
        assert_eq!(found(&json, "ghcr.io/org/app"), None);
    }

    #[test]
    fn docker_hub_by_each_of_its_names() {
        for key in ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "https://docker.io"] {
            let json = format!(r#"{{"auths":{{{}}}}}"#, entry(key, "u"));
            assert_eq!(found(&json, "nginx").as_deref(), Some("u"), "{key}");
            assert_eq!(found(&json, "quay.io/nginx"), None, "{key}");
        }
    }

    #[test]
    fn both_kinds_of_secrets() {
        let mut secrets = PullSecrets::default();
        secrets.add(PullSecretForm::DockerCfg, "old", format!("{{{}}}", entry("quay.io", "u")).as_bytes()).unwrap();
        assert!(secrets.find(&Repository::parse("quay.io/a/b").unwrap()).unwrap().is_some());
        let error = secrets.add(PullSecretForm::DockerConfigJson, "bad", b"{\"auths\":[]}").unwrap_err();
        assert!(matches!(error, Error::CredentialFile { file, .. } if file == "bad"));
        let error = secrets.add(PullSecretForm::DockerCfg, "big", &vec![b' '; 2 << 20]).unwrap_err();
        assert!(matches!(error, Error::CredentialFile { file, .. } if file == "big"));
    }
}
