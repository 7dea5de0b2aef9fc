//! The runtime, made on demand: a command that needs no network never has one.

use tokio::runtime::{Builder, Handle, Runtime};

use crate::Error;

/// Runs a future to its end on a runtime of its own, on this thread.
///
/// Name resolution that still hangs when the future has ended is left behind, not waited for.
pub fn run_blocking<F: Future>(future: F) -> Result<F::Output, Error> {
    let runner = Runner::new()?;
    let out = runner.run(future);
    runner.end();
    Ok(out)
}

/// A runtime on one thread that lives longer than one future, so that a client which is used in it keeps its
/// connections.
#[derive(Debug)]
pub struct Runner {
    runtime: Runtime,
}

impl Runner {
    /// A runtime on this thread.
    pub fn new() -> Result<Self, Error> {
        if Handle::try_current().is_ok() {
            return Err(Error::NestedRuntime);
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|source| Error::Runtime { source })?;
        Ok(Self { runtime })
    }

    /// Runs a future to its end.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Ends it. Name resolution that still hangs is left behind, not waited for.
    pub fn end(self) {
        self.runtime.shutdown_background();
    }
}
