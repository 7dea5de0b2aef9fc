//! The policies and TrustRoots of policy-controller's own tests, where Go's module cache has them: what must be refused is
//! refused with the text that those tests look for, and what must be accepted is accepted.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read files, and a panic is a failed test"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;
use sigward_policy::cip::RemotePolicy;
use sigward_policy::cip::{self, ClusterImagePolicy, ValidationContext};
use sigward_policy::config::{EmptyAuthorities, Oci11};
use sigward_policy::field_error::FieldErrors;
use sigward_policy::object::{Base64, PatchOperation, decode};
use sigward_policy::resolve::{ContentSource, Missing, ResolvedPolicy};
use sigward_policy::trust_root::{self, Repository, TrustRoot, TrustRootError, TrustRootPlan, TrustRootSpec};
use sigward_trust::tuf::CachedFiles;
use support::{policy_controller, yaml};

/// What the webhooks say: the text of a refusal, or nothing.
fn answer(policy: &Value, empty_authorities: EmptyAuthorities) -> String {
    if let Some(refusal) = schema_answer(policy) {
        return refusal;
    }
    let mut policy: ClusterImagePolicy = match decode(policy.to_string().as_bytes()) {
        Ok(policy) => policy,
        Err(fault) => return fault.to_string(),
    };
    cip::set_defaults(&mut policy);
    let context = ValidationContext { system_namespace: "cosign-system", empty_authorities };
    cip::validate(&policy, context).denial().map(|text| format!("validation failed: {text}")).unwrap_or_default()
}

/// The schema's answer, which comes before that of validation: a list must not be `null`.
fn schema_answer(policy: &Value) -> Option<String> {
    let patch = cip::defaulting_patch(policy).unwrap();
    let is_null = |operation: &PatchOperation| matches!(operation, PatchOperation::Add { path, value } if path.ends_with("/keyless/identities") && value.is_null());
    let text = "spec.authorities[0].keyless.identities: Invalid value: \"null\"";
    patch.iter().any(is_null).then(|| text.to_owned())
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn what_policy_controller_refuses_is_refused_with_its_text() {
    let Some(sources) = policy_controller() else { return };
    let files = files(&sources.join("test/testdata/policy-controller/invalid"));
    assert!(files.len() >= 30);
    for (name, text) in files {
        let expected: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# ERROR:")).map(str::trim).collect();
        assert!(!expected.is_empty(), "{name}");
        let said: String = yaml(&text).iter().map(|policy| answer(policy, EmptyAuthorities::Refused)).collect();
        for text in expected {
            assert!(said.contains(text), "{name}: {text:?} expected in {said:?}");
        }
    }
}

#[test]
fn what_policy_controller_accepts_is_accepted() {
    let Some(sources) = policy_controller() else { return };
    let folder = sources.join("test/testdata/policy-controller");
    let valid = files(&folder.join("valid")).into_iter().map(|file| (file, EmptyAuthorities::Refused));
    let empty = files(&folder.join("empty-authorities")).into_iter().map(|file| (file, EmptyAuthorities::Accepted));
    for ((name, text), empty_authorities) in valid.chain(empty) {
        for policy in yaml(&text).iter().filter(|document| document["kind"] == cip::KIND) {
            assert_eq!(answer(policy, empty_authorities), "", "{name}");
        }
    }
}

#[test]
fn what_policy_controller_takes_for_keys_are_keys() {
    let Some(sources) = policy_controller() else { return };
    let text = fs::read_to_string(sources.join("test/testdata/trustroot/valid/valid-sigstore-keys.yaml")).unwrap();
    let trust_root: TrustRoot = serde_json::from_value(yaml(&text).remove(0)).unwrap();
    assert_eq!(trust_root::validate(&trust_root, minted()), FieldErrors::none());
    for name in ["marshalledEntry.json", "marshalledEntryFromMirrorFS.json"] {
        let entry = fs::read(sources.join("pkg/reconciler/trustroot/testdata").join(name)).unwrap();
        let material = trust_root::read_published(&entry).unwrap();
        assert!(material.warnings.is_empty(), "{name}: {:?}", material.warnings);
        let (log, ct) = (&material.logs[0], &material.ct_logs[0]);
        assert_eq!((log.id.as_slice(), ct.id.as_slice()), (&log.key.fingerprint()[..], &ct.key.fingerprint()[..]));
    }
}

#[test]
fn repositories_that_its_tools_packed_are_read() {
    let Some(sources) = policy_controller() else { return };
    let folder = sources.join("pkg/reconciler/trustroot/testdata");
    let read = |archive: &str, root: &str, target: &str| {
        let repository = Repository {
            root: Base64(fs::read(folder.join(root)).unwrap()),
            mirror_fs: Base64(fs::read(folder.join(archive)).unwrap()),
            targets: "targets".into(),
            trusted_root_target: target.into(),
        };
        let spec = TrustRootSpec { repository: Some(repository), ..TrustRootSpec::default() };
        trust_root::plan(&spec, CachedFiles::default(), minted())
    };
    for (archive, root, target) in [
        ("tufRepoWithTrustedRootJSON.tar", "rootWithTrustedRootJSON.json", ""),
        ("tufRepoWithCustomTrustedRootJSON.tar", "rootWithCustomTrustedRootJSON.json", "custom_trusted_root.json"),
    ] {
        let Ok(TrustRootPlan::Ready(content)) = read(archive, root, target) else { panic!("{archive}") };
        assert!(!content.material.certificate_authorities.is_empty(), "{archive}");
    }
    // The third one's authority is a leaf without a root: policy-controller takes it, and could verify nothing with it.
    let leaf = read("tufRepo.tar", "root.json", "");
    assert!(
        matches!(&leaf, Err(TrustRootError::Keys { place, .. }) if place == "target with usage Fulcio"),
        "{leaf:?}"
    );
}

/// Some days after those repositories were signed.
fn minted() -> Timestamp {
    "2026-01-20T00:00:00Z".parse().unwrap()
}

/// Nothing is there that a policy could refer to: what is missing must be said, and nothing else may be wrong.
struct Nothing;

impl ContentSource for Nothing {
    fn secret(&self, name: &str) -> Result<BTreeMap<String, Vec<u8>>, Missing> {
        Err(Missing::new(format!("absent: {name}")))
    }

    fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>, Missing> {
        Err(Missing::new(format!("absent: {name}")))
    }

    fn remote(&self, remote: &RemotePolicy) -> Result<Vec<u8>, Missing> {
        Err(Missing::new(format!("absent: {}", remote.url)))
    }
}

/// Every policy of those tests can be resolved, policies in CUE and Rego included, as far as nothing outside of it is
/// missing.
#[test]
fn what_policy_controller_accepts_is_resolved() {
    let Some(sources) = policy_controller() else { return };
    let folder = sources.join("test/testdata/policy-controller");
    let mut resolved = 0;
    for part in ["valid", "e2e", "empty-authorities"] {
        for (name, text) in files(&folder.join(part)) {
            for policy in yaml(&text).iter().filter(|document| document["kind"] == cip::KIND) {
                let faults = ResolvedPolicy::load(policy, &Nothing, Oci11::Off).faults();
                let known = ["absent: ", "is not supported"];
                let unknown: Vec<_> =
                    faults.iter().filter(|fault| !known.iter().any(|known| fault.contains(known))).collect();
                assert!(unknown.is_empty(), "{part}/{name}: {unknown:?}");
                resolved += 1;
            }
        }
    }
    assert!(resolved >= 14, "{resolved}");
}
