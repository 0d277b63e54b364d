//! A simulated day in every format: the same seed gives the same bytes, and what is read back is
//! what was simulated.

use std::fs;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tickring::WrongKind;
use tickring::record::Record;
use tickring::schema::Schema;
use tickring_producer::pipeline::{Feed, FeedOptions};
use tickring_producer::sink::binary_file::BinaryFileWriter;
use tickring_producer::sink::dbn::{DbnHeader, DbnWriter};
use tickring_producer::sink::itch::ItchWriter;
use tickring_producer::sink::mold::{
    Chaos, GROUP_A, GROUP_B, MoldTruth, MoldWriter, SENDER_A, SENDER_B,
};
use tickring_producer::sink::pcap::{Flow, PcapWriter};
use tickring_producer::sink::tape::{Ring, Tape};
use tickring_producer::source::dbn::DbnSource;
use tickring_producer::source::simulator::{Session, Simulator, SimulatorOptions};
use tickring_producer::source::{Progress, Sink, Source};

use crate::bus::Bus;

type Memory = Vec<u8>;

/// A day in all formats.
struct Formats {
    dbn: DbnWriter<Memory>,
    itch: ItchWriter<(BinaryFileWriter<Memory>, MoldWriter<Memory>)>,
    tape: Tape,
}

impl Sink for Formats {
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.dbn.tick(record)?;
        self.itch.tick(record)?;
        self.tape.tick(record)
    }

    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.dbn.definition(record)?;
        self.itch.definition(record)?;
        self.tape.definition(record)
    }

    fn statistic<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.dbn.statistic(record)?;
        self.itch.statistic(record)?;
        self.tape.statistic(record)
    }
}

/// What a day gave.
#[derive(PartialEq)]
struct Day {
    tape: Tape,
    dbn: Memory,
    itch: Memory,
    lines: [Memory; 2],
    truth: MoldTruth,
}

impl Day {
    /// The hash of each format, that of the records themselves first.
    fn hashes(&self) -> [[u8; 32]; 5] {
        let records: Memory =
            self.tape.records.iter().flat_map(|taped| taped.bytes.iter().copied()).collect();
        let [a, b] = &self.lines;
        [&records, &self.dbn, &self.itch, a, b].map(|bytes| Sha256::digest(bytes).into())
    }
}

fn options(seed: u64) -> SimulatorOptions {
    SimulatorOptions {
        seed,
        instruments: 20,
        events_per_second: 3_000.0,
        session: Some(Session::within(Duration::from_secs(10))),
        ..SimulatorOptions::default()
    }
}

fn day(seed: u64, budget: usize) -> Day {
    let mut simulator = Simulator::new(&options(seed)).unwrap();
    let path = "memory".as_ref();
    let kinds = simulator.kinds();
    let schema = Schema::new([kinds.ticks, kinds.definitions].concat()).unwrap();
    let header = DbnHeader { dataset: "SIMULATED".to_owned(), start_ns: options(seed).start_ns };
    let pcap =
        |source, group| PcapWriter::new(path, Memory::new(), Flow { source, group }).unwrap();
    let chaos = Chaos { seed, loss: 0.01, duplicate: 0.01, reorder: 0.02, ..Chaos::default() };
    let lines = [pcap(SENDER_A, GROUP_A), pcap(SENDER_B, GROUP_B)];
    let mold = MoldWriter::new(*b"SIMULATED ", chaos, lines).unwrap();
    let mut formats = Formats {
        dbn: DbnWriter::new(path, Memory::new(), header, &schema).unwrap(),
        itch: ItchWriter::new((BinaryFileWriter::new(path, Memory::new()), mold)),
        tape: Tape::default(),
    };
    while simulator.poll(&mut formats, budget).unwrap() != Progress::End {}
    let Formats { dbn, itch, tape } = formats;
    let ((file, mold), _) = itch.finish().unwrap();
    let (lines, truth) = mold.finish().unwrap();
    let (dbn, itch) = (dbn.finish().unwrap(), file.finish().unwrap());
    Day { tape, dbn, itch, lines, truth }
}

#[test]
fn a_seed_gives_the_same_bytes_in_every_format_whatever_the_budget() {
    let first = day(1, 256);
    for budget in [1, 7, 100_000] {
        let again = day(1, budget);
        assert_eq!(again.hashes(), first.hashes(), "budget {budget}");
        assert_eq!(again.truth, first.truth);
    }
    let other = day(2, 256);
    for (own, other) in first.hashes().iter().zip(other.hashes()) {
        assert_ne!(*own, other);
    }
}

#[test]
fn rings_of_a_seed_hold_the_records_of_its_files() {
    let tape = day(3, 256).tape;
    for budget in [5, 4_096] {
        let bus = Bus::new();
        let rings = FeedOptions { capacity: 1 << 17, ..bus.options() };
        let simulator = Simulator::new(&options(3)).unwrap();
        let mut feed = Feed::open(simulator, &rings).unwrap();
        while feed.run_once(budget).unwrap() != Progress::End {}
        let _ = feed.close();
        for (ring, place) in [
            ("ticks", Ring::Ticks),
            ("definitions", Ring::Definitions),
            ("statistics", Ring::Statistics),
        ] {
            let mut expected = tape.records.iter().filter(|taped| taped.ring == place);
            bus.each(ring, |record| {
                let bytes = &expected.next().unwrap().bytes;
                assert_eq!(record.bytes().get(..bytes.len()), Some(bytes.as_slice()));
            });
            assert!(expected.next().is_none(), "{ring}");
        }
    }
}

#[test]
fn a_simulated_dbn_file_is_read_back_byte_for_byte() {
    let day = day(4, 256);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("simulated.dbn");
    fs::write(&path, &day.dbn).unwrap();
    let mut source = DbnSource::open(&path).unwrap();
    assert_eq!((source.dataset(), source.version()), ("SIMULATED", 3));
    let mut back = Tape::default();
    while source.poll(&mut back, 1_000).unwrap() != Progress::End {}
    assert!(source.report().anomalies.is_empty());
    let bytes = |tape: &Tape| -> Vec<Vec<u8>> {
        tape.records.iter().map(|taped| taped.bytes.clone()).collect()
    };
    assert_eq!(back.records.len(), day.tape.records.len());
    assert!(bytes(&back) == bytes(&day.tape));
    // And written again it is the same file.
    let kinds = source.kinds();
    let header = DbnHeader { dataset: "SIMULATED".to_owned(), start_ns: options(4).start_ns };
    let schema = Schema::new(kinds.ticks).unwrap();
    let mut again = DbnWriter::new(&path, Memory::new(), header, &schema).unwrap();
    let mut source = DbnSource::open(&path).unwrap();
    while source.poll(&mut again, 1_000).unwrap() != Progress::End {}
    assert!(again.finish().unwrap() == day.dbn);
}
