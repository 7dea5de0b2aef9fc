//! `sigward-testkit world DIR` writes a minted world; `sigward-testkit serve DIR` serves one on loopback.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's output")]

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use sigward_testkit::files::{read_tree, write_tree};
use sigward_testkit::world::{DL, REGISTRY, REKOR_ENTRIES, TUF, World};
use sigward_testkit::{FileServer, OciRegistry, RekorServer, Repository};

const USAGE: &str = "usage: sigward-testkit world DIR | serve DIR [--for SECONDS]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["world", dir] => write_world(Path::new(dir)),
        ["serve", dir] => serve(Path::new(dir), None),
        ["serve", dir, "--for", seconds] => seconds
            .parse()
            .map_err(Into::into)
            .and_then(|seconds| serve(Path::new(dir), Some(Duration::from_secs(seconds)))),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write_world(dir: &Path) -> Result<(), Box<dyn Error>> {
    write_tree(dir, &World::new().files)?;
    println!("{}", dir.join("INDEX.txt").display());
    Ok(())
}

/// Runs until killed, or for a time. One line for each server, so that a script can read them.
fn serve(dir: &Path, time: Option<Duration>) -> Result<(), Box<dyn Error>> {
    let rekor = RekorServer::empty();
    let entries: Vec<Value> = serde_json::from_slice(&std::fs::read(dir.join(REKOR_ENTRIES))?)?;
    for entry in entries {
        let uuid = entry.as_object().and_then(|map| map.keys().next()).ok_or("an entry without UUID")?;
        let leaf = uuid.get(uuid.len().saturating_sub(64)..).unwrap_or_default().to_owned();
        rekor.add_api(&leaf, entry);
    }
    let tuf = FileServer::start(read_tree(&dir.join(TUF))?);
    let release = FileServer::start(read_tree(&dir.join(DL))?);
    let registry = OciRegistry::start();
    registry.load(Repository::from_files(&read_tree(&dir.join(REGISTRY))?));
    println!("REKOR={}\nTUF={}\nRELEASE={}\nREGISTRY={}", rekor.url(), tuf.url(), release.url(), registry.host());
    std::io::stdout().flush()?;
    match time {
        Some(time) => std::thread::sleep(time),
        None => loop {
            std::thread::park();
        },
    }
    Ok(())
}
