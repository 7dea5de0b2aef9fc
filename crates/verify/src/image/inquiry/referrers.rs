//! Referrers that hold a bundle each (specs/cosign.md §2.7 "GetBundles").

use std::collections::{BTreeSet, VecDeque};

use super::{ImageInquiry, Next, State};
use crate::bundle;
use crate::digest::Artifact;
use crate::entity::Content as Signed;
use crate::evidence::{Answer, Inquiry, Need, Step, Unreachable};
use crate::image::error::{check_content, longer_than_told};
use crate::image::manifest::{ACCEPT_MANIFESTS, BUNDLE_TYPE, COSIGN_SIGNATURES, Content, Descriptor};
use crate::image::referrer_list::ReferrerList;
use crate::image::reply::{self, Absence, NoReply, Reply};
use crate::image::verdict::Evidence;
use crate::image::{EvidenceFault, Forms, ImageError, LayerRole, Origin};
use crate::limits;
use crate::profile::Profile;

/// Referrers that may hold a bundle, asked for in batches: first the manifest, then its layer.
#[derive(Debug)]
pub(super) struct BundleQueue {
    queued: VecDeque<Referrer>,
    asked: Vec<Referrer>,
    /// Signature layers of cosign 2's experimental form.
    signatures: Option<(Vec<Descriptor>, String)>,
}

#[derive(Debug)]
struct Referrer {
    index: usize,
    manifest: Descriptor,
    layer: Option<Descriptor>,
}

impl Referrer {
    fn origin(&self) -> Origin {
        Origin::Referrer { index: self.index, digest: self.manifest.digest.to_string() }
    }

    /// What is asked for next.
    fn content(&self) -> &Descriptor {
        self.layer.as_ref().unwrap_or(&self.manifest)
    }

    fn what(&self) -> String {
        let kind = if self.layer.is_some() { "bundle" } else { "referrer" };
        format!("{kind} {}", self.content().digest)
    }
}

impl ImageInquiry<'_> {
    pub(super) fn ask_referrers(&mut self) -> Next {
        let list = ReferrerList::new(&self.place, &self.image_digest()?);
        self.step_referrers(list, Vec::new())
    }

    pub(super) fn step_referrers(&mut self, mut list: ReferrerList, answers: Vec<Answer>) -> Next {
        match list.step(answers) {
            Step::Need(needs) => {
                self.state = State::Referrers(list);
                Ok(Step::Need(needs))
            }
            Step::Done(found) => self.start_bundles(found),
            Step::Failed(error) => Err(self.with_rejected(error)),
        }
    }

    /// What was rejected before is told beside the registry's error.
    pub(super) fn with_rejected(&mut self, error: ImageError) -> ImageError {
        let rejected = std::mem::take(&mut self.rejected);
        match error {
            ImageError::Registry { reason, .. } => ImageError::Registry { reason, rejected },
            ImageError::Unreachable { reason, .. } => ImageError::Unreachable { reason, rejected },
            other => other,
        }
    }

    fn start_bundles(&mut self, found: Vec<Descriptor>) -> Next {
        let (mut queued, mut known) = (VecDeque::new(), BTreeSet::new());
        for (index, manifest) in found.into_iter().enumerate() {
            // What is listed twice is asked for once.
            if may_hold_evidence(&manifest, self.question.forms)
                && known.insert((manifest.digest.to_string(), manifest.size))
            {
                let referrer = Referrer { index, manifest, layer: None };
                match self.is_affordable(&referrer) {
                    Ok(()) => queued.push_back(referrer),
                    Err(fault) => self.reject(referrer.origin(), fault),
                }
            }
        }
        self.ask_bundles(BundleQueue { queued, asked: Vec::new(), signatures: None })
    }

    fn is_affordable(&mut self, referrer: &Referrer) -> Result<(), EvidenceFault> {
        let bytes = |limit: usize| u64::try_from(limit).unwrap_or(u64::MAX);
        let limit = match referrer.layer {
            None => bytes(limits::MANIFEST_BYTES),
            Some(_) => bytes(limits::BUNDLE_BYTES).min(self.question.attachment_limit),
        };
        let (what, size) = (referrer.what(), referrer.content().size);
        if size > limit {
            return Err(EvidenceFault::TooLarge { what, size, limit });
        }
        self.afford(what, size)
    }

    fn ask_bundles(&mut self, mut queue: BundleQueue) -> Next {
        let mut bytes: u64 = 0;
        while let Some(referrer) = queue.queued.front() {
            bytes = bytes.saturating_add(referrer.content().size);
            let full = queue.asked.len() >= limits::IMAGE_BATCH || bytes > self.question.attachment_limit;
            if full && !queue.asked.is_empty() {
                break;
            }
            queue.asked.extend(queue.queued.pop_front());
        }
        if queue.asked.is_empty() {
            return match queue.signatures {
                Some((layers, url)) => self.start_layers(LayerRole::Signatures, layers, &url),
                None => self.after_evidence(),
            };
        }
        let needs = queue.asked.iter().map(|referrer| self.need_of_referrer(referrer)).collect();
        self.state = State::Bundles(queue);
        Ok(Step::Need(needs))
    }

    fn need_of_referrer(&self, referrer: &Referrer) -> Need {
        let (kind, accept) = if referrer.layer.is_some() { ("blobs", "*/*") } else { ("manifests", ACCEPT_MANIFESTS) };
        let Descriptor { digest, size, .. } = referrer.content();
        let limit = usize::try_from(*size).unwrap_or(usize::MAX);
        Need::registry(&self.place, &format!("{kind}/{digest}"), accept, limit)
    }

    pub(super) fn read_bundles(&mut self, mut queue: BundleQueue, answers: Vec<Answer>) -> Next {
        let mut answers = answers.into_iter();
        for referrer in std::mem::take(&mut queue.asked) {
            let asked = self.need_of_referrer(&referrer).url;
            let origin = referrer.origin();
            let content = match reply::read(answers.next(), &asked, Absence::NotFound) {
                Ok(Reply::Content(content)) => content,
                Ok(Reply::Absent { reason }) => {
                    self.reject(origin, EvidenceFault::Missing { reason });
                    continue;
                }
                Err(NoReply::Unreachable(Unreachable::TooLarge { .. })) => {
                    self.reject(origin, longer_than_told(referrer.what(), referrer.content().size).into());
                    continue;
                }
                Err(none) => {
                    let error = ImageError::from(none);
                    self.broken.get_or_insert_with(|| error.clone());
                    self.reject(origin, EvidenceFault::from(error));
                    continue;
                }
            };
            let outcome = match referrer.layer {
                None => self.read_referrer(referrer, &content, &mut queue),
                Some(_) => self.read_bundle(&referrer, &content.body),
            };
            if let Err(fault) = outcome {
                self.reject(origin, fault);
            }
        }
        self.ask_bundles(queue)
    }

    fn read_referrer(
        &mut self,
        referrer: Referrer,
        content: &reply::Content,
        queue: &mut BundleQueue,
    ) -> Result<(), EvidenceFault> {
        let what = referrer.what();
        check_content(&what, referrer.content(), &content.body)?;
        let manifest = Content::parse(&content.body, &what, limits::IMAGE_LAYERS)?.manifest(&what)?;
        let malformed = |reason: String| EvidenceFault::from(ImageError::Malformed { what: what.clone(), reason });
        if let Some(subject) = manifest.subject
            && Some(subject) != self.image
        {
            return Err(malformed(format!("its subject is {subject}")));
        }
        if manifest.artifact_type == COSIGN_SIGNATURES && self.question.forms != Forms::BundlesOnly {
            // Of several the last counts (specs/cosign.md §2.7).
            queue.signatures = Some((manifest.layers, content.url.clone()));
            return Ok(());
        }
        let [layer] = manifest.layers.as_slice() else {
            return Err(malformed(format!("it has {} layers, a bundle has one", manifest.layers.len())));
        };
        if !layer.media_type.starts_with(BUNDLE_TYPE) || self.question.forms == Forms::NoBundles {
            // Something else that refers to the image, such as an SBOM.
            return Ok(());
        }
        let bundle = Referrer { layer: Some(layer.clone()), ..referrer };
        self.is_affordable(&bundle)?;
        queue.queued.push_back(bundle);
        Ok(())
    }

    fn read_bundle(&mut self, referrer: &Referrer, body: &[u8]) -> Result<(), EvidenceFault> {
        check_content(&referrer.what(), referrer.content(), body)?;
        let entity = bundle::parse(body, self.question.chains)?;
        // cosign takes bundles from v0.3 on; what is older, or its own older form, is never pushed as a referrer.
        if entity.profile() != Profile::BundleV03 {
            let found = entity.profile().name().to_owned();
            return Err(crate::Error::MediaType { input: crate::Input::Bundle, found }.into());
        }
        self.bundles_found = self.bundles_found.saturating_add(1);
        if !matches!(entity.content(), Signed::Envelope { .. }) {
            return Err(EvidenceFault::NotAnAttestation);
        }
        let entity = self.with_certificate(entity)?;
        let artifact = Artifact::from_digest(self.image_digest()?);
        let evidence = Evidence { origin: referrer.origin(), entity, artifact, blob: body.to_vec() };
        Ok(self.judge(evidence)?)
    }
}

/// Some registries do not tell the artifact's type, others tell that of the config; both are looked at.
fn may_hold_evidence(descriptor: &Descriptor, forms: Forms) -> bool {
    let kind = descriptor.artifact_type.as_str();
    matches!(kind, "" | "application/vnd.oci.empty.v1+json" | COSIGN_SIGNATURES)
        || (kind.starts_with(BUNDLE_TYPE) && forms != Forms::NoBundles)
}
