//! What is on disk, who may have written it, and refreshes over the wire.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

mod common;
#[path = "../../trust/tests/mint/mod.rs"]
mod mint;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use common::{Server, client, respond, soon};
use jiff::Timestamp;
use mint::{NOW, PAST, Repo};
use serde_json::json;
use sigstore_tuf::Error as Rule;
use sigward_fetch::{EntryCache, Error, RefreshedTrust, TufStore, refresh_trust, run_blocking};
use sigward_trust::tuf::TRUSTED_ROOT;
use sigward_verify::evidence::Unreachable;

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A mirror whose files can be exchanged.
struct Mirror {
    server: Server,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Mirror {
    fn of(repo: &Repo) -> Self {
        let files = Arc::new(Mutex::new(repo.files.clone()));
        let served = Arc::clone(&files);
        let server = Server::files(move |path| served.lock().unwrap().get(path.trim_start_matches('/')).cloned());
        Self { server, files }
    }

    fn publish(&self, repo: &Repo) {
        *self.files.lock().unwrap() = repo.files.clone();
        self.server.seen.lock().unwrap().clear();
    }
}

fn refresh(repo: &Repo, url: &str, store: Option<&TufStore>) -> Result<RefreshedTrust, Error> {
    run_blocking(refresh_trust(store, &repo.first_root(), url, now(), &client(), soon())).unwrap()
}

fn store(base: &Path, url: &str) -> TufStore {
    TufStore::new(base.join("root"), url).unwrap()
}

#[test]
fn refresh_is_cached_and_loads_offline() {
    let folder = tempfile::tempdir().unwrap();
    let mut repo = Repo::new();
    repo.next_root();
    let mirror = Mirror::of(&repo);
    let store = store(folder.path(), &mirror.server.url);
    assert!(store.at_hand(&repo.first_root(), None, now()).1.is_none());

    let found = refresh(&repo, &mirror.server.url, Some(&store)).unwrap();
    assert_eq!(found.trusted_root, b"{\"first\":true}");
    assert!(found.not_cached.is_none());
    for file in ["root.json", "timestamp.json", "snapshot.json", "targets.json", "targets/trusted_root.json"] {
        assert!(store.folder().join(file).is_file(), "{file}: the layout is cosign's");
    }
    let (at_hand, trust) = store.at_hand(&repo.first_root(), None, now());
    assert_eq!(at_hand.cached.unwrap().refreshed, Some(now()));
    assert_eq!(trust.unwrap().target, b"{\"first\":true}");

    mirror.publish(&repo);
    refresh(&repo, &mirror.server.url, Some(&store)).unwrap();
    assert_eq!(mirror.server.paths(), ["/3.root.json", "/timestamp.json"]);
}

#[cfg(unix)]
#[test]
fn cache_is_for_the_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::new();
    let mirror = Mirror::of(&repo);
    let store = store(folder.path(), &mirror.server.url);
    refresh(&repo, &mirror.server.url, Some(&store)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&store.folder()), 0o700);
    assert_eq!(mode(&store.folder().join("targets")), 0o700);
    assert_eq!(mode(&store.folder().join("timestamp.json")), 0o600);
}

#[test]
fn refresh_without_a_cache() {
    let repo = Repo::new();
    let mirror = Mirror::of(&repo);
    assert_eq!(refresh(&repo, &mirror.server.url, None).unwrap().trusted_root, b"{\"first\":true}");
}

#[test]
fn rollback_below_what_was_cached() {
    let folder = tempfile::tempdir().unwrap();
    let mut repo = Repo::new();
    let old = repo.files["timestamp.json"].clone();
    repo.next();
    let mirror = Mirror::of(&repo);
    let store = store(folder.path(), &mirror.server.url);
    refresh(&repo, &mirror.server.url, Some(&store)).unwrap();
    repo.files.insert("timestamp.json".into(), old);
    mirror.publish(&repo);
    let found = refresh(&repo, &mirror.server.url, Some(&store)).unwrap_err();
    assert!(
        matches!(found, Error::Trust(sigward_trust::Error::Refused { source: Rule::Rollback { .. }, .. })),
        "{found}"
    );
    let (at_hand, trust) = store.at_hand(&repo.first_root(), None, now());
    assert_eq!(at_hand.failed, Some(now()), "the failure is written down");
    assert!(trust.is_some(), "what was good before still is");
}

#[test]
fn failed_refresh_keeps_new_roots_and_the_old_set() {
    let folder = tempfile::tempdir().unwrap();
    let mut repo = Repo::new();
    let mirror = Mirror::of(&repo);
    let store = store(folder.path(), &mirror.server.url);
    refresh(&repo, &mirror.server.url, Some(&store)).unwrap();
    repo.next_root();
    repo.timestamp["expires"] = json!(PAST);
    repo.next();
    mirror.publish(&repo);
    refresh(&repo, &mirror.server.url, Some(&store)).unwrap_err();
    let (_, trust) = store.at_hand(&repo.first_root(), None, now());
    let trust = trust.unwrap();
    assert_eq!((trust.root_version, trust.timestamp_version), (2, 1));
}

#[test]
fn corrupted_cache_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::new();
    let mirror = Mirror::of(&repo);
    let store = store(folder.path(), &mirror.server.url);
    refresh(&repo, &mirror.server.url, Some(&store)).unwrap();
    for file in ["root.json", "timestamp.json", "snapshot.json", "targets/trusted_root.json", "sigward.json"] {
        fs::write(store.folder().join(file), b"\0{").unwrap();
        let (at_hand, trust) = store.at_hand(&repo.first_root(), None, now());
        if file == "sigward.json" {
            assert_eq!(at_hand.cached.unwrap().refreshed, None);
        } else if file != "root.json" {
            assert!(trust.is_none(), "{file}");
        }
        assert_eq!(refresh(&repo, &mirror.server.url, Some(&store)).unwrap().trusted_root, b"{\"first\":true}");
        assert!(store.at_hand(&repo.first_root(), None, now()).1.is_some(), "{file}");
    }
    fs::write(store.folder().join("snapshot.json"), vec![b' '; 6_000_000]).unwrap();
    assert_eq!(store.load().snapshot, None, "a cached file has a limit, too");
}

#[test]
fn cache_of_another_signer_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let mut evil = Repo::new();
    evil.signers =
        BTreeMap::from([("root", vec![81]), ("timestamp", vec![83]), ("snapshot", vec![84]), ("targets", vec![85])]);
    evil.list_keys();
    evil.publish_root();
    evil.add_target(TRUSTED_ROOT, b"{\"evil\":true}");
    evil.publish();
    let mirror = Mirror::of(&evil);
    let store = store(folder.path(), &mirror.server.url);
    refresh(&evil, &mirror.server.url, Some(&store)).unwrap();

    let repo = Repo::new();
    assert!(store.at_hand(&repo.first_root(), None, now()).1.is_none());
    mirror.publish(&repo);
    assert_eq!(refresh(&repo, &mirror.server.url, Some(&store)).unwrap().trusted_root, b"{\"first\":true}");
}

#[cfg(unix)]
#[test]
fn symlinked_cache_files_are_neither_read_nor_written_through() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::new();
    let mirror = Mirror::of(&repo);
    let store = store(folder.path(), &mirror.server.url);
    let outside = folder.path().join("outside");
    fs::write(&outside, &repo.files["timestamp.json"]).unwrap();
    fs::create_dir_all(store.folder()).unwrap();
    for file in ["timestamp.json", "root.json", "sigward.json", ".sigward.lock"] {
        symlink(&outside, store.folder().join(file)).unwrap();
    }
    assert_eq!(store.load().timestamp, None);
    let found = refresh(&repo, &mirror.server.url, Some(&store)).unwrap();
    assert!(found.not_cached.is_none(), "{:?}", found.not_cached);
    assert_eq!(fs::read(&outside).unwrap(), repo.files["timestamp.json"]);
    assert!(!fs::symlink_metadata(store.folder().join("timestamp.json")).unwrap().is_symlink());
}

#[cfg(unix)]
#[test]
fn symlinked_cache_folders_are_not_entered() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::new();
    let mirror = Mirror::of(&repo);
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();

    let whole = store(&folder.path().join("a"), &mirror.server.url);
    fs::create_dir_all(whole.folder().parent().unwrap()).unwrap();
    symlink(&outside, whole.folder()).unwrap();
    let found = refresh(&repo, &mirror.server.url, Some(&whole)).unwrap();
    assert!(matches!(found.not_cached, Some(Error::Cache { .. })));

    let targets = store(&folder.path().join("b"), &mirror.server.url);
    fs::create_dir_all(targets.folder()).unwrap();
    symlink(&outside, targets.folder().join("targets")).unwrap();
    let found = refresh(&repo, &mirror.server.url, Some(&targets)).unwrap();
    assert!(matches!(found.not_cached, Some(Error::Cache { .. })));
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn cache_that_cannot_be_written_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    // Tests may run as root, whom no permission stops; a file where the folder should be stops everybody.
    fs::write(folder.path().join("root"), b"").unwrap();
    let repo = Repo::new();
    let mirror = Mirror::of(&repo);
    let store = store(folder.path(), &mirror.server.url);
    let found = refresh(&repo, &mirror.server.url, Some(&store)).unwrap();
    assert!(matches!(found.not_cached, Some(Error::Cache { .. })));
    assert_eq!(store.at_hand(&repo.first_root(), None, now()).0.cached, None);
}

#[test]
fn concurrent_refreshes_never_leave_a_torn_cache() {
    let folder = tempfile::tempdir().unwrap();
    let mut repo = Repo::new();
    let mirrors: Vec<(Mirror, Vec<u8>)> = (0..2)
        .map(|_| {
            repo.next();
            (Mirror::of(&repo), repo.first_root())
        })
        .collect();
    let store = store(folder.path(), "http://shared.test");
    let root = repo.first_root();
    std::thread::scope(|scope| {
        for (mirror, _) in &mirrors {
            let store = &store;
            let repo = &repo;
            scope.spawn(move || {
                for _ in 0..10 {
                    // The older mirror is a rollback as soon as the newer one was seen.
                    let _ = refresh(repo, &mirror.server.url, Some(store));
                }
            });
        }
        scope.spawn(|| {
            let mut seen = false;
            for _ in 0..100 {
                let found = store.at_hand(&root, None, now()).1.is_some();
                assert!(found || !seen, "a cache that was whole is whole");
                seen = found;
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        });
    });
}

#[test]
fn mirror_that_is_down_or_broken() {
    let repo = Repo::new();
    let server = Server::start(|_, stream| respond(stream, "503 Service Unavailable", "", b""));
    let found = refresh(&repo, &server.url, None).unwrap_err();
    assert!(matches!(found, Error::Trust(sigward_trust::Error::Status { status: 503, .. })), "{found}");

    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while stream.write_all(format!("1000\r\n{}\r\n", " ".repeat(4096)).as_bytes()).is_ok() {}
    });
    let found = refresh(&repo, &server.url, None).unwrap_err();
    let Error::Trust(sigward_trust::Error::Unreachable(Unreachable::TooLarge { limit, .. })) = found else {
        panic!("{found}")
    };
    assert_eq!(limit, 512_000);
}

#[test]
fn mirror_of_initialize_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("root");
    assert_eq!(TufStore::initialized_mirror(&base).unwrap(), None);
    let store = TufStore::new(base.clone(), "https://tuf.example/x").unwrap();
    store.save_as_default().unwrap();
    assert_eq!(fs::read_to_string(base.join("remote.json")).unwrap(), r#"{"mirror":"https://tuf.example/x"}"#);
    assert_eq!(TufStore::initialized_mirror(&base).unwrap().as_deref(), Some("https://tuf.example/x"));
    fs::write(base.join("remote.json"), "[]").unwrap();
    assert!(matches!(TufStore::initialized_mirror(&base), Err(Error::RemoteJson { .. })));
}

#[test]
fn entries_are_kept_by_log_and_hash() {
    let folder = tempfile::tempdir().unwrap();
    let cache = EntryCache::new(folder.path().join("deep/er"));
    let (hash, other) = ([7; 32], [8; 32]);
    assert_eq!(cache.get("https://rekor.sigstore.dev", &hash), None);
    cache.put("https://rekor.sigstore.dev", &hash, b"entry").unwrap();
    assert_eq!(cache.get("https://rekor.sigstore.dev/", &hash).unwrap(), b"entry");
    assert_eq!(cache.get("https://rekor.sigstore.dev", &other), None);
    assert_eq!(cache.get("https://rekor.example", &hash), None);
    assert_eq!(cache.get("https://rekor.sigstore.dev:8443", &hash), None);
    cache.put("http://127.0.0.1:3000", &hash, b"local").unwrap();
    assert_eq!(cache.get("http://127.0.0.1:3000", &hash).unwrap(), b"local");
    assert!(folder.path().join("deep/er/rekor/rekor.sigstore.dev").join(format!("{}.json", "07".repeat(32))).exists());
}

#[test]
fn enormous_entries_are_neither_kept_nor_read() {
    let folder = tempfile::tempdir().unwrap();
    let cache = EntryCache::new(folder.path().to_owned());
    cache.put("https://log", &[1; 32], &vec![b'x'; 300_000]).unwrap();
    assert_eq!(cache.get("https://log", &[1; 32]), None);
    cache.put("https://log", &[2; 32], b"x").unwrap();
    fs::write(folder.path().join("rekor/log").join(format!("{}.json", "02".repeat(32))), vec![b'x'; 300_000]).unwrap();
    assert_eq!(cache.get("https://log", &[2; 32]), None);
}

#[test]
fn oldest_entries_are_evicted() {
    let folder = tempfile::tempdir().unwrap();
    let cache = EntryCache::with_most(folder.path().to_owned(), 16);
    for index in 0..40_u8 {
        cache.put("https://log", &[index; 32], b"x").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let kept: Vec<u8> = (0..40).filter(|index| cache.get("https://log", &[*index; 32]).is_some()).collect();
    assert!(kept.len() <= 16 && kept.len() >= 14, "{kept:?}");
    assert_eq!(kept.last(), Some(&39));
    assert!(kept[0] >= 24, "{kept:?}");
}

#[test]
fn path_traversal_in_log_urls() {
    let folder = tempfile::tempdir().unwrap();
    let cache = EntryCache::new(folder.path().join("cache"));
    for url in ["https://..", "https://../..", "file:///etc", "not a url", "https://.hidden/"] {
        cache.put(url, &[1; 32], b"x").unwrap();
        assert_eq!(cache.get(url, &[1; 32]), None, "{url}");
    }
    assert!(!folder.path().join("cache").exists());
}
