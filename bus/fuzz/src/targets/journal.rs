//! Bytes as a file of a journal, which is opened, read in every way and continued.

use super::{fresh, number, seal};
use std::fs;
use tickring::record::{Record, Trade};
use tickring::{
    Batch, Directory, JournalReader, JournalSpec, JournalStart, LosslessReader, RingName, RingSpec,
    Start, Writer,
};

/// Calls of each kind on one journal.
const CALLS: usize = 40;
/// Where things stand in a file, see JOURNAL.md.
const FIXED: usize = 512;
const SCHEMA_CRC: usize = 504;
const FIXED_CRC: usize = 508;
const BLOCK: usize = 64;

pub(crate) fn run(bytes: &[u8]) {
    read(bytes);
    // Most changes are found by a checksum: once more, with what lies behind.
    let mut sealed = bytes.to_vec();
    reseal(&mut sealed);
    read(&sealed);
}

fn read(bytes: &[u8]) {
    let own = fresh();
    let path = own.path().join(format!("demo.ring-{:032x}-{:020}.journal", 7, 0));
    fs::write(&path, bytes).expect("a writable file");
    for start in [JournalStart::Oldest, JournalStart::Sequence(70), JournalStart::Time(1 << 60)] {
        let Ok(mut reader) = JournalReader::open(&path, None, start) else { continue };
        let mut batch = Batch::new();
        for _ in 0..CALLS {
            if let Ok(outcome) = reader.poll() {
                let _ = outcome.map(|record| record.get::<Trade>().is_some());
            }
            let _ = reader.poll_batch(&mut batch, 10).map(|outcome| outcome.map(drop));
            let _ = (reader.publish_span(reader.cursor()), reader.end(), reader.missed());
        }
        let _ = reader.seek(JournalStart::Sequence(u64::MAX));
        let _ = reader.poll().map(|outcome| outcome.map(drop));
    }
}

/// Makes all checksums right that stand where a reader will look for them.
fn reseal(bytes: &mut [u8]) {
    let schema_bytes = number(bytes, 80) as usize;
    let stride_bytes = number(bytes, 56) as usize;
    seal(bytes, FIXED..FIXED.saturating_add(schema_bytes), SCHEMA_CRC);
    seal(bytes, 0..FIXED_CRC, FIXED_CRC);
    let mut at = number(bytes, 16) as usize;
    while at.checked_add(BLOCK).is_some_and(|end| end <= bytes.len()) {
        let first = number(bytes, at + 16);
        let count = number(bytes, at + 24) & u64::from(u32::MAX);
        let times = first.saturating_add(count).div_ceil(64).saturating_sub(first.div_ceil(64));
        let times = (times as usize).saturating_mul(8).saturating_add(63) / 64 * 64;
        let payload = (count as usize).saturating_mul(stride_bytes).saturating_add(times);
        let payload = if number(bytes, at + 24) >> 32 == 1 { payload } else { 0 };
        let end = (at + BLOCK).saturating_add(payload);
        seal(bytes, at + BLOCK..end, at + 56);
        seal(bytes, at..at + 60, at + 60);
        at = end;
    }
}

/// Journals of several blocks, whole, paused and cut, and one with a restart.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    // Of this call alone: tests make seeds at the same time.
    let own = fresh();
    let directory = Directory::at(own.path().join("rings"));
    let name: RingName = "demo/ring".parse().expect("a name");
    let journal = own.path().join("journals");
    let spec = RingSpec::new(Trade::kinds()).expect("the kinds of a trade");
    let spec = RingSpec {
        capacity: 128,
        journal: Some(JournalSpec { rotate_bytes: 1 << 17, ..JournalSpec::new(&journal) }),
        ..spec
    };
    for lives in 0..2 {
        let mut writer = Writer::open(&directory, &name, &spec).expect("a ring");
        for n in 0..200 {
            writer.publish(&Trade::empty(1, 1, n)).expect("a trade");
        }
        writer.flush_journal().expect("a writable journal");
        if lives == 1 {
            writer.close();
        }
    }
    // The journal alone tells what the ring has no more.
    let mut reader = LosslessReader::open(&directory, &name, &journal, Start::Sequence(0))
        .expect("a ring and its journal");
    assert!(reader.poll().is_ok());
    drop(reader);
    directory.remove(&name).expect("a ring to remove");
    let mut files: Vec<_> = fs::read_dir(&journal).expect("a directory").flatten().collect();
    files.sort_by_key(|file| file.file_name());
    let mut seeds: Vec<Vec<u8>> = files
        .iter()
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "journal"))
        .map(|file| fs::read(file.path()).expect("a file"))
        .collect();
    let whole = seeds.first().cloned().unwrap_or_default();
    for bytes in [0, 8, 512, 4096, 8192, whole.len() / 2] {
        seeds.push(whole.iter().copied().take(bytes).collect());
    }
    seeds
}
