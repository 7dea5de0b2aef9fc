//! Manifests as people write them: what is found in them, and that pinning changes images and nothing else.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod manifest_support;

use std::path::{Path, PathBuf};

use manifest_support::{digest_of, pin, read, unpinned};

/// Each file with the images that it names, and what `--image-path` must say of it.
const FILES: &[(&str, &[&str], &[&str])] = &[
    ("01-guestbook.yaml", &["docker.io/redis:6.0.5", "gcr.io/google_samples/gb-frontend:v5"], &[]),
    (
        "02-statefulset.yaml",
        &["busybox:1.36", "registry.example/tools/restore", "registry.k8s.io/nginx-slim:0.24"],
        &[],
    ),
    ("03-cronjob.yaml", &["busybox:1.28"], &[]),
    ("04-crlf.yaml", &["nginx:1.25", "nginx:1.25", "nginx:1.25"], &[]),
    ("05-flow.yaml", &["alpine:3.20", "alpine:3.20", "registry.example:5000/a/b:c"], &[]),
    ("06-pod.json", &["ghcr.io/org/x:1.0", "ghcr.io/org/y:1.0"], &[]),
    ("07-list.yaml", &["app/one:1", "app/two:2"], &[]),
    ("08-typed-list.json", &["app/three:3"], &[]),
    (
        "09-anchors.yaml",
        &[
            "ghcr.io/org/app:2.4.1",
            "ghcr.io/org/app:2.4.1",
            "envoyproxy/envoy:v1.31",
            "envoyproxy/envoy:v1.31",
            "org/base:1",
            "org/base:1",
        ],
        &[],
    ),
    ("10-ephemeral.yaml", &["org/app:7", "busybox"], &[]),
    ("11-image-volume.yaml", &["debian:12", "quay.io/crio/artifact:v2"], &[]),
    ("12-rollout.yaml", &["argoproj/rollouts-demo:blue"], &[]),
    ("13-knative.yaml", &["ghcr.io/knative/helloworld-go:latest"], &[]),
    (
        "14-custom.yaml",
        &["example/foo:1", "example/bar:2", "example/baz:3"],
        &["Foo.spec.image", ".spec.images[*].name", "!Foo.spec.logo.image"],
    ),
    ("15-bom.yaml", &["org/rc:1"], &[]),
    ("16-tabs-and-space.yaml", &["org/spaced:1", "org/below:1"], &[]),
    ("17-no-final-newline.yaml", &["org/last:1"], &[]),
    ("18-quoted.yaml", &["org/escaped:1", "org/folded:1", "org/question:1"], &[]),
    ("19-long-and-unicode.yaml", &[LONG], &[]),
    ("20-mixed.yaml", &[PINNED, PINNED_ONLY, "org/free:1", "org/free:1", "org/single-pair:1"], &[]),
];

const LONG: &str = "registry.example/very/very/very/very/very/very/very/very/very/very/very/very/very/very/very/very/\
                    very/very/very/very/deep/name:v1.2.3-rc.4_build.5";
const PINNED: &str = "org/pinned:1@sha256:9999999999999999999999999999999999999999999999999999999999999999";
const PINNED_ONLY: &str = "org/pinned@sha256:9999999999999999999999999999999999999999999999999999999999999999";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

#[test]
fn every_image_is_found_and_no_other() {
    for (name, images, expressions) in FILES {
        let manifest = read(&text(name), expressions);
        let found: Vec<_> = manifest.images.iter().map(|found| found.image.text.as_str()).collect();
        assert_eq!(found, *images, "{name}");
    }
}

#[test]
fn every_file_is_in_the_table() {
    let mut files: Vec<_> =
        std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    files.retain(|name| !name.starts_with('.'));
    files.sort();
    assert_eq!(files, FILES.iter().map(|(name, _, _)| *name).collect::<Vec<_>>());
}

/// Taking the digests out again gives the file back, to the byte; the lines that differ are those of images.
#[test]
fn pinning_changes_images_and_nothing_else() {
    for (name, _, expressions) in FILES {
        let old = text(name);
        let manifest = read(&old, expressions);
        let edited = pin(&manifest).unwrap();
        // How these two are written changes: escapes and a line break within the quotes, and a tag that was implied.
        let plain = old
            .replace("ghcr.io\\/org\\/y:1.0", "ghcr.io/org/y:1.0")
            .replace("org\\x2fescaped:1", "org/escaped:1")
            .replace("org/\\\n          folded:1", "org/folded:1")
            .replace("image: busybox\n", "image: busybox:latest\n")
            .replace("tools/restore\n", "tools/restore:latest\n");
        assert_eq!(unpinned(&edited.text), plain, "{name}");
        let again = read(&edited.text, expressions);
        for (new, old) in again.images.iter().zip(&manifest.images) {
            let expected = old.reference.digest().unwrap_or_else(|| digest_of(&old.reference));
            assert_eq!(new.reference.digest(), Some(expected), "{name}");
            assert_eq!(new.reference.repository(), old.reference.repository(), "{name}");
            assert_eq!((&new.image.path, new.document), (&old.image.path, old.document), "{name}");
        }
    }
}

/// What is outside of the replaced bytes is the same, counted byte by byte.
#[test]
fn the_bytes_around_images_are_kept() {
    for (name, _, expressions) in FILES {
        let old = text(name);
        let edited = pin(&read(&old, expressions)).unwrap();
        let (mut old_at, mut new_at) = (0, 0);
        for (span, with) in &edited.replaced {
            let kept = span.start - old_at;
            assert_eq!(old.as_bytes()[old_at..span.start], edited.text.as_bytes()[new_at..new_at + kept], "{name}");
            let (from, to) = (old[span.clone()].chars().next(), with.chars().next());
            if matches!(from, Some('"' | '\'')) {
                assert_eq!(from, to, "{name}: the quotes are kept");
            }
            (old_at, new_at) = (span.end, new_at + kept + with.len());
        }
        assert_eq!(old.as_bytes()[old_at..], edited.text.as_bytes()[new_at..], "{name}");
    }
}

#[test]
fn what_is_pinned_stays() {
    for (name, _, expressions) in FILES {
        let once = pin(&read(&text(name), expressions)).unwrap();
        let twice = pin(&read(&once.text, expressions)).unwrap();
        assert_eq!((twice.text, twice.replaced.len()), (once.text, 0), "{name}");
    }
}
