//! `manifest images`, `manifest verify`, `manifest pin`.

use sigward_verify::image::ImageReference;

use crate::args::request::{ImageDemands, ManifestRequest, ManifestTask, OutputFormat, PinMode};
use crate::commands::Streams;
use crate::exit::Exit;
use crate::failure::{Failure, go_text};
use crate::manifest::ManifestError;
use crate::manifest::edit::{self, Edited};
use crate::manifest::judge::{self, Judgement};
use crate::manifest::source::Origin;
use crate::manifest::survey::{Manifest, Survey, survey};
use crate::manifest::{diff, report, write};
use crate::network::Network;

/// Lists, verifies or pins the images of manifests.
pub fn run(request: &ManifestRequest, network: &Network, streams: &mut Streams<'_>) -> Exit {
    let outcome = survey(&request.inputs, &request.image_paths).map_err(Ended::from).and_then(|survey| {
        for note in &survey.notes {
            streams.say(format_args!("NOTE: {note}"));
        }
        match &request.task {
            ManifestTask::List => list(survey, request, streams),
            ManifestTask::Verify(demands) => verify(survey, demands, request, network, streams),
            ManifestTask::Pin(demands, mode) => pin(survey, demands, *mode, request, network, streams),
        }
    });
    match outcome {
        Ok(()) => Exit::Success,
        Err(Ended { failure, exit }) => {
            streams.fail(&failure);
            exit
        }
    }
}

/// How a command failed.
struct Ended {
    failure: Failure,
    exit: Exit,
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self { failure, exit: Exit::Failure }
    }
}

impl From<ManifestError> for Ended {
    fn from(error: ManifestError) -> Self {
        Failure::from(error).into()
    }
}

fn list(survey: Survey, request: &ManifestRequest, streams: &mut Streams<'_>) -> Result<(), Ended> {
    match request.output {
        OutputFormat::Json => streams.result(report::list(&survey))?,
        OutputFormat::Text => streams.result(report::table(&survey))?,
    }
    for unnamed in survey.manifests.iter().flat_map(|manifest| &manifest.unnamed) {
        streams.say(format_args!("NOTE: {unnamed}: {}", unnamed.hint().unwrap_or_default()));
    }
    conclude(survey.manifests.into_iter().flat_map(|manifest| manifest.errors).collect(), streams)
}

fn verify(
    survey: Survey,
    demands: &ImageDemands,
    request: &ManifestRequest,
    network: &Network,
    streams: &mut Streams<'_>,
) -> Result<(), Ended> {
    let judgement = judged(&survey, demands, network, streams)?;
    match request.output {
        OutputFormat::Json => streams.result(report::judged(&survey, &judgement))?,
        OutputFormat::Text => streams.result(report::verdicts(&survey, &judgement))?,
    }
    let failed = survey.images().find_map(|(_, found)| judgement.of(&found.reference)?.outcome.as_ref().err());
    let exit = failed.map_or(Exit::Failure, |failure| failure.exit(&demands.verify));
    let mut problems: Vec<Failure> = Vec::new();
    for manifest in survey.manifests {
        problems.extend(manifest.errors);
        problems.extend(manifest.unnamed.into_iter().map(Failure::from));
    }
    let readable = problems.is_empty();
    problems.extend(judgement.into_failures());
    let ended = conclude(problems, streams);
    // As cosign's `manifest verify`, whose exit code is that of its first failed image.
    if readable { ended.map_err(|ended| Ended { exit, ..ended }) } else { ended }
}

fn judged(
    survey: &Survey,
    demands: &ImageDemands,
    network: &Network,
    streams: &mut Streams<'_>,
) -> Result<Judgement, Failure> {
    let judgement = judge::judge(survey, &demands.verify, demands.reference, network, streams)?;
    for judged in judgement.all().filter(|judged| judged.outcome.is_ok()) {
        if !judged.other_repositories.is_empty() {
            let name = judged.reference.name();
            let others = judged.other_repositories.join(", ");
            streams.say(format_args!("WARNING: {name}: its signature names another repository: {others}"));
        }
    }
    Ok(judgement)
}

/// What becomes of a file.
enum Decision {
    /// It gets digests.
    Edit(Edited),
    /// Something is wrong: it stays as it is.
    Refuse,
    /// There is nothing to write.
    Same,
}

fn pin(
    mut survey: Survey,
    demands: &ImageDemands,
    mode: PinMode,
    request: &ManifestRequest,
    network: &Network,
    streams: &mut Streams<'_>,
) -> Result<(), Ended> {
    let judgement = judged(&survey, demands, network, streams)?;
    if request.output == OutputFormat::Json {
        streams.result(report::judged(&survey, &judgement))?;
    } else {
        streams.say(report::verdicts(&survey, &judgement));
    }
    let mut problems = Vec::new();
    let mut decisions = Vec::new();
    for manifest in &mut survey.manifests {
        decisions.push(decide(manifest, &judgement, &mut problems));
    }
    let plan: Vec<_> = survey.manifests.iter().zip(&decisions).collect();
    if matches!(mode, PinMode::Diff | PinMode::CheckAndDiff) {
        for (manifest, decision) in &plan {
            if let Decision::Edit(edited) = decision {
                write_out(&diff::unified(&manifest.name, &manifest.text, edited), streams)?;
            }
        }
    }
    match mode {
        PinMode::Check | PinMode::CheckAndDiff => tell_unpinned(&survey, &judgement, &mut problems, streams),
        PinMode::Diff => {}
        PinMode::Write => put_in_place(&plan, &judgement, &mut problems, streams)?,
    }
    problems.extend(judgement.into_failures());
    conclude(problems, streams)
}

fn decide(manifest: &mut Manifest, judgement: &Judgement, problems: &mut Vec<Failure>) -> Decision {
    let mut own: Vec<Failure> = std::mem::take(&mut manifest.errors);
    own.extend(std::mem::take(&mut manifest.unnamed).into_iter().map(Failure::from));
    let unverified = |reference: &ImageReference| judgement.of(reference).is_none_or(|judged| judged.outcome.is_err());
    let refused = !own.is_empty() || manifest.images.iter().any(|found| unverified(&found.reference));
    problems.append(&mut own);
    match edit::pin(manifest, &|reference| judgement.digest(reference)) {
        _ if refused => Decision::Refuse,
        Ok(edited) if edited.replaced.is_empty() => Decision::Same,
        Ok(edited) => Decision::Edit(edited),
        Err(errors) => {
            problems.extend(errors.into_iter().map(Failure::from));
            Decision::Refuse
        }
    }
}

/// `--check`: what is left to pin.
fn tell_unpinned(survey: &Survey, judgement: &Judgement, problems: &mut Vec<Failure>, streams: &mut Streams<'_>) {
    let (mut unpinned, mut all) = (0, 0);
    for (manifest, found) in survey.images() {
        all += 1;
        if edit::is_pinned(&found.reference) {
            continue;
        }
        unpinned += 1;
        let verified = match judgement.digest(&found.reference) {
            Some(digest) => format!("verified as {digest}"),
            None => "not verified".to_owned(),
        };
        let (image, name) = (&found.image, &manifest.name);
        streams.say(format_args!("{name}:{}: {}: {} is not pinned ({verified})", image.line, image.path, image.text));
    }
    if unpinned > 0 {
        problems.push(ManifestError::Unpinned { unpinned, all }.into());
    }
}

/// All files get their new text under temporary names before the first is renamed.
fn put_in_place(
    plan: &[(&Manifest, &Decision)],
    judgement: &Judgement,
    problems: &mut Vec<Failure>,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let mut staged = Vec::new();
    let mut piped = None;
    for (manifest, decision) in plan {
        let from_stdin = matches!(manifest.origin, Origin::Stdin);
        match decision {
            Decision::Edit(edited) if from_stdin => piped = Some(edited.text.as_str()),
            Decision::Edit(edited) => match write::stage(manifest, &edited.text) {
                Ok(file) => staged.push((manifest, file)),
                Err(failure) => problems.push(failure),
            },
            Decision::Same if from_stdin => piped = Some(manifest.text.as_str()),
            Decision::Refuse => streams.say(format_args!("{}: left as it is", manifest.name)),
            Decision::Same => {}
        }
    }
    for (manifest, file) in staged {
        match file.commit() {
            Ok(()) => tell_pinned(manifest, judgement, streams),
            Err(failure) => problems.push(failure),
        }
    }
    piped.map_or(Ok(()), |text| write_out(text, streams))
}

fn tell_pinned(manifest: &Manifest, judgement: &Judgement, streams: &mut Streams<'_>) {
    for found in manifest.images.iter().filter(|found| !edit::is_pinned(&found.reference)) {
        if let Some(digest) = judgement.digest(&found.reference) {
            let (image, name) = (&found.image, &manifest.name);
            let pinned = edit::pinned(&found.reference, &digest);
            streams.say(format_args!("{name}:{}: {} -> {pinned}", image.line, image.text));
        }
    }
}

/// Writes a result as it is, to the byte.
fn write_out(text: &str, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let written = streams.out.write_all(text.as_bytes()).and_then(|()| streams.out.flush());
    written.map_err(|error| Failure::Write { path: "standard output".into(), reason: go_text(&error) })
}

/// One problem is the failure; of several, each is told before.
fn conclude(mut problems: Vec<Failure>, streams: &mut Streams<'_>) -> Result<(), Ended> {
    match problems.len() {
        0 => Ok(()),
        1 => problems.pop().map_or(Ok(()), |failure| Err(failure.into())),
        failed => {
            for problem in &problems {
                streams.say(problem);
                if let Some(hint) = problem.hint() {
                    streams.say(format_args!("hint: {hint}"));
                }
            }
            Err(ManifestError::Several(failed).into())
        }
    }
}
