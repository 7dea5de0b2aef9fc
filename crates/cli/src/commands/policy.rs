//! `policy eval`: one policy over one document, as policy-controller evaluates it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;
use sigward_cue::Strictness;
use sigward_policy::limits::{MAX_INPUT_BYTES, MAX_POLICY_BYTES};
use sigward_policy::rego::{RegoOutcome, RegoPolicy, RegoQuery};

use crate::args::request::{OutputFormat, PolicyEvalRequest, PolicyLanguage};
use crate::commands::Streams;
use crate::exit::Exit;
use crate::failure::{Failure, go_text};

/// `policy eval`.
pub fn run(request: &PolicyEvalRequest, streams: &mut Streams<'_>) -> Exit {
    match verdict(request).and_then(|outcome| report(request.output, outcome, streams)) {
        Ok(exit) => exit,
        Err(failure) => streams.fail(&failure),
    }
}

fn verdict(request: &PolicyEvalRequest) -> Result<RegoOutcome, Failure> {
    let policy = text(&request.policy, MAX_POLICY_BYTES)?;
    let input = text(&request.input, MAX_INPUT_BYTES)?;
    match request.language {
        PolicyLanguage::Cue => Ok(cue_verdict(&policy, &input, request.strictness)),
        PolicyLanguage::Rego => Ok(match RegoPolicy::compile(&policy, RegoQuery::IsCompliant) {
            Ok(policy) => policy.evaluate(&input, Timestamp::now()),
            Err(error) if error.is_unsupported() => RegoOutcome::Unsupported { message: error.to_string() },
            Err(error) => RegoOutcome::Reject { message: error.to_string() },
        }),
    }
}

/// `CompileString`, `Unify`, `Validate()`: policy-controller's `pkg/policy/eval.go`, with its words.
fn cue_verdict(policy: &str, input: &str, strictness: Strictness) -> RegoOutcome {
    let policy = match sigward_cue::Policy::compile(policy) {
        Ok(policy) => policy,
        Err(error) => {
            let message = format!("failed to compile the cue policy with error: {error}");
            return if error.is_unsupported() {
                RegoOutcome::Unsupported { message }
            } else {
                RegoOutcome::Reject { message }
            };
        }
    };
    match policy.check_with(input, sigward_cue::Mode::Default, strictness) {
        sigward_cue::Outcome::Accept => RegoOutcome::Accept { warning: None },
        sigward_cue::Outcome::Reject { message } => {
            RegoOutcome::Reject { message: format!("failed to evaluate the policy with error: {message}") }
        }
        sigward_cue::Outcome::Unsupported { message } => RegoOutcome::Unsupported { message },
    }
}

/// A file's text; of a longer one enough for the evaluator to see that it is too long.
pub(super) fn text(path: &Path, limit: usize) -> Result<String, Failure> {
    let file = File::open(path).map_err(|e| Failure::open(path, &e))?;
    let failed = |reason: String| Failure::Read { what: format!("read {}", path.display()), reason };
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(|e| failed(go_text(&e)))?;
    String::from_utf8(bytes).or_else(|error| {
        // The cut may go through a character; what is left is over the limit all the same.
        let cut = error.as_bytes().len() > limit && error.utf8_error().error_len().is_none();
        if cut {
            Ok(String::from_utf8_lossy(error.as_bytes()).into_owned())
        } else {
            Err(failed("not UTF-8".to_owned()))
        }
    })
}

fn report(format: OutputFormat, outcome: RegoOutcome, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let (verdict, message, exit) = match outcome {
        RegoOutcome::Accept { warning } => ("accept", warning.unwrap_or_default(), Exit::Success),
        RegoOutcome::Reject { message } => ("reject", message, Exit::Failure),
        RegoOutcome::Unsupported { message } => ("unsupported", message, Exit::PolicyUnsupported),
    };
    match format {
        OutputFormat::Json => streams.result(serde_json::json!({ "verdict": verdict, "message": message }))?,
        OutputFormat::Text if message.is_empty() => streams.result(verdict)?,
        OutputFormat::Text => streams.result(format_args!("{verdict}: {message}"))?,
    }
    Ok(exit)
}
