//! What a journal costs: a writer that keeps one itself beside one that does not and a copy of
//! the same bytes, a recorder, and reading it back.
//!
//! All figures are for one tick. The journal lies in memory, so that the disk is not what is
//! measured; `TICKRING_BENCH_JOURNAL` names another directory.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tickring::record::Mbo;
use tickring::{
    Batch, Directory, JournalReader, JournalSpec, JournalStart, LosslessReader, Poll, Recorder,
    RecorderProgress, RingSpec, Start, Writer,
};
use tickring_benches::workload::{self, Load};

const TICK_BYTES: usize = 64;
/// Ticks that are prepared before the clock runs, and that a recorder takes at a time.
const PREPARED: usize = 1024;
/// As many bytes as a ring of ticks holds.
const RING_BYTES: usize = 4 << 20;
/// Records of the journal that is read: several files.
const READ: u64 = 4 << 20;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .configure_from_args();
    let mut group = criterion.benchmark_group("journal/tick");
    group.throughput(Throughput::Bytes(TICK_BYTES as u64));
    memcpy(&mut group);
    publish(&mut group);
    record(&mut group);
    read(&mut group);
    group.finish();
    criterion.final_summary();
}

/// Rings and a journal that are gone at the end.
struct Desk {
    root: TempDir,
    journal: TempDir,
}

impl Desk {
    fn new() -> Self {
        let memory = || tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let chosen = std::env::var_os("TICKRING_BENCH_JOURNAL").map(PathBuf::from);
        let journal = chosen.map_or_else(memory, tempfile::tempdir_in);
        let root = memory().expect("a temporary directory");
        Self { root, journal: journal.expect("a directory for the journal") }
    }

    fn directory(&self) -> Directory {
        Directory::at(self.root.path())
    }

    fn spec(&self) -> JournalSpec {
        JournalSpec::new(self.journal.path())
    }

    fn writer(&self, journal: Option<JournalSpec>) -> Writer {
        let spec = RingSpec { journal, ..Load::Ticks.spec().expect("a valid schema") };
        let name = Load::Ticks.name().expect("a valid name");
        Writer::open(&self.directory(), &name, &spec).expect("a new ring")
    }

    /// Removes all files of the journal but the newest, to bound what a run takes.
    fn tidy(&self) {
        let mut files = files(self.journal.path());
        files.pop();
        for file in files {
            fs::remove_file(file).expect("a file of the journal");
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the journal").filter_map(Result::ok);
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "journal"));
    files.sort();
    files
}

fn prepared() -> Vec<Mbo> {
    (0..PREPARED as u64).map(|seq| workload::tick(seq, 0)).collect()
}

fn memcpy(group: &mut BenchmarkGroup<'_, WallTime>) {
    let source: Vec<[u8; TICK_BYTES]> = vec![[1; TICK_BYTES]; RING_BYTES / TICK_BYTES];
    let mut target = vec![[0; TICK_BYTES]; RING_BYTES / TICK_BYTES];
    group.bench_function("memcpy", |bencher| {
        bencher.iter_custom(|iters| {
            let mut left = usize::try_from(iters).unwrap_or(usize::MAX);
            let begin = Instant::now();
            while left > 0 {
                let count = left.min(source.len());
                for (to, from) in target.iter_mut().zip(black_box(&source)).take(count) {
                    *to = *from;
                }
                black_box(&mut target);
                left -= count;
            }
            begin.elapsed()
        });
    });
}

fn publish(group: &mut BenchmarkGroup<'_, WallTime>) {
    let records = prepared();
    for (name, has_journal) in [("publish without", false), ("publish with", true)] {
        let desk = Desk::new();
        let mut writer = desk.writer(has_journal.then(|| desk.spec()));
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iters| {
                let records = black_box(records.as_slice()).iter().cycle();
                let begin = Instant::now();
                for record in records.take(usize::try_from(iters).unwrap_or(usize::MAX)) {
                    writer.publish(record).expect("the ring holds ticks");
                }
                let elapsed = begin.elapsed();
                desk.tidy();
                elapsed
            });
        });
        let status = writer.journal_status();
        assert!(status.is_none_or(|status| (status.missed, status.failures) == (0, 0)));
    }
}

fn record(group: &mut BenchmarkGroup<'_, WallTime>) {
    let (desk, records) = (Desk::new(), prepared());
    let mut writer = desk.writer(None);
    let name = Load::Ticks.name().expect("a valid name");
    let mut recorder = Recorder::open(&desk.directory(), &name, &desk.spec(), Start::Oldest)
        .expect("a new journal");
    group.bench_function("recorder", |bencher| {
        bencher.iter_custom(|iters| {
            let mut left = usize::try_from(iters).unwrap_or(usize::MAX);
            let mut elapsed = Duration::ZERO;
            while left > 0 {
                let some = records.get(..left.min(PREPARED)).unwrap_or(&records);
                writer.publish_batch(some).expect("the ring holds ticks");
                let begin = Instant::now();
                while let RecorderProgress::Advanced(_) = recorder.step().expect("a journal") {}
                elapsed += begin.elapsed();
                left -= some.len();
            }
            desk.tidy();
            elapsed
        });
    });
    assert_eq!(recorder.stats().missed, 0);
}

fn read(group: &mut BenchmarkGroup<'_, WallTime>) {
    let desk = Desk::new();
    let mut writer = desk.writer(Some(desk.spec()));
    for record in prepared().iter().cycle().take(usize::try_from(READ).unwrap_or(0)) {
        writer.publish(record).expect("the ring holds ticks");
    }
    writer.flush_journal().expect("a journal");
    let mut journal =
        JournalReader::open(desk.journal.path(), None, JournalStart::Oldest).expect("the journal");
    let mut batch = Batch::new();
    group.bench_function("read, batches", |bencher| {
        bencher.iter_custom(|iters| {
            let mut left = iters;
            let begin = Instant::now();
            while left > 0 {
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(PREPARED);
                match journal.poll_batch(&mut batch, most).expect("the journal") {
                    Poll::Record(count) => left -= count as u64,
                    _ => journal.seek(JournalStart::Oldest).expect("the journal"),
                }
                black_box(&batch);
            }
            begin.elapsed()
        });
    });
    let name = Load::Ticks.name().expect("a valid name");
    let start = Start::Sequence(0);
    let open = || {
        LosslessReader::open(&desk.directory(), &name, desk.journal.path(), start).expect("a ring")
    };
    let mut lossless = open();
    group.bench_function("lossless poll, behind", |bencher| {
        bencher.iter_custom(|iters| {
            let mut left = iters;
            let begin = Instant::now();
            while left > 0 {
                match lossless.poll().expect("ring and journal") {
                    Poll::Record(record) => {
                        black_box(record.seq());
                        left -= 1;
                    }
                    _ => lossless = open(),
                }
            }
            begin.elapsed()
        });
    });
    seek(group, &mut journal);
}

/// One jump to a sequence somewhere in the journal.
fn seek(group: &mut BenchmarkGroup<'_, WallTime>, journal: &mut JournalReader) {
    let mut seq = 0;
    group.bench_function("seek", |bencher| {
        bencher.iter(|| {
            seq = (seq + 1_234_567) % READ;
            journal.seek(JournalStart::Sequence(seq)).expect("the journal");
            assert!(matches!(journal.poll().expect("the journal"), Poll::Record(_)));
        });
    });
}
