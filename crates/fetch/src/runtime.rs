//! The runtime, made on demand: a command that needs no network never has one.

use crate::Error;

/// Runs a future to its end on a runtime of its own, on this thread.
///
/// Name resolution that still hangs when the future has ended is left behind, not waited for.
pub fn run_blocking<F: Future>(future: F) -> Result<F::Output, Error> {
    if tokio::runtime::Handle::try_current().is_ok() {
        return Err(Error::NestedRuntime);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Runtime { source })?;
    let out = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(out)
}
