//! Small images to be signed.

use serde_json::{Value, json};

use super::registry::digest;

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// An image, or an index of images.
#[derive(Debug, Clone)]
pub struct Image {
    pub media_type: String,
    pub manifest: Vec<u8>,
    pub blobs: Vec<Vec<u8>>,
    /// What an index lists.
    pub platforms: Vec<Image>,
}

impl Image {
    /// An image that differs from those of other names.
    pub fn oci(name: &str) -> Self {
        let [config, layer] = ["application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar"];
        Self::of(name, OCI_MANIFEST, config, layer)
    }

    /// The same in Docker's media types.
    pub fn docker(name: &str) -> Self {
        let config = "application/vnd.docker.container.image.v1+json";
        Self::of(name, DOCKER_MANIFEST, config, "application/vnd.docker.image.rootfs.diff.tar.gzip")
    }

    /// An index of two platforms.
    pub fn index(name: &str) -> Self {
        let architectures = ["amd64", "arm64"];
        let platforms = architectures.map(|architecture| Self::oci(&format!("{name} {architecture}")));
        let manifests = platforms.iter().zip(architectures).map(|(image, architecture)| {
            let mut entry = descriptor(&image.media_type, &image.manifest);
            entry["platform"] = json!({"architecture": architecture, "os": "linux"});
            entry
        });
        let manifest =
            json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests.collect::<Vec<_>>()}).to_string();
        Self { media_type: OCI_INDEX.to_owned(), manifest: manifest.into(), blobs: vec![], platforms: platforms.into() }
    }

    fn of(name: &str, media_type: &str, config_type: &str, layer_type: &str) -> Self {
        let layer = format!("the only layer of {name}").into_bytes();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {"Labels": {"name": name}},
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type,
            "config": descriptor(config_type, &config), "layers": [descriptor(layer_type, &layer)],
        });
        Self {
            media_type: media_type.to_owned(),
            manifest: manifest.to_string().into(),
            blobs: vec![config, layer],
            platforms: vec![],
        }
    }

    /// `sha256:HEX` of its manifest.
    pub fn digest(&self) -> String {
        digest(&self.manifest)
    }
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(bytes), "size": bytes.len()})
}
