//! Evidence for all images of an object: out of the cache, out of work that is under way, or asked for now.
//!
//! Work goes on where the review that began it has ended: a registry that is too slow for one review has answered by the
//! next one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sigward_fetch::{Budget, DriveError, drive_all_within};
use sigward_policy::Reason;
use sigward_policy::decide::{AuthorityOutcome, NotGathered};
use sigward_policy::plan::{AuthorityQuestion, AuthorityRefusal, ImagePlan, ProofKey};
use sigward_verify::evidence::{Answer, Inquiry, Step};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::evidence::{EvidenceStore, Recording, Transcript};
use super::tenants::{Tenancy, Tenant};
use super::turns::Turns;
use crate::cache::{Boarding, CredentialId, Flights, Lost, OutcomeCache, Passenger, Ticket};
use crate::limits;
use crate::metrics::Metrics;
use crate::state::Snapshot;

/// What is asked, as whom, and for which namespace: what waits for one namespace's turn must not be waited for by others.
type Key = (ProofKey, CredentialId, String);

/// Gathers evidence.
#[derive(Debug, Clone)]
pub struct Gatherer {
    cache: OutcomeCache,
    under_way: Flights<Key, AuthorityOutcome>,
    turns: Arc<Turns>,
    metrics: Arc<Metrics>,
    /// Largest payload, envelope or bundle in bytes.
    attachment_limit: u64,
    /// Evidence on disk.
    store: Option<EvidenceStore>,
}

/// How long a registry may take where its evidence is on disk.
const FALLBACK: Duration = Duration::from_secs(2);

/// What is known of a question so far.
enum Pending {
    Known(AuthorityOutcome),
    Waiting(Passenger<AuthorityOutcome>),
}

/// Questions about one image that nobody is at yet, to be asked by one tenant.
struct Errand {
    tenant: Tenant,
    namespace: String,
    host: String,
    open: Vec<(Ticket<Key, AuthorityOutcome>, AuthorityQuestion)>,
}

impl Gatherer {
    /// With this cache, and perhaps a store of evidence.
    pub fn new(
        cache: OutcomeCache,
        turns: Arc<Turns>,
        metrics: Arc<Metrics>,
        attachment_limit: u64,
        store: Option<EvidenceStore>,
    ) -> Self {
        Self { cache, under_way: Flights::default(), turns, metrics, attachment_limit, store }
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
            let questions = plan.questions();
            let known: Vec<_> = questions.iter().map(|question| self.recall(question, snapshot, tenancy)).collect();
            // One authority is enough: what is proved already makes others needless.
            let open = plan.open_questions(&known);
            let mut errands = BTreeMap::new();
            let mut of_plan = Vec::with_capacity(known.len());
            for (index, (question, known)) in questions.iter().zip(known).enumerate() {
                of_plan.push(match known {
                    Some(outcome) => Pending::Known(outcome),
                    None if open.contains(&index) => self.ask(question, snapshot, tenancy, &mut errands),
                    None => Pending::Known(AuthorityOutcome::NotGathered(NotGathered::NotNeeded)),
                });
            }
            pending.push(of_plan);
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

    /// What the cache knows.
    fn recall(
        &self,
        question: &AuthorityQuestion,
        snapshot: &Snapshot,
        tenancy: &Tenancy<'_>,
    ) -> Option<AuthorityOutcome> {
        let key = match question.key(snapshot) {
            Ok(key) => key,
            Err(refusal) => return Some(AuthorityOutcome::Refused(Arc::new(refusal))),
        };
        if let Some(proof) = self.cache.proof(&key) {
            self.metrics.cache_lookup("proof", "hit");
            return Some(AuthorityOutcome::Proved(proof));
        }
        let tenant = tenancy.of(question.credentials()).ok()?;
        let refusal = self.cache.refusal(&key, tenant.id)?;
        self.metrics.cache_lookup("refusal", "hit");
        Some(AuthorityOutcome::Refused(refusal))
    }

    /// Joins what is under way; else puts the question on the errand of its tenant.
    fn ask(
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
        let tenant = match tenancy.of(question.credentials()) {
            Ok(tenant) => tenant,
            Err(reason) => return Pending::Known(AuthorityOutcome::NotGathered(NotGathered::Stopped(reason))),
        };
        let namespace = tenancy.namespace();
        match self.under_way.board(&(key, tenant.id, namespace.to_owned())) {
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
                let errand = errands.entry(tenant.id).or_insert_with(|| Errand {
                    tenant,
                    namespace: namespace.to_owned(),
                    host: question.place().registry().host().to_owned(),
                    open: Vec::new(),
                });
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
        let Errand { tenant, namespace, host, open } = errand;
        let begin = Instant::now();
        let deadline = begin.checked_add(limits::GATHER).unwrap_or(begin);
        let Some(turn) = self.turns.take(&namespace, &host, deadline).await else {
            // Dropped tickets would say that we crashed.
            for (ticket, _) in open {
                self.land(ticket, AuthorityOutcome::NotGathered(NotGathered::Deadline));
            }
            return;
        };
        let mut tickets = Vec::new();
        let mut inquests = Vec::new();
        let weight = match open.iter().any(|(_, question)| question.authority().computes()) {
            true => Weight::Heavy,
            false => Weight::Light,
        };
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
        let kept: Vec<_> = tickets.iter().map(|ticket| self.kept(ticket.key())).collect();
        // Where there is something to fall back on nobody need wait long for a registry that hangs.
        let patience = if !kept.is_empty() && kept.iter().all(Option::is_some) { FALLBACK } else { limits::GATHER };
        let deadline = begin.checked_add(patience).unwrap_or(begin);
        let mut inquiries: Vec<_> = inquests.iter().map(|inquest| self.watched(inquest.inquiry(now), weight)).collect();
        let results =
            drive_all_within(&mut inquiries, &tenant.client, deadline, Budget::image(), turn.room.clone()).await;
        self.metrics.gathered(begin.elapsed());
        let parts = tickets.into_iter().zip(results).zip(inquiries).zip(inquests.iter().zip(kept));
        for (((ticket, result), inquiry), (inquest, kept)) in parts {
            let outcome = match result {
                Ok(proof) => {
                    self.keep(ticket.key(), inquiry.inquiry);
                    AuthorityOutcome::Proved(Arc::new(proof))
                }
                Err(error) => {
                    let outcome = refused(error);
                    match kept
                        .filter(|_| is_failure(&outcome))
                        .and_then(|kept| weight.carry(|| kept.replay(&mut inquest.inquiry(now))))
                    {
                        Some(proof) => {
                            self.metrics.cache_lookup("evidence-on-disk", "hit");
                            AuthorityOutcome::Proved(Arc::new(proof))
                        }
                        None => outcome,
                    }
                }
            };
            self.land(ticket, outcome);
        }
    }

    fn watched<I>(&self, inquiry: I, weight: Weight) -> Counted<'_, Recording<I>> {
        Counted { inquiry: Recording::new(inquiry, self.store.as_ref()), metrics: &self.metrics, weight }
    }

    /// The evidence about an image that was read before.
    fn kept(&self, (key, ..): &Key) -> Option<Transcript> {
        self.store.as_ref()?.load(&evidence_name(key))
    }

    /// Keeps the evidence about an image, in the background.
    fn keep<I>(&self, (key, ..): &Key, recording: Recording<I>) {
        let (Some(store), Some(transcript)) = (self.store.clone(), recording.into_transcript()) else { return };
        let (name, metrics) = (evidence_name(key), Arc::clone(&self.metrics));
        tokio::task::spawn_blocking(move || match store.keep(&name, transcript) {
            Ok(()) => metrics.cache_lookup("evidence-on-disk", "kept"),
            Err(_) => metrics.cache_lookup("evidence-on-disk", "failed"),
        });
    }

    /// First into the cache, then to those who wait: nobody must find neither.
    fn land(&self, ticket: Ticket<Key, AuthorityOutcome>, outcome: AuthorityOutcome) {
        let (key, credential, _) = ticket.key();
        self.cache.keep(key, *credential, &outcome);
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

/// Whatever authority asks: the answers are the registry's.
fn evidence_name(key: &ProofKey) -> String {
    format!("{}@{}", key.place(), key.image())
}

fn refused(error: DriveError<AuthorityRefusal>) -> AuthorityOutcome {
    match error {
        DriveError::Failed(refusal) => AuthorityOutcome::Refused(Arc::new(refusal)),
        DriveError::Stopped(error) => AuthorityOutcome::NotGathered(NotGathered::Stopped(error.to_string())),
    }
}

/// Whether a registry did not answer, and said nothing against the image.
fn is_failure(outcome: &AuthorityOutcome) -> bool {
    match outcome {
        AuthorityOutcome::Refused(refusal) => refusal.reason() == Reason::Unreachable,
        AuthorityOutcome::NotGathered(_) => true,
        AuthorityOutcome::Proved(_) => false,
    }
}

async fn arrive(passenger: Passenger<AuthorityOutcome>, deadline: Instant) -> AuthorityOutcome {
    match passenger.arrive(deadline).await {
        Ok(outcome) => outcome,
        Err(Lost::Deadline) => AuthorityOutcome::NotGathered(NotGathered::Deadline),
        Err(Lost::Crashed) => AuthorityOutcome::NotGathered(NotGathered::Stopped("internal error".to_owned())),
    }
}

/// How long a step of an inquiry may compute.
#[derive(Debug, Clone, Copy)]
enum Weight {
    /// It checks signatures.
    Light,
    /// Policies compute over what was found, for as long as their limits allow.
    Heavy,
}

impl Weight {
    /// Heavy work gives its place among the threads that serve to another thread. Turns bound how much there is at once.
    fn carry<T>(self, work: impl FnOnce() -> T) -> T {
        let spare = || Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
        match self {
            // A runtime of one thread has no other thread to give the place to.
            Self::Heavy if spare() => tokio::task::block_in_place(work),
            Self::Light | Self::Heavy => work(),
        }
    }
}

/// Counts the answers that an inquiry gets.
struct Counted<'m, I> {
    inquiry: I,
    metrics: &'m Metrics,
    weight: Weight,
}

impl<I: Inquiry> Inquiry for Counted<'_, I> {
    type Out = I::Out;
    type Error = I::Error;

    fn step(&mut self, answers: Vec<Answer>) -> Step<I::Out, I::Error> {
        answers.iter().for_each(|answer| self.metrics.registry_answer(answer));
        self.weight.carry(|| self.inquiry.step(answers))
    }
}
