//! Kubernetes releases: which files there are, who vouches for them, and what becomes of each.
//!
//! Two witnesses must agree on a file: its signature, which covers bytes and no name, and the release's SBOM, signed
//! itself, which says which digest belongs to which path.
//!
//! | what | where |
//! |---|---|
//! | versions and marker files | [`markers`] |
//! | paths, platforms, what is wanted | [`layout`], [`glob`], [`plan`] |
//! | SBOMs | [`spdx`], [`witness`], [`sbom_images`] |
//! | faults of past releases | [`known_faults`] |
//! | lockfiles | [`lock`] |
//! | reading from servers and folders | [`server`], [`evidence`], [`folder`], [`reader`] |
//! | the run | [`flow`], [`desk`], [`log`], [`rules`], [`images`] |
//! | what became of it | [`outcome`], [`fault`], [`report`], [`formats`], [`progress`] |

pub mod desk;
pub mod evidence;
pub mod fault;
pub mod flow;
pub mod folder;
pub mod formats;
pub mod glob;
pub mod images;
pub mod known_faults;
pub mod layout;
pub mod list;
pub mod lock;
pub mod log;
pub mod markers;
pub mod outcome;
pub mod plan;
pub mod progress;
pub mod reader;
pub mod report;
pub mod rules;
pub mod sbom_images;
pub mod server;
pub mod spdx;
pub mod witness;
