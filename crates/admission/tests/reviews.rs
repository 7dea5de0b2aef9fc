//! Reviews of workloads by the built program.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod scene;

use scene::{Scene, config, create, pod, policy, review, update};
use serde_json::{Value, json};
use sigward_testkit::image_evidence::evidence;
use sigward_testkit::{Artifact, EvidenceLayer};

#[test]
fn signed_and_unsigned_images() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let (signed, unsigned) = (scene.signed("app/one"), scene.unsigned("app/two"));
    let program = scene.start();
    program.validate(create(pod(&[&signed]))).assert_allowed();
    let denied = program.validate(create(pod(&[&signed, &unsigned, &unsigned])));
    let expected = format!(
        "validation failed: failed policy: signed: spec.containers[1].image, spec.containers[2].image\n{unsigned} \
         signature key validation failed for authority k for {unsigned}: no signatures found"
    );
    assert_eq!(denied.message, expected);
    assert_eq!(denied.review["response"]["status"]["code"], 400);
    assert_eq!(denied.review["response"]["uid"], "0b5f");
    let line = program.wait_for("review", |line| line["allowed"] == false);
    assert_eq!(line["reasons"], json!(["image-unsigned"]));
    assert_eq!((line["kind"].as_str(), line["namespace"].as_str()), (Some("Pod"), Some("apps")));
}

#[test]
fn review_of_the_older_version_is_answered_in_it() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let program = scene.start();
    let mut asked = review(create(pod(&[&scene.signed("app/one")])));
    asked["apiVersion"] = "admission.k8s.io/v1beta1".into();
    let answer = program.post("/validations", &asked);
    assert_eq!(
        (&answer["apiVersion"], &answer["response"]["allowed"]),
        (&json!("admission.k8s.io/v1beta1"), &json!(true))
    );
}

#[test]
fn tags_become_digests_wherever_they_are() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let digest = scene.signed("app/one").split_once('@').unwrap().1.to_owned();
    let tag = scene.by_tag("app/one");
    let program = scene.start();
    let spec = json!({
        "initContainers": [{"image": tag}],
        "containers": [{"image": format!("{tag}@{digest}")}, {"image": tag}],
        "ephemeralContainers": [{"image": tag}],
        "volumes": [{"name": "v", "image": {"reference": tag}}],
    });
    let object = json!({"kind": "CronJob", "apiVersion": "batch/v1", "metadata": {"name": "c"},
        "spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}});
    let at = "/spec/jobTemplate/spec/template/spec";
    let replace =
        |path: &str| json!({"op": "replace", "path": format!("{at}/{path}"), "value": format!("{tag}@{digest}")});
    let expected = json!([
        replace("initContainers/0/image"),
        replace("containers/1/image"),
        replace("ephemeralContainers/0/image"),
        replace("volumes/0/image/reference"),
    ]);
    assert_eq!(program.mutate(create(object)).assert_allowed().patch, expected);
    assert_eq!(scene.registry.counts().manifests, 1, "one tag is asked once");
    assert!(scene.registry.requests().iter().all(|request| request.method == "HEAD" || request.path == "/v2/"));
}

#[test]
fn tag_that_cannot_be_resolved_is_left_and_then_denied_with_the_reason() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    scene.signed("app/one");
    let program = scene.start();
    let missing = format!("{}:nope", scene.registry.name("app/one"));
    let mutated = program.mutate(create(pod(&[&missing])));
    assert_eq!(mutated.assert_allowed().patch, Value::Null);
    let denied = program.validate(create(pod(&[&missing])));
    let begin =
        format!("validation failed: invalid value: {missing} must be an image digest: spec.containers[0].image");
    assert_eq!(denied.message, format!("{begin}\n{missing}: the registry does not know the tag (404)"));
    // A registry that is down.
    let gone = format!("127.0.0.1:{}/app/one:v1", free_port());
    assert_eq!(program.mutate(create(pod(&[&gone]))).assert_allowed().patch, Value::Null);
    program.validate(create(pod(&[&gone]))).assert_denied("the registry cannot be reached: connection refused");
}

/// A port where nobody listens any more.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn image_volumes_and_debug_containers_are_judged() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let (signed, unsigned) = (scene.signed("app/one"), scene.unsigned("app/two"));
    let program = scene.start();
    let mut with_volume = pod(&[&signed]);
    with_volume["spec"]["volumes"] = json!([{"name": "v", "image": {"reference": unsigned}}]);
    program.validate(create(with_volume)).assert_denied("failed policy: signed: spec.volumes[0].image\n");
    let mut debugged = pod(&[&signed]);
    debugged["spec"]["ephemeralContainers"] = json!([{"name": "d", "image": unsigned}]);
    let mut request = update(pod(&[&signed]), debugged);
    request["subResource"] = "ephemeralcontainers".into();
    program.validate(request).assert_denied("failed policy: signed: spec.ephemeralContainers[0].image\n");
}

#[test]
fn what_no_policy_is_for() {
    let scene = Scene::new();
    let image = scene.unsigned("other/one");
    let program = scene.start();
    let expected = format!("validation failed: no matching policies: spec.containers[0].image\n{image}");
    assert_eq!(program.validate(create(pod(&[&image]))).message, expected);
    scene.put("config", &config("warn"));
    program.wait_for("policies-in-force", |line| line["number"].as_u64() > Some(1));
    let warned = program.validate(create(pod(&[&image])));
    let warnings = ["no matching policies: spec.containers[0].image".to_owned(), image.clone()];
    assert_eq!(warned.assert_allowed().warnings, warnings);
    // A tag is denied all the same.
    program.validate(create(pod(&[&scene.by_tag("other/one")]))).assert_denied("must be an image digest");
}

#[test]
fn several_policies_must_hold_and_one_only_warns() {
    let scene = Scene::new();
    let host = scene.registry.host();
    let image = scene.signed("app/one");
    scene.put("a", &scene.key_policy());
    scene.put(
        "b",
        &policy("fails", &[&format!("{host}/app/**")], json!([{"static": {"action": "fail", "message": "no"}}])),
    );
    let program = scene.start();
    program.validate(create(pod(&[&image]))).assert_denied("disallowed by static policy: no");
    let mut warns = policy("fails", &[&format!("{host}/app/**")], json!([{"static": {"action": "fail"}}]));
    warns["spec"]["mode"] = "warn".into();
    scene.put("b", &warns);
    program.wait_for("policies-in-force", |line| line["number"].as_u64() > Some(1));
    let warned = program.validate(create(pod(&[&image])));
    assert_eq!(warned.assert_allowed().warnings[0], "failed policy: fails: spec.containers[0].image");
}

/// A dead registry must not stand in the way of a label; nor must an image slip by with one.
#[test]
fn updates_that_change_nothing_are_not_judged_again() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let program = scene.start();
    let image = scene.unsigned("app/one");
    let mut labelled = pod(&[&image]);
    labelled["metadata"]["labels"] = json!({"a": "b"});
    program.validate(update(pod(&[&image]), labelled.clone())).assert_allowed();
    program.mutate(update(pod(&[&scene.by_tag("app/one")]), pod(&[&scene.by_tag("app/one")]))).assert_allowed();
    assert_eq!(scene.registry.count(), 0);
    program.validate(update(pod(&["127.0.0.1:1/app/x@sha256:0"]), labelled)).assert_denied("no signatures found");
    let scaled = |replicas: u32, image: &str| {
        json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "d", "namespace": "apps"},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"image": image}]}}}})
    };
    let other = scene.unsigned("app/two");
    program.validate(update(scaled(3, &image), scaled(1, &image))).assert_allowed();
    program.validate(update(scaled(1, &image), scaled(3, &image))).assert_denied("no signatures found");
    program.validate(update(scaled(3, &image), scaled(1, &other))).assert_denied("no signatures found");
    let mut deletion = create(pod(&["x"]));
    deletion["operation"] = "DELETE".into();
    deletion["object"] = Value::Null;
    program.validate(deletion).assert_allowed();
}

#[test]
fn policies_are_reloaded_and_broken_ones_deny() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let image = scene.signed("app/one");
    let other = scene.unsigned("other/one");
    scene.put("config", &config("allow"));
    let program = scene.start();
    program.validate(create(pod(&[&image]))).assert_allowed();
    // Its key is none: it denies what it is for.
    let globs = [&*format!("{}/app/**", scene.registry.host())];
    scene.put("policy", &policy("signed", &globs, json!([{"name": "k", "key": {"data": "x"}}])));
    program.wait_for("policies-in-force", |line| line["broken"] == 1);
    program.validate(create(pod(&[&image]))).assert_denied("failed policy: signed: spec.containers[0].image");
    program.validate(create(pod(&[&other]))).assert_allowed();
    // Nobody knows what it was for: it denies everything.
    scene.write("policy.json", "{\"apiVersion\": \"policy.sigstore.dev/v1beta1\", ");
    program.wait_for("policy-broken", |line| line["policy"].as_str().is_some_and(|name| name.ends_with("policy.json")));
    program.validate(create(pod(&[&other]))).assert_denied("policy.json");
    scene.put("policy", &scene.key_policy());
    let last = program.events("policies-in-force").len();
    program
        .wait_for("policies-in-force", |line| line["broken"] == 0 && program.events("policies-in-force").len() > last);
    program.validate(create(pod(&[&image]))).assert_allowed();
}

#[test]
fn explanation_on_demand() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let image = scene.signed("app/one");
    let program = scene.start();
    let mut asked = pod(&[&image]);
    asked["metadata"]["annotations"] = json!({"policy.sigward.dev/explain": "true"});
    let explained = program.validate(create(asked));
    assert_eq!(explained.assert_allowed().warnings, [format!("explain: {image}: policy signed: pass")]);
}

#[test]
fn keys_from_secrets_and_policies_from_config_maps() {
    let scene = Scene::new();
    let image = scene.signed("app/one");
    let globs = [&*format!("{}/app/**", scene.registry.host())];
    let authority = json!([{"name": "k", "key": {"secretRef": {"name": "cosign-key"}}}]);
    scene.put("policy", &policy("signed", &globs, authority));
    let program = scene.start();
    program.validate(create(pod(&[&image]))).assert_denied("secret \"cosign-key\" not found");
    scene.put(
        "secret",
        &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cosign-key", "namespace": "cosign-system"},
            "stringData": {"cosign.pub": scene.key.public_pem()}}),
    );
    program.wait_for("policies-in-force", |line| line["broken"] == 0);
    program.validate(create(pod(&[&image]))).assert_allowed();
}

/// The setting is in force as soon as it is read, for policies that have not changed.
#[test]
fn signatures_of_cosign_2_among_referrers() {
    let scene = Scene::new();
    let mut authority = scene.key_authority();
    authority["signatureFormat"] = "legacy".into();
    let globs = [&*format!("{}/app/**", scene.registry.host())];
    scene.put("policy", &policy("signed", &globs, json!([authority])));
    let (image, artifact) = (scene.unsigned("app/one"), Artifact::image("app/one"));
    let signed = scene.sigstore.sign_image_with_key("registry.test/app", &artifact, &scene.key);
    let mut older = evidence(&[EvidenceLayer::unlogged(&signed)]);
    older.manifest.subject = Some(artifact.descriptor());
    older.manifest.artifact_type = Some("application/vnd.dev.cosign.artifact.sig.v1+json".to_owned());
    scene.registry.refer("app/one", &older);
    let program = scene.start();
    program.validate(create(pod(&[&image]))).assert_denied("no signatures found");
    let mut settings = config("deny");
    settings["data"]["enable-oci11"] = "true".into();
    scene.put("config", &settings);
    program.wait_for("policies-in-force", |line| line["number"].as_u64() > Some(1));
    program.validate(create(pod(&[&image]))).assert_allowed();
}
