//! Container images: their names, what is attached to them, and what that proves.

mod reference;

pub use reference::{BadReference, ImageReference, Registry, Repository, SchemeRule, Target};
