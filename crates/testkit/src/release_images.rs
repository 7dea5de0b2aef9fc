//! The images of a release, and the registries that serve them.

use crate::image::Artifact;
use crate::keys::sha256;
use crate::registry::{Archeio, OciRegistry};
use crate::release::{Release, ReleaseSpec};
use crate::release_sbom::{SbomPackage, checksums};
use crate::sigstore::Sigstore;
use crate::text::hex;

/// An image of a release.
#[derive(Debug, Clone)]
pub struct ReleaseImage {
    /// As in `kube-apiserver`.
    pub component: String,
    /// As in `amd64`.
    pub architecture: String,
    /// What the registry has.
    pub artifact: Artifact,
    /// The archive that lies beside the binaries: `kube-apiserver.tar`.
    pub archive: Vec<u8>,
}

impl ReleaseImage {
    /// As in `kube-apiserver-amd64`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.component, self.architecture)
    }

    /// As in `registry.k8s.io/kube-apiserver-amd64:v1.30.0`.
    pub fn reference(&self, version: &str) -> String {
        format!("registry.k8s.io/{}:{version}", self.name())
    }

    /// The path of its archive in the release.
    pub fn archive_path(&self) -> String {
        format!("bin/linux/{}/{}.tar", self.architecture, self.component)
    }

    /// Its package in the SBOM: named after the archive, and with the archive's checksums.
    pub fn package(&self, version: &str) -> SbomPackage {
        let id = self.reference(version).replace(['/', ':'], "-");
        SbomPackage {
            name: format!("{}.tar", self.component),
            id: format!("SPDXRef-Package-{id}"),
            file_name: Some(format!("/workspace/release-images/{}/{}.tar", self.architecture, self.component)),
            checksums: checksums(&self.archive),
            purl: None,
            layers: vec![hex(sha256(format!("layer of {}", self.name())))],
        }
    }

    /// A locator that names the digest of its manifest, which Kubernetes' SBOM does not.
    pub fn purl(&self, version: &str) -> String {
        let (name, digest) = (self.name(), self.artifact.digest());
        format!("pkg:oci/{name}@{digest}?repository_url=registry.k8s.io%2F{name}&tag={version}")
    }
}

/// One image for each component and each architecture of Linux.
pub(crate) fn mint(spec: &ReleaseSpec) -> Vec<ReleaseImage> {
    let architectures = spec.platforms.iter().filter_map(|platform| platform.strip_prefix("linux/"));
    architectures
        .flat_map(|architecture| {
            spec.images.iter().map(move |component| ReleaseImage {
                component: component.clone(),
                architecture: architecture.to_owned(),
                artifact: Artifact::image_for(&format!("{component} {}", spec.version), "linux", architecture),
                archive: format!("archive of {component}-{architecture} {}\n", spec.version).repeat(64).into_bytes(),
            })
        })
        .collect()
}

impl Release {
    /// Puts all images and their signatures into a registry of one's own, as `HOST/NAME:VERSION`.
    pub fn load_images(&self, sigstore: &Sigstore, registry: &OciRegistry) {
        for image in &self.images {
            let name = image.name();
            registry.push(&name, &self.spec.version, &image.artifact);
            registry.sign(&name, &image.artifact, &sigstore.kubernetes_signatures(&name, &image.artifact));
        }
    }

    /// Puts all images, their signatures and the records of their promotion behind a front as registry.k8s.io.
    pub fn promote_images(&self, sigstore: &Sigstore, registry: &Archeio) {
        for image in &self.images {
            let name = image.name();
            registry.push(&name, &self.spec.version, &image.artifact);
            registry.sign(&name, &image.artifact, &sigstore.kubernetes_signatures(&name, &image.artifact));
            registry.refer(&name, &sigstore.promotion(&name, &image.artifact));
            registry.replicate(&name);
        }
    }
}
