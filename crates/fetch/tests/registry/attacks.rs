//! Redirects, and hosts that speak for others.

use sigward_fetch::RegistryOptions;
use sigward_testkit::fault::Fault;

use super::*;

#[test]
fn redirect_to_another_host_with_credentials() {
    let thief = Server::start(|_| Response::ok(ACCEPT, "elsewhere"));
    for url in [thief.url(), format!("http://localhost:{}", thief.address().port())] {
        let server = guarded(Guests::Me, None);
        server.fault(Fault::redirect("/blobs/", &format!("{url}/stored")));
        let client = password_client(&[server.address().to_string()]);
        assert_eq!(status(&client, need(&server, "team/app", "manifests/v1")), 200);
        let answer = ask(&client, need(&server, "team/app", "blobs/1"));
        assert_eq!(answer.outcome.unwrap().body, b"elsewhere");
        assert_eq!(answer.credential, None);
        assert_eq!(answer.url, format!("{url}/stored"));
        assert_eq!(authorizations(&server, "/v2/team/app/blobs"), [Some("Bearer token-0".to_owned())]);
    }
    assert_eq!(authorizations(&thief, "/"), [None, None]);
}

#[test]
fn redirect_target_that_asks_gets_what_anybody_gets() {
    // The target names a token server that would like our password.
    let target = guarded(Guests::Anybody, None);
    let server = Server::start({
        let to = format!("http://localhost:{}/v2/team/app/blobs/1", target.address().port());
        move |request| match request.header("authorization") {
            Some(header) if header == basic() => Response::new(307, "text/plain", "").with("Location", &to),
            _ => refusal("Basic"),
        }
    });
    let hosts = [server.address().to_string(), target.address().to_string()];
    let client = password_client(&hosts);
    for _ in 0..2 {
        let answer = ask(&client, need(&server, "team/app", "blobs/1"));
        assert_eq!((answer.outcome.unwrap().status, answer.credential), (200, None));
    }
    assert_eq!(target.count_of("/token"), 1);
    assert!(authorizations(&target, "/token").iter().all(Option::is_none));
    assert!(authorizations(&target, "/v2/").iter().flatten().all(|header| header.starts_with("Bearer token-")));
}

#[test]
fn redirect_target_with_a_basic_challenge_gets_nothing() {
    let target = Server::start(|_| refusal("Basic"));
    let server = Server::start({
        let to = format!("{}/x", target.url());
        move |_| Response::new(307, "text/plain", "").with("Location", &to)
    });
    let client = password_client(&[server.address().to_string(), target.address().to_string()]);
    assert_eq!(status(&client, need(&server, "team/app", "blobs/1")), 401);
    assert_eq!(authorizations(&target, "/"), [None]);
}

#[test]
fn redirect_into_our_private_repository_is_not_ours() {
    let private = guarded(Guests::Me, None);
    let client = password_client(&[private.address().to_string()]);
    assert_eq!(status(&client, need(&private, "team/app", "manifests/v1")), 200);

    // The same repository path, so that a token of ours for it is at hand.
    let evil = Server::start({
        let to = format!("{}/v2/team/app/manifests/secret", private.url());
        move |_| Response::new(307, "text/plain", "").with("Location", &to)
    });
    private.clear_log();
    assert_eq!(
        status(&client, need_at(&format!("localhost:{}", evil.address().port()), "team/app", "manifests/v1")),
        401
    );
    assert!(authorizations(&private, "/").iter().all(Option::is_none));
}

#[test]
fn redirect_that_comes_back_has_lost_the_token() {
    let server = guarded(Guests::Me, None);
    let back = Server::start({
        let to = format!("{}/v2/team/app/manifests/v1", server.url());
        move |_| Response::new(307, "text/plain", "").with("Location", &to)
    });
    server.fault(Fault::redirect("/blobs/", &format!("{}/x", back.url())));
    let client = password_client(&[server.address().to_string()]);
    assert_eq!(status(&client, need(&server, "team/app", "manifests/v1")), 200);
    server.clear_log();
    ask(&client, need(&server, "team/app", "blobs/1"));
    let seen = authorizations(&server, "/v2/team/app/manifests");
    assert_eq!(seen[0], None);
}

#[test]
fn need_for_another_host_than_its_repository_has_no_credential() {
    let (server, other) = (guarded(Guests::Me, None), Server::start(|_| Response::ok(ACCEPT, "{}")));
    let client = password_client(&[server.address().to_string(), other.address().to_string()]);
    assert_eq!(status(&client, need(&server, "team/app", "manifests/v1")), 200);
    let mut elsewhere = need(&server, "team/app", "blobs/1");
    elsewhere.url = format!("{}/stored/1", other.url());
    let answer = ask(&client, elsewhere);
    assert_eq!((answer.outcome.unwrap().status, answer.credential), (200, None));
    assert_eq!(authorizations(&other, "/"), [None]);

    // The host of the repository itself is not another one, however it is written.
    let mut own = need(&server, "team/app", "blobs/1");
    own.url = format!("{}/v2/team/app/blobs/1", server.url());
    assert_eq!(ask(&client, own).credential.as_deref(), Some("test config"));
}

#[test]
fn budget_counts_tokens_too() {
    let server = guarded(Guests::Anybody, None);
    let needs = vec![need(&server, "team/app", "manifests/v1")];
    let budget = Budget { requests: 2, ..Budget::image() };
    let client = with(RegistryOptions::default());
    let result = run_blocking(drive(&mut Ask(Some(needs)), &client, soon(), budget)).unwrap();
    assert!(matches!(
        result,
        Err(sigward_fetch::DriveError::Stopped(sigward_fetch::Error::TooManyRequests { limit: 2 }))
    ));
}
