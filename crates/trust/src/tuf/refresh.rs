//! The refresh: roots, timestamp, snapshot, targets, target files.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use sigstore_tuf::{MetaFile, TargetFile};
use sigward_verify::evidence::{Answer, Inquiry, Need, Service, Step};

use super::local::{Trusted, check_target};
use super::names::{TargetName, encoded};
use super::search::{Edge, Next, Search};
use super::{Accepted, CachedFiles, MetadataFile, Refreshed, TargetBytes};
use crate::Error;
use crate::limits::{self, Limits};

/// What a refresh starts from.
#[derive(Debug, Clone)]
pub struct Start {
    /// The root that is trusted to begin with: embedded, given by the user, or cached by `initialize`.
    pub root: Vec<u8>,
    /// What a former refresh left.
    pub cached: CachedFiles,
    /// URL of the metadata.
    pub mirror: String,
    /// URL of the target files, if it is not `targets/` below the mirror.
    pub targets_url: Option<String>,
    /// Which target files are wanted.
    pub names: Vec<String>,
    /// The time that signatures must not have ended at.
    pub now: Timestamp,
    /// Bounds.
    pub limits: Limits,
}

/// A refresh under way.
#[derive(Debug)]
pub struct Refresh {
    trusted: Trusted,
    cached: CachedFiles,
    mirror: String,
    targets_url: String,
    wanted: VecDeque<TargetName>,
    found: BTreeMap<String, TargetBytes>,
    now: Timestamp,
    limits: Limits,
    first_root: u64,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Begin,
    Root,
    Timestamp,
    Snapshot,
    Targets,
    Delegated(Search, Edge),
    Target(TargetName, TargetFile),
    Over,
}

impl Refresh {
    /// Verifies the starting root and the cached ones that continue its chain.
    pub fn new(start: Start) -> Result<Self, Error> {
        let mut trusted = Trusted::start(&start.root)?;
        trusted.walk_cached_roots(&start.cached.roots);
        let mirror = start.mirror.trim_end_matches('/').to_owned();
        let targets_url = start.targets_url.unwrap_or_else(|| format!("{mirror}/targets"));
        Ok(Self {
            first_root: trusted.set.root().version,
            trusted,
            cached: start.cached,
            targets_url: targets_url.trim_end_matches('/').to_owned(),
            mirror,
            wanted: start.names.iter().map(|name| TargetName::new(name)).collect::<Result<_, _>>()?,
            found: BTreeMap::new(),
            now: start.now,
            limits: start.limits,
            stage: Stage::Begin,
        })
    }

    /// What was verified so far; of interest where the refresh fails later.
    pub fn accepted(&self) -> Accepted {
        self.trusted.accepted()
    }

    /// One stage further; no need means that everything is there.
    fn advance(&mut self, answers: Vec<Answer>) -> Result<Option<Need>, Error> {
        let expected = if matches!(self.stage, Stage::Begin | Stage::Over) { 0 } else { 1 };
        if answers.len() != expected {
            return Err(Error::WrongAnswers { expected, found: answers.len() });
        }
        let answer = answers.into_iter().next();
        // 5.3.1: the stage is over unless the rules below go on.
        match (std::mem::replace(&mut self.stage, Stage::Over), answer) {
            (Stage::Begin, _) => Ok(Some(self.ask_root())),
            (Stage::Root, Some(answer)) => self.root(answer),
            (Stage::Timestamp, Some(answer)) => self.timestamp(answer),
            (Stage::Snapshot, Some(answer)) => {
                let (file, _) = self.pinned("snapshot", self.snapshot_pin())?;
                let bytes = self.required(&file, answer)?;
                self.take_snapshot(bytes, file)
            }
            (Stage::Targets, Some(answer)) => {
                let (file, _) = self.pinned("targets", self.targets_pin("targets"))?;
                let bytes = self.required(&file, answer)?;
                self.take_targets(bytes, file)
            }
            (Stage::Delegated(search, edge), Some(answer)) => self.delegated(search, edge, answer),
            (Stage::Target(name, listed), Some(answer)) => self.target(name, listed, answer),
            (_, _) => Ok(None),
        }
    }

    // 5.3 Update the root role.

    fn ask_root(&mut self) -> Need {
        self.stage = Stage::Root;
        let version = self.trusted.set.root().version.saturating_add(1);
        self.get(&format!("{version}.root.json"), self.limits.root)
    }

    fn root(&mut self, answer: Answer) -> Result<Option<Need>, Error> {
        let version = self.trusted.set.root().version.saturating_add(1);
        let file = format!("{version}.root.json");
        let Some(bytes) = self.optional(&file, answer)? else { return self.last_root() };
        // 5.3.3: a chain must have an end.
        if version - self.first_root > u64::from(self.limits.root_steps) {
            return Err(Error::RootChain { start: self.first_root, limit: self.limits.root_steps });
        }
        // 5.3.4 and 5.3.5: signatures of the old and of the new root's keys, version exactly one more.
        self.trusted.set.update_root(&bytes).map_err(|source| Error::Refused { file, source })?;
        self.trusted.new_roots.push((version, bytes));
        Ok(Some(self.ask_root()))
    }

    fn last_root(&mut self) -> Result<Option<Need>, Error> {
        // 5.3.10: only the last root must not have expired.
        let file = format!("{}.root.json", self.trusted.set.root().version);
        self.trusted.set.check_root_expired(self.now).map_err(|source| Error::Refused { file, source })?;
        self.trusted.seed(&self.cached);
        self.stage = Stage::Timestamp;
        Ok(Some(self.get("timestamp.json", self.limits.timestamp)))
    }

    // 5.4 Update the timestamp role.

    fn timestamp(&mut self, answer: Answer) -> Result<Option<Need>, Error> {
        let bytes = self.required("timestamp.json", answer)?;
        let set = &mut self.trusted.set;
        let refused = |source| Error::Refused { file: "timestamp.json".to_owned(), source };
        match set.update_timestamp(&bytes, self.now) {
            Ok(()) => self.trusted.timestamp = Some(bytes),
            // 5.4.3.1: the same version is no update; the cached one stays, and must still be signed for now.
            Err(sigstore_tuf::Error::EqualVersion { .. }) => set.check_timestamp_expired(self.now).map_err(refused)?,
            Err(source) => return Err(refused(source)),
        }
        self.ask_snapshot()
    }

    // 5.5 Update the snapshot role.

    fn ask_snapshot(&mut self) -> Result<Option<Need>, Error> {
        let (file, limit) = self.pinned("snapshot", self.snapshot_pin())?;
        // A cached one counts if it passes the same door as a new one.
        if let Some(bytes) = self.trusted.snapshot.clone().or_else(|| self.cached.snapshot.clone())
            && self.trusted.set.update_snapshot(&bytes, self.now).is_ok()
        {
            self.trusted.snapshot = Some(bytes);
            return self.ask_targets();
        }
        self.stage = Stage::Snapshot;
        Ok(Some(self.get(&file, limit.min(self.limits.snapshot))))
    }

    fn take_snapshot(&mut self, bytes: Vec<u8>, file: String) -> Result<Option<Need>, Error> {
        let set = &mut self.trusted.set;
        set.update_snapshot(&bytes, self.now).map_err(|source| Error::Refused { file, source })?;
        self.trusted.snapshot = Some(bytes);
        self.ask_targets()
    }

    // 5.6 Update the targets role.

    fn ask_targets(&mut self) -> Result<Option<Need>, Error> {
        let (file, limit) = self.pinned("targets", self.targets_pin("targets"))?;
        if let Some(bytes) = self.trusted.targets.clone().or_else(|| self.cached.targets.clone())
            && self.trusted.set.update_targets(&bytes, self.now).is_ok()
        {
            self.trusted.targets = Some(bytes);
            return self.next_target();
        }
        self.stage = Stage::Targets;
        Ok(Some(self.get(&file, limit.min(self.limits.targets))))
    }

    fn take_targets(&mut self, bytes: Vec<u8>, file: String) -> Result<Option<Need>, Error> {
        let set = &mut self.trusted.set;
        set.update_targets(&bytes, self.now).map_err(|source| Error::Refused { file, source })?;
        self.trusted.targets = Some(bytes);
        self.next_target()
    }

    fn next_target(&mut self) -> Result<Option<Need>, Error> {
        match self.wanted.pop_front() {
            None => Ok(None),
            Some(name) => self.search(Search::new(name, self.limits.delegations)),
        }
    }

    /// Goes on with a search until it needs a request or ends.
    fn search(&mut self, mut search: Search) -> Result<Option<Need>, Error> {
        loop {
            let edge = match search.next(&self.trusted.set)? {
                Next::Found(listed) => return self.ask_target(search.name().clone(), listed),
                Next::Trust(edge) => edge,
            };
            let (file, limit) = self.pinned(&edge.role, self.targets_pin(&edge.role))?;
            let set = &mut self.trusted.set;
            if set.targets_role(&edge.role).is_some() {
                // Trusted through one parent is not trusted through another.
                set.verify_delegated_targets(&edge.role, &edge.delegator, self.now)
                    .map_err(|source| Error::Refused { file, source })?;
            } else if let Some(bytes) = self.cached.delegated.get(&edge.role)
                && set.update_delegated_targets(bytes, &edge.role, &edge.delegator, self.now).is_ok()
            {
                self.trusted.delegated.insert(edge.role.clone(), bytes.clone());
            } else {
                self.stage = Stage::Delegated(search, edge);
                return Ok(Some(self.get(&file, limit.min(self.limits.targets))));
            }
            if let Some(listed) = search.visit(&self.trusted.set, &edge.role)? {
                return self.ask_target(search.name().clone(), listed);
            }
        }
    }

    fn delegated(&mut self, mut search: Search, edge: Edge, answer: Answer) -> Result<Option<Need>, Error> {
        let (file, _) = self.pinned(&edge.role, self.targets_pin(&edge.role))?;
        let bytes = self.required(&file, answer)?;
        self.trusted
            .set
            .update_delegated_targets(&bytes, &edge.role, &edge.delegator, self.now)
            .map_err(|source| Error::Refused { file, source })?;
        self.trusted.delegated.insert(edge.role.clone(), bytes);
        match search.visit(&self.trusted.set, &edge.role)? {
            Some(listed) => self.ask_target(search.name().clone(), listed),
            None => self.search(search),
        }
    }

    // 5.7 Fetch target.

    fn ask_target(&mut self, name: TargetName, listed: TargetFile) -> Result<Option<Need>, Error> {
        let limit = usize::try_from(listed.length).ok().filter(|length| *length <= self.limits.target);
        let Some(limit) = limit else {
            let (name, length) = (name.as_str().to_owned(), listed.length);
            return Err(Error::TargetTooLarge { name, length, limit: self.limits.target });
        };
        if let Some(bytes) = self.cached.target_files.get(name.as_str())
            && check_target(bytes, &listed, name.as_str()).is_ok()
        {
            self.found.insert(name.as_str().to_owned(), TargetBytes { bytes: bytes.clone(), changed: false });
            return self.next_target();
        }
        let path = if self.trusted.set.root().consistent_snapshot {
            name.url_path(Some(digest_in_url(&name, &listed)?))
        } else {
            name.url_path(None)
        };
        let url = format!("{}/{path}", self.targets_url);
        self.stage = Stage::Target(name, listed);
        Ok(Some(Need::get(Service::Tuf, url, limit)))
    }

    fn target(&mut self, name: TargetName, listed: TargetFile, answer: Answer) -> Result<Option<Need>, Error> {
        let bytes = self.required(name.as_str(), answer)?;
        check_target(&bytes, &listed, name.as_str())?;
        self.found.insert(name.as_str().to_owned(), TargetBytes { bytes, changed: true });
        self.next_target()
    }

    // Names, limits and answers.

    fn snapshot_pin(&self) -> Option<&MetaFile> {
        self.trusted.set.timestamp()?.snapshot_meta()
    }

    fn targets_pin(&self, role: &str) -> Option<&MetaFile> {
        self.trusted.set.snapshot()?.meta.get(&format!("{role}.json"))
    }

    /// The file name of a role, and the length that is signed for it.
    fn pinned(&self, role: &str, pin: Option<&MetaFile>) -> Result<(String, usize), Error> {
        let too_long = role.len() > limits::NAME;
        let Some(pin) = pin.filter(|_| !too_long) else {
            let source = sigstore_tuf::Error::UnknownRole(role.to_owned());
            return Err(Error::Refused { file: format!("{}.json", encoded(role)), source });
        };
        let file = match self.trusted.set.root().consistent_snapshot {
            true => format!("{}.{}.json", pin.version, encoded(role)),
            false => format!("{}.json", encoded(role)),
        };
        Ok((file, pin.length.map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(usize::MAX))))
    }

    fn get(&self, file: &str, limit: usize) -> Need {
        Need::get(Service::Tuf, format!("{}/{file}", self.mirror), limit)
    }

    fn required(&self, file: &str, answer: Answer) -> Result<Vec<u8>, Error> {
        let response = answer.outcome?;
        match response.status {
            200 => Ok(response.body),
            status => Err(Error::Status { file: file.to_owned(), url: answer.url, status }),
        }
    }

    /// 404 and 403 say that there is no such file (object stores answer 403 for what they may not list); anything
    /// else but a file says nothing at all, and "no newer root" must not be concluded from it.
    fn optional(&self, file: &str, answer: Answer) -> Result<Option<Vec<u8>>, Error> {
        match &answer.outcome {
            Ok(response) if matches!(response.status, 404 | 403) => Ok(None),
            _ => self.required(file, answer).map(Some),
        }
    }

    fn result(&mut self) -> Result<Refreshed, Error> {
        let set = &self.trusted.set;
        let lost = |file: &str| Error::NotCached { file: file.to_owned() };
        let timestamp = set.timestamp().ok_or_else(|| lost("timestamp.json"))?;
        let snapshot = set.snapshot().ok_or_else(|| lost("snapshot.json"))?;
        let targets = set.targets_role("targets").ok_or_else(|| lost("targets.json"))?;
        let file = |bytes: Option<&Vec<u8>>, version, expires, cached: Option<&Vec<u8>>| MetadataFile {
            changed: bytes != cached,
            bytes: bytes.cloned().unwrap_or_default(),
            version,
            expires,
        };
        let root = set.root_bytes().to_vec();
        Ok(Refreshed {
            root: file(Some(&root), set.root().version, set.root().expires, self.cached.roots.last()),
            timestamp: file(
                self.trusted.timestamp.as_ref(),
                timestamp.version,
                timestamp.expires,
                self.cached.timestamp.as_ref(),
            ),
            snapshot: file(
                self.trusted.snapshot.as_ref(),
                snapshot.version,
                snapshot.expires,
                self.cached.snapshot.as_ref(),
            ),
            targets: file(
                self.trusted.targets.as_ref(),
                targets.version,
                targets.expires,
                self.cached.targets.as_ref(),
            ),
            new_roots: self.trusted.new_roots.clone(),
            delegated: self.trusted.delegated.clone(),
            target_files: std::mem::take(&mut self.found),
        })
    }
}

impl Inquiry for Refresh {
    type Out = Refreshed;
    type Error = Error;

    fn step(&mut self, answers: Vec<Answer>) -> Step<Refreshed, Error> {
        match self.advance(answers) {
            Ok(Some(need)) => Step::Need(vec![need]),
            Ok(None) => match self.result() {
                Ok(refreshed) => Step::Done(refreshed),
                Err(error) => Step::Failed(error),
            },
            Err(error) => Step::Failed(error),
        }
    }
}

/// The digest that stands before the file name. It comes from metadata and goes into a URL, so it must be one.
fn digest_in_url<'a>(name: &TargetName, listed: &'a TargetFile) -> Result<&'a str, Error> {
    [("sha256", 64), ("sha512", 128)]
        .into_iter()
        .filter_map(|(algorithm, length)| Some((listed.hashes.get(algorithm)?, length)))
        .find(|(digest, length)| digest.len() == *length && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(|(digest, _)| digest.as_str())
        .ok_or_else(|| Error::NoDigest { name: name.as_str().to_owned() })
}
