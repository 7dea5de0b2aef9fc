//! `manifest images`, `verify` and `pin`: the built program, files and a registry.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::os::unix::fs::{PermissionsExt as _, symlink};

use sigward::args::request::ManifestInput;
use sigward::failure::Failure;
use sigward::manifest::ManifestError;
use sigward::manifest::{survey, write};
use sigward_testkit::image_damage::moved_tag;
use sigward_testkit::image_evidence::referrer;
use sigward_testkit::{Artifact, EvidenceLayer, Key, OciRegistry, Sigstore};
use support::{Place, Run};

const WITH_KEY: &str = "--key key.pub --insecure-ignore-tlog";

/// A registry with signed images, and a folder for manifests.
struct World {
    place: Place,
    sigstore: Sigstore,
    key: Key,
    registry: OciRegistry,
}

impl World {
    fn new() -> Self {
        let (place, sigstore, key) = (Place::new(), Sigstore::new(), Key::default());
        place.put("key.pub", key.public_pem());
        place.trust(&sigstore);
        Self { place, sigstore, key, registry: OciRegistry::start() }
    }

    /// A signed image; gives its name with the tag, and its digest.
    fn signed(&self, repository: &str) -> (String, String) {
        self.signed_as(repository, &self.registry.name(repository))
    }

    /// An image whose signature names this repository.
    fn signed_as(&self, repository: &str, docker_reference: &str) -> (String, String) {
        let image = Artifact::image(repository);
        self.registry.push(repository, "v1", &image);
        let signed = self.sigstore.sign_image_with_key(docker_reference, &image, &self.key);
        self.registry.sign(repository, &image, &[EvidenceLayer::unlogged(&signed)]);
        (format!("{}:v1", self.registry.name(repository)), image.digest())
    }

    fn unsigned(&self, repository: &str) -> String {
        self.registry.push(repository, "v1", &Artifact::image(repository));
        format!("{}:v1", self.registry.name(repository))
    }

    /// An image with an attestation in a bundle, and no signature.
    fn attested(&self, repository: &str) -> (String, String) {
        let image = Artifact::image(repository);
        self.registry.push(repository, "v1", &image);
        let predicate = ("https://example.com/built/v1", serde_json::json!({}));
        let bundle = self.sigstore.attest_image_with_key(repository, &image, predicate, &self.key);
        self.registry.refer(repository, &referrer(&image, &bundle.bundle_v03(), "https://example.com/built/v1"));
        (format!("{}:v1", self.registry.name(repository)), image.digest())
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.place.path("work").join(name)).unwrap()
    }

    fn pin(&self, rest: &str) -> Run {
        self.place.run(&format!("manifest pin {WITH_KEY} {rest}"))
    }

    fn verify(&self, rest: &str) -> Run {
        self.place.run(&format!("manifest verify {WITH_KEY} {rest}"))
    }
}

fn pod(images: &[&str]) -> String {
    let containers: String = images.iter().map(|image| format!("  - image: {image}  # here\n")).collect();
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n{containers}")
}

#[test]
fn pin_writes_the_verified_digests_and_keeps_the_mode() {
    let world = World::new();
    let ((one, digest_one), (two, digest_two)) = (world.signed("one"), world.signed("two"));
    world.place.put("app.yaml", pod(&[&one, &two, &one]));
    let path = world.place.path("work/app.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let run = world.pin("app.yaml").succeeded();
    assert_eq!((run.out.as_str(), run.new_files.len()), ("", 0), "{run:?}");
    let (one, two) = (format!("{one}@{digest_one}"), format!("{two}@{digest_two}"));
    assert_eq!(world.read("app.yaml"), pod(&[&one, &two, &one]));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    // Pinned images are verified by their digests, and stay.
    world.pin("--check app.yaml").succeeded();
    world.pin("app.yaml").succeeded();
    assert_eq!(world.read("app.yaml"), pod(&[&one, &two, &one]));
}

#[test]
fn verify_succeeds_only_if_all_images_are_verified() {
    let world = World::new();
    let ((good, digest), bad) = (world.signed("good"), world.unsigned("bad"));
    world.place.put("good.yaml", pod(&[&good]));
    world.place.put("both.yaml", pod(&[&good, &bad]));
    let run = world.verify("good.yaml").succeeded();
    assert!(run.out.contains(&digest) && run.out.contains("1 of 1 images verified"), "{run:?}");
    let run = world.verify("both.yaml");
    assert_eq!(run.code, 10, "as cosign's: no signatures found: {run:?}");
    assert!(run.out.contains(&format!("FAILED    {bad}: no signatures found")), "{run:?}");
    let run = world.verify("--output json both.yaml");
    let json = run.json();
    assert_eq!((run.code, &json["verified"]), (10, &false.into()), "{run:?}");
    world.place.put("absent.yaml", pod(&[&format!("{}:absent", world.registry.name("good"))]));
    assert_eq!(world.verify("absent.yaml good.yaml").code, 11);
    world.place.put("broken.yaml", "a: [");
    assert_eq!(world.verify("absent.yaml broken.yaml").code, 1);
    let images = json["images"].as_array().unwrap();
    let of = |name: &str| images.iter().find(|image| image["image"] == name).unwrap();
    assert_eq!(of(&good)["digest"], digest);
    assert_eq!(of(&good)["evidence"][0]["kind"], "image signature");
    assert_eq!(of(&bad)["error"]["code"], "image-unsigned");
    assert_eq!(of(&bad)["places"][0]["path"], "spec.containers[1].image");
}

#[test]
fn an_image_is_asked_for_once_however_often_it_is_named() {
    let world = World::new();
    let (image, _) = world.signed("app");
    for name in ["a.yaml", "b.yaml", "c.yaml"] {
        world.place.put(name, pod(&[&image, &image]));
    }
    world.verify(".").succeeded();
    assert_eq!(world.registry.counts().logical(), 3, "{:?}", world.registry.counts());
}

#[test]
fn an_unverifiable_image_leaves_its_file_untouched() {
    let world = World::new();
    let ((good, digest), bad) = (world.signed("good"), world.unsigned("bad"));
    world.place.put("bad.yaml", pod(&[&good, &bad]));
    world.place.put("good.yaml", pod(&[&good]));
    let run = world.pin("bad.yaml good.yaml");
    assert_eq!(run.code, 1, "{run:?}");
    let run = run.said("bad.yaml: left as it is").said("no signatures found");
    assert_eq!(run.new_files.len(), 0, "{run:?}");
    assert_eq!(world.read("bad.yaml"), pod(&[&good, &bad]));
    assert_eq!(world.read("good.yaml"), pod(&[&format!("{good}@{digest}")]));
}

#[test]
fn check_names_what_is_unpinned_or_unverified_and_writes_nothing() {
    let world = World::new();
    let ((good, digest), bad) = (world.signed("good"), world.unsigned("bad"));
    world.place.put("app.yaml", pod(&[&good]));
    world
        .pin("--check app.yaml")
        .failed("1 of 1 images are not pinned")
        .said(&format!("app.yaml:6: spec.containers[0].image: {good} is not pinned (verified as {digest})"));
    assert_eq!(world.read("app.yaml"), pod(&[&good]));
    // A digest alone is not enough.
    let other = Artifact::image("bad").digest();
    world.place.put("pinned.yaml", pod(&[&format!("{bad}@{other}")]));
    world.pin("--check pinned.yaml").failed("no signatures found");
    let json = world.pin("--check --output json app.yaml");
    assert_eq!((json.code, &json.json()["images"][0]["pinned"]), (1, &false.into()));
}

#[test]
fn diff_shows_what_would_change_and_writes_nothing() {
    let world = World::new();
    let (image, digest) = world.signed("app");
    world.place.put("app.yaml", pod(&[&image]));
    let run = world.pin("--diff app.yaml").succeeded();
    let expected = format!(
        "--- a/app.yaml\n+++ b/app.yaml\n@@ -3,4 +3,4 @@\n metadata: {{name: p}}\n spec:\n   containers:\n-  - image: \
         {image}  # here\n+  - image: {image}@{digest}  # here\n"
    );
    assert_eq!(run.out, expected);
    assert_eq!(world.read("app.yaml"), pod(&[&image]));
    assert_eq!(world.pin("--diff --check app.yaml").code, 1);
}

#[test]
fn standard_input_goes_to_standard_output_or_nowhere() {
    let world = World::new();
    let ((good, digest), bad) = (world.signed("good"), world.unsigned("bad"));
    let line = format!("manifest pin {WITH_KEY} -");
    let run = world.place.run_with_input(&line, pod(&[&good]).replace('\n', "\r\n").as_bytes()).succeeded();
    assert_eq!(run.out, pod(&[&format!("{good}@{digest}")]).replace('\n', "\r\n"));
    let already = pod(&[&format!("{good}@{digest}")]);
    assert_eq!(world.place.run_with_input(&line, already.as_bytes()).succeeded().out, already);
    world.place.run_with_input(&line, pod(&[&good, &bad]).as_bytes()).failed("no signatures found");
    world.place.run_with_input(&format!("{line} --output json"), b"").failed("both be written");
    world.place.run_with_input(&format!("{line} -"), b"").failed("only once");
}

#[test]
fn nothing_at_all_is_no_success() {
    let world = World::new();
    for input in ["", "\n# only a comment\n---\n", "foo: bar\n"] {
        let line = format!("manifest verify {WITH_KEY} -");
        world.place.run_with_input(&line, input.as_bytes()).failed("no Kubernetes object found in standard input");
    }
    std::fs::create_dir(world.place.path("work/empty")).unwrap();
    world.verify("empty").failed("no Kubernetes object found in empty");
    world.verify("missing.yaml").said("missing.yaml: no such file or directory");
}

#[test]
fn an_attestation_is_no_signature_to_pin_by_unless_it_is_asked_for() {
    let world = World::new();
    let (image, digest) = world.attested("app");
    world.place.put("app.yaml", pod(&[&image]));
    world.verify("app.yaml").succeeded();
    world.verify("--require-signature app.yaml").said("image signature");
    assert_eq!(world.pin("app.yaml").code, 1);
    assert_eq!(world.read("app.yaml"), pod(&[&image]));
    world.pin("--require-attestation https://example.com/built/v1 app.yaml").succeeded();
    assert_eq!(world.read("app.yaml"), pod(&[&format!("{image}@{digest}")]));
}

#[test]
fn a_signature_that_names_another_repository_warns_or_is_refused() {
    let world = World::new();
    let (image, digest) = world.signed_as("copy", "registry.example/original");
    world.place.put("app.yaml", pod(&[&image]));
    let warning = format!("WARNING: {image}: its signature names another repository: registry.example/original");
    world.verify("app.yaml").succeeded().said(&warning);
    let run = world.verify("--require-reference --output json app.yaml");
    assert_eq!(run.json()["images"][0]["error"]["code"], "image-reference-differs", "{run:?}");
    world.pin("--require-reference app.yaml").failed("no signature names the repository");
    assert_eq!(world.read("app.yaml"), pod(&[&image]));
    world.pin("app.yaml").succeeded().said(&warning);
    assert_eq!(world.read("app.yaml"), pod(&[&format!("{image}@{digest}")]));
    let (own, _) = world.signed("own");
    world.place.put("own.yaml", pod(&[&own]));
    world.pin("--require-reference own.yaml").succeeded().did_not_say("another repository");
}

/// CVE-2022-47633: what is written is the digest that was verified, whatever the tag means a moment later.
#[test]
fn an_image_that_moves_between_verification_and_writing_is_written_as_verified() {
    let world = World::new();
    let (image, digest) = world.signed("app");
    world.registry.fault(moved_tag("app", "v1", &Artifact::image("evil")));
    world.place.put("app.yaml", pod(&[&image, &image]));
    world.pin("app.yaml").succeeded();
    let pinned = format!("{image}@{digest}");
    assert_eq!(world.read("app.yaml"), pod(&[&pinned, &pinned]));
    world.place.put("later.yaml", pod(&[&image]));
    assert_eq!(world.pin("later.yaml").code, 1, "the tag has moved");
}

#[test]
fn a_file_that_changes_while_its_images_are_verified_is_not_written() {
    let place = Place::new();
    let path = place.path("work/app.yaml");
    place.put("app.yaml", pod(&["org/app:1"]));
    let survey = survey::survey(&[ManifestInput::Path(path.clone())], &[]).unwrap();
    let staged = write::stage(&survey.manifests[0], "new").unwrap();
    place.put("app.yaml", pod(&["org/app:2"]));
    let changed =
        |failure: Failure| matches!(failure, Failure::Manifest(e) if matches!(*e, ManifestError::Changed { .. }));
    assert!(changed(staged.commit().unwrap_err()));
    assert!(changed(write::stage(&survey.manifests[0], "new").unwrap_err()));
    assert_eq!((std::fs::read_to_string(path).unwrap(), place.files().len()), (pod(&["org/app:2"]), 1));
}

#[test]
fn a_read_only_file_is_not_replaced() {
    let world = World::new();
    let (image, digest) = world.signed("app");
    world.place.put("locked.yaml", pod(&[&image]));
    world.place.put("open.yaml", pod(&[&image]));
    let path = world.place.path("work/locked.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    world.pin("locked.yaml open.yaml").failed("locked.yaml: the file is read-only");
    assert_eq!(world.read("locked.yaml"), pod(&[&image]));
    assert_eq!(world.read("open.yaml"), pod(&[&format!("{image}@{digest}")]));
}

#[test]
fn links_in_folders_neither_loop_nor_lead_out() {
    let world = World::new();
    let (image, digest) = world.signed("app");
    let (inside, outside) = (world.place.path("work/tree/deep"), world.place.path("work/outside"));
    std::fs::create_dir_all(&inside).unwrap();
    std::fs::create_dir(&outside).unwrap();
    world.place.put("tree/deep/app.yml", pod(&[&image]));
    world.place.put("outside/other.yaml", pod(&[&image]));
    symlink("..", inside.join("loop")).unwrap();
    symlink("../../outside", inside.join("folder")).unwrap();
    symlink("../../outside/other.yaml", inside.join("other.yaml")).unwrap();
    symlink("app.yml", inside.join("twin.yaml")).unwrap();
    let run = world.pin("tree").succeeded().said("folder: a link out of the folder").said("other.yaml: a link out of");
    assert!(run.err.contains("1 of 1 images verified"), "{run:?}");
    assert_eq!(world.read("tree/deep/app.yml"), pod(&[&format!("{image}@{digest}")]));
    assert_eq!(world.read("outside/other.yaml"), pod(&[&image]));
    assert!(inside.join("twin.yaml").is_symlink());
    symlink("self.yaml", inside.join("self.yaml")).unwrap();
    assert_eq!(world.pin("tree").code, 1, "a link to itself cannot be read");
    // Named itself, a link is followed, and stays a link.
    symlink("outside/other.yaml", world.place.path("work/link.yaml")).unwrap();
    world.pin("link.yaml").succeeded();
    assert!(world.place.path("work/link.yaml").is_symlink());
    assert_eq!(world.read("outside/other.yaml"), pod(&[&format!("{image}@{digest}")]));
}

#[test]
fn one_bad_file_does_not_hide_the_others() {
    let world = World::new();
    let (image, _) = world.signed("app");
    world.place.put("a.yaml", "a: [\n");
    world.place.put("b.yaml", pod(&[&image]));
    world.place.put("c.yaml", b"\xff\xfe".as_slice());
    let run = world.verify("a.yaml b.yaml c.yaml");
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.out.contains("1 of 1 images verified"), "{run:?}");
    run.said("a.yaml:").said("c.yaml: it is not valid UTF-8").said("2 problems were found");
    let run = world.place.run("manifest images a.yaml b.yaml");
    assert_eq!((run.code, run.out.contains(&image)), (1, true), "{run:?}");
}

#[test]
fn names_in_manifests_do_not_steer_the_terminal() {
    let world = World::new();
    let text = pod(&["org/app:1"]).replace("name: p", "name: \"a\\e[31mb\\u202Ec\"");
    world.place.put("app.yaml", text);
    let run = world.place.run("manifest images app.yaml").succeeded();
    assert!(!run.out.contains('\u{1b}') && !run.out.contains('\u{202e}'), "{run:?}");
    assert_eq!(world.place.run("manifest images --output json app.yaml").json()["images"][0]["document"], 1);
}

#[test]
fn a_file_over_the_limit_is_refused_before_it_is_read_whole() {
    let world = World::new();
    let path = world.place.path("work/large.yaml");
    std::fs::File::create(&path).unwrap().set_len(8 << 30).unwrap();
    world.place.run_bounded("manifest images large.yaml").said("large.yaml: more than 16777216 bytes in one file");
}
