//! Stable reason codes: what programs may rely on while texts change. `docs/reason-codes.md` lists them.

use crate::error::{BundleFault, ChainFault, Error, LogFault, SctFault, TimestampFault};

impl Error {
    /// The codes of this error and of every fault inside it: evidence of which nothing counts may have several.
    pub fn codes(&self) -> Vec<&'static str> {
        let mut codes = match self {
            Self::LogThreshold { faults, .. } => faults.iter().map(LogFault::code).collect(),
            Self::SctThreshold { faults, .. } => faults.iter().map(SctFault::code).collect(),
            Self::TimestampThreshold { faults, .. } => faults.iter().map(TimestampFault::code).collect(),
            _ => Vec::new(),
        };
        if codes.is_empty() {
            codes.push(self.code());
        }
        codes
    }

    /// The code of this error; of several faults inside it that of the one that got furthest. Codes are never renamed or
    /// given a new meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Base64 { .. } => "base64-invalid",
            Self::Bundle(fault) => fault.code(),
            Self::Certificate { .. } => "certificate-malformed",
            Self::CertificateMismatch => "certificate-mismatch",
            Self::Chain(fault) => fault.code(),
            Self::DigestNeeded { .. } => "digest-needed",
            Self::EnvelopeSignatures { .. } => "envelope-signature-count",
            Self::ExtendedKeyUsage { .. } => "certificate-usage",
            Self::Identity(fault) if fault.subject_differs => "identity-subject-mismatch",
            Self::Identity(_) => "identity-issuer-mismatch",
            Self::IntegratedTimeOutsideCertificate { .. } => "log-time-outside-certificate",
            Self::Json { .. } => "json-invalid",
            Self::Key { .. } => "key-unusable",
            Self::KeyMismatch { .. } => "key-mismatch",
            Self::KeyNeeded => "key-needed",
            Self::KeyNotExpected => "key-not-expected",
            Self::LayerSignatureMissing => "layer-signature-missing",
            Self::Log(fault) => fault.code(),
            Self::LogThreshold { faults, .. } => {
                furthest(faults, LogFault::rank).map_or("log-entry-missing", LogFault::code)
            }
            Self::MediaType { .. } => "media-type-unsupported",
            Self::MessageDigest { .. } => "message-digest-mismatch",
            Self::MessageNeeded { .. } => "message-needed",
            Self::MessageTooLarge { .. } => "message-too-large",
            Self::NotExportable { .. } => "bundle-not-exportable",
            Self::PayloadType { .. } => "payload-type-mismatch",
            Self::Pem { .. } => "pem-invalid",
            Self::PredicateType { .. } => "predicate-type-mismatch",
            Self::RawKeyInEvidence => "bundle-raw-key",
            Self::Regexp { .. } => "regexp-invalid",
            Self::Sct(fault) => fault.code(),
            Self::SctThreshold { faults, .. } => furthest(faults, SctFault::rank).map_or("sct-missing", SctFault::code),
            Self::Signature { .. } => "signature-invalid",
            Self::SignatureAlgorithm { .. } => "signature-algorithm-unsupported",
            Self::StatementType { .. } => "statement-type-unknown",
            Self::SubjectMismatch { .. } => "subject-mismatch",
            Self::TimeMissing => "time-missing",
            Self::TimestampThreshold { faults, .. } => {
                furthest(faults, TimestampFault::rank).map_or("timestamp-missing", TimestampFault::code)
            }
            Self::TooLarge { .. } => "too-large",
            Self::TooMany { .. } => "too-many",
            Self::TrustedRoot { .. } => "trusted-root-invalid",
            Self::Workflow { .. } => "identity-workflow-mismatch",
        }
    }

    /// Every code there is, for documentation and its test.
    pub const CODES: &'static [&'static str] = &[
        "authority-outside-validity",
        "base64-invalid",
        "bundle-ambiguous",
        "bundle-chain-not-allowed",
        "bundle-content-missing",
        "bundle-empty-chain",
        "bundle-field-missing",
        "bundle-inclusion-proof-missing",
        "bundle-material-missing",
        "bundle-negative-log-index",
        "bundle-not-exportable",
        "bundle-promise-missing",
        "bundle-raw-key",
        "bundle-root-in-chain",
        "certificate-malformed",
        "certificate-mismatch",
        "certificate-outside-validity",
        "certificate-untrusted",
        "certificate-usage",
        "chain-rejected",
        "chain-signature-invalid",
        "checkpoint-malformed",
        "checkpoint-origin-mismatch",
        "checkpoint-signature-invalid",
        "checkpoint-unsigned",
        "digest-needed",
        "envelope-signature-count",
        "identity-issuer-mismatch",
        "identity-subject-mismatch",
        "identity-workflow-mismatch",
        "inclusion-proof-invalid",
        "inclusion-proof-missing",
        "json-invalid",
        "key-mismatch",
        "key-needed",
        "key-not-expected",
        "key-unusable",
        "layer-signature-missing",
        "log-entry-artifact-mismatch",
        "log-entry-duplicate",
        "log-entry-kind-mismatch",
        "log-entry-malformed",
        "log-entry-missing",
        "log-entry-signature-mismatch",
        "log-entry-signer-mismatch",
        "log-outside-validity",
        "log-promise-invalid",
        "log-promise-missing",
        "log-root-hash-mismatch",
        "log-time-outside-certificate",
        "log-tree-size-mismatch",
        "log-unknown",
        "media-type-unsupported",
        "message-digest-mismatch",
        "message-needed",
        "message-too-large",
        "payload-type-mismatch",
        "pem-invalid",
        "predicate-type-mismatch",
        "regexp-invalid",
        "sct-invalid",
        "sct-log-outside-validity",
        "sct-log-unknown",
        "sct-malformed",
        "sct-missing",
        "signature-algorithm-unsupported",
        "signature-invalid",
        "statement-type-unknown",
        "subject-mismatch",
        "time-missing",
        "timestamp-authority-unknown",
        "timestamp-certificate",
        "timestamp-imprint-mismatch",
        "timestamp-malformed",
        "timestamp-missing",
        "timestamp-not-granted",
        "timestamp-signature-invalid",
        "too-large",
        "too-many",
        "trusted-root-invalid",
    ];
}

/// The fault of the highest rank; of several the first.
fn furthest<T>(faults: &[T], rank: impl Fn(&T) -> u8) -> Option<&T> {
    faults.iter().rev().max_by_key(|fault| rank(fault))
}

impl BundleFault {
    /// The code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ambiguous { .. } => "bundle-ambiguous",
            Self::ChainNotAllowed => "bundle-chain-not-allowed",
            Self::ContentMissing => "bundle-content-missing",
            Self::EmptyChain => "bundle-empty-chain",
            Self::FieldMissing { .. } => "bundle-field-missing",
            Self::InclusionProofMissing => "bundle-inclusion-proof-missing",
            Self::MaterialMissing => "bundle-material-missing",
            Self::NegativeLogIndex { .. } => "bundle-negative-log-index",
            Self::PromiseMissing => "bundle-promise-missing",
            Self::RootInChain => "bundle-root-in-chain",
        }
    }
}

impl LogFault {
    /// How far the check got.
    fn rank(&self) -> u8 {
        match self {
            Self::UnknownLog { .. } => 0,
            Self::PromiseInvalid { .. } => 1,
            _ => 2,
        }
    }

    /// The code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BodyMalformed { .. } | Self::TimeOutOfRange { .. } => "log-entry-malformed",
            Self::CheckpointMalformed { .. } => "checkpoint-malformed",
            Self::CheckpointSignature { .. } => "checkpoint-signature-invalid",
            Self::CheckpointUnsigned { .. } => "checkpoint-unsigned",
            Self::DigestMismatch { .. } | Self::HashAlgorithm { .. } => "log-entry-artifact-mismatch",
            Self::Duplicate { .. } => "log-entry-duplicate",
            Self::InclusionInvalid { .. }
            | Self::IndexMismatch { .. }
            | Self::IndexOutsideTree { .. }
            | Self::NegativeIndex { .. }
            | Self::ProofMalformed => "inclusion-proof-invalid",
            Self::Kind { .. } | Self::KindMismatch { .. } => "log-entry-kind-mismatch",
            Self::Origin { .. } => "checkpoint-origin-mismatch",
            Self::OutsideLogValidity { .. } => "log-outside-validity",
            Self::PromiseInvalid { .. } => "log-promise-invalid",
            Self::PromiseMissing => "log-promise-missing",
            Self::ProofMissing => "inclusion-proof-missing",
            Self::RootHash { .. } => "log-root-hash-mismatch",
            Self::SignatureMismatch => "log-entry-signature-mismatch",
            Self::SignerMismatch => "log-entry-signer-mismatch",
            Self::TreeSize { .. } => "log-tree-size-mismatch",
            Self::UnknownLog { .. } => "log-unknown",
        }
    }
}

impl ChainFault {
    /// The code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::IssuerNotCa | Self::IssuerMayNotSign | Self::PathTooLong { .. } | Self::Rejected { .. } => {
                "chain-rejected"
            }
            Self::NoTime => "time-missing",
            Self::OutsideAuthorityValidity { .. } => "authority-outside-validity",
            Self::OutsideValidity { .. } => "certificate-outside-validity",
            Self::SignatureInvalid => "chain-signature-invalid",
            Self::UnknownIssuer => "certificate-untrusted",
        }
    }
}

impl SctFault {
    /// How far the check got.
    fn rank(&self) -> u8 {
        match self {
            Self::UnknownLog { .. } => 0,
            Self::OutsideLogValidity { .. } => 1,
            _ => 2,
        }
    }

    /// The code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "sct-malformed",
            Self::Missing => "sct-missing",
            Self::OutsideLogValidity { .. } => "sct-log-outside-validity",
            Self::SignatureInvalid { .. } => "sct-invalid",
            Self::UnknownLog { .. } => "sct-log-unknown",
        }
    }
}

impl TimestampFault {
    /// How far the check got.
    fn rank(&self) -> u8 {
        match self {
            Self::Malformed { .. } | Self::NotGranted { .. } => 0,
            Self::Imprint { .. } => 1,
            Self::UnknownAuthority => 2,
            Self::Algorithm { .. } | Self::MessageDigest | Self::SigningCertificate | Self::SignatureInvalid => 3,
            Self::Certificate(_) => 4,
        }
    }

    /// The code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Algorithm { .. } => "signature-algorithm-unsupported",
            Self::Certificate(error) => match error.as_ref() {
                Error::Chain(
                    fault @ (ChainFault::OutsideAuthorityValidity { .. } | ChainFault::OutsideValidity { .. }),
                ) => fault.code(),
                _ => "timestamp-certificate",
            },
            Self::Imprint { .. } => "timestamp-imprint-mismatch",
            Self::Malformed { .. } => "timestamp-malformed",
            Self::NotGranted { .. } => "timestamp-not-granted",
            Self::MessageDigest | Self::SigningCertificate | Self::SignatureInvalid => "timestamp-signature-invalid",
            Self::UnknownAuthority => "timestamp-authority-unknown",
        }
    }
}
