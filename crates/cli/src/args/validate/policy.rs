//! From flags to requests about policies.

use std::ffi::OsString;
use std::path::PathBuf;

use sigward_cue::Strictness;

use super::output;
use crate::args::error::{ArgumentCount, UsageErrorKind};
use crate::args::flags as f;
use crate::args::go;
use crate::args::request::{LintFailing, PolicyEvalRequest, PolicyLanguage, PolicyLintRequest};
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
