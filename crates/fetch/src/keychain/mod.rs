//! Credentials of registries: where they are configured, and for which registry and repository each one is.
//!
//! Nothing is read and no program runs before a registry asks for a credential. A configuration that cannot be read
//! is an error: to go on without it would turn "not allowed" into "not found".

mod docker_config;
mod helper;
mod json;
mod pull_secrets;

use std::fmt;
use std::sync::{Arc, OnceLock};

use sigward_verify::image::Repository;

use self::docker_config::DockerConfig;
use self::helper::Helpers;
pub use docker_config::KeychainSources;
pub use pull_secrets::{PullSecretForm, PullSecrets};

use crate::Error;

/// Where credentials of registries come from. Clones share what was read.
#[derive(Clone, Default)]
pub struct Keychain {
    source: Arc<Source>,
}

#[derive(Default)]
enum Source {
    #[default]
    Nothing,
    Given {
        registries: Vec<String>,
        credential: RegistryCredential,
    },
    Files(Box<Files>),
    PullSecrets(PullSecrets),
    Chain(Vec<Keychain>),
}

/// The files of docker and podman, read once.
struct Files {
    sources: KeychainSources,
    configs: OnceLock<Result<Vec<DockerConfig>, Arc<Error>>>,
    helpers: Helpers,
}

impl Keychain {
    /// No credentials at all.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// One credential for these registries (`HOST` or `HOST:PORT`, as
    /// [`Registry::host`](sigward_verify::image::Registry::host) says it) and for no other: flags name no registry, so
    /// who reads them must say which one is meant.
    pub fn given(registries: Vec<String>, credential: RegistryCredential) -> Self {
        Self { source: Arc::new(Source::Given { registries, credential }) }
    }

    /// The configuration files of docker and podman, and the credential helpers that they name.
    pub fn files(sources: KeychainSources) -> Self {
        let files = Files { helpers: Helpers::new(&sources), configs: OnceLock::new(), sources };
        Self { source: Arc::new(Source::Files(Box::new(files))) }
    }

    /// Pull secrets of Kubernetes.
    pub fn pull_secrets(secrets: PullSecrets) -> Self {
        Self { source: Arc::new(Source::PullSecrets(secrets)) }
    }

    /// The first of these that has a credential. One that cannot be read ends the search: whoever comes after it was not
    /// meant to be asked.
    pub fn chain(keychains: Vec<Self>) -> Self {
        Self { source: Arc::new(Source::Chain(keychains)) }
    }

    /// The credential for a repository: that of the longest path which is configured.
    ///
    /// # Errors
    /// [`Error::CredentialFile`] and [`Error::CredentialHelper`], where a configuration cannot be used.
    pub async fn find(&self, repository: &Repository) -> Result<Option<RegistryCredential>, Arc<Error>> {
        match self.source.as_ref() {
            Source::Nothing => Ok(None),
            Source::Given { registries, credential } => {
                let host = repository.registry().host();
                Ok(registries.iter().any(|registry| registry == host).then(|| credential.clone()))
            }
            Source::PullSecrets(secrets) => secrets.find(repository).map_err(Arc::new),
            Source::Chain(keychains) => {
                for keychain in keychains {
                    if let Some(found) = Box::pin(keychain.find(repository)).await? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
            Source::Files(_) => {
                let (source, repository) = (Arc::clone(&self.source), repository.clone());
                // Files and programs may block.
                let found = tokio::task::spawn_blocking(move || match source.as_ref() {
                    Source::Files(files) => files.find(&repository),
                    _ => Ok(None),
                });
                found.await.unwrap_or_else(|error| match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Err(Arc::new(Error::NothingAsked)),
                })
            }
        }
    }
}

impl fmt::Debug for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source.as_ref() {
            Source::Nothing => f.write_str("Keychain::anonymous"),
            Source::Given { registries, credential } => {
                f.debug_tuple("Keychain::given").field(registries).field(credential).finish()
            }
            Source::Files(files) => f.debug_tuple("Keychain::files").field(&files.sources).finish(),
            Source::PullSecrets(secrets) => f.debug_tuple("Keychain::pull_secrets").field(secrets).finish(),
            Source::Chain(keychains) => f.debug_tuple("Keychain::chain").field(keychains).finish(),
        }
    }
}

impl Files {
    fn find(&self, repository: &Repository) -> Result<Option<RegistryCredential>, Arc<Error>> {
        let configs = self.configs.get_or_init(|| DockerConfig::load(&self.sources).map_err(Arc::new));
        for config in configs.as_ref().map_err(Arc::clone)? {
            if let Some(found) = config.find(repository, &self.helpers)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// A secret for a registry, and where it comes from.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryCredential {
    name: String,
    secret: RegistrySecret,
}

/// The kinds of secrets that registries know.
#[derive(Clone, PartialEq, Eq)]
pub enum RegistrySecret {
    /// User name and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// What a token server takes for a token (`identitytoken`, an OAuth 2 refresh token).
    IdentityToken(String),
    /// What the registry itself takes (`registrytoken`, a bearer token).
    RegistryToken(String),
}

impl RegistryCredential {
    /// A secret. `name` may be shown, for instance the file or the flag that it is from.
    pub fn new(name: &str, secret: RegistrySecret) -> Self {
        Self { name: name.to_owned(), secret }
    }

    /// Where it comes from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The secret itself.
    pub fn secret(&self) -> &RegistrySecret {
        &self.secret
    }
}

impl fmt::Debug for RegistryCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryCredential").field("name", &self.name).field("secret", &self.secret).finish()
    }
}

impl fmt::Debug for RegistrySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic",
            Self::IdentityToken(_) => "IdentityToken",
            Self::RegistryToken(_) => "RegistryToken",
        })
    }
}
