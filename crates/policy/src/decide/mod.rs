//! **Decide**: a verdict of what was planned and what was found. Pure: the same answers give the same verdict.

mod document;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cip::Mode;
use crate::config::NoMatch;
use crate::field_error::Level;
use crate::plan::{AuthorityProof, AuthorityRefusal, ImagePlan, Outlook, PolicyTask, Wording};
use crate::reason::Reason;
use crate::resolve::{AuthorityKind, EvidenceAuthority, Fault, Judgement, ResolvedAuthority, SignerKind};

use document::{AuthorityMatch, Found, document};

pub use verdict::{Entry, ImageDecision, Verdict};

/// What a question brought.
#[derive(Clone, Debug)]
pub enum AuthorityOutcome {
    /// The authority vouches for the image.
    Proved(Arc<AuthorityProof>),
    /// It does not.
    Refused(Arc<AuthorityRefusal>),
    /// The question was not answered.
    NotGathered(NotGathered),
}

/// Why a question was not answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NotGathered {
    /// The time for the review is over.
    Deadline,
    /// Something else stopped the search.
    Stopped(String),
    /// It was not asked: the verdict does not depend on it ([`ImagePlan::open_questions`]).
    NotNeeded,
}

/// What policies may see beside the evidence.
#[derive(Clone, Copy, Debug)]
pub struct ReviewContext<'a> {
    /// The object that names the image; `None` where there is none (`policy test` without a resource).
    pub object: Option<ObjectInputs<'a>>,
    /// The image's configuration for each platform (`linux/amd64`) as JSON, or why it could not be had.
    pub configs: Option<&'a Result<BTreeMap<String, String>, String>>,
    /// The time of the review.
    pub now: Timestamp,
}

/// What policies may see of an object.
#[derive(Clone, Copy, Debug)]
pub struct ObjectInputs<'a> {
    /// Its `spec` as JSON.
    pub spec: Option<&'a str>,
    /// Its `metadata` as JSON.
    pub metadata: Option<&'a str>,
    /// Its kind.
    pub kind: &'a str,
    /// Its API version.
    pub api_version: &'a str,
}

/// Decides about one image. `outcomes` are the answers to [`ImagePlan::questions`], in the same order; one that is missing
/// is a question that was not answered.
pub fn decide(plan: &ImagePlan, outcomes: &[AuthorityOutcome], context: &ReviewContext<'_>) -> ImageDecision {
    match &plan.outlook {
        Outlook::Refused(fault) => ImageDecision::refused(fault),
        Outlook::NoMatch(rule) => no_match(plan, *rule),
        Outlook::Policies { name, tasks, .. } => {
            let review = Review { plan, name, outcomes, context };
            // A policy that is for the image and says nothing about it would let it pass.
            ImageDecision::of_policies(tasks.iter().map(|task| review.judge(task)).collect())
        }
    }
}

fn no_match(plan: &ImagePlan, rule: NoMatch) -> ImageDecision {
    let entry = |level| Entry {
        level,
        policy: None,
        message: "no matching policies".to_owned(),
        details: plan.image().to_owned(),
        reasons: vec![Reason::NoMatchingPolicy],
    };
    match rule {
        NoMatch::Deny => ImageDecision::of_entry(entry(Level::Error)),
        NoMatch::Warn => ImageDecision::of_entry(entry(Level::Warning)),
        NoMatch::Allow => ImageDecision::unmatched_and_allowed(),
    }
}

/// What one policy says of an image.
#[derive(Debug)]
pub(super) enum PolicyVerdict {
    Holds,
    Fails(Entry),
}

#[derive(Clone, Copy)]
struct Review<'r> {
    plan: &'r ImagePlan,
    /// The image by digest.
    name: &'r str,
    outcomes: &'r [AuthorityOutcome],
    context: &'r ReviewContext<'r>,
}

impl<'r> Review<'r> {
    fn judge(self, task: &'r PolicyTask) -> PolicyVerdict {
        match self.faults(task) {
            Ok(()) => PolicyVerdict::Holds,
            Err(faults) => PolicyVerdict::Fails(self.entry(task, &faults)),
        }
    }

    fn entry(self, task: &PolicyTask, faults: &[Fault]) -> Entry {
        let policy = &task.policy;
        // Warn only where the policy says so: one that is not understood says nothing.
        let level = match policy.mode() {
            Mode::Warn if task.unclear.is_none() && policy.broken.is_none() => Level::Warning,
            _ => Level::Error,
        };
        let texts: Vec<_> = faults.iter().map(|fault| fault.text.as_str()).collect();
        let mut reasons: Vec<_> = faults.iter().map(|fault| fault.reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        Entry {
            level,
            policy: Some(policy.name().to_owned()),
            message: format!("failed policy: {}", policy.name()),
            details: format!("{} {}", self.plan.image(), texts.join(" ")),
            reasons,
        }
    }

    /// One authority is enough; then the policy over all of them must hold.
    fn faults(self, task: &'r PolicyTask) -> Result<(), Vec<Fault>> {
        let policy = &task.policy;
        if let Some(fault) = task.unclear.as_ref().or(policy.broken.as_ref()) {
            return Err(vec![fault.clone()]);
        }
        if policy.authorities.is_empty() {
            let text = format!("failed to process policy: {}: it has no authorities", policy.name());
            return Err(vec![Fault { reason: Reason::NoAuthorities, text }]);
        }
        let (mut matches, mut faults) = (BTreeMap::new(), Vec::new());
        for (index, authority) in policy.authorities.iter().enumerate() {
            let asked = task.asked.get(index).copied().flatten();
            match self.ask(authority, asked) {
                Ok(found) => {
                    matches.insert(authority.name(), found);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if matches.is_empty() {
            return Err(faults);
        }
        let over_all = match &policy.policy {
            None => return Ok(()),
            Some(Err(fault)) => return Err(vec![fault.clone()]),
            Some(Ok(policy)) => policy,
        };
        let document = document(&matches, policy.inputs(), self.context).map_err(|fault| vec![fault])?;
        match over_all.judge(&document, self.context.now) {
            Judgement::Accepted => Ok(()),
            Judgement::Refused(fault) => Err(vec![fault]),
        }
    }

    fn ask(self, authority: &'r ResolvedAuthority, asked: Option<usize>) -> Result<AuthorityMatch<'r>, Fault> {
        match &authority.kind {
            AuthorityKind::Pass => Ok(AuthorityMatch { fixed: true, ..AuthorityMatch::default() }),
            AuthorityKind::Fail { message } => {
                let text = format!("disallowed by static policy: {message}");
                Err(Fault { reason: Reason::StaticFail, text })
            }
            AuthorityKind::Broken(fault) => Err(fault.clone()),
            AuthorityKind::Evidence(evidence) => {
                let question =
                    asked.and_then(|index| Some((self.plan.questions().get(index)?, self.outcomes.get(index)?)));
                let (_, outcome) = question.ok_or_else(|| self.not_asked(authority, evidence))?;
                self.found(authority, evidence, outcome)
            }
        }
    }

    fn not_asked(self, authority: &ResolvedAuthority, evidence: &EvidenceAuthority) -> Fault {
        self.validation(authority, evidence, Reason::Internal, "no answer was given")
    }

    fn found(
        self,
        authority: &'r ResolvedAuthority,
        evidence: &'r EvidenceAuthority,
        outcome: &'r AuthorityOutcome,
    ) -> Result<AuthorityMatch<'r>, Fault> {
        let proof = match outcome {
            AuthorityOutcome::Proved(proof) => proof,
            AuthorityOutcome::Refused(refusal) => return Err(self.in_words(authority, evidence, refusal)),
            AuthorityOutcome::NotGathered(NotGathered::Deadline) => {
                let text = "context was canceled before validation completed";
                return Err(self.validation(authority, evidence, Reason::Deadline, text));
            }
            AuthorityOutcome::NotGathered(NotGathered::Stopped(text)) => {
                return Err(self.validation(authority, evidence, Reason::Unreachable, text));
            }
            AuthorityOutcome::NotGathered(NotGathered::NotNeeded) => {
                return Err(self.validation(authority, evidence, Reason::Internal, "it was not asked"));
            }
        };
        // A proof counts for what it is about, wherever it was kept.
        if !self.plan.digest().is_some_and(|digest| proof.is_about(evidence.fingerprint(), digest)) {
            let text = "the proof is about something else";
            return Err(self.validation(authority, evidence, Reason::Internal, text));
        }
        let mut attestations = BTreeMap::new();
        for (index, wanted) in evidence.attestations.iter().enumerate() {
            let policy = wanted.policy.as_deref();
            let missing = || Fault {
                reason: Reason::AttestationMissing,
                text: format!("no matching attestations for authority {} for {}", authority.name(), self.name),
            };
            let proved = proof.attestations().get(index).ok_or_else(missing)?;
            let accepted = proved.accepted(policy, self.context.now).map_err(|fault| fault.unwrap_or_else(missing))?;
            let found = accepted
                .into_iter()
                .map(|statement| Found::attestation(&statement.signer, &wanted.written_type, &statement.digest));
            attestations.insert(wanted.name.as_str(), found.collect());
        }
        let signatures: Vec<_> = proof.signatures().iter().map(Found::signature).collect();
        if evidence.attestations.is_empty() && signatures.is_empty() {
            return Err(self.validation(authority, evidence, Reason::Unsigned, "no signatures found"));
        }
        Ok(AuthorityMatch { signatures, attestations, fixed: false })
    }

    fn in_words(
        self,
        authority: &ResolvedAuthority,
        evidence: &EvidenceAuthority,
        refusal: &AuthorityRefusal,
    ) -> Fault {
        let name = authority.name();
        let text = match refusal.wording {
            Wording::Validation => return self.validation(authority, evidence, refusal.reason(), refusal.text()),
            Wording::Plain => refusal.text().to_owned(),
            Wording::Options if evidence.attestations.is_empty() => {
                format!("constructing checkOpts for {name}: {}", refusal.text().replace("{}", name))
            }
            Wording::Options => format!("creating CheckOpts: {}", refusal.text().replace("{}", name)),
        };
        Fault { reason: refusal.reason(), text }
    }

    fn validation(
        self,
        authority: &ResolvedAuthority,
        evidence: &EvidenceAuthority,
        reason: Reason,
        text: &str,
    ) -> Fault {
        let what = if evidence.attestations.is_empty() { "signature" } else { "attestation" };
        let signer = match evidence.signer_kind() {
            SignerKind::Key => "key",
            SignerKind::Keyless => "keyless",
        };
        let (authority, image) = (authority.name(), self.name);
        let text = format!("{what} {signer} validation failed for authority {authority} for {image}: {text}");
        Fault { reason, text }
    }
}
