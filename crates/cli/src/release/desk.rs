//! Where files come together after they were read: log entries are asked for ten at a time, then each file is verified,
//! compared with the SBOM and the lockfile, and gets its name.

use jiff::Timestamp;
use sigward_verify::verifier::ProvedSigner;
use sigward_verify::{Artifact, Digest, HashAlgorithm, TrustMaterial, Verified, Verifier, limits};

use super::evidence::{BUNDLE, Evidence};
use super::fault::Fault;
use super::folder::{Folder, Partial};
use super::known_faults::{self, SecondWitness};
use super::layout::{ArtifactPath, RELEASE_SBOM};
use super::lock::{Locked, LockedEntry};
use super::log::{Log, LogFailure};
use super::markers::Version;
use super::outcome::{Accepted, Outcome, Proof};
use super::rules::Rules;
use super::server::{Server, Taken};
use super::spdx::SpdxFault;
use super::witness::{SbomFault, Subject, Testimony, Witness, check_head};
use crate::args::request::{Explain, LogLookup, Unnamed};
use crate::engine::is_about_unknown_trust;
use crate::failure::Failure;
use crate::render;
use crate::trust_source::TrustSession;

/// Files that wait for the SBOM's own verification before its log entry is asked for out of turn: each keeps a file open.
const HELD: usize = 32;

/// A file that was read, and whose signature is good as far as that can be told without trust.
#[derive(Debug)]
pub struct Ready {
    /// Which one.
    pub path: ArtifactPath,
    /// What speaks for it.
    pub evidence: Evidence,
    /// What was read.
    pub taken: Taken,
    /// Where it gets its name, if it is stored.
    pub target: Option<Target>,
}

/// A file that is not ready: why, and what is known of its bytes.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub fault: Fault,
    /// Its digests, if it was read.
    pub digests: Vec<Digest>,
}

impl<F: Into<Fault>> From<F> for Failed {
    fn from(fault: F) -> Self {
        Self { fault: fault.into(), digests: Vec::new() }
    }
}

/// Where a file is stored.
#[derive(Debug)]
pub struct Target {
    /// Its folder.
    pub folder: Folder,
    /// The file, not yet under its name.
    pub partial: Partial,
}

/// What is known of the second witness.
#[derive(Debug)]
enum Second {
    /// The SBOM is still to be verified.
    Pending,
    /// It is verified.
    Verified(Box<Witness>),
    /// There is none, and why.
    Absent(String),
}

/// The place where files come together. One worker is served at a time; the others read on.
#[derive(Debug)]
pub struct Desk<'a> {
    rules: &'a Rules<'a>,
    session: TrustSession<'a>,
    now: Timestamp,
    second: Second,
    waiting: Vec<Ready>,
    held: Vec<(Ready, Verified)>,
    log: Log<'a>,
    outcomes: Vec<(ArtifactPath, Outcome, Vec<Digest>)>,
}

impl<'a> Desk<'a> {
    /// An empty desk.
    pub fn new(rules: &'a Rules<'a>, session: TrustSession<'a>, now: Timestamp) -> Self {
        Self {
            rules,
            session,
            now,
            second: Second::Pending,
            waiting: Vec::new(),
            held: Vec::new(),
            log: Log::new(rules),
            outcomes: Vec::new(),
        }
    }

    /// Takes a file that is ready. `server` is the caller's way out, if there is one.
    pub fn accept(&mut self, mut ready: Ready, server: Option<&Server<'_>>) {
        match self.complete(&mut ready) {
            Ok(Completion::Complete) => self.settle(ready),
            Ok(Completion::Waits) => {
                self.waiting.push(ready);
                if self.waiting.len() >= limits::LOG_BATCH {
                    self.look_up(server);
                }
            }
            Err(fault) => self.refuse(ready, fault),
        }
        if self.held.len() >= HELD {
            self.look_up(server);
        }
    }

    /// Takes what failed before it was ready.
    pub fn fail(&mut self, path: &ArtifactPath, failed: Failed) {
        let Failed { fault, digests } = failed;
        if path.as_str() == RELEASE_SBOM && matches!(self.second, Second::Pending) {
            self.witness_is_absent(&fault);
        }
        self.add(path, Err(fault), Accepted::No, digests);
    }

    /// Whether a file that is at hand is what it should be: then it need not be fetched again.
    pub fn proves(&mut self, ready: &mut Ready, server: Option<&Server<'_>>) -> bool {
        if !matches!(self.complete(ready), Ok(Completion::Complete)) || self.verify(ready).is_err() {
            return false;
        }
        if ready.path.as_str() == RELEASE_SBOM {
            return head_of(ready, &self.rules.version, Subject::Release).is_ok();
        }
        // The witness is worth a request: without it, another file of the release could stand in this one's place.
        if matches!(self.second, Second::Pending) {
            self.look_up(server);
        }
        match self.testimony(ready) {
            Testimony::Named => true,
            Testimony::Otherwise { .. } | Testimony::Contradicts => false,
            Testimony::Unnamed => {
                ready.taken.spdx.is_none() || head_of(ready, &self.rules.version, Subject::Source).is_ok()
            }
        }
    }

    /// Asks for what is still waiting, and gives all outcomes.
    pub fn finish(mut self, server: Option<&Server<'_>>) -> (Vec<Outcome>, Option<Witness>, TrustSession<'a>) {
        while !self.waiting.is_empty() {
            self.look_up(server);
        }
        if matches!(self.second, Second::Pending) {
            self.second = Second::Absent("there is no SBOM".into());
        }
        self.release_held();
        let witness = match self.second {
            Second::Verified(witness) => Some(*witness),
            Second::Pending | Second::Absent(_) => None,
        };
        let mut outcomes = Vec::with_capacity(self.outcomes.len());
        for (path, mut outcome, digests) in self.outcomes {
            if let Err(fault) = &outcome.result {
                let named = |w: &Witness| w.judge(&path, &digests) == Testimony::Named;
                let second =
                    if witness.as_ref().is_some_and(named) { SecondWitness::Names } else { SecondWitness::Silent };
                outcome.known = known_faults::lookup(&self.rules.version, path.as_str(), fault);
                if outcome.accepted == Accepted::No {
                    outcome.accepted = self.rules.accepts(outcome.known.as_ref(), second);
                }
            }
            outcomes.push(outcome);
        }
        (outcomes, witness, self.session)
    }

    /// Adds the log entry from the cache; says whether one must still be asked for.
    fn complete(&mut self, ready: &mut Ready) -> Result<Completion, Fault> {
        if !ready.evidence.entity.lacks_log_entry() {
            return Ok(Completion::Complete);
        }
        let material = &self.session.at_hand()?.material;
        if self.log.complete_from_cache(ready, material) {
            return Ok(Completion::Complete);
        }
        match self.rules.lookup {
            LogLookup::Allowed { .. } => Ok(Completion::Waits),
            LogLookup::Forbidden { .. } => Err(Failure::Offline.into()),
            LogLookup::NoLog => Err(Failure::NoLog.into()),
        }
    }

    /// Asks the log for the entries of up to ten files that wait.
    fn look_up(&mut self, server: Option<&Server<'_>>) {
        let count = self.waiting.len().min(limits::LOG_BATCH);
        let batch: Vec<Ready> = self.waiting.drain(..count).collect();
        if batch.is_empty() {
            return;
        }
        let outcome = match (server, self.rules.lookup) {
            (Some(server), LogLookup::Allowed { rekor_url, .. }) => match self.session.online() {
                Ok(trust) => self.log.ask(&batch, server, rekor_url, &trust.material),
                Err(failure) => Err(LogFailure::Trust(failure.to_string())),
            },
            _ => Err(LogFailure::Forbidden),
        };
        match outcome {
            Ok(found) => {
                for (mut ready, entry) in batch.into_iter().zip(found) {
                    match entry {
                        Ok(entry) => {
                            ready.evidence.entity.add_log_entry(entry);
                            self.settle(ready);
                        }
                        Err(fault) => self.refuse(ready, fault),
                    }
                }
            }
            Err(failure) => {
                for ready in batch {
                    self.refuse(ready, failure.clone().into());
                }
            }
        }
    }

    /// Verifies a file that has all its evidence, and concludes as soon as the second witness is known.
    fn settle(&mut self, mut ready: Ready) {
        let verified = match self.verify(&ready) {
            Ok(verified) => verified,
            Err(fault) => return self.refuse(ready, fault),
        };
        if ready.path.as_str() == RELEASE_SBOM {
            match self.testify(&mut ready) {
                Ok(witness) => self.second = Second::Verified(Box::new(witness)),
                Err(fault) => return self.refuse(ready, fault),
            }
            self.store(ready, &verified);
            return self.release_held();
        }
        if matches!(self.second, Second::Pending) {
            return self.held.push((ready, verified));
        }
        self.judge(ready, &verified);
    }

    /// What the verified SBOM of the release says.
    fn testify(&mut self, ready: &mut Ready) -> Result<Witness, Fault> {
        let document = ready.taken.spdx.take().unwrap_or(Ok(Default::default())).map_err(SbomFault::from)?;
        check_head(&document, &self.rules.version, Subject::Release)?;
        Ok(Witness::new(&document, &self.rules.version))
    }

    fn release_held(&mut self) {
        for (ready, verified) in std::mem::take(&mut self.held) {
            self.judge(ready, &verified);
        }
    }

    /// What the second witness says.
    fn testimony(&self, ready: &Ready) -> Testimony {
        match &self.second {
            Second::Verified(witness) => witness.judge(&ready.path, ready.taken.artifact.digests()),
            Second::Pending | Second::Absent(_) => Testimony::Unnamed,
        }
    }

    /// Asks the second witness.
    fn judge(&mut self, ready: Ready, verified: &Verified) {
        match self.testimony(&ready) {
            Testimony::Named => self.store(ready, verified),
            Testimony::Otherwise { expected, found, elsewhere } => {
                self.refuse(ready, Fault::Sbom { expected, found, elsewhere });
            }
            Testimony::Contradicts => {
                let path = ready.path.to_string();
                self.refuse(ready, SbomFault::Contradiction { path }.into());
            }
            // The other SBOM says itself what it is of.
            Testimony::Unnamed if ready.taken.spdx.is_some() => {
                match head_of(&ready, &self.rules.version, Subject::Source) {
                    Ok(()) => self.store(ready, verified),
                    Err(fault) => self.refuse(ready, fault.into()),
                }
            }
            Testimony::Unnamed => {
                let why = match &self.second {
                    Second::Absent(why) => why.clone(),
                    Second::Pending | Second::Verified(_) => "the signed SBOM does not name the file".into(),
                };
                let fault = Fault::Unnamed { why };
                match self.rules.unnamed {
                    Unnamed::Refused => self.refuse(ready, fault),
                    Unnamed::AcceptedUnsafe => self.store_unnamed(ready, verified, fault),
                }
            }
        }
    }

    /// Everything holds: compares with the lockfile, and gives the file its name.
    fn store(&mut self, ready: Ready, verified: &Verified) {
        let path = ready.path.clone();
        let name = path.in_release(&self.rules.version);
        let proof = proof(&name, &ready.taken.artifact, verified, self.explanation(&name, verified));
        if let Err(fault) = self.rules.check_lock(&proof.locked) {
            return self.refuse(ready, fault);
        }
        let result = self.publish(ready).map(|()| proof);
        self.add(&path, result, Accepted::No, Vec::new());
    }

    fn store_unnamed(&mut self, ready: Ready, verified: &Verified, fault: Fault) {
        let path = ready.path.clone();
        let name = path.in_release(&self.rules.version);
        let proof = proof(&name, &ready.taken.artifact, verified, None);
        if let Err(fault) = self.rules.check_lock(&proof.locked) {
            return self.refuse(ready, fault);
        }
        match self.publish(ready) {
            Ok(()) => self.add(&path, Err(fault), Accepted::Unnamed, Vec::new()),
            Err(fault) => self.add(&path, Err(fault), Accepted::No, Vec::new()),
        }
    }

    /// Writes what speaks for a file, with the log's entry, and then gives the file its name.
    fn publish(&mut self, ready: Ready) -> Result<(), Fault> {
        let Some(Target { folder, partial }) = ready.target else { return Ok(()) };
        let name = ready.path.name();
        for (ending, bytes) in &ready.evidence.files {
            folder.write(&format!("{name}{ending}"), bytes)?;
        }
        if !ready.evidence.is_bundle() {
            let material = self.session.at_hand()?.material.clone();
            let exported = Verifier::new(&material, &self.rules.requirements).export(
                &ready.evidence.entity,
                &ready.taken.artifact,
                self.now,
            )?;
            folder.write(&format!("{name}{BUNDLE}"), exported.as_bytes())?;
        }
        partial.publish()
    }

    /// A file that is not accepted. What was fetched of it is removed, unless it may still turn out to be right.
    fn refuse(&mut self, ready: Ready, fault: Fault) {
        let path = ready.path.clone();
        if path.as_str() == RELEASE_SBOM && matches!(self.second, Second::Pending) {
            self.witness_is_absent(&fault);
        }
        let digests = ready.taken.artifact.digests().to_vec();
        if let Some(target) = ready.target
            && fault.state() != super::fault::State::Error
        {
            target.partial.discard();
        }
        self.add(&path, Err(fault), Accepted::No, digests);
    }

    fn witness_is_absent(&mut self, fault: &Fault) {
        self.second = Second::Absent(format!("the release's SBOM is {} ({})", fault.state().name(), fault.code()));
        self.release_held();
    }

    fn verify(&mut self, ready: &Ready) -> Result<Verified, Fault> {
        let requirements = &self.rules.requirements;
        let verify = |material: &TrustMaterial, now| {
            Verifier::new(material, requirements).verify(&ready.evidence.entity, &ready.taken.artifact, now)
        };
        let verified = match verify(&self.session.at_hand()?.material, self.now) {
            Ok(verified) => verified,
            Err(failure) => {
                match is_about_unknown_trust(&failure.error).then(|| self.session.refreshed_for_unknown()) {
                    Some(Some(trust)) => verify(&trust.material, self.now).map_err(Failure::Verification)?,
                    _ => return Err(Failure::Verification(failure).into()),
                }
            }
        };
        match verified.waivers().first() {
            Some(waiver) => Err(Fault::Waived { setting: waiver.setting() }),
            None => Ok(verified),
        }
    }

    fn explanation(&self, name: &str, verified: &Verified) -> Option<String> {
        (self.rules.explain == Explain::EveryCheck)
            .then(|| render::explain(name, verified.profile().name(), verified.report()))
    }

    fn add(&mut self, path: &ArtifactPath, result: Result<Proof, Fault>, accepted: Accepted, digests: Vec<Digest>) {
        let name = path.in_release(&self.rules.version);
        let outcome = Outcome { name, asked: self.rules.is_asked_for(path), result, known: None, accepted };
        self.rules.tell(&outcome);
        self.outcomes.push((path.clone(), outcome, digests));
    }
}

/// Whether an SBOM that was read is the right one.
fn head_of(ready: &Ready, version: &Version, subject: Subject) -> Result<(), SbomFault> {
    match &ready.taken.spdx {
        Some(Ok(document)) => check_head(document, version, subject),
        Some(Err(fault)) => Err(fault.clone().into()),
        None => Err(SpdxFault::NotSpdx2 { found: "nothing".into() }.into()),
    }
}

/// Whether all that is needed is there.
enum Completion {
    Complete,
    Waits,
}

/// What was proved, as the lockfile keeps it. Files are always read with SHA-256.
fn proof(name: &str, artifact: &Artifact, verified: &Verified, explanation: Option<String>) -> Proof {
    let (identity, issuer) = match verified.signer() {
        ProvedSigner::Identity(identity) => (identity.subject.clone(), identity.issuer.clone()),
        ProvedSigner::Key { fingerprint } => (fingerprint.clone(), String::new()),
    };
    let log_entry = verified.entries().first().and_then(|entry| {
        let log_index = u64::try_from(entry.log_index).ok()?;
        Some(LockedEntry { log_id: sigward_verify::hex(&entry.log_id), log_index })
    });
    let digest = artifact.digest(HashAlgorithm::Sha256).map(ToString::to_string).unwrap_or_default();
    let time = verified.entries().first().and_then(|entry| entry.integrated_time);
    Proof { locked: Locked { path: name.to_owned(), digest, identity, issuer, log_entry }, time, explanation }
}
