//! What registries are asked, as whom, and how often.
//!
//! | what | where |
//! |---|---|
//! | as whom: pull secrets of the Pod, its ServiceAccount, the policy's | [`tenants`] |
//! | whose turn it is, and how much memory each has | [`turns`] |
//! | tags to digests | [`tags`] |
//! | configurations of images | [`configs`] |
//! | what to do where a cloud's registry refuses | [`clouds`] |
//! | evidence on disk, for when a registry is down | [`evidence`] |
//! | evidence, each piece once for everybody who waits for it | [`gather`] |

pub mod clouds;
pub mod configs;
pub mod evidence;
pub mod gather;
pub mod tags;
pub mod tenants;
pub mod turns;
