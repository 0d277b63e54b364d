//! Packets of MoldUDP64 on two lines and from a request server: to the arbiter, and as a capture.

use super::capture::{self, Packet as Given};
use super::checked::{self, Checked};
use super::market_day;
use std::convert::Infallible;
use std::path::Path;
use tickring::record::{Imbalance, InstrumentDef, Mbo, Record, Stat, Status, Trade};
use tickring_producer::arbiter::{Arbiter, ArbiterOptions, Delivery, Origin, RecoveryOptions};
use tickring_producer::source::Kinds;
use tickring_producer::source::itch::normalise::Normaliser;
use tickring_producer::source::pcap::{Payload, PcapOptions, PcapSource};
use tickring_producer::wire::itch50::{self, TYPES};
use tickring_producer::wire::moldudp64::{Header, Packet, parse_request};
use zerocopy::IntoBytes;

/// Steps in which an arbiter has done all that it will do when nothing comes any more: the
/// attempts for the largest hole that is asked for, and some.
const MOST_STEPS: usize = 10_000;
/// Longest time that is waited for the next of these steps, in ns.
const STEP_NS: u64 = 1_000_000;

pub(crate) fn run(bytes: &[u8]) {
    capture::split(bytes).for_each(|given| ask(given.bytes));
    for recovery in [None, Some(RecoveryOptions { most_messages: 10_000, ..Default::default() })] {
        arbitrate(bytes, recovery);
    }
    let file = capture::capture(bytes);
    checked::with_file(&file, |path| {
        for merge in [false, true] {
            checked::read(open(path, merge), &file);
        }
    });
}

/// What a request server is asked for exists as numbers.
fn ask(bytes: &[u8]) {
    if let Ok(request) = parse_request(bytes) {
        let (first, count) = (request.sequence.get(), u64::from(request.count.get()));
        assert!(first > 0 && first.checked_add(count).is_some(), "{request:?}");
    }
}

fn open(path: &Path, merge: bool) -> Result<PcapSource, tickring_producer::Error> {
    let payload = Some(Payload::MoldUdp64);
    PcapSource::open(path, &PcapOptions { payload, merge, ..PcapOptions::default() })
}

/// Takes what an arbiter gives, in the order that it promises.
struct Receiver {
    sink: Checked,
    normaliser: Normaliser,
    /// The number after the last message that was given.
    end: u64,
}

impl Receiver {
    fn new() -> Self {
        let kinds = Kinds {
            ticks: [Mbo::kinds(), Trade::kinds(), Status::kinds()].concat(),
            definitions: InstrumentDef::kinds(),
            statistics: [Imbalance::kinds(), Stat::kinds()].concat(),
        };
        Self { sink: Checked::new(kinds), normaliser: Normaliser::new(0), end: 0 }
    }

    fn take(&mut self, delivery: Delivery<'_>) -> Result<(), Infallible> {
        match delivery {
            Delivery::Run(run) => {
                assert!(run.first >= self.end && run.count > 0, "{run:?} after {}", self.end);
                for (number, bytes) in run.messages() {
                    assert!(number >= self.end, "message {number} after {}", self.end);
                    self.end = number + 1;
                    if let Ok(message) = itch50::parse(bytes) {
                        let given = self.normaliser.message(number - 1, &message, &mut self.sink);
                        given.expect("a kind of ITCH");
                    }
                }
                assert_eq!(self.end, run.first + run.count);
            }
            Delivery::Loss(loss) => {
                assert!(loss.first < loss.end, "{loss:?}");
                assert!(loss.recovered <= loss.end - loss.first, "{loss:?}");
            }
            Delivery::Session { .. } => self.end = 0,
        }
        Ok(())
    }
}

/// Gives the packets to an arbiter, and then lets time pass until it wants nothing more.
fn arbitrate(bytes: &[u8], recovery: Option<RecoveryOptions>) {
    let options =
        ArbiterOptions { window: 16, packet_bytes: 512, recovery, ..ArbiterOptions::default() };
    let (mut arbiter, mut receiver, mut now_ns) = (Arbiter::new(options), Receiver::new(), 0);
    for given in capture::split(bytes) {
        now_ns += given.after_ns();
        if let Ok(packet) = Packet::parse(given.bytes) {
            let taken = arbiter.packet(origin(given), &packet, now_ns, now_ns, &mut |delivery| {
                receiver.take(delivery)
            });
            taken.expect("a receiver that takes all");
        }
        while arbiter.request(now_ns).is_some() {}
    }
    for _ in 0..MOST_STEPS {
        let Some(deadline_ns) = arbiter.deadline_ns() else {
            assert!(!arbiter.has_hole(), "a hole that nothing ends");
            let _ = (arbiter.is_ended(), arbiter.counts());
            return;
        };
        now_ns = deadline_ns.max(now_ns + STEP_NS);
        arbiter.tick(now_ns, &mut |delivery| receiver.take(delivery)).expect("taken");
        while arbiter.request(now_ns).is_some() {}
    }
    panic!("the arbiter has no end");
}

fn origin(given: Given<'_>) -> Origin {
    if given.is_answer() { Origin::Recovery } else { Origin::Line(given.line()) }
}

/// Both lines of a day, merged by time.
fn merged(seed: u64) -> Vec<u8> {
    let [a, b] = market_day::day(seed).lines;
    let of = |line: u8, file| {
        let datagrams = capture::datagrams(file).into_iter();
        datagrams.map(move |(time_ns, bytes)| (time_ns, line, bytes))
    };
    let mut datagrams: Vec<_> = of(0, &a).chain(of(1, &b)).collect();
    datagrams.sort_by_key(|(time_ns, line, _)| (*time_ns, *line));
    capture::join(datagrams.into_iter().map(|(_, line, bytes)| (line | 0xA0, bytes)))
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let session = *b"FUZZED    ";
    let of = |first: u64, filling: u8| {
        let messages = market_day::every_type(TYPES, filling);
        let count = u16::try_from(messages.len()).expect("few types");
        let header = Header::new(session, first, count);
        [header.as_bytes(), &market_day::prefixed(&messages)].concat()
    };
    let count = u64::try_from(TYPES.len()).expect("few types");
    let heartbeat = Header::heartbeat(session, 1 + 3 * count);
    let end = Header::end_of_session(session, 1 + 3 * count);
    let [first, second, third] = [(1, 0), (1 + count, b'B'), (1 + 2 * count, 0xFF)]
        .map(|(number, filling)| of(number, filling));
    let (beat, end) = (heartbeat.as_bytes(), end.as_bytes());
    vec![
        merged(4),
        merged(5),
        capture::join([(0, &first[..]), (1, &third), (0xF0, beat), (2, &second), (1, end)]),
        capture::join([(0, &first[..]), (1, &third), (0xF9, beat), (0xF8, end), (0, end)]),
    ]
}
