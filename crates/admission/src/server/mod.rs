//! HTTPS in: connections, requests, and answers that are always given.
//!
//! | what | where |
//! |---|---|
//! | certificates that change while serving | [`tls`] |
//! | accepting connections, and letting them go | [`listen`] |
//! | paths, probes, bodies | [`http`] |
//! | the time that a review has, and panics | [`guard`] |
//! | going away without being missed | [`drain`] |

pub mod drain;
pub mod guard;
pub mod http;
pub mod listen;
pub mod tls;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

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
