//! Values without fields of their own.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use sigward_verify::{base64_std, to_base64};

use crate::go::parse_url;

use super::{DecodeError, Field, Place, Schema};

/// A URL as it was written. What has no URL's form is not read.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Url(String);

impl Url {
    /// The URL of a text.
    ///
    /// # Errors
    /// What is wrong with it, in Go's words.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse_url(text).map(|_| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing stands there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Bytes that stand in base64.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Base64(pub Vec<u8>);

impl Field for String {
    fn from_json(value: Value, at: Place<'_>) -> Result<Self, DecodeError> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(at.mismatch::<Self>(&other)),
        }
    }

    fn to_json(&self) -> Value {
        Value::String(self.clone())
    }

    fn is_empty(&self) -> bool {
        String::is_empty(self)
    }

    fn type_name() -> String {
        "string".into()
    }

    fn schema() -> Schema {
        Schema::Text
    }
}

impl Field for bool {
    fn from_json(value: Value, at: Place<'_>) -> Result<Self, DecodeError> {
        value.as_bool().ok_or_else(|| at.mismatch::<Self>(&value))
    }

    fn to_json(&self) -> Value {
        Value::Bool(*self)
    }

    fn is_empty(&self) -> bool {
        !*self
    }

    fn type_name() -> String {
        "bool".into()
    }

    fn schema() -> Schema {
        Schema::Boolean
    }
}

impl Field for i64 {
    fn from_json(value: Value, at: Place<'_>) -> Result<Self, DecodeError> {
        value.as_i64().ok_or_else(|| at.mismatch::<Self>(&value))
    }

    fn to_json(&self) -> Value {
        Value::Number((*self).into())
    }

    fn is_empty(&self) -> bool {
        *self == 0
    }

    fn type_name() -> String {
        "int64".into()
    }

    fn schema() -> Schema {
        Schema::Integer
    }
}

impl Field for BTreeMap<String, String> {
    fn from_json(value: Value, at: Place<'_>) -> Result<Self, DecodeError> {
        let members = super::members::<Self>(value, at)?;
        let read = |(name, value): (String, Value)| {
            let text = if value.is_null() { Ok(String::new()) } else { String::from_json(value, at) };
            text.map(|text| (name, text))
        };
        members.into_iter().map(read).collect()
    }

    fn to_json(&self) -> Value {
        Value::Object(self.iter().map(|(name, text)| (name.clone(), Value::String(text.clone()))).collect())
    }

    fn is_empty(&self) -> bool {
        BTreeMap::is_empty(self)
    }

    fn type_name() -> String {
        "map[string]string".into()
    }

    fn schema() -> Schema {
        Schema::Free
    }
}

impl Field for Url {
    fn from_json(value: Value, at: Place<'_>) -> Result<Self, DecodeError> {
        match value {
            Value::String(text) => Self::parse(&text).map_err(|reason| at.invalid(reason)),
            other => Err(at.mismatch::<Self>(&other)),
        }
    }

    fn to_json(&self) -> Value {
        Value::String(self.0.clone())
    }

    fn type_name() -> String {
        "string".into()
    }

    fn schema() -> Schema {
        Schema::Text
    }
}

impl Field for Base64 {
    fn from_json(value: Value, at: Place<'_>) -> Result<Self, DecodeError> {
        let Value::String(text) = &value else { return Err(at.mismatch::<Self>(&value)) };
        base64_std(text.as_bytes()).map(Self).ok_or_else(|| at.invalid("illegal base64 data"))
    }

    fn to_json(&self) -> Value {
        Value::String(to_base64(&self.0))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn type_name() -> String {
        "[]uint8".into()
    }

    fn schema() -> Schema {
        Schema::Text
    }
}
