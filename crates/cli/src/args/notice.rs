//! What is said on standard error besides the result: deprecations and warnings.

use std::fmt;

/// One line for standard error. [`fmt::Display`] gives it without the line end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notice {
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
            Self::DeprecatedFlag { flag, advice } => write!(f, "Flag --{flag} has been deprecated, {advice}"),
            Self::DigestIgnored => write!(f, "WARNING: Ignoring provided --digest in favor of provided blob"),
            Self::EnvironmentIgnored { variable, reason } => {
                write!(f, "WARNING: ignoring the environment variable {variable}: {reason}")
            }
            Self::FlagIgnored { flag, beside } => {
                write!(f, "WARNING: --{flag} has no effect with --{beside}")
            }
            Self::OneDash { typed, read } => write!(
                f,
                "WARNING: the {typed} flag is deprecated and will be removed in a future release. \
                 Please use the {read} flag instead."
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
