//! Hash algorithms, digests, and a blob that was read once.

use aws_lc_rs::digest as lc;

use crate::error::Error;

/// The hash functions that sigstore evidence uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashAlgorithm {
    /// SHA-224; only for `--signature-digest-algorithm`.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// All of them, shortest first.
    pub const ALL: [Self; 4] = [Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Its name as in `sha256:…`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Looks up a name as written in digests and statements: `sha256`, in lower case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Looks up a name of protobuf-specs and Rekor v2 (`SHA2_256`).
    pub(crate) fn from_protobuf_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.protobuf_name() == name)
    }

    /// Its name in protobuf-specs and Rekor v2.
    pub(crate) fn protobuf_name(self) -> &'static str {
        match self {
            Self::Sha224 => "SHA2_224",
            Self::Sha256 => "SHA2_256",
            Self::Sha384 => "SHA2_384",
            Self::Sha512 => "SHA2_512",
        }
    }

    /// Length of its digest in bytes.
    pub fn output_len(self) -> usize {
        self.lc().output_len()
    }

    pub(crate) fn lc(self) -> &'static lc::Algorithm {
        match self {
            Self::Sha224 => &lc::SHA224,
            Self::Sha256 => &lc::SHA256,
            Self::Sha384 => &lc::SHA384,
            Self::Sha512 => &lc::SHA512,
        }
    }

    /// Hashes `data` at once.
    pub fn digest(self, data: &[u8]) -> Digest {
        Digest { algorithm: self, value: lc::digest(self.lc(), data) }
    }
}

/// SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(lc::digest(&lc::SHA256, data).as_ref()) {
        *to = *from;
    }
    out
}

/// A digest together with the algorithm that made it; the two always fit.
#[derive(Clone, Copy)]
pub struct Digest {
    algorithm: HashAlgorithm,
    value: lc::Digest,
}

impl Digest {
    /// Takes digest bytes from elsewhere; `None` if their number does not fit the algorithm.
    pub fn new(algorithm: HashAlgorithm, bytes: &[u8]) -> Option<Self> {
        let value = lc::Digest::import_less_safe(bytes, algorithm.lc()).ok()?;
        Some(Self { algorithm, value })
    }

    /// Reads `alg:hex`, as in `sha256:0f…`, all of it in lower case (OCI image specification, "Digests").
    pub fn parse(text: &str) -> Option<Self> {
        let (name, hex) = text.split_once(':')?;
        if hex.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        Self::new(HashAlgorithm::from_name(name)?, &unhex(hex)?)
    }

    /// The algorithm.
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// The digest's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.value.as_ref()
    }

    pub(crate) fn lc(&self) -> &lc::Digest {
        &self.value
    }

    /// The digest in lower-case hexadecimal, without its algorithm.
    pub fn hex(&self) -> String {
        hex(self.as_bytes())
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Digest {}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |n: u8| DIGITS.get(usize::from(n)).copied().unwrap_or_default();
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

/// Reads hexadecimal of either case; `None` if it is not.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    text.chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

/// What must be taken from a blob while it is read, so that one pass serves every later check.
#[derive(Debug, Clone, Default)]
pub struct ArtifactNeeds {
    /// Digests wanted.
    pub hashes: Vec<HashAlgorithm>,
    /// A pure Ed25519 signature must see the message itself; it is checked while the blob streams by.
    pub ed25519: Option<Ed25519Need>,
    /// The key signs the whole message in one piece (ML-DSA): it must be kept, up to
    /// [`crate::limits::WHOLE_MESSAGE_BYTES`].
    pub whole_message: bool,
}

/// The key and signature of a pure Ed25519 check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ed25519Need {
    pub(crate) key: [u8; 32],
    pub(crate) signature: [u8; 64],
}

/// Reads a blob once, in pieces, in constant memory (unless [`ArtifactNeeds::whole_message`]).
pub struct ArtifactReader {
    hashers: Vec<(HashAlgorithm, lc::Context)>,
    ed25519: Option<(Ed25519Need, Option<Ed25519Stream>)>,
    whole: Option<Vec<u8>>,
    length: u64,
}

/// Takes a piece of the message, or `None` at its end, where it answers whether the signature holds. A closure, because
/// ed25519-dalek does not name the type of its streaming verifier.
type Ed25519Stream = Box<dyn FnMut(Option<&[u8]>) -> bool + Send>;

fn ed25519_stream(need: &Ed25519Need) -> Option<Ed25519Stream> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(&need.key).ok()?;
    let verifier = key.verify_stream(&ed25519_dalek::Signature::from_bytes(&need.signature)).ok()?;
    let mut verifier = Some(verifier);
    Some(Box::new(move |piece| match piece {
        Some(piece) => {
            if let Some(verifier) = &mut verifier {
                verifier.update(piece);
            }
            false
        }
        None => verifier.take().is_some_and(|v| v.finalize_and_verify().is_ok()),
    }))
}

impl std::fmt::Debug for ArtifactReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArtifactReader").field("length", &self.length).finish_non_exhaustive()
    }
}

impl ArtifactReader {
    /// Prepares for what `needs` names.
    pub fn new(needs: &ArtifactNeeds) -> Self {
        let mut hashes = needs.hashes.clone();
        hashes.sort();
        hashes.dedup();
        Self {
            hashers: hashes.into_iter().map(|a| (a, lc::Context::new(a.lc()))).collect(),
            ed25519: needs.ed25519.clone().map(|need| {
                let stream = ed25519_stream(&need);
                (need, stream)
            }),
            whole: needs.whole_message.then(Vec::new),
            length: 0,
        }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`Error::MessageTooLarge`] if the message must be held in memory and exceeds the limit.
    pub fn update(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.length = self.length.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        for (_, hasher) in &mut self.hashers {
            hasher.update(piece);
        }
        if let Some((_, Some(stream))) = &mut self.ed25519 {
            stream(Some(piece));
        }
        if let Some(whole) = &mut self.whole {
            if self.length > crate::limits::WHOLE_MESSAGE_BYTES {
                return Err(Error::MessageTooLarge { limit: crate::limits::WHOLE_MESSAGE_BYTES });
            }
            whole.extend_from_slice(piece);
        }
        Ok(())
    }

    /// The blob as read.
    pub fn finish(self) -> Artifact {
        Artifact {
            digests: self.hashers.into_iter().map(|(algorithm, h)| Digest { algorithm, value: h.finish() }).collect(),
            ed25519: self.ed25519.map(|(need, stream)| {
                let valid = stream.is_some_and(|mut stream| stream(None));
                (need, valid)
            }),
            whole: self.whole,
            length: Some(self.length),
        }
    }
}

/// What is known of the thing that should have been signed.
#[derive(Debug, Clone)]
pub struct Artifact {
    pub(crate) digests: Vec<Digest>,
    pub(crate) ed25519: Option<(Ed25519Need, bool)>,
    pub(crate) whole: Option<Vec<u8>>,
    length: Option<u64>,
}

impl Artifact {
    /// An artifact of which only a digest is known (`sha256:…` on the command line, an image).
    pub fn from_digest(digest: Digest) -> Self {
        Self { digests: vec![digest], ed25519: None, whole: None, length: None }
    }

    /// An artifact that is wholly in memory.
    pub fn from_bytes(bytes: &[u8], needs: &ArtifactNeeds) -> Result<Self, Error> {
        let mut reader = ArtifactReader::new(needs);
        reader.update(bytes)?;
        Ok(reader.finish())
    }

    /// The digest made by `algorithm`, if it was asked for.
    pub fn digest(&self, algorithm: HashAlgorithm) -> Option<&Digest> {
        self.digests.iter().find(|d| d.algorithm == algorithm)
    }

    /// The digests at hand, shortest first.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// Length in bytes, if the artifact was read.
    pub fn length(&self) -> Option<u64> {
        self.length
    }
}
