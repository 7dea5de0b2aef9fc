//! Go's layouts: the reference time `Mon Jan 2 15:04:05 MST 2006`, cut into its items (`time/format.go` of Go 1.26).

/// An item of a layout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Item {
    /// `January`
    LongMonth,
    /// `Jan`
    Month,
    /// `1`, or `01`
    NumericMonth(Pad),
    /// `Monday`
    LongWeekDay,
    /// `Mon`
    WeekDay,
    /// `2`, `_2`, `02`
    Day(Pad),
    /// `__2`, `002`
    YearDay(Pad),
    /// `15`
    Hour,
    /// `3`, `03`
    Hour12(Pad),
    /// `4`, `04`
    Minute(Pad),
    /// `5`, `05`
    Second(Pad),
    /// `2006`
    LongYear,
    /// `06`
    Year,
    /// `PM`
    UpperNoon,
    /// `pm`
    LowerNoon,
    /// `MST`
    ZoneName,
    /// `-0700` and its like
    Zone {
        /// Whether UTC is `Z`.
        z: bool,
        /// What is written after the hours.
        parts: Parts,
    },
    /// `.000`, `.999`
    Fraction {
        /// How many digits.
        digits: usize,
        /// Whether zeros at the end are left out.
        trim: bool,
        /// A point or a comma.
        separator: u8,
    },
}

/// How a number is filled up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pad {
    None,
    Space,
    Zero,
}

/// The parts of a zone's offset.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Parts {
    /// `-07`
    Hours,
    /// `-0700`
    Minutes,
    /// `-07:00`
    ColonMinutes,
    /// `-070000`
    Seconds,
    /// `-07:00:00`
    ColonSeconds,
}

/// The first item of a layout: what is before it, the item and its text, what is after it.
pub(super) struct Cut<'a> {
    pub(super) prefix: &'a [u8],
    pub(super) item: Option<(Item, &'a [u8])>,
    pub(super) suffix: &'a [u8],
}

/// In the order in which Go tries them at one place.
const ITEMS: &[(&[u8], Item)] = &[
    (b"January", Item::LongMonth),
    (b"Jan", Item::Month),
    (b"Monday", Item::LongWeekDay),
    (b"Mon", Item::WeekDay),
    (b"MST", Item::ZoneName),
    (b"01", Item::NumericMonth(Pad::Zero)),
    (b"02", Item::Day(Pad::Zero)),
    (b"03", Item::Hour12(Pad::Zero)),
    (b"04", Item::Minute(Pad::Zero)),
    (b"05", Item::Second(Pad::Zero)),
    (b"06", Item::Year),
    (b"002", Item::YearDay(Pad::Zero)),
    (b"15", Item::Hour),
    (b"1", Item::NumericMonth(Pad::None)),
    (b"2006", Item::LongYear),
    (b"2", Item::Day(Pad::None)),
    (b"_2", Item::Day(Pad::Space)),
    (b"__2", Item::YearDay(Pad::Space)),
    (b"3", Item::Hour12(Pad::None)),
    (b"4", Item::Minute(Pad::None)),
    (b"5", Item::Second(Pad::None)),
    (b"PM", Item::UpperNoon),
    (b"pm", Item::LowerNoon),
    (b"-070000", Item::Zone { z: false, parts: Parts::Seconds }),
    (b"-07:00:00", Item::Zone { z: false, parts: Parts::ColonSeconds }),
    (b"-0700", Item::Zone { z: false, parts: Parts::Minutes }),
    (b"-07:00", Item::Zone { z: false, parts: Parts::ColonMinutes }),
    (b"-07", Item::Zone { z: false, parts: Parts::Hours }),
    (b"Z070000", Item::Zone { z: true, parts: Parts::Seconds }),
    (b"Z07:00:00", Item::Zone { z: true, parts: Parts::ColonSeconds }),
    (b"Z0700", Item::Zone { z: true, parts: Parts::Minutes }),
    (b"Z07:00", Item::Zone { z: true, parts: Parts::ColonMinutes }),
    (b"Z07", Item::Zone { z: true, parts: Parts::Hours }),
];

/// Cuts off the first item.
pub(super) fn cut(layout: &[u8]) -> Cut<'_> {
    for (at, first) in layout.iter().enumerate() {
        let Some(rest) = layout.get(at..) else { break };
        // `_2006` is an underscore and a year.
        if rest.starts_with(b"_2006") {
            continue;
        }
        let found = match first {
            b'.' | b',' => fraction(rest, *first),
            _ => ITEMS.iter().find(|(text, item)| matches(rest, text, *item)).map(|(text, item)| (*item, text.len())),
        };
        if let Some((item, length)) = found {
            let (text, suffix) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            return Cut { prefix: layout.get(..at).unwrap_or_default(), item: Some((item, text)), suffix };
        }
    }
    Cut { prefix: layout, item: None, suffix: &[] }
}

fn matches(rest: &[u8], text: &[u8], item: Item) -> bool {
    let Some(after) = rest.strip_prefix(text) else { return false };
    // A short name is not the beginning of another word.
    !matches!(item, Item::Month | Item::WeekDay) || !after.first().is_some_and(u8::is_ascii_lowercase)
}

/// A point or comma with one or more zeros, or nines, that no other digit follows.
fn fraction(rest: &[u8], separator: u8) -> Option<(Item, usize)> {
    let digits = rest.get(1..)?;
    let digit = *digits.first().filter(|digit| matches!(digit, b'0' | b'9'))?;
    let count = digits.iter().take_while(|other| **other == digit).count();
    if digits.get(count).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((Item::Fraction { digits: count, trim: digit == b'9', separator }, count + 1))
}
