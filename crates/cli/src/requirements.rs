//! From the typed request to what must hold.

use std::num::NonZeroU32;

use sigward_verify as verify;
use sigward_verify::{Claims, HashAlgorithm, Identity, LogUse, Matcher, Pattern, PublicKey, Requirements, TimeUse};

use crate::args::request::{SctUse, SignatureDigest, Signer, TextRule, TimestampUse, TlogUse, Verification};
use crate::failure::Failure;

/// Builds the requirements; `key` is the managed key, already read.
///
/// # Errors
/// [`Failure::Evidence`] if a regular expression is invalid.
pub fn build(verification: &Verification, key: Option<&PublicKey>) -> Result<Requirements, Failure> {
    let signer = match (&verification.signer, key) {
        (_, Some(key)) => verify::Signer::Key(Box::new(key.clone())),
        (Signer::Keyless(rule), None) => verify::Signer::Keyless(vec![Identity {
            subject: matcher(&rule.subject)?,
            issuer: matcher(&rule.issuer)?,
            workflow: verify::Workflow {
                trigger: rule.workflow.trigger.clone(),
                sha: rule.workflow.sha.clone(),
                name: rule.workflow.name.clone(),
                repository: rule.workflow.repository.clone(),
                reference: rule.workflow.reference.clone(),
            },
        }]),
        // Nobody is accepted where a key was asked for and none was read.
        (Signer::ManagedKey(_), None) => verify::Signer::Keyless(Vec::new()),
    };
    Ok(Requirements {
        log: match verification.tlog {
            TlogUse::Required { threshold } => LogUse::Required { threshold: count(threshold) },
            TlogUse::SkippedUnsafe => LogUse::SkippedUnsafe,
        },
        sct: match verification.sct {
            SctUse::Required => verify::SctUse::Required { threshold: 1 },
            SctUse::SkippedUnsafe => verify::SctUse::SkippedUnsafe,
        },
        time: match verification.timestamps {
            TimestampUse::IfNeeded => TimeUse::Default,
            TimestampUse::Required { threshold } => TimeUse::Signed { threshold: count(threshold) },
        },
        claims: Claims::Checked,
        predicate_type: None,
        signature_hash: Some(match verification.signature_digest {
            SignatureDigest::Sha224 => HashAlgorithm::Sha224,
            SignatureDigest::Sha256 => HashAlgorithm::Sha256,
            SignatureDigest::Sha384 => HashAlgorithm::Sha384,
            SignatureDigest::Sha512 => HashAlgorithm::Sha512,
        }),
        evidence_intermediates: verify::verifier::EvidenceIntermediates::Ignored,
        signer,
    })
}

fn count(number: NonZeroU32) -> usize {
    usize::try_from(number.get()).unwrap_or(usize::MAX)
}

fn matcher(rule: &TextRule) -> Result<Matcher, Failure> {
    let pattern = |source: &str| Pattern::new(source).map_err(|error| Failure::Evidence { what: String::new(), error });
    Ok(match rule {
        TextRule::Exact(text) => Matcher::exact(text),
        TextRule::Regexp(source) => Matcher { exact: None, pattern: Some(pattern(source)?) },
        TextRule::Both { exact, regexp } => Matcher { exact: Some(exact.clone()), pattern: Some(pattern(regexp)?) },
    })
}
