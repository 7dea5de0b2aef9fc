//! Paths, probes and bodies (specs/policy-controller.md §0.3).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::drain::Drain;
use super::{About, Bounds, Hook, Reviewer, guard};
use crate::limits;
use crate::registry::turns::Shares;
use crate::review::Review;

/// What all connections share.
pub struct Door {
    reviewer: Arc<dyn Reviewer>,
    drain: Drain,
    figures: Figures,
    bounds: Bounds,
    /// What bodies may take together, in kilobytes.
    bodies: Arc<Semaphore>,
    bodies_of_one: Shares,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("drain", &self.drain).finish_non_exhaustive()
    }
}

/// What a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figures {
    /// Webhooks; figures are elsewhere.
    Elsewhere,
    /// Figures and probes, and no webhooks.
    Alone,
}

type Reply = Response<Full<Bytes>>;

/// Room that a body takes.
struct Room {
    own: OwnedSemaphorePermit,
    all: OwnedSemaphorePermit,
}

/// The path of conversions.
const CONVERSION: &str = "/resource-conversion";

impl Door {
    /// `reviewer` answers, until `drain` says that probes are to be refused.
    pub fn new(reviewer: Arc<dyn Reviewer>, drain: Drain, figures: Figures, bounds: Bounds) -> Self {
        let bodies = Arc::new(Semaphore::new(bounds.bodies_kb));
        Self { reviewer, drain, figures, bounds, bodies, bodies_of_one: Shares::new(bounds.bodies_of_one_kb) }
    }

    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub(super) fn handshake_failed(&self, peer: SocketAddr, reason: &str) {
        self.reviewer.handshake_failed(peer, reason);
    }

    /// Answers one request of this peer.
    pub(super) async fn handle(&self, peer: IpAddr, request: Request<Incoming>) -> Reply {
        let start = Instant::now();
        if let Some(reply) = self.probe(request.method(), request.uri().path(), request.headers()) {
            return reply;
        }
        let path = request.uri().path().to_owned();
        if self.figures == Figures::Alone {
            return self.figures(request.method(), &path);
        }
        self.drain.touch();
        let hook = Hook::of(&path);
        if hook.is_none() && path != CONVERSION {
            return text(StatusCode::BAD_REQUEST, format!("no controller registered for: {path}"));
        }
        if request.method() != Method::POST {
            return text(StatusCode::METHOD_NOT_ALLOWED, format!("expected POST, found {}", request.method()));
        }
        if !is_json(request.headers()) {
            let reply = "invalid Content-Type, want `application/json`".to_owned();
            return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, reply);
        }
        let deadline = guard::deadline(start, guard::timeout_of(request.uri().query()));
        // The API server sends at once; whoever takes longer than this is in the way of others.
        let patience = start.checked_add(self.bounds.body).map_or(deadline, |end| end.min(deadline));
        let reading = tokio::time::timeout_at(patience.into(), self.read(peer, request));
        let (body, _room) = match reading.await {
            Ok(Ok(read)) => read,
            Ok(Err(reply)) => return reply,
            Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the body did not come in time".to_owned()),
        };
        match hook {
            Some(hook) => self.review(hook, &body, start, deadline).await,
            None => self.convert(&body),
        }
    }

    fn figures(&self, method: &Method, path: &str) -> Reply {
        match (method, path) {
            (&Method::GET, "/metrics") => {
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                reply(StatusCode::OK, kind, self.reviewer.metrics().into())
            }
            _ => text(StatusCode::NOT_FOUND, "/metrics is here, and nothing else".to_owned()),
        }
    }

    /// The answer to a probe, if it is one: by its path, or by who asks (`kube-probe`, or the header that knative's
    /// manifests send). Nothing is healthy that is going away. Only the paths of liveness say yes before policies are
    /// loaded: whoever probes another path asks whether requests may be sent here.
    fn probe(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Reply> {
        let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let is_probe = agent.starts_with("kube-probe/") || headers.contains_key("k-kubelet-probe");
        let is_health = matches!(path, "/healthz" | "/health" | "/livez");
        let is_readiness = matches!(path, "/readyz" | "/readiness");
        if !matches!(*method, Method::GET | Method::HEAD) || !(is_probe || is_health || is_readiness) {
            return None;
        }
        if self.drain.is_draining() {
            return Some(text(StatusCode::SERVICE_UNAVAILABLE, "shutting down".to_owned()));
        }
        Some(match self.reviewer.ready() {
            Err(missing) if !is_health => text(StatusCode::SERVICE_UNAVAILABLE, missing),
            _ => text(StatusCode::OK, "ok".to_owned()),
        })
    }

    /// The body, and the room that it takes for as long as it is held. Room is taken as bytes come, not as they are told:
    /// a promise costs nothing.
    async fn read(&self, peer: IpAddr, request: Request<Incoming>) -> Result<(Vec<u8>, Room), Reply> {
        let too_large = || {
            let reply = format!("the body is larger than the limit of {} bytes", limits::BODY_BYTES);
            text(StatusCode::PAYLOAD_TOO_LARGE, reply)
        };
        let mut body = request.into_body();
        if body.size_hint().lower() > u64::try_from(limits::BODY_BYTES).unwrap_or(u64::MAX) {
            return Err(too_large());
        }
        let own = self.bodies_of_one.of(&peer.to_string());
        let mut room = self.room(&own, limits::REVIEW_KB).await?;
        let (mut bytes, mut taken) = (Vec::new(), limits::REVIEW_KB);
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|error| text(StatusCode::BAD_REQUEST, format!("could not read body: {error}")))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len().saturating_add(data.len()) > limits::BODY_BYTES {
                return Err(too_large());
            }
            bytes.extend_from_slice(&data);
            let needed = u32::try_from(bytes.len() / 1024).unwrap_or(u32::MAX).saturating_mul(limits::BODY_FACTOR);
            if needed > taken {
                let more = self.room(&own, needed.saturating_sub(taken)).await?;
                room.own.merge(more.own);
                room.all.merge(more.all);
                taken = needed;
            }
        }
        Ok((bytes, room))
    }

    /// First of what the peer may have: whoever waits for that is in the way of nobody else.
    async fn room(&self, own: &Arc<Semaphore>, kilobytes: u32) -> Result<Room, Reply> {
        let closed = |_| text(StatusCode::SERVICE_UNAVAILABLE, "shutting down".to_owned());
        let own = Arc::clone(own).acquire_many_owned(kilobytes).await.map_err(closed)?;
        Ok(Room { own, all: Arc::clone(&self.bodies).acquire_many_owned(kilobytes).await.map_err(closed)? })
    }

    async fn review(&self, hook: Hook, body: &[u8], start: Instant, deadline: Instant) -> Reply {
        let review = match Review::parse(body) {
            Ok(review) => review,
            Err(error) => return text(StatusCode::BAD_REQUEST, format!("could not decode body: {error}")),
        };
        let about = About::of(&review.uid, review.request.as_ref().ok());
        let answer = match review.request {
            Ok(request) => {
                let reviewing = Arc::clone(&self.reviewer).review(hook, request, deadline);
                guard::guarded(hook, start, deadline, reviewing).await
            }
            Err(error) => guard::unreadable(hook, &error),
        };
        self.reviewer.answered(hook, &about, &answer, start.elapsed());
        json(&answer.to_json(review.version, &review.uid))
    }

    fn convert(&self, body: &[u8]) -> Reply {
        let bad = |reason: String| text(StatusCode::BAD_REQUEST, format!("could not decode body: {reason}"));
        match serde_json::from_slice(body) {
            Err(error) => bad(error.to_string()),
            Ok(review) => match self.reviewer.convert(review) {
                Ok(answer) => json(&answer),
                Err(reason) => bad(reason),
            },
        }
    }
}

/// knative takes exactly this value; a parameter such as `charset` does not change the meaning.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn text(status: StatusCode, text: String) -> Reply {
    reply(status, "text/plain; charset=utf-8", text.into())
}

fn json(value: &Value) -> Reply {
    reply(StatusCode::OK, "application/json", value.to_string().into())
}

fn reply(status: StatusCode, kind: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    reply
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::review::{Answer, Request as Asked};
    use crate::server::Reviewing;

    /// Nothing has been loaded yet.
    struct Unloaded;

    impl Reviewer for Unloaded {
        fn review(self: Arc<Self>, _: Hook, _: Asked, _: Instant) -> Reviewing {
            Box::pin(std::future::pending())
        }

        fn convert(&self, _: Value) -> Result<Value, String> {
            Err("unloaded".to_owned())
        }

        fn ready(&self) -> Result<(), String> {
            Err("unloaded".to_owned())
        }

        fn answered(&self, _: Hook, _: &About, _: &Answer, _: Duration) {}

        fn handshake_failed(&self, _: SocketAddr, _: &str) {}

        fn metrics(&self) -> String {
            String::new()
        }
    }

    #[test]
    fn probe_that_is_answered_before_policies_are_loaded() {
        let door = Door::new(
            Arc::new(Unloaded),
            Drain::new(Duration::ZERO, Duration::ZERO),
            Figures::Elsewhere,
            Bounds::default(),
        );
        let plain = HeaderMap::new();
        let mut agent = HeaderMap::new();
        agent.insert(USER_AGENT, HeaderValue::from_static("kube-probe/1.36"));
        let mut knative = HeaderMap::new();
        knative.insert("k-kubelet-probe", HeaderValue::from_static("webhook"));
        let status = |method: Method, path: &str, headers: &HeaderMap| {
            door.probe(&method, path, headers).map(|reply| reply.status().as_u16())
        };
        for headers in [&plain, &agent, &knative] {
            for path in ["/healthz", "/health", "/livez"] {
                assert_eq!(status(Method::GET, path, headers), Some(200), "{path} {headers:?}");
            }
            for path in ["/readyz", "/readiness"] {
                assert_eq!(status(Method::GET, path, headers), Some(503), "{path} {headers:?}");
                assert_eq!(status(Method::HEAD, path, headers), Some(503), "{path} {headers:?}");
            }
        }
        for headers in [&agent, &knative] {
            for path in ["/", "/validations", "/mutations", "/anything"] {
                assert_eq!(status(Method::GET, path, headers), Some(503), "{path} {headers:?}");
                // A review is none, whoever asks.
                assert_eq!(status(Method::POST, path, headers), None, "{path} {headers:?}");
            }
        }
    }
}
