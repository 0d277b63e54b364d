//! Seeds by the producer's own writers: a small simulated market, and a message of every type.

use std::path::Path;
use std::time::Duration;
use tickring::WrongKind;
use tickring::record::Record;
use tickring_producer::sink::binary_file::BinaryFileWriter;
use tickring_producer::sink::itch::ItchWriter;
use tickring_producer::sink::mold::{Chaos, GROUP_A, GROUP_B, MoldWriter, SENDER_A, SENDER_B};
use tickring_producer::sink::pcap::{Flow, PcapWriter};
use tickring_producer::source::simulator::{Session, Simulator, SimulatorOptions};
use tickring_producer::source::{Progress, Sink, Source};

type Memory = Vec<u8>;

/// A day as ITCH 5.0.
pub(crate) struct Day {
    /// BinaryFILE.
    pub(crate) file: Memory,
    /// pcap of MoldUDP64: lines A and B.
    pub(crate) lines: [Memory; 2],
}

/// Writes what is ITCH.
struct Itch(ItchWriter<(BinaryFileWriter<Memory>, MoldWriter<Memory>)>);

impl Sink for Itch {
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.0.tick(record)
    }

    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.0.definition(record)
    }

    fn statistic<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.0.statistic(record)
    }
}

/// Simulates a short day of two instruments, some of whose packets are lost, late, damaged or
/// doubled on their way.
pub(crate) fn day(seed: u64) -> Day {
    let options = SimulatorOptions {
        seed,
        instruments: 2,
        events_per_second: 150.0,
        count: Some(120),
        session: Some(Session { halts: 1, bursts: 1, ..Session::within(Duration::from_secs(2)) }),
        ..SimulatorOptions::default()
    };
    let mut simulator = Simulator::new(&options).expect("options in range");
    let path = Path::new("memory");
    let pcap = |source, group| {
        PcapWriter::new(path, Memory::new(), Flow { source, group }).expect("memory")
    };
    let (loss, duplicate, reorder, corrupt) = (0.1, 0.1, 0.1, 0.02);
    let chaos = Chaos { seed, loss, duplicate, reorder, corrupt, ..Chaos::default() };
    let lines = [pcap(SENDER_A, GROUP_A), pcap(SENDER_B, GROUP_B)];
    let mold = MoldWriter::new(*b"FUZZED    ", chaos, lines).expect("options in range");
    let mut sink = Itch(ItchWriter::new((BinaryFileWriter::new(path, Memory::new()), mold)));
    while simulator.poll(&mut sink, 64).expect("a day") != Progress::End {}
    let ((file, mold), _) = sink.0.finish().expect("memory");
    let (lines, _) = mold.finish().expect("memory");
    Day { file: file.finish().expect("memory"), lines }
}

/// A message of every type of a table, each filled with one byte behind its type.
pub(crate) fn every_type(types: &[(u8, usize)], filling: u8) -> Vec<Memory> {
    let messages = types.iter().map(|&(code, length)| {
        let mut message = vec![filling; length];
        message[0] = code;
        message
    });
    messages.collect()
}

/// Messages behind their lengths, two bytes big endian.
pub(crate) fn prefixed(messages: &[Memory]) -> Memory {
    let prefixed = messages.iter().map(|message| {
        let length = u16::try_from(message.len()).expect("a short message");
        [&length.to_be_bytes()[..], message].concat()
    });
    prefixed.collect::<Vec<_>>().concat()
}
