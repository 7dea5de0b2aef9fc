//! An OCI registry on loopback: the distribution API with referrers, tokens, redirects, and faults on demand.

mod archeio;
mod auth;
mod push;
mod read;
mod referrers;
mod route;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::image::Artifact;
use crate::image_evidence::EvidenceLayer;
use crate::repository::Repository;
use crate::server::{Request, Response, Server, lock};

pub use archeio::{Archeio, ReferrersRoute};
pub use auth::{Auth, Realm, Tokens};
pub use referrers::{Filter, Links, Pages, ReferrersApi};
use route::Route;

/// What a registry is like; the default is open to all, has the referrers API and serves blobs itself.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Who may read and write.
    pub auth: Auth,
    /// The referrers API.
    pub referrers: ReferrersApi,
    /// Where blobs are.
    pub blobs: Blobs,
}

/// Where a registry's blobs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Blobs {
    /// In the answer.
    #[default]
    Here,
    /// On another host, as with S3: a redirect (307) to a signed URL, which refuses requests that carry `Authorization`.
    Stored,
}

/// Requests by what they ask for. Repetitions after a 401 are counted where they occur; see [`Counts::logical`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// `/v2/`.
    pub pings: usize,
    /// Manifests by tag or digest.
    pub manifests: usize,
    /// Blobs.
    pub blobs: usize,
    /// Pages of referrers.
    pub referrers: usize,
    /// Pages of tags.
    pub tags: usize,
    /// Parts of uploads.
    pub uploads: usize,
    /// Anything else.
    pub other: usize,
    /// How many manifests, blobs, referrers and tags were refused with a 401 (by [`Settings::auth`], not by a fault).
    pub challenges: usize,
    /// Requests for tokens.
    pub tokens: usize,
    /// Blobs fetched from the storage that redirects lead to.
    pub stored: usize,
}

impl Counts {
    /// What was asked for: manifests, blobs, referrers and tags without pings, refused attempts, tokens and redirects.
    pub fn logical(&self) -> usize {
        self.manifests + self.blobs + self.referrers + self.tags - self.challenges
    }

    fn add(&mut self, request: &Request) {
        *match Route::of(&request.path) {
            Route::Ping => &mut self.pings,
            Route::Manifest { .. } => &mut self.manifests,
            Route::Blob { .. } => &mut self.blobs,
            Route::Referrers { .. } => &mut self.referrers,
            Route::Tags { .. } => &mut self.tags,
            Route::Upload { .. } => &mut self.uploads,
            Route::Token => &mut self.tokens,
            Route::Other => &mut self.other,
        } += 1;
    }
}

#[derive(Debug, Default)]
struct State {
    repositories: BTreeMap<String, Repository>,
    settings: Settings,
    ledger: auth::Ledger,
    uploads: BTreeMap<String, Vec<u8>>,
    last_upload: usize,
    token_url: String,
    storage_url: String,
}

/// A registry. It is also the [`Server`] of its API, for faults and the request log.
#[derive(Debug)]
pub struct OciRegistry {
    state: Arc<Mutex<State>>,
    server: Server,
    token_server: Server,
    storage: Server,
}

impl OciRegistry {
    /// An empty registry as [`Settings::default`] says.
    pub fn start() -> Self {
        Self::with(Settings::default())
    }

    /// An empty registry.
    pub fn with(settings: Settings) -> Self {
        let state = Arc::new(Mutex::new(State { settings, ..State::default() }));
        let serve = |answer: fn(&mut State, &Request) -> Response| {
            let state = Arc::clone(&state);
            Server::start(move |request| answer(&mut lock(&state), request))
        };
        let token_server = serve(auth::token);
        let storage = serve(read::stored);
        {
            let mut state = lock(&state);
            state.token_url = token_server.url();
            state.storage_url = storage.url();
        }
        let server = serve(answer);
        Self { state, server, token_server, storage }
    }

    /// `127.0.0.1:PORT`: the registry part of references.
    pub fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// `127.0.0.1:PORT/NAME`.
    pub fn name(&self, repository: &str) -> String {
        format!("{}/{repository}", self.host())
    }

    /// Changes what it is like.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut lock(&self.state).settings);
    }

    /// Reads or changes a repository; makes it when there is none.
    pub fn repository<T>(&self, name: &str, with: impl FnOnce(&mut Repository) -> T) -> T {
        with(lock(&self.state).repositories.entry(name.to_owned()).or_default())
    }

    /// Stores an artifact under a tag; gives the reference by digest: `127.0.0.1:PORT/NAME@sha256:…`.
    pub fn push(&self, name: &str, tag: &str, artifact: &Artifact) -> String {
        let digest = self.repository(name, |repository| repository.push_tag(tag, artifact));
        format!("{}@{digest}", self.name(name))
    }

    /// Attaches legacy signatures to an image.
    pub fn sign(&self, name: &str, image: &Artifact, layers: &[EvidenceLayer]) {
        self.repository(name, |repository| repository.sign(image, layers));
    }

    /// Attaches legacy attestations to an image.
    pub fn attest(&self, name: &str, image: &Artifact, layers: &[EvidenceLayer]) {
        self.repository(name, |repository| repository.attest(image, layers));
    }

    /// Attaches a referrer, such as a bundle.
    pub fn refer(&self, name: &str, referrer: &Artifact) {
        self.repository(name, |repository| repository.push(referrer));
    }

    /// Adds repositories, replacing those of the same name.
    pub fn load(&self, repositories: BTreeMap<String, Repository>) {
        lock(&self.state).repositories.extend(repositories);
    }

    /// How many requests of which kind.
    pub fn counts(&self) -> Counts {
        let mut counts = count(&self.server);
        counts.challenges = lock(&self.state).ledger.challenges;
        counts.tokens += self.token_server.count();
        counts.stored = self.storage.count();
        counts
    }

    /// Forgets all requests and counts.
    pub fn clear_counts(&self) {
        lock(&self.state).ledger.challenges = 0;
        for server in [&self.server, &self.token_server, &self.storage] {
            server.clear_log();
        }
    }

    /// The server of [`Realm::Other`].
    pub fn token_server(&self) -> &Server {
        &self.token_server
    }

    /// The server of [`Blobs::Stored`].
    pub fn storage(&self) -> &Server {
        &self.storage
    }
}

impl Deref for OciRegistry {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn count(server: &Server) -> Counts {
    let mut counts = Counts::default();
    for request in server.requests() {
        counts.add(&request);
    }
    counts
}

fn answer(state: &mut State, request: &Request) -> Response {
    let route = Route::of(&request.path);
    if route == Route::Token {
        return auth::token(state, request);
    }
    if let Err(refusal) = auth::check(state, request, route) {
        return refusal;
    }
    match (request.method.as_str(), route) {
        ("GET" | "HEAD", Route::Ping) => Response::json(&json!({})),
        ("GET" | "HEAD", Route::Manifest { name, reference }) => read::manifest(state, request, name, reference),
        ("GET" | "HEAD", Route::Blob { name, digest }) => read::blob(state, name, digest),
        ("GET", Route::Referrers { name, digest }) => referrers::list(state, request, name, digest),
        ("GET", Route::Tags { name }) => read::tags(state, request, name),
        ("PUT", Route::Manifest { name, reference }) => push::manifest(state, request, name, reference),
        ("DELETE", Route::Manifest { name, reference }) => push::delete(state, name, reference),
        ("POST" | "PATCH" | "PUT" | "GET", Route::Upload { name, id }) => push::upload(state, request, name, id),
        (_, Route::Other) => error(404, "NOT_FOUND", "no such address"),
        _ => error(405, "UNSUPPORTED", "the operation is unsupported"),
    }
}

/// An answer as the distribution specification wants errors.
fn error(status: u16, code: &str, message: &str) -> Response {
    let body = json!({"errors": [{"code": code, "message": message}]});
    Response::new(status, "application/json", body.to_string())
}
