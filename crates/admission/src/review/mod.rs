//! `AdmissionReview`, v1 and v1beta1: what the API server asks, and what it is told.
//!
//! | what | where |
//! |---|---|
//! | reading a review | `request` |
//! | answers, denials, warnings, patches | `response` |

mod request;
mod response;

pub(crate) use request::describe;
pub use request::{BadReview, GroupVersionKind, Operation, Request, Review, ReviewVersion};
pub use response::{Answer, Denial, Patch, ReplaceOperation};
