//! A registry on loopback with one image, its signers, and the program that verifies it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "shared by test binaries that each use a part"
)]

use std::ops::Deref;

use serde_json::{Value, json};
use sigward_testkit::image_evidence::{SIGN_PREDICATE, referrer};
use sigward_testkit::registry::Settings;
use sigward_testkit::{Artifact, EvidenceLayer, Key, Leaf, OciRegistry, RekorServer, Signed, Sigstore};

use crate::support::{Place, Run, who};

/// What signers call the image.
pub const NAME: &str = "registry.test/app";
pub const SLSA: &str = "https://slsa.dev/provenance/v1";

/// `127.0.0.1:PORT/app:v1` is `image`, and nothing is attached to it yet.
pub struct Scene {
    pub place: Place,
    pub sigstore: Sigstore,
    pub registry: OciRegistry,
    pub image: Artifact,
    pub key: Key,
}

impl Scene {
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        let (place, sigstore, key) = (Place::new(), Sigstore::new(), Key::default());
        place.trust(&sigstore);
        place.put("key.pub", key.public_pem());
        let scene = Self { place, sigstore, registry: OciRegistry::with(settings), image: Artifact::image("a"), key };
        scene.registry.push("app", "v1", &scene.image);
        scene
    }

    /// With a signature of the default signer in the tag scheme.
    pub fn signed() -> Self {
        let scene = Self::new();
        scene.sign(&[EvidenceLayer::of(&scene.signature())]);
        scene
    }

    /// With a signature by the key that is in no log.
    pub fn keyed(settings: Settings) -> Self {
        let scene = Self::with(settings);
        let signed = scene.sigstore.sign_image_with_key(NAME, &scene.image, &scene.key);
        scene.sign(&[EvidenceLayer::unlogged(&signed)]);
        scene
    }

    pub fn signature(&self) -> Signed {
        self.sigstore.sign_image(NAME, &self.image, Leaf::default())
    }

    pub fn attestation(&self, predicate_type: &str) -> Signed {
        self.sigstore.attest_image(NAME, &self.image, (predicate_type, json!({})), Leaf::default())
    }

    pub fn sign(&self, layers: &[EvidenceLayer]) {
        self.registry.sign("app", &self.image, layers);
    }

    /// Attaches cosign v3's own signature.
    pub fn refer_v3(&self) {
        let signed = self.sigstore.sign_image_v3(&self.image, Leaf::default());
        self.registry.refer("app", &referrer(&self.image, &signed.bundle_v03(), SIGN_PREDICATE));
    }

    pub fn by_tag(&self) -> String {
        format!("{}:v1", self.registry.name("app"))
    }

    pub fn by_digest(&self) -> String {
        format!("{}@{}", self.registry.name("app"), self.image.digest())
    }

    /// Flags that name trust and signer.
    pub fn keyless(&self) -> String {
        format!("--trusted-root {} {}", self.place.text("trust/trusted_root.json"), who())
    }

    /// `verify` by the default signer.
    pub fn verify(&self, words: &str) -> Run {
        self.place.run(&format!("verify {} {words}", self.keyless()))
    }

    /// `verify` by the key, without a log.
    pub fn verify_with_key(&self, words: &str) -> Run {
        self.place.run(&format!("verify {WITH_KEY} {words}"))
    }

    /// `verify-attestation` by the default signer.
    pub fn verify_attestation(&self, words: &str) -> Run {
        self.place.run(&format!("verify-attestation {} {words}", self.keyless()))
    }

    /// What a docker configuration says of this registry.
    pub fn log_in(&self, login: &Value) {
        let folder = self.place.path("home/.docker");
        std::fs::create_dir_all(&folder).unwrap();
        let config = json!({"auths": {self.registry.host(): login}});
        std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    }

    pub fn log(&self) -> RekorServer {
        RekorServer::start(&self.sigstore.rekor)
    }
}

impl Deref for Scene {
    type Target = OciRegistry;

    fn deref(&self) -> &OciRegistry {
        &self.registry
    }
}

pub const WITH_KEY: &str = "--key key.pub --insecure-ignore-tlog";

/// The arrays that `verify` prints, one for each image.
#[track_caller]
pub fn arrays(run: &Run) -> Vec<Value> {
    let lines = run.out.lines().filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The claims of the one image that was verified.
#[track_caller]
pub fn claims(run: &Run) -> Vec<Value> {
    match arrays(run).as_slice() {
        [Value::Array(claims)] => claims.clone(),
        _ => panic!("expected one array: {run:?}"),
    }
}

/// It failed with this code, printed no result, and said this.
#[track_caller]
pub fn failed(run: Run, code: i32, text: &str) -> Run {
    assert_eq!((run.code, run.out.as_str()), (code, ""), "{run:?}");
    assert!(run.err.contains("Error: ") && run.err.contains("error during command execution: "), "{run:?}");
    assert!(run.err.contains(text), "{text:?} is not in {run:?}");
    assert!(!run.err.contains("Verification for"), "{run:?}");
    run
}
