//! `verify`, `verify-attestation` and their output, from a registry on loopback.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod images_scene;
mod support;

use images_scene::{NAME, SLSA, Scene, WITH_KEY, arrays, claims, failed};
use serde_json::{Value, json};
use sigward_testkit::ca::KREL_TRUST;
use sigward_testkit::files::write_tree;
use sigward_testkit::image_evidence::{PROMOTION_PREDICATE, SIGN_PREDICATE, evidence, referrer};
use sigward_testkit::registry::{Auth, Tokens};
use sigward_testkit::{Archeio, Artifact, EvidenceLayer, IDENTITY, ISSUER, Leaf, Saved, SimpleSigning};
use support::{Place, Run};

#[test]
fn claims_as_cosign_prints_them() {
    let scene = Scene::new();
    let payload = SimpleSigning::new(NAME, &scene.image).annotate("env", "<prod>");
    let signed = scene.sigstore.sign_blob(&payload.to_json(), Leaf::default());
    scene.sign(&[EvidenceLayer::stamped(&signed)]);
    let run = scene.verify(&scene.by_tag()).succeeded();
    assert!(run.out.starts_with("\n[{\"critical\":{") && run.out.ends_with("]\n"), "{run:?}");
    assert!(run.out.contains("\\u003cprod\\u003e"), "{run:?}");
    let claim = &claims(&run)[0];
    let critical = json!({
        "identity": {"docker-reference": NAME},
        "image": {"docker-manifest-digest": scene.image.digest()},
        "type": "cosign container image signature",
    });
    assert_eq!(claim["critical"], critical);
    let optional = &claim["optional"];
    assert_eq!((&optional["Subject"], &optional["Issuer"]), (&json!(IDENTITY), &json!(ISSUER)));
    assert_eq!((&optional["env"], &optional["1.3.6.1.4.1.57264.1.1"]), (&json!("<prod>"), &json!(ISSUER)));
    let bundle = signed.entry.to_legacy();
    assert_eq!(optional["Bundle"], bundle);
    run.said(&format!("\nVerification for {} --\n", scene.by_tag()))
        .said("  - The cosign claims were validated\n")
        .said("  - Existence of the claims in the transparency log was verified offline\n")
        .said("  - The code-signing certificate was verified using trusted certificate authority certificates\n")
        .said("image signature by jane@example.com")
        .did_not_say("NOTE");
}

#[test]
fn texts_as_cosign_prints_them() {
    let scene = Scene::signed();
    let payload = SimpleSigning::new(NAME, &scene.image).to_json();
    let run = scene.verify(&format!("-o text {}", scene.by_tag())).succeeded();
    assert_eq!(run.out.as_bytes(), [payload.as_slice(), b"\n"].concat());
    run.said("Certificate subject: jane@example.com\n").said(&format!("Certificate issuer URL: {ISSUER}\n"));
}

#[test]
fn key_without_a_log() {
    let scene = Scene::keyed(Default::default());
    let run = scene.verify_with_key(&scene.by_digest()).succeeded();
    assert_eq!(claims(&run)[0]["optional"], Value::Null);
    run.said("WARNING: Skipping tlog verification is an insecure practice")
        .said("  - The signatures were verified against the specified public key\n")
        .did_not_say("transparency log was verified");
    // The signature is not logged, and a key alone does not make up for that.
    let log = scene.log();
    let trust = scene.place.text("trust/trusted_root.json");
    let words = format!("verify --key key.pub --trusted-root {trust} --rekor-url {} {}", log.url(), scene.by_digest());
    scene.place.run(&words).succeeded().said("transparency log was verified");
    failed(scene.place.run(&words.replace("verify --key", "verify --offline --key")), 12, "offline");
}

#[test]
fn exit_codes() {
    let scene = Scene::new();
    failed(scene.verify(&scene.by_tag()), 10, "no signatures found");
    failed(scene.verify(&scene.by_digest()), 10, "no signatures found");
    failed(scene.verify(&format!("{}:v2", scene.name("app"))), 11, "image tag not found: GET http");
    scene.sign(&[EvidenceLayer::of(&scene.signature())]);
    let run =
        scene.place.run(&format!("verify {} {}", scene.keyless().replace(IDENTITY, "eve@evil.test"), scene.by_tag()));
    failed(
        run,
        12,
        "none of the expected identities matched what was in the certificate, got subjects [jane@example.com]",
    );
    let foreign = scene.sigstore.sign_image(NAME, &Artifact::image("b"), Leaf::default());
    scene.sign(&[EvidenceLayer::of(&foreign)]);
    failed(scene.verify(&scene.by_tag()), 12, "no matching signatures: invalid or missing digest in claim");
    failed(scene.verify("127.0.0.1:1/app:v1"), 1, "127.0.0.1:1");
    let bad = scene.verify("127.0.0.1:1/APP:v1");
    failed(bad, 1, "could not parse reference");
    failed(scene.verify_attestation(&format!("--type {SLSA} {}", scene.by_tag())), 1, "no matching attestations");
    scene.registry.attest("app", &scene.image, &[EvidenceLayer::of(&scene.attestation("https://example.com/vuln"))]);
    let run = scene.verify_attestation(&format!("--type {SLSA} {}", scene.by_tag()));
    failed(
        run,
        1,
        "none of the attestations matched the predicate type: https://slsa.dev/provenance/v1, found: https://example.com/vuln",
    );
}

#[test]
fn bundle_of_cosign_3() {
    let scene = Scene::new();
    scene.refer_v3();
    let run = scene.verify(&scene.by_tag()).succeeded();
    let critical = json!({
        "identity": {"docker-reference": scene.by_tag()},
        "image": {"docker-manifest-digest": scene.image.digest()},
        "type": SIGN_PREDICATE,
    });
    let claim = json!({"critical": critical, "optional": {}});
    assert_eq!(claims(&run), std::slice::from_ref(&claim));
    let text = scene.verify(&format!("-o text {}", scene.by_tag())).succeeded();
    assert_eq!(serde_json::from_str::<Value>(&text.out).unwrap(), claim);
    run.said("image signature by jane@example.com").did_not_say("NOTE");
    scene.verify(&format!("--require-signature {}", scene.by_tag())).succeeded();
    let run =
        scene.place.run(&format!("verify {} {}", scene.keyless().replace(IDENTITY, "eve@evil.test"), scene.by_tag()));
    failed(run, 1, "no matching attestations");
    failed(scene.verify(&format!("--new-bundle-format=false {}", scene.by_tag())), 10, "no signatures found");
}

/// An attestation is never told as a signature, and does not count as one where one is demanded.
#[test]
fn promotion_record_is_no_signature() {
    let scene = Scene::new();
    scene.refer("app", &scene.sigstore.promotion("app", &scene.image));
    let keyless = scene.keyless().replace(IDENTITY, KREL_TRUST);
    let verify = |words: &str| scene.place.run(&format!("verify {keyless} {words} {}", scene.by_tag()));
    let run = verify("").succeeded();
    assert_eq!(claims(&run)[0]["critical"]["type"], PROMOTION_PREDICATE);
    run.said(&format!("attestation of type {PROMOTION_PREDICATE}")).said("NOTE: none of this is a signature");
    let run = failed(verify("--require-signature"), 12, "an image signature is required");
    run.said(PROMOTION_PREDICATE);
    verify(&format!("--require-attestation {PROMOTION_PREDICATE}")).succeeded();
    assert_ne!(verify(&format!("--require-attestation {SLSA}")).code, 0);
}

#[test]
fn attestations() {
    let scene = Scene::new();
    let vuln = EvidenceLayer::of(&scene.attestation("https://example.com/vuln"));
    scene.registry.attest("app", &scene.image, &[vuln, EvidenceLayer::of(&scene.attestation(SLSA))]);
    let words = format!("--type {SLSA} {}", scene.by_tag());
    let legacy = scene.verify_attestation(&words).succeeded();
    scene.refer("app", &referrer(&scene.image, &scene.attestation(SLSA).bundle_v03(), SLSA));
    let bundle = scene.verify_attestation(&words).succeeded();
    for run in [legacy, bundle] {
        let lines: Vec<_> = run.out.lines().collect();
        let [line] = lines.as_slice() else { panic!("expected one line: {run:?}") };
        let envelope: Value = serde_json::from_str(line).unwrap();
        assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
        assert!(!envelope["signatures"][0]["sig"].as_str().unwrap().is_empty());
        let payload = sigward_verify::base64_std(envelope["payload"].as_str().unwrap().as_bytes()).unwrap();
        let statement: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(
            (&statement["predicateType"], &statement["subject"][0]["digest"]["sha256"]),
            (&json!(SLSA), &json!(scene.image.hex()))
        );
        run.said(&format!("attestation of type {SLSA} by jane@example.com"));
    }
}

/// What a signer wrote does not look like a line of ours.
#[test]
fn predicate_type_with_line_breaks() {
    let scene = Scene::new();
    let predicate_type = "x by y\n  - image signature";
    scene.refer("app", &referrer(&scene.image, &scene.attestation(predicate_type).bundle_v03(), SLSA));
    let run = scene.verify(&scene.by_tag()).succeeded();
    assert_eq!(claims(&run)[0]["critical"]["type"], predicate_type);
    run.did_not_say("\n  - image signature").said("NOTE: none of this is a signature");
}

/// The digest counts, and the tag beside it is not asked for.
#[test]
fn tag_and_digest() {
    let scene = Scene::signed();
    let other = Artifact::image("other");
    scene.push("app", "v1", &other);
    let run = scene.verify(&format!("{}@{}", scene.by_tag(), scene.image.digest())).succeeded();
    assert_eq!(claims(&run)[0]["critical"]["image"]["docker-manifest-digest"], scene.image.digest());
    assert_eq!(scene.count_of("/manifests/v1"), 0);
    failed(scene.verify(&format!("{}@{}", scene.by_tag(), other.digest())), 10, "no signatures found");
}

/// Each image is judged by its own format, all are reported, the exit code is that of the first failure.
#[test]
fn mixed_list_of_images() {
    let scene = Scene::signed();
    let (bundled, unsigned, foreign) =
        (Artifact::image("bundled"), Artifact::image("unsigned"), Artifact::multi_platform("f"));
    scene.push("bundled", "v1", &bundled);
    let v3 = scene.sigstore.sign_image_v3(&bundled, Leaf::default());
    scene.refer("bundled", &referrer(&bundled, &v3.bundle_v03_rekor2(), SIGN_PREDICATE));
    scene.push("unsigned", "v1", &unsigned);
    scene.push("foreign", "v1", &foreign);
    let by_eve = scene.sigstore.sign_image(NAME, &foreign, Leaf::email("eve@evil.test"));
    scene.registry.sign("foreign", &foreign, &[EvidenceLayer::of(&by_eve)]);
    let name = |repository: &str| format!("{}:v1", scene.name(repository));
    let run = scene.verify(&format!("{} {}", name("bundled"), name("app"))).succeeded();
    let types: Vec<_> =
        arrays(&run).iter().map(|array| array[0]["critical"]["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, [SIGN_PREDICATE, "cosign container image signature"]);
    for (first, second, code) in [("unsigned", "foreign", 10), ("foreign", "unsigned", 12)] {
        let run = scene.verify(&format!("{} {} {} {}", name("app"), name(first), name("bundled"), name(second)));
        assert_eq!((run.code, arrays(&run).len()), (code, 2), "{run:?}");
        run.said(&format!("{}: no signatures found", name("unsigned")))
            .said(&format!("{}: no matching signatures", name("foreign")))
            .said("2 of 4");
    }
}

/// One process, one pool of connections: the images of one repository, and the same image twice.
#[test]
fn many_images() {
    let scene = Scene::keyed(Default::default());
    let mut names = vec![scene.by_digest(), scene.by_tag()];
    for number in 0..50 {
        let image = Artifact::image(&number.to_string());
        let signed = scene.sigstore.sign_image_with_key(NAME, &image, &scene.key);
        names.push(scene.push("many", &number.to_string(), &image));
        scene.registry.sign("many", &image, &[EvidenceLayer::unlogged(&signed)]);
    }
    let run = scene.verify_with_key(&names.join(" ")).succeeded();
    let digests: Vec<_> =
        arrays(&run).iter().map(|array| array[0]["critical"]["image"]["docker-manifest-digest"].clone()).collect();
    assert_eq!(digests.len(), 52);
    for (digest, name) in digests.iter().zip(&names).skip(2) {
        assert!(name.ends_with(digest.as_str().unwrap()), "in the order in which they were named");
    }
    assert!(scene.counts().logical() <= 2 * 52 + 1, "{:?}", scene.counts());
}

#[test]
fn requests_are_counted_on_the_server() {
    let scene = Scene::keyed(Default::default());
    scene.verify_with_key(&scene.by_digest()).succeeded();
    let counts = scene.counts();
    assert_eq!((counts.manifests, counts.blobs, counts.referrers, counts.logical()), (1, 1, 0, 2), "{counts:?}");
    scene.clear_counts();
    scene.verify_with_key(&scene.by_tag()).succeeded();
    assert_eq!(scene.counts().logical(), 3);
}

#[test]
fn requests_at_a_front_like_registry_k8s_io() {
    let (place, front, image) = (Place::new(), Archeio::start(), Artifact::multi_platform("pause"));
    let sigstore = sigward_testkit::Sigstore::new();
    place.trust(&sigstore);
    front.push("pause", "3.10", &image);
    front.sign("pause", &image, &sigstore.kubernetes_signatures("pause", &image));
    let trust = place.text("trust/trusted_root.json");
    let who = format!("--certificate-identity {KREL_TRUST} --certificate-oidc-issuer {ISSUER}");
    let verify = || place.run(&format!("verify --trusted-root {trust} {who} {}:3.10", front.name("pause"))).succeeded();
    // The payload is not where the front sends for it: it is asked beside the manifest, behind the front.
    let run = verify();
    assert_eq!(claims(&run)[0]["optional"]["org.kubernetes.kpromo.version"], "kpromo-v4.6.0");
    assert_eq!(claims(&run)[0]["critical"]["identity"]["docker-reference"], "registry.k8s.io/pause");
    assert_eq!((front.counts().logical(), front.signatures.counts().blobs), (3, 1));
    front.clear_counts();
    // The hosts behind the front may want a token that anybody gets.
    front.signatures.set(|settings| settings.auth = Auth::Bearer(Tokens::default()));
    verify();
    front.signatures.set(|settings| settings.auth = Auth::Anonymous);
    front.clear_counts();
    front.replicate("pause");
    verify();
    assert_eq!((front.counts().logical(), front.hops()), (3, 3));
}

#[test]
fn annotations_and_claims() {
    let scene = Scene::new();
    let payload = SimpleSigning::new(NAME, &scene.image).annotate("env", "prod");
    scene.sign(&[EvidenceLayer::of(&scene.sigstore.sign_blob(&payload.to_json(), Leaf::default()))]);
    let verify = |words: &str| scene.verify(&format!("{words} {}", scene.by_tag()));
    verify("-a env=prod").succeeded().said("  - The specified annotations were verified.\n");
    failed(verify("-a env=test"), 12, "missing or incorrect annotation");
    verify("--check-claims=false").succeeded().did_not_say("claims were validated");
    failed(verify("-a env=test --check-claims=false"), 12, "missing or incorrect annotation");
    let foreign = scene.sigstore.sign_image(NAME, &Artifact::image("b"), Leaf::default());
    scene.sign(&[EvidenceLayer::of(&foreign)]);
    failed(verify(""), 12, "invalid or missing digest in claim");
    verify("--check-claims=false").succeeded().did_not_say("claims were validated");
}

#[test]
fn evidence_elsewhere() {
    let mut scene = Scene::new();
    let layers = [EvidenceLayer::of(&scene.signature())];
    scene.registry.sign("evidence", &scene.image, &layers);
    failed(scene.verify(&scene.by_tag()), 10, "no signatures found");
    let place = scene.name("evidence");
    scene.place.set("COSIGN_REPOSITORY", &place);
    scene.verify(&scene.by_tag()).succeeded();
    scene.place.set("COSIGN_REPOSITORY", "no repository");
    failed(scene.verify(&scene.by_tag()), 1, "COSIGN_REPOSITORY");
    scene.place.unset("COSIGN_REPOSITORY");
    let tag = format!("mine-{}", scene.image.attachment_tag("sig"));
    scene.repository("app", |repository| repository.push_tag(&tag, &evidence(&layers)));
    scene.verify(&format!("--attachment-tag-prefix mine- {}", scene.by_tag())).succeeded();
}

#[test]
fn log_is_asked_for_what_came_without_an_entry() {
    let scene = Scene::new();
    scene.sign(&[EvidenceLayer::unlogged(&scene.signature())]);
    let log = scene.log();
    let verify = |words: &str| scene.verify(&format!("--rekor-url {} {words} {}", log.url(), scene.by_tag()));
    verify("").succeeded().said("transparency log was verified");
    assert_eq!(log.count(), 1);
    failed(verify("--offline"), 12, "--offline");
    assert_eq!(log.count(), 1);
    // A log that answers another entry proves nothing.
    let other = scene.sigstore.sign_image(NAME, &Artifact::image("b"), Leaf::default());
    let asked = scene.sigstore.rekor.entries()[0].leaf_id();
    log.answer_instead(&asked, other.entry.to_api_map());
    failed(verify("--no-cache"), 12, "searching log query");
}

/// A folder as `cosign save` writes it. What is damaged in it does not count.
#[test]
fn local_images() {
    let scene = Scene::new();
    let image = Artifact::multi_platform("local");
    let signature = scene.sigstore.sign_image(NAME, &image, Leaf::default());
    let attestation = scene.sigstore.attest_image(NAME, &image, (SLSA, json!({})), Leaf::default());
    let v3 = scene.sigstore.sign_image_v3(&image, Leaf::default());
    let (signatures, attestations) =
        (evidence(&[EvidenceLayer::of(&signature)]), evidence(&[EvidenceLayer::of(&attestation)]));
    let referrers = [referrer(&image, &v3.bundle_v03(), SIGN_PREDICATE)];
    let saved =
        Saved { image: &image, signatures: Some(&signatures), attestations: Some(&attestations), referrers: &[] };
    write_tree(&scene.place.path("work/legacy"), &saved.to_files()).unwrap();
    let run = scene.verify("--local-image legacy").succeeded();
    assert_eq!(claims(&run)[0]["critical"]["image"]["docker-manifest-digest"], image.digest());
    run.said("Verification for legacy --");
    scene.verify_attestation(&format!("--type {SLSA} --local-image legacy")).succeeded();
    let saved = Saved { signatures: None, attestations: None, referrers: &referrers, ..saved };
    write_tree(&scene.place.path("work/bundle"), &saved.to_files()).unwrap();
    let run = scene.verify("--local-image bundle legacy").succeeded();
    assert_eq!(arrays(&run).len(), 2);
    // Another payload under the right name, and another manifest.
    let files = Saved { signatures: Some(&signatures), referrers: &[], ..saved }.to_files();
    let blob = sigward_testkit::image::digest(&signatures.blobs[1]).replace(':', "/");
    for path in [format!("blobs/{blob}"), format!("blobs/{}", signatures.digest().replace(':', "/"))] {
        let mut damaged = files.clone();
        *damaged.get_mut(&path).unwrap().last_mut().unwrap() ^= 1;
        write_tree(&scene.place.path("work/damaged"), &damaged).unwrap();
        let run = scene.verify("--local-image damaged");
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{run:?}");
        run.said("digest is");
    }
    // The image itself is another than its name says, or is not there: who loads the folder would load it all the same.
    let image_path = format!("blobs/{}", image.digest().replace(':', "/"));
    let mut swapped = files.clone();
    swapped.insert(image_path.clone(), Artifact::image("evil").manifest.to_json());
    let mut without = files;
    without.remove(&image_path);
    for (name, files, text) in [("swapped", swapped, "its name says sha256:"), ("without", without, "no such file")] {
        write_tree(&scene.place.path(&format!("work/{name}")), &files).unwrap();
        failed(Run { new_files: Vec::new(), ..scene.verify(&format!("--local-image {name}")) }, 1, text);
    }
    let run = scene.verify("--local-image nothing");
    failed(Run { new_files: Vec::new(), ..run }, 1, "nothing/index.json");
}

/// Anybody who may push chooses the texts of a tree.
#[test]
fn tree_does_not_steer_the_terminal() {
    let scene = Scene::new();
    let signed = scene.sigstore.sign_image_v3(&scene.image, Leaf::default());
    scene.refer("app", &referrer(&scene.image, &signed.bundle_v03(), "x\u{1b}[2J\n\u{202e}Verified OK"));
    let run = scene.place.run(&format!("tree {}", scene.by_tag())).succeeded();
    assert!(run.out.contains("x\\u{1b}[2J artifacts via OCI referrer"), "{run:?}");
    assert!(!run.out.contains(['\u{1b}', '\u{202e}']) && run.out.lines().count() == 3, "{run:?}");
    let json = scene.place.run(&format!("tree -o json {}", scene.by_tag())).succeeded();
    let tree: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(tree["referrers"][0]["predicateType"], "x\u{1b}[2J\n\u{202e}Verified OK");
}

#[test]
fn every_check_is_explained() {
    let scene = Scene::new();
    let by_eve = scene.sigstore.sign_image(NAME, &scene.image, Leaf::email("eve@evil.test"));
    scene.sign(&[EvidenceLayer::of(&by_eve), EvidenceLayer::of(&scene.signature())]);
    let run = scene.verify(&format!("--explain {}", scene.by_tag())).succeeded();
    run.said("image signature of layer 2").said("layer 1").said("does not count");
    let run = scene.place.run(&format!("verify {WITH_KEY} --explain {}", scene.by_tag()));
    failed(run, 12, "does not count");
}
