//! `policy lint`: do policies say what their authors mean?

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;
use sigward_policy::limits::MAX_POLICY_BYTES;
use sigward_policy::rego;

use super::policy::text;
use crate::args::request::{LintFailing, ManifestInput, OutputFormat, PolicyLanguage, PolicyLintRequest};
use crate::commands::Streams;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::manifest::limits::FILE_BYTES;
use crate::manifest::source::read_where;
use crate::policy_document::{self, Embedded, Given, Judged, Problem};

/// `policy lint`.
pub fn run(request: &PolicyLintRequest, streams: &mut Streams<'_>) -> Exit {
    match lint_all(request, streams) {
        Ok(exit) => exit,
        Err(failure) => streams.fail(&failure),
    }
}

/// How grave a finding is, the gravest last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Severity {
    Note,
    Warning,
    Error,
}

impl Severity {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A finding with its place.
struct Finding {
    file: String,
    line: Option<usize>,
    /// The policy within the file, where the file holds several.
    policy: String,
    severity: Severity,
    code: &'static str,
    path: String,
    message: String,
}

fn lint_all(request: &PolicyLintRequest, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let mut findings = Vec::new();
    for file in &request.files {
        match file.is_dir() {
            true => findings.extend(lint_folder(file)?),
            false => findings.extend(lint_file(file)?),
        }
    }
    let count = |severity| findings.iter().filter(|f: &&Finding| f.severity == severity).count();
    let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    match request.output {
        OutputFormat::Json => {
            let findings: Vec<_> = findings.iter().map(as_json).collect();
            let report = json!({ "findings": findings, "errors": errors, "warnings": warnings, "notes": notes });
            streams.result(report)?;
        }
        OutputFormat::Text => {
            for finding in &findings {
                streams.result(super::plain(&as_text(finding)))?;
            }
            streams.say(format_args!("{errors} errors, {warnings} warnings, {notes} notes"));
        }
    }
    let fails = errors > 0 || (warnings > 0 && request.failing == LintFailing::Warnings);
    Ok(if fails { Exit::Failure } else { Exit::Success })
}

fn lint_folder(folder: &Path) -> Result<Vec<Finding>, Failure> {
    let sources = read_where(&[ManifestInput::Path(folder.to_owned())], |path| Content::of(path).is_some())?;
    if sources.files.is_empty() {
        return Err(nothing_to_lint(folder));
    }
    let mut findings = Vec::new();
    for source in sources.files {
        // An error of the folder, or of the file.
        source.text?;
        findings.extend(lint_file(Path::new(&source.name))?);
    }
    Ok(findings)
}

/// What a file holds, by the end of its name.
enum Content {
    Cue,
    Rego,
    Documents,
}

impl Content {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "cue" => Some(Self::Cue),
            "rego" => Some(Self::Rego),
            "yaml" | "yml" | "json" => Some(Self::Documents),
            _ => None,
        }
    }
}

fn nothing_to_lint(path: &Path) -> Failure {
    Failure::Read {
        what: format!("lint {}", path.display()),
        reason: "expected a file that ends in .cue, .rego, .yaml, .yml or .json".to_owned(),
    }
}

fn lint_file(path: &Path) -> Result<Vec<Finding>, Failure> {
    let name = path.display().to_string();
    match Content::of(path) {
        Some(Content::Cue) => Ok(lint_cue(&name, &text(path, MAX_POLICY_BYTES)?)),
        Some(Content::Rego) => Ok(lint_text(&name, PolicyLanguage::Rego, &text(path, MAX_POLICY_BYTES)?, &[])),
        Some(Content::Documents) => {
            let limit = usize::try_from(FILE_BYTES).unwrap_or(usize::MAX);
            Ok(lint_documents(&name, &text(path, limit)?))
        }
        None => Err(nothing_to_lint(path)),
    }
}

/// A file says not what its policy is asked about. One that speaks of a predicate is about attestations.
fn lint_cue(file: &str, policy: &str) -> Vec<Finding> {
    let mut findings = lint_text(file, PolicyLanguage::Cue, policy, &[]);
    if findings.iter().any(|finding| finding.path.starts_with("predicate")) {
        let given = Judged::Attestation.given();
        findings.retain(|finding| finding.code != "missing-field" || !given.contains(&&*finding.path));
    }
    findings
}

fn lint_documents(file: &str, yaml: &str) -> Vec<Finding> {
    let unreadable = |message: String| Finding {
        file: file.to_owned(),
        line: None,
        policy: String::new(),
        severity: Severity::Error,
        code: "unreadable",
        path: String::new(),
        message,
    };
    if u64::try_from(yaml.len()).unwrap_or(u64::MAX) > FILE_BYTES {
        return vec![unreadable(format!("more than {FILE_BYTES} bytes"))];
    }
    let documents = match policy_document::read(file, yaml) {
        Ok(documents) => documents,
        Err(error) => return vec![unreadable(error.to_string())],
    };
    let mut findings = Vec::new();
    for problem in documents.problems {
        let Problem { policy, line, code, message, denies } = problem;
        let (file, path) = (file.to_owned(), String::new());
        let severity = if denies { Severity::Error } else { Severity::Note };
        findings.push(Finding { file, line: Some(line), policy, severity, code, path, message });
    }
    for embedded in documents.policies {
        let mut found = lint_text(file, embedded.language, &embedded.text, embedded.judged.given());
        if let Judged::Image(given) = embedded.judged {
            found = with_never_given(found, given);
        }
        findings.extend(found.into_iter().map(|finding| in_document(finding, &embedded)));
    }
    findings
}

/// What a policy says of what it never sees is told once for each field that would show it.
fn with_never_given(findings: Vec<Finding>, given: Given) -> Vec<Finding> {
    let mut told = Vec::new();
    let mut out = Vec::new();
    for finding in findings {
        let lacks = given.lacks(&finding.path).filter(|_| finding.severity != Severity::Error);
        let Some(field) = lacks else {
            out.push(finding);
            continue;
        };
        if !told.contains(&field) {
            told.push(field);
            let message = format!("never asked for: the policy is not given this without {field}: true");
            out.push(Finding { severity: Severity::Warning, code: "never-given", message, ..finding });
        }
    }
    out
}

fn in_document(finding: Finding, embedded: &Embedded) -> Finding {
    Finding { line: Some(embedded.line_of(finding.line)), policy: embedded.name.clone(), ..finding }
}

fn lint_text(file: &str, language: PolicyLanguage, policy: &str, given: &[&str]) -> Vec<Finding> {
    match language {
        PolicyLanguage::Cue => {
            let findings = sigward_cue::lint::lint(policy, given).into_iter();
            findings.map(|finding| of_cue(file, finding)).collect()
        }
        PolicyLanguage::Rego => {
            let findings = rego::lint::lint(policy, Timestamp::now()).into_iter();
            findings.map(|finding| of_rego(file, finding)).collect()
        }
    }
}

fn of_cue(file: &str, finding: sigward_cue::lint::Finding) -> Finding {
    Finding {
        file: file.to_owned(),
        line: finding.line,
        policy: String::new(),
        severity: match finding.code.severity() {
            sigward_cue::lint::Severity::Note => Severity::Note,
            sigward_cue::lint::Severity::Warning => Severity::Warning,
            sigward_cue::lint::Severity::Error => Severity::Error,
        },
        code: finding.code.as_str(),
        path: finding.path,
        message: finding.message,
    }
}

fn of_rego(file: &str, finding: rego::lint::Finding) -> Finding {
    Finding {
        file: file.to_owned(),
        line: finding.line,
        policy: String::new(),
        severity: match finding.code.severity() {
            rego::lint::Severity::Note => Severity::Note,
            rego::lint::Severity::Warning => Severity::Warning,
            rego::lint::Severity::Error => Severity::Error,
        },
        code: finding.code.as_str(),
        path: String::new(),
        message: finding.message,
    }
}

fn as_json(finding: &Finding) -> serde_json::Value {
    let Finding { file, line, policy, severity, code, path, message } = finding;
    json!({
        "file": file, "line": line, "policy": policy, "severity": severity.as_str(), "code": code, "path": path,
        "message": message,
    })
}

/// `file:line: warning[code]: path: message`, as compilers write it, so that editors find the place.
fn as_text(finding: &Finding) -> String {
    let mut out = finding.file.clone();
    if let Some(line) = finding.line {
        let _ = write!(out, ":{line}");
    }
    let _ = write!(out, ": {}[{}]: ", finding.severity.as_str(), finding.code);
    // Messages of CUE begin with the path themselves.
    let told = finding.message.strip_prefix(&finding.path).is_some_and(|rest| rest.starts_with(": "));
    if !finding.path.is_empty() && !told {
        let _ = write!(out, "{}: ", finding.path);
    }
    out.push_str(&finding.message);
    if !finding.policy.is_empty() {
        let _ = write!(out, " ({})", finding.policy);
    }
    out
}
