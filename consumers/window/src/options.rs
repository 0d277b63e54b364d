//! What windows there are.

use crate::error::WindowError;

/// How ticks are divided into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowOptions {
    /// Length of a window, in nanoseconds of event time.
    pub size_ns: u64,
    /// How far behind the highest event time the watermark stays, in nanoseconds: disorder up to
    /// this much makes nothing late.
    pub delay_ns: u64,
}

impl Default for WindowOptions {
    /// Windows of one second, no delay.
    fn default() -> Self {
        Self { size_ns: 1_000_000_000, delay_ns: 0 }
    }
}

/// Most windows that may be open at once: bounds the memory per instrument.
const MAX_OPEN: u64 = 4096;

impl WindowOptions {
    /// Windows that can be open at once, a power of two: the delay spans so many, and one more is
    /// being filled.
    ///
    /// # Errors
    ///
    /// [`WindowError::Size`] for a size of zero, [`WindowError::Delay`] if more than 4,096
    /// windows would be open.
    pub(crate) fn open_windows(&self) -> Result<u64, WindowError> {
        if self.size_ns == 0 {
            return Err(WindowError::Size);
        }
        let open = self.delay_ns.div_ceil(self.size_ns).saturating_add(1);
        if open > MAX_OPEN {
            return Err(WindowError::Delay {
                delay_ns: self.delay_ns,
                retention_ns: 0,
                size_ns: self.size_ns,
                pane_ns: self.size_ns,
                most: MAX_OPEN,
            });
        }
        Ok(open.next_power_of_two())
    }
}
