//! What a test prints: as policy-tester does, as JSON with every result, as text.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sigward_policy::Reason;
use sigward_policy::cip::Mode;
use sigward_policy::decide::{AuthorityOutcome, Entry, NotGathered};
use sigward_policy::field_error::Level;

use super::judge::{Case, Judged};

impl Judged {
    /// The errors, in policy-controller's words: one for each policy that denies an image.
    pub fn errors(&self) -> Vec<String> {
        let mut errors: Vec<_> = self.cases.iter().flat_map(|case| case.texts(Level::Error)).collect();
        if errors.is_empty() {
            // A denial never goes without a word.
            errors.extend(self.verdict.message().map(str::to_owned));
        }
        errors
    }

    /// The warnings: of policies that only warn, and others.
    pub fn all_warnings(&self) -> Vec<String> {
        let mut all = self.warnings.clone();
        all.extend(self.cases.iter().flat_map(|case| case.texts(Level::Warning)));
        all
    }

    /// policy-tester's line of JSON.
    pub fn tester_line(&self) -> String {
        let mut line = serde_json::Map::new();
        for (name, texts) in [("errors", self.errors()), ("warnings", self.all_warnings())] {
            if !texts.is_empty() {
                line.insert(name.to_owned(), texts.into());
            }
        }
        // As Go writes it.
        let line = Value::Object(line).to_string();
        line.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
    }

    /// Every result.
    pub fn json(&self) -> Value {
        let images: Vec<_> = self.cases.iter().map(Case::json).collect();
        json!({
            "allowed": self.verdict.is_allowed(),
            "errors": self.errors(),
            "images": images,
            "warnings": self.all_warnings(),
        })
    }

    /// Every result, for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for case in &self.cases {
            case.write(&mut text);
        }
        let denied = self.cases.iter().filter(|case| !case.decision.passes()).count();
        let admitted = self.cases.len().saturating_sub(denied);
        let _ = writeln!(text, "images: {admitted} admitted, {denied} denied");
        text
    }

    /// What every authority said, and every request.
    pub fn explanation(&self) -> String {
        let mut text = String::new();
        for case in &self.cases {
            let _ = writeln!(text, "{}", case.title());
            for (policy, authority, question) in case.plan.asked_for() {
                let said = match question.and_then(|index| case.outcomes.get(index)) {
                    Some(outcome) => in_words(outcome),
                    None => "nothing was asked (a fixed answer, or it cannot be used)".to_owned(),
                };
                let place = question.and_then(|index| case.plan.questions().get(index));
                let place = place.map(|question| format!(" at {}", question.place())).unwrap_or_default();
                let _ = writeln!(text, "  {}, {authority}{place}: {said}", policy.name());
            }
        }
        for request in &self.requests {
            let _ = writeln!(text, "  {request}");
        }
        text
    }
}

fn in_words(outcome: &AuthorityOutcome) -> String {
    match outcome {
        AuthorityOutcome::Proved(proof) => {
            let signers = proof.signatures().iter().map(|signer| match signer.subject.as_str() {
                "" => "the key".to_owned(),
                subject => format!("{subject} ({})", signer.issuer),
            });
            let mut said: Vec<_> = signers.collect();
            if said.is_empty() {
                said.push("attestations".to_owned());
            }
            let waivers: Vec<_> = proof.waivers().collect();
            let waived = if waivers.is_empty() { String::new() } else { format!("; waived: {}", waivers.join(", ")) };
            format!("proved by {}{waived}", said.join(", "))
        }
        AuthorityOutcome::Refused(refusal) => format!("refused [{}]: {refusal}", refusal.reason().code()),
        AuthorityOutcome::NotGathered(NotGathered::Deadline) => "not answered in time".to_owned(),
        AuthorityOutcome::NotGathered(NotGathered::Stopped(reason)) => format!("not answered: {reason}"),
        AuthorityOutcome::NotGathered(NotGathered::NotNeeded) => "not asked".to_owned(),
    }
}

impl Case {
    fn title(&self) -> String {
        let digest = self.digest.filter(|digest| !self.image.contains(&digest.to_string()));
        let digest = digest.map(|digest| format!(" ({digest})")).unwrap_or_default();
        let object = self.object.as_ref().map(|it| format!(" of {it}")).unwrap_or_default();
        let fields = if self.fields.is_empty() { String::new() } else { format!(", {}", self.fields.join(", ")) };
        format!("{}{digest}{object}{fields}", self.image)
    }

    fn texts(&self, level: Level) -> Vec<String> {
        if let (Some(reason), Level::Error) = (&self.unresolved, level) {
            return vec![format!("{}: {reason}", self.image)];
        }
        let entries = self.decision.entries().iter().filter(|entry| entry.level == level);
        entries.map(|entry| self.text_of(entry)).collect()
    }

    /// In the words of policy-tester: one line for each fault, each with the colon of an error without a path
    /// (specs/policy-controller.md §3.1, §4).
    fn text_of(&self, entry: &Entry) -> String {
        if entry.reasons == [Reason::NoMatchingPolicy] {
            return format!("{} is uncovered by policy", self.image);
        }
        if entry.faults.is_empty() {
            return format!("{}: ", entry.message);
        }
        let mut faults: Vec<_> = entry.faults.iter().map(|fault| format!("{fault}: ")).collect();
        faults.sort();
        faults.dedup();
        faults.join("\n")
    }

    fn verdict(&self) -> &'static str {
        match (self.decision.passes(), self.decision.entries().is_empty()) {
            (false, _) => "denied",
            (true, true) => "admitted",
            (true, false) => "admitted with warnings",
        }
    }

    /// What a policy says: the word, and its entry if it says no.
    fn said(&self, policy: &str) -> (&'static str, Option<&Entry>) {
        let entry = self.decision.entries().iter().find(|entry| entry.policy.as_deref() == Some(policy));
        let word = match entry.map(|entry| entry.level) {
            None => "pass",
            Some(Level::Warning) => "warn",
            Some(Level::Error) => "fail",
        };
        (word, entry)
    }

    fn json(&self) -> Value {
        let policies = self.plan.policies().map(|policy| {
            let (verdict, entry) = self.said(policy.name());
            let reasons: Vec<_> = entry.iter().flat_map(|entry| &entry.reasons).map(|reason| reason.code()).collect();
            let mode = if policy.mode() == Mode::Warn { "warn" } else { "enforce" };
            let faults = entry.map(|entry| entry.faults.clone()).unwrap_or_default();
            json!({ "faults": faults, "mode": mode, "name": policy.name(), "reasons": reasons, "verdict": verdict })
        });
        json!({
            "allowed": self.decision.passes(),
            "digest": self.digest.map(|digest| digest.to_string()),
            "fields": self.fields,
            "image": self.image,
            "object": self.object,
            "policies": policies.collect::<Vec<_>>(),
        })
    }

    fn write(&self, text: &mut String) {
        let _ = writeln!(text, "{}: {}", self.verdict(), self.title());
        for policy in self.plan.policies() {
            let (word, entry) = self.said(policy.name());
            let _ = writeln!(text, "  {word}  {}", policy.name());
            for fault in entry.iter().flat_map(|entry| &entry.faults) {
                let _ = writeln!(text, "        {}", fault.replace('\n', "\n        "));
            }
        }
        if let Some(reason) = &self.unresolved {
            let _ = writeln!(text, "        {reason}");
        }
        for entry in self.decision.entries().iter().filter(|entry| entry.policy.is_none()) {
            let _ = writeln!(text, "        {}", self.text_of(entry).trim_end_matches(": "));
        }
    }
}
