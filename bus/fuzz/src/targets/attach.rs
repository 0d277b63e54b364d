//! Bytes as the file of a ring, which is attached, read in every way and taken over.

use super::{fresh, seal};
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;
use tickring::record::{Record, Trade};
use tickring::{Batch, Directory, Poll, Reader, RingInfo, RingName, RingSpec, Start, Writer};

/// Where the checksum of the identity stands, see FORMAT.md.
const IDENTITY_CRC: usize = 1020;
/// Calls of each kind on one segment.
const CALLS: usize = 20;

fn ring(root: &Path) -> (Directory, RingName) {
    let name = RingName::new("hostile", "ring").expect("a name");
    (Directory::at(root), name)
}

pub(crate) fn run(bytes: &[u8]) {
    attach(bytes);
    // Most changes of the identity are found by its checksum: once more, with what lies behind.
    let mut sealed = bytes.to_vec();
    seal(&mut sealed, 0..IDENTITY_CRC, IDENTITY_CRC);
    if sealed != bytes {
        attach(&sealed);
    }
}

fn attach(bytes: &[u8]) {
    let own = fresh();
    let (directory, name) = ring(own.path());
    let path = directory.path_of(&name);
    let bus = path.parent().expect("a ring is in a bus");
    fs::DirBuilder::new().recursive(true).mode(0o750).create(bus).expect("a directory");
    fs::write(&path, bytes).expect("a writable file");
    let _ = RingInfo::read(&directory, &name);
    let starts = [
        Start::Oldest,
        Start::Latest,
        Start::Sequence(0),
        Start::Sequence(u64::MAX),
        Start::Time(1 << 60),
    ];
    for start in starts {
        if let Ok(reader) = Reader::open(&directory, &name, start) {
            read(reader);
        }
    }
    take_over(&directory, &name);
}

fn read(mut reader: Reader) {
    let mut batch = Batch::new();
    for _ in 0..CALLS {
        if let Poll::Record(record) = reader.poll() {
            let _ = (record.header().is_some(), record.get::<Trade>().is_some());
        }
        let _ = reader.poll_batch(&mut batch, CALLS);
        let _ = reader.view(CALLS, |view| view.iter().map(|record| record.word(0)).max());
        let first = reader.cursor().saturating_sub(CALLS as u64);
        let _ = reader.view_at(first, CALLS, |view| view.iter().count());
        if let Some(extent) = reader.extent(CALLS) {
            let _ = reader.validate(&extent);
        }
        let _ = (reader.latest(1), reader.instrument(7), reader.instruments().count());
        let _ = (reader.wait(Duration::ZERO), reader.token());
        let _ = (reader.resident(), reader.published_at_ns(first & !63), reader.info());
    }
}

fn take_over(directory: &Directory, name: &RingName) {
    let Ok(info) = RingInfo::read(directory, name) else { return };
    let Ok(spec) = RingSpec::new(Trade::kinds()) else { return };
    let RingInfo { capacity, instruments, .. } = info;
    let spec = RingSpec { capacity, instruments, ..spec };
    if let Ok(mut writer) = Writer::open(directory, name, &spec) {
        for n in 0..CALLS as u64 {
            let _ = writer.publish(&Trade::empty(1, 1, n));
        }
        writer.close();
    }
}

/// Rings in several states, and cuts of one.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    // Of this call alone: tests make seeds at the same time.
    let own = fresh();
    let (directory, name) = ring(own.path());
    let spec = RingSpec::new(Trade::kinds()).expect("the kinds of a trade");
    let spec = RingSpec { capacity: 64, instruments: 8, ..spec };
    let mut seeds = Vec::new();
    for (count, is_torn, is_closed) in [(0, false, false), (3, true, false), (200, false, true)] {
        let mut writer = Writer::open(&directory, &name, &spec).expect("a ring");
        for n in 0..count {
            writer.publish(&Trade::empty(1, 1, n)).expect("a trade");
        }
        if is_torn {
            drop(writer.claim());
        }
        if is_closed {
            writer.close();
        }
        seeds.push(fs::read(directory.path_of(&name)).expect("the file of the ring"));
        directory.remove(&name).expect("a ring to remove");
    }
    let whole = seeds.first().cloned().unwrap_or_default();
    for bytes in [0, 8, 1024, 4096, whole.len() / 2] {
        seeds.push(whole.iter().copied().take(bytes).collect());
    }
    seeds
}
