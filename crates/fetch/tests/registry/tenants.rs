//! One process that asks for many: nobody is served with what is somebody else's, and nobody is led inward.

use sigward_fetch::{NetworkRules, PullSecretForm, PullSecrets};
use sigward_testkit::fault::Fault;

use super::*;

fn user(name: &str) -> RegistryCredential {
    let secret = RegistrySecret::Basic { user: name.to_owned(), password: "hunter2".to_owned() };
    RegistryCredential::new(name, secret)
}

/// Gives each user a token of their own, and says in each answer whose it was.
fn own_tokens() -> Server {
    Server::start(|request| {
        let header = request.header("authorization").map(str::to_owned);
        if request.path.starts_with("/token") {
            let encoded = header.as_deref().and_then(|header| header.strip_prefix("Basic ")).map(str::to_owned);
            let user = encoded.map(|encoded| base64::engine::general_purpose::STANDARD.decode(encoded).unwrap());
            let user = user.map_or("anybody".to_owned(), |pair| String::from_utf8(pair).unwrap());
            let user = user.split(':').next().unwrap().to_owned();
            return Response::ok("application/json", format!(r#"{{"token":"of-{user}"}}"#));
        }
        match header.as_deref().and_then(|header| header.strip_prefix("Bearer of-")) {
            Some(user) => Response::ok(ACCEPT, user.to_owned()),
            None => {
                let host = request.header("host").unwrap().to_owned();
                refusal(&format!(r#"Bearer realm="http://{host}/token",service="s""#))
            }
        }
    })
}

#[test]
fn token_of_one_namespace_is_not_used_for_another() {
    let server = own_tokens();
    let hosts = vec![server.address().to_string()];
    let shared = with(RegistryOptions::default());
    let one = shared.with_keychain(Keychain::given(hosts.clone(), user("one")));
    let two = shared.with_keychain(Keychain::given(hosts, user("two")));
    let seen_by = |client: &Client| {
        let answer = ask(client, need(&server, "team/app", "manifests/v1"));
        (String::from_utf8(answer.outcome.unwrap().body).unwrap(), answer.credential)
    };
    for _ in 0..2 {
        assert_eq!(seen_by(&one), ("one".to_owned(), Some("one".to_owned())));
        assert_eq!(seen_by(&two), ("two".to_owned(), Some("two".to_owned())));
        assert_eq!(seen_by(&shared), ("anybody".to_owned(), None));
    }
    assert_eq!(server.count_of("/token"), 3, "each its own, and once");
}

#[test]
fn refusal_of_one_namespace_is_not_told_to_another() {
    let server = guarded(Guests::Me, None);
    let hosts = vec![server.address().to_string()];
    let shared = with(RegistryOptions::default());
    let wrong = shared.with_keychain(Keychain::given(hosts.clone(), user("wrong")));
    let right = shared.with_keychain(Keychain::given(hosts, user("me")));
    unauthorized(ask(&wrong, need(&server, "team/app", "manifests/v1")));
    assert_eq!(status(&right, need(&server, "team/app", "manifests/v1")), 200);
    unauthorized(ask(&wrong, need(&server, "team/app", "manifests/v1")));
}

#[test]
fn first_keychain_that_knows_is_used() {
    let server = own_tokens();
    let host = server.address().to_string();
    let (own, other) = (vec![host.clone()], vec!["registry.example".to_owned()]);
    let chain = Keychain::chain(vec![
        Keychain::given(other, user("other")),
        Keychain::given(own.clone(), user("first")),
        Keychain::given(own.clone(), user("second")),
    ]);
    let client = with(RegistryOptions { keychain: chain, ..RegistryOptions::default() });
    assert_eq!(ask(&client, need(&server, "team/app", "manifests/v1")).credential.as_deref(), Some("first"));
    // One that cannot be read is no reason to ask as somebody else.
    let mut secrets = PullSecrets::default();
    let broken = format!(r#"{{"auths":{{"{host}":{{"auth":"%%%"}}}}}}"#);
    secrets.add(PullSecretForm::DockerConfigJson, "broken", broken.as_bytes()).unwrap();
    let chain = Keychain::chain(vec![Keychain::pull_secrets(secrets), Keychain::given(own, user("second"))]);
    let client = with(RegistryOptions { keychain: chain, ..RegistryOptions::default() });
    let (_, reason, _) = unauthorized(ask(&client, need(&server, "team/app", "manifests/v2")));
    assert!(reason.contains("broken"), "{reason}");
}

fn inward(allowed: &[&str]) -> Client {
    let rules = allowed.iter().fold(NetworkRules::inward_refused(), |rules, it| rules.allow(it.parse().unwrap()));
    Client::new(Options { idle: Duration::from_secs(3), network: rules, ..options() })
}

fn refused(answer: Answer) -> String {
    match answer.outcome {
        Err(error) => error.to_string(),
        Ok(response) => panic!("expected a refusal, found {response:?}"),
    }
}

#[test]
fn loopback_registry_by_address_and_by_name() {
    let server = Server::start(|_| Response::ok(ACCEPT, "secret"));
    let port = server.address().port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let reason = refused(ask(&inward(&[]), need_at(&format!("{host}:{port}"), "team/app", "manifests/v1")));
        assert!(reason.contains("is in a network that is not asked"), "{reason}");
    }
    assert_eq!(server.count(), 0);
    assert_eq!(status(&inward(&["127.0.0.0/8"]), need(&server, "team/app", "manifests/v1")), 200);
}

/// The registry is allowed; where it sends us is not.
#[test]
fn redirect_and_token_server_inward() {
    let client = inward(&["127.0.0.1/32"]);
    let server = Server::start(|_| Response::ok(ACCEPT, "{}"));
    server.fault(Fault::redirect("/blobs/", "http://169.254.169.254/latest/meta-data/"));
    server.fault(Fault::redirect("/manifests/", "http://127.0.0.2:1/"));
    for path in ["blobs/1", "manifests/v1"] {
        let reason = refused(ask(&client, need(&server, "team/app", path)));
        assert!(reason.contains("is in a network that is not asked"), "{reason}");
    }
    let server = guarded(Guests::Anybody, Some("http://127.0.0.3:1/token".to_owned()));
    let reason = refused(ask(&client, need(&server, "team/app", "manifests/v1")));
    assert!(reason.contains("is in a network that is not asked"), "{reason}");
}
