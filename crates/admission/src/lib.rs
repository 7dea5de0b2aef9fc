//! The admission controller: HTTPS in, AdmissionReview to verdict. It decides nothing by itself; `sigward-policy` plans
//! and decides, `sigward-fetch` gathers.

pub mod cluster;
pub mod events;
pub mod files;
pub mod limits;
pub mod logs;
pub mod objects;
pub mod review;
pub mod server;
pub mod workload;
