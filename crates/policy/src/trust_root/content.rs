//! What a TrustRoot comes to: keys that count.
//!
//! `sigstoreKeys` and `repository` hold everything themselves. `remote` needs a server: [`TrustRootInquiry`] says what is to
//! be asked, and whoever has sockets asks it.

use jiff::Timestamp;
use serde_json::Value;
use sigward_trust::limits::Limits;
use sigward_trust::tuf::{CachedFiles, Refresh, Start, TRUSTED_ROOT};
use sigward_verify::TrustMaterial;
use sigward_verify::evidence::{Answer, Inquiry, Need, Response, Step, Unreachable};

use super::archive::{Archive, ArchiveFault};
use super::types::{Remote, Repository, TrustRootSpec};
use super::{keys, legacy};

/// Why a TrustRoot yields nothing.
#[derive(Debug, thiserror::Error)]
pub enum TrustRootError {
    /// Not exactly one of `remote`, `repository` and `sigstoreKeys`.
    #[error("exactly one of remote, repository and sigstoreKeys is expected, found {found}")]
    Source {
        /// How many there are.
        found: usize,
    },
    /// The archive cannot be read.
    #[error("failed to uncompress: {0}")]
    Archive(#[from] ArchiveFault),
    /// The TUF repository is refused.
    #[error(transparent)]
    Tuf(#[from] sigward_trust::Error),
    /// A key or certificate cannot be used.
    #[error("{place}: {reason}")]
    Keys {
        /// Where.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// What was found is no trusted root.
    #[error("parsing {name}: {source}")]
    Material {
        /// Where it was found.
        name: String,
        /// What is wrong.
        source: sigward_verify::Error,
    },
    /// An old repository without a single authority.
    #[error("no certificate authorities found")]
    NoAuthorities,
}

/// The keys of a TrustRoot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustRootContent {
    /// The keys, ready for verification.
    pub material: TrustMaterial,
    /// The same as a `TrustedRoot` in protojson, as it was found or made.
    pub trusted_root: Vec<u8>,
    /// The verified files of the TUF repository. The next refresh starts from them, so that nobody can bring back an older
    /// state; empty for `sigstoreKeys`.
    pub files: CachedFiles,
}

/// Where the keys of a TrustRoot are.
#[derive(Debug)]
pub enum TrustRootPlan {
    /// Here.
    Ready(Box<TrustRootContent>),
    /// On a server that must be asked.
    Ask(Box<TrustRootInquiry>),
}

/// Finds the keys of a TrustRoot, or says how to ask for them. `known` is what the last refresh of the same spec left: where the
/// spec has changed, another root may be where trust starts, and nothing is known.
///
/// # Errors
/// [`TrustRootError`].
pub fn plan(spec: &TrustRootSpec, known: CachedFiles, now: Timestamp) -> Result<TrustRootPlan, TrustRootError> {
    match (&spec.remote, &spec.repository, &spec.sigstore_keys) {
        (Some(remote), None, None) => {
            TrustRootInquiry::remote(remote, known, now).map(|inquiry| TrustRootPlan::Ask(Box::new(inquiry)))
        }
        (None, Some(repository), None) => {
            read_repository(repository, known, now).map(|content| TrustRootPlan::Ready(Box::new(content)))
        }
        (None, None, Some(given)) => {
            let json = keys::trusted_root(given)?.to_string().into_bytes();
            let content = TrustRootContent::new(json, CachedFiles::default(), "sigstoreKeys")?;
            Ok(TrustRootPlan::Ready(Box::new(content)))
        }
        (remote, repository, keys) => {
            let found = [remote.is_some(), repository.is_some(), keys.is_some()];
            Err(TrustRootError::Source { found: found.into_iter().filter(|given| *given).count() })
        }
    }
}

impl TrustRootContent {
    pub(super) fn new(trusted_root: Vec<u8>, files: CachedFiles, name: &str) -> Result<Self, TrustRootError> {
        let material = TrustMaterial::from_trusted_root(&trusted_root)
            .map_err(|source| TrustRootError::Material { name: name.to_owned(), source })?;
        Ok(Self { material, trusted_root, files })
    }
}

/// The refresh of a TUF repository that ends in keys: its trusted root, or, in a repository from before there was one, what
/// the custom metadata of its targets names.
#[derive(Debug)]
pub struct TrustRootInquiry {
    refresh: Refresh,
    start: Start,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The trusted root is looked for.
    TrustedRoot,
    /// Targets with keys are fetched.
    Legacy(Vec<legacy::LegacyTarget>),
}

impl TrustRootInquiry {
    /// The refresh of a repository on a server.
    ///
    /// # Errors
    /// [`TrustRootError::Tuf`] if the root to start from, or the target's name, is not acceptable.
    pub fn remote(remote: &Remote, known: CachedFiles, now: Timestamp) -> Result<Self, TrustRootError> {
        let mirror = remote.mirror.as_str();
        Self::new(&remote.root.0, mirror, &remote.targets, &remote.trusted_root_target, known, now)
    }

    fn new(
        root: &[u8],
        mirror: &str,
        targets: &str,
        wanted: &str,
        known: CachedFiles,
        now: Timestamp,
    ) -> Result<Self, TrustRootError> {
        let mirror = mirror.trim_end_matches('/').to_owned();
        let targets = if targets.is_empty() { "targets" } else { targets.trim_matches('/') };
        let start = Start {
            root: root.to_vec(),
            cached: known,
            targets_url: Some(format!("{mirror}/{targets}")),
            mirror,
            names: vec![if wanted.is_empty() { TRUSTED_ROOT } else { wanted }.to_owned()],
            now,
            limits: Limits::default(),
        };
        Ok(Self { refresh: Refresh::new(start.clone())?, start, stage: Stage::TrustedRoot })
    }

    /// What was verified so far, as the start of the next refresh.
    fn verified(&self) -> CachedFiles {
        let accepted = self.refresh.accepted();
        let mut roots = self.start.cached.roots.clone();
        roots.extend(accepted.new_roots.into_iter().map(|(_, root)| root));
        CachedFiles {
            roots,
            timestamp: accepted.timestamp,
            snapshot: accepted.snapshot,
            targets: accepted.targets,
            delegated: accepted.delegated,
            target_files: self.start.cached.target_files.clone(),
        }
    }

    /// The repository has no trusted root: its targets may be keys themselves.
    fn look_for_keys(&mut self) -> Result<Option<Vec<Need>>, TrustRootError> {
        let verified = self.verified();
        let listed = legacy::targets(verified.targets.as_deref().unwrap_or_default())?;
        if listed.is_empty() {
            return Err(TrustRootError::NoAuthorities);
        }
        self.start.cached = verified;
        self.start.names = listed.iter().map(|target| target.name.clone()).collect();
        self.refresh = Refresh::new(self.start.clone())?;
        self.stage = Stage::Legacy(listed);
        match self.refresh.step(Vec::new()) {
            Step::Need(needs) => Ok(Some(needs)),
            Step::Failed(fault) => Err(fault.into()),
            Step::Done(_) => Ok(None),
        }
    }

    fn conclude(&self, found: &sigward_trust::tuf::Refreshed) -> Result<TrustRootContent, TrustRootError> {
        let mut files = self.verified();
        files.target_files = found.target_files.iter().map(|(name, t)| (name.clone(), t.bytes.clone())).collect();
        match &self.stage {
            Stage::TrustedRoot => {
                let name = self.start.names.first().cloned().unwrap_or_default();
                let json = files.target_files.get(&name).cloned().unwrap_or_default();
                TrustRootContent::new(json, files, &name)
            }
            Stage::Legacy(listed) => {
                let json = legacy::trusted_root(listed, &files.target_files)?.to_string().into_bytes();
                TrustRootContent::new(json, files, "targets with custom metadata")
            }
        }
    }
}

impl Inquiry for TrustRootInquiry {
    type Out = TrustRootContent;
    type Error = TrustRootError;

    fn step(&mut self, answers: Vec<Answer>) -> Step<TrustRootContent, TrustRootError> {
        match self.refresh.step(answers) {
            Step::Need(needs) => Step::Need(needs),
            Step::Done(found) => match self.conclude(&found) {
                Ok(content) => Step::Done(content),
                Err(fault) => Step::Failed(fault),
            },
            // Only a target that no role lists leads to the old way; every other fault is one.
            Step::Failed(sigward_trust::Error::TargetNotFound { .. }) if matches!(self.stage, Stage::TrustedRoot) => {
                match self.look_for_keys() {
                    Ok(Some(needs)) => Step::Need(needs),
                    Ok(None) => Step::Failed(TrustRootError::NoAuthorities),
                    Err(fault) => Step::Failed(fault),
                }
            }
            Step::Failed(fault) => Step::Failed(fault.into()),
        }
    }
}

/// A host that cannot exist (RFC 6761): whoever asked it would ask nobody.
const ARCHIVE: &str = "https://archive.invalid";

/// The refresh with the archive as the server.
fn read_repository(
    repository: &Repository,
    known: CachedFiles,
    now: Timestamp,
) -> Result<TrustRootContent, TrustRootError> {
    let archive = Archive::read(&repository.mirror_fs.0)?;
    let (root, wanted) = (&repository.root.0, &repository.trusted_root_target);
    let mut inquiry = TrustRootInquiry::new(root, ARCHIVE, &repository.targets, wanted, known, now)?;
    let mut answers = Vec::new();
    // The refresh has a limit for everything that it may ask, so this ends.
    loop {
        match inquiry.step(answers) {
            Step::Need(needs) => answers = needs.iter().map(|need| answer(&archive, need)).collect(),
            Step::Done(content) => return Ok(content),
            Step::Failed(fault) => return Err(fault),
        }
    }
}

fn answer(archive: &Archive, need: &Need) -> Answer {
    let path = need.url.strip_prefix(ARCHIVE).unwrap_or_default().trim_start_matches('/');
    let found = decoded(path).and_then(|path| archive.get(&path));
    let outcome = match found {
        Some(bytes) if bytes.len() > need.limit => {
            Err(Unreachable::TooLarge { url: need.url.clone(), limit: need.limit })
        }
        _ => Ok(Response {
            status: if found.is_some() { 200 } else { 404 },
            content_type: None,
            body: found.unwrap_or_default().to_vec(),
            content_digest: None,
            link: None,
        }),
    };
    Answer { outcome, host: String::new(), url: need.url.clone(), credential: None }
}

/// Names stand in URLs percent-encoded, in an archive as they are.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = after.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// Reads an entry of `config-sigstore-keys`, which policy-controller may have written: there the id of a log is the base64 of
/// hex digits, and the kind of a key or of the whole document may not be said.
///
/// # Errors
/// [`TrustRootError::Material`] if it is no trusted root.
pub fn read_published(entry: &[u8]) -> Result<TrustMaterial, TrustRootError> {
    let name = "config-sigstore-keys";
    let parse = |json: &[u8]| {
        TrustMaterial::from_trusted_root(json)
            .map_err(|source| TrustRootError::Material { name: name.to_owned(), source })
    };
    let Ok(crate::object::Strict(mut root)) = serde_json::from_slice(entry) else { return parse(entry) };
    if let Some(root) = root.as_object_mut().filter(|root| !root.contains_key("mediaType")) {
        root.insert("mediaType".into(), keys::MEDIA_TYPE.into());
    }
    for list in ["tlogs", "ctlogs"] {
        let logs = root.get_mut(list).and_then(Value::as_array_mut);
        logs.into_iter().flatten().for_each(legacy::repair_log);
    }
    parse(root.to_string().as_bytes())
}
