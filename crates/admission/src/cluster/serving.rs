//! The serving certificate: each replica shows what the Secret holds; the leader fills and renews it, and tells the API
//! server whom to trust.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use kube::Client;
use kube::runtime::watcher;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::certificate::{self, ServingPair};
use super::client::{ApiKind, Merge, patch};
use super::config::ClusterConfig;
use super::error::{ClusterError, reason_of_watch};
use super::failures::Failures;
use super::lease::Role;
use super::watch::{Pause, WATCH_SECONDS};
use super::webhooks::{ServiceName, Webhook, change_of_configuration, change_of_definition};
use crate::logs::Log;
use crate::server::tls::{CertificateSlot, certified_key};

/// The Secret, and its entries, as upstream has them.
const SECRET: &str = "webhook-certs";
const KEY: &str = "server-key.pem";
const CERTIFICATE: &str = "server-cert.pem";
const AUTHORITY: &str = "ca-cert.pem";
const MISSING: &str = "expected the Secret, found none; create it empty: kubectl create secret generic webhook-certs";

/// Between telling the API server of a new authority and showing its certificate: it learns through a watch.
const TRUST_DELAY: Duration = Duration::from_secs(3);

/// How often the leader looks without being called: at the time that is left, and at what others may have overwritten.
const LOOK_AGAIN: Duration = Duration::from_secs(10 * 60);

/// After a failure.
const RETRY: Duration = Duration::from_secs(5);

/// What the Secret holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pair: Option<ServingPair>,
    version: String,
}

/// Shows what the Secret holds, whenever it changes, and passes it on.
pub(crate) async fn show(
    client: &Client,
    config: &ClusterConfig,
    slot: &CertificateSlot,
    held: &watch::Sender<Option<Held>>,
    log: &Log,
) {
    use kube::runtime::WatchStreamExt as _;
    let api = ApiKind::Secret.within(client, &config.namespace);
    let only = watcher::Config::default().fields(&format!("metadata.name={SECRET}")).timeout(WATCH_SECONDS);
    let events = watcher::watcher(api, only).backoff(Pause::default());
    let mut events = pin!(events);
    let mut failures = Failures::of(log, "certificate", format!("Secret {SECRET}"));
    let mut is_there = false;
    while let Some(event) = events.next().await {
        let secret = match event {
            Ok(watcher::Event::Apply(secret) | watcher::Event::InitApply(secret)) => secret,
            Ok(watcher::Event::Init) => {
                is_there = false;
                continue;
            }
            // Making it would need a right that cannot be restricted to this name.
            Ok(watcher::Event::Delete(_)) => {
                failures.tell(MISSING.to_owned());
                continue;
            }
            Ok(watcher::Event::InitDone) => {
                if !is_there {
                    failures.tell(MISSING.to_owned());
                }
                continue;
            }
            Err(error) => {
                failures.tell(reason_of_watch(&error));
                continue;
            }
        };
        is_there = true;
        let Ok(secret) = ApiKind::Secret.value(secret) else { continue };
        let now = read(&secret);
        match now.pair.as_ref().map(|pair| use_pair(pair, config, slot)) {
            None | Some(Ok(())) => failures.clear(),
            Some(Err(reason)) => failures.tell(format!("not shown: {reason}")),
        }
        held.send_replace(Some(now));
    }
}

/// What is no good is not shown; what was shown before stays.
fn use_pair(pair: &ServingPair, config: &ClusterConfig, slot: &CertificateSlot) -> Result<(), String> {
    pair.check(&config.host_names(), Timestamp::now())?;
    let certified =
        certified_key(pair.certificate.as_bytes(), pair.key.as_bytes()).map_err(|error| error.to_string())?;
    slot.set(Arc::new(certified));
    Ok(())
}

/// Keeps the certificate good and the webhook configurations right, while this replica is the leader.
pub(crate) async fn keep(
    client: &Client,
    config: &ClusterConfig,
    mut role: watch::Receiver<Role>,
    mut held: watch::Receiver<Option<Held>>,
    log: &Log,
) {
    let (changed, mut others) = watch::channel(());
    let mut tasks = tokio::task::JoinSet::new();
    spawn_triggers(&mut tasks, client, config, &changed);
    let mut failures = Failures::of(log, "certificate", "keeping it and caBundle");
    loop {
        let mut pause = LOOK_AGAIN;
        let now = held.borrow_and_update().clone();
        others.mark_unchanged();
        if *role.borrow_and_update() == Role::Leader
            && let Some(now) = now
        {
            match round(client, config, &now, log).await {
                Ok(()) => failures.clear(),
                // Somebody wrote first; the watch will tell.
                Err(error) if error.is_conflict() => pause = RETRY,
                Err(error) => {
                    pause = RETRY;
                    failures.tell(error.to_string());
                }
            }
        }
        let deadline = Instant::now() + pause;
        tokio::select! {
            done = role.changed() => if done.is_err() { return },
            done = held.changed() => if done.is_err() { return },
            _ = others.changed() => {}
            () = tokio::time::sleep_until(deadline) => {}
        }
    }
}

/// Others may overwrite what this controller wrote, for example by installing again.
fn spawn_triggers(
    tasks: &mut tokio::task::JoinSet<()>,
    client: &Client,
    config: &ClusterConfig,
    changed: &watch::Sender<()>,
) {
    use kube::runtime::WatchStreamExt as _;
    let webhooks = Webhook::ALL.map(|webhook| (webhook.kind(), webhook.configuration(config).to_owned()));
    let definition = (ApiKind::CustomResourceDefinition, super::DEFINITION.to_owned());
    for (kind, name) in webhooks.into_iter().chain([definition]) {
        let only = watcher::Config::default().fields(&format!("metadata.name={name}")).timeout(WATCH_SECONDS);
        let events = watcher::watcher(kind.everywhere(client), only).backoff(Pause::default());
        let changed = changed.clone();
        tasks.spawn(async move {
            let mut events = pin!(events);
            while let Some(event) = events.next().await {
                if event.is_ok() {
                    changed.send_replace(());
                }
            }
        });
    }
}

async fn round(client: &Client, config: &ClusterConfig, held: &Held, log: &Log) -> Result<(), ClusterError> {
    let now = Timestamp::now();
    let names = config.host_names();
    // What the watch told may be a moment old, and a certificate that somebody just stored must not be replaced.
    let held = match good_for(held, &names, renewal(config, now)) {
        Ok(()) => held.clone(),
        Err(_) => read(&read_secret(client, config).await?),
    };
    let reason = match (good_for(&held, &names, renewal(config, now)), &held.pair) {
        (Ok(()), Some(pair)) => return trust(client, config, &pair.authorities, log).await,
        (failed, _) => failed.err().unwrap_or_default(),
    };
    log.info("certificate", json!({"what": "a new one", "reason": reason}));
    let mut made = certificate::make(&names, now, config.certificate_lifetime)?;
    if let Some(old) = &held.pair {
        made.trust_also(old, &names, now);
    }
    trust(client, config, &made.authorities, log).await?;
    if good_for(&held, &names, now).is_ok() {
        tokio::time::sleep(TRUST_DELAY).await;
    }
    let secrets = ApiKind::Secret.within(client, &config.namespace);
    patch(&secrets, ApiKind::Secret, SECRET, Merge::Json, &written(&made, &held.version)).await
}

/// When a certificate must still be good so that it need not be renewed.
fn renewal(config: &ClusterConfig, now: Timestamp) -> Timestamp {
    now.checked_add(config.certificate_lifetime / 3).unwrap_or(now)
}

fn good_for(held: &Held, names: &[String], at: Timestamp) -> Result<(), String> {
    held.pair.as_ref().ok_or_else(|| "there is none".to_owned())?.check(names, at)
}

async fn read_secret(client: &Client, config: &ClusterConfig) -> Result<Value, ClusterError> {
    let found = ApiKind::Secret.within(client, &config.namespace).get(SECRET).await;
    let found = found.map_err(|error| ClusterError::api(format!("reading Secret {SECRET}"), &error))?;
    ApiKind::Secret.value(found)
}

/// Tells the API server whom to trust. A configuration that is not there yet is no reason to stop: its watch will tell.
async fn trust(client: &Client, config: &ClusterConfig, authorities: &str, log: &Log) -> Result<(), ClusterError> {
    let service = ServiceName { namespace: &config.namespace, name: &config.service };
    for webhook in Webhook::ALL {
        let (kind, name) = (webhook.kind(), webhook.configuration(config));
        let Some(found) = read_one(client, kind, name).await? else { continue };
        if let Some(change) = change_of_configuration(webhook, &found, service, authorities) {
            patch(&kind.everywhere(client), kind, name, Merge::Strategic, &change).await?;
            log.info("webhook", json!({"kind": kind.kind(), "name": name, "what": "written"}));
        }
    }
    let kind = ApiKind::CustomResourceDefinition;
    let Some(found) = read_one(client, kind, super::DEFINITION).await? else { return Ok(()) };
    let Some(change) = change_of_definition(&found, service, authorities) else { return Ok(()) };
    patch(&kind.everywhere(client), kind, super::DEFINITION, Merge::Json, &change).await
}

async fn read_one(client: &Client, kind: ApiKind, name: &str) -> Result<Option<Value>, ClusterError> {
    let found = kind.everywhere(client).get_opt(name).await;
    let found = found.map_err(|error| ClusterError::api(format!("reading {} {name}", kind.kind()), &error))?;
    found.map(|object| kind.value(object)).transpose()
}

fn read(secret: &Value) -> Held {
    let entry = |name: &str| {
        let text = secret.get("data")?.get(name)?.as_str()?;
        String::from_utf8(STANDARD.decode(text).ok()?).ok().filter(|it| !it.is_empty())
    };
    let pair =
        || Some(ServingPair { key: entry(KEY)?, certificate: entry(CERTIFICATE)?, authorities: entry(AUTHORITY)? });
    let version = secret.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
    Held { pair: pair(), version: version.to_owned() }
}

/// A JSON merge patch. The version makes the API server refuse it if the Secret was written meanwhile.
fn written(pair: &ServingPair, version: &str) -> Value {
    json!({
        "metadata": {"resourceVersion": version},
        "data": {
            KEY: STANDARD.encode(&pair.key),
            CERTIFICATE: STANDARD.encode(&pair.certificate),
            AUTHORITY: STANDARD.encode(&pair.authorities),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> ServingPair {
        ServingPair { key: "k".into(), certificate: "c".into(), authorities: "a".into() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut secret = written(&pair(), "7");
        assert_eq!(read(&secret), Held { pair: Some(pair()), version: "7".into() });
        for entry in [KEY, CERTIFICATE, AUTHORITY] {
            for bad in [Value::Null, json!(""), json!("%"), json!("/w=="), json!(1)] {
                let good = std::mem::replace(&mut secret["data"][entry], bad);
                assert_eq!(read(&secret).pair, None);
                secret["data"][entry] = good;
            }
        }
        assert_eq!(read(&json!({"metadata": {"resourceVersion": "1"}})).pair, None);
    }

    #[test]
    fn a_bad_pair_is_not_shown_and_the_good_one_stays() {
        let config = ClusterConfig::new("ns", "pod");
        let slot = CertificateSlot::default();
        assert!(use_pair(&pair(), &config, &slot).is_err() && !slot.is_set());
        let good = certificate::make(&config.host_names(), Timestamp::now(), Duration::from_secs(60)).unwrap();
        use_pair(&good, &config, &slot).unwrap();
        assert!(use_pair(&pair(), &config, &slot).is_err() && slot.is_set());
    }
}
