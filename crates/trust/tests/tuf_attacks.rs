//! Each test is an attack by whoever holds the mirror, the network or the cache, and names the rule that stops it.

mod mint;

use std::collections::BTreeMap;

use mint::{FUTURE, PAST, Repo, delegated, listed, signed_by, start, walk, walk_with};
use serde_json::json;
use sigstore_tuf::Error as Rule;
use sigward_trust::Error;
use sigward_trust::limits::Limits;
use sigward_trust::tuf::{CachedFiles, Refreshed, TRUSTED_ROOT, load_cached};
use sigward_verify::evidence::Unreachable;

fn fresh(repo: &Repo) -> Result<Refreshed, Error> {
    walk(start(repo.first_root(), CachedFiles::default()), &repo.files).0
}

fn with_cache(repo: &Repo, cached: CachedFiles) -> Result<Refreshed, Error> {
    walk(start(repo.first_root(), cached), &repo.files).0
}

/// Asserts that a file is refused by a rule.
macro_rules! refused {
    ($found:expr, $file:expr, $rule:pat) => {
        match $found {
            Err(Error::Refused { file, source: $rule }) if file == $file => {}
            other => panic!("expected {} to be refused by {}, found {other:?}", $file, stringify!($rule)),
        }
    };
}

#[test]
fn honest_repository_from_nothing_and_from_a_cache() {
    let mut repo = Repo::new();
    repo.next_root();
    let (found, paths) = walk(start(repo.first_root(), CachedFiles::default()), &repo.files);
    let found = found.unwrap();
    assert_eq!(found.target_files[TRUSTED_ROOT].bytes, b"{\"first\":true}");
    assert_eq!((found.root.version, found.new_roots.len()), (2, 1));
    assert_eq!(found.signed_until(), FUTURE.parse().unwrap());
    assert_eq!(paths[..5], ["2.root.json", "3.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]);
    assert_eq!(paths.len(), 6);

    let (found, paths) = walk(start(repo.first_root(), repo.cached()), &repo.files);
    let found = found.unwrap();
    assert_eq!(paths, ["3.root.json", "timestamp.json"], "nothing else is asked for when nothing changed");
    assert!(!found.root.changed && !found.timestamp.changed && !found.snapshot.changed && !found.targets.changed);
    assert!(!found.target_files[TRUSTED_ROOT].changed && found.new_roots.is_empty());

    let cached = repo.cached();
    repo.add_target(TRUSTED_ROOT, b"{\"second\":true}");
    repo.next();
    let found = with_cache(&repo, cached).unwrap();
    assert!(found.timestamp.changed && found.snapshot.changed && found.targets.changed && !found.root.changed);
    assert_eq!(found.target_files[TRUSTED_ROOT].bytes, b"{\"second\":true}");
}

#[test]
fn repository_without_consistent_snapshots() {
    let mut repo = Repo::new();
    repo.root["consistent_snapshot"] = json!(false);
    repo.publish_root();
    let files: BTreeMap<_, _> = repo
        .files
        .iter()
        .map(|(name, bytes)| match name.as_str() {
            "1.snapshot.json" => ("snapshot.json".to_owned(), bytes.clone()),
            "1.targets.json" => ("targets.json".to_owned(), bytes.clone()),
            name if name.ends_with(TRUSTED_ROOT) => (format!("targets/{TRUSTED_ROOT}"), bytes.clone()),
            name => (name.to_owned(), bytes.clone()),
        })
        .collect();
    walk(start(repo.first_root(), CachedFiles::default()), &files).0.unwrap();
}

#[test]
fn rollback_of_timestamp() {
    let mut repo = Repo::new();
    let old = repo.files["timestamp.json"].clone();
    repo.next();
    let cached = repo.cached();
    repo.files.insert("timestamp.json".into(), old);
    refused!(with_cache(&repo, cached), "timestamp.json", Rule::Rollback { trusted: 2, new: 1, .. });
}

#[test]
fn rollback_of_timestamp_below_an_expired_cached_one() {
    let mut repo = Repo::new();
    let old = repo.files["timestamp.json"].clone();
    repo.timestamp["expires"] = json!(PAST);
    repo.next();
    let cached = repo.cached();
    repo.files.insert("timestamp.json".into(), old);
    refused!(with_cache(&repo, cached), "timestamp.json", Rule::Rollback { trusted: 2, new: 1, .. });
}

#[test]
fn rollback_of_snapshot_through_a_newer_timestamp() {
    let mut repo = Repo::new();
    repo.next();
    let cached = repo.cached();
    repo.snapshot["version"] = json!(1);
    repo.timestamp["version"] = json!(3);
    repo.publish_snapshot();
    refused!(with_cache(&repo, cached), "timestamp.json", Rule::Rollback { trusted: 2, new: 1, .. });
}

#[test]
fn rollback_of_targets_through_a_newer_snapshot() {
    let mut repo = Repo::new();
    repo.next();
    let cached = repo.cached();
    repo.targets["version"] = json!(1);
    repo.snapshot["version"] = json!(3);
    repo.timestamp["version"] = json!(3);
    repo.publish();
    refused!(with_cache(&repo, cached), "3.snapshot.json", Rule::Rollback { trusted: 2, new: 1, .. });
}

#[test]
fn removal_of_targets_from_the_snapshot() {
    let mut repo = Repo::new();
    let cached = repo.cached();
    repo.snapshot["meta"] = json!({});
    repo.snapshot["version"] = json!(2);
    repo.timestamp["version"] = json!(2);
    repo.publish_snapshot();
    refused!(with_cache(&repo, cached), "2.snapshot.json", Rule::IntegrityMismatch(_));
}

#[test]
fn fast_forward_is_recovered_by_new_keys() {
    let mut repo = Repo::new();
    repo.timestamp["version"] = json!(9_999_999);
    repo.publish_timestamp();
    let cached = repo.cached();
    repo.timestamp["version"] = json!(2);
    repo.signers.insert("timestamp", vec![33]);
    repo.list_keys();
    repo.next_root();
    repo.publish_timestamp();
    assert_eq!(with_cache(&repo, cached).unwrap().timestamp.version, 2);
}

#[test]
fn freeze_with_an_expired_timestamp() {
    let mut repo = Repo::new();
    repo.timestamp["expires"] = json!(PAST);
    repo.next();
    refused!(fresh(&repo), "timestamp.json", Rule::Expired { .. });
    let cached = repo.cached();
    refused!(with_cache(&repo, cached), "timestamp.json", Rule::Expired { .. });
}

#[test]
fn freeze_with_expired_root_snapshot_and_targets() {
    let mut repo = Repo::new();
    repo.root["expires"] = json!(PAST);
    repo.next_root();
    refused!(fresh(&repo), "2.root.json", Rule::Expired { .. });

    let mut repo = Repo::new();
    repo.snapshot["expires"] = json!(PAST);
    repo.next();
    refused!(fresh(&repo), "2.snapshot.json", Rule::Expired { .. });
    let cached = repo.cached();
    refused!(with_cache(&repo, cached), "2.snapshot.json", Rule::Expired { .. });

    let mut repo = Repo::new();
    repo.targets["expires"] = json!(PAST);
    repo.next();
    refused!(fresh(&repo), "2.targets.json", Rule::Expired { .. });
}

#[test]
fn expired_root_on_the_way_is_walked_over() {
    let mut repo = Repo::new();
    repo.root["expires"] = json!(PAST);
    repo.publish_root();
    repo.next_root();
    repo.root["expires"] = json!(FUTURE);
    repo.next_root();
    assert_eq!(fresh(&repo).unwrap().root.version, 3);
}

#[test]
fn hidden_newer_root_only_by_404_or_403() {
    let mut repo = Repo::new();
    repo.next_root();
    for (status, rule) in
        [(500, "status"), (429, "status"), (200, "json"), (204, "status"), (401, "status"), (410, "status")]
    {
        let (found, _) = walk_with(start(repo.first_root(), CachedFiles::default()), |path| match path {
            "2.root.json" => (status, Vec::new()),
            path => repo.files.get(path).map_or((404, Vec::new()), |bytes| (200, bytes.clone())),
        });
        match (found, rule) {
            (Err(Error::Status { status: found, .. }), "status") if found == status => {}
            (Err(Error::Refused { source: Rule::Json(_), .. }), "json") => {}
            other => panic!("{status}: {other:?}"),
        }
    }
    for status in [403, 404] {
        let (found, _) = walk_with(start(repo.first_root(), CachedFiles::default()), |path| match path {
            "3.root.json" => (status, Vec::new()),
            path => repo.files.get(path).map_or((404, Vec::new()), |bytes| (200, bytes.clone())),
        });
        assert_eq!(found.unwrap().root.version, 2);
    }
}

#[test]
fn wrong_hash_of_target() {
    let mut repo = Repo::new();
    for bytes in repo.files.iter_mut().filter(|(name, _)| name.ends_with(TRUSTED_ROOT)).map(|(_, bytes)| bytes) {
        *bytes = b"{\"first\":evil}".to_vec();
    }
    assert!(matches!(fresh(&repo), Err(Error::TargetMismatch { property: "sha256", .. })));
}

#[test]
fn wrong_length_of_target() {
    let mut repo = Repo::new();
    for bytes in repo.files.iter_mut().filter(|(name, _)| name.ends_with(TRUSTED_ROOT)).map(|(_, bytes)| bytes) {
        bytes.truncate(5);
    }
    assert!(matches!(fresh(&repo), Err(Error::TargetMismatch { property: "length", .. })));
    for bytes in repo.files.iter_mut().filter(|(name, _)| name.ends_with(TRUSTED_ROOT)).map(|(_, bytes)| bytes) {
        bytes.resize(5000, b'x');
    }
    assert!(matches!(fresh(&repo), Err(Error::Unreachable(Unreachable::TooLarge { limit: 14, .. }))));
}

#[test]
fn target_without_a_digest_that_we_know() {
    let mut repo = Repo::new();
    repo.targets["targets"][TRUSTED_ROOT]["hashes"] = json!({"md5": "d41d8cd98f00b204e9800998ecf8427e"});
    repo.next();
    assert!(matches!(fresh(&repo), Err(Error::NoDigest { .. })));
    repo.targets["targets"][TRUSTED_ROOT]["hashes"] = json!({"sha256": "../../../../etc/passwd"});
    repo.next();
    assert!(matches!(fresh(&repo), Err(Error::NoDigest { .. })));
}

#[test]
fn enormous_target() {
    let mut repo = Repo::new();
    repo.targets["targets"][TRUSTED_ROOT]["length"] = json!(u64::MAX);
    repo.next();
    assert!(matches!(fresh(&repo), Err(Error::TargetTooLarge { length: u64::MAX, .. })));
}

#[test]
fn wrong_hash_of_snapshot_and_targets_metadata() {
    for file in ["1.snapshot.json", "1.targets.json"] {
        let mut repo = Repo::new();
        repo.files.get_mut(file).unwrap().push(b' ');
        let found = fresh(&repo);
        assert!(matches!(found, Err(Error::Unreachable(Unreachable::TooLarge { .. }))), "{found:?}");
        let bytes = repo.files.get_mut(file).unwrap();
        bytes.pop();
        *bytes.last_mut().unwrap() = b' ';
        refused!(fresh(&repo), file, Rule::IntegrityMismatch(_));
    }
}

#[test]
fn mix_and_match_of_snapshot_versions() {
    let mut repo = Repo::new();
    let old = repo.files["1.snapshot.json"].clone();
    repo.next();
    repo.files.insert("2.snapshot.json".into(), old);
    refused!(fresh(&repo), "2.snapshot.json", Rule::IntegrityMismatch(_));
}

#[test]
fn too_few_signatures() {
    let mut repo = Repo::new();
    repo.root["version"] = json!(2);
    repo.publish_root_signed_by(&[1]);
    refused!(fresh(&repo), "2.root.json", Rule::ThresholdNotMet { found: 1, threshold: 2, .. });

    let mut repo = Repo::new();
    repo.timestamp["version"] = json!(2);
    repo.files.insert("timestamp.json".into(), signed_by(&repo.timestamp, &[]));
    refused!(fresh(&repo), "timestamp.json", Rule::ThresholdNotMet { found: 0, threshold: 1, .. });
}

#[test]
fn signatures_of_another_role_do_not_count() {
    let mut repo = Repo::new();
    repo.files.insert("timestamp.json".into(), signed_by(&repo.timestamp, &[4, 5, 1, 2]));
    refused!(fresh(&repo), "timestamp.json", Rule::ThresholdNotMet { found: 0, .. });
}

#[test]
fn duplicate_signatures_of_one_key() {
    let mut repo = Repo::new();
    repo.root["version"] = json!(2);
    repo.publish_root_signed_by(&[1, 1]);
    refused!(fresh(&repo), "2.root.json", Rule::DuplicateSignature { .. });
}

#[test]
fn one_key_under_two_key_ids() {
    let mut repo = Repo::new();
    // The signed root itself lists one key twice: that is for its signers to decide, TUF key ids are opaque. What
    // must not happen is that a *signature* is counted under an id that the trusted root does not list.
    repo.root["version"] = json!(2);
    let mut envelope: serde_json::Value = serde_json::from_slice(&signed_by(&repo.root, &[1])).unwrap();
    let mut copy = envelope["signatures"][0].clone();
    copy["keyid"] = json!("key2");
    envelope["signatures"].as_array_mut().unwrap().push(copy);
    repo.files.insert("2.root.json".into(), serde_json::to_vec(&envelope).unwrap());
    refused!(fresh(&repo), "2.root.json", Rule::ThresholdNotMet { found: 1, threshold: 2, .. });
}

#[test]
fn threshold_zero() {
    let mut repo = Repo::new();
    repo.root["roles"]["timestamp"]["threshold"] = json!(0);
    repo.next_root();
    repo.files.insert("timestamp.json".into(), signed_by(&repo.timestamp, &[]));
    refused!(fresh(&repo), "timestamp.json", Rule::Malformed(_));

    let mut repo = Repo::new();
    repo.root["roles"]["root"]["threshold"] = json!(0);
    repo.publish_root_signed_by(&[]);
    assert!(matches!(fresh(&repo), Err(Error::BadStart { source: Rule::Malformed(_) })));
}

#[test]
fn root_version_skip() {
    let mut repo = Repo::new();
    repo.root["version"] = json!(3);
    repo.publish_root();
    let skipped = repo.files.remove("3.root.json").unwrap();
    repo.files.insert("2.root.json".into(), skipped);
    refused!(fresh(&repo), "2.root.json", Rule::BadRootVersion { trusted: 1, new: 3 });
}

#[test]
fn root_rollback_to_the_same_version() {
    let mut repo = Repo::new();
    let first = repo.first_root();
    repo.files.insert("2.root.json".into(), first);
    refused!(fresh(&repo), "2.root.json", Rule::BadRootVersion { trusted: 1, new: 1 });
}

#[test]
fn root_of_an_attacker_signed_only_by_itself() {
    let mut repo = Repo::new();
    let first = repo.first_root();
    repo.signers.insert("root", vec![91, 92]);
    repo.list_keys();
    repo.next_root();
    let (found, _) = walk(start(first, CachedFiles::default()), &repo.files);
    refused!(found, "2.root.json", Rule::ThresholdNotMet { found: 0, .. });
}

#[test]
fn endless_root_chain() {
    let mut repo = Repo::new();
    for _ in 0..5 {
        repo.next_root();
    }
    let mut start = start(repo.first_root(), CachedFiles::default());
    start.limits = Limits { root_steps: 4, ..Limits::default() };
    let (found, paths) = walk(start, &repo.files);
    assert!(matches!(found, Err(Error::RootChain { start: 1, limit: 4 })), "{found:?}");
    assert_eq!(paths.len(), 5);
}

#[test]
fn endless_metadata() {
    let mut repo = Repo::new();
    repo.files.insert("timestamp.json".into(), vec![b' '; 20_000]);
    assert!(matches!(fresh(&repo), Err(Error::Unreachable(Unreachable::TooLarge { limit: 16_384, .. }))));
    repo.files.insert("2.root.json".into(), vec![b' '; 600_000]);
    assert!(matches!(fresh(&repo), Err(Error::Unreachable(Unreachable::TooLarge { limit: 512_000, .. }))));
}

#[test]
fn deeply_nested_json() {
    let mut repo = Repo::new();
    repo.files.insert("timestamp.json".into(), vec![b'['; 16_000]);
    refused!(fresh(&repo), "timestamp.json", Rule::Json(_));
}

#[test]
fn path_traversal_in_target_names() {
    let repo = Repo::new();
    for name in ["../x", "a/../../x", "/etc/passwd"] {
        let mut start = start(repo.first_root(), CachedFiles::default());
        start.names = vec![name.to_owned()];
        let (found, paths) = walk(start, &repo.files);
        assert!(matches!(found, Err(Error::BadTargetName { .. })), "{name}");
        assert!(paths.is_empty());
    }
}

#[test]
fn path_traversal_in_role_names() {
    let mut repo = Repo::new();
    repo.delegate(None, "../../role", &["d/*"], false, 50);
    let role = delegated(&json!({"d/x": listed(b"x")}));
    repo.publish_delegated("../../role", &role, 50);
    repo.files.insert(format!("targets/{}", mint::hashed("d/x", b"x")), b"x".to_vec());
    repo.next();
    let (found, paths) = walk_named(&repo, "d/x", Limits::default());
    assert_eq!(found.unwrap().target_files["d/x"].bytes, b"x");
    assert!(paths.contains(&"1...%2F..%2Frole.json".to_owned()), "{paths:?}");
    assert!(paths.iter().all(|path| !path.contains("../")), "{paths:?}");
}

fn walk_named(repo: &Repo, name: &str, limits: Limits) -> (Result<Refreshed, Error>, Vec<String>) {
    let mut start = start(repo.first_root(), CachedFiles::default());
    start.names = vec![name.to_owned()];
    start.limits = limits;
    walk(start, &repo.files)
}

#[test]
fn delegations_in_order_and_terminating() {
    let mut repo = Repo::new();
    repo.delegate(None, "first", &["d/*"], false, 50);
    repo.delegate(None, "last", &["d/*"], true, 51);
    repo.delegate(None, "never", &["d/*"], false, 52);
    repo.publish_delegated("first", &delegated(&json!({"d/both": listed(b"first")})), 50);
    repo.publish_delegated("last", &delegated(&json!({"d/both": listed(b"last")})), 51);
    repo.publish_delegated("never", &delegated(&json!({"d/hidden": listed(b"hidden")})), 52);
    for (name, bytes) in [("d/both", b"first".as_slice()), ("d/both", b"last"), ("d/hidden", b"hidden")] {
        repo.files.insert(format!("targets/{}", mint::hashed(name, bytes)), bytes.to_vec());
    }
    repo.next();
    let (found, _) = walk_named(&repo, "d/both", Limits::default());
    assert_eq!(found.unwrap().target_files["d/both"].bytes, b"first");
    let (found, paths) = walk_named(&repo, "d/hidden", Limits::default());
    assert!(matches!(found, Err(Error::TargetNotFound { .. })), "{found:?}");
    assert!(!paths.contains(&"1.never.json".to_owned()));
    let (found, _) = walk_named(&repo, "other/path", Limits::default());
    assert!(matches!(found, Err(Error::TargetNotFound { .. })));
}

#[test]
fn delegated_role_signed_by_another_key() {
    let mut repo = Repo::new();
    repo.delegate(None, "role", &["d/*"], false, 50);
    repo.publish_delegated("role", &delegated(&json!({"d/x": listed(b"x")})), 66);
    repo.next();
    refused!(walk_named(&repo, "d/x", Limits::default()).0, "1.role.json", Rule::ThresholdNotMet { found: 0, .. });
}

#[test]
fn delegation_with_the_name_of_a_top_level_role() {
    let mut repo = Repo::new();
    repo.delegate(None, "snapshot", &["d/*"], false, 50);
    repo.next();
    assert!(matches!(walk_named(&repo, "d/x", Limits::default()).0, Err(Error::TargetNotFound { .. })));
}

#[test]
fn delegation_that_the_snapshot_does_not_have() {
    let mut repo = Repo::new();
    repo.delegate(None, "ghost", &["d/*"], false, 50);
    repo.next();
    refused!(walk_named(&repo, "d/x", Limits::default()).0, "ghost.json", Rule::UnknownRole(_));
}

#[test]
fn cyclic_delegations_end() {
    let mut repo = Repo::new();
    repo.delegate(None, "a", &["d/*"], false, 50);
    let edge = |role: &str| {
        let role = json!({"name": role, "keyids": ["key50"], "threshold": 1, "paths": ["d/*"], "terminating": false});
        json!({"keys": {"key50": mint::Signer::new(50).key()}, "roles": [role]})
    };
    for (role, next) in [("a", "b"), ("b", "a")] {
        let mut signed = delegated(&json!({}));
        signed["delegations"] = edge(next);
        repo.publish_delegated(role, &signed, 50);
    }
    repo.next();
    let (found, paths) = walk_named(&repo, "d/x", Limits::default());
    assert!(matches!(found, Err(Error::TargetNotFound { .. })), "{found:?}");
    assert_eq!(paths.iter().filter(|path| path.ends_with("a.json") || path.ends_with("b.json")).count(), 2);
}

#[test]
fn endless_delegations_end() {
    let mut repo = Repo::new();
    let name = |index: usize| format!("role{index}");
    repo.delegate(None, &name(0), &["d/*"], false, 50);
    for index in 0..10 {
        let role = json!({"name": name(index + 1), "keyids": ["key50"], "threshold": 1, "paths": ["d/*"]});
        let mut signed = delegated(&json!({}));
        signed["delegations"] = json!({"keys": {"key50": mint::Signer::new(50).key()}, "roles": [role]});
        repo.publish_delegated(&name(index), &signed, 50);
    }
    repo.next();
    let (found, _) = walk_named(&repo, "d/x", Limits { delegations: 5, ..Limits::default() });
    assert!(matches!(found, Err(Error::TooManyDelegations { limit: 5, .. })), "{found:?}");
}

#[test]
fn cached_chain_is_loaded_only_when_it_is_signed() {
    let mut repo = Repo::new();
    repo.next_root();
    let now = mint::NOW.parse().unwrap();
    let load = |cached: &CachedFiles| load_cached(&repo.first_root(), cached, TRUSTED_ROOT, now);
    let good = load(&repo.cached()).unwrap();
    assert_eq!((good.target.as_slice(), good.root_version), (b"{\"first\":true}".as_slice(), 2));
    assert!(good.expired.is_empty());

    let mut cached = repo.cached();
    cached.target_files.insert(TRUSTED_ROOT.to_owned(), b"{\"first\":evil}".to_vec());
    assert!(matches!(load(&cached), Err(Error::TargetMismatch { property: "sha256", .. })));

    let mut cached = repo.cached();
    cached.targets = None;
    assert!(matches!(load(&cached), Err(Error::NotCached { .. })));

    // A whole chain of somebody else, and one file of it.
    let mut other = Repo::new();
    other.signers =
        BTreeMap::from([("root", vec![81]), ("timestamp", vec![83]), ("snapshot", vec![84]), ("targets", vec![85])]);
    other.list_keys();
    other.publish_root();
    other.publish();
    refused!(load(&other.cached()), "timestamp.json", Rule::ThresholdNotMet { .. });
    let mut cached = repo.cached();
    cached.targets = other.cached().targets;
    refused!(load(&cached), "targets.json", Rule::IntegrityMismatch(_));
}

#[test]
fn cached_chain_that_has_expired_is_reported() {
    let repo = Repo::new();
    let now = "2028-01-01T00:00:00Z".parse().unwrap();
    let found = load_cached(&repo.first_root(), &repo.cached(), TRUSTED_ROOT, now).unwrap();
    let roles: Vec<_> = found.expired.iter().map(|(role, _)| *role).collect();
    assert_eq!(roles, ["root", "timestamp", "snapshot", "targets"]);
}

#[test]
fn corrupted_cache_costs_requests_only() {
    let repo = Repo::new();
    let damaged = |cached: &CachedFiles| {
        let damage = |_: Vec<u8>| b"{".to_vec();
        CachedFiles {
            roots: vec![b"not json".to_vec()],
            timestamp: cached.timestamp.clone().map(damage),
            snapshot: cached.snapshot.clone().map(damage),
            targets: cached.targets.clone().map(damage),
            delegated: BTreeMap::new(),
            target_files: BTreeMap::from([(TRUSTED_ROOT.to_owned(), b"{".to_vec())]),
        }
    };
    let found = with_cache(&repo, damaged(&repo.cached())).unwrap();
    assert_eq!(found.target_files[TRUSTED_ROOT].bytes, b"{\"first\":true}");
    assert!(found.timestamp.changed && found.target_files[TRUSTED_ROOT].changed);
}
