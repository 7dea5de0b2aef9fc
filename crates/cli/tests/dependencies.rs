//! What the programs are made of: licenses, sources, and one library for each kind of cryptography. `deny.toml` says
//! the same to cargo-deny, which also knows advisories; these checks need nothing but cargo.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read files, and a panic is a failed test"
)]

mod workspace;

use std::collections::{BTreeMap, BTreeSet};

use workspace::{Compiled, compiled, members, root};

/// Licenses that an Apache-2.0 program may be built from without more than a notice.
const LICENSES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that no program holds, and why.
const BANNED: &[(&str, &str)] = &[
    ("ring", "aws-lc-rs is the one cryptographic library"),
    ("openssl", "aws-lc-rs is the one cryptographic library"),
    ("openssl-sys", "aws-lc-rs is the one cryptographic library"),
    ("native-tls", "TLS is rustls"),
    ("md-5", "no digest that can be forged"),
    ("sha1", "no digest that can be forged"),
    ("serde_yaml", "unmaintained"),
];

/// Two versions of one of these would be two opinions on the same bytes.
const SINGLE: &[&str] = &[
    "aws-lc-rs",
    "aws-lc-sys",
    "const-oid",
    "curve25519-dalek",
    "der",
    "digest",
    "ed25519-dalek",
    "pkcs8",
    "rustls",
    "rustls-pki-types",
    "rustls-webpki",
    "sha2",
    "signature",
    "sigstore-tuf",
    "spki",
    "subtle",
    "x509-cert",
    "zeroize",
];

/// The programs; libraries are in them.
fn programs() -> Vec<String> {
    members().into_keys().filter(|p| matches!(p.as_str(), "sigward" | "sigward-admission")).collect()
}

fn all(edges: &str) -> BTreeSet<Compiled> {
    programs().iter().flat_map(|p| compiled(p, edges)).collect()
}

#[test]
fn every_license_is_allowed() {
    let wrong: Vec<_> = all("normal,build").into_iter().filter(|c| !Spdx::new(&c.license).allowed()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn no_program_holds_a_banned_crate() {
    for found in all("normal") {
        if let Some((name, reason)) = BANNED.iter().find(|(name, _)| found.name == *name) {
            panic!("{name} {}: {reason}", found.version);
        }
    }
}

#[test]
fn cryptography_and_encodings_come_in_one_version() {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for found in all("normal") {
        versions.entry(found.name).or_default().push(found.version);
    }
    for name in SINGLE {
        let found = versions.get(*name).cloned().unwrap_or_default();
        assert!(found.len() < 2, "{name} {found:?}");
    }
}

#[test]
fn every_source_is_crates_io_with_a_checksum() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let members = members();
    let mut seen = 0;
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let line = package.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(" = "));
            line.map(|v| v.trim_matches('"').to_owned())
        };
        let name = field("name").unwrap();
        match field("source") {
            Some(source) => {
                assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index", "{name}");
                assert_eq!(field("checksum").map_or(0, |c| c.len()), 64, "{name}");
            }
            None => assert!(members.contains_key(&name), "{name} is neither of this workspace nor of a registry"),
        }
        seen += 1;
    }
    assert!(seen > members.len());
}

/// Each direct dependency is a decision, and docs/dependencies.md has its reason.
#[test]
fn every_direct_dependency_has_a_reason() {
    let reasons = std::fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let members = members();
    let mut missing = BTreeSet::new();
    for member in members.values() {
        let direct = member.normal.iter().chain(&member.build).filter(|d| !members.contains_key(*d));
        missing.extend(direct.filter(|d| !reasons.contains(&format!("`{d}`"))));
    }
    assert!(missing.is_empty(), "docs/dependencies.md says nothing of {missing:?}");
}

/// An SPDX license expression: `OR` over `AND` over names and parentheses. The older `/` is `OR`.
struct Spdx<'a> {
    words: Vec<&'a str>,
    place: usize,
}

impl<'a> Spdx<'a> {
    fn new(expression: &'a str) -> Self {
        let mut words = Vec::new();
        for word in expression.split_whitespace() {
            let mut rest = word;
            while let Some(at) = rest.find(['(', ')', '/']) {
                let (before, from) = rest.split_at(at);
                let (sign, after) = from.split_at(1);
                words.extend([before, sign].into_iter().filter(|w| !w.is_empty()));
                rest = after;
            }
            words.extend(Some(rest).filter(|w| !w.is_empty()));
        }
        Self { words, place: 0 }
    }

    fn allowed(mut self) -> bool {
        let allowed = self.any();
        allowed && self.place == self.words.len()
    }

    fn take(&mut self, wanted: &[&str]) -> bool {
        let found = self.words.get(self.place).is_some_and(|w| wanted.contains(w));
        self.place += usize::from(found);
        found
    }

    fn any(&mut self) -> bool {
        let mut allowed = self.every();
        while self.take(&["OR", "/"]) {
            allowed |= self.every();
        }
        allowed
    }

    fn every(&mut self) -> bool {
        let mut allowed = self.one();
        while self.take(&["AND"]) {
            allowed &= self.one();
        }
        allowed
    }

    fn one(&mut self) -> bool {
        if self.take(&["("]) {
            let allowed = self.any();
            return self.take(&[")"]) && allowed;
        }
        let Some(name) = self.words.get(self.place).copied() else { return false };
        self.place += 1;
        if self.take(&["WITH"]) {
            let exception = self.words.get(self.place).copied().unwrap_or_default();
            self.place += 1;
            return LICENSES.contains(&format!("{name} WITH {exception}").as_str());
        }
        LICENSES.contains(&name)
    }
}

#[test]
fn license_expressions_are_read_as_spdx_means_them() {
    for (expression, allowed) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("MIT AND GPL-3.0-only", false),
        ("Apache-2.0 / MIT", true),
        ("GPL-2.0-only/MIT", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("GPL-3.0-only OR MIT AND OpenSSL", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0-only", true),
        ("GPL-2.0-only WITH Classpath-exception-2.0", false),
        ("", false),
        ("MIT MIT", false),
    ] {
        assert_eq!(Spdx::new(expression).allowed(), allowed, "{expression}");
    }
}
