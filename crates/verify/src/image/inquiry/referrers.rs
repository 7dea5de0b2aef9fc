//! Referrers that hold a bundle each (specs/cosign.md §2.7 "GetBundles").

use std::collections::VecDeque;

use super::layers::LayerRole;
use super::{ImageInquiry, Next, State};
use crate::bundle;
use crate::digest::{Artifact, Digest};
use crate::entity::Content as Signed;
use crate::evidence::{Answer, Inquiry, Need, Step};
use crate::image::error::check_digest;
use crate::image::manifest::{ACCEPT_MANIFESTS, BUNDLE_TYPE, COSIGN_SIGNATURES, Content, Descriptor};
use crate::image::referrer_list::ReferrerList;
use crate::image::reply::{self, Absence, Reply};
use crate::image::verdict::Evidence;
use crate::image::{EvidenceFault, ImageError, Origin};
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
    manifest: Digest,
    size: u64,
    layer: Option<Descriptor>,
}

impl Referrer {
    fn origin(&self) -> Origin {
        Origin::Referrer { index: self.index, digest: self.manifest.to_string() }
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
    fn with_rejected(&mut self, error: ImageError) -> ImageError {
        let rejected = std::mem::take(&mut self.rejected);
        match error {
            ImageError::Registry { reason, .. } => ImageError::Registry { reason, rejected },
            ImageError::Unreachable { reason, .. } => ImageError::Unreachable { reason, rejected },
            other => other,
        }
    }

    fn start_bundles(&mut self, found: Vec<Descriptor>) -> Next {
        let candidates = found.into_iter().enumerate().filter(|(_, descriptor)| may_hold_evidence(descriptor));
        let queued: VecDeque<_> =
            candidates.map(|(index, d)| Referrer { index, manifest: d.digest, size: d.size, layer: None }).collect();
        self.ask_bundles(BundleQueue { queued, asked: Vec::new(), signatures: None })
    }

    fn ask_bundles(&mut self, mut queue: BundleQueue) -> Next {
        let mut bytes: u64 = 0;
        while let Some(referrer) = queue.queued.front() {
            bytes = bytes.saturating_add(referrer.layer.as_ref().map_or(referrer.size, |layer| layer.size));
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
        match &referrer.layer {
            None => {
                let path = format!("manifests/{}", referrer.manifest);
                Need::registry(&self.place, &path, ACCEPT_MANIFESTS, limits::MANIFEST_BYTES)
            }
            Some(layer) => {
                let limit = usize::try_from(layer.size).unwrap_or(usize::MAX);
                Need::registry(&self.place, &format!("blobs/{}", layer.digest), "*/*", limit)
            }
        }
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
                Err(none) => {
                    let error = ImageError::from(none);
                    self.broken.get_or_insert_with(|| error.clone());
                    self.reject(origin, EvidenceFault::from(error));
                    continue;
                }
            };
            let outcome = match referrer.layer.clone() {
                None => self.read_referrer(referrer, &content, &mut queue),
                Some(layer) => self.read_bundle(&referrer, &layer, &content.body),
            };
            if let Err(fault) = outcome {
                self.reject(origin, fault);
            }
        }
        self.ask_bundles(queue)
    }

    fn read_referrer(
        &self,
        referrer: Referrer,
        content: &reply::Content,
        queue: &mut BundleQueue,
    ) -> Result<(), EvidenceFault> {
        let what = format!("referrer {}", referrer.manifest);
        check_digest(&what, &referrer.manifest, &content.body)?;
        let manifest = Content::parse(&content.body, &what, limits::IMAGE_LAYERS)?.manifest(&what)?;
        let malformed = |reason: String| EvidenceFault::from(ImageError::Malformed { what: what.clone(), reason });
        if let Some(subject) = manifest.subject
            && Some(subject) != self.image
        {
            return Err(malformed(format!("its subject is {subject}")));
        }
        if manifest.artifact_type == COSIGN_SIGNATURES {
            // Of several the last counts (specs/cosign.md §2.7).
            queue.signatures = Some((manifest.layers, content.url.clone()));
            return Ok(());
        }
        let [layer] = manifest.layers.as_slice() else {
            return Err(malformed(format!("it has {} layers, a bundle has one", manifest.layers.len())));
        };
        if !layer.media_type.starts_with(BUNDLE_TYPE) {
            // Something else that refers to the image, such as an SBOM.
            return Ok(());
        }
        let limit = self.question.attachment_limit.min(u64::try_from(limits::BUNDLE_BYTES).unwrap_or(u64::MAX));
        if layer.size > limit {
            return Err(EvidenceFault::TooLarge { what: format!("bundle {}", layer.digest), size: layer.size, limit });
        }
        queue.queued.push_back(Referrer { layer: Some(layer.clone()), ..referrer });
        Ok(())
    }

    fn read_bundle(&mut self, referrer: &Referrer, layer: &Descriptor, body: &[u8]) -> Result<(), EvidenceFault> {
        check_digest(&format!("bundle {}", layer.digest), &layer.digest, body)?;
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
        let artifact = Artifact::from_digest(self.image_digest()?);
        let evidence = Evidence { origin: referrer.origin(), entity, artifact, blob: body.to_vec() };
        Ok(self.judge(evidence)?)
    }
}

/// Some registries do not tell the artifact's type, others tell that of the config; both are looked at.
fn may_hold_evidence(descriptor: &Descriptor) -> bool {
    let kind = descriptor.artifact_type.as_str();
    matches!(kind, "" | "application/vnd.oci.empty.v1+json" | COSIGN_SIGNATURES) || kind.starts_with(BUNDLE_TYPE)
}
