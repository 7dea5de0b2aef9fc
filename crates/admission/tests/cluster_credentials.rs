//! Private registries: which Secrets of a cluster count for whose images. And what the webhooks for policies say through the
//! API server.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests; a panic is a failed test"
)]

mod cluster_scene;
mod control_plane;

use cluster_scene::policies::{keyed, policy};
use cluster_scene::{GUARDED, Scene, denied, pod};
use control_plane::eventually;
use serde_json::{Value, json};
use sigward_testkit::registry::{Auth, Settings};
use sigward_testkit::{Artifact, EvidenceLayer, OciRegistry};

const USER: &str = "robot";
const PASSWORD: &str = "not-a-secret";

/// A registry that shows nothing to strangers.
struct Private<'a> {
    scene: &'a Scene,
    registry: OciRegistry,
}

impl Private<'_> {
    fn signed(&self, repository: &str) -> String {
        let image = Artifact::image(repository);
        let signed = self.scene.sigstore.sign_image_with_key("app", &image, &self.scene.key);
        self.registry.push(repository, "v1", &image);
        self.registry.sign(repository, &image, &[EvidenceLayer::unlogged(&signed)]);
        format!("{}@{}", self.registry.name(repository), image.digest())
    }

    /// A pull secret with this password.
    fn secret(&self, namespace: &str, name: &str, password: &str) {
        self.scene.plane.must(&format!(
            "-n {namespace} create secret docker-registry {name} --docker-server={} --docker-username={USER} \
             --docker-password={password}",
            self.registry.host()
        ));
    }
}

fn with_secret(mut pod: Value, name: &str) -> Value {
    pod["spec"]["imagePullSecrets"] = json!([{"name": name}]);
    pod
}

#[test]
fn pull_secrets_of_the_pod_and_of_its_account_count_and_no_others() {
    let Some(scene) = Scene::start() else { return };
    let auth = Auth::Basic { user: USER.into(), password: PASSWORD.into() };
    let private = Private { scene: &scene, registry: OciRegistry::with(Settings { auth, ..Settings::default() }) };
    scene.policy(&policy("private", &private.registry.host(), &json!([keyed(&scene.key)])));
    let (first, second) = (private.signed("first"), private.signed("second"));

    // A stranger, and a Secret of another namespace.
    scene.denies(&pod("stranger", &first), "failed policy: private");
    scene.plane.must("create namespace elsewhere");
    private.secret("elsewhere", "registry", PASSWORD);
    scene.denies(&with_secret(pod("elsewhere", &first), "registry"), "failed policy: private");

    // A wrong password, then the right one: a refusal told to one credential is not told to another.
    private.secret(GUARDED, "wrong", "guessed");
    private.secret(GUARDED, "registry", PASSWORD);
    scene.denies(&with_secret(pod("wrong", &first), "wrong"), "failed policy: private");
    eventually("the Secret to count", || {
        let done = scene.create_dry(&with_secret(pod("dry", &first), "registry"));
        if done.ok { Ok(()) } else { Err(done.err) }
    });
    scene.admits(&with_secret(pod("right", &first), "registry"));
    // By tag too: who resolves it needs the credential as well.
    scene.admits(&with_secret(pod("by-tag", &format!("{}:v1", private.registry.name("first"))), "registry"));

    // Of the ServiceAccount.
    scene.denies(&pod("account", &second), "failed policy: private");
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": GUARDED},
        "imagePullSecrets": [{"name": "registry"}],
    });
    scene.plane.apply(&account.to_string());
    eventually("the ServiceAccount to count", || {
        let done = scene.create_dry(&pod("dry", &second));
        if done.ok { Ok(()) } else { Err(done.err) }
    });
    scene.admits(&pod("account", &second));

    // What counts in one namespace is of no use in another. (What was proved about a digest is: it is about the image.)
    let third = private.signed("third");
    scene.plane.must("label namespace elsewhere policy.sigstore.dev/include=true");
    let there =
        |object: &Value| scene.plane.kubectl_with("-n elsewhere create --dry-run=server -f -", &object.to_string());
    eventually("the other namespace to be guarded", || {
        let done = there(&pod("stranger", "registry.example/unknown@sha256:00"));
        if done.ok { Err(done.out) } else { Ok(()) }
    });
    denied(there(&pod("stranger", &third)), "failed policy: private");
    scene.admits(&pod("third", &third));
    // The password is nowhere in what users or the log are told.
    assert!(!scene.replicas[0].log().contains(PASSWORD));
}

/// Denials are told as Events, in the namespace of what was denied.
#[test]
fn denials_are_told_as_events() {
    let Some(scene) = Scene::start() else { return };
    let image = scene.image("unsigned");
    scene.policy(&policy("key", &image.name(), &json!([keyed(&scene.key)])));
    for _ in 0..3 {
        scene.denies(&pod("denied", &image.by_digest()), "no signatures found");
    }
    // What would not have been stored is not told.
    denied(scene.create_dry(&pod("dry", &image.by_digest())), "no signatures found");
    let mut wanted = pod("web-1-x", &image.by_digest());
    wanted["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "7", "controller": true}]);
    scene.denies(&wanted, "no signatures found");
    let events = scene.plane.until(&format!("-n {GUARDED} events"), "two causes", |events| {
        events["items"].as_array().is_some_and(|items| items.len() >= 2)
    });
    let items = events["items"].as_array().unwrap();
    let mut told: Vec<_> = items.iter().map(|it| it["involvedObject"]["name"].as_str().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, ["denied", "web-1"], "{items:?}");
    for event in items {
        assert_eq!((&event["type"], &event["reason"]), (&json!("Warning"), &json!("ImageDenied")));
        assert!(event["message"].as_str().unwrap().contains("no signatures found"), "{event}");
    }
}

/// Texts that upstream's tests look for, through the API server (all of them are in the policy crate's tests).
#[test]
fn policies_that_say_nothing_are_refused_and_defaults_are_filled_in() {
    let Some(scene) = Scene::start() else { return };
    let apply = |policy: &Value| scene.plane.kubectl_with("apply -f -", &policy.to_string());
    let with = |spec: Value| {
        json!({
            "apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy",
            "metadata": {"name": "refused"}, "spec": spec,
        })
    };
    let images = json!([{"glob": "**"}]);
    let pass = json!([{"static": {"action": "pass"}}]);
    for (spec, text) in [
        (json!({"authorities": pass}), "missing field(s): spec.images"),
        (json!({"images": images}), "missing field(s): spec.authorities"),
        (json!({"images": [{"glob": "$FOO*"}], "authorities": pass}), "glob is invalid: invalid glob \"$FOO*\""),
        (json!({"images": images, "authorities": pass, "mode": "garbage"}), "unsupported mode"),
        (
            json!({"images": images, "authorities": [{"static": {"action": "pass"}, "key": {"data": "x"}}]}),
            "expected exactly one, got both: spec.authorities[0].key, spec.authorities[0].keyless, spec.authorities[0].static",
        ),
        (
            json!({"images": images, "authorities": [{"keyless": {"url": "https://fulcio.sigstore.dev"}}]}),
            "keyless.identities: Invalid value",
        ),
        (
            json!({"images": images, "authorities": [{"key": {"hashAlgorithm": "shaINVALID", "data": scene.key.public_pem()}}]}),
            "invalid value: shaINVALID: spec.authorities[0].key.hashAlgorithm",
        ),
    ] {
        let done = apply(&with(spec));
        assert!(!done.ok && done.err.contains(text), "expected {text:?}, found {done:?}");
    }
    let good = with(json!({"images": images, "authorities": [
        {"keyless": {"identities": [{"issuer": "https://issuer.example", "subject": "a@example.com"}]}}]}));
    let done = apply(&good);
    assert!(done.ok, "{done:?}");
    let stored = scene.plane.object("cip/refused");
    assert_eq!(stored["spec"]["mode"], "enforce");
    assert_eq!(stored["spec"]["authorities"][0]["name"], "authority-0");
    assert_eq!(stored["spec"]["authorities"][0]["keyless"]["url"], "https://fulcio.sigstore.dev");
    let root = json!({
        "apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "TrustRoot", "metadata": {"name": "refused"}, "spec": {},
    });
    let done = apply(&root);
    let text = "expected exactly one, got neither: spec.remote, spec.repository, spec.sigstoreKeys";
    assert!(!done.ok && done.err.contains(text), "{done:?}");
}
