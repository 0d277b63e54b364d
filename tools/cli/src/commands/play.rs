//! `tickring play`: a recording, sent to the network as an exchange sends it.

mod udp;

use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::output::Output;

/// Plays a recording to the network as an exchange does, for tests and rehearsals
///
/// It ends with the recording, or by Ctrl-C or SIGTERM, and then reports what it did. On purpose it
/// can also play badly. `tickring feed` is the other side.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    protocol: Protocol,
}

#[derive(Debug, clap::Subcommand)]
enum Protocol {
    /// Sends an ITCH 5.0 file (BinaryFILE, uncompressed) as MoldUDP64 on multicast lines A and B
    ///
    /// Beside the lines there may be a request server for lost packets. What happens to packets on
    /// their way is drawn from a seed: the same options put the same packets on the same line.
    Udp(udp::Arguments),
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome, Failure> {
    match &arguments.protocol {
        Protocol::Udp(arguments) => udp::run(arguments, output),
    }
}
