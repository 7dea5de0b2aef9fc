//! The client of sigstore-conformance, over all of its bundle-verify cases. There are no exceptions.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/\
    .github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const GITHUB: &str = "https://token.actions.githubusercontent.com";

#[test]
fn every_case_passes_without_exceptions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    assert_eq!(std::fs::read(root.join("tests/conformance/sigstore.xfail")).unwrap(), b"");
    let cases = root.join("../shared/fixtures/conformance");
    let Ok(folders) = std::fs::read_dir(&cases) else {
        println!("skipped: {} is not here", cases.display());
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for entry in folders {
        let case = entry.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let status = run(&root, &case, &cases, home.path());
        assert_eq!(status, !name.ends_with("_fail"), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 70);
}

fn run(root: &Path, case: &Path, cases: &Path, home: &Path) -> bool {
    let text = |file: &str, default: &str| {
        std::fs::read_to_string(case.join(file)).map_or_else(|_| default.to_owned(), |t| t.trim().to_owned())
    };
    let or = |name: &str, other: PathBuf| Some(case.join(name)).filter(|p| p.exists()).unwrap_or(other);
    let mut command = Command::new(root.join("tests/conformance/sigstore-client"));
    command.env("SIGWARD", env!("CARGO_BIN_EXE_sigward")).env("HOME", home).env("HTTPS_PROXY", "http://127.0.0.1:9");
    command.args(["verify-bundle", "--bundle"]).arg(case.join("bundle.sigstore.json"));
    if case.join("key.pub").exists() {
        command.arg("--key").arg(case.join("key.pub"));
    } else {
        command.args(["--certificate-identity", &text("identity", BEACON)]);
        command.args(["--certificate-oidc-issuer", &text("issuer", GITHUB)]);
    }
    command
        .arg("--trusted-root")
        .arg(or("trusted_root.json", cases.join("../trust-roots/prod/targets/trusted_root.json")));
    command.arg(or("artifact", cases.join("a.txt")));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1)), "{}: {code:?} {}", case.display(), String::from_utf8_lossy(&output.stderr));
    code == Some(0)
}
