//! Manifests of any form, made twice: as they are, and as they must be once they are pinned.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod manifest_support;

use manifest_support::{digest_of, error, pin, read, survey};
use proptest::prelude::*;
use sigward::manifest::survey::Manifest;
use sigward_verify::image::ImageReference;

/// A way to write a text.
#[derive(Clone, Copy, Debug)]
enum Quotes {
    Double,
    Plain,
    Single,
}

#[derive(Clone, Debug)]
struct Container {
    image: String,
    quotes: Quotes,
    flow: bool,
    /// Another container that takes its image by alias.
    twin: bool,
    before: Option<String>,
    comment: Option<String>,
    junk: Option<(String, String)>,
}

#[derive(Clone, Debug)]
struct Document {
    workload: usize,
    containers: Vec<Container>,
    indent: usize,
    noise: Vec<String>,
}

#[derive(Clone, Debug)]
struct File {
    documents: Vec<Document>,
    line_end: &'static str,
    mark: bool,
    final_newline: bool,
}

/// Kinds, and the keys above their containers.
const WORKLOADS: &[(&str, &[&str])] = &[
    ("v1 Pod", &["spec"]),
    ("apps/v1 Deployment", &["spec", "template", "spec"]),
    ("batch/v1 CronJob", &["spec", "jobTemplate", "spec", "template", "spec"]),
    ("v1 PodTemplate", &["template", "spec"]),
    ("example.com/v1 Thing", &["spec", "deep", "er"]),
];

fn pinned(image: &str) -> String {
    let reference = ImageReference::parse(image).unwrap();
    match reference.tag() {
        _ if reference.digest().is_some() => image.to_owned(),
        Some(_) => format!("{image}@{}", digest_of(&reference)),
        None => format!("{image}:latest@{}", digest_of(&reference)),
    }
}

impl File {
    fn write(&self, image: &dyn Fn(&str) -> String) -> String {
        let mut out = String::new();
        for (number, document) in self.documents.iter().enumerate() {
            if number > 0 {
                out.push_str("---\n");
            }
            document.write(&mut out, number, image);
        }
        let out = if self.final_newline { out } else { out.trim_end_matches('\n').to_owned() };
        let mark = if self.mark { "\u{feff}" } else { "" };
        format!("{mark}{}", out.replace('\n', self.line_end))
    }
}

impl Document {
    fn write(&self, out: &mut String, number: usize, image: &dyn Fn(&str) -> String) {
        let (head, keys) = WORKLOADS[self.workload];
        let (version, kind) = head.split_once(' ').unwrap();
        out.push_str(&format!("apiVersion: {version}\nkind: {kind}\n"));
        for (index, line) in self.noise.iter().enumerate() {
            out.push_str(&format!("noise{index}: {line}\n"));
        }
        let mut pad = String::new();
        for key in keys {
            out.push_str(&format!("{pad}{key}:\n"));
            pad.push_str(&" ".repeat(self.indent));
        }
        out.push_str(&format!("{pad}containers:\n"));
        for (index, container) in self.containers.iter().enumerate() {
            container.write(out, &pad, &format!("a{number}-{index}"), image);
        }
    }
}

impl Container {
    fn write(&self, out: &mut String, pad: &str, anchor: &str, image: &dyn Fn(&str) -> String) {
        let text = image(&self.image);
        let text = match self.quotes {
            Quotes::Double => format!("\"{text}\""),
            Quotes::Plain => text,
            Quotes::Single => format!("'{text}'"),
        };
        let named = if self.twin { format!("&{anchor} {text}") } else { text };
        if let Some(before) = &self.before {
            out.push_str(&format!("{pad}# {before}\n"));
        }
        let comment = self.comment.as_ref().map(|text| format!("  # {text}")).unwrap_or_default();
        let junk = self.junk.as_ref().map(|(key, value)| format!("x{key}: {value}"));
        if self.flow {
            let junk = junk.map(|junk| format!(", {junk}")).unwrap_or_default();
            out.push_str(&format!("{pad}- {{image: {named}{junk}, name: a}}{comment}\n"));
        } else {
            out.push_str(&format!("{pad}- image: {named}{comment}\n"));
            for line in junk.iter().map(String::as_str).chain(["name: a"]) {
                out.push_str(&format!("{pad}  {line}\n"));
            }
        }
        if self.twin {
            out.push_str(&format!("{pad}- {{name: twin, image: *{anchor} }}\n"));
        }
    }
}

fn image() -> impl Strategy<Value = String> {
    let digest = prop::option::weighted(0.2, Just(format!("@sha256:{}", "7".repeat(64))));
    let registry = prop::sample::select(vec!["", "docker.io/", "localhost:5000/", "GHCR.io/", "[::1]:80/"]);
    (registry, "[a-z0-9]{2,8}(/[a-z0-9_-]{1,8}){0,2}", prop::option::of("[A-Za-z_][A-Za-z0-9_.-]{0,12}"), digest)
        .prop_map(|(registry, name, tag, digest)| {
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            format!("{registry}{name}{tag}{}", digest.unwrap_or_default())
        })
        .prop_filter("an image, and not a number", |text| {
            ImageReference::parse(text).is_ok() && !text.starts_with('[') && text.chars().any(|c| c == ':' || c == '/')
        })
}

/// Values that need care: quotes, marks of YAML, other scripts, what looks like an image.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zäö測 ]{1,20}".prop_map(|text| format!("'{text}'")),
        "[a-z#:,{}\\[\\]&*!|>%@` -]{0,20}".prop_map(|text| format!("\"{text}\"")),
        "[a-z' ]{0,20}".prop_map(|text| format!("'{}'", text.replace('\'', "''"))),
        Just("\"\\u263a \\x41 \\\" image: a/b:1\"".to_owned()),
        Just("[1, 2.5, ~, {image: x/yy:1}]".to_owned()),
        Just("nginx:1.27".to_owned()),
        Just("!!binary 'bm8='".to_owned()),
    ]
}

/// Values over several lines, as they stand after a key of the first column.
fn noise() -> impl Strategy<Value = String> {
    prop_oneof![
        value().prop_filter("no image of a custom resource", |text| !text.contains("image: x")),
        Just("|\n  image: a/b:1\n  # no comment\n\n  end".to_owned()),
        Just(">-\n  folded\n  image: a/b:1".to_owned()),
        Just("\n  - a: b   # image: a/b:1\n  -   c".to_owned()),
        Just("'over\n  lines'".to_owned()),
    ]
}

fn container() -> impl Strategy<Value = Container> {
    let quotes = prop::sample::select(vec![Quotes::Double, Quotes::Plain, Quotes::Single]);
    let comment = || prop::option::of("[ -~äö測\t]{0,30}");
    let junk = prop::option::of(("[a-z]{1,6}", value().prop_filter("no image", |text| !text.contains("image: x"))));
    (image(), quotes, any::<bool>(), prop::bool::weighted(0.2), comment(), comment(), junk).prop_map(
        |(image, quotes, flow, twin, before, comment, junk)| Container {
            image,
            quotes,
            flow,
            twin,
            before,
            comment,
            junk,
        },
    )
}

fn file() -> impl Strategy<Value = File> {
    let document = (
        0..WORKLOADS.len(),
        prop::collection::vec(container(), 1..5),
        1..5_usize,
        prop::collection::vec(noise(), 0..3),
    )
        .prop_map(|(workload, containers, indent, noise)| Document { workload, containers, indent, noise });
    let line_end = prop::sample::select(vec!["\n", "\r\n"]);
    (prop::collection::vec(document, 1..4), line_end, any::<bool>(), any::<bool>())
        .prop_map(|(documents, line_end, mark, final_newline)| File { documents, line_end, mark, final_newline })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pinning_gives_what_would_have_been_written_with_digests(file in file()) {
        let old = file.write(&|image| image.to_owned());
        let edited = pin(&read(&old, &[])).unwrap();
        prop_assert_eq!(edited.text, file.write(&pinned));
    }

    /// Whatever stands in a file, the program neither panics nor changes more than images.
    #[test]
    fn broken_files_are_refused_or_kept(file in file(), cuts in prop::collection::vec((any::<prop::sample::Index>(), "[ -~\n\r\t\u{85}\u{2028}]{0,3}"), 1..4)) {
        let mut text = file.write(&|image| image.to_owned());
        for (at, with) in cuts {
            let mut at = at.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            text.insert_str(at, &with);
        }
        let manifest = survey(&text, &[]).manifests.remove(0);
        let good = manifest.errors.is_empty() && manifest.unnamed.is_empty();
        if let (true, Ok(edited)) = (good, pin(&manifest)) {
            let names = |m: &Manifest| {
                m.images.iter().map(|f| (f.image.path.clone(), f.reference.repository().clone())).collect::<Vec<_>>()
            };
            prop_assert_eq!(names(&read(&edited.text, &[])), names(&manifest));
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,80}") {
        let _ = survey(&text, &[".a", ".b[*].c"]);
    }
}

#[test]
fn a_control_character_is_refused() {
    let _ = error("a: \u{0}\n");
}
