//! Attacks: one function each. They change JSON by pointer, or exchange parts of right things.

use serde_json::Value;

use crate::bundle::{Bundle, LegacyBundle};
use crate::keys::Key;
use crate::rekor::{Entry, Rekor};
use crate::sigstore::Signed;
use crate::text::{b64, unb64};

/// Flips the lowest bit of one byte.
pub fn flip(bytes: &mut [u8], at: usize) {
    bytes[at] ^= 1;
}

/// Flips a bit of the `at`-th decoded byte of a base64 string.
pub fn flip_base64(value: &mut Value, pointer: &str, at: usize) {
    let target = get(value, pointer);
    let mut bytes = unb64(target.as_str().expect("a string"));
    flip(&mut bytes, at);
    *target = Value::from(b64(bytes));
}

/// Replaces the `at`-th character of a string by another letter or digit.
pub fn flip_text(value: &mut Value, pointer: &str, at: usize) {
    let target = get(value, pointer);
    let mut chars: Vec<char> = target.as_str().expect("a string").chars().collect();
    chars[at] = match chars[at] {
        '0' => '1',
        c if c.is_ascii_digit() => '0',
        'a' => 'b',
        _ => 'a',
    };
    *target = Value::from(chars.into_iter().collect::<String>());
}

/// Puts another value in a place that exists.
pub fn replace(value: &mut Value, pointer: &str, new: Value) {
    *get(value, pointer) = new;
}

/// Removes a field or array element.
pub fn drop_field(value: &mut Value, pointer: &str) {
    let (parent, name) = split(pointer);
    match get(value, parent) {
        Value::Object(map) => {
            map.remove(&name).expect("a field of this name");
        }
        Value::Array(items) => {
            items.remove(name.parse().expect("an index"));
        }
        _ => panic!("{parent} is neither object nor array"),
    }
}

/// Adds a field that nobody knows.
pub fn unknown_field(value: &mut Value, pointer: &str) {
    get(value, pointer)["surplus"] = Value::from(1);
}

/// Renames a field.
pub fn rename(value: &mut Value, pointer: &str, new_name: &str) {
    let (parent, name) = split(pointer);
    let map = get(value, parent).as_object_mut().expect("an object");
    let content = map.remove(&name).expect("a field of this name");
    map.insert(new_name.to_owned(), content);
}

/// A number becomes a string, a string of digits a number, anything else `null`.
pub fn retype(value: &mut Value, pointer: &str) {
    let target = get(value, pointer);
    *target = match &*target {
        Value::Number(number) => Value::from(number.to_string()),
        Value::String(text) => text.parse::<u64>().map_or(Value::Null, Value::from),
        _ => Value::Null,
    };
}

/// Repeats an array's element at its end.
pub fn repeat_element(value: &mut Value, pointer: &str) {
    let (parent, name) = split(pointer);
    let items = get(value, parent).as_array_mut().expect("an array");
    let copy = items[name.parse::<usize>().expect("an index")].clone();
    items.push(copy);
}

/// The JSON text with one key twice: the value as it is, then `second`.
pub fn duplicate_key(value: &Value, pointer: &str, second: &Value) -> String {
    let mut out = String::new();
    write_with_duplicate(value, "", pointer, second, &mut out);
    out
}

/// The JSON text, cut after `len` bytes.
pub fn truncated(value: &Value, len: usize) -> String {
    let mut text = value.to_string();
    text.truncate(len);
    text
}

/// Pointers to all strings, numbers and booleans.
pub fn leaf_pointers(value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    collect_pointers(value, String::new(), &mut out);
    out
}

/// Another signature's log entry in this bundle (CVE-2026-22703, CVE-2024-53267): right by itself, not about this.
pub fn foreign_entry(bundle: &mut Bundle, other: &Signed) {
    bundle.entries = vec![other.entry.clone()];
}

/// Another signature's entry in a legacy bundle (CVE-2022-23649, CVE-2022-36056).
pub fn foreign_legacy_entry(bundle: &mut LegacyBundle, other: &Signed) {
    bundle.entry = Some(other.entry.clone());
}

/// A bare public key where the certificate belongs (GHSA-fx35-mq7g-6g98).
pub fn key_for_certificate(bundle: &mut LegacyBundle, key: &Key) {
    bundle.cert = Some(b64(key.public_pem()));
}

/// An integrated time without the timestamp that would sign it (CVE-2026-48816).
pub fn unsigned_time(entry: &mut Entry, time: i64) {
    entry.set = None;
    entry.integrated_time = time;
}

/// Another integrated time under the old timestamp.
pub fn moved_time(entry: &mut Entry, time: i64) {
    entry.integrated_time = time;
}

/// A checkpoint of the same log over a tree that does not hold the entry.
pub fn checkpoint_of_other_tree(entry: &mut Entry, log: &Rekor) {
    let proof = entry.proof.as_mut().expect("an inclusion proof");
    let other = log.checkpoint(proof.tree_size, &[0x5a; 32]).to_note();
    proof.checkpoint = Some(other);
}

/// The same checkpoint text, signed by a stranger in the log's name (CVE-2024-54140).
pub fn checkpoint_by_stranger(entry: &mut Entry, log: &Rekor) {
    let proof = entry.proof.as_mut().expect("an inclusion proof");
    let mut stranger = log.clone();
    stranger.key = Key::new(log.key.kind);
    let forged = stranger.checkpoint(proof.tree_size, &proof.root_hash).to_note();
    proof.checkpoint = Some(forged);
}

/// A proof that holds in a tree of one leaf which nobody signed.
pub fn tree_of_one(entry: &mut Entry) {
    let leaf = crate::merkle::leaf_hash(&entry.body);
    let proof = entry.proof.as_mut().expect("an inclusion proof");
    proof.log_index = 0;
    proof.tree_size = 1;
    proof.root_hash = leaf;
    proof.hashes.clear();
}

/// The same entry twice, so that a threshold of two might count it twice (CVE-2026-49834).
pub fn entry_twice(bundle: &mut Bundle) {
    let copy = bundle.entries[0].clone();
    bundle.entries.push(copy);
}

/// The same entry twice under different indexes.
pub fn entry_twice_renumbered(bundle: &mut Bundle) {
    entry_twice(bundle);
    bundle.entries[1].log_index += 1;
}

/// Another kind or version than the body's.
pub fn other_kind(entry: &mut Entry, kind: &str, version: &str) {
    entry.kind = kind.to_owned();
    entry.version = version.to_owned();
}

/// Signature and message digest of another artifact: the bundle is right, for something else.
pub fn other_content(bundle: &mut Bundle, other: &Bundle) {
    bundle.content = other.content.clone();
}

/// Another signer's certificate.
pub fn other_certificate(bundle: &mut Bundle, other: &Bundle) {
    bundle.material = other.material.clone();
}

/// The timestamp of another signature.
pub fn other_timestamp(bundle: &mut Bundle, other: &Signed) {
    bundle.timestamps = vec![other.timestamp.clone()];
}

fn get<'a>(value: &'a mut Value, pointer: &str) -> &'a mut Value {
    value.pointer_mut(pointer).unwrap_or_else(|| panic!("nothing at {pointer}"))
}

fn split(pointer: &str) -> (&str, String) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer below the top");
    (parent, unescape(name))
}

fn unescape(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn collect_pointers(value: &Value, here: String, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                collect_pointers(inner, format!("{here}/{}", escape(name)), out);
            }
        }
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                collect_pointers(inner, format!("{here}/{at}"), out);
            }
        }
        Value::Null => {}
        _ => out.push(here),
    }
}

fn write_with_duplicate(value: &Value, here: &str, pointer: &str, second: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut parts = Vec::new();
            for (name, inner) in map {
                let place = format!("{here}/{}", escape(name));
                let key = Value::from(name.as_str());
                let mut text = String::new();
                write_with_duplicate(inner, &place, pointer, second, &mut text);
                parts.push(format!("{key}:{text}"));
                if place == pointer {
                    parts.push(format!("{key}:{second}"));
                }
            }
            out.push_str(&format!("{{{}}}", parts.join(",")));
        }
        Value::Array(items) => {
            let mut parts = Vec::new();
            for (at, inner) in items.iter().enumerate() {
                let mut text = String::new();
                write_with_duplicate(inner, &format!("{here}/{at}"), pointer, second, &mut text);
                parts.push(text);
            }
            out.push_str(&format!("[{}]", parts.join(",")));
        }
        other => out.push_str(&other.to_string()),
    }
}
