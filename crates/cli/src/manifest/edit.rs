//! Writes digests into manifests: only the bytes of the images change.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use sigward_verify::Digest;
use sigward_verify::image::{ImageReference, Target};

use super::error::{At, ManifestError};
use super::path::Path;
use super::survey::{Found, Manifest};
use super::tree::{NodeId, Style, Value};
use super::yaml;

/// A manifest with its images pinned.
#[derive(Debug)]
pub struct Edited {
    /// What it holds now.
    pub text: String,
    /// What was replaced, in order: bytes of the old text, and what stands there now.
    pub replaced: Vec<(Range<usize>, String)>,
}

/// Whether an image names its content.
#[must_use]
pub fn is_pinned(reference: &ImageReference) -> bool {
    matches!(reference.target(), Target::Digest(_))
}

/// `name:tag@digest`, the name as it was typed.
#[must_use]
pub fn pinned(reference: &ImageReference, digest: &Digest) -> String {
    let typed = reference.typed().trim_end_matches(':');
    match (reference.target(), reference.tag()) {
        (Target::Digest(_), _) => typed.to_owned(),
        (Target::Tag(_), Some(_)) => format!("{typed}@{digest}"),
        (Target::Tag(tag), None) => format!("{typed}:{tag}@{digest}"),
    }
}

/// Pins every image of a manifest that has no digest; `digest` gives what was verified.
///
/// # Errors
/// [`ManifestError::NotEditable`] where an image cannot be replaced without changing something else.
pub fn pin(
    manifest: &Manifest,
    digest: &dyn Fn(&ImageReference) -> Option<Digest>,
) -> Result<Edited, Vec<ManifestError>> {
    let mut errors = Vec::new();
    let mut edits: BTreeMap<NodeId, String> = BTreeMap::new();
    let shared = Shared::of(manifest);
    for found in manifest.images.iter().filter(|found| !is_pinned(&found.reference)) {
        match editable(manifest, found, &shared) {
            Ok(()) => {
                if let Some(digest) = digest(&found.reference) {
                    edits.insert(found.image.node, pinned(&found.reference, &digest));
                }
            }
            Err(reason) => errors.push(not_editable(manifest, found, reason)),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    apply(manifest, &edits).map_err(|reason| {
        let first = manifest.images.iter().find(|found| edits.contains_key(&found.image.node));
        first.map(|found| not_editable(manifest, found, reason)).into_iter().collect()
    })
}

fn not_editable(manifest: &Manifest, found: &Found, reason: String) -> ManifestError {
    let at = At { file: manifest.name.clone(), line: Some(found.image.line) };
    let (path, image) = (found.image.path.to_string(), found.image.text.clone());
    ManifestError::NotEditable { at, path, image, reason }
}

fn editable(manifest: &Manifest, found: &Found, shared: &Shared) -> Result<(), String> {
    let image = &found.image;
    if manifest.tree.style(image.node) == Some(Style::Block) {
        return Err("it is a block scalar (| or >)".into());
    }
    match shared.other_uses.get(&image.node) {
        Some(use_) => Err(format!("an alias makes it the value of {use_} too, which is no image")),
        None => Ok(()),
    }
}

/// Scalars that aliases put where there is no image.
struct Shared {
    other_uses: BTreeMap<NodeId, String>,
}

impl Shared {
    fn of(manifest: &Manifest) -> Self {
        let mut other_uses = BTreeMap::new();
        if !manifest.tree.has_aliases() {
            return Self { other_uses };
        }
        let nodes: BTreeSet<NodeId> = manifest.images.iter().map(|found| found.image.node).collect();
        for (index, document) in manifest.tree.documents().enumerate() {
            let images = manifest.images.iter().filter(|found| found.document == index + 1);
            let places: BTreeSet<&Path> = images.map(|found| &found.image.path).collect();
            let mut visit = |path: &Path, value: Value<'_>| {
                if nodes.contains(&value.id()) && !places.contains(path) {
                    other_uses.entry(value.id()).or_insert_with(|| path.to_string());
                }
            };
            document.walk(&Path::default(), &mut visit);
        }
        Self { other_uses }
    }
}

/// Replaces scalars by their bytes, and reads the result again: all else must be as it was.
fn apply(manifest: &Manifest, edits: &BTreeMap<NodeId, String>) -> Result<Edited, String> {
    let mut replaced: Vec<_> = edits
        .iter()
        .map(|(node, text)| {
            let quote = match manifest.tree.style(*node) {
                Some(Style::Double) => "\"",
                Some(Style::Single) => "'",
                _ => "",
            };
            (manifest.tree.span(*node), format!("{quote}{text}{quote}"))
        })
        .collect();
    replaced.sort_by_key(|(span, _)| span.start);
    let mut text = String::with_capacity(manifest.text.len() + replaced.len() * 80);
    let mut copied = 0;
    for (span, new) in &replaced {
        text.push_str(manifest.text.get(copied..span.start).ok_or("the bytes of two images overlap")?);
        text.push_str(new);
        copied = span.end;
    }
    text.push_str(manifest.text.get(copied..).ok_or("the bytes of an image lie outside of the file")?);
    let again = yaml::parse(&manifest.name, &text).map_err(|error| format!("the result cannot be read: {error}"))?;
    if !again.is_edited_from(&manifest.tree, edits) {
        return Err("something else would change".into());
    }
    Ok(Edited { text, replaced })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_stays_and_the_digest_follows() {
        let hex = "0".repeat(64);
        let digest = Digest::parse(&format!("sha256:{hex}")).unwrap();
        let pinned = |typed: &str| pinned(&ImageReference::parse(typed).unwrap(), &digest);
        assert_eq!(pinned("nginx:1.27"), format!("nginx:1.27@sha256:{hex}"));
        assert_eq!(pinned("nginx"), format!("nginx:latest@sha256:{hex}"));
        assert_eq!(pinned("nginx:"), format!("nginx:latest@sha256:{hex}"));
        assert_eq!(pinned("localhost:5000/app"), format!("localhost:5000/app:latest@sha256:{hex}"));
        assert_eq!(pinned("GHCR.io/org/app:v1"), format!("GHCR.io/org/app:v1@sha256:{hex}"));
        let already = format!("nginx:1@sha256:{}", "1".repeat(64));
        assert_eq!(pinned(&already), already);
    }
}
