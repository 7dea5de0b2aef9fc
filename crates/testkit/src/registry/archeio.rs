//! registry.k8s.io: everything is a redirect, signatures to another place than images.

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::route::Route;
use super::{Counts, OciRegistry, count, error};
use crate::image::Artifact;
use crate::image_evidence::EvidenceLayer;
use crate::server::{Request, Response, Server, lock};

/// Where the upstream registries keep what the front calls `NAME`.
const PREFIX: &str = "k8s-artifacts-prod/images";

/// Where the front sends requests for referrers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReferrersRoute {
    /// To the upstream of signatures.
    #[default]
    Signatures,
    /// To the regional upstream, as any other request.
    Regional,
    /// Nowhere: 404.
    Unknown,
}

/// A front as archeio, with the two registries behind it. It is also the [`Server`] of the front.
///
/// Images are on the regional upstream alone, signatures on theirs alone: a payload asked for by digest is sent to the
/// regional one, which does not have it, until [`Archeio::replicate`].
#[derive(Debug)]
pub struct Archeio {
    front: Server,
    /// Has `.sig` and `.att` manifests, their layers, and referrers.
    pub signatures: OciRegistry,
    /// Has images, and signatures once they are replicated.
    pub regional: OciRegistry,
    referrers: Arc<Mutex<ReferrersRoute>>,
}

impl Archeio {
    /// A front and two empty registries.
    pub fn start() -> Self {
        let (signatures, regional) = (OciRegistry::start(), OciRegistry::start());
        let upstreams = [signatures.url(), regional.url()];
        let referrers = Arc::new(Mutex::new(ReferrersRoute::default()));
        let route = Arc::clone(&referrers);
        let front = Server::start(move |request| redirect(request, &upstreams, *lock(&route)));
        Self { front, signatures, regional, referrers }
    }

    /// `127.0.0.1:PORT/NAME`.
    pub fn name(&self, repository: &str) -> String {
        format!("{}/{repository}", self.front.address())
    }

    /// Where the front sends requests for referrers from now on.
    pub fn route_referrers(&self, route: ReferrersRoute) {
        *lock(&self.referrers) = route;
    }

    /// Stores an image under a tag; gives the reference by digest.
    pub fn push(&self, name: &str, tag: &str, image: &Artifact) -> String {
        self.regional.push(&format!("{PREFIX}/{name}"), tag, image);
        format!("{}@{}", self.name(name), image.digest())
    }

    /// Attaches legacy signatures.
    pub fn sign(&self, name: &str, image: &Artifact, layers: &[EvidenceLayer]) {
        self.signatures.sign(&format!("{PREFIX}/{name}"), image, layers);
    }

    /// Attaches a referrer, such as a promotion record.
    pub fn refer(&self, name: &str, referrer: &Artifact) {
        self.signatures.refer(&format!("{PREFIX}/{name}"), referrer);
    }

    /// Copies a name's signatures and referrers to the regional upstream.
    pub fn replicate(&self, name: &str) {
        let name = format!("{PREFIX}/{name}");
        let copy = self.signatures.repository(&name, |repository| repository.clone());
        self.regional.repository(&name, |repository| {
            repository.blobs.extend(copy.blobs);
            repository.manifests.extend(copy.manifests);
            repository.tags.extend(copy.tags);
            repository.referrers.extend(copy.referrers);
        });
    }

    /// What was asked of the front. What its redirects cost is in the counts of the two upstreams.
    pub fn counts(&self) -> Counts {
        count(&self.front)
    }

    /// Forgets all requests.
    pub fn clear_counts(&self) {
        self.front.clear_log();
        self.signatures.clear_counts();
        self.regional.clear_counts();
    }

    /// Requests that followed a redirect.
    pub fn hops(&self) -> usize {
        self.signatures.count() + self.regional.count()
    }
}

impl Deref for Archeio {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.front
    }
}

fn redirect(request: &Request, [signatures, regional]: &[String; 2], referrers: ReferrersRoute) -> Response {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return error(405, "UNSUPPORTED", "only GET and HEAD");
    }
    let upstream = match Route::of(&request.path) {
        Route::Ping => return Response::json(&json!({})),
        Route::Manifest { reference, .. } if is_attachment(reference) => signatures,
        Route::Referrers { .. } => match referrers {
            ReferrersRoute::Signatures => signatures,
            ReferrersRoute::Regional => regional,
            ReferrersRoute::Unknown => return error(404, "NOT_FOUND", "no such address"),
        },
        Route::Manifest { .. } | Route::Blob { .. } | Route::Tags { .. } => regional,
        Route::Upload { .. } | Route::Token | Route::Other => return error(404, "NOT_FOUND", "no such address"),
    };
    let rest = request.path.strip_prefix("/v2/").unwrap_or_default();
    Response::new(307, "text/html", "").with("Location", &format!("{upstream}/v2/{PREFIX}/{rest}"))
}

/// `sha256-HEX.sig` or `.att`.
fn is_attachment(tag: &str) -> bool {
    let digest = tag.strip_suffix(".sig").or_else(|| tag.strip_suffix(".att"));
    let hex = digest.and_then(|digest| digest.strip_prefix("sha256-"));
    hex.is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
