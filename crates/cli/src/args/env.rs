//! Every environment variable that has an effect, in one place.

use std::ffi::OsString;
use std::path::PathBuf;

use super::error::UsageErrorKind;
use super::flag::{EnvironmentNames, Flag, FlagGroups, all};
use super::notice::Notice;
use super::request::Secret;
use super::values::Values;

/// The repository that holds signatures instead of the image's own.
pub const COSIGN_REPOSITORY: &str = "COSIGN_REPOSITORY";
/// The largest signature payload or attested blob, as in `128MiB`.
pub const COSIGN_MAX_ATTACHMENT_SIZE: &str = "COSIGN_MAX_ATTACHMENT_SIZE";
/// Certificate authorities in PEM, instead of those of the trust root.
pub const SIGSTORE_ROOT_FILE: &str = "SIGSTORE_ROOT_FILE";
/// The key of a certificate transparency log, instead of those of the trust root.
pub const SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: &str = "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE";
/// The key of a transparency log, instead of those of the trust root.
pub const SIGSTORE_REKOR_PUBLIC_KEY: &str = "SIGSTORE_REKOR_PUBLIC_KEY";
/// The chain of a timestamp authority in PEM, instead of those of the trust root.
pub const SIGSTORE_TSA_CERTIFICATE_FILE: &str = "SIGSTORE_TSA_CERTIFICATE_FILE";
/// Whether TUF metadata are kept only in memory.
pub const SIGSTORE_NO_CACHE: &str = "SIGSTORE_NO_CACHE";
/// Where TUF metadata are kept, instead of `~/.sigstore/root`.
pub const TUF_ROOT: &str = "TUF_ROOT";
/// Another TUF repository.
pub const TUF_MIRROR: &str = "TUF_MIRROR";
/// The root of that repository.
pub const TUF_ROOT_JSON: &str = "TUF_ROOT_JSON";
/// The directory of docker's configuration, instead of `~/.docker`.
pub const DOCKER_CONFIG: &str = "DOCKER_CONFIG";
/// The file with podman's credentials.
pub const REGISTRY_AUTH_FILE: &str = "REGISTRY_AUTH_FILE";
/// The directory in which podman keeps credentials as long as a user is logged in.
pub const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";
/// The directory for configuration, instead of `~/.config`: podman's file with credentials may be there too.
pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// The text of docker's config.json, as runners of GitLab have it.
pub const DOCKER_AUTH_CONFIG: &str = "DOCKER_AUTH_CONFIG";
/// No colours, if not empty (<https://no-color.org>).
pub const NO_COLOR: &str = "NO_COLOR";
/// The home directory.
pub const HOME: &str = "HOME";
/// The directory for caches, instead of `~/.cache`.
pub const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";
/// The directory for what sigward keeps, instead of one in the directory for caches.
pub const SIGWARD_CACHE: &str = "SIGWARD_CACHE";

/// The variables that are not flags and have an effect today, as the manual explains them.
pub(super) static DOCUMENTED: &[(&str, &str)] = &[
    (SIGWARD_CACHE, "Where log entries that were looked up are kept (default: sigward in XDG_CACHE_HOME or ~/.cache)."),
    (XDG_CACHE_HOME, "The directory for caches."),
    (HOME, "The home directory."),
    (COSIGN_REPOSITORY, "The repository that holds signatures and attestations, instead of the image's own."),
    (COSIGN_MAX_ATTACHMENT_SIZE, "Largest signature or attestation of an image that is read (default: 128MiB)."),
    (DOCKER_CONFIG, "The directory of docker's config.json, for credentials of registries (default: ~/.docker)."),
    (REGISTRY_AUTH_FILE, "The file with podman's credentials (default: containers/auth.json in XDG_RUNTIME_DIR)."),
    (DOCKER_AUTH_CONFIG, "The text of a docker config.json, for credentials of registries."),
    (XDG_CONFIG_HOME, "The directory for configuration (default: ~/.config): containers/auth.json may be there too."),
    (XDG_RUNTIME_DIR, "The directory for what is kept as long as a user is logged in."),
    (TUF_ROOT, "Where TUF metadata are kept (default: ~/.sigstore/root)."),
    (TUF_MIRROR, "Another TUF repository."),
    (TUF_ROOT_JSON, "The root of that repository."),
    (SIGSTORE_NO_CACHE, "If true, TUF metadata are not kept."),
    (SIGSTORE_ROOT_FILE, "Certificate authorities in PEM, instead of those of the trust root."),
    (SIGSTORE_CT_LOG_PUBLIC_KEY_FILE, "Key of a CT log, instead of those of the trust root."),
    (SIGSTORE_REKOR_PUBLIC_KEY, "Key of a transparency log, instead of those of the trust root."),
    (SIGSTORE_TSA_CERTIFICATE_FILE, "Chain of a timestamp authority, instead of those of the trust root."),
];

/// How the program asks for a variable; tests answer from a table.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// 128 MiB, the default of cosign.
pub const DEFAULT_MAX_ATTACHMENT_SIZE: u64 = 128 << 20;

/// The variables that are not flags.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Environment {
    /// See [`COSIGN_REPOSITORY`].
    pub repository: Option<String>,
    /// See [`COSIGN_MAX_ATTACHMENT_SIZE`].
    pub max_attachment_size: u64,
    /// Trust material in single files.
    pub trust_files: TrustFiles,
    /// Where and how TUF metadata are had.
    pub tuf: TufEnvironment,
    /// Where credentials of registries are found.
    pub keychain: KeychainEnvironment,
    /// Whether output may have colours.
    pub colors: Colors,
    /// Where sigward may keep things; `None` if the environment names no place.
    pub cache: Option<PathBuf>,
}

/// Trust material in single files. If any is named, cosign ignores `trusted_root.json` altogether.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustFiles {
    /// See [`SIGSTORE_ROOT_FILE`].
    pub fulcio_root: Option<PathBuf>,
    /// See [`SIGSTORE_CT_LOG_PUBLIC_KEY_FILE`].
    pub ct_log_key: Option<PathBuf>,
    /// See [`SIGSTORE_REKOR_PUBLIC_KEY`].
    pub rekor_key: Option<PathBuf>,
    /// See [`SIGSTORE_TSA_CERTIFICATE_FILE`].
    pub tsa_chain: Option<PathBuf>,
}

impl TrustFiles {
    /// Whether none is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where credentials of registries are found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KeychainEnvironment {
    /// See [`DOCKER_CONFIG`].
    pub docker_config: Option<PathBuf>,
    /// See [`HOME`].
    pub home: Option<PathBuf>,
    /// See [`REGISTRY_AUTH_FILE`].
    pub registry_auth_file: Option<PathBuf>,
    /// See [`XDG_RUNTIME_DIR`].
    pub xdg_runtime_dir: Option<PathBuf>,
    /// See [`XDG_CONFIG_HOME`].
    pub xdg_config_home: Option<PathBuf>,
    /// See [`DOCKER_AUTH_CONFIG`].
    pub docker_auth_config: Option<Secret>,
    /// `PATH`: where credential helpers are.
    pub path: Option<OsString>,
}

/// Where and how TUF metadata are had.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TufEnvironment {
    /// [`TUF_ROOT`], else `~/.sigstore/root`; `None` if there is no home either.
    pub directory: Option<PathBuf>,
    /// See [`TUF_MIRROR`].
    pub mirror: Option<String>,
    /// See [`TUF_ROOT_JSON`].
    pub root_json: Option<PathBuf>,
    /// See [`SIGSTORE_NO_CACHE`].
    pub storage: TufStorage,
}

/// See [`SIGSTORE_NO_CACHE`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TufStorage {
    /// In the directory.
    Directory,
    /// In memory.
    Memory,
}

/// Whether output may have colours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Colors {
    /// On a terminal.
    OnTerminal,
    /// See [`NO_COLOR`].
    Never,
}

impl Environment {
    /// Reads the variables. None of them can be wrong: cosign takes the default for what it cannot read.
    #[must_use]
    pub fn read(lookup: Lookup<'_>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let path = |name: &str| set(name).map(PathBuf::from);
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let home = path(HOME);
        let in_home = |below: &str| home.as_ref().map(|home| home.join(below));
        let caches = path(XDG_CACHE_HOME).filter(|path| path.is_absolute()).or_else(|| in_home(".cache"));
        Self {
            // What is no text is no name of a repository either, and must be found wrong, not missing.
            repository: set(COSIGN_REPOSITORY).map(|value| value.to_string_lossy().into_owned()),
            max_attachment_size: text(COSIGN_MAX_ATTACHMENT_SIZE)
                .and_then(|size| parse_size(&size))
                .unwrap_or(DEFAULT_MAX_ATTACHMENT_SIZE),
            trust_files: TrustFiles {
                fulcio_root: path(SIGSTORE_ROOT_FILE),
                ct_log_key: path(SIGSTORE_CT_LOG_PUBLIC_KEY_FILE),
                rekor_key: path(SIGSTORE_REKOR_PUBLIC_KEY),
                tsa_chain: path(SIGSTORE_TSA_CERTIFICATE_FILE),
            },
            tuf: TufEnvironment {
                directory: path(TUF_ROOT).or_else(|| in_home(".sigstore/root")),
                mirror: text(TUF_MIRROR),
                root_json: path(TUF_ROOT_JSON),
                storage: match text(SIGSTORE_NO_CACHE).map(|value| super::go::parse_bool(value.as_bytes())) {
                    Some(Ok(true)) => TufStorage::Memory,
                    _ => TufStorage::Directory,
                },
            },
            keychain: KeychainEnvironment {
                docker_config: path(DOCKER_CONFIG),
                home: home.clone(),
                registry_auth_file: path(REGISTRY_AUTH_FILE),
                xdg_runtime_dir: path(XDG_RUNTIME_DIR),
                xdg_config_home: path(XDG_CONFIG_HOME),
                docker_auth_config: text(DOCKER_AUTH_CONFIG).map(Secret::new),
                path: set("PATH"),
            },
            colors: if set(NO_COLOR).is_some() { Colors::Never } else { Colors::OnTerminal },
            cache: path(SIGWARD_CACHE).or_else(|| caches.map(|caches| caches.join("sigward"))),
        }
    }
}

/// Sets the flags that were not given from the environment, as cosign does after it has read the command line.
///
/// An empty variable is none. No deprecations are said, as in cosign. A value of `COSIGN_X` that does not fit is
/// ignored as in cosign, but not in silence; one of `SIGWARD_X` was meant for us and is an error.
pub(super) fn bind(
    values: &mut Values,
    flags: FlagGroups,
    lookup: Lookup<'_>,
    notices: &mut Vec<Notice>,
) -> Result<(), UsageErrorKind> {
    for flag in all(flags).filter(|flag| flag.environment != EnvironmentNames::Neither) {
        if values.is_set(flag) {
            continue;
        }
        let variable = variable("SIGWARD", flag);
        if let Some(value) = lookup(&variable).filter(|value| !value.is_empty()) {
            let value = flag.read(&value).map_err(|reason| UsageErrorKind::EnvironmentValue { variable, reason })?;
            values.set(flag, value);
            continue;
        }
        if flag.environment == EnvironmentNames::Both {
            bind_cosign(values, flag, lookup, notices);
        }
    }
    Ok(())
}

fn bind_cosign(values: &mut Values, flag: &'static Flag, lookup: Lookup<'_>, notices: &mut Vec<Notice>) {
    let variable = variable("COSIGN", flag);
    if let Some(value) = lookup(&variable).filter(|value| !value.is_empty()) {
        match flag.read(&value) {
            Ok(value) => values.set(flag, value),
            Err(reason) => notices.push(Notice::EnvironmentIgnored { variable, reason }),
        }
    }
}

/// The name of the variable that stands in for a flag.
pub(super) fn variable(prefix: &str, flag: &Flag) -> String {
    format!("{prefix}_{}", flag.name.to_ascii_uppercase().replace('-', "_"))
}

/// A size as the Go package `humanize` writes it: `128MiB`, `1.5 GB`, `1000`. Decimal units are decimal.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let end = text.find(|character: char| !matches!(character, '0'..='9' | '.' | ',')).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let number = number.replace(',', "");
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "p" | "pb" => 1_000_000_000_000_000,
        "e" | "eb" => 1_000_000_000_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        "ti" | "tib" => 1 << 40,
        "pi" | "pib" => 1 << 50,
        "ei" | "eib" => 1 << 60,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Nine digits are more than a size needs, and keep the product in range.
    let fraction = fraction.get(..fraction.len().min(9))?;
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let size = whole.checked_mul(u128::from(factor))?.checked_add(fraction * u128::from(factor) / scale)?;
    u64::try_from(size).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Environment {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        Environment::read(&lookup)
    }

    #[test]
    fn sizes_are_those_of_humanize() {
        let good = [
            ("134217728", 134_217_728),
            ("128MiB", 134_217_728),
            ("128 mib", 134_217_728),
            ("1.5kB", 1_500),
            ("1,000", 1_000),
            (".5Ki", 512),
            ("10", 10),
            ("1.g", 1_000_000_000),
        ];
        for (text, size) in good {
            assert_eq!(parse_size(text), Some(size), "{text}");
        }
        for bad in ["", "MiB", "-1", "1.2.3", "12XB", "99999999999999999999", "17EiB", "."] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_unreadable_size_is_the_default() {
        assert_eq!(read(&[(COSIGN_MAX_ATTACHMENT_SIZE, "lots")]).max_attachment_size, DEFAULT_MAX_ATTACHMENT_SIZE);
        assert_eq!(read(&[(COSIGN_MAX_ATTACHMENT_SIZE, "1KiB")]).max_attachment_size, 1024);
    }

    #[test]
    fn directories_come_from_the_most_special_variable() {
        let home = ("HOME", "/h");
        assert_eq!(read(&[]).cache, None);
        assert_eq!(read(&[home]).cache, Some("/h/.cache/sigward".into()));
        assert_eq!(read(&[home, (XDG_CACHE_HOME, "/x")]).cache, Some("/x/sigward".into()));
        assert_eq!(read(&[home, (XDG_CACHE_HOME, "x")]).cache, Some("/h/.cache/sigward".into()));
        assert_eq!(read(&[home, (XDG_CACHE_HOME, "/x"), (SIGWARD_CACHE, "/s")]).cache, Some("/s".into()));
        assert_eq!(read(&[home]).tuf.directory, Some("/h/.sigstore/root".into()));
        assert_eq!(read(&[home, (TUF_ROOT, "/t")]).tuf.directory, Some("/t".into()));
    }

    #[test]
    fn an_empty_variable_is_none() {
        assert!(read(&[(SIGSTORE_ROOT_FILE, "")]).trust_files.is_empty());
        assert!(!read(&[(SIGSTORE_ROOT_FILE, "r")]).trust_files.is_empty());
        assert_eq!(read(&[(NO_COLOR, "")]).colors, Colors::OnTerminal);
        assert_eq!(read(&[(NO_COLOR, "1")]).colors, Colors::Never);
    }
}
