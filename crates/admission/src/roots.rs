//! Trust material that is kept up to date: the public instance's, and that of each TrustRoot. A refresh that fails keeps
//! what was there; a TrustRoot that was changed starts anew.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use sigward_fetch::{Budget, Client, TufStore, drive, refresh_trust};
use sigward_policy::object::ObjectKind;
use sigward_policy::plan::Trusted;
use sigward_policy::resolve::Fingerprint;
use sigward_policy::trust_root::{TrustRoot, TrustRootContent, TrustRootPlan, plan};
use sigward_trust::embedded::{EmbeddedRoot, PRODUCTION};
use sigward_trust::tuf::CachedFiles;
use sigward_verify::sha256;

use crate::logs::Log;
use crate::metrics::Metrics;
use crate::objects::ObjectStore;
use crate::trust::{TrustMap, of_trusted_root};

/// How long one TUF repository may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// When a refresh that failed is tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// Where the public instance's material comes from.
#[derive(Debug, Clone)]
pub enum PublicSource {
    /// This file's bytes, and nothing else.
    Given(Vec<u8>),
    /// A TUF repository; until it answers, what is kept or embedded.
    Tuf {
        /// Its URL.
        mirror: String,
        /// The root to start from, where it is not the embedded one.
        root: Option<Vec<u8>>,
        /// The folder where it is kept.
        cache: Option<PathBuf>,
        /// Whether it is asked.
        refresh: Refresh,
    },
}

/// Whether a TUF repository is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// It is.
    Allowed,
    /// `--disable-tuf`.
    Forbidden,
}

/// Settings of all trust material.
#[derive(Debug, Clone)]
pub struct RootSettings {
    /// The public instance's.
    pub public: PublicSource,
    /// How often material is refreshed.
    pub period: Duration,
    /// Material that is known to be the newest for longer ago than this does not count; `None` for no limit.
    pub max_age: Option<Duration>,
}

/// Trust material, and what it takes to refresh it.
#[derive(Debug)]
pub struct Roots {
    settings: RootSettings,
    store: Arc<ObjectStore>,
    client: Client,
    log: Log,
    metrics: Arc<Metrics>,
    public: Kept,
    named: BTreeMap<String, Kept>,
}

/// One piece of trust material.
#[derive(Debug)]
struct Kept {
    /// The `spec` that it is from; null for the public instance's.
    spec: Value,
    material: Result<Trusted, String>,
    /// The material as `trusted_root` in JSON, where it is from a TrustRoot.
    published: Option<Arc<[u8]>>,
    files: CachedFiles,
    /// When it was known to be the newest.
    as_of: Timestamp,
    /// When it is to be refreshed; never for what is complete.
    due: Option<Instant>,
}

impl Roots {
    /// What is at hand, without any request.
    pub fn new(
        settings: RootSettings,
        store: Arc<ObjectStore>,
        client: Client,
        log: Log,
        metrics: Arc<Metrics>,
    ) -> Self {
        let public = Kept::public(&settings.public);
        Self { settings, store, client, log, metrics, public, named: BTreeMap::new() }
    }

    /// The material as it is now.
    pub fn map(&self) -> TrustMap {
        let material = |kept: &Kept| self.in_time(kept);
        let named = self.named.iter().map(|(name, kept)| (name.clone(), material(kept))).collect();
        let published = self.named.iter().filter_map(|(name, kept)| Some((name.clone(), kept.published.clone()?)));
        TrustMap::new(material(&self.public)).with_roots(named).with_published(published.collect())
    }

    fn in_time(&self, kept: &Kept) -> Result<Trusted, String> {
        match (self.settings.max_age, kept.due) {
            (Some(limit), Some(_)) if kept.age() > limit => {
                Err(format!("it was refreshed last at {}, which is longer ago than --trust-max-age", kept.as_of))
            }
            _ => kept.material.clone(),
        }
    }

    /// Takes over new and changed TrustRoots, as far as they need no server.
    pub fn take_over(&mut self) {
        let objects = self.store.list(ObjectKind::TrustRoot);
        self.named.retain(|name, _| objects.iter().any(|(key, _)| key.name == *name));
        for (key, object) in objects {
            let spec = object.get("spec").cloned().unwrap_or_default();
            if self.named.get(&key.name).is_some_and(|kept| kept.spec == spec) {
                continue;
            }
            let kept = Kept::of(&object, spec);
            if let Err(reason) = &kept.material
                && kept.due.is_none()
            {
                self.log.error("trust-root-unusable", json!({"name": key.name, "reason": reason}));
            }
            self.named.insert(key.name, kept);
        }
        for (name, kept) in &self.named {
            self.metrics.trust_age(name, kept.age());
        }
        self.metrics.trust_age("public-good", self.public.age());
    }

    /// The refreshes that are due, to be run side by side. Each is due again when it has landed, or long after.
    pub fn errands(&mut self) -> Vec<Errand> {
        let mut errands: Vec<Errand> = Vec::new();
        for (name, kept) in self.named.iter_mut().filter(|(_, kept)| kept.is_due()) {
            kept.due = after(self.settings.period);
            let (client, name, spec, files) =
                (self.client.clone(), name.clone(), kept.spec.clone(), kept.files.clone());
            errands.push(Box::pin(async move {
                let content = ask(&client, &spec, files).await;
                Landed::Named { name, spec, content: content.map(Box::new) }
            }));
        }
        if self.public.is_due()
            && let PublicSource::Tuf { mirror, root, cache, .. } = &self.settings.public
        {
            self.public.due = after(self.settings.period);
            let (client, mirror, root, cache) = (self.client.clone(), mirror.clone(), root.clone(), cache.clone());
            errands.push(Box::pin(async move { Landed::Public(ask_public(&client, &mirror, root, cache).await) }));
        }
        errands
    }

    /// Takes what a refresh brought. What failed is tried again soon, and what was there before stays.
    pub fn land(&mut self, landed: Landed) {
        let period = after(self.settings.period);
        match landed {
            Landed::Public(Ok(trusted)) => {
                (self.public.material, self.public.as_of, self.public.due) = (Ok(trusted), Timestamp::now(), period);
            }
            Landed::Public(Err(reason)) => {
                self.log.warn("trust-refresh-failed", json!({"reason": reason}));
                self.public.due = after(AGAIN);
            }
            Landed::Named { name, spec, content } => {
                // It may have been changed in the meantime, or be gone.
                let Some(kept) = self.named.get_mut(&name).filter(|kept| kept.spec == spec) else { return };
                match content {
                    Ok(content) => {
                        kept.take(*content);
                        kept.due = period;
                    }
                    Err(reason) => {
                        self.log.warn("trust-root-refresh-failed", json!({"name": name, "reason": reason}));
                        if kept.material.is_err() {
                            kept.material = Err(reason);
                        }
                        kept.due = after(AGAIN);
                    }
                }
            }
        }
    }

    /// Whether there is nothing of the public instance before its TUF repository answers.
    pub fn awaits_public(&self) -> bool {
        self.public.material.is_err() && self.public.due.is_some()
    }

    /// When something is to be refreshed next.
    pub fn next(&self) -> Option<Instant> {
        self.named.values().chain([&self.public]).filter_map(|kept| kept.due).min()
    }
}

/// A refresh under way.
pub type Errand = Pin<Box<dyn Future<Output = Landed> + Send>>;

/// What a refresh brought.
#[derive(Debug)]
pub enum Landed {
    /// The public instance's material.
    Public(Result<Trusted, String>),
    /// A TrustRoot's.
    Named {
        /// Its name.
        name: String,
        /// The `spec` that it was asked for.
        spec: Value,
        /// Its content, or why there is none.
        content: Result<Box<TrustRootContent>, String>,
    },
}

async fn ask(client: &Client, spec: &Value, files: CachedFiles) -> Result<TrustRootContent, String> {
    let object = json!({"spec": spec}).to_string();
    let root = sigward_policy::object::decode::<TrustRoot>(object.as_bytes()).map_err(|error| error.to_string())?;
    match plan(&root.spec, files, Timestamp::now()).map_err(|error| error.to_string())? {
        TrustRootPlan::Ready(content) => Ok(*content),
        TrustRootPlan::Ask(mut inquiry) => {
            let deadline = after(PATIENCE).unwrap_or_else(Instant::now);
            let budget = Budget {
                requests: sigward_fetch::limits::TUF_REQUESTS,
                bytes: sigward_fetch::limits::TUF_BYTES,
                concurrency: 1,
            };
            drive(inquiry.as_mut(), client, deadline, budget).await.map_err(|error| error.to_string())
        }
    }
}

async fn ask_public(
    client: &Client,
    mirror: &str,
    root: Option<Vec<u8>>,
    cache: Option<PathBuf>,
) -> Result<Trusted, String> {
    let start = root.or_else(|| EmbeddedRoot::for_mirror(mirror).map(|it| it.tuf_root.to_vec()));
    let start = start.ok_or_else(|| format!("--tuf-root is expected: nothing is embedded for {mirror}"))?;
    let store = cache.and_then(|folder| TufStore::new(folder, mirror).ok());
    let deadline = after(PATIENCE).unwrap_or_else(Instant::now);
    let refreshed = refresh_trust(store.as_ref(), &start, mirror, Timestamp::now(), client, deadline).await;
    of_trusted_root(&refreshed.map_err(|error| format!("{mirror}: {error}"))?.trusted_root)
}

fn after(pause: Duration) -> Option<Instant> {
    Instant::now().checked_add(pause)
}

impl Kept {
    /// The public instance's material that is at hand: given, kept from a former refresh, or embedded.
    fn public(source: &PublicSource) -> Self {
        let fresh = |material, as_of, due| Self {
            spec: Value::Null,
            material,
            published: None,
            files: CachedFiles::default(),
            as_of,
            due,
        };
        let PublicSource::Tuf { mirror, root, cache, refresh } = source else {
            let PublicSource::Given(json) = source else { return fresh(Err(String::new()), Timestamp::now(), None) };
            return fresh(of_trusted_root(json), Timestamp::now(), None);
        };
        let due = (*refresh == Refresh::Allowed).then(Instant::now);
        let embedded = EmbeddedRoot::for_mirror(mirror);
        let start = root.clone().or_else(|| embedded.map(|it| it.tuf_root.to_vec()));
        if let (Some(start), Some(folder)) = (&start, cache)
            && let Ok(store) = TufStore::new(folder.clone(), mirror)
            && let (at_hand, Some(cached)) = store.at_hand(start, None, Timestamp::now())
            && let Ok(trusted) = of_trusted_root(&cached.target)
        {
            let as_of = at_hand.cached.and_then(|cached| cached.refreshed).unwrap_or(Timestamp::UNIX_EPOCH);
            return fresh(Ok(trusted), as_of, due);
        }
        match embedded.filter(|_| root.is_none()) {
            Some(embedded) => fresh(of_trusted_root(embedded.trusted_root), embedded.as_of(), due),
            // With --disable-tuf policies by key need none, as upstream.
            None => {
                let reason =
                    format!("the TUF repository {mirror} has not answered yet, and nothing is kept or embedded");
                fresh(Err(reason), Timestamp::UNIX_EPOCH, due)
            }
        }
    }

    /// A TrustRoot's material, if it needs no server; else it is due.
    fn of(object: &Value, spec: Value) -> Self {
        let mut kept = Self {
            spec,
            material: Err("it has not been fetched yet".to_owned()),
            published: None,
            files: CachedFiles::default(),
            as_of: Timestamp::UNIX_EPOCH,
            due: None,
        };
        let root = sigward_policy::object::decode::<TrustRoot>(object.to_string().as_bytes());
        let planned = root
            .map_err(|error| error.to_string())
            .and_then(|root| plan(&root.spec, CachedFiles::default(), Timestamp::now()).map_err(|e| e.to_string()));
        match planned {
            Ok(TrustRootPlan::Ready(content)) => kept.take(*content),
            Ok(TrustRootPlan::Ask(_)) => kept.due = Some(Instant::now()),
            Err(reason) => kept.material = Err(reason),
        }
        kept
    }

    fn take(&mut self, content: TrustRootContent) {
        let fingerprint = Fingerprint::of_bytes(sha256(&content.trusted_root));
        self.material = Ok(Trusted { material: Arc::new(content.material), fingerprint });
        self.published = Some(content.trusted_root.into());
        self.files = content.files;
        self.as_of = Timestamp::now();
    }

    fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }

    fn age(&self) -> Duration {
        Duration::try_from(Timestamp::now().duration_since(self.as_of)).unwrap_or_default()
    }
}

/// The instance whose TUF repository is asked where nobody says otherwise.
pub const PUBLIC_MIRROR: &str = PRODUCTION.mirror;
