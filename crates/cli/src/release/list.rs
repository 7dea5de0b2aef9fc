//! `release list`: what a server says there is. Nothing of it is verified, and the output says so.

use std::collections::BTreeMap;

use serde_json::json;
use sigward_fetch::RetryPolicy;

use super::fault::Fault;
use super::flow::{self, Resolved, into_failure};
use super::layout::{ArtifactPath, Kind, RELEASE_SBOM, SUMS, Selection};
use super::markers::{Choice, Marker, Version};
use super::plan::SUMS_BYTES;
use super::sbom_images::SbomImage;
use super::server::{Intake, Server};
use super::spdx::Keep;
use super::witness::{Subject, Witness, check_head};
use crate::failure::Failure;
use crate::network::Network;

/// Minor versions before the newest that are looked for: Kubernetes supports three, and one more for a time.
const MINORS: u32 = 4;

/// The versions that marker files name.
///
/// # Errors
/// [`Failure::Network`] if the server has none.
pub fn versions(base: &str, retry: RetryPolicy, network: &Network) -> Result<Vec<(String, Version)>, Failure> {
    let server = Server::new(base, retry, network).map_err(into_failure)?;
    let mut found = Vec::new();
    let mut ask = |marker: &Marker| -> Result<Option<Version>, Failure> {
        let path = format!("release/{marker}.txt");
        let Some(bytes) = server.small(&path, Marker::LIMIT).map_err(into_failure)? else { return Ok(None) };
        let failed = |reason: String| Failure::Network { what: format!("{base}/{path}"), reason };
        let version = marker.read(&bytes).map_err(|fault| failed(fault.to_string()))?;
        found.push((marker.to_string(), version.clone()));
        Ok(Some(version))
    };
    let named = ["stable", "latest"].into_iter().filter_map(Marker::parse);
    let mut newest = None;
    for marker in named {
        let version = ask(&marker)?;
        newest = newest.max(version);
    }
    let Some((major, minor)) = newest.map(|version| version.minor()) else {
        return Err(Failure::Network { what: format!("{base}/release/"), reason: "no marker files".into() });
    };
    for minor in (minor.saturating_sub(MINORS)..=minor).rev() {
        ask(&Marker::stable_of(major, minor))?;
    }
    Ok(found)
}

/// What is in a release.
#[derive(Debug)]
pub struct Listing {
    /// The version.
    pub resolved: Resolved,
    files: Vec<ArtifactPath>,
    images: Vec<SbomImage>,
}

/// What a server says is in a release.
///
/// # Errors
/// [`Failure::Network`] if it has neither list nor SBOM.
pub fn release(
    choice: &Choice,
    base: &str,
    selection: &Selection,
    retry: RetryPolicy,
    network: &Network,
) -> Result<Listing, Failure> {
    let resolved = flow::resolve(choice, base, retry, network)?;
    let version = &resolved.version;
    let server = Server::new(base, retry, network).map_err(into_failure)?;
    let sums = server.small(&format!("release/{version}/{SUMS}"), SUMS_BYTES).map_err(into_failure)?;
    let sbom = match read_sbom(&server, version) {
        Ok(sbom) => Some(sbom),
        Err(Fault::Missing { .. }) => None,
        Err(fault) => return Err(into_failure(fault)),
    };
    if sums.is_none() && sbom.is_none() {
        let what = format!("{base}/release/{version}/");
        return Err(Failure::Network { what, reason: format!("there is neither {SUMS} nor {RELEASE_SBOM}") });
    }
    let lists = super::plan::Lists { sbom: sbom.as_ref(), sums, ..Default::default() };
    let mut sboms = Vec::new();
    if sbom.is_some() {
        sboms.extend(ArtifactPath::parse(RELEASE_SBOM).ok().filter(|path| selection.wants(path)));
    }
    sboms.extend(super::plan::Plan::source_sbom(selection, version, &lists));
    let mut files = super::plan::Plan::new(version, selection, lists).files;
    files.extend(sboms);
    files.sort();
    Ok(Listing { files, images: sbom.map(|sbom| sbom.images().to_vec()).unwrap_or_default(), resolved })
}

fn read_sbom(server: &Server<'_>, version: &Version) -> Result<Witness, Fault> {
    let mut intake = Intake::new(sigward_verify::ArtifactNeeds::default(), Some(Keep::Everything));
    server.stream(&format!("release/{version}/{RELEASE_SBOM}"), &mut intake, None, &|_, _| {})?;
    let document = intake.finish().spdx.unwrap_or(Ok(Default::default())).map_err(super::witness::SbomFault::from)?;
    check_head(&document, version, Subject::Release)?;
    Ok(Witness::new(&document, version))
}

const UNVERIFIED: &str = "as the server says; nothing of this is verified";

impl Listing {
    /// Files by platform, SBOMs, images.
    pub fn table(&self) -> String {
        let mut out = format!("Kubernetes {}, {UNVERIFIED}\n", self.resolved.version);
        for (heading, files) in self.groups() {
            out.push_str(&format!("\n{heading}\n"));
            for file in files {
                out.push_str(&format!("  {file}\n"));
            }
        }
        if !self.images.is_empty() {
            out.push_str("\nimages\n");
            for image in &self.images {
                out.push_str(&format!("  {}\n", image.reference));
            }
        }
        out
    }

    /// One document.
    pub fn json(&self) -> serde_json::Value {
        let version = &self.resolved.version;
        let file = |path: &&ArtifactPath| {
            json!({
                "path": path.in_release(version),
                "platform": path.platform().map(|platform| platform.to_string()),
            })
        };
        let of = |sbom: bool| self.files.iter().filter(move |path| (path.kind() == Kind::Sbom) == sbom);
        let image = |image: &SbomImage| json!({ "reference": image.reference, "digest": image.digest });
        json!({
            "version": version.to_string(),
            "authenticated": false,
            "files": of(false).map(|path| file(&path)).collect::<Vec<_>>(),
            "sboms": of(true).map(|path| file(&path)).collect::<Vec<_>>(),
            "images": self.images.iter().map(image).collect::<Vec<_>>(),
        })
    }

    fn groups(&self) -> BTreeMap<String, Vec<&ArtifactPath>> {
        let mut groups: BTreeMap<String, Vec<&ArtifactPath>> = BTreeMap::new();
        for path in &self.files {
            let heading = match (path.kind(), path.platform()) {
                (Kind::Sbom, _) => "SBOMs".to_owned(),
                (_, Some(platform)) => platform.to_string(),
                (_, None) => "all platforms".to_owned(),
            };
            groups.entry(heading).or_default().push(path);
        }
        groups
    }
}

/// Versions as a table.
pub fn versions_table(versions: &[(String, Version)]) -> String {
    let mut out = format!("versions, {UNVERIFIED}\n\n");
    for (marker, version) in versions {
        out.push_str(&format!("{marker:<14} {version}\n"));
    }
    out
}

/// Versions as one document.
pub fn versions_json(versions: &[(String, Version)]) -> serde_json::Value {
    let versions: Vec<_> =
        versions.iter().map(|(marker, version)| json!({ "marker": marker, "version": version.to_string() })).collect();
    json!({ "authenticated": false, "versions": versions })
}
