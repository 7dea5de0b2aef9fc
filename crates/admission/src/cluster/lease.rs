//! Who writes: one replica at a time, the one whose name is in the Lease. Serving does not depend on it, and everything
//! that is written is the same whoever writes it, so two that write for a moment do no harm.

use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use kube::api::{Api, DynamicObject, PostParams};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::client::ApiKind;
use super::error::ClusterError;
use super::failures::Failures;
use crate::logs::Log;

/// The Lease, in the controller's namespace.
pub(crate) const LEASE: &str = "sigward-admission";

/// How long others wait after a sign of life.
const LEASE_DURATION: Duration = Duration::from_secs(15);
/// How long the holder writes after its last sign of life that the API server took: before others think it dead.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Between two looks.
const RETRY_PERIOD: Duration = Duration::from_secs(2);

/// Whether this replica writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Leader,
    Follower,
}

/// What the Lease says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    holder: String,
    duration: Duration,
    acquired: String,
    renewed: String,
    transitions: i64,
    version: String,
}

/// What to do about the Lease.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// There is none.
    Create,
    /// It is mine, or the holder gave no sign of life for too long.
    Write {
        /// Whether the holder changes.
        taken_over: bool,
    },
    /// Somebody else holds it.
    Wait,
}

/// Takes part in the election until `stop` says otherwise, then gives the Lease back, so that the next one need not wait.
pub(crate) async fn elect(
    client: &Client,
    namespace: &str,
    identity: &str,
    role: &watch::Sender<Role>,
    mut stop: watch::Receiver<bool>,
    log: &Log,
) {
    let api = ApiKind::Lease.within(client, namespace);
    let mut election = Election { identity: identity.to_owned(), observed: None };
    let mut last_renewal: Option<Instant> = None;
    let mut failures = Failures::of(log, "lease", LEASE);
    while !*stop.borrow() {
        match tokio::time::timeout(RETRY_PERIOD * 2, election.round(&api)).await {
            Ok(Ok(Role::Leader)) => {
                last_renewal = Some(Instant::now());
                failures.clear();
                announce(role, Role::Leader, identity, log);
            }
            Ok(Ok(Role::Follower)) => {
                last_renewal = None;
                failures.clear();
                announce(role, Role::Follower, identity, log);
            }
            failed => {
                failures.tell(match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => "no answer from the API server".to_owned(),
                });
                if last_renewal.is_none_or(|at| at.elapsed() > RENEW_DEADLINE) {
                    announce(role, Role::Follower, identity, log);
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY_PERIOD) => {}
            _ = stop.changed() => {}
        }
    }
    let was_leader = *role.borrow() == Role::Leader;
    announce(role, Role::Follower, identity, log);
    if was_leader && let Err(error) = election.release(&api).await {
        failures.tell(format!("giving it back: {error}"));
    }
}

fn announce(role: &watch::Sender<Role>, now: Role, identity: &str, log: &Log) {
    let is_new = role.send_if_modified(|old| std::mem::replace(old, now) != now);
    if is_new {
        let what = match now {
            Role::Leader => "writes from now on",
            Role::Follower => "does not write any more",
        };
        log.info("leader", json!({"replica": identity, "what": what}));
    }
}

struct Election {
    identity: String,
    /// The last sign of life, and when it was seen: the clocks of others are not trusted.
    observed: Option<(Seen, Instant)>,
}

impl Election {
    async fn round(&mut self, api: &Api<DynamicObject>) -> Result<Role, ClusterError> {
        let found = api.get_opt(LEASE).await;
        let found = found.map_err(|error| ClusterError::api(format!("reading Lease {LEASE}"), &error))?;
        let seen = found.map(|it| ApiKind::Lease.value(it)).transpose()?.map(|lease| Seen::read(&lease));
        let now = Instant::now();
        if let Some(seen) = &seen
            && self.observed.as_ref().is_none_or(|(old, _)| old != seen)
        {
            self.observed = Some((seen.clone(), now));
        }
        let age = self.observed.as_ref().map_or(Duration::ZERO, |(_, at)| now.duration_since(*at));
        let done = match decide(seen.as_ref(), &self.identity, age) {
            Step::Wait => return Ok(Role::Follower),
            Step::Create => api.create(&PostParams::default(), &self.written(None, true)?).await,
            Step::Write { taken_over } => {
                api.replace(LEASE, &PostParams::default(), &self.written(seen.as_ref(), taken_over)?).await
            }
        };
        match done.map_err(|error| ClusterError::api(format!("writing Lease {LEASE}"), &error)) {
            Ok(_) => Ok(Role::Leader),
            Err(error) if error.is_conflict() => Ok(Role::Follower),
            Err(error) => Err(error),
        }
    }

    async fn release(&self, api: &Api<DynamicObject>) -> Result<(), ClusterError> {
        let what = || format!("writing Lease {LEASE}");
        let found = api.get_opt(LEASE).await.map_err(|error| ClusterError::api(what(), &error))?;
        let Some(lease) = found.map(|it| ApiKind::Lease.value(it)).transpose()? else { return Ok(()) };
        let seen = Seen::read(&lease);
        if seen.holder != self.identity {
            return Ok(());
        }
        let mut given_back = self.written(Some(&seen), false)?;
        if let Some(holder) = given_back.data.pointer_mut("/spec/holderIdentity") {
            *holder = json!("");
        }
        let done = api.replace(LEASE, &PostParams::default(), &given_back).await;
        done.map(|_| ()).map_err(|error| ClusterError::api(what(), &error))
    }

    /// The Lease with this replica as its holder. Its version makes the API server refuse it if somebody was faster.
    fn written(&self, seen: Option<&Seen>, taken_over: bool) -> Result<DynamicObject, ClusterError> {
        let now = micro_time(Timestamp::now());
        let transitions = seen.map_or(0, |it| it.transitions.saturating_add(i64::from(taken_over)));
        let acquired = seen.filter(|it| !taken_over && !it.acquired.is_empty()).map_or(&now, |it| &it.acquired);
        let lease = json!({
            "apiVersion": ApiKind::Lease.api_version(),
            "kind": ApiKind::Lease.kind(),
            "metadata": {"name": LEASE, "resourceVersion": seen.map(|it| &it.version)},
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": LEASE_DURATION.as_secs(),
                "acquireTime": acquired,
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        });
        serde_json::from_value(lease).map_err(|error| ClusterError::Api {
            what: format!("writing Lease {LEASE}"),
            reason: error.to_string(),
            code: None,
        })
    }
}

/// `age` is how long the same sign of life has been seen.
fn decide(seen: Option<&Seen>, identity: &str, age: Duration) -> Step {
    match seen {
        None => Step::Create,
        Some(seen) if seen.holder == identity => Step::Write { taken_over: false },
        Some(seen) if seen.holder.is_empty() || age > seen.duration => Step::Write { taken_over: true },
        Some(_) => Step::Wait,
    }
}

impl Seen {
    fn read(lease: &Value) -> Self {
        let text = |path: &str| lease.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |path: &str| lease.pointer(path).and_then(Value::as_i64);
        let seconds = number("/spec/leaseDurationSeconds").and_then(|it| u64::try_from(it).ok());
        Self {
            holder: text("/spec/holderIdentity"),
            duration: seconds.map_or(LEASE_DURATION, Duration::from_secs),
            acquired: text("/spec/acquireTime"),
            renewed: text("/spec/renewTime"),
            transitions: number("/spec/leaseTransitions").unwrap_or_default(),
            version: text("/metadata/resourceVersion"),
        }
    }
}

/// RFC 3339 with exactly six decimals, as the API's MicroTime wants it.
fn micro_time(time: Timestamp) -> String {
    format!("{time:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(holder: &str) -> Seen {
        Seen::read(&json!({
            "metadata": {"resourceVersion": "7"},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 2,
                "acquireTime": "2026-01-02T03:04:05.000000Z", "renewTime": "2026-01-02T03:04:05.000000Z"},
        }))
    }

    #[test]
    fn a_lease_is_taken_when_it_is_free_or_its_holder_is_silent() {
        let second = Duration::from_secs(1);
        assert_eq!(decide(None, "me", second), Step::Create);
        assert_eq!(decide(Some(&seen("me")), "me", second * 100), Step::Write { taken_over: false });
        assert_eq!(decide(Some(&seen("")), "me", Duration::ZERO), Step::Write { taken_over: true });
        assert_eq!(decide(Some(&seen("other")), "me", second * 15), Step::Wait);
        assert_eq!(decide(Some(&seen("other")), "me", second * 16), Step::Write { taken_over: true });
        // A Lease that nobody filled has no duration and no holder.
        assert_eq!(decide(Some(&Seen::read(&json!({}))), "me", Duration::ZERO), Step::Write { taken_over: true });
    }

    #[test]
    fn what_is_written_names_the_version_that_was_seen() {
        let election = Election { identity: "me".into(), observed: None };
        let written = election.written(Some(&seen("other")), true).unwrap();
        assert_eq!(written.metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(written.data["spec"]["leaseTransitions"], 3);
        assert_eq!(written.data["spec"]["acquireTime"], written.data["spec"]["renewTime"]);
        let renewed = election.written(Some(&seen("me")), false).unwrap();
        assert_eq!(renewed.data["spec"]["leaseTransitions"], 2);
        assert_eq!(renewed.data["spec"]["acquireTime"], "2026-01-02T03:04:05.000000Z");
        assert!(election.written(None, true).unwrap().metadata.resource_version.is_none());
    }

    #[test]
    fn times_have_six_decimals() {
        let time: Timestamp = "2026-01-02T03:04:05.1Z".parse().unwrap();
        assert_eq!(micro_time(time), "2026-01-02T03:04:05.100000Z");
    }
}
