//! A TUF refresh from beginning to end: what is cached, the requests, what is to be cached.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use sigward_trust::limits::Limits;
use sigward_trust::tuf::{Refresh, Refreshed, Start, TRUSTED_ROOT};

use crate::http::{Budget, Client, Options, RetryPolicy};
use crate::{Error, TufStore, drive, limits};

/// A refresh that succeeded.
#[derive(Debug)]
pub struct RefreshedTrust {
    /// The trusted root, JSON.
    pub trusted_root: Vec<u8>,
    /// Everything that was verified on the way.
    pub metadata: Refreshed,
    /// The result could not be cached. The next run will ask again; nothing else is wrong.
    pub not_cached: Option<Error>,
}

/// Refreshes the trust root of a mirror, starting from `start_root`, and keeps the result in `store`.
///
/// A failure is kept there as well, so that [`sigward_trust::state::plan`] does not try again at once.
pub async fn refresh_trust(
    store: Option<&TufStore>,
    start_root: &[u8],
    mirror: &str,
    now: Timestamp,
    client: &Client,
    deadline: Instant,
) -> Result<RefreshedTrust, Error> {
    let mut refresh = Refresh::new(Start {
        root: start_root.to_vec(),
        cached: store.map(TufStore::load).unwrap_or_default(),
        mirror: mirror.to_owned(),
        targets_url: None,
        names: vec![TRUSTED_ROOT.to_owned()],
        now,
        limits: Limits::default(),
    })?;
    let budget = Budget { requests: limits::TUF_REQUESTS, bytes: limits::TUF_BYTES, concurrency: 1 };
    let mut metadata = match drive(&mut refresh, client, deadline, budget).await {
        Ok(metadata) => metadata,
        Err(error) => {
            if let Some(store) = store {
                // Why the refresh failed matters more than that this cannot be written down.
                let _ = store.save_failed(&refresh.accepted(), now);
            }
            return Err(error.into());
        }
    };
    let not_cached = store.and_then(|store| store.save(&metadata, now).err());
    let target = metadata.target_files.remove(TRUSTED_ROOT);
    let trusted_root = target.map(|target| target.bytes).ok_or(Error::NothingAsked)?;
    Ok(RefreshedTrust { trusted_root, metadata, not_cached })
}

impl Options {
    /// For a refresh that nobody asked for: a mirror that does not answer must not cost more than a few seconds.
    pub fn unasked(self) -> Self {
        Self {
            connect: self.connect.min(Duration::from_secs(5)),
            idle: self.idle.min(Duration::from_secs(10)),
            retry: RetryPolicy::once(),
            ..self
        }
    }
}
