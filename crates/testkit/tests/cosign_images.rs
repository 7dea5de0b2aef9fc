//! What the real cosign says of minted images; without it the tests say so and pass.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a panic is a failed test")]

mod parts;

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use sigward_testkit::ca::KREL_TRUST;
use sigward_testkit::files::write_tree;
use sigward_testkit::image_evidence::{
    PROMOTION_PREDICATE, SIGN_PREDICATE, annotation, evidence, referrer, referrer_of_bytes,
};
use sigward_testkit::registry::{Auth, Blobs, Pages, Realm, ReferrersApi, Settings, Tokens};
use sigward_testkit::{
    Archeio, Artifact, EvidenceLayer, IDENTITY, ISSUER, Key, Leaf, OciRegistry, Saved, Signed, Sigstore, SimpleSigning,
    image_damage,
};

const NAME: &str = "registry.test/app";
const SLSA: &str = "https://slsa.dev/provenance/v1";

/// A folder to call cosign in; it goes with the test.
struct Cosign {
    binary: PathBuf,
    folder: PathBuf,
    env: Vec<(&'static str, &'static str)>,
    s: Sigstore,
    key: Key,
}

struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Cosign {
    fn find(name: &str) -> Option<Self> {
        Some(Self::new(parts::cosign_3()?, name))
    }

    fn new(binary: PathBuf, name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("sigward-testkit-images-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let cosign = Self { binary, folder, env: Vec::new(), s: Sigstore::new(), key: Key::default() };
        cosign.put("trusted_root.json", &cosign.s.trusted_root().to_json());
        cosign.put("key.pub", &cosign.key.public_pem());
        cosign
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }

    fn run(&self, args: &str) -> Run {
        let output = Command::new(&self.binary)
            .args(args.split_whitespace())
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env("DOCKER_CONFIG", &self.folder)
            .env("COSIGN_PASSWORD", "")
            .envs(self.env.iter().copied())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Run { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Runs, compares the exit code, gives the standard output.
    #[track_caller]
    fn expect(&self, code: i32, args: &str) -> String {
        let run = self.run(args);
        assert_eq!(run.code, code, "{args}\n{}{}", run.out, run.err);
        println!("{code} {args}: {}", run.err.lines().last().unwrap_or_default());
        run.out
    }

    fn keyless(&self, image: &Artifact) -> Signed {
        self.s.sign_image(NAME, image, Leaf::default())
    }

    fn provenance(&self, image: &Artifact) -> Signed {
        let predicate = json!({"buildDefinition": {"buildType": "https://example.com/build/v1"}});
        self.s.attest_image(NAME, image, (SLSA, predicate), Leaf::default())
    }
}

impl Drop for Cosign {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn who(identity: &str) -> String {
    format!("--trusted-root trusted_root.json --certificate-identity {identity} --certificate-oidc-issuer {ISSUER}")
}

fn verify() -> String {
    format!("verify {}", who(IDENTITY))
}

fn verify_attestation(predicate_type: &str) -> String {
    format!("verify-attestation --type {predicate_type} {}", who(IDENTITY))
}

const WITH_KEY: &str = "verify --key key.pub --insecure-ignore-tlog";

#[test]
fn cosign_accepts_legacy_signatures() {
    let Some(cosign) = Cosign::find("legacy") else { return };
    let registry = OciRegistry::start();
    for (tag, image) in [
        ("oci", Artifact::image("a")),
        ("docker", Artifact::docker_image("a")),
        ("index", Artifact::multi_platform("a")),
        ("list", Artifact::docker_list(vec![("linux", "amd64", Artifact::docker_image("b"))])),
    ] {
        registry.push("app", tag, &image);
        registry.sign("app", &image, &[EvidenceLayer::of(&cosign.keyless(&image))]);
        let out = cosign.expect(0, &format!("{} {}:{tag}", verify(), registry.name("app")));
        assert!(out.contains(&image.digest()) && out.contains("\"SignedEntryTimestamp\""), "{out}");
        let key = cosign.s.sign_image_with_key(NAME, &image, &cosign.key);
        registry.sign("app", &image, &[EvidenceLayer::of(&cosign.keyless(&image)), EvidenceLayer::unlogged(&key)]);
        cosign.expect(0, &format!("{WITH_KEY} {}:{tag}", registry.name("app")));
    }
    let image = Artifact::image("annotated");
    let payload = SimpleSigning::new(NAME, &image).annotate("env", "prod");
    let signed = cosign.s.sign_blob(&payload.to_json(), Leaf::default());
    registry.push("app", "annotated", &image);
    registry.sign("app", &image, &[EvidenceLayer::stamped(&signed)]);
    let name = registry.name("app");
    cosign.expect(0, &format!("{} -a env=prod {name}:annotated", verify()));
    cosign.expect(0, &format!("{} --use-signed-timestamps {name}:annotated", verify()));
    cosign.expect(12, &format!("{} -a env=test {name}:annotated", verify()));
}

#[test]
fn cosign_says_which_thing_is_missing() {
    let Some(cosign) = Cosign::find("missing") else { return };
    let registry = OciRegistry::start();
    let image = Artifact::image("a");
    registry.push("app", "v1", &image);
    let name = registry.name("app");
    cosign.expect(10, &format!("{} {name}:v1", verify()));
    cosign.expect(11, &format!("{} {name}:v2", verify()));
    registry.sign("app", &image, &[EvidenceLayer::of(&cosign.keyless(&image))]);
    cosign.expect(12, &format!("verify {} {name}:v1", who("eve@example.com")));
    cosign.expect(12, &format!("{WITH_KEY} {name}:v1"));
}

#[test]
fn cosign_rejects_damaged_legacy_signatures() {
    let Some(cosign) = Cosign::find("damage") else { return };
    let registry = OciRegistry::start();
    let (image, other) = (Artifact::image("a"), Artifact::image("b"));
    registry.push("app", "v1", &image);
    let (right, foreign) = (cosign.keyless(&image), cosign.keyless(&other));
    let layer = EvidenceLayer::of(&right);
    let line = format!("{} {}:v1", verify(), registry.name("app"));
    let for_other = EvidenceLayer::of(&foreign);
    for layers in [
        vec![for_other.clone()],
        vec![image_damage::other_payload(&layer, &SimpleSigning::new(NAME, &other).to_json())],
        vec![for_other.clone().with(annotation::SIGNATURE, &right.sig())],
        vec![layer.clone().with(annotation::BUNDLE, &foreign.entry.to_legacy().to_string())],
        vec![layer.clone().with(annotation::CERTIFICATE, &foreign.cert_pem())],
        vec![EvidenceLayer::unlogged(&right).with(annotation::BUNDLE, "{}")],
    ] {
        registry.sign("app", &image, &layers);
        cosign.expect(12, &line);
    }
    registry.sign("app", &image, &[image_damage::unsigned_layer(&layer)]);
    let missing = cosign.run(&line);
    assert!(missing.code == 12 && missing.err.contains("is missing"), "{}", missing.err);
    // Any right one among wrong ones is enough.
    registry.sign("app", &image, &[for_other, layer.clone()]);
    cosign.expect(0, &line);
    registry.sign("app", &image, &image_damage::many_layers(&layer, 1001));
    cosign.expect(1, &line);
    let mut big = evidence(&[layer]);
    image_damage::declared_size(&mut big, 0, 1 << 30);
    registry.repository("app", |repository| repository.push_tag(&image.attachment_tag("sig"), &big));
    cosign.expect(12, &line);
}

#[test]
fn cosign_accepts_bundles_as_referrers() {
    let Some(cosign) = Cosign::find("referrers") else { return };
    let registry = OciRegistry::start();
    let image = Artifact::image("a");
    registry.push("app", "v1", &image);
    let name = registry.name("app");
    let signed = cosign.s.sign_image_v3(&image, Leaf::default());
    let by_key = cosign.s.sign_image_v3_with_key(&image, &cosign.key);
    registry.refer("app", &referrer(&image, &signed.bundle_v03_rekor2(), SIGN_PREDICATE));
    registry.refer("app", &referrer(&image, &by_key.bundle_v03(), SIGN_PREDICATE));
    registry.refer("app", &referrer(&image, &cosign.provenance(&image).bundle_v03(), SLSA));
    let with_key = format!("verify --key key.pub --trusted-root trusted_root.json {name}:v1");
    let all = |code| {
        let out = cosign.expect(code, &format!("{} {name}:v1", verify()));
        assert!(out.is_empty() || out.contains(SIGN_PREDICATE), "{out}");
        cosign.expect(code, &with_key);
        cosign.expect(code, &format!("{} {name}:v1", verify_attestation(SLSA)));
    };
    all(0);
    cosign.expect(1, &format!("verify {} {name}:v1", who("eve@example.com")));
    cosign.expect(1, &format!("{} {name}:v1", verify_attestation("https://spdx.dev/Document")));
    let tree = cosign.expect(0, &format!("tree {name}:v1"));
    assert!(tree.contains(SIGN_PREDICATE) && tree.contains(SLSA), "{tree}");
    registry.set(|settings| settings.referrers = ReferrersApi::Status(404));
    cosign.expect(10, &format!("{} {name}:v1", verify()));
    registry.repository("app", |repository| repository.write_fallback_tag(&image));
    all(0);
    for lacking in [ReferrersApi::Status(400), ReferrersApi::Status(406), ReferrersApi::Html] {
        registry.set(|settings| settings.referrers = lacking);
        all(0);
    }
}

#[test]
fn cosign_rejects_damaged_referrers() {
    let Some(cosign) = Cosign::find("bad-referrers") else { return };
    let (image, other) = (Artifact::image("a"), Artifact::image("b"));
    let right = cosign.s.sign_image_v3(&image, Leaf::default()).bundle_v03();
    let for_other = cosign.s.sign_image_v3(&other, Leaf::default()).bundle_v03();
    let moved = image_damage::other_subject(&referrer(&other, &for_other, SIGN_PREDICATE), &image);
    let message = cosign.keyless(&image).bundle_v03();
    let mut foreign = right.clone();
    foreign.entries.clone_from(&for_other.entries);
    for (code, wrong) in [
        (1, moved),
        (1, referrer(&image, &message, SIGN_PREDICATE)),
        (1, referrer(&image, &foreign, SIGN_PREDICATE)),
        (10, referrer_of_bytes(image.descriptor(), b"{}".to_vec(), SIGN_PREDICATE)),
    ] {
        let registry = OciRegistry::start();
        registry.push("app", "v1", &image);
        registry.refer("app", &wrong);
        cosign.expect(code, &format!("{} {}:v1", verify(), registry.name("app")));
    }
}

#[test]
fn cosign_accepts_legacy_attestations() {
    let Some(cosign) = Cosign::find("attestations") else { return };
    let registry = OciRegistry::start();
    let (image, other) = (Artifact::image("a"), Artifact::image("b"));
    registry.push("app", "v1", &image);
    let name = registry.name("app");
    let vuln = cosign.s.attest_image(NAME, &image, ("https://example.com/vuln", json!({})), Leaf::default());
    registry.attest("app", &image, &[EvidenceLayer::of(&vuln), EvidenceLayer::of(&cosign.provenance(&image))]);
    let out = cosign.expect(0, &format!("{} {name}:v1", verify_attestation(SLSA)));
    assert_eq!(out.lines().count(), 1, "{out}");
    cosign.expect(1, &format!("{} {name}:v1", verify_attestation("https://spdx.dev/Document")));
    let tree = cosign.expect(0, &format!("tree {name}:v1"));
    assert!(tree.contains(&image.attachment_tag("att")), "{tree}");
    registry.attest("app", &image, &[EvidenceLayer::of(&cosign.provenance(&other))]);
    cosign.expect(1, &format!("{} {name}:v1", verify_attestation(SLSA)));
    let by_key = cosign.s.attest_image_with_key(NAME, &image, (SLSA, json!({})), &cosign.key);
    registry.attest("app", &image, &[EvidenceLayer::unlogged(&by_key)]);
    let line = format!("verify-attestation --type {SLSA} --key key.pub --insecure-ignore-tlog {name}:v1");
    cosign.expect(0, &line);
}

#[test]
fn cosign_gets_through_tokens_and_redirects() {
    let Some(cosign) = Cosign::find("tokens") else { return };
    let image = Artifact::image("a");
    let key = cosign.s.sign_image_with_key(NAME, &image, &cosign.key);
    let basic = Auth::Basic { user: "jane".to_owned(), password: "secret".to_owned() };
    let tokens = |realm| Tokens { realm, ..Tokens::for_user("jane", "secret") };
    let identity = Tokens { identity_tokens: vec!["refresh".to_owned()], ..Tokens::for_user("nobody", "") };
    for (auth, login) in [
        (Auth::Anonymous, None),
        (Auth::Bearer(Tokens::default()), None),
        (basic, Some(json!({"username": "jane", "password": "secret"}))),
        (Auth::Bearer(tokens(Realm::Own)), Some(json!({"username": "jane", "password": "secret"}))),
        (Auth::Bearer(tokens(Realm::Other)), Some(json!({"username": "jane", "password": "secret"}))),
        (Auth::Bearer(identity), Some(json!({"identitytoken": "refresh"}))),
    ] {
        let registry = OciRegistry::with(Settings { auth, blobs: Blobs::Stored, ..Settings::default() });
        let digest = registry.push("team/app", "v1", &image);
        registry.sign("team/app", &image, &[EvidenceLayer::unlogged(&key)]);
        cosign.put("config.json", "{}");
        if let Some(login) = login {
            cosign.expect(1, &format!("{WITH_KEY} {digest}"));
            cosign.put("config.json", &json!({"auths": {registry.host(): login}}).to_string());
        }
        registry.clear_counts();
        cosign.expect(0, &format!("{WITH_KEY} {digest}"));
        let counts = registry.counts();
        assert_eq!(counts.stored, counts.blobs, "{counts:?}");
        println!("{counts:?}");
    }
}

#[test]
fn cosign_reads_what_registry_k8s_io_is_like() {
    let Some(cosign) = Cosign::find("k8s") else { return };
    let (front, image) = (Archeio::start(), Artifact::multi_platform("pause"));
    let digest = front.push("pause", "3.10", &image);
    front.sign("pause", &image, &cosign.s.kubernetes_signatures("pause", &image));
    let line = format!("verify {} {digest}", who(KREL_TRUST));
    // The payloads are asked of the regional upstream, which does not have them.
    let lost = cosign.run(&line);
    assert!(lost.code != 0, "{}{}", lost.out, lost.err);
    front.replicate("pause");
    front.clear_counts();
    let out = cosign.expect(0, &line);
    assert!(out.contains("org.kubernetes.kpromo.version"), "{out}");
    println!("{:?}, {} hops", front.counts(), front.hops());
    front.refer("pause", &cosign.s.promotion("pause", &image));
    front.replicate("pause");
    let out = cosign.expect(0, &line);
    assert!(out.contains(PROMOTION_PREDICATE) && !out.contains("kpromo.version"), "{out}");
}

#[test]
fn cosign_reads_saved_images() {
    let Some(cosign) = Cosign::find("saved") else { return };
    let image = Artifact::image("a");
    let (signed, attested) = (cosign.keyless(&image), cosign.provenance(&image));
    let signatures = evidence(&[EvidenceLayer::of(&signed)]);
    let attestations = evidence(&[EvidenceLayer::of(&attested)]);
    let mut saved =
        Saved { image: &image, signatures: Some(&signatures), attestations: Some(&attestations), referrers: &[] };
    write_tree(&cosign.folder.join("legacy"), &saved.to_files()).unwrap();
    cosign.expect(0, &format!("{} --local-image legacy", verify()));
    cosign.expect(0, &format!("{} --local-image legacy", verify_attestation(SLSA)));
    let bundle = cosign.s.sign_image_v3(&image, Leaf::default()).bundle_v03();
    let referrers = [referrer(&image, &bundle, SIGN_PREDICATE)];
    saved.referrers = &referrers;
    (saved.signatures, saved.attestations) = (None, None);
    write_tree(&cosign.folder.join("bundle"), &saved.to_files()).unwrap();
    cosign.expect(0, &format!("{} --local-image bundle", verify()));
}

/// cosign 2.5 takes `--trusted-root` for bundles alone, and the four files of the environment for the rest.
#[test]
fn cosign_2_agrees_on_what_it_knows() {
    let Some(binary) = parts::part("cosign-2") else { return };
    let mut cosign = Cosign::new(binary, "two");
    cosign.put("root.pem", &cosign.s.root_pem());
    cosign.put("rekor.pub", &cosign.s.rekor_pem());
    cosign.put("ct.pub", &cosign.s.ct_pem());
    cosign.env = vec![
        ("SIGSTORE_ROOT_FILE", "root.pem"),
        ("SIGSTORE_REKOR_PUBLIC_KEY", "rekor.pub"),
        ("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", "ct.pub"),
    ];
    let (registry, image, other) = (OciRegistry::start(), Artifact::multi_platform("a"), Artifact::image("b"));
    let digest = registry.push("app", "v1", &image);
    let who = format!("--certificate-identity {IDENTITY} --certificate-oidc-issuer {ISSUER}");
    cosign.expect(10, &format!("verify {who} {digest}"));
    cosign.expect(11, &format!("verify {who} {}:v2", registry.name("app")));
    registry.sign("app", &image, &[EvidenceLayer::of(&cosign.keyless(&other))]);
    cosign.expect(12, &format!("verify {who} {digest}"));
    let by_key = cosign.s.sign_image_with_key(NAME, &image, &cosign.key);
    registry.sign("app", &image, &[EvidenceLayer::of(&cosign.keyless(&image)), EvidenceLayer::unlogged(&by_key)]);
    registry.attest("app", &image, &[EvidenceLayer::of(&cosign.provenance(&image))]);
    cosign.expect(0, &format!("verify {who} {digest}"));
    cosign.expect(0, &format!("{WITH_KEY} {digest}"));
    cosign.expect(0, &format!("verify-attestation --type {SLSA} {who} {digest}"));
    let tree = cosign.expect(0, &format!("tree {digest}"));
    assert!(tree.contains(&image.attachment_tag("sig")) && tree.contains(&image.attachment_tag("att")), "{tree}");
}

#[test]
fn cosign_2_pushes_legacy_signatures() {
    let Some(binary) = parts::part("cosign-2") else { return };
    pushes_legacy_signatures(&Cosign::new(binary, "push-two"), "--tlog-upload=false");
}

#[test]
fn cosign_pushes_legacy_signatures() {
    let Some(cosign) = Cosign::find("push-legacy") else { return };
    pushes_legacy_signatures(&cosign, "--new-bundle-format=false --use-signing-config=false --tlog-upload=false");
}

fn pushes_legacy_signatures(cosign: &Cosign, options: &str) {
    cosign.expect(0, "generate-key-pair");
    cosign.put("predicate.json", "{\"a\": 1}");
    let (registry, image) = (OciRegistry::start(), Artifact::image("a"));
    let digest = registry.push("app", "v1", &image);
    let legacy = format!("--key cosign.key {options} --yes");
    cosign.expect(0, &format!("sign {legacy} {digest}"));
    cosign.expect(0, &format!("attest {legacy} --type {SLSA} --predicate predicate.json {digest}"));
    let key = "--key cosign.pub --insecure-ignore-tlog";
    cosign.expect(0, &format!("verify {key} {digest}"));
    cosign.expect(0, &format!("verify-attestation --type {SLSA} {key} {digest}"));
    // What we write has the form of what cosign writes.
    let signed = cosign.s.sign_image_with_key("x", &image, &cosign.key);
    let attested = cosign.s.attest_image_with_key("x", &image, (SLSA, json!({})), &cosign.key);
    for (suffix, layer) in [("sig", EvidenceLayer::unlogged(&signed)), ("att", EvidenceLayer::unlogged(&attested))] {
        let ours = evidence(&[layer]);
        let (manifest, config) = registry.repository("app", |repository| {
            let (_, _, manifest) = repository.manifest(&image.attachment_tag(suffix)).unwrap();
            let manifest: Value = serde_json::from_slice(manifest).unwrap();
            let config = repository.blobs[manifest["config"]["digest"].as_str().unwrap()].clone();
            (manifest, serde_json::from_slice::<Value>(&config).unwrap())
        });
        assert_eq!(shape(&ours.manifest.to_value()), shape(&manifest));
        assert_eq!(shape(&serde_json::from_slice(&ours.blobs[0]).unwrap()), shape(&config));
    }
}

/// A document without what differs by its content: digests, sizes, signatures.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(name, inner)| (name.clone(), shape(inner))).collect(),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::String(text) if text.starts_with("sha256:") || text.len() > 90 => json!("…"),
        Value::Number(_) => json!(0),
        other => other.clone(),
    }
}

#[test]
fn cosign_pushes_what_it_signs() {
    let Some(cosign) = Cosign::find("push") else { return };
    cosign.expect(0, "generate-key-pair");
    cosign.put("predicate.json", "{\"a\": 1}");
    cosign.put("signing-config.json", r#"{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}"#);
    let push = Tokens::for_user("jane", "secret");
    let registry = OciRegistry::with(Settings { auth: Auth::Bearer(push), ..Settings::default() });
    cosign.put(
        "config.json",
        &json!({"auths": {registry.host(): {"username": "jane", "password": "secret"}}}).to_string(),
    );
    let image = Artifact::multi_platform("a");
    for (tag, api) in [("with", ReferrersApi::Present(Pages::default())), ("without", ReferrersApi::Status(404))] {
        registry.set(|settings| settings.referrers = api);
        let digest = registry.push(tag, "v1", &image);
        cosign.expect(0, &format!("sign --key cosign.key --signing-config signing-config.json --yes {digest}"));
        cosign.expect(
            0,
            &format!(
                "attest --key cosign.key --signing-config signing-config.json --yes --type {SLSA} --predicate \
                 predicate.json {digest}"
            ),
        );
        let key = "--key cosign.pub --insecure-ignore-tlog --trusted-root trusted_root.json";
        cosign.expect(0, &format!("verify {key} {digest}"));
        cosign.expect(0, &format!("verify-attestation --type {SLSA} {key} {digest}"));
        let (referrers, tagged) = registry.repository(tag, |repository| {
            (repository.referrers[&image.digest()].clone(), repository.tags.contains_key(&image.fallback_tag()))
        });
        assert_eq!((referrers.len(), tagged), (2, tag == "without"));
        // What we write has the form of what cosign writes.
        let ours = cosign.s.sign_image_v3(&image, Leaf::default());
        let ours = referrer(&image, &ours.bundle_v03(), SIGN_PREDICATE).manifest.to_value();
        let theirs = registry.repository(tag, |repository| repository.manifests[&referrers[0].digest].1.clone());
        let theirs: Value = serde_json::from_slice(&theirs).unwrap();
        for part in ["artifactType", "config", "subject"] {
            assert_eq!(ours[part], theirs[part], "{part}");
        }
        let names = |value: &Value| value["annotations"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&theirs));
    }
}
