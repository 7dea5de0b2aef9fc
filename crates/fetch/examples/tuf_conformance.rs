//! The client that <https://github.com/theupdateframework/tuf-conformance> drives:
//!
//! ```text
//! tuf_conformance --metadata-dir D init ROOT
//! tuf_conformance --metadata-dir D --metadata-url U refresh
//! tuf_conformance --metadata-dir D --metadata-url U --target-name P --target-base-url U --target-dir D download
//! ```
//!
//! Unlike the TUF cache of the program it stores each accepted role at once, also of a refresh that fails later,
//! because the suite looks for that. The suite sets the clock with `faketime`. All its 113 tests passed on 2026-11-25
//! (tuf-conformance eec841c, tuf 7.0.0, securesystemslib 1.4.0):
//!
//! ```text
//! cargo build -p sigward-fetch --example tuf_conformance
//! pytest tuf_conformance --entrypoint target/debug/examples/tuf_conformance
//! ```

#![expect(clippy::print_stderr, reason = "an example program")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sigward_fetch::{Budget, Client, Options, drive, run_blocking};
use sigward_trust::limits::Limits;
use sigward_trust::tuf::{Accepted, CachedFiles, Refresh, Start, encoded};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tuf_conformance: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let (mut options, mut words) = (BTreeMap::<String, Vec<String>>::new(), Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix("--") {
            Some(name) => {
                let value = arguments.next().ok_or_else(|| format!("--{name} needs a value"))?;
                options.entry(name.to_owned()).or_default().push(value);
            }
            None => words.push(argument),
        }
    }
    let option = |name: &str| options.get(name).and_then(|values| values.first()).cloned();
    let required = |name: &str| option(name).ok_or_else(|| format!("--{name} is missing"));
    let metadata = PathBuf::from(required("metadata-dir")?);
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["init", root] => init(&metadata, Path::new(root)),
        ["refresh"] => refresh(&metadata, required("metadata-url")?, None, &[], None),
        ["download"] => {
            let names = options.get("target-name").cloned().unwrap_or_default();
            let folder = PathBuf::from(required("target-dir")?);
            refresh(&metadata, required("metadata-url")?, option("target-base-url"), &names, Some(&folder))
        }
        _ => Err("init ROOT, refresh or download".into()),
    }
}

fn init(metadata: &Path, root: &Path) -> Result<(), Failure> {
    let root = std::fs::read(root)?;
    sigstore_tuf::TrustedMetadataSet::from_root(&root)?;
    std::fs::create_dir_all(metadata)?;
    Ok(std::fs::write(metadata.join("root.json"), root)?)
}

fn refresh(
    metadata: &Path,
    mirror: String,
    targets_url: Option<String>,
    names: &[String],
    folder: Option<&Path>,
) -> Result<(), Failure> {
    let read = |name: &str| std::fs::read(metadata.join(name)).ok();
    let held = |name: &String| Some((name.clone(), std::fs::read(folder?.join(encoded(name))).ok()?));
    let mut refresh = Refresh::new(Start {
        root: std::fs::read(metadata.join("root.json"))?,
        cached: CachedFiles {
            roots: Vec::new(),
            timestamp: read("timestamp.json"),
            snapshot: read("snapshot.json"),
            targets: read("targets.json"),
            delegated: delegated(metadata)?,
            target_files: names.iter().filter_map(held).collect(),
        },
        mirror,
        targets_url,
        names: names.to_vec(),
        now: Timestamp::now(),
        limits: Limits::default(),
    })?;
    let client = Client::new(Options::default());
    let deadline = Instant::now() + Duration::from_secs(60);
    let result = run_blocking(drive(&mut refresh, &client, deadline, Budget { requests: 600, ..Budget::default() }))?;
    store(metadata, &refresh.accepted())?;
    for (name, target) in result?.target_files.into_iter().filter(|(_, target)| target.changed) {
        let folder = folder.ok_or("--target-dir is missing")?;
        std::fs::write(folder.join(encoded(&name)), target.bytes)?;
    }
    Ok(())
}

/// Delegated roles: every other file, whose name is an encoded role.
fn delegated(metadata: &Path) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut roles = BTreeMap::new();
    for entry in std::fs::read_dir(metadata)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
        match name {
            Some(name) if !matches!(name, "root" | "timestamp" | "snapshot" | "targets") => {
                roles.insert(decoded(name), std::fs::read(&path)?);
            }
            _ => {}
        }
    }
    Ok(roles)
}

fn decoded(name: &str) -> String {
    let mut parts = name.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        bytes.extend(u8::from_str_radix(code, 16));
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn store(metadata: &Path, accepted: &Accepted) -> std::io::Result<()> {
    let write = |name: &str, bytes: &[u8]| std::fs::write(metadata.join(name), bytes);
    write("root.json", &accepted.root)?;
    let roles = [
        ("timestamp.json", &accepted.timestamp),
        ("snapshot.json", &accepted.snapshot),
        ("targets.json", &accepted.targets),
    ];
    for (name, bytes) in roles {
        bytes.as_ref().map_or(Ok(()), |bytes| write(name, bytes))?;
    }
    accepted.delegated.iter().try_for_each(|(role, bytes)| write(&format!("{}.json", encoded(role)), bytes))
}
