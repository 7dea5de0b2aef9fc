//! What the commands print about images of manifests.

use serde_json::{Value, json};
use sigward_verify::image::{Claim, ImageVerdict, ProvedEvidence};
use sigward_verify::verifier::ProvedSigner;

use crate::commands::plain;
use crate::failure::Failure;

use super::edit::is_pinned;
use super::judge::{Judged, Judgement};
use super::survey::{Found, Manifest, Survey};

/// All images with their places, as a table.
#[must_use]
pub fn table(survey: &Survey) -> String {
    let heading = ["FILE", "DOCUMENT", "OBJECT", "PATH", "IMAGE"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(heading)
        .chain(survey.images().map(|(manifest, found)| {
            let image = &found.image;
            let place = format!("{}:{}", manifest.name, image.line);
            let document = found.document.to_string();
            [place, document, image.object.to_string(), image.path.to_string(), image.text.clone()]
        }))
        .map(|row| row.map(|cell| plain(&cell)))
        .collect();
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; 5]| {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Each image with its places and what was proved, for people.
#[must_use]
pub fn verdicts(survey: &Survey, judgement: &Judgement) -> String {
    let mut out = String::new();
    let (mut all, mut good) = (0, 0);
    for judged in judgement.all() {
        all += 1;
        match &judged.outcome {
            Ok(verdict) => {
                good += 1;
                // A pinned name ends with it.
                let digest = if is_pinned(&judged.reference) { String::new() } else { format!(" {}", verdict.digest) };
                out.push_str(&format!("verified  {}{digest}\n", judged.reference.name()));
                for proved in &verdict.proved {
                    out.push_str(&format!("          {} by {}\n", proved.kind(), signer(proved)));
                }
            }
            Err(failure) => out.push_str(&format!("FAILED    {}: {failure}\n", judged.reference.name())),
        }
        for (manifest, found) in places(survey, judged) {
            let image = &found.image;
            out.push_str(&format!("          {}:{} {} {}\n", manifest.name, image.line, image.object, image.path));
        }
    }
    out.push_str(&format!("{good} of {all} images verified"));
    plain(&out)
}

/// What `images` knows, as JSON.
#[must_use]
pub fn list(survey: &Survey) -> Value {
    let images: Vec<_> = survey.images().map(|(manifest, found)| place(manifest, found)).collect();
    json!({ "images": images, "errors": errors(survey), "notes": survey.notes, "unnamed": unnamed(survey) })
}

/// What `verify` and `pin` know, as JSON.
#[must_use]
pub fn judged(survey: &Survey, judgement: &Judgement) -> Value {
    let images: Vec<_> = judgement.all().map(|judged| image(survey, judged)).collect();
    let verified = judgement.all().all(|judged| judged.outcome.is_ok())
        && survey.manifests.iter().all(|manifest| manifest.errors.is_empty() && manifest.unnamed.is_empty());
    json!({
        "verified": verified,
        "images": images,
        "errors": errors(survey),
        "notes": survey.notes,
        "unnamed": unnamed(survey),
    })
}

fn image(survey: &Survey, judged: &Judged) -> Value {
    let places: Vec<_> = places(survey, judged).map(|(manifest, found)| place(manifest, found)).collect();
    let outcome = judged.outcome.as_ref();
    let error = |failure: &Failure| json!({ "code": failure.code(), "message": failure.to_string() });
    json!({
        "image": judged.reference.name(),
        "verified": outcome.is_ok(),
        "digest": outcome.ok().map(|verdict| verdict.digest.to_string()),
        "pinned": is_pinned(&judged.reference),
        "evidence": outcome.map_or_else(|_| json!([]), evidence),
        "error": outcome.err().map(error),
        "otherRepositories": judged.other_repositories,
        "places": places,
    })
}

fn evidence(verdict: &ImageVerdict) -> Value {
    let all = verdict.proved.iter().map(|proved| {
        let reference = match proved.claim() {
            Claim::Simple(Some(claim)) => Some(claim.docker_reference.as_str()),
            _ => None,
        };
        json!({ "kind": proved.kind().to_string(), "signer": signer(proved), "dockerReference": reference })
    });
    all.collect()
}

fn signer(proved: &ProvedEvidence) -> String {
    match proved.verified().signer() {
        ProvedSigner::Key { fingerprint } => format!("key {}", fingerprint.get(..16).unwrap_or(fingerprint)),
        ProvedSigner::Identity(identity) => identity.subject.clone(),
    }
}

fn places<'s>(survey: &'s Survey, judged: &'s Judged) -> impl Iterator<Item = (&'s Manifest, &'s Found)> {
    let name = judged.reference.name();
    survey.images().filter(move |(_, found)| found.reference.name() == name)
}

fn place(manifest: &Manifest, found: &Found) -> Value {
    let image = &found.image;
    json!({
        "file": manifest.name,
        "document": found.document,
        "line": image.line,
        "kind": image.object.kind,
        "namespace": image.object.namespace,
        "name": image.object.name,
        "path": image.path.to_string(),
        "image": image.text,
        "pinned": is_pinned(&found.reference),
    })
}

fn errors(survey: &Survey) -> Value {
    let all = survey.manifests.iter().flat_map(|manifest| {
        manifest
            .errors
            .iter()
            .map(|failure| json!({ "file": manifest.name, "code": failure.code(), "message": failure.to_string() }))
    });
    all.collect()
}

fn unnamed(survey: &Survey) -> Value {
    let all = survey.manifests.iter().flat_map(|manifest| {
        manifest.unnamed.iter().map(|error| json!({ "file": manifest.name, "message": error.to_string() }))
    });
    all.collect()
}
