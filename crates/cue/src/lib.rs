//! CUE v0.15.4 for policies.

pub mod builtins;
mod compile;
mod expr;
pub mod kind;
mod label;
pub mod limits;
pub mod number;
mod syntax;

#[doc(hidden)]
pub fn try_compile(source: &str) -> Result<(), String> {
    let file = syntax::parse(source).map_err(|e| e.message)?;
    compile::compile(&file).map(|_| ()).map_err(|e| e.join("; "))
}
