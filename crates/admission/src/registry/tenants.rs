//! As whom registries are asked (specs/policy-controller.md §2.17): the Pod's pull secrets, then those of its ServiceAccount,
//! then the configuration of docker. Each set of secrets has a client of its own, so that no token that was given for one
//! is ever used for another; connections are shared.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use moka::sync::Cache;
use serde_json::Value;
use sigward_fetch::{Client, Keychain, PullSecretForm, PullSecrets};
use sigward_policy::object::{ObjectKind, secret_entries};
use sigward_policy::resolve::Credentials;
use sigward_verify::sha256;

use crate::cache::CredentialId;
use crate::limits;
use crate::objects::{Known, ObjectKey, ObjectStore};
use crate::workload::Workload;

/// Somebody who asks registries.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Who it is.
    pub id: CredentialId,
    /// Asks with them.
    pub client: Client,
}

/// All who ask.
#[derive(Debug)]
pub struct Tenants {
    store: Arc<ObjectStore>,
    base: Client,
    /// For registries that no pull secret is for.
    fallback: Keychain,
    clients: Cache<CredentialId, Client>,
}

/// Clients that are kept; each has some tokens.
const CLIENTS: u64 = 4_096;

impl Tenants {
    /// `base` asks with the credentials of `fallback`.
    pub fn new(store: Arc<ObjectStore>, base: Client, fallback: Keychain) -> Self {
        let clients = Cache::builder().max_capacity(CLIENTS).time_to_idle(Duration::from_secs(3_600)).build();
        Self { store, base, fallback, clients }
    }

    /// Those of one object; nothing is looked up yet.
    pub fn of<'a>(&'a self, workload: &'a Workload<'a>) -> Tenancy<'a> {
        Tenancy { tenants: self, workload, own: OnceLock::new() }
    }

    fn with_secrets(&self, namespace: &str, names: Vec<String>) -> Result<Tenant, String> {
        if names.len() > limits::PULL_SECRETS {
            return Err(format!("expected at most {} pull secrets, found {}", limits::PULL_SECRETS, names.len()));
        }
        let mut found = PullSecrets::default();
        let mut all = Vec::new();
        for name in names {
            // One that is not there is as good as none, as for the kubelet.
            let Known::Found(secret) = self.store.get(&ObjectKey::namespaced(ObjectKind::Secret, namespace, &name))
            else {
                continue;
            };
            let form = secret.get("type").and_then(Value::as_str).and_then(PullSecretForm::of_type);
            let Some(form) = form else { continue };
            let Some(bytes) = secret_entries(&secret)?.remove(form.entry()) else { continue };
            found.add(form, &name, &bytes).map_err(|error| error.to_string())?;
            for part in [name.as_bytes(), &bytes] {
                all.extend_from_slice(&sha256(part));
            }
        }
        if all.is_empty() {
            return Ok(Tenant { id: CredentialId::Anybody, client: self.base.clone() });
        }
        let id = CredentialId::Secrets(sha256(&all));
        let chain = || Keychain::chain(vec![Keychain::pull_secrets(found), self.fallback.clone()]);
        let client = self.clients.get_with(id, || self.base.with_keychain(chain()));
        Ok(Tenant { id, client })
    }

    /// The pull secrets of a ServiceAccount; none if it is not there.
    fn of_service_account(&self, namespace: &str, name: &str) -> Vec<String> {
        let Known::Found(account) = self.store.get(&ObjectKey::namespaced(ObjectKind::ServiceAccount, namespace, name))
        else {
            return Vec::new();
        };
        let secrets = account.get("imagePullSecrets").and_then(Value::as_array).into_iter().flatten();
        let names = secrets.filter_map(|secret| secret.get("name").and_then(Value::as_str));
        names.map(str::to_owned).collect()
    }
}

/// As whom registries are asked about one object.
#[derive(Debug)]
pub struct Tenancy<'a> {
    tenants: &'a Tenants,
    workload: &'a Workload<'a>,
    own: OnceLock<Result<Tenant, String>>,
}

impl Tenancy<'_> {
    /// The object's namespace.
    pub fn namespace(&self) -> &str {
        &self.workload.namespace
    }

    /// With the credentials of the object itself.
    ///
    /// # Errors
    /// The secret that cannot be read.
    pub fn own(&self) -> Result<Tenant, String> {
        let find = || {
            let workload = self.workload;
            let mut names = workload.pull_secrets();
            names.extend(self.tenants.of_service_account(&workload.namespace, workload.service_account()));
            let mut seen = std::collections::BTreeSet::new();
            names.retain(|name| seen.insert(name.clone()));
            self.tenants.with_secrets(&workload.namespace, names)
        };
        self.own.get_or_init(find).clone()
    }

    /// With those that a policy wants. Its own secrets replace the object's.
    ///
    /// # Errors
    /// The secret that cannot be read.
    pub fn of(&self, credentials: &Credentials) -> Result<Tenant, String> {
        match credentials {
            Credentials::Workload => self.own(),
            Credentials::Secrets(names) => self.tenants.with_secrets(&self.workload.namespace, names.clone()),
        }
    }
}
