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
    names: Vec<String>,
}

impl Policies {
    /// Reads and loads all.
    ///
    /// # Errors
    /// [`Failure::Read`], [`Failure::Policy`] if one cannot be loaded, [`Failure::Unsupported`].
    pub fn load(files: &[PolicyFile]) -> Result<Self, Failure> {
        let mut policies = Self::default();
        for file in files {
            match file.language {
                PolicyLanguage::Rego => policies.rego.push(load_rego(&file.path)?),
                PolicyLanguage::Cue => {
                    let what = format!("{}: policies in CUE are not supported yet", file.path.display());
                    return Err(Failure::Unsupported { what });
                }
            }
            policies.names.push(file.path.display().to_string());
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
        if !self.names.is_empty() {
            streams.say(format_args!("will be validating against Rego policies: [{}]", self.names.join(" ")));
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
        // The bytes that were verified: a statement is JSON, or it would not have been.
        let statement = String::from_utf8_lossy(&envelope.payload);
        let outcomes = self.rego.iter().zip(&self.names).map(|(policy, name)| (policy.evaluate(&statement, now), name));
        outcomes
            .filter_map(|(outcome, name)| match outcome {
                RegoOutcome::Accept { .. } => None,
                RegoOutcome::Reject { message } => Some(format!("{name}: {message}")),
                RegoOutcome::Unsupported { message } => Some(format!("{name}: no verdict: {message}")),
            })
            .collect()
    }
}

fn load_rego(path: &Path) -> Result<RegoPolicy, Failure> {
    let bad = |reason: String| Failure::Policy { reason: format!("{}: {reason}", path.display()) };
    let source = String::from_utf8(small_file(path, MAX_POLICY_BYTES)?).map_err(|_| bad("not UTF-8".into()))?;
    RegoPolicy::compile(&source, RegoQuery::SignatureAllow).map_err(|error| bad(error.to_string()))
}
