//! A Fulcio-like certificate authority, and the leaves it issues.

use std::collections::BTreeMap;

use crate::ct::{CtLog, SctSpec, embed};
use crate::der;
use crate::keys::{Hash, Key, KeyKind};
use crate::time::{KEYS_END, KEYS_START};
use crate::x509::{Cert, Ext, San, eku, key_usage};

/// How one CA certificate looks.
#[derive(Debug, Clone)]
pub struct CaSpec {
    /// O of the subject.
    pub organization: String,
    /// CN of the subject.
    pub common_name: String,
    /// Key kind.
    pub key: KeyKind,
    /// First and last valid second.
    pub validity: (i64, i64),
    /// KeyUsage byte; `None` leaves it out.
    pub key_usage: Option<u8>,
    /// BasicConstraints: CA flag and path length; `None` leaves it out.
    pub basic_constraints: Option<(bool, Option<u64>)>,
    /// Extended key usages; empty leaves it out.
    pub eku: Vec<String>,
    /// More extensions, such as name constraints.
    pub extra: Vec<Ext>,
}

impl CaSpec {
    /// A root as the public one: P-384, CA, certificate and CRL signing.
    pub fn root() -> Self {
        Self {
            organization: "sigstore.test".to_owned(),
            common_name: "sigstore".to_owned(),
            key: KeyKind::P384,
            validity: (KEYS_START, KEYS_END),
            key_usage: Some(key_usage::CERT_SIGN | key_usage::CRL_SIGN),
            basic_constraints: Some((true, None)),
            eku: Vec::new(),
            extra: Vec::new(),
        }
    }

    /// An intermediate as the public one: path length 0, code signing only.
    pub fn intermediate() -> Self {
        Self {
            common_name: "sigstore-intermediate".to_owned(),
            basic_constraints: Some((true, Some(0))),
            eku: vec![eku::CODE_SIGNING.to_owned()],
            ..Self::root()
        }
    }
}

/// A CA certificate with its key.
#[derive(Debug, Clone)]
pub struct Authority {
    /// The key.
    pub key: Key,
    /// The certificate.
    pub der: Vec<u8>,
    /// The DER of its subject.
    pub subject: Vec<u8>,
}

impl Authority {
    /// A certificate by `issuer`, or a self-signed one.
    pub fn new(spec: &CaSpec, issuer: Option<&Self>) -> Self {
        let key = Key::new(spec.key);
        let subject = der::name(&spec.organization, &spec.common_name);
        let (issuer_name, issuer_key) = issuer.map_or((&subject, &key), |ca| (&ca.subject, &ca.key));
        let mut cert = Cert::new(issuer_name, &subject, spec.validity, &key);
        cert.extensions.extend(spec.key_usage.map(Ext::key_usage));
        if !spec.eku.is_empty() {
            cert.extensions.push(Ext::extended_key_usage(false, &spec.eku));
        }
        cert.extensions.extend(spec.basic_constraints.map(|(ca, path_len)| Ext::basic_constraints(ca, path_len)));
        cert.extensions.push(Ext::subject_key_id(&key));
        if issuer.is_some() {
            cert.extensions.push(Ext::authority_key_id(issuer_key));
        }
        cert.extensions.extend(spec.extra.iter().cloned());
        let der = cert.sign(issuer_key);
        Self { key, der, subject }
    }
}

/// A chain of authorities.
#[derive(Debug, Clone)]
pub struct Ca {
    /// The self-signed root.
    pub root: Authority,
    /// Intermediates, the one below the root first. May be empty.
    pub intermediates: Vec<Authority>,
    /// URI in the trusted root.
    pub url: String,
}

impl Default for Ca {
    fn default() -> Self {
        Self::new(&CaSpec::root(), &[CaSpec::intermediate()])
    }
}

impl Ca {
    /// A chain from specifications.
    pub fn new(root: &CaSpec, intermediates: &[CaSpec]) -> Self {
        let root = Authority::new(root, None);
        let mut chain: Vec<Authority> = Vec::new();
        for spec in intermediates {
            let next = Authority::new(spec, Some(chain.last().unwrap_or(&root)));
            chain.push(next);
        }
        Self { root, intermediates: chain, url: "https://fulcio.sigstore.test".to_owned() }
    }

    /// A CA whose root signs leaves itself.
    pub fn root_only() -> Self {
        Self::new(&CaSpec::root(), &[])
    }

    /// Who signs the leaves.
    pub fn issuer(&self) -> &Authority {
        self.intermediates.last().unwrap_or(&self.root)
    }

    /// The leaf's issuer first, the root last: the order of trusted roots and bundles.
    pub fn chain(&self) -> Vec<Vec<u8>> {
        let mut chain: Vec<_> = self.intermediates.iter().rev().map(|ca| ca.der.clone()).collect();
        chain.push(self.root.der.clone());
        chain
    }

    /// Issues a leaf. `time` is the moment of signing: the certificate begins five seconds earlier and lives for ten
    /// minutes, unless the leaf says otherwise.
    pub fn issue(&self, leaf: &Leaf, time: i64, logs: &[CtLog]) -> Issued {
        let key = leaf.use_key.clone().unwrap_or_else(|| Key::new(leaf.key));
        let issuer = self.issuer();
        let mut cert = leaf.to_cert(&key, issuer, time);
        let hash = leaf.signature_hash.unwrap_or_else(|| issuer.key.default_hash());
        embed(&mut cert, &issuer.key, hash, logs, &leaf.scts);
        Issued {
            der: cert.sign_with(&issuer.key, hash),
            chain: self.chain(),
            not_before: cert.not_before,
            not_after: cert.not_after,
            key,
        }
    }
}

/// A leaf with its key and chain.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The leaf's key.
    pub key: Key,
    /// The leaf.
    pub der: Vec<u8>,
    /// Its issuer first, the root last.
    pub chain: Vec<Vec<u8>>,
    /// First valid second.
    pub not_before: i64,
    /// Last valid second.
    pub not_after: i64,
}

/// How a leaf looks. The default is Fulcio's certificate for jane@example.com, signed in at accounts.google.com.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Kind of its key.
    pub key: KeyKind,
    /// Use this key in place of a fresh one.
    pub use_key: Option<Key>,
    /// The DER of the subject; empty as a rule.
    pub subject: Vec<u8>,
    /// Alternative names in order; none leaves the extension out.
    pub sans: Vec<San>,
    /// Is the SAN extension critical?
    pub san_critical: bool,
    /// Issuer as raw text in `.1.1`.
    pub issuer_v1: Option<String>,
    /// Issuer as UTF8String in `.1.8`.
    pub issuer_v2: Option<String>,
    /// Further Fulcio extensions by last arc: 2 to 6 raw, 9 to 22 UTF8String.
    pub workflow: BTreeMap<u8, String>,
    /// Extended key usages; empty leaves it out.
    pub eku: Vec<String>,
    /// Is the EKU critical?
    pub eku_critical: bool,
    /// KeyUsage byte; `None` leaves it out.
    pub key_usage: Option<u8>,
    /// BasicConstraints; Fulcio's leaves have none.
    pub basic_constraints: Option<(bool, Option<u64>)>,
    /// More extensions, before the SCTs.
    pub extra: Vec<Ext>,
    /// SCTs to embed.
    pub scts: Vec<SctSpec>,
    /// First and last valid second; `None` puts ten minutes around the signing time.
    pub validity: Option<(i64, i64)>,
    /// Hash of the CA's signature; its key's own when `None`.
    pub signature_hash: Option<Hash>,
}

impl Default for Leaf {
    fn default() -> Self {
        Self {
            key: KeyKind::P256,
            use_key: None,
            subject: der::seq(&[]),
            sans: vec![San::email(IDENTITY)],
            san_critical: true,
            issuer_v1: Some(ISSUER.to_owned()),
            issuer_v2: Some(ISSUER.to_owned()),
            workflow: BTreeMap::new(),
            eku: vec![eku::CODE_SIGNING.to_owned()],
            eku_critical: false,
            key_usage: Some(key_usage::DIGITAL_SIGNATURE),
            basic_constraints: None,
            extra: Vec::new(),
            scts: vec![SctSpec::default()],
            validity: None,
            signature_hash: None,
        }
    }
}

/// The identity of the default leaf.
pub const IDENTITY: &str = "jane@example.com";
/// The issuer of the default leaf.
pub const ISSUER: &str = "https://accounts.google.com";
/// Who signs Kubernetes' blobs and SBOMs.
pub const KREL_STAGING: &str = "krel-staging@k8s-releng-prod.iam.gserviceaccount.com";
/// Who signs Kubernetes' promoted images.
pub const KREL_TRUST: &str = "krel-trust@k8s-releng-prod.iam.gserviceaccount.com";
/// The identity of [`Leaf::workflow`].
pub const WORKFLOW: &str = "https://github.com/example/project/.github/workflows/release.yml@refs/tags/v1.2.3";
/// The issuer of [`Leaf::workflow`].
pub const GITHUB: &str = "https://token.actions.githubusercontent.com";

impl Leaf {
    /// Another e-mail address.
    pub fn email(address: &str) -> Self {
        Self { sans: vec![San::email(address)], ..Self::default() }
    }

    /// Sets the issuer in both extensions.
    pub fn issued_by(mut self, issuer: &str) -> Self {
        self.issuer_v1 = Some(issuer.to_owned());
        self.issuer_v2 = Some(issuer.to_owned());
        self
    }

    /// A GitHub workflow with all of Fulcio's extensions.
    pub fn workflow() -> Self {
        let sha = "c7b3dfb335f051e1c86bda4c716fac97df62ad81";
        let repository = "https://github.com/example/project";
        let run = format!("{repository}/actions/runs/8347481628/attempts/1");
        let workflow = [
            (2, "push"),
            (3, sha),
            (4, "Release"),
            (5, "example/project"),
            (6, "refs/tags/v1.2.3"),
            (9, WORKFLOW),
            (10, sha),
            (11, "github-hosted"),
            (12, repository),
            (13, sha),
            (14, "refs/tags/v1.2.3"),
            (15, "632596897"),
            (16, "https://github.com/example"),
            (17, "131804563"),
            (18, WORKFLOW),
            (19, sha),
            (20, "push"),
            (21, &run),
            (22, "public"),
        ];
        Self {
            sans: vec![San::uri(WORKFLOW)],
            workflow: workflow.map(|(arc, text)| (arc, text.to_owned())).into(),
            ..Self::default().issued_by(GITHUB)
        }
    }

    fn to_cert(&self, key: &Key, issuer: &Authority, time: i64) -> Cert {
        let validity = self.validity.unwrap_or((time - 5, time + 595));
        let mut cert = Cert::new(&issuer.subject, &self.subject, validity, key);
        let exts = &mut cert.extensions;
        exts.extend(self.key_usage.map(Ext::key_usage));
        if !self.eku.is_empty() {
            exts.push(Ext::extended_key_usage(self.eku_critical, &self.eku));
        }
        exts.extend(self.basic_constraints.map(|(ca, path_len)| Ext::basic_constraints(ca, path_len)));
        exts.push(Ext::subject_key_id(key));
        exts.push(Ext::authority_key_id(&issuer.key));
        if !self.sans.is_empty() {
            exts.push(Ext::subject_alt_name(self.san_critical, &self.sans));
        }
        exts.extend(self.issuer_v1.iter().map(|text| Ext::fulcio(1, text)));
        let (early, late): (Vec<_>, Vec<_>) = self.workflow.iter().partition(|(arc, _)| **arc < 8);
        exts.extend(early.iter().map(|(arc, text)| Ext::fulcio(**arc, text)));
        exts.extend(self.issuer_v2.iter().map(|text| Ext::fulcio(8, text)));
        exts.extend(late.iter().map(|(arc, text)| Ext::fulcio(**arc, text)));
        exts.extend(self.extra.iter().cloned());
        cert
    }
}
