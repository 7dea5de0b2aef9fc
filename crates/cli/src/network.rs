//! placeholder
use crate::args::Verbosity;
use crate::args::env::Environment;
use crate::failure::Failure;
use sigward_verify::{EntryLookup, LogEntry, LookupRequest};
use std::time::Duration;
/// x
#[derive(Debug)]
pub struct Network {
    /// x
    pub environment: Environment,
}
#[allow(missing_docs)]
impl Network {
    pub fn new(environment: Environment, _t: Duration, _v: Verbosity) -> Self {
        Self { environment }
    }
    pub fn get(&self, url: &str, _limit: usize) -> Result<Vec<u8>, Failure> {
        Err(Failure::Network { what: url.into(), reason: "x".into() })
    }
    pub fn stream(&self, url: &str, _f: &mut dyn FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        self.get(url, 0).map(|_| ())
    }
    pub fn cached_entry(&self, _u: &str, _r: &LookupRequest) -> Option<Vec<u8>> {
        None
    }
    pub fn store_entry(&self, _u: &str, _h: [u8; 32], _e: &LogEntry) {}
    pub fn look_up(
        &self,
        l: Vec<Option<(EntryLookup<'_, '_>, Option<[u8; 32]>)>>,
    ) -> Vec<Option<(Result<LogEntry, Failure>, Option<[u8; 32]>)>> {
        l.into_iter().map(|_| None).collect()
    }
}
