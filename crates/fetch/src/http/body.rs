//! Bodies, bounded while they are read.

use std::time::{Duration, Instant};

use http::{HeaderMap, Method, header};
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
        limit: u64,
        idle: Duration,
        deadline: Instant,
    ) -> Result<Self, Error> {
        let host = exchange.host();
        let Exchange { headers, body, .. } = exchange;
        let length = content_length(&headers);
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        let streaming = Self { length, content_type, host, body, url: shown(url), limit, seen: 0, idle, deadline };
        match length {
            Some(length) if length > limit => Err(streaming.too_large()),
            _ => Ok(streaming),
        }
    }

    /// The next piece, or nothing after the last one. A body that ends early is an error.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
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

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
