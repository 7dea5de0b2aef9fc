//! Images as content-addressed bytes: manifests, indexes, and what they name.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::gzip;
use crate::keys::{Hash, sha256};
use crate::text::hex;

/// Media types of OCI and Docker.
pub mod media_type {
    /// An OCI image manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An OCI index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// An OCI image configuration.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// An OCI layer.
    pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// The configuration of what is no image: `{}`.
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// A Docker manifest.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// A Docker manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// A Docker image configuration.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    /// A Docker layer.
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
}

/// `sha256:` and the digest in hex.
pub fn digest(bytes: impl AsRef<[u8]>) -> String {
    format!("sha256:{}", hex(sha256(bytes)))
}

/// The digest by the algorithm that another digest names: `sha512:…`, and SHA-256 for anything else.
pub fn digest_like(other: &str, bytes: impl AsRef<[u8]>) -> String {
    match other.split_once(':') {
        Some(("sha512", _)) => format!("sha512:{}", hex(Hash::Sha512.of(bytes))),
        _ => digest(bytes),
    }
}

/// What one document says of another, all parts open.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Descriptor {
    /// `mediaType`.
    pub media_type: String,
    /// `digest`.
    pub digest: String,
    /// `size`.
    pub size: u64,
    /// `artifactType`; left out when `None`.
    pub artifact_type: Option<String>,
    /// `platform`: operating system and architecture; left out when `None`.
    pub platform: Option<(String, String)>,
    /// `annotations`; left out when empty.
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// A right one.
    pub fn of(media_type: &str, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        Self { media_type: media_type.to_owned(), digest: digest(bytes), size: bytes.len() as u64, ..Self::default() }
    }

    /// The JSON object.
    pub fn to_value(&self) -> Value {
        let mut out = json!({"mediaType": self.media_type, "digest": self.digest, "size": self.size});
        if let Some(artifact_type) = &self.artifact_type {
            out["artifactType"] = json!(artifact_type);
        }
        if let Some((os, architecture)) = &self.platform {
            out["platform"] = json!({"os": os, "architecture": architecture});
        }
        if !self.annotations.is_empty() {
            out["annotations"] = json!(self.annotations);
        }
        out
    }
}

/// A manifest or an index, all parts open: what is `None` or empty is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// `schemaVersion`.
    pub schema_version: u64,
    /// `mediaType`.
    pub media_type: Option<String>,
    /// `artifactType`.
    pub artifact_type: Option<String>,
    /// `config`.
    pub config: Option<Descriptor>,
    /// `layers`, in manifests.
    pub layers: Option<Vec<Descriptor>>,
    /// `manifests`, in indexes.
    pub manifests: Option<Vec<Descriptor>>,
    /// `subject`.
    pub subject: Option<Descriptor>,
    /// `annotations`.
    pub annotations: BTreeMap<String, String>,
    /// Further fields.
    pub extra: Map<String, Value>,
}

impl Manifest {
    fn new(media_type: &str) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(media_type.to_owned()),
            artifact_type: None,
            config: None,
            layers: None,
            manifests: None,
            subject: None,
            annotations: BTreeMap::new(),
            extra: Map::new(),
        }
    }

    /// The JSON object.
    pub fn to_value(&self) -> Value {
        let list = |items: &[Descriptor]| items.iter().map(Descriptor::to_value).collect::<Value>();
        let mut out = Value::Object(self.extra.clone());
        out["schemaVersion"] = json!(self.schema_version);
        let fields = [
            ("mediaType", self.media_type.as_ref().map(|text| json!(text))),
            ("artifactType", self.artifact_type.as_ref().map(|text| json!(text))),
            ("config", self.config.as_ref().map(Descriptor::to_value)),
            ("layers", self.layers.as_deref().map(list)),
            ("manifests", self.manifests.as_deref().map(list)),
            ("subject", self.subject.as_ref().map(Descriptor::to_value)),
            ("annotations", (!self.annotations.is_empty()).then(|| json!(self.annotations))),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                out[name] = value;
            }
        }
        out
    }

    /// The bytes that are signed, stored and named by their digest.
    pub fn to_json(&self) -> Vec<u8> {
        self.to_value().to_string().into_bytes()
    }

    /// What it is served as: its own media type, or OCI's for its shape.
    pub fn served_as(&self) -> &str {
        let guess = if self.manifests.is_some() { media_type::INDEX } else { media_type::MANIFEST };
        self.media_type.as_deref().unwrap_or(guess)
    }

    /// Its layers. Panics for an index.
    pub fn layers_mut(&mut self) -> &mut Vec<Descriptor> {
        self.layers.as_mut().expect("a manifest with layers")
    }

    /// Its manifests. Panics for an image.
    pub fn manifests_mut(&mut self) -> &mut Vec<Descriptor> {
        self.manifests.as_mut().expect("an index")
    }
}

/// A manifest with all that it names: an image, an index, signatures, a referrer.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    /// The manifest.
    pub manifest: Manifest,
    /// Configuration and layers.
    pub blobs: Vec<Vec<u8>>,
    /// The images of an index.
    pub platforms: Vec<Self>,
}

impl Artifact {
    /// An OCI image of one layer; another name makes another digest.
    pub fn image(name: &str) -> Self {
        Self::image_for(name, "linux", "amd64")
    }

    /// An OCI image for a platform.
    pub fn image_for(name: &str, os: &str, architecture: &str) -> Self {
        let types = [media_type::MANIFEST, media_type::CONFIG, media_type::LAYER];
        Self::image_of(name, os, architecture, types)
    }

    /// A Docker image of one layer.
    pub fn docker_image(name: &str) -> Self {
        let types = [media_type::DOCKER_MANIFEST, media_type::DOCKER_CONFIG, media_type::DOCKER_LAYER];
        Self::image_of(name, "linux", "amd64", types)
    }

    fn image_of(name: &str, os: &str, architecture: &str, types: [&str; 3]) -> Self {
        // Two blocks of zeros are an empty tar archive.
        let tar = [0; 1024];
        let layer = gzip::pack(&tar);
        let config = json!({
            "architecture": architecture,
            "os": os,
            "created": "2026-10-31T00:00:00Z",
            "config": {"Labels": {"name": name}, "Entrypoint": ["/app"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(tar)]},
        });
        Self::of(types[0], types[1], config.to_string().into_bytes(), vec![(Descriptor::of(types[2], &layer), layer)])
    }

    /// A manifest over a configuration and layers with their descriptors.
    pub fn of(media_type: &str, config_type: &str, config: Vec<u8>, layers: Vec<(Descriptor, Vec<u8>)>) -> Self {
        let mut manifest = Manifest::new(media_type);
        manifest.config = Some(Descriptor::of(config_type, &config));
        let (descriptors, mut blobs): (Vec<_>, Vec<_>) = layers.into_iter().unzip();
        manifest.layers = Some(descriptors);
        blobs.insert(0, config);
        Self { manifest, blobs, platforms: Vec::new() }
    }

    /// An OCI index over images for operating systems and architectures.
    pub fn index(images: Vec<(&str, &str, Self)>) -> Self {
        Self::index_of(media_type::INDEX, images)
    }

    /// A Docker manifest list.
    pub fn docker_list(images: Vec<(&str, &str, Self)>) -> Self {
        Self::index_of(media_type::DOCKER_LIST, images)
    }

    /// An OCI index over images for linux/amd64 and linux/arm64.
    pub fn multi_platform(name: &str) -> Self {
        let image = |architecture| ("linux", architecture, Self::image_for(name, "linux", architecture));
        Self::index(vec![image("amd64"), image("arm64")])
    }

    fn index_of(media_type: &str, images: Vec<(&str, &str, Self)>) -> Self {
        let mut manifest = Manifest::new(media_type);
        let describe = |(os, architecture, image): &(&str, &str, Self)| Descriptor {
            platform: Some(((*os).to_owned(), (*architecture).to_owned())),
            ..image.descriptor()
        };
        manifest.manifests = Some(images.iter().map(describe).collect());
        let platforms = images.into_iter().map(|(_, _, image)| image).collect();
        Self { manifest, blobs: Vec::new(), platforms }
    }

    /// An index over manifests that lie elsewhere: referrers, a fallback tag.
    pub fn index_over(manifests: Vec<Descriptor>) -> Self {
        let mut manifest = Manifest::new(media_type::INDEX);
        manifest.manifests = Some(manifests);
        Self { manifest, blobs: Vec::new(), platforms: Vec::new() }
    }

    /// `sha256:…` of the manifest as it stands.
    pub fn digest(&self) -> String {
        digest(self.manifest.to_json())
    }

    /// The digest's hex digits.
    pub fn hex(&self) -> String {
        hex(sha256(self.manifest.to_json()))
    }

    /// What names it, such as a referrer's `subject`.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(self.manifest.served_as(), self.manifest.to_json())
    }

    /// What an index of referrers says of it: with artifact type and annotations.
    pub fn referrer_descriptor(&self) -> Descriptor {
        let config_type = self.manifest.config.as_ref().map(|config| config.media_type.clone());
        Descriptor {
            artifact_type: self.manifest.artifact_type.clone().or(config_type),
            annotations: self.manifest.annotations.clone(),
            ..self.descriptor()
        }
    }

    /// The tag of its signatures (`sig`) or attestations (`att`): `sha256-HEX.sig`.
    pub fn attachment_tag(&self, suffix: &str) -> String {
        format!("sha256-{}.{suffix}", self.hex())
    }

    /// The tag of its referrers where there is no API for them: `sha256-HEX`.
    pub fn fallback_tag(&self) -> String {
        format!("sha256-{}", self.hex())
    }
}
