//! One folder with everything: trust, keys, signed files in every format, a TUF mirror, a release, Rekor's answers, a
//! registry of images.

use serde_json::{Value, json};

use crate::ca::{GITHUB, IDENTITY, ISSUER, KREL_STAGING, KREL_TRUST, Leaf, WORKFLOW};
use crate::dsse::Statement;
use crate::files::Files;
use crate::image::Artifact;
use crate::image_evidence::{EvidenceLayer, PROMOTION_PREDICATE, SIGN_PREDICATE, SimpleSigning, referrer};
use crate::keys::{Hash, Key, KeyKind};
use crate::rekor::Entry;
use crate::release::{Release, ReleaseSpec};
use crate::repository::Repository;
use crate::sigstore::{How, Signed, Sigstore};
use crate::text::b64;
use crate::tuf::TufRepo;

/// Where the TUF mirror lies in the folder.
pub const TUF: &str = "tuf";
/// Where the release server's root lies in the folder.
pub const DL: &str = "dl";
/// Where the registry's repositories lie in the folder.
pub const REGISTRY: &str = "registry";
/// Rekor's answers: an array of `{uuid: entry}`.
pub const REKOR_ENTRIES: &str = "rekor-entries.json";

/// A world, before it is written.
#[derive(Debug, Clone)]
pub struct World {
    /// Who signs.
    pub sigstore: Sigstore,
    /// The release.
    pub release: Release,
    /// The TUF repository.
    pub tuf: TufRepo,
    /// The registry's repository `app`. The others are the release's images.
    pub images: Repository,
    /// All files by path.
    pub files: Files,
    index: Vec<String>,
}

const BLOB: &[u8] = b"The quick brown fox jumps over the lazy dog.\n";

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Mints a world.
    pub fn new() -> Self {
        let sigstore = Sigstore::new();
        let release = Release::new(&sigstore, &ReleaseSpec::default());
        let tuf = TufRepo::new(&sigstore.trusted_root().to_json());
        let mut world =
            Self { sigstore, release, tuf, images: Repository::default(), files: Files::new(), index: Vec::new() };
        world.add_trust();
        world.add_blob();
        world.add_attestations();
        world.add_managed_keys();
        world.add_release();
        world.add_images();
        let entries: Vec<Value> = world.sigstore.rekor.entries().iter().map(Entry::to_api_map).collect();
        world.put(REKOR_ENTRIES, Value::from(entries).to_string());
        let index = world.index.join("\n");
        world.put("INDEX.txt", format!("{HEADER}{index}\n"));
        world
    }

    fn add_trust(&mut self) {
        let s = self.sigstore.clone();
        self.put("trusted_root.json", s.trusted_root().to_json());
        self.put("keys/fulcio.pem", s.root_pem());
        self.put("keys/rekor.pub", s.rekor_pem());
        self.put("keys/ct.pub", s.ct_pem());
        self.put("keys/tsa.pem", s.tsa_pem());
        self.put("keys/rekor2.pub", s.rekor2.key.public_pem());
        let env = "export SIGSTORE_ROOT_FILE=keys/fulcio.pem SIGSTORE_REKOR_PUBLIC_KEY=keys/rekor.pub \
                   SIGSTORE_CT_LOG_PUBLIC_KEY_FILE=keys/ct.pub SIGSTORE_TSA_CERTIFICATE_FILE=keys/tsa.pem\n";
        self.put("env.sh", env);
        self.put("tuf-root.json", self.tuf.initial_root());
        for (path, bytes) in self.tuf.files.clone() {
            self.put(&format!("{TUF}/{path}"), bytes);
        }
        self.say("# Trust: trusted_root.json; or . ./env.sh; or cosign initialize --mirror $TUF --root tuf-root.json");
    }

    fn add_blob(&mut self) {
        self.put("blob.txt", BLOB);
        self.put("tampered.txt", b"The quick brown fox jumps over the lazy cat.\n".as_slice());
        let signed = self.sigstore.sign_blob(BLOB, Leaf::default());
        self.say(
            "\n# Blob by jane@example.com. tampered.txt in place of blob.txt must fail, as must another identity.",
        );
        let who = identity(IDENTITY, ISSUER);
        for (name, bundle) in [
            ("v01", signed.bundle_v01()),
            ("v02", signed.bundle_v02()),
            ("v03", signed.bundle_v03()),
            ("v03-old", signed.bundle_v03_old()),
            ("rekor2", signed.bundle_v03_rekor2()),
            ("tsa", signed.bundle_v03_tsa()),
        ] {
            let path = format!("blob.{name}.sigstore.json");
            self.put(&path, bundle.to_json());
            self.say(&format!("verify-blob --bundle {path} --trusted-root trusted_root.json {who} blob.txt"));
        }
        self.put("blob.tsa-only.sigstore.json", signed.bundle_v03_tsa_only().to_json());
        self.say(&format!(
            "verify-blob --bundle blob.tsa-only.sigstore.json --trusted-root trusted_root.json --insecure-ignore-tlog \
             --use-signed-timestamps {who} blob.txt"
        ));
        self.add_legacy("blob.txt", &signed, &who);
        let signed = self.sigstore.sign_blob(BLOB, Leaf::workflow());
        let who = identity(WORKFLOW, GITHUB);
        self.put("blob.workflow.sigstore.json", signed.bundle_v03().to_json());
        self.say(&format!(
            "verify-blob --bundle blob.workflow.sigstore.json --trusted-root trusted_root.json {who} \
             --certificate-github-workflow-repository example/project blob.txt"
        ));
    }

    fn add_legacy(&mut self, name: &str, signed: &Signed, who: &str) {
        self.put(&format!("{name}.legacy.bundle"), signed.legacy_bundle().to_json());
        self.say(&format!(". ./env.sh; verify-blob --bundle {name}.legacy.bundle --offline {who} {name}"));
        self.put(&format!("{name}.sig"), signed.sig());
        self.put(&format!("{name}.cert"), signed.cert_b64());
        self.put(&format!("{name}.tsr"), signed.timestamp.clone());
        self.put(&format!("{name}.rfc3161.json"), signed.rfc3161_json());
        self.say(&format!(
            ". ./env.sh; verify-blob --signature {name}.sig --certificate {name}.cert --rekor-url $REKOR {who} {name}"
        ));
        self.say(&format!(
            ". ./env.sh; verify-blob --signature {name}.sig --certificate {name}.cert --rfc3161-timestamp {name}.rfc3161.json \
             --use-signed-timestamps --insecure-ignore-tlog {who} {name}"
        ));
        let sct = self.sigstore.detached_sct(signed.cert.as_ref().expect("keyless"), signed.time);
        self.put(&format!("{name}.sct.json"), sct.to_json().to_string());
    }

    fn add_attestations(&mut self) {
        let who = identity(IDENTITY, ISSUER);
        let statement = Statement::slsa("blob.txt", BLOB);
        let signed = self.sigstore.attest(BLOB, &statement, Leaf::default());
        self.say("\n# Attestations about blob.txt.");
        for (name, bundle) in [("v03", signed.bundle_v03()), ("rekor2", signed.bundle_v03_rekor2())] {
            let path = format!("blob.att.{name}.sigstore.json");
            self.put(&path, bundle.to_json());
            self.say(&format!(
                "verify-blob-attestation --bundle {path} --type slsaprovenance1 --trusted-root trusted_root.json {who} \
                 blob.txt"
            ));
        }
        self.put("blob.att", signed.att());
        self.put("blob.att.cert", signed.cert_b64());
        self.say(&format!(
            ". ./env.sh; verify-blob-attestation --signature blob.att --certificate blob.att.cert --type \
             slsaprovenance1 --rekor-url $REKOR {who} blob.txt"
        ));
    }

    fn add_managed_keys(&mut self) {
        self.say("\n# Managed keys. P-384 and P-521 over SHA-256 too, as cosign's --key means. cosign 3.1.1 does not know ML-DSA.");
        for (name, kind) in [
            ("p256", KeyKind::P256),
            ("p384", KeyKind::P384),
            ("p521", KeyKind::P521),
            ("rsa2048", KeyKind::Rsa2048),
            ("ed25519", KeyKind::Ed25519),
            ("mldsa65", KeyKind::MlDsa65),
        ] {
            let key = Key::new(kind);
            let how = How { hash: Some(Hash::Sha256), ..How::default() };
            let signed = self.sigstore.sign_blob_with_key_as(BLOB, &key, &how);
            self.put(&format!("keys/{name}.pub"), key.public_pem());
            self.put(&format!("blob.{name}.sig"), b64(&signed.signature));
            self.say(&format!(
                "verify-blob --key keys/{name}.pub --signature blob.{name}.sig --insecure-ignore-tlog blob.txt"
            ));
            // Neither Rekor takes a pure Ed25519 signature over a digest, nor does v1 know ML-DSA.
            if matches!(kind, KeyKind::Ed25519 | KeyKind::MlDsa65) {
                continue;
            }
            let path = format!("blob.{name}.sigstore.json");
            self.put(&path, signed.bundle_v03().to_json());
            self.say(&format!(
                "verify-blob --key keys/{name}.pub --bundle {path} --trusted-root trusted_root.json blob.txt"
            ));
            self.put(&format!("blob.{name}.legacy.bundle"), signed.legacy_bundle().to_json());
            self.say(&format!(
                ". ./env.sh; verify-blob --key keys/{name}.pub --bundle blob.{name}.legacy.bundle --offline blob.txt"
            ));
        }
    }

    fn add_release(&mut self) {
        for (path, bytes) in self.release.files.clone() {
            self.put(&format!("{DL}/{path}"), bytes);
        }
        self.say("\n# A Kubernetes release below dl/, as dl.k8s.io has it: every signed file with .sig and .cert.");
        let who = identity(KREL_STAGING, ISSUER);
        let kubectl = format!("{DL}/{}", self.release.path("bin/linux/amd64/kubectl"));
        self.say(&format!(
            ". ./env.sh; verify-blob --signature {kubectl}.sig --certificate {kubectl}.cert --rekor-url $REKOR {who} \
             {kubectl}"
        ));
        for image in &self.release.images {
            let (name, mut repository) = (image.name(), Repository::default());
            repository.push_tag(&self.release.spec.version, &image.artifact);
            repository.sign(&image.artifact, &self.sigstore.kubernetes_signatures(&name, &image.artifact));
            self.files.extend(repository.to_files(&format!("{REGISTRY}/{name}")));
        }
        let krel = identity(KREL_TRUST, ISSUER);
        let proxy = format!("kube-proxy-amd64:{}", self.release.spec.version);
        self.say(&format!("verify --trusted-root trusted_root.json {krel} $REGISTRY/{proxy} # exit 0"));
    }

    fn add_images(&mut self) {
        self.say("\n# Images. Each line names the exit code that it must end in.");
        let key = Key::default();
        self.put("keys/image.pub", key.public_pem());
        let images = SignedImages::mint(&self.sigstore, &key, &mut self.images);
        let with_key = "--key keys/image.pub --insecure-ignore-tlog";
        let jane = format!("--trusted-root trusted_root.json {}", identity(IDENTITY, ISSUER));
        let eve = format!("--trusted-root trusted_root.json {}", identity("eve@example.com", ISSUER));
        let krel = format!("--trusted-root trusted_root.json {}", identity(KREL_TRUST, ISSUER));
        for (code, line) in [
            (0, format!("verify {jane} $REGISTRY/app:keyless")),
            (0, format!("verify {jane} -a env=prod $REGISTRY/app@{}", images.keyless)),
            (12, format!("verify {jane} -a env=test $REGISTRY/app:keyless")),
            (12, format!("verify {eve} $REGISTRY/app:keyless")),
            (0, format!("verify {with_key} $REGISTRY/app:key")),
            (12, format!("verify {with_key} $REGISTRY/app:keyless")),
            (0, format!("verify {jane} $REGISTRY/app:index")),
            (10, format!("verify {jane} $REGISTRY/app@{}", images.platform)),
            (0, format!("verify {krel} $REGISTRY/app:kubernetes")),
            (0, format!("verify {jane} $REGISTRY/app:bundle")),
            (1, format!("verify {eve} $REGISTRY/app:bundle")),
            (0, format!("verify {jane} $REGISTRY/app:both")),
            (0, format!("verify-attestation --type {PROMOTION_PREDICATE} {krel} $REGISTRY/app:promoted")),
            (1, format!("verify-attestation --type slsaprovenance1 {krel} $REGISTRY/app:promoted")),
            (0, format!("verify-attestation --type slsaprovenance1 {jane} $REGISTRY/app:attested")),
            (1, format!("verify-attestation --type spdx {jane} $REGISTRY/app:attested")),
            (10, format!("verify {jane} $REGISTRY/app:attested")),
            (10, format!("verify {jane} $REGISTRY/app:unsigned")),
            (12, format!("verify {jane} $REGISTRY/app:foreign")),
            (11, format!("verify {jane} $REGISTRY/app:absent")),
        ] {
            self.say(&format!("{line} # exit {code}"));
        }
        self.files.extend(self.images.to_files(&format!("{REGISTRY}/app")));
    }

    fn put(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.to_owned(), bytes.into());
    }

    fn say(&mut self, line: &str) {
        self.index.push(line.to_owned());
    }
}

/// Digests of images that have no tag, or are asked for by digest.
struct SignedImages {
    keyless: String,
    platform: String,
}

impl SignedImages {
    /// One image for each kind of evidence, with the kind's name as its tag.
    fn mint(s: &Sigstore, key: &Key, to: &mut Repository) -> Self {
        let name = "registry.test/app";
        let legacy = |image: &Artifact| EvidenceLayer::of(&s.sign_image(name, image, Leaf::default()));
        let bundle = |image: &Artifact| s.sign_image_v3(image, Leaf::default()).bundle_v03_rekor2();
        let mut push = |tag: &str| {
            let image = if tag == "index" { Artifact::multi_platform(tag) } else { Artifact::image(tag) };
            to.push_tag(tag, &image);
            image
        };
        let [keyless, by_key, index, kubernetes, bundled, both] =
            ["keyless", "key", "index", "kubernetes", "bundle", "both"].map(&mut push);
        let [promoted, attested, unsigned, foreign] = ["promoted", "attested", "unsigned", "foreign"].map(push);

        let payload = SimpleSigning::new(name, &keyless).annotate("env", "prod");
        to.sign(&keyless, &[EvidenceLayer::of(&s.sign_blob(&payload.to_json(), Leaf::default()))]);
        to.sign(&by_key, &[EvidenceLayer::unlogged(&s.sign_image_with_key(name, &by_key, key))]);
        to.sign(&index, &[legacy(&index)]);
        to.sign(&kubernetes, &s.kubernetes_signatures("kubernetes", &kubernetes));
        to.push(&referrer(&bundled, &bundle(&bundled), SIGN_PREDICATE));
        to.sign(&both, &[legacy(&both)]);
        to.push(&referrer(&both, &bundle(&both), SIGN_PREDICATE));
        to.push(&s.promotion("promoted", &promoted));
        let provenance =
            ("https://slsa.dev/provenance/v1", json!({"runDetails": {"builder": {"id": "https://ci.test"}}}));
        to.attest(&attested, &[EvidenceLayer::of(&s.attest_image(name, &attested, provenance, Leaf::default()))]);
        to.sign(&foreign, &[legacy(&unsigned)]);
        Self { keyless: keyless.digest(), platform: index.platforms[0].digest() }
    }
}

const HEADER: &str = "\
Minted by `sigward-testkit world`: nothing here is trusted by anybody.
Each line is the rest of a command line, to be run in this folder by sigward or cosign; it must end in \"Verified OK\".
$REKOR, $TUF, $RELEASE and $REGISTRY are the addresses that `sigward-testkit serve` prints.
All was signed at 2026-11-01T12:00:00Z.

";

fn identity(san: &str, issuer: &str) -> String {
    format!("--certificate-identity {san} --certificate-oidc-issuer {issuer}")
}
