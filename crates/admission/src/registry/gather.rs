//! Evidence for all images of an object: out of the cache, out of work that is under way, or asked for now.
//!
//! Work goes on where the review that began it has ended: a registry that is too slow for one review has answered by the
//! next one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use sigward_fetch::{Budget, DriveError, drive_all};
use sigward_policy::decide::{AuthorityOutcome, NotGathered};
use sigward_policy::plan::{AuthorityQuestion, ImagePlan, ProofKey};
use sigward_verify::evidence::{Answer, Inquiry, Step};
use tokio::sync::Semaphore;

use super::tenants::{Tenancy, Tenant};
use crate::cache::{Boarding, CredentialId, Flights, Lost, OutcomeCache, Passenger, Ticket};
use crate::limits;
use crate::metrics::Metrics;
use crate::state::Snapshot;

type Key = (ProofKey, CredentialId);

/// Gathers evidence.
#[derive(Debug, Clone)]
pub struct Gatherer {
    cache: OutcomeCache,
    under_way: Flights<Key, AuthorityOutcome>,
    permits: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    /// Largest payload, envelope or bundle in bytes.
    attachment_limit: u64,
}

/// What is known of a question so far.
enum Pending {
    Known(AuthorityOutcome),
    Waiting(Passenger<AuthorityOutcome>),
}

/// Questions about one image that nobody is at yet, to be asked by one tenant.
struct Errand {
    tenant: Tenant,
    open: Vec<(Ticket<Key, AuthorityOutcome>, AuthorityQuestion)>,
}

impl Gatherer {
    /// With this cache.
    pub fn new(cache: OutcomeCache, metrics: Arc<Metrics>, attachment_limit: u64) -> Self {
        let permits = Arc::new(Semaphore::new(limits::GATHERS));
        Self { cache, under_way: Flights::default(), permits, metrics, attachment_limit }
    }

    /// The answers to the questions of each plan, in their order. What is not there at `deadline` is said to be missing.
    pub async fn outcomes(
        &self,
        plans: &[ImagePlan],
        snapshot: &Arc<Snapshot>,
        tenancy: &Tenancy<'_>,
        deadline: Instant,
    ) -> Vec<Vec<AuthorityOutcome>> {
        let mut pending: Vec<Vec<Pending>> = Vec::with_capacity(plans.len());
        for plan in plans {
            let mut errands = BTreeMap::new();
            let questions = plan.questions().iter();
            pending.push(questions.map(|question| self.look(question, snapshot, tenancy, &mut errands)).collect());
            for errand in errands.into_values() {
                self.send(errand, snapshot);
            }
        }
        let mut outcomes = Vec::with_capacity(pending.len());
        for plan in pending {
            let mut of_plan = Vec::with_capacity(plan.len());
            for one in plan {
                of_plan.push(match one {
                    Pending::Known(outcome) => outcome,
                    Pending::Waiting(passenger) => arrive(passenger, deadline).await,
                });
            }
            outcomes.push(of_plan);
        }
        outcomes
    }

    /// Looks in the cache, then among what is under way; else puts it on the errand of its tenant.
    fn look(
        &self,
        question: &AuthorityQuestion,
        snapshot: &Snapshot,
        tenancy: &Tenancy<'_>,
        errands: &mut BTreeMap<CredentialId, Errand>,
    ) -> Pending {
        let key = match question.key(snapshot) {
            Ok(key) => key,
            Err(refusal) => return Pending::Known(AuthorityOutcome::Refused(Arc::new(refusal))),
        };
        if let Some(proof) = self.cache.proof(&key) {
            self.metrics.cache_lookup("proof", "hit");
            return Pending::Known(AuthorityOutcome::Proved(proof));
        }
        let tenant = match tenancy.of(question.credentials()) {
            Ok(tenant) => tenant,
            Err(reason) => return Pending::Known(AuthorityOutcome::NotGathered(NotGathered::Stopped(reason))),
        };
        if let Some(refusal) = self.cache.refusal(&key, tenant.id) {
            self.metrics.cache_lookup("refusal", "hit");
            return Pending::Known(AuthorityOutcome::Refused(refusal));
        }
        match self.under_way.board(&(key, tenant.id)) {
            Boarding::Join(passenger) => {
                self.metrics.cache_lookup("under-way", "hit");
                Pending::Waiting(passenger)
            }
            Boarding::Fly(ticket, passenger) => {
                // It may have landed between the two looks.
                if let Some(proof) = self.cache.proof(&ticket.key().0) {
                    ticket.land(AuthorityOutcome::Proved(Arc::clone(&proof)));
                    return Pending::Known(AuthorityOutcome::Proved(proof));
                }
                self.metrics.cache_lookup("proof", "miss");
                let errand = errands.entry(tenant.id).or_insert_with(|| Errand { tenant, open: Vec::new() });
                errand.open.push((ticket, question.clone()));
                Pending::Waiting(passenger)
            }
        }
    }

    fn send(&self, errand: Errand, snapshot: &Arc<Snapshot>) {
        let (gatherer, snapshot) = (self.clone(), Arc::clone(snapshot));
        tokio::spawn(async move { gatherer.run(errand, &snapshot).await });
    }

    /// Asks all questions of an errand side by side, so that what they have in common is asked once.
    async fn run(&self, errand: Errand, snapshot: &Snapshot) {
        let Errand { tenant, open } = errand;
        let begin = Instant::now();
        let deadline = begin.checked_add(limits::GATHER).unwrap_or(begin);
        let Ok(Ok(_permit)) = tokio::time::timeout_at(deadline.into(), self.permits.acquire()).await else {
            // Dropped tickets would say that we crashed.
            for (ticket, _) in open {
                self.land(ticket, AuthorityOutcome::NotGathered(NotGathered::Deadline));
            }
            return;
        };
        let mut tickets = Vec::new();
        let mut inquests = Vec::new();
        for (ticket, question) in open {
            match question.prepare(snapshot, self.attachment_limit) {
                Ok(inquest) => {
                    tickets.push(ticket);
                    inquests.push(inquest);
                }
                Err(refusal) => self.land(ticket, AuthorityOutcome::Refused(Arc::new(refusal))),
            }
        }
        let now = Timestamp::now();
        let counted =
            |inquest| Counted { inquiry: sigward_policy::plan::Inquest::inquiry(inquest, now), metrics: &self.metrics };
        let mut inquiries: Vec<_> = inquests.iter().map(counted).collect();
        let results = drive_all(&mut inquiries, &tenant.client, deadline, Budget::image()).await;
        self.metrics.gathered(begin.elapsed());
        for (ticket, result) in tickets.into_iter().zip(results) {
            let outcome = match result {
                Ok(proof) => AuthorityOutcome::Proved(Arc::new(proof)),
                Err(DriveError::Failed(refusal)) => AuthorityOutcome::Refused(Arc::new(refusal)),
                Err(DriveError::Stopped(error)) => {
                    AuthorityOutcome::NotGathered(NotGathered::Stopped(error.to_string()))
                }
            };
            self.land(ticket, outcome);
        }
    }

    /// First into the cache, then to those who wait: nobody must find neither.
    fn land(&self, ticket: Ticket<Key, AuthorityOutcome>, outcome: AuthorityOutcome) {
        let (key, credential) = ticket.key().clone();
        self.cache.keep(&key, credential, &outcome);
        ticket.land(outcome);
    }

    /// The cache.
    pub fn cache(&self) -> &OutcomeCache {
        &self.cache
    }

    /// Questions under way.
    pub fn under_way(&self) -> usize {
        self.under_way.count()
    }
}

async fn arrive(passenger: Passenger<AuthorityOutcome>, deadline: Instant) -> AuthorityOutcome {
    match passenger.arrive(deadline).await {
        Ok(outcome) => outcome,
        Err(Lost::Deadline) => AuthorityOutcome::NotGathered(NotGathered::Deadline),
        Err(Lost::Crashed) => AuthorityOutcome::NotGathered(NotGathered::Stopped("internal error".to_owned())),
    }
}

/// Counts the answers that an inquiry gets.
struct Counted<'m, I> {
    inquiry: I,
    metrics: &'m Metrics,
}

impl<I: Inquiry> Inquiry for Counted<'_, I> {
    type Out = I::Out;
    type Error = I::Error;

    fn step(&mut self, answers: Vec<Answer>) -> Step<I::Out, I::Error> {
        answers.iter().for_each(|answer| self.metrics.registry_answer(answer));
        self.inquiry.step(answers)
    }
}
