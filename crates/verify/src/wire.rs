//! How protojson spells things: int64 as text or number, bytes as base64, null for "unset", either of two field names,
//! messages as objects.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::digest::HashAlgorithm;
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

/// An int64: a number, or a number as text. Fractions of zeros and exponents are allowed, as in protojson.
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

            fn visit_f64<E: de::Error>(self, v: f64) -> Result<Int64, E> {
                whole(v).map(Int64).ok_or_else(|| E::custom("not an integer"))
            }

            fn visit_str<E: de::Error>(self, v: &str) -> Result<Int64, E> {
                integer(v).map(Int64).ok_or_else(|| E::custom("not an integer"))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A number with a fraction or an exponent that is an integer all the same. Beyond 2^53 the digits that were written are
/// no longer known.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() < EXACT).then(|| format!("{number:.0}").parse().ok()).flatten()
}

/// An integer in JSON's syntax of numbers: no plus, no leading zero; a fraction and an exponent as long as the value is
/// whole.
fn integer(text: &str) -> Option<i64> {
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (int, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(i, f)| (i, Some(f)));
    let digits = |part: &str| !part.is_empty() && part.len() <= 64 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(int) || (int.len() > 1 && int.starts_with('0')) || !fraction.is_none_or(digits) {
        return None;
    }
    let shift = match exponent {
        None => 0,
        Some(exponent) if digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)) => exponent.parse().ok()?,
        Some(_) => return None,
    };
    let all = [int, fraction.unwrap_or_default()].concat();
    if all.bytes().all(|b| b == b'0') {
        return Some(0);
    }
    // Where the decimal point goes; all digits after it must be zeros.
    let point = usize::try_from(i64::try_from(int.len()).ok()?.checked_add(shift)?).ok().filter(|p| *p <= 128)?;
    let (before, after) = all.split_at_checked(point).unwrap_or((&all, ""));
    if after.bytes().any(|b| b != b'0') {
        return None;
    }
    format!("{sign}{before:0<point$}").parse().ok()
}

/// A `HashAlgorithm` (protobuf-specs, sigstore_common.proto): its name or its number; `None` if it is unknown here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HashName(pub(crate) Option<HashAlgorithm>);

impl<'de> Deserialize<'de> for HashName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrNumber;
        impl Visitor<'_> for NameOrNumber {
            type Value = HashName;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name or number of a hash algorithm")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<HashName, E> {
                Ok(HashName(HashAlgorithm::from_protobuf_name(name)))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<HashName, E> {
                Ok(HashName(match number {
                    1 => Some(HashAlgorithm::Sha256),
                    2 => Some(HashAlgorithm::Sha384),
                    3 => Some(HashAlgorithm::Sha512),
                    _ => None,
                }))
            }
        }
        deserializer.deserialize_any(NameOrNumber)
    }
}

/// A message. A derived reader would also take a list for the fields in their order, which protojson refuses: then one
/// document would have two readings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// Reads a whole document, which must be an object.
pub(crate) fn from_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(json).map(|Object(message)| message)
}

/// A message that may be absent or `null`.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::<Object<T>>::deserialize(deserializer).map(|found| found.map(|Object(message)| message))
}

/// A list of messages, read as by [`capped`].
pub(crate) fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MAX: usize>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let found = capped::<D, Object<T>, MAX>(deserializer)?;
    Ok(found.into_iter().map(|Object(message)| message).collect())
}

/// Values by name, at most `MAX`. A name that stands twice could be read either way and is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named<V, const MAX: usize>(pub(crate) BTreeMap<String, V>);

impl<V, const MAX: usize> Default for Named<V, MAX> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, V: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Named<V, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values<V, const MAX: usize>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>, const MAX: usize> Visitor<'de> for Values<V, MAX> {
            type Value = Named<V, MAX>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of values by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, V>()? {
                    if all.contains_key(&name) {
                        return Err(de::Error::custom(format_args!("{name:?} stands twice")));
                    }
                    if all.len() >= MAX {
                        return Err(de::Error::custom(format_args!("more than {MAX} names")));
                    }
                    all.insert(name, value);
                }
                Ok(Named(all))
            }
        }
        deserializer.deserialize_map(Values(PhantomData))
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
    struct List<T, const MAX: usize>(PhantomData<T>);
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
    deserializer.deserialize_any(List::<T, MAX>(PhantomData))
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
    fn integers_are_spelled_as_protojson_allows() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("1762000000", Some(1_762_000_000)),
            ("1762000000.0", Some(1_762_000_000)),
            ("17620e5", Some(1_762_000_000)),
            ("1.762e+9", Some(1_762_000_000)),
            ("100e-2", Some(1)),
            ("0.0e9", Some(0)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("1.5", None),
            ("15e-1", None),
            ("1e99", None),
            ("1e999999999999999999999", None),
            ("1e", None),
            ("1.", None),
            (".5", None),
            ("", None),
            ("-", None),
            ("+1", None),
            ("01", None),
            (" 1", None),
            ("0x1", None),
            ("1_0", None),
        ] {
            assert_eq!(integer(text), expected, "{text}");
        }
        let read = |json: &str| serde_json::from_str::<Int64>(json).map(|n| n.0).ok();
        assert_eq!(read("1762000000.0"), Some(1_762_000_000));
        assert_eq!(read("1e3"), Some(1000));
        assert_eq!(read("1e300"), None);
        assert_eq!(read("1.5"), None);
    }

    #[test]
    fn a_list_is_no_object() {
        let read = |json: &str| serde_json::from_str::<Object<Lists>>(json).map(|l| l.0.list).ok();
        assert_eq!(read(r#"{"list":[1]}"#), Some(vec![1]));
        assert_eq!(read("[[1]]"), None);
        assert_eq!(read(r#"{"list":[1],"list":[1]}"#), None);
    }

    #[test]
    fn names_stand_once_and_are_counted() {
        let read = |json: &str| serde_json::from_str::<Named<u8, 2>>(json).map(|n| n.0.len()).ok();
        assert_eq!(read(r#"{"a":1,"b":2}"#), Some(2));
        assert_eq!(read(r#"{"a":1,"a":1}"#), None);
        assert_eq!(read(r#"{"a":1,"b":2,"c":3}"#), None);
        assert_eq!(read(r#"[["a",1]]"#), None);
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
