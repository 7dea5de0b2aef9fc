//! The two SBOMs of a release as SPDX tag-value, in the shape that krel and `bom` give them: every part is open.

use crate::keys::{Hash, sha256};
use crate::text::hex;
use crate::time::{SIGNING_TIME, rfc3339};

/// An SBOM.
#[derive(Debug, Clone)]
pub struct Sbom {
    /// `DocumentName`.
    pub name: String,
    /// `DocumentNamespace`.
    pub namespace: String,
    /// `ExternalDocumentRef`: name, URI, SHA-1 of the other document.
    pub external: Option<(String, String, String)>,
    /// Files independent of packages.
    pub files: Vec<SbomFile>,
    /// Packages: one for each image.
    pub packages: Vec<SbomPackage>,
}

/// A file with its checksums in hexadecimal.
#[derive(Debug, Clone)]
pub struct SbomFile {
    /// `FileName`.
    pub name: String,
    /// Algorithm and value.
    pub checksums: Vec<(String, String)>,
}

/// A package with its checksums in hexadecimal.
#[derive(Debug, Clone)]
pub struct SbomPackage {
    /// `PackageName`.
    pub name: String,
    /// `SPDXID`.
    pub id: String,
    /// `PackageFileName`.
    pub file_name: Option<String>,
    /// Algorithm and value.
    pub checksums: Vec<(String, String)>,
    /// Locator of an `ExternalRef` of the type `purl`.
    pub purl: Option<String>,
    /// Digests of layers, each a package of its own within.
    pub layers: Vec<String>,
}

/// SHA-1, SHA-256 and SHA-512, as `bom` writes them.
pub fn checksums(bytes: &[u8]) -> Vec<(String, String)> {
    let sha1 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    vec![
        ("SHA1".to_owned(), hex(sha1)),
        ("SHA256".to_owned(), hex(sha256(bytes))),
        ("SHA512".to_owned(), hex(Hash::Sha512.of(bytes))),
    ]
}

impl SbomFile {
    /// A file of these bytes.
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        Self { name: name.to_owned(), checksums: checksums(bytes) }
    }
}

impl Sbom {
    /// The SBOM of what is released, still empty.
    pub fn release(version: &str) -> Self {
        Self {
            name: format!("Kubernetes Release {version}"),
            namespace: format!("https://sbom.k8s.io/{version}/release"),
            external: None,
            files: Vec::new(),
            packages: Vec::new(),
        }
    }

    /// The SBOM of the source code, with a few files.
    pub fn source(version: &str) -> Self {
        let files = ["cmd/kubectl/kubectl.go", "go.mod"].map(|name| SbomFile::new(name, name.as_bytes()));
        Self {
            name: format!("kubernetes-{version}"),
            namespace: format!("https://sbom.k8s.io/{version}/source"),
            external: None,
            files: files.to_vec(),
            packages: Vec::new(),
        }
    }

    /// The document.
    pub fn to_tag_value(&self) -> String {
        let mut out = format!(
            "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\nDocumentName: {}\n\
             DocumentNamespace: {}\n",
            self.name, self.namespace
        );
        if let Some((name, uri, sha1)) = &self.external {
            out.push_str(&format!("ExternalDocumentRef:DocumentRef-{name} {uri} SHA1: {sha1}\n"));
        }
        out.push_str(&format!(
            "Creator: Organization: Kubernetes Release Engineering\nCreator: Tool: sigward-testkit\nCreated: {}\n\n\n",
            rfc3339(SIGNING_TIME)
        ));
        if !self.files.is_empty() {
            out.push_str("##### Files independent of packages\n\n");
        }
        let mut described = String::new();
        for file in &self.files {
            let id = format!("SPDXRef-File-{}", hex(&sha256(&file.name)[..20]));
            out.push_str(&format!("FileName: {}\nSPDXID: {id}\n", file.name));
            push_checksums(&mut out, "FileChecksum", &file.checksums);
            out.push_str(
                "FileType: BINARY\nLicenseConcluded: Apache-2.0\nLicenseInfoInFile: NOASSERTION\n\
                 FileCopyrightText: NOASSERTION\n\n",
            );
            described.push_str(&format!("Relationship: SPDXRef-DOCUMENT DESCRIBES {id}\n\n"));
        }
        out.push_str(&described);
        for package in &self.packages {
            package.push(&mut out);
            out.push_str(&format!("\nRelationship: SPDXRef-DOCUMENT DESCRIBES {}\n\n", package.id));
        }
        out
    }
}

impl SbomPackage {
    fn push(&self, out: &mut String) {
        out.push_str(&format!("##### Package: {}\n\nPackageName: {}\nSPDXID: {}\n", self.name, self.name, self.id));
        push_checksums(out, "PackageChecksum", &self.checksums);
        out.push_str("PackageDownloadLocation: NONE\nFilesAnalyzed: false\nPackageLicenseConcluded: Apache-2.0\n");
        if let Some(name) = &self.file_name {
            out.push_str(&format!("PackageFileName: {name}\n"));
        }
        if let Some(purl) = &self.purl {
            out.push_str(&format!("ExternalRef: PACKAGE-MANAGER purl {purl}\n"));
        }
        out.push_str("PackageLicenseDeclared: NOASSERTION\nPackageCopyrightText: NOASSERTION\n\n");
        for layer in &self.layers {
            // A colon becomes its code point (`bom`, `buildIDString`).
            let id = format!("{}-sha256C58{layer}", self.id);
            out.push_str(&format!(
                "##### Package: sha256:{layer}\n\nPackageName: sha256:{layer}\nSPDXID: {id}\n\
                 PackageChecksum: SHA256: {layer}\nPackageDownloadLocation: NONE\nFilesAnalyzed: false\n\
                 PackageLicenseConcluded: NOASSERTION\nPackageFileName: layer.tar\n\
                 PackageLicenseDeclared: NOASSERTION\nPackageCopyrightText: NOASSERTION\n\n\
                 Relationship: {} CONTAINS {id}\n",
                self.id
            ));
        }
    }
}

fn push_checksums(out: &mut String, tag: &str, checksums: &[(String, String)]) {
    for (algorithm, value) in checksums {
        out.push_str(&format!("{tag}: {algorithm}: {value}\n"));
    }
}
