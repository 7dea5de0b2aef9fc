//! `config.json` of docker and `auth.json` of podman.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use sigward_verify::image::Repository;

use super::helper::Helpers;
use super::json::Object;
use super::{RegistryCredential, RegistrySecret};
use crate::{Error, files, limits};

/// Docker Hub as go-containerregistry and this program call it.
pub(super) const DOCKER_HUB: &str = "index.docker.io";
/// Docker Hub's key in files and helpers.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";
/// docker pads, kubectl need not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the environment says of where credentials are. Nothing is read before a credential is needed.
#[derive(Clone)]
pub struct KeychainSources {
    /// `$DOCKER_CONFIG`: the folder of `config.json`, in place of `.docker` in the home folder.
    pub docker_config_dir: Option<PathBuf>,
    /// `$DOCKER_AUTH_CONFIG`: the text of a `config.json`, as GitLab's runners have it.
    pub docker_auth_config: Option<String>,
    /// The home folder.
    pub home: Option<PathBuf>,
    /// `$REGISTRY_AUTH_FILE`: podman's file.
    pub registry_auth_file: Option<PathBuf>,
    /// `$XDG_RUNTIME_DIR`: where podman has its file otherwise.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`, in place of `.config` in the home folder: where podman's file may be too.
    pub xdg_config_home: Option<PathBuf>,
    /// `$PATH`: where credential helpers are.
    pub path: Option<OsString>,
    /// Time for one run of a credential helper.
    pub helper_patience: Duration,
}

impl Default for KeychainSources {
    fn default() -> Self {
        Self {
            docker_config_dir: None,
            docker_auth_config: None,
            home: None,
            registry_auth_file: None,
            xdg_runtime_dir: None,
            xdg_config_home: None,
            path: None,
            helper_patience: limits::HELPER,
        }
    }
}

impl fmt::Debug for KeychainSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeychainSources")
            .field("docker_config_dir", &self.docker_config_dir)
            .field("docker_auth_config", &self.docker_auth_config.is_some())
            .field("home", &self.home)
            .field("registry_auth_file", &self.registry_auth_file)
            .field("xdg_runtime_dir", &self.xdg_runtime_dir)
            .field("xdg_config_home", &self.xdg_config_home)
            .finish_non_exhaustive()
    }
}

impl KeychainSources {
    /// Reads the environment. An empty variable counts as not set.
    pub fn from_env() -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let path = |name| set(name).map(PathBuf::from);
        Self {
            docker_config_dir: path("DOCKER_CONFIG"),
            docker_auth_config: std::env::var("DOCKER_AUTH_CONFIG").ok().filter(|value| !value.is_empty()),
            home: path("HOME").or_else(|| path("USERPROFILE")),
            registry_auth_file: path("REGISTRY_AUTH_FILE"),
            xdg_runtime_dir: path("XDG_RUNTIME_DIR"),
            xdg_config_home: path("XDG_CONFIG_HOME"),
            path: set("PATH"),
            helper_patience: limits::HELPER,
        }
    }

    /// The files that may be there. The first one counts, as in go-containerregistry's `DefaultKeychain`.
    fn candidates(&self) -> impl Iterator<Item = PathBuf> {
        let below_home = |name| self.home.as_ref().map(|home| home.join(name));
        let docker = self.docker_config_dir.clone().or_else(|| below_home(".docker"));
        let podman = |folder: PathBuf| folder.join("containers").join("auth.json");
        let config_home = self.xdg_config_home.clone().or_else(|| below_home(".config"));
        [
            docker.map(|folder| folder.join("config.json")),
            self.registry_auth_file.clone(),
            self.xdg_runtime_dir.clone().map(podman),
            config_home.map(podman),
        ]
        .into_iter()
        .flatten()
    }
}

/// One configuration.
pub(super) struct DockerConfig {
    /// The file or variable, for messages.
    name: String,
    content: Content,
}

/// What is needed of the file; the rest is not looked at.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    auths: Option<BTreeMap<String, Object<Entry>>>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
    #[serde(rename = "credHelpers")]
    helpers: Option<BTreeMap<String, String>>,
}

/// One value of `auths`, here and in pull secrets.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl DockerConfig {
    /// What is configured, in the order in which it counts.
    pub(super) fn load(sources: &KeychainSources) -> Result<Vec<Self>, Error> {
        let mut found = Vec::new();
        if let Some(text) = &sources.docker_auth_config {
            found.push(Self::parse("DOCKER_AUTH_CONFIG".to_owned(), text.as_bytes())?);
        }
        for path in sources.candidates() {
            if let Some(bytes) = read(&path)? {
                found.push(Self::parse(path.display().to_string(), &bytes)?);
                break;
            }
        }
        Ok(found)
    }

    fn parse(name: String, bytes: &[u8]) -> Result<Self, Error> {
        // docker takes an empty file for one without settings.
        if bytes.trim_ascii().is_empty() {
            return Ok(Self { name, content: Content::default() });
        }
        let Object(content) = parse(&name, bytes)?;
        Ok(Self { name, content })
    }

    /// The credential of the longest configured path: a helper for it, otherwise what is in the file.
    pub(super) fn find(
        &self,
        repository: &Repository,
        helpers: &Helpers,
    ) -> Result<Option<RegistryCredential>, Arc<Error>> {
        let host = repository.registry().host();
        let mut path = Some(repository.path());
        while let Some(level) = path {
            let helper = matching(self.content.helpers.as_ref(), host, level).into_iter().next();
            let helper = match (helper, &self.content.store) {
                (Some((key, helper)), _) => Some((helper, key)),
                (None, Some(store)) if level.is_empty() => Some((store, usual_key(host))),
                _ => None,
            };
            if let Some((helper, server)) = helper.filter(|(helper, _)| !helper.is_empty())
                && let Some(found) = helpers.get(helper, server, &self.name)?
            {
                return Ok(Some(found));
            }
            for (key, Object(entry)) in matching(self.content.auths.as_ref(), host, level) {
                if let Some(secret) = entry.secret(&self.name, key)? {
                    return Ok(Some(RegistryCredential::new(&self.name, secret)));
                }
            }
            path = parent(level);
        }
        Ok(None)
    }
}

impl Entry {
    /// The secret, if the entry has one: `docker login` with a helper leaves empty ones behind.
    pub(super) fn secret(&self, file: &str, key: &str) -> Result<Option<RegistrySecret>, Error> {
        let set = |field: &Option<String>| field.clone().filter(|value| !value.is_empty());
        if let Some(token) = set(&self.registrytoken) {
            return Ok(Some(RegistrySecret::RegistryToken(token)));
        }
        if let Some(token) = set(&self.identitytoken) {
            return Ok(Some(RegistrySecret::IdentityToken(token)));
        }
        if let Some(auth) = set(&self.auth) {
            let decoded = decoded(&auth).ok_or_else(|| Error::CredentialFile {
                file: file.to_owned(),
                reason: format!("auths: {key:?}: auth: expected base64 of USER:PASSWORD"),
            });
            return decoded.map(Some);
        }
        let basic = set(&self.username).zip(set(&self.password));
        Ok(basic.map(|(user, password)| RegistrySecret::Basic { user, password }))
    }
}

fn decoded(auth: &str) -> Option<RegistrySecret> {
    let bytes = BASE64.decode(auth.replace(['\r', '\n'], "")).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':').filter(|(user, _)| !user.is_empty())?;
    // docker once padded passwords with zeros.
    Some(RegistrySecret::Basic { user: user.to_owned(), password: password.trim_matches('\0').to_owned() })
}

/// Reads JSON without repeating any of it in the error: it is full of secrets.
pub(super) fn parse<'a, T: Deserialize<'a>>(name: &str, bytes: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::CredentialFile {
        file: name.to_owned(),
        reason: format!("not a credential file: wrong at line {}, column {}", error.line(), error.column()),
    })
}

/// The file's content; nothing if there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let error = |reason: String| Error::CredentialFile { file: path.display().to_string(), reason };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if files::is_absent(&cause) => return Ok(None),
        Err(cause) => return Err(error(cause.to_string())),
    };
    let mut bytes = Vec::new();
    let limit = limits::CREDENTIAL_FILE;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|cause| error(cause.to_string()))?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= limit => Ok(Some(bytes)),
        _ => Err(error(format!("larger than {limit} bytes"))),
    }
}

/// Host and path that a key is for: a scheme, `/v1/` and `/v2/` mean nothing.
pub(super) fn place(key: &str) -> (String, &str) {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let path = path.trim_matches('/');
    let path = match path.split_once('/') {
        Some(("v1" | "v2", rest)) => rest,
        None if matches!(path, "v1" | "v2") => "",
        _ => path,
    };
    let host = host.to_ascii_lowercase();
    (if host == "docker.io" { DOCKER_HUB.to_owned() } else { host }, path)
}

/// The entries for exactly this host and path, that with the usual key first.
fn matching<'a, V>(map: Option<&'a BTreeMap<String, V>>, host: &str, path: &str) -> Vec<(&'a str, &'a V)> {
    let is_for = |key: &str| place(key) == (host.to_owned(), path);
    let found = map.into_iter().flatten().filter(|(key, _)| is_for(key));
    let mut found: Vec<_> = found.map(|(key, value)| (key.as_str(), value)).collect();
    let usual = if path.is_empty() { usual_key(host).to_owned() } else { format!("{host}/{path}") };
    found.sort_by_key(|(key, _)| *key != usual);
    found
}

fn usual_key(host: &str) -> &str {
    if host == DOCKER_HUB { DOCKER_HUB_KEY } else { host }
}

/// The path above, down to the empty one of the host itself.
pub(super) fn parent(path: &str) -> Option<&str> {
    if path.is_empty() { None } else { Some(path.rsplit_once('/').map_or("", |(parent, _)| parent)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_files_name_a_host_and_a_path() {
        for (key, host, path) in [
            ("https://index.docker.io/v1/", "index.docker.io", ""),
            ("index.docker.io", "index.docker.io", ""),
            ("docker.io", "index.docker.io", ""),
            ("docker.io/user", "index.docker.io", "user"),
            ("https://Quay.io/v2", "quay.io", ""),
            ("quay.io/org/", "quay.io", "org"),
            ("http://localhost:5000/v2/team/app", "localhost:5000", "team/app"),
            ("quay.io/v2ray", "quay.io", "v2ray"),
        ] {
            assert_eq!(place(key), (host.to_owned(), path), "{key}");
        }
    }

    #[test]
    fn errors_repeat_nothing_of_the_file() {
        let Err(error) = DockerConfig::parse("f".to_owned(), br#"{"auths":{"h":{"auth":12345678}}}"#) else {
            panic!("accepted")
        };
        assert!(matches!(&error, Error::CredentialFile { file, .. } if file == "f"));
        assert!(!error.to_string().contains("12345678"), "{error}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let sources = KeychainSources { docker_auth_config: Some("hunter2".to_owned()), ..Default::default() };
        let basic = RegistrySecret::Basic { user: "u".to_owned(), password: "hunter2".to_owned() };
        let shown = format!("{sources:?} {:?}", RegistryCredential::new("n", basic));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
