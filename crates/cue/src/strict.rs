//! Strict evaluation: what a policy constrains must be there.
//!
//! CUE accepts what is not known yet, and a field that a document lacks is not known: `predicate: approved: true` accepts
//! a document without `approved`. Strict evaluation asks for more than CUE does, and never for less: first the document
//! must be accepted by CUE's own rules (`Mode` says by which); then, for each regular field that the policy declares, one
//! of these must hold:
//!
//! - The document has it.
//! - It is optional (`field?:`), or stands in a definition that nothing applies.
//! - It has a default (`field: *"x" | string`): the policy says what is meant where it is missing.
//! - It is a struct that declares something, and all that it declares may be missing by these rules.
//! - It is a condition: a truth value that a function or an operator works out.
//! - It is a value of the policy's own: a function, an operator or a reference works it out from what is known, and
//!   another expression of the policy refers to it, as in `before: time.Parse(…)` and `builtOn: <before`.
//!
//! Whatever is there must be known: a reference to a field that the document lacks, or a condition over it, rejects. This
//! holds for hidden fields too (`_ok: strings.HasPrefix(image, "…")`) unless something refers to them.
//!
//! A constant that only the policy needs is declared with `let`, as a hidden field or as a definition: a constant in a
//! regular field is taken for a demand on the document.

/// Whether a field that the policy constrains may be missing in the document.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Strictness {
    /// It may: the policy is evaluated as CUE does, and as policy-controller does.
    #[default]
    AsCue,
    /// It may not: see [the module](self).
    RequireFields,
}
