//! The admission controller: HTTPS in, AdmissionReview to verdict. It decides nothing by itself: `sigward-policy` plans and
//! decides, `sigward-fetch` gathers.
//!
//! | what | where |
//! |---|---|
//! | the command line, and the program from start to end | [`args`], [`run`] |
//! | connections, deadlines, drain | [`server`] |
//! | AdmissionReview, read and written | [`review`] |
//! | objects that run images | [`workload`] |
//! | plan, gather, decide | [`judge`], [`registry`], [`cache`], [`deciding`] |
//! | webhooks for policies and trust roots | [`resources`] |
//! | the objects that decide, from files or watches | [`objects`], [`files`] |
//! | the cluster: watches, and what is written | [`cluster`] |
//! | what is in force | [`state`], [`keeper`], [`trust`], [`roots`], [`remote`] |
//! | what is told | [`logs`], [`metrics`], [`events`] |

pub mod app;
pub mod args;
pub mod cache;
pub mod cluster;
pub mod content;
pub mod deciding;
pub mod events;
pub mod files;
pub mod judge;
pub mod keeper;
pub mod limits;
pub mod logs;
pub mod metrics;
pub mod objects;
pub mod registry;
pub mod remote;
pub mod resources;
pub mod review;
pub mod roots;
pub mod run;
pub mod server;
pub mod state;
pub mod trust;
pub mod workload;
