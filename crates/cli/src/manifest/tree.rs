//! YAML as it is written: every value with its place, so that one can be replaced and all others stay.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::path::Path;

/// The documents of one file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tree {
    pub(super) nodes: Vec<Node>,
    /// The top values, in order.
    pub(super) documents: Vec<NodeId>,
}

/// A value of a [`Tree`], by its number in the order of the file.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(pub(super) usize);

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Node {
    pub(super) content: Content,
    /// Bytes of a scalar or alias, quotes included; of a collection, where it starts.
    pub(super) span: Range<usize>,
    pub(super) line: usize,
    pub(super) anchor: Anchor,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Content {
    Alias(NodeId),
    Mapping(Vec<(NodeId, NodeId)>),
    Scalar(Scalar),
    Sequence(Vec<NodeId>),
}

/// Whether others may refer to a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Anchor {
    Named,
    None,
}

/// A text with how it is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scalar {
    /// The text.
    pub text: String,
    /// How it is written.
    pub style: Style,
    /// Its tag, if it has one.
    pub tag: Option<String>,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// `|` or `>`.
    Block,
    /// `"…"`.
    Double,
    /// Without quotes.
    Plain,
    /// `'…'`.
    Single,
}

/// What a scalar means to Kubernetes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Meaning {
    /// Nothing.
    Null,
    /// A text.
    Text,
    /// A number or a boolean, or something that a tag makes of it.
    Other(&'static str),
}

pub(super) const TEXT_TAG: &str = "tag:yaml.org,2002:str";

impl Scalar {
    /// What it means. Words that YAML 1.1 or 1.2 takes for something else than a text are not a text.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        match (self.tag.as_deref(), self.style) {
            (Some(TEXT_TAG | "!"), _) | (None, Style::Block | Style::Double | Style::Single) => return Meaning::Text,
            (Some(_), _) => return Meaning::Other("a value with a tag"),
            (None, Style::Plain) => {}
        }
        let lower = self.text.to_ascii_lowercase();
        match lower.as_str() {
            "" | "~" | "null" => Meaning::Null,
            "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" => Meaning::Other("a boolean"),
            other if is_number(other) => Meaning::Other("a number"),
            _ => Meaning::Text,
        }
    }
}

/// Decimal, hexadecimal, octal or binary, with the underscores of YAML 1.1.
fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-']).replace('_', "");
    let of = |radix, prefix| digits.strip_prefix(prefix).is_some_and(|rest| u64::from_str_radix(rest, radix).is_ok());
    let starts = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    starts
        && (digits.parse::<f64>().is_ok()
            || of(16, "0x")
            || of(8, "0o")
            || of(2, "0b")
            || matches!(&*digits, ".inf" | ".nan"))
}

impl Tree {
    /// The documents, in order.
    pub fn documents(&self) -> impl Iterator<Item = Value<'_>> {
        self.documents.iter().map(|id| Value { tree: self, at: *id, id: self.resolve(*id) })
    }

    /// Bytes of a value, quotes included.
    #[must_use]
    pub fn span(&self, id: NodeId) -> Range<usize> {
        self.nodes.get(id.0).map(|node| node.span.clone()).unwrap_or_default()
    }

    /// How a scalar is written; `None` for what is no scalar.
    #[must_use]
    pub fn style(&self, id: NodeId) -> Option<Style> {
        match self.nodes.get(id.0).map(|node| &node.content) {
            Some(Content::Scalar(scalar)) => Some(scalar.style),
            _ => None,
        }
    }

    /// Whether any value is referred to.
    #[must_use]
    pub fn has_aliases(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node.content, Content::Alias(_)))
    }

    /// Whether both say the same, but for these scalars, which must have these texts in `self`.
    #[must_use]
    pub fn is_edited_from(&self, before: &Self, edits: &BTreeMap<NodeId, String>) -> bool {
        let same = |(index, (new, old)): (usize, (&Node, &Node))| match (&new.content, edits.get(&NodeId(index))) {
            (content, None) => *content == old.content && new.anchor == old.anchor,
            (Content::Scalar(new_scalar), Some(text)) => {
                let Content::Scalar(old_scalar) = &old.content else { return false };
                let same_form = (new_scalar.style, &new_scalar.tag) == (old_scalar.style, &old_scalar.tag);
                new_scalar.text == *text && same_form && new.anchor == old.anchor
            }
            _ => false,
        };
        self.documents == before.documents
            && self.nodes.len() == before.nodes.len()
            && self.nodes.iter().zip(&before.nodes).enumerate().all(same)
    }

    fn resolve(&self, id: NodeId) -> NodeId {
        match self.nodes.get(id.0).map(|node| &node.content) {
            Some(Content::Alias(target)) => *target,
            _ => id,
        }
    }

    pub(super) fn value(&self, at: NodeId) -> Value<'_> {
        Value { tree: self, at, id: self.resolve(at) }
    }
}

/// A value, aliases and merge keys resolved.
#[derive(Clone, Copy, Debug)]
pub struct Value<'t> {
    tree: &'t Tree,
    at: NodeId,
    id: NodeId,
}

impl<'t> Value<'t> {
    /// What holds the content: the target of an alias.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The line where it is used; that of an alias, not of its target.
    #[must_use]
    pub fn line(&self) -> usize {
        self.tree.nodes.get(self.at.0).map(|node| node.line).unwrap_or_default()
    }

    pub(super) fn is_alias(&self) -> bool {
        self.at != self.id
    }

    fn content(&self) -> Option<&'t Content> {
        self.tree.nodes.get(self.id.0).map(|node| &node.content)
    }

    /// The scalar, if it is one.
    #[must_use]
    pub fn scalar(&self) -> Option<&'t Scalar> {
        match self.content() {
            Some(Content::Scalar(scalar)) => Some(scalar),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&'t str> {
        self.scalar().filter(|scalar| scalar.meaning() == Meaning::Text).map(|scalar| scalar.text.as_str())
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.meaning() == Meaning::Null)
    }

    /// What it is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.content() {
            Some(Content::Mapping(_)) => "a mapping",
            Some(Content::Sequence(_)) => "a list",
            Some(Content::Scalar(scalar)) => match scalar.meaning() {
                Meaning::Null => "nothing",
                Meaning::Text => "a text",
                Meaning::Other(what) => what,
            },
            Some(Content::Alias(_)) | None => "an alias",
        }
    }

    /// The elements, if it is a list.
    #[must_use]
    pub fn items(&self) -> Option<Vec<Value<'t>>> {
        match self.content() {
            Some(Content::Sequence(items)) => Some(items.iter().map(|id| self.tree.value(*id)).collect()),
            _ => None,
        }
    }

    /// Keys and values, if it is a mapping. What is merged comes last, and never instead of what is written.
    #[must_use]
    pub fn entries(&self) -> Option<Vec<(&'t str, Value<'t>)>> {
        let Some(Content::Mapping(entries)) = self.content() else { return None };
        let pairs = entries.iter().map(|(key, value)| (self.tree.value(*key), self.tree.value(*value)));
        let (merges, own): (Vec<_>, Vec<_>) = pairs.partition(|(key, _)| key.is_merge_key());
        let mut out: Vec<_> =
            own.into_iter().filter_map(|(key, value)| Some((key.scalar()?.text.as_str(), value))).collect();
        if merges.is_empty() {
            return Some(out);
        }
        let mut known: BTreeSet<&str> = out.iter().map(|(key, _)| *key).collect();
        for source in merges.iter().flat_map(|(_, value)| value.merge_sources()) {
            for (key, value) in source.entries().unwrap_or_default() {
                if known.insert(key) {
                    out.push((key, value));
                }
            }
        }
        Some(out)
    }

    /// The keys as written, aliases resolved: `<<` among them.
    pub(super) fn raw_entries(&self) -> Vec<(Value<'t>, Value<'t>)> {
        match self.content() {
            Some(Content::Mapping(entries)) => {
                entries.iter().map(|(key, value)| (self.tree.value(*key), self.tree.value(*value))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value<'t>> {
        self.entries()?.into_iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// Visits this value and all below it, by every way that leads there.
    pub fn walk(&self, path: &Path, visit: &mut dyn FnMut(&Path, Value<'t>)) {
        visit(path, *self);
        for (key, child) in self.entries().unwrap_or_default() {
            child.walk(&path.key(key), visit);
        }
        for (index, child) in self.items().unwrap_or_default().into_iter().enumerate() {
            child.walk(&path.index(index), visit);
        }
    }

    /// `<<` without quotes (YAML 1.1's merge key, which Kubernetes' reader knows).
    pub(super) fn is_merge_key(&self) -> bool {
        self.scalar().is_some_and(|scalar| {
            let tag = scalar.tag.as_deref();
            scalar.text == "<<" && (scalar.style == Style::Plain && tag.is_none())
        })
    }

    /// The mappings that a merge key takes from, the first with the highest rank.
    pub(super) fn merge_sources(&self) -> Vec<Value<'t>> {
        self.items().unwrap_or_else(|| vec![*self])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_1_1_or_1_2_takes_for_something_else_is_no_text() {
        let plain = |text: &str| Scalar { text: text.into(), style: Style::Plain, tag: None }.meaning();
        for text in ["nginx", "nginx:1.27", "12:30", "0xZZ", "1.2.3", "-", "infinity", "a_1", "2001-01-01"] {
            assert_eq!(plain(text), Meaning::Text, "{text}");
        }
        for text in ["", "~", "null", "NULL"] {
            assert_eq!(plain(text), Meaning::Null, "{text}");
        }
        for text in ["1", "1.27", "1e3", "0x1F", "0b1", "0o7", "1_000", "-1", ".5", ".inf", "-.inf", "true", "No", "ON"]
        {
            assert!(matches!(plain(text), Meaning::Other(_)), "{text}");
        }
        let quoted = Scalar { text: "1.27".into(), style: Style::Double, tag: None };
        assert_eq!(quoted.meaning(), Meaning::Text);
        let tagged = Scalar { text: "1.27".into(), style: Style::Plain, tag: Some(TEXT_TAG.into()) };
        assert_eq!(tagged.meaning(), Meaning::Text);
        let binary = Scalar { text: "eA==".into(), style: Style::Plain, tag: Some("tag:yaml.org,2002:binary".into()) };
        assert!(matches!(binary.meaning(), Meaning::Other(_)));
    }
}
