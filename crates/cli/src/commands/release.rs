//! `release list`, `release fetch` and `release verify`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::mpsc;

use jiff::Timestamp;
use sigward_fetch::RetryPolicy;
use sigward_verify::Requirements;

use crate::args::request::{
    IdentityRule, Kit, LockUse, ReleaseCommand, ReleaseListRequest, ReleasePlace, ReleaseRequest, ReportFormat, Retry,
    Signer, Verification,
};
use crate::commands::Streams;
use crate::commands::trust;
use crate::engine::requests_of;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::small_file;
use crate::network::Network;
use crate::release::fault::Fault;
use crate::release::flow::{self, Manner, Place, Resolved};
use crate::release::folder::{Missing, write_beside};
use crate::release::lock::{self, Lock};
use crate::release::outcome::{Accepted, Outcome};
use crate::release::report::Report;
use crate::release::rules::{Event, Rules};
use crate::release::{formats, images, list, progress};
use crate::requirements;
use crate::trust_source::TrustSession;

/// Files at a time: most of a small file's time is waiting.
const JOBS: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// Carries out a command about releases.
pub fn run(command: &ReleaseCommand, network: &Network, streams: &mut Streams<'_>) -> Exit {
    let outcome = match command {
        ReleaseCommand::List(request) => list(request, network, streams),
        ReleaseCommand::Fetch(request) | ReleaseCommand::Verify(request) => verify(request, network, streams),
    };
    outcome.unwrap_or_else(|failure| streams.fail(&failure))
}

fn list(request: &ReleaseListRequest, network: &Network, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let retry = retry(request.retry);
    let (table, json) = match &request.choice {
        None => {
            let versions = list::versions(&request.base_url, retry, network)?;
            (list::versions_table(&versions), list::versions_json(&versions))
        }
        Some(choice) => {
            let listing = list::release(choice, &request.base_url, &request.selection, retry, network)?;
            (listing.table(), listing.json())
        }
    };
    match request.output {
        ReportFormat::Json => streams.result(format_args!("{json:#}"))?,
        _ => streams.result(table.trim_end())?,
    }
    Ok(Exit::Success)
}

fn verify(request: &ReleaseRequest, network: &Network, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let retry = retry(request.retry);
    let resolved = resolve(request, retry, network)?;
    let now = Timestamp::now();
    let verification = &request.verification;
    let place = place(&request.place)?;
    let lock_path = lock_path(request);
    let (events, told) = mpsc::channel();
    let rules = Rules {
        version: resolved.version.clone(),
        selection: &request.selection,
        requirements: requirements::build(verification, None)?,
        lookup: &verification.lookup,
        network,
        unnamed: request.unnamed,
        known_faults: request.known_faults,
        lock: read_lock(request, lock_path.as_ref())?,
        lock_use: request.lock_use,
        explain: verification.explain,
        events,
    };
    let session = TrustSession::new(&verification.trust, network, requests_of(&verification.lookup), now);
    let manner = Manner { jobs: request.jobs.unwrap_or(JOBS), retry };
    let (outcomes, lock, warnings) = std::thread::scope(|scope| {
        let work = scope.spawn(move || work(request, rules, &place, manner, session, now));
        progress::show(&told, network, streams);
        work.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    for warning in warnings {
        streams.say(format_args!("WARNING: {warning}"));
    }
    let outcomes = keep(request, outcomes, lock, lock_path, network)?;
    report(request, &resolved, &outcomes, streams)
}

type Worked = (Vec<Outcome>, Option<Lock>, Vec<String>);

/// Files, then images. The rules end with it, and so does the progress that they tell of.
fn work(
    request: &ReleaseRequest,
    rules: Rules<'_>,
    place: &Place<'_>,
    manner: Manner,
    session: TrustSession<'_>,
    now: Timestamp,
) -> Result<Worked, Failure> {
    let results = flow::run(&rules, place, manner, session, now)?;
    let (mut outcomes, mut session) = (results.outcomes, results.session);
    if let Some(asked) = &request.images {
        let _ = rules.events.send(Event::FilesDone);
        let wanted = image_requirements(&request.verification, asked)?;
        let witness = results.witness.as_ref();
        let asking = images::Asking { asked, rules: &rules, requirements: &wanted, jobs: manner.jobs, now };
        outcomes.extend(images::verify(witness, asking, &mut session));
    }
    let warnings = session.take_warnings();
    drop(session);
    Ok((outcomes, rules.lock.as_ref().map(|(lock, _)| lock.clone()), warnings))
}

/// The same demands, of another signer.
fn image_requirements(
    verification: &Verification,
    asked: &crate::args::request::ReleaseImages,
) -> Result<Requirements, Failure> {
    let mut verification = verification.clone();
    if let Signer::Keyless(IdentityRule { subject, .. }) = &mut verification.signer {
        subject.clone_from(&asked.identity);
    }
    requirements::build(&verification, None)
}

fn resolve(request: &ReleaseRequest, retry: RetryPolicy, network: &Network) -> Result<Resolved, Failure> {
    let base = match &request.place {
        ReleasePlace::Fetch { base_url, .. } | ReleasePlace::Server { base_url } => base_url.as_str(),
        // Only versions come with a folder.
        ReleasePlace::Folder(_) => "",
    };
    flow::resolve(&request.choice, base, retry, network)
}

fn place(place: &ReleasePlace) -> Result<Place<'_>, Failure> {
    Ok(match place {
        ReleasePlace::Fetch { base_url, folder, .. } => {
            Place::Fetched { base: base_url, root: flow::folder(folder, Missing::Made)? }
        }
        ReleasePlace::Folder(folder) => Place::Folder { root: flow::folder(folder, Missing::Error)? },
        ReleasePlace::Server { base_url } => Place::Server { base: base_url },
    })
}

fn retry(retry: Retry) -> RetryPolicy {
    let usual = RetryPolicy::default();
    RetryPolicy {
        attempts: retry.count.saturating_add(1),
        first_pause: retry.delay.unwrap_or(usual.first_pause),
        ..usual
    }
}

/// The lockfile: where it was named, else beside the files. A run that stores nothing has none unless it is named or
/// demanded.
fn lock_path(request: &ReleaseRequest) -> Option<PathBuf> {
    if let Some(path) = &request.lock {
        return Some(path.clone());
    }
    match (&request.place, request.lock_use) {
        (ReleasePlace::Fetch { folder, .. } | ReleasePlace::Folder(folder), _) => Some(folder.join(lock::FILE_NAME)),
        (ReleasePlace::Server { .. }, LockUse::Required) => Some(lock::FILE_NAME.into()),
        (ReleasePlace::Server { .. }, LockUse::Kept) => None,
    }
}

fn read_lock(request: &ReleaseRequest, path: Option<&PathBuf>) -> Result<Option<(Lock, String)>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let file = path.display().to_string();
    // One that is not there is an empty one, unless it was demanded.
    if request.lock_use == LockUse::Kept && std::fs::symlink_metadata(path).is_err() {
        return Ok(Some((Lock::default(), file)));
    }
    let lock = Lock::parse(&small_file(path, lock::LIMIT)?, &file).map_err(Fault::Lock).map_err(flow::into_failure)?;
    Ok(Some((lock, file)))
}

/// Writes what a fetch leaves beside the files: the lockfile, and the trust root of a kit.
fn keep(
    request: &ReleaseRequest,
    mut outcomes: Vec<Outcome>,
    lock: Option<Lock>,
    lock_path: Option<PathBuf>,
    network: &Network,
) -> Result<Vec<Outcome>, Failure> {
    let writes = matches!(request.place, ReleasePlace::Fetch { .. }) || request.lock.is_some();
    if let (true, LockUse::Kept, Some(mut lock), Some(path)) = (writes, request.lock_use, lock, lock_path) {
        let before = lock.clone();
        for proof in outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok()) {
            lock.insert(proof.locked.clone());
        }
        if lock != before {
            write_beside(&path, lock.to_json().as_bytes()).map_err(flow::into_failure)?;
        }
    }
    if let ReleasePlace::Fetch { folder, kit: Kit::WithTrustRoot, .. } = &request.place {
        let name = "trusted_root.json";
        let root = trust::in_use(&request.verification.trust.source, network)?;
        let result = write_beside(&folder.join(name), &root.trusted_root);
        if let Err(fault) = result {
            let name = name.to_owned();
            outcomes.push(Outcome { name, asked: true, result: Err(fault), known: None, accepted: Accepted::No });
        }
    }
    Ok(outcomes)
}

fn report(
    request: &ReleaseRequest,
    resolved: &Resolved,
    outcomes: &[Outcome],
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let report = Report { resolved, outcomes };
    if let Some(note) = report.marker_note() {
        streams.say(format_args!("NOTE: {note}"));
    }
    for outcome in outcomes {
        explain(outcome, streams);
    }
    match request.output {
        ReportFormat::Json => streams.result(format_args!("{:#}", report.json()))?,
        ReportFormat::Junit => streams.result(formats::junit(&report).trim_end())?,
        ReportFormat::Sarif => streams.result(format_args!("{:#}", formats::sarif(&report)))?,
        ReportFormat::Table => streams.result(crate::commands::plain(report.table().trim_end()))?,
    }
    if report.is_success() {
        return Ok(Exit::Success);
    }
    let failed = outcomes.iter().filter(|outcome| outcome.is_failure()).count();
    let reason = match failed {
        0 => "nothing was verified".to_owned(),
        failed => format!("{failed} of {} files and images are not verified", outcomes.len()),
    };
    Err(Failure::Release { code: "several-failed", reason })
}

/// `--explain`: the checks of what is verified, and of what is not.
fn explain(outcome: &Outcome, streams: &mut Streams<'_>) {
    match &outcome.result {
        Ok(proof) => {
            if let Some(text) = &proof.explanation {
                streams.say_block(text);
            }
        }
        Err(Fault::Other(Failure::Verification(failure))) => {
            streams.say_block(&crate::render::explain(&outcome.name, &failure.error.to_string(), &failure.report));
        }
        Err(_) => {}
    }
}
