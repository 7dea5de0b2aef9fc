//! Trust material: given, of TrustRoots, and what becomes of it when it changes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod scene;

use std::time::Duration;

use base64::Engine as _;
use scene::{Scene, create, pod, policy};
use serde_json::{Value, json};
use sigward_testkit::fault::Fault;
use sigward_testkit::{Artifact, EvidenceLayer, IDENTITY, ISSUER, Leaf, Sigstore, TufRepo};

/// An image of the registry, signed by the default signer; its name by digest.
fn signed(scene: &Scene, name: &str) -> String {
    let image = Artifact::image(name);
    let by_digest = scene.registry.push(name, "v1", &image);
    let signed = scene.sigstore.sign_image(&format!("registry.test/{name}"), &image, Leaf::default());
    scene.registry.sign(name, &image, &[EvidenceLayer::of(&signed)]);
    by_digest
}

fn keyless(scene: &Scene, more: Value) -> Value {
    let mut keyless = json!({"identities": [{"issuer": ISSUER, "subject": IDENTITY}]});
    keyless.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    policy("keyless", &[&format!("{}/app/**", scene.registry.host())], json!([{"name": "a", "keyless": keyless}]))
}

fn trust_root(sigstore: &Sigstore, chain: &str) -> Value {
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let log = |url: &str, pem: &str| json!([{"baseURL": url, "hashAlgorithm": "sha-256", "publicKey": base64(pem)}]);
    json!({"apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "TrustRoot", "metadata": {"name": "own"},
    "spec": {"sigstoreKeys": {
        "certificateAuthorities": [{"subject": {"organization": "o", "commonName": "c"}, "uri": "https://f.test",
            "certChain": base64(chain)}],
        "tLogs": log("https://rekor.test", &sigstore.rekor_pem()),
        "ctLogs": log("https://ct.test", &sigstore.ct_pem()),
    }}})
}

#[test]
fn given_trust_material_is_that_of_the_public_instance() {
    let scene = Scene::new();
    scene.put("policy", &keyless(&scene, json!({"url": "https://fulcio.sigstore.dev"})));
    let image = signed(&scene, "app/one");
    // By what is embedded this signer is nobody.
    scene.start().validate(create(pod(&[&image]))).assert_denied("failed policy: keyless");
    let file = scene.folder.path().join("trusted_root.txt");
    std::fs::write(&file, scene.sigstore.trusted_root().to_json()).unwrap();
    let program = scene.start_with(&["--trusted-root", file.to_str().unwrap()]);
    program.validate(create(pod(&[&image]))).assert_allowed();
}

/// Proofs are kept under the trust material too: what another root vouched for does not count by a new one.
#[test]
fn trust_root_that_changes_and_goes() {
    let scene = Scene::new();
    scene.put("policy", &keyless(&scene, json!({"trustRootRef": "own"})));
    let image = signed(&scene, "app/one");
    let program = scene.start();
    program.validate(create(pod(&[&image]))).assert_denied("trustRootRef own not found");
    let count = || program.events("policies-in-force").len();
    let changed = |before: usize| program.wait_for("policies-in-force", |_| count() > before);
    let chain = |sigstore: &Sigstore| sigstore.sign_blob(b"x", Leaf::default()).chain_pem();
    let mut before = count();
    scene.put("root", &trust_root(&scene.sigstore, &chain(&scene.sigstore)));
    changed(before);
    program.validate(create(pod(&[&image]))).assert_allowed();
    let other = Sigstore::new();
    before = count();
    scene.put("root", &trust_root(&other, &chain(&other)));
    changed(before);
    program.validate(create(pod(&[&image]))).assert_denied("failed policy: keyless");
    before = count();
    scene.remove("root");
    changed(before);
    program.validate(create(pod(&[&image]))).assert_denied("trustRootRef own not found");
}

/// A change of another policy must not wait for a mirror that is dead.
#[test]
fn dead_mirror_is_in_nobodys_way() {
    let scene = Scene::new();
    let mirror = sigward_testkit::Server::start(|_| sigward_testkit::server::Response::not_found());
    mirror.fault(Fault::delay("/", Duration::from_secs(25)));
    let root = base64::engine::general_purpose::STANDARD.encode(TufRepo::new("{}").initial_root());
    scene.put(
        "root",
        &json!({"apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "TrustRoot", "metadata": {"name": "far"},
            "spec": {"remote": {"root": root, "mirror": mirror.url()}}}),
    );
    scene.put("policy", &scene.key_policy());
    let image = scene.signed("app/one");
    let program = scene.start();
    while mirror.count() == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    program.validate(create(pod(&[&image]))).assert_allowed();
    let globs = [&*format!("{}/app/**", scene.registry.host())];
    scene.put("policy", &policy("signed", &globs, json!([{"static": {"action": "fail", "message": "new"}}])));
    program.wait_for("policies-in-force", |line| line["number"].as_u64() > Some(1));
    program.validate(create(pod(&[&image]))).assert_denied("disallowed by static policy: new");
    // The mirror is still being waited for.
    assert!(program.events("trust-root-refresh-failed").is_empty());
}
