//! Images that real cosigns signed in a real registry, judged by this program and by both cosigns: one table for each kind
//! of evidence. All three must end with the same code; a row where one does not says why.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod parts;
mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use parts::judge::Form::{Bundle, Legacy};
use parts::judge::Judge::{Cosign2, Cosign3, Sigward};
use parts::judge::{Home, Row, SIGNERS, Signer, Stand};
use sigward_testkit::text::{cert_pem, chain_pem};
use sigward_testkit::{Artifact, IDENTITY, ISSUER, Key, KeyKind, Leaf, Sigstore};

/// A key, and neither log nor time.
const ONE: &str = "--key one.pub --insecure-ignore-tlog";
const TWO: &str = "--key two.pub --insecure-ignore-tlog";
const LEAF: &str = "--key leaf.pub --insecure-ignore-tlog";
/// What 2.5 must be told about attestations in bundles; it has nothing of the kind for signatures.
const BUNDLES_FOR_2: &str = "--new-bundle-format --trusted-root trusted_root.json";
const BLIND_2: &str = "2.5 does not look for bundles";

fn verify(flags: &str, image: &str) -> String {
    format!("verify {flags} {image}")
}

fn verify_attestation(flags: &str, image: &str) -> String {
    format!("verify-attestation {flags} {image}")
}

/// Beside Debian's registry, which has no referrers API, and the test kit's, which has.
fn on_both(rows: impl Fn(&Stand) -> Vec<Row>) {
    let wrong: Vec<_> = [Stand::debian(), Stand::kit()]
        .into_iter()
        .flatten()
        .flat_map(|stand| stand.complaints(&rows(&stand)))
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Trust that no row needs, for flags that ask for a file.
fn put_trust(stand: &Stand) {
    stand.place.put("trusted_root.json", Sigstore::new().trusted_root().to_json());
}

#[test]
fn legacy_signatures_with_keys() {
    on_both(legacy);
}

fn legacy(stand: &Stand) -> Vec<Row> {
    put_trust(stand);
    let mut rows = Vec::new();
    for by in SIGNERS {
        let push = |name: &str| stand.push(&format!("{name}-{by:?}").to_lowercase(), &Artifact::image(name));
        let row = |what: &str, line, code| Row::new(format!("legacy, signed by {by:?}: {what}"), line, code);

        let signed = push("signed");
        stand.sign(by, Legacy, "--key one.key", &signed);
        let tag = signed.split('@').next().unwrap();
        rows.extend([
            row("the key", verify(ONE, &signed), 0),
            row("the key, by tag", verify(ONE, &format!("{tag}:v1")), 0),
            row("the key, by tag and digest", verify(ONE, &signed.replace('@', ":v1@")), 0),
            row("the key, as text", verify(&format!("{ONE} -o text"), &signed), 0),
            row("another key", verify(TWO, &signed), 12),
            row("a log is wanted", verify("--key one.pub --offline --trusted-root trusted_root.json", &signed), 12)
                .but(Cosign2, 1, "--trusted-root wants --new-bundle-format there"),
            row("bundles, if there are", verify(&format!("{ONE} --new-bundle-format=true"), &signed), 0),
            row("no bundles", verify(&format!("{ONE} --new-bundle-format=false"), &signed), 0),
            row("an annotation is wanted", verify(&format!("{ONE} -a who=me"), &signed), 12),
            row("claims unchecked", verify(&format!("{ONE} --check-claims=false"), &signed), 0),
            row("no such tag", verify(ONE, &format!("{tag}:v2")), 11),
            row("one worker", verify(&format!("{ONE} --max-workers 1"), &signed), 0),
        ]);

        let twice = push("twice");
        stand.sign(by, Legacy, "--key one.key", &twice);
        stand.sign(by, Legacy, "--key two.key", &twice);
        rows.extend([
            row("two signatures: the first key", verify(ONE, &twice), 0),
            row("two signatures: the second key", verify(TWO, &twice), 0),
        ]);

        let annotated = push("annotated");
        stand.sign(by, Legacy, "--key one.key -a who=me -a build=7", &annotated);
        rows.extend([
            row("annotations: none is asked", verify(ONE, &annotated), 0),
            row("annotations: one", verify(&format!("{ONE} -a who=me"), &annotated), 0),
            row("annotations: both", verify(&format!("{ONE} -a who=me,build=7"), &annotated), 0),
            row("annotations: another value", verify(&format!("{ONE} -a who=you"), &annotated), 12),
            row("annotations: one of two is there", verify(&format!("{ONE} -a who=me -a x=y"), &annotated), 12),
        ]);

        let unsigned = push("unsigned");
        rows.extend([
            row("no signature", verify(ONE, &unsigned), 10),
            row("two images", verify(ONE, &format!("{signed} {twice}")), 0),
            row("two images, the second unsigned", verify(ONE, &format!("{signed} {unsigned}")), 10),
        ]);

        let docker = stand.push(&format!("docker-{by:?}").to_lowercase(), &Artifact::docker_image("docker"));
        stand.must(
            by,
            &format!("sign {} --key one.key {docker}", parts::judge::flags(by, Legacy)),
            &[("COSIGN_DOCKER_MEDIA_TYPES", "1")],
        );
        rows.push(row("Docker's media types", verify(ONE, &docker), 0));
    }
    rows
}

#[test]
fn a_signature_for_another_digest_is_no_signature() {
    let Some(stand) = Stand::debian() else { return };
    let Home::Debian(registry) = &stand.home else { return };
    let mut rows = Vec::new();
    for by in SIGNERS {
        let repository = format!("moved-{by:?}").to_lowercase();
        let signed = registry.push(&repository, "signed", &Artifact::image("signed"));
        let other = registry.push(&repository, "other", &Artifact::image("other"));
        stand.sign(by, Legacy, "--key one.key", &signed);
        let tag_of = |image: &str| format!("{}.sig", image.split('@').nth(1).unwrap().replace(':', "-"));
        let (media_type, manifest) = registry.manifest(&repository, &tag_of(&signed)).unwrap();
        registry.put_manifest(&repository, &tag_of(&other), &media_type, &manifest);
        rows.extend([
            Row::new(format!("signed by {by:?}: the signature of another image"), verify(ONE, &other), 12),
            Row::new(
                format!("signed by {by:?}: the same, claims unchecked"),
                verify(&format!("{ONE} --check-claims=false"), &other),
                0,
            ),
        ]);
    }
    stand.judge(&rows);
}

#[test]
fn bundles_with_keys() {
    on_both(bundles);
}

fn bundles(stand: &Stand) -> Vec<Row> {
    put_trust(stand);
    let push = |name: &str| stand.push(name, &Artifact::image(name));
    let row = |what: &str, line, code| Row::new(format!("bundle: {what}"), line, code);
    let sign = |words: &str, image: &str| stand.sign(Signer::Three, Bundle, words, image);

    let signed = push("signed");
    sign("--key one.key", &signed);
    let twice = push("twice");
    sign("--key one.key", &twice);
    sign("--key two.key", &twice);
    let annotated = push("annotated");
    sign("--key one.key -a who=me -a build=7", &annotated);
    let both = push("both");
    stand.sign(Signer::Three, Legacy, "--key one.key", &both);
    sign("--key one.key", &both);
    let mixed = push("mixed");
    stand.sign(Signer::Three, Legacy, "--key one.key", &mixed);
    sign("--key two.key", &mixed);
    let legacy = push("legacy");
    stand.sign(Signer::Three, Legacy, "--key one.key", &legacy);
    let unsigned = push("unsigned");
    let tag = signed.split('@').next().unwrap();

    vec![
        row("the key", verify(ONE, &signed), 0).but(Cosign2, 10, BLIND_2),
        row("by tag", verify(ONE, &format!("{tag}:v1")), 0).but(Cosign2, 10, BLIND_2),
        row("another key", verify(TWO, &signed), 1).but(Cosign2, 10, BLIND_2),
        row("as text", verify(&format!("{ONE} -o text"), &signed), 0).but(Cosign2, 10, BLIND_2),
        row("a log is wanted", verify("--key one.pub --offline --trusted-root trusted_root.json", &signed), 1),
        row("no bundles", verify(&format!("{ONE} --new-bundle-format=false"), &signed), 10),
        row("an annotation is wanted", verify(&format!("{ONE} -a who=me"), &signed), 1).but(Cosign2, 10, BLIND_2),
        row("claims unchecked", verify(&format!("{ONE} --check-claims=false"), &signed), 0).but(Cosign2, 10, BLIND_2),
        row("two signatures: the first key", verify(ONE, &twice), 0).but(Cosign2, 10, BLIND_2),
        row("two signatures: the second key", verify(TWO, &twice), 0).but(Cosign2, 10, BLIND_2),
        row("annotations: one", verify(&format!("{ONE} -a who=me"), &annotated), 0).but(Cosign2, 10, BLIND_2),
        row("annotations: both", verify(&format!("{ONE} -a who=me -a build=7"), &annotated), 0)
            .but(Cosign2, 10, BLIND_2),
        row("annotations: another value", verify(&format!("{ONE} -a who=you"), &annotated), 1)
            .but(Cosign2, 10, BLIND_2),
        row("both forms: the key of both", verify(ONE, &both), 0)
            .in_other_words("the .sig tag is enough where it satisfies; with cosign bundles win"),
        row("both forms: the legacy key", verify(ONE, &mixed), 0).but(
            Cosign3,
            1,
            "bundles win there, whatever the .sig tag holds",
        ),
        row("both forms: the bundle's key", verify(TWO, &mixed), 0).but(Cosign2, 12, BLIND_2),
        row("two images of two forms", verify(ONE, &format!("{legacy} {signed}")), 0).but(Cosign2, 10, BLIND_2).but(
            Cosign3,
            10,
            "the first image decides the form of all",
        ),
        row("the same in the other order", verify(ONE, &format!("{signed} {legacy}")), 0)
            .but(Cosign2, 10, BLIND_2)
            .but(Cosign3, 1, "the first image decides the form of all"),
        row("two images, the second unsigned", verify(ONE, &format!("{signed} {unsigned}")), 10).but(
            Cosign3,
            1,
            "the first image decides the form of all",
        ),
    ]
}

#[test]
fn attestations_with_keys() {
    on_both(attestations);
}

fn attestations(stand: &Stand) -> Vec<Row> {
    put_trust(stand);
    let mut rows = Vec::new();
    for (by, form) in SIGNERS.iter().flat_map(|by| [(*by, Legacy), (*by, Bundle)]) {
        let push = |name: &str| {
            let repository = format!("{name}-{by:?}-{form:?}").to_lowercase();
            stand.push(&repository, &Artifact::image(name))
        };
        let row = |what: &str, line, code| {
            let row = Row::new(format!("attested by {by:?} as {form:?}: {what}"), line, code);
            if form == Bundle { row.for_2(BUNDLES_FOR_2) } else { row }
        };
        let attested = push("attested");
        stand.attest(by, form, "--key one.key --type custom", &attested);
        let two_types = push("two-types");
        stand.attest(by, form, "--key one.key --type custom", &two_types);
        stand.attest(by, form, "--key one.key --type https://example.com/mine", &two_types);
        let two_keys = push("two-keys");
        stand.attest(by, form, "--key one.key --type custom", &two_keys);
        stand.attest(by, form, "--key two.key --type custom", &two_keys);
        let unsigned = push("unsigned");
        rows.extend([
            row("its type", verify_attestation(&format!("{ONE} --type custom"), &attested), 0),
            row("the type by default", verify_attestation(ONE, &attested), 0),
            row(
                "its type as a URI",
                verify_attestation(&format!("{ONE} --type https://cosign.sigstore.dev/attestation/v1"), &attested),
                0,
            ),
            row("another type", verify_attestation(&format!("{ONE} --type slsaprovenance"), &attested), 1),
            row("another key", verify_attestation(&format!("{TWO} --type custom"), &attested), 1),
            row("of two types the first", verify_attestation(&format!("{ONE} --type custom"), &two_types), 0),
            row(
                "of two types the second",
                verify_attestation(&format!("{ONE} --type https://example.com/mine"), &two_types),
                0,
            ),
            row("of two keys the first", verify_attestation(&format!("{ONE} --type custom"), &two_keys), 0),
            row("of two keys the second", verify_attestation(&format!("{TWO} --type custom"), &two_keys), 0),
            row("no attestation", verify_attestation(&format!("{ONE} --type custom"), &unsigned), 1),
        ]);
        let as_signature = Row::new(
            format!("attested by {by:?} as {form:?}: as a signature"),
            verify(ONE, &attested),
            if form == Legacy { 10 } else { 0 },
        );
        rows.push(if form == Bundle { as_signature.but(Cosign2, 10, BLIND_2) } else { as_signature });
    }
    rows
}

#[test]
fn predicates_of_known_types() {
    let Some(stand) = Stand::debian() else { return };
    let slsa_02 = r#"{"builder": {"id": "https://example.com/builder"}, "buildType": "https://example.com/type"}"#;
    stand.place.put("slsa02.json", slsa_02);
    let slsa_1 = r#"{
        "buildDefinition": {"buildType": "https://example.com/type", "externalParameters": {}},
        "runDetails": {"builder": {"id": "https://example.com/builder"}}
    }"#;
    stand.place.put("slsa1.json", slsa_1);
    let types = [
        ("slsaprovenance", "slsa02.json", "https://slsa.dev/provenance/v0.2"),
        ("slsaprovenance1", "slsa1.json", "https://slsa.dev/provenance/v1"),
        ("spdxjson", "predicate.json", "https://spdx.dev/Document"),
        ("cyclonedx", "predicate.json", "https://cyclonedx.org/bom"),
        ("openvex", "predicate.json", "https://openvex.dev/ns"),
        ("https://example.com/x?y=z", "predicate.json", "https://example.com/x?y=z"),
    ];
    let mut rows = Vec::new();
    for (by, (name, file, uri)) in SIGNERS.iter().flat_map(|by| types.iter().map(move |of| (*by, of))) {
        let repository = format!("type-{by:?}").to_lowercase();
        let image = stand.push(&repository, &Artifact::image(name));
        let flags = parts::judge::flags(by, Legacy);
        stand.must(by, &format!("attest {flags} --key one.key --type {name} --predicate {file} {image}"), &[]);
        let row = |asked: &str, code| {
            let what = format!("{name} by {by:?}, asked for {asked}");
            Row::new(what, verify_attestation(&format!("{ONE} --type {asked}"), &image), code)
        };
        rows.extend([row(name, 0), row(uri, 0), row("vuln", 1)]);
    }
    stand.judge(&rows);
}

#[test]
fn indexes_and_their_platforms() {
    on_both(indexes);
}

fn indexes(stand: &Stand) -> Vec<Row> {
    let mut rows = Vec::new();
    for (by, form) in [(Signer::Two, Legacy), (Signer::Three, Legacy), (Signer::Three, Bundle)] {
        let index = Artifact::multi_platform("index");
        let push = |name: &str| stand.push(&format!("{name}-{by:?}-{form:?}").to_lowercase(), &index);
        let platform = |image: &str| {
            let (repository, _) = image.split_once('@').unwrap();
            format!("{repository}@{}", index.platforms[0].digest())
        };
        let unsigned = if form == Legacy { 12 } else { 1 };
        let row = |what: &str, line, code| {
            let row = Row::new(format!("index signed by {by:?} as {form:?}: {what}"), line, code);
            if form == Bundle { row.but(Cosign2, 10, BLIND_2) } else { row }
        };
        let whole = push("whole");
        stand.sign(by, form, "--key one.key", &whole);
        let deep = push("deep");
        stand.sign(by, form, "--key one.key --recursive", &deep);
        rows.extend([
            row("the index", verify(ONE, &whole), 0),
            row("the index, another key", verify(TWO, &whole), unsigned),
            row("its platform is not signed", verify(ONE, &platform(&whole)), 10),
            row("recursive: the index", verify(ONE, &deep), 0),
            row("recursive: its platform", verify(ONE, &platform(&deep)), 0),
            row("recursive: its platform, another key", verify(TWO, &platform(&deep)), unsigned),
        ]);
    }
    rows
}

#[test]
fn signatures_in_another_repository() {
    on_both(elsewhere);
}

fn elsewhere(stand: &Stand) -> Vec<Row> {
    let mut rows = Vec::new();
    for (by, form) in [(Signer::Two, Legacy), (Signer::Three, Legacy), (Signer::Three, Bundle)] {
        let name = format!("elsewhere-{by:?}-{form:?}").to_lowercase();
        let elsewhere = stand.name(&format!("signatures/{name}"));
        let signed = stand.push(&name, &Artifact::image(&name));
        let flags = parts::judge::flags(by, form);
        let there = [("COSIGN_REPOSITORY", elsewhere.as_str())];
        stand.must(by, &format!("sign {flags} --key one.key {signed}"), &there);
        stand.must(by, &format!("attest {flags} --key one.key --predicate predicate.json {signed}"), &there);
        let row = |what: &str, line, code| {
            let row = Row::new(format!("elsewhere, by {by:?} as {form:?}: {what}"), line, code);
            if form == Bundle { row.but(Cosign2, 10, BLIND_2) } else { row }
        };
        let there = |row: Row| row.with("COSIGN_REPOSITORY", &elsewhere);
        rows.extend([
            there(row("told where", verify(ONE, &signed), 0)),
            row("not told where", verify(ONE, &signed), 10),
            there(row("another key", verify(TWO, &signed), if form == Legacy { 12 } else { 1 })),
            row("told a wrong place", verify(ONE, &signed), 10).with("COSIGN_REPOSITORY", stand.name("nowhere")),
        ]);
    }
    rows
}

#[test]
fn tags_with_a_prefix() {
    let Some(stand) = Stand::debian() else { return };
    let mut rows = Vec::new();
    for by in SIGNERS {
        let repository = format!("prefixed-{by:?}").to_lowercase();
        let signed = stand.push(&repository, &Artifact::image(&repository));
        stand.sign(by, Legacy, "--key one.key --attachment-tag-prefix its-", &signed);
        let row = |what: &str, flags: &str, code| {
            Row::new(format!("prefix, signed by {by:?}: {what}"), verify(&format!("{ONE} {flags}"), &signed), code)
        };
        rows.extend([
            row("the prefix", "--attachment-tag-prefix its-", 0),
            row("no prefix", "", 10),
            row("another prefix", "--attachment-tag-prefix other-", 10),
        ]);
    }
    stand.judge(&rows);
}

#[test]
fn saved_layouts() {
    on_both(saved);
}

fn saved(stand: &Stand) -> Vec<Row> {
    let mut rows = Vec::new();
    for (by, form) in [(Signer::Two, Legacy), (Signer::Three, Legacy), (Signer::Three, Bundle)] {
        let name = format!("saved-{by:?}-{form:?}").to_lowercase();
        let signed = stand.push(&name, &Artifact::image(&name));
        stand.sign(by, form, "--key one.key -a who=me", &signed);
        stand.attest(by, form, "--key one.key", &signed);
        stand.must(by, &format!("save --dir {name} {signed}"), &[]);
        let index = stand.push(&format!("{name}-index"), &Artifact::multi_platform(&name));
        stand.sign(by, form, "--key one.key", &index);
        stand.must(by, &format!("save --dir {name}-index {index}"), &[]);
        let row = |what: &str, flags: &str, folder: &str, code| {
            let line = verify(&format!("{flags} --local-image"), folder);
            let row = Row::new(format!("saved, signed by {by:?} as {form:?}: {what}"), line, code);
            // There is one code for all failures here.
            if form == Bundle && code == 0 {
                row.but(Cosign2, 1, BLIND_2).in_other_words("cosign leaves name, digest and type empty here")
            } else {
                row
            }
        };
        let attestation = |what: &str, flags: &str, code| {
            let line = verify_attestation(&format!("{ONE} --local-image {flags}"), &name);
            let row = Row::new(format!("saved, attested by {by:?} as {form:?}: {what}"), line, code);
            if form == Bundle { row.but(Cosign2, 2, "2.5 panics where there is no attestation") } else { row }
        };
        let mut of_index = row("an index", ONE, &format!("{name}-index"), 0);
        if form == Bundle {
            of_index = of_index.but(Cosign3, 1, "it looks for bundles of images alone");
        }
        rows.extend([
            row("the key", ONE, &name, 0),
            row("another key", TWO, &name, 1),
            row("its annotation", &format!("{ONE} -a who=me"), &name, 0),
            row("another annotation", &format!("{ONE} -a who=you"), &name, 1),
            attestation("its type", "", 0),
            attestation("another type", "--type vuln", 1),
            of_index,
            row("an index, another key", TWO, &format!("{name}-index"), 1),
            row("no such folder", ONE, &format!("{name}-nowhere"), 1),
        ]);
    }
    rows
}

/// Certificates as Fulcio's, minted here and given to cosign, which puts them into the layer.
#[test]
fn legacy_signatures_with_certificates() {
    let Some(mut stand) = Stand::debian() else { return };
    let sigstore = Sigstore::new();
    stand.place.trust(&sigstore);
    stand.place.trust_by_environment();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
    let leaf = sigstore.issue(&Leaf::default(), now);
    stand.place.put("leaf.pem", cert_pem(&leaf.der));
    stand.place.put("chain.pem", chain_pem(&leaf.chain));
    stand.place.put("leaf.private.pem", leaf.key.private_pem());
    stand.must(Signer::Three, "import-key-pair --key leaf.private.pem --output-key-prefix leaf", &[]);
    let mut rows = Vec::new();
    for by in SIGNERS {
        let push = |name: &str| stand.push(&format!("{name}-{by:?}").to_lowercase(), &Artifact::image(name));
        let row = |what: &str, identity: &str, issuer: &str, image: &str, code| {
            let flags =
                format!("--insecure-ignore-tlog --certificate-identity {identity} --certificate-oidc-issuer {issuer}");
            Row::new(format!("certificate, signed by {by:?}: {what}"), verify(&flags, image), code)
        };
        let signed = push("signed");
        stand.sign(by, Legacy, "--key leaf.key --certificate leaf.pem --certificate-chain chain.pem", &signed);
        let keyed = push("keyed");
        stand.sign(by, Legacy, "--key one.key", &keyed);
        let twice = push("twice");
        stand.sign(by, Legacy, "--key one.key", &twice);
        stand.sign(by, Legacy, "--key leaf.key --certificate leaf.pem --certificate-chain chain.pem", &twice);
        rows.extend([
            row("its signer", IDENTITY, ISSUER, &signed, 0),
            row("another signer", "someone@example.com", ISSUER, &signed, 12),
            row("another issuer", IDENTITY, "https://example.com", &signed, 12),
            row("a key where a certificate is wanted", IDENTITY, ISSUER, &keyed, 12),
            row("a key's signature before it", IDENTITY, ISSUER, &twice, 0),
            Row::new(format!("certificate, signed by {by:?}: another key"), verify(ONE, &signed), 12),
            Row::new(format!("certificate, signed by {by:?}: its key"), verify(LEAF, &signed), 0)
                .in_other_words("cosign names the subject of a certificate that it did not verify"),
            Row::new(format!("certificate, signed by {by:?}: the key of the other"), verify(ONE, &twice), 0),
        ]);
    }
    stand.judge(&rows);
}

/// 2.5 signs SHA-256 with every key, 3.1 the digest of the key's kind; neither verifier guesses.
#[test]
fn keys_of_other_kinds() {
    let Some(stand) = Stand::kit() else { return };
    const DIGESTS: [&str; 3] = ["sha256", "sha384", "sha512"];
    let kinds = [
        ("rsa2048", KeyKind::Rsa2048, ["sha256"].as_slice(), ["sha256"].as_slice()),
        ("p384", KeyKind::P384, &["sha256"], &["sha384"]),
        ("p521", KeyKind::P521, &["sha256"], &["sha512"]),
        // 3.1 signs as Ed25519ph, which it does not verify itself.
        ("ed25519", KeyKind::Ed25519, &DIGESTS, &[]),
    ];
    let mut rows = Vec::new();
    for (name, kind, by_2, by_3) in kinds {
        stand.place.put("private.pem", Key::new(kind).private_pem());
        stand.must(Signer::Three, &format!("import-key-pair --key private.pem --output-key-prefix {name}"), &[]);
        for (by, form, right) in
            [(Signer::Two, Legacy, by_2), (Signer::Three, Legacy, by_3), (Signer::Three, Bundle, by_3)]
        {
            let signed = stand.push(&format!("{name}-{by:?}-{form:?}").to_lowercase(), &Artifact::image(name));
            stand.sign(by, form, &format!("--key {name}.key"), &signed);
            rows.extend(DIGESTS.map(|digest| {
                let flags = format!("--key {name}.pub --insecure-ignore-tlog --signature-digest-algorithm {digest}");
                let code = match form {
                    _ if right.contains(&digest) => 0,
                    Legacy => 12,
                    Bundle => 1,
                };
                let what = format!("{name}, signed by {by:?} as {form:?}, {digest}");
                let row = Row::new(what, verify(&flags, &signed), code);
                match form {
                    Legacy => row,
                    Bundle if code == 0 || right.is_empty() => row.but(Cosign2, 10, BLIND_2),
                    Bundle => row.but(Cosign2, 10, BLIND_2).but(Sigward, 0, "the flag is for formats without a digest"),
                }
            }));
        }
    }
    stand.judge(&rows);
}

/// What is attached, printed alike.
#[test]
fn attachments_are_shown_alike() {
    on_both(attachments);
}

fn attachments(stand: &Stand) -> Vec<Row> {
    let push = |name: &str| stand.push(name, &Artifact::image(name));
    let legacy = push("legacy");
    stand.sign(Signer::Three, Legacy, "--key one.key -a who=me", &legacy);
    stand.sign(Signer::Three, Legacy, "--key two.key", &legacy);
    stand.attest(Signer::Three, Legacy, "--key one.key", &legacy);
    let bundle = push("bundle");
    stand.sign(Signer::Three, Bundle, "--key one.key", &bundle);
    stand.attest(Signer::Three, Bundle, "--key one.key", &bundle);
    let none = push("none");
    let mut rows = Vec::new();
    for (name, image) in [("legacy", &legacy), ("bundle", &bundle), ("none", &none)] {
        let row = |line: &str, code| Row::new(format!("{line}: {name}"), format!("{line} {image}"), code);
        let download = |what: &str, code| {
            let row = row(&format!("download {what}"), code);
            if name == "bundle" { row.but(Cosign2, 1, BLIND_2) } else { row }
        };
        let code = i32::from(name == "none");
        rows.extend([
            row("triangulate", 0),
            row("triangulate --type attestation", 0),
            row("triangulate --type digest", 0),
            row("tree", 0),
            download("signature", code),
            download("attestation", code),
        ]);
        let absent = download("attestation --predicate-type https://example.com/none", 1);
        rows.push(if name == "bundle" { absent.but(Cosign3, 0, "it prints nothing and is content") } else { absent });
    }
    rows
}
