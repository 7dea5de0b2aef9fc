//! Registries of images: how they are reached, and what lets us in.
//!
//! | what | where |
//! |---|---|
//! | https or http | [`scheme`] |
//! | what a registry wants to see | [`challenge`] |
//! | whether its token server may see a password | [`realm`] |
//! | passwords and tokens for what it wants to see | [`auth`] |
//! | what was given for which repository, once for all requests | [`passes`] |

mod auth;
mod challenge;
mod options;
mod passes;
mod realm;
mod scheme;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use sigward_verify::evidence::{Need, Unreachable};
use sigward_verify::image::Repository;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use self::options::{RegistryOptions, RegistryTls, RegistryTransport};

use self::challenge::Challenge;
use self::passes::{Pass, Passes, Scope, Standing, Who};
use self::scheme::Schemes;
use crate::http::url::{self, Target};
use crate::http::{
    Ask, Client, Connector, Exchange, Fault, Options, Origin, Proxies, Route, Run, TlsSettings, Verification, Wire,
    drain,
};
use crate::limits;

/// Everything that is known of registries, for all requests of a client.
pub(crate) struct Registries {
    /// To the registry itself.
    near: Wire,
    /// To token servers, and to wherever the registry redirects: without the client certificate, which is not for them.
    far: Wire,
    schemes: Schemes,
    passes: Passes,
    /// What a registry asked for before, so that its other repositories need not be refused first.
    challenges: Mutex<HashMap<Origin, Challenge>>,
    rooms: Mutex<HashMap<String, Arc<Semaphore>>>,
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
            Wire::new(Connector::new(proxies, tls, options.roots.clone(), options.connect))
        };
        let usual = TlsSettings { verification, ..TlsSettings::of(registry.tls.roots(&options.roots)) };
        let far = match (verification, registry.tls.has_roots()) {
            (Verification::Checked, false) => wire.clone(),
            _ => connect(usual.clone()),
        };
        let near = if registry.tls.is_own() { connect(registry.tls.near(usual)) } else { far.clone() };
        Self {
            near,
            far,
            schemes: Schemes::default(),
            passes: Passes::default(),
            challenges: Mutex::default(),
            rooms: Mutex::default(),
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

    /// One attempt at what a registry has, with everything that it takes to be let in.
    pub(crate) async fn exchange(
        &self,
        client: &Client,
        need: &Need,
        repository: &Repository,
        run: Run<'_>,
    ) -> Result<Exchange, Fault> {
        let target = match self.target(client, need, repository, run).await? {
            Place::Own(target) => target,
            Place::Elsewhere(target) => {
                let route = Route { near: &self.far, far: &self.far };
                let first = client.follow(Ask::of(need, target), route, None, run).await?;
                return self.admitted_elsewhere(client, need, repository, first, run).await;
            }
        };
        let origin = target.origin.clone();
        let scope = Scope { origin: origin.clone(), path: repository.path().to_owned(), who: Who::Owner };
        let slot = self.passes.slot(scope);
        let mut standing = slot.standing();
        if standing.is_new()
            && let Some(challenge) = self.asked_before(&origin)
        {
            standing = self.renew(client, &slot, standing, &origin, Some(repository), &challenge, run).await?;
        }
        let first = self.send(client, need, &target, standing.pass()?, run).await?;
        if first.status != StatusCode::UNAUTHORIZED {
            slot.accepted(&standing);
            return standing.judged(first);
        }
        if first.target.origin != origin {
            return self.admitted_elsewhere(client, need, repository, first, run).await;
        }
        let Some(challenge) = Challenge::of(&first.headers).filter(|_| slot.may_renew(&standing)) else {
            return standing.judged(first);
        };
        self.ask_before(origin.clone(), &challenge);
        let renewed = self.renew(client, &slot, standing, &origin, Some(repository), &challenge, run).await?;
        let Some(pass) = renewed.pass()? else { return Ok(first) };
        drain(first.body, run.deadline).await;
        let second = self.send(client, need, &target, Some(pass), run).await?;
        if second.status != StatusCode::UNAUTHORIZED {
            slot.accepted(&renewed);
        }
        if second.target.origin != origin {
            return self.admitted_elsewhere(client, need, repository, second, run).await;
        }
        renewed.judged(second)
    }

    /// An answer of a host that the registry redirects to, which may want a token of its own. It gets one that anybody
    /// gets, and never a credential of the registry.
    async fn admitted_elsewhere(
        &self,
        client: &Client,
        need: &Need,
        repository: &Repository,
        first: Exchange,
        run: Run<'_>,
    ) -> Result<Exchange, Fault> {
        let Some(challenge @ Challenge::Bearer { .. }) =
            Challenge::of(&first.headers).filter(|_| first.status == StatusCode::UNAUTHORIZED)
        else {
            return Ok(first);
        };
        let origin = first.target.origin.clone();
        let scope = Scope { origin: origin.clone(), path: repository.path().to_owned(), who: Who::Anybody };
        let slot = self.passes.slot(scope);
        let mut answer = first;
        let mut standing = slot.standing();
        // What was given before may have run out.
        for _ in 0..2 {
            if standing.granted().is_none() && slot.may_renew(&standing) {
                standing = self.renew(client, &slot, standing, &origin, None, &challenge, run).await?;
            }
            // The answer that we have says that it cannot be had.
            let Some(pass) = standing.granted() else { return Ok(answer) };
            let target = answer.target.clone();
            drain(answer.body, run.deadline).await;
            let route = Route { near: &self.far, far: &self.far };
            answer = client.follow(Ask::of(need, target), route, Some(pass.credential.clone()), run).await?;
            if answer.status != StatusCode::UNAUTHORIZED || answer.target.origin != origin {
                slot.accepted(&standing);
                return Ok(answer);
            }
            if !slot.may_renew(&standing) {
                return Ok(answer);
            }
            standing = self.renew(client, &slot, standing, &origin, None, &challenge, run).await?;
        }
        Ok(answer)
    }

    async fn send(
        &self,
        client: &Client,
        need: &Need,
        target: &Target,
        pass: Option<&Pass>,
        run: Run<'_>,
    ) -> Result<Exchange, Fault> {
        let route = Route { near: &self.near, far: &self.far };
        client.follow(Ask::of(need, target.clone()), route, pass.map(|pass| pass.credential.clone()), run).await
    }

    /// Gets a pass, unless another request got one since `standing` was looked up.
    #[expect(clippy::too_many_arguments, reason = "each of them is a different thing that the question is about")]
    async fn renew(
        &self,
        client: &Client,
        slot: &passes::Slot,
        standing: Standing,
        origin: &Origin,
        repository: Option<&Repository>,
        challenge: &Challenge,
        run: Run<'_>,
    ) -> Result<Standing, Fault> {
        let visitor = auth::Visitor { client, wire: &self.far, origin, repository };
        slot.renew(standing, run.deadline, visitor.pass(challenge, run)).await
    }

    /// Where a need goes: the repository's own host over the scheme that it speaks, or elsewhere as the URL says.
    async fn target(
        &self,
        client: &Client,
        need: &Need,
        repository: &Repository,
        run: Run<'_>,
    ) -> Result<Place, Fault> {
        let bad = |reason| Fault::bad_url(&need.url, reason);
        let url = url::parse(&need.url).map_err(bad)?;
        let registry = repository.registry();
        let scheme = self.schemes.of(registry, client.options().registry.transport, &self.near, run.deadline).await;
        let path = url.uri.path_and_query().map_or("/", |path| path.as_str());
        let own = url::parse(&format!("{scheme}://{registry}{path}")).map_err(bad)?;
        let authority = |target: &Target| target.uri.authority().map(|it| it.as_str().to_ascii_lowercase());
        if authority(&own) == authority(&url) || own.origin == url.origin {
            return Ok(Place::Own(own));
        }
        if own.origin.is_https() && !url.origin.is_https() {
            return Err(bad("http, while the registry is https"));
        }
        Ok(Place::Elsewhere(url))
    }

    fn asked_before(&self, origin: &Origin) -> Option<Challenge> {
        let challenges = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        // Without its scope, which is of one repository.
        Some(match challenges.get(origin)?.clone() {
            Challenge::Bearer { realm, service, .. } => Challenge::Bearer { realm, service, scope: None },
            Challenge::Basic => Challenge::Basic,
        })
    }

    fn ask_before(&self, origin: Origin, challenge: &Challenge) {
        let mut challenges = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        if challenges.len() < limits::SCOPES {
            challenges.insert(origin, challenge.clone());
        }
    }
}

/// Where a need goes.
enum Place {
    /// To the repository's own host.
    Own(Target),
    /// To another one, which gave answers for the repository before.
    Elsewhere(Target),
}

impl Standing {
    /// What lets a request in, if anything is needed; a refusal that is not long ago is not asked for again.
    fn pass(&self) -> Result<Option<&Pass>, Fault> {
        match self.outcome() {
            None | Some(passes::Outcome::Nothing) => Ok(None),
            Some(passes::Outcome::Granted(pass)) => Ok(Some(pass)),
            Some(passes::Outcome::Denied(unreachable, host)) => Err(Fault::of(unreachable.clone(), host.clone())),
        }
    }

    fn granted(&self) -> Option<&Pass> {
        self.pass().ok().flatten()
    }

    /// The answer, unless it says no and a credential was kept back: then that is what the user must know.
    fn judged(&self, exchange: Exchange) -> Result<Exchange, Fault> {
        let refused = matches!(exchange.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        match self.outcome() {
            Some(passes::Outcome::Granted(Pass { kept_back: Some(kept_back), .. })) if refused => {
                let (request, host) = (format!("{} {}", exchange.method, exchange.asked), exchange.host());
                let (reason, credential) = (kept_back.reason.clone(), Some(kept_back.credential.clone()));
                Err(Fault::of(Unreachable::Unauthorized { request, reason, credential }, host))
            }
            _ => Ok(exchange),
        }
    }
}
