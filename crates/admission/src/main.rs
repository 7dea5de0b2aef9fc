//! The `sigward-admission` program.

use std::io::Write as _;
use std::process::ExitCode;

use sigward_admission::args::Args;
use sigward_admission::run::run;

fn main() -> ExitCode {
    let args = match Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => {
            // Help goes to standard output and is no error.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    let outcome = runtime.block_on(run(args));
    // Threads that wait for files would keep the process.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(reason: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "sigward-admission: {reason}");
    ExitCode::FAILURE
}
