//! Which keys count in this run: a file, PEM files, the embedded root, or what TUF keeps on this machine.

use std::path::Path;

use jiff::Timestamp;
use sigward_trust::state::{Demand, Network as Reach};
use sigward_verify::{
    Certificate, CertificateAuthority, Error, Input, PublicKey, TransparencyLog, TrustMaterial, Window, limits, pem_all,
};

use crate::args::env::TrustFiles;
use crate::args::request::{AuthorityFiles, TrustRequest, TrustSource};
use crate::failure::Failure;
use crate::input::small_file;
use crate::network::Network;
use crate::tuf_source::TufSource;

/// Why there is no trust material.
#[derive(Debug, thiserror::Error)]
pub enum TrustFailure {
    /// The trust root must be refreshed, and the repository cannot be reached.
    #[error("getting trusted root from TUF: {reason}")]
    Network {
        /// What went wrong.
        reason: String,
    },
    /// A cache or a file that cannot be used.
    #[error("setting trusted material: {reason}")]
    Unusable {
        /// What is wrong.
        reason: String,
    },
    /// Too old for a run that is online.
    #[error("setting trusted material: {reason}")]
    TooOld {
        /// How old.
        reason: String,
    },
    /// Metadata from the repository is not acceptable.
    #[error("getting trusted root from TUF: {reason}")]
    Update {
        /// Which rule it breaks.
        reason: String,
    },
}

impl TrustFailure {
    /// Stable reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Network { .. } => "trust-network",
            Self::Unusable { .. } => "trust-root-unusable",
            Self::TooOld { .. } => "trust-too-old",
            Self::Update { .. } => "trust-update-failed",
        }
    }

    /// Advice.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TooOld { .. } => Some(
                "`sigward trust update` refreshes it; --trusted-root FILE, --tuf=never and --trust-max-age say \
                 otherwise"
                    .into(),
            ),
            Self::Network { .. } => Some("--tuf=never uses the trust root at hand".into()),
            _ => None,
        }
    }
}

/// Trust material of a run.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The keys.
    pub material: TrustMaterial,
    /// Some of it comes from PEM files, which cosign takes for older formats alone.
    pub from_pem_files: bool,
}

/// Whether requests may be made. cosign's `--offline` still asks the TUF repository; ours means what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requests {
    /// They may.
    Allowed,
    /// `--offline`.
    Forbidden,
}

/// Loads trust material when it is first needed, and again when a refresh is called for.
#[derive(Debug)]
pub struct TrustSession<'a> {
    request: &'a TrustRequest,
    network: &'a Network,
    tuf: TufSource,
    loaded: Option<Trust>,
    /// Whether the loaded material was judged fit for a run that is online.
    judged_online: bool,
    /// Whether an unknown key has called for a refresh: once a run is enough, however many blobs name one.
    asked_for_unknown: bool,
    requests: Requests,
    now: Timestamp,
    warnings: Vec<String>,
}

impl<'a> TrustSession<'a> {
    /// A session; nothing is read yet.
    pub fn new(request: &'a TrustRequest, network: &'a Network, requests: Requests, now: Timestamp) -> Self {
        let tuf = TufSource::new(&request.source, &network.environment.tuf);
        Self {
            request,
            network,
            tuf,
            loaded: None,
            judged_online: false,
            asked_for_unknown: false,
            requests,
            now,
            warnings: Vec::new(),
        }
    }

    /// What is at hand; asks the network only where the run is online already, or nothing is at hand.
    ///
    /// # Errors
    /// [`Failure::Trust`] and others if there is none.
    pub fn at_hand(&mut self) -> Result<&Trust, Failure> {
        let reach = match (self.requests, self.network.was_used()) {
            (Requests::Forbidden, _) => Reach::Forbidden,
            (Requests::Allowed, true) => Reach::Needed,
            (Requests::Allowed, false) => Reach::Unneeded,
        };
        self.load(reach, Demand::Ordinary)
    }

    /// Trust for a run that asks a log anyway.
    ///
    /// # Errors
    /// As [`Self::at_hand`]; also if it is too old and cannot be refreshed.
    pub fn online(&mut self) -> Result<&Trust, Failure> {
        self.load(Reach::Needed, Demand::Ordinary)
    }

    /// Trust after a refresh that an unknown key calls for; `None` if nothing newer can be had.
    pub fn refreshed_for_unknown(&mut self) -> Option<&Trust> {
        let TrustSource::Tuf { .. } = self.request.source else { return None };
        if self.requests == Requests::Forbidden || std::mem::replace(&mut self.asked_for_unknown, true) {
            return None;
        }
        let base = self.tuf.refreshed_for_unknown(self.network, self.now)?;
        let trust = self.assemble(Some(&base)).ok()?;
        self.loaded = Some(trust);
        self.loaded.as_ref()
    }

    /// Warnings so far, each once.
    pub fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.extend(self.tuf.take_warnings());
        warnings.dedup();
        warnings
    }

    fn load(&mut self, reach: Reach, demand: Demand) -> Result<&Trust, Failure> {
        let online = reach == Reach::Needed;
        if self.loaded.is_none() || (online && !self.judged_online) {
            let base = self.base(reach, demand)?;
            let trust = self.assemble(base.as_deref())?;
            for warning in &trust.material.warnings {
                self.warnings.push(format!("trusted root: {}: {}; it does not count", warning.place, warning.reason));
            }
            self.loaded = Some(trust);
            self.judged_online = online;
        }
        let missing = || Failure::Trust(TrustFailure::Unusable { reason: "no trust material was loaded".into() });
        self.loaded.as_ref().ok_or_else(missing)
    }

    /// The bytes of a `trusted_root.json`; `None` where PEM files name everything.
    fn base(&mut self, reach: Reach, demand: Demand) -> Result<Option<Vec<u8>>, Failure> {
        match &self.request.source {
            TrustSource::File(path) => {
                small_file(path, limits::TRUSTED_ROOT_BYTES).map(Some).map_err(|failure| match failure {
                    Failure::Read { what, reason } => Failure::Read {
                        what: format!("setting trusted material: loading trusted root: {what}"),
                        reason,
                    },
                    other => other,
                })
            }
            TrustSource::Tuf { .. } if self.files_name_everything() => Ok(None),
            TrustSource::Tuf { .. } => self.tuf.trusted_root(self.network, reach, demand, self.now).map(Some),
        }
    }

    /// Whether no part is left that a trusted root would have to give. A timestamp authority is asked for only where
    /// one was named.
    fn files_name_everything(&self) -> bool {
        let files = &self.network.environment.trust_files;
        let authorities = files.fulcio_root.is_some() || self.request.authorities.is_some();
        authorities && files.rekor_key.is_some() && files.ct_log_key.is_some()
    }

    fn assemble(&self, base: Option<&[u8]>) -> Result<Trust, Failure> {
        let mut material = match base {
            None => TrustMaterial::default(),
            Some(json) => TrustMaterial::from_trusted_root(json).map_err(|error| {
                let file = match &self.request.source {
                    TrustSource::File(path) => format!("{}: ", path.display()),
                    TrustSource::Tuf { .. } => String::new(),
                };
                Failure::Evidence { what: format!("setting trusted material: loading trusted root: {file}"), error }
            })?,
        };
        let mut from_pem_files = false;
        // An explicit trusted root leaves the environment aside, as in cosign.
        if matches!(self.request.source, TrustSource::Tuf { .. }) {
            let files = &self.network.environment.trust_files;
            from_pem_files = !files.is_empty();
            apply_environment(&mut material, files)?;
        }
        if let Some(files) = &self.request.authorities {
            material.certificate_authorities = authorities(files)?;
        }
        if let Some(path) = &self.request.timestamp_chain {
            material.timestamp_authorities = vec![chain(path, Input::TimestampChain)?];
        }
        Ok(Trust { material, from_pem_files })
    }
}

/// The four variables of cosign; each replaces its part of the trusted root.
fn apply_environment(material: &mut TrustMaterial, files: &TrustFiles) -> Result<(), Failure> {
    if let Some(path) = &files.fulcio_root {
        material.certificate_authorities = roots_and_intermediates(path)?;
    }
    if let Some(path) = &files.rekor_key {
        material.logs = vec![TransparencyLog::from_key(key(path)?)];
    }
    if let Some(path) = &files.ct_log_key {
        material.ct_logs = keys(path)?.into_iter().map(TransparencyLog::from_key).collect();
    }
    if let Some(path) = &files.tsa_chain {
        material.timestamp_authorities = vec![chain(path, Input::TimestampChain)?];
    }
    Ok(())
}

fn unusable(path: &Path) -> impl Fn(Error) -> Failure + '_ {
    move |error| Failure::Evidence { what: format!("{}: ", path.display()), error }
}

fn key(path: &Path) -> Result<PublicKey, Failure> {
    let mut keys = keys(path)?;
    Ok(keys.swap_remove(0))
}

/// Keys in PEM, or one in DER. At least one.
fn keys(path: &Path) -> Result<Vec<PublicKey>, Failure> {
    let bytes = small_file(path, limits::PEM_BYTES)?;
    if bytes.first() == Some(&0x30) {
        return Ok(vec![PublicKey::from_spki(&bytes).map_err(unusable(path))?]);
    }
    let (blocks, _) = pem_all(&bytes);
    let keys = blocks.iter().map(|block| match block.label.as_str() {
        "RSA PUBLIC KEY" => PublicKey::from_pkcs1(&block.der),
        _ => PublicKey::from_spki(&block.der),
    });
    let keys: Vec<_> = keys.collect::<Result<_, _>>().map_err(unusable(path))?;
    if keys.is_empty() {
        let error = Error::Pem { input: Input::Key, found: "no PEM block".into() };
        return Err(unusable(path)(error));
    }
    Ok(keys)
}

fn certificates(path: &Path, input: Input) -> Result<Vec<Certificate>, Failure> {
    let pem = small_file(path, limits::PEM_BYTES)?;
    Certificate::many_from_pem(&pem, input).map_err(unusable(path))
}

fn root_certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let pem = small_file(path, limits::PEM_BYTES)?;
    Certificate::roots_from_pem(&pem, Input::CertificateChain).map_err(unusable(path))
}

/// A chain: the last certificate is the anchor.
fn chain(path: &Path, input: Input) -> Result<CertificateAuthority, Failure> {
    Ok(CertificateAuthority { uri: String::new(), chain: certificates(path, input)?, valid_for: Window::ALWAYS })
}

/// `SIGSTORE_ROOT_FILE`: self-signed certificates are roots, all others intermediates (cosign sorts them so).
fn roots_and_intermediates(path: &Path) -> Result<Vec<CertificateAuthority>, Failure> {
    let all = root_certificates(path)?;
    let (roots, intermediates): (Vec<_>, Vec<_>) = all.into_iter().partition(Certificate::is_self_issued);
    if roots.is_empty() {
        let error = Error::Pem { input: Input::CertificateChain, found: "no self-signed root".into() };
        return Err(unusable(path)(error));
    }
    Ok(anchored(roots, &intermediates))
}

fn authorities(files: &AuthorityFiles) -> Result<Vec<CertificateAuthority>, Failure> {
    match files {
        AuthorityFiles::Chain(path) => Ok(vec![chain(path, Input::CertificateChain)?]),
        AuthorityFiles::Roots { roots, intermediates } => {
            let roots = root_certificates(roots)?;
            let intermediates = match intermediates {
                Some(path) => certificates(path, Input::CertificateChain)?,
                None => Vec::new(),
            };
            Ok(anchored(roots, &intermediates))
        }
    }
}

fn anchored(roots: Vec<Certificate>, intermediates: &[Certificate]) -> Vec<CertificateAuthority> {
    let with = |root: Certificate| {
        let chain = intermediates.iter().cloned().chain([root]).collect();
        CertificateAuthority { uri: String::new(), chain, valid_for: Window::ALWAYS }
    };
    roots.into_iter().map(with).collect()
}
