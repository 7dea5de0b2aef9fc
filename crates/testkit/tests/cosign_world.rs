//! A minted world, served by the program, line by line of its INDEX.txt through the real cosign; without it the test
//! says so and passes.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is a failed test")]

mod parts;

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use sigward_testkit::World;
use sigward_testkit::files::write_tree;

/// Folder and process go with the test.
struct Served {
    folder: PathBuf,
    process: Child,
    addresses: Vec<(String, String)>,
}

impl Served {
    fn start(world: &World) -> Self {
        let folder = std::env::temp_dir().join(format!("sigward-testkit-world-{}", std::process::id()));
        write_tree(&folder, &world.files).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_sigward-testkit"))
            .args(["serve".as_ref(), folder.as_os_str()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().take(4);
        let addresses = lines.map(|line| {
            let line = line.unwrap();
            let (name, value) = line.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        });
        let addresses = addresses.collect();
        Self { folder, process, addresses }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

#[test]
fn cosign_ends_as_the_index_says() {
    let Some(binary) = parts::cosign_3() else { return };
    let world = World::new();
    let served = Served::start(&world);
    let index = String::from_utf8(world.files["INDEX.txt"].clone()).unwrap();
    let mut ran = 0;
    for line in index.lines().filter(|line| line.starts_with("verify") || line.starts_with(". ./env.sh; verify")) {
        let (before, verb) = line.split_at(line.find("verify").unwrap());
        let code = verb.rsplit_once("# exit ").map_or(0, |(_, code)| code.parse().unwrap());
        let output = Command::new("sh")
            .args(["-c", &format!("{before}exec \"$COSIGN\" {verb}")])
            .current_dir(&served.folder)
            .env("COSIGN", &binary)
            .env("HOME", &served.folder)
            .envs(served.addresses.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        // cosign 3.1.1 does not know ML-DSA.
        let unable = verb.contains("mldsa65");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(unable || output.status.code() == Some(code), "{line}\n{:?}\n{text}", output.status);
        ran += 1;
    }
    assert!(ran > 40, "only {ran} lines");
}
