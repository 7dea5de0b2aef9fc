//! What strangers may try, each by its name.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod scene;

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use scene::{Judged, Program, Scene, config, create, pod, policy, review, update};
use serde_json::{Value, json};
use sigward_testkit::fault::Fault;
use sigward_testkit::server::{Response, Server};
use sigward_testkit::{Artifact, EvidenceLayer, OciRegistry};

/// A registry names any server as its token server; what that one says must not come out.
#[test]
fn body_of_a_token_server_is_not_in_a_denial() {
    for status in [400, 401, 403, 404, 418, 500] {
        let inside = Server::start(move |_| Response::new(status, "text/plain", "s3cret"));
        let challenge = format!("Bearer realm=\"{}/leak-path\",service=\"x\"", inside.url());
        let evil =
            Server::start(move |_| Response::new(401, "application/json", "{}").with("WWW-Authenticate", &challenge));
        let scene = Scene::new();
        let host = evil.address().to_string();
        scene.put("policy", &policy("p", &[&format!("{host}/**")], json!([scene.key_authority()])));
        let program = scene.start();
        let image = format!("{host}/app@sha256:{}", "0".repeat(64));
        let denied = program.validate(create(pod(&[&image, &format!("{host}/app:v1")])));
        denied.assert_denied("failed policy: p");
        assert!(inside.count() > 0, "the token server is asked");
        for word in ["s3cret", "leak-path"] {
            assert!(!denied.review.to_string().contains(word), "{status}: {}", denied.message);
        }
    }
}

/// Where a registry sends us is its word too.
#[test]
fn target_of_a_redirect_is_not_in_a_denial() {
    let inside = Server::start(|_| Response::new(404, "text/plain", "s3cret"));
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let image = scene.unsigned("app/one");
    scene.registry.fault(Fault::redirect("/manifests/", &format!("{}/leak-path", inside.url())));
    let denied = scene.start().validate(create(pod(&[&image])));
    denied.assert_denied("failed policy: signed");
    assert!(!denied.message.contains("leak-path") && !denied.message.contains("s3cret"), "{}", denied.message);
}

/// Whom a registry names as its token server, where that one is not there.
#[test]
fn name_of_a_dead_token_server_is_not_in_a_denial() {
    let challenge = "Bearer realm=\"http://127.0.0.1:1/leak-path\",service=\"s3cret\"";
    let evil = Server::start(move |_| Response::new(401, "application/json", "{}").with("WWW-Authenticate", challenge));
    let scene = Scene::new();
    let host = evil.address().to_string();
    scene.put("policy", &policy("p", &[&format!("{host}/**")], json!([scene.key_authority()])));
    let program = scene.start();
    let image = format!("{host}/app@sha256:{}", "0".repeat(64));
    let denied = program.validate(create(pod(&[&image, &format!("{host}/app:v1")])));
    denied.assert_denied(&format!("https://{host}/v2/app/manifests/"));
    for word in ["s3cret", "leak-path"] {
        assert!(!denied.review.to_string().contains(word), "{}", denied.message);
    }
}

/// Whose names stand in the certificate of a server inside is no stranger's business.
#[test]
fn names_in_a_certificate_are_not_in_a_denial() {
    let inside = Server::start_https(|_| Response::new(404, "text/plain", ""));
    let host = inside.address().to_string();
    let scene = Scene::new();
    let mut policy = policy("p", &[&format!("{host}/**")], json!([scene.key_authority()]));
    policy["spec"]["policy"] = json!({"type": "cue", "fetchConfigFile": true, "data": "config: _"});
    scene.put("policy", &policy);
    let program = scene.start_trusting(inside.authority());
    let image = format!("{host}/app@sha256:{}", "0".repeat(64));
    let denied = program.validate(create(pod(&[&image, &format!("{host}/app:v1")])));
    denied.assert_denied("invalid peer certificate: certificate not valid for name");
    for word in ["DnsName", "localhost"] {
        assert!(!denied.review.to_string().contains(word), "{}", denied.message);
    }
}

/// A Pod of many images at a registry that hangs is in the way of its own namespace at most.
#[test]
fn one_pod_that_takes_all_turns() {
    let scene = Scene::new();
    let evil = OciRegistry::start();
    let globs = [&*format!("{}/app/**", scene.registry.host()), &*format!("{}/**", evil.host())];
    scene.put("policy", &policy("signed", &globs, json!([scene.key_authority()])));
    evil.fault(Fault::delay("/v2/", Duration::from_secs(20)));
    let image = scene.signed("app/one");
    let program = scene.start();
    let many: Vec<String> =
        (0..100).map(|n| format!("{}/x{n:03}@{}", evil.host(), Artifact::image("x").digest())).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut object = pod(&many);
    object["metadata"]["namespace"] = "evil".into();
    let mut request = create(object);
    request["namespace"] = "evil".into();
    let denied = Judged::of(program.post("/validations?timeout=1s", &review(request)));
    denied.assert_denied("context was canceled before validation completed");
    program.validate(create(pod(&[&image]))).assert_allowed();
}

/// One workload whose registry is dead is in the way of no other workload of its namespace.
#[test]
fn dead_registry_beside_one_that_is_well() {
    let scene = Scene::new();
    let dead = OciRegistry::start();
    let globs = [&*format!("{}/app/**", scene.registry.host()), &*format!("{}/**", dead.host())];
    scene.put("policy", &policy("signed", &globs, json!([scene.key_authority()])));
    dead.fault(Fault::delay("/v2/", Duration::from_secs(20)));
    let image = scene.signed("app/one");
    let program = scene.start();
    let digest = Artifact::image("x").digest();
    std::thread::scope(|scope| {
        let asks: Vec<_> = (0..20)
            .map(|n| {
                let image = format!("{}/x{n:03}@{digest}", dead.host());
                let body = review(create(pod(&[&image])));
                let program = &program;
                scope.spawn(move || Judged::of(program.post("/validations?timeout=1s", &body)))
            })
            .collect();
        for asked in asks {
            asked.join().unwrap().assert_denied("context was canceled before validation completed");
        }
    });
    // All of that is still under way.
    program.validate(create(pod(&[&image]))).assert_allowed();
    program.mutate(create(pod(&[&scene.by_tag("app/one")]))).assert_allowed();
}

/// Bodies that are promised and do not come.
#[test]
fn slow_bodies() {
    let scene = Scene::new();
    scene.put("config", &config("allow"));
    let program = scene.start();
    let begin = |framing: &str, first: &[u8]| {
        let mut stream = TcpStream::connect(program.address).unwrap();
        let head = "POST /validations?timeout=30s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        stream.write_all(format!("{head}{framing}\r\n\r\n").as_bytes()).unwrap();
        stream.write_all(first).unwrap();
        stream
    };
    let mut held: Vec<_> = (0..60).map(|_| begin("Content-Length: 8388608", b"")).collect();
    held.extend((0..60).map(|_| begin("Transfer-Encoding: chunked", b"1\r\n{\r\n")));
    let image = format!("registry.test/app@sha256:{}", "0".repeat(64));
    for _ in 0..5 {
        program.validate(create(pod(&[&image]))).assert_allowed();
    }
    drop(held);
}

/// A policy for nothing would be obeyed by letting everything through.
#[test]
fn policy_without_images_denies() {
    let image = format!("registry.test/app@sha256:{}", "0".repeat(64));
    let fail = json!([{"static": {"action": "pass"}}]);
    for spec in [json!({"images": [], "authorities": fail}), json!({"authorities": fail}), json!({}), Value::Null] {
        let scene = Scene::new();
        scene.put("config", &config("allow"));
        let mut empty = policy("empty", &[], json!([]));
        empty["spec"] = spec.clone();
        scene.put("policy", &empty);
        let program = scene.start();
        program.validate(create(pod(&[&image]))).assert_denied("failed policy: empty");
        program.wait_for("policy-broken", |line| line["policy"] == "empty");
    }
}

/// A policy over `spec.replicas` sees an update that takes replicas away.
#[test]
fn scaling_down_below_what_a_policy_wants() {
    let scene = Scene::new();
    let mut wants = policy("two", &["registry.test/**"], json!([{"name": "s", "static": {"action": "pass"}}]));
    wants["spec"]["policy"] = json!({"type": "cue", "includeSpec": true, "data": "spec: replicas: >=2"});
    scene.put("policy", &wants);
    let program = scene.start();
    let scaled = |replicas: u32| {
        let image = format!("registry.test/app@sha256:{}", "0".repeat(64));
        json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "d", "namespace": "apps"},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"image": image}]}}}})
    };
    program.validate(create(scaled(2))).assert_allowed();
    program.validate(update(scaled(3), scaled(2))).assert_allowed();
    program.validate(update(scaled(3), scaled(1))).assert_denied("failed policy: two");
}

/// Answers that would fill the memory: a namespace has its share, and others have theirs.
#[test]
fn answers_that_fill_the_memory() {
    let scene = Scene::new();
    let evil = OciRegistry::start();
    let globs = [&*format!("{}/app/**", scene.registry.host()), &*format!("{}/**", evil.host())];
    scene.put("policy", &policy("signed", &globs, json!([scene.key_authority()])));
    let huge = Response::ok("application/vnd.oci.image.manifest.v1+json", vec![b' '; 4 << 20]);
    evil.fault(Fault::answer("/manifests/", huge));
    let image = scene.signed("app/one");
    let program = scene.start_with(&["--answer-memory", "6"]);
    let digest = Artifact::image("x").digest();
    let many: Vec<String> = (0..20).map(|n| format!("{}/x{n:03}@{digest}", evil.host())).collect();
    let mut object = pod(&many.iter().map(String::as_str).collect::<Vec<_>>());
    object["metadata"]["namespace"] = "evil".into();
    let mut request = create(object);
    request["namespace"] = "evil".into();
    program.validate(request).assert_denied("bytes");
    program.validate(create(pod(&[&image]))).assert_allowed();
}

/// A policy over the whole object, an object of many images: whoever serves goes on serving.
#[test]
fn object_that_is_long_to_judge() {
    let scene = Scene::new();
    let mut wants = policy("all", &["registry.test/**"], json!([{"name": "s", "static": {"action": "pass"}}]));
    let cue =
        "spec: containers: [...{image: =~\"registry\", env: [...{name: =~\"^[a-z0-9]+$\", value: =~\"^[a-z]*$\"}]}]";
    wants["spec"]["policy"] = json!({"type": "cue", "includeSpec": true, "data": cue});
    scene.put("policy", &wants);
    let program = scene.start();
    let images: Vec<String> = (0..300).map(|n| format!("registry.test/x{n:03}@sha256:{}", "0".repeat(64))).collect();
    let mut object = pod(&images.iter().map(String::as_str).collect::<Vec<_>>());
    for container in object["spec"]["containers"].as_array_mut().unwrap() {
        container["env"] = (0..30).map(|n| json!({"name": format!("n{n}"), "value": "v"})).collect();
    }
    let body = review(create(object));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let judged = Judged::of(program.post("/validations?timeout=2s", &body));
                assert!(judged.allowed || judged.message.contains("context was canceled"), "{}", judged.message);
            });
        }
        assert_eq!(program.ask("GET", "/healthz", &[], b"").status, 200);
    });
    assert_eq!(program.ask("GET", "/healthz", &[], b"").status, 200);
}

/// Policies over attestations that compute until their steps are used up, on the only thread that serves: whoever asks for
/// little is answered before them.
#[test]
fn attestations_that_are_long_to_judge() {
    let scene = Scene::new();
    // 10^9 ways, none of which holds.
    let ways: String = (0..9).map(|n| format!("  digits[n{n}] >= 0\n")).collect();
    let rego = format!("package sigstore\ndigits := [0,1,2,3,4,5,6,7,8,9]\nisCompliant {{\n{ways}  n0 > 9\n}}\n");
    let mut heavy = scene.key_authority();
    heavy["attestations"] = json!([{"name": "h", "predicateType": CUSTOM, "policy": {"type": "rego", "data": rego}}]);
    scene.put("heavy", &policy("heavy", &[&format!("{}/heavy/**", scene.registry.host())], json!([heavy])));
    scene.put("light", &scene.key_policy());
    let light = scene.signed("app/one");
    let images: Vec<_> = (0..2)
        .map(|n| {
            let (name, artifact) = (format!("heavy/x{n}"), Artifact::image(&format!("x{n}")));
            let signed = scene.sigstore.attest_image_with_key(&name, &artifact, (CUSTOM, json!({})), &scene.key);
            scene.registry.attest(&name, &artifact, &[EvidenceLayer::unlogged(&signed)]);
            scene.registry.push(&name, "v1", &artifact)
        })
        .collect();
    let program =
        Program::of(scene::command(scene.folder.path()).args(scene::LOOPBACK).env("TOKIO_WORKER_THREADS", "1"));
    std::thread::scope(|scope| {
        let judging: Vec<_> = images
            .iter()
            .map(|image| {
                let body = review(create(pod(&[image])));
                let program = &program;
                scope.spawn(move || Judged::of(program.post("/validations?timeout=30s", &body)))
            })
            .collect();
        // Each has read its attestation: a list under a tag, and a layer.
        let end = Instant::now() + Duration::from_secs(60);
        while images.iter().any(|image| layers_read(&scene, image) == 0) {
            assert!(Instant::now() < end, "{:?}", scene.registry.counts());
            std::thread::sleep(Duration::from_millis(5));
        }
        for _ in 0..5 {
            program.validate(create(pod(&[&light]))).assert_allowed();
        }
        assert!(judging.iter().all(|judged| !judged.is_finished()), "the policy is not heavy, or was judged first");
        for judged in judging {
            judged.join().unwrap().assert_denied("evaluation takes more than 10000000 steps");
        }
    });
}

const CUSTOM: &str = "https://cosign.sigstore.dev/attestation/v1";

/// How many layers of evidence about an image were asked for.
fn layers_read(scene: &Scene, image: &str) -> usize {
    let repository = image.split_once('/').and_then(|(_, path)| path.split_once('@')).unwrap().0;
    scene.registry.count_of(&format!("/v2/{repository}/blobs/"))
}
