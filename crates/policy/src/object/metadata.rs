//! `metadata` of an object.

use serde_json::{Map, Value};

use super::{DecodeError, Field, Place, Schema};

/// An object's metadata, kept whole: what is not read here survives a conversion.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Metadata(Map<String, Value>);

/// Fields that must be text where they stand.
const TEXTS: [&str; 5] = ["name", "namespace", "uid", "resourceVersion", "deletionTimestamp"];

/// Fields that must map names to text where they stand.
const MAPS: [&str; 2] = ["labels", "annotations"];

impl Metadata {
    /// Metadata that says no more than a name.
    pub fn named(name: &str) -> Self {
        Self(Map::from_iter([("name".to_owned(), Value::String(name.to_owned()))]))
    }

    /// The object's name, empty where there is none.
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// Its namespace, empty where there is none.
    pub fn namespace(&self) -> &str {
        self.text("namespace")
    }

    /// The identifier that no other object has, empty where there is none.
    pub fn uid(&self) -> &str {
        self.text("uid")
    }

    /// The version of its content, empty where there is none.
    pub fn resource_version(&self) -> &str {
        self.text("resourceVersion")
    }

    /// The number of changes of its spec, 0 where there is none.
    pub fn generation(&self) -> i64 {
        self.0.get("generation").and_then(Value::as_i64).unwrap_or_default()
    }

    /// Whether it is being deleted.
    pub fn is_deleted(&self) -> bool {
        !self.text("deletionTimestamp").is_empty()
    }

    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.0.get("annotations")?.get(name)?.as_str()
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.0.get("labels")?.get(name)?.as_str()
    }

    /// Everything as it was read.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Field for Metadata {
    fn from_json(value: Value, at: Place<'_>) -> Result<Self, DecodeError> {
        let members = super::members::<Self>(value, at)?;
        for name in TEXTS {
            if let Some(found) = members.get(name).filter(|v| !v.is_string() && !v.is_null()) {
                return Err(at.field("ObjectMeta", name).mismatch::<String>(found));
            }
        }
        for name in MAPS {
            if let Some(found) = members.get(name).filter(|v| !v.is_null()) {
                std::collections::BTreeMap::<String, String>::from_json(found.clone(), at.field("ObjectMeta", name))?;
            }
        }
        if let Some(found) = members.get("generation").filter(|v| !v.is_i64() && !v.is_null()) {
            return Err(at.field("ObjectMeta", "generation").mismatch::<i64>(found));
        }
        Ok(Self(members))
    }

    fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }

    fn type_name() -> String {
        "ObjectMeta".into()
    }

    fn schema() -> Schema {
        Schema::Free
    }
}
