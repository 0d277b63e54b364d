//! The options of `tickring feed udp`.

use super::Publishing;
use crate::duration;
use crate::failure::Failure;
use jiff::civil::Date;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;
use tickring_producer::arbiter::RecoveryOptions;
use tickring_producer::source::udp::{LineOptions, UdpOptions, UdpSource};
use tickring_producer::wire::moldudp64::Session;

/// Where to receive, and what to do about loss.
#[derive(Debug, clap::Args)]
pub(super) struct Udp {
    /// The lines that carry the messages, A first: multicast groups, or addresses of this machine
    #[arg(value_name = "GROUP:PORT", required = true)]
    lines: Vec<SocketAddrV4>,
    /// Address of the interface to receive on [default: the system's choice]
    #[arg(long, value_name = "ADDRESS")]
    interface: Option<Ipv4Addr>,
    /// The only sender to receive from; once for all lines, or once for each
    #[arg(long = "source", value_name = "ADDRESS")]
    sources: Vec<Ipv4Addr>,
    /// The server to ask for lost messages [default: none, they stay lost]
    #[arg(long, value_name = "ADDRESS:PORT")]
    server: Option<SocketAddrV4>,
    /// Requests without an answer after which a gap is given up
    #[arg(long, value_name = "N", requires = "server")]
    #[arg(default_value_t = RecoveryOptions::default().attempts)]
    attempts: u16,
    /// The first message that is wanted, from 1 [default: the first that is seen]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sequence: Option<u64>,
    /// Date of the session in New York [default: the date there when the session begins]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
    /// How long a gap may close by itself: the longest delay of one line behind the other
    #[arg(long, value_name = "TIME", default_value = "10ms", value_parser = duration::parse)]
    patience: Duration,
    /// Packets that are held while a gap is open
    #[arg(long, value_name = "N", default_value_t = 4_096)]
    window: usize,
    /// Bytes of the longest packet
    #[arg(long, value_name = "N", default_value_t = 2_048)]
    packet_bytes: usize,
    /// Receive buffer of each line, in bytes [default: the system's]
    #[arg(long, value_name = "BYTES")]
    receive_bytes: Option<usize>,
    /// Let the kernel poll the network card for so long before it sleeps, such as 50us
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    busy_poll: Option<Duration>,
    /// Look for packets again and again instead of sleeping: faster, at the price of a core
    #[arg(long)]
    spin: bool,
    /// Wait for the next session when one has ended
    #[arg(long)]
    stay: bool,
    /// Number of the channel in records of gaps
    #[arg(long, value_name = "N", default_value_t = 0)]
    channel: u16,
    #[command(flatten)]
    pub(super) publishing: Publishing,
}

impl Udp {
    /// Joins the groups.
    pub(super) fn open(&self) -> Result<UdpSource, Failure> {
        let lines = self.lines.iter().enumerate().map(|(number, &address)| LineOptions {
            interface: self.interface,
            source: self.sources.get(number).or(self.sources.last()).copied(),
            ..LineOptions::new(address)
        });
        let recovery = RecoveryOptions { attempts: self.attempts, ..RecoveryOptions::default() };
        Ok(UdpSource::open(&UdpOptions {
            server: self.server,
            recovery,
            first: self.sequence,
            date: self.date,
            patience: self.patience,
            window: self.window,
            packet_bytes: self.packet_bytes,
            receive_bytes: self.receive_bytes,
            busy_poll: self.busy_poll,
            spin: self.spin,
            stay: self.stay,
            channel: self.channel,
            ..UdpOptions::new(lines.collect())
        })?)
    }
}

/// Reads the name of a session; for clap.
pub(in crate::commands) fn session(name: &str) -> Result<Session, String> {
    let is_right = name.len() <= 10 && name.bytes().all(|byte| byte.is_ascii_graphic());
    let mut session = [b' '; 10];
    for (to, from) in session.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    is_right
        .then_some(session)
        .ok_or_else(|| format!("expected at most 10 printable ASCII characters, found {name:?}"))
}
