//! Certificates of registries, and who else is affected.

use http_body_util::Full;
use hyper::body::Bytes;
use sigward_fetch::{Error, RegistryOptions, RegistryTls, RegistryTransport, TlsRoots};
use sigward_verify::evidence::Service;

use super::*;

fn registry(server: &https::Https) -> String {
    format!("localhost:{}", server.port)
}

/// A client for which nobody is trusted, but for what `registry` says.
fn distrustful(registry: RegistryOptions) -> Client {
    let stranger = https::start("localhost", &[], None);
    let roots = TlsRoots::Only(vec![stranger.root.clone()]);
    Client::new(Options { roots, registry, idle: Duration::from_secs(5), connect: Duration::from_secs(5), ..options() })
}

#[track_caller]
fn distrusted(answer: Answer) {
    match answer.outcome {
        Err(Unreachable::Transport { reason, .. }) if reason.contains("certificate") => {}
        other => panic!("expected a certificate that is not trusted, found {other:?}"),
    }
}

#[test]
fn insecure_registry_flag_does_not_leak_to_rekor() {
    let server = https::start("localhost", &["h2"], None);
    let transport = RegistryTransport::InsecureUnsafe;
    let client = distrustful(RegistryOptions { transport, ..RegistryOptions::default() });
    assert_eq!(status(&client, need_at(&registry(&server), "team/app", "manifests/v1")), 200);
    for service in [Service::Rekor, Service::Tuf, Service::Direct] {
        distrusted(ask(&client, Need::get(service, server.url(), 100)));
    }
}

#[test]
fn registry_authority_is_for_registries_alone() {
    let server = https::start("localhost", &["http/1.1"], None);
    let tls = RegistryTls::default().with_authorities(server.root_pem().as_bytes()).unwrap();
    let client = distrustful(RegistryOptions { tls: tls.clone(), ..RegistryOptions::default() });
    assert_eq!(status(&client, need_at(&registry(&server), "team/app", "manifests/v1")), 200);
    distrusted(ask(&client, Need::get(Service::Rekor, server.url(), 100)));

    // In place of the others, as cosign has it.
    let other = https::start("localhost", &[], None);
    let both = Client::new(Options { registry: RegistryOptions { tls, ..Default::default() }, ..other.options() });
    distrusted(ask(&both, need_at(&registry(&other), "team/app", "manifests/v1")));
}

#[test]
fn server_name_is_that_of_the_flag() {
    let server = https::start("inside.test", &[], None);
    let named = |name: &str| {
        let tls = RegistryTls::default().with_server_name(name).unwrap();
        Client::new(Options { registry: RegistryOptions { tls, ..Default::default() }, ..server.options() })
    };
    assert_eq!(status(&named("inside.test"), need_at(&registry(&server), "team/app", "manifests/v1")), 200);
    distrusted(ask(&named("outside.test"), need_at(&registry(&server), "team/app", "manifests/v1")));
    distrusted(ask(&server.client(), need_at(&registry(&server), "team/app", "manifests/v1")));
}

#[test]
fn client_certificate_is_for_the_registry_alone() {
    let store = https::start("localhost", &[], None);
    let to = format!("{}stored", store.url());
    let server = https::serve("localhost", &[], move |request| {
        let response = http::Response::builder();
        match request.uri().path().contains("/blobs/") {
            true => response.status(307).header("location", &to).body(Full::default()).unwrap(),
            false => response.body(Full::from(Bytes::from_static(b"{}"))).unwrap(),
        }
    });
    let (certificate, key) = https::client_identity();
    let tls = RegistryTls::default()
        .with_client(certificate.as_bytes(), key.as_bytes())
        .unwrap()
        .with_authorities(format!("{}{}", server.root_pem(), store.root_pem()).as_bytes())
        .unwrap();
    let client = distrustful(RegistryOptions { tls, ..RegistryOptions::default() });
    assert_eq!(status(&client, need_at(&registry(&server), "team/app", "manifests/v1")), 200);
    assert!(server.shown.load(Ordering::SeqCst) > 0);
    let answer = ask(&client, need_at(&registry(&server), "team/app", "blobs/1"));
    assert_eq!(answer.outcome.unwrap().body, b"http/1.1");
    assert_eq!(store.shown.load(Ordering::SeqCst), 0);
}

#[test]
fn pem_that_is_none_names_its_flag() {
    let (certificate, key) = https::client_identity();
    let (other, _) = https::client_identity();
    let tls = RegistryTls::default;
    let flag = |result: Result<RegistryTls, Error>| match result {
        Err(Error::BadFlag { flag, .. }) => flag,
        other => panic!("expected BadFlag, found {other:?}"),
    };
    assert_eq!(flag(tls().with_authorities(b"nothing")), "--registry-cacert");
    assert_eq!(flag(tls().with_authorities(b"")), "--registry-cacert");
    assert_eq!(flag(tls().with_authorities(key.as_bytes())), "--registry-cacert");
    let torn = certificate.replace("-----END", "");
    assert_eq!(flag(tls().with_authorities(torn.as_bytes())), "--registry-cacert");
    assert_eq!(flag(tls().with_client(b"", key.as_bytes())), "--registry-client-cert");
    assert_eq!(flag(tls().with_client(certificate.as_bytes(), b"")), "--registry-client-key");
    assert_eq!(flag(tls().with_client(other.as_bytes(), key.as_bytes())), "--registry-client-key");
    assert_eq!(flag(tls().with_server_name("not a name")), "--registry-server-name");
    let shown = format!("{:?}", tls().with_client(certificate.as_bytes(), key.as_bytes()).unwrap());
    assert!(!shown.contains("PRIVATE") && shown.contains("client: true"), "{shown}");
}

#[test]
fn redirect_from_https_to_http_is_refused() {
    let plain = Server::start(|_| Response::ok(ACCEPT, "{}"));
    let server = https::start("localhost", &["h2"], Some(&plain.url()));
    let answer = ask(&server.client(), need_at(&registry(&server), "team/app", "manifests/v1"));
    assert!(matches!(&answer.outcome, Err(Unreachable::Refused { reason, .. }) if reason.contains("https to http")));
    assert_eq!(plain.count(), 0);
}

#[test]
fn need_for_http_elsewhere_is_refused_for_an_https_registry() {
    let plain = Server::start(|_| Response::ok(ACCEPT, "{}"));
    let server = https::start("localhost", &[], None);
    let mut asked = need_at(&registry(&server), "team/app", "manifests/v1");
    asked.url = format!("{}/x", plain.url());
    let answer = ask(&server.client(), asked);
    assert!(matches!(answer.outcome, Err(Unreachable::Refused { .. })), "{answer:?}");
    assert_eq!(plain.count(), 0);
}

#[test]
fn token_realm_over_http() {
    let thief = token_server(Guests::Anybody);
    let realm = format!("http://localhost:{}/token", thief.address().port());
    let server = https::serve("localhost", &["h2"], move |_| {
        let challenge = format!(r#"Bearer realm="{realm}""#);
        let response = http::Response::builder().status(401).header("www-authenticate", challenge);
        response.body(Full::default()).unwrap()
    });
    for transport in [RegistryTransport::Verified, RegistryTransport::HttpAllowed] {
        let keychain = password_for(&[registry(&server)]);
        let options = RegistryOptions { keychain, transport, ..RegistryOptions::default() };
        let client = Client::new(Options { registry: options, ..server.options() });
        let (request, reason, _) = unauthorized(ask(&client, need_at(&registry(&server), "team/app", "manifests/v1")));
        assert!(request.starts_with("GET http://localhost") && reason.contains("is http"), "{request}: {reason}");
    }
    assert_eq!(thief.count(), 0);
}

/// A private authority is for its own registry: it must not be able to speak for others.
#[test]
fn authority_of_one_registry_is_for_no_other() {
    let (server, other) = (https::start("localhost", &[], None), https::start("localhost", &[], None));
    let tls = RegistryTls::default();
    let tls = tls.with_authorities_of(&registry(&server), server.root_pem().as_bytes()).unwrap();
    let client = distrustful(RegistryOptions { tls: tls.clone(), ..RegistryOptions::default() });
    assert_eq!(status(&client, need_at(&registry(&server), "team/app", "manifests/v1")), 200);
    distrusted(ask(&client, Need::get(Service::Rekor, server.url(), 100)));
    // The other host shows a certificate of the same authority, and is not believed.
    let elsewhere = RegistryTls::default().with_authorities_of("registry.test", server.root_pem().as_bytes()).unwrap();
    let client = distrustful(RegistryOptions { tls: elsewhere, ..RegistryOptions::default() });
    distrusted(ask(&client, need_at(&registry(&server), "team/app", "manifests/v1")));
    // In place of the others, for that host; the others are as they were.
    let usual = Client::new(Options { registry: RegistryOptions { tls, ..Default::default() }, ..other.options() });
    assert_eq!(status(&usual, need_at(&registry(&other), "team/app", "manifests/v1")), 200);
    let error = RegistryTls::default().with_authorities_of("registry.test", b"rubbish").unwrap_err();
    assert!(matches!(error, Error::BadFlag { flag: "--registry-ca", .. }));
}
