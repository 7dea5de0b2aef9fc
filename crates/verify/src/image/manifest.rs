//! Manifests, as far as evidence is found by them (OCI image specification 1.1, Docker image manifest version 2.2).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::ImageError;
use crate::digest::{Digest, HashAlgorithm};
use crate::limits;
use crate::wire::{Named, Object, from_json, object};

/// Every kind of manifest that an image can be (specs/cosign.md §2.7).
pub(super) const ACCEPT_MANIFESTS: &str = "application/vnd.oci.image.index.v1+json,application/vnd.oci.image.manifest.v1+json,\
                                    application/vnd.docker.distribution.manifest.list.v2+json,\
                                    application/vnd.docker.distribution.manifest.v2+json";
/// An index: what the referrers API answers.
pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Start of the type of layers and artifacts that are sigstore bundles.
pub(super) const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle";
/// cosign 2's experimental type of a referrer that holds signature layers.
pub(super) const COSIGN_SIGNATURES: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";

/// What a manifest says of another piece of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Media type.
    pub media_type: String,
    /// Digest, SHA-256.
    pub digest: Digest,
    /// Size in bytes.
    pub size: u64,
    /// Type of an artifact, where a list of referrers tells it; else empty.
    pub artifact_type: String,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A manifest of one image, of signatures, or of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Type of the artifact, or that of its config; may be empty.
    pub artifact_type: String,
    /// The configuration; `None` where it has none that could be asked for.
    pub config: Option<Box<Descriptor>>,
    /// Layers.
    pub layers: Vec<Descriptor>,
    /// What it is about.
    pub subject: Option<Digest>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What is at one address: a manifest or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// A manifest with layers.
    Manifest(Manifest),
    /// An index: an image for several platforms, or referrers.
    Index(Vec<Descriptor>),
}

impl Content {
    /// Reads a manifest or an index; `limit` bounds its layers or entries.
    ///
    /// # Errors
    /// [`ImageError::Malformed`] if it is neither or could be read as both, [`ImageError::TooMany`].
    pub(super) fn parse(json: &[u8], what: &str, limit: usize) -> Result<Self, ImageError> {
        let malformed = |reason: String| ImageError::Malformed { what: what.to_owned(), reason };
        let wire: Wire = from_json(json).map_err(|error| malformed(error.to_string()))?;
        let media_type = wire.media_type.unwrap_or_default();
        let says_index = media_type.contains("image.index") || media_type.contains("manifest.list");
        match (wire.layers, wire.manifests) {
            // GHSA-5j5w: what one reader takes for an image and another for an index is neither.
            (Some(_), Some(_)) => Err(malformed("it has both layers and manifests".into())),
            (Some(_), None) if says_index => Err(malformed(format!("its type is {media_type}, and it has layers"))),
            (Some(layers), None) => {
                let layers = layers.checked("layers", limit)?;
                let config_type = wire.config.as_ref().map(|config| config.media_type.clone()).unwrap_or_default();
                let config = wire.config.and_then(|config| config.read(what).ok()).map(Box::new);
                let artifact_type = wire.artifact_type.filter(|t| !t.is_empty()).unwrap_or(config_type);
                let layers = layers.into_iter().map(|layer| layer.read(what)).collect::<Result<_, _>>()?;
                let subject = wire.subject.map(|subject| subject.read(what)).transpose()?.map(|subject| subject.digest);
                let annotations = wire.annotations.unwrap_or_default().0;
                Ok(Self::Manifest(Manifest { artifact_type, config, layers, subject, annotations }))
            }
            (None, Some(_)) if !says_index && !media_type.is_empty() => {
                Err(malformed(format!("its type is {media_type}, and it has manifests")))
            }
            (None, Some(manifests)) => {
                let manifests = manifests.checked("manifests", limit)?;
                // An entry with another algorithm than SHA-256 is none that could be asked for.
                Ok(Self::Index(manifests.into_iter().filter_map(|entry| entry.read(what).ok()).collect()))
            }
            (None, None) => Err(malformed("it has neither layers nor manifests".into())),
        }
    }

    /// The manifest.
    ///
    /// # Errors
    /// [`ImageError::Malformed`] if it is an index.
    pub(super) fn manifest(self, what: &str) -> Result<Manifest, ImageError> {
        match self {
            Self::Manifest(manifest) => Ok(manifest),
            Self::Index(_) => Err(ImageError::Malformed { what: what.to_owned(), reason: "it is an index".into() }),
        }
    }
}

/// A digest of content that is to be asked for: SHA-256, in lower case (CVE-2024-3727: anything else could be a path).
pub(super) fn content_digest(text: &str) -> Option<Digest> {
    let digest = Digest::parse(text).filter(|digest| digest.algorithm() == HashAlgorithm::Sha256)?;
    (digest.to_string() == text).then_some(digest)
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    #[serde(rename = "artifactType")]
    artifact_type: Option<String>,
    #[serde(default, deserialize_with = "object")]
    config: Option<WireDescriptor>,
    layers: Option<List>,
    manifests: Option<List>,
    #[serde(default, deserialize_with = "object")]
    subject: Option<WireDescriptor>,
    #[serde(default)]
    annotations: Option<Named<String, { limits::MANIFEST_ANNOTATIONS }>>,
}

#[derive(Deserialize)]
struct WireDescriptor {
    #[serde(rename = "mediaType", default)]
    media_type: String,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    size: i64,
    #[serde(rename = "artifactType", default)]
    artifact_type: Option<String>,
    #[serde(default)]
    annotations: Option<Named<String, { limits::ANNOTATIONS }>>,
}

impl WireDescriptor {
    fn read(self, what: &str) -> Result<Descriptor, ImageError> {
        let malformed = |reason: String| ImageError::Malformed { what: what.to_owned(), reason };
        let digest = content_digest(&self.digest)
            .ok_or_else(|| malformed(format!("{:?} is no digest of the form sha256:HEX", self.digest)))?;
        let size = u64::try_from(self.size).map_err(|_| malformed(format!("{} is no size", self.size)))?;
        Ok(Descriptor {
            media_type: self.media_type,
            digest,
            size,
            artifact_type: self.artifact_type.unwrap_or_default(),
            annotations: self.annotations.unwrap_or_default().0,
        })
    }
}

/// A list of which no more is kept than any caller may want; the rest is counted.
struct List {
    kept: Vec<WireDescriptor>,
    length: usize,
}

impl List {
    fn checked(self, what: &'static str, limit: usize) -> Result<Vec<WireDescriptor>, ImageError> {
        if self.length > limit.min(limits::IMAGE_LAYERS) {
            return Err(ImageError::TooMany { what, found: self.length, limit });
        }
        Ok(self.kept)
    }
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items;
        impl<'de> Visitor<'de> for Items {
            type Value = List;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of descriptors")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < limits::IMAGE_LAYERS {
                    match items.next_element()? {
                        Some(Object(item)) => kept.push(item),
                        None => return Ok(List { length: kept.len(), kept }),
                    }
                }
                let mut length = kept.len();
                while items.next_element::<IgnoredAny>()?.is_some() {
                    length = length.saturating_add(1);
                }
                Ok(List { kept, length })
            }
        }
        deserializer.deserialize_seq(Items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Content, ImageError> {
        Content::parse(json.as_bytes(), "test", 3)
    }

    fn layer() -> String {
        format!(r#"{{"mediaType":"x","digest":"sha256:{}","size":3}}"#, "0".repeat(64))
    }

    #[test]
    fn what_reads_as_image_and_index_is_refused() {
        let (layer, index) = (layer(), OCI_INDEX);
        for json in [
            format!(r#"{{"layers":[{layer}],"manifests":[{layer}]}}"#),
            format!(r#"{{"mediaType":"{index}","layers":[{layer}]}}"#),
            format!(r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[{layer}]}}"#),
            format!(r#"{{"layers":[{layer}],"layers":[{layer}]}}"#),
            "{}".to_owned(),
            "[]".to_owned(),
            format!(r#"[null,null,null,[{layer}],null,null]"#),
            format!(r#"{{"layers":[["x","sha256:{}",3,null,null]]}}"#, "0".repeat(64)),
        ] {
            assert!(matches!(parse(&json), Err(ImageError::Malformed { .. })), "{json}");
        }
    }

    #[test]
    fn more_layers_than_allowed_are_counted_and_not_kept() {
        let layers = vec![layer(); limits::IMAGE_LAYERS + 7].join(",");
        let found = limits::IMAGE_LAYERS + 7;
        let result = Content::parse(format!(r#"{{"layers":[{layers}]}}"#).as_bytes(), "test", limits::IMAGE_LAYERS);
        let limit = limits::IMAGE_LAYERS;
        assert_eq!(result, Err(ImageError::TooMany { what: "layers", found, limit }));
    }

    /// CVE-2024-3727.
    #[test]
    fn a_digest_is_no_path() {
        for digest in
            ["", "sha256:", "sha256:../../x", "sha512:00", "../manifests/x", &format!("sha256:{}", "A".repeat(64))]
        {
            let json = format!(r#"{{"layers":[{{"digest":"{digest}","size":1}}]}}"#);
            assert!(matches!(parse(&json), Err(ImageError::Malformed { .. })), "{digest}");
        }
        let json = format!(r#"{{"layers":[{}]}}"#, layer().replace("\"size\":3", "\"size\":-3"));
        assert!(matches!(parse(&json), Err(ImageError::Malformed { .. })));
    }

    #[test]
    fn an_annotation_that_stands_twice_is_refused() {
        let json = format!(r#"{{"layers":[{}]}}"#, layer().replace("}", r#","annotations":{"a":"1","a":"2"}}"#));
        assert!(matches!(parse(&json), Err(ImageError::Malformed { .. })), "{json}");
    }
}
