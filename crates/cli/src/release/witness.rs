//! The verified SBOM as second witness. A signature covers bytes, not names: a mirror could serve another version's,
//! platform's or component's good file. The release's SBOM says which digest belongs to which path.

use std::collections::BTreeMap;

use sigward_verify::{Digest, HashAlgorithm, unhex};

use super::layout::{ArtifactPath, BadPath, Kind};
use super::markers::Version;
use super::sbom_images::{self, SbomImage};
use super::spdx::{SpdxDocument, SpdxFault, SpdxPackage};

/// Why an SBOM is no witness.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SbomFault {
    /// It cannot be read.
    #[error("the SBOM cannot be used: {0}")]
    Unusable(#[from] SpdxFault),
    /// It is of another version.
    #[error("the SBOM is of another version: expected {expected}, found {found}")]
    Version {
        /// The version asked for.
        expected: String,
        /// What name and namespace say.
        found: String,
    },
    /// It is the other one of the two SBOMs.
    #[error("the SBOM is of something else: expected {expected}, found {found}")]
    Subject {
        /// What was asked for.
        expected: &'static str,
        /// The document's name.
        found: String,
    },
    /// It contradicts itself.
    #[error("the SBOM names {path} twice, with digests that differ")]
    Contradiction {
        /// The path.
        path: String,
    },
}

/// Which of the two SBOMs a document is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Subject {
    /// What is released.
    Release,
    /// The source code.
    Source,
}

impl Subject {
    /// Its name in namespaces.
    const fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Source => "source",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Release => Self::Source,
            Self::Source => Self::Release,
        }
    }
}

/// Checks that a document is this SBOM of this version, by its name and namespace: `Kubernetes Release v1.30.0` and
/// `https://sbom.k8s.io/v1.30.0/release`, or `kubernetes-v1.30.0` and `…/source` (krel, `pkg/anago/stage.go`). If these name
/// no version, the packages of Kubernetes itself must.
///
/// # Errors
/// [`SbomFault::Version`] also if it names no version at all, [`SbomFault::Subject`].
pub fn check_head(document: &SpdxDocument, version: &Version, subject: Subject) -> Result<(), SbomFault> {
    let mut versions = Version::mentioned(&document.name);
    versions.extend(Version::mentioned(&document.namespace));
    if versions.is_empty() {
        versions = document.packages.iter().flat_map(own_versions).collect();
    }
    if versions.is_empty() || versions.iter().any(|found| found != version) {
        let found = match versions.iter().find(|found| *found != version) {
            Some(other) => other.to_string(),
            None => format!("no version in {:?} and {:?}", document.name, document.namespace),
        };
        return Err(SbomFault::Version { expected: version.to_string(), found });
    }
    let last = document.namespace.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if last == subject.other().name() {
        return Err(SbomFault::Subject { expected: subject.name(), found: document.namespace.clone() });
    }
    Ok(())
}

/// Versions of a package that is Kubernetes itself.
fn own_versions(package: &SpdxPackage) -> Vec<Version> {
    let name = package.name.to_ascii_lowercase();
    match name.as_str() {
        "kubernetes" | "k8s.io/kubernetes" | "kubernetes-release" | "kubernetes release" => {
            Version::mentioned(&package.version)
        }
        _ => Vec::new(),
    }
}

/// What a release's SBOM says.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    files: BTreeMap<ArtifactPath, Named>,
    images: Vec<SbomImage>,
    bad_paths: Vec<BadPath>,
    names_source: bool,
}

/// What is said of one path.
#[derive(Clone, Debug, Default)]
struct Named {
    digests: Vec<Digest>,
    /// It is said twice, and differently.
    contradicts: bool,
}

/// What a witness says of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Testimony {
    /// It names the file by path and digest.
    Named,
    /// It names another digest for the path, or the digest for another path.
    Otherwise {
        /// The digest expected.
        expected: String,
        /// The digest found.
        found: String,
        /// Which file it is.
        elsewhere: Option<String>,
    },
    /// It names the path twice, with digests that differ.
    Contradicts,
    /// It does not name the path.
    Unnamed,
}

/// Names that are kept to be reported.
const BAD_PATHS: usize = 32;

impl Witness {
    /// Reads a document that was checked by [`check_head`].
    pub fn new(document: &SpdxDocument, version: &Version) -> Self {
        let is_source = |namespace: &String| namespace.trim_end_matches('/').ends_with("/source");
        let mut witness = Self { names_source: document.external.iter().any(is_source), ..Self::default() };
        for file in &document.files {
            witness.add(&file.name, &file.checksums, version);
        }
        for package in &document.packages {
            let file = sbom_images::archive_path(package, version).or_else(|| file_package(package, version));
            if let Some(path) = file {
                witness.add(&path, &package.checksums, version);
            }
        }
        witness.images = sbom_images::images(&document.packages, version);
        witness
    }

    fn add(&mut self, name: &str, checksums: &[(String, String)], version: &Version) {
        let path = match ArtifactPath::parse_listed(name, version) {
            Ok(path) => path,
            Err(bad) => {
                if self.bad_paths.len() < BAD_PATHS {
                    self.bad_paths.push(bad);
                }
                return;
            }
        };
        let named = self.files.entry(path).or_default();
        for digest in checksums.iter().filter_map(|(name, hex)| digest(name, hex)) {
            match named.digests.iter().find(|known| known.algorithm() == digest.algorithm()) {
                None => named.digests.push(digest),
                Some(known) => named.contradicts |= *known != digest,
            }
        }
    }

    /// The files that it names.
    pub fn paths(&self) -> impl Iterator<Item = &ArtifactPath> {
        self.files.keys()
    }

    /// Whether it refers to the SBOM of the source, as Kubernetes' does.
    pub fn names_source(&self) -> bool {
        self.names_source
    }

    /// Names that are no paths within a release.
    pub fn bad_paths(&self) -> &[BadPath] {
        &self.bad_paths
    }

    /// The images that it names.
    pub fn images(&self) -> &[SbomImage] {
        &self.images
    }

    /// What it says of a file with these digests.
    pub fn judge(&self, path: &ArtifactPath, digests: &[Digest]) -> Testimony {
        let same = |wanted: &Digest| digests.iter().find(|found| found.algorithm() == wanted.algorithm());
        let elsewhere = || {
            let is = |wanted: &Digest| same(wanted).is_some_and(|found| found == wanted);
            let mut others = self.files.iter().filter(|(other, _)| *other != path);
            others.find(|(_, wanted)| wanted.digests.iter().any(is)).map(|(other, _)| other.to_string())
        };
        let wanted = match self.files.get(path) {
            Some(named) if named.contradicts => return Testimony::Contradicts,
            named => named.map(|named| named.digests.as_slice()).unwrap_or_default(),
        };
        // Only digests that were taken count: a name without any says nothing about bytes.
        let pairs: Vec<(&Digest, &Digest)> = wanted.iter().filter_map(|w| Some((w, same(w)?))).collect();
        if let Some((expected, found)) = pairs.iter().find(|(wanted, found)| wanted != found) {
            let (expected, found) = (expected.to_string(), found.to_string());
            return Testimony::Otherwise { expected, found, elsewhere: elsewhere() };
        }
        if !pairs.is_empty() {
            return Testimony::Named;
        }
        match (elsewhere(), digests.first()) {
            (Some(other), Some(found)) => Testimony::Otherwise {
                expected: "no file of this path".into(),
                found: found.to_string(),
                elsewhere: Some(other),
            },
            _ => Testimony::Unnamed,
        }
    }
}

/// SHA-1, which SPDX files have too, proves nothing.
fn digest(name: &str, hex: &str) -> Option<Digest> {
    let algorithm = match name.to_ascii_uppercase().replace('-', "").as_str() {
        "SHA256" => HashAlgorithm::Sha256,
        "SHA384" => HashAlgorithm::Sha384,
        "SHA512" => HashAlgorithm::Sha512,
        _ => return None,
    };
    Digest::new(algorithm, &unhex(hex)?)
}

/// A package that is one file of the release, by its `PackageFileName`. Layers of images are files of their own archives.
fn file_package(package: &SpdxPackage, version: &Version) -> Option<String> {
    let path = ArtifactPath::parse_listed(&package.file_name, version).ok()?;
    let ours = match path.kind() {
        Kind::Binary | Kind::ImageArchive => true,
        Kind::Tarball => path.as_str().starts_with("kubernetes"),
        Kind::Beside | Kind::Other | Kind::Sbom | Kind::Unsigned => false,
    };
    ours.then(|| path.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::spdx::SpdxFile;
    use super::*;

    fn version() -> Version {
        Version::parse("v1.30.0").unwrap()
    }

    fn document(name: &str, namespace: &str) -> SpdxDocument {
        SpdxDocument { name: name.into(), namespace: namespace.into(), ..SpdxDocument::default() }
    }

    fn sha256(text: &str) -> Digest {
        HashAlgorithm::Sha256.digest(text.as_bytes())
    }

    fn file(name: &str, content: &str) -> SpdxFile {
        let sums = vec![("SHA1".to_owned(), "00".to_owned()), ("SHA256".to_owned(), sha256(content).hex())];
        SpdxFile { name: name.into(), checksums: sums }
    }

    fn path(text: &str) -> ArtifactPath {
        ArtifactPath::parse(text).unwrap()
    }

    #[test]
    fn an_sbom_of_another_version_is_no_witness() {
        let release = "https://sbom.k8s.io/v1.30.0/release";
        let check = |name: &str, namespace: &str, subject| check_head(&document(name, namespace), &version(), subject);
        assert_eq!(check("Kubernetes Release v1.30.0", release, Subject::Release), Ok(()));
        assert_eq!(check("kubernetes-v1.30.0", "https://sbom.k8s.io/v1.30.0/source", Subject::Source), Ok(()));
        assert_eq!(check("Kubernetes Release v1.30.0", "https://example.com/x", Subject::Release), Ok(()));
        for (name, namespace) in [
            ("Kubernetes Release v1.29.0", release),
            ("Kubernetes Release v1.30.0", "https://sbom.k8s.io/v1.29.0/release"),
            ("Kubernetes Release v1.30.0-rc.1", "https://sbom.k8s.io/v1.30.0-rc.1/release"),
            ("Kubernetes Release", "https://sbom.k8s.io/release"),
            ("", ""),
        ] {
            let fault = check(name, namespace, Subject::Release);
            assert!(matches!(fault, Err(SbomFault::Version { .. })), "{name} {namespace}");
        }
    }

    #[test]
    fn the_sbom_of_the_source_is_not_that_of_the_release() {
        let source = document("kubernetes-v1.30.0", "https://sbom.k8s.io/v1.30.0/source");
        assert!(matches!(check_head(&source, &version(), Subject::Release), Err(SbomFault::Subject { .. })));
    }

    #[test]
    fn swapped_files_are_told() {
        let files = vec![file("bin/linux/amd64/kubectl", "amd64"), file("./bin/linux/arm64/kubectl", "arm64")];
        let witness = Witness::new(&SpdxDocument { files, ..SpdxDocument::default() }, &version());
        let judge = |p: &str, content: &str| witness.judge(&path(p), &[sha256(content)]);
        assert_eq!(judge("bin/linux/amd64/kubectl", "amd64"), Testimony::Named);
        assert_eq!(judge("bin/linux/arm64/kubectl", "arm64"), Testimony::Named);
        let other = judge("bin/linux/amd64/kubectl", "arm64");
        let Testimony::Otherwise { elsewhere, .. } = other else { panic!("{other:?}") };
        assert_eq!(elsewhere.as_deref(), Some("bin/linux/arm64/kubectl"));
        let old = judge("bin/linux/amd64/kubectl", "an older one");
        assert!(matches!(old, Testimony::Otherwise { elsewhere: None, .. }));
        // A path that is not named must not carry a file that is named elsewhere.
        assert!(matches!(judge("bin/linux/amd64/kubelet", "amd64"), Testimony::Otherwise { .. }));
        assert_eq!(judge("bin/linux/amd64/kubelet", "kubelet"), Testimony::Unnamed);
    }

    #[test]
    fn a_name_without_a_digest_that_counts_says_nothing() {
        let mut weak = file("bin/linux/amd64/kubectl", "");
        weak.checksums.truncate(1);
        let witness = Witness::new(&SpdxDocument { files: vec![weak], ..SpdxDocument::default() }, &version());
        assert_eq!(witness.judge(&path("bin/linux/amd64/kubectl"), &[sha256("x")]), Testimony::Unnamed);
    }

    #[test]
    fn paths_with_dots_are_no_paths() {
        let files = vec![file("../../etc/passwd", "x"), file("/etc/passwd", "y"), file("bin/linux/amd64/kubectl", "z")];
        let witness = Witness::new(&SpdxDocument { files, ..SpdxDocument::default() }, &version());
        assert_eq!((witness.paths().count(), witness.bad_paths().len()), (1, 2));
    }

    #[test]
    fn one_path_with_two_digests() {
        let files = vec![file("a", "x"), file("./a", "y"), file("b", "x"), file("b", "x")];
        let witness = Witness::new(&SpdxDocument { files, ..SpdxDocument::default() }, &version());
        for content in ["x", "y", "z"] {
            assert_eq!(witness.judge(&path("a"), &[sha256(content)]), Testimony::Contradicts);
        }
        assert_eq!(witness.judge(&path("b"), &[sha256("x")]), Testimony::Named);
    }

    #[test]
    fn spellings_of_algorithms_and_paths() {
        for (name, algorithm) in [("./bin/linux/amd64/kubectl", "SHA-256"), ("linux/amd64/kubectl", "sha256")] {
            let file = SpdxFile { name: name.into(), checksums: vec![(algorithm.into(), sha256("x").hex())] };
            let witness = Witness::new(&SpdxDocument { files: vec![file], ..SpdxDocument::default() }, &version());
            let judged = witness.judge(&path("bin/linux/amd64/kubectl"), &[sha256("x")]);
            assert_eq!(judged, Testimony::Named, "{name} {algorithm}");
        }
    }

    #[test]
    fn a_version_that_only_the_package_has() {
        let with = |name: &str, version: &str| SpdxDocument {
            packages: vec![SpdxPackage { name: name.into(), version: version.into(), ..SpdxPackage::default() }],
            ..document("SBOM", "https://spdx.org/spdxdocs/sbom-0d1e")
        };
        let check = |document| check_head(&document, &version(), Subject::Release);
        assert_eq!(check(with("kubernetes", "v1.30.0")), Ok(()));
        assert_eq!(check(with("Kubernetes", "1.30.0")), Ok(()));
        for (name, version) in [("kubernetes", "v1.29.0"), ("etcd", "v1.30.0"), ("kubernetes", "")] {
            let fault = check(with(name, version));
            assert!(matches!(fault, Err(SbomFault::Version { .. })), "{name} {version}");
        }
    }
}
