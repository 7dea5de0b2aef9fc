//! What is asked of registries, how often, and as whom.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod scene;

use std::time::Duration;

use scene::{Program, Scene, config, create, pod, policy};
use serde_json::{Value, json};
use sigward_testkit::fault::Fault;
use sigward_testkit::registry::{Auth, Settings};
use sigward_testkit::{Artifact, EvidenceLayer};

/// A cold image by tag costs three requests, one by digest two; warm ones cost none.
#[test]
fn requests_of_cold_and_warm_images() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let image = scene.signed("app/one");
    let program = scene.start();
    program.mutate(create(pod(&[&scene.by_tag("app/one")]))).assert_allowed();
    assert_eq!(scene.registry.counts().logical(), 1);
    program.validate(create(pod(&[&image]))).assert_allowed();
    assert_eq!(scene.registry.counts().logical(), 3, "{:?}", scene.registry.counts());
    for _ in 0..5 {
        program.validate(create(pod(&[&image]))).assert_allowed();
    }
    assert_eq!(scene.registry.counts().logical(), 3);
}

#[test]
fn ten_containers_of_one_image_are_one_image() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let image = scene.signed("app/one");
    let program = scene.start();
    program.validate(create(pod(&[&*image; 10]))).assert_allowed();
    assert_eq!(scene.registry.counts().logical(), 2);
}

/// Twenty at once, of which the first finds a slow registry.
#[test]
fn reviews_at_the_same_time_share_the_work() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let image = scene.signed("app/one");
    scene.registry.fault(Fault::delay("/manifests/", Duration::from_millis(300)));
    let program = scene.start();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| program.validate(create(pod(&[&image]))).assert_allowed().allowed);
        }
    });
    assert_eq!(scene.registry.counts().logical(), 2);
}

/// Two policies with other names and the same authority are one question.
#[test]
fn authorities_that_are_the_same_are_asked_once() {
    let scene = Scene::new();
    let globs = [&*format!("{}/**", scene.registry.host())];
    let mut second = scene.key_authority();
    second["name"] = "other-name".into();
    scene.put("a", &policy("a", &globs, json!([scene.key_authority()])));
    scene.put("b", &policy("b", &globs, json!([second])));
    let image = scene.signed("app/one");
    let program = scene.start();
    program.validate(create(pod(&[&image]))).assert_allowed();
    assert_eq!(scene.registry.counts().logical(), 2);
}

/// A key that changes is another authority, whatever its policy is called.
#[test]
fn proof_of_another_key_is_not_used() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let image = scene.signed("app/one");
    let program = scene.start();
    program.validate(create(pod(&[&image]))).assert_allowed();
    let other = sigward_testkit::Key::default();
    let globs = [&*format!("{}/app/**", scene.registry.host())];
    let authority = json!([{"name": "k", "key": {"data": other.public_pem()}}]);
    scene.put("policy", &policy("signed", &globs, authority));
    program.wait_for("policies-in-force", |line| line["number"].as_u64() > Some(1));
    program.validate(create(pod(&[&image]))).assert_denied("failed policy: signed");
}

#[test]
fn image_that_is_signed_after_it_was_refused() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let (image, artifact) = (scene.unsigned("app/one"), Artifact::image("app/one"));
    let program = scene.start();
    // A failure says nothing about the image.
    scene.registry.fault(Fault::status("/manifests/", 503).first(3));
    program.validate(create(pod(&[&image]))).assert_denied("503");
    program.validate(create(pod(&[&image]))).assert_denied("no signatures found");
    let signed = scene.sigstore.sign_image_with_key("registry.test/app", &artifact, &scene.key);
    scene.registry.sign("app/one", &artifact, &[EvidenceLayer::unlogged(&signed)]);
    program.validate(create(pod(&[&image]))).assert_allowed();
}

fn login(host: &str, user: &str, password: &str) -> String {
    json!({"auths": {host: {"username": user, "password": password}}}).to_string()
}

fn pull_secret(namespace: &str, name: &str, config: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
        "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": config}})
}

fn in_namespace(namespace: &str, mut pod: Value) -> Value {
    pod["metadata"]["namespace"] = namespace.into();
    let mut request = create(pod);
    request["namespace"] = namespace.into();
    request
}

fn private() -> (Scene, String) {
    let scene =
        Scene::with(Settings { auth: Auth::Basic { user: "u".into(), password: "p".into() }, ..Settings::default() });
    scene.put("policy", &scene.key_policy());
    let image = scene.signed("app/one");
    (scene, image)
}

#[test]
fn pull_secrets_of_the_pod_and_of_its_service_account() {
    let (scene, image) = private();
    let config = login(&scene.registry.host(), "u", "p");
    scene.put("one", &pull_secret("one", "login", &config));
    scene.put("two", &pull_secret("two", "login", &config));
    scene.put(
        "account",
        &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "two"},
            "imagePullSecrets": [{"name": "login"}]}),
    );
    let program = scene.start();
    // Nobody: refused, and that is no verdict about the image.
    program.validate(in_namespace("three", pod(&[&image]))).assert_denied("UNAUTHORIZED");
    // There is a secret of that name elsewhere, and none here.
    let mut asks = pod(&[&image]);
    asks["spec"]["imagePullSecrets"] = json!([{"name": "login"}]);
    program.validate(in_namespace("three", asks.clone())).assert_denied("UNAUTHORIZED");
    program.validate(in_namespace("one", pod(&[&image]))).assert_denied("UNAUTHORIZED");
    program.validate(in_namespace("one", asks)).assert_allowed();
    // What was proved counts for everybody.
    program.validate(in_namespace("three", pod(&[&image]))).assert_allowed();
}

#[test]
fn service_account_of_the_pod() {
    let (scene, image) = private();
    let config = login(&scene.registry.host(), "u", "p");
    scene.put("secret", &pull_secret("two", "login", &config));
    for (name, secrets) in [("default", json!([])), ("puller", json!([{"name": "login"}]))] {
        scene.put(
            name,
            &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "two"},
                "imagePullSecrets": secrets}),
        );
    }
    let program = scene.start();
    program.validate(in_namespace("two", pod(&[&image]))).assert_denied("UNAUTHORIZED");
    let mut as_puller = pod(&[&image]);
    as_puller["spec"]["serviceAccountName"] = "puller".into();
    program.validate(in_namespace("two", as_puller)).assert_allowed();
}

/// Holds a registry's answer back until it is opened, or dropped.
struct Gate(std::sync::mpsc::Sender<()>);

/// Of the first request whose path contains `path`.
fn hold_back(scene: &Scene, path: &str) -> Gate {
    let (gate, opened) = std::sync::mpsc::channel::<()>();
    let opened = std::sync::Mutex::new(opened);
    let wait = move |answer| {
        let _ = opened.lock().unwrap().recv();
        answer
    };
    scene.registry.fault(Fault::change(path, wait).first(1));
    Gate(gate)
}

/// Has the first one ask, and while the registry still owes it an answer the second; both verdicts.
fn beside_each_other<T: Send>(scene: &Scene, first: impl FnOnce() -> T + Send, second: impl FnOnce() -> T) -> (T, T) {
    let before = scene.registry.count();
    let gate = hold_back(scene, "/manifests/");
    std::thread::scope(|scope| {
        let first = scope.spawn(first);
        while scene.registry.count() == before {
            std::thread::sleep(Duration::from_millis(5));
        }
        let second = second();
        assert!(!first.is_finished());
        drop(gate.0);
        (first.join().unwrap(), second)
    })
}

/// Who asks for the image of [`private`], and what the registry lets them see.
fn callers(image: &str) -> [(Value, bool); 4] {
    let with = |namespace: &str, secrets: &[&str]| {
        let secrets: Vec<_> = secrets.iter().map(|name| json!({"name": name})).collect();
        let mut asks = pod(&[image]);
        asks["spec"]["imagePullSecrets"] = secrets.into();
        in_namespace(namespace, asks)
    };
    [
        (with("one", &["good"]), true),
        (with("one", &[]), false),
        (with("one", &["bad"]), false),
        (with("two", &["good"]), false),
    ]
}

fn put_logins(scene: &Scene) {
    let host = scene.registry.host();
    scene.put("good", &pull_secret("one", "good", &login(&host, "u", "p")));
    scene.put("bad", &pull_secret("one", "bad", &login(&host, "u", "wrong")));
    // Of the same name as one that would do, in a namespace that has none such.
    scene.put("other", &pull_secret("two", "good", &login(&host, "v", "q")));
}

/// Neither what somebody else's credential finds, nor what it does not.
#[test]
fn work_under_way_is_not_shared_between_credentials() {
    for (first, second) in [(0, 1), (0, 2), (0, 3), (1, 0), (2, 0), (3, 0), (1, 2)] {
        let (scene, image) = private();
        put_logins(&scene);
        let program = scene.start();
        let callers = callers(&image);
        let ask = |n: usize| program.validate(callers[n].0.clone()).allowed;
        let allowed = beside_each_other(&scene, || ask(first), || ask(second));
        assert_eq!(allowed, (callers[first].1, callers[second].1), "{first} {second}");
    }
}

#[test]
fn tags_under_way_are_not_shared_between_credentials() {
    for (first, second) in [(0, 1), (0, 2), (0, 3), (1, 0), (2, 0), (3, 0)] {
        let (scene, _) = private();
        put_logins(&scene);
        let program = scene.start();
        let callers = callers(&scene.by_tag("app/one"));
        let ask = |n: usize| !program.mutate(callers[n].0.clone()).patch.is_null();
        let resolved = beside_each_other(&scene, || ask(first), || ask(second));
        assert_eq!(resolved, (callers[first].1, callers[second].1), "{first} {second}");
    }
}

/// A policy's words may repeat parts of an image's configuration.
#[test]
fn attack_configuration_of_a_private_image_in_a_denial_for_those_who_may_not_read_it() {
    let (scene, image) = private();
    put_logins(&scene);
    let mut policy = scene.key_policy();
    let data = "config: \"linux/amd64\": os: \"plan9\"";
    policy["spec"]["policy"] = json!({"type": "cue", "fetchConfigFile": true, "data": data});
    scene.put("policy", &policy);
    let program = scene.start();
    for (asks, may_read) in callers(&image) {
        let denied = program.validate(asks);
        denied.assert_denied(if may_read { "plan9" } else { "UNAUTHORIZED" });
        assert_eq!(denied.message.contains("plan9"), may_read, "{}", denied.message);
    }
}

/// A registry may say 401, 403 or 404 of what it hides. Also where the Pod has a pull secret, for another registry.
#[test]
fn what_nobody_in_particular_was_told_is_not_remembered() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    scene.put("elsewhere", &pull_secret("one", "elsewhere", &login("elsewhere.test", "u", "p")));
    // For as long as the test takes.
    let program = scene.start_with(&["--refusal-ttl", "1h"]);
    for (status, secrets) in
        [401, 403, 404].into_iter().flat_map(|status| [(status, json!([])), (status, json!([{"name": "elsewhere"}]))])
    {
        let image = scene.signed(&format!("app/x{status}-{}", secrets.as_array().unwrap().len()));
        let mut asks = pod(&[&image]);
        asks["spec"]["imagePullSecrets"] = secrets;
        let asks = in_namespace("one", asks);
        scene.registry.fault(Fault::status("/manifests/", status));
        assert!(!program.validate(asks.clone()).allowed, "{status}");
        scene.registry.clear_faults();
        program.validate(asks).assert_allowed();
    }
}

/// `signaturePullSecrets` replace the Pod's own.
#[test]
fn secrets_that_the_policy_names_replace_those_of_the_pod() {
    let (scene, image) = private();
    let mut authority = scene.key_authority();
    let place = scene.registry.name("app/one");
    authority["source"] = json!([{"oci": place, "signaturePullSecrets": [{"name": "of-policy"}]}]);
    let globs = [&*format!("{}/app/**", scene.registry.host())];
    scene.put("policy", &policy("signed", &globs, json!([authority])));
    scene.put("own", &pull_secret("apps", "own", &login(&scene.registry.host(), "u", "p")));
    let program = scene.start();
    let mut asks = pod(&[&image]);
    asks["spec"]["imagePullSecrets"] = json!([{"name": "own"}]);
    program.validate(create(asks.clone())).assert_denied("UNAUTHORIZED");
    scene.put("of-policy", &pull_secret("apps", "of-policy", &login(&scene.registry.host(), "u", "p")));
    wait_for_secret(&program, &asks);
}

/// A new Secret changes no policy, so that no line of the log tells of it.
fn wait_for_secret(program: &Program, pod: &Value) {
    for _ in 0..100 {
        if program.validate(create(pod.clone())).allowed {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("still denied");
}

#[test]
fn secret_that_cannot_be_read_is_no_anonymous_access() {
    let (scene, image) = private();
    scene.put("secret", &pull_secret("apps", "login", "{\"auths\": 1}"));
    scene.put("config", &config("deny"));
    let program = scene.start();
    let mut asks = pod(&[&image]);
    asks["spec"]["imagePullSecrets"] = json!([{"name": "login"}]);
    program.validate(create(asks)).assert_denied("login");
    assert_eq!(scene.registry.counts().logical(), 0);
}

#[test]
fn loopback_registry_is_not_asked_without_the_flag() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let image = scene.signed("app/one");
    let program = Program::start(scene.folder.path(), &[]);
    program.validate(create(pod(&[&image]))).assert_denied("is in a network that is not asked");
    let tag = scene.by_tag("app/one");
    assert_eq!(program.mutate(create(pod(&[&tag]))).assert_allowed().patch, Value::Null);
    program.validate(create(pod(&[&tag]))).assert_denied("it is in a network that is not asked");
    assert_eq!(scene.registry.count(), 0);
}

/// Whoever may name an image must not read what a server inside the cluster answers.
#[test]
fn words_of_servers_are_in_no_denial() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let image = scene.unsigned("app/one");
    let program = scene.start();
    for (status, body) in
        [(403, "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"s3cret\"}]}"), (418, "s3cret"), (500, "s3cret")]
    {
        let answer = sigward_testkit::server::Response::new(status, "application/json", body);
        scene.registry.fault(Fault::answer("/manifests/", answer));
        let denied = program.validate(create(pod(&[&image, &scene.by_tag("app/one")])));
        assert!(!denied.allowed && !denied.review.to_string().contains("s3cret"), "{}", denied.message);
    }
}

/// A replica that has just started, while the registry is down. What is on disk is judged again, by the keys of now.
#[test]
fn evidence_on_disk_answers_while_a_registry_is_down() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let (image, other) = (scene.signed("app/one"), scene.signed("app/two"));
    let cache = tempfile::tempdir().unwrap();
    let flags = ["--cache-dir", cache.path().to_str().unwrap()];
    let program = scene.start_with(&flags);
    program.validate(create(pod(&[&image]))).assert_allowed();
    let evidence = cache.path().join("evidence");
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while !evidence.is_dir() || std::fs::read_dir(&evidence).unwrap().count() == 0 {
        assert!(std::time::Instant::now() < end, "nothing is kept");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(program);
    scene.registry.fault(Fault::hang_up("/v2/"));
    let program = scene.start_with(&flags);
    program.validate(create(pod(&[&image]))).assert_allowed();
    program.validate(create(pod(&[&other]))).assert_denied("failed policy: signed");
    drop(program);
    let file = std::fs::read_dir(&evidence).unwrap().next().unwrap().unwrap().path();
    let good = std::fs::read_to_string(&file).unwrap();
    // Another key, which did not sign it.
    let globs = [&*format!("{}/app/**", scene.registry.host())];
    let key = sigward_testkit::Key::default().public_pem();
    scene.put("policy", &policy("signed", &globs, json!([{"name": "k", "key": {"data": key}}])));
    scene.start_with(&flags).validate(create(pod(&[&image]))).assert_denied("failed policy: signed");
    // Somebody wrote there.
    scene.put("policy", &scene.key_policy());
    for bad in ["{", "{\"answers\":{}}", &good.replace("\"body\":\"", "\"body\":\"AAAA")] {
        std::fs::write(&file, bad).unwrap();
        scene.start_with(&flags).validate(create(pod(&[&image]))).assert_denied("failed policy: signed");
    }
    std::fs::write(&file, good).unwrap();
    scene.start_with(&flags).validate(create(pod(&[&image]))).assert_allowed();
}

/// A registry that says how long it wants to be left alone is left alone.
#[test]
fn retry_after_is_respected_by_all_reviews() {
    let scene = Scene::new();
    scene.put("policy", &scene.key_policy());
    let (one, two) = (scene.signed("app/one"), scene.signed("app/two"));
    scene.registry.fault(Fault::retry_after("/manifests/", 429, 3_600).first(1));
    let program = scene.start();
    program.validate(create(pod(&[&one]))).assert_denied("429");
    let asked = scene.registry.count();
    for image in [&one, &two] {
        program.validate(create(pod(&[image]))).assert_denied("wants to be left alone");
    }
    assert_eq!(scene.registry.count(), asked);
}
