//! Registries of images: how they are reached, and what lets us in.
//!
//! | what | where |
//! |---|---|
//! | https or http | [`scheme`] |
//! | what a registry wants to see | [`challenge`] |
//! | whether its token server may see a password | [`realm`] |
//! | passwords and tokens for what it wants to see | [`auth`] |
//! | one attempt from beginning to end | [`visit`] |
//! | what was given for which repository, once for all requests | [`passes`] |

mod auth;
mod challenge;
mod options;
mod passes;
mod realm;
mod scheme;
mod visit;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sigward_verify::evidence::Need;
use sigward_verify::image::Repository;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use self::options::{RegistryOptions, RegistryTls, RegistryTransport, RestRule};

use self::challenge::Challenge;
use self::passes::Passes;
use self::scheme::Schemes;
use self::visit::Visit;
use crate::http::{Client, Connector, Exchange, Fault, Options, Origin, Proxies, Run, TlsSettings, Verification, Wire};
use crate::limits;

/// Everything that is known of registries, for all requests of a client.
pub(crate) struct Registries {
    /// To the registry itself.
    near: Wire,
    /// To token servers, and to wherever the registry redirects: without the client certificate, which is not for them.
    far: Wire,
    schemes: Arc<Schemes>,
    passes: Passes,
    /// What a registry asked for before, so that its other repositories need not be refused first.
    challenges: Arc<Mutex<HashMap<Origin, Challenge>>>,
    rooms: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
    /// Until when hosts want to be left alone. They say so to whoever asks, and limit others otherwise.
    resting: Mutex<HashMap<String, Instant>>,
}

impl Registries {
    /// `wire` is for other services; it serves registries too where no setting makes a difference.
    pub(crate) fn new(options: &Options, wire: &Wire) -> Self {
        let registry = &options.registry;
        let verification = match registry.transport {
            RegistryTransport::Verified | RegistryTransport::HttpAllowed => Verification::Checked,
            RegistryTransport::InsecureUnsafe => Verification::SkippedUnsafe,
        };
        let connect = |tls: TlsSettings| {
            let proxies = Proxies::new(&options.proxies);
            let network = options.network.clone();
            Wire::new(Connector::new(proxies, network, tls, options.roots.clone(), options.connect))
        };
        let roots = registry.tls.roots(&options.roots);
        let usual = TlsSettings { verification, per_host: registry.tls.per_host(), ..TlsSettings::of(roots) };
        let far = match (verification, registry.tls.has_roots()) {
            (Verification::Checked, false) => wire.clone(),
            _ => connect(usual.clone()),
        };
        let near = if registry.tls.is_own() { connect(registry.tls.near(usual)) } else { far.clone() };
        Self {
            near,
            far,
            schemes: Arc::default(),
            passes: Passes::default(),
            challenges: Arc::default(),
            rooms: Arc::default(),
            resting: Mutex::default(),
        }
    }

    /// What is known of registries, and nothing of what they gave to anybody.
    pub(crate) fn for_somebody_else(&self) -> Self {
        Self {
            near: self.near.clone(),
            far: self.far.clone(),
            schemes: Arc::clone(&self.schemes),
            passes: Passes::default(),
            challenges: Arc::clone(&self.challenges),
            rooms: Arc::clone(&self.rooms),
            resting: Mutex::default(),
        }
    }

    /// Waits until the registry of a need is not asked too much at the same time.
    pub(crate) async fn room(&self, need: &Need) -> Option<OwnedSemaphorePermit> {
        let host = need.repository.as_ref()?.registry().host().to_owned();
        let room = {
            let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
            if rooms.len() >= limits::SCOPES {
                rooms.retain(|_, room| Arc::strong_count(room) > 1);
            }
            Arc::clone(rooms.entry(host).or_insert_with(|| Arc::new(Semaphore::new(limits::PER_REGISTRY))))
        };
        // It is never closed.
        room.acquire_owned().await.ok()
    }

    /// The registry of a need wants to be left alone for so long.
    pub(crate) fn rest(&self, need: &Need, asked: Duration) {
        let Some(repository) = &need.repository else { return };
        let Some(until) = Instant::now().checked_add(asked.min(limits::REST_LONGEST)) else { return };
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        if resting.len() >= limits::SCOPES {
            let now = Instant::now();
            resting.retain(|_, until| *until > now);
        }
        if resting.len() < limits::SCOPES {
            resting.insert(repository.registry().host().to_owned(), until);
        }
    }

    /// How long the registry of a need wants to be left alone.
    pub(crate) fn rests(&self, need: &Need) -> Option<Duration> {
        let host = need.repository.as_ref()?.registry().host();
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.get(host)?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// One attempt at what a registry has, with everything that it takes to be let in.
    pub(crate) async fn exchange(
        &self,
        client: &Client,
        need: &Need,
        repository: &Repository,
        run: Run<'_>,
    ) -> Result<Exchange, Fault> {
        Visit { registries: self, client, need, repository, run }.exchange().await
    }

    /// What the registry asked for before.
    fn challenge_of(&self, origin: &Origin) -> Option<Challenge> {
        let challenges = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        // Without its scope, which is of one repository.
        Some(match challenges.get(origin)?.clone() {
            Challenge::Bearer { realm, service, .. } => Challenge::Bearer { realm, service, scope: None },
            Challenge::Basic => Challenge::Basic,
        })
    }

    fn remember_challenge(&self, origin: &Origin, challenge: &Challenge) {
        let mut challenges = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        if challenges.len() < limits::SCOPES {
            challenges.insert(origin.clone(), challenge.clone());
        }
    }
}
