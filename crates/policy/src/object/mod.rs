//! Kubernetes objects: how they are read and written, and their schemas.
//!
//! Objects are read as Go's `encoding/json` reads them with `DisallowUnknownFields`: `null` is the same as nothing, an
//! unknown field is an error. Stricter than Go: names are compared with their case, and a name that stands twice is an
//! error, since which of the two counts would be a matter of the reader.

mod entries;
mod json;
mod kind;
mod metadata;
mod patch;
mod record;
mod scalars;

use serde::Deserializer;
use serde_json::{Map, Value};

pub use entries::{config_map_entries, secret_entries};
pub use json::{DecodeError, decode, read_strictly};
pub use kind::{ObjectKind, Recognized};
pub use metadata::Metadata;
pub use patch::{PatchOperation, json_patch};
pub use scalars::{Base64, Url};

pub(crate) use json::{Strict, from_value};
pub(crate) use record::records;

/// A value of a field.
pub(crate) trait Field: Sized + Default {
    /// Reads a value that is not `null`.
    fn from_json(value: Value, at: Place<'_>) -> Result<Self, DecodeError>;

    /// Writes it.
    fn to_json(&self) -> Value;

    /// Whether Go's `omitempty` leaves it out. A struct never is.
    fn is_empty(&self) -> bool {
        false
    }

    /// Its name in errors, as in Go.
    fn type_name() -> String;

    /// Its schema.
    fn schema() -> Schema;
}

/// The part of OpenAPI v3 that the custom resource definitions need.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Schema {
    /// Text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A 64-bit integer.
    Integer,
    /// A list.
    List(Box<Schema>),
    /// An object with these fields.
    Object(Vec<Property>),
    /// An object whose names are free (`x-kubernetes-preserve-unknown-fields`).
    Free,
}

/// A field of an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Property {
    /// Its name in JSON.
    pub(crate) name: &'static str,
    /// What it means.
    pub(crate) description: &'static str,
    /// Its type.
    pub(crate) schema: Schema,
    /// Whether an object must have it.
    pub(crate) required: bool,
}

/// Where a value stands, for errors: the type of the struct that it is a field of, and the fields that lead to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    segment: &'a str,
    container: &'a str,
}

impl<'a> Place<'a> {
    /// The whole object.
    pub(crate) const ROOT: Place<'static> = Place { parent: None, segment: "", container: "" };

    /// A field of the struct that stands here.
    pub(crate) fn field(&'a self, container: &'a str, segment: &'a str) -> Self {
        Self { parent: Some(self), segment, container }
    }

    fn path(self) -> String {
        match self.parent {
            Some(parent) if parent.parent.is_some() => format!("{}.{}", parent.path(), self.segment),
            _ => self.segment.to_owned(),
        }
    }

    fn text(self) -> String {
        match self.parent {
            Some(_) => format!("Go struct field {}.{}", self.container, self.path()),
            None => "Go value".to_owned(),
        }
    }

    /// The error for a value of another type.
    pub(crate) fn mismatch<T: Field>(self, found: &Value) -> DecodeError {
        DecodeError::Mismatch { found: json::kind(found), place: self.text(), expected: T::type_name() }
    }

    /// The error for a value of the right type that cannot be read.
    pub(crate) fn invalid(self, reason: impl Into<String>) -> DecodeError {
        DecodeError::Invalid { field: self.path(), reason: reason.into() }
    }
}

/// The members of an object.
pub(crate) fn members<T: Field>(value: Value, at: Place<'_>) -> Result<Map<String, Value>, DecodeError> {
    match value {
        Value::Object(members) => Ok(members),
        other => Err(at.mismatch::<T>(&other)),
    }
}

/// Takes a member out of an object. `null` and nothing are the default.
pub(crate) fn take<T: Field>(
    members: &mut Map<String, Value>,
    container: &str,
    name: &str,
    at: Place<'_>,
) -> Result<T, DecodeError> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(value) => T::from_json(value, at.field(container, name)),
    }
}

/// All members must have been taken.
pub(crate) fn nothing_left(members: &Map<String, Value>) -> Result<(), DecodeError> {
    match members.keys().next() {
        None => Ok(()),
        Some(name) => Err(DecodeError::UnknownField { name: name.clone() }),
    }
}

/// When a field is written, and whether the schema asks for it: the word after its name in a table of fields.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Presence {
    /// Left out where it is empty (Go: `omitempty`).
    Optional,
    /// Always written.
    Always,
    /// Always written, and the schema asks for it.
    Required,
}

/// The word that a table of fields has, or none.
macro_rules! presence {
    () => {
        $crate::object::Presence::Optional
    };
    (always) => {
        $crate::object::Presence::Always
    };
    (required) => {
        $crate::object::Presence::Required
    };
}

pub(crate) use presence;

/// Reads an object through serde, for callers that have it within something else.
pub(crate) fn deserialize<'de, T: Field, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let Strict(value) = serde::Deserialize::deserialize(deserializer)?;
    json::from_value(value).map_err(serde::de::Error::custom)
}

impl<T: Field> Field for Option<T> {
    fn from_json(value: Value, at: Place<'_>) -> Result<Self, DecodeError> {
        T::from_json(value, at).map(Some)
    }

    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, Field::to_json)
    }

    fn is_empty(&self) -> bool {
        self.is_none()
    }

    fn type_name() -> String {
        T::type_name()
    }

    fn schema() -> Schema {
        T::schema()
    }
}

impl<T: Field> Field for Vec<T> {
    fn from_json(value: Value, at: Place<'_>) -> Result<Self, DecodeError> {
        let Value::Array(elements) = value else { return Err(at.mismatch::<Self>(&value)) };
        let read = |element| if element == Value::Null { Ok(T::default()) } else { T::from_json(element, at) };
        elements.into_iter().map(read).collect()
    }

    fn to_json(&self) -> Value {
        Value::Array(self.iter().map(Field::to_json).collect())
    }

    fn is_empty(&self) -> bool {
        Vec::is_empty(self)
    }

    fn type_name() -> String {
        format!("[]{}", T::type_name())
    }

    fn schema() -> Schema {
        Schema::List(Box::new(T::schema()))
    }
}
