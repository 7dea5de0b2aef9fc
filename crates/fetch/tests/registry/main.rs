//! Registries: what lets a client in, what it must not give away, and what it speaks.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/https.rs"]
mod https;

mod attacks;
mod auth;
mod realm;
mod scheme;
mod sharing;
mod tenants;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use sigward_fetch::{
    Budget, Client, Keychain, Options, RegistryCredential, RegistryOptions, RegistrySecret, drive, run_blocking,
};
use sigward_testkit::server::{Request, Response, Server};
use sigward_verify::evidence::{Answer, Inquiry, Need, Step, Unreachable};
use sigward_verify::image::Repository;

use crate::common::{options, soon};

const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json";

/// Asks once, gives what came back.
struct Ask(Option<Vec<Need>>);

impl Inquiry for Ask {
    type Out = Vec<Answer>;
    type Error = std::convert::Infallible;

    fn step(&mut self, answers: Vec<Answer>) -> Step<Self::Out, Self::Error> {
        match self.0.take() {
            Some(needs) => Step::Need(needs),
            None => Step::Done(answers),
        }
    }
}

fn need(server: &Server, repository: &str, path: &str) -> Need {
    need_at(&server.address().to_string(), repository, path)
}

fn need_at(host: &str, repository: &str, path: &str) -> Need {
    let repository = Repository::parse(&format!("{host}/{repository}")).unwrap();
    Need::registry(&repository, path, ACCEPT, 1000)
}

fn ask(client: &Client, need: Need) -> Answer {
    ask_all(client, vec![need]).remove(0)
}

fn ask_all(client: &Client, needs: Vec<Need>) -> Vec<Answer> {
    run_blocking(drive(&mut Ask(Some(needs)), client, soon(), Budget::image())).unwrap().unwrap()
}

fn status(client: &Client, need: Need) -> u16 {
    ask(client, need).outcome.unwrap().status
}

#[track_caller]
fn unauthorized(answer: Answer) -> (String, String, Option<String>) {
    match answer.outcome {
        Err(Unreachable::Unauthorized { request, reason, credential }) => (request, reason, credential),
        other => panic!("expected Unauthorized, found {other:?}"),
    }
}

fn with(registry: RegistryOptions) -> Client {
    Client::new(Options { idle: Duration::from_secs(3), registry, ..options() })
}

/// User `me` with the password `hunter2`, for these servers.
fn password_for(hosts: &[String]) -> Keychain {
    let secret = RegistrySecret::Basic { user: "me".to_owned(), password: "hunter2".to_owned() };
    Keychain::given(hosts.to_vec(), RegistryCredential::new("test config", secret))
}

fn password_client(hosts: &[String]) -> Client {
    with(RegistryOptions { keychain: password_for(hosts), ..RegistryOptions::default() })
}

fn basic() -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("me:hunter2"))
}

/// Whom a token server gives tokens.
#[derive(Clone, Copy)]
enum Guests {
    Anybody,
    Me,
}

/// A token server at `/token`, and a registry that wants its tokens; `realm` in its place where it is another one.
fn guarded(guests: Guests, realm: Option<String>) -> Server {
    let count = Arc::new(AtomicU32::new(0));
    Server::start(move |request| {
        if request.path.starts_with("/token") {
            return token(request, guests, &count);
        }
        match request.header("authorization") {
            Some(header) if header.starts_with("Bearer token-") => Response::ok(ACCEPT, "{}"),
            _ => {
                let host = request.header("host").unwrap().to_owned();
                let realm = realm.clone().unwrap_or_else(|| format!("http://{host}/token"));
                refusal(&format!(r#"Bearer realm="{realm}",service="test registry""#))
            }
        }
    })
}

/// A token server alone.
fn token_server(guests: Guests) -> Server {
    let count = Arc::new(AtomicU32::new(0));
    Server::start(move |request| token(request, guests, &count))
}

fn token(request: &Request, guests: Guests, count: &AtomicU32) -> Response {
    if matches!(guests, Guests::Me) && request.header("authorization") != Some(basic().as_str()) {
        let errors = r#"{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}"#;
        return Response::new(401, "application/json", errors);
    }
    Response::ok("application/json", format!(r#"{{"token":"token-{}"}}"#, count.fetch_add(1, Ordering::SeqCst)))
}

fn refusal(challenge: &str) -> Response {
    let errors = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
    Response::new(401, "application/json", errors).with("WWW-Authenticate", challenge)
}

/// What requests were sent with, in order.
fn authorizations(server: &Server, path: &str) -> Vec<Option<String>> {
    let requests = server.requests();
    let found = requests.iter().filter(|request| request.path.starts_with(path));
    found.map(|request| request.header("authorization").map(str::to_owned)).collect()
}
