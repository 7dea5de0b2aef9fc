//! `policy test` against a registry on loopback: what it denies, what it says, and what is on its standard output.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod images_scene;
mod policy_scene;
mod support;

use std::os::unix::fs::symlink;

use images_scene::{NAME, SLSA, Scene};
use policy_scene::{Policies, config_map, digest_pod, key_secret, keyless, policy, secret, with_policy};
use serde_json::{Value, json};
use sigward_testkit::image_evidence::evidence;
use sigward_testkit::registry::{Auth, Settings};
use sigward_testkit::text::b64;
use sigward_testkit::{Artifact, EvidenceLayer, ISSUER};
use support::SIGWARD;

#[test]
fn command_lines_that_are_none() {
    let scene = Scene::new();
    for (words, text) in [
        ("", "required flag(s) \"policy\", \"image\" not set"),
        ("--image x", "required flag(s) \"policy\" not set"),
        ("--policy p", "required flag(s) \"image\" not set"),
        ("--policy= --image x", "required flag(s) \"policy\" not set"),
        ("--policy p --image x --log-level loud", "must be one of debug, info, warn, error"),
        ("--policy p --image x --record a --replay b", "--replay contradicts --record"),
        ("--policy https://x.test/p --image x --replay b", "--replay contradicts --policy=URL"),
        ("--policy - --policy - --image x", "only once"),
        ("--policy p --image x y", "accepts at most 0 arg(s)"),
        ("--policy p --image x --attachment-tag-prefix a", "unknown flag"),
    ] {
        scene.place.run(&format!("policy test {words}")).failed(text);
    }
}

/// What cannot be read is no test: it is neither a success nor a verdict.
#[test]
fn files_that_are_no_policies() {
    let scene = Scene::new();
    let good = policy("p", "**", json!([{"static": {"action": "pass"}}]));
    let with = |path: &str, value: Value| {
        let mut policy = good.clone();
        *policy.pointer_mut(path).unwrap() = value;
        policy.to_string()
    };
    for (file, text) in [
        ("a: [".to_owned(), "p.yaml: "),
        ("- 1".to_owned(), "missing field(s): apiVersion"),
        (String::new(), "missing field(s): policies"),
        (config_map("c", "k", "v").to_string(), "missing field(s): policies"),
        (
            with("/kind", "ClusterImagePolicies".into()),
            "unknown type: policy.sigstore.dev/v1beta1, Kind=ClusterImagePolicies",
        ),
        (with("/apiVersion", "policy.sigstore.dev/v2".into()), "unknown type"),
        (with("/metadata", json!({})), "missing field(s): metadata.name"),
        (with("/spec/authorities", json!([])), "CIP is invalid: invalid value: missing field(s): spec.authorities"),
        (with("/spec/authorities/0", json!({"statik": {}})), "unable to unmarshal: json: unknown field \"statik\""),
        (with("/spec/images/0/glob", "[".into()), "CIP is invalid"),
        (format!("{good}\n---\n{}", with("/spec/images/0/glob", "*".into())), "\"p\" is also in p.yaml, document 1"),
        (format!("{good}\n---\n{}", config_map("config-policy-controller", "enable-oci11", "?")), "enable-oci11"),
        (
            json!({"apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "TrustRoot", "metadata": {"name": "t"},
                "spec": {}})
            .to_string(),
            "TrustRoot t: expected exactly one, got neither",
        ),
    ] {
        let file = if file.contains("\"TrustRoot\"") { format!("{good}\n---\n{file}") } else { file };
        scene.place.put("p.yaml", &file);
        scene.place.run("policy test --policy p.yaml --image x").failed(text);
    }
    scene
        .place
        .run("policy test --policy missing.yaml --image x")
        .failed("open missing.yaml: no such file or directory");
    scene.place.put("p.yaml", good.to_string());
    for (resource, text) in [
        ("{}", "missing field(s): apiVersion"),
        (r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {}}"#, "kubernetes resource is missing spec key"),
        (r#"{"apiVersion": "v1", "kind": "Pod", "spec": {}}"#, "kubernetes resource is missing metadata key"),
        (r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": 1}}"#, "expected a list"),
        (r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {}}"#, "no image to judge"),
        (r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}"#, "no object that names images"),
    ] {
        scene.place.put("r.yaml", resource);
        scene.place.run("policy test --policy p.yaml --resource r.yaml").failed(text);
    }
    scene.place.run("policy test --policy p.yaml --resource missing.yaml").failed("no such file");
}

/// policy-tester's contract: errors in a line of JSON and 1, or nothing and 0.
#[test]
fn verdicts_of_single_policies() {
    let scene = Scene::keyed(Settings::default());
    let policies = Policies(&scene);
    let (image, other) = (scene.by_digest(), scene.registry.push("app", "unsigned", &Artifact::image("b")));
    let key = json!({"key": {"data": scene.key.public_pem()}});
    let wrong = json!({"key": {"data": sigward_testkit::Key::default().public_pem()}});
    let failed = |what: &str, image: &str| {
        format!("signature key validation failed for authority authority-0 for {image}: {what}")
    };
    for (authorities, glob, image, expected) in [
        (json!([key]), "**", &image, None),
        (json!([wrong, key]), "**", &image, None),
        (json!([{"static": {"action": "pass"}}]), "**", &image, None),
        (json!([key]), "**", &other, Some(failed("no signatures found: ", &other))),
        (json!([wrong]), "**", &image, Some(failed("no matching signatures", &image))),
        (json!([key]), "ghcr.io/**", &image, Some(format!("{image} is uncovered by policy"))),
        (
            json!([{"static": {"action": "fail", "message": "no <b>"}}]),
            "**",
            &image,
            Some("disallowed by static policy: no <b>: ".into()),
        ),
        (
            json!([{"key": {"kms": "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k"}}]),
            "**",
            &image,
            Some("a key in a key management service (key.kms)".into()),
        ),
        (
            json!([{"key": {"secretRef": {"name": "nowhere"}}}]),
            "**",
            &image,
            Some("secret \"nowhere\" not found in namespace \"cosign-system\" of the given files".into()),
        ),
    ] {
        policies.put("p.yaml", &[policy("p", glob, authorities.clone())]);
        let run = scene.place.run(&format!("policy test --policy p.yaml --image {image}"));
        match expected {
            None => assert_eq!((run.code, run.out.as_str()), (0, ""), "{authorities} {run:?}"),
            Some(expected) => {
                assert_eq!(run.code, 1, "{authorities} {run:?}");
                let line = run.json();
                let errors = line["errors"].as_array().unwrap();
                assert!(errors.len() == 1 && line.get("warnings").is_none(), "{line}");
                let error = errors[0].as_str().unwrap();
                assert!(error.contains(&expected), "{expected:?} is not in {error:?}");
                assert!(!run.out.contains('<') && run.out.lines().count() == 1, "{run:?}");
                run.said("denied: ");
            }
        }
    }
    let no_host = scene.place.run("policy test --policy p.yaml --image 127.0.0.1:1/APP:v1");
    assert_eq!(
        (no_host.code, &no_host.json()["errors"]),
        (1, &json!(["could not parse reference: 127.0.0.1:1/APP:v1: "]))
    );
}

#[test]
fn policies_that_warn_and_settings_for_what_no_policy_is_for() {
    let scene = Scene::new();
    let policies = Policies(&scene);
    let mut warns = policy("w", "**", json!([{"static": {"action": "fail", "message": "m"}}]));
    warns["spec"]["mode"] = "warn".into();
    policies.put("p.yaml", &[warns.clone()]);
    let image = scene.by_digest();
    let run = policies.test(&format!("--policy p.yaml --image {image}"));
    assert_eq!((run.code, run.out.as_str()), (0, ""), "{run:?}");
    run.said("WARNING: disallowed by static policy: m: \n").said("admitted with warnings: ");
    let quiet = policies.test(&format!("--policy p.yaml --image {image} --log-level error"));
    assert_eq!((quiet.code, quiet.out.as_str(), quiet.err.as_str()), (0, "", ""), "{quiet:?}");
    // A warning beside a denial is no part of it.
    let denies = policy("d", "**", json!([{"static": {"action": "fail"}}]));
    policies.put("p.yaml", &[warns, denies]);
    let run = policies.test(&format!("--policy p.yaml --image {image}"));
    let line = json!({"errors": ["disallowed by static policy: : "], "warnings": ["disallowed by static policy: m: "]});
    assert_eq!((run.code, run.json()), (1, line));
    for (rule, code, out) in [("allow", 0, ""), ("warn", 0, ""), ("deny", 1, "is uncovered by policy")] {
        let settings = config_map("config-policy-controller", "no-match-policy", rule);
        policies.put("p.yaml", &[policy("p", "ghcr.io/**", json!([{"static": {"action": "pass"}}])), settings]);
        let run = policies.test(&format!("--policy p.yaml --image {image}"));
        assert!(run.code == code && run.out.contains(out) && run.out.is_empty() == out.is_empty(), "{rule} {run:?}");
        assert_eq!(run.err.contains(&format!("WARNING: {image} is uncovered by policy")), rule == "warn", "{run:?}");
    }
}

#[test]
fn keyless_by_the_public_instance_and_by_trust_roots() {
    let scene = Scene::signed();
    let policies = Policies(&scene);
    let image = scene.by_digest();
    let trusted = format!("--trusted-root {}", scene.place.text("trust/trusted_root.json"));
    policies.put("p.yaml", &[policy("p", "**", json!([keyless(None, ISSUER)]))]);
    assert_eq!(policies.test(&format!("--policy p.yaml --image {image} {trusted}")).code, 0);
    // The embedded root knows nothing of this signer.
    policies.denies(&format!("--policy p.yaml --image {image} --tuf never"), "no matching signatures");
    policies.put("p.yaml", &[policy("p", "**", json!([keyless(None, "https://elsewhere.test")]))]);
    policies.denies(&format!("--policy p.yaml --image {image} {trusted}"), "none of the expected identities matched");
    policies.put("p.yaml", &[policy("p", "**", json!([keyless(Some("own"), ISSUER)]))]);
    policies.denies(&format!("--policy p.yaml --image {image}"), "trustRootRef own not found");
    policies.put("root.yaml", &[policy_scene::trust_root("own", &scene.sigstore)]);
    assert_eq!(policies.test(&format!("--policy p.yaml --trustroot root.yaml --image {image}")).code, 0);
    policies.put("root.yaml", &[policy_scene::trust_root("own", &sigward_testkit::Sigstore::new())]);
    policies.denies(&format!("--policy p.yaml --trustroot root.yaml --image {image}"), "no matching signatures");
}

#[test]
fn attestations_with_cue_and_rego() {
    let scene = Scene::new();
    let policies = Policies(&scene);
    let predicate = (SLSA, json!({"builder": {"id": "b"}}));
    let signed = scene.sigstore.attest_image_with_key(NAME, &scene.image, predicate, &scene.key);
    scene.registry.attest("app", &scene.image, &[EvidenceLayer::unlogged(&signed)]);
    let image = scene.by_digest();
    let rego = |body: &str| json!({"type": "rego", "data": format!("package sigstore\nisCompliant {{ {body} }}")});
    let cue = |data: &str| json!({"type": "cue", "data": data});
    let reference = json!({"type": "cue", "configMapRef": {"name": "policies", "key": "builder.cue"}});
    let missing = "no matching attestations with type slsaprovenance, checked the following predicateTypes";
    for (kind, policy_of, denial) in [
        ("slsaprovenance1", json!(null), None),
        ("slsaprovenance1", cue("predicate: builder: id: \"b\""), None),
        ("slsaprovenance1", cue("predicate: builder: id: \"c\""), Some("failed evaluating cue policy for a")),
        ("slsaprovenance1", rego("input.predicate.builder.id == \"b\""), None),
        (
            "slsaprovenance1",
            rego("input.predicate.builder.id == \"c\""),
            Some("failed evaluating rego policy for type a"),
        ),
        ("slsaprovenance1", reference.clone(), None),
        ("slsaprovenance", json!(null), Some(missing)),
        ("slsaprovenance1", cue("predicate: {"), Some("failed to compile the cue policy")),
    ] {
        let mut attestation = json!({"name": "a", "predicateType": kind});
        if !policy_of.is_null() {
            attestation["policy"] = policy_of.clone();
        }
        let authority = json!({"key": {"data": scene.key.public_pem()}, "attestations": [attestation]});
        let map = config_map("policies", "builder.cue", "predicate: builder: id: \"b\"");
        policies.put("p.yaml", &[policy("p", "**", json!([authority])), map]);
        match denial {
            None => assert_eq!(policies.test(&format!("--policy p.yaml --image {image}")).code, 0, "{policy_of}"),
            Some(text) => policies.denies(&format!("--policy p.yaml --image {image}"), text),
        }
    }
    // The ConfigMap is taken from the namespace of the controller, and from nowhere else.
    let authority = json!({"key": {"data": scene.key.public_pem()},
        "attestations": [{"name": "a", "predicateType": SLSA, "policy": reference}]});
    let mut map = config_map("policies", "builder.cue", "{}");
    map["metadata"]["namespace"] = "elsewhere".into();
    policies.put("p.yaml", &[policy("p", "**", json!([authority])), map]);
    policies.denies(&format!("--policy p.yaml --image {image}"), "configmap \"policies\" not found");
    let run = policies.test(&format!("--policy p.yaml --image {image} --system-namespace elsewhere"));
    assert_eq!(run.code, 0, "{run:?}");
}

/// `policy.sigward.dev/strict`: a field that is missing rejects.
#[test]
fn strict_annotation() {
    let scene = Scene::new();
    let policies = Policies(&scene);
    let fixed = json!([{"static": {"action": "pass"}}]);
    let mut object = with_policy(policy("p", "**", fixed), "cue", "metadata: labels: team: \"a\"");
    object["spec"]["policy"]["includeObjectMeta"] = true.into();
    let pod = digest_pod(&[&scene.by_digest()]);
    policies.put("pod.yaml", &[pod]);
    policies.put("p.yaml", &[object.clone()]);
    assert_eq!(policies.test("--policy p.yaml --resource pod.yaml").code, 0);
    object["metadata"]["annotations"] = json!({"policy.sigward.dev/strict": "true"});
    policies.put("p.yaml", &[object.clone()]);
    policies.denies("--policy p.yaml --resource pod.yaml", "failed evaluating cue policy for ClusterImagePolicy");
    object["metadata"]["annotations"] = json!({"policy.sigward.dev/strict": "yes"});
    policies.put("p.yaml", &[object]);
    policies.denies("--policy p.yaml --resource pod.yaml", "expected \"true\" or \"false\", found \"yes\"");
}

#[test]
fn policies_that_look_at_the_object() {
    let scene = Scene::new();
    let policies = Policies(&scene);
    let image = scene.by_digest();
    let mut pod = digest_pod(&[&image]);
    pod["metadata"]["labels"] = json!({"team": "a"});
    policies.put("pod.yaml", &[pod]);
    for (flag, data, holds) in [
        ("includeSpec", "input.spec.containers[0].name == \"c0\"", true),
        ("includeSpec", "input.spec.hostNetwork == true", false),
        ("includeObjectMeta", "input.metadata.labels.team == \"a\"", true),
        ("includeObjectMeta", "input.metadata.labels.team == \"b\"", false),
        ("includeTypeMeta", "input.typemeta.kind == \"Pod\"; input.typemeta.apiVersion == \"v1\"", true),
        ("includeTypeMeta", "input.typemeta.kind == \"Deployment\"", false),
        // What is not included is not there.
        ("includeSpec", "input.metadata", false),
        ("fetchConfigFile", "input.config[\"linux/amd64\"].os == \"linux\"", true),
        ("fetchConfigFile", "input.config[\"linux/amd64\"].os == \"plan9\"", false),
    ] {
        let body = format!("package sigstore\nisCompliant {{ {data} }}");
        let mut object = with_policy(policy("p", "**", json!([{"static": {"action": "pass"}}])), "rego", &body);
        object["spec"]["policy"][flag] = true.into();
        policies.put("p.yaml", &[object]);
        let words = format!("--policy p.yaml --resource pod.yaml --image {image}");
        match holds {
            true => assert_eq!(policies.test(&words).code, 0, "{flag} {data}"),
            false => policies.denies(&words, "failed evaluating rego policy for type ClusterImagePolicy"),
        }
    }
    // `match` by resource and labels; without an object only policies without it are for an image.
    let mut matched = policy("p", "**", json!([{"static": {"action": "pass"}}]));
    matched["spec"]["match"] =
        json!([{"resource": "pods", "version": "v1", "selector": {"matchLabels": {"team": "a"}}}]);
    policies.put("p.yaml", &[matched.clone()]);
    assert_eq!(policies.test("--policy p.yaml --resource pod.yaml").code, 0);
    policies.denies(&format!("--policy p.yaml --image {image}"), "is uncovered by policy");
    matched["spec"]["match"][0]["selector"]["matchLabels"]["team"] = "b".into();
    policies.put("p.yaml", &[matched]);
    policies.denies("--policy p.yaml --resource pod.yaml", "is uncovered by policy");
}

/// One bad image of several denies; every field is named.
#[test]
fn attack_an_unsigned_image_among_signed_ones() {
    let scene = Scene::keyed(Settings::default());
    let policies = Policies(&scene);
    let unsigned = scene.registry.push("app", "b", &Artifact::image("b"));
    policies.put("p.yaml", &[policy("p", "**", json!([{"key": {"data": scene.key.public_pem()}}]))]);
    let mut pod = digest_pod(&[&scene.by_digest(), &scene.by_digest()]);
    pod["spec"]["volumes"] = json!([{"name": "v", "image": {"reference": unsigned}}]);
    policies.put("pod.yaml", &[pod]);
    let run = policies.test("--policy p.yaml --resource pod.yaml --output json");
    let all = run.json();
    assert_eq!((run.code, &all["allowed"], all["images"].as_array().unwrap().len()), (1, &json!(false), 2));
    let fields = json!(["spec.containers[0].image", "spec.containers[1].image"]);
    assert_eq!((&all["images"][0]["fields"], &all["images"][0]["allowed"]), (&fields, &json!(true)));
    assert_eq!(all["images"][1]["fields"], json!(["spec.volumes[0].image"]));
    let expected = json!({"name": "p", "mode": "enforce", "verdict": "fail", "reasons": ["image-unsigned"],
        "faults": all["images"][1]["policies"][0]["faults"]});
    assert_eq!(all["images"][1]["policies"], json!([expected]));
    // The same from the command line.
    policies
        .denies(&format!("--policy p.yaml --image {} --image {unsigned}", scene.by_digest()), "no signatures found");
}

/// The controller gives an object's tags their digests before policies see them; policy-tester's patterns see the tag.
#[test]
fn tags() {
    let scene = Scene::keyed(Settings::default());
    let policies = Policies(&scene);
    let tag = scene.by_tag();
    let key = json!([{"key": {"data": scene.key.public_pem()}}]);
    policies.put("p.yaml", &[policy("p", "**:v1", key.clone())]);
    let run = policies.test(&format!("--policy p.yaml --image {tag} --output json"));
    assert_eq!((run.code, &run.json()["images"][0]["digest"]), (0, &json!(scene.image.digest())), "{run:?}");
    policies.put("pod.yaml", &[digest_pod(&[&tag])]);
    policies.denies("--policy p.yaml --resource pod.yaml", "is uncovered by policy");
    policies.put("p.yaml", &[policy("p", "**", key)]);
    assert_eq!(policies.test("--policy p.yaml --resource pod.yaml").code, 0);
    let unknown = format!("{}:v9", scene.registry.name("app"));
    policies.denies(&format!("--policy p.yaml --image {unknown}"), "image tag not found: GET http");
    policies.put("pod.yaml", &[digest_pod(&[&unknown])]);
    policies.denies("--policy p.yaml --resource pod.yaml", "image tag not found: GET http");
    // Where nothing depends on the digest, nobody is asked for it.
    policies.put("p.yaml", &[policy("p", "**", json!([{"static": {"action": "pass"}}]))]);
    assert_eq!(policies.test("--policy p.yaml --image 127.0.0.1:1/app:v1").code, 0);
}

#[test]
fn folders_standard_input_and_several_policies() {
    let scene = Scene::keyed(Settings::default());
    let policies = Policies(&scene);
    let image = scene.by_digest();
    std::fs::create_dir(scene.place.path("work/policies")).unwrap();
    let by_key = json!([{"key": {"secretRef": {"name": "key"}}}]);
    policies.put("policies/a.yaml", &[policy("a", "**", by_key)]);
    policies.put("policies/b.json", &[key_secret("key", &scene.key)]);
    policies.put("policies/pod.yaml", &[digest_pod(&[&image])]);
    assert_eq!(policies.test(&format!("--policy policies --image {image}")).code, 0);
    assert_eq!(policies.test("--policy policies --resource policies/pod.yaml").code, 0);
    // All must hold.
    let denies = policy("z", "**", json!([{"static": {"action": "fail", "message": "z"}}]));
    policies.put("z.yaml", std::slice::from_ref(&denies));
    policies.denies(&format!("--policy policies --policy z.yaml --image {image}"), "disallowed by static policy: z");
    let words = format!("policy test --policy policies --policy - --image {image}");
    let run = scene.place.run_with_input(&words, denies.to_string().as_bytes());
    assert_eq!((run.code, run.json()), (1, json!({"errors": ["disallowed by static policy: z: "]})));
    // A Secret of another namespace is not the one that is meant.
    let mut other = key_secret("key", &scene.key);
    other["metadata"]["namespace"] = "apps".into();
    policies.put("policies/b.json", &[other]);
    policies.denies(&format!("--policy policies --image {image}"), "secret \"key\" not found");
}

#[test]
fn pull_secrets_of_the_object_and_of_policies() {
    let auth = Auth::Basic { user: "jane".into(), password: "s3cret".into() };
    let scene = Scene::keyed(Settings { auth, ..Settings::default() });
    let policies = Policies(&scene);
    let image = scene.by_digest();
    let config = json!({"auths": {scene.registry.host(): {"username": "jane", "password": "s3cret"}}}).to_string();
    let mut pull = secret("pull", ".dockerconfigjson", &b64(&config));
    pull["type"] = "kubernetes.io/dockerconfigjson".into();
    let key = json!({"key": {"data": scene.key.public_pem()}});
    policies.put("p.yaml", &[policy("p", "**", json!([key])), pull.clone()]);
    let mut pod = digest_pod(&[&image]);
    policies.put("pod.yaml", &[pod.clone()]);
    policies.denies("--policy p.yaml --resource pod.yaml", "UNAUTHORIZED");
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"},
        "imagePullSecrets": [{"name": "pull"}]});
    policies.put("pod.yaml", &[pod.clone(), account]);
    assert_eq!(policies.test("--policy p.yaml --resource pod.yaml").code, 0);
    pod["spec"]["imagePullSecrets"] = json!([{"name": "pull"}]);
    policies.put("pod.yaml", &[pod]);
    assert_eq!(policies.test("--policy p.yaml --resource pod.yaml").code, 0);
    // Those of a policy replace the object's.
    let mut with_source = key.clone();
    with_source["source"] = json!([{"signaturePullSecrets": [{"name": "other"}]}]);
    policies.put("p.yaml", &[policy("p", "**", json!([with_source.clone()])), pull.clone()]);
    policies.denies("--policy p.yaml --resource pod.yaml", "UNAUTHORIZED");
    with_source["source"][0]["signaturePullSecrets"][0]["name"] = "pull".into();
    policies.put("p.yaml", &[policy("p", "**", json!([with_source])), pull]);
    assert_eq!(policies.test(&format!("--policy p.yaml --image {image}")).code, 0);
}

/// By the flag, as policy-tester has it, and by the setting of the cluster.
#[test]
fn signatures_of_cosign_2_among_referrers() {
    let scene = Scene::new();
    let signed = scene.sigstore.sign_image_with_key("registry.test/app", &scene.image, &scene.key);
    let mut older = evidence(&[EvidenceLayer::unlogged(&signed)]);
    older.manifest.subject = Some(scene.image.descriptor());
    older.manifest.artifact_type = Some("application/vnd.dev.cosign.artifact.sig.v1+json".to_owned());
    scene.registry.refer("app", &older);
    let policies = Policies(&scene);
    let key = json!({"key": {"data": scene.key.public_pem()}, "signatureFormat": "legacy"});
    policies.put("p.yaml", &[policy("p", "**", json!([key]))]);
    let words = format!("--policy p.yaml --image {}", scene.by_digest());
    policies.denies(&words, "no signatures found");
    assert_eq!(policies.test(&format!("{words} --enable-oci11")).code, 0);
    policies.put("c.yaml", &[config_map("config-policy-controller", "enable-oci11", "true")]);
    assert_eq!(policies.test(&format!("{words} --policy c.yaml")).code, 0);
}

#[test]
fn called_as_policy_tester() {
    let scene = Scene::new();
    let policies = Policies(&scene);
    let tester = scene.place.path("policy-tester");
    symlink(SIGWARD, &tester).unwrap();
    policies.put("p.yaml", &[policy("p", "ghcr.io/**", json!([{"static": {"action": "pass"}}]))]);
    let run = scene.place.run_as(&tester, "-policy p.yaml -image nginx -log-level error -enable-oci11");
    assert_eq!(
        (run.code, run.out.as_str(), run.err.as_str()),
        (1, "{\"errors\":[\"nginx is uncovered by policy\"]}\n", "")
    );
    let run = scene.place.run_as(&tester, "-policy=p.yaml --image=ghcr.io/a/b:v1 -log-level=error");
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", ""), "{run:?}");
    scene.place.run_as(&tester, "-image nginx").failed("required flag(s) \"policy\" not set");
    assert!(scene.place.run_as(&tester, "-version").succeeded().out.starts_with("sigward "));
}

#[test]
fn explanation_and_text() {
    let scene = Scene::signed();
    let policies = Policies(&scene);
    let trusted = format!("--trusted-root {}", scene.place.text("trust/trusted_root.json"));
    let authorities = json!([{"key": {"data": scene.key.public_pem()}}, keyless(None, ISSUER)]);
    policies.put("p.yaml", &[policy("p", "**", authorities)]);
    let run = policies.test(&format!("--policy p.yaml --image {} {trusted} --explain -o text", scene.by_tag()));
    let text =
        format!("admitted: {} ({})\n  pass  p\nimages: 1 admitted, 0 denied\n", scene.by_tag(), scene.image.digest());
    assert_eq!((run.code, run.out.as_str()), (0, text.as_str()), "{run:?}");
    run.said("  p, authority-0 at ")
        .said(": refused [")
        .said(&format!("proved by jane@example.com ({ISSUER})"))
        .said(": 200, ")
        .said("/manifests/v1: 200");
}
