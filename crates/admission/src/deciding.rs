//! The last beat, off the threads that serve: a policy over the object may compute for long, and whoever may create objects
//! chooses what it computes over.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;
use sigward_policy::decide::{AuthorityOutcome, ImageDecision, ObjectInputs, ReviewContext, decide};
use sigward_policy::plan::ImagePlan;
use tokio::sync::Semaphore;

use crate::registry::configs::Configs;
use crate::registry::turns::Shares;
use crate::state::Snapshot;
use crate::workload::Workload;

/// What was found for one plan: the answers to its questions, and the image's configurations where they are wanted.
pub type Gathered = (Vec<AuthorityOutcome>, Option<Arc<Configs>>);

/// What policies may see of an object.
#[derive(Debug)]
pub struct Document {
    spec: Option<String>,
    metadata: Option<String>,
    kind: &'static str,
    api_version: String,
    /// Whether any policy computes over anything that the object brings.
    is_looked_at: bool,
}

impl Document {
    /// As much as any policy in force wants.
    pub fn of(workload: &Workload<'_>, snapshot: &Snapshot) -> Self {
        let inputs = snapshot.inputs.object;
        let part =
            |name: &str, is_wanted: bool| is_wanted.then(|| workload.object.get(name).map(Value::to_string)).flatten();
        Self {
            spec: part("spec", inputs.spec),
            metadata: part("metadata", inputs.metadata),
            kind: workload.kind.name(),
            api_version: workload.api_version.clone(),
            is_looked_at: inputs.look_at_object() || inputs.configs || snapshot.inputs.clock,
        }
    }

    /// Decides about each plan; nothing if that takes longer than until `deadline`.
    fn decide(&self, plans: &[ImagePlan], gathered: &[Gathered], deadline: Instant) -> Option<Vec<ImageDecision>> {
        let object = ObjectInputs {
            spec: self.spec.as_deref(),
            metadata: self.metadata.as_deref(),
            kind: self.kind,
            api_version: &self.api_version,
        };
        let now = Timestamp::now();
        let mut decisions = Vec::with_capacity(plans.len());
        for (plan, (outcomes, configs)) in plans.iter().zip(gathered) {
            if self.is_looked_at && Instant::now() >= deadline {
                return None;
            }
            let context = ReviewContext { object: Some(object), configs: configs.as_deref(), now };
            decisions.push(decide(plan, outcomes, &context));
        }
        Some(decisions)
    }
}

/// Decides, each namespace one object at a time where policies look at objects.
#[derive(Debug)]
pub struct Deciding {
    of_namespace: Shares,
    all: Arc<Semaphore>,
}

impl Default for Deciding {
    /// As many at once as there are processors.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { of_namespace: Shares::new(1), all: Arc::new(Semaphore::new(processors.max(2))) }
    }
}

impl Deciding {
    /// The decision about each plan; nothing if it is not there at `deadline`.
    pub async fn run(
        &self,
        namespace: &str,
        document: Document,
        plans: &Arc<Vec<ImagePlan>>,
        gathered: Vec<Gathered>,
        deadline: Instant,
    ) -> Option<Vec<ImageDecision>> {
        if !document.is_looked_at {
            return document.decide(plans, &gathered, deadline);
        }
        let turn = async {
            // None of them is ever closed.
            let own = self.of_namespace.of(namespace).acquire_owned().await.ok();
            (own, Arc::clone(&self.all).acquire_owned().await.ok())
        };
        let turn = tokio::time::timeout_at(deadline.into(), turn).await.ok()?;
        let plans = Arc::clone(plans);
        let deciding = tokio::task::spawn_blocking(move || {
            // It cannot be stopped from outside, so that its turn lasts as long as it does.
            let _turn = turn;
            document.decide(&plans, &gathered, deadline)
        });
        match tokio::time::timeout_at(deadline.into(), deciding).await.ok()? {
            Ok(decisions) => decisions,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => None,
            },
        }
    }
}
