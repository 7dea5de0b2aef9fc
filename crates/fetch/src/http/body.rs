//! Bodies, bounded while they are read.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use sigward_verify::evidence::Unreachable;

use super::{Exchange, Fault, Late, Run, retry, shown, within};
use crate::{Error, limits};

/// Most that is allocated because a header says so.
const FIRST_ALLOCATION: u64 = 1 << 20;

/// The whole body of an exchange, at most `limit` bytes.
pub(crate) async fn read(exchange: Exchange, limit: usize, idle: Duration, run: Run<'_>) -> Result<Vec<u8>, Fault> {
    let host = exchange.host();
    let Exchange { status, headers, mut body, asked, method, .. } = exchange;
    let success = status.is_success();
    let limit = if success { limit } else { limit.min(limits::ERROR_BODY) };
    let too_large = || Fault::of(Unreachable::TooLarge { url: asked.clone(), limit }, host.clone());
    let announced = content_length(&headers).unwrap_or_default();
    if success && method != Method::HEAD && announced > as_u64(limit) {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(announced.min(FIRST_ALLOCATION)).unwrap_or_default().min(limit));
    loop {
        let frame = match within(idle, run.deadline, body.frame()).await {
            Ok(None) => return Ok(bytes),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => {
                let unreachable = Unreachable::Transport { url: asked, reason: retry::chain(&error) };
                return Err(Fault { again: true, ..Fault::of(unreachable, host) });
            }
            Err(late) => return Err(Fault::late(late, &asked, &host)),
        };
        let Ok(data) = frame.into_data() else { continue };
        run.meter.body(data.len()).map_err(|error| Fault::spent(error, host.clone()))?;
        let room = limit.saturating_sub(bytes.len());
        if data.len() > room && success {
            return Err(too_large());
        }
        bytes.extend_from_slice(data.get(..room).unwrap_or(&data));
        if !success && bytes.len() >= limit {
            return Ok(bytes);
        }
    }
}

/// Reads what nobody wants, so that the connection can be used again; a long or slow body is given up with it.
pub(crate) async fn drain(mut body: Incoming, deadline: Instant) {
    let mut seen = 0_usize;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            seen = seen.saturating_add(frame.data_ref().map_or(0, Bytes::len));
            if seen > limits::ERROR_BODY {
                return;
            }
        }
    };
    // Whether it ended makes no difference.
    let _ = within(limits::DRAIN, deadline, reading).await;
}

/// A body that comes in pieces.
#[derive(Debug)]
pub struct Streaming {
    /// `Content-Length`, where the server says it.
    pub length: Option<u64>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// Host (and port) that answers, after redirects.
    pub host: String,
    /// Where in the file the pieces begin: 0 if a server sends all of it although a part was asked for.
    pub start: u64,
    /// There are no pieces.
    done: bool,
    body: Incoming,
    url: String,
    limit: u64,
    seen: u64,
    idle: Duration,
    deadline: Instant,
}

impl Streaming {
    pub(crate) fn new(
        exchange: Exchange,
        url: &str,
        asked: u64,
        limit: u64,
        idle: Duration,
        deadline: Instant,
    ) -> Result<Self, Error> {
        let done = ends_at(&exchange, asked);
        let host = exchange.host();
        let Exchange { status, headers, body, .. } = exchange;
        let length = if done { Some(0) } else { content_length(&headers) };
        let start = match status {
            _ if done => asked,
            StatusCode::PARTIAL_CONTENT if first_byte(&headers) == Some(asked) => asked,
            StatusCode::PARTIAL_CONTENT => {
                let reason = format!("bytes from {asked} on were asked for, and others came");
                return Err(Unreachable::Refused { url: shown(url), reason }.into());
            }
            _ => 0,
        };
        // What a refusal says in its body is no part of the file.
        let limit = if done { 0 } else { limit.saturating_sub(start) };
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        let streaming =
            Self { length, content_type, host, start, done, body, url: shown(url), limit, seen: 0, idle, deadline };
        match length {
            Some(length) if length > limit => Err(streaming.too_large()),
            _ => Ok(streaming),
        }
    }

    /// The next piece, or nothing after the last one. A body that ends early is an error.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if self.done {
            return Ok(None);
        }
        loop {
            let frame = match within(self.idle, self.deadline, self.body.frame()).await {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => {
                    let url = self.url.clone();
                    return Err(Unreachable::Transport { url, reason: retry::chain(&error) }.into());
                }
                Err(Late::Idle | Late::Deadline) => {
                    return Err(Unreachable::TimedOut { url: self.url.clone() }.into());
                }
            };
            let Ok(data) = frame.into_data() else { continue };
            self.seen = self.seen.saturating_add(as_u64(data.len()));
            if self.seen > self.limit {
                return Err(self.too_large());
            }
            return Ok(Some(data));
        }
    }

    fn too_large(&self) -> Error {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        Unreachable::TooLarge { url: self.url.clone(), limit }.into()
    }
}

/// `Range` for all bytes from `start` on.
pub(crate) fn range_from(start: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("bytes={start}-")).unwrap_or(HeaderValue::from_static("bytes=0-"))
}

/// Whether a server says that a file ends where the rest was asked for (416 with `Content-Range: bytes */LENGTH`).
pub(crate) fn ends_at(exchange: &Exchange, start: u64) -> bool {
    let length = || text(&exchange.headers, header::CONTENT_RANGE)?.strip_prefix("bytes */")?.parse().ok();
    start > 0 && exchange.status == StatusCode::RANGE_NOT_SATISFIABLE && length() == Some(start)
}

/// The first byte that `Content-Range: bytes FIRST-LAST/LENGTH` names.
fn first_byte(headers: &HeaderMap) -> Option<u64> {
    text(headers, header::CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
