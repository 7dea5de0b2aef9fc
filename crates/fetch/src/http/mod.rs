//! A thin HTTP client for reading: limits before allocation, redirects by hand, credentials for one origin each.

mod body;
mod connect;
mod credential;
mod follow;
mod hello;
mod meter;
mod network;
mod proxy;
pub(crate) mod retry;
mod room;
mod tls;
pub(crate) mod url;
mod wire;

pub use body::Streaming;
pub(crate) use body::{drain, read};
pub(crate) use connect::{Connector, Speech};
pub use credential::Credential;
pub(crate) use follow::{Ask, Exchange, Payload, Route, Run};
pub use meter::Budget;
pub(crate) use meter::Meter;
pub use network::{BadNetwork, Network, NetworkRules};
pub use proxy::ProxySettings;
pub(crate) use proxy::{Proxies, is_loopback};
pub use retry::RetryPolicy;
pub(crate) use retry::retry_after;
pub use room::AnswerRoom;
pub use tls::TlsRoots;
pub(crate) use tls::{TlsSettings, Verification, provider};
pub use url::{Origin, shown};
pub(crate) use wire::Wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderValue, header};
use sigward_verify::evidence::{Answer, Need, Response, Service, Unreachable};
use tokio::sync::OwnedSemaphorePermit;

use crate::registry::{Registries, RegistryOptions, RestRule};
use crate::{Error, Keychain, limits};

/// How the client behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Time for name resolution, TCP, proxy and TLS together.
    pub connect: Duration,
    /// Longest silence of a server which owes us something.
    pub idle: Duration,
    /// Repetitions.
    pub retry: RetryPolicy,
    /// Certificate authorities of https servers.
    pub roots: TlsRoots,
    /// Proxies.
    pub proxies: ProxySettings,
    /// Networks that are not asked.
    pub network: NetworkRules,
    /// Secrets, each for one origin.
    pub credentials: Vec<Credential>,
    /// How registries of images are reached, and with which credentials. Nothing of it holds for other services.
    pub registry: RegistryOptions,
}

impl Default for Options {
    /// The limits of [`limits`], the system's certificate authorities, no proxy and no credentials.
    fn default() -> Self {
        Self {
            connect: limits::CONNECT,
            idle: limits::IDLE,
            retry: RetryPolicy::default(),
            roots: TlsRoots::System,
            proxies: ProxySettings::default(),
            network: NetworkRules::default(),
            credentials: Vec::new(),
            registry: RegistryOptions::default(),
        }
    }
}

impl Options {
    /// The defaults, with the proxies that the environment names.
    pub fn from_env() -> Self {
        Self { proxies: ProxySettings::from_env(), ..Self::default() }
    }
}

/// The HTTP client. Making one costs nothing; the certificate store is read when the first https URL is contacted.
/// Clones share their connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    wire: Wire,
    registries: Registries,
    options: Options,
    user_agent: HeaderValue,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

impl Client {
    /// A client which behaves as `options` say.
    pub fn new(options: Options) -> Self {
        let (proxies, tls) = (Proxies::new(&options.proxies), TlsSettings::of(options.roots.clone()));
        let network = options.network.clone();
        let wire = Wire::new(Connector::new(proxies, network, tls, options.roots.clone(), options.connect));
        let registries = Registries::new(&options, &wire);
        let user_agent = HeaderValue::from_static(concat!("sigward/", env!("CARGO_PKG_VERSION")));
        Self { shared: Arc::new(Shared { wire, registries, options, user_agent }) }
    }

    /// The same client for somebody else: registries see the credentials of `keychain`, and no token that was given for
    /// another one. Connections and what is known of registries are shared.
    #[must_use]
    pub fn with_keychain(&self, keychain: Keychain) -> Self {
        let Shared { wire, registries, options, user_agent } = self.shared.as_ref();
        let mut options = options.clone();
        options.registry.keychain = keychain;
        let (registries, user_agent) = (registries.for_somebody_else(), user_agent.clone());
        Self { shared: Arc::new(Shared { wire: wire.clone(), registries, options, user_agent }) }
    }

    /// The body of `url`, at most `limit` bytes. An answer that is no success is an error.
    pub async fn get(&self, url: &str, limit: usize, deadline: Instant) -> Result<Response, Error> {
        let need = Need::get(Service::Direct, url.to_owned(), limit);
        let response = self.perform(&need, &Meter::unlimited(), deadline).await?.outcome?;
        match response.status {
            200..=299 => Ok(response),
            status => Err(Error::Status { url: shown(url), status }),
        }
    }

    /// The body of `url` in pieces, at most `limit` bytes in all, so that large files need no memory. An answer that
    /// is no success is an error. Repetitions end with the first piece.
    pub async fn get_stream(&self, url: &str, limit: u64, deadline: Instant) -> Result<Streaming, Error> {
        self.get_stream_from(url, 0, limit, deadline).await
    }

    /// The same from byte `start` on (RFC 9110 section 14), where the server can do that: [`Streaming::start`] says
    /// where its pieces begin. A file that ends there gives no pieces.
    pub async fn get_stream_from(
        &self,
        url: &str,
        start: u64,
        limit: u64,
        deadline: Instant,
    ) -> Result<Streaming, Error> {
        let need = Need::get(Service::Direct, url.to_owned(), usize::MAX);
        let meter = Meter::unlimited();
        let run = Run { meter: &meter, deadline };
        let mut attempt = 1;
        loop {
            let fault = match self.exchange_from(&need, start, run).await {
                Ok(exchange) if exchange.status.is_success() || body::ends_at(&exchange, start) => {
                    return Streaming::new(exchange, url, start, limit, self.options().idle, deadline);
                }
                Ok(exchange) => Fault {
                    again: retry::is_transient(need.service, exchange.status),
                    asked: retry::retry_after(&exchange.headers),
                    error: Error::Status { url: shown(url), status: exchange.status.as_u16() },
                    host: exchange.host(),
                },
                Err(fault) => fault,
            };
            if !fault.again || !self.pause(attempt, fault.asked, deadline).await {
                return Err(fault.error);
            }
            attempt += 1;
        }
    }

    /// Waits for room at the host of a need, where one asks for it.
    pub(crate) async fn room(&self, need: &Need) -> Option<OwnedSemaphorePermit> {
        self.shared.registries.room(need).await
    }

    /// Performs one need, with repetitions. Fails only where the budget ends; whatever the server does is an answer.
    pub(crate) async fn perform(&self, need: &Need, meter: &Meter, deadline: Instant) -> Result<Answer, Error> {
        let rest = self.options().registry.rest;
        if let (RestRule::AllWait, Some(left)) = (rest, self.shared.registries.rests(need)) {
            let reason =
                format!("the registry wants to be left alone for another {} s", left.as_secs().saturating_add(1));
            let refused = Unreachable::Refused { url: shown(&need.url), reason };
            return Ok(Answer { outcome: Err(refused), host: String::new(), url: String::new(), credential: None });
        }
        let run = Run { meter, deadline };
        let mut attempt = 1;
        loop {
            let (answer, again, asked) = match self.attempt(need, run).await {
                Ok(Whole { answer, transient, asked }) => (answer, transient, asked),
                Err(Fault { error: Error::Unreachable(unreachable), again, asked, host }) => {
                    (Answer { outcome: Err(unreachable), host, url: String::new(), credential: None }, again, asked)
                }
                Err(Fault { error, .. }) => return Err(error),
            };
            if !again || !self.pause(attempt, asked, deadline).await {
                if let (RestRule::AllWait, true, Some(asked)) = (rest, again, asked) {
                    self.shared.registries.rest(need, asked);
                }
                return Ok(answer);
            }
            attempt += 1;
        }
    }

    /// Waits before the next attempt; says whether there is one.
    pub(crate) async fn pause(&self, attempt: u32, asked: Option<Duration>, deadline: Instant) -> bool {
        let Some(pause) = self.options().retry.pause(attempt, asked) else { return false };
        if Instant::now().checked_add(pause).is_none_or(|end| end >= deadline) {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }

    async fn attempt(&self, need: &Need, run: Run<'_>) -> Result<Whole, Fault> {
        let exchange = self.exchange(need, run).await?;
        let status = exchange.status;
        let transient = retry::is_transient(need.service, status);
        let asked = retry::retry_after(&exchange.headers);
        let content_type = exchange.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let text = |name: &str| exchange.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (content_digest, link) = (text("docker-content-digest"), text("link"));
        let (host, url, credential) = (exchange.host(), exchange.target.uri.to_string(), exchange.credential.clone());
        let body = body::read(exchange, need.limit, self.options().idle, run).await?;
        let response = Response { status: status.as_u16(), content_type, body, content_digest, link };
        Ok(Whole { answer: Answer { outcome: Ok(response), host, url, credential }, transient, asked })
    }

    /// One attempt, up to the head of the response that is no redirect.
    async fn exchange(&self, need: &Need, run: Run<'_>) -> Result<Exchange, Fault> {
        if let Some(repository) = &need.repository {
            return self.shared.registries.exchange(self, need, repository, run).await;
        }
        self.exchange_from(need, 0, run).await
    }

    /// The same of anything but a registry, from byte `start` on.
    async fn exchange_from(&self, need: &Need, start: u64, run: Run<'_>) -> Result<Exchange, Fault> {
        let target = url::parse(&need.url).map_err(|reason| Fault::bad_url(&need.url, reason))?;
        let credential = Credential::of_url(&target)
            .or_else(|| self.options().credentials.iter().find(|it| it.is_for(&target.origin)).cloned());
        let route = Route { near: &self.shared.wire, far: &self.shared.wire };
        self.follow(Ask { start, ..Ask::of(need, target) }, route, credential, run).await
    }

    pub(crate) fn options(&self) -> &Options {
        &self.shared.options
    }

    fn user_agent(&self) -> HeaderValue {
        self.shared.user_agent.clone()
    }
}

/// A complete answer, and whether asking again may give a better one.
struct Whole {
    answer: Answer,
    transient: bool,
    asked: Option<Duration>,
}

/// An attempt that failed.
pub(crate) struct Fault {
    pub(crate) error: Error,
    pub(crate) host: String,
    pub(crate) again: bool,
    pub(crate) asked: Option<Duration>,
}

impl Fault {
    /// A fault that trying again does not cure.
    pub(crate) fn of(unreachable: Unreachable, host: String) -> Self {
        Self { error: unreachable.into(), host, again: false, asked: None }
    }

    /// The budget is spent.
    pub(crate) fn spent(error: Error, host: String) -> Self {
        Self { error, host, again: false, asked: None }
    }

    pub(crate) fn bad_url(url: &str, reason: &str) -> Self {
        Self::of(Unreachable::Refused { url: shown(url), reason: reason.to_owned() }, String::new())
    }

    pub(crate) fn late(late: Late, url: &str, host: &str) -> Self {
        Self { again: late == Late::Idle, ..Self::of(Unreachable::TimedOut { url: shown(url) }, host.to_owned()) }
    }
}

/// Which time limit passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    Idle,
    Deadline,
}

/// Waits for at most `patience`, and never past `deadline`.
pub(crate) async fn within<F: Future>(patience: Duration, deadline: Instant, work: F) -> Result<F::Output, Late> {
    let patient = Instant::now().checked_add(patience).unwrap_or(deadline);
    let late = if patient < deadline { Late::Idle } else { Late::Deadline };
    tokio::time::timeout_at(patient.min(deadline).into(), work).await.map_err(|_| late)
}
