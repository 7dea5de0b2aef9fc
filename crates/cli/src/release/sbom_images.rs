//! The images that an SBOM names, in the spellings of Kubernetes' `bom` and of others: identifiers, names with and without
//! a registry, package URLs.

use std::collections::BTreeMap;

use sigward_verify::unhex;

use super::markers::Version;
use super::spdx::SpdxPackage;

/// An image that an SBOM names.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SbomImage {
    /// As in `registry.k8s.io/kube-proxy-amd64:v1.30.0`.
    pub reference: String,
    /// `sha256:…` of its manifest, where the SBOM gives one. Kubernetes' SBOM gives digests of archives and layers only.
    pub digest: Option<String>,
}

/// Where Kubernetes' images are, if an SBOM does not say it.
const REGISTRY: &str = "registry.k8s.io";
/// The registry that `bom` puts into identifiers, as it writes it there.
const ID_PREFIXES: [(&str, &str); 2] =
    [("SPDXRef-Package-registry.k8s.io-", REGISTRY), ("SPDXRef-Package-k8s.gcr.io-", "k8s.gcr.io")];

/// The images of a document, each once.
pub fn images(packages: &[SpdxPackage], version: &Version) -> Vec<SbomImage> {
    let mut named: BTreeMap<String, Vec<Named>> = BTreeMap::new();
    for image in packages.iter().filter_map(|package| image(package, version)) {
        let known = named.entry(image.reference()).or_default();
        if !known.contains(&image) {
            known.push(image);
        }
    }
    let mut out = Vec::new();
    for (reference, images) in named {
        let digests = images.iter().filter(|image| image.digest.is_some()).count();
        for image in images {
            out.push(match (&image.platform, &image.digest) {
                // A name without a digest says nothing that the same name with one does not.
                (_, None) if digests > 0 => continue,
                // What one tag has for several platforms is an index, and each platform's image is asked for itself.
                (Platform::One, Some(digest)) if digests > 1 => {
                    SbomImage { reference: format!("{}@{digest}", image.repository), digest: Some(digest.clone()) }
                }
                // Two digests of one tag: one of them at most will be found.
                _ => SbomImage { reference: reference.clone(), digest: image.digest },
            });
        }
    }
    out.sort();
    out.dedup();
    out
}

/// `bin/linux/ARCH/NAME.tar`, which is the archive that the package of an image is made of.
pub fn archive_path(package: &SpdxPackage, version: &Version) -> Option<String> {
    let stem = package.name.strip_suffix(".tar")?;
    let (_, name) = name_in_id(package, version)?;
    let architecture = name.strip_prefix(stem)?.strip_prefix('-')?;
    Some(format!("bin/linux/{architecture}/{stem}.tar"))
}

/// An image, in parts.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Named {
    /// Registry and name.
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
    platform: Platform,
}

/// Which platforms an image is said to be for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Platform {
    One,
    Unsaid,
}

impl Named {
    fn reference(&self) -> String {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => format!("{}:{tag}", self.repository),
            (None, Some(digest)) => format!("{}@{digest}", self.repository),
            (None, None) => self.repository.clone(),
        }
    }
}

fn image(package: &SpdxPackage, version: &Version) -> Option<Named> {
    // Layers are packages, too.
    if package.name.starts_with("sha256:") {
        return None;
    }
    let of_id = name_in_id(package, version);
    let from_purl = package.purls.iter().find_map(|purl| container_purl(purl, &package.version));
    if from_purl.is_some() {
        return from_purl;
    }
    let is_container = package.purpose.eq_ignore_ascii_case("CONTAINER");
    // A package of Go may have a name like that of an image.
    let is_other = !package.purls.is_empty() && !is_container && of_id.is_none();
    if is_other {
        return None;
    }
    let checksum = || package.checksums.iter().find(|(name, _)| name.eq_ignore_ascii_case("SHA256"));
    let digest = (!is_archive(package)).then(checksum).flatten().map(|(_, hex)| format!("sha256:{hex}"));
    if let Some(named) = in_registry(package, version, is_container, digest.clone()) {
        return Some(named);
    }
    if let Some((registry, name)) = of_id {
        let (repository, tag) = (format!("{registry}/{name}"), Some(version.to_string()));
        return Some(Named { repository, tag, digest, platform: Platform::Unsaid });
    }
    let bare = package.name.strip_suffix(".tar").unwrap_or(&package.name);
    is_container.then(|| split(&format!("{REGISTRY}/{bare}"), &package.version, digest))
}

/// Hosts that packages of Go are named after, Kubernetes' own among them.
const CODE: [&str; 3] = ["github.com", "k8s.io", "sigs.k8s.io"];

/// A package whose name begins with a registry's. A host alone does not make an image: `golang.org/x/net` is none.
fn in_registry(package: &SpdxPackage, of: &Version, is_container: bool, digest: Option<String>) -> Option<Named> {
    let (host, path) = package.name.split_once('/')?;
    let plain = package.name.bytes().all(|b| b.is_ascii_graphic());
    if !plain || path.is_empty() || !host.contains(['.', ':']) {
        return None;
    }
    let is_known = ID_PREFIXES.iter().any(|(_, registry)| *registry == host) || host.contains(':');
    let is_of_release = package.version == of.to_string() && !CODE.contains(&host);
    let says = path.contains(['@', ':']) || is_known && !package.version.is_empty() || is_of_release;
    (says || is_container).then(|| split(&package.name, &package.version, digest))
}

/// `HOST/NAME[:TAG][@DIGEST]`; where neither stands, the package's version is the tag.
fn split(name: &str, version: &str, digest: Option<String>) -> Named {
    let (name, named) = match name.split_once('@') {
        Some((name, digest)) => (name, Some(digest.to_owned())),
        None => (name, None),
    };
    let last = name.rfind('/').map_or(0, |at| at + 1);
    let colon = name.get(last..).and_then(|part| part.find(':')).map(|at| last + at);
    let (repository, tag) = match colon.and_then(|at| name.split_at_checked(at)) {
        Some((repository, tag)) => (repository, Some(tag.trim_start_matches(':').to_owned())),
        None if named.is_some() || version.is_empty() => (name, None),
        None => (name, Some(version.to_owned())),
    };
    Named { repository: repository.to_owned(), tag, digest: named.or(digest), platform: Platform::Unsaid }
}

/// `kube-proxy-amd64` of the package of an image of this version; its layers have longer identifiers.
fn name_in_id<'a>(package: &'a SpdxPackage, version: &Version) -> Option<(&'static str, &'a str)> {
    let (prefix, registry) = ID_PREFIXES.iter().find(|(prefix, _)| package.id.starts_with(prefix))?;
    let name = package.id.strip_prefix(prefix)?.strip_suffix(&format!("-{version}"))?;
    (!name.is_empty() && !name.contains("sha256")).then_some((registry, name))
}

fn is_archive(package: &SpdxPackage) -> bool {
    let ends = |name: &str| name.ends_with(".tar") || name.ends_with(".tar.gz");
    ends(&package.name) || ends(&package.file_name)
}

/// `pkg:oci/NAME@sha256:…?repository_url=HOST/PATH&tag=TAG`, or `pkg:docker/PATH@TAG?repository_url=HOST` (package-url,
/// types `oci` and `docker`).
fn container_purl(purl: &str, version: &str) -> Option<Named> {
    let is_oci = purl.starts_with("pkg:oci/");
    let rest = purl.strip_prefix("pkg:oci/").or_else(|| purl.strip_prefix("pkg:docker/"))?;
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let (name, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (name, of) = name.split_once('@').map_or((name, None), |(name, of)| (name, Some(decode(of))));
    let name = decode(name);
    let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('=')).map(decode);
    let place = value("repository_url").unwrap_or_else(|| REGISTRY.to_owned());
    let place = place.split_once("://").map_or(place.as_str(), |(_, rest)| rest).trim_end_matches('/');
    // Of `oci` the URL has the whole path, or only the registry; of `docker` always the latter.
    let whole = is_oci && place.rsplit('/').next() == Some(name.as_str());
    let repository = if whole { place.to_owned() } else { format!("{place}/{name}") };
    let (digest, of_version) = match of {
        Some(of) if of.contains(':') => (Some(of), None),
        other => (None, other),
    };
    let tag = value("tag").or(of_version);
    let tag = tag.or_else(|| (digest.is_none() && !version.is_empty()).then(|| version.to_owned()));
    let platform = if value("arch").is_some() { Platform::One } else { Platform::Unsaid };
    Some(Named { repository, tag, digest, platform })
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

    use super::*;

    fn version() -> Version {
        Version::parse("v1.30.0").unwrap()
    }

    fn package(name: &str) -> SpdxPackage {
        SpdxPackage { name: name.into(), ..SpdxPackage::default() }
    }

    /// References and digests of one package's images.
    fn of(package: SpdxPackage) -> Vec<(String, Option<String>)> {
        images(&[package], &version()).into_iter().map(|image| (image.reference, image.digest)).collect()
    }

    fn summed(name: &str) -> SpdxPackage {
        SpdxPackage { checksums: vec![("SHA256".into(), "ab".into())], ..package(name) }
    }

    fn purl(text: &str) -> SpdxPackage {
        SpdxPackage { purls: vec![text.into()], ..package("x") }
    }

    fn image(reference: &str, digest: Option<&str>) -> Vec<(String, Option<String>)> {
        vec![(reference.to_owned(), digest.map(str::to_owned))]
    }

    #[test]
    fn identifiers_of_bom() {
        let id = "SPDXRef-Package-registry.k8s.io-kube-proxy-amd64-v1.30.0";
        let tar = SpdxPackage { id: id.into(), ..summed("kube-proxy.tar") };
        // The digest is that of the archive, not of the image.
        assert_eq!(of(tar.clone()), image("registry.k8s.io/kube-proxy-amd64:v1.30.0", None));
        assert_eq!(archive_path(&tar, &version()).as_deref(), Some("bin/linux/amd64/kube-proxy.tar"));
        for layer in [format!("{id}-sha256C5800"), id.replace("1.30", "1.29")] {
            assert_eq!(of(SpdxPackage { id: layer, ..package("sha256:00") }), []);
        }
        let golang = SpdxPackage { purls: vec!["pkg:golang/x@v1".into()], id: id.into(), ..package("kube-proxy") };
        assert_eq!(of(golang), image("registry.k8s.io/kube-proxy-amd64:v1.30.0", None));
    }

    #[test]
    fn names_with_a_registry() {
        let digest = Some("sha256:ab");
        assert_eq!(of(summed("registry.k8s.io/kubectl:v1.30.0")), image("registry.k8s.io/kubectl:v1.30.0", digest));
        assert_eq!(of(summed("127.0.0.1:5000/kubectl:v1.30.0")), image("127.0.0.1:5000/kubectl:v1.30.0", digest));
        let versioned = |name: &str| SpdxPackage { version: "v1.30.0".into(), ..package(name) };
        for host in ["registry.k8s.io", "localhost:5000", "mirror.example"] {
            assert_eq!(of(versioned(&format!("{host}/kubectl"))), image(&format!("{host}/kubectl:v1.30.0"), None));
        }
        let both = "registry.k8s.io/kubectl:v1.30.0@sha256:cd";
        assert_eq!(of(summed(both)), image("registry.k8s.io/kubectl:v1.30.0", Some("sha256:cd")));
        // By digest alone: no tag is made up for it.
        let pinned = "registry.k8s.io/kubectl@sha256:cd";
        assert_eq!(of(versioned(pinned)), image(pinned, Some("sha256:cd")));
    }

    #[test]
    fn what_only_looks_like_an_image() {
        let versioned = |name: &str| SpdxPackage { version: "v1.8.0".into(), ..package(name) };
        for name in ["github.com/spf13/cobra", "k8s.io/kubernetes", "golang.org/x/net", "bash", "a/b"] {
            assert_eq!(of(versioned(name)), [], "{name}");
        }
        let own = SpdxPackage { version: "v1.30.0".into(), ..package("k8s.io/kubernetes") };
        assert_eq!(of(own), []);
        let golang = "pkg:golang/gopkg.in/yaml.v3@v3.0.1";
        assert_eq!(of(SpdxPackage { purls: vec![golang.into()], ..package("gopkg.in/yaml:v3") }), []);
        assert_eq!(of(package("sha256:0123")), []);
    }

    #[test]
    fn containers_without_a_registry() {
        let container =
            |name: &str| SpdxPackage { purpose: "CONTAINER".into(), version: "v1.30.0".into(), ..package(name) };
        for name in ["kube-proxy-amd64", "kube-proxy-amd64:v1.30.0", "kube-proxy-amd64.tar"] {
            assert_eq!(of(container(name)), image("registry.k8s.io/kube-proxy-amd64:v1.30.0", None), "{name}");
        }
        assert_eq!(of(container("quay.io/x/y")), image("quay.io/x/y:v1.30.0", None));
    }

    #[test]
    fn package_urls() {
        let pause = image("registry.k8s.io/pause:3.9", Some("sha256:ab"));
        for text in [
            "pkg:oci/pause@sha256%3Aab?repository_url=registry.k8s.io%2Fpause&tag=3.9",
            "pkg:oci/pause@sha256:ab?repository_url=registry.k8s.io/pause&tag=3.9",
            "pkg:oci/pause@sha256:ab?tag=3.9&repository_url=registry.k8s.io",
            "pkg:oci/pause@sha256:ab?arch=amd64&repository_url=https://registry.k8s.io/&tag=3.9#x",
            "pkg:oci/pause@sha256%3aab?tag=3.9",
        ] {
            assert_eq!(of(purl(text)), pause, "{text}");
        }
        let docker = "pkg:docker/sig/tool@v1.30.0?repository_url=registry.k8s.io";
        assert_eq!(of(purl(docker)), image("registry.k8s.io/sig/tool:v1.30.0", None));
        let digest = "pkg:oci/pause@sha256:ab?repository_url=registry.k8s.io/pause";
        assert_eq!(of(purl(digest)), image("registry.k8s.io/pause@sha256:ab", Some("sha256:ab")));
        // The archive's own checksums are not the image's.
        let tar = SpdxPackage { purls: purl(digest).purls, ..summed("pause.tar") };
        assert_eq!(of(tar), image("registry.k8s.io/pause@sha256:ab", Some("sha256:ab")));
    }

    #[test]
    fn platforms_of_one_tag() {
        let of_arch = |arch: &str, hex: &str| purl(&format!("pkg:oci/p@sha256:{hex}?arch={arch}&tag=v1"));
        let packages = [of_arch("amd64", "aa"), of_arch("arm64", "bb"), purl("pkg:oci/p@sha256:cc?tag=v1")];
        let found = |packages: &[SpdxPackage]| {
            images(packages, &version()).into_iter().map(|image| image.reference).collect::<Vec<_>>()
        };
        let platforms = ["registry.k8s.io/p:v1", "registry.k8s.io/p@sha256:aa", "registry.k8s.io/p@sha256:bb"];
        assert_eq!(found(&packages), platforms);
        // Two digests without a reason stay two images, of which one cannot be found.
        let two = [purl("pkg:oci/p@sha256:cc?tag=v1"), purl("pkg:oci/p@sha256:dd?tag=v1")];
        assert_eq!(found(&two), ["registry.k8s.io/p:v1", "registry.k8s.io/p:v1"]);
        // One with and one without a digest are one.
        let named = [package("registry.k8s.io/p:v1"), purl("pkg:oci/p@sha256:cc?tag=v1")];
        assert_eq!(images(&named, &version()).len(), 1);
    }
}
