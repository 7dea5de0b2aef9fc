//! What `verify IMAGE` and `verify-attestation` print, in cosign's form (specs/cosign.md §3.2): rendered only from what
//! was proved.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use sigward_verify::image::{Claim, EvidenceKind, ImageReference, ImageVerdict, ProvedEvidence, subject_annotations};
use sigward_verify::verifier::ProvedSigner;
use sigward_verify::{Content, Digest, Envelope, ProvedIdentity, Waiver, to_base64};

/// What was checked on each piece of evidence, for people.
pub fn heading(name: &str, verdict: &ImageVerdict, annotations_wanted: usize) -> String {
    let any = |test: &dyn Fn(&ProvedEvidence) -> bool| verdict.proved.iter().any(test);
    let mut out =
        format!("\nVerification for {name} --\nThe following checks were performed on each of these signatures:\n");
    if annotations_wanted > 0 {
        out.push_str("  - The specified annotations were verified.\n");
    }
    if !any(&|p| p.waivers().contains(&Waiver::ClaimsIgnored)) {
        out.push_str("  - The cosign claims were validated\n");
    }
    if any(&|p| !p.verified().entries().is_empty()) {
        out.push_str("  - Existence of the claims in the transparency log was verified offline\n");
    }
    if any(&|p| matches!(p.verified().signer(), ProvedSigner::Key { .. })) {
        out.push_str("  - The signatures were verified against the specified public key\n");
    } else {
        out.push_str(
            "  - The code-signing certificate was verified using trusted certificate authority certificates\n",
        );
    }
    out
}

/// What each piece of evidence is: cosign does not say, and an attestation is no signature of the image.
pub fn kinds(verdict: &ImageVerdict) -> String {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for proved in &verdict.proved {
        let signer = match proved.verified().signer() {
            ProvedSigner::Key { fingerprint } => {
                format!("key {}", fingerprint.get(..16).unwrap_or(fingerprint))
            }
            ProvedSigner::Identity(identity) => identity.subject.clone(),
        };
        *lines.entry(format!("{} by {signer}", proved.kind())).or_default() += 1;
    }
    let mut out = format!("What was verified, about {}:\n", verdict.digest);
    for (line, count) in lines {
        let times = if count > 1 { format!(" ({count} times)") } else { String::new() };
        out.push_str(&format!("  - {line}{times}\n"));
    }
    out
}

/// What must be said where a signature was asked for, and only attestations were found.
pub fn unsigned_note(verdict: &ImageVerdict) -> &'static str {
    if verdict.proved.iter().any(|p| p.kind() == EvidenceKind::ImageSignature) {
        return "";
    }
    "NOTE: none of this is a signature of the image, only statements about it; --require-signature demands one\n"
}

/// The array of claims that cosign prints for one image.
pub fn claims(reference: &ImageReference, verdict: &ImageVerdict) -> String {
    let all: Vec<_> = verdict.proved.iter().map(|proved| claim(reference, &verdict.digest, proved)).collect();
    go_json(&Value::Array(all))
}

/// What cosign prints of one signature with `-o text`: the payload, of a statement its claim.
pub fn payload<'a>(reference: &ImageReference, digest: &Digest, proved: &'a ProvedEvidence) -> Cow<'a, str> {
    match proved.claim() {
        Claim::Statement => go_json(&claim(reference, digest, proved)).into(),
        Claim::Simple(_) => String::from_utf8_lossy(proved.blob()),
    }
}

/// What cosign prints of one attestation: its envelope, as it lies in its layer or out of its bundle.
pub fn attestation(proved: &ProvedEvidence) -> Cow<'_, str> {
    match proved.entity().content() {
        // A bundle's signatures have no key id.
        Content::Envelope { envelope, json: None } => envelope_json(envelope, |sig| json!({ "sig": sig })).into(),
        _ => String::from_utf8_lossy(proved.blob()),
    }
}

/// The signer as the certificate names it, for people: what cosign prints to standard error with `-o text`.
pub fn certificate_lines(proved: &ProvedEvidence) -> String {
    let ProvedSigner::Identity(identity) = proved.verified().signer() else { return String::new() };
    let subject = identity.names.first().map_or(identity.subject.as_str(), |name| name.text.as_str());
    let mut out = format!("Certificate subject: {subject}\n");
    for claim in CertificateClaim::of(identity) {
        out.push_str(&format!("{}: {}\n", claim.label, claim.value));
    }
    out
}

/// The envelope as JSON of its own, as of a layer.
pub fn envelope(envelope: &Envelope) -> String {
    envelope_json(envelope, |sig| json!({ "keyid": "", "sig": sig }))
}

fn envelope_json(envelope: &Envelope, signature: impl Fn(String) -> Value) -> String {
    let signatures: Vec<_> = envelope.signatures.iter().map(|sig| signature(to_base64(sig))).collect();
    let payload = to_base64(&envelope.payload);
    json!({ "payload": payload, "payloadType": envelope.payload_type, "signatures": signatures }).to_string()
}

/// What Fulcio certifies beside the subject, as cosign spells it in texts and JSON.
struct CertificateClaim<'a> {
    label: &'static str,
    key: &'static str,
    oid: &'static str,
    value: &'a str,
}

impl<'a> CertificateClaim<'a> {
    fn of(identity: &'a ProvedIdentity) -> Vec<Self> {
        let workflow = &identity.workflow;
        let issuer = Some(&identity.issuer).filter(|issuer| !issuer.is_empty());
        [
            ("Certificate issuer URL", "Issuer", "1.3.6.1.4.1.57264.1.1", issuer),
            ("GitHub Workflow Trigger", "githubWorkflowTrigger", "1.3.6.1.4.1.57264.1.2", workflow.trigger.as_ref()),
            ("GitHub Workflow SHA", "githubWorkflowSha", "1.3.6.1.4.1.57264.1.3", workflow.sha.as_ref()),
            ("GitHub Workflow Name", "githubWorkflowName", "1.3.6.1.4.1.57264.1.4", workflow.name.as_ref()),
            (
                "GitHub Workflow Repository",
                "githubWorkflowRepository",
                "1.3.6.1.4.1.57264.1.5",
                workflow.repository.as_ref(),
            ),
            ("GitHub Workflow Ref", "githubWorkflowRef", "1.3.6.1.4.1.57264.1.6", workflow.reference.as_ref()),
        ]
        .into_iter()
        .filter_map(|(label, key, oid, value)| Some(Self { label, key, oid, value: value? }))
        .collect()
    }
}

fn claim(reference: &ImageReference, digest: &Digest, proved: &ProvedEvidence) -> Value {
    match (proved.claim(), proved.entity().content()) {
        (Claim::Statement, Content::Envelope { envelope, .. }) => {
            // Without any it is an empty object, not null as in a simple claim.
            let optional = Value::Object(subject_annotations(envelope, digest).into_iter().collect());
            let kind = proved.predicate_type().unwrap_or_default();
            entry(&reference.name(), &digest.to_string(), kind, optional)
        }
        (Claim::Simple(Some(claim)), _) => {
            let optional = optional(proved, claim.optional.clone());
            entry(&claim.docker_reference, &claim.manifest_digest, &claim.kind, optional)
        }
        _ => entry("", "", "", optional(proved, BTreeMap::new())),
    }
}

fn entry(docker_reference: &str, digest: &str, kind: &str, optional: Value) -> Value {
    json!({
        "critical": {
            "identity": { "docker-reference": docker_reference },
            "image": { "docker-manifest-digest": digest },
            "type": kind,
        },
        "optional": optional,
    })
}

/// The signer's claims, and what cosign adds from the evidence.
fn optional(proved: &ProvedEvidence, mut claims: BTreeMap<String, Value>) -> Value {
    let verified = proved.verified();
    if let ProvedSigner::Identity(identity) = verified.signer() {
        if let Some(subject) = identity.names.first() {
            claims.insert("Subject".into(), subject.text.clone().into());
        }
        for claim in CertificateClaim::of(identity) {
            claims.insert(claim.key.into(), claim.value.into());
            claims.insert(claim.oid.into(), claim.value.into());
        }
    }
    if let Some((entry, promise)) = verified.entries().iter().find_map(|e| Some((e, e.promise.as_ref()?))) {
        claims.insert(
            "Bundle".into(),
            json!({
                "SignedEntryTimestamp": to_base64(promise),
                "Payload": {
                    "body": to_base64(&entry.body),
                    "integratedTime": entry.integrated_time.map(Timestamp::as_second),
                    "logIndex": entry.log_index,
                    "logID": sigward_verify::hex(&entry.log_id),
                },
            }),
        );
    }
    if let Some(stamp) = verified.timestamps().first() {
        claims.insert("RFC3161Timestamp".into(), json!({ "SignedRFC3161Timestamp": to_base64(&stamp.der) }));
    }
    if claims.is_empty() { Value::Null } else { Value::Object(claims.into_iter().collect()) }
}

/// JSON as Go's `encoding/json` writes it: no spaces, `<`, `>` and `&` escaped, numbers as float64.
fn go_json(value: &Value) -> String {
    let text = go_numbers(value.clone()).to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

/// A number of a payload that has no fraction is written without one.
fn go_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 1e15);
            match whole.and_then(|f| format!("{f:.0}").parse::<i64>().ok()) {
                Some(whole) => whole.into(),
                None => Value::Number(number),
            }
        }
        Value::Array(items) => items.into_iter().map(go_numbers).collect(),
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(k, v)| (k, go_numbers(v))).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_go_writes_it() {
        let value = json!({ "b": "<a>&", "a": [1.0, 2.5, -3], "c": null });
        assert_eq!(go_json(&value), r#"{"a":[1,2.5,-3],"b":"\u003ca\u003e\u0026","c":null}"#);
    }
}
