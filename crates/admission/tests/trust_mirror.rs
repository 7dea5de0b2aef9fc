//! TrustRoots whose material is on a server (`remote`): what it sends counts only as far as the root in the object vouches
//! for it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod scene;

use std::time::Duration;

use scene::{Judged, Program, Scene, create, pod, policy};
use serde_json::{Value, json};
use sigward_testkit::server::Response;
use sigward_testkit::text::b64;
use sigward_testkit::{
    Artifact, EvidenceLayer, Fault, FaultKind, FileServer, IDENTITY, ISSUER, Leaf, Server, Sigstore, TufRepo,
};

/// What no denial may hold.
const SECRET: &str = "metadata-of-somebody-else";

fn mirror(repository: &TufRepo) -> Server {
    let files = repository.files.clone();
    Server::start_https(move |request| match files.get(request.path.trim_start_matches('/')) {
        Some(bytes) => Response::ok("application/octet-stream", bytes.clone()),
        None => Response::not_found(),
    })
}

/// A registry with an image of the default signer, and a policy that asks for him by the TrustRoot `far`.
struct Asked {
    scene: Scene,
    image: String,
}

impl Asked {
    fn new() -> Self {
        let scene = Scene::new();
        let image = Artifact::image("app/one");
        let by_digest = scene.registry.push("app/one", "v1", &image);
        let signed = scene.sigstore.sign_image("registry.test/app/one", &image, Leaf::default());
        scene.registry.sign("app/one", &image, &[EvidenceLayer::of(&signed)]);
        let keyless = json!({"identities": [{"issuer": ISSUER, "subject": IDENTITY}], "trustRootRef": "far"});
        scene.put("policy", &policy("by-far", &["**"], json!([{"name": "a", "keyless": keyless}])));
        Self { scene, image: by_digest }
    }

    fn root(&self, initial: &[u8], mirror: &str, more: Value) {
        let mut remote = json!({"root": b64(initial), "mirror": mirror});
        remote.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.scene.put(
            "root",
            &json!({"apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "TrustRoot", "metadata": {"name": "far"},
                "spec": {"remote": remote}}),
        );
    }

    fn judge(&self, program: &Program) -> Judged {
        program.validate(create(pod(&[&self.image])))
    }
}

/// The denial where the mirror has this fault.
fn denial(fault: Fault) -> String {
    let asked = Asked::new();
    let repository = TufRepo::lasting(&asked.scene.sigstore.trusted_root().to_json());
    let mirror = mirror(&repository);
    mirror.fault(fault);
    asked.root(&repository.initial_root(), &mirror.url(), json!({}));
    let judged = asked.judge(&asked.scene.start_trusting(mirror.authority()));
    assert!(!judged.allowed, "allowed: {}", judged.review);
    assert!(judged.message.contains("trustRootRef far: "), "{}", judged.message);
    assert!(!judged.review.to_string().contains(SECRET), "{}", judged.review);
    judged.message.replace(&mirror.url(), "URL")
}

#[test]
fn material_of_a_mirror_counts_and_outlives_it() {
    let asked = Asked::new();
    let repository = TufRepo::lasting(&asked.scene.sigstore.trusted_root().to_json());
    let mirror = mirror(&repository);
    asked.root(&repository.initial_root(), &mirror.url(), json!({}));
    let program = asked.scene.start_trusting(mirror.authority());
    asked.judge(&program).assert_allowed();
    drop(mirror);
    // Nothing is left of the former proof.
    asked.scene.put(
        "policy",
        &policy(
            "other",
            &["**"],
            json!([{"name": "b", "keyless": {
        "identities": [{"issuer": ISSUER, "subjectRegExp": ".*"}], "trustRootRef": "far"}}]),
        ),
    );
    program.wait_for("policies-in-force", |line| line["number"].as_u64() > Some(2));
    asked.judge(&program).assert_allowed();
}

/// Of the public instance something is embedded, of another one nothing: the first review must find it.
#[test]
fn material_of_another_instance_is_waited_for() {
    let asked = Asked::new();
    let repository = TufRepo::lasting(&asked.scene.sigstore.trusted_root().to_json());
    let mirror = FileServer::start(repository.files.clone());
    let keyless = json!({"identities": [{"issuer": ISSUER, "subject": IDENTITY}]});
    asked.scene.put("policy", &policy("p", &["**"], json!([{"name": "a", "keyless": keyless}])));
    let root = asked.scene.folder.path().join("root.txt");
    std::fs::write(&root, repository.initial_root()).unwrap();
    mirror.fault(Fault::delay("/", Duration::from_millis(300)).first(1));
    let (url, root) = (mirror.url(), root.to_str().unwrap().to_owned());
    let mut command = scene::command_with_tuf(asked.scene.folder.path());
    let program = Program::of(command.args([scene::LOOPBACK, &["--tuf-mirror", &url, "--tuf-root", &root]].concat()));
    asked.judge(&program).assert_allowed();
}

#[test]
fn material_under_a_name_of_its_own() {
    let asked = Asked::new();
    let mut repository = TufRepo::lasting(&Sigstore::new().trusted_root().to_json());
    repository.set_target("own.json", asked.scene.sigstore.trusted_root().to_json().as_bytes());
    let mirror = mirror(&repository);
    for (target, is_own) in [("own.json", true), ("trusted_root.json", false), ("absent.json", false)] {
        asked.root(&repository.initial_root(), &mirror.url(), json!({"trustedRootTarget": target}));
        let judged = asked.judge(&asked.scene.start_trusting(mirror.authority()));
        assert_eq!(judged.allowed, is_own, "{target}: {}", judged.message);
    }
}

#[test]
fn attack_mirror_of_somebody_elses_root() {
    let asked = Asked::new();
    let (own, other) = (
        TufRepo::lasting(&asked.scene.sigstore.trusted_root().to_json()),
        TufRepo::lasting(&asked.scene.sigstore.trusted_root().to_json()),
    );
    let mirror = mirror(&other);
    asked.root(&own.initial_root(), &mirror.url(), json!({}));
    let judged = asked.judge(&asked.scene.start_trusting(mirror.authority()));
    judged.assert_denied("trustRootRef far: ");
    assert!(judged.message.contains("signature") || judged.message.contains("threshold"), "{}", judged.message);
}

#[test]
fn attack_material_that_was_exchanged() {
    let other = Sigstore::new().trusted_root().to_json();
    let denied = denial(Fault::answer("targets/", Response::ok("application/json", other)));
    assert!(denied.contains("trusted_root.json"), "{denied}");
}

#[test]
fn attack_mirror_that_redirects_to_an_address_within() {
    for (to, found) in [("https://169.254.169.254/latest", "169.254.169.254"), ("https://[::1]:1/", "[::1]")] {
        let denied = denial(Fault::redirect("/", to));
        assert!(denied.contains(&format!("{found} is in a network that is not asked")), "{denied}");
    }
}

#[test]
fn attack_mirror_that_redirects_from_https_to_http() {
    let plain = Server::start(|_| Response::not_found());
    let denied = denial(Fault::redirect("/", &plain.url()));
    assert!(denied.contains("refused: redirect from https to http"), "{denied}");
    assert_eq!(plain.count(), 0);
}

#[test]
fn attack_mirror_without_end() {
    for path in ["root.json", "timestamp.json", "targets/"] {
        let denied = denial(Fault::endless(path));
        assert!(denied.contains("URL/") && denied.contains("larger than"), "{path}: {denied}");
    }
}

#[test]
fn attack_mirror_that_drips() {
    let denied = denial(Fault::new("/", FaultKind::Drip { chunk: 1, pause: Duration::from_secs(2) }));
    assert!(denied.contains("it has not been fetched yet"), "{denied}");
}

#[test]
fn mirror_that_does_not_serve() {
    for (fault, expected) in [
        (Fault::answer("timestamp.json", Response::new(404, "text/plain", SECRET)), "404"),
        (Fault::answer("root.json", Response::new(500, "text/plain", SECRET)), "500"),
        (Fault::answer("timestamp.json", Response::ok("text/plain", SECRET)), "timestamp"),
        (Fault::hang_up("/"), "URL/"),
    ] {
        let denied = denial(fault);
        assert!(denied.contains(expected), "{denied}");
    }
}

#[test]
fn attack_password_of_a_mirror_in_a_denial() {
    let asked = Asked::new();
    let repository = TufRepo::lasting(&asked.scene.sigstore.trusted_root().to_json());
    let mirror = mirror(&repository);
    mirror.fault(Fault::status("/", 404));
    let url = mirror.url().replace("https://", &format!("https://user:{SECRET}@"));
    asked.root(&repository.initial_root(), &url, json!({}));
    let program = asked.scene.start_trusting(mirror.authority());
    let judged = asked.judge(&program);
    judged.assert_denied("trustRootRef far: ");
    assert!(!judged.review.to_string().contains(SECRET), "{}", judged.review);
    let told = program.events("trust-root-refresh-failed");
    assert!(!format!("{told:?}").contains(SECRET), "{told:?}");
}
