//! Tokens and passwords.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sigward_fetch::{Keychain, KeychainSources, RegistryCredential, RegistryOptions, RegistrySecret};
use sigward_testkit::fault::{Fault, FaultKind};
use sigward_testkit::server::{Response, Server};
use sigward_verify::evidence::Unreachable;

use super::*;

#[test]
fn storm_of_401_costs_one_token() {
    let server = guarded(Guests::Anybody, None);
    let needs = (0..40).map(|n| need(&server, "team/app", &format!("blobs/{n}"))).collect();
    let answers = ask_all(&with(RegistryOptions::default()), needs);
    assert!(answers.iter().all(|answer| answer.outcome.as_ref().is_ok_and(|response| response.status == 200)));
    assert_eq!(server.count_of("/token"), 1);
    let refused = authorizations(&server, "/v2/").iter().filter(|header| header.is_none()).count();
    assert!(refused <= 16, "{refused} requests without the token");
    assert_eq!(answers[0].credential, None, "anybody gets this token");
}

#[test]
fn token_is_asked_for_the_repository_and_the_service() {
    let server = guarded(Guests::Anybody, None);
    assert_eq!(status(&with(RegistryOptions::default()), need(&server, "team/app", "manifests/v1")), 200);
    let paths: Vec<String> = server.requests().into_iter().map(|request| request.path).collect();
    let token = "/token?scope=repository%3Ateam%2Fapp%3Apull&service=test%20registry";
    assert_eq!(paths, ["/v2/team/app/manifests/v1", token, "/v2/team/app/manifests/v1"]);
    let seen = server.requests();
    assert!(seen.iter().filter(|it| it.path.starts_with("/v2")).all(|it| it.header("accept") == Some(ACCEPT)));
}

#[test]
fn second_repository_of_a_registry_is_not_refused_first() {
    let server = guarded(Guests::Anybody, None);
    let client = with(RegistryOptions::default());
    for repository in ["team/one", "team/two"] {
        assert_eq!(status(&client, need(&server, repository, "manifests/v1")), 200);
        assert_eq!(status(&client, need(&server, repository, "manifests/v2")), 200);
    }
    assert_eq!(server.count_of("/token"), 2, "one for each scope");
    let refused = authorizations(&server, "/v2/").iter().filter(|header| header.is_none()).count();
    assert_eq!(refused, 1);
    let two = authorizations(&server, "/v2/team/two");
    assert_eq!(two, vec![Some("Bearer token-1".to_owned()); 2]);
}

#[test]
fn password_is_for_the_token_server_and_the_token_for_the_registry() {
    let server = guarded(Guests::Me, None);
    let answer = ask(&password_client(&[server.address().to_string()]), need(&server, "team/app", "manifests/v1"));
    assert_eq!(answer.outcome.unwrap().status, 200);
    assert_eq!(answer.credential.as_deref(), Some("test config"));
    assert_eq!(authorizations(&server, "/token"), [Some(basic())]);
    assert_eq!(authorizations(&server, "/v2/"), [None, Some("Bearer token-0".to_owned())]);
}

#[test]
fn wrong_password_is_tried_once() {
    let server = guarded(Guests::Me, None);
    let secret = RegistrySecret::Basic { user: "me".to_owned(), password: "wrong".to_owned() };
    let keychain =
        Keychain::given(vec![server.address().to_string()], RegistryCredential::new("--registry-password", secret));
    let client = with(RegistryOptions { keychain, ..RegistryOptions::default() });
    for _ in 0..3 {
        let (request, reason, credential) = unauthorized(ask(&client, need(&server, "team/app", "manifests/v1")));
        assert!(request.starts_with(&format!("GET {}/token?scope=", server.url())), "{request}");
        assert_eq!(reason, "incorrect username or password");
        assert_eq!(credential.as_deref(), Some("--registry-password"));
    }
    assert_eq!(server.count_of("/token"), 1);
}

#[test]
fn basic_challenge_gets_the_password_of_this_registry() {
    let server = Server::start(|request| match request.header("authorization") {
        Some(header) if header == basic() => Response::ok(ACCEPT, "{}"),
        _ => refusal(r#"Negotiate, Basic realm="x""#),
    });
    let client = password_client(&[server.address().to_string()]);
    for repository in ["one/app", "two/app"] {
        let answer = ask(&client, need(&server, repository, "manifests/v1"));
        assert_eq!(answer.outcome.unwrap().status, 200);
        assert_eq!(answer.credential.as_deref(), Some("test config"));
    }
    assert_eq!(authorizations(&server, "/v2/"), [None, Some(basic()), Some(basic())]);
}

#[test]
fn refusal_without_a_credential_is_the_answer() {
    for challenge in [r#"Basic realm="x""#, "Negotiate", "\"garbage", "Bearer realm=\"/relative\""] {
        let server = Server::start(move |_| refusal(challenge));
        let client = with(RegistryOptions::default());
        for count in 1..3 {
            let response = ask(&client, need(&server, "team/app", "manifests/v1")).outcome.unwrap();
            assert_eq!(response.status, 401, "{challenge}");
            assert!(String::from_utf8(response.body).unwrap().contains("authentication required"));
            assert_eq!(server.count(), count, "{challenge}");
        }
    }
}

#[test]
fn identity_token_is_a_refresh_token_in_a_form() {
    let server = guarded(Guests::Anybody, None);
    let secret = RegistrySecret::IdentityToken("s3cret&more".to_owned());
    let keychain = Keychain::given(vec![server.address().to_string()], RegistryCredential::new("config", secret));
    let client = with(RegistryOptions { keychain, ..RegistryOptions::default() });
    let answer = ask(&client, need(&server, "team/app", "manifests/v1"));
    assert_eq!((answer.outcome.unwrap().status, answer.credential.as_deref()), (200, Some("config")));
    let token = server.requests().into_iter().find(|request| request.path.starts_with("/token")).unwrap();
    assert_eq!((token.method.as_str(), token.path.as_str()), ("POST", "/token"));
    assert_eq!(token.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(
        String::from_utf8(token.body).unwrap(),
        "grant_type=refresh_token&client_id=sigward&scope=repository%3Ateam%2Fapp%3Apull&service=test%20registry\
         &refresh_token=s3cret%26more"
    );
    assert!(server.requests().iter().all(|it| it.path == "/token" || !format!("{it:?}").contains("s3cret")));
}

#[test]
fn registry_token_needs_no_token_server() {
    let server = guarded(Guests::Me, None);
    let secret = RegistrySecret::RegistryToken("token-given".to_owned());
    let keychain =
        Keychain::given(vec![server.address().to_string()], RegistryCredential::new("--registry-token", secret));
    let client = with(RegistryOptions { keychain, ..RegistryOptions::default() });
    assert_eq!(status(&client, need(&server, "team/app", "manifests/v1")), 200);
    assert_eq!(server.count_of("/token"), 0);
}

#[test]
fn token_that_ran_out_is_renewed_once() {
    let uses = Arc::new(AtomicU32::new(0));
    let server = Server::start(move |request| {
        if request.path.starts_with("/token") {
            uses.store(0, Ordering::SeqCst);
            return Response::ok("application/json", r#"{"access_token":"t","expires_in":1}"#);
        }
        let is_good = request.header("authorization").is_some() && uses.fetch_add(1, Ordering::SeqCst) < 2;
        let host = request.header("host").unwrap();
        if is_good { Response::ok(ACCEPT, "{}") } else { refusal(&format!(r#"Bearer realm="http://{host}/token""#)) }
    });
    let client = with(RegistryOptions::default());
    for n in 0..6 {
        assert_eq!(status(&client, need(&server, "team/app", &format!("blobs/{n}"))), 200);
    }
    assert_eq!(server.count_of("/token"), 3);
    assert_eq!(server.count_of("/v2/"), 9);
}

#[test]
fn token_that_is_never_taken_is_not_asked_for_again() {
    let server = guarded(Guests::Anybody, None);
    server.fault(Fault::change("/token", |_| Response::ok("application/json", r#"{"token":"useless"}"#)));
    let client = with(RegistryOptions::default());
    for n in 0..5 {
        assert_eq!(status(&client, need(&server, "team/app", &format!("blobs/{n}"))), 401);
    }
    assert_eq!(server.count_of("/token"), 1);
}

#[test]
fn token_server_that_fails_is_asked_four_times_and_then_left_alone() {
    let server = guarded(Guests::Anybody, None);
    server.fault(Fault::status("/token", 503));
    let client = with(RegistryOptions::default());
    let needs = (0..8).map(|n| need(&server, "team/app", &format!("blobs/{n}"))).collect();
    for answer in ask_all(&client, needs) {
        let Err(Unreachable::Transport { reason, .. }) = answer.outcome else { panic!("{answer:?}") };
        assert!(reason.contains("503"), "{reason}");
    }
    assert_eq!(server.count_of("/token"), 4);
}

#[test]
fn token_server_that_recovers_is_waited_for() {
    for fault in [Fault::status("/token", 429), Fault::hang_up("/token"), Fault::retry_after("/token", 503, 0)] {
        let server = guarded(Guests::Anybody, None);
        server.fault(fault.first(2));
        assert_eq!(status(&with(RegistryOptions::default()), need(&server, "team/app", "manifests/v1")), 200);
        assert_eq!(server.count_of("/token"), 3);
    }
}

#[test]
fn statuses_that_registries_mean_for_now_are_repeated() {
    for code in [408, 429, 499, 500, 502, 503, 504, 522] {
        let server = Server::start(|_| Response::ok(ACCEPT, "{}"));
        server.fault(Fault::status("/v2/", code).first(2));
        assert_eq!(status(&with(RegistryOptions::default()), need(&server, "team/app", "manifests/v1")), 200, "{code}");
        assert_eq!(server.count(), 3, "{code}");
    }
}

#[test]
fn retry_after_of_many_days() {
    let started = Instant::now();
    let server = guarded(Guests::Anybody, None);
    server.fault(Fault::retry_after("/token", 429, 999_999));
    let answer = ask(&with(RegistryOptions::default()), need(&server, "team/app", "manifests/v1"));
    assert!(matches!(answer.outcome, Err(Unreachable::Transport { .. })), "{answer:?}");
    assert_eq!(server.count_of("/token"), 1);

    let server = Server::start(|_| Response::not_found());
    server.fault(Fault::retry_after("/v2/", 429, 999_999));
    assert_eq!(status(&with(RegistryOptions::default()), need(&server, "team/app", "manifests/v1")), 429);
    assert_eq!(server.count(), 1);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn endless_token_body() {
    let server = guarded(Guests::Anybody, None);
    server.fault(Fault::endless("/token"));
    let answer = ask(&with(RegistryOptions::default()), need(&server, "team/app", "manifests/v1"));
    assert!(matches!(answer.outcome, Err(Unreachable::TooLarge { limit: 65_536, .. })), "{answer:?}");
    assert_eq!(server.count_of("/token"), 1);
}

#[test]
fn token_answers_that_are_none() {
    for body in ["", "{}", "[]", r#"{"token":""}"#, r#"{"token":7}"#, "null", r#"{"token":"a\nb"}"#] {
        let server = guarded(Guests::Anybody, None);
        server.fault(Fault::new("/token", FaultKind::Answer(Response::ok("application/json", body))));
        unauthorized(ask(&with(RegistryOptions::default()), need(&server, "team/app", "manifests/v1")));
    }
}

#[test]
fn registry_that_asks_for_nothing_has_no_file_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), "not JSON").unwrap();
    let sources = KeychainSources { docker_config_dir: Some(folder.path().to_owned()), ..Default::default() };
    let options = || RegistryOptions { keychain: Keychain::files(sources.clone()), ..RegistryOptions::default() };
    let open = Server::start(|_| Response::ok(ACCEPT, "{}"));
    assert_eq!(status(&with(options()), need(&open, "team/app", "manifests/v1")), 200);

    // Where it does ask, a file that cannot be read is not the same as none.
    let server = guarded(Guests::Anybody, None);
    let (_, reason, _) = unauthorized(ask(&with(options()), need(&server, "team/app", "manifests/v1")));
    assert!(reason.contains("config.json"), "{reason}");
    assert_eq!(server.count_of("/token"), 0);
}

#[test]
fn identical_tokens_for_other_repositories_of_a_proxy() {
    // A pull-through cache knows the repository by another name, and says so in its scope.
    let server = Server::start(|request| {
        if request.path.starts_with("/token") {
            return Response::ok("application/json", r#"{"token":"t"}"#);
        }
        let host = request.header("host").unwrap();
        let scope = "repository:upstream/app:pull,push repository:other:pull";
        match request.header("authorization") {
            Some(_) => Response::ok(ACCEPT, "{}"),
            None => refusal(&format!(r#"Bearer realm="http://{host}/token?a=b",scope="{scope}""#)),
        }
    });
    assert_eq!(status(&with(RegistryOptions::default()), need(&server, "team/app", "manifests/v1")), 200);
    let token = server.requests().into_iter().find(|request| request.path.starts_with("/token")).unwrap();
    assert_eq!(token.path, "/token?a=b&scope=repository%3Aupstream%2Fapp%3Apull&scope=repository%3Ateam%2Fapp%3Apull");
}
