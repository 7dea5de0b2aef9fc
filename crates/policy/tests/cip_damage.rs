//! Damaged policies: nothing panics, nothing runs away, and whatever is read is written and read again as the same.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is a failed test")]

use serde_json::Value;
use sigward_policy::cip::{self, ClusterImagePolicy, ValidationContext};
use sigward_policy::config::EmptyAuthorities;
use sigward_policy::field_error::FieldErrors;
use sigward_policy::matching::{Match, Matcher, ObjectIdentity};
use sigward_policy::object::decode;

/// A policy with every field.
const WHOLE: &str = include_str!("data/cluster_image_policy.json");

fn validate(policy: &ClusterImagePolicy) -> FieldErrors {
    let context = ValidationContext { system_namespace: "cosign-system", empty_authorities: EmptyAuthorities::Refused };
    cip::validate(policy, context)
}

/// Reads, writes, validates and matches; `None` if it is no policy.
fn use_all(json: &[u8]) -> Option<ClusterImagePolicy> {
    let mut policy = decode::<ClusterImagePolicy>(json).ok()?;
    let written = serde_json::to_vec(&policy).unwrap();
    assert_eq!(decode::<ClusterImagePolicy>(&written).as_ref(), Ok(&policy));
    cip::set_defaults(&mut policy);
    let errors = validate(&policy);
    assert_eq!(errors.denial().is_none(), errors.only(sigward_policy::field_error::Level::Error).is_empty());
    let _ = errors.warnings();
    Matcher::compile(&policy.spec.match_resources).matches(&ObjectIdentity::default());
    Some(policy)
}

struct Random(u64);

impl Random {
    /// xorshift64*: the same numbers in every run.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % limit
    }
}

#[test]
fn a_policy_with_every_field_is_read_and_written_without_a_loss() {
    let policy = use_all(WHOLE.as_bytes()).unwrap();
    let whole: Value = serde_json::from_str(WHOLE).unwrap();
    assert_eq!(serde_json::to_value(&policy).unwrap(), whole);
    let errors = validate(&policy);
    assert_eq!(errors.denial(), None);
    assert_eq!(errors.warnings()[0], "invalid value: custom: spec.authorities[3].attestations.predicateType");
    let deployment = ObjectIdentity::of_kind(
        "apps/v1",
        "Deployment",
        [("env", "prod"), ("team", "x"), ("z", "")].map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    );
    assert_eq!(Matcher::compile(&policy.spec.match_resources).matches(&deployment.unwrap()), Match::Yes);
}

#[test]
fn damaged_bytes() {
    let mut random = Random(7);
    let mut read = 0;
    for _ in 0..3_000 {
        let mut bytes = WHOLE.as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[at] = b"\"{}[]:,*(\\?019azA\x00\xff"[random.below(19)],
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"\"{}[]*(|+$^.-/@"[random.below(15)]),
            }
        }
        read += usize::from(use_all(&bytes).is_some());
    }
    // Most damage hits a text, so that validation had something to do.
    assert!(read > 300, "{read}");
}

/// Each value of the policy in turn becomes one of another type, or goes away.
#[test]
fn every_value_of_another_type() {
    let whole: Value = serde_json::from_str(WHOLE).unwrap();
    let mut paths = Vec::new();
    pointers(&whole, String::new(), &mut paths);
    assert!(paths.len() > 120, "{}", paths.len());
    for path in &paths {
        let original = whole.pointer(path).unwrap();
        for other in
            [Value::Null, true.into(), 1.into(), 1.5.into(), "x".into(), Value::Array(vec![]), serde_json::json!({})]
        {
            let mut damaged = whole.clone();
            *damaged.pointer_mut(path).unwrap() = other.clone();
            let read = use_all(damaged.to_string().as_bytes());
            let same_type = std::mem::discriminant(original) == std::mem::discriminant(&other);
            // Metadata is kept as it is, but for what is read of it.
            let is_free = path.starts_with("/metadata/") && path.matches('/').count() > 2;
            if !same_type && !other.is_null() && !is_free {
                assert!(read.is_none(), "{path} as {other}");
            }
            if other.is_null() && !path.is_empty() {
                assert!(read.is_some(), "{path} as null");
            }
        }
    }
}

fn pointers(value: &Value, at: String, paths: &mut Vec<String>) {
    paths.push(at.clone());
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                pointers(value, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), paths);
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                pointers(value, format!("{at}/{index}"), paths);
            }
        }
        _ => {}
    }
}
