//! The admission controller: HTTPS in, AdmissionReview to verdict. It decides nothing by itself; `sigward-policy` plans
//! and decides, `sigward-fetch` gathers.

pub mod cluster;
pub mod events;
pub mod files;
pub mod limits;
pub mod log;
pub mod objects;
pub mod review;
pub mod workload;
pub mod server;
