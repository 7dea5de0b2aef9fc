//! Attacks on images and registries: one function each.

use crate::fault::{Fault, FaultKind};
use crate::gzip;
use crate::image::{Artifact, digest};
use crate::image_evidence::{EvidenceLayer, annotation};
use crate::repository::Repository;
use crate::server::Response;

/// One bit of the body differs.
pub fn flipped(path: &str) -> Fault {
    Fault::change(path, |mut response| {
        if let Some(byte) = response.body.last_mut() {
            *byte ^= 1;
        }
        response
    })
}

/// So many surplus bytes: the body is longer than its descriptor says.
pub fn longer(path: &str, surplus: usize) -> Fault {
    Fault::change(path, move |mut response| {
        response.body.resize(response.body.len() + surplus, b' ');
        response
    })
}

/// Another `Content-Type`.
pub fn content_type(path: &str, kind: &str) -> Fault {
    header(path, "Content-Type", kind)
}

/// Another `Docker-Content-Digest`.
pub fn digest_header(path: &str, digest: &str) -> Fault {
    header(path, "Docker-Content-Digest", digest)
}

/// Another value of a header.
pub fn header(path: &str, name: &str, value: &str) -> Fault {
    let (name, value) = (name.to_owned(), value.to_owned());
    Fault::change(path, move |mut response| {
        response.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(&name));
        response.with(&name, &value)
    })
}

/// The right body under `Content-Encoding: gzip`, which nobody asked for.
pub fn gzipped(path: &str) -> Fault {
    Fault::change(path, |mut response| {
        response.body = gzip::pack(&response.body);
        response.with("Content-Encoding", "gzip")
    })
}

/// A body that unpacks to about `size` zeros.
pub fn gzip_bomb(path: &str, size: usize) -> Fault {
    let body = gzip::bomb(size);
    Fault::change(path, move |mut response| {
        response.body.clone_from(&body);
        response.with("Content-Encoding", "gzip")
    })
}

/// From its second request on, a tag means another manifest (CVE-2022-47633).
pub fn moved_tag(repository: &str, tag: &str, to: &Artifact) -> Fault {
    let answer =
        Response::ok(to.manifest.served_as(), to.manifest.to_json()).with("Docker-Content-Digest", &to.digest());
    let fault = Fault::new(&format!("/v2/{repository}/manifests/{tag}"), FaultKind::Answer(answer));
    Fault { skip: 1, ..fault }
}

/// Under the digest of an index' n-th image there is another one.
pub fn swapped_platform(repository: &mut Repository, index: &Artifact, nth: usize, other: &Artifact) {
    repository.push(other);
    repository.corrupt(&index.platforms[nth].digest(), other.manifest.to_json());
}

/// One document that is an image to some readers and an index to others (GHSA-5j5w-9665-c92f).
pub fn ambiguous(image: &Artifact, index: &Artifact) -> Artifact {
    let mut both = image.clone();
    both.manifest.manifests.clone_from(&index.manifest.manifests);
    both.platforms.clone_from(&index.platforms);
    both
}

/// A layer says that it has so many bytes (CVE-2024-29902).
pub fn declared_size(artifact: &mut Artifact, layer: usize, size: u64) {
    artifact.manifest.layers_mut()[layer].size = size;
}

/// A layer without its signature annotation.
pub fn unsigned_layer(layer: &EvidenceLayer) -> EvidenceLayer {
    layer.clone().without(annotation::SIGNATURE)
}

/// So many layers, each of another digest, none signed rightly (CVE-2023-46737, CVE-2024-29903).
pub fn many_layers(layer: &EvidenceLayer, count: usize) -> Vec<EvidenceLayer> {
    let number = |at: usize| {
        let mut layer = layer.clone();
        layer.payload.extend_from_slice(format!(" {at}").as_bytes());
        layer
    };
    (0..count).map(number).collect()
}

/// Somebody else's payload under this signature: the descriptor fits, the signature does not.
pub fn other_payload(layer: &EvidenceLayer, payload: &[u8]) -> EvidenceLayer {
    EvidenceLayer { payload: payload.to_vec(), ..layer.clone() }
}

/// A referrer that names another image as its subject than its statement does.
pub fn other_subject(referrer: &Artifact, subject: &Artifact) -> Artifact {
    let mut moved = referrer.clone();
    moved.manifest.subject = Some(subject.descriptor());
    moved
}

/// The digest of nothing that any registry here has.
pub fn unknown_digest() -> String {
    digest(b"nothing")
}
