//! Telling of failures once: what is tried again every few seconds would otherwise fill the log with one sentence.

use serde_json::json;

use crate::logs::Log;

/// The failures of one task.
#[derive(Debug)]
pub(crate) struct Failures<'a> {
    log: &'a Log,
    event: &'static str,
    what: String,
    last: String,
}

impl<'a> Failures<'a> {
    /// Of what a task does, as `event` in the log.
    pub(crate) fn of(log: &'a Log, event: &'static str, what: impl Into<String>) -> Self {
        Self { log, event, what: what.into(), last: String::new() }
    }

    /// It failed, for this reason.
    pub(crate) fn tell(&mut self, reason: String) {
        if reason != self.last {
            self.log.warn(self.event, json!({"what": self.what, "reason": reason}));
            self.last = reason;
        }
    }

    /// It did not fail.
    pub(crate) fn clear(&mut self) {
        if !std::mem::take(&mut self.last).is_empty() {
            self.log.info(self.event, json!({"what": self.what, "reason": "works again"}));
        }
    }
}
