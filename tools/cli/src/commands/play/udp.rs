//! `tickring play udp`: a file on multicast lines, with a request server.

use crate::commands::feed::udp::session;
use crate::duration;
use crate::failure::Failure;
use crate::notation::Grouped;
use crate::note::note;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::service::{self, Reports, Service, Step};
use crate::signals::Signals;
use serde_json::{Map, Value, json};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;
use tickring_producer::pace::Pace;
use tickring_producer::play::udp::{Chaos, Trouble, UdpPlayer, UdpPlayerOptions};
use tickring_producer::source::{Count, Progress};
use tickring_producer::wire::moldudp64::Session;

/// Messages sent between two looks at signals.
const BUDGET: usize = 1_024;

/// What to send, where, and how badly.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file
    file: PathBuf,
    /// A line to send on: a multicast group, or one receiver, and port; once for each line
    #[arg(long = "line", value_name = "GROUP:PORT", required = true)]
    lines: Vec<SocketAddrV4>,
    /// Address of the interface to send on [default: the system's choice]
    #[arg(long, value_name = "ADDRESS")]
    interface: Option<Ipv4Addr>,
    /// Networks that packets cross; 0 stays on this machine
    #[arg(long, value_name = "N", default_value_t = 0)]
    ttl: u32,
    /// Answer requests for lost messages here; port 0 takes a free one, which is told at the start
    #[arg(long, value_name = "ADDRESS:PORT")]
    server: Option<SocketAddrV4>,
    /// Name of the session, at most 10 characters
    #[arg(long, value_name = "NAME", default_value = "0000000001", value_parser = session)]
    session: Session,
    /// Most messages in a packet
    #[arg(long, value_name = "N", default_value_t = 40)]
    packet_messages: u16,
    /// Most bytes in a packet
    #[arg(long, value_name = "N", default_value_t = 1_400)]
    packet_bytes: usize,
    /// Most time between the first and the last message of a packet, by the messages' clock
    #[arg(long, value_name = "TIME", default_value = "1ms", value_parser = duration::parse)]
    packet_span: Duration,
    /// Speed: 1x or 10x by the time of the messages, 100000/s by their number, or max, at which
    /// receivers lose packets
    #[arg(long, value_name = "PACE", default_value = "1x")]
    pace: Pace,
    /// Send only heartbeats for so long at first, so that receivers can join
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::parse)]
    delay: Duration,
    /// Go on answering requests for so long after the last
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration::parse)]
    linger: Duration,
    #[command(flatten)]
    mishaps: Mishaps,
    #[command(flatten)]
    reports: Reports,
}

/// What goes wrong.
#[derive(Debug, clap::Args)]
struct Mishaps {
    /// Seed of what happens to packets
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Probability that a line loses a packet, such as 0.01
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    loss: f64,
    /// Probability that all lines lose the same packet
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    loss_both: f64,
    /// Probability that a line carries a packet twice
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    duplicate: f64,
    /// Probability that a packet comes one to four packets later
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    reorder: f64,
    /// Probability that one byte of a packet is another
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    corrupt: f64,
    /// Answer no request
    #[arg(long, requires = "server")]
    refuse: bool,
    /// Do not answer the first so many requests
    #[arg(long, value_name = "N", default_value_t = 0, requires = "server")]
    ignore: u64,
    /// Give half of an answer after so many, and stop listening
    #[arg(long, value_name = "N", requires = "server")]
    die_after: Option<u64>,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Outcome, Failure> {
    let signals = Signals::catch()?;
    let mishaps = &arguments.mishaps;
    let mut player = UdpPlayer::open(&UdpPlayerOptions {
        interface: arguments.interface,
        ttl: arguments.ttl,
        server: arguments.server,
        session: arguments.session,
        packet_messages: arguments.packet_messages,
        packet_bytes: arguments.packet_bytes,
        packet_span: arguments.packet_span,
        pace: arguments.pace,
        delay: arguments.delay,
        linger: arguments.linger,
        chaos: Chaos {
            seed: mishaps.seed,
            loss: mishaps.loss,
            loss_both: mishaps.loss_both,
            duplicate: mishaps.duplicate,
            reorder: mishaps.reorder,
            corrupt: mishaps.corrupt,
        },
        trouble: Trouble {
            refuse: mishaps.refuse,
            ignore: mishaps.ignore,
            die_after: mishaps.die_after,
        },
        ..UdpPlayerOptions::new(&arguments.file, arguments.lines.clone())
    })?;
    if let Some(server) = player.server_address()? {
        if arguments.reports.are_json() {
            writeln!(output, "{}", json!({ "server": server.to_string() }))?;
            output.flush()?;
        } else {
            note("play", format_args!("answering requests at {server}"));
        }
    }
    service::run(Playing { player }, &signals, arguments.reports, output)
}

/// A player at work.
struct Playing {
    player: UdpPlayer,
}

impl Service for Playing {
    const NAME: &'static str = "play";

    fn step(&mut self) -> Result<Step, Failure> {
        Ok(match self.player.run_once(BUDGET)? {
            Progress::Advanced(_) => Step::Advanced,
            Progress::Idle => Step::Idle,
            Progress::End => Step::Ended,
        })
    }

    fn wait(&mut self, limit: Duration) {
        self.player.wait(limit);
    }

    fn stop(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn text(&self) -> String {
        let report = self.player.report();
        let counts = report.inputs.iter().chain(&report.anomalies);
        let each = counts.map(|Count { name, count }| format!("{name} {}", Grouped(*count)));
        each.collect::<Vec<_>>().join(", ")
    }

    fn json(&self) -> Value {
        let report = self.player.report();
        let counts = report.inputs.into_iter().chain(report.anomalies);
        counts.map(|Count { name, count }| (name, count.into())).collect::<Map<_, _>>().into()
    }
}
