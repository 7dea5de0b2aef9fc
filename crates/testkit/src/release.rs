//! A Kubernetes release as dl.k8s.io lays it out: binaries, tarballs, SBOM, `.sig`, `.cert`, sums and markers.

use serde_json::json;

use crate::ca::{KREL_STAGING, Leaf};
use crate::files::Files;
use crate::keys::{Hash, sha256};
use crate::sigstore::{How, Signed, Sigstore};
use crate::text::hex;
use crate::time::{SIGNING_TIME, rfc3339};

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
    /// Images without registry and tag; each has one for every Linux architecture too.
    pub images: Vec<String>,
    /// Who signs.
    pub leaf: Leaf,
    /// When.
    pub time: i64,
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
        }
    }
}

/// A minted release.
#[derive(Debug, Clone)]
pub struct Release {
    /// What it is made from.
    pub spec: ReleaseSpec,
    /// Everything below the server's root: `release/v1.30.0/…`, `release/stable.txt`.
    pub files: Files,
    /// The signed files by their path, with their evidence.
    pub signed: Vec<(String, Signed)>,
    /// Images with the SHA-256 of their (imaginary) manifests, in hex.
    pub images: Vec<(String, String)>,
}

impl Release {
    /// Mints and signs a release.
    pub fn new(sigstore: &Sigstore, spec: &ReleaseSpec) -> Self {
        let mut release =
            Self { images: image_references(spec), spec: spec.clone(), files: Files::new(), signed: Vec::new() };
        let mut staged = release.staged();
        let sbom = release.sbom_tag_value(&staged);
        let source = release.sbom_tag_value(&[]);
        staged.push(("kubernetes-release.spdx".to_owned(), sbom.into_bytes()));
        staged.push(("kubernetes-source.spdx".to_owned(), source.into_bytes()));
        for (path, bytes) in &staged {
            release.add_signed(sigstore, path, bytes);
        }
        for (name, hash) in [("SHA256SUMS", Hash::Sha256), ("SHA512SUMS", Hash::Sha512)] {
            let lines: Vec<_> = staged.iter().map(|(path, bytes)| format!("{}  {path}", hex(hash.of(bytes)))).collect();
            release.put(name, lines.join("\n").into_bytes());
        }
        release.add_markers();
        release
    }

    /// Adds a file with signature, certificate and sums.
    pub fn add_signed(&mut self, sigstore: &Sigstore, path: &str, bytes: &[u8]) {
        let how = How { hash: Some(Hash::Sha256), ..How::at(self.spec.time) };
        let signed = sigstore.sign_blob_as(bytes, &self.spec.leaf, &how);
        self.put(path, bytes.to_vec());
        self.put(&format!("{path}.sig"), signed.sig().into_bytes());
        self.put(&format!("{path}.cert"), signed.cert_b64().into_bytes());
        self.put(&format!("{path}.sha256"), hex(sha256(bytes)).into_bytes());
        self.put(&format!("{path}.sha512"), hex(Hash::Sha512.of(bytes)).into_bytes());
        self.signed.push((self.path(path), signed));
    }

    /// The path on the server of a path in the release.
    pub fn path(&self, inner: &str) -> String {
        format!("release/{}/{inner}", self.spec.version)
    }

    /// The SBOM of these files as SPDX JSON.
    pub fn sbom_json(&self, staged: &[(String, Vec<u8>)]) -> String {
        let checksum = |algorithm: &str, value: String| json!({"algorithm": algorithm, "checksumValue": value});
        let files: Vec<_> = staged
            .iter()
            .map(|(path, bytes)| {
                json!({
                    "SPDXID": format!("SPDXRef-File-{}", path.replace('/', "-")),
                    "fileName": path,
                    "checksums": [
                        checksum("SHA256", hex(sha256(bytes))),
                        checksum("SHA512", hex(Hash::Sha512.of(bytes))),
                    ],
                })
            })
            .collect();
        let packages: Vec<_> = self
            .images
            .iter()
            .map(|(image, digest)| {
                json!({
                    "SPDXID": package_id(image),
                    "name": image,
                    "downloadLocation": "NONE",
                    "filesAnalyzed": false,
                    "checksums": [checksum("SHA256", digest.clone())],
                })
            })
            .collect();
        let document = json!({
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": format!("Kubernetes Release {}", self.spec.version),
            "documentNamespace": format!("https://sbom.k8s.io/{}/release", self.spec.version),
            "creationInfo": {"created": rfc3339(self.spec.time), "creators": ["Tool: sigward-testkit"]},
            "files": files,
            "packages": packages,
        });
        format!("{document:#}\n")
    }

    /// The SBOM of these files as SPDX tag-value, in the shape that Kubernetes' `bom` writes.
    pub fn sbom_tag_value(&self, staged: &[(String, Vec<u8>)]) -> String {
        let version = &self.spec.version;
        let mut out = format!(
            "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\n\
             DocumentName: Kubernetes Release {version}\n\
             DocumentNamespace: https://sbom.k8s.io/{version}/release\n\
             Creator: Organization: Kubernetes Release Engineering\n\
             Creator: Tool: sigward-testkit\nCreated: {}\n\n\n##### Files independent of packages\n\n",
            rfc3339(self.spec.time)
        );
        for (path, bytes) in staged {
            out.push_str(&format!(
                "FileName: {path}\nSPDXID: SPDXRef-File-{}\n\
                 FileChecksum: SHA256: {}\nFileChecksum: SHA512: {}\n\
                 LicenseConcluded: Apache-2.0\nLicenseInfoInFile: NONE\nFileCopyrightText: NOASSERTION\n\n",
                path.replace('/', "-"),
                hex(sha256(bytes)),
                hex(Hash::Sha512.of(bytes)),
            ));
        }
        for (image, digest) in &self.images {
            let id = package_id(image);
            out.push_str(&format!(
                "##### Package: {image}\n\nPackageName: {image}\nSPDXID: {id}\n\
                 PackageDownloadLocation: NONE\nFilesAnalyzed: false\n\
                 PackageChecksum: SHA256: {digest}\nPackageLicenseConcluded: Apache-2.0\n\
                 PackageLicenseDeclared: NOASSERTION\nPackageCopyrightText: NOASSERTION\n\n\
                 Relationship: SPDXRef-DOCUMENT DESCRIBES {id}\n\n"
            ));
        }
        out
    }

    fn staged(&self) -> Vec<(String, Vec<u8>)> {
        let mut staged = Vec::new();
        let version = &self.spec.version;
        for name in ["kubernetes.tar.gz", "kubernetes-src.tar.gz"] {
            staged.push((name.to_owned(), content(name, version)));
        }
        for platform in &self.spec.platforms {
            let tarball = format!("kubernetes-client-{}.tar.gz", platform.replace('/', "-"));
            staged.push((tarball.clone(), content(&tarball, version)));
            let linux = platform.starts_with("linux/");
            let node = self.spec.node_binaries.iter().filter(|_| linux);
            for binary in self.spec.client_binaries.iter().chain(node) {
                let suffix = if platform.starts_with("windows/") { ".exe" } else { "" };
                let path = format!("bin/{platform}/{binary}{suffix}");
                staged.push((path.clone(), content(&path, version)));
            }
        }
        staged
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

    fn marker(&mut self, name: &str, version: &str) {
        let path = format!("release/{name}.txt");
        self.files.insert(path, version.as_bytes().to_vec());
    }

    fn put(&mut self, inner: &str, bytes: Vec<u8>) {
        self.files.insert(self.path(inner), bytes);
    }
}

fn image_references(spec: &ReleaseSpec) -> Vec<(String, String)> {
    let mut images = Vec::new();
    let arches: Vec<_> = spec.platforms.iter().filter_map(|platform| platform.strip_prefix("linux/")).collect();
    for image in &spec.images {
        let names = std::iter::once(image.clone()).chain(arches.iter().map(|arch| format!("{image}-{arch}")));
        for name in names {
            let reference = format!("registry.k8s.io/{name}:{}", spec.version);
            let digest = hex(sha256(&reference));
            images.push((reference, digest));
        }
    }
    images
}

fn package_id(image: &str) -> String {
    format!("SPDXRef-Package-{}", image.replace(['/', ':'], "-"))
}

/// A few kilobytes that differ from file to file.
fn content(path: &str, version: &str) -> Vec<u8> {
    format!("{path} of Kubernetes {version}, as the test kit has it\n").repeat(64).into_bytes()
}
