//! One virtual sigstore instance, and what it signs.

use serde_json::json;

use crate::body::{self, Verifier};
use crate::bundle::{Bundle, Content, LegacyBundle, Material, media_type};
use crate::ca::{Ca, Issued, Leaf};
use crate::ct::{CtLog, Sct, SctSpec};
use crate::dsse::{Envelope, Statement};
use crate::keys::{Hash, Key};
use crate::rekor::{Entry, Rekor};
use crate::text::{b64, cert_pem, chain_pem};
use crate::time::SIGNING_TIME;
use crate::trust::TrustedRoot;
use crate::tsa::{Stamp, Tsa};

/// A virtual sigstore: replace any part before signing with it.
#[derive(Debug, Clone)]
pub struct Sigstore {
    /// Fulcio.
    pub ca: Ca,
    /// CT logs; SCTs name them by index.
    pub ct: Vec<CtLog>,
    /// Rekor v1.
    pub rekor: Rekor,
    /// Rekor v2.
    pub rekor2: Rekor,
    /// Timestamp authority.
    pub tsa: Tsa,
}

impl Default for Sigstore {
    fn default() -> Self {
        Self::new()
    }
}

/// How to sign; the default is what cosign does, at 2026-11-01T12:00:00Z.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// Unix time of everything: certificate, entry, timestamp. [`SIGNING_TIME`] when `None`.
    pub time: Option<i64>,
    /// Hash of the signature; the key's own when `None`. Legacy formats mean SHA-256 always.
    pub hash: Option<Hash>,
    /// What Rekor v1 logs.
    pub log_as: LogAs,
    /// Log DSSE in Rekor v2 as `dsse` 0.0.2 in place of `hashedrekord`.
    pub dsse_v002: bool,
    /// Use this signature in place of a right one (messages only).
    pub signature: Option<Vec<u8>>,
}

/// The kind of a Rekor v1 entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogAs {
    /// `hashedrekord` for messages, `dsse` for envelopes.
    #[default]
    Usual,
    /// `rekord` 0.0.1 (messages).
    Rekord,
    /// `intoto` 0.0.1 (envelopes).
    Intoto001,
    /// `intoto` 0.0.2 (envelopes).
    Intoto002,
}

/// Something signed, with all evidence that any format needs. All parts are open.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The artifact: the blob, or what the statement is about.
    pub artifact: Vec<u8>,
    /// The envelope, when it is an attestation.
    pub envelope: Option<Envelope>,
    /// Hash of the signature.
    pub hash: Hash,
    /// The signature over the artifact or over the envelope's encoding.
    pub signature: Vec<u8>,
    /// The signing key.
    pub key: Key,
    /// The leaf; `None` for managed keys.
    pub cert: Option<Vec<u8>>,
    /// The leaf's issuer first, the root last; empty for managed keys.
    pub chain: Vec<Vec<u8>>,
    /// Rekor v1's entry.
    pub entry: Entry,
    /// Rekor v2's entry.
    pub entry_v2: Entry,
    /// A timestamp over the signature.
    pub timestamp: Vec<u8>,
    /// When.
    pub time: i64,
}

impl Sigstore {
    /// A whole instance with fresh keys.
    pub fn new() -> Self {
        Self {
            ca: Ca::default(),
            ct: vec![CtLog::new("https://ctfe.sigstore.test/2022")],
            rekor: Rekor::v1("https://rekor.sigstore.test"),
            rekor2: Rekor::v2("https://log2026-1.rekor.sigstore.test"),
            tsa: Tsa::default(),
        }
    }

    /// Trust in every part of it.
    pub fn trusted_root(&self) -> TrustedRoot {
        TrustedRoot {
            tlogs: vec![(&self.rekor).into(), (&self.rekor2).into()],
            cas: vec![(&self.ca).into()],
            ctlogs: self.ct.iter().map(Into::into).collect(),
            tsas: vec![(&self.tsa).into()],
            ..TrustedRoot::default()
        }
    }

    /// Issues a certificate without signing anything.
    pub fn issue(&self, leaf: &Leaf, time: i64) -> Issued {
        self.ca.issue(leaf, time, &self.ct)
    }

    /// A detached SCT over a certificate, by the first CT log.
    pub fn detached_sct(&self, cert: &[u8], time: i64) -> Sct {
        self.ct[0].x509_sct(&SctSpec::default(), time, cert)
    }

    /// Signs a blob, keyless.
    pub fn sign_blob(&self, blob: &[u8], leaf: Leaf) -> Signed {
        self.sign_blob_as(blob, &leaf, &How::default())
    }

    /// Signs a blob, keyless, with choices.
    pub fn sign_blob_as(&self, blob: &[u8], leaf: &Leaf, how: &How) -> Signed {
        let issued = self.issue(leaf, how.time());
        self.message(blob, issued.key, Some((issued.der, issued.chain)), how)
    }

    /// Signs a blob with a managed key.
    pub fn sign_blob_with_key(&self, blob: &[u8], key: &Key) -> Signed {
        self.sign_blob_with_key_as(blob, key, &How::default())
    }

    /// Signs a blob with a managed key, with choices.
    pub fn sign_blob_with_key_as(&self, blob: &[u8], key: &Key, how: &How) -> Signed {
        self.message(blob, key.clone(), None, how)
    }

    /// Attests, keyless. `artifact` is what the statement is about.
    pub fn attest(&self, artifact: &[u8], statement: &Statement, leaf: Leaf) -> Signed {
        self.attest_as(artifact, &statement.to_json(), &leaf, &How::default())
    }

    /// Attests any payload, keyless, with choices.
    pub fn attest_as(&self, artifact: &[u8], payload: &[u8], leaf: &Leaf, how: &How) -> Signed {
        let issued = self.issue(leaf, how.time());
        let cert = Some((issued.der, issued.chain));
        self.envelope(artifact, payload, issued.key, cert, how)
    }

    /// Attests any payload with a managed key, with choices.
    pub fn attest_with_key_as(&self, artifact: &[u8], payload: &[u8], key: &Key, how: &How) -> Signed {
        self.envelope(artifact, payload, key.clone(), None, how)
    }

    /// Logs, stamps and collects a message signature.
    fn message(&self, blob: &[u8], key: Key, cert: Option<(Vec<u8>, Vec<Vec<u8>>)>, how: &How) -> Signed {
        let hash = how.hash.unwrap_or_else(|| key.default_hash());
        let signature = how.signature.clone().unwrap_or_else(|| key.sign_with(hash, blob));
        let verifier = verifier(&key, cert.as_ref());
        let digest = hash.of(blob);
        let v1 = match how.log_as {
            LogAs::Rekord => ("rekord", "0.0.1", body::rekord_v001(blob, &signature, &verifier)),
            _ => ("hashedrekord", "0.0.1", body::hashedrekord_v001(hash, &digest, &signature, &verifier)),
        };
        let v2 = body::hashedrekord_v002(hash, &digest, &signature, &verifier);
        let evidence = Evidence { v1, v2: ("hashedrekord", v2), hash, signature, envelope: None };
        self.collect(blob, key, cert, how, evidence)
    }

    /// Logs, stamps and collects an envelope.
    fn envelope(
        &self,
        artifact: &[u8],
        payload: &[u8],
        key: Key,
        cert: Option<(Vec<u8>, Vec<Vec<u8>>)>,
        how: &How,
    ) -> Signed {
        let hash = how.hash.unwrap_or_else(|| key.default_hash());
        let envelope = Envelope::sign(payload, &key, hash);
        let signature = envelope.signatures[0].sig.clone();
        let verifier = verifier(&key, cert.as_ref());
        let v1 = match how.log_as {
            LogAs::Intoto001 => ("intoto", "0.0.1", body::intoto_v001(&envelope, &verifier)),
            LogAs::Intoto002 => ("intoto", "0.0.2", body::intoto_v002(&envelope, &verifier)),
            _ => ("dsse", "0.0.1", body::dsse_v001(&envelope, &verifier)),
        };
        let v2 = if how.dsse_v002 {
            ("dsse", body::dsse_v002(&envelope, &verifier))
        } else {
            let digest = hash.of(envelope.pae());
            ("hashedrekord", body::hashedrekord_v002(hash, &digest, &signature, &verifier))
        };
        let evidence = Evidence { v1, v2, hash, signature, envelope: Some(envelope) };
        self.collect(artifact, key, cert, how, evidence)
    }

    fn collect(
        &self,
        artifact: &[u8],
        key: Key,
        cert: Option<(Vec<u8>, Vec<Vec<u8>>)>,
        how: &How,
        evidence: Evidence,
    ) -> Signed {
        let time = how.time();
        let (kind, version, body) = evidence.v1;
        let (kind_v2, body_v2) = evidence.v2;
        let (cert, chain) = cert.map_or((None, Vec::new()), |(leaf, chain)| (Some(leaf), chain));
        Signed {
            artifact: artifact.to_vec(),
            entry: self.rekor.append(kind, version, &body, time),
            entry_v2: self.rekor2.append(kind_v2, "0.0.2", &body_v2, time),
            timestamp: self.tsa.response(&evidence.signature, &Stamp::at(time)),
            envelope: evidence.envelope,
            hash: evidence.hash,
            signature: evidence.signature,
            key,
            cert,
            chain,
            time,
        }
    }

    /// `SIGSTORE_ROOT_FILE`: root and intermediates.
    pub fn root_pem(&self) -> String {
        chain_pem(self.ca.chain().iter().rev())
    }

    /// `SIGSTORE_REKOR_PUBLIC_KEY`.
    pub fn rekor_pem(&self) -> String {
        self.rekor.key.public_pem()
    }

    /// `SIGSTORE_CT_LOG_PUBLIC_KEY_FILE`: all CT logs' keys.
    pub fn ct_pem(&self) -> String {
        self.ct.iter().map(|log| log.key.public_pem()).collect()
    }

    /// `SIGSTORE_TSA_CERTIFICATE_FILE`: leaf first.
    pub fn tsa_pem(&self) -> String {
        chain_pem(&self.tsa.chain())
    }
}

struct Evidence {
    v1: (&'static str, &'static str, Vec<u8>),
    v2: (&'static str, Vec<u8>),
    hash: Hash,
    signature: Vec<u8>,
    envelope: Option<Envelope>,
}

impl How {
    /// The default, at a time.
    pub fn at(time: i64) -> Self {
        Self { time: Some(time), ..Self::default() }
    }

    fn time(&self) -> i64 {
        self.time.unwrap_or(SIGNING_TIME)
    }
}

impl Signed {
    /// A bundle of any media type, with chosen entries and timestamps.
    pub fn bundle(&self, media_type: &str, entries: &[&Entry], timestamps: &[&Vec<u8>]) -> Bundle {
        let material = match &self.cert {
            Some(der) => Material::Certificate(der.clone()),
            None => Material::PublicKey(self.key.hint()),
        };
        let content = match &self.envelope {
            Some(envelope) => Content::Dsse(envelope.clone()),
            None => Content::Message {
                hash: self.hash,
                digest: self.hash.of(&self.artifact),
                signature: self.signature.clone(),
            },
        };
        Bundle {
            media_type: media_type.to_owned(),
            material,
            entries: entries.iter().copied().cloned().collect(),
            timestamps: timestamps.iter().copied().cloned().collect(),
            content,
        }
    }

    /// v0.1: a chain without its root, an inclusion promise and no proof.
    pub fn bundle_v01(&self) -> Bundle {
        let mut bundle = self.bundle(media_type::V01, &[&self.entry], &[]);
        bundle.material = self.chain_material();
        bundle.entries[0].proof = None;
        bundle
    }

    /// v0.2: a chain without its root, promise and proof.
    pub fn bundle_v02(&self) -> Bundle {
        let mut bundle = self.bundle(media_type::V02, &[&self.entry], &[]);
        bundle.material = self.chain_material();
        bundle
    }

    /// v0.3: leaf or key hint, Rekor v1 with promise and proof.
    pub fn bundle_v03(&self) -> Bundle {
        self.bundle(media_type::V03, &[&self.entry], &[])
    }

    /// v0.3 in the old spelling of its media type.
    pub fn bundle_v03_old(&self) -> Bundle {
        self.bundle(media_type::V03_OLD, &[&self.entry], &[])
    }

    /// v0.3 with Rekor v2 and a timestamp: what cosign v3 makes.
    pub fn bundle_v03_rekor2(&self) -> Bundle {
        self.bundle(media_type::V03, &[&self.entry_v2], &[&self.timestamp])
    }

    /// v0.3 with Rekor v1 and a timestamp.
    pub fn bundle_v03_tsa(&self) -> Bundle {
        self.bundle(media_type::V03, &[&self.entry], &[&self.timestamp])
    }

    /// v0.3 with a timestamp and no log.
    pub fn bundle_v03_tsa_only(&self) -> Bundle {
        self.bundle(media_type::V03, &[], &[&self.timestamp])
    }

    /// cosign's legacy bundle.
    pub fn legacy_bundle(&self) -> LegacyBundle {
        LegacyBundle {
            base64_signature: self.sig(),
            cert: Some(b64(self.verifier_pem())),
            entry: Some(self.entry.clone()),
        }
    }

    /// Kubernetes' `.sig`: base64 of the signature, no newline.
    pub fn sig(&self) -> String {
        b64(&self.signature)
    }

    /// Kubernetes' `.cert`: base64 of the PEM certificate. Panics for managed keys.
    pub fn cert_b64(&self) -> String {
        b64(self.cert_pem())
    }

    /// cosign's file for `--rfc3161-timestamp`; also the image annotation `dev.sigstore.cosign/rfc3161timestamp`.
    pub fn rfc3161_json(&self) -> String {
        json!({"SignedRFC3161Timestamp": b64(&self.timestamp)}).to_string()
    }

    /// The certificate in PEM. Panics for managed keys.
    pub fn cert_pem(&self) -> String {
        cert_pem(self.cert.as_ref().expect("a keyless signature"))
    }

    /// The certificate or public key in PEM.
    pub fn verifier_pem(&self) -> String {
        match &self.cert {
            Some(der) => cert_pem(der),
            None => self.key.public_pem(),
        }
    }

    /// The chain above the leaf in PEM, its issuer first.
    pub fn chain_pem(&self) -> String {
        chain_pem(&self.chain)
    }

    /// A legacy `.att`: the envelope's JSON. Panics for messages.
    pub fn att(&self) -> Vec<u8> {
        self.envelope.as_ref().expect("an attestation").to_json()
    }

    fn chain_material(&self) -> Material {
        match &self.cert {
            Some(der) => {
                let mut chain = vec![der.clone()];
                let above = self.chain.len().saturating_sub(1);
                chain.extend_from_slice(&self.chain[..above]);
                Material::Chain(chain)
            }
            None => Material::PublicKey(self.key.hint()),
        }
    }
}

fn verifier(key: &Key, cert: Option<&(Vec<u8>, Vec<Vec<u8>>)>) -> Verifier {
    match cert {
        Some((der, _)) => Verifier::certificate(der, key),
        None => Verifier::public_key(key),
    }
}
