//! `tickring play`: a recording, sent to the network as an exchange sends it.

mod soup;
mod udp;

use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::output::Output;

/// Plays a recording to the network as an exchange does, for tests and rehearsals
///
/// Multicast ends with the recording, a server by Ctrl-C or SIGTERM; both report what they did. On
/// purpose they can also play badly. `tickring feed` is the other side.
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
    /// Serves an ITCH 5.0 file (BinaryFILE, uncompressed) over SoupBinTCP
    Soup(soup::Arguments),
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome, Failure> {
    match &arguments.protocol {
        Protocol::Udp(arguments) => udp::run(arguments, output),
        Protocol::Soup(arguments) => soup::run(arguments, output),
    }
}
