//! placeholder
use crate::args::request::{TrustRequest, TrustSource};
use crate::failure::Failure;
use crate::network::Network;
use jiff::Timestamp;
use sigward_verify::TrustMaterial;
#[allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
pub enum TrustFailure {
    #[error("{0}")]
    X(String),
}
#[allow(missing_docs)]
impl TrustFailure {
    pub fn code(&self) -> &'static str {
        "trust-root-unusable"
    }
    pub fn hint(&self) -> Option<String> {
        None
    }
}
#[allow(missing_docs)]
#[derive(Debug)]
pub struct Trust {
    pub material: TrustMaterial,
    pub from_pem_files: bool,
}
#[allow(missing_docs)]
#[derive(Debug)]
pub struct TrustSession<'a> {
    request: &'a TrustRequest,
    network: &'a Network,
    trust: Option<Trust>,
}
#[allow(missing_docs)]
impl<'a> TrustSession<'a> {
    pub fn new(request: &'a TrustRequest, network: &'a Network, _now: Timestamp) -> Self {
        Self { request, network, trust: None }
    }
    pub fn at_hand(&mut self) -> Result<&Trust, Failure> {
        let _ = self.network;
        if self.trust.is_none() {
            let json = match &self.request.source {
                TrustSource::File(p) => crate::input::small_file(p, 4 << 20)?,
                _ => sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes().to_vec(),
            };
            let material = TrustMaterial::from_trusted_root(&json)
                .map_err(|error| Failure::Evidence { what: "loading trusted root: ".into(), error })?;
            self.trust = Some(Trust { material, from_pem_files: false });
        }
        self.trust.as_ref().ok_or(Failure::Offline)
    }
    pub fn online(&mut self) -> Result<&Trust, Failure> {
        self.at_hand()
    }
    pub fn refreshed_for_unknown(&mut self) -> Option<&Trust> {
        None
    }
    pub fn take_warnings(&mut self) -> Vec<String> {
        Vec::new()
    }
}
