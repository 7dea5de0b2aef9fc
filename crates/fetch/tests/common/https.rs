//! https servers on loopback, with certificates of their own authorities.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses a part")]

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};
use sigward_fetch::{Client, Options, TlsRoots, run_blocking};
use sigward_testkit::ca::{Authority, CaSpec};
use sigward_testkit::x509::{Cert, Ext, San, eku, key_usage};
use sigward_testkit::{Key, KeyKind};

use crate::common::options;

type Handler = dyn Fn(&Request<Incoming>) -> Response<Full<Bytes>> + Send + Sync;

/// An https server on loopback. It ends with the process.
#[derive(Debug)]
pub struct Https {
    pub port: u16,
    pub root: CertificateDer<'static>,
    pub connections: Arc<AtomicU32>,
    /// Connections where the client showed a certificate.
    pub shown: Arc<AtomicU32>,
}

impl Https {
    pub fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }

    pub fn client(&self) -> Client {
        Client::new(self.options())
    }

    pub fn options(&self) -> Options {
        // Making and checking certificates in an unoptimised build takes its time.
        let roots = TlsRoots::Only(vec![self.root.clone()]);
        Options { roots, idle: Duration::from_secs(5), connect: Duration::from_secs(5), ..options() }
    }

    pub fn root_pem(&self) -> String {
        pem("CERTIFICATE", &self.root)
    }
}

/// Starts a server whose certificate is for `name`, and which answers with the HTTP version that was used.
pub fn start(name: &str, alpn: &[&str], redirect: Option<&str>) -> Https {
    let redirect = redirect.map(str::to_owned);
    serve(name, alpn, move |request| answer(request, redirect.as_deref()))
}

/// Starts a server whose certificate is for `name`. It takes any client's certificate, and none.
pub fn serve(
    name: &str,
    alpn: &[&str],
    handler: impl Fn(&Request<Incoming>) -> Response<Full<Bytes>> + Send + Sync + 'static,
) -> Https {
    let root = authority();
    let (certificate, key) = leaf(&root, name, eku::SERVER_AUTH);
    let private = PrivateKeyDer::from_pem_slice(key.private_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(Arc::new(AnyClient(provider)))
        .with_single_cert(vec![certificate], private)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (connections, shown) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let counts = (Arc::clone(&connections), Arc::clone(&shown));
    std::thread::spawn(move || run_blocking(accept(listener, config, counts, Arc::new(handler))));
    Https { port, root: CertificateDer::from(root.der), connections, shown }
}

/// A certificate for a client and its key, PEM.
pub fn client_identity() -> (String, String) {
    let (certificate, key) = leaf(&authority(), "client.test", eku::CLIENT_AUTH);
    (pem("CERTIFICATE", &certificate), key.private_pem())
}

fn validity() -> (i64, i64) {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    (now - 3600, now + 3600)
}

fn authority() -> Authority {
    Authority::new(&CaSpec { validity: validity(), key: KeyKind::P256, ..CaSpec::root() }, None)
}

fn leaf(root: &Authority, name: &str, usage: &str) -> (CertificateDer<'static>, Key) {
    let key = Key::new(KeyKind::P256);
    let mut leaf = Cert::new(&root.subject, &root.subject, validity(), &key);
    leaf.extensions = vec![
        Ext::key_usage(key_usage::DIGITAL_SIGNATURE),
        Ext::extended_key_usage(false, &[usage.to_owned()]),
        Ext::subject_alt_name(false, &[San::dns(name)]),
    ];
    (CertificateDer::from(leaf.sign(&root.key)), key)
}

pub fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

async fn accept(
    listener: TcpListener,
    config: rustls::ServerConfig,
    (connections, shown): (Arc<AtomicU32>, Arc<AtomicU32>),
    handler: Arc<Handler>,
) {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        connections.fetch_add(1, Ordering::SeqCst);
        let (acceptor, handler, shown) = (acceptor.clone(), Arc::clone(&handler), Arc::clone(&shown));
        tokio::spawn(async move {
            let Ok(tls) = acceptor.accept(tcp).await else { return };
            shown.fetch_add(u32::from(tls.get_ref().1.peer_certificates().is_some()), Ordering::SeqCst);
            let h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
            let answer = service_fn(move |request| {
                let response = handler(&request);
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

/// Asks for a certificate and takes any.
#[derive(Debug)]
struct AnyClient(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
