//! A cluster without a cluster: policies as JSON, a registry and a log in memory, and reviews of one image.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "shared by test binaries that each use a part"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use sigward_policy::cip::RemotePolicy;
use sigward_policy::config::{NoMatch, Oci11};
use sigward_policy::decide::{AuthorityOutcome, ImageDecision, ObjectInputs, ReviewContext, Verdict, decide};
use sigward_policy::matching::ObjectIdentity;
use sigward_policy::plan::{AuthorityProof, AuthorityRefusal, ImagePlan, Subject, TrustSource, Trusted, plan};
use sigward_policy::resolve::{ContentSource, Fingerprint, Missing, PolicySet, ResolvedPolicy, TrustRef};
use sigward_policy::{Reason, field_error::Level};
use sigward_testkit::{IDENTITY, ISSUER, Key, TrustedRoot};
use sigward_verify::{TrustMaterial, sha256};

#[path = "../../../verify/tests/images/mod.rs"]
#[macro_use]
pub mod images;

pub use images::{NAME, World};

pub const FIELD: &str = "spec.containers[0].image";
pub const LIMIT: u64 = 128 << 20;

/// Everything that a review needs.
pub struct Bench {
    pub world: World,
    pub policies: Vec<Value>,
    pub no_match: NoMatch,
    pub oci11: Oci11,
    pub secrets: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    pub config_maps: BTreeMap<String, BTreeMap<String, String>>,
    pub remotes: BTreeMap<String, Vec<u8>>,
    /// Trust roots by name; the public one has none.
    pub roots: BTreeMap<String, TrustedRoot>,
    pub public: Option<TrustedRoot>,
    pub kind: (&'static str, &'static str),
    pub spec: Value,
    pub metadata: Value,
    pub configs: Option<Result<BTreeMap<String, String>, String>>,
    pub now: Timestamp,
}

impl Bench {
    pub fn new() -> Self {
        Self::over(World::new())
    }

    pub fn over(world: World) -> Self {
        let public = Some(world.sigstore.trusted_root());
        Self {
            world,
            policies: Vec::new(),
            no_match: NoMatch::Deny,
            oci11: Oci11::Off,
            secrets: BTreeMap::new(),
            config_maps: BTreeMap::new(),
            remotes: BTreeMap::new(),
            roots: BTreeMap::new(),
            public,
            kind: ("v1", "Pod"),
            spec: json!({"serviceAccount": "default"}),
            metadata: json!({"name": "app", "labels": {"foo": "bar"}}),
            configs: None,
            now: "2026-11-25T00:00:00Z".parse().unwrap(),
        }
    }

    /// A policy of this name with one authority `a`.
    pub fn authority(mut self, authority: Value) -> Self {
        self.policies.push(policy("p", &[authority]));
        self
    }

    pub fn policy(mut self, policy: Value) -> Self {
        self.policies.push(policy);
        self
    }

    pub fn set(&self) -> PolicySet {
        let load = |policy: &Value| Arc::new(ResolvedPolicy::load(policy, self, self.oci11));
        PolicySet::new(self.policies.iter().map(load).collect(), self.no_match)
    }

    pub fn plan(&self, set: &PolicySet, image: &str) -> ImagePlan {
        let labels = self.metadata["labels"].as_object().into_iter().flatten();
        let labels = labels.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        let object = ObjectIdentity::of_kind(self.kind.0, self.kind.1, labels).unwrap();
        plan(set, Subject { image, object: &object, resolved: None })
    }

    /// What the authorities say.
    pub fn gather(&self, plan: &ImagePlan) -> Vec<AuthorityOutcome> {
        plan.questions()
            .iter()
            .map(|question| match question.prepare(self, LIMIT) {
                Err(refusal) => AuthorityOutcome::Refused(Arc::new(refusal)),
                Ok(inquest) => {
                    assert_eq!(Ok(inquest.key()), question.key(self).as_ref());
                    match self.world.drive(&mut inquest.inquiry(self.now)) {
                        Ok(proof) => AuthorityOutcome::Proved(Arc::new(proof)),
                        Err(refusal) => AuthorityOutcome::Refused(Arc::new(refusal)),
                    }
                }
            })
            .collect()
    }

    pub fn decide(&self, plan: &ImagePlan, outcomes: &[AuthorityOutcome]) -> ImageDecision {
        let (spec, metadata) = (self.spec.to_string(), self.metadata.to_string());
        let (api_version, kind) = self.kind;
        let object = ObjectInputs { spec: Some(&spec), metadata: Some(&metadata), kind, api_version };
        let context = ReviewContext { object: Some(object), configs: self.configs.as_ref(), now: self.now };
        decide(plan, outcomes, &context)
    }

    /// A review of the image by digest.
    pub fn review(&self) -> Verdict {
        self.review_of(&self.world.by_digest())
    }

    pub fn review_of(&self, image: &str) -> Verdict {
        let set = self.set();
        let plan = self.plan(&set, image);
        let outcomes = self.gather(&plan);
        assert_eq!(
            plan.config_inquiry().is_some(),
            self.configs.is_some(),
            "configurations that nobody wants, or lacks"
        );
        Verdict::of(&[(FIELD.to_owned(), self.decide(&plan, &outcomes))])
    }

    /// What the only question of a policy with this authority brings.
    pub fn outcome_of(&self, authority: Value) -> Result<AuthorityProof, AuthorityRefusal> {
        let policy = ResolvedPolicy::load(&policy("p", &[authority]), self, self.oci11);
        self.only_outcome(&PolicySet::new(vec![Arc::new(policy)], self.no_match))
    }

    /// What the only question brings.
    pub fn outcome(&self) -> Result<AuthorityProof, AuthorityRefusal> {
        self.only_outcome(&self.set())
    }

    fn only_outcome(&self, set: &PolicySet) -> Result<AuthorityProof, AuthorityRefusal> {
        let plan = self.plan(set, &self.world.by_digest());
        let [question] = plan.questions() else { panic!("{} questions", plan.questions().len()) };
        self.world.drive(&mut question.prepare(self, LIMIT)?.inquiry(self.now))
    }

    #[track_caller]
    pub fn assert_admitted(&self) {
        let verdict = self.review();
        assert!(verdict.is_allowed(), "denied: {:?}", verdict.message());
        assert!(verdict.warnings().is_empty(), "{:?}", verdict.warnings());
    }

    /// Denied for these reasons.
    #[track_caller]
    pub fn assert_denied_for(&self, reasons: &[Reason]) {
        let verdict = self.review();
        assert_eq!(verdict.reasons(), reasons, "{:?}", verdict.message());
    }

    /// Denied for this reason, and the message has these words.
    #[track_caller]
    pub fn assert_denied(&self, reason: Reason, words: &str) {
        let verdict = self.review();
        let message = verdict.message().unwrap_or_else(|| panic!("allowed, where {words:?} was expected"));
        assert!(message.contains(words), "expected {words:?} in {message:?}");
        assert_eq!(verdict.reasons(), [reason], "{message}");
    }
}

impl ContentSource for Bench {
    fn secret(&self, name: &str) -> Result<BTreeMap<String, Vec<u8>>, Missing> {
        self.secrets.get(name).cloned().ok_or_else(|| Missing::new(format!("secret {name:?} not found")))
    }

    fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>, Missing> {
        self.config_maps.get(name).cloned().ok_or_else(|| Missing::new(format!("configmap {name:?} not found")))
    }

    fn remote(&self, remote: &RemotePolicy) -> Result<Vec<u8>, Missing> {
        let url = remote.url.to_string();
        self.remotes.get(&url).cloned().ok_or_else(|| Missing::new(format!("{url} was never had")))
    }
}

impl TrustSource for Bench {
    fn trust(&self, which: &TrustRef) -> Result<Trusted, Missing> {
        let root = match which {
            TrustRef::PublicGood => self.public.as_ref().ok_or_else(|| Missing::new("no trusted root"))?,
            TrustRef::TrustRoot(name) => {
                self.roots.get(name).ok_or_else(|| Missing::new(format!("trustRootRef {name} not found")))?
            }
        };
        let json = root.to_json();
        let material = TrustMaterial::from_trusted_root(json.as_bytes()).unwrap();
        Ok(Trusted { material: Arc::new(material), fingerprint: Fingerprint::of_bytes(sha256(json.as_bytes())) })
    }
}

/// A policy for the image's registry.
pub fn policy(name: &str, authorities: &[Value]) -> Value {
    json!({
        "apiVersion": "policy.sigstore.dev/v1beta1",
        "kind": "ClusterImagePolicy",
        "metadata": {"name": name},
        "spec": {"images": [{"glob": "registry.test/**"}], "authorities": authorities},
    })
}

/// `object` with more fields.
pub fn with(mut object: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

pub fn by_key(key: &Key) -> Value {
    json!({"name": "a", "key": {"data": key.public_pem()}})
}

/// The default leaf's identity.
pub fn by_jane() -> Value {
    by_identity(IDENTITY)
}

pub fn by_identity(subject: &str) -> Value {
    let identities = json!([{"issuer": ISSUER, "subject": subject}]);
    json!({"name": "a", "keyless": {"url": "https://fulcio.sigstore.dev", "identities": identities}})
}

/// The default leaf's identity, certified by this trust root.
pub fn by_jane_of(root: &str) -> Value {
    let mut authority = by_jane();
    authority["keyless"]["trustRootRef"] = json!(root);
    authority
}

pub fn levels(decision: &ImageDecision) -> Vec<Level> {
    decision.entries().iter().map(|entry| entry.level).collect()
}
