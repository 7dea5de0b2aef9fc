//! What is attached to images: cosign's `.sig` and `.att` manifests, and sigstore bundles as OCI 1.1 referrers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::bundle::Bundle;
use crate::bundle::media_type::V03;
use crate::ca::{KREL_STAGING, KREL_TRUST, Leaf};
use crate::dsse::Statement;
use crate::image::{Artifact, Descriptor, digest, media_type};
use crate::keys::Key;
use crate::sigstore::{How, Signed, Sigstore};
use crate::time::{SIGNING_TIME, rfc3339};

/// Media type of a simple signing payload.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Media type of a DSSE envelope.
pub const DSSE: &str = "application/vnd.dsse.envelope.v1+json";
/// The predicate of cosign v3's image signatures.
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
/// The predicate of Kubernetes' promotion records.
pub const PROMOTION_PREDICATE: &str = "https://k8s.io/promo-tools/promotion/v1";
/// What kpromo writes into the payloads that it signs.
pub const KPROMO_VERSION: (&str, &str) = ("org.kubernetes.kpromo.version", "kpromo-v4.6.0");

/// Names of annotations.
pub mod annotation {
    /// Base64 of the signature over the layer; empty in attestations.
    pub const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
    /// The leaf in PEM.
    pub const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
    /// What is above the leaf, in PEM.
    pub const CHAIN: &str = "dev.sigstore.cosign/chain";
    /// Rekor's promise, as JSON.
    pub const BUNDLE: &str = "dev.sigstore.cosign/bundle";
    /// A timestamp, as JSON.
    pub const RFC3161: &str = "dev.sigstore.cosign/rfc3161timestamp";
    /// An attestation layer's predicate type.
    pub const PREDICATE_TYPE: &str = "predicateType";
    /// A referrer's content: `dsse-envelope`.
    pub const BUNDLE_CONTENT: &str = "dev.sigstore.bundle.content";
    /// A referrer's predicate type.
    pub const BUNDLE_PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";
    /// When a referrer was made.
    pub const CREATED: &str = "org.opencontainers.image.created";
}

/// A simple signing payload, all parts open.
#[derive(Debug, Clone, PartialEq)]
pub struct SimpleSigning {
    /// `critical.identity.docker-reference`, which nobody should trust.
    pub docker_reference: String,
    /// `critical.image.docker-manifest-digest`.
    pub digest: String,
    /// `critical.type`.
    pub kind: String,
    /// `optional`: an object or `null`.
    pub optional: Value,
}

impl SimpleSigning {
    /// As cosign writes it, without annotations.
    pub fn new(docker_reference: &str, image: &Artifact) -> Self {
        Self {
            docker_reference: docker_reference.to_owned(),
            digest: image.digest(),
            kind: "cosign container image signature".to_owned(),
            optional: Value::Null,
        }
    }

    /// Adds to `optional`, as `cosign sign -a` does.
    pub fn annotate(mut self, name: &str, value: &str) -> Self {
        if self.optional.is_null() {
            self.optional = json!({});
        }
        self.optional[name] = json!(value);
        self
    }

    /// The payload. Its field order is Go's, which is alphabetical here.
    pub fn to_json(&self) -> Vec<u8> {
        let critical = json!({
            "identity": {"docker-reference": self.docker_reference},
            "image": {"docker-manifest-digest": self.digest},
            "type": self.kind,
        });
        json!({"critical": critical, "optional": self.optional}).to_string().into_bytes()
    }
}

/// A layer of a `.sig` or `.att` manifest, all parts open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceLayer {
    /// The layer's bytes.
    pub payload: Vec<u8>,
    /// Its media type.
    pub media_type: String,
    /// Its annotations, see [`annotation`].
    pub annotations: BTreeMap<String, String>,
}

impl EvidenceLayer {
    /// What cosign attaches: a payload with its signature, or an envelope; certificate and chain when keyless; the log's
    /// promise. Take away what a signer did not have.
    pub fn of(signed: &Signed) -> Self {
        let mut layer = match &signed.envelope {
            Some(envelope) => Self::new(DSSE, envelope.to_json()).with(annotation::SIGNATURE, ""),
            None => Self::new(SIMPLE_SIGNING, signed.artifact.clone()).with(annotation::SIGNATURE, &signed.sig()),
        };
        if let Some(envelope) = &signed.envelope
            && let Ok(statement) = serde_json::from_slice::<Value>(&envelope.payload)
            && let Some(predicate_type) = statement["predicateType"].as_str()
        {
            layer = layer.with(annotation::PREDICATE_TYPE, predicate_type);
        }
        if signed.cert.is_some() {
            layer = layer.with(annotation::CERTIFICATE, &signed.cert_pem());
            layer = layer.with(annotation::CHAIN, &signed.chain_pem());
        }
        layer.with(annotation::BUNDLE, &signed.entry.to_legacy().to_string())
    }

    /// Without the log's promise, as with `--tlog-upload=false`.
    pub fn unlogged(signed: &Signed) -> Self {
        Self::of(signed).without(annotation::BUNDLE)
    }

    /// With a timestamp too.
    pub fn stamped(signed: &Signed) -> Self {
        Self::of(signed).with(annotation::RFC3161, &signed.rfc3161_json())
    }

    fn new(media_type: &str, payload: Vec<u8>) -> Self {
        Self { payload, media_type: media_type.to_owned(), annotations: BTreeMap::new() }
    }

    /// Sets an annotation.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes an annotation away.
    pub fn without(mut self, name: &str) -> Self {
        self.annotations.remove(name);
        self
    }
}

/// A `.sig` or `.att` manifest over layers, as cosign writes it.
pub fn evidence(layers: &[EvidenceLayer]) -> Artifact {
    let history: Vec<_> = layers.iter().map(|_| json!({"created": "0001-01-01T00:00:00Z"})).collect();
    let diff_ids: Vec<_> = layers.iter().map(|layer| digest(&layer.payload)).collect();
    let config = json!({
        "architecture": "",
        "created": "0001-01-01T00:00:00Z",
        "history": history,
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "config": {},
    });
    let describe = |layer: &EvidenceLayer| {
        let mut descriptor = Descriptor::of(&layer.media_type, &layer.payload);
        descriptor.annotations = layer.annotations.clone();
        (descriptor, layer.payload.clone())
    };
    let layers = layers.iter().map(describe).collect();
    Artifact::of(media_type::MANIFEST, media_type::CONFIG, config.to_string().into_bytes(), layers)
}

/// A bundle attached to an image as cosign v3 does: an OCI 1.1 manifest with a `subject`.
pub fn referrer(subject: &Artifact, bundle: &Bundle, predicate_type: &str) -> Artifact {
    referrer_of_bytes(subject.descriptor(), bundle.to_json().into_bytes(), predicate_type)
}

/// Any bytes attached as if they were a bundle.
pub fn referrer_of_bytes(subject: Descriptor, bundle: Vec<u8>, predicate_type: &str) -> Artifact {
    let layer = (Descriptor::of(V03, &bundle), bundle);
    let mut artifact = Artifact::of(media_type::MANIFEST, media_type::EMPTY, b"{}".to_vec(), vec![layer]);
    let manifest = &mut artifact.manifest;
    manifest.artifact_type = Some(V03.to_owned());
    if let Some(config) = &mut manifest.config {
        config.artifact_type = Some(V03.to_owned());
    }
    manifest.subject = Some(subject);
    for (name, value) in [
        (annotation::CREATED, rfc3339(SIGNING_TIME).as_str()),
        (annotation::BUNDLE_CONTENT, "dsse-envelope"),
        (annotation::BUNDLE_PREDICATE_TYPE, predicate_type),
    ] {
        manifest.annotations.insert(name.to_owned(), value.to_owned());
    }
    artifact
}

/// What cosign v3 signs for an image: a statement without predicate, its subject without name.
pub fn sign_statement(image: &Artifact) -> Vec<u8> {
    image_statement(image, &json!({}), SIGN_PREDICATE).to_string().into_bytes()
}

fn image_statement(image: &Artifact, predicate: &Value, predicate_type: &str) -> Value {
    let mut statement = Statement::about_digest("", &image.hex(), predicate_type, predicate.clone()).to_value();
    if let Some(subject) = statement["subject"][0].as_object_mut() {
        subject.remove("name");
    }
    statement
}

impl Sigstore {
    /// cosign's legacy image signature, keyless: for [`EvidenceLayer::of`].
    pub fn sign_image(&self, docker_reference: &str, image: &Artifact, leaf: Leaf) -> Signed {
        self.sign_blob(&SimpleSigning::new(docker_reference, image).to_json(), leaf)
    }

    /// cosign's legacy image signature with a managed key.
    pub fn sign_image_with_key(&self, docker_reference: &str, image: &Artifact, key: &Key) -> Signed {
        self.sign_blob_with_key(&SimpleSigning::new(docker_reference, image).to_json(), key)
    }

    /// cosign v3's image signature, keyless: its bundle is for [`referrer`] with [`SIGN_PREDICATE`].
    pub fn sign_image_v3(&self, image: &Artifact, leaf: Leaf) -> Signed {
        self.attest_as(&image.manifest.to_json(), &sign_statement(image), &leaf, &How::default())
    }

    /// cosign v3's image signature with a managed key.
    pub fn sign_image_v3_with_key(&self, image: &Artifact, key: &Key) -> Signed {
        self.attest_with_key_as(&image.manifest.to_json(), &sign_statement(image), key, &How::default())
    }

    /// An attestation about an image, keyless: for [`EvidenceLayer::of`] or [`referrer`].
    pub fn attest_image(&self, name: &str, image: &Artifact, predicate: (&str, Value), leaf: Leaf) -> Signed {
        let statement = Statement::about_digest(name, &image.hex(), predicate.0, predicate.1);
        self.attest(&image.manifest.to_json(), &statement, leaf)
    }

    /// An attestation about an image with a managed key.
    pub fn attest_image_with_key(&self, name: &str, image: &Artifact, predicate: (&str, Value), key: &Key) -> Signed {
        let statement = Statement::about_digest(name, &image.hex(), predicate.0, predicate.1);
        self.attest_with_key_as(&image.manifest.to_json(), &statement.to_json(), key, &How::default())
    }

    /// The two layers of Kubernetes' promoted images: krel-staging's first, then krel-trust's.
    pub fn kubernetes_signatures(&self, name: &str, image: &Artifact) -> Vec<EvidenceLayer> {
        let staging = SimpleSigning::new(&format!("gcr.io/k8s-staging-kubernetes/{name}"), image);
        let (annotation, version) = KPROMO_VERSION;
        let promoted = SimpleSigning::new(&format!("registry.k8s.io/{name}"), image).annotate(annotation, version);
        [(staging, KREL_STAGING), (promoted, KREL_TRUST)]
            .map(|(payload, who)| EvidenceLayer::of(&self.sign_blob(&payload.to_json(), Leaf::email(who))))
            .into()
    }

    /// The record of its promotion that Kubernetes attaches to an image. It is no signature of the image.
    pub fn promotion(&self, name: &str, image: &Artifact) -> Artifact {
        let target = format!("us-central1-docker.pkg.dev/k8s-artifacts-prod/images/{name}:v1");
        let record = json!({
            "srcRef": format!("gcr.io/k8s-staging-kubernetes/{name}:v1"),
            "dstRef": target,
            "digest": image.digest(),
            "timestamp": rfc3339(SIGNING_TIME),
            "builderId": "https://k8s.io/promo-tools@v4.6.0",
        });
        let signed = self.attest_image(&target, image, (PROMOTION_PREDICATE, record), Leaf::email(KREL_TRUST));
        referrer(image, &signed.bundle_v03(), PROMOTION_PREDICATE)
    }
}
