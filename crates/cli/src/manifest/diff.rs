//! A unified diff of what was replaced.

use std::fmt::Write as _;
use std::ops::Range;

use super::edit::Edited;

const CONTEXT: usize = 3;

/// Lines that give way to others.
struct Change {
    /// Old lines, from 0.
    old: Range<usize>,
    new: Vec<String>,
}

/// The diff of a file, as `diff -u` and `git apply` know it; empty if nothing was replaced.
#[must_use]
pub fn unified(name: &str, old: &str, edited: &Edited) -> String {
    let lines: Vec<&str> = old.split_inclusive('\n').collect();
    let changes = changes(old, &lines, edited);
    let Some(first) = changes.first() else { return String::new() };
    let (before, after) = match name {
        "-" => ("-".to_owned(), "-".to_owned()),
        path if path.starts_with('/') => (path.to_owned(), path.to_owned()),
        path => (format!("a/{}", path.trim_start_matches("./")), format!("b/{}", path.trim_start_matches("./"))),
    };
    let mut out = format!("--- {before}\n+++ {after}\n");
    let mut hunk: Vec<&Change> = vec![first];
    let mut shift: isize = 0;
    for change in changes.iter().skip(1) {
        let end = hunk.last().map_or(0, |last| last.old.end);
        if change.old.start > end + 2 * CONTEXT {
            shift += write_hunk(&mut out, &lines, &hunk, shift);
            hunk.clear();
        }
        hunk.push(change);
    }
    write_hunk(&mut out, &lines, &hunk, shift);
    out
}

/// Replacements of the same line belong together.
fn changes(old: &str, lines: &[&str], edited: &Edited) -> Vec<Change> {
    let mut starts = Vec::with_capacity(lines.len());
    let mut offset = 0;
    for line in lines {
        starts.push(offset);
        offset += line.len();
    }
    let line_of = |byte: usize| starts.partition_point(|start| *start <= byte).saturating_sub(1);
    // Each with the lines that it covers, and the number of replacements.
    let mut groups: Vec<(Range<usize>, usize)> = Vec::new();
    for (span, _) in &edited.replaced {
        let (first, last) = (line_of(span.start), line_of(span.end.saturating_sub(1)));
        match groups.last_mut() {
            Some((range, count)) if first < range.end => {
                range.end = range.end.max(last + 1);
                *count += 1;
            }
            _ => groups.push((first..last + 1, 1)),
        }
    }
    let mut replacements = edited.replaced.iter();
    let start_of = |line: usize| starts.get(line).copied().unwrap_or(old.len());
    let text_of = |range: Range<usize>| old.get(range).unwrap_or_default();
    groups
        .into_iter()
        .map(|(range, count)| {
            let mut text = String::new();
            let mut at = start_of(range.start);
            for (span, new) in replacements.by_ref().take(count) {
                text.push_str(text_of(at..span.start));
                text.push_str(new);
                at = span.end;
            }
            text.push_str(text_of(at..start_of(range.end)));
            Change { old: range, new: text.split_inclusive('\n').map(str::to_owned).collect() }
        })
        .collect()
}

/// Writes one hunk; the answer is by how many lines it moves what follows.
fn write_hunk(out: &mut String, lines: &[&str], hunk: &[&Change], shift: isize) -> isize {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return 0 };
    let from = first.old.start.saturating_sub(CONTEXT);
    let to = (last.old.end + CONTEXT).min(lines.len());
    let moved: isize = hunk.iter().map(|c| c.new.len().cast_signed() - c.old.len().cast_signed()).sum();
    let new_from = from.saturating_add_signed(shift);
    let (old_count, new_count) = (to - from, (to - from).saturating_add_signed(moved));
    let _ = writeln!(out, "@@ -{},{old_count} +{},{new_count} @@", from + 1, new_from + 1);
    let mut at = from;
    for change in hunk {
        for line in lines.get(at..change.old.start).unwrap_or_default() {
            push_line(out, ' ', line);
        }
        for line in lines.get(change.old.clone()).unwrap_or_default() {
            push_line(out, '-', line);
        }
        for line in &change.new {
            push_line(out, '+', line);
        }
        at = change.old.end;
    }
    for line in lines.get(at..to).unwrap_or_default() {
        push_line(out, ' ', line);
    }
    moved
}

fn push_line(out: &mut String, mark: char, line: &str) {
    out.push(mark);
    out.push_str(line);
    if !line.ends_with('\n') {
        out.push_str("\n\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_changes_share_a_hunk_and_the_last_line_may_lack_its_end() {
        let old = "1\n2\n3\n4 a\n5\n6\n7\n8 b\n9\n10\n11\n12\n13\n14\n15\n16 c";
        let at = |text: &str| old.find(text).unwrap();
        let replaced = ["a", "b", "c"].map(|text| (at(text)..at(text) + 1, text.to_uppercase())).to_vec();
        let diff = unified("./x.yaml", old, &Edited { text: String::new(), replaced });
        let expected = "--- a/x.yaml\n+++ b/x.yaml\n@@ -1,11 +1,11 @@\n 1\n 2\n 3\n-4 a\n+4 A\n 5\n 6\n 7\n-8 b\n+8 B\n \
                        9\n 10\n 11\n@@ -13,4 +13,4 @@\n 13\n 14\n 15\n-16 c\n\\ No newline at end of file\n+16 C\n\\ No \
                        newline at end of file\n";
        assert_eq!(diff, expected);
    }

    #[test]
    fn a_text_over_two_lines_becomes_one() {
        let old = "a: \"x\\\n  y\"\nb: z\n";
        let span = 3..old.find("\nb").unwrap();
        let diff = unified("/x", old, &Edited { text: String::new(), replaced: vec![(span, "\"xy\"".into())] });
        assert_eq!(diff, "--- /x\n+++ /x\n@@ -1,3 +1,2 @@\n-a: \"x\\\n-  y\"\n+a: \"xy\"\n b: z\n");
    }
}
