//! https or http.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use sigward_fetch::{ProxySettings, RegistryOptions, RegistryTransport};

use super::*;
use crate::common;

/// A plain http server that counts connections which begin with a TLS handshake.
fn plain() -> (u16, Arc<AtomicU32>, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (handshakes, requests) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let counts = (Arc::clone(&handshakes), Arc::clone(&requests));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, counts) = (stream.unwrap(), (Arc::clone(&counts.0), Arc::clone(&counts.1)));
            std::thread::spawn(move || {
                let mut first = [0; 4096];
                let length = stream.read(&mut first).unwrap_or(0);
                if first[0] == 0x16 {
                    counts.0.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request\n");
                } else if length > 0 {
                    counts.1.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
                }
            });
        }
    });
    (port, handshakes, requests)
}

#[test]
fn loopback_registry_costs_one_handshake() {
    let (port, handshakes, requests) = plain();
    let client = with(RegistryOptions::default());
    let needs = (0..20).map(|n| need_at(&format!("127.0.0.1:{port}"), "team/app", &format!("blobs/{n}"))).collect();
    for answer in ask_all(&client, needs) {
        assert_eq!(answer.outcome.unwrap().status, 200);
        assert!(answer.url.starts_with("http://127.0.0.1"), "{}", answer.url);
    }
    assert_eq!(status(&client, need_at(&format!("127.0.0.1:{port}"), "team/other", "manifests/v1")), 200);
    assert_eq!((handshakes.load(Ordering::SeqCst), requests.load(Ordering::SeqCst)), (1, 21));
}

#[test]
fn server_that_hangs_up_on_a_handshake_speaks_no_tls() {
    let server = Server::start(|_| Response::ok(ACCEPT, "{}"));
    assert_eq!(status(&with(RegistryOptions::default()), need(&server, "team/app", "manifests/v1")), 200);
}

#[test]
fn https_is_used_where_it_is_spoken() {
    let server = https::start("localhost", &["http/1.1"], None);
    let host = format!("localhost:{}", server.port);
    let client = Client::new(server.options());
    let answer = ask(&client, need_at(&host, "team/app", "manifests/v1"));
    assert!(answer.url.starts_with("https://"), "{}", answer.url);
    assert_eq!(answer.outcome.unwrap().body, b"http/1.1");
}

#[test]
fn certificate_that_is_not_trusted_is_no_reason_for_http() {
    let (server, other) = (https::start("localhost", &[], None), https::start("localhost", &[], None));
    let host = format!("localhost:{}", server.port);
    for transport in [RegistryTransport::Verified, RegistryTransport::HttpAllowed] {
        let registry = RegistryOptions { transport, ..RegistryOptions::default() };
        let client = Client::new(Options { registry, ..other.options() });
        let answer = ask(&client, need_at(&host, "team/app", "manifests/v1"));
        let Err(Unreachable::Transport { url, reason }) = answer.outcome else { panic!("{answer:?}") };
        assert!(url.starts_with("https://") && reason.contains("certificate"), "{url}: {reason}");
    }
}

#[test]
fn registry_that_is_not_there_is_not_remembered_as_http() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let host = format!("127.0.0.1:{port}");
    let client = with(RegistryOptions::default());
    let answer = ask(&client, need_at(&host, "team/app", "manifests/v1"));
    let Err(Unreachable::Transport { url, reason }) = answer.outcome else { panic!("{answer:?}") };
    assert!(url.starts_with("https://") && reason.contains("refused"), "{url}: {reason}");
}

/// A proxy that answers whatever is asked, for hosts that are not there, and says what it was asked.
fn proxy() -> common::Server {
    common::Server::start(|seen, stream| match seen.method.as_str() {
        "CONNECT" => {
            let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
            let mut first = [0; 4096];
            let _ = stream.read(&mut first);
            let _ = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n");
        }
        _ => common::respond(stream, "200 OK", "", b"{}"),
    })
}

#[test]
fn http_fallback_is_refused_for_a_public_name() {
    let proxy = proxy();
    let proxies = ProxySettings { all: proxy.url.clone(), ..Default::default() };
    let client = |transport| {
        let registry = RegistryOptions { transport, ..RegistryOptions::default() };
        Client::new(Options { proxies: proxies.clone(), registry, ..options() })
    };
    let asked = need_at("registry.test", "team/app", "manifests/v1");
    let answer = ask(&client(RegistryTransport::Verified), asked.clone());
    assert!(matches!(answer.outcome, Err(Unreachable::Transport { .. })), "{answer:?}");
    assert!(proxy.paths().iter().all(|path| path == "registry.test:443"), "{:?}", proxy.paths());

    for transport in [RegistryTransport::HttpAllowed, RegistryTransport::InsecureUnsafe] {
        let answer = ask(&client(transport), asked.clone());
        assert_eq!(answer.outcome.unwrap().status, 200);
        assert_eq!(answer.url, "http://registry.test/v2/team/app/manifests/v1");
    }
}

#[test]
fn no_credential_over_http_to_a_private_network() {
    // Through a proxy, so that a host of a private network answers.
    for challenge in ["Basic", r#"Bearer realm="http://reg.local/token""#] {
        let proxy = common::Server::start(move |seen, stream| match seen.method.as_str() {
            "CONNECT" => common::respond(stream, "200 OK", "", b"no TLS here"),
            _ if seen.path.contains("/token") && !seen.headers.contains_key("authorization") => {
                common::respond(stream, "401 Unauthorized", "", b"who are you?");
            }
            _ if seen.path.contains("/token") => common::respond(stream, "200 OK", "", br#"{"token":"t"}"#),
            _ if seen.headers.contains_key("authorization") => common::respond(stream, "200 OK", "", b"{}"),
            _ => {
                let header = format!("WWW-Authenticate: {challenge}\r\n");
                common::respond(stream, "401 Unauthorized", &header, b"");
            }
        });
        let proxies = ProxySettings { all: proxy.url.clone(), ..Default::default() };
        let client = |transport| {
            let keychain = password_for(&["reg.local".to_owned()]);
            let registry = RegistryOptions { keychain, transport, ..RegistryOptions::default() };
            Client::new(Options { proxies: proxies.clone(), registry, ..options() })
        };
        let asked = need_at("reg.local", "team/app", "manifests/v1");
        let (_, reason, credential) = unauthorized(ask(&client(RegistryTransport::Verified), asked.clone()));
        assert!(reason.contains("--allow-http-registry"), "{reason}");
        assert_eq!(credential.as_deref(), Some("test config"));
        let seen = proxy.seen.lock().unwrap().clone();
        assert!(seen.iter().all(|seen| !seen.headers.contains_key("authorization")));

        let answer = ask(&client(RegistryTransport::HttpAllowed), asked);
        assert_eq!(answer.credential.as_deref(), Some("test config"));
        assert_eq!(answer.outcome.unwrap().status, 200);
    }
}
