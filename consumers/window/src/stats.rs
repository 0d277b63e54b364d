//! What a consumer has seen.

use crate::shared::Counts;
use hdrhistogram::Histogram;

/// What a consumer has seen.
#[derive(Clone, Debug)]
pub struct WindowStats {
    /// Records, trades, corrections, late ones and bars, those before the checkpoint included.
    pub counts: Counts,
    /// Records of the input that were overwritten before they were read.
    pub missed: u64,
    /// Restarts of the input's writer.
    pub restarts: u64,
    /// Records that died half written with the input's writer.
    pub tombstones: u64,
    /// Outputs of the replay behind a crash that stood in their ring already, equal to the byte.
    pub replayed: u64,
    /// How often outputs could not be continued exactly, because the input had lost what the
    /// replay needed. Behind such a break bars are flagged INCOMPLETE.
    pub output_epoch: u64,
    /// Outputs that were left out behind such a break because one of the same name stood.
    pub left_out: u64,
    /// Rings that the input had before, because the machine was started anew, of which the journals
    /// are read first.
    pub former_rings: u64,
    /// From publication of a tick to its having been applied, in nanoseconds; one in 64 at most
    /// is sampled, and the clock is that of the machine.
    pub latency_ns: Histogram<u64>,
}

impl WindowStats {
    pub(crate) fn new() -> Self {
        Self {
            counts: Counts::default(),
            missed: 0,
            restarts: 0,
            tombstones: 0,
            replayed: 0,
            output_epoch: 0,
            left_out: 0,
            former_rings: 0,
            latency_ns: histogram(),
        }
    }
}

/// From a nanosecond to a minute with three significant digits.
pub(crate) fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "fails for impossible bounds only, and these are fixed")]
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds are valid")
}
