//! Signatures whose log entry is not with them: the program asks the log, and keeps what it learns.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::time::Duration;

use serde_json::Value;
use sigward_testkit::{Fault, How, Key, KeyKind, Leaf, LogAs, RekorServer, Signed, Sigstore, Statement, damage};
use support::{Place, Run, put_signed, who};

const ENTRIES: &str = "/api/v1/log/entries";

/// A signed blob on disk, and a log that knows it.
struct Scene {
    place: Place,
    sigstore: Sigstore,
    signed: Signed,
    log: RekorServer,
}

impl Scene {
    fn new() -> Self {
        let (place, sigstore) = (Place::new(), Sigstore::new());
        let signed = sigstore.sign_blob(b"a file of a release\n", Leaf::default());
        put_signed(&place, "blob", &signed);
        place.trust(&sigstore);
        let log = RekorServer::start(&sigstore.rekor);
        Self { place, sigstore, signed, log }
    }

    /// The flags that each run has: log, trust, signer.
    fn flags(&self) -> String {
        format!(
            "--rekor-url {} --trusted-root {} {}",
            self.log.url(),
            self.place.text("trust/trusted_root.json"),
            who()
        )
    }

    fn verify(&self, more: &str) -> Run {
        self.place.run(&format!("verify-blob {} {more} blob", self.flags()))
    }

    /// Requests since the last look, as method and path.
    fn requests(&self) -> Vec<String> {
        let requests = self.log.requests().iter().map(|r| format!("{} {}", r.method, r.path)).collect();
        self.log.clear_log();
        requests
    }

    fn by_hash(&self) -> String {
        format!("GET {ENTRIES}/{}", self.signed.entry.leaf_id())
    }
}

fn search() -> String {
    format!("POST {ENTRIES}/retrieve")
}

#[test]
fn one_request_by_leaf_hash_and_then_none() {
    let scene = Scene::new();
    scene.verify("").verified();
    assert_eq!(scene.requests(), [scene.by_hash()]);
    scene.verify("").verified();
    scene.verify("--offline").verified();
    assert_eq!(scene.requests(), Vec::<String>::new());
    scene.verify("--no-cache").verified();
    assert_eq!(scene.requests(), [scene.by_hash()]);
    assert_eq!(scene.place.files(), ["blob", "blob.cert", "blob.sig"]);
}

#[test]
fn trust_by_environment_and_named_files() {
    let mut scene = Scene::new();
    scene.place.trust_by_environment();
    scene.place.put("s", scene.signed.sig());
    scene.place.put("c", scene.signed.cert_pem());
    let rekor = scene.log.url();
    let flags = format!("--signature s --certificate c --rekor-url {rekor} {}", who());
    scene.place.run(&format!("verify-blob {flags} blob")).verified();
    assert_eq!(scene.requests(), [scene.by_hash()]);
    // The signature itself in place of its file.
    let flags = format!("--signature {} --certificate c --rekor-url {rekor} {}", scene.signed.sig(), who());
    scene.place.run(&format!("verify-blob {flags} blob")).verified();
    scene.place.run(&format!("verify-blob --rekor-url {rekor}/ {} blob", who())).verified();
    assert_eq!(scene.requests(), Vec::<String>::new());
}

#[test]
fn no_cache_keeps_nothing() {
    let scene = Scene::new();
    scene.verify("--no-cache").verified();
    assert_eq!(scene.place.tree("home"), Vec::<std::path::PathBuf>::new());
    scene.verify("--offline --output json").failed_with_code("log-lookup-forbidden");
    scene.verify("--offline").failed("--offline forbids");
    assert_eq!(scene.requests(), [scene.by_hash()]);
}

#[test]
fn without_a_log_nothing_is_asked() {
    let scene = Scene::new();
    let trust = scene.place.text("trust/trusted_root.json");
    let words = format!("verify-blob --rekor-url= --trusted-root {trust} {} --output json blob", who());
    scene.place.run(&words).failed_with_code("log-missing");
    // Nothing says when it was signed, so that now is the time, as in cosign: the certificate has expired.
    scene.verify("--insecure-ignore-tlog --output json").failed_with_code("certificate-outside-validity");
    assert_eq!(scene.requests(), Vec::<String>::new());
}

#[test]
fn a_corrupted_blob_is_called_so_before_any_request() {
    let scene = Scene::new();
    scene.place.put("blob", "another file\n");
    scene.verify("").failed("invalid signature when validating ASN.1 encoded signature");
    scene.verify("--output json --no-cache").failed_with_code("signature-invalid");
    assert_eq!(scene.requests(), Vec::<String>::new());
}

#[test]
fn another_identity_fails() {
    let scene = Scene::new();
    let flags = scene.flags().replace("jane@", "john@");
    scene.place.run(&format!("verify-blob {flags} blob")).failed("jane@example.com");
}

#[test]
fn exported_bundles_verify_without_the_log() {
    let scene = Scene::new();
    let second = scene.sigstore.sign_blob(b"another\n", Leaf::default());
    scene.log.add(&second.entry);
    put_signed(&scene.place, "second", &second);
    let run = scene.place.run(&format!("verify-blob {} --export-bundle {{}}.sigstore.json blob second", scene.flags()));
    let run = run.succeeded().said("blob: Verified OK\n").said("second: Verified OK\n");
    assert_eq!((run.out.as_str(), run.new_files.len()), ("", 2), "{run:?}");
    assert_eq!(scene.requests().len(), 2);
    let trust = scene.place.text("trust/trusted_root.json");
    for name in ["blob", "second"] {
        let bundle = format!("--bundle {name}.sigstore.json");
        let words = format!("verify-blob {bundle} --trusted-root {trust} {} {name}", who());
        scene.place.run(&words).verified();
    }
    // Bundles beside blobs come first, and need nothing else.
    let words = format!("verify-blob --trusted-root {trust} {} --offline --no-cache blob second", who());
    scene.place.run(&words).succeeded().said("second: Verified OK");
    scene.verify("--export-bundle one.json").verified();
    let words = format!("verify-blob --bundle one.json --trusted-root {trust} {} --explain blob", who());
    scene.place.run(&words).verified();
    assert_eq!(scene.requests(), Vec::<String>::new());
}

#[test]
fn a_failed_verification_exports_nothing() {
    let scene = Scene::new();
    scene.place.put("blob", "another file\n");
    scene.verify("--export-bundle out.json").failed("invalid signature");
}

#[test]
fn a_bundle_that_cannot_be_written_is_a_failure() {
    let scene = Scene::new();
    scene.verify("--export-bundle no/such/folder/out.json").failed("no/such/folder/out.json");
    scene.verify("--output json --export-bundle no/such/folder/out.json").failed_with_code("write-failed");
}

#[test]
fn a_bundle_is_written_through_a_link_and_into_a_device() {
    let scene = Scene::new();
    scene.place.put("real.json", "old");
    std::os::unix::fs::symlink("real.json", scene.place.path("work/link.json")).unwrap();
    scene.verify("--export-bundle link.json").verified();
    assert!(std::fs::symlink_metadata(scene.place.path("work/link.json")).unwrap().is_symlink());
    assert!(std::fs::read_to_string(scene.place.path("work/real.json")).unwrap().contains("mediaType"));
    // What is no regular file stays what it is, whoever runs this.
    std::os::unix::fs::symlink("/dev/null", scene.place.path("work/null")).unwrap();
    scene.verify("--export-bundle null").verified();
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn a_password_of_the_log_is_not_shown() {
    let scene = Scene::new();
    scene.log.fault(Fault::status("/", 404));
    let flags = scene.flags().replace("http://", "http://me:s3cret@");
    let run = scene.place.run(&format!("verify-blob {flags} blob"));
    assert!(!run.err.contains("s3cret"), "{run:?}");
    run.failed("127.0.0.1");
}

#[test]
fn a_log_that_is_busy_is_asked_again() {
    let scene = Scene::new();
    scene.log.fault(Fault::retry_after(ENTRIES, 429, 1).first(1));
    let run = scene.verify("--no-cache").verified().within(30);
    assert!(run.took >= Duration::from_secs(1), "{run:?}");
    assert_eq!(scene.requests(), [scene.by_hash(), scene.by_hash()]);
    scene.log.fault(Fault::status(ENTRIES, 503).first(2));
    scene.verify("--no-cache").verified();
    assert_eq!(scene.requests().len(), 3);
    scene.log.fault(Fault::hang_up(ENTRIES).first(1));
    scene.verify("--no-cache").verified();
    assert_eq!(scene.requests().len(), 2);
}

#[test]
fn a_log_that_always_fails_is_a_failure() {
    let scene = Scene::new();
    scene.log.fault(Fault::status(ENTRIES, 500));
    scene.verify("--output json").failed_with_code("log-answer-error");
    assert_eq!(scene.requests().len(), 4, "attempts");
    scene.verify("").failed("HTTP 500");
    assert_eq!(scene.place.tree("home"), Vec::<std::path::PathBuf>::new());
}

#[test]
fn answers_cut_short_or_without_end_fail() {
    let scene = Scene::new();
    scene.log.fault(Fault::truncate(ENTRIES, 100));
    scene.verify("--output json").failed_with_code("log-unreachable").within(30);
    let scene = Scene::new();
    scene.log.fault(Fault::endless(ENTRIES));
    let run = scene.place.run_bounded(&format!("verify-blob {} --output json blob", scene.flags()));
    let code = run.json()["blobs"][0]["error"]["code"].clone();
    assert!(code == "log-unreachable" || code == "log-answer-malformed", "{run:?}");
    assert_eq!(run.within(20).code, 1);
}

#[test]
fn the_timeout_holds() {
    let scene = Scene::new();
    scene.log.fault(Fault::delay(ENTRIES, Duration::from_secs(60)));
    scene.verify("--timeout 2s --output json").failed_with_code("log-unreachable").within(10);
    let scene = Scene::new();
    scene
        .log
        .fault(Fault::new(ENTRIES, sigward_testkit::FaultKind::Drip { chunk: 1, pause: Duration::from_millis(500) }));
    scene.verify("--timeout 2s --output json").failed_with_code("log-unreachable").within(10);
}

#[test]
fn an_answer_is_not_believed_because_it_came() {
    let scene = Scene::new();
    let other = scene.sigstore.sign_blob(b"something else\n", Leaf::default());
    scene.log.answer_instead(&scene.signed.entry.leaf_id(), other.entry.to_api_map());
    let run = scene.verify("--output json");
    let code = run.json()["blobs"][0]["error"]["code"].as_str().unwrap().to_owned();
    assert!(code.starts_with("log-entry-") && code.ends_with("-mismatch"), "{run:?}");
    scene.verify("").failed("no valid tlog entries found");

    let mut forged = scene.signed.entry.clone();
    let earlier = forged.integrated_time - 60;
    damage::moved_time(&mut forged, earlier);
    scene.log.answer_instead(&scene.signed.entry.leaf_id(), forged.to_api_map());
    scene.verify("--output json").failed_with_code("log-promise-invalid");
    damage::unsigned_time(&mut forged, earlier);
    scene.log.answer_instead(&scene.signed.entry.leaf_id(), forged.to_api_map());
    scene.verify("--output json").failed_with_code("log-promise-missing");

    let mut unproved = scene.signed.entry.clone();
    unproved.proof = None;
    scene.log.answer_instead(&scene.signed.entry.leaf_id(), unproved.to_api_map());
    scene.verify("--output json").failed_with_code("inclusion-proof-missing");

    scene.log.answer_instead(&scene.signed.entry.leaf_id(), Value::from("no entry"));
    scene.verify("--output json").failed_with_code("log-answer-malformed");
    assert_eq!(scene.place.tree("home"), Vec::<std::path::PathBuf>::new(), "nothing of it is kept");
}

#[test]
fn older_entries_are_found_by_search() {
    let scene = Scene::new();
    scene.log.fault(Fault::status(&scene.signed.entry.leaf_id(), 404));
    scene.verify("").verified();
    assert_eq!(scene.requests(), [scene.by_hash(), search()]);
    scene.verify("").verified();
    assert_eq!(scene.requests(), Vec::<String>::new());
}

#[test]
fn logs_without_search_and_without_the_entry_differ() {
    let scene = Scene::new();
    scene.log.fault(Fault::status("/", 404));
    scene.verify("--output json").failed_with_code("log-lookup-unsupported");
    assert_eq!(scene.requests(), [scene.by_hash(), search()]);
    let scene = Scene { log: RekorServer::empty(), ..Scene::new() };
    scene.verify("--output json").failed_with_code("log-entry-not-found");
    scene.verify("").failed("signature not found in transparency log");
    assert_eq!(scene.requests().len(), 4);
}

#[test]
fn a_dead_port_is_unreachable() {
    let scene = Scene::new();
    // A port that no system gives to who asks for any, and that nothing has listened on for decades.
    let url = "http://127.0.0.1:1";
    let flags = scene.flags().replace(&scene.log.url(), url);
    let run = scene.place.run(&format!("verify-blob {flags} --output json blob"));
    run.failed_with_code("log-unreachable").within(30);
    scene.place.run(&format!("verify-blob {flags} blob")).failed(url).said("hint: ");
    assert_eq!(scene.requests(), Vec::<String>::new());
}

#[test]
fn the_cache_is_not_believed() {
    let scene = Scene::new();
    scene.verify("").verified();
    let kept = scene.place.tree("home");
    let [path] = kept.as_slice() else { panic!("{kept:?}") };
    let honest = std::fs::read_to_string(path).unwrap();
    let other = scene.sigstore.sign_blob(b"something else\n", Leaf::default()).entry.to_api_map().to_string();
    let time = scene.signed.entry.integrated_time;
    let moved = honest.replace(&time.to_string(), &(time - 1).to_string());
    assert_ne!(moved, honest);
    for forged in [moved.as_str(), other.as_str(), "", "null", "{}", "{\"", &"[".repeat(100_000)] {
        std::fs::write(path, forged).unwrap();
        scene.requests();
        scene.verify("").verified();
        assert_eq!(scene.requests(), [scene.by_hash()], "{forged:.100}");
        std::fs::write(path, forged).unwrap();
        scene.verify("--offline --output json").failed_with_code("log-lookup-forbidden");
        assert_eq!(scene.requests(), Vec::<String>::new());
    }
}

#[test]
fn managed_keys() {
    let scene = Scene::new();
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048] {
        let key = Key::new(kind);
        let how = How { hash: Some(sigward_testkit::Hash::Sha256), ..How::default() };
        let signed = scene.sigstore.sign_blob_with_key_as(b"by key\n", &key, &how);
        scene.log.add(&signed.entry);
        put_signed(&scene.place, "keyed", &signed);
        scene.place.put("key.pub", key.public_pem());
        let trust = format!("--trusted-root {}", scene.place.text("trust/trusted_root.json"));
        let words = format!("verify-blob --key key.pub {trust} --rekor-url {} keyed", scene.log.url());
        scene.place.run(&words).verified();
        assert_eq!(scene.requests(), [format!("GET {ENTRIES}/{}", signed.entry.leaf_id())], "{kind:?}");
        scene.place.run(&words.replace("keyed", "--export-bundle keyed.json keyed")).verified();
        let words = format!("verify-blob --key key.pub {trust} --bundle keyed.json --offline keyed");
        scene.place.run(&words).verified();
        scene.place.put("key.pub", Key::new(kind).public_pem());
        scene.place.run(&words).failed("Error: ");
        assert_eq!(scene.requests(), Vec::<String>::new(), "{kind:?}");
    }
}

#[test]
fn attestations_are_found_as_dsse_and_as_intoto() {
    for log_as in [LogAs::Usual, LogAs::Intoto001] {
        let (scene, words) = attestation(log_as);
        scene.place.run(&words).verified();
        assert_eq!(scene.requests(), [search()], "{log_as:?}");
        // Its hash cannot be computed here, so that nothing can be kept under it.
        assert_eq!(scene.place.tree("home"), Vec::<std::path::PathBuf>::new());
        scene.place.run(&format!("{words} --offline --output json")).failed_with_code("log-lookup-forbidden");
        scene.place.run(&words.replace("slsaprovenance1", "spdx")).failed("predicate");
        scene.place.put("blob", "changed\n");
        scene.place.run(&words).failed("Error: ");
    }
    // cosign proposes intoto 0.0.1 alone, which has another hash than 0.0.2.
    let (scene, words) = attestation(LogAs::Intoto002);
    scene.place.run(&format!("{words} --output json")).failed_with_code("log-entry-not-found");
    assert_eq!(scene.requests(), [search()]);
}

#[test]
fn exported_attestations_verify_without_the_log() {
    let (scene, words) = attestation(LogAs::Usual);
    scene.place.run(&format!("{words} --export-bundle out.json")).verified();
    scene.requests();
    let trust = scene.place.text("trust/trusted_root.json");
    let words = format!("--bundle out.json --type slsaprovenance1 --trusted-root {trust} {} blob", who());
    scene.place.run(&format!("verify-blob-attestation {words}")).verified();
    scene.place.put("blob", "changed\n");
    scene.place.run(&format!("verify-blob-attestation {words}")).failed("Error: ");
    assert_eq!(scene.requests(), Vec::<String>::new());
}

/// A scene with an attestation about the blob in a file, and the command line that verifies it.
fn attestation(log_as: LogAs) -> (Scene, String) {
    let scene = Scene::new();
    let statement = Statement::slsa("blob", &scene.signed.artifact).to_json();
    let how = How { log_as, ..How::default() };
    let signed = scene.sigstore.attest_as(&scene.signed.artifact, &statement, &Leaf::default(), &how);
    scene.log.add(&signed.entry);
    scene.place.put("blob.att", signed.att());
    scene.place.put("blob.att.cert", signed.cert_b64());
    let files = "--signature blob.att --certificate blob.att.cert --type slsaprovenance1";
    let words = format!("verify-blob-attestation {files} {} blob", scene.flags());
    (scene, words)
}

#[test]
fn many_blobs_ask_once_each() {
    let scene = Scene::new();
    let mut names = Vec::new();
    for number in 0..12 {
        let name = format!("blob{number}");
        let signed = scene.sigstore.sign_blob(name.as_bytes(), Leaf::default());
        scene.log.add(&signed.entry);
        put_signed(&scene.place, &name, &signed);
        names.push(name);
    }
    let words = format!("verify-blob {} {}", scene.flags(), names.join(" "));
    let run = scene.place.run(&words).succeeded();
    let order: Vec<_> = run.err.lines().filter_map(|line| line.strip_suffix(": Verified OK")).collect();
    assert_eq!(order, names);
    assert_eq!(scene.requests().len(), 12);
    // One of them is changed: it alone fails, and the rest came from the cache.
    scene.place.put("blob5", "changed");
    let run = scene.place.run(&words).failed_partly("blob5", 12);
    assert!(run.err.contains("1 of 12 blobs failed verification"), "{run:?}");
    assert_eq!(scene.requests(), Vec::<String>::new());
}

#[test]
fn a_log_cannot_make_anybody_wait() {
    let scene = Scene::new();
    scene.log.fault(Fault::retry_after(ENTRIES, 429, 3600));
    let run = scene.verify("--timeout 2s --output json").within(10);
    assert_eq!((run.code, run.json()["verified"].as_bool()), (1, Some(false)), "{run:?}");
    assert!(run.err.contains("429"), "{run:?}");
}

#[test]
fn a_log_cannot_send_anybody_elsewhere_without_end() {
    let scene = Scene::new();
    scene.log.fault(Fault::redirect(ENTRIES, ENTRIES));
    scene.verify("--output json").failed_with_code("log-unreachable").within(10);
    assert!(scene.requests().len() <= 44, "ten redirects, four attempts");
    // One redirect is followed, and what is found there is proved like anything else.
    let scene = Scene::new();
    let other = RekorServer::start(&scene.sigstore.rekor);
    let place = format!("{}{ENTRIES}/{}", other.url(), scene.signed.entry.leaf_id());
    scene.log.fault(Fault::redirect(ENTRIES, &place));
    scene.verify("").verified();
    assert_eq!(other.count(), 1);
}

#[test]
fn runs_side_by_side_share_a_cache() {
    let scene = Scene::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| scene.verify("").verified());
        }
    });
    scene.requests();
    scene.verify("--offline").verified();
    assert_eq!(scene.place.tree("home").len(), 1, "no temporary files are left");
}

trait Partly {
    fn failed_partly(self, name: &str, all: usize) -> Self;
}

impl Partly for Run {
    #[track_caller]
    fn failed_partly(self, name: &str, all: usize) -> Self {
        assert_eq!((self.code, self.out.as_str()), (1, ""), "{self:?}");
        assert_eq!(self.err.matches(": Verified OK\n").count(), all - 1, "{self:?}");
        assert!(self.err.contains(&format!("{name}: ")), "{self:?}");
        self
    }
}
