//! Every error ends in a denial (ARCHITECTURE.md, invariant 3): one table for reviews, one for requests that are none.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod scene;

use std::time::{Duration, Instant};

use scene::{JSON, Judged, Scene, config, create, pod, policy, review, update};
use serde_json::{Value, json};
use sigward_testkit::fault::Fault;

#[test]
fn bodies_that_are_no_reviews() {
    let scene = Scene::new();
    scene.put("config", &config("allow"));
    let program = scene.start();
    for path in ["/validations", "/mutations", "/defaulting", "/validating", "/resource-conversion"] {
        for body in ["", "{}", "null", "[]", "{\"kind\":", "\"x\"", "{\"apiVersion\":\"admission.k8s.io/v1\"}", "\u{0}"]
        {
            let reply = program.ask("POST", path, JSON, body.as_bytes());
            assert_eq!(reply.status, 400, "{path} {body}");
            assert!(reply.body.starts_with("could not decode body: "), "{}", reply.body);
        }
        assert_eq!(program.ask("POST", path, JSON, &[0xff; 64]).status, 400);
        assert_eq!(program.ask("POST", path, &[], b"{}").status, 415);
        assert_eq!(program.ask("POST", path, &[("Content-Type", "text/yaml")], b"{}").status, 415);
        assert_eq!(program.ask("PUT", path, JSON, b"{}").status, 405);
    }
    let unknown = program.ask("POST", "/mutate", JSON, b"{}");
    assert_eq!((unknown.status, unknown.body.as_str()), (400, "no controller registered for: /mutate"));
    // Nothing of this has hurt it.
    let image = format!("registry.test/app@sha256:{}", "0".repeat(64));
    program.validate(create(pod(&[&image]))).assert_allowed();
}

#[test]
fn huge_bodies() {
    let scene = Scene::new();
    let program = scene.start();
    let told = [("Content-Type", "application/json"), ("Content-Length", "9000000")];
    assert_eq!(program.ask("POST", "/validations", &told, b"{").status, 413);
    let chunked = &[("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")];
    let mut body = Vec::new();
    for _ in 0..9 {
        body.extend_from_slice(b"100000\r\n");
        body.extend(std::iter::repeat_n(b' ', 0x10_0000));
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    let reply = scene::ask_raw(program.address, "/validations", chunked, &body);
    assert_eq!(reply.status, 413);
    // As large as an update of the largest object may be.
    let mut object = pod(&["x"]);
    object["metadata"]["annotations"] = json!({"a": "x".repeat(3 << 20)});
    let denied = Judged::of(program.post("/validations", &review(update(object.clone(), object))));
    denied.assert_allowed();
}

/// Requests that have a uid are answered, and denied.
#[test]
fn requests_that_cannot_be_judged_are_denied() {
    let scene = Scene::new();
    scene.put("config", &config("allow"));
    let program = scene.start();
    let of = |change: &dyn Fn(&mut Value)| {
        let mut request = create(pod(&["registry.test/app@sha256:0"]));
        change(&mut request);
        request
    };
    type Row<'a> = (&'a dyn Fn(&mut Value), &'a str);
    let table: &[Row<'_>] = &[
        (&|it| it["object"] = Value::Null, "the object: expected an object, found nothing"),
        (&|it| it["object"]["spec"] = Value::Null, "spec: expected an object, found nothing"),
        (&|it| it["object"]["spec"] = json!("x"), "spec: expected an object"),
        (&|it| it["object"]["spec"]["containers"] = json!({}), "spec.containers: expected a list"),
        (&|it| it["object"]["spec"]["containers"] = json!([1]), "spec.containers[0]: expected an object"),
        (&|it| it["object"]["spec"]["containers"][0]["image"] = json!(1), "spec.containers[0].image: expected a text"),
        (&|it| it["object"]["metadata"] = json!([]), "metadata: expected an object"),
        (&|it| it["object"]["metadata"]["namespace"] = json!("other"), "metadata.namespace: expected the namespace"),
        (&|it| it["object"]["kind"] = json!("Deployment"), "kind: expected what request.kind says"),
        (&|it| it["kind"]["kind"] = json!("Sandwich"), "unhandled kind: /v1, Kind=Sandwich"),
        (&|it| it["kind"]["version"] = json!("v2"), "unhandled kind: /v2, Kind=Pod"),
        (&|it| it["operation"] = json!("EAT"), "request: expected the fields"),
        (&|it| it["kind"] = json!(1), "request: expected the fields"),
        (&|it| it["dryRun"] = json!("x"), "request: expected the fields"),
    ];
    for (change, text) in table {
        program.validate(of(*change)).assert_denied(text);
        program.mutate(of(*change)).assert_denied(text);
    }
    program
        .validate(of(&|it| it["object"]["spec"]["containers"][0]["image"] = json!("")))
        .assert_denied("could not parse");
    let many = vec![json!({"image": "x"}); 501];
    program.validate(of(&|it| it["object"]["spec"]["containers"] = json!(many))).assert_denied("more than 500");
}

/// What a registry may do wrong. Nothing of it lets an image through, nor takes longer than the webhook has.
#[test]
fn registries_that_fail() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let image = scene.signed("app/one");
    let program = scene.start();
    for status in [401, 403, 404, 418, 429, 500] {
        scene.registry.fault(Fault::status("/v2/app", status));
        let denied = program.validate(create(pod(&[&image])));
        denied.assert_denied("failed policy: signed: spec.containers[0].image\n");
        assert!(denied.message.len() < 4_000, "{status}: {}", denied.message);
        scene.registry.clear_faults();
    }
    for fault in [Fault::hang_up("/v2/app"), Fault::endless("/v2/app"), Fault::truncate("/v2/app", 20)] {
        scene.registry.fault(fault);
        program.validate(create(pod(&[&image]))).assert_denied("failed policy: signed: spec.containers[0].image\n");
        scene.registry.clear_faults();
    }
    // Nor does it stay: the registry is well, and so is its image.
    program.validate(create(pod(&[&scene.signed("app/two")]))).assert_allowed();
}

#[test]
fn registry_that_hangs_is_denied_before_the_webhook_ends() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let image = scene.signed("app/one");
    scene.registry.fault(Fault::delay("/manifests/", Duration::from_secs(8)));
    let program = scene.start();
    let begin = Instant::now();
    let denied = Judged::of(program.post("/validations?timeout=1s", &review(create(pod(&[&image])))));
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    denied.assert_denied("context was canceled before validation completed");
    let line = program.wait_for("review", |line| line["allowed"] == false);
    assert_eq!(line["reasons"], json!(["deadline"]));
    let tag = scene.by_tag("app/one");
    let denied = Judged::of(program.post("/mutations?timeout=1s", &review(create(pod(&[&tag])))));
    denied.assert_denied("mutation failed: context was canceled before validation completed");
}

/// Trust material that cannot be had denies, and says what is missing.
#[test]
fn missing_trust() {
    let scene = Scene::new();
    let globs = [&*format!("{}/app/**", scene.registry.host())];
    let identities = json!([{"issuer": "https://issuer.test", "subjectRegExp": ".*"}]);
    let authority = json!([{"name": "k", "keyless": {"trustRootRef": "nowhere", "identities": identities}}]);
    scene.put("policy", &policy("keyless", &globs, authority));
    let image = scene.signed("app/one");
    let program = scene.start();
    program.validate(create(pod(&[&image]))).assert_denied("trustRootRef nowhere not found");
    assert_eq!(scene.registry.count(), 0);
}

#[test]
fn folders_and_flags_that_are_of_no_use() {
    let scene = Scene::new();
    let fails = |flags: &[&str], text: &str| {
        let output = scene::command(scene.folder.path()).args(flags).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(text), "{flags:?}: {error}");
    };
    fails(&["--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.pem"], "--tls-cert /nowhere.pem: ");
    fails(&["--trusted-root", "/nowhere.json"], "--trusted-root /nowhere.json: ");
    fails(&["--registry-cacert", "/nowhere.pem"], "--registry-cacert /nowhere.pem: ");
    let output = scene::command(std::path::Path::new("/nowhere")).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("--policies /nowhere: "));
    let mut open = std::process::Command::new(env!("CARGO_BIN_EXE_sigward-admission"));
    let open = open.args(["--listen", "0.0.0.0:0", "--policies"]).arg(scene.folder.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&open.stderr).contains("without --tls-cert only loopback addresses are served"));
}
