//! Which files of a release are looked at: what its SBOM names, what its list has, what was asked for by name. A list only
//! says what to look for; it vouches for nothing.

use std::collections::BTreeSet;

use rustix::fs::FileType;

use super::fault::Fault;
use super::folder::{Folder, Missing, is_partial};
use super::glob::Pattern;
use super::layout::{ArtifactPath, BadPath, Kind, RELEASE_SBOM, SOURCE_SBOM, Selection, UNSIGNED};
use super::lock::Lock;
use super::markers::Version;
use super::witness::Witness;

/// Largest `SHA256SUMS`, in bytes. Kubernetes' has some 60 KB.
pub const SUMS_BYTES: usize = 4 * 1024 * 1024;
/// Files that one release may have.
const FILES: usize = 50_000;
/// Folders within folders of a release. Kubernetes has three.
const DEPTH: usize = 8;

/// Which files are looked at.
#[derive(Debug, Default)]
pub struct Plan {
    /// What is looked at beside the SBOMs.
    pub files: Vec<ArtifactPath>,
    /// Files that are told of and not looked at: nobody signs them.
    pub unsigned: Vec<ArtifactPath>,
    /// What is no file, with its name.
    pub refused: Vec<Refused>,
}

/// What lies in a folder: a file, or what is not used and why.
pub type Found = Result<ArtifactPath, Refused>;

/// What is no file that is looked at.
#[derive(Debug)]
pub struct Refused {
    /// Its name.
    pub name: String,
    /// Why.
    pub fault: Fault,
}

/// What lists the files of a release.
#[derive(Debug, Default)]
pub struct Lists<'a> {
    /// The SBOM, perhaps not yet verified.
    pub sbom: Option<&'a Witness>,
    /// `SHA256SUMS`.
    pub sums: Option<Vec<u8>>,
    /// What lies in a folder.
    pub folder: Option<Vec<Found>>,
    /// The lockfile, where it says what must be there.
    pub lock: Option<&'a Lock>,
}

impl Plan {
    /// The SBOM of the source, if it is wanted and should be there: the release's SBOM refers to it, a list has it, or it
    /// is asked for.
    pub fn source_sbom(selection: &Selection, version: &Version, lists: &Lists<'_>) -> Option<ArtifactPath> {
        let path = ArtifactPath::parse(SOURCE_SBOM).ok().filter(|path| selection.wants(path))?;
        let is_listed = match &lists.folder {
            Some(found) => {
                found.iter().any(|f| f.as_ref().is_ok_and(|found| *found == path))
                    || locked(lists.lock, version).contains(&Ok(path.clone()))
            }
            None => lists.sbom.is_some_and(Witness::names_source) || lists.sums_have(&path, version),
        };
        (is_listed || selection.asks_for(&path)).then_some(path)
    }

    /// Makes a plan of what lists there are.
    pub fn new(version: &Version, selection: &Selection, lists: Lists<'_>) -> Self {
        let mut plan = Self::default();
        let mut paths = BTreeSet::new();
        if lists.folder.is_none() {
            paths.extend(UNSIGNED.iter().filter_map(|name| ArtifactPath::parse(name).ok()));
        }
        if let Some(folder) = lists.folder {
            for found in folder {
                match found {
                    Ok(path) => {
                        paths.insert(path);
                    }
                    Err(refused) => plan.refused.push(refused),
                }
            }
            plan.take(locked(lists.lock, version), &mut paths);
        } else {
            if let Some(sbom) = lists.sbom {
                // An SBOM may look into images and tarballs: their files are none of the release's, unless one is meant.
                let is_meant = |path: &&ArtifactPath| {
                    let asks = |pattern: &Pattern| pattern.is_of_paths() && pattern.matches(path.as_str());
                    path.kind() != Kind::Other || selection.only.iter().any(asks)
                };
                paths.extend(sbom.paths().filter(is_meant).cloned());
            }
            plan.take(listed(&lists.sums.unwrap_or_default(), version), &mut paths);
        }
        for bad in lists.sbom.map(Witness::bad_paths).unwrap_or_default() {
            plan.refused.push(Refused { name: bad.path.clone(), fault: Fault::Path(bad.clone()) });
        }
        plan.guess(selection, &mut paths);
        for path in paths.into_iter().filter(|path| !matches!(path.kind(), Kind::Beside | Kind::Sbom)) {
            match path.kind() {
                Kind::Unsigned if selection.only.is_empty() || selection.asks_for(&path) => plan.unsigned.push(path),
                _ if selection.wants(&path) => plan.files.push(path),
                _ => {}
            }
        }
        plan
    }

    /// Names of a list: those that are no paths are told.
    fn take(&mut self, names: Vec<Result<ArtifactPath, BadPath>>, paths: &mut BTreeSet<ArtifactPath>) {
        for name in names {
            match name {
                Ok(path) => {
                    paths.insert(path);
                }
                Err(bad) => self.refused.push(Refused { name: bad.path.clone(), fault: Fault::Path(bad) }),
            }
        }
    }

    /// What was asked for by name and is in no list is looked for where it would be.
    fn guess(&mut self, selection: &Selection, paths: &mut BTreeSet<ArtifactPath>) {
        for pattern in &selection.only {
            let sboms = [RELEASE_SBOM, SOURCE_SBOM].iter().any(|name| pattern.matches(name));
            let mut used = paths.iter().filter(|path| path.kind() != Kind::Beside && selection.wants(path));
            let listed = used.any(|path| pattern.matches(path.as_str()));
            if sboms || listed {
                continue;
            }
            let guesses = selection.guesses(pattern);
            if guesses.is_empty() {
                let path = format!("no list of the release's files has one that matches --only {}", pattern.as_str());
                self.refused.push(Refused { name: pattern.as_str().to_owned(), fault: Fault::Absent { path } });
            }
            paths.extend(guesses);
        }
    }
}

impl Lists<'_> {
    fn sums_have(&self, path: &ArtifactPath, version: &Version) -> bool {
        let sums = self.sums.as_deref().unwrap_or_default();
        listed(sums, version).iter().any(|listed| listed.as_ref() == Ok(path))
    }
}

/// Lines of `HEX  PATH`.
fn listed(sums: &[u8], version: &Version) -> Vec<Result<ArtifactPath, BadPath>> {
    let text = String::from_utf8_lossy(sums);
    let names = text.lines().filter_map(|line| line.split_once(' ')).map(|(_, name)| name.trim_start());
    // `*` marks binary mode in lists of coreutils.
    let names = names.map(|name| name.strip_prefix('*').unwrap_or(name)).take(FILES);
    names.map(|name| ArtifactPath::parse_listed(name, version)).collect()
}

fn locked(lock: Option<&Lock>, version: &Version) -> Vec<Result<ArtifactPath, BadPath>> {
    let prefix = format!("release/{version}/");
    let paths = lock.into_iter().flat_map(|lock| lock.paths(&prefix).map(ToOwned::to_owned).collect::<Vec<_>>());
    paths.filter_map(|path| path.strip_prefix(&prefix).map(ArtifactPath::parse)).collect()
}

/// What lies in the folder of a release.
///
/// # Errors
/// [`Fault::Absent`] if there is none.
pub fn walk(root: &Folder, version: &Version) -> Result<Vec<Found>, Fault> {
    let top = format!("release/{version}");
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), root.below(&top, Missing::Error)?, 0)];
    while let Some((prefix, folder, depth)) = folders.pop() {
        for (name, kind) in folder.list()? {
            let path = format!("{prefix}{name}");
            if is_partial(&name) {
                continue;
            }
            let name_shown = format!("{top}/{path}");
            let refused = |fault| Err(Refused { name: name_shown.clone(), fault });
            let is_unsafe = |reason| refused(Fault::Unsafe { path: name_shown.clone(), reason });
            match kind {
                _ if found.len() >= FILES => return Err(too_many(&top)),
                FileType::Directory if depth < DEPTH => match folder.below(&name, Missing::Error) {
                    Ok(below) => folders.push((format!("{path}/"), below, depth + 1)),
                    Err(fault) => found.push(refused(fault)),
                },
                FileType::Directory => found.push(is_unsafe("there are too many folders within folders")),
                FileType::RegularFile => match ArtifactPath::parse(&path) {
                    Ok(path) => found.push(Ok(path)),
                    Err(bad) => found.push(refused(Fault::Path(bad))),
                },
                _ => found.push(is_unsafe("it is a link or no regular file, and is not followed")),
            }
        }
    }
    Ok(found)
}

fn too_many(top: &str) -> Fault {
    Fault::Unsafe { path: top.to_owned(), reason: "there are too many files" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::layout::Platform;
    use super::*;

    fn plan(sums: &str, platforms: &[&str], only: &[&str]) -> Plan {
        let version = Version::parse("v1.30.0").unwrap();
        let selection = Selection {
            platforms: platforms.iter().map(|p| Platform::parse(p).unwrap()).collect(),
            only: only.iter().map(|p| Pattern::parse(p).unwrap()).collect(),
            ..Selection::default()
        };
        let lists = Lists { sums: Some(sums.as_bytes().to_vec()), ..Lists::default() };
        Plan::new(&version, &selection, lists)
    }

    fn names(paths: &[ArtifactPath]) -> Vec<&str> {
        paths.iter().map(ArtifactPath::as_str).collect()
    }

    const SUMS: &str = "00  bin/linux/amd64/kubectl\n00  bin/linux/amd64/kubelet\n00 *kubernetes.tar.gz\n\
                        00  extra/gce/configure.sh\n00  kubernetes-release.spdx\n00  ../../etc/passwd\n00  /etc/shadow";

    #[test]
    fn paths_that_leave_the_release_are_told_and_not_used() {
        let plan = plan(SUMS, &[], &[]);
        assert_eq!(names(&plan.files), ["bin/linux/amd64/kubectl", "bin/linux/amd64/kubelet", "kubernetes.tar.gz"]);
        assert_eq!(names(&plan.unsigned), ["SHA256SUMS", "SHA512SUMS", "provenance.json"]);
        assert!(plan.refused.iter().all(|refused| refused.fault.code() == "path-unsafe"));
        assert_eq!(plan.refused.len(), 2);
    }

    #[test]
    fn what_no_list_has_is_guessed_or_told() {
        let sums = "00  bin/linux/amd64/kubectl\n";
        let found = plan(sums, &["linux/arm64"], &["kubectl"]);
        assert_eq!(names(&found.files), ["bin/linux/arm64/kubectl"]);
        let nothing = plan(sums, &[], &["kubelt*"]);
        assert_eq!((nothing.files.len(), nothing.refused.len()), (0, 1));
        assert_eq!(nothing.refused.first().unwrap().fault.code(), "file-missing");
    }
}
