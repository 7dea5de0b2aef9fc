//! Reading JSON strictly.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Field, Place};
use crate::limits::MAX_OBJECT_BYTES;

/// Why an object cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// It is longer than [`MAX_OBJECT_BYTES`].
    #[error("the object has {found} bytes, at most {MAX_OBJECT_BYTES} are read")]
    TooLarge {
        /// Its length.
        found: usize,
    },
    /// It is not JSON, has a name twice, or nests too deeply.
    #[error("{reason}")]
    Syntax {
        /// What, and where.
        reason: String,
    },
    /// A field that the resource does not have; Go's words.
    #[error("json: unknown field {name:?}")]
    UnknownField {
        /// Its name.
        name: String,
    },
    /// A field of another type; Go's words.
    #[error("json: cannot unmarshal {found} into {place} of type {expected}")]
    Mismatch {
        /// The type that was found.
        found: &'static str,
        /// The field: the type that has it, and the path to it.
        place: String,
        /// The type that it must have.
        expected: String,
    },
    /// A field of the right type with a value that cannot be read.
    #[error("{field}: {reason}")]
    Invalid {
        /// The path to the field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads an object.
///
/// # Errors
/// [`DecodeError`].
#[expect(private_bounds, reason = "the resources are listed by the trait, and nobody else adds one")]
pub fn decode<T: Field>(json: &[u8]) -> Result<T, DecodeError> {
    if json.len() > MAX_OBJECT_BYTES {
        return Err(DecodeError::TooLarge { found: json.len() });
    }
    from_value(read_strictly(json)?)
}

/// Reads a value in which no object has a name twice: which of the two counts would be a matter of the reader.
///
/// # Errors
/// [`DecodeError::Syntax`].
pub fn read_strictly(json: &[u8]) -> Result<Value, DecodeError> {
    let Strict(value) = serde_json::from_slice(json).map_err(|e| DecodeError::Syntax { reason: e.to_string() })?;
    Ok(value)
}

/// Reads an object from a value.
pub(crate) fn from_value<T: Field>(value: Value) -> Result<T, DecodeError> {
    T::from_json(value, Place::ROOT)
}

/// The type of a value, in Go's words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A value in which no object has a name twice. `serde_json` stops at 128 levels.
#[derive(Debug)]
pub(crate) struct Strict(pub(crate) Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Value, E> {
        Number::from_f64(v).map(Value::Number).ok_or_else(|| E::custom("a number is not finite"))
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_string<E: de::Error>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(Strict(element)) = list.next_element()? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(de::Error::custom(format_args!("the name {name:?} stands twice in one object")));
            }
            let Strict(value) = map.next_value()?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}
