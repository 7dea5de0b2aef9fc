//! The network, made when it is first needed: a command that needs none builds no runtime, no client and reads no
//! certificate store.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sigward_fetch::{
    Budget, Client, DriveError, EntryCache, Keychain, KeychainSources, Options, PullSecrets, RegistryOptions,
    RegistrySecret, RegistryTls, RegistryTransport, RetryPolicy, drive_all, run_blocking,
};
use sigward_verify::image::{BadReference, Repository};
use sigward_verify::{EntryLookup, LogEntry, limits};

use crate::args::Verbosity;
use crate::args::env::Environment;
use crate::args::request::{self, RegistryCredential, RegistryRequest};
use crate::failure::Failure;
use crate::input::small_file;

/// Largest blob that is streamed from a URL: none of Kubernetes' files comes near.
const BLOB_LIMIT: u64 = 64 * 1024 * 1024 * 1024;
/// `--timeout=0` waits as long as a day.
const NO_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// The way out, and what the environment says about it.
#[derive(Debug)]
pub struct Network {
    /// The environment, as far as it matters to commands.
    pub environment: Environment,
    timeout: Duration,
    verbosity: Verbosity,
    used: AtomicBool,
}

/// A look-up and the hash of the entry it is about, if that is known beforehand.
pub type Lookup<'p, 'e> = (EntryLookup<'p, 'e>, Option<[u8; 32]>);
/// What a look-up found, with the hash it was asked by.
pub type Found = (Result<LogEntry, Failure>, Option<[u8; 32]>);

impl Network {
    /// Prepares; nothing is opened.
    pub fn new(environment: Environment, timeout: Duration, verbosity: Verbosity) -> Self {
        let timeout = if timeout.is_zero() { NO_TIMEOUT } else { timeout.min(NO_TIMEOUT) };
        Self { environment, timeout, verbosity, used: AtomicBool::new(false) }
    }

    /// Whether anything but trust was asked for yet: a run that is online anyway may also refresh its trust. A refresh
    /// does not count: strangers' evidence can cause one, and must not make the run "online" for all others.
    pub fn was_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Until when answers are waited for.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// How long one answer is waited for.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    fn client(&self) -> Client {
        self.client_with(RetryPolicy::default())
    }

    /// A client that repeats what fails as `retry` says.
    pub fn client_with(&self, retry: RetryPolicy) -> Client {
        self.used.store(true, Ordering::Relaxed);
        Client::new(Options { retry, ..Options::from_env() })
    }

    /// `COSIGN_REPOSITORY`: where evidence is, if not beside the image.
    ///
    /// # Errors
    /// [`Failure::Read`] if it names no repository.
    pub fn evidence_repository(&self) -> Result<Option<Repository>, Failure> {
        let bad = |error: BadReference| Failure::Read { what: "COSIGN_REPOSITORY".into(), reason: error.to_string() };
        self.environment.repository.as_deref().map(|text| Repository::parse(text).map_err(bad)).transpose()
    }

    /// A client for registries. A credential from flags is for `registries` alone: those that the command line names.
    ///
    /// # Errors
    /// [`Failure::Read`] if a file of certificates or keys cannot be read or used.
    pub fn registry_client(&self, request: &RegistryRequest, registries: Vec<String>) -> Result<Client, Failure> {
        self.registry_client_of(request, registries, None)
    }

    /// The same, with pull secrets that come before everything else.
    ///
    /// # Errors
    /// As [`Self::registry_client`].
    pub fn registry_client_of(
        &self,
        request: &RegistryRequest,
        registries: Vec<String>,
        secrets: Option<PullSecrets>,
    ) -> Result<Client, Failure> {
        self.used.store(true, Ordering::Relaxed);
        let keychain = self.keychain(&request.credential, registries);
        let registry = RegistryOptions {
            keychain: match secrets {
                Some(secrets) => Keychain::chain(vec![Keychain::pull_secrets(secrets), keychain]),
                None => keychain,
            },
            transport: match request.transport {
                request::RegistryTransport::Verified => RegistryTransport::Verified,
                request::RegistryTransport::HttpAllowed => RegistryTransport::HttpAllowed,
                request::RegistryTransport::InsecureUnsafe => RegistryTransport::InsecureUnsafe,
            },
            tls: registry_tls(request)?,
            trusted_realms: request.trusted_realms.clone(),
            ..RegistryOptions::default()
        };
        Ok(Client::new(Options { registry, ..Options::from_env() }))
    }

    fn keychain(&self, credential: &RegistryCredential, registries: Vec<String>) -> Keychain {
        let given = |name: &str, secret: RegistrySecret| {
            Keychain::given(registries, sigward_fetch::RegistryCredential::new(name, secret))
        };
        match credential {
            RegistryCredential::Basic { username, password } => given(
                "--registry-password",
                RegistrySecret::Basic { user: username.clone(), password: password.expose().to_owned() },
            ),
            RegistryCredential::Token(token) => {
                given("--registry-token", RegistrySecret::RegistryToken(token.expose().to_owned()))
            }
            RegistryCredential::DefaultKeychain => {
                let environment = &self.environment.keychain;
                Keychain::files(KeychainSources {
                    docker_config_dir: environment.docker_config.clone(),
                    docker_auth_config: environment.docker_auth_config.as_ref().map(|text| text.expose().to_owned()),
                    home: environment.home.clone(),
                    registry_auth_file: environment.registry_auth_file.clone(),
                    xdg_runtime_dir: environment.xdg_runtime_dir.clone(),
                    xdg_config_home: environment.xdg_config_home.clone(),
                    path: environment.path.clone(),
                    ..KeychainSources::default()
                })
            }
        }
    }

    /// The body of a URL that the user named, at most `limit` bytes.
    ///
    /// # Errors
    /// [`Failure::Network`].
    pub fn get(&self, url: &str, limit: usize) -> Result<Vec<u8>, Failure> {
        self.log("GET", url);
        let client = self.client();
        let deadline = self.deadline();
        let answer = run_blocking(async { client.get(url, limit, deadline).await }).and_then(|answer| answer);
        answer.map(|response| response.body).map_err(|error| loading(&error))
    }

    /// Streams the body of a URL.
    ///
    /// # Errors
    /// [`Failure::Network`], or what `take` says.
    pub fn stream(&self, url: &str, take: &mut dyn FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        self.log("GET", url);
        let client = self.client();
        let deadline = self.deadline();
        let outcome = run_blocking(async {
            let mut body = client.get_stream(url, BLOB_LIMIT, deadline).await.map_err(|error| loading(&error))?;
            while let Some(piece) = body.chunk().await.map_err(|error| loading(&error))? {
                take(&piece)?;
            }
            Ok(())
        });
        outcome.map_err(|error| loading(&error))?
    }

    /// Performs log look-ups side by side; `None` stays `None`.
    pub fn look_up(&self, lookups: Vec<Option<Lookup<'_, '_>>>, url: &str) -> Vec<Option<Found>> {
        self.log("asking the log at", url);
        let places: Vec<Option<Option<[u8; 32]>>> = lookups.iter().map(|l| l.as_ref().map(|(_, hash)| *hash)).collect();
        let mut inquiries: Vec<_> = lookups.into_iter().flatten().map(|(inquiry, _)| inquiry).collect();
        let client = self.client();
        let deadline = self.deadline();
        let driven = run_blocking(async { drive_all(&mut inquiries, &client, deadline, Budget::default()).await });
        let mut results = match driven {
            Ok(results) => results.into_iter().map(|r| r.map_err(failure)).collect::<Vec<_>>().into_iter(),
            Err(error) => vec![Err(loading(&error))].into_iter(),
        };
        places
            .into_iter()
            .map(|place| {
                let hash = place?;
                let missing = || Err(Failure::Network { what: url.to_owned(), reason: "no answer".into() });
                Some((results.next().unwrap_or_else(missing), hash))
            })
            .collect()
    }

    /// Whether `--verbose` asks for a line a request.
    pub fn logs_requests(&self) -> bool {
        self.verbosity == Verbosity::Requests
    }

    /// `--verbose`: one line a request. Not through the streams: requests are made deep inside.
    #[expect(clippy::print_stderr, reason = "a debug log that was asked for")]
    pub fn log(&self, what: &str, url: &str) {
        if self.logs_requests() {
            eprintln!("{what} {}", sigward_fetch::shown(url));
        }
    }
}

fn registry_tls(request: &RegistryRequest) -> Result<RegistryTls, Failure> {
    let read = |path: &Path| small_file(path, limits::PEM_BYTES);
    let unusable = |error: sigward_fetch::Error| Failure::Read { what: "registry".into(), reason: error.to_string() };
    let mut tls = RegistryTls::default();
    if let Some(path) = &request.ca_file {
        tls = tls.with_authorities(&read(path)?).map_err(unusable)?;
    }
    if let (Some(certificate), Some(key)) = (&request.client_cert, &request.client_key) {
        tls = tls.with_client(&read(certificate)?, &read(key)?).map_err(unusable)?;
    }
    if let Some(name) = &request.server_name {
        tls = tls.with_server_name(name).map_err(unusable)?;
    }
    Ok(tls)
}

fn failure(error: DriveError<sigward_verify::LookupError>) -> Failure {
    match error {
        DriveError::Failed(error) => Failure::Lookup(error),
        DriveError::Stopped(error) => loading(&error),
    }
}

/// cosign's words for a URL that cannot be loaded.
fn loading(error: &sigward_fetch::Error) -> Failure {
    match error {
        sigward_fetch::Error::Status { url, status } => {
            Failure::Network { what: format!("loading URL {url}"), reason: format!("server returned HTTP {status}") }
        }
        other => Failure::Network { what: "loading URL".into(), reason: other.to_string() },
    }
}

impl Network {
    /// An entry that was looked up earlier: evidence, to be proved again.
    pub fn cached_entry(&self, url: &str, hash: Option<[u8; 32]>) -> Option<Vec<u8>> {
        self.entries()?.get(url, &hash?)
    }

    /// Keeps an entry. A cache that cannot be written costs a request next time, and nothing else.
    pub fn store_entry(&self, url: &str, hash: [u8; 32], entry: &LogEntry) {
        if let Some(cache) = self.entries() {
            let _ = cache.put(url, &hash, entry.to_answer().as_bytes());
        }
    }

    fn entries(&self) -> Option<EntryCache> {
        self.environment.cache.clone().map(EntryCache::new)
    }
}
