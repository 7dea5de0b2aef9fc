//! One attempt at what a registry has, with everything that it takes to be let in.

use http::StatusCode;
use sigward_verify::evidence::{Need, Unreachable};
use sigward_verify::image::Repository;

use super::Registries;
use super::auth::Visitor;
use super::challenge::Challenge;
use super::passes::{Outcome, Pass, Scope, Slot, Standing, Who};
use crate::http::url::{self, Target};
use crate::http::{Ask, Client, Exchange, Fault, Origin, Route, Run, drain};

/// A need of a repository, on its way.
pub(super) struct Visit<'a> {
    pub(super) registries: &'a Registries,
    pub(super) client: &'a Client,
    pub(super) need: &'a Need,
    pub(super) repository: &'a Repository,
    pub(super) run: Run<'a>,
}

/// Where a need goes.
enum Place {
    /// To the repository's own host.
    Own(Target),
    /// To another one, which gave answers for the repository before.
    Elsewhere(Target),
}

impl Visit<'_> {
    pub(super) async fn exchange(&self) -> Result<Exchange, Fault> {
        match self.place().await? {
            Place::Own(target) => self.own(target).await,
            Place::Elsewhere(target) => {
                let first = self.send_elsewhere(target, None).await?;
                self.elsewhere(first).await
            }
        }
    }

    /// The repository's own host over the scheme that it speaks, or another one as the URL says.
    async fn place(&self) -> Result<Place, Fault> {
        let bad = |reason| Fault::bad_url(&self.need.url, reason);
        let url = url::parse(&self.need.url).map_err(bad)?;
        let registry = self.repository.registry();
        let transport = self.client.options().registry.transport;
        let Registries { schemes, near, .. } = self.registries;
        let scheme = schemes.of(registry, transport, near, self.run.deadline).await;
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

    async fn own(&self, target: Target) -> Result<Exchange, Fault> {
        let origin = &target.origin;
        let slot = self.slot(origin, Who::Owner);
        let mut standing = slot.standing();
        if standing.is_new()
            && let Some(challenge) = self.registries.challenge_of(origin)
        {
            standing = self.renew(&slot, standing, origin, Who::Owner, &challenge).await?;
        }
        let first = self.send(&target, pass(&standing)?).await?;
        if first.target.origin != *origin {
            return self.elsewhere(first).await;
        }
        if first.status != StatusCode::UNAUTHORIZED {
            slot.accepted(&standing);
            return judged(&standing, first);
        }
        let Some(challenge) = Challenge::of(&first.headers).filter(|_| slot.may_renew(&standing)) else {
            return judged(&standing, first);
        };
        self.registries.remember_challenge(origin, &challenge);
        let standing = self.renew(&slot, standing, origin, Who::Owner, &challenge).await?;
        let Some(pass) = pass(&standing)? else { return Ok(first) };
        drain(first.body, self.run.deadline).await;
        let second = self.send(&target, Some(pass)).await?;
        if second.target.origin != *origin {
            return self.elsewhere(second).await;
        }
        if second.status != StatusCode::UNAUTHORIZED {
            slot.accepted(&standing);
        }
        judged(&standing, second)
    }

    /// An answer of a host that the registry redirects to, which may want a token of its own. It gets one that anybody
    /// gets, and never a credential of the registry.
    async fn elsewhere(&self, first: Exchange) -> Result<Exchange, Fault> {
        let challenge = Challenge::of(&first.headers).filter(|_| first.status == StatusCode::UNAUTHORIZED);
        let Some(challenge @ Challenge::Bearer { .. }) = challenge else { return Ok(first) };
        let origin = &first.target.origin.clone();
        let slot = self.slot(origin, Who::Anybody);
        let mut standing = slot.standing();
        let mut answer = first;
        let is_refused =
            |answer: &Exchange| answer.status == StatusCode::UNAUTHORIZED && answer.target.origin == *origin;
        if let Ok(Some(pass)) = pass(&standing) {
            answer = self.again(answer, pass).await?;
        }
        if is_refused(&answer) && slot.may_renew(&standing) {
            standing = self.renew(&slot, standing, origin, Who::Anybody, &challenge).await?;
            // Without a pass the answer that we have says that it cannot be had.
            if let Ok(Some(pass)) = pass(&standing) {
                answer = self.again(answer, pass).await?;
            }
        }
        if !is_refused(&answer) {
            slot.accepted(&standing);
        }
        Ok(answer)
    }

    fn slot(&self, origin: &Origin, who: Who) -> std::sync::Arc<Slot> {
        let path = self.repository.path().to_owned();
        self.registries.passes.slot(Scope { origin: origin.clone(), path, who })
    }

    /// Gets a pass, unless another request got one since `standing` was looked up.
    async fn renew(
        &self,
        slot: &Slot,
        standing: Standing,
        origin: &Origin,
        who: Who,
        challenge: &Challenge,
    ) -> Result<Standing, Fault> {
        let repository = match who {
            Who::Owner => Some(self.repository),
            Who::Anybody => None,
        };
        let visitor = Visitor { client: self.client, wire: &self.registries.far, origin, repository };
        let late = |late| Fault::late(late, &self.need.url, &origin.to_string());
        slot.renew(standing, self.run.deadline, late, visitor.pass(challenge, self.run)).await
    }

    async fn send(&self, target: &Target, pass: Option<&Pass>) -> Result<Exchange, Fault> {
        let route = Route { near: &self.registries.near, far: &self.registries.far };
        let credential = pass.map(|pass| pass.credential.clone());
        self.client.follow(Ask::of(self.need, target.clone()), route, credential, self.run).await
    }

    async fn send_elsewhere(&self, target: Target, pass: Option<&Pass>) -> Result<Exchange, Fault> {
        let route = Route { near: &self.registries.far, far: &self.registries.far };
        let credential = pass.map(|pass| pass.credential.clone());
        self.client.follow(Ask::of(self.need, target), route, credential, self.run).await
    }

    async fn again(&self, answer: Exchange, pass: &Pass) -> Result<Exchange, Fault> {
        drain(answer.body, self.run.deadline).await;
        self.send_elsewhere(answer.target, Some(pass)).await
    }
}

/// What lets a request in, if anything is needed; a refusal that is not long ago is not asked for again.
fn pass(standing: &Standing) -> Result<Option<&Pass>, Fault> {
    match standing.outcome() {
        None | Some(Outcome::Nothing) => Ok(None),
        Some(Outcome::Granted(pass)) => Ok(Some(pass)),
        Some(Outcome::Denied(unreachable, host)) => Err(Fault::of(unreachable.clone(), host.clone())),
    }
}

/// The answer, unless it says no and a credential was kept back: then that is what the user must know.
fn judged(standing: &Standing, exchange: Exchange) -> Result<Exchange, Fault> {
    let refused = matches!(exchange.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    match standing.outcome() {
        Some(Outcome::Granted(Pass { kept_back: Some(kept_back), .. })) if refused => {
            let (request, host) = (format!("{} {}", exchange.method, exchange.asked), exchange.host());
            let (reason, credential) = (kept_back.reason.clone(), Some(kept_back.credential.clone()));
            Err(Fault::of(Unreachable::Unauthorized { request, reason, credential }, host))
        }
        _ => Ok(exchange),
    }
}
