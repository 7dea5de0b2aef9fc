//! Manifests in memory, pinned to digests that are made from the names of their images.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests; not every one uses everything"
)]

use sigward::failure::Failure;
use sigward::manifest::ManifestError;
use sigward::manifest::edit::{self, Edited};
use sigward::manifest::path::ImagePath;
use sigward::manifest::source::{Origin, Source, Sources};
use sigward::manifest::survey::{Manifest, Survey};
use sigward_verify::Digest;
use sigward_verify::image::ImageReference;

pub fn survey(text: &str, expressions: &[&str]) -> Survey {
    let source = Source { name: "-".into(), origin: Origin::Stdin, text: Ok(text.to_owned()) };
    let expressions: Vec<_> = expressions.iter().map(|typed| ImagePath::parse(typed).unwrap()).collect();
    Survey::of(Sources { files: vec![source], passed: Vec::new() }, &expressions)
}

/// The file, which must be good.
#[track_caller]
pub fn read(text: &str, expressions: &[&str]) -> Manifest {
    let manifest = survey(text, expressions).manifests.remove(0);
    assert!(manifest.errors.is_empty() && manifest.unnamed.is_empty(), "{manifest:?}");
    manifest
}

/// What is wrong with a file.
#[track_caller]
pub fn errors(text: &str) -> Vec<ManifestError> {
    let manifest = survey(text, &[]).manifests.remove(0);
    let inner = |failure| match failure {
        Failure::Manifest(error) => *error,
        other => panic!("{other:?}"),
    };
    manifest.errors.into_iter().map(inner).chain(manifest.unnamed).collect()
}

/// The one thing that is wrong with a file.
#[track_caller]
pub fn error(text: &str) -> ManifestError {
    let mut errors = errors(text);
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

/// A digest that no test file holds otherwise.
pub fn digest_of(reference: &ImageReference) -> Digest {
    let name = reference.name();
    let sum = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    Digest::parse(&format!("sha256:feed{}{sum:016x}", "0".repeat(44))).unwrap()
}

pub fn pin(manifest: &Manifest) -> Result<Edited, Vec<ManifestError>> {
    edit::pin(manifest, &|reference| Some(digest_of(reference)))
}

/// Takes the digests out again that [`pin`] has written.
pub fn unpinned(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@sha256:feed") {
        out.push_str(before);
        rest = &after[60..];
    }
    out + rest
}
