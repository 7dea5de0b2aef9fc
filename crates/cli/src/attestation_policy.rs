//! `verify-attestation --policy`: what policies say of attestations that were verified.

use sigward_verify::image::{ImageVerdict, ProvedEvidence};

use crate::args::request::PolicyFile;
use crate::commands::Streams;
use crate::failure::Failure;

/// The attestations that every policy accepts.
///
/// # Errors
/// [`Failure::Policy`] if any policy refuses any attestation, as cosign has it.
pub fn check<'v>(
    verdict: &'v ImageVerdict,
    policies: &[PolicyFile],
    _streams: &mut Streams<'_>,
) -> Result<Vec<&'v ProvedEvidence>, Failure> {
    match policies.first() {
        None => Ok(verdict.proved.iter().collect()),
        Some(policy) => Err(Failure::Policy { reason: format!("{}: not supported yet", policy.path.display()) }),
    }
}
