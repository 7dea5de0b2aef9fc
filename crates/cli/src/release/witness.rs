//! The verified SBOM as second witness. A signature covers bytes, not names: a mirror could serve another version's,
//! platform's or component's good file. The release's SBOM says which digest belongs to which path.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use sigward_verify::{Digest, HashAlgorithm, unhex};

use super::layout::{ArtifactPath, BadPath, Kind};
use super::markers::Version;
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
/// `https://sbom.k8s.io/v1.30.0/release`, or `kubernetes-v1.30.0` and `…/source` (krel, `pkg/anago/stage.go`).
///
/// # Errors
/// [`SbomFault::Version`] also if it names no version at all, [`SbomFault::Subject`].
pub fn check_head(document: &SpdxDocument, version: &Version, subject: Subject) -> Result<(), SbomFault> {
    let mut versions = Version::mentioned(&document.name);
    versions.extend(Version::mentioned(&document.namespace));
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

/// What a release's SBOM says.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    files: BTreeMap<ArtifactPath, Vec<Digest>>,
    images: Vec<SbomImage>,
    bad_paths: Vec<BadPath>,
    names_source: bool,
}

/// An image that an SBOM names.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SbomImage {
    /// As in `registry.k8s.io/kube-proxy-amd64:v1.30.0`.
    pub reference: String,
    /// `sha256:…` of its manifest, where the SBOM gives one. Kubernetes' SBOM gives digests of archives and layers only.
    pub digest: Option<String>,
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
    /// It does not name the path.
    Unnamed,
}

/// Names that are kept to be reported.
const BAD_PATHS: usize = 32;

impl Witness {
    /// Reads a document that was checked by [`check_head`].
    ///
    /// # Errors
    /// [`SbomFault::Contradiction`].
    pub fn new(document: &SpdxDocument, version: &Version) -> Result<Self, SbomFault> {
        let is_source = |namespace: &String| namespace.trim_end_matches('/').ends_with("/source");
        let mut witness = Self { names_source: document.external.iter().any(is_source), ..Self::default() };
        for file in &document.files {
            witness.add(&file.name, &file.checksums, version)?;
        }
        for package in &document.packages {
            let file = image_archive(package, version).or_else(|| file_package(package, version));
            if let Some(path) = file {
                witness.add(&path, &package.checksums, version)?;
            }
            witness.images.extend(image(package, version));
        }
        witness.images.sort();
        witness.images.dedup();
        Ok(witness)
    }

    fn add(&mut self, name: &str, checksums: &[(String, String)], version: &Version) -> Result<(), SbomFault> {
        let path = match ArtifactPath::parse_listed(name, version) {
            Ok(path) => path,
            Err(bad) => {
                if self.bad_paths.len() < BAD_PATHS {
                    self.bad_paths.push(bad);
                }
                return Ok(());
            }
        };
        let digests: Vec<Digest> = checksums.iter().filter_map(|(name, hex)| digest(name, hex)).collect();
        match self.files.entry(path) {
            Entry::Vacant(entry) => {
                entry.insert(digests);
                Ok(())
            }
            Entry::Occupied(entry) if *entry.get() == digests => Ok(()),
            Entry::Occupied(entry) => Err(SbomFault::Contradiction { path: entry.key().to_string() }),
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
            others.find(|(_, wanted)| wanted.iter().any(is)).map(|(other, _)| other.to_string())
        };
        let wanted = self.files.get(path).map(Vec::as_slice).unwrap_or_default();
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
    let algorithm = match name {
        "SHA256" => HashAlgorithm::Sha256,
        "SHA384" => HashAlgorithm::Sha384,
        "SHA512" => HashAlgorithm::Sha512,
        _ => return None,
    };
    Digest::new(algorithm, &unhex(hex)?)
}

/// The registry that `bom` puts into identifiers, as it writes it there.
const ID_PREFIXES: [(&str, &str); 2] =
    [("SPDXRef-Package-registry.k8s.io-", "registry.k8s.io"), ("SPDXRef-Package-k8s.gcr.io-", "k8s.gcr.io")];

/// `kube-proxy-amd64` of the package of an image of this version; its layers have longer identifiers.
fn name_in_id<'a>(package: &'a SpdxPackage, version: &Version) -> Option<(&'static str, &'a str)> {
    let (prefix, registry) = ID_PREFIXES.iter().find(|(prefix, _)| package.id.starts_with(prefix))?;
    let name = package.id.strip_prefix(prefix)?.strip_suffix(&format!("-{version}"))?;
    (!name.is_empty() && !name.contains("sha256")).then_some((registry, name))
}

fn is_archive(package: &SpdxPackage) -> bool {
    package.name.ends_with(".tar") || package.file_name.ends_with(".tar")
}

/// `bin/linux/ARCH/NAME.tar`, which is the archive that the package of an image is made of.
fn image_archive(package: &SpdxPackage, version: &Version) -> Option<String> {
    let stem = package.name.strip_suffix(".tar")?;
    let (_, name) = name_in_id(package, version)?;
    let architecture = name.strip_prefix(stem)?.strip_prefix('-')?;
    Some(format!("bin/linux/{architecture}/{stem}.tar"))
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

fn image(package: &SpdxPackage, version: &Version) -> Option<SbomImage> {
    if let Some(purl) = package.purls.iter().find_map(|purl| oci_purl(purl)) {
        return Some(purl);
    }
    let checksum = || package.checksums.iter().find(|(name, _)| name == "SHA256").map(|(_, hex)| hex);
    let digest = (!is_archive(package)).then(checksum).flatten().map(|hex| format!("sha256:{hex}"));
    if names_registry(&package.name) {
        let (name, named) = match package.name.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (package.name.as_str(), None),
        };
        let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
        let tag = if has_tag || package.version.is_empty() { String::new() } else { format!(":{}", package.version) };
        return Some(SbomImage { reference: format!("{name}{tag}"), digest: named.or(digest) });
    }
    let (registry, name) = name_in_id(package, version)?;
    Some(SbomImage { reference: format!("{registry}/{name}:{version}"), digest })
}

/// Whether a name begins with a registry's: with a dot or a port, and a path after it.
fn names_registry(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_graphic());
    name.split_once('/').is_some_and(|(host, path)| plain && host.contains(['.', ':']) && !path.is_empty())
}

/// `pkg:oci/NAME@sha256:…?repository_url=HOST/PATH&tag=TAG` (package-url, type `oci`).
fn oci_purl(purl: &str) -> Option<SbomImage> {
    let rest = purl.strip_prefix("pkg:oci/")?;
    let (name, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (name, digest) = name.split_once('@').map_or((name, None), |(name, digest)| (name, Some(digest)));
    let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('=')).map(decode);
    let place = value("repository_url")?;
    let repository = if place.rsplit('/').next() == Some(name) { place } else { format!("{place}/{name}") };
    let tag = value("tag").map(|tag| format!(":{tag}")).unwrap_or_default();
    Some(SbomImage { reference: format!("{repository}{tag}"), digest: digest.map(decode) })
}

/// Percent-encoding (RFC 3986 §2.1); what is malformed stays, and fails as a name.
fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = match (first, after) {
            (b'%', [high, low, ..]) => std::str::from_utf8(&[*high, *low]).ok().and_then(unhex),
            _ => None,
        };
        match byte.as_deref() {
            Some([byte]) => {
                out.push(*byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
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
        let witness = Witness::new(&SpdxDocument { files, ..SpdxDocument::default() }, &version()).unwrap();
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
        let witness = Witness::new(&SpdxDocument { files: vec![weak], ..SpdxDocument::default() }, &version()).unwrap();
        assert_eq!(witness.judge(&path("bin/linux/amd64/kubectl"), &[sha256("x")]), Testimony::Unnamed);
    }

    #[test]
    fn paths_with_dots_are_no_paths() {
        let files = vec![file("../../etc/passwd", "x"), file("/etc/passwd", "y"), file("bin/linux/amd64/kubectl", "z")];
        let witness = Witness::new(&SpdxDocument { files, ..SpdxDocument::default() }, &version()).unwrap();
        assert_eq!((witness.paths().count(), witness.bad_paths().len()), (1, 2));
    }

    #[test]
    fn contradictions() {
        let files = vec![file("a", "x"), file("a", "y")];
        let fault = Witness::new(&SpdxDocument { files, ..SpdxDocument::default() }, &version()).unwrap_err();
        assert_eq!(fault, SbomFault::Contradiction { path: "a".into() });
    }

    fn package(name: &str, id: &str) -> SpdxPackage {
        let checksums = vec![("SHA256".to_owned(), sha256(name).hex())];
        SpdxPackage { name: name.into(), id: id.into(), checksums, ..SpdxPackage::default() }
    }

    #[test]
    fn images_in_every_spelling() {
        let tar = package("kube-proxy.tar", "SPDXRef-Package-registry.k8s.io-kube-proxy-amd64-v1.30.0");
        let layer = package("sha256:00", "SPDXRef-Package-registry.k8s.io-kube-proxy-amd64-v1.30.0-sha256C5800");
        let named = package("registry.k8s.io/kubectl-arm64:v1.30.0", "SPDXRef-Package-1");
        let local = package("127.0.0.1:5000/kubectl:v1.30.0", "SPDXRef-Package-2");
        let mut purl = package("x", "SPDXRef-Package-3");
        purl.purls = vec!["pkg:oci/pause@sha256%3Aab?repository_url=registry.k8s.io%2Fpause&tag=3.9".into()];
        let packages = vec![tar.clone(), layer, named.clone(), local, purl];
        let witness = Witness::new(&SpdxDocument { packages, ..SpdxDocument::default() }, &version()).unwrap();
        let digest = |of: &str| Some(format!("sha256:{}", sha256(of).hex()));
        let image = |reference: &str, digest: Option<String>| SbomImage { reference: reference.into(), digest };
        assert_eq!(
            witness.images(),
            [
                image("127.0.0.1:5000/kubectl:v1.30.0", digest("127.0.0.1:5000/kubectl:v1.30.0")),
                // The digest is that of the archive, not of the image.
                image("registry.k8s.io/kube-proxy-amd64:v1.30.0", None),
                image("registry.k8s.io/kubectl-arm64:v1.30.0", digest(&named.name)),
                image("registry.k8s.io/pause:3.9", Some("sha256:ab".into())),
            ]
        );
        let archive = path("bin/linux/amd64/kube-proxy.tar");
        assert_eq!(witness.judge(&archive, &[sha256(&tar.name)]), Testimony::Named);
    }
}
