//! `release list`, and command lines about releases that cannot be carried out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod release_scene;
mod support;

use release_scene::{ALL, RELEASE_SBOM, Scene};
use sigward_testkit::Fault;

#[test]
fn versions_by_their_markers() {
    let scene = Scene::small();
    scene.server.put("release/latest.txt", "v1.31.0-alpha.1\n");
    scene.server.put("release/stable-1.29.txt", "v1.29.7");
    let list = |more: &str| scene.place.run(&format!("release list --base-url {} {more}", scene.server.url()));
    let versions = list("-o json").succeeded().json();
    assert_eq!(versions["authenticated"], false);
    let pairs: Vec<_> =
        versions["versions"].as_array().unwrap().iter().map(|v| (&v["marker"], &v["version"])).collect();
    let expected =
        [("stable", "v1.30.0"), ("latest", "v1.31.0-alpha.1"), ("stable-1.30", "v1.30.0"), ("stable-1.29", "v1.29.7")];
    assert_eq!(pairs, expected.map(|(m, v)| (m.into(), v.into())).iter().map(|(m, v)| (m, v)).collect::<Vec<_>>());
    assert!(list("").succeeded().out.contains("nothing of this is verified"));
    scene.server.put("release/stable.txt", "../x");
    list("").failed("expected a version");
    scene.server.set(sigward_testkit::files::Files::new());
    list("").failed("no marker files");
}

#[test]
fn what_is_in_a_release() {
    let scene = Scene::new();
    let list = |more: &str| scene.place.run(&format!("release list 1.30 --base-url {} {more}", scene.server.url()));
    let release = list("--platform linux/arm64 -o json").succeeded().json();
    assert_eq!((&release["version"], &release["authenticated"]), (&"v1.30.0".into(), &false.into()));
    let files = release["files"].as_array().unwrap();
    assert!(files.iter().all(|file| file["platform"] == "linux/arm64"), "{files:?}");
    assert!(files.iter().any(|file| file["path"] == "release/v1.30.0/bin/linux/arm64/kubelet"));
    assert_eq!(release["sboms"].as_array().unwrap().len(), 2);
    assert_eq!(release["images"].as_array().unwrap().len(), scene.release.images.len());
    let table = list("").succeeded();
    assert!(table.out.contains("\nwindows/amd64\n  bin/windows/amd64/kubectl-convert.exe\n"), "{table:?}");
    assert!(table.out.contains("\n  registry.k8s.io/kube-proxy-arm64:v1.30.0"), "{table:?}");
    // Either list will do.
    let scene = scene.change(|release, _| release.remove(RELEASE_SBOM, &ALL));
    let words = format!("release list v1.30.0 --base-url {}", scene.server.url());
    assert!(scene.place.run(&words).succeeded().out.contains("bin/linux/arm64/kubelet"));
    scene.server.remove(&scene.release.path("SHA256SUMS"));
    scene.place.run(&words).failed("there is neither SHA256SUMS nor kubernetes-release.spdx");
    scene.server.fault(Fault::endless("SHA256SUMS"));
    scene.place.run(&format!("{words} --retry 0")).failed("larger than the limit").within(10);
}

#[test]
fn command_lines_that_make_no_sense() {
    let place = support::Place::new();
    for (words, reason) in [
        ("verify", "accepts 1 arg(s), received 0"),
        ("verify v1.30.0 v1.31.0", "accepts 1 arg(s), received 2"),
        ("verify ../v1.30.0", "invalid version"),
        ("verify v1.30.0 --platform linux", "expected OS/ARCH"),
        ("verify v1.30.0 --platform ../../x", "expected OS/ARCH"),
        ("verify v1.30.0 --only=", "expected a value"),
        ("verify v1.30.0 --base-url ftp://x", "expected http"),
        ("verify v1.30.0 --dir x --base-url http://x", "--dir contradicts --base-url"),
        ("verify stable --dir x", "--dir needs a version"),
        ("verify v1.30.0 --dest x", "unknown flag: --dest"),
        ("verify v1.30.0 --insecure-ignore-tlog", "unknown flag"),
        ("verify v1.30.0 --certificate-identity a --certificate-identity-regexp b", "exactly one of"),
        ("fetch v1.30.0 --dest x --kit y", "--kit contradicts --dest"),
        ("fetch v1.30.0 --retry -1", "not negative"),
        ("list v1.30.0 -o junit", "must be one of table, json"),
    ] {
        place.run(&format!("release {words}")).failed(reason);
    }
}
