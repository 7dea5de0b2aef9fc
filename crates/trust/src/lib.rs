//! Which keys count: the embedded trust roots, and TUF updates as a state machine, without any I/O.

mod error;

pub use error::Error;
