//! **Plan**: which policies are for an image, and what is to be asked for them. Pure, and without any evidence.

mod inquest;
mod inquiry;
mod proof;

use std::collections::BTreeSet;
use std::sync::Arc;

use sigward_verify::Digest;
use sigward_verify::image::{ConfigInquiry, ImageReference, Target};

use crate::config::NoMatch;
use crate::decide::AuthorityOutcome;
use crate::glob::Names;
use crate::matching::ObjectIdentity;
use crate::reason::Reason;
use crate::resolve::{AuthorityKind, Fault, PolicySet, ResolvedPolicy, Scoped};

pub use inquest::{AuthorityQuestion, Inquest, TrustSource, Trusted};
pub use inquiry::{AuthorityInquiry, Discreet};
pub(crate) use proof::Wording;
pub use proof::{AuthorityProof, AuthorityRefusal, Firmness, ProofKey, ProvedMatch};

/// An image as an object names it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The name as it stands in the object.
    pub image: &'a str,
    /// Kind, version and labels of the object.
    pub object: &'a ObjectIdentity,
    /// What the name stands for, outside of a cluster (`policy test`): nothing is run by the name there, and it may have a
    /// tag.
    pub resolved: Option<&'a Digest>,
}

/// What is to be asked about one image, and what follows from the answers.
#[derive(Clone, Debug)]
pub struct ImagePlan {
    pub(crate) image: String,
    pub(crate) outlook: Outlook,
    questions: Vec<AuthorityQuestion>,
}

#[derive(Clone, Debug)]
pub(crate) enum Outlook {
    /// Denied, whatever policies say.
    Refused(Fault),
    /// No policy is for the image.
    NoMatch(NoMatch),
    /// These are, and all must hold.
    Policies { name: String, reference: Box<ImageReference>, digest: Digest, tasks: Vec<PolicyTask> },
}

/// A policy that is for the image.
#[derive(Clone, Debug)]
pub(crate) struct PolicyTask {
    pub(crate) policy: Arc<ResolvedPolicy>,
    /// Why it cannot be told whether it is for the image.
    pub(crate) unclear: Option<Fault>,
    /// For each of its authorities the question that is asked for it.
    pub(crate) asked: Vec<Option<usize>>,
}

/// Plans what is to be asked about one image.
pub fn plan(policies: &PolicySet, subject: Subject<'_>) -> ImagePlan {
    let image = subject.image.to_owned();
    match read(subject) {
        Err(fault) => ImagePlan { image, outlook: Outlook::Refused(fault), questions: Vec::new() },
        Ok((reference, digest)) => plan_image(policies, subject, &reference, digest),
    }
}

/// Before any policy is looked at, as policy-controller does: a name that is no digest may be run as another image than
/// was judged (specs/policy-controller.md §2.4).
fn read(subject: Subject<'_>) -> Result<(ImageReference, Digest), Fault> {
    let image = subject.image;
    let reference = ImageReference::parse(image)
        .map_err(|_| Fault { reason: Reason::ReferenceInvalid, text: format!("could not parse reference: {image}") })?;
    // The kubelet reads a host (distribution `reference.ParseNormalizedNamed`), everybody else a user of Docker Hub: it would
    // be judged as one image and pulled from another place. A tag is made a full name before.
    if reference.digest().is_some() && image.starts_with("localhost/") {
        let text =
            format!("could not parse reference: {image}: localhost without a port is a host for the kubelet alone");
        return Err(Fault { reason: Reason::ReferenceInvalid, text });
    }
    match (reference.digest(), reference.target(), subject.resolved) {
        (Some(digest), ..) => Ok((reference, digest)),
        (None, Target::Tag(_), Some(digest)) => Ok((reference, *digest)),
        _ => {
            let text = format!("invalid value: {image} must be an image digest");
            Err(Fault { reason: Reason::NotADigest, text })
        }
    }
}

fn plan_image(policies: &PolicySet, subject: Subject<'_>, reference: &ImageReference, digest: Digest) -> ImagePlan {
    let image = subject.image.to_owned();
    let name = format!("{}@{digest}", reference.repository());
    // The same name by digest, whatever stood in the object: everything from here on is asked by it.
    let Ok(by_digest) = ImageReference::parse(&name) else {
        let text = format!("could not parse reference: {image}");
        let outlook = Outlook::Refused(Fault { reason: Reason::ReferenceInvalid, text });
        return ImagePlan { image, outlook, questions: Vec::new() };
    };
    // In a cluster patterns see the full name by digest; outside of one they see what was typed, as policy-tester has it.
    let named = Names::of(if subject.resolved.is_some() { reference } else { &by_digest });
    let mut questions = Vec::new();
    let mut tasks = Vec::new();
    for policy in policies.iter() {
        let unclear = match policy.is_for(&named, subject.object) {
            Scoped::No => continue,
            Scoped::Yes => None,
            Scoped::Unclear(fault) => Some(fault),
        };
        let asked = if unclear.is_some() { Vec::new() } else { ask(policy, &by_digest, digest, &mut questions) };
        tasks.push(PolicyTask { policy: Arc::clone(policy), unclear, asked });
    }
    let outlook = match tasks.is_empty() {
        true => Outlook::NoMatch(policies.no_match()),
        false => Outlook::Policies { name, reference: Box::new(by_digest), digest, tasks },
    };
    ImagePlan { image, outlook, questions }
}

/// Adds what a policy asks; what was asked for another one is not asked again.
fn ask(
    policy: &ResolvedPolicy,
    reference: &ImageReference,
    digest: Digest,
    questions: &mut Vec<AuthorityQuestion>,
) -> Vec<Option<usize>> {
    let settled = policy.passes_unasked();
    let question = |authority: &crate::resolve::ResolvedAuthority| match &authority.kind {
        AuthorityKind::Evidence(authority) if !settled => {
            let authority = Arc::clone(authority);
            Some(AuthorityQuestion { authority, reference: reference.clone(), image: digest })
        }
        _ => None,
    };
    let mut number = |question: AuthorityQuestion| {
        questions.iter().position(|known| known.is_same_as(&question)).unwrap_or_else(|| {
            questions.push(question);
            questions.len().saturating_sub(1)
        })
    };
    policy.authorities.iter().map(|authority| question(authority).map(&mut number)).collect()
}

impl ImagePlan {
    /// The image as the object names it.
    pub fn image(&self) -> &str {
        &self.image
    }

    /// What is to be asked; empty where nothing depends on evidence.
    pub fn questions(&self) -> &[AuthorityQuestion] {
        &self.questions
    }

    /// The questions that the verdict still depends on, by index, where `known` are the outcomes that are at hand (for
    /// each question, in order). One authority is enough: once one is proved, the others of its policy matter only to a
    /// policy over all of them.
    pub fn open_questions(&self, known: &[Option<AuthorityOutcome>]) -> Vec<usize> {
        let mut open: BTreeSet<usize> = BTreeSet::new();
        for task in self.tasks() {
            let asked = || task.asked.iter().flatten().copied();
            let proved = |index: usize| self.is_proved_for_good(index, known.get(index));
            if task.policy.policy.is_none() && asked().any(proved) {
                continue;
            }
            open.extend(asked().filter(|index| !matches!(known.get(*index), Some(Some(_)))));
        }
        open.into_iter().collect()
    }

    /// A proof for this question, and one that holds at any time.
    fn is_proved_for_good(&self, index: usize, outcome: Option<&Option<AuthorityOutcome>>) -> bool {
        match (self.questions.get(index), outcome) {
            (Some(question), Some(Some(AuthorityOutcome::Proved(proof)))) => {
                let authority = &question.authority;
                proof.is_about(authority.fingerprint(), &question.image) && !authority.uses_clock()
            }
            _ => false,
        }
    }

    /// What is to be asked for the image's configuration, if a policy wants it (`fetchConfigFile`). The answer depends on
    /// the digest alone.
    pub fn config_inquiry(&self) -> Option<Discreet<ConfigInquiry>> {
        let Outlook::Policies { reference, digest, tasks, .. } = &self.outlook else { return None };
        let wanted = tasks.iter().any(|task| task.policy.inputs().configs);
        wanted.then(|| Discreet::new(ConfigInquiry::new(reference, *digest)))
    }

    /// The image by digest, if it has one and a policy is for it.
    pub fn reference_name(&self) -> Option<&str> {
        match &self.outlook {
            Outlook::Policies { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Its digest.
    pub(crate) fn digest(&self) -> Option<&Digest> {
        match &self.outlook {
            Outlook::Policies { digest, .. } => Some(digest),
            _ => None,
        }
    }

    /// The policies that are for the image, in their order.
    pub fn policies(&self) -> impl Iterator<Item = &ResolvedPolicy> {
        self.tasks().map(|task| task.policy.as_ref())
    }

    /// For each authority of each policy that is for the image: the policy, the authority's name, and which of the
    /// questions is asked for it, if one is. For those who explain a decision.
    pub fn asked_for(&self) -> impl Iterator<Item = (&ResolvedPolicy, &str, Option<usize>)> {
        self.tasks().flat_map(|task| {
            let authorities = task.policy.authorities.iter().enumerate();
            authorities.map(|(index, authority)| {
                (task.policy.as_ref(), authority.name(), task.asked.get(index).copied().flatten())
            })
        })
    }

    fn tasks(&self) -> impl Iterator<Item = &PolicyTask> {
        let tasks: &[PolicyTask] = match &self.outlook {
            Outlook::Policies { tasks, .. } => tasks,
            _ => &[],
        };
        tasks.iter()
    }
}
