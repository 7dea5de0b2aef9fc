//! `policy test --record` and `--replay`: a recording is evidence, and is verified like all other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod images_scene;
mod policy_scene;
mod support;

use images_scene::{NAME, SLSA, Scene};
use policy_scene::{Policies, digest_pod, keyless, policy, trust_root, with_policy};
use serde_json::{Value, json};
use sigward_testkit::registry::Settings;
use sigward_testkit::text::{b64, unb64};
use sigward_testkit::{EvidenceLayer, ISSUER};

const RECORD: &str = "--policy p.yaml --resource pod.yaml --output json";

/// A signed image, policies for it that ask for all kinds of evidence, and a recording of a test.
struct Recorded {
    scene: Scene,
    all: Value,
    recording: Value,
}

impl Recorded {
    fn new() -> Self {
        let scene = Scene::keyed(Settings::default());
        let predicate = (SLSA, json!({"builder": {"id": "b"}}));
        let signed = scene.sigstore.attest_image_with_key(NAME, &scene.image, predicate, &scene.key);
        scene.registry.attest("app", &scene.image, &[EvidenceLayer::unlogged(&signed)]);
        // Where one form is wanted, bad evidence is not looked for in the other one, which the recording has not.
        let key = json!({"key": {"data": scene.key.public_pem()}, "signatureFormat": "legacy"});
        let mut attested = key.clone();
        attested["attestations"] = json!([{"name": "a", "predicateType": SLSA}]);
        let rego = "package sigstore\nisCompliant { input.config[\"linux/amd64\"].os == \"linux\" }";
        let mut with_config = with_policy(policy("signed", "**", json!([key])), "rego", rego);
        with_config["spec"]["policy"]["fetchConfigFile"] = true.into();
        let policies = Policies(&scene);
        policies.put("p.yaml", &[with_config, policy("attested", "**", json!([attested]))]);
        policies.put("pod.yaml", &[digest_pod(&[&scene.by_tag()])]);
        let run = policies.test(&format!("{RECORD} --record r.json"));
        assert_eq!(run.code, 0, "{run:?}");
        let all = run.json();
        let recording = serde_json::from_slice(&std::fs::read(scene.place.path("work/r.json")).unwrap()).unwrap();
        Self { scene, all, recording }
    }

    fn policies(&self) -> Policies<'_> {
        Policies(&self.scene)
    }

    fn put(&self, recording: &Value) {
        self.scene.place.put("r.json", recording.to_string());
    }

    /// Where the body of the answer is whose request ends so.
    fn exchange(&self, is_it: impl Fn(&str, &[u8]) -> bool) -> usize {
        let exchanges = self.recording["exchanges"].as_array().unwrap();
        let position = exchanges.iter().position(|exchange| {
            let body = exchange["answer"]["response"]["body"].as_str().unwrap_or_default();
            is_it(exchange["request"]["url"].as_str().unwrap(), &unb64(body))
        });
        position.unwrap()
    }
}

/// The same result, and nobody is asked.
#[test]
fn replay_gives_the_same_without_a_network() {
    let recorded = Recorded::new();
    recorded.scene.registry.clear_counts();
    let run = recorded.policies().test(&format!("{RECORD} --replay r.json"));
    assert_eq!((run.code, run.json()), (0, recorded.all.clone()), "{run:?}");
    assert_eq!(recorded.scene.counts().logical(), 0);
    assert_eq!(recorded.scene.counts().pings, 0);
}

#[test]
fn a_denial_is_recorded_too() {
    let scene = Scene::new();
    let policies = Policies(&scene);
    policies.put("p.yaml", &[policy("p", "**", json!([{"key": {"data": scene.key.public_pem()}}]))]);
    let image = scene.by_digest();
    let run = policies.test(&format!("--policy p.yaml --image {image} --record r.json"));
    assert_eq!(run.code, 1, "{run:?}");
    let again = policies.test(&format!("--policy p.yaml --image {image} --replay r.json"));
    assert_eq!((again.code, again.out), (1, run.out));
}

/// Whoever writes the file cannot make evidence: each byte that counts is bound to a digest, and digests to signatures.
#[test]
fn attack_a_tampered_recording_denies() {
    let recorded = Recorded::new();
    let is_manifest = |body: &[u8]| body.windows(9).any(|part| part == b"signature");
    let payload = recorded.exchange(|url, body| url.contains("/blobs/") && body.starts_with(b"{\"critical\""));
    let signatures = recorded.exchange(|url, body| url.ends_with(".sig") && is_manifest(body));
    let statement =
        recorded.exchange(|url, body| url.contains("/blobs/") && body.windows(11).any(|p| p == b"payloadType"));
    let image = recorded.exchange(|url, _| url.ends_with("/manifests/v1"));
    let config = recorded.exchange(|url, body| url.contains("/blobs/") && body.windows(5).any(|part| part == b"linux"));
    for place in [payload, signatures, statement, image, config] {
        let mut forged = recorded.recording.clone();
        let body = &mut forged["exchanges"][place]["answer"]["response"]["body"];
        let mut bytes = unb64(body.as_str().unwrap());
        // In a manifest of signatures the byte is one of the signature.
        let marker = b"dev.cosignproject.cosign/signature\":\"";
        let signature = bytes.windows(marker.len()).position(|part| part == marker);
        let at = signature.map_or(bytes.len() / 2, |start| start + marker.len() + 20);
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        *body = b64(&bytes).into();
        recorded.put(&forged);
        let run = recorded.policies().test(&format!("{RECORD} --replay r.json"));
        assert_eq!(run.code, 1, "{}: {run:?}", forged["exchanges"][place]["request"]);
        let verdict = run.json();
        assert!(verdict["allowed"] == false && !verdict["errors"].as_array().unwrap().is_empty(), "{verdict}");
    }
}

/// Part of the evidence might give another verdict than all of it.
#[test]
fn attack_a_recording_that_lacks_an_answer_is_refused() {
    let recorded = Recorded::new();
    for place in 0..recorded.recording["exchanges"].as_array().unwrap().len() {
        let mut cut = recorded.recording.clone();
        let removed = cut["exchanges"].as_array_mut().unwrap().remove(place);
        recorded.put(&cut);
        let run = recorded.policies().test(&format!("{RECORD} --replay r.json"));
        let url = removed["request"]["url"].as_str().unwrap();
        run.failed("the recording has no answer to ").said(url);
    }
}

#[test]
fn files_that_are_no_recordings() {
    let recorded = Recorded::new();
    let change = |path: &str, value: Value| {
        let mut changed = recorded.recording.clone();
        *changed.pointer_mut(path).unwrap() = value;
        changed
    };
    let twice = {
        let mut twice = recorded.recording.clone();
        let first = twice["exchanges"][0].clone();
        twice["exchanges"].as_array_mut().unwrap().push(first);
        twice
    };
    for (recording, text) in [
        (json!({}), "not a recording: missing field"),
        (json!([]), "not a recording"),
        (change("/format", "sigward-evidence/v9".into()), "its format is \"sigward-evidence/v9\""),
        (change("/exchanges/0/answer", json!({"host": "", "authenticated": false})), "expected a response"),
        (change("/exchanges/0/answer/response/body", "%".into()), "its body is no base64"),
        (change("/exchanges/0/answer", json!({"verdict": "pass"})), "unknown field `verdict`"),
        (twice, "it is answered more than once"),
    ] {
        recorded.put(&recording);
        recorded.policies().test(&format!("{RECORD} --replay r.json")).failed(text);
    }
    recorded.policies().test(&format!("{RECORD} --replay missing.json")).failed("open missing.json: no such file");
}

/// Trust is not recorded: the same evidence under another root is refused.
#[test]
fn attack_a_recording_brings_no_trust() {
    let scene = Scene::signed();
    let policies = Policies(&scene);
    let mut authority = keyless(Some("own"), ISSUER);
    authority["signatureFormat"] = "legacy".into();
    policies.put("p.yaml", &[policy("p", "**", json!([authority]))]);
    policies.put("root.yaml", &[trust_root("own", &scene.sigstore)]);
    let words = format!("--policy p.yaml --trustroot root.yaml --image {}", scene.by_digest());
    assert_eq!(policies.test(&format!("{words} --record r.json")).code, 0);
    assert_eq!(policies.test(&format!("{words} --replay r.json")).code, 0);
    policies.put("root.yaml", &[trust_root("own", &sigward_testkit::Sigstore::new())]);
    policies.denies(&format!("{words} --replay r.json"), "no matching signatures");
}

/// Nothing that was shown to a registry is in the file.
#[test]
fn recordings_hold_no_credentials() {
    let auth = sigward_testkit::registry::Auth::Basic { user: "jane".into(), password: "s3cret".into() };
    let scene = Scene::keyed(Settings { auth, ..Settings::default() });
    scene.log_in(&json!({"username": "jane", "password": "s3cret"}));
    let policies = Policies(&scene);
    policies.put("p.yaml", &[policy("p", "**", json!([{"key": {"data": scene.key.public_pem()}}]))]);
    let words = format!("--policy p.yaml --image {}", scene.by_digest());
    assert_eq!(policies.test(&format!("{words} --record r.json")).code, 0);
    let text = std::fs::read_to_string(scene.place.path("work/r.json")).unwrap();
    for secret in ["jane", "s3cret", &b64("jane:s3cret"), "config.json"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(text.contains("\"authenticated\": true"));
    assert_eq!(policies.test(&format!("{words} --replay r.json")).code, 0);
}
