//! `release verify`: a mirror that serves good files in the wrong places, and every other lie.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod release_scene;
mod support;

use release_scene::{ALL, KUBECTL, RELEASE_SBOM, Scene, stranger};
use sigward_testkit::release_sbom::{Sbom, SbomFile};
use sigward_testkit::{Fault, Release, ReleaseSpec};

#[test]
fn a_whole_release() {
    let scene = Scene::new();
    let report = scene.verify("").succeeded();
    let signed = scene.release.signed.len() - scene.release.extra.len();
    assert_eq!(report.in_state("verified").len(), signed);
    // Nobody signs these; they are told as such, and were not asked for.
    assert_eq!(report.in_state("unsigned"), ["SHA256SUMS", "SHA512SUMS", "provenance.json"]);
    assert_eq!(scene.log.count(), signed.div_ceil(10), "{:?}", scene.log.requests());
    assert_eq!(scene.place.files(), Vec::<String>::new());
    // What the log said once is kept, and verified again.
    scene.log.clear_log();
    scene.verify("").succeeded();
    assert_eq!(scene.log.count(), 0);
    scene.verify("--offline").succeeded();
    scene.verify("--offline --no-cache").fails(KUBECTL, "error", "log-lookup-forbidden");
}

#[test]
fn only_what_is_asked_for() {
    let scene = Scene::new();
    let report = scene.verify("--platform linux/amd64,windows/amd64 --only kubectl").succeeded();
    let names = ["bin/linux/amd64/kubectl", "bin/windows/amd64/kubectl.exe", RELEASE_SBOM];
    assert_eq!(report.in_state("verified"), names);
    scene.verify("--only kubelt").fails("kubelt", "missing", "file-missing");
    scene.verify("--only provenance.json").fails("provenance.json", "unsigned", "never-signed");
    let windows = scene.verify("--platform windows/amd64").succeeded();
    assert!(windows.in_state("verified").iter().all(|p| p.contains("windows") || p.ends_with(".spdx")), "{windows:?}");
}

#[test]
fn other_versions_good_file() {
    let scene = Scene::new();
    let other = scene.other_version();
    scene.change(|release, _| release.swap_in(&other, KUBECTL, KUBECTL)).verify("").fails(
        KUBECTL,
        "refused",
        "sbom-mismatch",
    );
}

#[test]
fn other_platforms_good_file() {
    let scene = Scene::new();
    let ours = scene.release.clone();
    let report = scene.change(|release, _| release.swap_in(&ours, "bin/linux/arm64/kubectl", KUBECTL)).verify("");
    let report = report.fails(KUBECTL, "refused", "sbom-mismatch");
    assert!(report.0.out.contains("this is bin/linux/arm64/kubectl"), "{report:?}");
    assert_eq!(report.in_state("refused"), [KUBECTL]);
}

#[test]
fn other_components_good_file() {
    let scene = Scene::new();
    let ours = scene.release.clone();
    let scene = scene.change(|release, _| release.swap_in(&ours, "bin/linux/amd64/kubelet", KUBECTL));
    scene.verify("--only kubectl --platform linux/amd64").fails(KUBECTL, "refused", "sbom-mismatch");
    // The flag says nothing of files that the SBOM does name.
    scene.verify("--allow-unnamed").fails(KUBECTL, "refused", "sbom-mismatch");
}

#[test]
fn sbom_of_another_version() {
    let scene = Scene::small();
    let other = scene.other_version();
    let scene = scene.change(|release, _| release.swap_in(&other, RELEASE_SBOM, RELEASE_SBOM));
    let report = scene.verify("").fails(RELEASE_SBOM, "refused", "sbom-other-version");
    assert_eq!(report.of(KUBECTL), ("unnamed".to_owned(), Some("sbom-unnamed".to_owned())));
    // The SBOM was refused: that is no file that nobody names.
    scene.verify("--allow-unnamed --only kubectl --platform linux/amd64").failed();
}

#[test]
fn all_of_another_version() {
    let scene = Scene::small();
    let other = scene.other_version();
    let scene = scene.change(|release, _| {
        let names: Vec<_> = other.signed.iter().map(|(path, _)| path.replace("release/v1.29.0/", "")).collect();
        names.iter().for_each(|name| release.swap_in(&other, name, name));
    });
    let report = scene.verify("").fails(RELEASE_SBOM, "refused", "sbom-other-version");
    assert_eq!(report.in_state("verified"), Vec::<String>::new());
}

#[test]
fn sbom_of_the_source_in_place_of_the_releases() {
    let scene = Scene::small();
    let ours = scene.release.clone();
    let scene = scene.change(|release, _| release.swap_in(&ours, "kubernetes-source.spdx", RELEASE_SBOM));
    scene.verify("").fails(RELEASE_SBOM, "refused", "sbom-other-subject");
}

#[test]
fn sbom_that_nobody_signed() {
    let scene = Scene::small().change(|release, _| release.remove(RELEASE_SBOM, &[".sig", ".cert"]));
    let report = scene.verify("").fails(RELEASE_SBOM, "unsigned", "signature-missing");
    assert_eq!(report.of(KUBECTL).0, "unnamed");
    let only = "--only kubectl --platform linux/amd64";
    scene.verify(only).fails(KUBECTL, "unnamed", "sbom-unnamed");
    let report = scene.verify(&format!("{only} --allow-unnamed")).succeeded();
    assert_eq!(report.of(KUBECTL).0, "unnamed");
}

#[test]
fn sbom_by_somebody_else() {
    let scene = Scene::small().change(|release, sigstore| {
        let text = release.sbom.to_tag_value();
        release.add_signed_by(sigstore, RELEASE_SBOM, text.as_bytes(), &stranger());
    });
    let report = scene.verify("").fails(RELEASE_SBOM, "refused", "identity-subject-mismatch");
    assert_eq!(report.of(KUBECTL).0, "unnamed");
}

#[test]
fn sbom_that_was_changed() {
    let scene = Scene::small().change(|release, _| {
        let text = release.sbom.to_tag_value().replace("kubectl", "kubectx");
        release.put(RELEASE_SBOM, text.into_bytes());
    });
    scene.verify("").fails(RELEASE_SBOM, "refused", "signature-invalid");
}

/// It is read before it is verified: it must end.
#[test]
fn an_sbom_without_end() {
    let scene = Scene::small();
    scene.server.fault(Fault { skip: 4, ..Fault::endless("/kubernetes-release.spdx") });
    let report = scene.verify("--retry 0").fails(RELEASE_SBOM, "error", "network");
    assert_eq!(report.of(KUBECTL).0, "unnamed");
    report.0.within(60);
}

#[test]
fn sbom_with_paths_that_leave_the_release() {
    let scene = Scene::small().change(|release, sigstore| {
        release.sbom.files.push(SbomFile::new("../../../etc/passwd", b"x"));
        release.sbom.files.push(SbomFile::new("/etc/shadow", b"x"));
        release.finish(sigstore);
    });
    let report = scene.verify("").fails("../../../etc/passwd", "refused", "path-unsafe");
    assert_eq!(report.of("/etc/shadow").0, "refused");
    assert_eq!(report.of(KUBECTL).0, "verified");
    assert!(scene.server.requests().iter().all(|request| !request.path.contains("etc")), "{report:?}");
}

#[test]
fn index_with_paths_that_leave_the_release() {
    let scene = Scene::small().change(|release, _| {
        let mut sums = release.files[&release.path("SHA256SUMS")].clone();
        sums.extend_from_slice(b"\n00  bin/../../../x\n00  bin/linux/amd64/extra-tool");
        release.put("SHA256SUMS", sums);
    });
    let report = scene.verify("").fails("bin/../../../x", "refused", "path-unsafe");
    // A list that anybody may have written can name files, but vouches for none.
    assert_eq!(report.of("bin/linux/amd64/extra-tool"), ("missing".to_owned(), Some("file-missing".to_owned())));
}

#[test]
fn a_signed_file_that_the_sbom_does_not_name() {
    let tool = "bin/linux/amd64/tool";
    let scene = Scene::small().change(|release, sigstore| release.add_signed(sigstore, tool, b"a tool"));
    let words = "--only tool --platform linux/amd64";
    scene.verify(words).fails(tool, "unnamed", "sbom-unnamed");
    assert_eq!(scene.verify(&format!("{words} --allow-unnamed")).succeeded().of(tool).0, "unnamed");
}

#[test]
fn images_of_the_release_are_in_no_file_list_by_their_layers() {
    let scene = Scene::small();
    let report = scene.verify("--only '*.tar'".replace('\'', "").as_str()).succeeded();
    assert_eq!(report.of("bin/linux/amd64/kube-proxy.tar").0, "verified");
}

#[test]
fn wrong_bytes() {
    let scene = Scene::small().change(|release, _| release.put(KUBECTL, b"evil".to_vec()));
    let report = scene.verify("").fails(KUBECTL, "refused", "signature-invalid");
    assert_eq!(report.in_state("refused"), [KUBECTL]);
}

#[test]
fn wrong_sum_beside_a_good_signature() {
    for sum in [".sha256", ".sha512"] {
        let scene = Scene::small().change(|release, _| {
            let digits = if sum == ".sha256" { 64 } else { 128 };
            release.put(&format!("{KUBECTL}{sum}"), "0".repeat(digits).into_bytes());
        });
        scene.verify("").fails(KUBECTL, "refused", "checksum-mismatch");
    }
    let scene = Scene::small().change(|release, _| release.put(&format!("{KUBECTL}.sha256"), b"<html>".to_vec()));
    scene.verify("").fails(KUBECTL, "refused", "checksum-mismatch");
    // Sums are nobody's word: without them the signature stands.
    let scene = Scene::small().change(|release, _| release.remove(KUBECTL, &[".sha256", ".sha512"]));
    scene.verify("").succeeded();
}

#[test]
fn another_signer() {
    let scene = Scene::small().change(|release, sigstore| {
        let bytes = release.files[&release.path(KUBECTL)].clone();
        release.add_signed_by(sigstore, KUBECTL, &bytes, &stranger());
    });
    scene.verify("").fails(KUBECTL, "refused", "identity-subject-mismatch");
    // Nothing large is read for a signature that cannot count.
    assert_eq!(scene.server.requests().iter().filter(|r| r.path.ends_with("/kubectl")).count(), 0);
    let report = scene.verify("--certificate-identity eve@example.com");
    assert_eq!(report.of(KUBECTL).0, "unnamed", "the SBOM is by krel: {report:?}");
}

#[test]
fn unsigned_and_missing_files() {
    let scene = Scene::small().change(|release, _| {
        release.remove(KUBECTL, &[".sig"]);
        release.remove("bin/linux/amd64/kubelet", &ALL);
        release.remove("kubernetes.tar.gz", &[""]);
    });
    let report = scene.verify("").fails(KUBECTL, "unsigned", "signature-missing");
    assert_eq!(report.of("bin/linux/amd64/kubelet").0, "missing");
    assert_eq!(report.of("kubernetes.tar.gz").0, "missing");
    assert_eq!(report.of("kubernetes-src.tar.gz").0, "verified");
}

#[test]
fn entry_of_another_file_in_the_batch_answer() {
    let scene = Scene::small();
    let of = |inner: &str| {
        let path = scene.release.path(inner);
        scene.release.signed.iter().find(|(found, _)| *found == path).unwrap().1.entry.clone()
    };
    scene.log.answer_instead(&of(KUBECTL).leaf_id(), of("bin/linux/amd64/kubelet").to_api_map());
    let report = scene.verify("").fails(KUBECTL, "refused", "log-entry-artifact-mismatch");
    assert_eq!(report.of("bin/linux/amd64/kubelet").0, "verified");
}

#[test]
fn a_forged_entry_in_the_batch_answer() {
    let scene = Scene::small();
    let path = scene.release.path(KUBECTL);
    let entry = scene.release.signed.iter().find(|(found, _)| *found == path).unwrap().1.entry.clone();
    let mut forged = entry.to_api_map();
    let inner = forged.as_object_mut().unwrap().values_mut().next().unwrap();
    inner["integratedTime"] = serde_json::json!(1_600_000_000);
    scene.log.answer_instead(&entry.leaf_id(), forged);
    scene.verify("").fails(KUBECTL, "refused", "log-promise-invalid");
}

#[test]
fn a_log_without_batches() {
    let scene = Scene::small();
    scene.log.fault(Fault::status("/retrieve", 405));
    scene.verify("").succeeded();
    assert!(scene.log.count_of("/api/v1/log/entries/") > scene.release.staged.len());
}

#[test]
fn a_log_that_is_down() {
    let scene = Scene::small();
    scene.log.fault(Fault::status("/api", 503));
    scene.verify("--retry 0").fails(KUBECTL, "error", "log-answer-error");
}

#[test]
fn a_version_from_a_marker_is_nobodys_word() {
    let scene = Scene::small();
    let report = scene.run(&format!("release verify stable {} -o json --only kubectl", scene.flags())).succeeded();
    let source = &report.document()["versionSource"];
    assert_eq!((&source["marker"], &source["authenticated"]), (&"stable.txt".into(), &false.into()));
    let table = scene.place.run(&format!("release verify 1.30 {} --only kubectl", scene.flags())).succeeded();
    assert!(table.out.contains("stable-1.30.txt says, unauthenticated"), "{table:?}");
    for nonsense in ["../x", "v1.30.0/../v1.29.0", "", "<html>v1.30.0</html>", "v1.29.0"] {
        scene.server.put("release/stable-1.30.txt", nonsense);
        let run = scene.place.run(&format!("release verify 1.30 {}", scene.flags()));
        run.failed("stable-1.30.txt: expected a version");
    }
    scene.server.fault(Fault::endless("stable-1.30.txt"));
    scene
        .place
        .run(&format!("release verify 1.30 {} --retry 0", scene.flags()))
        .failed("larger than the limit")
        .within(10);
    scene.server.remove("release/stable.txt");
    scene.place.run(&format!("release verify stable {}", scene.flags())).failed("there is no such marker");
}

#[test]
fn lists_are_not_needed_if_there_is_an_sbom() {
    let scene = Scene::small().change(|release, _| release.remove("SHA256SUMS", &[""]));
    let report = scene.verify("").succeeded();
    assert_eq!(report.of(KUBECTL).0, "verified");
    let scene = scene.change(|release, _| release.remove(RELEASE_SBOM, &ALL));
    let report = scene.verify("").failed();
    assert_eq!(report.of(RELEASE_SBOM).0, "missing");
    scene.verify("--only kubectl --platform linux/amd64").fails(KUBECTL, "unnamed", "sbom-unnamed");
}

#[test]
fn the_sbom_of_the_source_is_missed_if_anything_names_it() {
    let scene = Scene::small().change(|release, _| release.remove("kubernetes-source.spdx", &ALL));
    scene.verify("").fails("kubernetes-source.spdx", "missing", "file-missing");
    let scene = scene.change(|release, _| release.remove("SHA256SUMS", &[""]));
    scene.verify("").fails("kubernetes-source.spdx", "missing", "file-missing");
    let scene = scene.change(|release, sigstore| {
        release.sbom.external = None;
        release.finish(sigstore);
        release.remove("kubernetes-source.spdx", &ALL);
        release.remove("SHA256SUMS", &[""]);
    });
    scene.verify("").succeeded();
    scene.verify("--only kubernetes-source.spdx").fails("kubernetes-source.spdx", "missing", "file-missing");
}

#[test]
fn a_bundle_in_place_of_signature_and_certificate() {
    let scene = Scene::small().change(|release, _| {
        let path = release.path(KUBECTL);
        let signed = release.signed.iter().find(|(found, _)| *found == path).unwrap().1.clone();
        release.remove(KUBECTL, &[".sig", ".cert"]);
        release.put(&format!("{KUBECTL}.sigstore.json"), signed.bundle_v03().to_json().into_bytes());
    });
    scene.verify("").succeeded();
    // It must be of this file, like any other evidence.
    let kubelet = scene.release.path("bin/linux/amd64/kubelet");
    let other = scene.release.signed.iter().find(|(found, _)| *found == kubelet).unwrap().1.bundle_v03().to_json();
    let scene = scene.change(|release, _| release.put(&format!("{KUBECTL}.sigstore.json"), other.into_bytes()));
    let report = scene.verify("").failed();
    assert_eq!(report.of(KUBECTL).0, "refused");
}

#[test]
fn a_server_without_a_release_is_no_success() {
    let scene = Scene::small();
    let words = format!("release verify v1.31.0 {} -o json", scene.flags());
    scene.run(&words).failed();
    scene.server.set(sigward_testkit::files::Files::new());
    scene.verify("").failed();
    scene.verify("--allow-unnamed --accept-known-faults").failed();
}

#[test]
fn empty_sbom_names_nothing() {
    let scene = Scene::small().change(|release, sigstore| {
        release.sbom = Sbom::release("v1.30.0");
        release.finish(sigstore);
    });
    scene.verify("").fails(KUBECTL, "unnamed", "sbom-unnamed");
}

#[test]
fn a_known_fault_is_told_and_stays_a_failure() {
    let spec = ReleaseSpec { version: "v1.35.0".into(), ..Scene::small_spec() };
    let scene = Scene::with(&spec);
    let other = Release::new(&scene.sigstore, &ReleaseSpec { lines: 3, ..spec });
    let scene = scene.change(|release, _| {
        let wrong = other.files[&other.path(&format!("{KUBECTL}.sig"))].clone();
        release.put(&format!("{KUBECTL}.sig"), wrong);
    });
    let run = |more: &str| scene.run(&format!("release verify v1.35.0 {} -o json {more}", scene.flags()));
    let name = format!("release/v1.35.0/{KUBECTL}");
    let report = run("").fails(&name, "refused", "signature-invalid");
    assert!(report.0.out.contains("kubernetes/issues/135858"), "{report:?}");
    let report = run("--accept-known-faults").succeeded();
    assert_eq!(report.of(&name).0, "refused");
    assert!(report.0.out.contains("\"acceptedBy\": \"--accept-known-faults\""), "{report:?}");
    // A fault that is known is no licence for any bytes: the signed SBOM must name them.
    scene.server.put(&name, "evil");
    scene.server.remove(&format!("{name}.sha256"));
    scene.server.remove(&format!("{name}.sha512"));
    run("--accept-known-faults").fails(&name, "refused", "signature-invalid");
    // Nor for other files.
    let kubelet = "release/v1.35.0/bin/linux/amd64/kubelet";
    scene.server.put(kubelet, "evil");
    run("--accept-known-faults --only kubelet --platform linux/amd64").fails(kubelet, "refused", "signature-invalid");
}

#[test]
fn files_from_before_there_were_signatures() {
    let spec = ReleaseSpec { version: "v1.25.3".into(), ..Scene::small_spec() };
    let scene = Scene::with(&spec).change(|release, _| {
        release.files.retain(|path, _| !path.ends_with(".sig") && !path.ends_with(".cert"));
    });
    let words = format!("release verify v1.25.3 {} -o json --accept-known-faults", scene.flags());
    let report = scene.run(&words).failed();
    assert!(report.0.out.contains("from v1.26 on"), "{report:?}");
    assert_eq!(report.of(&format!("release/v1.25.3/{KUBECTL}")).0, "unsigned");
}

#[test]
fn reports_for_machines() {
    let scene = Scene::small().change(|release, _| release.put(KUBECTL, b"evil".to_vec()));
    let run = |format: &str| scene.place.run(&format!("release verify v1.30.0 {} -o {format}", scene.flags()));
    let sarif = run("sarif");
    assert_eq!(sarif.code, 1, "{sarif:?}");
    let result = &sarif.json()["runs"][0]["results"];
    let of_kubectl = result.as_array().unwrap().iter().find(|r| r["ruleId"] == "signature-invalid").unwrap();
    assert_eq!(of_kubectl["level"], "error");
    let junit = run("junit");
    assert!(junit.out.contains("<failure type=\"signature-invalid\""), "{junit:?}");
    let table = run("table");
    assert!(table.out.contains(&format!("refused   release/v1.30.0/{KUBECTL}\n")), "{table:?}");
    assert!(table.out.lines().all(|line| line.len() <= 80), "{table:?}");
    assert!(table.err.contains("files and images are not verified"), "{table:?}");
}

#[test]
fn explained() {
    let scene = Scene::small();
    let words = format!("release verify v1.30.0 {} --only kubectl --explain", scene.flags());
    let run = scene.place.run(&words).succeeded();
    assert!(run.err.contains("ok    certificate-chain"), "{run:?}");
}
