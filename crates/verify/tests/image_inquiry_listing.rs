//! What is attached to an image: that it is found, and attacks on who only looks.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[macro_use]
mod images;

use images::{Api, NAME, SLSA, World};
use sigward_testkit::image_evidence::{SIGN_PREDICATE, evidence, referrer};
use sigward_testkit::{Artifact, EvidenceLayer, Leaf, image_damage};
use sigward_verify::image::{
    AttachedTag, Contents, ImageError, ImageReference, Listing, ListingInquiry, ListingQuestion, Referrers,
};
use sigward_verify::limits;

const MIB: u64 = 1 << 20;

fn question(world: &World, contents: Contents) -> ListingQuestion {
    ListingQuestion {
        reference: ImageReference::parse(&world.by_digest()).unwrap(),
        evidence_at: None,
        tag_prefix: String::new(),
        tags: AttachedTag::ALL.to_vec(),
        referrers: Referrers::Listed,
        contents,
    }
}

fn list(world: &World, contents: Contents) -> Result<Listing, ImageError> {
    world.drive(&mut ListingInquiry::new(question(world, contents)))
}

/// A world where each form of evidence is attached.
fn full() -> World {
    let mut world = World::new();
    world.sign(&[EvidenceLayer::of(&world.signed())]);
    world.attest(&[EvidenceLayer::of(&world.attested(SLSA))]);
    let v3 = world.sigstore.sign_image_v3(&world.image, Leaf::default());
    world.refer(&referrer(&world.image, &v3.bundle_v03(), SIGN_PREDICATE));
    world
}

#[test]
fn everything_is_found_with_its_content() {
    let world = full();
    let listing = list(&world, Contents::Read { limit: MIB }).unwrap();
    let tags: Vec<_> = listing.tags.iter().map(|(tag, layers)| (*tag, layers.len())).collect();
    assert_eq!(tags, [(AttachedTag::Attestations, 1), (AttachedTag::Signatures, 1)]);
    assert_eq!((listing.referrers.len(), listing.referrers[0].layers.len()), (1, 1));
    assert!(listing.tags.iter().flat_map(|(_, layers)| layers).all(|attached| !attached.content.is_empty()));
    assert!(!listing.referrers[0].layers[0].content.is_empty());
    let listing = list(&world, Contents::Unread).unwrap();
    assert!(listing.referrers[0].layers[0].content.is_empty());
    assert!(!world.paths().iter().any(|path| path.starts_with("blobs/")));
}

/// More than one batch.
#[test]
fn many_layers_all_have_their_content() {
    let mut world = World::new();
    world.sign(&image_damage::many_layers(&EvidenceLayer::of(&world.signed()), 100));
    let listing = list(&world, Contents::Read { limit: MIB }).unwrap();
    assert_eq!(listing.tags[0].1.iter().filter(|attached| !attached.content.is_empty()).count(), 100);
}

#[test]
fn content_that_is_another_is_not_shown() {
    let mut world = full();
    world.change_response("blobs/", |response| *response.body.last_mut().unwrap() ^= 1);
    refused!(list(&world, Contents::Read { limit: MIB }), ImageError::DigestMismatch { .. });
    for part in [".sig", "manifests/sha256:"] {
        let mut world = full();
        world.change_response(part, |response| *response.body.last_mut().unwrap() ^= 1);
        refused!(list(&world, Contents::Unread), ImageError::DigestMismatch { .. });
    }
}

#[test]
fn content_of_a_gigabyte_is_not_asked_for() {
    let mut world = World::new();
    let tag = world.image.attachment_tag("sig");
    let mut layers = evidence(&[EvidenceLayer::of(&world.signed())]);
    image_damage::declared_size(&mut layers, 0, 1 << 30);
    world.at(NAME).push_tag(&tag, &layers);
    refused!(list(&world, Contents::Read { limit: 128 * MIB }), ImageError::TooMany { .. });
    assert!(!world.paths().iter().any(|path| path.starts_with("blobs/")));
}

/// Each referrer names as many layers as one may, and each of them is empty.
#[test]
fn referrers_with_a_thousand_layers_each() {
    let mut world = World::new();
    let v3 = world.sigstore.sign_image_v3(&world.image, Leaf::default());
    for number in 0..5 {
        let mut large = referrer(&world.image, &v3.bundle_v03(), &number.to_string());
        let mut layer = large.manifest.layers_mut()[0].clone();
        layer.size = 0;
        *large.manifest.layers_mut() = vec![layer; limits::IMAGE_LAYERS];
        world.refer(&large);
    }
    for contents in [Contents::Unread, Contents::Read { limit: MIB }] {
        refused!(list(&world, contents), ImageError::TooMany { what: "layers", .. });
    }
}

/// Each referrer's manifest is as large as one may be.
#[test]
fn referrers_with_eight_mebibytes_each() {
    let mut world = World::new();
    let v3 = world.sigstore.sign_image_v3(&world.image, Leaf::default());
    for number in 0..18 {
        let mut large = referrer(&world.image, &v3.bundle_v03(), &number.to_string());
        large.manifest.annotations.insert("a".to_owned(), "x".repeat(limits::MANIFEST_BYTES - 4096));
        let mut listed = large.referrer_descriptor();
        listed.annotations.clear();
        let image = world.image.digest();
        world.refer(&large);
        world.at(NAME).refer(&image, listed);
    }
    refused!(list(&world, Contents::Unread), ImageError::TooMany { what: "bytes of manifests", .. });
}

#[test]
fn referrers_cannot_be_asked() {
    for status in [401, 403, 500] {
        let mut world = full();
        world.api = Api::Status(status);
        refused!(list(&world, Contents::Unread), ImageError::Registry { .. });
    }
    let mut world = World::with(Artifact::image("none"));
    world.fail("manifests/sha256-", 403);
    refused!(list(&world, Contents::Unread), ImageError::Registry { .. });
}
