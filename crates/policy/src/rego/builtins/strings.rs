//! Texts (`topdown/strings.go`, `regex.go`).

use std::collections::BTreeMap;

use sigward_verify::Pattern;

use super::super::value::Value;
use super::table::{Args, Stop};
use crate::limits::MAX_TEXT_BYTES;

type Result = std::result::Result<Value, Stop>;

/// A text of a length that is known before it is made.
pub(super) fn check_length(bytes: usize) -> std::result::Result<(), Stop> {
    if bytes > MAX_TEXT_BYTES { Err(Stop::TooLarge) } else { Ok(()) }
}

fn texts<'a>(args: &'a Args<'_>, n: usize) -> std::result::Result<Vec<&'a str>, Stop> {
    args.elements(n)?.into_iter().map(|v| v.as_str().ok_or(Stop::Undefined)).collect()
}

pub(super) fn concat(args: &Args<'_>) -> Result {
    let (glue, parts) = (args.text(0)?, texts(args, 1)?);
    let length = parts.iter().fold(0_usize, |all, p| all.saturating_add(p.len()).saturating_add(glue.len()));
    check_length(length)?;
    Ok(Value::text(&parts.join(glue)))
}

pub(super) fn contains(args: &Args<'_>) -> Result {
    Ok(Value::Bool(args.text(0)?.contains(args.text(1)?)))
}

pub(super) fn endswith(args: &Args<'_>) -> Result {
    Ok(Value::Bool(args.text(0)?.ends_with(args.text(1)?)))
}

pub(super) fn startswith(args: &Args<'_>) -> Result {
    Ok(Value::Bool(args.text(0)?.starts_with(args.text(1)?)))
}

/// In characters; -1 if it is not there.
pub(super) fn indexof(args: &Args<'_>) -> Result {
    let (text, wanted) = (args.text(0)?, args.text(1)?);
    if wanted.is_empty() {
        return Err(Stop::Undefined);
    }
    Ok(match text.find(wanted) {
        Some(at) => Value::count(text.get(..at).unwrap_or_default().chars().count()),
        None => Value::int(-1),
    })
}

/// Overlapping ones too.
pub(super) fn indexof_n(args: &Args<'_>) -> Result {
    let (text, wanted) = (args.text(0)?, args.text(1)?);
    if wanted.is_empty() {
        return Err(Stop::Undefined);
    }
    let starts = text.char_indices().enumerate();
    let found = starts.filter(|(_, (at, _))| text.get(*at..).is_some_and(|rest| rest.starts_with(wanted)));
    Ok(Value::array(found.map(|(n, _)| Value::count(n)).collect())?)
}

/// Go changes the case of characters one by one; where Unicode makes several of one, this does not follow.
fn mapped<I: Iterator<Item = char>>(text: &str, case: fn(char) -> I) -> Result {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let mut changed = case(c);
        match (changed.next(), changed.next()) {
            (Some(one), None) => out.push(one),
            _ => return Err(Stop::Unsupported("the case of a character that becomes several")),
        }
    }
    Ok(Value::text(&out))
}

pub(super) fn lower(args: &Args<'_>) -> Result {
    mapped(args.text(0)?, char::to_lowercase)
}

pub(super) fn upper(args: &Args<'_>) -> Result {
    mapped(args.text(0)?, char::to_uppercase)
}

pub(super) fn replace(args: &Args<'_>) -> Result {
    let (text, old, new) = (args.text(0)?, args.text(1)?, args.text(2)?);
    let places = if old.is_empty() { text.chars().count().saturating_add(1) } else { text.matches(old).count() };
    check_length(text.len().saturating_add(places.saturating_mul(new.len())))?;
    Ok(Value::text(&text.replace(old, new)))
}

/// At each place the first pattern that fits, in the order of the patterns.
pub(super) fn replace_n(args: &Args<'_>) -> Result {
    let patterns: &BTreeMap<Value, Value> = args.get(0)?.as_object().ok_or(Stop::Undefined)?;
    let text = args.text(1)?;
    let mut pairs = Vec::with_capacity(patterns.len());
    for (old, new) in patterns {
        let (Some(old), Some(new)) = (old.as_str(), new.as_str()) else { return Err(Stop::Undefined) };
        if old.is_empty() {
            return Err(Stop::Unsupported("an empty pattern"));
        }
        pairs.push((old, new));
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match pairs.iter().find(|(old, _)| rest.starts_with(old)) {
            Some((old, new)) => {
                out.push_str(new);
                rest = rest.get(old.len()..).unwrap_or_default();
            }
            None => {
                out.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
        check_length(out.len())?;
    }
    Ok(Value::text(&out))
}

pub(super) fn split(args: &Args<'_>) -> Result {
    let (text, at) = (args.text(0)?, args.text(1)?);
    let parts: Vec<Value> = if at.is_empty() {
        text.chars().map(|c| Value::text(c.encode_utf8(&mut [0; 4]))).collect()
    } else {
        text.split(at).map(Value::text).collect()
    };
    Ok(Value::array(parts)?)
}

/// A negative length goes to the end.
pub(super) fn substring(args: &Args<'_>) -> Result {
    let (text, start, length) = (args.text(0)?, args.int(1)?, args.int(2)?);
    let start = usize::try_from(start).map_err(|_| Stop::Undefined)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(Value::text(&text.chars().skip(start).take(length).collect::<String>()))
}

pub(super) fn trim(args: &Args<'_>) -> Result {
    let cut = args.text(1)?;
    Ok(Value::text(args.text(0)?.trim_matches(|c| cut.contains(c))))
}

pub(super) fn trim_left(args: &Args<'_>) -> Result {
    let cut = args.text(1)?;
    Ok(Value::text(args.text(0)?.trim_start_matches(|c| cut.contains(c))))
}

pub(super) fn trim_right(args: &Args<'_>) -> Result {
    let cut = args.text(1)?;
    Ok(Value::text(args.text(0)?.trim_end_matches(|c| cut.contains(c))))
}

pub(super) fn trim_prefix(args: &Args<'_>) -> Result {
    let text = args.text(0)?;
    Ok(Value::text(text.strip_prefix(args.text(1)?).unwrap_or(text)))
}

pub(super) fn trim_suffix(args: &Args<'_>) -> Result {
    let text = args.text(0)?;
    Ok(Value::text(text.strip_suffix(args.text(1)?).unwrap_or(text)))
}

pub(super) fn trim_space(args: &Args<'_>) -> Result {
    Ok(Value::text(args.text(0)?.trim()))
}

pub(super) fn reverse(args: &Args<'_>) -> Result {
    Ok(Value::text(&args.text(0)?.chars().rev().collect::<String>()))
}

fn any_match(args: &Args<'_>, fits: fn(&str, &str) -> bool) -> Result {
    let list = |n: usize| match args.get(n)? {
        Value::String(text) => Ok(vec![&**text]),
        _ => texts(args, n),
    };
    let (searched, wanted) = (list(0)?, list(1)?);
    Ok(Value::Bool(searched.iter().any(|text| wanted.iter().any(|part| fits(text, part)))))
}

pub(super) fn any_prefix_match(args: &Args<'_>) -> Result {
    any_match(args, |text, part| text.starts_with(part))
}

pub(super) fn any_suffix_match(args: &Args<'_>) -> Result {
    any_match(args, |text, part| text.ends_with(part))
}

pub(super) fn strings_count(args: &Args<'_>) -> Result {
    let (text, part) = (args.text(0)?, args.text(1)?);
    Ok(Value::count(if part.is_empty() { text.chars().count().saturating_add(1) } else { text.matches(part).count() }))
}

/// A pattern that is invalid in Go, or that this does not know: which of both is not told apart.
const PATTERN: Stop = Stop::Unsupported("this regular expression");

pub(super) fn regex_match(args: &Args<'_>) -> Result {
    let pattern = Pattern::new(args.text(0)?).map_err(|_| PATTERN)?;
    Ok(Value::Bool(pattern.is_match(args.text(1)?)))
}

pub(super) fn regex_is_valid(args: &Args<'_>) -> Result {
    match args.get(0)? {
        Value::String(text) => Pattern::new(text).map(|_| Value::Bool(true)).map_err(|_| PATTERN),
        _ => Ok(Value::Bool(false)),
    }
}
