//! The program from start to end.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sigward_fetch::{
    Client, Keychain, KeychainSources, NetworkRules, Options, RegistryOptions, RegistryTls, RegistryTransport,
    RestRule, RetryPolicy,
};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::args::Args;
use crate::cache::{CacheSettings, OutcomeCache};
use crate::cluster::{self, ClusterError, Connections, ServingCertificate};
use crate::deciding::Deciding;
use crate::files::{FilesError, Folder};
use crate::judge::Judge;
use crate::keeper::Keeper;
use crate::limits;
use crate::logs::Log;
use crate::metrics::Metrics;
use crate::objects::ObjectStore;
use crate::registry::configs::ConfigFiles;
use crate::registry::evidence::EvidenceStore;
use crate::registry::gather::Gatherer;
use crate::registry::tags::Tags;
use crate::registry::tenants::Tenants;
use crate::registry::turns::Turns;
use crate::remote::Remotes;
use crate::roots::{PublicSource, Refresh, RootSettings, Roots};
use crate::server::Bounds;
use crate::server::drain::Drain;
use crate::server::http::{Door, Figures};
use crate::server::listen::serve;
use crate::server::tls::{CertificateFiles, CertificateSlot, TlsError, TlsVersion};
use crate::state::{Builder, State};

/// Why the program does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder of policies.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A file that a flag names.
    #[error("{flag} {file}: {reason}")]
    File {
        /// The flag.
        flag: &'static str,
        /// The file.
        file: String,
        /// What the system said.
        reason: String,
    },
    /// A setting for registries.
    #[error(transparent)]
    Registry(#[from] sigward_fetch::Error),
    /// No certificate, and an address that others can reach.
    #[error("--listen {address}: without --tls-cert only loopback addresses are served")]
    PlainHttp {
        /// The address.
        address: SocketAddr,
    },
    /// An address cannot be had.
    #[error("{flag} {address}: {reason}")]
    Listen {
        /// The flag.
        flag: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// A setting of the environment.
    #[error("the environment variable \"{name}\" has to be {expected}, found {found:?}")]
    Environment {
        /// The variable.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The cluster.
    #[error("{0}; without a cluster: --policies DIR")]
    Cluster(#[from] ClusterError),
    /// The system's signals.
    #[error("signals: {0}")]
    Signals(std::io::Error),
}

/// Runs until a signal ends it.
///
/// # Errors
/// [`RunError`], before anything is served.
pub async fn run(args: Args) -> Result<(), RunError> {
    let log = Log::start(args.log_format, args.log_level);
    let metrics = Arc::new(Metrics::default());
    let store = Arc::new(ObjectStore::default());
    let remotes = Arc::new(Remotes::default());
    let state = Arc::new(State::default());
    let (client, fallback) = client(&args)?;

    if let Some(folder) = &args.policies {
        let mut folder = Folder::new(folder.clone());
        folder.look()?.put_into(&store);
        tokio::task::spawn_blocking({
            let (store, log) = (Arc::clone(&store), log.clone());
            move || watch_folder(folder, &store, &log)
        });
    }

    let settings = root_settings(&args)?;
    let roots = Roots::new(settings, Arc::clone(&store), client.clone(), log.clone(), Arc::clone(&metrics));
    let builder = Builder::new(Arc::clone(&store), Arc::clone(&remotes), &args.system_namespace);
    let keeper = Keeper {
        store: Arc::clone(&store),
        remotes: Arc::clone(&remotes),
        state: Arc::clone(&state),
        client: client.clone(),
        log: log.clone(),
        metrics: Arc::clone(&metrics),
        roots,
        builder,
        period: args.policy_resync_period,
    };
    let slot = CertificateSlot::default();
    let (stop, stopped) = watch::channel(false);
    let (events, cluster) = match args.policies {
        Some(_) => {
            keeper.start().await;
            (None, None)
        }
        None => {
            let (events, denials) = mpsc::channel(limits::DENIALS);
            let connections = Connections {
                store: Arc::clone(&store),
                remotes: Arc::clone(&remotes),
                state: Arc::clone(&state),
                certificate: slot.clone(),
                denials,
                stop: stopped,
                log: log.clone(),
            };
            let cluster = start_cluster(&args, connections).await?;
            tokio::spawn(keeper.start_when_synced());
            (Some(events), Some(cluster))
        }
    };

    let cache = OutcomeCache::new(CacheSettings {
        bytes: args.cache_size.saturating_mul(1 << 20),
        proof_ttl: args.proof_ttl,
        refusal_ttl: args.refusal_ttl,
    });
    let evidence = args
        .cache_dir
        .as_ref()
        .map(|folder| EvidenceStore::new(folder.join("evidence"), args.evidence_size.saturating_mul(1 << 20)));
    let turns = Arc::new(Turns::new(args.answer_memory.saturating_mul(1 << 20)));
    let judge = Judge {
        tenants: Tenants::new(Arc::clone(&store), client, fallback),
        gatherer: Gatherer::new(cache, Arc::clone(&turns), Arc::clone(&metrics), args.max_attachment_size, evidence),
        tags: Tags::new(Arc::clone(&turns)),
        deciding: Deciding::default(),
        configs: ConfigFiles::new(args.cache_size.saturating_mul(1 << 20) / 8, turns),
        metrics: Arc::clone(&metrics),
    };
    let namespace = args.system_namespace.clone();
    let app = Arc::new(App { state, judge, store, remotes, namespace, log: log.clone(), metrics, events });
    let served = serve_until_signal(&args, app, slot, stop, &log).await;
    if let Some(cluster) = cluster {
        // It gives the Lease back; an API server that does not answer must not keep the process.
        let _ = tokio::time::timeout(Duration::from_secs(5), cluster).await;
    }
    served
}

/// Connects, and works with the cluster in the background. Nothing that fails later ends it.
async fn start_cluster(args: &Args, connections: Connections) -> Result<JoinHandle<()>, RunError> {
    let certificate = match args.tls_cert {
        Some(_) => ServingCertificate::Given,
        None => ServingCertificate::Own,
    };
    let config = args.cluster.config(&args.system_namespace, certificate);
    let client = cluster::connect(config.kubeconfig.as_deref()).await?;
    Ok(tokio::spawn(async move { cluster::run(&client, &config, connections).await }))
}

/// Listens, and serves until a signal comes. A second one does not wait.
async fn serve_until_signal(
    args: &Args,
    app: Arc<App>,
    slot: CertificateSlot,
    ending: watch::Sender<bool>,
    log: &Log,
) -> Result<(), RunError> {
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => {
            let mut files = CertificateFiles::new(certificate.clone(), key.clone());
            files.refresh(&slot)?;
            let config = slot.server_config(tls_version()?)?;
            tokio::task::spawn_blocking({
                let log = log.clone();
                move || watch_certificate(files, &slot, &log)
            });
            Some(Arc::new(config))
        }
        // The cluster puts a certificate there.
        _ if args.policies.is_none() => Some(Arc::new(slot.server_config(tls_version()?)?)),
        _ => None,
    };
    let address = args.listen.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], args.secure_port)));
    if tls.is_none() && !address.ip().is_loopback() {
        return Err(RunError::PlainHttp { address });
    }
    let listener = bind("--listen", address).await?;
    let quiet = args.drain_quiet_period.unwrap_or(match args.policies {
        Some(_) => Duration::ZERO,
        None => limits::QUIET_PERIOD,
    });
    let drain = Drain::new(quiet, quiet.saturating_mul(4));
    let reviewer: Arc<dyn crate::server::Reviewer> = app;
    let door = |figures| Arc::new(Door::new(Arc::clone(&reviewer), drain.clone(), figures, Bounds::default()));
    if let Some(address) = args.metrics_listen {
        let listener = bind("--metrics-listen", address).await?;
        if let Ok(address) = listener.local_addr() {
            say(&format!("metrics on {address}"));
        }
        tokio::spawn(serve(listener, None, door(Figures::Alone), std::future::pending(), Duration::ZERO));
    }
    let (stop, mut stopped) = watch::channel(false);
    let mut signals = Signals::new().map_err(RunError::Signals)?;
    if let Ok(address) = listener.local_addr() {
        say(&format!("listening on {address}"));
    }
    let stopping = async move {
        let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
    };
    // A task of its own: connections are accepted while the door closes.
    let mut serving = tokio::spawn(serve(listener, tls, door(Figures::Elsewhere), stopping, limits::REVIEW_MAX));
    tokio::select! {
        _ = &mut serving => return Ok(()),
        () = signals.next() => log.info("draining", json!({"quietPeriodSeconds": quiet.as_secs()})),
    }
    // Others write from now on.
    ending.send_replace(true);
    let leaving = async {
        drain.drain().await;
        stop.send_replace(true);
        let _ = (&mut serving).await;
    };
    tokio::select! {
        () = leaving => {}
        () = signals.next() => {}
    }
    log.info("stopped", json!({}));
    Ok(())
}

async fn bind(flag: &'static str, address: SocketAddr) -> Result<TcpListener, RunError> {
    let bad = |error: std::io::Error| RunError::Listen { flag, address, reason: error.to_string() };
    TcpListener::bind(address).await.map_err(bad)
}

/// Scripts wait for this line.
fn say(text: &str) {
    // Without anybody to read it there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What ends the program.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Ends with the process.
fn watch_folder(mut folder: Folder, store: &ObjectStore, log: &Log) {
    let mut told = None;
    loop {
        std::thread::sleep(limits::FILES_PERIOD);
        match folder.look() {
            Ok(look) => {
                let errors: Vec<_> = look.unreadable.values().map(ToString::to_string).collect();
                if !errors.is_empty() && told.as_ref() != Some(&errors) {
                    log.error("policies-unreadable", json!({"errors": errors}));
                }
                told = Some(errors);
                look.put_into(store);
            }
            // What was read before stays: a folder that is gone for a moment is no order to admit everything.
            Err(error) => log.error("policies-unreadable", json!({"errors": [error.to_string()]})),
        }
    }
}

fn watch_certificate(mut files: CertificateFiles, slot: &CertificateSlot, log: &Log) {
    loop {
        std::thread::sleep(Duration::from_secs(5));
        if let Err(error) = files.refresh(slot) {
            log.error("certificate-unusable", json!({"reason": error.to_string()}));
        }
    }
}

fn tls_version() -> Result<TlsVersion, RunError> {
    const NAME: &str = "WEBHOOK_TLS_MIN_VERSION";
    match std::env::var(NAME).unwrap_or_default().as_str() {
        "" | "1.3" => Ok(TlsVersion::V13),
        "1.2" => Ok(TlsVersion::V12),
        other => Err(RunError::Environment { name: NAME, expected: "either '1.2' or '1.3'", found: other.to_owned() }),
    }
}

/// The client of all outgoing requests, and the keychain for registries that no pull secret is for.
fn client(args: &Args) -> Result<(Client, Keychain), RunError> {
    let mut network = NetworkRules::inward_refused();
    network = args.refuse_network.iter().fold(network, |rules, network| rules.refuse(*network));
    network = args.allow_network.iter().fold(network, |rules, network| rules.allow(*network));
    let keychain = Keychain::files(KeychainSources::from_env());
    let mut tls = RegistryTls::default();
    if let Some(file) = &args.registry_cacert {
        tls = tls.with_authorities(&read("--registry-cacert", file)?)?;
    }
    for (host, file) in &args.registry_ca {
        tls = tls.with_authorities_of(host, &read("--registry-ca", file)?)?;
    }
    let transport = match args.allow_http_registry {
        true => RegistryTransport::HttpAllowed,
        false => RegistryTransport::Verified,
    };
    let options = Options {
        connect: Duration::from_secs(5),
        idle: Duration::from_secs(10),
        retry: RetryPolicy { attempts: 3, longest_asked: Duration::from_secs(5), ..RetryPolicy::default() },
        network,
        registry: RegistryOptions {
            keychain: keychain.clone(),
            transport,
            tls,
            trusted_realms: args.registry_trusted_realm.clone(),
            rest: RestRule::AllWait,
        },
        ..Options::from_env()
    };
    Ok((Client::new(options), keychain))
}

fn root_settings(args: &Args) -> Result<RootSettings, RunError> {
    let public = match &args.trusted_root {
        Some(file) => PublicSource::Given(read("--trusted-root", file)?),
        None => PublicSource::Tuf {
            mirror: args.tuf_mirror.clone(),
            root: args.tuf_root.as_deref().map(|file| read("--tuf-root", file)).transpose()?,
            cache: args.cache_dir.as_ref().map(|folder| folder.join("tuf")),
            refresh: if args.disable_tuf { Refresh::Forbidden } else { Refresh::Allowed },
        },
    };
    Ok(RootSettings { public, period: args.trustroot_resync_period, max_age: args.trust_max_age })
}

fn read(flag: &'static str, file: &Path) -> Result<Vec<u8>, RunError> {
    let bad = |error: std::io::Error| RunError::File {
        flag,
        file: PathBuf::from(file).display().to_string(),
        reason: error.to_string(),
    };
    std::fs::read(file).map_err(bad)
}
