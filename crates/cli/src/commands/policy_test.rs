//! `policy test`: do policies admit images?

use crate::args::request::{Explain, LogLevel, PolicyTestRequest, TestEvidence, TestOutput};
use crate::commands::{Streams, plain};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::network::Network;
use crate::policy_test::judge::{Judged, judge};

/// `policy test`.
pub fn run(request: &PolicyTestRequest, network: &Network, streams: &mut Streams<'_>) -> Exit {
    let tested = judge(request, network).and_then(|judged| {
        keep(request, &judged)?;
        report(request, &judged, streams)
    });
    match tested {
        Ok(exit) => exit,
        Err(failure) => streams.fail(&failure),
    }
}

fn keep(request: &PolicyTestRequest, judged: &Judged) -> Result<(), Failure> {
    match (&request.evidence, &judged.recording) {
        (TestEvidence::Recorded(path), Some(recording)) => recording.write(path),
        _ => Ok(()),
    }
}

fn report(request: &PolicyTestRequest, judged: &Judged, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    if request.log_level <= LogLevel::Warn {
        for warning in judged.all_warnings() {
            streams.say(format_args!("WARNING: {warning}"));
        }
    }
    if request.explain == Explain::EveryCheck {
        streams.say_block(&judged.explanation());
    }
    let is_allowed = judged.verdict.is_allowed();
    match request.output {
        TestOutput::Json => streams.result(judged.json())?,
        TestOutput::Text => streams.result(plain(judged.text().trim_end()))?,
        TestOutput::AsPolicyTester => {
            if request.log_level <= LogLevel::Info {
                streams.say_block(&judged.text());
            }
            if !is_allowed {
                streams.result(judged.tester_line())?;
            }
        }
    }
    Ok(if is_allowed { Exit::Success } else { Exit::Failure })
}
