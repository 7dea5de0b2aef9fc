//! What a tag means: asked once, and everything after it is asked by digest.

use sigward_verify::evidence::{Answer, Inquiry, Need, Step, Unreachable};
use sigward_verify::image::{ImageReference, Target};
use sigward_verify::limits::MANIFEST_BYTES;
use sigward_verify::{Digest, HashAlgorithm};

/// Every kind of manifest that an image can be.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json,application/vnd.oci.image.manifest.v1+json,\
                      application/vnd.docker.distribution.manifest.list.v2+json,\
                      application/vnd.docker.distribution.manifest.v2+json";

/// Why a tag has no digest.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TagError {
    /// The name has no tag.
    #[error("the name has no tag")]
    NoTag,
    /// The registry does not know it.
    #[error("image tag not found: GET {url}: unexpected status code {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The registry tells one digest, and its content has another one.
    #[error("the registry tells the digest {told} for content with the digest {found}")]
    Digest {
        /// The header's digest.
        told: String,
        /// The content's.
        found: Digest,
    },
    /// There was no answer.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// There was no answer, and no reason either.
    #[error("no answer")]
    NoAnswer,
}

/// Asks for the manifest of a tag.
#[derive(Debug)]
pub struct TagInquiry<'r> {
    reference: &'r ImageReference,
    asked: Option<String>,
}

impl<'r> TagInquiry<'r> {
    /// For this image.
    pub fn new(reference: &'r ImageReference) -> Self {
        Self { reference, asked: None }
    }
}

impl Inquiry for TagInquiry<'_> {
    type Out = Digest;
    type Error = TagError;

    fn step(&mut self, answers: Vec<Answer>) -> Step<Digest, TagError> {
        let Some(url) = &self.asked else {
            let Target::Tag(tag) = self.reference.target() else { return Step::Failed(TagError::NoTag) };
            let need = Need::registry(self.reference.repository(), &format!("manifests/{tag}"), ACCEPT, MANIFEST_BYTES);
            self.asked = Some(need.url.clone());
            return Step::Need(vec![need]);
        };
        match answers.into_iter().next().map(|answer| answer.outcome) {
            None => Step::Failed(TagError::NoAnswer),
            Some(Err(error)) => Step::Failed(error.into()),
            Some(Ok(response)) if response.status != 200 => {
                Step::Failed(TagError::Status { url: url.clone(), status: response.status })
            }
            Some(Ok(response)) => {
                // The digest is that of the content, whatever the header says; but who tells another one is not right.
                let found = HashAlgorithm::Sha256.digest(&response.body);
                match response.content_digest {
                    Some(told) if told.starts_with("sha256:") && told != found.to_string() => {
                        Step::Failed(TagError::Digest { told, found })
                    }
                    _ => Step::Done(found),
                }
            }
        }
    }
}
