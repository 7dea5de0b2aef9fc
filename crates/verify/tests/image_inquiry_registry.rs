//! Attacks by the registry, a mirror or whoever is between: content that is not what was asked for, and
//! answers from which nothing follows.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[macro_use]
mod images;
mod inquiries;

use common::jane;
use images::{Api, INDEX, NAME, SLSA, World, attestation, not_found, question, unreachable};
use inquiries::{by_digest, by_tag, referred, signed};
use serde_json::json;
use sigward_testkit::image::digest;
use sigward_testkit::image_evidence::{SIGN_PREDICATE, evidence, referrer};
use sigward_testkit::{Artifact, EvidenceLayer, Leaf, image_damage};
use sigward_verify::TrustMaterial;
use sigward_verify::evidence::{Inquiry, Step};
use sigward_verify::image::{Demand, EvidenceFault, ImageError, ImageInquiry, ImageQuestion, Wanted};

/// Content that is not what its descriptor says.
macro_rules! content {
    ($result:expr, $error:pat) => {
        match images::only_fault($result) {
            EvidenceFault::Content(error) if matches!(*error, $error) => {}
            found => panic!("expected {}, got {found:?}", stringify!($error)),
        }
    };
}

// Content that is not what was asked for.

#[test]
fn manifest_differs_from_its_digest_header() {
    for tag in ["manifests/v1", ".sig"] {
        let mut world = signed();
        world.change_response(tag, |response| response.body.push(b' '));
        refused!(by_tag(&world), ImageError::DigestMismatch { .. });
    }
}

#[test]
fn image_asked_for_by_digest_is_another() {
    let mut world = World::new();
    let other = Artifact::image("b").manifest.to_json();
    world.change_response("manifests/sha256:", move |response| response.body.clone_from(&other));
    refused!(by_digest(&world), ImageError::DigestMismatch { .. });
}

#[test]
fn referrer_asked_for_by_digest_is_another() {
    let mut world = referred();
    world.change_response("manifests/sha256:", |response| *response.body.last_mut().unwrap() ^= 1);
    content!(by_digest(&world), ImageError::DigestMismatch { .. });
}

#[test]
fn payload_or_bundle_of_the_same_size_is_another() {
    for mut world in [signed(), referred()] {
        world.change_response("blobs/", |response| *response.body.last_mut().unwrap() ^= 1);
        content!(by_digest(&world), ImageError::DigestMismatch { .. });
    }
}

/// What came is read no further than its descriptor says.
#[test]
fn payload_or_bundle_is_longer_than_its_descriptor() {
    for mut world in [signed(), referred()] {
        world.change_response("blobs/", |response| response.body.resize(1 << 20, b' '));
        content!(by_digest(&world), ImageError::Malformed { .. });
        let asked = world.asked();
        let blob = asked.iter().find(|need| need.url.contains("blobs/")).unwrap();
        assert!(blob.limit < 1 << 20, "{}", blob.limit);
    }
}

#[test]
fn referrer_is_longer_than_its_descriptor() {
    let mut world = referred();
    world.change_response("manifests/sha256:", |response| response.body.push(b' '));
    // The image itself is not asked for: there was something.
    content!(by_digest(&world), ImageError::Malformed { .. });
}

/// The right content, and a descriptor that says that there is more.
#[test]
fn descriptor_declares_another_size() {
    let mut world = World::new();
    let tag = world.image.attachment_tag("sig");
    for size in [0, 1, 1 << 20] {
        let mut layers = evidence(&[EvidenceLayer::of(&world.signed())]);
        image_damage::declared_size(&mut layers, 0, size);
        world.at(NAME).push_tag(&tag, &layers);
        content!(by_digest(&world), ImageError::Malformed { .. });
    }
}

/// Kyverno's CVE-2022-47633: what is verified is what was resolved, however often the tag moves.
#[test]
fn tag_that_moves_between_two_requests() {
    let (first, second) = (Artifact::image("a"), Artifact::image("b"));
    let mut world = signed();
    let (bytes, name) = (second.manifest.to_json(), second.digest());
    world.change("manifests/v1", move |_, nth, mut answer| {
        if nth > 0 {
            let response = answer.outcome.as_mut().unwrap();
            (response.body, response.content_digest) = (bytes.clone(), Some(name.clone()));
        }
        answer
    });
    assert_eq!(by_tag(&world).unwrap().digest.to_string(), first.digest());
    assert_eq!(world.paths().iter().filter(|path| *path == "manifests/v1").count(), 1);
    // The second image is not signed, and the first one's signature is none for it.
    world.at(NAME).push_tag("v1", &second);
    let layers = [EvidenceLayer::of(&world.signed())];
    world.at(NAME).sign(&second, &layers);
    rejected!(by_tag(&world), EvidenceFault::OtherImage { .. });
}

/// The digest of an index covers its platforms by their digests alone; nothing of them is asked for or trusted.
#[test]
fn platform_manifest_swapped_under_an_index() {
    let index = Artifact::multi_platform("m");
    let mut world = World::with(index.clone());
    image_damage::swapped_platform(world.at(NAME), &index, 0, &Artifact::image("evil"));
    world.sign(&[EvidenceLayer::of(&world.signed())]);
    assert_eq!(by_tag(&world).unwrap().digest.to_string(), index.digest());
    assert!(!world.paths().iter().any(|path| path.contains(&index.platforms[0].digest())));
    // An index that names the other one instead is another index.
    let mut swapped = index;
    swapped.manifest.manifests_mut()[0].digest = Artifact::image("evil").digest();
    world.at(NAME).push_tag("v1", &swapped);
    refused!(by_tag(&world), ImageError::NoSignatures);
}

/// The signatures' tag is asked once: it cannot show one manifest first and another later.
#[test]
fn signatures_are_read_from_the_first_answer() {
    let mut world = signed();
    world.change(".sig", |_, nth, mut answer| {
        if nth > 0 {
            answer.outcome = Ok(not_found());
        }
        answer
    });
    by_digest(&world).unwrap();
    let sig = world.image.attachment_tag("sig");
    assert_eq!(world.paths().iter().filter(|path| path.ends_with(&sig)).count(), 1);
    assert!(!world.paths().iter().any(|path| path.starts_with("manifests/sha256:")));
}

// Answers from which nothing follows.

/// "No referrers" is said by 404, 400 and 406 alone.
#[test]
fn referrers_cannot_be_asked() {
    for status in [401, 403, 405, 429, 500, 502, 503, 301, 204, 206] {
        let mut world = World::new();
        world.api = Api::Status(status);
        refused!(by_digest(&world), ImageError::Registry { .. });
        // Also where the tag scheme has something that does not satisfy, which is then told as well.
        world.sign(&[EvidenceLayer::of(&world.sigstore.sign_image(NAME, &Artifact::image("b"), Leaf::default()))]);
        match by_digest(&world) {
            Err(ImageError::Registry { rejected, .. }) => {
                assert!(matches!(rejected[0].fault, EvidenceFault::OtherImage { .. }));
            }
            other => panic!("{other:?}"),
        }
        // What satisfies is enough.
        world.sign(&[EvidenceLayer::of(&world.signed())]);
        by_digest(&world).unwrap();
    }
}

#[test]
fn fallback_tag_cannot_be_asked() {
    for lacking in [Api::Status(404), Api::Status(400), Api::Status(406), Api::Html] {
        let mut world = World::new();
        world.api = lacking;
        refused!(by_digest(&world), ImageError::NoSignatures);
        let tag = world.image.fallback_tag();
        world.change("manifests/sha256-", move |need, _, mut answer| {
            if need.url.ends_with(&tag) {
                answer.outcome.as_mut().unwrap().status = 403;
            }
            answer
        });
        refused!(by_digest(&world), ImageError::Registry { .. });
    }
}

#[test]
fn tag_of_signatures_cannot_be_asked() {
    for status in [400, 401, 403, 406, 429, 500, 503, 302] {
        let mut world = signed();
        world.fail(".sig", status);
        refused!(by_digest(&world), ImageError::Registry { .. });
    }
    let mut world = signed();
    world.change(".sig", |need, _, _| unreachable(need));
    refused!(by_digest(&world), ImageError::Unreachable { .. });
}

/// What referrers had is told beside the error.
#[test]
fn tag_of_attestations_cannot_be_asked() {
    let mut world = World::new();
    let eve = world.sigstore.attest_image(NAME, &world.image, (SLSA, json!({})), Leaf::email("eve@evil.test"));
    world.refer(&referrer(&world.image, &eve.bundle_v03(), SLSA));
    world.fail(".att", 403);
    match world.ask(&attestation(&world.by_digest(), jane(), SLSA)) {
        Err(ImageError::Registry { rejected, .. }) => assert_eq!(rejected.len(), 1),
        other => panic!("{other:?}"),
    }
}

/// A web page is no manifest, and "no signatures" would be a guess.
#[test]
fn web_page_with_status_200() {
    let html = b"<html>login</html>".to_vec();
    for part in ["manifests/v1", ".sig"] {
        let (mut world, html) = (signed(), html.clone());
        world.change_response(part, move |response| {
            response.status = 200;
            (response.body, response.content_digest) = (html.clone(), None);
        });
        refused!(by_tag(&world), ImageError::Malformed { .. });
    }
}

#[test]
fn payload_that_cannot_be_had() {
    let mut world = signed();
    world.fail("blobs/", 404);
    rejected!(by_digest(&world), EvidenceFault::Missing { .. });
    refused!(by_digest(&world), ImageError::NoMatchingSignatures { .. });
    for status in [401, 403, 500] {
        let mut world = signed();
        world.fail("blobs/", status);
        refused!(by_digest(&world), ImageError::Registry { .. });
        // Referrers are asked all the same.
        let v3 = world.sigstore.sign_image_v3(&world.image, Leaf::default());
        let bundle = referrer(&world.image, &v3.bundle_v03(), SIGN_PREDICATE);
        let wanted = format!("blobs/{}", bundle.manifest.layers.as_ref().unwrap()[0].digest);
        world.refer(&bundle);
        let body = bundle.blobs[1].clone();
        world.change_response(&wanted, move |response| (response.status, response.body) = (200, body.clone()));
        by_digest(&world).unwrap();
    }
}

#[test]
fn bundle_that_cannot_be_had() {
    let mut world = referred();
    world.fail("blobs/", 404);
    rejected!(by_digest(&world), EvidenceFault::Missing { .. });
    for (part, status) in [("blobs/", 401), ("blobs/", 500), ("manifests/sha256:", 403), ("manifests/sha256:", 500)] {
        let mut world = referred();
        world.fail(part, status);
        refused!(by_digest(&world), ImageError::Registry { .. });
    }
    let mut world = referred();
    world.change("blobs/", |need, _, _| unreachable(need));
    refused!(by_digest(&world), ImageError::Unreachable { .. });
}

#[test]
fn image_that_cannot_be_asked_for() {
    for status in [401, 403, 500] {
        let mut world = World::new();
        world.fail("manifests/v1", status);
        refused!(by_tag(&world), ImageError::Registry { .. });
        world.fail("manifests/sha256:", status);
        refused!(by_digest(&world), ImageError::Registry { .. });
    }
}

#[test]
fn second_page_of_referrers_is_missing() {
    for status in [404, 400, 406, 500] {
        let mut world = referred();
        world.refer(&referrer(&world.image, &world.attested(SLSA).bundle_v03(), SLSA));
        world.api = Api::Pages(1);
        world.fail("?from=1", status);
        refused!(by_digest(&world), ImageError::Registry { .. });
    }
    let mut world = referred();
    world.refer(&referrer(&world.image, &world.attested(SLSA).bundle_v03(), SLSA));
    world.api = Api::Pages(1);
    world.change_response("?from=1", |response| response.content_type = Some("text/html".to_owned()));
    refused!(by_digest(&world), ImageError::Malformed { .. });
}

/// The next page is elsewhere: nobody goes there, and the list is not taken for complete.
#[test]
fn page_of_referrers_elsewhere() {
    for target in [
        "https://evil.test/v2/app/manifests/v1?x",
        "/v2/secret/referrers/sha256:0000000000000000000000000000000000000000000000000000000000000000?p=2",
        "?p=2",
        "/v2/_catalog?n=1",
    ] {
        let mut world = World::new();
        world.change_response("referrers/", move |response| response.link = Some(format!("<{target}>; rel=\"next\"")));
        refused!(by_digest(&world), ImageError::Malformed { .. });
        assert_eq!(world.asked().len(), 2);
    }
    // Another host or repository with the right list: its query is asked here.
    let mut world = World::new();
    let path = format!("https://evil.test/v2/secret/referrers/{}", world.image.digest());
    world.change("referrers/", move |_, nth, mut answer| {
        answer.outcome.as_mut().unwrap().link = (nth == 0).then(|| format!("<{path}?p=2>; rel=\"next\""));
        answer
    });
    refused!(by_digest(&world), ImageError::NoSignatures);
    let asked = world.asked();
    assert!(asked.iter().all(|need| need.url.starts_with("https://registry.test/v2/app/")), "{asked:?}");
    assert!(asked[2].url.ends_with("?p=2"));
}

#[test]
fn list_of_referrers_that_is_none() {
    let manifest = Artifact::image("b").manifest.to_json();
    let twice = json!({"schemaVersion": 2, "manifests": []}).to_string().replace("{", "{\"manifests\":[],");
    for body in [manifest, b"null".to_vec(), b"[]".to_vec(), b"{}".to_vec(), Vec::new(), twice.into_bytes()] {
        let mut world = World::new();
        world.change_response("referrers/", move |response| {
            response.body.clone_from(&body);
            response.content_type = Some(INDEX.to_owned());
        });
        refused!(by_digest(&world), ImageError::Malformed { .. });
    }
}

/// What is listed may be anything; what counts is what the bundle says.
#[test]
fn list_of_referrers_that_lies() {
    let mut world = referred();
    let image = world.image.digest();
    let mut listed = world.at(NAME).referrers[&image][0].clone();
    listed.annotations.insert("dev.sigstore.bundle.predicateType".to_owned(), SLSA.to_owned());
    listed.artifact_type = None;
    listed.media_type = "text/plain".to_owned();
    *world.at(NAME).referrers.get_mut(&image).unwrap() = vec![listed];
    let wanted = Wanted::Signature { annotations: Vec::new(), demands: vec![Demand::Attestation(SLSA.to_owned())] };
    refused!(world.ask(&ImageQuestion { wanted, ..question(&world.by_digest(), jane()) }), ImageError::Demand { .. });
    refused!(world.ask(&attestation(&world.by_digest(), jane(), SLSA)), ImageError::PredicateType { .. });
}

/// The host that served the manifest does not have the payload either, or has another.
#[test]
fn payload_beside_the_manifest_is_another() {
    let upstream = "up.test/k8s/images/app";
    let mut world = World::new();
    let (image, layers) = (world.image.clone(), [EvidenceLayer::of(&world.signed())]);
    world.redirects.insert(NAME.to_owned(), upstream.to_owned());
    world.at(upstream).sign(&image, &layers);
    by_digest(&world).unwrap();
    world.at(upstream).corrupt(&digest(&layers[0].payload), vec![b' '; layers[0].payload.len()]);
    content!(by_digest(&world), ImageError::DigestMismatch { .. });
    world.at(upstream).blobs.clear();
    rejected!(by_digest(&world), EvidenceFault::Missing { .. });
    assert_eq!(world.paths().iter().filter(|path| path.contains("blobs/")).count(), 2, "once here, once there");
}

/// No answer is no "yes".
#[test]
fn fewer_answers_than_needs() {
    let world = signed();
    let root = world.sigstore.trusted_root().to_json();
    let material = TrustMaterial::from_trusted_root(root.as_bytes()).unwrap();
    let wanted = question(&world.by_digest(), jane());
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    let mut inquiry = ImageInquiry::new(&wanted, &material, now);
    assert!(matches!(inquiry.step(Vec::new()), Step::Need(_)));
    assert!(matches!(inquiry.step(Vec::new()), Step::Failed(ImageError::Registry { .. })));
    assert!(matches!(inquiry.step(Vec::new()), Step::Failed(_)));
}

/// Texts of a registry are cut short and hold no line breaks.
#[test]
fn texts_of_a_registry_are_tamed() {
    let mut world = World::new();
    let body = format!(
        "{{\"errors\":[{{\"code\":\"DENIED\\nVerified OK\",\"message\":\"\\u001b[2J{}\"}}]}}",
        "x".repeat(100_000)
    );
    world.change_response("manifests/v1", move |response| {
        (response.status, response.body) = (403, body.clone().into_bytes());
    });
    let text = by_tag(&world).err().unwrap().to_string();
    assert!(text.len() < 1_000 && !text.contains(['\n', '\u{1b}']), "{text}");
}
