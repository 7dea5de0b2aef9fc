//! Package `regexp`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::args::{Args, builtin, failure, list_budget, text_budget};
use super::re2::{Fault, Pattern};
use super::{Builtin, BuiltinError, CallContext, Value};
use crate::kind::Kind;

type Result<T> = std::result::Result<T, BuiltinError>;

/// The functions.
pub(super) static FUNCTIONS: &[Builtin] = &[
    builtin!("regexp", "Find", [Kind::STRING, Kind::STRING] => Kind::STRING, |context, args| {
        first(context, args).map(|(_, found)| Value::string(found.get(0).map_or("", |whole| whole.as_str())))
    }),
    builtin!("regexp", "FindAll", [Kind::STRING, Kind::STRING, Kind::INT] => Kind::LIST, |context, args| {
        all(context, args, |_, found| Value::string(found.get(0).map_or("", |whole| whole.as_str())))
    }),
    builtin!("regexp", "FindAllNamedSubmatch", [Kind::STRING, Kind::STRING, Kind::INT] => Kind::LIST, |context, args| {
        all(context, args, named)
    }),
    builtin!("regexp", "FindAllSubmatch", [Kind::STRING, Kind::STRING, Kind::INT] => Kind::LIST, |context, args| {
        all(context, args, |_, found| groups(found))
    }),
    builtin!("regexp", "FindNamedSubmatch", [Kind::STRING, Kind::STRING] => Kind::STRUCT, |context, args| {
        first(context, args).map(|(pattern, found)| named(&pattern, &found))
    }),
    builtin!("regexp", "FindSubmatch", [Kind::STRING, Kind::STRING] => Kind::LIST, |context, args| {
        first(context, args).map(|(_, found)| groups(&found))
    }),
    builtin!("regexp", "ReplaceAll", [Kind::STRING, Kind::STRING, Kind::STRING] => Kind::STRING, |context, args| {
        replace(context, args, Replacement::Template)
    }),
    builtin!("regexp", "ReplaceAllLiteral", [Kind::STRING, Kind::STRING, Kind::STRING] => Kind::STRING, |context, args| {
        replace(context, args, Replacement::Literal)
    }),
    builtin!("regexp", "Valid", [Kind::STRING] => Kind::BOOL, |context, args| {
        pattern(context, args).map(|_| Value::Bool(true))
    }),
    builtin!("regexp", "Match", [Kind::STRING, Kind::STRING] => Kind::BOOL, |context: &mut CallContext<'_>, args: &Args<'_>| {
        let text = args.string(1)?;
        let pattern = pattern(context, args)?;
        context.host.spend(pattern.cost(text))?;
        Ok(Value::Bool(pattern.is_match(text)))
    }),
    builtin!("regexp", "QuoteMeta", [Kind::STRING] => Kind::STRING, |context, args: &Args<'_>| {
        let text = args.string(0)?;
        text_budget(context, text.len().saturating_mul(2))?;
        Ok(Value::string(&quoted(text)))
    }),
];

fn pattern(context: &mut CallContext<'_>, args: &Args<'_>) -> Result<Pattern> {
    let source = args.string(0)?;
    // Compiling takes some 50 microseconds at least.
    context.host.spend(u64::try_from(source.len()).unwrap_or(u64::MAX).saturating_add(500))?;
    Pattern::new(source).map_err(|fault| match fault {
        Fault::Invalid(why) => failure(why),
        Fault::Unsupported(why) => BuiltinError::Unsupported(why),
    })
}

fn no_match() -> BuiltinError {
    failure("no match")
}

fn first<'a>(context: &mut CallContext<'_>, args: &Args<'a>) -> Result<(Pattern, regex::Captures<'a>)> {
    let text = args.string(1)?;
    let pattern = pattern(context, args)?;
    context.host.spend(pattern.cost(text))?;
    let found = pattern.captures_at(text, 0).ok_or_else(no_match)?;
    Ok((pattern, found))
}

/// All matches, at most n of them if that is not negative. An empty match beside the one before does not count.
fn all(
    context: &mut CallContext<'_>,
    args: &Args<'_>,
    take: fn(&Pattern, &regex::Captures<'_>) -> Value,
) -> Result<Value> {
    let text = args.string(1)?;
    let most = usize::try_from(args.int(2)?).unwrap_or(usize::MAX);
    let pattern = pattern(context, args)?;
    let groups = u64::try_from(pattern.names().count()).unwrap_or(u64::MAX);
    let mut matches = Vec::new();
    let mut at = 0;
    let mut previous_end = None;
    while matches.len() < most && at <= text.len() {
        context.host.spend(pattern.cost(text.get(at..).unwrap_or_default()))?;
        let Some(found) = pattern.captures_at(text, at) else { break };
        let Some(whole) = found.get(0) else { break };
        let beside = whole.end() == at && previous_end == Some(whole.start());
        at = if whole.end() == at { next_boundary(text, at) } else { whole.end() };
        previous_end = Some(whole.end());
        if !beside {
            list_budget(context, groups)?;
            matches.push(take(&pattern, &found));
        }
    }
    if matches.is_empty() {
        return Err(no_match());
    }
    list_budget(context, u64::try_from(matches.len()).unwrap_or(u64::MAX).saturating_mul(groups))?;
    Ok(Value::list(matches))
}

fn next_boundary(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.chars().next()).map_or(at + 1, |c| at + c.len_utf8())
}

/// The match and its groups; a group that took no part is empty.
fn groups(found: &regex::Captures<'_>) -> Value {
    Value::list(found.iter().map(|group| Value::string(group.map_or("", |group| group.as_str()))).collect())
}

/// The groups that have names, in the order of names.
fn named(pattern: &Pattern, found: &regex::Captures<'_>) -> Value {
    let fields: BTreeMap<&str, &str> = pattern
        .names()
        .zip(found.iter())
        .filter_map(|(name, group)| Some((name?, group.map_or("", |group| group.as_str()))))
        .collect();
    Value::Struct {
        fields: fields.into_iter().map(|(name, text)| (Arc::from(name), Value::string(text))).collect(),
        closed: false,
        spare: None,
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Replacement {
    Literal,
    Template,
}

fn replace(context: &mut CallContext<'_>, args: &Args<'_>, replacement: Replacement) -> Result<Value> {
    let (text, by) = (args.string(1)?, args.string(2)?);
    let pattern = pattern(context, args)?;
    let mut out = String::new();
    let (mut at, mut end) = (0, 0);
    while at <= text.len() {
        context.host.spend(pattern.cost(text.get(at..).unwrap_or_default()))?;
        let Some(found) = pattern.captures_at(text, at) else { break };
        let Some(whole) = found.get(0) else { break };
        out.push_str(text.get(end..whole.start()).unwrap_or_default());
        // An empty match beside the one before is not replaced.
        if whole.end() > end || whole.start() == 0 {
            match replacement {
                Replacement::Literal => out.push_str(by),
                Replacement::Template => expand(&mut out, by, &pattern, &found),
            }
            text_budget(context, out.len())?;
        }
        end = whole.end();
        at = next_boundary(text, at).max(end);
    }
    out.push_str(text.get(end..).unwrap_or_default());
    text_budget(context, out.len())?;
    Ok(Value::string(&out))
}

/// Go's `Regexp.Expand`: `$name`, `${name}`, `$1`, `$$`. What is malformed stays as it is.
fn expand(out: &mut String, template: &str, pattern: &Pattern, found: &regex::Captures<'_>) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let Some((name, after)) = reference(rest) else {
            out.push('$');
            continue;
        };
        rest = after;
        let group = match name.parse::<usize>() {
            Ok(number) if name.len() == 1 || !name.starts_with('0') => found.get(number),
            _ => pattern.names().zip(found.iter()).find_map(|(other, group)| group.filter(|_| other == Some(name))),
        };
        out.push_str(group.map_or("", |group| group.as_str()));
    }
    out.push_str(rest);
}

fn reference(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{').unwrap_or(text);
    let length = inner.find(|c: char| !(c == '_' || c.is_alphanumeric())).unwrap_or(inner.len());
    let (name, rest) = inner.split_at_checked(length).filter(|(name, _)| !name.is_empty())?;
    if inner.len() == text.len() { Some((name, rest)) } else { Some((name, rest.strip_prefix('}')?)) }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
