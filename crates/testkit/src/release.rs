//! A Kubernetes release as dl.k8s.io lays it out: binaries, tarballs, SBOMs, `.sig`, `.cert`, sums and markers.
//!
//! Every part is open: change [`Release::staged`] or the SBOM and call [`Release::finish`] again, sign single files anew
//! with [`Release::add_signed`], or change [`Release::files`] behind everybody's back.

use serde_json::json;

use crate::ca::{KREL_STAGING, Leaf};
use crate::files::Files;
use crate::keys::{Hash, sha256};
use crate::release_images::{self, ReleaseImage};
use crate::release_sbom::{Sbom, SbomFile, checksums};
use crate::sigstore::{How, Signed, Sigstore};
use crate::text::hex;
use crate::time::SIGNING_TIME;

/// What a release has.
#[derive(Debug, Clone)]
pub struct ReleaseSpec {
    /// Version with its `v`.
    pub version: String,
    /// `os/arch` pairs.
    pub platforms: Vec<String>,
    /// Binaries for all platforms.
    pub client_binaries: Vec<String>,
    /// Binaries for Linux only.
    pub node_binaries: Vec<String>,
    /// Components that are images; each has one for every Linux architecture.
    pub images: Vec<String>,
    /// Who signs.
    pub leaf: Leaf,
    /// When.
    pub time: i64,
    /// Lines that each file has: more make larger files.
    pub lines: usize,
}

impl Default for ReleaseSpec {
    fn default() -> Self {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            version: "v1.30.0".to_owned(),
            platforms: list(&["linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64"]),
            client_binaries: list(&["kubectl", "kubectl-convert"]),
            node_binaries: list(&["kubeadm", "kubelet", "kube-proxy"]),
            images: list(&["kube-apiserver", "kube-proxy", "kubectl"]),
            leaf: Leaf::email(KREL_STAGING),
            time: SIGNING_TIME,
            lines: 64,
        }
    }
}

/// A minted release.
#[derive(Debug, Clone)]
pub struct Release {
    /// What it is made from.
    pub spec: ReleaseSpec,
    /// Files that are signed and named by the SBOM, by their path in the release.
    pub staged: Vec<(String, Vec<u8>)>,
    /// Files that are signed and that no SBOM names, such as `extra/gce/configure.sh`.
    pub extra: Vec<(String, Vec<u8>)>,
    /// The SBOM of the release.
    pub sbom: Sbom,
    /// The SBOM of the source code.
    pub source_sbom: Sbom,
    /// Images.
    pub images: Vec<ReleaseImage>,
    /// Everything below the server's root: `release/v1.30.0/…`, `release/stable.txt`.
    pub files: Files,
    /// The signed files by their path, with their evidence.
    pub signed: Vec<(String, Signed)>,
}

impl Release {
    /// Mints and signs a release.
    pub fn new(sigstore: &Sigstore, spec: &ReleaseSpec) -> Self {
        let mut release = Self::unsigned(spec);
        release.finish(sigstore);
        release
    }

    /// A release whose files are there, and nothing is signed yet.
    pub fn unsigned(spec: &ReleaseSpec) -> Self {
        let images = release_images::mint(spec);
        let mut staged = staged(spec);
        let version = &spec.version;
        let mut sbom = Sbom::release(version);
        sbom.files = staged.iter().map(|(path, bytes)| SbomFile::new(path, bytes)).collect();
        sbom.packages = images.iter().map(|image| image.package(version)).collect();
        let source_sbom = Sbom::source(version);
        let (_, sha1) = checksums(source_sbom.to_tag_value().as_bytes()).swap_remove(0);
        sbom.external = Some((format!("kubernetes-{version}"), source_sbom.namespace.clone(), sha1));
        // Archives of images are packages of the SBOM, not files.
        staged.extend(images.iter().map(|image| (image.archive_path(), image.archive.clone())));
        let extra = vec![("extra/gce/configure.sh".to_owned(), content("extra/gce/configure.sh", spec))];
        let (files, signed) = (Files::new(), Vec::new());
        Self { spec: spec.clone(), staged, extra, sbom, source_sbom, images, files, signed }
    }

    /// Signs all files, and makes lists, markers and what nobody signs. May be called again after changes.
    pub fn finish(&mut self, sigstore: &Sigstore) {
        self.files.clear();
        self.signed.clear();
        let mut all = self.staged.clone();
        all.extend(self.extra.clone());
        all.push(("kubernetes-release.spdx".to_owned(), self.sbom.to_tag_value().into_bytes()));
        all.push(("kubernetes-source.spdx".to_owned(), self.source_sbom.to_tag_value().into_bytes()));
        for (path, bytes) in &all {
            self.add_signed(sigstore, path, bytes);
        }
        for image in self.images.clone() {
            let tag = image.archive_path().replace(".tar", ".docker_tag");
            self.put(&tag, self.spec.version.clone().into_bytes());
        }
        for (name, hash) in [("SHA256SUMS", Hash::Sha256), ("SHA512SUMS", Hash::Sha512)] {
            let lines: Vec<_> = all.iter().map(|(path, bytes)| format!("{}  {path}", hex(hash.of(bytes)))).collect();
            self.put(name, lines.join("\n").into_bytes());
        }
        self.put("provenance.json", self.provenance(&all).into_bytes());
        self.add_markers();
    }

    /// Adds a file with signature, certificate and sums.
    pub fn add_signed(&mut self, sigstore: &Sigstore, path: &str, bytes: &[u8]) {
        let leaf = self.spec.leaf.clone();
        self.add_signed_by(sigstore, path, bytes, &leaf);
    }

    /// The same by another signer.
    pub fn add_signed_by(&mut self, sigstore: &Sigstore, path: &str, bytes: &[u8], leaf: &Leaf) {
        let how = How { hash: Some(Hash::Sha256), ..How::at(self.spec.time) };
        let signed = sigstore.sign_blob_as(bytes, leaf, &how);
        self.put(path, bytes.to_vec());
        self.put(&format!("{path}.sig"), signed.sig().into_bytes());
        self.put(&format!("{path}.cert"), signed.cert_b64().into_bytes());
        self.put(&format!("{path}.sha256"), hex(sha256(bytes)).into_bytes());
        self.put(&format!("{path}.sha512"), hex(Hash::Sha512.of(bytes)).into_bytes());
        self.signed.push((self.path(path), signed));
    }

    /// Serves one file with all that speaks for it in place of another one, as a mirror could.
    pub fn swap_in(&mut self, from: &Self, theirs: &str, ours: &str) {
        for ending in ["", ".sig", ".cert", ".sha256", ".sha512"] {
            let bytes = from.files[&from.path(&format!("{theirs}{ending}"))].clone();
            self.put(&format!("{ours}{ending}"), bytes);
        }
    }

    /// Removes a file with all that speaks for it, or only what has this ending.
    pub fn remove(&mut self, inner: &str, endings: &[&str]) {
        for ending in endings {
            self.files.remove(&self.path(&format!("{inner}{ending}")));
        }
    }

    /// The path on the server of a path in the release.
    pub fn path(&self, inner: &str) -> String {
        format!("release/{}/{inner}", self.spec.version)
    }

    /// Replaces bytes, and nothing that speaks for them.
    pub fn put(&mut self, inner: &str, bytes: Vec<u8>) {
        self.files.insert(self.path(inner), bytes);
    }

    /// SLSA provenance without a signature, as Kubernetes serves it.
    fn provenance(&self, all: &[(String, Vec<u8>)]) -> String {
        let subject: Vec<_> = all
            .iter()
            .map(|(path, bytes)| json!({"name": self.path(path), "digest": {"sha256": hex(sha256(bytes))}}))
            .collect();
        json!({
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": "https://slsa.dev/provenance/v0.2",
            "subject": subject,
            "predicate": {"builder": {"id": "https://git.k8s.io/release/docs/krel"}},
        })
        .to_string()
    }

    fn add_markers(&mut self) {
        let version = self.spec.version.clone();
        let minor: Vec<_> = version.trim_start_matches('v').splitn(3, '.').take(2).collect();
        let minor = minor.join(".");
        for marker in ["stable", "stable-1", "latest", "latest-1"] {
            self.marker(marker, &version);
        }
        self.marker(&format!("stable-{minor}"), &version);
        self.marker(&format!("latest-{minor}"), &version);
    }

    /// Writes a marker file.
    pub fn marker(&mut self, name: &str, content: &str) {
        self.files.insert(format!("release/{name}.txt"), content.as_bytes().to_vec());
    }
}

fn staged(spec: &ReleaseSpec) -> Vec<(String, Vec<u8>)> {
    let mut paths = vec!["kubernetes.tar.gz".to_owned(), "kubernetes-src.tar.gz".to_owned()];
    for platform in &spec.platforms {
        let dashed = platform.replace('/', "-");
        paths.push(format!("kubernetes-client-{dashed}.tar.gz"));
        let linux = platform.starts_with("linux/");
        if linux {
            paths.extend(["node", "server"].map(|part| format!("kubernetes-{part}-{dashed}.tar.gz")));
        }
        let node = spec.node_binaries.iter().filter(|_| linux);
        for binary in spec.client_binaries.iter().chain(node) {
            let suffix = if platform.starts_with("windows/") { ".exe" } else { "" };
            paths.push(format!("bin/{platform}/{binary}{suffix}"));
        }
    }
    paths.into_iter().map(|path| (path.clone(), content(&path, spec))).collect()
}

/// Bytes that differ from file to file.
fn content(path: &str, spec: &ReleaseSpec) -> Vec<u8> {
    let line = format!("{path} of Kubernetes {}, as the test kit has it\n", spec.version);
    line.repeat(spec.lines).into_bytes()
}
