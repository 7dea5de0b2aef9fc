//! The evidence of one authority about one image, found and judged step by step.

use jiff::Timestamp;
use serde_json::json;
use sigward_verify::Waiver;
use sigward_verify::evidence::{Answer, Inquiry, Need, Step, Unreachable};
use sigward_verify::image::{EvidenceFault, ImageError, ImageInquiry, Rejected};

use super::inquest::Inquest;
use super::proof::{AuthorityProof, AuthorityRefusal, Findings, Firmness, Wording};
use crate::reason::Reason;
use crate::resolve::Extent;

/// Finds and judges the evidence of one authority about one image. The one place where an [`AuthorityProof`] is made.
#[derive(Debug)]
pub struct AuthorityInquiry<'q> {
    inquest: &'q Inquest,
    now: Timestamp,
    /// The question that is asked now.
    stage: usize,
    current: Option<ImageInquiry<'q>>,
    findings: Findings,
    /// Why the stages before found nothing.
    errors: Vec<ImageError>,
    unstated: Option<Waiver>,
    /// Whether something that did not count may count when it is asked for again.
    may_change: bool,
    heard: Heard,
    /// The URLs of what was asked for last.
    asked: Vec<String>,
}

impl<'q> AuthorityInquiry<'q> {
    pub(super) fn new(inquest: &'q Inquest, now: Timestamp) -> Self {
        Self {
            inquest,
            now,
            stage: 0,
            current: inquest.questions.first().map(|question| ImageInquiry::new(question, &inquest.material, now)),
            findings: Findings::default(),
            errors: Vec::new(),
            unstated: None,
            may_change: false,
            heard: Heard::default(),
            asked: Vec::new(),
        }
    }

    fn wants_attestations(&self) -> bool {
        !self.inquest.authority.attestations.is_empty()
    }

    /// After a stage: the proof, the next stage, or why there is none.
    fn stage_is_over(&mut self) -> Option<Result<AuthorityProof, AuthorityRefusal>> {
        let judged = if self.wants_attestations() {
            self.findings.attestations(&self.inquest.key, &self.inquest.authority, self.now).map_err(|fault| {
                let firmness = Firmness::Settled;
                AuthorityRefusal::new(fault.reason, Wording::Plain, fault.text, firmness)
            })
        } else {
            Ok(self.findings.signatures(&self.inquest.key))
        };
        let found = match self.wants_attestations() {
            true => !self.findings.predicate_types().is_empty(),
            false => self.findings.has_signatures(),
        };
        match judged {
            Ok(proof) if found && self.is_whole() => return Some(Ok(proof)),
            _ => {}
        }
        self.stage = self.stage.saturating_add(1);
        if let Some(question) = self.inquest.questions.get(self.stage) {
            self.current = Some(ImageInquiry::new(question, &self.inquest.material, self.now));
            return None;
        }
        Some(Err(self.refusal(judged.err().filter(|_| found))))
    }

    /// Who wants all evidence is not served while a part of it could not be read.
    fn is_whole(&self) -> bool {
        self.inquest.authority.extent == Extent::Enough || self.errors.iter().all(is_absence)
    }

    fn refusal(&mut self, judged: Option<AuthorityRefusal>) -> AuthorityRefusal {
        let firmness = self.firmness();
        if let Some(waiver) = self.unstated {
            let text = format!("a check was waived that the policy does not waive: {}", waiver.setting());
            return AuthorityRefusal::new(Reason::WaiverNotStated, Wording::Validation, text, firmness);
        }
        let unasked =
            |error: &&ImageError| matches!(error, ImageError::Registry { .. } | ImageError::Unreachable { .. });
        let unasked = self.errors.iter().find(unasked);
        if let (None, Some(judged)) = (unasked, judged) {
            return AuthorityRefusal { firmness, ..judged };
        }
        // The error that says most: what could not be asked, then what was there and did not count, then what is absent.
        let worst = unasked.or_else(|| self.errors.iter().find(|error| !error.rejected().is_empty()));
        match worst.or(self.errors.first()) {
            Some(error) => AuthorityRefusal::new(self.reason(error), Wording::Validation, error.to_string(), firmness),
            None => AuthorityRefusal::new(Reason::Internal, Wording::Validation, "nothing was asked", firmness),
        }
    }

    fn firmness(&self) -> Firmness {
        if self.heard.failure || self.heard.anonymous || self.may_change {
            Firmness::Transient
        } else if self.heard.no {
            Firmness::CredentialDependent
        } else {
            Firmness::Settled
        }
    }

    fn reason(&self, error: &ImageError) -> Reason {
        match error {
            ImageError::Registry { .. } | ImageError::Unreachable { .. } if !self.heard.failure => Reason::AccessDenied,
            ImageError::Registry { .. }
            | ImageError::Unreachable { .. }
            | ImageError::DigestMismatch { .. }
            | ImageError::Malformed { .. }
            | ImageError::TooMany { .. } => Reason::Unreachable,
            ImageError::NotFound { .. } => Reason::AccessDenied,
            ImageError::NoSignatures => Reason::Unsigned,
            ImageError::NoMatchingAttestations { .. } | ImageError::PredicateType { .. } => Reason::AttestationMissing,
            _ => Reason::SignatureMismatch,
        }
    }
}

/// What the answers say about asking again.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    /// Somebody was told that something is not there, or not for him.
    no: bool,
    /// Nobody in particular was told so: registries say it of what is private too, and of what is not there yet.
    anonymous: bool,
    /// Something could not be asked, or had no usable answer.
    failure: bool,
}

impl Heard {
    /// Notes the answers, and takes away what must not reach a denial.
    fn hear_all(&mut self, answers: &mut [Answer], asked: &[String]) {
        for (index, answer) in answers.iter_mut().enumerate() {
            self.hear(answer, asked.get(index).map_or("the registry", String::as_str));
        }
    }

    fn hear(&mut self, answer: &mut Answer, asked: &str) {
        // Where a redirect or a challenge led to is a server's word; what was asked is ours.
        if let Err(
            Unreachable::Transport { url, .. }
            | Unreachable::TooLarge { url, .. }
            | Unreachable::TimedOut { url }
            | Unreachable::Refused { url, .. },
        ) = &mut answer.outcome
        {
            asked.clone_into(url);
        }
        let anonymous = answer.credential.is_none();
        match &mut answer.outcome {
            Ok(response) if response.status == 200 => {}
            Ok(response) => {
                match response.status {
                    // 400 and 406 are what registries without a referrers API answer.
                    400 | 401 | 403 | 404 | 406 => {
                        self.no = true;
                        self.anonymous |= anonymous;
                    }
                    _ => self.failure = true,
                }
                response.body = without_words(&response.body);
                answer.url.clear();
            }
            Err(Unreachable::Unauthorized { request, reason, credential }) => {
                self.no = true;
                self.anonymous |= credential.is_none();
                let words = if credential.is_none() { "no credential is at hand" } else { "the credential is refused" };
                words.clone_into(reason);
                // The token server's URL is the registry's word.
                "the registry".clone_into(request);
            }
            // Somebody serves more than was promised: that is about the content.
            Err(Unreachable::TooLarge { .. }) => {}
            Err(Unreachable::Transport { reason, .. }) => {
                self.failure = true;
                without_certificate(reason);
            }
            Err(_) => self.failure = true,
        }
    }
}

impl Inquiry for AuthorityInquiry<'_> {
    type Out = AuthorityProof;
    type Error = AuthorityRefusal;

    fn step(&mut self, answers: Vec<Answer>) -> Step<AuthorityProof, AuthorityRefusal> {
        let mut answers = answers;
        self.heard.hear_all(&mut answers, &self.asked);
        loop {
            let Some(current) = &mut self.current else {
                return Step::Failed(self.refusal(None));
            };
            match current.step(std::mem::take(&mut answers)) {
                Step::Need(needs) => {
                    self.asked = urls(&needs);
                    return Step::Need(needs);
                }
                Step::Done(verdict) => {
                    self.may_change |= verdict.rejected.iter().any(may_change);
                    // The digest was named: an answer about another one is no answer.
                    if verdict.digest.to_string() == self.inquest.key.image {
                        self.unstated = self.findings.add(verdict.proved, &self.inquest.stated).err().or(self.unstated);
                    }
                }
                Step::Failed(error) => {
                    self.may_change |= is_transient(&error);
                    self.errors.push(error);
                }
            }
            self.current = None;
            match self.stage_is_over() {
                Some(Ok(proof)) => return Step::Done(proof),
                Some(Err(refusal)) => return Step::Failed(refusal),
                None => {}
            }
        }
    }
}

/// Another inquiry, whose errors repeat no words of a server.
#[derive(Debug)]
pub struct Discreet<I> {
    inquiry: I,
    asked: Vec<String>,
}

impl<I> Discreet<I> {
    /// The same, in other words.
    pub fn new(inquiry: I) -> Self {
        Self { inquiry, asked: Vec::new() }
    }
}

impl<I: Inquiry> Inquiry for Discreet<I> {
    type Out = I::Out;
    type Error = I::Error;

    fn step(&mut self, mut answers: Vec<Answer>) -> Step<I::Out, I::Error> {
        Heard::default().hear_all(&mut answers, &self.asked);
        let step = self.inquiry.step(answers);
        if let Step::Need(needs) = &step {
            self.asked = urls(needs);
        }
        step
    }
}

fn urls(needs: &[Need]) -> Vec<String> {
    needs.iter().map(|need| need.url.clone()).collect()
}

/// Nothing was there, and the registry said so.
fn is_absence(error: &ImageError) -> bool {
    matches!(error, ImageError::NoSignatures)
        || matches!(error, ImageError::NoMatchingAttestations { rejected } if rejected.is_empty())
}

/// Asked again, the answer may be another one: a log may know an entry later, a registry may have all parts later, and
/// content that is not what its digest says came from somewhere else or not whole.
fn may_change(rejected: &Rejected) -> bool {
    matches!(rejected.fault, EvidenceFault::Lookup(_) | EvidenceFault::Missing { .. } | EvidenceFault::Content(_))
}

fn is_transient(error: &ImageError) -> bool {
    matches!(error, ImageError::DigestMismatch { .. } | ImageError::Malformed { .. })
        || error.rejected().iter().any(may_change)
}

/// What is wrong with a server's certificate, without what stands in it: its names and times are the server's words too.
fn without_certificate(reason: &mut String) {
    const OF_TLS: &str = "invalid peer certificate: ";
    if let Some((before, words)) = reason.split_once(OF_TLS) {
        let fault = words.split(|c: char| !c.is_ascii_alphabetic() && c != ' ').next().unwrap_or_default();
        *reason = format!("{before}{OF_TLS}{}", fault.trim_end());
    }
}

/// An error page without its words: whoever may name an image must not read through a denial what a server inside the
/// cluster answers. The codes of the distribution specification stay.
fn without_words(body: &[u8]) -> Vec<u8> {
    const CODES: [&str; 15] = [
        "BLOB_UNKNOWN",
        "BLOB_UPLOAD_INVALID",
        "BLOB_UPLOAD_UNKNOWN",
        "DIGEST_INVALID",
        "MANIFEST_BLOB_UNKNOWN",
        "MANIFEST_INVALID",
        "MANIFEST_UNKNOWN",
        "NAME_INVALID",
        "NAME_UNKNOWN",
        "SIZE_INVALID",
        "UNAUTHORIZED",
        "DENIED",
        "UNSUPPORTED",
        "TOOMANYREQUESTS",
        "TAG_INVALID",
    ];
    let errors: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let code = errors.as_ref().and_then(|errors| errors.get("errors")?.get(0)?.get("code")?.as_str());
    match CODES.iter().find(|known| Some(**known) == code) {
        Some(code) => json!({"errors": [{"code": code, "message": ""}]}).to_string().into_bytes(),
        None => Vec::new(),
    }
}
