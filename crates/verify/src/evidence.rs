//! The one wall between deciding and fetching: what a pure state machine asks for, and what it is told.
//!
//! Evidence is found step by step (a tag gives a digest, a digest gives a manifest, …), so every question is an
//! [`Inquiry`]: it is stepped with the answers to its last needs and returns new needs, a result, or an error.
//! The room that owns sockets performs the needs and knows nothing of their meaning.

use crate::image::Repository;

/// A question that may need several rounds of requests.
pub trait Inquiry {
    /// What a finished inquiry yields.
    type Out;
    /// Why an inquiry fails.
    type Error;

    /// Takes the answers to the needs of the previous step, in the same order (none at the first step).
    fn step(&mut self, answers: Vec<Answer>) -> Step<Self::Out, Self::Error>;
}

/// What an [`Inquiry`] wants next.
#[derive(Debug)]
pub enum Step<T, E> {
    /// Perform all of these, in any order, then step again with one answer for each.
    Need(Vec<Need>),
    /// Finished.
    Done(T),
    /// Finished without a result.
    Failed(E),
}

/// One request that somebody with a socket must make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Which kind of service is asked; decides credentials, retries and the wording of errors.
    pub service: Service,
    /// The HTTP method.
    pub method: Method,
    /// Absolute URL.
    pub url: String,
    /// Value of the `Accept` header, if it matters.
    pub accept: Option<&'static str>,
    /// Request body; sent as JSON.
    pub body: Option<Vec<u8>>,
    /// The repository of a registry that is asked: decides credentials, the scope of tokens, and whether the
    /// repository's host may be asked over http.
    pub repository: Option<Repository>,
    /// Largest body, in bytes, that the answer may have. Enforced while reading, before allocation.
    pub limit: usize,
}

impl Need {
    /// A GET for at most `limit` bytes.
    pub fn get(service: Service, url: String, limit: usize) -> Self {
        Self { service, method: Method::Get, url, accept: None, body: None, repository: None, limit }
    }

    /// A POST of JSON for at most `limit` bytes of answer.
    pub fn post_json(service: Service, url: String, body: Vec<u8>, limit: usize) -> Self {
        let accept = Some("application/json");
        Self { service, method: Method::Post, url, accept, body: Some(body), repository: None, limit }
    }

    /// A GET of `path` (such as `manifests/latest`) below a repository of a registry.
    pub fn registry(repository: &Repository, path: &str, accept: &'static str, limit: usize) -> Self {
        let mut need = Self::get(Service::Registry, format!("{}/{path}", repository.base_url()), limit);
        need.accept = Some(accept);
        need.repository = Some(repository.clone());
        need
    }
}

/// The HTTP methods that reading needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST of a query (nothing is ever written).
    Post,
}

/// The kinds of services that are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// A URL that the user named: a blob, a key, a certificate.
    Direct,
    /// A Rekor transparency log.
    Rekor,
    /// A TUF repository.
    Tuf,
    /// A registry of container images (OCI distribution specification).
    Registry,
}

/// What came back for one [`Need`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The response, or why there is none.
    pub outcome: Result<Response, Unreachable>,
    /// Host (and port) that gave the answer, after redirects.
    pub host: String,
    /// URL that gave the answer, after redirects, without user name and password; empty if none was reached.
    pub url: String,
    /// Which credential was used: a name without its secret, `None` for anonymous.
    pub credential: Option<String>,
}

/// A complete HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status code of the final response.
    pub status: u16,
    /// `Content-Type` of the final response.
    pub content_type: Option<String>,
    /// Body, at most the need's limit.
    pub body: Vec<u8>,
    /// `Docker-Content-Digest` of the final response: a claim, never a proof.
    pub content_digest: Option<String>,
    /// `Link` of the final response (RFC 8288), where a list goes on.
    pub link: Option<String>,
}

/// Why no complete response was had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreachable {
    /// Name resolution, connection or TLS failed, or the connection broke.
    #[error("{url}: {reason}")]
    Transport {
        /// The URL asked.
        url: String,
        /// What the client said.
        reason: String,
    },
    /// The body is larger than the need's limit.
    #[error("{url}: the answer is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The URL asked.
        url: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The deadline passed first.
    #[error("{url}: no answer within the time limit")]
    TimedOut {
        /// The URL asked.
        url: String,
    },
    /// A registry or its token server wants a credential: none was had, or none that it accepts.
    #[error("{request}: UNAUTHORIZED: {reason}")]
    Unauthorized {
        /// Method and URL of the request that was refused: the registry's or the token server's.
        request: String,
        /// What it said, or which rule kept a credential from being sent.
        reason: String,
        /// The credential at hand: a name without its secret, `None` for anonymous.
        credential: Option<String>,
    },
    /// The request is not allowed, for instance a redirect from https to http.
    #[error("{url}: refused: {reason}")]
    Refused {
        /// The URL asked.
        url: String,
        /// Which rule refused it.
        reason: String,
    },
}
