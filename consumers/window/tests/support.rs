//! What the tests of windows share.

use tickring::record::{BarStats, Late, UNDEF_PRICE, WindowBar};
use tickring_window::{Aggregate, Output, WindowSpec, WindowTrade, Windows};

/// Every aggregate.
pub(crate) const ALL: [Aggregate; 6] = [
    Aggregate::Twap,
    Aggregate::Realised,
    Aggregate::Ewma,
    Aggregate::Spread,
    Aggregate::Quantiles,
    Aggregate::Flow,
];

/// Everything that windows gave out, kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outputs {
    pub(crate) bars: Vec<WindowBar>,
    pub(crate) stats: Vec<BarStats>,
    pub(crate) late: Vec<Late>,
}

impl Outputs {
    pub(crate) fn take(&mut self, output: Output<'_>) {
        match output {
            Output::Bar(bar) => self.bars.push(*bar),
            Output::Stats(stats) => {
                let bar = self.bars.last().expect("a bar before its stats");
                assert_eq!(
                    (stats.start_ns, stats.end_ns, stats.revision, stats.header.instrument_id),
                    (bar.start_ns, bar.end_ns, bar.revision, bar.header.instrument_id)
                );
                self.stats.push(*stats);
            }
            Output::Late(late) => self.late.push(*late),
        }
    }

    /// Start and end of each bar, as numbers with a sign.
    pub(crate) fn spans(&self) -> Vec<(i64, i64)> {
        self.bars.iter().map(span).collect()
    }

    /// Start, revision and count of each bar.
    pub(crate) fn revisions(&self) -> Vec<(i64, u32, u64)> {
        self.bars.iter().map(|bar| (span(bar).0, bar.revision, bar.count)).collect()
    }

    /// The reasons of what is late.
    pub(crate) fn reasons(&self) -> Vec<u8> {
        self.late.iter().map(|late| late.reason).collect()
    }
}

pub(crate) fn span(bar: &WindowBar) -> (i64, i64) {
    (bar.start_ns.cast_signed(), bar.end_ns.cast_signed())
}

/// Windows and what they gave out.
pub(crate) struct Run {
    pub(crate) windows: Windows,
    pub(crate) outputs: Outputs,
}

impl Run {
    pub(crate) fn new(spec: &WindowSpec) -> Self {
        Self { windows: Windows::new(spec).unwrap(), outputs: Outputs::default() }
    }

    pub(crate) fn trade(&mut self, trade: &WindowTrade) {
        let Self { windows, outputs } = self;
        windows.trade(trade, &mut |output| outputs.take(output));
    }

    /// Trades of one instrument, all of size 1, at these times.
    pub(crate) fn trades_at(&mut self, times: &[i64]) {
        for ts in times {
            let seq = self.windows.counts().trades;
            self.trade(&trade(*ts, seq, 1));
        }
    }

    pub(crate) fn advance(&mut self, watermark: i64) {
        let Self { windows, outputs } = self;
        windows.advance(watermark, &mut |output| outputs.take(output));
    }

    pub(crate) fn finish(&mut self) -> &Outputs {
        let Self { windows, outputs } = self;
        windows.finish(&mut |output| outputs.take(output));
        let counts = windows.counts();
        assert_eq!(counts.trades, counts.accepted + counts.late);
        let late = counts.late + counts.untimed + counts.refused;
        assert_eq!(self.outputs.late.len() as u64, late, "all that is late is given out");
        assert_eq!(self.outputs.bars.len() as u64, counts.bars);
        &self.outputs
    }

    /// Goes on with windows that were restored from the state of these.
    pub(crate) fn reload(&mut self) {
        let mut state = Vec::new();
        self.windows.save(&mut state);
        let mut windows = Windows::new(self.windows.spec()).unwrap();
        windows.restore(&state).unwrap();
        let mut again = Vec::new();
        windows.save(&mut again);
        assert!(state == again, "a restored state is saved as it was");
        self.windows = windows;
    }
}

pub(crate) fn trade(ts_event_ns: i64, seq: u64, instrument_id: u32) -> WindowTrade {
    let price_e9 = i64::try_from(seq * 7 % 50).unwrap() - 10;
    let side = [b'A', b'B', b'N'][usize::try_from(seq % 3).unwrap()];
    let sequence = u32::try_from(seq).unwrap();
    WindowTrade {
        seq,
        publisher_id: 1,
        instrument_id,
        ts_event_ns,
        price_e9,
        size: seq % 9,
        side,
        sequence,
        ..WindowTrade::default()
    }
}

/// The integers of the bar of these trades, recomputed.
pub(crate) fn check_bar(bar: &WindowBar, trades: &[WindowTrade]) {
    let mut trades: Vec<&WindowTrade> = trades.iter().collect();
    trades.sort_by_key(|trade| (trade.ts_event_ns, trade.seq));
    assert_eq!(bar.count, trades.len() as u64, "{bar:?}");
    let size = |side: Option<u8>| -> u64 {
        trades.iter().filter(|t| side.is_none_or(|s| t.side == s)).map(|t| t.size).sum()
    };
    assert_eq!((bar.volume, bar.buy_volume, bar.sell_volume), {
        (size(None), size(Some(b'B')), size(Some(b'A')))
    });
    let notional: i128 = trades.iter().map(|t| i128::from(t.price_e9) * i128::from(t.size)).sum();
    assert_eq!(bar.notional(), notional);
    let prices = || trades.iter().map(|trade| trade.price_e9);
    let (Some(first), Some(last)) = (trades.first(), trades.last()) else {
        assert_eq!((bar.open, bar.high, bar.low, bar.close), {
            (UNDEF_PRICE, UNDEF_PRICE, UNDEF_PRICE, UNDEF_PRICE)
        });
        return;
    };
    assert_eq!((bar.open, bar.close), (first.price_e9, last.price_e9));
    assert_eq!((Some(bar.high), Some(bar.low)), (prices().max(), prices().min()));
    assert_eq!((bar.first_seq, bar.last_seq), (first.seq, last.seq));
}
