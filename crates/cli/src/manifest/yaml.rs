//! Reads YAML, and with it JSON, into a [`Tree`]: within budgets, and only what all readers understand alike.
//!
//! What Kubernetes reads is cut into documents by kubectl (lines that start with `---`) and read by go-yaml 2, which is
//! libyaml's YAML 1.1; what is verified here is read as YAML 1.2. Where the two would see different documents, keys or
//! images, the file is refused.

use std::collections::{BTreeSet, HashMap};

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, Tag};

use super::error::{At, ManifestError};
use super::limits;
use super::tree::{Anchor, Content, Node, NodeId, Scalar, Style, TEXT_TAG, Tree, Value};

/// Reads a file; `name` is for messages.
///
/// # Errors
/// [`ManifestError::Syntax`], [`ManifestError::Template`], [`ManifestError::Ambiguous`], [`ManifestError::Limit`].
pub fn parse(name: &str, text: &str) -> Result<Tree, ManifestError> {
    let at = |line| At { file: name.to_owned(), line: Some(line) };
    refuse_other_line_breaks(text, &at)?;
    // Comments need no events: they lie outside of all that is replaced. kubectl cuts a directive off its document.
    let options = granit_parser::options! {
        emit_anchor_events: true,
        emit_comments: false,
        disallow_directives: true,
    };
    let mut reader = Reader {
        at: &at,
        text,
        tree: Tree::default(),
        anchors: HashMap::new(),
        open: Vec::new(),
        sizes: Vec::new(),
        expanded: 0,
        flow: 0,
    };
    let mut starts = BTreeSet::new();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let line = error.marker().line();
            reader.syntax(line, error.info())
        })?;
        if let Event::DocumentStart(true, _) = event {
            starts.extend(span.start.byte_offset());
        }
        reader.refuse_other_tokens(&event, span)?;
        reader.take(event, span)?;
    }
    refuse_hidden_documents(text, &starts, &at)?;
    Ok(reader.tree)
}

/// YAML 1.1 breaks lines at these, YAML 1.2 does not: a comment for one would be a key for the other. A byte order mark
/// within a file is a part of a key for one, and nothing for the other.
fn refuse_other_line_breaks(text: &str, at: &dyn Fn(usize) -> At) -> Result<(), ManifestError> {
    for (index, line) in text.lines().enumerate() {
        if let Some(found) = line.chars().find(|c| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')) {
            let what = format!("the line break {} of YAML 1.1", found.escape_unicode());
            return Err(ManifestError::Ambiguous { at: at(index + 1), what });
        }
        let text = if index == 0 { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
        if text.contains('\u{feff}') {
            let what = "a byte order mark that is not at the start of the file".to_owned();
            return Err(ManifestError::Ambiguous { at: at(index + 1), what });
        }
    }
    Ok(())
}

/// kubectl starts a document at each line of `---` and nothing or `#` after it, also where YAML sees a text go on.
fn refuse_hidden_documents(
    text: &str,
    starts: &BTreeSet<usize>,
    at: &dyn Fn(usize) -> At,
) -> Result<(), ManifestError> {
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let separates = line.strip_prefix("---").is_some_and(|rest| {
            let rest = rest.trim();
            rest.is_empty() || rest.starts_with('#')
        });
        if separates && !starts.contains(&offset) {
            let what = "a line that starts a document for kubectl, and none for YAML".to_owned();
            return Err(ManifestError::Ambiguous { at: at(index + 1), what });
        }
        offset += line.len();
    }
    Ok(())
}

struct Reader<'a> {
    at: &'a dyn Fn(usize) -> At,
    text: &'a str,
    tree: Tree,
    anchors: HashMap<usize, NodeId>,
    open: Vec<Open>,
    /// For each node its size and height with aliases replaced; of one that is not complete, none.
    sizes: Vec<Option<Size>>,
    /// Nodes up to here, with aliases replaced.
    expanded: u64,
    /// Collections that are open, from the outermost in brackets on.
    flow: usize,
}

/// A collection that is not complete.
struct Open {
    id: NodeId,
    children: Vec<NodeId>,
}

#[derive(Clone, Copy)]
struct Size {
    nodes: u64,
    height: usize,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), ManifestError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = style_of(style);
                // What is left out is given as `~`.
                let absent = style == Style::Plain && span.byte_range().is_none_or(|range| range.is_empty());
                let text = if absent { String::new() } else { text.into_owned() };
                let scalar = Scalar { text, style, tag: tag.as_deref().map(Tag::to_string) };
                let id = self.add(Content::Scalar(scalar), span, anchor)?;
                self.complete(id, &[], span.start.line())
            }
            Event::Alias(anchor) => {
                let line = span.start.line();
                let target = self.anchors.get(&anchor).copied();
                let size = target.and_then(|id| self.sizes.get(id.0).copied().flatten());
                let (Some(target), Some(size)) = (target, size) else {
                    return Err(self.syntax(line, "an alias within what it stands for".into()));
                };
                let id = self.add(Content::Alias(target), span, 0)?;
                self.grow(size.nodes, line)?;
                self.set_size(id, size);
                self.attach(id);
                Ok(())
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.flow += usize::from(style == StructureStyle::Flow || self.flow > 0);
                self.refuse_tag(tag.as_deref(), "tag:yaml.org,2002:seq", span)?;
                self.open(Content::Sequence(Vec::new()), span, anchor)
            }
            Event::MappingStart(style, anchor, tag) => {
                self.flow += usize::from(style == StructureStyle::Flow || self.flow > 0);
                self.refuse_tag(tag.as_deref(), "tag:yaml.org,2002:map", span)?;
                self.open(Content::Mapping(Vec::new()), span, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.flow = self.flow.saturating_sub(1);
                self.close(span.start.line())
            }
            Event::DocumentStart(..) => {
                // Anchors end with their document.
                self.anchors.clear();
                let documents = self.tree.documents.len();
                self.limit(documents < limits::DOCUMENTS, "documents", number(limits::DOCUMENTS), span.start.line())
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, content: Content, span: Span, anchor: usize) -> Result<NodeId, ManifestError> {
        let line = span.start.line();
        self.limit(self.tree.nodes.len() < limits::NODES, "values", number(limits::NODES), line)?;
        self.grow(1, line)?;
        let id = NodeId(self.tree.nodes.len());
        let named = if anchor == 0 { Anchor::None } else { Anchor::Named };
        if named == Anchor::Named {
            self.anchors.insert(anchor, id);
        }
        let span = span.byte_range().unwrap_or_default();
        self.tree.nodes.push(Node { content, span, line, anchor: named });
        self.sizes.push(None);
        Ok(id)
    }

    fn open(&mut self, content: Content, span: Span, anchor: usize) -> Result<(), ManifestError> {
        self.limit(self.open.len() < limits::DEPTH, "values within values", number(limits::DEPTH), span.start.line())?;
        let id = self.add(content, span, anchor)?;
        self.open.push(Open { id, children: Vec::new() });
        Ok(())
    }

    fn close(&mut self, line: usize) -> Result<(), ManifestError> {
        let Some(Open { id, children }) = self.open.pop() else { return Ok(()) };
        if let Some(node) = self.tree.nodes.get_mut(id.0) {
            match &mut node.content {
                Content::Mapping(entries) => {
                    let pairs = children.chunks_exact(2);
                    entries.extend(pairs.filter_map(|pair| Some((*pair.first()?, *pair.last()?))));
                }
                Content::Sequence(items) => items.clone_from(&children),
                Content::Alias(_) | Content::Scalar(_) => {}
            }
        }
        self.complete(id, &children, line)?;
        self.check_keys(id)
    }

    /// A node whose content is known.
    fn complete(&mut self, id: NodeId, children: &[NodeId], line: usize) -> Result<(), ManifestError> {
        let sizes = children.iter().filter_map(|child| self.sizes.get(child.0).copied().flatten());
        let size = sizes.fold(Size { nodes: 1, height: 1 }, |sum, child| Size {
            nodes: sum.nodes.saturating_add(child.nodes),
            height: sum.height.max(child.height + 1),
        });
        self.limit(size.height <= limits::DEPTH, "values within values", number(limits::DEPTH), line)?;
        self.set_size(id, size);
        self.attach(id);
        Ok(())
    }

    /// Counts what a walk that follows aliases will see.
    fn grow(&mut self, nodes: u64, line: usize) -> Result<(), ManifestError> {
        self.expanded = self.expanded.saturating_add(nodes);
        let limit = limits::EXPANDED_NODES;
        self.limit(self.expanded <= limit, "values after all aliases are replaced", limit, line)
    }

    fn set_size(&mut self, id: NodeId, size: Size) {
        if let Some(slot) = self.sizes.get_mut(id.0) {
            *slot = Some(size);
        }
    }

    fn attach(&mut self, id: NodeId) {
        match self.open.last_mut() {
            Some(open) => open.children.push(id),
            None => self.tree.documents.push(id),
        }
    }

    /// Keys are texts, each once, and no merge takes the place of one.
    fn check_keys(&self, id: NodeId) -> Result<(), ManifestError> {
        let mapping = self.tree.value(id);
        let mut known: BTreeSet<&str> = BTreeSet::new();
        let ambiguous = |line, what| Err(ManifestError::Ambiguous { at: (self.at)(line), what });
        for (key, value) in mapping.raw_entries() {
            let line = key.line();
            let Some(scalar) = key.scalar() else {
                return Err(self.syntax(line, format!("a key is {}, expected a text", key.kind())));
            };
            if key.is_alias() {
                return ambiguous(line, format!("the key {:?} is an alias", scalar.text));
            }
            if scalar.tag.as_deref().is_some_and(|tag| !matches!(tag, TEXT_TAG | "!")) {
                return ambiguous(line, format!("the key {:?} has a tag", scalar.text));
            }
            if !known.insert(&scalar.text) {
                return ambiguous(line, format!("the key {:?} stands twice in one mapping", scalar.text));
            }
            if key.is_merge_key() {
                let taken = self.check_merge(&value, line)?;
                if let Some(taken) = taken.iter().find(|taken| known.contains(*taken)) {
                    // go-yaml 2 lets what is merged replace what stands before it; others do not.
                    return ambiguous(line, format!("<< merges the key {taken:?}, which stands before it"));
                }
            }
        }
        Ok(())
    }

    /// The keys that a merge brings.
    fn check_merge<'t>(&self, value: &Value<'t>, line: usize) -> Result<Vec<&'t str>, ManifestError> {
        let mut taken = Vec::new();
        for source in value.merge_sources() {
            let Some(entries) = source.entries() else {
                return Err(self.syntax(line, format!("<< merges {}, expected a mapping", source.kind())));
            };
            taken.extend(entries.into_iter().map(|(key, _)| key));
        }
        Ok(taken)
    }

    /// go-yaml 2 ends names of anchors and tags, and plain texts between brackets, at characters that YAML 1.2 has in
    /// them: what follows would be a key or value of its own.
    fn refuse_other_tokens(&self, event: &Event<'_>, span: Span) -> Result<(), ManifestError> {
        let tag = span.tag_span().and_then(|span| span.slice(self.text));
        if tag.is_some_and(|tag| tag.contains(|c: char| !c.is_ascii_alphanumeric() && !"!/.:_-".contains(c))) {
            return self.ambiguous(span, "a tag with other characters than A-Z, a-z, 0-9, !, /, ., :, _ and -");
        }
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        match event {
            Event::Anchor(..) | Event::Alias(_) => {
                let token = span.slice(self.text).unwrap_or_default();
                if !token.chars().skip(1).all(name) {
                    return self
                        .ambiguous(span, "an anchor or alias with other characters than A-Z, a-z, 0-9, _ and -");
                }
            }
            Event::Scalar(text, ScalarStyle::Plain, ..) if text.starts_with('?') && self.flow > 0 => {
                return self.ambiguous(span, "a text that starts with ? between brackets");
            }
            _ => {}
        }
        Ok(())
    }

    fn ambiguous(&self, span: Span, what: &str) -> Result<(), ManifestError> {
        Err(ManifestError::Ambiguous { at: (self.at)(span.start.line()), what: what.to_owned() })
    }

    /// A tag on a collection may turn it into something else (`!!set`, `!!omap`), as each reader likes.
    fn refuse_tag(&self, tag: Option<&Tag>, usual: &str, span: Span) -> Result<(), ManifestError> {
        match tag.map(Tag::to_string) {
            Some(tag) if tag != usual && tag != "!" => {
                self.ambiguous(span, &format!("a mapping or list with the tag {tag}"))
            }
            _ => Ok(()),
        }
    }

    fn limit(&self, holds: bool, what: &'static str, limit: u64, line: usize) -> Result<(), ManifestError> {
        if holds {
            return Ok(());
        }
        Err(ManifestError::Limit { at: (self.at)(line), what, limit })
    }

    /// A syntax error, or what it most likely stems from.
    fn syntax(&self, line: usize, reason: String) -> ManifestError {
        let at = (self.at)(line);
        let mut near = self.text.lines().skip(line.saturating_sub(2)).take(2);
        if near.any(|line| line.contains("{{")) {
            return ManifestError::Template { at };
        }
        ManifestError::Syntax { at, reason }
    }
}

fn number(limit: usize) -> u64 {
    u64::try_from(limit).unwrap_or(u64::MAX)
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    }
}
