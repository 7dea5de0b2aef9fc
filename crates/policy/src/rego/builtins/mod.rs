//! The built-in functions. What OPA has and this lacks is named in [`table::UNSUPPORTED`]; a policy that uses it is not
//! supported, and denies. None of these reaches a network, a clock, an environment or chance.

mod collections;
mod encoding;
mod numbers;
mod sprintf;
mod strings;
pub(crate) mod table;
mod time;
