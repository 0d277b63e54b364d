//! Which specifications make sense.

use super::{EmptyWindows, Mode, WindowKind, WindowSpec};
use crate::error::WindowError;

/// Most panes that may be open at once: bounds the memory per instrument.
pub(crate) const MOST_PANES: i64 = 4096;
/// Most trades of a count window: bounds the memory per instrument.
const MOST_TRADES: u32 = 1 << 24;

impl WindowSpec {
    /// For how long a window is kept after it has fired, in nanoseconds: for late trades, and for
    /// corrections.
    pub(crate) fn retention_ns(&self) -> u64 {
        self.lateness_ns.max(self.corrections.map_or(0, |corrections| corrections.horizon_ns))
    }

    /// Checks what the fields say together.
    ///
    /// # Errors
    ///
    /// [`WindowError::Spec`].
    pub(crate) fn check(&self) -> Result<(), WindowError> {
        self.check_kind()?;
        self.check_calendar()?;
        let is_timed =
            matches!(self.window, WindowKind::Tumbling { .. } | WindowKind::Hopping { .. });
        let is_counted = !is_timed && !matches!(self.window, WindowKind::Session { .. });
        let wrong = |field, expected: &'static str, found: String| {
            Err(WindowError::Spec { field, expected, found })
        };
        if self.empty != EmptyWindows::None && !is_timed {
            return wrong("empty", "none for windows without fixed times", text(&self.empty));
        }
        if self.mode == Mode::Discarding && self.corrections.is_some() {
            return wrong(
                "mode",
                "accumulating with corrections: they need what a window held",
                text(&self.mode),
            );
        }
        if self.lateness_ns > 0 && is_counted {
            return wrong(
                "lateness",
                "0 for windows in order of arrival, where nothing is late",
                format!("{} ns", self.lateness_ns),
            );
        }
        self.check_aggregates()
    }

    fn check_aggregates(&self) -> Result<(), WindowError> {
        let wrong = |field, expected: &'static str, found: String| {
            Err(WindowError::Spec { field, expected, found })
        };
        if self.ewma_shift > 32 {
            return wrong("ewma_shift", "at most 32", self.ewma_shift.to_string());
        }
        if let Some(corrections) = self.corrections
            && (corrections.log == 0 || corrections.log > 1 << 28)
        {
            return wrong(
                "corrections.log",
                "1 to 268,435,456 trades",
                corrections.log.to_string(),
            );
        }
        Ok(())
    }

    fn check_kind(&self) -> Result<(), WindowError> {
        let wrong = |field, expected, found| Err(WindowError::Spec { field, expected, found });
        match self.window {
            WindowKind::Tumbling { size_ns: 0, .. } | WindowKind::Hopping { size_ns: 0, .. } => {
                wrong("window.size", "at least 1 ns, such as 1s", "0 ns".to_owned())
            }
            WindowKind::Session { gap_ns: 0 } => {
                wrong("window.gap", "at least 1 ns, such as 30s", "0 ns".to_owned())
            }
            WindowKind::Tumbling { size_ns, .. } | WindowKind::Hopping { size_ns, .. }
                if i64::try_from(size_ns).is_err() =>
            {
                wrong("window.size", "at most 292 years", format!("{size_ns} ns"))
            }
            WindowKind::Tumbling { size_ns, .. } => self.check_open(size_ns, size_ns),
            WindowKind::Hopping { size_ns, hop_ns, .. } => {
                if hop_ns == 0 || hop_ns > size_ns {
                    return wrong(
                        "window.hop",
                        "1 ns up to the size of the window",
                        format!("{hop_ns} ns"),
                    );
                }
                self.check_open(size_ns, gcd(size_ns, hop_ns))
            }
            WindowKind::Session { gap_ns } if gap_ns > i64::MAX.cast_unsigned() => {
                wrong("window.gap", "at most 292 years", format!("{gap_ns} ns"))
            }
            WindowKind::Session { .. } => Ok(()),
            WindowKind::Count { size, slide } => {
                if size == 0 || size > MOST_TRADES {
                    return wrong("window.size", "1 to 16,777,216 trades", size.to_string());
                }
                if slide == 0 {
                    return wrong("window.slide", "at least 1 trade", slide.to_string());
                }
                Ok(())
            }
            WindowKind::Ticks { size }
            | WindowKind::Volume { size }
            | WindowKind::Value { size }
                if size == 0 =>
            {
                wrong("window.size", "at least 1", size.to_string())
            }
            WindowKind::Ticks { .. } | WindowKind::Volume { .. } | WindowKind::Value { .. } => {
                Ok(())
            }
        }
    }

    /// Checks that not too many panes are open at once. An unbounded delay is allowed: it says
    /// that watermarks come from heartbeats alone.
    fn check_open(&self, size_ns: u64, pane_ns: u64) -> Result<(), WindowError> {
        let delay_ns = if self.delay_ns == u64::MAX { 0 } else { self.delay_ns };
        let span_ns = u128::from(delay_ns) + u128::from(self.retention_ns()) + u128::from(size_ns);
        if span_ns.div_ceil(u128::from(pane_ns)) > MOST_PANES.cast_unsigned().into() {
            return Err(WindowError::Delay {
                delay_ns: self.delay_ns,
                retention_ns: self.retention_ns(),
                size_ns,
                pane_ns,
                most: MOST_PANES.cast_unsigned(),
            });
        }
        Ok(())
    }

    fn check_calendar(&self) -> Result<(), WindowError> {
        if self.calendar.is_empty() {
            return Ok(());
        }
        let wrong =
            |expected, found: String| Err(WindowError::Spec { field: "calendar", expected, found });
        if !matches!(self.window, WindowKind::Tumbling { offset_ns: 0, .. }) {
            return wrong("tumbling windows without an offset", "another kind".to_owned());
        }
        let mut last = i64::MIN;
        for session in &self.calendar {
            if session.open < last || session.close <= session.open {
                return wrong(
                    "sessions in ascending order, apart, each with its opening before its close",
                    format!("{} to {}", session.open, session.close),
                );
            }
            last = session.close;
        }
        Ok(())
    }
}

fn text(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").to_lowercase()
}

/// The greatest length of which both are multiples.
pub(crate) fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
