//! The only loop that performs needs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use sigward_verify::evidence::{Answer, Inquiry, Need, Step};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::http::{AnswerRoom, Budget, Client, Meter};
use crate::sharing::{Asker, Known, Question, Sharing};
use crate::{Error, limits};

/// Why a driven inquiry has no result.
#[derive(Debug, thiserror::Error)]
pub enum DriveError<E> {
    /// The inquiry itself failed.
    #[error(transparent)]
    Failed(E),
    /// The driving was stopped: the budget is spent.
    #[error(transparent)]
    Stopped(Error),
}

impl<E: Into<Error>> From<DriveError<E>> for Error {
    fn from(error: DriveError<E>) -> Self {
        match error {
            DriveError::Failed(error) => error.into(),
            DriveError::Stopped(error) => error,
        }
    }
}

/// Performs what `inquiry` needs until it is finished, its budget is spent, or nothing answers before `deadline`.
///
/// Servers that fail are answers, and the inquiry decides about them.
pub async fn drive<I: Inquiry>(
    inquiry: &mut I,
    client: &Client,
    deadline: Instant,
    budget: Budget,
) -> Result<I::Out, DriveError<I::Error>> {
    let mut results = drive_all(std::slice::from_mut(inquiry), client, deadline, budget).await;
    results.pop().unwrap_or(Err(DriveError::Stopped(Error::NothingAsked)))
}

/// Drives many inquiries side by side, each at its own pace. The budget is for each of them, and shared: an inquiry
/// may use what another one does not. Where it ends, the inquiries that are not finished stop.
///
/// What several inquiries ask of a registry is asked once.
pub async fn drive_all<I: Inquiry>(
    inquiries: &mut [I],
    client: &Client,
    deadline: Instant,
    budget: Budget,
) -> Vec<Result<I::Out, DriveError<I::Error>>> {
    drive_all_within(inquiries, client, deadline, budget, AnswerRoom::default()).await
}

/// The same of one inquiry, for a program that drives many at the same time: bodies find their place in `room`, until the
/// run has ended.
pub async fn drive_within<I: Inquiry>(
    inquiry: &mut I,
    client: &Client,
    deadline: Instant,
    budget: Budget,
    room: AnswerRoom,
) -> Result<I::Out, DriveError<I::Error>> {
    let mut results = drive_all_within(std::slice::from_mut(inquiry), client, deadline, budget, room).await;
    results.pop().unwrap_or(Err(DriveError::Stopped(Error::NothingAsked)))
}

/// [`drive_all`] within a room.
pub async fn drive_all_within<I: Inquiry>(
    inquiries: &mut [I],
    client: &Client,
    deadline: Instant,
    budget: Budget,
    room: AnswerRoom,
) -> Vec<Result<I::Out, DriveError<I::Error>>> {
    let mut driver = Driver::new(client, deadline, budget.times(inquiries.len()), inquiries.len(), room);
    let mut results: Vec<_> =
        inquiries.iter_mut().enumerate().map(|(index, inquiry)| driver.step(index, inquiry, Vec::new())).collect();
    while let Some(Delivered { asker: Asker { index, place }, answer }) = driver.next().await {
        let (Some(inquiry), Some(result)) = (inquiries.get_mut(index), results.get_mut(index)) else { continue };
        match answer {
            _ if result.is_some() => {}
            Err(error) => {
                driver.release(index);
                *result = Some(Err(DriveError::Stopped(error)));
            }
            Ok(answer) => {
                if let Some(answers) = driver.complete(index, place, answer) {
                    *result = driver.step(index, inquiry, answers);
                }
            }
        }
    }
    results.into_iter().map(|result| result.unwrap_or(Err(DriveError::Stopped(Error::NothingAsked)))).collect()
}

/// A need that was performed, and for whom.
struct Performed {
    asker: Asker,
    need: Need,
    answer: Result<Answer, Error>,
}

/// What came of it for one asker.
struct Delivered {
    asker: Asker,
    answer: Result<Answer, Error>,
}

/// Memory for the answers to one step of an inquiry. It is taken for all of them at once: inquiries that each held a part
/// and waited for the rest would wait for ever. Whoever asks first gets it first.
#[derive(Clone)]
struct Reserved {
    kilobytes: u32,
    memory: Arc<Semaphore>,
    permit: Arc<OnceCell<Option<OwnedSemaphorePermit>>>,
}

impl Reserved {
    fn of(needs: &[Need], memory: &Arc<Semaphore>) -> Self {
        let bytes = needs.iter().fold(0_usize, |sum, need| sum.saturating_add(need.limit));
        // What is larger than all there is has all of it.
        let kilobytes = u32::try_from((bytes / 1024).clamp(1, limits::ANSWERS_KB)).unwrap_or(u32::MAX);
        Self { kilobytes, memory: Arc::clone(memory), permit: Arc::default() }
    }

    async fn wait(&self) {
        let take = || async { Arc::clone(&self.memory).acquire_many_owned(self.kilobytes).await.ok() };
        self.permit.get_or_init(take).await;
    }
}

/// The requests under way and the answers that wait for their siblings.
struct Driver {
    client: Client,
    deadline: Instant,
    meter: Arc<Meter>,
    gate: Arc<Semaphore>,
    /// What answers may take together, in kilobytes.
    memory: Arc<Semaphore>,
    /// The memory of each inquiry's answers, until it has taken them.
    reserved: Vec<Option<Reserved>>,
    under_way: JoinSet<Performed>,
    sharing: Sharing,
    /// Answers that are known without a request.
    delivered: VecDeque<Delivered>,
    waiting: Vec<Vec<Option<Answer>>>,
}

impl Driver {
    fn new(client: &Client, deadline: Instant, budget: Budget, inquiries: usize, room: AnswerRoom) -> Self {
        let meter = Arc::new(Meter::within(budget, room));
        Self {
            client: client.clone(),
            deadline,
            gate: Arc::new(Semaphore::new(meter.concurrency())),
            memory: Arc::new(Semaphore::new(limits::ANSWERS_KB)),
            reserved: vec![None; inquiries],
            meter,
            under_way: JoinSet::new(),
            sharing: Sharing::default(),
            delivered: VecDeque::new(),
            waiting: vec![Vec::new(); inquiries],
        }
    }

    /// Steps an inquiry; `None` if it needs something, which is then under way.
    fn step<I: Inquiry>(
        &mut self,
        index: usize,
        inquiry: &mut I,
        answers: Vec<Answer>,
    ) -> Option<Result<I::Out, DriveError<I::Error>>> {
        let step = inquiry.step(answers);
        self.release(index);
        match step {
            Step::Done(out) => Some(Ok(out)),
            Step::Failed(error) => Some(Err(DriveError::Failed(error))),
            Step::Need(needs) if needs.is_empty() => Some(Err(DriveError::Stopped(Error::NothingAsked))),
            Step::Need(needs) => {
                if let Some(waiting) = self.waiting.get_mut(index) {
                    *waiting = vec![None; needs.len()];
                }
                let reserved = Reserved::of(&needs, &self.memory);
                for (place, need) in needs.into_iter().enumerate() {
                    self.start(Asker { index, place }, need, &reserved);
                }
                if let Some(slot) = self.reserved.get_mut(index) {
                    *slot = Some(reserved);
                }
                None
            }
        }
    }

    fn release(&mut self, index: usize) {
        if let Some(reserved) = self.reserved.get_mut(index) {
            *reserved = None;
        }
    }

    fn start(&mut self, asker: Asker, need: Need, reserved: &Reserved) {
        if let Some(question) = Question::of(&need) {
            match self.sharing.ask(&question, asker) {
                Known::Nothing => {}
                Known::UnderWay => return,
                Known::Answer(answer) => return self.delivered.push_back(Delivered { asker, answer: Ok(*answer) }),
            }
        }
        let (client, meter, gate, deadline) =
            (self.client.clone(), Arc::clone(&self.meter), Arc::clone(&self.gate), self.deadline);
        let reserved = reserved.clone();
        self.under_way.spawn(async move {
            reserved.wait().await;
            // Then what only those wait for that ask the same host.
            let _room = client.room(&need).await;
            // The semaphore is never closed, so a permit always comes.
            let _permit = gate.acquire_owned().await;
            // A request under way has some kilobytes of state, which those that wait do not need yet.
            let answer = Box::pin(client.perform(&need, &meter, deadline)).await;
            Performed { asker, need, answer }
        });
    }

    async fn next(&mut self) -> Option<Delivered> {
        if let Some(delivered) = self.delivered.pop_front() {
            return Some(delivered);
        }
        match self.under_way.join_next().await? {
            Ok(performed) => Some(self.deliver(performed)),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => None,
            },
        }
    }

    /// Gives an answer to everybody who waits for it.
    fn deliver(&mut self, performed: Performed) -> Delivered {
        let Performed { asker, need, answer } = performed;
        if let Some(question) = Question::of(&need) {
            for asker in self.sharing.answered(question, answer.as_ref().ok()) {
                match &answer {
                    Ok(answer) => self.delivered.push_back(Delivered { asker, answer: Ok(answer.clone()) }),
                    // The budget is spent; each finds that out by itself.
                    Err(_) => {
                        let reserved = Reserved::of(std::slice::from_ref(&need), &self.memory);
                        self.start(asker, need.clone(), &reserved);
                    }
                }
            }
        }
        Delivered { asker, answer }
    }

    /// Files an answer; gives all of them, in order, when it was the last.
    fn complete(&mut self, index: usize, place: usize, answer: Answer) -> Option<Vec<Answer>> {
        let waiting = self.waiting.get_mut(index)?;
        *waiting.get_mut(place)? = Some(answer);
        if waiting.iter().any(Option::is_none) {
            return None;
        }
        Some(std::mem::take(waiting).into_iter().flatten().collect())
    }
}
