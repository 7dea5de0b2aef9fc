//! The few functions of Go's standard library whose behaviour and error texts cosign's command line shows.

use std::fmt::Write as _;
use std::time::Duration;

/// `strconv.ParseBool`.
pub(super) fn parse_bool(text: &[u8]) -> Result<bool, String> {
    match text {
        b"1" | b"t" | b"T" | b"TRUE" | b"true" | b"True" => Ok(true),
        b"0" | b"f" | b"F" | b"FALSE" | b"false" | b"False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {}: invalid syntax", quote(text))),
    }
}

/// `strconv.ParseInt(text, 0, 64)`, as pflag reads numbers.
pub(super) fn parse_int(text: &[u8]) -> Result<i64, String> {
    let fail = |what| format!("strconv.ParseInt: parsing {}: {what}", quote(text));
    let syntax = || fail("invalid syntax");
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (radix, digits) = match unsigned {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', b'b' | b'B', rest @ ..] => (2, rest),
        [b'0', b'o' | b'O', rest @ ..] => (8, rest),
        [b'0', rest @ ..] if !rest.is_empty() => (8, rest),
        rest => (10, rest),
    };
    // An underscore may follow a base prefix and may stand between digits, nowhere else.
    let mut after_digit = digits.len() != unsigned.len();
    let mut magnitude: Option<u64> = None;
    for byte in digits {
        if *byte == b'_' {
            if !after_digit {
                return Err(syntax());
            }
            after_digit = false;
            continue;
        }
        let digit = char::from(*byte).to_digit(radix).ok_or_else(syntax)?;
        magnitude = Some(
            magnitude
                .unwrap_or(0)
                .checked_mul(u64::from(radix))
                .and_then(|shifted| shifted.checked_add(u64::from(digit)))
                .ok_or_else(|| fail("value out of range"))?,
        );
        after_digit = true;
    }
    let magnitude = magnitude.filter(|_| after_digit).ok_or_else(syntax)?;
    let value = if negative { -i128::from(magnitude) } else { i128::from(magnitude) };
    i64::try_from(value).map_err(|_| fail("value out of range"))
}

/// Which units [`parse_duration`] knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Units {
    /// Those of Go: ns, us, ms, s, m, h.
    Go,
    /// Those of Go, and `d` and `w`.
    GoAndDays,
}

/// `time.ParseDuration`. A negative duration becomes zero: nothing that takes a duration tells them apart.
pub(super) fn parse_duration(text: &[u8], units: Units) -> Result<Duration, String> {
    const MAX: i128 = 1 << 63;
    let quoted = || quote_as_time_does(text);
    let invalid = || format!("time: invalid duration {}", quoted());
    let (negative, mut rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if rest == b"0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let (whole, after_whole) = split_while(rest, u8::is_ascii_digit);
        let (fraction, after_number) = match after_whole {
            [b'.', tail @ ..] => split_while(tail, u8::is_ascii_digit),
            tail => (&[][..], tail),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let (unit, tail) = split_while(after_number, |byte| *byte != b'.' && !byte.is_ascii_digit());
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quoted()));
        }
        let nanos = nanoseconds(unit, units)
            .ok_or_else(|| format!("time: unknown unit {} in duration {}", quote_as_time_does(unit), quoted()))?;
        let whole = decimal(whole).filter(|value| *value < MAX).ok_or_else(invalid)?;
        // More digits than a nanosecond can show do not count; Go drops them as well.
        let fraction = fraction.get(..fraction.len().min(18)).unwrap_or_default();
        let scale = 10_i128.pow(u32::try_from(fraction.len()).unwrap_or(0));
        let part = decimal(fraction).unwrap_or(0) * nanos / scale;
        total = total.saturating_add(whole.saturating_mul(nanos)).saturating_add(part);
        if total > MAX {
            return Err(invalid());
        }
        rest = tail;
    }
    if negative {
        return Ok(Duration::ZERO);
    }
    // Go holds a duration in an i64.
    let nanos = i64::try_from(total).map_err(|_| invalid())?;
    Ok(Duration::from_nanos(nanos.unsigned_abs()))
}

fn nanoseconds(unit: &[u8], units: Units) -> Option<i128> {
    const SECOND: i128 = 1_000_000_000;
    match (unit, units) {
        (b"ns", _) => Some(1),
        (b"us" | b"\xc2\xb5s" | b"\xce\xbcs", _) => Some(1_000),
        (b"ms", _) => Some(1_000_000),
        (b"s", _) => Some(SECOND),
        (b"m", _) => Some(60 * SECOND),
        (b"h", _) => Some(3_600 * SECOND),
        (b"d", Units::GoAndDays) => Some(24 * 3_600 * SECOND),
        (b"w", Units::GoAndDays) => Some(7 * 24 * 3_600 * SECOND),
        _ => None,
    }
}

/// No digits are zero; `None` says that the number is beyond every limit.
fn decimal(digits: &[u8]) -> Option<i128> {
    digits
        .iter()
        .try_fold(0_i128, |value, digit| value.checked_mul(10)?.checked_add(i128::from(digit.checked_sub(b'0')?)))
}

fn split_while(bytes: &[u8], keep: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let length = bytes.iter().position(|byte| !keep(byte)).unwrap_or(bytes.len());
    bytes.split_at_checked(length).unwrap_or((bytes, &[]))
}

/// `hex.DecodeString`.
pub(super) fn decode_hex(text: &str) -> Result<Vec<u8>, String> {
    for byte in text.bytes() {
        if !byte.is_ascii_hexdigit() {
            // Go looks at bytes and shows each as if it were a code point.
            let shown = quote(char::from(byte).to_string().as_bytes());
            let shown = shown.trim_matches('"');
            return Err(format!("encoding/hex: invalid byte: U+{byte:04X} '{shown}'"));
        }
    }
    if !text.len().is_multiple_of(2) {
        return Err("encoding/hex: odd length hex string".to_owned());
    }
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let decoded = text.as_bytes().chunks_exact(2).map(|pair| match pair {
        [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
        _ => None,
    });
    decoded.collect::<Option<_>>().ok_or_else(|| "encoding/hex: odd length hex string".to_owned())
}

/// `strconv.Quote`, which is `%q`.
pub(super) fn quote(text: &[u8]) -> String {
    let mut quoted = String::from('"');
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_quoted(&mut quoted, character);
        }
        for byte in chunk.invalid() {
            push_byte(&mut quoted, *byte);
        }
    }
    quoted.push('"');
    quoted
}

fn push_quoted(quoted: &mut String, character: char) {
    match character {
        '"' => quoted.push_str("\\\""),
        '\\' => quoted.push_str("\\\\"),
        '\x07' => quoted.push_str("\\a"),
        '\x08' => quoted.push_str("\\b"),
        '\x0c' => quoted.push_str("\\f"),
        '\n' => quoted.push_str("\\n"),
        '\r' => quoted.push_str("\\r"),
        '\t' => quoted.push_str("\\t"),
        '\x0b' => quoted.push_str("\\v"),
        '\0'..='\x1f' | '\x7f' => push_byte(quoted, u8::try_from(character).unwrap_or_default()),
        ' '..='~' => quoted.push(character),
        _ if is_printable(character) => quoted.push(character),
        _ => {
            let code = u32::from(character);
            // Writing to a `String` cannot fail.
            let _ = if code < 0x1_0000 { write!(quoted, "\\u{code:04x}") } else { write!(quoted, "\\U{code:08x}") };
        }
    }
}

/// Close to `unicode.IsPrint`: what could move the cursor, hide or reorder text is not printable.
fn is_printable(character: char) -> bool {
    !character.is_control()
        && !character.is_whitespace()
        && !matches!(character,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{10ffff}')
}

/// The `quote` of Go's package `time`, which escapes every byte that is not plain ASCII.
fn quote_as_time_does(text: &[u8]) -> String {
    let mut quoted = String::from('"');
    for byte in text {
        match byte {
            b'"' | b'\\' => {
                quoted.push('\\');
                quoted.push(char::from(*byte));
            }
            b' '..=b'\x7f' => quoted.push(char::from(*byte)),
            _ => push_byte(&mut quoted, *byte),
        }
    }
    quoted.push('"');
    quoted
}

fn push_byte(quoted: &mut String, byte: u8) {
    // Writing to a `String` cannot fail.
    let _ = write!(quoted, "\\x{byte:02x}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bools_are_those_of_go() {
        for yes in ["1", "t", "T", "TRUE", "true", "True"] {
            assert_eq!(parse_bool(yes.as_bytes()), Ok(true));
        }
        for no in ["0", "f", "F", "FALSE", "false", "False"] {
            assert_eq!(parse_bool(no.as_bytes()), Ok(false));
        }
        for bad in ["", "yes", "tRUE", " true"] {
            assert!(parse_bool(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn numbers_are_those_of_go() {
        let good =
            [("0", 0), ("10", 10), ("-5", -5), ("+5", 5), ("0x10_0", 256), ("0b11", 3), ("017", 15), ("0o17", 15)];
        for (text, value) in good {
            assert_eq!(parse_int(text.as_bytes()), Ok(value), "{text}");
        }
        assert_eq!(parse_int(b"9223372036854775807"), Ok(i64::MAX));
        assert_eq!(parse_int(b"-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(parse_int(b"0_7"), Ok(7));
        for bad in ["", "-", "0x", "_1", "1_", "1__0", "08", "1.5", "1 ", "--1"] {
            let error = parse_int(bad.as_bytes()).expect_err(bad);
            assert!(error.ends_with("invalid syntax"), "{bad}: {error}");
        }
        assert_eq!(
            parse_int(b"9223372036854775808"),
            Err("strconv.ParseInt: parsing \"9223372036854775808\": value out of range".to_owned())
        );
    }

    #[test]
    fn durations_are_those_of_go() {
        let good = [
            ("0", 0),
            ("3m0s", 180_000_000_000),
            ("1h", 3_600_000_000_000),
            ("1.5h30m", 7_200_000_000_000),
            ("+.5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("10µs", 10_000),
            ("-5s", 0),
            ("0.0000000000000000000001s", 0),
        ];
        for (text, nanos) in good {
            assert_eq!(parse_duration(text.as_bytes(), Units::Go), Ok(Duration::from_nanos(nanos)), "{text}");
        }
        assert_eq!(parse_duration(b"14d", Units::GoAndDays), Ok(Duration::from_secs(14 * 86_400)));
        assert_eq!(parse_duration(b"1w2d12h", Units::GoAndDays), Ok(Duration::from_secs(9 * 86_400 + 43_200)));
        assert_eq!(parse_duration(b"9223372036854775807ns", Units::Go), Ok(Duration::from_nanos(u64::MAX / 2)));
        for bad in ["9223372036854775808ns", "9999999999h", "", "-", "x", ".", ".s", "s", "1h-3m"] {
            assert!(parse_duration(bad.as_bytes(), Units::Go).is_err(), "{bad}");
        }
    }

    #[test]
    fn hex_errors_are_those_of_go() {
        assert_eq!(decode_hex("00fF"), Ok(vec![0, 255]));
        assert_eq!(decode_hex("zz"), Err("encoding/hex: invalid byte: U+007A 'z'".to_owned()));
        assert_eq!(decode_hex("abc"), Err("encoding/hex: odd length hex string".to_owned()));
    }

    #[test]
    fn quotes_are_those_of_go() {
        assert_eq!(quote(b"a\"b\n\xff\t\\\xc3\xa9\x01"), r#""a\"b\n\xff\t\\é\x01""#);
        assert_eq!(quote("\u{202e}\u{7f}".as_bytes()), "\"\\u202e\\x7f\"");
        assert_eq!(quote_as_time_does(b"a\"b\n\xff\t\\\xc3\xa9\x01"), r#""a\"b\x0a\xff\x09\\\xc3\xa9\x01""#);
    }
}
