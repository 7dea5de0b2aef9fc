//! What became of a release, for machines of others: SARIF 2.1.0 (OASIS) and JUnit's XML.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fault::Fault;
use super::outcome::Outcome;
use super::report::Report;

/// SARIF: one result for each file that is not verified. What is accepted or was not asked for is a note.
pub fn sarif(report: &Report<'_>) -> Value {
    let mut rules: BTreeMap<&str, Value> = BTreeMap::new();
    let mut results = Vec::new();
    for outcome in report.outcomes {
        let Err(fault) = &outcome.result else { continue };
        let id = fault.code();
        rules.insert(id, json!({ "id": id, "name": outcome.state().name() }));
        results.push(json!({
            "ruleId": id,
            "level": if outcome.is_failure() { "error" } else { "note" },
            "message": { "text": message(outcome, fault) },
            "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&outcome.name) } } }],
        }));
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "sigward",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.into_values().collect::<Vec<_>>(),
            } },
            "invocations": [{ "executionSuccessful": report.is_success() }],
            "results": results,
        }],
    })
}

/// JUnit: one test case for each file. What is accepted or was not asked for is skipped.
pub fn junit(report: &Report<'_>) -> String {
    let failures = report.outcomes.iter().filter(|outcome| outcome.is_failure()).count();
    let skipped = report.outcomes.iter().filter(|o| o.result.is_err() && !o.is_failure()).count();
    let all = report.outcomes.len();
    let suite = format!("Kubernetes {}", report.resolved.version);
    let counts =
        format!("name=\"{}\" tests=\"{all}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"", xml(&suite));
    let mut out =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite {counts}>\n");
    for outcome in report.outcomes {
        let case = format!("    <testcase classname=\"{}\" name=\"{}\"", xml(&suite), xml(&outcome.name));
        match &outcome.result {
            Ok(_) => out.push_str(&format!("{case}/>\n")),
            Err(fault) if outcome.is_failure() => out.push_str(&format!(
                "{case}>\n      <failure type=\"{}\" message=\"{}\"/>\n    </testcase>\n",
                xml(fault.code()),
                xml(&message(outcome, fault)),
            )),
            Err(fault) => out.push_str(&format!(
                "{case}>\n      <skipped message=\"{}\"/>\n    </testcase>\n",
                xml(&message(outcome, fault)),
            )),
        }
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn message(outcome: &Outcome, fault: &Fault) -> String {
    let known = outcome.known.as_ref().map(|known| format!(" ({known})"));
    let accepted = outcome.accepted.flag().map(|flag| format!(" (accepted by {flag})"));
    format!("{}: {fault}{}{}", outcome.state().name(), known.unwrap_or_default(), accepted.unwrap_or_default())
}

/// A URI reference (RFC 3986): names of images have a colon, and a first part with one would be a scheme.
fn uri(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'/' | b'+');
    let escape = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    name.bytes().map(escape).collect()
}

/// Text within an attribute. Characters that XML 1.0 cannot have are replaced.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\r' | '\t' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::super::flow::Resolved;
    use super::super::markers::Version;
    use super::super::outcome::Accepted;
    use super::*;

    fn outcome(name: &str, fault: Fault, accepted: Accepted) -> Outcome {
        Outcome { name: name.into(), asked: true, result: Err(fault), known: None, accepted }
    }

    #[test]
    fn strangers_names_do_not_break_documents() {
        let evil = "x\"/><failure>\u{1b}[2J&";
        let outcomes = [
            outcome(evil, Fault::NeverSigned, Accepted::No),
            outcome("registry.k8s.io/a:b", Fault::Unnamed { why: "x".into() }, Accepted::Unnamed),
        ];
        let resolved = Resolved { version: Version::parse("v1.30.0").unwrap(), marker: None };
        let report = Report { resolved: &resolved, outcomes: &outcomes };
        let text = junit(&report);
        assert!(text.contains("name=\"x&quot;/&gt;&lt;failure&gt;\u{fffd}[2J&amp;\""), "{text}");
        assert!(text.contains("failures=\"1\" errors=\"0\" skipped=\"1\""), "{text}");
        let document = sarif(&report);
        let results = &document["runs"][0]["results"];
        assert_eq!((results[0]["level"].as_str(), results[1]["level"].as_str()), (Some("error"), Some("note")));
        let place = &results[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(place, "registry.k8s.io/a%3Ab");
        assert_eq!(document["runs"][0]["invocations"][0]["executionSuccessful"], false);
    }

    #[test]
    fn nothing_is_no_success() {
        let resolved = Resolved { version: Version::parse("v1.30.0").unwrap(), marker: None };
        assert!(!Report { resolved: &resolved, outcomes: &[] }.is_success());
    }
}
