//! Trust material by name: what policies mean by `trustRootRef`, and by no reference at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use sigward_policy::plan::{TrustSource, Trusted};
use sigward_policy::resolve::{Fingerprint, Missing, TrustRef};
use sigward_verify::{TrustMaterial, sha256};

/// The trust material in force. Clones share it.
#[derive(Debug, Clone)]
pub struct TrustMap {
    public_good: Result<Trusted, String>,
    roots: BTreeMap<String, Result<Trusted, String>>,
    published: BTreeMap<String, Arc<[u8]>>,
}

impl TrustMap {
    /// Material of the public instance, or why there is none, and no TrustRoots.
    pub fn new(public_good: Result<Trusted, String>) -> Self {
        Self { public_good, roots: BTreeMap::new(), published: BTreeMap::new() }
    }

    /// The same with these TrustRoots, each with its material or why it has none.
    #[must_use]
    pub fn with_roots(mut self, roots: BTreeMap<String, Result<Trusted, String>>) -> Self {
        self.roots = roots;
        self
    }

    /// The same with what TrustRoots came to, as `trusted_root` in JSON, for others to read.
    #[must_use]
    pub fn with_published(mut self, published: BTreeMap<String, Arc<[u8]>>) -> Self {
        self.published = published;
        self
    }

    /// What a TrustRoot came to, as `trusted_root` in JSON.
    pub fn published(&self, name: &str) -> Option<&[u8]> {
        self.published.get(name).map(|json| &**json)
    }

    /// Whether it is the same material.
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |a: &Result<Trusted, String>, b: &Result<Trusted, String>| match (a, b) {
            (Ok(a), Ok(b)) => a.fingerprint == b.fingerprint,
            (Err(a), Err(b)) => a == b,
            _ => false,
        };
        same(&self.public_good, &other.public_good)
            && self.roots.len() == other.roots.len()
            && self.roots.iter().zip(&other.roots).all(|((a, x), (b, y))| a == b && same(x, y))
    }

    /// What is wrong with TrustRoots, by name.
    pub fn faults(&self) -> impl Iterator<Item = (&str, &str)> {
        self.roots.iter().filter_map(|(name, root)| Some((name.as_str(), root.as_ref().err()?.as_str())))
    }

    /// The names of the TrustRoots that have material.
    pub fn roots(&self) -> impl Iterator<Item = (&str, &Trusted)> {
        self.roots.iter().filter_map(|(name, root)| Some((name.as_str(), root.as_ref().ok()?)))
    }
}

impl TrustSource for TrustMap {
    fn trust(&self, which: &TrustRef) -> Result<Trusted, Missing> {
        match which {
            TrustRef::PublicGood => self.public_good.clone().map_err(Missing::new),
            TrustRef::TrustRoot(name) => match self.roots.get(name) {
                Some(root) => root.clone().map_err(|reason| Missing::new(format!("trustRootRef {name}: {reason}"))),
                None => Err(Missing::new(format!("trustRootRef {name} not found"))),
            },
        }
    }
}

/// Material out of a `trusted_root.json`.
///
/// # Errors
/// What is wrong with it.
pub fn of_trusted_root(json: &[u8]) -> Result<Trusted, String> {
    let material = TrustMaterial::from_trusted_root(json).map_err(|error| error.to_string())?;
    Ok(Trusted { material: Arc::new(material), fingerprint: Fingerprint::of_bytes(sha256(json)) })
}
