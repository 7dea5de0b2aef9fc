//! Paths within a document, and the expressions of `--image-path`.

use std::fmt;

/// One step into a value.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// The value of a key.
    Key(String),
    /// An element, from 0.
    Index(usize),
}

/// Where a value is in its object, as in `spec.containers[0].image`.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Path(Vec<Step>);

impl Path {
    /// One step further.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// One step further.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    /// This path, and `inner` from its end.
    #[must_use]
    pub fn join(&self, inner: &Self) -> Self {
        Self(self.0.iter().chain(&inner.0).cloned().collect())
    }

    /// Whether it is `outer`, or below it.
    #[must_use]
    pub fn starts_with(&self, outer: &Self) -> bool {
        self.0.starts_with(&outer.0)
    }

    /// Whether this is an element of a list of this name.
    #[must_use]
    pub fn is_element_of(&self, list: &str) -> bool {
        matches!(self.0.as_slice(), [.., Step::Key(key), Step::Index(_)] if key == list)
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The path with `[*]` for each element, as `--image-path` takes it.
    #[must_use]
    pub fn expression(&self) -> String {
        let mut out = String::new();
        for step in &self.0 {
            match step {
                Step::Index(_) => out.push_str("[*]"),
                Step::Key(key) => push_key(&mut out, key),
            }
        }
        out
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        for step in &self.0 {
            match step {
                Step::Index(index) => out.push_str(&format!("[{index}]")),
                Step::Key(key) => push_key(&mut out, key),
            }
        }
        f.write_str(&out)
    }
}

fn push_key(out: &mut String, key: &str) {
    if !key.is_empty() && key.chars().all(is_plain) {
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(key);
    } else {
        out.push_str(&format!("['{key}']"));
    }
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '$' | '@')
}

/// `--image-path`: where objects of a kind have images, or where something that looks like one is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImagePath {
    typed: String,
    /// The kind; of all documents if there is none.
    kind: Option<String>,
    steps: Vec<PathStep>,
    says: Says,
}

/// What an expression says of its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Says {
    /// It holds an image.
    Image,
    /// `!`: it holds none.
    NoImage,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum PathStep {
    AnyElement,
    Exactly(Step),
}

impl ImagePath {
    /// Reads `Kind.key.key[*].key`, `.key` for documents of any kind, `['key.with.dots']`, and a `!` before all that.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(typed: &str) -> Result<Self, String> {
        let (says, text) = match typed.strip_prefix('!') {
            Some(rest) => (Says::NoImage, rest),
            None => (Says::Image, typed),
        };
        let end = text.find(['.', '[']).unwrap_or(text.len());
        let (kind, mut rest) = text.split_at(end);
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = next_step(rest)?;
            steps.push(step);
            rest = after;
        }
        if steps.is_empty() {
            return Err("expected KIND.PATH, as in Rollout.spec.image, or .PATH for every kind".into());
        }
        let kind = Some(kind).filter(|kind| !kind.is_empty()).map(str::to_owned);
        Ok(Self { typed: typed.to_owned(), kind, steps, says })
    }

    /// As it was typed.
    #[must_use]
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// What it says of its place.
    #[must_use]
    pub fn says(&self) -> Says {
        self.says
    }

    /// Whether it speaks about objects of this kind; `None` is a document without one.
    #[must_use]
    pub fn is_about(&self, kind: Option<&str>) -> bool {
        self.kind.is_none() || self.kind.as_deref() == kind
    }

    /// Whether it means this path.
    #[must_use]
    pub fn matches(&self, path: &Path) -> bool {
        self.steps.len() == path.0.len() && self.leads_through(path)
    }

    /// Whether it means this path or something below it.
    #[must_use]
    pub fn leads_through(&self, path: &Path) -> bool {
        let same = |(pattern, step): (&PathStep, &Step)| match pattern {
            PathStep::AnyElement => matches!(step, Step::Index(_)),
            PathStep::Exactly(wanted) => wanted == step,
        };
        self.steps.len() >= path.0.len() && self.steps.iter().zip(&path.0).all(same)
    }
}

fn next_step(text: &str) -> Result<(PathStep, &str), String> {
    if let Some(rest) = text.strip_prefix("['") {
        let (key, rest) = rest.split_once("']").ok_or("a [' without ']")?;
        return Ok((PathStep::Exactly(Step::Key(key.to_owned())), rest));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (inner, rest) = rest.split_once(']').ok_or("a [ without ]")?;
        let step = match inner {
            "*" => PathStep::AnyElement,
            number => match number.parse() {
                Ok(index) => PathStep::Exactly(Step::Index(index)),
                Err(_) => return Err(format!("[{number}] is neither [*] nor a number nor ['KEY']")),
            },
        };
        return Ok((step, rest));
    }
    let rest = text.strip_prefix('.').ok_or("expected . or [ after ]")?;
    if rest.starts_with("['") {
        return next_step(rest);
    }
    let (key, rest) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
    if key.is_empty() {
        return Err("a key is missing".into());
    }
    Ok((PathStep::Exactly(Step::Key(key.to_owned())), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_and_matched() {
        let path = Path::default().key("spec").key("images").index(3).key("name");
        assert_eq!(path.to_string(), "spec.images[3].name");
        assert_eq!(path.expression(), "spec.images[*].name");
        for typed in ["Foo.spec.images[*].name", ".spec.images[3].name", "Foo.spec['images'][*].name"] {
            let expression = ImagePath::parse(typed).unwrap();
            assert!(expression.is_about(Some("Foo")) && expression.matches(&path), "{typed}");
            assert_eq!(expression.says(), Says::Image);
        }
        let other = ImagePath::parse("!Foo.spec.images[2].name").unwrap();
        assert!(!other.matches(&path) && other.says() == Says::NoImage);
        assert!(!other.is_about(Some("Bar")) && !other.is_about(None));
        let dotted = ImagePath::parse(".metadata.annotations['a.b/c']").unwrap();
        let path = Path::default().key("metadata").key("annotations").key("a.b/c");
        assert_eq!(path.to_string(), "metadata.annotations['a.b/c']");
        assert!(dotted.matches(&path) && dotted.is_about(None));
    }

    #[test]
    fn what_is_no_expression_is_told() {
        for typed in ["", "!", "Foo", "Foo.", "Foo..a", "Foo[", "Foo[x]", "Foo['a", "Foo[*]x"] {
            assert!(ImagePath::parse(typed).is_err(), "{typed}");
        }
    }
}
