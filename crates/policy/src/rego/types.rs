//! Types as OPA's checker has them (`types/types.go`, the unification of `ast/check.go`).

use std::collections::BTreeMap;

use super::value::Value;

/// A type. `Union` of nothing is anything. Parts may be unknown.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Type {
    Null,
    Bool,
    Number,
    String,
    Array { fixed: Vec<Option<Type>>, rest: Option<Box<Type>> },
    Object { fixed: BTreeMap<Value, Option<Type>>, rest: Option<Box<(Option<Type>, Option<Type>)>> },
    Set(Option<Box<Type>>),
    Union(Vec<Type>),
}

/// Anything.
pub(crate) const ANY: Type = Type::Union(Vec::new());

impl Type {
    pub(crate) fn list(of: Self) -> Self {
        Self::Array { fixed: Vec::new(), rest: Some(Box::new(of)) }
    }

    pub(crate) fn map(key: Self, value: Self) -> Self {
        Self::Object { fixed: BTreeMap::new(), rest: Some(Box::new((Some(key), Some(value)))) }
    }

    pub(crate) fn set(of: Self) -> Self {
        Self::Set(Some(Box::new(of)))
    }

    /// The type of a scalar; composites are typed by their terms.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(node) => match node.items.as_slice() {
                [] => Self::list(ANY),
                items => Self::Array { fixed: items.iter().map(|v| Some(Self::of(v))).collect(), rest: None },
            },
            Value::Object(node) if node.items.is_empty() => Self::map(ANY, ANY),
            Value::Object(node) => Self::Object {
                fixed: node.items.iter().map(|(k, v)| (k.clone(), Some(Self::of(v)))).collect(),
                rest: None,
            },
            Value::Set(node) => {
                let of = node.items.iter().fold(None, |all, v| or(all, Some(Self::of(v))));
                Self::set(of.unwrap_or(ANY))
            }
        }
    }

    fn contains(&self, other: &Self) -> bool {
        match self {
            Self::Union(of) => of.is_empty() || of.contains(other),
            own => own == other,
        }
    }

    /// The type of the member of that name.
    pub(crate) fn select(&self, key: &Value) -> Option<Self> {
        match self {
            Self::Array { fixed, rest } => {
                let at = usize::try_from(key.as_number()?.as_int()?).ok()?;
                match fixed.get(at) {
                    Some(known) => known.clone(),
                    None => rest.as_deref().cloned(),
                }
            }
            Self::Object { fixed, rest } => match (fixed.get(key), rest) {
                (Some(known), _) => known.clone(),
                (None, Some(rest)) if rest.0.as_ref().is_some_and(|k| k.contains(&Self::of(key))) => rest.1.clone(),
                _ => None,
            },
            Self::Set(of) => {
                let found = Self::of(key);
                match of.as_deref() {
                    Some(own) if *own == found => Some(found),
                    Some(own @ Self::Union(_)) if own.contains(&found) => Some(found),
                    _ => None,
                }
            }
            Self::Union(of) if of.is_empty() => Some(ANY),
            Self::Union(of) => of.iter().fold(None, |all, t| or(t.select(key), all)),
            _ => None,
        }
    }

    /// The type of what can stand in brackets behind it.
    pub(crate) fn keys(&self) -> Option<Self> {
        match self {
            Self::Array { .. } => Some(Self::Number),
            Self::Object { fixed, rest } => {
                let fixed = fixed.keys().fold(None, |all, k| or(all, Some(Self::of(k))));
                or(fixed, rest.as_ref().and_then(|r| r.0.clone()))
            }
            Self::Set(of) => of.as_deref().cloned(),
            Self::Union(of) if of.is_empty() => Some(ANY),
            Self::Union(of) => of.iter().fold(None, |all, t| or(t.keys(), all)),
            _ => None,
        }
    }

    /// The type of its elements.
    pub(crate) fn values(&self) -> Option<Self> {
        match self {
            Self::Array { fixed, rest } => {
                let fixed = fixed.iter().fold(None, |all, t| or(all, t.clone()));
                or(fixed, rest.as_deref().cloned())
            }
            Self::Object { fixed, rest } => {
                let fixed = fixed.values().fold(None, |all, t| or(all, t.clone()));
                or(fixed, rest.as_ref().and_then(|r| r.1.clone()))
            }
            Self::Set(of) => of.as_deref().cloned(),
            Self::Union(of) if of.is_empty() => Some(ANY),
            Self::Union(of) => of.iter().fold(None, |all, t| or(t.values(), all)),
            _ => None,
        }
    }

    /// What it costs to copy it and to compare it. Alternatives are compared each with each.
    pub(crate) fn size(&self) -> usize {
        let of = |part: &Option<Type>| part.as_ref().map_or(1, Type::size);
        let sum = |parts: &mut dyn Iterator<Item = usize>| parts.fold(1_usize, usize::saturating_add);
        match self {
            Self::Array { fixed, rest } => sum(&mut fixed.iter().map(of).chain(rest.as_deref().map(Type::size))),
            Self::Object { fixed, rest } => {
                let rest = rest.as_ref().map(|r| of(&r.0).saturating_add(of(&r.1)));
                sum(&mut fixed.iter().map(|(k, v)| k.weight().saturating_add(of(v))).chain(rest))
            }
            Self::Set(of) => of.as_deref().map_or(1, Type::size).saturating_add(1),
            Self::Union(of) => sum(&mut of.iter().map(Type::size)).saturating_mul(of.len().max(1)),
            _ => 1,
        }
    }

    /// Whether a part of it is unknown.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Array { fixed, rest } => fixed.iter().any(is_unknown) || rest.as_deref().is_some_and(Self::is_open),
            Self::Object { fixed, rest } => {
                fixed.values().any(is_unknown) || rest.as_ref().is_some_and(|r| is_unknown(&r.0) || is_unknown(&r.1))
            }
            Self::Set(of) => of.as_deref().is_none_or(Self::is_open),
            _ => false,
        }
    }
}

/// OPA's `types.Nil`.
pub(crate) fn is_unknown(of: &Option<Type>) -> bool {
    of.as_ref().is_none_or(Type::is_open)
}

/// OPA's `types.Or`.
pub(crate) fn or(a: Option<Type>, b: Option<Type>) -> Option<Type> {
    let (a, b) = match (a, b) {
        (None, other) | (other, None) => return other,
        (Some(a), Some(b)) => (a, b),
    };
    if a == b {
        return Some(a);
    }
    let mut all = Vec::new();
    for part in [a, b] {
        match part {
            Type::Union(of) if of.is_empty() => return Some(ANY),
            Type::Union(mut of) => all.append(&mut of),
            single => all.push(single),
        }
    }
    all.sort();
    all.dedup();
    Some(Type::Union(all))
}

/// Whether values of both types can be equal, as OPA's checker decides it.
pub(crate) fn unifies(a: Option<&Type>, b: Option<&Type>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return false };
    match (a, b) {
        (Type::Union(of), other) | (other, Type::Union(of)) => {
            if of.is_empty() || of.iter().any(|t| unifies(Some(t), Some(other))) {
                return true;
            }
            // Both may be unions.
            match b {
                Type::Union(of) => of.is_empty() || of.iter().any(|t| unifies(Some(t), Some(a))),
                _ => false,
            }
        }
        (Type::Array { fixed: fa, rest: ra }, Type::Array { fixed: fb, rest: rb }) => {
            let covered = |fixed: &[Option<Type>], other_fixed: &[Option<Type>], other_rest: Option<&Type>| {
                fixed.iter().enumerate().all(|(n, own)| {
                    let other = other_fixed.get(n).map_or(other_rest, Option::as_ref);
                    unifies(own.as_ref(), other)
                })
            };
            covered(fa, fb, rb.as_deref())
                && covered(fb, fa, ra.as_deref())
                && (ra.is_none() || rb.is_none() || unifies(ra.as_deref(), rb.as_deref()))
        }
        (Type::Object { fixed: fa, rest: ra }, Type::Object { fixed: fb, rest: rb }) => {
            fa.iter().all(|(k, t)| unifies(t.as_ref(), b.select(k).as_ref()))
                && fb.iter().all(|(k, t)| unifies(t.as_ref(), a.select(k).as_ref()))
                && match (ra, rb) {
                    // An unknown one stands for none, as in OPA.
                    (Some(ra), Some(rb)) if ra.1.is_some() && rb.1.is_some() => unifies(ra.1.as_ref(), rb.1.as_ref()),
                    _ => true,
                }
        }
        (Type::Set(a), Type::Set(b)) => unifies(a.as_deref(), b.as_deref()),
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

/// Reads the notation of the table of built-ins: `any`, `num`, `str`, `[T]`, `<T>`, `{K:V}`, `(T,T)`, `T|T`.
pub(crate) fn notation(text: &str) -> Type {
    let mut rest = text;
    union(&mut rest)
}

fn union(rest: &mut &str) -> Type {
    let mut all = single(rest);
    while let Some(next) = rest.strip_prefix('|') {
        *rest = next;
        let more = single(rest);
        all = or(Some(all), Some(more)).unwrap_or(ANY);
    }
    all
}

fn single(rest: &mut &str) -> Type {
    let mut take = |sign: &str| match rest.strip_prefix(sign) {
        Some(next) => {
            *rest = next;
            true
        }
        None => false,
    };
    let words =
        [("any", ANY), ("num", Type::Number), ("str", Type::String), ("bool", Type::Bool), ("null", Type::Null)];
    for (word, of) in words {
        if take(word) {
            return of;
        }
    }
    let close = |rest: &mut &str| *rest = rest.get(1..).unwrap_or_default();
    if take("[") {
        let of = union(rest);
        close(rest);
        return Type::list(of);
    }
    if take("<") {
        let of = union(rest);
        close(rest);
        return Type::set(of);
    }
    if take("{") {
        let key = union(rest);
        close(rest);
        let value = union(rest);
        close(rest);
        return Type::map(key, value);
    }
    if take("(") {
        let mut fixed = vec![Some(union(rest))];
        while rest.starts_with(',') {
            close(rest);
            fixed.push(Some(union(rest)));
        }
        close(rest);
        return Type::Array { fixed, rest: None };
    }
    ANY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_is_read() {
        assert_eq!(notation("any"), ANY);
        assert_eq!(notation("<num>|[num]"), or(Some(Type::list(Type::Number)), Some(Type::set(Type::Number))).unwrap());
        assert_eq!(notation("{str:[any]}"), Type::map(Type::String, Type::list(ANY)));
        assert_eq!(
            notation("(num,str)"),
            Type::Array { fixed: vec![Some(Type::Number), Some(Type::String)], rest: None }
        );
    }

    #[test]
    fn types_that_cannot_be_equal() {
        assert!(!unifies(Some(&Type::Number), Some(&Type::String)));
        assert!(unifies(Some(&ANY), Some(&Type::String)));
        assert!(!unifies(None, Some(&ANY)));
        assert!(!unifies(Some(&notation("<num>|[num]")), Some(&Type::String)));
        assert!(unifies(Some(&notation("num|str")), Some(&notation("str|bool"))));
        assert!(!unifies(Some(&notation("num|str")), Some(&notation("bool|null"))));
    }
}
