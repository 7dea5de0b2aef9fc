//! The assertions that CUE's test data carries inline: `@test(eq, VALUE)` and `@test(err, code=…, contains="…")`.

use std::collections::BTreeMap;
use std::path::Path;

use sigward_cue::inspect::InspectError;
use sigward_cue::tree::{Base, FaultClass, Node, tree};

use super::scan::{self, Attribute};

/// How many hold, and how many do not, by class.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: BTreeMap<&'static str, usize>,
}

/// Why an assertion does not hold.
struct Failure {
    class: &'static str,
    what: String,
}

type Checked = Result<(), Failure>;

fn fail(class: &'static str, what: impl Into<String>) -> Checked {
    Err(Failure { class, what: what.into() })
}

/// Checks all assertions of an archive, and prints those that do not hold.
pub(crate) fn check(name: &str, archive: &str, tally: &mut Tally) {
    let files = files(archive);
    let joined = join(&files);
    let whole = tree(&joined);
    for (file, source) in &files {
        let alone;
        let found = if whole.is_ok() || files.len() == 1 {
            &whole
        } else {
            alone = tree(source);
            &alone
        };
        for attribute in scan::attributes(source) {
            let Some(arguments) = attribute.arguments() else { continue };
            let directive = arguments[0].split(':').next().unwrap_or_default();
            // A field whose name is not written out has no path.
            let named = attribute.path.iter().all(|step| !step.starts_with(['[', '(']) && !step.contains("\\("));
            if !matches!(directive, "eq" | "err") || !named {
                continue;
            }
            let todo = arguments[0].ends_with(":todo");
            for (checked, what) in run(found, &attribute, &arguments, directive) {
                match checked {
                    Ok(()) => tally.passed += 1,
                    Err(failure) => {
                        // CUE itself does not fulfil it.
                        let class = if todo { "not fulfilled by CUE either" } else { failure.class };
                        *tally.failed.entry(class).or_default() += 1;
                        let path = attribute.path.join(".");
                        let what = format!("{what} {path}: {:.300}", failure.what);
                        println!("ASSERT [{class}] {name} {file}:{} {what}", attribute.line);
                    }
                }
            }
        }
    }
}

/// The CUE files of an archive.
fn files(archive: &str) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in archive.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("-- ").and_then(|l| l.trim_end().strip_suffix(" --")) {
            inside = name.ends_with(".cue") && !name.starts_with("out/");
            if inside {
                out.push((name.to_owned(), String::new()));
            }
        } else if inside && let Some((_, text)) = out.last_mut() {
            text.push_str(line);
        }
    }
    out
}

/// Files of one package as one.
fn join(files: &[(String, String)]) -> String {
    if let [(_, only)] = files {
        return only.clone();
    }
    let (mut imports, mut rest) = (Vec::new(), String::new());
    for (_, text) in files {
        let mut group = false;
        for line in text.split_inclusive('\n') {
            let word = line.trim();
            if group || word.starts_with("import ") {
                group = word.ends_with('(') || (group && word != ")");
                if word.contains('"') {
                    imports.push(word.trim_start_matches("import ").to_owned());
                }
            } else if !word.starts_with("package ") {
                rest.push_str(line);
            }
        }
    }
    imports.sort();
    imports.dedup();
    imports.iter().map(|i| format!("import {i}\n")).collect::<String>() + &rest
}

/// The assertion, and those within its value.
fn run(
    found: &Result<Node, InspectError>,
    attribute: &Attribute,
    arguments: &[String],
    directive: &str,
) -> Vec<(Checked, String)> {
    let found = match found {
        Ok(found) => found,
        Err(InspectError::Unsupported(message)) => return vec![(fail("unsupported", message), directive.to_owned())],
        Err(error) => return vec![(fail("does not compile", error.to_string()), directive.to_owned())],
    };
    let mut path: Vec<String> = attribute.path.iter().map(|step| scoped_names(step)).collect();
    if directive == "err" {
        let checked = match lookup(found, &path) {
            Some(node) => error_of(node, &arguments[1..]),
            None => fail("path not found", "no such path"),
        };
        return vec![(checked, "err".to_owned())];
    }
    let mut expected = None;
    for argument in &arguments[1..] {
        match argument.strip_prefix("at=") {
            Some(at) => path.extend(steps(at)),
            None if argument.starts_with("hint=") || argument.starts_with("p=") || argument == "incorrect" => {}
            None if argument.is_empty() => {}
            None => expected = Some(argument),
        }
    }
    let Some(expected) = expected else { return Vec::new() };
    let Some(node) = lookup(found, &path) else {
        return vec![(fail("path not found", "no such path"), "eq".to_owned())];
    };
    equals(expected, node)
}

/// Compares a value with the one that is written in an assertion.
fn equals(text: &str, found: &Node) -> Vec<(Checked, String)> {
    // What `let` clauses come to is not compared.
    let text: String = text.split_inclusive('\n').filter(|line| !line.trim().starts_with("let ")).collect();
    let text = scoped_names(&text);
    let source = format!("value: {text}");
    let packages = ["strings", "list", "struct", "regexp", "time", "math", "strconv", "net"];
    let imports: String =
        packages.iter().filter(|p| uses(&source, p)).map(|p| format!("import {p:?}\n")).collect::<String>()
            + if uses(&source, "json") { "import \"encoding/json\"\n" } else { "" };
    let expected = match tree(&format!("{imports}{source}")) {
        Ok(mut root) => root.fields.remove("value"),
        Err(error) => return vec![(fail("the assertion is not read", error.to_string()), "eq".to_owned())],
    };
    let Some(expected) = expected else { return Vec::new() };
    let marks: Vec<Attribute> = scan::attributes(&source);
    let mut inner = Vec::new();
    let compared = Comparison { marks: &marks }.compare(&expected, found, &["value".to_owned()], &mut inner);
    let mut out = vec![(compared, "eq".to_owned())];
    out.extend(inner.into_iter().map(|checked| (checked, "err within".to_owned())));
    out
}

fn uses(source: &str, package: &str) -> bool {
    let name = format!("{package}.");
    source.match_indices(&name).any(|(at, _)| {
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '#');
        let next = source[at + name.len()..].chars().next();
        !source[..at].ends_with(word) && next.is_some_and(char::is_uppercase)
    })
}

/// `_name$package` says of which package a hidden name is; there is one only.
fn scoped_names(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '#' | '$');
        let before = &rest[..at];
        let start = before.rfind(|c| !word(c)).map_or(0, |n| n + 1);
        out.push_str(before);
        rest = &rest[at + 1..];
        if before[start..].starts_with('_') {
            rest = rest.trim_start_matches(word);
        } else {
            out.push('$');
        }
    }
    out + rest
}

struct Comparison<'a> {
    marks: &'a [Attribute],
}

impl Comparison<'_> {
    /// The directives that stand at a path of the expected value.
    fn marked(&self, path: &[String], directive: &str) -> Option<Vec<String>> {
        let at = |a: &&Attribute| a.path.iter().zip(path).all(|(x, y)| x == bare(y)) && a.path.len() == path.len();
        let arguments = self.marks.iter().filter(at).filter_map(Attribute::arguments);
        arguments.into_iter().find(|a| a[0] == directive)
    }

    fn compare(&self, expected: &Node, found: &Node, path: &[String], inner: &mut Vec<Checked>) -> Checked {
        if let Some(arguments) = self.marked(path, "err") {
            inner.push(error_of(found, &arguments[1..]));
            return Ok(());
        }
        if self.marked(path, "ignore").is_some() {
            return Ok(());
        }
        let shown = path.join(".");
        let mut found = found;
        if let (Some(_), Base::Alternatives { defaults, .. }) = (self.marked(path, "final"), &found.base)
            && let [default] = defaults.as_slice()
        {
            found = default;
        }
        let is_error = expected.error.is_some() && expected.base == Base::Error && expected.fields.is_empty();
        match (&expected.base, &found.base) {
            _ if is_error && found.error.is_some() => return Ok(()),
            _ if is_error => return fail("no error", format!("{shown}: expected an error, found {:?}", found.base)),
            (Base::Struct | Base::Error, Base::Struct | Base::Error) if !found.fields.is_empty() => {}
            (Base::Struct | Base::Error, Base::Struct) => {}
            (Base::List(expected), Base::List(found)) if expected.len() == found.len() => {
                for (n, (expected, found)) in expected.iter().zip(found).enumerate() {
                    self.compare(expected, found, &[path, &[n.to_string()]].concat(), inner)?;
                }
            }
            (
                Base::Alternatives { defaults, others },
                Base::Alternatives { defaults: found_defaults, others: found_others },
            ) => {
                self.same_set(defaults, found_defaults, path)?;
                self.same_set(others, found_others, path)?;
            }
            (Base::Scalar(expected), Base::Scalar(found)) if same_texts(expected, found) => {}
            (expected, base) => {
                let class = if found.error.is_some() { "an error instead of a value" } else { "value" };
                return fail(class, format!("{shown}: expected {expected:?}, found {base:?} {:?}", found.error));
            }
        }
        self.compare_fields(expected, found, path, inner)
    }

    fn compare_fields(&self, expected: &Node, found: &Node, path: &[String], inner: &mut Vec<Checked>) -> Checked {
        let shown = path.join(".");
        for (name, value) in &expected.fields {
            let path = [path, std::slice::from_ref(name)].concat();
            match found.fields.get(name) {
                Some(found) => self.compare(value, found, &path, inner)?,
                None if self.marked(&path, "ignore").is_some() => {}
                None => return fail("fields", format!("{shown}: no field {name}")),
            }
        }
        let more = found.fields.iter().find(|(name, value)| {
            // A field that a closed struct does not allow.
            let forbidden = name.ends_with('?') && value.error.is_some();
            !expected.fields.contains_key(*name) && !forbidden
        });
        match more {
            Some((name, value)) => fail("fields", format!("{shown}: also has {name}: {:?}", value.base)),
            None => Ok(()),
        }
    }

    fn same_set(&self, expected: &[Node], found: &[Node], path: &[String]) -> Checked {
        let mut left: Vec<&Node> = found.iter().collect();
        for value in expected {
            match left.iter().position(|f| self.compare(value, f, path, &mut Vec::new()).is_ok()) {
                Some(n) => drop(left.remove(n)),
                None => return fail("alternatives", format!("{}: no {:?} in {left:?}", path.join("."), value.base)),
            }
        }
        match left.first() {
            Some(more) => fail("alternatives", format!("{}: also {:?}", path.join("."), more.base)),
            None => Ok(()),
        }
    }
}

fn bare(name: &str) -> &str {
    name.trim_end_matches(['?', '!'])
}

/// Whether a value is the error that an assertion tells.
fn error_of(node: &Node, arguments: &[String]) -> Checked {
    let (mut codes, mut contains, mut any, mut node) = (Vec::new(), String::new(), false, node);
    for argument in arguments {
        match argument.split_once('=') {
            Some(("at", at)) => match lookup(node, &steps(at)) {
                Some(inner) => node = inner,
                None => return fail("path not found", format!("no path {at}")),
            },
            Some(("code", code)) => {
                codes = code.trim_matches(['(', ')']).split('|').map(|c| c.trim().to_owned()).collect();
            }
            Some(("contains", text)) => contains = unquote(text),
            _ => any |= argument == "any",
        }
    }
    if any {
        let holds = descendants(node).any(|n| error_matches(n, &codes, &contains).is_ok());
        return if holds { Ok(()) } else { fail("no error", format!("no error of {codes:?} within")) };
    }
    error_matches(node, &codes, &contains)
}

fn error_matches(node: &Node, codes: &[String], contains: &str) -> Checked {
    let Some(fault) = &node.error else {
        return fail("no error", format!("expected an error of {codes:?}, found {:?}", node.base));
    };
    let class = match fault.class {
        FaultClass::Eval => "eval",
        FaultClass::User => "user",
        FaultClass::StructuralCycle => "structural_cycle",
        FaultClass::Incomplete => "incomplete",
        FaultClass::Cycle => "cycle",
    };
    if !codes.is_empty() && !codes.iter().any(|c| c == class) {
        return fail("class of the error", format!("expected {codes:?}, found {class}: {:?}", fault.messages));
    }
    let more = match fault.messages.len() {
        0 | 1 => String::new(),
        n => format!(" (and {} more errors)", n - 1),
    };
    if !fault.messages.iter().any(|m| contains_format(&format!("{m}{more}"), contains)) {
        return fail("text of the error", format!("expected {contains:?}, found {:?}", fault.messages));
    }
    Ok(())
}

/// Whether a text contains another, in which `%s` and `%v` may stand for anything.
fn contains_format(text: &str, format: &str) -> bool {
    let format = format.replace("%v", "%s");
    let mut rest = text;
    format.split("%s").all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// `4.0` and `4.000` are the same number.
fn same_texts(expected: &[String], found: &[String]) -> bool {
    let plain = |texts: &[String]| -> Vec<String> {
        let decimal = |t: &str| t.contains('.') && t.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
        texts.iter().map(|t| if decimal(t) { t.trim_end_matches('0').to_owned() } else { t.clone() }).collect()
    };
    plain(expected) == plain(found)
}

fn descendants(node: &Node) -> Box<dyn Iterator<Item = &Node> + '_> {
    let elements: &[Node] = if let Base::List(elements) = &node.base { elements } else { &[] };
    let inner = node.fields.values().chain(elements).flat_map(descendants);
    Box::new(std::iter::once(node).chain(inner))
}

/// `a.b[0]` as steps.
fn steps(path: &str) -> Vec<String> {
    let spaced = path.replace('[', ".").replace(']', "");
    spaced.split('.').map(|s| scoped_names(s.trim())).filter(|s| !s.is_empty()).collect()
}

fn lookup<'n>(node: &'n Node, path: &[String]) -> Option<&'n Node> {
    let Some((first, rest)) = path.split_first() else { return Some(node) };
    let suffixed = ["", "!", "?"].iter().find_map(|suffix| node.fields.get(&format!("{first}{suffix}")));
    let element = || match &node.base {
        Base::List(elements) => elements.get(first.parse::<usize>().ok()?),
        _ => None,
    };
    lookup(suffixed.or_else(element)?, rest)
}

fn unquote(text: &str) -> String {
    let hashes = text.len() - text.trim_start_matches('#').len();
    let inner = text.trim_matches('#').trim_start_matches('"');
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    if hashes > 0 { inner.to_owned() } else { inner.replace("\\\"", "\"").replace("\\\\", "\\") }
}

/// Checks all archives below a folder.
pub(crate) fn check_all(folder: &Path, only: &str) -> Tally {
    let mut tally = Tally::default();
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of the test data")
        .filter_map(|entry| Some(entry.ok()?.path()).filter(|path| path.is_dir()))
        .flat_map(|path| std::fs::read_dir(path).expect("a folder"))
        .filter_map(|entry| Some(entry.ok()?.path()).filter(|path| path.extension().is_some_and(|e| e == "txtar")))
        .collect();
    names.sort();
    for path in names {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        if name.contains(only) {
            check(&name, &std::fs::read_to_string(&path).expect("a file"), &mut tally);
        }
    }
    tally
}
