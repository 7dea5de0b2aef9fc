//! What is wrong with a command line, in the words of cosign (which are those of cobra, pflag and Go).

use std::fmt;

use super::notice::Notice;

/// A command line that cannot be carried out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UsageError {
    /// What was noticed before the error; printed first.
    pub notices: Vec<Notice>,
    /// The error.
    pub kind: UsageErrorKind,
    /// The path of a command whose help is worth a look.
    pub see_help_of: Option<String>,
}

impl UsageError {
    /// Everything that is printed on standard error, in order, with line ends.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text: String = self.notices.iter().map(|notice| format!("{notice}\n")).collect();
        text.push_str(&render_error(&self.kind, self.see_help_of.as_deref()));
        text
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for UsageError {}

/// The two messages of a failed cosign: the one of cobra and the one of Go's `log`.
/// Every command that fails ends with them, whatever the reason.
#[must_use]
pub fn render_error(error: &dyn fmt::Display, see_help_of: Option<&str>) -> String {
    let message = error.to_string();
    // `log` adds no second line end, cobra does.
    let end = if message.ends_with('\n') { "" } else { "\n" };
    let hint = see_help_of.map(|path| format!("Run '{path} --help' for usage.\n")).unwrap_or_default();
    format!("Error: {message}\n{hint}error during command execution: {message}{end}")
}

/// What is wrong.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UsageErrorKind {
    /// Too few or too many arguments.
    #[error("{0}")]
    ArgumentCount(ArgumentCount),
    /// Not a flag at all.
    #[error("bad flag syntax: {0}")]
    BadFlagSyntax(String),
    /// `--ca-intermediates` alone has no effect in cosign; here it is refused.
    #[error("--ca-intermediates must be used together with --ca-roots")]
    IntermediatesWithoutRoots,
    /// `--digest` is not hexadecimal.
    #[error("unable to decode provided digest: {0}")]
    DigestSyntax(String),
    /// `--digest` has not as many bytes as its algorithm gives.
    #[error("unable to decode provided digest: {algorithm} has {expected} bytes, got {found}")]
    DigestLength {
        /// The name of the algorithm.
        algorithm: &'static str,
        /// The number of bytes it gives.
        expected: usize,
        /// The number of bytes given.
        found: usize,
    },
    /// Flags that exclude each other.
    #[error("if any flags in the group [{group}] are set none of the others can be; [{set}] were all set")]
    ExclusiveFlags {
        /// The group.
        group: String,
        /// Those that were set.
        set: String,
    },
    /// Flags that contradict each other (ours, not cosign's).
    #[error("--{one} contradicts --{other}")]
    Contradiction {
        /// One.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// The value of a flag cannot be read.
    #[error("invalid argument {value} for \"{flag}\" flag: {reason}")]
    FlagValue {
        /// The value, quoted.
        value: String,
        /// The flag with its dashes, and its short form.
        flag: String,
        /// Why.
        reason: String,
    },
    /// The value of our own environment variable cannot be read.
    #[error("invalid environment variable {variable}: {reason}")]
    EnvironmentValue {
        /// The variable.
        variable: String,
        /// Why.
        reason: String,
    },
    /// An image's name that is no text.
    #[error("invalid image name {0}: not valid UTF-8")]
    ImageName(String),
    /// An annotation without a value.
    #[error("unable to parse annotation: {0}")]
    Annotation(String),
    /// A version of Kubernetes that is none.
    #[error("invalid version {0}: expected v1.30.0, 1.30, stable or latest")]
    ReleaseVersion(String),
    /// `--dir` with a version that only a server knows.
    #[error("--dir needs a version such as v1.30.0: which one is stable or latest only a server can say")]
    MarkerWithFolder,
    /// Something that `triangulate` does not know.
    #[error("unknown attachment type {0}")]
    AttachmentKind(String),
    /// A policy whose name does not tell its language.
    #[error("invalid policy format, expected .cue or .rego")]
    PolicyLanguage,
    /// `--require-attestation` more than once.
    #[error("--require-attestation takes one predicate type; run verify once for each type that an image must have")]
    SeveralAttestations,
    /// Flags that a command cannot do without.
    #[error("required flag(s) {0} not set")]
    RequiredFlags(String),
    /// `--max-workers` below 1.
    #[error("please set the --max-worker flag to a value that is greater than 0")]
    Workers,
    /// A shell that has no completion.
    #[error("invalid argument {value} for \"{command}\"")]
    CommandArgument {
        /// The argument, quoted.
        value: String,
        /// The path of the command.
        command: String,
    },
    /// A flag without its value.
    #[error("flag needs an argument: {0}")]
    FlagWithoutValue(String),
    /// Keyless, but no identity.
    #[error("--certificate-identity or --certificate-identity-regexp is required for verification in keyless mode")]
    IdentityMissing,
    /// Keyless, but no issuer.
    #[error(
        "--certificate-oidc-issuer or --certificate-oidc-issuer-regexp is required for verification in keyless mode"
    )]
    IssuerMissing,
    /// Key, identity and identity expression exclude each other.
    #[error(
        "exactly one of: key reference (--key) or certificate identity (--certificate-identity or \
         --certificate-identity-regexp), must be provided. To determine which to use, inspect the bundle's \
         'verificationMaterial' field: if 'publicKey' is present, use key reference; if 'certificate' or \
         'x509CertificateChain' is present, use certificate identity"
    )]
    KeyAndIdentity,
    /// Key and hardware token exclude each other.
    #[error("exactly one of: key reference (--key), or hardware token (--sk) must be provided")]
    KeyAndToken,
    /// Key, certificate and hardware token exclude each other.
    #[error("exactly one of: key reference (--key), certificate (--cert) or hardware token (--sk) must be provided")]
    KeyCertificateAndToken,
    /// A `k8s://` reference without its two parts.
    #[error("kubernetes specification should be in the format k8s://<namespace>/<secret>")]
    KubernetesKey,
    /// Nothing says where the signer's key or certificate is.
    #[error(
        "provide a key with --key or --sk, a certificate to verify against with --certificate, or a bundle with \
         --bundle"
    )]
    NoKeyMaterial,
    /// A timestamp that nobody would look at.
    #[error(
        "when specifying --rfc3161-timestamp-path, you must also specify --use-signed-timestamps or \
         --timestamp-certificate-chain"
    )]
    UnusedTimestamp,
    /// An attestation without its envelope.
    #[error("please specify path to the DSSE envelope signature via --signature or --bundle")]
    NoEnvelope,
    /// An attestation without its subject.
    #[error("must provide path to blob or digest and digestAlg; run `{0} verify-blob-attestation -h` for more help")]
    NoSubject(&'static str),
    /// Something that cosign can do and this program cannot.
    #[error("{0}")]
    NotSupported(NotSupported),
    /// One file for several blobs.
    #[error(
        "--{flag} names one file for {blobs} blobs; write {{}} for the name of the blob, as in --{flag} '{{}}.{extension}'"
    )]
    OneFileForSeveralBlobs {
        /// The flag.
        flag: &'static str,
        /// The number of blobs.
        blobs: usize,
        /// An extension for the example.
        extension: &'static str,
    },
    /// `{}` needs a name, and standard input has none.
    #[error("--{0} cannot name a file after standard input")]
    PlaceholderForStdin(&'static str),
    /// Two results for one stream.
    #[error("--output json and the pinned manifest of standard input would both be written to standard output")]
    JsonBesideManifest,
    /// `-` more than once.
    #[error("standard input can be verified only once")]
    StdinTwice,
    /// A predicate type that is neither a known name nor a URI.
    #[error("invalid predicate type: {0}")]
    PredicateType(String),
    /// An unknown algorithm in `--digestAlg`.
    #[error("unsupported --digestAlg {0}; supported values are sha256, sha384, sha512")]
    SubjectDigestAlgorithm(String),
    /// An unknown command.
    #[error("unknown command {typed} for \"{parent}\"{}", did_you_mean(.suggestions))]
    UnknownCommand {
        /// As typed, quoted.
        typed: String,
        /// The path of the command above.
        parent: String,
        /// What may have been meant.
        suggestions: Vec<&'static str>,
    },
    /// An unknown algorithm in `--signature-digest-algorithm`.
    #[error("unknown digest algorithm: {0}")]
    SignatureDigestAlgorithm(String),
    /// An unknown flag.
    #[error("unknown flag: --{0}")]
    UnknownFlag(String),
    /// A reference with an unknown scheme.
    #[error("loading URL: unrecognized scheme: {0}")]
    UnknownScheme(String),
    /// An unknown flag of one letter.
    #[error("unknown shorthand flag: '{0}' in -{0}")]
    UnknownShorthand(char),
}

fn did_you_mean(suggestions: &[&str]) -> String {
    if suggestions.is_empty() {
        return String::new();
    }
    let list: String = suggestions.iter().map(|name| format!("\t{name}\n")).collect();
    format!("\n\nDid you mean this?\n{list}")
}

/// How many arguments a command takes, and how many it got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ArgumentCount {
    /// At least this many.
    AtLeast(usize, usize),
    /// At most this many.
    AtMost(usize, usize),
    /// Exactly this many.
    Exactly(usize, usize),
}

impl fmt::Display for ArgumentCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(count, found) => {
                write!(f, "requires at least {count} arg(s), only received {found}")
            }
            Self::AtMost(limit, found) => write!(f, "accepts at most {limit} arg(s), received {found}"),
            Self::Exactly(count, found) => write!(f, "accepts {count} arg(s), received {found}"),
        }
    }
}

/// Something that cosign can do and this program cannot.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotSupported {
    /// A command.
    #[error("command \"{0}\" is not supported: sigward verifies signatures and does not make, move or manage them")]
    Command(&'static str),
    /// `--attachment`.
    #[error(
        "--attachment {0} is not supported: nothing signs what is attached that way together with its image; verify an \
         attestation of it, as with verify-attestation --type spdxjson"
    )]
    Attachment(String),
    /// `--signature` or `--payload` beside an image.
    #[error(
        "--{0} is not supported for images: signatures are read from the registry, or with --local-image from a layout \
         as cosign save writes it"
    )]
    DetachedImageSignature(&'static str),
    /// `--sk` or `--slot`.
    #[error("--{0} is not supported: sigward does not speak to hardware tokens; export the public key and use --key")]
    HardwareToken(&'static str),
    /// A key in a service.
    #[error("keys at {0} are not supported: export the public key to a file and use --key FILE")]
    KeyService(String),
}
