//! What cargo says about the workspace. Only questions that are answered without a download: the declared edges
//! (`cargo metadata --no-deps`) and the crates that a build of one package really compiles (`cargo tree`; the full
//! `cargo metadata` also lists optional dependencies that nothing enables).

#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// A member of the workspace, as declared.
pub(crate) struct Member {
    /// Its folder, relative to the workspace.
    pub(crate) folder: String,
    /// Normal dependencies, of all platforms, optional ones too.
    pub(crate) normal: BTreeSet<String>,
    /// Dependencies of build scripts.
    pub(crate) build: BTreeSet<String>,
}

pub(crate) fn members() -> BTreeMap<String, Member> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--no-deps"])).expect("cargo prints JSON");
    let root = metadata["workspace_root"].as_str().expect("a root");
    let packages = metadata["packages"].as_array().expect("packages");
    let member = |package: &Value| {
        let of_kind = |kind: &Value| {
            let all = package["dependencies"].as_array().expect("dependencies").iter();
            all.filter(|d| d["kind"] == *kind).map(|d| d["name"].as_str().expect("a name").to_owned()).collect()
        };
        let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
        let folder = manifest.parent().and_then(|p| p.strip_prefix(root).ok()).expect("inside the workspace");
        Member {
            folder: folder.to_str().expect("UTF-8").replace('\\', "/"),
            normal: of_kind(&Value::Null),
            build: of_kind(&"build".into()),
        }
    };
    packages.iter().map(|p| (p["name"].as_str().expect("a name").to_owned(), member(p))).collect()
}

/// A crate that a package compiles.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Compiled {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: String,
}

/// All crates that a build of `package` alone compiles for this machine, without its tests. `edges` are cargo's words.
pub(crate) fn compiled(package: &str, edges: &str) -> BTreeSet<Compiled> {
    let tree = cargo(&["tree", "-p", package, "-e", edges, "--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"]);
    let parse = |line: &str| {
        let (package, license) = line.split_once('|').expect("the format has a bar");
        let mut words = package.split_whitespace();
        let name = words.next().expect("a name").to_owned();
        let version = words.next().expect("a version").to_owned();
        Compiled { name, version, license: license.to_owned() }
    };
    tree.lines().filter(|l| !l.is_empty()).map(parse).collect()
}
