//! What is said on standard error besides the result: deprecations and warnings.

use std::fmt;

/// One line for standard error. [`fmt::Display`] gives it without the line end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notice {
    /// A deprecated command was used.
    DeprecatedCommand {
        /// Its name.
        command: &'static str,
        /// What to do instead.
        advice: &'static str,
    },
    /// A deprecated flag was used.
    DeprecatedFlag {
        /// Its name.
        flag: &'static str,
        /// What to do instead.
        advice: &'static str,
    },
    /// A value of the environment does not fit its flag, and was not used. cosign says nothing.
    EnvironmentIgnored {
        /// The variable.
        variable: String,
        /// Why.
        reason: String,
    },
    /// A flag has no effect beside another one. cosign says nothing.
    FlagIgnored {
        /// The flag.
        flag: &'static str,
        /// The other one.
        beside: &'static str,
    },
    /// A flag has no effect without another one. cosign says nothing.
    FlagWithoutPartner {
        /// The flag.
        flag: &'static str,
        /// The missing one.
        missing: &'static str,
    },
    /// The same annotation twice: only the last value is demanded. cosign says nothing.
    AnnotationReplaced {
        /// The key, quoted.
        key: String,
    },
    /// `--annotations` without any, as from an unset variable of a shell. cosign says nothing.
    NoAnnotations,
    /// `--k8s-keychain`.
    KubernetesKeychain,
    /// SBOMs as attachments, in cosign's words.
    SbomAttachment,
    /// Both a blob and `--digest` were given.
    DigestIgnored,
    /// `-flag` was read as `--flag`.
    OneDash {
        /// As typed.
        typed: String,
        /// As read.
        read: String,
    },
    /// `--t` was read as `-t`.
    TwoDashes {
        /// As typed.
        typed: String,
        /// As read.
        read: String,
    },
    /// `-version` was read as the subcommand.
    VersionFlag,
    /// `--insecure-ignore-tlog`.
    TlogSkipped {
        /// What is verified without.
        artifact: &'static str,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnnotationReplaced { key } => {
                write!(f, "WARNING: --annotations has the key {key} more than once; only its last value is demanded")
            }
            Self::DeprecatedCommand { command, advice } => write!(f, "Command \"{command}\" is deprecated, {advice}"),
            Self::DeprecatedFlag { flag, advice } => write!(f, "Flag --{flag} has been deprecated, {advice}"),
            Self::DigestIgnored => write!(f, "WARNING: Ignoring provided --digest in favor of provided blob"),
            Self::EnvironmentIgnored { variable, reason } => {
                write!(f, "WARNING: ignoring the environment variable {variable}: {reason}")
            }
            Self::FlagIgnored { flag, beside } => {
                write!(f, "WARNING: --{flag} has no effect with --{beside}")
            }
            Self::FlagWithoutPartner { flag, missing } => {
                write!(f, "WARNING: --{flag} has no effect without --{missing}")
            }
            Self::KubernetesKeychain => write!(
                f,
                "WARNING: --k8s-keychain has no effect: sigward has no helpers for clouds built in; credentials come \
                 from the configuration of docker or podman, and from the helpers that it names"
            ),
            Self::NoAnnotations => write!(f, "WARNING: --annotations is empty; no annotation is demanded"),
            Self::OneDash { typed, read } => write!(
                f,
                "WARNING: the {typed} flag is deprecated and will be removed in a future release. \
                 Please use the {read} flag instead."
            ),
            Self::SbomAttachment => write!(
                f,
                "WARNING: SBOM attachments are deprecated and support will be removed in a Cosign release soon after \
                 2024-02-22 (see https://github.com/sigstore/cosign/issues/2755). Instead, please use SBOM \
                 attestations."
            ),
            Self::TlogSkipped { artifact } => write!(
                f,
                "WARNING: Skipping tlog verification is an insecure practice that lacks transparency and \
                 auditability verification for the {artifact}."
            ),
            Self::TwoDashes { typed, read } => write!(
                f,
                "WARNING: the flag {typed} is deprecated and will be removed in a future release. \
                 Please use the flag {read}."
            ),
            Self::VersionFlag => write!(
                f,
                "WARNING: the -version flag is deprecated and will be removed in a future release. \
                 Please use the version subcommand instead."
            ),
        }
    }
}
