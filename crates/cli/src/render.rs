//! What is printed: rendered from [`Verified`] or a failure, never from evidence.

use serde_json::{Map, Value, json};
use sigward_verify::verifier::ProvedSigner;
use sigward_verify::{Check, Outcome, Record, Report, Verified};

use crate::failure::Failure;

/// Width that texts are wrapped to.
const WIDTH: usize = 80;

/// Every check with what it saw, for people.
pub fn explain(name: &str, format: &str, report: &Report) -> String {
    let mut out = format!("{name} ({format})\n");
    for record in report.records() {
        let (mark, note) = match &record.outcome {
            Outcome::Passed if record.diagnostic => ("ok", " (for information)"),
            Outcome::Passed => ("ok", ""),
            Outcome::Failed(_) if record.diagnostic => ("FAIL", " (for information)"),
            Outcome::Failed(_) => ("FAIL", ""),
            Outcome::Waived(_) => ("skip", ""),
            Outcome::NotReached => ("-", " (not reached)"),
            Outcome::NotApplicable => ("-", " (does not apply)"),
        };
        out.push_str(&format!("  {mark:<5} {}{note}\n", record.check.name()));
        for (label, text) in details(record) {
            wrap(&mut out, label, &text);
        }
    }
    out
}

fn details(record: &Record) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if !record.expected.is_empty() {
        lines.push(("expected", record.expected.clone()));
    }
    if !record.found.is_empty() {
        lines.push(("found", record.found.clone()));
    }
    match &record.outcome {
        Outcome::Failed(error) => lines.push(("reason", error.code().to_owned())),
        Outcome::Waived(setting) => lines.push(("waived by", (*setting).to_owned())),
        _ => {}
    }
    lines
}

/// Appends `label: text`, broken between words and indented; a word longer than a line stays whole, so that it can be
/// copied.
fn wrap(out: &mut String, label: &str, text: &str) {
    let indent = " ".repeat(19);
    let mut line = format!("{:>17}: ", label);
    let mut length = line.chars().count();
    for (at, word) in text.split_whitespace().enumerate() {
        let word_length = word.chars().count();
        if at > 0 && length + 1 + word_length > WIDTH {
            out.push_str(line.trim_end());
            out.push('\n');
            line = indent.clone();
            length = indent.len();
        } else if at > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += word_length;
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

/// Whether reports list every check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// They do.
    Listed,
    /// They do not.
    Omitted,
}

/// A verified blob as JSON.
pub fn verified(name: &str, verified: &Verified, checks: Checks) -> Value {
    let mut out = Map::new();
    out.insert("blob".into(), name.into());
    out.insert("verified".into(), true.into());
    out.insert("format".into(), verified.profile().name().into());
    out.insert("digest".into(), verified.digest().map(ToString::to_string).into());
    if let Some(statement) = verified.statement() {
        out.insert("predicateType".into(), statement.predicate_type.clone().into());
    }
    out.insert("signer".into(), signer(verified.signer()));
    let entries = verified.entries().iter().map(|entry| {
        json!({
            "log": entry.log,
            "logID": sigward_verify::hex(&entry.log_id),
            "logIndex": entry.log_index,
            "integratedTime": entry.integrated_time.map(|t| t.to_string()),
            "inclusionProof": entry.inclusion,
        })
    });
    out.insert("logEntries".into(), entries.collect());
    let stamps = verified.timestamps().iter().map(|t| json!({ "authority": t.authority, "time": t.time.to_string() }));
    out.insert("timestamps".into(), stamps.collect());
    out.insert("waived".into(), verified.waivers().iter().map(|w| Value::from(w.setting())).collect());
    if checks == Checks::Listed {
        out.insert("checks".into(), report(verified.report()));
    }
    Value::Object(out)
}

fn signer(signer: &ProvedSigner) -> Value {
    match signer {
        ProvedSigner::Key { fingerprint } => json!({ "key": fingerprint }),
        ProvedSigner::Identity(identity) => {
            let workflow = &identity.workflow;
            let claims = [
                ("trigger", &workflow.trigger),
                ("sha", &workflow.sha),
                ("name", &workflow.name),
                ("repository", &workflow.repository),
                ("ref", &workflow.reference),
            ];
            let claims: Map<_, _> =
                claims.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v.clone()?.into()))).collect();
            let mut out = Map::new();
            out.insert("subject".into(), identity.subject.clone().into());
            out.insert("issuer".into(), identity.issuer.clone().into());
            if !claims.is_empty() {
                out.insert("githubWorkflow".into(), Value::Object(claims));
            }
            Value::Object(out)
        }
    }
}

/// A failed blob as JSON.
pub fn failed(name: &str, failure: &Failure, checks: Checks) -> Value {
    let mut out = Map::new();
    out.insert("blob".into(), name.into());
    out.insert("verified".into(), false.into());
    out.insert(
        "error".into(),
        json!({ "code": failure.code(), "message": failure.to_string(), "hint": failure.hint() }),
    );
    if let (Checks::Listed, Failure::Verification(failure)) = (checks, failure) {
        out.insert("checks".into(), report(&failure.report));
    }
    Value::Object(out)
}

fn report(report: &Report) -> Value {
    let records = report.records().iter().map(|record| {
        let (result, code, setting) = match &record.outcome {
            Outcome::Passed => ("passed", None, None),
            Outcome::Failed(error) => ("failed", Some(error.code()), None),
            Outcome::Waived(setting) => ("waived", None, Some(*setting)),
            Outcome::NotReached => ("not-reached", None, None),
            Outcome::NotApplicable => ("not-applicable", None, None),
        };
        let mut out = Map::new();
        out.insert("check".into(), Check::name(record.check).into());
        out.insert("result".into(), result.into());
        for (key, text) in [("expected", &record.expected), ("found", &record.found)] {
            if !text.is_empty() {
                out.insert(key.into(), text.clone().into());
            }
        }
        for (key, text) in [("code", code), ("waivedBy", setting)] {
            if let Some(text) = text {
                out.insert(key.into(), text.into());
            }
        }
        if record.diagnostic {
            out.insert("diagnostic".into(), true.into());
        }
        Value::Object(out)
    });
    records.collect()
}

/// A warning about a pattern that also matches longer names.
pub fn loose_pattern(pattern: &str) -> String {
    format!(
        "WARNING: the pattern {pattern:?} is not anchored and also matches longer names; write ^…$ to accept only whole \
         names."
    )
}
