//! A sink that looks at every record, and how a source is read into it.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::any::Any;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use tickring::record::{DeltaW, Gap, Mbo, QuoteW, Record, Trade, TradeW, action, side};
use tickring::schema::Kind;
use tickring::{Instrument, WrongKind};
use tickring_producer::Error;
use tickring_producer::sink::dbn::DbnWriter;
use tickring_producer::source::{Kinds, Progress, Sink, Source};

/// Inputs that are read of a compressed file: few bytes may be very many.
const MOST_COMPRESSED: usize = 20_000;
/// Inputs that a source is asked for at a time.
const BUDGETS: [usize; 3] = [1, 7, 64];

/// Refuses by panic what no source may give, and keeps a hash of the rest.
pub(crate) struct Checked {
    kinds: Kinds,
    /// Whether the records are made here; those of DBN are passed on as they are.
    is_made: bool,
    dbn: DbnWriter<io::Sink>,
    hasher: DefaultHasher,
}

impl Checked {
    pub(crate) fn new(kinds: Kinds) -> Self {
        let dbn = DbnWriter::with_metadata(Path::new("memory"), io::sink(), &[]).expect("a sink");
        Self { kinds, is_made: true, dbn, hasher: DefaultHasher::new() }
    }

    fn check<R: Record>(&mut self, kinds: fn(&Kinds) -> &[Kind], record: &R) {
        let header = record.header();
        assert!(R::accepts(header.rtype), "a {} of type {}", R::NAME, header.rtype);
        let kind = kinds(&self.kinds).iter().find(|kind| kind.rtype == header.rtype);
        let kind = kind.unwrap_or_else(|| panic!("a {} that was not announced", R::NAME));
        assert_eq!(usize::try_from(kind.size_bytes), Ok(size_of::<R>()), "{}", R::NAME);
        if self.is_made {
            assert_eq!(usize::from(header.length) * 4, size_of::<R>(), "{}", R::NAME);
            check_letters(record);
        }
        self.hasher.write(record.as_bytes());
    }
}

impl Sink for Checked {
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.check(|kinds| &kinds.ticks, record);
        self.dbn.tick(record)
    }

    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.check(|kinds| &kinds.definitions, record);
        self.dbn.definition(record)
    }

    fn statistic<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.check(|kinds| &kinds.statistics, record);
        self.dbn.statistic(record)
    }

    fn instrument(&mut self, instrument: &Instrument) {
        assert!(instrument.instrument_id > 0, "{instrument:?}");
        self.hasher.write(instrument.symbol().as_bytes());
    }
}

/// Looks at the fields with few values.
fn check_letters(record: &dyn Any) {
    let (action, side) = if let Some(order) = record.downcast_ref::<Mbo>() {
        (order.action, order.side)
    } else if let Some(trade) = record.downcast_ref::<Trade>() {
        (trade.action, trade.side)
    } else if let Some(delta) = record.downcast_ref::<DeltaW>() {
        assert!(delta.qty >= 0, "{delta:?}");
        (delta.action, delta.side)
    } else if let Some(trade) = record.downcast_ref::<TradeW>() {
        assert!(trade.qty >= 0, "{trade:?}");
        (trade.action, trade.side)
    } else if let Some(quote) = record.downcast_ref::<QuoteW>() {
        assert!(quote.bid_qty >= 0 && quote.ask_qty >= 0, "{quote:?}");
        return;
    } else if let Some(gap) = record.downcast_ref::<Gap>() {
        assert!(gap.first_missing <= gap.end_missing, "{gap:?}");
        assert!(gap.recovered <= gap.end_missing - gap.first_missing, "{gap:?}");
        return;
    } else {
        return;
    };
    let actions = [
        action::ADD,
        action::CANCEL,
        action::CLEAR,
        action::FILL,
        action::MODIFY,
        action::NONE,
        action::TRADE,
    ];
    assert!(actions.contains(&action), "action {action}");
    assert!([side::ASK, side::BID, side::NONE].contains(&side), "side {side}");
}

thread_local! {
    /// A file without a name, in memory where there is such a place.
    static FILE: File = {
        let made = tempfile::tempfile_in("/dev/shm").or_else(|_| tempfile::tempfile());
        made.expect("a temporary file")
    };
}

/// Calls `f` with the path of a file of these bytes, which no source may keep.
pub(crate) fn with_file<T>(bytes: &[u8], f: impl FnOnce(&Path) -> T) -> T {
    FILE.with(|file| {
        file.set_len(0).and_then(|()| file.write_all_at(bytes, 0)).expect("a writable file");
        f(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))
    })
}

/// Reads a source of these bytes to its end or its first error, as a feed does. Returns a hash of
/// what it gave.
///
/// # Panics
/// If it does not go on, or gives what it must not.
pub(crate) fn read<S: Source>(source: Result<S, Error>, bytes: &[u8]) -> Option<u64> {
    drain(source, bytes, true)
}

/// As [`read`], of a source that passes records on as they are.
pub(crate) fn read_passed<S: Source>(source: Result<S, Error>, bytes: &[u8]) -> Option<u64> {
    drain(source, bytes, false)
}

fn drain<S: Source>(source: Result<S, Error>, bytes: &[u8], is_made: bool) -> Option<u64> {
    let mut source = source.inspect_err(check_error).ok()?;
    let mut sink = Checked { is_made, ..Checked::new(source.kinds()) };
    let mut consumed = 0;
    for budget in BUDGETS.into_iter().cycle() {
        let _ = source.next_time_ns();
        match source.poll(&mut sink, budget) {
            Ok(Progress::Advanced(inputs)) => {
                assert!((1..=budget).contains(&inputs), "{inputs} inputs of {budget}");
                consumed += inputs;
            }
            Ok(Progress::Idle) => panic!("a file is never idle"),
            Ok(Progress::End) => {
                assert_eq!(source.poll(&mut sink, budget).expect("no error"), Progress::End);
                break;
            }
            Err(error) => {
                check_error(&error);
                break;
            }
        }
        if is_compressed(bytes) && consumed > MOST_COMPRESSED {
            break;
        }
        // Every input has a byte at least, so that a source that stands still is found here.
        assert!(is_compressed(bytes) || consumed <= bytes.len(), "{consumed} inputs");
    }
    let _ = source.report();
    sink.dbn.check().expect("a writable sink");
    Some(sink.hasher.finish())
}

fn check_error(error: &Error) {
    assert!(!error.to_string().is_empty() && !format!("{error:?}").is_empty());
}

/// Whether bytes are the start of what gzip or Zstandard writes.
fn is_compressed(bytes: &[u8]) -> bool {
    let is_skippable = bytes.get(1..4) == Some(&[0x2A, 0x4D, 0x18]);
    is_skippable
        || [&[0x1F, 0x8B][..], &[0x28, 0xB5, 0x2F, 0xFD]]
            .iter()
            .any(|magic| bytes.starts_with(magic))
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}
