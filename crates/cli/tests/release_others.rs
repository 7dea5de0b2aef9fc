//! Releases that others have minted: laid out as dl.k8s.io, described in other words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod release_scene;
mod support;

use release_scene::{KUBECTL, RELEASE_SBOM, Scene};
use serde_json::{Value, json};
use sigward_testkit::release_sbom::{SbomFile, SbomPackage};
use sigward_testkit::{OciRegistry, Release};

const KUBELET: &str = "bin/linux/amd64/kubelet";

/// The same SBOM as SPDX in JSON.
fn to_json(release: &Release) -> Value {
    let sums = |sums: &[(String, String)]| {
        sums.iter().map(|(name, hex)| json!({"algorithm": name, "checksumValue": hex})).collect::<Vec<_>>()
    };
    let file = |file: &SbomFile| json!({"fileName": format!("./{}", file.name), "checksums": sums(&file.checksums)});
    let package = |package: &SbomPackage| json!({"name": package.name, "SPDXID": package.id, "checksums": sums(&package.checksums), "filesAnalyzed": false});
    let sbom = &release.sbom;
    json!({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": sbom.name,
        "documentNamespace": sbom.namespace, "creationInfo": {"creators": ["Tool: other"], "created": null},
        "files": sbom.files.iter().map(file).collect::<Vec<_>>(),
        "packages": sbom.packages.iter().map(package).collect::<Vec<_>>(),
    })
}

/// A small release whose SBOM is another text, signed as it should be.
fn with_sbom(text: impl FnOnce(&Release) -> String) -> Scene {
    Scene::small().change(|release, sigstore| {
        let text = text(release);
        release.add_signed(sigstore, RELEASE_SBOM, text.as_bytes());
    })
}

/// A small release whose SBOM has other files or packages.
fn with_changed_sbom(change: impl FnOnce(&mut Release)) -> Scene {
    Scene::small().change(|release, sigstore| {
        change(release);
        release.finish(sigstore);
    })
}

#[test]
fn an_sbom_in_json() {
    let report = with_sbom(|release| to_json(release).to_string()).verify("").succeeded();
    assert_eq!((report.of(KUBECTL).0, report.of(RELEASE_SBOM).0), ("verified".into(), "verified".into()));
    with_sbom(|release| format!("\u{feff}\n{:#}\n", to_json(release))).verify("").succeeded();
    // Another version's is none, in whatever form.
    let other = with_sbom(|release| to_json(release).to_string().replace("v1.30.0", "v1.29.0"));
    other.verify("").fails(RELEASE_SBOM, "refused", "sbom-other-version");
    for text in ["{\"spdxVersion\":\"SPDX-3.0\"}", "{\"bomFormat\":\"CycloneDX\"}", "{", "[]", ""] {
        let report = with_sbom(|_| text.to_owned()).verify("").fails(RELEASE_SBOM, "refused", "sbom-unusable");
        assert_eq!(report.of(KUBECTL).0, "unnamed", "{text}");
    }
}

#[test]
fn a_file_swapped_under_an_sbom_in_json() {
    let scene = with_sbom(|release| to_json(release).to_string());
    let ours = scene.release.clone();
    let scene = scene.change(|release, _| release.swap_in(&ours, KUBELET, KUBECTL));
    scene.verify("").fails(KUBECTL, "refused", "sbom-mismatch");
}

#[test]
fn paths_in_other_spellings() {
    let spellings: [fn(&str) -> String; 5] = [
        |path| format!("./{path}"),
        |path| format!("release/v1.30.0/{path}"),
        |path| format!("v1.30.0/{path}"),
        |path| format!("https://dl.k8s.io/release/v1.30.0/{path}"),
        |path| path.trim_start_matches("bin/").to_owned(),
    ];
    for spell in spellings {
        let scene = with_changed_sbom(|release| release.sbom.files.iter_mut().for_each(|f| f.name = spell(&f.name)));
        let report = scene.verify("").succeeded();
        assert_eq!(report.of(KUBECTL).0, "verified");
    }
}

#[test]
fn files_that_are_packages() {
    let scene = with_changed_sbom(|release| {
        for file in std::mem::take(&mut release.sbom.files) {
            release.sbom.packages.push(SbomPackage {
                name: file.name.rsplit('/').next().unwrap().to_owned(),
                id: format!("SPDXRef-{}", file.name.replace('/', "-")),
                file_name: Some(format!("./{}", file.name)),
                checksums: file.checksums,
                purl: None,
                layers: Vec::new(),
            });
        }
    });
    assert_eq!(scene.verify("").succeeded().of(KUBECTL).0, "verified");
}

#[test]
fn documents_with_other_names() {
    for (name, namespace) in [
        ("kubernetes-release-v1.30.0", "https://spdx.org/spdxdocs/kubernetes-v1.30.0-6a0e9b1c"),
        ("Kubernetes 1.30.0 (bom-v0.6.0)", "https://example.com/x"),
        ("SBOM", "https://sbom.k8s.io/v1.30.0/release/"),
    ] {
        let set = |release: &mut Release| {
            release.sbom.name = name.to_owned();
            release.sbom.namespace = namespace.to_owned();
        };
        with_changed_sbom(set).verify("").succeeded();
    }
    // What names no version, or two, is of none.
    for (name, namespace) in [
        ("Kubernetes", "https://example.com/x"),
        ("v1.30.0-rc1", "https://example.com/x"),
        ("v1.30.0", "https://sbom.k8s.io/v1.29.0/release"),
    ] {
        let set = |release: &mut Release| {
            release.sbom.name = name.to_owned();
            release.sbom.namespace = namespace.to_owned();
        };
        with_changed_sbom(set).verify("").fails(RELEASE_SBOM, "refused", "sbom-other-version");
    }
}

/// An SBOM that looks into tarballs and images names files that are none of the release's.
#[test]
fn files_within_tarballs_and_images() {
    let scene = with_changed_sbom(|release| {
        for (name, bytes) in [
            ("bin/bash", "x"),
            ("usr/bin/kubectl", "y"),
            ("kubernetes/client/bin/kubectl", "amd64"),
            ("kubernetes/client/bin/kubectl", "arm64"),
        ] {
            release.sbom.files.push(SbomFile::new(name, bytes.as_bytes()));
        }
    });
    scene.verify("").succeeded();
    let report = scene.verify("--only kubectl").succeeded();
    assert_eq!(report.in_state("verified"), [KUBECTL, RELEASE_SBOM]);
}

#[test]
fn one_path_twice_with_two_digests() {
    let scene = with_changed_sbom(|release| release.sbom.files.push(SbomFile::new(KUBECTL, b"another")));
    let report = scene.verify("").fails(KUBECTL, "refused", "sbom-unusable");
    assert_eq!(report.of(KUBELET).0, "verified");
    scene.fetch("").fails(KUBECTL, "refused", "sbom-unusable");
    assert_eq!(scene.got(KUBECTL), None);
}

/// Where the release's SBOM names that of the source, the digest counts, not what it says of itself.
#[test]
fn another_sbom_of_the_source() {
    let source = "kubernetes-source.spdx";
    let scene = with_changed_sbom(|release| {
        let text = release.source_sbom.to_tag_value();
        release.sbom.files.push(SbomFile::new(source, text.as_bytes()));
    });
    scene.verify("").succeeded();
    let scene = scene.change(|release, sigstore| {
        let text = release.source_sbom.to_tag_value() + "\n";
        release.add_signed(sigstore, source, text.as_bytes());
    });
    scene.verify("").fails(source, "refused", "sbom-mismatch");
    scene.fetch("").fails(source, "refused", "sbom-mismatch");
}

/// Images in the registry that stands for registry.k8s.io, under whatever name the SBOM has for them.
#[test]
fn images_in_other_spellings() {
    let registry = OciRegistry::start();
    let scene = Scene::small();
    scene.release.load_images(&scene.sigstore, &registry);
    let (digest, image) = (scene.release.images[0].artifact.digest(), "kube-proxy-amd64");
    let hex = scene.release.images[0].artifact.hex();
    let tag = format!("registry.k8s.io/{image}:v1.30.0");
    let pinned = format!("registry.k8s.io/{image}@{digest}");
    let cases = [
        (json!({"name": tag}), &tag),
        (json!({"name": format!("registry.k8s.io/{image}"), "versionInfo": "v1.30.0"}), &tag),
        (json!({"name": format!("{tag}@{digest}")}), &tag),
        (json!({"name": tag, "checksums": [{"algorithm": "SHA256", "checksumValue": hex}]}), &tag),
        (json!({"name": pinned, "versionInfo": "v1.30.0"}), &pinned),
        (json!({"name": image, "versionInfo": "v1.30.0", "primaryPackagePurpose": "CONTAINER"}), &tag),
        (purl(&format!("pkg:oci/{image}@{digest}?repository_url=registry.k8s.io/{image}&tag=v1.30.0")), &tag),
        (purl(&format!("pkg:oci/{image}@{}?arch=amd64&tag=v1.30.0", digest.replace(':', "%3A"))), &tag),
        (purl(&format!("pkg:oci/{image}@{digest}?repository_url=registry.k8s.io")), &pinned),
        (purl(&format!("pkg:docker/{image}@v1.30.0?repository_url=registry.k8s.io")), &tag),
    ];
    let golang = json!({"name": "github.com/spf13/cobra", "versionInfo": "v1.8.0"});
    for (package, name) in cases {
        let scene = scene.with_packages(&[package.clone(), golang.clone()]);
        let words = format!("--images --image-registry {} --only *.spdx", registry.host());
        let report = scene.verify(&words).succeeded();
        assert_eq!(report.of(name).0, "verified", "{package}");
        let images = report.in_state("verified");
        assert_eq!(images.iter().filter(|name| name.contains("registry.k8s.io")).count(), 1, "{images:?}");
    }
    // An image that an SBOM names with a digest must have it.
    let wrong = digest.replace(&hex[..8], "00000000");
    for package in [
        json!({"name": format!("{tag}@{wrong}")}),
        purl(&format!("pkg:oci/{image}@{wrong}?repository_url=registry.k8s.io&tag=v1.30.0")),
        json!({"name": tag, "checksums": [{"algorithm": "SHA256", "checksumValue": wrong.replace("sha256:", "")}]}),
    ] {
        let scene = scene.with_packages(&[package]);
        let words = format!("--images --image-registry {} --only *.spdx", registry.host());
        scene.verify(&words).fails(&tag, "refused", "image-digest-mismatch");
    }
}

fn purl(locator: &str) -> Value {
    let category = "PACKAGE-MANAGER";
    json!({"name": "x", "externalRefs": [
        {"referenceCategory": category, "referenceType": "purl", "referenceLocator": locator}]})
}

trait WithPackages {
    fn with_packages(&self, packages: &[Value]) -> &Self;
}

impl WithPackages for Scene {
    /// Serves an SBOM with these packages instead.
    fn with_packages(&self, packages: &[Value]) -> &Self {
        let mut document = to_json(&self.release);
        document["packages"] = packages.into();
        let mut release = self.release.clone();
        release.add_signed(&self.sigstore, RELEASE_SBOM, document.to_string().as_bytes());
        self.server.set(release.files);
        for entry in self.sigstore.rekor.entries() {
            self.log.add(&entry);
        }
        self
    }
}

#[test]
fn sums_of_one_kind_alone() {
    // SHA-512 alone is a digest like another, SHA-1 alone is none.
    let only = |name: &str| {
        with_changed_sbom(|release| {
            for file in &mut release.sbom.files {
                file.checksums.retain(|(algorithm, _)| algorithm == name);
            }
        })
    };
    assert_eq!(only("SHA512").verify("").succeeded().of(KUBECTL).0, "verified");
    only("SHA1").verify("").fails(KUBECTL, "unnamed", "sbom-unnamed");
    let upper = with_changed_sbom(|release| {
        for (_, hex) in release.sbom.files.iter_mut().flat_map(|file| &mut file.checksums) {
            *hex = hex.to_uppercase();
        }
    });
    upper.verify("").succeeded();
}
