//! Token servers on other hosts. Here `127.0.0.1` and `localhost` are two hosts.

use sigward_fetch::{RegistryOptions, RegistryTransport};

use super::*;

fn localhost(server: &Server) -> String {
    format!("localhost:{}", server.address().port())
}

#[test]
fn token_realm_on_another_host_gets_no_password() {
    let thief = token_server(Guests::Anybody);
    let server = guarded(Guests::Me, Some(format!("http://{}/token", localhost(&thief))));
    let client = password_client(&[server.address().to_string()]);
    let answer = ask(&client, need(&server, "team/app", "manifests/v1"));
    assert_eq!(answer.outcome.unwrap().status, 200, "what anybody gets is enough");
    assert_eq!(answer.credential, None);
    assert_eq!(authorizations(&thief, "/"), [None]);
}

#[test]
fn token_realm_on_another_host_that_wants_the_password_is_named() {
    let other = token_server(Guests::Me);
    let server = guarded(Guests::Me, Some(format!("http://{}/token", localhost(&other))));
    let client = password_client(&[server.address().to_string()]);
    let (request, reason, credential) = unauthorized(ask(&client, need(&server, "team/app", "manifests/v1")));
    assert!(request.contains(&localhost(&other)), "{request}");
    for part in [server.address().to_string(), localhost(&other), "--registry-trusted-realm".to_owned()] {
        assert!(reason.contains(&part), "{reason}");
    }
    assert_eq!(credential.as_deref(), Some("test config"));
    assert!(!reason.contains("hunter2"));
    assert_eq!(authorizations(&other, "/"), [None]);
}

#[test]
fn token_realm_on_another_host_whose_token_is_not_enough_is_named() {
    let other = token_server(Guests::Anybody);
    let realm = format!("http://{}/token", localhost(&other));
    for code in [401, 403] {
        let realm = realm.clone();
        let server = Server::start(move |request| match request.header("authorization") {
            None => refusal(&format!(r#"Bearer realm="{realm}""#)),
            Some(_) => Response::new(code, "text/plain", "no"),
        });
        let client = password_client(&[server.address().to_string()]);
        let (request, reason, credential) = unauthorized(ask(&client, need(&server, "team/app", "manifests/v1")));
        assert!(request.contains("/v2/team/app/manifests/v1"), "{request}");
        assert!(reason.contains("--registry-trusted-realm"), "{reason}");
        assert_eq!(credential.as_deref(), Some("test config"));
    }
}

#[test]
fn token_realm_on_another_host_that_is_permitted() {
    let other = token_server(Guests::Me);
    let server = guarded(Guests::Me, Some(format!("http://{}/token", localhost(&other))));
    for trusted in ["localhost".to_owned(), localhost(&other)] {
        let client = with(RegistryOptions {
            keychain: password_for(&[server.address().to_string()]),
            trusted_realms: vec![trusted],
            ..RegistryOptions::default()
        });
        assert_eq!(status(&client, need(&server, "team/app", "manifests/v1")), 200);
    }
    assert_eq!(authorizations(&other, "/"), [Some(basic()), Some(basic())]);
}

#[test]
fn token_realm_on_another_port_of_the_registry() {
    let other = token_server(Guests::Me);
    let server = guarded(Guests::Me, Some(format!("{}/token", other.url())));
    let client = password_client(&[server.address().to_string()]);
    assert_eq!(status(&client, need(&server, "team/app", "manifests/v1")), 200);
    assert_eq!(authorizations(&other, "/"), [Some(basic())]);
}

#[test]
fn credentials_for_one_host_asked_by_another() {
    // `other` wants what we have for `server`: by Basic, and by naming the token server of `server`.
    let server = guarded(Guests::Me, None);
    let realm = format!("{}/token", server.url());
    for challenge in [r#"Basic realm="x""#.to_owned(), format!(r#"Bearer realm="{realm}""#)] {
        let other = Server::start(move |_| refusal(&challenge));
        let client = password_client(&[server.address().to_string()]);
        let answer = ask(&client, need_at(&localhost(&other), "team/app", "manifests/v1"));
        assert!(answer.outcome.is_err() || answer.outcome.is_ok_and(|response| response.status == 401));
        assert!(authorizations(&other, "/").iter().all(Option::is_none));
        assert!(authorizations(&server, "/").iter().all(Option::is_none));
    }
}

#[test]
fn secret_form_is_not_redirected_to_another_host() {
    let thief = token_server(Guests::Anybody);
    let to = format!("http://{}/token", localhost(&thief));
    let server = guarded(Guests::Anybody, None);
    server.fault(sigward_testkit::fault::Fault::redirect("/token", &to));
    let secret = RegistrySecret::IdentityToken("secret".to_owned());
    let keychain = Keychain::given(vec![server.address().to_string()], RegistryCredential::new("config", secret));
    let client = with(RegistryOptions { keychain, ..RegistryOptions::default() });
    let answer = ask(&client, need(&server, "team/app", "manifests/v1"));
    assert!(matches!(answer.outcome, Err(Unreachable::Refused { .. })), "{answer:?}");
    assert_eq!(thief.count(), 0);
}

#[test]
fn password_is_not_redirected_to_another_host() {
    let thief = token_server(Guests::Anybody);
    let to = format!("http://{}/token", localhost(&thief));
    let server = guarded(Guests::Me, None);
    server.fault(sigward_testkit::fault::Fault::redirect("/token", &to));
    let client = password_client(&[server.address().to_string()]);
    assert_eq!(status(&client, need(&server, "team/app", "manifests/v1")), 200);
    assert_eq!(authorizations(&thief, "/"), [None]);
}

#[test]
fn realm_in_the_network_of_the_machine() {
    let server = guarded(Guests::Anybody, Some("http://169.254.169.254/latest/meta-data".to_owned()));
    let (request, reason, _) =
        unauthorized(ask(&with(RegistryOptions::default()), need(&server, "team/app", "manifests/v1")));
    assert!(request.contains("169.254.169.254") && reason.contains("network of this machine"), "{reason}");
    // Not even where everything else is allowed.
    let insecure = RegistryOptions { transport: RegistryTransport::InsecureUnsafe, ..RegistryOptions::default() };
    unauthorized(ask(&with(insecure), need(&server, "team/app", "manifests/v1")));
}
