//! Policies as people wrote them, and CUE's own test files, changed in places; with documents that name their fields.

use std::path::{Path, PathBuf};

use crate::generator::Pair;
use crate::random::Random;

/// The texts of `../shared/fixtures`, if they are there.
pub(crate) fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    if !folder.is_dir() {
        println!("skipped: no mutants, since {} is missing", folder.display());
        return Vec::new();
    }
    let mut files = Vec::new();
    collect(&folder.join("policies/cue"), &mut files);
    collect(&folder.join("cue-testdata"), &mut files);
    files.sort();
    files.iter().filter_map(|file| source(&std::fs::read_to_string(file).ok()?)).collect()
}

fn collect(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|e| e == "cue" || e == "txtar") {
            out.push(path);
        }
    }
}

/// The one CUE file of an archive.
fn source(text: &str) -> Option<String> {
    if !text.contains("\n-- ") && !text.starts_with("-- ") {
        return Some(text.to_owned());
    }
    let mut found: Option<String> = None;
    let mut taking = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("-- ").and_then(|l| l.strip_suffix(" --")) {
            taking = name.ends_with(".cue");
            if taking && found.replace(String::new()).is_some() {
                return None;
            }
        } else if let (true, Some(file)) = (taking, &mut found) {
            file.push_str(line);
            file.push('\n');
        }
    }
    found
}

pub(crate) fn mutant(random: &mut Random, corpus: &[String]) -> Pair {
    let text = &corpus[random.below(corpus.len())];
    let mut tokens = tokens(text);
    let other = self::tokens(&corpus[random.below(corpus.len())]);
    for _ in 0..random.below(4) {
        mutate(random, &mut tokens, &other);
    }
    let names: Vec<String> = tokens
        .windows(2)
        .filter(|pair| pair[1].trim().starts_with([':', '?', '!']) && is_name(&pair[0]))
        .map(|pair| pair[0].clone())
        .collect();
    let input = document(random, &names, &tokens, 0);
    Pair { policy: tokens.concat(), input }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic()) && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Words, texts, runs of blanks, and single signs.
fn tokens(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mut token = String::from(c);
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '#' || c == '$';
        if word(c) {
            while let Some(next) = chars.next_if(|c| word(*c)) {
                token.push(next);
            }
        } else if c == '"' {
            for next in chars.by_ref() {
                token.push(next);
                if next == '"' && !token.ends_with("\\\"") || next == '\n' {
                    break;
                }
            }
        } else if c == ' ' || c == '\t' {
            while let Some(next) = chars.next_if(|c| *c == ' ' || *c == '\t') {
                token.push(next);
            }
        }
        out.push(token);
    }
    out
}

fn mutate(random: &mut Random, tokens: &mut Vec<String>, other: &[String]) {
    let solid: Vec<usize> = (0..tokens.len()).filter(|n| !tokens[*n].trim().is_empty()).collect();
    if solid.is_empty() {
        return;
    }
    let at = solid[random.below(solid.len())];
    let beside = solid[random.below(solid.len())];
    match random.below(8) {
        0 => {
            tokens.remove(at);
        }
        1 => tokens[at] = tokens[beside].clone(),
        2 => tokens.swap(at, beside),
        3 => tokens[at] = random.pick(&["_", "int", "\"a\"", "1", "a", "b", "_|_", "string", "{}", "[]"]).to_owned(),
        4 => tokens[at] = random.pick(&["|", "&", ":", "?:", "!:", "+", "==", "!=", "<", "*"]).to_owned(),
        5 => tokens.insert(at, random.pick(&["...", "*", "!", "#", "close", "if true", "a:", "a: b:"]).to_owned()),
        6 if !other.is_empty() => {
            let from = random.below(other.len());
            let piece = other.iter().skip(from).take(1 + random.below(6)).cloned().collect::<String>();
            tokens.insert(at, piece);
        }
        _ => {
            // A struct or list again.
            let piece = tokens[at.min(beside)..at.max(beside)].iter().take(12).cloned().collect::<String>();
            tokens.insert(at, piece);
        }
    }
}

/// A document with the policy's own names and texts.
fn document(random: &mut Random, names: &[String], tokens: &[String], depth: usize) -> String {
    let mut used: Vec<&str> = Vec::new();
    let mut members = Vec::new();
    for _ in 0..random.below(5) {
        if names.is_empty() {
            break;
        }
        let name = names[random.below(names.len())].as_str();
        if used.contains(&name) {
            continue;
        }
        used.push(name);
        let value = datum(random, names, tokens, depth);
        members.push(format!("\"{name}\":{value}"));
    }
    format!("{{{}}}", members.join(","))
}

fn datum(random: &mut Random, names: &[String], tokens: &[String], depth: usize) -> String {
    match random.below(8) {
        0 | 1 if depth < 4 => document(random, names, tokens, depth + 1),
        2 if depth < 4 => {
            let items: Vec<String> = (0..random.below(4)).map(|_| datum(random, names, tokens, depth + 1)).collect();
            format!("[{}]", items.join(","))
        }
        3..=5 => {
            let is_value = |token: &&String| {
                token.starts_with('"') && serde_json::from_str::<String>(token).is_ok() || token.parse::<u32>().is_ok()
            };
            let values: Vec<&String> = tokens.iter().filter(is_value).collect();
            if values.is_empty() { "1".to_owned() } else { number_text(values[random.below(values.len())]) }
        }
        _ => random.pick(&["1", "2", "\"a\"", "true", "null", "{}", "[]", "1.5", "\"foo\""]).to_owned(),
    }
}

fn number_text(token: &str) -> String {
    match token.parse::<u32>() {
        Ok(number) => number.to_string(),
        Err(_) => token.to_owned(),
    }
}
