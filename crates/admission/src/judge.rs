//! From a request to an answer: plan, gather, decide.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use sigward_policy::decide::{ImageDecision, Verdict};
use sigward_policy::field_error::Level;
use sigward_policy::matching::ObjectIdentity;
use sigward_policy::plan::{ImagePlan, Subject, plan};
use sigward_verify::image::{ImageReference, Target};

use crate::deciding::{Deciding, Document};
use crate::events::DenialEvent;
use crate::limits;
use crate::registry::clouds;
use crate::registry::configs::ConfigFiles;
use crate::registry::gather::Gatherer;
use crate::registry::tags::{Tags, Unresolved};
use crate::registry::tenants::{Tenancy, Tenant, Tenants};
use crate::review::{Answer, Denial, Operation, Patch, ReplaceOperation, Request};
use crate::server::{Hook, guard};
use crate::state::Snapshot;
use crate::workload::{Inputs, Workload, is_unchanged, kind_of};

/// Time that is kept for deciding, out of what a review has.
const DECIDING: Duration = Duration::from_millis(20);

/// What judging needs, for all reviews.
#[derive(Debug)]
pub struct Judge {
    /// Who asks registries.
    pub tenants: Tenants,
    /// Evidence.
    pub gatherer: Gatherer,
    /// Tags.
    pub tags: Tags,
    /// Configurations of images.
    pub configs: ConfigFiles,
    /// Policies over the object.
    pub deciding: Deciding,
    /// Figures.
    pub metrics: Arc<crate::metrics::Metrics>,
}

/// An object that is to be judged, or an answer that is known without that.
enum Opened<'a> {
    Settled(Answer),
    Judged(Box<Workload<'a>>),
}

impl Judge {
    /// `/validations`: whether all images of an object may run.
    pub async fn validate(&self, request: &Request, snapshot: &Arc<Snapshot>, deadline: Instant) -> Verdicted {
        let workload = match open(Hook::Validations, request, snapshot) {
            Opened::Settled(answer) => return Verdicted { answer, event: None },
            Opened::Judged(workload) => workload,
        };
        let labels = workload.labels().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let Some(identity) = ObjectIdentity::of_kind(&workload.api_version, workload.kind.name(), labels) else {
            return Verdicted { answer: unhandled(Hook::Validations, request), event: None };
        };
        // Ten containers of one image are one image.
        let mut places = BTreeMap::new();
        let mut plans: Vec<ImagePlan> = Vec::new();
        for field in &workload.images {
            places.entry(field.image.as_str()).or_insert_with(|| {
                let subject = Subject { image: &field.image, object: &identity, resolved: None };
                plans.push(plan(&snapshot.policies, subject));
                plans.len().saturating_sub(1)
            });
        }
        let tenancy = self.tenants.of(&workload);
        let until = deadline.checked_sub(DECIDING).unwrap_or(deadline);
        let outcomes = self.gatherer.outcomes(&plans, snapshot, &tenancy, until).await;
        let mut gathered = Vec::with_capacity(plans.len());
        for (plan, outcomes) in plans.iter().zip(outcomes) {
            gathered.push((outcomes, self.configs.of(plan, &tenancy, until).await));
        }
        let plans = Arc::new(plans);
        let document = Document::of(&workload, snapshot);
        let Some(decisions) = self.deciding.run(&workload.namespace, document, &plans, gathered, until).await else {
            let text = "validation failed: context was canceled before validation completed: policies over the object \
                        took longer than there is time";
            let answer = Answer::denied(Denial::new("deadline", text), Vec::new());
            return Verdicted { answer, event: None };
        };
        let of_fields: Vec<(String, ImageDecision)> = workload
            .images
            .iter()
            .filter_map(|field| {
                let decision = decisions.get(*places.get(field.image.as_str())?)?;
                Some((field.path.clone(), decision.clone()))
            })
            .collect();
        self.count(&plans, &decisions);
        // A field without a decision would be an image that nobody judged.
        if of_fields.len() != workload.images.len() {
            let denial = Denial::new("internal", "validation failed: an image has no verdict");
            return Verdicted { answer: Answer::denied(denial, Vec::new()), event: None };
        }
        let verdict = Verdict::of(&of_fields);
        let mut warnings = verdict.warnings().to_vec();
        if wants_explanation(&workload) {
            warnings.extend(explanations(&plans, &decisions));
        }
        let Some(message) = verdict.message() else {
            return Verdicted { answer: Answer::allowed(None, warnings), event: None };
        };
        let mut message = format!("{}{message}", Hook::Validations.prefix());
        let advice = plans.iter().zip(&decisions).filter_map(|(plan, decision)| clouds::advice(plan.image(), decision));
        for note in self.why_unresolved(&workload, &tenancy, until).await.into_iter().chain(advice) {
            message.push_str(&format!("\n{note}"));
        }
        let codes: Vec<_> = verdict.reasons().iter().map(|reason| reason.code()).collect();
        let denial = Denial::with_codes(codes, message);
        let event = DenialEvent::of(&workload, request, denying(&decisions), &denial.codes, &denial.message);
        let answer = Answer::denied(denial, warnings);
        Verdicted { answer, event: Some(event) }
    }

    /// `/mutations`: tags become digests. A tag that cannot be resolved stays: `/validations` has the last word, and denies
    /// it.
    pub async fn mutate(&self, request: &Request, snapshot: &Arc<Snapshot>, deadline: Instant) -> Answer {
        let workload = match open(Hook::Mutations, request, snapshot) {
            Opened::Settled(answer) => return answer,
            Opened::Judged(workload) => workload,
        };
        let tenancy = self.tenants.of(&workload);
        let resolved = self.resolve(&workload, &tenancy, deadline.checked_sub(DECIDING).unwrap_or(deadline)).await;
        let mut operations = Vec::new();
        for field in &workload.images {
            if let Some(Ok(image)) = resolved.get(field.image.as_str()) {
                operations.push(ReplaceOperation::new(field.pointer.clone(), image.clone()));
            }
        }
        // Somebody waits for the API server, not for a denial that comes too late.
        if resolved.values().any(|found| *found == Err(Unresolved::Deadline)) {
            let text = format!(
                "{}context was canceled before validation completed: {}",
                Hook::Mutations.prefix(),
                late(&resolved)
            );
            return Answer::denied(Denial::new("deadline", text), Vec::new());
        }
        Answer::allowed(Patch::replacing(operations), Vec::new())
    }

    /// Each tag among the images, with its name by digest.
    async fn resolve<'w>(
        &self,
        workload: &'w Workload<'_>,
        tenancy: &Tenancy<'_>,
        deadline: Instant,
    ) -> BTreeMap<&'w str, Result<String, Unresolved>> {
        let mut resolved = BTreeMap::new();
        let mut asking: Vec<(&str, String, ImageReference, Tenant)> = Vec::new();
        for field in &workload.images {
            let image = field.image.as_str();
            if resolved.contains_key(image) || asking.iter().any(|(known, ..)| *known == image) {
                continue;
            }
            let Ok(reference) = ImageReference::parse(image) else { continue };
            let Target::Tag(tag) = reference.target() else { continue };
            let name = format!("{}:{tag}", reference.repository());
            match tenancy.own() {
                Ok(tenant) => asking.push((image, name, reference, tenant)),
                Err(reason) => {
                    resolved.insert(image, Err(Unresolved::Credentials(reason)));
                }
            }
        }
        // All at once: each waits for its own registry.
        let mut tasks = tokio::task::JoinSet::new();
        for (index, (_, _, reference, tenant)) in asking.iter().enumerate() {
            let (tags, reference, tenant) = (self.tags.clone(), reference.clone(), tenant.clone());
            let namespace = workload.namespace.clone();
            tasks.spawn(async move { (index, tags.resolve(&reference, &tenant, &namespace, deadline).await) });
        }
        while let Some(Ok((index, found))) = tasks.join_next().await {
            self.metrics.tag(if found.is_ok() { "resolved" } else { "unresolved" });
            if let Some((image, name, ..)) = asking.get(index) {
                resolved.insert(*image, found.map(|digest| format!("{name}@{digest}")));
            }
        }
        resolved
    }

    /// Why images are still named by tags. Asked only where the answer is a denial anyway.
    async fn why_unresolved(&self, workload: &Workload<'_>, tenancy: &Tenancy<'_>, deadline: Instant) -> Vec<String> {
        let resolved = self.resolve(workload, tenancy, deadline).await;
        let note = |(image, found): (&str, Result<String, Unresolved>)| match found {
            Ok(_) => None,
            Err(why @ Unresolved::Denied { .. }) => {
                let advice = clouds::advice_for(image).map(|advice| format!("\n{advice}")).unwrap_or_default();
                Some(format!("{image}: {why}{advice}"))
            }
            Err(why) => Some(format!("{image}: {why}")),
        };
        resolved.into_iter().filter_map(note).collect()
    }

    fn count(&self, plans: &[ImagePlan], decisions: &[ImageDecision]) {
        for (plan, decision) in plans.iter().zip(decisions) {
            for policy in plan.policies() {
                self.metrics.verdict(policy.name(), word(decision, policy.name()));
            }
        }
    }
}

/// An answer, and what is to be told of a denial.
#[derive(Debug)]
pub struct Verdicted {
    /// The answer.
    pub answer: Answer,
    /// What is to be told; nothing for what is allowed, or about no object.
    pub event: Option<DenialEvent>,
}

/// Reads the object of a request; or answers, where nothing of it is judged.
fn open<'a>(hook: Hook, request: &'a Request, snapshot: &Snapshot) -> Opened<'a> {
    // Nothing runs by a deletion; by a status neither, as the API server keeps its spec.
    if matches!(request.operation, Operation::Delete | Operation::Connect) || request.sub_resource == "status" {
        return Opened::Settled(Answer::allowed(None, Vec::new()));
    }
    let Some(kind) = kind_of(&request.kind) else { return Opened::Settled(unhandled(hook, request)) };
    let workload = match Workload::read(kind, request, &request.object) {
        Ok(workload) => workload,
        Err(error) => return Opened::Settled(guard::unreadable(hook, &error)),
    };
    let inputs = Inputs {
        labels: snapshot.inputs.labels,
        metadata: snapshot.inputs.object.metadata,
        spec: snapshot.inputs.object.spec,
    };
    if request.operation == Operation::Update
        && let Ok(old) = Workload::read(kind, request, &request.old_object)
        && is_unchanged(&old, &workload, inputs)
    {
        return Opened::Settled(Answer::allowed(None, Vec::new()));
    }
    Opened::Judged(Box::new(workload))
}

/// knative's words for kinds that nobody registered.
fn unhandled(hook: Hook, request: &Request) -> Answer {
    let begin = match hook {
        Hook::Mutations | Hook::Defaulting => "mutation failed",
        Hook::Validations | Hook::Validating => "decoding request failed",
    };
    let message = format!("{begin}: unhandled kind: {}", request.kind);
    Answer::denied(Denial::new("unhandled-kind", message), Vec::new())
}

fn late(resolved: &BTreeMap<&str, Result<String, Unresolved>>) -> String {
    let late = resolved.iter().filter(|(_, found)| **found == Err(Unresolved::Deadline)).map(|(image, _)| *image);
    format!("no digest in time for {}", late.take(limits::WARNINGS).collect::<Vec<_>>().join(", "))
}

/// What a policy says of an image.
fn word(decision: &ImageDecision, policy: &str) -> &'static str {
    let entry = decision.entries().iter().find(|entry| entry.policy.as_deref() == Some(policy));
    match entry.map(|entry| entry.level) {
        None => "pass",
        Some(Level::Warning) => "warn",
        Some(Level::Error) => "fail",
    }
}

/// The policies that deny.
fn denying(decisions: &[ImageDecision]) -> Vec<String> {
    let entries = decisions.iter().flat_map(ImageDecision::entries).filter(|entry| entry.level == Level::Error);
    let mut names: Vec<_> = entries.filter_map(|entry| entry.policy.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// The annotation that asks for an explanation, as warnings.
const EXPLAIN: &str = "policy.sigward.dev/explain";

fn wants_explanation(workload: &Workload<'_>) -> bool {
    let annotations = workload.object.get("metadata").and_then(|metadata| metadata.get("annotations"));
    annotations.and_then(|annotations| annotations.get(EXPLAIN)).and_then(Value::as_str) == Some("true")
}

fn explanations<'a>(plans: &'a [ImagePlan], decisions: &'a [ImageDecision]) -> impl Iterator<Item = String> {
    plans.iter().zip(decisions).flat_map(|(plan, decision)| {
        let policies = plan.policies().map(|policy| {
            let said = decision.entries().iter().filter(|entry| entry.policy.as_deref() == Some(policy.name()));
            let details: Vec<_> = said.map(|entry| format!(": {}", entry.details)).collect();
            format!(
                "explain: {}: policy {}: {}{}",
                plan.image(),
                policy.name(),
                word(decision, policy.name()),
                details.concat()
            )
        });
        let mut lines: Vec<String> = policies.collect();
        if lines.is_empty() {
            lines.push(format!("explain: {}: no policy is for it", plan.image()));
        }
        lines
    })
}
