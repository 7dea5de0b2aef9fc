//! Forms of evidence that only policies ask for, and configurations of images.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[macro_use]
mod images;

use std::collections::BTreeMap;

use common::{jane, keyless};
use images::{NAME, SLSA, World, question};
use sigward_testkit::image_evidence::{SIGN_PREDICATE, evidence, referrer};
use sigward_testkit::{Artifact, EvidenceLayer, ISSUER, Leaf};
use sigward_verify::image::{
    ConfigInquiry, EvidenceFault, EvidenceKind, Forms, ImageError, ImageQuestion, ImageReference, Wanted,
};
use sigward_verify::{Digest, Matcher, Signer};

fn anybody() -> Signer {
    keyless(Matcher::pattern(".*").unwrap(), Matcher::pattern(".*").unwrap())
}

fn every(wanted: Wanted, forms: Forms) -> ImageQuestion {
    ImageQuestion { wanted, forms, ..question(&format!("{NAME}:v1"), anybody()) }
}

/// Signatures by two identities under the tag and one in a bundle, and attestations in both forms.
fn rich() -> World {
    let mut world = World::new();
    let image = world.image.clone();
    let signed = [Leaf::default(), Leaf::email("joe@example.com")]
        .map(|leaf| EvidenceLayer::of(&world.sigstore.sign_image(NAME, &image, leaf)));
    world.sign(&signed);
    let bundle = world.sigstore.sign_image_v3(&image, Leaf::workflow()).bundle_v03();
    world.refer(&referrer(&image, &bundle, SIGN_PREDICATE));
    world.refer(&referrer(&image, &world.attested(SLSA).bundle_v03(), SLSA));
    let attested = [world.attested(SLSA), world.attested("https://spdx.dev/Document")];
    world.attest(&attested.map(|signed| EvidenceLayer::of(&signed)));
    world
}

fn subjects(world: &World, wanted: Wanted, forms: Forms) -> Vec<String> {
    let verdict = world.ask(&every(wanted, forms)).unwrap();
    verdict.proved.iter().map(|proved| proved.kind().to_string()).collect()
}

#[test]
fn every_signature_and_every_attestation() {
    let world = rich();
    let [signature, slsa] = ["image signature", "attestation of type https://slsa.dev/provenance/v1"];
    let [spdx, sign] = ["attestation of type https://spdx.dev/Document", "image signature"];
    for (forms, signatures, attestations) in [
        (Forms::All, vec![signature; 3], vec![slsa, spdx, sign, slsa]),
        (Forms::TagsOnly, vec![signature; 2], vec![slsa, spdx]),
        (Forms::BundlesOnly, vec![signature], vec![sign, slsa]),
    ] {
        assert_eq!(subjects(&world, Wanted::EverySignature, forms), signatures, "{forms:?}");
        let mut found = subjects(&world, Wanted::EveryAttestation, forms);
        let mut attestations = attestations;
        found.sort();
        attestations.sort_unstable();
        assert_eq!(found, attestations, "{forms:?}");
    }
}

/// A part is not all: what could not be read may be what matters.
#[test]
fn attack_a_part_that_cannot_be_read_is_not_left_out() {
    for part in ["referrers", "blobs"] {
        let mut world = rich();
        world.fail(part, 503);
        for wanted in [Wanted::EverySignature, Wanted::EveryAttestation] {
            refused!(world.ask(&every(wanted, Forms::All)), ImageError::Registry { .. });
        }
        let mut world = rich();
        world.change(part, |need, _, _| images::unreachable(need));
        for wanted in [Wanted::EverySignature, Wanted::EveryAttestation] {
            refused!(world.ask(&every(wanted, Forms::All)), ImageError::Unreachable { .. });
        }
    }
}

/// Nothing of the kind is there.
#[test]
fn attack_every_signature_is_not_every_attestation() {
    let mut world = World::new();
    world.attest(&[EvidenceLayer::of(&world.attested(SLSA))]);
    refused!(world.ask(&every(Wanted::EverySignature, Forms::All)), ImageError::NoSignatures);
    let image = world.image.clone();
    world.refer(&referrer(&image, &world.attested(SLSA).bundle_v03(), SLSA));
    refused!(world.ask(&every(Wanted::EverySignature, Forms::All)), ImageError::Demand { .. });
    world.forget();
    world.sign(&[EvidenceLayer::of(&world.signed())]);
    refused!(world.ask(&every(Wanted::EveryAttestation, Forms::All)), ImageError::NoMatchingAttestations { .. });
    let eve = keyless(Matcher::exact("eve@example.com"), Matcher::exact(ISSUER));
    let asked = ImageQuestion { wanted: Wanted::EverySignature, ..question(&format!("{NAME}:v1"), eve) };
    refused!(world.ask(&asked), ImageError::NoMatchingSignatures { .. });
    let Err(error) = world.ask(&asked) else { panic!("a verdict") };
    assert!(matches!(error.rejected()[0].fault, EvidenceFault::Unusable(_) | EvidenceFault::Verification(_)));
}

/// Bundles alone: no tag is asked for, and cosign 2's older form among referrers is none.
#[test]
fn bundles_alone() {
    let mut world = rich();
    let by_jane = question(&world.by_digest(), jane());
    let asked = ImageQuestion { forms: Forms::BundlesOnly, wanted: Wanted::EverySignature, ..by_jane };
    refused!(world.ask(&asked), ImageError::Demand { .. });
    assert!(world.paths().iter().all(|path| !path.contains(".sig") && !path.contains(".att")), "{:?}", world.paths());
    let mut older = evidence(&[EvidenceLayer::of(&world.signed())]);
    older.manifest.artifact_type = Some("application/vnd.dev.cosign.artifact.sig.v1+json".to_owned());
    older.manifest.subject = Some(world.image.descriptor());
    world.forget();
    world.refer(&older);
    assert!(world.ask(&question(&world.by_digest(), jane())).is_ok());
    assert!(world.ask(&asked).is_err());
    let kinds = subjects(&rich(), Wanted::EverySignature, Forms::BundlesOnly);
    assert_eq!(kinds, [EvidenceKind::ImageSignature.to_string()]);
}

fn configs(world: &World, image: &Artifact) -> Result<BTreeMap<String, String>, ImageError> {
    let reference = ImageReference::parse(&format!("{NAME}@{}", image.digest())).unwrap();
    world.drive(&mut ConfigInquiry::new(&reference, Digest::parse(&image.digest()).unwrap()))
}

#[test]
fn the_configuration_of_each_platform() {
    let mut world = World::new();
    let image = world.image.clone();
    let found = configs(&world, &image).unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["linux/amd64"]);
    let config: serde_json::Value = serde_json::from_str(&found["linux/amd64"]).unwrap();
    assert_eq!(config["os"], "linux");
    let index = Artifact::multi_platform("many");
    world.at(NAME).push(&index);
    let found = configs(&world, &index).unwrap();
    assert!(found.len() >= 2 && found.contains_key("linux/amd64"), "{:?}", found.keys());
}

/// A node takes the image by what the index says of it; a policy must not see another one's configuration.
#[test]
fn attack_an_index_that_says_another_platform() {
    let mut world = World::new();
    let [amd, arm] = ["amd64", "arm64"].map(|architecture| Artifact::image_for("x", "linux", architecture));
    for (images, words) in [
        (vec![("linux", "amd64", arm.clone())], "the index says linux/amd64, the configuration says linux/arm64"),
        (
            vec![("linux", "amd64", amd.clone()), ("linux", "amd64", Artifact::image_for("y", "linux", "amd64"))],
            "the image has two configurations for linux/amd64",
        ),
        (vec![("linux", "amd64", amd.clone()), ("linux", "arm64", amd)], "it promises two platforms for"),
    ] {
        let index = Artifact::index(images);
        world.at(NAME).push(&index);
        let error = configs(&world, &index).unwrap_err();
        assert!(matches!(error, ImageError::Malformed { .. }) && error.to_string().contains(words), "{error}");
    }
}

#[test]
fn attack_other_content_and_no_end() {
    let mut world = World::new();
    let image = world.image.clone();
    world.change_response("blobs", |response| response.body.push(b' '));
    assert!(matches!(
        configs(&world, &image),
        Err(ImageError::Unreachable { .. } | ImageError::Malformed { .. } | ImageError::DigestMismatch { .. })
    ));
    let mut world = World::new();
    world.change_response("manifests", |response| response.body.push(b' '));
    refused!(configs(&world, &image), ImageError::DigestMismatch { .. });
    let mut world = World::new();
    world.fail("blobs", 404);
    refused!(configs(&world, &image), ImageError::NotFound { .. });
    let mut world = World::new();
    let many: Vec<_> = (0..200).map(|n| Artifact::image_for(&format!("i{n}"), "linux", "amd64").descriptor()).collect();
    let index = Artifact::index_over(many);
    world.at(NAME).push(&index);
    refused!(configs(&world, &index), ImageError::TooMany { .. });
}
