//! A pool of connections, and what opens them.

use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::connect::Connector;
use super::proxy::Proxies;
use crate::limits;

/// A pool of connections. Clones share it.
#[derive(Clone)]
pub(crate) struct Wire {
    http: legacy::Client<Connector, Full<Bytes>>,
    connector: Connector,
}

impl Wire {
    /// An empty pool: nothing is opened yet.
    pub(crate) fn new(connector: Connector) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_max_buf_size(limits::HEAD_BYTES)
            .http1_max_headers(limits::HEADERS)
            .build(connector.clone());
        Self { http, connector }
    }

    pub(crate) fn proxies(&self) -> &Proxies {
        self.connector.proxies()
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, legacy::Error> {
        self.http.request(request).await
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }
}
