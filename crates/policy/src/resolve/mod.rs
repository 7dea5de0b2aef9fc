//! Policies with everything that they refer to. A policy that cannot be resolved stays in the set and denies what it is
//! for; if that cannot be told either, it denies every image.

mod authority;
mod content;
mod document;
mod fingerprint;
mod trust_rules;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use sigward_cue::Strictness;

use crate::cip::{ClusterImagePolicy, ImagePattern, MatchResource, Mode, STRICT_ANNOTATION, validate_matches};
use crate::config::{NoMatch, Oci11};
use crate::glob::{Glob, Names};
use crate::matching::{Match, Matcher, ObjectIdentity};
use crate::object::from_value;
use crate::reason::Reason;

use authority::Resolving;

pub use authority::{Credentials, EvidenceAuthority, ResolvedAuthority};
pub use content::{ContentSource, Missing, References, key_text, policy_text};
pub use document::CompiledPolicy;
pub use fingerprint::Fingerprint;
pub use trust_rules::TrustRef;

pub(crate) use authority::{AuthorityKind, AuthoritySigner, Extent, Fault, KeylessSigner, SctStatement, SignerKind};
pub(crate) use document::Judgement;
pub(crate) use trust_rules::{LogRule, StampRule};

/// A policy, ready for any number of reviews.
#[derive(Debug)]
pub struct ResolvedPolicy {
    name: String,
    mode: Mode,
    scope: Scope,
    pub(crate) authorities: Vec<ResolvedAuthority>,
    pub(crate) policy: Option<Result<CompiledPolicy, Fault>>,
    inputs: Inputs,
    /// Why it denies all that it is for.
    pub(crate) broken: Option<Fault>,
}

/// Which images and objects a policy is for.
#[derive(Debug)]
enum Scope {
    Stated { globs: Vec<Glob>, objects: Matcher },
    Unreadable(Fault),
}

/// Whether a policy is for an image.
#[derive(Debug)]
pub(crate) enum Scoped {
    Yes,
    No,
    Unclear(Fault),
}

/// What the policy over all authorities wants to see.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Inputs {
    /// The image's configuration (`fetchConfigFile`).
    pub configs: bool,
    /// The object's spec (`includeSpec`).
    pub spec: bool,
    /// The object's metadata (`includeObjectMeta`).
    pub metadata: bool,
    /// The object's kind and version (`includeTypeMeta`).
    pub typemeta: bool,
}

/// What the policies of a set look at, beside images.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SetInputs {
    /// What policies over all authorities see.
    pub object: Inputs,
    /// The object's labels.
    pub labels: bool,
    /// The time.
    pub clock: bool,
}

impl Inputs {
    fn add(&mut self, other: Self) {
        self.configs |= other.configs;
        self.spec |= other.spec;
        self.metadata |= other.metadata;
        self.typemeta |= other.typemeta;
    }

    /// Whether anything of the object is looked at.
    pub fn look_at_object(self) -> bool {
        self.spec || self.metadata || self.typemeta
    }
}

/// A policy over all authorities tells them apart by their names: two of one name would answer for each other.
fn shared_name(authorities: &[ResolvedAuthority]) -> Option<Fault> {
    let mut names = BTreeSet::new();
    let shared = authorities.iter().map(ResolvedAuthority::name).find(|name| !names.insert(*name))?;
    let text = format!("expected authorities with names of their own, found several named {shared:?}");
    Some(Fault { reason: Reason::PolicyBroken, text })
}

impl ResolvedPolicy {
    /// Resolves a ClusterImagePolicy as it is stored. What cannot be read or had makes the policy, or one of its
    /// authorities, broken; nothing makes it disappear.
    pub fn load(object: &Value, source: &dyn ContentSource, oci11: Oci11) -> Self {
        match from_value::<ClusterImagePolicy>(object.clone()) {
            Ok(policy) => Self::new(&policy, source, oci11),
            Err(error) => Self::undecoded(object, &error.to_string()),
        }
    }

    /// Resolves a ClusterImagePolicy that was read.
    pub fn new(policy: &ClusterImagePolicy, source: &dyn ContentSource, oci11: Oci11) -> Self {
        let spec = &policy.spec;
        let (strictness, broken) = match policy.metadata.annotation(STRICT_ANNOTATION) {
            None | Some("false") => (Strictness::AsCue, None),
            Some("true") => (Strictness::RequireFields, None),
            Some(other) => {
                let text = format!("annotation {STRICT_ANNOTATION}: expected \"true\" or \"false\", found {other:?}");
                (Strictness::RequireFields, Some(Fault { reason: Reason::PolicyBroken, text }))
            }
        };
        const NAME: &str = "ClusterImagePolicy";
        let over_all = spec.policy.as_ref().map(|policy| CompiledPolicy::new(policy, NAME, source, strictness));
        let extent = match &over_all {
            Some(Ok(policy)) if policy.may_count_evidence() => Extent::All,
            _ => Extent::Enough,
        };
        let with = Resolving { source, oci11, strictness, extent };
        let authorities = spec.authorities.iter().enumerate();
        let authorities: Vec<_> =
            authorities.map(|(n, authority)| ResolvedAuthority::new(authority, n, with)).collect();
        let broken = broken.or_else(|| over_all.as_ref().and_then(|_| shared_name(&authorities)));
        let flag = |flag: fn(&crate::cip::Policy) -> Option<bool>| spec.policy.as_ref().and_then(flag) == Some(true);
        Self {
            name: policy.metadata.name().to_owned(),
            mode: spec.mode().unwrap_or_default(),
            scope: Scope::new(&spec.images, &spec.match_resources),
            authorities,
            policy: over_all,
            inputs: Inputs {
                configs: flag(|policy| policy.fetch_config_file),
                spec: flag(|policy| policy.include_spec),
                metadata: flag(|policy| policy.include_object_meta),
                typemeta: flag(|policy| policy.include_type_meta),
            },
            broken,
        }
    }

    /// A policy that cannot be read. If it can still be told which images it is for, it denies them; else all. Its mode
    /// is not believed.
    fn undecoded(object: &Value, error: &str) -> Self {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let fault = Fault { reason: Reason::PolicyBroken, text: format!("the policy cannot be read: {error}") };
        let part = |path: &str| object.pointer(path).cloned().unwrap_or(Value::Null);
        let images = match part("/spec/images") {
            Value::Null => None,
            images => from_value::<Vec<ImagePattern>>(images).ok().filter(|images| !images.is_empty()),
        };
        let objects = match part("/spec/match") {
            Value::Null => Some(Vec::new()),
            objects => from_value::<Vec<MatchResource>>(objects).ok(),
        };
        let scope = match (images, objects) {
            (Some(images), Some(objects)) => Scope::new(&images, &objects),
            _ => Scope::Unreadable(fault.clone()),
        };
        Self {
            name,
            mode: Mode::Enforce,
            scope,
            authorities: Vec::new(),
            policy: None,
            inputs: Inputs::default(),
            broken: Some(fault),
        }
    }

    /// A policy of which nothing can be read: it denies every image.
    pub fn unreadable(name: &str, reason: &str) -> Self {
        Self::undecoded(&json!({"metadata": {"name": name}}), reason)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a failure does.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What its policy over all authorities wants to see.
    pub fn inputs(&self) -> Inputs {
        self.inputs
    }

    /// Its authorities.
    pub fn authorities(&self) -> &[ResolvedAuthority] {
        &self.authorities
    }

    /// What is wrong with it: with itself, its authorities, and the policies in it. Empty for a sound one.
    pub fn faults(&self) -> Vec<String> {
        let authorities = self.authorities.iter().filter_map(|authority| match &authority.kind {
            AuthorityKind::Broken(fault) => Some(fault),
            _ => None,
        });
        let scope = match &self.scope {
            Scope::Unreadable(fault) => Some(fault),
            Scope::Stated { .. } => None,
        };
        let over_all = self.policy.as_ref().and_then(|policy| policy.as_ref().err());
        let faults = self.broken.iter().chain(scope).chain(authorities).chain(over_all);
        let mut texts: Vec<_> = faults.map(|fault| fault.text.clone()).collect();
        texts.dedup();
        texts
    }

    /// Whether it is for the image of these names, named by this object.
    pub(crate) fn is_for(&self, image: &Names, object: &ObjectIdentity) -> Scoped {
        let (globs, objects) = match &self.scope {
            Scope::Unreadable(fault) => return Scoped::Unclear(fault.clone()),
            Scope::Stated { globs, objects } => (globs, objects),
        };
        if !globs.iter().any(|glob| glob.matches(image)) {
            return Scoped::No;
        }
        match objects.matches(object) {
            Match::Yes => Scoped::Yes,
            Match::No => Scoped::No,
            Match::Broken { reason } => Scoped::Unclear(Fault { reason: Reason::MatchBroken, text: reason }),
        }
    }

    /// Whether its verdict may be another one at another time.
    fn uses_clock(&self) -> bool {
        let of_authority = |authority: &ResolvedAuthority| match &authority.kind {
            AuthorityKind::Evidence(evidence) => evidence.uses_clock(),
            _ => false,
        };
        matches!(&self.policy, Some(Ok(policy)) if policy.uses_clock()) || self.authorities.iter().any(of_authority)
    }

    /// Whether a fixed answer is enough, so that nothing has to be asked.
    pub(crate) fn passes_unasked(&self) -> bool {
        let pass = |authority: &ResolvedAuthority| matches!(authority.kind, AuthorityKind::Pass);
        self.broken.is_some() || (self.policy.is_none() && self.authorities.iter().any(pass))
    }
}

impl Scope {
    fn new(images: &[ImagePattern], objects: &[MatchResource]) -> Self {
        if images.is_empty() {
            // Nobody writes a policy for nothing: it would be obeyed by letting everything through.
            let text = "missing field(s): spec.images".to_owned();
            return Self::Unreadable(Fault { reason: Reason::MatchBroken, text });
        }
        if let Some(text) = validate_matches(objects).via_field("spec").denial() {
            return Self::Unreadable(Fault { reason: Reason::MatchBroken, text });
        }
        let globs: Result<Vec<_>, _> = images.iter().map(|image| Glob::compile(&image.glob)).collect();
        match globs {
            Ok(globs) => Self::Stated { globs, objects: Matcher::compile(objects) },
            Err(error) => Self::Unreadable(Fault { reason: Reason::MatchBroken, text: error.to_string() }),
        }
    }
}

/// All policies, in the order of their names.
#[derive(Debug)]
pub struct PolicySet {
    policies: Vec<Arc<ResolvedPolicy>>,
    no_match: NoMatch,
}

impl PolicySet {
    /// A set of policies; `no_match` says what happens to images that no policy is for.
    pub fn new(mut policies: Vec<Arc<ResolvedPolicy>>, no_match: NoMatch) -> Self {
        policies.sort_by(|a, b| a.name.cmp(&b.name));
        Self { policies, no_match }
    }

    /// The policies.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ResolvedPolicy>> {
        self.policies.iter()
    }

    /// What any of the policies looks at, beside images: an update that changes none of it changes no verdict.
    pub fn inputs(&self) -> SetInputs {
        let mut all = SetInputs::default();
        for policy in &self.policies {
            all.object.add(policy.inputs);
            all.labels |= match &policy.scope {
                Scope::Stated { objects, .. } => objects.reads_labels(),
                Scope::Unreadable(_) => false,
            };
            all.clock |= policy.uses_clock();
        }
        all
    }

    /// What happens to images that no policy is for.
    pub fn no_match(&self) -> NoMatch {
        self.no_match
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reviews run side by side over one set.
    #[test]
    fn a_set_is_shared_by_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<PolicySet>();
        shared::<crate::plan::AuthorityProof>();
        shared::<crate::plan::Inquest>();
        shared::<crate::plan::AuthorityInquiry<'_>>();
        shared::<crate::decide::Verdict>();
    }
}
