//! Performs what inquiries about images need: from registries and logs, or from a folder.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Instant;

use jiff::Timestamp;
use sigward_fetch::{Budget, Client, DriveError, Error, drive, drive_all, run_blocking};
use sigward_verify::TrustMaterial;
use sigward_verify::evidence::{Answer, Inquiry, Need, Service, Step};
use sigward_verify::image::{
    ImageError, ImageInquiry, ImageQuestion, ImageReference, ImageVerdict, Listing, ListingInquiry, ListingQuestion,
    Repository,
};

use crate::args::request::RegistryRequest;
use crate::failure::Failure;
use crate::layout::Layout;
use crate::network::Network;
use crate::watch::Watch;

/// Steps of an inquiry about an image in a folder: each asks for something, and a folder has only so much.
const STEPS: usize = 100_000;

/// One image: what is asked, and the folder that it is in, if it is in one.
pub type Asked<'a> = (&'a ImageQuestion, Option<&'a Layout>);

/// Verifies images side by side; `None` stays `None`.
pub fn verify(
    asked: &[Option<Asked<'_>>],
    material: &TrustMaterial,
    registry: &RegistryRequest,
    workers: NonZeroUsize,
    network: &Network,
    now: Timestamp,
) -> Vec<Option<Result<ImageVerdict, Failure>>> {
    let mut remote: Vec<ImageInquiry<'_>> = Vec::new();
    let mut outcomes: Vec<Option<Result<ImageVerdict, Failure>>> = Vec::new();
    for one in asked {
        outcomes.push(match one {
            Some((question, Some(layout))) => {
                Some(in_folder(&mut ImageInquiry::new(question, material, now), layout, registry, network))
            }
            Some((question, None)) => {
                remote.push(ImageInquiry::new(question, material, now));
                None
            }
            None => None,
        });
    }
    if remote.is_empty() {
        return outcomes;
    }
    let questions = asked.iter().flatten().filter(|(_, layout)| layout.is_none());
    let hosts = hosts(questions.map(|(question, _)| (&question.reference, question.evidence_at.as_ref())));
    let mut results = in_registries(remote, hosts, registry, workers, network).into_iter();
    for (outcome, one) in outcomes.iter_mut().zip(asked) {
        if matches!(one, Some((_, None))) {
            *outcome = results.next();
        }
    }
    outcomes
}

/// Lists what is attached to an image.
///
/// # Errors
/// [`Failure::Image`], [`Failure::Network`].
pub fn list(question: ListingQuestion, registry: &RegistryRequest, network: &Network) -> Result<Listing, Failure> {
    let hosts = hosts([(&question.reference, question.evidence_at.as_ref())]);
    let mut inquiry = ListingInquiry::new(question);
    let client = network.registry_client(registry, hosts)?;
    let deadline = network.deadline();
    run_blocking(async { drive(&mut inquiry, &client, deadline, budget(NonZeroUsize::MIN)).await })
        .map_err(|error| stopped(&error))?
        .map_err(failure)
}

/// The registries that the command line names.
fn hosts<'a>(images: impl IntoIterator<Item = (&'a ImageReference, Option<&'a Repository>)>) -> Vec<String> {
    let places = images.into_iter().flat_map(|(reference, at)| [Some(reference.repository()), at]);
    let hosts: BTreeSet<_> = places.flatten().map(|place| place.registry().host().to_owned()).collect();
    hosts.into_iter().collect()
}

fn in_registries(
    inquiries: Vec<ImageInquiry<'_>>,
    hosts: Vec<String>,
    registry: &RegistryRequest,
    workers: NonZeroUsize,
    network: &Network,
) -> Vec<Result<ImageVerdict, Failure>> {
    let count = inquiries.len();
    let fail = |failure: Failure| -> Vec<Result<ImageVerdict, Failure>> {
        let text = failure.to_string();
        let mut first = Some(failure);
        let again = || Failure::Network { what: "registry".into(), reason: text.clone() };
        (0..count).map(|_| Err(first.take().unwrap_or_else(again))).collect()
    };
    let client = match network.registry_client(registry, hosts) {
        Ok(client) => client,
        Err(failure) => return fail(failure),
    };
    let deadline = network.deadline();
    let watch = Watch::new(count, network);
    let mut watched: Vec<_> = inquiries.into_iter().map(|inquiry| watch.over(inquiry)).collect();
    match run_blocking(async { drive_all(&mut watched, &client, deadline, budget(workers)).await }) {
        Ok(results) => results.into_iter().map(|result| result.map_err(failure)).collect(),
        Err(error) => fail(stopped(&error)),
    }
}

fn budget(workers: NonZeroUsize) -> Budget {
    // cosign's `--max-workers` counts signatures; here it counts requests, of which a signature has about two.
    Budget { concurrency: workers.get().saturating_mul(2).max(16), ..Budget::image() }
}

/// Answers from the folder, except what only a log can answer.
fn in_folder(
    inquiry: &mut ImageInquiry<'_>,
    layout: &Layout,
    registry: &RegistryRequest,
    network: &Network,
) -> Result<ImageVerdict, Failure> {
    let mut answers = Vec::new();
    for _ in 0..STEPS {
        match inquiry.step(std::mem::take(&mut answers)) {
            Step::Done(verdict) => return Ok(verdict),
            Step::Failed(error) => return Err(error.into()),
            Step::Need(needs) => {
                for need in needs {
                    answers.push(match need.service {
                        Service::Registry => layout.answer(&need),
                        _ => ask(need, registry, network)?,
                    });
                }
            }
        }
    }
    let reason = format!("more than {STEPS} steps were needed");
    Err(ImageError::Malformed { what: "the layout".into(), reason }.into())
}

/// One need as an inquiry of its own.
struct Once(Option<Need>);

impl Inquiry for Once {
    type Out = Vec<Answer>;
    type Error = ImageError;

    fn step(&mut self, answers: Vec<Answer>) -> Step<Vec<Answer>, ImageError> {
        match self.0.take() {
            Some(need) => Step::Need(vec![need]),
            None => Step::Done(answers),
        }
    }
}

fn ask(need: Need, registry: &RegistryRequest, network: &Network) -> Result<Answer, Failure> {
    let client: Client = network.registry_client(registry, Vec::new())?;
    let deadline: Instant = network.deadline();
    let missing = || Failure::Network { what: need.url.clone(), reason: "no answer".into() };
    let mut once = Once(Some(need.clone()));
    let driven = run_blocking(async { drive(&mut once, &client, deadline, Budget::default()).await });
    let answers = driven.map_err(|error| stopped(&error))?.map_err(failure)?;
    answers.into_iter().next().ok_or_else(missing)
}

fn failure(error: DriveError<ImageError>) -> Failure {
    match error {
        DriveError::Failed(error) => error.into(),
        DriveError::Stopped(error) => stopped(&error),
    }
}

fn stopped(error: &Error) -> Failure {
    Failure::Network { what: "registry".into(), reason: error.to_string() }
}
