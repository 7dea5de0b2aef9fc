//! What a server does wrong, where and how often.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::server::Response;

/// What happens.
#[derive(Clone)]
pub enum FaultKind {
    /// Answer late.
    Delay(Duration),
    /// Promise the whole body, send the first bytes, hang up.
    Truncate(usize),
    /// Send the body in small pieces.
    Drip {
        /// Bytes a piece.
        chunk: usize,
        /// Pause after each.
        pause: Duration,
    },
    /// A chunked body without end, until the client goes away or so many bytes are sent.
    Endless {
        /// Bytes.
        bound: usize,
    },
    /// The usual answer, changed.
    Change(Arc<dyn Fn(Response) -> Response + Send + Sync>),
    /// Another answer.
    Answer(Response),
    /// Close the connection without an answer.
    HangUp,
}

impl fmt::Debug for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delay(_) => "Delay",
            Self::Truncate(_) => "Truncate",
            Self::Drip { .. } => "Drip",
            Self::Endless { .. } => "Endless",
            Self::Change(_) => "Change",
            Self::Answer(_) => "Answer",
            Self::HangUp => "HangUp",
        })
    }
}

/// A fault, and which requests it befalls.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Requests whose path contains this.
    pub path: String,
    /// How many of them pass first.
    pub skip: usize,
    /// How many are then hit; `None` is all.
    pub times: Option<usize>,
    /// What happens to them.
    pub kind: FaultKind,
}

impl Fault {
    /// Any fault, for all requests whose path contains `path`.
    pub fn new(path: &str, kind: FaultKind) -> Self {
        Self { path: path.to_owned(), skip: 0, times: None, kind }
    }

    /// A status without a useful body.
    pub fn status(path: &str, status: u16) -> Self {
        let text = format!("{status} by order of a test\n");
        Self::new(path, FaultKind::Answer(Response::new(status, "text/plain", text)))
    }

    /// A status with `Retry-After`, such as 429.
    pub fn retry_after(path: &str, status: u16, seconds: u64) -> Self {
        let answer = Response::new(status, "text/plain", "later\n").with("Retry-After", &seconds.to_string());
        Self::new(path, FaultKind::Answer(answer))
    }

    /// A redirect (307).
    pub fn redirect(path: &str, location: &str) -> Self {
        let answer = Response::new(307, "text/plain", "").with("Location", location);
        Self::new(path, FaultKind::Answer(answer))
    }

    /// Late answers.
    pub fn delay(path: &str, time: Duration) -> Self {
        Self::new(path, FaultKind::Delay(time))
    }

    /// A body cut short.
    pub fn truncate(path: &str, sent: usize) -> Self {
        Self::new(path, FaultKind::Truncate(sent))
    }

    /// A body without end, bounded at 1 GiB for the machine's sake.
    pub fn endless(path: &str) -> Self {
        Self::new(path, FaultKind::Endless { bound: 1 << 30 })
    }

    /// The usual answer, changed.
    pub fn change(path: &str, change: impl Fn(Response) -> Response + Send + Sync + 'static) -> Self {
        Self::new(path, FaultKind::Change(Arc::new(change)))
    }

    /// Another answer.
    pub fn answer(path: &str, response: Response) -> Self {
        Self::new(path, FaultKind::Answer(response))
    }

    /// No answer.
    pub fn hang_up(path: &str) -> Self {
        Self::new(path, FaultKind::HangUp)
    }

    /// Only the first `times` requests.
    pub fn first(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Only the n-th request, counted from 0.
    pub fn nth(mut self, n: usize) -> Self {
        self.skip = n;
        self.times = Some(1);
        self
    }

    pub(crate) fn take(&mut self, path: &str) -> Option<FaultKind> {
        if !path.contains(&self.path) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        match &mut self.times {
            Some(0) => None,
            Some(left) => {
                *left -= 1;
                Some(self.kind.clone())
            }
            None => Some(self.kind.clone()),
        }
    }
}
