//! The evidence of one image, found step by step and judged on the way: a tag gives a digest, a digest gives the
//! manifest of its signatures, that gives payloads, and a payload perhaps a log entry to look up.
//!
//! For signatures the tag scheme is asked first and is enough where it satisfies; referrers are asked otherwise. cosign
//! asks referrers first and lets any bundle win. For attestations the order is cosign's.

mod layers;
mod lookups;
mod referrers;

use std::collections::VecDeque;

use jiff::Timestamp;

use self::layers::LayerQueue;
use self::lookups::Lookups;
use self::referrers::BundleQueue;
use super::error::check_digest;
use super::manifest::{ACCEPT_MANIFESTS, Content};
use super::referrer_list::ReferrerList;
use super::reply::{self, Absence, Reply};
use super::verdict::{Evidence, Judge};
use super::{
    Demand, EvidenceFault, EvidenceKind, Forms, ImageError, ImageQuestion, ImageVerdict, LayerRole, LookupRule, Origin,
    ProvedEvidence, Rejected, Repository, Target, Wanted,
};
use crate::digest::{Digest, HashAlgorithm};
use crate::evidence::{Answer, Inquiry, Need, Step};
use crate::limits;
use crate::material::TrustMaterial;
use crate::verifier::LogUse;

/// Finds and judges the evidence of one image.
#[derive(Debug)]
pub struct ImageInquiry<'m> {
    question: &'m ImageQuestion,
    material: &'m TrustMaterial,
    now: Timestamp,
    /// Where evidence is: the image's own repository, or the one that was named.
    place: Repository,
    image: Option<Digest>,
    /// Whether the image itself was seen, and not only named by a digest.
    seen: bool,
    phases: VecDeque<Phase>,
    state: State,
    proved: Vec<ProvedEvidence>,
    rejected: Vec<Rejected>,
    /// Evidence without a log entry.
    lacking: Vec<Evidence>,
    /// Bytes of evidence asked for so far, as manifests tell them.
    bytes_asked: u64,
    layers_found: usize,
    bundles_found: usize,
    /// What the registry failed to answer, where the search went on.
    broken: Option<ImageError>,
}

/// Where evidence is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Tag(LayerRole),
    Referrers,
}

/// What was asked last.
#[derive(Debug)]
enum State {
    Start,
    Image { path: String },
    Tag { role: LayerRole, path: String },
    Layers(LayerQueue),
    Lookups(Lookups),
    Referrers(ReferrerList),
    Bundles(BundleQueue),
    Existence { path: String },
    Over,
}

type Next = Result<Step<ImageVerdict, ImageError>, ImageError>;

impl<'m> ImageInquiry<'m> {
    /// Asks `question`; `material` says whom to trust, `now` is used only where nothing else proves a time.
    pub fn new(question: &'m ImageQuestion, material: &'m TrustMaterial, now: Timestamp) -> Self {
        let own = question.reference.repository();
        Self {
            question,
            material,
            now,
            place: question.evidence_at.clone().unwrap_or_else(|| own.clone()),
            image: question.reference.digest(),
            seen: false,
            phases: phases(question),
            state: State::Start,
            proved: Vec::new(),
            rejected: Vec::new(),
            lacking: Vec::new(),
            bytes_asked: 0,
            layers_found: 0,
            bundles_found: 0,
            broken: None,
        }
    }

    fn advance(&mut self, answers: Vec<Answer>) -> Next {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Start if self.image.is_some() => self.next_phase(),
            State::Start => self.ask_image(),
            State::Image { path } => self.resolve(answers, &path),
            State::Tag { role, path } => self.read_tag(answers, role, &path),
            State::Layers(queue) => self.read_layers(queue, answers),
            State::Lookups(lookups) => self.read_lookups(lookups, answers),
            State::Referrers(list) => self.step_referrers(list, answers),
            State::Bundles(queue) => self.read_bundles(queue, answers),
            State::Existence { path } => self.conclude_existence(answers, &path),
            State::Over => Err(ImageError::NoSignatures),
        }
    }

    fn ask_image(&mut self) -> Next {
        let path = match self.question.reference.target() {
            Target::Tag(tag) => format!("manifests/{tag}"),
            Target::Digest(digest) => format!("manifests/{digest}"),
        };
        self.state = State::Image { path: path.clone() };
        Ok(ask(self.question.reference.repository(), &path))
    }

    /// From here on everything is asked by digest: a tag that moves changes nothing any more.
    fn resolve(&mut self, answers: Vec<Answer>, path: &str) -> Next {
        let repository = self.question.reference.repository();
        let asked = format!("{}/{path}", repository.base_url());
        let content = match reply::read(answers.into_iter().next(), &asked, Absence::NotFound)? {
            Reply::Content(content) => content,
            Reply::Absent { reason } => return Err(ImageError::NotFound { reason }),
        };
        if let Some(named) = content.digest.as_deref().and_then(super::manifest::content_digest) {
            check_digest(&asked, &named, &content.body)?;
        }
        Content::parse(&content.body, &asked, limits::IMAGE_LAYERS)?;
        let digest = HashAlgorithm::Sha256.digest(&content.body);
        self.image = Some(digest);
        self.seen = true;
        self.next_phase()
    }

    fn next_phase(&mut self) -> Next {
        if self.has_enough() {
            return self.finish();
        }
        match self.phases.pop_front() {
            Some(Phase::Tag(role)) => self.ask_tag(role),
            Some(Phase::Referrers) => self.ask_referrers(),
            None => self.finish(),
        }
    }

    fn ask_tag(&mut self, role: LayerRole) -> Next {
        let hex = self.image_digest()?.hex();
        let path = format!("manifests/{}sha256-{hex}.{}", self.question.tag_prefix, role.suffix());
        self.state = State::Tag { role, path: path.clone() };
        Ok(ask(&self.place, &path))
    }

    fn read_tag(&mut self, answers: Vec<Answer>, role: LayerRole, path: &str) -> Next {
        let asked = format!("{}/{path}", self.place.base_url());
        let reply = reply::read(answers.into_iter().next(), &asked, Absence::NotFound);
        let content = match reply.map_err(|none| self.with_rejected(none.into()))? {
            Reply::Content(content) => content,
            Reply::Absent { .. } => return self.next_phase(),
        };
        if let Some(named) = content.digest.as_deref().and_then(super::manifest::content_digest) {
            check_digest(&asked, &named, &content.body)?;
        }
        // The body of this answer is used: asked for by digest it may be somewhere else, or nowhere.
        let manifest = Content::parse(&content.body, &asked, limits::IMAGE_LAYERS)?.manifest(&asked)?;
        self.start_layers(role, manifest.layers, &content.url)
    }

    fn image_digest(&self) -> Result<Digest, ImageError> {
        self.image.ok_or_else(|| ImageError::Malformed {
            what: self.question.reference.name(),
            reason: "its digest is not known".into(),
        })
    }

    /// Judges what is complete, and keeps apart what lacks a log entry.
    fn judge(&mut self, evidence: Evidence) -> Result<(), ImageError> {
        let image = self.image_digest()?;
        let judge = self.judge_of(&image);
        let lacks = evidence.entity.lacks_log_entry() && self.question.requirements.log != LogUse::SkippedUnsafe;
        // The local checks first: nobody is asked about a signature that does not fit.
        if lacks && judge.verifier().check_locally(&evidence.entity, &evidence.artifact).is_ok() {
            match judge.read_claim(&evidence.entity, &evidence.blob) {
                Ok(_) => self.lacking.push(evidence),
                Err(fault) => self.reject(evidence.origin, fault),
            }
            return Ok(());
        }
        match judge.conclude(evidence) {
            Ok(proved) => self.proved.push(proved),
            Err(rejected) => self.rejected.push(rejected),
        }
        Ok(())
    }

    fn judge_of<'a>(&'a self, image: &'a Digest) -> Judge<'a> {
        let annotations = match &self.question.wanted {
            Wanted::Signature { annotations, .. } => annotations.as_slice(),
            Wanted::Attestation { .. } | Wanted::EverySignature | Wanted::EveryAttestation => &[],
        };
        let (material, requirements, now) = (self.material, &self.question.requirements, self.now);
        Judge { image, material, requirements, annotations, now }
    }

    /// All evidence of one image together is bounded too: a thousand pieces could each be as large as one may be
    /// (CVE-2023-46737, CVE-2024-29902).
    fn afford(&mut self, what: String, size: u64) -> Result<(), EvidenceFault> {
        let total = self.bytes_asked.saturating_add(size);
        let limit = self.question.attachment_limit.max(limits::IMAGE_EVIDENCE_BYTES);
        if total > limit {
            return Err(EvidenceFault::TooLarge {
                what: format!("{what} and what comes before it"),
                size: total,
                limit,
            });
        }
        self.bytes_asked = total;
        Ok(())
    }

    fn reject(&mut self, origin: Origin, fault: EvidenceFault) {
        self.rejected.push(Rejected { origin, fault });
    }

    /// After layers were judged: log entries for those without, else the next place.
    fn after_evidence(&mut self) -> Next {
        if self.lacking.is_empty() {
            return self.next_phase();
        }
        let lacking = std::mem::take(&mut self.lacking);
        if self.has_enough() {
            lacking.into_iter().for_each(|e| self.reject(e.origin, EvidenceFault::NotLookedUp));
            return self.next_phase();
        }
        match self.question.lookup.clone() {
            LookupRule::Ask(url) => return self.start_lookups(lacking, &url),
            LookupRule::Forbidden => lacking.into_iter().for_each(|e| self.reject(e.origin, EvidenceFault::Offline)),
            LookupRule::NoLog => lacking.into_iter().for_each(|e| self.reject(e.origin, EvidenceFault::NoLog)),
        }
        self.next_phase()
    }

    /// Whether nothing more is to be asked.
    fn has_enough(&self) -> bool {
        !matches!(self.question.wanted, Wanted::EverySignature | Wanted::EveryAttestation) && self.is_satisfied()
    }

    /// Whether what was proved is what is wanted. Who wants every piece of evidence is not served with a part: what the
    /// registry failed to answer may be the piece that matters.
    fn is_satisfied(&self) -> bool {
        match &self.question.wanted {
            Wanted::EverySignature | Wanted::EveryAttestation if self.broken.is_some() => false,
            Wanted::EverySignature => self.proved.iter().any(|p| meets(p, &Demand::ImageSignature)),
            Wanted::EveryAttestation => self.proved.iter().any(|p| p.predicate_type().is_some()),
            Wanted::Signature { demands, .. } if demands.is_empty() => !self.proved.is_empty(),
            Wanted::Signature { demands, .. } => {
                demands.iter().all(|demand| self.proved.iter().any(|p| meets(p, demand)))
            }
            Wanted::Attestation { predicate_type } => {
                self.proved.iter().any(|p| p.predicate_type() == Some(predicate_type))
            }
        }
    }

    fn finish(&mut self) -> Next {
        self.proved.sort_by(|a, b| a.origin().cmp(b.origin()));
        self.rejected.sort_by(|a, b| a.origin.cmp(&b.origin));
        if !self.is_satisfied() {
            return self.explain();
        }
        let mut proved = std::mem::take(&mut self.proved);
        match &self.question.wanted {
            Wanted::Attestation { predicate_type } => proved.retain(|p| p.predicate_type() == Some(predicate_type)),
            Wanted::EverySignature => proved.retain(|p| meets(p, &Demand::ImageSignature)),
            Wanted::EveryAttestation => proved.retain(|p| p.predicate_type().is_some()),
            Wanted::Signature { .. } => {}
        }
        let rejected = std::mem::take(&mut self.rejected);
        Ok(Step::Done(ImageVerdict { digest: self.image_digest()?, proved, rejected }))
    }

    /// Why there is no proof, told as cosign tells it for the form that was found.
    fn explain(&mut self) -> Next {
        let mut rejected = std::mem::take(&mut self.rejected);
        if self.broken.is_some() {
            rejected.retain(|r| !matches!(r.fault, EvidenceFault::Content(_)));
        }
        // Where the registry did not say what there is, "none matches" would be a guess.
        match self.broken.take() {
            Some(ImageError::Registry { reason, .. }) => return Err(ImageError::Registry { reason, rejected }),
            Some(ImageError::Unreachable { reason, .. }) => return Err(ImageError::Unreachable { reason, rejected }),
            Some(other) => return Err(other),
            None => {}
        }
        let found_nothing = self.layers_found == 0 && self.bundles_found == 0 && rejected.is_empty();
        match &self.question.wanted {
            Wanted::Signature { demands, .. } if !self.proved.is_empty() => {
                let unmet = demands.iter().find(|demand| !self.proved.iter().any(|p| meets(p, demand)));
                let demand = unmet.map(ToString::to_string).unwrap_or_default();
                let kinds: Vec<_> = self.proved.iter().map(|p| p.kind().to_string()).collect();
                Err(ImageError::Demand { demand, found: kinds.join(", ") })
            }
            Wanted::EverySignature if !self.proved.is_empty() => {
                let kinds: Vec<_> = self.proved.iter().map(|p| p.kind().to_string()).collect();
                Err(ImageError::Demand { demand: Demand::ImageSignature.to_string(), found: kinds.join(", ") })
            }
            Wanted::Attestation { predicate_type } if !self.proved.is_empty() => {
                let found = self.proved.iter().map(|p| p.predicate_type().unwrap_or_default().to_owned()).collect();
                Err(ImageError::PredicateType { expected: predicate_type.clone(), found })
            }
            _ if found_nothing && !self.seen => self.ask_existence(),
            Wanted::Attestation { .. } | Wanted::EveryAttestation => {
                Err(ImageError::NoMatchingAttestations { rejected })
            }
            _ if self.bundles_found > 0 => Err(ImageError::NoMatchingAttestations { rejected }),
            _ if found_nothing => Err(ImageError::NoSignatures),
            _ => Err(ImageError::NoMatchingSignatures { rejected }),
        }
    }

    /// Nothing is attached: to an image that is there, or to none?
    fn ask_existence(&mut self) -> Next {
        let path = format!("manifests/{}", self.image_digest()?);
        self.state = State::Existence { path: path.clone() };
        Ok(ask(self.question.reference.repository(), &path))
    }

    fn conclude_existence(&mut self, answers: Vec<Answer>, path: &str) -> Next {
        let asked = format!("{}/{path}", self.question.reference.repository().base_url());
        match reply::read(answers.into_iter().next(), &asked, Absence::NotFound)? {
            Reply::Absent { reason } => Err(ImageError::NotFound { reason }),
            Reply::Content(content) => {
                check_digest(&asked, &self.image_digest()?, &content.body)?;
                match &self.question.wanted {
                    Wanted::Signature { .. } | Wanted::EverySignature => Err(ImageError::NoSignatures),
                    Wanted::Attestation { .. } | Wanted::EveryAttestation => {
                        Err(ImageError::NoMatchingAttestations { rejected: Vec::new() })
                    }
                }
            }
        }
    }
}

impl Inquiry for ImageInquiry<'_> {
    type Out = ImageVerdict;
    type Error = ImageError;

    fn step(&mut self, answers: Vec<Answer>) -> Step<ImageVerdict, ImageError> {
        self.advance(answers).unwrap_or_else(Step::Failed)
    }
}

fn meets(proved: &ProvedEvidence, demand: &Demand) -> bool {
    match demand {
        Demand::ImageSignature => proved.kind() == EvidenceKind::ImageSignature,
        Demand::Attestation(predicate_type) => proved.predicate_type() == Some(predicate_type),
    }
}

fn phases(question: &ImageQuestion) -> VecDeque<Phase> {
    let (signatures, attestations) = (Phase::Tag(LayerRole::Signatures), Phase::Tag(LayerRole::Attestations));
    let wants_attestation = |demands: &[Demand]| demands.iter().any(|d| matches!(d, Demand::Attestation(_)));
    let all = match &question.wanted {
        Wanted::Signature { demands, .. } if !demands.contains(&Demand::ImageSignature) && !demands.is_empty() => {
            vec![Phase::Referrers, attestations]
        }
        Wanted::Signature { demands, .. } if wants_attestation(demands) => {
            vec![signatures, Phase::Referrers, attestations]
        }
        Wanted::Signature { .. } | Wanted::EverySignature => vec![signatures, Phase::Referrers],
        Wanted::Attestation { .. } => vec![Phase::Referrers, attestations],
        Wanted::EveryAttestation => vec![attestations, Phase::Referrers],
    };
    let is_in = |phase: &Phase| match question.forms {
        Forms::All | Forms::NoBundles => true,
        Forms::TagsOnly => *phase != Phase::Referrers,
        Forms::BundlesOnly => *phase == Phase::Referrers,
    };
    all.into_iter().filter(is_in).collect()
}

/// One manifest, by tag or digest.
fn ask(repository: &Repository, path: &str) -> Step<ImageVerdict, ImageError> {
    Step::Need(vec![Need::registry(repository, path, ACCEPT_MANIFESTS, limits::MANIFEST_BYTES)])
}
