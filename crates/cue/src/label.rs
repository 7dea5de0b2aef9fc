//! Names of fields, as small numbers.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// A label: an index into a list, or a name of some kind.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Label(u32);

const INDEX: u32 = 1 << 31;

impl Label {
    /// The label of an element of a list.
    pub(crate) fn index(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(INDEX - 1).min(INDEX - 1) | INDEX)
    }

    /// The place in a list.
    pub(crate) fn as_index(self) -> Option<u32> {
        (self.0 & INDEX != 0).then_some(self.0 & !INDEX)
    }
}

/// What a name is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum LabelKind {
    /// A regular field.
    Regular,
    /// `#x`
    Definition,
    /// `_x`
    Hidden,
    /// `_#x`
    HiddenDefinition,
    /// A `let` clause.
    Let,
}

impl LabelKind {
    /// The kind of an identifier.
    pub(crate) fn of(name: &str) -> Self {
        if name.starts_with("_#") {
            Self::HiddenDefinition
        } else if name.starts_with('_') {
            Self::Hidden
        } else if name.starts_with('#') {
            Self::Definition
        } else {
            Self::Regular
        }
    }

    pub(crate) fn is_definition(self) -> bool {
        matches!(self, Self::Definition | Self::HiddenDefinition)
    }
}

/// Names in use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    names: Vec<(LabelKind, Arc<str>)>,
    /// For each text its numbers, by kind: mostly one.
    numbers: HashMap<Arc<str>, Vec<(LabelKind, u32)>>,
    /// Names of fields that expressions refer to.
    referred: HashSet<Label>,
    /// Names of fields of which expressions work out a field to refer to.
    indexed: HashSet<Label>,
    /// An expression works out which field it refers to, of something without a name.
    refers_to_any: bool,
    /// The package that the hidden fields belong to, where the file names one.
    package: Option<String>,
}

impl Names {
    /// Hidden fields belong to this package; `_` is none.
    pub(crate) fn set_package(&mut self, name: &str) {
        self.package = (name != "_").then(|| name.to_owned());
    }

    /// Looks a text up as it is: a document has a name for each value, and few different ones.
    fn get(&self, kind: LabelKind, name: &str) -> Option<u32> {
        let numbers = self.numbers.get(name)?;
        numbers.iter().find(|(known, _)| *known == kind).map(|(_, number)| *number)
    }

    fn add(&mut self, kind: LabelKind, name: &str, base: usize) -> u32 {
        let number = u32::try_from(base.saturating_add(self.names.len())).unwrap_or(INDEX - 1);
        let name: Arc<str> = name.into();
        self.names.push((kind, Arc::clone(&name)));
        self.numbers.entry(name).or_default().push((kind, number));
        number
    }

    /// The label of a name.
    pub(crate) fn intern(&mut self, kind: LabelKind, name: &str) -> Label {
        match self.get(kind, name) {
            Some(number) => Label(number),
            None => Label(self.add(kind, name, 0)),
        }
    }

    /// An expression refers to a field of this name.
    pub(crate) fn refer(&mut self, label: Label) {
        self.referred.insert(label);
    }

    /// An expression works out which field it refers to, of one of this name.
    pub(crate) fn refer_within(&mut self, subject: Option<Label>) {
        match subject {
            Some(subject) => _ = self.indexed.insert(subject),
            None => self.refers_to_any = true,
        }
    }

    /// The label of an identifier.
    pub(crate) fn identifier(&mut self, name: &str) -> Label {
        self.intern(LabelKind::of(name), name)
    }
}

/// The names of a policy, and more that a document has.
#[derive(Debug)]
pub(crate) struct Interner<'p> {
    base: &'p Names,
    extra: Names,
}

impl<'p> Interner<'p> {
    pub(crate) fn new(base: &'p Names) -> Self {
        Self { base, extra: Names::default() }
    }

    pub(crate) fn intern(&mut self, kind: LabelKind, name: &str) -> Label {
        if let Some(number) = self.base.get(kind, name).or_else(|| self.extra.get(kind, name)) {
            return Label(number);
        }
        Label(self.extra.add(kind, name, self.base.names.len()))
    }

    /// Whether an expression of the policy names a member, of a package or another value, like this.
    pub(crate) fn refers_to(&self, name: &str) -> bool {
        let label = self.base.get(LabelKind::Regular, name).map(Label);
        label.is_some_and(|label| self.base.referred.contains(&label))
    }

    /// Whether an expression of the policy may refer to a field of this name, in a struct of that name.
    pub(crate) fn is_referred(&self, within: Option<Label>, label: Label) -> bool {
        let base = self.base;
        let indexed = within.is_some_and(|within| base.indexed.contains(&within));
        base.refers_to_any || indexed || base.referred.contains(&label)
    }

    /// The name of a regular field.
    pub(crate) fn name(&self, label: Label) -> Option<&str> {
        self.entry(label).filter(|(kind, _)| *kind == LabelKind::Regular).map(|(_, name)| &**name)
    }

    /// How many names a document has added.
    pub(crate) fn added(&self) -> usize {
        self.extra.names.len()
    }

    pub(crate) fn regular(&mut self, name: &str) -> Label {
        self.intern(LabelKind::Regular, name)
    }

    fn entry(&self, label: Label) -> Option<&(LabelKind, Arc<str>)> {
        let number = usize::try_from(label.0).ok()?;
        match number.checked_sub(self.base.names.len()) {
            Some(extra) => self.extra.names.get(extra),
            None => self.base.names.get(number),
        }
    }

    pub(crate) fn kind(&self, label: Label) -> LabelKind {
        if label.as_index().is_some() {
            return LabelKind::Regular;
        }
        self.entry(label).map_or(LabelKind::Regular, |(kind, _)| *kind)
    }

    pub(crate) fn text(&self, label: Label) -> Arc<str> {
        match label.as_index() {
            Some(index) => index.to_string().into(),
            None => self.entry(label).map_or_else(|| "".into(), |(_, name)| Arc::clone(name)),
        }
    }

    /// Regular fields are what data has; the others are definitions, hidden fields and `let` clauses.
    pub(crate) fn is_regular(&self, label: Label) -> bool {
        self.kind(label) == LabelKind::Regular
    }

    /// How a label is printed in expressions: a `let` clause has its number there.
    pub(crate) fn selector(&self, label: Label) -> Selector {
        Selector { kind: self.kind(label), is_index: label.as_index().is_some(), name: self.text(label) }
    }

    /// How a label is printed in values: a hidden one has its package there.
    pub(crate) fn qualified(&self, label: Label) -> String {
        let selector = self.selector(label);
        match (selector.kind, &self.base.package) {
            (LabelKind::Hidden | LabelKind::HiddenDefinition, Some(package)) => format!("{selector}(:{package})"),
            _ => selector.to_string(),
        }
    }

    /// How a label is printed in paths.
    pub(crate) fn step(&self, label: Label) -> Selector {
        let mut selector = self.selector(label);
        if let (LabelKind::Let, Some((name, _))) = (selector.kind, selector.name.split_once('#')) {
            selector.name = name.into();
        }
        selector
    }
}

/// A label in print.
pub(crate) struct Selector {
    kind: LabelKind,
    is_index: bool,
    name: Arc<str>,
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_index || self.kind != LabelKind::Regular || !needs_quotes(&self.name) {
            f.write_str(&self.name)
        } else {
            f.write_str(&quote(&self.name))
        }
    }
}

fn needs_quotes(name: &str) -> bool {
    let mut chars = name.chars();
    let Some(first) = chars.next() else { return true };
    let letter = |c: char| c.is_alphabetic() || c == '$';
    !letter(first) || !chars.all(|c| letter(c) || c == '_' || c.is_numeric())
}

/// A string literal of CUE.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for char in text.chars() {
        escape(char, '"', &mut out);
    }
    out.push('"');
    out
}

/// A bytes literal of CUE.
pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::from("'");
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            escape(char, '\'', &mut out);
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.push('\'');
    out
}

fn escape(char: char, quote: char, out: &mut String) {
    match char {
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        c if !crate::builtins::printable::is_printable(u32::from(c)) => {
            let code = u32::from(c);
            if quote == '\'' && code < 0x80 {
                out.push_str(&format!("\\x{code:02x}"));
            } else if code < 0x10000 {
                out.push_str(&format!("\\u{code:04x}"));
            } else {
                out.push_str(&format!("\\U{code:08x}"));
            }
        }
        c => out.push(c),
    }
}

/// The text, in quotes where it is no identifier.
pub(crate) fn quote_if_needed(name: &str) -> String {
    if needs_quotes(name) { quote(name) } else { name.to_owned() }
}
