//! From a URL to a connected stream: name resolution, proxy, TLS, all within the connect time limit.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_service::Service;

use super::hello::{client_hello, is_tls};
use super::network::NetworkRules;
use super::proxy::{BadProxy, Proxies};
use super::tls::{TlsRoots, TlsSettings, provider};

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Why no connection was even tried, or which limit ended it. What cannot get better is not tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("no connection within {} s", .after.as_secs_f32())]
    TimedOut { after: Duration },
    #[error("no certificate authority to check the server with was found: {reason}")]
    NoRoots { reason: String },
    #[error(transparent)]
    BadProxy(#[from] BadProxy),
    #[error("{host} is in a network that is not asked")]
    RefusedNetwork { host: String },
}

/// Opens connections for the HTTP client.
#[derive(Clone)]
pub(crate) struct Connector {
    shared: Arc<Shared>,
}

struct Shared {
    proxies: Proxies,
    servers: Tls,
    /// Proxies are not the servers that a setting was meant for.
    https_proxies: Tls,
    network: Arc<NetworkRules>,
    timeout: Duration,
}

/// Settings, and what the library makes of them when the first https URL is contacted: reading the system's store
/// costs several milliseconds.
struct Tls {
    settings: TlsSettings,
    config: OnceLock<Result<Arc<ClientConfig>, ConnectError>>,
    /// For hosts with authorities of their own, by name.
    of_hosts: BTreeMap<String, OnceLock<Result<Arc<ClientConfig>, ConnectError>>>,
}

impl Tls {
    fn new(settings: TlsSettings) -> Self {
        let of_hosts = settings.per_host.keys().map(|name| (name.clone(), OnceLock::new())).collect();
        Self { settings, config: OnceLock::new(), of_hosts }
    }

    fn config(&self) -> Result<ClientConfig, ConnectError> {
        let config = self.config.get_or_init(|| self.settings.config().map(Arc::new));
        config.as_ref().map(|config| ClientConfig::clone(config)).map_err(ConnectError::clone)
    }

    fn config_for(&self, dst: &Uri) -> Result<ClientConfig, ConnectError> {
        let own = self.settings.own_host(dst).and_then(|name| self.of_hosts.get_key_value(name));
        let Some((name, cell)) = own else { return self.config() };
        let config = cell.get_or_init(|| self.settings.of_host(name).config().map(Arc::new));
        config.as_ref().map(|config| ClientConfig::clone(config)).map_err(ConnectError::clone)
    }
}

impl Connector {
    /// `roots` are for https proxies.
    pub(crate) fn new(
        proxies: Proxies,
        network: NetworkRules,
        servers: TlsSettings,
        roots: TlsRoots,
        timeout: Duration,
    ) -> Self {
        let https_proxies = Tls::new(TlsSettings::of(roots));
        let (servers, network) = (Tls::new(servers), Arc::new(network));
        Self { shared: Arc::new(Shared { proxies, servers, https_proxies, network, timeout }) }
    }

    pub(crate) fn proxies(&self) -> &Proxies {
        &self.shared.proxies
    }

    /// Whether a server speaks TLS: says hello, and looks how it answers. Nothing else is sent, and nobody is believed.
    pub(crate) async fn speech(&self, dst: &Uri) -> Result<Speech, BoxError> {
        self.in_time(async {
            let mut stream = self.shared.below_tls(dst).await?;
            // A server that hangs up has said that this is not what it speaks.
            let answer = async {
                stream.write_all(&client_hello(dst)).await?;
                stream.read_u8().await
            };
            Ok(if answer.await.is_ok_and(is_tls) { Speech::Tls } else { Speech::Other })
        })
        .await
    }

    /// Whether somebody listens there.
    pub(crate) async fn reach(&self, dst: &Uri) -> Result<(), BoxError> {
        self.in_time(async { self.shared.below_tls(dst).await.map(drop) }).await
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
        let after = self.shared.timeout;
        tokio::time::timeout(after, work).await.unwrap_or_else(|_| Err(ConnectError::TimedOut { after }.into()))
    }
}

/// What a server was found to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    Tls,
    /// Anything else, or nothing.
    Other,
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Dialed>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, dst: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.in_time(Arc::clone(&connector.shared).connect(dst)).await })
    }
}

impl Shared {
    async fn below_tls(self: &Arc<Self>, dst: &Uri) -> Result<TokioIo<Dialed>, BoxError> {
        let proxy = self.proxies.before(dst).map_err(ConnectError::from)?;
        let dial = Dial { proxy, shared: Arc::clone(self) };
        dial.dial(dst.clone()).await.map(TokioIo::new)
    }

    async fn connect(self: Arc<Self>, dst: Uri) -> Result<MaybeHttpsStream<Dialed>, BoxError> {
        let proxy = self.proxies.before(&dst).map_err(ConnectError::from)?;
        let dial = Dial { proxy, shared: Arc::clone(&self) };
        if dst.scheme_str() == Some("https") {
            let mut config = self.servers.config_for(&dst)?;
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            let mut https = match &self.servers.settings.server_name {
                None => HttpsConnector::from((dial, config)),
                Some(name) => {
                    HttpsConnector::new(dial, config, false, Arc::new(FixedServerNameResolver::new(name.clone())))
                }
            };
            return https.call(dst).await;
        }
        dial.dial(dst).await.map(MaybeHttpsStream::Http)
    }

    /// Addresses in URLs are not resolved, so that they are looked at here.
    fn check_literal(&self, dst: &Uri) -> Result<(), ConnectError> {
        let host = dst.host().unwrap_or_default();
        let address: Result<IpAddr, _> = host.trim_start_matches('[').trim_end_matches(']').parse();
        match address {
            Ok(address) if !self.network.permit(address) => Err(ConnectError::RefusedNetwork { host: host.to_owned() }),
            _ => Ok(()),
        }
    }
}

/// Resolves names to the addresses that may be asked.
#[derive(Clone)]
struct Resolver {
    inner: GaiResolver,
    network: Arc<NetworkRules>,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (network, host) = (Arc::clone(&self.network), name.to_string());
        let resolving = self.inner.call(name);
        Box::pin(async move {
            let found: Vec<_> = resolving.await?.collect();
            let permitted: Vec<_> = found.iter().copied().filter(|found| network.permit(found.ip())).collect();
            if permitted.is_empty() && !found.is_empty() {
                return Err(ConnectError::RefusedNetwork { host }.into());
            }
            Ok(permitted.into_iter())
        })
    }
}

/// Opens the stream below TLS: directly, or through a proxy.
#[derive(Clone)]
struct Dial {
    proxy: Option<Intercept>,
    shared: Arc<Shared>,
}

impl Dial {
    async fn dial(self, dst: Uri) -> Result<Dialed, BoxError> {
        self.shared.check_literal(&dst)?;
        // A proxy is where the settings say; it resolves names itself, and must have rules of its own.
        let network = if self.proxy.is_some() { Arc::default() } else { Arc::clone(&self.shared.network) };
        let mut tcp = HttpConnector::new_with_resolver(Resolver { inner: GaiResolver::new(), network });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(self.shared.timeout));
        let Some(proxy) = &self.proxy else {
            return Ok(Dialed::plain(tcp.call(dst).await?));
        };
        let address = proxy.uri().clone();
        if matches!(address.scheme_str(), Some("socks5" | "socks5h")) {
            let mut socks = SocksV5::new(address, tcp);
            if let Some((user, password)) = proxy.raw_auth() {
                socks = socks.with_auth(user.to_owned(), password.to_owned());
            }
            return Ok(Dialed::plain(socks.call(dst).await?));
        }
        let to_proxy = if address.scheme_str() == Some("https") {
            HttpsConnector::from((tcp, self.shared.https_proxies.config()?))
        } else {
            HttpsConnector::from((tcp, no_tls()?))
        };
        if dst.scheme_str() == Some("http") {
            let mut to_proxy = to_proxy;
            return Ok(Dialed { io: to_proxy.call(address).await?, absolute_form: true });
        }
        let mut tunnel = Tunnel::new(address, to_proxy);
        if let Some(auth) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(auth.clone());
        }
        Ok(Dialed { io: tunnel.call(dst).await?, absolute_form: false })
    }
}

/// A configuration that trusts nobody, where a type wants one and TLS is not used.
fn no_tls() -> Result<ClientConfig, BoxError> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

impl Service<Uri> for Dial {
    type Response = Dialed;
    type Error = BoxError;
    type Future = Connecting<Dialed>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, dst: Uri) -> Self::Future {
        Box::pin(self.clone().dial(dst))
    }
}

/// An open stream to the server, or to the proxy before it.
pub(crate) struct Dialed {
    io: MaybeHttpsStream<TokioIo<TcpStream>>,
    /// Whether a proxy reads the requests themselves (plain http through a proxy).
    absolute_form: bool,
}

impl Dialed {
    fn plain(tcp: TokioIo<TcpStream>) -> Self {
        Self { io: MaybeHttpsStream::Http(tcp), absolute_form: false }
    }
}

impl Connection for Dialed {
    fn connected(&self) -> Connected {
        // Not the inner stream's: whatever a proxy negotiated by ALPN is not what the server did.
        Connected::new().proxy(self.absolute_form)
    }
}

impl Read for Dialed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Dialed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
