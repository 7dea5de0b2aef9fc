//! What CUE accepts though the author of a policy surely meant otherwise.
//!
//! CUE takes a field that a document lacks for one that is not known *yet*, and policy-controller accepts what is not known.
//! So `predicate: approved: true` accepts `{}`, a condition over a missing field is skipped, and `_type: "…"` says nothing
//! about the document's `_type`. A policy that falls into such a trap works in every test with a good document.
//!
//! ```
//! use sigward_cue::lint::{LintCode, lint};
//!
//! let findings = lint("import \"time\"\nbefore: time.Parse(time.RFC3339, \"2049-01-01T00:00:00Z\")\n\
//!                      predicate: {\n  approved: true\n  note?: string\n  date: <before\n}\n", &[]);
//! let found: Vec<_> = findings.iter().map(|f| (f.code, f.path.as_str(), f.line)).collect();
//! assert_eq!(found, [
//!     (LintCode::AcceptsEmpty, "", None),
//!     (LintCode::MissingField, "predicate.approved", Some(4)),
//!     (LintCode::MissingField, "predicate.date", Some(6)),
//! ]);
//! ```

mod fields;
mod names;

use std::fmt;

use crate::limits::MAX_POLICY_BYTES;
use crate::syntax;
use crate::{CompileError, Mode, Outcome, Policy};

/// The packages that can be imported.
const PACKAGES: [&str; 13] = [
    "crypto/sha256",
    "crypto/sha512",
    "encoding/base64",
    "encoding/hex",
    "encoding/json",
    "list",
    "math",
    "net",
    "regexp",
    "strconv",
    "strings",
    "struct",
    "time",
];

/// Something about a policy that its author should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What kind of thing.
    pub code: LintCode,
    /// The path of the field, or nothing where it is about the policy as a whole. `[]` stands for the elements of a list,
    /// `[_]` for the fields that a pattern matches.
    pub path: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// It may well be what the author wants.
    Note,
    /// The policy accepts what its author surely does not want.
    Warning,
    /// There is no verdict at all: whatever the policy is asked about is denied.
    Error,
}

/// Kinds of findings.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LintCode {
    /// The policy is not CUE, refers to what is not there, or contradicts itself.
    DoesNotCompile,
    /// The policy needs what is not supported, or goes over a limit.
    Unsupported,
    /// The policy constrains nothing.
    AcceptsAnything,
    /// The policy accepts a document that has nothing in it.
    AcceptsEmpty,
    /// A constraint on a field that may be missing.
    MissingField,
    /// A list that may be missing, and of which nothing but its elements is constrained.
    MissingList,
    /// A field of a Kubernetes object (`spec`) that must be false, and may be missing.
    MissingFalse,
    /// A field that is marked as required (`field!:`), which policy-controller does not ask for.
    RequiredNotEnforced,
    /// A condition that is skipped where a field is missing.
    SkippedCondition,
    /// A condition that may be false.
    ConditionNotEnforced,
    /// A hidden field (`_name`) that is meant for the document.
    HiddenField,
    /// A definition that nothing applies.
    UnusedDefinition,
}

impl LintCode {
    /// Its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DoesNotCompile => "does-not-compile",
            Self::Unsupported => "unsupported",
            Self::AcceptsAnything => "accepts-anything",
            Self::AcceptsEmpty => "accepts-empty",
            Self::MissingField => "missing-field",
            Self::MissingList => "missing-list",
            Self::MissingFalse => "missing-false",
            Self::RequiredNotEnforced => "required-not-enforced",
            Self::SkippedCondition => "skipped-condition",
            Self::ConditionNotEnforced => "condition-not-enforced",
            Self::HiddenField => "hidden-field",
            Self::UnusedDefinition => "unused-definition",
        }
    }

    /// How grave it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::DoesNotCompile | Self::Unsupported => Severity::Error,
            Self::MissingList | Self::MissingFalse => Severity::Note,
            _ => Severity::Warning,
        }
    }
}

impl fmt::Display for LintCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Looks a policy over. Fields in `given` are in every document that it will be asked about, as `predicateType` is in every
/// attestation; they are paths as [`Finding::path`] has them. A policy that asks for nothing else accepts `{}` by intent.
#[must_use]
pub fn lint(source: &str, given: &[&str]) -> Vec<Finding> {
    if source.len() > MAX_POLICY_BYTES {
        let message = format!("a policy of {} bytes; at most {MAX_POLICY_BYTES} are read", source.len());
        return vec![finding(LintCode::Unsupported, "", None, message)];
    }
    let file = match syntax::parse(source) {
        Ok(file) => file,
        Err(error) => {
            let line = Some(line_of(source, error.at));
            return vec![finding(LintCode::DoesNotCompile, "", line, error.message)];
        }
    };
    let policy = match Policy::compile(source) {
        Ok(policy) => policy,
        Err(error) => return vec![compile_finding(source, &file, &error)],
    };
    let names = names::of(&file);
    let walked = fields::walk(&file, &names, given);
    let mut findings = about_whole(&policy, &walked);
    for note in walked.notes {
        let line = Some(line_of(source, note.at));
        let known = findings.iter().any(|f| f.code == note.code && f.path == note.path);
        if !known {
            findings.push(finding(note.code, &note.path, line, note.message));
        }
    }
    findings
}

fn about_whole(policy: &Policy, walked: &fields::Walked) -> Vec<Finding> {
    if !walked.constrains {
        let message = "the policy constrains no field of a document: it accepts everything".to_owned();
        return vec![finding(LintCode::AcceptsAnything, "", None, message)];
    }
    match policy.check("{}", Mode::Default) {
        Outcome::Accept if walked.demands => {
            let message = "the policy accepts {}: none of the fields that it constrains has to be there".to_owned();
            vec![finding(LintCode::AcceptsEmpty, "", None, message)]
        }
        Outcome::Unsupported { message } => vec![finding(LintCode::Unsupported, "", None, message)],
        _ => Vec::new(),
    }
}

fn compile_finding(source: &str, file: &syntax::ast::File, error: &CompileError) -> Finding {
    let message = error.to_string();
    let code = if error.is_unsupported() { LintCode::Unsupported } else { LintCode::DoesNotCompile };
    if let CompileError::Syntax { line, .. } = error {
        return finding(code, "", Some(*line), message);
    }
    // Messages begin with the path of the field, or name the package.
    let path = message.split_once(": ").map_or("", |(path, _)| path);
    if let Some(at) = fields::position(file, path) {
        return finding(code, path, Some(line_of(source, at)), message.clone());
    }
    let import = file.imports.iter().find(|import| message.contains(&format!("{:?}", import.path)));
    let line = import.and_then(|import| source.find(&format!("{:?}", import.path))).map(|at| line_of(source, at));
    let message = match message.strip_prefix("builtin package ") {
        Some(_) => format!("{message}; known packages: {}", PACKAGES.join(", ")),
        None => message,
    };
    finding(code, "", line, message)
}

fn finding(code: LintCode, path: &str, line: Option<usize>, message: String) -> Finding {
    Finding { code, path: path.to_owned(), line, message }
}

fn line_of(source: &str, at: usize) -> usize {
    source.get(..at).unwrap_or(source).matches('\n').count().saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::PACKAGES;

    #[test]
    fn the_packages_that_are_told_exist() {
        for package in PACKAGES {
            assert!(crate::builtins::is_package(package), "{package}");
        }
    }
}
