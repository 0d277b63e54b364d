//! What windows there are: the specification, as a struct and as TOML.
//!
//! ```toml
//! delay = "10ms"
//! lateness = "1s"
//! aggregates = ["twap", "quantiles"]
//!
//! [window]
//! kind = "hopping"
//! size = "10s"
//! hop = "1s"
//!
//! [corrections]
//! horizon = "5m"
//! log = 1_000_000
//! ```
//!
//! A duration is text such as `250ms`, `1m30s` or `1h`, or a whole number of nanoseconds.

mod check;
mod span;

pub(crate) use check::{MOST_PANES, gcd};

use crate::error::WindowError;
use serde::{Deserialize, Serialize};
use tickring::record::bar_stat;

/// How trades are divided into windows, when these are published, and what is in them.
///
/// # Examples
///
/// ```
/// use tickring_window::{WindowKind, WindowSpec};
///
/// let spec = WindowSpec::from_toml("delay = '10ms'\n[window]\nkind = 'tumbling'\nsize = '1s'")?;
/// assert_eq!(spec, WindowSpec { delay_ns: 10_000_000, ..WindowSpec::tumbling(1_000_000_000) });
/// assert_eq!(spec.hash(), WindowSpec::from_toml(&spec.canonical())?.hash());
/// # Ok::<(), tickring_window::WindowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowSpec {
    /// How far behind the highest event time of a source its watermark stays, in nanoseconds:
    /// disorder up to this much makes nothing late.
    #[serde(rename = "delay", with = "span", default)]
    pub delay_ns: u64,
    /// For how long a window that has fired still takes late trades, in nanoseconds of event time.
    #[serde(rename = "lateness", with = "span", default)]
    pub lateness_ns: u64,
    /// What has a watermark of its own.
    #[serde(default)]
    pub sources: Sources,
    /// What a window holds after it has fired.
    #[serde(default)]
    pub mode: Mode,
    /// What is published of windows without trades.
    #[serde(default)]
    pub empty: EmptyWindows,
    /// Further aggregates, published as [`BarStats`](tickring::record::BarStats).
    #[serde(default)]
    pub aggregates: Vec<Aggregate>,
    /// Distance of the sampling grid of TWAP, realised variance and EWMA, in nanoseconds;
    /// 0 chooses a 64th of the window, or 1 ms where windows have no length. The grid of a window
    /// has 64 points at most: the distance is doubled until it fits.
    #[serde(rename = "sampling", with = "span", default)]
    pub sampling_ns: u64,
    /// The weight of a new sample in the EWMA is 2 to the power of minus this.
    #[serde(default = "default_ewma_shift")]
    pub ewma_shift: u8,
    /// What the windows are.
    pub window: WindowKind,
    /// Which trades can be corrected, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrections: Option<Corrections>,
    /// Sessions, in ascending order and apart: windows begin at their opening, the last one ends
    /// at the close, and what lies outside belongs to no window. Without any, time has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calendar: Vec<Session>,
}

/// The kind of windows. Sizes are in nanoseconds of event time, or in what the name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum WindowKind {
    /// `[start, start + size)`, one behind the other.
    Tumbling {
        /// Length.
        #[serde(rename = "size", with = "span")]
        size_ns: u64,
        /// Windows begin at multiples of the size, plus this.
        #[serde(rename = "offset", with = "span::signed", default)]
        offset_ns: i64,
    },
    /// `[start, start + size)`, one beginning each hop; a trade belongs to several.
    Hopping {
        /// Length.
        #[serde(rename = "size", with = "span")]
        size_ns: u64,
        /// From one beginning to the next; not above the length.
        #[serde(rename = "hop", with = "span")]
        hop_ns: u64,
        /// Windows begin at multiples of the hop, plus this.
        #[serde(rename = "offset", with = "span::signed", default)]
        offset_ns: i64,
    },
    /// From the first trade of an instrument to a gap behind the last one, without such a gap in
    /// between.
    Session {
        /// Silence that ends a session.
        #[serde(rename = "gap", with = "span")]
        gap_ns: u64,
    },
    /// The last `size` trades of an instrument in order of arrival, every `slide` trades. Not
    /// bound to time: nothing is late. Further aggregates but the flow cost a pass over the window
    /// each time: slide by more than one there.
    Count {
        /// Trades of a window.
        size: u32,
        /// Trades from one window to the next.
        #[serde(default = "default_slide")]
        slide: u32,
    },
    /// So many trades of an instrument in order of arrival, one window behind the other.
    Ticks {
        /// Trades of a window.
        size: u64,
    },
    /// So much volume of an instrument in order of arrival: the trade that overfills a window is
    /// split.
    Volume {
        /// Quantity of a window.
        size: u64,
    },
    /// So much of price times quantity of an instrument in order of arrival: the trade that
    /// overfills a window is split at a whole quantity.
    Value {
        /// Price times quantity of a window, in whole units of the currency.
        size: u64,
    },
}

/// What has a watermark of its own; the watermark of the windows is the least of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sources {
    /// Each publisher_id.
    #[default]
    Publisher,
    /// Each channel of a publisher; records that name no channel move no watermark.
    Channel,
    /// The ring as a whole.
    Ring,
}

/// What a window holds after it has fired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Everything: a revision has the full contents.
    #[default]
    Accumulating,
    /// Nothing: a revision has what came since the one before (Flink's purging trigger).
    Discarding,
}

/// What is published of windows without trades, of each instrument once it was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyWindows {
    /// Nothing.
    #[default]
    None,
    /// A bar without trades and prices.
    Zero,
    /// A bar without trades whose prices are the last close.
    Carry,
}

/// An aggregate beyond those of every bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregate {
    /// Mean of the price over the sampling grid.
    Twap,
    /// Sum of squared steps of the price on the sampling grid.
    Realised,
    /// Exponentially weighted mean of the price on the sampling grid.
    Ewma,
    /// Count, sum, least and largest of ask less bid over the quotes.
    Spread,
    /// Quantiles of price and size.
    Quantiles,
    /// Bought less sold quantity.
    Flow,
}

impl Aggregate {
    /// The bit of [`bar_stat`].
    #[must_use]
    pub const fn bit(self) -> u32 {
        match self {
            Self::Twap => bar_stat::TWAP,
            Self::Realised => bar_stat::REALISED,
            Self::Ewma => bar_stat::EWMA,
            Self::Spread => bar_stat::SPREAD,
            Self::Quantiles => bar_stat::QUANTILES,
            Self::Flow => bar_stat::FLOW,
        }
    }
}

/// Which trades can be cancelled or amended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corrections {
    /// For how long a window that has fired can be corrected, in nanoseconds of event time.
    #[serde(rename = "horizon", with = "span")]
    pub horizon_ns: u64,
    /// Trades that are kept, at most; when there are more, the oldest is forgotten, and its
    /// window flagged. Memory: 80 bytes each.
    #[serde(default = "default_log")]
    pub log: u32,
}

/// One session of a calendar, `[open, close)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Opening, in nanoseconds since the Unix epoch, UTC.
    pub open: i64,
    /// Close, in nanoseconds since the Unix epoch, UTC.
    pub close: i64,
}

impl WindowSpec {
    /// Windows of this kind: no delay, no lateness, nothing else.
    #[must_use]
    pub fn new(window: WindowKind) -> Self {
        Self {
            delay_ns: 0,
            lateness_ns: 0,
            sources: Sources::default(),
            mode: Mode::default(),
            empty: EmptyWindows::default(),
            aggregates: Vec::new(),
            sampling_ns: 0,
            ewma_shift: default_ewma_shift(),
            window,
            corrections: None,
            calendar: Vec::new(),
        }
    }

    /// Tumbling windows of this length, in nanoseconds.
    #[must_use]
    pub fn tumbling(size_ns: u64) -> Self {
        Self::new(WindowKind::Tumbling { size_ns, offset_ns: 0 })
    }

    /// Reads a specification.
    ///
    /// # Errors
    ///
    /// [`WindowError::Toml`] for text of another form; what it says is checked by
    /// [`Windows::new`](crate::Windows::new).
    pub fn from_toml(text: &str) -> Result<Self, WindowError> {
        toml::from_str(text).map_err(|source| WindowError::Toml { source: Box::new(source) })
    }

    /// The one text of this specification: equal specifications have equal texts, whatever they
    /// were read from. It is TOML, and reads as this specification.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut spec = self.clone();
        spec.aggregates.sort_unstable();
        spec.aggregates.dedup();
        // Every value of the struct has a form in TOML.
        toml::to_string(&spec).unwrap_or_default()
    }

    /// A number that stands for [`canonical`](Self::canonical): FNV-1a of 64 bits.
    #[must_use]
    pub fn hash(&self) -> u64 {
        Self::hash_of(&self.canonical())
    }

    /// The hash of the specification that has this canonical text.
    pub(crate) fn hash_of(canonical: &str) -> u64 {
        canonical.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    /// The bits of the aggregates asked for.
    #[must_use]
    pub fn wanted(&self) -> u32 {
        self.aggregates.iter().fold(0, |bits, aggregate| bits | aggregate.bit())
    }
}

impl Default for WindowSpec {
    /// Tumbling windows of one second.
    fn default() -> Self {
        Self::tumbling(1_000_000_000)
    }
}

fn default_ewma_shift() -> u8 {
    3
}

fn default_slide() -> u32 {
    1
}

fn default_log() -> u32 {
    1 << 20
}
