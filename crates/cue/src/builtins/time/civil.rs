//! Days and seconds to dates and back, in the proleptic Gregorian calendar.

/// Names of months.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Names of days, from Sunday as Go counts.
pub(super) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const DAY: i64 = 86_400;

/// Seconds to either side of 1970 that are read: some three million years.
const FARTHEST: i64 = 100_000_000_000_000;

/// A moment, with the offset that it is written in.
pub(super) struct Instant {
    /// Seconds since 1970 in UTC.
    pub(super) seconds: i64,
    /// Below a milliard.
    pub(super) nanosecond: u32,
    /// Seconds east of UTC.
    pub(super) offset: i64,
}

/// A day.
pub(super) struct Date {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    /// From 1.
    pub(super) year_day: i64,
    /// From 0, a Sunday.
    pub(super) week_day: i64,
}

/// A time of day.
pub(super) struct Clock {
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
}

impl Instant {
    pub(super) fn from_unix(seconds: i64, nanoseconds: i64) -> Option<Self> {
        let seconds = seconds.checked_add(nanoseconds.div_euclid(1_000_000_000))?;
        let nanosecond = u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).ok()?;
        (seconds.checked_abs()? <= FARTHEST).then_some(Self { seconds, nanosecond, offset: 0 })
    }

    pub(super) fn in_utc(self) -> Self {
        Self { offset: 0, ..self }
    }

    pub(super) fn date(&self) -> Date {
        date_of((self.seconds + self.offset).div_euclid(DAY))
    }

    pub(super) fn clock(&self) -> Clock {
        let second = (self.seconds + self.offset).rem_euclid(DAY);
        Clock { hour: second / 3_600, minute: second / 60 % 60, second: second % 60 }
    }
}

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days before a month, which may be the 13th, in a year that does not leap.
pub(super) fn days_before(month: i64) -> i64 {
    const BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    usize::try_from(month - 1).ok().and_then(|at| BEFORE.get(at)).copied().unwrap_or(365)
}

pub(super) fn days_in(month: i64, year: i64) -> i64 {
    if month == 2 && is_leap(year) { 29 } else { days_before(month + 1) - days_before(month) }
}

/// Days since 1970 of a date.
pub(super) fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leaps = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let leap_day = i64::from(month > 2 && is_leap(year));
    365 * (year - 1970) + leaps(before) - leaps(1969) + days_before(month) + leap_day + day - 1
}

fn date_of(days: i64) -> Date {
    // A guess that is off by one at most, from the mean length of a year.
    let mut year = 1970 + (days * 400).div_euclid(146_097);
    while days_since_epoch(year, 1, 1) > days {
        year -= 1;
    }
    while days_since_epoch(year + 1, 1, 1) <= days {
        year += 1;
    }
    let year_day = days - days_since_epoch(year, 1, 1);
    let month = (1..=12).rev().find(|month| days_since_epoch(year, *month, 1) <= days).unwrap_or(1);
    Date {
        year,
        month,
        day: days - days_since_epoch(year, month, 1) + 1,
        year_day: year_day + 1,
        week_day: (days + 4).rem_euclid(7),
    }
}
