//! The entries of Secrets and ConfigMaps.

use std::collections::BTreeMap;

use serde_json::Value;
use sigward_verify::base64_std;

/// The entries of a Secret: `data`, and `stringData` over it, as the API server would merge them.
///
/// # Errors
/// The entry that is no base64 or no text.
pub fn secret_entries(secret: &Value) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut entries = BTreeMap::new();
    for (name, text) in texts(secret, "data")? {
        let bytes = base64_std(text.as_bytes()).ok_or_else(|| format!("data.{name}: expected base64"))?;
        entries.insert(name.to_owned(), bytes);
    }
    for (name, text) in texts(secret, "stringData")? {
        entries.insert(name.to_owned(), text.as_bytes().to_vec());
    }
    Ok(entries)
}

/// The entries of a ConfigMap that are texts.
///
/// # Errors
/// The entry that is none.
pub fn config_map_entries(map: &Value) -> Result<BTreeMap<String, String>, String> {
    Ok(texts(map, "data")?.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect())
}

fn texts<'a>(object: &'a Value, field: &str) -> Result<Vec<(&'a str, &'a str)>, String> {
    let entries = match object.get(field) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(entries)) => entries,
        Some(_) => return Err(format!("{field}: expected an object")),
    };
    let text = |(name, value): (&'a String, &'a Value)| {
        let text = value.as_str().ok_or_else(|| format!("{field}.{name}: expected a text"))?;
        Ok((name.as_str(), text))
    };
    entries.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_as_the_api_server_merges_them() {
        // A line break in base64 is skipped, as Go skips it.
        let secret = json!({"data": {"a": "YQ=\n=\n", "b": "Yg=="}, "stringData": {"b": "text"}});
        let entries = secret_entries(&secret).unwrap();
        assert_eq!(entries, BTreeMap::from([("a".into(), b"a".to_vec()), ("b".into(), b"text".to_vec())]));
        for bad in
            [json!({"data": {"a": "%"}}), json!({"data": {"a": 1}}), json!({"data": []}), json!({"stringData": 1})]
        {
            assert!(secret_entries(&bad).is_err(), "{bad}");
        }
        assert_eq!(secret_entries(&json!({"data": null})).unwrap().len(), 0);
        let map = json!({"data": {"a": "text"}});
        assert_eq!(config_map_entries(&map).unwrap(), BTreeMap::from([("a".into(), "text".into())]));
        assert!(config_map_entries(&json!({"data": {"a": 1}})).is_err());
    }
}
