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
    let time = format!("{now:.0}");
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": format!("{}.{suffix}", cut(name, 200).trim_end_matches(['.', '-'])),
            "namespace": denial.namespace,
        },
        "involvedObject": involved(denial),
        "type": "Warning",
        "reason": "ImageDenied",
        "action": "Admission",
        "message": cut(&message, MAX_MESSAGE),
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": before.saturating_add(1),
        "source": {"component": "sigward-admission"},
        "reportingComponent": "policy.sigstore.dev/sigward-admission",
        "reportingInstance": identity,
    })
}

/// At most so many bytes, and whole characters.
fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(name: &str, message: &str) -> DenialEvent {
        DenialEvent {
            namespace: "n".into(),
            kind: "Pod",
            api_version: "v1".into(),
            name: name.into(),
            generate_name: "web-".into(),
            uid: String::new(),
            owner_references: Value::Null,
            policies: vec![],
            codes: vec![],
            message: message.into(),
            dry_run: false,
        }
    }

    #[test]
    fn one_cause_is_told_once_until_it_is_quiet() {
        let now = Instant::now();
        let mut limit = Limit::new(now);
        assert_eq!(limit.admit(&denial("a", "x"), now), Some(0));
        assert_eq!(limit.admit(&denial("a", "x"), now), None);
        assert_eq!(limit.admit(&denial("a", "x"), now + QUIET / 2), None);
        // Another object, or another reason.
        assert_eq!(limit.admit(&denial("b", "x"), now), Some(0));
        assert_eq!(limit.admit(&denial("a", "y"), now), Some(0));
        assert_eq!(limit.admit(&denial("a", "x"), now + QUIET), Some(2));
    }

    #[test]
    fn a_flood_is_cut_to_a_burst_and_a_rate() {
        let now = Instant::now();
        let mut limit = Limit::new(now);
        let mut told = |count: usize, at: Instant| {
            (0..count).filter(|n| limit.admit(&denial(&format!("{at:?}{n}"), "x"), at).is_some()).count()
        };
        assert_eq!(told(1000, now), 25);
        assert_eq!(told(1000, now + Duration::from_secs(3)), 6);
        let remembered = {
            for second in 4..2000_u64 {
                told(2, now + Duration::from_secs(second));
            }
            limit.causes.len()
        };
        assert!(remembered <= MAX_CAUSES, "{remembered}");
    }

    #[test]
    fn a_pod_that_a_controller_wanted_is_told_at_the_controller() {
        let mut pod = denial("", "validation failed: x");
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(event(&pod, 0, "r", now)["involvedObject"]["name"], "web-");
        pod.owner_references = json!([
            {"apiVersion": "v1", "kind": "Other", "name": "no", "uid": "0"},
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "7", "controller": true},
        ]);
        let told = event(&pod, 4, "r", now);
        let expected =
            json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "7", "namespace": "n"});
        assert_eq!(told["involvedObject"], expected);
        assert_eq!(
            (&told["count"], &told["message"]),
            (&json!(5), &json!("validation failed: x (4 more since it was told last)"))
        );
    }

    #[test]
    fn names_and_messages_are_as_long_as_the_api_server_takes() {
        let told = event(&denial(&"a.".repeat(200), &"ä".repeat(2000)), 0, "r", Timestamp::now());
        assert!(told["metadata"]["name"].as_str().unwrap().len() <= 253);
        assert!(told["message"].as_str().unwrap().len() <= MAX_MESSAGE);
    }
}
