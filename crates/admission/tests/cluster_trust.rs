//! Trust roots through a real API server: a TUF repository as an archive in the object, and one behind a mirror that goes
//! away, changes and comes back.

#![allow(
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests; a panic is a failed test"
)]

mod cluster_scene;
mod control_plane;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cluster_scene::policies::policy;
use cluster_scene::{SYSTEM, Scene, pod};
use serde_json::{Value, json};
use sigward_testkit::{EvidenceLayer, FileServer, IDENTITY, ISSUER, Sigstore, TufRepo, gzip};

const COSIGN: &str = "https://cosign.sigstore.dev/attestation/v1";

fn trust_root(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "TrustRoot", "metadata": {"name": name}, "spec": spec})
}

/// Keyless, with an attestation, by this trust root.
fn by(root: &str) -> Value {
    json!({
        "name": "keyless",
        "keyless": {"trustRootRef": root, "url": "https://fulcio.sigstore.test",
                    "identities": [{"issuer": ISSUER, "subject": IDENTITY}]},
        "ctlog": {"trustRootRef": root, "url": "https://rekor.sigstore.test"},
        "attestations": [{"name": "must-have", "predicateType": COSIGN}],
    })
}

/// An archive as `tar` makes it, with the folder around the files that TUF's tools put there.
fn archive(repository: &TufRepo) -> Vec<u8> {
    let mut tar = Vec::new();
    for (path, bytes) in &repository.files {
        let mut header = [0_u8; 512];
        // The folder is the prefix: together they are longer than a name may be.
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[345..355].copy_from_slice(b"repository");
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend_from_slice(&header);
        tar.extend_from_slice(bytes);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    gzip::pack(&tar)
}

#[test]
fn a_repository_in_the_object_and_one_behind_a_mirror() {
    let Some(scene) = Scene::start() else { return };
    let mut repository = TufRepo::lasting(&scene.sigstore.trusted_root().to_json());
    let image = scene.image("row29");
    let inline = json!({"repository": {
        "root": STANDARD.encode(repository.initial_root()),
        "mirrorFS": STANDARD.encode(archive(&repository)),
        "targets": "targets",
    }});
    scene.plane.apply(&trust_root("inline", &inline).to_string());
    scene.policy(&policy("inline", &image.name(), &json!([by("inline")])));
    scene.denies(&pod("none", &image.by_digest()), "no matching attestations");
    let attestation = image.attestation(COSIGN, &json!({}));
    image.attest(&[EvidenceLayer::unlogged(&attestation)]);
    scene.denies(&pod("unlogged", &image.by_digest()), "no matching attestations");
    image.attest(&[EvidenceLayer::of(&attestation)]);
    scene.admits(&pod("inline", &image.by_digest()));

    let mirror = FileServer::start(repository.files.clone());
    let remote = json!({"remote": {"root": STANDARD.encode(repository.initial_root()), "mirror": mirror.url()}});
    scene.plane.apply(&trust_root("remote", &remote).to_string());
    ready(&scene, "remote");
    scene.policy(&policy("remote", &image.name(), &json!([by("remote")])));
    scene.admits(&pod("remote", &image.by_digest()));

    // The mirror goes: what was fetched stays in use, also for what is asked anew.
    drop(mirror);
    let other = scene.image("row29-other");
    other.attest(&[EvidenceLayer::of(&other.attestation(COSIGN, &json!({})))]);
    scene.admits(&pod("without-mirror", &other.by_digest()));

    // Another instance's root under the same name: the object is what counts, not what was fetched before.
    let stranger = Sigstore::new();
    repository.set_target("trusted_root.json", stranger.trusted_root().to_json().as_bytes());
    let changed = json!({"repository": {
        "root": STANDARD.encode(repository.initial_root()),
        "mirrorFS": STANDARD.encode(archive(&repository)),
    }});
    let before = published(&scene, "inline");
    scene.plane.apply(&trust_root("inline", &changed).to_string());
    scene.plane.until(&format!("-n {SYSTEM} configmap/config-sigstore-keys"), "other keys", |map| {
        map["data"]["inline"].is_string() && map["data"]["inline"] != before
    });
    scene.denies(&pod("other-keys", &image.by_digest()), "failed policy: inline");
}

fn published(scene: &Scene, name: &str) -> Value {
    scene.plane.object(&format!("-n {SYSTEM} configmap/config-sigstore-keys"))["data"][name].clone()
}

fn ready(scene: &Scene, name: &str) {
    scene.plane.until(&format!("trustroots/{name}"), "the trust root to be ready", |it| {
        let conditions = it["status"]["conditions"].as_array();
        conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
    });
}
