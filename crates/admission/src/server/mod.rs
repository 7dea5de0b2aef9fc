//! HTTPS in: connections, requests, and answers that are always given.
//!
//! | what | where |
//! |---|---|
//! | certificates that change while serving | [`tls`] |
//! | accepting connections, and letting them go | [`listen`] |
//! | connections that are of no use | [`pulse`] |
//! | paths, probes, bodies | [`http`] |
//! | the time that a review has, and panics | [`guard`] |
//! | going away without being missed | [`drain`] |

pub mod drain;
pub mod guard;
pub mod http;
pub mod listen;
pub mod pulse;
pub mod tls;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::limits;
use crate::review::{Answer, Request};

/// Which webhook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hook {
    /// `/mutations`: tags become digests.
    Mutations,
    /// `/validations`: images are judged.
    Validations,
    /// `/defaulting`: defaults of policies and trust roots.
    Defaulting,
    /// `/validating`: policies and trust roots themselves.
    Validating,
}

impl Hook {
    /// Its path.
    pub fn path(self) -> &'static str {
        match self {
            Self::Mutations => "/mutations",
            Self::Validations => "/validations",
            Self::Defaulting => "/defaulting",
            Self::Validating => "/validating",
        }
    }

    /// Its name, for metrics and logs.
    pub fn name(self) -> &'static str {
        self.path().trim_start_matches('/')
    }

    /// What a denial for an error of our own begins with, as upstream's.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Mutations | Self::Defaulting => "mutation failed: ",
            Self::Validations | Self::Validating => "validation failed: ",
        }
    }

    fn of(path: &str) -> Option<Self> {
        [Self::Mutations, Self::Validations, Self::Defaulting, Self::Validating]
            .into_iter()
            .find(|it| it.path() == path)
    }
}

/// What callers may take, each and together.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_of_one: usize,
    /// Requests at once on one connection (HTTP/2).
    pub streams: u32,
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time for the first request of a connection, and for the head of each (HTTP/1).
    pub head: Duration,
    /// Time between requests.
    pub idle: Duration,
    /// Time between questions whether the peer lives (HTTP/2).
    pub ping: Duration,
    /// Time for the answer to that.
    pub pong: Duration,
    /// Time for the body of a request.
    pub body: Duration,
    /// What bodies may take together, in kilobytes.
    pub bodies_kb: usize,
    /// What bodies from one address may take together, in kilobytes.
    pub bodies_of_one_kb: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: limits::CONNECTIONS,
            connections_of_one: limits::CONNECTIONS_OF_ONE,
            streams: limits::STREAMS,
            handshake: limits::HANDSHAKE,
            head: limits::HEAD,
            idle: limits::IDLE,
            ping: limits::PING,
            pong: limits::PONG,
            body: limits::BODY,
            bodies_kb: limits::BODIES_KB,
            bodies_of_one_kb: limits::BODIES_OF_ONE_KB,
        }
    }
}

/// A future that a server can spawn.
pub type Reviewing = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Who answers reviews.
pub trait Reviewer: Send + Sync + 'static {
    /// Judges a request until `deadline`.
    fn review(self: Arc<Self>, hook: Hook, request: Request, deadline: Instant) -> Reviewing;

    /// Converts objects: takes a `ConversionReview` and gives one.
    ///
    /// # Errors
    /// What the body lacks to be answered at all.
    fn convert(&self, review: Value) -> Result<Value, String>;

    /// Whether everything that decides has been loaded; else why not.
    ///
    /// # Errors
    /// What is missing.
    fn ready(&self) -> Result<(), String>;

    /// A review was answered, after this time.
    fn answered(&self, hook: Hook, about: &About, answer: &Answer, took: std::time::Duration);

    /// A connection had no TLS.
    fn handshake_failed(&self, peer: std::net::SocketAddr, reason: &str);

    /// Figures for Prometheus.
    fn metrics(&self) -> String;
}

/// What a review was about, for the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Its uid.
    pub uid: String,
    /// What is done.
    pub operation: &'static str,
    /// The kind of the object.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether nothing will be stored.
    pub dry_run: bool,
}

impl About {
    fn of(uid: &str, request: Option<&Request>) -> Self {
        let Some(request) = request else { return Self { uid: uid.to_owned(), ..Self::default() } };
        let made = || request.object.pointer("/metadata/generateName").and_then(Value::as_str).unwrap_or_default();
        Self {
            uid: uid.to_owned(),
            operation: request.operation.name(),
            kind: request.kind.kind.clone(),
            namespace: request.namespace.clone(),
            name: if request.name.is_empty() { made().to_owned() } else { request.name.clone() },
            dry_run: request.dry_run,
        }
    }
}
