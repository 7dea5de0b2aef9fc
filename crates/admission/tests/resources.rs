//! The webhooks for policies and trust roots.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod scene;

use scene::{Judged, Program, Scene, create, policy, review};
use serde_json::{Value, json};

fn ask(program: &Program, path: &str, object: Value) -> Judged {
    Judged::of(program.post(path, &review(create(object))))
}

fn keyless(keyless: Value) -> Value {
    policy("p", &["**"], json!([{"keyless": keyless}]))
}

#[test]
fn defaults_are_patched_in() {
    let scene = Scene::new();
    let program = scene.start();
    let identities = json!([{"issuer": "i", "subject": "s"}]);
    let patched = ask(&program, "/defaulting", keyless(json!({"identities": identities})));
    let patch = patched.assert_allowed().patch.to_string();
    for part in ["enforce", "authority-0", "https://fulcio.sigstore.dev"] {
        assert!(patch.contains(part), "{patch}");
    }
    // The API server then refuses it, and names the field.
    let missing = ask(&program, "/defaulting", keyless(json!({"url": "https://f.test"})));
    assert!(missing.assert_allowed().patch.to_string().contains("identities"), "{}", missing.patch);
    let mut unknown = keyless(json!({"identities": identities}));
    unknown["spec"]["imagess"] = json!([]);
    let denied = ask(&program, "/defaulting", unknown);
    assert_eq!(denied.message, "mutation failed: cannot decode incoming new object: json: unknown field \"imagess\"");
    let root = json!({"apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "TrustRoot", "metadata": {"name": "t"},
        "spec": {"remote": {"root": "e30=", "mirror": "https://tuf.test"}}});
    assert!(ask(&program, "/defaulting", root).assert_allowed().patch.to_string().contains("targets"));
    ask(&program, "/defaulting", scene::pod(&["x"])).assert_denied("mutation failed: unhandled kind: /v1, Kind=Pod");
}

#[test]
fn what_is_wrong_is_said_as_upstream_says_it() {
    let scene = Scene::new();
    let program = scene.start();
    let denied = ask(&program, "/validating", policy("p", &[""], json!([])));
    let expected = "validation failed: missing field(s): spec.authorities, spec.images[0].glob";
    assert_eq!(denied.message, expected);
    let mut bad_mode = policy("p", &["**"], json!([{"static": {"action": "pass"}}]));
    bad_mode["spec"]["mode"] = "garbage".into();
    let denied = ask(&program, "/validating", bad_mode.clone());
    assert_eq!(denied.message, "validation failed: invalid value: garbage: spec.mode\nunsupported mode");
    // Its status alone is nobody's business here.
    let mut request = create(bad_mode);
    request["subResource"] = "status".into();
    Judged::of(program.post("/validating", &review(request))).assert_allowed();
    let root = json!({"apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "TrustRoot", "metadata": {"name": "t"},
        "spec": {}});
    let denied = ask(&program, "/validating", root);
    denied.assert_denied("expected exactly one, got neither: spec.remote, spec.repository, spec.sigstoreKeys");
}

/// What it refers to may come later: that it denies until then is said, and does not refuse it.
#[test]
fn policy_that_denies_what_it_is_for_is_taken_with_a_warning() {
    let scene = Scene::new();
    let program = scene.start();
    let authority = json!([{"name": "k", "key": {"secretRef": {"name": "nowhere"}}}]);
    let taken = ask(&program, "/validating", policy("p", &["**"], authority));
    let warning = &taken.assert_allowed().warnings[0];
    assert!(warning.contains("denied") && warning.contains("secret \"nowhere\" not found"), "{warning}");
    let cue = json!([{"name": "k", "key": {"data": scene.key.public_pem()}, "attestations":
        [{"name": "a", "predicateType": "https://x.test/v1", "policy": {"type": "cue", "data": "a: ["}}]}]);
    let taken = ask(&program, "/validating", policy("p", &["**"], cue));
    assert!(!taken.assert_allowed().warnings.is_empty());
}

#[test]
fn objects_are_converted_both_ways_without_loss() {
    let scene = Scene::new();
    let program = scene.start();
    let mut object = policy("p", &["**"], json!([{"name": "k", "key": {"data": "x"}, "ctlog": {"trustRootRef": "t"}}]));
    object["spec"]["mode"] = "warn".into();
    let convert = |object: &Value, wanted: &str| {
        let request = json!({"uid": "u", "desiredAPIVersion": wanted, "objects": [object]});
        let review = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "request": request});
        program.post("/resource-conversion", &review)["response"].clone()
    };
    let alpha = convert(&object, "policy.sigstore.dev/v1alpha1");
    assert_eq!((&alpha["uid"], &alpha["result"]["status"]), (&json!("u"), &json!("Success")));
    let alpha = &alpha["convertedObjects"][0];
    assert_eq!((&alpha["apiVersion"], &alpha["spec"]), (&json!("policy.sigstore.dev/v1alpha1"), &object["spec"]));
    let back = convert(alpha, "policy.sigstore.dev/v1beta1");
    assert_eq!(back["convertedObjects"][0], object);
    let refused = convert(&object, "policy.sigstore.dev/v7");
    assert_eq!((&refused["result"]["status"], &refused["convertedObjects"]), (&json!("Failure"), &json!([])));
}
