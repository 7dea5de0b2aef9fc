//! When to try again, and how long to wait before.

use std::collections::hash_map::RandomState;
use std::error::Error as StdError;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};
use sigward_verify::evidence::Service;

use super::connect::ConnectError;
use crate::limits;

/// How often a request is tried and how long the pauses are.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Attempts in all; 1 means no repetition.
    pub attempts: u32,
    /// First pause, doubled each time.
    pub first_pause: Duration,
    /// Longest pause that a server may ask for.
    pub longest_asked: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: limits::ATTEMPTS,
            first_pause: limits::BACKOFF_FIRST,
            longest_asked: limits::RETRY_AFTER_LONGEST,
        }
    }
}

impl RetryPolicy {
    /// One attempt only.
    pub fn once() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// The pause after attempt number `attempt` (from 1), or none if there is no further one. A server which asks
    /// for more time than allowed is not asked again: hammering it earlier than it said helps nobody.
    pub fn pause(&self, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        match asked {
            Some(asked) if asked > self.longest_asked => None,
            Some(asked) => Some(asked),
            None => {
                let doubled = self.first_pause.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
                let pause = doubled.min(limits::BACKOFF_LONGEST);
                // Half fixed, half random: many clients that failed together do not come back together.
                Some(pause / 2 + (pause / 2).mul_f64(random_unit()))
            }
        }
    }
}

/// Statuses which a later attempt may change (RFC 9110 and 6585; 501 means "never"). Of registries also those that
/// go-containerregistry repeats (`pkg/v1/remote/options.go`): 408, and what proxies before them say, 499.
pub(crate) fn is_transient(service: Service, status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED)
        || (service == Service::Registry && matches!(status.as_u16(), 408 | 499))
}

/// `Retry-After`: seconds or an HTTP date (RFC 9110 section 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    retry_after_at(headers, SystemTime::now())
}

fn retry_after_at(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(SystemTime::from(date).duration_since(now).unwrap_or_default())
}

/// Whether trying again cannot help: a certificate that is not trusted, or a broken setting of ours.
pub(crate) fn is_final(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|error| match error.downcast_ref::<ConnectError>() {
        Some(error) => !matches!(error, ConnectError::TimedOut { .. }),
        None => matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))),
    })
}

/// Whether nobody listens there.
pub(crate) fn is_refused(error: &(dyn StdError + 'static)) -> bool {
    let mut system = causes(error).filter_map(|error| error.downcast_ref::<io::Error>());
    system.any(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The error and everything below it.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        // The source of an io::Error is that of its inner error, which would skip the inner error itself.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
        Some(error)
    })
}

/// The error and its sources, each once.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        next = error.source();
    }
    text
}

/// A number from 0 to 1. Each `RandomState` has keys of its own.
fn random_unit() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    let upper = u32::try_from(bits >> 32).unwrap_or_default();
    f64::from(upper) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(value: &str, now: u64) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, value.parse().unwrap());
        retry_after_at(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(now))
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(after("7", 0), Some(Duration::from_secs(7)));
        assert_eq!(after("Wed, 21 Oct 2015 07:28:00 GMT", 1_445_412_450), Some(Duration::from_secs(30)));
        assert_eq!(after("Wed, 21 Oct 2015 07:28:00 GMT", 1_445_412_999), Some(Duration::ZERO));
        assert_eq!(after("soon", 0), None);
        assert_eq!(after("-1", 0), None);
    }

    #[test]
    fn pauses_grow_are_bounded_and_end() {
        let policy = RetryPolicy::default();
        let pause = policy.pause(1, None).unwrap();
        assert!(pause >= limits::BACKOFF_FIRST / 2 && pause <= limits::BACKOFF_FIRST);
        assert!(policy.pause(3, None).unwrap() >= limits::BACKOFF_FIRST * 2);
        assert_eq!(policy.pause(4, None), None);
        let patient = RetryPolicy { attempts: 1000, ..policy };
        assert!(patient.pause(900, None).unwrap() <= limits::BACKOFF_LONGEST);
        assert_eq!(policy.pause(1, Some(Duration::from_secs(3))), Some(Duration::from_secs(3)));
        assert_eq!(policy.pause(1, Some(Duration::from_secs(3600))), None);
    }
}
