//! From flags to requests about policies.

use std::ffi::OsString;
use std::path::PathBuf;

use sigward_cue::Strictness;
use sigward_policy::config::Oci11;

use super::{images, output, trust_source};
use crate::args::error::{ArgumentCount, UsageErrorKind};
use crate::args::flags as f;
use crate::args::go;
use crate::args::notice::Notice;
use crate::args::request::{
    Explain, LintFailing, LogLevel, ManifestInput, PolicyEvalRequest, PolicyLanguage, PolicyLintRequest,
    PolicyTestRequest, TestEvidence, TestOutput, TestPolicy, TrustRequest,
};
use crate::args::values::Values;

pub(in crate::args) fn eval(values: &Values, positionals: &[OsString]) -> Result<PolicyEvalRequest, UsageErrorKind> {
    if !positionals.is_empty() {
        return Err(UsageErrorKind::ArgumentCount(ArgumentCount::AtMost(0, positionals.len())));
    }
    let language = match values.choice(&f::POLICY_LANGUAGE) {
        Some("cue") => Some(PolicyLanguage::Cue),
        Some("rego") => Some(PolicyLanguage::Rego),
        _ => None,
    };
    let strictness = if values.switch(&f::STRICT_EVAL) { Strictness::RequireFields } else { Strictness::AsCue };
    if (language, strictness) == (Some(PolicyLanguage::Rego), Strictness::RequireFields) {
        // Rego says itself what a missing field means.
        return Err(UsageErrorKind::Contradiction { one: f::STRICT_EVAL.name, other: "type=rego" });
    }
    match (values.path(&f::POLICY_INPUT), values.path(&f::POLICY_FILE), language) {
        (Some(input), Some(policy), Some(language)) => {
            Ok(PolicyEvalRequest { language, policy, input, strictness, output: output(values) })
        }
        (input, policy, language) => {
            let missing = [(input.is_none(), "input"), (policy.is_none(), "policy"), (language.is_none(), "type")];
            let names = missing.iter().filter(|(missing, _)| *missing).map(|(_, name)| go::quote(name.as_bytes()));
            Err(UsageErrorKind::RequiredFlags(names.collect::<Vec<_>>().join(", ")))
        }
    }
}

pub(in crate::args) fn lint(values: &Values, positionals: &[OsString]) -> Result<PolicyLintRequest, UsageErrorKind> {
    if positionals.is_empty() {
        return Err(UsageErrorKind::ArgumentCount(ArgumentCount::AtLeast(1, 0)));
    }
    let failing = if values.switch(&f::STRICT_LINT) { LintFailing::Warnings } else { LintFailing::Errors };
    let files = positionals.iter().map(PathBuf::from).collect();
    Ok(PolicyLintRequest { files, failing, output: output(values) })
}

pub(in crate::args) fn test(
    values: &Values,
    positionals: &[OsString],
    notices: &mut Vec<Notice>,
) -> Result<PolicyTestRequest, UsageErrorKind> {
    if !positionals.is_empty() {
        return Err(UsageErrorKind::ArgumentCount(ArgumentCount::AtMost(0, positionals.len())));
    }
    // An unset variable of a shell must not take a policy or an image away.
    let policies: Vec<_> = values.list(&f::TEST_POLICY).iter().map(|place| test_policy(place)).collect();
    let images = values.list(&f::TEST_IMAGE).to_vec();
    let resource = values.path(&f::TEST_RESOURCE);
    let missing = [(policies.is_empty(), "policy"), (images.is_empty() && resource.is_none(), "image")];
    if missing.iter().any(|(missing, _)| *missing) {
        let names = missing.iter().filter(|(missing, _)| *missing).map(|(_, name)| go::quote(name.as_bytes()));
        return Err(UsageErrorKind::RequiredFlags(names.collect::<Vec<_>>().join(", ")));
    }
    if policies.iter().filter(|policy| **policy == TestPolicy::Input(ManifestInput::Stdin)).count() > 1 {
        return Err(UsageErrorKind::StdinTwice);
    }
    let evidence = match (values.path(&f::TEST_RECORD), values.path(&f::TEST_REPLAY)) {
        (Some(_), Some(_)) => {
            return Err(UsageErrorKind::Contradiction { one: f::TEST_REPLAY.name, other: f::TEST_RECORD.name });
        }
        (Some(file), None) => TestEvidence::Recorded(file),
        (None, Some(file)) => TestEvidence::Replayed(file),
        (None, None) => TestEvidence::Gathered,
    };
    // A recording holds evidence. A policy in it would be judged by nobody.
    if matches!(evidence, TestEvidence::Replayed(_)) && policies.iter().any(|it| matches!(it, TestPolicy::Url(_))) {
        return Err(UsageErrorKind::Contradiction { one: f::TEST_REPLAY.name, other: "policy=URL" });
    }
    Ok(PolicyTestRequest {
        policies,
        images,
        resource,
        trust_root: values.path(&f::TEST_TRUSTROOT),
        system_namespace: values.text(&f::TEST_NAMESPACE)?.unwrap_or_else(|| f::TEST_NAMESPACE.default.to_owned()),
        oci11: if values.switch(&f::TEST_OCI11) { Oci11::On } else { Oci11::Off },
        evidence,
        trust: TrustRequest { source: trust_source(values), authorities: None, timestamp_chain: None },
        registry: images::registry(values, notices)?,
        output: match values.choice(&f::TEST_OUTPUT) {
            Some("json") => TestOutput::Json,
            Some("text") => TestOutput::Text,
            _ => TestOutput::AsPolicyTester,
        },
        log_level: match values.choice(&f::TEST_LOG_LEVEL) {
            Some("debug") => LogLevel::Debug,
            Some("warn") => LogLevel::Warn,
            Some("error") => LogLevel::Error,
            _ => LogLevel::Info,
        },
        explain: if values.switch(&f::EXPLAIN) { Explain::EveryCheck } else { Explain::ResultOnly },
    })
}

fn test_policy(place: &str) -> TestPolicy {
    match place {
        "-" => TestPolicy::Input(ManifestInput::Stdin),
        url if url.starts_with("http://") || url.starts_with("https://") => TestPolicy::Url(url.to_owned()),
        path => TestPolicy::Input(ManifestInput::Path(PathBuf::from(path))),
    }
}
