//! Everything that can be wrong with evidence, as data: what was expected, what was found, and a stable reason code.

mod faults;

use jiff::Timestamp;

pub use faults::{BundleFault, ChainFault, IdentityFault, LogFault, SctFault, TimestampFault};

use crate::digest::Digest;
use crate::time::Window;

/// The piece of input an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A sigstore or legacy bundle.
    Bundle,
    /// A certificate.
    Certificate,
    /// A certificate chain, CA roots or intermediates.
    CertificateChain,
    /// A DSSE envelope.
    Envelope,
    /// A public key.
    Key,
    /// An annotation of a signature layer of an image.
    Layer,
    /// An answer of a log.
    LogAnswer,
    /// A detached signed certificate timestamp.
    Sct,
    /// A detached signature.
    Signature,
    /// An in-toto statement.
    Statement,
    /// An RFC 3161 timestamp file.
    Timestamp,
    /// A timestamp authority's chain.
    TimestampChain,
    /// A trusted root.
    TrustedRoot,
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bundle => "bundle",
            Self::Certificate => "certificate",
            Self::CertificateChain => "certificate chain",
            Self::Envelope => "DSSE envelope",
            Self::Key => "public key",
            Self::Layer => "annotation of the signature layer",
            Self::LogAnswer => "answer of the transparency log",
            Self::Sct => "signed certificate timestamp",
            Self::Signature => "signature",
            Self::Statement => "in-toto statement",
            Self::Timestamp => "RFC 3161 timestamp",
            Self::TimestampChain => "timestamp authority's certificate chain",
            Self::TrustedRoot => "trusted root",
        })
    }
}

/// Why evidence was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Base64 that is none.
    #[error("the {input}'s {field} is not valid base64")]
    Base64 {
        /// Where.
        input: Input,
        /// Which field.
        field: &'static str,
    },
    /// A bundle that breaks a rule of its format.
    #[error(transparent)]
    Bundle(#[from] BundleFault),
    /// A certificate that cannot be read.
    #[error("{reason}")]
    Certificate {
        /// What is wrong.
        reason: String,
    },
    /// Two certificates that should be one.
    #[error("the cert passed in does not match the cert in the provided bundle")]
    CertificateMismatch,
    /// The certificate does not lead to a trusted authority.
    #[error("leaf certificate verification failed: {0}")]
    Chain(ChainFault),
    /// Only another digest of the artifact is known.
    #[error("the signature is over a {needed} digest, but only {} of the artifact is known", known(.found))]
    DigestNeeded {
        /// Algorithm of the digest that was signed.
        needed: &'static str,
        /// What is known.
        found: Vec<Digest>,
    },
    /// Not exactly one signature in a bundle's envelope.
    #[error("the DSSE envelope has {found} signatures, exactly one is allowed")]
    EnvelopeSignatures {
        /// How many.
        found: usize,
    },
    /// The leaf is not for this purpose.
    #[error("the certificate's extended key usage is [{}], expected {expected}", .found.join(", "))]
    ExtendedKeyUsage {
        /// What is needed.
        expected: &'static str,
        /// Object identifiers found.
        found: Vec<String>,
    },
    /// The leaf's names or issuer are not those wanted.
    #[error("none of the expected identities matched what was in the certificate, {0}")]
    Identity(IdentityFault),
    /// The log took the entry when the certificate was not valid.
    #[error("integrated time {time} is outside the certificate's validity ({window})")]
    IntegratedTimeOutsideCertificate {
        /// The log's time.
        time: Timestamp,
        /// The certificate's validity.
        window: Window,
    },
    /// JSON that is malformed, has unknown or duplicate fields.
    #[error("the {input} is not valid: {reason}")]
    Json {
        /// Where.
        input: Input,
        /// What the parser said.
        reason: String,
    },
    /// A key that cannot be used.
    #[error("unusable public key: {reason}")]
    Key {
        /// What is wrong.
        reason: String,
    },
    /// A key was given, and evidence holds another.
    #[error(
        "both public key and certificate were provided but did not match: the evidence is signed with {found}, the key given is {expected}"
    )]
    KeyMismatch {
        /// Fingerprint of the key given.
        expected: String,
        /// Fingerprint of the key found.
        found: String,
    },
    /// Evidence is signed with a bare key, and none was given.
    #[error("no certificate found on signature: it is made with a public key, and none was given")]
    KeyNeeded,
    /// A key was given for evidence that a certificate signs.
    #[error("expected key signature, not certificate")]
    KeyNotExpected,
    /// A layer of a `.sig` manifest without the annotation that makes it a signature.
    #[error("the signature layer is missing \"dev.cosignproject.cosign/signature\" annotation")]
    LayerSignatureMissing,
    /// The log entry fails.
    #[error("failed to verify log inclusion: {0}")]
    Log(LogFault),
    /// Not enough logs stand behind the signature.
    #[error("not enough verified log entries from transparency log: {found} < {needed}{}", reasons(.faults))]
    LogThreshold {
        /// Distinct logs needed.
        needed: usize,
        /// Distinct logs found.
        found: usize,
        /// Why entries do not count.
        faults: Vec<LogFault>,
    },
    /// A media type that is not known.
    #[error("unsupported media type of the {input}: {found:?}")]
    MediaType {
        /// Where.
        input: Input,
        /// The media type.
        found: String,
    },
    /// The digest that the bundle itself names is not the artifact's.
    #[error("the artifact does not match the digest in the bundle: expected {expected}, got {found}")]
    MessageDigest {
        /// The bundle's.
        expected: String,
        /// The artifact's.
        found: String,
    },
    /// The whole message is needed, and only its digest is known.
    #[error("{kind} signs the message itself, and only a digest of it is known")]
    MessageNeeded {
        /// Kind of key.
        kind: String,
    },
    /// The message does not fit into the memory that may be used.
    #[error("the key signs the message in one piece, and it is larger than {limit} bytes")]
    MessageTooLarge {
        /// Limit in bytes.
        limit: u64,
    },
    /// Evidence that holds in its own format and would not in a sigstore bundle.
    #[error("a sigstore bundle of this evidence would not verify: {reason}")]
    NotExportable {
        /// Why not.
        reason: Box<Error>,
    },
    /// A payload that is no in-toto statement.
    #[error("invalid payloadType {} on envelope. Expected {expected}", found.escape_debug())]
    PayloadType {
        /// The type wanted.
        expected: &'static str,
        /// The type found.
        found: String,
    },
    /// PEM that is none, or of another type.
    #[error("error during PEM decoding of the {input}: {found}")]
    Pem {
        /// Where.
        input: Input,
        /// What was there.
        found: String,
    },
    /// Another predicate type than wanted.
    #[error("invalid predicate type, expected {expected} got {found}")]
    PredicateType {
        /// The type wanted.
        expected: String,
        /// The type found.
        found: String,
    },
    /// A bare key stands where the evidence has its certificate: in the `cert` field of a legacy bundle, or in a layer's
    /// annotation (GHSA-fx35-mq7g-6g98).
    #[error("the evidence holds a public key in place of a certificate, which proves no identity")]
    RawKeyInEvidence,
    /// A regular expression that cannot be used.
    #[error("invalid regular expression {pattern:?}: {reason}")]
    Regexp {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// A certificate transparency check.
    #[error("failed to verify signed certificate timestamp: {0}")]
    Sct(SctFault),
    /// Not enough certificate transparency logs stand behind the certificate.
    #[error("only able to verify {found} SCT entries; unable to meet threshold of {needed}{}", reasons(.faults))]
    SctThreshold {
        /// Distinct logs needed.
        needed: usize,
        /// Distinct logs found.
        found: usize,
        /// Why SCTs do not count.
        faults: Vec<SctFault>,
    },
    /// The signature does not fit.
    #[error("failed to verify signature: {cosign}: {what} was not signed by {key}")]
    Signature {
        /// cosign's words for this kind of key, which scripts look for.
        cosign: &'static str,
        /// What should have been signed.
        what: String,
        /// The key that should have signed.
        key: String,
    },
    /// Key and hash that cannot be combined.
    #[error("{kind} with {hash} is not supported")]
    SignatureAlgorithm {
        /// Kind of key.
        kind: String,
        /// Hash algorithm.
        hash: String,
    },
    /// A statement of an unknown type.
    #[error("{found:?} is no in-toto statement type")]
    StatementType {
        /// The type found.
        found: String,
    },
    /// No subject is the artifact.
    #[error("provided artifact digest does not match any digest in statement: expected {}, found {}", known(.expected), known(.found))]
    SubjectMismatch {
        /// Digests of the artifact.
        expected: Vec<Digest>,
        /// Some of the statement's.
        found: Vec<Digest>,
    },
    /// No trusted time is known at which the certificate could be judged.
    #[error("failed to verify timestamps: threshold not met for verified log entry integrated timestamps: 0 < 1")]
    TimeMissing,
    /// Not enough timestamp authorities stand behind the signature.
    #[error("failed to verify timestamps: threshold not met for verified signed timestamps: {found} < {needed}{}", reasons(.faults))]
    TimestampThreshold {
        /// Distinct authorities needed.
        needed: usize,
        /// Distinct authorities found.
        found: usize,
        /// Why timestamps do not count.
        faults: Vec<TimestampFault>,
    },
    /// Larger than the limit.
    #[error("the {input} is larger than {limit} bytes")]
    TooLarge {
        /// Where.
        input: Input,
        /// Limit in bytes.
        limit: usize,
    },
    /// More than the limit.
    #[error("too many {what}: {found}, at most {limit} are allowed")]
    TooMany {
        /// What.
        what: &'static str,
        /// Limit.
        limit: usize,
        /// How many were there.
        found: usize,
    },
    /// A trusted root that cannot be used.
    #[error("unusable trusted root: {place}: {reason}")]
    TrustedRoot {
        /// Which part.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A GitHub workflow claim that is not as wanted.
    #[error("expected GitHub Workflow {claim} not found in certificate: expected {expected:?}, found {found:?}")]
    Workflow {
        /// Which claim.
        claim: &'static str,
        /// Its value wanted.
        expected: String,
        /// Its value found.
        found: Option<String>,
    },
}

fn reasons<T: std::fmt::Display>(faults: &[T]) -> String {
    if faults.is_empty() {
        return String::new();
    }
    format!("; error: {}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

fn known(digests: &[Digest]) -> String {
    if digests.is_empty() {
        return "nothing".into();
    }
    digests.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
