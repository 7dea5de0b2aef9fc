//! Configurations of images (`fetchConfigFile`). They are as trustworthy as the digest that names them, and never change, so
//! that they are kept by it, for those who have the credentials they were read with: a policy's words may repeat parts of
//! them, and whoever may name a private image need not be allowed to read it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::sync::Cache;
use sigward_fetch::{Budget, drive_within};
use sigward_policy::plan::ImagePlan;

use super::tenants::Tenancy;
use super::turns::Turns;
use crate::cache::{Boarding, CredentialId, Flights, Lost};
use crate::limits;

/// A configuration for each platform, as JSON; or why there is none.
pub type Configs = Result<BTreeMap<String, String>, String>;

/// Reads configurations.
#[derive(Debug, Clone)]
pub struct ConfigFiles {
    turns: Arc<Turns>,
    kept: Cache<(String, CredentialId), Arc<Configs>>,
    under_way: Flights<(String, CredentialId, String), Arc<Configs>>,
}

impl ConfigFiles {
    /// Keeps at most so many bytes.
    pub fn new(bytes: u64, turns: Arc<Turns>) -> Self {
        let weight = |(name, _): &(String, CredentialId), configs: &Arc<Configs>| {
            let texts = configs.as_ref().as_ref().map_or(0, |all| all.iter().map(|(k, v)| k.len() + v.len()).sum());
            u32::try_from(name.len().saturating_add(texts).saturating_add(256)).unwrap_or(u32::MAX)
        };
        let kept =
            Cache::builder().max_capacity(bytes).weigher(weight).time_to_idle(Duration::from_secs(3_600)).build();
        Self { turns, kept, under_way: Flights::default() }
    }

    /// The configurations of the image of a plan, if a policy wants them.
    pub async fn of(&self, plan: &ImagePlan, tenancy: &Tenancy<'_>, deadline: Instant) -> Option<Arc<Configs>> {
        let mut inquiry = plan.config_inquiry()?;
        let name = plan.reference_name()?.to_owned();
        let tenant = match tenancy.own() {
            Ok(tenant) => tenant,
            Err(reason) => return Some(Arc::new(Err(reason))),
        };
        if let Some(configs) = self.kept.get(&(name.clone(), tenant.id)) {
            return Some(configs);
        }
        let passenger = match self.under_way.board(&(name.clone(), tenant.id, tenancy.namespace().to_owned())) {
            Boarding::Join(passenger) => passenger,
            Boarding::Fly(ticket, passenger) => {
                let (kept, turns, namespace) =
                    (self.kept.clone(), Arc::clone(&self.turns), tenancy.namespace().to_owned());
                tokio::spawn(async move {
                    let end = Instant::now().checked_add(limits::GATHER).unwrap_or(deadline);
                    let host = name.split('/').next().unwrap_or_default();
                    let found = match turns.take(&namespace, host, end).await {
                        None => Err("context was canceled before validation completed".to_owned()),
                        Some(turn) => {
                            let room = turn.room.clone();
                            let found = drive_within(&mut inquiry, &tenant.client, end, Budget::image(), room).await;
                            found.map_err(|error| error.to_string())
                        }
                    };
                    let found = Arc::new(found);
                    if found.is_ok() {
                        kept.insert((name, tenant.id), Arc::clone(&found));
                    }
                    ticket.land(found);
                });
                passenger
            }
        };
        Some(passenger.arrive(deadline).await.unwrap_or_else(|lost| {
            let reason = match lost {
                Lost::Deadline => "context was canceled before validation completed",
                Lost::Crashed => "internal error",
            };
            Arc::new(Err(reason.to_owned()))
        }))
    }
}
