//! The images that the verified SBOM names.

use std::num::NonZeroUsize;

use jiff::Timestamp;
use sigward_verify::image::{
    Demand, Forms, ImageError, ImageQuestion, ImageReference, ImageVerdict, LookupRule, ProvedEvidence, Wanted,
};
use sigward_verify::verifier::ProvedSigner;
use sigward_verify::{ChainPolicy, Matcher, Requirements, Signer, TrustMaterial};

use super::fault::Fault;
use super::known_faults::{self, SecondWitness};
use super::lock::{Locked, LockedEntry};
use super::outcome::{Accepted, Outcome, Proof};
use super::rules::Rules;
use super::sbom_images::SbomImage;
use super::witness::Witness;
use crate::args::request::{KnownFaults, LogLookup, ReleaseImages};
use crate::engine::is_about_unknown_trust;
use crate::failure::Failure;
use crate::image_network;
use crate::trust_source::TrustSession;

/// The registry that Kubernetes' images are in.
const REGISTRY: &str = "registry.k8s.io";

/// How images are asked about.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'q> {
    /// The request.
    pub asked: &'q ReleaseImages,
    /// What one run demands.
    pub rules: &'q Rules<'q>,
    /// What must hold for each signature.
    pub requirements: &'q Requirements,
    /// Images at a time.
    pub jobs: NonZeroUsize,
    /// The present time.
    pub now: Timestamp,
}

/// Verifies every image that the SBOM names.
pub fn verify(witness: Option<&Witness>, asking: Asking<'_>, session: &mut TrustSession<'_>) -> Vec<Outcome> {
    let images: Vec<&SbomImage> = match witness.map(Witness::images) {
        Some(images) if !images.is_empty() => images.iter().collect(),
        Some(_) => return vec![nothing(asking.rules, "the signed SBOM names no image")],
        None => return vec![nothing(asking.rules, "there is no signed SBOM that names them")],
    };
    let material = match session.at_hand() {
        Ok(trust) => trust.material.clone(),
        Err(failure) => {
            let text = failure.to_string();
            let fault = || Failure::Read { what: "trust material".into(), reason: text.clone() }.into();
            return images.iter().map(|image| tell(outcome(image, Err(fault())), asking.rules)).collect();
        }
    };
    let mut results = asking.ask(&images, &material);
    let is_again = |result: &Result<Proof, Fault>| matches!(result, Err(Fault::Other(f)) if may_be_new_trust(f));
    let (places, again): (Vec<usize>, Vec<&SbomImage>) = images
        .iter()
        .zip(&results)
        .enumerate()
        .filter(|(_, (_, result))| is_again(result))
        .map(|(place, (image, _))| (place, *image))
        .unzip();
    if !again.is_empty()
        && let Some(trust) = session.refreshed_for_unknown()
    {
        for (place, second) in places.into_iter().zip(asking.ask(&again, &trust.material)) {
            if let Some(result) = results.get_mut(place) {
                *result = second;
            }
        }
    }
    let outcomes = images.iter().zip(results).map(|(image, result)| asking.conclude(image, result, &material));
    outcomes.collect()
}

impl Asking<'_> {
    /// Asks about images, side by side.
    fn ask(&self, images: &[&SbomImage], material: &TrustMaterial) -> Vec<Result<Proof, Fault>> {
        let questions: Vec<Result<ImageQuestion, Failure>> =
            images.iter().map(|image| question(image, self.asked, self.rules, self.requirements)).collect();
        let asked: Vec<_> = questions.iter().map(|q| q.as_ref().ok().map(|question| (question, None))).collect();
        let network = self.rules.network;
        let verdicts = image_network::verify(&asked, material, &self.asked.registry, self.jobs, network, self.now);
        let results =
            images.iter().zip(questions).zip(verdicts).map(|((image, question), verdict)| match (question, verdict) {
                (Err(failure), _) | (_, Some(Err(failure))) => Err(failure.into()),
                (Ok(_), Some(Ok(verdict))) => judge(image, &verdict, self.rules),
                (Ok(_), None) => Err(Failure::Read { what: "image".into(), reason: "not asked".into() }.into()),
            });
        results.collect()
    }

    /// Explains a failure that upstream knows of, and accepts it if that is asked for.
    fn conclude(&self, image: &SbomImage, result: Result<Proof, Fault>, material: &TrustMaterial) -> Outcome {
        let rules = self.rules;
        let mut outcome = outcome(image, result);
        if let Err(fault) = &outcome.result {
            outcome.known = known_faults::lookup(&rules.version, &image.reference, fault);
        }
        // A signature by another signer must be one: what a certificate says counts only when it is verified.
        let second = match outcome.known.as_ref().and_then(|known| known.identity.as_deref()) {
            Some(identity) if rules.known_faults == KnownFaults::AcceptedUnsafe => {
                let mut requirements = self.requirements.clone();
                if let Signer::Keyless(identities) = &mut requirements.signer {
                    identities.iter_mut().for_each(|wanted| wanted.subject = Matcher::exact(identity));
                }
                let other = Asking { requirements: &requirements, ..*self };
                match other.ask(&[image], material).pop() {
                    Some(Ok(_)) => SecondWitness::Names,
                    Some(Err(_)) | None => SecondWitness::Silent,
                }
            }
            _ => SecondWitness::Silent,
        };
        outcome.accepted = rules.accepts(outcome.known.as_ref(), second);
        tell(outcome, rules)
    }
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

fn outcome(image: &SbomImage, result: Result<Proof, Fault>) -> Outcome {
    Outcome { name: image.reference.clone(), asked: true, result, known: None, accepted: Accepted::No }
}

fn tell(outcome: Outcome, rules: &Rules<'_>) -> Outcome {
    rules.tell(&outcome);
    outcome
}

fn nothing(rules: &Rules<'_>, why: &'static str) -> Outcome {
    let result = Err(Fault::NoImages { why });
    tell(Outcome { name: "images".into(), asked: true, result, known: None, accepted: Accepted::No }, rules)
}

/// Whether something failed because the trust root at hand does not know it.
fn may_be_new_trust(failure: &Failure) -> bool {
    use sigward_verify::image::EvidenceFault;
    let Failure::Image(error) = failure else { return false };
    let mut faults = error.rejected().iter().map(|rejected| &rejected.fault);
    faults.any(|fault| matches!(fault, EvidenceFault::Verification(failure) if is_about_unknown_trust(&failure.error)))
}
