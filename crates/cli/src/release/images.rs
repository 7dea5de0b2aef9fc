//! The images that the verified SBOM names.

use std::num::NonZeroUsize;

use jiff::Timestamp;
use sigward_verify::image::{
    Demand, Forms, ImageError, ImageQuestion, ImageReference, ImageVerdict, LookupRule, ProvedEvidence, Wanted,
};
use sigward_verify::verifier::ProvedSigner;
use sigward_verify::{ChainPolicy, Requirements, TrustMaterial};

use super::fault::Fault;
use super::known_faults::{self, SecondWitness};
use super::lock::{Locked, LockedEntry};
use super::outcome::{Accepted, Outcome, Proof};
use super::rules::Rules;
use super::witness::{SbomImage, Witness};
use crate::args::request::{LogLookup, ReleaseImages};
use crate::engine::is_about_unknown_trust;
use crate::failure::Failure;
use crate::image_network;
use crate::trust_source::TrustSession;

/// The registry that Kubernetes' images are in.
const REGISTRY: &str = "registry.k8s.io";

/// Verifies every image that the SBOM names.
pub fn verify(
    witness: Option<&Witness>,
    asked: &ReleaseImages,
    rules: &Rules<'_>,
    requirements: &Requirements,
    jobs: NonZeroUsize,
    session: &mut TrustSession<'_>,
    now: Timestamp,
) -> Vec<Outcome> {
    let images = match witness.map(Witness::images) {
        Some(images) if !images.is_empty() => images,
        Some(_) => return vec![nothing(rules, "the signed SBOM names no image")],
        None => return vec![nothing(rules, "there is no signed SBOM that names them")],
    };
    let questions: Vec<Result<ImageQuestion, Failure>> =
        images.iter().map(|image| question(image, asked, rules, requirements)).collect();
    let material = match session.at_hand() {
        Ok(trust) => trust.material.clone(),
        Err(failure) => {
            let text = failure.to_string();
            let fault = || Failure::Read { what: "trust material".into(), reason: text.clone() }.into();
            return images.iter().map(|image| conclude(image, Err(fault()), rules)).collect();
        }
    };
    let ask = |material: &TrustMaterial, which: &dyn Fn(usize) -> bool| {
        let asked_for: Vec<_> = questions
            .iter()
            .enumerate()
            .map(|(at, question)| question.as_ref().ok().filter(|_| which(at)).map(|question| (question, None)))
            .collect();
        image_network::verify(&asked_for, material, &asked.registry, jobs, rules.network, now)
    };
    let mut verdicts = ask(&material, &|_| true);
    let again: Vec<bool> =
        verdicts.iter().map(|verdict| matches!(verdict, Some(Err(f)) if may_be_new_trust(f))).collect();
    if again.contains(&true)
        && let Some(trust) = session.refreshed_for_unknown()
    {
        let second = ask(&trust.material.clone(), &|at| again.get(at) == Some(&true));
        for (verdict, second) in verdicts.iter_mut().zip(second) {
            if second.is_some() {
                *verdict = second;
            }
        }
    }
    let mut outcomes = Vec::new();
    for ((image, question), verdict) in images.iter().zip(questions).zip(verdicts) {
        let result = match (question, verdict) {
            (Err(failure), _) | (_, Some(Err(failure))) => Err(failure.into()),
            (Ok(_), Some(Ok(verdict))) => judge(image, &verdict, rules),
            (Ok(_), None) => Err(Failure::Read { what: "image".into(), reason: "not asked".into() }.into()),
        };
        outcomes.push(conclude(image, result, rules));
    }
    outcomes
}

fn question(
    image: &SbomImage,
    asked: &ReleaseImages,
    rules: &Rules<'_>,
    requirements: &Requirements,
) -> Result<ImageQuestion, Failure> {
    let path = image.reference.strip_prefix(REGISTRY).filter(|path| path.starts_with('/'));
    let place = match (&asked.mirror, path) {
        (Some(mirror), Some(path)) => format!("{}{path}", mirror.trim_end_matches('/')),
        _ => image.reference.clone(),
    };
    // A digest is compared, not asked for: what users pull is the tag.
    let reference = ImageReference::parse(&place)?;
    Ok(ImageQuestion {
        reference,
        evidence_at: rules.network.evidence_repository()?,
        tag_prefix: asked.registry.tag_prefix.clone(),
        // A record of a promotion is no signature of an image.
        wanted: Wanted::Signature { annotations: Vec::new(), demands: vec![Demand::ImageSignature] },
        forms: Forms::All,
        chains: ChainPolicy::Reject,
        certificate: None,
        requirements: requirements.clone(),
        lookup: match rules.lookup {
            LogLookup::Allowed { rekor_url, .. } => LookupRule::Ask(rekor_url.clone()),
            LogLookup::Forbidden { .. } => LookupRule::Forbidden,
            LogLookup::NoLog => LookupRule::NoLog,
        },
        attachment_limit: rules.network.environment.max_attachment_size,
    })
}

fn judge(image: &SbomImage, verdict: &ImageVerdict, rules: &Rules<'_>) -> Result<Proof, Fault> {
    let found = verdict.digest.to_string();
    if let Some(expected) = image.digest.as_ref().filter(|expected| **expected != found) {
        return Err(Fault::ImageDigest { expected: expected.clone(), found });
    }
    let none = || Fault::Other(ImageError::NoSignatures.into());
    let proved = verdict.proved.first().ok_or_else(none)?;
    if let Some(waiver) = proved.waivers().first() {
        return Err(Fault::Waived { setting: waiver.setting() });
    }
    let proof = proof(image, found, proved);
    rules.check_lock(&proof.locked)?;
    Ok(proof)
}

fn proof(image: &SbomImage, digest: String, proved: &ProvedEvidence) -> Proof {
    let verified = proved.verified();
    let (identity, issuer) = match verified.signer() {
        ProvedSigner::Identity(identity) => (identity.subject.clone(), identity.issuer.clone()),
        ProvedSigner::Key { fingerprint } => (fingerprint.clone(), String::new()),
    };
    let entry = verified.entries().first();
    let log_entry = entry.and_then(|entry| {
        let log_index = u64::try_from(entry.log_index).ok()?;
        Some(LockedEntry { log_id: sigward_verify::hex(&entry.log_id), log_index })
    });
    let locked = Locked { path: image.reference.clone(), digest, identity, issuer, log_entry };
    Proof { locked, time: entry.and_then(|entry| entry.integrated_time), explanation: None }
}

fn conclude(image: &SbomImage, result: Result<Proof, Fault>, rules: &Rules<'_>) -> Outcome {
    let known = result.as_ref().err().and_then(|f| known_faults::lookup(&rules.version, &image.reference, f));
    let accepted = rules.accepts(known.as_ref(), SecondWitness::Silent);
    let outcome = Outcome { name: image.reference.clone(), asked: true, result, known, accepted };
    rules.tell(&outcome);
    outcome
}

fn nothing(rules: &Rules<'_>, why: &'static str) -> Outcome {
    let result = Err(Fault::NoImages { why });
    let outcome = Outcome { name: "images".into(), asked: true, result, known: None, accepted: Accepted::No };
    rules.tell(&outcome);
    outcome
}

/// Whether something failed because the trust root at hand does not know it.
fn may_be_new_trust(failure: &Failure) -> bool {
    use sigward_verify::image::EvidenceFault;
    let Failure::Image(error) = failure else { return false };
    let mut faults = error.rejected().iter().map(|rejected| &rejected.fault);
    faults.any(|fault| matches!(fault, EvidenceFault::Verification(failure) if is_about_unknown_trust(&failure.error)))
}
