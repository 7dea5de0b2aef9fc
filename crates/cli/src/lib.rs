//! The `sigward` command line: what was typed, and what the process answers with.
//!
//! `main.rs` only hands over arguments and streams: [`args`] parses, [`run`] dispatches to [`commands`], [`render`]
//! writes. The library exists so that tests reach all of it without a process.

pub mod args;
pub mod attestation_policy;
pub mod commands;
pub mod engine;
pub mod evidence;
pub mod exit;
pub mod failure;
pub mod image_network;
pub mod image_render;
pub mod input;
pub mod layout;
pub mod manifest;
pub mod network;
pub mod policy_document;
pub mod release;
pub mod render;
pub mod requirements;
pub mod run;
pub mod trust_source;
pub mod tuf_source;
pub mod watch;
