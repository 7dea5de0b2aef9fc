//! `release verify --images`: the images that the verified SBOM names, and no others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod release_scene;
mod support;

use release_scene::{RELEASE_SBOM, Scene};
use sigward_testkit::{Archeio, EvidenceLayer, Leaf, OciRegistry, ReleaseSpec, SimpleSigning};

const ONLY: &str = "--only kubectl --platform linux/amd64";

#[test]
fn images_of_the_sbom() {
    let scene = Scene::small();
    let registry = Archeio::start();
    scene.release.promote_images(&scene.sigstore, &registry);
    let words = format!("--images --image-registry {} --only kubectl --platform linux/amd64", registry.address());
    let image = "registry.k8s.io/kube-proxy-amd64:v1.30.0";
    let report = scene.verify(&words).succeeded();
    assert_eq!(report.of(image).0, "verified");
    assert!(report.0.out.contains("krel-trust@"), "{report:?}");
    let staging = format!("{words} --image-identity krel-promoter@k8s-releng-prod.iam.gserviceaccount.com");
    scene.verify(&staging).fails(image, "refused", "image-no-matching-attestation");
    let unsigned = Archeio::start();
    let name = &scene.release.images[0].name();
    unsigned.push(name, "v1.30.0", &scene.release.images[0].artifact);
    // A record of a promotion is no signature.
    unsigned.refer(name, &scene.sigstore.promotion(name, &scene.release.images[0].artifact));
    let words = words.replace(&registry.address().to_string(), &unsigned.address().to_string());
    let report = scene.verify(&words).failed();
    assert_ne!(report.of(image).0, "verified");
    let empty = Archeio::start();
    let words = words.replace(&unsigned.address().to_string(), &empty.address().to_string());
    scene.verify(&words).fails(image, "missing", "image-not-found");
}

#[test]
fn an_image_other_than_the_sbom_says() {
    let scene = Scene::small().change(|release, sigstore| {
        for (image, package) in release.images.iter().zip(&mut release.sbom.packages) {
            package.purl = Some(image.purl("v1.30.0"));
        }
        release.finish(sigstore);
    });
    let registry = Archeio::start();
    scene.release.promote_images(&scene.sigstore, &registry);
    let words = format!("--images --image-registry {}", registry.address());
    let image = "registry.k8s.io/kube-proxy-amd64:v1.30.0";
    scene.verify(&words).succeeded();
    // The tag moves to another image that krel has signed, too.
    let mut other = scene.other_version();
    other.spec.version = "v1.30.0".into();
    other.promote_images(&scene.sigstore, &registry);
    scene.verify(&words).fails(image, "refused", "image-digest-mismatch");
}

#[test]
fn images_without_a_signed_sbom_are_no_success() {
    let scene = Scene::small().change(|release, _| release.remove(RELEASE_SBOM, &[".sig"]));
    let words = format!("--images --allow-unnamed {ONLY} --image-registry 127.0.0.1:9");
    scene.verify(&words).fails("images", "error", "sbom-no-images");
}

#[test]
fn images_in_a_registry_that_the_sbom_names() {
    let registry = OciRegistry::start();
    let host = registry.host();
    let scene = Scene::small().change(|release, sigstore| {
        for package in &mut release.sbom.packages {
            package.name = format!("{host}/kube-proxy-amd64:v1.30.0");
            package.file_name = None;
            let digest = release.images[0].artifact.hex();
            package.checksums = vec![("SHA256".to_owned(), digest)];
        }
        release.finish(sigstore);
        release.load_images(sigstore, &registry);
    });
    let report = scene.verify(&format!("--images {ONLY}")).succeeded();
    assert_eq!(report.of(&format!("{host}/kube-proxy-amd64:v1.30.0")).0, "verified");
}

#[test]
fn a_known_other_signer_must_have_signed() {
    const PROMOTER: &str = "k8s-infra-gcr-promoter@k8s-artifacts-prod.iam.gserviceaccount.com";
    let scene = Scene::with(&ReleaseSpec { version: "v1.24.8".into(), ..Scene::small_spec() });
    let (image, registry) = (&scene.release.images[0], OciRegistry::start());
    let (name, artifact) = (image.name(), &image.artifact);
    registry.push(&name, "v1.24.8", artifact);
    let payload = SimpleSigning::new("registry.k8s.io/kube-proxy-amd64", artifact).to_json();
    let good = scene.sigstore.sign_blob(&payload, Leaf::email(PROMOTER));
    registry.sign(&name, artifact, &[EvidenceLayer::of(&good)]);
    let run = |registry: &OciRegistry, more: &str| {
        let words = format!("{} {ONLY} --images --image-registry {}", scene.flags(), registry.host());
        scene.run(&format!("release verify v1.24.8 {words} -o json {more}"))
    };
    let reference = "registry.k8s.io/kube-proxy-amd64:v1.24.8";
    let report = run(&registry, "").fails(reference, "refused", "image-no-matching-signature");
    assert!(report.0.out.contains("release/issues/2789"), "{report:?}");
    assert_eq!(run(&registry, "--accept-known-faults").succeeded().of(reference).0, "refused");
    // Anybody can write that name into a certificate of their own.
    let forged = sigward_testkit::Sigstore::new().sign_blob(&payload, Leaf::email(PROMOTER));
    let registry = OciRegistry::start();
    registry.push(&name, "v1.24.8", artifact);
    registry.sign(&name, artifact, &[EvidenceLayer::of(&forged)]);
    run(&registry, "--accept-known-faults").fails(reference, "refused", "image-no-matching-signature");
}
