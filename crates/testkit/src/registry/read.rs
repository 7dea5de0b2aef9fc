//! Manifests, blobs and tags.

use serde_json::json;

use super::route::parameter;
use super::{Blobs, State, error};
use crate::server::{Request, Response};

pub(super) fn manifest(state: &State, request: &Request, name: &str, reference: &str) -> Response {
    let Some(repository) = state.repositories.get(name) else {
        return error(404, "NAME_UNKNOWN", "repository name not known to registry");
    };
    let Some((digest, kind, bytes)) = repository.manifest(reference) else {
        return error(404, "MANIFEST_UNKNOWN", "manifest unknown");
    };
    let accept: Vec<_> = request.headers.iter().filter(|(name, _)| name == "accept").map(|(_, value)| value).collect();
    // Registries give what was stored, or nothing: a client that forgets a media type finds out here.
    if !accept.iter().any(|types| types.contains(kind) || types.contains("*/*")) {
        let message = format!("{kind} found, but the accept header does not name it");
        return error(404, "MANIFEST_UNKNOWN", &message);
    }
    Response::ok(kind, bytes).with("Docker-Content-Digest", digest)
}

pub(super) fn blob(state: &State, name: &str, digest: &str) -> Response {
    let Some(bytes) = state.repositories.get(name).and_then(|repository| repository.blobs.get(digest)) else {
        return error(404, "BLOB_UNKNOWN", "blob unknown to registry");
    };
    match state.settings.blobs {
        Blobs::Here => Response::ok("application/octet-stream", bytes.clone()).with("Docker-Content-Digest", digest),
        Blobs::Stored => {
            let location = format!("{}/{name}/{digest}?X-Amz-Signature=0123", state.storage_url);
            Response::new(307, "text/html", "").with("Location", &location)
        }
    }
}

/// What redirects of [`Blobs::Stored`] lead to.
pub(super) fn stored(state: &mut State, request: &Request) -> Response {
    // S3 takes either a signed URL or credentials, never both.
    if request.header("authorization").is_some() {
        return Response::new(400, "application/xml", "<Error><Code>InvalidArgument</Code></Error>");
    }
    let path = request.path.split('?').next().unwrap_or_default().trim_start_matches('/');
    let found = path.rsplit_once('/').and_then(|(name, digest)| state.repositories.get(name)?.blobs.get(digest));
    match found {
        Some(bytes) => Response::ok("binary/octet-stream", bytes.clone()),
        None => Response::new(403, "application/xml", "<Error><Code>AccessDenied</Code></Error>"),
    }
}

pub(super) fn tags(state: &State, request: &Request, name: &str) -> Response {
    let Some(repository) = state.repositories.get(name) else {
        return error(404, "NAME_UNKNOWN", "repository name not known to registry");
    };
    let last = parameter(&request.path, "last").unwrap_or_default();
    let size = parameter(&request.path, "n").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
    let mut tags = repository.tags.keys().filter(|tag| **tag > last).peekable();
    let page: Vec<_> = tags.by_ref().take(size).collect();
    let response = Response::json(&json!({"name": name, "tags": page}));
    match (page.last(), tags.peek()) {
        (Some(last), Some(_)) => {
            response.with("Link", &format!("</v2/{name}/tags/list?n={size}&last={last}>; rel=\"next\""))
        }
        _ => response,
    }
}
