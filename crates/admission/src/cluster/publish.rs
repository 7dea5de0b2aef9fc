//! `config-image-policies` and `config-sigstore-keys`: what is in use, in upstream's form, for others who read it. The
//! controller itself never reads them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What the API server takes of one object is bounded by etcd at 1.5 MiB and by itself at 1 MiB for a ConfigMap's data.
const MAX_BYTES: usize = 1024 * 1024;

/// A merge patch that makes a ConfigMap hold exactly these entries, and `_example`, which is documentation; none if it
/// does.
///
/// # Errors
/// If they do not fit.
pub(crate) fn change_of_entries(map: &Value, entries: &BTreeMap<String, String>) -> Result<Option<Value>, String> {
    let size: usize = entries.iter().map(|(name, text)| name.len() + text.len()).sum();
    if size > MAX_BYTES {
        return Err(format!(
            "expected at most {MAX_BYTES} bytes of entries in a ConfigMap, found {size}; policies decide all the same"
        ));
    }
    let empty = Map::new();
    let old = map.get("data").and_then(Value::as_object).unwrap_or(&empty);
    let mut change = Map::new();
    for (name, text) in entries {
        if old.get(name).and_then(Value::as_str) != Some(text) {
            change.insert(name.clone(), json!(text));
        }
    }
    for name in old.keys().filter(|name| *name != "_example" && !entries.contains_key(*name)) {
        change.insert(name.clone(), Value::Null);
    }
    Ok((!change.is_empty()).then(|| json!({"data": change})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn what_is_not_in_use_is_removed() {
        let map = json!({"data": {"a": "1", "b": "2", "_example": "text"}});
        let change = change_of_entries(&map, &entries(&[("a", "1"), ("c", "3")])).unwrap().unwrap();
        assert_eq!(change, json!({"data": {"b": null, "c": "3"}}));
    }

    #[test]
    fn what_is_right_is_not_written() {
        assert_eq!(change_of_entries(&json!({"data": {"a": "1"}}), &entries(&[("a", "1")])), Ok(None));
        assert_eq!(change_of_entries(&json!({}), &entries(&[])), Ok(None));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let large = "x".repeat(MAX_BYTES);
        assert!(change_of_entries(&json!({}), &entries(&[("a", &large)])).unwrap_err().contains("1048577"));
    }
}
