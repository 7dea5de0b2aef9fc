//! A thin HTTP client for reading: limits before allocation, redirects by hand, credentials for one origin each.

mod body;
mod connect;
mod credential;
mod meter;
mod proxy;
mod retry;
mod url;

pub use body::Streaming;
pub use connect::TlsRoots;
pub use credential::Credential;
pub use meter::Budget;
pub(crate) use meter::Meter;
pub use proxy::ProxySettings;
pub use retry::RetryPolicy;
pub use url::Origin;
pub(crate) use url::shown;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use sigward_verify::evidence::{self, Answer, Need, Response, Service, Unreachable};

use self::connect::Connector;
use self::proxy::Proxies;
use self::url::Target;
use crate::{Error, limits};

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
    /// Secrets, each for one origin.
    pub credentials: Vec<Credential>,
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
            credentials: Vec::new(),
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
    http: legacy::Client<Connector, Full<Bytes>>,
    connector: Connector,
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
        let connector = Connector::new(Proxies::new(&options.proxies), options.roots.clone(), options.connect);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_max_buf_size(limits::HEAD_BYTES)
            .http1_max_headers(limits::HEADERS)
            .build(connector.clone());
        let user_agent = HeaderValue::from_static(concat!("sigward/", env!("CARGO_PKG_VERSION")));
        Self { shared: Arc::new(Shared { http, connector, options, user_agent }) }
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
        let mut attempt = 1;
        loop {
            let fault = match self.exchange(&need, start, &meter, deadline).await {
                Ok(exchange) if exchange.status.is_success() || body::ends_at(&exchange, start) => {
                    return Streaming::new(exchange, url, start, limit, self.shared.options.idle, deadline);
                }
                Ok(exchange) => Fault {
                    again: retry::is_transient(exchange.status),
                    asked: retry::retry_after(&exchange.headers, SystemTime::now()),
                    error: Error::Status { url: shown(url), status: exchange.status.as_u16() },
                    host: exchange.host,
                },
                Err(fault) => fault,
            };
            if !fault.again || !self.pause(attempt, fault.asked, deadline).await {
                return Err(fault.error);
            }
            attempt += 1;
        }
    }

    /// Performs one need, with repetitions. Fails only where the budget ends; whatever the server does is an answer.
    pub(crate) async fn perform(&self, need: &Need, meter: &Meter, deadline: Instant) -> Result<Answer, Error> {
        let mut attempt = 1;
        loop {
            let (answer, again, asked) = match self.attempt(need, meter, deadline).await {
                Ok(Whole { answer, transient, asked }) => (answer, transient, asked),
                Err(Fault { error: Error::Unreachable(unreachable), again, asked, host }) => {
                    (Answer { outcome: Err(unreachable), host, url: String::new(), credential: None }, again, asked)
                }
                Err(Fault { error, .. }) => return Err(error),
            };
            if !again || !self.pause(attempt, asked, deadline).await {
                return Ok(answer);
            }
            attempt += 1;
        }
    }

    /// Waits before the next attempt; says whether there is one.
    async fn pause(&self, attempt: u32, asked: Option<Duration>, deadline: Instant) -> bool {
        let Some(pause) = self.shared.options.retry.pause(attempt, asked) else { return false };
        if Instant::now().checked_add(pause).is_none_or(|end| end >= deadline) {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }

    async fn attempt(&self, need: &Need, meter: &Meter, deadline: Instant) -> Result<Whole, Fault> {
        let exchange = self.exchange(need, 0, meter, deadline).await?;
        let status = exchange.status;
        let transient = retry::is_transient(status);
        let asked = retry::retry_after(&exchange.headers, SystemTime::now());
        let content_type = exchange.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let text = |name: &str| exchange.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (content_digest, link) = (text("docker-content-digest"), text("link"));
        let (host, url, credential) = (exchange.host.clone(), exchange.url.clone(), exchange.credential.clone());
        let body = body::read(exchange, need, self.shared.options.idle, meter, deadline).await?;
        let response = Response { status: status.as_u16(), content_type, body, content_digest, link };
        Ok(Whole { answer: Answer { outcome: Ok(response), host, url, credential }, transient, asked })
    }

    /// One attempt, up to the head of the response that is no redirect; `start` is the first byte that is wanted.
    async fn exchange(&self, need: &Need, start: u64, meter: &Meter, deadline: Instant) -> Result<Exchange, Fault> {
        let refused =
            |reason: String, host: String| Fault::of(Unreachable::Refused { url: shown(&need.url), reason }, host);
        let mut target = url::parse(&need.url).map_err(|reason| refused(reason.to_owned(), String::new()))?;
        let mut credential = Credential::of_url(&target)
            .or_else(|| self.shared.options.credentials.iter().find(|it| it.is_for(&target.origin)).cloned());
        let mut method = match need.method {
            evidence::Method::Get => Method::GET,
            evidence::Method::Head => Method::HEAD,
            evidence::Method::Post => Method::POST,
        };
        let mut payload = need.body.clone();
        for _ in 0..=limits::REDIRECTS {
            let host = target.origin.to_string();
            meter.request().map_err(|error| Fault { error, host: host.clone(), again: false, asked: None })?;
            let mut request = self
                .request(&target, &method, need, payload.as_deref(), credential.as_ref())
                .map_err(|reason| refused(reason, host.clone()))?;
            if start > 0 {
                request.headers_mut().insert(header::RANGE, body::range_from(start));
            }
            let response = self.send(request, need, &host, deadline).await?;
            let (head, body) = response.into_parts();
            let location = head.headers.get(header::LOCATION).filter(|_| is_redirect(head.status));
            let Some(location) = location else {
                let credential = credential.map(|credential| credential.name().to_owned());
                let url = target.uri.to_string();
                return Ok(Exchange { status: head.status, headers: head.headers, body, host, url, credential });
            };
            let next = url::resolve(&target.uri, location.as_bytes())
                .map_err(|reason| refused(format!("redirect: {reason}"), host.clone()))?;
            match hop(&target.origin, &next.origin) {
                Hop::Same => {}
                // For good: a foreign host that sends us back must not choose what is asked with the credential.
                Hop::Foreign => credential = None,
                Hop::Downgrade => {
                    return Err(refused(format!("redirect from https to http, to {}", next.origin), host));
                }
            }
            if head.status != StatusCode::TEMPORARY_REDIRECT
                && head.status != StatusCode::PERMANENT_REDIRECT
                && method == Method::POST
            {
                method = Method::GET;
                payload = None;
            }
            target = next;
        }
        Err(refused(format!("more than {} redirects", limits::REDIRECTS), target.origin.to_string()))
    }

    fn request(
        &self,
        target: &Target,
        method: &Method,
        need: &Need,
        payload: Option<&[u8]>,
        credential: Option<&Credential>,
    ) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::new(Full::new(payload.map(Bytes::copy_from_slice).unwrap_or_default()));
        *request.method_mut() = method.clone();
        *request.uri_mut() = target.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, self.shared.user_agent.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static(need.accept.unwrap_or("*/*")));
        // What is verified are the bytes as they are stored.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if payload.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(credential) = credential {
            headers.insert(header::AUTHORIZATION, credential.header());
        }
        if !target.origin.is_https() {
            let proxy = self.shared.connector.proxies().before(&target.uri).map_err(|error| error.to_string())?;
            if let Some(auth) = proxy.as_ref().and_then(|proxy| proxy.basic_auth()) {
                headers.insert(header::PROXY_AUTHORIZATION, auth.clone());
            }
        }
        Ok(request)
    }

    async fn send(
        &self,
        request: Request<Full<Bytes>>,
        need: &Need,
        host: &str,
        deadline: Instant,
    ) -> Result<http::Response<Incoming>, Fault> {
        let options = &self.shared.options;
        let patience = options.connect.saturating_add(options.idle);
        match within(patience, deadline, self.shared.http.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(Fault {
                again: !retry::is_final(&error),
                asked: None,
                error: Unreachable::Transport { url: shown(&need.url), reason: retry::chain(&error) }.into(),
                host: host.to_owned(),
            }),
            Err(late) => Err(Fault::late(late, &need.url, host)),
        }
    }
}

/// A complete answer, and whether asking again may give a better one.
struct Whole {
    answer: Answer,
    transient: bool,
    asked: Option<Duration>,
}

/// The head of a response, with its body still to come.
pub(crate) struct Exchange {
    status: StatusCode,
    headers: HeaderMap,
    body: Incoming,
    host: String,
    url: String,
    credential: Option<String>,
}

/// An attempt that failed.
pub(crate) struct Fault {
    error: Error,
    host: String,
    again: bool,
    asked: Option<Duration>,
}

impl Fault {
    /// A fault that trying again does not cure.
    fn of(unreachable: Unreachable, host: String) -> Self {
        Self { error: unreachable.into(), host, again: false, asked: None }
    }

    fn late(late: Late, url: &str, host: &str) -> Self {
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

/// What a redirect from one origin to another is.
#[derive(Debug, PartialEq, Eq)]
enum Hop {
    Same,
    Foreign,
    Downgrade,
}

fn hop(from: &Origin, to: &Origin) -> Hop {
    match (from == to, from.is_https(), to.is_https()) {
        (true, ..) => Hop::Same,
        (false, true, false) => Hop::Downgrade,
        (false, ..) => Hop::Foreign,
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_to_http_and_to_other_ports() {
        let hop = |from: &str, to: &str| hop(&url::parse(from).unwrap().origin, &url::parse(to).unwrap().origin);
        assert_eq!(hop("https://a/", "https://A:443/b"), Hop::Same);
        assert_eq!(hop("https://a/", "https://a:8443/"), Hop::Foreign);
        assert_eq!(hop("https://a/", "https://a.b/"), Hop::Foreign);
        assert_eq!(hop("http://a/", "https://a/"), Hop::Foreign);
        assert_eq!(hop("https://a/", "http://a/"), Hop::Downgrade);
        assert_eq!(hop("https://a/", "http://a:443/"), Hop::Downgrade);
    }
}
