//! Reads one file with what speaks for it: from a server, into a folder, or from a folder.

use std::cell::Cell;
use std::io::{self, Read as _};

use sigward_verify::{ArtifactNeeds, HashAlgorithm, TrustMaterial, Verifier};

use super::desk::{Failed, Ready, Target};
use super::evidence::Evidence;
use super::fault::Fault;
use super::folder::{Folder, Missing};
use super::layout::{ArtifactPath, RELEASE_SBOM, SOURCE_SBOM};
use super::rules::{Event, Rules};
use super::server::{Intake, Server};
use super::spdx::Keep;
use crate::failure::{Failure, go_text};

/// Bytes between two words on how a file is read.
const STEP: u64 = 512 * 1024;

/// Reads a file from the server and stores nothing.
///
/// # Errors
/// Why it is not ready to be verified.
pub fn remote(path: &ArtifactPath, rules: &Rules<'_>, server: &Server<'_>) -> Result<Ready, Failed> {
    let evidence = evidence(path, rules, server)?;
    let mut intake = Intake::new(needs(&evidence)?, keep(path));
    server.stream(&path.in_release(&rules.version), &mut intake, None, &progress(path, rules))?;
    checked(Ready { path: path.clone(), evidence, taken: intake.finish(), target: None }, rules)
}

/// Reads a file from the server into a partial file; what an earlier run has left is read again and completed.
///
/// # Errors
/// Why it is not ready to be verified.
pub fn fetched(path: &ArtifactPath, rules: &Rules<'_>, server: &Server<'_>, root: &Folder) -> Result<Ready, Failed> {
    let evidence = evidence(path, rules, server)?;
    let parent = path.in_release(&rules.version);
    let parent = parent.rsplit_once('/').map_or("", |(parent, _)| parent);
    let folder = root.below(parent, Missing::Made)?;
    let mut partial = folder.partial(path.name())?;
    let resumed = partial.length() > 0;
    let needs = needs(&evidence)?;
    let mut intake = Intake::new(needs.clone(), keep(path));
    partial.replay(&mut |bytes| intake.take(bytes))?;
    let file = path.in_release(&rules.version);
    server.stream(&file, &mut intake, Some(&mut partial), &progress(path, rules))?;
    let target = Some(Target { folder: folder.clone(), partial });
    let ready = Ready { path: path.clone(), evidence, taken: intake.finish(), target };
    let fault = match check(&ready, rules) {
        Ok(()) => return stored(ready),
        Err(fault) => fault,
    };
    let mut ready = ready;
    let Some(Target { mut partial, .. }) = ready.target.take() else { return Err(fault.into()) };
    if !resumed {
        partial.discard();
        return Err(failed(&ready, fault));
    }
    // What was left may have been of another file: once more, from the start.
    partial.restart()?;
    let mut intake = Intake::new(needs, keep(path));
    server.stream(&file, &mut intake, Some(&mut partial), &progress(path, rules))?;
    ready.taken = intake.finish();
    match check(&ready, rules) {
        Ok(()) => stored(Ready { target: Some(Target { folder, partial }), ..ready }),
        Err(fault) => {
            partial.discard();
            Err(failed(&ready, fault))
        }
    }
}

/// A file that is on the disk before anything else is done with it.
fn stored(ready: Ready) -> Result<Ready, Failed> {
    match ready.target.as_ref().map_or(Ok(()), |target| target.partial.sync()) {
        Ok(()) => Ok(ready),
        Err(fault) => Err(failed(&ready, fault)),
    }
}

/// Reads a file that lies in a folder with what speaks for it.
///
/// # Errors
/// [`Fault::Absent`] if it is not there; others if it is not ready to be verified.
pub fn at_hand(path: &ArtifactPath, rules: &Rules<'_>, root: &Folder) -> Result<Ready, Failed> {
    let file = path.in_release(&rules.version);
    let parent = file.rsplit_once('/').map_or("", |(parent, _)| parent);
    let folder = root.below(parent, Missing::Error)?;
    let Some(mut opened) = folder.open(path.name())? else { return Err(Fault::Absent { path: file }.into()) };
    let evidence = Evidence::from_folder(&folder, path)?;
    could_match(&evidence, rules)?;
    let mut intake = Intake::new(needs(&evidence)?, keep(path));
    let mut piece = vec![0; 256 * 1024];
    let length = opened.metadata().ok().map(|metadata| metadata.len());
    let mut seen = 0;
    let tell = progress(path, rules);
    loop {
        match opened.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => {
                intake.take(piece.get(..count).unwrap_or_default())?;
                seen += u64::try_from(count).unwrap_or_default();
                tell(length, seen);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(Failure::Read { what: format!("read {file}"), reason: go_text(&error) }.into());
            }
        }
    }
    checked(Ready { path: path.clone(), evidence, taken: intake.finish(), target: None }, rules)
}

/// What speaks for a file on the server, if it could be accepted: nothing large is read for what cannot.
fn evidence(path: &ArtifactPath, rules: &Rules<'_>, server: &Server<'_>) -> Result<Evidence, Fault> {
    let evidence = Evidence::from_server(server, path, &rules.version)?;
    could_match(&evidence, rules)?;
    Ok(evidence)
}

fn could_match(evidence: &Evidence, rules: &Rules<'_>) -> Result<(), Fault> {
    let nothing = TrustMaterial::default();
    Ok(Verifier::new(&nothing, &rules.requirements).could_match(&evidence.entity)?)
}

/// SHA-256 is what locks and SBOMs compare, SHA-512 what lies beside a file.
fn needs(evidence: &Evidence) -> Result<ArtifactNeeds, Fault> {
    let mut needs = evidence.entity.needs(None, None)?;
    needs.hashes.extend([HashAlgorithm::Sha256, HashAlgorithm::Sha512]);
    Ok(needs)
}

fn keep(path: &ArtifactPath) -> Option<Keep> {
    match path.as_str() {
        RELEASE_SBOM => Some(Keep::Everything),
        SOURCE_SBOM => Some(Keep::Head),
        _ => None,
    }
}

/// The checks that need no trust and no log.
fn check(ready: &Ready, rules: &Rules<'_>) -> Result<(), Fault> {
    let nothing = TrustMaterial::default();
    let verifier = Verifier::new(&nothing, &rules.requirements);
    verifier.check_locally(&ready.evidence.entity, &ready.taken.artifact)?;
    ready.evidence.check_sums(ready.taken.artifact.digests())
}

fn checked(ready: Ready, rules: &Rules<'_>) -> Result<Ready, Failed> {
    match check(&ready, rules) {
        Ok(()) => Ok(ready),
        Err(fault) => Err(failed(&ready, fault)),
    }
}

fn failed(ready: &Ready, fault: Fault) -> Failed {
    Failed { fault, digests: ready.taken.artifact.digests().to_vec() }
}

/// Tells how a file is read, now and then.
fn progress<'p>(path: &'p ArtifactPath, rules: &'p Rules<'_>) -> impl Fn(Option<u64>, u64) + 'p {
    let told = Cell::new(None::<u64>);
    move |length, seen| {
        let is_news = told.get().is_none_or(|told| seen.abs_diff(told) >= STEP) || length == Some(seen);
        if is_news {
            told.set(Some(seen));
            let _ = rules.events.send(Event::Reading(path.to_string(), length, seen));
        }
    }
}
