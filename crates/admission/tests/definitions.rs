//! The CustomResourceDefinitions that are installed are those of the Rust types. `SIGWARD_WRITE=1` writes them.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests; a panic is a failed test"
)]

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use sigward_policy::schema::{WebhookService, cluster_image_policy, trust_root};

#[test]
fn installed_definitions_are_those_of_the_types() {
    let mut policies = cluster_image_policy(WebhookService { name: "webhook", namespace: "cosign-system" });
    // The API server converts by itself (the versions have one schema), so that policies can be read while no controller
    // runs; the chart's crds.conversion says otherwise.
    policies["spec"]["conversion"] = json!({"strategy": "None"});
    for definition in [policies, trust_root()] {
        let name = definition["metadata"]["name"].as_str().unwrap();
        let expected = format!(
            "# Made from the Rust types: SIGWARD_WRITE=1 cargo test -p sigward-admission --test definitions\n{}",
            yaml(&definition)
        );
        let read: Value = serde_saphyr::from_str(&expected).unwrap();
        assert_eq!(read, definition, "the writer below wrote something else");
        for folder in ["deploy/crds", "charts/sigward/files/crds"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder).join(format!("{name}.yaml"));
            if std::env::var_os("SIGWARD_WRITE").is_some() {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, &expected).unwrap();
            }
            let found = std::fs::read_to_string(&path).unwrap();
            assert!(found == expected, "{} is not what the types say: run with SIGWARD_WRITE=1", path.display());
        }
    }
}

fn yaml(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, 0);
    out
}

fn write_value(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                write!(out, "{:indent$}{name}:", "").unwrap();
                write_nested(out, value, indent);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let mut text = String::new();
                match item {
                    Value::Object(_) | Value::Array(_) => write_value(&mut text, item, indent + 2),
                    scalar => writeln!(text, "{:width$}{scalar}", "", width = indent + 2).unwrap(),
                }
                // The dash takes the place of the first two blanks.
                writeln!(out, "{:indent$}- {}", "", text.trim_start().trim_end_matches('\n')).unwrap();
            }
        }
        scalar => writeln!(out, "{:indent$}{scalar}", "").unwrap(),
    }
}

fn write_nested(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            write_value(out, value, indent + 2);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            write_value(out, value, indent);
        }
        Value::String(text) if is_plain(text) => writeln!(out, " {text}").unwrap(),
        scalar => writeln!(out, " {scalar}").unwrap(),
    }
}

/// Whether a text means itself without quotation marks.
fn is_plain(text: &str) -> bool {
    let is_word = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/' | '_'));
    let is_special = matches!(text, "" | "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "None" | "~");
    is_word && !is_special && text.starts_with(|c: char| c.is_ascii_alphabetic())
}
