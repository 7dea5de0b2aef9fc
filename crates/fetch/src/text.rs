//! What others say, made fit to be shown.

use crate::limits;

/// The beginning of a text of unknown origin, on one line.
pub(crate) fn brief(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..limits::SHOWN).unwrap_or(bytes));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().filter(|c| !c.is_control()).collect()
}
