//! Registries that are busy, broken or hostile: what is repeated, what is refused, and that every run ends.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod images_scene;
mod support;

use std::time::Duration;

use images_scene::{NAME, Scene, WITH_KEY, claims, failed};
use sigward_testkit::image_evidence::evidence;
use sigward_testkit::registry::{Links, Pages, ReferrersApi};
use sigward_testkit::{Artifact, EvidenceLayer, Fault, FaultKind, Key, Leaf, image_damage};
use support::Run;

fn keyed() -> Scene {
    Scene::keyed(Default::default())
}

fn verify(scene: &Scene) -> Run {
    scene.verify_with_key(&scene.by_tag())
}

/// It ended soon, without a yes.
#[track_caller]
fn refused(run: Run) -> Run {
    assert!(run.code != 0 && run.out.is_empty() && !run.err.contains("Verification for"), "{run:?}");
    run.within(60)
}

#[test]
fn busy_registry_is_asked_again() {
    for part in ["/manifests/v1", ".sig", "/blobs/"] {
        let scene = keyed();
        scene.fault(Fault::retry_after(part, 429, 1).first(1));
        let run = verify(&scene).succeeded().within(30);
        assert!(run.took >= Duration::from_secs(1), "{part}: {run:?}");
        let scene = keyed();
        scene.fault(Fault::status(part, 500).first(2));
        verify(&scene).succeeded().within(30);
        assert_eq!(scene.count_of(part), 3, "{part}");
        let scene = keyed();
        scene.fault(Fault::hang_up(part).first(1));
        verify(&scene).succeeded().within(30);
    }
}

#[test]
fn registry_that_always_fails() {
    for (part, status) in [("/manifests/v1", 500), (".sig", 503), ("/blobs/", 500), (".sig", 401), ("/blobs/", 403)] {
        let scene = keyed();
        scene.fault(Fault::status(part, status));
        failed(verify(&scene), 1, &status.to_string()).within(60);
        assert!(scene.count_of(part) <= 5, "{part}");
    }
}

/// "No referrers" is said by a 404 alone; anything else leaves open what there is.
#[test]
fn referrers_that_cannot_be_asked() {
    for status in [401, 403, 500, 503] {
        let scene = Scene::new();
        scene.set(|settings| settings.referrers = ReferrersApi::Status(status));
        failed(scene.verify(&scene.by_tag()), 1, "referrers");
        let foreign = scene.sigstore.sign_image(NAME, &Artifact::image("b"), Leaf::default());
        scene.sign(&[EvidenceLayer::of(&foreign)]);
        failed(scene.verify(&scene.by_tag()), 1, "no matching signatures: invalid or missing digest in claim");
        scene.sign(&[EvidenceLayer::of(&scene.signature())]);
        scene.verify(&scene.by_tag()).succeeded();
    }
    for lacking in [ReferrersApi::Status(404), ReferrersApi::Status(400), ReferrersApi::Status(406), ReferrersApi::Html]
    {
        let scene = Scene::new();
        scene.refer_v3();
        scene.set(|settings| settings.referrers = lacking.clone());
        failed(scene.verify(&scene.by_tag()), 10, "no signatures found");
        scene.repository("app", |repository| repository.write_fallback_tag(&scene.image));
        scene.verify(&scene.by_tag()).succeeded();
    }
}

#[test]
fn pages_of_referrers() {
    let scene = Scene::new();
    scene.refer_v3();
    for number in 0..6 {
        scene.refer(
            "app",
            &sigward_testkit::image_evidence::referrer_of_bytes(scene.image.descriptor(), vec![number], "x"),
        );
    }
    for links in [Links::Path, Links::Url] {
        let pages = Pages { size: Some(2), links, ..Pages::default() };
        scene.set(|settings| settings.referrers = ReferrersApi::Present(pages));
        scene.clear_counts();
        scene.verify(&scene.by_tag()).succeeded();
        assert_eq!(scene.counts().referrers, 4);
    }
    for (links, text) in [(Links::Endless, "exceeded the limit"), (Links::ToItself, "its next page is")] {
        let pages = Pages { size: Some(2), links, ..Pages::default() };
        scene.set(|settings| settings.referrers = ReferrersApi::Present(pages));
        failed(scene.verify(&scene.by_tag()), 1, text).within(60);
    }
}

#[test]
fn content_that_is_not_what_was_asked_for() {
    for (fault, text) in [
        (image_damage::flipped("/blobs/"), "digest"),
        (image_damage::longer("/blobs/", 10), "more bytes than its descriptor says"),
        (image_damage::longer("/blobs/", 1 << 20), "more bytes than its descriptor says"),
        (image_damage::flipped(".sig"), "digest"),
        (image_damage::flipped("/manifests/v1"), "digest"),
        (image_damage::gzipped("/blobs/"), ""),
        (image_damage::digest_header(".sig", &image_damage::unknown_digest()), "digest"),
    ] {
        let scene = keyed();
        scene.fault(fault);
        refused(verify(&scene)).said(text);
    }
}

#[test]
fn bodies_that_are_cut_short_or_never_end() {
    for part in ["/manifests/v1", ".sig", "/blobs/"] {
        let scene = keyed();
        scene.fault(Fault::truncate(part, 20));
        refused(verify(&scene));
        let scene = keyed();
        scene.fault(Fault::endless(part));
        refused(scene.place.run_bounded(&format!("verify {WITH_KEY} {}", scene.by_tag())));
        let scene = keyed();
        scene.fault(image_damage::gzip_bomb(part, 1 << 30));
        refused(scene.place.run_bounded(&format!("verify {WITH_KEY} {}", scene.by_tag())));
        let scene = keyed();
        scene.fault(Fault::new(part, FaultKind::Drip { chunk: 1, pause: Duration::from_millis(200) }));
        let run = scene.verify_with_key(&format!("--timeout 2s {}", scene.by_tag()));
        refused(run).within(20);
    }
}

/// Kyverno's CVE-2022-47633: the digest that is printed is the one that was verified.
#[test]
fn tag_that_moves() {
    let scene = keyed();
    scene.fault(image_damage::moved_tag("app", "v1", &Artifact::image("evil")));
    let run = verify(&scene).succeeded();
    assert_eq!(claims(&run)[0]["critical"]["image"]["docker-manifest-digest"], scene.image.digest());
    // Now it means the other one for good.
    refused(verify(&scene));
}

#[test]
fn image_that_can_be_read_in_two_ways() {
    let scene = Scene::new();
    let both = image_damage::ambiguous(&Artifact::image("a"), &Artifact::multi_platform("m"));
    scene.push("app", "both", &both);
    let signed = scene.sigstore.sign_image(NAME, &both, Leaf::default());
    scene.registry.sign("app", &both, &[EvidenceLayer::of(&signed)]);
    failed(scene.verify(&format!("{}:both", scene.name("app"))), 1, "both layers and manifests");
}

#[test]
fn platform_manifest_swapped_under_an_index() {
    let (scene, index) = (Scene::new(), Artifact::multi_platform("m"));
    scene.push("app", "index", &index);
    let signed = scene.sigstore.sign_image(NAME, &index, Leaf::default());
    scene.registry.sign("app", &index, &[EvidenceLayer::of(&signed)]);
    let evil = Artifact::image("evil");
    scene.repository("app", |repository| image_damage::swapped_platform(repository, &index, 0, &evil));
    // The index is what was signed …
    let run = scene.verify(&format!("{}:index", scene.name("app"))).succeeded();
    assert_eq!(claims(&run)[0]["critical"]["image"]["docker-manifest-digest"], index.digest());
    // … and says nothing of what is under the digest of a platform.
    let run = scene.verify(&format!("{}@{}", scene.name("app"), index.platforms[0].digest()));
    assert_ne!(run.code, 0, "{run:?}");
    refused(run).said("digest");
}

#[test]
fn ten_thousand_signature_layers() {
    for count in [1_001, 10_000] {
        let scene = keyed();
        let layer = EvidenceLayer::unlogged(&scene.sigstore.sign_image_with_key(NAME, &scene.image, &Key::default()));
        scene.sign(&image_damage::many_layers(&layer, count));
        let run = scene.place.run_bounded(&format!("verify {WITH_KEY} {}", scene.by_tag()));
        failed(run, 1, "number of layers").within(60);
    }
}

#[test]
fn payload_of_a_gigabyte() {
    let scene = keyed();
    let signed = scene.sigstore.sign_image_with_key(NAME, &scene.image, &scene.key);
    let mut layers = evidence(&[EvidenceLayer::unlogged(&signed)]);
    image_damage::declared_size(&mut layers, 0, 1 << 30);
    scene.repository("app", |repository| repository.push_tag(&scene.image.attachment_tag("sig"), &layers));
    let run = scene.place.run_bounded(&format!("verify {WITH_KEY} {}", scene.by_tag()));
    failed(run, 12, "COSIGN_MAX_ATTACHMENT_SIZE");
    assert_eq!(scene.counts().blobs, 0);
}

/// One hostile image in a list does not decide about the others.
#[test]
fn hostile_image_among_others() {
    let scene = keyed();
    let hostile = Artifact::image("hostile");
    scene.push("hostile", "v1", &hostile);
    let layer = EvidenceLayer::unlogged(&scene.sigstore.sign_image_with_key(NAME, &hostile, &Key::default()));
    scene.registry.sign("hostile", &hostile, &image_damage::many_layers(&layer, 900));
    let run = scene.verify_with_key(&format!("{}:v1 {}", scene.name("hostile"), scene.by_tag()));
    assert_eq!(run.code, 12, "{}", run.err.len());
    assert_eq!(claims(&run).len(), 1);
    run.within(60);
}

/// An image whose registry never finishes does not take the others with it.
#[test]
fn endless_image_among_others() {
    let scene = keyed();
    let slow = Artifact::image("slow");
    scene.push("slow", "v1", &slow);
    scene.fault(Fault::new("/slow/", FaultKind::Drip { chunk: 1, pause: Duration::from_millis(200) }));
    let run = scene.verify_with_key(&format!("--timeout 3s {}:v1 {}", scene.name("slow"), scene.by_tag()));
    assert_eq!((run.code, claims(&run).len()), (1, 1), "{run:?}");
    run.within(30);
}

/// What a registry says is told without its control characters.
#[test]
fn texts_of_a_registry_do_not_reach_the_terminal() {
    let scene = keyed();
    let body = "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"\\u001b[2J\\nVerified OK \\u202e\"}]}";
    let answer = sigward_testkit::server::Response::new(403, "application/json", body);
    scene.fault(Fault::answer("/manifests/v1", answer));
    let run = refused(verify(&scene));
    assert!(!run.err.contains(['\u{1b}', '\u{202e}']) && !run.err.contains("\nVerified OK"), "{run:?}");
}
