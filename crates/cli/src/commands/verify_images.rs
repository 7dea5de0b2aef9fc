//! `verify` and `verify-attestation`.

use jiff::Timestamp;
use sigward_verify::image::{
    Demand, EvidenceFault, Forms, GivenCertificate, ImageError, ImageQuestion, ImageReference, ImageVerdict,
    LookupRule, ProvedEvidence, Repository, Wanted,
};
use sigward_verify::verifier::{EvidenceIntermediates, ProvedSigner};
use sigward_verify::{Claims, Requirements, TrustMaterial, limits};

use crate::args::request::{
    BundleChain, ClaimUse, Explain, FormatChoice, ImageQuestionKind, ImageSource, LogLookup, OutputFormat,
    SignatureDemand, VerifyImagesRequest,
};
use crate::attestation_policy::Policies;
use crate::commands::Streams;
use crate::commands::verify_blob::managed_key;
use crate::engine::{is_about_unknown_trust, needs_no_trust, requests_of};
use crate::evidence;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::image_network;
use crate::image_render;
use crate::input::small_file;
use crate::layout::Layout;
use crate::network::Network;
use crate::render;
use crate::requirements;
use crate::trust_source::TrustSession;

/// An image as it was named, and what is asked about it.
#[derive(Debug)]
struct Task {
    name: String,
    asked: Result<Asked, Failure>,
}

#[derive(Debug)]
struct Asked {
    question: ImageQuestion,
    layout: Option<Layout>,
}

type Outcome = Result<ImageVerdict, Failure>;

/// Verifies images.
pub fn run(request: &VerifyImagesRequest, network: &Network, streams: &mut Streams<'_>) -> Exit {
    let prepared = policies(request).and_then(|policies| Ok((policies, prepare(request, network)?)));
    match prepared {
        Ok((policies, tasks)) => {
            let judged = Judged { request, policies, now: Timestamp::now() };
            verify(tasks, &judged, network, streams)
        }
        Err(failure) => streams.fail(&failure),
    }
}

/// What verdicts are told by.
#[derive(Debug)]
struct Judged<'r> {
    request: &'r VerifyImagesRequest,
    policies: Policies,
    now: Timestamp,
}

/// A policy that cannot be used is found before anybody is asked.
fn policies(request: &VerifyImagesRequest) -> Result<Policies, Failure> {
    match &request.what {
        ImageQuestionKind::Signature { .. } => Ok(Policies::default()),
        ImageQuestionKind::Attestation { policies, .. } => Policies::load(policies),
    }
}

/// Verifies images and leaves it to the caller what to say of them; one outcome for each image, in order.
///
/// # Errors
/// What concerns all images: a key or certificate that cannot be read.
pub(crate) fn judge(
    request: &VerifyImagesRequest,
    network: &Network,
    streams: &mut Streams<'_>,
) -> Result<Vec<Result<ImageVerdict, Failure>>, Failure> {
    let mut tasks = prepare(request, network)?;
    let outcomes = gather_all(&mut tasks, request, Timestamp::now(), network, streams);
    let outcomes = tasks.into_iter().zip(outcomes).map(|(Task { name, asked }, outcome)| {
        let outcome = asked.and(outcome);
        match &outcome {
            Ok(verdict) => {
                verdict.proved.iter().for_each(|proved| warn(proved, streams));
                explain(&name, verdict, request, streams);
            }
            Err(failure) => explain_failure(&name, failure, request, streams),
        }
        outcome
    });
    Ok(outcomes.collect())
}

fn prepare(request: &VerifyImagesRequest, network: &Network) -> Result<Vec<Task>, Failure> {
    let verification = &request.verification;
    let key = managed_key(&verification.signer, network)?;
    let certificate = given_certificate(request, network)?;
    let mut requirements = requirements::build(verification, key.as_ref())?;
    if request.claims == ClaimUse::SkippedUnsafe {
        requirements.claims = Claims::SkippedUnsafe;
    }
    let evidence_at = network.evidence_repository()?;
    let tasks = request.images.iter().map(|image| Task {
        name: image.clone(),
        asked: ask(image, request, &requirements, certificate.as_ref(), evidence_at.as_ref(), network),
    });
    Ok(tasks.collect())
}

fn given_certificate(request: &VerifyImagesRequest, network: &Network) -> Result<Option<GivenCertificate>, Failure> {
    let Some(location) = &request.certificate else { return Ok(None) };
    let leaf = evidence::certificate(location, network)?;
    let sct = request.sct.as_ref().map(|path| small_file(path, limits::PEM_BYTES)).transpose()?;
    Ok(Some(GivenCertificate { leaf, sct }))
}

fn ask(
    image: &str,
    request: &VerifyImagesRequest,
    requirements: &Requirements,
    certificate: Option<&GivenCertificate>,
    evidence_at: Option<&Repository>,
    network: &Network,
) -> Result<Asked, Failure> {
    let (reference, layout) = match request.source {
        ImageSource::Registry => (ImageReference::parse(image)?, None),
        ImageSource::LocalLayout => {
            let layout = Layout::open(image.as_ref())?;
            (layout.reference()?, Some(layout))
        }
    };
    let question = ImageQuestion {
        reference,
        evidence_at: evidence_at.filter(|_| layout.is_none()).cloned(),
        tag_prefix: request.registry.tag_prefix.clone(),
        wanted: wanted(&request.what),
        forms: match (request.verification.format, certificate) {
            (FormatChoice::Detect, None) => Forms::All,
            // A certificate that is given apart belongs to signatures of the tag scheme; bundles have their own.
            (FormatChoice::LegacyOnly, _) | (_, Some(_)) => Forms::TagsOnly,
        },
        chains: match request.verification.bundle_chain {
            BundleChain::Allowed => sigward_verify::ChainPolicy::Allow,
            BundleChain::Refused => sigward_verify::ChainPolicy::Reject,
        },
        certificate: certificate.cloned(),
        requirements: requirements.clone(),
        lookup: match &request.verification.lookup {
            LogLookup::Allowed { rekor_url, .. } => LookupRule::Ask(rekor_url.clone()),
            LogLookup::Forbidden { .. } => LookupRule::Forbidden,
            LogLookup::NoLog => LookupRule::NoLog,
        },
        attachment_limit: network.environment.max_attachment_size,
    };
    Ok(Asked { question, layout })
}

fn wanted(what: &ImageQuestionKind) -> Wanted {
    match what {
        ImageQuestionKind::Signature { annotations, demand } => Wanted::Signature {
            annotations: annotations.clone(),
            demands: match demand {
                SignatureDemand::AsCosign => Vec::new(),
                SignatureDemand::ImageSignature => vec![Demand::ImageSignature],
                SignatureDemand::Attestation(predicate) => vec![Demand::Attestation(predicate.uri.clone())],
            },
        },
        ImageQuestionKind::Attestation { predicate, .. } => {
            Wanted::Attestation { predicate_type: predicate.uri.clone() }
        }
    }
}

fn verify(mut tasks: Vec<Task>, judged: &Judged<'_>, network: &Network, streams: &mut Streams<'_>) -> Exit {
    let outcomes = gather_all(&mut tasks, judged.request, judged.now, network, streams);
    report(tasks, outcomes, judged, streams)
}

fn gather_all(
    tasks: &mut [Task],
    request: &VerifyImagesRequest,
    now: Timestamp,
    network: &Network,
    streams: &mut Streams<'_>,
) -> Vec<Outcome> {
    let verification = &request.verification;
    let mut session = TrustSession::new(&verification.trust, network, requests_of(&verification.lookup), now);
    let outcomes = gather(tasks, request, network, &mut session, now);
    for warning in session.take_warnings() {
        streams.say(format_args!("WARNING: {warning}"));
    }
    outcomes
}

/// Asks for all images, side by side; and once more for those whose evidence names a log or authority that only a newer
/// trust root may know.
fn gather(
    tasks: &mut [Task],
    request: &VerifyImagesRequest,
    network: &Network,
    session: &mut TrustSession<'_>,
    now: Timestamp,
) -> Vec<Outcome> {
    let material = match trust(tasks, session) {
        Ok(material) => material,
        Err(failure) => return share(tasks, failure),
    };
    let mut outcomes = drive(tasks, &vec![true; tasks.len()], &material, request, network, now);
    let again: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().is_err_and(may_be_new_trust)).collect();
    if again.contains(&true)
        && let Some(trust) = session.refreshed_for_unknown()
    {
        let second = drive(tasks, &again, &trust.material, request, network, now);
        for ((outcome, second), again) in outcomes.iter_mut().zip(second).zip(again) {
            if again {
                *outcome = second;
            }
        }
    }
    outcomes
}

fn trust(tasks: &mut [Task], session: &mut TrustSession<'_>) -> Result<TrustMaterial, Failure> {
    let mut questions = tasks.iter_mut().filter_map(|task| task.asked.as_mut().ok()).map(|asked| &mut asked.question);
    if questions.all(|question| needs_no_trust(&question.requirements)) {
        return Ok(TrustMaterial::default());
    }
    let trust = session.at_hand()?.clone();
    if trust.from_pem_files {
        // Only roots in files leave intermediates to the evidence (specs/cosign.md §2.4).
        for asked in tasks.iter_mut().filter_map(|task| task.asked.as_mut().ok()) {
            asked.question.requirements.evidence_intermediates = EvidenceIntermediates::Tried;
            asked.question.forms = Forms::TagsOnly;
        }
    }
    Ok(trust.material)
}

/// One failure is that of every image.
fn share(tasks: &[Task], failure: Failure) -> Vec<Outcome> {
    let text = failure.to_string();
    let mut first = Some(failure);
    let again = || Failure::Read { what: "trust material".into(), reason: text.clone() };
    tasks.iter().map(|_| Err(first.take().unwrap_or_else(again))).collect()
}

fn drive(
    tasks: &mut [Task],
    which: &[bool],
    material: &TrustMaterial,
    request: &VerifyImagesRequest,
    network: &Network,
    now: Timestamp,
) -> Vec<Outcome> {
    let asked: Vec<_> = tasks
        .iter()
        .zip(which)
        .map(|(task, wanted)| match &task.asked {
            Ok(asked) if *wanted => Some((&asked.question, asked.layout.as_ref())),
            _ => None,
        })
        .collect();
    let outcomes = image_network::verify(&asked, material, &request.registry, request.workers, network, now);
    let skipped = || Failure::Read { what: "image".into(), reason: "not asked".into() };
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| Err(skipped()))).collect()
}

/// Whether something failed because the trust root at hand does not know it.
fn may_be_new_trust(failure: &Failure) -> bool {
    let Failure::Image(error) = failure else { return false };
    let mut faults = error.rejected().iter().map(|rejected| &rejected.fault);
    faults.any(|fault| matches!(fault, EvidenceFault::Verification(failure) if is_about_unknown_trust(&failure.error)))
}

fn report(tasks: Vec<Task>, outcomes: Vec<Outcome>, judged: &Judged<'_>, streams: &mut Streams<'_>) -> Exit {
    let request = judged.request;
    let mut first: Option<Exit> = None;
    let (all, mut failed) = (tasks.len(), 0);
    let mut last = None;
    for (Task { name, asked }, outcome) in tasks.into_iter().zip(outcomes) {
        let outcome = match asked {
            Ok(asked) => outcome.and_then(|verdict| print(&name, &asked, &verdict, judged, streams)),
            Err(failure) => Err(failure),
        };
        let Err(failure) = outcome else { continue };
        explain_failure(&name, &failure, request, streams);
        first.get_or_insert_with(|| failure.exit(request));
        failed += 1;
        if all > 1 {
            streams.say(format_args!("{name}: {failure}"));
            if let Some(hint) = failure.hint() {
                streams.say(format_args!("hint: {hint}"));
            }
        }
        last = Some(failure);
    }
    match (first, last) {
        (Some(exit), Some(_)) if all > 1 => {
            streams.fail(&Failure::SeveralImages { failed, all });
            exit
        }
        (Some(exit), Some(failure)) => {
            streams.fail(&failure);
            exit
        }
        _ => Exit::Success,
    }
}

fn print(
    name: &str,
    asked: &Asked,
    verdict: &ImageVerdict,
    judged: &Judged<'_>,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let request = judged.request;
    for proved in &verdict.proved {
        warn(proved, streams);
    }
    explain(name, verdict, request, streams);
    let reference = &asked.question.reference;
    match &request.what {
        ImageQuestionKind::Signature { annotations, .. } => {
            streams.say_block(&image_render::heading(&reference.name(), verdict, annotations.len()));
            streams.say_block(&image_render::kinds(verdict));
            streams.say_block(image_render::unsigned_note(verdict));
            if request.verification.output == OutputFormat::Json {
                return streams.result(format_args!("\n{}", image_render::claims(reference, verdict)));
            }
            for proved in &verdict.proved {
                streams.say_block(&image_render::certificate_lines(proved));
                streams.result(image_render::payload(reference, &verdict.digest, proved))?;
            }
            Ok(())
        }
        ImageQuestionKind::Attestation { .. } => {
            let kept = judged.policies.check(verdict, judged.now, streams)?;
            streams.say_block(&image_render::heading(name, verdict, 0));
            streams.say_block(&image_render::kinds(verdict));
            for proved in kept {
                streams.say_block(&image_render::certificate_lines(proved));
                streams.result(image_render::attestation(proved))?;
            }
            Ok(())
        }
    }
}

fn warn(proved: &ProvedEvidence, streams: &mut Streams<'_>) {
    if let ProvedSigner::Identity(identity) = proved.verified().signer()
        && let Some(pattern) = &identity.loose_pattern
    {
        streams.say(render::loose_pattern(pattern));
    }
}

fn explain(name: &str, verdict: &ImageVerdict, request: &VerifyImagesRequest, streams: &mut Streams<'_>) {
    if request.verification.explain != Explain::EveryCheck {
        return;
    }
    for proved in &verdict.proved {
        let title = format!("{name}: {} of {}", proved.kind(), proved.origin());
        streams.say_block(&render::explain(&title, proved.entity().profile().name(), proved.verified().report()));
    }
    explain_rejected(name, &verdict.rejected, streams);
}

fn explain_failure(name: &str, failure: &Failure, request: &VerifyImagesRequest, streams: &mut Streams<'_>) {
    if let (Explain::EveryCheck, Failure::Image(error)) = (request.verification.explain, failure) {
        explain_rejected(name, error.rejected(), streams);
    }
}

fn explain_rejected(name: &str, rejected: &[sigward_verify::image::Rejected], streams: &mut Streams<'_>) {
    for rejected in rejected {
        let title = format!("{name}: {} does not count", rejected.origin);
        match &rejected.fault {
            EvidenceFault::Verification(failure) => {
                streams.say_block(&render::explain(&title, &failure.error.to_string(), &failure.report));
            }
            fault => streams.say(format_args!("{title}: {fault} ({})", fault.code())),
        }
    }
}

impl Failure {
    /// The exit code of a failed image, as cosign's (specs/cosign.md §3.6): attestations and saved images have one code.
    pub(crate) fn exit(&self, request: &VerifyImagesRequest) -> Exit {
        let (Self::Image(error), ImageQuestionKind::Signature { .. }, ImageSource::Registry) =
            (self, &request.what, &request.source)
        else {
            return Exit::Failure;
        };
        match error.as_ref() {
            ImageError::NotFound { .. } => Exit::ImageTagNotFound,
            ImageError::NoSignatures => Exit::NoSignaturesFound,
            ImageError::NoMatchingSignatures { .. } | ImageError::Demand { .. } => Exit::NoMatchingSignatures,
            _ => Exit::Failure,
        }
    }
}
