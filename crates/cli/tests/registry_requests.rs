//! What a verification costs the registry, as the registry counts it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use sigward_testkit::ca::KREL_TRUST;
use sigward_testkit::registry::{Auth, Settings, Tokens};
use sigward_testkit::{Archeio, Artifact, EvidenceLayer, Key, OciRegistry, Sigstore};
use support::Place;

const WITH_KEY: &str = "verify --key key.pub --insecure-ignore-tlog";
const KREL: &str = "verify --trusted-root ../trust/trusted_root.json \
    --certificate-oidc-issuer https://accounts.google.com --certificate-identity";

/// A signer with a key, whose public half lies in the working folder.
struct Signer {
    place: Place,
    sigstore: Sigstore,
    key: Key,
}

impl Signer {
    fn new() -> Self {
        let (place, sigstore, key) = (Place::new(), Sigstore::new(), Key::default());
        place.trust(&sigstore);
        place.put("key.pub", key.public_pem());
        Self { place, sigstore, key }
    }

    /// An image with a legacy signature; gives its reference by digest.
    fn push_signed(&self, registry: &OciRegistry, repository: &str, tag: &str) -> String {
        let image = Artifact::image(&format!("{repository} {tag}"));
        let reference = registry.push(repository, tag, &image);
        let signed = self.sigstore.sign_image_with_key(&registry.name(repository), &image, &self.key);
        registry.sign(repository, &image, &[EvidenceLayer::unlogged(&signed)]);
        reference
    }
}

#[test]
fn an_image_by_digest_with_a_legacy_signature_and_a_key_costs_two_requests() {
    let (signer, registry) = (Signer::new(), OciRegistry::start());
    let image = signer.push_signed(&registry, "app", "v1");
    signer.place.run(&format!("{WITH_KEY} {image}")).succeeded();
    let counts = registry.counts();
    assert_eq!((counts.manifests, counts.blobs, counts.logical()), (1, 1, 2), "{counts:?}");
    assert_eq!((counts.referrers, counts.pings, counts.tokens), (0, 0, 0), "{counts:?}");
}

#[test]
fn by_tag_it_costs_one_more() {
    let (signer, registry) = (Signer::new(), OciRegistry::start());
    signer.push_signed(&registry, "app", "v1");
    signer.place.run(&format!("{WITH_KEY} {}:v1", registry.name("app"))).succeeded();
    assert_eq!(registry.counts().logical(), 3, "{:?}", registry.counts());
}

#[test]
fn many_images_cost_two_each_and_a_repeated_one_nothing() {
    let (signer, registry) = (Signer::new(), OciRegistry::start());
    let images: Vec<_> = (0..20).map(|n| signer.push_signed(&registry, &format!("app-{n}"), "v1")).collect();
    let line = format!("{WITH_KEY} {} {}", images.join(" "), images[0]);
    signer.place.run(&line).succeeded();
    assert_eq!(registry.counts().logical(), 40, "{:?}", registry.counts());
}

#[test]
fn a_layer_of_another_signer_is_not_fetched() {
    let (signer, registry) = (Signer::new(), OciRegistry::start());
    let image = Artifact::image("app");
    let reference = registry.push("app", "v1", &image);
    registry.sign("app", &image, &signer.sigstore.kubernetes_signatures("app", &image));
    signer.place.run(&format!("{KREL} {KREL_TRUST} {reference}")).succeeded();
    let counts = registry.counts();
    assert_eq!((counts.manifests, counts.blobs, counts.logical()), (1, 1, 2), "{counts:?}");
}

/// Two layers, a promotion record, redirects everywhere, and payloads that the regional registry does not have.
#[test]
fn an_image_of_registry_k8s_io_costs_four_logical_requests() {
    let signer = Signer::new();
    let archeio = Archeio::start();
    let image = Artifact::image("kube-apiserver");
    archeio.push("kube-apiserver", "v1.34.1", &image);
    archeio.sign("kube-apiserver", &image, &signer.sigstore.kubernetes_signatures("kube-apiserver", &image));
    archeio.refer("kube-apiserver", &signer.sigstore.promotion("kube-apiserver", &image));
    let line = format!("{KREL} {KREL_TRUST} {}:v1.34.1", archeio.name("kube-apiserver"));

    signer.place.run(&line).succeeded();
    let asked = archeio.counts();
    // Each request to the front is redirected once; what the upstreams saw beyond that was asked of them directly.
    let direct = archeio.hops() - asked.logical();
    assert!(asked.logical() + direct <= 4, "{asked:?}, {direct} direct");

    archeio.replicate("kube-apiserver");
    archeio.clear_counts();
    signer.place.run(&line).succeeded();
    let asked = archeio.counts();
    assert_eq!((asked.logical(), archeio.hops()), (3, 3), "{asked:?}");
}

#[test]
fn there_is_one_token_for_each_scope() {
    let auth = Auth::Bearer(Tokens::default());
    let (signer, registry) = (Signer::new(), OciRegistry::with(Settings { auth, ..Settings::default() }));
    let one = signer.push_signed(&registry, "app", "v0");
    signer.place.run(&format!("{WITH_KEY} {one}")).succeeded();
    assert_eq!((registry.counts().tokens, registry.counts().logical()), (1, 2), "{:?}", registry.counts());

    let of_one_scope: Vec<_> = (1..12).map(|n| signer.push_signed(&registry, "app", &format!("v{n}"))).collect();
    registry.clear_counts();
    signer.place.run(&format!("{WITH_KEY} {}", of_one_scope.join(" "))).succeeded();
    assert_eq!((registry.counts().tokens, registry.counts().logical()), (1, 22), "{:?}", registry.counts());

    let others: Vec<_> = ["alpha", "beta"].map(|name| signer.push_signed(&registry, name, "v1")).into();
    registry.clear_counts();
    let line = format!("{WITH_KEY} {} {}", of_one_scope.join(" "), others.join(" "));
    signer.place.run(&line).succeeded();
    assert_eq!((registry.counts().tokens, registry.counts().logical()), (3, 26), "{:?}", registry.counts());
}
