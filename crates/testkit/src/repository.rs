//! What a registry holds under one name, and the same as a folder.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::files::Files;
use crate::image::{Artifact, Descriptor, digest, digest_like, media_type};
use crate::image_evidence::{EvidenceLayer, evidence};
use crate::keys::sha256;
use crate::text::hex;

/// A repository: manifests and blobs by digest, tags.
#[derive(Debug, Clone, Default)]
pub struct Repository {
    /// Blobs by digest.
    pub blobs: BTreeMap<String, Vec<u8>>,
    /// Media type and bytes of manifests by digest.
    pub manifests: BTreeMap<String, (String, Vec<u8>)>,
    /// Digests by tag.
    pub tags: BTreeMap<String, String>,
    /// Referrers by subject, in order of arrival.
    pub referrers: BTreeMap<String, Vec<Descriptor>>,
}

impl Repository {
    /// Stores an artifact with all that it names; gives its digest. A referrer is entered at its subject.
    pub fn push(&mut self, artifact: &Artifact) -> String {
        for blob in &artifact.blobs {
            self.blobs.insert(digest(blob), blob.clone());
        }
        for image in &artifact.platforms {
            self.push(image);
        }
        let name = self.put_manifest(artifact.manifest.served_as(), artifact.manifest.to_json());
        if let Some(subject) = &artifact.manifest.subject {
            self.refer(&subject.digest, artifact.referrer_descriptor());
        }
        name
    }

    /// Stores an artifact under a tag; gives its digest.
    pub fn push_tag(&mut self, tag: &str, artifact: &Artifact) -> String {
        let name = self.push(artifact);
        self.tags.insert(tag.to_owned(), name.clone());
        name
    }

    /// Attaches signatures in cosign's legacy form, in place of those that are there.
    pub fn sign(&mut self, image: &Artifact, layers: &[EvidenceLayer]) -> String {
        self.push_tag(&image.attachment_tag("sig"), &evidence(layers))
    }

    /// Attaches attestations in cosign's legacy form, in place of those that are there.
    pub fn attest(&mut self, image: &Artifact, layers: &[EvidenceLayer]) -> String {
        self.push_tag(&image.attachment_tag("att"), &evidence(layers))
    }

    /// Writes the tag that lists an image's referrers where there is no API for them.
    pub fn write_fallback_tag(&mut self, image: &Artifact) {
        let listed = self.referrers.get(&image.digest()).cloned().unwrap_or_default();
        self.push_tag(&image.fallback_tag(), &Artifact::index_over(listed));
    }

    /// Stores a manifest's bytes; gives their digest.
    pub fn put_manifest(&mut self, media_type: &str, bytes: Vec<u8>) -> String {
        let name = digest(&bytes);
        self.manifests.insert(name.clone(), (media_type.to_owned(), bytes));
        name
    }

    /// Enters a referrer at a subject, once.
    pub fn refer(&mut self, subject: &str, referrer: Descriptor) {
        let list = self.referrers.entry(subject.to_owned()).or_default();
        list.retain(|known| known.digest != referrer.digest);
        list.push(referrer);
    }

    /// Serves other bytes under a digest: a manifest's when it is one, a blob's otherwise.
    pub fn corrupt(&mut self, name: &str, bytes: impl Into<Vec<u8>>) {
        match self.manifests.get_mut(name) {
            Some((_, manifest)) => *manifest = bytes.into(),
            None => {
                self.blobs.insert(name.to_owned(), bytes.into());
            }
        }
    }

    /// A manifest by tag or digest: digest, media type, bytes.
    pub fn manifest(&self, reference: &str) -> Option<(&str, &str, &[u8])> {
        let name = if reference.contains(':') { reference } else { self.tags.get(reference)? };
        self.manifests.get_key_value(name).map(|(name, (kind, bytes))| (name.as_str(), kind.as_str(), bytes.as_slice()))
    }

    /// As files: `blobs/sha256/HEX`, `manifests/HEX.json`, `tags.json`. Referrers are found again by their subject.
    pub fn to_files(&self, folder: &str) -> Files {
        let mut files = Files::new();
        for (name, bytes) in &self.blobs {
            files.insert(format!("{folder}/blobs/{}", name.replace(':', "/")), bytes.clone());
        }
        for (name, (_, bytes)) in &self.manifests {
            files.insert(format!("{folder}/manifests/{}.json", name.replace(':', "/")), bytes.clone());
        }
        files.insert(format!("{folder}/tags.json"), json!(self.tags).to_string().into_bytes());
        files
    }

    /// Repositories by name, from the files of several.
    ///
    /// # Panics
    /// When a file is not as [`Repository::to_files`] writes it.
    pub fn from_files(files: &Files) -> BTreeMap<String, Self> {
        let mut found: BTreeMap<String, Self> = BTreeMap::new();
        for (path, bytes) in files {
            if let Some(name) = path.strip_suffix("/tags.json") {
                found.entry(name.to_owned()).or_default().tags = serde_json::from_slice(bytes).expect("tags");
            } else if let Some((name, hex)) = path.split_once("/blobs/sha256/") {
                found.entry(name.to_owned()).or_default().blobs.insert(format!("sha256:{hex}"), bytes.clone());
            } else if let Some((name, _)) = path.split_once("/manifests/sha256/") {
                found.entry(name.to_owned()).or_default().put_pushed_manifest("", None, bytes.clone());
            }
        }
        found
    }

    /// Stores a manifest as a registry does that gets one under a tag or digest: by its own media type, and entered at
    /// its subject. Gives its digest, by the algorithm of `reference`, and its subject's.
    pub fn put_pushed_manifest(
        &mut self,
        reference: &str,
        content_type: Option<&str>,
        bytes: Vec<u8>,
    ) -> (String, Option<String>) {
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let own_type = text(&value["mediaType"]);
        let kind = content_type.map(str::to_owned).or(own_type).unwrap_or_else(|| media_type::MANIFEST.to_owned());
        let subject = text(&value["subject"]["digest"]);
        let name = digest_like(reference, &bytes);
        let mut descriptor = Descriptor { digest: name.clone(), ..Descriptor::of(&kind, &bytes) };
        if let Some(subject) = &subject {
            let annotations = value["annotations"].as_object().into_iter().flatten();
            descriptor.artifact_type = text(&value["artifactType"]).or_else(|| text(&value["config"]["mediaType"]));
            descriptor.annotations =
                annotations.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect();
            self.refer(subject, descriptor);
        }
        self.manifests.insert(name.clone(), (kind, bytes));
        (name, subject)
    }
}

/// An image with what is attached to it, for [`Saved::to_files`].
#[derive(Debug, Clone)]
pub struct Saved<'a> {
    /// The image or index.
    pub image: &'a Artifact,
    /// Its `.sig` manifest.
    pub signatures: Option<&'a Artifact>,
    /// Its `.att` manifest.
    pub attestations: Option<&'a Artifact>,
    /// Bundles as referrers: their manifests lie among the blobs, and only their `subject` tells of them.
    pub referrers: &'a [Artifact],
}

impl Saved<'_> {
    /// An OCI layout as `cosign save` writes it.
    pub fn to_files(&self) -> Files {
        let mut files = Files::new();
        let image_kind = if self.image.manifest.manifests.is_some() { "imageIndex" } else { "image" };
        let parts = [(image_kind, Some(self.image)), ("sigs", self.signatures), ("atts", self.attestations)];
        let mut index = Artifact::index_over(Vec::new()).manifest;
        for (kind, artifact) in parts {
            let Some(artifact) = artifact else { continue };
            let mut descriptor = artifact.descriptor();
            descriptor.annotations.insert("kind".to_owned(), format!("dev.cosignproject.cosign/{kind}"));
            index.manifests_mut().push(descriptor);
            put_blobs(&mut files, artifact);
        }
        for referrer in self.referrers {
            put_blobs(&mut files, referrer);
        }
        files.insert("index.json".to_owned(), index.to_json());
        files.insert("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
        files
    }
}

fn put_blobs(files: &mut Files, artifact: &Artifact) {
    let own = artifact.manifest.to_json();
    for bytes in artifact.blobs.iter().chain([&own]) {
        files.insert(format!("blobs/sha256/{}", hex(sha256(bytes))), bytes.clone());
    }
    for image in &artifact.platforms {
        put_blobs(files, image);
    }
}
