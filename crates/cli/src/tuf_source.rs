//! The trust root that TUF maintains: embedded, kept on this machine, or refreshed now, as `sigward_trust::state` says.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use sigward_fetch::{Client, Options, RefreshedTrust, TufStore, refresh_trust, run_blocking};
use sigward_trust::embedded::{EmbeddedRoot, PRODUCTION};
use sigward_trust::state::{self, AtHand, Demand, Network as Reach, Plan, Rules, TufMode};
use sigward_trust::tuf::CachedTrust;

use crate::args::env::{TufEnvironment, TufStorage};
use crate::args::request::{TrustSource, TufRefresh};
use crate::failure::Failure;
use crate::input::small_file;
use crate::network::Network;
use crate::trust_source::TrustFailure;

/// Largest `TUF_ROOT_JSON`.
const ROOT_LIMIT: usize = 512 * 1024;

/// Where TUF's files are, and by which rules they are used.
#[derive(Debug)]
pub struct TufSource {
    rules: Rules,
    environment: TufEnvironment,
    warnings: Vec<String>,
}

/// What there is, and where to ask.
struct Local {
    start_root: Vec<u8>,
    mirror: String,
    store: Option<TufStore>,
    embedded: Option<EmbeddedRoot>,
    at_hand: AtHand,
    cached: Option<CachedTrust>,
}

/// What `trust show` tells of the trust root in use.
#[derive(Debug)]
pub struct InUse {
    /// `trusted_root.json`.
    pub trusted_root: Vec<u8>,
    /// Where it comes from, in words.
    pub origin: String,
    /// As of when it was known to be the newest.
    pub as_of: Option<Timestamp>,
}

impl TufSource {
    /// A source; nothing is read yet.
    pub fn new(source: &TrustSource, environment: &TufEnvironment) -> Self {
        let rules = match source {
            TrustSource::File(_) => Rules::default(),
            TrustSource::Tuf { refresh, max_age } => {
                let mode = match refresh {
                    TufRefresh::Always => TufMode::Always,
                    TufRefresh::Auto => TufMode::Auto,
                    TufRefresh::Never => TufMode::Never,
                };
                let max_age = SignedDuration::try_from(*max_age).unwrap_or(SignedDuration::MAX);
                Rules::new(mode, state::DAY, max_age)
            }
        };
        Self { rules, environment: environment.clone(), warnings: Vec::new() }
    }

    /// The bytes of the trusted root that the rules choose.
    ///
    /// # Errors
    /// [`Failure::Trust`] if none may be used.
    pub fn trusted_root(
        &mut self,
        network: &Network,
        reach: Reach,
        demand: Demand,
        now: Timestamp,
    ) -> Result<Vec<u8>, Failure> {
        let local = self.local(now)?;
        let plan = state::plan(&self.rules, &local.at_hand, reach, demand, now);
        let plan = match plan {
            Plan::Refresh => match self.refresh(&local, network, now) {
                Ok(refreshed) => return Ok(refreshed),
                Err(failure) => {
                    // What the rules are told failed is not looked at by them; the failure itself is kept here.
                    let failed = sigward_trust::Error::NothingAtHand { forbidden_by: "a failed refresh" };
                    let plan = match state::after_failure(&self.rules, &local.at_hand, reach, failed, now) {
                        Ok(plan) => plan,
                        Err(error @ sigward_trust::Error::TooOld { .. }) => {
                            self.warnings.push(format!("the trust root could not be refreshed: {failure}"));
                            return Err(refused(error));
                        }
                        Err(_) => return Err(failure),
                    };
                    self.warnings.push(format!("the trust root could not be refreshed: {failure}"));
                    plan
                }
            },
            plan => plan,
        };
        self.use_plan(plan, local)
    }

    /// A trusted root that is newer than the one at hand, because evidence names a key that is not known; `None` if
    /// there is none or it may not be asked for.
    pub fn refreshed_for_unknown(&mut self, network: &Network, now: Timestamp) -> Option<Vec<u8>> {
        let local = self.local(now).ok()?;
        match state::plan(&self.rules, &local.at_hand, Reach::Unneeded, Demand::UnknownKey, now) {
            Plan::Refresh => match self.refresh(&local, network, now) {
                Ok(refreshed) => Some(refreshed),
                Err(failure) => {
                    self.warnings.push(format!(
                        "the evidence names a log or authority that is not known, and the trust root could not be \
                         refreshed: {failure}"
                    ));
                    None
                }
            },
            _ => None,
        }
    }

    /// Refreshes now, whatever the age of what is at hand.
    ///
    /// # Errors
    /// [`Failure::Trust`].
    pub fn update(&mut self, network: &Network, now: Timestamp) -> Result<RefreshedTrust, Failure> {
        let local = self.local(now)?;
        run_refresh(&local, network, Options::from_env(), network.deadline(), now)
    }

    /// What would be used without a request.
    ///
    /// # Errors
    /// [`Failure::Trust`] if nothing is at hand.
    pub fn in_use(&mut self, now: Timestamp) -> Result<InUse, Failure> {
        let local = self.local(now)?;
        let never = Rules::new(TufMode::Never, state::DAY, self.rules.max_age);
        let plan = state::plan(&never, &local.at_hand, Reach::Unneeded, Demand::Ordinary, now);
        if let Plan::Refuse(sigward_trust::Error::NothingAtHand { .. }) = plan {
            // Nobody typed `--tuf=never`.
            let reason = format!("no trust root is at hand for {}: `sigward trust update` gets one", local.mirror);
            return Err(Failure::Trust(TrustFailure::Unusable { reason }));
        }
        let (origin, as_of) = match (&plan, &local.embedded, &local.cached) {
            (Plan::UseEmbedded { .. }, Some(embedded), _) => {
                (format!("embedded ({})", embedded.origin), Some(embedded.as_of()))
            }
            (Plan::UseCached { .. }, _, Some(cached)) => {
                let place = local.store.as_ref().map(|s| s.folder().display().to_string()).unwrap_or_default();
                let refreshed = local.at_hand.cached.and_then(|c| c.refreshed);
                (format!("{} in {place} (TUF root {})", local.mirror, cached.root_version), refreshed)
            }
            _ => (String::new(), None),
        };
        Ok(InUse { trusted_root: self.use_plan(plan, local)?, origin, as_of })
    }

    /// Warnings so far.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    fn use_plan(&mut self, plan: Plan, local: Local) -> Result<Vec<u8>, Failure> {
        let nothing = || Failure::Trust(TrustFailure::Unusable { reason: "no trust root is at hand".into() });
        let (bytes, warning) = match plan {
            Plan::UseCached { warning } => (local.cached.map(|c| c.target), warning),
            Plan::UseEmbedded { warning } => (local.embedded.map(|e| e.trusted_root.to_vec()), warning),
            Plan::Refuse(error) => return Err(refused(error)),
            Plan::Refresh => (None, None),
        };
        self.warnings.extend(warning.map(|stale| stale.to_string()));
        bytes.ok_or_else(nothing)
    }

    /// Reads what is on this machine.
    fn local(&self, now: Timestamp) -> Result<Local, Failure> {
        let base = match self.environment.storage {
            TufStorage::Directory => self.environment.directory.clone(),
            TufStorage::Memory => None,
        };
        let unusable =
            |error: sigward_fetch::Error| Failure::Trust(TrustFailure::Unusable { reason: error.to_string() });
        let initialized = match &base {
            Some(base) => TufStore::initialized_mirror(base).map_err(unusable)?,
            None => None,
        };
        let mirror = self.environment.mirror.clone().or(initialized).unwrap_or_else(|| PRODUCTION.mirror.to_owned());
        let embedded = EmbeddedRoot::for_mirror(&mirror);
        let store = base.map(|base| TufStore::new(base, &mirror)).transpose().map_err(unusable)?;
        let start_root = match &self.environment.root_json {
            Some(path) => small_file(path, ROOT_LIMIT)?,
            None => match (&embedded, store.as_ref().and_then(TufStore::root)) {
                (Some(embedded), _) => embedded.tuf_root.to_vec(),
                (None, Some(root)) => root,
                (None, None) => {
                    let reason = format!("no root for {mirror}: name it with TUF_ROOT_JSON");
                    return Err(Failure::Trust(TrustFailure::Unusable { reason }));
                }
            },
        };
        let as_of = embedded.map(|e| e.as_of());
        let (at_hand, cached) = match &store {
            Some(store) => store.at_hand(&start_root, as_of, now),
            None => (AtHand { embedded: as_of, ..AtHand::default() }, None),
        };
        Ok(Local { start_root, mirror, store, embedded, at_hand, cached })
    }

    fn refresh(&mut self, local: &Local, network: &Network, now: Timestamp) -> Result<Vec<u8>, Failure> {
        // Only `always` was asked for; else nobody waits for a mirror that does not answer.
        let (options, deadline) = match self.rules.mode {
            TufMode::Always => (Options::from_env(), network.deadline()),
            _ => {
                let soon = Instant::now() + sigward_fetch::limits::UNASKED_REFRESH;
                (Options::from_env().unasked(), network.deadline().min(soon))
            }
        };
        let refreshed = run_refresh(local, network, options, deadline, now)?;
        self.warnings.extend(refreshed.not_cached.map(|error| format!("the trust root could not be kept: {error}")));
        Ok(refreshed.trusted_root)
    }
}

fn run_refresh(
    local: &Local,
    network: &Network,
    options: Options,
    deadline: Instant,
    now: Timestamp,
) -> Result<RefreshedTrust, Failure> {
    network.log("refreshing the trust root from", &local.mirror);
    let client = Client::new(options);
    let outcome = run_blocking(async {
        refresh_trust(local.store.as_ref(), &local.start_root, &local.mirror, now, &client, deadline).await
    });
    outcome.and_then(|result| result).map_err(|error| {
        let reason = error.to_string();
        Failure::Trust(match error {
            sigward_fetch::Error::Trust(sigward_trust::Error::Unreachable(_) | sigward_trust::Error::Status { .. })
            | sigward_fetch::Error::Unreachable(_)
            | sigward_fetch::Error::Status { .. } => TrustFailure::Network { reason },
            _ => TrustFailure::Update { reason },
        })
    })
}

fn refused(error: sigward_trust::Error) -> Failure {
    let reason = error.to_string();
    Failure::Trust(match error {
        sigward_trust::Error::TooOld { .. } => TrustFailure::TooOld { reason },
        _ => TrustFailure::Unusable { reason },
    })
}
