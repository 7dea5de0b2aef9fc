//! https or http: https wherever it is spoken.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Uri;
use sigward_verify::image::{Registry, SchemeRule};
use tokio::sync::OnceCell;

use super::RegistryTransport;
use crate::http::{Speech, Wire, retry, within};
use crate::limits;

/// What a registry speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Https,
    Http,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Https => "https",
            Self::Http => "http",
        })
    }
}

/// What registries were found to speak, each found out once.
#[derive(Default)]
pub(super) struct Schemes {
    found: Mutex<HashMap<String, Arc<OnceCell<Scheme>>>>,
}

impl Schemes {
    /// What to speak with a registry. http only where that is allowed and nobody there speaks TLS.
    pub(super) async fn of(
        &self,
        registry: &Registry,
        transport: RegistryTransport,
        wire: &Wire,
        deadline: Instant,
    ) -> Scheme {
        let is_http_allowed = registry.scheme_rule() == SchemeRule::HttpsThenHttp
            || matches!(transport, RegistryTransport::HttpAllowed | RegistryTransport::InsecureUnsafe);
        if !is_http_allowed {
            return Scheme::Https;
        }
        let cell = {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            if found.len() >= limits::SCOPES {
                found.clear();
            }
            Arc::clone(found.entry(registry.host().to_owned()).or_default())
        };
        // What was not found out is asked by https: its error is what the user should see.
        cell.get_or_try_init(|| find_out(registry.host(), wire, deadline)).await.copied().unwrap_or(Scheme::Https)
    }
}

/// Nothing is known, for instance because nobody answers at all.
struct Unknown;

async fn find_out(host: &str, wire: &Wire, deadline: Instant) -> Result<Scheme, Unknown> {
    let uri = |scheme: Scheme| format!("{scheme}://{host}/").parse::<Uri>().map_err(|_| Unknown);
    let (https, http) = (uri(Scheme::Https)?, uri(Scheme::Http)?);
    let connector = wire.connector();
    // The connector has its own time limit.
    let finding = async {
        match connector.speech(&https).await {
            Ok(Speech::Tls) => Ok(Scheme::Https),
            Ok(Speech::Other) => Ok(Scheme::Http),
            // Nobody at all, or nobody at https's own port.
            Err(error) if retry::is_refused(error.as_ref()) => {
                connector.reach(&http).await.map(|()| Scheme::Http).map_err(|_| Unknown)
            }
            Err(_) => Err(Unknown),
        }
    };
    within(Duration::MAX, deadline, finding).await.unwrap_or(Err(Unknown))
}
