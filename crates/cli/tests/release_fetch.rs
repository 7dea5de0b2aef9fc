//! `release fetch`: nothing gets its name before it is verified, whatever breaks on the way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod release_scene;
mod support;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use release_scene::{ALL, KUBECTL, Scene};
use sigward_testkit::server::Response;
use sigward_testkit::{Fault, FaultKind, ReleaseSpec};

const ONLY: &str = "--only kubectl --platform linux/amd64";
const PARTIAL: &str = "bin/linux/amd64/.kubectl.sigward-partial";

/// A release whose files have about a megabyte.
fn large() -> Scene {
    Scene::with(&ReleaseSpec { lines: 16 * 1024, ..Scene::small_spec() })
}

/// Requests for the file itself, and what part of it each wanted.
fn ranges(scene: &Scene, inner: &str) -> Vec<Option<String>> {
    let path = format!("/{}", scene.release.path(inner));
    let requests = scene.server.requests();
    requests.iter().filter(|r| r.path == path).map(|r| r.header("range").map(str::to_owned)).collect()
}

/// A fault of kubectl itself: the four small files beside it are asked for first.
fn of_kubectl(fault: Fault) -> Fault {
    Fault { skip: 4, ..fault }
}

fn once(fault: Fault) -> Fault {
    Fault { times: Some(1), ..of_kubectl(fault) }
}

fn is_complete(scene: &Scene, inner: &str) -> bool {
    scene.got(inner).as_deref() == scene.release.files.get(&scene.release.path(inner)).map(Vec::as_slice)
}

#[test]
fn fetched_and_not_fetched_again() {
    let scene = Scene::small();
    scene.fetch("").succeeded();
    for (path, signed) in &scene.release.signed {
        let inner = path.strip_prefix("release/v1.30.0/").unwrap();
        if !inner.starts_with("extra/") {
            assert_eq!(scene.got(inner).as_deref(), Some(signed.artifact.as_slice()), "{inner}");
            assert!(scene.got(&format!("{inner}.sigstore.json")).is_some(), "{inner}");
        }
    }
    let kubectl = scene.place.path("work/got/release/v1.30.0").join(KUBECTL);
    assert_eq!(std::fs::metadata(kubectl).unwrap().mode() & 0o777, 0o644);
    assert!(scene.fetched().iter().all(|name| !name.contains("partial") && !name.contains("SHA256SUMS")));
    scene.server.clear_log();
    scene.log.clear_log();
    scene.fetch("--no-cache").succeeded();
    // Nobody signs the list, so it is asked for again.
    let again: Vec<_> = scene.server.requests().iter().map(|request| request.path.clone()).collect();
    assert_eq!((again, scene.log.count()), (vec!["/release/v1.30.0/SHA256SUMS".to_owned()], 0));
    // What is there is hashed again: one that was changed is fetched again.
    let kubectl = scene.place.path("work/got/release/v1.30.0").join(KUBECTL);
    std::fs::write(&kubectl, "changed").unwrap();
    scene.fetch("").succeeded();
    assert!(is_complete(&scene, KUBECTL));
    assert_eq!(ranges(&scene, KUBECTL), [None]);
}

#[test]
fn what_lacks_its_bundle_is_fetched_again() {
    let scene = Scene::small();
    scene.fetch(ONLY).succeeded();
    let bundle = scene.place.path("work/got/release/v1.30.0").join(format!("{KUBECTL}.sigstore.json"));
    std::fs::remove_file(&bundle).unwrap();
    // The entry is in the cache of this machine, and not in a folder that travels.
    scene.fetch(ONLY).succeeded();
    scene.verify_folder("--no-cache --offline").succeeded();
}

#[test]
fn a_good_file_in_the_place_of_another_is_fetched_again() {
    let scene = Scene::small();
    scene.fetch("").succeeded();
    let folder = scene.place.path("work/got/release/v1.30.0/bin/linux/amd64");
    for ending in ["", ".sigstore.json", ".sig", ".cert", ".sha256", ".sha512"] {
        let [kubelet, kubectl] = ["kubelet", "kubectl"].map(|name| folder.join(format!("{name}{ending}")));
        std::fs::copy(kubelet, kubectl).unwrap();
    }
    scene.fetch("").succeeded();
    assert!(is_complete(&scene, KUBECTL));
    // Also if the witness must be fetched first.
    std::fs::copy(folder.join("kubelet"), folder.join("kubectl")).unwrap();
    std::fs::copy(folder.join("kubelet.sigstore.json"), folder.join("kubectl.sigstore.json")).unwrap();
    for ending in [".sha256", ".sha512"] {
        std::fs::remove_file(folder.join(format!("kubectl{ending}"))).unwrap();
    }
    std::fs::remove_file(scene.place.path("work/got/release/v1.30.0/kubernetes-release.spdx")).unwrap();
    scene.fetch("--no-cache").succeeded();
    assert!(is_complete(&scene, KUBECTL));
}

#[test]
fn part_of_a_release_in_a_folder() {
    let scene = Scene::small();
    scene.fetch(ONLY).succeeded();
    let report = scene.verify_folder("--offline").succeeded();
    assert_eq!(report.in_state("verified"), [KUBECTL, "kubernetes-release.spdx"]);
    // What is asked for must be there.
    scene.verify_folder("--only kubelet --platform linux/amd64").failed();
}

#[test]
fn what_was_fetched_is_verified_without_a_network() {
    let scene = Scene::small();
    scene.fetch("").succeeded();
    scene.server.clear_log();
    scene.log.clear_log();
    let report = scene.verify_folder("--no-cache --offline").succeeded();
    assert_eq!(report.of(KUBECTL).0, "verified");
    scene.verify_folder("").succeeded();
    assert_eq!((scene.server.count(), scene.log.count()), (0, 0));
    let folder = scene.place.path("work/got/release/v1.30.0");
    // Whatever lies there must be verified.
    std::fs::write(folder.join("bin/linux/amd64/evil"), "evil").unwrap();
    scene.verify_folder("").fails("bin/linux/amd64/evil", "unsigned", "signature-missing");
    std::fs::remove_file(folder.join("bin/linux/amd64/evil")).unwrap();
    // Also what is of no kind that a release has.
    for stray in ["evil.sh", "bin/evil", "extra/evil", "bin/linux/amd64/x/evil"] {
        let stray_path = folder.join(stray);
        std::fs::create_dir_all(stray_path.parent().unwrap()).unwrap();
        std::fs::write(&stray_path, "evil").unwrap();
        scene.verify_folder("").fails(stray, "unsigned", "signature-missing");
        std::fs::remove_file(stray_path).unwrap();
    }
    // What the lockfile names must be there.
    std::fs::rename(folder.join(KUBECTL), scene.place.path("away")).unwrap();
    scene.verify_folder("").fails(KUBECTL, "missing", "file-missing");
    symlink(scene.place.path("away"), folder.join(KUBECTL)).unwrap();
    scene.verify_folder("").failed();
    std::fs::remove_file(folder.join(KUBECTL)).unwrap();
    // Files that change places do not change what they are.
    std::fs::rename(folder.join("bin/linux/amd64/kubelet"), folder.join(KUBECTL)).unwrap();
    let [from, to] = ["kubelet", "kubectl"].map(|name| folder.join(format!("bin/linux/amd64/{name}.sigstore.json")));
    std::fs::rename(from, to).unwrap();
    for ending in [".sha256", ".sha512"] {
        std::fs::remove_file(folder.join(format!("{KUBECTL}{ending}"))).unwrap();
    }
    scene.verify_folder("").fails(KUBECTL, "refused", "sbom-mismatch");
}

#[test]
fn a_kit_makes_no_request() {
    let scene = Scene::small();
    scene.run(&format!("release fetch v1.30.0 {} --kit got -o json", scene.flags())).succeeded();
    scene.server.clear_log();
    scene.log.clear_log();
    let words = "release verify v1.30.0 --dir got --trusted-root got/trusted_root.json -o json --no-cache";
    scene.run(words).succeeded();
    assert_eq!((scene.server.count(), scene.log.count()), (0, 0));
    // A kit's trust root counts only if it is named.
    let report = scene.run("release verify v1.30.0 --dir got -o json --no-cache --tuf never").failed();
    assert_eq!(report.in_state("verified"), Vec::<String>::new());
    scene.place.run("release verify stable --dir got").failed("--dir needs a version");
}

#[test]
fn truncated_and_continued() {
    let scene = large();
    scene.server.fault(once(Fault::truncate("/kubectl", 300_000)));
    scene.fetch(ONLY).succeeded();
    assert!(is_complete(&scene, KUBECTL));
    let asked = ranges(&scene, KUBECTL);
    let [None, Some(range)] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(range.starts_with("bytes=") && range != "bytes=0-", "{range}");
}

#[test]
fn truncated_for_good() {
    let scene = large();
    scene.server.fault(of_kubectl(Fault::truncate("/kubectl", 0)));
    let report = scene.fetch(&format!("{ONLY} --retry 2")).fails(KUBECTL, "error", "network");
    assert_eq!(ranges(&scene, KUBECTL).len(), 3, "{report:?}");
    assert_eq!(scene.got(KUBECTL), None);
}

#[test]
fn a_server_that_knows_no_ranges() {
    let scene = large();
    let whole = scene.release.files[&scene.release.path(KUBECTL)].clone();
    scene.server.fault(once(Fault::truncate("/kubectl", 300_000)));
    let answer = Fault::answer("/kubectl", Response::ok("application/octet-stream", whole));
    scene.server.fault(once(answer));
    scene.fetch(ONLY).succeeded();
    assert!(is_complete(&scene, KUBECTL));
}

#[test]
fn killed_half_way_and_resumed() {
    let scene = large();
    let drip = FaultKind::Drip { chunk: 64 * 1024, pause: Duration::from_millis(300) };
    scene.server.fault(once(Fault::new("/kubectl", drip)));
    let words = format!("release fetch v1.30.0 {} --dest got {ONLY}", scene.flags());
    let mut command = Command::new(support::SIGWARD);
    command.args(words.split_whitespace());
    let mut command = scene.place.prepared(command);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let length = || scene.got(PARTIAL).map_or(0, |bytes| bytes.len());
    while length() < 128 * 1024 {
        assert!(Instant::now() < until, "nothing comes");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let names = scene.fetched();
    assert!(names.contains(&PARTIAL.to_owned()) && !names.contains(&KUBECTL.to_owned()), "{names:?}");
    let partial = scene.place.path("work/got/release/v1.30.0").join(PARTIAL);
    assert_eq!(std::fs::metadata(partial).unwrap().mode() & 0o777, 0o600);
    scene.server.clear_log();
    scene.fetch(ONLY).succeeded();
    assert!(is_complete(&scene, KUBECTL));
    let asked = ranges(&scene, KUBECTL);
    let [Some(range)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_ne!(range, "bytes=0-");
    assert_eq!(scene.got(PARTIAL), None);
}

#[test]
fn a_partial_of_another_file_is_read_again_from_the_start() {
    let scene = large();
    let partial = scene.place.path("work/got/release/v1.30.0").join(PARTIAL);
    let put = |bytes: &[u8]| {
        std::fs::create_dir_all(partial.parent().unwrap()).unwrap();
        std::fs::write(&partial, bytes).unwrap();
        std::fs::set_permissions(&partial, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    put(&vec![b'x'; 100_000]);
    scene.fetch(ONLY).succeeded();
    assert!(is_complete(&scene, KUBECTL));
    assert_eq!(ranges(&scene, KUBECTL), [Some("bytes=100000-".to_owned()), None]);
    // One that is longer than the file, and one that is just as long.
    let length = scene.got(KUBECTL).unwrap().len();
    for bytes in [vec![b'x'; length + 1], vec![b'x'; length], scene.got(KUBECTL).unwrap()] {
        std::fs::remove_file(scene.place.path("work/got/release/v1.30.0").join(KUBECTL)).unwrap();
        put(&bytes);
        scene.fetch(ONLY).succeeded();
        assert!(is_complete(&scene, KUBECTL));
    }
}

#[test]
fn symlink_as_partial_or_destination() {
    let scene = Scene::small();
    let folder = scene.place.path("work/got/release/v1.30.0/bin/linux/amd64");
    let victim = scene.place.path("victim");
    std::fs::write(&victim, "precious").unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    symlink(&victim, folder.join(".kubectl.sigward-partial")).unwrap();
    scene.fetch(ONLY).fails(KUBECTL, "error", "file-unsafe");
    std::fs::remove_file(folder.join(".kubectl.sigward-partial")).unwrap();
    // A link under the final name is replaced, and not followed.
    symlink(&victim, folder.join("kubectl")).unwrap();
    scene.fetch(ONLY).succeeded();
    assert!(is_complete(&scene, KUBECTL) && std::fs::symlink_metadata(folder.join("kubectl")).unwrap().is_file());
    // A folder that is a link leads nowhere.
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::create_dir(scene.place.path("outside")).unwrap();
    symlink(scene.place.path("outside"), &folder).unwrap();
    scene.fetch(ONLY).fails(KUBECTL, "error", "file-unsafe");
    assert_eq!(scene.place.tree("outside"), Vec::<std::path::PathBuf>::new());
    assert_eq!(std::fs::read_to_string(victim).unwrap(), "precious");
}

#[test]
fn wrong_bytes_get_no_name() {
    let scene = Scene::small().change(|release, _| release.put(KUBECTL, b"evil".to_vec()));
    scene.fetch("").fails(KUBECTL, "refused", "signature-invalid");
    assert!(scene.fetched().iter().all(|name| !name.contains("/kubectl") && !name.contains(".kubectl")));
    assert!(is_complete(&scene, "bin/linux/amd64/kubelet"));
    // Nor does a good file of another place.
    let other = scene.other_version();
    let scene = scene.change(|release, _| release.swap_in(&other, KUBECTL, KUBECTL));
    scene.fetch(ONLY).fails(KUBECTL, "refused", "sbom-mismatch");
    assert!(scene.fetched().iter().all(|name| !name.contains("/kubectl") && !name.contains(".kubectl")));
}

#[test]
fn unnamed_files_get_a_name_only_if_that_is_allowed() {
    let tool = "bin/linux/amd64/tool";
    let scene = Scene::small().change(|release, sigstore| release.add_signed(sigstore, tool, b"a tool"));
    let only = "--only tool --platform linux/amd64";
    scene.fetch(only).fails(tool, "unnamed", "sbom-unnamed");
    assert_eq!(scene.got(tool), None);
    scene.fetch(&format!("{only} --allow-unnamed")).succeeded();
    assert_eq!(scene.got(tool).as_deref(), Some(b"a tool".as_slice()));
}

#[test]
fn one_file_is_missing() {
    let scene = Scene::small().change(|release, _| release.remove(KUBECTL, &ALL));
    let report = scene.fetch("").fails(KUBECTL, "missing", "file-missing");
    assert_eq!(report.of("bin/linux/amd64/kubelet").0, "verified");
    assert_eq!(scene.got(KUBECTL), None);
}

#[test]
fn too_many_requests() {
    let scene = Scene::small();
    scene.server.fault(Fault::retry_after("/kubectl", 429, 1).first(2));
    scene.fetch(ONLY).succeeded();
    let scene = Scene::small();
    scene.server.fault(Fault::status("/kubectl.sig", 429));
    scene.fetch(&format!("{ONLY} --retry 1")).fails(KUBECTL, "error", "network");
    assert_eq!(scene.server.count_of("/kubectl.sig"), 2);
}

#[test]
fn slow_servers() {
    let scene = large();
    let drip = FaultKind::Drip { chunk: 100_000, pause: Duration::from_millis(50) };
    scene.server.fault(of_kubectl(Fault::new("/kubectl", drip)));
    scene.fetch(ONLY).succeeded();
    // One that hardly moves is given up.
    let scene = large();
    let drip = FaultKind::Drip { chunk: 10, pause: Duration::from_millis(100) };
    scene.server.fault(of_kubectl(Fault::new("/kubectl", drip)));
    let report = scene.fetch(&format!("{ONLY} --timeout 1s")).fails(KUBECTL, "error", "network");
    report.0.within(20);
}

#[test]
fn endless_files_beside_a_release() {
    let scene = Scene::small();
    for ending in [".sig", ".cert", ".sha256"] {
        scene.server.fault(Fault::endless(&format!("/kubectl{ending}")));
    }
    scene.fetch(&format!("{ONLY} --retry 0")).fails(KUBECTL, "error", "network").0.within(20);
}

#[test]
fn what_cannot_be_written_leaves_only_the_partial() {
    let scene = large();
    let words = format!("release fetch v1.30.0 {} --dest got -o json {ONLY}", scene.flags());
    // The SBOM is smaller than this limit, kubectl is not.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 256; exec \"$0\" \"$@\"", support::SIGWARD]);
    command.args(words.split_whitespace());
    let output = scene.place.prepared(command).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let artifacts = document["artifacts"].as_array().unwrap();
    let kubectl = artifacts.iter().find(|a| a["path"] == scene.release.path(KUBECTL)).unwrap();
    assert_eq!((&kubectl["state"], &kubectl["code"]), (&"error".into(), &"write-failed".into()));
    assert!(scene.got(KUBECTL).is_none() && scene.got(PARTIAL).is_some());
    scene.fetch(ONLY).succeeded();
}

#[test]
fn a_log_that_was_down_costs_no_second_download() {
    let scene = Scene::small();
    scene.log.fault(Fault::status("/api", 503).first(1));
    scene.fetch(&format!("{ONLY} --retry 0")).failed();
    assert!(scene.got(KUBECTL).is_none() && scene.got(PARTIAL).is_some());
    scene.server.clear_log();
    scene.fetch(ONLY).succeeded();
    let length = scene.got(KUBECTL).unwrap().len();
    assert_eq!(ranges(&scene, KUBECTL), [Some(format!("bytes={length}-"))]);
}

/// Bytes count, not who sends them: dl.k8s.io itself redirects to another host.
#[test]
fn redirects_to_other_hosts() {
    let with_theirs = |bytes: &dyn Fn(&Scene) -> Vec<u8>| {
        let (scene, elsewhere) = (large(), Scene::small());
        let path = scene.release.path(KUBECTL);
        elsewhere.server.put(&path, bytes(&scene));
        let theirs = format!("{}/{path}", elsewhere.server.url());
        scene.server.fault(of_kubectl(Fault::redirect("/kubectl", &theirs)));
        let report = scene.fetch(ONLY);
        (scene, report)
    };
    let (scene, report) = with_theirs(&|_| b"evil".to_vec());
    report.fails(KUBECTL, "refused", "signature-invalid");
    assert_eq!(scene.got(KUBECTL), None);
    let (scene, report) = with_theirs(&|scene| scene.release.files[&scene.release.path(KUBECTL)].clone());
    report.succeeded();
    assert!(is_complete(&scene, KUBECTL));
    // No host may send us round and round, or to another protocol.
    for to in [format!("{}/{}", scene.server.url(), scene.release.path(KUBECTL)), "file:///etc/passwd".to_owned()] {
        let scene = Scene::small();
        scene.server.fault(Fault::redirect("/kubectl.sig", &to.replace("/kubectl", "/kubectl.sig")));
        scene.fetch(&format!("{ONLY} --retry 0")).fails(KUBECTL, "error", "network");
    }
}

/// Nobody asked for it to be packed: what comes is what is hashed.
#[test]
fn a_packed_answer_is_not_unpacked() {
    let scene = Scene::small();
    let packed = sigward_testkit::gzip::pack(&scene.release.files[&scene.release.path(KUBECTL)]);
    let answer = Response::ok("application/octet-stream", packed).with("Content-Encoding", "gzip");
    scene.server.fault(of_kubectl(Fault::answer("/kubectl", answer)));
    scene.fetch(ONLY).failed();
    assert_eq!(scene.got(KUBECTL), None);
}

/// On some file systems these are one file.
#[test]
fn names_that_differ_in_case_alone() {
    let scene = Scene::small().change(|release, _| {
        let ours = release.clone();
        release.swap_in(&ours, "bin/linux/amd64/kubelet", "bin/linux/amd64/KUBECTL");
        let mut sums = release.files[&release.path("SHA256SUMS")].clone();
        sums.extend_from_slice(b"\n00  bin/linux/amd64/KUBECTL");
        release.put("SHA256SUMS", sums);
    });
    scene.fetch("").fails("bin/linux/amd64/KUBECTL", "refused", "sbom-mismatch");
    assert!(is_complete(&scene, KUBECTL) && scene.got("bin/linux/amd64/KUBECTL").is_none());
}

#[test]
fn storms_of_refusals_end() {
    let scene = Scene::small();
    scene.server.fault(Fault::status("/kubectl", 429));
    scene.log.fault(Fault::status("/api", 429));
    let report = scene.fetch("--retry 2").failed();
    assert_eq!(report.in_state("verified"), Vec::<String>::new());
    // One log for all: nobody asks a second time what the first was refused.
    assert!(scene.log.count() <= 3, "{}", scene.log.count());
    assert!(scene.server.count_of("/kubectl.sig") <= 3);
    report.0.within(30);
}

#[test]
fn a_kit_that_was_tampered_with() {
    let scene = Scene::small();
    scene.run(&format!("release fetch v1.30.0 {} --kit got -o json", scene.flags())).succeeded();
    let folder = scene.place.path("work/got/release/v1.30.0");
    let verify = || scene.verify_folder("--no-cache --offline");
    verify().succeeded();
    let kubectl = folder.join(KUBECTL);
    let (good, bundle) = (std::fs::read(&kubectl).unwrap(), folder.join(format!("{KUBECTL}.sigstore.json")));
    // Other bytes, with sums that agree.
    std::fs::write(&kubectl, "evil").unwrap();
    for ending in [".sha256", ".sha512"] {
        std::fs::remove_file(folder.join(format!("{KUBECTL}{ending}"))).unwrap();
    }
    verify().fails(KUBECTL, "refused", "message-digest-mismatch");
    std::fs::write(&kubectl, &good).unwrap();
    // Evidence that is a link, a folder, too large, another file's, or nothing.
    let evidence = std::fs::read(&bundle).unwrap();
    std::fs::rename(&bundle, scene.place.path("away")).unwrap();
    symlink(scene.place.path("away"), &bundle).unwrap();
    verify().fails(KUBECTL, "error", "file-unsafe");
    std::fs::remove_file(&bundle).unwrap();
    std::fs::create_dir(&bundle).unwrap();
    verify().fails(KUBECTL, "error", "file-unsafe");
    std::fs::remove_dir(&bundle).unwrap();
    std::fs::write(&bundle, vec![b' '; 64 * 1024 * 1024]).unwrap();
    verify().fails(KUBECTL, "error", "read-failed");
    std::fs::copy(folder.join("bin/linux/amd64/kubelet.sigstore.json"), &bundle).unwrap();
    assert_eq!(verify().failed().of(KUBECTL).0, "refused");
    // The log's entry is a part of the evidence.
    let mut without: serde_json::Value = serde_json::from_slice(&evidence).unwrap();
    without["verificationMaterial"]["tlogEntries"] = serde_json::json!([]);
    std::fs::write(&bundle, without.to_string()).unwrap();
    assert_ne!(verify().failed().of(KUBECTL).0, "verified");
    std::fs::write(&bundle, &evidence).unwrap();
    verify().succeeded();
    // An SBOM that is gone: nothing says which file this is.
    std::fs::remove_file(folder.join("kubernetes-release.spdx")).unwrap();
    verify().fails(KUBECTL, "unnamed", "sbom-unnamed");
}

#[test]
fn a_lockfile_with_paths_that_leave_the_release() {
    let scene = Scene::small();
    scene.fetch("").succeeded();
    let path = scene.place.path("work/got/sigward.lock");
    let lock = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, lock.replace("v1.30.0/bin/linux/amd64/kubectl\"", "v1.30.0/../../victim\"")).unwrap();
    scene.verify_folder("").fails("../../victim", "refused", "path-unsafe");
}

#[test]
fn lockfile_mismatch() {
    let scene = Scene::small();
    scene.fetch("").succeeded();
    let path = scene.place.path("work/got/sigward.lock");
    let lock = std::fs::read_to_string(&path).unwrap();
    let digest = |inner: &str| {
        let document: serde_json::Value = serde_json::from_str(&lock).unwrap();
        let artifacts = document["artifacts"].as_array().unwrap().clone();
        let found = artifacts.iter().find(|a| a["path"] == scene.release.path(inner)).unwrap();
        found["digest"].as_str().unwrap().to_owned()
    };
    scene.fetch("--locked").succeeded();
    scene.verify("--locked --lock got/sigward.lock").succeeded();
    scene.verify_folder("--locked").succeeded();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), lock);
    // Other bytes than the locked ones, though all signatures are good.
    std::fs::write(&path, lock.replace(&digest(KUBECTL), &digest("bin/linux/amd64/kubelet"))).unwrap();
    for words in ["", "--locked"] {
        scene.fetch(words).fails(KUBECTL, "refused", "lock-mismatch");
    }
    scene.verify_folder("--locked").fails(KUBECTL, "refused", "lock-mismatch");
    // Nothing but what is locked.
    std::fs::write(&path, lock.replace("amd64/kubectl\"", "amd64/other\"")).unwrap();
    scene.verify("--locked --lock got/sigward.lock").fails(KUBECTL, "refused", "lock-missing");
    // A lockfile is demanded, and there is none, or none that can be read.
    std::fs::write(&path, "{}").unwrap();
    scene.run(&format!("release fetch v1.30.0 {} --dest got --locked", scene.flags())).0.failed("sigward.lock: ");
    std::fs::remove_file(&path).unwrap();
    scene.run(&format!("release fetch v1.30.0 {} --dest got --locked", scene.flags())).0.failed("no such file");
}

#[test]
fn a_lockfile_grows_and_forgets_nothing() {
    let scene = Scene::small();
    scene.fetch(ONLY).succeeded();
    scene.fetch("--only kubelet --platform linux/amd64").succeeded();
    let lock = std::fs::read_to_string(scene.place.path("work/got/sigward.lock")).unwrap();
    assert!(lock.contains("amd64/kubectl\"") && lock.contains("amd64/kubelet\""), "{lock}");
    assert!(lock.contains("krel-staging@") && lock.contains("\"logIndex\""), "{lock}");
}
