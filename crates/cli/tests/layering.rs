//! The rooms and what may lie between them. This table is the one in ARCHITECTURE.md; a crate that is not in it, an
//! edge that it does not allow, or a crate in reach that it forbids, fails.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests read files, and a panic is a failed test"
)]

mod workspace;

use std::collections::BTreeSet;

use workspace::{compiled, members, root};

struct Room {
    package: &'static str,
    folder: &'static str,
    /// Members that it may depend on.
    may_use: &'static [&'static str],
    /// Crates that it must not reach, even transitively: `x` is `x` and all of `x-…` and `x_…`.
    must_not_reach: &'static [&'static str],
    pure: bool,
}

/// Sockets, clusters and command lines. `mio` and `socket2` are what every asynchronous runtime stands on.
const WORLD: &[&str] = &[
    "tokio",
    "hyper",
    "reqwest",
    "ureq",
    "axum",
    "kube",
    "clap",
    "mio",
    "socket2",
    "async-std",
    "smol",
    "rustls-native-certs",
];

const VERIFY: &str = "sigward-verify";
const TRUST: &str = "sigward-trust";
const CUE: &str = "sigward-cue";
const POLICY: &str = "sigward-policy";
const FETCH: &str = "sigward-fetch";
const CLI: &str = "sigward";
const ADMISSION: &str = "sigward-admission";
const TESTKIT: &str = "sigward-testkit";

/// Rooms may be absent until they are built; no others may appear.
const ROOMS: &[Room] = &[
    Room { package: VERIFY, folder: "crates/verify", may_use: &[], must_not_reach: WORLD, pure: true },
    Room { package: TRUST, folder: "crates/trust", may_use: &[VERIFY], must_not_reach: WORLD, pure: true },
    Room { package: CUE, folder: "crates/cue", may_use: &[], must_not_reach: WORLD, pure: true },
    Room {
        package: POLICY,
        folder: "crates/policy",
        may_use: &[VERIFY, TRUST, CUE],
        must_not_reach: WORLD,
        pure: true,
    },
    Room {
        package: FETCH,
        folder: "crates/fetch",
        may_use: &[VERIFY, TRUST],
        must_not_reach: &[POLICY, "kube", "clap", "axum"],
        pure: false,
    },
    Room {
        package: CLI,
        folder: "crates/cli",
        may_use: &[VERIFY, TRUST, CUE, POLICY, FETCH],
        must_not_reach: &["kube", ADMISSION],
        pure: false,
    },
    Room {
        package: ADMISSION,
        folder: "crates/admission",
        may_use: &[VERIFY, TRUST, CUE, POLICY, FETCH],
        // Not by prefix: all members begin with the name of the command line's package.
        must_not_reach: &[],
        pure: false,
    },
    Room {
        package: TESTKIT,
        folder: "crates/testkit",
        may_use: &[],
        must_not_reach: &[VERIFY, TRUST, CUE, POLICY, FETCH, ADMISSION],
        pure: false,
    },
];

fn room(package: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|r| r.package == package)
}

#[test]
fn every_member_is_a_room_in_its_folder() {
    for (package, member) in members() {
        let room = room(&package).unwrap_or_else(|| panic!("{package} is not in the table of rooms"));
        assert_eq!(member.folder, room.folder, "{package}");
    }
}

#[test]
fn edges_between_rooms_are_allowed_ones() {
    let members = members();
    let mut wrong = Vec::new();
    for (package, member) in &members {
        let Some(room) = room(package) else { continue };
        let edges = member.normal.union(&member.build).filter(|d| members.contains_key(*d));
        wrong.extend(edges.filter(|d| !room.may_use.contains(&d.as_str())).map(|d| format!("{package} -> {d}")));
    }
    assert!(wrong.is_empty(), "not allowed by the table of rooms: {}", wrong.join(", "));
}

#[test]
fn no_room_reaches_what_it_must_not() {
    let mut wrong = Vec::new();
    for package in members().keys() {
        let Some(room) = room(package) else { continue };
        for reached in compiled(package, "normal") {
            let forbidden = |name: &&&str| {
                let rest = reached.name.strip_prefix(**name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
            };
            if let Some(name) = room.must_not_reach.iter().find(forbidden) {
                wrong.push(format!("{package} reaches {} ({name} is forbidden there)", reached.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The kit makes fake evidence: no program may hold it.
#[test]
fn the_test_kit_is_in_no_program() {
    for package in members().keys().filter(|p| *p != TESTKIT) {
        assert!(!compiled(package, "normal,build").iter().any(|c| c.name == TESTKIT), "{package} holds {TESTKIT}");
    }
}

#[test]
fn every_member_keeps_the_lints_of_the_workspace() {
    for (package, member) in members() {
        let manifest = std::fs::read_to_string(root().join(&member.folder).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{package} has lints of its own or none");
    }
}

/// What a pure crate's clippy.toml must ban at least. Invariant 1: pure rooms reach no socket, file, clock or
/// environment.
const BANNED: &[&str] = &[
    "std::time::SystemTime::now",
    "std::time::Instant::now",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "std::thread::sleep",
    "std::env::var",
    "std::env::var_os",
    "std::env::vars",
    "std::env::args",
    "std::env::current_dir",
    "std::fs::read",
    "std::fs::read_to_string",
    "std::fs::read_dir",
    "std::fs::write",
    "std::fs::metadata",
    "std::fs::remove_file",
    "std::fs::rename",
    "std::fs::create_dir_all",
    "std::fs::File",
    "std::fs::OpenOptions",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::os::unix::net::UnixStream",
    "std::process::Command",
];

/// A crate's clippy.toml replaces the one of the workspace, so it must also say what that one says.
#[test]
fn pure_rooms_ban_clock_environment_files_and_sockets() {
    let settings = |text: &str| -> BTreeSet<String> {
        let plain = text.lines().filter(|l| !l.starts_with([' ', '#', '[', ']']) && !l.trim_end().ends_with('['));
        plain.map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()).collect()
    };
    let common = settings(&std::fs::read_to_string(root().join("clippy.toml")).unwrap());
    assert!(common.len() > 3, "the settings of the workspace were read: {common:?}");
    let mut seen = 0;
    for (package, member) in members() {
        if !room(&package).is_some_and(|r| r.pure) {
            continue;
        }
        let path = root().join(&member.folder).join("clippy.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for banned in BANNED {
            assert!(text.contains(&format!("path = \"{banned}\"")), "{package} does not ban {banned}");
        }
        let missing: Vec<_> = common.difference(&settings(&text)).cloned().collect();
        assert!(missing.is_empty(), "{package}: its clippy.toml lacks {missing:?}");
        seen += 1;
    }
    assert!(seen >= 2);
}

/// A lint that a file switches off is no wall: pure rooms never do, outside of tests.
#[test]
fn pure_rooms_do_not_switch_the_bans_off() {
    let mut wrong = Vec::new();
    for (package, member) in members() {
        if !room(&package).is_some_and(|r| r.pure) {
            continue;
        }
        let mut folders = vec![root().join(&member.folder).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                // Unit tests stand at the end of a file, behind this attribute.
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                if code.contains("clippy::disallowed_") {
                    wrong.push(path.display().to_string());
                }
            }
        }
    }
    assert!(wrong.is_empty(), "bans are switched off in {}", wrong.join(", "));
}
