//! `policy test` with what is on servers: policies named by URL, documents of `policy.remote`, TrustRoots behind a mirror.
//! Whatever a server does, nothing is admitted by it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod images_scene;
mod policy_scene;
mod support;

use images_scene::Scene;
use policy_scene::{Policies, keyless, policy};
use serde_json::{Value, json};
use sigward_testkit::server::Response;
use sigward_testkit::text::{b64, hex};
use sigward_testkit::{Fault, FileServer, Server, TufRepo, sha256};

/// It is admitted by a fixed answer, without any registry.
const IMAGE: &str = "registry.test/app@sha256:01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b";

/// What the policies say of the one authority.
const GOOD: &str = "authorityMatches: a: static: true\n";

/// What no output may hold.
const SECRET: &str = "what-a-server-said";

/// A policy over all images that is at this URL.
fn at(url: &str, digest: &str) -> Value {
    let mut policy = policy("far", "**", json!([{"name": "a", "static": {"action": "pass"}}]));
    policy["spec"]["policy"] = json!({"type": "cue", "remote": {"url": url, "sha256sum": digest}});
    policy
}

fn digest(text: &str) -> String {
    hex(sha256(text.as_bytes()))
}

fn serving(text: impl Into<Vec<u8>>) -> Server {
    let text = text.into();
    Server::start_https(move |_| Response::ok("text/plain", text.clone()))
}

/// A scene whose program believes this server and no other.
fn scene_with(server: &Server) -> Scene {
    let mut scene = Scene::new();
    std::fs::write(scene.place.path("authority.pem"), server.authority()).unwrap();
    let authority = scene.place.path("authority.pem");
    scene.place.set("SSL_CERT_FILE", authority);
    scene
}

#[test]
fn policy_named_by_a_url() {
    let fixed = |action: &str| policy("p", "**", json!([{"static": {"action": action, "message": "m"}}])).to_string();
    let (pass, fail) = (serving(fixed("pass")), serving(fixed("fail")));
    for (server, code) in [(&pass, 0), (&fail, 1)] {
        let scene = scene_with(server);
        let run = scene.place.run(&format!("policy test --policy {}/p.yaml --image {IMAGE}", server.url()));
        assert_eq!(run.code, code, "{run:?}");
    }
    // Over http as well, as policy-tester: what is at the URL is what the user names.
    let text = fixed("fail");
    let plain = Server::start(move |_| Response::ok("text/plain", text.clone()));
    let scene = Scene::new();
    Policies(&scene).denies(&format!("--policy {} --image {IMAGE}", plain.url()), "disallowed by static policy: m");
}

#[test]
fn attack_policy_named_by_a_url_of_a_server_that_does_otherwise() {
    let plain = Server::start(|_| Response::ok("text/plain", SECRET));
    for (fault, text) in [
        (Fault::answer("/", Response::new(404, "text/plain", SECRET)), "server returned HTTP 404"),
        (Fault::answer("/", Response::new(500, "text/plain", SECRET)), "server returned HTTP 500"),
        (Fault::endless("/"), "larger than"),
        (Fault::truncate("/", 10), "loading URL"),
        (Fault::hang_up("/"), "loading URL"),
        (Fault::answer("/", Response::ok("text/plain", [0xff, 0xfe])), "not UTF-8"),
        (Fault::answer("/", Response::ok("text/plain", "")), "missing field(s): policies"),
        (Fault::answer("/", Response::ok("text/html", "<html></html>")), "missing field(s): apiVersion"),
        (Fault::redirect("/", &plain.url()), "redirect from https to http"),
        (Fault::redirect("/", "/p.yaml"), "redirects"),
    ] {
        let server = serving(policy("p", "**", json!([{"static": {"action": "pass"}}])).to_string());
        server.fault(fault);
        let scene = scene_with(&server);
        let url = server.url().replace("https://", "https://user:word@");
        let run = scene.place.run(&format!("policy test --policy {url}/p.yaml --image {IMAGE}"));
        let run = run.failed(text).did_not_say(SECRET);
        assert!(!run.err.contains("user:word"), "{run:?}");
    }
    assert_eq!(plain.count(), 0);
    let server = serving("");
    let url = server.url();
    let scene = scene_with(&server);
    drop(server);
    scene.place.run(&format!("policy test --policy {url} --image {IMAGE}")).failed("loading URL");
}

#[test]
fn document_of_a_policy_counts_under_its_digest() {
    let server = serving(GOOD);
    let scene = scene_with(&server);
    let policies = Policies(&scene);
    policies.put("p.yaml", &[at(&server.url(), &digest(GOOD))]);
    assert_eq!(policies.test(&format!("--policy p.yaml --image {IMAGE}")).succeeded().out, "");
    // A recording holds it, and needs no server then.
    policies.test(&format!("--policy p.yaml --image {IMAGE} --record r.json")).succeeded();
    assert_eq!(server.count(), 2);
    policies.test(&format!("--policy p.yaml --image {IMAGE} --replay r.json")).succeeded();
    assert_eq!(server.count(), 2);
    // Without the password that is in the URL.
    policies.put("s.yaml", &[at(&server.url().replace("https://", "https://user:word@"), &digest(GOOD))]);
    policies.test(&format!("--policy s.yaml --image {IMAGE} --record s.json")).succeeded();
    assert!(!std::fs::read_to_string(scene.place.path("work/s.json")).unwrap().contains("user:word"));
    policies.test(&format!("--policy s.yaml --image {IMAGE} --replay s.json")).succeeded();
    // Two policies do not agree on what is there: one of them is right.
    let mut other = at(&server.url(), &digest("other"));
    other["metadata"]["name"] = "other".into();
    policies.put("q.yaml", &[at(&server.url(), &digest(GOOD)), other]);
    let expected = format!("failed to check sha256sum from policy remote: {} got {}", digest("other"), digest(GOOD));
    policies.denies(&format!("--policy q.yaml --image {IMAGE}"), &expected);
}

#[test]
fn attack_document_of_a_server_that_does_otherwise() {
    let plain = Server::start(|_| Response::ok("text/plain", GOOD));
    for (fault, text) in [
        (Fault::answer("/", Response::ok("text/plain", SECRET)), "failed to check sha256sum from policy remote: "),
        (Fault::answer("/", Response::new(404, "text/plain", SECRET)), "server returned HTTP 404"),
        (Fault::endless("/"), "larger than"),
        (Fault::hang_up("/"), "failed to fetch content from policy url: "),
        (Fault::redirect("/", &plain.url()), "redirect from https to http"),
    ] {
        let server = serving(GOOD);
        server.fault(fault);
        let scene = scene_with(&server);
        let policies = Policies(&scene);
        let url = server.url().replace("https://", "https://user:word@");
        policies.put("p.yaml", &[at(&url, &digest(GOOD))]);
        let run = policies.test(&format!("--policy p.yaml --image {IMAGE}"));
        assert!(run.code == 1 && run.out.contains(text), "{text}: {run:?}");
        assert!(!run.out.contains(SECRET) && !run.out.contains("user:word"), "{run:?}");
    }
    assert_eq!(plain.count(), 0);
    let scene = Scene::new();
    Policies(&scene).put("p.yaml", &[at(&plain.url(), &digest(GOOD))]);
    let run = scene.place.run(&format!("policy test --policy p.yaml --image {IMAGE}"));
    run.failed("url valid is invalid. host and https scheme are expected");
    assert_eq!(plain.count(), 0);
}

#[test]
fn attack_document_in_a_recording_that_was_exchanged() {
    let server = serving(GOOD);
    let scene = scene_with(&server);
    let policies = Policies(&scene);
    policies.put("p.yaml", &[at(&server.url(), &digest(GOOD))]);
    policies.test(&format!("--policy p.yaml --image {IMAGE} --record r.json")).succeeded();
    let recorded = std::fs::read_to_string(scene.place.path("work/r.json")).unwrap();
    let exchanged = recorded.replace(&b64(GOOD), &b64("{}"));
    assert_ne!(recorded, exchanged);
    scene.place.put("r.json", exchanged);
    policies.denies(&format!("--policy p.yaml --image {IMAGE} --replay r.json"), "failed to check sha256sum");
}

#[test]
fn trust_root_behind_a_mirror() {
    let scene = Scene::signed();
    let policies = Policies(&scene);
    let (own, other) = (
        TufRepo::lasting(&scene.sigstore.trusted_root().to_json()),
        TufRepo::lasting(&scene.sigstore.trusted_root().to_json()),
    );
    let mirror = FileServer::start(own.files.clone());
    let mut by = keyless(None, sigward_testkit::ISSUER);
    by["keyless"]["trustRootRef"] = "far".into();
    let put = |repository: &TufRepo, mirror: &str| {
        let root = json!({"apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "TrustRoot",
            "metadata": {"name": "far"}, "spec": {"remote": {"root": b64(repository.initial_root()), "mirror": mirror}}});
        policies.put("p.yaml", &[policy("p", "**", json!([by])), root]);
    };
    let words = format!("--policy p.yaml --image {}", scene.by_digest());
    put(&other, &mirror.url());
    policies.denies(&words, "trustRootRef far: ");
    put(&own, &mirror.url());
    assert_eq!(policies.test(&words).succeeded().out, "");
    mirror.fault(Fault::answer("timestamp.json", Response::new(500, "text/plain", SECRET)));
    let run = policies.test(&words);
    assert!(run.code == 1 && run.out.contains("trustRootRef far: ") && !run.out.contains(SECRET), "{run:?}");
    let url = mirror.url();
    drop(mirror);
    put(&own, &url);
    policies.denies(&words, "trustRootRef far: ");
}
