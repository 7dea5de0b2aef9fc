//! Exit codes. They are part of the interface: scripts that were written for cosign test for them.

use std::process::ExitCode;

/// Everything that was asked for holds.
pub const SUCCESS: u8 = 0;
/// Any failure without a code of its own: a failed verification, a usage error, a network error.
pub const FAILURE: u8 = 1;
/// `policy eval`: there is no verdict, because the policy needs what is not supported or a limit was hit. cosign has no such
/// command.
pub const POLICY_UNSUPPORTED: u8 = 3;
/// An image has no signatures at all.
pub const NO_SIGNATURES_FOUND: u8 = 10;
/// The image itself does not exist.
pub const IMAGE_TAG_NOT_FOUND: u8 = 11;
/// An image has signatures, and none of them is the expected one.
pub const NO_MATCHING_SIGNATURES: u8 = 12;
/// A signature has no certificate. cosign documents this code but never exits with it.
pub const NO_CERTIFICATE_ON_SIGNATURE: u8 = 13;

/// How a run ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// See [`FAILURE`].
    Failure,
    /// See [`IMAGE_TAG_NOT_FOUND`].
    ImageTagNotFound,
    /// See [`NO_CERTIFICATE_ON_SIGNATURE`].
    NoCertificateOnSignature,
    /// See [`NO_MATCHING_SIGNATURES`].
    NoMatchingSignatures,
    /// See [`NO_SIGNATURES_FOUND`].
    NoSignaturesFound,
    /// See [`POLICY_UNSUPPORTED`].
    PolicyUnsupported,
    /// See [`SUCCESS`].
    Success,
}

impl Exit {
    /// The code of this ending. This is the only place that knows which ending has which code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Failure => FAILURE,
            Self::ImageTagNotFound => IMAGE_TAG_NOT_FOUND,
            Self::NoCertificateOnSignature => NO_CERTIFICATE_ON_SIGNATURE,
            Self::NoMatchingSignatures => NO_MATCHING_SIGNATURES,
            Self::NoSignaturesFound => NO_SIGNATURES_FOUND,
            Self::PolicyUnsupported => POLICY_UNSUPPORTED,
            Self::Success => SUCCESS,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_cosign() {
        let codes = [
            (Exit::Success, 0),
            (Exit::Failure, 1),
            (Exit::PolicyUnsupported, 3),
            (Exit::NoSignaturesFound, 10),
            (Exit::ImageTagNotFound, 11),
            (Exit::NoMatchingSignatures, 12),
            (Exit::NoCertificateOnSignature, 13),
        ];
        for (exit, code) in codes {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }
}
