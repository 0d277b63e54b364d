//! What windows give out.

use tickring::record::{BarStats, Late, WindowBar};

/// One output of the windows, in the order in which it happens.
///
/// Bars that become due together come in order of their end, then start, then instrument. A
/// [`Stats`](Self::Stats) follows right behind the bar that it belongs to, if aggregates were asked
/// for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Output<'a> {
    /// A window, or a revision of one.
    Bar(&'a WindowBar),
    /// Further aggregates of the bar before it.
    Stats(&'a BarStats),
    /// A trade or a correction that went into no window.
    Late(&'a Late),
}

/// Where outputs go: any closure that takes an [`Output`].
pub(crate) type Sink<'a> = dyn FnMut(Output<'_>) + 'a;
