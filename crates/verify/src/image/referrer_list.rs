//! The list of an image's referrers: the referrers API, page by page, or the tag that stands in for it (OCI
//! distribution specification 1.1).

use super::ImageError;
use super::Repository;
use super::manifest::{ACCEPT_MANIFESTS, Content, Descriptor, OCI_INDEX};
use super::reply::{self, Absence, Reply};
use crate::digest::Digest;
use crate::evidence::{Answer, Inquiry, Need, Step};
use crate::limits;

/// Lists what refers to an image.
#[derive(Debug)]
pub(super) struct ReferrerList {
    place: Repository,
    image: Digest,
    state: State,
    pages_read: usize,
    found: Vec<Descriptor>,
}

#[derive(Debug)]
enum State {
    Start,
    Page,
    FallbackTag,
}

impl ReferrerList {
    pub(super) fn new(place: &Repository, image: &Digest) -> Self {
        Self { place: place.clone(), image: *image, state: State::Start, pages_read: 0, found: Vec::new() }
    }

    fn path(&self) -> String {
        format!("referrers/{}", self.image)
    }

    fn fallback_path(&self) -> String {
        format!("manifests/sha256-{}", self.image.hex())
    }

    fn ask(&mut self, state: State, path: &str, accept: &'static str) -> Step<Vec<Descriptor>, ImageError> {
        self.state = state;
        Step::Need(vec![Need::registry(&self.place, path, accept, limits::MANIFEST_BYTES)])
    }

    fn advance(&mut self, answers: Vec<Answer>) -> Result<Step<Vec<Descriptor>, ImageError>, ImageError> {
        match self.state {
            State::Start => Ok(self.ask(State::Page, &self.path(), OCI_INDEX)),
            State::Page => self.read_page(answers),
            State::FallbackTag => self.read_fallback(answers),
        }
    }

    fn read_page(&mut self, answers: Vec<Answer>) -> Result<Step<Vec<Descriptor>, ImageError>, ImageError> {
        let asked = format!("{}/{}", self.place.base_url(), self.path());
        let content = match reply::read(answers.into_iter().next(), &asked, Absence::NoApi)? {
            Reply::Content(content) if is_index(&content.content_type) => content,
            Reply::Absent { reason } if self.pages_read > 0 => {
                return Err(ImageError::Registry { reason, rejected: Vec::new() });
            }
            Reply::Content(content) if self.pages_read > 0 => {
                let reason = format!("a page of the list is {:?}", content.content_type);
                return Err(ImageError::Malformed { what: asked, reason });
            }
            // No referrers API: the list is under a tag, kept by the clients that attach something.
            Reply::Content(_) | Reply::Absent { .. } => {
                return Ok(self.ask(State::FallbackTag, &self.fallback_path(), ACCEPT_MANIFESTS));
            }
        };
        self.found.extend(entries(&content.body, &asked)?);
        self.pages_read = self.pages_read.saturating_add(1);
        let found = self.found.len();
        if found > limits::REFERRERS {
            return Err(ImageError::TooMany { what: "referrers", found, limit: limits::REFERRERS });
        }
        let next = content.link.as_deref().map_or(Ok(None), |link| reply::next_page(link, &self.path()));
        let next = next.map_err(|target| {
            let reason = format!("its next page is {target:?}");
            ImageError::Malformed { what: asked.clone(), reason }
        })?;
        match next {
            None => Ok(Step::Done(std::mem::take(&mut self.found))),
            // CVE-2023-46737: lists without end.
            Some(_) if self.pages_read >= limits::REFERRER_PAGES => {
                let (found, limit) = (self.pages_read.saturating_add(1), limits::REFERRER_PAGES);
                Err(ImageError::TooMany { what: "pages of referrers", found, limit })
            }
            Some(query) => Ok(self.ask(State::Page, &format!("{}?{query}", self.path()), OCI_INDEX)),
        }
    }

    fn read_fallback(&mut self, answers: Vec<Answer>) -> Result<Step<Vec<Descriptor>, ImageError>, ImageError> {
        let asked = format!("{}/{}", self.place.base_url(), self.fallback_path());
        match reply::read(answers.into_iter().next(), &asked, Absence::NotFound)? {
            Reply::Absent { .. } => Ok(Step::Done(Vec::new())),
            Reply::Content(content) => Ok(Step::Done(entries(&content.body, &asked)?)),
        }
    }
}

impl Inquiry for ReferrerList {
    type Out = Vec<Descriptor>;
    type Error = ImageError;

    fn step(&mut self, answers: Vec<Answer>) -> Step<Vec<Descriptor>, ImageError> {
        self.advance(answers).unwrap_or_else(Step::Failed)
    }
}

fn is_index(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(OCI_INDEX))
}

fn entries(body: &[u8], asked: &str) -> Result<Vec<Descriptor>, ImageError> {
    match Content::parse(body, asked, limits::REFERRERS)? {
        Content::Index(entries) => Ok(entries),
        Content::Manifest(_) => {
            Err(ImageError::Malformed { what: asked.to_owned(), reason: "it is no list of referrers".into() })
        }
    }
}
