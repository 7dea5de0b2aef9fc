//! https: which servers are believed, both HTTP versions, tunnels, and redirects to less than https.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

mod common;
#[path = "common/https.rs"]
mod https;

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::Ordering;

use common::{Server, soon};
use https::start;
use sigward_fetch::{Client, Error, Options, ProxySettings, TlsRoots, run_blocking};
use sigward_verify::evidence::Unreachable;

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
