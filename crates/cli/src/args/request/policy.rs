//! Requests about policies.

use std::path::PathBuf;

use sigward_cue::Strictness;

use super::{OutputFormat, PolicyLanguage};

/// `policy eval`: what does this policy say of this document?
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyEvalRequest {
    /// The language of the policy.
    pub language: PolicyLanguage,
    /// The policy.
    pub policy: PathBuf,
    /// The document, JSON.
    pub input: PathBuf,
    /// Whether a field that a CUE policy constrains may be missing.
    pub strictness: Strictness,
    /// How the verdict is written.
    pub output: OutputFormat,
}

/// `policy lint`: do these policies say what their authors mean?
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyLintRequest {
    /// Policies in CUE or Rego, and YAML with ClusterImagePolicies; at least one.
    pub files: Vec<PathBuf>,
    /// What makes the run fail.
    pub failing: LintFailing,
    /// How the findings are written.
    pub output: OutputFormat,
}

/// What makes a run of `policy lint` fail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LintFailing {
    /// Errors only.
    Errors,
    /// Warnings too.
    Warnings,
}
