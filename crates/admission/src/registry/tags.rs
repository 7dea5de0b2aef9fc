//! Tags to digests. A tag has no meaning for longer than it takes to ask: only what is under way is shared.

use std::sync::Arc;
use std::time::Instant;

use sigward_fetch::{Budget, Client, drive_within};
use sigward_verify::evidence::{Answer, Inquiry, Method, Need, Step, Unreachable};
use sigward_verify::image::{ImageReference, Target};
use sigward_verify::{Digest, HashAlgorithm};

use super::tenants::Tenant;
use super::turns::{Turn, Turns};
use crate::cache::{Boarding, CredentialId, Flights, Lost};
use crate::limits;

/// Why a tag has no digest. Nothing that a server wrote is in it: whoever may name an image could read through a denial
/// what a server inside the cluster answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// The registry says that there is no such tag.
    #[error("the registry does not know the tag (404)")]
    Unknown,
    /// It wants other credentials, or any.
    #[error("the registry does not let us see it ({status})")]
    Denied {
        /// 401 or 403.
        status: u16,
    },
    /// It is asked too much, or is broken.
    #[error("the registry answers with the status {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// It cannot be reached.
    #[error("the registry cannot be reached: {reason}")]
    Unreachable {
        /// In our words.
        reason: &'static str,
    },
    /// What it says of the digest cannot be right.
    #[error("the registry's answer has no digest, or another one than its content")]
    Digest,
    /// The pull secrets cannot be read.
    #[error("{0}")]
    Credentials(String),
    /// The time is over.
    #[error("the registry did not answer in time")]
    Deadline,
}

/// Asks for the meaning of tags.
#[derive(Debug, Clone)]
pub struct Tags {
    turns: Arc<Turns>,
    under_way: Flights<(String, CredentialId, String), Result<Digest, Unresolved>>,
}

impl Tags {
    /// Asks when it is its turn.
    pub fn new(turns: Arc<Turns>) -> Self {
        Self { turns, under_way: Flights::default() }
    }

    /// The digest that a tag means now.
    ///
    /// # Errors
    /// [`Unresolved`].
    pub async fn resolve(
        &self,
        reference: &ImageReference,
        tenant: &Tenant,
        namespace: &str,
        deadline: Instant,
    ) -> Result<Digest, Unresolved> {
        let passenger = match self.under_way.board(&(reference.name(), tenant.id, namespace.to_owned())) {
            Boarding::Join(passenger) => passenger,
            Boarding::Fly(ticket, passenger) => {
                let (client, reference) = (tenant.client.clone(), reference.clone());
                let (turns, namespace) = (Arc::clone(&self.turns), namespace.to_owned());
                tokio::spawn(async move {
                    let end = Instant::now().checked_add(limits::GATHER).unwrap_or(deadline);
                    let host = reference.repository().registry().host();
                    let found = match turns.take(&namespace, host, end).await {
                        Some(turn) => ask(&client, &reference, end, &turn).await,
                        None => Err(Unresolved::Deadline),
                    };
                    ticket.land(found);
                });
                passenger
            }
        };
        match passenger.arrive(deadline).await {
            Ok(found) => found,
            Err(Lost::Deadline) => Err(Unresolved::Deadline),
            Err(Lost::Crashed) => Err(Unresolved::Unreachable { reason: "internal error" }),
        }
    }
}

async fn ask(
    client: &Client,
    reference: &ImageReference,
    deadline: Instant,
    turn: &Turn,
) -> Result<Digest, Unresolved> {
    let budget = Budget { requests: 32, bytes: 16 << 20, concurrency: 1 };
    match drive_within(&mut TagInquiry::new(reference), client, deadline, budget, turn.room.clone()).await {
        Ok(digest) => Ok(digest),
        Err(sigward_fetch::DriveError::Failed(error)) => Err(error),
        Err(sigward_fetch::DriveError::Stopped(_)) => {
            Err(Unresolved::Unreachable { reason: "it takes more requests than are allowed" })
        }
    }
}

/// Every kind of manifest that an image can be.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json,application/vnd.oci.image.manifest.v1+json,\
                      application/vnd.docker.distribution.manifest.list.v2+json,\
                      application/vnd.docker.distribution.manifest.v2+json";

/// Largest manifest, as for evidence.
const MANIFEST: usize = sigward_verify::limits::MANIFEST_BYTES;

/// HEAD first: a GET counts against the pull limits of registries. The digest that it tells need not be proved here: what
/// is judged, and what runs, is asked for by it.
struct TagInquiry<'r> {
    reference: &'r ImageReference,
    asked: Option<Method>,
}

impl<'r> TagInquiry<'r> {
    fn new(reference: &'r ImageReference) -> Self {
        Self { reference, asked: None }
    }

    fn ask(&mut self, method: Method) -> Step<Digest, Unresolved> {
        self.asked = Some(method);
        let Target::Tag(tag) = self.reference.target() else { return Step::Failed(Unresolved::Digest) };
        let path = format!("manifests/{tag}");
        let mut need = Need::registry(self.reference.repository(), &path, ACCEPT, MANIFEST);
        need.method = method;
        Step::Need(vec![need])
    }
}

impl Inquiry for TagInquiry<'_> {
    type Out = Digest;
    type Error = Unresolved;

    fn step(&mut self, answers: Vec<Answer>) -> Step<Digest, Unresolved> {
        let Some(method) = self.asked else { return self.ask(Method::Head) };
        let Some(answer) = answers.into_iter().next() else { return Step::Failed(Unresolved::Digest) };
        let response = match answer.outcome {
            Ok(response) => response,
            Err(error) => return Step::Failed(unreachable(&error)),
        };
        let told = response.content_digest.as_deref().and_then(sha256_digest);
        match (method, response.status, told) {
            (Method::Head, 200, Some(digest)) => Step::Done(digest),
            // Registries that do not speak HEAD, or leave the digest out of its answer.
            (Method::Head, 200 | 400 | 405 | 406 | 501, _) => self.ask(Method::Get),
            (Method::Get, 200, told) => {
                let found = HashAlgorithm::Sha256.digest(&response.body);
                match told {
                    Some(told) if told != found => Step::Failed(Unresolved::Digest),
                    _ => Step::Done(found),
                }
            }
            (_, 404, _) => Step::Failed(Unresolved::Unknown),
            (_, status @ (401 | 403), _) => Step::Failed(Unresolved::Denied { status }),
            (_, status, _) => Step::Failed(Unresolved::Status { status }),
        }
    }
}

fn sha256_digest(text: &str) -> Option<Digest> {
    Digest::parse(text).filter(|digest| digest.algorithm() == HashAlgorithm::Sha256)
}

fn unreachable(error: &Unreachable) -> Unresolved {
    let reason = match error {
        Unreachable::Unauthorized { .. } => return Unresolved::Denied { status: 401 },
        Unreachable::TimedOut { .. } => return Unresolved::Deadline,
        Unreachable::TooLarge { .. } => "the manifest is too large",
        Unreachable::Refused { .. } => "a redirect or an address that is not allowed",
        Unreachable::Transport { reason, .. } if reason.contains("is in a network that is not asked") => {
            "it is in a network that is not asked"
        }
        Unreachable::Transport { reason, .. } if reason.contains("onnection refused") => "connection refused",
        Unreachable::Transport { .. } => "no connection, or it broke",
        _ => "no answer",
    };
    Unresolved::Unreachable { reason }
}
