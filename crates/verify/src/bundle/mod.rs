//! Bundles: a signature and its evidence in one JSON file, sigstore's or cosign's older one.

mod export;
pub(crate) mod legacy;
mod sigstore;

use crate::entity::{ChainPolicy, SignedEntity};
use crate::error::{Error, Input};
use crate::limits;

/// Reads a bundle of either family. A file that names a media type is a sigstore bundle, and what is wrong with it is
/// told; any other is taken as cosign's legacy bundle.
///
/// # Errors
/// What is wrong with the file, in terms of the family that it belongs to.
pub fn parse(json: &[u8], chains: ChainPolicy) -> Result<SignedEntity, Error> {
    if json.len() > limits::BUNDLE_BYTES {
        return Err(Error::TooLarge { input: Input::Bundle, limit: limits::BUNDLE_BYTES });
    }
    match legacy::looks_legacy(json) {
        Ok(true) => legacy::parse(json),
        Ok(false) => sigstore::parse(json, chains),
        Err(error) => Err(error),
    }
}

/// Reads cosign's legacy bundle only (`--new-bundle-format=false`).
///
/// # Errors
/// What is wrong with the file.
pub fn parse_legacy(json: &[u8]) -> Result<SignedEntity, Error> {
    if json.len() > limits::BUNDLE_BYTES {
        return Err(Error::TooLarge { input: Input::Bundle, limit: limits::BUNDLE_BYTES });
    }
    legacy::parse(json)
}
