//! Checkpoints: signed notes (C2SP signed-note, tlog-checkpoint) over a tree's size and root hash.

use super::body::Generation;
use crate::digest::sha256;
use crate::encoding::base64_std;
use crate::error::LogFault;
use crate::key::KeyKind;
use crate::limits;
use crate::material::TransparencyLog;

/// What the log signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeHead {
    pub(crate) size: u64,
    pub(crate) root_hash: Vec<u8>,
}

/// Checks that `log` signed `note`. Lines of witnesses and of other keys are skipped, wherever they stand.
pub(crate) fn verify(note: &str, log: &TransparencyLog, generation: Generation) -> Result<TreeHead, LogFault> {
    if note.len() > limits::CHECKPOINT_BYTES {
        return Err(LogFault::CheckpointMalformed { reason: "too long" });
    }
    if note.is_empty() {
        return Err(LogFault::CheckpointMalformed { reason: "there is none" });
    }
    // The blank line belongs to neither part: the text ends with the line break before it.
    let split = note.find("\n\n").ok_or(LogFault::CheckpointMalformed { reason: "no blank line" })?;
    let (text, signatures) = note.split_at_checked(split + 1).unwrap_or_default();
    let origin = text.lines().next().unwrap_or_default();
    let name = check_origin(origin, log, generation)?;
    let head = parse_text(text)?;
    verify_signatures(text, signatures.get(1..).unwrap_or_default(), name, log, generation)?;
    Ok(head)
}

/// Rekor v1 writes `host - tree id`, v2 the host alone. The signature line carries the host.
fn check_origin<'a>(origin: &'a str, log: &TransparencyLog, generation: Generation) -> Result<&'a str, LogFault> {
    let name = match (generation, origin.split_once(" - ")) {
        (Generation::V1, Some((name, tree))) if !tree.is_empty() && tree.bytes().all(|b| b.is_ascii_digit()) => name,
        (Generation::V1, _) => return Err(LogFault::CheckpointMalformed { reason: "the origin names no tree" }),
        (Generation::V2, _) => origin,
    };
    match log.host() {
        // A log on a port of its own may name it (the origin is a setting of the log).
        Some((host, authority)) if host != name && authority != name && !is_internal(name, generation) => {
            Err(LogFault::Origin { expected: host.to_owned(), found: origin.to_owned() })
        }
        // A log known by its key alone (SIGSTORE_REKOR_PUBLIC_KEY) has no name to compare with.
        _ if name.is_empty() => Err(LogFault::CheckpointMalformed { reason: "empty origin" }),
        _ => Ok(name),
    }
}

/// Private Rekor v1 instances sign as the pod or service that they run in, which names no other log.
fn is_internal(name: &str, generation: Generation) -> bool {
    let internal = [".svc", ".local", ".internal", ".localhost"];
    generation == Generation::V1 && (!name.contains('.') || internal.iter().any(|end| name.ends_with(end)))
}

fn parse_text(text: &str) -> Result<TreeHead, LogFault> {
    let malformed = |reason| LogFault::CheckpointMalformed { reason };
    let mut lines = text.lines().skip(1);
    let size = lines.next().unwrap_or_default();
    // No sign, no leading zero: one text for one number.
    if size.is_empty() || (size.len() > 1 && size.starts_with('0')) || !size.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed("the tree size is no number"));
    }
    let size = size.parse().map_err(|_| malformed("the tree size is no number"))?;
    let root_hash = lines
        .next()
        .and_then(|line| base64_std(line.as_bytes()))
        .filter(|hash| hash.len() == 32)
        .ok_or(malformed("no root hash"))?;
    Ok(TreeHead { size, root_hash })
}

/// One valid line of the log suffices; a line that claims this key and fails is an error, as in Go's `note.Open`.
fn verify_signatures(
    text: &str,
    signatures: &str,
    name: &str,
    log: &TransparencyLog,
    generation: Generation,
) -> Result<(), LogFault> {
    let hint = key_hint(log, name, generation);
    let mut verified = false;
    for (count, line) in signatures.lines().enumerate() {
        if count >= limits::CHECKPOINT_SIGNATURES {
            return Err(LogFault::CheckpointMalformed { reason: "too many signatures" });
        }
        let signature = line
            .strip_prefix("\u{2014} ")
            .and_then(|rest| rest.split_once(' '))
            .and_then(|(line_name, base64)| Some((line_name, base64_std(base64.as_bytes())?)))
            .ok_or(LogFault::CheckpointMalformed { reason: "a signature line is malformed" })?;
        let (line_name, bytes) = signature;
        let Some((line_hint, bytes)) = bytes.split_first_chunk::<4>() else {
            return Err(LogFault::CheckpointMalformed { reason: "a signature line is malformed" });
        };
        if line_name != name || *line_hint != hint {
            continue;
        }
        log.key
            .verify(log.hash, text.as_bytes(), bytes)
            .map_err(|_| LogFault::CheckpointSignature { log: log.name() })?;
        verified = true;
    }
    if verified { Ok(()) } else { Err(LogFault::CheckpointUnsigned { log: log.name() }) }
}

/// The first four bytes of the key's id: of its SubjectPublicKeyInfo in Rekor v1 and for ECDSA, of name, algorithm and
/// key for Ed25519 (C2SP signed-note).
fn key_hint(log: &TransparencyLog, name: &str, generation: Generation) -> [u8; 4] {
    let id = match (generation, log.key.kind()) {
        (Generation::V2, KeyKind::Ed25519) => sha256(&[name.as_bytes(), b"\n\x01", log.key.raw()].concat()),
        _ => log.key.fingerprint(),
    };
    id.first_chunk::<4>().copied().unwrap_or_default()
}
