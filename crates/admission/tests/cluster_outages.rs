//! What goes away and comes back: replicas, the API server, the registry, the mirror of trust, the certificate. Never does an
//! unsigned image slip by.

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
mod debian_registry;

use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use cluster_scene::policies::{byok, fixed, keyed, keyless, policy};
use cluster_scene::{GUARDED, SYSTEM, Scene, denied, pod};
use control_plane::{eventually, part};
use debian_registry::Parts;
use debian_registry::registry::Registry;
use serde_json::{Value, json};
use sigward_testkit::image_evidence::evidence;
use sigward_testkit::{Artifact, EvidenceLayer, Key, Sigstore};

/// Two replicas behind one address under load: one is told to end and does so without a request failing, another is killed.
/// What is signed is admitted, what is not is denied, by whoever answers.
#[test]
fn one_of_two_replicas_goes() {
    let Some(mut scene) = Scene::start() else { return };
    let (signed, unsigned) = (scene.image("signed"), scene.image("unsigned"));
    signed.sign_with_key();
    scene.policy(&policy("key", &scene.registry.host(), &json!([keyed(&scene.key)])));
    let (signed, unsigned) = (signed.by_digest(), unsigned.by_digest());
    scene.add_replica(&["--disable-tuf"]);

    // Told to end: no request fails, since it stops taking connections before it stops answering.
    let mut first = scene.replicas.remove(0);
    let seen = under_load(&scene, &signed, &unsigned, || {
        scene.tell_proxy();
        first.terminate();
        assert!(first.ended(), "{}", first.log());
    });
    assert!(seen.is_empty(), "{seen:?}");
    // The Lease is held by the one that is left.
    scene.plane.until(&format!("-n {SYSTEM} lease/sigward-admission"), "a new holder", |lease| {
        lease["spec"]["holderIdentity"] == "sigward-1"
    });

    // Killed: only what it was working on may fail, and nothing that is not signed is admitted.
    scene.add_replica(&["--disable-tuf"]);
    let mut second = scene.replicas.remove(0);
    let seen = under_load(&scene, &signed, &unsigned, || {
        second.kill();
        scene.tell_proxy();
    });
    assert!(seen.iter().all(|text| text.contains("failed calling webhook")), "{seen:?}");
    scene.admits(&pod("after", &signed));
    scene.denies(&pod("after-unsigned", &unsigned), "no signatures found");
}

/// Creates signed and unsigned Pods, over and over, while something happens. Gives the errors of signed ones; an unsigned one
/// that is admitted, or is denied for another reason than a broken call, fails the test.
fn under_load(scene: &Scene, signed: &str, unsigned: &str, happens: impl FnOnce()) -> Vec<String> {
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let failures = threads.spawn(|| {
            let mut failures = Vec::new();
            let mut rounds_after = 0;
            while rounds_after < 5 {
                rounds_after += usize::from(done.load(Ordering::SeqCst));
                let good = scene.create_dry(&pod("good", signed));
                if !good.ok {
                    failures.push(good.err);
                }
                let bad = scene.create_dry(&pod("bad", unsigned));
                let is_answer = bad.err.contains("no signatures found") || bad.err.contains("failed calling webhook");
                assert!(!bad.ok && is_answer, "{bad:?}");
            }
            failures
        });
        happens();
        done.store(true, Ordering::SeqCst);
        failures.join().unwrap()
    })
}

#[test]
fn the_api_server_restarts() {
    let Some(scene) = Scene::start() else { return };
    let image = scene.image("app");
    image.sign_with_key();
    scene.policy(&policy("app", &image.name(), &json!([keyed(&scene.key)])));
    scene.plane.restart_api_server();
    let created = eventually("a Pod after the restart", || {
        let done = scene.create(&pod("after", &image.by_digest()));
        if done.ok { Ok(done) } else { Err(done.err) }
    });
    assert!(!created.err.contains("Warning"), "{created:?}");
    // A policy that comes after the restart counts.
    scene.policy(&policy("app-fail", &image.name(), &json!([fixed("fail")])));
    scene.denies(&pod("denied", &image.by_digest()), "disallowed by static policy");
}

/// Debian's registry, which is killed and comes back with what it had.
#[test]
fn the_registry_goes_and_comes_back() {
    let Some(folder) = part("docker-registry", "version") else { return };
    let Some(scene) = Scene::start() else { return };
    let mut home = Registry::start(&Parts { registry: folder.join("usr/bin/docker-registry") });
    let (key, sigstore) = (Key::default(), Sigstore::new());
    let push = |home: &Registry, repository: &str, key: &Key| {
        let image = Artifact::image(repository);
        let reference = home.push(repository, "v1", &image);
        let signed = sigstore.sign_image_with_key(&home.name(repository), &image, key);
        home.push(repository, &image.attachment_tag("sig"), &evidence(&[EvidenceLayer::unlogged(&signed)]));
        reference
    };
    let seen = push(&home, "seen", &key);
    let unseen = push(&home, "unseen", &key);
    let wrong = push(&home, "wrong", &Key::default());
    scene.policy(&policy("registry", &home.host, &json!([keyed(&key)])));
    scene.admits(&pod("seen", &seen));
    scene.denies(&pod("wrong", &wrong), "no matching signatures");

    home.stop();
    // What was proved about a digest stays proved; a label needs no registry; what was never seen is denied, and the text
    // names the outage.
    scene.admits(&pod("seen-again", &seen));
    scene.plane.must(&format!("-n {GUARDED} label pod seen team=a"));
    let refused = scene.create(&pod("unseen", &unseen));
    denied(refused.clone(), "failed policy: registry: spec.containers[0].image");
    assert!(refused.err.contains("connect"), "{refused:?}");
    let by_tag = scene.create(&pod("by-tag", &format!("{}:v1", home.name("seen"))));
    denied(by_tag.clone(), "must be an image digest");

    home.restart();
    // An outage is never remembered.
    scene.admits(&pod("unseen", &unseen));
    scene.denies(&pod("wrong-again", &wrong), "no matching signatures");
}

/// The mirror of trust cannot be reached at the start: the controller starts, and decides by what needs no mirror.
#[test]
fn the_mirror_of_trust_is_away_at_the_start() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let Some(scene) = Scene::with(&[&format!("--tuf-mirror=http://{closed}")]) else { return };
    let image = scene.image("app");
    image.sign_with_key();
    scene.policy(&policy("app", &image.name(), &json!([keyed(&scene.key)])));
    scene.admits(&pod("keyed", &image.by_digest()));
    scene.plane.apply(&byok(&scene.sigstore).to_string());
    let own = scene.image("own");
    own.sign_keyless();
    scene.policy(&policy("own", &own.name(), &json!([keyless()])));
    scene.admits(&pod("own", &own.by_digest()));
}

/// The certificate is renewed while requests come in, and none fails.
#[test]
fn the_certificate_is_renewed_under_load() {
    let Some(scene) = Scene::start() else { return };
    let (signed, unsigned) = (scene.image("signed"), scene.image("unsigned"));
    signed.sign_with_key();
    scene.policy(&policy("key", &scene.registry.host(), &json!([keyed(&scene.key)])));
    let certificate = || {
        let secret = scene.plane.object(&format!("-n {SYSTEM} secret/webhook-certs"));
        secret["data"]["server-cert.pem"].as_str().unwrap().to_owned()
    };
    let before = certificate();
    let seen = under_load(&scene, &signed.by_digest(), &unsigned.by_digest(), || {
        // The leader finds a certificate that is for other names, and makes a new one.
        let made = sigward_admission::cluster::certificate::make(
            &["webhook.elsewhere.svc".to_owned()],
            jiff::Timestamp::now(),
            std::time::Duration::from_secs(24 * 60 * 60),
        )
        .unwrap();
        let encoded = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let patch = json!({"data": {
            "server-key.pem": encoded(&made.key),
            "server-cert.pem": encoded(&made.certificate),
            "ca-cert.pem": encoded(&made.authorities),
        }});
        scene.plane.must(&format!("-n {SYSTEM} patch secret webhook-certs --type=merge -p {patch}"));
        eventually("a new certificate", || {
            let now = certificate();
            if now == before || now == encoded(&made.certificate) { Err(now) } else { Ok(()) }
        });
    });
    assert!(seen.iter().all(|text| text.contains("certificate signed by unknown authority")), "{seen:?}");
    scene.admits(&pod("after", &signed.by_digest()));
}

/// Written as one version, read as the other, through the controller's webhook: nothing is lost, also where upstream loses
/// it (`ctlog` without a URL).
#[test]
fn policies_are_converted_without_loss() {
    let Some(scene) = Scene::start() else { return };
    let port = scene.proxy.port();
    let conversion = json!({"spec": {"conversion": {"strategy": "Webhook", "webhook": {
        "conversionReviewVersions": ["v1"],
        "clientConfig": {"service": {"name": "webhook", "namespace": SYSTEM, "path": "/resource-conversion", "port": port}},
    }}}});
    let definition = "crd/clusterimagepolicies.policy.sigstore.dev";
    scene.plane.must(&format!("patch {definition} --type=merge -p {conversion}"));
    scene.plane.until(definition, "a bundle", |it| {
        it["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"].is_string()
    });
    let mut written = policy("converted", "registry.example/app", &json!([keyless()]));
    written["spec"]["authorities"][0]["ctlog"] = json!({"trustRootRef": "byok"});
    written["spec"]["authorities"][0]["rfc3161timestamp"] = json!({});
    eventually("the policy to be taken", || {
        let done = scene.plane.kubectl_with("apply -f -", &written.to_string());
        if done.ok { Ok(()) } else { Err(done.err) }
    });
    let read = |version: &str| -> Value {
        scene.plane.object(&format!("clusterimagepolicies.{version}.policy.sigstore.dev/converted"))
    };
    let (alpha, beta) = (read("v1alpha1"), read("v1beta1"));
    assert_eq!(alpha["apiVersion"], "policy.sigstore.dev/v1alpha1");
    assert_eq!(beta["apiVersion"], "policy.sigstore.dev/v1beta1");
    assert_eq!(alpha["spec"], beta["spec"]);
    assert_eq!(beta["spec"]["authorities"][0]["ctlog"], json!({"trustRootRef": "byok"}));
    assert_eq!(beta["spec"]["authorities"][0]["rfc3161timestamp"], json!({}));
}
