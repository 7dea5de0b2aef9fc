//! `verify-attestation --policy`: what policies say of attestations that were verified (specs/cosign.md §2.8).

use std::path::Path;

use jiff::Timestamp;
use sigward_policy::limits::MAX_POLICY_BYTES;
use sigward_policy::rego::{RegoOutcome, RegoPolicy, RegoQuery};
use sigward_verify::Content;
use sigward_verify::image::{ImageVerdict, ProvedEvidence};

use crate::args::request::{PolicyFile, PolicyLanguage};
use crate::commands::Streams;
use crate::failure::Failure;
use crate::input::small_file;

/// Policies that were read and loaded, before anything is verified.
#[derive(Debug, Default)]
pub struct Policies {
    rego: Vec<RegoPolicy>,
    rego_names: Vec<String>,
    /// All files in CUE are one policy, as in cosign.
    cue: Option<sigward_cue::Policy>,
    cue_names: Vec<String>,
}

impl Policies {
    /// Reads and loads all.
    ///
    /// # Errors
    /// [`Failure::Read`], [`Failure::Policy`] if one cannot be loaded, [`Failure::Unsupported`].
    pub fn load(files: &[PolicyFile]) -> Result<Self, Failure> {
        let mut policies = Self::default();
        let mut sources = Vec::new();
        for file in files {
            let name = file.path.display().to_string();
            match file.language {
                PolicyLanguage::Rego => {
                    policies.rego.push(load_rego(&file.path)?);
                    policies.rego_names.push(name);
                }
                PolicyLanguage::Cue => {
                    sources.push(source(&file.path)?);
                    policies.cue_names.push(name);
                }
            }
        }
        if !sources.is_empty() {
            let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
            let compiled = sigward_cue::Policy::compile_all(&sources);
            let named = policies.cue_names.join(" ");
            let failed = |error| Failure::Policy { reason: format!("{named}: {error}") };
            policies.cue = Some(compiled.map_err(|error| failed(error.to_string()))?);
        }
        Ok(policies)
    }

    /// The attestations of a verdict, if every policy accepts each of them.
    ///
    /// # Errors
    /// [`Failure::Policy`]: as in cosign, one attestation that a policy refuses is enough.
    pub fn check<'v>(
        &self,
        verdict: &'v ImageVerdict,
        now: Timestamp,
        streams: &mut Streams<'_>,
    ) -> Result<Vec<&'v ProvedEvidence>, Failure> {
        let mut refusals = Vec::new();
        for (names, language) in [(&self.cue_names, "CUE"), (&self.rego_names, "Rego")] {
            if !names.is_empty() {
                streams.say(format_args!("will be validating against {language} policies: [{}]", names.join(" ")));
            }
        }
        for proved in &verdict.proved {
            refusals.extend(self.refusals(proved, now));
        }
        if refusals.is_empty() {
            return Ok(verdict.proved.iter().collect());
        }
        streams.say(format_args!("There are {} number of errors occurred during the validation:\n", refusals.len()));
        for refusal in &refusals {
            streams.say(format_args!("- {refusal}"));
        }
        Err(Failure::Policy { reason: format!("{} validation errors occurred", refusals.len()) })
    }

    fn refusals(&self, proved: &ProvedEvidence, now: Timestamp) -> Vec<String> {
        let Content::Envelope { envelope, .. } = proved.entity().content() else {
            return vec!["policies are about attestations, and this is a signature".into()];
        };
        // The bytes that were verified and no others: what a policy judges must not be mended first.
        let Ok(statement) = std::str::from_utf8(&envelope.payload) else {
            return vec!["the statement is not UTF-8".into()];
        };
        if let Some(refusal) = self.cue_refusal(statement) {
            return vec![refusal];
        }
        let named = self.rego.iter().zip(&self.rego_names);
        let outcomes = named.map(|(policy, name)| (policy.evaluate(statement, now), name));
        outcomes
            .filter_map(|(outcome, name)| match outcome {
                RegoOutcome::Accept { .. } => None,
                RegoOutcome::Reject { message } => Some(format!("{name}: {message}")),
                RegoOutcome::Unsupported { message } => Some(format!("{name}: no verdict: {message}")),
            })
            .collect()
    }

    /// Unify and `Validate(Final)`, as cosign's `pkg/cosign/cue` asks. An attestation that CUE refuses is not shown to
    /// Rego.
    fn cue_refusal(&self, statement: &str) -> Option<String> {
        let names = self.cue_names.join(" ");
        match self.cue.as_ref()?.check(statement, sigward_cue::Mode::Final) {
            sigward_cue::Outcome::Accept => None,
            sigward_cue::Outcome::Reject { message } => Some(format!("{names}: {message}")),
            sigward_cue::Outcome::Unsupported { message } => Some(format!("{names}: no verdict: {message}")),
        }
    }
}

fn source(path: &Path) -> Result<String, Failure> {
    let bad = || Failure::Policy { reason: format!("{}: not UTF-8", path.display()) };
    String::from_utf8(small_file(path, MAX_POLICY_BYTES)?).map_err(|_| bad())
}

fn load_rego(path: &Path) -> Result<RegoPolicy, Failure> {
    let bad = |reason: String| Failure::Policy { reason: format!("{}: {reason}", path.display()) };
    RegoPolicy::compile(&source(path)?, RegoQuery::SignatureAllow).map_err(|error| bad(error.to_string()))
}
