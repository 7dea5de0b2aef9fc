//! The beat between planning and deciding: evidence from registries and logs, or from a recording.

use std::cell::{OnceCell, RefCell};

use sigward_fetch::{Budget, Client, DriveError, PullSecrets, Runner, drive_all};
use sigward_verify::evidence::{Answer, Inquiry, Need, Step};

use super::recording::{Recording, method};
use crate::args::request::{RegistryRequest, TestEvidence};
use crate::failure::Failure;
use crate::network::Network;

/// Steps of an inquiry over a recording: each asks for something, and a recording has only so much.
const STEPS: usize = 100_000;

/// How an inquiry ended.
#[derive(Debug)]
pub enum Ending<T, E> {
    /// With a result.
    Done(T),
    /// Without one, and it says why.
    Failed(E),
    /// It was stopped.
    Stopped(String),
}

/// One ending for each inquiry, in their order.
pub type Endings<I> = Vec<Ending<<I as Inquiry>::Out, <I as Inquiry>::Error>>;

/// Gathers evidence.
#[derive(Debug)]
pub struct Gatherer<'n> {
    network: &'n Network,
    registry: &'n RegistryRequest,
    /// The registries that the command line names: credentials from flags are for these.
    hosts: Vec<String>,
    /// What is asked in place of the network.
    replayed: Option<Recording>,
    /// What is to be written at the end.
    recorded: Option<RefCell<Recording>>,
    /// Each request and its answer, in words.
    seen: RefCell<Vec<String>>,
    runner: OnceCell<Runner>,
    /// Whoever has no pull secrets asks with this one, and so with the same tokens.
    client: OnceCell<Client>,
}

impl Drop for Gatherer<'_> {
    fn drop(&mut self) {
        // Name resolution that hangs is not waited for.
        if let Some(runner) = self.runner.take() {
            runner.end();
        }
    }
}

impl<'n> Gatherer<'n> {
    /// Nothing is asked yet; a recording is read.
    ///
    /// # Errors
    /// [`Failure::Read`] for a recording that is none.
    pub fn new(
        evidence: &TestEvidence,
        network: &'n Network,
        registry: &'n RegistryRequest,
        hosts: Vec<String>,
    ) -> Result<Self, Failure> {
        let (mut replayed, mut recorded) = (None, None);
        match evidence {
            TestEvidence::Gathered => {}
            TestEvidence::Recorded(_) => recorded = Some(RefCell::default()),
            TestEvidence::Replayed(path) => replayed = Some(Recording::read(path)?),
        }
        let (seen, runner, client) = (RefCell::default(), OnceCell::new(), OnceCell::new());
        Ok(Self { network, registry, hosts, replayed, recorded, seen, runner, client })
    }

    /// Whether nothing may be asked.
    pub fn is_offline(&self) -> bool {
        self.replayed.is_some()
    }

    /// What was recorded, and each request in words.
    pub fn into_recording(mut self) -> (Option<Recording>, Vec<String>) {
        (self.recorded.take().map(RefCell::into_inner), self.seen.take())
    }

    /// Asks everything side by side, with these pull secrets before all other credentials. One ending for each inquiry.
    ///
    /// # Errors
    /// [`Failure::Policy`] where a recording lacks an answer: half the evidence might give another verdict.
    /// [`Failure::Read`] and [`Failure::Network`] where there is no client.
    pub fn ask<I: Inquiry>(
        &self,
        inquiries: Vec<I>,
        secrets: Option<PullSecrets>,
        budget: Budget,
    ) -> Result<Endings<I>, Failure> {
        if inquiries.is_empty() {
            return Ok(Vec::new());
        }
        let mut watched: Vec<_> =
            inquiries.into_iter().map(|inquiry| Watched { inquiry, asked: Vec::new(), gatherer: self }).collect();
        if let Some(recording) = &self.replayed {
            return watched.iter_mut().map(|inquiry| replay(inquiry, recording)).collect();
        }
        let client = self.client(secrets)?;
        let deadline = self.network.deadline();
        let results = self.runner()?.run(drive_all(&mut watched, &client, deadline, budget));
        let ending = |result| match result {
            Ok(found) => Ending::Done(found),
            Err(DriveError::Failed(error)) => Ending::Failed(error),
            Err(DriveError::Stopped(error)) => Ending::Stopped(error.to_string()),
        };
        Ok(results.into_iter().map(ending).collect())
    }

    fn client(&self, secrets: Option<PullSecrets>) -> Result<Client, Failure> {
        if let (None, Some(client)) = (&secrets, self.client.get()) {
            return Ok(client.clone());
        }
        let is_usual = secrets.is_none();
        let client = self.network.registry_client_of(self.registry, self.hosts.clone(), secrets)?;
        if is_usual {
            let _ = self.client.set(client.clone());
        }
        Ok(client)
    }

    fn runner(&self) -> Result<&Runner, Failure> {
        if self.runner.get().is_none() {
            let failed =
                |error: sigward_fetch::Error| Failure::Network { what: "network".into(), reason: error.to_string() };
            let _ = self.runner.set(Runner::new().map_err(failed)?);
        }
        let missing = || Failure::Network { what: "network".into(), reason: "no runtime".into() };
        self.runner.get().ok_or_else(missing)
    }

    fn note(&self, need: &Need, answer: &Answer) {
        if let Some(recorded) = &self.recorded {
            recorded.borrow_mut().keep(need, answer);
        }
        let outcome = match &answer.outcome {
            Ok(response) => format!("{}, {} bytes", response.status, response.body.len()),
            Err(error) => error.to_string(),
        };
        self.seen.borrow_mut().push(format!("{} {}: {outcome}", method(need.method), need.url));
    }
}

fn replay<I: Inquiry>(inquiry: &mut I, recording: &Recording) -> Result<Ending<I::Out, I::Error>, Failure> {
    let mut answers = Vec::new();
    for _ in 0..STEPS {
        match inquiry.step(std::mem::take(&mut answers)) {
            Step::Done(found) => return Ok(Ending::Done(found)),
            Step::Failed(error) => return Ok(Ending::Failed(error)),
            Step::Need(needs) => {
                for need in needs {
                    let missing = || Failure::Policy {
                        reason: format!(
                            "the recording has no answer to {} {}: it was made for another image or policy, or is not \
                             whole",
                            method(need.method),
                            need.url
                        ),
                    };
                    answers.push(recording.answer(&need).ok_or_else(missing)?);
                }
            }
        }
    }
    Ok(Ending::Stopped(format!("more than {STEPS} steps were needed")))
}

/// An inquiry whose questions and answers are noted.
struct Watched<'g, 'n, I> {
    inquiry: I,
    asked: Vec<Need>,
    gatherer: &'g Gatherer<'n>,
}

impl<I: Inquiry> Inquiry for Watched<'_, '_, I> {
    type Out = I::Out;
    type Error = I::Error;

    fn step(&mut self, answers: Vec<Answer>) -> Step<I::Out, I::Error> {
        for (need, answer) in self.asked.iter().zip(&answers) {
            self.gatherer.note(need, answer);
        }
        let step = self.inquiry.step(answers);
        if let Step::Need(needs) = &step {
            if !self.gatherer.is_offline() {
                needs.iter().for_each(|need| self.gatherer.network.log(method(need.method), &need.url));
            }
            self.asked.clone_from(needs);
        }
        step
    }
}
