//! TrustRoots: which keys they come to, and what they must not be able to do.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is a failed test")]

use jiff::Timestamp;
use serde_json::{Value, json};
use sigward_policy::object::decode;
use sigward_policy::trust_root::{
    ArchiveFault, TrustRoot, TrustRootContent, TrustRootError, TrustRootPlan, plan, read_published, validate,
};
use sigward_testkit::Sigstore;
use sigward_testkit::ca::Ca;
use sigward_testkit::gzip;
use sigward_testkit::keys::{Key, KeyKind};
use sigward_testkit::rekor::Rekor;
use sigward_testkit::text::{b64, chain_pem, hex};
use sigward_testkit::time::{DAY, SIGNING_TIME};
use sigward_testkit::trust::{LogTrust, TrustedRoot};
use sigward_testkit::tuf::{TufRepo, sign};
use sigward_trust::tuf::CachedFiles;
use sigward_verify::TrustMaterial;
use sigward_verify::evidence::{Answer, Inquiry, Response, Step};

fn now() -> Timestamp {
    Timestamp::from_second(SIGNING_TIME).unwrap()
}

fn read(spec: Value) -> TrustRoot {
    let object = json!({
        "apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "TrustRoot", "metadata": {"name": "x"}, "spec": spec,
    });
    decode(object.to_string().as_bytes()).unwrap()
}

fn content_with(spec: Value, known: CachedFiles, at: Timestamp) -> Result<TrustRootContent, TrustRootError> {
    match plan(&read(spec).spec, known, at)? {
        TrustRootPlan::Ready(content) => Ok(*content),
        TrustRootPlan::Ask(_) => panic!("nothing is to be asked"),
    }
}

fn content(spec: Value) -> Result<TrustRootContent, TrustRootError> {
    content_with(spec, CachedFiles::default(), now())
}

/// What counts of trust material beside windows.
fn keys(material: &TrustMaterial) -> Vec<String> {
    let logs = |kind: &'static str, logs: &[sigward_verify::TransparencyLog]| {
        logs.iter().map(|log| format!("{kind} {} {:?} {}", hex(&log.id), log.key, log.base_url)).collect::<Vec<_>>()
    };
    let authorities = |kind: &'static str, all: &[sigward_verify::CertificateAuthority]| {
        all.iter().map(|ca| format!("{kind} {:?} {}", ca.chain, ca.uri)).collect::<Vec<_>>()
    };
    [
        logs("log", &material.logs),
        logs("ct", &material.ct_logs),
        authorities("ca", &material.certificate_authorities),
        authorities("tsa", &material.timestamp_authorities),
    ]
    .concat()
}

fn log(url: &str, key: &Key) -> Value {
    json!({"baseURL": url, "hashAlgorithm": "sha-256", "publicKey": b64(key.public_pem())})
}

fn authority(url: &str, chain: &[Vec<u8>]) -> Value {
    let subject = json!({"organization": "o", "commonName": "c"});
    json!({"subject": subject, "uri": url, "certChain": b64(chain_pem(chain))})
}

fn sigstore_keys(sigstore: &Sigstore) -> Value {
    json!({"sigstoreKeys": {
        "certificateAuthorities": [authority(&sigstore.ca.url, &sigstore.ca.chain())],
        "tLogs": [log(&sigstore.rekor.url, &sigstore.rekor.key)],
        "ctLogs": sigstore.ct.iter().map(|ct| log(&ct.url, &ct.key)).collect::<Vec<_>>(),
        "timestampAuthorities": [authority(&sigstore.tsa.url, &sigstore.tsa.chain())],
    }})
}

#[test]
fn given_keys_come_to_the_same_as_a_trusted_root_with_them() {
    let sigstore = Sigstore::new();
    let found = content(sigstore_keys(&sigstore)).unwrap();
    let root = TrustedRoot {
        tlogs: vec![LogTrust::from(&sigstore.rekor)],
        cas: vec![(&sigstore.ca).into()],
        ctlogs: sigstore.ct.iter().map(Into::into).collect(),
        tsas: vec![(&sigstore.tsa).into()],
        ..TrustedRoot::default()
    };
    let expected = TrustMaterial::from_trusted_root(root.to_json().as_bytes()).unwrap();
    assert_eq!(keys(&found.material), keys(&expected));
    assert!(found.material.warnings.is_empty());
    assert_eq!(found.files, CachedFiles::default());
}

#[test]
fn logs_may_have_any_kind_of_key_that_can_be_verified() {
    // policy-controller takes ECDSA alone, and so not the public instance's newest log.
    for kind in [KeyKind::Ed25519, KeyKind::P384, KeyKind::Rsa2048] {
        let key = Key::new(kind);
        let sigstore = Sigstore::new();
        let mut spec = sigstore_keys(&sigstore);
        spec["sigstoreKeys"]["tLogs"] = json!([log("https://log.example", &key)]);
        let found = content(spec).unwrap().material;
        assert_eq!(found.logs[0].key.spki(), key.spki(), "{kind:?}");
        assert_eq!(found.logs[0].id, key.id(), "{kind:?}");
    }
}

#[test]
fn an_id_of_a_log_is_published_as_bytes_and_read_in_both_forms() {
    let sigstore = Sigstore::new();
    let found = content(sigstore_keys(&sigstore)).unwrap();
    let mut entry: Value = serde_json::from_slice(&found.trusted_root).unwrap();
    let id = sigstore.rekor.key.id();
    assert_eq!(entry["tlogs"][0]["logId"]["keyId"], b64(&id));
    assert_eq!(keys(&read_published(&found.trusted_root).unwrap()), keys(&found.material));
    // As policy-controller writes it: the digits, and no word about keys that are not ECDSA.
    let log = &mut entry["tlogs"][0];
    log["logId"]["keyId"] = b64(hex(&id)).into();
    log["publicKey"]["keyDetails"] = Value::Null;
    entry["ctlogs"][0]["publicKey"]["keyDetails"] = "PKIX_RSA_PSS_2048_SHA256".into();
    let read = read_published(entry.to_string().as_bytes()).unwrap();
    assert_eq!(keys(&read), keys(&found.material));
    // policy-controller does not always say what the document is. Nothing in it is nothing trusted.
    assert_eq!(read_published(b"{}").unwrap(), TrustMaterial::default());
    assert!(matches!(read_published(br#"{"mediaType":"x"}"#), Err(TrustRootError::Material { .. })));
    assert!(matches!(read_published(br#"{"tlogs":[],"tlogs":[]}"#), Err(TrustRootError::Material { .. })));
    assert!(matches!(read_published(b"x"), Err(TrustRootError::Material { .. })));
}

#[test]
fn a_chain_may_stand_in_any_order_and_ends_in_its_root() {
    let sigstore = Sigstore::new();
    let mut chain = sigstore.ca.chain();
    chain.reverse();
    let mut spec = sigstore_keys(&sigstore);
    spec["sigstoreKeys"]["certificateAuthorities"] = json!([authority(&sigstore.ca.url, &chain)]);
    let found = content(spec).unwrap().material;
    let anchor = found.certificate_authorities[0].chain.last().unwrap();
    assert!(anchor.is_self_issued());
}

#[test]
fn certificates_without_a_root_are_no_trust() {
    // An intermediate would become an anchor: it is trusted because of its root, and ends with it.
    let sigstore = Sigstore::new();
    let chain = sigstore.ca.chain();
    let mut spec = sigstore_keys(&sigstore);
    spec["sigstoreKeys"]["certificateAuthorities"] = json!([authority(&sigstore.ca.url, &chain[..1])]);
    let refused = content(spec);
    assert!(
        matches!(&refused, Err(TrustRootError::Keys { place, .. }) if place == "certificateAuthorities[0].certChain"),
        "{refused:?}"
    );
}

#[test]
fn a_leaf_among_issuers_and_two_leaves_of_a_timestamp_authority_are_refused() {
    let sigstore = Sigstore::new();
    let leaf = sigstore.tsa.chain()[0].clone();
    let mut issuers = vec![leaf.clone()];
    issuers.extend(sigstore.ca.chain());
    let mut spec = sigstore_keys(&sigstore);
    spec["sigstoreKeys"]["certificateAuthorities"] = json!([authority("https://f.example", &issuers)]);
    assert!(matches!(content(spec), Err(TrustRootError::Keys { .. })));
    let mut stamps = vec![leaf];
    stamps.extend(sigstore.tsa.chain());
    let mut spec = sigstore_keys(&sigstore);
    spec["sigstoreKeys"]["timestampAuthorities"] = json!([authority("https://t.example", &stamps)]);
    assert!(matches!(content(spec), Err(TrustRootError::Keys { .. })));
}

#[test]
fn more_or_less_than_one_source_yields_nothing() {
    for (spec, found) in [(json!({}), 0), (json!({"remote": {}, "repository": {}, "sigstoreKeys": {}}), 3)] {
        let refused = content(spec);
        assert!(matches!(refused, Err(TrustRootError::Source { found: n }) if n == found), "{refused:?}");
    }
}

// A TUF repository as an archive.

fn tar(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in files {
        let mut header = vec![0; 512];
        // Names of targets with their digests are longer than the field for names.
        let (folder, file) = name.rsplit_once('/').filter(|_| name.len() > 100).unwrap_or(("", &name));
        header[..file.len()].copy_from_slice(file.as_bytes());
        header[257..263].copy_from_slice(b"ustar\0");
        header[345..345 + folder.len()].copy_from_slice(folder.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = b'0';
        header[148..156].copy_from_slice(b"        ");
        let sum: usize = header.iter().map(|&b| usize::from(b)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        out.extend(header);
        out.extend(&content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    gzip::pack(&out)
}

fn archive(repo: &TufRepo) -> Vec<u8> {
    tar(repo.files.iter().map(|(name, bytes)| (format!("repository/{name}"), bytes.clone())))
}

fn repository(root: &[u8], archive: &[u8]) -> Value {
    json!({"repository": {"root": b64(root), "mirrorFS": b64(archive), "targets": "targets"}})
}

fn spec_of(repo: &TufRepo) -> Value {
    repository(&repo.initial_root(), &archive(repo))
}

#[test]
fn a_repository_in_an_archive_yields_its_trusted_root() {
    let json = Sigstore::new().trusted_root().to_json();
    let expected = keys(&TrustMaterial::from_trusted_root(json.as_bytes()).unwrap());
    for consistent in [true, false] {
        let mut repo = TufRepo::new(&json);
        repo.consistent = consistent;
        repo.publish_root();
        repo.publish();
        repo.rotate_root();
        let found = content(spec_of(&repo)).unwrap();
        assert_eq!(keys(&found.material), expected);
        assert_eq!(found.trusted_root, json.as_bytes());
        assert_eq!(found.files.roots.len(), 1);
    }
}

#[test]
fn another_target_and_another_folder_can_be_named() {
    let json = Sigstore::new().trusted_root().to_json();
    let mut repo = TufRepo::new("{}");
    repo.set_target("deep/my root.json", json.as_bytes());
    let moved = repo.files.iter().map(|(name, bytes)| (name.replace("targets/", "blobs/"), bytes.clone()));
    let mut spec = repository(&repo.initial_root(), &tar(moved));
    spec["repository"]["targets"] = "blobs".into();
    spec["repository"]["trustedRootTarget"] = "deep/my root.json".into();
    assert_eq!(content(spec).unwrap().trusted_root, json.as_bytes());
}

fn tuf_fault(spec: Value) -> sigward_trust::Error {
    match content(spec) {
        Err(TrustRootError::Tuf(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_archive_of_another_repository_is_refused() {
    let json = Sigstore::new().trusted_root().to_json();
    let (ours, theirs) = (TufRepo::new(&json), TufRepo::new(&json));
    let fault = tuf_fault(repository(&ours.initial_root(), &archive(&theirs)));
    assert!(matches!(fault, sigward_trust::Error::Refused { .. }), "{fault}");
}

#[test]
fn a_target_that_was_changed_in_the_archive_is_refused() {
    let json = Sigstore::new().trusted_root().to_json();
    let mut repo = TufRepo::new(&json);
    let target = repo.files.keys().find(|name| name.ends_with(".trusted_root.json")).unwrap().clone();
    let evil = Sigstore::new().trusted_root().to_json();
    repo.files.insert(target, evil.into_bytes());
    let fault = tuf_fault(spec_of(&repo));
    assert!(
        matches!(fault, sigward_trust::Error::TargetMismatch { .. } | sigward_trust::Error::Unreachable(_)),
        "{fault}"
    );
}

#[test]
fn a_file_that_is_longer_than_its_role_may_be_is_not_taken_for_an_absent_one() {
    let mut repo = TufRepo::new(&Sigstore::new().trusted_root().to_json());
    // A root that is too long to be read would hide the revocation in it, if it counted as "no newer root".
    repo.files.insert("2.root.json".to_owned(), vec![b' '; 600_000]);
    let fault = tuf_fault(spec_of(&repo));
    assert!(matches!(fault, sigward_trust::Error::Unreachable(_)), "{fault}");
}

#[test]
fn a_repository_whose_signatures_have_ended_is_refused() {
    let repo = TufRepo::new(&Sigstore::new().trusted_root().to_json());
    let late = Timestamp::from_second(SIGNING_TIME + 90 * DAY).unwrap();
    let refused = content_with(spec_of(&repo), CachedFiles::default(), late);
    assert!(matches!(refused, Err(TrustRootError::Tuf(sigward_trust::Error::Refused { .. }))), "{refused:?}");
}

#[test]
fn an_older_archive_than_the_last_one_is_refused() {
    let mut repo = TufRepo::new(&Sigstore::new().trusted_root().to_json());
    let old = spec_of(&repo);
    repo.set_target("trusted_root.json", Sigstore::new().trusted_root().to_json().as_bytes());
    let known = content(spec_of(&repo)).unwrap().files;
    // The same archive again is fine.
    assert!(content_with(spec_of(&repo), known.clone(), now()).is_ok());
    let refused = content_with(old, known, now());
    assert!(matches!(refused, Err(TrustRootError::Tuf(sigward_trust::Error::Refused { .. }))), "{refused:?}");
}

#[test]
fn what_is_no_archive_is_refused() {
    let repo = TufRepo::new("{}");
    let refused = content(repository(&repo.initial_root(), b"text"));
    assert!(matches!(refused, Err(TrustRootError::Archive(ArchiveFault::Header))), "{refused:?}");
    let refused = content(repository(b"{}", &archive(&repo)));
    assert!(matches!(refused, Err(TrustRootError::Tuf(sigward_trust::Error::BadStart { .. }))), "{refused:?}");
}

// Repositories from before there was a trusted root.

struct Legacy {
    repo: TufRepo,
    ca: Ca,
    rekor: Rekor,
    ct: Key,
}

fn legacy(custom: impl Fn(&str) -> Value) -> Legacy {
    let mut repo = TufRepo::new("{}");
    repo.target_files.clear();
    let (ca, rekor, ct) = (Sigstore::new().ca, Rekor::v1("https://rekor.example"), Key::default());
    let chain = ca.chain();
    let (root, intermediates) = chain.split_last().unwrap();
    for (name, bytes) in [
        ("fulcio.crt.pem", chain_pem([root])),
        ("fulcio_intermediate.crt.pem", chain_pem(intermediates)),
        ("rekor.pub", rekor.key.public_pem()),
        ("ctfe.pub", ct.public_pem()),
        ("artifact.pub", Key::default().public_pem()),
    ] {
        repo.target_files.insert(name.to_owned(), bytes.into_bytes());
    }
    repo.bump();
    let mut signed = repo.targets_value();
    for (name, target) in signed["targets"].as_object_mut().unwrap() {
        target["custom"] = custom(name);
    }
    let path = format!("{}.targets.json", repo.targets.version);
    repo.files.insert(path, sign(&signed, &repo.targets.keys));
    Legacy { repo, ca, rekor, ct }
}

fn usage(name: &str) -> Value {
    let usage = match name {
        name if name.starts_with("fulcio") => "Fulcio",
        "rekor.pub" => "Rekor",
        "ctfe.pub" => "CTFE",
        _ => "Unknown",
    };
    json!({"sigstore": {"usage": usage, "status": "Active", "uri": format!("https://{name}.example")}})
}

#[test]
fn a_repository_without_a_trusted_root_yields_the_keys_that_its_targets_are() {
    let Legacy { repo, ca, rekor, ct } = legacy(usage);
    let found = content(spec_of(&repo)).unwrap().material;
    assert_eq!(found.logs.len(), 1);
    assert_eq!(found.logs[0].key.spki(), rekor.key.spki());
    assert_eq!(found.logs[0].base_url, "https://rekor.pub.example");
    assert_eq!(found.ct_logs[0].key.spki(), ct.spki());
    // The intermediate alone is no anchor.
    assert_eq!(found.certificate_authorities.len(), 1);
    let ders: Vec<&[u8]> = found.certificate_authorities[0].chain.iter().map(|c| c.der()).collect();
    assert_eq!(ders, ca.chain().iter().map(Vec::as_slice).collect::<Vec<_>>());
}

#[test]
fn a_repository_without_any_authority_is_an_error() {
    for custom in [
        |_: &str| Value::Null,
        |_: &str| json!({"other": 1}),
        |name: &str| if name.starts_with("fulcio") { Value::Null } else { usage(name) },
    ] {
        let refused = content(spec_of(&legacy(custom).repo));
        assert!(matches!(refused, Err(TrustRootError::NoAuthorities)), "{refused:?}");
    }
}

#[test]
fn only_a_target_that_nobody_lists_leads_to_the_old_way() {
    // Where it is listed and cannot be had, somebody hides it.
    let mut repo = legacy(usage).repo;
    repo.set_target("trusted_root.json", b"{}");
    repo.files.retain(|name, _| !name.ends_with(".trusted_root.json"));
    let fault = tuf_fault(spec_of(&repo));
    assert!(matches!(fault, sigward_trust::Error::Status { status: 404, .. }), "{fault}");
}

// A repository on a server.

fn ask(spec: &Value, files: &TufRepo) -> Result<TrustRootContent, TrustRootError> {
    let Ok(TrustRootPlan::Ask(mut inquiry)) = plan(&read(spec.clone()).spec, CachedFiles::default(), now()) else {
        panic!("something is to be asked");
    };
    let mut answers = Vec::new();
    for _ in 0..50 {
        match inquiry.step(answers) {
            Step::Done(content) => return Ok(content),
            Step::Failed(fault) => return Err(fault),
            Step::Need(needs) => {
                let answer = |url: &str| {
                    let path = url.strip_prefix("https://tuf.example/base/").expect("a URL of the mirror");
                    let body = files.files.get(path);
                    let response = Response {
                        status: if body.is_some() { 200 } else { 404 },
                        content_type: None,
                        body: body.cloned().unwrap_or_default(),
                        content_digest: None,
                        link: None,
                    };
                    Answer { outcome: Ok(response), host: "tuf.example".into(), url: url.into(), credential: None }
                };
                answers = needs.iter().map(|need| answer(&need.url)).collect();
            }
        }
    }
    panic!("asked without end");
}

#[test]
fn a_remote_repository_is_asked_from_the_given_root_on() {
    let json = Sigstore::new().trusted_root().to_json();
    let repo = TufRepo::new(&json);
    let remote = |root: &[u8]| json!({"remote": {"root": b64(root), "mirror": "https://tuf.example/base/"}});
    assert_eq!(ask(&remote(&repo.initial_root()), &repo).unwrap().trusted_root, json.as_bytes());
    let other = TufRepo::new(&json);
    let refused = ask(&remote(&other.initial_root()), &repo);
    assert!(matches!(refused, Err(TrustRootError::Tuf(sigward_trust::Error::Refused { .. }))), "{refused:?}");
    let old = legacy(usage);
    let found = ask(&remote(&old.repo.initial_root()), &old.repo).unwrap().material;
    assert_eq!(found.logs[0].key.spki(), old.rekor.key.spki());
}

#[test]
fn a_target_whose_name_leaves_its_folder_is_refused_before_anything_is_asked() {
    let repo = TufRepo::new("{}");
    let mut spec = json!({"remote": {"root": b64(repo.initial_root()), "mirror": "https://tuf.example/base"}});
    spec["remote"]["trustedRootTarget"] = "../../other".into();
    let refused = plan(&read(spec).spec, CachedFiles::default(), now());
    assert!(matches!(refused, Err(TrustRootError::Tuf(sigward_trust::Error::BadTargetName { .. }))));
}

// Validation: one row for each condition of specs/policy-controller.md §1.6.

fn denial(spec: Value) -> String {
    validate(&read(spec), now()).denial().unwrap_or_default()
}

#[test]
fn exactly_one_source_is_asked_for() {
    let paths = "spec.remote, spec.repository, spec.sigstoreKeys";
    assert_eq!(denial(json!({})), format!("expected exactly one, got neither: {paths}"));
    for both in [json!({"remote": {}, "repository": {}}), json!({"repository": {}, "sigstoreKeys": {}})] {
        assert_eq!(denial(both), format!("expected exactly one, got both: {paths}"));
    }
}

#[test]
fn roots_and_mirrors_are_checked() {
    let root = b64(TufRepo::new("{}").initial_root());
    let bad = "invalid value: failed to unmarshal: spec.remote.root";
    for (spec, expected) in [
        (json!({"remote": {}}), "missing field(s): spec.remote.mirror, spec.remote.root".to_owned()),
        (json!({"remote": {"root": root}}), "missing field(s): spec.remote.mirror".into()),
        (
            json!({"remote": {"root": b64("not json"), "mirror": "https://x.example"}}),
            format!("{bad}\ninvalid character 'o' in literal null (expecting 'u')"),
        ),
        (
            json!({"remote": {"root": b64("{}"), "mirror": "https://x.example"}}),
            "invalid value: missing signatures in root.json: spec.remote.root\nno signatures".into(),
        ),
        (
            json!({"repository": {}}),
            "missing field(s): spec.repository.repository, spec.repository.root, spec.repository.targets".into(),
        ),
        (json!({"remote": {"root": root, "mirror": "https://x.example"}}), String::new()),
    ] {
        assert_eq!(denial(spec), expected);
    }
}

#[test]
fn an_archive_must_be_a_repository_that_the_root_signs() {
    let repo = TufRepo::new(&Sigstore::new().trusted_root().to_json());
    assert_eq!(denial(spec_of(&repo)), "");
    assert_eq!(
        denial(repository(&repo.initial_root(), b"text")),
        "invalid value: failed to construct a TUF client: spec.repository.mirrorFS\nfailed to uncompress: gzip: invalid header"
    );
    let other = TufRepo::new("{}");
    for (spec, what) in [
        (repository(&other.initial_root(), &archive(&repo)), "failed to get targets from a TUF client"),
        (repository(b"{\"signatures\": []}", &archive(&repo)), "failed to construct a TUF client"),
        (repository(&repo.initial_root(), &tar([])), "failed to get targets from a TUF client"),
    ] {
        let text = denial(spec);
        assert!(text.starts_with(&format!("invalid value: {what}: spec.repository.mirrorFS\n")), "{text}");
    }
}

#[test]
fn all_keys_are_checked_and_not_the_last_ones_alone() {
    let keys = "spec.sigstoreKeys";
    assert_eq!(
        denial(json!({"sigstoreKeys": {}})),
        format!("expected exactly one, got neither: {keys}.certificateAuthority, {keys}.timestampAuthorities")
    );
    let sigstore = Sigstore::new();
    let good = authority("https://x.example", &sigstore.ca.chain());
    let spec = json!({"sigstoreKeys": {
        "certificateAuthorities": [{}, good],
        "tLogs": [{}, log("https://x.example", &sigstore.rekor.key)],
        "ctLogs": [{"baseURL": "https://x.example"}],
        "timestampAuthorities": [{"uri": "https://x.example"}, authority("https://x.example", &sigstore.tsa.chain())],
    }});
    let missing = [
        "certificateAuthority[0].certchain",
        "certificateAuthority[0].subject.commonName",
        "certificateAuthority[0].subject.organization",
        "certificateAuthority[0].uri",
        "ctLogs[0].hashAlgorithm",
        "ctLogs[0].publicKey",
        "tLogs[0].baseURL",
        "tLogs[0].hashAlgorithm",
        "tLogs[0].publicKey",
        "timestampAuthorities[0].certchain",
        "timestampAuthorities[0].subject.commonName",
        "timestampAuthorities[0].subject.organization",
    ];
    let paths: Vec<String> = missing.iter().map(|path| format!("{keys}.{path}")).collect();
    assert_eq!(denial(spec), format!("missing field(s): {}", paths.join(", ")));
}

#[test]
fn chains_of_timestamp_authorities_are_checked() {
    let sigstore = Sigstore::new();
    let tsa = |chain: String| {
        let mut authority = authority("https://x.example", &[]);
        authority["certChain"] = b64(chain).into();
        denial(json!({"sigstoreKeys": {"timestampAuthorities": [authority]}}))
    };
    let at = "spec.sigstoreKeys.timestampAuthorities[0].certChain";
    assert!(tsa("text".into()).starts_with(&format!("invalid value: error splitting the certificates: {at}\n")));
    let leaf = sigstore.tsa.chain()[0].clone();
    let mut two = vec![leaf];
    two.extend(sigstore.tsa.chain());
    assert_eq!(
        tsa(chain_pem(&two)),
        format!("invalid value: certificate chain must contain at most one TSA certificate: {at}")
    );
}

#[test]
fn keys_that_cannot_be_used_are_warned_of() {
    let sigstore = Sigstore::new();
    assert!(validate(&read(sigstore_keys(&sigstore)), now()).is_empty());
    for (path, value) in [
        ("/sigstoreKeys/tLogs/0/publicKey", b64("text")),
        ("/sigstoreKeys/tLogs/0/hashAlgorithm", "sha-512".to_owned()),
        ("/sigstoreKeys/certificateAuthorities/0/certChain", b64(chain_pem(&sigstore.ca.chain()[..1]))),
    ] {
        let mut spec = sigstore_keys(&sigstore);
        *spec.pointer_mut(path).unwrap() = value.into();
        let errors = validate(&read(spec), now());
        assert_eq!(errors.denial(), None, "{path}");
        assert_eq!(errors.warnings()[0], "keys that cannot be used: spec.sigstoreKeys", "{path}");
    }
}
