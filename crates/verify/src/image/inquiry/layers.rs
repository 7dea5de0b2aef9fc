//! The tag scheme: each layer of one manifest is a signature or an attestation, with its evidence in annotations
//! (specs/cosign.md §2.7, §2.8).

use std::collections::VecDeque;

use super::{ImageInquiry, Next, State};
use crate::digest::{Artifact, Digest};
use crate::entity::{SignedEntity, SignerMaterial};
use crate::error::Error;
use crate::evidence::{Answer, Need, Step, Unreachable};
use crate::image::error::{check_content, longer_than_told};
use crate::image::manifest::Descriptor;
use crate::image::reply::{self, Absence, NoReply, Reply};
use crate::image::verdict::Evidence;
use crate::image::{EvidenceFault, ImageError, LayerRole, Origin};
use crate::limits;
use crate::verifier::{Signer, Verifier};

/// Layers whose content is asked for, in batches.
#[derive(Debug)]
pub(super) struct LayerQueue {
    role: LayerRole,
    /// The URL that served the manifest.
    manifest_url: String,
    queued: VecDeque<Blob>,
    asked: Vec<Blob>,
}

/// Content that one layer or several have in common.
#[derive(Debug)]
struct Blob {
    digest: Digest,
    size: u64,
    url: BlobUrl,
    layers: Vec<(usize, Descriptor)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum BlobUrl {
    OfRepository,
    /// On the host that served the manifest.
    Beside(String),
}

impl ImageInquiry<'_> {
    pub(super) fn start_layers(&mut self, role: LayerRole, layers: Vec<Descriptor>, manifest_url: &str) -> Next {
        self.layers_found = self.layers_found.saturating_add(layers.len());
        let mut queued: VecDeque<Blob> = VecDeque::new();
        for (index, layer) in layers.into_iter().enumerate() {
            let origin = origin(role, index, &layer);
            let affordable = |inquiry: &mut Self| inquiry.afford(format!("layer {}", layer.digest), layer.size);
            if let Err(fault) = self.is_worth_asking(role, &layer).and_then(|()| affordable(self)) {
                self.reject(origin, fault);
                continue;
            }
            // The same claim signed by several is one blob.
            match queued.iter_mut().find(|blob| blob.digest == layer.digest && blob.size == layer.size) {
                Some(blob) => blob.layers.push((index, layer)),
                None => queued.push_back(Blob {
                    digest: layer.digest,
                    size: layer.size,
                    url: BlobUrl::OfRepository,
                    layers: vec![(index, layer)],
                }),
            }
        }
        self.ask_layers(LayerQueue { role, manifest_url: manifest_url.to_owned(), queued, asked: Vec::new() })
    }

    /// What cannot count is not asked for: too large, unreadable, or by somebody else.
    fn is_worth_asking(&self, role: LayerRole, layer: &Descriptor) -> Result<(), EvidenceFault> {
        let limit = self.question.attachment_limit;
        if layer.size > limit {
            let what = format!("layer {}", layer.digest);
            return Err(EvidenceFault::TooLarge { what, size: layer.size, limit });
        }
        match role {
            LayerRole::Signatures => {
                let entity = self.with_certificate(SignedEntity::from_signature_layer(&layer.annotations)?)?;
                Ok(Verifier::new(self.material, &self.question.requirements).could_match(&entity)?)
            }
            LayerRole::Attestations => Ok(()),
        }
    }

    fn ask_layers(&mut self, mut queue: LayerQueue) -> Next {
        let mut bytes: u64 = 0;
        while let Some(blob) = queue.queued.front() {
            bytes = bytes.saturating_add(blob.size);
            let full = queue.asked.len() >= limits::IMAGE_BATCH || bytes > self.question.attachment_limit;
            if full && !queue.asked.is_empty() {
                break;
            }
            queue.asked.extend(queue.queued.pop_front());
        }
        if queue.asked.is_empty() {
            return self.after_evidence();
        }
        let needs = queue.asked.iter().map(|blob| self.need_of(blob)).collect();
        self.state = State::Layers(queue);
        Ok(Step::Need(needs))
    }

    fn need_of(&self, blob: &Blob) -> Need {
        let limit = usize::try_from(blob.size).unwrap_or(usize::MAX);
        let need = Need::registry(&self.place, &format!("blobs/{}", blob.digest), "*/*", limit);
        match &blob.url {
            BlobUrl::OfRepository => need,
            // Still a question to the registry: its certificates hold, and a token that anybody gets may be needed.
            BlobUrl::Beside(url) => Need { url: url.clone(), ..need },
        }
    }

    pub(super) fn read_layers(&mut self, mut queue: LayerQueue, answers: Vec<Answer>) -> Next {
        let mut answers = answers.into_iter();
        for mut blob in std::mem::take(&mut queue.asked) {
            let asked = self.need_of(&blob).url;
            match reply::read(answers.next(), &asked, Absence::NotFound) {
                Ok(Reply::Content(content)) => self.read_blob(queue.role, &blob, &content.body)?,
                Ok(Reply::Absent { reason }) => {
                    let beside = reply::blob_beside(&queue.manifest_url, &self.place, &blob.digest.to_string());
                    match (&blob.url, beside) {
                        (BlobUrl::OfRepository, Some(url)) => {
                            blob.url = BlobUrl::Beside(url);
                            queue.queued.push_front(blob);
                        }
                        _ => self.reject_all(queue.role, &blob, &EvidenceFault::Missing { reason }),
                    }
                }
                Err(NoReply::Unreachable(Unreachable::TooLarge { .. })) => {
                    let error = longer_than_told(format!("layer {}", blob.digest), blob.size);
                    self.reject_all(queue.role, &blob, &EvidenceFault::from(error));
                }
                Err(none) => {
                    let error = ImageError::from(none);
                    self.broken.get_or_insert_with(|| error.clone());
                    self.reject_all(queue.role, &blob, &EvidenceFault::from(error));
                }
            }
        }
        self.ask_layers(queue)
    }

    fn reject_all(&mut self, role: LayerRole, blob: &Blob, fault: &EvidenceFault) {
        for (index, layer) in &blob.layers {
            self.reject(origin(role, *index, layer), fault.clone());
        }
    }

    fn read_blob(&mut self, role: LayerRole, blob: &Blob, body: &[u8]) -> Result<(), ImageError> {
        for (index, layer) in &blob.layers {
            let origin = origin(role, *index, layer);
            if let Err(error) = check_content(&format!("layer {}", layer.digest), layer, body) {
                self.reject(origin, EvidenceFault::from(error));
                continue;
            }
            match self.evidence_of(role, layer, body, origin.clone()) {
                Ok(evidence) => self.judge(evidence)?,
                Err(fault) => self.reject(origin, fault),
            }
        }
        Ok(())
    }

    fn evidence_of(
        &self,
        role: LayerRole,
        layer: &Descriptor,
        body: &[u8],
        origin: Origin,
    ) -> Result<Evidence, EvidenceFault> {
        let (entity, artifact) = match role {
            LayerRole::Signatures => {
                let entity = self.with_certificate(SignedEntity::from_signature_layer(&layer.annotations)?)?;
                let key = match &self.question.requirements.signer {
                    Signer::Key(key) => Some(key.as_ref()),
                    Signer::Keyless(_) => None,
                };
                let needs = entity.needs(key, self.question.requirements.signature_hash)?;
                let artifact = Artifact::from_bytes(body, &needs)?;
                (entity, artifact)
            }
            LayerRole::Attestations => {
                let image = self.image_digest()?;
                let entity = SignedEntity::from_attestation_layer(&layer.annotations, body)?;
                (self.with_certificate(entity)?, Artifact::from_digest(image))
            }
        };
        Ok(Evidence { origin, entity, artifact, blob: body.to_vec() })
    }

    /// The certificate that was given apart stands in for one that is missing, and for no other.
    pub(super) fn with_certificate(&self, mut entity: SignedEntity) -> Result<SignedEntity, EvidenceFault> {
        let Some(given) = &self.question.certificate else { return Ok(entity) };
        match entity.signer() {
            SignerMaterial::Certificate { leaf, .. } if **leaf == given.leaf => {}
            SignerMaterial::Unnamed => {
                let leaf = Box::new(given.leaf.clone());
                entity.set_signer(SignerMaterial::Certificate { leaf, chain: Vec::new() });
            }
            _ => return Err(Error::CertificateMismatch.into()),
        }
        if let Some(sct) = &given.sct {
            entity.set_detached_sct(sct.clone());
        }
        Ok(entity)
    }
}

fn origin(role: LayerRole, index: usize, layer: &Descriptor) -> Origin {
    Origin::Layer { role, index, digest: layer.digest.to_string() }
}
