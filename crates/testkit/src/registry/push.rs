//! What `cosign sign` and other clients write.

use super::referrers::ReferrersApi;
use super::route::parameter;
use super::{State, error};
use crate::image::digest_like;
use crate::server::{Request, Response};

pub(super) fn manifest(state: &mut State, request: &Request, name: &str, reference: &str) -> Response {
    let found = digest_like(reference, &request.body);
    if reference.contains(':') && reference != found {
        return error(400, "DIGEST_INVALID", &format!("expected {reference}, found {found}"));
    }
    if serde_json::from_slice::<serde_json::Value>(&request.body).is_err() {
        return error(400, "MANIFEST_INVALID", "the manifest is no JSON");
    }
    let repository = state.repositories.entry(name.to_owned()).or_default();
    let (found, subject) =
        repository.put_pushed_manifest(reference, request.header("content-type"), request.body.clone());
    if !reference.contains(':') {
        repository.tags.insert(reference.to_owned(), found.clone());
    }
    let response = created(&format!("/v2/{name}/manifests/{found}"), &found);
    match (subject, &state.settings.referrers) {
        // This header tells a client that it need not write the fallback tag.
        (Some(subject), ReferrersApi::Present(_)) => response.with("OCI-Subject", &subject),
        _ => response,
    }
}

pub(super) fn delete(state: &mut State, name: &str, reference: &str) -> Response {
    let Some(repository) = state.repositories.get_mut(name) else {
        return error(404, "NAME_UNKNOWN", "repository name not known to registry");
    };
    if !reference.contains(':') {
        repository.tags.remove(reference);
    } else {
        repository.manifests.remove(reference);
        repository.tags.retain(|_, name| name != reference);
        for referrers in repository.referrers.values_mut() {
            referrers.retain(|referrer| referrer.digest != reference);
        }
    }
    Response::new(202, "text/plain", "")
}

/// A blob in one request (POST with its digest, or POST and PUT), or in chunks (POST, PATCH …, PUT).
pub(super) fn upload(state: &mut State, request: &Request, name: &str, id: &str) -> Response {
    match (request.method.as_str(), id) {
        ("POST", "") => begin(state, request, name),
        (_, "") => error(405, "UNSUPPORTED", "the operation is unsupported"),
        (method, id) => {
            let Some(so_far) = state.uploads.get_mut(id) else {
                return error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
            };
            let start = request.header("content-range").and_then(|range| range.split('-').next()?.parse().ok());
            if start.is_some_and(|start: usize| start != so_far.len()) {
                return progress(416, name, id, so_far.len());
            }
            so_far.extend_from_slice(&request.body);
            let len = so_far.len();
            match method {
                "PUT" => {
                    let bytes = state.uploads.remove(id).unwrap_or_default();
                    finish(state, request, name, bytes)
                }
                "GET" => progress(204, name, id, len),
                _ => progress(202, name, id, len),
            }
        }
    }
}

fn begin(state: &mut State, request: &Request, name: &str) -> Response {
    if parameter(&request.path, "digest").is_some() {
        return finish(state, request, name, request.body.clone());
    }
    let (mount, from) = (parameter(&request.path, "mount"), parameter(&request.path, "from"));
    if let (Some(mount), Some(from)) = (mount, from)
        && let Some(bytes) = state.repositories.get(&from).and_then(|repository| repository.blobs.get(&mount).cloned())
    {
        state.repositories.entry(name.to_owned()).or_default().blobs.insert(mount.clone(), bytes);
        return created(&format!("/v2/{name}/blobs/{mount}"), &mount);
    }
    state.last_upload += 1;
    let id = state.last_upload.to_string();
    state.uploads.insert(id.clone(), Vec::new());
    progress(202, name, &id, 0)
}

fn finish(state: &mut State, request: &Request, name: &str, bytes: Vec<u8>) -> Response {
    let wanted = parameter(&request.path, "digest").unwrap_or_default();
    let found = digest_like(&wanted, &bytes);
    if wanted != found {
        return error(400, "DIGEST_INVALID", &format!("expected {wanted}, found {found}"));
    }
    state.repositories.entry(name.to_owned()).or_default().blobs.insert(found.clone(), bytes);
    created(&format!("/v2/{name}/blobs/{found}"), &found)
}

fn created(location: &str, digest: &str) -> Response {
    Response::new(201, "text/plain", "").with("Location", location).with("Docker-Content-Digest", digest)
}

fn progress(status: u16, name: &str, id: &str, len: usize) -> Response {
    Response::new(status, "text/plain", "")
        .with("Location", &format!("/v2/{name}/blobs/uploads/{id}"))
        .with("Range", &format!("0-{}", len.saturating_sub(1)))
        .with("Docker-Upload-UUID", id)
}
