//! From text to a syntax tree.

pub(crate) mod ast;
mod header;
mod lexer;
mod literals;
mod parser;
mod quote;

pub(crate) use parser::parse;

/// What is not CUE, in CUE's words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SyntaxError {
    pub(crate) at: usize,
    pub(crate) message: String,
}
