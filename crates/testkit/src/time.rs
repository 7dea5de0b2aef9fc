//! Unix seconds to civil time, and RFC 3339 text.

/// The signing time unless a test says otherwise: 2026-11-01T12:00:00Z.
pub const SIGNING_TIME: i64 = 1_793_534_400;
/// The start of all long-lived keys: 2020-01-01T00:00:00Z.
pub const KEYS_START: i64 = 1_577_836_800;
/// The end of all long-lived certificates: 2040-01-01T00:00:00Z.
pub const KEYS_END: i64 = 2_208_988_800;
/// A day in seconds.
pub const DAY: i64 = 86_400;

/// A moment in UTC, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// Year.
    pub year: i64,
    /// Month, from 1.
    pub month: i64,
    /// Day, from 1.
    pub day: i64,
    /// Hour.
    pub hour: i64,
    /// Minute.
    pub minute: i64,
    /// Second.
    pub second: i64,
}

impl Civil {
    /// From Unix seconds (proleptic Gregorian calendar, no leap seconds).
    pub fn from_unix(unix: i64) -> Self {
        let days = unix.div_euclid(DAY);
        let seconds = unix.rem_euclid(DAY);
        // Days are counted in 400-year eras that begin on the 1st of March, so that the leap day is a year's last.
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
            hour: seconds / 3_600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }
}

/// RFC 3339 with `Z`, whole seconds.
pub fn rfc3339(unix: i64) -> String {
    let c = Civil::from_unix(unix);
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_times_are_what_they_say() {
        assert_eq!(rfc3339(SIGNING_TIME), "2026-11-01T12:00:00Z");
        assert_eq!(rfc3339(KEYS_START), "2020-01-01T00:00:00Z");
        assert_eq!(rfc3339(KEYS_END), "2040-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    }
}
