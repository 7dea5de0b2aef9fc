//! x
/// What happens to images that no policy is for.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum NoMatchPolicy {
    /// They are denied.
    #[default]
    Deny,
    /// They pass with a warning.
    Warn,
    /// They pass.
    Allow,
}
