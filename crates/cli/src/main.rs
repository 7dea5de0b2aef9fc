//! The `sigward` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    sigward::run::run(&argv).into()
}
