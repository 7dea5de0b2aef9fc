//! How protojson spells things: int64 as text or number, bytes as base64, null for "unset", either of two field names.

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, SeqAccess, Visitor};

use crate::encoding::base64_any;

/// Bytes in base64.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        base64_any(&text).map(Self).ok_or_else(|| de::Error::custom("invalid base64"))
    }
}

/// Bytes in base64 whose lines may be wrapped, as `openssl base64` writes timestamps and as sigstore-conformance has one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WrappedBytes(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for WrappedBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let plain = text.replace(['\r', '\n'], "");
        base64_any(&plain).map(Self).ok_or_else(|| de::Error::custom("invalid base64"))
    }
}

/// An int64: a number, or a number as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Int64(pub(crate) i64);

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Int64;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an integer, or an integer as text")
            }

            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Int64, E> {
                Ok(Int64(v))
            }

            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Int64, E> {
                i64::try_from(v).map(Int64).map_err(|_| E::custom("integer out of range"))
            }

            fn visit_str<E: de::Error>(self, v: &str) -> Result<Int64, E> {
                v.parse().map(Int64).map_err(|_| E::custom("not an integer"))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// `null` means the default, as in protojson.
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A list of which no more than `MAX` and one are kept: enough to see that there are too many. What follows is read
/// over, so that `[{},{},…]` in a large file costs no memory. `null` means none.
pub(crate) fn capped<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MAX: usize>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct List<T, const MAX: usize>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for List<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list")
        }

        fn visit_unit<E: de::Error>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut kept = Vec::new();
            while kept.len() <= MAX {
                match list.next_element()? {
                    Some(element) => kept.push(element),
                    None => return Ok(kept),
                }
            }
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(kept)
        }
    }
    deserializer.deserialize_any(List::<T, MAX>(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Lists {
        #[serde(default, deserialize_with = "capped::<_, _, 2>")]
        list: Vec<u8>,
    }

    #[test]
    fn lists_are_kept_up_to_one_past_their_limit() {
        let read = |json: &str| serde_json::from_str::<Lists>(json).map(|l| l.list).map_err(|e| e.to_string());
        assert_eq!(read("{}"), Ok(vec![]));
        assert_eq!(read(r#"{"list":null}"#), Ok(vec![]));
        assert_eq!(read(r#"{"list":[1,2]}"#), Ok(vec![1, 2]));
        assert_eq!(read(r#"{"list":[1,2,3,4,{"x":[]}]}"#), Ok(vec![1, 2, 3]));
        assert!(read(r#"{"list":[1,2,3,4"#).is_err());
        assert!(read(r#"{"list":{}}"#).is_err());
        assert!(read(r#"{"list":[1,""]}"#).is_err());
    }
}
