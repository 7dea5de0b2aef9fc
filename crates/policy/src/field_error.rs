//! Errors about fields, merged, sorted and written as knative writes them (specs/policy-controller.md §3.1): scripts look
//! for these texts.

use std::collections::BTreeMap;
use std::fmt;

/// What an error does.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// It denies.
    #[default]
    Error,
    /// It is shown, and denies nothing.
    Warning,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldError {
    /// What.
    pub message: String,
    /// The fields that it is about.
    pub paths: Vec<String>,
    /// What it does.
    pub level: Level,
    /// More about it; may be empty.
    pub details: String,
}

impl FieldError {
    /// An error about some fields.
    pub fn new(message: impl Into<String>, paths: &[&str]) -> Self {
        let paths = paths.iter().map(|&path| path.to_owned()).collect();
        Self { message: message.into(), paths, level: Level::Error, details: String::new() }
    }

    /// Fields that must be there.
    pub fn missing(paths: &[&str]) -> Self {
        Self::new("missing field(s)", paths)
    }

    /// Fields that must not be there.
    pub fn disallowed(paths: &[&str]) -> Self {
        Self::new("must not set the field(s)", paths)
    }

    /// Fields of which one must be there.
    pub fn missing_one_of(paths: &[&str]) -> Self {
        Self::new("expected exactly one, got neither", paths)
    }

    /// Fields of which no more than one may be there.
    pub fn multiple_one_of(paths: &[&str]) -> Self {
        Self::new("expected exactly one, got both", paths)
    }

    /// A value that a field must not have. An empty path is the field that the caller names.
    pub fn invalid(value: impl fmt::Display, path: &str) -> Self {
        Self::new(format!("invalid value: {value}"), &[path])
    }

    /// The same with more to say.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        self.details = details.into();
        self
    }

    /// The same at another level.
    #[must_use]
    pub fn at(mut self, level: Level) -> Self {
        self.level = level;
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message, self.paths.join(", "))?;
        if self.details.is_empty() { Ok(()) } else { write!(f, "\n{}", self.details) }
    }
}

/// All that is wrong. Shown, it is merged and sorted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Nothing is wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether nothing is wrong, not even a warning.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds an error.
    pub fn push(&mut self, error: FieldError) {
        self.0.push(error);
    }

    /// Adds others.
    pub fn also(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The same, seen from the object whose field `name` holds what the errors are about.
    #[must_use]
    pub fn via_field(mut self, name: &str) -> Self {
        for path in self.0.iter_mut().flat_map(|error| &mut error.paths) {
            *path = join(name, path);
        }
        self
    }

    /// The same, seen from the object whose list `name` holds it at `index`.
    #[must_use]
    pub fn via_index(self, name: &str, index: usize) -> Self {
        self.via_field(&format!("{name}[{index}]"))
    }

    /// The errors of one level.
    #[must_use]
    pub fn only(&self, level: Level) -> Self {
        Self(self.0.iter().filter(|error| error.level == level).cloned().collect())
    }

    /// The errors with those that differ in nothing but their paths made one: sorted by message, details and level.
    pub fn merged(&self) -> Vec<FieldError> {
        let mut merged: BTreeMap<(&str, &str, Level), Vec<&String>> = BTreeMap::new();
        for error in &self.0 {
            merged.entry((&error.message, &error.details, error.level)).or_default().extend(&error.paths);
        }
        let one = |((message, details, level), mut paths): ((&str, &str, Level), Vec<&String>)| {
            paths.sort();
            paths.dedup();
            FieldError {
                message: message.to_owned(),
                paths: paths.into_iter().cloned().collect(),
                level,
                details: details.to_owned(),
            }
        };
        merged.into_iter().map(one).collect()
    }

    /// What of it denies, as a text; `None` if nothing does.
    pub fn denial(&self) -> Option<String> {
        let errors = self.only(Level::Error);
        (!errors.is_empty()).then(|| errors.to_string())
    }

    /// The warnings as an admission response has them: one for each line (knative `webhook/admission.go`).
    pub fn warnings(&self) -> Vec<String> {
        let lines = |error: FieldError| error.to_string().split('\n').map(str::to_owned).collect::<Vec<_>>();
        self.only(Level::Warning).merged().into_iter().flat_map(lines).collect()
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.merged().into_iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl From<FieldError> for FieldErrors {
    fn from(error: FieldError) -> Self {
        Self(vec![error])
    }
}

impl FromIterator<FieldError> for FieldErrors {
    fn from_iter<I: IntoIterator<Item = FieldError>>(errors: I) -> Self {
        Self(errors.into_iter().collect())
    }
}

/// `spec` and `images[0]` make `spec.images[0]`; an index has no dot before it.
fn join(prefix: &str, path: &str) -> String {
    match path {
        "" => prefix.to_owned(),
        index if index.starts_with('[') => format!("{prefix}{index}"),
        field => format!("{prefix}.{field}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(list: &[FieldError]) -> FieldErrors {
        list.iter().cloned().collect()
    }

    #[test]
    fn the_same_about_several_fields_is_said_once() {
        let mut all = errors(&[FieldError::multiple_one_of(&["static", "source"])]);
        all.push(FieldError::multiple_one_of(&["static", "ctlog"]));
        let text = all.via_index("authorities", 0).via_field("spec").to_string();
        assert_eq!(
            text,
            "expected exactly one, got both: spec.authorities[0].ctlog, spec.authorities[0].source, spec.authorities[0].static"
        );
    }

    #[test]
    fn other_details_or_another_level_are_another_error() {
        let one = FieldError::invalid("x", "a").with_details("first");
        let all = errors(&[
            one.clone().with_details("second"),
            FieldError::missing(&["z"]),
            one.clone().at(Level::Warning),
            one,
        ]);
        assert_eq!(
            all.to_string(),
            "invalid value: x: a\nfirst\ninvalid value: x: a\nfirst\ninvalid value: x: a\nsecond\nmissing field(s): z"
        );
        let levels: Vec<_> = all.merged().iter().map(|error| error.level).collect();
        assert_eq!(levels, [Level::Error, Level::Warning, Level::Error, Level::Error]);
    }

    #[test]
    fn a_warning_never_denies_and_an_error_never_only_warns() {
        let both = errors(&[
            FieldError::invalid("w", "a").with_details("more").at(Level::Warning),
            FieldError::invalid("e", "b"),
        ]);
        assert_eq!(both.denial().as_deref(), Some("invalid value: e: b"));
        assert_eq!(both.warnings(), ["invalid value: w: a", "more"]);
        assert_eq!(errors(&[FieldError::invalid("w", "a").at(Level::Warning)]).denial(), None);
    }

    #[test]
    fn paths_are_written_as_in_go() {
        let at = |error: FieldError| FieldErrors::from(error);
        assert_eq!(at(FieldError::missing(&[""])).via_field("glob").to_string(), "missing field(s): glob");
        assert_eq!(at(FieldError::missing(&["[0].x"])).via_field("a").to_string(), "missing field(s): a[0].x");
        assert_eq!(at(FieldError::new("text", &[])).to_string(), "text: ");
        assert_eq!(FieldErrors::none().to_string(), "");
    }
}
