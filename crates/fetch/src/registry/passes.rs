//! What was given for which repository: one pass for all requests, however many run at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sigward_verify::evidence::Unreachable;

use crate::http::{Credential, Fault, Late, Origin, within};
use crate::{Error, limits};

/// What a pass is for. A token goes to no other origin than the one that asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) origin: Origin,
    /// The repository's path.
    pub(super) path: String,
    pub(super) who: Who,
}

/// As whom an origin is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// As the owner of the credentials for it.
    Owner,
    /// As anybody: another host chose what is asked, and must not do so in our name.
    Anybody,
}

/// What lets a request in.
#[derive(Debug, Clone)]
pub(super) struct Pass {
    pub(super) credential: Credential,
    /// Set where a credential was at hand, and a rule kept it from being sent: the pass is what anybody gets.
    pub(super) kept_back: Option<KeptBack>,
}

/// A credential that was not sent.
#[derive(Debug, Clone)]
pub(super) struct KeptBack {
    /// Its name.
    pub(super) credential: String,
    /// Which rule, and what would permit it.
    pub(super) reason: String,
}

/// What came of asking for a pass.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Granted(Pass),
    /// There is no credential that could be shown.
    Nothing,
    /// Why not, and the host that said so.
    Denied(Unreachable, String),
}

/// The passes of all scopes.
#[derive(Default)]
pub(super) struct Passes {
    slots: Mutex<HashMap<Scope, Arc<Slot>>>,
}

impl Passes {
    pub(super) fn slot(&self, scope: Scope) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        if slots.len() >= limits::SCOPES {
            // What is not in use can be asked for again.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(scope).or_default())
    }
}

/// The pass of one scope.
#[derive(Default)]
pub(super) struct Slot {
    standing: Mutex<Standing>,
    /// Held by the one request that asks for a new pass.
    renewing: tokio::sync::Mutex<()>,
}

/// How a scope stood when a request looked.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// How many times a pass was asked for.
    generation: u64,
    outcome: Option<(Outcome, Instant)>,
    /// Whether the registry has taken this pass: then a later refusal means that it has run out.
    accepted: bool,
}

impl Standing {
    /// Nobody has asked for a pass yet.
    pub(super) fn is_new(&self) -> bool {
        self.generation == 0
    }

    pub(super) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref().map(|(outcome, _)| outcome)
    }

    /// A refusal that is so long ago that asking again may help.
    fn is_old_refusal(&self) -> bool {
        matches!(&self.outcome, Some((Outcome::Denied(..), at)) if at.elapsed() >= limits::REFUSAL_AGE)
    }
}

impl Slot {
    pub(super) fn standing(&self) -> Standing {
        let mut standing = lock(&self.standing);
        if standing.is_old_refusal() {
            *standing = Standing { generation: standing.generation + 1, ..Standing::default() };
        }
        standing.clone()
    }

    /// The registry took the pass.
    pub(super) fn accepted(&self, used: &Standing) {
        let mut standing = lock(&self.standing);
        if standing.generation == used.generation {
            standing.accepted = true;
        }
    }

    /// Whether a refusal of a request with `used` is a reason to ask for another pass. A pass that was never taken is
    /// not the wrong one by age: asking again and again would be a storm on the token server, and may lock accounts.
    pub(super) fn may_renew(&self, used: &Standing) -> bool {
        let standing = lock(&self.standing);
        match &standing.outcome {
            _ if standing.generation != used.generation => true,
            Some((_, at)) => standing.accepted || at.elapsed() >= limits::REFUSAL_AGE,
            None => true,
        }
    }

    /// Asks for a pass with `ask`, unless another request has done so since `used` was looked up.
    ///
    /// What the one that asks runs into by itself (its deadline, its budget) is its own error, and the next one asks.
    pub(super) async fn renew(
        &self,
        used: Standing,
        deadline: Instant,
        late: impl FnOnce(Late) -> Fault,
        ask: impl Future<Output = Result<Outcome, Fault>>,
    ) -> Result<Standing, Fault> {
        let _held = within(Duration::MAX, deadline, self.renewing.lock()).await.map_err(late)?;
        let now = lock(&self.standing).clone();
        if now.generation != used.generation {
            return Ok(now);
        }
        let outcome = match ask.await {
            Ok(outcome) => outcome,
            Err(Fault { error: Error::Unreachable(unreachable), host, again, .. })
                if again || !matches!(unreachable, Unreachable::TimedOut { .. }) =>
            {
                Outcome::Denied(unreachable, host)
            }
            Err(fault) => return Err(fault),
        };
        let mut standing = lock(&self.standing);
        let outcome = Some((outcome, Instant::now()));
        *standing = Standing { generation: now.generation + 1, outcome, accepted: false };
        Ok(standing.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
