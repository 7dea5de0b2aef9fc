//! What several tests need: YAML as JSON, and policy-controller's sources where Go has them.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::path::PathBuf;

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// The module cache's copy of policy-controller v0.15.1, if there is one (`go mod download
/// github.com/sigstore/policy-controller@v0.15.1`). Nothing of it is part of this project.
pub(crate) fn policy_controller() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join("go"));
    let gopath = std::env::var_os("GOPATH").map(PathBuf::from).or(home)?;
    let cache = std::env::var_os("GOMODCACHE").map_or_else(|| gopath.join("pkg/mod"), PathBuf::from);
    let found = cache.join("github.com/sigstore/policy-controller@v0.15.1");
    if found.is_dir() {
        return Some(found);
    }
    println!("skipped: {} is not there", found.display());
    None
}

/// The documents of a YAML text.
pub(crate) fn yaml(text: &str) -> Vec<Value> {
    enum Open {
        List(Vec<Value>),
        Map(Map<String, Value>, Option<String>),
    }
    let mut open: Vec<Open> = Vec::new();
    let mut documents = Vec::new();
    for event in Parser::new_from_str(text) {
        let done = match event.unwrap().0 {
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Map::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop().unwrap() {
                Open::List(list) => Value::Array(list),
                Open::Map(map, _) => Value::Object(map),
            },
            Event::Scalar(text, style, ..) => scalar(&text, style),
            _ => continue,
        };
        match open.last_mut() {
            None => documents.push(done),
            Some(Open::List(list)) => list.push(done),
            Some(Open::Map(map, key)) => match key.take() {
                Some(key) => drop(map.insert(key, done)),
                None => *key = Some(done.as_str().map_or_else(|| done.to_string(), str::to_owned)),
            },
        }
    }
    documents
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return text.into();
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => true.into(),
        "false" => false.into(),
        other => other.parse::<i64>().map_or_else(|_| other.into(), Into::into),
    }
}
