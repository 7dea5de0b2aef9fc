//! What became of a release, as a table and as JSON.

use serde_json::{Map, Value, json};

use super::fault::State;
use super::flow::Resolved;
use super::outcome::Outcome;

/// Columns that a table may have.
const WIDTH: usize = 80;

/// What is reported.
#[derive(Debug)]
pub struct Report<'r> {
    /// The version.
    pub resolved: &'r Resolved,
    /// What became of each file and image.
    pub outcomes: &'r [Outcome],
}

impl Report<'_> {
    /// Whether all that was asked for is verified, or accepted. Nothing at all is no success.
    pub fn is_success(&self) -> bool {
        self.outcomes.iter().any(|o| o.asked && !o.is_failure()) && !self.outcomes.iter().any(Outcome::is_failure)
    }

    /// A note that the version is nobody's word, if it came from a marker.
    pub fn marker_note(&self) -> Option<String> {
        let marker = self.resolved.marker.as_ref()?;
        let version = &self.resolved.version;
        Some(format!("{version} is what {marker} says, unauthenticated: nobody signs marker files"))
    }

    /// How many are in which state, as in `12 verified, 1 refused`.
    pub fn summary(&self) -> String {
        const STATES: [State; 6] =
            [State::Verified, State::Unnamed, State::Refused, State::Unsigned, State::Missing, State::Error];
        let counted = STATES.iter().filter_map(|state| {
            let count = self.outcomes.iter().filter(|o| o.state() == *state).count();
            (count > 0).then(|| format!("{count} {}", state.name()))
        });
        counted.collect::<Vec<_>>().join(", ")
    }

    /// One line a file; why it is not verified below it.
    pub fn table(&self) -> String {
        let mut out = format!("Kubernetes {}\n", self.resolved.version);
        if let Some(note) = self.marker_note() {
            wrap(&mut out, "", &note);
        }
        out.push('\n');
        for outcome in self.outcomes {
            out.push_str(&format!("{:<9} {}\n", outcome.state().name(), outcome.name));
            if let Err(fault) = &outcome.result {
                wrap(&mut out, "    ", &format!("{fault} [{}]", fault.code()));
            }
            if let Some(known) = &outcome.known {
                wrap(&mut out, "    ", &known.to_string());
            }
            if let Some(flag) = outcome.accepted.flag() {
                wrap(&mut out, "    ", &format!("accepted by {flag}"));
            }
        }
        out.push_str(&format!("\n{}\n", self.summary()));
        out
    }

    /// One document.
    pub fn json(&self) -> Value {
        let artifacts: Vec<Value> = self.outcomes.iter().map(artifact).collect();
        json!({
            "version": self.resolved.version.to_string(),
            "versionSource": match &self.resolved.marker {
                None => json!({ "kind": "argument" }),
                Some(marker) => json!({ "kind": "marker", "marker": marker, "authenticated": false }),
            },
            "verified": self.is_success(),
            "artifacts": artifacts,
        })
    }
}

fn artifact(outcome: &Outcome) -> Value {
    let mut out = Map::new();
    out.insert("path".into(), outcome.name.clone().into());
    out.insert("state".into(), outcome.state().name().into());
    let fault = outcome.result.as_ref().err();
    out.insert("code".into(), fault.map(super::fault::Fault::code).into());
    out.insert("reason".into(), fault.map(ToString::to_string).into());
    out.insert("asked".into(), outcome.asked.into());
    if let Ok(proof) = &outcome.result {
        out.insert("digest".into(), proof.locked.digest.clone().into());
        out.insert("identity".into(), proof.locked.identity.clone().into());
        out.insert("issuer".into(), proof.locked.issuer.clone().into());
        let entry = proof.locked.log_entry.as_ref();
        let entry = entry.map(|entry| {
            json!({
                "logID": entry.log_id,
                "logIndex": entry.log_index,
                "integratedTime": proof.time.map(|time| time.to_string()),
            })
        });
        out.insert("logEntry".into(), entry.into());
    }
    if let Some(hint) = fault.and_then(super::fault::Fault::hint) {
        out.insert("hint".into(), hint.into());
    }
    if let Some(known) = &outcome.known {
        out.insert(
            "knownFault".into(),
            json!({ "text": known.text, "inferred": known.inferred, "sources": known.sources }),
        );
    }
    if let Some(flag) = outcome.accepted.flag() {
        out.insert("acceptedBy".into(), flag.into());
    }
    Value::Object(out)
}

/// Appends words in lines of at most 80 columns; a word that is longer stays whole, so that it can be copied.
fn wrap(out: &mut String, indent: &str, text: &str) {
    let mut line = indent.to_owned();
    for word in text.split_whitespace() {
        if line.len() > indent.len() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out.push_str(&line);
            out.push('\n');
            indent.clone_into(&mut line);
        }
        if line.len() > indent.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
}
