//! Signed notes: checkpoints of logs, with the signatures of logs and witnesses.

use crate::keys::{Hash, Key, KeyKind, sha256};
use crate::text::b64;

/// A checkpoint, all parts open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// First line.
    pub origin: String,
    /// Second line.
    pub size: u64,
    /// Third line, before base64.
    pub root: Vec<u8>,
    /// Lines after the third, without newlines.
    pub extra: Vec<String>,
    /// Signature lines in order.
    pub signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// Who signed.
    pub name: String,
    /// Four bytes that tell keys of the same name apart.
    pub hint: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Checkpoint {
    /// A checkpoint without signatures.
    pub fn new(origin: &str, size: u64, root: &[u8]) -> Self {
        Self { origin: origin.to_owned(), size, root: root.to_vec(), extra: Vec::new(), signatures: Vec::new() }
    }

    /// What is signed: the lines up to and with the last newline before the empty line.
    pub fn body(&self) -> String {
        let mut out = format!("{}\n{}\n{}\n", self.origin, self.size, b64(&self.root));
        for line in &self.extra {
            out.push_str(line);
            out.push('\n');
        }
        out
    }

    /// The whole note.
    pub fn to_note(&self) -> String {
        let lines: String = self.signatures.iter().map(NoteSignature::line).collect();
        format!("{}\n{lines}", self.body())
    }

    /// Adds a log's signature.
    pub fn sign(mut self, name: &str, key: &Key, hint: &[u8]) -> Self {
        self.signatures.push(NoteSignature {
            name: name.to_owned(),
            hint: hint.to_vec(),
            signature: key.sign_with(Hash::Sha256, self.body()),
        });
        self
    }

    /// Adds a witness' timestamped cosignature (`cosignature/v1`); the key must be Ed25519.
    pub fn cosign(mut self, name: &str, key: &Key, time: u64) -> Self {
        let message = format!("cosignature/v1\ntime {time}\n{}", self.body());
        let mut signature = time.to_be_bytes().to_vec();
        signature.extend(key.sign(message));
        self.signatures.push(NoteSignature {
            name: name.to_owned(),
            hint: note_id(name, 4, key)[..4].to_vec(),
            signature,
        });
        self
    }

    /// Adds a line that nobody can check.
    pub fn unknown_line(mut self, name: &str) -> Self {
        self.signatures.push(NoteSignature {
            name: name.to_owned(),
            hint: vec![0xde, 0xad, 0xbe, 0xef],
            signature: vec![7; 64],
        });
        self
    }
}

impl NoteSignature {
    /// `— name base64`, with its newline.
    pub fn line(&self) -> String {
        let blob = [self.hint.as_slice(), &self.signature].concat();
        format!("\u{2014} {} {}\n", self.name, b64(blob))
    }
}

/// The log id of a Rekor v2 log, whose first four bytes are its key hint: for Ed25519 SHA-256(name ‖ "\n" ‖ 1 ‖ key), for
/// ECDSA SHA-256(SPKI).
pub fn rekor2_log_id(name: &str, key: &Key) -> Vec<u8> {
    match key.kind {
        KeyKind::Ed25519 => note_id(name, 1, key),
        _ => key.id(),
    }
}

fn note_id(name: &str, algorithm: u8, key: &Key) -> Vec<u8> {
    let mut input = format!("{name}\n").into_bytes();
    input.push(algorithm);
    input.extend(key.raw_public());
    sha256(input)
}
