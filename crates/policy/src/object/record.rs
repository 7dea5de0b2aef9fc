//! One table for each resource: the fields' names, types and meaning. Reading, writing and the schema of the custom
//! resource definition all come from it, so that they cannot differ.

/// Defines structs as Kubernetes objects. A field is written as
/// `pub name: Type => "jsonName",`; with `always` after the name it is written even when it is empty (in Go: without
/// `omitempty`), with `required` the schema asks for it too. The documentation becomes the schema's description.
macro_rules! records {
    ($(
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $(
                $(#[doc = $field_doc:literal])*
                pub $field:ident : $type:ty => $json:literal $($presence:ident)?,
            )*
        }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, Eq, PartialEq)]
        pub struct $name {
            $(
                $(#[doc = $field_doc])*
                pub $field: $type,
            )*
        }

        impl $crate::object::Field for $name {
            fn from_json(
                value: serde_json::Value,
                at: $crate::object::Place<'_>,
            ) -> Result<Self, $crate::object::DecodeError> {
                let mut members = $crate::object::members::<Self>(value, at)?;
                let read = Self {
                    $($field: $crate::object::take(&mut members, stringify!($name), $json, at)?,)*
                };
                $crate::object::nothing_left(&members)?;
                Ok(read)
            }

            fn to_json(&self) -> serde_json::Value {
                let mut members = serde_json::Map::new();
                $(
                    let is_optional = $crate::object::presence!($($presence)?) == $crate::object::Presence::Optional;
                    if !is_optional || !$crate::object::Field::is_empty(&self.$field) {
                        members.insert($json.to_owned(), $crate::object::Field::to_json(&self.$field));
                    }
                )*
                serde_json::Value::Object(members)
            }

            fn type_name() -> String {
                stringify!($name).to_owned()
            }

            fn schema() -> $crate::object::Schema {
                $crate::object::Schema::Object(vec![$(
                    $crate::object::Property {
                        name: $json,
                        description: concat!($($field_doc,)*).trim_start(),
                        schema: <$type as $crate::object::Field>::schema(),
                        required: $crate::object::presence!($($presence)?) == $crate::object::Presence::Required,
                    },
                )*])
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::object::Field::to_json(self).serialize(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::object::deserialize(deserializer)
            }
        }
    )*};
}

pub(crate) use records;
