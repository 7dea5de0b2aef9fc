//! What can be read in two ways.

use super::*;

#[test]
fn duplicate_keys() {
    let mut world = World::new();
    let (own, wrong) = (world.image.digest(), other().digest());
    let payload = SimpleSigning::new(NAME, &world.image).to_json();
    let text = String::from_utf8(payload).unwrap();
    let name = "\"docker-manifest-digest\":";
    let twice = text.replace(&format!("{name}\"{own}\""), &format!("{name}\"{wrong}\",{name}\"{own}\""));
    let layers = [EvidenceLayer::of(&world.sigstore.sign_blob(twice.as_bytes(), Leaf::default()))];
    rejected!(with_layers(&mut world, &layers), EvidenceFault::Payload { .. });
    let statement = String::from_utf8(sign_statement(&world.image)).unwrap();
    let sha = format!("\"sha256\":\"{}\"", world.image.hex());
    let twice = statement.replace(&sha, &format!("\"sha256\":\"{}\",{sha}", other().hex()));
    assert_ne!(twice, statement);
    let manifest = world.image.manifest.to_json();
    let signed = world.sigstore.attest_as(&manifest, twice.as_bytes(), &Leaf::default(), &Default::default());
    let image = world.image.clone();
    world.forget();
    world.refer(&referrer(&image, &signed.bundle_v03(), SIGN_PREDICATE));
    unproved!(verify(&world), Error::Json { .. });
}

/// The annotation that is compared must be one that every reader sees.
#[test]
fn duplicate_annotations_in_a_payload() {
    let mut world = World::new();
    let text = String::from_utf8(SimpleSigning::new(NAME, &world.image).annotate("env", "prod").to_json()).unwrap();
    let twice = text.replace("\"env\":\"prod\"", "\"env\":\"test\",\"env\":\"prod\"");
    world.sign(&[EvidenceLayer::of(&world.sigstore.sign_blob(twice.as_bytes(), Leaf::default()))]);
    let annotations = vec![("env".to_owned(), "prod".to_owned())];
    let wanted = Wanted::Signature { annotations, demands: Vec::new() };
    let wanted = ImageQuestion { wanted, ..question(&world.by_digest(), jane()) };
    rejected!(world.ask(&wanted), EvidenceFault::Payload { .. });
}

/// GHSA-5j5w-9665-c92f.
#[test]
fn ambiguous_manifest() {
    let both = image_damage::ambiguous(&Artifact::image("a"), &Artifact::multi_platform("m"));
    let mut world = World::with(both);
    world.sign(&[EvidenceLayer::of(&world.signed())]);
    refused!(world.ask(&question(&format!("{NAME}:v1"), jane())), ImageError::Malformed { .. });
}

#[test]
fn signatures_that_are_an_index() {
    let mut world = World::new();
    let (tag, image) = (world.image.attachment_tag("sig"), world.image.clone());
    let layers = evidence(&[EvidenceLayer::of(&world.signed())]);
    world.at(NAME).push_tag(&tag, &Artifact::index(vec![("linux", "amd64", layers.clone())]));
    refused!(verify(&world), ImageError::Malformed { .. });
    world.at(NAME).push_tag(&tag, &image_damage::ambiguous(&layers, &Artifact::index(vec![("linux", "amd64", image)])));
    refused!(verify(&world), ImageError::Malformed { .. });
}

/// CVE-2024-3727.
#[test]
fn digest_that_is_a_path() {
    for digest in ["sha256:../../../other/blobs/sha256:00", "../manifests/v1", "sha512:00", ""] {
        let mut world = World::new();
        let tag = world.image.attachment_tag("sig");
        let mut layers = evidence(&[EvidenceLayer::of(&world.signed())]);
        layers.manifest.layers_mut()[0].digest = digest.to_owned();
        world.at(NAME).push_tag(&tag, &layers);
        refused!(verify(&world), ImageError::Malformed { .. });
        assert_eq!(world.asked().len(), 1);
        let mut world = World::new();
        let image = world.image.digest();
        let v3 = world.sigstore.sign_image_v3(&world.image, Leaf::default());
        let mut descriptor = referrer(&world.image, &v3.bundle_v03(), SIGN_PREDICATE).referrer_descriptor();
        descriptor.digest = digest.to_owned();
        world.at(NAME).refer(&image, descriptor);
        assert!(verify(&world).is_err());
        assert!(world.asked().iter().all(|need| !need.url.contains("..")), "{:?}", world.paths());
    }
}

#[test]
fn layer_without_a_signature() {
    let mut world = World::new();
    let layers = [image_damage::unsigned_layer(&EvidenceLayer::of(&world.signed()))];
    unproved!(with_layers(&mut world, &layers), Error::LayerSignatureMissing);
    assert!(!world.paths().iter().any(|path| path.starts_with("blobs/")));
}

#[test]
fn one_bad_and_one_good_layer() {
    let mut world = World::new();
    let good = EvidenceLayer::of(&world.signed());
    let bad = [
        EvidenceLayer::of(&foreign(&world)),
        image_damage::unsigned_layer(&good),
        good.clone().with(annotation::BUNDLE, "{}"),
        good.clone().with(annotation::CERTIFICATE, "no PEM"),
        EvidenceLayer::of(&world.signed_with(&Key::default())),
    ];
    for bad in bad {
        for (layers, at) in [([bad.clone(), good.clone()], 1), ([good.clone(), bad], 0)] {
            let verdict = with_layers(&mut world, &layers).unwrap();
            assert_eq!((verdict.proved.len(), verdict.rejected.len()), (1, 1));
            assert!(
                matches!(verdict.proved[0].origin(), sigward_verify::image::Origin::Layer { index, .. } if *index == at)
            );
        }
    }
}

/// The signatures of an envelope by two, one of them wanted: the entry must be about the wanted one.
#[test]
fn envelope_signed_by_two() {
    let mut world = World::new();
    let mut attested = world.attested(SLSA);
    let eve = Key::default();
    let envelope = attested.envelope.as_mut().unwrap();
    envelope.add_signature(&eve, eve.default_hash());
    envelope.signatures.swap(0, 1);
    world.attest(&[EvidenceLayer::of(&attested)]);
    // The log's entry is about the envelope as it was.
    unproved!(world.ask(&attestation(&world.by_digest(), jane(), SLSA)), Error::Log(_));
}

#[test]
fn layer_of_a_referrer_that_is_no_bundle() {
    let mut world = World::new();
    let v3 = world.sigstore.sign_image_v3(&world.image, Leaf::default());
    let right = referrer(&world.image, &v3.bundle_v03(), SIGN_PREDICATE);
    let mut sbom = right.clone();
    sbom.manifest.layers_mut()[0].media_type = "application/spdx+json".to_owned();
    world.forget();
    world.refer(&sbom);
    assert!(verify(&world).is_err());
    let mut twice = right;
    let layer = twice.manifest.layers_mut()[0].clone();
    twice.manifest.layers_mut().push(layer);
    world.refer(&twice);
    assert_eq!(twice.manifest.layers.as_ref().unwrap()[1].media_type, V03);
    let all = faults(verify(&world));
    assert!(matches!(all.as_slice(), [EvidenceFault::Content(_)]), "{all:?}");
}
