//! Images whose evidence holds, in every form, and how many requests each takes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[macro_use]
mod images;

use common::{jane, keyless, managed};
use images::{Api, NAME, REKOR, SLSA, World, attestation, question};
use serde_json::json;
use sigward_testkit::ca::KREL_TRUST;
use sigward_testkit::image_evidence::{PROMOTION_PREDICATE, SIGN_PREDICATE, evidence, referrer};
use sigward_testkit::{Artifact, EvidenceLayer, ISSUER, Key, Leaf, SimpleSigning};
use sigward_verify::image::{
    COSIGN_SIGN, Claim, Demand, EvidenceFault, EvidenceKind, Forms, GivenCertificate, ImageError, ImageQuestion,
    ImageVerdict, LayerRole, LookupRule, Origin, Repository, Wanted,
};
use sigward_verify::{Claims, LogUse, Matcher, Requirements, Signer, TimeUse, Waiver, parse_certificate_file};

fn trust() -> Signer {
    keyless(Matcher::exact(KREL_TRUST), Matcher::exact(ISSUER))
}

fn kinds(verdict: &ImageVerdict) -> Vec<EvidenceKind> {
    verdict.proved.iter().map(|proved| proved.kind()).collect()
}

fn of_type(predicate_type: &str) -> EvidenceKind {
    EvidenceKind::Attestation(predicate_type.to_owned())
}

fn demanding(question: ImageQuestion, demands: Vec<Demand>) -> ImageQuestion {
    ImageQuestion { wanted: Wanted::Signature { annotations: Vec::new(), demands }, ..question }
}

/// A signature with a key that is in no log, as `--insecure-ignore-tlog` takes it.
fn unlogged(name: &str, key: &Key) -> ImageQuestion {
    let requirements = Requirements { log: LogUse::SkippedUnsafe, ..Requirements::new(managed(key)) };
    ImageQuestion { requirements, ..question(name, managed(key)) }
}

#[test]
fn a_keyless_signature_by_tag_and_by_digest() {
    let mut world = World::new();
    world.sign(&[EvidenceLayer::of(&world.signed())]);
    let sig = format!("manifests/{}", world.image.attachment_tag("sig"));
    for (name, requests) in [(format!("{NAME}:v1"), 3), (world.by_digest(), 2)] {
        let verdict = world.ask(&question(&name, jane())).unwrap();
        assert_eq!(verdict.digest.to_string(), world.image.digest());
        assert_eq!((kinds(&verdict), verdict.rejected.len()), (vec![EvidenceKind::ImageSignature], 0));
        let Claim::Simple(Some(claim)) = verdict.proved[0].claim() else { panic!("no claim") };
        assert_eq!((claim.docker_reference.as_str(), &claim.manifest_digest), (NAME, &world.image.digest()));
        assert!(verdict.proved[0].waivers().is_empty());
        let paths = world.paths();
        assert_eq!(paths.len(), requests, "{paths:?}");
        assert_eq!(paths[requests - 2], sig);
        assert!(paths[requests - 1].starts_with("blobs/sha256:"));
    }
}

#[test]
fn a_signature_with_a_key_by_digest_takes_two_requests() {
    let key = Key::default();
    let mut world = World::new();
    world.sign(&[EvidenceLayer::unlogged(&world.signed_with(&key))]);
    let verdict = world.ask(&unlogged(&world.by_digest(), &key)).unwrap();
    assert_eq!(verdict.proved[0].waivers(), [Waiver::LogIgnored, Waiver::ManagedKey]);
    assert_eq!(world.asked().len(), 2);
    world.sign(&[EvidenceLayer::of(&world.signed_with(&key))]);
    let verdict = world.ask(&question(&world.by_digest(), managed(&key))).unwrap();
    assert_eq!(verdict.proved[0].verified().entries().len(), 1);
    assert_eq!(world.asked().len(), 2);
}

/// kpromo copies the signature of krel-staging and adds that of krel-trust.
#[test]
fn the_layer_of_somebody_else_is_not_asked_for() {
    let mut world = World::new();
    let layers = world.sigstore.kubernetes_signatures("app", &world.image);
    world.sign(&layers);
    let verdict = world.ask(&question(&format!("{NAME}:v1"), trust())).unwrap();
    assert_eq!(world.asked().len(), 3, "{:?}", world.paths());
    let wanted = sigward_testkit::image::digest(&layers[1].payload);
    assert_eq!(*verdict.proved[0].origin(), Origin::Layer { role: LayerRole::Signatures, index: 1, digest: wanted });
    assert!(matches!(verdict.rejected[0].fault, EvidenceFault::Unusable(_)));
    let Claim::Simple(Some(claim)) = verdict.proved[0].claim() else { panic!("no claim") };
    assert_eq!(claim.optional["org.kubernetes.kpromo.version"], "kpromo-v4.6.0");
}

/// registry.k8s.io#324: the tag is served by one host, and the payload is not yet where the front door looks for it.
#[test]
fn a_payload_that_is_missing_is_asked_on_the_host_that_served_the_manifest() {
    let upstream = "up.test/k8s/images/app";
    let mut world = World::new();
    let layers = world.sigstore.kubernetes_signatures("app", &world.image);
    let image = world.image.clone();
    world.redirects.insert(NAME.to_owned(), upstream.to_owned());
    world.at(upstream).sign(&image, &layers);
    world.ask(&question(&format!("{NAME}:v1"), trust())).unwrap();
    let asked = world.asked();
    assert_eq!(asked.len(), 4);
    assert!(asked[3].url.starts_with("https://up.test/v2/k8s/images/app/blobs/sha256:"), "{}", asked[3].url);
    // Asked for as the front door's: another host sees no credentials of it (`crates/cli/tests/images_access.rs`).
    assert_eq!(asked[3].repository.as_ref().unwrap().to_string(), NAME);
    for layer in &layers {
        world.at(NAME).blobs.insert(sigward_testkit::image::digest(&layer.payload), layer.payload.clone());
    }
    world.ask(&question(&format!("{NAME}:v1"), trust())).unwrap();
    assert_eq!(world.asked().len(), 3);
}

#[test]
fn signatures_over_the_same_payload_are_one_request() {
    let key = Key::default();
    let mut world = World::new();
    let by_key = world.signed_with(&key);
    let layers = [EvidenceLayer::unlogged(&world.signed_with(&Key::default())), EvidenceLayer::unlogged(&by_key)];
    world.sign(&layers);
    let verdict = world.ask(&unlogged(&world.by_digest(), &key)).unwrap();
    assert_eq!((verdict.proved.len(), verdict.rejected.len(), world.asked().len()), (1, 1, 2));
}

#[test]
fn bundles_as_referrers() {
    let mut world = World::new();
    let key = Key::default();
    let v3 = world.sigstore.sign_image_v3(&world.image, Leaf::default());
    let by_key = world.sigstore.sign_image_v3_with_key(&world.image, &key);
    for bundle in [v3.bundle_v03_rekor2(), by_key.bundle_v03()] {
        world.refer(&referrer(&world.image, &bundle, SIGN_PREDICATE));
    }
    world.refer(&referrer(&world.image, &world.attested(SLSA).bundle_v03(), SLSA));
    let image = world.image.clone();
    world.at(NAME).write_fallback_tag(&image);
    let fallback = format!("manifests/{}", image.fallback_tag());
    for (api, pages, tagged) in [
        (Api::Pages(100), 1, false),
        (Api::Pages(1), 3, false),
        (Api::Status(404), 1, true),
        (Api::Status(400), 1, true),
        (Api::Status(406), 1, true),
        (Api::Html, 1, true),
    ] {
        world.api = api;
        let verdict = world.ask(&question(&world.by_digest(), jane())).unwrap();
        assert_eq!(kinds(&verdict), [EvidenceKind::ImageSignature, of_type(SLSA)], "{api:?}");
        assert_eq!(verdict.proved[0].predicate_type(), Some(COSIGN_SIGN));
        let paths = world.paths();
        assert_eq!(paths.iter().filter(|path| path.starts_with("referrers/")).count(), pages, "{api:?}");
        assert_eq!(paths.contains(&fallback), tagged, "{api:?}");
        // .sig, the list, three manifests, three bundles.
        assert_eq!(paths.len(), 7 + pages + usize::from(tagged), "{paths:?}");
        world.ask(&question(&world.by_digest(), managed(&key))).unwrap();
        let verdict = world.ask(&attestation(&world.by_digest(), jane(), SLSA)).unwrap();
        assert_eq!(kinds(&verdict), [of_type(SLSA)]);
    }
}

/// What satisfies is enough: referrers are asked otherwise.
#[test]
fn both_forms_and_the_tag_scheme_comes_first() {
    let mut world = World::new();
    world.sign(&[EvidenceLayer::of(&world.signed())]);
    let v3 = world.sigstore.sign_image_v3(&world.image, Leaf::email("eve@example.com"));
    world.refer(&referrer(&world.image, &v3.bundle_v03(), SIGN_PREDICATE));
    world.ask(&question(&world.by_digest(), jane())).unwrap();
    assert_eq!(world.asked().len(), 2);
    let eve = keyless(Matcher::exact("eve@example.com"), Matcher::exact(ISSUER));
    let verdict = world.ask(&question(&world.by_digest(), eve.clone())).unwrap();
    assert!(matches!(verdict.proved[0].origin(), Origin::Referrer { .. }));
    let tags = ImageQuestion { forms: Forms::TagsOnly, ..question(&world.by_digest(), eve) };
    refused!(world.ask(&tags), ImageError::NoMatchingSignatures { .. });
    assert_eq!(world.asked().len(), 1);
}

/// cosign takes it for a signature; what was verified is said.
#[test]
fn a_promotion_record_alone_is_told_as_what_it_is() {
    let mut world = World::new();
    world.refer(&world.sigstore.promotion("app", &world.image));
    let plain = question(&world.by_digest(), trust());
    assert_eq!(kinds(&world.ask(&plain).unwrap()), [of_type(PROMOTION_PREDICATE)]);
    let demand = Demand::Attestation(PROMOTION_PREDICATE.to_owned());
    world.ask(&demanding(plain.clone(), vec![demand])).unwrap();
    refused!(world.ask(&demanding(plain, vec![Demand::ImageSignature])), ImageError::Demand { .. });
}

#[test]
fn both_demands_are_looked_for_in_all_places() {
    let mut world = World::new();
    world.sign(&[EvidenceLayer::of(&world.signed())]);
    let both = vec![Demand::ImageSignature, Demand::Attestation(SLSA.to_owned())];
    let wanted = demanding(question(&world.by_digest(), jane()), both);
    refused!(world.ask(&wanted), ImageError::Demand { .. });
    world.attest(&[EvidenceLayer::of(&world.attested(SLSA))]);
    let verdict = world.ask(&wanted).unwrap();
    assert_eq!(kinds(&verdict), [EvidenceKind::ImageSignature, of_type(SLSA)]);
    world.refer(&referrer(&world.image, &world.attested(SLSA).bundle_v03(), SLSA));
    let verdict = world.ask(&wanted).unwrap();
    assert!(matches!(verdict.proved[1].origin(), Origin::Referrer { .. }));
}

#[test]
fn legacy_attestations() {
    let mut world = World::new();
    let key = Key::default();
    let by_key = world.sigstore.attest_image_with_key(NAME, &world.image, (SLSA, json!({})), &key);
    let layers = ["https://example.com/vuln", SLSA].map(|kind| EvidenceLayer::of(&world.attested(kind)));
    world.attest(&[layers[0].clone(), layers[1].clone(), EvidenceLayer::of(&by_key)]);
    let verdict = world.ask(&attestation(&world.by_digest(), jane(), SLSA)).unwrap();
    assert_eq!(kinds(&verdict), [of_type(SLSA)]);
    let envelope: serde_json::Value = serde_json::from_slice(verdict.proved[0].blob()).unwrap();
    assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
    world.ask(&attestation(&world.by_digest(), managed(&key), SLSA)).unwrap();
}

#[test]
fn annotations_of_payloads_and_subjects() {
    let mut world = World::new();
    let payload = SimpleSigning::new(NAME, &world.image).annotate("env", "prod").annotate("team", "a");
    world.sign(&[EvidenceLayer::of(&world.sigstore.sign_blob(&payload.to_json(), Leaf::default()))]);
    let ask = |world: &World, all: &[(&str, &str)]| {
        let annotations = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let wanted = Wanted::Signature { annotations, demands: Vec::new() };
        world.ask(&ImageQuestion { wanted, ..question(&world.by_digest(), jane()) })
    };
    ask(&world, &[("env", "prod")]).unwrap();
    ask(&world, &[("team", "a"), ("env", "prod")]).unwrap();
    for wrong in [[("env", "test")], [("nothing", "prod")], [("env", "")]] {
        rejected!(ask(&world, &wrong), EvidenceFault::Annotation { .. });
    }
    let mut world = World::new();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": SIGN_PREDICATE, "predicate": {},
        "subject": [{"digest": {"sha256": world.image.hex()}, "annotations": {"env": "prod"}}],
    });
    let manifest = world.image.manifest.to_json();
    let payload = statement.to_string().into_bytes();
    let signed = world.sigstore.attest_as(&manifest, &payload, &Leaf::default(), &Default::default());
    world.refer(&referrer(&world.image, &signed.bundle_v03(), SIGN_PREDICATE));
    ask(&world, &[("env", "prod")]).unwrap();
    rejected!(ask(&world, &[("env", "test")]), EvidenceFault::Annotation { .. });
}

#[test]
fn evidence_in_another_repository_and_under_a_prefix() {
    let mut world = World::new();
    let (image, layers) = (world.image.clone(), [EvidenceLayer::of(&world.signed())]);
    world.at("evidence.test/all/here").sign(&image, &layers);
    let plain = question(&format!("{NAME}:v1"), jane());
    refused!(world.ask(&plain), ImageError::NoSignatures);
    let place = Repository::parse("evidence.test/all/here").unwrap();
    world.ask(&ImageQuestion { evidence_at: Some(place), ..plain.clone() }).unwrap();
    let urls: Vec<_> = world.asked().into_iter().map(|need| need.url).collect();
    assert!(urls[0].starts_with("https://registry.test/") && urls[1].starts_with("https://evidence.test/"), "{urls:?}");
    let prefixed = format!("mine-{}", image.attachment_tag("sig"));
    world.at(NAME).push_tag(&prefixed, &evidence(&layers));
    world.ask(&ImageQuestion { tag_prefix: "mine-".to_owned(), ..plain }).unwrap();
}

#[test]
fn a_certificate_that_was_given_apart() {
    let mut world = World::new();
    let signed = world.signed();
    let given = parse_certificate_file(signed.cert_pem().as_bytes()).unwrap();
    let layer = EvidenceLayer::of(&signed);
    let bare = layer.clone().without("dev.sigstore.cosign/certificate").without("dev.sigstore.cosign/chain");
    let wanted = ImageQuestion {
        certificate: Some(GivenCertificate { leaf: given, sct: None }),
        ..question(&world.by_digest(), jane())
    };
    world.sign(&[bare]);
    world.ask(&wanted).unwrap();
    world.sign(&[layer]);
    world.ask(&wanted).unwrap();
}

#[test]
fn an_entry_is_looked_up_where_none_came_along() {
    let mut world = World::new();
    let key = Key::default();
    world.sign(&[EvidenceLayer::unlogged(&world.signed()), EvidenceLayer::unlogged(&world.signed_with(&key))]);
    for signer in [jane(), managed(&key)] {
        let plain = question(&world.by_digest(), signer);
        let verdict = world.ask(&plain).unwrap();
        assert_eq!(verdict.proved[0].verified().entries().len(), 1);
        assert_eq!(world.asked().iter().filter(|need| need.url.starts_with(REKOR)).count(), 1);
        let offline = ImageQuestion { lookup: LookupRule::Forbidden, ..plain.clone() };
        assert!(images::faults(world.ask(&offline)).iter().any(|f| matches!(f, EvidenceFault::Offline)));
        let nobody = ImageQuestion { lookup: LookupRule::NoLog, ..plain };
        assert!(images::faults(world.ask(&nobody)).iter().any(|f| matches!(f, EvidenceFault::NoLog)));
    }
    world.attest(&[EvidenceLayer::unlogged(&world.attested(SLSA))]);
    let verdict = world.ask(&attestation(&world.by_digest(), jane(), SLSA)).unwrap();
    assert_eq!(verdict.proved[0].verified().entries().len(), 1);
}

/// Nobody is asked about what is not needed any more.
#[test]
fn an_entry_is_not_looked_up_where_other_evidence_is_enough() {
    let mut world = World::new();
    world.sign(&[EvidenceLayer::unlogged(&world.signed()), EvidenceLayer::of(&world.signed())]);
    let verdict = world.ask(&question(&world.by_digest(), jane())).unwrap();
    assert!(matches!(verdict.rejected[0].fault, EvidenceFault::NotLookedUp));
    assert_eq!(world.asked().len(), 2);
}

#[test]
fn offline_takes_what_came_along() {
    let mut world = World::new();
    world.sign(&[EvidenceLayer::of(&world.signed())]);
    let offline = ImageQuestion { lookup: LookupRule::Forbidden, ..question(&world.by_digest(), jane()) };
    world.ask(&offline).unwrap();
    assert!(!world.asked().iter().any(|need| need.url.starts_with(REKOR)));
}

#[test]
fn timestamps_of_layers() {
    let mut world = World::new();
    world.sign(&[EvidenceLayer::stamped(&world.signed())]);
    let mut wanted = question(&world.by_digest(), jane());
    wanted.requirements.time = TimeUse::Signed { threshold: 1 };
    assert_eq!(world.ask(&wanted).unwrap().proved[0].verified().timestamps().len(), 1);
}

#[test]
fn docker_images_and_indexes_by_tag_and_digest() {
    for image in [
        Artifact::docker_image("d"),
        Artifact::multi_platform("m"),
        Artifact::docker_list(vec![("linux", "amd64", Artifact::docker_image("l"))]),
    ] {
        let mut world = World::with(image);
        world.sign(&[EvidenceLayer::of(&world.signed())]);
        for name in [format!("{NAME}:v1"), world.by_digest()] {
            let verdict = world.ask(&question(&name, jane())).unwrap();
            assert_eq!(verdict.digest.to_string(), world.image.digest());
        }
    }
}

#[test]
fn cosign_2_s_signatures_as_a_referrer() {
    let mut world = World::new();
    let mut layers = evidence(&[EvidenceLayer::of(&world.signed())]);
    layers.manifest.subject = Some(world.image.descriptor());
    layers.manifest.artifact_type = Some("application/vnd.dev.cosign.artifact.sig.v1+json".to_owned());
    world.refer(&layers);
    let verdict = world.ask(&question(&world.by_digest(), jane())).unwrap();
    assert_eq!(kinds(&verdict), [EvidenceKind::ImageSignature]);
}

#[test]
fn claims_unchecked_are_a_waiver() {
    let mut world = World::new();
    let other = world.sigstore.sign_image(NAME, &Artifact::image("b"), Leaf::default());
    world.sign(&[EvidenceLayer::of(&other)]);
    let mut wanted = question(&world.by_digest(), jane());
    wanted.requirements.claims = Claims::SkippedUnsafe;
    assert_eq!(world.ask(&wanted).unwrap().proved[0].waivers(), [Waiver::ClaimsIgnored]);
    let mut world = World::new();
    let statement = world.sigstore.sign_image_v3(&Artifact::image("b"), Leaf::default());
    world.refer(&referrer(&world.image, &statement.bundle_v03(), SIGN_PREDICATE));
    let wanted = ImageQuestion { reference: question(&world.by_digest(), jane()).reference, ..wanted };
    assert_eq!(world.ask(&wanted).unwrap().proved[0].waivers(), [Waiver::ClaimsIgnored]);
}

#[test]
fn what_is_missing_is_told_apart() {
    let mut world = World::new();
    refused!(world.ask(&question(&format!("{NAME}:v2"), jane())), ImageError::NotFound { .. });
    refused!(world.ask(&question(&format!("{NAME}:v1"), jane())), ImageError::NoSignatures);
    refused!(world.ask(&question(&world.by_digest(), jane())), ImageError::NoSignatures);
    // Named by digest, the image itself is looked for last.
    assert_eq!(world.paths().last().unwrap(), &format!("manifests/{}", world.image.digest()));
    let unknown = format!("{NAME}@{}", Artifact::image("b").digest());
    refused!(world.ask(&question(&unknown, jane())), ImageError::NotFound { .. });
    let wanted = attestation(&world.by_digest(), jane(), SLSA);
    refused!(world.ask(&wanted), ImageError::NoMatchingAttestations { .. });
    world.attest(&[EvidenceLayer::of(&world.attested("https://example.com/vuln"))]);
    refused!(world.ask(&wanted), ImageError::PredicateType { .. });
}
