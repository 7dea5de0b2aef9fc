//! Package `strings`: Go's functions over runes and bytes.

use super::args::{Args, builtin, failure, integer, length, list_budget, strings, text_budget};
use super::letters::{lower, title, upper};
use super::{Builtin, BuiltinError, CallContext, Value};
use crate::kind::Kind;
use crate::number::Number;

type Result<T> = std::result::Result<T, BuiltinError>;

const TEXT: Kind = Kind::BYTES.or(Kind::STRING);

/// The functions.
pub(super) static FUNCTIONS: &[Builtin] = &[
    builtin!("strings", "ByteAt", [TEXT, Kind::INT] => Kind::INT, byte_at),
    builtin!("strings", "ByteSlice", [TEXT, Kind::INT, Kind::INT] => TEXT, byte_slice),
    builtin!("strings", "Runes", [Kind::STRING] => Kind::LIST, runes),
    builtin!("strings", "MinRunes", [Kind::STRING, Kind::INT] => Kind::BOOL, |_, args: &Args<'_>| {
        Ok(Value::Bool(count_runes(args)? >= args.int(1)?))
    }),
    builtin!("strings", "MaxRunes", [Kind::STRING, Kind::INT] => Kind::BOOL, |_, args: &Args<'_>| {
        Ok(Value::Bool(count_runes(args)? <= args.int(1)?))
    }),
    builtin!("strings", "ToTitle", [Kind::STRING] => Kind::STRING, |context, args| first_letters(context, args, title)),
    builtin!("strings", "ToCamel", [Kind::STRING] => Kind::STRING, |context, args| first_letters(context, args, lower)),
    builtin!("strings", "SliceRunes", [Kind::STRING, Kind::INT, Kind::INT] => Kind::STRING, slice_runes),
    builtin!("strings", "Compare", [Kind::STRING, Kind::STRING] => Kind::INT, |_, args: &Args<'_>| {
        Ok(Value::Number(Number::int(match args.string(0)?.cmp(args.string(1)?) {
            std::cmp::Ordering::Less => -1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => 1,
        })))
    }),
    builtin!("strings", "Count", [Kind::STRING, Kind::STRING] => Kind::INT, |_, args: &Args<'_>| {
        Ok(integer(args.string(0)?.matches(args.string(1)?).count()))
    }),
    builtin!("strings", "Contains", [Kind::STRING, Kind::STRING] => Kind::BOOL, |_, args: &Args<'_>| {
        Ok(Value::Bool(args.string(0)?.contains(args.string(1)?)))
    }),
    builtin!("strings", "ContainsAny", [Kind::STRING, Kind::STRING] => Kind::BOOL, |context, args: &Args<'_>| {
        Ok(Value::Bool(find_any(context, args)?.contains(&true)))
    }),
    builtin!("strings", "LastIndex", [Kind::STRING, Kind::STRING] => Kind::INT, |_, args: &Args<'_>| {
        Ok(index(args.string(0)?.rfind(args.string(1)?)))
    }),
    builtin!("strings", "IndexAny", [Kind::STRING, Kind::STRING] => Kind::INT, |context, args: &Args<'_>| {
        let found = find_any(context, args)?.iter().position(|found| *found);
        Ok(index(found.and_then(|nth| byte_of(args.string(0).ok()?, nth))))
    }),
    builtin!("strings", "LastIndexAny", [Kind::STRING, Kind::STRING] => Kind::INT, |context, args: &Args<'_>| {
        let found = find_any(context, args)?.iter().rposition(|found| *found);
        Ok(index(found.and_then(|nth| byte_of(args.string(0).ok()?, nth))))
    }),
    builtin!("strings", "SplitN", [Kind::STRING, Kind::STRING, Kind::INT] => Kind::LIST, |context, args: &Args<'_>| {
        split(context, args, args.int(2)?, Separator::Drop)
    }),
    builtin!("strings", "SplitAfterN", [Kind::STRING, Kind::STRING, Kind::INT] => Kind::LIST, |context, args: &Args<'_>| {
        split(context, args, args.int(2)?, Separator::Keep)
    }),
    builtin!("strings", "Split", [Kind::STRING, Kind::STRING] => Kind::LIST, |context, args| {
        split(context, args, -1, Separator::Drop)
    }),
    builtin!("strings", "SplitAfter", [Kind::STRING, Kind::STRING] => Kind::LIST, |context, args| {
        split(context, args, -1, Separator::Keep)
    }),
    builtin!("strings", "Fields", [Kind::STRING] => Kind::LIST, |context, args: &Args<'_>| {
        let fields: Vec<&str> = args.string(0)?.split_whitespace().collect();
        strings(context, fields.into_iter())
    }),
    builtin!("strings", "Join", [Kind::LIST, Kind::STRING] => Kind::STRING, join),
    builtin!("strings", "HasPrefix", [Kind::STRING, Kind::STRING] => Kind::BOOL, |_, args: &Args<'_>| {
        Ok(Value::Bool(args.string(0)?.starts_with(args.string(1)?)))
    }),
    builtin!("strings", "HasSuffix", [Kind::STRING, Kind::STRING] => Kind::BOOL, |_, args: &Args<'_>| {
        Ok(Value::Bool(args.string(0)?.ends_with(args.string(1)?)))
    }),
    builtin!("strings", "Repeat", [Kind::STRING, Kind::INT] => Kind::STRING, repeat),
    builtin!("strings", "ToUpper", [Kind::STRING] => Kind::STRING, |context, args| map(context, args, upper)),
    builtin!("strings", "ToLower", [Kind::STRING] => Kind::STRING, |context, args| map(context, args, lower)),
    builtin!("strings", "Trim", [Kind::STRING, Kind::STRING] => Kind::STRING, |_, args: &Args<'_>| {
        let set = args.string(1)?;
        Ok(Value::string(args.string(0)?.trim_matches(|c| set.contains(c))))
    }),
    builtin!("strings", "TrimLeft", [Kind::STRING, Kind::STRING] => Kind::STRING, |_, args: &Args<'_>| {
        let set = args.string(1)?;
        Ok(Value::string(args.string(0)?.trim_start_matches(|c| set.contains(c))))
    }),
    builtin!("strings", "TrimRight", [Kind::STRING, Kind::STRING] => Kind::STRING, |_, args: &Args<'_>| {
        let set = args.string(1)?;
        Ok(Value::string(args.string(0)?.trim_end_matches(|c| set.contains(c))))
    }),
    builtin!("strings", "TrimSpace", [Kind::STRING] => Kind::STRING, |_, args: &Args<'_>| {
        Ok(Value::string(args.string(0)?.trim()))
    }),
    builtin!("strings", "TrimPrefix", [Kind::STRING, Kind::STRING] => Kind::STRING, |_, args: &Args<'_>| {
        let text = args.string(0)?;
        Ok(Value::string(text.strip_prefix(args.string(1)?).unwrap_or(text)))
    }),
    builtin!("strings", "TrimSuffix", [Kind::STRING, Kind::STRING] => Kind::STRING, |_, args: &Args<'_>| {
        let text = args.string(0)?;
        Ok(Value::string(text.strip_suffix(args.string(1)?).unwrap_or(text)))
    }),
    builtin!("strings", "Replace", [Kind::STRING, Kind::STRING, Kind::STRING, Kind::INT] => Kind::STRING, replace),
    builtin!("strings", "Index", [Kind::STRING, Kind::STRING] => Kind::INT, |_, args: &Args<'_>| {
        Ok(index(args.string(0)?.find(args.string(1)?)))
    }),
];

fn out_of_range() -> BuiltinError {
    failure("index out of range")
}

fn byte_at(_: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let byte = usize::try_from(args.int(1)?).ok().and_then(|at| args.bytes(0).ok()?.get(at));
    Ok(Value::Number(Number::int(*byte.ok_or_else(out_of_range)?)))
}

fn byte_slice(_: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let (start, end) = range(args)?;
    Ok(Value::Bytes(args.bytes(0)?.get(start..end).ok_or_else(out_of_range)?.into()))
}

fn slice_runes(_: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let (start, end) = range(args)?;
    let text = args.string(0)?;
    let (start, end) = (boundary(text, start), boundary(text, end));
    let slice = start.zip(end).and_then(|(start, end)| text.get(start..end));
    Ok(Value::string(slice.ok_or_else(out_of_range)?))
}

fn range(args: &Args<'_>) -> Result<(usize, usize)> {
    let (start, end) = (usize::try_from(args.int(1)?), usize::try_from(args.int(2)?));
    start.ok().zip(end.ok()).filter(|(start, end)| start <= end).ok_or_else(out_of_range)
}

/// Where the nth rune begins; the end of the text is a boundary too.
fn boundary(text: &str, nth: usize) -> Option<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(nth)
}

fn byte_of(text: &str, nth: usize) -> Option<usize> {
    text.char_indices().nth(nth).map(|(at, _)| at)
}

fn index(at: Option<usize>) -> Value {
    at.map_or_else(|| Value::Number(Number::int(-1)), integer)
}

fn count_runes(args: &Args<'_>) -> Result<i64> {
    Ok(i64::try_from(args.string(0)?.chars().count()).unwrap_or(i64::MAX))
}

fn runes(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let text = args.string(0)?;
    list_budget(context, length(text.chars().count()))?;
    Ok(Value::list(text.chars().map(|c| Value::Number(Number::int(u32::from(c)))).collect()))
}

/// For each rune of the text, whether it is one of the set.
fn find_any(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Vec<bool>> {
    let (text, set) = (args.string(0)?, args.string(1)?);
    context.host.spend(length(text.len()).saturating_mul(length(set.len()) / 64 + 1))?;
    Ok(text.chars().map(|c| set.contains(c)).collect())
}

fn map(context: &mut CallContext<'_>, args: &Args<'_>, letter: fn(char) -> char) -> Result<Value> {
    let text = args.string(0)?;
    // A letter and its other case are at most two bytes apart.
    text_budget(context, text.len())?;
    Ok(Value::string(&text.chars().map(letter).collect::<String>()))
}

/// Changes the first letter of each word: CUE's `ToTitle` and `ToCamel`.
fn first_letters(context: &mut CallContext<'_>, args: &Args<'_>, letter: fn(char) -> char) -> Result<Value> {
    let text = args.string(0)?;
    text_budget(context, text.len())?;
    let mut previous = ' ';
    let mapped: String =
        text.chars().map(|c| if std::mem::replace(&mut previous, c).is_whitespace() { letter(c) } else { c }).collect();
    Ok(Value::string(&mapped))
}

#[derive(Clone, Copy)]
enum Separator {
    Drop,
    Keep,
}

fn split(context: &mut CallContext<'_>, args: &Args<'_>, n: i64, separator: Separator) -> Result<Value> {
    let (text, by) = (args.string(0)?, args.string(1)?);
    if n == 0 {
        // Go's nil slice.
        return Ok(Value::list(Vec::new()));
    }
    let most = usize::try_from(n).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut rest = text;
    if by.is_empty() {
        while let Some(first) = rest.chars().next().filter(|_| parts.len() + 1 < most) {
            let (part, tail) = rest.split_at_checked(first.len_utf8()).unwrap_or((rest, ""));
            parts.push(part);
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(rest);
        }
        return strings(context, parts.into_iter());
    }
    while let Some(at) = rest.find(by).filter(|_| parts.len() + 1 < most) {
        let end = match separator {
            Separator::Drop => at,
            Separator::Keep => at + by.len(),
        };
        parts.push(rest.get(..end).unwrap_or_default());
        rest = rest.get(at + by.len()..).unwrap_or_default();
    }
    parts.push(rest);
    strings(context, parts.into_iter())
}

fn join(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let (texts, by) = (args.strings(0)?, args.string(1)?);
    let separators = by.len().saturating_mul(texts.len().saturating_sub(1));
    text_budget(context, texts.iter().map(|text| text.len()).fold(separators, usize::saturating_add))?;
    Ok(Value::string(&texts.join(by)))
}

fn repeat(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let (text, count) = (args.string(0)?, args.int(1)?);
    if count < 0 {
        return Err(failure("strings: negative Repeat count"));
    }
    let count = if text.is_empty() { 0 } else { usize::try_from(count).unwrap_or(usize::MAX) };
    text_budget(context, text.len().saturating_mul(count))?;
    Ok(Value::string(&text.repeat(count)))
}

fn replace(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Value> {
    let (text, old, new, n) = (args.string(0)?, args.string(1)?, args.string(2)?, args.int(3)?);
    let most = usize::try_from(n).unwrap_or(usize::MAX);
    let count = text.matches(old).take(most).count();
    text_budget(context, text.len().saturating_add(count.saturating_mul(new.len())))?;
    Ok(Value::string(&text.replacen(old, new, most)))
}
