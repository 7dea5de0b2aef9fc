//! Trust by name: what policies mean by `trustRootRef`, and by no reference at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use sigward_fetch::{Budget, limits};
use sigward_policy::object::ObjectKind;
use sigward_policy::plan::{TrustSource, Trusted};
use sigward_policy::resolve::{Fingerprint, Missing, TrustRef};
use sigward_policy::trust_root::{TrustRoot, TrustRootPlan, plan, set_defaults, validate};
use sigward_trust::tuf::CachedFiles;
use sigward_verify::{TrustMaterial, sha256};

use super::gather::{Ending, Gatherer};
use super::objects::Objects;
use crate::failure::Failure;

/// The trust material of a run.
#[derive(Debug, Default)]
pub struct Roots {
    found: BTreeMap<TrustRef, Result<Trusted, String>>,
}

impl Roots {
    /// Loads the TrustRoots that are wanted.
    ///
    /// # Errors
    /// [`Failure::Policy`] for a TrustRoot that the controller would not take, and what [`Gatherer::ask`] says.
    pub fn load(
        wanted: &BTreeSet<String>,
        objects: &Objects,
        gatherer: &Gatherer<'_>,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let mut roots = Self::default();
        for (name, kept) in objects.all(ObjectKind::TrustRoot) {
            let bad =
                |reason: String| Failure::Policy { reason: format!("{}: TrustRoot {name}: {reason}", kept.place) };
            let json = kept.object.to_string();
            let mut root: TrustRoot =
                sigward_policy::object::decode(json.as_bytes()).map_err(|error| bad(error.to_string()))?;
            set_defaults(&mut root);
            if let Some(reason) = validate(&root, now).denial() {
                return Err(bad(reason));
            }
            if !wanted.contains(name) {
                continue;
            }
            let content = match plan(&root.spec, CachedFiles::default(), now) {
                Ok(TrustRootPlan::Ready(content)) => Ok(*content),
                Ok(TrustRootPlan::Ask(inquiry)) => {
                    let budget = Budget { requests: limits::TUF_REQUESTS, bytes: limits::TUF_BYTES, concurrency: 1 };
                    match gatherer.ask(vec![*inquiry], None, budget)?.pop() {
                        Some(Ending::Done(content)) => Ok(content),
                        Some(Ending::Failed(error)) => Err(error.to_string()),
                        Some(Ending::Stopped(reason)) => Err(reason),
                        None => Err("nothing was asked".to_owned()),
                    }
                }
                Err(error) => Err(error.to_string()),
            };
            let trusted = content.map(|content| trusted(content.material, &content.trusted_root));
            roots.found.insert(TrustRef::TrustRoot(name.to_owned()), trusted);
        }
        Ok(roots)
    }

    /// Adds the material of the public instance.
    pub fn add_public(&mut self, material: Result<TrustMaterial, String>) {
        // There is one in a run.
        self.found.insert(TrustRef::PublicGood, material.map(|material| trusted(material, b"public")));
    }
}

fn trusted(material: TrustMaterial, made_of: &[u8]) -> Trusted {
    Trusted { material: Arc::new(material), fingerprint: Fingerprint::of_bytes(sha256(made_of)) }
}

impl TrustSource for Roots {
    fn trust(&self, which: &TrustRef) -> Result<Trusted, Missing> {
        match (self.found.get(which), which) {
            (Some(Ok(trusted)), _) => Ok(trusted.clone()),
            (Some(Err(reason)), TrustRef::TrustRoot(name)) => {
                Err(Missing::new(format!("trustRootRef {name}: {reason}")))
            }
            (Some(Err(reason)), TrustRef::PublicGood) => Err(Missing::new(reason.clone())),
            (None, TrustRef::TrustRoot(name)) => Err(Missing::new(format!("trustRootRef {name} not found"))),
            (None, TrustRef::PublicGood) => Err(Missing::new("no trust root of the public instance was loaded")),
        }
    }
}
