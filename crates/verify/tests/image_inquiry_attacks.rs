//! Attacks by somebody who may push to the repository: evidence of another image, signer, kind or log, and evidence that
//! can be read in two ways. Every one changes a single thing that would otherwise be accepted.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[macro_use]
mod images;
mod inquiries;

use common::{jane, managed};
use images::{NAME, SLSA, World, attestation, faults, question};
use inquiries::{Outcome, by_digest as verify, with_key};
use serde_json::json;
use sigward_testkit::bundle::media_type::V03;
use sigward_testkit::image_evidence::{
    SIGN_PREDICATE, annotation, evidence, referrer, referrer_of_bytes, sign_statement,
};
use sigward_testkit::{Artifact, EvidenceLayer, Key, Leaf, Signed, SimpleSigning, image_damage};
use sigward_verify::image::{Demand, EvidenceFault, GivenCertificate, ImageError, ImageQuestion, Wanted};
use sigward_verify::{Error, Input, Signer, parse_certificate_file};

fn other() -> Artifact {
    Artifact::image("b")
}

/// Verifies with these layers as the image's signatures.
fn with_layers(world: &mut World, layers: &[EvidenceLayer]) -> Outcome {
    world.sign(layers);
    verify(world)
}

/// Verifies with this referrer alone.
fn with_referrer(referrer: &Artifact) -> Outcome {
    let mut world = World::new();
    world.refer(referrer);
    verify(&world)
}

fn requiring(demand: Demand, question: ImageQuestion) -> ImageQuestion {
    let wanted = Wanted::Signature { annotations: Vec::new(), demands: vec![demand] };
    ImageQuestion { wanted, ..question }
}

fn foreign(world: &World) -> Signed {
    world.sigstore.sign_image(NAME, &other(), Leaf::default())
}

/// A fault of the engine.
macro_rules! unproved {
    ($result:expr, $error:pat) => {
        match images::only_fault($result) {
            EvidenceFault::Verification(failure) if matches!(failure.error, $error) => {}
            EvidenceFault::Unusable(error) if matches!(*error, $error) => {}
            found => panic!("expected {}, got {found:?}", stringify!($error)),
        }
    };
}

#[path = "image_inquiry_attacks/ambiguous.rs"]
mod ambiguous;

// Another image.

#[test]
fn signature_for_another_digest() {
    let mut world = World::new();
    let layers = [EvidenceLayer::of(&foreign(&world))];
    rejected!(with_layers(&mut world, &layers), EvidenceFault::OtherImage { .. });
    let key = Key::default();
    let by_key = world.sigstore.sign_image_with_key(NAME, &other(), &key);
    world.sign(&[EvidenceLayer::unlogged(&by_key)]);
    rejected!(world.ask(&with_key(&world, &key)), EvidenceFault::OtherImage { .. });
}

/// The payload says the right digest, and the signature is over another payload.
#[test]
fn payload_swapped_under_a_signature() {
    let mut world = World::new();
    let right = SimpleSigning::new(NAME, &world.image).to_json();
    let layers = [image_damage::other_payload(&EvidenceLayer::of(&foreign(&world)), &right)];
    unproved!(with_layers(&mut world, &layers), Error::Signature { .. });
}

#[test]
fn digest_only_resembles_the_image_s() {
    for change in [
        |digest: &str| digest.to_uppercase(),
        |digest: &str| digest.replace("sha256:", ""),
        |digest: &str| format!("{digest} "),
        |digest: &str| digest.replace("sha256:", "SHA256:"),
        |digest: &str| digest[..digest.len() - 1].to_owned(),
        |_: &str| String::new(),
    ] {
        let mut world = World::new();
        let mut payload = SimpleSigning::new(NAME, &world.image);
        payload.digest = change(&payload.digest);
        let layers = [EvidenceLayer::of(&world.sigstore.sign_blob(&payload.to_json(), Leaf::default()))];
        rejected!(with_layers(&mut world, &layers), EvidenceFault::OtherImage { .. });
    }
}

/// Evidence of a platform's manifest says nothing of the index, nor the other way round.
#[test]
fn index_and_platform_manifest_confused() {
    let index = Artifact::multi_platform("m");
    let platform = index.platforms[0].clone();
    for (asked, signed) in [(&index, &platform), (&platform, &index)] {
        let mut world = World::with(asked.clone());
        let layer = EvidenceLayer::of(&world.sigstore.sign_image(NAME, signed, Leaf::default()));
        // Where it belongs it is not found …
        world.at(NAME).sign(signed, std::slice::from_ref(&layer));
        refused!(verify(&world), ImageError::NoSignatures);
        // … and moved to the other it does not fit.
        rejected!(with_layers(&mut world, &[layer]), EvidenceFault::OtherImage { .. });
        let v3 = world.sigstore.sign_image_v3(signed, Leaf::default());
        world.forget();
        world.refer(&image_damage::other_subject(&referrer(signed, &v3.bundle_v03(), SIGN_PREDICATE), asked));
        unproved!(verify(&world), Error::SubjectMismatch { .. });
    }
}

#[test]
fn bundle_for_another_image() {
    let world = World::new();
    let signed = world.sigstore.sign_image_v3(&other(), Leaf::default());
    let mut world = world;
    world.refer(&referrer(&world.image, &signed.bundle_v03(), SIGN_PREDICATE));
    unproved!(verify(&world), Error::SubjectMismatch { .. });
    refused!(verify(&world), ImageError::NoMatchingAttestations { .. });
}

/// Listed among this image's referrers; its own manifest says that it belongs to another.
#[test]
fn referrer_whose_subject_is_another_image() {
    let mut world = World::new();
    let v3 = world.sigstore.sign_image_v3(&world.image, Leaf::default());
    let elsewhere = referrer(&other(), &v3.bundle_v03(), SIGN_PREDICATE);
    let image = world.image.digest();
    let repository = world.at(NAME);
    repository.push(&elsewhere);
    repository.refer(&image, elsewhere.referrer_descriptor());
    let fault = images::only_fault(verify(&world));
    assert!(matches!(&fault, EvidenceFault::Content(e) if matches!(**e, ImageError::Malformed { .. })), "{fault:?}");
}

#[test]
fn attestation_about_another_image() {
    let mut world = World::new();
    let about = world.sigstore.attest_image(NAME, &other(), (SLSA, json!({})), Leaf::default());
    world.attest(&[EvidenceLayer::of(&about)]);
    unproved!(world.ask(&attestation(&world.by_digest(), jane(), SLSA)), Error::SubjectMismatch { .. });
}

// Another signer.

#[test]
fn certificate_that_only_names_the_signer() {
    let mut world = World::new();
    let eve = sigward_testkit::Sigstore::new();
    let forged = eve.sign_image(NAME, &world.image, Leaf::default());
    let layer = EvidenceLayer::of(&forged);
    // Her own log stands behind it, and ours does not know it.
    unproved!(with_layers(&mut world, std::slice::from_ref(&layer)), Error::LogThreshold { .. });
    // The log takes everybody's signatures: then the authority decides.
    let mut world = World::new();
    world.sigstore.rekor = eve.rekor.clone();
    unproved!(with_layers(&mut world, &[layer]), Error::Chain(_));
}

/// GHSA-fx35-mq7g-6g98.
#[test]
fn bare_key_in_place_of_a_certificate() {
    let key = Key::default();
    let mut world = World::new();
    let layer = EvidenceLayer::of(&world.signed_with(&key)).with(annotation::CERTIFICATE, &key.public_pem());
    unproved!(with_layers(&mut world, &[layer]), Error::RawKeyInEvidence);
    let wanted = with_key(&world, &Key::default());
    unproved!(world.ask(&wanted), Error::RawKeyInEvidence);
    assert_eq!(world.asked().len(), 2, "only tag and list are asked");
}

#[test]
fn no_certificate_and_no_key() {
    let mut world = World::new();
    let layer = EvidenceLayer::of(&world.signed_with(&Key::default()));
    unproved!(with_layers(&mut world, &[layer]), Error::KeyNeeded);
    let by_key = world.sigstore.sign_image_v3_with_key(&world.image, &Key::default());
    unproved!(with_referrer(&referrer(&world.image, &by_key.bundle_v03(), SIGN_PREDICATE)), Error::KeyNeeded);
}

#[test]
fn certificate_of_another_signature() {
    let mut world = World::new();
    let layer = EvidenceLayer::of(&world.signed()).with(annotation::CERTIFICATE, &foreign(&world).cert_pem());
    unproved!(with_layers(&mut world, &[layer]), Error::Signature { .. });
}

/// `--certificate` names one certificate, whatever form the evidence has.
#[test]
fn certificate_given_apart_is_not_that_of_the_evidence() {
    let mut world = World::new();
    let given = parse_certificate_file(world.signed().cert_pem().as_bytes()).unwrap();
    let wanted = ImageQuestion {
        certificate: Some(GivenCertificate { leaf: given, sct: None }),
        ..question(&world.by_digest(), jane())
    };
    world.sign(&[EvidenceLayer::of(&world.signed())]);
    unproved!(world.ask(&wanted), Error::CertificateMismatch);
    let attested = ImageQuestion { wanted: Wanted::Attestation { predicate_type: SLSA.into() }, ..wanted.clone() };
    world.attest(&[EvidenceLayer::of(&world.attested(SLSA))]);
    unproved!(world.ask(&attested), Error::CertificateMismatch);
    let image = world.image.clone();
    world.forget();
    let v3 = world.sigstore.sign_image_v3(&image, Leaf::default());
    world.refer(&referrer(&image, &v3.bundle_v03(), SIGN_PREDICATE));
    unproved!(world.ask(&wanted), Error::CertificateMismatch);
}

// Another log entry (CVE-2022-23649, CVE-2022-36056, CVE-2026-22703).

#[test]
fn entry_of_another_signature() {
    let mut world = World::new();
    let entry = foreign(&world).entry.to_legacy().to_string();
    let layer = EvidenceLayer::of(&world.signed()).with(annotation::BUNDLE, &entry);
    unproved!(with_layers(&mut world, &[layer]), Error::Log(_));
    let again = world.signed();
    let layer = EvidenceLayer::of(&world.signed()).with(annotation::BUNDLE, &again.entry.to_legacy().to_string());
    unproved!(with_layers(&mut world, &[layer]), Error::Log(_));
    let image = world.image.clone();
    let mut bundle = world.sigstore.sign_image_v3(&image, Leaf::default()).bundle_v03();
    bundle.entries = world.sigstore.sign_image_v3(&other(), Leaf::default()).bundle_v03().entries;
    world.forget();
    world.refer(&referrer(&image, &bundle, SIGN_PREDICATE));
    unproved!(verify(&world), Error::Log(_));
}

#[test]
fn entry_without_a_valid_promise() {
    let mut world = World::new();
    let mut signed = world.signed();
    signed.entry.set = Some(vec![0; 70]);
    unproved!(with_layers(&mut world, &[EvidenceLayer::of(&signed)]), Error::LogThreshold { .. });
}

/// A bundle annotation that cannot be read is no missing one: nothing is looked up instead.
#[test]
fn unreadable_entry_does_not_fall_back_to_the_log() {
    let mut world = World::new();
    for text in ["{}", "null", "[]", "{", "\"\""] {
        let layer = EvidenceLayer::of(&world.signed()).with(annotation::BUNDLE, text);
        rejected!(with_layers(&mut world, &[layer]), EvidenceFault::Unusable(_));
        assert!(!world.paths().iter().any(|path| path.starts_with("https://rekor")), "{text}");
    }
}

#[test]
fn log_that_answers_another_entry() {
    let mut world = World::new();
    let wrong = foreign(&world).entry.to_api_map().to_string().into_bytes();
    world.change_response("rekor.test", move |response| {
        response.status = 200;
        response.body.clone_from(&wrong);
    });
    let layers = [EvidenceLayer::unlogged(&world.signed())];
    rejected!(with_layers(&mut world, &layers), EvidenceFault::Lookup(_));
}

/// Signatures of another image do not make anybody ask the log.
#[test]
fn log_is_not_asked_about_another_image() {
    let mut world = World::new();
    let layers = [EvidenceLayer::unlogged(&foreign(&world))];
    rejected!(with_layers(&mut world, &layers), EvidenceFault::OtherImage { .. });
    assert!(!world.paths().iter().any(|path| path.starts_with("https://rekor")));
}

// Another kind of evidence.

#[test]
fn attestation_passed_off_as_a_signature() {
    let mut world = World::new();
    world.refer(&referrer(&world.image, &world.attested(SLSA).bundle_v03(), SIGN_PREDICATE));
    let wanted = requiring(Demand::ImageSignature, question(&world.by_digest(), jane()));
    refused!(world.ask(&wanted), ImageError::Demand { .. });
    assert_eq!(verify(&world).unwrap().proved[0].predicate_type(), Some(SLSA));
}

#[test]
fn signature_passed_off_as_an_attestation() {
    let mut world = World::new();
    world.sign(&[EvidenceLayer::of(&world.signed())]);
    let v3 = world.sigstore.sign_image_v3(&world.image, Leaf::default());
    world.refer(&referrer(&world.image, &v3.bundle_v03(), SLSA));
    let wanted = requiring(Demand::Attestation(SLSA.to_owned()), question(&world.by_digest(), jane()));
    refused!(world.ask(&wanted), ImageError::Demand { .. });
    refused!(world.ask(&attestation(&world.by_digest(), jane(), SLSA)), ImageError::PredicateType { .. });
}

/// Nothing that the annotations of descriptors say of the type counts (CVE-2022-35929).
#[test]
fn wrong_predicate_type() {
    let mut world = World::new();
    let layer = EvidenceLayer::of(&world.attested("https://example.com/vuln"));
    world.attest(&[layer.with(annotation::PREDICATE_TYPE, SLSA)]);
    let wanted = attestation(&world.by_digest(), jane(), SLSA);
    refused!(world.ask(&wanted), ImageError::PredicateType { .. });
    world.refer(&referrer(&world.image, &world.attested("https://example.com/other").bundle_v03(), SLSA));
    match world.ask(&wanted) {
        Err(ImageError::PredicateType { found, .. }) => assert_eq!(found.len(), 2),
        other => panic!("{other:?}"),
    }
    for near in
        ["https://slsa.dev/provenance/v1/", "https://slsa.dev/provenance/v1.1", "HTTPS://slsa.dev/provenance/v1", ""]
    {
        world.attest(&[EvidenceLayer::of(&world.attested(near))]);
        refused!(world.ask(&wanted), ImageError::PredicateType { .. });
    }
}

/// CVE-2022-35930: the wanted type by somebody else, and another type by the wanted signer.
#[test]
fn type_and_signer_of_two_attestations() {
    let mut world = World::new();
    let eve = Leaf::email("eve@example.com");
    let by_eve = world.sigstore.attest_image(NAME, &world.image, (SLSA, json!({})), eve);
    world.attest(&[EvidenceLayer::of(&by_eve), EvidenceLayer::of(&world.attested("https://example.com/vuln"))]);
    refused!(world.ask(&attestation(&world.by_digest(), jane(), SLSA)), ImageError::PredicateType { .. });
}

/// The signature is over the whole manifest, as `verify-blob` takes it: it says nothing of its being an image.
#[test]
fn bundle_with_a_message_signature() {
    let world = World::new();
    let blob = world.sigstore.sign_blob(&world.image.manifest.to_json(), Leaf::default());
    let mut world = world;
    world.refer(&referrer(&world.image, &blob.bundle_v03(), SIGN_PREDICATE));
    rejected!(verify(&world), EvidenceFault::NotAnAttestation);
}

#[test]
fn envelope_in_a_signature_layer() {
    let mut world = World::new();
    let attested = world.attested(SLSA);
    // Its own signature is over another encoding …
    let layer = EvidenceLayer::of(&attested).with(annotation::SIGNATURE, &attested.sig());
    unproved!(with_layers(&mut world, std::slice::from_ref(&layer)), Error::Signature { .. });
    unproved!(with_layers(&mut world, &[EvidenceLayer::of(&attested)]), Error::LayerSignatureMissing);
    // … and signed as a payload it claims nothing.
    let blob = world.sigstore.sign_blob(&layer.payload, Leaf::default());
    rejected!(with_layers(&mut world, &[EvidenceLayer::of(&blob)]), EvidenceFault::OtherImage { .. });
}

#[test]
fn simple_signing_among_attestations() {
    let mut world = World::new();
    world.attest(&[EvidenceLayer::of(&world.signed())]);
    let wanted = attestation(&world.by_digest(), jane(), SLSA);
    unproved!(world.ask(&wanted), Error::Json { input: Input::Envelope, .. });
}

#[test]
fn envelope_that_holds_no_statement() {
    let mut world = World::new();
    let manifest = world.image.manifest.to_json();
    for payload in [&b"{}"[..], b"null", b"", b"[]", &SimpleSigning::new(NAME, &world.image).to_json()] {
        let signed = world.sigstore.attest_as(&manifest, payload, &Leaf::default(), &Default::default());
        world.attest(&[EvidenceLayer::of(&signed)]);
        rejected!(
            world.ask(&attestation(&world.by_digest(), jane(), SLSA)),
            EvidenceFault::Verification(_) | EvidenceFault::Unusable(_)
        );
        rejected!(
            with_referrer(&referrer(&world.image, &signed.bundle_v03(), SIGN_PREDICATE)),
            EvidenceFault::Verification(_) | EvidenceFault::Unusable(_)
        );
    }
}

/// Something that the signer signed, which is JSON and no claim.
#[test]
fn signed_json_that_is_no_claim() {
    let mut world = World::new();
    for blob in [&b"{}"[..], b"{\"critical\":null}", b"{\"critical\":{\"image\":null}}"] {
        let layers = [EvidenceLayer::of(&world.sigstore.sign_blob(blob, Leaf::default()))];
        rejected!(with_layers(&mut world, &layers), EvidenceFault::OtherImage { .. });
    }
    for blob in [&b"[]"[..], b"null", b"", b"{", b"\"x\"", b"{\"critical\":1}"] {
        let layers = [EvidenceLayer::of(&world.sigstore.sign_blob(blob, Leaf::default()))];
        rejected!(with_layers(&mut world, &layers), EvidenceFault::Payload { .. });
    }
}

#[test]
fn bundles_of_other_versions_and_files() {
    let world = World::new();
    let v3 = world.sigstore.sign_image_v3(&world.image, Leaf::default());
    let blob = world.sigstore.sign_blob(&world.image.manifest.to_json(), Leaf::default());
    for bytes in [
        v3.bundle_v01().to_json(),
        v3.bundle_v02().to_json(),
        blob.legacy_bundle().to_json(),
        "{}".to_owned(),
        "null".to_owned(),
        String::new(),
        format!("{} {{}}", v3.bundle_v03().to_json()),
    ] {
        let artifact = referrer_of_bytes(world.image.descriptor(), bytes.clone().into_bytes(), SIGN_PREDICATE);
        rejected!(with_referrer(&artifact), EvidenceFault::Unusable(_));
    }
}

// What was asked for.

/// Wishes that were made are not given up because another check was.
#[test]
fn annotations_count_even_where_claims_are_not_checked() {
    let mut world = World::new();
    world.sign(&[EvidenceLayer::of(&world.signed())]);
    let annotations = vec![("env".to_owned(), "prod".to_owned())];
    let mut wanted = question(&world.by_digest(), jane());
    wanted.wanted = Wanted::Signature { annotations, demands: Vec::new() };
    wanted.requirements.claims = sigward_verify::Claims::SkippedUnsafe;
    rejected!(world.ask(&wanted), EvidenceFault::Annotation { .. });
    let image = world.image.clone();
    world.forget();
    let v3 = world.sigstore.sign_image_v3(&image, Leaf::default());
    world.refer(&referrer(&image, &v3.bundle_v03(), SIGN_PREDICATE));
    rejected!(world.ask(&wanted), EvidenceFault::Annotation { .. });
}

/// The managed key of a question is used for nothing but what it signed.
#[test]
fn another_managed_key() {
    let (key, eve) = (Key::default(), Key::default());
    let mut world = World::new();
    world.sign(&[EvidenceLayer::unlogged(&world.signed_with(&eve))]);
    unproved!(world.ask(&with_key(&world, &key)), Error::Signature { .. });
    let by_eve = world.sigstore.sign_image_v3_with_key(&world.image, &eve);
    let image = world.image.clone();
    world.forget();
    world.refer(&referrer(&image, &by_eve.bundle_v03(), SIGN_PREDICATE));
    unproved!(world.ask(&question(&world.by_digest(), managed(&key))), Error::Signature { .. });
    // A hint is only that.
    let mut hinted = by_eve.bundle_v03();
    hinted.material = sigward_testkit::bundle::Material::PublicKey(key.hint());
    world.forget();
    world.refer(&referrer(&image, &hinted, SIGN_PREDICATE));
    unproved!(world.ask(&question(&world.by_digest(), managed(&key))), Error::Signature { .. });
}

#[test]
fn nobody_is_wanted() {
    let mut world = World::new();
    world.sign(&[EvidenceLayer::of(&world.signed())]);
    unproved!(world.ask(&question(&world.by_digest(), Signer::Keyless(Vec::new()))), Error::KeyNeeded);
}
