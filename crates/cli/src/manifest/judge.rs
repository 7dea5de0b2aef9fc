//! Whether the images of manifests are signed, each asked once.

use std::collections::BTreeMap;

use sigward_verify::image::{Claim, ImageReference, ImageVerdict, ProvedEvidence};
use sigward_verify::{Digest, Waiver};

use crate::args::request::{ClaimUse, ReferenceDemand, SctUse, Signer, TlogUse, VerifyImagesRequest};
use crate::commands::{Streams, verify_images};
use crate::failure::Failure;
use crate::network::Network;

use super::error::ManifestError;
use super::survey::Survey;

/// What is known of the images of a run, by their full names.
#[derive(Debug)]
pub struct Judgement(BTreeMap<String, Judged>);

/// What is known of one image.
#[derive(Debug)]
pub struct Judged {
    /// The image, as it was first found.
    pub reference: ImageReference,
    /// What was proved, or why nothing was.
    pub outcome: Result<ImageVerdict, Failure>,
    /// What its signatures name instead of its repository.
    pub other_repositories: Vec<String>,
}

impl Judgement {
    /// What is known of an image of the survey.
    #[must_use]
    pub fn of(&self, reference: &ImageReference) -> Option<&Judged> {
        self.0.get(&reference.name())
    }

    /// The digest that was verified.
    #[must_use]
    pub fn digest(&self, reference: &ImageReference) -> Option<Digest> {
        Some(self.of(reference)?.outcome.as_ref().ok()?.digest)
    }

    /// Why images failed.
    #[must_use]
    pub fn into_failures(self) -> Vec<Failure> {
        let failed = self.0.into_iter().filter_map(|(image, judged)| Some((image, judged.outcome.err()?)));
        failed.map(|(image, failure)| Failure::OfImage { image, failure: Box::new(failure) }).collect()
    }

    /// All, by name.
    pub fn all(&self) -> impl Iterator<Item = &Judged> {
        self.0.values()
    }
}

/// Verifies every image of the survey.
///
/// # Errors
/// What concerns all images: a key or trust root that cannot be read.
pub fn judge(
    survey: &Survey,
    request: &VerifyImagesRequest,
    demand: ReferenceDemand,
    network: &Network,
    streams: &mut Streams<'_>,
) -> Result<Judgement, Failure> {
    let mut references: BTreeMap<String, ImageReference> = BTreeMap::new();
    for (_, found) in survey.images() {
        references.entry(found.reference.name()).or_insert_with(|| found.reference.clone());
    }
    if references.is_empty() {
        return Ok(Judgement(BTreeMap::new()));
    }
    let images = references.keys().cloned().collect();
    let request = VerifyImagesRequest { images, ..request.clone() };
    let outcomes = verify_images::judge(&request, network, streams)?;
    let judged = references.into_iter().zip(outcomes).map(|((name, reference), outcome)| {
        let (outcome, other_repositories) = match outcome.and_then(|verdict| refuse_unstated(verdict, &request)) {
            Ok(verdict) => {
                let others = other_repositories(&reference, &verdict);
                (required(&reference, verdict, &others, demand), others)
            }
            Err(failure) => (Err(failure), Vec::new()),
        };
        (name, Judged { reference, outcome, other_repositories })
    });
    Ok(Judgement(judged.collect()))
}

/// Evidence whose checks were waived by more than the command line says does not count.
fn refuse_unstated(mut verdict: ImageVerdict, request: &VerifyImagesRequest) -> Result<ImageVerdict, Failure> {
    let unstated =
        |proved: &ProvedEvidence| proved.waivers().iter().copied().find(|waiver| !is_stated(*waiver, request));
    let first = verdict.proved.iter().find_map(unstated);
    verdict.proved.retain(|proved| unstated(proved).is_none());
    match (verdict.proved.is_empty(), first) {
        (true, waiver) => {
            let setting = waiver.map_or("no evidence", Waiver::setting);
            Err(ManifestError::Waiver { setting }.into())
        }
        (false, _) => Ok(verdict),
    }
}

fn is_stated(waiver: Waiver, request: &VerifyImagesRequest) -> bool {
    let verification = &request.verification;
    match waiver {
        Waiver::ManagedKey => matches!(verification.signer, Signer::ManagedKey(_)),
        Waiver::LogIgnored | Waiver::PresentTime => verification.tlog == TlogUse::SkippedUnsafe,
        Waiver::SctIgnored => verification.sct == SctUse::SkippedUnsafe,
        Waiver::ClaimsIgnored => request.claims == ClaimUse::SkippedUnsafe,
    }
}

/// Empty if a signature names the image's repository, or none names any.
fn other_repositories(reference: &ImageReference, verdict: &ImageVerdict) -> Vec<String> {
    let named: Vec<&str> = verdict.proved.iter().filter_map(named_repository).collect();
    let is_own = |name: &&str| ImageReference::parse(name).is_ok_and(|r| r.repository() == reference.repository());
    if named.iter().any(is_own) {
        return Vec::new();
    }
    let mut others: Vec<_> = named.into_iter().map(str::to_owned).collect();
    others.sort();
    others.dedup();
    others
}

fn named_repository(proved: &ProvedEvidence) -> Option<&str> {
    match proved.claim() {
        Claim::Simple(Some(claim)) => Some(claim.docker_reference.as_str()).filter(|name| !name.is_empty()),
        Claim::Simple(None) | Claim::Statement => None,
    }
}

fn required(
    reference: &ImageReference,
    verdict: ImageVerdict,
    others: &[String],
    demand: ReferenceDemand,
) -> Result<ImageVerdict, Failure> {
    let named = others.is_empty() && verdict.proved.iter().any(|proved| named_repository(proved).is_some());
    if demand == ReferenceDemand::Warned || named {
        return Ok(verdict);
    }
    let found = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
    let expected = reference.repository().to_string();
    Err(ManifestError::Reference { expected, found }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::request::ManifestTask;
    use crate::args::{self, Command};

    #[test]
    fn a_waiver_that_the_command_line_does_not_state_does_not_count() {
        let request = |flags: &str| {
            let line = format!("sigward manifest verify {flags} x.yaml");
            let argv: Vec<_> = line.split_whitespace().map(Into::into).collect();
            match args::parse(&argv, &|_| None).unwrap().command {
                Command::Manifest(request) => match request.task {
                    ManifestTask::Verify(demands) => demands.verify,
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            }
        };
        let keyless = "--certificate-identity a@b.c --certificate-oidc-issuer https://d.e";
        let all =
            [Waiver::ManagedKey, Waiver::LogIgnored, Waiver::PresentTime, Waiver::SctIgnored, Waiver::ClaimsIgnored];
        let stated = |flags: &str| all.map(|waiver| is_stated(waiver, &request(flags)));
        assert_eq!(stated(keyless), [false; 5]);
        assert_eq!(stated("--key k"), [true, false, false, false, false]);
        assert_eq!(stated(&format!("{keyless} --insecure-ignore-tlog")), [false, true, true, false, false]);
        assert_eq!(stated(&format!("{keyless} --insecure-ignore-sct")), [false, false, false, true, false]);
        assert_eq!(stated(&format!("{keyless} --check-claims=false")), [false, false, false, false, true]);
    }
}
