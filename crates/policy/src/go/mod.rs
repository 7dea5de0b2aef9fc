//! Where texts and rules of Go's standard library are part of what users see.

mod json;
mod net;
mod regexp;
mod url;

pub(crate) use json::json_fault;
pub(crate) use net::{is_bad_path_pattern, split_host_port_fault};
pub(crate) use regexp::regexp_fault;
pub(crate) use url::{is_request_uri, parse_url};
