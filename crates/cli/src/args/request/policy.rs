//! Requests about policies.

use std::path::PathBuf;

use sigward_cue::Strictness;
use sigward_policy::config::Oci11;

use super::{Explain, ManifestInput, OutputFormat, PolicyLanguage, RegistryRequest, TrustRequest};

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

/// `policy test`: do these policies admit these images?
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyTestRequest {
    /// Where the policies are; at least one place.
    pub policies: Vec<TestPolicy>,
    /// The images; where there are none, those of the resource are judged.
    pub images: Vec<String>,
    /// `--resource`: the object that names images.
    pub resource: Option<PathBuf>,
    /// `--trustroot`.
    pub trust_root: Option<PathBuf>,
    /// The namespace that the controller would run in.
    pub system_namespace: String,
    /// `--enable-oci11`, beside what the ConfigMap says.
    pub oci11: Oci11,
    /// Where evidence comes from.
    pub evidence: TestEvidence,
    /// Where the material of the public instance comes from.
    pub trust: TrustRequest,
    /// How registries are asked.
    pub registry: RegistryRequest,
    /// What is printed on standard output.
    pub output: TestOutput,
    /// What is said on standard error.
    pub log_level: LogLevel,
    /// Whether everything that was found is shown.
    pub explain: Explain,
}

/// Where policies are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TestPolicy {
    /// A file, a folder, or standard input.
    Input(ManifestInput),
    /// Behind `http://` or `https://`.
    Url(String),
}

/// Where evidence comes from, and whether it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TestEvidence {
    /// From registries and logs.
    Gathered,
    /// The same, and it is kept in this file.
    Recorded(PathBuf),
    /// From this file alone.
    Replayed(PathBuf),
}

/// What is printed on standard output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TestOutput {
    /// As policy-tester: errors as a line of JSON, and nothing for a success.
    AsPolicyTester,
    /// Every result as JSON.
    Json,
    /// Every result as text.
    Text,
}

/// What is said on standard error, the most first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LogLevel {
    /// Requests too.
    Debug,
    /// Results too.
    Info,
    /// Warnings too.
    Warn,
    /// Only why there is no result.
    Error,
}
