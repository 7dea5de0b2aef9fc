//! What one run demands of each file and image.

use std::sync::mpsc::Sender;

use sigward_verify::Requirements;

use super::fault::{Fault, State};
use super::known_faults::{KnownFault, SecondWitness};
use super::layout::{ArtifactPath, Selection};
use super::lock::{Lock, LockFault, Locked};
use super::markers::Version;
use super::outcome::{Accepted, Outcome};
use crate::args::request::{Explain, KnownFaults, LockUse, LogLookup, Unnamed};
use crate::network::Network;

/// What one run demands, and whom it tells.
#[derive(Debug)]
pub struct Rules<'a> {
    /// The version.
    pub version: Version,
    /// What is wanted.
    pub selection: &'a Selection,
    /// What must hold for a file's signature.
    pub requirements: Requirements,
    /// Whether log entries are looked up.
    pub lookup: &'a LogLookup,
    /// The way out.
    pub network: &'a Network,
    /// What becomes of files that no signed SBOM names.
    pub unnamed: Unnamed,
    /// What becomes of faults that upstream knows of.
    pub known_faults: KnownFaults,
    /// The lockfile with its name, if there is one.
    pub lock: Option<(Lock, String)>,
    /// What it is used for.
    pub lock_use: LockUse,
    /// Whether checks are listed.
    pub explain: Explain,
    /// Who wants to know how it goes.
    pub events: Sender<Event>,
}

/// How it goes.
#[derive(Debug)]
pub enum Event {
    /// This many files are wanted.
    Planned(usize),
    /// A file is read: its name, its length if that is known, and how much was read.
    Reading(String, Option<u64>, u64),
    /// All files are done; images, which have a bar of their own, come next.
    FilesDone,
    /// Something became of a file: its name, its state, and why.
    Done(String, State, Option<String>),
}

impl Rules<'_> {
    /// Whether a file was asked for, and is not only looked at for others' sake.
    pub fn is_asked_for(&self, path: &ArtifactPath) -> bool {
        self.selection.wants(path)
    }

    /// Whether the lockfile lets an artifact pass.
    ///
    /// # Errors
    /// [`Fault::Lock`].
    pub fn check_lock(&self, found: &Locked) -> Result<(), Fault> {
        match &self.lock {
            None => Ok(()),
            Some((lock, file)) if self.lock_use == LockUse::Required && lock.get(&found.path).is_none() => {
                Err(LockFault::Absent { file: file.clone() }.into())
            }
            Some((lock, file)) => Ok(lock.check(found, file)?),
        }
    }

    /// Whether a failure is accepted.
    pub fn accepts(&self, known: Option<&KnownFault>, witness: SecondWitness) -> Accepted {
        match (known, self.known_faults) {
            (Some(known), KnownFaults::AcceptedUnsafe) if known.may_be_accepted(witness) => Accepted::KnownFault,
            _ => Accepted::No,
        }
    }

    /// Tells of an outcome. Nobody needs to listen.
    pub fn tell(&self, outcome: &Outcome) {
        let reason = outcome.result.as_ref().err().map(ToString::to_string);
        let _ = self.events.send(Event::Done(outcome.name.clone(), outcome.state(), reason));
    }
}
