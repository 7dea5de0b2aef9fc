//! https: which servers are believed, both HTTP versions, tunnels, and redirects to less than https.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

mod common;

use std::convert::Infallible;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::{Server, options, soon};
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sigward_fetch::{Client, Error, Options, ProxySettings, TlsRoots, run_blocking};
use sigward_testkit::ca::{Authority, CaSpec};
use sigward_testkit::x509::{Cert, Ext, San, eku, key_usage};
use sigward_testkit::{Key, KeyKind};
use sigward_verify::evidence::Unreachable;

/// An https server on loopback which answers with the HTTP version that was used.
struct Https {
    port: u16,
    root: CertificateDer<'static>,
    connections: Arc<AtomicU32>,
}

impl Https {
    fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }

    fn client(&self) -> Client {
        Client::new(self.options())
    }

    fn options(&self) -> Options {
        // Making and checking certificates in an unoptimised build takes its time.
        let roots = TlsRoots::Only(vec![self.root.clone()]);
        Options { roots, idle: Duration::from_secs(5), connect: Duration::from_secs(5), ..options() }
    }
}

/// Starts a server whose certificate is for `name`.
fn start(name: &str, alpn: &[&str], redirect: Option<&str>) -> Https {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let validity = (now - 3600, now + 3600);
    let root = Authority::new(&CaSpec { validity, key: KeyKind::P256, ..CaSpec::root() }, None);
    let key = Key::new(KeyKind::P256);
    let mut leaf = Cert::new(&root.subject, &root.subject, validity, &key);
    leaf.extensions = vec![
        Ext::key_usage(key_usage::DIGITAL_SIGNATURE),
        Ext::extended_key_usage(false, &[eku::SERVER_AUTH.to_owned()]),
        Ext::subject_alt_name(false, &[San::dns(name)]),
    ];
    let certificate = CertificateDer::from(leaf.sign(&root.key));
    let private = PrivateKeyDer::from_pem_slice(key.private_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicU32::new(0));
    let (count, redirect) = (Arc::clone(&connections), redirect.map(str::to_owned));
    std::thread::spawn(move || run_blocking(serve(listener, config, count, redirect)));
    Https { port, root: CertificateDer::from(root.der), connections }
}

async fn serve(listener: TcpListener, config: rustls::ServerConfig, count: Arc<AtomicU32>, redirect: Option<String>) {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        count.fetch_add(1, Ordering::SeqCst);
        let (acceptor, redirect) = (acceptor.clone(), redirect.clone());
        tokio::spawn(async move {
            let Ok(tls) = acceptor.accept(tcp).await else { return };
            let h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
            let answer = service_fn(move |request| {
                let response = answer(&request, redirect.as_deref());
                async { Ok::<_, Infallible>(response) }
            });
            if h2 {
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(tls), answer).await;
            } else {
                let server = hyper::server::conn::http1::Builder::new();
                let _ = server.serve_connection(TokioIo::new(tls), answer).await;
            }
        });
    }
}

fn answer(request: &Request<Incoming>, redirect: Option<&str>) -> Response<Full<Bytes>> {
    match redirect {
        Some(to) => Response::builder().status(302).header("location", to).body(Full::default()).unwrap(),
        None => {
            let version: &[u8] = if request.version() == Version::HTTP_2 { b"h2" } else { b"http/1.1" };
            Response::new(Full::from(Bytes::copy_from_slice(version)))
        }
    }
}

fn get(client: &Client, url: &str) -> Result<String, Error> {
    let response = run_blocking(client.get(url, 1000, soon())).unwrap()?;
    Ok(String::from_utf8(response.body).unwrap())
}

#[test]
fn both_versions_of_http() {
    for (alpn, version) in [(&["h2", "http/1.1"][..], "h2"), (&["http/1.1"], "http/1.1"), (&[], "http/1.1")] {
        let server = start("localhost", alpn, None);
        assert_eq!(get(&server.client(), &server.url()).unwrap(), version);
    }
}

#[test]
fn one_connection_for_several_requests() {
    let server = start("localhost", &["h2"], None);
    let client = server.client();
    run_blocking(async {
        for _ in 0..3 {
            client.get(&server.url(), 10, soon()).await.unwrap();
        }
    })
    .unwrap();
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn server_of_another_authority_or_name_is_refused_at_once() {
    let (server, other) = (start("localhost", &[], None), start("elsewhere.test", &[], None));
    let stranger = Client::new(Options { roots: TlsRoots::Only(vec![other.root.clone()]), ..server.options() });
    for (client, server) in [(stranger, &server), (other.client(), &other)] {
        let Err(Error::Unreachable(Unreachable::Transport { reason, .. })) = get(&client, &server.url()) else {
            panic!("believed")
        };
        assert!(reason.contains("certificate"), "{reason}");
        assert_eq!(server.connections.load(Ordering::SeqCst), 1, "a wrong certificate is not asked for again");
    }
}

#[test]
fn no_authority_at_all() {
    let server = start("localhost", &[], None);
    let client = Client::new(Options { roots: TlsRoots::Only(Vec::new()), ..server.options() });
    let Err(Error::Unreachable(Unreachable::Transport { reason, .. })) = get(&client, &server.url()) else {
        panic!("believed")
    };
    assert!(reason.contains("no certificate authority"), "{reason}");
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

#[test]
fn redirect_to_http_is_refused() {
    let plain = Server::files(|_| Some(b"plain".to_vec()));
    let server = start("localhost", &["h2"], Some(&plain.url));
    let found = get(&server.client(), &server.url());
    let Err(Error::Unreachable(Unreachable::Refused { reason, .. })) = found else { panic!("{found:?}") };
    assert!(reason.contains("https to http"), "{reason}");
    assert_eq!(plain.count(), 0);
}

#[test]
fn https_through_a_tunnel() {
    let server = start("far.test", &["h2"], None);
    let port = server.port;
    let proxy = Server::start(move |seen, stream| {
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("CONNECT", "far.test:443"));
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        let far = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut there, mut back) = (far.try_clone().unwrap(), far);
        let mut near = stream.try_clone().unwrap();
        std::thread::spawn(move || std::io::copy(&mut near, &mut there));
        let _ = std::io::copy(&mut back, stream);
    });
    let proxies = ProxySettings { https: proxy.url.clone(), ..Default::default() };
    let client = Client::new(Options { proxies, ..server.options() });
    assert_eq!(get(&client, "https://far.test/").unwrap(), "h2");
    assert_eq!(proxy.count(), 1);
}
