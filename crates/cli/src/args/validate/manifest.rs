//! From flags to requests about manifests.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{images, output};
use crate::args::error::{ArgumentCount, UsageErrorKind};
use crate::args::flags as f;
use crate::args::go;
use crate::args::notice::Notice;
use crate::args::request::{
    ImageDemands, ImageQuestionKind, ManifestInput, ManifestRequest, ManifestTask, OutputFormat, PinMode,
    ReferenceDemand, SignatureDemand,
};
use crate::args::values::Values;
use crate::manifest::path::ImagePath;

pub(in crate::args) fn images(values: &Values, positionals: &[OsString]) -> Result<ManifestRequest, UsageErrorKind> {
    request(values, positionals, ManifestTask::List)
}

pub(in crate::args) fn verify(
    values: &Values,
    positionals: &[OsString],
    notices: &mut Vec<Notice>,
) -> Result<ManifestRequest, UsageErrorKind> {
    let demands = demands(values, notices)?;
    request(values, positionals, ManifestTask::Verify(Box::new(demands)))
}

pub(in crate::args) fn pin(
    values: &Values,
    positionals: &[OsString],
    notices: &mut Vec<Notice>,
) -> Result<ManifestRequest, UsageErrorKind> {
    let mut demands = demands(values, notices)?;
    if let ImageQuestionKind::Signature { demand: demand @ SignatureDemand::AsCosign, .. } = &mut demands.verify.what {
        // What is written down must have been signed itself, unless an attestation was asked for by name.
        *demand = SignatureDemand::ImageSignature;
    }
    let mode = match (values.switch(&f::PIN_CHECK), values.switch(&f::PIN_DIFF)) {
        (true, true) => PinMode::CheckAndDiff,
        (true, false) => PinMode::Check,
        (false, true) => PinMode::Diff,
        (false, false) => PinMode::Write,
    };
    let request = request(values, positionals, ManifestTask::Pin(Box::new(demands), mode))?;
    let json = request.output == OutputFormat::Json;
    // Both would go to standard output.
    if json && matches!(mode, PinMode::Diff | PinMode::CheckAndDiff) {
        return Err(UsageErrorKind::Contradiction { one: f::PIN_DIFF.name, other: "output=json" });
    }
    if json && mode == PinMode::Write && request.inputs.contains(&ManifestInput::Stdin) {
        return Err(UsageErrorKind::JsonBesideManifest);
    }
    Ok(request)
}

fn demands(values: &Values, notices: &mut Vec<Notice>) -> Result<ImageDemands, UsageErrorKind> {
    Ok(ImageDemands {
        verify: images::verify_any(values, Vec::new(), notices)?,
        reference: match values.switch(&f::REQUIRE_REFERENCE) {
            true => ReferenceDemand::Required,
            false => ReferenceDemand::Warned,
        },
    })
}

fn request(values: &Values, positionals: &[OsString], task: ManifestTask) -> Result<ManifestRequest, UsageErrorKind> {
    if positionals.is_empty() {
        return Err(UsageErrorKind::ArgumentCount(ArgumentCount::AtLeast(1, 0)));
    }
    let inputs: Vec<_> = positionals
        .iter()
        .map(|typed| if typed == "-" { ManifestInput::Stdin } else { ManifestInput::Path(PathBuf::from(typed)) })
        .collect();
    if inputs.iter().filter(|input| **input == ManifestInput::Stdin).count() > 1 {
        return Err(UsageErrorKind::StdinTwice);
    }
    let expression = |typed: &String| {
        ImagePath::parse(typed).map_err(|reason| UsageErrorKind::FlagValue {
            value: go::quote(typed.as_bytes()),
            flag: f::IMAGE_PATH.spelled(),
            reason,
        })
    };
    let image_paths = values.list(&f::IMAGE_PATH).iter().map(expression).collect::<Result<_, _>>()?;
    Ok(ManifestRequest { inputs, image_paths, output: output(values), task })
}
