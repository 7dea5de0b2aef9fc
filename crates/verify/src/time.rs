//! Validity windows and the time formats of X.509 and RFC 3161.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A closed interval of time: both ends are inside (protobuf-specs `TimeRange`, RFC 5280 §4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First instant inside.
    pub start: Timestamp,
    /// Last instant inside; `None` is open.
    pub end: Option<Timestamp>,
}

impl Window {
    /// The window without bounds, for keys that come without one (PEM files).
    pub const ALWAYS: Self = Self { start: Timestamp::MIN, end: None };

    /// Whether `time` lies inside, ends included.
    pub fn contains(&self, time: Timestamp) -> bool {
        time >= self.start && self.end.is_none_or(|end| time <= end)
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.start == Timestamp::MIN, self.end) {
            (true, None) => f.write_str("always"),
            (false, None) => write!(f, "from {}", self.start),
            (true, Some(end)) => write!(f, "until {end}"),
            (false, Some(end)) => write!(f, "{} to {end}", self.start),
        }
    }
}

/// Reads a DER UTCTime (RFC 5280 §4.1.2.5.1: `YYMMDDHHMMSSZ`).
pub(crate) fn utc_time(text: &[u8]) -> Option<Timestamp> {
    if text.len() != 13 {
        return None;
    }
    let year = digits(text, 0, 2)?;
    // RFC 5280: 50 to 99 are of the twentieth century.
    let year = if year >= 50 { 1900 + year } else { 2000 + year };
    date_time(year, text.get(2..12)?, 0, text.get(12..)?)
}

/// Reads a DER GeneralizedTime; fractions are allowed as in RFC 3161 §2.4.2 (`YYYYMMDDhhmmss[.s...]Z`).
pub(crate) fn generalized_time(text: &[u8]) -> Option<Timestamp> {
    let year = digits(text, 0, 4)?;
    let rest = text.get(14..)?;
    let (nanos, zone) = match rest.split_first()? {
        (b'.', fraction) => {
            let length = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            // DER: no empty fraction, no trailing zero.
            if length == 0 || length > 9 || fraction.get(length - 1) == Some(&b'0') {
                return None;
            }
            let scale = 10_i32.checked_pow(u32::try_from(9 - length).ok()?)?;
            (digits(fraction, 0, length)?.checked_mul(scale)?, fraction.get(length..)?)
        }
        _ => (0, rest),
    };
    date_time(year, text.get(4..14)?, nanos, zone)
}

fn date_time(year: i32, mdhms: &[u8], nanos: i32, zone: &[u8]) -> Option<Timestamp> {
    if zone != b"Z" {
        return None;
    }
    let part = |at| digits(mdhms, at, 2).and_then(|n| i8::try_from(n).ok());
    let time =
        DateTime::new(i16::try_from(year).ok()?, part(0)?, part(2)?, part(4)?, part(6)?, part(8)?, nanos).ok()?;
    // The library's last moment lies 26 hours before that of a certificate that never expires (RFC 5280 §4.1.2.5:
    // 99991231235959Z).
    TimeZone::UTC.to_timestamp(time).ok().or_else(|| (time.year() == 9999).then_some(Timestamp::MAX))
}

/// Reads an RFC 3339 time; one in the last hours of the year 9999 is the library's last moment.
pub(crate) fn rfc3339(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let time: DateTime = text.strip_suffix('Z')?.parse().ok()?;
        (time.year() == 9999).then_some(Timestamp::MAX)
    })
}

fn digits(text: &[u8], from: usize, count: usize) -> Option<i32> {
    text.get(from..from.checked_add(count)?)?
        .iter()
        .try_fold(0_i32, |sum, b| b.is_ascii_digit().then(|| sum.checked_mul(10)?.checked_add(i32::from(b - b'0')))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn reads_both_time_forms() {
        assert_eq!(utc_time(b"221020000000Z"), Some(at("2022-10-20T00:00:00Z")));
        assert_eq!(utc_time(b"500101000000Z"), Some(at("1950-01-01T00:00:00Z")));
        assert_eq!(generalized_time(b"20500101000001Z"), Some(at("2050-01-01T00:00:01Z")));
        assert_eq!(generalized_time(b"99991231235959Z"), Some(Timestamp::MAX));
        assert_eq!(rfc3339("9999-12-31T23:59:59Z"), Some(Timestamp::MAX));
        assert_eq!(rfc3339("9999-12-32T23:59:59Z"), None);
        assert_eq!(rfc3339("9999-12-31"), None);
        assert_eq!(generalized_time(b"20250101000001.5Z"), Some(at("2025-01-01T00:00:01.5Z")));
    }

    #[test]
    fn refuses_times_that_der_forbids() {
        for bad in ["2210200000Z", "221020000000+0100", "22102000000aZ", "221320000000Z"] {
            assert_eq!(utc_time(bad.as_bytes()), None, "{bad}");
        }
        for bad in ["20250101000001.Z", "20250101000001.50Z", "202501010000Z", "20250101000001", ""] {
            assert_eq!(generalized_time(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn both_ends_are_inside() {
        let window = Window { start: at("2025-01-01T00:00:00Z"), end: Some(at("2025-01-02T00:00:00Z")) };
        assert!(window.contains(at("2025-01-01T00:00:00Z")) && window.contains(at("2025-01-02T00:00:00Z")));
        assert!(!window.contains(at("2025-01-02T00:00:00.000000001Z")));
        assert!(!window.contains(at("2024-12-31T23:59:59Z")));
    }
}
