//! Why something was denied, as one word: for logs, metrics and Events. The words are stable.

/// A class of denials.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Reason {
    /// The image's name cannot be read.
    ReferenceInvalid,
    /// The image is named by a tag.
    NotADigest,
    /// No policy is for the image.
    NoMatchingPolicy,
    /// Which objects or images a policy is for cannot be told.
    MatchBroken,
    /// A policy, or a policy in a policy, cannot be read or lacks what it refers to.
    PolicyBroken,
    /// A policy has no authorities.
    NoAuthorities,
    /// `static: {action: fail}`.
    StaticFail,
    /// An authority cannot be read or lacks what it refers to.
    AuthorityBroken,
    /// An authority asks for something that is not supported.
    AuthorityUnsupported,
    /// Keys or certificates of logs or authorities are missing.
    TrustMissing,
    /// A registry or a log could not be asked, or gave no usable answer.
    Unreachable,
    /// A registry wants other credentials, or says that the image is not there.
    AccessDenied,
    /// Nothing is attached that could be a signature.
    Unsigned,
    /// Signatures are there, and none of them is by who is wanted.
    SignatureMismatch,
    /// No attestation of a wanted type is there that is by who is wanted.
    AttestationMissing,
    /// A check was waived that the policy does not waive.
    WaiverNotStated,
    /// A policy in CUE or Rego refuses.
    PolicyRefused,
    /// A policy in CUE or Rego has no verdict: a limit was hit, or something is not supported.
    PolicyNoVerdict,
    /// The time for the review is over.
    Deadline,
    /// An answer is missing that should be there: a fault of the program.
    Internal,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::ReferenceInvalid,
        Self::NotADigest,
        Self::NoMatchingPolicy,
        Self::MatchBroken,
        Self::PolicyBroken,
        Self::NoAuthorities,
        Self::StaticFail,
        Self::AuthorityBroken,
        Self::AuthorityUnsupported,
        Self::TrustMissing,
        Self::Unreachable,
        Self::AccessDenied,
        Self::Unsigned,
        Self::SignatureMismatch,
        Self::AttestationMissing,
        Self::WaiverNotStated,
        Self::PolicyRefused,
        Self::PolicyNoVerdict,
        Self::Deadline,
        Self::Internal,
    ];

    /// The word.
    pub fn code(self) -> &'static str {
        match self {
            Self::ReferenceInvalid => "image-reference-invalid",
            Self::NotADigest => "image-not-a-digest",
            Self::NoMatchingPolicy => "no-matching-policy",
            Self::MatchBroken => "policy-match-broken",
            Self::PolicyBroken => "policy-broken",
            Self::NoAuthorities => "policy-without-authorities",
            Self::StaticFail => "static-fail",
            Self::AuthorityBroken => "authority-broken",
            Self::AuthorityUnsupported => "authority-unsupported",
            Self::TrustMissing => "trust-missing",
            Self::Unreachable => "evidence-unreachable",
            Self::AccessDenied => "evidence-access-denied",
            Self::Unsigned => "image-unsigned",
            Self::SignatureMismatch => "signature-mismatch",
            Self::AttestationMissing => "attestation-missing",
            Self::WaiverNotStated => "waiver-unstated",
            Self::PolicyRefused => "policy-refused",
            Self::PolicyNoVerdict => "policy-no-verdict",
            Self::Deadline => "deadline",
            Self::Internal => "internal",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
    }
}
