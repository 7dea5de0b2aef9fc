//! Everything that was asked and answered while evidence was gathered, in a file.
//!
//! It holds evidence and no verdict: who replays it puts the answers before the same inquiries, which verify all of it
//! again. It says nothing about trust, policies or the time, and has no credential in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sigward_fetch::shown;
use sigward_verify::evidence::{Answer, Method, Need, Response, Service, Unreachable};
use sigward_verify::{base64_std, to_base64};

use crate::engine::write_atomically;
use crate::failure::Failure;

/// The form of the file.
const FORMAT: &str = "sigward-evidence/v1";

/// Bytes of a recording: all answers of a run have some budget (`fetch::Budget`), and base64 makes them a third larger.
const BYTES: u64 = 512 << 20;

/// Answers by what was asked.
#[derive(Debug, Default)]
pub struct Recording {
    answers: BTreeMap<Asked, Told>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    exchanges: Vec<Exchange>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    request: Asked,
    answer: Told,
}

/// What makes two requests the same.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    method: String,
    url: String,
    service: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accept: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// What came back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Told {
    host: String,
    /// Whether it was told to a credential; which one, nobody needs to know.
    authenticated: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response: Option<Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unreachable: Option<Absent>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Content {
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// In base64.
    body: String,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
enum Absent {
    Refused { reason: String },
    TimedOut,
    TooLarge { limit: usize },
    Transport { reason: String },
    Unauthorized { request: String, reason: String },
}

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    /// [`Failure::Read`] for what is none.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bad = |reason: String| Failure::Read { what: format!("--replay {}", path.display()), reason };
        let file = File::open(path).map_err(|error| Failure::open(path, &error))?;
        let mut bytes = Vec::new();
        file.take(BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| bad(error.to_string()))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > BYTES {
            return Err(bad(format!("more than {BYTES} bytes")));
        }
        let document: Document =
            serde_json::from_slice(&bytes).map_err(|error| bad(format!("not a recording: {error}")))?;
        if document.format != FORMAT {
            return Err(bad(format!("its format is {:?}, expected {FORMAT:?}", document.format)));
        }
        let mut answers = BTreeMap::new();
        for Exchange { request, answer } in document.exchanges {
            let shown = format!("{} {}", request.method, request.url);
            if answer.response.is_some() == answer.unreachable.is_some() {
                return Err(bad(format!("{shown}: expected a response, or why there is none")));
            }
            if answer.response.as_ref().is_some_and(|it| base64_std(it.body.as_bytes()).is_none()) {
                return Err(bad(format!("{shown}: its body is no base64")));
            }
            // Which of two answers counts would be a matter of the reader.
            if answers.insert(request, answer).is_some() {
                return Err(bad(format!("{shown}: it is answered more than once")));
            }
        }
        Ok(Self { answers })
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`Failure::Write`].
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let exchange =
            |(request, answer): (&Asked, &Told)| Exchange { request: request.clone(), answer: answer.clone() };
        let document = Document { format: FORMAT.to_owned(), exchanges: self.answers.iter().map(exchange).collect() };
        let bad = |reason: String| Failure::Write { path: path.display().to_string(), reason };
        let mut json = serde_json::to_vec_pretty(&document).map_err(|error| bad(error.to_string()))?;
        json.push(b'\n');
        write_atomically(path, &json)
    }

    /// Keeps an answer. The first one counts, as in the run itself.
    pub fn keep(&mut self, need: &Need, answer: &Answer) {
        self.answers.entry(Asked::of(need)).or_insert_with(|| Told::of(answer));
    }

    /// The answer to a need.
    pub fn answer(&self, need: &Need) -> Option<Answer> {
        self.answers.get(&Asked::of(need)).map(|told| told.answer(need))
    }
}

impl Asked {
    fn of(need: &Need) -> Self {
        Self {
            method: method(need.method).to_owned(),
            // A password in it is nobody's who reads the file.
            url: shown(&need.url),
            service: service(need.service).to_owned(),
            accept: need.accept.map(str::to_owned),
            body: need.body.as_deref().map(to_base64),
        }
    }
}

/// The method as HTTP writes it.
pub(super) fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
    }
}

fn service(service: Service) -> &'static str {
    match service {
        Service::Direct => "direct",
        Service::Rekor => "rekor",
        Service::Tuf => "tuf",
        Service::Registry => "registry",
    }
}

impl Told {
    fn of(answer: &Answer) -> Self {
        let (mut response, mut unreachable) = (None, None);
        match &answer.outcome {
            Ok(found) => {
                response = Some(Content {
                    status: found.status,
                    content_type: found.content_type.clone(),
                    content_digest: found.content_digest.clone(),
                    link: found.link.clone(),
                    body: to_base64(&found.body),
                });
            }
            Err(error) => unreachable = Some(Absent::of(error)),
        }
        Self { host: answer.host.clone(), authenticated: answer.credential.is_some(), response, unreachable }
    }

    fn answer(&self, need: &Need) -> Answer {
        let credential = self.authenticated.then(|| "recorded".to_owned());
        // Storage behind registries signs its URLs, so what was asked for stands for where it came from.
        let url = shown(&need.url);
        let outcome = match (&self.response, &self.unreachable) {
            (Some(content), _) => match base64_std(content.body.as_bytes()) {
                Some(body) if body.len() <= need.limit => Ok(Response {
                    status: content.status,
                    content_type: content.content_type.clone(),
                    body,
                    content_digest: content.content_digest.clone(),
                    link: content.link.clone(),
                }),
                _ => Err(Unreachable::TooLarge { url: url.clone(), limit: need.limit }),
            },
            (None, Some(absent)) => Err(absent.error(&url, credential.clone())),
            (None, None) => Err(Unreachable::TimedOut { url: url.clone() }),
        };
        Answer { outcome, host: self.host.clone(), url, credential }
    }
}

impl Absent {
    fn of(error: &Unreachable) -> Self {
        match error {
            Unreachable::TooLarge { limit, .. } => Self::TooLarge { limit: *limit },
            Unreachable::TimedOut { .. } => Self::TimedOut,
            Unreachable::Unauthorized { request, reason, .. } => {
                Self::Unauthorized { request: request.clone(), reason: reason.clone() }
            }
            Unreachable::Refused { reason, .. } => Self::Refused { reason: reason.clone() },
            Unreachable::Transport { reason, .. } => Self::Transport { reason: reason.clone() },
            other => Self::Transport { reason: other.to_string() },
        }
    }

    fn error(&self, url: &str, credential: Option<String>) -> Unreachable {
        let url = url.to_owned();
        match self.clone() {
            Self::Refused { reason } => Unreachable::Refused { url, reason },
            Self::TimedOut => Unreachable::TimedOut { url },
            Self::TooLarge { limit } => Unreachable::TooLarge { url, limit },
            Self::Transport { reason } => Unreachable::Transport { url, reason },
            Self::Unauthorized { request, reason } => Unreachable::Unauthorized { request, reason, credential },
        }
    }
}
