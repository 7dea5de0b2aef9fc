//! Denials as Kubernetes Events, in the namespace of what was denied: `kubectl get events` tells why a Deployment has no
//! Pods. Bounded: one for each cause in five minutes, and few each second in all.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use kube::api::PostParams;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::client::ApiKind;
use super::error::ClusterError;
use super::failures::Failures;
use crate::events::DenialEvent;
use crate::logs::Log;

/// The same cause is told again after this time.
const QUIET: Duration = Duration::from_secs(5 * 60);
/// How many causes are remembered.
const MAX_CAUSES: usize = 1024;
/// How many events may come at once, and how many each second after that.
const BURST: f64 = 25.0;
const PER_SECOND: f64 = 2.0;
/// What the API server takes.
const MAX_MESSAGE: usize = 1024;

/// Writes events until nobody can deny any more.
pub(crate) async fn tell(client: &Client, identity: &str, mut denials: mpsc::Receiver<DenialEvent>, log: &Log) {
    let mut limit = Limit::new(Instant::now());
    let mut failures = Failures::of(log, "event", "writing an Event");
    while let Some(denial) = denials.recv().await {
        let Some(before) = limit.admit(&denial, Instant::now()) else { continue };
        let api = ApiKind::Event.within(client, &denial.namespace);
        let event = match serde_json::from_value(event(&denial, before, identity, Timestamp::now())) {
            Ok(event) => event,
            Err(error) => {
                failures.tell(error.to_string());
                continue;
            }
        };
        let done = tokio::time::timeout(Duration::from_secs(5), api.create(&PostParams::default(), &event)).await;
        match done {
            Ok(Ok(_)) => failures.clear(),
            Ok(Err(error)) => failures.tell(ClusterError::api(&denial.namespace, &error).to_string()),
            Err(_) => failures.tell("no answer from the API server".to_owned()),
        }
    }
}

/// Who is told of it: what was denied, or, for a Pod that a controller wanted, the controller, which exists.
fn involved(denial: &DenialEvent) -> Value {
    match owner(denial) {
        Some(owner) => json!({
            "apiVersion": owner.get("apiVersion"), "kind": owner.get("kind"), "name": owner.get("name"),
            "uid": owner.get("uid"), "namespace": denial.namespace,
        }),
        None => json!({
            "apiVersion": denial.api_version, "kind": denial.kind, "name": involved_name(denial), "uid": denial.uid,
            "namespace": denial.namespace,
        }),
    }
}

/// The controller of what was denied.
fn owner(denial: &DenialEvent) -> Option<&Value> {
    let owners = denial.owner_references.as_array()?;
    owners.iter().find(|owner| owner.get("controller") == Some(&Value::Bool(true)))
}

/// The name of who is told.
fn involved_name(denial: &DenialEvent) -> &str {
    let owner = owner(denial).and_then(|owner| owner.get("name")?.as_str());
    owner.unwrap_or(if denial.name.is_empty() { &denial.generate_name } else { &denial.name })
}

fn event(denial: &DenialEvent, before: u32, identity: &str, now: Timestamp) -> Value {
    let mut message = denial.message.clone();
    if before > 0 {
        message = format!("{message} ({before} more since it was told last)");
    }
    let name = involved_name(denial);
    // Unique without a counter that would start again with each replica; a name is a DNS subdomain.
    let suffix = format!("{:x}", now.as_nanosecond());
    let end = name.floor_char_boundary(200);
    let time = format!("{now:.0}");
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": format!("{}.{suffix}", name.get(..end).unwrap_or_default().trim_end_matches(['.', '-'])),
            "namespace": denial.namespace,
        },
        "involvedObject": involved(denial),
        "type": "Warning",
        "reason": "ImageDenied",
        "action": "Admission",
        "message": shortened(&message),
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": before.saturating_add(1),
        "source": {"component": "sigward-admission"},
        "reportingComponent": "policy.sigstore.dev/sigward-admission",
        "reportingInstance": identity,
    })
}

fn shortened(message: &str) -> &str {
    message.get(..message.floor_char_boundary(MAX_MESSAGE)).unwrap_or_default()
}

/// What may be told.
struct Limit {
    causes: BTreeMap<String, Cause>,
    tokens: f64,
    filled: Instant,
}

struct Cause {
    told: Instant,
    since: u32,
}

impl Limit {
    fn new(now: Instant) -> Self {
        Self { causes: BTreeMap::new(), tokens: BURST, filled: now }
    }

    /// How often this was denied since it was told last, if it is to be told now.
    fn admit(&mut self, denial: &DenialEvent, now: Instant) -> Option<u32> {
        let who = involved_name(denial);
        let key = format!("{}/{}/{who}\n{}", denial.namespace, denial.kind, denial.message);
        if let Some(cause) = self.causes.get_mut(&key)
            && now.duration_since(cause.told) < QUIET
        {
            cause.since = cause.since.saturating_add(1);
            return None;
        }
        self.tokens = (self.tokens + now.duration_since(self.filled).as_secs_f64() * PER_SECOND).min(BURST);
        self.filled = now;
        if self.tokens < 1.0 {
            return None;
        }
        self.tokens -= 1.0;
        if self.causes.len() >= MAX_CAUSES && !self.causes.contains_key(&key) {
            self.causes.retain(|_, cause| now.duration_since(cause.told) < QUIET);
            let oldest = self.causes.iter().min_by_key(|(_, cause)| cause.told).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest.filter(|_| self.causes.len() >= MAX_CAUSES) {
                self.causes.remove(&oldest);
            }
        }
        let before = self.causes.insert(key, Cause { told: now, since: 0 }).map_or(0, |cause| cause.since);
        Some(before)
    }
}
