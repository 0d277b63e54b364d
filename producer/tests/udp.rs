//! A multicast feed over real sockets of this machine, with all that happens to packets.
//!
//! The player and the source take turns on one thread, so that no packet is lost but by the
//! script, however busy the machine is.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use tempfile::TempDir;
use tickring::record::{Gap, Mbo, Record, Status, Trade, UNDEF_TIME, gap_state};
use tickring_producer::arbiter::RecoveryOptions;
use tickring_producer::pace::Pace;
use tickring_producer::play::udp::{UdpPlayer, UdpPlayerOptions};
use tickring_producer::sink::tape::{Tape, Taped};
use tickring_producer::source::itch::{ItchOptions, ItchSource};
use tickring_producer::source::udp::{LineOptions, UdpOptions, UdpSource};
use tickring_producer::source::{Count, Progress, Report, Source};
use zerocopy::{FromBytes, IntoBytes};

use crate::itch_files::generated;

mod chaos;
mod kernel;
mod sessions;

/// A test that takes longer is stuck: it fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(120);
/// Messages sent before the source is asked to receive them: they fit any receive buffer.
const TURN: usize = 100;
const DATE: Date = Date::constant(2010, 12, 24);

/// A session in a file, and where to send it.
struct Stage {
    _folder: TempDir,
    file: PathBuf,
    messages: u64,
}

impl Stage {
    /// A session of adds and executions; every third of so many orders is executed in two parts.
    fn new(orders: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("session.itch");
        generated(&file, orders);
        Self { _folder: folder, file, messages: orders + orders / 3 * 2 }
    }

    /// What the file gives without a network.
    fn lossless(&self) -> Tape {
        let mut tape = Tape::default();
        let mut source =
            ItchSource::open(&self.file, &ItchOptions { date: DATE, ..ItchOptions::default() })
                .unwrap();
        while source.poll(&mut tape, 1_000).unwrap() != Progress::End {}
        tape
    }

    /// A source of two lines, from the first message on, that waits long for what is late.
    fn source_options(&self) -> UdpOptions {
        UdpOptions {
            first: Some(1),
            date: Some(DATE),
            patience: Duration::from_secs(2),
            ..UdpOptions::new(lines())
        }
    }

    /// A player of packets of ten messages to the lines of a source.
    fn player_options(&self, source: &UdpSource) -> UdpPlayerOptions {
        let lines = source.addresses().unwrap().into_iter().map(|address| match address {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(address) => panic!("{address}"),
        });
        UdpPlayerOptions {
            interface: Some(Ipv4Addr::LOCALHOST),
            packet_messages: 10,
            packet_span: PATIENCE,
            pace: Pace::Max,
            linger: PATIENCE,
            ..UdpPlayerOptions::new(&self.file, lines.collect())
        }
    }

    /// Plays with a request server to a source that asks it.
    ///
    /// Which address the server has is known only when it listens, and where the lines are only
    /// when the source has opened them: the server's port is reserved before both.
    fn with_server(
        &self,
        source: UdpOptions,
        player: impl FnOnce(UdpPlayerOptions) -> UdpPlayerOptions,
    ) -> (UdpSource, UdpPlayer) {
        let server = free_address();
        let source = UdpSource::open(&UdpOptions { server: Some(server), ..source }).unwrap();
        let options = UdpPlayerOptions { server: Some(server), ..self.player_options(&source) };
        let player = UdpPlayer::open(&player(options)).unwrap();
        (source, player)
    }
}

/// An address of this machine that is free now.
fn free_address() -> SocketAddrV4 {
    match UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap() {
        SocketAddr::V4(address) => address,
        SocketAddr::V6(address) => panic!("{address}"),
    }
}

/// Lines A and B on ports that the system chooses: groups, or where this machine has no multicast
/// on its loopback, which is told, single addresses.
fn lines() -> Vec<LineOptions> {
    let groups = [Ipv4Addr::new(239, 255, 71, 1), Ipv4Addr::new(239, 255, 71, 2)];
    let has_multicast = has_multicast(groups[0]);
    if !has_multicast {
        println!("no multicast on the loopback of this machine: tested with single receivers");
    }
    let line = |group| LineOptions {
        interface: Some(Ipv4Addr::LOCALHOST),
        ..LineOptions::new(SocketAddrV4::new(
            if has_multicast { group } else { Ipv4Addr::LOCALHOST },
            0,
        ))
    };
    groups.map(line).into()
}

/// Whether what is sent to a group on the loopback interface is received.
fn has_multicast(group: Ipv4Addr) -> bool {
    let probe = || -> std::io::Result<usize> {
        let receiver = UdpSocket::bind((group, 0))?;
        receiver.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;
        receiver.set_read_timeout(Some(Duration::from_secs(5)))?;
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        sender.send_to(b"probe", (group, receiver.local_addr()?.port()))?;
        receiver.recv(&mut [0; 8])
    };
    probe().is_ok_and(|len| len == 5)
}

/// Lets player and source take turns until the source is at its end; returns what it gave, and
/// what both report.
fn to_its_end(player: &mut UdpPlayer, source: &mut UdpSource) -> (Tape, Report, Report) {
    let deadline = Instant::now() + PATIENCE;
    let mut tape = Tape::default();
    loop {
        assert!(Instant::now() < deadline, "stuck: {:?} {:?}", player.report(), source.report());
        let _ = player.run_once(TURN).unwrap();
        match source.poll(&mut tape, usize::MAX).unwrap() {
            Progress::End => return (tape, player.report(), source.report()),
            Progress::Idle => source.wait(Duration::from_millis(1)),
            Progress::Advanced(_) => {}
        }
    }
}

/// Plays to the player's end, with the source beside it.
fn play(player: &mut UdpPlayer, source: &mut UdpSource, tape: &mut Tape) {
    while player.run_once(TURN).unwrap() != Progress::End {
        let _ = source.poll(tape, usize::MAX).unwrap();
    }
}

fn count(of: &[Count], name: &str) -> u64 {
    of.iter().find(|count| count.name == name).map_or(0, |count| count.count)
}

/// The records of a tape without gaps, and without the time of receipt, which a file has not.
fn timeless(tape: &Tape) -> Vec<Taped> {
    let records = tape.records.iter().filter(|taped| taped.name != Gap::NAME).cloned();
    records
        .map(|taped| {
            let bytes = match taped.name {
                Mbo::NAME => {
                    let mbo = Mbo::read_from_bytes(&taped.bytes).unwrap();
                    Mbo { ts_recv: UNDEF_TIME, ..mbo }.as_bytes().to_vec()
                }
                Trade::NAME => {
                    let trade = Trade::read_from_bytes(&taped.bytes).unwrap();
                    Trade { ts_recv: UNDEF_TIME, ..trade }.as_bytes().to_vec()
                }
                Status::NAME => {
                    let status = Status::read_from_bytes(&taped.bytes).unwrap();
                    Status { ts_recv: UNDEF_TIME, ..status }.as_bytes().to_vec()
                }
                other => panic!("{other}"),
            };
            Taped { bytes, ..taped }
        })
        .collect()
}

/// The sequence of a record of an order or trade.
fn sequence(taped: &Taped) -> Option<u64> {
    match taped.name {
        Mbo::NAME => Some(Mbo::read_from_bytes(&taped.bytes).unwrap().sequence.into()),
        Trade::NAME => Some(Trade::read_from_bytes(&taped.bytes).unwrap().sequence.into()),
        _ => None,
    }
}

/// Checks that each gap stands right before the first record behind it, and that no two of them
/// are about one hole; returns them.
fn checked_gaps(tape: &Tape) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    let mut last = 0;
    for taped in &tape.records {
        if let Some(sequence) = sequence(taped) {
            if let Some(gap) = gaps.last().filter(|gap| gap.end_missing > last) {
                assert_eq!(sequence, gap.end_missing, "{gap:?}");
            } else {
                assert!(sequence == last || sequence == last + 1, "{sequence} after {last}");
            }
            last = sequence;
        } else if taped.name == Gap::NAME {
            let gap = Gap::read_from_bytes(&taped.bytes).unwrap();
            let expected = match gap.state {
                gap_state::FILLED => gap.end_missing,
                _ => gap.first_missing + gap.recovered,
            };
            assert_eq!(last + 1, expected, "{gap:?}");
            assert!(gaps.last().is_none_or(|before| before.end_missing < gap.first_missing));
            gaps.push(gap);
            last = last.max(gap.end_missing - 1);
            if gap.state != gap_state::FILLED {
                last = gap.first_missing + gap.recovered - 1;
            }
        }
    }
    gaps
}
