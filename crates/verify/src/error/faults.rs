//! What can be wrong with each part of evidence.

use jiff::Timestamp;

use super::Error;
use crate::time::Window;

/// A rule of a bundle format that is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleFault {
    /// More than one of a choice.
    #[error("validation error: the bundle has several of: {choices}")]
    Ambiguous {
        /// The choices.
        choices: &'static str,
    },
    /// A chain in a v0.3 bundle.
    #[error("validation error: verification material cannot be X.509 certificate chain (for bundle v0.3)")]
    ChainNotAllowed,
    /// Neither message signature nor envelope.
    #[error("validation error: missing bundle content")]
    ContentMissing,
    /// A chain without certificates.
    #[error("validation error: the certificate chain is empty")]
    EmptyChain,
    /// No proof where one is required.
    #[error("validation error: inclusion proof missing in bundle (required for bundle v0.2)")]
    InclusionProofMissing,
    /// A required field.
    #[error("validation error: {field} is missing")]
    FieldMissing {
        /// The field.
        field: &'static str,
    },
    /// A log index below zero.
    #[error("validation error: negative log index {index}")]
    NegativeLogIndex {
        /// The index.
        index: i64,
    },
    /// Neither key nor certificate.
    #[error("validation error: missing verification material")]
    MaterialMissing,
    /// No promise where one is required.
    #[error("validation error: inclusion promises missing in bundle (required for bundle v0.1)")]
    PromiseMissing,
    /// A root certificate among the signer's.
    #[error("validation error: the certificate chain contains a self-signed root")]
    RootInChain,
}

/// Why a transparency log entry does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogFault {
    /// The entry's body cannot be read.
    #[error("the entry's body is malformed: {reason}")]
    BodyMalformed {
        /// What the parser said.
        reason: String,
    },
    /// The checkpoint cannot be read.
    #[error("the checkpoint is malformed: {reason}")]
    CheckpointMalformed {
        /// What is wrong.
        reason: &'static str,
    },
    /// A signature under the checkpoint that claims the log's key and fails.
    #[error("signature on checkpoint is invalid for {log}")]
    CheckpointSignature {
        /// The log.
        log: String,
    },
    /// No signature of the log under the checkpoint.
    #[error("the checkpoint carries no signature of {log}")]
    CheckpointUnsigned {
        /// The log.
        log: String,
    },
    /// The entry is about another artifact.
    #[error("the entry is for another artifact: expected {expected}, found {found}")]
    DigestMismatch {
        /// The artifact's digest.
        expected: String,
        /// The entry's.
        found: String,
    },
    /// The same entry twice.
    #[error("duplicate tlog entries found: index {index} of log {log_id}")]
    Duplicate {
        /// Id of the log.
        log_id: String,
        /// Index.
        index: i64,
    },
    /// The entry names a hash that is unknown, or of which no digest is at hand.
    #[error("the entry names a digest by {found}, which is not known of the artifact")]
    HashAlgorithm {
        /// The algorithm.
        found: String,
    },
    /// The path does not lead to the root hash.
    #[error("inclusion proof does not hold: expected root hash {expected}, computed {found}")]
    InclusionInvalid {
        /// The root hash claimed.
        expected: String,
        /// The one computed.
        found: String,
    },
    /// Entry and proof of a one-tree log name different indices.
    #[error("the entry has index {found}, its inclusion proof {expected}")]
    IndexMismatch {
        /// The proof's.
        expected: i64,
        /// The entry's.
        found: i64,
    },
    /// The index is not in the tree.
    #[error("leaf index {index} is outside a tree of {size}")]
    IndexOutsideTree {
        /// Index.
        index: u64,
        /// Size.
        size: u64,
    },
    /// The entry is of a kind that says nothing here.
    #[error("the entry's kind is {}, which does not fit the evidence", found.escape_debug())]
    Kind {
        /// Kind and version.
        found: String,
    },
    /// The kind told beside the body is not the body's.
    #[error("the entry is said to be {}, its body is {}", expected.escape_debug(), found.escape_debug())]
    KindMismatch {
        /// What stands beside the body.
        expected: String,
        /// What the body says.
        found: String,
    },
    /// An index below zero.
    #[error("negative log index {index}")]
    NegativeIndex {
        /// The index.
        index: i64,
    },
    /// The checkpoint is of another log.
    #[error("the checkpoint is of another log: expected origin {expected}, found {found}")]
    Origin {
        /// Host of the log.
        expected: String,
        /// Origin line.
        found: String,
    },
    /// The key did not count at that time.
    #[error("rekor log public key not valid at payload integrated time: {log} at {time}, valid {window}")]
    OutsideLogValidity {
        /// The log.
        log: String,
        /// The time.
        time: Timestamp,
        /// The key's window.
        window: Window,
    },
    /// A signed promise that fails.
    #[error("unable to verify SET: the signed entry timestamp was not signed by {log}")]
    PromiseInvalid {
        /// The log.
        log: String,
    },
    /// No promise.
    #[error("the entry has no signed entry timestamp")]
    PromiseMissing,
    /// A proof of impossible shape.
    #[error("the inclusion proof is malformed")]
    ProofMalformed,
    /// No proof.
    #[error("inclusion proof not provided")]
    ProofMissing,
    /// Proof and checkpoint disagree.
    #[error("the inclusion proof is for another tree: expected root hash {expected}, found {found}")]
    RootHash {
        /// The checkpoint's.
        expected: String,
        /// The proof's.
        found: String,
    },
    /// The entry is about another signature.
    #[error("transparency log signature does not match")]
    SignatureMismatch,
    /// The entry is about another key.
    #[error("transparency log certificate does not match")]
    SignerMismatch,
    /// A time that is none.
    #[error("integrated time {seconds} is out of range")]
    TimeOutOfRange {
        /// Seconds since 1970.
        seconds: i64,
    },
    /// Proof and checkpoint disagree.
    #[error("the inclusion proof is for another tree: expected size {expected}, found {found}")]
    TreeSize {
        /// The checkpoint's.
        expected: String,
        /// The proof's.
        found: String,
    },
    /// The log is not trusted.
    #[error("no trusted transparency log has the id {log_id}")]
    UnknownLog {
        /// Id that the entry names.
        log_id: String,
    },
}

/// Why a certificate does not lead to a trusted authority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainFault {
    /// An issuer that is no CA.
    #[error("an issuer is not a CA")]
    IssuerNotCa,
    /// An issuer whose key may not sign certificates.
    #[error("an issuer's key usage does not allow to sign certificates")]
    IssuerMayNotSign,
    /// No time to judge at.
    #[error("no time is known at which to judge the certificate")]
    NoTime,
    /// The authority did not count.
    #[error("{authority} is not trusted at {time} (trusted {window})")]
    OutsideAuthorityValidity {
        /// The authority.
        authority: String,
        /// The time.
        time: Timestamp,
        /// When it is trusted.
        window: Window,
    },
    /// A certificate outside its validity.
    #[error("{}", outside(.what, .time, .window))]
    OutsideValidity {
        /// Which certificate.
        what: &'static str,
        /// The time.
        time: Timestamp,
        /// Its validity.
        window: Window,
    },
    /// More intermediates than the anchor allows.
    #[error("{found} intermediate certificates, the anchor allows {limit}")]
    PathTooLong {
        /// The anchor's path length constraint.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// A rule of RFC 5280.
    #[error("{reason}")]
    Rejected {
        /// What the path builder said.
        reason: String,
    },
    /// A signature in the chain.
    #[error("a certificate in the chain has an invalid signature")]
    SignatureInvalid,
    /// No trusted issuer.
    #[error("no trusted certificate authority issued it")]
    UnknownIssuer,
}

impl ChainFault {
    /// How far the check got: of several authorities the most telling failure is reported.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::UnknownIssuer => 0,
            Self::NoTime => 1,
            Self::SignatureInvalid => 2,
            Self::Rejected { .. } => 3,
            Self::OutsideValidity { .. } => 4,
            Self::IssuerNotCa | Self::IssuerMayNotSign | Self::PathTooLong { .. } => 5,
            Self::OutsideAuthorityValidity { .. } => 6,
        }
    }

    pub(crate) fn from_webpki(error: webpki::Error) -> Self {
        match error {
            webpki::Error::UnknownIssuer => Self::UnknownIssuer,
            webpki::Error::InvalidSignatureForPublicKey => Self::SignatureInvalid,
            other => Self::Rejected { reason: describe_webpki(&other) },
        }
    }
}

/// webpki's `Display` is its `Debug`: Rust syntax, which no user should have to read.
fn describe_webpki(error: &webpki::Error) -> String {
    match error {
        webpki::Error::CertExpired { .. } => "an issuing CA certificate expired before that time".into(),
        webpki::Error::CertNotValidYet { .. } => "an issuing CA certificate was issued after that time".into(),
        webpki::Error::CaUsedAsEndEntity => "the leaf certificate is a CA certificate".into(),
        webpki::Error::EndEntityUsedAsCa => "an issuer is not a CA".into(),
        webpki::Error::NameConstraintViolation => "a name violates an issuer's name constraints".into(),
        webpki::Error::PathLenConstraintViolated => "an issuer's path length constraint is violated".into(),
        webpki::Error::UnsupportedCriticalExtension => "a certificate has a critical extension that is unknown".into(),
        webpki::Error::RequiredEkuNotFoundContext(_) => "an issuer's extended key usage does not allow it".into(),
        other => {
            let words = format!("{other:?}");
            let words = words.split([' ', '(']).next().unwrap_or_default();
            let mut text = String::from("the path was refused:");
            for c in words.chars() {
                if c.is_ascii_uppercase() {
                    text.push(' ');
                }
                text.push(c.to_ascii_lowercase());
            }
            text
        }
    }
}

/// Why a signed certificate timestamp does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SctFault {
    /// It cannot be read.
    #[error("malformed signed certificate timestamp")]
    Malformed,
    /// There is none.
    #[error("certificate does not include required embedded SCT and no detached SCT was set")]
    Missing,
    /// The key did not count at that time.
    #[error("CT log {log_id} is not trusted at {time} (trusted {window})")]
    OutsideLogValidity {
        /// Id of the log.
        log_id: String,
        /// The SCT's time.
        time: Timestamp,
        /// When the key is trusted.
        window: Window,
    },
    /// The signature fails.
    #[error("the SCT was not signed by CT log {log_id}")]
    SignatureInvalid {
        /// Id of the log.
        log_id: String,
    },
    /// The log is not trusted.
    #[error("no trusted CT log has the id {log_id}")]
    UnknownLog {
        /// Id that the SCT names.
        log_id: String,
    },
}

/// Why a timestamp does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampFault {
    /// An algorithm that is not supported.
    #[error("unsupported signature algorithm {found}")]
    Algorithm {
        /// Object identifier.
        found: String,
    },
    /// The signer's certificate fails.
    #[error("the timestamp authority's certificate: {0}")]
    Certificate(Box<Error>),
    /// It is over something else.
    #[error("the timestamp is over another signature: expected {expected}, found {found}")]
    Imprint {
        /// Digest of the signature.
        expected: String,
        /// The timestamp's.
        found: String,
    },
    /// It cannot be read.
    #[error("malformed timestamp: {part}")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// The signed attributes are about other content.
    #[error("the timestamp's message digest does not match its content")]
    MessageDigest,
    /// The authority refused.
    #[error("the timestamp authority did not grant the request (status {status})")]
    NotGranted {
        /// PKIStatus, hexadecimal.
        status: String,
    },
    /// The signed attributes name another certificate.
    #[error("the timestamp names another signing certificate")]
    SigningCertificate,
    /// The signature fails.
    #[error("the timestamp's signature is invalid")]
    SignatureInvalid,
    /// No trusted authority signed it.
    #[error("no trusted timestamp authority signed it")]
    UnknownAuthority,
}

/// Which identity was wanted, which was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFault {
    /// The subject wanted; patterns stand between slashes.
    pub expected_subject: String,
    /// The issuer wanted.
    pub expected_issuer: String,
    /// The certificate's names that could have matched.
    pub found_subjects: Vec<String>,
    /// The certificate's issuer.
    pub found_issuer: Option<String>,
    /// Whether the subject is what differs; otherwise the issuer.
    pub subject_differs: bool,
}

impl std::fmt::Display for IdentityFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let issuer = self.found_issuer.as_deref().unwrap_or("none");
        write!(f, "got subjects [{}] with issuer {issuer}, ", self.found_subjects.join(", "))?;
        if self.subject_differs {
            write!(f, "expected subject {}", self.expected_subject)
        } else {
            write!(f, "expected issuer {}", self.expected_issuer)
        }
    }
}

/// cosign's words for a certificate outside its validity.
fn outside(what: &str, time: &Timestamp, window: &Window) -> String {
    let name = if what == "leaf certificate" { "certificate" } else { what };
    match window.end {
        Some(end) if *time > end => format!("{name} expired before observed time: {end} is before {time}"),
        _ => format!("{name} was issued after observed time: {} is after {time}", window.start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webpki_errors_are_told_in_words() {
        assert_eq!(describe_webpki(&webpki::Error::BadDer), "the path was refused: bad der");
        assert_eq!(describe_webpki(&webpki::Error::CaUsedAsEndEntity), "the leaf certificate is a CA certificate");
    }
}
