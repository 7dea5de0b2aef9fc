//! What registries are asked, as whom, and how often.
//!
//! | what | where |
//! |---|---|
//! | as whom: pull secrets of the Pod, its ServiceAccount, the policy's | [`tenants`] |
//! | tags to digests | [`tags`] |
//! | configurations of images | [`configs`] |
//! | evidence, each piece once for everybody who waits for it | [`gather`] |

pub mod configs;
pub mod gather;
pub mod tags;
pub mod tenants;
