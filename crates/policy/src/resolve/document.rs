//! Policies over documents: CUE and Rego, compiled once.

use jiff::Timestamp;
use sigward_cue::Strictness;

use super::authority::Fault;
use super::content::{ContentSource, policy_text};
use super::fingerprint::Fingerprint;
use crate::cip::{Policy, PolicyType};
use crate::reason::Reason;
use crate::rego::{RegoOutcome, RegoPolicy, RegoQuery};

/// A policy, ready for any number of documents.
#[derive(Debug)]
pub struct CompiledPolicy {
    /// The attestation's name, or `ClusterImagePolicy`.
    name: String,
    /// Whether a field that CUE would not miss rejects (annotation `policy.sigward.dev/strict`).
    strictness: Strictness,
    body: Body,
    counts_evidence: bool,
    fingerprint: Fingerprint,
}

#[derive(Debug)]
enum Body {
    Cue(Box<sigward_cue::Policy>),
    Rego(Box<RegoPolicy>),
}

/// What a policy says of a document. Only [`Judgement::Accepted`] accepts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Judgement {
    Accepted,
    Refused(Fault),
}

impl CompiledPolicy {
    pub(crate) fn new(
        policy: &Policy,
        name: &str,
        source: &dyn ContentSource,
        strictness: Strictness,
    ) -> Result<Self, Fault> {
        let Some(language) = policy.language() else {
            let text = format!("sorry Type {} is not supported yet", policy.policy_type);
            return Err(Fault { reason: Reason::PolicyBroken, text });
        };
        let text = policy_text(policy, source)
            .map_err(|missing| Fault { reason: Reason::PolicyBroken, text: format!("policy of {name}: {missing}") })?;
        let body = match language {
            PolicyType::Cue => {
                sigward_cue::Policy::compile(&text).map(|cue| Body::Cue(Box::new(cue))).map_err(|error| {
                    let text = format!("failed to compile the cue policy with error: {error}");
                    fault_of(language, name, error.is_unsupported(), &text)
                })
            }
            PolicyType::Rego => RegoPolicy::compile(&text, RegoQuery::IsCompliant)
                .map(|rego| Body::Rego(Box::new(rego)))
                .map_err(|error| fault_of(language, name, error.is_unsupported(), &error.to_string())),
        }?;
        let fingerprint = Fingerprint::build()
            .part("name", name)
            .part("language", &policy.policy_type)
            .part("text", &text)
            .part("strictness", format!("{strictness:?}"))
            .finish();
        // Such a policy names what it counts, or it looks at nothing else.
        let names = ["authorityMatches", "signatures", "attestations"];
        let flags =
            [policy.fetch_config_file, policy.include_spec, policy.include_object_meta, policy.include_type_meta];
        let counts_evidence = names.iter().any(|name| text.contains(name)) || !flags.contains(&Some(true));
        Ok(Self { name: name.to_owned(), strictness, body, counts_evidence, fingerprint })
    }

    /// Whether a verdict depends on the time.
    pub(crate) fn uses_clock(&self) -> bool {
        match &self.body {
            Body::Cue(_) => false,
            Body::Rego(rego) => rego.uses_clock(),
        }
    }

    /// Whether a verdict may depend on how much evidence was found.
    pub(crate) fn may_count_evidence(&self) -> bool {
        self.counts_evidence
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Judges a document in JSON.
    pub(crate) fn judge(&self, document: &str, now: Timestamp) -> Judgement {
        match &self.body {
            Body::Cue(cue) => match cue.check_with(document, sigward_cue::Mode::Default, self.strictness) {
                sigward_cue::Outcome::Accept => Judgement::Accepted,
                sigward_cue::Outcome::Reject { message } => {
                    let text = format!("failed to evaluate the policy with error: {message}");
                    Judgement::Refused(fault_of(PolicyType::Cue, &self.name, false, &text))
                }
                sigward_cue::Outcome::Unsupported { message } => {
                    Judgement::Refused(fault_of(PolicyType::Cue, &self.name, true, &message))
                }
            },
            Body::Rego(rego) => match rego.evaluate(document, now) {
                RegoOutcome::Accept { warning: None } => Judgement::Accepted,
                // policy-controller counts a warning as a failure (specs/policy-controller.md §2.16).
                RegoOutcome::Accept { warning: Some(text) } | RegoOutcome::Reject { message: text } => {
                    Judgement::Refused(fault_of(PolicyType::Rego, &self.name, false, &text))
                }
                RegoOutcome::Unsupported { message } => {
                    Judgement::Refused(fault_of(PolicyType::Rego, &self.name, true, &message))
                }
            },
        }
    }
}

fn fault_of(language: PolicyType, name: &str, unsupported: bool, text: &str) -> Fault {
    let reason = if unsupported { Reason::PolicyNoVerdict } else { Reason::PolicyRefused };
    let none = if unsupported { "no verdict: " } else { "" };
    let text = match language {
        PolicyType::Cue => format!("failed evaluating cue policy for {name}: {none}{text}"),
        PolicyType::Rego => format!("failed evaluating rego policy for type {name}: {none}{text}"),
    };
    Fault { reason, text }
}
