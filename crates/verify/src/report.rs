//! What was checked, with what was expected and what was found: the answer that says why.

use crate::error::Error;

/// The checks, in the order in which they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Signature, artifact digest and key agree.
    Signature,
    /// A log entry is about this signature, and trusted logs stand behind it.
    TransparencyLog,
    /// A time at which the signature existed.
    Time,
    /// The certificate leads to a trusted authority at every proven time.
    CertificateChain,
    /// A certificate transparency log has seen the certificate.
    CertificateTransparency,
    /// The signed statement is about the artifact.
    Subject,
    /// The signer is the one wanted.
    Identity,
}

impl Check {
    /// All checks in order.
    pub const ALL: [Self; 7] = [
        Self::Signature,
        Self::TransparencyLog,
        Self::Time,
        Self::CertificateChain,
        Self::CertificateTransparency,
        Self::Subject,
        Self::Identity,
    ];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::TransparencyLog => "transparency-log",
            Self::Time => "time",
            Self::CertificateChain => "certificate-chain",
            Self::CertificateTransparency => "certificate-transparency",
            Self::Subject => "subject",
            Self::Identity => "identity",
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It fails.
    Failed(Error),
    /// It was not asked for; the setting that waived it.
    Waived(&'static str),
    /// It was not made, because an earlier one failed.
    NotReached,
    /// It does not apply to this kind of evidence.
    NotApplicable,
}

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which check.
    pub check: Check,
    /// How it ended.
    pub outcome: Outcome,
    /// What was expected, in words.
    pub expected: String,
    /// What was found, in words; empty if it was not reached.
    pub found: String,
    /// The check was made after an earlier one had failed. It proves nothing.
    pub diagnostic: bool,
}

/// All checks of one verification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    records: Vec<Record>,
}

impl Report {
    /// The records in order; after a failure every check has one.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    pub(crate) fn passed(&mut self, check: Check, expected: impl Into<String>, found: impl Into<String>) {
        self.push(check, Outcome::Passed, expected.into(), found.into());
    }

    pub(crate) fn waived(&mut self, check: Check, setting: &'static str) {
        self.push(check, Outcome::Waived(setting), String::new(), String::new());
    }

    pub(crate) fn not_applicable(&mut self, check: Check, why: &'static str) {
        self.push(check, Outcome::NotApplicable, String::new(), why.to_owned());
    }

    pub(crate) fn failed(&mut self, check: Check, expected: impl Into<String>, error: &Error) {
        self.push(check, Outcome::Failed(error.clone()), expected.into(), error.to_string());
    }

    /// Adds a check that was made for information after a failure.
    pub(crate) fn diagnostic(&mut self, check: Check, expected: String, result: Result<String, Error>) {
        if self.has(check) {
            return;
        }
        match result {
            Ok(found) => self.push(check, Outcome::Passed, expected, found),
            Err(error) => self.failed(check, expected, &error),
        }
        if let Some(last) = self.records.last_mut() {
            last.diagnostic = true;
        }
    }

    pub(crate) fn finish(&mut self) {
        for check in Check::ALL {
            if !self.has(check) {
                self.push(check, Outcome::NotReached, String::new(), String::new());
            }
        }
        self.records.sort_by_key(|r| r.check);
    }

    fn has(&self, check: Check) -> bool {
        self.records.iter().any(|r| r.check == check)
    }

    fn push(&mut self, check: Check, outcome: Outcome, expected: String, found: String) {
        self.records.push(Record { check, outcome, expected, found, diagnostic: false });
    }
}
