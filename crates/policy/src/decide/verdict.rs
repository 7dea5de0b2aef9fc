//! Verdicts: about one image, and about an object with all its images.

use super::PolicyVerdict;
use crate::field_error::{FieldError, FieldErrors, Level};
use crate::reason::Reason;
use crate::resolve::Fault;

/// One thing that is wrong with an image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Whether it denies.
    pub level: Level,
    /// The policy that says so; `None` for what holds without any policy.
    pub policy: Option<String>,
    /// What is wrong: `failed policy: NAME`.
    pub message: String,
    /// The image, and why.
    pub details: String,
    /// Why, one text for each authority or policy within it that says no; empty where `message` says it all.
    pub faults: Vec<String>,
    /// The classes of what is wrong, sorted.
    pub reasons: Vec<Reason>,
}

impl Entry {
    fn at(&self, field: &str) -> FieldError {
        FieldError::new(&self.message, &[field]).with_details(&self.details).at(self.level)
    }
}

/// What is decided about one image. Made only by [`super::decide`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "a decision that nobody looks at denies nothing"]
pub struct ImageDecision {
    entries: Vec<Entry>,
    pass: Option<Pass>,
}

/// That an image may run. Without one it may not, whatever else is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Pass(());

impl ImageDecision {
    /// Whatever policies say.
    pub(super) fn refused(fault: &Fault) -> Self {
        let (message, reasons) = (fault.text.clone(), vec![fault.reason]);
        let entry =
            Entry { level: Level::Error, policy: None, message, details: String::new(), faults: Vec::new(), reasons };
        Self { entries: vec![entry], pass: None }
    }

    /// No policy is for the image.
    pub(super) fn of_entry(entry: Entry) -> Self {
        let pass = (entry.level == Level::Warning).then_some(Pass(()));
        Self { entries: vec![entry], pass }
    }

    /// No policy is for the image, and that is allowed.
    pub(super) fn unmatched_and_allowed() -> Self {
        Self { entries: Vec::new(), pass: Some(Pass(())) }
    }

    /// All policies must hold, or say that their failure only warns. None at all is nobody's consent.
    pub(super) fn of_policies(verdicts: Vec<PolicyVerdict>) -> Self {
        let allows = |verdict: &PolicyVerdict| match verdict {
            PolicyVerdict::Holds => true,
            PolicyVerdict::Fails(entry) => entry.level == Level::Warning,
        };
        let pass = (!verdicts.is_empty() && verdicts.iter().all(allows)).then_some(Pass(()));
        let failed = verdicts.into_iter().filter_map(|verdict| match verdict {
            PolicyVerdict::Holds => None,
            PolicyVerdict::Fails(entry) => Some(entry),
        });
        Self { entries: failed.collect(), pass }
    }

    /// Whether the image may run.
    pub fn passes(&self) -> bool {
        self.pass.is_some()
    }

    /// What is wrong with it: errors where it may not run, warnings where it may.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// What is decided about an object.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "a verdict that nobody looks at denies nothing"]
pub struct Verdict(Kind);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Kind {
    Allowed { warnings: Vec<String> },
    Denied { message: String, warnings: Vec<String>, reasons: Vec<Reason> },
}

impl Verdict {
    /// The verdict about an object: `images` are the decisions about all images that it names, each with the path of its
    /// field (`spec.containers[0].image`). The one place where an object is allowed.
    pub fn of(images: &[(String, ImageDecision)]) -> Self {
        let errors: FieldErrors =
            images.iter().flat_map(|(field, image)| image.entries.iter().map(|entry| entry.at(field))).collect();
        let warnings = errors.warnings();
        let denial = errors.denial();
        if denial.is_none() && images.iter().all(|(_, image)| image.passes()) {
            return Self(Kind::Allowed { warnings });
        }
        let message = denial.unwrap_or_else(|| "an image has no verdict".to_owned());
        let denying = images.iter().flat_map(|(_, image)| &image.entries).filter(|entry| entry.level == Level::Error);
        let mut reasons: Vec<_> = denying.flat_map(|entry| entry.reasons.iter().copied()).collect();
        if reasons.is_empty() {
            reasons.push(Reason::Internal);
        }
        reasons.sort_unstable();
        reasons.dedup();
        Self(Kind::Denied { message, warnings, reasons })
    }

    /// Whether the object may pass.
    pub fn is_allowed(&self) -> bool {
        matches!(self.0, Kind::Allowed { .. })
    }

    /// Why not, as policy-controller words it, without `validation failed: `.
    pub fn message(&self) -> Option<&str> {
        match &self.0 {
            Kind::Allowed { .. } => None,
            Kind::Denied { message, .. } => Some(message),
        }
    }

    /// What is said beside the verdict, line by line.
    pub fn warnings(&self) -> &[String] {
        let (Kind::Allowed { warnings } | Kind::Denied { warnings, .. }) = &self.0;
        warnings
    }

    /// The classes of the denial, sorted; empty where there is none.
    pub fn reasons(&self) -> &[Reason] {
        match &self.0 {
            Kind::Allowed { .. } => &[],
            Kind::Denied { reasons, .. } => reasons,
        }
    }
}
