//! From a request to decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use sigward_fetch::{Budget, PullSecrets, shown};
use sigward_policy::cip::{ClusterImagePolicy, ValidationContext, set_defaults, validate};
use sigward_policy::config::{CONFIG_MAP, ControllerConfig, Oci11};
use sigward_policy::decide::{
    AuthorityOutcome, ImageDecision, NotGathered, ObjectInputs, ReviewContext, Verdict, decide,
};
use sigward_policy::limits::MAX_POLICY_BYTES;
use sigward_policy::matching::ObjectIdentity;
use sigward_policy::object::ObjectKind;
use sigward_policy::plan::{ImagePlan, Inquest, Subject, plan};
use sigward_policy::resolve::{ContentSource as _, Credentials, PolicySet, References, ResolvedPolicy, TrustRef};
use sigward_verify::evidence::{Answer, Inquiry, Need, Service, Step};
use sigward_verify::image::{ImageReference, Target};
use sigward_verify::{Digest, HashAlgorithm};

use super::gather::{Ending, Gatherer};
use super::objects::{Contents, Objects};
use super::recording::Recording;
use super::resource::{Resource, runs_images};
use super::roots::Roots;
use super::tag::TagInquiry;
use crate::args::request::{ManifestInput, PolicyTestRequest};
use crate::failure::Failure;
use crate::network::Network;
use crate::trust_source::{Requests, TrustSession};

/// What came of a test.
#[derive(Debug)]
pub struct Judged {
    /// One for each image of each object.
    pub cases: Vec<Case>,
    /// The verdict over all of them.
    pub verdict: Verdict,
    /// What is worth to be known beside it.
    pub warnings: Vec<String>,
    /// Requests and answers, in words.
    pub requests: Vec<String>,
    /// Requests and answers, to be kept.
    pub recording: Option<Recording>,
}

/// An image, and what is decided about it.
#[derive(Debug)]
pub struct Case {
    /// As it was named.
    pub image: String,
    /// The object that names it, as in `Pod web`.
    pub object: Option<String>,
    /// Where the object names it.
    pub fields: Vec<String>,
    /// What was judged; `None` where nothing depends on it.
    pub digest: Option<Digest>,
    /// Why there is no digest where one is needed.
    pub unresolved: Option<String>,
    /// What was asked.
    pub plan: ImagePlan,
    /// The answers.
    pub outcomes: Vec<AuthorityOutcome>,
    /// The decision.
    pub decision: ImageDecision,
}

/// Judges all images.
///
/// # Errors
/// What keeps the test from being one: files that cannot be read, policies that the controller would not take, recordings
/// that lack an answer.
pub fn judge(request: &PolicyTestRequest, network: &Network) -> Result<Judged, Failure> {
    let now = Timestamp::now();
    let mut objects = Objects::default();
    objects.read(&request.policies, network)?;
    if let Some(path) = &request.trust_root {
        objects.read_inputs(&[ManifestInput::Path(path.clone())])?;
    }
    let resources = resources(request, &mut objects)?;
    let open = open_cases(request, &resources)?;
    let gatherer = Gatherer::new(&request.evidence, network, &request.registry, hosts(&open))?;

    let loaded = load(&objects, request, &gatherer)?;
    let mut warnings = loaded.warnings;
    let mut roots = Roots::load(&loaded.references.trust_roots, &objects, &gatherer, now)?;
    let test = Test { policies: &loaded.policies, objects: &objects, resources: &resources, gatherer: &gatherer, now };
    let planned = test.plan_all(open)?;
    if planned.iter().any(wants_public_trust) {
        warnings.extend(add_public_trust(&mut roots, request, network, &gatherer, now));
    }
    let outcomes = test.gather(&planned, &roots, network.environment.max_attachment_size)?;
    let cases = test.decide(planned, outcomes)?;
    let named: Vec<_> = cases.iter().flat_map(Case::by_field).collect();
    let verdict = Verdict::of(&named);
    let (recording, requests) = gatherer.into_recording();
    Ok(Judged { cases, verdict, warnings, requests, recording })
}

impl Case {
    fn by_field(&self) -> Vec<(String, ImageDecision)> {
        let fields = if self.fields.is_empty() { vec![self.image.clone()] } else { self.fields.clone() };
        fields.into_iter().map(|field| (field, self.decision.clone())).collect()
    }
}

/// The objects of `--resource`. Of several documents those count that run images.
fn resources(request: &PolicyTestRequest, objects: &mut Objects) -> Result<Vec<Resource>, Failure> {
    // What lies beside policies and is none of them is not what the test is about.
    objects.others.clear();
    let Some(path) = &request.resource else { return Ok(Vec::new()) };
    objects.read_inputs(&[ManifestInput::Path(path.clone())])?;
    let mut found = std::mem::take(&mut objects.others);
    if found.len() > 1 {
        found.retain(|(_, object)| runs_images(object));
    }
    if found.is_empty() {
        let reason = "no object that names images".to_owned();
        return Err(Failure::Read { what: format!("--resource {}", path.display()), reason });
    }
    found.iter().map(|(place, object)| Resource::read(place, object, objects)).collect()
}

/// An image that is to be judged.
#[derive(Debug)]
struct OpenCase {
    image: String,
    /// The object that names it, by its place in the list.
    resource: Option<usize>,
    /// Where it names it; empty for images of the command line.
    fields: Vec<String>,
}

fn open_cases(request: &PolicyTestRequest, resources: &[Resource]) -> Result<Vec<OpenCase>, Failure> {
    let mut cases: Vec<OpenCase> = Vec::new();
    for image in &request.images {
        let case = |resource| OpenCase { image: image.clone(), resource, fields: Vec::new() };
        cases.extend((0..resources.len()).map(|index| case(Some(index))));
        if resources.is_empty() {
            cases.push(case(None));
        }
    }
    if request.images.is_empty() {
        for (index, resource) in resources.iter().enumerate() {
            for field in &resource.images {
                let is_known = |case: &&mut OpenCase| case.resource == Some(index) && case.image == field.image;
                match cases.iter_mut().find(is_known) {
                    Some(case) => case.fields.push(field.path.clone()),
                    None => cases.push(OpenCase {
                        image: field.image.clone(),
                        resource: Some(index),
                        fields: vec![field.path.clone()],
                    }),
                }
            }
        }
    }
    if cases.is_empty() {
        let reason = "no image to judge: the resource names none; name one with --image".to_owned();
        return Err(Failure::Policy { reason });
    }
    Ok(cases)
}

fn hosts(cases: &[OpenCase]) -> Vec<String> {
    let named = cases.iter().filter_map(|case| ImageReference::parse(&case.image).ok());
    let hosts: BTreeSet<_> = named.map(|reference| reference.repository().registry().host().to_owned()).collect();
    hosts.into_iter().collect()
}

/// Policies, with all that they refer to.
struct Loaded {
    policies: PolicySet,
    references: References,
    warnings: Vec<String>,
}

fn load(objects: &Objects, request: &PolicyTestRequest, gatherer: &Gatherer<'_>) -> Result<Loaded, Failure> {
    let namespace = request.system_namespace.as_str();
    let nothing = BTreeMap::new();
    let config = match objects.get(ObjectKind::ConfigMap, namespace, CONFIG_MAP) {
        None => ControllerConfig::default(),
        Some(_) => {
            let bad = |reason: String| Failure::Policy { reason };
            let contents = Contents { objects, namespace, remotes: &nothing };
            let data = contents.config_map(CONFIG_MAP).map_err(|missing| bad(missing.reason))?;
            ControllerConfig::from_data(&data).map_err(|error| bad(error.to_string()))?
        }
    };
    let context = ValidationContext { system_namespace: namespace, empty_authorities: config.empty_authorities };
    let (mut read, mut references, mut warnings) = (Vec::new(), References::default(), Vec::new());
    for (name, kept) in objects.all(ObjectKind::ClusterImagePolicy) {
        let bad = |reason: String| Failure::Policy { reason: format!("{}: {name}: {reason}", kept.place) };
        let mut policy: ClusterImagePolicy = sigward_policy::object::decode(kept.object.to_string().as_bytes())
            .map_err(|error| bad(format!("unable to unmarshal: {error}")))?;
        set_defaults(&mut policy);
        let errors = validate(&policy, context);
        if let Some(denial) = errors.denial() {
            return Err(bad(format!("CIP is invalid: invalid value: {denial}")));
        }
        let said = errors.warnings();
        if !said.is_empty() {
            warnings.push(format!("CIP has warnings:\n{}", said.join("\n")));
        }
        let more = References::of(&policy.spec);
        references.remotes.extend(more.remotes);
        references.trust_roots.extend(more.trust_roots);
        read.push(policy);
    }
    if read.is_empty() {
        let reason = "missing field(s): policies (no ClusterImagePolicy in what --policy names)".to_owned();
        return Err(Failure::Policy { reason });
    }
    let remotes = fetch(&references, gatherer)?;
    let contents = Contents { objects, namespace, remotes: &remotes };
    let oci11 = if request.oci11 == Oci11::On { Oci11::On } else { config.oci11 };
    let policies = read.iter().map(|policy| Arc::new(ResolvedPolicy::new(policy, &contents, oci11))).collect();
    Ok(Loaded { policies: PolicySet::new(policies, config.no_match), references, warnings })
}

/// Policies at URLs. Their digests are in the policies that refer to them, so a recording may hold them.
fn fetch(
    references: &References,
    gatherer: &Gatherer<'_>,
) -> Result<BTreeMap<String, Result<Vec<u8>, String>>, Failure> {
    let urls: BTreeSet<_> = references.remotes.iter().map(|(url, _)| url.clone()).collect();
    let inquiries = urls.iter().map(|url| Fetch { url, is_asked: false }).collect();
    let endings = gatherer.ask(inquiries, None, Budget::default())?;
    let content = |ending| match ending {
        Ending::Done(body) => Ok(body),
        Ending::Failed(reason) | Ending::Stopped(reason) => {
            Err(format!("failed to fetch content from policy url: {reason}"))
        }
    };
    Ok(urls.iter().cloned().zip(endings.into_iter().map(content)).collect())
}

/// One document behind a URL.
struct Fetch<'u> {
    url: &'u str,
    is_asked: bool,
}

impl Inquiry for Fetch<'_> {
    type Out = Vec<u8>;
    type Error = String;

    fn step(&mut self, answers: Vec<Answer>) -> Step<Vec<u8>, String> {
        if !std::mem::replace(&mut self.is_asked, true) {
            return Step::Need(vec![Need::get(Service::Direct, self.url.to_owned(), MAX_POLICY_BYTES)]);
        }
        match answers.into_iter().next().map(|answer| answer.outcome) {
            Some(Ok(response)) if (200..300).contains(&response.status) => Step::Done(response.body),
            Some(Ok(response)) => {
                Step::Failed(format!("{}: server returned HTTP {}", shown(self.url), response.status))
            }
            Some(Err(error)) => Step::Failed(error.to_string()),
            None => Step::Failed("no answer".to_owned()),
        }
    }
}

/// Trust in the public instance: never from a recording.
fn add_public_trust(
    roots: &mut Roots,
    request: &PolicyTestRequest,
    network: &Network,
    gatherer: &Gatherer<'_>,
    now: Timestamp,
) -> Vec<String> {
    let requests = if gatherer.is_offline() { Requests::Forbidden } else { Requests::Allowed };
    let mut session = TrustSession::new(&request.trust, network, requests, now);
    roots.add_public(session.at_hand().map(|trust| trust.material.clone()).map_err(|failure| failure.to_string()));
    session.take_warnings()
}

/// A case with its plan.
#[derive(Debug)]
struct Planned {
    open: OpenCase,
    digest: Option<Digest>,
    unresolved: Option<String>,
    plan: ImagePlan,
}

fn wants_public_trust(planned: &Planned) -> bool {
    let questions = planned.plan.questions().iter();
    questions.flat_map(|question| question.authority().trust_refs()).any(|which| which == TrustRef::PublicGood)
}

/// Questions that are asked with the same credentials, each with its case and its place there.
type Errand = Vec<((usize, usize), Inquest)>;

/// What all cases have in common.
#[derive(Clone, Copy)]
struct Test<'t> {
    policies: &'t PolicySet,
    objects: &'t Objects,
    resources: &'t [Resource],
    gatherer: &'t Gatherer<'t>,
    now: Timestamp,
}

impl Test<'_> {
    fn resource(&self, case: &OpenCase) -> Option<&Resource> {
        self.resources.get(case.resource?)
    }

    fn plan_all(&self, open: Vec<OpenCase>) -> Result<Vec<Planned>, Failure> {
        let references: Vec<_> = open.iter().map(|case| self.unresolved(case)).collect();
        let mut digests: Vec<Option<Result<Digest, String>>> = vec![None; open.len()];
        // Whose credentials are shown depends on the object.
        let owners: BTreeSet<_> = open.iter().map(|case| case.resource).collect();
        for owner in owners {
            let of_owner = open.iter().zip(&references).enumerate().filter(|(_, (case, _))| case.resource == owner);
            let asked: Vec<_> = of_owner.filter_map(|(index, (_, it))| Some((index, it.as_ref()?))).collect();
            let secrets = self.secrets(owner, &Credentials::Workload).map_err(|reason| Failure::Policy { reason })?;
            let inquiries = asked.iter().map(|(_, reference)| TagInquiry::new(reference)).collect();
            let endings = self.gatherer.ask(inquiries, secrets, Budget::image())?;
            for ((index, _), ending) in asked.into_iter().zip(endings) {
                let found = match ending {
                    Ending::Done(digest) => Ok(digest),
                    Ending::Failed(error) => Err(error.to_string()),
                    Ending::Stopped(reason) => Err(reason),
                };
                if let Some(slot) = digests.get_mut(index) {
                    *slot = Some(found);
                }
            }
        }
        Ok(open.into_iter().zip(digests).map(|(case, digest)| self.plan(case, digest)).collect())
    }

    /// The image of a case whose tag must be resolved. The controller resolves every tag of an object; an image of the
    /// command line is asked about only if something depends on the answer.
    fn unresolved(&self, case: &OpenCase) -> Option<ImageReference> {
        let reference = ImageReference::parse(&case.image).ok()?;
        if reference.digest().is_some() || !matches!(reference.target(), Target::Tag(_)) {
            return None;
        }
        let is_needed = !case.fields.is_empty() || self.plan_unasked(case).is_none();
        is_needed.then_some(reference)
    }

    /// The plan for an image about which nothing has to be asked, whatever its digest is.
    fn plan_unasked(&self, case: &OpenCase) -> Option<ImagePlan> {
        let any = HashAlgorithm::Sha256.digest(b"");
        let plan = self.plan_as(case, &case.image, Some(&any));
        (plan.questions().is_empty() && plan.config_inquiry().is_none()).then_some(plan)
    }

    fn plan_as(&self, case: &OpenCase, image: &str, resolved: Option<&Digest>) -> ImagePlan {
        // Without an object only policies without `match` are for the image.
        let nobody = ObjectIdentity::default();
        let object = self.resource(case).map_or(&nobody, |resource| &resource.identity);
        plan(self.policies, Subject { image, object, resolved })
    }

    fn plan(&self, open: OpenCase, found: Option<Result<Digest, String>>) -> Planned {
        let (digest, unresolved) = match found {
            Some(Ok(digest)) => (Some(digest), None),
            Some(Err(reason)) => (None, Some(reason)),
            None => (ImageReference::parse(&open.image).ok().and_then(|reference| reference.digest()), None),
        };
        let reference = ImageReference::parse(&open.image).ok();
        let tag = reference.as_ref().filter(|it| it.digest().is_none());
        let plan = match (digest, tag) {
            // As the controller writes it into the object.
            (Some(digest), Some(tag)) if !open.fields.is_empty() => {
                self.plan_as(&open, &format!("{}@{digest}", tag.name()), None)
            }
            (Some(digest), Some(_)) => self.plan_as(&open, &open.image, Some(&digest)),
            (None, Some(_)) if unresolved.is_none() => {
                self.plan_unasked(&open).unwrap_or_else(|| self.plan_as(&open, &open.image, None))
            }
            _ => self.plan_as(&open, &open.image, None),
        };
        Planned { open, digest, unresolved, plan }
    }

    fn secrets(&self, owner: Option<usize>, credentials: &Credentials) -> Result<Option<PullSecrets>, String> {
        let resource = owner.and_then(|index| self.resources.get(index));
        let namespace = resource.map_or("default", |resource| resource.namespace.as_str());
        let names = match credentials {
            Credentials::Secrets(names) => names.as_slice(),
            Credentials::Workload => resource.map(|resource| resource.pull_secrets.as_slice()).unwrap_or_default(),
        };
        self.objects.pull_secrets(namespace, names)
    }

    /// The answers to the questions of each case, in their order.
    fn gather(
        &self,
        planned: &[Planned],
        roots: &Roots,
        attachment_limit: u64,
    ) -> Result<Vec<Vec<AuthorityOutcome>>, Failure> {
        let missing = || AuthorityOutcome::NotGathered(NotGathered::Stopped("nothing was asked".to_owned()));
        let mut outcomes: Vec<Vec<_>> =
            planned.iter().map(|case| case.plan.questions().iter().map(|_| missing()).collect()).collect();
        let mut put = |(case, question): (usize, usize), outcome| {
            if let Some(slot) = outcomes.get_mut(case).and_then(|of_case: &mut Vec<_>| of_case.get_mut(question)) {
                *slot = outcome;
            }
        };
        let mut errands: BTreeMap<(Option<usize>, &Credentials), Errand> = BTreeMap::new();
        for (number, case) in planned.iter().enumerate() {
            for (index, question) in case.plan.questions().iter().enumerate() {
                match question.prepare(roots, attachment_limit) {
                    Ok(inquest) => {
                        let errand = errands.entry((case.open.resource, question.credentials())).or_default();
                        errand.push(((number, index), inquest));
                    }
                    Err(refusal) => put((number, index), AuthorityOutcome::Refused(Arc::new(refusal))),
                }
            }
        }
        for ((owner, credentials), errand) in errands {
            let secrets = match self.secrets(owner, credentials) {
                Ok(secrets) => secrets,
                Err(reason) => {
                    for (place, _) in &errand {
                        put(*place, AuthorityOutcome::NotGathered(NotGathered::Stopped(reason.clone())));
                    }
                    continue;
                }
            };
            let inquiries = errand.iter().map(|(_, inquest)| inquest.inquiry(self.now)).collect();
            let endings = self.gatherer.ask(inquiries, secrets, Budget::image())?;
            for ((place, _), ending) in errand.iter().zip(endings) {
                put(
                    *place,
                    match ending {
                        Ending::Done(proof) => AuthorityOutcome::Proved(Arc::new(proof)),
                        Ending::Failed(refusal) => AuthorityOutcome::Refused(Arc::new(refusal)),
                        Ending::Stopped(reason) => AuthorityOutcome::NotGathered(NotGathered::Stopped(reason)),
                    },
                );
            }
        }
        Ok(outcomes)
    }

    fn decide(&self, planned: Vec<Planned>, outcomes: Vec<Vec<AuthorityOutcome>>) -> Result<Vec<Case>, Failure> {
        let mut cases = Vec::with_capacity(planned.len());
        for (planned, outcomes) in planned.into_iter().zip(outcomes) {
            let Planned { open, digest, unresolved, plan } = planned;
            let configs = match plan.config_inquiry() {
                None => None,
                Some(inquiry) => {
                    let secrets = self.secrets(open.resource, &Credentials::Workload);
                    let secrets = secrets.map_err(|reason| Failure::Policy { reason })?;
                    let ending = self.gatherer.ask(vec![inquiry], secrets, Budget::image())?.pop();
                    Some(match ending {
                        Some(Ending::Done(configs)) => Ok(configs),
                        Some(Ending::Failed(error)) => Err(error.to_string()),
                        Some(Ending::Stopped(reason)) => Err(reason),
                        None => Err("nothing was asked".to_owned()),
                    })
                }
            };
            let resource = self.resource(&open);
            let object = resource.map(|resource| ObjectInputs {
                spec: Some(&resource.spec),
                metadata: Some(&resource.metadata),
                kind: &resource.kind,
                api_version: &resource.api_version,
            });
            let context = ReviewContext { object, configs: configs.as_ref(), now: self.now };
            let decision = decide(&plan, &outcomes, &context);
            let object = resource.map(Resource::title);
            let OpenCase { image, fields, .. } = open;
            cases.push(Case { image, object, fields, digest, unresolved, plan, outcomes, decision });
        }
        Ok(cases)
    }
}
