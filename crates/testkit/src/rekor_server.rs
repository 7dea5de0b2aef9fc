//! Rekor v1's API on loopback.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::merkle::leaf_hash;
use crate::proposal::canonical_body;
use crate::rekor::{Entry, Rekor};
use crate::server::{Request, Response, Server, lock};
use crate::text::hex;

const ENTRIES: &str = "/api/v1/log/entries";
/// Most items that one `retrieve` may ask for.
const MAX_ITEMS: usize = 10;

#[derive(Debug, Default)]
struct State {
    /// `{uuid: entry}` by leaf hash.
    entries: BTreeMap<String, Value>,
    /// What is answered in place of an entry, by leaf hash.
    overrides: BTreeMap<String, Value>,
}

/// A server with the entries it was given.
#[derive(Debug)]
pub struct RekorServer {
    state: Arc<Mutex<State>>,
    server: Server,
}

impl RekorServer {
    /// Serves all that a log has so far.
    pub fn start(log: &Rekor) -> Self {
        let server = Self::empty();
        for entry in log.entries() {
            server.add(&entry);
        }
        server
    }

    /// Serves nothing yet.
    pub fn empty() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| answer(&lock(&shared), request));
        Self { state, server }
    }

    /// Adds an entry.
    pub fn add(&self, entry: &Entry) {
        self.add_api(&entry.leaf_id(), entry.to_api_map());
    }

    /// Adds `{uuid: entry}` as the API gives it, to be found under this leaf hash.
    pub fn add_api(&self, leaf_id: &str, entry: Value) {
        lock(&self.state).entries.insert(leaf_id.to_owned(), entry);
    }

    /// Answers another `{uuid: entry}` when somebody asks for this leaf hash, in whatever way.
    pub fn answer_instead(&self, leaf_id: &str, entry: Value) {
        lock(&self.state).overrides.insert(leaf_id.to_owned(), entry);
    }
}

impl Deref for RekorServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl State {
    fn by_id(&self, id: &str) -> Option<&Value> {
        let leaf = id.get(id.len().checked_sub(64)?..)?;
        self.overrides.get(leaf).or_else(|| self.entries.get(leaf))
    }

    fn by_index(&self, index: u64) -> Option<&Value> {
        self.entries.iter().find_map(|(leaf, entry)| {
            let object = entry.as_object()?.values().next()?;
            (object["logIndex"] == index).then(|| self.by_id(leaf))?
        })
    }
}

fn answer(state: &State, request: &Request) -> Response {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    match (request.method.as_str(), path.strip_prefix(ENTRIES)) {
        ("POST", Some("/retrieve")) => retrieve(state, &request.body),
        ("GET", Some("" | "/")) => {
            let index = query.strip_prefix("logIndex=").and_then(|n| n.parse().ok());
            one(index.and_then(|index| state.by_index(index)))
        }
        ("GET", Some(rest)) => {
            let id = rest.trim_start_matches('/');
            if !is_id(id) {
                let message = "entryUUID in path should match '^([0-9a-fA-F]{64}|[0-9a-fA-F]{80})$'";
                return error(422, message);
            }
            one(state.by_id(id))
        }
        _ => error(404, &format!("path {path} was not found")),
    }
}

fn retrieve(state: &State, body: &[u8]) -> Response {
    let Ok(query) = serde_json::from_slice::<Value>(body) else {
        return error(400, "parsing body failed");
    };
    let list = |name: &str| query[name].as_array().cloned().unwrap_or_default();
    let (ids, indexes, proposals) = (list("entryUUIDs"), list("logIndexes"), list("entries"));
    let count = ids.len() + indexes.len() + proposals.len();
    if count > MAX_ITEMS {
        return error(422, "entries in body should have at most 10 items");
    }
    if count == 0 {
        return error(422, "validation failure list: entries, entryUUIDs or logIndexes is required");
    }
    let mut found = Vec::new();
    for id in &ids {
        let id = id.as_str().unwrap_or_default();
        if !is_id(id) {
            return error(422, "entryUUIDs in body should match '^([0-9a-fA-F]{64}|[0-9a-fA-F]{80})$'");
        }
        found.extend(state.by_id(id).cloned());
    }
    for index in &indexes {
        found.extend(index.as_u64().and_then(|index| state.by_index(index)).cloned());
    }
    for proposal in &proposals {
        match canonical_body(proposal) {
            Ok(body) => found.extend(state.by_id(&hex(leaf_hash(&body))).cloned()),
            Err(message) => return error(400, &message),
        }
    }
    Response::json(&Value::from(found))
}

fn one(entry: Option<&Value>) -> Response {
    entry.map_or_else(|| error(404, "entry not found"), Response::json)
}

fn is_id(id: &str) -> bool {
    matches!(id.len(), 64 | 80) && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn error(status: u16, message: &str) -> Response {
    let body = json!({"code": status, "message": message});
    Response::new(status, "application/json", format!("{body}\n"))
}
