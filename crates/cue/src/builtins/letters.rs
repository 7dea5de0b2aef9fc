//! Case of letters as Go has it: one letter for one letter (simple case mapping), where Rust has full case mapping.

use super::printable::is_printable;

/// Go's `unicode.ToUpper`.
pub(super) fn upper(c: char) -> char {
    match c {
        // Greek with iota subscript: Unicode's simple mapping is the letter with iota adscript.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => shifted(c, 8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => shifted(c, 9),
        _ => single(c, c.to_uppercase()),
    }
}

/// Go's `unicode.ToLower`.
pub(super) fn lower(c: char) -> char {
    match c {
        '\u{130}' => 'i',
        _ => single(c, c.to_lowercase()),
    }
}

/// Go's `unicode.ToTitle`.
pub(super) fn title(c: char) -> char {
    match c {
        // Digraphs have a form for the beginning of a word.
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        // Georgian has no capitals at the beginning of a word.
        '\u{10d0}'..='\u{10ff}' => c,
        _ => upper(c),
    }
}

/// Letters that are younger than Go's Unicode have no case there.
fn single(c: char, mut mapped: impl ExactSizeIterator<Item = char>) -> char {
    let known = |c: char| is_printable(u32::from(c));
    match (mapped.len(), mapped.next()) {
        (1, Some(other)) if other == c || (known(c) && known(other)) => other,
        _ => c,
    }
}

fn shifted(c: char, by: u32) -> char {
    char::from_u32(u32::from(c).saturating_add(by)).unwrap_or(c)
}
