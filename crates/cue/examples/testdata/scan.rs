//! Finds the attributes of a CUE file, and the path of the field that each belongs to. The crate itself skips attributes,
//! as CUE's evaluator does.

/// An attribute.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    /// The path of its field, or of the struct that it stands in.
    pub(crate) path: Vec<String>,
    /// Its text without `@`.
    pub(crate) text: String,
    /// Its line, from 1.
    pub(crate) line: usize,
}

impl Attribute {
    /// The arguments of `@test(…)`.
    pub(crate) fn arguments(&self) -> Option<Vec<String>> {
        let body = self.text.strip_prefix("test(")?.strip_suffix(')')?;
        Some(split(body))
    }
}

/// All attributes in reach: those within lists and operands are not.
pub(crate) fn attributes(source: &str) -> Vec<Attribute> {
    let mut scanner = Scanner { source, at: 0, found: Vec::new() };
    scanner.declarations(&mut Vec::new());
    scanner.found
}

/// Splits at the commas that stand outside of brackets and quotes.
pub(crate) fn split(body: &str) -> Vec<String> {
    let mut scanner = Scanner { source: body, at: 0, found: Vec::new() };
    let mut parts = Vec::new();
    let mut start = 0;
    while scanner.at < body.len() {
        if scanner.byte() == b',' {
            parts.push(body[start..scanner.at].trim().to_owned());
            scanner.at += 1;
            start = scanner.at;
        } else {
            scanner.element();
        }
    }
    parts.push(body[start..].trim().to_owned());
    parts
}

struct Scanner<'s> {
    source: &'s str,
    at: usize,
    found: Vec<Attribute>,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn byte(&self) -> u8 {
        self.source.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn blank(&mut self, lines: bool) {
        loop {
            match self.byte() {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' | b',' if lines => self.at += 1,
                b'/' if self.rest().starts_with("//") => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                _ => return,
            }
        }
    }

    /// The declarations of a struct, up to its brace.
    fn declarations(&mut self, path: &mut Vec<String>) {
        loop {
            self.blank(true);
            match self.byte() {
                0 => return,
                b'}' | b']' | b')' => {
                    self.at += 1;
                    return;
                }
                b'@' => self.attribute(path),
                _ => {
                    let depth = path.len();
                    self.declaration(path);
                    self.blank(false);
                    while self.byte() == b'@' {
                        self.attribute(path);
                        self.blank(false);
                    }
                    path.truncate(depth);
                }
            }
        }
    }

    /// A field with its value, or an embedded value. Leaves the labels in `path`.
    fn declaration(&mut self, path: &mut Vec<String>) {
        while let Some(label) = self.label() {
            path.push(label);
            self.blank(true);
        }
        if self.byte() == b'{' {
            let saved = self.at;
            let known = self.found.len();
            self.at += 1;
            self.declarations(&mut path.clone());
            self.blank(false);
            if matches!(self.byte(), b'\n' | b',' | b'}' | b'@' | 0) {
                return;
            }
            // An operand of something larger.
            self.found.truncate(known);
            self.at = saved;
        }
        self.expression();
    }

    fn label(&mut self) -> Option<String> {
        let saved = self.at;
        let mut label = self.name();
        self.blank(false);
        if label.is_some() && self.byte() == b'=' && !self.rest().starts_with("==") && !self.rest().starts_with("=~") {
            self.at += 1;
            self.blank(false);
            label = self.name();
            self.blank(false);
        }
        if matches!(self.byte(), b'?' | b'!') {
            self.at += 1;
            self.blank(false);
        }
        if label.is_some() && self.byte() == b':' {
            self.at += 1;
            return label;
        }
        self.at = saved;
        None
    }

    fn name(&mut self) -> Option<String> {
        let start = self.at;
        match self.byte() {
            b'"' | b'[' | b'(' => {
                self.element();
                let text = &self.source[start..self.at];
                let plain = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).filter(|t| !t.contains('\\'));
                Some(plain.map_or_else(|| text.to_owned(), quote_if_needed))
            }
            _ => {
                let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '#' | '$');
                let length = self.rest().find(|c| !word(c)).unwrap_or(self.rest().len());
                self.at += length;
                (length > 0).then(|| self.source[start..self.at].to_owned())
            }
        }
    }

    /// Up to the end of a value: a new line that follows no operator, a comma, a bracket, an attribute.
    fn expression(&mut self) {
        let mut continues = true;
        loop {
            match self.byte() {
                0 | b',' | b'}' | b']' | b')' | b'@' => return,
                b'\n' if !continues => return,
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'/' if self.rest().starts_with("//") => self.blank(false),
                byte => {
                    continues = b"|&+-*/=<>!~:.".contains(&byte);
                    self.element();
                }
            }
        }
    }

    /// A string, something in brackets, or one character.
    fn element(&mut self) {
        let hashes = self.rest().len() - self.rest().trim_start_matches('#').len();
        let quoted = &self.rest()[hashes..];
        if quoted.starts_with(['"', '\'']) {
            let quote = &quoted[..1];
            let marks = if quoted.starts_with(&quote.repeat(3)) { 3 } else { 1 };
            let end = format!("{}{}", quote.repeat(marks), "#".repeat(hashes));
            self.at += hashes + marks;
            while self.at < self.source.len() && !self.rest().starts_with(&end) {
                let escaped = self.byte() == b'\\' && self.rest()[1..].starts_with(&"#".repeat(hashes));
                self.at += if escaped { 1 + hashes } else { 0 };
                if escaped && self.byte() == b'(' {
                    self.element();
                } else {
                    self.at += self.rest().chars().next().map_or(1, char::len_utf8);
                }
            }
            self.at = (self.at + end.len()).min(self.source.len());
            return;
        }
        let closing = match self.byte() {
            b'(' => b')',
            b'[' => b']',
            b'{' => b'}',
            _ => {
                self.at += self.rest().chars().next().map_or(1, char::len_utf8);
                return;
            }
        };
        self.at += 1;
        while self.at < self.source.len() && self.byte() != closing {
            if self.rest().starts_with("//") {
                self.blank(false);
            } else {
                self.element();
            }
        }
        self.at = (self.at + 1).min(self.source.len());
    }

    fn attribute(&mut self, path: &[String]) {
        let start = self.at + 1;
        let line = self.source[..start].matches('\n').count() + 1;
        self.at += 1 + self.rest()[1..].find('(').unwrap_or(0);
        self.element();
        let text = self.source[start..self.at].to_owned();
        self.found.push(Attribute { path: path.to_vec(), text, line });
    }
}

fn quote_if_needed(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_alphabetic() || c == '$')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
    if plain { name.to_owned() } else { format!("\"{name}\"") }
}
