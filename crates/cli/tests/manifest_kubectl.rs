//! Manifests as kubectl reads them: whatever it would apply from a file that is accepted here must have been seen.
//!
//! `data/kubectl_reader.jsonl` holds damaged copies of the manifests of this folder (marks of YAML put in, lines moved,
//! cut or repeated), each with the images of the workloads that kubectl's reader makes of it: `NewYAMLOrJSONDecoder` and
//! `UnstructuredJSONScheme` of k8s.io/apimachinery v0.36.3, lists taken apart.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod manifest_support;

use std::collections::BTreeSet;

use manifest_support::survey;
use serde_json::Value;

#[test]
fn no_image_that_kubectl_sees_is_overlooked() {
    let (mut accepted, mut refused) = (0, 0);
    for line in include_str!("data/kubectl_reader.jsonl").lines() {
        let pair: Value = serde_json::from_str(line).unwrap();
        let text = pair["text"].as_str().unwrap();
        let manifest = survey(text, &[]).manifests.remove(0);
        if !manifest.errors.is_empty() || !manifest.unnamed.is_empty() {
            refused += 1;
            continue;
        }
        accepted += 1;
        let found: BTreeSet<&str> = manifest.images.iter().map(|found| found.image.text.as_str()).collect();
        for image in pair["images"].as_array().unwrap() {
            let image = image.as_str().unwrap();
            assert!(found.contains(image), "{image} is not among {found:?} of\n{text}");
        }
    }
    // Most of what kubectl takes is good, and must not be refused for fear.
    assert!(accepted > 200 && refused > 20, "{accepted} accepted, {refused} refused");
}
