//! How a release is fetched or verified: version, SBOMs, a plan of the files, then all of them side by side.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use sigward_fetch::RetryPolicy;

use super::desk::{Desk, Failed, Ready};
use super::fault::Fault;
use super::folder::Folder;
use super::layout::{ArtifactPath, RELEASE_SBOM, SUMS};
use super::markers::{Choice, Version};
use super::outcome::{Accepted, Outcome};
use super::plan::{self, Lists, Plan, Refused};
use super::reader;
use super::rules::{Event, Rules};
use super::server::Server;
use super::spdx::SpdxDocument;
use super::witness::{Subject, Witness, check_head};
use crate::failure::Failure;
use crate::network::Network;
use crate::trust_source::TrustSession;

/// Where files come from and go to.
#[derive(Debug)]
pub enum Place<'a> {
    /// They are fetched into a folder.
    Fetched {
        /// The server's root.
        base: &'a str,
        /// The folder.
        root: Folder,
    },
    /// They lie in a folder.
    Folder {
        /// The folder.
        root: Folder,
    },
    /// They are read from a server, and not stored.
    Server {
        /// The server's root.
        base: &'a str,
    },
}

impl<'a> Place<'a> {
    fn base(&self) -> Option<&'a str> {
        match self {
            Self::Fetched { base, .. } | Self::Server { base } => Some(base),
            Self::Folder { .. } => None,
        }
    }
}

/// How it is done.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Files at a time.
    pub jobs: NonZeroUsize,
    /// Repetitions.
    pub retry: RetryPolicy,
}

/// What became of it all.
#[derive(Debug)]
pub struct Results<'a> {
    /// Of each file.
    pub outcomes: Vec<Outcome>,
    /// The verified SBOM of the release, if there is one.
    pub witness: Option<Witness>,
    /// The trust that was used.
    pub session: TrustSession<'a>,
}

/// A version, and where it comes from.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The version.
    pub version: Version,
    /// The marker file that named it: nobody signs those.
    pub marker: Option<String>,
}

/// The version that was asked for; a marker file is asked for it if need be.
///
/// # Errors
/// [`Failure::Network`] if there is no such marker, or it names no version.
pub fn resolve(choice: &Choice, base: &str, retry: RetryPolicy, network: &Network) -> Result<Resolved, Failure> {
    let marker = match choice {
        Choice::Exact(version) => return Ok(Resolved { version: version.clone(), marker: None }),
        Choice::Marker(marker) => marker,
    };
    let path = format!("release/{marker}.txt");
    let failed = |reason: String| Failure::Network { what: format!("{base}/{path}"), reason };
    let server = Server::new(base, retry, network).map_err(into_failure)?;
    let found = server.small(&path, super::markers::Marker::LIMIT).map_err(into_failure)?;
    let bytes = found.ok_or_else(|| failed("there is no such marker".into()))?;
    let version = marker.read(&bytes).map_err(|fault| failed(fault.to_string()))?;
    Ok(Resolved { version, marker: Some(format!("{marker}.txt")) })
}

/// The failure of a run as a whole.
pub fn into_failure(fault: Fault) -> Failure {
    match fault {
        Fault::Other(failure) => failure,
        other => Failure::Release { code: other.code(), reason: other.to_string() },
    }
}

/// Looks at all files that are wanted.
///
/// # Errors
/// [`Failure`] if nothing could be looked at.
pub fn run<'a>(
    rules: &'a Rules<'a>,
    place: &Place<'_>,
    manner: Manner,
    session: TrustSession<'a>,
    now: Timestamp,
) -> Result<Results<'a>, Failure> {
    let server = match place.base() {
        Some(base) => Some(Server::new(base, manner.retry, rules.network).map_err(into_failure)?),
        None => None,
    };
    let mut desk = Desk::new(rules, session, now);
    let mut lists = lists(rules, place, server.as_ref())?;
    let release_sbom = ArtifactPath::parse(RELEASE_SBOM).map_err(|bad| into_failure(bad.into()))?;
    let mut sbom = |path: &ArtifactPath| {
        prepare(path, rules, place, server.as_ref(), &mut |ready| desk.proves(ready, server.as_ref()))
    };
    let ready = sbom(&release_sbom);
    let draft = ready.as_ref().ok().and_then(|ready| draft_of(ready, rules));
    lists.sbom = draft.as_ref();
    let source_sbom = Plan::source_sbom(rules.selection, &rules.version, &lists);
    let mut sboms = vec![(release_sbom, ready)];
    sboms.extend(source_sbom.map(|path| (path.clone(), sbom(&path))));
    let plan = Plan::new(&rules.version, rules.selection, lists);
    let count = sboms.len() + plan.files.len() + plan.unsigned.len() + plan.refused.len();
    let _ = rules.events.send(Event::Planned(count));
    for (path, ready) in sboms {
        take(&mut desk, &path, ready, server.as_ref());
    }
    let desk = Mutex::new(desk);
    work(&plan.files, rules, place, manner, server.as_ref(), &desk);
    let desk = desk.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (mut outcomes, witness, session) = desk.finish(server.as_ref());
    outcomes.extend(told(plan, rules));
    outcomes.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Results { outcomes, witness, session })
}

/// What the SBOM names, before it is verified: it only says what to look for.
fn draft_of(ready: &Ready, rules: &Rules<'_>) -> Option<Witness> {
    let document: &SpdxDocument = ready.taken.spdx.as_ref()?.as_ref().ok()?;
    check_head(document, &rules.version, Subject::Release).ok()?;
    Some(Witness::new(document, &rules.version))
}

/// What lists the files, but for the SBOM.
fn lists<'l>(rules: &'l Rules<'_>, place: &Place<'_>, server: Option<&Server<'_>>) -> Result<Lists<'l>, Failure> {
    let mut lists = Lists::default();
    match (place, server) {
        (Place::Folder { root }, _) => {
            lists.folder = Some(plan::walk(root, &rules.version).map_err(into_failure)?);
            lists.lock = rules.lock.as_ref().map(|(lock, _)| lock);
        }
        // Without the list, the SBOM names the files as well: a server that fails now will say so then.
        (_, Some(server)) => {
            let path = format!("release/{}/{SUMS}", rules.version);
            lists.sums = server.small(&path, plan::SUMS_BYTES).unwrap_or_default();
        }
        (_, None) => {}
    }
    Ok(lists)
}

/// Workers take one file after the other; each has a way to the server of its own.
fn work<'a>(
    files: &[ArtifactPath],
    rules: &'a Rules<'a>,
    place: &Place<'_>,
    manner: Manner,
    server: Option<&Server<'_>>,
    desk: &Mutex<Desk<'a>>,
) {
    let next = AtomicUsize::new(0);
    let turn = |server: Option<&Server<'_>>| {
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut proves = |ready: &mut Ready| lock(desk).proves(ready, server);
            let ready = prepare(path, rules, place, server, &mut proves);
            take(&mut lock(desk), path, ready, server);
        }
    };
    let others = manner.jobs.get().min(files.len()).saturating_sub(1);
    std::thread::scope(|scope| {
        for _ in 0..others {
            scope.spawn(|| {
                let own = place.base().map(|base| Server::new(base, manner.retry, rules.network));
                // Else the first worker does it all.
                if let Ok(own) = own.transpose() {
                    turn(own.as_ref());
                }
            });
        }
        turn(server);
    });
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn prepare(
    path: &ArtifactPath,
    rules: &Rules<'_>,
    place: &Place<'_>,
    server: Option<&Server<'_>>,
    proves: &mut dyn FnMut(&mut Ready) -> bool,
) -> Result<Ready, Failed> {
    match (place, server) {
        (Place::Folder { root }, _) => reader::at_hand(path, rules, root),
        (Place::Fetched { root, .. }, Some(server)) => {
            // A cached entry would do for now, and leave a file that cannot be verified without a network.
            if let Ok(mut ready) = reader::at_hand(path, rules, root)
                && ready.evidence.is_bundle()
                && proves(&mut ready)
            {
                return Ok(ready);
            }
            reader::fetched(path, rules, server, root)
        }
        (Place::Server { .. }, Some(server)) => reader::remote(path, rules, server),
        (Place::Fetched { .. } | Place::Server { .. }, None) => {
            Err(Failure::Network { what: path.to_string(), reason: "no network".into() }.into())
        }
    }
}

fn take(desk: &mut Desk<'_>, path: &ArtifactPath, ready: Result<Ready, Failed>, server: Option<&Server<'_>>) {
    match ready {
        Ok(ready) => desk.accept(ready, server),
        Err(failed) => desk.fail(path, failed),
    }
}

/// What is told without having been looked at.
fn told(plan: Plan, rules: &Rules<'_>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for path in plan.unsigned {
        outcomes.push(Outcome {
            name: path.in_release(&rules.version),
            asked: rules.selection.asks_for(&path),
            result: Err(Fault::NeverSigned),
            known: None,
            accepted: Accepted::No,
        });
    }
    for Refused { name, fault } in plan.refused {
        outcomes.push(Outcome { name, asked: true, result: Err(fault), known: None, accepted: Accepted::No });
    }
    for outcome in &outcomes {
        rules.tell(outcome);
    }
    outcomes
}

/// The folder that a run reads or writes.
///
/// # Errors
/// [`Failure`] if it is not there.
pub fn folder(path: &Path, missing: super::folder::Missing) -> Result<Folder, Failure> {
    Folder::root(path, missing).map_err(into_failure)
}
