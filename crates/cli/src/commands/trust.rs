//! placeholder
use crate::args::request::TrustCommand;
use crate::commands::Streams;
use crate::exit::Exit;
use crate::network::Network;
/// x
pub fn run(_: &TrustCommand, _: &Network, _: &mut Streams<'_>) -> Exit {
    Exit::Failure
}
