//! `policy test`: the three beats of a review (plan, gather, decide) with files in place of a cluster.
//!
//! | what | where |
//! |---|---|
//! | policies and what they refer to, from files | [`objects`] |
//! | the object that names images | [`resource`] |
//! | evidence: gathered, recorded, replayed | [`gather`], [`recording`] |
//! | what a tag means | [`tag`] |
//! | trust roots by name | [`roots`] |
//! | the way from a request to decisions | [`judge`] |
//! | what is printed | [`report`] |

pub mod gather;
pub mod judge;
pub mod objects;
pub mod recording;
pub mod report;
pub mod resource;
pub mod roots;
pub mod tag;
