//! Lists without end, and things that nobody can hold (CVE-2023-46737, CVE-2024-29902, CVE-2024-29903).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[macro_use]
mod images;
mod inquiries;

use common::jane;
use images::{Api, NAME, SLSA, World, attestation, faults, question};
use inquiries::{by_digest, by_tag, referred, signed, with_key};
use sigward_testkit::image::digest;
use sigward_testkit::image_evidence::{SIGN_PREDICATE, evidence, referrer, referrer_of_bytes};
use sigward_testkit::{EvidenceLayer, Key, Leaf, image_damage};
use sigward_verify::image::{EvidenceFault, ImageError, ImageQuestion};
use sigward_verify::limits;

#[test]
fn endless_pages_of_referrers() {
    for query in ["p=%N", "same=1"] {
        let mut world = World::new();
        world.change("referrers/", move |need, nth, mut answer| {
            let path = need.url.split('?').next().unwrap().strip_prefix("https://registry.test").unwrap();
            let query = query.replace("%N", &nth.to_string());
            answer.outcome.as_mut().unwrap().link = Some(format!("<{path}?{query}>; rel=\"next\""));
            answer
        });
        refused!(by_digest(&world), ImageError::TooMany { what: "pages of referrers", .. });
        assert_eq!(world.asked().len(), 1 + limits::REFERRER_PAGES);
    }
}

#[test]
fn more_referrers_than_anybody_attaches() {
    for (count, pages) in [(limits::REFERRERS + 1, 100), (limits::REFERRERS + 1, 2_000), (10_000, 20_000)] {
        let mut world = World::new();
        let image = world.image.digest();
        for number in 0..count {
            let mut descriptor = world.image.descriptor();
            descriptor.digest = digest(number.to_string());
            world.at(NAME).referrers.entry(image.clone()).or_default().push(descriptor);
        }
        world.api = Api::Pages(pages);
        refused!(by_digest(&world), ImageError::TooMany { .. });
        assert!(world.asked().len() <= 12);
        let image = world.image.clone();
        world.at(NAME).write_fallback_tag(&image);
        world.api = Api::Status(404);
        refused!(by_digest(&world), ImageError::TooMany { .. });
    }
}

#[test]
fn more_signature_layers_than_anybody_makes() {
    for count in [1_001, 10_000] {
        let mut world = World::new();
        let key = Key::default();
        let mut layers = image_damage::many_layers(&EvidenceLayer::unlogged(&world.signed_with(&key)), count);
        layers[0] = EvidenceLayer::unlogged(&world.signed_with(&key));
        world.sign(&layers);
        refused!(world.ask(&with_key(&world, &key)), ImageError::TooMany { what: "layers", .. });
        assert_eq!(world.asked().len(), 1);
    }
}

/// As many as are allowed, and each of them wrong: every one is asked for once, and in batches.
#[test]
fn a_thousand_wrong_layers_end() {
    let mut world = World::new();
    let key = Key::default();
    world.sign(&image_damage::many_layers(&EvidenceLayer::unlogged(&world.signed_with(&key)), 999));
    assert_eq!(faults(world.ask(&with_key(&world, &key))).len(), 999);
    assert_eq!(world.asked().len(), 1 + 999 + 1);
}

#[test]
fn payload_of_a_gigabyte_is_not_asked_for() {
    let mut world = World::new();
    let tag = world.image.attachment_tag("sig");
    for size in [1 << 30, i64::MAX.unsigned_abs()] {
        let mut layers = evidence(&[EvidenceLayer::of(&world.signed())]);
        image_damage::declared_size(&mut layers, 0, size);
        world.at(NAME).push_tag(&tag, &layers);
        rejected!(by_digest(&world), EvidenceFault::TooLarge { .. });
        assert!(!world.paths().iter().any(|path| path.starts_with("blobs/")));
    }
    let mut layers = evidence(&[EvidenceLayer::of(&world.signed())]);
    image_damage::declared_size(&mut layers, 0, u64::MAX);
    world.at(NAME).push_tag(&tag, &layers);
    refused!(by_digest(&world), ImageError::Malformed { .. });
}

#[test]
fn bundle_or_referrer_of_a_gigabyte_is_not_asked_for() {
    let mut world = World::new();
    let v3 = world.sigstore.sign_image_v3(&world.image, Leaf::default());
    let mut large = referrer(&world.image, &v3.bundle_v03(), SIGN_PREDICATE);
    image_damage::declared_size(&mut large, 0, 1 << 30);
    world.refer(&large);
    rejected!(by_digest(&world), EvidenceFault::TooLarge { .. });
    assert!(!world.paths().iter().any(|path| path.starts_with("blobs/")));
    let image = world.image.digest();
    let mut descriptor = large.referrer_descriptor();
    descriptor.size = 1 << 30;
    world.at(NAME).refer(&image, descriptor);
    rejected!(by_digest(&world), EvidenceFault::TooLarge { .. });
    assert_eq!(world.asked().len(), 2);
}

/// `COSIGN_MAX_ATTACHMENT_SIZE` counts for each piece, and a bundle has a limit of its own.
#[test]
fn one_piece_larger_than_allowed() {
    for world in [signed(), referred()] {
        let wanted = ImageQuestion { attachment_limit: 100, ..question(&world.by_digest(), jane()) };
        rejected!(world.ask(&wanted), EvidenceFault::TooLarge { limit: 100, .. });
        assert!(!world.paths().iter().any(|path| path.starts_with("blobs/")));
    }
    let mut world = World::new();
    let mut large = referrer_of_bytes(world.image.descriptor(), b"{}".to_vec(), SIGN_PREDICATE);
    image_damage::declared_size(&mut large, 0, 1 + u64::try_from(limits::BUNDLE_BYTES).unwrap());
    world.refer(&large);
    rejected!(by_digest(&world), EvidenceFault::TooLarge { .. });
    assert!(!world.paths().iter().any(|path| path.starts_with("blobs/")));
}

/// Each piece is as large as one may be, and there are many.
#[test]
fn many_large_pieces_are_too_much_together() {
    let mut world = World::new();
    let attested = EvidenceLayer::of(&world.attested("https://example.com/vuln"));
    let tag = world.image.attachment_tag("att");
    let mut layers = evidence(&image_damage::many_layers(&attested, 10));
    for layer in 0..10 {
        image_damage::declared_size(&mut layers, layer, 20 << 20);
    }
    world.at(NAME).push_tag(&tag, &layers);
    let all = faults(world.ask(&attestation(&world.by_digest(), jane(), SLSA)));
    assert_eq!(all.iter().filter(|fault| matches!(fault, EvidenceFault::TooLarge { .. })).count(), 4);
    assert_eq!(world.paths().iter().filter(|path| path.starts_with("blobs/")).count(), 6);
    // The same piece, named again and again, is asked for once and held as often as it is named.
    let (mut again, blobs) = (layers.clone(), 1_000);
    let layer = again.manifest.layers_mut()[0].clone();
    *again.manifest.layers_mut() = vec![layer; blobs];
    world.at(NAME).push_tag(&tag, &again);
    let all = faults(world.ask(&attestation(&world.by_digest(), jane(), SLSA)));
    assert_eq!(all.iter().filter(|fault| matches!(fault, EvidenceFault::TooLarge { .. })).count(), blobs - 6);
}

#[test]
fn many_large_bundles_are_too_much_together() {
    let mut world = World::new();
    for number in 0..10_u8 {
        let bytes = vec![number; 100];
        let mut large = referrer_of_bytes(world.image.descriptor(), bytes, SIGN_PREDICATE);
        image_damage::declared_size(&mut large, 0, 20 << 20);
        world.refer(&large);
    }
    let all = faults(by_digest(&world));
    assert_eq!(all.iter().filter(|fault| matches!(fault, EvidenceFault::TooLarge { .. })).count(), 4);
}

/// What a batch may hold at once is bounded by size as well as by number.
#[test]
fn a_batch_is_no_larger_than_one_piece_may_be() {
    let mut world = World::new();
    let attested = EvidenceLayer::of(&world.attested("https://example.com/vuln"));
    world.attest(&image_damage::many_layers(&attested, 40));
    let layer = u64::try_from(attested.payload.len()).unwrap();
    let wanted = attestation(&world.by_digest(), jane(), SLSA);
    let wanted = ImageQuestion { attachment_limit: 3 * (layer + 3), ..wanted };
    assert_eq!(faults(world.ask(&wanted)).len(), 40);
}

#[test]
fn referrers_listed_again_and_again_are_asked_once() {
    let mut world = referred();
    let image = world.image.digest();
    let listed = world.at(NAME).referrers[&image].clone();
    *world.at(NAME).referrers.get_mut(&image).unwrap() = vec![listed[0].clone(); 90];
    assert_eq!(by_digest(&world).unwrap().proved.len(), 1);
    assert_eq!(world.asked().len(), 4, "{:?}", world.paths());
}

#[test]
fn manifest_larger_than_any_is() {
    let mut world = signed();
    world.change_response(".sig", |response| response.body.resize(limits::MANIFEST_BYTES + 1, b' '));
    refused!(by_digest(&world), ImageError::Unreachable { .. });
    let mut world = World::new();
    world.change_response("referrers/", |response| response.body.resize(limits::MANIFEST_BYTES + 1, b' '));
    refused!(by_digest(&world), ImageError::Unreachable { .. });
}

/// Nesting without end does not overflow the stack.
#[test]
fn manifest_nested_without_end() {
    let deep = |open: &str| open.repeat(200_000).into_bytes();
    for body in [deep("["), deep("{\"a\":"), deep("{\"layers\":["), deep("{\"manifests\":[{\"annotations\":")] {
        for part in ["manifests/v1", ".sig", "referrers/"] {
            let mut world = World::new();
            if part == ".sig" {
                world.sign(&[EvidenceLayer::of(&world.signed())]);
            }
            let body = body.clone();
            world.change_response(part, move |response| {
                (response.body, response.content_digest) = (body.clone(), None);
            });
            refused!(by_tag(&world), ImageError::Malformed { .. });
        }
    }
}

#[test]
fn more_than_so_many_signatures_without_an_entry() {
    for (count, allowed) in [(limits::IMAGE_LOOKUPS, true), (limits::IMAGE_LOOKUPS + 1, false)] {
        let mut world = World::new();
        let layers: Vec<_> = (0..count).map(|_| EvidenceLayer::unlogged(&world.signed())).collect();
        world.sign(&layers);
        match by_digest(&world) {
            Ok(verdict) => assert!(allowed && verdict.proved.len() == count),
            Err(ImageError::TooMany { what: "signatures without a log entry", .. }) => assert!(!allowed),
            Err(other) => panic!("{other:?}"),
        }
    }
}
