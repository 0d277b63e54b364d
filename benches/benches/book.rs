//! What an order costs a book that tells its best bid and offer after each, beside the plain way
//! to write one: a hash map of orders and two trees of levels.
//!
//! All figures are for one record. A session is replayed again and again into a book that has
//! seen it and was cleared; `copy` is the cost of the loop itself. The plain book has the standard
//! library's maps as they are.

use criterion::{Criterion, Throughput};
use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tickring::record::{Mbo, action, flag, side};
use tickring_producer::book::Book;
use tickring_producer::sink::tape::Tape;
use tickring_producer::source::Source;
use tickring_producer::source::dbn::DbnSource;
use tickring_producer::source::simulator::{Simulator, SimulatorOptions};

/// The session that the recorded data has, order by order.
const ESH4: &str = "dbn/nautilus/esh4-glbx-mdp3-20231225.mbo.dbn.zst";
/// Orders of the simulated market.
const SIMULATED: u64 = 100_000;
/// Inputs that are read at a time.
const BUDGET: usize = 1024;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .sample_size(30)
        .configure_from_args();
    match recorded() {
        Some(path) => {
            let source = DbnSource::open(&path).expect("the recorded session");
            compare(&mut criterion, "book/esh4", &orders(source));
        }
        None => println!("skipped: no {ESH4}; set TICKRING_DATA to where the recorded data is"),
    }
    let options = SimulatorOptions { count: Some(SIMULATED), ..SimulatorOptions::default() };
    let source = Simulator::new(&options).expect("options in range");
    compare(&mut criterion, "book/simulated", &orders(source));
    criterion.final_summary();
}

fn recorded() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("TICKRING_DATA").map_or_else(beside, PathBuf::from);
    Some(root.join(ESH4)).filter(|path| path.is_file())
}

fn orders(mut source: impl Source) -> Vec<Mbo> {
    let mut tape = Tape::default();
    while source.poll(&mut tape, BUDGET).expect("a readable source")
        != tickring_producer::source::Progress::End
    {}
    tape.of::<Mbo>()
}

fn compare(criterion: &mut Criterion, name: &str, orders: &[Mbo]) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(1));
    let best = |book: &Book| {
        let price = |level: Option<tickring_producer::book::Level>| level.map(|l| l.price);
        (price(book.best_bid()), price(book.best_ask()))
    };
    assert_eq!(
        replay(orders, Book::new, |book, order| {
            let _ = book.apply(order);
            best(book)
        }),
        replay(orders, Plain::default, |book, order| {
            book.apply(order);
            book.best()
        }),
        "both books are the same after every record"
    );
    group.bench_function("book", |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, orders, &mut Book::new(), Book::clear, |book, order| {
                let _ = black_box(book.apply(order));
                black_box(best(book));
            })
        });
    });
    group.bench_function("trees", |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, orders, &mut Plain::default(), Plain::clear, |book, order| {
                book.apply(order);
                black_box(book.best());
            })
        });
    });
    group.bench_function("copy", |bencher| {
        bencher.iter_custom(|iters| {
            time(iters, orders, &mut Vec::new(), Vec::clear, |seen: &mut Vec<Mbo>, order| {
                seen.clear();
                seen.push(*black_box(order));
            })
        });
    });
    group.finish();
}

/// Applies `iters` orders, in turns of the whole session, each to a cleared book that has seen all
/// of it, and says how long that took.
fn time<B>(
    iters: u64,
    orders: &[Mbo],
    book: &mut B,
    clear: impl Fn(&mut B),
    mut apply: impl FnMut(&mut B, &Mbo),
) -> Duration {
    orders.iter().for_each(|order| apply(book, order));
    let mut left = usize::try_from(iters).unwrap_or(usize::MAX);
    let mut elapsed = Duration::ZERO;
    while left > 0 {
        clear(book);
        let count = left.min(orders.len());
        let begin = Instant::now();
        for order in black_box(orders).iter().take(count) {
            apply(book, order);
        }
        elapsed += begin.elapsed();
        left -= count;
    }
    elapsed
}

/// Best bid and ask after a record.
type Best = (Option<i64>, Option<i64>);

/// What the book says after every record.
fn replay<B>(
    orders: &[Mbo],
    new: impl Fn() -> B,
    apply: impl Fn(&mut B, &Mbo) -> Best,
) -> Vec<Best> {
    let mut book = new();
    orders.iter().map(|order| apply(&mut book, order)).collect()
}

/// A book as one would write it first.
#[derive(Default)]
struct Plain {
    orders: HashMap<u64, (u8, i64, u32)>,
    bids: BTreeMap<i64, (u64, u32)>,
    asks: BTreeMap<i64, (u64, u32)>,
}

impl Plain {
    fn apply(&mut self, record: &Mbo) {
        let fills = record.action == action::FILL && record.flags & flag::LAST != 0;
        match record.action {
            action::ADD | action::MODIFY => {
                let order = (record.side, record.price, record.size);
                if let Some((side, price, size)) = self.orders.insert(record.order_id, order) {
                    self.take(side, price, size, true);
                }
                let level = self.side(record.side).entry(record.price).or_default();
                level.0 += u64::from(record.size);
                level.1 += 1;
            }
            _ if record.action == action::CANCEL || fills => {
                let Some((side, price, size)) = self.orders.get_mut(&record.order_id) else {
                    return;
                };
                let (side, price, taken) = (*side, *price, record.size.min(*size));
                *size -= taken;
                let gone = *size == 0;
                if gone {
                    self.orders.remove(&record.order_id);
                }
                self.take(side, price, taken, gone);
            }
            action::CLEAR => self.clear(),
            _ => {}
        }
    }

    fn clear(&mut self) {
        self.orders.clear();
        self.bids.clear();
        self.asks.clear();
    }

    fn take(&mut self, side: u8, price: i64, size: u32, gone: bool) {
        let levels = self.side(side);
        if let Some(level) = levels.get_mut(&price) {
            level.0 -= u64::from(size);
            level.1 -= u32::from(gone);
            if level.1 == 0 {
                levels.remove(&price);
            }
        }
    }

    fn side(&mut self, side: u8) -> &mut BTreeMap<i64, (u64, u32)> {
        if side == side::BID { &mut self.bids } else { &mut self.asks }
    }

    fn best(&self) -> Best {
        let price = |level: Option<(&i64, &(u64, u32))>| level.map(|(price, _)| *price);
        (price(self.bids.last_key_value()), price(self.asks.first_key_value()))
    }
}
