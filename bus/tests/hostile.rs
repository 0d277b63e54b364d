//! A process that scribbles over a ring while others use it: nothing it can store may make them
//! crash, panic, leave the ring's memory, or never come back.

#![expect(unsafe_code, reason = "stores of random words into a ring")]

use crate::role::{PATIENCE, Role};
use crate::support::{Bench, trade};
use memmap2::MmapRaw;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};
use tickring::record::Trade;
use tickring::{Batch, Poll, Reader, RingInfo, Start, Writer};

const ENTRY: &str = "hostile::other_side";
const CAPACITY: u64 = 1 << 9;
/// How long the victims bear it.
const SIEGE: Duration = Duration::from_secs(1);
/// First byte that may change in a segment that is used as it should be.
const LIVE_BYTES: usize = 1024;
const HEADER_BYTES: usize = 4096;

/// Not a test of its own: what the other process does. Without a role it passes at once.
#[test]
fn other_side() {
    let Some(role) = Role::own() else { return };
    println!();
    let bench = Bench::inherited(CAPACITY);
    let seed = getrandom::u64().unwrap();
    println!("{role}: seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    match role.as_str() {
        "scribble" => scribble(&bench, &mut random),
        "read" => read(&role, &bench, &mut random),
        "publish" => publish(&bench),
        "take over" => take_over(&role, &bench, &mut random),
        "attach" => attach(&role, &bench),
        other => panic!("no role {other}"),
    }
}

/// A word that means something to somebody, or nothing.
fn nasty(random: &mut ChaCha8Rng) -> u64 {
    // Stamps of slots near the beginning, where readers look: whole, torn, of another slot.
    let near = random.random_range(0..8 * CAPACITY);
    match random.random_range(0..8) {
        0 => u64::MAX - random.random_range(0..4),
        1 => 0,
        2 => near,
        3 => 1 << random.random_range(0..64),
        4 => random.next_u64(),
        _ => 2 * near + 2,
    }
}

/// Stores such words for ever: into the live lines, everything behind the schema, and the control
/// segment, as far as there is one.
fn scribble(bench: &Bench, random: &mut ChaCha8Rng) {
    let path = bench.directory.path_of(&bench.name);
    let file = File::options().read(true).write(true).open(path).unwrap();
    let map = MmapRaw::map_raw(&file).unwrap();
    let slots_bytes = (CAPACITY * 64) as usize;
    let slots = map.len() - slots_bytes;
    let ring_id = RingInfo::read(&bench.directory, &bench.name).unwrap().ring_id as u64;
    let control = format!("/dev/shm/tickring-control-{ring_id:016x}");
    let control = File::options().read(true).write(true).open(control);
    let control = control.ok().map(|file| MmapRaw::map_raw(&file).unwrap());
    loop {
        if let Some(control) = control.as_ref().filter(|_| random.random_range(0..16) == 0) {
            let at = random.random_range(0..control.len()) & !7;
            store(control, at, nasty(random));
        }
        let at = match random.random_range(0..8) {
            0 => random.random_range(LIVE_BYTES..HEADER_BYTES),
            1 => random.random_range(slots - HEADER_BYTES..slots),
            // The stamps themselves, most of the time with one that could be there.
            2..=5 => {
                let index = random.random_range(0..CAPACITY);
                let seq = index + CAPACITY * random.random_range(0..8);
                let value = if random.random() { 2 * seq + 2 } else { nasty(random) };
                store(&map, slots + index as usize * 64, value);
                continue;
            }
            _ => random.random_range(slots..map.len()),
        };
        store(&map, at & !7, nasty(random));
    }
}

fn store(map: &MmapRaw, at: usize, value: u64) {
    assert!(at + 8 <= map.len() && at.is_multiple_of(8));
    // SAFETY: inside the mapping, as was just checked.
    let word = unsafe { map.as_mut_ptr().add(at) };
    // SAFETY: aligned and mapped for writing; the others access it as an atomic, and so does
    // the machine here.
    unsafe { word.cast::<u64>().write_volatile(value) };
}

/// Reads in every way there is and takes what it gets.
fn read(role: &str, bench: &Bench, random: &mut ChaCha8Rng) {
    let mut reader = bench.reader(Start::Oldest);
    let mut batch = Batch::new();
    let mut outcomes = [0_u64; 6];
    let end = Instant::now() + SIEGE;
    let mut calls = 0_u64;
    while !calls.is_multiple_of(64) || Instant::now() < end {
        calls += 1;
        let before = reader.cursor();
        let max = random.random_range(0..2 * CAPACITY) as usize;
        let outcome = match random.random_range(0..8) {
            0 | 1 => reader.poll().map(|record| {
                assert_eq!(record.seq(), before);
                let _ = (record.header().is_some(), record.get::<Trade>().copied());
                1
            }),
            2 => reader.poll_batch(&mut batch, max).map(|count| {
                assert!(count <= max && count == batch.len(), "{count} of {max}");
                assert!(batch.iter().zip(before..).all(|(record, seq)| record.seq() == seq));
                count as u64
            }),
            3 | 4 => {
                let seen = reader.view(max, |view| {
                    let sum = |sum: u64, record: tickring::LiveRecord<'_>| {
                        sum.wrapping_add(record.word(3)).wrapping_add(record.rtype().into())
                    };
                    (view.len() as u64, view.iter().fold(0, sum))
                });
                seen.map(|(count, _)| count)
            }
            5 => match reader.extent(max) {
                Some(extent) if reader.validate(&extent) => Poll::Record(extent.count as u64),
                _ => Poll::Empty,
            },
            6 => {
                look(&reader, nasty(random), max);
                Poll::Empty
            }
            _ => {
                let start = match random.random_range(0..4) {
                    0 => Start::Latest,
                    1 => Start::Oldest,
                    2 => Start::Time(nasty(random)),
                    _ => Start::Sequence(nasty(random)),
                };
                reader.seek(start).unwrap();
                continue;
            }
        };
        let kind = match outcome {
            Poll::Record(count) => {
                assert!(count <= CAPACITY.max(max as u64));
                0
            }
            Poll::Empty => 1,
            Poll::Lapped { resume, .. } => {
                assert_eq!(resume, reader.cursor());
                2
            }
            Poll::Tombstone { .. } => 3,
            Poll::Restarted { .. } => 4,
            Poll::Closed(_) => 5,
        };
        outcomes[kind] += 1;
        // Far away nothing is ever found: back to where records are.
        if reader.cursor() > 16 * CAPACITY {
            reader.seek(Start::Sequence(random.random_range(0..4 * CAPACITY))).unwrap();
        }
    }
    println!("{role}: {calls} calls, records empty lapped tombstones restarts closed {outcomes:?}");
    assert!(outcomes[0] > 100 && outcomes[2] > 100, "{outcomes:?}");
}

/// Everything about a reader that does not move it.
fn look(reader: &Reader, seq: u64, max: usize) {
    let seen = reader.view_at(seq, max, |view| view.iter().filter(|r| r.rtype() == 0).count());
    assert!(seen.unwrap_or(0) as u64 <= CAPACITY);
    let resident = reader.resident();
    assert!(resident.end - resident.start <= CAPACITY, "{resident:?}");
    let info = reader.info();
    assert_eq!(info.capacity, CAPACITY);
    let _ = (reader.lag(), reader.published(), reader.published_at_ns(seq & !63));
}

/// Publishes, in every way there is, for as long as all others together need.
fn publish(bench: &Bench) {
    let mut writer = bench.writer();
    let end = Instant::now() + 4 * SIEGE;
    while Instant::now() < end {
        for n in 0..CAPACITY {
            writer.publish(&trade(n)).unwrap();
            writer.stage(&trade(n)).unwrap();
            let mut claim = writer.claim();
            claim.write(&trade(n)).unwrap();
            claim.commit();
        }
        writer.heartbeat();
        assert_eq!(writer.vanished(), None);
    }
    writer.close();
}

/// Takes the ring over again and again, as far as it can be taken for one, and publishes.
fn take_over(role: &str, bench: &Bench, random: &mut ChaCha8Rng) {
    let (mut opened, mut refused) = (0, 0);
    let end = Instant::now() + SIEGE;
    while Instant::now() < end {
        match Writer::open(&bench.directory, &bench.name, &bench.spec) {
            Ok(mut writer) => {
                opened += 1;
                let count = random.random_range(0..2 * CAPACITY);
                for _ in 0..count {
                    let n = writer.next_seq();
                    writer.publish(&trade(n & 0xFFFF)).unwrap();
                }
                if random.random() {
                    writer.close();
                }
            }
            Err(_) => refused += 1,
        }
    }
    println!("{role}: {opened} times taken over, {refused} times refused");
    assert!(opened + refused > 10, "{opened} {refused}");
}

/// Attaches again and again.
fn attach(role: &str, bench: &Bench) {
    let mut attached = 0;
    let end = Instant::now() + SIEGE;
    while Instant::now() < end {
        let info = RingInfo::read(&bench.directory, &bench.name).unwrap();
        assert_eq!(info.capacity, CAPACITY);
        let mut reader = bench.reader(Start::Oldest);
        for _ in 0..100 {
            let _ = reader.poll();
        }
        attached += 1;
    }
    println!("{role}: attached {attached} times");
}

#[test]
fn random_stores_of_another_process_break_nothing_but_the_data() {
    let bench = Bench::new(CAPACITY);
    let mut writer = bench.writer();
    for n in 0..3 * CAPACITY {
        writer.publish(&trade(n)).unwrap();
    }
    drop(writer);
    // This one is in office before anything is wrong.
    let publisher = Role::start(ENTRY, "publish", &bench);
    let deadline = Instant::now() + PATIENCE;
    while RingInfo::read(&bench.directory, &bench.name).unwrap().published < 4 * CAPACITY {
        assert!(Instant::now() < deadline, "the writer does not publish");
        thread::yield_now();
    }
    let scribbler = Role::start(ENTRY, "scribble", &bench);
    for role in ["read", "attach"] {
        Role::play(ENTRY, role, &bench);
    }
    let status = publisher.wait();
    assert!(status.success(), "the writer: {status}");
    for role in ["read", "take over"] {
        Role::play(ENTRY, role, &bench);
    }
    // It was alive and scribbling all the time.
    assert_eq!(scribbler.kill().code(), None);
}
