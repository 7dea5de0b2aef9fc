//! Which keys count: the embedded trust roots, and TUF updates as a state machine, without any I/O.
//!
//! | question | answer |
//! |---|---|
//! | what does the program know by itself | [`embedded`] |
//! | may it be used, or must it be refreshed first | [`state::plan`], [`state::after_failure`] |
//! | what does a TUF repository say now | [`tuf::Refresh`], an inquiry |
//! | what did it say last time | [`tuf::load_cached`] |
//!
//! Time is always an argument.

pub mod embedded;
mod error;
pub mod limits;
pub mod state;
pub mod tuf;

pub use error::Error;
