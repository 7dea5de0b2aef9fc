//! What became of one file or image of a release.

use jiff::Timestamp;

use super::fault::{Fault, State};
use super::known_faults::KnownFault;
use super::lock::Locked;

/// What became of one file or image.
#[derive(Debug)]
pub struct Outcome {
    /// `release/v1.30.0/bin/linux/amd64/kubectl`, or the name of an image.
    pub name: String,
    /// What was proved, or why nothing was.
    pub result: Result<Proof, Fault>,
    /// Whether it was asked for. What was looked at for others' sake counts only if it speaks against them.
    pub asked: bool,
    /// The known fault that explains the failure.
    pub known: Option<KnownFault>,
    /// Whether the failure was accepted, and by which flag.
    pub accepted: Accepted,
}

/// What was proved.
#[derive(Debug)]
pub struct Proof {
    /// As the lockfile keeps it.
    pub locked: Locked,
    /// When the log saw the signature.
    pub time: Option<Timestamp>,
    /// Every check, if that was asked for.
    pub explanation: Option<String>,
}

/// Which flag accepted a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Accepted {
    /// None.
    No,
    /// `--accept-known-faults`.
    KnownFault,
    /// `--allow-unnamed`.
    Unnamed,
}

impl Accepted {
    /// The flag.
    pub const fn flag(self) -> Option<&'static str> {
        match self {
            Self::No => None,
            Self::KnownFault => Some("--accept-known-faults"),
            Self::Unnamed => Some("--allow-unnamed"),
        }
    }
}

impl Outcome {
    /// The state.
    pub fn state(&self) -> State {
        self.result.as_ref().map_or_else(Fault::state, |_| State::Verified)
    }

    /// Whether it makes the run fail.
    pub fn is_failure(&self) -> bool {
        let counts = self.asked || matches!(self.state(), State::Refused | State::Error);
        self.state() != State::Verified && counts && self.accepted == Accepted::No
    }
}
