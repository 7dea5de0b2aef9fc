//! policy-controller's own end-to-end scenarios (its `test/e2e_*.sh`), by their numbers, through a real API server: policies
//! are applied with kubectl, objects are created, and the text of a denial is what its scripts look for.

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

use std::panic::AssertUnwindSafe;

use cluster_scene::policies::{byok, fixed, keyed, keyless, keyless_by, policy};
use cluster_scene::{GUARDED, SYSTEM, Scene, cron_job, denied, deployment, job, pod, user_policy};
use serde_json::{Value, json};
use sigward_testkit::text::hex;
use sigward_testkit::{EvidenceLayer, IDENTITY, ISSUER, Key, KeyKind, sha256};

const COSIGN: &str = "https://cosign.sigstore.dev/attestation/v1";
const VULNERABILITIES: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";

/// Number in upstream's list, what it is about, what happens. The names of policies begin with the row's.
type Row = (&'static str, &'static str, fn(&Scene));

const ROWS: &[Row] = &[
    ("1-4", "keyless, then static policies beside it", static_beside_keyless),
    ("5", "an unsigned second image", unsigned_second_image),
    ("6", "identities that match, and that do not", identities),
    ("7", "a key: unsigned, then signed", key_unsigned_then_signed),
    ("8", "key or keyless", key_or_keyless),
    ("10", "a key in a Secret", key_in_a_secret),
    ("11", "signatures in another repository", other_repository),
    ("12", "matching by resource and label", match_by_label),
    ("13", "an RSA key with SHA-512", rsa_with_sha512),
    ("14", "ephemeral containers", ephemeral_containers),
    ("15", "keyless, unsigned", keyless_unsigned),
    ("16", "an attestation", attestation_absent_then_present),
    ("17", "the wrong kind of signer", signed_otherwise),
    ("18", "a policy over what authorities matched, in CUE", cue_over_matches),
    ("19", "an attestation judged by Rego", rego_over_attestation),
    ("20", "mode warn", mode_warn),
    ("21-22", "no policy matches", no_match),
    ("23", "a Deployment that was there before", deployment_from_before),
    ("24", "the image's configuration", image_configuration),
    ("25", "the object itself", object_inputs),
    ("27", "an attestation as a referrer", referrer_attestation),
    ("28", "source and tag prefix", source_and_prefix),
    ("29", "a trust root of one's own", own_trust_root),
    ("30", "timestamps", timestamps),
    ("volumes", "image volumes", image_volumes),
    ("unchanged", "an update that touches no image needs no registry", unchanged_update),
];

#[test]
fn scenarios_end_as_upstreams_do() {
    let Some(scene) = Scene::start() else { return };
    scene.plane.apply(&byok(&scene.sigstore).to_string());
    let mut failed = Vec::new();
    for (number, what, run) in ROWS {
        println!("row {number}: {what}");
        // All rows are tried, whatever becomes of one.
        if std::panic::catch_unwind(AssertUnwindSafe(|| run(&scene))).is_err() {
            failed.push(number);
        }
        scene.plane.must("delete clusterimagepolicies --all");
        scene.plane.until(&format!("-n {SYSTEM} configmap/config-image-policies"), "no policies", |map| {
            map["data"].as_object().is_none_or(serde_json::Map::is_empty)
        });
    }
    assert!(failed.is_empty(), "rows {failed:?}; their panics are above");
}

fn static_beside_keyless(scene: &Scene) {
    let image = scene.image("row1");
    image.sign_keyless();
    scene.policy(&policy("row1", &image.name(), &json!([keyless()])));
    scene.admits(&job("row1", &image.by_digest()));
    scene.policy(&policy("row1-fail", &image.name(), &json!([fixed("fail")])));
    scene.denies(&job("row2", &image.by_digest()), "disallowed by static policy");
    scene.policy(&policy("row1-pass", &image.name(), &json!([fixed("pass")])));
    scene.denies(&job("row3", &image.by_digest()), "disallowed by static policy");
    scene.forget(&["row1-fail"]);
    scene.admits(&job("row4", &image.by_digest()));
}

fn unsigned_second_image(scene: &Scene) {
    let (signed, unsigned) = (scene.image("row5"), scene.image("row5-unsigned"));
    signed.sign_keyless();
    scene.policy(&policy("row5", &signed.name(), &json!([keyless()])));
    let mut both = pod("row5", &signed.by_tag());
    let second = json!({"name": "second", "image": unsigned.by_tag()});
    both["spec"]["containers"].as_array_mut().unwrap().push(second);
    scene.denies(&both, "failed policy: row5: spec.containers[1].image");
}

fn identities(scene: &Scene) {
    let image = scene.image("row6");
    image.sign_keyless();
    scene.policy(&policy("row6", &image.name(), &json!([keyless_by(ISSUER, IDENTITY)])));
    scene.admits(&pod("row6", &image.by_digest()));
    scene.policy(&policy("row6", &image.name(), &json!([keyless_by(ISSUER, "somebody@else.test")])));
    let text = "none of the expected identities matched what was in the certificate";
    scene.denies(&pod("row6-other", &image.by_digest()), text);
}

fn key_unsigned_then_signed(scene: &Scene) {
    let image = scene.image("row7");
    scene.policy(&policy("row7", &image.name(), &json!([keyed(&scene.key)])));
    scene.denies(&pod("row7", &image.by_digest()), "no signatures found");
    image.sign_with_key();
    scene.admits(&pod("row7", &image.by_digest()));
}

fn key_or_keyless(scene: &Scene) {
    let (signed, unsigned) = (scene.image("row8"), scene.image("row8-unsigned"));
    signed.sign_with_key();
    let mut ignoring_sct = keyless();
    ignoring_sct["keyless"]["insecureIgnoreSCT"] = json!(true);
    for (name, second) in [("row8", keyless()), ("row9", ignoring_sct)] {
        scene.policy(&policy(name, &signed.name(), &json!([keyed(&scene.key), second])));
        scene.admits(&pod(name, &signed.by_digest()));
        scene.denies(&pod(&format!("{name}-unsigned"), &unsigned.by_digest()), "no signatures found");
    }
}

fn key_in_a_secret(scene: &Scene) {
    let image = scene.image("row10");
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "row10-key", "namespace": SYSTEM},
        "stringData": {"cosign.pub": scene.key.public_pem()},
    });
    scene.plane.apply(&secret.to_string());
    // The chart's rbac.policySecrets.
    scene.plane.must(&format!(
        "-n {SYSTEM} create role row10 --verb=get,list,watch --resource=secrets --resource-name=row10-key"
    ));
    let account = format!("{SYSTEM}:sigward-webhook");
    scene.plane.must(&format!("-n {SYSTEM} create rolebinding row10 --role=row10 --serviceaccount={account}"));
    image.sign_with(&Key::default());
    let authority = json!({"name": "key", "key": {"secretRef": {"name": "row10-key"}}});
    scene.policy(&policy("row10", &image.name(), &json!([authority])));
    scene.denies(&pod("row10", &image.by_digest()), "no matching signatures");
    image.sign_with_key();
    scene.admits(&pod("row10", &image.by_digest()));
}

fn other_repository(scene: &Scene) {
    let image = scene.image("row11");
    let elsewhere = Key::default();
    image.sign_with_key();
    let signed = scene.sigstore.sign_image_with_key(&image.name(), &image.artifact, &elsewhere);
    scene.registry.sign("row11-signatures", &image.artifact, &[EvidenceLayer::unlogged(&signed)]);
    scene.policy(&policy("row11-a", &image.name(), &json!([keyed(&scene.key)])));
    scene.policy(&policy("row11-b", &image.name(), &json!([fixed("pass")])));
    scene.policy(&policy("row11-c", &image.name(), &json!([keyed(&elsewhere)])));
    scene.denies(&pod("row11", &image.by_digest()), "failed policy: row11-c");
    let mut authority = keyed(&elsewhere);
    authority["source"] = json!([{"oci": scene.registry.name("row11-signatures")}]);
    scene.policy(&policy("row11-c", &image.name(), &json!([authority])));
    scene.admits(&pod("row11", &image.by_digest()));
}

fn match_by_label(scene: &Scene) {
    let (wrong, right) = (scene.image("row12"), scene.image("row12-signed"));
    wrong.sign_with(&Key::default());
    right.sign_with_key();
    let mut only = policy("row12", &wrong.name(), &json!([keyed(&scene.key)]));
    let selector = json!({"matchLabels": {"test": "match"}});
    only["spec"]["match"] = json!([{"version": "v1", "resource": "pods", "selector": selector}]);
    scene.policy(&only);
    scene.configure(&json!({"no-match-policy": "warn"}));
    let labelled = |name: &str, image: &str, label: &str| {
        let mut pod = pod(name, image);
        pod["metadata"]["labels"] = json!({"test": label});
        pod
    };
    control_plane::eventually("no-match-policy to be in use", || {
        let done = scene.create_dry(&labelled("row12-dry", &wrong.by_digest(), "staging"));
        if done.ok { Ok(()) } else { Err(done.err) }
    });
    scene.denies(&labelled("row12", &wrong.by_digest(), "match"), "no matching signatures");
    scene.warns(&labelled("row12-staging", &wrong.by_digest(), "staging"), "Warning: no matching policies:");
    scene.admits(&labelled("row12-signed", &right.by_digest(), "match"));
    deny_without_a_policy(scene);
}

/// Back to the default, and in use.
fn deny_without_a_policy(scene: &Scene) {
    scene.configure(&json!({"no-match-policy": null}));
    let image = scene.image("without-a-policy");
    control_plane::eventually("no-match-policy to be in use", || {
        let done = scene.create_dry(&pod("without-a-policy", &image.by_digest()));
        if done.ok { Err(done.out) } else { Ok(()) }
    });
}

fn rsa_with_sha512(scene: &Scene) {
    let image = scene.image("row13");
    let key = Key::new(KeyKind::Rsa2048);
    let how = sigward_testkit::How { hash: Some(sigward_testkit::Hash::Sha512), ..Default::default() };
    let payload = sigward_testkit::SimpleSigning::new(&image.name(), &image.artifact).to_json();
    let signed = scene.sigstore.sign_blob_with_key_as(&payload, &key, &how);
    image.attach(&[EvidenceLayer::unlogged(&signed)]);
    scene.policy(&policy("row13", &image.name(), &json!([keyed(&key)])));
    scene.denies(&pod("row13", &image.by_digest()), "no matching signatures");
    let mut authority = keyed(&key);
    authority["key"]["hashAlgorithm"] = json!("sha512");
    scene.policy(&policy("row13", &image.name(), &json!([authority])));
    scene.admits(&pod("row13", &image.by_digest()));
}

fn ephemeral_containers(scene: &Scene) {
    let (signed, unsigned) = (scene.image("row14"), scene.image("row14-unsigned"));
    signed.sign_with_key();
    scene.policy(&policy("row14", &signed.name(), &json!([keyed(&scene.key)])));
    scene.admits(&pod("row14", &signed.by_digest()));
    let debug = |image: &str| scene.plane.kubectl(&format!("-n {GUARDED} debug row14 --image={image} -- true"));
    denied(debug(&unsigned.by_digest()), "no signatures found");
    debug(&signed.by_digest()).must("debug by digest");
    // Upstream denies every tag here, because it never resolves one.
    denied(debug(&unsigned.by_tag()), "no signatures found");
    debug(&signed.by_tag()).must("debug by tag");
    let found = scene.plane.object(&format!("-n {GUARDED} pod/row14"));
    let containers = found["spec"]["ephemeralContainers"].as_array().unwrap();
    assert_eq!(containers.len(), 2);
    assert_eq!(containers[1]["image"], format!("{}@{}", signed.by_tag(), signed.artifact.digest()));
}

fn keyless_unsigned(scene: &Scene) {
    let image = scene.image("row15");
    scene.policy(&policy("row15", &image.name(), &json!([keyless()])));
    scene.denies(&pod("row15", &image.by_digest()), "no signatures found");
}

fn with_attestation(mut authority: Value, attestation: &Value) -> Value {
    authority["attestations"] = json!([attestation]);
    authority
}

fn attestation_absent_then_present(scene: &Scene) {
    let image = scene.image("row16");
    image.sign_keyless();
    let wanted = json!({"name": "must-have", "predicateType": COSIGN});
    scene.policy(&policy("row16", &image.name(), &json!([with_attestation(keyless(), &wanted)])));
    scene.denies(&pod("row16", &image.by_digest()), "no matching attestations");
    image.attest(&[EvidenceLayer::of(&image.attestation(COSIGN, &json!({"Data": "foobar e2e test"})))]);
    scene.admits(&pod("row16", &image.by_digest()));
}

fn signed_otherwise(scene: &Scene) {
    let image = scene.image("row17");
    image.sign_keyless();
    scene.policy(&policy("row17", &image.name(), &json!([keyed(&scene.key)])));
    scene.denies(&pod("row17", &image.by_digest()), "no matching signatures");
    let wanted = json!({"name": "must-have", "predicateType": COSIGN});
    scene.policy(&policy("row17", &image.name(), &json!([with_attestation(keyed(&scene.key), &wanted)])));
    scene.denies(&pod("row17", &image.by_digest()), "no matching attestations");
    image.attest(&[EvidenceLayer::unlogged(&image.attestation_with_key(COSIGN, &json!({"Data": "x"})))]);
    scene.admits(&pod("row17", &image.by_digest()));
}

fn cue_over_matches(scene: &Scene) {
    let image = scene.image("row18");
    image.sign_with_key();
    let first = EvidenceLayer::of(&image.attestation(COSIGN, &json!({"Data": "foobar e2e test"})));
    let second = EvidenceLayer::of(&image.attestation(VULNERABILITIES, &json!({})));
    image.attest(std::slice::from_ref(&first));
    let mut keyless = keyless();
    keyless["name"] = json!("keylessatt");
    keyless["attestations"] = json!([
        {"name": "custom", "predicateType": COSIGN},
        {"name": "vulnerabilities", "predicateType": VULNERABILITIES},
    ]);
    let one = with_attestation(keyless.clone(), &json!({"name": "custom", "predicateType": COSIGN}));
    let cue = "package sigstore\nauthorityMatches: {\n  keysignature: {}\n  \
               if (len(authorityMatches.keylessatt.attestations) < 2) {\n    keylessattMinAttestations: 2\n    \
               keylessattMinAttestations: \"Error\"\n  }\n}\n";
    let mut key = keyed(&scene.key);
    key["name"] = json!("keysignature");
    let mut counted = policy("row18", &image.name(), &json!([key, one]));
    counted["spec"]["policy"] = json!({"type": "cue", "data": cue});
    scene.policy(&counted);
    let text = "failed to evaluate the policy with error: authorityMatches.keylessattMinAttestations: \
                conflicting values 2 and \"Error\"";
    scene.denies(&pod("row18", &image.by_digest()), text);
    counted["spec"]["authorities"][1] = keyless;
    scene.policy(&counted);
    image.attest(&[first, second]);
    scene.admits(&pod("row18", &image.by_digest()));
}

fn rego_over_attestation(scene: &Scene) {
    let image = scene.image("row19");
    let rego = "package sigstore\ndefault isCompliant = false\nisCompliant {\n  \
                input.predicateType == \"https://cosign.sigstore.dev/attestation/v1\"\n  \
                input.predicate.Data == \"foobar e2e test\"\n}\n";
    let wanted = json!({
        "name": "custom-match-predicate", "predicateType": COSIGN, "policy": {"type": "rego", "data": rego},
    });
    scene.policy(&policy("row19", &image.name(), &json!([with_attestation(keyless(), &wanted)])));
    let wrong = EvidenceLayer::of(&image.attestation(COSIGN, &json!({"Data": "wrong"})));
    image.attest(std::slice::from_ref(&wrong));
    let text = "failed evaluating rego policy for type custom-match-predicate: policy is not compliant for query";
    scene.denies(&pod("row19", &image.by_digest()), text);
    let right = EvidenceLayer::of(&image.attestation(COSIGN, &json!({"Data": "foobar e2e test"})));
    image.attest(&[wrong, right]);
    scene.admits(&pod("row19", &image.by_digest()));
}

fn mode_warn(scene: &Scene) {
    let image = scene.image("row20");
    let mut lenient = policy("row20-warn", &image.name(), &json!([keyless()]));
    lenient["spec"]["mode"] = json!("warn");
    scene.policy(&lenient);
    scene.warns(&pod("row20", &image.by_digest()), "Warning: failed policy: row20-warn");
}

fn no_match(scene: &Scene) {
    let image = scene.image("row21");
    deny_without_a_policy(scene);
    for object in [pod("row22", &image.by_tag()), job("row22", &image.by_tag()), cron_job("row22", &image.by_tag())] {
        scene.denies(&object, "no matching policies: ");
    }
    scene.configure(&json!({"no-match-policy": "warn"}));
    control_plane::eventually("no-match-policy to be in use", || {
        let done = scene.create_dry(&pod("row21", &image.by_digest()));
        if done.ok { Ok(()) } else { Err(done.err) }
    });
    scene.warns(&pod("row21", &image.by_digest()), "Warning: no matching policies:");
    scene.configure(&json!({"no-match-policy": "allow"}));
    control_plane::eventually("no-match-policy to be in use", || {
        let done = scene.create_dry(&pod("row21-allow", &image.by_digest()));
        if done.err.is_empty() { Ok(()) } else { Err(done.err) }
    });
    scene.admits(&pod("row21-allow", &image.by_digest()));
    deny_without_a_policy(scene);
    // A namespace that did not opt in.
    let free = scene.plane.kubectl_with("-n default create -f -", &pod("row22-free", &image.by_tag()).to_string());
    assert!(free.ok, "{free:?}");
}

fn deployment_from_before(scene: &Scene) {
    let image = scene.image("row23");
    scene.plane.must("create namespace row23");
    let create = |object: Value| scene.plane.kubectl_with("-n row23 create -f -", &object.to_string());
    create(deployment("row23", &image.by_digest())).must("create");
    scene.policy(&policy("row23", &image.name(), &json!([keyless()])));
    scene.plane.must("label namespace row23 policy.sigstore.dev/include=true");
    let patch = |count: u32| {
        scene.plane.kubectl(&format!(r#"-n row23 patch deployment row23 -p {{"spec":{{"replicas":{count}}}}}"#))
    };
    // The API server learns of the label through a watch of its own.
    control_plane::eventually("the label to count", || {
        let done = patch(3);
        if done.ok {
            patch(1).must("patch");
            return Err(done.out);
        }
        denied(done, "failed policy: row23: spec.template.spec.containers");
        Ok(())
    });
    patch(0).must("scale down");
    image.sign_keyless();
    patch(2).must("scale up after signing");
}

fn image_configuration(scene: &Scene) {
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"User": "65532"}}).to_string();
    let media = (sigward_testkit::image::media_type::MANIFEST, sigward_testkit::image::media_type::CONFIG);
    let artifact = sigward_testkit::Artifact::of(media.0, media.1, config.into_bytes(), vec![]);
    let image = scene.image_of("row24", artifact);
    image.sign_with_key();
    let inline = |data: String| {
        let mut with = policy("row24", &image.name(), &json!([keyed(&scene.key)]));
        with["spec"]["policy"] = json!({"fetchConfigFile": true, "type": "cue", "data": data});
        with
    };
    scene.policy(&inline(user_policy("nobody")));
    scene.denies(&pod("row24", &image.by_digest()), "config.\"linux/amd64\".config.User: conflicting values");
    scene.policy(&inline(user_policy("65532")));
    scene.admits(&pod("row24", &image.by_digest()));
    // From a ConfigMap; what is in it counts when it changes.
    let map = |user: &str| {
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "row24", "namespace": SYSTEM},
            "data": {"policy": user_policy(user)},
        });
        scene.plane.apply(&map.to_string());
    };
    map("nobody");
    let mut referring = inline(String::new());
    referring["spec"]["policy"] =
        json!({"fetchConfigFile": true, "type": "cue", "configMapRef": {"name": "row24", "key": "policy"}});
    scene.policy(&referring);
    scene.denies(&pod("row24-map", &image.by_digest()), "conflicting values");
    map("65532");
    control_plane::eventually("the changed ConfigMap to count", || {
        let done = scene.create_dry(&pod("row24-map", &image.by_digest()));
        if done.ok { Ok(()) } else { Err(done.err) }
    });
    // From a URL, under its digest.
    let mut at_url = |user: &str, expected: &str| {
        let digest = hex(sha256(user_policy(expected).as_bytes()));
        let remote = json!({"url": format!("{}/{user}", scene.documents.url()), "sha256sum": digest});
        referring["spec"]["policy"] = json!({"fetchConfigFile": true, "type": "cue", "remote": remote});
        scene.policy(&referring);
    };
    let dry = || scene.create_dry(&pod("row24-url", &image.by_digest()));
    at_url("65532", "nobody");
    control_plane::eventually("another document to be refused", || {
        let done = dry();
        let is_refused = !done.ok && done.err.contains("failed to check sha256sum from policy remote: ");
        if is_refused { Ok(()) } else { Err(format!("{done:?}")) }
    });
    at_url("nobody", "nobody");
    control_plane::eventually("the document to count", || {
        let done = dry();
        let is_refused = !done.ok && done.err.contains("config.\"linux/amd64\".config.User: conflicting values");
        if is_refused { Ok(()) } else { Err(format!("{done:?}")) }
    });
    at_url("65532", "65532");
    control_plane::eventually("the other document to count", || {
        let done = dry();
        if done.ok { Ok(()) } else { Err(done.err) }
    });
}

fn object_inputs(scene: &Scene) {
    let image = scene.image("row25");
    image.sign_with_key();
    let with = |field: &str, cue: &str| {
        let mut with = policy("row25", &image.name(), &json!([keyed(&scene.key)]));
        with["spec"]["policy"] = json!({field: true, "type": "cue", "data": cue});
        scene.policy(&with);
    };
    with("includeSpec", "spec: \"serviceAccount\": \"default\"\n");
    let mut account = pod("row25-spec", &image.by_digest());
    account["spec"]["serviceAccountName"] = json!("other");
    scene.denies(&account, "spec.serviceAccount: conflicting values");
    account["spec"]["serviceAccountName"] = json!("default");
    scene.admits(&account);
    with("includeObjectMeta", "metadata: \"labels\": \"foo\": \"bar\"\n");
    let mut labelled = pod("row25-meta", &image.by_digest());
    labelled["metadata"]["labels"] = json!({"foo": "non-bar"});
    scene.denies(&labelled, "metadata.labels.foo: conflicting values");
    labelled["metadata"]["labels"] = json!({"foo": "bar"});
    scene.admits(&labelled);
    with("includeTypeMeta", "typemeta:\n  kind: \"Pod\"\n");
    scene.denies(&job("row25-type", &image.by_digest()), "typemeta.kind: conflicting values \"Job\" and \"Pod\"");
    scene.admits(&pod("row25-type", &image.by_digest()));
}

fn referrer_attestation(scene: &Scene) {
    let image = scene.image("row27");
    let wanted = json!({"name": "must-have", "predicateType": COSIGN});
    let mut authority = with_attestation(keyless(), &wanted);
    authority["signatureFormat"] = json!("bundle");
    scene.policy(&policy("row27", &image.name(), &json!([authority])));
    scene.denies(&pod("row27", &image.by_digest()), "row27");
    let bundle = image.attestation(COSIGN, &json!({"Data": "x"})).bundle_v03();
    let referrer = sigward_testkit::image_evidence::referrer(&image.artifact, &bundle, COSIGN);
    scene.registry.refer("row27", &referrer);
    scene.admits(&pod("row27", &image.by_digest()));
}

fn source_and_prefix(scene: &Scene) {
    let image = scene.image("row28");
    let signed = scene.sigstore.sign_image_with_key(&image.name(), &image.artifact, &scene.key);
    scene.registry.sign("row28-signatures", &image.artifact, &[EvidenceLayer::unlogged(&signed)]);
    let from = |repository: &str| {
        let mut authority = keyed(&scene.key);
        authority["source"] = json!([{"oci": scene.registry.name(repository)}]);
        scene.policy(&policy("row28", &image.name(), &json!([authority])));
    };
    from("row28-wrong");
    scene.denies(&pod("row28", &image.by_digest()), "no signatures found");
    from("row28-signatures");
    scene.admits(&pod("row28", &image.by_digest()));
    // The prefix is put before the tag without a separator.
    let mut authority = with_attestation(keyed(&scene.key), &json!({"name": "must-have", "predicateType": COSIGN}));
    authority["source"] = json!([{"tagPrefix": "prefix-"}]);
    scene.policy(&policy("row28", &image.name(), &json!([authority])));
    let layer = EvidenceLayer::unlogged(&image.attestation_with_key(COSIGN, &json!({})));
    image.attest(std::slice::from_ref(&layer));
    scene.denies(&pod("row28-prefix", &image.by_digest()), "no matching attestations");
    let artifact = sigward_testkit::image_evidence::evidence(&[layer]);
    let tag = format!("prefix-{}", image.artifact.attachment_tag("att"));
    scene.registry.push("row28", &tag, &artifact);
    scene.admits(&pod("row28-prefix", &image.by_digest()));
}

fn own_trust_root(scene: &Scene) {
    let image = scene.image("row29");
    let wanted = json!({"name": "must-have", "predicateType": COSIGN});
    scene.policy(&policy("row29", &image.name(), &json!([with_attestation(keyless(), &wanted)])));
    scene.denies(&pod("row29", &image.by_digest()), "no matching attestations");
    image.attest(&[EvidenceLayer::unlogged(&image.attestation(COSIGN, &json!({})))]);
    scene.denies(&pod("row29", &image.by_digest()), "no matching attestations");
    image.attest(&[EvidenceLayer::of(&image.attestation(COSIGN, &json!({})))]);
    scene.admits(&pod("row29", &image.by_digest()));
    // A root that is not there.
    let mut authority = keyless();
    authority["keyless"]["trustRootRef"] = json!("absent");
    scene.policy(&policy("row29", &image.name(), &json!([authority])));
    scene.denies(&pod("row29-absent", &image.by_digest()), "trustRootRef absent not found");
    // What others read.
    let map = scene.plane.object(&format!("-n {SYSTEM} configmap/config-sigstore-keys"));
    let written: Value = serde_json::from_str(map["data"]["byok"].as_str().unwrap()).unwrap();
    let golden = scene.sigstore.trusted_root().to_value();
    for path in [
        "/certificateAuthorities/0/certChain/certificates/0/rawBytes",
        "/timestampAuthorities/0/certChain/certificates/0/rawBytes",
        "/tlogs/0/publicKey/rawBytes",
        "/ctlogs/0/publicKey/rawBytes",
    ] {
        assert!(written.pointer(path).is_some_and(Value::is_string), "{path}: {written}");
        assert_eq!(written.pointer(path), golden.pointer(path), "{path}");
    }
}

fn timestamps(scene: &Scene) {
    let image = scene.image("row30");
    let signed = scene.sigstore.sign_image_with_key(&image.name(), &image.artifact, &scene.key);
    image.attach(&[EvidenceLayer::stamped(&signed)]);
    let mut authority = keyed(&scene.key);
    authority["rfc3161timestamp"] = json!({"trustRootRef": "byok"});
    scene.policy(&policy("row30", &image.name(), &json!([authority])));
    scene.admits(&pod("row30", &image.by_digest()));
    // Another authority.
    let mut wrong = byok(&sigward_testkit::Sigstore::new());
    wrong["metadata"]["name"] = json!("wrong");
    scene.plane.apply(&wrong.to_string());
    authority["rfc3161timestamp"] = json!({"trustRootRef": "wrong"});
    scene.policy(&policy("row30", &image.name(), &json!([authority])));
    control_plane::eventually("the wrong authority to count", || {
        let done = scene.create_dry(&pod("row30-wrong", &image.by_digest()));
        if done.err.contains("no trusted timestamp authority") { Ok(()) } else { Err(format!("{done:?}")) }
    });
}

fn image_volumes(scene: &Scene) {
    let (signed, unsigned) = (scene.image("volumes"), scene.image("volumes-unsigned"));
    signed.sign_with_key();
    scene.policy(&policy("volumes", &signed.name(), &json!([keyed(&scene.key)])));
    let with = |name: &str, image: &str| {
        let mut pod = pod(name, &signed.by_digest());
        pod["spec"]["volumes"] = json!([{"name": "data", "image": {"reference": image}}]);
        pod
    };
    scene.denies(&with("volumes-unsigned", &unsigned.by_tag()), "volumes[0].image");
    scene.admits(&with("volumes", &signed.by_tag()));
    let found = scene.plane.object(&format!("-n {GUARDED} pod/volumes"));
    let reference = found["spec"]["volumes"][0]["image"]["reference"].as_str().unwrap();
    assert!(reference.ends_with(&signed.artifact.digest()), "{reference}");
}

fn unchanged_update(scene: &Scene) {
    let image = scene.image("unchanged");
    image.sign_with_key();
    scene.policy(&policy("unchanged", &image.name(), &json!([keyed(&scene.key)])));
    scene.admits(&pod("unchanged", &image.by_digest()));
    scene.forget(&["unchanged"]);
    // Without a policy the image would be denied.
    scene.denies(&pod("unchanged-new", &image.by_digest()), "no matching policies");
    scene.plane.must(&format!("-n {GUARDED} label pod unchanged team=a"));
}
