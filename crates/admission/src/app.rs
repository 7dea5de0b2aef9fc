//! All webhooks, and what they share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::content::Contents;
use crate::events::DenialEvent;
use crate::judge::Judge;
use crate::logs::Log;
use crate::metrics::{Levels, Metrics};
use crate::objects::ObjectStore;
use crate::remote::Remotes;
use crate::resources::{self, ValidationScene};
use crate::review::{Answer, Denial, Request};
use crate::server::{About, Hook, Reviewer, Reviewing};
use crate::state::State;

/// The program, ready to answer.
#[derive(Debug)]
pub struct App {
    /// What is in force.
    pub state: Arc<State>,
    /// Plan, gather, decide.
    pub judge: Judge,
    /// The objects.
    pub store: Arc<ObjectStore>,
    /// Policies at URLs.
    pub remotes: Arc<Remotes>,
    /// Where the controller's own Secrets and ConfigMaps are.
    pub namespace: String,
    /// Where it is told what was decided.
    pub log: Log,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// Where denials are told, if anybody writes Events.
    pub events: Option<mpsc::Sender<DenialEvent>>,
}

impl App {
    async fn answer(&self, hook: Hook, request: Request, deadline: Instant) -> Answer {
        let Some(snapshot) = self.state.current() else {
            let text = format!("{}policies and trust have not been loaded yet", hook.prefix());
            return Answer::denied(Denial::new("not-ready", text), Vec::new());
        };
        match hook {
            Hook::Mutations => self.judge.mutate(&request, &snapshot, deadline).await,
            Hook::Validations => {
                let verdicted = self.judge.validate(&request, &snapshot, deadline).await;
                if let (Some(events), Some(event)) = (&self.events, verdicted.event)
                    && !event.dry_run
                {
                    // Rather none than a review that waits.
                    let _ = events.try_send(event);
                }
                verdicted.answer
            }
            Hook::Defaulting => resources::defaulting(&request),
            Hook::Validating => {
                let (store, remotes, namespace) = (&*self.store, &*self.remotes, self.namespace.as_str());
                let contents = Contents { store, remotes, namespace };
                let empty_authorities = snapshot.config.empty_authorities;
                resources::validating(&request, ValidationScene { namespace, empty_authorities, contents: &contents })
            }
        }
    }

    /// All figures.
    pub fn metrics_text(&self) -> String {
        let gatherer = &self.judge.gatherer;
        self.metrics.text(Levels {
            cache: gatherer.cache().size(),
            under_way: gatherer.under_way(),
            log_lines_dropped: self.log.dropped(),
        })
    }
}

impl Reviewer for App {
    fn review(self: Arc<Self>, hook: Hook, request: Request, deadline: Instant) -> Reviewing {
        Box::pin(async move { self.answer(hook, request, deadline).await })
    }

    fn convert(&self, review: Value) -> Result<Value, String> {
        resources::convert(review)
    }

    fn ready(&self) -> Result<(), String> {
        match self.state.current() {
            Some(_) => Ok(()),
            None => Err("policies and trust have not been loaded yet".to_owned()),
        }
    }

    fn answered(&self, hook: Hook, about: &About, answer: &Answer, took: Duration) {
        let codes = answer.denial().map(|denial| denial.codes.as_slice()).unwrap_or_default();
        self.metrics.answered(hook.name(), answer.is_allowed(), codes, took);
        let mut fields = json!({
            "webhook": hook.name(),
            "uid": about.uid,
            "operation": about.operation,
            "kind": about.kind,
            "namespace": about.namespace,
            "name": about.name,
            "dryRun": about.dry_run,
            "allowed": answer.is_allowed(),
            "ms": took.as_secs_f64() * 1_000.0,
        });
        if let Value::Object(fields) = &mut fields {
            if let Some(denial) = answer.denial() {
                fields.insert("reasons".into(), json!(denial.codes));
                fields.insert("message".into(), json!(denial.message));
            }
            if !answer.warnings().is_empty() {
                fields.insert("warnings".into(), json!(answer.warning_lines()));
            }
        }
        if answer.is_allowed() {
            self.log.info("review", fields);
        } else {
            // Whatever is told, this is.
            self.log.error("review", fields);
        }
    }

    fn handshake_failed(&self, peer: std::net::SocketAddr, reason: &str) {
        self.metrics.handshake_failed();
        self.log.warn("tls-handshake-failed", json!({"peer": peer.to_string(), "reason": reason}));
    }

    fn metrics(&self) -> String {
        self.metrics_text()
    }
}
