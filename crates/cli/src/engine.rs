//! What `verify-blob` and `verify-blob-attestation` share: evidence in, trust and log entries added, verdicts out.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use sigward_verify::{
    Artifact, EntryLookup, EntrySearch, LogUse, LookupRequest, Requirements, SignedEntity, Signer, TimeUse,
    TrustMaterial, Verified, Verifier,
};

use crate::args::request::{EntryCache, Explain, LogLookup, OutputFormat, TrustSource, TufRefresh, Verification};
use crate::commands::Streams;
use crate::exit::Exit;
use crate::failure::{Failure, go_text};
use crate::network::Network;
use crate::render::{self, Checks};
use crate::trust_source::{Requests, Trust, TrustSession};

/// One thing to verify.
#[derive(Debug)]
pub struct Prepared {
    /// Its evidence.
    pub entity: SignedEntity,
    /// What should have been signed.
    pub artifact: Artifact,
    /// What must hold.
    pub requirements: Requirements,
}

/// A named thing: what there is to verify, or why there is nothing.
#[derive(Debug)]
pub struct Task {
    /// Name as typed.
    pub name: String,
    /// The evidence.
    pub prepared: Result<Prepared, Failure>,
    /// Where to write a bundle with everything that was needed.
    pub export: Option<PathBuf>,
}

/// Runs `work` over all items, in parallel if there are several, and keeps their order.
pub fn in_parallel<I: Sync, T: Send>(items: &[I], jobs: Option<NonZeroUsize>, work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    // One item asks nobody how many processors there are: std reads files of the kernel for that.
    let jobs = if items.len() > 1 { jobs.map_or_else(cores, NonZeroUsize::get).min(items.len()) } else { 1 };
    if jobs <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { return };
                    let result = work(item);
                    if let Ok(mut done) = done.lock() {
                        done.push((at, result));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Verifies all tasks and reports; the exit code is that of the whole.
pub fn verify_all(
    mut tasks: Vec<Task>,
    verification: &Verification,
    network: &Network,
    streams: &mut Streams<'_>,
) -> Exit {
    let now = Timestamp::now();
    let mut session = TrustSession::new(&verification.trust, network, requests_of(&verification.lookup), now);
    if may_ask(&tasks, verification) {
        check_locally(&mut tasks, now);
    }
    look_up(&mut tasks, verification, network, &mut session);
    let verdicts: Vec<_> = tasks.into_iter().map(|task| verify_one(task, &mut session, now)).collect();
    // Warnings about trust come before the verdicts that rest on it.
    for warning in session.take_warnings() {
        streams.say(format_args!("WARNING: {warning}"));
    }
    report(&verdicts, verification, streams)
}

/// Reports a failure that came before any blob was looked at: it is that of each of them.
pub fn fail_each(names: &[String], failure: &Failure, verification: &Verification, streams: &mut Streams<'_>) -> Exit {
    if verification.output == OutputFormat::Json {
        let blobs: Vec<_> = names.iter().map(|name| render::failed(name, failure, Checks::Omitted)).collect();
        let document = serde_json::json!({ "verified": false, "blobs": blobs });
        if let Err(failure) = streams.result(format_args!("{document:#}")) {
            return streams.fail(&failure);
        }
    }
    streams.fail(failure)
}

/// Whether requests beside those for the evidence itself may be made.
pub fn requests_of(lookup: &LogLookup) -> Requests {
    match lookup {
        LogLookup::Forbidden { .. } => Requests::Forbidden,
        LogLookup::Allowed { .. } | LogLookup::NoLog => Requests::Allowed,
    }
}

/// A verdict with the name of what it is about.
struct Verdict {
    name: String,
    format: &'static str,
    outcome: Result<Verified, Failure>,
}

/// Whether a request may come before the whole verification, whose own first step is the local check.
fn may_ask(tasks: &[Task], verification: &Verification) -> bool {
    let always = matches!(verification.trust.source, TrustSource::Tuf { refresh: TufRefresh::Always, .. });
    let lacks = |task: &Task| task.prepared.as_ref().is_ok_and(|p| p.entity.lacks_log_entry());
    always || tasks.iter().any(lacks)
}

/// The local check first: it needs neither trust nor network, and a corrupted file is then called so.
fn check_locally(tasks: &mut [Task], now: Timestamp) {
    let nothing = TrustMaterial::default();
    for task in tasks {
        let Ok(prepared) = &task.prepared else { continue };
        let verifier = Verifier::new(&nothing, &prepared.requirements);
        if verifier.check_locally(&prepared.entity, &prepared.artifact).is_err()
            && let Err(failure) = verifier.verify(&prepared.entity, &prepared.artifact, now)
        {
            task.prepared = Err(Failure::Verification(failure));
        }
    }
}

/// Finds the log entries that did not come along: in the cache, or in the log.
fn look_up(tasks: &mut [Task], verification: &Verification, network: &Network, session: &mut TrustSession<'_>) {
    let wanted = |task: &Task| match &task.prepared {
        Ok(p) => p.entity.lacks_log_entry() && p.requirements.log != LogUse::SkippedUnsafe,
        Err(_) => false,
    };
    if !tasks.iter().any(wanted) {
        return;
    }
    let (log, url, cache) = match &verification.lookup {
        LogLookup::Allowed { rekor_url, cache } => (rekor_url.as_str(), Some(rekor_url.as_str()), *cache),
        LogLookup::Forbidden { rekor_url, cache } => (rekor_url.as_str(), None, *cache),
        LogLookup::NoLog => {
            for task in tasks.iter_mut().filter(|t| wanted(t)) {
                task.prepared = Err(Failure::NoLog);
            }
            return;
        }
    };
    // A cached entry is evidence like any other: it is bound and proved again.
    if cache == EntryCache::Used {
        for task in tasks.iter_mut().filter(|t| wanted(t)) {
            if let Err(failure) = use_cached(task, log, network, session) {
                task.prepared = Err(failure);
            }
        }
    }
    if !tasks.iter().any(wanted) {
        return;
    }
    let Some(url) = url else {
        for task in tasks.iter_mut().filter(|t| wanted(t)) {
            task.prepared = Err(Failure::Offline);
        }
        return;
    };
    match session.online() {
        Ok(trust) => {
            let mut waiting: Vec<&mut Task> = tasks.iter_mut().filter(|t| wanted(t)).collect();
            look_up_online(&mut waiting, url, &trust.material, cache, network);
        }
        Err(failure) => fail_all(tasks, &wanted, failure),
    }
}

fn fail_all(tasks: &mut [Task], wanted: &dyn Fn(&Task) -> bool, failure: Failure) {
    // One failure is told of all; it holds no data of any one of them.
    let text = failure.to_string();
    let mut failure = Some(failure);
    for task in tasks.iter_mut().filter(|t| wanted(t)) {
        let again = || Failure::Read { what: "trust material".into(), reason: text.clone() };
        task.prepared = Err(failure.take().unwrap_or_else(again));
    }
}

fn request_of(prepared: &Prepared, verifier: &Verifier<'_>) -> Option<LookupRequest> {
    let proof = verifier.check_locally(&prepared.entity, &prepared.artifact).ok()?;
    LookupRequest::new(&proof, &prepared.artifact)
}

/// Adds an entry of the cache, if there is one that holds. Trust is loaded only then.
fn use_cached(task: &mut Task, log: &str, network: &Network, session: &mut TrustSession<'_>) -> Result<(), Failure> {
    let Ok(prepared) = &mut task.prepared else { return Ok(()) };
    let nothing = TrustMaterial::default();
    let verifier = Verifier::new(&nothing, &prepared.requirements);
    let Some(request) = request_of(prepared, &verifier) else { return Ok(()) };
    let Some(json) = network.cached_entry(log, request.leaf_hash()) else { return Ok(()) };
    let logs = &session.at_hand()?.material.logs;
    let found = verifier.check_locally(&prepared.entity, &prepared.artifact).ok().and_then(|proof| {
        let entries = EntrySearch::read_cached(&json)?;
        EntrySearch::choose(&proof, prepared.artifact.digests(), entries, logs).ok()
    });
    if let Some(entry) = found {
        prepared.entity.add_log_entry(entry);
    }
    Ok(())
}

fn look_up_online(tasks: &mut [&mut Task], url: &str, material: &TrustMaterial, cache: EntryCache, network: &Network) {
    let outcomes = {
        let verifiers: Vec<_> = tasks
            .iter()
            .map(|task| task.prepared.as_ref().ok().map(|p| (Verifier::new(material, &p.requirements), p)))
            .collect();
        let proofs: Vec<_> = verifiers
            .iter()
            .map(|v| v.as_ref().and_then(|(v, p)| v.check_locally(&p.entity, &p.artifact).ok()))
            .collect();
        let lookups: Vec<_> = verifiers
            .iter()
            .zip(&proofs)
            .map(|(v, proof)| {
                let ((verifier, prepared), proof) = (v.as_ref()?, proof.as_ref()?);
                let request = request_of(prepared, verifier)?;
                let hash = request.leaf_hash();
                let digests = prepared.artifact.digests();
                let lookup = EntryLookup::new(proof, digests, request, url, &material.logs);
                Some((lookup, hash))
            })
            .collect();
        network.look_up(lookups, url)
    };
    for (task, outcome) in tasks.iter_mut().zip(outcomes) {
        match outcome {
            Some((Ok(entry), hash)) => {
                if let (EntryCache::Used, Some(hash)) = (cache, hash) {
                    network.store_entry(url, hash, &entry);
                }
                if let Ok(prepared) = &mut task.prepared {
                    prepared.entity.add_log_entry(entry);
                }
            }
            Some((Err(error), _)) => task.prepared = Err(error),
            None => task.prepared = Err(Failure::Offline),
        }
    }
}

fn verify_one(task: Task, session: &mut TrustSession<'_>, now: Timestamp) -> Verdict {
    let Task { name, prepared, export } = task;
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return Verdict { name, format: "", outcome: Err(failure) },
    };
    let format = prepared.entity.profile().name();
    let outcome = verify_prepared(&prepared, session, now).and_then(|verified| match &export {
        Some(path) => export_bundle(path, &prepared, session, now).map(|()| verified),
        None => Ok(verified),
    });
    Verdict { name, format, outcome }
}

fn verify_prepared(prepared: &Prepared, session: &mut TrustSession<'_>, now: Timestamp) -> Result<Verified, Failure> {
    let verify = |material: &TrustMaterial| {
        Verifier::new(material, &prepared.requirements)
            .verify(&prepared.entity, &prepared.artifact, now)
            .map_err(Failure::Verification)
    };
    if needs_no_trust(&prepared.requirements) {
        return verify(&TrustMaterial::default());
    }
    let trust = session.at_hand()?;
    require_trusted_root(prepared, trust)?;
    let failure = match verify(&trust.material) {
        Ok(verified) => return Ok(verified),
        Err(failure) => failure,
    };
    // The trust root at hand may be older than the log or authority that the evidence names: one refresh may tell.
    if matches!(&failure, Failure::Verification(failure) if is_about_unknown_trust(&failure.error))
        && let Some(trust) = session.refreshed_for_unknown()
    {
        return verify(&trust.material);
    }
    Err(failure)
}

/// cosign takes the older PEM files for older formats alone.
fn require_trusted_root(prepared: &Prepared, trust: &Trust) -> Result<(), Failure> {
    if trust.from_pem_files && prepared.entity.profile().is_sigstore_bundle() {
        return Err(Failure::UnsupportedWithBundle { what: "trusted root is required" });
    }
    Ok(())
}

/// A managed key without log and timestamps needs nobody's keys but its own (specs/cosign.md §1.9).
pub fn needs_no_trust(requirements: &Requirements) -> bool {
    matches!(requirements.signer, Signer::Key(_))
        && requirements.log == LogUse::SkippedUnsafe
        && requirements.time == TimeUse::Default
}

/// Whether the trust root at hand does not know what the evidence names.
pub fn is_about_unknown_trust(error: &sigward_verify::Error) -> bool {
    const UNKNOWN: [&str; 5] = [
        "log-unknown",
        "certificate-untrusted",
        "sct-log-unknown",
        "timestamp-authority-unknown",
        "log-outside-validity",
    ];
    error.codes().iter().any(|code| UNKNOWN.contains(code))
}

fn export_bundle(
    path: &std::path::Path,
    prepared: &Prepared,
    session: &mut TrustSession<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let nothing = TrustMaterial::default();
    let material = if needs_no_trust(&prepared.requirements) { &nothing } else { &session.at_hand()?.material };
    let json = Verifier::new(material, &prepared.requirements)
        .export(&prepared.entity, &prepared.artifact, now)
        .map_err(|error| Failure::Evidence { what: format!("exporting a bundle to {}: ", path.display()), error })?;
    write_atomically(path, json.as_bytes())
}

/// Writes under a temporary name in the same folder and renames: nothing half-written is left behind. A link is
/// followed; what is no regular file (a pipe, a device) is written to and never replaced.
///
/// # Errors
/// [`Failure::Write`].
pub fn write_atomically(path: &std::path::Path, bytes: &[u8]) -> Result<(), Failure> {
    let bad = |error: &std::io::Error| Failure::Write { path: path.display().to_string(), reason: go_text(error) };
    let standing = std::fs::metadata(path);
    if standing.as_ref().is_ok_and(|m| !m.is_file() && !m.is_dir()) {
        let opened = std::fs::OpenOptions::new().write(true).open(path);
        return opened.and_then(|mut file| std::io::Write::write_all(&mut file, bytes)).map_err(|e| bad(&e));
    }
    let resolved = standing.and_then(|_| path.canonicalize());
    let path = resolved.as_deref().unwrap_or(path);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|e| bad(&e))?;
    std::io::Write::write_all(&mut file, bytes).map_err(|e| bad(&e))?;
    make_readable(file.as_file()).map_err(|e| bad(&e))?;
    file.persist(path).map_err(|e| bad(&e.error))?;
    Ok(())
}

/// Temporary files are private; what is written here is public data.
fn make_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

fn report(verdicts: &[Verdict], verification: &Verification, streams: &mut Streams<'_>) -> Exit {
    let checks = match verification.explain {
        Explain::EveryCheck => Checks::Listed,
        Explain::ResultOnly => Checks::Omitted,
    };
    let failed = verdicts.iter().filter(|v| v.outcome.is_err()).count();
    for verdict in verdicts {
        warn(verdict, streams);
        if verification.output == OutputFormat::Text && checks == Checks::Listed {
            explain(verdict, streams);
        }
    }
    if verification.output == OutputFormat::Json {
        let blobs: Vec<_> = verdicts
            .iter()
            .map(|verdict| match &verdict.outcome {
                Ok(verified) => render::verified(&verdict.name, verified, checks),
                Err(failure) => render::failed(&verdict.name, failure, checks),
            })
            .collect();
        let document = serde_json::json!({ "verified": failed == 0, "blobs": blobs });
        if let Err(failure) = streams.result(format_args!("{document:#}")) {
            return streams.fail(&failure);
        }
    }
    match verdicts {
        [Verdict { outcome: Ok(_), .. }] => {
            streams.say("Verified OK");
            Exit::Success
        }
        [Verdict { outcome: Err(failure), .. }] => streams.fail(failure),
        several => {
            for verdict in several {
                match &verdict.outcome {
                    Ok(_) => streams.say(format_args!("{}: Verified OK", verdict.name)),
                    Err(failure) => {
                        streams.say(format_args!("{}: {failure}", verdict.name));
                        if let Some(hint) = failure.hint() {
                            streams.say(format_args!("hint: {hint}"));
                        }
                    }
                }
            }
            if failed == 0 { Exit::Success } else { streams.fail(&Failure::Several { failed, all: several.len() }) }
        }
    }
}

fn warn(verdict: &Verdict, streams: &mut Streams<'_>) {
    use sigward_verify::verifier::ProvedSigner;
    if let Ok(verified) = &verdict.outcome
        && let ProvedSigner::Identity(identity) = verified.signer()
        && let Some(pattern) = &identity.loose_pattern
    {
        streams.say(render::loose_pattern(pattern));
    }
}

fn explain(verdict: &Verdict, streams: &mut Streams<'_>) {
    let report = match &verdict.outcome {
        Ok(verified) => verified.report(),
        Err(Failure::Verification(failure)) => &failure.report,
        Err(_) => return,
    };
    streams.say_block(&render::explain(&verdict.name, verdict.format, report));
}
