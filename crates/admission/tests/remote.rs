//! Policies at URLs and TrustRoots of servers: whatever the server does, what it sends counts only under the digest or the
//! root that is written in the object; until then images are denied with a text that says why and nothing of what was sent.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod scene;

use std::time::Duration;

use scene::{Judged, Program, Scene, create, pod, policy};
use serde_json::{Value, json};
use sigward_testkit::image::media_type;
use sigward_testkit::server::Response;
use sigward_testkit::text::hex;
use sigward_testkit::{Artifact, EvidenceLayer, Fault, FaultKind, Server, sha256};

const IMAGE: &str = "registry.test/app@sha256:01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b";

/// What the policies say: the one authority is a fixed answer.
const GOOD: &str = "authorityMatches: a: static: true\n";

/// What no denial may hold.
const SECRET: &str = "metadata-of-somebody-else";

/// A policy over all images that is at this URL.
fn at(url: &str, digest: &str) -> Value {
    let mut policy = policy("far", &["**"], json!([{"name": "a", "static": {"action": "pass"}}]));
    policy["spec"]["policy"] = json!({"type": "cue", "remote": {"url": url, "sha256sum": digest}});
    policy
}

fn digest(text: &str) -> String {
    hex(sha256(text.as_bytes()))
}

fn serving(text: &'static str) -> Server {
    Server::start_https(move |_| Response::ok("text/plain", text))
}

fn judge(program: &Program) -> Judged {
    program.validate(create(pod(&[IMAGE])))
}

/// The denial where the server has this fault; it knows the expected text.
fn denial(fault: Fault) -> String {
    let server = serving(GOOD);
    server.fault(fault);
    let scene = Scene::new();
    scene.put("policy", &at(&format!("{}/p.cue", server.url()), &digest(GOOD)));
    let judged = judge(&scene.start_trusting(server.authority()));
    assert!(!judged.allowed, "allowed: {}", judged.review);
    assert!(judged.message.contains("failed policy: far: spec.containers[0].image"), "{}", judged.message);
    assert!(!judged.review.to_string().contains(SECRET), "{}", judged.review);
    judged.message.replace(&server.url(), "URL")
}

#[test]
fn policy_at_a_url_is_fetched_once_and_counts() {
    let server = serving(GOOD);
    let scene = Scene::new();
    scene.put("policy", &at(&format!("{}/p.cue", server.url()), &digest(GOOD).to_uppercase()));
    let program = scene.start_trusting(server.authority());
    judge(&program).assert_allowed();
    // Another policy changes; the document is had.
    let before = program.events("policies-in-force").len();
    scene.put("other", &policy("other", &["other.test/**"], json!([{"static": {"action": "pass"}}])));
    program.wait_for("policies-in-force", |_| program.events("policies-in-force").len() > before);
    judge(&program).assert_allowed();
    assert_eq!(server.count(), 1);
    // Nothing is put together again and again while there is nothing to do.
    let made = program.events("policies-in-force").last().unwrap()["number"].as_u64().unwrap();
    assert!(made < 20, "{made} snapshots");
}

#[test]
fn policy_at_a_url_that_says_no() {
    const NO: &str = "authorityMatches: a: static: false\n";
    let server = serving(NO);
    let scene = Scene::new();
    scene.put("policy", &at(&server.url(), &digest(NO)));
    judge(&scene.start_trusting(server.authority())).assert_denied("authorityMatches.a.static: conflicting values");
}

/// Row 24 of upstream's scenarios: over the image's configuration.
#[test]
fn policy_at_a_url_over_the_configuration_of_the_image() {
    let scene = Scene::new();
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"User": "65532"}}).to_string();
    let image = Artifact::of(media_type::MANIFEST, media_type::CONFIG, config.into_bytes(), vec![]);
    let by_digest = scene.registry.push("app/one", "v1", &image);
    let signed = scene.sigstore.sign_image_with_key("registry.test/app/one", &image, &scene.key);
    scene.registry.sign("app/one", &image, &[EvidenceLayer::unlogged(&signed)]);
    for (user, is_admitted) in [("nobody", false), ("65532", true)] {
        let cue = format!("config: \"linux/amd64\": config: User: \"{user}\"\n");
        let expected = digest(&cue);
        let server = Server::start_https(move |_| Response::ok("text/plain", cue.clone()));
        let mut policy = scene.key_policy();
        let remote = json!({"url": server.url(), "sha256sum": expected});
        policy["spec"]["policy"] = json!({"type": "cue", "fetchConfigFile": true, "remote": remote});
        scene.put("policy", &policy);
        let judged = scene.start_trusting(server.authority()).validate(create(pod(&[&by_digest])));
        assert_eq!(judged.allowed, is_admitted, "{}", judged.message);
        if !is_admitted {
            judged.assert_denied("config.\"linux/amd64\".config.User: conflicting values \"65532\" and \"nobody\"");
        }
    }
}

#[test]
fn attack_another_document_under_the_url() {
    let denied = denial(Fault::answer("/", Response::ok("text/plain", SECRET)));
    let expected = format!("failed to check sha256sum from policy remote: {} got {}", digest(GOOD), digest(SECRET));
    assert!(denied.contains(&expected), "{denied}");
}

#[test]
fn attack_redirect_to_an_address_within() {
    for (to, found) in [
        ("https://169.254.169.254/latest/meta-data", "169.254.169.254"),
        ("https://[fd00:ec2::254]/latest", "fd00:ec2::254"),
        ("https://127.0.0.2:1/", "127.0.0.2"),
        ("https://[::1]:1/", "::1"),
        ("https://[::ffff:169.254.169.254]/", "169.254.169.254"),
    ] {
        let denied = denial(Fault::redirect("/", to));
        assert!(denied.contains("failed to fetch content from policy url: ") && denied.contains(found), "{denied}");
        assert!(denied.contains("is in a network that is not asked"), "{denied}");
    }
}

#[test]
fn attack_redirect_from_https_to_http() {
    let plain = Server::start(|_| Response::ok("text/plain", GOOD));
    let denied = denial(Fault::redirect("/", &plain.url()));
    let expected = format!("refused: redirect from https to http, to {}", plain.address());
    assert!(denied.contains(&expected), "{denied}");
    assert_eq!(plain.count(), 0);
}

/// The validating webhook refuses it; a file, or an object from before, must not be asked for either.
#[test]
fn attack_policy_at_an_http_url() {
    let plain = Server::start(|_| Response::ok("text/plain", GOOD));
    let scene = Scene::new();
    scene.put("policy", &at(&plain.url(), &digest(GOOD)));
    judge(&scene.start()).assert_denied("url valid is invalid. host and https scheme are expected");
    assert_eq!(plain.count(), 0);
}

#[test]
fn attack_document_without_end() {
    for fault in [Fault::endless("/"), Fault::answer("/", Response::ok("text/plain", vec![b' '; (1 << 20) + 1]))] {
        let denied = denial(fault);
        assert!(denied.contains("failed to fetch content from policy url: URL/p.cue: "), "{denied}");
        assert!(denied.contains("larger than"), "{denied}");
    }
}

#[test]
fn attack_document_that_drips() {
    let denied = denial(Fault::new("/", FaultKind::Drip { chunk: 1, pause: Duration::from_secs(2) }));
    assert!(denied.contains("the policy at URL/p.cue has not been fetched yet"), "{denied}");
}

#[test]
fn server_that_does_not_serve() {
    let body = || Response::new(500, "text/plain", SECRET);
    for (fault, expected) in [
        (Fault::answer("/", body()), "HTTP status 500"),
        (Fault::answer("/", Response::new(404, "text/plain", SECRET)), "HTTP status 404"),
        (Fault::answer("/", Response::new(401, "text/plain", SECRET)), "HTTP status 401"),
        (Fault::redirect("/", "/again"), "more than"),
        (Fault::truncate("/", 5), "failed to fetch content from policy url: "),
        (Fault::hang_up("/"), "failed to fetch content from policy url: "),
    ] {
        let denied = denial(fault);
        assert!(denied.contains(expected), "{denied}");
    }
}

#[test]
fn server_that_is_dead() {
    let server = serving(GOOD);
    let (url, authority) = (server.url(), server.authority().to_owned());
    drop(server);
    let scene = Scene::new();
    scene.put("policy", &at(&url, &digest(GOOD)));
    let judged = judge(&scene.start_trusting(&authority));
    judged.assert_denied(&format!("failed to fetch content from policy url: {url}/: "));
}

#[test]
fn attack_server_that_another_authority_vouches_for() {
    let (server, other) = (serving(GOOD), serving(GOOD));
    let scene = Scene::new();
    scene.put("policy", &at(&server.url(), &digest(GOOD)));
    judge(&scene.start_trusting(other.authority())).assert_denied("failed to fetch content from policy url: ");
    assert_eq!(server.count(), 0);
}

/// What is in the URL for the server is not for whoever asks to run a Pod.
#[test]
fn attack_password_of_a_url_in_a_denial() {
    let server = serving(GOOD);
    for fault in [Fault::delay("/", Duration::from_secs(20)), Fault::status("/", 404)] {
        server.clear_faults();
        server.fault(fault);
        let scene = Scene::new();
        let url = server.url().replace("https://", &format!("https://user:{SECRET}@"));
        scene.put("policy", &at(&url, &digest(GOOD)));
        let judged = judge(&scene.start_trusting(server.authority()));
        assert!(!judged.allowed && !judged.review.to_string().contains(SECRET), "{}", judged.review);
    }
}

/// One document does not wait for another.
#[test]
fn dead_server_is_in_no_other_policys_way() {
    let (slow, server) = (serving(GOOD), serving(GOOD));
    slow.fault(Fault::delay("/", Duration::from_secs(20)));
    let scene = Scene::new();
    let mut first = at(&slow.url(), &digest(GOOD));
    first["metadata"]["name"] = "elsewhere".into();
    first["spec"]["images"][0]["glob"] = "elsewhere.test/**".into();
    scene.put("elsewhere", &first);
    scene.put("policy", &at(&server.url(), &digest(GOOD)));
    let authorities = format!("{}{}", slow.authority(), server.authority());
    judge(&scene.start_trusting(&authorities)).assert_allowed();
}

/// Each answer may take memory: not all of them at once.
#[test]
fn many_documents_are_fetched_some_at_a_time() {
    let server = serving(GOOD);
    server.fault(Fault::delay("/", Duration::from_millis(50)));
    let scene = Scene::new();
    let mut policy =
        policy("far", &["elsewhere.test/**"], json!([{"name": "a", "key": {"data": scene.key.public_pem()}}]));
    let attestation = |n: usize| {
        let remote = json!({"url": format!("{}/{n}", server.url()), "sha256sum": digest(GOOD)});
        json!({"name": format!("a{n}"), "predicateType": "https://x.test", "policy": {"type": "cue", "remote": remote}})
    };
    policy["spec"]["authorities"][0]["attestations"] = (0..40).map(attestation).collect();
    scene.put("policy", &policy);
    let program = scene.start_trusting(server.authority());
    // All of them were waited for.
    assert_eq!((server.count(), program.events("policies-in-force").last().unwrap()["broken"].as_u64()), (40, Some(0)));
    assert!(server.most_at_once() <= 8, "{} at once", server.most_at_once());
}

/// While the document changes, both its old and its new digest are asked for: by policies that are changed one after the
/// other.
#[test]
fn document_that_changes_breaks_no_policy_that_had_it() {
    const NEW: &str = "authorityMatches: a: static: true // new\n";
    let server = serving(GOOD);
    let scene = Scene::new();
    let url = server.url();
    scene.put("policy", &at(&url, &digest(GOOD)));
    let program = scene.start_trusting(server.authority());
    judge(&program).assert_allowed();
    server.fault(Fault::answer("/", Response::ok("text/plain", NEW)));
    let mut second = at(&url, &digest(NEW));
    second["metadata"]["name"] = "new".into();
    scene.put("new", &second);
    program.wait_for("policies-in-force", |line| line["count"] == 2 && line["broken"] == 0);
    judge(&program).assert_allowed();
}
