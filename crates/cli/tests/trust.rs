//! The trust root that TUF maintains: when it is asked for, what is refused, and what is used meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sigward_testkit::{Fault, FileServer, Leaf, RekorServer, Sigstore, TufRepo};
use support::{Place, Run, put_signed, who};

const DAY: i64 = 24 * 3600;

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A served repository, a bundle and a detached signature that its trusted root proves, and a log.
struct Scene {
    place: Place,
    sigstore: Sigstore,
    repo: TufRepo,
    mirror: FileServer,
    log: RekorServer,
}

impl Scene {
    fn new() -> Self {
        let (mut place, sigstore) = (Place::new(), Sigstore::new());
        let signed = sigstore.sign_blob(b"a file\n", Leaf::default());
        put_signed(&place, "detached", &signed);
        place.put("blob", &signed.artifact);
        place.put("blob.sigstore.json", signed.bundle_v03().to_json());
        place.trust(&sigstore);
        let repo = TufRepo::lasting(&sigstore.trusted_root().to_json());
        let mirror = FileServer::start(repo.files.clone());
        std::fs::write(place.path("trust/root.json"), repo.initial_root()).unwrap();
        place.set("TUF_MIRROR", mirror.url());
        place.set("TUF_ROOT_JSON", place.path("trust/root.json"));
        place.set("TUF_ROOT", place.path("tuf"));
        let log = RekorServer::start(&sigstore.rekor);
        Self { place, sigstore, repo, mirror, log }
    }

    /// As [`Scene::new`], after one `trust update`.
    fn updated() -> Self {
        let scene = Scene::new();
        scene.place.run("trust update").succeeded();
        scene.mirror.clear_log();
        scene
    }

    fn serve(&self) {
        self.mirror.set(self.repo.files.clone());
    }

    fn verify(&self, more: &str) -> Run {
        self.place.run(&format!("verify-blob {} {more} blob", who()))
    }

    /// A run that asks the log.
    fn verify_online(&self, more: &str) -> Run {
        let rekor = self.log.url();
        self.place.run(&format!("verify-blob {} --no-cache --rekor-url {rekor} {more} detached", who()))
    }

    /// Requests to the mirror since the last look.
    fn requests(&self) -> usize {
        let count = self.mirror.count();
        self.mirror.clear_log();
        count
    }

    /// The folder of this mirror's cache.
    fn cache(&self) -> PathBuf {
        let mut folders = std::fs::read_dir(self.place.path("tuf")).unwrap().map(|e| e.unwrap().path());
        folders.find(|path| path.is_dir()).unwrap()
    }

    /// Says that the last refresh was so many seconds ago.
    fn refreshed_ago(&self, seconds: i64) {
        std::fs::write(self.cache().join("sigward.json"), format!("{{\"refreshed\":{}}}", now() - seconds)).unwrap();
    }
}

#[test]
fn update_show_and_export() {
    let scene = Scene::new();
    scene.place.run("trust show").failed("no trust root is at hand").said("sigward trust update");
    assert_eq!(scene.requests(), 0, "show fetches nothing");
    let run = scene.place.run("trust update").succeeded();
    assert!(run.out.starts_with("trust root is up to date: TUF root 1, timestamp 1, signed until "), "{run:?}");
    assert!(scene.requests() >= 4);
    let run = scene.place.run("trust update --output json").succeeded();
    assert_eq!((run.json()["root"].as_u64(), run.json()["timestamp"].as_u64()), (Some(1), Some(1)), "{run:?}");
    scene.requests();

    let run = scene.place.run("trust show").succeeded();
    for text in [scene.mirror.url().as_str(), "TUF root 1", "as of:", "Transparency logs", "rekor.sigstore.test"] {
        assert!(run.out.contains(text), "{text} is not in {run:?}");
    }
    let shown = scene.place.run("trust show --output json").succeeded().json();
    assert_eq!(shown["transparencyLogs"].as_array().unwrap().len(), 2, "{shown}");
    assert_eq!(shown["notCounted"], serde_json::json!([]));

    let root = scene.sigstore.trusted_root().to_json();
    let run = scene.place.run("trust export").succeeded();
    assert_eq!(run.out.trim_end(), root.trim_end());
    let run = scene.place.run("trust export out.json").succeeded();
    assert_eq!((run.out.as_str(), run.new_files.as_slice()), ("", ["out.json".to_owned()].as_slice()));
    assert_eq!(std::fs::read(scene.place.path("work/out.json")).unwrap(), root.as_bytes());
    scene.place.run("trust export no/such/out.json").failed("no/such/out.json");
    assert_eq!(scene.requests(), 0);
}

#[test]
fn show_tells_what_does_not_count() {
    let scene = Scene::new();
    let mut root = scene.sigstore.trusted_root();
    root.tlogs[1].details = "PKIX_OF_THE_FUTURE".into();
    scene.place.put("root.json", root.to_json());
    let run = scene.place.run("trust show --trusted-root root.json").succeeded();
    assert!(run.out.contains("Not counted"), "{run:?}");
    scene.verify("--trusted-root root.json").verified().said("it does not count");
}

#[test]
fn the_first_run_asks_and_the_next_ones_do_not() {
    let scene = Scene::new();
    scene.verify("").verified();
    assert!(scene.requests() >= 4);
    for more in ["", "--offline", "--tuf=never", "--tuf=auto"] {
        scene.verify(more).verified();
        assert_eq!(scene.requests(), 0, "{more}");
    }
    scene.verify_online("").verified();
    assert_eq!(scene.requests(), 0);
    // An older one is refreshed only where the run is online anyway.
    scene.refreshed_ago(2 * DAY);
    scene.verify("").verified().said("WARNING: the trust root was last refreshed 48 hours ago");
    assert_eq!(scene.requests(), 0);
    scene.verify_online("").verified().did_not_say("WARNING");
    assert!(scene.requests() > 0);
}

#[test]
fn always_asks_each_time_and_fails_without_an_answer() {
    let mut scene = Scene::updated();
    scene.verify("--tuf=always").verified();
    assert!(scene.requests() > 0);
    scene.verify("--tuf=always").verified();
    assert!(scene.requests() > 0);
    scene.mirror.fault(Fault::status("/", 500));
    scene.verify("--tuf=always").failed("getting trusted root from TUF: ");
    scene.verify("--tuf=always --output json").failed_with_code("trust-network");
    assert!(scene.requests() > 0);
    scene.place.set("TUF_MIRROR", "http://127.0.0.1:1");
    scene.verify("--tuf=always").failed("getting trusted root from TUF: ");
}

#[test]
fn a_corrupted_blob_is_called_so_before_any_request() {
    let scene = Scene::new();
    scene.place.put("blob", "changed\n");
    scene.verify("--tuf=always").failed("the artifact does not match the digest in the bundle");
    assert_eq!(scene.requests(), 0);
}

#[test]
fn without_anything_at_hand_it_says_so() {
    let mut scene = Scene::new();
    scene.verify("--tuf=never").failed("--tuf=never");
    assert_eq!(scene.requests(), 0);
    scene.mirror.fault(Fault::status("/", 503));
    scene.verify("--output json").failed_with_code("trust-network");
    scene.place.unset("TUF_ROOT_JSON");
    scene.verify("").failed("name it with TUF_ROOT_JSON");
    scene.place.set("TUF_ROOT_JSON", "no-such-file");
    scene.verify("").failed("open no-such-file: no such file or directory");
}

#[test]
fn an_unknown_log_calls_for_one_refresh() {
    let scene = Scene::updated();
    scene.refreshed_ago(3600);
    let stranger = Sigstore::new().sign_blob(b"a file\n", Leaf::default());
    scene.place.put("blob.sigstore.json", stranger.bundle_v03().to_json());
    scene.verify("").failed("Error: ");
    assert_eq!(scene.mirror.count_of("timestamp.json"), 1);
    assert!(scene.requests() > 0);
    scene.verify("").failed("Error: ");
    assert_eq!(scene.requests(), 0, "within the back-off");
    // A mirror that fails is left alone as well.
    scene.refreshed_ago(3600);
    scene.mirror.fault(Fault::status("/", 500));
    scene.verify("").failed("Error: ").said("could not be refreshed");
    assert!(scene.requests() > 0);
    scene.verify("").failed("Error: ");
    assert_eq!(scene.requests(), 0, "within the back-off");
    // With `never` there is none.
    scene.refreshed_ago(3600);
    scene.verify("--tuf=never").failed("Error: ");
    assert_eq!(scene.requests(), 0);
}

#[test]
fn a_new_log_becomes_known_through_the_refresh() {
    let mut scene = Scene::updated();
    scene.refreshed_ago(3600);
    let other = Sigstore::new();
    let signed = other.sign_blob(b"a file\n", Leaf::default());
    scene.place.put("blob.sigstore.json", signed.bundle_v03().to_json());
    let (mut both, more) = (scene.sigstore.trusted_root(), other.trusted_root());
    both.tlogs.extend(more.tlogs);
    both.cas.extend(more.cas);
    both.ctlogs.extend(more.ctlogs);
    scene.repo.set_target("trusted_root.json", both.to_json().as_bytes());
    scene.serve();
    scene.verify("").verified();
    assert!(scene.requests() > 0);
    scene.verify("").verified();
    assert_eq!(scene.requests(), 0);
}

#[test]
fn rotated_roots_are_followed() {
    let mut scene = Scene::updated();
    scene.repo.rotate_root();
    scene.repo.rotate_online();
    scene.serve();
    let run = scene.place.run("trust update").succeeded();
    assert!(run.out.contains("TUF root 3"), "{run:?}");
    scene.requests();
    scene.verify("").verified();
    assert_eq!(scene.requests(), 0);
}

#[test]
fn rollback_is_refused_and_the_last_good_trust_kept() {
    let mut scene = Scene::new();
    let old = scene.repo.files.clone();
    scene.repo.bump();
    scene.repo.bump();
    scene.serve();
    scene.place.run("trust update").succeeded();
    scene.mirror.set(old);
    scene.place.run("trust update").failed("getting trusted root from TUF: ");
    scene.verify("--tuf=always --output json").failed_with_code("trust-update-failed");
    scene.requests();
    scene.verify("").verified();
    assert_eq!(scene.requests(), 0);
    scene.refreshed_ago(2 * DAY);
    scene.verify_online("").verified().said("WARNING: the trust root could not be refreshed");
    scene.serve();
    scene.place.run("trust update").succeeded();
}

#[test]
fn expired_metadata_is_refused() {
    let mut scene = Scene::updated();
    scene.repo.timestamp.version += 1;
    scene.repo.timestamp.expires = now() - DAY;
    scene.repo.publish();
    scene.serve();
    scene.place.run("trust update").failed("getting trusted root from TUF: ").said("expired");
    scene.verify("--tuf=always").failed("expired");
    scene.requests();
    // What was known before goes on.
    scene.verify("").verified();
    assert_eq!(scene.requests(), 0);
}

#[test]
fn strangers_metadata_is_refused() {
    let scene = Scene::updated();
    let stranger = TufRepo::lasting(&Sigstore::new().trusted_root().to_json());
    scene.mirror.set(stranger.files);
    scene.place.run("trust update").failed("getting trusted root from TUF: ");
    scene.verify("").verified();
    // Nor does a mirror's own target count.
    scene.serve();
    for (path, _) in scene.repo.files.iter().filter(|(path, _)| path.starts_with("targets/")) {
        scene.mirror.put(path, "{}");
    }
    std::fs::remove_dir_all(scene.place.path("tuf")).unwrap();
    scene.place.run("trust update").failed("getting trusted root from TUF: ");
}

#[test]
fn too_old_trust_is_refused_online() {
    let scene = Scene::updated();
    scene.mirror.fault(Fault::status("/", 500));
    scene.refreshed_ago(3 * DAY);
    scene.verify_online("--trust-max-age 2d --output json").failed_with_code("trust-too-old");
    scene.refreshed_ago(3 * DAY);
    scene.verify_online("--trust-max-age 2d").failed("hint: ").said("trust update");
    scene.refreshed_ago(3 * DAY);
    scene.verify_online("--trust-max-age 4d").verified().said("WARNING: ");
    scene.refreshed_ago(15 * DAY);
    scene.verify_online("--output json").failed_with_code("trust-too-old");
    scene.verify_online("--tuf=never").verified().did_not_say("WARNING");
    // A run that needs no network is warned.
    scene.verify("--trust-max-age 2d").verified().said("WARNING: ");
}

#[test]
fn an_explicit_trusted_root_asks_nobody() {
    let mut scene = Scene::new();
    let trust = format!("--trusted-root {}", scene.place.text("trust/trusted_root.json"));
    scene.verify(&format!("{trust} --trust-max-age 1s")).verified();
    scene.verify_online(&format!("{trust} --trust-max-age 1s")).verified();
    let stranger = Sigstore::new().sign_blob(b"a file\n", Leaf::default());
    scene.place.put("blob.sigstore.json", stranger.bundle_v03().to_json());
    scene.verify(&trust).failed("Error: ");
    assert_eq!(scene.requests(), 0);
    assert!(!scene.place.path("tuf").exists());
    scene.place.trust_by_environment();
    scene.verify_online("").verified();
    assert_eq!(scene.requests(), 0, "PEM files name everything");
}

#[test]
fn a_cache_that_cannot_be_written_costs_requests_and_no_more() {
    let mut scene = Scene::new();
    // A file where the folder should be cannot be written by anybody, root included.
    std::fs::write(scene.place.path("tuf"), "").unwrap();
    scene.verify("").verified().said("WARNING: the trust root could not be kept");
    assert!(scene.requests() > 0);
    scene.place.run("trust update").failed("writing TUF_ROOT: ");
    std::fs::remove_file(scene.place.path("tuf")).unwrap();
    std::fs::create_dir(scene.place.path("tuf")).unwrap();
    std::fs::set_permissions(scene.place.path("tuf"), std::fs::Permissions::from_mode(0o500)).unwrap();
    scene.verify("").verified();
    std::fs::set_permissions(scene.place.path("tuf"), std::fs::Permissions::from_mode(0o700)).unwrap();
    scene.requests();
    scene.place.set("TUF_ROOT", scene.place.path("memory"));
    scene.place.set("SIGSTORE_NO_CACHE", "true");
    scene.verify("").verified().did_not_say("WARNING");
    scene.verify("").verified();
    assert!(scene.requests() >= 8);
    assert!(!scene.place.path("memory").exists());
}

#[test]
fn the_cache_is_not_believed() {
    let mine = Scene::updated();
    let theirs = Scene::updated();
    let copy = |name: &str| {
        let bytes = std::fs::read(theirs.cache().join(name)).unwrap();
        std::fs::write(mine.cache().join(name), bytes).unwrap();
    };
    let garbage = |name: &str| std::fs::write(mine.cache().join(name), "{\"").unwrap();
    let every = ["timestamp.json", "snapshot.json", "targets.json", "targets/trusted_root.json", "root.json"];
    for name in every {
        let damages: [&dyn Fn(&str); 2] = [&copy, &garbage];
        for damage in damages {
            damage(name);
            mine.verify("").verified();
            // With TUF_ROOT_JSON, `root.json` of the cache may or may not be needed.
            assert!(mine.requests() > 0 || name == "root.json", "{name}");
            mine.place.run("trust update").succeeded();
            mine.requests();
        }
    }
    // Their whole cache in place of ours.
    every.iter().for_each(|name| copy(name));
    mine.verify("--tuf=never").failed("Error: ");
    mine.verify("").verified();
    // Times that are nonsense only cost requests.
    for times in ["", "null", "{\"refreshed\":99999999999}", "{\"refreshed\":-1}", "{\"failed\":9223372036854775807}"] {
        std::fs::write(mine.cache().join("sigward.json"), times).unwrap();
        mine.verify("").verified();
        mine.verify_online("").verified();
    }
}

#[test]
fn embedded_trust_needs_no_network() {
    let mut place = Place::new();
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        place.set(name, "http://127.0.0.1:1");
    }
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for name in ["cosign-v3-blob.txt", "cosign-v3-blob.txt.sigstore.json"] {
        place.put(name, std::fs::read(examples.join(name)).unwrap());
    }
    let words = "verify-blob --certificate-identity-regexp ^.*$ --certificate-oidc-issuer-regexp ^.*$";
    let run = place.run(&format!("{words} --verbose cosign-v3-blob.txt"));
    run.verified().did_not_say("refreshing").did_not_say("127.0.0.1").did_not_say("GET").within(5);
    assert_eq!(place.tree("home"), Vec::<PathBuf>::new());
    let run = place.run("trust show").succeeded();
    assert!(run.out.contains("embedded") && run.out.contains("rekor.sigstore.dev"), "{run:?}");
    let root = place.run("trust export").succeeded().out;
    place.put("root.json", root);
    place.run(&format!("{words} --trusted-root root.json cosign-v3-blob.txt")).verified();
    // Where it is told to ask, the proxy is asked.
    place.run("trust update").failed("getting trusted root from TUF: ").within(60);
}

#[test]
fn mirrors_that_dribble_or_never_end() {
    let scene = Scene::updated();
    let drip = sigward_testkit::FaultKind::Drip { chunk: 1, pause: std::time::Duration::from_millis(300) };
    scene.mirror.fault(Fault::new("timestamp.json", drip).first(1));
    scene.place.run("trust update --timeout 2s").failed("getting trusted root from TUF: ").within(10);
    for name in ["2.root.json", "timestamp.json"] {
        let scene = Scene::updated();
        scene.mirror.fault(Fault::endless(name));
        scene.place.run_bounded("trust update").failed("getting trusted root from TUF: ").within(20);
        scene.verify("").verified();
    }
    let scene = Scene::updated();
    scene.mirror.fault(Fault::truncate("timestamp.json", 20));
    scene.place.run("trust update").failed("getting trusted root from TUF: ").within(30);
    scene.verify("").verified();
}

#[test]
fn mirrors_that_are_no_url() {
    let mut scene = Scene::new();
    for mirror in
        ["nonsense", "ftp://127.0.0.1/", "http://", "https://..", "/etc", "file:///etc", "http://[", "http://a b"]
    {
        scene.place.set("TUF_MIRROR", mirror);
        scene.place.run("trust update").failed("Error: ");
        scene.verify("").failed("Error: ");
    }
    // What is kept of them is that they failed.
    let ours = |path: &&PathBuf| !path.ends_with("sigward.json") && !path.ends_with(".sigward.lock");
    assert_eq!(scene.place.tree("tuf").iter().filter(ours).count(), 0);
}

#[test]
fn runs_side_by_side_share_a_cache() {
    let scene = Scene::new();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let scene = &scene;
            scope.spawn(move || {
                let run = if number % 2 == 0 { scene.verify("") } else { scene.verify("--tuf=always") };
                run.verified().did_not_say("WARNING");
            });
        }
    });
    scene.requests();
    scene.verify("").verified();
    assert_eq!(scene.requests(), 0);
}

#[test]
fn a_lock_that_is_held_stops_nobody() {
    let scene = Scene::updated();
    let locks = scene.place.tree("tuf").into_iter().filter(|path| path.to_string_lossy().contains("lock"));
    let held: Vec<_> = locks.map(|path| std::fs::File::open(path).unwrap()).collect();
    assert!(!held.is_empty());
    held.iter().for_each(|file| file.lock().unwrap());
    scene.verify("").verified().within(20);
    scene.place.run("trust update").succeeded().within(30);
}
