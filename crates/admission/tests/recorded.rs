//! Reviews as a real API server sent them, and what policy-controller answered (`../shared/fixtures/admission`). Their
//! registry is gone: one that knows the recorded digests stands in for it, and where signatures were there a policy that
//! passes stands in for them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests read files, and a panic is a failed test"
)]

mod scene;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use scene::{Judged, LOOPBACK, Program, policy};
use serde_json::{Value, json};
use sigward_testkit::Key;
use sigward_testkit::server::{Response, Server};

/// The registry of the records.
const RECORDED: &str = "127.0.0.1:5055";

/// Where ours says something else, and why.
const DIFFERENCES: &[(&str, Expected)] = &[
    // Upstream does not look at image volumes.
    (
        "pod-create-multi-init-sidecar-imagevolume.validate",
        Expected::Denied("must be an image digest: spec.volumes[0].image"),
    ),
    ("pod-create-unsigned-image-volume.validate", Expected::Denied("must be an image digest: spec.volumes[0].image")),
    ("pod-create-multi-init-sidecar-imagevolume.mutate", Expected::MorePatches),
    ("pod-create-unsigned-image-volume.mutate", Expected::MorePatches),
    // The stand-in has no content for an image that nobody signed, so that it seems not to be there at all.
    ("pod-create-unsigned-digest.validate", Expected::UpTo(": no signatures found")),
    ("pod-create-unsigned-tag.validate", Expected::UpTo(": no signatures found")),
    ("deployment-update-image-unsigned.validate", Expected::UpTo(": no signatures found")),
    ("pod-ephemeralcontainers-unsigned.validate", Expected::UpTo(": no signatures found")),
    // Ours says why a tag is still one.
    ("pod-create-missing-tag.validate", Expected::AndMore),
    ("registry-down-pod-tag.validate", Expected::AndMore),
    // Ours has other words for a connection that is refused.
    ("registry-down-pod-digest.validate", Expected::UpTo(": Get \"https://")),
];

#[derive(Debug, Clone, Copy)]
enum Expected {
    Same,
    /// Denied, with this in the message.
    Denied(&'static str),
    /// The same changes, and others.
    MorePatches,
    /// The same message up to here.
    UpTo(&'static str),
    /// The same message, and more.
    AndMore,
}

fn records() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/admission");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is not there", folder.display());
    None
}

fn read(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

/// The digest of each tag that a recorded patch names.
fn digests(folder: &Path, names: &[String]) -> BTreeMap<String, String> {
    let mut digests = BTreeMap::new();
    for name in names {
        let answer = read(folder, &format!("{name}.response.json"));
        let Some(patch) = answer["response"]["patch"].as_str() else { continue };
        let patch = base64::engine::general_purpose::STANDARD.decode(patch).unwrap();
        let patch: Value = serde_json::from_slice(&patch).unwrap();
        for operation in patch.as_array().into_iter().flatten() {
            let image = operation["value"].as_str().unwrap().strip_prefix(RECORDED).unwrap();
            let (tag, digest) = image.split_once('@').unwrap();
            let (repository, tag) = tag.rsplit_once(':').unwrap();
            digests.insert(format!("/v2{repository}/manifests/{tag}"), digest.to_owned());
        }
    }
    digests
}

fn start(folder: &Path, host: &str) -> Program {
    let key = Key::default().public_pem();
    let passes =
        policy("signed-by-key", &[&format!("{host}/app/**")], json!([{"name": "k", "static": {"action": "pass"}}]));
    let unsigned =
        policy("unsigned-key", &[&format!("{host}/unsigned/**")], json!([{"name": "k", "key": {"data": key}}]));
    std::fs::write(folder.join("passes.json"), passes.to_string()).unwrap();
    std::fs::write(folder.join("unsigned.json"), unsigned.to_string()).unwrap();
    Program::start(folder, LOOPBACK)
}

#[test]
fn recorded_reviews() {
    let Some(records) = records() else { return };
    let mut names: Vec<String> = std::fs::read_dir(&records)
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".request.json")?.to_owned()))
        .collect();
    names.sort();
    assert!(names.len() > 30, "{names:?}");
    let digests = digests(&records, &names);
    let registry = Server::start(move |request| match digests.get(&request.path) {
        Some(digest) => {
            Response::ok("application/vnd.oci.image.manifest.v1+json", "").with("Docker-Content-Digest", digest)
        }
        None => Response::not_found(),
    });
    let host = registry.address().to_string();
    let (up, down) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let program = start(up.path(), &host);
    // Where the registry was down, a policy by key is for its images.
    let nobody = "127.0.0.1:9";
    let gone = start(down.path(), nobody);
    let key = Key::default().public_pem();
    let by_key = policy("signed-by-key", &[&format!("{nobody}/app/**")], json!([{"name": "k", "key": {"data": key}}]));
    std::fs::write(down.path().join("passes.json"), by_key.to_string()).unwrap();
    gone.wait_for("policies-in-force", |line| line["number"].as_u64() > Some(1));
    for name in &names {
        let (program, host) =
            if name.starts_with("registry-down") { (&gone, nobody) } else { (&program, host.as_str()) };
        let path = if name.ends_with(".mutate") { "/mutations?timeout=10s" } else { "/validations?timeout=10s" };
        let ask = |file: &str| -> Value {
            let text = std::fs::read_to_string(records.join(file)).unwrap().replace(RECORDED, host);
            serde_json::from_str(&text).unwrap()
        };
        let answer = Judged::of(program.post(path, &ask(&format!("{name}.request.json"))));
        let mut recorded = ask(&format!("{name}.response.json"));
        if recorded["response"]["patch"].is_null() {
            recorded["response"].as_object_mut().unwrap().remove("patch");
        }
        let recorded = Judged::of(recorded);
        let expected = DIFFERENCES.iter().find(|(known, _)| known == name).map_or(Expected::Same, |(_, it)| *it);
        compare(name, host, &answer, &recorded, expected);
    }
    for (name, _) in DIFFERENCES {
        assert!(names.iter().any(|known| known == name), "{name} is no record");
    }
}

fn compare(name: &str, host: &str, answer: &Judged, recorded: &Judged, expected: Expected) {
    assert_eq!(answer.review["response"]["uid"], recorded.review["response"]["uid"], "{name}");
    let patch: Value = serde_json::from_str(&recorded.patch.to_string().replace(RECORDED, host)).unwrap();
    match expected {
        Expected::Denied(text) => {
            answer.assert_denied(text);
            return;
        }
        Expected::MorePatches => {
            let (ours, theirs) = (answer.patch.as_array().cloned().unwrap_or_default(), patch.as_array().cloned());
            let theirs = theirs.unwrap_or_default();
            assert!(answer.allowed && theirs.iter().all(|it| ours.contains(it)), "{name}: {}", answer.patch);
            return;
        }
        Expected::UpTo(end) => {
            let begin = recorded.message.split(end).next().unwrap();
            assert!(answer.message.starts_with(begin), "{name}: {} beside {begin}", answer.message);
        }
        Expected::AndMore => {
            assert!(answer.message.starts_with(&recorded.message), "{name}: {}", answer.message);
        }
        Expected::Same => {
            assert_eq!(answer.message, recorded.message, "{name}");
            assert_eq!(answer.patch, patch, "{name}");
        }
    }
    assert_eq!(answer.allowed, recorded.allowed, "{name}");
}
