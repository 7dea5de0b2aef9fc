//! The document that a policy over all authorities judges (specs/policy-controller.md §2.14).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::ReviewContext;
use crate::plan::ProvedMatch;
use crate::reason::Reason;
use crate::resolve::{Fault, Inputs};

/// What one authority found.
#[derive(Debug, Default, Serialize)]
pub(super) struct AuthorityMatch<'p> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) signatures: Vec<Found<'p>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) attestations: BTreeMap<&'p str, Vec<Found<'p>>>,
    #[serde(rename = "static", skip_serializing_if = "std::ops::Not::not")]
    pub(super) fixed: bool,
}

/// A signature, or an attestation with its type and digest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found<'p> {
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'p str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'p str,
    #[serde(skip_serializing_if = "str::is_empty")]
    issuer: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    github_workflow_trigger: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    github_workflow_sha: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    github_workflow_name: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    github_workflow_repo: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    github_workflow_ref: Option<&'p str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    predicate_type: &'p str,
    #[serde(skip_serializing_if = "str::is_empty")]
    digest: &'p str,
}

impl<'p> Found<'p> {
    pub(super) fn signature(found: &'p ProvedMatch) -> Self {
        let workflow = &found.workflow;
        Self {
            id: &found.id,
            subject: &found.subject,
            issuer: &found.issuer,
            github_workflow_trigger: workflow.trigger.as_deref(),
            github_workflow_sha: workflow.sha.as_deref(),
            github_workflow_name: workflow.name.as_deref(),
            github_workflow_repo: workflow.repository.as_deref(),
            github_workflow_ref: workflow.reference.as_deref(),
            predicate_type: "",
            digest: "",
        }
    }

    pub(super) fn attestation(found: &'p ProvedMatch, predicate_type: &'p str, digest: &'p str) -> Self {
        Self { predicate_type, digest, ..Self::signature(found) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'d> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    authority_matches: &'d BTreeMap<&'d str, AuthorityMatch<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<BTreeMap<&'d str, &'d RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec: Option<&'d RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'d RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    typemeta: Option<TypeMeta<'d>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TypeMeta<'d> {
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'d str,
    #[serde(skip_serializing_if = "str::is_empty")]
    api_version: &'d str,
}

/// The document, with the inputs that the policy asks for and no others.
pub(super) fn document(
    matches: &BTreeMap<&str, AuthorityMatch<'_>>,
    inputs: Inputs,
    context: &ReviewContext<'_>,
) -> Result<String, Fault> {
    let wrong = |reason: Reason, text: String| Fault { reason, text };
    let raw = |what: &str, json: &'_ str| {
        // Whoever brings it has read it as JSON; what is none after all must not be pasted into a document.
        serde_json::from_str::<&RawValue>(json)
            .map(ToOwned::to_owned)
            .map_err(|error| wrong(Reason::Internal, format!("{what} of the object is no JSON: {error}")))
    };
    let config = match (inputs.configs, context.configs) {
        (false, _) => None,
        (true, Some(Ok(configs))) => {
            let each = configs.iter().map(|(platform, json)| Ok((platform.as_str(), raw("the configuration", json)?)));
            Some(each.collect::<Result<BTreeMap<_, _>, Fault>>()?)
        }
        (true, Some(Err(text))) => return Err(wrong(Reason::Unreachable, text.clone())),
        (true, None) => {
            return Err(wrong(Reason::Internal, "the image's configuration was not fetched".to_owned()));
        }
    };
    let object = context.object.as_ref();
    let part = |asked: bool, json: Option<&str>, what| match json {
        Some(json) if asked => raw(what, json).map(Some),
        _ => Ok(None),
    };
    let spec = part(inputs.spec, object.and_then(|object| object.spec), "the spec")?;
    let metadata = part(inputs.metadata, object.and_then(|object| object.metadata), "the metadata")?;
    let typemeta = object.filter(|_| inputs.typemeta);
    let document = Document {
        authority_matches: matches,
        config: config.as_ref().map(|all| all.iter().map(|(name, json)| (*name, json.as_ref())).collect()),
        spec: spec.as_deref(),
        metadata: metadata.as_deref(),
        typemeta: typemeta.map(|object| TypeMeta { kind: object.kind, api_version: object.api_version }),
    };
    serde_json::to_string(&document).map_err(|error| wrong(Reason::Internal, format!("the document: {error}")))
}
