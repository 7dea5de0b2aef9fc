//! JSON patches (RFC 6902) between two values.

use serde::Serialize;
use serde_json::{Map, Value};

/// One change.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum PatchOperation {
    /// Puts a value where none is, or takes the place of the one that is there.
    Add {
        /// Where (RFC 6901).
        path: String,
        /// What.
        value: Value,
    },
    /// Takes the place of a value.
    Replace {
        /// Where (RFC 6901).
        path: String,
        /// What.
        value: Value,
    },
    /// Takes a value away.
    Remove {
        /// Where (RFC 6901).
        path: String,
    },
}

/// The changes that make `to` of `from`. A list whose length changes is replaced as a whole.
pub fn json_patch(from: &Value, to: &Value) -> Vec<PatchOperation> {
    let mut operations = Vec::new();
    compare(from, to, String::new(), &mut operations);
    operations
}

fn compare(from: &Value, to: &Value, path: String, operations: &mut Vec<PatchOperation>) {
    match (from, to) {
        (from, to) if from == to => {}
        (Value::Object(from), Value::Object(to)) => compare_members(from, to, &path, operations),
        (Value::Array(from), Value::Array(to)) if from.len() == to.len() => {
            for (at, (from, to)) in from.iter().zip(to).enumerate() {
                compare(from, to, format!("{path}/{at}"), operations);
            }
        }
        (_, to) => operations.push(PatchOperation::Replace { path, value: to.clone() }),
    }
}

fn compare_members(
    from: &Map<String, Value>,
    to: &Map<String, Value>,
    path: &str,
    operations: &mut Vec<PatchOperation>,
) {
    for name in from.keys().filter(|name| !to.contains_key(*name)) {
        operations.push(PatchOperation::Remove { path: below(path, name) });
    }
    for (name, value) in to {
        match from.get(name) {
            Some(old) => compare(old, value, below(path, name), operations),
            None => operations.push(PatchOperation::Add { path: below(path, name), value: value.clone() }),
        }
    }
}

fn below(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_says_what_changed_and_nothing_else() {
        let from = json!({"same": 1, "gone": 2, "a/b~c": [1, {"x": null}], "list": [1]});
        let to = json!({"same": 1, "a/b~c": [1, {"x": 5, "y": 6}], "list": [1, 2], "new": {}});
        let patch = serde_json::to_value(json_patch(&from, &to)).unwrap();
        assert_eq!(
            patch,
            json!([
                {"op": "remove", "path": "/gone"},
                {"op": "replace", "path": "/a~1b~0c/1/x", "value": 5},
                {"op": "add", "path": "/a~1b~0c/1/y", "value": 6},
                {"op": "replace", "path": "/list", "value": [1, 2]},
                {"op": "add", "path": "/new", "value": {}},
            ])
        );
        assert!(json_patch(&to, &to).is_empty());
        assert_eq!(
            json_patch(&json!(1), &json!(2)),
            [PatchOperation::Replace { path: String::new(), value: json!(2) }]
        );
    }
}
