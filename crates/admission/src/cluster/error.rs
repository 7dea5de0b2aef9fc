//! What can go wrong between the controller and its cluster.

use kube::runtime::watcher;

/// Why the cluster cannot be used, or something in it not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is no API to talk to.
    #[error(
        "no API server: {0}; expected a service account's files (in a Pod) or a kubeconfig (--kubeconfig, KUBECONFIG)"
    )]
    NoApi(String),
    /// The API server answered something else than success, or nothing.
    #[error("{what}: {reason}")]
    Api {
        /// What was asked for.
        what: String,
        /// What the API server or the network said.
        reason: String,
        /// The status code, if the API server answered.
        code: Option<u16>,
    },
    /// A certificate cannot be made.
    #[error("making a certificate: {0}")]
    Certificate(String),
    /// The serving certificate in the Secret is of no use.
    #[error("Secret {name}: {reason}")]
    CertificateSecret {
        /// The Secret.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ClusterError {
    /// What `kube` says of a request.
    pub(crate) fn api(what: impl Into<String>, error: &kube::Error) -> Self {
        let code = match error {
            kube::Error::Api(status) => Some(status.code),
            _ => None,
        };
        Self::Api { what: what.into(), reason: reason_of(error), code }
    }

    /// Whether what was asked for is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Api { code: Some(404), .. })
    }

    /// Whether somebody else was faster: read again, then decide again.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Api { code: Some(409), .. })
    }
}

/// What the API server said, in its words; its answer as a whole is a page long.
fn reason_of(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        other => with_causes(other),
    }
}

/// Why a watch failed.
pub(crate) fn reason_of_watch(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => reason_of(error),
        watcher::Error::WatchError(status) if !status.message.is_empty() => status.message.clone(),
        other => with_causes(other),
    }
}

/// An error and what is behind it, once each: `kube` and `hyper` keep "connection refused" three levels down.
pub(crate) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
